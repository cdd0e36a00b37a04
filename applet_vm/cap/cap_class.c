/* The Class component (JCVM 6.9): interfaces first, then classes, superclasses before subclasses. */
#include "applet_vm/cap/cap_int.h"

#include <stdlib.h>

#define ENTRY_INHERITED 0xFFFF

enum mm_status mm_cap_check_class_ref(const struct mm_cap *cap, uint16_t ref, enum mm_cap_tag tag,
                                      size_t off, struct mm_err *err)
{
    if ((ref & MM_CAP_CLASS_EXTERNAL) != 0) {
        unsigned package = (ref >> 8) & 0x7Fu;
        if (package >= cap->import_n)
            return mm_cap_bad(err, tag, off, "package token %u, but %zu packages are imported",
                              package, cap->import_n);
        return MM_OK;
    }
    if (mm_cap_class_at(cap, ref) == NULL)
        return mm_cap_bad(err, tag, off, "no class record at 0x%x", ref);
    return MM_OK;
}

bool mm_cap_class_interface(const struct mm_cap_class *cls, size_t *pos, uint16_t *class_ref,
                            const uint8_t **index, size_t *index_n)
{
    const uint8_t *p = cls->interfaces;

    if (*pos >= cls->interface_n)
        return false;
    if ((cls->flags & MM_CAP_ACC_INTERFACE) != 0) {
        *class_ref = mm_be16(p + 2 * *pos);
        *index = NULL;
        *index_n = 0;
        (*pos)++;
        return true;
    }
    for (size_t i = 0; i < *pos; i++)
        p += 3 + (size_t)p[2];
    *class_ref = mm_be16(p);
    *index_n = p[2];
    *index = p + 3;
    (*pos)++;
    return true;
}

/* What an interface reference must be: external, or an interface record before this one. */
static enum mm_status check_interface_ref(const struct mm_cap *cap, uint16_t ref, size_t off,
                                          struct mm_err *err)
{
    const struct mm_cap_class *c = mm_cap_class_at(cap, ref);
    enum mm_status st = mm_cap_check_class_ref(cap, ref, MM_CAP_CLASS, off, err);

    if (st == MM_OK && c != NULL && (c->flags & MM_CAP_ACC_INTERFACE) == 0)
        return mm_cap_bad(err, MM_CAP_CLASS, off, "the class at 0x%x stands for an interface", ref);
    return st;
}

static enum mm_status read_interface(const struct mm_cap *cap, struct mm_rd *rd,
                                     struct mm_cap_class *c, struct mm_err *err)
{
    c->super = MM_CAP_CLASS_NONE;
    c->interfaces = mm_rd_bytes(rd, 2u * c->interface_n);
    for (size_t i = 0; c->interfaces != NULL && i < c->interface_n; i++) {
        enum mm_status st = check_interface_ref(cap, mm_be16(c->interfaces + 2 * i), c->off, err);
        if (st != MM_OK)
            return st;
    }
    if (cap->format_minor >= 2 && (c->flags & MM_CAP_ACC_REMOTE) != 0)
        (void)mm_rd_bytes(rd, mm_rd_u8(rd)); /* name; a short one leaves rd bad */
    return MM_OK;
}

/* remote_interface_info (JCVM 6.9.2.15): its extent. A remote call reads the rest within bounds, when
 * there is one (applet_vm/vm/remote.c). */
static void skip_remote(struct mm_rd *rd)
{
    (void)mm_rd_bytes(rd, 5u * mm_rd_u8(rd)); /* hash, signature, token */
    (void)mm_rd_bytes(rd, mm_rd_u8(rd));      /* hash modifier */
    (void)mm_rd_bytes(rd, mm_rd_u8(rd));      /* class name */
    (void)mm_rd_bytes(rd, 2u * mm_rd_u8(rd)); /* interfaces */
}

/* What format 2.3 adds to a class: a public method token for each one here, as an earlier version of the
 * package had it or FF, and how many of them can be inherited. Calls go by the tokens of this version. */
static bool skip_token_map(struct mm_rd *rd, const struct mm_cap_class *c)
{
    (void)mm_rd_bytes(rd, (size_t)c->public_base + c->public_n);
    (void)mm_rd_u8(rd);
    return !rd->bad;
}

static enum mm_status check_super(const struct mm_cap *cap, const struct mm_cap_class *c,
                                  struct mm_err *err)
{
    const struct mm_cap_class *super;

    if (c->super == MM_CAP_CLASS_NONE)
        return mm_cap_bad(err, MM_CAP_CLASS, c->off + 1u,
                          "no superclass, which only java.lang.Object may lack");
    super = mm_cap_class_at(cap, c->super);
    if (super != NULL && (super->flags & MM_CAP_ACC_INTERFACE) != 0)
        return mm_cap_bad(err, MM_CAP_CLASS, c->off + 1u, "an interface as superclass");
    return mm_cap_check_class_ref(cap, c->super, MM_CAP_CLASS, c->off + 1u, err);
}

static enum mm_status mark_table(struct mm_cap *cap, const struct mm_cap_class *c,
                                 const uint8_t *table, size_t n, struct mm_err *err)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t method_off = mm_be16(table + 2 * i);
        enum mm_status st = MM_OK;
        if (method_off != ENTRY_INHERITED)
            st = mm_cap_mark_method(cap, method_off, MM_CAP_CLASS, c->off, err);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

/* Each implemented interface maps its method tokens to public virtual method tokens. */
static enum mm_status read_class_interfaces(const struct mm_cap *cap, struct mm_rd *rd,
                                            struct mm_cap_class *c, struct mm_err *err)
{
    size_t tokens = (size_t)c->public_base + c->public_n;

    c->interfaces = rd->bad ? NULL : rd->data + rd->off;
    for (size_t i = 0; i < c->interface_n; i++) {
        size_t off = rd->off;
        uint16_t ref = mm_rd_u16(rd);
        uint8_t n = mm_rd_u8(rd);
        const uint8_t *index = mm_rd_bytes(rd, n);
        enum mm_status st;
        if (index == NULL)
            return mm_cap_bad(err, MM_CAP_CLASS, off, "interface %zu is cut off", i);
        st = check_interface_ref(cap, ref, off, err);
        if (st != MM_OK)
            return st;
        for (size_t j = 0; j < n; j++) {
            if (index[j] >= tokens)
                return mm_cap_bad(err, MM_CAP_CLASS, off + 3 + j,
                                  "method token %u, but the class has %zu", index[j], tokens);
        }
    }
    return MM_OK;
}

static enum mm_status read_class(struct mm_cap *cap, struct mm_rd *rd, struct mm_cap_class *c,
                                 struct mm_err *err)
{
    enum mm_status st;

    c->super = mm_rd_u16(rd);
    c->declared_size = mm_rd_u8(rd);
    c->first_ref = mm_rd_u8(rd);
    c->ref_n = mm_rd_u8(rd);
    c->public_base = mm_rd_u8(rd);
    c->public_n = mm_rd_u8(rd);
    c->package_base = mm_rd_u8(rd);
    c->package_n = mm_rd_u8(rd);
    c->public_table = mm_rd_bytes(rd, 2u * c->public_n);
    c->package_table = mm_rd_bytes(rd, 2u * c->package_n);
    if (rd->bad)
        return mm_cap_bad(err, MM_CAP_CLASS, c->off, "class record is cut off");
    if (c->ref_n != 0 && c->first_ref + c->ref_n > c->declared_size)
        return mm_cap_bad(err, MM_CAP_CLASS, c->off + 4u, "references %u + %u in %u cells",
                          c->first_ref, c->ref_n, c->declared_size);
    if (c->public_base + c->public_n > 128 || c->package_base + c->package_n > 128)
        return mm_cap_bad(err, MM_CAP_CLASS, c->off + 6u, "method tokens above 127");
    st = check_super(cap, c, err);
    if (st == MM_OK)
        st = mark_table(cap, c, c->public_table, c->public_n, err);
    if (st == MM_OK)
        st = mark_table(cap, c, c->package_table, c->package_n, err);
    if (st == MM_OK)
        st = read_class_interfaces(cap, rd, c, err);
    if (st == MM_OK && cap->format_minor >= 2 && (c->flags & MM_CAP_ACC_REMOTE) != 0) {
        c->remote_off = (uint16_t)rd->off;
        skip_remote(rd);
    }
    if (st == MM_OK && cap->format_minor >= 3 && !skip_token_map(rd, c))
        return mm_cap_bad(err, MM_CAP_CLASS, c->off,
                          "class record is cut off before its token map");
    return st;
}

static enum mm_status read_record(struct mm_cap *cap, struct mm_rd *rd, struct mm_err *err)
{
    struct mm_cap_class c = {.off = (uint16_t)rd->off};
    struct mm_cap_class *grown;
    uint8_t bits = mm_rd_u8(rd);
    enum mm_status st;

    c.flags = bits & 0xF0;
    c.interface_n = bits & 0x0F;
    if ((c.flags & 0x10) != 0 || (cap->format_minor < 2 && (c.flags & MM_CAP_ACC_REMOTE) != 0))
        return mm_cap_bad(err, MM_CAP_CLASS, c.off, "flags 0x%02x are not defined", c.flags);
    if ((c.flags & MM_CAP_ACC_INTERFACE) != 0) {
        if (cap->class_n != 0 && (cap->classes[cap->class_n - 1].flags & MM_CAP_ACC_INTERFACE) == 0)
            return mm_cap_bad(err, MM_CAP_CLASS, c.off, "an interface after a class");
        st = read_interface(cap, rd, &c, err);
    } else {
        st = read_class(cap, rd, &c, err);
    }
    if (st != MM_OK)
        return st;
    grown = realloc(cap->classes, (cap->class_n + 1) * sizeof(*grown));
    if (grown == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    cap->classes = grown;
    mm_cap_place(&cap->class_places, c.off, cap->class_n);
    cap->classes[cap->class_n++] = c;
    return MM_OK;
}

enum mm_status mm_cap_read_classes(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    enum mm_status st = MM_OK;

    mm_cap_rd(cap, MM_CAP_CLASS, &rd);
    if (rd.len > 0x7FFF)
        return mm_cap_bad(err, MM_CAP_CLASS, 0, "%zu bytes, offsets reach 32767 only", rd.len);
    if (!mm_cap_places_open(&cap->class_places, rd.len))
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (cap->format_minor >= 2)
        (void)mm_rd_bytes(&rd, mm_rd_u16(&rd)); /* signature pool: for remote methods only */
    while (st == MM_OK && mm_rd_left(&rd) != 0)
        st = read_record(cap, &rd, err);
    return st == MM_OK ? mm_cap_rd_end(&rd, MM_CAP_CLASS, err) : st;
}
