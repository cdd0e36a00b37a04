/* BER-TLV, read and written (ISO 8825-1, 8.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "applet_vm/base/ber.h"

static void objects_write_and_read_back(void **state)
{
    static const size_t lens[] = {0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff};
    static const uint16_t tags[] = {0x42, 0x5f50, 0xc3};
    static uint8_t value[0xffff];

    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        for (size_t k = 0; k < 3; k++) {
            struct mm_buf buf;
            struct mm_rd rd;
            const uint8_t *got;
            size_t len;
            uint16_t tag;

            mm_buf_init(&buf);
            mm_ber_put(&buf, tags[k], value, lens[i]);
            mm_buf_u8(&buf, 0x99); /* what follows stays */
            mm_rd_init(&rd, buf.data, buf.len);
            assert_true(mm_ber_take(&rd, &tag, &got, &len));
            assert_int_equal(tag, tags[k]);
            assert_int_equal(len, lens[i]);
            assert_int_equal(mm_rd_u8(&rd), 0x99);
            for (size_t cut = 0; cut + 1 < buf.len && cut < 8; cut++) {
                mm_rd_init(&rd, buf.data, cut);
                assert_false(mm_ber_take(&rd, &tag, &got, &len));
                assert_null(got);
                assert_true(rd.bad);
            }
            mm_buf_clear(&buf);
        }
    }
}

static void lengths_have_one_to_four_bytes(void **state)
{
    static const struct {
        uint8_t bytes[4];
        size_t n, want;
        bool good;
    } rows[] = {{{0x7f}, 1, 0x7f, true},
                {{0x81, 0x05}, 2, 5, true}, /* longer than needed */
                {{0x82, 0x01, 0x00}, 3, 0x100, true},
                {{0x83, 0x01, 0x00, 0x02}, 4, 0x10002, true},
                {{0x80}, 1, 0, false}, /* indefinite */
                {{0x84, 0, 0, 0}, 4, 0, false},
                {{0x82, 0x01}, 2, 0, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_rd rd;
        size_t len;

        mm_rd_init(&rd, rows[i].bytes, rows[i].n);
        len = mm_ber_len(&rd);
        assert_int_equal(!rd.bad, rows[i].good);
        if (rows[i].good)
            assert_int_equal(len, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_write_and_read_back),
        cmocka_unit_test(lengths_have_one_to_four_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
