/* Scripts: what is read, what is refused and how that is said, what matches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host_client/apdu/apdu.h"

static void parse_ok(const char *text, struct mm_script *script)
{
    struct mm_err err;

    if (mm_script_parse(text, strlen(text), script, &err) != MM_OK)
        fail_msg("line %zu: %s", err.off, err.text);
}

static void assert_step_text(const struct mm_step *step, const char *want)
{
    struct mm_buf text;

    mm_buf_init(&text);
    mm_step_text(step, &text);
    mm_buf_u8(&text, 0);
    assert_string_equal((const char *)text.data, want);
    mm_buf_clear(&text);
}

static void script_reads_each_kind_of_line(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n"
                               "\n"
                               "00 a4 04 00 00 => 9000   # with one behind\r\n"
                               "reset\n"
                               "  80CA0045  00 -> 45 10 * 90 00\n"
                               "Select Purse-Package => none 6A82\n"
                               "select A0000001510000";
    struct mm_script script;

    parse_ok(text, &script);
    assert_int_equal(script.step_n, 5);
    assert_step_text(&script.steps[0], "00A4040000 => 9000");
    assert_step_text(&script.steps[1], "reset");
    assert_step_text(&script.steps[2], "80CA004500 => 4510 * 9000");
    assert_step_text(&script.steps[3], "00A404000AF04D494E544D41524B1000 => none 6A82");
    assert_step_text(&script.steps[4], "00A4040007A000000151000000");
    assert_int_equal(script.steps[0].line, 3);
    assert_int_equal(script.steps[4].line, 7);
    mm_script_clear(&script);
    assert_int_equal(script.step_n, 0);
}

static void script_says_line_and_what_was_expected(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *says;
    } rows[] = {
        {"00A4040\n", 1, "one hex digit"},
        {"\n00A4 4 0400\n", 2, "one hex digit"},
        {"00A404 => 9000", 1, "4 to"},
        {"00A40400 => 90", 1, "status word"},
        {"00A40400 =>", 1, "nothing after the arrow"},
        {"#\n#\n=> 9000", 3, "nothing before the arrow"},
        {"00A40400 => 90G0", 1, "'G'"},
        {"00A404.. => 9000", 1, "'.'"},
        {"00A40400 => 45 * 45 * 9000", 1, "'*'"},
        {"00A40400 => none 45 9000", 1, "none"},
        {"00A40400 = 9000", 1, "'='"},
        {"select", 1, "AID"},
        {"select purs", 1, "purs"},
        {"select A0A0A0A0", 1, "AID"},
        {"select 000102030405060708090A0B0C0D0E0F10", 1, "AID"},
        {"reset now", 1, "reset"},
        {"reset => 9000", 1, "reset"},
        {"sleep 5", 1, "sleep"},
        {"00A40400 \x80", 1, "80"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_script script;
        struct mm_err err;
        enum mm_status st = mm_script_parse(rows[i].text, strlen(rows[i].text), &script, &err);

        if (st == MM_OK || strstr(err.text, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].text, st == MM_OK ? "accepted" : err.text);
        assert_int_equal(st, MM_MALFORMED);
        assert_int_equal(err.off, rows[i].line);
        assert_null(script.steps);
    }
}

static void script_refuses_oversized_input(void **state)
{
    (void)state;
    static char big[MM_SCRIPT_MAX_LEN + 1];
    struct mm_script script;
    struct mm_err err;
    size_t n = 2u * (MM_SCRIPT_APDU_MAX + 1);

    memset(big, '0', sizeof(big));
    assert_int_equal(mm_script_parse(big, sizeof(big), &script, &err), MM_TOO_LONG);
    assert_int_equal(mm_script_parse(big, n, &script, &err), MM_MALFORMED); /* one command */
    assert_int_equal(mm_script_parse(big, n - 2, &script, &err), MM_OK);
    assert_int_equal(script.steps[0].apdu_len, MM_SCRIPT_APDU_MAX);
    mm_script_clear(&script);
}

static void expect_matches_as_written(void **state)
{
    (void)state;
    static const struct {
        const char *expect, *answer;
        bool match;
    } rows[] = {
        {"9000", "9000", true},
        {"9000", "01029000", true},
        {"9000", "6985", false},
        {"none 9000", "9000", true},
        {"none 9000", "019000", false},
        {"63C.", "63C2", true},
        {"63C.", "63D2", false},
        {"....", "6A82", true},
        {"0102 9000", "01029000", true},
        {"0102 9000", "01039000", false},
        {"0102 9000", "0102039000", false},
        {"01.. 9000", "01FF9000", true},
        {"01.. 9000", "019000", false},
        {"0. 9000", "0F9000", true},
        {"01 * 9000", "019000", true},
        {"01 * 9000", "0102039000", true},
        {"01 * 9000", "029000", false},
        {"01 * 03 9000", "01039000", true},
        {"01 * 03 9000", "010203039000", true},
        {"01 * 01 9000", "019000", false},
        {"* 03 9000", "039000", true},
        {"* 9000", "9000", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_script script;
        char line[128] = "00A40400 => ";
        uint8_t answer[32];
        size_t n = sizeof(answer);

        strcat(line, rows[i].expect);
        parse_ok(line, &script);
        assert_int_equal(mm_unhex(rows[i].answer, answer, &n), MM_OK);
        if (mm_expect_match(&script.steps[0].expect, answer, n) != rows[i].match)
            fail_msg("%s against %s", rows[i].expect, rows[i].answer);
        mm_script_clear(&script);
    }
}

static void expect_text_reads_back(void **state)
{
    (void)state;
    static const char *const rows[] = {"9000",   "none 9000", "63C.",      "01.2 * 0304 9...",
                                       "* 9000", "* 01 9000", "0102 6...", "01 * 9000"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_script script;
        char line[128] = "00A40400 => ";

        strcat(line, rows[i]);
        parse_ok(line, &script);
        assert_step_text(&script.steps[0], line);
        mm_script_clear(&script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(script_reads_each_kind_of_line),
        cmocka_unit_test(script_says_line_and_what_was_expected),
        cmocka_unit_test(script_refuses_oversized_input),
        cmocka_unit_test(expect_matches_as_written),
        cmocka_unit_test(expect_text_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
