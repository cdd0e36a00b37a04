/*
 * org.globalplatform.upgrade (GPCS Amendment H 1.1, and the documentation of its API): the elements
 * that carry an applet's data from an old version of its load file to a new one.
 *
 * An element is an object of the applet that makes it: a byte array for primitive data, an array of
 * references, and how far each was written and read. The card keeps what a root element leads to
 * (applet_vm/vm/keep.c) and deletes all elements when the session ends.
 */
#include "applet_vm/api/api_int.h"

#include <string.h>

#define ELEMENT "mintmark/Element"
#define MAPPED  "mintmark/MappedElement"

enum { TYPE_SIMPLE = 1, TYPE_MAPPED = 2 }; /* Element.TYPE_... */
enum { ARRAY_REF = 14 };
enum { CELL_DATA, CELL_OBJECTS, CELL_WRITTEN, CELL_STORED, CELL_READ, CELL_TAKEN, CELL_N };
enum { CELL_MAPPED = 0 }; /* of MappedElement */

/* ---- The session ---- */

static bool session(struct mm_vm *vm, struct mm_gp_upgrade *out)
{
    const struct mm_gp_services *gp = mm_gp(vm);

    return gp != NULL && gp->upgrade != NULL && gp->upgrade(gp->ctx, mm_gp_caller(vm), out);
}

static enum mm_run refuse(struct mm_vm *vm)
{
    return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
}

/* 6985 outside of a session, or in its other phase. */
static enum mm_run in_phase(struct mm_vm *vm, enum mm_gp_phase phase)
{
    struct mm_gp_upgrade s;

    return session(vm, &s) && s.phase == phase ? MM_RUN_OK : refuse(vm);
}

enum mm_run mm_n_upgrade_is(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_upgrade s;

    (void)args;
    ret[0] = session(vm, &s);
    return MM_RUN_OK;
}

enum mm_run mm_n_upgrade_version(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_upgrade s;

    (void)args;
    if (!session(vm, &s))
        return refuse(vm);
    ret[0] = (uint16_t)(s.major << 8 | s.minor);
    return MM_RUN_OK;
}

/* checkPreviousPackageAID(aid, offset, length) */
enum mm_run mm_n_upgrade_check_aid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_upgrade s;
    int16_t len = MM_ARG_BYTE(2);
    const uint8_t *data;
    enum mm_run run;

    if (!session(vm, &s))
        return refuse(vm);
    run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), len, &data);
    if (run == MM_RUN_OK)
        ret[0] = len == s.previous.len && memcmp(data, s.previous.bytes, (size_t)len) == 0;
    return run;
}

enum mm_run mm_n_upgrade_reference(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = mm_api_of(vm)->secure_channel; /* any object of the JCRE's that may be stored */
    return MM_RUN_OK;
}

/* createElement(type, primitiveDataSize, objectCount) */
enum mm_run mm_n_upgrade_create(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int16_t bytes = MM_ARG_SHORT(1), objects = MM_ARG_SHORT(2);
    uint16_t cells[CELL_N] = {0};
    enum mm_run run = in_phase(vm, MM_GP_PHASE_SAVING);

    if (run != MM_RUN_OK)
        return run;
    if ((args[0] != TYPE_SIMPLE && args[0] != TYPE_MAPPED) || bytes < 0 || objects < 0)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    ret[0] = mm_vm_new_instance(vm, args[0] == TYPE_MAPPED ? MAPPED : ELEMENT);
    cells[CELL_DATA] = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)bytes, MM_PERSISTENT);
    cells[CELL_OBJECTS] = mm_vm_new_array(vm, ARRAY_REF, (uint16_t)objects, MM_PERSISTENT);
    if (ret[0] == MM_REF_NULL || cells[CELL_DATA] == MM_REF_NULL ||
        cells[CELL_OBJECTS] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    return mm_vm_hidden_put(vm, ret[0], ELEMENT, cells, CELL_N);
}

/* Elements of other contexts are not looked at: their objects are not this caller's to find. */
enum mm_run mm_n_upgrade_match(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_comp context = mm_vm_context_of(vm, mm_gp_caller(vm));
    mm_ref ref = MM_REF_NULL;
    enum mm_run run = in_phase(vm, MM_GP_PHASE_SAVING);

    ret[0] = MM_REF_NULL;
    while (run == MM_RUN_OK && args[0] != MM_REF_NULL &&
           (ref = mm_vm_next_instance(vm, MAPPED, ref)) != MM_REF_NULL) {
        struct mm_obj_info info;
        if (mm_vm_hidden(vm, ref, MAPPED, CELL_MAPPED) == args[0] && mm_vm_object(vm, ref, &info) &&
            mm_vm_context_of(vm, info.owner) == context) {
            ret[0] = ref;
            break;
        }
    }
    return run;
}

/* ---- Element: two stores, each with where writing and where reading goes on ---- */
enum store { BYTES, OBJECTS };

struct cursor {
    mm_ref array;
    size_t size, written, read;
};

static void look(struct mm_vm *vm, mm_ref element, enum store which, struct cursor *out)
{
    uint16_t cells[CELL_N] = {0};
    struct mm_obj_info info;

    *out = (struct cursor){0};
    if (!mm_vm_hidden_get(vm, element, ELEMENT, cells, CELL_N))
        return;
    out->array = cells[CELL_DATA + which];
    out->size = mm_vm_object(vm, out->array, &info) ? info.n : 0;
    out->written = cells[CELL_WRITTEN + which];
    out->read = cells[CELL_READ + which];
}

/* Append n bytes, or one reference: 6985 when it does not fit. */
static enum mm_run append(struct mm_vm *vm, const uint16_t *args, enum store which,
                          const void *data, size_t n, uint16_t *ret)
{
    struct cursor c;
    enum mm_run run = in_phase(vm, MM_GP_PHASE_SAVING);

    if (run != MM_RUN_OK)
        return run;
    look(vm, args[0], which, &c);
    if (n > c.size - c.written)
        return refuse(vm);
    run = mm_vm_array_write(vm, c.array, (uint16_t)c.written, data, (uint16_t)n, true);
    if (run == MM_RUN_OK)
        run = mm_vm_hidden_set(vm, args[0], ELEMENT, (uint8_t)(CELL_WRITTEN + which),
                               (uint16_t)(c.written + n), false);
    ret[0] = args[0];
    return run;
}

enum mm_run mm_n_element_write_byte(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t byte = (uint8_t)args[1];

    return append(vm, args, BYTES, &byte, sizeof(byte), ret);
}

enum mm_run mm_n_element_write_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[2];

    mm_put_be16(bytes, args[1]);
    return append(vm, args, BYTES, bytes, sizeof(bytes), ret);
}

/* What may not be stored in a field may not be stored here (JCRE 3.0.5, 6.2.1, 6.2.2). That no custom
 * object is reached is looked at when all is saved. */
enum mm_run mm_n_element_write_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_obj_info info;
    mm_ref ref = mm_vm_object(vm, args[1], &info) ? args[1] : MM_REF_NULL;

    if (ref != MM_REF_NULL && (info.temporary || info.global_array))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    return append(vm, args, OBJECTS, &ref, 1, ret);
}

static enum mm_run can_write(struct mm_vm *vm, mm_ref element, enum store which, size_t unit,
                             uint16_t *ret)
{
    struct cursor c;

    look(vm, element, which, &c);
    ret[0] = (uint16_t)((c.size - c.written) / unit);
    return in_phase(vm, MM_GP_PHASE_SAVING);
}

enum mm_run mm_n_element_can_write_byte(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_write(vm, args[0], BYTES, 1, ret);
}

enum mm_run mm_n_element_can_write_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_write(vm, args[0], BYTES, 2, ret);
}

enum mm_run mm_n_element_can_write_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_write(vm, args[0], OBJECTS, 1, ret);
}

enum mm_run mm_n_element_init_read(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = in_phase(vm, MM_GP_PHASE_RESTORE);

    (void)ret;
    for (uint8_t cell = CELL_READ; run == MM_RUN_OK && cell < CELL_N; cell++)
        run = mm_vm_hidden_set(vm, args[0], ELEMENT, cell, 0, false);
    return run;
}

/* The next n bytes, or reference: 6985 when so much is not left. */
static enum mm_run take(struct mm_vm *vm, mm_ref element, enum store which, size_t n, void *out)
{
    struct cursor c;
    const uint8_t *data;
    size_t len, unit = which == OBJECTS ? sizeof(mm_ref) : 1;
    enum mm_run run = in_phase(vm, MM_GP_PHASE_RESTORE);

    if (run != MM_RUN_OK)
        return run;
    look(vm, element, which, &c);
    data = mm_vm_contents(vm, c.array, &len);
    if (data == NULL || n > c.written - c.read)
        return refuse(vm);
    memcpy(out, data + c.read * unit, n * unit);
    return mm_vm_hidden_set(vm, element, ELEMENT, (uint8_t)(CELL_READ + which),
                            (uint16_t)(c.read + n), false);
}

enum mm_run mm_n_element_read_boolean(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t byte = 0;
    enum mm_run run = take(vm, args[0], BYTES, 1, &byte);

    ret[0] = byte != 0;
    return run;
}

enum mm_run mm_n_element_read_byte(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t byte = 0;
    enum mm_run run = take(vm, args[0], BYTES, 1, &byte);

    ret[0] = (uint16_t)(int8_t)byte;
    return run;
}

enum mm_run mm_n_element_read_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[2] = {0};
    enum mm_run run = take(vm, args[0], BYTES, sizeof(bytes), bytes);

    ret[0] = mm_be16(bytes);
    return run;
}

enum mm_run mm_n_element_read_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref ref = MM_REF_NULL;
    enum mm_run run = take(vm, args[0], OBJECTS, 1, &ref);

    ret[0] = ref;
    return run;
}

static enum mm_run can_read(struct mm_vm *vm, mm_ref element, enum store which, size_t unit,
                            uint16_t *ret)
{
    struct cursor c;

    look(vm, element, which, &c);
    ret[0] = (uint16_t)((c.written - c.read) / unit);
    return in_phase(vm, MM_GP_PHASE_RESTORE);
}

enum mm_run mm_n_element_can_read_byte(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_read(vm, args[0], BYTES, 1, ret);
}

enum mm_run mm_n_element_can_read_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_read(vm, args[0], BYTES, 2, ret);
}

enum mm_run mm_n_element_can_read_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return can_read(vm, args[0], OBJECTS, 1, ret);
}

/* ---- MappedElement ---- */
enum mm_run mm_n_element_get_mapped(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], MAPPED, CELL_MAPPED);
    return in_phase(vm, MM_GP_PHASE_RESTORE);
}

/* In both phases: of a session there is no other time in which applets run. */
enum mm_run mm_n_element_set_mapped(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_gp_upgrade s;
    struct mm_obj_info info;
    mm_ref ref = mm_vm_object(vm, args[1], &info) ? args[1] : MM_REF_NULL;

    ret[0] = args[0];
    if (!session(vm, &s))
        return refuse(vm);
    if (ref != MM_REF_NULL && (info.temporary || info.global_array))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    return mm_vm_hidden_set(vm, args[0], MAPPED, CELL_MAPPED, ref, false);
}

/* ---- For the card ---- */
bool mm_api_element(struct mm_vm *vm, mm_ref ref, mm_comp package)
{
    struct mm_obj_info info;

    return mm_vm_instance_of(vm, ref, ELEMENT) && mm_vm_object(vm, ref, &info) &&
           mm_vm_context_of(vm, info.owner) == package;
}

enum mm_status mm_api_elements_unmap(struct mm_vm *vm)
{
    mm_ref ref = MM_REF_NULL;

    while ((ref = mm_vm_next_instance(vm, MAPPED, ref)) != MM_REF_NULL) {
        if (mm_vm_hidden_set(vm, ref, MAPPED, CELL_MAPPED, MM_REF_NULL, false) != MM_RUN_OK)
            return MM_IO;
    }
    return MM_OK;
}

enum mm_status mm_api_elements_delete(struct mm_vm *vm)
{
    enum mm_status st = MM_OK;
    mm_ref ref = MM_REF_NULL;

    while (st == MM_OK && (ref = mm_vm_next_instance(vm, ELEMENT, ref)) != MM_REF_NULL) {
        uint16_t cells[CELL_N] = {0};

        (void)mm_vm_hidden_get(vm, ref, ELEMENT, cells, CELL_N);
        for (size_t i = CELL_DATA; st == MM_OK && i <= CELL_OBJECTS; i++) {
            if (cells[i] != MM_REF_NULL)
                st = mm_vm_object_delete(vm, cells[i]);
        }
        if (st == MM_OK)
            st = mm_vm_object_delete(vm, ref);
    }
    return st == MM_OK ? mm_vm_references_drop(vm) : st;
}
