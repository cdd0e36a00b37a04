/*
 * Names for what a CAP file has by numbers only: of the package itself from its Debug component or
 * its export file, of other packages from their export files. What has no name stays a number.
 */
#include "converter/names.h"

#include <stdlib.h>
#include <string.h>

#define EXP_FILE_MAX_LEN (1u << 20)
#define DEBUG_MAX_LEN    0x10003 /* tag, size, 65535 bytes */

struct mm_names {
    struct mm_arena *arena;
    const struct mm_cap *cap;
    const struct mm_exp_package **imports; /* by package token; NULL: not known */
    const struct mm_exp_package *own;      /* the package's own export file, or NULL */
    struct mm_named_class *classes;        /* from Debug */
    size_t class_n;
};

/* ---- Debug (JCVM 3.0.5, 6.15) ---- */

struct debug_rd {
    struct mm_names *n;
    struct mm_rd rd;
    const char **strings;
    uint16_t string_n;
};

static const char *string(struct debug_rd *d)
{
    uint16_t i = mm_rd_u16(&d->rd);

    return d->strings != NULL && i < d->string_n ? d->strings[i] : "?";
}

/* Room for n records of at least len bytes each that lie ahead; NULL when they cannot be there. */
static void *room(struct debug_rd *d, size_t n, size_t len, size_t size)
{
    if (mm_rd_left(&d->rd) < n * len)
        d->rd.bad = true;
    return d->rd.bad ? NULL : mm_arena_alloc(d->n->arena, n, size);
}

static void read_method(struct debug_rd *d, struct mm_named_method *m)
{
    uint16_t vars;

    m->name = string(d);
    m->desc = string(d);
    (void)mm_rd_u16(&d->rd);
    m->off = mm_rd_u16(&d->rd);
    m->header = mm_rd_u8(&d->rd);
    m->body = mm_rd_u16(&d->rd);
    vars = mm_rd_u16(&d->rd);
    m->line_n = mm_rd_u16(&d->rd);
    (void)mm_rd_bytes(&d->rd, 9u * vars);
    m->lines = room(d, m->line_n, 6, sizeof(*m->lines));
    for (size_t i = 0; i < m->line_n && !d->rd.bad; i++) {
        m->lines[i].pc = mm_rd_u16(&d->rd);
        (void)mm_rd_u16(&d->rd);
        m->lines[i].line = mm_rd_u16(&d->rd);
    }
}

static void read_field(struct debug_rd *d, struct mm_named_field *f)
{
    uint16_t access;

    f->name = string(d);
    f->desc = string(d);
    access = mm_rd_u16(&d->rd);
    f->is_static = (access & ACC_STATIC) != 0;
    f->at = (uint16_t)mm_rd_u32(&d->rd);
}

static void read_class(struct debug_rd *d, struct mm_named_class *c)
{
    uint16_t access;
    uint8_t ifaces;

    c->name = string(d);
    access = mm_rd_u16(&d->rd);
    c->is_interface = (access & ACC_INTERFACE) != 0;
    c->off = mm_rd_u16(&d->rd);
    (void)mm_rd_u16(&d->rd);
    c->source = string(d);
    ifaces = mm_rd_u8(&d->rd);
    c->field_n = mm_rd_u16(&d->rd);
    c->method_n = mm_rd_u16(&d->rd);
    (void)mm_rd_bytes(&d->rd, 2u * ifaces);
    c->fields = room(d, c->field_n, 10, sizeof(*c->fields));
    for (size_t i = 0; i < c->field_n && !d->rd.bad; i++)
        read_field(d, &c->fields[i]);
    c->methods = room(d, c->method_n, 15, sizeof(*c->methods));
    for (size_t i = 0; i < c->method_n && !d->rd.bad; i++)
        read_method(d, &c->methods[i]);
}

static void read_strings(struct debug_rd *d)
{
    d->string_n = mm_rd_u16(&d->rd);
    d->strings = room(d, d->string_n, 2, sizeof(*d->strings));
    for (size_t i = 0; i < d->string_n && !d->rd.bad; i++) {
        uint16_t len = mm_rd_u16(&d->rd);
        const uint8_t *text = mm_rd_bytes(&d->rd, len);

        d->strings[i] = text == NULL ? "?" : mm_arena_text(d->n->arena, (const char *)text, len);
    }
}

bool mm_names_debug(struct mm_names *n, const uint8_t *info, size_t len)
{
    struct debug_rd d = {.n = n};
    struct mm_named_class *classes;
    size_t class_n;

    mm_rd_init(&d.rd, info, len);
    read_strings(&d);
    (void)string(&d);
    class_n = mm_rd_u16(&d.rd);
    classes = room(&d, class_n, 15, sizeof(*classes));
    for (size_t i = 0; i < class_n && !d.rd.bad; i++)
        read_class(&d, &classes[i]);
    if (d.rd.bad || mm_rd_left(&d.rd) != 0)
        return false;
    n->classes = classes;
    n->class_n = class_n;
    return true;
}

/* ---- Where names come from ---- */

struct mm_names *mm_names_new(struct mm_arena *arena, const struct mm_cap *cap)
{
    struct mm_names *n = mm_arena_alloc(arena, 1, sizeof(*n));

    n->arena = arena;
    n->cap = cap;
    n->imports =
        mm_arena_alloc(arena, cap == NULL ? 0 : mm_cap_import_n(cap), sizeof(n->imports[0]));
    return n;
}

void mm_names_package(struct mm_names *n, const struct mm_exp_package *pkg)
{
    if (mm_aid_equal(&pkg->aid, mm_cap_aid(n->cap)) && pkg->major == mm_cap_major(n->cap))
        n->own = pkg;
    for (size_t i = 0; i < mm_cap_import_n(n->cap); i++) {
        const struct mm_cap_import *im = mm_cap_import(n->cap, i);
        bool exact = pkg->minor == im->minor;

        if (mm_aid_equal(&pkg->aid, &im->aid) && pkg->major == im->major &&
            (exact || n->imports[i] == NULL))
            n->imports[i] = pkg;
    }
}

enum mm_status mm_names_exports(struct mm_names *n, const char *dir, struct mm_err *err)
{
    struct mm_files files;
    enum mm_status st = mm_conv_files_list(n->arena, dir, ".exp", &files, err);

    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        struct mm_exp_package *pkg = mm_arena_alloc(n->arena, 1, sizeof(*pkg));
        const uint8_t *data;
        size_t len;

        st = mm_conv_files_read(n->arena, &files, files.names[i], &data, &len, err);
        if (st == MM_OK)
            st = mm_conv_exp_read(n->arena, data, len, pkg, err);
        if (st == MM_OK)
            mm_names_package(n, pkg);
        else
            mm_err_prefix(err, "%s/%s", dir, files.names[i]);
    }
    return st;
}

/* The Debug component and the export file that lie in and beside the archive, when they are there. */
static enum mm_status look_beside(struct mm_names *n, const char *path, struct mm_err *err)
{
    struct mm_files files;
    struct mm_exp_package *pkg = mm_arena_alloc(n->arena, 1, sizeof(*pkg));
    size_t stem = strlen(path), len = 0;
    const uint8_t *data;
    uint8_t *exp = NULL;
    enum mm_status st = mm_conv_files_list(n->arena, path, "Debug.cap", &files, err);

    if (st == MM_OK && files.n != 0) {
        st = mm_conv_files_read(n->arena, &files, files.names[0], &data, &len, err);
        if (st == MM_OK && (len < 3 || len > DEBUG_MAX_LEN || data[0] != MM_CAP_DEBUG ||
                            mm_be16(data + 1) != len - 3 || !mm_names_debug(n, data + 3, len - 3)))
            st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: the Debug component is malformed", path);
    }
    stem -= stem > 4 ? 4 : stem;
    if (st == MM_OK && mm_file_read(mm_arena_printf(n->arena, "%.*s.exp", (int)stem, path),
                                    EXP_FILE_MAX_LEN, &exp, &len, NULL) == MM_OK) {
        data = (const uint8_t *)mm_arena_text(n->arena, (const char *)exp, len);
        if (mm_conv_exp_read(n->arena, data, len, pkg, NULL) == MM_OK)
            mm_names_package(n, pkg);
        free(exp);
    }
    return st;
}

enum mm_status mm_names_open(struct mm_arena *arena, const struct mm_cap *cap, const char *path,
                             const char *const *exports, size_t export_n, struct mm_names **out,
                             struct mm_err *err)
{
    struct mm_names *n = mm_names_new(arena, cap);
    const char *api = mm_conv_api_dir(arena);
    enum mm_status st = look_beside(n, path, err);

    if (st == MM_OK && api != NULL)
        st = mm_names_exports(n, mm_arena_printf(arena, "%s/exports", api), err);
    for (size_t i = 0; st == MM_OK && i < export_n; i++) /* later ones are the user's: they win */
        st = mm_names_exports(n, exports[i], err);
    *out = n;
    return st;
}

/* ---- Look-ups ---- */

const char *mm_names_import(const struct mm_names *n, size_t i)
{
    return n == NULL || n->imports[i] == NULL ? NULL : n->imports[i]->name;
}

static const struct mm_exp_class *by_token(const struct mm_exp_package *pkg, uint8_t token)
{
    for (size_t i = 0; pkg != NULL && i < pkg->class_n; i++) {
        if (pkg->classes[i].token == token)
            return &pkg->classes[i];
    }
    return NULL;
}

/* The exported class that a class_ref means, here or elsewhere. */
static const struct mm_exp_class *exported(const struct mm_names *n, uint16_t ref)
{
    struct mm_cap_export e;

    if (ref & MM_CAP_CLASS_EXTERNAL)
        return (ref >> 8 & 0x7Fu) < mm_cap_import_n(n->cap)
                   ? by_token(n->imports[ref >> 8 & 0x7F], (uint8_t)ref)
                   : NULL;
    for (size_t i = 0; n->own != NULL && i < mm_cap_export_n(n->cap); i++) {
        if (mm_cap_export(n->cap, i, &e) && e.class_off == ref)
            return by_token(n->own, (uint8_t)i);
    }
    return NULL;
}

const struct mm_named_class *mm_names_class_at(const struct mm_names *n, uint16_t off)
{
    for (size_t i = 0; n != NULL && i < n->class_n; i++) {
        if (n->classes[i].off == off)
            return &n->classes[i];
    }
    return NULL;
}

const struct mm_named_method *mm_names_method_at(const struct mm_names *n, uint16_t off,
                                                 const struct mm_named_class **cls)
{
    for (size_t i = 0; n != NULL && i < n->class_n; i++) {
        for (size_t k = 0; k < n->classes[i].method_n; k++) {
            if (off == 0 || n->classes[i].methods[k].off != off)
                continue;
            *cls = &n->classes[i];
            return &n->classes[i].methods[k];
        }
    }
    return NULL;
}

const char *mm_names_class(const struct mm_names *n, uint16_t ref)
{
    const struct mm_named_class *own = mm_names_class_at(n, ref);
    const struct mm_exp_class *ext = n == NULL ? NULL : exported(n, ref);

    return own != NULL ? own->name : ext != NULL ? ext->name : NULL;
}

static const char *member(const struct mm_names *n, const char *cls, const char *name,
                          const char *desc)
{
    return mm_arena_printf(n->arena, "%s.%s%s%s", cls, name, desc[0] == '(' ? "" : ":", desc);
}

const char *mm_names_method(const struct mm_names *n, uint16_t off)
{
    const struct mm_named_class *cls = NULL;
    const struct mm_named_method *m = mm_names_method_at(n, off, &cls);
    struct mm_cap_export e;

    if (m != NULL)
        return member(n, cls->name, m->name, m->desc);
    for (size_t i = 0; n != NULL && n->own != NULL && i < mm_cap_export_n(n->cap); i++) {
        const struct mm_exp_class *ext = by_token(n->own, (uint8_t)i);

        if (ext == NULL || !mm_cap_export(n->cap, i, &e))
            continue;
        for (size_t k = 0; k < ext->method_n; k++) {
            const struct mm_exp_method *x = &ext->methods[k];
            bool direct = (x->access & ACC_STATIC) || strcmp(x->name, "<init>") == 0;

            if (direct && x->token < e.method_n && mm_be16(e.methods + 2 * x->token) == off)
                return member(n, ext->name, x->name, x->desc);
        }
    }
    return NULL;
}

static const char *ext_method(const struct mm_names *n, const struct mm_exp_class *c, uint8_t token,
                              bool direct)
{
    for (size_t i = 0; c != NULL && i < c->method_n; i++) {
        const struct mm_exp_method *m = &c->methods[i];

        if (m->token == token &&
            ((m->access & ACC_STATIC) || strcmp(m->name, "<init>") == 0) == direct)
            return member(n, c->name, m->name, m->desc);
    }
    return NULL;
}

static const char *ext_field(const struct mm_names *n, const struct mm_exp_class *c, uint8_t token,
                             bool is_static)
{
    for (size_t i = 0; c != NULL && i < c->field_n; i++) {
        const struct mm_exp_field *f = &c->fields[i];

        if (f->token == token && ((f->access & ACC_STATIC) != 0) == is_static)
            return member(n, c->name, f->name, f->desc);
    }
    return NULL;
}

/* Where a class of the package has the code of a virtual method: a table of it or of a superclass. */
static uint16_t table_entry(const struct mm_names *n, uint16_t ref, uint8_t token, uint16_t *super)
{
    const struct mm_cap_class *c =
        ref & MM_CAP_CLASS_EXTERNAL ? NULL : mm_cap_class_at(n->cap, ref);
    bool package = (token & 0x80) != 0;
    uint8_t at = token & 0x7F;

    *super = ref;
    while (c != NULL && !(c->flags & MM_CAP_ACC_INTERFACE)) {
        uint8_t base = package ? c->package_base : c->public_base;
        uint8_t count = package ? c->package_n : c->public_n;
        const uint8_t *table = package ? c->package_table : c->public_table;

        if (at >= base && at - base < count && mm_be16(table + 2 * (at - base)) != 0xFFFF)
            return mm_be16(table + 2 * (at - base));
        *super = c->super;
        c = c->super & MM_CAP_CLASS_EXTERNAL ? NULL : mm_cap_class_at(n->cap, c->super);
    }
    return 0xFFFF;
}

const char *mm_names_virtual(const struct mm_names *n, uint16_t ref, uint8_t token)
{
    const struct mm_named_class *own = mm_names_class_at(n, ref);
    const char *name = NULL;
    uint16_t off, super;

    if (n == NULL)
        return NULL;
    if (own != NULL && own->is_interface)
        return token < own->method_n
                   ? member(n, own->name, own->methods[token].name, own->methods[token].desc)
                   : NULL;
    off = table_entry(n, ref, token, &super);
    if (off != 0xFFFF)
        name = mm_names_method(n, off);
    if (name == NULL)
        name = ext_method(n, exported(n, ref), token, false);
    return name != NULL ? name : ext_method(n, exported(n, super), token, false);
}

static const char *own_field(const struct mm_names *n, uint16_t cls, bool is_static, uint16_t at)
{
    for (size_t i = 0; i < n->class_n; i++) {
        const struct mm_named_class *c = &n->classes[i];

        for (size_t k = 0; k < c->field_n; k++) {
            const struct mm_named_field *f = &c->fields[k];

            if (f->is_static == is_static && f->at == at && (is_static || c->off == cls))
                return member(n, c->name, f->name, f->desc);
        }
    }
    return NULL;
}

const char *mm_names_constant(const struct mm_names *n, const struct mm_cap_cp *c)
{
    uint16_t ref = mm_be16(c->b);
    const char *own;

    if (n == NULL)
        return NULL;
    switch (c->tag) {
    case 1:
        return mm_names_class(n, ref);
    case 2:
        own = own_field(n, ref, false, c->b[2]);
        return own != NULL ? own : ext_field(n, exported(n, ref), c->b[2], false);
    case 3:
        return mm_names_virtual(n, ref, c->b[2]);
    case 4: { /* names the class that makes the call; its superclass is searched */
        const struct mm_cap_class *cls = mm_cap_class_at(n->cap, ref);
        return cls == NULL ? NULL : mm_names_virtual(n, cls->super, c->b[2]);
    }
    case 5:
        return ref & MM_CAP_CLASS_EXTERNAL ? ext_field(n, exported(n, ref), c->b[2], true)
                                           : own_field(n, 0, true, mm_be16(c->b + 1));
    case 6:
        return ref & MM_CAP_CLASS_EXTERNAL ? ext_method(n, exported(n, ref), c->b[2], true)
                                           : mm_names_method(n, mm_be16(c->b + 1));
    default:
        return NULL;
    }
}
