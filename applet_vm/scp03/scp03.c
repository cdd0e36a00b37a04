#include "applet_vm/scp03/scp03.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define TEST_KEY                                                                                   \
    {                                                                                              \
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e,  \
            0x4f                                                                                   \
    }
const struct mm_scp_keys mm_scp_test_keys = {TEST_KEY, TEST_KEY, TEST_KEY};
#undef TEST_KEY

enum mm_status mm_scp_cmac(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t *a, size_t a_len,
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
    if (ctx == NULL || EVP_MAC_init(ctx, key, MM_SCP_KEY_LEN, params) != 1)
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

enum mm_status mm_scp_kdf(const uint8_t key[MM_SCP_KEY_LEN], uint8_t constant,
                          const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len)
{
    /* label (11 x 00, constant) || separation 00 || L in bits, 2 bytes || counter i */
    uint8_t head[16] = {0};
    uint8_t block[MM_SCP_BLOCK_LEN] = {0};
    enum mm_status st;

    memset(out, 0, out_len);
    if (out_len == 0 || out_len > sizeof(block))
        return MM_CRYPTO;
    head[11] = constant;
    mm_put_be16(head + 13, (uint16_t)(out_len * 8));
    head[15] = 1;
    st = mm_scp_cmac(key, head, sizeof(head), context, context_len, NULL, 0, block);
    if (st == MM_OK)
        memcpy(out, block, out_len);
    OPENSSL_cleanse(block, sizeof(block));
    return st;
}

enum mm_status mm_scp_diversify(const uint8_t master[16], const uint8_t *div, size_t div_len,
                                struct mm_scp_keys *out)
{
    enum mm_status st = mm_scp_kdf(master, 0x01, div, div_len, out->enc, sizeof(out->enc));

    if (st == MM_OK)
        st = mm_scp_kdf(master, 0x02, div, div_len, out->mac, sizeof(out->mac));
    if (st == MM_OK)
        st = mm_scp_kdf(master, 0x03, div, div_len, out->dek, sizeof(out->dek));
    if (st != MM_OK)
        OPENSSL_cleanse(out, sizeof(*out));
    return st;
}

static void join_challenges(const uint8_t *host, const uint8_t *card, uint8_t context[16])
{
    memcpy(context, host, MM_SCP_CHALLENGE_LEN);
    memcpy(context + MM_SCP_CHALLENGE_LEN, card, MM_SCP_CHALLENGE_LEN);
}

enum mm_status mm_scp_session_keys(const struct mm_scp_keys *keys,
                                   const uint8_t host_challenge[MM_SCP_CHALLENGE_LEN],
                                   const uint8_t card_challenge[MM_SCP_CHALLENGE_LEN],
                                   uint8_t s_enc[MM_SCP_KEY_LEN], uint8_t s_mac[MM_SCP_KEY_LEN],
                                   uint8_t s_rmac[MM_SCP_KEY_LEN])
{
    uint8_t context[16];
    enum mm_status st;

    join_challenges(host_challenge, card_challenge, context);
    st = mm_scp_kdf(keys->enc, MM_SCP_S_ENC, context, sizeof(context), s_enc, MM_SCP_KEY_LEN);
    if (st == MM_OK)
        st = mm_scp_kdf(keys->mac, MM_SCP_S_MAC, context, sizeof(context), s_mac, MM_SCP_KEY_LEN);
    if (st == MM_OK)
        st = mm_scp_kdf(keys->mac, MM_SCP_S_RMAC, context, sizeof(context), s_rmac, MM_SCP_KEY_LEN);
    if (st != MM_OK) {
        OPENSSL_cleanse(s_enc, MM_SCP_KEY_LEN);
        OPENSSL_cleanse(s_mac, MM_SCP_KEY_LEN);
        OPENSSL_cleanse(s_rmac, MM_SCP_KEY_LEN);
    }
    return st;
}

enum mm_status mm_scp_cryptogram(const uint8_t s_mac[MM_SCP_KEY_LEN], enum mm_scp_constant which,
                                 const uint8_t host_challenge[MM_SCP_CHALLENGE_LEN],
                                 const uint8_t card_challenge[MM_SCP_CHALLENGE_LEN], uint8_t out[8])
{
    uint8_t context[16];

    join_challenges(host_challenge, card_challenge, context);
    return mm_scp_kdf(s_mac, (uint8_t)which, context, sizeof(context), out, 8);
}

enum mm_status mm_scp_mac(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t chain[MM_SCP_BLOCK_LEN],
                          const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                          uint8_t out[MM_SCP_BLOCK_LEN])
{
    uint8_t before[MM_SCP_BLOCK_LEN];

    memcpy(before, chain, sizeof(before)); /* out may be chain, and cmac zeroes its output first */
    return mm_scp_cmac(key, before, sizeof(before), a, a_len, b, b_len, out);
}

/* One pass of AES-128 in the given mode; len is a multiple of the block. */
static enum mm_status crypt(const EVP_CIPHER *cipher, const uint8_t *key, const uint8_t *iv,
                            bool encrypt, const uint8_t *in, size_t len, uint8_t *out)
{
    enum mm_status st = MM_CRYPTO;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, tail = 0;

    if (len % MM_SCP_BLOCK_LEN != 0 || len > INT_MAX || ctx == NULL)
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

enum mm_status mm_scp_cbc(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t *iv, bool encrypt,
                          const uint8_t *in, size_t len, uint8_t *out)
{
    static const uint8_t zeros[MM_SCP_BLOCK_LEN];

    if (len == 0)
        return MM_OK;
    return crypt(EVP_aes_128_cbc(), key, iv == NULL ? zeros : iv, encrypt, in, len, out);
}

enum mm_status mm_scp_icv(const uint8_t s_enc[MM_SCP_KEY_LEN], uint32_t counter, bool response,
                          uint8_t out[MM_SCP_BLOCK_LEN])
{
    uint8_t block[MM_SCP_BLOCK_LEN] = {0};

    mm_put_be32(block + 12, counter);
    if (response)
        block[0] = 0x80;
    return crypt(EVP_aes_128_ecb(), s_enc, NULL, true, block, sizeof(block), out);
}

size_t mm_scp_pad(uint8_t *buf, size_t len)
{
    size_t padded = (len / MM_SCP_BLOCK_LEN + 1) * MM_SCP_BLOCK_LEN;

    buf[len] = 0x80;
    memset(buf + len + 1, 0, padded - len - 1);
    return padded;
}

enum mm_status mm_scp_unpad(const uint8_t *buf, size_t len, size_t *out_len)
{
    size_t n = len;

    *out_len = 0;
    while (n > 0 && len - n < MM_SCP_BLOCK_LEN && buf[n - 1] == 0)
        n--;
    if (n == 0 || len - n >= MM_SCP_BLOCK_LEN || buf[n - 1] != 0x80)
        return MM_MALFORMED;
    *out_len = n - 1;
    return MM_OK;
}

enum mm_status mm_scp_kcv(const uint8_t key[MM_SCP_KEY_LEN], uint8_t out[MM_SCP_KCV_LEN])
{
    uint8_t block[MM_SCP_BLOCK_LEN];
    enum mm_status st;

    memset(block, 0x01, sizeof(block));
    st = crypt(EVP_aes_128_ecb(), key, NULL, true, block, sizeof(block), block);
    memcpy(out, block, MM_SCP_KCV_LEN);
    return st;
}
