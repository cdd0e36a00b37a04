/* What crypto objects say they are: getAlgorithm and its parts, for instances made either way. */
#include "test/unit/api_fixture.h"

#define CRYPTO        "javacard/security/CryptoException"
#define ILLEGAL_VALUE 1

/* Signature: ALG, the digest, cipher and padding it is made of (Signature, constants). */
static const struct {
    uint8_t alg, digest, cipher, padding;
} signatures[] = {
    {10, 1, 3, 7}, /* ALG_RSA_SHA_PKCS1: SHA, RSA, PKCS1 */
    {40, 4, 3, 7}, /* ALG_RSA_SHA_256_PKCS1 */
    {33, 4, 5, 0}, /* ALG_ECDSA_SHA_256 */
    {14, 1, 4, 0}, /* ALG_DSA_SHA */
    {25, 4, 7, 0}, /* ALG_HMAC_SHA_256 */
};

static void signature_tells_its_algorithm_and_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        mm_ref by_alg = ok(mm_n_sign_get_instance, 2, signatures[i].alg, 0);
        mm_ref by_parts = ok(mm_n_sign_get_instance_parts, 4, signatures[i].digest,
                             signatures[i].cipher, signatures[i].padding, 0);

        assert_int_equal(ok(mm_n_sign_get_algorithm, 1, by_alg), signatures[i].alg);
        assert_int_equal(ok(mm_n_sign_get_message_digest_algorithm, 1, by_alg),
                         signatures[i].digest);
        assert_int_equal(ok(mm_n_sign_get_message_digest_algorithm, 1, by_parts),
                         signatures[i].digest);
        assert_int_equal(ok(mm_n_sign_get_cipher_algorithm, 1, by_parts), signatures[i].cipher);
        assert_int_equal(ok(mm_n_sign_get_padding_algorithm, 1, by_parts), signatures[i].padding);
    }
}

static void cipher_tells_its_algorithm_and_parts(void **state)
{
    mm_ref pkcs5 = ok(mm_n_cipher_get_instance, 2, 24, 0); /* ALG_AES_CBC_PKCS5 */
    mm_ref parts = ok(mm_n_cipher_get_instance_parts, 3, 1, 6, 0);

    (void)state;
    assert_int_equal(ok(mm_n_cipher_get_algorithm, 1, pkcs5), 24);
    assert_int_equal(ok(mm_n_cipher_get_cipher_algorithm, 1, parts), 1);  /* CIPHER_AES_CBC */
    assert_int_equal(ok(mm_n_cipher_get_padding_algorithm, 1, parts), 6); /* PAD_PKCS5 */
    throws(CRYPTO, 3, mm_n_cipher_get_instance_parts, 3, 1, 99, 0);
}

static void digests_checksums_and_agreements_tell_their_algorithm(void **state)
{
    (void)state;
    for (int alg = 1; alg <= 10; alg++)
        assert_int_equal(ok(mm_n_digest_get_algorithm, 1, ok(mm_n_digest_get_instance, 2, alg, 0)),
                         alg);
    for (int alg = 1; alg <= 2; alg++)
        assert_int_equal(
            ok(mm_n_checksum_get_algorithm, 1, ok(mm_n_checksum_get_instance, 2, alg, 0)), alg);
    for (int alg = 1; alg <= 6; alg++)
        assert_int_equal(ok(mm_n_agree_get_algorithm, 1, ok(mm_n_agree_get_instance, 2, alg, 0)),
                         alg);
}

static void random_source_tells_its_algorithm_and_takes_a_seed(void **state)
{
    mm_ref seed = hex_new("0102030405060708"), out = bytes_new(NULL, 16);

    (void)state;
    for (int alg = 1; alg <= 6; alg++) {
        mm_ref random = ok(mm_n_random_get_instance, 1, alg);
        assert_int_equal(ok(mm_n_random_get_algorithm, 1, random), alg);
        (void)ok(mm_n_random_set_seed, 4, random, seed, 0, 8);
        (void)ok(mm_n_random_next_bytes, 4, random, out, 0, 16);
        throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_random_set_seed, 4, random, seed,
               1, 8);
        throws(CRYPTO, ILLEGAL_VALUE, mm_n_random_next_bytes, 4, random, out, 0, 0);
    }
}

static void bcd_utility_tells_how_long_a_number_may_be(void **state)
{
    (void)state;
    assert_int_equal(ok(mm_n_bcd_max_bytes, 0), 32);
}

static void owner_pin_shows_and_sets_its_validated_flag(void **state)
{
    mm_ref pin = mm_vm_new_instance(chip.vm, "javacard/framework/OwnerPIN"), code = hex_new("1234");

    (void)state;
    (void)ok(mm_n_pin_init, 3, pin, 3, 8);
    (void)ok(mm_n_pin_update, 4, pin, code, 0, 2);
    assert_int_equal(ok(mm_n_pin_get_validated_flag, 1, pin), 0);
    (void)ok(mm_n_pin_set_validated_flag, 2, pin, 1);
    assert_int_equal(ok(mm_n_pin_get_validated_flag, 1, pin), 1);
    (void)ok(mm_n_pin_set_validated_flag, 2, pin, 0);
    assert_int_equal(ok(mm_n_pin_get_validated_flag, 1, pin), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signature_tells_its_algorithm_and_parts),
        TEST(cipher_tells_its_algorithm_and_parts),
        TEST(digests_checksums_and_agreements_tell_their_algorithm),
        TEST(random_source_tells_its_algorithm_and_takes_a_seed),
        TEST(bcd_utility_tells_how_long_a_number_may_be),
        TEST(owner_pin_shows_and_sets_its_validated_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
