/* The Descriptor component (JCVM 3.0.5, 6.14), and the package's own export file (chapter 5). */
#include "converter/conv_int.h"

#include <string.h>

#define PRIMITIVE 0x8000

struct types {
    struct mm_conv *cv;
    const char **descs;
    uint16_t *offs;
    size_t n;
    struct mm_buf out; /* type descriptors */
    struct mm_err *err;
    enum mm_status st;
};

/* Offset of a type, from the start of type_descriptor_info. */
static uint16_t type_off(struct types *t, const char *desc)
{
    size_t off = 2 + 2 * t->cv->pool_n + t->out.len;

    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->descs[i], desc) == 0)
            return t->offs[i];
    }
    if (t->st == MM_OK && off > 0x7FFF)
        t->st = mm_fail(t->err, MM_UNSUPPORTED, SIZE_MAX, "too many types");
    if (t->st == MM_OK)
        t->st = mm_conv_type_write(t->cv, desc, &t->out, t->err);
    t->descs = mm_arena_grow(t->cv->arena, t->descs, t->n, sizeof(*t->descs));
    t->offs = mm_arena_grow(t->cv->arena, t->offs, t->n, sizeof(*t->offs));
    t->descs[t->n] = desc;
    t->offs[t->n++] = (uint16_t)off;
    return (uint16_t)off;
}

static uint16_t field_type(struct types *t, const char *desc)
{
    switch (desc[0]) {
    case 'Z':
        return PRIMITIVE | 2;
    case 'B':
        return PRIMITIVE | 3;
    case 'S':
        return PRIMITIVE | 4;
    case 'I':
        return PRIMITIVE | 5;
    default:
        return type_off(t, desc);
    }
}

static void write_field(struct types *t, struct mm_buf *out, const struct mm_cls *c,
                        const struct mm_field *f)
{
    mm_buf_u8(out, f->token);
    mm_buf_u8(out, (uint8_t)(f->access & 0x1F));
    if (f->access & ACC_STATIC) {
        mm_buf_u8(out, 0);
        mm_buf_u16(out, f->off);
    } else {
        mm_buf_u16(out, c->off);
        mm_buf_u8(out, f->token);
    }
    mm_buf_u16(out, field_type(t, f->desc));
}

static void write_method(struct types *t, struct mm_buf *out, const struct mm_method *m)
{
    uint8_t access = (uint8_t)(m->access & 0x1F);

    if (m->access & ACC_ABSTRACT)
        access |= 0x40;
    if (strcmp(m->name, "<init>") == 0)
        access |= 0x80;
    mm_buf_u8(out, m->token);
    mm_buf_u8(out, access);
    mm_buf_u16(out, m->off);
    mm_buf_u16(out, type_off(t, m->desc));
    mm_buf_u16(out, m->body == NULL ? 0 : m->body->bytes);
    mm_buf_u16(out, m->body == NULL ? 0 : (uint16_t)m->body->handler_n);
    mm_buf_u16(out, m->body == NULL ? 0 : m->body->handler_idx);
}

static void write_interface_methods(struct types *t, struct mm_buf *out, const struct mm_cls *c)
{
    for (size_t i = 0; i < c->imethod_n; i++) {
        mm_buf_u8(out, (uint8_t)i);
        mm_buf_u8(out, 0x41);
        mm_buf_u16(out, 0);
        mm_buf_u16(out, type_off(t, c->imethods[i].desc));
        mm_buf_u16(out, 0);
        mm_buf_u16(out, 0);
        mm_buf_u16(out, 0);
    }
}

static bool described(const struct mm_field *f)
{
    return !((f->access & ACC_STATIC) && f->has_value);
}

static void write_class(struct types *t, struct mm_buf *out, const struct mm_cls *c)
{
    bool iface = (c->access & ACC_INTERFACE) != 0;
    uint16_t field_n = 0, method_n = iface ? (uint16_t)c->imethod_n : 0;
    size_t iface_n = iface ? 0 : c->iface_n; /* superinterfaces are in the Class component only */
    uint8_t access = (uint8_t)(c->access & (ACC_PUBLIC | ACC_FINAL));

    for (size_t i = 0; i < c->field_n; i++)
        field_n = (uint16_t)(field_n + described(&c->fields[i]));
    for (size_t i = 0; !iface && i < c->method_n; i++)
        method_n = (uint16_t)(method_n + (strcmp(c->methods[i].name, "<clinit>") != 0));
    if (iface)
        access |= 0x40;
    if (c->access & ACC_ABSTRACT)
        access |= 0x80;
    mm_buf_u8(out, c->token);
    mm_buf_u8(out, access);
    mm_buf_u16(out, c->off);
    mm_buf_u8(out, (uint8_t)iface_n);
    mm_buf_u16(out, field_n);
    mm_buf_u16(out, method_n);
    for (size_t i = 0; i < iface_n; i++)
        mm_buf_u16(out, mm_conv_cref_encode(t->cv, c->ifaces[i]));
    for (size_t i = 0; i < c->field_n; i++) {
        if (described(&c->fields[i]))
            write_field(t, out, c, &c->fields[i]);
    }
    if (iface)
        write_interface_methods(t, out, c);
    for (size_t i = 0; !iface && i < c->method_n; i++) {
        if (strcmp(c->methods[i].name, "<clinit>") != 0)
            write_method(t, out, &c->methods[i]);
    }
}

enum mm_status mm_conv_descriptor(struct mm_conv *cv, struct mm_err *err)
{
    struct types t = {.cv = cv, .err = err, .st = MM_OK};
    struct mm_buf *out = &cv->parts[MM_CAP_DESCRIPTOR];

    mm_buf_init(&t.out);
    mm_buf_u8(out, (uint8_t)cv->class_n);
    for (size_t i = 0; i < cv->class_n; i++)
        write_class(&t, out, cv->classes[i]);
    mm_buf_u16(out, (uint16_t)cv->pool_n);
    for (size_t i = 0; i < cv->pool_n; i++)
        mm_buf_u16(out, cv->pool[i]->desc == NULL ? 0xFFFF : type_off(&t, cv->pool[i]->desc));
    mm_buf_bytes(out, t.out.data, t.out.len);
    out->bad = out->bad || t.out.bad;
    mm_buf_clear(&t.out);
    return t.st;
}

/* ---- Export file ---- */

static bool visible(uint16_t access)
{
    return (access & (ACC_PUBLIC | ACC_PROTECTED)) != 0;
}

static void add_method(struct mm_conv *cv, struct mm_exp_class *e, struct mm_exp_method m)
{
    for (size_t i = 0; i < e->method_n; i++) {
        if (strcmp(e->methods[i].name, m.name) == 0 && strcmp(e->methods[i].desc, m.desc) == 0 &&
            strcmp(m.name, "<init>") != 0)
            return;
    }
    e->methods = mm_arena_grow(cv->arena, e->methods, e->method_n, sizeof(*e->methods));
    e->methods[e->method_n++] = m;
}

static void export_methods(struct mm_conv *cv, const struct mm_cls *c, struct mm_exp_class *e)
{
    const struct mm_exp_class *ext = NULL;

    for (size_t i = 0; i < c->imethod_n; i++)
        add_method(cv, e,
                   (struct mm_exp_method){.token = (uint8_t)i,
                                          .access = ACC_PUBLIC | ACC_ABSTRACT,
                                          .name = c->imethods[i].name,
                                          .desc = c->imethods[i].desc});
    if (c->access & ACC_INTERFACE)
        return;
    for (const struct mm_cls *up = c; up != NULL; up = up->super.own) {
        for (size_t i = 0; i < up->method_n; i++) {
            const struct mm_method *m = &up->methods[i];

            if (visible(m->access) && (up == c || m->is_virtual))
                add_method(cv, e,
                           (struct mm_exp_method){.token = m->token,
                                                  .access = m->access & 0x41D,
                                                  .name = m->name,
                                                  .desc = m->desc});
        }
        ext = up->super.ext;
    }
    for (size_t i = 0; ext != NULL && i < ext->method_n; i++) {
        if (!(ext->methods[i].access & ACC_STATIC) && strcmp(ext->methods[i].name, "<init>") != 0)
            add_method(cv, e, ext->methods[i]);
    }
}

static void export_class(struct mm_conv *cv, const struct mm_cls *c, struct mm_exp_class *e)
{
    struct mm_cref up = c->super;

    e->token = c->token;
    e->access = (uint16_t)((c->access & (ACC_PUBLIC | ACC_FINAL | ACC_INTERFACE | ACC_ABSTRACT)) |
                           (c->shareable ? ACC_SHAREABLE : 0) | (c->remote ? ACC_REMOTE : 0));
    e->name = c->name;
    while (up.own != NULL || up.ext != NULL) {
        e->supers = mm_arena_grow(cv->arena, e->supers, e->super_n, sizeof(*e->supers));
        memmove(e->supers + 1, e->supers, e->super_n++ * sizeof(*e->supers)); /* Object first */
        e->supers[0] = mm_conv_cref_name(up);
        if (mm_conv_cref_super(cv, up, &up, NULL) != MM_OK)
            break;
    }
    e->ifaces = mm_arena_alloc(cv->arena, c->iface_n, sizeof(*e->ifaces));
    for (size_t i = 0; i < c->iface_n; i++)
        e->ifaces[e->iface_n++] = mm_conv_cref_name(c->ifaces[i]);
    e->fields = mm_arena_alloc(cv->arena, c->field_n, sizeof(*e->fields));
    for (size_t i = 0; i < c->field_n; i++) {
        const struct mm_field *f = &c->fields[i];
        bool constant = f->has_value && (f->access & ACC_STATIC);

        if (visible(f->access))
            e->fields[e->field_n++] = (struct mm_exp_field){.token = constant ? 0xFF : f->token,
                                                            .access = f->access & 0x1D,
                                                            .name = f->name,
                                                            .desc = f->desc,
                                                            .has_value = constant,
                                                            .value = f->value};
    }
    export_methods(cv, c, e);
}

void mm_conv_own_exports(struct mm_conv *cv, struct mm_exp_package *pkg)
{
    memset(pkg, 0, sizeof(*pkg));
    pkg->name = cv->name;
    pkg->aid = cv->opt->aid;
    pkg->major = cv->opt->major;
    pkg->minor = cv->opt->minor;
    pkg->flags = cv->opt->applet_n == 0 ? 1 : 0;
    pkg->format_minor = 1;
    pkg->classes = mm_arena_alloc(cv->arena, cv->class_n, sizeof(*pkg->classes));
    for (size_t i = 0; i < cv->class_n; i++) {
        if (mm_conv_exported(cv, cv->classes[i]))
            export_class(cv, cv->classes[i], &pkg->classes[pkg->class_n++]);
    }
}
