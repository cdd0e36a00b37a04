/*
 * Java sources that declare an API and do nothing: javac compiles applets against them, and the
 * converter never reads them. Methods are native so that they need no body.
 */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

struct stubs {
    struct mm_arena *arena;
    const struct mm_exp_package *pkgs;
    size_t pkg_n;
    const struct mm_docs *docs;
    struct mm_buf out;
};

static void put(struct stubs *s, const char *fmt, ...) MM_PRINTF(2, 3);
static void put(struct stubs *s, const char *fmt, ...)
{
    char line[1024];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    mm_buf_bytes(&s->out, line, strlen(line));
}

static const char *dots(struct mm_arena *arena, const char *name, size_t len)
{
    char *t = mm_arena_text(arena, name, len);

    for (char *p = t; *p != '\0'; p++) {
        if (*p == '/' || *p == '$')
            *p = '.';
    }
    return t;
}

/* Java source form of the first type of a descriptor. */
static const char *java_type(struct stubs *s, const char *desc)
{
    switch (*desc) {
    case 'Z':
        return "boolean";
    case 'B':
        return "byte";
    case 'S':
        return "short";
    case 'I':
        return "int";
    case 'V':
        return "void";
    case '[':
        return mm_arena_printf(s->arena, "%s[]", java_type(s, desc + 1));
    case 'L':
        return dots(s->arena, desc + 1, strcspn(desc, ";") - 1);
    default:
        return "short";
    }
}

/* The documentation comment of a class (member "") or method, when there is a sentence about it. */
static void put_comment(struct stubs *s, const struct mm_exp_class *c, const char *member)
{
    const char *text = mm_conv_docs_find(s->docs, c->name, member);

    if (text != NULL)
        put(s, "%s/** %s */\n", *member == '\0' ? "" : "    ", text);
}

static const char *visibility(uint16_t access)
{
    return access & ACC_PUBLIC ? "public " : access & ACC_PROTECTED ? "protected " : "";
}

static void put_params(struct stubs *s, const char *desc)
{
    const char *p = desc + 1;

    put(s, "(");
    for (unsigned i = 0; *p != ')' && *p != '\0'; i++) {
        put(s, "%s%s p%u", i == 0 ? "" : ", ", java_type(s, p), i);
        if (mm_conv_type_next(&p) == 0)
            break;
    }
    put(s, ")");
}

static bool is_latest(const struct mm_exp_package *pkgs, size_t pkg_n,
                      const struct mm_exp_package *pkg)
{
    for (size_t i = 0; i < pkg_n; i++) {
        if (strcmp(pkgs[i].name, pkg->name) == 0 &&
            (pkgs[i].major > pkg->major ||
             (pkgs[i].major == pkg->major && pkgs[i].minor > pkg->minor)))
            return false;
    }
    return true;
}

static const struct mm_exp_class *find(const struct stubs *s, const char *name)
{
    for (size_t i = 0; i < s->pkg_n; i++) {
        if (!is_latest(s->pkgs, s->pkg_n, &s->pkgs[i]))
            continue;
        for (size_t k = 0; k < s->pkgs[i].class_n; k++) {
            if (strcmp(s->pkgs[i].classes[k].name, name) == 0)
                return &s->pkgs[i].classes[k];
        }
    }
    return NULL;
}

/* "super(...)" with zeros, for the first constructor that the superclass shows. */
static void put_super_call(struct stubs *s, const struct mm_exp_class *c)
{
    const struct mm_exp_class *super = c->super_n == 0 ? NULL : find(s, c->supers[c->super_n - 1]);

    for (size_t i = 0; super != NULL && i < super->method_n; i++) {
        const char *p = super->methods[i].desc + 1;

        if (strcmp(super->methods[i].name, "<init>") != 0)
            continue;
        put(s, "super(");
        while (*p != ')' && *p != '\0') {
            const char *type = java_type(s, p);
            const char *zero = *p == 'Z' ? "false" : *p == 'L' || *p == '[' ? "null" : "0";

            put(s, "(%s) %s", type, zero);
            if (mm_conv_type_next(&p) == 0)
                break;
            put(s, "%s", *p == ')' ? "" : ", ");
        }
        put(s, "); ");
        return;
    }
}

static const char *simple(const char *name)
{
    const char *last = strrchr(name, '/') == NULL ? name : strrchr(name, '/') + 1;

    return strchr(last, '$') == NULL ? last : strchr(last, '$') + 1;
}

/* An inherited method is left to the superclass, except where it is abstract there. */
static bool implements(const struct stubs *s, const struct mm_exp_class *c,
                       const struct mm_exp_method *m)
{
    if (m->access & ACC_ABSTRACT)
        return false;
    for (size_t i = c->super_n; i > 0; i--) {
        const struct mm_exp_class *super = find(s, c->supers[i - 1]);

        for (size_t k = 0; super != NULL && k < super->method_n; k++) {
            if (strcmp(super->methods[k].name, m->name) == 0 &&
                strcmp(super->methods[k].desc, m->desc) == 0)
                return (super->methods[k].access & ACC_ABSTRACT) != 0;
        }
    }
    return false;
}

/* Checked exceptions: export files do not tell them, but javac wants them declared. Only the two
 * throwIt methods of checked exception classes throw one. */
static const char *throws(const struct mm_exp_class *c, const struct mm_exp_method *m)
{
    if (strcmp(m->name, "throwIt") != 0)
        return "";
    if (strcmp(c->name, "javacard/framework/CardException") == 0)
        return " throws javacard.framework.CardException";
    if (strcmp(c->name, "javacard/framework/UserException") == 0)
        return " throws javacard.framework.UserException";
    return "";
}

static void put_method(struct stubs *s, const struct mm_exp_class *c, const struct mm_exp_method *m)
{
    bool iface = (c->access & ACC_INTERFACE) != 0;
    bool abstract = (m->access & ACC_ABSTRACT) != 0;

    if (m->inherited && !implements(s, c, m))
        return;
    put_comment(s, c, m->name);
    put(s, "    %s", visibility(m->access));
    if (strcmp(m->name, "<init>") == 0) {
        put(s, "%s", simple(c->name));
        put_params(s, m->desc);
        put(s, " { ");
        put_super_call(s, c);
        put(s, "}\n");
        return;
    }
    if (!iface)
        put(s, "%s%s%s", m->access & ACC_STATIC ? "static " : "",
            m->access & ACC_FINAL ? "final " : "", abstract ? "abstract " : "native ");
    put(s, "%s %s", java_type(s, strchr(m->desc, ')') + 1), m->name);
    put_params(s, m->desc);
    put(s, "%s;\n", throws(c, m));
}

static void put_field(struct stubs *s, const struct mm_exp_field *f)
{
    const char *type = java_type(s, f->desc);

    if (f->has_value && f->desc[0] != 'Z') /* status words and masks read better so */
        put(s, "    /** %s is %d, hexadecimal %X. */\n", f->name, (int)f->value,
            (unsigned)f->value & (f->desc[0] == 'B'   ? 0xFFu
                                  : f->desc[0] == 'S' ? 0xFFFFu
                                                      : ~0u));
    put(s, "    %s%s%s%s %s", visibility(f->access), f->access & ACC_STATIC ? "static " : "",
        f->has_value ? "final " : "", type, f->name);
    if (f->has_value && f->desc[0] == 'Z')
        put(s, " = %s", f->value ? "true" : "false");
    else if (f->has_value)
        put(s, " = (%s) %d", type, (int)f->value);
    put(s, ";\n");
}

/* A class and, inside it, the classes nested in it. */
static void put_class(struct stubs *s, const struct mm_exp_class *c)
{
    bool iface = (c->access & ACC_INTERFACE) != 0;
    bool nested = strchr(c->name, '$') != NULL;
    size_t name_len = strlen(c->name);
    bool has_init = iface;

    put_comment(s, c, "");
    put(s, "%s%s", visibility(c->access), nested ? "static " : "");
    if (iface)
        put(s, "interface %s", simple(c->name));
    else
        put(s, "%s%sclass %s", c->access & ACC_ABSTRACT ? "abstract " : "",
            c->access & ACC_FINAL ? "final " : "", simple(c->name));
    if (!iface && c->super_n != 0)
        put(s, " extends %s",
            dots(s->arena, c->supers[c->super_n - 1], strlen(c->supers[c->super_n - 1])));
    for (size_t i = 0; i < c->iface_n; i++)
        put(s, "%s%s",
            i != 0  ? ", "
            : iface ? " extends "
                    : " implements ",
            dots(s->arena, c->ifaces[i], strlen(c->ifaces[i])));
    put(s, " {\n");
    for (size_t i = 0; i < c->field_n; i++)
        put_field(s, &c->fields[i]);
    for (size_t i = 0; i < c->method_n; i++) {
        has_init = has_init || strcmp(c->methods[i].name, "<init>") == 0;
        put_method(s, c, &c->methods[i]);
    }
    if (!has_init) { /* not to be instantiated by applets, but other stubs may extend it */
        put(s, "    %s() { ", simple(c->name));
        put_super_call(s, c);
        put(s, "}\n");
    }
    for (size_t i = 0; i < c->package->class_n; i++) {
        const struct mm_exp_class *inner = &c->package->classes[i];

        if (strncmp(inner->name, c->name, name_len) == 0 && inner->name[name_len] == '$')
            put_class(s, inner);
    }
    put(s, "}\n");
}

enum mm_status mm_conv_stubs_write(struct mm_arena *arena, const struct mm_exp_package *pkgs,
                                   size_t pkg_n, const struct mm_docs *docs, const char *dir,
                                   struct mm_err *err)
{
    struct stubs s = {.arena = arena, .pkgs = pkgs, .pkg_n = pkg_n, .docs = docs};
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < pkg_n; i++) {
        if (!is_latest(pkgs, pkg_n, &pkgs[i]))
            continue;
        /* java.lang, java.io and java.rmi come with javac. */
        if (strncmp(pkgs[i].name, "java/", 5) == 0)
            continue;
        st = mm_dir_make(mm_arena_printf(arena, "%s/%s", dir, pkgs[i].name), err);
        for (size_t k = 0; st == MM_OK && k < pkgs[i].class_n; k++) {
            const struct mm_exp_class *c = &pkgs[i].classes[k];

            if (strchr(c->name, '$') != NULL)
                continue;
            mm_buf_init(&s.out);
            put(&s, "package %s;\n\n", dots(arena, pkgs[i].name, strlen(pkgs[i].name)));
            put_class(&s, c);
            st = s.out.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                           : mm_file_write(mm_arena_printf(arena, "%s/%s.java", dir, c->name),
                                           s.out.data, s.out.len, 0644, err);
            mm_buf_clear(&s.out);
        }
    }
    return st;
}

/* The latest version is found by name alone, others by name and version. */
static const char *export_path(struct mm_arena *arena, const char *dir,
                               const struct mm_exp_package *pkgs, size_t pkg_n,
                               const struct mm_exp_package *pkg)
{
    if (is_latest(pkgs, pkg_n, pkg))
        return mm_arena_printf(arena, "%s/%s.exp", dir, simple(pkg->name));
    return mm_arena_printf(arena, "%s/%s-%u.%u.exp", dir, simple(pkg->name), pkg->major,
                           pkg->minor);
}

enum mm_status mm_conv_api(const char *const *tables, size_t table_n, const char *docs_path,
                           const char *dir, struct mm_err *err)
{
    struct mm_arena *arena = mm_arena_new();
    struct mm_docs *docs = NULL;
    struct mm_exp_package *pkgs = NULL;
    size_t pkg_n = 0;
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < table_n; i++)
        st = mm_conv_facts_read(arena, tables[i], &pkgs, &pkg_n, err);
    if (st == MM_OK && docs_path != NULL)
        st = mm_conv_docs_read(arena, docs_path, &docs, err);
    if (st == MM_OK)
        st = mm_conv_stubs_write(arena, pkgs, pkg_n, docs, mm_arena_printf(arena, "%s/stubs", dir),
                                 err);
    for (size_t i = 0; st == MM_OK && i < pkg_n; i++) {
        const char *where = mm_arena_printf(arena, "%s/exports/%s/javacard", dir, pkgs[i].name);
        struct mm_buf out;

        mm_buf_init(&out);
        mm_conv_exp_write(&pkgs[i], &out);
        st = out.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                     : mm_dir_make(where, err);
        if (st == MM_OK)
            st = mm_file_write(export_path(arena, where, pkgs, pkg_n, &pkgs[i]), out.data, out.len,
                               0644, err);
        mm_buf_clear(&out);
    }
    mm_arena_free(&arena);
    return st;
}
