/*
 * What a client of an RMIService may call: the objects that the service told it of since the SELECT.
 * They are listed in CLEAR_ON_DESELECT memory. An object's identifier is its handle.
 */
#include "applet_vm/api/rmi_int.h"

#include <string.h>

#define DEFAULT_INS 0x38
#define TYPE_REFS   14

/* Elements of the session, a short array. */
enum { SE_ACTIVE, SE_INS, SE_INTERFACES, SE_N, SE_END };
#define SESSION_OBJECTS 32

mm_ref mm_rmi_cell(struct mm_vm *vm, mm_ref service, uint8_t which)
{
    return mm_vm_hidden(vm, service, MM_RMI_CLASS, which);
}

enum mm_run mm_n_rmi_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t cells[MM_RMI_CELLS] = {args[1], 0, 0, DEFAULT_INS};
    enum mm_run run = mm_vm_access(vm, args[1]);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    cells[MM_RMI_SESSION] = mm_vm_new_array(vm, MM_TYPE_SHORT_ARRAY, SE_END, MM_CLEAR_ON_DESELECT);
    cells[MM_RMI_OBJECTS] = mm_vm_new_array(vm, TYPE_REFS, SESSION_OBJECTS, MM_CLEAR_ON_DESELECT);
    if (cells[MM_RMI_SESSION] == MM_REF_NULL || cells[MM_RMI_OBJECTS] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
    return mm_vm_hidden_put(vm, args[0], MM_RMI_CLASS, cells, MM_RMI_CELLS);
}

enum mm_run mm_n_rmi_set_ins(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_hidden_set(vm, args[0], MM_RMI_CLASS, MM_RMI_INS, args[1] & 0xFF, false);
}

/* Throws SecurityException when the applet is not the selected one. */
static enum mm_run get(struct mm_vm *vm, mm_ref service, size_t i, uint16_t *value)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_array(vm, mm_rmi_cell(vm, service, MM_RMI_SESSION), MM_TYPE_SHORT_ARRAY,
                                  (int32_t)i, 1, &data);

    *value = 0;
    if (run == MM_RUN_OK)
        memcpy(value, data, 2);
    return run;
}

static enum mm_run set(struct mm_vm *vm, mm_ref service, size_t i, uint16_t value)
{
    return mm_vm_array_write(vm, mm_rmi_cell(vm, service, MM_RMI_SESSION), (uint16_t)i, &value, 1,
                             false);
}

enum mm_run mm_rmi_knows(struct mm_vm *vm, mm_ref service, mm_ref obj, bool *yes)
{
    uint16_t n, known = MM_REF_NULL;
    bool is_ref;
    enum mm_run run = get(vm, service, SE_N, &n);

    *yes = false;
    for (uint16_t i = 0; run == MM_RUN_OK && i < n && !*yes; i++)
        *yes = mm_vm_peek_cell(vm, mm_rmi_cell(vm, service, MM_RMI_OBJECTS), i, &known, &is_ref) &&
               known == obj;
    return run;
}

/* Once told of, an object stays callable until the session ends. */
static enum mm_run list(struct mm_vm *vm, mm_ref service, mm_ref obj, enum mm_rmi_fault *fault)
{
    bool there;
    uint16_t n;
    enum mm_run run = mm_rmi_knows(vm, service, obj, &there);

    if (run != MM_RUN_OK || there)
        return run;
    run = get(vm, service, SE_N, &n);
    if (run == MM_RUN_OK && n == SESSION_OBJECTS) {
        *fault = MM_RMI_NO_ROOM_OUT;
        return MM_RUN_OK;
    }
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, mm_rmi_cell(vm, service, MM_RMI_OBJECTS), n, &obj, 1, false);
    return run == MM_RUN_OK ? set(vm, service, SE_N, (uint16_t)(n + 1)) : run;
}

enum mm_run mm_rmi_session_begin(struct mm_vm *vm, mm_ref service, bool by_interfaces)
{
    uint16_t before;
    enum mm_run run = get(vm, service, SE_ACTIVE, &before); /* the firewall's word */

    if (run == MM_RUN_OK)
        run = set(vm, service, SE_ACTIVE, 1);
    if (run == MM_RUN_OK)
        run = set(vm, service, SE_INS, mm_rmi_cell(vm, service, MM_RMI_INS));
    if (run == MM_RUN_OK)
        run = set(vm, service, SE_INTERFACES, by_interfaces);
    return run == MM_RUN_OK ? set(vm, service, SE_N, 0) : run;
}

enum mm_run mm_rmi_session_ins(struct mm_vm *vm, mm_ref service, bool *active, uint8_t *ins)
{
    uint16_t yes = 0, value = 0;
    enum mm_run run = get(vm, service, SE_ACTIVE, &yes);

    if (run == MM_RUN_OK)
        run = get(vm, service, SE_INS, &value);
    *active = yes != 0;
    *ins = (uint8_t)value;
    return run;
}

/* ---- References ---- */

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
enum mm_run mm_rmi_put_reference(struct mm_vm *vm, mm_ref service, mm_ref obj, struct mm_buf *out,
                                 enum mm_rmi_fault *fault)
{
    struct mm_remote_class cls;
    uint16_t by_interfaces;
    enum mm_run run;

    if (obj == MM_REF_NULL) {
        mm_buf_u16(out, MM_RMI_NULL_ID);
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
    if (obj == MM_RMI_NULL_ID || !mm_vm_remote_class(vm, obj, &cls)) {
        *fault = MM_RMI_NO_OBJECT;
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
