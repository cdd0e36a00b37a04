/* Instructions that name no class or member: constants, locals, arithmetic, stack and branches
 * (JCVM 3.0.5, chapter 7). The int form of an operation stands behind its short form. */
#include "converter/translate_int.h"

#include <string.h>

static bool follows(const struct tr *t, uint32_t n, uint8_t kind)
{
    uint32_t i = t->at + n;

    return i < t->flow.ins_n && t->flow.ins[i].kind == kind && !t->flow.ins[i].is_target;
}

static bool wide_web(const struct tr *t, uint32_t web)
{
    return t->flow.wide[mm_conv_web(&t->flow, web)];
}

static bool wide_local(const struct tr *t, int32_t n)
{
    const struct jval *v = &t->flow.states[t->at].locals[n];

    return v->kind == JV_INT && wide_web(t, v->web);
}

static unsigned width(const struct tr *t, uint16_t n)
{
    return mm_conv_wide_cell(&t->flow, t->at, n) ? 2 : 1;
}

struct cins *mm_conv_tr_emit(struct tr *t, uint8_t op)
{
    const struct mm_op_info *info = mm_op_info(op);
    struct mm_body *b = t->body;
    struct cins *c;

    b->ins = mm_arena_grow(t->cv->arena, b->ins, b->ins_n, sizeof(*b->ins));
    c = &b->ins[b->ins_n++];
    memset(c, 0, sizeof(*c));
    c->op = op;
    c->jidx = t->at;
    if (info->pushes != MM_VAR)
        t->depth = (uint16_t)(t->depth + info->pushes - info->pops);
    if (t->depth > t->max_depth)
        t->max_depth = t->depth;
    return c;
}

static void emit(struct tr *t, unsigned op)
{
    (void)mm_conv_tr_emit(t, (uint8_t)op);
}

void mm_conv_tr_const(struct tr *t, int32_t value)
{
    int16_t v = (int16_t)((uint32_t)value & 0xFFFF);

    if (v >= -1 && v <= 5)
        emit(t, (unsigned)(MM_OP_SCONST_0 + v));
    else
        mm_conv_tr_emit(t, v >= -128 && v <= 127 ? MM_OP_BSPUSH : MM_OP_SSPUSH)->a = v;
}

static void constant(struct tr *t, int32_t v)
{
    if (!wide_web(t, 2 * t->at))
        mm_conv_tr_const(t, v);
    else if (v >= -1 && v <= 5)
        emit(t, (unsigned)(MM_OP_ICONST_0 + v));
    else
        mm_conv_tr_emit(t, v >= -128 && v <= 127       ? MM_OP_BIPUSH
                           : v >= -32768 && v <= 32767 ? MM_OP_SIPUSH
                                                       : MM_OP_IIPUSH)
            ->a = v;
}

void mm_conv_tr_narrow(struct tr *t)
{
    if (mm_conv_wide_cell(&t->flow, t->at, 0))
        emit(t, MM_OP_I2S);
}

void mm_conv_tr_settle(struct tr *t, bool is_int)
{
    if (is_int != wide_web(t, 2 * t->at))
        emit(t, is_int ? MM_OP_I2S : MM_OP_S2I);
}

/* Instructions on a local have a short form for cells 0 to 3 that follow `first`. */
static void local_op(struct tr *t, uint8_t op, uint8_t first, int32_t n)
{
    n = t->flow.local_at[n];
    if (n <= 3)
        emit(t, (unsigned)(first + n));
    else
        mm_conv_tr_emit(t, op)->a = n;
}

/* "local = (short)(local + constant)" is one sinc. Returns the JVM instructions it stands for. */
static uint32_t try_sinc(struct tr *t)
{
    const struct jins *in = &t->flow.ins[t->at];
    struct cins *c;
    int32_t by;

    if (!follows(t, 1, JK_CONST) || !follows(t, 2, JK_BIN) || !follows(t, 3, JK_I2S) ||
        !follows(t, 4, JK_STORE_I) || in[4].a != in->a)
        return 0;
    if (in[2].arg != MM_OP_SADD && in[2].arg != MM_OP_SSUB)
        return 0;
    if (wide_local(t, in->a) || wide_web(t, 2 * (t->at + 4) + 1))
        return 0;
    by = in[2].arg == MM_OP_SADD ? in[1].a : -in[1].a;
    if (by < -128 || by > 127)
        return 0;
    c = mm_conv_tr_emit(t, MM_OP_SINC);
    c->a = t->flow.local_at[in->a];
    c->b = by;
    return 5;
}

static void load(struct tr *t, const struct jins *in, uint32_t *used)
{
    uint32_t n = try_sinc(t);

    if (n != 0) {
        *used = n;
        return;
    }
    if (wide_local(t, in->a))
        local_op(t, MM_OP_ILOAD, MM_OP_ILOAD_0, in->a);
    else
        local_op(t, MM_OP_SLOAD, MM_OP_SLOAD_0, in->a);
    mm_conv_tr_settle(t, wide_local(t, in->a));
}

static void store(struct tr *t, const struct jins *in)
{
    if (wide_web(t, 2 * t->at + 1)) {
        local_op(t, MM_OP_ISTORE, MM_OP_ISTORE_0, in->a);
        return;
    }
    mm_conv_tr_narrow(t);
    local_op(t, MM_OP_SSTORE, MM_OP_SSTORE_0, in->a);
}

static void increment(struct tr *t, const struct jins *in)
{
    bool is_byte = in->b >= -128 && in->b <= 127;
    unsigned op = wide_local(t, in->a) ? (is_byte ? MM_OP_IINC : MM_OP_IINC_W)
                                       : (is_byte ? MM_OP_SINC : MM_OP_SINC_W);
    struct cins *c = mm_conv_tr_emit(t, (uint8_t)op);

    c->a = t->flow.local_at[in->a];
    c->b = in->b;
}

static void put_mn(struct tr *t, uint8_t op, unsigned m, unsigned n)
{
    mm_conv_tr_emit(t, op)->a = (int32_t)(m << 4 | n);
    if (op == MM_OP_DUP_X)
        t->depth = (uint16_t)(t->depth + m);
    if (t->depth > t->max_depth)
        t->max_depth = t->depth;
}

/* Array index in two cells, below a value that takes `above`: bring it up, convert, put it back. */
static void narrow_index(struct tr *t, unsigned above)
{
    if (!mm_conv_wide_cell(&t->flow, t->at, 1))
        return;
    put_mn(t, MM_OP_SWAP_X, above, 2);
    emit(t, MM_OP_I2S);
    put_mn(t, MM_OP_SWAP_X, 1, above);
}

static void element(struct tr *t, const struct jins *in)
{
    if (in->kind == JK_ALOAD) {
        mm_conv_tr_narrow(t);
        emit(t, (unsigned)in->arg);
        if (in->arg != MM_OP_AALOAD)
            mm_conv_tr_settle(t, in->arg == MM_OP_IALOAD);
        return;
    }
    if (in->arg != MM_OP_IASTORE)
        mm_conv_tr_narrow(t);
    narrow_index(t, in->arg == MM_OP_IASTORE ? 2 : 1);
    emit(t, (unsigned)in->arg);
}

static void arith(struct tr *t, const struct jins *in)
{
    bool wide = t->flow.wide_op[t->at];

    emit(t, (unsigned)(in->arg + (wide ? 1 : 0)));
    mm_conv_tr_settle(t, wide);
}

static void to_byte(struct tr *t)
{
    const struct jval *v = &t->flow.states[t->at].stack[t->flow.states[t->at].depth - 1];
    struct mm_body *b = t->body;

    if (mm_conv_wide_cell(&t->flow, t->at, 0)) {
        emit(t, MM_OP_I2B);
    } else if (v->lo < -128 || v->hi > 127) {
        /* An int that was cut to a short just before: one instruction cuts it to a byte. */
        if (t->at != 0 && b->ins_n > b->first[t->at - 1] && b->ins[b->ins_n - 1].op == MM_OP_I2S &&
            !t->flow.ins[t->at].is_target)
            b->ins[b->ins_n - 1].op = MM_OP_I2B;
        else
            emit(t, MM_OP_S2B);
    }
    mm_conv_tr_settle(t, false);
}

static void to_short(struct tr *t)
{
    bool wide = mm_conv_wide_cell(&t->flow, t->at, 0);
    bool want = wide_web(t, 2 * t->at);
    const struct jval *v = &t->flow.states[t->at].stack[t->flow.states[t->at].depth - 1];

    if (wide && want && mm_conv_fits(*v))
        return;
    if (wide)
        emit(t, MM_OP_I2S);
    if (want)
        emit(t, MM_OP_S2I);
}

/* A copy of the top cell, put below `under` cells; the copy on top may have another form. */
static void copy_top(struct tr *t, unsigned under)
{
    unsigned w = width(t, 0);

    if (under == 0)
        emit(t, w == 2 ? MM_OP_DUP2 : MM_OP_DUP);
    else
        put_mn(t, MM_OP_DUP_X, w, w + under);
    if (t->flow.states[t->at].stack[t->flow.states[t->at].depth - 1].kind == JV_INT)
        mm_conv_tr_settle(t, w == 2);
}

static void copy_two(struct tr *t, unsigned under)
{
    unsigned w = width(t, 0) + width(t, 1);

    if (under == 0 && w == 2)
        emit(t, MM_OP_DUP2);
    else
        put_mn(t, MM_OP_DUP_X, w, under == 0 ? 0 : w + under);
}

static void stack(struct tr *t, const struct jins *in)
{
    switch ((enum jstack)in->arg) {
    case JS_POP:
        emit(t, width(t, 0) == 2 ? MM_OP_POP2 : MM_OP_POP);
        break;
    case JS_POP2:
        if (width(t, 0) + width(t, 1) == 2) {
            emit(t, MM_OP_POP2);
        } else {
            emit(t, width(t, 0) == 2 ? MM_OP_POP2 : MM_OP_POP);
            emit(t, width(t, 1) == 2 ? MM_OP_POP2 : MM_OP_POP);
        }
        break;
    case JS_DUP:
        copy_top(t, 0);
        break;
    case JS_DUP_X1:
        copy_top(t, width(t, 1));
        break;
    case JS_DUP_X2:
        copy_top(t, width(t, 1) + width(t, 2));
        break;
    case JS_DUP2:
        copy_two(t, 0);
        break;
    case JS_DUP2_X1:
        copy_two(t, width(t, 2));
        break;
    case JS_DUP2_X2:
        copy_two(t, width(t, 2) + width(t, 3));
        break;
    case JS_SWAP:
        put_mn(t, MM_OP_SWAP_X, width(t, 0), width(t, 1));
        break;
    }
}

static void branch(struct tr *t, const struct jins *in)
{
    bool numbers =
        in->kind == JK_IF || in->kind == JK_CMP || in->kind == JK_TSWITCH || in->kind == JK_LSWITCH;
    bool wide = numbers && mm_conv_wide_cell(&t->flow, t->at, 0);
    bool chooses = in->kind == JK_TSWITCH || in->kind == JK_LSWITCH;
    unsigned op = (unsigned)in->arg;
    struct cins *c;

    if (wide && !chooses) {
        if (in->kind == JK_IF)
            emit(t, MM_OP_ICONST_0);
        else
            op = op - MM_OP_IF_SCMPEQ + MM_OP_IFEQ; /* icmp, then its sign */
        emit(t, MM_OP_ICMP);
    }
    c = mm_conv_tr_emit(t, (uint8_t)(op + (wide && chooses ? 1 : 0)));
    c->target = in->target;
    c->sw = in;
}

static enum mm_status ldc(struct tr *t, const struct jins *in)
{
    const struct jcp *c = &t->cls->cp[in->a];

    if (c->tag != JCP_INTEGER)
        return mm_conv_tr_refuse(
            t, c->tag == JCP_STRING ? "String is not supported; use a byte array"
               : c->tag == JCP_FLOAT
                   ? "float is not supported; count in the smallest unit"
                   : "class constants are not supported: cards have no reflection; leave it out");
    constant(t, c->value);
    return MM_OK;
}

enum mm_status mm_conv_tr_operate(struct tr *t, uint32_t *used)
{
    const struct jins *in = &t->flow.ins[t->at];

    switch (in->kind) {
    case JK_LDC:
        return ldc(t, in);
    case JK_NULL:
        emit(t, MM_OP_ACONST_NULL);
        break;
    case JK_CONST:
        constant(t, in->a);
        break;
    case JK_LOAD_I:
        load(t, in, used);
        break;
    case JK_LOAD_A:
        local_op(t, MM_OP_ALOAD, MM_OP_ALOAD_0, in->a);
        break;
    case JK_STORE_I:
        store(t, in);
        break;
    case JK_STORE_A:
        local_op(t, MM_OP_ASTORE, MM_OP_ASTORE_0, in->a);
        break;
    case JK_IINC:
        increment(t, in);
        break;
    case JK_ALOAD:
    case JK_ASTORE:
        element(t, in);
        break;
    case JK_STACK:
        stack(t, in);
        break;
    case JK_BIN:
    case JK_NEG:
        arith(t, in);
        break;
    case JK_I2B:
        to_byte(t);
        break;
    case JK_I2S:
        to_short(t);
        break;
    case JK_RET_I:
        if (mm_conv_desc_ret(t->m->desc) == 'I') {
            emit(t, MM_OP_IRETURN);
            break;
        }
        mm_conv_tr_narrow(t);
        emit(t, MM_OP_SRETURN);
        break;
    case JK_LENGTH:
        emit(t, MM_OP_ARRAYLENGTH);
        mm_conv_tr_settle(t, false);
        break;
    case JK_RET_A:
    case JK_RET:
    case JK_ATHROW:
        emit(t, (unsigned)in->arg);
        break;
    case JK_IF:
    case JK_IF_A:
    case JK_CMP:
    case JK_CMP_A:
    case JK_GOTO:
    case JK_TSWITCH:
    case JK_LSWITCH:
        branch(t, in);
        break;
    default: /* nop */
        break;
    }
    return MM_OK;
}
