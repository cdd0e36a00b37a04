/*
 * MACs behind Signature: CBC-MAC with DES, AES and SEED (ISO 9797-1 algorithm 1), retail MAC with
 * DES (algorithm 3), CMAC and HMAC.
 */
#include "applet_vm/api/sign_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

#define BLOCK_MAX 16
#define CHUNK     512

static bool is_des(uint16_t alg)
{
    return MM_SIG_CIPHER(alg) == MM_SIG_DES_MAC4 || MM_SIG_CIPHER(alg) == MM_SIG_DES_MAC8;
}

static bool is_alg3(uint16_t alg)
{
    return MM_SIG_PADDING(alg) == MM_PAD_M1_ALG3 || MM_SIG_PADDING(alg) == MM_PAD_M2_ALG3;
}

/* ---- init ---- */

static EVP_MAC *fetch(EVP_MAC **kept, const char *name)
{
    if (*kept == NULL)
        *kept = EVP_MAC_fetch(NULL, name, NULL);
    return *kept;
}

static bool init_cmac(struct mm_vm *vm, struct mm_api_op *op, mm_ref key)
{
    char name[12]; /* the parameter wants it writable */
    OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
    size_t len;
    const uint8_t *data = mm_api_secret(vm, key, MM_KIND_AES, &len);

    if (data == NULL)
        return false;
    strcpy(name, len == 16 ? "AES-128-CBC" : len == 24 ? "AES-192-CBC" : "AES-256-CBC");
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0);
    op->mac = EVP_MAC_CTX_new(fetch(&mm_api_of(vm)->cmac, "CMAC"));
    return op->mac != NULL && EVP_MAC_init(op->mac, data, len, params) == 1;
}

static bool init_hmac(struct mm_vm *vm, struct mm_api_op *op, mm_ref key)
{
    EVP_MD *md = mm_api_md(vm, MM_SIG_DIGEST(op->alg));
    OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
    char name[24];
    size_t len;
    const uint8_t *data = mm_api_secret(vm, key, MM_KIND_HMAC, &len);

    if (data != NULL && mm_api_plain_offered(MM_SIG_DIGEST(op->alg)))
        return mm_api_hmac_new(op, MM_SIG_DIGEST(op->alg), data, len);
    if (data == NULL || md == NULL || strlen(EVP_MD_get0_name(md)) >= sizeof(name))
        return false;
    strcpy(name, EVP_MD_get0_name(md));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    op->mac = EVP_MAC_CTX_new(fetch(&mm_api_of(vm)->hmac, "HMAC"));
    return op->mac != NULL && EVP_MAC_init(op->mac, data, len, params) == 1;
}

/* DES with one of the two keys of a retail MAC: a triple DES key that says it three times. */
static void single(uint8_t out[24], const uint8_t *key)
{
    for (int i = 0; i < 3; i++)
        memcpy(out + 8 * i, key, 8);
}

static bool init_cbc(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *iv,
                     size_t iv_len)
{
    static const uint8_t zero[BLOCK_MAX];
    bool des = is_des(op->alg), seed = MM_SIG_CIPHER(op->alg) == MM_SIG_SEED_MAC;
    enum mm_key_kind kind = des ? MM_KIND_DES : seed ? MM_KIND_SEED : MM_KIND_AES;
    enum mm_api_cipher_id id = des ? MM_EVP_DES_CBC : seed ? MM_EVP_SEED_CBC : MM_EVP_AES_CBC;
    uint8_t buf[32];
    size_t len;
    const uint8_t *data = mm_api_block_key(vm, key, kind, buf, &len);
    bool ok;

    op->block = des ? 8 : 16;
    if (data == NULL || (iv != NULL && iv_len != op->block))
        return false;
    if (is_alg3(op->alg)) {
        if (mm_api_key_bits(vm, key) != 128)
            return false;
        single(buf, mm_api_secret(vm, key, MM_KIND_DES, &len));
        data = buf;
        len = 24;
    }
    op->cipher = EVP_CIPHER_CTX_new();
    ok = op->cipher != NULL && EVP_EncryptInit_ex2(op->cipher, mm_api_cipher(vm, id, len), data,
                                                   iv != NULL ? iv : zero, NULL) ==
                                   1; /* it only enciphers, and EVP_EncryptFinal is never called */
    OPENSSL_cleanse(buf, sizeof(buf));
    return ok;
}

bool mm_api_mac_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *iv,
                     size_t iv_len)
{
    if (MM_SIG_CIPHER(op->alg) == MM_SIG_CMAC)
        return iv == NULL && init_cmac(vm, op, key);
    if (MM_SIG_CIPHER(op->alg) == MM_SIG_HMAC)
        return iv == NULL && init_hmac(vm, op, key);
    return init_cbc(vm, op, key, iv, iv_len);
}

bool mm_api_mac_again(struct mm_api_op *op, const uint8_t *iv, size_t iv_len)
{
    static const uint8_t zero[BLOCK_MAX];

    op->fed = 0;
    if (op->hmac != NULL) {
        mm_api_hmac_start(op->hmac);
        return iv == NULL;
    }
    if (op->mac != NULL)
        return iv == NULL && EVP_MAC_init(op->mac, NULL, 0, NULL) == 1;
    return op->cipher != NULL && (iv == NULL || iv_len == op->block) &&
           EVP_EncryptInit_ex2(op->cipher, NULL, NULL, iv != NULL ? iv : zero, NULL) == 1;
}

/* ---- The message ---- */

static bool feed_cbc(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    uint8_t out[CHUNK + BLOCK_MAX];

    while (len != 0) {
        size_t n = len < CHUNK ? len : CHUNK;
        int out_len = 0;
        if (EVP_EncryptUpdate(op->cipher, out, &out_len, data, (int)n) != 1)
            return false;
        if (out_len >= op->block)
            memcpy(op->last, out + out_len - op->block, op->block);
        data += n;
        len -= n;
    }
    return true;
}

bool mm_api_mac_feed(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    op->fed += len;
    if (op->hmac != NULL)
        return mm_api_hmac_update(op->hmac, data, len);
    if (op->mac != NULL)
        return EVP_MAC_update(op->mac, data, len) == 1;
    return feed_cbc(op, data, len);
}

/* One block through DES with one key. */
static bool des_block(struct mm_vm *vm, const uint8_t *key, bool encrypt, uint8_t block[8])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t key24[24];
    int n = 0;
    bool ok;

    single(key24, key);
    ok = ctx != NULL &&
         EVP_CipherInit_ex2(ctx, mm_api_cipher(vm, MM_EVP_DES_ECB, 24), key24, NULL, encrypt,
                            NULL) == 1 &&
         EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && EVP_CipherUpdate(ctx, block, &n, block, 8) == 1;
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(key24, sizeof(key24));
    return ok && n == 8;
}

static bool final_cbc(struct mm_vm *vm, struct mm_api_op *op)
{
    static const uint8_t zero[BLOCK_MAX];
    uint8_t pad[BLOCK_MAX];
    size_t len, pad_n = mm_api_pad(MM_SIG_PADDING(op->alg), op->fed, op->block, pad);
    bool ok =
        feed_cbc(op, pad, pad_n) && op->fed + pad_n != 0 && (op->fed + pad_n) % op->block == 0;

    if (ok && is_alg3(op->alg)) {
        const uint8_t *key = mm_api_secret(vm, op->key, MM_KIND_DES, &len);
        ok = key != NULL && des_block(vm, key + 8, false, op->last) &&
             des_block(vm, key, true, op->last);
    }
    return EVP_EncryptInit_ex2(op->cipher, NULL, NULL, zero, NULL) == 1 && ok;
}

bool mm_api_mac_final(struct mm_vm *vm, struct mm_api_op *op, uint8_t *mac, size_t *len)
{
    bool ok;

    if (op->hmac != NULL) {
        ok = mm_api_hmac_final(op->hmac, mac);
        *len = mm_api_mac_len(op->alg);
    } else if (op->mac != NULL) {
        ok = EVP_MAC_final(op->mac, mac, len, MM_SIGN_MAX) == 1;
        ok = EVP_MAC_init(op->mac, NULL, 0, NULL) == 1 && ok;
    } else {
        ok = final_cbc(vm, op);
        *len = mm_api_mac_len(op->alg);
        if (ok) /* mac may be the applet's own array */
            memcpy(mac, op->last, *len);
    }
    op->fed = 0;
    return ok;
}

size_t mm_api_mac_len(uint16_t alg)
{
    switch (MM_SIG_CIPHER(alg)) {
    case MM_SIG_DES_MAC4:
        return 4;
    case MM_SIG_DES_MAC8:
        return 8;
    case MM_SIG_HMAC:
        return mm_api_md_len(MM_SIG_DIGEST(alg));
    default:
        return 16;
    }
}
