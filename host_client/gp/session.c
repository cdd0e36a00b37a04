/* A session with the card in hand: the secure channel of scp03.c over card access. */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"

struct mm_gp_session {
    struct mm_access *access;      /* borrowed */
    const struct mm_gp_keys *keys; /* borrowed, or own */
    struct mm_gp_keys *own;        /* NULL: keys are the caller's */
    struct mm_scp03 scp;
};

static enum mm_status card_said(struct mm_err *err, const char *command, uint16_t sw)
{
    return mm_fail(err, MM_CARD, SIZE_MAX, "%s: %04X, %s", command, sw, mm_sw_text(sw));
}

/* The domain by name; where none was named and the card's issuer domain has another AID, the
 * default application (SELECT without AID, GPCS 11.9.2.3). */
static enum mm_status select_domain(struct mm_access *access, const struct mm_aid *sd,
                                    struct mm_err *err)
{
    struct mm_aid aid = sd != NULL ? *sd : mm_aid_of(MM_AID_ISD);
    uint16_t sw;
    enum mm_status st = mm_access_select(access, &aid, NULL, &sw, err);

    if (st == MM_OK && sw == MM_SW_6A82_FILE_NOT_FOUND && sd == NULL)
        st = mm_access_call(access, 0x00, 0xa4, 0x04, 0x00, NULL, 0, 256, NULL, &sw, err);
    if (st != MM_OK)
        return st;
    /* 6283: a locked card's domain answers, so that the card can be unlocked (GPCS 11.9.3.2). */
    return sw == MM_SW_9000_NO_ERROR || sw == MM_SW_6283_CARD_LOCKED
               ? MM_OK
               : card_said(err, "SELECT security domain", sw);
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

static enum mm_status authenticate(struct mm_gp_session *session, const struct mm_gp_open_how *how,
                                   struct mm_err *err)
{
    static const struct mm_scp_keys elsewhere;
    uint8_t level = how->level != 0 ? how->level : MM_SCP_C_MAC | MM_SCP_C_DEC;
    uint8_t challenge[8];
    struct mm_buf command, resp;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&command);
    mm_buf_init(&resp);
    if (RAND_bytes(challenge, sizeof(challenge)) != 1) {
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
        goto out;
    }
    st = mm_scp03_begin(&session->scp, &elsewhere, how->key_version, challenge, &command);
    if (st == MM_OK)
        st = exchange(session->access, &command, &resp, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = card_said(err, "INITIALIZE UPDATE", sw);
    if (st != MM_OK)
        goto out;
    command.len = 0;
    st = mm_scp03_authenticate_with(&session->scp, session->keys, resp.data, resp.len, level,
                                    &command, err);
    if (st == MM_OK)
        st = exchange(session->access, &command, &resp, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = card_said(err, "EXTERNAL AUTHENTICATE", sw);
out:
    mm_buf_clear(&command);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gp_open_with(struct mm_access *access, const struct mm_gp_open_how *how,
                               const struct mm_gp_keys *keys, struct mm_gp_session **out,
                               struct mm_err *err)
{
    struct mm_gp_session *session = calloc(1, sizeof(*session));
    enum mm_status st;

    *out = NULL;
    if (session == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    session->access = access;
    session->keys = keys;
    st = select_domain(access, how->domain, err);
    if (st == MM_OK)
        st = authenticate(session, how, err);
    if (st != MM_OK) {
        mm_gp_close(&session);
        return st;
    }
    *out = session;
    return MM_OK;
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
    st = open_own(access, &how, &set, MM_GP_DIVERSIFY_KDF3, out, err);
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
        struct mm_err ignored;
        (void)!select_domain(s->access, NULL, &ignored);
    }
    mm_gp_keys_free(&s->own);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

enum mm_status mm_gp_encrypt(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                             struct mm_err *err)
{
    struct mm_gp_session *session = ctx;

    return session->keys->ops->cbc(session->keys->ctx, MM_GP_KEY_DEK, data, data_len, out, err);
}

const struct mm_scp03 *mm_gp_scp(const struct mm_gp_session *session)
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
    mm_buf_init(&command);
    st = mm_scp03_wrap(&session->scp, apdu, apdu_len, &command, err);
    if (st == MM_OK)
        st = mm_access_send(session->access, command.data, command.len, resp, err);
    if (st == MM_OK)
        st = mm_scp03_unwrap(&session->scp, resp, err);
    if (st == MM_OK) {
        *sw = mm_be16(resp->data + resp->len - 2);
        resp->len -= 2;
    } else {
        resp->len = 0;
    }
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
            st = card_said(err, mm_gp_command_name(apdu, len), sw);
        done++;
        if (st != MM_OK && all > 1)
            mm_err_prefix(err, "command %zu of %zu", done, all);
        if (st == MM_OK && progress != NULL)
            progress(ctx, done, all);
    }
    mm_buf_clear(&resp);
    return st;
}
