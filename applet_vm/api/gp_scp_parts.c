/*
 * SecureChannelProtocol's methods for what comes in parts. A command or response is held until its
 * last part: nothing of a command is given out before its MAC is checked, so updateUnwrap and updateWrap
 * write nothing. Data under the DEK come out by whole blocks.
 */
#include "applet_vm/api/gp_scp_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define DECRYPTION 0
#define ENCRYPTION 1

/* Methods of this form: (in, off, len, out, off), this before them. */
enum { IN = 1, IN_OFF, IN_LEN, OUT, OUT_OFF };

/* processSecurity(in, off, len, out, off) */
enum mm_run mm_n_scp_process_security(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_gp_process(vm, args[0], args[IN], MM_ARG_SHORT(IN_OFF), MM_ARG_SHORT(IN_LEN),
                         args[OUT], MM_ARG_SHORT(OUT_OFF), ret);
}

/* ---- Commands and responses ---- */

static enum mm_run begin_message(struct mm_vm *vm, mm_ref ref, enum mm_own_message message,
                                 size_t announced)
{
    struct mm_own_session *s = mm_own_session(vm, ref);

    if (s == NULL || (s->message != MM_OWN_NO_MESSAGE && s->message != message))
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    mm_buf_clear(&s->held);
    s->message = message;
    s->announced = announced;
    return MM_RUN_OK;
}

/* The session of a message that was begun, with another part of it held. */
static enum mm_run take_part(struct mm_vm *vm, const uint16_t *args, mm_ref out, int out_off,
                             enum mm_own_message message, struct mm_own_session **session)
{
    struct mm_own_session *s = mm_own_session(vm, args[0]);
    const uint8_t *data, *room;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[IN], MM_ARG_SHORT(IN_OFF),
                                  MM_ARG_SHORT(IN_LEN), &data);

    if (run == MM_RUN_OK)
        run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, out, out_off, 0, &room);
    if (run != MM_RUN_OK)
        return run;
    if (s == NULL || s->message != message)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    if (s->held.len + (size_t)MM_ARG_SHORT(IN_LEN) > MM_APDU_SHORT_MAX)
        return mm_api_throw_iso(vm, MM_SW_WRONG_LENGTH);
    mm_buf_bytes(&s->held, data, (size_t)MM_ARG_SHORT(IN_LEN));
    if (s->held.bad)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    *session = s;
    return MM_RUN_OK;
}

static void end_message(struct mm_own_session *s)
{
    mm_buf_clear(&s->held);
    s->message = MM_OWN_NO_MESSAGE;
}

/* What a response of n bytes with that status word is as long as when it is protected. */
static size_t wrapped_len(const struct mm_scp *scp, size_t n, uint16_t sw)
{
    size_t block = mm_scp_block(scp->protocol);

    if (!mm_scp_has_rmac(scp, sw))
        return n;
    if ((scp->level & MM_SCP_R_ENC) && n > 0)
        n = (n / block + 1) * block;
    return n + mm_scp_mac_len(scp);
}

enum mm_run mm_n_scp_init_wrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(1);
    const struct mm_own_session *s = mm_own_session(vm, args[0]);
    enum mm_run run;

    if (len < 0 || len > MM_APDU_SHORT_MAX - MM_SCP_OVERHEAD)
        return mm_api_throw_iso(vm, MM_SW_WRONG_LENGTH);
    run = begin_message(vm, args[0], MM_OWN_WRAP, (size_t)len);
    if (run == MM_RUN_OK)
        ret[0] = (uint16_t)wrapped_len(&s->scp, (size_t)len, MM_SW_OK);
    return run;
}

enum mm_run mm_n_scp_update_wrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_own_session *s;

    ret[0] = 0;
    return take_part(vm, args, args[OUT], MM_ARG_SHORT(OUT_OFF), MM_OWN_WRAP, &s);
}

/* doFinalWrap(in, off, len, sw, out, off): the status word is in the MAC, not in the result. */
enum mm_run mm_n_scp_final_wrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t sw = args[4];
    mm_ref out = args[5];
    int out_off = MM_ARG_SHORT(6);
    struct mm_own_session *s;
    uint8_t data[MM_SCP_OVERHEAD] = {0};
    const uint8_t *room;
    size_t n;
    enum mm_run run = take_part(vm, args, out, out_off, MM_OWN_WRAP, &s);

    if (run != MM_RUN_OK)
        return run;
    n = s->held.len;
    run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, out, out_off, (int)wrapped_len(&s->scp, n, sw), &room);
    mm_buf_bytes(&s->held, data, sizeof(data)); /* room for padding and MAC */
    if (run == MM_RUN_OK &&
        (n != s->announced || s->held.bad ||
         mm_scp_wrap_response(&s->scp, s->held.data, &n, s->held.len, sw) != MM_OK))
        run = mm_api_throw_iso(vm, MM_SW_WRONG_LENGTH);
    if (run == MM_RUN_OK)
        run = mm_gp_put(vm, out, out_off, s->held.data, n);
    ret[0] = (uint16_t)n;
    end_message(s);
    return run;
}

enum mm_run mm_n_scp_init_unwrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return begin_message(vm, args[0], MM_OWN_UNWRAP, 0);
}

enum mm_run mm_n_scp_update_unwrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_own_session *s;

    ret[0] = 0;
    return take_part(vm, args, args[OUT], MM_ARG_SHORT(OUT_OFF), MM_OWN_UNWRAP, &s);
}

/* The parts are a command as unwrap takes it, header and Lc first. */
enum mm_run mm_n_scp_final_unwrap(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_own_session *s;
    struct mm_buf apdu;
    size_t n;
    uint16_t sw;
    enum mm_run run = take_part(vm, args, args[OUT], MM_ARG_SHORT(OUT_OFF), MM_OWN_UNWRAP, &s);

    if (run != MM_RUN_OK)
        return run;
    apdu = s->held; /* a session that ends here forgets what it held */
    mm_buf_init(&s->held);
    end_message(s);
    n = apdu.len;
    sw = mm_own_unwrap(s, apdu.data, &n);
    run = sw == MM_SW_OK ? mm_gp_put(vm, args[OUT], MM_ARG_SHORT(OUT_OFF), apdu.data, n)
                         : mm_api_throw_iso(vm, sw);
    ret[0] = (uint16_t)n;
    mm_buf_clear(&apdu);
    return run;
}

/* ---- Data under the DEK ---- */
static enum mm_run begin_data(struct mm_vm *vm, mm_ref ref, int way)
{
    struct mm_own_session *s = mm_own_session(vm, ref);

    if (s == NULL || !s->dek)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    OPENSSL_cleanse(&s->data[way], sizeof(s->data[way]));
    s->data[way].begun = true;
    return MM_RUN_OK;
}

/* The whole blocks there are by now, to out; what is left of the last one stays. */
static enum mm_run pass_blocks(struct mm_vm *vm, const uint16_t *args, struct mm_own_session *s,
                               int way, const uint8_t *in, size_t len, uint16_t *ret)
{
    struct mm_own_data *d = &s->data[way];
    size_t block = mm_scp_block(s->scp.protocol), all = d->rest_n + len, whole = all - all % block;
    const uint8_t *room;
    uint8_t *copy;
    enum mm_run run =
        mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[OUT], MM_ARG_SHORT(OUT_OFF), (int)whole, &room);

    if (run != MM_RUN_OK)
        return run;
    copy = malloc(all + 1);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, d->rest, d->rest_n);
    memcpy(copy + d->rest_n, in, len);
    d->rest_n = (uint8_t)(all - whole);
    memcpy(d->rest, copy + whole, d->rest_n);
    if (mm_scp_data_part(&s->scp, way == ENCRYPTION, d->iv, copy, whole, copy) == MM_OK)
        run = mm_gp_put(vm, args[OUT], MM_ARG_SHORT(OUT_OFF), copy, whole);
    else
        run = mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    ret[0] = (uint16_t)whole;
    OPENSSL_cleanse(copy, all);
    free(copy);
    return run;
}

static enum mm_run more_data(struct mm_vm *vm, const uint16_t *args, int way, bool last,
                             uint16_t *ret)
{
    struct mm_own_session *s = mm_own_session(vm, args[0]);
    size_t len = (size_t)MM_ARG_SHORT(IN_LEN), all;
    const uint8_t *in, *room;
    enum mm_run run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[IN], MM_ARG_SHORT(IN_OFF),
                                  MM_ARG_SHORT(IN_LEN), &in);

    if (run == MM_RUN_OK)
        run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[OUT], MM_ARG_SHORT(OUT_OFF), 0, &room);
    if (run != MM_RUN_OK)
        return run;
    if (s == NULL || !s->data[way].begun)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    all = s->data[way].rest_n + len;
    if (last && all % mm_scp_block(s->scp.protocol) != 0)
        run = mm_api_throw_iso(vm, MM_SW_WRONG_LENGTH);
    else
        run = pass_blocks(vm, args, s, way, in, len, ret);
    if (last)
        OPENSSL_cleanse(&s->data[way], sizeof(s->data[way]));
    return run;
}

#define DATA(name, way)                                                                            \
    enum mm_run mm_n_scp_init_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)        \
    {                                                                                              \
        (void)ret;                                                                                 \
        return begin_data(vm, args[0], way);                                                       \
    }                                                                                              \
    enum mm_run mm_n_scp_update_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)      \
    {                                                                                              \
        return more_data(vm, args, way, false, ret);                                               \
    }                                                                                              \
    enum mm_run mm_n_scp_final_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)       \
    {                                                                                              \
        return more_data(vm, args, way, true, ret);                                                \
    }
DATA(encrypt, ENCRYPTION)
DATA(decrypt, DECRYPTION)
#undef DATA
