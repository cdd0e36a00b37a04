/*
 * Remote objects: which are exported, and what their CAP file says of their class (JCVM 3.0.5,
 * 6.9.2.15). Nothing of it is kept; it is read where it is, for a call from outside.
 */
#include "applet_vm/vm/vm_int.h"

#define EXPORT_OFF 1 /* of the mark in an object's header */

/* ---- Export ---- */

enum mm_run mm_vm_export(struct mm_vm *vm, mm_ref obj, bool exported)
{
    const uint8_t mark = exported;
    enum mm_status st;

    if (vm->objs[obj].type != MM_TYPE_INSTANCE || (vm->objs[obj].flags & MM_OBJ_RAM) != 0)
        return mm_throw(vm, mm_is_null(vm->objs, obj) ? MM_EXC_NULL_POINTER : MM_EXC_SECURITY, 0);
    st = mm_rec_write(vm->nvm, obj, EXPORT_OFF, &mark, 1);
    return st == MM_OK ? MM_RUN_OK : mm_write_failed(vm, st);
}

bool mm_vm_exported(const struct mm_vm *vm, mm_ref obj)
{
    size_t len = 0;
    const uint8_t *rec = obj > MM_REF_RAM_MAX ? mm_rec_data(vm->nvm, obj, &len) : NULL;

    return rec != NULL && len > EXPORT_OFF && rec[EXPORT_OFF] == 1;
}

/* ---- What the class says ---- */

static struct mm_cap_name take_name(struct mm_rd *rd)
{
    struct mm_cap_name name = {.n = mm_rd_u8(rd)};

    name.s = mm_rd_bytes(rd, name.n);
    return name;
}

/* The package's name in the Header component (JCVM 6.4, format 2.2). */
static struct mm_cap_name package_name(const struct mm_package *pkg)
{
    const struct mm_cap_component *c = mm_cap_component(pkg->cap, MM_CAP_HEADER);
    struct mm_rd rd;
    struct mm_cap_name none = {NULL, 0}, name;

    mm_rd_init(&rd, c->info, c->len);
    (void)mm_rd_bytes(&rd, 9); /* magic, format, flags, package version */
    (void)mm_rd_bytes(&rd, mm_rd_u8(&rd));
    name = take_name(&rd);
    return rd.bad ? none : name;
}

/* rd behind the methods of the object's class; pkg: its package. */
static const struct mm_package *behind_methods(struct mm_vm *vm, mm_ref obj, struct mm_rd *rd)
{
    const struct mm_object *o = &vm->objs[obj];

    if (o->type != MM_TYPE_INSTANCE || !mm_class_remote(o->cls, rd))
        return NULL;
    (void)mm_rd_bytes(rd, 5u * mm_rd_u8(rd));
    return o->cls->pkg;
}

bool mm_vm_remote_class(struct mm_vm *vm, mm_ref obj, struct mm_remote_class *out)
{
    struct mm_rd rd;
    const struct mm_package *pkg = behind_methods(vm, obj, &rd);

    memset(out, 0, sizeof(*out));
    if (pkg == NULL)
        return false;
    out->package = package_name(pkg);
    out->modifier = take_name(&rd);
    out->name = take_name(&rd);
    out->interface_n = mm_rd_u8(&rd);
    return !rd.bad && out->package.s != NULL;
}

/* "java/rmi/Remote" of ROM: what is before and after the last slash. */
static void split(const char *full, struct mm_cap_name *package, struct mm_cap_name *name)
{
    const char *slash = strrchr(full, '/');

    package->s = (const uint8_t *)full;
    package->n = slash != NULL ? (size_t)(slash - full) : 0;
    name->s = (const uint8_t *)full + package->n + (slash != NULL);
    name->n = strlen((const char *)name->s);
}

bool mm_vm_remote_interface(struct mm_vm *vm, mm_ref obj, size_t index, struct mm_cap_name *package,
                            struct mm_cap_name *name)
{
    struct mm_rd rd;
    const struct mm_package *pkg = behind_methods(vm, obj, &rd);
    const struct mm_class *iface;

    if (pkg == NULL)
        return false;
    (void)take_name(&rd);
    (void)take_name(&rd);
    if (index >= mm_rd_u8(&rd))
        return false;
    (void)mm_rd_bytes(&rd, 2 * index);
    iface = mm_resolve_class_ref(pkg, mm_rd_u16(&rd));
    if (rd.bad || iface == NULL)
        return false;
    if (iface->pkg == NULL) {
        split(iface->rom->name, package, name);
        return true;
    }
    if (!mm_class_remote(iface, &rd) || !iface->interface)
        return false;
    *package = package_name(iface->pkg);
    *name = take_name(&rd);
    return !rd.bad && package->s != NULL;
}

bool mm_vm_remote_method(struct mm_vm *vm, mm_ref obj, uint16_t hash, struct mm_remote_method *out)
{
    const struct mm_object *o = &vm->objs[obj];
    const struct mm_cap_component *c;
    const struct mm_method *m;
    struct mm_rd rd;
    bool found = false;
    uint16_t off = 0;

    memset(out, 0, sizeof(*out));
    if (o->type != MM_TYPE_INSTANCE || !mm_class_remote(o->cls, &rd))
        return false;
    for (uint8_t n = mm_rd_u8(&rd); n > 0 && !found; n--) {
        found = mm_rd_u16(&rd) == hash;
        off = mm_rd_u16(&rd);
        out->token = mm_rd_u8(&rd);
    }
    if (!found || rd.bad)
        return false;
    m = mm_class_method(o->cls, out->token, false);
    out->cell_n = m != NULL && m->args > 0 ? m->args - 1u : SIZE_MAX;
    /* Offsets are from the pool's first byte, which is behind its length. */
    c = mm_cap_component(o->cls->pkg->cap, MM_CAP_CLASS);
    mm_rd_init(&rd, c->info, c->len);
    mm_rd_init(&rd, c->info + 2, mm_rd_u16(&rd));
    (void)mm_rd_bytes(&rd, off);
    out->signature_n = mm_rd_u8(&rd);
    out->signature = mm_rd_bytes(&rd, (out->signature_n + 1) / 2);
    return !rd.bad;
}

/* ---- The call ---- */

enum mm_run mm_vm_invoke_virtual(struct mm_vm *vm, mm_ref obj, uint8_t token, const uint16_t *cells,
                                 size_t cell_n, uint16_t ret[2])
{
    const struct mm_object *o = &vm->objs[obj];
    enum mm_run run = mm_fw_virtual(vm, obj);
    const struct mm_method *m;
    uint16_t args[256] = {obj};

    if (run != MM_RUN_OK)
        return run;
    m = mm_class_method(mm_object_class(vm, o), token, false);
    if (m == NULL || m->args != cell_n + 1)
        return mm_fault(vm, "call of a method that the object does not have");
    if (cell_n != 0)
        memcpy(args + 1, cells, 2 * cell_n);
    return mm_call(vm, m, args, o->ctx, o->owner, ret);
}

void mm_vm_global_array_free(struct mm_vm *vm, mm_ref array)
{
    if ((vm->objs[array].flags & MM_OBJ_GLOBAL) != 0)
        mm_heap_drop_entry(vm, array);
}
