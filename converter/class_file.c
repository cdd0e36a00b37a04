/* Class files (JVMS 8, chapter 4): structure only; what a card cannot have is refused later. */
#include "converter/conv_int.h"

#include <string.h>

#define CLASS_MAGIC     0xCAFEBABEu
#define CLASS_MAJOR_MIN 45
#define CLASS_MAJOR_MAX 61

struct reader {
    struct mm_arena *arena;
    struct mm_rd rd;
    struct mm_cls *cls;
    struct mm_err *err;
};

static enum mm_status bad(struct reader *r, const char *what)
{
    return mm_fail(r->err, r->rd.bad ? MM_TRUNCATED : MM_MALFORMED, r->rd.off,
                   "class file, offset 0x%zx: %s", r->rd.off, r->rd.bad ? "ends too early" : what);
}

static const char *utf8(const struct reader *r, uint16_t idx)
{
    return mm_conv_cp_text(r->cls, idx);
}

static enum mm_status read_constant(struct reader *r, struct jcp *c)
{
    const uint8_t *text;
    uint16_t n;

    switch (c->tag) {
    case JCP_UTF8:
        n = mm_rd_u16(&r->rd);
        text = mm_rd_bytes(&r->rd, n);
        if (text == NULL || memchr(text, 0, n) != NULL)
            return bad(r, "text constant holds a zero byte");
        c->text = mm_arena_text(r->arena, (const char *)text, n);
        return MM_OK;
    case JCP_INTEGER:
    case JCP_FLOAT:
        c->value = (int32_t)mm_rd_u32(&r->rd);
        return MM_OK;
    case JCP_LONG:
    case JCP_DOUBLE:
        (void)mm_rd_bytes(&r->rd, 8);
        return MM_OK;
    case JCP_CLASS:
    case JCP_STRING:
    case JCP_METHOD_TYPE:
        c->a = mm_rd_u16(&r->rd);
        return MM_OK;
    case JCP_FIELD:
    case JCP_METHOD:
    case JCP_INTERFACE_METHOD:
    case JCP_NAME_TYPE:
    case JCP_INDY:
        c->a = mm_rd_u16(&r->rd);
        c->b = mm_rd_u16(&r->rd);
        return MM_OK;
    case JCP_METHOD_HANDLE:
        c->a = mm_rd_u8(&r->rd);
        c->b = mm_rd_u16(&r->rd);
        return MM_OK;
    default:
        return bad(r, "constant pool tag is not defined");
    }
}

static enum mm_status read_pool(struct reader *r)
{
    struct mm_cls *cls = r->cls;

    cls->cp_n = mm_rd_u16(&r->rd);
    if (r->rd.bad || cls->cp_n == 0)
        return bad(r, "constant pool count is 0, expected at least 1");
    cls->cp = mm_arena_alloc(r->arena, cls->cp_n, sizeof(*cls->cp));
    for (uint32_t i = 1; i < cls->cp_n; i++) {
        struct jcp *c = &cls->cp[i];
        enum mm_status st;

        c->tag = mm_rd_u8(&r->rd);
        st = read_constant(r, c);
        if (st != MM_OK)
            return st;
        if (r->rd.bad)
            return bad(r, "");
        if (c->tag == JCP_LONG || c->tag == JCP_DOUBLE)
            i++; /* takes two numbers (JVMS 4.4.5) */
    }
    return MM_OK;
}

/* Header of an attribute: its name and a reader over its contents. */
static enum mm_status read_attribute(struct reader *r, const char **name, struct mm_rd *body)
{
    uint16_t idx = mm_rd_u16(&r->rd);
    uint32_t len = mm_rd_u32(&r->rd);
    const uint8_t *data = mm_rd_bytes(&r->rd, len);

    *name = utf8(r, idx);
    if (r->rd.bad || data == NULL || *name == NULL)
        return bad(r, "attribute name is not a text constant");
    mm_rd_init(body, data, len);
    return MM_OK;
}

static enum mm_status read_lines(struct reader *r, struct jcode *code)
{
    uint16_t n = mm_rd_u16(&r->rd);
    struct jline *lines;

    if (mm_rd_left(&r->rd) < (size_t)n * 4)
        return bad(r, "line table is longer than its attribute");
    lines = mm_arena_alloc(r->arena, code->line_n + n, sizeof(*lines));
    if (code->line_n != 0)
        memcpy(lines, code->lines, code->line_n * sizeof(*lines));
    for (uint16_t i = 0; i < n; i++) {
        lines[code->line_n + i].pc = mm_rd_u16(&r->rd);
        lines[code->line_n + i].line = mm_rd_u16(&r->rd);
    }
    code->lines = lines;
    code->line_n += n;
    return MM_OK;
}

static enum mm_status read_vars(struct reader *r, struct jcode *code)
{
    uint16_t n = mm_rd_u16(&r->rd);
    struct jvar *vars;

    if (mm_rd_left(&r->rd) < (size_t)n * 10)
        return bad(r, "table of local variables is longer than its attribute");
    vars = mm_arena_alloc(r->arena, code->var_n + n, sizeof(*vars));
    if (code->var_n != 0)
        memcpy(vars, code->vars, code->var_n * sizeof(*vars));
    for (uint16_t i = 0; i < n; i++) {
        struct jvar *v = &vars[code->var_n + i];

        v->pc = mm_rd_u16(&r->rd);
        v->len = mm_rd_u16(&r->rd);
        v->name = utf8(r, mm_rd_u16(&r->rd));
        v->desc = utf8(r, mm_rd_u16(&r->rd));
        v->local = mm_rd_u16(&r->rd);
        if (v->name == NULL || v->desc == NULL || v->local >= code->max_locals ||
            (uint32_t)v->pc + v->len > code->len)
            return bad(r, "local variable does not fit the code");
    }
    code->vars = vars;
    code->var_n += n;
    return MM_OK;
}

static enum mm_status read_handlers(struct reader *r, struct jcode *code)
{
    uint16_t n = mm_rd_u16(&r->rd);

    if (mm_rd_left(&r->rd) < (size_t)n * 8)
        return bad(r, "exception table is longer than its attribute");
    code->handlers = mm_arena_alloc(r->arena, n, sizeof(*code->handlers));
    code->handler_n = n;
    for (uint16_t i = 0; i < n; i++) {
        struct jhandler *h = &code->handlers[i];
        uint16_t type;

        h->start = mm_rd_u16(&r->rd);
        h->end = mm_rd_u16(&r->rd);
        h->handler = mm_rd_u16(&r->rd);
        type = mm_rd_u16(&r->rd);
        if (type != 0)
            h->catch_type = mm_conv_cp_class(r->cls, type);
        if (h->start >= h->end || h->end > code->len || h->handler >= code->len ||
            (type != 0 && h->catch_type == NULL))
            return bad(r, "exception table entry does not fit the code");
    }
    return MM_OK;
}

/* The Code attribute (JVMS 4.7.3); r->rd stands at its contents. */
static enum mm_status read_code(struct reader *r, struct jcode *code)
{
    enum mm_status st;
    uint16_t attr_n;

    code->max_stack = mm_rd_u16(&r->rd);
    code->max_locals = mm_rd_u16(&r->rd);
    code->len = mm_rd_u32(&r->rd);
    if (!r->rd.bad && (code->len == 0 || code->len > MM_CODE_MAX))
        return bad(r, "code of a method is not between 1 and 32767 bytes; split it");
    code->bytes = mm_rd_bytes(&r->rd, code->len);
    if (code->bytes == NULL)
        return bad(r, "");
    st = read_handlers(r, code);
    attr_n = mm_rd_u16(&r->rd);
    for (uint16_t i = 0; st == MM_OK && i < attr_n; i++) {
        const char *name;
        struct mm_rd outer;
        struct mm_rd body;
        bool lines;

        st = read_attribute(r, &name, &body);
        lines = st == MM_OK && strcmp(name, "LineNumberTable") == 0;
        if (st != MM_OK || (!lines && strcmp(name, "LocalVariableTable") != 0))
            continue;
        outer = r->rd;
        r->rd = body;
        st = lines ? read_lines(r, code) : read_vars(r, code);
        if (st == MM_OK)
            r->rd = outer;
    }
    if (st == MM_OK && r->rd.bad)
        return bad(r, "");
    if (st == MM_OK)
        mm_conv_inline_subroutines(r->arena, code);
    return st;
}

struct member {
    uint16_t access;
    const char *name, *desc;
};

static enum mm_status read_member(struct reader *r, struct member *m)
{
    uint16_t name, desc;

    m->access = mm_rd_u16(&r->rd);
    name = mm_rd_u16(&r->rd);
    desc = mm_rd_u16(&r->rd);
    m->name = utf8(r, name);
    m->desc = utf8(r, desc);
    if (r->rd.bad || m->name == NULL || m->desc == NULL)
        return bad(r, "name or descriptor of a member is not a text constant");
    return MM_OK;
}

static enum mm_status read_field(struct reader *r, struct mm_field *f)
{
    struct member m;
    enum mm_status st = read_member(r, &m);
    uint16_t attr_n;

    if (st != MM_OK)
        return st;
    f->access = m.access;
    f->name = m.name;
    f->desc = m.desc;
    f->owner = r->cls;
    attr_n = mm_rd_u16(&r->rd);
    for (uint16_t i = 0; i < attr_n; i++) {
        const char *name;
        struct mm_rd body;
        uint16_t idx;

        st = read_attribute(r, &name, &body);
        if (st != MM_OK)
            return st;
        if (strcmp(name, "ConstantValue") != 0)
            continue;
        idx = mm_rd_u16(&body);
        if (body.bad || idx == 0 || idx >= r->cls->cp_n)
            return bad(r, "ConstantValue names no constant");
        /* A constant of another kind belongs to a field whose type is refused later. */
        f->has_value = r->cls->cp[idx].tag == JCP_INTEGER;
        f->value = r->cls->cp[idx].value;
    }
    return r->rd.bad ? bad(r, "") : MM_OK;
}

static enum mm_status read_method(struct reader *r, struct mm_method *out)
{
    struct member m;
    enum mm_status st = read_member(r, &m);
    uint16_t attr_n;

    if (st != MM_OK)
        return st;
    out->access = m.access;
    out->name = m.name;
    out->desc = m.desc;
    out->owner = r->cls;
    attr_n = mm_rd_u16(&r->rd);
    for (uint16_t i = 0; i < attr_n; i++) {
        const char *name;
        struct mm_rd outer;
        struct mm_rd body;

        st = read_attribute(r, &name, &body);
        if (st != MM_OK)
            return st;
        if (strcmp(name, "Code") != 0)
            continue;
        if (out->code != NULL)
            return bad(r, "method has two Code attributes");
        out->code = mm_arena_alloc(r->arena, 1, sizeof(*out->code));
        outer = r->rd;
        r->rd = body;
        st = read_code(r, out->code);
        if (st != MM_OK)
            return st;
        r->rd = outer;
    }
    if (r->rd.bad)
        return bad(r, "");
    if ((out->code == NULL) != ((out->access & (ACC_ABSTRACT | ACC_NATIVE)) != 0))
        return bad(r, "method has no code where it needs some, or code where it may have none");
    return MM_OK;
}

static enum mm_status read_interfaces(struct reader *r)
{
    struct mm_cls *cls = r->cls;

    cls->iface_name_n = mm_rd_u16(&r->rd);
    if (mm_rd_left(&r->rd) < cls->iface_name_n * 2)
        return bad(r, "more interfaces than bytes");
    cls->iface_names = mm_arena_alloc(r->arena, cls->iface_name_n, sizeof(*cls->iface_names));
    for (size_t i = 0; i < cls->iface_name_n; i++) {
        cls->iface_names[i] = mm_conv_cp_class(cls, mm_rd_u16(&r->rd));
        if (cls->iface_names[i] == NULL)
            return bad(r, "interface is not a class constant");
    }
    return MM_OK;
}

static enum mm_status read_members(struct reader *r)
{
    struct mm_cls *cls = r->cls;
    enum mm_status st = MM_OK;

    cls->field_n = mm_rd_u16(&r->rd);
    if (mm_rd_left(&r->rd) < cls->field_n * 8)
        return bad(r, "more fields than bytes");
    cls->fields = mm_arena_alloc(r->arena, cls->field_n, sizeof(*cls->fields));
    for (size_t i = 0; st == MM_OK && i < cls->field_n; i++)
        st = read_field(r, &cls->fields[i]);
    if (st != MM_OK)
        return st;
    cls->method_n = mm_rd_u16(&r->rd);
    if (r->rd.bad || mm_rd_left(&r->rd) < cls->method_n * 8)
        return bad(r, "more methods than bytes");
    cls->methods = mm_arena_alloc(r->arena, cls->method_n, sizeof(*cls->methods));
    for (size_t i = 0; st == MM_OK && i < cls->method_n; i++)
        st = read_method(r, &cls->methods[i]);
    return st;
}

static enum mm_status read_head(struct reader *r)
{
    struct mm_cls *cls = r->cls;
    uint32_t magic = mm_rd_u32(&r->rd);
    uint16_t major, self, super;
    enum mm_status st;

    (void)mm_rd_u16(&r->rd);
    major = mm_rd_u16(&r->rd);
    if (r->rd.bad || magic != CLASS_MAGIC)
        return bad(r, "magic is not CAFEBABE");
    if (major < CLASS_MAJOR_MIN || major > CLASS_MAJOR_MAX)
        return bad(r, "class file version is not between 45 and 61");
    st = read_pool(r);
    if (st != MM_OK)
        return st;
    cls->access = mm_rd_u16(&r->rd);
    self = mm_rd_u16(&r->rd);
    super = mm_rd_u16(&r->rd);
    cls->name = mm_conv_cp_class(cls, self);
    cls->super_name = mm_conv_cp_class(cls, super);
    if (r->rd.bad || cls->name == NULL || cls->super_name == NULL)
        return bad(r, "class or superclass is not a class constant");
    return read_interfaces(r);
}

enum mm_status mm_conv_class_read(struct mm_arena *arena, const uint8_t *data, size_t data_len,
                                  struct mm_cls *cls, struct mm_err *err)
{
    struct reader r = {.arena = arena, .cls = cls, .err = err};
    enum mm_status st;
    uint16_t attr_n;

    memset(cls, 0, sizeof(*cls));
    mm_rd_init(&r.rd, data, data_len);
    st = read_head(&r);
    if (st == MM_OK)
        st = read_members(&r);
    if (st != MM_OK)
        return st;
    attr_n = mm_rd_u16(&r.rd);
    for (uint16_t i = 0; i < attr_n; i++) {
        const char *name;
        struct mm_rd body;

        st = read_attribute(&r, &name, &body);
        if (st != MM_OK)
            return st;
        if (strcmp(name, "SourceFile") == 0)
            cls->source = utf8(&r, mm_rd_u16(&body));
        if ((strcmp(name, "RuntimeInvisibleAnnotations") == 0 ||
             strcmp(name, "RuntimeVisibleAnnotations") == 0) &&
            !mm_conv_annotations(cls, &body))
            return bad(&r, "annotations are malformed");
    }
    if (r.rd.bad || mm_rd_left(&r.rd) != 0)
        return bad(&r, "bytes after the last attribute");
    return MM_OK;
}

enum mm_status mm_conv_class_check(const uint8_t *data, size_t data_len, struct mm_err *err)
{
    struct mm_arena *arena = mm_arena_new();
    struct mm_conv_options opt = {.ints = true};
    struct mm_cls cls;
    enum mm_status st = mm_conv_class_read(arena, data, data_len, &cls, err);

    for (size_t i = 0; st == MM_OK && i < cls.method_n; i++) {
        struct mm_arena *scratch;
        struct jflow flow;

        if (cls.methods[i].code == NULL)
            continue;
        scratch = mm_arena_new();
        st = mm_conv_decode(scratch, NULL, &cls, &cls.methods[i], &flow, err);
        if (st == MM_OK)
            st = mm_conv_flow(scratch, &flow, err);
        if (st == MM_OK) {
            struct mm_conv cv = {.arena = scratch, .opt = &opt};
            st = mm_conv_reps(&cv, &flow, err);
        }
        mm_arena_free(&scratch);
    }
    mm_arena_free(&arena);
    return st;
}

const char *mm_conv_cp_text(const struct mm_cls *cls, uint16_t idx)
{
    if (idx == 0 || idx >= cls->cp_n || cls->cp[idx].tag != JCP_UTF8)
        return NULL;
    return cls->cp[idx].text;
}

const char *mm_conv_cp_class(const struct mm_cls *cls, uint16_t idx)
{
    if (idx == 0 || idx >= cls->cp_n || cls->cp[idx].tag != JCP_CLASS)
        return NULL;
    return mm_conv_cp_text(cls, cls->cp[idx].a);
}

bool mm_conv_cp_ref(const struct mm_cls *cls, uint16_t idx, struct jref *ref)
{
    const struct jcp *c, *nt;

    if (idx == 0 || idx >= cls->cp_n)
        return false;
    c = &cls->cp[idx];
    if (c->tag != JCP_FIELD && c->tag != JCP_METHOD && c->tag != JCP_INTERFACE_METHOD)
        return false;
    ref->cls = mm_conv_cp_class(cls, c->a);
    if (ref->cls == NULL || c->b == 0 || c->b >= cls->cp_n || cls->cp[c->b].tag != JCP_NAME_TYPE)
        return false;
    nt = &cls->cp[c->b];
    ref->name = mm_conv_cp_text(cls, nt->a);
    ref->desc = mm_conv_cp_text(cls, nt->b);
    return ref->name != NULL && ref->desc != NULL;
}

unsigned mm_conv_line(const struct jcode *code, uint32_t pc)
{
    unsigned line = 0;
    uint32_t best = 0;

    for (size_t i = 0; code != NULL && i < code->line_n; i++) {
        if (code->lines[i].pc <= pc && (line == 0 || code->lines[i].pc >= best)) {
            best = code->lines[i].pc;
            line = code->lines[i].line;
        }
    }
    return line;
}
