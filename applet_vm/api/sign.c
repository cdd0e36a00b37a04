/* javacard.security.Signature: AES-CMAC, AES CBC-MAC without padding, ECDSA. */
#include "applet_vm/api/api_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

#define SIGN_CLASS  "javacard/security/Signature"
#define MODE_SIGN   1
#define MODE_VERIFY 2
#define BLOCK       16

enum kind { KIND_CBC_MAC, KIND_CMAC, KIND_ECDSA };

/* Signature.ALG_..., and the parts the four-argument getInstance names it by. */
static const struct alg {
    uint8_t alg;
    enum kind kind;
    uint8_t digest;  /* MessageDigest.ALG_... */
    uint8_t cipher;  /* SIG_CIPHER_... */
    uint8_t padding; /* Cipher.PAD_... */
} algs[] = {
    {18, KIND_CBC_MAC, 0, 6, 1}, {49, KIND_CMAC, 0, 10, 0}, {17, KIND_ECDSA, 1, 5, 0},
    {37, KIND_ECDSA, 7, 5, 0},   {33, KIND_ECDSA, 4, 5, 0}, {34, KIND_ECDSA, 5, 5, 0},
    {38, KIND_ECDSA, 6, 5, 0},
};

static const struct alg *alg_find(uint8_t alg)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (algs[i].alg == alg)
            return &algs[i];
    }
    return NULL;
}

static const struct alg *alg_of(struct mm_vm *vm, mm_ref ref)
{
    const struct alg *a = alg_find((uint8_t)mm_vm_hidden(vm, ref, SIGN_CLASS, 0));

    return a != NULL ? a : &algs[0]; /* getInstance stores no other */
}

enum mm_run mm_n_sign_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if (alg_find((uint8_t)args[0]) == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/Signature", SIGN_CLASS, (uint8_t)args[0], ret);
}

enum mm_run mm_n_sign_get_instance_parts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        const struct alg *a = &algs[i];
        bool padding =
            (uint8_t)args[2] == a->padding || (a->kind == KIND_CMAC && (uint8_t)args[2] == 1);
        if ((uint8_t)args[0] == a->digest && (uint8_t)args[1] == a->cipher && padding)
            return mm_api_new_algorithm(vm, "mintmark/Signature", SIGN_CLASS, a->alg, ret);
    }
    return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
}

enum mm_run mm_n_sign_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0])->alg;
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_message_digest_algorithm(struct mm_vm *vm, const uint16_t *args,
                                                   uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0])->digest;
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_cipher_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0])->cipher;
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_padding_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0])->padding;
    return MM_RUN_OK;
}

/* ---- init ---- */

static const char *aes_cbc(size_t key_len)
{
    return key_len == 16 ? "AES-128-CBC" : key_len == 24 ? "AES-192-CBC" : "AES-256-CBC";
}

static bool init_cmac(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *key, size_t len)
{
    char name[12]; /* the parameter wants it writable */
    OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};

    strcpy(name, aes_cbc(len));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name, 0);
    op->mac = EVP_MAC_CTX_new(mm_api_of(vm)->cmac);
    return op->mac != NULL && EVP_MAC_init(op->mac, key, len, params) == 1;
}

static bool init_cbc(struct mm_api_op *op, const uint8_t *key, size_t len)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, aes_cbc(len), NULL);
    bool ok;

    op->cipher = EVP_CIPHER_CTX_new();
    ok = cipher != NULL && op->cipher != NULL &&
         EVP_EncryptInit_ex2(op->cipher, cipher, key, op->iv, NULL) == 1 &&
         EVP_CIPHER_CTX_set_padding(op->cipher, 0) == 1;
    EVP_CIPHER_free(cipher);
    return ok;
}

/* Ready for a message from its first byte. */
static bool start_ecdsa(struct mm_api_op *op)
{
    const EVP_MD *md = mm_api_md(alg_find(op->alg)->digest);

    EVP_MD_CTX_free(op->md);
    op->md = EVP_MD_CTX_new();
    if (op->md == NULL)
        return false;
    return (op->mode == MODE_SIGN ? EVP_DigestSignInit(op->md, NULL, md, NULL, op->pkey)
                                  : EVP_DigestVerifyInit(op->md, NULL, md, NULL, op->pkey)) == 1;
}

static bool init_op(struct mm_vm *vm, struct mm_api_op *op, const struct alg *a, mm_ref key)
{
    const uint8_t *aes;
    size_t len;

    if (a->kind == KIND_ECDSA) {
        op->pkey = mm_api_ec_key(vm, key, op->mode == MODE_SIGN);
        return op->pkey != NULL && start_ecdsa(op);
    }
    aes = mm_api_aes_key(vm, key, &len);
    if (aes == NULL)
        return false;
    return a->kind == KIND_CMAC ? init_cmac(vm, op, aes, len) : init_cbc(op, aes, len);
}

static enum mm_run init(struct mm_vm *vm, const uint16_t *args, const uint8_t iv[BLOCK])
{
    const struct alg *a = alg_of(vm, args[0]);
    int mode = MM_ARG_BYTE(2);
    struct mm_api_op *op;

    if (args[1] == MM_REF_NULL || !mm_api_key_ready(vm, args[1]))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (mode != MODE_SIGN && mode != MODE_VERIFY)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op = mm_api_op(vm, args[0]);
    if (op == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    mm_api_op_clear(op);
    op->alg = a->alg;
    op->mode = (uint8_t)mode;
    op->key = args[1];
    memcpy(op->iv, iv, BLOCK);
    if (init_op(vm, op, a, args[1]))
        return MM_RUN_OK;
    mm_api_op_clear(op);
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
}

enum mm_run mm_n_sign_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint8_t zero[BLOCK];

    (void)ret;
    return init(vm, args, zero);
}

enum mm_run mm_n_sign_init_iv(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    uint8_t iv[BLOCK];
    enum mm_run run = mm_vm_bytes(vm, args[3], MM_ARG_SHORT(4), MM_ARG_SHORT(5), &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (alg_of(vm, args[0])->kind != KIND_CBC_MAC || MM_ARG_SHORT(5) != BLOCK)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    memcpy(iv, data, BLOCK);
    return init(vm, args, iv);
}

/* ---- The message ---- */

/* The operation of a Signature that was initialised in this mode (0: any), its key still set. */
static enum mm_run op_of(struct mm_vm *vm, mm_ref ref, uint8_t mode, struct mm_api_op **out)
{
    struct mm_api_op *op = mm_api_op_find(vm, ref);

    if (op == NULL || op->alg == 0 || (mode != 0 && op->mode != mode))
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    if (!mm_api_key_ready(vm, op->key))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    *out = op;
    return MM_RUN_OK;
}

static bool feed_cbc(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    uint8_t out[256 + BLOCK];

    while (len != 0) {
        size_t n = len < 256 ? len : 256;
        int out_len = 0;
        if (EVP_EncryptUpdate(op->cipher, out, &out_len, data, (int)n) != 1)
            return false;
        if (out_len >= BLOCK)
            memcpy(op->last, out + out_len - BLOCK, BLOCK);
        data += n;
        len -= n;
    }
    return true;
}

static enum mm_run feed(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    bool ok;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    op->fed += (size_t)len;
    if (op->mac != NULL)
        ok = EVP_MAC_update(op->mac, data, (size_t)len) == 1;
    else if (op->cipher != NULL)
        ok = feed_cbc(op, data, (size_t)len);
    else if (op->mode == MODE_SIGN)
        ok = EVP_DigestSignUpdate(op->md, data, (size_t)len) == 1;
    else
        ok = EVP_DigestVerifyUpdate(op->md, data, (size_t)len) == 1;
    return ok ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

/* The MAC of what was fed; then ready for the next message. The IV of CBC becomes zero. */
static enum mm_run finish_mac(struct mm_vm *vm, struct mm_api_op *op, uint8_t mac[BLOCK])
{
    static const uint8_t zero[BLOCK];
    size_t len = 0, fed = op->fed;
    bool ok;

    op->fed = 0;
    if (op->mac != NULL) {
        ok = EVP_MAC_final(op->mac, mac, &len, BLOCK) == 1 && len == BLOCK;
        ok = EVP_MAC_init(op->mac, NULL, 0, NULL) == 1 && ok;
    } else {
        memcpy(mac, op->last, BLOCK);
        ok = EVP_EncryptInit_ex2(op->cipher, NULL, NULL, zero, NULL) == 1 && fed != 0 &&
             fed % BLOCK == 0;
    }
    return ok ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

enum mm_run mm_n_sign_get_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);

    ret[0] = BLOCK;
    if (alg_of(vm, args[0])->kind != KIND_ECDSA)
        return MM_RUN_OK;
    if (op == NULL || op->pkey == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    ret[0] = (uint16_t)EVP_PKEY_get_size(op->pkey);
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args[0], 0, &op);

    (void)ret;
    return run == MM_RUN_OK ? feed(vm, op, args) : run;
}

static enum mm_run finish_ecdsa(struct mm_vm *vm, struct mm_api_op *op, uint8_t *sig, size_t *len)
{
    bool ok = EVP_DigestSignFinal(op->md, sig, len) == 1;

    ok = start_ecdsa(op) && ok;
    return ok ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

enum mm_run mm_n_sign_sign(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t sig[160]; /* DER of two 66-byte numbers and less */
    size_t len = sizeof(sig);
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args[0], MODE_SIGN, &op);

    if (run == MM_RUN_OK && op->md == NULL)
        run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), BLOCK);
    if (run == MM_RUN_OK)
        run = feed(vm, op, args);
    if (run != MM_RUN_OK)
        return run;
    if (op->md != NULL) {
        run = finish_ecdsa(vm, op, sig, &len);
    } else {
        run = finish_mac(vm, op, sig);
        len = BLOCK;
    }
    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[4], MM_ARG_SHORT(5), sig, len);
}

enum mm_run mm_n_sign_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int sig_len = MM_ARG_SHORT(6);
    uint8_t mac[BLOCK];
    const uint8_t *sig;
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args[0], MODE_VERIFY, &op);

    ret[0] = 0;
    if (run == MM_RUN_OK)
        run = feed(vm, op, args);
    if (run == MM_RUN_OK && op->md == NULL)
        run = finish_mac(vm, op, mac);
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[4], MM_ARG_SHORT(5), sig_len, &sig);
    if (run != MM_RUN_OK)
        return run;
    if (op->md != NULL) {
        ret[0] = EVP_DigestVerifyFinal(op->md, sig, (size_t)sig_len) == 1;
        if (!start_ecdsa(op))
            return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    } else {
        ret[0] = sig_len == BLOCK && CRYPTO_memcmp(mac, sig, BLOCK) == 0;
    }
    OPENSSL_cleanse(mac, sizeof(mac));
    return MM_RUN_OK;
}

/* ---- A hash computed elsewhere (ECDSA only) ---- */

static enum mm_run hash_of(struct mm_vm *vm, const uint16_t *args, uint8_t mode,
                           struct mm_api_op **op, const uint8_t **hash, EVP_PKEY_CTX **ctx)
{
    int len = MM_ARG_SHORT(3);
    const struct alg *a = alg_of(vm, args[0]);
    enum mm_run run = op_of(vm, args[0], mode, op);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, hash);
    if (run != MM_RUN_OK)
        return run;
    if (a->kind != KIND_ECDSA || len != EVP_MD_get_size(mm_api_md(a->digest)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    *ctx = EVP_PKEY_CTX_new((*op)->pkey, NULL);
    return *ctx != NULL ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

enum mm_run mm_n_sign_sign_pre_computed_hash(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t sig[160];
    size_t len = sizeof(sig);
    const uint8_t *hash;
    EVP_PKEY_CTX *ctx = NULL;
    struct mm_api_op *op;
    bool ok;
    enum mm_run run = hash_of(vm, args, MODE_SIGN, &op, &hash, &ctx);

    if (run != MM_RUN_OK)
        return run;
    ok = EVP_PKEY_sign_init(ctx) == 1 &&
         EVP_PKEY_sign(ctx, sig, &len, hash, (size_t)MM_ARG_SHORT(3)) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!ok || !start_ecdsa(op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[4], MM_ARG_SHORT(5), sig, len);
}

enum mm_run mm_n_sign_verify_pre_computed_hash(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    int sig_len = MM_ARG_SHORT(6);
    const uint8_t *hash, *sig;
    EVP_PKEY_CTX *ctx = NULL;
    struct mm_api_op *op;
    enum mm_run run = mm_vm_bytes(vm, args[4], MM_ARG_SHORT(5), sig_len, &sig);

    if (run == MM_RUN_OK)
        run = hash_of(vm, args, MODE_VERIFY, &op, &hash, &ctx);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = EVP_PKEY_verify_init(ctx) == 1 &&
             EVP_PKEY_verify(ctx, sig, (size_t)sig_len, hash, (size_t)MM_ARG_SHORT(3)) == 1;
    EVP_PKEY_CTX_free(ctx);
    return start_ecdsa(op) ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}
