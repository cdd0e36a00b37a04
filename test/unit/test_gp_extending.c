/* Abstract classes of the API that an applet extends: converter/test/extending, run on the chip. */
#include "test/unit/built_chip.h"

static int load(void **state)
{
    (void)state;
    built_chip_new();
    built_chip_load("test_extending.cap", true);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return built_chip_end();
}

static void calls_through_the_api_come_to_the_applets_own_class(void **state)
{
    (void)state;
    for (uint8_t ins = 0; ins < 6; ins++)
        assert_int_equal(built_chip_call(ins), 0x9000);
    assert_int_equal(built_chip_call(6), 0x6D00);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_through_the_api_come_to_the_applets_own_class),
    };

    return cmocka_run_group_tests(tests, load, clean);
}
