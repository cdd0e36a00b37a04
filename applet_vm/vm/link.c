/*
 * Link a package: imports, classes, methods, then all code translated (decode.c). Nothing is
 * resolved while code runs.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

const struct mm_class *mm_package_class(const struct mm_package *pkg, uint16_t off)
{
    size_t lo = 0, hi = pkg->class_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (pkg->classes[mid].off == off)
            return &pkg->classes[mid];
        if (pkg->classes[mid].off < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

struct mm_method *mm_package_method(const struct mm_package *pkg, uint16_t off)
{
    size_t lo = 0, hi = pkg->method_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (pkg->methods[mid].off == off)
            return &pkg->methods[mid];
        if (pkg->methods[mid].off < off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* An import links when AID and major version are equal and the minor one on the card is not lower
 * (JCVM 3.0.5, 4.5.2). */
static bool import_fits(const struct mm_cap_import *imp, const struct mm_aid *aid, uint8_t major,
                        uint8_t minor)
{
    return mm_aid_equal(&imp->aid, aid) && imp->major == major && imp->minor <= minor;
}

static enum mm_status link_import(struct mm_vm *vm, const struct mm_cap_import *imp,
                                  struct mm_imported *out, struct mm_err *err)
{
    char aid[2 * MM_AID_MAX + 1];

    for (size_t i = 0; i < vm->rom_n; i++) {
        const struct mm_rom_package *rom = vm->roms[i].rom;
        if (import_fits(imp, &rom->aid, rom->major, rom->minor)) {
            out->rom = &vm->roms[i];
            return MM_OK;
        }
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_cap *cap = vm->packages[i]->cap;
        if (import_fits(imp, mm_cap_aid(cap), mm_cap_major(cap), mm_cap_minor(cap))) {
            out->pkg = vm->packages[i];
            return MM_OK;
        }
    }
    return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "Import component: package %s %u.%u is not here",
                   mm_hex(imp->aid.bytes, imp->aid.len, aid), imp->major, imp->minor);
}

static enum mm_status link_imports(struct mm_vm *vm, struct mm_package *pkg, struct mm_err *err)
{
    size_t n = mm_cap_import_n(pkg->cap);

    pkg->imports = mm_arena_alloc(&pkg->arena, n + 1, sizeof(*pkg->imports));
    if (pkg->imports == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t i = 0; i < n; i++) {
        enum mm_status st = link_import(vm, mm_cap_import(pkg->cap, i), &pkg->imports[i], err);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

static enum mm_status mark(uint8_t *marked, size_t n, uint16_t off, const char *who,
                           struct mm_err *err)
{
    if (off >= n)
        return mm_fail(err, MM_MALFORMED, off,
                       "%s: method offset 0x%04x is past the end of the "
                       "Method component",
                       who, off);
    marked[off] = 1;
    return MM_OK;
}

static enum mm_status mark_exports(const struct mm_package *pkg, uint8_t *marked, size_t n,
                                   struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_EXPORT);
    struct mm_rd rd;
    uint8_t classes;

    mm_rd_init(&rd, c->info, c->info != NULL ? c->len : 0);
    classes = c->info != NULL ? mm_rd_u8(&rd) : 0;
    for (unsigned i = 0; i < classes && !rd.bad; i++) {
        (void)mm_rd_u16(&rd);
        uint8_t fields = mm_rd_u8(&rd), methods = mm_rd_u8(&rd);
        (void)mm_rd_bytes(&rd, 2u * fields);
        for (unsigned k = 0; k < methods && !rd.bad; k++) {
            enum mm_status st = mark(marked, n, mm_rd_u16(&rd), "Export component", err);
            if (st != MM_OK)
                return st;
        }
    }
    return MM_OK;
}

/* Every place that names a method of the package: class tables, constant pool, applets, exports. */
static enum mm_status mark_methods(const struct mm_package *pkg, uint8_t *marked, size_t n,
                                   struct mm_err *err)
{
    enum mm_status st = mm_class_offsets(pkg, marked, n, err);

    for (size_t i = 0; i < mm_cap_applet_n(pkg->cap) && st == MM_OK; i++)
        st = mark(marked, n, mm_cap_applet(pkg->cap, i)->install_off, "Applet component", err);
    for (size_t i = 0; i < mm_cap_cp_n(pkg->cap) && st == MM_OK; i++) {
        const struct mm_cap_cp *e = mm_cap_cp(pkg->cap, i);
        if (e->tag == 6 && (e->b[0] & 0x80) == 0)
            st = mark(marked, n, mm_be16(e->b + 1), "ConstantPool component", err);
    }
    return st == MM_OK ? mark_exports(pkg, marked, n, err) : st;
}

static enum mm_status list_methods(struct mm_package *pkg, struct mm_err *err)
{
    size_t n = mm_cap_component(pkg->cap, MM_CAP_METHOD)->len, count = 0;
    uint8_t *marked = calloc(n + 1, 1);
    enum mm_status st = MM_NO_MEMORY;

    if (marked == NULL)
        return mm_fail(err, st, SIZE_MAX, "out of memory");
    st = mark_methods(pkg, marked, n, err);
    if (st != MM_OK)
        goto out;
    for (size_t i = 0; i < n; i++)
        count += marked[i];
    pkg->methods = mm_arena_alloc(&pkg->arena, count + 1, sizeof(*pkg->methods));
    if (pkg->methods == NULL) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (marked[i] != 0)
            pkg->methods[pkg->method_n++] =
                (struct mm_method){.pkg = pkg, .off = (uint16_t)i, .ret = MM_RET_UNKNOWN};
    }
out:
    free(marked);
    return st;
}

static enum mm_status translate(struct mm_vm *vm, struct mm_package *pkg, struct mm_err *err)
{
    struct mm_decoder *d = NULL;
    enum mm_status st = mm_decoder_new(vm, pkg, &d, err);

    for (size_t i = 0; i < pkg->method_n && st == MM_OK; i++)
        st = mm_decode_shape(d, &pkg->methods[i], err);
    for (size_t i = 0; i < pkg->method_n && st == MM_OK; i++)
        st = mm_decode_code(d, &pkg->methods[i], err);
    mm_decoder_free(&d);
    return st;
}

enum mm_status mm_link_package(struct mm_vm *vm, struct mm_package *pkg, struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_STATIC_FIELD);
    enum mm_status st = link_imports(vm, pkg, err);

    if (c->info != NULL && c->len >= 4 && pkg->statics != NULL)
        pkg->statics_ref_n = mm_be16(c->info + 2);
    if (2 * pkg->statics_ref_n > pkg->statics_len)
        return mm_fail(err, MM_MALFORMED, 2,
                       "StaticField component: %zu references do not fit in "
                       "an image of %zu bytes",
                       pkg->statics_ref_n, pkg->statics_len);
    if (st == MM_OK)
        st = mm_link_classes(vm, pkg, err);
    if (st == MM_OK)
        st = list_methods(pkg, err);
    if (st == MM_OK)
        st = mm_link_tables(pkg, err);
    if (st == MM_OK)
        st = translate(vm, pkg, err);
    return st;
}
