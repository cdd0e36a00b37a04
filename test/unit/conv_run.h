/* Runs this build's converter, javac and shell commands in a folder of its own. */
#ifndef CONV_RUN_H
#define CONV_RUN_H

#include "test/unit/conv_files.h"

#include <setjmp.h>
#include <sys/wait.h>

#include <cmocka.h>

static char dir[] = "/tmp/mm-build-XXXXXX";
static char text[65536]; /* what the last program said */

static inline void put(const char *name, const char *content)
{
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

/* Run a shell command in the test's folder; its output is in text. "CONVERT" and "API" stand for
 * this build's program and API. Returns the exit status. */
static inline int run(const char *command)
{
    char line[2048], cwd[512];
    size_t len;
    FILE *p;
    int status;

    assert_non_null(getcwd(cwd, sizeof(cwd)));
    snprintf(line, sizeof(line),
             "B='%s/%s'; [ -d \"$B\" ] || B='%s'; CONVERT=$B/bin/mintmark-convert; API=$B/api; "
             "cd %s; { %s; } 2>&1",
             cwd, built(""), built(""), dir, command);
    p = popen(line, "r");
    assert_non_null(p);
    len = fread(text, 1, sizeof(text) - 1, p);
    text[len] = '\0';
    status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void expect(int want, const char *command)
{
    int got = run(command);

    if (got != want)
        fail_msg("%s: status %d, expected %d: %s", command, got, want, text);
}

static inline void expect_text(const char *want)
{
    if (strstr(text, want) == NULL)
        fail_msg("no \"%s\" in: %s", want, text);
}

static inline int folder_new(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static inline int folder_remove(void **state)
{
    (void)state;
    return run("cd / && rm -rf \"$OLDPWD\"");
}

#endif
