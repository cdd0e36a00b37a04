/* Export files: those made from the fact tables, and refusal of broken ones. */
#include "test/unit/conv_files.h"

#include <setjmp.h>

#include <cmocka.h>

#define FRAMEWORK "api/exports/javacard/framework/javacard/framework.exp"

static void export_file_is_written_as_it_was_read(void **state)
{
    static const char *const names[] = {
        FRAMEWORK, "api/exports/java/lang/javacard/lang.exp",
        "api/exports/javacard/security/javacard/security.exp",
        "api/exports/org/globalplatform/javacard/globalplatform.exp",
        "applets/test_exports/org/mintmark/library/javacard/library.exp"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len, out_len;
        uint8_t *out, *data = slurp(built(names[i]), &len);

        assert_non_null(data);
        assert_int_equal(mm_conv_export_rewrite(data, len, &out, &out_len, NULL), MM_OK);
        assert_int_equal(out_len, len);
        assert_memory_equal(out, data, len);
        free(out);
        free(data);
    }
}

static void export_file_begins_with_magic_and_format_of_the_standard(void **state)
{
    static const uint8_t head[] = {0x00, 0xFA, 0xCA, 0xDE, 1, 2};
    static const uint8_t aid[] = {7, 0xA0, 0, 0, 0, 0x62, 1, 1};
    size_t len;
    uint8_t *data = slurp(built(FRAMEWORK), &len);

    (void)state;
    assert_non_null(data);
    assert_memory_equal(data, head, sizeof(head));
    assert_non_null(memmem(data, len, aid, sizeof(aid)));
    assert_int_equal(len, 8344); /* as long as the published javacard.framework 1.6 */
    free(data);
}

static void export_reader_refuses_every_prefix(void **state)
{
    size_t len;
    uint8_t *data = slurp(built("api/exports/java/lang/javacard/lang.exp"), &len);

    (void)state;
    assert_non_null(data);
    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n + 1), *out;
        size_t out_len;
        struct mm_err err = {.text = ""};

        assert_non_null(cut);
        memcpy(cut, data, n);
        assert_int_not_equal(mm_conv_export_rewrite(cut, n, &out, &out_len, &err), MM_OK);
        assert_null(out);
        assert_non_null(strstr(err.text, "export file, offset 0x"));
        free(cut);
    }
    free(data);
}

static void library_exports_what_is_visible_and_nothing_else(void **state)
{
    static const char *const in[] = {"LIMIT", "PRIMES", "made", "value", "tag",   "twice",
                                     "next",  "note",   "step", "reset", "equals"};
    static const char *const out[] = {"inside", "open", "log", "<clinit>"};
    size_t len;
    uint8_t *data =
        slurp(built("applets/test_exports/org/mintmark/library/javacard/library.exp"), &len);

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
        assert_non_null(memmem(data, len, in[i], strlen(in[i])));
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
        assert_null(memmem(data, len, out[i], strlen(out[i])));
    free(data);
}

static void fact_table_with_a_short_row_is_refused_by_line(void **state)
{
    char path[] = "/tmp/mm-conv-XXXXXX";
    const char *tables[1] = {path};
    struct mm_err err = {.text = ""};
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    (void)state;
    assert_non_null(f);
    fputs("package\tpackage_aid\nfoo\tF001020304\n", f);
    fclose(f);
    assert_int_equal(mm_conv_api(tables, 1, NULL, "/tmp/mm-conv-none", &err), MM_MALFORMED);
    assert_non_null(strstr(err.text, ":2: expected 17 columns"));
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(export_file_is_written_as_it_was_read),
        cmocka_unit_test(export_file_begins_with_magic_and_format_of_the_standard),
        cmocka_unit_test(export_reader_refuses_every_prefix),
        cmocka_unit_test(library_exports_what_is_visible_and_nothing_else),
        cmocka_unit_test(fact_table_with_a_short_row_is_refused_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
