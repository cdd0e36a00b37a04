/*
 * Objects that outlive their package (GPCS Amendment H: ELF upgrade): of the instances that go with
 * it, what the given roots lead to stays, the rest is deleted.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

struct keep {
    struct mm_vm *vm;
    const struct mm_leaving *leaving;
    mm_comp *by;  /* by ref: the instance that keeps the object; 0: nobody */
    mm_ref *todo; /* each object enters once */
    size_t todo_n;
};

/* Would the object go: is it an instance's that leaves, or an array of the package's own? */
static bool leaves(const struct keep *k, const struct mm_object *o)
{
    if (o->type == MM_TYPE_NONE || o->owner == 0)
        return false;
    if (o->owner == k->leaving->package)
        return true;
    for (size_t i = 0; i < k->leaving->n; i++) {
        if (k->leaving->owners[i] == o->owner)
            return true;
    }
    return false;
}

static void reach(struct keep *k, mm_ref ref, mm_comp by)
{
    if (ref == MM_REF_NULL || k->by[ref] != 0 || !leaves(k, &k->vm->objs[ref]))
        return;
    k->by[ref] = by;
    k->todo[k->todo_n++] = ref;
}

/* All that the root leads to. MM_UNSUPPORTED: an instance of one of the package's classes, or an array
 * for such, is among it; without the package it would be of no class. */
static enum mm_status follow(struct keep *k, mm_ref root, mm_comp by)
{
    reach(k, root, by);
    while (k->todo_n != 0) {
        const struct mm_object *o = &k->vm->objs[k->todo[--k->todo_n]];

        if (o->cls != NULL && o->cls->pkg != NULL && o->cls->pkg->comp == k->leaving->package)
            return MM_UNSUPPORTED;
        for (size_t i = 0; mm_has_refs(o) && i < mm_cell_n(o); i++)
            reach(k, mm_ref_at(o, i), by);
    }
    return MM_OK;
}

static bool goes(const struct keep *k, mm_ref ref)
{
    return k->by[ref] == 0 && leaves(k, &k->vm->objs[ref]);
}

/* Does anybody else refer to what goes (JCRE 3.0.5, 11.3.4)? */
static bool needed_elsewhere(const struct keep *k)
{
    const struct mm_vm *vm = k->vm;

    for (uint32_t ref = 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        for (size_t i = 0; mm_has_refs(o) && !leaves(k, o) && i < mm_cell_n(o); i++) {
            if (goes(k, mm_ref_at(o, i)))
                return true;
        }
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_package *p = vm->packages[i];
        for (size_t r = 0; p->comp != k->leaving->package && r < p->statics_ref_n; r++) {
            if (goes(k, mm_be16(p->statics + 2 * r)))
                return true;
        }
    }
    return false;
}

/* An array of the package's becomes the instance's that keeps it, under the same handle. */
static enum mm_status give(struct mm_vm *vm, mm_ref ref, mm_comp owner)
{
    size_t len = 0;
    const uint8_t *rec = mm_rec_data(vm->nvm, ref, &len);
    uint8_t *copy = rec == NULL ? NULL : malloc(len);
    enum mm_status st;

    if (copy == NULL)
        return rec == NULL ? MM_NOT_FOUND : MM_NO_MEMORY;
    memcpy(copy, rec, len);
    st = mm_rec_delete(vm->nvm, ref);
    if (st == MM_OK)
        st = mm_rec_new(vm->nvm, ref, owner, len);
    if (st == MM_OK)
        st = mm_rec_write_nonatomic(vm->nvm, ref, 0, copy, len);
    free(copy);
    return st == MM_OK ? mm_heap_renew(vm, ref) : st;
}

static enum mm_status carry_out(const struct keep *k)
{
    struct mm_vm *vm = k->vm;
    enum mm_status st = MM_OK;

    vm->tx_forgot = true;
    for (uint32_t ref = MM_REF_RAM_MAX + 1; st == MM_OK && ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        if (!leaves(k, o))
            continue;
        if (k->by[ref] == 0 && o->owner != k->leaving->package)
            st = mm_vm_object_delete(vm, (mm_ref)ref);
        else if (k->by[ref] != 0 && o->owner == k->leaving->package)
            st = give(vm, (mm_ref)ref, k->by[ref]);
    }
    return st;
}

enum mm_status mm_vm_keep_reached(struct mm_vm *vm, const struct mm_leaving *leaving)
{
    struct keep k = {.vm = vm, .leaving = leaving};
    enum mm_status st = MM_NO_MEMORY;

    mm_heap_sync(vm);
    k.by = calloc(MM_OBJECT_MAX, sizeof(*k.by));
    k.todo = calloc(MM_OBJECT_MAX, sizeof(*k.todo));
    if (k.by == NULL || k.todo == NULL)
        goto out;
    st = MM_OK;
    for (size_t i = 0; st == MM_OK && i < leaving->n; i++)
        st = follow(&k, leaving->roots[i], leaving->owners[i]);
    if (st == MM_OK && needed_elsewhere(&k))
        st = MM_STATE;
    if (st == MM_OK)
        st = carry_out(&k);
out:
    free(k.by);
    free(k.todo);
    return st;
}

enum mm_status mm_vm_object_delete(struct mm_vm *vm, mm_ref ref)
{
    enum mm_status st = mm_rec_delete(vm->nvm, ref);

    vm->tx_forgot |= mm_tx_active(vm->nvm);
    if (st == MM_OK)
        mm_heap_drop_entry(vm, ref);
    return st;
}

mm_ref mm_vm_next_instance(const struct mm_vm *vm, const char *class_name, mm_ref after)
{
    const struct mm_class *cls = mm_rom_find(vm, class_name);
    uint32_t ref = after < MM_REF_RAM_MAX ? MM_REF_RAM_MAX : after;

    while (cls != NULL && ++ref < vm->ref_end) {
        const struct mm_object *o = &vm->objs[ref];
        if (o->type == MM_TYPE_INSTANCE && mm_class_is(o->cls, cls))
            return (mm_ref)ref;
    }
    return MM_REF_NULL;
}
