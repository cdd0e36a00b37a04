/*
 * Method bodies made into arrays of struct mm_ins, when the package is linked or when the method is
 * first called (link.c says which).
 *
 * A body is walked from its first instruction along every branch and into every handler that covers
 * what was reached; mm_cap_read has checked that this stays within the method's run of instructions.
 * What cannot be reached is not translated and cannot run. The walk also follows the stack depth: it
 * must be the same on all ways to an instruction and stay within max_stack, and every local variable
 * must be within the frame. That is why the interpreter needs no stack or variable checks. Types are
 * not followed: any 16-bit value may be used as a reference, and the interpreter checks that.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

#define UNSEEN (-1)

struct decoder {
    const struct mm_vm *vm;
    struct mm_package *pkg;
    struct mm_method *m;
    const struct mm_cap_method *file;
    const uint8_t *code; /* the Method component */
    size_t first, end;   /* of the body in it */
    int32_t *depth;      /* by offset from first; UNSEEN. The block that holds the others, too */
    struct mm_ins *ins;  /* likewise */
    uint32_t *list;      /* offsets reached, in the order of discovery */
    size_t list_n, next; /* list[next ..] have still to be looked at */
    bool handler_on[UINT8_MAX]; /* of the method's handlers: covers something reached */
};

static enum mm_status bad(struct mm_err *err, size_t off, const char *what)
{
    return mm_fail(err, MM_MALFORMED, off, "Method component, offset 0x%04zx: %s", off, what);
}

static enum mm_status open_decoder(struct decoder *d, struct mm_err *err)
{
    size_t n;

    d->file = mm_cap_method_at(d->pkg->cap, d->m->off);
    if (d->file == NULL)
        return bad(err, d->m->off, "no method");
    d->code = mm_cap_component(d->pkg->cap, MM_CAP_METHOD)->info;
    d->first = d->file->code_off;
    d->end = d->first + d->file->code_len;
    n = d->file->code_len;
    d->ins = malloc((n + 1) * (sizeof(*d->ins) + sizeof(*d->depth) + sizeof(*d->list)));
    if (d->ins == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    d->depth = (int32_t *)(d->ins + n + 1);
    d->list = (uint32_t *)(d->depth + n + 1);
    memset(d->depth, 0xFF, (n + 1) * sizeof(*d->depth)); /* UNSEEN */
    return MM_OK;
}

/* ---- The walk ---- */

static enum mm_status reach(struct decoder *d, size_t from, int64_t to, int32_t depth,
                            struct mm_err *err)
{
    int32_t *there;

    if (to < (int64_t)d->first || to >= (int64_t)d->end)
        return bad(err, from, "goes on outside the method");
    there = &d->depth[to - (int64_t)d->first];
    if (*there == UNSEEN) {
        *there = depth;
        d->list[d->list_n++] = (uint32_t)to;
        return MM_OK;
    }
    return *there == depth ? MM_OK : bad(err, (size_t)to, "stack depth differs by the way here");
}

static const struct mm_cap_handler *handler(const struct decoder *d, size_t i)
{
    return mm_cap_handler(d->pkg->cap, mm_cap_method_handler(d->pkg->cap, d->file, i));
}

static enum mm_status reach_handlers(struct decoder *d, size_t off, struct mm_err *err)
{
    for (size_t i = 0; i < d->file->handler_n; i++) {
        const struct mm_cap_handler *h = handler(d, i);
        enum mm_status st;
        if (d->handler_on[i] || h->start_off < d->first || off < h->start_off ||
            off >= (size_t)h->start_off + h->len)
            continue;
        d->handler_on[i] = true;
        st = reach(d, off, h->handler_off, 1, err);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

static int64_t branch(const struct decoder *d, size_t off, size_t at)
{
    return (int64_t)off + (int16_t)mm_be16(d->code + at);
}

/* All cases of a switch; the length of the instruction was checked by mm_op_len. */
static enum mm_status reach_cases(struct decoder *d, size_t off, size_t len, uint8_t operands,
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

/* Where the instruction at off may go on, with depth after it. */
static enum mm_status follow(struct decoder *d, size_t off, size_t len, int32_t depth, bool never,
                             struct mm_err *err)
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
    if (st == MM_OK && !mm_op_ends(op) && !never) {
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

static enum mm_status step(struct decoder *d, size_t off, int32_t *depth, bool *never,
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
    d->ins[off - d->first] = s.ins;
    *never = s.never;
    return MM_OK;
}

static enum mm_status walk(struct decoder *d, struct mm_err *err)
{
    enum mm_status st = reach(d, d->first, (int64_t)d->first, 0, err);

    for (; st == MM_OK && d->next < d->list_n; d->next++) {
        size_t off = d->list[d->next];
        size_t len = mm_op_len(d->code, d->end, off);
        int32_t depth = d->depth[off - d->first];
        uint8_t r = returned(d->code[off]);
        bool never = false;

        if (r != MM_RET_NEVER && r != d->m->ret)
            return bad(err, off, "returns another type than elsewhere in the method");
        st = reach_handlers(d, off, err);
        if (st == MM_OK)
            st = step(d, off, &depth, &never, err);
        if (st == MM_OK)
            st = follow(d, off, len, depth, never, err);
    }
    return st;
}

/* ---- What a method returns: by the first return of its run; walk finds another one ---- */

uint8_t mm_method_ret(struct mm_method *m)
{
    const struct mm_cap_method *file;
    const uint8_t *code;
    size_t end;

    if (m->ret != MM_RET_UNKNOWN)
        return m->ret;
    file = mm_cap_method_at(m->pkg->cap, m->off);
    code = mm_cap_component(m->pkg->cap, MM_CAP_METHOD)->info;
    end = (size_t)file->code_off + file->code_len;
    m->ret = MM_RET_NEVER;
    for (size_t off = file->code_off; off < end && m->ret == MM_RET_NEVER;
         off += mm_op_len(code, end, off))
        m->ret = returned(code[off]);
    return m->ret;
}

/* ---- Instructions put one after the other ---- */

/* Into the order of the file. */
static void in_order(struct decoder *d)
{
    size_t n = 0;

    for (size_t i = 0; i < d->end - d->first; i++) {
        if (d->depth[i] != UNSEEN)
            d->list[n++] = (uint32_t)(d->first + i);
    }
}

/* Index of the first instruction at or after off. */
static uint32_t index_of(const struct decoder *d, size_t off)
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

static void fix_targets(const struct decoder *d, struct mm_ins *ins, uint32_t here)
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

static enum mm_status emit(struct decoder *d, struct mm_err *err)
{
    struct mm_ins *code = mm_arena_alloc(&d->pkg->arena, d->list_n + 1, sizeof(*code));

    if (code == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (uint32_t i = 0; i < d->list_n; i++) {
        code[i] = d->ins[d->list[i] - d->first];
        fix_targets(d, &code[i], i);
    }
    mm_fuse(code, (uint32_t)d->list_n);
    d->m->ins_n = (uint32_t)d->list_n;
    d->m->code = code;
    return MM_OK;
}

static enum mm_status emit_handlers(struct decoder *d, struct mm_err *err)
{
    struct mm_method *m = d->m;
    struct mm_handler *handlers;
    size_t n = 0;

    for (size_t i = 0; i < d->file->handler_n; i++)
        n += d->handler_on[i];
    if (n == 0)
        return MM_OK;
    if (m->max_stack < 1)
        return bad(err, m->off, "a handler needs max_stack 1");
    handlers = mm_arena_alloc(&d->pkg->arena, n, sizeof(*handlers));
    if (handlers == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    m->handler_n = 0;
    for (size_t i = 0; i < d->file->handler_n; i++) {
        const struct mm_cap_handler *f = handler(d, i);
        struct mm_handler *h = &handlers[m->handler_n];
        if (!d->handler_on[i])
            continue;
        h->first = index_of(d, f->start_off);
        h->end = index_of(d, (size_t)f->start_off + f->len);
        h->target = index_of(d, f->handler_off);
        h->stop = f->stop;
        if (f->catch_cp != 0) {
            enum mm_status st = mm_resolve_class(d->pkg, f->catch_cp, &h->catch_class, err);
            if (st != MM_OK)
                return st;
        }
        m->handler_n++;
    }
    m->handlers = handlers;
    return MM_OK;
}

enum mm_status mm_method_translate(const struct mm_vm *vm, struct mm_method *m, struct mm_err *err)
{
    struct decoder d = {.vm = vm, .pkg = m->pkg, .m = m};
    enum mm_status st;

    if (m->abstract || m->code != NULL)
        return MM_OK;
    st = open_decoder(&d, err);
    (void)mm_method_ret(m);
    if (st == MM_OK)
        st = walk(&d, err);
    if (st == MM_OK) {
        in_order(&d);
        st = emit_handlers(&d, err);
    }
    if (st == MM_OK)
        st = emit(&d, err); /* last: code that is there is ready */
    free(d.ins);
    return st;
}
