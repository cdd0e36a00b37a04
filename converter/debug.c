/*
 * The Debug component (JCVM 3.0.5, 6.15; format 2.2): names of classes, members and variables, and
 * the source line of each instruction. Tools read it; it never goes to a card.
 */
#include "converter/conv_int.h"

#include <string.h>

struct debug {
    struct mm_conv *cv;
    const char **strings;
    size_t string_n;
    struct mm_buf body;
};

/* Index in the table of strings; each stands there once. */
static uint16_t string(struct debug *d, const char *text)
{
    for (size_t i = 0; i < d->string_n; i++) {
        if (strcmp(d->strings[i], text) == 0)
            return (uint16_t)i;
    }
    d->strings = mm_arena_grow(d->cv->arena, d->strings, d->string_n, sizeof(*d->strings));
    d->strings[d->string_n] = text;
    return (uint16_t)d->string_n++;
}

static void write_field(struct debug *d, const struct mm_field *f)
{
    struct mm_buf *b = &d->body;

    mm_buf_u16(b, string(d, f->name));
    mm_buf_u16(b, string(d, f->desc));
    mm_buf_u16(b, f->access & 0x1F);
    if (!(f->access & ACC_STATIC))
        mm_buf_u32(b, f->token);
    else
        mm_buf_u32(b, f->has_value ? (uint32_t)f->value : f->off);
}

/* Offset from the first bytecode of what a JVM pc became. */
static uint16_t card_pc(const struct mm_method *m, uint32_t pc)
{
    const struct mm_body *b = m->body;
    uint32_t i = pc == m->code->len ? b->first[b->jins_n] : b->first[b->at[pc]];

    return i < b->ins_n ? (uint16_t)b->ins[i].off : b->bytes;
}

/* Does a JVM instruction begin at pc, or the code end there? */
static bool begins(const struct mm_method *m, uint32_t pc)
{
    return pc == m->code->len || m->body->at[pc] != UINT32_MAX;
}

static uint16_t write_vars(struct debug *d, const struct mm_method *m)
{
    uint16_t n = 0;

    for (size_t i = 0; i < m->code->var_n; i++) {
        const struct jvar *v = &m->code->vars[i];
        uint16_t from, to;

        if (!begins(m, v->pc) || !begins(m, (uint32_t)v->pc + v->len))
            continue;
        from = card_pc(m, v->pc);
        to = card_pc(m, (uint32_t)v->pc + v->len);
        mm_buf_u8(&d->body, m->body->local_at[v->local]);
        mm_buf_u16(&d->body, string(d, v->name));
        mm_buf_u16(&d->body, string(d, v->desc));
        mm_buf_u16(&d->body, from);
        mm_buf_u16(&d->body, (uint16_t)(to - from));
        n++;
    }
    return n;
}

/* The last entry's pc is the end of the code; pcs whose instructions left nothing behind go. */
static uint16_t write_lines(struct debug *d, const struct mm_method *m)
{
    uint16_t n = 0;

    for (size_t i = 0; i < m->code->line_n; i++) {
        const struct jline *l = &m->code->lines[i];
        uint32_t next = m->code->len;
        uint16_t from, to;

        for (size_t k = 0; k < m->code->line_n; k++) {
            if (m->code->lines[k].pc > l->pc && m->code->lines[k].pc < next)
                next = m->code->lines[k].pc;
        }
        if (l->pc >= m->code->len || !begins(m, l->pc) || !begins(m, next))
            continue;
        from = card_pc(m, l->pc);
        to = card_pc(m, next);
        if (from >= to)
            continue;
        mm_buf_u16(&d->body, from);
        mm_buf_u16(&d->body, (uint16_t)(to - 1)); /* inclusive */
        mm_buf_u16(&d->body, l->line);
        n++;
    }
    return n;
}

static void write_method(struct debug *d, const struct mm_method *m)
{
    struct mm_buf *b = &d->body;
    size_t counts;
    uint16_t vars = 0, lines = 0;

    mm_buf_u16(b, string(d, m->name));
    mm_buf_u16(b, string(d, m->desc));
    mm_buf_u16(b, m->access & 0x43F);
    mm_buf_u16(b, m->body == NULL ? 0 : m->off);
    mm_buf_u8(b, m->body == NULL ? 0 : (uint8_t)m->body->header);
    mm_buf_u16(b, m->body == NULL ? 0 : m->body->bytes);
    counts = b->len;
    mm_buf_u32(b, 0);
    if (m->body != NULL) {
        vars = write_vars(d, m);
        lines = write_lines(d, m);
    }
    if (!b->bad) {
        mm_put_be16(b->data + counts, vars);
        mm_put_be16(b->data + counts + 2, lines);
    }
}

static bool is_clinit(const struct mm_method *m)
{
    return strcmp(m->name, "<clinit>") == 0;
}

static void write_class(struct debug *d, const struct mm_cls *c)
{
    struct mm_buf *b = &d->body;
    bool iface = (c->access & ACC_INTERFACE) != 0;
    uint16_t methods = 0;

    for (size_t i = 0; i < c->method_n; i++)
        methods = (uint16_t)(methods + !is_clinit(&c->methods[i]));
    mm_buf_u16(b, string(d, c->name));
    mm_buf_u16(b, (uint16_t)((c->access & 0x611) | (c->shareable ? ACC_SHAREABLE : 0) |
                             (c->remote ? ACC_REMOTE : 0)));
    mm_buf_u16(b, c->off);
    mm_buf_u16(b, string(d, c->super_name));
    mm_buf_u16(b, string(d, c->source == NULL ? "" : c->source));
    mm_buf_u8(b, (uint8_t)c->iface_n);
    mm_buf_u16(b, (uint16_t)c->field_n);
    mm_buf_u16(b, iface ? (uint16_t)c->imethod_n : methods);
    for (size_t i = 0; i < c->iface_n; i++)
        mm_buf_u16(b, string(d, mm_conv_cref_name(c->ifaces[i])));
    for (size_t i = 0; i < c->field_n; i++)
        write_field(d, &c->fields[i]);
    for (size_t i = 0; iface && i < c->imethod_n; i++) {
        struct mm_method m = {.name = c->imethods[i].name,
                              .desc = c->imethods[i].desc,
                              .access = ACC_PUBLIC | ACC_ABSTRACT};
        write_method(d, &m);
    }
    for (size_t i = 0; !iface && i < c->method_n; i++) {
        if (!is_clinit(&c->methods[i]))
            write_method(d, &c->methods[i]);
    }
}

enum mm_status mm_conv_debug(struct mm_conv *cv, struct mm_err *err)
{
    struct debug d = {.cv = cv};
    struct mm_buf *out = &cv->parts[MM_CAP_DEBUG];
    size_t total = 0;

    mm_buf_init(&d.body);
    mm_buf_u16(&d.body, string(&d, cv->name));
    mm_buf_u16(&d.body, (uint16_t)cv->class_n);
    for (size_t i = 0; i < cv->class_n; i++)
        write_class(&d, cv->classes[i]);
    mm_buf_u16(out, (uint16_t)d.string_n);
    for (size_t i = 0; i < d.string_n; i++) {
        size_t len = strlen(d.strings[i]);

        total += len;
        mm_buf_u16(out, (uint16_t)len);
        mm_buf_bytes(out, d.strings[i], len);
    }
    mm_buf_bytes(out, d.body.data, d.body.len);
    out->bad = out->bad || d.body.bad;
    mm_buf_clear(&d.body);
    if (d.string_n > 0xFFFF || total > 0xFFFF || out->len > 0xFFFF)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "the Debug component has more than 65535 bytes; convert without --debug");
    return MM_OK;
}
