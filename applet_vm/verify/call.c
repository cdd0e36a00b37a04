/* The invoke family (JCVM 3.0.5, 7.5.54 to 7.5.57): arguments, receivers, constructors, access. */
#include "applet_vm/verify/verify_int.h"

static enum mm_status pop_args(struct mm_flow *f, const struct mm_vsig *s, unsigned first)
{
    enum mm_status st = MM_OK;

    for (unsigned i = s->n; st == MM_OK && i > first; i--) {
        mm_vt t = s->args[i - 1];
        if (VT_KIND(t) == VT_INT_LO) /* its high cell comes next and takes both */
            continue;
        st = mm_pop_type(f, t, MM_RULE_ARGUMENT);
    }
    return st;
}

static enum mm_status push_result(struct mm_flow *f, const struct mm_vsig *s)
{
    f->never = s->never;
    return s->never || s->ret == VT_VOID ? MM_OK : mm_push(f, s->ret);
}

/* Private: in the same class. Package-visible: in the same package. Protected, of another package:
 * in a subclass, on an object of that subclass (JVM specification 2, 5.4.4; JCVM 2.2.1.1). */
static enum mm_status check_access(const struct mm_flow *f, const struct mm_vsig *s, mm_vt receiver)
{
    mm_vt own = f->sig->cls;

    if (!s->known || VT_KIND(own) != VT_REF || own == s->cls)
        return MM_OK;
    if ((s->access & MM_ACC_PRIVATE) != 0)
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a private method of another class");
    if (VT_UNIT(s->cls) == 0 || (s->access & MM_ACC_PUBLIC) != 0)
        return MM_OK;
    if ((s->access & MM_ACC_PROTECTED) == 0)
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a package-visible method of another package");
    if (!mm_vt_subclass(f->v, own, s->cls))
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a protected method of a class not above");
    if (VT_IS_REF(receiver) && !mm_vt_fits(f->v, receiver, own))
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a protected method, on another object");
    return MM_OK;
}

static enum mm_status pop_receiver(struct mm_flow *f, mm_vt cls, mm_vt *receiver)
{
    char wanted[MM_VT_TEXT], found[MM_VT_TEXT];
    enum mm_status st = mm_pop_cell(f, receiver);

    if (st == MM_OK && !mm_vt_fits(f->v, *receiver, cls))
        return mm_flow_bad(f, MM_RULE_RECEIVER, "a method of %s, but the object is %s",
                           mm_vt_text(f->v, cls, wanted), mm_vt_text(f->v, *receiver, found));
    return st;
}

static enum mm_status call_static(struct mm_flow *f, const struct mm_vsig *s)
{
    enum mm_status st;

    if (s->abstract || (s->known && ((s->access & MM_ACC_STATIC) == 0 || s->init)))
        return mm_flow_bad(f, MM_RULE_METHOD, "the method is not static");
    st = check_access(f, s, VT(VT_TOP));
    if (st == MM_OK)
        st = pop_args(f, s, 0);
    return st == MM_OK ? push_result(f, s) : st;
}

static enum mm_status call_virtual(struct mm_flow *f, const struct mm_vsig *s, mm_vt cls)
{
    mm_vt receiver = VT(VT_TOP);
    enum mm_status st;

    if (s->n == 0 || (s->known && ((s->access & MM_ACC_STATIC) != 0 || s->init)))
        return mm_flow_bad(f, MM_RULE_METHOD, "the method is not virtual");
    st = pop_args(f, s, 1);
    if (st == MM_OK)
        st = pop_receiver(f, cls, &receiver);
    if (st == MM_OK)
        st = check_access(f, s, receiver);
    return st == MM_OK ? push_result(f, s) : st;
}

/* The object is whole: everywhere it is known, it now has its class. */
static void now_whole(struct mm_flow *f, mm_vt was, mm_vt cls)
{
    for (size_t i = 0; i < f->locals + 1 + f->depth; i++) {
        if (f->loc[i] == was)
            f->loc[i] = cls;
    }
    f->stored = true;
}

static mm_vt class_of_new(const struct mm_flow *f, mm_vt site)
{
    uint16_t cp = mm_be16(f->info + VT_WHAT(site) + 1);

    return mm_class_ref(f->v, 0, mm_be16(mm_cap_cp(f->v->cap, cp)->b));
}

/* A constructor runs once: of the class of the new object, or for this of the own class or the
 * superclass. */
static enum mm_status call_constructor(struct mm_flow *f, const struct mm_vsig *s)
{
    char found[MM_VT_TEXT];
    enum mm_status st = pop_args(f, s, 1);
    mm_vt object = VT(VT_TOP), cls;
    bool fits;

    if (st == MM_OK)
        st = mm_pop_cell(f, &object);
    if (st != MM_OK)
        return st;
    switch (VT_KIND(object)) {
    case VT_UNINIT:
        cls = class_of_new(f, object);
        fits = !s->known || s->cls == cls;
        break;
    case VT_UNINIT_THIS:
        cls = f->sig->cls;
        fits = !s->known || s->cls == cls || s->cls == mm_vt_super(f->v, cls);
        break;
    default: /* without a Descriptor new objects are not told from whole ones */
        cls = object;
        fits = f->v->units[0].types == NULL && mm_vt_fits(f->v, object, s->cls);
        break;
    }
    if (!fits)
        return mm_flow_bad(f, MM_RULE_CONSTRUCTOR, "the object is %s",
                           mm_vt_text(f->v, object, found));
    if ((s->access & MM_ACC_PROTECTED) != 0 && s->known && VT_KIND(object) == VT_UNINIT &&
        VT_UNIT(s->cls) != 0)
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a protected constructor");
    if ((s->access & MM_ACC_PRIVATE) != 0 && s->cls != f->sig->cls)
        return mm_flow_bad(f, MM_RULE_METHOD_ACCESS, "a private constructor of another class");
    now_whole(f, object, cls);
    return push_result(f, s);
}

static enum mm_status call_special(struct mm_flow *f, const struct mm_vsig *s, bool super)
{
    unsigned below = s->n;
    unsigned kind;

    if (s->n == 0 || s->abstract || (s->known && (s->access & MM_ACC_STATIC) != 0))
        return mm_flow_bad(f, MM_RULE_METHOD, "the method has no this, or no code");
    if (f->depth < below)
        return mm_flow_bad(f, MM_RULE_STACK_UNDERFLOW, "%zu cells on the stack, %u needed",
                           f->depth, below);
    kind = VT_KIND(f->stack[f->depth - below]);
    if (!super && (s->init || (!s->known && (kind == VT_UNINIT || kind == VT_UNINIT_THIS))))
        return call_constructor(f, s);
    if (!super && s->known && (s->access & MM_ACC_PRIVATE) == 0)
        return mm_flow_bad(f, MM_RULE_METHOD, "neither constructor nor private");
    return call_virtual(f, s, super && VT_KIND(f->sig->cls) == VT_REF ? f->sig->cls : s->args[0]);
}

static enum mm_status call_interface(struct mm_flow *f, const uint8_t *p, struct mm_vsig *s)
{
    mm_vt iface = mm_class_ref(f->v, 0, mm_be16(mm_cap_cp(f->v->cap, mm_be16(p + 2))->b));
    enum mm_status st;

    if (VT_KIND(iface) != VT_REF || !mm_vt_interface(f->v, iface))
        return mm_flow_bad(f, MM_RULE_CLASS_KIND, "constant %u is no interface", mm_be16(p + 2));
    st = mm_member_interface(f->v, iface, p[4], p[1], f->off, s);
    return st == MM_OK ? call_virtual(f, s, iface) : st;
}

/* A SuperMethodref names the class that makes the call (JCVM 6.8.3). */
static enum mm_status check_super(const struct mm_flow *f, const struct mm_cap_cp *e)
{
    mm_vt cls = mm_class_ref(f->v, 0, mm_be16(e->b));

    if (VT_KIND(f->sig->cls) == VT_REF && cls != f->sig->cls)
        return mm_flow_bad(f, MM_RULE_METHOD, "a super call for another class");
    return MM_OK;
}

enum mm_status mm_step_call(struct mm_flow *f, uint8_t op)
{
    const uint8_t *p = f->info + f->off;
    const struct mm_cap_cp *e = mm_cap_cp(f->v->cap, mm_be16(p + 1));
    const struct mm_vsig *s;
    enum mm_status st;

    if (op == MM_OP_INVOKEINTERFACE)
        return call_interface(f, p, f->v->sig);
    st = mm_member_method(f->v, mm_be16(p + 1), f->off, &s);
    if (st != MM_OK)
        return st;
    if (op == MM_OP_INVOKESTATIC)
        return call_static(f, s);
    if (op == MM_OP_INVOKEVIRTUAL)
        return call_virtual(f, s, mm_class_ref(f->v, 0, mm_be16(e->b)));
    if (e->tag == 4) {
        st = check_super(f, e);
        if (st != MM_OK)
            return st;
    }
    return call_special(f, s, e->tag == 4);
}
