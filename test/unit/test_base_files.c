/* Base: statuses, error text, configuration files, whole-file writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applet_vm/base/base.h"

static void every_status_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < MM_STATUS_N; i++) {
        assert_true(strlen(mm_status_text((enum mm_status)i)) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(mm_status_text((enum mm_status)i),
                                    mm_status_text((enum mm_status)k));
    }
}

static void exit_statuses_are_those_of_the_man_pages(void **state)
{
    (void)state;
    assert_int_equal(mm_status_exit(MM_OK), 0);
    assert_int_equal(mm_status_exit(MM_FAILED), 1);
    assert_int_equal(mm_status_exit(MM_USAGE), 2);
    assert_int_equal(mm_status_exit(MM_REFUSED), 3);
    assert_int_equal(mm_status_exit(MM_NO_READER), 4);
    assert_int_equal(mm_status_exit(MM_CARD), 5);
    assert_int_equal(mm_status_exit(MM_PLATFORM), 5);
    assert_int_equal(mm_status_exit(MM_TAMPERED), 1);
}

static void err_prefix_keeps_the_front_of_a_long_text(void **state)
{
    struct mm_err err;
    char longtext[400];

    (void)state;
    memset(longtext, 'x', sizeof(longtext) - 1);
    longtext[sizeof(longtext) - 1] = '\0';
    assert_int_equal(mm_fail(&err, MM_MALFORMED, 7, "%s", longtext), MM_MALFORMED);
    mm_err_prefix(&err, "wallet.cap");
    assert_int_equal(strncmp(err.text, "wallet.cap: xxx", 15), 0);
    assert_true(strlen(err.text) < sizeof(err.text));
    mm_err_prefix(&err, "%s", longtext);
    assert_true(strlen(err.text) < sizeof(err.text));
}

struct seen {
    char text[256];
};

static enum mm_status note(void *ctx, const char *key, const char *value, unsigned line,
                           struct mm_err *err)
{
    struct seen *seen = ctx;
    size_t n = strlen(seen->text);

    if (strcmp(key, "refused") == 0)
        return mm_fail(err, MM_USAGE, line, "line %u: unknown key '%s'", line, key);
    snprintf(seen->text + n, sizeof(seen->text) - n, "%s=%s@%u;", key, value, line);
    return MM_OK;
}

static enum mm_status parse(const char *text, struct seen *seen, struct mm_err *err)
{
    *seen = (struct seen){{0}};
    return mm_conf_parse(text, strlen(text), note, seen, err);
}

static void conf_reads_keys_sections_comments_and_a_last_line_without_newline(void **state)
{
    struct seen seen;
    struct mm_err err;

    (void)state;
    assert_int_equal(parse("# top\n a = 1 \n\n[ net ]\r\nurl = https://x/?a=b\nlast=", &seen, &err),
                     MM_OK);
    assert_string_equal(seen.text, "a=1@2;net.url=https://x/?a=b@5;net.last=@6;");
}

static void conf_names_the_line_that_is_wrong(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {{"a=1\nnonsense\n", "line 2: expected key = value"},
               {"=1\n", "line 1: expected key = value"},
               {"a b = 1\n", "line 1: bad key 'a b'"},
               {"[#]\n", "line 1: bad section name '#'"},
               {"[open\n", "line 1: section without closing ']'"},
               {"\n\nrefused = 1\n", "line 3: unknown key 'refused'"}};
    struct seen seen;
    struct mm_err err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_not_equal(parse(bad[i].text, &seen, &err), MM_OK);
        assert_string_equal(err.text, bad[i].message);
    }
    assert_int_equal(mm_conf_parse("a=\0b\n", 5, note, &seen, &err), MM_MALFORMED);
}

static void conf_refuses_a_line_that_is_too_long(void **state)
{
    char text[3000];
    struct seen seen;
    struct mm_err err;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(mm_conf_parse(text, sizeof(text), note, &seen, &err), MM_TOO_LONG);
}

static void file_write_replaces_the_whole_and_sets_the_mode(void **state)
{
    char dir[] = "/tmp/mm-test.XXXXXX";
    char path[64];
    struct mm_err err;
    uint8_t *data = NULL;
    size_t len = 0;
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    assert_int_equal(mm_file_write(path, "a longer first text", 19, 0600, &err), MM_OK);
    assert_int_equal(mm_file_write(path, "short", 5, 0600, &err), MM_OK);
    assert_int_equal(mm_file_read(path, 5, &data, &len, &err), MM_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(data, "short", 5);
    free(data);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(mm_file_read(path, 4, &data, &len, &err), MM_TOO_LONG);
    assert_null(data);
    unlink(path);
    assert_int_equal(mm_file_read(path, 4, &data, &len, &err), MM_NOT_FOUND);
    rmdir(dir);
    assert_int_equal(mm_file_write(path, "x", 1, 0600, &err), MM_IO);
}

static void home_path_follows_the_option_then_the_environment(void **state)
{
    char *path;

    (void)state;
    setenv("MINTMARK_HOME", "/srv/mm", 1);
    path = mm_home_path("/opt/home", "chip/%s.nvm", "a");
    assert_string_equal(path, "/opt/home/chip/a.nvm");
    free(path);
    path = mm_home_path(NULL, "agent");
    assert_string_equal(path, "/srv/mm/agent");
    free(path);
    unsetenv("MINTMARK_HOME");
    setenv("XDG_STATE_HOME", "/xdg", 1);
    path = mm_home_path(NULL, "agent");
    assert_string_equal(path, "/xdg/mintmark/agent");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_sentence_of_its_own),
        cmocka_unit_test(exit_statuses_are_those_of_the_man_pages),
        cmocka_unit_test(err_prefix_keeps_the_front_of_a_long_text),
        cmocka_unit_test(conf_reads_keys_sections_comments_and_a_last_line_without_newline),
        cmocka_unit_test(conf_names_the_line_that_is_wrong),
        cmocka_unit_test(conf_refuses_a_line_that_is_too_long),
        cmocka_unit_test(file_write_replaces_the_whole_and_sets_the_mode),
        cmocka_unit_test(home_path_follows_the_option_then_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
