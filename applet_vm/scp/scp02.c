/* SCP02 (GPCS 2.3.1, appendix E): triple DES session keys, C-MAC over the plain command, R-MAC over
 * command and response. */
#include "applet_vm/scp/scp_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define DES_BLOCK MM_SCP_DES_BLOCK
#define MAC_LEN   MM_SCP_MAC_LEN

/* ---- Session keys (E.4.1) ---- */
enum { KEY_C_MAC = 0x0101, KEY_R_MAC = 0x0102, KEY_DEK = 0x0181, KEY_ENC = 0x0182 };

/* Constant, sequence counter and zeros, encrypted; with one base key that is the first. */
static enum mm_status session_key(const struct mm_scp *s, const struct mm_scp_source *source,
                                  enum mm_scp_key_id id, uint16_t constant, uint16_t sequence,
                                  uint8_t out[16])
{
    uint8_t in[16] = {0};

    mm_put_be16(in, constant);
    mm_put_be16(in + 2, sequence);
    if (!(s->i & MM_SCP02_THREE_KEYS))
        id = MM_SCP_ENC;
    return source->cbc(source->ctx, id, in, sizeof(in), out);
}

static enum mm_status session_keys(struct mm_scp *s, const struct mm_scp_source *source,
                                   uint16_t sequence)
{
    enum mm_status st = session_key(s, source, MM_SCP_ENC, KEY_ENC, sequence, s->s_enc);

    s->key_len = MM_SCP_KEY_LEN;
    if (st == MM_OK)
        st = session_key(s, source, MM_SCP_MAC, KEY_C_MAC, sequence, s->s_mac);
    if (st == MM_OK)
        st = session_key(s, source, MM_SCP_MAC, KEY_R_MAC, sequence, s->s_rmac);
    if (st == MM_OK)
        st = session_key(s, source, MM_SCP_DEK, KEY_DEK, sequence, s->dek);
    return st;
}

enum mm_status scp02_start(struct mm_scp *s, const struct mm_scp_source *source,
                           const uint8_t *host_challenge, const uint8_t *card_challenge)
{
    uint8_t text[16];
    enum mm_status st = session_keys(s, source, mm_be16(card_challenge));

    memcpy(text, host_challenge, 8);
    memcpy(text + 8, card_challenge, 8);
    if (st == MM_OK)
        st = mm_scp_des_mac_full(s->s_enc, 16, text, sizeof(text), s->card_cryptogram);
    memcpy(text, card_challenge, 8);
    memcpy(text + 8, host_challenge, 8);
    if (st == MM_OK)
        st = mm_scp_des_mac_full(s->s_enc, 16, text, sizeof(text), s->host_cryptogram);
    return st;
}

enum mm_status mm_scp02_start_implicit(struct mm_scp *s, uint8_t i,
                                       const struct mm_scp_source *source, uint16_t sequence,
                                       const struct mm_aid *aid)
{
    enum mm_status st;

    *s = (struct mm_scp){.protocol = 2, .i = i};
    st = session_keys(s, source, sequence);
    if (st == MM_OK && (i & MM_SCP02_ICV_AID))
        st = mm_scp_des_mac(s->s_mac, NULL, aid->bytes, aid->len, NULL, 0, s->chain);
    return st;
}

/* ---- C-MAC (E.4.4) ---- */

/* The next C-MAC over header and plain data: the last one, encrypted if i says so, is its ICV. */
static enum mm_status next_mac(struct mm_scp *s, const struct mm_scp_command *c,
                               const uint8_t *data, size_t len, uint8_t mac[MAC_LEN])
{
    bool modified = !(s->i & MM_SCP02_UNMODIFIED);
    uint8_t head[7], icv[DES_BLOCK];
    size_t head_len = scp_mac_head(c, modified, len + (modified ? MAC_LEN : 0), head);
    enum mm_status st = MM_OK;

    memcpy(icv, s->chain, sizeof(icv));
    if (s->chained && (s->i & MM_SCP02_ICV_ENCRYPTION))
        st = mm_scp_des_ecb(s->s_mac, 8, true, icv, sizeof(icv), icv);
    return st == MM_OK ? mm_scp_des_mac(s->s_mac, icv, head, head_len, data, len, mac) : st;
}

static void chain_on(struct mm_scp *s, const uint8_t mac[MAC_LEN])
{
    memcpy(s->chain, mac, MAC_LEN);
    s->chained = true;
}

/* data is as long as len and MAC; the MAC goes behind it. */
enum mm_status scp02_sign(struct mm_scp *s, struct mm_scp_command *c)
{
    uint8_t mac[MAC_LEN];
    enum mm_status st = next_mac(s, c, c->data, c->len, mac);

    if (st != MM_OK)
        return st;
    chain_on(s, mac);
    memcpy(c->data + c->len, mac, MAC_LEN);
    c->len += MAC_LEN;
    return MM_OK;
}

static enum mm_status check_mac(struct mm_scp *s, const struct mm_scp_command *c,
                                const uint8_t *data, size_t len, const uint8_t given[MAC_LEN])
{
    uint8_t mac[MAC_LEN];
    enum mm_status st = next_mac(s, c, data, len, mac);

    if (st == MM_OK && CRYPTO_memcmp(mac, given, MAC_LEN) != 0)
        st = MM_AUTH;
    if (st == MM_OK)
        chain_on(s, mac);
    OPENSSL_cleanse(mac, sizeof(mac));
    return st;
}

enum mm_status scp02_check(struct mm_scp *s, struct mm_scp_command *c)
{
    enum mm_status st = MM_AUTH;

    if (c->len >= MAC_LEN)
        st = check_mac(s, c, c->data, c->len - MAC_LEN, c->data + c->len - MAC_LEN);
    if (st == MM_OK)
        c->len -= MAC_LEN;
    return st;
}

/* ---- Commands: MAC over the plain data, then encryption (E.4.6) ---- */
enum mm_status scp02_wrap_command(struct mm_scp *s, struct mm_scp_command *c)
{
    uint8_t mac[MAC_LEN];
    enum mm_status st = next_mac(s, c, c->data, c->len, mac);

    if (st != MM_OK)
        return st;
    if (s->rmac.on)
        st = scp02_sum_command(s, c->header, c->extended, c->data, c->len);
    chain_on(s, mac);
    if (st == MM_OK && (s->level & MM_SCP_C_DEC) && c->len > 0) {
        c->len = mm_scp_pad(c->data, c->len, DES_BLOCK);
        st = mm_scp_des_cbc(s->s_enc, 16, NULL, true, c->data, c->len, c->data);
    }
    memcpy(c->data + c->len, mac, MAC_LEN);
    c->len += MAC_LEN;
    return st;
}

enum mm_status scp02_unwrap_command(struct mm_scp *s, struct mm_scp_command *c)
{
    size_t len = c->len - MAC_LEN;
    enum mm_status st = MM_OK;

    if (c->len < MAC_LEN)
        return MM_AUTH;
    if ((s->level & MM_SCP_C_DEC) && len > 0) {
        if (len % DES_BLOCK != 0)
            return MM_AUTH;
        st = mm_scp_des_cbc(s->s_enc, 16, NULL, false, c->data, len, c->data);
        /* Padding that is wrong is a MAC that is wrong: nobody learns which. */
        if (st == MM_OK && mm_scp_unpad(c->data, len, DES_BLOCK, &len) != MM_OK)
            return MM_AUTH;
    }
    if (st == MM_OK)
        st = check_mac(s, c, c->data, len, c->data + c->len - MAC_LEN);
    if (st == MM_OK)
        c->len = len;
    if (st == MM_OK && s->rmac.on)
        st = scp02_sum_command(s, c->header, c->extended, c->data, len);
    return st;
}

/* ---- R-MAC (E.4.5): command without protection, length of the response, response, status word ---- */
static enum mm_status rmac_block(struct mm_scp *s, struct mm_scp_rmac *r)
{
    r->n = 0;
    return mm_scp_des_cbc(s->s_rmac, 8, r->chain, true, r->block, DES_BLOCK, r->chain);
}

static enum mm_status rmac_add(struct mm_scp *s, const uint8_t *data, size_t len)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < len && st == MM_OK; i++) {
        s->rmac.block[s->rmac.n++] = data[i];
        if (s->rmac.n == DES_BLOCK)
            st = rmac_block(s, &s->rmac);
    }
    return st;
}

enum mm_status scp02_sum_command(struct mm_scp *s, const uint8_t header[4], bool extended,
                                 const uint8_t *data, size_t len)
{
    struct mm_scp_command c = {.extended = extended};
    uint8_t head[7];
    size_t head_len;
    enum mm_status st;

    memcpy(c.header, header, sizeof(c.header));
    head_len = scp_mac_head(&c, false, len, head);
    st = rmac_add(s, head, head_len);
    return st == MM_OK ? rmac_add(s, data, len) : st;
}

/* Close the sum by the response; the R-MAC is the next one's ICV. */
static enum mm_status rmac_close(struct mm_scp *s, const uint8_t *data, size_t len, uint16_t sw)
{
    uint8_t len_byte = (uint8_t)len, sw_bytes[2];
    enum mm_status st = rmac_add(s, &len_byte, 1);

    mm_put_be16(sw_bytes, sw);
    if (st == MM_OK)
        st = rmac_add(s, data, len);
    if (st == MM_OK)
        st = rmac_add(s, sw_bytes, sizeof(sw_bytes));
    if (st != MM_OK)
        return st;
    (void)mm_scp_pad(s->rmac.block, s->rmac.n, DES_BLOCK);
    st = rmac_block(s, &s->rmac);
    if (st == MM_OK)
        st = mm_scp_des_ecb(s->s_rmac + 8, 8, false, s->rmac.chain, DES_BLOCK, s->rmac.chain);
    return st == MM_OK ? mm_scp_des_ecb(s->s_rmac, 8, true, s->rmac.chain, DES_BLOCK, s->rmac.chain)
                       : st;
}

void mm_scp02_rmac_begin(struct mm_scp *s)
{
    memset(&s->rmac, 0, sizeof(s->rmac));
    memcpy(s->rmac.chain, s->chain, sizeof(s->rmac.chain));
    s->rmac.on = true;
}

void mm_scp02_rmac_end(struct mm_scp *s)
{
    memset(&s->rmac, 0, sizeof(s->rmac));
}

enum mm_status scp02_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len, uint16_t sw)
{
    enum mm_status st;

    if (!s->rmac.on)
        return MM_OK;
    st = rmac_close(s, data, *len, sw);
    if (st != MM_OK || !(s->level & MM_SCP_R_MAC))
        return st;
    memcpy(data + *len, s->rmac.chain, MAC_LEN);
    *len += MAC_LEN;
    return MM_OK;
}

enum mm_status scp02_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len, uint16_t sw)
{
    size_t mac_len = s->level & MM_SCP_R_MAC ? MAC_LEN : 0;
    enum mm_status st;

    if (!s->rmac.on)
        return MM_OK;
    if (*len < mac_len)
        return MM_AUTH;
    *len -= mac_len;
    st = rmac_close(s, data, *len, sw);
    if (st == MM_OK && mac_len > 0 && CRYPTO_memcmp(s->rmac.chain, data + *len, MAC_LEN) != 0)
        st = MM_AUTH;
    return st;
}
