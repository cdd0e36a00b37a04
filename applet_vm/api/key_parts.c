/* Setters and getters of RSA, DSA, DH and EC keys: javacard.security.RSAPublicKey to ECKey. */
#include "applet_vm/api/key_int.h"

#include <openssl/crypto.h>
#include <string.h>

static enum mm_run set_part(struct mm_vm *vm, const uint16_t *args, unsigned part)
{
    struct mm_key_input in;
    enum mm_run run = mm_api_key_input(vm, args[0], args, MM_ARG_SHORT(3), false, &in);

    if (run == MM_RUN_OK)
        run = mm_api_key_put(vm, args[0], part, in.data, in.len);
    OPENSSL_cleanse(in.plain, sizeof(in.plain));
    return run;
}

static enum mm_run get_part(struct mm_vm *vm, const uint16_t *args, uint16_t *ret, unsigned part)
{
    size_t len;
    const uint8_t *data = mm_api_key_part(vm, args[0], part, &len);

    if (data == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), data, len);
}

#define SET(name, part)                                                                            \
    enum mm_run mm_n_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)                 \
    {                                                                                              \
        (void)ret;                                                                                 \
        return set_part(vm, args, part);                                                           \
    }
#define GET(name, part)                                                                            \
    enum mm_run mm_n_##name(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)                 \
    {                                                                                              \
        return get_part(vm, args, ret, part);                                                      \
    }
SET(rsa_set_modulus, MM_RSA_MODULUS)
SET(rsa_set_exponent, MM_RSA_EXPONENT)
GET(rsa_get_modulus, MM_RSA_MODULUS)
GET(rsa_get_exponent, MM_RSA_EXPONENT)
SET(crt_set_p, MM_CRT_P)
SET(crt_set_q, MM_CRT_Q)
SET(crt_set_pq, MM_CRT_PQ)
SET(crt_set_dp1, MM_CRT_DP1)
SET(crt_set_dq1, MM_CRT_DQ1)
GET(crt_get_p, MM_CRT_P)
GET(crt_get_q, MM_CRT_Q)
GET(crt_get_pq, MM_CRT_PQ)
GET(crt_get_dp1, MM_CRT_DP1)
GET(crt_get_dq1, MM_CRT_DQ1)
SET(ff_set_p, MM_FF_P)
SET(ff_set_q, MM_FF_Q)
SET(ff_set_g, MM_FF_G)
SET(ff_set_value, MM_FF_VALUE)
GET(ff_get_p, MM_FF_P)
GET(ff_get_q, MM_FF_Q)
GET(ff_get_g, MM_FF_G)
GET(ff_get_value, MM_FF_VALUE)
SET(ec_set_a, MM_EC_A)
SET(ec_set_b, MM_EC_B)
SET(ec_set_g, MM_EC_G)
SET(ec_set_r, MM_EC_R)
SET(ec_set_value, MM_EC_VALUE)
GET(ec_get_a, MM_EC_A)
GET(ec_get_b, MM_EC_B)
GET(ec_get_g, MM_EC_G)
GET(ec_get_r, MM_EC_R)
GET(ec_get_value, MM_EC_VALUE)
#undef SET
#undef GET

/* ---- ECKey: the field, the cofactor, copies ---- */

enum mm_run mm_n_ec_set_field_fp(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    if (mm_api_kind_f2m(mm_api_key_kind(vm, args[0])))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return set_part(vm, args, MM_EC_P);
}

/* x^m + x^e1 + x^e2 + x^e3 + 1, m the key's size: three exponents in the last six bytes of the
 * part, e2 and e3 zero for a trinomial. */
static enum mm_run set_f2m(struct mm_vm *vm, mm_ref key, int e1, int e2, int e3)
{
    int m = (int)mm_api_key_bits(vm, key);
    uint8_t bytes[6];

    if (!mm_api_kind_f2m(mm_api_key_kind(vm, key)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    if (e1 <= 0 || e1 >= m || e2 < 0 || e2 >= m || e3 < 0 || e3 >= m)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    mm_put_be16(bytes, (uint16_t)e1);
    mm_put_be16(bytes + 2, (uint16_t)e2);
    mm_put_be16(bytes + 4, (uint16_t)e3);
    return mm_api_key_put(vm, key, MM_EC_P, bytes, sizeof(bytes));
}

enum mm_run mm_n_ec_set_field_trinomial(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return set_f2m(vm, args[0], MM_ARG_SHORT(1), 0, 0);
}

enum mm_run mm_n_ec_set_field_pentanomial(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    /* Zero is what a trinomial is stored with. */
    return set_f2m(vm, args[0], MM_ARG_SHORT(1), MM_ARG_SHORT(2) != 0 ? MM_ARG_SHORT(2) : -1,
                   MM_ARG_SHORT(3) != 0 ? MM_ARG_SHORT(3) : -1);
}

/* Over F2m: the exponent, or the three of them, two bytes each. */
enum mm_run mm_n_ec_get_field(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len, n;
    const uint8_t *data = mm_api_key_part(vm, args[0], MM_EC_P, &len);

    if (data == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (!mm_api_kind_f2m(mm_api_key_kind(vm, args[0])))
        return get_part(vm, args, ret, MM_EC_P);
    data += len - 6;
    n = mm_be16(data + 2) == 0 ? 2 : 6;
    ret[0] = (uint16_t)n;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), data, n);
}

enum mm_run mm_n_ec_set_k(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[2];

    (void)ret;
    mm_put_be16(bytes, args[1]);
    return mm_api_key_put(vm, args[0], MM_EC_K, bytes, 2);
}

enum mm_run mm_n_ec_get_k(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len;
    const uint8_t *data = mm_api_key_part(vm, args[0], MM_EC_K, &len);

    if (data == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = mm_be16(data);
    return MM_RUN_OK;
}

enum mm_run mm_n_ec_copy_domain_parameters_from(struct mm_vm *vm, const uint16_t *args,
                                                uint16_t *ret)
{
    enum mm_run run = MM_RUN_OK;
    uint8_t copy[2 * 66 + 1];

    (void)ret;
    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    if (mm_api_key_bits(vm, args[0]) != mm_api_key_bits(vm, args[1]) ||
        mm_api_kind_f2m(mm_api_key_kind(vm, args[0])) !=
            mm_api_kind_f2m(mm_api_key_kind(vm, args[1])))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (unsigned part = 0; part < MM_EC_VALUE && run == MM_RUN_OK; part++) {
        size_t len = 0;
        const uint8_t *data = mm_api_key_part(vm, args[1], part, &len);
        if (data == NULL && part == MM_EC_K)
            continue;
        if (data == NULL || len > sizeof(copy))
            return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
        memcpy(copy, data, len);
        run = mm_api_key_put(vm, args[0], part, copy, len);
    }
    return run;
}
