/* javacardx.framework.string.StringUtil */
#include "test/unit/api_fixture.h"

#define INDEX        "java/lang/IndexOutOfBoundsException"
#define BOUNDS       "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"
#define STRING       "javacardx/framework/string/StringException"
#define UNSUPPORTED  1
#define BAD_NUMBER   2
#define BAD_SEQUENCE 3

/* One of each length: A, e acute, euro, G clef; 10 bytes. */
static const char mixed[] = "A\xC3\xA9\xE2\x82\xAC\xF0\x9D\x84\x9E";
/* A, a stray continuation, a euro cut off, B */
static const char broken[] = "A\x80\xE2\x82"
                             "B";

static mm_ref text_new(const char *text)
{
    return bytes_new(text, strlen(text));
}

/* The native writes n bytes, at 1, that are the expected text. */
#define GIVES(expected, fn, n, ...)                                                                \
    do {                                                                                           \
        mm_ref gives_out = bytes_new(NULL, 64);                                                    \
        assert_int_equal(ok(fn, (n) + 2, __VA_ARGS__, gives_out, 1), sizeof(expected) - 1);        \
        assert_memory_equal(bytes_of(gives_out) + 1, expected, sizeof(expected) - 1);              \
    } while (0)

/* ---- Code points ---- */

static void code_points_are_counted_also_ill_formed_ones(void **state)
{
    (void)state;
    assert_int_equal(ok(mm_n_string_count, 3, text_new(mixed), 0, 10), 4);
    assert_int_equal(ok(mm_n_string_count, 3, text_new(mixed), 0, 9), 4); /* the last cut off */
    assert_int_equal(ok(mm_n_string_count, 3, text_new(broken), 0, 5), 4);
    assert_int_equal(ok(mm_n_string_count, 3, text_new(mixed), 3, 0), 0);
    throws(BOUNDS, 0, mm_n_string_count, 3, text_new(mixed), 1, 10);
    throws(NULL_POINTER, 0, mm_n_string_count, 3, 0, 0, 1);
}

static void only_what_rfc_3629_allows_is_well_formed(void **state)
{
    static const char *const bad[] = {"C080",     "C1BF",     "E09FBF",     "EDA080",    "F08FBFBF",
                                      "F4908080", "F5808080", "80",         "E282",      "FF",
                                      "41C3",     "F09D84",   "4180424344", "F888808080"};

    (void)state;
    assert_int_equal(ok(mm_n_string_check, 3, text_new(mixed), 0, 10), 1);
    assert_int_equal(ok(mm_n_string_check, 3, text_new(mixed), 0, 0), 1);
    assert_int_equal(ok(mm_n_string_check, 3, hex_new("EFBFBFF48FBFBFED9FBF"), 0, 10), 1);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ok(mm_n_string_check, 3, hex_new(bad[i]), 0, (int)strlen(bad[i]) / 2), 0);
    throws(NULL_POINTER, 0, mm_n_string_check, 3, 0, 0, 1);
    throws(BOUNDS, 0, mm_n_string_check, 3, text_new("A"), 0, 2);
}

static void a_code_point_is_given_at_and_before_an_index(void **state)
{
    mm_ref text = text_new(mixed), bad = text_new(broken), out = bytes_new(NULL, 4);

    (void)state;
    GIVES("\xC3\xA9", mm_n_string_at, 4, text, 0, 10, 1);
    GIVES("\xF0\x9D\x84\x9E", mm_n_string_at, 4, text, 0, 10, 6);
    GIVES("\xF0\x9D", mm_n_string_at, 4, text, 0, 8, 6);
    GIVES("\xC3\xA9", mm_n_string_at, 4, text, 1, 5, 0);
    GIVES("\xF0\x9D\x84\x9E", mm_n_string_before, 4, text, 0, 10, 10);
    GIVES("\xC3\xA9", mm_n_string_before, 4, text, 0, 10, 3);
    GIVES("A", mm_n_string_before, 4, text, 0, 10, 1);
    GIVES("\xE2\x82", mm_n_string_before, 4, bad, 0, 5, 4);
    throws(INDEX, 0, mm_n_string_at, 6, text, 0, 10, 10, out, 0);
    throws(INDEX, 0, mm_n_string_at, 6, text, 0, 10, -1, out, 0);
    throws(INDEX, 0, mm_n_string_before, 6, text, 0, 10, 0, out, 0);
    throws(INDEX, 0, mm_n_string_before, 6, text, 0, 10, 11, out, 0);
    throws(BOUNDS, 0, mm_n_string_at, 6, text, 0, 10, 6, out, 1);
    throws(BOUNDS, 0, mm_n_string_before, 6, text, 0, 10, 10, out, 1);
    throws(NULL_POINTER, 0, mm_n_string_at, 6, text, 0, 10, 0, 0, 0);
    throws(NULL_POINTER, 0, mm_n_string_before, 6, 0, 0, 10, 1, out, 0);
}

static void an_index_moves_by_code_points_both_ways(void **state)
{
    mm_ref text = text_new(mixed);

    (void)state;
    assert_int_equal(ok(mm_n_string_offset, 5, text, 0, 10, 0, 2), 3);
    assert_int_equal(ok(mm_n_string_offset, 5, text, 0, 10, 3, 2), 10);
    assert_int_equal(ok(mm_n_string_offset, 5, text, 0, 10, 10, -2), 3);
    assert_int_equal(ok(mm_n_string_offset, 5, text, 0, 10, 6, 0), 6);
    assert_int_equal(ok(mm_n_string_offset, 5, text, 1, 9, 0, 1), 2);
    throws(INDEX, 0, mm_n_string_offset, 5, text, 0, 10, 3, 3);
    throws(INDEX, 0, mm_n_string_offset, 5, text, 0, 10, 3, -3);
    throws(INDEX, 0, mm_n_string_offset, 5, text, 0, 10, 11, 0);
    throws(INDEX, 0, mm_n_string_offset, 5, text, 0, 10, -1, 1);
    throws(NULL_POINTER, 0, mm_n_string_offset, 5, 0, 0, 10, 0, 0);
}

static void substrings_are_cut_by_code_points(void **state)
{
    mm_ref text = text_new(mixed), out = bytes_new(NULL, 4);

    (void)state;
    GIVES("\xC3\xA9\xE2\x82\xAC", mm_n_string_substring, 5, text, 0, 10, 1, 3);
    GIVES("\xE2\x82\xAC\xF0\x9D\x84\x9E", mm_n_string_substring, 5, text, 0, 10, 2, -1);
    GIVES("", mm_n_string_substring, 5, text, 0, 10, 4, 4);
    throws(INDEX, 0, mm_n_string_substring, 7, text, 0, 10, 3, 2, out, 0);
    throws(INDEX, 0, mm_n_string_substring, 7, text, 0, 10, 0, 5, out, 0);
    throws(INDEX, 0, mm_n_string_substring, 7, text, 0, 10, -1, 2, out, 0);
    throws(BOUNDS, 0, mm_n_string_substring, 7, text, 0, 10, 0, 3, out, 0);
    throws(NULL_POINTER, 0, mm_n_string_substring, 7, 0, 0, 10, 0, 3, out, 0);
}

/* ---- Case, comparing, searching ---- */

static void case_is_that_of_ascii_and_drops_what_is_ill_formed(void **state)
{
    mm_ref text = text_new("aZ\xC3\xA9{@\x80"), out = bytes_new(NULL, 2);

    (void)state;
    GIVES("az\xC3\xA9{@", mm_n_string_lower, 3, text, 0, 7);
    GIVES("AZ\xC3\xA9{@", mm_n_string_upper, 3, text, 0, 7);
    throws(BOUNDS, 0, mm_n_string_lower, 5, text, 0, 7, out, 0);
    throws(NULL_POINTER, 0, mm_n_string_upper, 5, text, 0, 7, 0, 0);
}

static void strings_compare_by_unsigned_bytes(void **state)
{
    mm_ref a = text_new("abc\xC3\xA9"), b = text_new("aBd");

    (void)state;
    assert_int_equal(ok(mm_n_string_compare, 7, 0, a, 0, 5, b, 0, 3), 'b' - 'B');
    assert_int_equal(ok(mm_n_string_compare, 7, 1, a, 0, 5, b, 0, 3), 0xFFFF);
    assert_int_equal(ok(mm_n_string_compare, 7, 1, a, 0, 2, b, 0, 2), 0);
    assert_int_equal(ok(mm_n_string_compare, 7, 0, a, 0, 5, a, 0, 3), 2);
    assert_int_equal(ok(mm_n_string_compare, 7, 0, a, 3, 2, b, 0, 1), 0xC3 - 'a');
    throws(NULL_POINTER, 0, mm_n_string_compare, 7, 0, a, 0, 5, 0, 0, 3);
    throws(BOUNDS, 0, mm_n_string_compare, 7, 1, a, 0, 5, b, 0, 4);
}

static void a_part_is_found_in_a_string(void **state)
{
    mm_ref text = text_new("banana"), part = text_new("ana\xC3\xA9n");

    (void)state;
    assert_int_equal(ok(mm_n_string_index_of, 6, text, 0, 6, part, 0, 3), 1);
    assert_int_equal(ok(mm_n_string_index_of, 6, text, 2, 4, part, 0, 3), 1);
    assert_int_equal(ok(mm_n_string_index_of, 6, text, 0, 6, part, 0, 4), 0xFFFF);
    assert_int_equal(ok(mm_n_string_index_of, 6, text, 0, 6, part, 0, 0), 0);
    assert_int_equal(ok(mm_n_string_starts_with, 7, text, 1, 5, part, 0, 3, -1), 1);
    assert_int_equal(ok(mm_n_string_starts_with, 7, text, 1, 5, part, 0, 6, 3), 1);
    assert_int_equal(ok(mm_n_string_starts_with, 7, text, 1, 5, part, 0, 6, 4), 0);
    assert_int_equal(ok(mm_n_string_starts_with, 7, text, 1, 2, part, 0, 3, -1), 0);
    assert_int_equal(ok(mm_n_string_ends_with, 7, text, 0, 6, part, 0, 3, -1), 1);
    assert_int_equal(ok(mm_n_string_ends_with, 7, text, 0, 6, part, 0, 6, 1), 1);
    assert_int_equal(ok(mm_n_string_ends_with, 7, text, 0, 5, part, 0, 3, -1), 0);
    throws(INDEX, 0, mm_n_string_starts_with, 7, text, 0, 6, part, 0, 6, 6);
    throws(INDEX, 0, mm_n_string_ends_with, 7, text, 0, 6, part, 0, 6, 6);
    throws(NULL_POINTER, 0, mm_n_string_index_of, 6, text, 0, 6, 0, 0, 3);
    throws(NULL_POINTER, 0, mm_n_string_starts_with, 7, text, 0, 6, 0, 0, 3, -1);
    throws(NULL_POINTER, 0, mm_n_string_ends_with, 7, 0, 0, 6, part, 0, 3, -1);
}

static void parts_are_replaced_from_the_beginning_on(void **state)
{
    mm_ref text = text_new("banana"), an = text_new("ana"), x = text_new("xyzz");

    (void)state;
    GIVES("bxyna", mm_n_string_replace, 9, text, 0, 6, an, 0, 3, x, 0, 2);
    GIVES("bxyxya", mm_n_string_replace, 9, text, 0, 6, an, 0, 2, x, 0, 2);
    GIVES("ba", mm_n_string_replace, 9, text, 0, 6, an, 0, 2, x, 0, 0);
    GIVES("banana", mm_n_string_replace, 9, text, 0, 6, x, 0, 2, an, 0, 3);
    GIVES("banana", mm_n_string_replace, 9, text, 0, 6, x, 0, 0, an, 0, 3);
    throws(BOUNDS, 0, mm_n_string_replace, 11, text, 0, 6, an, 0, 1, x, 0, 4, text, 0);
    throws(NULL_POINTER, 0, mm_n_string_replace, 11, text, 0, 6, an, 0, 1, 0, 0, 4, text, 0);
    holds(text, 0, "62616E616E61"); /* untouched */
}

static void trimming_takes_control_characters_and_spaces(void **state)
{
    mm_ref text = text_new(" \t\x01 a \x80 \n");

    (void)state;
    GIVES("a \x80", mm_n_string_trim, 3, text, 0, 9);
    GIVES("", mm_n_string_trim, 3, text, 0, 3);
    GIVES("a", mm_n_string_trim, 3, text, 4, 1);
    throws(NULL_POINTER, 0, mm_n_string_trim, 5, text, 0, 9, 0, 0);
    throws(BOUNDS, 0, mm_n_string_trim, 5, text, 0, 9, text, 7);
}

/* ---- Values ---- */

static void booleans_are_written_and_read(void **state)
{
    (void)state;
    GIVES("true", mm_n_string_of_boolean, 1, 1);
    GIVES("false", mm_n_string_of_boolean, 1, 0);
    throws(NULL_POINTER, 0, mm_n_string_of_boolean, 3, 1, 0, 0);
    assert_int_equal(ok(mm_n_string_parse_boolean, 3, text_new("xTrUe"), 1, 4), 1);
    assert_int_equal(ok(mm_n_string_parse_boolean, 3, text_new("truex"), 0, 5), 0);
    assert_int_equal(ok(mm_n_string_parse_boolean, 3, text_new("yes!"), 0, 4), 0);
    throws(NULL_POINTER, 0, mm_n_string_parse_boolean, 3, 0, 0, 4);
}

static void shorts_are_written_and_read(void **state)
{
    static const struct {
        const char *text;
        int value;
    } good[] = {{"0", 0},    {"32767", 32767},    {"-32768", -32768}, {"0x7FfF", 32767},
                {"#1a", 26}, {"-0X8000", -32768}, {"007", 7},         {"-5", -5}};
    static const char *const bad[] = {"",  "-",  "32768", "-32769", "0x8000", "0x", "#",
                                      "+", "+1", "1 ",    " 1",     "--1",    "1a", "0xg"};

    (void)state;
    GIVES("-32768", mm_n_string_of_short, 1, -32768);
    GIVES("0", mm_n_string_of_short, 1, 0);
    throws(NULL_POINTER, 0, mm_n_string_of_short, 3, 1, 0, 0);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal((int16_t)ok(mm_n_string_parse_short, 3, text_new(good[i].text), 0,
                                     (int)strlen(good[i].text)),
                         good[i].value);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        throws(STRING, BAD_NUMBER, mm_n_string_parse_short, 3, text_new(bad[i]), 0,
               (int)strlen(bad[i]));
    throws(NULL_POINTER, 0, mm_n_string_parse_short, 3, 0, 0, 1);
}

static mm_ref shorts_new(size_t n, uint16_t a, uint16_t b, uint16_t c, uint16_t d)
{
    mm_ref ref = mm_vm_new_array(chip.vm, 12, (uint16_t)n, MM_PERSISTENT);
    uint16_t v[5] = {a, b, c, d, 0};

    assert_int_equal(mm_vm_array_write(chip.vm, ref, 0, v, (uint16_t)n, true), MM_RUN_OK);
    return ref;
}

static void long_integers_are_written(void **state)
{
    (void)state;
    GIVES("-9223372036854775808", mm_n_string_of_shorts, 1, shorts_new(4, 0x8000, 0, 0, 0));
    GIVES("65536", mm_n_string_of_shorts, 1, shorts_new(2, 1, 0, 0, 0));
    GIVES("-1", mm_n_string_of_shorts, 1, shorts_new(1, 0xFFFF, 0, 0, 0));
    throws(STRING, BAD_NUMBER, mm_n_string_of_shorts, 3, shorts_new(5, 0, 0, 0, 0),
           bytes_new(NULL, 9), 0);
    throws(STRING, BAD_NUMBER, mm_n_string_of_shorts, 3, shorts_new(0, 0, 0, 0, 0),
           bytes_new(NULL, 9), 0);
    throws(NULL_POINTER, 0, mm_n_string_of_shorts, 3, 0, bytes_new(NULL, 9), 0);
    throws(NULL_POINTER, 0, mm_n_string_of_shorts, 3, shorts_new(1, 0, 0, 0, 0), 0, 0);
}

static void long_integers_are_read(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        uint16_t parts[4];
    } good[] = {{"0", 1, {0}},
                {"40000", 1, {0x9C40}},
                {"-1", 4, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}},
                {"0x10000", 2, {1, 0}},
                {"9223372036854775807", 4, {0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}},
                {"-9223372036854775808", 4, {0x8000, 0, 0, 0}}};
    static const char *const bad[] = {"9223372036854775808", "-9223372036854775809", "", "12x"};
    mm_ref out = shorts_new(5, 0, 0, 0, 0);
    const uint8_t *data;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ok(mm_n_string_parse_long, 5, text_new(good[i].text), 0,
                            (int)strlen(good[i].text), out, 1),
                         good[i].n);
        assert_int_equal(mm_vm_array(chip.vm, out, 12, 1, 4, &data), MM_RUN_OK);
        assert_memory_equal(data, good[i].parts, 2 * good[i].n);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        throws(STRING, BAD_NUMBER, mm_n_string_parse_long, 5, text_new(bad[i]), 0,
               (int)strlen(bad[i]), out, 0);
    throws(BOUNDS, 0, mm_n_string_parse_long, 5, text_new("-1"), 0, 2, out, 2);
    throws(NULL_POINTER, 0, mm_n_string_parse_long, 5, text_new("-1"), 0, 2, 0, 0);
}

/* ---- Encodings ---- */

enum { UTF_8 = 1, UTF_16, UTF_16_LE, UTF_16_BE, UCS_2, GSM_7, LATIN_1 };

/* There and back. */
static void converts(const char *text, int encoding, const char *hex)
{
    mm_ref out = bytes_new(NULL, 64), back = bytes_new(NULL, 64);
    int n = (int)strlen(hex) / 2, len = (int)strlen(text);

    assert_int_equal(ok(mm_n_string_convert_to, 6, text_new(text), 0, len, out, 2, encoding), n);
    holds(out, 2, hex);
    assert_int_equal(ok(mm_n_string_convert_from, 6, out, 2, n, back, 3, encoding), len);
    assert_memory_equal(bytes_of(back) + 3, text, (size_t)len);
}

static void text_converts_to_every_encoding_and_back(void **state)
{
    (void)state;
    converts(mixed, UTF_8, "41C3A9E282ACF09D849E");
    converts(mixed, UTF_16, "FEFF004100E920ACD834DD1E");
    converts(mixed, UTF_16_BE, "004100E920ACD834DD1E");
    converts(mixed, UTF_16_LE, "4100E900AC2034D81EDD");
    converts("A\xC3\xA9\xE2\x82\xAC", UCS_2, "004100E920AC");
    converts("A\xC3\xA9", LATIN_1, "41E9");
    converts("@A_{\xE2\x82\xAC\xCE\x94", GSM_7, "0041111B281B6510");
}

static mm_ref utf_16_out(const char *hex)
{
    mm_ref out = bytes_new(NULL, 4);

    assert_int_equal(
        ok(mm_n_string_convert_from, 6, hex_new(hex), 0, (int)strlen(hex) / 2, out, 0, UTF_16), 1);
    return out;
}

static void utf_16_reads_a_byte_order_mark(void **state)
{
    (void)state;
    holds(utf_16_out("FFFE4100"), 0, "41");
    holds(utf_16_out("FEFF0041"), 0, "41");
    holds(utf_16_out("0041"), 0, "41");
}

static void what_an_encoding_does_not_have_is_refused(void **state)
{
    static const struct {
        const char *hex;
        int encoding;
    } bad[] = {{"41", UTF_16},          {"D834", UTF_16_BE}, {"DD1E0041", UTF_16_BE},
               {"D8340041", UTF_16_BE}, {"D834DD1E", UCS_2}, {"80", GSM_7},
               {"1B", GSM_7},           {"1B41", GSM_7},     {"C3", UTF_8}};
    mm_ref out = bytes_new(NULL, 16);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        throws(STRING, BAD_SEQUENCE, mm_n_string_convert_from, 6, hex_new(bad[i].hex), 0,
               (int)strlen(bad[i].hex) / 2, out, 0, bad[i].encoding);
    throws(STRING, BAD_SEQUENCE, mm_n_string_convert_to, 6, text_new(mixed), 0, 10, out, 0, UCS_2);
    throws(STRING, BAD_SEQUENCE, mm_n_string_convert_to, 6, text_new(mixed), 0, 6, out, 0, LATIN_1);
    throws(STRING, BAD_SEQUENCE, mm_n_string_convert_to, 6, text_new(mixed), 0, 10, out, 0, GSM_7);
    throws(STRING, BAD_SEQUENCE, mm_n_string_convert_to, 6, text_new(broken), 0, 5, out, 0, UTF_16);
    throws(STRING, UNSUPPORTED, mm_n_string_convert_to, 6, text_new("A"), 0, 1, out, 0, 8);
    throws(STRING, UNSUPPORTED, mm_n_string_convert_from, 6, text_new("A"), 0, 1, out, 0, 64);
    throws(STRING, UNSUPPORTED, mm_n_string_convert_from, 6, text_new("A"), 0, 1, out, 0, 0);
    throws(NULL_POINTER, 0, mm_n_string_convert_to, 6, text_new("A"), 0, 1, 0, 0, UTF_8);
    throws(NULL_POINTER, 0, mm_n_string_convert_from, 6, 0, 0, 1, out, 0, UTF_8);
    throws(BOUNDS, 0, mm_n_string_convert_to, 6, text_new(mixed), 0, 10, out, 10, UTF_8);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(code_points_are_counted_also_ill_formed_ones),
        TEST(only_what_rfc_3629_allows_is_well_formed),
        TEST(a_code_point_is_given_at_and_before_an_index),
        TEST(an_index_moves_by_code_points_both_ways),
        TEST(substrings_are_cut_by_code_points),
        TEST(case_is_that_of_ascii_and_drops_what_is_ill_formed),
        TEST(strings_compare_by_unsigned_bytes),
        TEST(a_part_is_found_in_a_string),
        TEST(parts_are_replaced_from_the_beginning_on),
        TEST(trimming_takes_control_characters_and_spaces),
        TEST(booleans_are_written_and_read),
        TEST(shorts_are_written_and_read),
        TEST(long_integers_are_written),
        TEST(long_integers_are_read),
        TEST(text_converts_to_every_encoding_and_back),
        TEST(utf_16_reads_a_byte_order_mark),
        TEST(what_an_encoding_does_not_have_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
