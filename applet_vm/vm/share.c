/* Shares of transient memory: limits and reservations by owner (GPCS 9.7 asks for them). */
#include <stdlib.h>
#include <string.h>

#include "applet_vm/vm/vm_int.h"

size_t mm_vm_transient_used(const struct mm_vm *vm, mm_comp owner)
{
    size_t used = 0;

    for (uint32_t ref = 0; ref < vm->ref_end; ref++) {
        const struct mm_object *o = &vm->objs[ref];
        if (o->type != MM_TYPE_NONE && o->transient != MM_PERSISTENT && o->owner == owner)
            used += mm_heap_content_len(o->type, o->n);
    }
    return used;
}

size_t mm_transient_room(const struct mm_vm *vm, mm_comp owner)
{
    size_t taken = vm->transient_used, room, limit = SIZE_MAX;

    for (size_t i = 0; i < vm->share_n; i++) {
        const struct mm_transient_share *s = &vm->shares[i];
        size_t used = mm_vm_transient_used(vm, s->owner);

        if (s->owner == owner && s->max != 0)
            limit = used < s->max ? s->max - used : 0;
        else if (s->owner != owner && used < s->min)
            taken += s->min - used;
    }
    room = taken < vm->cfg.transient_max ? vm->cfg.transient_max - taken : 0;
    return room < limit ? room : limit;
}

enum mm_status mm_vm_transient_shares(struct mm_vm *vm, const struct mm_transient_share *shares,
                                      size_t share_n)
{
    struct mm_transient_share *copy = NULL;

    if (share_n > 0) {
        copy = malloc(share_n * sizeof(*copy));
        if (copy == NULL)
            return MM_NO_MEMORY;
        memcpy(copy, shares, share_n * sizeof(*copy));
    }
    free(vm->shares);
    vm->shares = copy;
    vm->share_n = share_n;
    return MM_OK;
}
