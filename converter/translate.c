/*
 * JVM instructions into card instructions (JCVM 3.0.5, chapter 7). One JVM stack or local cell is
 * one card cell, since long, double and int are refused; so stack shapes stay as they are.
 */
#include "converter/conv_int.h"

#include <string.h>

struct tr {
    struct mm_conv *cv;
    struct mm_cls *cls;
    struct mm_method *m;
    struct jflow flow;
    struct mm_body *body;
    uint32_t at; /* the JVM instruction being translated */
    bool keeps_this;
    bool extra_cell;
    struct mm_err *err;
};

/* Refuse at the current instruction; keeps the text of a failure that came from below. */
static enum mm_status refuse(struct tr *t, const char *what)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "%s", what);
    return mm_conv_refuse(t->cls, t->m, t->flow.ins[t->at].pc, t->err, "%s", text);
}

static enum mm_status refuse_err(struct tr *t, const struct mm_err *why)
{
    return refuse(t, why->text);
}

static struct cins *emit(struct tr *t, uint8_t op)
{
    struct mm_body *b = t->body;
    struct cins *c;

    b->ins = mm_arena_grow(t->cv->arena, b->ins, b->ins_n, sizeof(*b->ins));
    c = &b->ins[b->ins_n++];
    memset(c, 0, sizeof(*c));
    c->op = op;
    c->jidx = t->at;
    return c;
}

static void emit_const(struct tr *t, int32_t value)
{
    int16_t v = (int16_t)((uint32_t)value & 0xFFFF);

    if (v >= -1 && v <= 5)
        (void)emit(t, (uint8_t)(MM_OP_SCONST_0 + v));
    else
        emit(t, v >= -128 && v <= 127 ? MM_OP_BSPUSH : MM_OP_SSPUSH)->a = v;
}

/* Instructions on a local have a short form for locals 0 to 3 that follow `first`. */
static void emit_local(struct tr *t, uint8_t op, uint8_t first, int32_t n)
{
    if (n <= 3)
        (void)emit(t, (uint8_t)(first + n));
    else
        emit(t, op)->a = n;
}

/* The n-th cell from the top has to be exactly Java's int. */
static enum mm_status need(struct tr *t, uint16_t n, const char *use)
{
    const struct jstate *s = &t->flow.states[t->at];
    struct jval v = s->stack[s->depth - 1 - n];
    char text[160];

    if (v.kind != JV_INT || mm_conv_fits(v))
        return MM_OK;
    (void)snprintf(
        text, sizeof(text),
        "int arithmetic needed: %s of a value that may not fit a short; cast it to short", use);
    return refuse(t, text);
}

static uint8_t of_type(char type, uint8_t op_a)
{
    /* The opcodes of a family stand in the order a, b, s. */
    return (uint8_t)(op_a + (type == 'L' || type == '[' ? 0 : type == 'S' ? 2 : 1));
}

static bool follows(const struct tr *t, uint32_t n, uint8_t kind)
{
    uint32_t i = t->at + n;

    return i < t->flow.ins_n && t->flow.ins[i].kind == kind && !t->flow.ins[i].is_target;
}

/* "local = (short)(local + constant)" is one sinc. Returns the JVM instructions it stands for. */
static uint32_t try_sinc(struct tr *t)
{
    const struct jins *in = &t->flow.ins[t->at];
    int32_t by;

    if (!follows(t, 1, JK_CONST) || !follows(t, 2, JK_BIN) || !follows(t, 3, JK_I2S) ||
        !follows(t, 4, JK_STORE_I) || in[4].a != in->a)
        return 0;
    if (in[2].arg != MM_OP_SADD && in[2].arg != MM_OP_SSUB)
        return 0;
    by = in[2].arg == MM_OP_SADD ? in[1].a : -in[1].a;
    if (by < -128 || by > 127)
        return 0;
    struct cins *c = emit(t, MM_OP_SINC);
    c->a = in->a;
    c->b = by;
    return 5;
}

/* "this.field" without pushing this. */
static enum mm_status try_this_field(struct tr *t, uint32_t *used)
{
    const struct jins *in = &t->flow.ins[t->at];
    const struct mm_field *constant;
    struct mm_cpref *r;
    struct mm_err why;
    struct jref ref;
    const char *bad;

    if (in->a != 0 || !t->keeps_this || !follows(t, 1, JK_GETFIELD) ||
        !mm_conv_cp_ref(t->cls, (uint16_t)in[1].a, &ref))
        return MM_OK;
    t->at++;
    bad = mm_conv_type_bad(ref.desc);
    if (bad != NULL)
        return refuse(t, "int arithmetic needed: field of a type that is not supported");
    if (mm_conv_ref_field(t->cv, &ref, false, &r, &constant, &why) != MM_OK)
        return refuse_err(t, &why);
    t->at--;
    emit(t, of_type(ref.desc[0], MM_OP_GETFIELD_A_THIS))->ref = r;
    *used = 2;
    return MM_OK;
}

static enum mm_status tr_field(struct tr *t, const struct jins *in)
{
    bool is_static = in->kind == JK_GETSTATIC || in->kind == JK_PUTSTATIC;
    const struct mm_field *constant;
    struct mm_cpref *r;
    struct mm_err why;
    struct jref ref;
    const char *bad;
    uint8_t base;

    if (!mm_conv_cp_ref(t->cls, (uint16_t)in->a, &ref))
        return refuse(t, "malformed code: no field reference");
    bad = mm_conv_type_bad(ref.desc);
    if (bad != NULL) {
        char text[100];
        (void)snprintf(text, sizeof(text), "field %.40s: %s is not supported", ref.name, bad);
        return refuse(t, text);
    }
    if (mm_conv_ref_field(t->cv, &ref, is_static, &r, &constant, &why) != MM_OK)
        return refuse_err(t, &why);
    if (constant != NULL && in->kind == JK_PUTSTATIC)
        return refuse(t, "assignment to a constant");
    if (constant != NULL) {
        emit_const(t, constant->value);
        return MM_OK;
    }
    if (in->kind == JK_PUTSTATIC || in->kind == JK_PUTFIELD) {
        /* Stores to byte and short fields take the low bits, as in Java; boolean does not. */
        enum mm_status st = ref.desc[0] == 'Z' ? need(t, 0, "assignment to boolean") : MM_OK;
        if (st != MM_OK)
            return st;
    }
    base = in->kind == JK_GETSTATIC   ? MM_OP_GETSTATIC_A
           : in->kind == JK_PUTSTATIC ? MM_OP_PUTSTATIC_A
           : in->kind == JK_GETFIELD  ? MM_OP_GETFIELD_A
           : in->on_this              ? MM_OP_PUTFIELD_A_THIS
                                      : MM_OP_PUTFIELD_A;
    emit(t, of_type(ref.desc[0], base))->ref = r;
    return MM_OK;
}

/* javac guards "outer.new Inner()" with Objects.requireNonNull. Cards have no such class: throw
 * the NullPointerException by throwing null. */
static void emit_null_check(struct tr *t)
{
    struct cins *c;

    (void)emit(t, MM_OP_DUP);
    c = emit(t, MM_OP_IFNONNULL);
    c->target = t->at + 1;
    (void)emit(t, MM_OP_ACONST_NULL);
    (void)emit(t, MM_OP_ATHROW);
    t->extra_cell = true;
}

static enum mm_status tr_invoke(struct tr *t, const struct jins *in)
{
    struct mm_callee callee;
    struct mm_err why;
    struct jref ref;
    struct cins *c;
    const char *bad;
    int args;

    if (!mm_conv_cp_ref(t->cls, (uint16_t)in->a, &ref))
        return refuse(t, "malformed code: no method reference");
    if (strcmp(ref.cls, "java/util/Objects") == 0 && strcmp(ref.name, "requireNonNull") == 0 &&
        strcmp(ref.desc, "(Ljava/lang/Object;)Ljava/lang/Object;") == 0) {
        emit_null_check(t);
        return MM_OK;
    }
    args = mm_conv_desc_args(ref.desc, &bad);
    if (args < 0 || bad != NULL) {
        char text[140];
        (void)snprintf(text, sizeof(text), "call of %.60s: %s in the signature is not supported",
                       ref.name, bad == NULL ? "malformed type" : bad);
        return refuse(t, text);
    }
    for (int i = 0; i < args; i++) {
        enum mm_status st = need(t, (uint16_t)i, "argument");
        if (st != MM_OK)
            return st;
    }
    if (mm_conv_ref_method(t->cv, t->cls, &ref, in->op, &callee, &why) != MM_OK)
        return refuse_err(t, &why);
    /* Newer class files call private methods by invokevirtual; on cards they are not virtual. */
    c = emit(t, callee.ref->tag == 6 && in->arg == MM_OP_INVOKEVIRTUAL ? MM_OP_INVOKESPECIAL
                                                                       : (uint8_t)in->arg);
    c->ref = callee.ref;
    c->a = args + 1;
    c->b = callee.interface_token;
    return MM_OK;
}

/* atype of a cast: 0 for a class, else of the array; *name is the class for 0 and 14. */
static bool cast_type(struct tr *t, const char **name, int32_t *atype)
{
    const char *n = *name;

    (void)t;
    if (n[0] != '[') {
        *atype = 0;
        return true;
    }
    switch (n[1]) {
    case 'Z':
        *atype = 10;
        return true;
    case 'B':
        *atype = 11;
        return true;
    case 'S':
        *atype = 12;
        return true;
    case 'L':
        *atype = 14;
        *name = mm_arena_text(t->cv->arena, n + 2, strcspn(n + 2, ";"));
        return true;
    default:
        return false;
    }
}

static enum mm_status tr_class(struct tr *t, const struct jins *in)
{
    const char *name = mm_conv_cp_class(t->cls, (uint16_t)in->a);
    int32_t atype = 0;
    struct mm_err why;
    struct cins *c;
    struct mm_cpref *r = NULL;

    if (name == NULL)
        return refuse(t, "malformed code: no class reference");
    if (in->kind == JK_CHECKCAST || in->kind == JK_INSTANCEOF) {
        if (!cast_type(t, &name, &atype))
            return refuse(t, "cast to an array type that is not supported");
    } else if (name[0] == '[') {
        return refuse(t, "arrays of arrays are not supported");
    }
    if (in->kind == JK_ANEWARRAY && need(t, 0, "array length") != MM_OK)
        return MM_UNSUPPORTED;
    if ((atype == 0 || atype == 14) && mm_conv_ref_class(t->cv, name, &r, &why) != MM_OK)
        return refuse_err(t, &why);
    c = emit(t, (uint8_t)in->arg);
    c->a = atype;
    c->ref = r;
    return MM_OK;
}

static enum mm_status tr_newarray(struct tr *t, const struct jins *in)
{
    /* JVM array types: 4 boolean, 8 byte, 9 short (JVMS 6.5, newarray). */
    int32_t type = in->a == 4 ? 10 : in->a == 8 ? 11 : in->a == 9 ? 12 : 0;

    if (type == 0)
        return refuse(t, "array of int, char, long, float or double is not supported");
    if (need(t, 0, "array length") != MM_OK)
        return MM_UNSUPPORTED;
    emit(t, MM_OP_NEWARRAY)->a = type;
    return MM_OK;
}

static enum mm_status tr_ldc(struct tr *t, const struct jins *in)
{
    const struct jcp *c = &t->cls->cp[in->a];

    if (c->tag != JCP_INTEGER)
        return refuse(t, c->tag == JCP_STRING  ? "String is not supported"
                         : c->tag == JCP_FLOAT ? "float is not supported"
                                               : "class constants are not supported");
    emit_const(t, c->value);
    return MM_OK;
}

static void tr_stack(struct tr *t, const struct jins *in)
{
    /* dup_x and swap_x: cells taken in the high half, cells moved over in the low one. */
    static const uint8_t mn[] = {[JS_DUP_X1] = 0x12,
                                 [JS_DUP_X2] = 0x13,
                                 [JS_DUP2_X1] = 0x23,
                                 [JS_DUP2_X2] = 0x24,
                                 [JS_SWAP] = 0x11};

    switch ((enum jstack)in->arg) {
    case JS_POP:
        (void)emit(t, MM_OP_POP);
        break;
    case JS_POP2:
        (void)emit(t, MM_OP_POP2);
        break;
    case JS_DUP:
        (void)emit(t, MM_OP_DUP);
        break;
    case JS_DUP2:
        (void)emit(t, MM_OP_DUP2);
        break;
    case JS_SWAP:
        emit(t, MM_OP_SWAP_X)->a = mn[JS_SWAP];
        break;
    case JS_DUP_X1:
    case JS_DUP_X2:
    case JS_DUP2_X1:
    case JS_DUP2_X2:
        emit(t, MM_OP_DUP_X)->a = mn[in->arg];
        break;
    }
}

static enum mm_status tr_arith(struct tr *t, const struct jins *in)
{
    enum mm_status st = MM_OK;

    if (in->arg == MM_OP_SDIV || in->arg == MM_OP_SREM) {
        st = need(t, 0, "division by the result");
        if (st == MM_OK)
            st = need(t, 1, "division");
    } else if (in->arg == MM_OP_SSHR || in->arg == MM_OP_SUSHR) {
        st = need(t, 1, "right shift");
    }
    (void)emit(t, (uint8_t)in->arg);
    return st;
}

static enum mm_status tr_branch(struct tr *t, const struct jins *in)
{
    enum mm_status st = MM_OK;
    struct cins *c;

    if (in->kind == JK_IF || in->kind == JK_CMP)
        st = need(t, 0, "comparison");
    if (st == MM_OK && in->kind == JK_CMP)
        st = need(t, 1, "comparison");
    if (in->kind == JK_TSWITCH || in->kind == JK_LSWITCH)
        st = need(t, 0, "switch");
    c = emit(t, (uint8_t)in->arg);
    c->target = in->target;
    c->sw = in;
    return st;
}

static enum mm_status tr_iinc(struct tr *t, const struct jins *in)
{
    struct cins *c = emit(t, in->b >= -128 && in->b <= 127 ? MM_OP_SINC : MM_OP_SINC_W);

    c->a = in->a;
    c->b = in->b;
    return MM_OK;
}

/* Instructions without operands or with a local. *used: JVM instructions consumed. */
static enum mm_status tr_plain(struct tr *t, const struct jins *in, uint32_t *used)
{
    enum mm_status st = MM_OK;
    const struct jstate *s = &t->flow.states[t->at];

    switch (in->kind) {
    case JK_NULL:
        (void)emit(t, MM_OP_ACONST_NULL);
        break;
    case JK_CONST:
        emit_const(t, in->a);
        break;
    case JK_LOAD_I:
        *used = try_sinc(t);
        if (*used == 0) {
            emit_local(t, MM_OP_SLOAD, MM_OP_SLOAD_0, in->a);
            *used = 1;
        }
        break;
    case JK_LOAD_A:
        st = try_this_field(t, used);
        if (st == MM_OK && *used == 1 &&
            !(in->a == 0 && t->keeps_this && mm_conv_mark_this_store(&t->flow, t->at)))
            emit_local(t, MM_OP_ALOAD, MM_OP_ALOAD_0, in->a);
        break;
    case JK_STORE_I:
        emit_local(t, MM_OP_SSTORE, MM_OP_SSTORE_0, in->a);
        break;
    case JK_STORE_A:
        emit_local(t, MM_OP_ASTORE, MM_OP_ASTORE_0, in->a);
        break;
    case JK_ALOAD:
    case JK_ASTORE:
        st = need(t, in->kind == JK_ALOAD ? 0 : 1, "array index");
        (void)emit(t, (uint8_t)in->arg);
        break;
    case JK_I2B:
        if (s->stack[s->depth - 1].lo < -128 || s->stack[s->depth - 1].hi > 127)
            (void)emit(t, MM_OP_S2B);
        break;
    case JK_RET_I:
        st = need(t, 0, "return");
        (void)emit(t, (uint8_t)in->arg);
        break;
    case JK_NEG:
    case JK_RET_A:
    case JK_RET:
    case JK_LENGTH:
    case JK_ATHROW:
        (void)emit(t, (uint8_t)in->arg);
        break;
    default: /* nop; i2s: a cell is a short already */
        break;
    }
    return st;
}

static enum mm_status tr_one(struct tr *t, uint32_t *used)
{
    const struct jins *in = &t->flow.ins[t->at];

    *used = 1;
    switch (in->kind) {
    case JK_LDC:
        return tr_ldc(t, in);
    case JK_STACK:
        tr_stack(t, in);
        return MM_OK;
    case JK_BIN:
        return tr_arith(t, in);
    case JK_IINC:
        return tr_iinc(t, in);
    case JK_IF:
    case JK_IF_A:
    case JK_CMP:
    case JK_CMP_A:
    case JK_GOTO:
    case JK_TSWITCH:
    case JK_LSWITCH:
        return tr_branch(t, in);
    case JK_GETSTATIC:
    case JK_PUTSTATIC:
    case JK_GETFIELD:
    case JK_PUTFIELD:
        return tr_field(t, in);
    case JK_INVOKE:
        return tr_invoke(t, in);
    case JK_NEW:
    case JK_ANEWARRAY:
    case JK_CHECKCAST:
    case JK_INSTANCEOF:
        return tr_class(t, in);
    case JK_NEWARRAY:
        return tr_newarray(t, in);
    default:
        return tr_plain(t, in, used);
    }
}

static enum mm_status tr_handlers(struct tr *t)
{
    const struct jcode *code = t->m->code;
    struct mm_body *b = t->body;

    b->handlers = mm_arena_alloc(t->cv->arena, code->handler_n, sizeof(*b->handlers));
    for (size_t i = 0; i < code->handler_n; i++) {
        const struct jhandler *h = &code->handlers[i];
        struct mm_chandler *out = &b->handlers[b->handler_n];
        struct mm_err why;

        out->start = t->flow.at[h->start];
        out->end = h->end == code->len ? (uint32_t)t->flow.ins_n : t->flow.at[h->end];
        out->handler = t->flow.at[h->handler];
        out->type = NULL;
        /* A range none of whose instructions is left guards nothing. */
        if (t->flow.states[out->handler].depth == JDEPTH_NONE ||
            b->first[out->start] == b->first[out->end])
            continue;
        t->at = out->handler;
        if (h->catch_type != NULL &&
            mm_conv_ref_class(t->cv, h->catch_type, &out->type, &why) != MM_OK)
            return refuse_err(t, &why);
        b->handler_n++;
    }
    return MM_OK;
}

static bool stores_this(const struct jflow *f)
{
    for (size_t i = 0; i < f->ins_n; i++) {
        if ((f->ins[i].kind == JK_STORE_A || f->ins[i].kind == JK_STORE_I) && f->ins[i].a == 0)
            return true;
    }
    return false;
}

static enum mm_status translate(struct tr *t)
{
    struct mm_body *b = t->body;
    enum mm_status st = MM_OK;

    b->jins_n = t->flow.ins_n;
    b->first = mm_arena_alloc(t->cv->arena, t->flow.ins_n + 1, sizeof(*b->first));
    t->keeps_this = !(t->m->access & ACC_STATIC) && !stores_this(&t->flow);
    for (uint32_t i = 0; st == MM_OK && i < t->flow.ins_n;) {
        uint32_t used = 1;

        b->first[i] = (uint32_t)b->ins_n;
        t->at = i;
        if (t->flow.states[i].depth != JDEPTH_NONE)
            st = tr_one(t, &used);
        for (uint32_t k = 1; k < used; k++)
            b->first[i + k] = (uint32_t)b->ins_n;
        i += used;
    }
    b->first[t->flow.ins_n] = (uint32_t)b->ins_n;
    if (st == MM_OK)
        st = tr_handlers(t);
    b->max_stack = (uint8_t)(t->flow.max_depth + (t->extra_cell ? 1 : 0));
    b->max_locals = (uint8_t)(t->m->code->max_locals - t->m->nargs);
    return st;
}

enum mm_status mm_conv_translate(struct mm_conv *cv, struct mm_cls *cls, struct mm_method *m,
                                 struct mm_err *err)
{
    struct tr t = {.cv = cv, .cls = cls, .m = m, .err = err};
    struct mm_arena *scratch = mm_arena_new();
    enum mm_status st;

    m->body = mm_arena_alloc(cv->arena, 1, sizeof(*m->body));
    t.body = m->body;
    st = mm_conv_decode(cv->arena, cls, m, &t.flow, err);
    if (st == MM_OK)
        st = mm_conv_flow(scratch, &t.flow, err);
    if (st == MM_OK)
        st = translate(&t);
    mm_arena_free(&scratch);
    return st;
}
