/* The AES of one session, with OpenSSL contexts that have its keys in place or without. */
#include "applet_vm/scp/scp_int.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

struct mm_scp_ready {
    EVP_CIPHER_CTX *block, *encrypt, *decrypt;
    EVP_MAC_CTX *mac, *rmac;
};

static EVP_CIPHER_CTX *cipher_ctx(const struct mm_scp *s, const char *mode, int encrypt)
{
    char name[] = "AES-128-XXX";
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher;
    static const uint8_t zeros[MM_SCP_BLOCK_LEN];

    memcpy(name + 4, s->key_len == 16 ? "128" : s->key_len == 24 ? "192" : "256", 3);
    memcpy(name + 8, mode, 3);
    cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    if (ctx != NULL &&
        (cipher == NULL || EVP_CipherInit_ex2(ctx, cipher, s->s_enc, zeros, encrypt, NULL) != 1)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

static EVP_MAC_CTX *mac_ctx(const struct mm_scp *s, const uint8_t *key)
{
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, sizeof(cipher) - 1), OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);

    memcpy(cipher + 4, s->key_len == 16 ? "128" : s->key_len == 24 ? "192" : "256", 3);
    if (ctx != NULL && EVP_MAC_init(ctx, key, s->key_len, params) != 1) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_MAC_free(mac);
    return ctx;
}

void mm_scp_make_ready(struct mm_scp *s)
{
    struct mm_scp_ready *r;

    if (s->protocol != 3 || s->ready != NULL)
        return;
    s->ready = r = calloc(1, sizeof(*r));
    if (r == NULL)
        return;
    r->block = cipher_ctx(s, "ECB", 1);
    r->encrypt = cipher_ctx(s, "CBC", 1);
    r->decrypt = cipher_ctx(s, "CBC", 0);
    r->mac = mac_ctx(s, s->s_mac);
    r->rmac = mac_ctx(s, s->s_rmac);
    if (r->block == NULL || r->encrypt == NULL || r->decrypt == NULL || r->mac == NULL ||
        r->rmac == NULL)
        mm_scp_drop_ready(s);
}

void mm_scp_drop_ready(struct mm_scp *s)
{
    struct mm_scp_ready *r = s->ready;

    s->ready = NULL;
    if (r == NULL)
        return;
    EVP_CIPHER_CTX_free(r->block);
    EVP_CIPHER_CTX_free(r->encrypt);
    EVP_CIPHER_CTX_free(r->decrypt);
    EVP_MAC_CTX_free(r->mac);
    EVP_MAC_CTX_free(r->rmac);
    free(r);
}

enum mm_status scp_session_mac(const struct mm_scp *s, bool response, const uint8_t *a,
                               size_t a_len, const uint8_t *b, size_t b_len, const uint8_t *c,
                               size_t c_len, uint8_t out[MM_SCP_BLOCK_LEN])
{
    EVP_MAC_CTX *ctx;
    size_t n = 0;

    if (s->ready == NULL)
        return mm_scp_cmac(response ? s->s_rmac : s->s_mac, s->key_len, a, a_len, b, b_len, c,
                           c_len, out);
    ctx = response ? s->ready->rmac : s->ready->mac;
    if (EVP_MAC_init(ctx, NULL, 0, NULL) != 1 ||
        (a_len > 0 && EVP_MAC_update(ctx, a, a_len) != 1) ||
        (b_len > 0 && EVP_MAC_update(ctx, b, b_len) != 1) ||
        (c_len > 0 && EVP_MAC_update(ctx, c, c_len) != 1) ||
        EVP_MAC_final(ctx, out, &n, MM_SCP_BLOCK_LEN) != 1 || n != MM_SCP_BLOCK_LEN)
        return MM_CRYPTO;
    return MM_OK;
}

enum mm_status scp_session_cbc(const struct mm_scp *s, const uint8_t counter[MM_SCP_BLOCK_LEN],
                               bool encrypt, uint8_t *data, size_t len)
{
    uint8_t icv[MM_SCP_BLOCK_LEN];
    EVP_CIPHER_CTX *ctx;
    enum mm_status st = MM_CRYPTO;

    if (s->ready == NULL) {
        st = scp_aes_block(s->s_enc, s->key_len, counter, icv);
        if (st == MM_OK)
            st = mm_scp_cbc(s->s_enc, s->key_len, icv, encrypt, data, len, data);
    } else {
        ctx = encrypt ? s->ready->encrypt : s->ready->decrypt;
        /* EVP_Cipher: whole blocks, of which no padding is to be thought. */
        if (len % MM_SCP_BLOCK_LEN == 0 && len <= INT_MAX &&
            EVP_Cipher(s->ready->block, icv, counter, sizeof(icv)) == (int)sizeof(icv) &&
            EVP_CipherInit_ex2(ctx, NULL, NULL, icv, -1, NULL) == 1 &&
            EVP_Cipher(ctx, data, data, (unsigned)len) == (int)len)
            st = MM_OK;
    }
    OPENSSL_cleanse(icv, sizeof(icv));
    return st;
}
