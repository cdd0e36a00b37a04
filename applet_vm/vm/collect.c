/*
 * Object deletion (JCRE 3.0.5, chapter 11): mark from the roots, free the rest; and whether an
 * applet's objects may go.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

struct marks {
    uint8_t seen[MM_OBJECT_MAX / 8];
    mm_ref todo[MM_OBJECT_MAX]; /* each object enters once */
    size_t todo_n;
};

static void mark(struct marks *k, const struct mm_vm *vm, mm_ref ref)
{
    if (vm->objs[ref].type == MM_TYPE_NONE || (k->seen[ref / 8] & 1 << ref % 8) != 0)
        return;
    k->seen[ref / 8] = (uint8_t)(k->seen[ref / 8] | 1 << ref % 8);
    k->todo[k->todo_n++] = ref;
}

static void mark_reached(struct marks *k, const struct mm_vm *vm)
{
    while (k->todo_n != 0) {
        const struct mm_object *o = &vm->objs[k->todo[--k->todo_n]];
        for (size_t i = 0; mm_has_refs(o) && i < mm_cell_n(o); i++)
            mark(k, vm, mm_ref_at(o, i));
    }
}

static void mark_roots(struct marks *k, const struct mm_vm *vm, const mm_ref *roots, size_t root_n)
{
    for (size_t i = 0; i < root_n; i++)
        mark(k, vm, roots[i]);
    for (uint32_t ref = 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        /* The JCRE's own of this session, and those of applets whose package is damaged: kept as they
         * are. A permanent entry point lives as long as someone refers to it. */
        if (o->type != MM_TYPE_NONE && !mm_object_permanent(o) &&
            (o->owner == 0 || mm_package_get(vm, mm_heap_context(vm, o->owner)) == NULL))
            mark(k, vm, (mm_ref)ref);
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_package *p = vm->packages[i];
        for (size_t r = 0; r < p->statics_ref_n; r++)
            mark(k, vm, mm_be16(p->statics + 2 * r));
    }
}

void mm_vm_collect(struct mm_vm *vm, const mm_ref *roots, size_t root_n)
{
    struct marks *k;

    mm_heap_sync(vm);
    if (vm->depth != 0 ||
        mm_tx_active(vm->nvm)) /* frames hold references; deletions are not undone */
        return;
    if ((k = calloc(1, sizeof(*k))) == NULL)
        return; /* asked for again at the next request */
    mark_roots(k, vm, roots, root_n);
    mark_reached(k, vm);
    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < vm->ref_end; ref++) {
        if (vm->objs[ref].type == MM_TYPE_NONE || (k->seen[ref / 8] & 1 << ref % 8) != 0)
            continue;
        if (mm_rec_delete(vm->nvm, ref) == MM_OK)
            mm_heap_drop_entry(vm, (mm_ref)ref);
    }
    free(k);
    vm->collect_wanted = false;
}

void mm_vm_collect_request(struct mm_vm *vm)
{
    vm->collect_wanted = true;
}

bool mm_vm_collect_wanted(const struct mm_vm *vm)
{
    return vm->collect_wanted;
}

static bool owned(const struct mm_vm *vm, mm_ref ref, mm_comp owner)
{
    return vm->objs[ref].type != MM_TYPE_NONE && vm->objs[ref].owner == owner;
}

enum mm_status mm_vm_owner_deletable_with(struct mm_vm *vm, mm_comp owner, mm_comp package)
{
    mm_heap_sync(vm);
    for (uint32_t ref = 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        if (!mm_has_refs(o) || o->owner == owner || (package != 0 && o->owner == package))
            continue;
        for (size_t i = 0; i < mm_cell_n(o); i++) {
            if (owned(vm, mm_ref_at(o, i), owner))
                return MM_STATE;
        }
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_package *p = vm->packages[i];
        for (size_t r = 0; p->comp != package && r < p->statics_ref_n; r++) {
            if (owned(vm, mm_be16(p->statics + 2 * r), owner))
                return MM_STATE;
        }
    }
    return MM_OK;
}

enum mm_status mm_vm_owner_deletable(struct mm_vm *vm, mm_comp owner)
{
    return mm_vm_owner_deletable_with(vm, owner, 0);
}

void mm_vm_objects_forget(struct mm_vm *vm, mm_comp owner)
{
    vm->tx_forgot |= mm_tx_active(vm->nvm);
    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < vm->ref_end; ref++) {
        if (owned(vm, (mm_ref)ref, owner))
            mm_heap_drop_entry(vm, (mm_ref)ref);
    }
}

/* One reference of an object that leads nowhere any more. */
static enum mm_status drop_reference(struct mm_vm *vm, mm_ref ref, size_t off)
{
    static const uint8_t null[2];
    struct mm_object *o = &vm->objs[ref];
    enum mm_run run = MM_RUN_OK;

    if ((o->flags & MM_OBJ_RAM) != 0) {
        memset(o->data + off, 0, sizeof(null));
        if ((o->flags & MM_OBJ_SENSE) != 0)
            mm_sensitive_renew(o);
        return MM_OK;
    }
    if ((o->flags & MM_OBJ_SENSE) == 0)
        return mm_rec_write(vm->nvm, ref, MM_OBJECT_HEADER + off, null, sizeof(null));
    run = mm_sensitive_write(vm, ref, off, null, sizeof(null), MM_WRITE_ATOMIC);
    /* What was broken before is cleared as a whole. */
    if (run == MM_RUN_THROWN)
        run = mm_vm_sensitive_clear(vm, ref);
    return run == MM_RUN_OK ? MM_OK : MM_IO;
}

static bool dangling(const struct mm_vm *vm, mm_ref ref)
{
    return ref > MM_REF_RAM_MAX && mm_rec_data(vm->nvm, ref, NULL) == NULL;
}

enum mm_status mm_vm_references_drop(struct mm_vm *vm)
{
    static const uint8_t null[2];
    enum mm_status st = MM_OK;

    mm_heap_sync(vm);
    for (uint32_t ref = 1; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        for (size_t i = 0; st == MM_OK && mm_has_refs(o) && i < mm_cell_n(o); i++) {
            if (dangling(vm, mm_ref_at(o, i)))
                st = drop_reference(vm, (mm_ref)ref, 2 * i);
        }
    }
    for (size_t i = 0; i < vm->package_n; i++) {
        const struct mm_package *p = vm->packages[i];
        for (size_t r = 0; st == MM_OK && r < p->statics_ref_n; r++) {
            if (dangling(vm, mm_be16(p->statics + 2 * r)))
                st = mm_rec_write(vm->nvm, MM_KEY_PACKAGE_STATICS(p->comp), 2 * r, null,
                                  sizeof(null));
        }
    }
    return st;
}
