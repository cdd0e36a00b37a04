/*
 * ROM classes: the API tables (struct mm_rom_package) made into the same struct mm_class and
 * struct mm_method that packages have, so that nothing after linking has to tell them apart.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

/* FNV-1a, 32 bits: the class id in an object header. */
static uint32_t name_hash(const char *name)
{
    uint32_t h = 0x811c9dc5;

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 0x01000193;
    return h;
}

static int by_name(const void *a, const void *b)
{
    const struct mm_class *const *x = a, *const *y = b;

    return strcmp((*x)->rom->name, (*y)->rom->name);
}

size_t mm_rom_index(const struct mm_vm *vm, const struct mm_class *cls)
{
    size_t lo = 0, hi = vm->rom_class_n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(vm->rom_by_name[mid]->rom->name, cls->rom->name);
        if (c == 0)
            return mid;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return vm->rom_class_n;
}

const struct mm_class *mm_rom_find(const struct mm_vm *vm, const char *name)
{
    struct mm_rom_class rom = {.name = name};
    struct mm_class key = {.rom = &rom};
    size_t i = mm_rom_index(vm, &key);

    return i < vm->rom_class_n ? vm->rom_by_name[i] : NULL;
}

const struct mm_class *mm_rom_by_id(const struct mm_vm *vm, uint32_t id)
{
    for (size_t i = 0; i < vm->rom_class_n; i++) {
        if (vm->rom_by_name[i]->id == id)
            return vm->rom_by_name[i];
    }
    return NULL;
}

const struct mm_class *mm_rom_class(const struct mm_rom_unit *rom, uint8_t token)
{
    for (size_t i = 0; i < rom->rom->class_n; i++) {
        if (rom->classes[i].rom->token == token)
            return &rom->classes[i];
    }
    return NULL;
}

static bool is_static(const struct mm_rom_method *m)
{
    return (m->access & 0x0008) != 0 || strcmp(m->name, "<init>") == 0;
}

struct mm_method *mm_rom_static(const struct mm_class *cls, uint8_t token)
{
    for (size_t i = 0; i < cls->rom->method_n; i++) {
        if (cls->rom->methods[i].token == token && is_static(&cls->rom->methods[i]))
            return &cls->rom_methods[i];
    }
    return NULL;
}

static uint8_t token_of(const struct mm_class *cls, const struct mm_rom_method *m)
{
    for (uint16_t t = 0; t < cls->pub_n; t++) {
        const struct mm_method *own = cls->pub[t];
        if (own != NULL && own->rom != NULL && strcmp(own->rom->name, m->name) == 0 &&
            strcmp(own->rom->descriptor, m->descriptor) == 0)
            return (uint8_t)t;
    }
    return 0xFF;
}

/* Own methods, and the table of virtual ones on top of the superclass's. */
static enum mm_status build_methods(struct mm_vm *vm, struct mm_class *cls)
{
    const struct mm_rom_class *rom = cls->rom;
    uint16_t n = cls->super != NULL ? cls->super->pub_n : 0;

    cls->rom_methods = mm_arena_alloc(&vm->rom_arena, rom->method_n + 1, sizeof(struct mm_method));
    if (cls->rom_methods == NULL)
        return MM_NO_MEMORY;
    for (size_t i = 0; i < rom->method_n; i++) {
        const struct mm_rom_method *r = &rom->methods[i];
        cls->rom_methods[i] = (struct mm_method){
            .native = r->native,
            .rom = r,
            .rom_class = cls,
            .args = r->arg_cells,
            .ret = r->ret_cells,
            .abstract = cls->interface || (r->access & 0x0400) != 0,
        };
        if (!is_static(r) && r->token >= n)
            n = (uint16_t)(r->token + 1);
    }
    cls->pub_n = n;
    cls->pub = mm_arena_alloc(&vm->rom_arena, n + 1u, sizeof(*cls->pub));
    if (cls->pub == NULL)
        return MM_NO_MEMORY;
    if (cls->super != NULL)
        memcpy(cls->pub, cls->super->pub, cls->super->pub_n * sizeof(*cls->pub));
    for (size_t i = 0; i < rom->method_n; i++) {
        if (!is_static(&rom->methods[i]))
            cls->pub[rom->methods[i].token] = &cls->rom_methods[i];
    }
    return MM_OK;
}

static enum mm_status build_impls(struct mm_vm *vm, struct mm_class *cls, struct mm_err *err)
{
    const char *const *names = cls->rom->interfaces;
    size_t n = 0;

    while (names != NULL && names[n] != NULL)
        n++;
    cls->impls = mm_arena_alloc(&vm->rom_arena, n + 1, sizeof(*cls->impls));
    if (cls->impls == NULL)
        return MM_NO_MEMORY;
    for (; cls->impl_n < n; cls->impl_n++) {
        const struct mm_class *iface = mm_rom_find(vm, names[cls->impl_n]);
        uint8_t *tokens;

        if (iface == NULL)
            return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: no interface %s in ROM",
                           cls->rom->name, names[cls->impl_n]);
        tokens = mm_arena_alloc(&vm->rom_arena, 256, 1);
        if (tokens == NULL)
            return MM_NO_MEMORY;
        memset(tokens, 0xFF, 256);
        for (size_t i = 0; i < iface->rom->method_n; i++)
            tokens[iface->rom->methods[i].token] = token_of(cls, &iface->rom->methods[i]);
        cls->impls[cls->impl_n] = (struct mm_impl){.iface = iface, .n = 256, .tokens = tokens};
        cls->shareable |= iface->shareable;
    }
    return MM_OK;
}

static enum mm_status build_cells(struct mm_vm *vm, struct mm_class *cls, struct mm_err *err)
{
    const struct mm_rom_class *rom = cls->rom;
    unsigned first = cls->super != NULL ? cls->super->cells : 0;
    uint8_t *is_ref;

    if (first + rom->native_cells > MM_CELLS_MAX || rom->native_refs > rom->native_cells)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: native cells", rom->name);
    cls->first_cell = (uint16_t)first;
    cls->cells = (uint16_t)(first + rom->native_cells);
    is_ref = mm_arena_alloc(&vm->rom_arena, cls->cells + 1u, 1);
    if (is_ref == NULL)
        return MM_NO_MEMORY;
    if (cls->super != NULL)
        memcpy(is_ref, cls->super->is_ref, first);
    memset(is_ref + first, 1, rom->native_refs);
    cls->is_ref = is_ref;
    return MM_OK;
}

/* Superclass first; is_ref tells that a class is done. */
static enum mm_status build_class(struct mm_vm *vm, struct mm_class *cls, unsigned level,
                                  struct mm_err *err)
{
    enum mm_status st;

    if (cls->is_ref != NULL)
        return MM_OK;
    if (cls->rom->super != NULL) {
        const struct mm_class *super = mm_rom_find(vm, cls->rom->super);
        if (super == NULL || level > 32)
            return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: no superclass %s in ROM",
                           cls->rom->name, cls->rom->super);
        /* all ROM classes are in vm->roms, which is writable */
        st = build_class(vm, (struct mm_class *)(uintptr_t)super, level + 1, err);
        if (st != MM_OK)
            return st;
        cls->super = super;
    }
    if ((st = build_methods(vm, cls)) != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "%s: out of memory", cls->rom->name);
    return build_cells(vm, cls, err);
}

static enum mm_status add_units(struct mm_vm *vm)
{
    const struct mm_rom_package *const *rom = vm->cfg.rom;
    size_t k = 0;

    while (rom[vm->rom_n] != NULL)
        vm->rom_class_n += rom[vm->rom_n++]->class_n;
    vm->roms = mm_arena_alloc(&vm->rom_arena, vm->rom_n + 1, sizeof(*vm->roms));
    vm->rom_by_name =
        mm_arena_alloc(&vm->rom_arena, vm->rom_class_n + 1, sizeof(struct mm_class *));
    if (vm->roms == NULL || vm->rom_by_name == NULL)
        return MM_NO_MEMORY;
    for (size_t i = 0; i < vm->rom_n; i++) {
        struct mm_class *cls =
            mm_arena_alloc(&vm->rom_arena, rom[i]->class_n + 1, sizeof(struct mm_class));
        if (cls == NULL)
            return MM_NO_MEMORY;
        vm->roms[i] = (struct mm_rom_unit){.rom = rom[i], .classes = cls};
        for (size_t j = 0; j < rom[i]->class_n; j++) {
            const struct mm_rom_class *r = &rom[i]->classes[j];
            cls[j].rom = r;
            cls[j].api_name = r->name;
            cls[j].id = name_hash(r->name);
            cls[j].off = r->token;
            cls[j].interface = (r->access & 0x0200) != 0;
            cls[j].abstract = (r->access & 0x0400) != 0;
            cls[j].shareable =
                cls[j].interface &&
                ((r->access & 0x0800) != 0 || strcmp(r->name, "javacard/framework/Shareable") == 0);
            vm->rom_by_name[k++] = &cls[j];
        }
    }
    qsort(vm->rom_by_name, k, sizeof(struct mm_class *), by_name);
    return MM_OK;
}

enum mm_status mm_rom_build(struct mm_vm *vm, struct mm_err *err)
{
    enum mm_status st = add_units(vm);

    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "ROM classes: out of memory");
    for (size_t i = 0; i < vm->rom_n; i++) {
        for (size_t j = 0; j < vm->roms[i].rom->class_n; j++) {
            st = build_class(vm, &vm->roms[i].classes[j], 0, err);
            if (st != MM_OK)
                return st;
        }
    }
    for (size_t i = 0; i < vm->rom_n; i++) {
        for (size_t j = 0; j < vm->roms[i].rom->class_n; j++) {
            st = build_impls(vm, &vm->roms[i].classes[j], err);
            if (st != MM_OK)
                return st;
        }
    }
    vm->object_class = mm_rom_find(vm, "java/lang/Object");
    vm->throwable_class = mm_rom_find(vm, "java/lang/Throwable");
    vm->applet_class = mm_rom_find(vm, "javacard/framework/Applet");
    if (vm->object_class == NULL || vm->throwable_class == NULL || vm->applet_class == NULL)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX,
                       "ROM classes: java/lang/Object, java/lang/Throwable and "
                       "javacard/framework/Applet must be there");
    mm_calls_find(vm);
    return MM_OK;
}
