/* SCP03 (Amendment D v1.2): session keys by the KDF, MAC over the encrypted data, one chaining value for
 * commands and responses. */
#include "applet_vm/scp/scp_int.h"

#include <string.h>

#include <openssl/crypto.h>

/* ---- Session keys and cryptograms (6.2.1, 6.2.2) ---- */
enum mm_status scp_source_kdf(const struct mm_scp_source *source, enum mm_scp_key_id id,
                              uint8_t constant, const uint8_t *context, size_t context_len,
                              uint8_t *out, size_t out_len)
{
    /* label (11 x 00, constant) || separation 00 || L in bits, 2 bytes || counter i || context */
    uint8_t in[16 + 64] = {0}, block[MM_SCP_BLOCK_LEN] = {0};
    enum mm_status st = MM_OK;

    if (out_len == 0 || out_len > MM_SCP_KEY_MAX || context_len > sizeof(in) - 16)
        return MM_CRYPTO;
    in[11] = constant;
    mm_put_be16(in + 13, (uint16_t)(out_len * 8));
    memcpy(in + 16, context, context_len);
    for (size_t off = 0; st == MM_OK && off < out_len; off += sizeof(block)) {
        size_t n = out_len - off < sizeof(block) ? out_len - off : sizeof(block);
        in[15]++;
        st = source->cmac(source->ctx, id, in, 16 + context_len, block);
        if (st == MM_OK)
            memcpy(out + off, block, n);
    }
    OPENSSL_cleanse(block, sizeof(block));
    return st;
}

static enum mm_status cryptogram(const struct mm_scp *s, enum mm_scp_constant which,
                                 const uint8_t *context, size_t context_len, uint8_t *out)
{
    return mm_scp_kdf(s->s_mac, s->key_len, (uint8_t)which, context, context_len, out,
                      mm_scp_mac_len(s));
}

enum mm_status scp03_start(struct mm_scp *s, const struct mm_scp_source *source,
                           const uint8_t *host_challenge, const uint8_t *card_challenge)
{
    uint8_t context[2 * MM_SCP_CHALLENGE_MAX];
    size_t n = mm_scp_challenge_len(s->protocol, s->i);
    enum mm_status st;

    if (source->key_len != 16 && source->key_len != 24 && source->key_len != 32)
        return MM_CRYPTO;
    s->key_len = (uint8_t)source->key_len;
    memcpy(context, host_challenge, n);
    memcpy(context + n, card_challenge, n);
    st = scp_source_kdf(source, MM_SCP_ENC, MM_SCP_S_ENC, context, 2 * n, s->s_enc, s->key_len);
    if (st == MM_OK)
        st = scp_source_kdf(source, MM_SCP_MAC, MM_SCP_S_MAC, context, 2 * n, s->s_mac, s->key_len);
    if (st == MM_OK)
        st = scp_source_kdf(source, MM_SCP_MAC, MM_SCP_S_RMAC, context, 2 * n, s->s_rmac,
                            s->key_len);
    if (st == MM_OK)
        st = cryptogram(s, MM_SCP_CARD_CRYPTOGRAM, context, 2 * n, s->card_cryptogram);
    if (st == MM_OK)
        st = cryptogram(s, MM_SCP_HOST_CRYPTOGRAM, context, 2 * n, s->host_cryptogram);
    return st;
}

/* ---- MACs (6.2.4, 6.2.5) ---- */
static enum mm_status next_mac(const struct mm_scp *s, const struct mm_scp_command *c, size_t len,
                               uint8_t mac[MM_SCP_BLOCK_LEN])
{
    uint8_t head[7];
    size_t head_len = scp_mac_head(c, true, len + mm_scp_mac_len(s), head);

    return scp_session_mac(s, false, s->chain, sizeof(s->chain), head, head_len, c->data, len, mac);
}

enum mm_status scp03_sign(struct mm_scp *s, struct mm_scp_command *c)
{
    uint8_t mac[MM_SCP_BLOCK_LEN];
    enum mm_status st = next_mac(s, c, c->len, mac);

    if (st != MM_OK)
        return st;
    memcpy(s->chain, mac, sizeof(s->chain));
    memcpy(c->data + c->len, mac, mm_scp_mac_len(s));
    c->len += mm_scp_mac_len(s);
    return MM_OK;
}

enum mm_status scp03_check(struct mm_scp *s, struct mm_scp_command *c)
{
    size_t mac_len = mm_scp_mac_len(s);
    uint8_t mac[MM_SCP_BLOCK_LEN] = {0};
    enum mm_status st;

    if (c->len < mac_len)
        return MM_AUTH;
    st = next_mac(s, c, c->len - mac_len, mac);
    if (st == MM_OK && CRYPTO_memcmp(mac, c->data + c->len - mac_len, mac_len) != 0)
        st = MM_AUTH;
    if (st == MM_OK) {
        memcpy(s->chain, mac, sizeof(s->chain));
        c->len -= mac_len;
    }
    OPENSSL_cleanse(mac, sizeof(mac));
    return st;
}

/* ---- Encryption (6.2.6, 6.2.7): the ICV is the counter, encrypted; 80 before it in a response ---- */
static enum mm_status cipher(const struct mm_scp *s, bool encrypt, bool response, uint8_t *data,
                             size_t len)
{
    uint8_t counter[MM_SCP_BLOCK_LEN] = {0};

    mm_put_be32(counter + 12, s->counter);
    if (response)
        counter[0] = 0x80;
    return scp_session_cbc(s, counter, encrypt, data, len);
}

static enum mm_status hide(const struct mm_scp *s, bool response, uint8_t *data, size_t *len)
{
    if (*len == 0) /* no data, nothing to hide */
        return MM_OK;
    *len = mm_scp_pad(data, *len, MM_SCP_BLOCK_LEN);
    return cipher(s, true, response, data, *len);
}

static enum mm_status reveal(const struct mm_scp *s, bool response, uint8_t *data, size_t *len)
{
    enum mm_status st;

    if (*len == 0)
        return MM_OK;
    if (*len % MM_SCP_BLOCK_LEN != 0)
        return MM_AUTH;
    st = cipher(s, false, response, data, *len);
    if (st == MM_OK && mm_scp_unpad(data, *len, MM_SCP_BLOCK_LEN, len) != MM_OK)
        st = MM_AUTH;
    return st;
}

/* The counter moves with each command, data or not (6.2.6). */
enum mm_status scp03_wrap_command(struct mm_scp *s, struct mm_scp_command *c)
{
    enum mm_status st = MM_OK;

    s->counter++;
    if (s->level & MM_SCP_C_DEC)
        st = hide(s, false, c->data, &c->len);
    return st == MM_OK ? scp03_sign(s, c) : st;
}

enum mm_status scp03_unwrap_command(struct mm_scp *s, struct mm_scp_command *c)
{
    enum mm_status st = scp03_check(s, c);

    s->counter++;
    if (st == MM_OK && (s->level & MM_SCP_C_DEC))
        st = reveal(s, false, c->data, &c->len);
    return st;
}

static enum mm_status response_mac(const struct mm_scp *s, const uint8_t *data, size_t len,
                                   uint16_t sw, uint8_t mac[MM_SCP_BLOCK_LEN])
{
    uint8_t sw_bytes[2];

    mm_put_be16(sw_bytes, sw);
    return scp_session_mac(s, true, s->chain, sizeof(s->chain), data, len, sw_bytes,
                           sizeof(sw_bytes), mac);
}

enum mm_status scp03_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len, uint16_t sw)
{
    uint8_t mac[MM_SCP_BLOCK_LEN];
    enum mm_status st = MM_OK;

    if (!mm_scp_has_rmac(s, sw))
        return MM_OK;
    if (s->level & MM_SCP_R_ENC)
        st = hide(s, true, data, len);
    if (st == MM_OK)
        st = response_mac(s, data, *len, sw, mac);
    if (st != MM_OK)
        return st;
    memcpy(data + *len, mac, mm_scp_mac_len(s));
    *len += mm_scp_mac_len(s);
    return MM_OK;
}

enum mm_status scp03_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len, uint16_t sw)
{
    size_t mac_len = mm_scp_mac_len(s);
    uint8_t mac[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    /* An error comes without protection, but then also without data (6.2.5). */
    if (!mm_scp_has_rmac(s, sw) && *len == 0)
        return MM_OK;
    if (!(s->level & MM_SCP_R_MAC))
        return MM_OK;
    if (*len < mac_len)
        return MM_AUTH;
    *len -= mac_len;
    st = response_mac(s, data, *len, sw, mac);
    if (st == MM_OK && CRYPTO_memcmp(mac, data + *len, mac_len) != 0)
        st = MM_AUTH;
    if (st == MM_OK && (s->level & MM_SCP_R_ENC))
        st = reveal(s, true, data, len);
    return st;
}
