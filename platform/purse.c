/* The purse's messages and MACs, platform side (docs/protocol.md, purse applet). */
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "platform/platform_int.h"

static enum mm_status cmac(const uint8_t key[16], const struct mm_buf *data, uint8_t mac[16])
{
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[2];
    EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = alg != NULL ? EVP_MAC_CTX_new(alg) : NULL;
    size_t len = 0;
    enum mm_status st = MM_CRYPTO;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0);
    params[1] = OSSL_PARAM_construct_end();
    if (!data->bad && ctx != NULL && EVP_MAC_init(ctx, key, 16, params) == 1 &&
        EVP_MAC_update(ctx, data->data, data->len) == 1 && EVP_MAC_final(ctx, mac, &len, 16) == 1 &&
        len == 16)
        st = MM_OK;
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(alg);
    return st;
}

enum mm_status mm_purse_key(const uint8_t master[16], uint8_t constant,
                            const uint8_t id[MM_PURSE_ID_LEN], uint8_t key[16])
{
    static const uint8_t zero[11];
    struct mm_buf in;
    enum mm_status st;

    mm_buf_init(&in);
    mm_buf_bytes(&in, zero, sizeof(zero));
    mm_buf_u8(&in, constant);
    mm_buf_u8(&in, 0);
    mm_buf_u16(&in, 128); /* bits of output */
    mm_buf_u8(&in, 1);    /* block counter */
    mm_buf_bytes(&in, id, MM_PURSE_ID_LEN);
    mm_buf_u16(&in, 0); /* diversification data is 10 bytes */
    st = cmac(master, &in, key);
    mm_buf_clear(&in);
    return st;
}

static bool take(struct mm_rd *rd, uint8_t *out, size_t len)
{
    const uint8_t *p = mm_rd_bytes(rd, len);

    if (p == NULL)
        return false;
    memcpy(out, p, len);
    return true;
}

static enum mm_status all_read(const struct mm_rd *rd)
{
    return !rd->bad && mm_rd_left(rd) == 0 ? MM_OK : MM_MALFORMED;
}

enum mm_status mm_load_request_read(const uint8_t *data, size_t len, struct mm_load_request *out)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    mm_rd_init(&rd, data, len);
    (void)take(&rd, out->purse, sizeof(out->purse)); /* a failure sticks, all_read tells */
    out->counter = mm_rd_u32(&rd);
    out->balance = mm_rd_u32(&rd);
    out->type = mm_rd_u8(&rd);
    out->amount = mm_rd_u32(&rd);
    (void)take(&rd, out->random, sizeof(out->random));
    (void)take(&rd, out->mac, sizeof(out->mac));
    return all_read(&rd);
}

enum mm_status mm_credit_read(const uint8_t *data, size_t len, struct mm_credit *out)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    mm_rd_init(&rd, data, len);
    out->counter = mm_rd_u32(&rd);
    out->balance = mm_rd_u32(&rd);
    (void)take(&rd, out->mac, sizeof(out->mac));
    return all_read(&rd);
}

enum mm_status mm_last_read(const uint8_t *data, size_t len, struct mm_last *out)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    mm_rd_init(&rd, data, len);
    out->type = mm_rd_u8(&rd);
    out->counter = mm_rd_u32(&rd);
    out->amount = mm_rd_u32(&rd);
    out->balance = mm_rd_u32(&rd);
    (void)take(&rd, out->merchant, sizeof(out->merchant));
    (void)take(&rd, out->session, sizeof(out->session));
    (void)take(&rd, out->mac, sizeof(out->mac));
    return all_read(&rd);
}

enum mm_status mm_mac1(const uint8_t key[16], const struct mm_load_request *req,
                       const uint8_t session[MM_SESSION_LEN], uint8_t mac[16])
{
    struct mm_buf in;
    enum mm_status st;

    mm_buf_init(&in);
    mm_buf_bytes(&in, "L1", 2);
    mm_buf_u8(&in, req->type);
    mm_buf_bytes(&in, req->purse, sizeof(req->purse));
    mm_buf_u32(&in, req->counter);
    mm_buf_u32(&in, req->balance);
    mm_buf_u32(&in, req->amount);
    mm_buf_bytes(&in, session, MM_SESSION_LEN);
    mm_buf_bytes(&in, req->random, sizeof(req->random));
    st = cmac(key, &in, mac);
    mm_buf_clear(&in);
    return st;
}

enum mm_status mm_mac2(const uint8_t key[16], const struct mm_load_request *req,
                       const uint8_t session[MM_SESSION_LEN], uint8_t mac[16])
{
    struct mm_buf in;
    enum mm_status st;

    mm_buf_init(&in);
    mm_buf_bytes(&in, "L2", 2);
    mm_buf_u8(&in, req->type);
    mm_buf_bytes(&in, req->purse, sizeof(req->purse));
    mm_buf_u32(&in, req->counter);
    mm_buf_u32(&in, req->amount);
    mm_buf_bytes(&in, session, MM_SESSION_LEN);
    mm_buf_bytes(&in, req->random, sizeof(req->random));
    st = cmac(key, &in, mac);
    mm_buf_clear(&in);
    return st;
}

enum mm_status mm_mac3(const uint8_t key[16], const uint8_t purse[MM_PURSE_ID_LEN],
                       const struct mm_last *last, uint8_t mac[16])
{
    struct mm_buf in;
    enum mm_status st;

    mm_buf_init(&in);
    mm_buf_bytes(&in, "L3", 2);
    mm_buf_u8(&in, last->type);
    mm_buf_bytes(&in, purse, MM_PURSE_ID_LEN);
    mm_buf_u32(&in, last->counter);
    mm_buf_u32(&in, last->amount);
    mm_buf_u32(&in, last->balance);
    mm_buf_bytes(&in, last->session, sizeof(last->session));
    st = cmac(key, &in, mac);
    mm_buf_clear(&in);
    return st;
}

enum mm_status mm_mac6(const uint8_t key[16], const uint8_t purse[MM_PURSE_ID_LEN],
                       const struct mm_last *last, uint8_t mac[16])
{
    struct mm_buf in;
    enum mm_status st;

    mm_buf_init(&in);
    mm_buf_bytes(&in, "D6", 2);
    mm_buf_bytes(&in, purse, MM_PURSE_ID_LEN);
    mm_buf_u32(&in, last->counter);
    mm_buf_u32(&in, last->amount);
    mm_buf_u32(&in, last->balance);
    mm_buf_bytes(&in, last->merchant, sizeof(last->merchant));
    mm_buf_bytes(&in, last->session, sizeof(last->session));
    st = cmac(key, &in, mac);
    mm_buf_clear(&in);
    return st;
}
