/* The session of a protocol object: INITIALIZE UPDATE to resetSecurity (GPCS 2.3.1, appendix E;
 * Amendment D v1.2), from the card's end. */
#include "applet_vm/api/gp_scp_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CDATA_OFF     5
#define AUTHENTICATED 0x80
#define LEVEL_BITS    (MM_SCP_C_MAC | MM_SCP_C_DEC | MM_SCP_R_MAC | MM_SCP_R_ENC)

enum { INS_INITIALIZE_UPDATE = 0x50, INS_EXTERNAL_AUTHENTICATE = 0x82 };
enum {
    SW_FAILURE = 0x6581,
    SW_AUTHENTICATION_FAILED = 0x6300,
    SW_KEY_NOT_FOUND = 0x6A88,
    SW_WRONG_P1P2 = 0x6A86,
    SW_WRONG_INS = 0x6D00,
    SW_WRONG_CLA = 0x6E00
};

/* ---- Sessions by object ---- */
void mm_own_session_end(struct mm_own_session *s)
{
    mm_scp_drop_ready(&s->scp);
    mm_buf_clear(&s->held);
    OPENSSL_cleanse(s, sizeof(*s));
    mm_buf_init(&s->held);
}

static struct mm_own_channel *find(struct mm_api *api, mm_ref ref)
{
    struct mm_own_channel *o = api->own_channels;

    while (o != NULL && o->ref != ref)
        o = o->next;
    return o;
}

static uint8_t logical_channel(struct mm_vm *vm)
{
    return mm_vm_services(vm)->channel(mm_vm_services(vm)->ctx);
}

static bool is_open(const struct mm_own_channel *o)
{
    return o->session.state == MM_OWN_OPEN && o->session.channel == logical_channel(o->vm);
}

struct mm_own_session *mm_own_session(struct mm_vm *vm, mm_ref ref)
{
    struct mm_own_channel *o = find(mm_api_of(vm), ref);

    return o != NULL && is_open(o) ? &o->session : NULL;
}

void mm_api_channel_end(struct mm_vm *vm, uint8_t channel)
{
    struct mm_own_channel *o = vm != NULL ? mm_api_of(vm)->own_channels : NULL;

    for (; o != NULL; o = o->next) {
        if (o->session.channel == channel)
            mm_own_session_end(&o->session);
    }
}

void mm_own_channels_end(struct mm_api *api)
{
    for (struct mm_own_channel *o = api->own_channels; o != NULL; o = o->next)
        mm_own_session_end(&o->session);
}

void mm_own_channel_gone(struct mm_api *api, mm_ref ref)
{
    struct mm_own_channel **at = &api->own_channels, *o;

    while (*at != NULL && (*at)->ref != ref)
        at = &(*at)->next;
    o = *at;
    if (o == NULL)
        return;
    *at = o->next;
    mm_own_session_end(&o->session);
    free(o);
}

void mm_own_channels_free(struct mm_api *api)
{
    while (api->own_channels != NULL)
        mm_own_channel_gone(api, api->own_channels->ref);
}

/* ---- INITIALIZE UPDATE ---- */
static enum mm_status card_random(void *ctx, uint8_t *out, size_t out_len)
{
    const struct mm_vm_services *services = ctx;

    return services->random(services->ctx, out, out_len);
}

/* The session with its keys, ready for EXTERNAL AUTHENTICATE. */
static uint16_t start(struct mm_own_channel *o, const struct mm_scp_keys *keys,
                      const uint8_t *host_challenge, uint8_t out[MM_SCP_INIT_ANSWER_MAX],
                      size_t *out_len)
{
    const struct mm_vm_services *services = mm_vm_services(o->vm);
    struct mm_own_session *s = &o->session;
    struct mm_scp_source source = mm_scp_source_of(keys);
    uint8_t protocol = mm_own_protocol(o->vm, o->ref), i = mm_own_i(o->vm, o->ref);
    const uint8_t *parameters = mm_own_parameters(o->vm, o->ref);
    uint8_t card_challenge[MM_SCP_CHALLENGE_MAX];
    struct mm_obj_info info;
    struct mm_aid aid = {0};
    enum mm_status st;

    if (parameters == NULL || !mm_vm_object(o->vm, o->ref, &info) ||
        (mm_scp_counts_first(protocol, i) && mm_own_count(o->vm, o->ref) != MM_RUN_OK))
        return SW_FAILURE;
    s->sequence = mm_own_sequence(o->vm, o->ref);
    (void)services->applet_aid(services->ctx, info.owner, &aid); /* else an empty one */
    st = mm_scp_card_challenge(protocol, i, &source, s->sequence, &aid, card_random,
                               (void *)(uintptr_t)services, card_challenge);
    if (st == MM_OK)
        st = mm_scp_start(&s->scp, protocol, i, &source, host_challenge, card_challenge);
    if (st != MM_OK)
        return SW_FAILURE;
    if (protocol == 3)
        memcpy(s->scp.dek, keys->dek, keys->len);
    *out_len = mm_scp_init_answer(&s->scp, parameters, parameters[MM_SCP_DIV_LEN], s->sequence,
                                  card_challenge, out);
    return MM_SW_OK;
}

static uint16_t init_update(struct mm_own_channel *o, uint8_t version, const uint8_t *data,
                            size_t len, uint8_t out[MM_SCP_INIT_ANSWER_MAX], size_t *out_len)
{
    uint8_t protocol = mm_own_protocol(o->vm, o->ref), i = mm_own_i(o->vm, o->ref);
    const uint8_t *parameters = mm_own_parameters(o->vm, o->ref);
    struct mm_scp_keys keys;
    bool dek = false;
    uint16_t sw;

    mm_own_session_end(&o->session);
    if (version != 0 && parameters != NULL && version != parameters[MM_SCP_DIV_LEN])
        return SW_KEY_NOT_FOUND;
    if (len != mm_scp_challenge_len(protocol, i))
        return MM_SW_WRONG_LENGTH;
    if (!mm_own_keys(o->vm, o->ref, &keys, &dek) ||
        mm_scp_exhausted(protocol, i, mm_own_sequence(o->vm, o->ref)))
        sw = MM_SW_CONDITIONS;
    else
        sw = start(o, &keys, data, out, out_len);
    OPENSSL_cleanse(&keys, sizeof(keys));
    if (sw != MM_SW_OK) {
        mm_own_session_end(&o->session);
        return sw;
    }
    o->session.state = MM_OWN_STARTED;
    o->session.channel = logical_channel(o->vm);
    o->session.dek = dek;
    return MM_SW_OK;
}

/* ---- EXTERNAL AUTHENTICATE ---- */
static uint16_t authenticate(struct mm_own_channel *o, struct mm_scp_command *c)
{
    struct mm_own_session *s = &o->session;
    size_t len = mm_scp_mac_len(&s->scp);
    uint8_t level = c->header[2];
    uint16_t sw = MM_SW_OK;
    bool good;

    if (s->state != MM_OWN_STARTED || s->channel != logical_channel(o->vm))
        return MM_SW_CONDITIONS;
    if (c->len != 2 * len) {
        sw = MM_SW_WRONG_LENGTH;
    } else if (!mm_scp_level_allowed(s->scp.protocol, s->scp.i, level)) {
        sw = SW_WRONG_P1P2;
    } else if (s->sequence != mm_own_sequence(o->vm, o->ref)) { /* the applet told another */
        sw = MM_SW_CONDITIONS;
    } else {
        good = CRYPTO_memcmp(c->data, s->scp.host_cryptogram, len) == 0;
        good = mm_scp_check_first(&s->scp, c) == MM_OK && good;
        if (!good)
            sw = SW_AUTHENTICATION_FAILED;
        else if (s->scp.protocol == 2 && mm_own_count(o->vm, o->ref) != MM_RUN_OK)
            sw = SW_FAILURE;
    }
    if (sw != MM_SW_OK) {
        mm_own_session_end(s);
        return sw;
    }
    mm_scp_open(&s->scp, level);
    s->state = MM_OWN_OPEN;
    return MM_SW_OK;
}

/* ---- processSecurity ---- */

/* A class of GlobalPlatform's commands on any channel (GPCS 11.1.4). */
static bool class_known(uint8_t cla)
{
    return (cla & 0xF8) == 0x80 || (cla & 0xD0) == 0xC0;
}

static uint16_t process_security(void *ctx, mm_comp owner, uint8_t *buf, size_t buf_len,
                                 size_t apdu_len, size_t *out_len)
{
    struct mm_own_channel *o = ctx;
    struct mm_scp_command c = {.data = buf + CDATA_OFF};
    uint8_t answer[MM_SCP_INIT_ANSWER_MAX];
    uint16_t sw;

    *out_len = 0;
    if (mm_own_keys_for(o->vm, o->ref, owner) != MM_RUN_OK)
        return SW_FAILURE;
    /* Le may be behind the data. */
    if (apdu_len < CDATA_OFF || apdu_len > buf_len || buf[4] > apdu_len - CDATA_OFF ||
        buf[4] + 1u < apdu_len - CDATA_OFF)
        return MM_SW_WRONG_LENGTH;
    if (!class_known(buf[0]))
        return SW_WRONG_CLA;
    if (buf[1] != INS_INITIALIZE_UPDATE && buf[1] != INS_EXTERNAL_AUTHENTICATE)
        return SW_WRONG_INS;
    if (buf[3] != 0)
        return SW_WRONG_P1P2;
    memcpy(c.header, buf, sizeof(c.header));
    c.len = buf[4];
    if (buf[1] == INS_EXTERNAL_AUTHENTICATE)
        return authenticate(o, &c);
    sw = init_update(o, buf[2], c.data, c.len, answer, out_len);
    if (sw == MM_SW_OK && buf_len < CDATA_OFF + *out_len)
        return MM_SW_WRONG_LENGTH;
    if (sw == MM_SW_OK)
        memcpy(buf + CDATA_OFF, answer, *out_len);
    return sw;
}

/* ---- Commands and responses ---- */

/* The secure messaging bit of a class byte, which it loses with its protection; 0: it has none. */
static uint8_t secured(uint8_t cla)
{
    return cla & ((cla & 0x40) != 0 ? 0x20 : 0x04);
}

uint16_t mm_own_unwrap(struct mm_own_session *s, uint8_t *apdu, size_t *len)
{
    struct mm_scp_command c = {.data = apdu + CDATA_OFF};
    uint8_t channel;

    if (*len < CDATA_OFF || apdu[4] != *len - CDATA_OFF)
        return MM_SW_WRONG_LENGTH;
    memcpy(c.header, apdu, sizeof(c.header));
    c.len = apdu[4];
    if ((!secured(apdu[0]) && (s->scp.level & MM_SCP_C_MAC)) ||
        mm_scp_unwrap_command(&s->scp, &c) != MM_OK) {
        channel = s->channel;
        mm_own_session_end(s);
        s->channel = channel;
        s->aborted = true;
        return MM_SW_SECURITY_STATUS;
    }
    if (!(s->scp.level & MM_SCP_C_MAC))
        return MM_SW_OK;
    apdu[0] &= (uint8_t)~secured(apdu[0]);
    apdu[4] = (uint8_t)c.len;
    *len = CDATA_OFF + c.len;
    return MM_SW_OK;
}

static bool is_aborted(const struct mm_own_channel *o)
{
    return o->session.aborted && o->session.channel == logical_channel(o->vm);
}

/* Without a session the command stays as it is. */
static uint16_t unwrap(void *ctx, mm_comp owner, uint8_t *apdu, size_t *len)
{
    struct mm_own_channel *o = ctx;

    (void)owner;
    if (is_aborted(o))
        return MM_SW_CONDITIONS;
    return is_open(o) ? mm_own_unwrap(&o->session, apdu, len) : MM_SW_OK;
}

/* data ends with the two bytes of the status word, which are taken off. */
static uint16_t wrap(void *ctx, mm_comp owner, uint8_t *data, size_t *len, size_t cap)
{
    struct mm_own_channel *o = ctx;
    size_t n = *len - 2;
    enum mm_status st = MM_OK;

    (void)owner;
    if (is_aborted(o))
        return MM_SW_CONDITIONS;
    if (*len < 2 || cap < *len)
        return MM_SW_WRONG_LENGTH;
    if (is_open(o))
        st = mm_scp_wrap_response(&o->session.scp, data, &n, cap, mm_be16(data + n));
    if (st == MM_OK)
        *len = n;
    return st == MM_OK ? MM_SW_OK : st == MM_TOO_LONG ? MM_SW_WRONG_LENGTH : SW_FAILURE;
}

static uint16_t crypt_data(struct mm_own_channel *o, bool encrypt, uint8_t *data, size_t *len)
{
    const struct mm_own_session *s = &o->session;

    if (!is_open(o) || !s->dek)
        return MM_SW_CONDITIONS;
    if (*len == 0 || *len % mm_scp_block(s->scp.protocol) != 0)
        return MM_SW_WRONG_LENGTH;
    return mm_scp_data(&s->scp, encrypt, data, *len, data) == MM_OK ? MM_SW_OK : SW_FAILURE;
}

static uint16_t decrypt_data(void *ctx, mm_comp owner, uint8_t *data, size_t *len)
{
    (void)owner;
    return crypt_data(ctx, false, data, len);
}

static uint16_t encrypt_data(void *ctx, mm_comp owner, uint8_t *data, size_t *len)
{
    (void)owner;
    return crypt_data(ctx, true, data, len);
}

/* ---- Level and end ---- */

/* What the host established stays the least, as with SecureChannelx. */
static uint16_t set_security_level(void *ctx, mm_comp owner, uint8_t level)
{
    struct mm_own_channel *o = ctx;
    struct mm_scp *scp = &o->session.scp;

    (void)owner;
    if ((level & ~LEVEL_BITS) != 0)
        return MM_SW_DATA_INVALID;
    if (!is_open(o) || (level & scp->level) != scp->level ||
        !mm_scp_level_allowed(scp->protocol, scp->i, level))
        return MM_SW_SECURITY_STATUS;
    if (scp->protocol == 2 && (level & ~scp->level & MM_SCP_R_MAC))
        mm_scp02_rmac_begin(scp);
    scp->level = level;
    o->session.level_told = true;
    return MM_SW_OK;
}

/* The counter stays where it is: wound back, it would make session keys again (GPCS E.1.2.1). */
static void reset_security(void *ctx, mm_comp owner)
{
    struct mm_own_channel *o = ctx;

    (void)owner;
    mm_own_session_end(&o->session);
    mm_own_parameters_clear(o->vm, o->ref);
}

static uint8_t security_level(void *ctx, mm_comp owner)
{
    const struct mm_own_channel *o = ctx;

    (void)owner;
    return is_open(o) ? AUTHENTICATED | o->session.scp.level : 0;
}

static const struct mm_sc_ops own_ops = {.process_security = process_security,
                                         .unwrap = unwrap,
                                         .wrap = wrap,
                                         .decrypt_data = decrypt_data,
                                         .encrypt_data = encrypt_data,
                                         .set_security_level = set_security_level,
                                         .reset_security = reset_security,
                                         .security_level = security_level};

bool mm_own_channel(struct mm_vm *vm, mm_ref ref, struct mm_sc *out)
{
    struct mm_api *api = mm_api_of(vm);
    struct mm_own_channel *o = find(api, ref);

    if (o == NULL) {
        o = calloc(1, sizeof(*o));
        if (o == NULL)
            return false;
        o->vm = vm;
        o->ref = ref;
        mm_buf_init(&o->session.held);
        o->next = api->own_channels;
        api->own_channels = o;
    }
    *out = (struct mm_sc){.ctx = o, .ops = &own_ops};
    return true;
}
