/*
 * What classes and methods of the API do, in sentences (applet_vm/api/api_docs.tsv): class, member
 * (empty: the class itself), sentence. A class may be "*" and the end of names, for what many have
 * in common; the row of the very class comes first, then the first row that fits.
 */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define DOCS_MAX_LEN (1u << 20)

struct row {
    const char *cls, *member, *text;
};
struct mm_docs {
    struct row *rows;
    size_t n;
};

enum mm_status mm_conv_docs_read(struct mm_arena *arena, const char *path, struct mm_docs **out,
                                 struct mm_err *err)
{
    struct mm_docs *docs = mm_arena_alloc(arena, 1, sizeof(*docs));
    uint8_t *data = NULL;
    size_t len = 0;
    unsigned line_no = 0;
    enum mm_status st = mm_file_read(path, DOCS_MAX_LEN, &data, &len, err);
    char *text, *line;

    *out = docs;
    if (st != MM_OK)
        return st;
    text = mm_arena_text(arena, (const char *)data, len);
    free(data);
    while ((line = strsep(&text, "\n")) != NULL) {
        char *cls = strsep(&line, "\t"), *member = strsep(&line, "\t");

        if (line_no++ == 0 || *cls == '\0')
            continue;
        if (member == NULL || line == NULL || strchr(line, '\t') != NULL ||
            strstr(line, "*/") != NULL)
            return mm_fail(err, MM_MALFORMED, line_no, "%s:%u: not class, member, sentence", path,
                           line_no);
        docs->rows = mm_arena_grow(arena, docs->rows, docs->n, sizeof(*docs->rows));
        docs->rows[docs->n++] = (struct row){cls, member, line};
    }
    return MM_OK;
}

/* Is a, with slashes, the class b, with dots? */
static bool same(const char *a, const char *b)
{
    while (*a != '\0' && (*a == *b || (*a == '/' && *b == '.'))) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}

static bool fits(const char *pattern, const char *cls)
{
    size_t len = strlen(cls), end_len = strlen(pattern) - 1;

    return pattern[0] == '*' && len >= end_len && strcmp(cls + len - end_len, pattern + 1) == 0;
}

const char *mm_conv_docs_find(const struct mm_docs *docs, const char *cls, const char *member)
{
    const char *common = NULL;

    for (size_t i = 0; docs != NULL && i < docs->n; i++) {
        const struct row *r = &docs->rows[i];

        if (strcmp(r->member, member) != 0)
            continue;
        if (same(cls, r->cls))
            return r->text;
        if (common == NULL && fits(r->cls, cls))
            common = r->text;
    }
    return common;
}
