/* org.globalplatform.GPSystem and the SecureChannel of the applet's security domain. */
#include "applet_vm/api/gp_scp_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define OFFSET_CDATA    5
#define SHORT_BODY_MAX  255
#define CARD_LOCKED     0x7F
#define CARD_TERMINATED 0xFF

mm_comp mm_gp_caller(struct mm_vm *vm)
{
    mm_comp owner = mm_vm_calling_owner(vm);

    return owner != 0 ? owner : mm_vm_previous_owner(vm);
}

const struct mm_gp_services *mm_gp(struct mm_vm *vm)
{
    return mm_vm_services(vm)->gp;
}

enum mm_run mm_gp_bytes(struct mm_vm *vm, enum mm_gp_arrays allowed, mm_ref array, int32_t off,
                        int32_t n, const uint8_t **data)
{
    struct mm_obj_info info;
    mm_comp caller = mm_vm_context_of(vm, mm_gp_caller(vm));

    if (array != MM_REF_NULL && mm_vm_object(vm, array, &info) && !info.global_array &&
        (allowed == MM_GP_GLOBAL || mm_vm_context_of(vm, info.owner) != caller))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    return mm_vm_bytes_of_caller(vm, array, off, n, data);
}

enum mm_run mm_gp_put(struct mm_vm *vm, mm_ref array, int32_t off, const uint8_t *data, size_t n)
{
    const uint8_t *old;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, array, off, (int32_t)n, &old);

    if (run != MM_RUN_OK)
        return run;
    return mm_vm_array_write(vm, array, (uint16_t)off, data, (uint16_t)n, true);
}

/* ---- GPSystem ---- */

enum mm_run mm_n_gp_card_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    if (mm_gp(vm) == NULL)
        return mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED);
    ret[0] = (uint16_t)(int8_t)mm_gp(vm)->card_state(mm_gp(vm)->ctx);
    return MM_RUN_OK;
}

enum mm_run mm_n_gp_card_content_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    if (mm_gp(vm) == NULL)
        return mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED);
    ret[0] = (uint16_t)(int8_t)mm_gp(vm)->card_content_state(mm_gp(vm)->ctx, mm_gp_caller(vm));
    return MM_RUN_OK;
}

enum mm_run mm_n_gp_set_card_content_state(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_gp(vm) != NULL &&
             mm_gp(vm)->set_card_content_state(mm_gp(vm)->ctx, mm_gp_caller(vm), (uint8_t)args[0]);
    return MM_RUN_OK;
}

static enum mm_run set_card_state(struct mm_vm *vm, uint8_t state, uint16_t *ret)
{
    ret[0] = mm_gp(vm) != NULL && mm_gp(vm)->set_card_state != NULL &&
             mm_gp(vm)->set_card_state(mm_gp(vm)->ctx, mm_gp_caller(vm), state);
    return MM_RUN_OK;
}

enum mm_run mm_n_gp_lock_card(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return set_card_state(vm, CARD_LOCKED, ret);
}

enum mm_run mm_n_gp_terminate_card(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return set_card_state(vm, CARD_TERMINATED, ret);
}

/* setATRHistBytes(buffer, offset, length) */
enum mm_run mm_n_gp_set_historical(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_BYTE(2);
    const uint8_t *bytes;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), len, &bytes);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = mm_gp(vm) != NULL &&
             mm_gp(vm)->set_historical(mm_gp(vm)->ctx, mm_gp_caller(vm), bytes, (size_t)len);
    return MM_RUN_OK;
}

enum mm_run mm_n_gp_secure_channel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_api_of(vm)->secure_channel;
    return MM_RUN_OK;
}

/* ---- SecureChannel ---- */

/* False: there is none. */
static bool channel_of(struct mm_vm *vm, mm_ref ref, struct mm_sc *out)
{
    const struct mm_gp_services *gp = mm_gp(vm);
    bool own = mm_own_is(vm, ref), there = own ? mm_own_channel(vm, ref, out) : gp != NULL;

    if (!own && there)
        *out = (struct mm_sc){.ctx = gp->ctx, .ops = &gp->channel};
    out->owner = mm_gp_caller(vm);
    return there;
}

enum mm_run mm_n_sc_process_security(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_apdu *a = &mm_api_of(vm)->apdu;
    uint8_t buf[MM_APDU_BUFFER_LEN];
    struct mm_sc c;
    const uint8_t *data;
    size_t out_len = 0;
    uint16_t sw, unused[2];
    enum mm_run run = MM_RUN_OK;

    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    if (!channel_of(vm, args[0], &c) || !a->active || a->body_len > SHORT_BODY_MAX)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    if (a->state == MM_APDU_INITIAL) /* the method takes the data in itself (GPCS, A.2) */
        run = mm_n_apdu_set_incoming_and_receive(vm, &args[1], unused);
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, a->buffer, 0, MM_APDU_BUFFER_LEN, &data);
    if (run != MM_RUN_OK)
        return run;
    memcpy(buf, data, sizeof(buf));
    sw = c.ops->process_security(c.ctx, c.owner, buf, sizeof(buf), OFFSET_CDATA + a->body_len,
                                 &out_len);
    if (sw != MM_SW_OK || out_len > sizeof(buf) - OFFSET_CDATA)
        return mm_api_throw_iso(vm, sw != MM_SW_OK ? sw : MM_SW_CONDITIONS);
    ret[0] = (uint16_t)out_len;
    return mm_vm_array_write(vm, a->buffer, 0, buf, sizeof(buf), false);
}

typedef uint16_t (*transform)(void *ctx, mm_comp owner, uint8_t *data, size_t *len);

/* Bytes off..off+len through one of the channel's and back; the result may not be longer than they. */
static enum mm_run pass(struct mm_vm *vm, const struct mm_sc *c, const uint16_t *args, transform fn,
                        uint16_t *ret)
{
    int len = MM_ARG_SHORT(3);
    size_t n = (size_t)len;
    const uint8_t *data;
    uint8_t *copy;
    uint16_t sw;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    copy = malloc(n + 1);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, data, n);
    sw = fn(c->ctx, c->owner, copy, &n);
    if (sw != MM_SW_OK || n > (size_t)len)
        run = mm_api_throw_iso(vm, sw != MM_SW_OK ? sw : MM_SW_CONDITIONS);
    else
        run = mm_gp_put(vm, args[1], MM_ARG_SHORT(2), copy, n);
    ret[0] = (uint16_t)n;
    OPENSSL_cleanse(copy, (size_t)len);
    free(copy);
    return run;
}

enum mm_run mm_n_sc_unwrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    if (!channel_of(vm, args[0], &c))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    return pass(vm, &c, args, c.ops->unwrap, ret);
}

enum mm_run mm_n_sc_decrypt_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    if (!channel_of(vm, args[0], &c))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    return pass(vm, &c, args, c.ops->decrypt_data, ret);
}

enum mm_run mm_n_sc_encrypt_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    if (!channel_of(vm, args[0], &c))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    return pass(vm, &c, args, c.ops->encrypt_data, ret);
}

/* The result may be longer than the data, and has to fit into what the array has behind off. */
enum mm_run mm_n_sc_wrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int off = MM_ARG_SHORT(2), len = MM_ARG_SHORT(3);
    struct mm_sc c;
    struct mm_obj_info info;
    const uint8_t *data;
    uint8_t *copy;
    size_t n = (size_t)len, room;
    uint16_t sw;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], off, len, &data);

    if (run != MM_RUN_OK)
        return run;
    if (!channel_of(vm, args[0], &c) || !mm_vm_object(vm, args[1], &info))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    room = (size_t)(info.n - off);
    copy = calloc(1, room + MM_SCP_OVERHEAD);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, data, n);
    sw = c.ops->wrap(c.ctx, c.owner, copy, &n, room + MM_SCP_OVERHEAD);
    if (sw != MM_SW_OK)
        run = mm_api_throw_iso(vm, sw);
    else
        run = mm_gp_put(vm, args[1], off, copy, n);
    ret[0] = (uint16_t)n;
    OPENSSL_cleanse(copy, room + MM_SCP_OVERHEAD);
    free(copy);
    return run;
}

/* SecureChannelx, SecureChannelProtocol. */
enum mm_run mm_n_sc_set_security_level(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    (void)ret;
    if (!channel_of(vm, args[0], &c))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    return mm_gp_result(vm, c.ops->set_security_level(c.ctx, c.owner, (uint8_t)args[1]));
}

enum mm_run mm_gp_process(struct mm_vm *vm, mm_ref channel, mm_ref in, int off, int len, mm_ref out,
                          int out_off, uint16_t *ret)
{
    uint8_t buf[MM_APDU_BUFFER_LEN] = {0};
    struct mm_sc c;
    const uint8_t *data, *room;
    size_t out_len = 0;
    uint16_t sw;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, in, off, len, &data);

    if (run == MM_RUN_OK)
        run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, out, out_off, 0, &room);
    if (run != MM_RUN_OK)
        return run;
    if (!channel_of(vm, channel, &c) || (size_t)len > sizeof(buf))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    memcpy(buf, data, (size_t)len);
    sw = c.ops->process_security(c.ctx, c.owner, buf, sizeof(buf), (size_t)len, &out_len);
    if (sw != MM_SW_OK || out_len > sizeof(buf) - OFFSET_CDATA)
        return mm_api_throw_iso(vm, sw != MM_SW_OK ? sw : MM_SW_CONDITIONS);
    ret[0] = (uint16_t)out_len;
    return mm_gp_put(vm, out, out_off, buf + OFFSET_CDATA, out_len);
}

/* SecureChannelx2: a command in any array, at args[2]; the answer goes to args[4] of the same. */
enum mm_run mm_n_sc_process_security_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_gp_process(vm, args[0], args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), args[1],
                         MM_ARG_SHORT(4), ret);
}

enum mm_run mm_n_sc_reset_security(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    (void)ret;
    if (channel_of(vm, args[0], &c))
        c.ops->reset_security(c.ctx, c.owner);
    return MM_RUN_OK;
}

enum mm_run mm_n_sc_security_level(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_sc c;

    ret[0] =
        channel_of(vm, args[0], &c) ? (uint16_t)(int8_t)c.ops->security_level(c.ctx, c.owner) : 0;
    return MM_RUN_OK;
}
