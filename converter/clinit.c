/*
 * Class initialisers. Cards run none: what <clinit> computes has to be constant, and becomes the
 * initial static field image (JCVM 3.0.5, 6.11). So <clinit> is evaluated here; only constants,
 * new arrays, stores into them and stores to the class's own static fields are understood.
 */
#include "converter/conv_int.h"

#include <string.h>

#define STACK_MAX 16
#define ARRAY_MAX 32767

struct value {
    bool is_null;
    int32_t number;
    struct mm_array *array;
};
struct eval {
    struct mm_conv *cv;
    struct mm_cls *cls;
    const struct mm_method *m;
    const struct jins *in;
    struct value stack[STACK_MAX];
    size_t depth;
    struct mm_err *err;
};

static enum mm_status refuse(struct eval *e, const char *what)
{
    return mm_conv_refuse(e->cls, e->m, e->in->pc, e->err, "static initialiser: %s", what);
}

static struct value *top(struct eval *e, size_t n)
{
    return &e->stack[e->depth - 1 - n];
}

static enum mm_status new_array(struct eval *e)
{
    uint8_t type = e->in->a == 4                        ? 10
                   : e->in->a == 8                      ? 11
                   : e->in->a == 9                      ? 12
                   : e->in->a == 10 && e->cv->opt->ints ? 13
                                                        : 0;
    struct mm_array *a;

    if (type == 0)
        return refuse(e, "array of int, char, long, float or double is not supported; use short, "
                         "or int with --int");
    if (top(e, 0)->array != NULL || top(e, 0)->number < 0 || top(e, 0)->number > ARRAY_MAX)
        return refuse(e, "array length is not between 0 and 32767");
    e->cv->array_elements += (size_t)top(e, 0)->number;
    if (e->cv->array_elements > 0xFFFF)
        return refuse(e, "more than 65535 array elements in the package");
    a = mm_arena_alloc(e->cv->arena, 1, sizeof(*a));
    a->type = type;
    a->n = (uint16_t)top(e, 0)->number;
    a->values = mm_arena_alloc(e->cv->arena, a->n, sizeof(*a->values));
    *top(e, 0) = (struct value){.array = a};
    return MM_OK;
}

static enum mm_status store_element(struct eval *e)
{
    struct mm_array *a = top(e, 2)->array;
    int32_t i = top(e, 1)->number, v = top(e, 0)->number;

    if (a == NULL || top(e, 0)->array != NULL || i < 0 || i >= a->n)
        return refuse(e, "store that is not into a new array");
    a->values[i] = a->type == 13 ? v : a->type == 12 ? (int16_t)v : (int8_t)v;
    e->depth -= 3;
    return MM_OK;
}

static enum mm_status store_static(struct eval *e)
{
    struct jref ref;
    struct value *v = top(e, 0);

    if (!mm_conv_cp_ref(e->cls, (uint16_t)e->in->a, &ref) || strcmp(ref.cls, e->cls->name) != 0)
        return refuse(e, "assignment to another class's field");
    for (size_t i = 0; i < e->cls->field_n; i++) {
        struct mm_field *f = &e->cls->fields[i];

        if (strcmp(f->name, ref.name) != 0 || strcmp(f->desc, ref.desc) != 0)
            continue;
        if (v->array != NULL && v->array->placed)
            return refuse(e, "one array in two fields");
        if (v->array != NULL)
            v->array->placed = true;
        f->array = v->array;
        f->init = v->number;
        e->depth--;
        return MM_OK;
    }
    return refuse(e, "assignment to an unknown field");
}

static enum mm_status push(struct eval *e, struct value v)
{
    if (e->depth == STACK_MAX)
        return refuse(e, "more than constants and arrays of constants; set it in a constructor");
    e->stack[e->depth++] = v;
    return MM_OK;
}

static size_t pops(const struct jins *in)
{
    switch (in->kind) {
    case JK_ASTORE:
        return 3;
    case JK_NEWARRAY:
    case JK_I2B:
    case JK_I2S:
    case JK_STACK:
    case JK_PUTSTATIC:
        return 1;
    default:
        return 0;
    }
}

static enum mm_status step(struct eval *e)
{
    const struct jins *in = e->in;
    const struct jcp *c;

    if (e->depth < pops(in))
        return refuse(e, "malformed code: empty stack");
    switch (in->kind) {
    case JK_NULL:
        return push(e, (struct value){.is_null = true});
    case JK_CONST:
        return push(e, (struct value){.number = in->a});
    case JK_LDC:
        c = in->a > 0 && in->a < e->cls->cp_n ? &e->cls->cp[in->a] : NULL;
        if (c == NULL || c->tag != JCP_INTEGER)
            return refuse(e, "constant that is not a number; use arrays of byte or short");
        return push(e, (struct value){.number = c->value});
    case JK_NEWARRAY:
        return new_array(e);
    case JK_STACK:
        if (in->arg != JS_DUP)
            return refuse(e,
                          "more than constants and arrays of constants; set it in a constructor");
        return push(e, *top(e, 0));
    case JK_ASTORE:
        return in->arg == MM_OP_AASTORE ? refuse(e, "array of references; fill it in a constructor")
                                        : store_element(e);
    case JK_I2B:
        top(e, 0)->number = (int8_t)(uint8_t)((uint32_t)top(e, 0)->number & 0xFF);
        return MM_OK;
    case JK_I2S:
        top(e, 0)->number = (int16_t)(uint16_t)((uint32_t)top(e, 0)->number & 0xFFFF);
        return MM_OK;
    case JK_PUTSTATIC:
        return store_static(e);
    case JK_NOP:
    case JK_RET:
        return MM_OK;
    default:
        return refuse(e, "more than constants and arrays of constants; set it in a constructor");
    }
}

enum mm_status mm_conv_clinit(struct mm_conv *cv, struct mm_cls *cls, const struct mm_method *m,
                              struct mm_err *err)
{
    struct eval e = {.cv = cv, .cls = cls, .m = m, .err = err};
    struct jflow flow;
    enum mm_status st;

    if (cls->access & ACC_INTERFACE)
        return mm_conv_refuse(cls, m, 0, err, "interface field that is not a constant");
    st = mm_conv_decode(cv->arena, cv, cls, m, &flow, err);
    for (size_t i = 0; st == MM_OK && i < flow.ins_n; i++) {
        e.in = &flow.ins[i];
        st = step(&e);
        if (e.in->kind == JK_RET)
            break;
    }
    return st;
}
