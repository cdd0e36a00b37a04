/* The trace: what traffic is called, by the application that is selected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "host_client/access/trace.h"

struct line {
    bool response;
    const char *hex;
};

static char *shown(const struct line *lines, size_t n)
{
    char *text = NULL;
    size_t len = 0;
    struct mm_trace trace = {.out = open_memstream(&text, &len)};

    assert_non_null(trace.out);
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[64];
        size_t byte_n = sizeof(bytes);
        assert_int_equal(mm_unhex(lines[i].hex, bytes, &byte_n), MM_OK);
        mm_trace_show(&trace, lines[i].response, bytes, byte_n);
    }
    fclose(trace.out);
    return text;
}

static void trace_names_commands_by_the_selected_application(void **state)
{
    (void)state;
    /* INS 20 is GENERATE ATTESTATION KEY in the domain and VERIFY in the purse. */
    static const struct line lines[] = {
        {false, "00A4040008A000000151000000"},
        {true, "9000"},
        {false, "8020000000"},
        {true, "6982"},
        {false, "00A404000BF04D494E544D41524B1001"},
        {true, "6A82"}, /* not selected then */
        {false, "8020000000"},
        {true, "6982"},
        {false, "00A404000BF04D494E544D41524B1001"},
        {true, "9000"},
        {false, "844E0000"},
        {true, "000030D49000"},
        {false, "00FE0000"},
        {true, "6D00"},
    };
    char *text = shown(lines, sizeof(lines) / sizeof(lines[0]));

    assert_string_equal(text, "> 00A4040008A000000151000000  SELECT\n"
                              "< 9000  done\n"
                              "> 8020000000  GENERATE_ATTESTATION_KEY\n"
                              "< 6982  security status not satisfied\n"
                              "> 00A404000BF04D494E544D41524B1001  SELECT\n"
                              "< 6A82  application not found\n"
                              "> 8020000000  GENERATE_ATTESTATION_KEY\n"
                              "< 6982  security status not satisfied\n"
                              "> 00A404000BF04D494E544D41524B1001  SELECT\n"
                              "< 9000  done\n"
                              "> 844E0000  GET_BALANCE\n"
                              "< 000030D4 9000  done\n"
                              "> 00FE0000  unknown instruction\n"
                              "< 6D00  instruction not supported or invalid\n");
    free(text);
}

static void trace_takes_any_bytes(void **state)
{
    (void)state;
    static const struct line lines[] = {{false, ""},
                                        {true, ""},
                                        {false, "00"},
                                        {true, "90"},
                                        {false, "00A40400FF"},
                                        {true, "9000"},
                                        {false, "00A4040020F000"},
                                        {true, "6100"}};
    free(shown(lines, sizeof(lines) / sizeof(lines[0])));
}

static void trace_knows_names_of_applications(void **state)
{
    (void)state;
    struct mm_aid aid;

    assert_int_equal(mm_trace_aid_by_name("purse-package", 13, &aid), MM_OK);
    assert_string_equal(mm_trace_aid_name(&aid), "PURSE_PACKAGE");
    assert_int_equal(mm_trace_aid_by_name("Isd", 3, &aid), MM_OK);
    assert_string_equal(mm_trace_aid_name(&aid), "ISD");
    assert_int_equal(mm_trace_aid_by_name("purs", 4, &aid), MM_NOT_FOUND);
    assert_int_equal(aid.len, 0);
    assert_null(mm_trace_aid_name(&aid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_names_commands_by_the_selected_application),
        cmocka_unit_test(trace_takes_any_bytes),
        cmocka_unit_test(trace_knows_names_of_applications),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
