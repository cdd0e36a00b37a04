#include "applet_vm/base/base.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_MAX_LEN  65536
#define CONF_LINE_MAX 1024

static char *trim(char *s)
{
    char *end;

    while (isspace((unsigned char)*s))
        s++;
    end = s + strlen(s);
    while (end > s && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    return s;
}

/* Names of sections and keys: letters, digits, and "_", "-", ".". */
static bool good_name(const char *name)
{
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr("_-.", *name) == NULL)
            return false;
    }
    return true;
}

/* One line, NUL-terminated and writable. section: current one, changed by "[name]". */
static enum mm_status conf_line(char *line, char *section, size_t section_cap, unsigned no,
                                mm_conf_set set, void *ctx, struct mm_err *err)
{
    char key[CONF_LINE_MAX * 2];
    char *eq;
    size_t n;

    line = trim(line);
    n = strlen(line);
    if (n == 0 || line[0] == '#')
        return MM_OK;
    if (line[0] == '[') {
        if (line[n - 1] != ']' || n < 3)
            return mm_fail(err, MM_MALFORMED, no, "line %u: section without closing ']'", no);
        line[n - 1] = '\0';
        line = trim(line + 1);
        if (!good_name(line))
            return mm_fail(err, MM_MALFORMED, no, "line %u: bad section name '%s'", no, line);
        snprintf(section, section_cap, "%s.", line);
        return MM_OK;
    }
    eq = strchr(line, '=');
    if (eq == NULL || eq == line)
        return mm_fail(err, MM_MALFORMED, no, "line %u: expected key = value", no);
    *eq = '\0';
    line = trim(line);
    if (!good_name(line))
        return mm_fail(err, MM_MALFORMED, no, "line %u: bad key '%s'", no, line);
    snprintf(key, sizeof(key), "%s%s", section, line);
    return set(ctx, key, trim(eq + 1), no, err);
}

enum mm_status mm_conf_parse(const char *text, size_t text_len, mm_conf_set set, void *ctx,
                             struct mm_err *err)
{
    char section[CONF_LINE_MAX] = "";
    unsigned no = 0;

    while (text_len > 0) {
        const char *nl = memchr(text, '\n', text_len);
        size_t n = nl != NULL ? (size_t)(nl - text) : text_len;
        char line[CONF_LINE_MAX];
        enum mm_status st;

        no++;
        if (n >= sizeof(line))
            return mm_fail(err, MM_TOO_LONG, no, "line %u: longer than %d bytes", no,
                           CONF_LINE_MAX - 1);
        if (memchr(text, '\0', n) != NULL)
            return mm_fail(err, MM_MALFORMED, no, "line %u: a NUL byte", no);
        memcpy(line, text, n);
        line[n] = '\0';
        st = conf_line(line, section, sizeof(section), no, set, ctx, err);
        if (st != MM_OK)
            return st;
        text += n;
        text_len -= n;
        if (nl != NULL) {
            text++;
            text_len--;
        }
    }
    return MM_OK;
}

enum mm_status mm_conf_read(const char *path, mm_conf_set set, void *ctx, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_file_read(path, CONF_MAX_LEN, &data, &len, err);

    if (st != MM_OK)
        return st;
    st = mm_conf_parse((const char *)data, len, set, ctx, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    free(data);
    return st;
}
