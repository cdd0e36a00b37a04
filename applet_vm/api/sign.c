/* javacard.security.Signature: what there is, and how a message goes through it. */
#include "applet_vm/api/sign_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define KEPT_CLASS "mintmark/Signature" /* and its subclass */

/* MessageDigest.ALG_... */
enum { SHA = 1, MD5 = 2, RIPEMD = 3, SHA256 = 4, SHA384 = 5, SHA512 = 6, SHA224 = 7 };

/* Signature.ALG_... and the digest, cipher and padding it stands for. Not here: AES with blocks of
 * 192 and 256 bits (docs/conformance.md). */
static const struct alg {
    uint8_t alg, digest, cipher, padding;
} algs[] = {
    {1, 0, MM_SIG_DES_MAC4, MM_PAD_NOPAD},       {2, 0, MM_SIG_DES_MAC8, MM_PAD_NOPAD},
    {3, 0, MM_SIG_DES_MAC4, MM_PAD_M1},          {4, 0, MM_SIG_DES_MAC8, MM_PAD_M1},
    {5, 0, MM_SIG_DES_MAC4, MM_PAD_M2},          {6, 0, MM_SIG_DES_MAC8, MM_PAD_M2},
    {7, 0, MM_SIG_DES_MAC4, MM_PAD_PKCS5},       {8, 0, MM_SIG_DES_MAC8, MM_PAD_PKCS5},
    {10, SHA, MM_SIG_RSA, MM_PAD_PKCS1},         {11, MD5, MM_SIG_RSA, MM_PAD_PKCS1},
    {13, RIPEMD, MM_SIG_RSA, MM_PAD_PKCS1},      {14, SHA, MM_SIG_DSA, MM_PAD_NULL},
    {15, SHA, MM_SIG_RSA, MM_PAD_RFC2409},       {16, MD5, MM_SIG_RSA, MM_PAD_RFC2409},
    {17, SHA, MM_SIG_ECDSA, MM_PAD_NULL},        {18, 0, MM_SIG_AES_MAC, MM_PAD_NOPAD},
    {19, 0, MM_SIG_DES_MAC4, MM_PAD_M2_ALG3},    {20, 0, MM_SIG_DES_MAC8, MM_PAD_M2_ALG3},
    {21, SHA, MM_SIG_RSA, MM_PAD_PSS},           {22, MD5, MM_SIG_RSA, MM_PAD_PSS},
    {23, RIPEMD, MM_SIG_RSA, MM_PAD_PSS},        {24, SHA, MM_SIG_HMAC, MM_PAD_NULL},
    {25, SHA256, MM_SIG_HMAC, MM_PAD_NULL},      {26, SHA384, MM_SIG_HMAC, MM_PAD_NULL},
    {27, SHA512, MM_SIG_HMAC, MM_PAD_NULL},      {28, MD5, MM_SIG_HMAC, MM_PAD_NULL},
    {29, RIPEMD, MM_SIG_HMAC, MM_PAD_NULL},      {32, 0, MM_SIG_SEED_MAC, MM_PAD_NOPAD},
    {33, SHA256, MM_SIG_ECDSA, MM_PAD_NULL},     {34, SHA384, MM_SIG_ECDSA, MM_PAD_NULL},
    {37, SHA224, MM_SIG_ECDSA, MM_PAD_NULL},     {38, SHA512, MM_SIG_ECDSA, MM_PAD_NULL},
    {39, SHA224, MM_SIG_RSA, MM_PAD_PKCS1},      {40, SHA256, MM_SIG_RSA, MM_PAD_PKCS1},
    {41, SHA384, MM_SIG_RSA, MM_PAD_PKCS1},      {42, SHA512, MM_SIG_RSA, MM_PAD_PKCS1},
    {43, SHA224, MM_SIG_RSA, MM_PAD_PSS},        {44, SHA256, MM_SIG_RSA, MM_PAD_PSS},
    {45, SHA384, MM_SIG_RSA, MM_PAD_PSS},        {46, SHA512, MM_SIG_RSA, MM_PAD_PSS},
    {47, 0, MM_SIG_DES_MAC4, MM_PAD_M1_ALG3},    {48, 0, MM_SIG_DES_MAC8, MM_PAD_M1_ALG3},
    {49, 0, MM_SIG_CMAC, MM_PAD_NULL},           {9, SHA, MM_SIG_RSA, MM_PAD_ISO9796},
    {12, RIPEMD, MM_SIG_RSA, MM_PAD_ISO9796},    {30, SHA, MM_SIG_RSA, MM_PAD_ISO9796_MR},
    {31, RIPEMD, MM_SIG_RSA, MM_PAD_ISO9796_MR},
};

static uint16_t alg_of(struct mm_vm *vm, mm_ref ref)
{
    return mm_vm_hidden(vm, ref, MM_SIGN_CLASS, 0);
}

static bool is_pk(uint16_t alg)
{
    unsigned cipher = MM_SIG_CIPHER(alg);

    return cipher == MM_SIG_RSA || cipher == MM_SIG_DSA || cipher == MM_SIG_ECDSA ||
           cipher == MM_SIG_ECDSA_PLAIN;
}

/* ---- getInstance, OneShot.open ---- */

static bool block_padding(uint8_t p, bool des)
{
    return p == MM_PAD_NOPAD || p == MM_PAD_M1 || p == MM_PAD_M2 || p == MM_PAD_PKCS5 ||
           (des && (p == MM_PAD_M1_ALG3 || p == MM_PAD_M2_ALG3));
}

/* The combination in one cell; 0 when it is not offered. */
static uint16_t combination(struct mm_vm *vm, unsigned digest, unsigned cipher, uint8_t padding)
{
    bool hashed = mm_api_md(vm, digest) != NULL, none = padding <= MM_PAD_NOPAD, ok;

    switch (cipher) {
    case MM_SIG_DES_MAC4:
    case MM_SIG_DES_MAC8:
    case MM_SIG_AES_MAC:
        ok = digest == 0 && block_padding(padding, cipher != MM_SIG_AES_MAC);
        break;
    case MM_SIG_SEED_MAC:
        ok = digest == 0 && padding == MM_PAD_NOPAD &&
             mm_api_cipher(vm, MM_EVP_SEED_CBC, 16) != NULL;
        break;
    case MM_SIG_CMAC:
        ok = digest == 0 && none;
        padding = MM_PAD_NULL;
        break;
    case MM_SIG_RSA:
        ok = hashed &&
             (padding == MM_PAD_PKCS1 || padding == MM_PAD_PSS || padding == MM_PAD_RFC2409 ||
              padding == MM_PAD_ISO9796 || padding == MM_PAD_ISO9796_MR);
        break;
    case MM_SIG_DSA:
    case MM_SIG_ECDSA:
    case MM_SIG_ECDSA_PLAIN:
        ok = (hashed || digest == 0) && none; /* ALG_NULL: the message is a hash */
        padding = MM_PAD_NULL;
        break;
    case MM_SIG_HMAC:
        ok = hashed && none;
        padding = MM_PAD_NULL;
        break;
    default:
        ok = false;
    }
    return ok ? MM_SIG_ALG(digest, cipher, padding) : 0;
}

static enum mm_run get_instance(struct mm_vm *vm, uint16_t alg, uint16_t *ret)
{
    if (alg == 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(
        vm, MM_SIG_PADDING(alg) == MM_PAD_ISO9796_MR ? "mintmark/RecoverySignature" : KEPT_CLASS,
        MM_SIGN_CLASS, alg, ret);
}

enum mm_run mm_n_sign_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t alg = 0;

    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (algs[i].alg == (uint8_t)args[0])
            alg = combination(vm, algs[i].digest, algs[i].cipher, algs[i].padding);
    }
    return get_instance(vm, alg, ret);
}

/* getInstance(messageDigestAlgorithm, cipherAlgorithm, paddingAlgorithm, externalAccess) */
enum mm_run mm_n_sign_get_instance_parts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return get_instance(vm, combination(vm, (uint8_t)args[0], (uint8_t)args[1], (uint8_t)args[2]),
                        ret);
}

enum mm_run mm_n_sign_open(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t alg = combination(vm, (uint8_t)args[0], (uint8_t)args[1], (uint8_t)args[2]);

    if (alg == 0 || MM_SIG_PADDING(alg) == MM_PAD_ISO9796_MR) /* a OneShot is no such interface */
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_one_shot_open(vm, "javacard/security/Signature$OneShot", MM_SIGN_CLASS, alg, ret);
}

enum mm_run mm_n_sign_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t alg = alg_of(vm, args[0]);

    ret[0] = 0; /* no constant for this combination */
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (MM_SIG_ALG(algs[i].digest, algs[i].cipher, algs[i].padding) == alg)
            ret[0] = algs[i].alg;
    }
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_message_digest_algorithm(struct mm_vm *vm, const uint16_t *args,
                                                   uint16_t *ret)
{
    ret[0] = (uint16_t)MM_SIG_DIGEST(alg_of(vm, args[0]));
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_cipher_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = (uint16_t)MM_SIG_CIPHER(alg_of(vm, args[0]));
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_get_padding_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = MM_SIG_PADDING(alg_of(vm, args[0]));
    return MM_RUN_OK;
}

/* ---- init ---- */

/* ALG_NULL: the message is a hash. */
static bool takes_hash(const struct mm_api_op *op)
{
    return MM_SIG_DIGEST(op->alg) == 0;
}

/* What the last init made of the same key, begun anew. */
static bool init_again(struct mm_api_op *op, const uint8_t *iv, size_t iv_len)
{
    if (op->pkey == NULL)
        return mm_api_mac_again(op, iv, iv_len);
    if (takes_hash(op)) {
        op->held.len = 0;
        return iv == NULL;
    }
    mm_api_recovery_restart(op);
    return iv == NULL && mm_api_hash_again(op);
}

static enum mm_run begin(struct mm_vm *vm, mm_ref ref, mm_ref key, int mode, const uint8_t *iv,
                         size_t iv_len)
{
    struct mm_api_op *op;
    uint16_t alg = alg_of(vm, ref);

    if (alg == 0) /* a OneShot that was closed */
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (key == MM_REF_NULL || !mm_api_key_ready(vm, key))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (mode != MM_SIGN && mode != MM_VERIFY)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op = mm_api_op_new(vm, ref);
    if (op == NULL || !mm_api_key_take(vm, op, key))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->alg = alg;
    op->mode = (uint8_t)mode;
    if (is_pk(alg) ? iv == NULL && mm_api_pk_init(vm, op, key)
                   : mm_api_mac_init(vm, op, key, iv, iv_len))
        return MM_RUN_OK;
    mm_api_op_clear(op);
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
}

static enum mm_run init(struct mm_vm *vm, const uint16_t *args, const uint8_t *iv, size_t iv_len)
{
    int mode = MM_ARG_BYTE(2);
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);
    enum mm_run run;

    if (op != NULL && op->alg != 0 && op->mode == mode && mm_api_key_same(vm, op, args[1]) &&
        mm_api_key_still_ready(vm, op) && init_again(op, iv, iv_len))
        return mm_api_keep(vm, op, KEPT_CLASS, iv, iv_len);
    run = begin(vm, args[0], args[1], mode, iv, iv_len);
    return run == MM_RUN_OK ? mm_api_keep(vm, mm_api_op_find(vm, args[0]), KEPT_CLASS, iv, iv_len)
                            : run;
}

/* The Signature's operation; NULL: it was never initialised. After a card reset it is made again. */
static enum mm_run find(struct mm_vm *vm, mm_ref ref, struct mm_api_op **op)
{
    return mm_api_kept_op(vm, ref, KEPT_CLASS, begin, op);
}

enum mm_run mm_n_sign_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return init(vm, args, NULL, 0);
}

enum mm_run mm_n_sign_init_iv(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *iv;
    enum mm_run run = mm_vm_bytes(vm, args[3], MM_ARG_SHORT(4), MM_ARG_SHORT(5), &iv);

    (void)ret;
    return run == MM_RUN_OK ? init(vm, args, iv, (size_t)MM_ARG_SHORT(5)) : run;
}

/* ---- The message ---- */

enum mm_run mm_api_sign_op(struct mm_vm *vm, mm_ref ref, uint8_t mode, struct mm_api_op **out)
{
    enum mm_run run = find(vm, ref, out);

    if (run != MM_RUN_OK)
        return run;
    if (*out == NULL || (*out)->alg == 0 || (mode != 0 && (*out)->mode != mode))
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    return mm_api_key_still_ready(vm, *out) ? MM_RUN_OK
                                            : mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
}

static bool hash_more(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    if (takes_hash(op)) { /* a part of it; what no digest is as long as, is none */
        if (len > EVP_MAX_MD_SIZE - op->held.len)
            return false;
        mm_buf_bytes(&op->held, data, len);
        return !op->held.bad;
    }
    return mm_api_hash_update(op, data, len);
}

enum mm_run mm_api_sign_feed(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args)
{
    const uint8_t *data;
    size_t len = (size_t)MM_ARG_SHORT(3);
    enum mm_run run;

    /* Nothing more to add: cards take null for it, and applets (JMRTD's passport) count on that. */
    if (args[1] == MM_REF_NULL && MM_ARG_SHORT(2) == 0 && MM_ARG_SHORT(3) == 0)
        return MM_RUN_OK;
    run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);

    if (run != MM_RUN_OK)
        return run;
    if (op->pkey == NULL ? mm_api_mac_feed(op, data, len)
                         : hash_more(op, data, len) && (!mm_api_recovery_is(op->alg) ||
                                                        mm_api_recovery_feed(op, data, len)))
        return MM_RUN_OK;
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

bool mm_api_sign_hash(struct mm_api_op *op, uint8_t hash[EVP_MAX_MD_SIZE], unsigned *len)
{
    if (takes_hash(op)) {
        *len = (unsigned)op->held.len;
        if (*len != 0)
            memcpy(hash, op->held.data, *len);
        op->held.len = 0;
        return *len != 0;
    }
    *len = mm_api_md_len(MM_SIG_DIGEST(op->alg));
    return mm_api_hash_final(op, hash) && mm_api_hash_again(op);
}

enum mm_run mm_n_sign_get_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], 0, &op);

    if (run == MM_RUN_OK)
        ret[0] = (uint16_t)(op->pkey != NULL ? mm_api_pk_len(op) : mm_api_mac_len(op->alg));
    return run;
}

enum mm_run mm_n_sign_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], 0, &op);

    (void)ret;
    return run == MM_RUN_OK ? mm_api_sign_feed(vm, op, args) : run;
}

static bool finish(struct mm_vm *vm, struct mm_api_op *op, uint8_t *sig, size_t *len)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_len = 0;
    size_t recoverable;
    bool ok;

    if (op->pkey == NULL)
        return mm_api_mac_final(vm, op, sig, len);
    if (!mm_api_sign_hash(op, hash, &hash_len))
        return false;
    if (!mm_api_recovery_is(op->alg))
        return mm_api_pk_sign(op, hash, hash_len, sig, len);
    ok = mm_api_recovery_sign(op, hash, sig, len, &recoverable);
    mm_api_recovery_restart(op);
    return ok;
}

enum mm_run mm_n_sign_sign(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t sig[MM_SIGN_MAX], *out = NULL;
    size_t len = 0;
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], MM_SIGN, &op);

    /* What a signature of another kind needs is known when it is there. */
    if (run == MM_RUN_OK && op->pkey == NULL)
        run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), (int32_t)mm_api_mac_len(op->alg));
    if (run == MM_RUN_OK)
        run = mm_api_sign_feed(vm, op, args);
    if (run != MM_RUN_OK)
        return run;
    if (op->pkey == NULL) /* all of the message has been read */
        out = mm_vm_bytes_in_place(vm, args[4], args[5]);
    if (!finish(vm, op, out != NULL ? out : sig, &len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)len;
    return out != NULL ? MM_RUN_OK : mm_api_put(vm, args[4], MM_ARG_SHORT(5), sig, len);
}

enum mm_run mm_n_sign_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t mac[MM_SIGN_MAX];
    size_t len = 0, sig_len = (size_t)MM_ARG_SHORT(6);
    unsigned hash_len = 0;
    const uint8_t *sig;
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], MM_VERIFY, &op);

    ret[0] = 0;
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[4], MM_ARG_SHORT(5), MM_ARG_SHORT(6), &sig);
    if (run == MM_RUN_OK)
        run = mm_api_sign_feed(vm, op, args);
    if (run != MM_RUN_OK)
        return run;
    if (op->pkey != NULL) {
        if (!mm_api_sign_hash(op, mac, &hash_len))
            return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
        if (mm_api_recovery_is(op->alg)) {
            ret[0] = mm_api_recovery_verify(op, mac, sig, sig_len);
            mm_api_recovery_restart(op);
        } else {
            ret[0] = mm_api_pk_verify(op, mac, hash_len, sig, sig_len);
        }
        return MM_RUN_OK;
    }
    if (!mm_api_mac_final(vm, op, mac, &len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = sig_len == len && CRYPTO_memcmp(mac, sig, len) == 0;
    OPENSSL_cleanse(mac, sizeof(mac));
    return MM_RUN_OK;
}

/* ---- A hash computed elsewhere ---- */

static enum mm_run hash_of(struct mm_vm *vm, const uint16_t *args, uint8_t mode,
                           struct mm_api_op **op, const uint8_t **hash)
{
    int len = MM_ARG_SHORT(3);
    enum mm_run run = mm_api_sign_op(vm, args[0], mode, op);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, hash);
    if (run != MM_RUN_OK)
        return run;
    if ((*op)->pkey == NULL || takes_hash(*op) ||
        mm_api_recovery_is((*op)->alg) || /* which signs the message itself */
        len != mm_api_md_len(MM_SIG_DIGEST((*op)->alg)) || !mm_api_hash_again(*op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    return MM_RUN_OK;
}

enum mm_run mm_n_sign_sign_pre_computed_hash(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t sig[MM_SIGN_MAX];
    size_t len = 0;
    const uint8_t *hash;
    struct mm_api_op *op;
    enum mm_run run = hash_of(vm, args, MM_SIGN, &op, &hash);

    if (run != MM_RUN_OK)
        return run;
    if (!mm_api_pk_sign(op, hash, (size_t)MM_ARG_SHORT(3), sig, &len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[4], MM_ARG_SHORT(5), sig, len);
}

enum mm_run mm_n_sign_verify_pre_computed_hash(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    const uint8_t *hash, *sig;
    struct mm_api_op *op;
    enum mm_run run = mm_vm_bytes(vm, args[4], MM_ARG_SHORT(5), MM_ARG_SHORT(6), &sig);

    if (run == MM_RUN_OK)
        run = hash_of(vm, args, MM_VERIFY, &op, &hash);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = mm_api_pk_verify(op, hash, (size_t)MM_ARG_SHORT(3), sig, (size_t)MM_ARG_SHORT(6));
    return MM_RUN_OK;
}

/* setInitialDigest(digest, off, len, digestedMsgLen, off, len) */
enum mm_run mm_n_sign_set_initial_digest(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], 0, &op);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (op->pkey == NULL || mm_api_recovery_is(op->alg) ||
        !mm_api_plain_offered(MM_SIG_DIGEST(op->alg)) || !mm_api_hash_again(op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    return mm_api_plain_set(vm, op, MM_SIG_DIGEST(op->alg), args);
}
