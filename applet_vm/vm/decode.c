/*
 * Method bodies made into arrays of struct mm_ins.
 *
 * A body is walked from its first instruction along every branch and into every handler that covers
 * what was reached, so its end need not be known (JCVM 3.0.5, 6.10 does not give it). What cannot
 * be reached is not translated and cannot run. The walk also follows the stack depth: it must be
 * the same on all ways to an instruction and stay within max_stack, and every local variable must be
 * within the frame. That is why the interpreter needs no stack or variable checks. Types are not
 * followed: any 16-bit value may be used as a reference, and the interpreter checks that.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

#define UNSEEN (-1)

struct mm_decoder {
    struct mm_vm *vm;
    struct mm_package *pkg;
    const uint8_t *code;
    size_t len, handler_n;
    int32_t *depth;      /* by offset; UNSEEN */
    struct mm_ins *ins;  /* by offset */
    uint32_t *list;      /* offsets reached, in the order of discovery */
    size_t list_n, next; /* list[next ..] have still to be looked at */
    size_t total;        /* instructions of all methods; each byte belongs to one method at most */
    uint8_t *handler_on; /* handlers that cover something reached in this method */
    bool shape;          /* first walk: only what the method returns */
    const struct mm_method *m;
};

static enum mm_status bad(struct mm_err *err, size_t off, const char *what)
{
    return mm_fail(err, MM_MALFORMED, off, "Method component, offset 0x%04zx: %s", off, what);
}

void mm_decoder_free(struct mm_decoder **d)
{
    if (*d == NULL)
        return;
    free((*d)->depth);
    free((*d)->ins);
    free((*d)->list);
    free((*d)->handler_on);
    free(*d);
    *d = NULL;
}

enum mm_status mm_decoder_new(struct mm_vm *vm, struct mm_package *pkg, struct mm_decoder **out,
                              struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_METHOD);
    struct mm_decoder *d = calloc(1, sizeof(*d));

    *out = d;
    if (d == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    d->vm = vm;
    d->pkg = pkg;
    d->code = c->info;
    d->len = c->info != NULL ? c->len : 0;
    d->handler_n = d->len != 0 ? d->code[0] : 0;
    d->depth = calloc(d->len + 1, sizeof(*d->depth));
    d->ins = calloc(d->len + 1, sizeof(*d->ins));
    d->list = calloc(d->len + 1, sizeof(*d->list));
    d->handler_on = calloc(d->handler_n + 1, 1);
    if (d->depth == NULL || d->ins == NULL || d->list == NULL || d->handler_on == NULL) {
        mm_decoder_free(out);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    if (1 + 8 * d->handler_n > d->len && d->len != 0) {
        mm_decoder_free(out);
        return bad(err, 0, "exception handlers are cut off");
    }
    for (size_t i = 0; i <= d->len; i++)
        d->depth[i] = UNSEEN;
    return MM_OK;
}

/* ---- The walk ---- */

static enum mm_status reach(struct mm_decoder *d, size_t from, int64_t to, int32_t depth,
                            struct mm_err *err)
{
    if (to < (int64_t)(1 + 8 * d->handler_n) || to >= (int64_t)d->len)
        return bad(err, from, "goes on outside the method");
    if (d->shape)
        depth = 0;
    if (d->depth[to] == UNSEEN) {
        d->depth[to] = depth;
        d->list[d->list_n++] = (uint32_t)to;
        return MM_OK;
    }
    return d->depth[to] == depth ? MM_OK
                                 : bad(err, (size_t)to, "stack depth differs by the way here");
}

struct handler_file {
    uint32_t start, len, target;
    uint16_t catch_cp;
    bool stop;
};
static struct handler_file handler_read(const struct mm_decoder *d, size_t i)
{
    const uint8_t *p = d->code + 1 + 8 * i;

    return (struct handler_file){.start = mm_be16(p),
                                 .len = mm_be16(p + 2) & 0x7FFF,
                                 .target = mm_be16(p + 4),
                                 .catch_cp = mm_be16(p + 6),
                                 .stop = (p[2] & 0x80) != 0};
}

static enum mm_status reach_handlers(struct mm_decoder *d, size_t off, struct mm_err *err)
{
    for (size_t i = 0; i < d->handler_n; i++) {
        struct handler_file h = handler_read(d, i);
        enum mm_status st;
        if (d->handler_on[i] != 0 || off < h.start || off >= h.start + h.len)
            continue;
        d->handler_on[i] = 1;
        st = reach(d, off, h.target, 1, err);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

static int64_t branch(const struct mm_decoder *d, size_t off, size_t at)
{
    return (int64_t)off + (int16_t)mm_be16(d->code + at);
}

/* All cases of a switch; the length of the instruction was checked by mm_op_len. */
static enum mm_status reach_cases(struct mm_decoder *d, size_t off, size_t len, uint8_t operands,
                                  int32_t depth, struct mm_err *err)
{
    size_t first = off + 7, step = 2;
    enum mm_status st = reach(d, off, branch(d, off, off + 1), depth, err);

    if (operands == MM_OPERANDS_ITABLESWITCH)
        first = off + 11;
    else if (operands == MM_OPERANDS_SLOOKUPSWITCH)
        step = 4;
    else if (operands == MM_OPERANDS_ILOOKUPSWITCH)
        first = off + 9, step = 6;
    for (size_t at = first; at + 2 <= off + len && st == MM_OK; at += step)
        st = reach(d, off, branch(d, off, at), depth, err);
    return st;
}

static bool ends(uint8_t op)
{
    return op == MM_OP_GOTO || op == MM_OP_GOTO_W || op == MM_OP_RET || op == MM_OP_ATHROW ||
           (op >= MM_OP_STABLESWITCH && op <= MM_OP_RETURN);
}

/* Where the instruction at off may go on, with depth after it. */
static enum mm_status follow(struct mm_decoder *d, size_t off, size_t len, int32_t depth,
                             bool never, struct mm_err *err)
{
    uint8_t op = d->code[off];
    const struct mm_op_info *info = mm_op_info(op);
    enum mm_status st = MM_OK;

    if (info->operands == MM_OPERANDS_BRANCH8)
        st = reach(d, off, (int64_t)off + (int8_t)d->code[off + 1], depth, err);
    else if (info->operands == MM_OPERANDS_BRANCH16)
        st = reach(d, off, branch(d, off, off + 1), depth, err);
    else if (info->operand_bytes == 0xFF)
        st = reach_cases(d, off, len, info->operands, depth, err);
    if (st == MM_OK && !ends(op) && !never) {
        /* After jsr the subroutine has taken its return address off; RET checks that it did. */
        st = reach(d, off, (int64_t)(off + len), op == MM_OP_JSR ? depth - 1 : depth, err);
    }
    return st;
}

static uint8_t returned(uint8_t op)
{
    return op == MM_OP_RETURN                           ? 0
           : op == MM_OP_IRETURN                        ? 2
           : op == MM_OP_ARETURN || op == MM_OP_SRETURN ? 1
                                                        : MM_RET_NEVER;
}

static enum mm_status step(struct mm_decoder *d, size_t off, int32_t *depth, bool *never,
                           struct mm_err *err)
{
    struct mm_step s;
    enum mm_status st = mm_translate(d->vm, d->pkg, d->m, off, &s, err);

    if (st != MM_OK) {
        mm_err_prefix(err, "Method component, offset 0x%04zx", off);
        return st;
    }
    if (*depth < s.pops)
        return bad(err, off, "stack underflow");
    if (returned(d->code[off]) == MM_RET_NEVER) /* else: the result is the caller's */
        *depth += s.pushes - s.pops;
    if (*depth > d->m->max_stack)
        return bad(err, off, "stack overflow: max_stack is too low");
    if (s.ins.op == MM_V_JSR)
        s.ins.a = (uint16_t)(*depth - 1);
    d->ins[off] = s.ins;
    *never = s.never;
    return MM_OK;
}

static enum mm_status walk(struct mm_decoder *d, size_t start, uint8_t *ret, struct mm_err *err)
{
    enum mm_status st = reach(d, start, (int64_t)start, 0, err);

    for (; st == MM_OK && d->next < d->list_n; d->next++) {
        size_t off = d->list[d->next];
        size_t len = mm_op_len(d->code, d->len, off);
        int32_t depth = d->depth[off];
        bool never = false;
        uint8_t r;

        if (len == 0)
            return bad(err, off, "opcode not defined or cut off");
        r = returned(d->code[off]);
        if (r != MM_RET_NEVER && *ret != MM_RET_NEVER && r != *ret)
            return bad(err, off, "returns another type than elsewhere in the method");
        if (r != MM_RET_NEVER)
            *ret = r;
        st = reach_handlers(d, off, err);
        if (st == MM_OK && !d->shape)
            st = step(d, off, &depth, &never, err);
        if (st == MM_OK)
            st = follow(d, off, len, depth, never, err);
    }
    if (st == MM_OK && (d->total += d->list_n) > d->len)
        return bad(err, start, "methods overlap");
    return st;
}

static void forget(struct mm_decoder *d)
{
    for (size_t i = 0; i < d->list_n; i++)
        d->depth[d->list[i]] = UNSEEN;
    d->list_n = d->next = 0;
    memset(d->handler_on, 0, d->handler_n);
}

/* ---- Header and return type ---- */

static enum mm_status read_header(struct mm_decoder *d, struct mm_method *m, size_t *body,
                                  struct mm_err *err)
{
    struct mm_rd rd;
    uint8_t b;

    mm_rd_init(&rd, d->code, d->len);
    (void)mm_rd_bytes(&rd, m->off);
    b = mm_rd_u8(&rd);
    m->abstract = (b & 0x40) != 0;
    if ((b & 0x80) != 0) {
        m->max_stack = mm_rd_u8(&rd);
        m->args = mm_rd_u8(&rd);
        m->locals = (uint16_t)(m->args + mm_rd_u8(&rd));
    } else {
        m->max_stack = b & 0x0F;
        b = mm_rd_u8(&rd);
        m->args = b >> 4;
        m->locals = (uint16_t)(m->args + (b & 0x0F));
    }
    *body = rd.off;
    return rd.bad || m->off < 1 + 8 * d->handler_n ? bad(err, m->off, "no method header") : MM_OK;
}

enum mm_status mm_decode_shape(struct mm_decoder *d, struct mm_method *m, struct mm_err *err)
{
    size_t body;
    enum mm_status st = read_header(d, m, &body, err);
    uint8_t ret = MM_RET_NEVER;

    if (st != MM_OK)
        return st;
    d->m = m;
    d->shape = true;
    if (!m->abstract)
        st = walk(d, body, &ret, err);
    m->ret = ret;
    forget(d);
    return st;
}

/* ---- Instructions put one after the other ---- */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Into the order of the file. A method's instructions lie close together, so looking at each offset
 * between the first and the last finds them; one that is spread out is sorted. */
static void in_order(struct mm_decoder *d)
{
    uint32_t low = UINT32_MAX, high = 0;
    size_t n = 0;

    for (size_t i = 0; i < d->list_n; i++) {
        low = d->list[i] < low ? d->list[i] : low;
        high = d->list[i] > high ? d->list[i] : high;
    }
    if (d->list_n == 0 || (high - low) / 16 > d->list_n) {
        qsort(d->list, d->list_n, sizeof(*d->list), by_value);
        return;
    }
    for (uint32_t off = low; off <= high; off++) {
        if (d->depth[off] != UNSEEN)
            d->list[n++] = off;
    }
}

/* Index of the first instruction at or after off. */
static uint32_t index_of(const struct mm_decoder *d, size_t off)
{
    size_t lo = 0, hi = d->list_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (d->list[mid] < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return (uint32_t)lo;
}

static bool is_branch(uint16_t op)
{
    return op >= MM_V_IFEQ && op <= MM_V_JSR;
}

static void fix_targets(const struct mm_decoder *d, struct mm_ins *ins, uint32_t here)
{
    if (is_branch(ins->op)) {
        ins->b = (int32_t)index_of(d, (size_t)ins->b) - (int32_t)here;
    } else if (ins->op == MM_V_SSWITCH || ins->op == MM_V_ISWITCH) {
        struct mm_switch *sw = (struct mm_switch *)(uintptr_t)ins->p; /* made by mm_translate */
        sw->other = (int32_t)index_of(d, (size_t)sw->other) - (int32_t)here;
        for (uint32_t i = 0; i < sw->n; i++)
            sw->cases[i].to = (int32_t)index_of(d, (size_t)sw->cases[i].to) - (int32_t)here;
    }
}

static enum mm_status emit(struct mm_decoder *d, struct mm_method *m, struct mm_err *err)
{
    struct mm_ins *code = mm_arena_alloc(&d->pkg->arena, d->list_n + 1, sizeof(*code));

    if (code == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    in_order(d);
    for (uint32_t i = 0; i < d->list_n; i++) {
        size_t off = d->list[i], len = mm_op_len(d->code, d->len, off);
        if (i + 1 < d->list_n && d->list[i + 1] < off + len)
            return bad(err, d->list[i + 1], "instructions overlap");
        code[i] = d->ins[off];
        fix_targets(d, &code[i], i);
    }
    mm_fuse(code, (uint32_t)d->list_n);
    m->code = code;
    m->ins_n = (uint32_t)d->list_n;
    return MM_OK;
}

static enum mm_status emit_handlers(struct mm_decoder *d, struct mm_method *m, struct mm_err *err)
{
    struct mm_handler *handlers;
    size_t n = 0;

    for (size_t i = 0; i < d->handler_n; i++)
        n += d->handler_on[i];
    if (n == 0)
        return MM_OK;
    if (m->max_stack < 1)
        return bad(err, m->off, "a handler needs max_stack 1");
    handlers = mm_arena_alloc(&d->pkg->arena, n, sizeof(*handlers));
    if (handlers == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t i = 0; i < d->handler_n; i++) {
        struct handler_file f = handler_read(d, i);
        struct mm_handler *h = &handlers[m->handler_n];
        if (d->handler_on[i] == 0)
            continue;
        h->first = index_of(d, f.start);
        h->end = index_of(d, f.start + f.len);
        h->target = index_of(d, f.target);
        h->stop = f.stop;
        if (f.catch_cp != 0) {
            enum mm_status st = mm_resolve_class(d->pkg, f.catch_cp, &h->catch_class, err);
            if (st != MM_OK)
                return st;
        }
        m->handler_n++;
    }
    m->handlers = handlers;
    return MM_OK;
}

enum mm_status mm_decode_code(struct mm_decoder *d, struct mm_method *m, struct mm_err *err)
{
    size_t body;
    uint8_t ret = MM_RET_NEVER;
    enum mm_status st = read_header(d, m, &body, err);

    if (st != MM_OK || m->abstract)
        return st;
    if (d->shape) { /* the first of the second round */
        d->shape = false;
        d->total = 0;
    }
    d->m = m;
    st = walk(d, body, &ret, err);
    if (st == MM_OK)
        st = emit(d, m, err);
    if (st == MM_OK)
        st = emit_handlers(d, m, err);
    forget(d);
    return st;
}
