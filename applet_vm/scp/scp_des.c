/* Triple DES by OpenSSL. Single DES is triple DES with one key: the default provider has no other. */
#include "applet_vm/scp/scp_int.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define KEY3 24

static bool spread(const uint8_t *key, size_t key_len, uint8_t out[KEY3])
{
    if (key_len != 8 && key_len != 16 && key_len != KEY3)
        return false;
    for (size_t i = 0; i < KEY3; i++)
        out[i] = key[i % key_len];
    return true;
}

static enum mm_status crypt(const EVP_CIPHER *cipher, const uint8_t *key, size_t key_len,
                            const uint8_t *iv, bool encrypt, const uint8_t *in, size_t len,
                            uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    enum mm_status st = MM_CRYPTO;
    uint8_t key3[KEY3];
    int n = 0, tail = 0;

    if (ctx == NULL || len % MM_SCP_DES_BLOCK != 0 || len > INT_MAX || !spread(key, key_len, key3))
        goto out;
    if (EVP_CipherInit_ex2(ctx, cipher, key3, iv, encrypt, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
        EVP_CipherUpdate(ctx, out, &n, in, (int)len) != 1 ||
        EVP_CipherFinal_ex(ctx, out + n, &tail) != 1 || (size_t)(n + tail) != len)
        goto out;
    st = MM_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(key3, sizeof(key3));
    return st;
}

enum mm_status mm_scp_des_cbc(const uint8_t *key, size_t key_len, const uint8_t *iv, bool encrypt,
                              const uint8_t *in, size_t len, uint8_t *out)
{
    static const uint8_t zeros[MM_SCP_DES_BLOCK];

    if (len == 0)
        return MM_OK;
    return crypt(EVP_des_ede3_cbc(), key, key_len, iv == NULL ? zeros : iv, encrypt, in, len, out);
}

enum mm_status mm_scp_des_ecb(const uint8_t *key, size_t key_len, bool encrypt, const uint8_t *in,
                              size_t len, uint8_t *out)
{
    if (len == 0)
        return MM_OK;
    return crypt(EVP_des_ede3_ecb(), key, key_len, NULL, encrypt, in, len, out);
}

enum mm_status mm_scp_des_mac_full(const uint8_t *key, size_t key_len, const uint8_t *data,
                                   size_t len, uint8_t out[8])
{
    struct mm_buf all;
    uint8_t pad[MM_SCP_DES_BLOCK];
    size_t pad_len = mm_scp_pad(pad, 0, MM_SCP_DES_BLOCK) - len % MM_SCP_DES_BLOCK;
    enum mm_status st = MM_NO_MEMORY;

    mm_buf_init(&all);
    mm_buf_bytes(&all, data, len);
    mm_buf_bytes(&all, pad, pad_len);
    if (!all.bad)
        st = mm_scp_des_cbc(key, key_len, NULL, true, all.data, all.len, all.data);
    if (st == MM_OK)
        memcpy(out, all.data + all.len - MM_SCP_DES_BLOCK, MM_SCP_DES_BLOCK);
    mm_buf_clear(&all);
    return st;
}

/* The last block of a retail MAC is encrypted by E(K1) D(K2) E(K1): undo the single DES of the chain's
 * end by D(K2) and close with E(K1). */
enum mm_status mm_scp_des_mac(const uint8_t key[16], const uint8_t icv[8], const uint8_t *a,
                              size_t a_len, const uint8_t *b, size_t b_len, uint8_t out[8])
{
    struct mm_buf all;
    uint8_t pad[MM_SCP_DES_BLOCK];
    size_t pad_len = mm_scp_pad(pad, 0, MM_SCP_DES_BLOCK) - (a_len + b_len) % MM_SCP_DES_BLOCK;
    enum mm_status st = MM_NO_MEMORY;

    mm_buf_init(&all);
    mm_buf_bytes(&all, a, a_len);
    mm_buf_bytes(&all, b, b_len);
    mm_buf_bytes(&all, pad, pad_len);
    if (!all.bad)
        st = mm_scp_des_cbc(key, 8, icv, true, all.data, all.len, all.data);
    if (st == MM_OK)
        memcpy(out, all.data + all.len - MM_SCP_DES_BLOCK, MM_SCP_DES_BLOCK);
    if (st == MM_OK)
        st = mm_scp_des_ecb(key + 8, 8, false, out, MM_SCP_DES_BLOCK, out);
    if (st == MM_OK)
        st = mm_scp_des_ecb(key, 8, true, out, MM_SCP_DES_BLOCK, out);
    mm_buf_clear(&all);
    return st;
}

enum mm_status mm_scp_des_kcv(const uint8_t *key, size_t key_len, uint8_t out[MM_SCP_KCV_LEN])
{
    uint8_t block[MM_SCP_DES_BLOCK] = {0};
    enum mm_status st = mm_scp_des_ecb(key, key_len, true, block, sizeof(block), block);

    memcpy(out, block, MM_SCP_KCV_LEN);
    return st;
}
