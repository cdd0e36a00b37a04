/* javacard.framework.JCSystem */
#include "applet_vm/api/api_int.h"

#define VERSION_3_0_5       0x0305
#define TX_IN_PROGRESS      1
#define TX_NOT_IN_PROGRESS  2
#define TX_INTERNAL_FAILURE 4

static enum mm_run tx_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/TransactionException", reason);
}

static uint16_t short_of(size_t n)
{
    return (uint16_t)(n < 0x7FFF ? n : 0x7FFF);
}

/* ---- Transient arrays (JCRE 5) ---- */

static enum mm_run make_transient(struct mm_vm *vm, uint8_t type, const uint16_t *args,
                                  uint16_t *ret)
{
    int n = MM_ARG_SHORT(0), event = MM_ARG_BYTE(1);

    if (n < 0)
        return mm_vm_throw(vm, "java/lang/NegativeArraySizeException", 0);
    if (event != MM_CLEAR_ON_RESET && event != MM_CLEAR_ON_DESELECT)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    if (event == MM_CLEAR_ON_DESELECT && !mm_vm_context_selected(vm))
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_TRANSIENT);
    if (type == 14)
        ret[0] = mm_vm_new_ref_array(vm, MM_REF_NULL, (uint16_t)n, (enum mm_transient)event);
    else
        ret[0] = mm_vm_new_array(vm, type, (uint16_t)n, (enum mm_transient)event);
    return ret[0] != MM_REF_NULL ? MM_RUN_OK
                                 : mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
}

enum mm_run mm_n_sys_make_transient_boolean_array(struct mm_vm *vm, const uint16_t *args,
                                                  uint16_t *ret)
{
    return make_transient(vm, 10, args, ret);
}

enum mm_run mm_n_sys_make_transient_byte_array(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    return make_transient(vm, 11, args, ret);
}

enum mm_run mm_n_sys_make_transient_short_array(struct mm_vm *vm, const uint16_t *args,
                                                uint16_t *ret)
{
    return make_transient(vm, 12, args, ret);
}

/* JCint.makeTransientIntArray */
enum mm_run mm_n_jcint_make_transient(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return make_transient(vm, 13, args, ret);
}

enum mm_run mm_n_sys_make_transient_object_array(struct mm_vm *vm, const uint16_t *args,
                                                 uint16_t *ret)
{
    return make_transient(vm, 14, args, ret);
}

/* JCSystem.ARRAY_TYPE_BOOLEAN 1, BYTE 2, SHORT 3, INT 4. They live until power-off here, so there
 * are only a few. */
enum mm_run mm_n_sys_make_global_array(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api *api = mm_api_of(vm);
    int type = MM_ARG_BYTE(0), n = MM_ARG_SHORT(1);

    if (n < 0)
        return mm_vm_throw(vm, "java/lang/NegativeArraySizeException", 0);
    if (type < 1 || type > 4)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    ret[0] = MM_REF_NULL;
    if (api->global_array_n < MM_API_GLOBAL_ARRAYS)
        ret[0] = mm_vm_new_global_array(vm, (uint8_t)(type + 9), (uint16_t)n);
    if (ret[0] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
    api->global_array_n++;
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_is_transient(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_obj_info info;

    ret[0] = 0;
    if (args[0] != MM_REF_NULL && mm_vm_object(vm, args[0], &info))
        ret[0] = info.global_array ? MM_CLEAR_ON_RESET : (uint16_t)info.transient;
    return MM_RUN_OK;
}

/* ---- Transactions (JCRE 7) ---- */

enum mm_run mm_n_sys_begin_transaction(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return mm_tx_applet_begin(mm_vm_nvm(vm)) == MM_OK ? MM_RUN_OK : tx_failed(vm, TX_IN_PROGRESS);
}

enum mm_run mm_n_sys_commit_transaction(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    if (!mm_tx_applet_active(mm_vm_nvm(vm)))
        return tx_failed(vm, TX_NOT_IN_PROGRESS);
    return mm_tx_applet_commit(mm_vm_nvm(vm)) == MM_OK ? MM_RUN_OK
                                                       : tx_failed(vm, TX_INTERNAL_FAILURE);
}

enum mm_run mm_n_sys_abort_transaction(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    if (!mm_tx_applet_active(mm_vm_nvm(vm)))
        return tx_failed(vm, TX_NOT_IN_PROGRESS);
    mm_vm_tx_applet_abort(vm);
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_get_transaction_depth(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_tx_applet_active(mm_vm_nvm(vm));
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_get_unused_commit_capacity(struct mm_vm *vm, const uint16_t *args,
                                                uint16_t *ret)
{
    (void)args;
    ret[0] = short_of(mm_tx_left(mm_vm_nvm(vm)));
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_get_max_commit_capacity(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = short_of(mm_tx_capacity(mm_vm_nvm(vm)));
    return MM_RUN_OK;
}

/* ---- Memory ---- */

/* MEMORY_TYPE_PERSISTENT 0, TRANSIENT_RESET 1, TRANSIENT_DESELECT 2 */
static bool memory_left(struct mm_vm *vm, int type, size_t *left)
{
    if (type == MM_PERSISTENT)
        *left = mm_comp_room(mm_vm_nvm(vm), mm_vm_owner(vm));
    else if (type == MM_CLEAR_ON_RESET || type == MM_CLEAR_ON_DESELECT)
        *left = mm_vm_transient_free(vm, (enum mm_transient)type);
    else
        return false;
    return true;
}

enum mm_run mm_n_sys_get_available_memory(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t left;

    if (!memory_left(vm, MM_ARG_BYTE(0), &left))
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    ret[0] = short_of(left);
    return MM_RUN_OK;
}

/* To two elements of a short array: high half, low half. */
enum mm_run mm_n_sys_get_available_memory_long(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    const uint8_t *data;
    uint16_t halves[2];
    size_t left;
    enum mm_run run = mm_vm_array(vm, args[0], MM_TYPE_SHORT_ARRAY, MM_ARG_SHORT(1), 2, &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (!memory_left(vm, MM_ARG_BYTE(2), &left))
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    left = left < 0x7FFFFFFF ? left : 0x7FFFFFFF;
    halves[0] = (uint16_t)(left >> 16);
    halves[1] = (uint16_t)left;
    return mm_vm_array_write(vm, args[0], args[1], halves, 2, true);
}

enum mm_run mm_n_sys_request_object_deletion(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    mm_vm_collect_request(vm);
    return MM_RUN_OK;
}

/* ---- Applets and sharing (JCRE 6.2) ---- */

enum mm_run mm_n_sys_get_version(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = VERSION_3_0_5;
    return MM_RUN_OK;
}

static enum mm_run aid_of_owner(struct mm_vm *vm, mm_comp owner, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    struct mm_aid aid;

    ret[0] = MM_REF_NULL;
    if (owner == 0 || !s->applet_aid(s->ctx, owner, &aid))
        return MM_RUN_OK;
    ret[0] = mm_api_aid_object(vm, &aid);
    return ret[0] != MM_REF_NULL ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

enum mm_run mm_n_sys_get_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return aid_of_owner(vm, mm_vm_owner(vm), ret);
}

enum mm_run mm_n_sys_get_previous_context_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return aid_of_owner(vm, mm_vm_previous_owner(vm), ret);
}

enum mm_run mm_n_sys_lookup_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    int len = MM_ARG_BYTE(2);
    const uint8_t *data;
    struct mm_aid aid;
    mm_ref applet;
    mm_comp owner;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), len, &data);

    ret[0] = MM_REF_NULL;
    if (run != MM_RUN_OK || mm_aid_set(&aid, data, (size_t)len) != MM_OK ||
        !s->find_applet(s->ctx, &aid, &applet, &owner))
        return run;
    ret[0] = mm_api_aid_object(vm, &aid);
    return ret[0] != MM_REF_NULL ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

/* null is the answer to all but a busy server: no AID, nobody of that name, a server that throws, a
 * client before its register(). */
enum mm_run mm_n_sys_get_applet_shareable_interface_object(struct mm_vm *vm, const uint16_t *args,
                                                           uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    uint16_t call[2] = {0, args[1]};
    struct mm_aid aid;
    mm_ref applet;
    mm_comp owner;
    enum mm_run run;

    ret[0] = MM_REF_NULL;
    if (args[0] == MM_REF_NULL || !mm_api_aid_get(vm, args[0], &aid) ||
        !s->find_applet(s->ctx, &aid, &applet, &owner))
        return MM_RUN_OK;
    if (s->applet_elsewhere != NULL && s->applet_elsewhere(s->ctx, owner))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    run = aid_of_owner(vm, mm_vm_owner(vm), &call[0]);
    if (run != MM_RUN_OK || (call[0] == MM_REF_NULL && mm_vm_owner(vm) != 0))
        return run;
    run = mm_vm_invoke_method(
        vm, applet, "javacard/framework/Applet", "getShareableInterfaceObject",
        "(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;", call, 2, ret);
    if (run != MM_RUN_THROWN)
        return run;
    ret[0] = MM_REF_NULL;
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_get_assigned_channel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);

    (void)args;
    ret[0] = s->channel(s->ctx);
    return MM_RUN_OK;
}

enum mm_run mm_n_sys_is_applet_active(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    struct mm_aid aid;
    mm_ref applet;
    mm_comp owner;

    if (args[0] == MM_REF_NULL)
        return mm_api_null(vm);
    ret[0] = mm_api_aid_get(vm, args[0], &aid) && s->find_applet(s->ctx, &aid, &applet, &owner) &&
             s->applet_selected(s->ctx, owner);
    return MM_RUN_OK;
}
