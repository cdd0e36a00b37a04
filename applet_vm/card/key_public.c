/* Stored asymmetric keys for OpenSSL. */
#include "applet_vm/card/key_store.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>

/* Key parameter references (GPCS 2.3.1, table B-2). */
static const struct curve {
    const char *name;
    uint16_t point_len;
} curves[] = {{"P-256", 65},           {"P-384", 97},
              {"P-521", 133},          {"brainpoolP256r1", 65},
              {"brainpoolP256t1", 65}, {"brainpoolP384r1", 97},
              {"brainpoolP384t1", 97}, {"brainpoolP512r1", 129},
              {"brainpoolP512t1", 129}};
#define CURVE_N   (sizeof(curves) / sizeof(curves[0]))
#define POINT_MAX 133

static const struct mm_key_part *part_of(const struct mm_domain_key *key, uint8_t type)
{
    for (size_t i = 0; i < key->part_n; i++) {
        if (key->parts[i].type == type)
            return &key->parts[i];
    }
    return NULL;
}

/* Without a reference the length of the key says which of the NIST curves it is. */
static const struct curve *curve_of(const struct mm_domain_key *key, const struct mm_key_part *part)
{
    const struct mm_key_part *reference = part_of(key, MM_KEY_EC_CURVE);
    bool point = part->type == MM_KEY_EC_PUBLIC;

    if (reference != NULL)
        return reference->len == 1 && reference->value[0] < CURVE_N ? &curves[reference->value[0]]
                                                                    : NULL;
    for (size_t i = 0; i < 3; i++) {
        if (part->len == (point ? curves[i].point_len : curves[i].point_len / 2))
            return &curves[i];
    }
    return NULL;
}

static enum mm_status from_params(const char *type, int selection, OSSL_PARAM_BLD *bld,
                                  EVP_PKEY **out)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    enum mm_status st = MM_MALFORMED;

    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, out, selection, params) == 1)
        st = MM_OK;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    return st;
}

static enum mm_status rsa_key(const struct mm_key_part *e, const struct mm_key_part *n,
                              EVP_PKEY **out)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *exponent = BN_bin2bn(e->value, e->len, NULL);
    BIGNUM *modulus = BN_bin2bn(n->value, n->len, NULL);
    enum mm_status st = MM_NO_MEMORY;

    if (bld != NULL && exponent != NULL && modulus != NULL &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, exponent) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, modulus) == 1)
        st = BN_is_odd(modulus) && BN_is_odd(exponent) && !BN_is_one(exponent)
                 ? from_params("RSA", EVP_PKEY_PUBLIC_KEY, bld, out)
                 : MM_MALFORMED;
    BN_free(exponent);
    BN_free(modulus);
    OSSL_PARAM_BLD_free(bld);
    return st;
}

/* The point of a private key, which OpenSSL wants beside it. */
static size_t public_point(const char *curve, const BIGNUM *scalar, uint8_t out[POINT_MAX])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(
        EC_curve_nist2nid(curve) != NID_undef ? EC_curve_nist2nid(curve) : OBJ_txt2nid(curve));
    EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
    size_t n = 0;

    if (point != NULL && !BN_is_zero(scalar) && BN_cmp(scalar, EC_GROUP_get0_order(group)) < 0 &&
        EC_POINT_mul(group, point, scalar, NULL, NULL, NULL) == 1)
        n = EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT_MAX, NULL);
    EC_POINT_free(point);
    EC_GROUP_free(group);
    return n;
}

static enum mm_status ec_key(const struct mm_domain_key *key, const struct mm_key_part *part,
                             EVP_PKEY **out)
{
    const struct curve *curve = curve_of(key, part);
    bool is_private = part->type == MM_KEY_EC_PRIVATE;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    BIGNUM *scalar = is_private ? BN_secure_new() : NULL;
    uint8_t point[POINT_MAX];
    size_t point_len = 0;
    enum mm_status st = bld == NULL ? MM_NO_MEMORY : MM_MALFORMED;

    if (bld == NULL || curve == NULL)
        goto out;
    if (is_private) {
        if (scalar == NULL || BN_bin2bn(part->value, part->len, scalar) == NULL)
            goto out;
        point_len = public_point(curve->name, scalar, point);
        if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)
            goto out;
    } else if (part->len == curve->point_len && part->value[0] == 0x04) {
        point_len = part->len;
        memcpy(point, part->value, point_len);
    }
    if (point_len == 0 ||
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, point_len) != 1)
        goto out;
    st = from_params("EC", is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY, bld, out);
out:
    BN_clear_free(scalar);
    OSSL_PARAM_BLD_free(bld);
    return st;
}

enum mm_status mm_key_pkey(const struct mm_domain_key *key, EVP_PKEY **out)
{
    const struct mm_key_part *e = part_of(key, MM_KEY_RSA_E), *n = part_of(key, MM_KEY_RSA_N);
    const struct mm_key_part *point = part_of(key, MM_KEY_EC_PUBLIC);
    const struct mm_key_part *scalar = part_of(key, MM_KEY_EC_PRIVATE);

    *out = NULL;
    if (e != NULL && n != NULL)
        return rsa_key(e, n, out);
    if (scalar != NULL || point != NULL)
        return ec_key(key, scalar != NULL ? scalar : point, out);
    return MM_UNSUPPORTED;
}
