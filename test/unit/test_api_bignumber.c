/* javacardx.framework.math.BigNumber */
#include "test/unit/api_fixture.h"

#define ARITHMETIC   "java/lang/ArithmeticException"
#define INDEX        "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"
#define BCD          1
#define HEX          2

static mm_ref big_new(int max_bytes)
{
    mm_ref big = mm_vm_new_instance(chip.vm, "javacardx/framework/math/BigNumber");

    (void)ok(mm_n_big_init, 2, big, max_bytes);
    return big;
}

/* An operation with a number in hexadecimal bytes. */
static void with(mm_native fn, mm_ref big, const char *bytes, int format)
{
    (void)ok(fn, 5, big, hex_new(bytes), 0, (int)strlen(bytes) / 2, format);
}

static void refuses(mm_native fn, mm_ref big, const char *bytes, int format)
{
    throws(ARITHMETIC, 0, fn, 5, big, hex_new(bytes), 0, (int)strlen(bytes) / 2, format);
}

/* The number in as many bytes as expected has. */
static void is(mm_ref big, const char *expected, int format)
{
    mm_ref out = bytes_new(NULL, 64);

    (void)ok(mm_n_big_to_bytes, 5, big, out, 1, (int)strlen(expected) / 2, format);
    holds(out, 1, expected);
}

static void numbers_are_computed_in_both_formats(void **state)
{
    mm_ref big = big_new(8);

    (void)state;
    is(big, "0000", HEX);
    with(mm_n_big_set, big, "00001234", BCD);
    is(big, "04D2", HEX);
    with(mm_n_big_add, big, "FFFF", HEX);
    is(big, "00066769", BCD);
    with(mm_n_big_multiply, big, "0100", BCD);
    is(big, "06676900", BCD);
}

static void a_number_below_zero_is_refused_and_nothing_changes(void **state)
{
    mm_ref big = big_new(2);

    (void)state;
    with(mm_n_big_set, big, "10", HEX);
    refuses(mm_n_big_subtract, big, "11", HEX);
    is(big, "10", HEX);
    with(mm_n_big_subtract, big, "10", HEX);
    is(big, "00", HEX);
}

static void a_number_keeps_within_its_bytes_and_its_maximum(void **state)
{
    mm_ref big = big_new(2);

    (void)state;
    refuses(mm_n_big_set, big, "010000", HEX);
    with(mm_n_big_set, big, "00FFFF", HEX);
    refuses(mm_n_big_add, big, "01", HEX);
    refuses(mm_n_big_multiply, big, "02", HEX);
    is(big, "FFFF", HEX);
    refuses(mm_n_big_set_maximum, big, "1000", HEX); /* below the number it has */
    with(mm_n_big_set, big, "0999", BCD);
    with(mm_n_big_set_maximum, big, "1000", BCD);
    with(mm_n_big_add, big, "01", BCD);
    refuses(mm_n_big_add, big, "01", BCD);
    is(big, "1000", BCD);
    refuses(mm_n_big_set_maximum, big, "010000", HEX); /* more than its bytes hold */
}

static void numbers_compare_with_numbers_and_bytes(void **state)
{
    mm_ref a = big_new(8), b = big_new(32), bytes = hex_new("0100FF");

    (void)state;
    with(mm_n_big_set, a, "0100", HEX);
    with(mm_n_big_set, b, "0101", HEX);
    assert_int_equal(ok(mm_n_big_compare, 2, a, b), 0xFFFF);
    assert_int_equal(ok(mm_n_big_compare, 2, b, a), 1);
    assert_int_equal(ok(mm_n_big_compare, 2, a, a), 0);
    assert_int_equal(ok(mm_n_big_compare_bytes, 5, a, bytes, 0, 2, HEX), 0);
    assert_int_equal(ok(mm_n_big_compare_bytes, 5, a, bytes, 0, 3, HEX), 0xFFFF);
    assert_int_equal(ok(mm_n_big_compare_bytes, 5, a, bytes, 0, 2, BCD), 1);
    throws(NULL_POINTER, 0, mm_n_big_compare, 2, a, 0);
    throws(NULL_POINTER, 0, mm_n_big_compare_bytes, 5, a, 0, 0, 2, HEX);
    throws(INDEX, 0, mm_n_big_compare_bytes, 5, a, bytes, 2, 2, HEX);
    throws(ARITHMETIC, 0, mm_n_big_compare_bytes, 5, a, bytes, 2, 1, BCD);
}

static void a_number_tells_how_many_bytes_it_needs(void **state)
{
    mm_ref big = big_new(32), out = bytes_new(NULL, 4);

    (void)state;
    assert_int_equal(ok(mm_n_big_byte_length, 2, big, HEX), 1);
    assert_int_equal(ok(mm_n_big_byte_length, 2, big, BCD), 1);
    with(mm_n_big_set, big, "FFFF", HEX); /* 65535 */
    assert_int_equal(ok(mm_n_big_byte_length, 2, big, HEX), 2);
    assert_int_equal(ok(mm_n_big_byte_length, 2, big, BCD), 3);
    throws(ARITHMETIC, 0, mm_n_big_byte_length, 2, big, 3);
    throws(ARITHMETIC, 0, mm_n_big_to_bytes, 5, big, out, 0, 2, BCD);
    throws(ARITHMETIC, 0, mm_n_big_to_bytes, 5, big, out, 0, 1, HEX);
    throws(ARITHMETIC, 0, mm_n_big_to_bytes, 5, big, out, 0, 0, HEX);
    throws(ARITHMETIC, 0, mm_n_big_to_bytes, 5, big, out, 0, 3, 0);
    throws(INDEX, 0, mm_n_big_to_bytes, 5, big, out, 0, 5, HEX);
    throws(INDEX, 0, mm_n_big_to_bytes, 5, big, out, 0, -1, HEX);
    throws(NULL_POINTER, 0, mm_n_big_to_bytes, 5, big, 0, 0, 3, HEX);
    assert_int_equal(ok(mm_n_big_max_bytes, 0), 256);
}

static void what_is_no_number_is_refused(void **state)
{
    static const mm_native operations[] = {mm_n_big_set, mm_n_big_add, mm_n_big_subtract,
                                           mm_n_big_multiply, mm_n_big_set_maximum};
    mm_ref big = big_new(8), bytes = hex_new("1A");

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        throws(ARITHMETIC, 0, operations[i], 5, big, bytes, 0, 1, BCD);
        throws(ARITHMETIC, 0, operations[i], 5, big, bytes, 0, 1, 3);
        throws(ARITHMETIC, 0, operations[i], 5, big, bytes, 0, 0, HEX);
        throws(INDEX, 0, operations[i], 5, big, bytes, 0, 2, HEX);
        throws(INDEX, 0, operations[i], 5, big, bytes, 0, -1, HEX);
        throws(NULL_POINTER, 0, operations[i], 5, big, 0, 0, 1, HEX);
    }
    throws(ARITHMETIC, 0, mm_n_big_init, 2, big, 0);
    throws(ARITHMETIC, 0, mm_n_big_init, 2, big, -1);
    throws(ARITHMETIC, 0, mm_n_big_init, 2, big, 257);
}

static void a_number_lives_in_the_image_and_follows_transactions(void **state)
{
    mm_ref big = big_new(8);

    (void)state;
    with(mm_n_big_set, big, "1234", BCD);
    (void)ok(mm_n_sys_begin_transaction, 0);
    with(mm_n_big_add, big, "01", BCD);
    is(big, "1235", BCD);
    (void)ok(mm_n_sys_abort_transaction, 0);
    is(big, "1234", BCD);
    mm_vm_free(&chip.vm);
    chip_power_on();
    is(big, "1234", BCD);
    (void)ok(mm_n_big_reset, 1, big);
    is(big, "00", BCD);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(numbers_are_computed_in_both_formats),
        TEST(a_number_below_zero_is_refused_and_nothing_changes),
        TEST(a_number_keeps_within_its_bytes_and_its_maximum),
        TEST(numbers_compare_with_numbers_and_bytes),
        TEST(a_number_tells_how_many_bytes_it_needs),
        TEST(what_is_no_number_is_refused),
        TEST(a_number_lives_in_the_image_and_follows_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
