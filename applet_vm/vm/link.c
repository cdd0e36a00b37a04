/*
 * Link a package: imports, classes, methods, and the code translated (decode.c). Code that a verifier
 * has passed is translated method by method, each when it is first called: loading and power-on then
 * cost nothing for what never runs. That needs Descriptors, which tell what calls return, so that no
 * method is found not to link later. Nothing is resolved while a method runs.
 */
#include "applet_vm/vm/vm_int.h"

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

/* All methods, as their headers are. What they return is found when it is first asked for. */
static enum mm_status list_methods(struct mm_package *pkg, struct mm_err *err)
{
    size_t n = mm_cap_method_n(pkg->cap);

    pkg->methods = mm_arena_alloc(&pkg->arena, n + 1, sizeof(*pkg->methods));
    if (pkg->methods == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (; pkg->method_n < n; pkg->method_n++) {
        const struct mm_cap_method *m = mm_cap_method(pkg->cap, pkg->method_n);
        bool abstract = m->code_len == 0;

        pkg->methods[pkg->method_n] =
            (struct mm_method){.pkg = pkg,
                               .off = m->off,
                               .args = m->nargs,
                               .locals = (uint16_t)(m->nargs + m->max_locals),
                               .max_stack = m->max_stack,
                               .abstract = abstract,
                               .ret = abstract ? MM_RET_NEVER : MM_RET_UNKNOWN};
    }
    return MM_OK;
}

static bool described(const struct mm_package *pkg)
{
    if (mm_cap_component(pkg->cap, MM_CAP_DESCRIPTOR)->info == NULL)
        return false;
    for (size_t i = 0; i < mm_cap_import_n(pkg->cap); i++) {
        if (pkg->imports[i].pkg != NULL && !pkg->imports[i].pkg->described)
            return false;
    }
    return true;
}

static enum mm_status translate(const struct mm_vm *vm, struct mm_package *pkg, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < pkg->method_n && st == MM_OK; i++)
        st = mm_method_translate(vm, &pkg->methods[i], err);
    return st;
}

enum mm_status mm_link_package(struct mm_vm *vm, struct mm_package *pkg, bool good,
                               struct mm_err *err)
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
    pkg->described = st == MM_OK && described(pkg);
    if (st == MM_OK && !(good && pkg->described))
        st = translate(vm, pkg, err);
    return st;
}
