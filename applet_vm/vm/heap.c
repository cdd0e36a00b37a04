/*
 * The object table and the heap. Layout of a heap object's record: see vm_int.h. Contents change
 * only through mm_obj_write, whichever kind of memory they are in.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

static void header_put(uint8_t h[MM_OBJECT_HEADER], uint8_t type, const struct mm_class *cls,
                       uint16_t n, enum mm_transient transient, bool sensitive)
{
    uint16_t pkg = cls != NULL && cls->pkg != NULL ? cls->pkg->comp : 0;
    uint32_t id = cls != NULL ? cls->id : 0;

    memset(h, 0, MM_OBJECT_HEADER);
    h[0] = type;
    memcpy(h + 2, &pkg, 2);
    memcpy(h + 4, &id, 4);
    memcpy(h + 8, &n, 2);
    h[10] = (uint8_t)transient;
    h[11] = sensitive;
}

size_t mm_heap_content_len(uint8_t type, uint16_t n)
{
    return type == MM_TYPE_INSTANCE ? 2u * n : n * mm_element_size(type);
}

size_t mm_content_len(const struct mm_object *o)
{
    return mm_heap_content_len(o->type, o->type == MM_TYPE_INSTANCE ? o->cells : o->n);
}

mm_comp mm_heap_context(const struct mm_vm *vm, mm_comp owner)
{
    if (owner == 0)
        return 0;
    if (owner > MM_COMP_MAX)
        return MM_CONTEXT_NONE;
    if (vm->bound[owner] != 0)
        return vm->bound[owner];
    return mm_package_get(vm, owner) != NULL ? owner : MM_CONTEXT_NONE;
}

void mm_heap_place(struct mm_vm *vm, mm_ref ref)
{
    struct mm_object *o = &vm->objs[ref];

    o->ctx = mm_heap_context(vm, o->owner);
    if (o->transient == MM_CLEAR_ON_DESELECT && o->ctx != vm->selected)
        o->ctx = MM_CONTEXT_NONE;
}

void mm_heap_select(struct mm_vm *vm, mm_comp ctx)
{
    if (vm->selected == ctx)
        return;
    vm->selected = ctx;
    for (size_t i = 0; i < vm->deselect_n; i++)
        mm_heap_place(vm, vm->deselect[i]);
}

static bool deselect_room(struct mm_vm *vm)
{
    size_t cap = vm->deselect_cap == 0 ? 32 : 2 * vm->deselect_cap;
    mm_ref *refs;

    if (vm->deselect_n < vm->deselect_cap)
        return true;
    refs = realloc(vm->deselect, cap * sizeof(*refs));
    if (refs == NULL)
        return false;
    vm->deselect = refs;
    vm->deselect_cap = cap;
    return true;
}

static void deselect_drop(struct mm_vm *vm, mm_ref ref)
{
    for (size_t i = 0; i < vm->deselect_n; i++) {
        if (vm->deselect[i] == ref) {
            vm->deselect[i] = vm->deselect[--vm->deselect_n];
            return;
        }
    }
}

static void set_entry(struct mm_vm *vm, mm_ref ref, uint8_t type, const struct mm_class *cls,
                      uint16_t n, mm_comp owner, uint8_t *data)
{
    vm->objs[ref] = (struct mm_object){
        .data = data,
        .cls = cls,
        .n = type == MM_TYPE_INSTANCE ? 0 : n,
        .cells = type == MM_TYPE_INSTANCE ? n : 0,
        .ctx = mm_heap_context(vm, owner),
        .owner = owner,
        .type = type,
    };
    if (mm_object_permanent(&vm->objs[ref]))
        vm->objs[ref].flags = MM_OBJ_ENTRY;
    if (ref >= vm->ref_end)
        vm->ref_end = (uint32_t)ref + 1;
}

/* The entry of a transient array; there is room in vm->deselect. */
static void set_transient(struct mm_vm *vm, mm_ref ref, uint8_t transient, size_t len)
{
    vm->objs[ref].transient = transient;
    vm->objs[ref].flags = MM_OBJ_RAM;
    vm->transient_used += len;
    if (transient == MM_CLEAR_ON_DESELECT)
        vm->deselect[vm->deselect_n++] = ref;
    mm_heap_place(vm, ref);
}

/* Contents of transient arrays and JCRE objects, with room for a control element. */
static uint8_t *ram_new(size_t len)
{
    return calloc(1, len + MM_CONTROL);
}

void mm_heap_drop_entry(struct mm_vm *vm, mm_ref ref)
{
    struct mm_object *o = &vm->objs[ref];

    if (o->type == MM_TYPE_NONE)
        return;
    if (vm->api_gone != NULL)
        vm->api_gone(vm, ref);
    if (o->transient != MM_PERSISTENT)
        vm->transient_used -= mm_heap_content_len(o->type, o->n);
    if (o->transient == MM_CLEAR_ON_DESELECT)
        deselect_drop(vm, ref);
    if ((o->flags & MM_OBJ_RAM) != 0)
        free(o->data);
    memset(o, 0, sizeof(*o));
}

/* Objects made in a transaction vanish with it (JCRE 3.0.5, 7.6.2): there must be room to
 * remember one more. */
static bool remember_room(struct mm_vm *vm)
{
    if (vm->tx_ref_n == vm->tx_ref_cap) {
        size_t cap = vm->tx_ref_cap == 0 ? 64 : 2 * vm->tx_ref_cap;
        mm_ref *refs = realloc(vm->tx_refs, cap * sizeof(*refs));
        if (refs == NULL)
            return false;
        vm->tx_refs = refs;
        vm->tx_ref_cap = cap;
    }
    return true;
}

/* References in transient arrays, which no abort brings back, to what is undone. */
static void null_transients(struct mm_vm *vm)
{
    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < vm->ref_end; ref++) {
        struct mm_object *o = &vm->objs[ref];
        if (o->type != MM_TYPE_REF || o->transient == MM_PERSISTENT)
            continue;
        for (size_t i = 0; i < o->n; i++) {
            if (mm_is_null(vm->objs, mm_cell(o->data, i)))
                memset(o->data + 2 * i, 0, 2);
        }
        if ((o->flags & MM_OBJ_SENSE) != 0)
            mm_sensitive_renew(o);
    }
}

void mm_heap_undo(struct mm_vm *vm)
{
    bool open = mm_tx_active(vm->nvm), dropped = false;
    size_t kept = 0;

    for (size_t i = 0; i < vm->tx_ref_n; i++) {
        mm_ref ref = vm->tx_refs[i];
        if (mm_rec_data(vm->nvm, ref, NULL) == NULL) {
            mm_heap_drop_entry(vm, ref);
            vm->objs[ref].flags = MM_OBJ_UNDONE;
            dropped = true;
        } else if (open) {
            vm->tx_refs[kept++] = ref;
        }
    }
    vm->tx_ref_n = kept;
    if (!dropped)
        return;
    vm->undone = true;
    null_transients(vm);
}

void mm_heap_undone_forget(struct mm_vm *vm)
{
    for (uint32_t ref = 1; vm->undone && ref < vm->ref_end; ref++)
        vm->objs[ref].flags &= (uint8_t)~MM_OBJ_UNDONE;
    vm->undone = false;
}

void mm_heap_sync_now(struct mm_vm *vm)
{
    mm_heap_undo(vm);
    if (vm->tx_packages)
        mm_packages_sync(vm);
    if (vm->tx_forgot) {
        vm->tx_forgot = false;
        mm_packages_read(vm);
        /* Out of memory leaves some out: they are not lost, only not there until power-on. */
        if (mm_heap_rebuild(vm) != MM_OK)
            mm_log("warn", "objects-missing", "out of memory after an abort");
    }
}

/* A record under a free handle, its header written; 0 when there is none left. */
static mm_ref record_new(struct mm_vm *vm, const uint8_t header[MM_OBJECT_HEADER], size_t len,
                         mm_comp owner)
{
    for (uint32_t tries = MM_REF_RAM_MAX + 1; tries < MM_OBJECT_MAX; tries++) {
        mm_ref ref = (mm_ref)vm->next_ref;
        enum mm_status st;

        vm->next_ref = vm->next_ref + 1 < MM_OBJECT_MAX ? vm->next_ref + 1 : MM_REF_RAM_MAX + 1;
        if (vm->objs[ref].type != MM_TYPE_NONE || (vm->objs[ref].flags & MM_OBJ_UNDONE) != 0)
            continue;
        st = mm_rec_new(vm->nvm, ref, owner, MM_OBJECT_HEADER + len);
        if (st == MM_EXISTS) /* a record that could not be taken into the table at power-on */
            continue;
        if (st != MM_OK)
            return MM_REF_NULL;
        /* The creation is undone by an abort, so the header needs no undo of its own. */
        st = mm_rec_write_nonatomic(vm->nvm, ref, 0, header, MM_OBJECT_HEADER);
        if (st != MM_OK)
            st = mm_rec_delete(vm->nvm, ref) == MM_OK ? st : MM_IO;
        return st == MM_OK ? ref : MM_REF_NULL;
    }
    return MM_REF_NULL;
}

static uint8_t *record_content(const struct mm_vm *vm, mm_ref ref)
{
    /* Cast: contents are read through this pointer and written only by mm_obj_write. */
    return (uint8_t *)(uintptr_t)mm_rec_data(vm->nvm, ref, NULL) + MM_OBJECT_HEADER;
}

static mm_ref heap_new(struct mm_vm *vm, uint8_t type, const struct mm_class *cls, uint16_t n,
                       enum mm_transient transient, mm_comp owner, bool sensitive)
{
    uint8_t header[MM_OBJECT_HEADER];
    size_t len = mm_heap_content_len(type, n);
    uint8_t *ram = NULL;
    mm_ref ref;

    mm_heap_sync(vm);
    if (!remember_room(vm) || (transient == MM_CLEAR_ON_DESELECT && !deselect_room(vm)))
        return MM_REF_NULL;
    if (transient != MM_PERSISTENT) {
        if (len > mm_transient_room(vm, owner) || (ram = ram_new(len)) == NULL)
            return MM_REF_NULL;
    }
    header_put(header, type, cls, n, transient, sensitive);
    ref = record_new(vm, header, ram != NULL ? 0 : len + (sensitive ? MM_CONTROL : 0), owner);
    if (ref == MM_REF_NULL) {
        free(ram);
        return MM_REF_NULL;
    }
    if (mm_tx_active(vm->nvm))
        vm->tx_refs[vm->tx_ref_n++] = ref;
    set_entry(vm, ref, type, cls, n, owner, ram != NULL ? ram : record_content(vm, ref));
    if (ram != NULL)
        set_transient(vm, ref, (uint8_t)transient, len);
    if (sensitive)
        vm->objs[ref].flags |= MM_OBJ_SENSE;
    return ref;
}

mm_ref mm_heap_new(struct mm_vm *vm, uint8_t type, const struct mm_class *cls, uint16_t n,
                   enum mm_transient transient, mm_comp owner)
{
    return heap_new(vm, type, cls, n, transient, owner, false);
}

/* Its control element is made by a write of the whole, of zeros. */
mm_ref mm_heap_new_sensitive(struct mm_vm *vm, uint8_t type, uint16_t n,
                             enum mm_transient transient)
{
    const struct mm_class *cls = type == MM_TYPE_REF ? vm->object_class : NULL;
    mm_ref ref = heap_new(vm, type, cls, n, transient, vm->owner, true);

    if (ref == MM_REF_NULL || mm_vm_sensitive_clear(vm, ref) == MM_RUN_OK)
        return ref;
    return MM_REF_NULL; /* out of memory: nothing leads to it, object deletion takes it */
}

mm_ref mm_heap_new_ram(struct mm_vm *vm, uint8_t type, const struct mm_class *cls, uint16_t n,
                       uint8_t flags)
{
    for (mm_ref ref = 1; ref <= MM_REF_RAM_MAX; ref++) {
        uint8_t *ram;

        if (vm->objs[ref].type != MM_TYPE_NONE)
            continue;
        ram = ram_new(mm_heap_content_len(type, n));
        if (ram == NULL)
            return MM_REF_NULL;
        set_entry(vm, ref, type, cls, n, 0, ram);
        vm->objs[ref].flags = (uint8_t)(flags | MM_OBJ_RAM);
        return ref;
    }
    return MM_REF_NULL;
}

/* Class named in a header; false when there is none such (its package is damaged or gone). */
static bool header_class(const struct mm_vm *vm, uint8_t type, uint16_t pkg, uint32_t id,
                         const struct mm_class **cls)
{
    *cls = NULL;
    if (type != MM_TYPE_INSTANCE && type != MM_TYPE_REF)
        return true;
    if (pkg == 0) {
        *cls = mm_rom_by_id(vm, id);
    } else {
        const struct mm_package *p = mm_package_get(vm, pkg);
        if (p != NULL && id <= 0xFFFF)
            *cls = mm_package_class(p, (uint16_t)id);
    }
    return *cls != NULL;
}

/* An entry from its record. A record that makes no sense (a damaged component) gets none. */
static enum mm_status rebuild_one(struct mm_vm *vm, mm_ref ref)
{
    size_t len = 0;
    const uint8_t *rec = mm_rec_data(vm->nvm, ref, &len);
    const struct mm_class *cls;
    uint16_t pkg, n;
    uint32_t id;
    uint8_t *ram = NULL;

    if (rec == NULL || len < MM_OBJECT_HEADER)
        return MM_OK;
    /* An abort may have brought another record back under the handle (keep.c). */
    if (vm->objs[ref].type != MM_TYPE_NONE && vm->objs[ref].owner != mm_rec_comp(vm->nvm, ref))
        mm_heap_drop_entry(vm, ref);
    if (vm->objs[ref].type != MM_TYPE_NONE)
        return MM_OK;
    memcpy(&pkg, rec + 2, 2);
    memcpy(&id, rec + 4, 4);
    memcpy(&n, rec + 8, 2);
    if (rec[1] > 1)
        return MM_OK;
    if ((rec[0] != MM_TYPE_INSTANCE && (rec[0] < MM_TYPE_BOOLEAN || rec[0] > MM_TYPE_REF)) ||
        rec[10] > MM_CLEAR_ON_DESELECT || n > MM_ARRAY_MAX || rec[11] > 1 ||
        !header_class(vm, rec[0], pkg, id, &cls))
        return MM_OK;
    if (rec[0] == MM_TYPE_INSTANCE &&
        (n != cls->cells || cls->interface || rec[10] != 0 || rec[11] != 0))
        return MM_OK;
    if (len != MM_OBJECT_HEADER +
                   (rec[10] != 0 ? 0u : mm_heap_content_len(rec[0], n) + (rec[11] != 0 ? MM_CONTROL : 0u)))
        return MM_OK;
    if (rec[10] != 0) {
        ram = deselect_room(vm) ? ram_new(mm_heap_content_len(rec[0], n)) : NULL;
        if (ram == NULL)
            return MM_NO_MEMORY;
    }
    set_entry(vm, ref, rec[0], cls, n, mm_rec_comp(vm->nvm, ref),
              ram != NULL ? ram : record_content(vm, ref));
    if (ram != NULL)
        set_transient(vm, ref, rec[10], mm_heap_content_len(rec[0], n));
    if (rec[11] != 0)
        vm->objs[ref].flags |= MM_OBJ_SENSE;
    if (rec[11] != 0 && ram != NULL)
        mm_sensitive_renew(&vm->objs[ref]);
    return MM_OK;
}

enum mm_status mm_heap_renew(struct mm_vm *vm, mm_ref ref)
{
    mm_heap_drop_entry(vm, ref);
    return rebuild_one(vm, ref);
}

enum mm_status mm_heap_rebuild(struct mm_vm *vm)
{
    mm_key key = MM_REF_RAM_MAX;

    vm->next_ref = MM_REF_RAM_MAX + 1;
    while ((key = mm_rec_next(vm->nvm, key, MM_OBJECT_MAX - 1)) != 0) {
        enum mm_status st = rebuild_one(vm, (mm_ref)key);
        if (st != MM_OK)
            return st;
        if (key + 1 < MM_OBJECT_MAX)
            vm->next_ref = key + 1;
    }
    return MM_OK;
}

static void clear(struct mm_object *o)
{
    memset(o->data, 0, mm_content_len(o));
    if ((o->flags & MM_OBJ_SENSE) != 0)
        mm_sensitive_renew(o);
}

void mm_heap_clear_transients(struct mm_vm *vm, enum mm_transient kind, mm_comp ctx, bool all)
{
    for (size_t i = MM_REF_RAM_MAX + 1; i < vm->ref_end; i++) {
        struct mm_object *o = &vm->objs[i];
        if (o->transient == (uint8_t)kind && o->transient != MM_PERSISTENT &&
            (all || mm_heap_context(vm, o->owner) == ctx))
            clear(o);
    }
}

enum mm_run mm_write_failed(struct mm_vm *vm, enum mm_status st)
{
    if (st == MM_NO_MEMORY && mm_tx_applet_active(vm->nvm))
        return mm_throw(vm, MM_EXC_TRANSACTION, MM_TRANSACTION_BUFFER_FULL);
    return mm_fault(vm, "persistent memory cannot be written");
}

enum mm_run mm_obj_write(struct mm_vm *vm, mm_ref ref, size_t off, const void *data, size_t len,
                         enum mm_write how)
{
    struct mm_object *o = &vm->objs[ref];
    enum mm_status st;

    if ((o->flags & (MM_OBJ_RAM | MM_OBJ_SENSE)) == MM_OBJ_RAM) {
        memmove(o->data + off, data, len);
        return MM_RUN_OK;
    }
    if ((o->flags & MM_OBJ_SENSE) != 0)
        return mm_sensitive_write(vm, ref, off, data, len, how);
    off += MM_OBJECT_HEADER;
    if (how == MM_WRITE_ATOMIC)
        st = mm_rec_write(vm->nvm, ref, off, data, len);
    else if (how == MM_WRITE_NONATOMIC)
        st = mm_rec_write_nonatomic(vm->nvm, ref, off, data, len);
    else
        st = mm_rec_write_now(vm->nvm, ref, off, data, len);
    return st == MM_OK ? MM_RUN_OK : mm_write_failed(vm, st);
}

enum mm_run mm_static_write(struct mm_vm *vm, mm_comp package, size_t off, const void *data,
                            size_t len)
{
    enum mm_status st = mm_rec_write(vm->nvm, MM_KEY_PACKAGE_STATICS(package), off, data, len);

    return st == MM_OK ? MM_RUN_OK : mm_write_failed(vm, st);
}
