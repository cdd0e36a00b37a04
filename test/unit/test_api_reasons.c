/* What the classes of javacard.security and javacardx.crypto throw: each method, each reason. */
#include "test/unit/api_fixture.h"

#include "applet_vm/api/cipher_int.h"
#include "applet_vm/api/sign_int.h"

#define CRYPTO "javacard/security/CryptoException"
#define INDEX  "java/lang/ArrayIndexOutOfBoundsException"
#define NULLED "java/lang/NullPointerException"

enum { ILLEGAL_VALUE = 1, UNINITIALIZED_KEY, NO_SUCH_ALGORITHM, INVALID_INIT, ILLEGAL_USE };

/* KeyBuilder.TYPE_... */
enum { DES = 3, RSA_PUBLIC = 4, RSA_PRIVATE = 5, RSA_CRT = 6, DSA_PUBLIC = 7, DSA_PRIVATE = 8 };
enum { F2M_PUBLIC = 9, F2M_PRIVATE = 10, FP_PUBLIC = 11, FP_PRIVATE = 12, AES = 15, SEED = 18 };
enum { HMAC = 21, DH_PUBLIC = 32, DH_PRIVATE = 35 };

static mm_ref key_new(int type, int bits)
{
    return ok(mm_n_key_build, 3, type, bits, 0);
}

static mm_ref secret_new(int type, int bits)
{
    mm_ref key = key_new(type, bits);

    (void)ok(mm_n_secret_set_key, 3, key, bytes_new(NULL, 32), 0);
    return key;
}

/* ---- Parts of keys: set, get, and what neither takes ---- */

static void part_round_trip(int type, int bits, mm_native set, mm_native get, int len, bool point)
{
    uint8_t value[400];
    mm_ref key = key_new(type, bits), in, out = bytes_new(NULL, 400);

    for (int i = 0; i < len; i++)
        value[i] = (uint8_t)(i + 1);
    if (point)
        value[0] = 4;
    in = bytes_new(value, sizeof(value));
    throws(CRYPTO, UNINITIALIZED_KEY, get, 3, key, out, 0);
    (void)ok(set, 4, key, in, 0, len);
    assert_int_equal(ok(get, 3, key, out, 7), len);
    assert_memory_equal(bytes_of(out) + 7, value, (size_t)len);
    throws(CRYPTO, ILLEGAL_VALUE, set, 4, key, in, 0, len + 1);
    throws(CRYPTO, ILLEGAL_VALUE, set, 4, key, in, 0, 0);
    throws(NULLED, 0, set, 4, key, 0, 0, len);
    throws(NULLED, 0, get, 3, key, 0, 0);
    throws(INDEX, 0, set, 4, key, in, 400 - len + 1, len);
    throws(INDEX, 0, get, 3, key, out, 400 - len + 1);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, UNINITIALIZED_KEY, get, 3, key, out, 0);
}

static void rsa_parts_are_set_and_told(void **state)
{
    (void)state;
    part_round_trip(RSA_PUBLIC, 512, mm_n_rsa_set_modulus, mm_n_rsa_get_modulus, 64, false);
    part_round_trip(RSA_PUBLIC, 512, mm_n_rsa_set_exponent, mm_n_rsa_get_exponent, 64, false);
    part_round_trip(RSA_PRIVATE, 512, mm_n_rsa_set_exponent, mm_n_rsa_get_exponent, 64, false);
    part_round_trip(RSA_CRT, 1024, mm_n_crt_set_p, mm_n_crt_get_p, 64, false);
    part_round_trip(RSA_CRT, 1024, mm_n_crt_set_q, mm_n_crt_get_q, 64, false);
    part_round_trip(RSA_CRT, 1024, mm_n_crt_set_pq, mm_n_crt_get_pq, 64, false);
    part_round_trip(RSA_CRT, 1024, mm_n_crt_set_dp1, mm_n_crt_get_dp1, 64, false);
    part_round_trip(RSA_CRT, 1024, mm_n_crt_set_dq1, mm_n_crt_get_dq1, 64, false);
}

static void dsa_and_dh_parts_are_set_and_told(void **state)
{
    (void)state;
    part_round_trip(DSA_PUBLIC, 1024, mm_n_ff_set_p, mm_n_ff_get_p, 128, false);
    part_round_trip(DSA_PUBLIC, 1024, mm_n_ff_set_q, mm_n_ff_get_q, 32, false);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ff_set_q, 4, key_new(DH_PUBLIC, 1024), bytes_new(NULL, 8), 0,
           0);
    part_round_trip(DSA_PUBLIC, 1024, mm_n_ff_set_g, mm_n_ff_get_g, 128, false);
    part_round_trip(DSA_PUBLIC, 1024, mm_n_ff_set_value, mm_n_ff_get_value, 128, false);
    part_round_trip(DSA_PRIVATE, 1024, mm_n_ff_set_value, mm_n_ff_get_value, 32, false);
    part_round_trip(DH_PUBLIC, 1024, mm_n_ff_set_p, mm_n_ff_get_p, 128, false);
    part_round_trip(DH_PRIVATE, 2048, mm_n_ff_set_value, mm_n_ff_get_value, 256, false);
}

static void ec_parts_are_set_and_told(void **state)
{
    (void)state;
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_field_fp, mm_n_ec_get_field, 32, false);
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_a, mm_n_ec_get_a, 32, false);
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_b, mm_n_ec_get_b, 32, false);
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_g, mm_n_ec_get_g, 65, true);
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_r, mm_n_ec_get_r, 32, false);
    part_round_trip(FP_PUBLIC, 256, mm_n_ec_set_value, mm_n_ec_get_value, 65, true);
    part_round_trip(FP_PRIVATE, 256, mm_n_ec_set_value, mm_n_ec_get_value, 32, false);
    part_round_trip(F2M_PRIVATE, 163, mm_n_ec_set_r, mm_n_ec_get_r, 21, false);
}

static void ec_fields_and_cofactors_are_set_and_told(void **state)
{
    mm_ref f2m = key_new(F2M_PUBLIC, 163), fp = key_new(FP_PUBLIC, 192), out = bytes_new(NULL, 8);

    (void)state;
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_get_field, 3, f2m, out, 0);
    (void)ok(mm_n_ec_set_field_trinomial, 2, f2m, 74);
    assert_int_equal(ok(mm_n_ec_get_field, 3, f2m, out, 0), 2);
    holds(out, 0, "004A");
    (void)ok(mm_n_ec_set_field_pentanomial, 4, f2m, 7, 6, 3);
    assert_int_equal(ok(mm_n_ec_get_field, 3, f2m, out, 0), 6);
    holds(out, 0, "000700060003");
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_trinomial, 2, f2m, 163);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_trinomial, 2, f2m, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_trinomial, 2, fp, 74);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_set_field_pentanomial, 4, f2m, 7, 0, 3);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_pentanomial, 4, fp, 7, 6, 3);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_ec_set_field_fp, 4, f2m, out, 0, 8);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_get_k, 1, fp);
    (void)ok(mm_n_ec_set_k, 2, fp, 4);
    assert_int_equal(ok(mm_n_ec_get_k, 1, fp), 4);
    throws(NULLED, 0, mm_n_ec_copy_domain_parameters_from, 2, fp, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_ec_copy_domain_parameters_from, 2, fp, f2m);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_ec_copy_domain_parameters_from, 2, fp,
           key_new(FP_PUBLIC, 192));
}

static void secret_keys_are_set_and_told(void **state)
{
    static const int kinds[][2] = {{DES, 64}, {DES, 192}, {AES, 128}, {AES, 256}, {SEED, 128}};
    mm_ref in = hex_new("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"), key;
    mm_ref out = bytes_new(NULL, 300);

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        int n = kinds[i][1] / 8;
        key = key_new(kinds[i][0], kinds[i][1]);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_secret_get_key, 3, key, out, 0);
        throws(INDEX, 0, mm_n_secret_set_key, 3, key, in, 33 - n);
        throws(NULLED, 0, mm_n_secret_set_key, 3, key, 0, 0);
        (void)ok(mm_n_secret_set_key, 3, key, in, 0);
        assert_int_equal(ok(mm_n_secret_get_key, 3, key, out, 1), n);
        assert_memory_equal(bytes_of(out) + 1, bytes_of(in), (size_t)n);
        throws(INDEX, 0, mm_n_secret_get_key, 3, key, out, 301 - n);
        throws(NULLED, 0, mm_n_secret_get_key, 3, key, 0, 0);
    }
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_secret_get_key, 3, key_new(HMAC, 64), out, 0);
    key = key_new(HMAC, 64);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_hmac_set_key, 4, key, out, 0, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_hmac_set_key, 4, key, out, 0, 256);
    throws(INDEX, 0, mm_n_hmac_set_key, 4, key, out, 290, 20);
    (void)ok(mm_n_hmac_set_key, 4, key, in, 0, 20);
    assert_int_equal(ok(mm_n_secret_get_key, 3, key, out, 0), 20);
}

static void keys_that_cannot_be_built_are_refused(void **state)
{
    static const int bad[][2] = {{0, 128},         {38, 128},          {AES, 64},
                                 {AES, 136},       {DES, 256},         {SEED, 64},
                                 {RSA_CRT, 500},   {RSA_PUBLIC, 4128}, {FP_PUBLIC, 111},
                                 {FP_PUBLIC, 522}, {F2M_PUBLIC, 192},  {DSA_PUBLIC, 3072},
                                 {DH_PUBLIC, 4096}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_key_build, 3, bad[i][0], bad[i][1], 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_key_build_memory, 4, 20, 0, 128, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_key_build_memory, 4, 2, 3, 128, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_key_build_memory, 4, 2, 0, 100, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_key_build_shared, 4, 2, 0, key_new(FP_PUBLIC, 256), 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_key_build_shared, 4, 7, 0, 0, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_key_build_shared, 4, 7, 0, key_new(DSA_PUBLIC, 1024), 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_key_build_shared, 4, 7, 0, key_new(F2M_PUBLIC, 163), 0);
}

static void pairs_that_cannot_be_are_refused(void **state)
{
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair");
    mm_ref public = key_new(FP_PUBLIC, 256), private = key_new(FP_PRIVATE, 256);
    uint8_t ones[65];

    (void)state;
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_pair_init, 3, pair, 0, 256);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_pair_init, 3, pair, 7, 256);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_pair_init, 3, pair, 5, 540);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_init_keys, 3, pair, public, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_init_keys, 3, pair, 0, private);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_init_keys, 3, pair, private, public);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_init_keys, 3, pair, public, key_new(FP_PRIVATE, 192));
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_init_keys, 3, pair, public, key_new(F2M_PRIVATE, 163));
    /* domain parameters that make no curve */
    memset(ones, 1, sizeof(ones));
    ones[0] = 4;
    (void)ok(mm_n_ec_set_field_fp, 4, public, bytes_new(ones, 65), 1, 32);
    (void)ok(mm_n_ec_set_a, 4, public, bytes_new(ones, 65), 1, 32);
    (void)ok(mm_n_ec_set_b, 4, public, bytes_new(ones, 65), 1, 32);
    (void)ok(mm_n_ec_set_r, 4, public, bytes_new(ones, 65), 1, 32);
    (void)ok(mm_n_ec_set_g, 4, public, bytes_new(ones, 65), 0, 65);
    (void)ok(mm_n_pair_init_keys, 3, pair, public, private);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_pair_generate, 1, pair);
}

/* ---- What objects say of themselves ---- */

static void algorithms_are_told_as_they_were_asked_for(void **state)
{
    mm_ref sig = ok(mm_n_sign_get_instance_parts, 4, 4, 3, 8, 0);
    mm_ref cipher = ok(mm_n_cipher_get_instance_parts, 3, 1, 6, 0);

    (void)state;
    for (int alg = 1; alg <= 11; alg++)
        assert_int_equal(ok(mm_n_digest_get_algorithm, 1, ok(mm_n_digest_get_instance, 2, alg, 0)),
                         alg);
    for (int alg = 1; alg <= 7; alg++)
        assert_int_equal(ok(mm_n_agree_get_algorithm, 1, ok(mm_n_agree_get_instance, 2, alg, 0)),
                         alg);
    for (int alg = 1; alg <= 6; alg++)
        assert_int_equal(ok(mm_n_random_get_algorithm, 1, ok(mm_n_random_get_instance, 1, alg)),
                         alg);
    for (int alg = 1; alg <= 2; alg++)
        assert_int_equal(
            ok(mm_n_checksum_get_algorithm, 1, ok(mm_n_checksum_get_instance, 2, alg, 0)), alg);
    assert_int_equal(ok(mm_n_sign_get_algorithm, 1, sig), 44);
    assert_int_equal(ok(mm_n_sign_get_message_digest_algorithm, 1, sig), 4);
    assert_int_equal(ok(mm_n_sign_get_cipher_algorithm, 1, sig), 3);
    assert_int_equal(ok(mm_n_sign_get_padding_algorithm, 1, sig), 8);
    assert_int_equal(ok(mm_n_cipher_get_algorithm, 1, cipher), 24);
    assert_int_equal(ok(mm_n_cipher_get_cipher_algorithm, 1, cipher), 1);
    assert_int_equal(ok(mm_n_cipher_get_padding_algorithm, 1, cipher), 6);
}

static void algorithms_that_are_not_there_are_refused(void **state)
{
    (void)state;
    for (int alg = 12; alg < 200; alg += 17)
        throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_digest_get_instance, 2, alg, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_digest_get_instance, 2, 0, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_digest_open, 1, 12);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_agree_get_instance, 2, 0, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_agree_get_instance, 2, 8, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_random_get_instance, 1, 7);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_random_open, 1, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_checksum_get_instance, 2, 3, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_sign_get_instance, 2, 50, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_sign_get_instance_parts, 4, 12, 3, 7, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_sign_get_instance_parts, 4, 4, 11, 0, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_sign_open, 3, 4, 3, 1);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_cipher_get_instance, 2, 9, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_cipher_get_instance_parts, 3, 8, 1, 0);
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_cipher_open, 2, 7, 8);
}

/* ---- Signature ---- */

static void signatures_refuse_keys_and_modes_that_do_not_fit(void **state)
{
    static const struct {
        int alg, type, bits, mode;
    } bad[] = {{18, DES, 64, 1},  {18, AES, 128, 3}, {18, AES, 128, 0}, {1, AES, 128, 1},
               {49, DES, 64, 1},  {25, AES, 128, 1}, {32, AES, 128, 2}, {20, DES, 192, 1},
               {40, AES, 128, 1}, {33, AES, 128, 2}, {14, DES, 64, 1}};
    mm_ref empty = key_new(AES, 128), iv = bytes_new(NULL, 16);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mm_ref sig = ok(mm_n_sign_get_instance, 2, bad[i].alg, 0);
        throws(CRYPTO, ILLEGAL_VALUE, mm_n_sign_init, 3, sig, secret_new(bad[i].type, bad[i].bits),
               bad[i].mode);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_init, 3, sig, 0, 1);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_init, 3, sig, empty, 1);
        throws(CRYPTO, INVALID_INIT, mm_n_sign_update, 4, sig, iv, 0, 1);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_init_iv, 6, sig, empty, 1, iv, 0, 16);
        throws(NULLED, 0, mm_n_sign_init_iv, 6, sig, empty, 1, 0, 0, 16);
        throws(INDEX, 0, mm_n_sign_init_iv, 6, sig, empty, 1, iv, 1, 16);
    }
    /* IVs: a length that is not the block's, or to an algorithm that has none */
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_sign_init_iv, 6, ok(mm_n_sign_get_instance, 2, 18, 0),
           secret_new(AES, 128), 1, iv, 0, 8);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_sign_init_iv, 6, ok(mm_n_sign_get_instance, 2, 49, 0),
           secret_new(AES, 128), 1, iv, 0, 16);
}

static void signatures_refuse_what_their_state_does_not_allow(void **state)
{
    mm_ref m = bytes_new(NULL, 64), fresh = ok(mm_n_sign_get_instance, 2, 33, 0);
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 18, 0), key = secret_new(AES, 128);

    (void)state;
    throws(CRYPTO, INVALID_INIT, mm_n_sign_sign, 6, fresh, m, 0, 1, m, 0);
    throws(CRYPTO, INVALID_INIT, mm_n_sign_verify, 7, fresh, m, 0, 1, m, 0, 8);
    throws(CRYPTO, INVALID_INIT, mm_n_sign_get_length, 1, fresh);
    throws(CRYPTO, INVALID_INIT, mm_n_sign_sign_pre_computed_hash, 6, fresh, m, 0, 32, m, 0);
    throws(CRYPTO, INVALID_INIT, mm_n_sign_verify_pre_computed_hash, 7, fresh, m, 0, 32, m, 0, 8);
    (void)ok(mm_n_sign_init, 3, mac, key, 1);
    throws(CRYPTO, INVALID_INIT, mm_n_sign_verify, 7, mac, m, 0, 16, m, 0, 16);
    throws(CRYPTO, ILLEGAL_USE, mm_n_sign_sign, 6, mac, m, 0, 15, m, 0); /* no padding */
    throws(CRYPTO, ILLEGAL_USE, mm_n_sign_sign_pre_computed_hash, 6, mac, m, 0, 32, m, 0);
    throws(INDEX, 0, mm_n_sign_sign, 6, mac, m, 0, 16, m, 49);
    throws(INDEX, 0, mm_n_sign_sign, 6, mac, m, 60, 16, m, 0);
    throws(NULLED, 0, mm_n_sign_sign, 6, mac, 0, 0, 16, m, 0);
    throws(NULLED, 0, mm_n_sign_sign, 6, mac, m, 0, 16, 0, 0);
    throws(NULLED, 0, mm_n_sign_update, 4, mac, 0, 0, 16);
    assert_int_equal(ok(mm_n_sign_sign, 6, mac, m, 0, 16, m, 48), 16);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_sign, 6, mac, m, 0, 16, m, 0);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_update, 4, mac, m, 0, 16);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_init, 3, mac, key, 1);
}

static void a_key_with_another_value_is_taken_at_the_next_init(void **state)
{
    mm_ref key = secret_new(AES, 128), other = secret_new(AES, 128), out = bytes_new(NULL, 64);
    mm_ref m = hex_new("00112233445566778899AABBCCDDEEFF"),
           value = hex_new("0F0E0D0C0B0A090807060504030201FF");
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 49, 0),
           cipher = ok(mm_n_cipher_get_instance, 2, 14, 0);

    (void)state;
    (void)ok(mm_n_secret_set_key, 3, other, value, 0);
    (void)ok(mm_n_sign_init, 3, mac, other, 1);
    (void)ok(mm_n_sign_sign, 6, mac, m, 0, 16, out, 0);
    (void)ok(mm_n_cipher_init, 3, cipher, other, MM_ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, cipher, m, 0, 16, out, 16);
    (void)ok(mm_n_sign_init, 3, mac, key, 1);
    (void)ok(mm_n_cipher_init, 3, cipher, key, MM_ENCRYPT);
    (void)ok(mm_n_secret_set_key, 3, key, value, 0);
    (void)ok(mm_n_sign_init, 3, mac, key, 1);
    (void)ok(mm_n_sign_update, 4, mac, m, 0, 5); /* dropped by the init */
    (void)ok(mm_n_sign_init, 3, mac, key, 1);
    (void)ok(mm_n_sign_sign, 6, mac, m, 0, 16, out, 32);
    (void)ok(mm_n_cipher_init, 3, cipher, key, MM_ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, cipher, m, 0, 16, out, 48);
    assert_memory_equal(bytes_of(out), bytes_of(out) + 32, 32);
}

/* ---- Cipher, AEADCipher ---- */

static void ciphers_refuse_keys_modes_and_ivs_that_do_not_fit(void **state)
{
    static const struct {
        int alg, type, bits, mode, iv;
    } bad[] = {{13, DES, 64, 1, 0},   {13, AES, 128, 3, 0},  {1, AES, 128, 1, 0},
               {16, AES, 128, 1, 0},  {13, AES, 128, 1, 8},  {14, AES, 128, 1, 16},
               {1, DES, 64, 2, 16},   {-16, DES, 64, 1, 0},  {10, AES, 128, 1, 0},
               {-13, AES, 128, 1, 0}, {-12, AES, 128, 2, 12}};
    mm_ref empty = key_new(AES, 128), data = bytes_new(NULL, 64);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        mm_ref cipher = ok(mm_n_cipher_get_instance, 2, bad[i].alg, 0);
        mm_ref key = secret_new(bad[i].type, bad[i].bits);

        if (bad[i].iv == 0)
            throws(CRYPTO, ILLEGAL_VALUE, mm_n_cipher_init, 3, cipher, key, bad[i].mode);
        else
            throws(CRYPTO, ILLEGAL_VALUE, mm_n_cipher_init_iv, 6, cipher, key, bad[i].mode, data, 0,
                   bad[i].iv);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_init, 3, cipher, 0, 1);
        throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_init, 3, cipher, empty, 1);
        throws(CRYPTO, INVALID_INIT, mm_n_cipher_update, 6, cipher, data, 0, 16, data, 0);
        throws(CRYPTO, INVALID_INIT, mm_n_cipher_do_final, 6, cipher, data, 0, 16, data, 0);
        throws(NULLED, 0, mm_n_cipher_init_iv, 6, cipher, key, 1, 0, 0, 16);
        throws(INDEX, 0, mm_n_cipher_init_iv, 6, cipher, key, 1, data, 60, 16);
    }
}

static void ciphers_refuse_data_that_does_not_fit(void **state)
{
    mm_ref key = secret_new(AES, 128), data = bytes_new(NULL, 64), out = bytes_new(NULL, 64);
    mm_ref cipher = ok(mm_n_cipher_get_instance, 2, 13, 0),
           padded = ok(mm_n_cipher_get_instance, 2, 24, 0);

    (void)state;
    (void)ok(mm_n_cipher_init, 3, cipher, key, MM_ENCRYPT);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_do_final, 6, cipher, data, 0, 17, out, 0);
    throws(INDEX, 0, mm_n_cipher_do_final, 6, cipher, data, 0, 32, out, 33);
    throws(INDEX, 0, mm_n_cipher_do_final, 6, cipher, data, 40, 32, out, 0);
    throws(INDEX, 0, mm_n_cipher_update, 6, cipher, data, 0, -1, out, 0);
    throws(NULLED, 0, mm_n_cipher_do_final, 6, cipher, data, 0, 32, 0, 0);
    throws(NULLED, 0, mm_n_cipher_do_final, 6, cipher, 0, 0, 32, out, 0);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, cipher, data, 0, 32, out, 32), 32);
    (void)ok(mm_n_cipher_init, 3, padded, key, MM_DECRYPT);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_do_final, 6, padded, data, 0, 16, out, 0);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_do_final, 6, padded, data, 0, 15, out, 0);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_do_final, 6, cipher, data, 0, 16, out, 0);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_update, 6, cipher, data, 0, 16, out, 0);
}

/* Input and output in one array, in every way they can lie, is what it is in two. */
static void ciphers_write_over_their_input(void **state)
{
    static const enum mm_transient memories[] = {MM_PERSISTENT, MM_CLEAR_ON_RESET};
    mm_ref key = secret_new(AES, 128), out = bytes_new(NULL, 96);
    mm_ref cipher = ok(mm_n_cipher_get_instance, 2, 13, 0);
    uint8_t text[96];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)(3 * i);
    (void)ok(mm_n_cipher_init, 3, cipher, key, MM_ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, cipher, bytes_new(text, 96), 20, 48, out, 0);
    for (size_t i = 0; i < 2; i++) {
        for (int to = 0; to <= 48; to++) {
            mm_ref both = mm_vm_new_array(chip.vm, 11, 96, memories[i]);

            assert_int_equal(mm_vm_array_write(chip.vm, both, 0, text, 96, true), MM_RUN_OK);
            assert_int_equal(ok(mm_n_cipher_do_final, 6, cipher, both, 20, 48, both, to), 48);
            assert_memory_equal(bytes_of(both) + to, bytes_of(out), 48);
        }
    }
}

static void aead_refuses_what_does_not_fit(void **state)
{
    static const int tags[] = {5, 18, 2};
    mm_ref gcm = ok(mm_n_cipher_get_instance, 2, -13, 0),
           ccm = ok(mm_n_cipher_get_instance, 2, -12, 0);
    mm_ref key = secret_new(AES, 128), data = bytes_new(NULL, 64), empty = key_new(AES, 128);

    (void)state;
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_init, 9, ccm, key, 1, data, 0, 12, 0, 16, tags[i]);
    throws(CRYPTO, INVALID_INIT, mm_n_aead_init, 9, gcm, key, 1, data, 0, 12, 0, 16,
           16); /* online */
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_init, 9, ccm, key, 1, data, 0, 6, 0, 16, 16);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_init, 9, ccm, key, 3, data, 0, 12, 0, 16, 16);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_init, 9, ccm, key, 1, data, 0, 12, -1, 16, 16);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_aead_init, 9, ccm, empty, 1, data, 0, 12, 0, 16, 16);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_aead_init, 9, ccm, 0, 1, data, 0, 12, 0, 16, 16);
    throws(NULLED, 0, mm_n_aead_init, 9, ccm, key, 1, 0, 0, 12, 0, 16, 16);
    throws(CRYPTO, INVALID_INIT, mm_n_aead_update_aad, 4, gcm, data, 0, 4);
    throws(CRYPTO, INVALID_INIT, mm_n_aead_retrieve_tag, 4, gcm, data, 0, 16);
    throws(CRYPTO, INVALID_INIT, mm_n_aead_verify_tag, 5, gcm, data, 0, 16, 16);
    (void)ok(mm_n_aead_init, 9, ccm, key, MM_ENCRYPT, data, 0, 12, 4, 16, 16);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_do_final, 6, ccm, data, 0, 16, data,
           0); /* no AAD yet */
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_update_aad, 4, ccm, data, 0, 5);
    (void)ok(mm_n_aead_update_aad, 4, ccm, data, 0, 4);
    throws(CRYPTO, ILLEGAL_USE, mm_n_aead_retrieve_tag, 4, ccm, data, 0, 16);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_do_final, 6, ccm, data, 0, 15, data, 0);
    (void)ok(mm_n_cipher_do_final, 6, ccm, data, 0, 16, data, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_retrieve_tag, 4, ccm, data, 0, 5);
    throws(CRYPTO, ILLEGAL_USE, mm_n_aead_verify_tag, 5, ccm, data, 0, 16, 16); /* it enciphered */
    throws(INDEX, 0, mm_n_aead_retrieve_tag, 4, ccm, data, 49, 16);
    assert_int_equal(ok(mm_n_aead_retrieve_tag, 4, ccm, data, 48, 16), 16);
    (void)ok(mm_n_cipher_init_iv, 6, gcm, key, MM_DECRYPT, data, 0, 12);
    (void)ok(mm_n_cipher_do_final, 6, gcm, data, 0, 16, data, 0);
    throws(CRYPTO, ILLEGAL_USE, mm_n_aead_retrieve_tag, 4, gcm, data, 0, 16);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_verify_tag, 5, gcm, data, 0, 12, 16);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_aead_verify_tag, 5, gcm, data, 0, 16, 3);
    assert_int_equal(ok(mm_n_aead_verify_tag, 5, gcm, data, 0, 16, 16), 0);
}

/* Two messages under one key, init with a nonce each: as with objects of their own. */
static void gcm_takes_the_next_nonce_under_the_same_key(void **state)
{
    mm_ref key = secret_new(AES, 128), n1 = hex_new("000102030405060708090A0B"), a, b;
    mm_ref n2 = hex_new("0C0D0E0F101112131415161718"), data = bytes_new(NULL, 20);
    mm_ref one = ok(mm_n_cipher_get_instance, 2, -13, 0);

    (void)state;
    for (int len = 12; len <= 13; len++) { /* a nonce of another length as well */
        mm_ref fresh = ok(mm_n_cipher_get_instance, 2, -13, 0);

        a = bytes_new(NULL, 40);
        b = bytes_new(NULL, 40);
        (void)ok(mm_n_cipher_init_iv, 6, one, key, MM_ENCRYPT, n1, 0, 12);
        (void)ok(mm_n_aead_update_aad, 4, one, data, 0, 3);
        (void)ok(mm_n_cipher_do_final, 6, one, data, 0, 20, a, 0);
        (void)ok(mm_n_cipher_init_iv, 6, one, key, MM_ENCRYPT, n2, 0, len);
        (void)ok(mm_n_cipher_do_final, 6, one, data, 0, 20, a, 0);
        (void)ok(mm_n_aead_retrieve_tag, 4, one, a, 20, 16);
        (void)ok(mm_n_cipher_init_iv, 6, fresh, key, MM_ENCRYPT, n2, 0, len);
        (void)ok(mm_n_cipher_do_final, 6, fresh, data, 0, 20, b, 0);
        (void)ok(mm_n_aead_retrieve_tag, 4, fresh, b, 20, 16);
        assert_memory_equal(bytes_of(a), bytes_of(b), 36);
    }
}

/* ---- KeyAgreement, RandomData, Checksum, MessageDigest ---- */

static void agreements_refuse_what_does_not_fit(void **state)
{
    mm_ref ecdh = ok(mm_n_agree_get_instance, 2, 3, 0), dh = ok(mm_n_agree_get_instance, 2, 7, 0);
    mm_ref pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair"),
           data = bytes_new(NULL, 80), key;

    (void)state;
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_agree_init, 2, ecdh, ok(mm_n_pair_get_private, 1, pair));
    (void)ok(mm_n_pair_generate, 1, pair);
    key = ok(mm_n_pair_get_private, 1, pair);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_agree_init, 2, ecdh, 0);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_agree_init, 2, dh, key);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_agree_init, 2, ecdh, ok(mm_n_pair_get_public, 1, pair));
    throws(CRYPTO, INVALID_INIT, mm_n_agree_generate_secret, 6, ecdh, data, 0, 65, data, 0);
    (void)ok(mm_n_agree_init, 2, ecdh, key);
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_agree_generate_secret, 6, ecdh, data, 0, 65, data, 0);
    throws(INDEX, 0, mm_n_agree_generate_secret, 6, ecdh, data, 20, 65, data, 0);
    throws(NULLED, 0, mm_n_agree_generate_secret, 6, ecdh, 0, 0, 65, data, 0);
    (void)ok(mm_n_ec_get_value, 3, ok(mm_n_pair_get_public, 1, pair), data, 0);
    throws(INDEX, 0, mm_n_agree_generate_secret, 6, ecdh, data, 0, 65, data, 49);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, ecdh, data, 0, 65, data, 0), 32);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_agree_generate_secret, 6, ecdh, data, 0, 65, data, 0);
}

static void random_data_checks_its_arguments(void **state)
{
    mm_ref out = bytes_new(NULL, 300), shot = ok(mm_n_random_open, 1, 2);

    (void)state;
    for (int alg = 1; alg <= 6; alg++) {
        mm_ref random = ok(mm_n_random_get_instance, 1, alg);

        (void)ok(mm_n_random_set_seed, 4, random, out, 0, 8);
        throws(INDEX, 0, mm_n_random_set_seed, 4, random, out, 299, 2);
        throws(NULLED, 0, mm_n_random_set_seed, 4, random, 0, 0, 2);
        assert_int_equal(ok(mm_n_random_next_bytes, 4, random, out, 3, 297), 300);
        (void)ok(mm_n_random_generate_data, 4, random, out, 0, 300);
        throws(CRYPTO, ILLEGAL_VALUE, mm_n_random_next_bytes, 4, random, out, 0, 0);
        throws(CRYPTO, ILLEGAL_VALUE, mm_n_random_generate_data, 4, random, out, 0, 0);
        throws(INDEX, 0, mm_n_random_next_bytes, 4, random, out, 1, 300);
    }
    (void)ok(mm_n_one_shot_close, 1, shot);
    throws(CRYPTO, ILLEGAL_USE, mm_n_random_next_bytes, 4, shot, out, 0, 8);
    throws(CRYPTO, ILLEGAL_USE, mm_n_one_shot_close, 1, shot);
}

static void checksums_and_digests_check_their_arguments(void **state)
{
    mm_ref crc = ok(mm_n_checksum_get_instance, 2, 2, 0), data = bytes_new(NULL, 40);
    mm_ref md = ok(mm_n_digest_get_instance, 2, 4, 0), shot = ok(mm_n_digest_open, 1, 4);

    (void)state;
    throws(CRYPTO, ILLEGAL_VALUE, mm_n_checksum_init, 4, crc, data, 0, 2);
    throws(INDEX, 0, mm_n_checksum_update, 4, crc, data, 39, 2);
    throws(INDEX, 0, mm_n_checksum_do_final, 6, crc, data, 0, 8, data, 37);
    throws(NULLED, 0, mm_n_checksum_do_final, 6, crc, 0, 0, 8, data, 0);
    assert_int_equal(ok(mm_n_checksum_do_final, 6, crc, data, 0, 8, data, 36), 4);
    throws(INDEX, 0, mm_n_digest_update, 4, md, data, 39, 2);
    throws(INDEX, 0, mm_n_digest_do_final, 6, md, data, 0, 8, data, 9);
    throws(NULLED, 0, mm_n_digest_do_final, 6, md, 0, 0, 8, data, 0);
    throws(NULLED, 0, mm_n_digest_update, 4, md, 0, 0, 8);
    assert_int_equal(ok(mm_n_digest_get_length, 1, md), 32);
    assert_int_equal(ok(mm_n_digest_do_final, 6, md, data, 0, 8, data, 8), 32);
    (void)ok(mm_n_one_shot_close, 1, shot);
    throws(CRYPTO, ILLEGAL_USE, mm_n_digest_do_final, 6, shot, data, 0, 8, data, 0);
    throws(CRYPTO, ILLEGAL_USE, mm_n_digest_get_length, 1, shot);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rsa_parts_are_set_and_told),
        TEST(dsa_and_dh_parts_are_set_and_told),
        TEST(ec_parts_are_set_and_told),
        TEST(ec_fields_and_cofactors_are_set_and_told),
        TEST(secret_keys_are_set_and_told),
        TEST(keys_that_cannot_be_built_are_refused),
        TEST(pairs_that_cannot_be_are_refused),
        TEST(algorithms_are_told_as_they_were_asked_for),
        TEST(algorithms_that_are_not_there_are_refused),
        TEST(signatures_refuse_keys_and_modes_that_do_not_fit),
        TEST(signatures_refuse_what_their_state_does_not_allow),
        TEST(a_key_with_another_value_is_taken_at_the_next_init),
        TEST(ciphers_refuse_keys_modes_and_ivs_that_do_not_fit),
        TEST(ciphers_refuse_data_that_does_not_fit),
        TEST(ciphers_write_over_their_input),
        TEST(aead_refuses_what_does_not_fit),
        TEST(gcm_takes_the_next_nonce_under_the_same_key),
        TEST(agreements_refuse_what_does_not_fit),
        TEST(random_data_checks_its_arguments),
        TEST(checksums_and_digests_check_their_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
