/* Digests from a middle state, keys that decipher what they are given, RSA exponents. */
#include "test/unit/api_fixture.h"

#include "applet_vm/api/cipher_int.h"
#include "applet_vm/api/sign_int.h"

#define CRYPTO "javacard/security/CryptoException"

enum { DECRYPT = 1, ENCRYPT = 2, SIGN = 1, VERIFY = 2 };

static mm_ref message(int len)
{
    uint8_t m[256];

    for (int i = 0; i < len; i++)
        m[i] = (uint8_t)(7 * i + 1);
    return bytes_new(m, (size_t)len);
}

/* ---- InitializedMessageDigest, Signature.setInitialDigest ---- */

/* Chaining values after the first 128 bytes of the message. */
static const struct {
    int alg;
    const char *state;
} states[] = {
    {1, "4782985c60e235ed2dfa28c11214b266bfda4c44"},
    {2, "f891780d8ed2a569c1f122e19fb8cfe4"},
    {3, "347b878cab0ada27c6755ba19e774d3a01922dfb"},
    {4, "902a848dfe9cb1a1e92d11d8fecc0cf6a094263af697a347c93ff7da712df869"},
    {5, "5106f6d6cafddae9cd0b1b98a6da006b24ce89b81d6ece2f63274074371e2aa6"
        "9817b10a96e77322559a9cdc211c7ac921294c8c1cf453f7a908d133287a46da"},
    {6, "398f19e0410b0c07f88a179c5ec08b57270f31ecb3474db10af1072521a04aaa"
        "bd3c7dd88fb55edd768eba10840ef270715d211f22a10c93c81f2cfcac71c223"},
    {7, "19a60535574dbc12d5b81ef799749810a7b8c0d4cc2077311ce19e0029379cb1"},
};
#define STATES (sizeof(states) / sizeof(states[0]))

static int state_len(size_t i)
{
    return (int)strlen(states[i].state) / 2;
}

static void digests_go_on_from_a_middle_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < STATES; i++) {
        mm_ref whole = ok(mm_n_digest_get_instance, 2, states[i].alg, 0), m = message(200);
        mm_ref part = ok(mm_n_digest_get_initialized, 2, states[i].alg, 0);
        mm_ref a = bytes_new(NULL, 64), b = bytes_new(NULL, 64), count = hex_new("000000000080");
        int n = ok(mm_n_digest_do_final, 6, whole, m, 0, 200, a, 0);

        for (int again = 0; again < 2; again++) {
            (void)ok(mm_n_digest_set_initial_digest, 7, part, hex_new(states[i].state), 0,
                     state_len(i), count, 0, 6);
            (void)ok(mm_n_digest_update, 4, part, m, 128, 30);
            assert_int_equal(ok(mm_n_digest_do_final, 6, part, m, 158, 42, b, 0), n);
            assert_memory_equal(bytes_of(a), bytes_of(b), (size_t)n);
        }
        /* Without one it is an ordinary digest; reset drops one. */
        (void)ok(mm_n_digest_set_initial_digest, 7, part, hex_new(states[i].state), 0, state_len(i),
                 count, 4, 2);
        (void)ok(mm_n_digest_reset, 1, part);
        (void)ok(mm_n_digest_do_final, 6, part, m, 0, 200, b, 0);
        assert_memory_equal(bytes_of(a), bytes_of(b), (size_t)n);
    }
}

static void one_shot_digests_go_on_from_a_middle_state(void **state)
{
    mm_ref shot = ok(mm_n_digest_open_initialized, 1, 4), m = message(200);
    mm_ref whole = ok(mm_n_digest_get_instance, 2, 4, 0);
    mm_ref a = bytes_new(NULL, 32), b = bytes_new(NULL, 32);

    (void)state;
    (void)ok(mm_n_digest_do_final, 6, whole, m, 0, 200, a, 0);
    (void)ok(mm_n_digest_set_initial_digest, 7, shot, hex_new(states[3].state), 0, 32,
             hex_new("80"), 0, 1);
    (void)ok(mm_n_digest_do_final, 6, shot, m, 128, 72, b, 0);
    assert_memory_equal(bytes_of(a), bytes_of(b), 32);
    (void)ok(mm_n_one_shot_close, 1, shot);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_digest_set_initial_digest, 7, shot,
           hex_new(states[3].state), 0, 32, hex_new("80"), 0, 1);
}

/* MessageDigest.update: a message is 2^61 - 1 bytes long at most (FIPS 180-4, 2^64 - 1 bits). */
static void messages_longer_than_the_algorithm_takes_are_refused(void **state)
{
    mm_ref part = ok(mm_n_digest_get_initialized, 2, 4, 0), m = message(64),
           out = bytes_new(NULL, 32);

    (void)state;
    (void)ok(mm_n_digest_set_initial_digest, 7, part, hex_new(states[3].state), 0, 32,
             hex_new("1FFFFFFFFFFFFFC0"), 0, 8);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_digest_update, 4, part, m, 0, 64);
    (void)ok(mm_n_digest_update, 4, part, m, 0, 63);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_digest_update, 4, part, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_digest_do_final, 6, part, m, 0, 1, out, 0);
    assert_int_equal(ok(mm_n_digest_do_final, 6, part, m, 0, 0, out, 0), 32);
}

static void middle_states_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *count;
        int len, take;
    } bad[] = {
        {"80", 31, 1}, {"00", 32, 1}, {"81", 32, 1}, {"40", 33, 1}, {"2000000000000000", 32, 8},
        {"80", 0, 1},  {"80", 32, 0}};
    mm_ref part = ok(mm_n_digest_get_initialized, 2, 4, 0), value = bytes_new(NULL, 64);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_digest_set_initial_digest, 7, part, value, 0,
               bad[i].len, hex_new(bad[i].count), 0, bad[i].take);
    throws("java/lang/NullPointerException", 0, mm_n_digest_set_initial_digest, 7, part, 0, 0, 32,
           value, 0, 1);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_digest_set_initial_digest, 7, part,
           value, 40, 32, value, 0, 1);
    for (int alg = 8; alg <= 11; alg++) {
        throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_digest_get_initialized, 2, alg, 0);
        throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_digest_open_initialized, 1, alg);
    }
}

static void pair_new(int alg, int bits, mm_ref *public, mm_ref *private)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");

    (void)ok(mm_n_pair_init, 3, pair, alg, bits);
    (void)ok(mm_n_pair_generate, 1, pair);
    *public = ok(mm_n_pair_get_public, 1, pair);
    *private = ok(mm_n_pair_get_private, 1, pair);
}

static void signatures_go_on_from_a_middle_state(void **state)
{
    mm_ref public, private, sig = ok(mm_n_sign_get_instance, 2, 33, 0), m = message(200);
    mm_ref out = bytes_new(NULL, 80), bad = ok(mm_n_sign_get_instance, 2, 18, 0), key;
    int len;

    (void)state;
    pair_new(5, 256, &public, &private);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_set_initial_digest, 7, sig,
           hex_new(states[3].state), 0, 32, hex_new("80"), 0, 1);
    (void)ok(mm_n_sign_init, 3, sig, private, SIGN);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_set_initial_digest, 7, sig,
           hex_new(states[3].state), 0, 31, hex_new("80"), 0, 1);
    (void)ok(mm_n_sign_set_initial_digest, 7, sig, hex_new(states[3].state), 0, 32, hex_new("80"),
             0, 1);
    len = ok(mm_n_sign_sign, 6, sig, m, 128, 72, out, 0);
    (void)ok(mm_n_sign_init, 3, sig, public, VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 0, 200, out, 0, len), 1);
    (void)ok(mm_n_sign_set_initial_digest, 7, sig, hex_new(states[3].state), 0, 32, hex_new("80"),
             0, 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 128, 72, out, 0, len), 1);
    key = ok(mm_n_key_build, 3, 15, 128, 0);
    (void)ok(mm_n_secret_set_key, 3, key, m, 0);
    (void)ok(mm_n_sign_init, 3, bad, key, SIGN);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_sign_set_initial_digest, 7, bad,
           hex_new(states[3].state), 0, 32, hex_new("80"), 0, 1);
    (void)ok(mm_n_key_clear, 1, private);
    (void)ok(mm_n_sign_init, 3, sig, public, VERIFY);
    (void)ok(mm_n_key_clear, 1, public);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_set_initial_digest, 7, sig,
           hex_new(states[3].state), 0, 32, hex_new("80"), 0, 1);
}

/* ---- KeyEncryption ---- */

static mm_ref aes_new(const char *value)
{
    mm_ref key = ok(mm_n_key_build, 3, 15, (int)strlen(value) * 4, 0);

    (void)ok(mm_n_secret_set_key, 3, key, hex_new(value), 0);
    return key;
}

static void keys_decipher_what_they_are_given(void **state)
{
    static const int algs[] = {13, 14, 22, 23, 24}; /* AES: CBC, ECB, then CBC with each padding */
    mm_ref kek = aes_new("000102030405060708090a0b0c0d0e0f"), value = message(24);

    (void)state;
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        mm_ref wrap = ok(mm_n_cipher_get_instance, 2, algs[i], 0), out = bytes_new(NULL, 64);
        mm_ref unwrap = ok(mm_n_cipher_get_instance, 2, algs[i], 0);
        mm_ref key = ok(mm_n_key_build, 3, 15, 128, 1), hmac = ok(mm_n_key_build, 3, 21, 64, 1);
        int n;

        (void)ok(mm_n_cipher_init, 3, wrap, kek, ENCRYPT);
        (void)ok(mm_n_cipher_init, 3, unwrap, kek, DECRYPT);
        n = ok(mm_n_cipher_do_final, 6, wrap, value, 0, 16, out, 0);
        assert_int_equal(ok(mm_n_key_get_cipher, 1, key), 0);
        (void)ok(mm_n_key_set_cipher, 2, key, unwrap);
        (void)ok(mm_n_key_set_cipher, 2, hmac, unwrap);
        assert_int_equal(ok(mm_n_key_get_cipher, 1, key), unwrap);
        (void)ok(mm_n_secret_set_key, 3, key, out, 0);
        (void)ok(mm_n_hmac_set_key, 4, hmac, out, 0, n);
        (void)ok(mm_n_secret_get_key, 3, key, out, 0);
        assert_memory_equal(bytes_of(out), bytes_of(value), 16);
        assert_int_equal(ok(mm_n_secret_get_key, 3, hmac, out, 20), 16);
        assert_memory_equal(bytes_of(out) + 20, bytes_of(value), 16);
        /* null: as they come */
        (void)ok(mm_n_key_set_cipher, 2, key, 0);
        (void)ok(mm_n_secret_set_key, 3, key, value, 8);
        (void)ok(mm_n_secret_get_key, 3, key, out, 0);
        assert_memory_equal(bytes_of(out), bytes_of(value) + 8, 16);
    }
}

static void parts_of_keys_are_deciphered_with_rsa_too(void **state)
{
    mm_ref public, private, wrap = ok(mm_n_cipher_get_instance, 2, 10, 0);
    mm_ref unwrap = ok(mm_n_cipher_get_instance, 2, 10, 0), out = bytes_new(NULL, 128);
    mm_ref key = ok(mm_n_key_build, 3, 12, 256, 1), des = ok(mm_n_key_build, 3, 3, 192, 1);
    mm_ref value = message(32), plain = bytes_new(NULL, 32);

    (void)state;
    pair_new(2, 1024, &public, &private);
    (void)ok(mm_n_cipher_init, 3, wrap, public, ENCRYPT);
    (void)ok(mm_n_cipher_init, 3, unwrap, private, DECRYPT);
    (void)ok(mm_n_key_set_cipher, 2, key, unwrap);
    (void)ok(mm_n_key_set_cipher, 2, des, unwrap);
    (void)ok(mm_n_cipher_do_final, 6, wrap, value, 0, 32, out, 0);
    (void)ok(mm_n_ec_set_value, 4, key, out, 0, 128);
    (void)ok(mm_n_ec_get_value, 3, key, plain, 0);
    assert_memory_equal(bytes_of(plain), bytes_of(value), 32);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, des, out, 0);
    (void)ok(mm_n_cipher_do_final, 6, wrap, value, 0, 24, out, 0);
    (void)ok(mm_n_secret_set_key, 3, des, out, 0);
    (void)ok(mm_n_secret_get_key, 3, des, plain, 0);
    assert_memory_equal(bytes_of(plain), bytes_of(value), 24);
}

static void keys_refuse_what_their_cipher_cannot_decipher(void **state)
{
    mm_ref kek = aes_new("000102030405060708090a0b0c0d0e0f"), value = message(64);
    mm_ref key = ok(mm_n_key_build, 3, 15, 128, 1), cipher = ok(mm_n_cipher_get_instance, 2, 24, 0);
    mm_ref seed = ok(mm_n_key_build, 3, 18, 128, 1);

    (void)state;
    (void)ok(mm_n_key_set_cipher, 2, key, cipher);
    (void)ok(mm_n_key_set_cipher, 2, seed, cipher);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, seed, value, 0);
    (void)ok(mm_n_cipher_init, 3, cipher, kek, ENCRYPT);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0);
    (void)ok(mm_n_cipher_init, 3, cipher, kek, DECRYPT);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0); /* padding */
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_secret_set_key, 3, key, value, 40);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
    /* an AEAD cipher, and objects that are no cipher at all */
    for (size_t i = 0; i < 3; i++) {
        mm_ref other = ok(i == 0 ? mm_n_cipher_get_instance : mm_n_sign_get_instance, 2,
                          i == 0   ? -13
                          : i == 1 ? 49
                                   : 18,
                          0);
        if (i == 0)
            (void)ok(mm_n_cipher_init_iv, 6, other, kek, DECRYPT, value, 0, 12);
        else
            (void)ok(mm_n_sign_init, 3, other, kek, SIGN);
        (void)ok(mm_n_key_set_cipher, 2, key, other);
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0);
    }
    (void)ok(mm_n_key_set_cipher, 2, key, value);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0);
    (void)ok(mm_n_key_set_cipher, 2, key, cipher);
    (void)ok(mm_n_key_clear, 1, kek);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_secret_set_key, 3, key, value, 0);
}

/* ---- RSA without CRT parts ---- */

static void rsa_pairs_with_any_exponent_sign_without_crt(void **state)
{
    static const char *const exponents[] = {"03", "010003", "C0000001"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        mm_ref public = ok(mm_n_key_build, 3, 4, 512, 0),
               private = ok(mm_n_key_build, 3, 5, 512, 0);
        mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");
        mm_ref copy = ok(mm_n_key_build, 3, 5, 512, 0), part = bytes_new(NULL, 64);
        mm_ref sig = ok(mm_n_sign_get_instance, 2, 10, 0), out = bytes_new(NULL, 64);

        (void)ok(mm_n_rsa_set_exponent, 4, public, hex_new(exponents[i]), 0,
                 (int)strlen(exponents[i]) / 2);
        (void)ok(mm_n_pair_init_keys, 3, pair, public, private);
        (void)ok(mm_n_pair_generate, 1, pair);
        (void)ok(mm_n_sign_init, 3, sig, private, SIGN);
        (void)ok(mm_n_sign_sign, 6, sig, part, 0, 64, out, 0);
        (void)ok(mm_n_sign_init, 3, sig, public, VERIFY);
        assert_int_equal(ok(mm_n_sign_verify, 7, sig, part, 0, 64, out, 0, 64), 1);
        /* Known by modulus and exponent alone: found when it has no more than 17 bits. */
        (void)ok(mm_n_rsa_get_modulus, 3, private, part, 0);
        (void)ok(mm_n_rsa_set_modulus, 4, copy, part, 0, 64);
        (void)ok(mm_n_rsa_get_exponent, 3, private, part, 0);
        (void)ok(mm_n_rsa_set_exponent, 4, copy, part, 0, 64);
        if (i < 2)
            (void)ok(mm_n_sign_init, 3, sig, copy, SIGN);
        else
            throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, sig, copy, SIGN);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(digests_go_on_from_a_middle_state),
        TEST(one_shot_digests_go_on_from_a_middle_state),
        TEST(messages_longer_than_the_algorithm_takes_are_refused),
        TEST(middle_states_that_cannot_be_are_refused),
        TEST(signatures_go_on_from_a_middle_state),
        TEST(keys_decipher_what_they_are_given),
        TEST(parts_of_keys_are_deciphered_with_rsa_too),
        TEST(keys_refuse_what_their_cipher_cannot_decipher),
        TEST(rsa_pairs_with_any_exponent_sign_without_crt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
