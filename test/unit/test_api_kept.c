/* What a reset and power-off leave of an initialised Cipher, Signature, KeyAgreement (API 3.0.5). */
#include "test/unit/api_fixture.h"

#define CRYPTO "javacard/security/CryptoException"

enum { TYPE_AES_RESET = 13, TYPE_AES = 15, SIGN = 1, VERIFY = 2, DECRYPT = 1, ENCRYPT = 2 };
enum { ALG_AES_MAC = 18, ALG_ECDSA_SHA_256 = 33, ALG_CMAC = 49, ALG_CBC = 13, ALG_RSA_PKCS1 = 10 };
enum { AGREE_DH_PLAIN = 3, EC_FP = 5, ALG_RSA = 1 };

static const char key128[] = "2B7E151628AED2A6ABF7158809CF4F3C";
static const char other128[] = "000102030405060708090A0B0C0D0E0F";
static const char iv128[] = "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF";

static mm_ref aes_key(int type, const char *hex)
{
    mm_ref key = ok(mm_n_key_build, 3, type, 128, 0);

    (void)ok(mm_n_secret_set_key, 3, key, hex_new(hex), 0);
    return key;
}

static mm_ref pair_new(int alg, int bits)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");

    (void)ok(mm_n_pair_init, 3, pair, alg, bits);
    (void)ok(mm_n_pair_generate, 1, pair);
    return pair;
}

static void card_reset(void)
{
    mm_api_reset(chip.vm);
    mm_vm_reset(chip.vm);
}

static void power_off_and_on(void)
{
    mm_vm_free(&chip.vm);
    chip_power_on();
}

/* A reset and a power-off, each in the middle of a message. */
static void (*const cuts[])(void) = {card_reset, power_off_and_on};

static void a_mac_goes_on_after_a_reset_as_init_left_it(void **state)
{
    mm_ref key = aes_key(TYPE_AES, key128), in = bytes_new("sixteen bytes 16", 16);
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0), out = bytes_new(NULL, 32);
    mm_ref mac = ok(mm_n_sign_get_instance, 2, ALG_AES_MAC, 0);
    mm_ref check = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0);
    uint8_t before[32];

    (void)state;
    (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
    (void)ok(mm_n_sign_init, 3, check, key, VERIFY);
    (void)ok(mm_n_sign_init_iv, 6, mac, key, SIGN, hex_new(iv128), 0, 16);
    (void)ok(mm_n_sign_sign, 6, cmac, in, 0, 16, out, 0);
    (void)ok(mm_n_sign_sign, 6, mac, in, 0, 16, out, 16);
    memcpy(before, bytes_of(out), 32);
    for (size_t i = 0; i < 2; i++) {
        (void)ok(mm_n_sign_update, 4, cmac, in, 0, 5); /* of this nothing is left */
        cuts[i]();
        (void)ok(mm_n_sign_sign, 6, cmac, in, 0, 16, out, 0);
        (void)ok(mm_n_sign_sign, 6, mac, in, 0, 16, out, 16); /* with init's IV */
        assert_memory_equal(bytes_of(out), before, 32);
        assert_int_equal(ok(mm_n_sign_verify, 7, check, in, 0, 16, out, 0, 16), 1);
        throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_sign, 6, check, in, 0, 16, out, 0);
    }
}

static void a_cipher_goes_on_after_a_reset_with_the_iv_of_init(void **state)
{
    mm_ref in = bytes_new("sixteen bytes 16", 16), out = bytes_new(NULL, 16);
    mm_ref cbc = ok(mm_n_cipher_get_instance, 2, ALG_CBC, 0);
    uint8_t before[16];

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, cbc, aes_key(TYPE_AES, key128), ENCRYPT, hex_new(iv128), 0,
             16);
    (void)ok(mm_n_cipher_do_final, 6, cbc, in, 0, 16, out, 0);
    memcpy(before, bytes_of(out), 16);
    for (size_t i = 0; i < 2; i++) {
        cuts[i]();
        (void)ok(mm_n_cipher_do_final, 6, cbc, in, 0, 16, out, 0);
        assert_memory_equal(bytes_of(out), before, 16);
    }
}

static void key_pairs_sign_decipher_and_agree_after_a_reset(void **state)
{
    mm_ref ec = pair_new(EC_FP, 256), rsa = pair_new(ALG_RSA, 1024), public;
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_ECDSA_SHA_256, 0);
    mm_ref check = ok(mm_n_sign_get_instance, 2, ALG_ECDSA_SHA_256, 0);
    mm_ref lock = ok(mm_n_cipher_get_instance, 2, ALG_RSA_PKCS1, 0);
    mm_ref open = ok(mm_n_cipher_get_instance, 2, ALG_RSA_PKCS1, 0);
    mm_ref agree = ok(mm_n_agree_get_instance, 2, AGREE_DH_PLAIN, 0);
    mm_ref in = bytes_new("abc", 3), out = bytes_new(NULL, 128), point = bytes_new(NULL, 65);
    uint8_t before[32];
    int n;

    (void)state;
    public = ok(mm_n_pair_get_public, 1, ec);
    (void)ok(mm_n_ec_get_value, 3, public, point, 0);
    (void)ok(mm_n_sign_init, 3, sign, ok(mm_n_pair_get_private, 1, ec), SIGN);
    (void)ok(mm_n_sign_init, 3, check, public, VERIFY);
    (void)ok(mm_n_cipher_init, 3, lock, ok(mm_n_pair_get_public, 1, rsa), ENCRYPT);
    (void)ok(mm_n_cipher_init, 3, open, ok(mm_n_pair_get_private, 1, rsa), DECRYPT);
    (void)ok(mm_n_agree_init, 2, agree, ok(mm_n_pair_get_private, 1, ec));
    (void)ok(mm_n_agree_generate_secret, 6, agree, point, 0, 65, out, 0);
    memcpy(before, bytes_of(out), 32);
    for (size_t i = 0; i < 2; i++) {
        cuts[i]();
        assert_true(ok(mm_n_sign_get_length, 1, sign) >= 70);
        n = ok(mm_n_sign_sign, 6, sign, in, 0, 3, out, 0);
        assert_int_equal(ok(mm_n_sign_verify, 7, check, in, 0, 3, out, 0, n), 1);
        assert_int_equal(ok(mm_n_cipher_do_final, 6, lock, in, 0, 3, out, 0), 128);
        assert_int_equal(ok(mm_n_cipher_do_final, 6, open, out, 0, 128, out, 0), 3);
        assert_memory_equal(bytes_of(out), "abc", 3);
        (void)ok(mm_n_agree_generate_secret, 6, agree, point, 0, 65, out, 0);
        assert_memory_equal(bytes_of(out), before, 32);
    }
}

static void a_key_cleared_before_or_after_the_reset_is_not_used(void **state)
{
    mm_ref key = aes_key(TYPE_AES, key128), buf = bytes_new(NULL, 16), pair = pair_new(EC_FP, 256);
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0);
    mm_ref cbc = ok(mm_n_cipher_get_instance, 2, ALG_CBC, 0);
    mm_ref agree = ok(mm_n_agree_get_instance, 2, AGREE_DH_PLAIN, 0);

    (void)state;
    (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
    (void)ok(mm_n_cipher_init, 3, cbc, key, ENCRYPT);
    (void)ok(mm_n_agree_init, 2, agree, ok(mm_n_pair_get_private, 1, pair));
    card_reset();
    (void)ok(mm_n_key_clear, 1, key);
    (void)ok(mm_n_key_clear, 1, ok(mm_n_pair_get_private, 1, pair));
    for (size_t i = 0; i < 2; i++) {
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_sign, 6, cmac, buf, 0, 16, buf, 0);
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_cipher_do_final, 6, cbc, buf, 0, 16, buf,
               0);
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_agree_generate_secret, 6, agree, buf, 0,
               16, buf, 0);
        cuts[i]();
    }
    (void)ok(mm_n_secret_set_key, 3, key, hex_new(key128), 0);
    (void)ok(mm_n_sign_sign, 6, cmac, buf, 0, 0, buf, 0); /* RFC 4493, example 1 */
    holds(buf, 0, "BB1D6929E95937287FA37D129B756746");
}

static void a_transient_key_is_uninitialised_after_the_reset(void **state)
{
    mm_ref key = aes_key(TYPE_AES_RESET, key128), buf = bytes_new(NULL, 16);
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0);
    mm_ref cbc = ok(mm_n_cipher_get_instance, 2, ALG_CBC, 0);

    (void)state;
    (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
    (void)ok(mm_n_cipher_init, 3, cbc, key, ENCRYPT);
    for (size_t i = 0; i < 2; i++) {
        cuts[i]();
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_update, 4, cmac, buf, 0, 16);
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_cipher_update, 6, cbc, buf, 0, 16, buf, 0);
    }
}

/* What is left of the transaction shows every write. */
static void the_same_init_again_writes_nothing(void **state)
{
    mm_ref key = aes_key(TYPE_AES, key128), iv = hex_new(iv128), zero = bytes_new(NULL, 16);
    mm_ref cbc = ok(mm_n_cipher_get_instance, 2, ALG_CBC, 0);
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0);
    size_t left;

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, cbc, key, ENCRYPT, iv, 0, 16);
    (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(mm_tx_applet_begin(chip.nvm), MM_OK);
        left = mm_tx_left(chip.nvm);
        (void)ok(mm_n_cipher_init_iv, 6, cbc, key, ENCRYPT, iv, 0, 16);
        (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
        assert_int_equal(mm_tx_left(chip.nvm), left);
        assert_int_equal(mm_tx_applet_commit(chip.nvm), MM_OK);
        card_reset();
    }
    assert_int_equal(mm_tx_applet_begin(chip.nvm), MM_OK);
    (void)ok(mm_n_cipher_init_iv, 6, cbc, key, ENCRYPT, zero, 0, 16);
    assert_true(mm_tx_left(chip.nvm) < left);
    assert_int_equal(mm_tx_applet_commit(chip.nvm), MM_OK);
}

static void an_aborted_init_is_not_what_the_reset_goes_back_to(void **state)
{
    mm_ref one = aes_key(TYPE_AES, key128), two = aes_key(TYPE_AES, other128);
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0), out = bytes_new(NULL, 16);
    uint8_t of_two[16];

    (void)state;
    (void)ok(mm_n_sign_init, 3, cmac, one, SIGN);
    assert_int_equal(mm_tx_applet_begin(chip.nvm), MM_OK);
    (void)ok(mm_n_sign_init, 3, cmac, two, SIGN);
    mm_vm_tx_abort(chip.vm);
    card_reset();
    (void)ok(mm_n_sign_sign, 6, cmac, out, 0, 0, out, 0);
    holds(out, 0, "BB1D6929E95937287FA37D129B756746");
    assert_int_equal(mm_tx_applet_begin(chip.nvm), MM_OK);
    (void)ok(mm_n_sign_init, 3, cmac, two, SIGN);
    mm_vm_tx_abort(chip.vm);
    (void)ok(mm_n_sign_init, 3, cmac, two, SIGN);
    (void)ok(mm_n_sign_sign, 6, cmac, out, 0, 0, out, 0);
    memcpy(of_two, bytes_of(out), 16);
    card_reset();
    (void)ok(mm_n_sign_sign, 6, cmac, out, 0, 0, out, 0);
    assert_memory_equal(bytes_of(out), of_two, 16);
}

static void a_signature_keeps_its_key_from_the_garbage_collector(void **state)
{
    mm_ref key = aes_key(TYPE_AES, key128), roots[2];
    mm_ref cmac = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0), out = bytes_new(NULL, 16);

    (void)state;
    (void)ok(mm_n_sign_init, 3, cmac, key, SIGN);
    roots[0] = cmac;
    roots[1] = out;
    mm_vm_collect(chip.vm, roots, 2);
    power_off_and_on();
    (void)ok(mm_n_sign_sign, 6, cmac, out, 0, 0, out, 0);
    holds(out, 0, "BB1D6929E95937287FA37D129B756746");
}

static void a_one_shot_lent_again_was_never_initialised(void **state)
{
    mm_ref key = aes_key(TYPE_AES, key128), buf = bytes_new(NULL, 16);
    mm_ref shot = ok(mm_n_sign_open, 3, 0, 10, 0);

    (void)state;
    (void)ok(mm_n_sign_init, 3, shot, key, SIGN);
    card_reset();
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_sign, 6, shot, buf, 0, 0, buf, 0);
    assert_int_equal(ok(mm_n_sign_open, 3, 0, 10, 0), shot);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_sign, 6, shot, buf, 0, 0, buf, 0);
}

/* SP 800-38D, 9.1: no nonce serves twice because the power went. */
static void an_aead_cipher_needs_a_new_nonce_after_a_reset(void **state)
{
    mm_ref gcm = ok(mm_n_cipher_get_instance, 2, -13, 0), buf = bytes_new(NULL, 16);

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, gcm, aes_key(TYPE_AES, key128), ENCRYPT, buf, 0, 12);
    card_reset();
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_cipher_do_final, 6, gcm, buf, 0, 16, buf, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mac_goes_on_after_a_reset_as_init_left_it),
        TEST(a_cipher_goes_on_after_a_reset_with_the_iv_of_init),
        TEST(key_pairs_sign_decipher_and_agree_after_a_reset),
        TEST(a_key_cleared_before_or_after_the_reset_is_not_used),
        TEST(a_transient_key_is_uninitialised_after_the_reset),
        TEST(the_same_init_again_writes_nothing),
        TEST(an_aborted_init_is_not_what_the_reset_goes_back_to),
        TEST(a_signature_keeps_its_key_from_the_garbage_collector),
        TEST(a_one_shot_lent_again_was_never_initialised),
        TEST(an_aead_cipher_needs_a_new_nonce_after_a_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
