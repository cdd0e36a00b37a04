#include "applet_vm/scp/scp_int.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

static const EVP_CIPHER *cbc_cipher(size_t key_len)
{
    switch (key_len) {
    case 16:
        return EVP_aes_128_cbc();
    case 24:
        return EVP_aes_192_cbc();
    case 32:
        return EVP_aes_256_cbc();
    default:
        return NULL;
    }
}

static const EVP_CIPHER *ecb_cipher(size_t key_len)
{
    switch (key_len) {
    case 16:
        return EVP_aes_128_ecb();
    case 24:
        return EVP_aes_192_ecb();
    case 32:
        return EVP_aes_256_ecb();
    default:
        return NULL;
    }
}

enum mm_status mm_scp_cmac(const uint8_t *key, size_t key_len, const uint8_t *a, size_t a_len,
                           const uint8_t *b, size_t b_len, const uint8_t *c, size_t c_len,
                           uint8_t out[MM_SCP_BLOCK_LEN])
{
    enum mm_status st = MM_CRYPTO;
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, sizeof(cipher) - 1), OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    uint8_t full[MM_SCP_BLOCK_LEN] = {0};
    size_t n = 0;

    memset(out, 0, MM_SCP_BLOCK_LEN);
    if (ctx == NULL || cbc_cipher(key_len) == NULL)
        goto out;
    memcpy(cipher + 4, key_len == 16 ? "128" : key_len == 24 ? "192" : "256", 3);
    if (EVP_MAC_init(ctx, key, key_len, params) != 1)
        goto out;
    if ((a_len > 0 && EVP_MAC_update(ctx, a, a_len) != 1) ||
        (b_len > 0 && EVP_MAC_update(ctx, b, b_len) != 1) ||
        (c_len > 0 && EVP_MAC_update(ctx, c, c_len) != 1))
        goto out;
    if (EVP_MAC_final(ctx, full, &n, sizeof(full)) != 1 || n != sizeof(full))
        goto out;
    memcpy(out, full, sizeof(full));
    st = MM_OK;
out:
    OPENSSL_cleanse(full, sizeof(full));
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);
    return st;
}

enum mm_status mm_scp_kdf(const uint8_t *key, size_t key_len, uint8_t constant,
                          const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len)
{
    struct mm_scp_keys keys = {.len = (uint8_t)key_len};
    struct mm_scp_source source = mm_scp_source_of(&keys);
    enum mm_status st;

    memset(out, 0, out_len);
    if (cbc_cipher(key_len) == NULL)
        return MM_CRYPTO;
    memcpy(keys.mac, key, key_len);
    st = scp_source_kdf(&source, MM_SCP_MAC, constant, context, context_len, out, out_len);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return st;
}

enum mm_status mm_scp_diversify(const uint8_t master[16], const uint8_t *div, size_t div_len,
                                struct mm_scp_keys *out)
{
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    out->len = MM_SCP_KEY_LEN;
    st = mm_scp_kdf(master, 16, 0x01, div, div_len, out->enc, out->len);
    if (st == MM_OK)
        st = mm_scp_kdf(master, 16, 0x02, div, div_len, out->mac, out->len);
    if (st == MM_OK)
        st = mm_scp_kdf(master, 16, 0x03, div, div_len, out->dek, out->len);
    if (st != MM_OK)
        OPENSSL_cleanse(out, sizeof(*out));
    return st;
}

/* One pass of AES in the given mode; len is a multiple of the block. */
static enum mm_status crypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
                            bool encrypt, const uint8_t *in, size_t len, uint8_t *out)
{
    enum mm_status st = MM_CRYPTO;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, tail = 0;

    if (len % MM_SCP_BLOCK_LEN != 0 || len > INT_MAX || ctx == NULL || cipher == NULL)
        goto out;
    if (EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
        EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1 ||
        EVP_CipherFinal_ex(ctx, out + n, &tail) != 1 || (size_t)(n + tail) != len)
        goto out;
    st = MM_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    if (st != MM_OK)
        memset(out, 0, len);
    return st;
}

enum mm_status mm_scp_cbc(const uint8_t *key, size_t key_len, const uint8_t *iv, bool encrypt,
                          const uint8_t *in, size_t len, uint8_t *out)
{
    static const uint8_t zeros[MM_SCP_BLOCK_LEN];

    if (len == 0)
        return MM_OK;
    return crypt(cbc_cipher(key_len), key, iv == NULL ? zeros : iv, encrypt, in, len, out);
}

enum mm_status scp_aes_block(const uint8_t *key, size_t key_len, const uint8_t in[MM_SCP_BLOCK_LEN],
                             uint8_t out[MM_SCP_BLOCK_LEN])
{
    return crypt(ecb_cipher(key_len), key, NULL, true, in, MM_SCP_BLOCK_LEN, out);
}

size_t mm_scp_pad(uint8_t *buf, size_t len, size_t block)
{
    size_t padded = (len / block + 1) * block;

    buf[len] = 0x80;
    memset(buf + len + 1, 0, padded - len - 1);
    return padded;
}

enum mm_status mm_scp_unpad(const uint8_t *buf, size_t len, size_t block, size_t *out_len)
{
    size_t n = len;

    *out_len = 0;
    while (n > 0 && len - n < block && buf[n - 1] == 0)
        n--;
    if (n == 0 || len - n >= block || buf[n - 1] != 0x80)
        return MM_MALFORMED;
    *out_len = n - 1;
    return MM_OK;
}

enum mm_status mm_scp_kcv(const uint8_t *key, size_t key_len, uint8_t out[MM_SCP_KCV_LEN])
{
    uint8_t block[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    memset(block, 0x01, sizeof(block));
    st = scp_aes_block(key, key_len, block, block);
    memcpy(out, block, MM_SCP_KCV_LEN);
    return st;
}
