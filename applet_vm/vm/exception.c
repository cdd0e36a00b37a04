/*
 * Exceptions. The JCRE's own instances are temporary entry points (JCRE 3.0.5, 6.2.1), one for each
 * ROM exception class, made at power-on; the reason is in the first hidden cell of CardException or
 * CardRuntimeException.
 */
#include "applet_vm/vm/vm_int.h"

static const char *const class_names[MM_EXC_N] = {
#define X(id, name) name,
    MM_VM_EXCEPTIONS(X)
#undef X
};

/* The cell that holds the reason; false when the class has none. */
static bool reason_cell(const struct mm_class *cls, uint16_t *cell)
{
    for (; cls != NULL; cls = cls->super) {
        if (cls->rom == NULL || cls->rom->native_cells == 0)
            continue;
        if (strcmp(cls->rom->name, "javacard/framework/CardRuntimeException") == 0 ||
            strcmp(cls->rom->name, "javacard/framework/CardException") == 0) {
            *cell = cls->first_cell;
            return true;
        }
    }
    return false;
}

enum mm_status mm_exceptions_new(struct mm_vm *vm)
{
    vm->exceptions = mm_arena_alloc(&vm->rom_arena, vm->rom_class_n + 1, sizeof(*vm->exceptions));
    if (vm->exceptions == NULL)
        return MM_NO_MEMORY;
    for (size_t i = 0; i < vm->rom_class_n; i++) {
        const struct mm_class *cls = vm->rom_by_name[i];
        if (cls->interface || !mm_class_is(cls, vm->throwable_class))
            continue;
        vm->exceptions[i] =
            mm_heap_new_ram(vm, MM_TYPE_INSTANCE, cls, cls->cells, MM_OBJ_ENTRY | MM_OBJ_TEMP);
        if (vm->exceptions[i] == MM_REF_NULL)
            return MM_NO_MEMORY;
    }
    for (size_t i = 0; i < MM_EXC_N; i++)
        vm->exception_class[i] = mm_rom_find(vm, class_names[i]);
    return MM_OK;
}

static enum mm_run throw_class(struct mm_vm *vm, const struct mm_class *cls, uint16_t reason)
{
    size_t i = cls != NULL ? mm_rom_index(vm, cls) : vm->rom_class_n;
    uint16_t cell;

    if (i == vm->rom_class_n || vm->exceptions[i] == MM_REF_NULL)
        return mm_fault(vm, "the API has no such exception class");
    if (reason_cell(cls, &cell))
        memcpy(vm->objs[vm->exceptions[i]].data + 2u * cell, &reason, 2);
    return mm_vm_throw_ref(vm, vm->exceptions[i]);
}

enum mm_run mm_vm_throw_ref(struct mm_vm *vm, mm_ref exception)
{
    vm->thrown = exception;
    mm_exception_keep(vm);
    return MM_RUN_THROWN;
}

enum mm_run mm_vm_throw(struct mm_vm *vm, const char *class_name, uint16_t reason)
{
    return throw_class(vm, mm_rom_find(vm, class_name), reason);
}

enum mm_run mm_throw(struct mm_vm *vm, enum mm_vm_exc which, uint16_t reason)
{
    return throw_class(vm, vm->exception_class[which], reason);
}

enum mm_run mm_fault(struct mm_vm *vm, const char *why)
{
    vm->fault = why;
    return MM_RUN_FAULT;
}

const char *mm_vm_fault(const struct mm_vm *vm)
{
    return vm->fault != NULL ? vm->fault : "none";
}

/* The table is searched from its start; an entry with the stop bit that covers pc ends the search
 * (JCVM 3.0.5, 6.10.1). */
const struct mm_handler *mm_handler_find(const struct mm_vm *vm, const struct mm_method *m,
                                         uint32_t pc)
{
    for (size_t i = 0; i < m->handler_n; i++) {
        const struct mm_handler *h = &m->handlers[i];
        if (pc < h->first || pc >= h->end)
            continue;
        if (h->catch_class == NULL || mm_object_is(vm, &vm->objs[vm->thrown], 0, h->catch_class))
            return h;
        if (h->stop)
            break;
    }
    return NULL;
}

void mm_exception_keep(struct mm_vm *vm)
{
    const struct mm_object *o = &vm->objs[vm->thrown];
    uint16_t cell;

    vm->exception =
        (struct mm_exception){.class_name = vm->throwable_class->rom->name, .ref = vm->thrown};
    if (o->type != MM_TYPE_INSTANCE)
        return;
    vm->exception.class_name = o->cls->api_name;
    if (reason_cell(o->cls, &cell))
        vm->exception.reason = mm_cell(o->data, cell);
}

const struct mm_exception *mm_vm_exception(const struct mm_vm *vm)
{
    return &vm->exception;
}
