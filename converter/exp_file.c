/* Export files (JCVM 3.0.5, chapter 5), formats 2.1 to 2.3; written as 2.1 or 2.2. */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define EXP_MAGIC     0x00FACADEu
#define EXP_UTF8      1
#define EXP_INTEGER   3
#define EXP_CLASSREF  7
#define EXP_PACKAGE   13
#define EXP_VALUE_MAX 1 /* attributes of a field: ConstantValue is the only one */

struct exp_cp {
    uint8_t tag;
    uint16_t name;
    int32_t value;
    const char *text;
    struct mm_aid aid;
    uint8_t flags, minor, major;
};
struct exp_reader {
    struct mm_arena *arena;
    struct mm_rd rd;
    struct exp_cp *cp;
    uint16_t cp_n;
    uint8_t minor;
    struct mm_err *err;
};

static enum mm_status bad(struct exp_reader *r, const char *what)
{
    return mm_fail(r->err, r->rd.bad ? MM_TRUNCATED : MM_MALFORMED, r->rd.off,
                   "export file, offset 0x%zx: %s", r->rd.off, r->rd.bad ? "ends too early" : what);
}

static enum mm_status read_constant(struct exp_reader *r, struct exp_cp *c)
{
    const uint8_t *p;
    uint16_t n;

    c->tag = mm_rd_u8(&r->rd);
    switch (c->tag) {
    case EXP_UTF8:
        n = mm_rd_u16(&r->rd);
        p = mm_rd_bytes(&r->rd, n);
        if (p == NULL || memchr(p, 0, n) != NULL)
            return bad(r, "text constant holds a zero byte");
        c->text = mm_arena_text(r->arena, (const char *)p, n);
        break;
    case EXP_INTEGER:
        c->value = (int32_t)mm_rd_u32(&r->rd);
        break;
    case EXP_CLASSREF:
        c->name = mm_rd_u16(&r->rd);
        break;
    case EXP_PACKAGE:
        c->flags = mm_rd_u8(&r->rd);
        c->name = mm_rd_u16(&r->rd);
        c->minor = mm_rd_u8(&r->rd);
        c->major = mm_rd_u8(&r->rd);
        n = mm_rd_u8(&r->rd);
        p = mm_rd_bytes(&r->rd, n);
        if (p == NULL || mm_aid_set(&c->aid, p, n) != MM_OK)
            return bad(r, "package AID is not 5 to 16 bytes long");
        break;
    default:
        return bad(r, "constant pool tag is not 1, 3, 7 or 13");
    }
    return r->rd.bad ? bad(r, "") : MM_OK;
}

static const char *text_at(const struct exp_reader *r, uint16_t idx)
{
    return idx < r->cp_n && r->cp[idx].tag == EXP_UTF8 ? r->cp[idx].text : NULL;
}

static const char *class_at(const struct exp_reader *r, uint16_t idx)
{
    return idx < r->cp_n && r->cp[idx].tag == EXP_CLASSREF ? text_at(r, r->cp[idx].name) : NULL;
}

static enum mm_status read_names(struct exp_reader *r, size_t n, const char ***out, size_t *out_n)
{
    if (mm_rd_left(&r->rd) < n * 2)
        return bad(r, "more names than bytes");
    *out = mm_arena_alloc(r->arena, n, sizeof(**out));
    *out_n = n;
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = class_at(r, mm_rd_u16(&r->rd));
        if ((*out)[i] == NULL)
            return bad(r, "superclass or interface is not a class constant");
    }
    return MM_OK;
}

static enum mm_status read_field(struct exp_reader *r, struct mm_exp_field *f)
{
    uint16_t attr_n;

    f->token = mm_rd_u8(&r->rd);
    f->access = mm_rd_u16(&r->rd);
    f->name = text_at(r, mm_rd_u16(&r->rd));
    f->desc = text_at(r, mm_rd_u16(&r->rd));
    attr_n = mm_rd_u16(&r->rd);
    if (r->rd.bad || f->name == NULL || f->desc == NULL || attr_n > EXP_VALUE_MAX)
        return bad(r, "field has no name, no descriptor or more than one attribute");
    if (attr_n == 1) {
        const char *name = text_at(r, mm_rd_u16(&r->rd));
        uint32_t len = mm_rd_u32(&r->rd);
        uint16_t idx = mm_rd_u16(&r->rd);

        if (r->rd.bad || name == NULL || strcmp(name, "ConstantValue") != 0 || len != 2 ||
            idx >= r->cp_n || r->cp[idx].tag != EXP_INTEGER)
            return bad(r, "field attribute is not a ConstantValue with an integer");
        f->has_value = true;
        f->value = r->cp[idx].value;
    }
    return MM_OK;
}

static enum mm_status read_members(struct exp_reader *r, struct mm_exp_class *c)
{
    enum mm_status st = MM_OK;

    c->field_n = mm_rd_u16(&r->rd);
    if (r->rd.bad || mm_rd_left(&r->rd) < c->field_n * 9)
        return bad(r, "more fields than bytes");
    c->fields = mm_arena_alloc(r->arena, c->field_n, sizeof(*c->fields));
    for (size_t i = 0; st == MM_OK && i < c->field_n; i++)
        st = read_field(r, &c->fields[i]);
    if (st != MM_OK)
        return st;
    c->method_n = mm_rd_u16(&r->rd);
    if (r->rd.bad || mm_rd_left(&r->rd) < c->method_n * 7)
        return bad(r, "more methods than bytes");
    c->methods = mm_arena_alloc(r->arena, c->method_n, sizeof(*c->methods));
    for (size_t i = 0; i < c->method_n; i++) {
        struct mm_exp_method *m = &c->methods[i];

        m->token = mm_rd_u8(&r->rd);
        m->access = mm_rd_u16(&r->rd);
        m->name = text_at(r, mm_rd_u16(&r->rd));
        m->desc = text_at(r, mm_rd_u16(&r->rd));
        if (r->rd.bad || m->name == NULL || m->desc == NULL)
            return bad(r, "method has no name or no descriptor");
    }
    return MM_OK;
}

static enum mm_status read_class(struct exp_reader *r, struct mm_exp_class *c)
{
    enum mm_status st;

    c->token = mm_rd_u8(&r->rd);
    c->access = mm_rd_u16(&r->rd);
    c->name = class_at(r, mm_rd_u16(&r->rd));
    if (r->rd.bad || c->name == NULL)
        return bad(r, "class name is not a class constant");
    st = read_names(r, mm_rd_u16(&r->rd), &c->supers, &c->super_n);
    if (st == MM_OK)
        st = read_names(r, mm_rd_u8(&r->rd), &c->ifaces, &c->iface_n);
    if (st == MM_OK)
        st = read_members(r, c);
    if (st == MM_OK && r->minor >= 3)
        (void)mm_rd_u8(&r->rd); /* methods that a class of another package can inherit */
    return st;
}

/* Since 2.3: the packages whose classes are named below. */
static enum mm_status read_referenced(struct exp_reader *r)
{
    for (unsigned n = mm_rd_u8(&r->rd); n > 0; n--) {
        uint16_t idx = mm_rd_u16(&r->rd);

        if (r->rd.bad || idx >= r->cp_n || r->cp[idx].tag != EXP_PACKAGE)
            return bad(r, "referenced package is not a package constant");
    }
    return r->rd.bad ? bad(r, "") : MM_OK;
}

static enum mm_status read_head(struct exp_reader *r, struct mm_exp_package *pkg)
{
    uint32_t magic = mm_rd_u32(&r->rd);
    uint8_t minor = mm_rd_u8(&r->rd), major = mm_rd_u8(&r->rd);
    uint16_t self;

    if (r->rd.bad || magic != EXP_MAGIC)
        return bad(r, "magic is not 00FACADE");
    if (major != 2 || minor < 1 || minor > 3)
        return bad(r, "format version is not 2.1, 2.2 or 2.3");
    r->minor = minor;
    pkg->format_minor = minor < 2 ? 1 : 2; /* what 2.3 adds is of no use to a 2.2 file */
    r->cp_n = mm_rd_u16(&r->rd);
    if (mm_rd_left(&r->rd) < (size_t)r->cp_n * 3)
        return bad(r, "more constants than bytes");
    r->cp = mm_arena_alloc(r->arena, r->cp_n, sizeof(*r->cp));
    for (uint16_t i = 0; i < r->cp_n; i++) {
        enum mm_status st = read_constant(r, &r->cp[i]);
        if (st != MM_OK)
            return st;
    }
    self = mm_rd_u16(&r->rd);
    if (r->rd.bad || self >= r->cp_n || r->cp[self].tag != EXP_PACKAGE)
        return bad(r, "this package is not a package constant");
    pkg->name = text_at(r, r->cp[self].name);
    if (pkg->name == NULL)
        return bad(r, "package name is not a text constant");
    pkg->aid = r->cp[self].aid;
    pkg->major = r->cp[self].major;
    pkg->minor = r->cp[self].minor;
    pkg->flags = r->cp[self].flags;
    return minor < 3 ? MM_OK : read_referenced(r);
}

enum mm_status mm_conv_exp_read(struct mm_arena *arena, const uint8_t *data, size_t data_len,
                                struct mm_exp_package *pkg, struct mm_err *err)
{
    struct exp_reader r = {.arena = arena, .err = err};
    enum mm_status st;

    memset(pkg, 0, sizeof(*pkg));
    pkg->import = -1;
    mm_rd_init(&r.rd, data, data_len);
    st = read_head(&r, pkg);
    if (st != MM_OK)
        return st;
    pkg->class_n = mm_rd_u8(&r.rd);
    pkg->classes = mm_arena_alloc(arena, pkg->class_n, sizeof(*pkg->classes));
    for (size_t i = 0; st == MM_OK && i < pkg->class_n; i++) {
        pkg->classes[i].package = pkg;
        st = read_class(&r, &pkg->classes[i]);
    }
    if (st == MM_OK && (r.rd.bad || mm_rd_left(&r.rd) != 0))
        return bad(&r, "bytes after the last class");
    return st;
}

/* ---- Writing: constants are numbered in the order of their first use ---- */

struct exp_writer {
    struct mm_buf cp, body;
    char **keys; /* "1text", "3value", "7name" */
    size_t key_n, key_cap;
};

/* Number of a constant; *fresh when the caller has to write it now. */
static uint16_t number(struct exp_writer *w, char tag, const char *text, bool *fresh)
{
    char **grown;

    *fresh = false;
    for (size_t i = 0; i < w->key_n; i++) {
        if (w->keys[i][0] == tag && strcmp(w->keys[i] + 1, text) == 0)
            return (uint16_t)i;
    }
    if (w->key_n == w->key_cap) {
        w->key_cap = w->key_cap * 2 + 64;
        grown = realloc(w->keys, w->key_cap * sizeof(*w->keys));
        if (grown == NULL) {
            w->cp.bad = true;
            return 0;
        }
        w->keys = grown;
    }
    w->keys[w->key_n] = malloc(strlen(text) + 2);
    if (w->keys[w->key_n] == NULL) {
        w->cp.bad = true;
        return 0;
    }
    w->keys[w->key_n][0] = tag;
    strcpy(w->keys[w->key_n] + 1, text);
    *fresh = true;
    return (uint16_t)w->key_n++;
}

static uint16_t put_text(struct exp_writer *w, const char *text)
{
    bool fresh;
    uint16_t n = number(w, '1', text, &fresh);

    if (fresh) {
        mm_buf_u8(&w->cp, EXP_UTF8);
        mm_buf_u16(&w->cp, (uint16_t)strlen(text));
        mm_buf_bytes(&w->cp, text, strlen(text));
    }
    return n;
}

static uint16_t put_class(struct exp_writer *w, const char *name)
{
    bool fresh;
    uint16_t text = put_text(w, name);
    uint16_t n = number(w, '7', name, &fresh);

    if (fresh) {
        mm_buf_u8(&w->cp, EXP_CLASSREF);
        mm_buf_u16(&w->cp, text);
    }
    return n;
}

static uint16_t put_integer(struct exp_writer *w, int32_t value)
{
    char key[16];
    bool fresh;
    uint16_t n;

    snprintf(key, sizeof(key), "%d", (int)value);
    n = number(w, '3', key, &fresh);
    if (fresh) {
        mm_buf_u8(&w->cp, EXP_INTEGER);
        mm_buf_u32(&w->cp, (uint32_t)value);
    }
    return n;
}

static void write_class(struct exp_writer *w, const struct mm_exp_class *c)
{
    struct mm_buf *b = &w->body;

    mm_buf_u8(b, c->token);
    mm_buf_u16(b, c->access);
    mm_buf_u16(b, put_class(w, c->name));
    mm_buf_u16(b, (uint16_t)c->super_n);
    for (size_t i = 0; i < c->super_n; i++)
        mm_buf_u16(b, put_class(w, c->supers[i]));
    mm_buf_u8(b, (uint8_t)c->iface_n);
    for (size_t i = 0; i < c->iface_n; i++)
        mm_buf_u16(b, put_class(w, c->ifaces[i]));
    mm_buf_u16(b, (uint16_t)c->field_n);
    for (size_t i = 0; i < c->field_n; i++) {
        const struct mm_exp_field *f = &c->fields[i];

        mm_buf_u8(b, f->token);
        mm_buf_u16(b, f->access);
        mm_buf_u16(b, put_text(w, f->name));
        mm_buf_u16(b, put_text(w, f->desc));
        mm_buf_u16(b, f->has_value ? 1 : 0);
        if (f->has_value) {
            mm_buf_u16(b, put_text(w, "ConstantValue"));
            mm_buf_u32(b, 2);
            mm_buf_u16(b, put_integer(w, f->value));
        }
    }
    mm_buf_u16(b, (uint16_t)c->method_n);
    for (size_t i = 0; i < c->method_n; i++) {
        mm_buf_u8(b, c->methods[i].token);
        mm_buf_u16(b, c->methods[i].access);
        mm_buf_u16(b, put_text(w, c->methods[i].name));
        mm_buf_u16(b, put_text(w, c->methods[i].desc));
    }
}

void mm_conv_exp_write(const struct mm_exp_package *pkg, struct mm_buf *out)
{
    struct exp_writer w = {.keys = NULL};
    uint16_t name, self;
    bool fresh;

    mm_buf_init(&w.cp);
    mm_buf_init(&w.body);
    name = put_text(&w, pkg->name);
    self = number(&w, 'P', "", &fresh);
    mm_buf_u8(&w.cp, EXP_PACKAGE);
    mm_buf_u8(&w.cp, pkg->flags);
    mm_buf_u16(&w.cp, name);
    mm_buf_u8(&w.cp, pkg->minor);
    mm_buf_u8(&w.cp, pkg->major);
    mm_buf_u8(&w.cp, pkg->aid.len);
    mm_buf_bytes(&w.cp, pkg->aid.bytes, pkg->aid.len);
    for (size_t i = 0; i < pkg->class_n; i++)
        write_class(&w, &pkg->classes[i]);

    mm_buf_u32(out, EXP_MAGIC);
    mm_buf_u8(out, pkg->format_minor);
    mm_buf_u8(out, 2);
    mm_buf_u16(out, (uint16_t)w.key_n);
    mm_buf_bytes(out, w.cp.data, w.cp.len);
    mm_buf_u16(out, self);
    mm_buf_u8(out, (uint8_t)pkg->class_n);
    mm_buf_bytes(out, w.body.data, w.body.len);
    out->bad = out->bad || w.cp.bad || w.body.bad;
    for (size_t i = 0; i < w.key_n; i++)
        free(w.keys[i]);
    free(w.keys);
    mm_buf_clear(&w.cp);
    mm_buf_clear(&w.body);
}

enum mm_status mm_conv_export_rewrite(const uint8_t *data, size_t data_len, uint8_t **out,
                                      size_t *out_len, struct mm_err *err)
{
    struct mm_arena *arena = mm_arena_new();
    struct mm_exp_package pkg;
    struct mm_buf buf;
    enum mm_status st = mm_conv_exp_read(arena, data, data_len, &pkg, err);

    *out = NULL;
    *out_len = 0;
    mm_buf_init(&buf);
    if (st == MM_OK) {
        mm_conv_exp_write(&pkg, &buf);
        *out = mm_buf_take(&buf, out_len);
        if (*out == NULL)
            st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "export file: out of memory");
    }
    mm_buf_clear(&buf);
    mm_arena_free(&arena);
    return st;
}
