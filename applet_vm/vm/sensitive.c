/*
 * Integrity-sensitive arrays (API, javacard.framework.SensitiveArrays): behind the elements is a
 * control element over them. A write checks it, and writes from its first byte to the control
 * element in one, so that the two never part, neither by an abort nor by a cut.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

uint32_t mm_control(uint32_t to, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to = (to ^ data[i]) * 0x01000193;
    return to;
}

static bool intact(const struct mm_object *o)
{
    size_t n = mm_content_len(o);
    uint32_t control = mm_control(MM_CONTROL_0, o->data, n);

    return memcmp(o->data + n, &control, MM_CONTROL) == 0;
}

void mm_sensitive_renew(struct mm_object *o)
{
    size_t n = mm_content_len(o);
    uint32_t control = mm_control(MM_CONTROL_0, o->data, n);

    memcpy(o->data + n, &control, MM_CONTROL);
}

/* From off to the end, the control element included. */
static enum mm_run write_tail(struct mm_vm *vm, mm_ref ref, size_t off, const uint8_t *tail,
                              size_t len, enum mm_write how)
{
    struct mm_object *o = &vm->objs[ref];
    enum mm_status st;

    if ((o->flags & MM_OBJ_RAM) != 0) {
        memcpy(o->data + off, tail, len);
        return MM_RUN_OK;
    }
    off += MM_OBJECT_HEADER;
    st = how == MM_WRITE_NOW ? mm_rec_write_now(vm->nvm, ref, off, tail, len)
                             : mm_rec_write(vm->nvm, ref, off, tail, len);
    return st == MM_OK ? MM_RUN_OK : mm_write_failed(vm, st);
}

static enum mm_run write_elements(struct mm_vm *vm, mm_ref ref, size_t off, const void *data,
                                  size_t len, enum mm_write how)
{
    const struct mm_object *o = &vm->objs[ref];
    size_t n = mm_content_len(o), tail_len = n - off + MM_CONTROL;
    uint8_t *tail;
    uint32_t control;
    enum mm_run run;

    tail = malloc(tail_len);
    if (tail == NULL)
        return mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_NO_RESOURCE);
    memcpy(tail, o->data + off, n - off);
    memcpy(tail, data, len);
    control = mm_control(mm_control(MM_CONTROL_0, o->data, off), tail, n - off);
    memcpy(tail + n - off, &control, MM_CONTROL);
    run = write_tail(vm, ref, off, tail, tail_len, how);
    free(tail);
    return run;
}

enum mm_run mm_sensitive_write(struct mm_vm *vm, mm_ref ref, size_t off, const void *data,
                               size_t len, enum mm_write how)
{
    if (!intact(&vm->objs[ref]))
        return mm_throw(vm, MM_EXC_SECURITY, 0);
    return write_elements(vm, ref, off, data, len, how);
}

mm_ref mm_vm_new_sensitive_array(struct mm_vm *vm, uint8_t type, uint16_t n,
                                 enum mm_transient transient)
{
    if (type < MM_TYPE_BOOLEAN || type > MM_TYPE_REF || n > MM_ARRAY_MAX)
        return MM_REF_NULL;
    return mm_heap_new_sensitive(vm, type, n, transient);
}

bool mm_vm_array_intact(const struct mm_vm *vm, mm_ref array)
{
    const struct mm_object *o = &vm->objs[array];

    return (o->flags & MM_OBJ_SENSE) == 0 || intact(o);
}

enum mm_run mm_vm_sensitive_clear(struct mm_vm *vm, mm_ref array)
{
    const struct mm_object *o = &vm->objs[array];
    size_t len = mm_content_len(o);
    uint8_t *zeros = calloc(1, len + 1);
    enum mm_run run;

    if (zeros == NULL)
        return mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_NO_RESOURCE);
    run = write_elements(vm, array, 0, zeros, len, MM_WRITE_ATOMIC);
    free(zeros);
    return run;
}
