/* Base: read cursor, write buffer, hexadecimal, base64url, AIDs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/base/base.h"

static void rd_reads_big_endian_in_order(void **state)
{
    static const uint8_t data[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08};
    struct mm_rd rd;

    (void)state;
    mm_rd_init(&rd, data, sizeof(data));
    assert_int_equal(mm_rd_u8(&rd), 0x01);
    assert_int_equal(mm_rd_u16(&rd), 0x0203);
    assert_int_equal(mm_rd_u32(&rd), 0x04050607);
    assert_int_equal(mm_rd_left(&rd), 1);
    assert_false(rd.bad);
}

static void rd_stays_bad_after_a_read_past_the_end(void **state)
{
    static const uint8_t data[] = {0xff, 0xff, 0xff};
    struct mm_rd rd;

    (void)state;
    mm_rd_init(&rd, data, sizeof(data));
    assert_int_equal(mm_rd_u32(&rd), 0);
    assert_true(rd.bad);
    assert_int_equal(mm_rd_u8(&rd), 0); /* one byte would be there */
    assert_int_equal(mm_rd_left(&rd), 0);
    assert_null(mm_rd_bytes(&rd, 0));
}

static void rd_of_nothing_gives_an_empty_run(void **state)
{
    struct mm_rd rd;

    (void)state;
    mm_rd_init(&rd, NULL, 0);
    assert_non_null(mm_rd_bytes(&rd, 0));
    assert_null(mm_rd_bytes(&rd, 1));
    assert_true(rd.bad);
}

static void buf_keeps_what_was_written_while_it_grows(void **state)
{
    struct mm_buf buf;

    (void)state;
    mm_buf_init(&buf);
    for (uint32_t i = 0; i < 1000; i++)
        mm_buf_u32(&buf, i);
    assert_false(buf.bad);
    assert_int_equal(buf.len, 4000);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(mm_be32(buf.data + 4 * i), i);
    mm_buf_clear(&buf);
    assert_null(buf.data);
}

static void buf_take_hands_over_the_bytes(void **state)
{
    struct mm_buf buf;
    uint8_t *data;
    size_t len;

    (void)state;
    mm_buf_init(&buf);
    mm_buf_u64(&buf, 0x0102030405060708u);
    data = mm_buf_take(&buf, &len);
    assert_int_equal(len, 8);
    assert_int_equal(mm_be64(data), 0x0102030405060708u);
    assert_null(buf.data);
    free(data);
}

static void unhex_reads_blanks_and_colons(void **state)
{
    uint8_t out[4];
    size_t n = sizeof(out);

    (void)state;
    assert_int_equal(mm_unhex(" 00 a4:04 0C\n", out, &n), MM_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(out, "\x00\xa4\x04\x0c", 4);
}

static void unhex_refuses_half_bytes_other_letters_and_too_much(void **state)
{
    uint8_t out[2];
    size_t n;

    (void)state;
    n = sizeof(out);
    assert_int_equal(mm_unhex("00 1", out, &n), MM_TRUNCATED);
    n = sizeof(out);
    assert_int_equal(mm_unhex("0x10", out, &n), MM_MALFORMED);
    n = sizeof(out);
    assert_int_equal(mm_unhex("0 0", out, &n), MM_MALFORMED);
    n = sizeof(out);
    assert_int_equal(mm_unhex("001122", out, &n), MM_TOO_LONG);
}

static void b64url_agrees_with_rfc_4648_section_10(void **state)
{
    static const struct {
        const char *plain, *text;
    } vectors[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
                   {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        size_t len = strlen(vectors[i].plain);
        char *text = mm_b64url((const uint8_t *)vectors[i].plain, len);
        uint8_t *back = NULL;
        size_t back_len = 0;

        assert_string_equal(text, vectors[i].text);
        assert_int_equal(mm_unb64url(text, strlen(text), &back, &back_len), MM_OK);
        assert_int_equal(back_len, len);
        assert_memory_equal(back, vectors[i].plain, len);
        free(back);
        free(text);
    }
}

static void unb64url_refuses_a_second_spelling(void **state)
{
    static const char *const bad[] = {"Zh", "Zg==", "Z", "Zm9+", "Zm 9", "Zm9v\n"};
    uint8_t *out;
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_not_equal(mm_unb64url(bad[i], strlen(bad[i]), &out, &len), MM_OK);
        assert_null(out);
    }
}

static void aid_has_5_to_16_bytes(void **state)
{
    static const uint8_t bytes[17] = {0xa0, 0, 0, 1, 0x51};
    struct mm_aid aid, other;

    (void)state;
    assert_int_equal(mm_aid_set(&aid, bytes, 4), MM_MALFORMED);
    assert_int_equal(aid.len, 0);
    assert_int_equal(mm_aid_set(&aid, bytes, 17), MM_MALFORMED);
    assert_int_equal(mm_aid_set(&aid, bytes, 5), MM_OK);
    assert_int_equal(mm_aid_set(&other, bytes, 6), MM_OK);
    assert_false(mm_aid_equal(&aid, &other));
    assert_true(mm_aid_starts(&other, aid.bytes, aid.len));
    assert_false(mm_aid_starts(&aid, other.bytes, other.len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rd_reads_big_endian_in_order),
        cmocka_unit_test(rd_stays_bad_after_a_read_past_the_end),
        cmocka_unit_test(rd_of_nothing_gives_an_empty_run),
        cmocka_unit_test(buf_keeps_what_was_written_while_it_grows),
        cmocka_unit_test(buf_take_hands_over_the_bytes),
        cmocka_unit_test(unhex_reads_blanks_and_colons),
        cmocka_unit_test(unhex_refuses_half_bytes_other_letters_and_too_much),
        cmocka_unit_test(b64url_agrees_with_rfc_4648_section_10),
        cmocka_unit_test(unb64url_refuses_a_second_spelling),
        cmocka_unit_test(aid_has_5_to_16_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
