/* javacard.security and javacardx.crypto against published vectors. */
#include "test/unit/api_fixture.h"

#define CRYPTO "javacard/security/CryptoException"

/* KeyBuilder and mode constants */
enum { TYPE_AES_RESET = 13, TYPE_AES = 15, SIGN = 1, VERIFY = 2, DECRYPT = 1, ENCRYPT = 2 };
enum { ALG_AES_MAC = 18, ALG_ECDSA_SHA_256 = 33, ALG_CMAC = 49, ALG_CBC = 13, ALG_ECB = 14 };

static const char key128[] = "2B7E151628AED2A6ABF7158809CF4F3C";
static const char key256[] = "603DEB1015CA71BE2B73AEF0857D77811F352C073B6108D72D9810A30914DFF4";
static const char blocks[] = "6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
                             "30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710";

static mm_ref aes_key(const char *hex)
{
    mm_ref key = ok(mm_n_key_build, 3, TYPE_AES, (int)strlen(hex) * 4, 0);

    (void)ok(mm_n_secret_set_key, 3, key, hex_new(hex), 0);
    return key;
}

/* RFC 4493, section 4 */
static void cmac_matches_rfc_4493(void **state)
{
    static const struct {
        int len;
        const char *mac;
    } vectors[] = {{0, "BB1D6929E95937287FA37D129B756746"},
                   {16, "070A16B46B4D4144F79BDD9DD04A287C"},
                   {40, "DFA66747DE9AE63030CA32611497C827"},
                   {64, "51F0BEBF7E3B9D92FC49741779363CFE"}};
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0), in = hex_new(blocks);
    mm_ref out = bytes_new(NULL, 16), key = aes_key(key128);

    (void)state;
    (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_int_equal(ok(mm_n_sign_sign, 6, sign, in, 0, vectors[i].len, out, 0), 16);
        holds(out, 0, vectors[i].mac);
    }
    (void)ok(mm_n_sign_update, 4, sign, in, 0, 24);
    (void)ok(mm_n_sign_sign, 6, sign, in, 24, 16, out, 0);
    holds(out, 0, vectors[2].mac);
    (void)ok(mm_n_sign_init, 3, sign, key, VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 40, out, 0, 16), 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 39, out, 0, 16), 0);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 40, out, 0, 15), 0);
}

/* NIST SP 800-38A, F.1.1, F.1.5, F.2.1 */
static void aes_matches_sp_800_38a(void **state)
{
    mm_ref in = hex_new(blocks), out = bytes_new(NULL, 64),
           iv = hex_new("000102030405060708090A0B0C0D0E0F");
    mm_ref ecb = ok(mm_n_cipher_get_instance, 2, ALG_ECB, 0);
    mm_ref cbc = ok(mm_n_cipher_get_instance_parts, 3, 1, 1, 0);

    (void)state;
    (void)ok(mm_n_cipher_init, 3, ecb, aes_key(key128), ENCRYPT);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, ecb, in, 0, 32, out, 0), 32);
    holds(out, 0, "3AD77BB40D7A3660A89ECAF32466EF97F5D3D58503B9699DE785895A96FDBAAF");
    (void)ok(mm_n_cipher_init, 3, ecb, aes_key(key256), ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, ecb, in, 0, 16, out, 0);
    holds(out, 0, "F3EED1BDB5D2A03C064B5A7E3DB181F8");
    (void)ok(mm_n_cipher_init_iv, 6, cbc, aes_key(key128), ENCRYPT, iv, 0, 16);
    assert_int_equal(ok(mm_n_cipher_update, 6, cbc, in, 0, 20, out, 0), 16);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, cbc, in, 20, 12, out, 16), 16);
    holds(out, 0, "7649ABAC8119B246CEE98E9B12E9197D5086CB9B507219EE95DB113A917678B2");
    (void)ok(mm_n_cipher_init_iv, 6, cbc, aes_key(key128), DECRYPT, iv, 0, 16);
    (void)ok(mm_n_cipher_do_final, 6, cbc, out, 0, 32, out, 0); /* in place */
    assert_memory_equal(bytes_of(out), bytes_of(in), 32);
}

/* The last block of CBC with a zero IV (SP 800-38A, F.2.1 has it with another IV given first). */
static void aes_mac_is_the_last_cbc_block(void **state)
{
    mm_ref in = hex_new(blocks), out = bytes_new(NULL, 16);
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_AES_MAC, 0);

    (void)state;
    (void)ok(mm_n_sign_init_iv, 6, sign, aes_key(key128), SIGN,
             hex_new("000102030405060708090A0B0C0D0E0F"), 0, 16);
    (void)ok(mm_n_sign_sign, 6, sign, in, 0, 64, out, 0);
    holds(out, 0, "3FF1CAA1681FAC09120ECA307586E1A7");
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_sign_sign, 6, sign, in, 0, 15, out, 0);
}

/* FIPS 180-4 examples, message "abc" */
static void digests_match_fips_180(void **state)
{
    static const struct {
        int alg, len;
        const char *md;
    } vectors[] = {
        {1, 20, "A9993E364706816ABA3E25717850C26C9CD0D89D"},
        {4, 32, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"},
        {5, 48,
         "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA1"
         "34C825A7"},
        {6, 64,
         "DDAF35A193617ABACC417349AE20413112E6FA4E89A97EA20A9EEEE64B55D39A2192992A274FC1A836BA3C23"
         "A3FEEBBD454D4423643CE80E2A9AC94FA54CA49F"},
    };
    mm_ref in = bytes_new("abc", 3), out = bytes_new(NULL, 64);

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        mm_ref md = ok(mm_n_digest_get_instance, 2, vectors[i].alg, 0);
        assert_int_equal(ok(mm_n_digest_get_length, 1, md), vectors[i].len);
        for (int round = 0; round < 2; round++) { /* doFinal starts anew */
            (void)ok(mm_n_digest_update, 4, md, in, 0, 1);
            assert_int_equal(ok(mm_n_digest_do_final, 6, md, in, 1, 2, out, 0), vectors[i].len);
            holds(out, 0, vectors[i].md);
        }
    }
}

static void a_reset_ends_messages_but_not_inits_and_keys(void **state)
{
    mm_ref md = ok(mm_n_digest_get_instance, 2, 4, 0), in = bytes_new("xabc", 4);
    mm_ref out = bytes_new(NULL, 32), key = aes_key(key128);
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0);
    mm_ref transient = ok(mm_n_key_build, 3, TYPE_AES_RESET, 128, 0);

    (void)state;
    (void)ok(mm_n_secret_set_key, 3, transient, hex_new(key128), 0);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, transient), 1);
    (void)ok(mm_n_digest_update, 4, md, in, 0, 1);
    (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
    mm_api_reset(chip.vm);
    mm_vm_reset(chip.vm);
    (void)ok(mm_n_digest_do_final, 6, md, in, 1, 3, out, 0);
    holds(out, 0, "BA7816BF8F01CFEA");
    (void)ok(mm_n_sign_sign, 6, sign, in, 0, 0, out, 0); /* as init left it */
    holds(out, 0, "BB1D6929E95937287FA37D129B756746");
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 1);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, transient), 0);
}

static void keys_survive_power_off(void **state)
{
    mm_ref key = aes_key(key128), out = bytes_new(NULL, 16);

    (void)state;
    mm_vm_free(&chip.vm);
    chip_power_on();
    assert_int_equal(ok(mm_n_secret_get_key, 3, key, out, 0), 16);
    holds(out, 0, key128);
}

static void signing_needs_a_key_that_is_still_set(void **state)
{
    mm_ref key = ok(mm_n_key_build, 3, TYPE_AES, 128, 0), in = bytes_new("abc", 3);
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_CMAC, 0), out = bytes_new(NULL, 16);

    (void)state;
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_init, 3, sign, key, SIGN);
    (void)ok(mm_n_secret_set_key, 3, key, hex_new(key128), 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, sign, key, 3);
    (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_verify, 7, sign, in, 0, 3, out, 0, 16);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_sign, 6, sign, in, 0, 3, out, 0);
}

static void what_is_not_offered_is_refused(void **state)
{
    (void)state;
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_sign_get_instance, 2, 50, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_sign_get_instance_parts, 4, 1, 3, 1, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_digest_get_instance, 2, 12, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_cipher_get_instance_parts, 3, 3, 7, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_key_build, 3, 5, 2049, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_key_build, 3, 38, 128, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_key_build, 3, TYPE_AES, 129, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_random_get_instance, 1, 7);
}

static void ecdsa_verifies_what_a_generated_pair_signed(void **state)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_ECDSA_SHA_256, 0);
    mm_ref in = bytes_new("payment", 7), out = bytes_new(NULL, 80), w = bytes_new(NULL, 65);
    uint16_t len, hash_len;

    (void)state;
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    (void)ok(mm_n_pair_generate, 1, pair);
    assert_int_equal(ok(mm_n_ec_get_value, 3, ok(mm_n_pair_get_public, 1, pair), w, 0), 65);
    assert_int_equal(bytes_of(w)[0], 0x04);
    (void)ok(mm_n_sign_init, 3, sign, ok(mm_n_pair_get_private, 1, pair), SIGN);
    len = ok(mm_n_sign_sign, 6, sign, in, 0, 7, out, 0);
    (void)ok(mm_n_sign_init, 3, sign, ok(mm_n_pair_get_public, 1, pair), VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 7, out, 0, len), 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 6, out, 0, len), 0);
    /* the same over a hash */
    mm_ref md = ok(mm_n_digest_get_instance, 2, 4, 0), hash = bytes_new(NULL, 32);
    hash_len = ok(mm_n_digest_do_final, 6, md, in, 0, 7, hash, 0);
    assert_int_equal(
        ok(mm_n_sign_verify_pre_computed_hash, 7, sign, hash, 0, hash_len, out, 0, len), 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, sign,
           ok(mm_n_pair_get_public, 1, pair), SIGN);
}

/* RFC 6979, A.2.5: P-256, SHA-256, message "sample" */
static void ecdsa_verifies_the_rfc_6979_signature(void **state)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");
    mm_ref sign = ok(mm_n_sign_get_instance, 2, ALG_ECDSA_SHA_256, 0), public;
    mm_ref w = hex_new("0460FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
                       "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299");
    mm_ref sig =
        hex_new("3046022100EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
                "022100F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8");

    (void)state;
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    (void)ok(mm_n_pair_generate, 1, pair); /* sets the curve */
    public = ok(mm_n_pair_get_public, 1, pair);
    (void)ok(mm_n_ec_set_value, 4, public, w, 0, 65);
    (void)ok(mm_n_sign_init, 3, sign, public, VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, bytes_new("sample", 6), 0, 6, sig, 0, 72), 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, bytes_new("simple", 6), 0, 6, sig, 0, 72), 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_ec_set_value, 4, public, w, 0, 64);
}

static void an_ec_key_is_ready_when_all_its_parts_are_set(void **state)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");
    mm_ref key = ok(mm_n_key_build, 3, 12, 256, 0), out = bytes_new(NULL, 65);

    (void)state;
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    (void)ok(mm_n_pair_generate, 1, pair);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_ec_get_g, 3, key, out, 0);
    (void)ok(mm_n_ec_copy_domain_parameters_from, 2, key, ok(mm_n_pair_get_public, 1, pair));
    assert_int_equal(ok(mm_n_ec_get_g, 3, key, out, 0), 65);
    holds(out, 0, "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296");
    assert_int_equal(ok(mm_n_ec_get_k, 1, key), 1);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
    (void)ok(mm_n_ec_set_value, 4, key, hex_new("01"), 0, 1);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 1);
    assert_int_equal(ok(mm_n_ec_get_value, 3, key, out, 0), 32);
}

static void random_fills_and_refuses_nothing(void **state)
{
    static const uint8_t zero[300];
    mm_ref random = ok(mm_n_random_get_instance, 1, 2), out = bytes_new(NULL, 300);

    (void)state;
    assert_int_equal(ok(mm_n_random_next_bytes, 4, random, out, 0, 300), 300);
    assert_memory_not_equal(bytes_of(out), zero, 300);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_random_generate_data, 4, random, out, 0, 0);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_random_generate_data, 4, random, out,
           1, 300);
}

static void an_output_that_does_not_fit_leaves_the_digest_alone(void **state)
{
    mm_ref md = ok(mm_n_digest_get_instance, 2, 4, 0), in = bytes_new("abc", 3);
    mm_ref small = bytes_new(NULL, 31), out = bytes_new(NULL, 32);

    (void)state;
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_digest_do_final, 6, md, in, 0, 3,
           small, 0);
    (void)ok(mm_n_digest_do_final, 6, md, in, 0, 3, out, 0);
    holds(out, 0, "BA7816BF8F01CFEA");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cmac_matches_rfc_4493),
        TEST(aes_matches_sp_800_38a),
        TEST(aes_mac_is_the_last_cbc_block),
        TEST(digests_match_fips_180),
        TEST(a_reset_ends_messages_but_not_inits_and_keys),
        TEST(keys_survive_power_off),
        TEST(signing_needs_a_key_that_is_still_set),
        TEST(what_is_not_offered_is_refused),
        TEST(ecdsa_verifies_what_a_generated_pair_signed),
        TEST(ecdsa_verifies_the_rfc_6979_signature),
        TEST(an_ec_key_is_ready_when_all_its_parts_are_set),
        TEST(random_fills_and_refuses_nothing),
        TEST(an_output_that_does_not_fit_leaves_the_digest_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
