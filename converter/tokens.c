/* Tokens (JCVM 3.0.5, 4.3.7) and the shape of each class: cells, method tables. */
#include "converter/conv_int.h"

#include <string.h>

#define TOKEN_MAX 127 /* virtual and interface method tokens */

bool mm_conv_exported(const struct mm_conv *cv, const struct mm_cls *c)
{
    if (!(c->access & ACC_PUBLIC))
        return false;
    /* 4.3.7.2: an applet package exports its public shareable interfaces and nothing else. */
    return cv->opt->applet_n == 0 || ((c->access & ACC_INTERFACE) && c->shareable);
}

static bool is(const char *name, const char *desc, const char *want_name, const char *want_desc)
{
    return strcmp(name, want_name) == 0 && strcmp(desc, want_desc) == 0;
}

int mm_conv_interface_token(struct mm_cref iface, const char *name, const char *desc)
{
    for (size_t i = 0; iface.own != NULL && i < iface.own->imethod_n; i++) {
        if (is(iface.own->imethods[i].name, iface.own->imethods[i].desc, name, desc))
            return (int)i;
    }
    for (size_t i = 0; iface.ext != NULL && i < iface.ext->method_n; i++) {
        if (is(iface.ext->methods[i].name, iface.ext->methods[i].desc, name, desc))
            return iface.ext->methods[i].token;
    }
    return -1;
}

int mm_conv_virtual_token(struct mm_conv *cv, struct mm_cref c, const char *name, const char *desc,
                          struct mm_cref *where)
{
    struct mm_cref up;

    while (c.own != NULL) {
        for (size_t i = 0; i < c.own->method_n; i++) {
            const struct mm_method *m = &c.own->methods[i];

            if (m->is_virtual && is(m->name, m->desc, name, desc)) {
                *where = c;
                return m->token;
            }
        }
        c = c.own->super;
    }
    for (size_t i = 0; c.ext != NULL && i < c.ext->method_n; i++) {
        const struct mm_exp_method *m = &c.ext->methods[i];

        if (!(m->access & ACC_STATIC) && is(m->name, m->desc, name, desc)) {
            *where = c;
            return m->token;
        }
    }
    /* An interface type still has what Object declares. */
    if (c.ext != NULL && (c.ext->access & ACC_INTERFACE) &&
        mm_conv_find_class(cv, "java/lang/Object", &up, NULL) == MM_OK)
        return mm_conv_virtual_token(cv, up, name, desc, where);
    return -1;
}

const struct mm_method *mm_conv_virtual(const struct mm_cls *c, uint8_t token)
{
    for (; c != NULL; c = c->super.own) {
        for (size_t i = 0; i < c->method_n; i++) {
            if (c->methods[i].is_virtual && c->methods[i].token == token)
                return &c->methods[i];
        }
    }
    return NULL;
}

/* ---- Fields ---- */

/* 4.3.7.5: visible primitives, visible references, hidden references, hidden primitives; so the
 * references are one run of cells, and exported tokens come first. */
static int field_rank(const struct mm_field *f)
{
    bool visible = (f->access & (ACC_PUBLIC | ACC_PROTECTED)) != 0;
    bool ref = f->desc[0] == 'L' || f->desc[0] == '[';

    return visible ? (ref ? 1 : 0) : (ref ? 2 : 3);
}

static enum mm_status field_tokens(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    unsigned next = 0, static_next = 0;

    cls->first_ref = 0xFF;
    for (size_t i = 0; i < cls->field_n; i++) {
        struct mm_field *f = &cls->fields[i];
        const char *p = f->desc, *what = mm_conv_type_bad(f->desc, cv->opt->ints);

        if (mm_conv_type_next(&p) == 0 || *p != '\0' || f->desc[0] == 'V')
            return mm_conv_refuse(cls, NULL, 0, err, "field %s: descriptor is malformed", f->name);
        if (what != NULL) {
            enum mm_status st =
                mm_conv_refuse(cls, NULL, 0, err, "field %s: %s is not supported; %s", f->name,
                               what, mm_conv_type_hint(what));
            st = mm_conv_note(cv, st, err);
            if (st != MM_OK)
                return st;
        }
        cv->uses_int = cv->uses_int || f->desc[strspn(f->desc, "[")] == 'I';
        f->token = 0xFF;
        /* In a class of package visibility too: the Descriptor wants it (6.14.2). */
        if ((f->access & ACC_STATIC) && !f->has_value && (f->access & (ACC_PUBLIC | ACC_PROTECTED)))
            f->token = (uint8_t)static_next++;
    }
    for (int rank = 0; rank < 4; rank++) {
        for (size_t i = 0; i < cls->field_n; i++) {
            struct mm_field *f = &cls->fields[i];

            if ((f->access & ACC_STATIC) || field_rank(f) != rank)
                continue;
            if ((rank == 1 || rank == 2) && cls->ref_n++ == 0)
                cls->first_ref = (uint8_t)next;
            f->token = (uint8_t)next;
            next += f->desc[0] == 'I' ? 2 : 1; /* an int is two cells and two tokens */
            if (next > 255)
                return mm_conv_refuse(cls, NULL, 0, err,
                                      "field %s: more than 255 cells of instance fields; move "
                                      "some to another class or an array",
                                      f->name);
        }
    }
    cls->cell_n = (uint8_t)next;
    return MM_OK;
}

/* ---- Methods ---- */

static enum mm_status check_method(struct mm_conv *cv, const struct mm_cls *cls,
                                   struct mm_method *m, struct mm_err *err)
{
    const char *what;
    bool iface = (cls->access & ACC_INTERFACE) != 0;
    int args = mm_conv_desc_args(m->desc, cv->opt->ints, &what);

    m->refused = true;
    if (args < 0)
        return mm_conv_refuse(cls, m, 0, err, "descriptor %s is malformed", m->desc);
    if (what != NULL)
        return mm_conv_refuse(cls, m, 0, err, "%s in the signature is not supported; %s", what,
                              mm_conv_type_hint(what));
    if (m->access & ACC_NATIVE)
        return mm_conv_refuse(cls, m, 0, err,
                              "native method: the code is in the card; leave it out");
    if (m->access & ACC_SYNCHRONIZED)
        return mm_conv_refuse(cls, m, 0, err,
                              "synchronized method: cards have no threads; leave it out");
    if (iface && m->code != NULL)
        return mm_conv_refuse(cls, m, 0, err, "interface method with a body; put it in a class");
    if (strcmp(m->name, "finalize") == 0 && strcmp(m->desc, "()V") == 0)
        return mm_conv_refuse(cls, m, 0, err, "finalize is never called on cards; leave it out");
    if (mm_conv_desc_cells(m->desc) + 1 > 255)
        return mm_conv_refuse(cls, m, 0, err, "too many arguments; pass an object");
    cv->uses_int =
        cv->uses_int || mm_conv_desc_cells(m->desc) != args || mm_conv_desc_ret(m->desc) == 'I';
    m->refused = false;
    return MM_OK;
}

static enum mm_status add_imethod(struct mm_conv *cv, struct mm_cls *cls, const char *name,
                                  const char *desc, struct mm_err *err)
{
    for (size_t i = 0; i < cls->imethod_n; i++) {
        if (is(cls->imethods[i].name, cls->imethods[i].desc, name, desc))
            return MM_OK;
    }
    if (cls->imethod_n > TOKEN_MAX)
        return mm_conv_refuse(cls, NULL, 0, err, "more than %d interface methods; split it",
                              TOKEN_MAX + 1);
    cls->imethods = mm_arena_grow(cv->arena, cls->imethods, cls->imethod_n, sizeof(*cls->imethods));
    cls->imethods[cls->imethod_n].name = name;
    cls->imethods[cls->imethod_n].desc = desc;
    cls->imethod_n++;
    return MM_OK;
}

/* Inherited methods get tokens too (4.3.7.7). */
static enum mm_status interface_tokens(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < cls->iface_n; i++) {
        struct mm_cref c = cls->ifaces[i];

        for (size_t k = 0; st == MM_OK && c.own != NULL && k < c.own->imethod_n; k++)
            st = add_imethod(cv, cls, c.own->imethods[k].name, c.own->imethods[k].desc, err);
        for (size_t k = 0; st == MM_OK && c.ext != NULL && k < c.ext->method_n; k++)
            st = add_imethod(cv, cls, c.ext->methods[k].name, c.ext->methods[k].desc, err);
    }
    for (size_t i = 0; st == MM_OK && i < cls->method_n; i++) {
        struct mm_method *m = &cls->methods[i];

        st = mm_conv_note(cv, check_method(cv, cls, m, err), err);
        if (st == MM_OK && !m->refused)
            st = add_imethod(cv, cls, m->name, m->desc, err);
        m->token = (uint8_t)mm_conv_interface_token((struct mm_cref){.own = cls}, m->name, m->desc);
    }
    return st;
}

/* An abstract class has a token for each interface method that it leaves to its subclasses, so
 * that its interface tables are complete; class files do not declare these. */
static void add_inherited_abstracts(struct mm_conv *cv, struct mm_cls *cls)
{
    for (size_t i = 0; i < cls->iface_n; i++) {
        struct mm_cref c = cls->ifaces[i], where;
        size_t n = c.own != NULL ? c.own->imethod_n : c.ext->method_n;

        for (size_t k = 0; k < n; k++) {
            const char *name = c.own != NULL ? c.own->imethods[k].name : c.ext->methods[k].name;
            const char *desc = c.own != NULL ? c.own->imethods[k].desc : c.ext->methods[k].desc;
            struct mm_method *grown;

            if (mm_conv_virtual_token(cv, (struct mm_cref){.own = cls}, name, desc, &where) >= 0)
                continue;
            grown = mm_arena_alloc(cv->arena, cls->method_n + 1, sizeof(*grown));
            memcpy(grown, cls->methods, cls->method_n * sizeof(*grown));
            grown[cls->method_n] = (struct mm_method){.name = name,
                                                      .desc = desc,
                                                      .access = ACC_PUBLIC | ACC_ABSTRACT,
                                                      .owner = cls,
                                                      .is_virtual = true};
            cls->methods = grown;
            cls->method_n++;
        }
    }
}

struct counters {
    unsigned pub, pkg, exported;
};

static unsigned ext_virtual_n(const struct mm_exp_class *c)
{
    unsigned n = 0;

    for (size_t i = 0; i < c->method_n; i++) {
        const struct mm_exp_method *m = &c->methods[i];
        if (!(m->access & ACC_STATIC) && strcmp(m->name, "<init>") != 0 && m->token >= n)
            n = m->token + 1u;
    }
    return n;
}

static enum mm_status virtual_token(struct mm_conv *cv, struct mm_cls *cls, struct mm_method *m,
                                    struct counters *n, struct mm_err *err)
{
    bool visible = (m->access & (ACC_PUBLIC | ACC_PROTECTED)) != 0;
    struct mm_cref where;
    int over = mm_conv_virtual_token(cv, cls->super, m->name, m->desc, &where);

    if (over >= 0 && (over > TOKEN_MAX) == visible)
        return mm_conv_refuse(cls, m, 0, err,
                              "overrides a package-visible method with a public or protected one");
    if (over >= 0)
        m->token = (uint8_t)over;
    else
        m->token = (uint8_t)(visible ? n->pub++ : 128 + n->pkg++);
    if (n->pub > TOKEN_MAX + 1 || n->pkg > TOKEN_MAX + 1)
        return mm_conv_refuse(cls, m, 0, err,
                              "more than %d virtual methods; make some static or private",
                              TOKEN_MAX + 1);
    if (m->token > TOKEN_MAX) {
        if (m->token - 128 < cls->pkg_base)
            cls->pkg_base = (uint8_t)(m->token - 128);
    } else if (m->token < cls->pub_base) {
        cls->pub_base = m->token;
    }
    return MM_OK;
}

static enum mm_status class_tokens(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    struct counters n = {0};
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < cls->method_n; i++) {
        struct mm_method *m = &cls->methods[i];
        m->is_virtual = !(m->access & (ACC_STATIC | ACC_PRIVATE)) && strcmp(m->name, "<init>") != 0;
    }
    if (cls->access & ACC_ABSTRACT)
        add_inherited_abstracts(cv, cls);
    if (cls->super.own != NULL) {
        n.pub = (unsigned)cls->super.own->pub_base + cls->super.own->pub_n;
        n.pkg = (unsigned)cls->super.own->pkg_base + cls->super.own->pkg_n;
    } else {
        n.pub = ext_virtual_n(cls->super.ext);
    }
    cls->pub_base = (uint8_t)n.pub;
    cls->pkg_base = (uint8_t)n.pkg;
    for (size_t i = 0; st == MM_OK && i < cls->method_n; i++) {
        struct mm_method *m = &cls->methods[i];

        if (strcmp(m->name, "<clinit>") == 0)
            continue;
        st = mm_conv_note(cv, check_method(cv, cls, m, err), err);
        if (st != MM_OK)
            return st;
        m->nargs = (uint8_t)(mm_conv_desc_cells(m->desc) + (m->access & ACC_STATIC ? 0 : 1));
        m->token = 0xFF;
        if (m->is_virtual)
            st = mm_conv_note(cv, virtual_token(cv, cls, m, &n, err), err);
        else if (m->access & (ACC_PUBLIC | ACC_PROTECTED))
            m->token = (uint8_t)n.exported++;
    }
    cls->pub_n = (uint8_t)(n.pub - cls->pub_base);
    cls->pkg_n = (uint8_t)(n.pkg - cls->pkg_base);
    return st;
}

/* Every public class has a token (6.14.1); those that the package exports have the first ones. */
static void number_classes(struct mm_conv *cv)
{
    uint8_t next = 0;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < cv->class_n; i++) {
            struct mm_cls *cls = cv->classes[i];

            if (!(cls->access & ACC_PUBLIC))
                cls->token = 0xFF;
            else if (mm_conv_exported(cv, cls) == (pass == 0))
                cls->token = next++;
        }
        if (pass == 0 && next != 0)
            cv->flags |= 2;
    }
}

enum mm_status mm_conv_tokens(struct mm_conv *cv, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    number_classes(cv);
    for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
        struct mm_cls *cls = cv->classes[i];

        if (cls->iface_n > 15)
            return mm_conv_refuse(cls, NULL, 0, err, "more than 15 interfaces");
        for (size_t k = 0; k < cls->iface_n; k++) {
            const struct mm_exp_class *ext = cls->ifaces[k].ext;

            if (ext != NULL && ext->method_n > TOKEN_MAX + 1)
                return mm_conv_refuse(cls, NULL, 0, err, "interface %s has more than %d methods",
                                      ext->name, TOKEN_MAX + 1);
        }
        if (cls->super.ext != NULL && (cls->super.ext->access & ACC_FINAL))
            return mm_conv_refuse(cls, NULL, 0, err, "extends a final class");
        st = mm_conv_note(cv, field_tokens(cv, cls, err), err);
        if (st == MM_OK)
            st = cls->access & ACC_INTERFACE ? interface_tokens(cv, cls, err)
                                             : class_tokens(cv, cls, err);
        st = mm_conv_note(cv, st, err);
    }
    return st;
}
