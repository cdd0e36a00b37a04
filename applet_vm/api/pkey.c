/*
 * Keys for OpenSSL. What Java Card keys leave out and OpenSSL wants is computed: the modulus and
 * exponents of an RSA key from its CRT parts, the public value of a DSA or DH key.
 */
#include "applet_vm/api/key_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#define EXPONENTS_TRIED (1u << 17) /* some 30 ms for 2048 bits, once a key */

bool mm_api_kind_private(enum mm_key_kind kind)
{
    return kind == MM_KIND_RSA_PRIVATE || kind == MM_KIND_RSA_CRT || kind == MM_KIND_DSA_PRIVATE ||
           kind == MM_KIND_DH_PRIVATE || kind == MM_KIND_EC_PRIVATE || kind == MM_KIND_F2M_PRIVATE;
}

bool mm_api_kind_rsa(enum mm_key_kind kind)
{
    return kind >= MM_KIND_RSA_PUBLIC && kind <= MM_KIND_RSA_CRT;
}

bool mm_api_kind_dsa(enum mm_key_kind kind)
{
    return kind >= MM_KIND_DSA_PUBLIC && kind <= MM_KIND_DSA_PARAMS;
}

bool mm_api_kind_dh(enum mm_key_kind kind)
{
    return kind >= MM_KIND_DH_PUBLIC && kind <= MM_KIND_DH_PARAMS;
}

bool mm_api_kind_ec(enum mm_key_kind kind)
{
    return kind >= MM_KIND_EC_PUBLIC && kind <= MM_KIND_F2M_PARAMS;
}

bool mm_api_kind_f2m(enum mm_key_kind kind)
{
    return kind >= MM_KIND_F2M_PUBLIC;
}

/* A key in the making: the builder does not copy numbers, so they are kept until the end. */
struct build {
    OSSL_PARAM_BLD *bld;
    BIGNUM *keep[12];
    size_t keep_n;
    BN_CTX *ctx;
    bool ok;
};

static BIGNUM *keep(struct build *b, BIGNUM *bn)
{
    if (bn == NULL || b->keep_n == sizeof(b->keep) / sizeof(b->keep[0])) {
        BN_clear_free(bn);
        b->ok = false;
        return NULL;
    }
    b->keep[b->keep_n++] = bn;
    return bn;
}

static void push(struct build *b, const char *name, const BIGNUM *bn)
{
    b->ok = b->ok && bn != NULL && OSSL_PARAM_BLD_push_BN(b->bld, name, bn) == 1;
}

static BIGNUM *number(struct build *b, struct mm_vm *vm, mm_ref key, unsigned part)
{
    size_t len;
    const uint8_t *data = mm_api_key_part(vm, key, part, &len);

    if (data == NULL)
        b->ok = false;
    return data != NULL ? keep(b, BN_bin2bn(data, (int)len, NULL)) : NULL;
}

static BIGNUM *fresh(struct build *b)
{
    return keep(b, BN_secure_new());
}

/* ---- RSA ---- */

/* e is right when 2^(e d) = 2 mod n. Odd ones in turn: y is x^e, x2 is x^2, all in Montgomery form. */
static bool search_exponent(struct build *b, BIGNUM *e, const BIGNUM *x, const BIGNUM *n)
{
    BN_MONT_CTX *mont = BN_MONT_CTX_new();
    BIGNUM *y = fresh(b), *x2 = fresh(b), *two = fresh(b);
    bool found = false;
    bool ok = b->ok && mont != NULL && BN_MONT_CTX_set(mont, n, b->ctx) == 1 &&
              BN_set_word(two, 2) == 1 && BN_to_montgomery(two, two, mont, b->ctx) == 1 &&
              BN_to_montgomery(y, x, mont, b->ctx) == 1 &&
              BN_mod_mul_montgomery(x2, y, y, mont, b->ctx) == 1;

    for (unsigned i = 1; ok && !found && i < EXPONENTS_TRIED; i += 2) {
        found = BN_cmp(y, two) == 0 && BN_set_word(e, i) == 1;
        ok = found || BN_mod_mul_montgomery(y, y, x2, mont, b->ctx) == 1;
    }
    BN_MONT_CTX_free(mont);
    return found;
}

/* An RSA private key without CRT parts has no public exponent, which OpenSSL blinds with. Of a
 * generated pair it is kept; else the usual ones are tried, then all of 17 bits. */
static BIGNUM *find_exponent(struct build *b, struct mm_vm *vm, mm_ref key, const BIGNUM *n,
                             const BIGNUM *d)
{
    static const unsigned usual[] = {65537, 3, 17};
    BIGNUM *e = fresh(b), *two = fresh(b), *x = fresh(b), *y = fresh(b);
    size_t len;

    if (mm_api_key_part(vm, key, MM_RSA_OTHER, &len) != NULL)
        return number(b, vm, key, MM_RSA_OTHER);
    if (!b->ok || BN_set_word(two, 2) != 1 || !BN_is_odd(n) || BN_num_bits(n) < 64 ||
        BN_mod_exp_mont_consttime(x, two, d, n, b->ctx, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (BN_set_word(e, usual[i]) == 1 && BN_mod_exp(y, x, e, n, b->ctx) == 1 &&
            BN_cmp(y, two) == 0)
            return e;
    }
    return search_exponent(b, e, x, n) ? e : NULL;
}

static void build_rsa_private(struct build *b, struct mm_vm *vm, mm_ref key)
{
    BIGNUM *n = number(b, vm, key, MM_RSA_MODULUS), *d = number(b, vm, key, MM_RSA_EXPONENT);

    push(b, OSSL_PKEY_PARAM_RSA_N, n);
    push(b, OSSL_PKEY_PARAM_RSA_D, d);
    push(b, OSSL_PKEY_PARAM_RSA_E, b->ok ? find_exponent(b, vm, key, n, d) : NULL);
}

/* n = p q; e = 1/dP mod (p - 1); d = 1/e mod (p - 1)(q - 1) */
static void build_crt(struct build *b, struct mm_vm *vm, mm_ref key)
{
    static const char *const names[] = {
        OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT1, OSSL_PKEY_PARAM_RSA_EXPONENT2};
    BIGNUM *v[5], *n, *e, *d, *p1, *q1;

    for (unsigned i = 0; i < 5; i++)
        v[i] = number(b, vm, key, i);
    for (unsigned i = 0; i < 5; i++)
        push(b, names[i], v[i]);
    n = fresh(b);
    e = fresh(b);
    d = fresh(b);
    p1 = fresh(b);
    q1 = fresh(b);
    b->ok = b->ok && !BN_is_zero(v[MM_CRT_P]) && !BN_is_zero(v[MM_CRT_Q]) &&
            BN_mul(n, v[MM_CRT_P], v[MM_CRT_Q], b->ctx) == 1 &&
            BN_sub(p1, v[MM_CRT_P], BN_value_one()) == 1 &&
            BN_sub(q1, v[MM_CRT_Q], BN_value_one()) == 1 &&
            BN_mod_inverse(e, v[MM_CRT_DP1], p1, b->ctx) != NULL &&
            BN_mul(p1, p1, q1, b->ctx) == 1 && BN_mod_inverse(d, e, p1, b->ctx) != NULL;
    push(b, OSSL_PKEY_PARAM_RSA_N, n);
    push(b, OSSL_PKEY_PARAM_RSA_E, e);
    push(b, OSSL_PKEY_PARAM_RSA_D, d);
}

/* ---- DSA, DH ---- */

static void build_ff(struct build *b, struct mm_vm *vm, mm_ref key, enum mm_key_kind kind,
                     bool domain_only)
{
    BIGNUM *p = number(b, vm, key, MM_FF_P), *g = number(b, vm, key, MM_FF_G), *x, *y;
    size_t len;

    push(b, OSSL_PKEY_PARAM_FFC_P, p);
    push(b, OSSL_PKEY_PARAM_FFC_G, g);
    if (mm_api_key_part(vm, key, MM_FF_Q, &len) != NULL)
        push(b, OSSL_PKEY_PARAM_FFC_Q, number(b, vm, key, MM_FF_Q));
    if (domain_only || !b->ok)
        return;
    x = number(b, vm, key, MM_FF_VALUE);
    if (!mm_api_kind_private(kind)) {
        push(b, OSSL_PKEY_PARAM_PUB_KEY, x);
        return;
    }
    y = fresh(b);
    b->ok = b->ok && BN_is_odd(p) && BN_mod_exp_mont_consttime(y, g, x, p, b->ctx, NULL) == 1;
    push(b, OSSL_PKEY_PARAM_PRIV_KEY, x);
    push(b, OSSL_PKEY_PARAM_PUB_KEY, y);
}

/* ---- EC ---- */

/* The reduction polynomial as a number: bit i stands for x^i. */
static BIGNUM *polynomial(struct build *b, struct mm_vm *vm, mm_ref key)
{
    size_t len;
    const uint8_t *data = mm_api_key_part(vm, key, MM_EC_P, &len);
    BIGNUM *p = fresh(b);

    if (data == NULL || p == NULL || BN_set_bit(p, (int)mm_api_key_bits(vm, key)) != 1 ||
        BN_set_bit(p, 0) != 1) {
        b->ok = false;
        return NULL;
    }
    for (size_t i = len - 6; i < len; i += 2) /* an exponent that is not there is 0 */
        b->ok = b->ok && BN_set_bit(p, mm_be16(data + i)) == 1;
    return p;
}

static void push_point(struct build *b, struct mm_vm *vm, mm_ref key, unsigned part,
                       const char *name)
{
    size_t len;
    const uint8_t *data = mm_api_key_part(vm, key, part, &len);

    b->ok = b->ok && data != NULL && OSSL_PARAM_BLD_push_octet_string(b->bld, name, data, len) == 1;
}

/* Curve by its numbers; OpenSSL recognises the named ones itself. */
static void build_ec(struct build *b, struct mm_vm *vm, mm_ref key, enum mm_key_kind kind,
                     bool domain_only)
{
    bool f2m = mm_api_kind_f2m(kind);
    size_t len;

    b->ok = b->ok && OSSL_PARAM_BLD_push_utf8_string(
                         b->bld, OSSL_PKEY_PARAM_EC_FIELD_TYPE,
                         f2m ? "characteristic-two-field" : "prime-field", 0) == 1;
    push(b, OSSL_PKEY_PARAM_EC_P, f2m ? polynomial(b, vm, key) : number(b, vm, key, MM_EC_P));
    push(b, OSSL_PKEY_PARAM_EC_A, number(b, vm, key, MM_EC_A));
    push(b, OSSL_PKEY_PARAM_EC_B, number(b, vm, key, MM_EC_B));
    push(b, OSSL_PKEY_PARAM_EC_ORDER, number(b, vm, key, MM_EC_R));
    push_point(b, vm, key, MM_EC_G, OSSL_PKEY_PARAM_EC_GENERATOR);
    if (mm_api_key_part(vm, key, MM_EC_K, &len) != NULL)
        push(b, OSSL_PKEY_PARAM_EC_COFACTOR, number(b, vm, key, MM_EC_K));
    if (domain_only)
        return;
    if (mm_api_kind_private(kind))
        push(b, OSSL_PKEY_PARAM_PRIV_KEY, number(b, vm, key, MM_EC_VALUE));
    else
        push_point(b, vm, key, MM_EC_VALUE, OSSL_PKEY_PARAM_PUB_KEY);
}

/* ---- All ---- */

static const char *build_kind(struct build *b, struct mm_vm *vm, mm_ref key, enum mm_key_kind kind,
                              bool domain_only)
{
    if (mm_api_kind_ec(kind)) {
        build_ec(b, vm, key, kind, domain_only);
        return "EC";
    }
    if (mm_api_kind_dsa(kind) || mm_api_kind_dh(kind)) {
        build_ff(b, vm, key, kind, domain_only);
        return mm_api_kind_dsa(kind) ? "DSA" : "DH";
    }
    if (kind == MM_KIND_RSA_PRIVATE) {
        build_rsa_private(b, vm, key);
    } else if (kind == MM_KIND_RSA_CRT) {
        build_crt(b, vm, key);
    } else {
        push(b, OSSL_PKEY_PARAM_RSA_N, number(b, vm, key, MM_RSA_MODULUS));
        push(b, OSSL_PKEY_PARAM_RSA_E, number(b, vm, key, MM_RSA_EXPONENT));
    }
    return "RSA";
}

EVP_PKEY *mm_api_pkey(struct mm_vm *vm, mm_ref key, bool domain_only)
{
    enum mm_key_kind kind = mm_api_key_kind(vm, key);
    struct build b = {.bld = OSSL_PARAM_BLD_new(), .ctx = BN_CTX_secure_new()};
    EVP_PKEY_CTX *ctx = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;
    const char *name;

    b.ok = b.bld != NULL && b.ctx != NULL && kind >= MM_KIND_RSA_PUBLIC &&
           (domain_only || mm_api_key_ready(vm, key));
    if (b.ok) {
        name = build_kind(&b, vm, key, kind, domain_only);
        ctx = EVP_PKEY_CTX_new_from_name(NULL, name, NULL);
        params = b.ok ? OSSL_PARAM_BLD_to_param(b.bld) : NULL;
    }
    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, domain_only ? EVP_PKEY_KEY_PARAMETERS : EVP_PKEY_KEYPAIR,
                          params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b.bld);
    for (size_t i = 0; i < b.keep_n; i++)
        BN_clear_free(b.keep[i]);
    BN_CTX_free(b.ctx);
    return pkey;
}
