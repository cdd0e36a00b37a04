/*
 * What one instruction of class files does to locals and stack, as far as the converter asks: is it a
 * reference or an int, within which bounds, and made where.
 */
#include "converter/flow_int.h"

struct jval mm_flow_of_type(char type)
{
    switch (type) {
    case 'Z':
        return mm_flow_number(0, 1);
    case 'B':
        return mm_flow_number(-128, 127);
    case 'S':
        return mm_flow_number(-32768, 32767);
    case 'L':
    case '[':
        return mm_flow_ref();
    default:
        return mm_flow_number(-2147483647 - 1, 2147483647);
    }
}

/* The value is made here: its web is that of the instruction. */
static struct jval fresh(const struct walk *w, struct jval v)
{
    v.web = 2 * (uint32_t)(w->in - w->f->ins);
    return v;
}

void mm_flow_unite(struct jflow *f, uint32_t a, uint32_t b)
{
    a = mm_conv_web(f, a);
    b = mm_conv_web(f, b);
    f->webs[a > b ? a : b] = a > b ? b : a;
}

uint32_t mm_conv_web(const struct jflow *flow, uint32_t web)
{
    while (flow->webs[web] != web)
        web = flow->webs[web] = flow->webs[flow->webs[web]];
    return web;
}

static void push(struct walk *w, struct jval v)
{
    if (w->depth >= w->f->m->code->max_stack) {
        w->bad = true;
        return;
    }
    w->stack[w->depth++] = v;
    if (w->depth > w->f->max_depth)
        w->f->max_depth = w->depth;
}

static struct jval pop(struct walk *w)
{
    if (w->depth == 0) {
        w->bad = true;
        return mm_flow_number(0, 0);
    }
    return w->stack[--w->depth];
}

static struct jval pop_kind(struct walk *w, uint8_t kind)
{
    struct jval v = pop(w);

    if (v.kind != kind)
        w->bad = true;
    return v;
}

struct jval *mm_flow_local(struct walk *w, int32_t n)
{
    if (n < 0 || n >= w->f->m->code->max_locals) {
        w->bad = true;
        return &w->none;
    }
    return &w->locals[n];
}

static void step_stack(struct walk *w, int16_t how)
{
    struct jval a = pop(w), b = mm_flow_number(0, 0), c = mm_flow_number(0, 0),
                d = mm_flow_number(0, 0);
    bool single;

    if (how != JS_POP && how != JS_DUP)
        b = pop(w);
    if (how == JS_DUP_X2 || how == JS_DUP2_X1 || how == JS_DUP2_X2)
        c = pop(w);
    if (how == JS_DUP2_X2)
        d = pop(w);
    switch ((enum jstack)how) {
    case JS_POP:
    case JS_POP2:
        return;
    case JS_DUP:
        push(w, a);
        break;
    case JS_DUP_X1:
        push(w, a);
        push(w, b);
        break;
    case JS_DUP_X2:
        push(w, a);
        push(w, c);
        push(w, b);
        break;
    case JS_DUP2:
        push(w, b);
        push(w, a);
        push(w, b);
        break;
    case JS_DUP2_X1:
        push(w, b);
        push(w, a);
        push(w, c);
        push(w, b);
        break;
    case JS_DUP2_X2:
        push(w, b);
        push(w, a);
        push(w, d);
        push(w, c);
        push(w, b);
        break;
    case JS_SWAP:
        push(w, a);
        push(w, b);
        return;
    }
    /* The copy on top is a value of its own: it may be used in another form. */
    single = how == JS_DUP || how == JS_DUP_X1 || how == JS_DUP_X2;
    push(w, single && a.kind == JV_INT ? fresh(w, a) : a);
}

static void step_member(struct walk *w, const struct jins *in)
{
    struct jref r;
    const char *bad_type;
    int args;
    char ret;

    if (!mm_conv_cp_ref(w->f->cls, (uint16_t)in->a, &r)) {
        w->bad = true;
        return;
    }
    if (in->kind != JK_INVOKE) {
        const char *p = r.desc;

        if (mm_conv_type_next(&p) == 0 || *p != '\0' || r.desc[0] == 'V') {
            w->bad = true;
            return;
        }
        if (in->kind == JK_PUTFIELD || in->kind == JK_PUTSTATIC)
            (void)pop(w);
        if (in->kind == JK_PUTFIELD || in->kind == JK_GETFIELD)
            (void)pop_kind(w, JV_REF);
        if (in->kind == JK_GETFIELD || in->kind == JK_GETSTATIC)
            push(w, fresh(w, mm_flow_of_type(r.desc[0])));
        return;
    }
    args = mm_conv_desc_args(r.desc, true, &bad_type);
    if (args < 0) {
        w->bad = true;
        return;
    }
    for (int i = 0; i < args; i++)
        (void)pop(w);
    if (in->arg != MM_OP_INVOKESTATIC)
        (void)pop_kind(w, JV_REF);
    ret = mm_conv_desc_ret(r.desc);
    if (ret != 'V')
        push(w, fresh(w, mm_flow_of_type(ret)));
}

static void step_ldc(struct walk *w, const struct jins *in)
{
    const struct mm_cls *cls = w->f->cls;

    if (in->a <= 0 || in->a >= cls->cp_n)
        w->bad = true;
    else if (cls->cp[in->a].tag == JCP_INTEGER)
        push(w, fresh(w, mm_flow_number(cls->cp[in->a].value, cls->cp[in->a].value)));
    else
        push(w, mm_flow_ref());
}

static char element(int16_t op)
{
    return op == MM_OP_BALOAD ? 'B' : op == MM_OP_IALOAD ? 'I' : 'S';
}

static void step_array(struct walk *w, const struct jins *in)
{
    if (in->kind == JK_ASTORE)
        (void)pop_kind(w, in->arg == MM_OP_AASTORE ? JV_REF : JV_INT);
    (void)pop_kind(w, JV_INT);
    (void)pop_kind(w, JV_REF);
    if (in->kind == JK_ALOAD)
        push(w,
             in->arg == MM_OP_AALOAD ? mm_flow_ref() : fresh(w, mm_flow_of_type(element(in->arg))));
}

void mm_flow_step(struct walk *w)
{
    const struct jins *in = w->in;
    struct jval a, b;

    switch ((enum jkind)in->kind) {
    case JK_NULL:
    case JK_NEW:
        push(w, mm_flow_ref());
        break;
    case JK_CONST:
        push(w, fresh(w, mm_flow_number(in->a, in->a)));
        break;
    case JK_LDC:
        step_ldc(w, in);
        break;
    case JK_LOAD_I:
    case JK_LOAD_A:
        a = *mm_flow_local(w, in->a);
        if (a.kind != (in->kind == JK_LOAD_I ? JV_INT : JV_REF))
            w->bad = true;
        push(w, in->kind == JK_LOAD_I ? fresh(w, a) : a);
        break;
    case JK_STORE_I:
    case JK_STORE_A:
        a = pop_kind(w, in->kind == JK_STORE_I ? JV_INT : JV_REF);
        a.web = fresh(w, a).web + 1;
        *mm_flow_local(w, in->a) = a;
        break;
    case JK_ALOAD:
    case JK_ASTORE:
        step_array(w, in);
        break;
    case JK_STACK:
        step_stack(w, in->arg);
        break;
    case JK_BIN:
        b = pop_kind(w, JV_INT);
        a = pop_kind(w, JV_INT);
        push(w, fresh(w, mm_conv_interval((uint8_t)in->arg, a, b)));
        break;
    case JK_NEG:
        a = pop_kind(w, JV_INT);
        push(w, fresh(w, mm_conv_interval(MM_OP_SNEG, a, a)));
        break;
    case JK_IINC:
        a = *mm_flow_local(w, in->a);
        if (a.kind != JV_INT)
            w->bad = true;
        if (!w->bad)
            mm_flow_unite(w->f, a.web, fresh(w, a).web + 1);
        b = mm_conv_interval(MM_OP_SADD, a, mm_flow_number(in->b, in->b));
        b.web = fresh(w, a).web + 1;
        *mm_flow_local(w, in->a) = b;
        break;
    case JK_I2B:
        push(w, fresh(w, mm_conv_interval_narrow(pop_kind(w, JV_INT), -128, 127)));
        break;
    case JK_I2S:
        push(w, fresh(w, mm_conv_interval_narrow(pop_kind(w, JV_INT), -32768, 32767)));
        break;
    case JK_IF:
    case JK_TSWITCH:
    case JK_LSWITCH:
    case JK_RET_I:
        (void)pop_kind(w, JV_INT);
        break;
    case JK_IF_A:
    case JK_RET_A:
    case JK_ATHROW:
        (void)pop_kind(w, JV_REF);
        break;
    case JK_CMP:
    case JK_CMP_A:
        (void)pop_kind(w, in->kind == JK_CMP ? JV_INT : JV_REF);
        (void)pop_kind(w, in->kind == JK_CMP ? JV_INT : JV_REF);
        break;
    case JK_GETSTATIC:
    case JK_PUTSTATIC:
    case JK_GETFIELD:
    case JK_PUTFIELD:
    case JK_INVOKE:
        step_member(w, in);
        break;
    case JK_NEWARRAY:
    case JK_ANEWARRAY:
        (void)pop_kind(w, JV_INT);
        push(w, mm_flow_ref());
        break;
    case JK_LENGTH:
        (void)pop_kind(w, JV_REF);
        push(w,
             fresh(w, mm_flow_number(0, 32767))); /* arrays on a card have at most 32767 elements */
        break;
    case JK_CHECKCAST:
        push(w, pop_kind(w, JV_REF));
        break;
    case JK_INSTANCEOF:
        (void)pop_kind(w, JV_REF);
        push(w, fresh(w, mm_flow_number(0, 1)));
        break;
    case JK_NOP:
    case JK_GOTO:
    case JK_RET:
    case JK_WIDE:
    case JK_REFUSE:
        break;
    }
}
