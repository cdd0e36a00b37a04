/* What natives and the measurement see of objects. */
#include "applet_vm/vm/vm_int.h"

mm_ref mm_vm_new_instance(struct mm_vm *vm, const char *class_name)
{
    const struct mm_class *cls = mm_rom_find(vm, class_name);

    if (cls == NULL || cls->interface)
        return MM_REF_NULL;
    return mm_heap_new(vm, MM_TYPE_INSTANCE, cls, cls->cells, MM_PERSISTENT, vm->owner);
}

mm_ref mm_vm_new_array(struct mm_vm *vm, uint8_t type, uint16_t n, enum mm_transient transient)
{
    if (type < MM_TYPE_BOOLEAN || type > MM_TYPE_REF || n > MM_ARRAY_MAX)
        return MM_REF_NULL;
    return mm_heap_new(vm, type, type == MM_TYPE_REF ? vm->object_class : NULL, n, transient,
                       vm->owner);
}

mm_ref mm_vm_new_ref_array(struct mm_vm *vm, mm_ref like_class_of, uint16_t n,
                           enum mm_transient transient)
{
    const struct mm_object *o = &vm->objs[like_class_of];
    const struct mm_class *cls = vm->object_class;

    if (n > MM_ARRAY_MAX)
        return MM_REF_NULL;
    if (o->type == MM_TYPE_INSTANCE || o->type == MM_TYPE_REF)
        cls = o->cls;
    return mm_heap_new(vm, MM_TYPE_REF, cls, n, transient, vm->owner);
}

mm_ref mm_vm_new_global_array(struct mm_vm *vm, uint8_t type, uint16_t n)
{
    if (type < MM_TYPE_BOOLEAN || type > MM_TYPE_INT || n > MM_ARRAY_MAX)
        return MM_REF_NULL;
    return mm_heap_new_ram(vm, type, NULL, n, MM_OBJ_GLOBAL | MM_OBJ_TEMP);
}

mm_ref mm_vm_new_entry_point(struct mm_vm *vm, const char *class_name, bool temporary)
{
    const struct mm_class *cls = mm_rom_find(vm, class_name);

    if (cls == NULL || cls->interface)
        return MM_REF_NULL;
    return mm_heap_new_ram(vm, MM_TYPE_INSTANCE, cls, cls->cells,
                           (uint8_t)(MM_OBJ_ENTRY | (temporary ? MM_OBJ_TEMP : 0)));
}

mm_ref mm_vm_new_permanent(struct mm_vm *vm, const char *class_name)
{
    const struct mm_class *cls = mm_rom_find(vm, class_name);

    if (cls == NULL || cls->interface)
        return MM_REF_NULL;
    return mm_heap_new(vm, MM_TYPE_INSTANCE, cls, cls->cells, MM_PERSISTENT, 0);
}

mm_ref mm_vm_next_permanent(const struct mm_vm *vm, const char *class_name, mm_ref after)
{
    const struct mm_class *cls = mm_rom_find(vm, class_name);
    uint32_t ref = after < MM_REF_RAM_MAX ? MM_REF_RAM_MAX : after;

    while (++ref < vm->ref_end) {
        if (vm->objs[ref].cls == cls && mm_object_permanent(&vm->objs[ref]))
            return (mm_ref)ref;
    }
    return MM_REF_NULL;
}

/* The table may be behind an abort done by the card: const callers see it caught up as well. */
static const struct mm_object *look(const struct mm_vm *vm, mm_ref ref)
{
    const struct mm_object *o = &vm->objs[ref];

    if (ref > MM_REF_RAM_MAX && o->type != MM_TYPE_NONE && vm->tx_ref_n != 0 &&
        mm_rec_data(vm->nvm, ref, NULL) == NULL)
        return &vm->objs[MM_REF_NULL];
    return o;
}

bool mm_vm_object(const struct mm_vm *vm, mm_ref ref, struct mm_obj_info *info)
{
    const struct mm_object *o = look(vm, ref);

    memset(info, 0, sizeof(*info));
    if (o->type == MM_TYPE_NONE)
        return false;
    info->kind = o->type == MM_TYPE_INSTANCE ? MM_OBJ_INSTANCE : MM_OBJ_ARRAY;
    info->array_type = o->type == MM_TYPE_INSTANCE ? 0 : o->type;
    info->n = o->type == MM_TYPE_INSTANCE ? o->cells : o->n;
    info->transient = (enum mm_transient)o->transient;
    info->owner = o->owner;
    info->entry_point = (o->flags & MM_OBJ_ENTRY) != 0;
    info->global_array = (o->flags & MM_OBJ_GLOBAL) != 0;
    info->temporary = (o->flags & MM_OBJ_TEMP) != 0;
    info->sensitive = (o->flags & MM_OBJ_SENSE) != 0;
    if (o->cls != NULL) {
        info->class_name = o->cls->api_name;
        info->class_package = o->cls->pkg != NULL ? o->cls->pkg->comp : 0;
        info->class_off = o->cls->off;
    }
    return true;
}

const struct mm_class *mm_vm_class(const struct mm_vm *vm, const char *class_or_interface)
{
    return mm_rom_find(vm, class_or_interface);
}

bool mm_vm_is(const struct mm_vm *vm, mm_ref ref, const struct mm_class *cls)
{
    const struct mm_object *o = look(vm, ref);

    return cls != NULL && o->type != MM_TYPE_NONE && mm_object_is(vm, o, 0, cls);
}

bool mm_vm_instance_of(struct mm_vm *vm, mm_ref ref, const char *class_or_interface)
{
    return mm_vm_is(vm, ref, mm_rom_find(vm, class_or_interface));
}

/* What the quick check in array_range did not let pass: refused, or the JCRE itself asks. */
static enum mm_run array_checked(struct mm_vm *vm, mm_ref array, uint8_t type, int32_t off,
                                 int32_t n, const uint8_t **data)
{
    const struct mm_object *o = &vm->objs[array];
    enum mm_run run = mm_fw_array_length(vm, array);

    *data = NULL;
    if (run != MM_RUN_OK)
        return run;
    if (o->type != type)
        return mm_throw(vm, MM_EXC_SECURITY, 0);
    if (off < 0 || n < 0 || off > o->n || n > o->n - off)
        return mm_throw(vm, MM_EXC_INDEX, 0);
    *data = o->data + (size_t)off * mm_element_size(type);
    return MM_RUN_OK;
}

static inline enum mm_run array_range(struct mm_vm *vm, mm_ref array, uint8_t type, int32_t off,
                                      int32_t n, const uint8_t **data)
{
    const struct mm_object *o = &vm->objs[array];
    bool open = o->ctx == vm->ctx || (o->flags & MM_OBJ_GLOBAL) != 0; /* JCRE 3.0.5, 6.2.8.2 */

    if (!open || o->type != type || off < 0 || n < 0 || off > o->n || n > o->n - off)
        return array_checked(vm, array, type, off, n, data);
    *data = o->data + (size_t)off * mm_element_size(type);
    return MM_RUN_OK;
}

enum mm_run mm_vm_array(struct mm_vm *vm, mm_ref array, uint8_t type, int32_t off, int32_t n,
                        const uint8_t **data)
{
    return array_range(vm, array, type, off, n, data);
}

enum mm_run mm_vm_bytes(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n,
                        const uint8_t **data)
{
    return array_range(vm, array, MM_TYPE_BYTE, off, n, data);
}

enum mm_run mm_vm_bytes_of_caller(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n,
                                  const uint8_t **data)
{
    mm_comp ctx = vm->ctx;
    enum mm_run run;

    if (vm->depth != 0)
        vm->ctx = vm->frames[vm->depth - 1].ctx;
    run = mm_vm_bytes(vm, array, off, n, data);
    vm->ctx = ctx;
    return run;
}

const uint8_t *mm_vm_contents(const struct mm_vm *vm, mm_ref array, size_t *len)
{
    const struct mm_object *o = look(vm, array);

    *len = 0;
    if (o->type < MM_TYPE_BOOLEAN)
        return NULL;
    *len = o->n * mm_element_size(o->type);
    return o->data;
}

uint8_t *mm_vm_bytes_in_place(struct mm_vm *vm, mm_ref array, uint16_t off)
{
    const struct mm_object *o = &vm->objs[array];
    bool in_place = (o->flags & (MM_OBJ_RAM | MM_OBJ_SENSE)) == MM_OBJ_RAM;

    return in_place && o->type == MM_TYPE_BYTE ? o->data + off : NULL;
}

enum mm_run mm_vm_array_write(struct mm_vm *vm, mm_ref array, uint16_t off, const void *data,
                              uint16_t n, bool atomic)
{
    const struct mm_object *o = &vm->objs[array];
    size_t size = mm_element_size(o->type);

    if (o->type < MM_TYPE_BOOLEAN || (uint32_t)off + n > o->n)
        return mm_throw(vm, MM_EXC_INDEX, 0);
    if (!atomic && (o->flags & (MM_OBJ_SENSE | MM_OBJ_RAM)) == MM_OBJ_SENSE)
        return mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_ILLEGAL);
    if (n == 0)
        return MM_RUN_OK;
    return mm_obj_write(vm, array, off * size, data, n * size,
                        atomic ? MM_WRITE_ATOMIC : MM_WRITE_NONATOMIC);
}

/* Position of a hidden cell; false when the object has none such. */
static bool hidden_cell(const struct mm_vm *vm, mm_ref obj, const char *class_name, uint8_t index,
                        size_t *cell)
{
    const struct mm_object *o = look(vm, obj);

    if (o->type != MM_TYPE_INSTANCE)
        return false;
    for (const struct mm_class *c = o->cls; c != NULL; c = c->super) {
        if (c->rom == NULL || (c->rom->name != class_name && strcmp(c->rom->name, class_name) != 0))
            continue;
        *cell = (size_t)c->first_cell + index;
        return index < c->rom->native_cells;
    }
    return false;
}

uint16_t mm_vm_hidden(struct mm_vm *vm, mm_ref obj, const char *class_name, uint8_t index)
{
    size_t cell;

    return hidden_cell(vm, obj, class_name, index, &cell) ? mm_cell(vm->objs[obj].data, cell) : 0;
}

bool mm_vm_hidden_get(struct mm_vm *vm, mm_ref obj, const char *class_name, uint16_t *cells,
                      uint8_t n)
{
    size_t last;

    if (n == 0 || !hidden_cell(vm, obj, class_name, (uint8_t)(n - 1), &last))
        return false;
    memcpy(cells, vm->objs[obj].data + 2 * (last - (n - 1u)), 2u * n);
    return true;
}

enum mm_run mm_vm_hidden_set(struct mm_vm *vm, mm_ref obj, const char *class_name, uint8_t index,
                             uint16_t value, bool now)
{
    size_t cell;

    if (!hidden_cell(vm, obj, class_name, index, &cell))
        return mm_throw(vm, MM_EXC_SECURITY, 0);
    return mm_obj_write(vm, obj, 2 * cell, &value, 2, now ? MM_WRITE_NOW : MM_WRITE_ATOMIC);
}

enum mm_run mm_vm_hidden_put(struct mm_vm *vm, mm_ref obj, const char *class_name,
                             const uint16_t *cells, uint8_t n)
{
    size_t first, last;

    if (!hidden_cell(vm, obj, class_name, 0, &first) ||
        !hidden_cell(vm, obj, class_name, (uint8_t)(n - 1), &last))
        return mm_throw(vm, MM_EXC_SECURITY, 0);
    return mm_obj_write(vm, obj, 2 * first, cells, 2u * n, MM_WRITE_ATOMIC);
}

enum mm_run mm_vm_access(struct mm_vm *vm, mm_ref obj)
{
    return mm_fw_virtual(vm, obj);
}

size_t mm_vm_transient_free(const struct mm_vm *vm, enum mm_transient kind)
{
    (void)kind; /* both kinds share one pool */
    return mm_transient_room(vm, vm->owner);
}

bool mm_vm_peek_cell(const struct mm_vm *vm, mm_ref obj, uint16_t index, uint16_t *value,
                     bool *is_ref)
{
    const struct mm_object *o = look(vm, obj);

    *value = 0;
    *is_ref = false;
    if (o->type != MM_TYPE_INSTANCE && o->type != MM_TYPE_REF)
        return false;
    if (index >= (o->type == MM_TYPE_REF ? o->n : o->cells))
        return false;
    *value = mm_cell(o->data, index);
    *is_ref = o->type == MM_TYPE_REF || o->cls->is_ref[index] != 0;
    return true;
}

const uint8_t *mm_vm_peek_array(const struct mm_vm *vm, mm_ref obj, size_t *len)
{
    const struct mm_object *o = look(vm, obj);

    *len = 0;
    if (o->type < MM_TYPE_BOOLEAN || o->type == MM_TYPE_REF || o->transient != MM_PERSISTENT ||
        (o->flags & MM_OBJ_RAM) != 0)
        return NULL;
    *len = o->n * mm_element_size(o->type);
    return o->data;
}
