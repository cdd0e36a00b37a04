/*
 * JVM instructions into card instructions (JCVM 3.0.5, chapter 7): members, classes, and the method
 * as a whole. A JVM stack or local cell is one card cell, or two where reps.c wants an int.
 */
#include "converter/translate_int.h"

#include <string.h>

/* Refuse at the current instruction; keeps the text of a failure that came from below. */
enum mm_status mm_conv_tr_refuse(struct tr *t, const char *what)
{
    char text[200];

    (void)snprintf(text, sizeof(text), "%s", what);
    return mm_conv_refuse(t->cls, t->m, t->flow.ins[t->at].pc, t->err, "%s", text);
}

static enum mm_status refuse(struct tr *t, const char *what)
{
    return mm_conv_tr_refuse(t, what);
}

static enum mm_status refuse_err(struct tr *t, const struct mm_err *why)
{
    return refuse(t, why->text);
}

static struct cins *emit(struct tr *t, unsigned op)
{
    return mm_conv_tr_emit(t, (uint8_t)op);
}

static uint8_t of_type(char type, uint8_t op_a)
{
    /* The opcodes of a family stand in the order a, b, s, i. */
    return (uint8_t)(op_a + (type == 'L' || type == '[' ? 0
                             : type == 'S'              ? 2
                             : type == 'I'              ? 3
                                                        : 1));
}

static bool follows(const struct tr *t, uint32_t n, uint8_t kind)
{
    uint32_t i = t->at + n;

    return i < t->flow.ins_n && t->flow.ins[i].kind == kind && !t->flow.ins[i].is_target;
}

/* A value of this type was pushed. */
static void settle(struct tr *t, char type)
{
    if (type != 'V' && type != 'L' && type != '[')
        mm_conv_tr_settle(t, type == 'I');
}

static enum mm_status check_field(struct tr *t, const struct jref *ref)
{
    const char *bad = mm_conv_type_bad(ref->desc, t->cv->opt->ints);
    char text[140];

    if (bad == NULL)
        return MM_OK;
    (void)snprintf(text, sizeof(text), "field %.40s: %s is not supported; %s", ref->name, bad,
                   mm_conv_type_hint(bad));
    return refuse(t, text);
}

/* "this.field" without pushing this. */
static enum mm_status try_this_field(struct tr *t, uint32_t *used)
{
    enum mm_status st;
    const struct jins *in = &t->flow.ins[t->at];
    const struct mm_field *constant;
    struct mm_cpref *r;
    struct mm_err why;
    struct jref ref;

    if (in->a != 0 || !t->keeps_this || !follows(t, 1, JK_GETFIELD) ||
        !mm_conv_cp_ref(t->cls, (uint16_t)in[1].a, &ref))
        return MM_OK;
    t->at++;
    st = check_field(t, &ref);
    if (st != MM_OK)
        return st;
    if (mm_conv_ref_field(t->cv, &ref, false, &r, &constant, &why) != MM_OK)
        return refuse_err(t, &why);
    emit(t, of_type(ref.desc[0], MM_OP_GETFIELD_A_THIS))->ref = r;
    settle(t, ref.desc[0]);
    t->at--;
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
    enum mm_status st;
    uint8_t base;

    if (!mm_conv_cp_ref(t->cls, (uint16_t)in->a, &ref))
        return refuse(t, "malformed code: no field reference");
    st = check_field(t, &ref);
    if (st != MM_OK)
        return st;
    if (mm_conv_ref_field(t->cv, &ref, is_static, &r, &constant, &why) != MM_OK)
        return refuse_err(t, &why);
    if (constant != NULL && in->kind == JK_PUTSTATIC)
        return refuse(t, "assignment to a constant");
    if (constant != NULL) {
        mm_conv_tr_const(t, constant->value);
        settle(t, 'S');
        return MM_OK;
    }
    if ((in->kind == JK_PUTSTATIC || in->kind == JK_PUTFIELD) && ref.desc[0] != 'I' &&
        ref.desc[0] != 'L' && ref.desc[0] != '[')
        mm_conv_tr_narrow(t);
    base = in->kind == JK_GETSTATIC   ? MM_OP_GETSTATIC_A
           : in->kind == JK_PUTSTATIC ? MM_OP_PUTSTATIC_A
           : in->kind == JK_GETFIELD  ? MM_OP_GETFIELD_A
           : in->on_this              ? MM_OP_PUTFIELD_A_THIS
                                      : MM_OP_PUTFIELD_A;
    emit(t, of_type(ref.desc[0], base))->ref = r;
    if (in->kind == JK_GETSTATIC || in->kind == JK_GETFIELD)
        settle(t, ref.desc[0]);
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
}

/* An argument that is not an int has one cell. Only the last can be converted where it is. */
static enum mm_status narrow_arguments(struct tr *t, const char *desc, int args)
{
    const char *p = desc + 1;

    for (int n = args - 1; n >= 0; n--) {
        bool is_int = *p == 'I';

        (void)mm_conv_type_next(&p);
        if (is_int || !mm_conv_wide_cell(&t->flow, t->at, (uint16_t)n))
            continue;
        if (n != 0)
            return refuse(t, "argument that is also used as int; copy it to a variable first");
        mm_conv_tr_narrow(t);
    }
    return MM_OK;
}

static void after_call(struct tr *t, char type)
{
    t->depth = (uint16_t)(t->depth + (type == 'V' ? 0 : type == 'I' ? 2 : 1));
    if (t->depth > t->max_depth)
        t->max_depth = t->depth;
    settle(t, type);
}

static enum mm_status tr_invoke(struct tr *t, const struct jins *in)
{
    struct mm_callee callee;
    struct mm_err why;
    struct jref ref;
    struct cins *c;
    enum mm_status st;
    const char *bad;
    int args;

    if (!mm_conv_cp_ref(t->cls, (uint16_t)in->a, &ref))
        return refuse(t, "malformed code: no method reference");
    if (strcmp(ref.cls, "java/util/Objects") == 0 && strcmp(ref.name, "requireNonNull") == 0 &&
        strcmp(ref.desc, "(Ljava/lang/Object;)Ljava/lang/Object;") == 0) {
        emit_null_check(t);
        return MM_OK;
    }
    args = mm_conv_desc_args(ref.desc, t->cv->opt->ints, &bad);
    if (args < 0 || bad != NULL) {
        char text[160];
        (void)snprintf(
            text, sizeof(text), "call of %.40s: %s in the signature is not supported; %s", ref.name,
            bad == NULL ? "malformed type" : bad, bad == NULL ? "" : mm_conv_type_hint(bad));
        return refuse(t, text);
    }
    st = narrow_arguments(t, ref.desc, args);
    if (st != MM_OK)
        return st;
    if (mm_conv_ref_method(t->cv, t->cls, &ref, in->op, &callee, &why) != MM_OK)
        return refuse_err(t, &why);
    /* Newer class files call private methods by invokevirtual; on cards they are not virtual. */
    c = emit(t, callee.ref->tag == 6 && in->arg == MM_OP_INVOKEVIRTUAL ? MM_OP_INVOKESPECIAL
                                                                       : (uint8_t)in->arg);
    c->ref = callee.ref;
    c->a = mm_conv_desc_cells(ref.desc) + 1;
    c->b = callee.interface_token;
    t->depth = (uint16_t)(t->depth - c->a + (in->arg == MM_OP_INVOKESTATIC ? 1 : 0));
    after_call(t, mm_conv_desc_ret(ref.desc));
    return MM_OK;
}

/* atype of a cast: 0 for a class, else of the array; *name is the class for 0 and 14. */
static bool cast_type(struct tr *t, const char **name, int32_t *atype)
{
    const char *n = *name;

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
    case 'I':
        *atype = t->cv->opt->ints ? 13 : 0;
        return t->cv->opt->ints;
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
            return refuse(
                t, "cast to an array type that is not supported; use an array of byte or short");
    } else if (name[0] == '[') {
        return refuse(t, "arrays of arrays are not supported; use one array and compute the index");
    }
    if ((atype == 0 || atype == 14) && mm_conv_ref_class(t->cv, name, &r, &why) != MM_OK)
        return refuse_err(t, &why);
    if (in->kind == JK_ANEWARRAY)
        mm_conv_tr_narrow(t);
    c = emit(t, (unsigned)in->arg);
    c->a = atype;
    c->ref = r;
    if (in->kind == JK_INSTANCEOF)
        settle(t, 'Z');
    return MM_OK;
}

static enum mm_status tr_newarray(struct tr *t, const struct jins *in)
{
    /* JVM array types: 4 boolean, 8 byte, 9 short (JVMS 6.5, newarray). */
    int32_t type = in->a == 4 ? 10 : in->a == 8 ? 11 : in->a == 9 ? 12 : 0;

    if (in->a == 10 && t->cv->opt->ints)
        type = 13;
    if (type == 0)
        return refuse(t, "array of int, char, long, float or double is not supported; use an array "
                         "of byte or short, or of int with --int");
    mm_conv_tr_narrow(t);
    emit(t, MM_OP_NEWARRAY)->a = type;
    return MM_OK;
}

/* *used: how many JVM instructions were translated. */
static enum mm_status tr_one(struct tr *t, uint32_t *used)
{
    const struct jins *in = &t->flow.ins[t->at];
    enum mm_status st;

    *used = 1;
    switch (in->kind) {
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
    case JK_LOAD_A:
        st = try_this_field(t, used);
        if (st != MM_OK || *used == 2)
            return st;
        if (in->a == 0 && t->keeps_this && mm_conv_mark_this_store(&t->flow, t->at))
            return MM_OK;
        return mm_conv_tr_operate(t, used);
    default:
        return mm_conv_tr_operate(t, used);
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

static uint16_t cells_before(const struct tr *t)
{
    const struct jstate *s = &t->flow.states[t->at];
    uint16_t n = s->depth;

    for (uint16_t i = 0; i < s->depth; i++)
        n = (uint16_t)(n + (mm_conv_wide_cell(&t->flow, t->at, i) ? 1 : 0));
    return n;
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
        if (t->flow.states[i].depth != JDEPTH_NONE) {
            t->depth = cells_before(t);
            if (t->depth > t->max_depth)
                t->max_depth = t->depth;
            st = mm_conv_note(t->cv, tr_one(t, &used), t->err);
        }
        for (uint32_t k = 1; k < used; k++)
            b->first[i + k] = (uint32_t)b->ins_n;
        i += used;
    }
    b->first[t->flow.ins_n] = (uint32_t)b->ins_n;
    if (st == MM_OK)
        st = tr_handlers(t);
    if (st == MM_OK && t->max_depth > 255)
        st = refuse(t, "more than 255 cells of stack; split the expression");
    b->at = t->flow.at;
    b->local_at = t->flow.local_at;
    b->max_stack = (uint8_t)t->max_depth;
    b->max_locals = (uint8_t)(t->flow.local_cells - t->m->nargs);
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
    st = mm_conv_decode(cv->arena, cv, cls, m, &t.flow, err);
    if (st == MM_OK)
        st = m->refused ? MM_OK : mm_conv_flow(scratch, &t.flow, err);
    if (st == MM_OK && !m->refused)
        st = mm_conv_reps(cv, &t.flow, err);
    if (st == MM_OK && !m->refused)
        st = translate(&t);
    mm_arena_free(&scratch);
    return st;
}
