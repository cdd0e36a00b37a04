/*
 * Fact tables (applet_vm/api/ *.tsv): every exported package, class, member and constant with its
 * token, one a line. Here they become the same structure that an export file has.
 */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_MAX_LEN (4u << 20)

enum column {
    COL_PACKAGE,
    COL_AID,
    COL_VERSION,
    COL_KIND,
    COL_CLASS,
    COL_CLASS_TOKEN,
    COL_ACCESS,
    COL_SUPER,
    COL_INTERFACES,
    COL_NAME,
    COL_DESC,
    COL_TOKEN,
    COL_VALUE,
    COL_SHAREABLE,
    COL_TEXT,
    COL_INHERITED,
    COL_FORMAT,
    COL_N
};

struct facts {
    struct mm_arena *arena;
    const char *path;
    unsigned line;
    struct mm_exp_package *pkgs;
    size_t pkg_n;
    struct mm_err *err;
};

static enum mm_status bad(struct facts *f, const char *what)
{
    return mm_fail(f->err, MM_MALFORMED, f->line, "%s:%u: %s", f->path, f->line, what);
}

static const char *slashes(struct mm_arena *arena, const char *name, size_t len)
{
    char *s = mm_arena_text(arena, name, len);

    for (char *p = s; *p != '\0'; p++) {
        if (*p == '.')
            *p = '/';
    }
    return s;
}

static const char **names(struct mm_arena *arena, const char *list, size_t *n)
{
    const char **out = NULL;

    *n = 0;
    while (*list != '\0') {
        size_t len = strcspn(list, " ");

        if (len != 0) {
            out = mm_arena_grow(arena, out, *n, sizeof(*out));
            out[(*n)++] = slashes(arena, list, len);
        }
        list += len + (list[len] == ' ');
    }
    return out;
}

/* The package of a row, by name and version; NULL when the version is malformed. */
static struct mm_exp_package *package(struct facts *f, char **col)
{
    const char *name = slashes(f->arena, col[COL_PACKAGE], strlen(col[COL_PACKAGE]));
    char *dot = strchr(col[COL_VERSION], '.');
    struct mm_exp_package *pkg;
    uint8_t major, minor;

    if (dot == NULL)
        return NULL;
    major = (uint8_t)strtoul(col[COL_VERSION], NULL, 10);
    minor = (uint8_t)strtoul(dot + 1, NULL, 10);
    for (size_t i = 0; i < f->pkg_n; i++) {
        pkg = &f->pkgs[i];
        if (strcmp(pkg->name, name) == 0 && pkg->major == major && pkg->minor == minor)
            return pkg;
    }
    f->pkgs = mm_arena_grow(f->arena, f->pkgs, f->pkg_n, sizeof(*f->pkgs));
    pkg = &f->pkgs[f->pkg_n++];
    memset(pkg, 0, sizeof(*pkg));
    pkg->name = name;
    pkg->major = major;
    pkg->minor = minor;
    pkg->import = -1;
    return pkg;
}

static bool set_package(struct mm_exp_package *pkg, char **col)
{
    uint8_t aid[MM_AID_MAX];
    size_t len = sizeof(aid);

    pkg->flags = (uint8_t)strtoul(col[COL_ACCESS], NULL, 16);
    pkg->format_minor = strcmp(col[COL_FORMAT], "2.2") == 0 ? 2 : 1;
    return mm_unhex(col[COL_AID], aid, &len) == MM_OK && mm_aid_set(&pkg->aid, aid, len) == MM_OK;
}

static void add_class(struct facts *f, struct mm_exp_package *pkg, char **col)
{
    struct mm_exp_class *c;

    pkg->classes = mm_arena_grow(f->arena, pkg->classes, pkg->class_n, sizeof(*pkg->classes));
    c = &pkg->classes[pkg->class_n++];
    memset(c, 0, sizeof(*c));
    c->token = (uint8_t)strtoul(col[COL_CLASS_TOKEN], NULL, 10);
    c->access = (uint16_t)strtoul(col[COL_ACCESS], NULL, 16);
    c->name = mm_arena_printf(f->arena, "%s/%s", pkg->name, col[COL_CLASS]);
    c->supers = names(f->arena, col[COL_SUPER], &c->super_n);
    /* The table begins with the direct superclass, export files with Object. */
    for (size_t i = 0; i < c->super_n / 2; i++) {
        const char *name = c->supers[i];

        c->supers[i] = c->supers[c->super_n - 1 - i];
        c->supers[c->super_n - 1 - i] = name;
    }
    c->ifaces = names(f->arena, col[COL_INTERFACES], &c->iface_n);
}

static void add_field(struct facts *f, struct mm_exp_class *c, char **col)
{
    struct mm_exp_field *field;

    c->fields = mm_arena_grow(f->arena, c->fields, c->field_n, sizeof(*c->fields));
    field = &c->fields[c->field_n++];
    memset(field, 0, sizeof(*field));
    field->token = (uint8_t)strtoul(col[COL_TOKEN], NULL, 10);
    field->access = (uint16_t)strtoul(col[COL_ACCESS], NULL, 16);
    field->name = mm_arena_text(f->arena, col[COL_NAME], strlen(col[COL_NAME]));
    field->desc = mm_arena_text(f->arena, col[COL_DESC], strlen(col[COL_DESC]));
    field->has_value = col[COL_VALUE][0] != '\0';
    field->value = (int32_t)strtol(col[COL_VALUE], NULL, 10);
}

static void add_method(struct facts *f, struct mm_exp_class *c, char **col)
{
    struct mm_exp_method *m;

    c->methods = mm_arena_grow(f->arena, c->methods, c->method_n, sizeof(*c->methods));
    m = &c->methods[c->method_n++];
    memset(m, 0, sizeof(*m));
    m->token = (uint8_t)strtoul(col[COL_TOKEN], NULL, 10);
    m->access = (uint16_t)strtoul(col[COL_ACCESS], NULL, 16);
    m->name = mm_arena_text(f->arena, col[COL_NAME], strlen(col[COL_NAME]));
    m->desc = mm_arena_text(f->arena, col[COL_DESC], strlen(col[COL_DESC]));
    m->inherited = col[COL_INHERITED][0] != '\0';
}

static enum mm_status add_member(struct facts *f, struct mm_exp_package *pkg, char **col)
{
    const char *name = mm_arena_printf(f->arena, "%s/%s", pkg->name, col[COL_CLASS]);
    const char *kind = col[COL_KIND];
    struct mm_exp_class *c = NULL;

    for (size_t i = 0; i < pkg->class_n && c == NULL; i++) {
        if (strcmp(pkg->classes[i].name, name) == 0)
            c = &pkg->classes[i];
    }
    if (c == NULL)
        return bad(f, "member comes before its class");
    if (strcmp(kind, "constant") == 0 || strcmp(kind, "field") == 0)
        add_field(f, c, col);
    else if (strcmp(kind, "constructor") == 0 || strcmp(kind, "method") == 0 ||
             strcmp(kind, "static_method") == 0)
        add_method(f, c, col);
    else
        return bad(f, "kind is not package, class, interface, constructor, method, static_method, "
                      "field or constant");
    return MM_OK;
}

static enum mm_status add_row(struct facts *f, char **col)
{
    struct mm_exp_package *pkg = package(f, col);

    if (pkg == NULL)
        return bad(f, "package version is not major.minor");
    if (strcmp(col[COL_KIND], "package") == 0)
        return set_package(pkg, col) ? MM_OK : bad(f, "package AID is not 5 to 16 bytes");
    if (strcmp(col[COL_KIND], "class") == 0 || strcmp(col[COL_KIND], "interface") == 0) {
        add_class(f, pkg, col);
        return MM_OK;
    }
    return add_member(f, pkg, col);
}

enum mm_status mm_conv_facts_read(struct mm_arena *arena, const char *path,
                                  struct mm_exp_package **pkgs, size_t *pkg_n, struct mm_err *err)
{
    struct facts f = {.arena = arena, .path = path, .pkgs = *pkgs, .pkg_n = *pkg_n, .err = err};
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_file_read(path, TABLE_MAX_LEN, &data, &len, err);
    char *text, *line;

    if (st != MM_OK)
        return st;
    text = mm_arena_text(arena, (const char *)data, len);
    free(data);
    while (st == MM_OK && (line = strsep(&text, "\n")) != NULL) {
        char *col[COL_N];
        size_t n = 0;

        f.line++;
        if (line[0] == '\0' || f.line == 1)
            continue;
        while (n < COL_N && (col[n] = strsep(&line, "\t")) != NULL)
            n++;
        st = n == COL_N ? add_row(&f, col) : bad(&f, "expected 17 columns");
    }
    *pkgs = f.pkgs;
    *pkg_n = f.pkg_n;
    for (size_t i = 0; i < f.pkg_n; i++) {
        for (size_t k = 0; k < f.pkgs[i].class_n; k++)
            f.pkgs[i].classes[k].package = &f.pkgs[i];
    }
    return st;
}
