/*
 * Packages: load, read again at power-on, unload. The raw LFDB is a record of the package's
 * component; the linked form is derived from it and never stored.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

struct mm_package *mm_package_get(const struct mm_vm *vm, mm_comp comp)
{
    for (size_t i = 0; i < vm->package_n; i++) {
        if (vm->packages[i]->comp == comp)
            return vm->packages[i];
    }
    return NULL;
}

void mm_package_free(struct mm_package *pkg)
{
    if (pkg == NULL)
        return;
    mm_cap_free(&pkg->cap);
    mm_arena_clear(&pkg->arena);
    free(pkg);
}

static void unlist(struct mm_vm *vm, struct mm_package *pkg)
{
    for (size_t i = 0; i < vm->package_n; i++) {
        if (vm->packages[i] != pkg)
            continue;
        memmove(&vm->packages[i], &vm->packages[i + 1],
                (vm->package_n - i - 1) * sizeof(vm->packages[0]));
        vm->package_n--;
        break;
    }
    mm_package_free(pkg);
}

/* No entry may point into a class that goes. */
static void drop_entries(struct mm_vm *vm, mm_comp comp, const struct mm_package *pkg)
{
    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        if (o->type != MM_TYPE_NONE &&
            (o->owner == comp || (pkg != NULL && o->cls != NULL && o->cls->pkg == pkg)))
            mm_heap_drop_entry(vm, (mm_ref)ref);
    }
}

/* Link a package whose LFDB is in the NVM; on MM_OK it is in the list. cap: its parsed form, becomes
 * the package's. good: as mm_link_package has it. */
static enum mm_status link_cap(struct mm_vm *vm, mm_comp comp, struct mm_cap *cap, bool good,
                               struct mm_err *err)
{
    struct mm_package *pkg = NULL;
    enum mm_status st;

    if (vm->package_n == MM_PACKAGE_MAX)
        st =
            mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "no room for a package beyond %d", MM_PACKAGE_MAX);
    else if ((pkg = calloc(1, sizeof(*pkg))) == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else
        st = MM_OK;
    if (st != MM_OK) {
        mm_cap_free(&cap);
        return st;
    }
    pkg->comp = comp;
    pkg->statics = mm_rec_data(vm->nvm, MM_KEY_PACKAGE_STATICS(comp), &pkg->statics_len);
    pkg->cap = cap;
    st = mm_link_package(vm, pkg, good, err);
    if (st != MM_OK) {
        mm_package_free(pkg);
        return st;
    }
    vm->packages[vm->package_n++] = pkg;
    return MM_OK;
}

/* At power-on: it was linked when it was loaded. */
static enum mm_status link_stored(struct mm_vm *vm, mm_comp comp, struct mm_err *err)
{
    size_t len = 0;
    const uint8_t *lfdb = mm_rec_data(vm->nvm, MM_KEY_PACKAGE_LFDB(comp), &len);
    struct mm_cap *cap;
    enum mm_status st = mm_cap_read(lfdb, len, &cap, err);

    return st == MM_OK ? link_cap(vm, comp, cap, true, err) : st;
}

static bool unlinked(const struct mm_vm *vm, const struct mm_comp_info *info)
{
    return info->kind == MM_COMP_PACKAGE && info->damage == MM_DAMAGE_NONE &&
           mm_package_get(vm, info->comp) == NULL &&
           mm_rec_data(vm->nvm, MM_KEY_PACKAGE_LFDB(info->comp), NULL) != NULL;
}

/* Importing packages have been loaded later, but ids may have been used again: go round until no
 * more links. What is left has lost an import; it stays unusable, and the log says why. */
void mm_packages_read(struct mm_vm *vm)
{
    struct mm_comp_info info;
    struct mm_err err;
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; mm_comp_get(vm->nvm, i, &info); i++) {
            if (unlinked(vm, &info) && link_stored(vm, info.comp, NULL) == MM_OK)
                again = true;
        }
    }
    for (size_t i = 0; mm_comp_get(vm->nvm, i, &info); i++) {
        if (unlinked(vm, &info) && link_stored(vm, info.comp, &err) != MM_OK)
            mm_log("warn", "package-not-linked", "component %u: %s", info.comp, err.text);
    }
}

void mm_packages_sync(struct mm_vm *vm)
{
    vm->tx_packages = false;
    for (size_t i = vm->package_n; i-- > 0;) {
        struct mm_package *pkg = vm->packages[i];
        if (!pkg->loaded_in_tx)
            continue;
        pkg->loaded_in_tx = false;
        if (mm_rec_data(vm->nvm, MM_KEY_PACKAGE_LFDB(pkg->comp), NULL) == NULL) {
            drop_entries(vm, pkg->comp, pkg);
            unlist(vm, pkg);
        }
    }
}

/* ---- Static fields (JCVM 3.0.5, 6.11) ---- */

/* The record gets the image as the component gives it: references null, then defaults, then
 * values. Arrays follow when the package is linked and can own them. */
static enum mm_status statics_store(struct mm_vm *vm, mm_comp comp, const struct mm_cap *cap,
                                    struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(cap, MM_CAP_STATIC_FIELD);
    struct mm_rd rd;
    uint16_t image, inits, values;
    const uint8_t *bytes;
    enum mm_status st;

    mm_rd_init(&rd, c->info, c->info != NULL ? c->len : 0);
    image = mm_rd_u16(&rd);
    (void)mm_rd_u16(&rd);
    inits = mm_rd_u16(&rd);
    for (unsigned i = 0; i < inits && !rd.bad; i++) {
        (void)mm_rd_u8(&rd);
        (void)mm_rd_bytes(&rd, mm_rd_u16(&rd));
    }
    (void)mm_rd_u16(&rd);
    values = mm_rd_u16(&rd);
    bytes = mm_rd_bytes(&rd, values);
    if (rd.bad || values > image)
        return mm_fail(err, MM_MALFORMED, rd.off,
                       "StaticField component: %u value bytes do not "
                       "fit in an image of %u",
                       values, image);
    if (image == 0)
        return MM_OK;
    st = mm_rec_new(vm->nvm, MM_KEY_PACKAGE_STATICS(comp), comp, image);
    if (st == MM_OK && values != 0)
        st = mm_rec_write_nonatomic(vm->nvm, MM_KEY_PACKAGE_STATICS(comp), (size_t)image - values,
                                    bytes, values);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "static fields: %s", mm_status_text(st));
}

static enum mm_status array_init(struct mm_vm *vm, const struct mm_package *pkg, unsigned index,
                                 uint8_t type, const uint8_t *bytes, uint16_t len)
{
    static const uint8_t newarray_type[] = {[2] = 10, [3] = 11, [4] = 12, [5] = 13};
    uint8_t t = type < sizeof(newarray_type) ? newarray_type[type] : 0;
    size_t size = mm_element_size(t), ref_off = 2 * (size_t)index;
    uint8_t ref_image[2];
    mm_ref ref;

    if (t == 0 || len % size != 0 || len / size > MM_ARRAY_MAX || ref_off + 2 > pkg->statics_len)
        return MM_MALFORMED;
    ref = mm_heap_new(vm, t, NULL, (uint16_t)(len / size), MM_PERSISTENT, pkg->comp);
    if (ref == MM_REF_NULL)
        return MM_NO_MEMORY;
    for (size_t i = 0; i < len; i += size) {
        uint8_t element[4]; /* the file has them big-endian, the heap in host order */
        for (size_t k = 0; k < size; k++)
            element[k] = bytes[i + size - 1 - k];
        if (mm_obj_write(vm, ref, i, element, size, MM_WRITE_NONATOMIC) != MM_RUN_OK)
            return MM_IO;
    }
    mm_put_be16(ref_image, ref);
    return mm_rec_write(vm->nvm, MM_KEY_PACKAGE_STATICS(pkg->comp), ref_off, ref_image, 2);
}

/* Array initialisers: persistent arrays of the package itself. No applet instance exists yet, and
 * the package's context may use them whichever of its instances runs. */
static enum mm_status arrays_make(struct mm_vm *vm, const struct mm_package *pkg,
                                  struct mm_err *err)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_STATIC_FIELD);
    struct mm_rd rd;
    uint16_t n;

    mm_rd_init(&rd, c->info, c->info != NULL ? c->len : 0);
    if (c->info == NULL)
        return MM_OK;
    (void)mm_rd_u16(&rd);
    (void)mm_rd_u16(&rd);
    n = mm_rd_u16(&rd);
    for (unsigned i = 0; i < n; i++) {
        uint8_t type = mm_rd_u8(&rd);
        uint16_t len = mm_rd_u16(&rd);
        const uint8_t *bytes = mm_rd_bytes(&rd, len);
        enum mm_status st = rd.bad ? MM_MALFORMED : array_init(vm, pkg, i, type, bytes, len);
        if (st != MM_OK)
            return mm_fail(err, st, rd.off, "StaticField component: array initialiser %u", i);
    }
    return MM_OK;
}

/* ---- Public ---- */

enum mm_status mm_vm_package_load(struct mm_vm *vm, mm_comp package, const struct mm_cap *cap,
                                  bool verified, struct mm_err *err)
{
    size_t len = 0;
    const uint8_t *lfdb = mm_cap_lfdb(cap, &len);
    struct mm_package *pkg;
    enum mm_status st;

    mm_heap_sync(vm);
    if (mm_package_get(vm, package) != NULL || mm_vm_package_find(vm, mm_cap_aid(cap)) != 0)
        return mm_fail(err, MM_EXISTS, SIZE_MAX, "the package is loaded already");
    st = mm_rec_new(vm->nvm, MM_KEY_PACKAGE_LFDB(package), package, len);
    if (st == MM_OK)
        st = mm_rec_write_nonatomic(vm->nvm, MM_KEY_PACKAGE_LFDB(package), 0, lfdb, len);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "load file of %zu bytes: %s", len, mm_status_text(st));
    st = statics_store(vm, package, cap, err);
    if (st == MM_OK)
        st = link_cap(vm, package, mm_cap_share(cap), verified, err);
    if (st != MM_OK)
        return st;
    pkg = vm->packages[vm->package_n - 1];
    if (mm_tx_active(vm->nvm))
        pkg->loaded_in_tx = vm->tx_packages = true;
    st = arrays_make(vm, pkg, err);
    if (st != MM_OK) {
        drop_entries(vm, pkg->comp, pkg);
        unlist(vm, pkg);
    }
    return st;
}

enum mm_status mm_vm_package_unload(struct mm_vm *vm, mm_comp package, struct mm_err *err)
{
    struct mm_package *pkg = mm_package_get(vm, package);

    mm_heap_sync(vm);
    if (pkg == NULL) { /* damaged, never linked: it has no more than its arrays */
        drop_entries(vm, package, NULL);
        return MM_OK;
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_package *other = vm->packages[i];
        for (size_t k = 0; k < mm_cap_import_n(other->cap); k++) {
            if (other->imports[k].pkg == pkg)
                return mm_fail(err, MM_STATE, SIZE_MAX, "another package imports it");
        }
    }
    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        if (o->type != MM_TYPE_NONE && o->cls != NULL && o->cls->pkg == pkg && o->ctx != package &&
            o->ctx != MM_CONTEXT_NONE)
            return mm_fail(err, MM_STATE, SIZE_MAX, "another applet has an object of its classes");
    }
    vm->tx_forgot |= mm_tx_active(vm->nvm);
    drop_entries(vm, package, pkg);
    unlist(vm, pkg);
    return MM_OK;
}

bool mm_vm_package_usable(const struct mm_vm *vm, mm_comp package)
{
    return mm_package_get(vm, package) != NULL;
}

const struct mm_cap *mm_vm_package_cap(const struct mm_vm *vm, mm_comp package)
{
    const struct mm_package *pkg = mm_package_get(vm, package);

    return pkg != NULL ? pkg->cap : NULL;
}

mm_comp mm_vm_package_find(const struct mm_vm *vm, const struct mm_aid *aid)
{
    for (size_t i = 0; i < vm->package_n; i++) {
        if (mm_aid_equal(mm_cap_aid(vm->packages[i]->cap), aid))
            return vm->packages[i]->comp;
    }
    return 0;
}

const uint8_t *mm_vm_package_statics(const struct mm_vm *vm, mm_comp package, size_t *len,
                                     size_t *ref_n)
{
    const struct mm_package *pkg = mm_package_get(vm, package);

    *len = pkg != NULL ? pkg->statics_len : 0;
    *ref_n = pkg != NULL ? pkg->statics_ref_n : 0;
    return pkg != NULL ? pkg->statics : NULL;
}
