/*
 * Card code into bytes: the Method component (JCVM 3.0.5, 6.10) and the places in it that the VM
 * has to link (RefLocation, 6.12). Branches start short and grow until all reach.
 */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define WIDE_BRANCH       (MM_OP_IFEQ_W - MM_OP_IFEQ) /* the same for every conditional and goto */
#define WIDE_FIELD        (MM_OP_GETFIELD_A_W - MM_OP_GETFIELD_A)
#define WIDE_PUTFIELD     (MM_OP_PUTFIELD_A_W - MM_OP_PUTFIELD_A)
#define METHOD_MAX_LEN    32767
#define ACC_BYTE_EXTENDED 0x80
#define ACC_BYTE_ABSTRACT 0x40

static bool is_branch(const struct cins *c)
{
    uint8_t kind = mm_op_info(c->op)->operands;

    return kind == MM_OPERANDS_BRANCH8;
}

static bool is_field(const struct cins *c)
{
    return mm_op_info(c->op)->operands == MM_OPERANDS_CP8_FIELD;
}

static bool far_field(const struct cins *c)
{
    return is_field(c) && c->ref->index > 255;
}

static uint32_t size_of(const struct cins *c)
{
    uint32_t n = 1u + mm_op_info(c->op)->operand_bytes;

    if (is_branch(c))
        return c->is_wide ? 3 : 2;
    if (far_field(c)) /* see write_far_field */
        return c->op >= MM_OP_PUTFIELD_A_THIS ? 6u : c->op >= MM_OP_GETFIELD_A_THIS ? 4 : 3;
    if (c->op == MM_OP_STABLESWITCH || c->op == MM_OP_ITABLESWITCH)
        return (c->op == MM_OP_STABLESWITCH ? 7 : 11) + c->sw->case_n * 2;
    if (c->op == MM_OP_SLOOKUPSWITCH || c->op == MM_OP_ILOOKUPSWITCH)
        return 5 + c->sw->case_n * (c->op == MM_OP_SLOOKUPSWITCH ? 4 : 6);
    return n;
}

static uint32_t place(const struct mm_body *b, uint32_t jidx)
{
    uint32_t i = b->first[jidx];

    return i < b->ins_n ? b->ins[i].off : b->bytes;
}

/* Give each instruction its offset; widen branches until nothing changes. */
static bool place_all(struct mm_body *b)
{
    bool grew;

    do {
        uint32_t off = 0;

        grew = false;
        for (size_t i = 0; i < b->ins_n; i++) {
            b->ins[i].off = off;
            off += size_of(&b->ins[i]);
        }
        if (off > METHOD_MAX_LEN)
            return false;
        b->bytes = (uint16_t)off;
        for (size_t i = 0; i < b->ins_n; i++) {
            struct cins *c = &b->ins[i];
            int32_t by;

            if (!is_branch(c) || c->is_wide)
                continue;
            by = (int32_t)place(b, c->target) - (int32_t)c->off;
            if (by < -128 || by > 127) {
                c->is_wide = true;
                grew = true;
            }
        }
    } while (grew);
    return true;
}

/* ---- RefLocation ---- */

static void put_site(struct mm_buf *list, uint32_t *at, uint32_t site)
{
    while (site - *at >= 255) {
        mm_buf_u8(list, 255);
        *at += 255;
    }
    mm_buf_u8(list, (uint8_t)(site - *at));
    *at = site;
}

static void put_ref16(struct mm_conv *cv, struct mm_buf *out, const struct mm_cpref *r)
{
    put_site(&cv->ref2, &cv->ref2_at, (uint32_t)out->len);
    mm_buf_u16(out, r->index);
}

/* ---- Bytes ---- */

static void put_key(struct mm_buf *out, bool is_int, int32_t key)
{
    if (is_int)
        mm_buf_u32(out, (uint32_t)key);
    else
        mm_buf_u16(out, (uint16_t)key);
}

static void write_switch(struct mm_buf *out, const struct mm_body *b, const struct cins *c)
{
    const struct jins *sw = c->sw;
    bool is_int = c->op == MM_OP_ITABLESWITCH || c->op == MM_OP_ILOOKUPSWITCH;
    bool looks_up = c->op == MM_OP_SLOOKUPSWITCH || c->op == MM_OP_ILOOKUPSWITCH;

    mm_buf_u16(out, (uint16_t)(place(b, c->target) - c->off));
    if (looks_up) {
        mm_buf_u16(out, (uint16_t)sw->case_n);
    } else {
        put_key(out, is_int, sw->keys[0]);
        put_key(out, is_int, sw->keys[sw->case_n - 1]);
    }
    for (uint32_t i = 0; i < sw->case_n; i++) {
        if (looks_up)
            put_key(out, is_int, sw->keys[i]);
        mm_buf_u16(out, (uint16_t)(place(b, sw->targets[i]) - c->off));
    }
}

/* The forms for this have no wide variant: push this (below the value to store), then the wide
 * form. */
static void write_far_field(struct mm_conv *cv, struct mm_buf *out, const struct cins *c)
{
    uint8_t op = c->op;

    if (op >= MM_OP_GETFIELD_A_THIS)
        mm_buf_u8(out, MM_OP_ALOAD_0);
    if (op >= MM_OP_PUTFIELD_A_THIS) {
        mm_buf_u8(out, MM_OP_SWAP_X);
        mm_buf_u8(out, op == MM_OP_PUTFIELD_I_THIS ? 0x12 : 0x11);
        op = (uint8_t)(op - MM_OP_PUTFIELD_A_THIS + MM_OP_PUTFIELD_A);
    } else if (op >= MM_OP_GETFIELD_A_THIS) {
        op = (uint8_t)(op - MM_OP_GETFIELD_A_THIS + MM_OP_GETFIELD_A);
    }
    mm_buf_u8(out, (uint8_t)(op + (op >= MM_OP_PUTFIELD_A ? WIDE_PUTFIELD : WIDE_FIELD)));
    put_ref16(cv, out, c->ref);
}

static void write_field(struct mm_conv *cv, struct mm_buf *out, const struct cins *c)
{
    if (far_field(c)) {
        write_far_field(cv, out, c);
        return;
    }
    mm_buf_u8(out, c->op);
    put_site(&cv->ref1, &cv->ref1_at, (uint32_t)out->len);
    mm_buf_u8(out, (uint8_t)c->ref->index);
}

static void write_ins(struct mm_conv *cv, struct mm_buf *out, const struct mm_body *b,
                      const struct cins *c)
{
    int32_t by;

    if (is_field(c)) {
        write_field(cv, out, c);
        return;
    }
    if (is_branch(c)) {
        by = (int32_t)place(b, c->target) - (int32_t)c->off;
        mm_buf_u8(out, (uint8_t)(c->op + (c->is_wide ? WIDE_BRANCH : 0)));
        if (c->is_wide)
            mm_buf_u16(out, (uint16_t)by);
        else
            mm_buf_u8(out, (uint8_t)by);
        return;
    }
    mm_buf_u8(out, c->op);
    switch (mm_op_info(c->op)->operands) {
    case MM_OPERANDS_STABLESWITCH:
    case MM_OPERANDS_SLOOKUPSWITCH:
    case MM_OPERANDS_ITABLESWITCH:
    case MM_OPERANDS_ILOOKUPSWITCH:
        write_switch(out, b, c);
        break;
    case MM_OPERANDS_S8:
    case MM_OPERANDS_LOCAL:
    case MM_OPERANDS_ATYPE:
    case MM_OPERANDS_MN:
        mm_buf_u8(out, (uint8_t)c->a);
        break;
    case MM_OPERANDS_S32:
        mm_buf_u32(out, (uint32_t)c->a);
        break;
    case MM_OPERANDS_S16:
        mm_buf_u16(out, (uint16_t)c->a);
        break;
    case MM_OPERANDS_LOCAL_S8:
        mm_buf_u8(out, (uint8_t)c->a);
        mm_buf_u8(out, (uint8_t)c->b);
        break;
    case MM_OPERANDS_LOCAL_S16:
        mm_buf_u8(out, (uint8_t)c->a);
        mm_buf_u16(out, (uint16_t)c->b);
        break;
    case MM_OPERANDS_ATYPE_CP16_CLASS:
        mm_buf_u8(out, (uint8_t)c->a);
        if (c->ref != NULL)
            put_ref16(cv, out, c->ref);
        else
            mm_buf_u16(out, 0);
        break;
    case MM_OPERANDS_INTERFACE:
        mm_buf_u8(out, (uint8_t)c->a);
        put_ref16(cv, out, c->ref);
        mm_buf_u8(out, (uint8_t)c->b);
        break;
    case MM_OPERANDS_CP16_STATIC_FIELD:
    case MM_OPERANDS_CP16_VIRTUAL:
    case MM_OPERANDS_CP16_SPECIAL:
    case MM_OPERANDS_CP16_STATIC_METHOD:
    case MM_OPERANDS_CP16_CLASS:
        put_ref16(cv, out, c->ref);
        break;
    default:
        break;
    }
}

static void write_method(struct mm_conv *cv, struct mm_buf *out, const struct mm_method *m)
{
    uint8_t stack = m->body == NULL ? 0 : m->body->max_stack;
    uint8_t locals = m->body == NULL ? 0 : m->body->max_locals;
    uint8_t flags = m->body == NULL ? ACC_BYTE_ABSTRACT : 0;

    if (stack > 15 || locals > 15 || m->nargs > 15) {
        mm_buf_u8(out, (uint8_t)(flags | ACC_BYTE_EXTENDED));
        mm_buf_u8(out, stack);
        mm_buf_u8(out, m->nargs);
        mm_buf_u8(out, locals);
    } else {
        mm_buf_u8(out, (uint8_t)(flags | stack));
        mm_buf_u8(out, (uint8_t)(m->nargs << 4 | locals));
    }
    for (size_t i = 0; m->body != NULL && i < m->body->ins_n; i++)
        write_ins(cv, out, m->body, &m->body->ins[i]);
}

/* ---- Exception handlers (6.10.1) ---- */

struct flat_handler {
    uint32_t start, end, handler; /* offsets in the component */
    struct mm_cpref *type;
};

/* Java searches its table from the first entry; cards too, but want handlers in ascending order of
 * their code. Both agree as long as overlapping entries keep their order. */
static enum mm_status sort_handlers(struct mm_cls *cls, struct mm_method *m, struct flat_handler *h,
                                    size_t n, struct mm_err *err)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && h[k].handler < h[k - 1].handler; k--) {
            struct flat_handler x = h[k];

            if (h[k].start < h[k - 1].end && h[k - 1].start < h[k].end)
                return mm_conv_refuse(cls, m, 0, err,
                                      "exception handlers in an order that cards "
                                      "cannot express");
            h[k] = h[k - 1];
            h[k - 1] = x;
        }
    }
    return MM_OK;
}

static enum mm_status flatten(struct mm_conv *cv, struct flat_handler *out, size_t *out_n,
                              struct mm_err *err)
{
    *out_n = 0;
    for (size_t i = 0; i < cv->class_n; i++) {
        for (size_t k = 0; k < cv->classes[i]->method_n; k++) {
            struct mm_method *m = &cv->classes[i]->methods[k];
            struct mm_body *b = m->body;
            enum mm_status st;

            if (b == NULL)
                continue;
            b->handler_idx = b->handler_n == 0 ? 0 : (uint16_t)*out_n;
            for (size_t n = 0; n < b->handler_n; n++) {
                struct flat_handler *h = &out[*out_n + n];
                uint32_t base = (uint32_t)m->off + b->header;

                h->start = base + place(b, b->handlers[n].start);
                h->end = base + place(b, b->handlers[n].end);
                h->handler = base + place(b, b->handlers[n].handler);
                h->type = b->handlers[n].type;
            }
            st = sort_handlers(cv->classes[i], m, out + *out_n, b->handler_n, err);
            if (st != MM_OK)
                return st;
            *out_n += b->handler_n;
        }
    }
    return MM_OK;
}

static enum mm_status write_handlers(struct mm_conv *cv, struct mm_buf *out, size_t total,
                                     struct mm_err *err)
{
    struct flat_handler *all = mm_arena_alloc(cv->arena, total, sizeof(*all));
    size_t n;
    enum mm_status st = flatten(cv, all, &n, err);

    if (st != MM_OK)
        return st;
    mm_buf_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        bool stop = true;

        for (size_t k = i + 1; k < n; k++)
            stop = stop && (all[k].start >= all[i].end || all[k].end <= all[i].start);
        mm_buf_u16(out, (uint16_t)all[i].start);
        mm_buf_u16(out, (uint16_t)((all[i].end - all[i].start) | (stop ? 0x8000u : 0)));
        mm_buf_u16(out, (uint16_t)all[i].handler);
        if (all[i].type != NULL)
            put_ref16(cv, out, all[i].type);
        else
            mm_buf_u16(out, 0);
    }
    return MM_OK;
}

/* ---- The component ---- */

/* Field references first: their short instructions have one byte for the index. */
static enum mm_status number_pool(struct mm_conv *cv, struct mm_err *err)
{
    struct mm_cpref **sorted = mm_arena_alloc(cv->arena, cv->pool_n, sizeof(*sorted));
    size_t n = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < cv->pool_n; i++) {
            if ((cv->pool[i]->tag == 2) == (pass == 0))
                sorted[n++] = cv->pool[i];
        }
    }
    if (n > 0x3FFF) /* the component's size, 4 bytes an entry, has 16 bits */
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "more than 16383 constants");
    for (size_t i = 0; i < n; i++)
        sorted[i]->index = (uint16_t)i;
    cv->pool = sorted;
    return MM_OK;
}

static bool in_component(const struct mm_cls *cls, const struct mm_method *m)
{
    return !(cls->access & ACC_INTERFACE) && strcmp(m->name, "<clinit>") != 0;
}

static enum mm_status place_methods(struct mm_conv *cv, size_t handlers, struct mm_err *err)
{
    size_t at = 1 + handlers * 8;

    for (size_t i = 0; i < cv->class_n; i++) {
        for (size_t k = 0; k < cv->classes[i]->method_n; k++) {
            struct mm_method *m = &cv->classes[i]->methods[k];
            bool extended = m->nargs > 15;

            if (!in_component(cv->classes[i], m))
                continue;
            m->off = (uint16_t)at;
            if (m->body != NULL) {
                if (!place_all(m->body))
                    return mm_conv_refuse(cv->classes[i], m, 0, err, "more than %d bytes of code",
                                          METHOD_MAX_LEN);
                extended = extended || m->body->max_stack > 15 || m->body->max_locals > 15;
                m->body->header = extended ? 4 : 2;
                at += m->body->bytes;
            }
            at += extended ? 4 : 2;
            if (at > 0x7FFF)
                return mm_conv_refuse(cv->classes[i], m, 0, err,
                                      "package has more than 32767 bytes of code");
        }
    }
    return MM_OK;
}

enum mm_status mm_conv_methods(struct mm_conv *cv, struct mm_err *err)
{
    struct mm_buf *out = &cv->parts[MM_CAP_METHOD];
    size_t handlers = 0;
    enum mm_status st = number_pool(cv, err);

    for (size_t i = 0; i < cv->class_n; i++) {
        for (size_t k = 0; k < cv->classes[i]->method_n; k++) {
            if (cv->classes[i]->methods[k].body != NULL)
                handlers += cv->classes[i]->methods[k].body->handler_n;
        }
    }
    if (st == MM_OK && handlers > 255)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "more than 255 exception handlers");
    if (st == MM_OK)
        st = place_methods(cv, handlers, err);
    if (st == MM_OK)
        st = write_handlers(cv, out, handlers, err);
    for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
        for (size_t k = 0; k < cv->classes[i]->method_n; k++) {
            if (in_component(cv->classes[i], &cv->classes[i]->methods[k]))
                write_method(cv, out, &cv->classes[i]->methods[k]);
        }
    }
    return st;
}
