/* References in class files become constant pool entries (JCVM 3.0.5, 6.8). */
#include "converter/conv_int.h"

#include <string.h>

#define JVM_INVOKEVIRTUAL   0xb6
#define JVM_INVOKESPECIAL   0xb7
#define JVM_INVOKESTATIC    0xb8
#define JVM_INVOKEINTERFACE 0xb9

enum cp_tag { CP_CLASS = 1, CP_FIELD, CP_VIRTUAL, CP_SUPER, CP_STATIC_FIELD, CP_STATIC_METHOD };

/* The pool's entry that equals want, made when there is none. */
static struct mm_cpref *intern(struct mm_conv *cv, const struct mm_cpref *want)
{
    struct mm_cpref *r;

    for (size_t i = 0; i < cv->pool_n; i++) {
        r = cv->pool[i];
        if (r->tag == want->tag && mm_conv_cref_equal(r->cls, want->cls) &&
            r->token == want->token && r->method == want->method && r->field == want->field)
            return r;
    }
    if (want->cls.ext != NULL)
        mm_conv_import(cv, want->cls.ext->package);
    cv->pool = mm_arena_grow(cv->arena, cv->pool, cv->pool_n, sizeof(*cv->pool));
    r = mm_arena_alloc(cv->arena, 1, sizeof(*r));
    *r = *want;
    cv->pool[cv->pool_n++] = r;
    return r;
}

enum mm_status mm_conv_ref_class(struct mm_conv *cv, const char *name, struct mm_cpref **out,
                                 struct mm_err *err)
{
    struct mm_cpref want = {.tag = CP_CLASS};
    enum mm_status st = mm_conv_find_class(cv, name, &want.cls, err);

    *out = NULL;
    if (st == MM_OK)
        *out = intern(cv, &want);
    return st;
}

static bool is(const char *name, const char *desc, const struct jref *ref)
{
    return strcmp(name, ref->name) == 0 && strcmp(desc, ref->desc) == 0;
}

static enum mm_status not_found(const struct jref *ref, struct mm_err *err)
{
    return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "%s.%s%s%s is not there for cards; %s", ref->cls,
                   ref->name, ref->desc[0] == '(' ? "" : " of type ", ref->desc,
                   ref->cls[0] == '[' ? "copy with javacard.framework.Util"
                                      : "their API is smaller");
}

enum mm_status mm_conv_ref_field(struct mm_conv *cv, const struct jref *ref, bool is_static,
                                 struct mm_cpref **out, const struct mm_field **constant,
                                 struct mm_err *err)
{
    struct mm_cpref want = {.tag = is_static ? CP_STATIC_FIELD : CP_FIELD};
    enum mm_status st = mm_conv_find_class(cv, ref->cls, &want.cls, err);

    *out = NULL;
    *constant = NULL;
    while (st == MM_OK && (want.cls.own != NULL || want.cls.ext != NULL)) {
        for (size_t i = 0; want.cls.own != NULL && i < want.cls.own->field_n; i++) {
            const struct mm_field *f = &want.cls.own->fields[i];

            if (((f->access & ACC_STATIC) != 0) != is_static || !is(f->name, f->desc, ref))
                continue;
            if (is_static && f->has_value) {
                *constant = f;
                return MM_OK;
            }
            want.token = is_static ? 0 : f->token;
            want.field = f;
            want.desc = f->desc;
            *out = intern(cv, &want);
            return MM_OK;
        }
        for (size_t i = 0; want.cls.ext != NULL && i < want.cls.ext->field_n; i++) {
            const struct mm_exp_field *f = &want.cls.ext->fields[i];

            if (((f->access & ACC_STATIC) != 0) != is_static || !is(f->name, f->desc, ref) ||
                f->token == 0xFF)
                continue;
            want.token = f->token;
            want.desc = f->desc;
            *out = intern(cv, &want);
            return MM_OK;
        }
        st = mm_conv_cref_super(cv, want.cls, &want.cls, err);
    }
    return st == MM_OK ? not_found(ref, err) : st;
}

/* Static methods, constructors, private methods. */
static enum mm_status direct(struct mm_conv *cv, const struct jref *ref, struct mm_cref c,
                             struct mm_callee *out, struct mm_err *err)
{
    struct mm_cpref want = {.tag = CP_STATIC_METHOD, .cls = c};
    bool inherits = strcmp(ref->name, "<init>") != 0;
    enum mm_status st = MM_OK;

    while (st == MM_OK && (want.cls.own != NULL || want.cls.ext != NULL)) {
        for (size_t i = 0; want.cls.own != NULL && i < want.cls.own->method_n; i++) {
            const struct mm_method *m = &want.cls.own->methods[i];

            if (m->is_virtual || !is(m->name, m->desc, ref))
                continue;
            want.method = m;
            want.desc = m->desc;
            out->ref = intern(cv, &want);
            return MM_OK;
        }
        for (size_t i = 0; want.cls.ext != NULL && i < want.cls.ext->method_n; i++) {
            const struct mm_exp_method *m = &want.cls.ext->methods[i];

            if (!is(m->name, m->desc, ref) || (inherits && !(m->access & ACC_STATIC)))
                continue;
            want.token = m->token;
            want.desc = m->desc;
            out->ref = intern(cv, &want);
            return MM_OK;
        }
        if (!inherits)
            break;
        st = mm_conv_cref_super(cv, want.cls, &want.cls, err);
    }
    return st == MM_OK ? not_found(ref, err) : st;
}

static enum mm_status through_interface(struct mm_conv *cv, const struct jref *ref,
                                        struct mm_cref c, struct mm_callee *out, struct mm_err *err)
{
    struct mm_cpref want = {.tag = CP_CLASS, .cls = c};
    int token = mm_conv_interface_token(c, ref->name, ref->desc);

    if (token < 0)
        return not_found(ref, err);
    out->is_interface = true;
    out->interface_token = (uint8_t)token;
    out->ref = intern(cv, &want);
    return MM_OK;
}

static enum mm_status through_table(struct mm_conv *cv, const struct mm_cls *from,
                                    const struct jref *ref, struct mm_cref c, uint8_t tag,
                                    struct mm_callee *out, struct mm_err *err)
{
    struct mm_cpref want = {.tag = tag};
    int token = mm_conv_virtual_token(cv, c, ref->name, ref->desc, &want.cls);

    if (token < 0)
        return not_found(ref, err);
    if (tag == CP_SUPER) /* 6.8.2: the class that makes the call; its superclass is searched */
        want.cls = (struct mm_cref){.own = (struct mm_cls *)(uintptr_t)from};
    want.token = (uint8_t)token;
    want.desc = ref->desc;
    out->ref = intern(cv, &want);
    return MM_OK;
}

static bool is_private(struct mm_cref c, const struct jref *ref)
{
    for (size_t i = 0; c.own != NULL && i < c.own->method_n; i++) {
        if (is(c.own->methods[i].name, c.own->methods[i].desc, ref))
            return (c.own->methods[i].access & ACC_PRIVATE) != 0;
    }
    return false;
}

enum mm_status mm_conv_ref_method(struct mm_conv *cv, const struct mm_cls *from,
                                  const struct jref *ref, uint8_t jvm_op, struct mm_callee *out,
                                  struct mm_err *err)
{
    struct mm_cref c;
    enum mm_status st;
    bool iface;

    memset(out, 0, sizeof(*out));
    if (ref->cls[0] == '[')
        return not_found(ref, err);
    st = mm_conv_find_class(cv, ref->cls, &c, err);
    if (st != MM_OK)
        return st;
    iface = (mm_conv_cref_access(c) & ACC_INTERFACE) != 0;
    switch (jvm_op) {
    case JVM_INVOKESTATIC:
        return direct(cv, ref, c, out, err);
    case JVM_INVOKEINTERFACE:
        return iface ? through_interface(cv, ref, c, out, err) : not_found(ref, err);
    case JVM_INVOKESPECIAL:
        if (iface)
            return not_found(ref, err);
        if (strcmp(ref->name, "<init>") == 0 || is_private(c, ref))
            return direct(cv, ref, c, out, err);
        return through_table(cv, from, ref, from->super, CP_SUPER, out, err);
    default:
        if (is_private(c, ref))
            return direct(cv, ref, c, out, err);
        return through_table(cv, from, ref, c, CP_VIRTUAL, out, err);
    }
}
