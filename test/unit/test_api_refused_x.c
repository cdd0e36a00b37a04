/* What javacard.security and javacardx throw: reasons that need a state of their own to be seen. */
#include "test/unit/api_fixture.h"

#include "applet_vm/api/cipher_int.h"
#include "applet_vm/api/sign_int.h"
#include "applet_vm/vm/vm_int.h"

#define BIO      "javacardx/biometry/BioException"
#define BIO1N    "javacardx/biometry1toN/Bio1toNException"
#define CRYPTO   "javacard/security/CryptoException"
#define SYSTEM   "javacard/framework/SystemException"
#define TLV      "javacardx/framework/tlv/TLVException"
#define SECURITY "java/lang/SecurityException"

/* CryptoException */
enum { UNINITIALIZED_KEY = 2, NO_SUCH_ALGORITHM, INVALID_INIT, ILLEGAL_USE };
/* KeyBuilder.TYPE_... */
enum { FP_PUBLIC = 11, FP_PRIVATE = 12, AES = 15 };
/* BioException and Bio1toNException */
enum { BIO_ILLEGAL_VALUE = 1, BIO_INVALID_DATA = 2, BIO_CAPACITY_EXCEEDED = 6 };
#define NO_RESOURCE          5 /* SystemException */
#define INSUFFICIENT_STORAGE 7 /* TLVException */
#define FINGERPRINT          3

static mm_ref object(const char *name)
{
    mm_ref ref = mm_vm_new_instance(chip.vm, name);

    assert_int_not_equal(ref, MM_REF_NULL);
    return ref;
}

static mm_ref aes_key(void)
{
    mm_ref key = ok(mm_n_key_build, 3, AES, 128, 0);

    (void)ok(mm_n_secret_set_key, 3, key, bytes_new("0123456789ABCDEF", 16), 0);
    return key;
}

/* ---- OneShot ---- */

static void one_shots_are_few_and_their_openers(void **state)
{
    mm_ref digest = ok(mm_n_digest_open, 1, 4), mid = ok(mm_n_digest_open_initialized, 1, 4);
    mm_ref random = ok(mm_n_random_open, 1, 2), sign = ok(mm_n_sign_open, 3, 4, 3, 1 + 6);
    mm_ref cipher = ok(mm_n_cipher_open, 2, 1, 1);
    const mm_ref all[] = {digest, mid, random, sign, cipher};

    (void)state;
    chip.vm->ctx = API_PACKAGE;
    for (size_t i = 0; i < 5; i++)
        throws(SECURITY, 0, mm_n_one_shot_close, 1, all[i]);
    chip.vm->ctx = 0;
    for (size_t i = 5; i < MM_API_SHOTS; i++)
        (void)ok(mm_n_digest_open, 1, 4);
    throws(SYSTEM, NO_RESOURCE, mm_n_digest_open, 1, 4);
    throws(SYSTEM, NO_RESOURCE, mm_n_digest_open_initialized, 1, 4);
    throws(SYSTEM, NO_RESOURCE, mm_n_random_open, 1, 2);
    throws(SYSTEM, NO_RESOURCE, mm_n_sign_open, 3, 4, 3, 7);
    throws(SYSTEM, NO_RESOURCE, mm_n_cipher_open, 2, 1, 1);
    for (size_t i = 0; i < 5; i++)
        (void)ok(mm_n_one_shot_close, 1, all[i]);
}

/* ---- Keys that were cleared after init ---- */

static void pairs_of_classes_that_are_no_keys_are_refused(void **state)
{
    mm_ref pair = object("javacard/security/KeyPair"), other = object("javacard/framework/AID");

    (void)state;
    throws(CRYPTO, NO_SUCH_ALGORITHM, mm_n_pair_init_keys, 3, pair, other, other);
}

static void signatures_see_that_their_key_was_cleared(void **state)
{
    mm_ref pair = object("javacard/security/KeyPair"), m = bytes_new(NULL, 100), priv, pub;
    mm_ref sign = ok(mm_n_sign_get_instance, 2, 33, 0),
           verify = ok(mm_n_sign_get_instance, 2, 33, 0);
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 18, 0), key = aes_key();

    (void)state;
    throws(CRYPTO, INVALID_INIT, mm_n_sign_get_length, 1, mac);
    (void)ok(mm_n_sign_init, 3, mac, key, MM_VERIFY);
    assert_int_equal(ok(mm_n_sign_get_length, 1, mac), 16);
    throws(CRYPTO, ILLEGAL_USE, mm_n_sign_verify_pre_computed_hash, 7, mac, m, 0, 32, m, 0, 16);
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    (void)ok(mm_n_pair_generate, 1, pair);
    priv = ok(mm_n_pair_get_private, 1, pair);
    pub = ok(mm_n_pair_get_public, 1, pair);
    (void)ok(mm_n_sign_init, 3, sign, priv, MM_SIGN);
    (void)ok(mm_n_sign_init, 3, verify, pub, MM_VERIFY);
    (void)ok(mm_n_key_clear, 1, priv);
    (void)ok(mm_n_key_clear, 1, pub);
    (void)ok(mm_n_key_clear, 1, key);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_get_length, 1, sign);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_get_length, 1, mac);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_update, 4, sign, m, 0, 1);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_sign, 6, sign, m, 0, 1, m, 0);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_sign_pre_computed_hash, 6, sign, m, 0, 32, m, 0);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_verify, 7, verify, m, 0, 1, m, 32, 64);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_sign_verify_pre_computed_hash, 7, verify, m, 0, 32, m,
           32, 64);
}

/* ILLEGAL_USE: a MAC without padding over part of a block, a hash that is longer than any, more than an
 * RSA modulus holds. */
static void messages_of_lengths_that_are_none_are_refused(void **state)
{
    mm_ref pair = object("javacard/security/KeyPair"), m = bytes_new(NULL, 200);
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 18, 0), rsa = ok(mm_n_cipher_get_instance, 2, 12, 0);
    mm_ref ecdsa = ok(mm_n_sign_get_instance_parts, 4, 0, 5, 0, 0);

    (void)state;
    (void)ok(mm_n_sign_init, 3, mac, aes_key(), MM_VERIFY);
    throws(CRYPTO, ILLEGAL_USE, mm_n_sign_verify, 7, mac, m, 0, 15, m, 0, 16);
    (void)ok(mm_n_pair_init, 3, pair, 5, 256);
    (void)ok(mm_n_pair_generate, 1, pair);
    (void)ok(mm_n_sign_init, 3, ecdsa, ok(mm_n_pair_get_private, 1, pair), MM_SIGN);
    throws(CRYPTO, ILLEGAL_USE, mm_n_sign_update, 4, ecdsa, m, 0, 65);
    (void)ok(mm_n_pair_init, 3, pair, 1, 512);
    (void)ok(mm_n_pair_generate, 1, pair);
    (void)ok(mm_n_cipher_init, 3, rsa, ok(mm_n_pair_get_public, 1, pair), MM_ENCRYPT);
    throws(CRYPTO, ILLEGAL_USE, mm_n_cipher_update, 6, rsa, m, 0, 65, m, 0);
}

static void ciphers_with_an_iv_want_a_key_that_is_set(void **state)
{
    mm_ref cipher = ok(mm_n_cipher_get_instance, 2, 13, 0), iv = bytes_new(NULL, 16);
    mm_ref empty = ok(mm_n_key_build, 3, AES, 128, 0);

    (void)state;
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_init_iv, 6, cipher, empty, MM_ENCRYPT, iv, 0, 16);
    throws(CRYPTO, UNINITIALIZED_KEY, mm_n_cipher_init_iv, 6, cipher, 0, MM_ENCRYPT, iv, 0, 16);
}

/* ---- Biometry ---- */

static void matchers_refuse_limits_that_are_none(void **state)
{
    mm_ref rid = bytes_new("\xF0MINT", 5);

    (void)state;
    throws(BIO1N, BIO_ILLEGAL_VALUE, mm_n_bio_build_matcher, 5, 0, FINGERPRINT, 3, rid, 0);
    throws(BIO1N, BIO_ILLEGAL_VALUE, mm_n_bio_build_matcher, 5, 1, FINGERPRINT, 0, rid, 0);
    throws(BIO1N, BIO_CAPACITY_EXCEEDED, mm_n_bio_build_matcher, 5, 65, FINGERPRINT, 3, rid, 0);
}

static void template_data_are_at_most_32767_bytes_and_not_empty(void **state)
{
    mm_ref data = ok(mm_n_bio_build_data_default, 1, FINGERPRINT), part = bytes_new(NULL, 0x4000);
    mm_ref bio = ok(mm_n_bio_build_default, 2, FINGERPRINT, 3);

    (void)state;
    (void)ok(mm_n_bio_init, 4, data, part, 0, 0);
    throws(BIO1N, BIO_INVALID_DATA, mm_n_bio_do_final, 1, data);
    (void)ok(mm_n_bio_init, 4, data, part, 0, 0x4000);
    throws(BIO1N, BIO_INVALID_DATA, mm_n_bio_update, 4, data, part, 0, 0x4000);
    (void)ok(mm_n_bio_init, 4, bio, part, 0, 0);
    throws(BIO, BIO_INVALID_DATA, mm_n_bio_do_final, 1, bio);
    (void)ok(mm_n_bio_init, 4, bio, part, 0, 0x4000);
    throws(BIO, BIO_INVALID_DATA, mm_n_bio_update, 4, bio, part, 0, 0x4000);
}

static void candidates_longer_than_any_pattern_are_invalid(void **state)
{
    mm_ref data = ok(mm_n_bio_build_data_default, 1, FINGERPRINT), bytes = bytes_new("12345", 5);
    mm_ref matcher = ok(mm_n_bio_build_matcher_default, 3, 1, FINGERPRINT, 3);

    (void)state;
    (void)ok(mm_n_bio_init, 4, data, bytes, 0, 4);
    (void)ok(mm_n_bio_do_final, 1, data);
    (void)ok(mm_n_bio_put_data, 3, matcher, 0, data);
    throws(BIO1N, BIO_INVALID_DATA, mm_n_bio_init_match, 4, matcher, bytes, 0, 5);
    (void)ok(mm_n_bio_init_match, 4, matcher, bytes, 0, 2);
    throws(BIO1N, BIO_INVALID_DATA, mm_n_bio_match, 4, matcher, bytes, 2, 3);
}

static void template_data_of_another_context_are_refused(void **state)
{
    mm_ref matcher = ok(mm_n_bio_build_matcher_default, 3, 1, FINGERPRINT, 3), data;

    (void)state;
    assert_int_equal(
        mm_comp_add(chip.nvm, API_APPLET, MM_COMP_APPLET, &(struct mm_aid){5, {0xF2, 1}}), MM_OK);
    chip.vm->owner = API_APPLET;
    data = ok(mm_n_bio_build_data_default, 1, FINGERPRINT);
    chip.vm->ctx = API_PACKAGE;
    throws(SECURITY, 0, mm_n_bio_put_data, 3, matcher, 0, data);
}

/* ---- Memory ---- */

/* Leave no room in persistent memory. */
static void use_up_memory(void)
{
    static const uint16_t sizes[] = {0x7FFF, 1024, 64, 8, 1};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        while (mm_vm_new_array(chip.vm, MM_TYPE_BYTE_ARRAY, sizes[i], MM_PERSISTENT) != 0) {
        }
    }
}

static void tlvs_that_find_no_memory_say_so(void **state)
{
    mm_ref prim = object("javacardx/framework/tlv/PrimitiveBERTLV"), bytes = hex_new("80020102");
    mm_ref cons = object("javacardx/framework/tlv/ConstructedBERTLV"), set = hex_new("A0020500");
    mm_ref tag = object("javacardx/framework/tlv/PrimitiveBERTag"), big = bytes_new(NULL, 0x7FFD);
    mm_ref cons_tag = object("javacardx/framework/tlv/ConstructedBERTag");

    (void)state;
    (void)ok(mm_n_bertag_primitive_init, 3, tag, 2, 0);
    (void)ok(mm_n_bertag_constructed_init, 3, cons_tag, 2, 0);
    (void)ok(mm_n_bertlv_init_capacity, 2, prim, 0);
    (void)ok(mm_n_bertlv_init_capacity, 2, cons, 0);
    (void)ok(mm_n_bertlv_init_bytes, 4, prim, bytes, 0, 4);
    /* what would be longer than a TLV can be */
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_init_value, 5, prim, tag, big, 0, 0x7FFD);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_replace_value, 4, prim, big, 0, 0x7FFD);
    use_up_memory();
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_init_bytes, 4, prim, bytes, 0, 4);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_init_bytes, 4, cons, set, 0, 4);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_init_part, 3, cons, cons_tag, prim);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_init_value, 5, cons, cons_tag, set, 2, 2);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_replace_value, 4, prim, big, 0, 0x7000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_shots_are_few_and_their_openers),
        TEST(pairs_of_classes_that_are_no_keys_are_refused),
        TEST(signatures_see_that_their_key_was_cleared),
        TEST(messages_of_lengths_that_are_none_are_refused),
        TEST(ciphers_with_an_iv_want_a_key_that_is_set),
        TEST(matchers_refuse_limits_that_are_none),
        TEST(template_data_are_at_most_32767_bytes_and_not_empty),
        TEST(candidates_longer_than_any_pattern_are_invalid),
        TEST(template_data_of_another_context_are_refused),
        TEST(tlvs_that_find_no_memory_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
