/*
 * Java Card RMI (JCRE 3.0.5, chapter 8): RMIService and CardRemoteObject.
 *
 * SELECT answers   6F len 6E len 5E len  0202  invoke_ins  response with the initial reference
 * INVOKE is        80 invoke_ins 02 02 Lc  object_id method_id parameters
 * and answers a response:
 *   81 value                normal; nothing for void
 *   82 type reason, 83 ...  an exception of the API; 83: of the applet, type and reason of its
 *                           nearest superclass in the API
 *   99 detail               what could not be done
 *
 * An object's identifier is its handle. A client can call the objects that this service told it of
 * since the SELECT: they are listed in CLEAR_ON_DESELECT memory.
 */
#include "applet_vm/api/service_int.h"

#include <string.h>

#define RMI_CLASS    "javacard/framework/service/RMIService"
#define DEFAULT_INS  0x38
#define RMI_VERSION  0x0202
#define TYPE_REFS    14
#define NULL_ID      0xFFFF
#define NULL_ARRAY   0xFF
#define RESPONSE_MAX 256
#define ARRAYS_MAX   8 /* array parameters of one call */
#define CELLS_MAX    64

#define SELECT_INS        0xA4
#define SELECT_P1_AID     0x04
#define SELECT_INTERFACES 0x10 /* P2: references by interfaces */

enum { TAG_NORMAL = 0x81, TAG_EXCEPTION = 0x82, TAG_SUBCLASS = 0x83, TAG_ERROR = 0x99 };
enum fault {
    FINE = 0,
    NO_OBJECT = 1,
    NO_METHOD = 2,
    NO_SIGNATURE = 3,
    NO_ROOM_IN = 4,
    NO_ROOM_OUT = 5,
    PROTOCOL = 6
};

/* Type descriptors (JCVM 3.0.5, 6.9.1): a nibble; references have four more for the class. */
enum { T_VOID = 1, T_BOOLEAN, T_BYTE, T_SHORT, T_INT, T_REF, T_ARRAY = 0xA, T_REF_ARRAY = 0xE };
#define REF_NIBBLES 4

/* Hidden cells: the initial object, the session, the objects it knows; the instruction byte for the
 * next SELECT. The objects are references, so that none is collected while a client may call it. */
enum { RMI_INITIAL, RMI_SESSION, RMI_OBJECTS, RMI_INS, RMI_CELLS };
/* Elements of the session, a short array. */
enum { SE_ACTIVE, SE_INS, SE_INTERFACES, SE_N, SE_END };
#define SESSION_OBJECTS 32

/* ---- Exporting ---- */

/* export(obj), unexport(obj): of the caller's own, which an entry point of the JCRE's is not. */
static enum mm_run export(struct mm_vm *vm, mm_ref obj, bool exported) {
    struct mm_api *api = mm_api_of(vm); struct mm_obj_info info;
    enum mm_run run = mm_vm_access(vm, obj);

    if (run == MM_RUN_OK && mm_vm_context(vm) != 0 && mm_vm_object(vm, obj, &info) &&
        mm_vm_context_of(vm, info.owner) != mm_vm_context(vm))
        run = mm_vm_throw(vm, "java/lang/SecurityException", 0);
    if (run == MM_RUN_OK) run = mm_vm_export(vm, obj, exported);
    if (run == MM_RUN_OK && exported && mm_tx_active(mm_vm_nvm(vm)))
        api->fresh[api->fresh_n++ % MM_API_FRESH] =
        (struct mm_api_fresh){.ref = obj, .entry = mm_vm_entries(vm)};
    return run;
}

enum mm_run mm_n_remote_export(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return export(vm, args[0], true);
}

enum mm_run mm_n_remote_unexport(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return export(vm, args[0], false);
}

/* Exported in a transaction that goes on. */
static bool is_fresh(struct mm_vm *vm, mm_ref obj)
{
    const struct mm_api *api = mm_api_of(vm);

    for (size_t i = 0; i < MM_API_FRESH; i++) {
        if (api->fresh[i].ref == obj && api->fresh[i].entry == mm_vm_entries(vm))
            return mm_tx_active(mm_vm_nvm(vm));
    }
    return false;
}

/* ---- The service's session ---- */

static mm_ref cell(struct mm_vm *vm, mm_ref service, uint8_t which)
{
    return mm_vm_hidden(vm, service, RMI_CLASS, which);
}

enum mm_run mm_n_rmi_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t cells[RMI_CELLS] = {args[1], 0, 0, DEFAULT_INS};
    enum mm_run run = mm_vm_access(vm, args[1]);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    cells[RMI_SESSION] = mm_vm_new_array(vm, MM_TYPE_SHORT_ARRAY, SE_END, MM_CLEAR_ON_DESELECT);
    cells[RMI_OBJECTS] = mm_vm_new_array(vm, TYPE_REFS, SESSION_OBJECTS, MM_CLEAR_ON_DESELECT);
    if (cells[RMI_SESSION] == MM_REF_NULL || cells[RMI_OBJECTS] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
    return mm_vm_hidden_put(vm, args[0], RMI_CLASS, cells, RMI_CELLS);
}

enum mm_run mm_n_rmi_set_ins(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_hidden_set(vm, args[0], RMI_CLASS, RMI_INS, args[1] & 0xFF, false);
}

/* Throws SecurityException when the applet is not the selected one. */
static enum mm_run get(struct mm_vm *vm, mm_ref service, size_t i, uint16_t *value)
{
    const uint8_t *data;
    enum mm_run run =
        mm_vm_array(vm, cell(vm, service, RMI_SESSION), MM_TYPE_SHORT_ARRAY, (int32_t)i, 1, &data);

    *value = 0;
    if (run == MM_RUN_OK)
        memcpy(value, data, 2);
    return run;
}

static enum mm_run set(struct mm_vm *vm, mm_ref service, size_t i, uint16_t value)
{
    return mm_vm_array_write(vm, cell(vm, service, RMI_SESSION), (uint16_t)i, &value, 1, false);
}

static enum mm_run listed(struct mm_vm *vm, mm_ref service, mm_ref obj, bool *yes)
{
    uint16_t n, known = MM_REF_NULL;
    bool is_ref;
    enum mm_run run = get(vm, service, SE_N, &n);

    *yes = false;
    for (uint16_t i = 0; run == MM_RUN_OK && i < n && !*yes; i++)
        *yes =
            mm_vm_peek_cell(vm, cell(vm, service, RMI_OBJECTS), i, &known, &is_ref) && known == obj;
    return run;
}

/* Once told of, an object stays callable until the session ends. */
static enum mm_run list(struct mm_vm *vm, mm_ref service, mm_ref obj, enum fault *fault)
{
    bool there;
    uint16_t n;
    enum mm_run run = listed(vm, service, obj, &there);

    if (run != MM_RUN_OK || there)
        return run;
    run = get(vm, service, SE_N, &n);
    if (run == MM_RUN_OK && n == SESSION_OBJECTS) {
        *fault = NO_ROOM_OUT;
        return MM_RUN_OK;
    }
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, cell(vm, service, RMI_OBJECTS), n, &obj, 1, false);
    return run == MM_RUN_OK ? set(vm, service, SE_N, (uint16_t)(n + 1)) : run;
}

/* ---- Writing ---- */

static void put_name(struct mm_buf *out, struct mm_cap_name name)
{
    mm_buf_u8(out, (uint8_t)name.n);
    mm_buf_bytes(out, name.s, name.n);
}

/* By interfaces: the name of a package is left empty when it is that of the one before. */
static void put_interfaces(struct mm_vm *vm, mm_ref obj, const struct mm_remote_class *cls,
                           struct mm_buf *out)
{
    struct mm_cap_name before = {NULL, 0}, package, name, same = {NULL, 0};

    mm_buf_u8(out, (uint8_t)cls->interface_n);
    for (size_t i = 0; i < cls->interface_n; i++) {
        if (!mm_vm_remote_interface(vm, obj, i, &package, &name))
            break;
        if (i > 0 && package.n == before.n && memcmp(package.s, before.s, package.n) == 0)
            put_name(out, same);
        else
            put_name(out, package);
        put_name(out, name);
        before = package;
    }
}

/* A remote reference descriptor (8.3.2). */
static enum mm_run put_reference(struct mm_vm *vm, mm_ref service, mm_ref obj, struct mm_buf *out,
                                 enum fault *fault)
{
    struct mm_remote_class cls;
    uint16_t by_interfaces;
    enum mm_run run;

    if (obj == MM_REF_NULL) {
        mm_buf_u16(out, NULL_ID);
        return MM_RUN_OK;
    }
    run = mm_vm_access(vm, obj);
    if (run == MM_RUN_OK)
        run = get(vm, service, SE_INTERFACES, &by_interfaces);
    if (run != MM_RUN_OK)
        return run;
    if (!mm_vm_exported(vm, obj))
        return mm_service_failed(vm, MM_SERVICE_NOT_EXPORTED);
    if (is_fresh(vm, obj))
        return mm_vm_throw(vm, "javacard/framework/TransactionException", 1);
    if (obj == NULL_ID || !mm_vm_remote_class(vm, obj, &cls)) {
        *fault = NO_OBJECT;
        return MM_RUN_OK;
    }
    mm_buf_u16(out, obj);
    put_name(out, cls.modifier);
    if (by_interfaces != 0) {
        put_interfaces(vm, obj, &cls, out);
    } else {
        put_name(out, cls.package);
        put_name(out, cls.name);
    }
    return list(vm, service, obj, fault);
}

static void put_error(struct mm_buf *out, size_t from, enum fault fault)
{
    out->len = from;
    mm_buf_u8(out, TAG_ERROR);
    mm_buf_u16(out, (uint16_t)fault);
}

/* Into the APDU buffer as the Common Service Format has it. */
static enum mm_run answer(struct mm_vm *vm, const uint16_t *args, struct mm_buf *out, uint16_t *ret)
{
    const uint16_t length[] = {args[0], args[1], (uint16_t)out->len};
    enum mm_run run = mm_n_service_succeed(vm, args, ret);

    if (out->bad)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    if (run == MM_RUN_OK)
        run = mm_n_service_set_output_length(vm, length, ret);
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, mm_api_of(vm)->apdu.buffer, MM_SERVICE_DATA, out->data,
                                (uint16_t)out->len, false);
    ret[0] = 1;
    return run;
}

/* ---- SELECT (8.4.1) ---- */

static enum mm_run begin_session(struct mm_vm *vm, mm_ref service, bool by_interfaces)
{
    uint16_t before;
    enum mm_run run = get(vm, service, SE_ACTIVE, &before); /* the firewall's word */

    if (run == MM_RUN_OK)
        run = set(vm, service, SE_ACTIVE, 1);
    if (run == MM_RUN_OK)
        run = set(vm, service, SE_INS, cell(vm, service, RMI_INS));
    if (run == MM_RUN_OK)
        run = set(vm, service, SE_INTERFACES, by_interfaces);
    return run == MM_RUN_OK ? set(vm, service, SE_N, 0) : run;
}

/* Lengths are one byte each and say what is behind them. */
static void put_fci(struct mm_buf *out, uint8_t ins, const struct mm_buf *initial)
{
    size_t n = 3 + initial->len;

    mm_buf_u8(out, 0x6F);
    mm_buf_u8(out, (uint8_t)(n + 4));
    mm_buf_u8(out, 0x6E);
    mm_buf_u8(out, (uint8_t)(n + 2));
    mm_buf_u8(out, 0x5E);
    mm_buf_u8(out, (uint8_t)n);
    mm_buf_u16(out, RMI_VERSION);
    mm_buf_u8(out, ins);
    mm_buf_bytes(out, initial->data, initial->len);
}

static enum mm_run answer_select(struct mm_vm *vm, const uint16_t *args, uint8_t p2, uint16_t *ret)
{
    struct mm_buf initial, out;
    enum fault fault = FINE;
    enum mm_run run = begin_session(vm, args[0], (p2 & SELECT_INTERFACES) != 0);

    mm_buf_init(&initial);
    mm_buf_init(&out);
    mm_buf_u8(&initial, TAG_NORMAL);
    if (run == MM_RUN_OK && !mm_vm_exported(vm, cell(vm, args[0], RMI_INITIAL)))
        fault = NO_OBJECT;
    else if (run == MM_RUN_OK)
        run = put_reference(vm, args[0], cell(vm, args[0], RMI_INITIAL), &initial, &fault);
    if (fault == FINE && 3 + initial.len + 4 > UINT8_MAX)
        fault = NO_ROOM_OUT;
    if (fault != FINE)
        put_error(&initial, 0, fault);
    put_fci(&out, (uint8_t)cell(vm, args[0], RMI_INS), &initial);
    if (run == MM_RUN_OK)
        run = answer(vm, args, &out, ret);
    mm_buf_clear(&initial);
    mm_buf_clear(&out);
    return run;
}

/* ---- INVOKE: parameters ---- */

struct call {
    uint16_t cells[CELLS_MAX];
    size_t cell_n;
    mm_ref arrays[ARRAYS_MAX]; /* global arrays, to be given back */
    size_t array_n;
    uint8_t result; /* type nibble */
};

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
static enum fault take_array(struct mm_vm *vm, uint8_t type, struct mm_rd *rd, struct call *call)
{
    uint8_t n = mm_rd_u8(rd);
    size_t size = element_len(type);
    const uint8_t *bytes;
    mm_ref array;

    if (rd->bad || call->cell_n == CELLS_MAX)
        return NO_SIGNATURE;
    if (n == NULL_ARRAY) {
        call->cells[call->cell_n++] = MM_REF_NULL;
        return FINE;
    }
    bytes = mm_rd_bytes(rd, n * size);
    if (rd->bad)
        return NO_SIGNATURE;
    if (call->array_n == ARRAYS_MAX)
        return NO_ROOM_IN;
    array = mm_vm_new_global_array(vm, (uint8_t)(type - T_BOOLEAN + MM_TYPE_BOOLEAN_ARRAY), n);
    if (array == MM_REF_NULL)
        return NO_ROOM_IN;
    call->arrays[call->array_n++] = array;
    call->cells[call->cell_n++] = array;
    for (uint8_t i = 0; i < n; i++) {
        uint8_t element[4];
        for (size_t k = 0; k < size; k++)
            element[k] = bytes[(i + 1) * size - 1 - k];
        if (mm_vm_array_write(vm, array, i, element, 1, false) != MM_RUN_OK)
            return NO_ROOM_IN;
    }
    return FINE;
}

static enum fault take_value(uint8_t type, struct mm_rd *rd, struct call *call)
{
    if (call->cell_n + 2 > CELLS_MAX)
        return NO_SIGNATURE;
    if (type == T_BOOLEAN)
        call->cells[call->cell_n++] = mm_rd_u8(rd) != 0;
    else if (type == T_BYTE)
        call->cells[call->cell_n++] = (uint16_t)(int8_t)mm_rd_u8(rd);
    else
        call->cells[call->cell_n++] = mm_rd_u16(rd);
    if (type == T_INT)
        call->cells[call->cell_n++] = mm_rd_u16(rd);
    return rd->bad ? NO_SIGNATURE : FINE;
}

/* All parameters; the last type of a signature is the result's. */
static enum fault take_parameters(struct mm_vm *vm, const struct mm_remote_method *m,
                                  struct mm_rd *rd, struct call *call)
{
    enum fault fault = FINE;
    size_t i = 0;

    while (fault == FINE && i + type_len(nibble(m, i)) < m->signature_n) {
        uint8_t type = nibble(m, i);
        i += type_len(type);
        if (type >= T_BOOLEAN && type <= T_INT)
            fault = take_value(type, rd, call);
        else if (type >= T_ARRAY && type < T_REF_ARRAY)
            fault = take_array(vm, (uint8_t)(type - T_ARRAY + T_BOOLEAN), rd, call);
        else
            fault = NO_SIGNATURE;
    }
    call->result = nibble(m, i);
    if (fault == FINE && mm_rd_left(rd) != 0)
        fault = NO_SIGNATURE;
    return fault;
}

/* ---- INVOKE: results ---- */

static enum mm_run put_array(struct mm_vm *vm, uint8_t type, mm_ref array, struct mm_buf *out,
                             enum fault *fault)
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
    if (info.n * size > RESPONSE_MAX || info.n >= NULL_ARRAY) {
        *fault = NO_ROOM_OUT;
        return MM_RUN_OK;
    }
    mm_buf_u8(out, (uint8_t)info.n);
    for (size_t i = 0; i < info.n; i++) {
        for (size_t k = size; k-- > 0;)
            mm_buf_u8(out, data[i * size + k]);
    }
    return MM_RUN_OK;
}

static enum mm_run put_result(struct mm_vm *vm, mm_ref service, uint8_t type, const uint16_t ret[2],
                              struct mm_buf *out, enum fault *fault)
{
    mm_buf_u8(out, TAG_NORMAL);
    if (type == T_VOID)
        return MM_RUN_OK;
    if (type == T_REF)
        return put_reference(vm, service, ret[0], out, fault);
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

static void put_exception(struct mm_vm *vm, struct mm_buf *out)
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
    mm_buf_u8(out, exact ? TAG_EXCEPTION : TAG_SUBCLASS);
    mm_buf_u8(out, exceptions[i].type);
    mm_buf_u16(out, e.reason);
}

/* ---- INVOKE (8.4.2) ---- */

/* The call of a method that was found. */
static enum mm_run call_method(struct mm_vm *vm, mm_ref service, mm_ref obj,
                               const struct mm_remote_method *m, struct mm_rd *rd,
                               struct mm_buf *out, enum fault *fault)
{
    struct call call = {.cell_n = 0};
    uint16_t result[2] = {0};
    enum mm_run run = MM_RUN_OK;
    bool allowed;

    *fault = take_parameters(vm, m, rd, &call);
    allowed = mm_vm_access(vm, obj) == MM_RUN_OK;
    if (!allowed)
        run = MM_RUN_THROWN; /* the firewall's, not the method's */
    if (*fault == FINE && allowed) {
        run = mm_vm_invoke_virtual(vm, obj, m->token, call.cells, call.cell_n, result);
        if (run == MM_RUN_OK) {
            run = put_result(vm, service, call.result, result, out, fault);
        } else if (run == MM_RUN_THROWN) {
            put_exception(vm, out);
            run = MM_RUN_OK;
        }
    }
    for (size_t i = 0; i < call.array_n; i++)
        mm_vm_global_array_free(vm, call.arrays[i]);
    return run;
}

static enum mm_run invoke(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint8_t data[MM_APDU_BUFFER_LEN];
    const uint8_t *buffer;
    struct mm_remote_method m;
    struct mm_rd rd;
    struct mm_buf out;
    enum fault fault = FINE;
    bool known = false;
    mm_ref obj;
    uint16_t len = 0;
    enum mm_run run = mm_n_service_receive(vm, args, &len);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, 0, MM_SERVICE_DATA + len, &buffer);
    if (run != MM_RUN_OK)
        return run;
    memcpy(data, buffer + MM_SERVICE_DATA, len);
    mm_rd_init(&rd, data, len);
    obj = mm_rd_u16(&rd);
    mm_buf_init(&out);
    if (mm_be16(buffer + 2) != RMI_VERSION || len < 4)
        fault = PROTOCOL;
    if (fault == FINE)
        run = listed(vm, args[0], obj, &known);
    if (run == MM_RUN_OK && fault == FINE && !known)
        fault = NO_OBJECT;
    if (run == MM_RUN_OK && fault == FINE && !mm_vm_remote_method(vm, obj, mm_rd_u16(&rd), &m))
        fault = NO_METHOD;
    if (run == MM_RUN_OK && fault == FINE)
        run = call_method(vm, args[0], obj, &m, &rd, &out, &fault);
    if (fault == FINE && out.len > RESPONSE_MAX)
        fault = NO_ROOM_OUT;
    if (fault != FINE)
        put_error(&out, 0, fault);
    if (run == MM_RUN_OK)
        run = answer(vm, args, &out, ret);
    mm_buf_clear(&out);
    return run;
}

enum mm_run mm_n_rmi_process_command(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint16_t selecting = 0, ins = 0, active = 0;
    const uint8_t *head;
    uint8_t p2;
    enum mm_run run =
        args[1] == MM_REF_NULL ? mm_api_null(vm) : mm_n_service_selecting(vm, args, &selecting);

    ret[0] = 0;
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, 0, MM_SERVICE_DATA, &head);
    if (run != MM_RUN_OK)
        return run;
    p2 = head[3];
    if ((selecting & 1) != 0) {
        if (head[1] != SELECT_INS || head[2] != SELECT_P1_AID)
            return MM_RUN_OK;
        run = mm_n_service_receive(vm, args, ret);
        return run == MM_RUN_OK ? answer_select(vm, args, p2, ret) : run;
    }
    if ((head[0] & 0x80) == 0)
        return MM_RUN_OK;
    run = get(vm, args[0], SE_ACTIVE, &active);
    if (run == MM_RUN_OK)
        run = get(vm, args[0], SE_INS, &ins);
    if (run != MM_RUN_OK || active == 0 || head[1] != ins)
        return run;
    return invoke(vm, args, ret);
}
