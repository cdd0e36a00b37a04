/* Parameters and results of a remote method as bytes (JCRE 3.0.5, 8.3.4 and 8.3.5). */
#include "applet_vm/api/rmi_int.h"

#include <string.h>

#define NULL_ARRAY 0xFF

/* Type descriptors (JCVM 3.0.5, 6.9.1): a nibble; references have four more for the class. */
enum { T_VOID = 1, T_BOOLEAN, T_BYTE, T_SHORT, T_INT, T_REF, T_ARRAY = 0xA, T_REF_ARRAY = 0xE };
#define REF_NIBBLES 4

/* ---- Parameters ---- */

static uint8_t nibble(const struct mm_remote_method *m, size_t i)
{
    uint8_t byte = i < m->signature_n ? m->signature[i / 2] : 0;

    return i % 2 == 0 ? byte >> 4 : byte & 0xF;
}

static size_t type_len(uint8_t type)
{
    return type == T_REF || type == T_REF_ARRAY ? 1 + REF_NIBBLES : 1;
}

static size_t element_len(uint8_t type)
{
    return type == T_INT ? 4 : type == T_SHORT ? 2 : 1;
}

/* An array parameter: length, elements high byte first. */
static enum mm_rmi_fault take_array(struct mm_vm *vm, uint8_t type, struct mm_rd *rd,
                                    struct mm_rmi_call *call)
{
    uint8_t n = mm_rd_u8(rd);
    size_t size = element_len(type);
    const uint8_t *bytes;
    mm_ref array;

    if (rd->bad)
        return MM_RMI_NO_SIGNATURE;
    if (call->cell_n == MM_RMI_CELLS_MAX)
        return MM_RMI_NO_ROOM_IN;
    if (n == NULL_ARRAY) {
        call->cells[call->cell_n++] = MM_REF_NULL;
        return MM_RMI_FINE;
    }
    bytes = mm_rd_bytes(rd, n * size);
    if (rd->bad)
        return MM_RMI_NO_SIGNATURE;
    if (call->array_n == MM_RMI_ARRAYS_MAX)
        return MM_RMI_NO_ROOM_IN;
    array = mm_vm_new_global_array(vm, (uint8_t)(type - T_BOOLEAN + MM_TYPE_BOOLEAN_ARRAY), n);
    if (array == MM_REF_NULL)
        return MM_RMI_NO_ROOM_IN;
    call->arrays[call->array_n++] = array;
    call->cells[call->cell_n++] = array;
    for (uint8_t i = 0; i < n; i++) {
        uint8_t element[4];
        for (size_t k = 0; k < size; k++)
            element[k] = bytes[(i + 1) * size - 1 - k];
        if (mm_vm_array_write(vm, array, i, element, 1, false) != MM_RUN_OK)
            return MM_RMI_NO_ROOM_IN;
    }
    return MM_RMI_FINE;
}

static enum mm_rmi_fault take_value(uint8_t type, struct mm_rd *rd, struct mm_rmi_call *call)
{
    if (call->cell_n + 2 > MM_RMI_CELLS_MAX)
        return MM_RMI_NO_ROOM_IN;
    if (type == T_BOOLEAN)
        call->cells[call->cell_n++] = mm_rd_u8(rd) != 0;
    else if (type == T_BYTE)
        call->cells[call->cell_n++] = (uint16_t)(int8_t)mm_rd_u8(rd);
    else
        call->cells[call->cell_n++] = mm_rd_u16(rd);
    if (type == T_INT)
        call->cells[call->cell_n++] = mm_rd_u16(rd);
    return rd->bad ? MM_RMI_NO_SIGNATURE : MM_RMI_FINE;
}

/* All parameters; the last type of a signature is the result's. */
enum mm_rmi_fault mm_rmi_take_parameters(struct mm_vm *vm, const struct mm_remote_method *m,
                                         struct mm_rd *rd, struct mm_rmi_call *call)
{
    enum mm_rmi_fault fault = MM_RMI_FINE;
    size_t i = 0;

    while (fault == MM_RMI_FINE && i + type_len(nibble(m, i)) < m->signature_n) {
        uint8_t type = nibble(m, i);
        i += type_len(type);
        if (type >= T_BOOLEAN && type <= T_INT)
            fault = take_value(type, rd, call);
        else if (type >= T_ARRAY && type < T_REF_ARRAY)
            fault = take_array(vm, (uint8_t)(type - T_ARRAY + T_BOOLEAN), rd, call);
        else
            fault = MM_RMI_NO_SIGNATURE;
    }
    call->result = nibble(m, i);
    if (fault == MM_RMI_FINE && mm_rd_left(rd) != 0)
        fault = MM_RMI_NO_SIGNATURE;
    return fault;
}

/* ---- Results ---- */

static enum mm_run put_array(struct mm_vm *vm, uint8_t type, mm_ref array, struct mm_buf *out,
                             enum mm_rmi_fault *fault)
{
    struct mm_obj_info info;
    size_t size = element_len(type);
    const uint8_t *data;
    enum mm_run run;

    if (array == MM_REF_NULL) {
        mm_buf_u8(out, NULL_ARRAY);
        return MM_RUN_OK;
    }
    if (!mm_vm_object(vm, array, &info))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    run = mm_vm_array(vm, array, info.array_type, 0, info.n, &data);
    if (run != MM_RUN_OK)
        return run;
    if (info.n * size > MM_RMI_RESPONSE_MAX || info.n >= NULL_ARRAY) {
        *fault = MM_RMI_NO_ROOM_OUT;
        return MM_RUN_OK;
    }
    mm_buf_u8(out, (uint8_t)info.n);
    for (size_t i = 0; i < info.n; i++) {
        for (size_t k = size; k-- > 0;)
            mm_buf_u8(out, data[i * size + k]);
    }
    return MM_RUN_OK;
}

enum mm_run mm_rmi_put_result(struct mm_vm *vm, mm_ref service, uint8_t type, const uint16_t ret[2],
                              struct mm_buf *out, enum mm_rmi_fault *fault)
{
    mm_buf_u8(out, MM_RMI_NORMAL);
    if (type == T_VOID)
        return MM_RUN_OK;
    if (type == T_REF)
        return mm_rmi_put_reference(vm, service, ret[0], out, fault);
    if (type >= T_ARRAY && type < T_REF_ARRAY)
        return put_array(vm, (uint8_t)(type - T_ARRAY + T_BOOLEAN), ret[0], out, fault);
    if (type == T_BOOLEAN)
        mm_buf_u8(out, ret[0] & 1);
    else if (type == T_BYTE)
        mm_buf_u8(out, (uint8_t)ret[0]);
    else
        mm_buf_u16(out, ret[0]);
    if (type == T_INT)
        mm_buf_u16(out, ret[1]);
    return MM_RUN_OK;
}

/* Exception types (8.3.5.2), subclasses before what they extend. */
static const struct {
    uint8_t type;
    const char *name;
} exceptions[] = {
    {0x01, "java/lang/ArithmeticException"},
    {0x02, "java/lang/ArrayIndexOutOfBoundsException"},
    {0x03, "java/lang/ArrayStoreException"},
    {0x04, "java/lang/ClassCastException"},
    {0x06, "java/lang/IndexOutOfBoundsException"},
    {0x07, "java/lang/NegativeArraySizeException"},
    {0x08, "java/lang/NullPointerException"},
    {0x0A, "java/lang/SecurityException"},
    {0x0C, "java/rmi/RemoteException"},
    {0x0B, "java/io/IOException"},
    {0x20, "javacard/framework/APDUException"},
    {0x23, "javacard/framework/ISOException"},
    {0x24, "javacard/framework/PINException"},
    {0x25, "javacard/framework/SystemException"},
    {0x26, "javacard/framework/TransactionException"},
    {0x27, "javacard/framework/UserException"},
    {0x30, "javacard/security/CryptoException"},
    {0x40, "javacard/framework/service/ServiceException"},
    {0x50, "javacardx/biometry/BioException"},
    {0x60, "javacardx/external/ExternalException"},
    {0x70, "javacardx/framework/tlv/TLVException"},
    {0x80, "javacardx/framework/util/UtilException"},
    {0x22, "javacard/framework/CardRuntimeException"},
    {0x21, "javacard/framework/CardException"},
    {0x09, "java/lang/RuntimeException"},
    {0x05, "java/lang/Exception"},
    {0x00, "java/lang/Throwable"},
};

void mm_rmi_put_exception(struct mm_vm *vm, struct mm_buf *out)
{
    struct mm_exception e = *mm_vm_exception(vm);
    struct mm_obj_info info = {0};
    size_t i = 0;
    bool exact;

    while (i < sizeof(exceptions) / sizeof(exceptions[0]) - 1 &&
           !mm_vm_instance_of(vm, e.ref, exceptions[i].name))
        i++;
    exact = mm_vm_object(vm, e.ref, &info) && info.class_package == 0 &&
            strcmp(e.class_name, exceptions[i].name) == 0;
    mm_buf_u8(out, exact ? MM_RMI_EXCEPTION : MM_RMI_SUBCLASS);
    mm_buf_u8(out, exceptions[i].type);
    mm_buf_u16(out, e.reason);
}
