/*
 * Rules that need no code: imports, class references, the Descriptor against class layout and static
 * field image, signatures of overriding and implementing methods.
 */
#include "applet_vm/verify/verify_int.h"

#include <stdio.h>
#include <string.h>

#define PACKAGE_TOKEN 0x80

/* Another version of the package than is asked for, into text; "": none. */
static const char *other_version(const struct mm_verifier *v, const struct mm_cap_import *imp,
                                 char text[32])
{
    text[0] = '\0';
    for (size_t k = 1; k < v->unit_n; k++) {
        const struct mm_unit *u = &v->units[k];
        const struct mm_aid *aid = u->rom != NULL ? &u->rom->aid : mm_cap_aid(u->cap);

        if (mm_aid_equal(aid, &imp->aid))
            snprintf(text, 32, "; %u.%u is here",
                     u->rom != NULL ? u->rom->major : mm_cap_major(u->cap),
                     u->rom != NULL ? u->rom->minor : mm_cap_minor(u->cap));
    }
    return text;
}

static enum mm_status check_imports(const struct mm_verifier *v)
{
    char aid[2 * MM_AID_MAX + 1], other[32];
    size_t off = 1; /* behind the count: minor, major, length, AID (JCVM 6.7) */

    for (size_t i = 0; i < mm_cap_import_n(v->cap); i++) {
        const struct mm_cap_import *imp = mm_cap_import(v->cap, i);
        if (v->units[0].imports[i] == MM_UNIT_NONE)
            return mm_fail(
                v->err, MM_NOT_FOUND, off,
                "Import component, offset 0x%zx: package %s %u.%u is not here%s [import]", off,
                mm_hex(imp->aid.bytes, imp->aid.len, aid), imp->major, imp->minor,
                other_version(v, imp, other));
        off += 3 + (size_t)imp->aid.len;
    }
    return MM_OK;
}

static enum mm_status bad_class(const struct mm_verifier *v, mm_vt cls, enum mm_verify_rule rule,
                                const char *what)
{
    return mm_verify_bad(v->err, rule, MM_CAP_CLASS, mm_vt_cap(v, cls)->off, "%s", what);
}

/* ---- Class references ---- */

static bool lists_interface(struct mm_verifier *v, mm_vt cls, mm_vt iface)
{
    const uint8_t *index;
    size_t n;
    uint16_t ref;

    for (; VT_KIND(cls) == VT_REF && mm_vt_cap(v, cls) != NULL; cls = mm_vt_super(v, cls)) {
        size_t pos = 0;
        while (mm_cap_class_interface(mm_vt_cap(v, cls), &pos, &ref, &index, &n)) {
            if (mm_class_ref(v, VT_UNIT(cls), ref) == iface)
                return true;
        }
    }
    return VT_KIND(cls) == VT_REF && mm_vt_subclass(v, cls, iface);
}

/* An interface of the class, whose superinterfaces the class has to name too (JCVM 6.9.2): the call
 * finds methods through that list. One without methods, as Shareable, may be left out. */
static enum mm_status check_named_interface(struct mm_verifier *v, mm_vt cls, mm_vt iface)
{
    const uint8_t *index;
    size_t n, pos = 0;
    struct mm_vsig of;
    uint16_t ref;

    if (VT_KIND(iface) != VT_REF || !mm_vt_interface(v, iface))
        return bad_class(v, cls, MM_RULE_CLASS_KIND, "what it implements is no interface");
    if (mm_vt_interface(v, cls) || mm_vt_cap(v, iface) == NULL)
        return MM_OK;
    while (mm_cap_class_interface(mm_vt_cap(v, iface), &pos, &ref, &index, &n)) {
        mm_vt above = mm_class_ref(v, VT_UNIT(iface), ref);
        if (VT_KIND(above) == VT_REF && mm_sig_interface(v, above, 0, &of) &&
            !lists_interface(v, cls, above))
            return bad_class(v, cls, MM_RULE_CLASS_KIND, "a superinterface is not listed");
    }
    return MM_OK;
}

/* May other contexts, or clients outside, call it? Only what is a Shareable, or Remote, says so (JCVM
 * 6.9.1). */
static enum mm_status check_flag(struct mm_verifier *v, mm_vt cls, uint8_t flag, const char *name)
{
    mm_vt of;

    if ((mm_vt_cap(v, cls)->flags & flag) == 0)
        return MM_OK;
    of = mm_class_named(v, name, strlen(name));
    if (VT_KIND(of) == VT_REF && mm_vt_subclass(v, cls, of))
        return MM_OK;
    return bad_class(v, cls, MM_RULE_CLASS_KIND,
                     "shareable or remote, but does not implement Shareable or Remote");
}

static enum mm_status check_class_refs(struct mm_verifier *v, mm_vt cls)
{
    const struct mm_cap_class *c = mm_vt_cap(v, cls);
    enum mm_status st = MM_OK;
    const uint8_t *index;
    size_t n, pos = 0;
    uint16_t ref;
    mm_vt super;

    if (!mm_vt_interface(v, cls)) {
        super = mm_vt_super(v, cls);
        if (VT_KIND(super) != VT_REF || mm_vt_interface(v, super))
            return bad_class(v, cls, MM_RULE_CLASS_KIND, "the superclass is no class");
        if (mm_vt_final(v, super))
            return bad_class(v, cls, MM_RULE_CLASS_KIND, "the superclass is final");
    }
    while (st == MM_OK && mm_cap_class_interface(c, &pos, &ref, &index, &n))
        st = check_named_interface(v, cls, mm_class_ref(v, 0, ref));
    if (st == MM_OK)
        st = check_flag(v, cls, MM_CAP_ACC_SHAREABLE, "javacard/framework/Shareable");
    return st == MM_OK ? check_flag(v, cls, MM_CAP_ACC_REMOTE, "java/rmi/Remote") : st;
}

/* ---- Descriptor against layout ---- */

static enum mm_status bad_field(const struct mm_verifier *v, const uint8_t *p, const char *what)
{
    return mm_verify_bad(v->err, MM_RULE_SIGNATURE, MM_CAP_DESCRIPTOR,
                         (size_t)(p - mm_cap_component(v->cap, MM_CAP_DESCRIPTOR)->info), "%s",
                         what);
}

static enum mm_status check_instance_field(struct mm_verifier *v, const struct mm_cap_class *c,
                                           const uint8_t *p)
{
    unsigned token = p[0], type = mm_be16(p + 5);
    unsigned cells = type == 0x8005 ? 2 : 1;
    bool ref = (type & 0x8000) == 0;

    if (token + cells > c->declared_size)
        return bad_field(v, p, "a field outside the cells of its class");
    for (unsigned i = token; i < token + cells; i++) {
        if ((c->ref_n != 0 && i >= c->first_ref && i < (unsigned)c->first_ref + c->ref_n) != ref)
            return bad_field(v, p, "class layout and field type differ: reference or not");
    }
    return MM_OK;
}

static enum mm_status check_fields(struct mm_verifier *v, mm_vt cls)
{
    const uint8_t *d = v->units[0].class_desc[VT_INDEX(cls)], *p;
    enum mm_status st = MM_OK;

    if (d == NULL)
        return bad_class(v, cls, MM_RULE_DESCRIPTOR, "the Descriptor does not describe this class");
    p = d + 9 + 2u * d[4];
    for (size_t i = 0, n = mm_be16(d + 5); st == MM_OK && i < n; i++, p += 7) {
        if ((p[1] & MM_ACC_STATIC) == 0)
            st = check_instance_field(v, mm_vt_cap(v, cls), p);
    }
    return st;
}

/* Type of an array initialiser (2 boolean .. 5 int) as a nibble of a type_descriptor. */
static enum mm_status check_array_init(struct mm_verifier *v, size_t i, unsigned code)
{
    const struct mm_unit *u = &v->units[0];
    uint16_t type = u->static_type[2 * i];

    if (type == 0) /* never read: nothing names it */
        return MM_OK;
    if ((type & 0x8000) != 0 || u->types[type] != 1 || u->types[type + 1] >> 4 != code + 8)
        return mm_verify_bad(v->err, MM_RULE_SIGNATURE, MM_CAP_STATIC_FIELD, 6,
                             "the type of array initialiser %zu is not that of its field", i);
    return MM_OK;
}

static enum mm_status check_statics(struct mm_verifier *v)
{
    const struct mm_cap_statics *s = mm_cap_statics(v->cap);
    const struct mm_unit *u = &v->units[0];
    const uint8_t *init = s->array_init;
    enum mm_status st = MM_OK;

    for (size_t off = 0; off < s->image_len; off++) {
        uint16_t type = u->static_type[off];
        size_t len = type == 0x8005 ? 4 : type == 0x8004 || (type & 0x8000) == 0 ? 2 : 1;
        bool ref = (type & 0x8000) == 0;
        if (type != 0 &&
            (off + len > s->image_len || (ref && off % 2 != 0) || ref != (off < 2u * s->ref_n)))
            return mm_verify_bad(v->err, MM_RULE_SIGNATURE, MM_CAP_STATIC_FIELD, 0,
                                 "image and type of the static field at 0x%zx differ", off);
    }
    for (size_t i = 0; st == MM_OK && i < s->array_init_n; i++) {
        st = check_array_init(v, i, init[0]);
        init += 3 + mm_be16(init + 1);
    }
    return st;
}

/* ---- Signatures ---- */

/* Can a method stand where another is called? The receiver is left aside. */
static bool stands_for(struct mm_verifier *v, const struct mm_vsig *own, const struct mm_vsig *of)
{
    if (own->n != of->n)
        return false;
    for (unsigned i = 1; i < own->n; i++) {
        if (!mm_vt_fits(v, of->args[i], own->args[i]))
            return false;
    }
    if (own->ret == of->ret || own->never || of->never || (!of->known && of->abstract) ||
        (!own->known && own->abstract))
        return true;
    return VT_IS_REF(own->ret) && VT_IS_REF(of->ret) && mm_vt_fits(v, own->ret, of->ret);
}

static enum mm_status check_entry(struct mm_verifier *v, mm_vt cls, uint8_t token)
{
    mm_vt super = mm_vt_super(v, cls);
    struct mm_vsig own, above;

    if (!mm_sig_virtual(v, cls, token, &own))
        return MM_OK; /* no such token up to Object, or of a kind that cannot be called */
    if (own.known && (own.init || (own.access & (MM_ACC_STATIC | MM_ACC_PRIVATE)) != 0))
        return bad_class(v, cls, MM_RULE_OVERRIDE,
                         "a method table names a method that is not virtual");
    if (own.known && !mm_vt_subclass(v, cls, own.cls))
        return bad_class(v, cls, MM_RULE_OVERRIDE, "a method table names another class's method");
    /* Without a Descriptor nothing tells abstract classes. */
    if (own.known && own.abstract && v->units[0].types != NULL && !mm_vt_abstract(v, cls))
        return bad_class(v, cls, MM_RULE_OVERRIDE, "an abstract method in a class that is not");
    if ((token & PACKAGE_TOKEN) != 0 && VT_UNIT(super) != 0)
        return MM_OK;
    if (!mm_sig_virtual(v, super, token, &above))
        return MM_OK;
    if (above.known && (above.access & MM_ACC_FINAL) != 0 && own.cls != above.cls)
        return bad_class(v, cls, MM_RULE_OVERRIDE, "a method overrides a final one");
    return stands_for(v, &own, &above)
               ? MM_OK
               : bad_class(v, cls, MM_RULE_OVERRIDE, "a method overrides one of another signature");
}

static enum mm_status check_tables(struct mm_verifier *v, mm_vt cls)
{
    const struct mm_cap_class *c = mm_vt_cap(v, cls);
    unsigned public_n = (unsigned)c->public_base + c->public_n;
    unsigned package_n = (unsigned)c->package_base + c->package_n;
    enum mm_status st = MM_OK;

    for (unsigned t = 0; st == MM_OK && t < public_n; t++)
        st = check_entry(v, cls, (uint8_t)t);
    for (unsigned t = 0; st == MM_OK && t < package_n; t++)
        st = check_entry(v, cls, (uint8_t)(t | PACKAGE_TOKEN));
    return st;
}

static enum mm_status check_mapping(struct mm_verifier *v, mm_vt cls, mm_vt iface,
                                    const uint8_t *index, size_t n)
{
    struct mm_vsig own, of;

    for (size_t t = 0; t < 128; t++) {
        if (!mm_sig_interface(v, iface, (uint8_t)t, &of)) {
            if (mm_vt_rom(v, iface) == NULL && t >= n)
                break; /* tokens of an interface have no gaps (JCVM 4.3.7.6) */
            continue;
        }
        /* An interface of the API may have grown since the class was compiled; a call of what is not
         * there is refused when it happens. */
        if (t >= n && mm_vt_rom(v, iface) != NULL)
            break;
        if (t >= n || !mm_sig_virtual(v, cls, index[t], &own))
            return bad_class(v, cls, MM_RULE_OVERRIDE, "a method of an interface is missing");
        if (!stands_for(v, &own, &of))
            return bad_class(v, cls, MM_RULE_OVERRIDE,
                             "a method implements one of another signature");
    }
    return MM_OK;
}

static enum mm_status check_interfaces(struct mm_verifier *v, mm_vt cls)
{
    enum mm_status st = MM_OK;
    const uint8_t *index;
    size_t n, pos = 0;
    uint16_t ref;

    while (st == MM_OK && mm_cap_class_interface(mm_vt_cap(v, cls), &pos, &ref, &index, &n))
        st = check_mapping(v, cls, mm_class_ref(v, 0, ref), index, n);
    return st;
}

/* install(byte[], short, byte) (JCRE 3.1). */
static enum mm_status check_applets(struct mm_verifier *v)
{
    struct mm_vsig s;

    for (size_t i = 0; i < mm_cap_applet_n(v->cap); i++) {
        uint16_t off = mm_cap_applet(v->cap, i)->install_off;
        const struct mm_cap_method *m = mm_cap_method_at(v->cap, off);
        enum mm_status st = mm_sig_of_method(v, 0, (size_t)(m - mm_cap_method(v->cap, 0)), &s);

        if (st != MM_OK)
            return st;
        if (s.n != 3 || !mm_vt_fits(v, VT(VT_BYTES), s.args[0]) ||
            !mm_vt_fits(v, VT(VT_SHORT), s.args[1]) || !mm_vt_fits(v, VT(VT_SHORT), s.args[2]) ||
            s.ret != VT_VOID || (s.known && (s.access & MM_ACC_STATIC) == 0))
            return mm_verify_bad(v->err, MM_RULE_SIGNATURE, MM_CAP_METHOD, off,
                                 "install is not static void install(byte[], short, byte)");
    }
    return MM_OK;
}

static enum mm_status check_class(struct mm_verifier *v, mm_vt cls)
{
    enum mm_status st = check_class_refs(v, cls);

    if (st == MM_OK && v->units[0].types != NULL)
        st = check_fields(v, cls);
    if (st != MM_OK || mm_vt_interface(v, cls))
        return st;
    st = check_tables(v, cls);
    if (st == MM_OK)
        st = check_interfaces(v, cls);
    return st == MM_OK ? mm_remote_check(v, cls) : st;
}

enum mm_status mm_layout_check(struct mm_verifier *v)
{
    enum mm_status st = check_imports(v);

    for (size_t i = 0; st == MM_OK && i < mm_cap_class_n(v->cap); i++)
        st = check_class(v, VT_CLASS(0, i));
    if (st == MM_OK && v->units[0].types != NULL)
        st = check_statics(v);
    if (st == MM_OK)
        st = check_applets(v);
    if (v->budget == 0)
        return mm_verify_bad(v->err, MM_RULE_TOO_COMPLEX, MM_CAP_CLASS, 0,
                             "the classes take too many steps");
    return st;
}
