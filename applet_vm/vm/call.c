/* Calls into Java code from outside the interpreter: by the card and by natives. */
#include "applet_vm/vm/vm_int.h"

enum mm_run mm_method_ready(struct mm_vm *vm, const struct mm_method *m)
{
    struct mm_err err;

    if (mm_method_translate(vm, mm_package_method(m->pkg, m->off), &err) == MM_OK)
        return MM_RUN_OK;
    mm_log("error", "translate", "component %u: %s", m->pkg->comp, err.text);
    return mm_fault(vm, "a method that cannot be translated");
}

/* A frame for m on top of what is in use, its arguments copied. */
static enum mm_run push(struct mm_vm *vm, const struct mm_method *m, const uint16_t *args)
{
    uint16_t *loc = vm->depth != 0 ? vm->frames[vm->depth - 1].sp : vm->stack;
    struct mm_frame *f;

    if (vm->depth == MM_FRAME_MAX || vm->stack + MM_STACK_CELLS - loc < m->locals + m->max_stack ||
        vm->nest == MM_NEST_MAX)
        return mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_NO_RESOURCE);
    if (vm->budget < m->ins_n)
        return mm_fault(vm, "step budget is used up");
    vm->budget -= m->ins_n;
    for (size_t i = 0; i < m->args; i++) /* the cells may be the same */
        loc[i] = args[i];
    for (size_t i = m->args; i < m->locals; i++)
        loc[i] = 0;
    f = &vm->frames[vm->depth++];
    *f = (struct mm_frame){.m = m,
                           .ip = m->code,
                           .loc = loc,
                           .base = loc + m->locals,
                           .sp = loc + m->locals,
                           .ctx = vm->ctx,
                           .owner = vm->owner,
                           .previous = vm->previous};
    return MM_RUN_OK;
}

static enum mm_run run_code(struct mm_vm *vm, const struct mm_method *m, const uint16_t *args,
                            uint16_t *ret)
{
    size_t base = vm->depth;
    enum mm_run run = push(vm, m, args);

    if (run != MM_RUN_OK)
        return run;
    vm->nest++;
    run = vm->interp(vm, base);
    vm->nest--;
    if (run == MM_RUN_OK && ret != NULL)
        memcpy(ret, vm->ret, 2u * m->ret);
    return run;
}

enum mm_run mm_call(struct mm_vm *vm, const struct mm_method *m, const uint16_t *args, mm_comp ctx,
                    mm_comp owner, uint16_t *ret)
{
    mm_comp old_ctx = vm->ctx, old_owner = vm->owner, old_previous = vm->previous;
    enum mm_run run;

    if (m->abstract)
        return mm_fault(vm, "call of an abstract method");
    if (vm->nest == 0) {
        vm->budget = vm->cfg.step_budget;
        vm->fault = NULL;
        vm->entries++;
        mm_heap_sync(vm);
        mm_heap_undone_forget(vm);
    }
    if (ctx != vm->ctx || owner != vm->owner) {
        vm->previous = vm->owner;
        vm->ctx = ctx;
        vm->owner = owner;
    }
    run = mm_method_waits(m) ? mm_method_ready(vm, m) : MM_RUN_OK;
    if (run == MM_RUN_OK)
        run = m->code != NULL ? run_code(vm, m, args, ret) : mm_native_call(vm, m, args, ret);
    if (run == MM_RUN_THROWN)
        mm_exception_keep(vm); /* setReason may have come after the throw */
    vm->ctx = old_ctx;
    vm->owner = old_owner;
    vm->previous = old_previous;
    return run;
}

uint32_t mm_vm_entries(const struct mm_vm *vm)
{
    return vm->entries;
}

/* ---- By name, through the API's own declaration ---- */

static bool declared(const struct mm_class *cls, const char *name, const char *descriptor,
                     uint16_t *token)
{
    for (uint16_t t = 0; t < cls->pub_n; t++) {
        const struct mm_method *m = cls->pub[t];
        if (m != NULL && m->rom != NULL && strcmp(m->rom->name, name) == 0 &&
            strcmp(m->rom->descriptor, descriptor) == 0) {
            *token = t;
            return true;
        }
    }
    return false;
}

/* The object's own method for a declared one; NULL: it is no object of that class. */
static const struct mm_method *method_of(const struct mm_vm *vm, const struct mm_object *o,
                                         const struct mm_class *cls, uint16_t token)
{
    if (cls == NULL || o->type == MM_TYPE_NONE || !mm_object_is(vm, o, 0, cls))
        return NULL;
    return cls->interface ? mm_class_interface_method(o->cls, cls, token)
                          : mm_class_method(mm_object_class(vm, o), token, false);
}

/* m is what method_of found; the object table is in step with the transaction. */
static enum mm_run invoke(struct mm_vm *vm, mm_ref obj, const struct mm_method *m,
                          const uint16_t *args, size_t arg_n, uint16_t *ret)
{
    const struct mm_object *o = &vm->objs[obj];
    uint16_t cells[256], result[2] = {0};
    enum mm_run run;

    if (m == NULL || m->args != arg_n + 1 || o->ctx == MM_CONTEXT_NONE)
        return mm_fault(vm, "call of a method that the object does not have");
    cells[0] = obj;
    for (size_t i = 0; i < arg_n; i++)
        cells[1 + i] = args[i];
    run = mm_call(vm, m, cells, o->ctx, o->owner, result);
    if (run == MM_RUN_OK && ret != NULL && m->ret <= 2)
        memcpy(ret, result, 2u * m->ret);
    return run;
}

static const struct mm_method *by_name(const struct mm_vm *vm, mm_ref obj,
                                       const char *class_or_interface, const char *name,
                                       const char *descriptor)
{
    const struct mm_class *cls = mm_rom_find(vm, class_or_interface);
    uint16_t token;

    return cls != NULL && declared(cls, name, descriptor, &token)
               ? method_of(vm, &vm->objs[obj], cls, token)
               : NULL;
}

enum mm_run mm_vm_invoke_method(struct mm_vm *vm, mm_ref obj, const char *class_or_interface,
                                const char *name, const char *descriptor, const uint16_t *args,
                                size_t arg_n, uint16_t *ret)
{
    if (vm->nest == 0)
        mm_heap_select(vm, 0); /* the card calls for itself: no applet is the selected one */
    mm_heap_sync(vm);
    return invoke(vm, obj, by_name(vm, obj, class_or_interface, name, descriptor), args, arg_n,
                  ret);
}

enum mm_run mm_vm_invoke_selected(struct mm_vm *vm, mm_ref obj, const char *cls, const char *name,
                                  const char *descriptor, const uint16_t *args, size_t arg_n,
                                  uint16_t *ret)
{
    mm_heap_sync(vm);
    mm_heap_select(vm, vm->objs[obj].ctx);
    return invoke(vm, obj, by_name(vm, obj, cls, name, descriptor), args, arg_n, ret);
}

/* ---- Applets ---- */

void mm_calls_find(struct mm_vm *vm)
{
    static const struct {
        const char *cls, *name, *descriptor;
    } calls[MM_CALL_N] = {
        [MM_CALL_SELECT] = {"javacard/framework/Applet", "select", "()Z"},
        [MM_CALL_DESELECT] = {"javacard/framework/Applet", "deselect", "()V"},
        [MM_CALL_PROCESS] = {"javacard/framework/Applet", "process",
                             "(Ljavacard/framework/APDU;)V"},
        [MM_CALL_SELECT_AGAIN] = {"javacard/framework/MultiSelectable", "select", "(Z)Z"},
        [MM_CALL_DESELECT_ONE] = {"javacard/framework/MultiSelectable", "deselect", "(Z)V"},
        [MM_CALL_UNINSTALL] = {"javacard/framework/AppletEvent", "uninstall", "()V"},
    };

    for (size_t i = 0; i < MM_CALL_N; i++) {
        const struct mm_class *cls = mm_rom_find(vm, calls[i].cls);
        uint16_t *token = &vm->calls[i].token;
        if (cls != NULL && declared(cls, calls[i].name, calls[i].descriptor, token))
            vm->calls[i].cls = cls;
    }
}

/* A call that makes the object's applet the currently selected one (JCRE 3.0.5, 4.5, 4.6). */
static enum mm_run invoke_selected(struct mm_vm *vm, mm_ref obj, enum mm_fixed_call call,
                                   const uint16_t *args, size_t arg_n, uint16_t *ret)
{
    const struct mm_object *o = &vm->objs[obj];

    mm_heap_sync(vm);
    mm_heap_select(vm, o->ctx);
    return invoke(vm, obj, method_of(vm, o, vm->calls[call].cls, vm->calls[call].token), args,
                  arg_n, ret);
}

static enum mm_run select_with(struct mm_vm *vm, mm_ref ref, enum mm_fixed_call call,
                               const uint16_t *args, size_t arg_n, bool *accepted)
{
    uint16_t ret[2] = {0};
    enum mm_run run = invoke_selected(vm, ref, call, args, arg_n, ret);

    *accepted = run == MM_RUN_OK && (ret[0] & 1) != 0;
    return run;
}

enum mm_run mm_vm_select(struct mm_vm *vm, mm_ref ref, bool *accepted)
{
    return select_with(vm, ref, MM_CALL_SELECT, NULL, 0, accepted);
}

enum mm_run mm_vm_select_again(struct mm_vm *vm, mm_ref ref, bool already, bool *accepted)
{
    uint16_t arg = already;

    return select_with(vm, ref, MM_CALL_SELECT_AGAIN, &arg, 1, accepted);
}

enum mm_run mm_vm_deselect(struct mm_vm *vm, mm_ref ref)
{
    return invoke_selected(vm, ref, MM_CALL_DESELECT, NULL, 0, NULL);
}

enum mm_run mm_vm_deselect_one(struct mm_vm *vm, mm_ref ref, bool still)
{
    uint16_t arg = still;

    return invoke_selected(vm, ref, MM_CALL_DESELECT_ONE, &arg, 1, NULL);
}

enum mm_run mm_vm_process(struct mm_vm *vm, mm_ref ref, mm_ref apdu)
{
    return invoke_selected(vm, ref, MM_CALL_PROCESS, &apdu, 1, NULL);
}

enum mm_run mm_vm_uninstall(struct mm_vm *vm, mm_ref ref)
{
    if (!mm_vm_instance_of(vm, ref, "javacard/framework/AppletEvent"))
        return MM_RUN_OK;
    return invoke_selected(vm, ref, MM_CALL_UNINSTALL, NULL, 0, NULL);
}

enum mm_run mm_vm_install(struct mm_vm *vm, mm_comp package, size_t applet_index, mm_comp owner,
                          const uint8_t *params, uint8_t params_len)
{
    const struct mm_package *pkg = mm_package_get(vm, package);
    struct mm_method *m;
    uint16_t args[3];

    if (pkg == NULL || applet_index >= mm_cap_applet_n(pkg->cap))
        return mm_fault(vm, "no such applet class");
    m = mm_package_method(pkg, mm_cap_applet(pkg->cap, applet_index)->install_off);
    if (m == NULL || m->args != 3 || (mm_method_ret(m) != 0 && m->ret != MM_RET_NEVER))
        return mm_fault(vm, "the install method is not install(byte[], short, byte)");
    mm_vm_applet_bind(vm, owner, package);
    mm_heap_select(vm, package);
    memset(vm->objs[vm->install_params].data, 0, UINT8_MAX);
    if (params_len != 0)
        memcpy(vm->objs[vm->install_params].data, params, params_len);
    args[0] = vm->install_params;
    args[1] = 0;
    args[2] = (uint16_t)(int8_t)params_len; /* bLength is a Java byte */
    return mm_call(vm, m, args, package, owner, NULL);
}
