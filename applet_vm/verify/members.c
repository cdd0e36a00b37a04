/*
 * Constant pool entries to methods (JCVM 3.0.5, 6.8), with the signatures that the Descriptor or the ROM
 * tables give them, or what headers and opcodes tell without a Descriptor; what is kept of each entry.
 */
#include "applet_vm/verify/verify_int.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ROM_STATIC    0x0008
#define ROM_ABSTRACT  0x0400
#define DESC_ABSTRACT 0x40
#define DESC_INIT     0x80
#define CODE_ABSTRACT 0x4 /* of a method header */
#define PACKAGE_TOKEN 0x80
#define NO_METHOD     0xFFFF

enum mm_status mm_member_missing(const struct mm_verifier *v, enum mm_verify_rule rule, size_t off,
                                 uint16_t cp, const char *what)
{
    return mm_verify_bad(v->err, rule, MM_CAP_METHOD, off, "constant %u: %s", cp, what);
}

/* ---- Signatures ---- */

static void add_arg(struct mm_vsig *s, mm_vt t)
{
    if (s->n < 255)
        s->args[s->n++] = t;
    if (VT_KIND(t) == VT_INT_HI && s->n < 255)
        s->args[s->n++] = VT(VT_INT_LO);
}

static void rom_sig(const struct mm_verifier *v, mm_vt cls, const struct mm_rom_method *m,
                    struct mm_vsig *out)
{
    const char *p = m->descriptor + 1;

    out->cls = cls;
    out->access = (uint8_t)m->access;
    out->init = strcmp(m->name, "<init>") == 0;
    out->abstract = (m->access & ROM_ABSTRACT) != 0;
    out->known = true;
    out->never = false;
    out->n = 0;
    if ((m->access & ROM_STATIC) == 0)
        add_arg(out, cls);
    while (*p != ')')
        add_arg(out, mm_string_type(v, &p));
    p++;
    out->ret = mm_string_type(v, &p);
}

/* Parameters and return type from a type_descriptor. */
static void described_types(struct mm_verifier *v, size_t unit, uint16_t type, struct mm_vsig *out)
{
    struct mm_type_rd rd;
    mm_vt t = VT_VOID;

    mm_type_open(&v->units[unit], type, &rd);
    while (rd.i < rd.n) {
        t = mm_type_next(v, unit, &rd);
        if (rd.i < rd.n)
            add_arg(out, t);
    }
    out->ret = t;
}

/* Kind of value that a body returns, by its first return instruction. */
static mm_vt body_return(const struct mm_cap *cap, const struct mm_cap_method *m, bool *never)
{
    const uint8_t *info = mm_cap_component(cap, MM_CAP_METHOD)->info;
    size_t end = (size_t)m->code_off + m->code_len;

    *never = false;
    for (size_t off = m->code_off; off < end; off += mm_op_len(info, end, off)) {
        switch (info[off]) {
        case MM_OP_ARETURN:
            return VT(VT_ANYREF);
        case MM_OP_SRETURN:
            return VT(VT_SHORT);
        case MM_OP_IRETURN:
            return VT(VT_INT_HI);
        case MM_OP_RETURN:
            return VT_VOID;
        default:
            break;
        }
    }
    *never = true;
    return VT_VOID;
}

static void undescribed_sig(struct mm_verifier *v, size_t unit, size_t i, struct mm_vsig *out)
{
    struct mm_unit *u = &v->units[unit];
    const struct mm_cap_method *m = mm_cap_method(u->cap, i);

    out->access = MM_ACC_PUBLIC;
    out->abstract = (m->flags & CODE_ABSTRACT) != 0;
    for (unsigned k = 0; k < m->nargs; k++)
        out->args[out->n++] = VT(VT_ANY);
    if (u->ret[i] == 0) /* remembered with a mark, so that each body is looked through once */
        u->ret[i] = body_return(u->cap, m, &out->never) | (out->never ? 2u : 1u);
    out->never = (u->ret[i] & 2u) != 0;
    out->ret = u->ret[i] & ~3u;
}

enum mm_status mm_sig_of_method(struct mm_verifier *v, size_t unit, size_t i, struct mm_vsig *out)
{
    struct mm_unit *u = &v->units[unit];
    enum mm_status st = mm_unit_need(v, unit);
    const uint8_t *d;

    out->cls = VT(VT_TOP);
    out->init = out->abstract = out->known = out->never = false;
    out->n = 0;
    if (st != MM_OK)
        return st;
    if (u->types == NULL) {
        undescribed_sig(v, unit, i, out);
        return MM_OK;
    }
    d = u->method_desc[i];
    if (d == NULL)
        return mm_verify_bad(v->err, MM_RULE_DESCRIPTOR, MM_CAP_METHOD,
                             mm_cap_method(u->cap, i)->off,
                             "the Descriptor does not describe this method");
    out->cls = VT_CLASS(unit, u->method_class[i]);
    out->access = d[1];
    out->init = (d[1] & DESC_INIT) != 0;
    out->abstract = (d[1] & DESC_ABSTRACT) != 0;
    out->known = true;
    if ((d[1] & MM_ACC_STATIC) == 0)
        add_arg(out, out->cls);
    described_types(v, unit, mm_be16(d + 4), out);
    return MM_OK;
}

/* ---- Virtual and interface methods ---- */

static const struct mm_rom_method *rom_virtual(const struct mm_rom_class *c, uint8_t token)
{
    for (size_t i = 0; i < c->method_n; i++) {
        const struct mm_rom_method *m = &c->methods[i];
        if (m->token == token && (m->access & ROM_STATIC) == 0 && strcmp(m->name, "<init>") != 0)
            return m;
    }
    return NULL;
}

/* Entry of a class's own tables for a token; NO_METHOD: look in the superclass. */
static uint16_t table_entry(const struct mm_cap_class *c, uint8_t token)
{
    bool package = (token & PACKAGE_TOKEN) != 0;
    unsigned base = package ? c->package_base : c->public_base;
    unsigned n = package ? c->package_n : c->public_n, t = token & 0x7Fu;

    if (t < base || t - base >= n)
        return NO_METHOD;
    return mm_be16((package ? c->package_table : c->public_table) + 2 * (t - base));
}

/* A package-visible method is none for a subclass in another package (JCVM 4.3.7.5). */
static bool find_virtual(struct mm_verifier *v, mm_vt cls, uint8_t token, struct mm_vsig *out)
{
    bool package = (token & PACKAGE_TOKEN) != 0;

    for (size_t unit = VT_UNIT(cls); VT_KIND(cls) == VT_REF && (!package || VT_UNIT(cls) == unit);
         cls = mm_vt_super(v, cls)) {
        const struct mm_rom_class *rom = mm_vt_rom(v, cls);
        const struct mm_unit *u = &v->units[VT_UNIT(cls)];
        uint16_t at;

        if (rom != NULL) {
            const struct mm_rom_method *m = rom_virtual(rom, token);
            if (m == NULL)
                continue;
            rom_sig(v, cls, m, out);
            return true;
        }
        at = table_entry(mm_vt_cap(v, cls), token);
        if (at != NO_METHOD)
            return mm_sig_of_method(
                       v, VT_UNIT(cls),
                       (size_t)(mm_cap_method_at(u->cap, at) - mm_cap_method(u->cap, 0)),
                       out) == MM_OK;
    }
    return false;
}

/* Token of the class's public method that stands for a method of the interface; false: none. */
static bool mapped_token(struct mm_verifier *v, mm_vt cls, mm_vt iface, uint8_t token, uint8_t *out)
{
    const struct mm_cap_class *c = mm_vt_cap(v, cls);
    const uint8_t *index;
    size_t pos = 0, n;
    uint16_t ref;

    while (c != NULL && mm_cap_class_interface(c, &pos, &ref, &index, &n)) {
        if (index == NULL || token >= n || mm_class_ref(v, VT_UNIT(cls), ref) != iface)
            continue;
        *out = index[token];
        return true;
    }
    return false;
}

/* What is returned by any class of a package without Descriptor that has the method. Each class
 * looked at costs a step. */
static bool implemented_return(struct mm_verifier *v, mm_vt of, uint8_t token, struct mm_vsig *out)
{
    struct mm_vsig *s = out;
    bool iface = mm_vt_interface(v, of);
    unsigned n = out->n;

    for (size_t u = 0; u < v->unit_n; u++) {
        size_t class_n = v->units[u].cap != NULL ? mm_cap_class_n(v->units[u].cap) : 0;
        for (size_t i = 0; i < class_n; i++) {
            mm_vt cls = VT_CLASS(u, i);
            uint8_t t = token;
            mm_verify_spend(v, 1);
            if (v->budget == 0)
                return false;
            if (mm_unit_need(v, u) != MM_OK || mm_vt_interface(v, cls) ||
                !mm_vt_subclass(v, cls, of) || (iface && !mapped_token(v, cls, of, token, &t)))
                continue;
            if (find_virtual(v, cls, t, s) && !s->never && !s->abstract && s->n >= n)
                return true;
        }
    }
    return false;
}

bool mm_sig_virtual(struct mm_verifier *v, mm_vt cls, uint8_t token, struct mm_vsig *out)
{
    if (!find_virtual(v, cls, token, out))
        return false;
    if (!out->known && (out->abstract || out->never)) {
        bool abstract = out->abstract;
        unsigned n = out->n;
        if (!implemented_return(v, cls, token, out)) {
            out->never = true; /* none that is here returns */
            out->ret = VT_VOID;
            return !abstract;
        }
        out->known = false;
        out->n = n;
        for (unsigned i = 0; i < n; i++)
            out->args[i] = VT(VT_ANY);
    }
    return true;
}

static bool described_interface(struct mm_verifier *v, mm_vt iface, uint8_t token,
                                struct mm_vsig *out)
{
    const uint8_t *d = v->units[VT_UNIT(iface)].class_desc[VT_INDEX(iface)], *p;

    if (d == NULL)
        return false;
    p = d + 9 + 2u * d[4] + 7u * mm_be16(d + 5);
    mm_verify_spend(v, mm_be16(d + 7));
    for (size_t i = 0, n = mm_be16(d + 7); i < n; i++, p += 12) {
        if (p[0] != token || (p[1] & MM_ACC_STATIC) != 0)
            continue;
        out->cls = iface;
        out->access = p[1];
        out->known = out->abstract = true;
        add_arg(out, iface);
        described_types(v, VT_UNIT(iface), mm_be16(p + 4), out);
        return true;
    }
    return false;
}

bool mm_sig_interface(struct mm_verifier *v, mm_vt iface, uint8_t token, struct mm_vsig *out)
{
    const struct mm_rom_class *rom = mm_vt_rom(v, iface);

    out->cls = iface;
    out->init = out->abstract = out->known = out->never = false;
    out->access = MM_ACC_PUBLIC;
    out->n = 0;
    if (rom != NULL) {
        const struct mm_rom_method *m = rom_virtual(rom, token);
        if (m != NULL)
            rom_sig(v, iface, m, out);
        return m != NULL;
    }
    return mm_unit_need(v, VT_UNIT(iface)) == MM_OK && v->units[VT_UNIT(iface)].types != NULL &&
           described_interface(v, iface, token, out);
}

enum mm_status mm_member_interface(struct mm_verifier *v, mm_vt iface, uint8_t token, uint8_t cells,
                                   size_t off, struct mm_vsig *out)
{
    bool told;

    if (mm_sig_interface(v, iface, token, out)) {
        /* An interface inherits methods: the object called is of the one named, not of the first
         * that declared it. */
        out->args[0] = iface;
        return out->n == cells
                   ? MM_OK
                   : mm_verify_bad(v->err, MM_RULE_METHOD, MM_CAP_METHOD, off,
                                   "invokeinterface gives %u cells, the method takes %u", cells,
                                   out->n);
    }
    if (mm_vt_rom(v, iface) != NULL || v->units[VT_UNIT(iface)].types != NULL)
        return mm_verify_bad(v->err, MM_RULE_METHOD, MM_CAP_METHOD, off,
                             "the interface has no method %u", token);
    out->n = 0;
    told = implemented_return(v, iface, token, out);
    if (!told)
        return mm_fail(v->err, MM_UNSUPPORTED, off,
                       "Method component, offset 0x%zx: what method %u of the interface returns is "
                       "not known; load with the Descriptor component, or an implementing package "
                       "first",
                       off, token);
    out->cls = iface;
    out->known = false;
    out->abstract = true;
    out->n = cells;
    out->args[0] = iface;
    for (unsigned i = 1; i < cells; i++)
        out->args[i] = VT(VT_ANY);
    return MM_OK;
}

/* ---- Methodrefs ---- */

static const struct mm_rom_method *rom_static(const struct mm_rom_class *c, uint8_t token)
{
    for (size_t i = 0; i < c->method_n; i++) {
        const struct mm_rom_method *m = &c->methods[i];
        if (m->token == token && ((m->access & ROM_STATIC) != 0 || strcmp(m->name, "<init>") == 0))
            return m;
    }
    return NULL;
}

static enum mm_status static_method(struct mm_verifier *v, const struct mm_cap_cp *e, uint16_t cp,
                                    size_t off, struct mm_vsig *out)
{
    const struct mm_cap *cap = v->cap;
    uint16_t at = mm_be16(e->b + 1);
    size_t unit = 0;

    if ((e->b[0] & 0x80) != 0) {
        struct mm_cap_export ex;
        mm_vt cls = mm_class_ref(v, 0, mm_be16(e->b));
        const struct mm_rom_class *rom = VT_KIND(cls) == VT_REF ? mm_vt_rom(v, cls) : NULL;

        if (rom != NULL) {
            const struct mm_rom_method *m = rom_static(rom, e->b[2]);
            if (m == NULL)
                return mm_member_missing(v, MM_RULE_METHOD, off, cp,
                                         "the API class has no such method");
            rom_sig(v, cls, m, out);
            return MM_OK;
        }
        unit = VT_UNIT(cls);
        cap = v->units[unit].cap;
        if (VT_KIND(cls) != VT_REF || !mm_cap_export(cap, e->b[1], &ex) || e->b[2] >= ex.method_n)
            return mm_member_missing(v, MM_RULE_METHOD, off, cp,
                                     "the package does not export such a method");
        at = mm_be16(ex.methods + 2u * e->b[2]);
    }
    return mm_sig_of_method(v, unit, (size_t)(mm_cap_method_at(cap, at) - mm_cap_method(cap, 0)),
                            out);
}

/* A package without Descriptor is called by one with: the caller's own Descriptor says what it was
 * compiled against. Used when it agrees with the method's header. */
static void refine(struct mm_verifier *v, uint16_t cp, struct mm_vsig *out)
{
    const struct mm_unit *own = &v->units[0];
    unsigned cells = out->n;
    mm_vt ret = out->ret, self = out->n > 0 ? out->args[0] : VT(VT_ANY);
    struct mm_vsig *s = out;

    if (own->types == NULL || out->known)
        return;
    s->n = 0;
    described_types(v, 0, mm_be16(own->types + 2 + 2u * cp), s);
    if (s->n + 1 == cells) { /* the receiver is not in the type */
        memmove(s->args + 1, s->args, s->n * sizeof(s->args[0]));
        s->args[0] = self;
        s->n++;
    }
    if (s->n != cells || VT_IS_REF(s->ret) != VT_IS_REF(ret) ||
        (!VT_IS_REF(ret) && s->ret != ret)) {
        for (unsigned i = 0; i < cells; i++)
            s->args[i] = VT(VT_ANY);
        s->n = cells;
        s->ret = ret;
    }
}

static enum mm_status find_method(struct mm_verifier *v, uint16_t cp, size_t off,
                                  struct mm_vsig *out)
{
    const struct mm_cap_cp *e = mm_cap_cp(v->cap, cp);
    enum mm_status st = MM_OK;
    mm_vt cls;

    if (e->tag == CP_STATIC_METHOD) {
        st = static_method(v, e, cp, off, out);
    } else {
        cls = mm_class_ref(v, 0, mm_be16(e->b));
        if (VT_KIND(cls) == VT_REF && mm_vt_interface(v, cls))
            cls = VT(VT_TOP);
        if (VT_KIND(cls) == VT_REF && e->tag == CP_SUPER)
            cls = mm_vt_super(v, cls);
        if (VT_KIND(cls) != VT_REF || mm_unit_need(v, VT_UNIT(cls)) != MM_OK ||
            !mm_sig_virtual(v, cls, e->b[2], out))
            return mm_member_missing(
                v, MM_RULE_METHOD, off, cp,
                "no such method, or what it returns is not known without a Descriptor");
    }
    if (st == MM_OK)
        refine(v, cp, out);
    return st;
}

/* ---- What a constant means is found once: code names the same ones again and again ---- */

struct mm_kept {
    bool is_field;
    struct mm_vfield field;
    struct mm_vsig *sig; /* as long as its arguments are; owned */
};

enum mm_status mm_members_open(struct mm_verifier *v)
{
    v->kept = calloc(mm_cap_cp_n(v->cap) + 1, sizeof(v->kept[0]));
    v->sig = malloc(sizeof(*v->sig));
    return v->kept != NULL && v->sig != NULL
               ? MM_OK
               : mm_fail(v->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

void mm_members_close(struct mm_verifier *v)
{
    for (size_t i = 0; v->kept != NULL && i < mm_cap_cp_n(v->cap); i++)
        free(v->kept[i].sig);
    free(v->kept);
    free(v->sig);
}

enum mm_status mm_member_field(struct mm_verifier *v, uint16_t cp, bool is_static, size_t off,
                               const struct mm_vfield **out)
{
    struct mm_kept *k = &v->kept[cp];
    enum mm_status st = MM_OK;

    *out = &k->field;
    if (k->is_field)
        return MM_OK;
    st = is_static ? mm_find_static(v, cp, off, &k->field) : mm_find_field(v, cp, off, &k->field);
    k->is_field = st == MM_OK;
    return st;
}

enum mm_status mm_member_method(struct mm_verifier *v, uint16_t cp, size_t off,
                                const struct mm_vsig **out)
{
    struct mm_kept *k = &v->kept[cp];
    enum mm_status st;
    size_t len;

    *out = k->sig;
    if (k->sig != NULL)
        return MM_OK;
    st = find_method(v, cp, off, v->sig);
    if (st != MM_OK)
        return st;
    len = offsetof(struct mm_vsig, args) + v->sig->n * sizeof(v->sig->args[0]);
    k->sig = malloc(len);
    if (k->sig == NULL)
        return mm_fail(v->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    memcpy(k->sig, v->sig, len);
    *out = k->sig;
    return MM_OK;
}
