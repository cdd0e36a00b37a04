/*
 * The firewall (JCRE 3.0.5, 6.2.8): called when the quick check in the interpreter failed. Each
 * function tells why: throws, or returns MM_RUN_OK because the rule for entry points, global arrays
 * or shareable interfaces allows the access. A value that is no object's handle is refused like an
 * object of nobody.
 */
#include "applet_vm/vm/vm_int.h"

static bool mine(const struct mm_vm *vm, const struct mm_object *o)
{
    return o->type != MM_TYPE_NONE && (vm->ctx == 0 || o->ctx == vm->ctx);
}

static enum mm_run refuse(struct mm_vm *vm, mm_ref ref)
{
    return mm_throw(vm, mm_is_null(vm->objs, ref) ? MM_EXC_NULL_POINTER : MM_EXC_SECURITY, 0);
}

/* 6.2.8.3 */
enum mm_run mm_fw_instance(struct mm_vm *vm, mm_ref ref, uint16_t cell)
{
    const struct mm_object *o = &vm->objs[ref];

    return mine(vm, o) && cell < o->cells ? MM_RUN_OK : refuse(vm, ref);
}

/* 6.2.8.2 */
enum mm_run mm_fw_array(struct mm_vm *vm, mm_ref ref, uint8_t type, int32_t index)
{
    const struct mm_object *o = &vm->objs[ref];
    bool same = o->type == type || (type == MM_TYPE_BYTE && o->type == MM_TYPE_BOOLEAN);

    if (!same || (!mine(vm, o) && (o->flags & MM_OBJ_GLOBAL) == 0))
        return refuse(vm, ref);
    return index >= 0 && index < o->n ? MM_RUN_OK : mm_throw(vm, MM_EXC_INDEX, 0);
}

enum mm_run mm_fw_array_length(struct mm_vm *vm, mm_ref ref)
{
    const struct mm_object *o = &vm->objs[ref];

    if (o->type < MM_TYPE_BOOLEAN || (!mine(vm, o) && (o->flags & MM_OBJ_GLOBAL) == 0))
        return refuse(vm, ref);
    return MM_RUN_OK;
}

/* 6.2.8.1 to 6.2.8.3: temporary entry points and global arrays are not stored. */
enum mm_run mm_fw_store(struct mm_vm *vm, mm_ref *value)
{
    const struct mm_object *o = &vm->objs[*value];

    if ((o->flags & MM_OBJ_UNDONE) != 0)
        *value = MM_REF_NULL;
    if (vm->ctx == 0 || (o->flags & (MM_OBJ_TEMP | MM_OBJ_GLOBAL)) == 0)
        return MM_RUN_OK;
    return mm_throw(vm, MM_EXC_SECURITY, 0);
}

/* 6.2.8.4 and 6.2.8.11 */
enum mm_run mm_fw_virtual(struct mm_vm *vm, mm_ref ref)
{
    const struct mm_object *o = &vm->objs[ref];

    return mine(vm, o) || (o->flags & (MM_OBJ_ENTRY | MM_OBJ_GLOBAL)) != 0 ? MM_RUN_OK
                                                                           : refuse(vm, ref);
}

/* 6.2.8.6: an applet for one channel, active on another, does not serve this one. */
static bool busy(const struct mm_vm *vm, const struct mm_object *o)
{
    const struct mm_vm_services *s = vm->cfg.services;

    return vm->ctx != 0 && o->ctx != vm->selected && s->applet_elsewhere != NULL &&
           s->applet_elsewhere(s->ctx, o->owner);
}

/* 6.2.8.5 and 6.2.8.6 */
enum mm_run mm_fw_interface(struct mm_vm *vm, mm_ref ref, const struct mm_class *iface)
{
    const struct mm_object *o = &vm->objs[ref];

    if (o->type != MM_TYPE_INSTANCE)
        return refuse(vm, ref);
    if (mine(vm, o) || (o->flags & MM_OBJ_ENTRY) != 0)
        return MM_RUN_OK;
    if (o->ctx != MM_CONTEXT_NONE && iface->shareable && mm_class_is(o->cls, iface) && !busy(vm, o))
        return MM_RUN_OK;
    return refuse(vm, ref);
}

/* 6.2.8.7: sets what is thrown. */
enum mm_run mm_fw_throw(struct mm_vm *vm, mm_ref ref)
{
    const struct mm_object *o = &vm->objs[ref];

    if (o->type != MM_TYPE_INSTANCE || !mm_class_is(o->cls, vm->throwable_class) ||
        (!mine(vm, o) && (o->flags & MM_OBJ_ENTRY) == 0))
        return refuse(vm, ref);
    (void)mm_vm_throw_ref(vm, ref); /* the interpreter unwinds when this returns */
    return MM_RUN_OK;
}

/* Does the class implement a shareable interface, whichever? */
static bool lends(const struct mm_class *cls)
{
    for (; cls != NULL; cls = cls->super)
        for (size_t i = 0; i < cls->impl_n; i++)
            if (cls->impls[i].iface->shareable)
                return true;
    return false;
}

/* 6.2.8.8 to 6.2.8.10. Whether the object is what it is cast to, is not asked here: one that lends
 * something else is a ClassCastException. */
enum mm_run mm_fw_cast(struct mm_vm *vm, mm_ref ref, uint16_t type, const struct mm_class *cls)
{
    const struct mm_object *o = &vm->objs[ref];

    if (mine(vm, o))
        return MM_RUN_OK;
    if (type == 0 && o->type == MM_TYPE_INSTANCE && cls->interface && cls->shareable)
        return o->ctx != MM_CONTEXT_NONE && lends(o->cls) ? MM_RUN_OK : refuse(vm, ref);
    return (o->flags & (MM_OBJ_ENTRY | MM_OBJ_GLOBAL)) != 0 ? MM_RUN_OK : refuse(vm, ref);
}

enum mm_run mm_array_store_check(struct mm_vm *vm, mm_ref array, mm_ref value)
{
    const struct mm_object *a = &vm->objs[array], *o = &vm->objs[value];

    if (value == MM_REF_NULL)
        return MM_RUN_OK;
    if (o->type == MM_TYPE_NONE)
        return mm_throw(vm, MM_EXC_SECURITY, 0);
    return mm_object_is(vm, o, 0, a->cls) ? MM_RUN_OK : mm_throw(vm, MM_EXC_ARRAY_STORE, 0);
}
