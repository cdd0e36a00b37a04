/* The host's end of an SCP03 session (GPCS Amendment D v1.1.2), as a plain value. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/gp_int.h"

/* INITIALIZE UPDATE response (Amendment D, 7.1.1.6):
 *   | diversification 10 | key version, 03, i | card challenge 8 | cryptogram 8 | [sequence 3] | */
#define RESP_LEN          29
#define RESP_SEQUENCE_LEN 32
#define I_S16             0x01 /* MACs of 16 bytes (Amendment D v1.2) */

#define SM_BIT       0x04 /* CLA: secure messaging, channels 0 to 3 */
#define SM_BIT_LATER 0x20 /* the same for channels 4 to 19 */
#define WRAPPED_MAX  65535

enum mm_status mm_scp03_begin(struct mm_scp03 *s, const struct mm_scp_keys *keys,
                              uint8_t key_version, const uint8_t host_challenge[8],
                              struct mm_buf *command)
{
    uint8_t header[5] = {0x80, 0x50, key_version, 0x00, MM_SCP_CHALLENGE_LEN};

    *s = (struct mm_scp03){.keys = *keys, .key_version = key_version};
    memcpy(s->host_challenge, host_challenge, sizeof(s->host_challenge));
    mm_buf_bytes(command, header, sizeof(header));
    mm_buf_bytes(command, host_challenge, MM_SCP_CHALLENGE_LEN);
    mm_buf_u8(command, 0x00);
    return command->bad ? MM_NO_MEMORY : MM_OK;
}

static enum mm_status check_response(const uint8_t *resp, size_t resp_len, struct mm_err *err)
{
    if (resp_len != RESP_LEN && resp_len != RESP_SEQUENCE_LEN)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "INITIALIZE UPDATE: response of %zu bytes; expected %d or %d", resp_len,
                       RESP_LEN, RESP_SEQUENCE_LEN);
    if (resp[11] != 0x03)
        return mm_fail(err, MM_UNSUPPORTED, 11,
                       "INITIALIZE UPDATE: the card speaks SCP%02X; expected SCP03", resp[11]);
    if ((resp[12] & I_S16) != 0)
        return mm_fail(err, MM_UNSUPPORTED, 12,
                       "INITIALIZE UPDATE: the card wants S16 mode (i = %02X); expected S8",
                       resp[12]);
    return MM_OK;
}

enum mm_status mm_scp03_diversification(const uint8_t *resp, size_t resp_len,
                                        uint8_t out[MM_SCP_DIVERSIFICATION_LEN], struct mm_err *err)
{
    enum mm_status st = check_response(resp, resp_len, err);

    memset(out, 0, MM_SCP_DIVERSIFICATION_LEN);
    if (st == MM_OK)
        memcpy(out, resp, MM_SCP_DIVERSIFICATION_LEN);
    return st;
}

static enum mm_status check_level(uint8_t level, struct mm_err *err)
{
    const uint8_t known = MM_SCP_C_MAC | MM_SCP_C_DEC | MM_SCP_R_MAC | MM_SCP_R_ENC;
    bool c_dec = (level & MM_SCP_C_DEC) != 0, r_mac = (level & MM_SCP_R_MAC) != 0;

    /* Amendment D, table 7-6: each protection rests on the ones before it. */
    if ((level & ~known) != 0 || (level & MM_SCP_C_MAC) == 0 ||
        ((level & MM_SCP_R_ENC) != 0 && !(c_dec && r_mac)))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "security level %02X; expected 01, 03, 11, 13 or 33", level);
    return MM_OK;
}

static enum mm_status check_cryptogram(const struct mm_scp03 *s, const uint8_t *card_challenge,
                                       const uint8_t *cryptogram, struct mm_err *err)
{
    uint8_t want[8];
    enum mm_status st = mm_scp_cryptogram(s->s_mac, MM_SCP_CARD_CRYPTOGRAM, s->host_challenge,
                                          card_challenge, want);

    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "INITIALIZE UPDATE: %s", mm_status_text(st));
    if (CRYPTO_memcmp(want, cryptogram, sizeof(want)) != 0)
        return mm_fail(err, MM_AUTH, SIZE_MAX,
                       "the card's cryptogram is wrong: its keys are not the ones given");
    return MM_OK;
}

/* The card's word on its keys against what was asked for. */
static enum mm_status check_asked(const struct mm_scp03 *s, const uint8_t *resp, size_t resp_len,
                                  uint8_t level, struct mm_err *err)
{
    enum mm_status st = check_level(level, err);

    if (st == MM_OK)
        st = check_response(resp, resp_len, err);
    if (st == MM_OK && s->key_version != 0 && resp[10] != s->key_version)
        st = mm_fail(err, MM_MALFORMED, 10,
                     "INITIALIZE UPDATE: the card uses key version %02X; asked for %02X", resp[10],
                     s->key_version);
    return st;
}

/* With session keys: the card's cryptogram, then ours and the first MAC of the chain. */
static enum mm_status write_authenticate(struct mm_scp03 *s, const uint8_t *resp, uint8_t level,
                                         struct mm_buf *command, struct mm_err *err)
{
    uint8_t apdu[21] = {0x84, 0x82, level, 0x00, 0x10};
    const uint8_t *card_challenge = resp + 13;
    enum mm_status st = check_cryptogram(s, card_challenge, resp + 21, err);

    if (st != MM_OK)
        return st;
    st = mm_scp_cryptogram(s->s_mac, MM_SCP_HOST_CRYPTOGRAM, s->host_challenge, card_challenge,
                           apdu + 5);
    if (st == MM_OK) /* the chain starts with zeros (Amendment D, 6.2.4) */
        st = mm_scp_mac(s->s_mac, s->chain, apdu, 5, apdu + 5, 8, s->chain);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "EXTERNAL AUTHENTICATE: %s", mm_status_text(st));
    memcpy(apdu + 13, s->chain, MM_SCP_MAC_LEN);
    mm_buf_bytes(command, apdu, sizeof(apdu));
    s->key_version = resp[10];
    memcpy(s->diversification, resp, sizeof(s->diversification));
    s->level = level;
    s->open = 1;
    return command->bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : MM_OK;
}

enum mm_status mm_scp03_authenticate(struct mm_scp03 *s, const uint8_t *resp, size_t resp_len,
                                     uint8_t level, struct mm_buf *command, struct mm_err *err)
{
    enum mm_status st = check_asked(s, resp, resp_len, level, err);

    if (st != MM_OK)
        return st;
    st = mm_scp_session_keys(&s->keys, s->host_challenge, resp + 13, s->s_enc, s->s_mac, s->s_rmac);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "session keys: %s", mm_status_text(st));
    return write_authenticate(s, resp, level, command, err);
}

enum mm_status mm_scp03_authenticate_with(struct mm_scp03 *s, const struct mm_gp_keys *keys,
                                          const uint8_t *resp, size_t resp_len, uint8_t level,
                                          struct mm_buf *command, struct mm_err *err)
{
    struct mm_gp_key_card card = {.scp = 0x03};
    uint8_t context[2 * MM_SCP_CHALLENGE_LEN];
    enum mm_status st = check_asked(s, resp, resp_len, level, err);

    if (st != MM_OK)
        return st;
    card.key_version = resp[10];
    memcpy(card.diversification, resp, sizeof(card.diversification));
    memcpy(context, s->host_challenge, MM_SCP_CHALLENGE_LEN);
    memcpy(context + MM_SCP_CHALLENGE_LEN, resp + 13, MM_SCP_CHALLENGE_LEN);
    st = keys->ops->choose(keys->ctx, &card, err);
    if (st == MM_OK)
        st = mm_gp_keys_kdf(keys, MM_GP_KEY_ENC, MM_SCP_S_ENC, context, sizeof(context), s->s_enc,
                            sizeof(s->s_enc), err);
    if (st == MM_OK)
        st = mm_gp_keys_kdf(keys, MM_GP_KEY_MAC, MM_SCP_S_MAC, context, sizeof(context), s->s_mac,
                            sizeof(s->s_mac), err);
    if (st == MM_OK)
        st = mm_gp_keys_kdf(keys, MM_GP_KEY_MAC, MM_SCP_S_RMAC, context, sizeof(context), s->s_rmac,
                            sizeof(s->s_rmac), err);
    return st == MM_OK ? write_authenticate(s, resp, level, command, err) : st;
}

/* Data as it will be sent, less the MAC: encrypted when the level says so. */
static enum mm_status protect_data(const struct mm_scp03 *s, const struct mm_gp_apdu *in,
                                   uint8_t *data, size_t *data_len)
{
    uint8_t iv[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    if (in->data_len > 0)
        memcpy(data, in->data, in->data_len);
    *data_len = in->data_len;
    if ((s->level & MM_SCP_C_DEC) == 0 || in->data_len == 0) /* 6.2.6: no data, nothing to hide */
        return MM_OK;
    *data_len = mm_scp_pad(data, in->data_len);
    st = mm_scp_icv(s->s_enc, s->counter, false, iv);
    if (st == MM_OK)
        st = mm_scp_cbc(s->s_enc, iv, true, data, *data_len, data);
    OPENSSL_cleanse(iv, sizeof(iv));
    return st;
}

/* CMAC over chain || header || Lc || data (Amendment D, 6.2.4); Lc counts the MAC. */
static enum mm_status put_mac(struct mm_scp03 *s, const uint8_t header[4], uint8_t *data,
                              size_t data_len)
{
    uint8_t head[7];
    size_t head_len = 5, lc = data_len + MM_SCP_MAC_LEN;
    enum mm_status st;

    memcpy(head, header, 4);
    head[4] = (uint8_t)lc;
    if (lc > 255) {
        head[4] = 0;
        mm_put_be16(head + 5, (uint16_t)lc);
        head_len = 7;
    }
    st = mm_scp_mac(s->s_mac, s->chain, head, head_len, data, data_len, s->chain);
    if (st == MM_OK)
        memcpy(data + data_len, s->chain, MM_SCP_MAC_LEN);
    return st;
}

enum mm_status mm_scp03_wrap(struct mm_scp03 *s, const uint8_t *apdu, size_t apdu_len,
                             struct mm_buf *command, struct mm_err *err)
{
    struct mm_gp_apdu p;
    uint8_t *data = NULL;
    size_t data_len = 0, room;
    enum mm_status st = mm_gp_apdu_parse(apdu, apdu_len, &p, err);

    if (st != MM_OK)
        return st;
    if (s->open == 0)
        return mm_fail(err, MM_STATE, SIZE_MAX, "the secure channel is not open");
    room = p.data_len + MM_SCP_BLOCK_LEN + MM_SCP_MAC_LEN;
    if (room > WRAPPED_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%zu bytes of data; wrapped they exceed %d",
                       p.data_len, WRAPPED_MAX);
    data = malloc(room);
    if (data == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    s->counter++;
    p.header[0] |= (p.header[0] & 0xc0) == 0x40 ? SM_BIT_LATER : SM_BIT;
    st = protect_data(s, &p, data, &data_len);
    if (st == MM_OK)
        st = put_mac(s, p.header, data, data_len);
    if (st != MM_OK) {
        s->open = 0; /* the card's counter and ours may differ now */
        (void)mm_fail(err, st, SIZE_MAX, "secure channel: %s", mm_status_text(st));
        goto out;
    }
    p.data = data;
    p.data_len = data_len + MM_SCP_MAC_LEN;
    if ((s->level & MM_SCP_R_MAC) != 0 && p.le < 0)
        p.le = 256; /* an R-MAC comes back even when no data does */
    mm_gp_apdu_write(&p, command);
    if (command->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
out:
    OPENSSL_cleanse(data, room);
    free(data);
    return st;
}

/* Amendment D, 6.2.5 and 6.2.7: data of a response, without R-MAC and status word, in place. */
static enum mm_status reveal(const struct mm_scp03 *s, uint8_t *data, size_t *data_len)
{
    uint8_t iv[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    if ((s->level & MM_SCP_R_ENC) == 0 || *data_len == 0)
        return MM_OK;
    st = mm_scp_icv(s->s_enc, s->counter, true, iv);
    if (st == MM_OK)
        st = mm_scp_cbc(s->s_enc, iv, false, data, *data_len, data);
    if (st == MM_OK)
        st = mm_scp_unpad(data, *data_len, data_len);
    OPENSSL_cleanse(iv, sizeof(iv));
    return st;
}

enum mm_status mm_scp03_unwrap(struct mm_scp03 *s, struct mm_buf *resp, struct mm_err *err)
{
    uint8_t mac[MM_SCP_BLOCK_LEN];
    uint8_t sw[2];
    size_t data_len;
    enum mm_status st;

    if (resp->len < sizeof(sw))
        return mm_fail(err, MM_TRUNCATED, SIZE_MAX, "response of %zu bytes; a status word has 2",
                       resp->len);
    memcpy(sw, resp->data + resp->len - sizeof(sw), sizeof(sw));
    /* An error comes without protection, but then also without data (Amendment D, 6.2.5). */
    if ((s->level & MM_SCP_R_MAC) == 0 ||
        (resp->len == sizeof(sw) && sw[0] != 0x90 && sw[0] != 0x62 && sw[0] != 0x63))
        return MM_OK;
    s->open = 0; /* until the MAC is seen to be right */
    if (resp->len < sizeof(sw) + MM_SCP_MAC_LEN)
        return mm_fail(err, MM_AUTH, SIZE_MAX, "the response has no R-MAC");
    data_len = resp->len - sizeof(sw) - MM_SCP_MAC_LEN;
    st = mm_scp_mac(s->s_rmac, s->chain, resp->data, data_len, sw, sizeof(sw), mac);
    if (st == MM_OK && CRYPTO_memcmp(mac, resp->data + data_len, MM_SCP_MAC_LEN) != 0)
        return mm_fail(err, MM_AUTH, SIZE_MAX, "the response's R-MAC is wrong");
    if (st == MM_OK)
        st = reveal(s, resp->data, &data_len);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "response: %s", mm_status_text(st));
    memcpy(resp->data + data_len, sw, sizeof(sw));
    resp->len = data_len + sizeof(sw);
    s->open = 1;
    return MM_OK;
}
