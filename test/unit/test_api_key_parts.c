/* Setters and getters of keys, kind by kind: what is put in comes out, what is not in is refused. */
#include "test/unit/api_fixture.h"

#define CRYPTO "javacard/security/CryptoException"
#define BOUNDS "java/lang/ArrayIndexOutOfBoundsException"
/* CryptoException reason codes */
#define ILLEGAL_VALUE     1
#define UNINITIALIZED_KEY 2
#define NO_SUCH_ALGORITHM 3
/* KeyBuilder.TYPE_... */
#define RSA_PUBLIC      4
#define RSA_PRIVATE     5
#define RSA_CRT_PRIVATE 6
#define DSA_PUBLIC      7
#define DSA_PRIVATE     8
#define EC_F2M_PUBLIC   9
#define EC_FP_PUBLIC    11
#define DH_PUBLIC       32
#define DH_PRIVATE      35

struct part {
    mm_native set, get;
    size_t len; /* bytes of the value that is put in */
};

/* A number of len bytes that begins with 0x40, so that it fits and no leading byte is lost. */
static mm_ref number(size_t len, uint8_t seed)
{
    uint8_t bytes[512];

    memset(bytes, seed, len);
    bytes[0] = 0x40;
    return bytes_new(bytes, len);
}

static void check_part(mm_ref key, const struct part *p, uint8_t seed)
{
    mm_ref in = number(p->len, seed), out = bytes_new(NULL, p->len + 3);

    throws(CRYPTO, UNINITIALIZED_KEY, p->get, 3, key, out, 0);
    throws(BOUNDS, 0, p->set, 4, key, in, 1, (int)p->len);
    throws(BOUNDS, 0, p->set, 4, key, in, -1, (int)p->len);
    throws(CRYPTO, ILLEGAL_VALUE, p->set, 4, key, number(400, seed), 0, 400);
    throws(CRYPTO, UNINITIALIZED_KEY, p->get, 3, key, out, 0);
    (void)ok(p->set, 4, key, in, 0, (int)p->len);
    assert_int_equal(ok(p->get, 3, key, out, 2), p->len);
    assert_memory_equal(bytes_of(out) + 2, bytes_of(in), p->len);
    throws(BOUNDS, 0, p->get, 3, key, out, 4);
}

/* Each part, then the key is ready; cleared, it is not. */
static void check_key(int type, int bits, const struct part *parts, size_t n)
{
    mm_ref key = ok(mm_n_key_build, 3, type, bits, 0), out = bytes_new(NULL, 400);

    assert_int_equal(ok(mm_n_key_get_type, 1, key), type);
    assert_int_equal(ok(mm_n_key_get_size, 1, key), bits);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
        check_part(key, &parts[i], (uint8_t)(0x11 * (i + 1)));
    }
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 1);
    (void)ok(mm_n_key_clear, 1, key);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
    throws(CRYPTO, UNINITIALIZED_KEY, parts[0].get, 3, key, out, 0);
}
#define CHECK(type, bits, ...)                                                                     \
    do {                                                                                           \
        static const struct part parts[] = {__VA_ARGS__};                                          \
        check_key(type, bits, parts, sizeof(parts) / sizeof(parts[0]));                            \
    } while (0)

static void rsa_keys_give_back_modulus_and_exponent(void **state)
{
    (void)state;
    CHECK(RSA_PUBLIC, 1024, {mm_n_rsa_set_modulus, mm_n_rsa_get_modulus, 128},
          {mm_n_rsa_set_exponent, mm_n_rsa_get_exponent, 3});
    CHECK(RSA_PRIVATE, 512, {mm_n_rsa_set_modulus, mm_n_rsa_get_modulus, 64},
          {mm_n_rsa_set_exponent, mm_n_rsa_get_exponent, 64});
}

static void rsa_crt_keys_give_back_their_five_parts(void **state)
{
    (void)state;
    CHECK(RSA_CRT_PRIVATE, 1024, {mm_n_crt_set_p, mm_n_crt_get_p, 64},
          {mm_n_crt_set_q, mm_n_crt_get_q, 64}, {mm_n_crt_set_pq, mm_n_crt_get_pq, 64},
          {mm_n_crt_set_dp1, mm_n_crt_get_dp1, 64}, {mm_n_crt_set_dq1, mm_n_crt_get_dq1, 64});
}

static void dsa_keys_give_back_domain_and_value(void **state)
{
    (void)state;
    CHECK(DSA_PUBLIC, 1024, {mm_n_ff_set_p, mm_n_ff_get_p, 128}, {mm_n_ff_set_q, mm_n_ff_get_q, 20},
          {mm_n_ff_set_g, mm_n_ff_get_g, 128}, {mm_n_ff_set_value, mm_n_ff_get_value, 128});
    CHECK(DSA_PRIVATE, 1024, {mm_n_ff_set_p, mm_n_ff_get_p, 128},
          {mm_n_ff_set_q, mm_n_ff_get_q, 20}, {mm_n_ff_set_g, mm_n_ff_get_g, 128},
          {mm_n_ff_set_value, mm_n_ff_get_value, 20});
}

static void dh_keys_give_back_domain_and_value(void **state)
{
    mm_ref key, q = number(20, 0x77), out = bytes_new(NULL, 20);

    (void)state;
    for (int type = DH_PUBLIC; type <= DH_PRIVATE; type += DH_PRIVATE - DH_PUBLIC) {
        CHECK(type, 1024, {mm_n_ff_set_p, mm_n_ff_get_p, 128}, {mm_n_ff_set_g, mm_n_ff_get_g, 128},
              {mm_n_ff_set_value, mm_n_ff_get_value, 128});
        key = ok(mm_n_key_build, 3, type, 1024, 0);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ff_get_q, 3, key, out, 0);
        (void)ok(mm_n_ff_set_q, 4, key, q, 0, 20); /* optional: DHKey */
        assert_int_equal(ok(mm_n_ff_get_q, 3, key, out, 0), 20);
        assert_memory_equal(bytes_of(out), bytes_of(q), 20);
    }
}

/* G and W are points: 04, X, Y. */
static void ec_key_takes_points_uncompressed_only(void **state)
{
    mm_ref key = ok(mm_n_key_build, 3, EC_FP_PUBLIC, 192, 0);
    mm_ref point = number(49, 0x22), out = bytes_new(NULL, 49);

    (void)state;
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_get_g, 3, key, out, 0);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_get_value, 3, key, out, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_g, 4, key, point, 0, 49); /* begins with 40 */
    point = bytes_new("\x04pointpointpointpointpointpointpointpointpointpoint", 49);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_value, 4, key, point, 0, 48);
    (void)ok(mm_n_ec_set_g, 4, key, point, 0, 49);
    (void)ok(mm_n_ec_set_value, 4, key, point, 0, 49);
    assert_int_equal(ok(mm_n_ec_get_g, 3, key, out, 0), 49);
    assert_memory_equal(bytes_of(out), bytes_of(point), 49);
    assert_int_equal(ok(mm_n_ec_get_value, 3, key, out, 0), 49);
}

static void ec_key_gives_back_its_curve(void **state)
{
    mm_ref key = ok(mm_n_key_build, 3, EC_FP_PUBLIC, 192, 0);
    static const struct part parts[] = {{mm_n_ec_set_field_fp, mm_n_ec_get_field, 24},
                                        {mm_n_ec_set_a, mm_n_ec_get_a, 24},
                                        {mm_n_ec_set_b, mm_n_ec_get_b, 24},
                                        {mm_n_ec_set_r, mm_n_ec_get_r, 24}};

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        check_part(key, &parts[i], (uint8_t)(0x31 + i));
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_get_k, 1, key);
    (void)ok(mm_n_ec_set_k, 2, key, 4);
    assert_int_equal(ok(mm_n_ec_get_k, 1, key), 4);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_trinomial, 2, key, 9);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_pentanomial, 4, key, 7, 6, 3);
}

/* x^163 + x^7 + x^6 + x^3 + 1 (sect163k1), x^193 + x^15 + 1 (sect193r1) */
static void binary_field_is_its_reduction_polynomial(void **state)
{
    mm_ref five = ok(mm_n_key_build, 3, EC_F2M_PUBLIC, 163, 0);
    mm_ref three = ok(mm_n_key_build, 3, EC_F2M_PUBLIC, 193, 0), out = bytes_new(NULL, 6);

    (void)state;
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_fp, 4, five, number(20, 1), 0, 20);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_pentanomial, 4, five, 163, 6, 3);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_pentanomial, 4, five, 7, 0, 3);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_trinomial, 2, three, 0);
    (void)ok(mm_n_ec_set_field_pentanomial, 4, five, 7, 6, 3);
    assert_int_equal(ok(mm_n_ec_get_field, 3, five, out, 0), 6);
    holds(out, 0, "000700060003");
    (void)ok(mm_n_ec_set_field_trinomial, 2, three, 15);
    assert_int_equal(ok(mm_n_ec_get_field, 3, three, out, 0), 2);
    holds(out, 0, "000F");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rsa_keys_give_back_modulus_and_exponent),
        TEST(rsa_crt_keys_give_back_their_five_parts),
        TEST(dsa_keys_give_back_domain_and_value),
        TEST(dh_keys_give_back_domain_and_value),
        TEST(ec_key_takes_points_uncompressed_only),
        TEST(ec_key_gives_back_its_curve),
        TEST(binary_field_is_its_reduction_polynomial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
