#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "host_client/pay/amount.h"

static void amount_reads_whole_numbers_and_cents(void **state)
{
    static const struct {
        const char *text;
        uint32_t cents;
    } good[] = {{"12", 1200},
                {"12.5", 1250},
                {"12.50", 1250},
                {"0.01", 1},
                {"0012", 1200},
                {"100.00", 10000},
                {"42949672.95", UINT32_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint32_t cents = 0;
        assert_int_equal(mm_amount_parse(good[i].text, &cents, NULL), MM_OK);
        assert_int_equal(cents, good[i].cents);
    }
}

static void amount_refuses_what_people_get_wrong(void **state)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "0.00",
                                      "-1",
                                      "+1",
                                      "1,50",
                                      "1.",
                                      ".5",
                                      "1.234",
                                      "12.5x",
                                      " 1",
                                      "1 ",
                                      "1e3",
                                      "0x10",
                                      "1.2.3",
                                      "nan",
                                      "42949672.96",
                                      "42949673",
                                      "99999999999999999999999",
                                      "99999999999999999999999.99"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_err err = {0};
        uint32_t cents = 7;
        assert_int_equal(mm_amount_parse(bad[i], &cents, &err), MM_USAGE);
        assert_int_equal(cents, 0);
        assert_true(err.text[0] != '\0');
    }
}

static void amount_text_reads_back_as_the_same_amount(void **state)
{
    static const uint32_t values[] = {1, 9, 10, 99, 100, 101, 1250, 999999, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[MM_AMOUNT_TEXT];
        uint32_t cents = 0;
        assert_int_equal(mm_amount_parse(mm_amount_text(values[i], text), &cents, NULL), MM_OK);
        assert_int_equal(cents, values[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amount_reads_whole_numbers_and_cents),
        cmocka_unit_test(amount_refuses_what_people_get_wrong),
        cmocka_unit_test(amount_text_reads_back_as_the_same_amount),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
