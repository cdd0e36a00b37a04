/* ConstantPool (JCVM 6.8) and Descriptor (JCVM 6.14). */
#include "applet_vm/cap/cap_int.h"

#include <stdlib.h>

#define TOKEN_PACKAGE_VISIBLE 0x80

enum { CP_CLASS = 1, CP_FIELD, CP_VIRTUAL, CP_SUPER, CP_STATIC_FIELD, CP_STATIC_METHOD };

/* Token of an instance field or virtual method against the class it is looked up in. */
static enum mm_status check_member(const struct mm_cap *cap, const struct mm_cap_cp *e, size_t off,
                                   struct mm_err *err)
{
    const struct mm_cap_class *c = mm_cap_class_at(cap, mm_be16(e->b));
    uint8_t token = e->b[2];

    if (c == NULL) { /* external: the linker looks it up */
        if ((token & TOKEN_PACKAGE_VISIBLE) != 0 && e->tag != CP_FIELD)
            return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off,
                              "package-visible method of another package");
        return MM_OK;
    }
    if ((c->flags & MM_CAP_ACC_INTERFACE) != 0)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off, "a member of the interface at 0x%x",
                          c->off);
    if (e->tag == CP_FIELD && token >= c->declared_size)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off, "field token %u in a class of %u cells",
                          token, c->declared_size);
    if (e->tag == CP_VIRTUAL && (token & TOKEN_PACKAGE_VISIBLE) == 0 &&
        token >= c->public_base + c->public_n)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off, "method token %u in a class of %u", token,
                          c->public_base + c->public_n);
    if (e->tag == CP_VIRTUAL && (token & TOKEN_PACKAGE_VISIBLE) != 0 &&
        (token & 0x7Fu) >= c->package_base + (unsigned)c->package_n)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off,
                          "package method token %u in a class of %u", token & 0x7Fu,
                          c->package_base + c->package_n);
    return MM_OK;
}

/* static_ref: 00 and an offset, or an imported class and a token. */
static enum mm_status check_static(struct mm_cap *cap, const struct mm_cap_cp *e, size_t off,
                                   struct mm_err *err)
{
    if ((e->b[0] & 0x80) != 0)
        return mm_cap_check_class_ref(cap, mm_be16(e->b), MM_CAP_CONSTANT_POOL, off, err);
    if (e->b[0] != 0)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off, "first byte 0x%02x, 00 or 80 up expected",
                          e->b[0]);
    if (e->tag == CP_STATIC_METHOD)
        return mm_cap_mark_method(cap, mm_be16(e->b + 1), MM_CAP_CONSTANT_POOL, off, err);
    if (mm_be16(e->b + 1) >= cap->statics.image_len)
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off,
                          "static field 0x%x is outside the image of %u bytes", mm_be16(e->b + 1),
                          cap->statics.image_len);
    return MM_OK;
}

static enum mm_status check_entry(struct mm_cap *cap, const struct mm_cap_cp *e, size_t off,
                                  struct mm_err *err)
{
    enum mm_status st;

    switch (e->tag) {
    case CP_STATIC_FIELD:
    case CP_STATIC_METHOD:
        return check_static(cap, e, off, err);
    case CP_CLASS:
        return mm_cap_check_class_ref(cap, mm_be16(e->b), MM_CAP_CONSTANT_POOL, off, err);
    case CP_FIELD:
    case CP_VIRTUAL:
    case CP_SUPER:
        st = mm_cap_check_class_ref(cap, mm_be16(e->b), MM_CAP_CONSTANT_POOL, off, err);
        return st == MM_OK ? check_member(cap, e, off, err) : st;
    default:
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, off, "tag %u, 1 to 6 expected", e->tag);
    }
}

enum mm_status mm_cap_read_constant_pool(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    uint16_t n;

    mm_cap_rd(cap, MM_CAP_CONSTANT_POOL, &rd);
    n = mm_rd_u16(&rd);
    if (4u * n > mm_rd_left(&rd))
        return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, 0, "%u entries, room for %zu", n,
                          mm_rd_left(&rd) / 4);
    cap->cp = calloc(n + 1u, sizeof(cap->cp[0]));
    if (cap->cp == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (; cap->cp_n < n; cap->cp_n++) {
        struct mm_cap_cp *e = &cap->cp[cap->cp_n];
        size_t off = rd.off;
        enum mm_status st;
        e->tag = mm_rd_u8(&rd);
        for (size_t i = 0; i < 3; i++)
            e->b[i] = mm_rd_u8(&rd);
        st = check_entry(cap, e, off, err);
        if (st != MM_OK)
            return st;
    }
    return mm_cap_rd_end(&rd, MM_CAP_CONSTANT_POOL, err);
}

/* ---- Descriptor ---- */
/*
 * class_descriptor: u1 token, u1 access, u2 this, u1 interfaces, u2 fields, u2 methods,
 *                   u2[interfaces], 7 bytes a field, 12 bytes a method
 * method: u1 token, u1 access, u2 offset, u2 type, u2 bytecodes, u2 handlers, u2 first handler
 */
struct desc_class {
    size_t off;
    uint8_t access;
    uint16_t this_off;
    uint8_t interface_n;
    uint16_t field_n, method_n;
    const uint8_t *interfaces, *fields, *methods;
};

static bool next_desc(struct mm_rd *rd, struct desc_class *d)
{
    d->off = rd->off;
    (void)mm_rd_u8(rd);
    d->access = mm_rd_u8(rd);
    d->this_off = mm_rd_u16(rd);
    d->interface_n = mm_rd_u8(rd);
    d->field_n = mm_rd_u16(rd);
    d->method_n = mm_rd_u16(rd);
    d->interfaces = mm_rd_bytes(rd, 2u * d->interface_n);
    d->fields = mm_rd_bytes(rd, 7u * d->field_n);
    d->methods = mm_rd_bytes(rd, 12u * d->method_n);
    return !rd->bad;
}

/* A type_descriptor: u1 nibbles, then as many half bytes, high one first. Codes 1 to 6, A to E; 6
 * and E are followed by a class_ref of four nibbles. */
static bool type_ok(const struct mm_cap *cap, const uint8_t *types, size_t len, size_t off)
{
    size_t n, i = 0;

    if (off >= len || off + 1 + (types[off] + 1u) / 2 > len || types[off] == 0)
        return false;
    n = types[off];
    while (i < n) {
        unsigned two = types[off + 1 + i / 2];
        unsigned v = (i % 2 == 0 ? two >> 4 : two) & 0x0Fu;
        uint16_t ref = 0;
        i++;
        if (v == 0 || v == 7 || v == 8 || v == 9 || v == 15)
            return false;
        if (v != 6 && v != 14)
            continue;
        if (n - i < 4)
            return false;
        for (size_t end = i + 4; i < end; i++)
            ref = (uint16_t)(ref << 4 | ((types[off + 1 + i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0x0F));
        if (mm_cap_check_class_ref(cap, ref, MM_CAP_DESCRIPTOR, 0, NULL) != MM_OK)
            return false;
    }
    return true;
}

/* type_descriptor_info: u2 count, u2 types[count], type descriptors. Offsets from count. */
static enum mm_status check_types(const struct mm_cap *cap, struct mm_rd *rd, struct mm_err *err)
{
    size_t base = rd->off;
    const uint8_t *types = rd->data + base;
    size_t len = mm_rd_left(rd);
    uint16_t n = mm_rd_u16(rd);
    const uint8_t *offs = mm_rd_bytes(rd, 2u * n);

    if (offs == NULL)
        return mm_cap_bad(err, MM_CAP_DESCRIPTOR, base, "the type table is cut off");
    if (n != cap->cp_n)
        return mm_cap_bad(err, MM_CAP_DESCRIPTOR, base, "%u types for %zu constants", n, cap->cp_n);
    for (size_t i = 0; i < n; i++) {
        uint16_t off = mm_be16(offs + 2 * i);
        bool is_class = cap->cp[i].tag == CP_CLASS;
        if (is_class ? off != 0xFFFF : off < 2 + 2 * (size_t)n || !type_ok(cap, types, len, off))
            return mm_cap_bad(err, MM_CAP_DESCRIPTOR, base + 2 + 2 * i,
                              "type 0x%x of constant %zu is not one", off, i);
    }
    return MM_OK;
}

static enum mm_status check_desc_class(struct mm_cap *cap, const struct desc_class *d,
                                       const uint8_t *types, size_t types_len, struct mm_err *err)
{
    const struct mm_cap_class *c = mm_cap_class_at(cap, d->this_off);
    bool interface = (d->access & 0x40) != 0;

    if (c == NULL || ((c->flags & MM_CAP_ACC_INTERFACE) != 0) != interface)
        return mm_cap_bad(err, MM_CAP_DESCRIPTOR, d->off, "no %s at 0x%x",
                          interface ? "interface" : "class", d->this_off);
    for (size_t i = 0; i < d->interface_n; i++) {
        enum mm_status st = mm_cap_check_class_ref(cap, mm_be16(d->interfaces + 2 * i),
                                                   MM_CAP_DESCRIPTOR, d->off, err);
        if (st != MM_OK)
            return st;
    }
    for (size_t i = 0; i < d->field_n; i++) {
        uint16_t type = mm_be16(d->fields + 7 * i + 5);
        bool ok = (type & 0x8000) != 0 ? (type & 0x7FFF) >= 2 && (type & 0x7FFF) <= 5
                                       : type_ok(cap, types, types_len, type);
        if (!ok)
            return mm_cap_bad(err, MM_CAP_DESCRIPTOR, d->off, "field %zu has type 0x%x", i, type);
    }
    for (size_t i = 0; i < d->method_n; i++) {
        const uint8_t *m = d->methods + 12 * i;
        enum mm_status st;
        if (!type_ok(cap, types, types_len, mm_be16(m + 4)))
            return mm_cap_bad(err, MM_CAP_DESCRIPTOR, d->off, "method %zu has type 0x%x", i,
                              mm_be16(m + 4));
        if (!interface) {
            st = mm_cap_mark_method(cap, mm_be16(m + 2), MM_CAP_DESCRIPTOR, d->off, err);
            if (st != MM_OK)
                return st;
            cap->desc_len[mm_be16(m + 2)] = mm_be16(m + 6);
        }
        if (mm_be16(m + 8) != 0 && mm_be16(m + 8) + (size_t)mm_be16(m + 10) > cap->handler_n)
            return mm_cap_bad(err, MM_CAP_DESCRIPTOR, d->off, "method %zu: handlers %u + %u of %zu",
                              i, mm_be16(m + 10), mm_be16(m + 8), cap->handler_n);
    }
    return MM_OK;
}

enum mm_status mm_cap_read_descriptor(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd, types;
    struct desc_class d;
    enum mm_status st;
    uint8_t n;

    if (cap->comp[MM_CAP_DESCRIPTOR].info == NULL)
        return MM_OK;
    mm_cap_rd(cap, MM_CAP_DESCRIPTOR, &rd);
    n = mm_rd_u8(&rd);
    for (unsigned i = 0; i < n; i++) {
        if (!next_desc(&rd, &d))
            return mm_cap_bad(err, MM_CAP_DESCRIPTOR, d.off, "class %u is cut off", i);
    }
    types = rd;
    st = check_types(cap, &rd, err);
    rd.off = 1;
    for (unsigned i = 0; st == MM_OK && i < n && next_desc(&rd, &d); i++)
        st = check_desc_class(cap, &d, types.data + types.off, mm_rd_left(&types), err);
    return st;
}
