/*
 * Remote classes of a CAP 2.2 file: what the Class component tells of a remote method must be what
 * the method is (JCVM 3.0.5, 6.9.2.15). The package is converter/test/remote, with a byte changed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"

static uint8_t *lfdb;
static size_t lfdb_len;

static void load_with(bool descriptor)
{
    const char *build = getenv("MM_BUILD");
    struct mm_err err = {.text = ""};
    char path[256];

    free(lfdb);
    lfdb = NULL;
    snprintf(path, sizeof(path), "%s/applets/test_remote.cap",
             build != NULL ? build : "build/release");
    if (mm_cap_lfdb_from_file(path, descriptor, &lfdb, &lfdb_len, &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
}

static int load(void **state)
{
    (void)state;
    load_with(true);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    free(lfdb);
    return 0;
}

/* The Class component's content. */
static uint8_t *class_info(size_t *len)
{
    for (size_t at = 0; at + 3 <= lfdb_len; at += 3u + mm_be16(lfdb + at + 1)) {
        if (lfdb[at] == MM_CAP_CLASS) {
            *len = mm_be16(lfdb + at + 1);
            return lfdb + at + 3;
        }
    }
    fail_msg("no Class component");
    return NULL;
}

static void verdict(enum mm_status want, const char *text)
{
    const struct mm_verify_env env = {.rom = mm_api_packages()};
    struct mm_err err = {.text = ""};
    struct mm_cap *cap = NULL;
    enum mm_status st;

    assert_int_equal(mm_cap_read(lfdb, lfdb_len, &cap, &err), MM_OK);
    st = mm_verify(cap, &env, NULL, &err);
    if (st != want || strstr(err.text, text) == NULL)
        fail_msg("status %d: %s", st, err.text);
    mm_cap_free(&cap);
}

/* The rows of the remote class; their number is the byte before. */
static uint8_t *first_row(void)
{
    struct mm_cap *cap = NULL;
    uint16_t off = 0;
    size_t len = 0;

    assert_int_equal(mm_cap_read(lfdb, lfdb_len, &cap, NULL), MM_OK);
    for (size_t i = 0; i < mm_cap_class_n(cap); i++) {
        if (mm_cap_class(cap, i)->remote_off != 0)
            off = mm_cap_class(cap, i)->remote_off;
    }
    mm_cap_free(&cap);
    assert_int_not_equal(off, 0);
    return class_info(&len) + off + 1;
}

/* With this byte exclusive-or'ed by bits, the package is refused; and put back. */
static void refused(uint8_t *byte, uint8_t bits)
{
    *byte ^= bits;
    verdict(MM_MALFORMED, "[remote]");
    *byte ^= bits;
    verdict(MM_OK, "");
}

static uint8_t *signature_of_row(size_t i)
{
    size_t len;

    return class_info(&len) + 2 + mm_be16(first_row() + 5 * i + 2);
}

static void verify_takes_remote_classes_as_the_converter_makes_them(void **state)
{
    (void)state;
    verdict(MM_OK, "");
    assert_true(first_row()[-1] >= 8); /* methods of Account and Counting */
}

static void verify_refuses_remote_signatures_of_other_types(void **state)
{
    size_t rows = first_row()[-1], changed = 0;

    (void)state;
    for (size_t i = 0; i < rows; i++) {
        uint8_t *entry = signature_of_row(i);
        uint8_t first = entry[1] >> 4;

        if (first == 4 || first == 3) { /* a short or byte: now an int, or an array of its kind */
            refused(&entry[1], (uint8_t)((first ^ 5) << 4));
            refused(&entry[1], (uint8_t)((first ^ 0xB) << 4));
        } else if (first == 0xB || first == 0xC) { /* byte[]: now short[], boolean[] is none */
            refused(&entry[1], (uint8_t)((0xB ^ 0xC) << 4));
        } else if (first == 6) {
            refused(&entry[2], 0x01); /* another class */
        } else {
            continue;
        }
        changed++;
    }
    assert_true(changed >= 6);
}

/* Then the cells are known, not the types. */
static void verify_without_descriptor_counts_remote_arguments(void **state)
{
    size_t rows = first_row()[-1], changed = 0;

    (void)state;
    load_with(false);
    for (size_t i = 0; i < rows; i++) {
        uint8_t *entry = signature_of_row(i);

        if (entry[0] == 2 && entry[1] == 0x41) { /* set(S)V */
            refused(&entry[1], 0x10);            /* an int */
            refused(&entry[1], 0x05);            /* returns a short */
            changed++;
        }
    }
    assert_int_equal(changed, 1);
}

static void verify_refuses_remote_signatures_that_are_none(void **state)
{
    uint8_t *entry = signature_of_row(0);
    uint8_t was[2] = {entry[0], entry[1]};

    (void)state;
    for (unsigned code = 0; code < 16; code++) {
        entry[1] = (uint8_t)(code << 4 | (was[1] & 0x0F));
        if (code == 0 || code == 7 || code == 8 || code == 9 || code == 15)
            verdict(MM_MALFORMED, "[remote]");
    }
    entry[1] = was[1];
    for (unsigned n = 0; n < 256; n++) {
        entry[0] = (uint8_t)n;
        if (n != was[0])
            verdict(MM_MALFORMED, "[remote]");
    }
    entry[0] = was[0];
    verdict(MM_OK, "");
}

static void verify_refuses_remote_methods_that_the_class_has_not(void **state)
{
    uint8_t *row = first_row();

    (void)state;
    refused(&row[4], 0x40); /* a token past the table */
    refused(&row[2], 0x80); /* a signature past the pool */
}

static void verify_refuses_remote_interfaces_that_the_class_has_not(void **state)
{
    uint8_t *row = first_row(), *count = row + 5 * row[-1] + 1 + 14;

    (void)state;
    assert_int_equal(*count, 2);
    refused(count + 2, 0x7F);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_takes_remote_classes_as_the_converter_makes_them),
        cmocka_unit_test(verify_refuses_remote_signatures_of_other_types),
        cmocka_unit_test(verify_refuses_remote_signatures_that_are_none),
        cmocka_unit_test(verify_refuses_remote_methods_that_the_class_has_not),
        cmocka_unit_test(verify_refuses_remote_interfaces_that_the_class_has_not),
        cmocka_unit_test(verify_without_descriptor_counts_remote_arguments),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
