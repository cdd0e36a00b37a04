/* The components of a CAP file but Method and Descriptor (JCVM 3.0.5, chapter 6; formats 2.1
 * and 2.2). */
#include "converter/conv_int.h"

#include <string.h>

#define CAP_MAGIC 0xDECAFFEDu
#define NO_OFFSET 0xFFFF

/* ---- Class (6.9) ---- */

static size_t class_size(const struct mm_cls *c)
{
    size_t n = 10 + 2u * c->pub_n + 2u * c->pkg_n;

    if (c->access & ACC_INTERFACE)
        return 1 + 2 * c->iface_n + mm_conv_remote_size(c);
    for (size_t i = 0; i < c->iface_n; i++)
        n += 3 +
             (c->ifaces[i].own != NULL ? c->ifaces[i].own->imethod_n : c->ifaces[i].ext->method_n);
    return n + mm_conv_remote_size(c);
}

enum mm_status mm_conv_classes_place(struct mm_conv *cv, struct mm_err *err)
{
    /* behind the signature pool and its length */
    size_t at = cv->cap_minor >= 2 ? 2u + cv->signatures_len : 0;

    for (size_t i = 0; i < cv->class_n; i++) {
        cv->classes[i]->off = (uint16_t)at;
        at += class_size(cv->classes[i]);
        if (at > 0x7FFF)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "package %s: too many classes", cv->name);
    }
    return MM_OK;
}

static void write_table(struct mm_buf *out, const struct mm_cls *c, uint8_t base, uint8_t n,
                        uint8_t bit)
{
    for (unsigned i = 0; i < n; i++) {
        const struct mm_method *m = mm_conv_virtual(c, (uint8_t)((base + i) | bit));
        mm_buf_u16(out, m == NULL ? NO_OFFSET : m->off);
    }
}

static enum mm_status write_interface_table(struct mm_conv *cv, struct mm_buf *out,
                                            struct mm_cls *c, struct mm_cref iface,
                                            struct mm_err *err)
{
    size_t n = iface.own != NULL ? iface.own->imethod_n : iface.ext->method_n;
    struct mm_cref where;

    mm_buf_u16(out, mm_conv_cref_encode(cv, iface));
    mm_buf_u8(out, (uint8_t)n);
    for (size_t token = 0; token < n; token++) {
        const char *name = NULL, *desc = NULL;
        int virtual;

        if (iface.own != NULL) {
            name = iface.own->imethods[token].name;
            desc = iface.own->imethods[token].desc;
        }
        for (size_t k = 0; iface.ext != NULL && k < n; k++) {
            if (iface.ext->methods[k].token == token) {
                name = iface.ext->methods[k].name;
                desc = iface.ext->methods[k].desc;
            }
        }
        virtual = name == NULL
                      ? -1
                      : mm_conv_virtual_token(cv, (struct mm_cref){.own = c}, name, desc, &where);
        if (virtual < 0 || virtual > 127)
            return mm_conv_refuse(c, NULL, 0, err, "does not implement %s.%s",
                                  mm_conv_cref_name(iface), name == NULL ? "?" : name);
        mm_buf_u8(out, (uint8_t) virtual);
    }
    return MM_OK;
}

static enum mm_status write_classes(struct mm_conv *cv, struct mm_err *err)
{
    struct mm_buf *out = &cv->parts[MM_CAP_CLASS];
    enum mm_status st = MM_OK;

    if (cv->cap_minor >= 2)
        st = mm_conv_signatures_write(cv, out, err);
    for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
        struct mm_cls *c = cv->classes[i];
        bool iface = (c->access & ACC_INTERFACE) != 0;

        mm_buf_u8(out, (uint8_t)((iface ? 0x80 : 0) | (c->shareable ? 0x40 : 0) |
                                 (c->remote ? 0x20 : 0) | c->iface_n));
        if (iface) {
            for (size_t k = 0; k < c->iface_n; k++)
                mm_buf_u16(out, mm_conv_cref_encode(cv, c->ifaces[k]));
            mm_conv_remote_write(cv, c, out);
            continue;
        }
        mm_buf_u16(out, mm_conv_cref_encode(cv, c->super));
        mm_buf_u8(out, c->cell_n);
        mm_buf_u8(out, c->first_ref);
        mm_buf_u8(out, c->ref_n);
        mm_buf_u8(out, c->pub_base);
        mm_buf_u8(out, c->pub_n);
        mm_buf_u8(out, c->pkg_base);
        mm_buf_u8(out, c->pkg_n);
        write_table(out, c, c->pub_base, c->pub_n, 0);
        write_table(out, c, c->pkg_base, c->pkg_n, 0x80);
        for (size_t k = 0; st == MM_OK && k < c->iface_n; k++)
            st = write_interface_table(cv, out, c, c->ifaces[k], err);
        mm_conv_remote_write(cv, c, out);
    }
    return st;
}

/* ---- StaticField (6.11) ---- */

static bool in_image(const struct mm_field *f)
{
    return (f->access & ACC_STATIC) && !f->has_value;
}

static bool is_ref(const struct mm_field *f)
{
    return f->desc[0] == 'L' || f->desc[0] == '[';
}

/* Segment of the image: 0 arrays with contents, 1 null references, 2 zeros, 3 other values. */
static int segment(const struct mm_field *f)
{
    if (is_ref(f))
        return f->array != NULL ? 0 : 1;
    return f->init == 0 ? 2 : 3;
}

enum mm_status mm_conv_statics_place(struct mm_conv *cv, struct mm_err *err)
{
    size_t at = 0;

    for (int seg = 0; seg < 4; seg++) {
        for (size_t i = 0; i < cv->class_n; i++) {
            for (size_t k = 0; k < cv->classes[i]->field_n; k++) {
                struct mm_field *f = &cv->classes[i]->fields[k];
                uint16_t size = f->desc[0] == 'I' ? 4 : is_ref(f) || f->desc[0] == 'S' ? 2 : 1;

                if (!in_image(f) || segment(f) != seg)
                    continue;
                f->off = (uint16_t)at;
                at += size;
                if (at > 0x7FFF)
                    return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "too many static fields");
                if (seg == 0) {
                    cv->array_fields = mm_arena_grow(cv->arena, cv->array_fields, cv->array_n,
                                                     sizeof(*cv->array_fields));
                    cv->array_fields[cv->array_n++] = f;
                }
                if (seg <= 1)
                    cv->ref_n++;
                else if (seg == 2)
                    cv->default_n = (uint16_t)(cv->default_n + size);
                else
                    cv->value_n = (uint16_t)(cv->value_n + size);
            }
        }
    }
    return MM_OK;
}

static void write_value(struct mm_buf *out, unsigned size, int32_t v)
{
    if (size == 4)
        mm_buf_u32(out, (uint32_t)v);
    else if (size == 2)
        mm_buf_u16(out, (uint16_t)v);
    else
        mm_buf_u8(out, (uint8_t)v);
}

static void write_statics(struct mm_conv *cv, uint16_t *image_size, uint16_t *array_bytes)
{
    struct mm_buf *out = &cv->parts[MM_CAP_STATIC_FIELD];

    *image_size = (uint16_t)(2 * cv->ref_n + cv->default_n + cv->value_n);
    *array_bytes = 0;
    mm_buf_u16(out, *image_size);
    mm_buf_u16(out, cv->ref_n);
    mm_buf_u16(out, (uint16_t)cv->array_n);
    for (size_t i = 0; i < cv->array_n; i++) {
        const struct mm_array *a = cv->array_fields[i]->array;
        unsigned size = a->type == 13 ? 4 : a->type == 12 ? 2 : 1;
        uint16_t bytes = (uint16_t)(a->n * size);

        mm_buf_u8(out, (uint8_t)(a->type - 8)); /* 10 to 13 of newarray are 2 to 5 here */
        mm_buf_u16(out, bytes);
        for (uint16_t k = 0; k < a->n; k++)
            write_value(out, size, a->values[k]);
        *array_bytes = (uint16_t)(*array_bytes + bytes);
    }
    mm_buf_u16(out, cv->default_n);
    mm_buf_u16(out, cv->value_n);
    for (size_t i = 0; i < cv->class_n; i++) {
        for (size_t k = 0; k < cv->classes[i]->field_n; k++) {
            const struct mm_field *f = &cv->classes[i]->fields[k];
            if (in_image(f) && segment(f) == 3)
                write_value(out, f->desc[0] == 'I' ? 4 : f->desc[0] == 'S' ? 2 : 1, f->init);
        }
    }
}

/* ---- ConstantPool (6.8), RefLocation (6.12) ---- */

static void write_pool(struct mm_conv *cv)
{
    struct mm_buf *out = &cv->parts[MM_CAP_CONSTANT_POOL];

    mm_buf_u16(out, (uint16_t)cv->pool_n);
    for (size_t i = 0; i < cv->pool_n; i++) {
        const struct mm_cpref *r = cv->pool[i];

        mm_buf_u8(out, r->tag);
        if (r->cls.ext == NULL && r->tag >= 5) {
            mm_buf_u8(out, 0);
            mm_buf_u16(out, r->tag == 5 ? r->field->off : r->method->off);
        } else {
            mm_buf_u16(out, mm_conv_cref_encode(cv, r->cls));
            mm_buf_u8(out, r->tag == 1 ? 0 : r->token);
        }
    }
}

static void write_ref_location(struct mm_conv *cv)
{
    struct mm_buf *out = &cv->parts[MM_CAP_REF_LOCATION];

    mm_buf_u16(out, (uint16_t)cv->ref1.len);
    mm_buf_bytes(out, cv->ref1.data, cv->ref1.len);
    mm_buf_u16(out, (uint16_t)cv->ref2.len);
    mm_buf_bytes(out, cv->ref2.data, cv->ref2.len);
}

/* ---- Applet (6.6) ---- */

static bool extends_applet(struct mm_conv *cv, struct mm_cref c)
{
    while (c.own != NULL || c.ext != NULL) {
        if (strcmp(mm_conv_cref_name(c), "javacard/framework/Applet") == 0)
            return true;
        if (mm_conv_cref_super(cv, c, &c, NULL) != MM_OK)
            return false;
    }
    return false;
}

static enum mm_status find_install(struct mm_conv *cv, const char *name, uint16_t *off,
                                   struct mm_err *err)
{
    const char *simple = strrchr(name, '.') == NULL ? name : strrchr(name, '.') + 1;
    const char *want = mm_arena_printf(cv->arena, "%s/%s", cv->name, simple);
    struct mm_cref c = {0};

    for (size_t i = 0; i < cv->class_n; i++) {
        if (strcmp(cv->classes[i]->name, want) == 0)
            c.own = cv->classes[i];
    }
    if (c.own == NULL)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "applet class %s is not in the package", name);
    if (!extends_applet(cv, c))
        return mm_conv_refuse(c.own, NULL, 0, err,
                              "applet class does not extend javacard.framework.Applet");
    for (size_t i = 0; i < c.own->method_n; i++) {
        const struct mm_method *m = &c.own->methods[i];

        if (strcmp(m->name, "install") == 0 && strcmp(m->desc, "([BSB)V") == 0 &&
            (m->access & (ACC_STATIC | ACC_PUBLIC)) == (ACC_STATIC | ACC_PUBLIC)) {
            *off = m->off;
            return MM_OK;
        }
    }
    return mm_conv_refuse(c.own, NULL, 0, err,
                          "applet class has no public static void install(byte[], short, byte)");
}

static enum mm_status write_applets(struct mm_conv *cv, struct mm_err *err)
{
    struct mm_buf *out = &cv->parts[MM_CAP_APPLET];
    enum mm_status st = MM_OK;

    if (cv->opt->applet_n == 0)
        return MM_OK;
    cv->flags |= 4;
    mm_buf_u8(out, (uint8_t)cv->opt->applet_n);
    for (size_t i = 0; st == MM_OK && i < cv->opt->applet_n; i++) {
        const struct mm_conv_applet *a = &cv->opt->applets[i];
        uint16_t off = 0;

        st = find_install(cv, a->class_name, &off, err);
        mm_buf_u8(out, a->aid.len);
        mm_buf_bytes(out, a->aid.bytes, a->aid.len);
        mm_buf_u16(out, off);
    }
    return st;
}

/* ---- Export (6.13) ---- */

static void write_exports(struct mm_conv *cv)
{
    struct mm_buf *out = &cv->parts[MM_CAP_EXPORT];
    uint8_t n = 0;

    if (!(cv->flags & 2))
        return;
    for (size_t i = 0; i < cv->class_n; i++)
        n = (uint8_t)(n + mm_conv_exported(cv, cv->classes[i]));
    mm_buf_u8(out, n);
    for (size_t i = 0; i < cv->class_n; i++) {
        const struct mm_cls *c = cv->classes[i];
        uint8_t fields = 0, methods = 0;
        bool iface = (c->access & ACC_INTERFACE) != 0;

        if (!mm_conv_exported(cv, c))
            continue;
        for (size_t k = 0; k < c->field_n; k++)
            fields = (uint8_t)(fields + (in_image(&c->fields[k]) && c->fields[k].token != 0xFF));
        for (size_t k = 0; !iface && k < c->method_n; k++)
            methods = (uint8_t)(methods + (!c->methods[k].is_virtual &&
                                           strcmp(c->methods[k].name, "<clinit>") != 0 &&
                                           c->methods[k].token != 0xFF));
        mm_buf_u16(out, c->off);
        mm_buf_u8(out, fields);
        mm_buf_u8(out, methods);
        for (size_t k = 0; k < c->field_n; k++) {
            if (in_image(&c->fields[k]) && c->fields[k].token != 0xFF)
                mm_buf_u16(out, c->fields[k].off);
        }
        for (size_t k = 0; !iface && k < c->method_n; k++) {
            const struct mm_method *m = &c->methods[k];
            if (!m->is_virtual && strcmp(m->name, "<clinit>") != 0 && m->token != 0xFF)
                mm_buf_u16(out, m->off);
        }
    }
}

/* ---- Header (6.4), Directory (6.5), Import (6.7) ---- */

static void put_package(struct mm_buf *out, const struct mm_aid *aid, uint8_t major, uint8_t minor)
{
    mm_buf_u8(out, minor);
    mm_buf_u8(out, major);
    mm_buf_u8(out, aid->len);
    mm_buf_bytes(out, aid->bytes, aid->len);
}

static void write_head(struct mm_conv *cv, uint16_t image_size, uint16_t array_bytes)
{
    struct mm_buf *header = &cv->parts[MM_CAP_HEADER];
    struct mm_buf *import = &cv->parts[MM_CAP_IMPORT];
    struct mm_buf *dir = &cv->parts[MM_CAP_DIRECTORY];
    int last = cv->cap_minor >= 2 ? MM_CAP_DEBUG : MM_CAP_DESCRIPTOR;

    mm_buf_u32(header, CAP_MAGIC);
    mm_buf_u8(header, cv->cap_minor);
    mm_buf_u8(header, 2);
    mm_buf_u8(header, (uint8_t)(cv->flags | (cv->uses_int ? 1 : 0)));
    put_package(header, &cv->opt->aid, cv->opt->major, cv->opt->minor);
    if (cv->cap_minor >= 2) {
        /* RMI tells clients the name; without it cards have no use for one (6.4). */
        size_t name_n = cv->any_remote ? strlen(cv->name) : 0;
        mm_buf_u8(header, (uint8_t)name_n);
        mm_buf_bytes(header, cv->name, name_n);
    }
    mm_buf_u8(import, (uint8_t)cv->import_n);
    for (size_t i = 0; i < cv->import_n; i++)
        put_package(import, &cv->imports[i]->aid, cv->imports[i]->major, cv->imports[i]->minor);
    for (int tag = MM_CAP_HEADER; tag <= last; tag++)
        mm_buf_u16(dir, tag == MM_CAP_DIRECTORY ? (uint16_t)(2 * last + 9)
                                                : (uint16_t)cv->parts[tag].len);
    mm_buf_u16(dir, image_size);
    mm_buf_u16(dir, (uint16_t)cv->array_n);
    mm_buf_u16(dir, array_bytes);
    mm_buf_u8(dir, (uint8_t)cv->import_n);
    mm_buf_u8(dir, (uint8_t)cv->opt->applet_n);
    mm_buf_u8(dir, 0);
}

enum mm_status mm_conv_components(struct mm_conv *cv, struct mm_err *err)
{
    uint16_t image_size, array_bytes;
    enum mm_status st = write_applets(cv, err);

    if (st == MM_OK)
        st = write_classes(cv, err);
    if (st != MM_OK)
        return st;
    write_statics(cv, &image_size, &array_bytes);
    write_exports(cv);
    write_pool(cv);
    write_ref_location(cv);
    st = mm_conv_descriptor(cv, err); /* may import more packages */
    if (st == MM_OK && cv->opt->debug)
        st = mm_conv_debug(cv, err);
    if (st != MM_OK)
        return st;
    if (cv->import_n > 128)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "more than 128 imported packages");
    write_head(cv, image_size, array_bytes);
    for (int tag = MM_CAP_HEADER; tag < MM_CAP_COMPONENT_N; tag++) {
        if (cv->parts[tag].bad)
            return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        if (cv->parts[tag].len > 0xFFFF)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "component %d has more than 65535 bytes",
                           tag);
    }
    return MM_OK;
}
