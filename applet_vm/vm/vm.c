/* The VM handle: power-on, reset, contexts, what belongs to no other file. */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "heap object records are little-endian (vm_int.h)"
#endif

#define DEFAULT_STEPS     ((uint64_t)1 << 32)
#define DEFAULT_TRANSIENT 0x4000

static enum mm_status start(struct mm_vm *vm, struct mm_err *err)
{
    enum mm_status st = mm_rom_build(vm, err);

    if (st != MM_OK)
        return st;
    mm_packages_read(vm);
    st = mm_heap_rebuild(vm);
    if (st == MM_OK)
        st = mm_exceptions_new(vm);
    if (st == MM_OK) {
        vm->install_params = mm_vm_new_global_array(vm, MM_TYPE_BYTE, UINT8_MAX);
        if (vm->install_params == MM_REF_NULL)
            st = MM_NO_MEMORY;
    }
    return st == MM_OK
               ? st
               : mm_fail(err, st, SIZE_MAX, "the VM does not start: %s", mm_status_text(st));
}

enum mm_status mm_vm_new(const struct mm_vm_config *cfg, struct mm_vm **out, struct mm_err *err)
{
    struct mm_vm *vm = calloc(1, sizeof(*vm));
    enum mm_status st = MM_NO_MEMORY;

    *out = NULL;
    if (vm == NULL)
        return mm_fail(err, st, SIZE_MAX, "out of memory");
    vm->cfg = *cfg;
    vm->nvm = cfg->nvm;
    if (vm->cfg.step_budget == 0)
        vm->cfg.step_budget = DEFAULT_STEPS;
    if (vm->cfg.transient_max == 0)
        vm->cfg.transient_max = DEFAULT_TRANSIENT;
    vm->next_ref = MM_REF_RAM_MAX + 1;
#ifdef MM_SWITCH_DISPATCH
    vm->interp = mm_interp_switch;
#else
    vm->interp = mm_interp_goto;
#endif
    vm->objs = calloc(MM_OBJECT_MAX, sizeof(*vm->objs));
    vm->bound = calloc(MM_COMP_MAX + 1, sizeof(*vm->bound));
    if (vm->objs != NULL && vm->bound != NULL)
        st = start(vm, err);
    else
        st = mm_fail(err, st, SIZE_MAX, "out of memory");
    if (st != MM_OK) {
        mm_vm_free(&vm);
        return st;
    }
    *out = vm;
    return MM_OK;
}

void mm_vm_free(struct mm_vm **vm_p)
{
    struct mm_vm *vm = *vm_p;

    if (vm == NULL)
        return;
    if (vm->api_release != NULL)
        vm->api_release(vm->api_state);
    vm->api_gone = NULL;
    for (uint32_t i = 0; vm->objs != NULL && i < vm->ref_end; i++)
        mm_heap_drop_entry(vm, (mm_ref)i);
    for (size_t i = 0; i < vm->package_n; i++)
        mm_package_free(vm->packages[i]);
    mm_arena_clear(&vm->rom_arena);
    free(vm->objs);
    free(vm->bound);
    free(vm->tx_refs);
    free(vm->deselect);
    free(vm->shares);
    free(vm);
    *vm_p = NULL;
}

void mm_vm_reset(struct mm_vm *vm)
{
    mm_heap_sync(vm);
    mm_heap_clear_transients(vm, MM_CLEAR_ON_RESET, 0, true);
    mm_heap_clear_transients(vm, MM_CLEAR_ON_DESELECT, 0, true);
    memset(vm->objs[vm->install_params].data, 0, UINT8_MAX);
    memset(vm->stack, 0, sizeof(vm->stack));
    vm->depth = 0;
    vm->nest = 0;
    vm->ctx = vm->owner = vm->previous = 0;
    mm_heap_select(vm, 0);
    vm->thrown = MM_REF_NULL;
    vm->exception = (struct mm_exception){.class_name = vm->throwable_class->rom->name};
    vm->fault = NULL;
}

/* Objects of the owner get their context when it is known: at power-on that is after the object
 * table was built. */
static void set_contexts(struct mm_vm *vm, mm_comp owner)
{
    for (size_t i = MM_REF_RAM_MAX + 1; i < vm->ref_end; i++) {
        if (vm->objs[i].owner == owner && vm->objs[i].type != MM_TYPE_NONE)
            mm_heap_place(vm, (mm_ref)i);
    }
}

void mm_vm_applet_bind(struct mm_vm *vm, mm_comp owner, mm_comp package)
{
    mm_heap_sync(vm);
    if (owner == 0 || owner > MM_COMP_MAX || vm->bound[owner] == package)
        return;
    vm->bound[owner] = package;
    set_contexts(vm, owner);
}

void mm_vm_applet_unbind(struct mm_vm *vm, mm_comp owner)
{
    if (owner == 0 || owner > MM_COMP_MAX)
        return;
    vm->bound[owner] = 0;
    set_contexts(vm, owner);
}

void mm_vm_clear_on_deselect(struct mm_vm *vm, mm_comp package)
{
    mm_heap_clear_transients(vm, MM_CLEAR_ON_DESELECT, package, false);
}

void mm_vm_transients_take(struct mm_vm *vm, const struct mm_vm *from)
{
    mm_heap_sync(vm);
    for (uint32_t i = MM_REF_RAM_MAX + 1; i < vm->ref_end && i < from->ref_end; i++) {
        const struct mm_object *o = &from->objs[i];
        struct mm_object *n = &vm->objs[i];
        if (n->transient != MM_PERSISTENT && n->transient == o->transient && n->type == o->type &&
            n->n == o->n && n->owner == o->owner)
            memcpy(n->data, o->data, n->n * mm_element_size(n->type) + MM_CONTROL);
    }
}

const struct mm_vm_services *mm_vm_services(struct mm_vm *vm)
{
    return vm->cfg.services;
}

struct mm_nvm *mm_vm_nvm(struct mm_vm *vm)
{
    return vm->nvm;
}

void mm_vm_tx_abort(struct mm_vm *vm)
{
    mm_tx_abort(vm->nvm);
    mm_heap_sync(vm);
}

void mm_vm_tx_applet_abort(struct mm_vm *vm)
{
    mm_tx_applet_abort(vm->nvm);
    mm_heap_undo(vm);
    mm_heap_sync(vm);
}

void mm_vm_api_state_set(struct mm_vm *vm, void *state, void (*release)(void *state))
{
    vm->api_state = state;
    vm->api_release = release;
}

void *mm_vm_api_state(struct mm_vm *vm)
{
    return vm->api_state;
}

void mm_vm_api_gone_set(struct mm_vm *vm, void (*gone)(struct mm_vm *vm, mm_ref ref))
{
    vm->api_gone = gone;
}

mm_comp mm_vm_context(const struct mm_vm *vm)
{
    return vm->ctx;
}

mm_comp mm_vm_context_of(const struct mm_vm *vm, mm_comp owner)
{
    return mm_heap_context(vm, owner);
}

bool mm_vm_context_selected(const struct mm_vm *vm)
{
    return vm->ctx == 0 || vm->ctx == vm->selected;
}

mm_comp mm_vm_owner(const struct mm_vm *vm)
{
    return vm->owner;
}

mm_comp mm_vm_previous_owner(const struct mm_vm *vm)
{
    return vm->previous;
}

mm_comp mm_vm_calling_owner(const struct mm_vm *vm)
{
    return vm->depth != 0 ? vm->frames[vm->depth - 1].owner : vm->owner;
}
