/*
 * What each local and stack cell may hold before each instruction: a reference, or an int within an
 * interval. A fixpoint over the code; nothing is judged here except that the stack fits.
 */
#include "converter/flow_int.h"

#include <string.h>

#define WIDEN_AFTER     3          /* joins at one place before bounds jump */
#define STATE_CELLS_MAX (4u << 20) /* 12 bytes each: 48 MiB while one method is looked at */
#define CELLS_MAX       255 /* max_stack and nargs + max_locals are bytes (JCVM 3.0.5, 6.10.2) */

static enum mm_status malformed(struct walk *w, const char *what)
{
    (void)mm_conv_refuse(w->f->cls, w->f->m, w->in == NULL ? 0 : w->in->pc, w->err,
                         "malformed code: %s", what);
    if (w->err != NULL)
        w->err->st = MM_MALFORMED;
    return MM_MALFORMED;
}

static bool join(struct jflow *f, struct jval *into, struct jval v, bool widen)
{
    struct jval was = *into;

    if (was.kind == JV_NONE)
        return false;
    if (was.kind != v.kind)
        into->kind = JV_NONE;
    else if (was.kind == JV_INT) {
        mm_flow_unite(f, was.web, v.web);
        *into = mm_conv_interval_join(was, v, widen);
        into->web = was.web;
    }
    return into->kind != was.kind || into->lo != was.lo || into->hi != was.hi;
}

/* Join the walking state into that of instruction `to`. */
static enum mm_status flow_to(struct walk *w, uint32_t to, const struct jval *locals,
                              const struct jval *stack, uint16_t depth)
{
    struct jstate *s = &w->f->states[to];
    uint16_t local_n = w->f->m->code->max_locals;
    bool changed = false;

    if (s->depth == JDEPTH_NONE) {
        memcpy(s->locals, locals, local_n * sizeof(*locals));
        memcpy(s->stack, stack, depth * sizeof(*stack));
        s->depth = depth;
        changed = true;
    } else {
        /* Every loop goes back somewhere: that is enough to make bounds jump there. */
        bool back = w->in != NULL && to <= (uint32_t)(w->in - w->f->ins);
        bool widen = back && ++s->visits > WIDEN_AFTER;

        if (s->depth != depth)
            return malformed(w, "stack depths differ where paths meet");
        if (s->visits == 255)
            s->visits = WIDEN_AFTER + 1;
        for (uint16_t i = 0; i < local_n; i++)
            changed |= join(w->f, &s->locals[i], locals[i], widen);
        for (uint16_t i = 0; i < depth; i++)
            changed |= join(w->f, &s->stack[i], stack[i], widen);
    }
    if (changed && !w->queued[to]) {
        w->queued[to] = true;
        w->todo[w->todo_n++] = to;
    }
    return MM_OK;
}

static enum mm_status flow_handlers(struct walk *w, const struct jstate *before)
{
    const struct jcode *code = w->f->m->code;
    const struct jval thrown = mm_flow_ref();
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < code->handler_n; i++) {
        const struct jhandler *h = &code->handlers[i];

        if (w->in->pc < h->start || w->in->pc >= h->end)
            continue;
        if (code->max_stack == 0)
            return malformed(w, "handler without room on the stack");
        if (w->f->max_depth == 0)
            w->f->max_depth = 1;
        st = flow_to(w, w->f->at[h->handler], before->locals, &thrown, 1);
    }
    return st;
}

/* ---- What a comparison tells of the locals it compares ---- */

enum { JVM_ICMPLT = 0xa1, JVM_ICMPGE, JVM_ICMPGT, JVM_ICMPLE };

static struct jval at_least(struct jval v, int64_t lo)
{
    if (lo > v.lo && lo <= v.hi) /* else nothing is learnt, or the way is never taken */
        v.lo = (int32_t)lo;
    return v;
}

static struct jval at_most(struct jval v, int64_t hi)
{
    if (hi < v.hi && hi >= v.lo)
        v.hi = (int32_t)hi;
    return v;
}

/* a and b where "a op b" holds. */
static void narrow(uint8_t op, struct jval *a, struct jval *b)
{
    const struct jval x = *a, y = *b;
    int64_t gap = op == JVM_ICMPLT || op == JVM_ICMPGT ? 1 : 0;

    if (op == JVM_ICMPLT || op == JVM_ICMPLE) {
        *a = at_most(x, y.hi - gap);
        *b = at_least(y, x.lo + gap);
    } else {
        *a = at_least(x, y.lo + gap);
        *b = at_most(y, x.hi - gap);
    }
}

/* The cell that an instruction just loaded a number from; NULL: none. Nothing may jump behind it. */
static struct jval *loaded(struct walk *w, uint32_t idx, uint32_t back)
{
    const struct jins *in;

    if (idx < back || w->f->ins[idx - back + 1].is_target)
        return NULL;
    in = &w->f->ins[idx - back];
    return in->kind == JK_LOAD_I ? mm_flow_local(w, in->a) : NULL;
}

/* "i < n" with locals or constants: on each way on, i and n have narrower bounds. So the int that
 * javac counts with in an enhanced for is known to fit a short. */
static enum mm_status flow_compared(struct walk *w, uint32_t idx)
{
    const struct jins *in = w->in;
    struct jval *a = loaded(w, idx, 2), *b = loaded(w, idx, 1), fixed = mm_flow_number(0, 0), was_a,
                was_b;
    uint8_t other = (uint8_t)(in->op + (in->op == JVM_ICMPLT || in->op == JVM_ICMPGT ? 1 : -1));
    enum mm_status st;

    if (a != NULL && b == NULL && w->f->ins[idx - 1].kind == JK_CONST) {
        fixed = mm_flow_number(w->f->ins[idx - 1].a, w->f->ins[idx - 1].a);
        b = &fixed;
    }
    if (in->op < JVM_ICMPLT || in->op > JVM_ICMPLE || a == NULL || b == NULL || a == b ||
        w->f->ins[idx - 1].is_target || a->kind != JV_INT || b->kind != JV_INT ||
        idx + 1 >= w->f->ins_n)
        return flow_to(w, in->target, w->locals, w->stack, w->depth);
    was_a = *a;
    was_b = *b;
    narrow(in->op, a, b);
    st = flow_to(w, in->target, w->locals, w->stack, w->depth);
    *a = was_a;
    *b = was_b;
    narrow(other, a, b);
    return st;
}

static enum mm_status flow_on(struct walk *w, uint32_t idx)
{
    const struct jins *in = w->in;
    enum mm_status st = MM_OK;
    bool ends = in->kind == JK_GOTO || in->kind == JK_RET || in->kind == JK_RET_A ||
                in->kind == JK_RET_I || in->kind == JK_ATHROW || in->kind == JK_TSWITCH ||
                in->kind == JK_LSWITCH;
    bool jumps = in->kind == JK_GOTO || in->kind == JK_IF || in->kind == JK_IF_A ||
                 in->kind == JK_CMP || in->kind == JK_CMP_A || in->kind == JK_TSWITCH ||
                 in->kind == JK_LSWITCH;

    if (in->kind == JK_CMP)
        st = flow_compared(w, idx);
    else if (jumps)
        st = flow_to(w, in->target, w->locals, w->stack, w->depth);
    for (uint32_t i = 0; st == MM_OK && i < in->case_n; i++)
        st = flow_to(w, in->targets[i], w->locals, w->stack, w->depth);
    if (st == MM_OK && !ends) {
        if (idx + 1 >= w->f->ins_n)
            return malformed(w, "execution runs past the end");
        st = flow_to(w, idx + 1, w->locals, w->stack, w->depth);
    }
    return st;
}

/* Entry state: this and the arguments. */
static enum mm_status enter(struct walk *w)
{
    const struct mm_method *m = w->f->m;
    const char *p = m->desc + 1, *bad_type;
    uint16_t n = 0;
    int args = mm_conv_desc_args(m->desc, true, &bad_type);

    if (args < 0)
        return malformed(w, "method descriptor");
    if (m->code->max_stack > CELLS_MAX || m->code->max_locals > CELLS_MAX)
        return mm_conv_refuse(w->f->cls, m, 0, w->err,
                              "more than %d stack cells or locals; split the method", CELLS_MAX);
    if (args + (m->access & ACC_STATIC ? 0 : 1) > m->code->max_locals)
        return malformed(w, "arguments do not fit the locals");
    if (!(m->access & ACC_STATIC))
        w->locals[n++] = mm_flow_ref();
    while (*p != ')') {
        w->locals[n] = mm_flow_of_type(*p);
        w->locals[n].web = (uint32_t)(2 * w->f->ins_n + n);
        n++;
        (void)mm_conv_type_next(&p);
    }
    return flow_to(w, 0, w->locals, w->stack, 0);
}

static void make_states(struct walk *w)
{
    const struct jcode *code = w->f->m->code;
    size_t cells = (size_t)code->max_locals + code->max_stack;
    struct jval *all = mm_arena_alloc(w->arena, w->f->ins_n * cells, sizeof(*all));

    w->f->states = mm_arena_alloc(w->arena, w->f->ins_n, sizeof(*w->f->states));
    for (size_t i = 0; i < w->f->ins_n; i++) {
        w->f->states[i].depth = JDEPTH_NONE;
        w->f->states[i].locals = all + i * cells;
        w->f->states[i].stack = all + i * cells + code->max_locals;
    }
    w->f->web_n = 2 * w->f->ins_n + code->max_locals;
    w->f->webs = mm_arena_alloc(w->arena, w->f->web_n, sizeof(*w->f->webs));
    for (size_t i = 0; i < w->f->web_n; i++)
        w->f->webs[i] = (uint32_t)i;
    w->todo = mm_arena_alloc(w->arena, w->f->ins_n, sizeof(*w->todo));
    w->queued = mm_arena_alloc(w->arena, w->f->ins_n, sizeof(*w->queued));
    w->locals = mm_arena_alloc(w->arena, cells + 1, sizeof(*w->locals));
    w->stack = w->locals + code->max_locals;
}

enum mm_status mm_conv_flow(struct mm_arena *arena, struct jflow *flow, struct mm_err *err)
{
    struct walk w = {.arena = arena, .f = flow, .err = err};
    const struct jcode *code = flow->m->code;
    enum mm_status st;

    if (code->max_stack > CELLS_MAX || code->max_locals > CELLS_MAX)
        return mm_conv_refuse(flow->cls, flow->m, 0, err,
                              "more than %d stack cells or locals; split the method", CELLS_MAX);
    if (flow->ins_n * ((size_t)code->max_locals + code->max_stack) > STATE_CELLS_MAX)
        return mm_conv_refuse(flow->cls, flow->m, 0, err, "method is too large");
    make_states(&w);
    st = enter(&w);
    while (st == MM_OK && w.todo_n != 0) {
        uint32_t idx = w.todo[--w.todo_n];
        struct jstate *s = &flow->states[idx];

        w.queued[idx] = false;
        w.in = &flow->ins[idx];
        st = flow_handlers(&w, s);
        if (st != MM_OK)
            break;
        memcpy(w.locals, s->locals, code->max_locals * sizeof(*w.locals));
        memcpy(w.stack, s->stack, s->depth * sizeof(*w.stack));
        w.depth = s->depth;
        mm_flow_step(&w);
        if (w.bad)
            return malformed(&w, "operand types or stack depth do not fit the instruction");
        st = flow_on(&w, idx);
    }
    return st;
}

/* Cells that an instruction takes from the stack. */
static uint16_t pops(const struct mm_cls *cls, const struct jins *in)
{
    static const uint8_t of_stack[] = {
        [JS_POP] = 1,  [JS_POP2] = 2,    [JS_DUP] = 1,     [JS_DUP_X1] = 2, [JS_DUP_X2] = 3,
        [JS_DUP2] = 2, [JS_DUP2_X1] = 3, [JS_DUP2_X2] = 4, [JS_SWAP] = 2};
    struct jref r;
    const char *bad;

    switch (in->kind) {
    case JK_NOP:
    case JK_NULL:
    case JK_CONST:
    case JK_LDC:
    case JK_LOAD_I:
    case JK_LOAD_A:
    case JK_IINC:
    case JK_NEW:
    case JK_GETSTATIC:
        return 0;
    case JK_BIN:
    case JK_ALOAD:
    case JK_PUTFIELD:
        return 2;
    case JK_ASTORE:
        return 3;
    case JK_STACK:
        return of_stack[in->arg];
    case JK_INVOKE:
        if (!mm_conv_cp_ref(cls, (uint16_t)in->a, &r))
            return UINT16_MAX;
        return (uint16_t)(mm_conv_desc_args(r.desc, true, &bad) +
                          (in->arg == MM_OP_INVOKESTATIC ? 0 : 1));
    default:
        return 1;
    }
}

bool mm_conv_mark_this_store(struct jflow *flow, uint32_t at)
{
    uint16_t slot = flow->states[at].depth;

    for (uint32_t i = at + 1; i < flow->ins_n; i++) {
        struct jins *in = &flow->ins[i];
        uint16_t depth = flow->states[i].depth;

        if (in->is_target || depth == JDEPTH_NONE || (in->kind >= JK_IF && in->kind <= JK_RET) ||
            in->kind == JK_ATHROW)
            return false;
        if (in->kind == JK_PUTFIELD && depth == slot + 2) {
            in->on_this = true;
            return true;
        }
        if (depth < slot + 1 + pops(flow->cls, in))
            return false;
    }
    return false;
}
