/*
 * javacard.security.KeyAgreement: ECDH with and without cofactor, plain and through SHA-1 (IEEE P1363
 * KDF1), as a point, PACE generic mapping, and Diffie-Hellman.
 */
#include "applet_vm/api/key_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/ec.h>

#define AGREE_CLASS "javacard/security/KeyAgreement"
#define KEPT_CLASS  "mintmark/KeyAgreement"
#define KEPT_MODE   1   /* it has no modes */
#define SECRET_MAX  544 /* DH 2048 gives 256 bytes, a point over P-521 133 */

/* KeyAgreement.ALG_... */
enum {
    ALG_DH = 1,
    ALG_DHC = 2,
    ALG_DH_PLAIN = 3,
    ALG_DHC_PLAIN = 4,
    ALG_PACE_GM = 5,
    ALG_DH_PLAIN_XY = 6,
    ALG_FF_DH_PLAIN = 7
};

enum mm_run mm_n_agree_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (alg < ALG_DH || alg > ALG_FF_DH_PLAIN)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, KEPT_CLASS, AGREE_CLASS, alg, ret);
}

enum mm_run mm_n_agree_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], AGREE_CLASS, 0);
    return MM_RUN_OK;
}

/* There are no modes and no IV. */
static enum mm_run begin(struct mm_vm *vm, mm_ref ref, mm_ref key, int mode, const uint8_t *iv,
                         size_t iv_len)
{
    uint16_t alg = mm_vm_hidden(vm, ref, AGREE_CLASS, 0);
    enum mm_key_kind kind = mm_api_key_kind(vm, key);
    struct mm_api_op *op;

    (void)iv, (void)iv_len;
    if (key == MM_REF_NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (!mm_api_kind_private(kind) ||
        !(alg == ALG_FF_DH_PLAIN ? mm_api_kind_dh(kind) : mm_api_kind_ec(kind)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (!mm_api_key_ready(vm, key))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    op = mm_api_op_new(vm, ref);
    if (op == NULL || !mm_api_key_take(vm, op, key))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->pkey = mm_api_pkey(vm, key, false);
    if (op->pkey == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op->alg = alg;
    op->mode = (uint8_t)mode;
    return MM_RUN_OK;
}

/* init(privateKey) */
enum mm_run mm_n_agree_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = begin(vm, args[0], args[1], KEPT_MODE, NULL, 0);

    (void)ret;
    return run == MM_RUN_OK ? mm_api_keep(vm, mm_api_op_find(vm, args[0]), KEPT_CLASS, NULL, 0)
                            : run;
}

/* The operation, its key still set. After a card reset it is made again. */
static enum mm_run op_of(struct mm_vm *vm, mm_ref ref, struct mm_api_op **op)
{
    enum mm_run run = mm_api_kept_op(vm, ref, KEPT_CLASS, begin, op);

    if (run != MM_RUN_OK)
        return run;
    if (*op == NULL || (*op)->alg == 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    return mm_api_key_still_ready(vm, *op) ? MM_RUN_OK
                                           : mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
}

/* ---- A point of our own arithmetic: what EVP derives is an x coordinate only ---- */

static EC_GROUP *group_of(const EVP_PKEY *pkey)
{
    OSSL_PARAM *params = NULL;
    EC_GROUP *group = NULL;

    if (EVP_PKEY_todata(pkey, EVP_PKEY_KEY_PARAMETERS, &params) == 1)
        group = EC_GROUP_new_from_params(params, NULL, NULL);
    OSSL_PARAM_free(params);
    return group;
}

/* DH_PLAIN_XY: s Q. PACE generic mapping: s G + Q (BSI TR-03110). */
static bool point(const struct mm_api_op *op, const uint8_t *peer, size_t peer_len, uint8_t *out,
                  size_t *len)
{
    EC_GROUP *group = group_of(op->pkey);
    EC_POINT *q = group != NULL ? EC_POINT_new(group) : NULL;
    EC_POINT *r = group != NULL ? EC_POINT_new(group) : NULL;
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *s = NULL;
    bool ok = q != NULL && r != NULL && ctx != NULL &&
              EVP_PKEY_get_bn_param(op->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &s) == 1 &&
              EC_POINT_oct2point(group, q, peer, peer_len, ctx) == 1 &&
              EC_POINT_is_at_infinity(group, q) == 0;

    if (ok && op->alg == ALG_PACE_GM)
        ok = EC_POINT_mul(group, r, s, NULL, NULL, ctx) == 1 &&
             EC_POINT_add(group, r, r, q, ctx) == 1;
    else if (ok)
        ok = EC_POINT_mul(group, r, NULL, q, s, ctx) == 1;
    *len = 0;
    if (ok && EC_POINT_is_at_infinity(group, r) == 0)
        *len = EC_POINT_point2oct(group, r, POINT_CONVERSION_UNCOMPRESSED, out, SECRET_MAX, ctx);
    BN_clear_free(s);
    EC_POINT_free(q);
    EC_POINT_clear_free(r);
    EC_GROUP_free(group);
    BN_CTX_free(ctx);
    return *len != 0;
}

/* ---- What EVP derives ---- */

static EVP_PKEY *peer_key(const struct mm_api_op *op, const uint8_t *data, size_t len)
{
    EVP_PKEY *peer = EVP_PKEY_new();

    if (peer == NULL || EVP_PKEY_copy_parameters(peer, op->pkey) != 1 ||
        EVP_PKEY_set1_encoded_public_key(peer, data, len) != 1) {
        EVP_PKEY_free(peer);
        return NULL;
    }
    return peer;
}

/* With the cofactor in compatibility mode (IEEE P1363, 7.2.2) the secret is that without it, for
 * every point of the subgroup; set_peer refuses the others. */
static bool derive(const struct mm_api_op *op, const uint8_t *data, size_t data_len, uint8_t *out,
                   size_t *len)
{
    EVP_PKEY *peer = peer_key(op, data, data_len);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, op->pkey, NULL);
    bool ok = peer != NULL && ctx != NULL && EVP_PKEY_derive_init(ctx) == 1;

    if (ok && op->alg == ALG_FF_DH_PLAIN) /* as long as p, leading zeros included */
        ok = EVP_PKEY_CTX_set_dh_pad(ctx, 1) == 1;
    else if (ok)
        ok = EVP_PKEY_CTX_set_ecdh_cofactor_mode(ctx, 0) == 1;
    *len = SECRET_MAX;
    ok = ok && EVP_PKEY_derive_set_peer(ctx, peer) == 1 && EVP_PKEY_derive(ctx, out, len) == 1;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(peer);
    return ok;
}

/* KDF1: SHA-1 of the shared x coordinate */
static bool kdf(struct mm_vm *vm, uint8_t *secret, size_t *len)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned md_len = 0;
    bool ok = EVP_Digest(secret, *len, md, &md_len, mm_api_md(vm, 1), NULL) == 1;

    for (unsigned i = 0; i < md_len; i++)
        secret[i] = md[i];
    *len = md_len;
    OPENSSL_cleanse(md, sizeof(md));
    return ok;
}

/* generateSecret(publicData, off, len, secret, off) */
enum mm_run mm_n_agree_generate_secret(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    uint8_t secret[SECRET_MAX];
    const uint8_t *data;
    size_t len = 0;
    bool ok;
    enum mm_run run = op_of(vm, args[0], &op);

    if (run != MM_RUN_OK)
        return run;
    run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);
    if (run != MM_RUN_OK)
        return run;
    if (op->alg == ALG_PACE_GM || op->alg == ALG_DH_PLAIN_XY)
        ok = point(op, data, (size_t)MM_ARG_SHORT(3), secret, &len);
    else
        ok = derive(op, data, (size_t)MM_ARG_SHORT(3), secret, &len);
    if (ok && (op->alg == ALG_DH || op->alg == ALG_DHC))
        ok = kdf(vm, secret, &len);
    run = ok ? mm_api_put(vm, args[4], MM_ARG_SHORT(5), secret, len)
             : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    ret[0] = (uint16_t)len;
    OPENSSL_cleanse(secret, sizeof(secret));
    return run;
}
