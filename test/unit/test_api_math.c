/* BCDUtil, ParityBit and JCint. */
#include "test/unit/api_fixture.h"

#define ARITHMETIC "java/lang/ArithmeticException"
#define INDEX      "java/lang/ArrayIndexOutOfBoundsException"

static void bcd_and_binary_are_the_same_number(void **state)
{
    static const struct {
        const char *bcd, *hex;
    } pairs[] = {{"00", "00"},
                 {"99", "63"},
                 {"0256", "0100"},
                 {"65535", "FFFF"},
                 {"18446744073709551615", "FFFFFFFFFFFFFFFF"}};
    mm_ref out = bytes_new(NULL, 32);

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char even[32] = "0";
        int bcd_len, hex_len = (int)strlen(pairs[i].hex) / 2;
        strcpy(even + strlen(pairs[i].bcd) % 2, pairs[i].bcd);
        bcd_len = (int)strlen(even) / 2;
        assert_int_equal(ok(mm_n_bcd_to_hex, 5, hex_new(even), 0, bcd_len, out, 0), hex_len);
        holds(out, 0, pairs[i].hex);
        assert_int_equal(ok(mm_n_bcd_to_bcd, 5, hex_new(pairs[i].hex), 0, hex_len, out, 0),
                         bcd_len);
        holds(out, 0, even);
    }
}

static void what_is_no_bcd_is_refused(void **state)
{
    mm_ref bad = hex_new("1A"), out = bytes_new(NULL, 4), big = bytes_new(NULL, 33);
    mm_ref ones = hex_new("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");

    (void)state;
    assert_int_equal(ok(mm_n_bcd_is_bcd, 3, bad, 0, 1), 0);
    assert_int_equal(ok(mm_n_bcd_is_bcd, 3, hex_new("99"), 0, 1), 1);
    throws(ARITHMETIC, 0, mm_n_bcd_to_hex, 5, bad, 0, 1, out, 0);
    throws(ARITHMETIC, 0, mm_n_bcd_to_hex, 5, bad, 0, 0, out, 0);
    throws(ARITHMETIC, 0, mm_n_bcd_to_hex, 5, big, 0, 33, out, 0);
    throws(ARITHMETIC, 0, mm_n_bcd_to_bcd, 5, ones, 0, 32, out, 0);
    throws(INDEX, 0, mm_n_bcd_is_bcd, 3, bad, 0, 2);
    throws(ARITHMETIC, 0, mm_n_bcd_is_bcd, 3, bad, 0, 0);
}

static void parity_is_in_the_lowest_bit(void **state)
{
    mm_ref bytes = hex_new("0001FEFF0302");

    (void)state;
    (void)ok(mm_n_parity_set, 4, bytes, 0, 5, 1);
    holds(bytes, 0, "0000FFFF0302");
    (void)ok(mm_n_parity_set, 4, bytes, 0, 6, 0);
    holds(bytes, 0, "0101FEFE0202");
    throws(INDEX, 0, mm_n_parity_set, 4, bytes, 1, 6, 0);
}

static void ints_go_through_bytes(void **state)
{
    uint16_t args[2] = {0, 1}, ret[2] = {0};
    mm_ref bytes = bytes_new(NULL, 5);
    struct mm_obj_info info;

    (void)state;
    assert_int_equal(ok(mm_n_jcint_set, 4, bytes, 1, 0x8001, 0x0203), 5);
    holds(bytes, 0, "0080010203");
    args[0] = bytes;
    assert_int_equal(mm_n_jcint_get(chip.vm, args, ret), MM_RUN_OK);
    assert_int_equal(ret[0], 0x8001);
    assert_int_equal(ret[1], 0x0203);
    assert_int_equal(mm_n_jcint_of_bytes(chip.vm, (const uint16_t[]){0x80, 0xFF, 2, 3}, ret),
                     MM_RUN_OK);
    assert_int_equal((uint32_t)ret[0] << 16 | ret[1], 0x80FF0203);
    assert_int_equal(mm_n_jcint_of_shorts(chip.vm, (const uint16_t[]){0x8001, 0xFFFE}, ret),
                     MM_RUN_OK);
    assert_int_equal((uint32_t)ret[0] << 16 | ret[1], 0x8001FFFE);
    throws(INDEX, 0, mm_n_jcint_set, 4, bytes, 2, 0, 0);
    assert_true(mm_vm_object(chip.vm, ok(mm_n_jcint_make_transient, 2, 3, 1), &info));
    assert_int_equal(info.array_type, 13);
    assert_int_equal(info.n, 3);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bcd_and_binary_are_the_same_number),
        TEST(what_is_no_bcd_is_refused),
        TEST(parity_is_in_the_lowest_bit),
        TEST(ints_go_through_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
