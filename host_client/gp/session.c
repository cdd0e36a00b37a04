/* A session with the card in hand: the secure channel of channel.c over card access. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/card_info.h"
#include "host_client/gp/gp_int.h"

struct mm_gp_session {
    struct mm_access *access;      /* borrowed */
    const struct mm_gp_keys *keys; /* borrowed, or own */
    struct mm_gp_keys *own;        /* NULL: keys are the caller's */
    struct mm_aid domain;          /* as the card names it */
    uint8_t scp02_i;               /* 0: not known */
    mm_gp_trace trace;             /* may be NULL */
    void *trace_ctx;
    mm_gp_answered answered; /* may be NULL */
    void *answered_ctx;
    struct mm_gp_channel scp;
};

enum mm_status mm_gp_card_said(struct mm_err *err, const char *command, uint16_t sw)
{
    return mm_fail(err, MM_CARD, SIZE_MAX, "%s: %04X, %s", command, sw, mm_sw_text(sw));
}

/* 6283: a locked card's domain answers, so that the card can be unlocked (GPCS 11.9.3.2). */
static bool selected(uint16_t sw)
{
    return sw == MM_SW_9000_NO_ERROR || sw == MM_SW_6283_CARD_LOCKED;
}

enum mm_status mm_gp_select_domain(struct mm_access *access, const struct mm_aid *named,
                                   struct mm_aid *found, struct mm_err *err)
{
    /* The issuer security domain has one of these on most cards; else it is what a SELECT without
     * AID finds (GPCS 11.9.2.3), unless the card has another default application. */
    static const struct mm_aid usual[] = {
        {8, {0xa0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00}}, /* GPCS, H.1 */
        {8, {0xa0, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00}}, /* Open Platform 2.0 */
        {0}};
    const struct mm_aid *tries = named != NULL ? named : usual;
    size_t n = named != NULL ? 1 : sizeof(usual) / sizeof(usual[0]);
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st = MM_OK;

    mm_buf_init(&resp);
    for (size_t i = 0; st == MM_OK && i < n && !selected(sw); i++) {
        *found = tries[i];
        st = mm_access_call(access, 0x00, MM_INS_CARD_SELECT, 0x04, 0x00, tries[i].bytes,
                            tries[i].len, 256, &resp, &sw, err);
    }
    if (st == MM_OK && selected(sw))
        mm_gp_selected_aid(resp.data, resp.len, found);
    else if (st == MM_OK)
        st = mm_gp_card_said(err, "SELECT security domain", sw);
    mm_buf_clear(&resp);
    return st;
}

/* Send as it is; data without status word stays in resp. */
static enum mm_status exchange(struct mm_access *access, const struct mm_buf *command,
                               struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    enum mm_status st = mm_access_send(access, command->data, command->len, resp, err);

    *sw = 0;
    if (st != MM_OK)
        return st;
    *sw = mm_be16(resp->data + resp->len - 2);
    resp->len -= 2;
    return MM_OK;
}

/* Send, and 9000 or the command's name in the error. sw is the card's, 0 without an answer. */
static enum mm_status ask(struct mm_access *access, const char *name, const struct mm_buf *command,
                          struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    enum mm_status st = exchange(access, command, resp, sw, err);

    return st == MM_OK && *sw != MM_SW_9000_NO_ERROR ? mm_gp_card_said(err, name, *sw) : st;
}

/* INITIALIZE UPDATE; a card in S16 mode says 6700 to 8 bytes of challenge and gets 16. */
static enum mm_status initialize(struct mm_gp_session *session, uint8_t key_version,
                                 struct mm_buf *resp, struct mm_err *err)
{
    static const size_t lens[] = {MM_SCP_CHALLENGE_LEN, MM_SCP_CHALLENGE_MAX};
    uint8_t challenge[MM_SCP_CHALLENGE_MAX];
    struct mm_buf command;
    uint16_t sw = MM_SW_6700_WRONG_LENGTH;
    enum mm_status st = MM_OK;

    mm_buf_init(&command);
    for (size_t i = 0; st == MM_OK && sw == MM_SW_6700_WRONG_LENGTH && i < 2; i++) {
        command.len = 0;
        if (RAND_bytes(challenge, sizeof(challenge)) != 1)
            st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
        if (st == MM_OK)
            st =
                mm_gp_channel_begin(&session->scp, NULL, key_version, challenge, lens[i], &command);
        if (st == MM_OK)
            st = exchange(session->access, &command, resp, &sw, err);
    }
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_gp_card_said(err, "INITIALIZE UPDATE", sw);
    mm_buf_clear(&command);
    return st;
}

/* SCP02 does not tell its parameter i in INITIALIZE UPDATE; the card recognition data do. A card that
 * has none, or tells it wrongly, is taken for one with the usual i. */
static enum mm_status find_scp02_i(struct mm_gp_session *session, const struct mm_gp_open_how *how,
                                   struct mm_err *err)
{
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    session->scp02_i = how->scp02_i;
    if (how->scp02_i != 0 || how->scp == 0x03)
        return MM_OK;
    mm_buf_init(&resp);
    st = mm_access_call(session->access, 0x80, MM_INS_ISD_GET_DATA, 0x00, 0x66, NULL, 0, 256, &resp,
                        &sw, err);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        session->scp02_i = mm_gp_recognised_scp02_i(resp.data, resp.len);
    mm_buf_clear(&resp);
    return st;
}

/* Before anything secret is used: is it the protocol that was asked for? */
static enum mm_status check_protocol(const struct mm_gp_open_how *how, const struct mm_buf *resp,
                                     struct mm_err *err)
{
    if (how->scp == 0 || resp->len < 12 || resp->data[11] == how->scp)
        return MM_OK;
    return mm_fail(err, MM_UNSUPPORTED, 11,
                   "INITIALIZE UPDATE: the card's keys of version %02X are for SCP%02X; asked for "
                   "SCP%02X",
                   resp->data[10], resp->data[11], how->scp);
}

/* Refused for who we are, not for how we asked (ISO 7816-4, 5.6; GPCS, tables E-12 and 10-6). */
static bool is_failed_authentication(uint16_t sw)
{
    return sw >> 8 == 0x63 || sw == MM_SW_6982_SECURITY_STATUS || sw == MM_SW_6983_FILE_INVALID;
}

static enum mm_status authenticate(struct mm_gp_session *session, const struct mm_gp_open_how *how,
                                   struct mm_err *err)
{
    uint8_t level = how->level != 0 ? how->level : MM_SCP_C_MAC | MM_SCP_C_DEC;
    struct mm_buf command, resp;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&command);
    mm_buf_init(&resp);
    st = initialize(session, how->key_version, &resp, err);
    if (st == MM_OK)
        st = check_protocol(how, &resp, err);
    if (session->scp02_i != 0)
        session->scp.scp02_i = session->scp02_i;
    if (st == MM_OK)
        st = mm_gp_channel_authenticate_with(&session->scp, session->keys, resp.data, resp.len,
                                             level, &command, err);
    if (st == MM_OK)
        st = ask(session->access, "EXTERNAL AUTHENTICATE", &command, &resp, &sw, err);
    if (st == MM_CARD && is_failed_authentication(sw))
        st = MM_AUTH;
    if (st == MM_OK)
        mm_scp_make_ready(&session->scp.scp);
    mm_buf_clear(&command);
    mm_buf_clear(&resp);
    return st;
}

/* A session in hand with its domain selected. */
static enum mm_status start(struct mm_access *access, const struct mm_aid *domain,
                            struct mm_gp_session **out, struct mm_err *err)
{
    struct mm_gp_session *session = calloc(1, sizeof(*session));
    enum mm_status st;

    *out = session;
    if (session == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    session->access = access;
    st = mm_gp_select_domain(access, domain, &session->domain, err);
    if (st != MM_OK)
        mm_gp_close(out);
    return st;
}

enum mm_status mm_gp_open_with(struct mm_access *access, const struct mm_gp_open_how *how,
                               const struct mm_gp_keys *keys, struct mm_gp_session **out,
                               struct mm_err *err)
{
    enum mm_status st = start(access, how->domain, out, err);

    if (st != MM_OK)
        return st;
    (*out)->keys = keys;
    st = find_scp02_i(*out, how, err);
    if (st == MM_OK)
        st = authenticate(*out, how, err);
    if (st != MM_OK)
        mm_gp_close(out);
    return st;
}

/* Certificates, then the agreement. */
static enum mm_status agree(struct mm_gp_session *session, const struct mm_gp_scp11 *how,
                            struct mm_err *err)
{
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf list, command, resp;
    const uint8_t *apdu;
    size_t off = 0, len;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st;

    mm_buf_init(&list);
    mm_buf_init(&command);
    mm_buf_init(&resp);
    st = mm_gp_scp11_certificates(how, &list);
    if (st != MM_OK)
        st = mm_fail(err, st, SIZE_MAX, "the certificates are no list of 7F21 or X.509");
    while (st == MM_OK && (apdu = mm_gp_list_next(&list, &off, &len)) != NULL) {
        command.len = 0;
        mm_buf_bytes(&command, apdu, len);
        st = ask(session->access, "PERFORM SECURITY OPERATION", &command, &resp, &sw, err);
    }
    command.len = 0;
    if (st == MM_OK)
        st = mm_gp_scp11_begin(how, &ephemeral, &command);
    if (st == MM_OK)
        st = ask(session->access, "SCP11 authentication", &command, &resp, &sw, err);
    if (st == MM_OK)
        st = mm_gp_scp11_open(&session->scp, how, ephemeral, &command, resp.data, resp.len, err);
    if (st == MM_OK)
        mm_scp_make_ready(&session->scp.scp);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&list);
    mm_buf_clear(&command);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gp_open_scp11(struct mm_access *access, const struct mm_aid *domain,
                                const struct mm_gp_scp11 *how, struct mm_gp_session **out,
                                struct mm_err *err)
{
    enum mm_status st = start(access, domain, out, err);

    if (st != MM_OK)
        return st;
    st = agree(*out, how, err);
    if (st != MM_OK)
        mm_gp_close(out);
    return st;
}

/* A session that owns a source of keys in memory. */
static enum mm_status open_own(struct mm_access *access, const struct mm_gp_open_how *how,
                               const struct mm_gp_keyset *set, enum mm_gp_diversify diversify,
                               struct mm_gp_session **out, struct mm_err *err)
{
    struct mm_gp_keys *keys = NULL;
    enum mm_status st = mm_gp_keys_in_memory(set, diversify, &keys, err);

    *out = NULL;
    if (st == MM_OK)
        st = mm_gp_open_with(access, how, keys, out, err);
    if (st == MM_OK)
        (*out)->own = keys;
    else
        mm_gp_keys_free(&keys);
    return st;
}

enum mm_status mm_gp_open(struct mm_access *access, const struct mm_aid *sd,
                          const struct mm_scp_keys *keys, uint8_t key_version, uint8_t level,
                          struct mm_gp_session **out, struct mm_err *err)
{
    struct mm_gp_open_how how = {.domain = sd, .key_version = key_version, .level = level};
    struct mm_gp_keyset set = mm_gp_keyset_of(keys);
    enum mm_status st = open_own(access, &how, &set, MM_GP_DIVERSIFY_NONE, out, err);

    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}

enum mm_status mm_gp_open_master(struct mm_access *access, const struct mm_aid *sd,
                                 const uint8_t master[MM_SCP_KEY_LEN], uint8_t key_version,
                                 uint8_t level, struct mm_gp_session **out, struct mm_err *err)
{
    struct mm_gp_open_how how = {.domain = sd, .key_version = key_version, .level = level};
    struct mm_gp_keyset set = {.type = MM_GP_KEY_AES, .len = MM_SCP_KEY_LEN};
    enum mm_status st;

    memcpy(set.enc, master, MM_SCP_KEY_LEN);
    memcpy(set.mac, master, MM_SCP_KEY_LEN);
    memcpy(set.dek, master, MM_SCP_KEY_LEN);
    st = open_own(access, &how, &set, MM_GP_DIVERSIFY_OURS, out, err);
    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}

void mm_gp_close(struct mm_gp_session **session)
{
    struct mm_gp_session *s = *session;

    *session = NULL;
    if (s == NULL)
        return;
    if (s->scp.open != 0) {
        /* A card keeps the channel until the next SELECT and refuses a plain command meanwhile:
         * the next program would stumble over it. When the card is gone, so is the channel. */
        struct mm_aid domain;
        (void)!mm_gp_select_domain(s->access, NULL, &domain, NULL);
    }
    mm_gp_keys_free(&s->own);
    mm_scp_drop_ready(&s->scp.scp);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

enum mm_status mm_gp_encrypt(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                             struct mm_err *err)
{
    struct mm_gp_session *session = ctx;

    return mm_gp_channel_encrypt(&session->scp, session->keys, data, data_len, out, err);
}

void mm_gp_set_trace(struct mm_gp_session *session, mm_gp_trace trace, void *ctx)
{
    session->trace = trace;
    session->trace_ctx = ctx;
}

void mm_gp_set_answered(struct mm_gp_session *session, mm_gp_answered answered, void *ctx)
{
    session->answered = answered;
    session->answered_ctx = ctx;
}

const struct mm_aid *mm_gp_domain(const struct mm_gp_session *session)
{
    return &session->domain;
}

uint8_t mm_gp_session_scp(const struct mm_gp_session *session)
{
    return session->scp.scp.protocol;
}

uint8_t mm_gp_session_key_version(const struct mm_gp_session *session)
{
    return session->scp.key_version;
}

const uint8_t *mm_gp_session_diversification(const struct mm_gp_session *session)
{
    return session->scp.diversification;
}

const struct mm_gp_channel *mm_gp_scp(const struct mm_gp_session *session)
{
    return &session->scp;
}

enum mm_status mm_gp_send(struct mm_gp_session *session, const uint8_t *apdu, size_t apdu_len,
                          struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    struct mm_buf command;
    enum mm_status st;

    *sw = 0;
    resp->len = 0;
    if (session->trace != NULL)
        session->trace(session->trace_ctx, false, apdu, apdu_len);
    mm_buf_init(&command);
    st = mm_gp_channel_wrap(&session->scp, apdu, apdu_len, &command, err);
    if (st == MM_OK)
        st = mm_access_send(session->access, command.data, command.len, resp, err);
    if (st == MM_OK)
        st = mm_gp_channel_unwrap(&session->scp, resp, err);
    if (st == MM_OK && session->trace != NULL)
        session->trace(session->trace_ctx, true, resp->data, resp->len);
    if (st == MM_OK) {
        *sw = mm_be16(resp->data + resp->len - 2);
        resp->len -= 2;
    } else {
        resp->len = 0;
    }
    if (st == MM_OK && session->answered != NULL)
        st = session->answered(session->answered_ctx, apdu, apdu_len, resp, *sw, err);
    mm_buf_clear(&command);
    return st;
}

static size_t count(const struct mm_buf *list)
{
    size_t off = 0, len, n = 0;

    while (mm_gp_list_next(list, &off, &len) != NULL)
        n++;
    return n;
}

enum mm_status mm_gp_send_list(struct mm_gp_session *session, const struct mm_buf *list,
                               void (*progress)(void *ctx, size_t done, size_t all), void *ctx,
                               struct mm_err *err)
{
    size_t off = 0, len, done = 0, all = count(list);
    const uint8_t *apdu;
    struct mm_buf resp;
    enum mm_status st = MM_OK;

    mm_buf_init(&resp);
    while (st == MM_OK && (apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        uint16_t sw = 0;

        st = mm_gp_send(session, apdu, len, &resp, &sw, err);
        if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
            st = mm_gp_card_said(err, mm_gp_command_name(apdu, len), sw);
        else if (st == MM_NO_READER || st == MM_TIMEOUT || st == MM_AUTH)
            mm_err_prefix(err, "%s", mm_gp_command_name(apdu, len));
        done++;
        if (st != MM_OK && all > 1)
            mm_err_prefix(err, "command %zu of %zu", done, all);
        if (st == MM_OK && progress != NULL)
            progress(ctx, done, all);
    }
    mm_buf_clear(&resp);
    return st;
}
