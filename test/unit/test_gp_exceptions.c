/* Exceptions of the API from Java: converter/test/exceptions, run on the chip. */
#include "test/unit/built_chip.h"

#define PLAIN_N  13   /* classes without a reason: INS 00.. */
#define MACHINE  0x3F /* those that the virtual machine throws */
#define REASONS  0x40 /* classes with a reason: INS 40.. */
#define REASON_N 16

static int load(void **state)
{
    (void)state;
    built_chip_new();
    built_chip_load("test_exceptions.cap", true);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return built_chip_end();
}

static void exceptions_without_reason_are_caught_by_what_they_extend(void **state)
{
    (void)state;
    for (uint8_t ins = 0; ins < PLAIN_N; ins++)
        assert_int_equal(built_chip_call(ins), 0x9000);
}

static void the_machines_own_exceptions_can_be_caught(void **state)
{
    (void)state;
    assert_int_equal(built_chip_call(MACHINE), 0x9000);
}

static void exceptions_with_a_reason_keep_it_when_thrown_either_way(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < REASON_N; i++)
        assert_int_equal(built_chip_call((uint8_t)(REASONS + i)), 0x9000);
    assert_int_equal(built_chip_call(REASONS + REASON_N), 0x6D00);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exceptions_without_reason_are_caught_by_what_they_extend),
        cmocka_unit_test(the_machines_own_exceptions_can_be_caught),
        cmocka_unit_test(exceptions_with_a_reason_keep_it_when_thrown_either_way),
    };

    return cmocka_run_group_tests(tests, load, clean);
}
