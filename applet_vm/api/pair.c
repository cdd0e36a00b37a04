/*
 * javacard.security.KeyPair. The domain parameters that are set in the public key (or, without
 * them, in the private one) are used; a pair without any gets the standard ones of its size.
 */
#include "applet_vm/api/key_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <string.h>

#define PAIR_CLASS "javacard/security/KeyPair"

enum { PAIR_PUBLIC, PAIR_PRIVATE, PAIR_ALG, PAIR_BITS };

/* KeyPair.ALG_... */
static const struct pair {
    uint8_t alg, public_type, private_type, public_kind, private_kind;
} pairs[] = {
    {1, MM_KEY_RSA_PUBLIC, MM_KEY_RSA_PRIVATE, MM_KIND_RSA_PUBLIC, MM_KIND_RSA_PRIVATE},
    {2, MM_KEY_RSA_PUBLIC, MM_KEY_RSA_CRT, MM_KIND_RSA_PUBLIC, MM_KIND_RSA_CRT},
    {3, MM_KEY_DSA_PUBLIC, MM_KEY_DSA_PRIVATE, MM_KIND_DSA_PUBLIC, MM_KIND_DSA_PRIVATE},
    {4, MM_KEY_F2M_PUBLIC, MM_KEY_F2M_PRIVATE, MM_KIND_F2M_PUBLIC, MM_KIND_F2M_PRIVATE},
    {5, MM_KEY_EC_PUBLIC, MM_KEY_EC_PRIVATE, MM_KIND_EC_PUBLIC, MM_KIND_EC_PRIVATE},
    {6, MM_KEY_DH_PUBLIC, MM_KEY_DH_PRIVATE, MM_KIND_DH_PUBLIC, MM_KIND_DH_PRIVATE},
};

static uint16_t get(struct mm_vm *vm, mm_ref pair, uint8_t cell)
{
    return mm_vm_hidden(vm, pair, PAIR_CLASS, cell);
}

static enum mm_run set_all(struct mm_vm *vm, mm_ref pair, const uint16_t values[4])
{
    enum mm_run run = MM_RUN_OK;

    for (uint8_t i = 0; i < 4 && run == MM_RUN_OK; i++)
        run = mm_vm_hidden_set(vm, pair, PAIR_CLASS, i, values[i], false);
    return run;
}

/* KeyPair(algorithm, length): two empty keys */
enum mm_run mm_n_pair_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t values[4] = {0, 0, args[1], args[2]};
    int alg = MM_ARG_BYTE(1), bits = MM_ARG_SHORT(2);
    mm_ref pair = args[0];
    enum mm_run run;

    (void)ret;
    if (alg < 1 || alg > 6)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    run = mm_api_key_new(vm, pairs[alg - 1].public_type, bits, MM_PERSISTENT, &values[PAIR_PUBLIC]);
    if (run == MM_RUN_OK) /* keep it reachable before the next allocation */
        run = set_all(vm, pair, values);
    if (run == MM_RUN_OK)
        run = mm_api_key_new(vm, pairs[alg - 1].private_type, bits, MM_PERSISTENT,
                             &values[PAIR_PRIVATE]);
    return run == MM_RUN_OK ? set_all(vm, pair, values) : run;
}

enum mm_run mm_n_pair_init_keys(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t values[4] = {args[1], args[2], 0, 0};
    enum mm_key_kind public_kind, private_kind;

    (void)ret;
    if (args[1] == MM_REF_NULL || args[2] == MM_REF_NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    public_kind = mm_api_key_kind(vm, args[1]);
    private_kind = mm_api_key_kind(vm, args[2]);
    if (public_kind == MM_KIND_NONE && private_kind == MM_KIND_NONE) /* an applet's own classes */
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (pairs[i].public_kind == public_kind && pairs[i].private_kind == private_kind)
            values[PAIR_ALG] = pairs[i].alg;
    }
    values[PAIR_BITS] = (uint16_t)mm_api_key_bits(vm, args[1]);
    if (values[PAIR_ALG] == 0 || mm_api_key_bits(vm, args[2]) != values[PAIR_BITS])
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    return set_all(vm, args[0], values);
}

enum mm_run mm_n_pair_get_public(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PAIR_PUBLIC);
    return MM_RUN_OK;
}

enum mm_run mm_n_pair_get_private(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PAIR_PRIVATE);
    return MM_RUN_OK;
}

/* ---- From OpenSSL into the keys ---- */

static enum mm_run put_number(struct mm_vm *vm, const EVP_PKEY *pkey, const char *name, mm_ref key,
                              unsigned part)
{
    uint8_t bytes[MM_KEY_PART_MAX];
    BIGNUM *bn = NULL;
    int n;
    enum mm_run run;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1 || (n = BN_num_bytes(bn)) < 0 ||
        (size_t)n >= sizeof(bytes) || BN_bn2binpad(bn, bytes, n == 0 ? 1 : n) < 0)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    else
        run = mm_api_key_put(vm, key, part, bytes, n == 0 ? 1 : (size_t)n);
    BN_clear_free(bn);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return run;
}

struct number {
    const char *name;
    unsigned part;
};

static enum mm_run put_numbers(struct mm_vm *vm, const EVP_PKEY *pkey, mm_ref key,
                               const struct number *numbers, size_t n)
{
    enum mm_run run = MM_RUN_OK;

    for (size_t i = 0; i < n && run == MM_RUN_OK; i++)
        run = put_number(vm, pkey, numbers[i].name, key, numbers[i].part);
    return run;
}

static enum mm_run put_point(struct mm_vm *vm, const EVP_PKEY *pkey, const char *name, mm_ref key,
                             unsigned part)
{
    uint8_t point[2 * 66 + 1];
    size_t len = 0;

    if (EVP_PKEY_get_octet_string_param(pkey, name, point, sizeof(point), &len) != 1)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    return mm_api_key_put(vm, key, part, point, len);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum mm_run store_rsa(struct mm_vm *vm, const EVP_PKEY *pkey, const mm_ref keys[2])
{
    static const struct number public_parts[] = {{OSSL_PKEY_PARAM_RSA_N, MM_RSA_MODULUS},
                                                 {OSSL_PKEY_PARAM_RSA_E, MM_RSA_EXPONENT}};
    static const struct number private_parts[] = {{OSSL_PKEY_PARAM_RSA_N, MM_RSA_MODULUS},
                                                  {OSSL_PKEY_PARAM_RSA_D, MM_RSA_EXPONENT},
                                                  {OSSL_PKEY_PARAM_RSA_E, MM_RSA_OTHER}};
    static const struct number crt_parts[] = {{OSSL_PKEY_PARAM_RSA_FACTOR1, MM_CRT_P},
                                              {OSSL_PKEY_PARAM_RSA_FACTOR2, MM_CRT_Q},
                                              {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, MM_CRT_PQ},
                                              {OSSL_PKEY_PARAM_RSA_EXPONENT1, MM_CRT_DP1},
                                              {OSSL_PKEY_PARAM_RSA_EXPONENT2, MM_CRT_DQ1}};
    enum mm_run run = put_numbers(vm, pkey, keys[0], public_parts, 2);

    if (run != MM_RUN_OK)
        return run;
    if (mm_api_key_kind(vm, keys[1]) == MM_KIND_RSA_CRT)
        return put_numbers(vm, pkey, keys[1], crt_parts, COUNT(crt_parts));
    return put_numbers(vm, pkey, keys[1], private_parts, COUNT(private_parts));
}

static enum mm_run store_ff(struct mm_vm *vm, const EVP_PKEY *pkey, const mm_ref keys[2])
{
    static const struct number domain[] = {{OSSL_PKEY_PARAM_FFC_P, MM_FF_P},
                                           {OSSL_PKEY_PARAM_FFC_G, MM_FF_G},
                                           {OSSL_PKEY_PARAM_FFC_Q, MM_FF_Q}};
    BIGNUM *q = NULL;
    size_t n = EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_FFC_Q, &q) == 1 ? 3 : 2;
    enum mm_run run = put_numbers(vm, pkey, keys[0], domain, n);

    BN_free(q);
    if (run == MM_RUN_OK)
        run = put_numbers(vm, pkey, keys[1], domain, n);
    if (run == MM_RUN_OK)
        run = put_number(vm, pkey, OSSL_PKEY_PARAM_PUB_KEY, keys[0], MM_FF_VALUE);
    if (run == MM_RUN_OK)
        run = put_number(vm, pkey, OSSL_PKEY_PARAM_PRIV_KEY, keys[1], MM_FF_VALUE);
    return run;
}

/* The reduction polynomial of a named curve, to both keys: its exponents between m and 0. */
static enum mm_run put_polynomial(struct mm_vm *vm, const EVP_PKEY *pkey, const mm_ref keys[2])
{
    BIGNUM *p = NULL;
    uint8_t exponents[6] = {0};
    int found = 0;
    enum mm_run run = MM_RUN_OK;

    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_P, &p) != 1)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (int i = BN_num_bits(p) - 2; i > 0 && found < 3; i--) {
        if (BN_is_bit_set(p, i))
            mm_put_be16(exponents + 2 * found++, (uint16_t)i);
    }
    for (size_t i = 0; i < 2 && run == MM_RUN_OK; i++)
        run = mm_api_key_put(vm, keys[i], MM_EC_P, exponents, sizeof(exponents));
    BN_free(p);
    return run;
}

static enum mm_run store_ec_domain(struct mm_vm *vm, const EVP_PKEY *pkey, const mm_ref keys[2])
{
    static const struct number domain[] = {{OSSL_PKEY_PARAM_EC_P, MM_EC_P},
                                           {OSSL_PKEY_PARAM_EC_A, MM_EC_A},
                                           {OSSL_PKEY_PARAM_EC_B, MM_EC_B},
                                           {OSSL_PKEY_PARAM_EC_ORDER, MM_EC_R},
                                           {OSSL_PKEY_PARAM_EC_COFACTOR, MM_EC_K}};
    bool f2m = mm_api_kind_f2m(mm_api_key_kind(vm, keys[0]));
    enum mm_run run = f2m ? put_polynomial(vm, pkey, keys) : MM_RUN_OK;

    for (size_t i = 0; i < 2 && run == MM_RUN_OK; i++) {
        run = put_numbers(vm, pkey, keys[i], domain + f2m, COUNT(domain) - f2m);
        if (run == MM_RUN_OK)
            run = put_point(vm, pkey, OSSL_PKEY_PARAM_EC_GENERATOR, keys[i], MM_EC_G);
    }
    return run;
}

/* Parameters that the applet has set stay as they are; the other key of the pair gets them. */
static enum mm_run store_ec(struct mm_vm *vm, const EVP_PKEY *pkey, const mm_ref keys[2],
                            const mm_ref *with_domain)
{
    uint16_t none[2];
    enum mm_run run = MM_RUN_OK;

    if (with_domain == NULL) {
        run = store_ec_domain(vm, pkey, keys);
    } else {
        uint16_t copy[2] = {*with_domain == keys[0] ? keys[1] : keys[0], *with_domain};
        run = mm_n_ec_copy_domain_parameters_from(vm, copy, none);
    }
    if (run == MM_RUN_OK)
        run = put_number(vm, pkey, OSSL_PKEY_PARAM_PRIV_KEY, keys[1], MM_EC_VALUE);
    if (run == MM_RUN_OK)
        run = put_point(vm, pkey, OSSL_PKEY_PARAM_PUB_KEY, keys[0], MM_EC_VALUE);
    return run;
}

/* ---- Generation ---- */

static const char *curve_of(unsigned bits)
{
    static const struct {
        unsigned bits;
        const char *name;
    } curves[] = {{112, "secp112r1"},       {113, "sect113r1"},      {128, "secp128r1"},
                  {131, "sect131r1"},       {160, "secp160r1"},      {163, "sect163r2"},
                  {192, "P-192"},           {193, "sect193r1"},      {224, "P-224"},
                  {256, "P-256"},           {384, "P-384"},          {521, "P-521"},
                  {320, "brainpoolP320r1"}, {512, "brainpoolP512r1"}};

    for (size_t i = 0; i < COUNT(curves); i++) {
        if (curves[i].bits == bits)
            return curves[i].name;
    }
    return NULL;
}

static EVP_PKEY *generate_from(EVP_PKEY *domain)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, domain, NULL);
    EVP_PKEY *pkey = NULL;

    if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_generate(ctx, &pkey) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static EVP_PKEY *generate_rsa(struct mm_vm *vm, const mm_ref keys[2], unsigned bits)
{
    size_t len = 0;
    const uint8_t *data = mm_api_key_part(vm, keys[0], MM_RSA_EXPONENT, &len);
    BIGNUM *e = data != NULL ? BN_bin2bn(data, (int)len, NULL) : NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *pkey = NULL;
    bool ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
              EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) == 1;

    if (ok && e != NULL)
        ok = EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, e) == 1;
    if (ok && EVP_PKEY_generate(ctx, &pkey) != 1)
        pkey = NULL;
    BN_free(e);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* Fresh domain parameters: DSA as in FIPS 186-4 (below 1024 bits as in FIPS 186-2), DH as in RFC 7919 or, for
 * the sizes it does not have, RFC 5114's 1024-bit group. */
static EVP_PKEY *ff_domain(enum mm_key_kind kind, unsigned bits)
{
    bool dsa = mm_api_kind_dsa(kind);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, dsa ? "DSA" : "DH", NULL);
    EVP_PKEY *domain = NULL;
    char group[] = "ffdhe2048", group_1024[] = "dh_1024_160";
    size_t pbits = bits, qbits = bits <= 1024 ? 160 : 256;
    char old[] = "fips186_2";
    OSSL_PARAM params[4] = {OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END};

    if (dsa) {
        if (bits < 1024)
            params[2] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_FFC_TYPE, old, 0);
        params[0] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_PBITS, &pbits);
        params[1] = OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_QBITS, &qbits);
    } else {
        params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                     bits == 2048 ? group : group_1024, 0);
    }
    if (ctx != NULL && (dsa || bits == 2048 || bits == 1024) && EVP_PKEY_paramgen_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_params(ctx, params) == 1 && EVP_PKEY_generate(ctx, &domain) != 1)
        domain = NULL;
    EVP_PKEY_CTX_free(ctx);
    return domain;
}

static bool domain_set(struct mm_vm *vm, mm_ref key, bool ec)
{
    size_t len;
    unsigned needed = ec ? MM_EC_K : MM_FF_VALUE;

    for (unsigned part = 0; part < needed; part++) {
        if (!ec && part == MM_FF_Q && mm_api_kind_dh(mm_api_key_kind(vm, key)))
            continue;
        if (mm_api_key_part(vm, key, part, &len) == NULL)
            return false;
    }
    return true;
}

/* OpenSSL signs with DSA keys below 1024 bits and does not make them: a private value in 1..q-1 goes
 * into the private key, and the key for OpenSSL is made from that. */
static EVP_PKEY *generate_small_dsa(struct mm_vm *vm, const EVP_PKEY *domain, mm_ref key)
{
    static const struct number parts[] = {{OSSL_PKEY_PARAM_FFC_P, MM_FF_P},
                                          {OSSL_PKEY_PARAM_FFC_Q, MM_FF_Q},
                                          {OSSL_PKEY_PARAM_FFC_G, MM_FF_G}};
    uint8_t bytes[MM_KEY_PART_MAX];
    BIGNUM *q = NULL, *x = BN_secure_new();
    int n = 0;
    bool ok = x != NULL && EVP_PKEY_get_bn_param(domain, OSSL_PKEY_PARAM_FFC_Q, &q) == 1 &&
              BN_sub_word(q, 1) == 1 && BN_priv_rand_range(x, q) == 1 && BN_add_word(x, 1) == 1 &&
              (n = BN_bn2binpad(x, bytes, BN_num_bytes(q))) > 0 &&
              put_numbers(vm, domain, key, parts, COUNT(parts)) == MM_RUN_OK &&
              mm_api_key_put(vm, key, MM_FF_VALUE, bytes, (size_t)n) == MM_RUN_OK;

    BN_free(q);
    BN_clear_free(x);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return ok ? mm_api_pkey(vm, key, false) : NULL;
}

static EVP_PKEY *generate_ff(struct mm_vm *vm, const mm_ref keys[2], const mm_ref *with_domain,
                             enum mm_key_kind kind, unsigned bits)
{
    EVP_PKEY *domain =
        with_domain != NULL ? mm_api_pkey(vm, *with_domain, true) : ff_domain(kind, bits);
    EVP_PKEY *pkey = NULL;

    if (domain != NULL && mm_api_kind_dsa(kind) && bits < 1024)
        pkey = generate_small_dsa(vm, domain, keys[1]);
    else if (domain != NULL)
        pkey = generate_from(domain);
    EVP_PKEY_free(domain);
    return pkey;
}

static EVP_PKEY *generate_ec(struct mm_vm *vm, const mm_ref *with_domain, unsigned bits)
{
    EVP_PKEY *domain, *pkey;

    if (with_domain == NULL)
        return curve_of(bits) != NULL ? EVP_EC_gen(curve_of(bits)) : NULL;
    domain = mm_api_pkey(vm, *with_domain, true);
    pkey = domain != NULL ? generate_from(domain) : NULL;
    EVP_PKEY_free(domain);
    return pkey;
}

enum mm_run mm_n_pair_generate(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref keys[2] = {get(vm, args[0], PAIR_PUBLIC), get(vm, args[0], PAIR_PRIVATE)};
    unsigned bits = get(vm, args[0], PAIR_BITS);
    enum mm_key_kind kind = mm_api_key_kind(vm, keys[0]);
    const mm_ref *with_domain = NULL;
    EVP_PKEY *pkey;
    enum mm_run run;

    (void)ret;
    for (size_t i = 0; i < 2 && with_domain == NULL && !mm_api_kind_rsa(kind); i++) {
        if (domain_set(vm, keys[i], mm_api_kind_ec(kind)))
            with_domain = &keys[i];
    }
    if (mm_api_kind_rsa(kind))
        pkey = generate_rsa(vm, keys, bits);
    else if (mm_api_kind_ec(kind))
        pkey = generate_ec(vm, with_domain, bits);
    else
        pkey = kind != MM_KIND_NONE ? generate_ff(vm, keys, with_domain, kind, bits) : NULL;
    if (pkey == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (mm_api_kind_rsa(kind))
        run = store_rsa(vm, pkey, keys);
    else
        run =
            mm_api_kind_ec(kind) ? store_ec(vm, pkey, keys, with_domain) : store_ff(vm, pkey, keys);
    EVP_PKEY_free(pkey);
    return run;
}
