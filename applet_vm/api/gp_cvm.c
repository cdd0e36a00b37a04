/* org.globalplatform.CVM: the global PIN, which the card keeps (GPCS 2.3.1, 8.2). */
#include "applet_vm/api/api_int.h"

#define CVM_GLOBAL_PIN 0x11
#define CVM_FAILURE    0xffff /* -1 */

enum mm_run mm_n_gp_get_cvm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_gp(vm) != NULL && (uint8_t)args[0] == CVM_GLOBAL_PIN ? mm_api_of(vm)->global_pin
                                                                     : MM_REF_NULL;
    return MM_RUN_OK;
}

static struct mm_gp_cvm state_of(struct mm_vm *vm)
{
    struct mm_gp_cvm cvm = {0};

    if (mm_gp(vm) != NULL)
        mm_gp(vm)->cvm_get(mm_gp(vm)->ctx, &cvm);
    return cvm;
}

enum mm_run mm_n_cvm_is_active(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = state_of(vm).active;
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_is_submitted(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = state_of(vm).submitted;
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_is_verified(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = state_of(vm).verified;
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_is_blocked(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = state_of(vm).blocked;
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_tries(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = state_of(vm).tries;
    return MM_RUN_OK;
}

/* (buffer, offset, length, format): length is a byte, as the interface has it. */
enum mm_run mm_n_cvm_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_BYTE(3);
    const uint8_t *data;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_GLOBAL, args[1], MM_ARG_SHORT(2), len, &data);

    if (run == MM_RUN_OK)
        ret[0] = mm_gp(vm) != NULL && mm_gp(vm)->cvm_update(mm_gp(vm)->ctx, mm_gp_caller(vm), data,
                                                            (size_t)len, (uint8_t)args[4]);
    return run;
}

enum mm_run mm_n_cvm_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_BYTE(3);
    const uint8_t *data;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_GLOBAL, args[1], MM_ARG_SHORT(2), len, &data);

    if (run == MM_RUN_OK)
        ret[0] = mm_gp(vm) != NULL &&
                         mm_gp(vm)->cvm_verify(mm_gp(vm)->ctx, data, (size_t)len, (uint8_t)args[4])
                     ? 0
                     : CVM_FAILURE;
    return run;
}

enum mm_run mm_n_cvm_set_limit(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_gp(vm) != NULL &&
             mm_gp(vm)->cvm_set_limit(mm_gp(vm)->ctx, mm_gp_caller(vm), (uint8_t)args[1]);
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_block(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_gp(vm) != NULL && mm_gp(vm)->cvm_block(mm_gp(vm)->ctx, mm_gp_caller(vm));
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_gp(vm) != NULL && mm_gp(vm)->cvm_reset(mm_gp(vm)->ctx, mm_gp_caller(vm), false);
    return MM_RUN_OK;
}

enum mm_run mm_n_cvm_unblock(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_gp(vm) != NULL && mm_gp(vm)->cvm_reset(mm_gp(vm)->ctx, mm_gp_caller(vm), true);
    return MM_RUN_OK;
}
