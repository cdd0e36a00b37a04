/* javacardx.biometry and javacardx.biometry1toN: templates, matchers and their data. */
#include "test/unit/api_fixture.h"

#define INDEX        "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"
#define BIO          "javacardx/biometry/BioException"
#define BIO1N        "javacardx/biometry1toN/Bio1toNException"
#define FINGERPRINT  3
#define PASSWORD     31
#define MATCH        16384
#define MORE         0xFFFF

enum {
    ILLEGAL_VALUE = 1,
    INVALID_DATA,
    UNSUPPORTED,
    NOT_ENROLLED,
    ILLEGAL_USE,
    CAPACITY_EXCEEDED,
    MISMATCHED_TYPE
};

static void enrol(mm_ref bio, const char *hex)
{
    (void)ok(mm_n_bio_init, 4, bio, hex_new(hex), 0, (int)strlen(hex) / 2);
    (void)ok(mm_n_bio_do_final, 1, bio);
}

static mm_ref template_new(int type, const char *hex)
{
    mm_ref bio = ok(mm_n_bio_build_default, 2, type, 3);

    enrol(bio, hex);
    return bio;
}

static uint16_t tried(mm_native fn, mm_ref bio, const char *hex)
{
    return ok(fn, 4, bio, hex_new(hex), 0, (int)strlen(hex) / 2);
}

static uint16_t tries(mm_ref bio)
{
    return ok(mm_n_bio_tries, 1, bio);
}

static uint16_t validated(mm_ref bio)
{
    return ok(mm_n_bio_is_validated, 1, bio);
}

/* ---- Building ---- */

static void every_type_is_built_and_others_are_refused(void **state)
{
    mm_ref rid = hex_new("F04D494E54"), other = hex_new("A000000062"), out = bytes_new(NULL, 5);

    (void)state;
    for (int type = 1; type <= 31; type++) {
        if (type > 18 && type != PASSWORD) {
            throws(BIO, UNSUPPORTED, mm_n_bio_build_default, 2, type, 3);
            throws(BIO1N, UNSUPPORTED, mm_n_bio_build_data_default, 1, type);
            throws(BIO1N, UNSUPPORTED, mm_n_bio_build_matcher_default, 3, 1, type, 3);
            continue;
        }
        assert_int_equal(ok(mm_n_bio_type, 1, ok(mm_n_bio_build, 4, type, 3, rid, 0)), type);
        assert_int_equal(ok(mm_n_bio_reference_type, 1, ok(mm_n_bio_build_data, 2, type, rid)),
                         type);
        assert_int_equal(ok(mm_n_bio_type, 1, ok(mm_n_bio_build_matcher, 5, 1, type, 3, rid, 0)),
                         type);
    }
    throws(BIO, UNSUPPORTED, mm_n_bio_build, 4, FINGERPRINT, 3, other, 0);
    throws(BIO1N, UNSUPPORTED, mm_n_bio_build_data, 2, FINGERPRINT, other);
    throws(BIO1N, UNSUPPORTED, mm_n_bio_build_matcher, 5, 1, FINGERPRINT, 3, other, 0);
    throws(BIO, ILLEGAL_VALUE, mm_n_bio_build_default, 2, FINGERPRINT, 0);
    throws(BIO1N, ILLEGAL_VALUE, mm_n_bio_build_matcher_default, 3, 1, FINGERPRINT, 0);
    throws(BIO1N, ILLEGAL_VALUE, mm_n_bio_build_matcher_default, 3, 0, FINGERPRINT, 3);
    throws(BIO1N, CAPACITY_EXCEEDED, mm_n_bio_build_matcher_default, 3, 65, FINGERPRINT, 3);
    assert_int_equal(ok(mm_n_bio_version, 3, template_new(PASSWORD, "01"), out, 1), 4);
    holds(out, 1, "4D4D0101");
    throws(INDEX, 0, mm_n_bio_version, 3, template_new(FINGERPRINT, "01"), out, 2);
    throws(NULL_POINTER, 0, mm_n_bio_version, 3, template_new(FINGERPRINT, "01"), 0, 2);
}

/* ---- Enrolment ---- */

static void enrolment_goes_init_update_final(void **state)
{
    mm_ref bio = ok(mm_n_bio_build_default, 2, FINGERPRINT, 3);

    (void)state;
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, bio), 0);
    throws(BIO, ILLEGAL_USE, mm_n_bio_update, 4, bio, hex_new("01"), 0, 1);
    throws(BIO, ILLEGAL_USE, mm_n_bio_do_final, 1, bio);
    (void)tried(mm_n_bio_init, bio, "0102");
    (void)tried(mm_n_bio_update, bio, "03040506070809");
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, bio), 0);
    (void)ok(mm_n_bio_do_final, 1, bio);
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, bio), 1);
    throws(BIO, ILLEGAL_USE, mm_n_bio_update, 4, bio, hex_new("01"), 0, 1);
    throws(BIO, ILLEGAL_USE, mm_n_bio_do_final, 1, bio);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "010203040506070809"), 32767);
    (void)tried(mm_n_bio_init, bio, "FF"); /* anew: not validated, not enrolled */
    assert_int_equal(validated(bio), 0);
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, bio), 0);
    throws(INDEX, 0, mm_n_bio_init, 4, bio, hex_new("01"), 0, 2);
    throws(NULL_POINTER, 0, mm_n_bio_update, 4, bio, 0, 0, 2);
    (void)ok(mm_n_bio_init, 4, bio, hex_new("01"), 0, 0);
    throws(BIO, INVALID_DATA, mm_n_bio_do_final, 1, bio);
}

static void a_reference_is_at_most_32767_bytes(void **state)
{
    mm_ref bio = ok(mm_n_bio_build_default, 2, FINGERPRINT, 3), big = bytes_new(NULL, 0x4000);

    (void)state;
    (void)ok(mm_n_bio_init, 4, bio, big, 0, 0x4000);
    throws(BIO, INVALID_DATA, mm_n_bio_update, 4, bio, big, 0, 0x4000);
    (void)ok(mm_n_bio_update, 4, bio, big, 0, 0x3FFF);
    (void)ok(mm_n_bio_do_final, 1, bio);
}

static void nothing_is_matched_before_enrolment(void **state)
{
    mm_ref bio = ok(mm_n_bio_build_default, 2, FINGERPRINT, 3), out = bytes_new(NULL, 4);

    (void)state;
    throws(BIO, NOT_ENROLLED, mm_n_bio_tries, 1, bio);
    throws(BIO, NOT_ENROLLED, mm_n_bio_init_match, 4, bio, out, 0, 4);
    throws(BIO, NOT_ENROLLED, mm_n_bio_match, 4, bio, out, 0, 4);
    throws(BIO, NOT_ENROLLED, mm_n_bio_public, 5, bio, 0, out, 0, 4);
}

static void public_data_is_given_and_not_matched(void **state)
{
    mm_ref bio = ok(mm_n_bio_build, 4, FINGERPRINT, 3, 0, 3), out = bytes_new(NULL, 4);

    (void)state;
    throws(BIO, ILLEGAL_VALUE, mm_n_bio_build, 4, FINGERPRINT, 3, 0, -1);
    enrol(bio, "AABBCC0102");
    assert_int_equal(ok(mm_n_bio_public, 5, bio, 1, out, 0, 4), 2);
    holds(out, 0, "BBCC00");
    assert_int_equal(ok(mm_n_bio_public, 5, bio, 0, out, 2, 1), 1);
    holds(out, 0, "BBCCAA");
    assert_int_equal(ok(mm_n_bio_public, 5, bio, 3, out, 0, 4), 0);
    assert_int_equal(ok(mm_n_bio_public, 5, template_new(FINGERPRINT, "AA"), 0, out, 0, 4), 0);
    throws(INDEX, 0, mm_n_bio_public, 5, bio, 0, out, 1, 4);
    throws(NULL_POINTER, 0, mm_n_bio_public, 5, bio, 0, 0, 0, 4);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "0102"), 32767);
}

/* ---- Matching ---- */

static void a_password_matches_when_it_is_equal(void **state)
{
    mm_ref bio = template_new(PASSWORD, "31323334");

    (void)state;
    assert_int_equal(tried(mm_n_bio_init_match, bio, "31323335"), 0);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "313233"), 0);
    assert_int_equal(tries(bio), 1);
    throws(BIO, ILLEGAL_USE, mm_n_bio_match, 4, bio, hex_new("34"), 0, 1);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "31323334"), 32767);
    assert_int_equal(validated(bio), 1);
    assert_int_equal(tries(bio), 3);
    (void)ok(mm_n_bio_reset, 1, bio);
    assert_int_equal(validated(bio), 0);
    assert_int_equal(tries(bio), 3);
}

static void a_pattern_matches_with_one_bit_in_eight_different(void **state)
{
    mm_ref bio = template_new(FINGERPRINT, "0000000000000000");

    (void)state;
    assert_int_equal(tried(mm_n_bio_init_match, bio, "0000000000000000"), 32767);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "0101010101010101"), MATCH);
    assert_int_equal(validated(bio), 1);
    assert_true(tried(mm_n_bio_init_match, bio, "0101010101010103") < MATCH);
    assert_int_equal(validated(bio), 0);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "FFFFFFFFFFFFFFFF"), 0);
    assert_int_equal(tries(bio), 1);
}

static void a_candidate_comes_in_parts(void **state)
{
    mm_ref bio = template_new(FINGERPRINT, "01020304");

    (void)state;
    assert_int_equal(tried(mm_n_bio_init_match, bio, "01"), MORE);
    assert_int_equal(validated(bio), 0);
    assert_int_equal(tries(bio), 2);
    assert_int_equal(tried(mm_n_bio_match, bio, "0203"), MORE);
    assert_int_equal(tried(mm_n_bio_match, bio, "04"), 32767);
    assert_int_equal(validated(bio), 1);
    assert_int_equal(tries(bio), 3);
    throws(BIO, ILLEGAL_USE, mm_n_bio_match, 4, bio, hex_new("04"), 0, 1);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "0102"), MORE);
    throws(BIO, INVALID_DATA, mm_n_bio_match, 4, bio, hex_new("030405"), 0, 3);
    throws(BIO, ILLEGAL_USE, mm_n_bio_match, 4, bio, hex_new("0304"), 0, 2);
    throws(BIO, INVALID_DATA, mm_n_bio_init_match, 4, bio, hex_new("0102030405"), 0, 5);
    assert_int_equal(tries(bio), 1);
}

static void no_tries_left_block_until_the_owner_unblocks(void **state)
{
    mm_ref bio = template_new(PASSWORD, "31");

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tried(mm_n_bio_init_match, bio, "32"), 0);
    assert_int_equal(tries(bio), 0);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "31"), 0); /* blocked */
    assert_int_equal(validated(bio), 0);
    throws(BIO, ILLEGAL_VALUE, mm_n_bio_set_try_limit, 2, bio, 0);
    (void)ok(mm_n_bio_set_try_limit, 2, bio, 5);
    assert_int_equal(tries(bio), 5);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "31"), 32767);
    assert_int_equal(tries(bio), 5);
    (void)tried(mm_n_bio_init_match, bio, "32");
    enrol(bio, "33"); /* enrolment unblocks, too */
    assert_int_equal(tries(bio), 5);
}

static void a_try_stays_used_after_an_exception_and_an_abort(void **state)
{
    mm_ref bio = template_new(FINGERPRINT, "0102");

    (void)state;
    throws(INDEX, 0, mm_n_bio_init_match, 4, bio, hex_new("01"), 0, 2);
    assert_int_equal(tries(bio), 2);
    (void)ok(mm_n_sys_begin_transaction, 0);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "FFFF"), 0);
    (void)ok(mm_n_sys_abort_transaction, 0);
    assert_int_equal(tries(bio), 1);
}

static void templates_live_in_the_image_and_validation_ends_with_the_session(void **state)
{
    mm_ref bio = template_new(PASSWORD, "31");

    (void)state;
    (void)tried(mm_n_bio_init_match, bio, "31");
    mm_vm_reset(chip.vm);
    assert_int_equal(validated(bio), 0);
    (void)tried(mm_n_bio_init_match, bio, "32");
    mm_vm_free(&chip.vm);
    chip_power_on();
    assert_int_equal(tries(bio), 2);
    assert_int_equal(tried(mm_n_bio_init_match, bio, "31"), 32767);
}

/* ---- 1 to n ---- */

static mm_ref data_new(int type, const char *hex)
{
    mm_ref data = ok(mm_n_bio_build_data_default, 1, type);

    enrol(data, hex);
    return data;
}

static void a_matcher_finds_the_best_of_its_references(void **state)
{
    mm_ref m = ok(mm_n_bio_build_matcher_default, 3, 4, FINGERPRINT, 3), b;

    (void)state;
    assert_int_equal(ok(mm_n_bio_max, 1, m), 4);
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, m), 0);
    throws(BIO1N, NOT_ENROLLED, mm_n_bio_tries, 1, m);
    throws(BIO1N, NOT_ENROLLED, mm_n_bio_init_match, 4, m, hex_new("01"), 0, 1);
    throws(BIO1N, NOT_ENROLLED, mm_n_bio_match, 4, m, hex_new("01"), 0, 1);
    throws(BIO1N, ILLEGAL_USE, mm_n_bio_last_index, 1, m);
    (void)ok(mm_n_bio_put_data, 3, m, 0, data_new(FINGERPRINT, "FFFFFFFFFFFFFFFF"));
    b = data_new(FINGERPRINT, "0000000000000001");
    (void)ok(mm_n_bio_put_data, 3, m, 2, b);
    (void)ok(mm_n_bio_put_data, 3, m, 3, data_new(FINGERPRINT, "00000000000000FF"));
    assert_int_equal(ok(mm_n_bio_is_initialized, 1, m), 1);
    assert_true(tried(mm_n_bio_init_match, m, "0000000000000000") > MATCH);
    assert_int_equal(ok(mm_n_bio_last_index, 1, m), 2);
    assert_int_equal(validated(m), 1);
    assert_int_equal(ok(mm_n_bio_get_data, 2, m, 2), b);
    assert_int_equal(ok(mm_n_bio_get_data, 2, m, 1), 0);
    assert_int_equal(ok(mm_n_bio_get_data, 2, m, 4), 0);
    assert_int_equal(ok(mm_n_bio_get_data, 2, m, -1), 0);
    (void)ok(mm_n_bio_reset, 1, m);
    throws(BIO1N, ILLEGAL_USE, mm_n_bio_last_index, 1, m);
    assert_true(tried(mm_n_bio_init_match, m, "0F0F0F0F0F0F0F0F") < MATCH);
    assert_int_equal(tries(m), 2);
}

static void references_of_different_lengths_match_each_at_its_own(void **state)
{
    mm_ref m = ok(mm_n_bio_build_matcher_default, 3, 2, FINGERPRINT, 3);

    (void)state;
    (void)ok(mm_n_bio_put_data, 3, m, 0, data_new(FINGERPRINT, "0102"));
    (void)ok(mm_n_bio_put_data, 3, m, 1, data_new(FINGERPRINT, "F1F2F3"));
    assert_int_equal(tried(mm_n_bio_init_match, m, "F1F2"), MORE);
    assert_int_equal(tried(mm_n_bio_match, m, "F3"), 32767);
    assert_int_equal(ok(mm_n_bio_last_index, 1, m), 1);
    assert_int_equal(tried(mm_n_bio_init_match, m, "0102"), 32767);
    assert_int_equal(ok(mm_n_bio_last_index, 1, m), 0);
    assert_int_equal(tried(mm_n_bio_init_match, m, "01"), MORE);
    (void)ok(mm_n_bio_put_data, 3, m, 1, 0); /* ends the session */
    throws(BIO1N, ILLEGAL_USE, mm_n_bio_match, 4, m, hex_new("02"), 0, 1);
    throws(BIO1N, INVALID_DATA, mm_n_bio_init_match, 4, m, hex_new("010203"), 0, 3);
    (void)ok(mm_n_bio_set_try_limit, 2, m, 1);
    assert_int_equal(tries(m), 1);
    throws(BIO1N, ILLEGAL_VALUE, mm_n_bio_set_try_limit, 2, m, -1);
}

static void a_matcher_takes_only_ready_data_of_its_type(void **state)
{
    mm_ref m = ok(mm_n_bio_build_matcher_default, 3, 2, FINGERPRINT, 3);
    mm_ref blank = ok(mm_n_bio_build_data_default, 1, FINGERPRINT), data;

    (void)state;
    data = data_new(FINGERPRINT, "0102");
    throws(BIO1N, NOT_ENROLLED, mm_n_bio_put_data, 3, m, 0, blank);
    throws(BIO1N, MISMATCHED_TYPE, mm_n_bio_put_data, 3, m, 0, data_new(PASSWORD, "01"));
    throws(BIO1N, ILLEGAL_VALUE, mm_n_bio_put_data, 3, m, 2, data);
    throws(BIO1N, ILLEGAL_VALUE, mm_n_bio_put_data, 3, m, -1, data);
    throws(BIO1N, NOT_ENROLLED, mm_n_bio_public, 5, blank, 0, bytes_new(NULL, 1), 0, 1);
    throws(BIO1N, ILLEGAL_USE, mm_n_bio_update, 4, blank, hex_new("01"), 0, 1);
    throws(BIO1N, ILLEGAL_USE, mm_n_bio_do_final, 1, blank);
    assert_int_equal(ok(mm_n_bio_reference_ready, 1, blank), 0);
    assert_int_equal(ok(mm_n_bio_reference_ready, 1, data), 1);
    (void)ok(mm_n_bio_put_data, 3, m, 0, data);
    enrol(data, "0A0B"); /* kept by reference */
    assert_int_equal(tried(mm_n_bio_init_match, m, "0A0B"), 32767);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_is_built_and_others_are_refused),
        TEST(enrolment_goes_init_update_final),
        TEST(a_reference_is_at_most_32767_bytes),
        TEST(nothing_is_matched_before_enrolment),
        TEST(public_data_is_given_and_not_matched),
        TEST(a_password_matches_when_it_is_equal),
        TEST(a_pattern_matches_with_one_bit_in_eight_different),
        TEST(a_candidate_comes_in_parts),
        TEST(no_tries_left_block_until_the_owner_unblocks),
        TEST(a_try_stays_used_after_an_exception_and_an_abort),
        TEST(templates_live_in_the_image_and_validation_ends_with_the_session),
        TEST(a_matcher_finds_the_best_of_its_references),
        TEST(references_of_different_lengths_match_each_at_its_own),
        TEST(a_matcher_takes_only_ready_data_of_its_type),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
