/*
 * Which values need Java's int on the card, in two cells, and which live in one. A value that fits
 * a short, or of which only the low 16 bits matter, has one cell. Where the rest matters its whole
 * web becomes wide, and with it what it is computed from, until nothing changes. Without int
 * support, the place where the rest matters is refused instead.
 */
#include "converter/conv_int.h"

#include <string.h>

struct reps {
    struct mm_conv *cv;
    struct jflow *f;
    struct mm_err *err;
    enum mm_status st;
    bool *noted; /* by instruction */
    bool changed;
    uint32_t at;
};

static const struct jval *cell(const struct jflow *f, uint32_t at, uint16_t n)
{
    const struct jstate *s = &f->states[at];

    return &s->stack[s->depth - 1 - n];
}

static bool wide_value(const struct jflow *f, const struct jval *v)
{
    return v->kind == JV_INT && f->wide[mm_conv_web(f, v->web)];
}

bool mm_conv_wide_cell(const struct jflow *flow, uint32_t at, uint16_t n)
{
    return wide_value(flow, cell(flow, at, n));
}

static void refuse(struct reps *r, const char *what, const char *hint)
{
    enum mm_status st;

    if (r->st != MM_OK || r->noted[r->at])
        return;
    r->noted[r->at] = true;
    st = mm_conv_refuse(r->f->cls, r->f->m, r->f->ins[r->at].pc, r->err,
                        "int arithmetic needed: %s; %s", what, hint);
    r->st = mm_conv_note(r->cv, st, r->err);
}

/* The value has to be wide. */
static void widen(struct reps *r, uint32_t web, const char *use)
{
    char what[120];

    web = mm_conv_web(r->f, web);
    if (r->f->wide[web])
        return;
    if (!r->cv->opt->ints) {
        (void)snprintf(what, sizeof(what), "%s of a value that may not fit a short", use);
        refuse(r, what, "cast it to short, or convert with --int");
        return;
    }
    r->f->wide[web] = true;
    r->changed = true;
}

static void want(struct reps *r, uint16_t n, const char *use)
{
    const struct jval *v = cell(r->f, r->at, n);

    if (v->kind == JV_INT)
        widen(r, v->web, use);
}

/* The n-th cell from the top has to be exactly Java's int. */
static void exact(struct reps *r, uint16_t n, const char *use)
{
    const struct jval *v = cell(r->f, r->at, n);

    if (v->kind == JV_INT && !mm_conv_fits(*v))
        widen(r, v->web, use);
}

/* Cards index and size arrays with shorts, even those that have int. */
static void short_only(struct reps *r, uint16_t n, const char *use)
{
    const struct jval *v = cell(r->f, r->at, n);
    char what[120];

    if (v->kind != JV_INT || mm_conv_fits(*v))
        return;
    (void)snprintf(what, sizeof(what), "%s of a value that may not fit a short", use);
    refuse(r, what, "cast it to short");
}

static bool wide_at(const struct reps *r, uint16_t n)
{
    return mm_conv_wide_cell(r->f, r->at, n);
}

/* Does what the instruction pushes have to be computed in int? */
static bool out_wide(const struct reps *r, struct jval out)
{
    return r->f->wide[mm_conv_web(r->f, 2 * r->at)] && !mm_conv_fits(out);
}

static void arith(struct reps *r, const struct jins *in)
{
    const struct jval a = *cell(r->f, r->at, 1), b = *cell(r->f, r->at, 0);
    bool divides = in->arg == MM_OP_SDIV || in->arg == MM_OP_SREM;
    bool shifts_right = in->arg == MM_OP_SSHR || in->arg == MM_OP_SUSHR;

    if (divides)
        exact(r, 0, "division by the result");
    if (divides || shifts_right)
        exact(r, 1, divides ? "division" : "right shift");
    if (!r->cv->opt->ints)
        return;
    r->f->wide_op[r->at] =
        wide_at(r, 0) || wide_at(r, 1) || out_wide(r, mm_conv_interval((uint8_t)in->arg, a, b));
    if (r->f->wide_op[r->at]) {
        want(r, 0, "arithmetic");
        want(r, 1, "arithmetic");
    }
}

static void compare(struct reps *r)
{
    exact(r, 0, "comparison");
    exact(r, 1, "comparison");
    if (wide_at(r, 0))
        want(r, 1, "comparison");
    if (wide_at(r, 1))
        want(r, 0, "comparison");
}

static void choose(struct reps *r, const struct jins *in)
{
    exact(r, 0, "switch");
    if (in->case_n != 0 && (in->keys[0] < -32768 || in->keys[in->case_n - 1] > 32767))
        want(r, 0, "switch with a case that does not fit a short: switch");
}

static void local_access(struct reps *r, const struct jins *in)
{
    const struct jval *v = &r->f->states[r->at].locals[in->a];

    if (in->kind == JK_LOAD_I && out_wide(r, *v))
        widen(r, v->web, "local variable");
    if (in->kind == JK_STORE_I && r->f->wide[mm_conv_web(r->f, 2 * r->at + 1)])
        want(r, 0, "local variable");
}

static void member(struct reps *r, const struct jins *in)
{
    struct jref ref;
    const char *p;
    uint16_t n = 0;

    if (!mm_conv_cp_ref(r->f->cls, (uint16_t)in->a, &ref))
        return;
    if (in->kind == JK_PUTFIELD || in->kind == JK_PUTSTATIC) {
        if (ref.desc[0] == 'I' && r->cv->opt->ints)
            want(r, 0, "assignment");
        else if (ref.desc[0] == 'Z') /* byte and short take the low bits, as in Java */
            short_only(r, 0, "assignment to boolean");
        return;
    }
    if (in->kind != JK_INVOKE)
        return;
    for (p = ref.desc + 1; *p != ')'; n++)
        (void)mm_conv_type_next(&p);
    for (p = ref.desc + 1; *p != ')'; (void)mm_conv_type_next(&p)) {
        n--;
        if (*p == 'I' && r->cv->opt->ints)
            want(r, n, "argument");
        else
            exact(r, n, "argument");
    }
}

/* Copies of the top cell may differ in form: the value is converted after it is copied. */
static void stack(struct reps *r, const struct jins *in)
{
    if (in->arg == JS_DUP || in->arg == JS_DUP_X1 || in->arg == JS_DUP_X2) {
        const struct jval *v = cell(r->f, r->at, 0);

        if (v->kind == JV_INT && out_wide(r, *v))
            want(r, 0, "copy");
    }
}

static void look(struct reps *r)
{
    const struct jins *in = &r->f->ins[r->at];

    switch (in->kind) {
    case JK_LOAD_I:
    case JK_STORE_I:
        local_access(r, in);
        break;
    case JK_ALOAD:
        short_only(r, 0, "array index");
        break;
    case JK_ASTORE:
        short_only(r, 1, "array index");
        if (in->arg == MM_OP_IASTORE)
            want(r, 0, "int array element");
        break;
    case JK_NEWARRAY:
    case JK_ANEWARRAY:
        short_only(r, 0, "array length");
        break;
    case JK_STACK:
        stack(r, in);
        break;
    case JK_BIN:
        arith(r, in);
        break;
    case JK_NEG:
        r->f->wide_op[r->at] =
            wide_at(r, 0) ||
            out_wide(r, mm_conv_interval(MM_OP_SNEG, *cell(r->f, r->at, 0), *cell(r->f, r->at, 0)));
        if (r->f->wide_op[r->at])
            want(r, 0, "negation");
        break;
    case JK_IF:
        exact(r, 0, "comparison");
        break;
    case JK_CMP:
        compare(r);
        break;
    case JK_TSWITCH:
    case JK_LSWITCH:
        choose(r, in);
        break;
    case JK_RET_I:
        if (mm_conv_desc_ret(r->f->m->desc) == 'I')
            want(r, 0, "return");
        else
            exact(r, 0, "return");
        break;
    case JK_PUTFIELD:
    case JK_PUTSTATIC:
    case JK_INVOKE:
        member(r, in);
        break;
    default:
        break;
    }
}

/* ---- Locals: a slot that ever holds a wide value has two cells ---- */

/* Arguments have the cells that their types say. */
static uint16_t argument_widths(struct jflow *f, uint8_t *width)
{
    const char *p = f->m->desc + 1;
    uint16_t n = 0;

    if (!(f->m->access & ACC_STATIC))
        width[n++] = 1;
    while (*p != ')') {
        width[n++] = *p == 'I' ? 2 : 1;
        (void)mm_conv_type_next(&p);
    }
    return n;
}

static void place_locals(struct reps *r)
{
    struct jflow *f = r->f;
    uint16_t n = f->m->code->max_locals, arg_n, at = 0;
    uint8_t width[256] = {0};

    arg_n = argument_widths(f, width);
    for (uint32_t i = 0; i < f->ins_n; i++) {
        const struct jins *in = &f->ins[i];
        bool sets = in->kind == JK_STORE_I || in->kind == JK_IINC;

        if (f->states[i].depth == JDEPTH_NONE || !sets || !f->wide[mm_conv_web(f, 2 * i + 1)])
            continue;
        r->at = i;
        if (in->a < arg_n && width[in->a] == 1)
            refuse(r, "parameter that is also used as int", "copy it to an int variable first");
        else
            width[in->a] = 2;
    }
    f->local_at = mm_arena_alloc(r->cv->arena, n + 1u, 1);
    for (uint16_t i = 0; i < n; i++) {
        f->local_at[i] = (uint8_t)at;
        at = (uint16_t)(at + (width[i] == 2 ? 2 : 1));
    }
    f->local_cells = at;
    r->at = 0;
    if (at > 255)
        refuse(r, "more than 255 cells of local variables", "split the method");
}

/* The web of an argument that is never assigned has its declared form. */
static void start_arguments(struct reps *r)
{
    struct jflow *f = r->f;
    uint8_t width[256] = {0};
    uint16_t n = argument_widths(f, width);

    for (uint16_t i = 0; i < n; i++) {
        if (width[i] == 2)
            f->wide[mm_conv_web(f, (uint32_t)(2 * f->ins_n) + i)] = true;
    }
}

static void check_arguments(struct reps *r)
{
    struct jflow *f = r->f;
    uint8_t width[256] = {0};
    uint16_t n = argument_widths(f, width);

    r->at = 0;
    for (uint16_t i = 0; i < n; i++) {
        if (width[i] == 1 && f->wide[mm_conv_web(f, (uint32_t)(2 * f->ins_n) + i)])
            refuse(r, "parameter that is also used as int", "copy it to an int variable first");
    }
}

enum mm_status mm_conv_reps(struct mm_conv *cv, struct jflow *flow, struct mm_err *err)
{
    struct reps r = {.cv = cv, .f = flow, .err = err, .st = MM_OK};

    flow->wide = mm_arena_alloc(cv->arena, flow->web_n, sizeof(*flow->wide));
    flow->wide_op = mm_arena_alloc(cv->arena, flow->ins_n, sizeof(*flow->wide_op));
    r.noted = mm_arena_alloc(cv->arena, flow->ins_n, sizeof(*r.noted));
    if (cv->opt->ints)
        start_arguments(&r);
    do {
        r.changed = false;
        for (r.at = (uint32_t)flow->ins_n; r.at-- > 0;) { /* demands run against the flow */
            if (flow->states[r.at].depth != JDEPTH_NONE)
                look(&r);
        }
    } while (r.changed && r.st == MM_OK);
    if (r.st == MM_OK)
        check_arguments(&r);
    if (r.st == MM_OK)
        place_locals(&r);
    for (size_t i = 0; i < flow->web_n; i++)
        cv->uses_int = cv->uses_int || flow->wide[i];
    return r.st;
}
