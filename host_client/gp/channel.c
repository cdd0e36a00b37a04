/* The host's end of a secure channel (GPCS 2.3.1, appendix E; Amendment D v1.2). */
#include "host_client/gp/channel.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/gp_int.h"

/*
 * INITIALIZE UPDATE response (GPCS E.5.1.6; Amendment D, 7.1.1.6):
 *   SCP02  | diversification 10 | key version, 02 | sequence 2, challenge 6 | cryptogram 8 |
 *   SCP03  | diversification 10 | key version, 03, i | challenge 8 or 16 | cryptogram 8 or 16 |
 *          | sequence 3, if the challenge is made of it |
 */
#define AT_VERSION  10
#define AT_PROTOCOL 11
#define AT_I        12
#define RESP_SCP02  28
#define SEQUENCE    3

#define SM_BIT       0x04 /* CLA: secure messaging, channels 0 to 3 */
#define SM_BIT_LATER 0x20 /* the same for channels 4 to 19 */
#define WRAPPED_MAX  65535

enum mm_status mm_gp_channel_begin(struct mm_gp_channel *s, const struct mm_scp_keys *keys,
                                   uint8_t key_version, const uint8_t *host_challenge,
                                   size_t challenge_len, struct mm_buf *command)
{
    uint8_t header[5] = {0x80, 0x50, key_version, 0x00, (uint8_t)challenge_len};

    *s = (struct mm_gp_channel){.key_version = key_version, .scp02_i = MM_GP_SCP02_I};
    if (challenge_len != MM_SCP_CHALLENGE_LEN && challenge_len != MM_SCP_CHALLENGE_MAX)
        return MM_USAGE;
    if (keys != NULL)
        s->keys = *keys;
    s->challenge_len = (uint8_t)challenge_len;
    memcpy(s->host_challenge, host_challenge, challenge_len);
    mm_buf_bytes(command, header, sizeof(header));
    mm_buf_bytes(command, host_challenge, challenge_len);
    mm_buf_u8(command, 0x00);
    return command->bad ? MM_NO_MEMORY : MM_OK;
}

/* ---- The card's answer ---- */
struct answer {
    uint8_t protocol, i;
    const uint8_t *challenge, *cryptogram;
    uint32_t sequence;
};

static enum mm_status read_answer(const uint8_t *resp, size_t resp_len, struct answer *a,
                                  struct mm_err *err)
{
    size_t n, want;

    if (resp_len < RESP_SCP02)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "INITIALIZE UPDATE: response of %zu bytes; expected %d or more", resp_len,
                       RESP_SCP02);
    *a = (struct answer){.protocol = resp[AT_PROTOCOL]};
    if (a->protocol != 2 && a->protocol != 3)
        return mm_fail(err, MM_UNSUPPORTED, AT_PROTOCOL,
                       "INITIALIZE UPDATE: the card speaks SCP%02X; expected SCP02 or SCP03",
                       a->protocol);
    a->i = a->protocol == 3 ? resp[AT_I] : 0;
    n = mm_scp_challenge_len(a->protocol, a->i);
    a->challenge = resp + (a->protocol == 3 ? AT_I + 1 : AT_I);
    a->cryptogram = a->challenge + n;
    want = (size_t)(a->cryptogram - resp) + n;
    if (a->protocol == 2)
        a->sequence = mm_be16(a->challenge);
    /* Some cards leave the counter out, others tell it always: both are read. */
    if (resp_len != want && !(a->protocol == 3 && resp_len == want + SEQUENCE))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "INITIALIZE UPDATE: response of %zu bytes; expected %zu", resp_len, want);
    if (resp_len > want)
        a->sequence = (uint32_t)resp[want] << 16 | mm_be16(resp + want + 1);
    return MM_OK;
}

enum mm_status mm_gp_channel_diversification(const uint8_t *resp, size_t resp_len,
                                             uint8_t out[MM_SCP_DIVERSIFICATION_LEN],
                                             struct mm_err *err)
{
    struct answer a;
    enum mm_status st = read_answer(resp, resp_len, &a, err);

    memset(out, 0, MM_SCP_DIVERSIFICATION_LEN);
    if (st == MM_OK)
        memcpy(out, resp, MM_SCP_DIVERSIFICATION_LEN);
    return st;
}

static enum mm_status check_level(const struct answer *a, uint8_t i, uint8_t level,
                                  struct mm_err *err)
{
    /* All that the protocol could do: what is left then is for the parameter to say. */
    uint8_t all = a->protocol == 2 ? MM_SCP02_R_MAC : MM_SCP03_R_MAC | MM_SCP03_R_ENC;

    if (!(level & MM_SCP_C_MAC) || !mm_scp_level_allowed(a->protocol, all, level))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "security level %02X; expected 01, 03, 11, 13%s",
                       level, a->protocol == 3 ? " or 33" : "");
    /* SCP02 does not tell its i; whether there are R-MACs EXTERNAL AUTHENTICATE will show. */
    if (a->protocol == 3 && !mm_scp_level_allowed(3, i, level))
        return mm_fail(err, MM_UNSUPPORTED, AT_I,
                       "security level %02X: the card does not offer it (i = %02X)", level, i);
    return MM_OK;
}

/* The card's word on its keys against what was asked for. */
static enum mm_status check_asked(struct mm_gp_channel *s, const uint8_t *resp, size_t resp_len,
                                  uint8_t level, struct answer *a, struct mm_err *err)
{
    enum mm_status st = read_answer(resp, resp_len, a, err);

    if (st != MM_OK)
        return st;
    if (a->protocol == 2)
        a->i = s->scp02_i;
    st = check_level(a, a->i, level, err);
    if (st == MM_OK && s->key_version != 0 && resp[AT_VERSION] != s->key_version)
        st = mm_fail(err, MM_MALFORMED, AT_VERSION,
                     "INITIALIZE UPDATE: the card uses key version %02X; asked for %02X",
                     resp[AT_VERSION], s->key_version);
    if (st == MM_OK && s->challenge_len != mm_scp_challenge_len(a->protocol, a->i))
        st = mm_fail(err, MM_MALFORMED, AT_I,
                     "INITIALIZE UPDATE: i = %02X does not go with a challenge of %u bytes", a->i,
                     s->challenge_len);
    return st;
}

/* A card that makes its challenge of a counter must have made it so (Amendment D, 6.2.2.1). */
static enum mm_status check_challenge(const struct mm_gp_channel *s, const struct answer *a,
                                      const struct mm_scp_source *source, struct mm_err *err)
{
    size_t n = mm_scp_challenge_len(a->protocol, a->i);
    uint8_t want[MM_SCP_CHALLENGE_MAX];
    enum mm_status st;

    if (s->aid.len == 0 || a->protocol != 3 || !(a->i & MM_SCP03_PSEUDO_RANDOM))
        return MM_OK;
    st = mm_scp_known_challenge(3, a->i, source, a->sequence, &s->aid, want);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "card challenge: %s", mm_status_text(st));
    if (CRYPTO_memcmp(want, a->challenge, n) != 0)
        return mm_fail(err, MM_AUTH, SIZE_MAX,
                       "the card's challenge is not the one of its sequence counter %06X",
                       a->sequence);
    return MM_OK;
}

/* ---- EXTERNAL AUTHENTICATE ---- */
static enum mm_status write_authenticate(struct mm_gp_channel *s, uint8_t level,
                                         struct mm_buf *command, struct mm_err *err)
{
    uint8_t apdu[5 + 2 * MM_SCP_MAC_MAX] = {0x84, 0x82, level, 0x00};
    size_t n = mm_scp_mac_len(&s->scp);
    struct mm_scp_command c = {.header = {0x84, 0x82, level, 0x00}, .data = apdu + 5, .len = n};
    enum mm_status st;

    memcpy(apdu + 5, s->scp.host_cryptogram, n);
    st = mm_scp_sign_first(&s->scp, &c);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "EXTERNAL AUTHENTICATE: %s", mm_status_text(st));
    apdu[4] = (uint8_t)c.len;
    mm_buf_bytes(command, apdu, 5 + c.len);
    return command->bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : MM_OK;
}

static enum mm_status authenticate(struct mm_gp_channel *s, const struct answer *a,
                                   const struct mm_scp_source *source, const uint8_t *resp,
                                   uint8_t level, struct mm_buf *command, struct mm_err *err)
{
    uint8_t i = a->i;
    enum mm_status st = check_challenge(s, a, source, err);

    if (st != MM_OK)
        return st;
    if (a->protocol == 2 && (level & MM_SCP_R_MAC))
        i |= MM_SCP02_R_MAC;
    st = mm_scp_start(&s->scp, a->protocol, i, source, s->host_challenge, a->challenge);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "session keys: %s", mm_status_text(st));
    if (CRYPTO_memcmp(s->scp.card_cryptogram, a->cryptogram, mm_scp_mac_len(&s->scp)) != 0)
        return mm_fail(err, MM_AUTH, SIZE_MAX,
                       "the card's cryptogram is wrong: its keys are not the ones given");
    st = write_authenticate(s, level, command, err);
    if (st != MM_OK)
        return st;
    s->key_version = resp[AT_VERSION];
    memcpy(s->diversification, resp, sizeof(s->diversification));
    s->sequence = a->sequence;
    s->scp.level = level;
    if (a->protocol == 2 && (level & MM_SCP_R_MAC))
        mm_scp02_rmac_begin(&s->scp);
    s->open = 1;
    return MM_OK;
}

enum mm_status mm_gp_channel_authenticate(struct mm_gp_channel *s, const uint8_t *resp,
                                          size_t resp_len, uint8_t level, struct mm_buf *command,
                                          struct mm_err *err)
{
    struct mm_scp_source source = mm_scp_source_of(&s->keys);
    struct answer a;
    enum mm_status st = check_asked(s, resp, resp_len, level, &a, err);

    if (st == MM_OK)
        st = authenticate(s, &a, &source, resp, level, command, err);
    if (st == MM_OK && a.protocol == 3)
        memcpy(s->scp.dek, s->keys.dek, s->keys.len);
    return st;
}

/* A key source behind the arithmetic; what it says of a failure is kept. */
struct behind {
    const struct mm_gp_keys *keys;
    struct mm_err err;
};

static enum mm_status behind_cmac(void *ctx, enum mm_scp_key_id id, const uint8_t *data,
                                  size_t data_len, uint8_t out[MM_SCP_BLOCK_LEN])
{
    struct behind *b = ctx;

    return b->keys->ops->cmac(b->keys->ctx, (enum mm_gp_key_id)id, data, data_len, out, &b->err);
}

static enum mm_status behind_cbc(void *ctx, enum mm_scp_key_id id, const uint8_t *data,
                                 size_t data_len, uint8_t *out)
{
    struct behind *b = ctx;

    return b->keys->ops->cbc(b->keys->ctx, (enum mm_gp_key_id)id, data, data_len, out, &b->err);
}

enum mm_status mm_gp_channel_authenticate_with(struct mm_gp_channel *s,
                                               const struct mm_gp_keys *keys, const uint8_t *resp,
                                               size_t resp_len, uint8_t level,
                                               struct mm_buf *command, struct mm_err *err)
{
    struct behind behind = {.keys = keys};
    struct mm_scp_source source = {.ctx = &behind, .cmac = behind_cmac, .cbc = behind_cbc};
    struct mm_gp_key_card card = {0};
    struct answer a;
    enum mm_status st = check_asked(s, resp, resp_len, level, &a, err);

    if (st != MM_OK)
        return st;
    card.scp = a.protocol;
    card.key_version = resp[AT_VERSION];
    memcpy(card.diversification, resp, sizeof(card.diversification));
    st = keys->ops->choose(keys->ctx, &card, err);
    if (st != MM_OK)
        return st;
    source.key_len = keys->ops->key_len(keys->ctx);
    st = authenticate(s, &a, &source, resp, level, command, err);
    if (st != MM_OK && err != NULL && behind.err.st != MM_OK)
        *err = behind.err; /* nearer to what happened */
    return st;
}

enum mm_status mm_gp_channel_begin_implicit(struct mm_gp_channel *s, const struct mm_scp_keys *keys,
                                            uint16_t sequence, struct mm_err *err)
{
    struct mm_scp_source source = mm_scp_source_of(keys);
    enum mm_status st = mm_scp02_start_implicit(&s->scp, s->scp02_i, &source, sequence, &s->aid);

    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "session keys: %s", mm_status_text(st));
    s->keys = *keys;
    s->sequence = sequence;
    s->scp.level = MM_SCP_C_MAC;
    s->open = 1;
    return MM_OK;
}

/* ---- Commands ---- */
enum mm_status mm_gp_channel_wrap(struct mm_gp_channel *s, const uint8_t *apdu, size_t apdu_len,
                                  struct mm_buf *command, struct mm_err *err)
{
    struct mm_scp_command c = {0};
    struct mm_gp_apdu p;
    uint8_t *data = NULL;
    size_t room;
    enum mm_status st = mm_gp_apdu_parse(apdu, apdu_len, &p, err);

    if (st != MM_OK)
        return st;
    if (s->open == 0)
        return mm_fail(err, MM_STATE, SIZE_MAX, "the secure channel is not open");
    room = p.data_len + MM_SCP_OVERHEAD;
    if (room > WRAPPED_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%zu bytes of data; wrapped they exceed %d",
                       p.data_len, WRAPPED_MAX);
    data = malloc(room);
    if (data == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (p.data_len > 0)
        memcpy(data, p.data, p.data_len);
    if (s->scp.level & MM_SCP_C_MAC)
        p.header[0] |= (p.header[0] & 0xc0) == 0x40 ? SM_BIT_LATER : SM_BIT;
    memcpy(c.header, p.header, sizeof(c.header));
    c.data = data;
    c.len = p.data_len;
    st = mm_scp_wrap_command(&s->scp, &c, room);
    if (st != MM_OK) {
        s->open = 0; /* the card's state and ours may differ now */
        (void)mm_fail(err, st, SIZE_MAX, "secure channel: %s", mm_status_text(st));
        goto out;
    }
    p.data = data;
    p.data_len = c.len;
    if ((s->scp.level & MM_SCP_R_MAC) != 0 && p.le < 0)
        p.le = 256; /* an R-MAC comes back even when no data does */
    mm_gp_apdu_write(&p, command);
    if (command->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
out:
    OPENSSL_cleanse(data, room);
    free(data);
    return st;
}

enum mm_status mm_gp_channel_unwrap(struct mm_gp_channel *s, struct mm_buf *resp,
                                    struct mm_err *err)
{
    uint8_t sw[2];
    size_t data_len;
    enum mm_status st;

    if (resp->len < sizeof(sw))
        return mm_fail(err, MM_TRUNCATED, SIZE_MAX, "response of %zu bytes; a status word has 2",
                       resp->len);
    data_len = resp->len - sizeof(sw);
    memcpy(sw, resp->data + data_len, sizeof(sw));
    st = mm_scp_unwrap_response(&s->scp, resp->data, &data_len, mm_be16(sw));
    /* An error without data that should have had an R-MAC ends the channel, but may be told. */
    if (st == MM_AUTH && data_len == 0 && sw[0] != 0x90 && sw[0] != 0x62 && sw[0] != 0x63 &&
        resp->len == sizeof(sw))
        s->open = 0;
    else if (st != MM_OK) {
        s->open = 0;
        return mm_fail(err, st, SIZE_MAX, "the response's R-MAC is %s",
                       resp->len < sizeof(sw) + mm_scp_mac_len(&s->scp) ? "missing" : "wrong");
    }
    memcpy(resp->data + data_len, sw, sizeof(sw));
    resp->len = data_len + sizeof(sw);
    return MM_OK;
}

/* ---- R-MAC sessions (GPCS E.5.3, E.5.4; Amendment D, 7.1.3) ---- */
void mm_gp_channel_rmac_begin(struct mm_gp_channel *s, uint8_t p1)
{
    s->scp.level |= p1;
    if (s->scp.protocol == 2)
        mm_scp02_rmac_begin(&s->scp);
}

void mm_gp_channel_rmac_last(struct mm_gp_channel *s)
{
    s->scp.level |= MM_SCP_R_MAC;
}

void mm_gp_channel_rmac_end(struct mm_gp_channel *s)
{
    s->scp.level &= (uint8_t) ~(MM_SCP_R_MAC | MM_SCP_R_ENC);
    if (s->scp.protocol == 2)
        mm_scp02_rmac_end(&s->scp);
}

enum mm_status mm_gp_channel_encrypt(const struct mm_gp_channel *s, const struct mm_gp_keys *keys,
                                     const uint8_t *in, size_t len, uint8_t *out,
                                     struct mm_err *err)
{
    enum mm_status st;

    if (s->scp.protocol == 3 && keys != NULL)
        return keys->ops->cbc(keys->ctx, MM_GP_KEY_DEK, in, len, out, err);
    st = mm_scp_data(&s->scp, true, in, len, out);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "key data: %s", mm_status_text(st));
}
