/*
 * The Class component made into struct mm_class (JCVM 3.0.5, 6.9). A record is found by its offset;
 * superclasses come before subclasses, interfaces in any order.
 */
#include "applet_vm/vm/vm_int.h"

#define CLASS_MAX     255 /* the Descriptor counts classes in a byte */
#define ACC_INTERFACE 0x8
#define ACC_SHAREABLE 0x4
#define ACC_REMOTE    0x2

struct record {
    uint8_t flags, iface_n;
    uint16_t super;
    uint8_t size, first_ref, ref_n, pub_base, pub_n, pack_base, pack_n;
    size_t pub_off, pack_off, iface_off, end;
    size_t remote_off; /* of the name of a remote interface, remote methods of a class; 0: none */
};

static const struct mm_cap_component *component(const struct mm_package *pkg)
{
    return mm_cap_component(pkg->cap, MM_CAP_CLASS);
}

static uint8_t format_minor(const struct mm_package *pkg)
{
    return mm_cap_component(pkg->cap, MM_CAP_HEADER)->info[4];
}

static void skip(struct mm_rd *rd, size_t n)
{
    (void)mm_rd_bytes(rd, n);
}

static void skip_remote(struct mm_rd *rd)
{
    skip(rd, 5u * mm_rd_u8(rd));
    skip(rd, mm_rd_u8(rd));
    skip(rd, mm_rd_u8(rd));
    skip(rd, 2u * mm_rd_u8(rd));
}

static bool read_record(const struct mm_package *pkg, size_t off, struct record *r)
{
    const struct mm_cap_component *c = component(pkg);
    uint8_t minor = format_minor(pkg), bits;
    struct mm_rd rd;

    memset(r, 0, sizeof(*r));
    mm_rd_init(&rd, c->info, c->len);
    skip(&rd, off);
    bits = mm_rd_u8(&rd);
    r->flags = bits >> 4;
    r->iface_n = bits & 0x0F;
    if ((r->flags & ACC_INTERFACE) != 0) {
        r->iface_off = rd.off;
        skip(&rd, 2u * r->iface_n);
        if (minor >= 2 && (r->flags & ACC_REMOTE) != 0) {
            r->remote_off = rd.off;
            skip(&rd, mm_rd_u8(&rd));
        }
        r->end = rd.off;
        return !rd.bad;
    }
    r->super = mm_rd_u16(&rd);
    r->size = mm_rd_u8(&rd);
    r->first_ref = mm_rd_u8(&rd);
    r->ref_n = mm_rd_u8(&rd);
    r->pub_base = mm_rd_u8(&rd);
    r->pub_n = mm_rd_u8(&rd);
    r->pack_base = mm_rd_u8(&rd);
    r->pack_n = mm_rd_u8(&rd);
    r->pub_off = rd.off;
    skip(&rd, 2u * r->pub_n);
    r->pack_off = rd.off;
    skip(&rd, 2u * r->pack_n);
    r->iface_off = rd.off;
    for (unsigned i = 0; i < r->iface_n; i++) {
        skip(&rd, 2);
        skip(&rd, mm_rd_u8(&rd));
    }
    if (minor >= 2 && (r->flags & ACC_REMOTE) != 0) {
        r->remote_off = rd.off;
        skip_remote(&rd);
    }
    if (minor >= 3) /* the compact format of 3.1: a token map and a count */
        skip(&rd, (size_t)r->pub_base + r->pub_n + 1);
    r->end = rd.off;
    return !rd.bad;
}

bool mm_class_remote(const struct mm_class *cls, struct mm_rd *rd)
{
    const struct mm_cap_component *c;
    struct record r;

    if (cls->pkg == NULL || !read_record(cls->pkg, cls->off, &r) || r.remote_off == 0)
        return false;
    c = component(cls->pkg);
    mm_rd_init(rd, c->info, c->len);
    skip(rd, r.remote_off);
    return !rd->bad;
}

static size_t first_record(const struct mm_package *pkg)
{
    const struct mm_cap_component *c = component(pkg);

    if (format_minor(pkg) < 2)
        return 0;
    return c->len >= 2 ? 2u + mm_be16(c->info) : c->len;
}

static enum mm_status count_records(const struct mm_package *pkg, size_t *n, struct mm_err *err)
{
    size_t off = first_record(pkg);
    struct record r;

    for (*n = 0; off < component(pkg)->len; off = r.end) {
        if (!read_record(pkg, off, &r))
            return mm_fail(err, MM_MALFORMED, off, "Class component: record cut off");
        if (++*n > CLASS_MAX)
            return mm_fail(err, MM_TOO_LONG, off, "Class component: more than %d classes",
                           CLASS_MAX);
    }
    return MM_OK;
}

static enum mm_status build_cells(struct mm_package *pkg, struct mm_class *cls,
                                  const struct record *r, struct mm_err *err)
{
    unsigned first = cls->super->cells;
    uint8_t *is_ref;

    if (first + r->size > MM_CELLS_MAX ||
        (r->ref_n != 0 && (unsigned)r->first_ref + r->ref_n > r->size))
        return mm_fail(err, MM_MALFORMED, cls->off,
                       "Class component: %u reference cells from %u do not fit in %u cells",
                       r->ref_n, r->first_ref, r->size);
    cls->first_cell = (uint16_t)first;
    cls->cells = (uint16_t)(first + r->size);
    is_ref = mm_arena_alloc(&pkg->arena, cls->cells + 1u, 1);
    if (is_ref == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    memcpy(is_ref, cls->super->is_ref, first);
    if (r->ref_n != 0)
        memset(is_ref + first + r->first_ref, 1, r->ref_n);
    cls->is_ref = is_ref;
    return MM_OK;
}

static enum mm_status build_impls(struct mm_package *pkg, struct mm_class *cls,
                                  const struct record *r, struct mm_err *err)
{
    const struct mm_cap_component *c = component(pkg);
    struct mm_rd rd;

    mm_rd_init(&rd, c->info, c->len);
    skip(&rd, r->iface_off);
    cls->impls = mm_arena_alloc(&pkg->arena, r->iface_n + 1u, sizeof(*cls->impls));
    if (cls->impls == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (; cls->impl_n < r->iface_n; cls->impl_n++) {
        uint16_t ref = mm_rd_u16(&rd);
        struct mm_impl *impl = &cls->impls[cls->impl_n];

        impl->iface = mm_resolve_class_ref(pkg, ref);
        if (impl->iface == NULL || !impl->iface->interface)
            return mm_fail(err, MM_MALFORMED, rd.off,
                           "Class component: class reference 0x%04x "
                           "where an interface must be",
                           ref);
        if (!cls->interface) {
            impl->n = mm_rd_u8(&rd);
            impl->tokens = mm_rd_bytes(&rd, impl->n);
        }
        cls->shareable |= cls->interface && impl->iface->shareable;
    }
    return MM_OK;
}

/* Superclass, cells, interfaces of one record. */
static enum mm_status build_class(struct mm_package *pkg, struct mm_class *cls, struct mm_err *err)
{
    struct record r;

    if (!read_record(pkg, cls->off, &r))
        return mm_fail(err, MM_MALFORMED, cls->off, "Class component: record cut off");
    if (!cls->interface) {
        cls->super = mm_resolve_class_ref(pkg, r.super);
        if (cls->super == NULL || cls->super->interface || cls->super->is_ref == NULL)
            return mm_fail(err, MM_MALFORMED, cls->off,
                           "Class component: superclass reference 0x%04x must name a class that is "
                           "imported or comes before",
                           r.super);
        cls->api_name = cls->super->api_name;
        enum mm_status st = build_cells(pkg, cls, &r, err);
        if (st != MM_OK)
            return st;
    }
    return build_impls(pkg, cls, &r, err);
}

enum mm_status mm_link_classes(struct mm_vm *vm, struct mm_package *pkg, struct mm_err *err)
{
    size_t n = 0, off = first_record(pkg);
    enum mm_status st = count_records(pkg, &n, err);

    if (st != MM_OK)
        return st;
    pkg->classes = mm_arena_alloc(&pkg->arena, n + 1, sizeof(*pkg->classes));
    if (pkg->classes == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (; pkg->class_n < n; pkg->class_n++) {
        struct record r;
        if (!read_record(pkg, off, &r))
            return mm_fail(err, MM_MALFORMED, off, "Class component: record cut off");
        pkg->classes[pkg->class_n] = (struct mm_class){
            .pkg = pkg,
            .api_name = vm->object_class->rom->name,
            .off = (uint16_t)off,
            .id = (uint32_t)off,
            .interface = (r.flags & ACC_INTERFACE) != 0,
            .shareable = (r.flags & ACC_INTERFACE) != 0 && (r.flags & ACC_SHAREABLE) != 0,
        };
        off = r.end;
    }
    for (size_t i = 0; i < n && st == MM_OK; i++)
        st = build_class(pkg, &pkg->classes[i], err);
    return st;
}

/* A method table: the superclass's entries, then own ones from base on. */
static struct mm_method **build_table(struct mm_package *pkg, struct mm_method *const *super,
                                      uint16_t super_n, size_t table_off, unsigned base,
                                      unsigned own_n, uint16_t *n)
{
    const uint8_t *info = component(pkg)->info;
    struct mm_method **table;

    *n = (uint16_t)(base + own_n > super_n ? base + own_n : super_n);
    table = mm_arena_alloc(&pkg->arena, *n + 1u, sizeof(*table));
    if (table == NULL)
        return NULL;
    if (super_n != 0)
        memcpy(table, super, super_n * sizeof(*table));
    for (unsigned k = 0; k < own_n; k++) {
        uint16_t off = mm_be16(info + table_off + 2u * k);
        if (off != 0xFFFF) /* else: in a superclass of another package */
            table[base + k] = mm_package_method(pkg, off);
    }
    return table;
}

enum mm_status mm_link_tables(struct mm_package *pkg, struct mm_err *err)
{
    for (size_t i = 0; i < pkg->class_n; i++) {
        struct mm_class *cls = &pkg->classes[i];
        bool same = cls->super != NULL && cls->super->pkg == pkg;
        struct record r;

        if (cls->interface || !read_record(pkg, cls->off, &r))
            continue;
        cls->pub = build_table(pkg, cls->super->pub, cls->super->pub_n, r.pub_off, r.pub_base,
                               r.pub_n, &cls->pub_n);
        cls->pack = build_table(pkg, same ? cls->super->pack : NULL, same ? cls->super->pack_n : 0,
                                r.pack_off, r.pack_base, r.pack_n, &cls->pack_n);
        if (cls->pub == NULL || cls->pack == NULL)
            return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    return MM_OK;
}
