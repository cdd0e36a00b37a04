/* Key sources: what they share, and keys in memory. */
#include "host_client/gp/keysource.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define DES_KEY_LEN   16 /* two keys; three where it is 24 */
#define DES3_KEY_LEN  24
#define DES_BLOCK_LEN 8

/* ---- Arithmetic with a key in hand ---- */

/* Triple DES with two keys is K1 K2 K1 (GPCS 2.3.1, B.1.1). */
static void spread_des_key(const uint8_t *key, size_t key_len, uint8_t out[DES3_KEY_LEN])
{
    memcpy(out, key, key_len);
    if (key_len == DES_KEY_LEN)
        memcpy(out + DES_KEY_LEN, key, DES_BLOCK_LEN);
}

static const EVP_CIPHER *cbc_cipher(enum mm_gp_key_type type, size_t key_len)
{
    if (type == MM_GP_KEY_DES)
        return key_len == DES_KEY_LEN || key_len == DES3_KEY_LEN ? EVP_des_ede3_cbc() : NULL;
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

enum mm_status mm_gp_key_cbc(enum mm_gp_key_type type, const uint8_t *key, size_t key_len,
                             const uint8_t *data, size_t data_len, uint8_t *out)
{
    static const uint8_t iv[MM_GP_CIPHER_BLOCK_MAX];
    const EVP_CIPHER *cipher = cbc_cipher(type, key_len);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t whole[MM_GP_KEY_MAX];
    enum mm_status st = MM_CRYPTO;
    int n = 0, tail = 0;

    if (cipher == NULL || ctx == NULL || data_len > INT_MAX)
        goto out;
    if (type == MM_GP_KEY_DES)
        spread_des_key(key, key_len, whole);
    else
        memcpy(whole, key, key_len);
    if (EVP_CipherInit_ex2(ctx, cipher, whole, iv, 1, NULL) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_CipherUpdate(ctx, out, &n, data, (int)data_len) == 1 &&
        EVP_CipherFinal_ex(ctx, out + n, &tail) == 1)
        st = MM_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(whole, sizeof(whole));
    return st;
}

enum mm_status mm_gp_key_cmac(const uint8_t *key, size_t key_len, const uint8_t *data,
                              size_t data_len, uint8_t out[16])
{
    const EVP_CIPHER *cipher = cbc_cipher(MM_GP_KEY_AES, key_len);
    char name[] = "AES-128-CBC";
    OSSL_PARAM params[] = {OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, name, sizeof(name) - 1),
                           OSSL_PARAM_END};
    size_t n = 0;

    if (cipher == NULL)
        return MM_CRYPTO;
    snprintf(name, sizeof(name), "AES-%zu-CBC", key_len * 8);
    if (EVP_Q_mac(NULL, "CMAC", NULL, NULL, params, key, key_len, data, data_len, out, 16, &n) ==
            NULL ||
        n != 16)
        return MM_CRYPTO;
    return MM_OK;
}

enum mm_status mm_gp_key_check_value(enum mm_gp_key_type type, const uint8_t *key, size_t key_len,
                                     uint8_t out[3])
{
    uint8_t block[MM_GP_CIPHER_BLOCK_MAX];
    size_t len = type == MM_GP_KEY_DES ? DES_BLOCK_LEN : sizeof(block);
    enum mm_status st;

    memset(block, type == MM_GP_KEY_DES ? 0x00 : 0x01, sizeof(block));
    st = mm_gp_key_cbc(type, key, key_len, block, len, block);
    if (st == MM_OK)
        memcpy(out, block, 3);
    OPENSSL_cleanse(block, sizeof(block));
    return st;
}

/* ---- Sets ---- */

const uint8_t *mm_gp_keyset_key(const struct mm_gp_keyset *set, enum mm_gp_key_id id)
{
    if (id == MM_GP_KEY_ENC)
        return set->enc;
    return id == MM_GP_KEY_MAC ? set->mac : set->dek;
}

struct mm_gp_keyset mm_gp_keyset_of(const struct mm_scp_keys *keys)
{
    struct mm_gp_keyset set = {.type = MM_GP_KEY_AES, .len = keys->len};

    memcpy(set.enc, keys->enc, keys->len);
    memcpy(set.mac, keys->mac, keys->len);
    memcpy(set.dek, keys->dek, keys->len);
    return set;
}

/* ---- What all sources share ---- */

void mm_gp_keys_free(struct mm_gp_keys **keys)
{
    struct mm_gp_keys *k = *keys;

    *keys = NULL;
    if (k == NULL)
        return;
    k->ops->free(k->ctx);
    free(k);
}

/* | 11 x 00, constant | 00 | L in bits, 2 bytes | counter | context | for each block of 16 */
#define KDF_HEAD_LEN    16
#define KDF_CONTEXT_MAX 64

enum mm_status mm_gp_keys_kdf(const struct mm_gp_keys *keys, enum mm_gp_key_id id, uint8_t constant,
                              const uint8_t *context, size_t context_len, uint8_t *out,
                              size_t out_len, struct mm_err *err)
{
    uint8_t input[KDF_HEAD_LEN + KDF_CONTEXT_MAX] = {0}, block[16];
    enum mm_status st = MM_OK;

    if (context_len > KDF_CONTEXT_MAX || out_len == 0 || out_len > MM_GP_KEY_MAX)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "key derivation of %zu bytes", out_len);
    input[11] = constant;
    mm_put_be16(input + 13, (uint16_t)(out_len * 8));
    memcpy(input + KDF_HEAD_LEN, context, context_len);
    for (size_t off = 0; st == MM_OK && off < out_len; off += sizeof(block)) {
        input[15]++;
        st = keys->ops->cmac(keys->ctx, id, input, KDF_HEAD_LEN + context_len, block, err);
        if (st == MM_OK)
            memcpy(out + off, block, out_len - off < sizeof(block) ? out_len - off : sizeof(block));
    }
    OPENSSL_cleanse(block, sizeof(block));
    if (st != MM_OK)
        OPENSSL_cleanse(out, out_len);
    return st;
}

/* ---- Keys in memory ---- */

struct memory {
    struct mm_gp_keyset given, used; /* used: after choose */
    enum mm_gp_diversify how;
};

static enum mm_status memory_choose(void *ctx, const struct mm_gp_key_card *card,
                                    struct mm_err *err)
{
    struct memory *m = ctx;
    enum mm_status st = MM_OK;

    m->used = m->given;
    if (m->how != MM_GP_DIVERSIFY_NONE)
        st = mm_gp_diversify(m->how, &m->given, card->diversification, &m->used, err);
    if (st != MM_OK)
        return st;
    /* A test key of 16 bytes is good for both: the channel says what it is. */
    m->used.type = card->scp == 0x02 ? MM_GP_KEY_DES : MM_GP_KEY_AES;
    if (cbc_cipher(m->used.type, m->used.len) == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "keys of %u bytes do not fit SCP%02X", m->used.len,
                       card->scp);
    return MM_OK;
}

static size_t memory_key_len(const void *ctx)
{
    return ((const struct memory *)ctx)->used.len;
}

static enum mm_status memory_cmac(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                  size_t data_len, uint8_t out[16], struct mm_err *err)
{
    const struct memory *m = ctx;
    enum mm_status st =
        mm_gp_key_cmac(mm_gp_keyset_key(&m->used, id), m->used.len, data, data_len, out);

    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "CMAC: %s", mm_status_text(st));
}

static enum mm_status memory_cbc(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                 size_t data_len, uint8_t *out, struct mm_err *err)
{
    const struct memory *m = ctx;
    enum mm_status st = mm_gp_key_cbc(m->used.type, mm_gp_keyset_key(&m->used, id), m->used.len,
                                      data, data_len, out);

    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "encryption: %s", mm_status_text(st));
}

static void memory_free(void *ctx)
{
    OPENSSL_cleanse(ctx, sizeof(struct memory));
    free(ctx);
}

static const struct mm_gp_key_ops memory_ops = {.choose = memory_choose,
                                                .key_len = memory_key_len,
                                                .cmac = memory_cmac,
                                                .cbc = memory_cbc,
                                                .free = memory_free};

enum mm_status mm_gp_keys_in_memory(const struct mm_gp_keyset *set, enum mm_gp_diversify how,
                                    struct mm_gp_keys **out, struct mm_err *err)
{
    struct mm_gp_keys *k = calloc(1, sizeof(*k));
    struct memory *m = calloc(1, sizeof(*m));

    *out = NULL;
    if (k == NULL || m == NULL) {
        free(k);
        free(m);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    m->given = m->used = *set;
    m->how = how;
    *k = (struct mm_gp_keys){.ops = &memory_ops, .ctx = m};
    *out = k;
    return MM_OK;
}
