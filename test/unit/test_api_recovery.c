/* ISO 9796-2 signatures: whole messages (Signature) and recovered ones (SignatureMessageRecovery). */
#include "test/unit/api_fixture.h"

#include "applet_vm/api/sign_int.h"

#define CRYPTO "javacard/security/CryptoException"

enum { SIGN = 1, VERIFY = 2, SIG_LEN = 96, CAPACITY = SIG_LEN - 22 };

/* A 768-bit key; its signatures below were made with Bouncy Castle 1.72 (ISO9796d2Signer, implicit
 * trailer). Byte i of each message is 7 i + 1. */
static const char modulus[] = "913e52dae98bc2c0aacf835ea4f70ff968734e25cd225c9514c201ccef838ebdb1f2"
                              "0293d19644ef1b554686afd7e359"
                              "e20be575f1bf36396a19d279e0a066880658894284d9f904190ef48903b465ec3cc0"
                              "cb4aecb9c77273688ccdaa92db23";
static const char exponent[] = "1eacf48fe2aa8f77e4bb8e29e39a80a7b2ed43708d6a37f68e9b490910ff0e9b36e"
                               "57fb0db9faab07b6bdfc8db83b3b2"
                               "fb29879a60ea80163047096a3673dbc5abd3101d2b32eebdf0c55f054fe504de2d7"
                               "46a1a6a80a8094afd61cbc84c53bd";

static const struct {
    uint8_t alg, recovery_alg;
    int len;
    const char *sig;
} vectors[] = {
    {9, 30, 0,
     "2dac7456d4a701a7793eed569b939571ac518ad09d0133885ae55ca2da9119c97ecc118138692ef2343d992c55482"
     "f60"
     "058ad1d514082ca68e1104732794b76bf6116836255487e12999a56a50a7ea841469cac3d33f505e0573c8914724c"
     "1e6"},
    {9, 30, 11,
     "42141c5bcd45871cbd30d0dc3020ee7c11b5fc4eb581ca3356f75e29cfd0e34ad8d9bc4d8270e553a8233d75f3d0a"
     "57a"
     "5d6772c609231101b48b4d603fbd522166e914a94b9d2d7512f4f075d14f7aa41eee816484ea1f757dc9db2faa945"
     "18f"},
    {9, 30, 74,
     "524add242d9b8df366da3b4153ab3aefe5c1fce7dfb78e76acf5766257430b52ad45b6ceff09191aedc5c1a1a3905"
     "7bb"
     "79051b6a0d8bec86b452ece51e24ed506ba38b04349227f6f532b6b147eb03725bb3bfa00769b8dc6353748f0bfc8"
     "243"},
    {9, 30, 75,
     "536a2fc6d95d98ddeb6e4044e6ad575e536070c28f1fa8ea9c55d55203a1654769ba00c9ad02efcd4bf1cb3193bf5"
     "9c1"
     "2233c6bb7d23c89a9657819ad921119ef641b8de24b9c2e0d4e8931be2e2d50819b911ee50561efe32c2644b6faa7"
     "2f2"},
    {9, 30, 120,
     "780f44d83b4fd844f584a1d8be59e73f6d044652c1c445566d167fa7437a11664ca06706dc89df54768e2c49b6c1a"
     "ed7"
     "02128aa917099e9ea33e6408502a962c54a73af636769365df7a3b517b6526dfe50425950991b276d1223648e6ce4"
     "ad7"},
    {12, 31, 0,
     "6a52e97c141ac2da062b20516a9e10dc2fe42cbd9f0c89f1af292285a024b9604c1214f8ca36635294d83e04056ba"
     "00c"
     "4beab84d1a089b8e57c8eea10e3e460722b505e1591c4ee70a9719d14e079a8cedd9d9392d2dac2afa5b0f41abc8f"
     "354"},
    {12, 31, 11,
     "386e23ff1c2602fd72e5e325f7a4c35139b0bcebb8782c935751572eee7362f2cac5710bf4649767d314ed77380ad"
     "9fa"
     "48308ab1e2020abb65bc64c25bae9779f201c3ebba93ad713692680070ee244642b9443cd522e96478faad12cd046"
     "bad"},
    {12, 31, 74,
     "3ba21bc8f5e2f25ce2d9837292f6e07a03cb6d63aea818b3a5d6146bf7cf48200a3fef5a78a5d930b915ffcb8deca"
     "56f"
     "ecb33c9dcd44fbb96312132e8982a93161aa967e075353ddc0d838777e8df13976f0f2a859ef99a70ee50347ac4f7"
     "b46"},
    {12, 31, 75,
     "02569f88f112d1de93b71508e2074d4f1288c02f4edc95421e00e53f6b6a56229c392c71489f8b069a109852a272f"
     "20b"
     "bf6f785e0c866c10998490fca5e3cb9af3b46b42284d44423e7b655733d4908716c7e69cc5cbc7adf07a1b050b238"
     "cd2"},
    {12, 31, 120,
     "194d50fa5a6a7075c1f2c3353718c1ef1a59f1e60ff7c862ad508c5888adb2c333193a5f4aaa60318cc671a658352"
     "15e"
     "b15e92201266e72340fe004f0b9768b18031ddfa3ffe0614d9d130189dc65d1d61b0c80a6b256820d5148654b0f27"
     "a35"},
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static mm_ref message(int len)
{
    uint8_t m[256];

    for (int i = 0; i < len; i++)
        m[i] = (uint8_t)(7 * i + 1);
    return bytes_new(m, (size_t)len);
}

static mm_ref key_new(int type)
{
    mm_ref key = ok(mm_n_key_build, 3, type, 768, 0);

    (void)ok(mm_n_rsa_set_modulus, 4, key, hex_new(modulus), 0, SIG_LEN);
    (void)ok(mm_n_rsa_set_exponent, 4, key, hex_new(type == 5 ? exponent : "010001"), 0,
             type == 5 ? SIG_LEN : 3);
    return key;
}

static mm_ref signature(int alg, int mode)
{
    mm_ref sig = ok(mm_n_sign_get_instance, 2, alg, 0);

    (void)ok(mm_n_sign_init, 3, sig, key_new(mode == SIGN ? 5 : 4), mode);
    return sig;
}

static void whole_messages_sign_as_another_implementation_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        mm_ref sig = signature(vectors[i].alg, SIGN), out = bytes_new(NULL, SIG_LEN);
        int len = vectors[i].len, half = len / 2;

        (void)ok(mm_n_sign_update, 4, sig, message(len), 0, half);
        assert_int_equal(ok(mm_n_sign_sign, 6, sig, message(len), half, len - half, out, 0),
                         SIG_LEN);
        holds(out, 0, vectors[i].sig);
        /* the second message of the same object */
        (void)ok(mm_n_sign_sign, 6, sig, message(len), 0, len, out, 0);
        holds(out, 0, vectors[i].sig);
    }
}

static void whole_messages_verify_and_changed_ones_do_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        mm_ref sig = signature(vectors[i].alg, VERIFY), m = message(130);
        mm_ref good = hex_new(vectors[i].sig);
        int len = vectors[i].len;

        assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 0, len, good, 0, SIG_LEN), 1);
        assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 0, len + 1, good, 0, SIG_LEN), 0);
        assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 1, len, good, 0, SIG_LEN), len == 0);
        assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 0, len, good, 0, SIG_LEN - 1), 0);
        assert_int_equal(ok(mm_n_sign_verify, 7, sig, m, 0, len, m, 0, SIG_LEN), 0);
    }
}

/* ISO 9796-2 lets a signer give the smaller of the power and its complement. */
static void the_complement_of_a_signature_verifies_too(void **state)
{
    uint8_t n[SIG_LEN], s[SIG_LEN];
    size_t len = SIG_LEN;
    int borrow = 0;
    mm_ref sig = signature(vectors[1].alg, VERIFY);

    (void)state;
    assert_int_equal(mm_unhex(modulus, n, &len), MM_OK);
    assert_int_equal(mm_unhex(vectors[1].sig, s, &len), MM_OK);
    for (int i = SIG_LEN - 1; i >= 0; i--) {
        int d = n[i] - s[i] - borrow;
        borrow = d < 0;
        s[i] = (uint8_t)d;
    }
    assert_int_equal(
        ok(mm_n_sign_verify, 7, sig, message(11), 0, 11, bytes_new(s, SIG_LEN), 0, SIG_LEN), 1);
}

static void signing_tells_how_much_can_be_recovered(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        mm_ref sig = signature(vectors[i].recovery_alg, SIGN), out = bytes_new(NULL, SIG_LEN);
        mm_ref told = mm_vm_new_array(chip.vm, 12, 2, MM_PERSISTENT);
        int len = vectors[i].len, in = len < CAPACITY ? len : CAPACITY;
        const uint8_t *data;

        (void)ok(mm_n_recovery_update, 4, sig, message(len), 0, len / 2);
        assert_int_equal(
            ok(mm_n_recovery_sign, 8, sig, message(len), len / 2, len - len / 2, out, 0, told, 1),
            SIG_LEN);
        holds(out, 0, vectors[i].sig);
        assert_int_equal(mm_vm_array(chip.vm, told, 12, 1, 1, &data), MM_RUN_OK);
        assert_int_equal(data[0] | data[1] << 8, in);
        assert_int_equal(ok(mm_n_sign_get_length, 1, sig), SIG_LEN);
        assert_int_equal(ok(mm_n_sign_get_algorithm, 1, sig), vectors[i].recovery_alg);
    }
}

static void a_message_is_recovered_then_verified(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS; i++) {
        mm_ref sig = signature(vectors[i].recovery_alg, VERIFY), m = message(130);
        int len = vectors[i].len, in = len < CAPACITY ? len : CAPACITY;

        for (int wrong = 0; wrong < 2; wrong++) {
            mm_ref buffer = hex_new(vectors[i].sig);
            assert_int_equal(ok(mm_n_recovery_begin_verify, 4, sig, buffer, 0, SIG_LEN), in);
            assert_memory_equal(bytes_of(buffer), bytes_of(m), (size_t)in);
            (void)ok(mm_n_recovery_update, 4, sig, m, in, (len - in) / 2);
            assert_int_equal(ok(mm_n_recovery_verify, 4, sig, m, in + (len - in) / 2,
                                len - in - (len - in) / 2 + wrong),
                             !wrong);
        }
    }
}

static void recovery_signatures_are_another_class(void **state)
{
    mm_ref sig = ok(mm_n_sign_get_instance, 2, 30, 0);

    (void)state;
    assert_true(mm_vm_instance_of(chip.vm, sig, "javacard/security/SignatureMessageRecovery"));
    assert_true(mm_vm_instance_of(chip.vm, sig, "javacard/security/Signature"));
    assert_false(mm_vm_instance_of(chip.vm, ok(mm_n_sign_get_instance, 2, 9, 0),
                                   "javacard/security/SignatureMessageRecovery"));
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_sign_open, 3, 1, 3, 11);
}

/* SignatureMessageRecovery, each method: UNINITIALIZED_KEY, INVALID_INIT, ILLEGAL_USE */
static void recovery_methods_refuse_what_their_state_does_not_allow(void **state)
{
    mm_ref fresh = ok(mm_n_sign_get_instance, 2, 30, 0), m = message(100), told = m;
    mm_ref signing = signature(30, SIGN), verifying = signature(30, VERIFY);
    mm_ref buffer = hex_new(vectors[1].sig), key = key_new(4), cleared = signature(30, SIGN);

    (void)state;
    told = mm_vm_new_array(chip.vm, 12, 1, MM_PERSISTENT);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_begin_verify, 4, fresh, buffer, 0, 96);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_update, 4, fresh, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_sign, 8, fresh, m, 0, 1, buffer, 0, told,
           0);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_verify, 4, fresh, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_sign, 8, verifying, m, 0, 1, buffer, 0,
           told, 0);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_recovery_verify, 4, signing, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_recovery_begin_verify, 4, signing, buffer, 0, 96);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_recovery_begin_verify, 4, verifying, buffer, 0, 95);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_recovery_begin_verify, 4, verifying, m, 0, 96);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_recovery_update, 4, verifying, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_recovery_verify, 4, verifying, m, 0, 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_crypto_illegal_use, 1, fresh);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_sign_get_length, 1, fresh);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_sign_sign_pre_computed_hash, 6, signing, m, 0, 20,
           buffer, 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, fresh, key, SIGN);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, fresh, key, 3);
    (void)ok(mm_n_sign_init, 3, cleared, (key = key_new(5)), SIGN);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_recovery_sign, 8, cleared, m, 0, 1, buffer, 0,
           told, 0);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_init, 3, fresh, key, SIGN);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_sign_get_length, 1, cleared);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_recovery_update, 4, cleared, m, 0, 1);
    (void)ok(mm_n_sign_init, 3, cleared, (key = key_new(4)), VERIFY);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_recovery_begin_verify, 4, cleared, buffer, 0,
           96);
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_recovery_verify, 4, cleared, m, 0, 1);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_recovery_sign, 8, signing, m, 0, 1,
           buffer, 1, told, 0);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_recovery_sign, 8, signing, m, 0, 1,
           buffer, 0, told, 1);
    throws("java/lang/NullPointerException", 0, mm_n_recovery_begin_verify, 4, verifying, 0, 0, 96);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(whole_messages_sign_as_another_implementation_does),
        TEST(whole_messages_verify_and_changed_ones_do_not),
        TEST(the_complement_of_a_signature_verifies_too),
        TEST(signing_tells_how_much_can_be_recovered),
        TEST(a_message_is_recovered_then_verified),
        TEST(recovery_signatures_are_another_class),
        TEST(recovery_methods_refuse_what_their_state_does_not_allow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
