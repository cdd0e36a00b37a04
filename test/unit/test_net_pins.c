/* The file of platform pins: what is read, what is refused, how pins come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_client/net/net.h"

#define PIN_A "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define PIN_B "FF0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"

static char path[64];

static int make_file(void **state)
{
    int fd;

    (void)state;
    strcpy(path, "/tmp/mm-pins.XXXXXX");
    fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum mm_status read_text(const char *text, size_t len, struct mm_pins *pins,
                                struct mm_err *err)
{
    assert_int_equal(mm_file_write(path, text, len, 0644, NULL), MM_OK);
    return mm_pins_read(path, pins, err);
}

static void pins_read_newest_first_with_version(void **state)
{
    static const char text[] = "# platform pins\n# version 7\n" PIN_A "\r\n\n" PIN_B;
    struct mm_pins pins;

    (void)state;
    assert_int_equal(read_text(text, strlen(text), &pins, NULL), MM_OK);
    assert_int_equal(pins.n, 2);
    assert_int_equal(pins.version, 7);
    assert_int_equal(pins.pins[0][0], 0);
    assert_int_equal(pins.pins[1][0], 0xff);
}

static void pins_read_refuses_bad_files_and_names_line(void **state)
{
    static const struct {
        const char *text, *said;
    } bad[] = {
        {"", "expected 64"},
        {"# version 1\n", "expected 64"},
        {PIN_A "0\n", "line 1"},
        {PIN_A "\nzz", "line 2"},
        {"# version -1\n" PIN_A, "line 1"},
        {"# version 4294967296\n" PIN_A, "line 1"},
        {"# version 1x\n" PIN_A, "line 1"},
        {PIN_A "\n" PIN_A "\n" PIN_A "\n" PIN_A "\n" PIN_A "\n", "line 5"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_pins pins;
        struct mm_err err = {0};
        assert_int_equal(read_text(bad[i].text, strlen(bad[i].text), &pins, &err), MM_MALFORMED);
        assert_non_null(strstr(err.text, bad[i].said));
        assert_non_null(strstr(err.text, path));
        assert_int_equal(pins.n, 0);
    }
}

static void pins_read_refuses_a_nul_byte(void **state)
{
    static const char text[] = PIN_A "\0" PIN_B;
    struct mm_pins pins;

    (void)state;
    assert_int_equal(read_text(text, sizeof(text) - 1, &pins, NULL), MM_MALFORMED);
}

static void pins_write_back_as_read(void **state)
{
    static const char text[] = "# version 4294967295\n" PIN_B "\n" PIN_A "\n";
    struct mm_pins pins, again;

    (void)state;
    assert_int_equal(read_text(text, strlen(text), &pins, NULL), MM_OK);
    assert_int_equal(mm_pins_write(path, &pins, NULL), MM_OK);
    assert_int_equal(mm_pins_read(path, &again, NULL), MM_OK);
    assert_memory_equal(&pins, &again, sizeof(pins));
}

static void pins_add_keeps_the_one_in_use(void **state)
{
    struct mm_pins pins = {.pins = {{1}}, .n = 1};
    const uint8_t next[MM_PIN_LEN] = {2};

    (void)state;
    assert_int_equal(mm_pins_add(&pins, next, 5), MM_OK);
    assert_int_equal(pins.n, 2);
    assert_int_equal(pins.version, 5);
    assert_int_equal(pins.pins[0][0], 2);
    assert_int_equal(pins.pins[1][0], 1);
}

static void pins_add_of_a_known_key_moves_it_to_the_front(void **state)
{
    struct mm_pins pins = {.pins = {{3}, {2}, {1}}, .n = 3};
    const uint8_t known[MM_PIN_LEN] = {2};

    (void)state;
    assert_int_equal(mm_pins_add(&pins, known, 6), MM_OK);
    assert_int_equal(pins.n, 3);
    assert_int_equal(pins.pins[0][0], 2);
    assert_int_equal(pins.pins[1][0], 3);
    assert_int_equal(pins.pins[2][0], 1);
}

static void pins_add_refuses_more_than_fit(void **state)
{
    struct mm_pins pins = {.pins = {{1}, {2}, {3}, {4}}, .n = MM_PINS_MAX, .version = 4};
    const uint8_t next[MM_PIN_LEN] = {5};

    (void)state;
    assert_int_equal(mm_pins_add(&pins, next, 5), MM_STATE);
    assert_int_equal(pins.version, 4);
    assert_int_equal(pins.pins[0][0], 1);
}

static void pins_seen_drops_what_is_older(void **state)
{
    struct mm_pins pins = {.pins = {{3}, {2}, {1}}, .n = 3};
    const uint8_t middle[MM_PIN_LEN] = {2}, oldest[MM_PIN_LEN] = {1}, other[MM_PIN_LEN] = {9};

    (void)state;
    assert_false(mm_pins_seen(&pins, oldest));
    assert_false(mm_pins_seen(&pins, other));
    assert_int_equal(pins.n, 3);
    assert_true(mm_pins_seen(&pins, middle));
    assert_int_equal(pins.n, 2);
    assert_false(mm_pins_seen(&pins, middle));
}

static void pins_text_is_as_libcurl_wants_it(void **state)
{
    static const char text[] = PIN_A "\n" PIN_A "\n";
    char got[MM_PINS_TEXT_LEN];
    struct mm_pins pins;

    (void)state;
    assert_int_equal(read_text(text, strlen(text), &pins, NULL), MM_OK);
    mm_pins_text(&pins, got);
    assert_string_equal(got, "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=;"
                             "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pins_read_newest_first_with_version),
        cmocka_unit_test(pins_read_refuses_bad_files_and_names_line),
        cmocka_unit_test(pins_read_refuses_a_nul_byte),
        cmocka_unit_test(pins_write_back_as_read),
        cmocka_unit_test(pins_add_keeps_the_one_in_use),
        cmocka_unit_test(pins_add_of_a_known_key_moves_it_to_the_front),
        cmocka_unit_test(pins_add_refuses_more_than_fit),
        cmocka_unit_test(pins_seen_drops_what_is_older),
        cmocka_unit_test(pins_text_is_as_libcurl_wants_it),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
