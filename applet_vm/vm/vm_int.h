/*
 * Inside the virtual machine. Only applet_vm/vm and its own tests include this.
 *
 * A heap object as an NVM record (key: its ref, component: its owner). All fields are in host
 * order, which is little-endian on every machine this is built for (vm.c refuses others at compile
 * time), so that cells are read with plain loads:
 *
 *   0      1      2             4                           8             10     11     12
 *   +------+------+-------------+---------------------------+-------------+------+------+--------
 *   | type | ex-  | class       | class: offset of          | n: cells or | tran-| sen- | cells or
 *   |      | port | package     | class_info, or for ROM    | elements    | sient| sit. | elements
 *   |      |      | 0: ROM      | FNV-1a of its full name   |             |      |      |
 *   +------+------+-------------+---------------------------+-------------+------+------+--------
 *
 * type: 1 instance, 10 boolean[], 11 byte[], 12 short[], 13 int[], 14 reference array. The class is
 * that of the instance, or of the elements of a reference array; 0 and 0 for other arrays. A cell
 * has 16 bits; an int is two cells, high one first, or one element of 4 bytes. A transient array
 * has no elements in its record: they are in RAM.
 *
 * export is 1 when the object may be called from outside (JCRE 8, CardRemoteObject.export).
 *
 * An integrity-sensitive array (sensit. is 1; API, SensitiveArrays) has 4 bytes more behind its
 * elements, wherever they are: its control element, FNV-1a of the elements. It finds faults of
 * memory; what finds an attack on the image is the seal.
 *
 * A ROM class is named by the hash of its name, not by a position, so that an image stays good when
 * a later version of the API tables adds classes.
 */
#ifndef MM_VM_INT_H
#define MM_VM_INT_H

#include <string.h>

#include "applet_vm/vm/vm.h"

#define MM_OBJECT_HEADER 12
#define MM_OBJECT_MAX    0x10000
#define MM_ARRAY_MAX     0x7FFF
#define MM_CELLS_MAX     0x1000 /* cells of an instance, superclasses included: 16 times 255 */
#define MM_FRAME_MAX     256    /* Java calls deep */
#define MM_STACK_CELLS   0x4000 /* 64 cells a frame on average */
#define MM_NEST_MAX      8      /* Java called by natives called by Java ... (C stack) */
#define MM_PACKAGE_MAX   128
#define MM_CONTEXT_NONE  0xFFFF /* context of objects whose owner is not bound: nobody's */

#define MM_TYPE_NONE     0
#define MM_TYPE_INSTANCE 1
#define MM_TYPE_BOOLEAN  10
#define MM_TYPE_BYTE     11
#define MM_TYPE_SHORT    12
#define MM_TYPE_INT      13
#define MM_TYPE_REF      14

/* ---- Arena: what one package's linked form is made of, released at once ---- */
struct mm_arena {
    struct mm_arena_block *first;
};
/* mintmark-convert links this module and the converter, which has an arena of its own. */
#define mm_arena_alloc mm_vm_arena_alloc
void *mm_arena_alloc(struct mm_arena *arena, size_t n, size_t size); /* zeroed; NULL when out */
void mm_arena_clear(struct mm_arena *arena);

/* ---- Pre-decoded code ---- */
enum mm_vop {
#define MM_V(name) MM_V_##name,
#include "applet_vm/vm/ops.def"
#undef MM_V
    MM_V_N
};
struct mm_ins {
    uint16_t op;
    uint16_t a;
    int32_t b;
    const void *p;
};
/* Both switches; keys ascending for lookup as the file has them, low .. low + n - 1 for tables. */
struct mm_switch {
    bool table;
    int32_t other; /* where to when no key matches */
    int32_t low;
    uint32_t n;
    struct mm_switch_case {
        int32_t key;
        int32_t to;
    } * cases;
};
struct mm_handler {
    uint32_t first, end; /* instructions it covers: first .. end - 1 */
    uint32_t target;
    const struct mm_class *catch_class; /* NULL: any */
    bool stop;
};

#define MM_RET_NEVER   0xFE /* no return instruction can be reached */
#define MM_RET_UNKNOWN 0xFF /* not looked at yet: mm_method_ret */
struct mm_method {
    const struct mm_ins *code; /* NULL: native, abstract, or not translated yet */
    uint32_t ins_n;
    mm_native native;
    const struct mm_rom_method *rom;
    const struct mm_class *rom_class;
    struct mm_package *pkg; /* NULL: ROM */
    const struct mm_handler *handlers;
    uint16_t handler_n;
    uint16_t off;    /* of its header in the Method component */
    uint16_t locals; /* arguments and own variables */
    uint16_t max_stack;
    uint8_t args;
    uint8_t ret; /* cells, or MM_RET_* */
    bool abstract;
};

/* ---- Classes ---- */
struct mm_impl {
    const struct mm_class *iface;
    uint16_t n;
    const uint8_t *tokens; /* virtual method token by interface method token; 0xFF: none */
};
struct mm_class {
    const struct mm_rom_class *rom; /* NULL: from a package */
    struct mm_package *pkg;         /* NULL: ROM */
    const struct mm_class *super;
    const char *api_name; /* of the nearest ROM class */
    uint32_t id;          /* as in the object header */
    uint16_t off;         /* class_info, or token in ROM */
    bool interface, shareable, abstract;
    uint16_t first_cell;    /* cells of the superclasses */
    uint16_t cells;         /* all */
    const uint8_t *is_ref;  /* by cell */
    struct mm_method **pub; /* by token, inherited ones included; NULL entries: none */
    uint16_t pub_n;
    struct mm_method **pack; /* package-visible ones, token without bit 7 */
    uint16_t pack_n;
    struct mm_impl *impls; /* of a class: own ones; of an interface: its superinterfaces */
    size_t impl_n;
    struct mm_method *rom_methods; /* parallel to rom->methods */
};

/* ---- Packages ---- */
struct mm_imported {
    const struct mm_rom_unit *rom; /* one of the two */
    struct mm_package *pkg;
};
struct mm_rom_unit {
    const struct mm_rom_package *rom;
    struct mm_class *classes; /* parallel to rom->classes */
};
struct mm_package {
    mm_comp comp;
    struct mm_cap *cap;
    struct mm_arena arena;
    struct mm_imported *imports;
    struct mm_class *classes; /* ascending off */
    size_t class_n;
    struct mm_method *methods; /* ascending off */
    size_t method_n;
    const uint8_t *statics; /* the record's content; NULL: no static fields */
    size_t statics_len, statics_ref_n;
    bool loaded_in_tx;
    bool described; /* it and all that it imports have a Descriptor, or are of ROM */
};

/* ---- Objects ---- */
#define MM_OBJ_RAM    0x01 /* contents are ours: written in place */
#define MM_OBJ_ENTRY  0x02 /* JCRE entry point */
#define MM_OBJ_GLOBAL 0x04 /* global array */
#define MM_OBJ_TEMP   0x08 /* temporary entry point or global array: may not be stored */
#define MM_OBJ_SENSE  0x10 /* integrity-sensitive array */
#define MM_OBJ_UNDONE 0x20 /* no object: one was undone in this call, its handle means null */
struct mm_object {
    uint8_t *data; /* NULL: no object. Of a persistent one, written only by mm_obj_write */
    const struct mm_class *cls;
    uint16_t n;     /* elements; 0 for instances */
    uint16_t cells; /* 0 for arrays */
    mm_comp ctx, owner;
    uint8_t type, flags, transient;
};

/* The JCRE's own in persistent memory: an entry point. */
static inline bool mm_object_permanent(const struct mm_object *o)
{
    return o->type == MM_TYPE_INSTANCE && o->owner == 0 && (o->flags & MM_OBJ_RAM) == 0;
}

struct mm_frame {
    const struct mm_method *m;
    const struct mm_ins *ip; /* of a calling frame: its invoke */
    uint16_t *loc, *base, *sp;
    mm_comp ctx, owner, previous;
};

/* Exceptions that the VM itself throws. */
#define MM_VM_EXCEPTIONS(X)                                                                        \
    X(NULL_POINTER, "java/lang/NullPointerException")                                              \
    X(INDEX, "java/lang/ArrayIndexOutOfBoundsException")                                           \
    X(ARRAY_STORE, "java/lang/ArrayStoreException")                                                \
    X(CLASS_CAST, "java/lang/ClassCastException")                                                  \
    X(NEGATIVE_SIZE, "java/lang/NegativeArraySizeException")                                       \
    X(ARITHMETIC, "java/lang/ArithmeticException")                                                 \
    X(SECURITY, "java/lang/SecurityException")                                                     \
    X(SYSTEM, "javacard/framework/SystemException")                                                \
    X(TRANSACTION, "javacard/framework/TransactionException")
enum mm_vm_exc {
#define X(id, name) MM_EXC_##id,
    MM_VM_EXCEPTIONS(X)
#undef X
        MM_EXC_N
};
#define MM_SYSTEM_ILLEGAL          1 /* ILLEGAL_VALUE */
#define MM_SYSTEM_NO_RESOURCE      5
#define MM_TRANSACTION_BUFFER_FULL 3

/* What the card calls in an applet (call.c has their names), found at power-on. */
enum mm_fixed_call {
    MM_CALL_SELECT,
    MM_CALL_DESELECT,
    MM_CALL_PROCESS,
    MM_CALL_SELECT_AGAIN,
    MM_CALL_DESELECT_ONE,
    MM_CALL_UNINSTALL,
    MM_CALL_N
};

struct mm_vm {
    struct mm_vm_config cfg;
    struct mm_nvm *nvm;
    struct mm_arena rom_arena;
    struct mm_rom_unit *roms;
    size_t rom_n;
    const struct mm_class **rom_by_name; /* sorted */
    size_t rom_class_n;
    const struct mm_class *object_class, *throwable_class, *applet_class;
    const struct mm_class *exception_class[MM_EXC_N];
    struct {
        const struct mm_class *cls; /* that declares it; NULL: these ROM classes do not */
        uint16_t token;
    } calls[MM_CALL_N];

    struct mm_package *packages[MM_PACKAGE_MAX];
    size_t package_n;
    mm_comp *bound; /* context by owner, MM_COMP_MAX + 1 entries; 0: not bound */

    struct mm_object *objs; /* MM_OBJECT_MAX */
    uint32_t next_ref;      /* where the search for a free handle goes on */
    uint32_t ref_end;       /* no object from this handle on */
    mm_ref *exceptions;     /* by index in rom_by_name; 0: not an exception, or not made yet */
    mm_ref install_params;
    size_t transient_used;
    struct mm_transient_share *shares; /* owned */
    size_t share_n;
    mm_ref *tx_refs; /* objects made in the open transaction, an applet's inside it included */
    size_t tx_ref_n, tx_ref_cap;
    bool undone; /* there are handles that are MM_OBJ_UNDONE */
    mm_comp selected; /* context of the currently selected applet; 0: none */
    mm_ref *deselect; /* the CLEAR_ON_DESELECT arrays */
    size_t deselect_n, deselect_cap;
    bool tx_packages; /* a package was loaded in it */
    bool tx_forgot;   /* entries were dropped in it: an abort brings them back */
    bool collect_wanted;

    mm_comp ctx, owner, previous;
    uint32_t entries;
    uint64_t budget; /* bytecodes left */
    unsigned nest;
    size_t depth; /* frames in use */
    struct mm_frame frames[MM_FRAME_MAX];
    uint16_t stack[MM_STACK_CELLS];
    uint16_t ret[2];
    mm_ref thrown;
    struct mm_exception exception;
    const char *fault;
    enum mm_run (*interp)(struct mm_vm *vm, size_t base);

    void *api_state;
    void (*api_release)(void *state);
    void (*api_gone)(struct mm_vm *vm, mm_ref ref);
};

/* ---- rom.c ---- */
enum mm_status mm_rom_build(struct mm_vm *vm, struct mm_err *err) MM_USE_RESULT;
const struct mm_class *mm_rom_find(const struct mm_vm *vm, const char *name);
size_t mm_rom_index(const struct mm_vm *vm, const struct mm_class *cls); /* in rom_by_name */
const struct mm_class *mm_rom_by_id(const struct mm_vm *vm, uint32_t id);
const struct mm_class *mm_rom_class(const struct mm_rom_unit *rom, uint8_t token);
/* Method of a ROM class by token: of the static space (constructors too) or the virtual one. */
struct mm_method *mm_rom_static(const struct mm_class *cls, uint8_t token);

/* ---- class.c: questions about classes ---- */
bool mm_class_is(const struct mm_class *cls,
                 const struct mm_class *of); /* subclass or implements */
static inline const struct mm_class *mm_object_class(const struct mm_vm *vm,
                                                     const struct mm_object *o)
{
    return o->type == MM_TYPE_INSTANCE ? o->cls : vm->object_class;
}
static inline struct mm_method *mm_class_method(const struct mm_class *cls, uint16_t token,
                                                bool package)
{
    if (package)
        return token < cls->pack_n ? cls->pack[token] : NULL;
    return token < cls->pub_n ? cls->pub[token] : NULL;
}
struct mm_method *mm_class_interface_method(const struct mm_class *cls,
                                            const struct mm_class *iface, uint16_t token);
/* Is the object of this type? type, cls as in checkcast: 0 class, 10..14 arrays. */
bool mm_object_is(const struct mm_vm *vm, const struct mm_object *o, uint16_t type,
                  const struct mm_class *cls);

/* ---- link.c: one package ---- */
/* Resolve imports, build classes, translate methods. Everything is in pkg->arena.
 * good   the code is known to link: methods are translated when they are first called, if Descriptors
 *        tell what every call returns */
enum mm_status mm_link_package(struct mm_vm *vm, struct mm_package *pkg, bool good,
                               struct mm_err *err) MM_USE_RESULT;
const struct mm_class *mm_package_class(const struct mm_package *pkg, uint16_t off);
struct mm_method *mm_package_method(const struct mm_package *pkg, uint16_t off);
struct mm_package *mm_package_get(const struct mm_vm *vm, mm_comp comp);

/* ---- package.c ---- */
void mm_packages_read(struct mm_vm *vm); /* at power-on */
void mm_packages_sync(struct mm_vm *vm); /* drop those whose loading was aborted */
void mm_package_free(struct mm_package *pkg);

/* ---- classes.c: the Class component ---- */
enum mm_status mm_link_classes(struct mm_vm *vm, struct mm_package *pkg,
                               struct mm_err *err) MM_USE_RESULT;
/* What a class or interface of a package says for remote calls (JCVM 6.9.2.15, CAP 2.2): rd is at
 * the methods of a class, at the name of an interface. False: it is not remote. */
bool mm_class_remote(const struct mm_class *cls, struct mm_rd *rd);
/* Methods the class tables point to are looked up when the method list is complete. */
enum mm_status mm_link_tables(struct mm_package *pkg, struct mm_err *err) MM_USE_RESULT;

/* ---- resolve.c: constant pool entries of a package ---- */
const struct mm_class *mm_resolve_class_ref(const struct mm_package *pkg, uint16_t class_ref);
enum mm_status mm_resolve_class(const struct mm_package *pkg, uint16_t cp,
                                const struct mm_class **out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_resolve_field(const struct mm_package *pkg, uint16_t cp, uint16_t width,
                                uint16_t *cell, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_resolve_static_field(const struct mm_package *pkg, uint16_t cp, size_t width,
                                       const struct mm_package **owner, uint16_t *off,
                                       struct mm_err *err) MM_USE_RESULT;
/* StaticMethodref, or SuperMethodref when special. */
enum mm_status mm_resolve_method(const struct mm_package *pkg, uint16_t cp, bool special,
                                 struct mm_method **out, struct mm_err *err) MM_USE_RESULT;
/* What a virtual or interface call needs to know: cells of arguments and results. */
struct mm_call_shape {
    uint8_t args, ret;
    uint8_t token;
};
enum mm_status mm_resolve_virtual(const struct mm_vm *vm, const struct mm_package *pkg, uint16_t cp,
                                  struct mm_call_shape *out, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_resolve_interface(const struct mm_vm *vm, const struct mm_package *pkg,
                                    uint16_t cp, uint8_t args, uint8_t token,
                                    const struct mm_class **iface, struct mm_call_shape *out,
                                    struct mm_err *err) MM_USE_RESULT;

/* ---- decode.c, translate.c: bytecode to struct mm_ins ---- */
/* One bytecode translated. Branch targets are still byte offsets (ins.b, or in the switch). */
struct mm_step {
    struct mm_ins ins;
    uint8_t pops, pushes;
    bool never; /* a call that does not return */
};
enum mm_status mm_translate(const struct mm_vm *vm, struct mm_package *pkg,
                            const struct mm_method *m, size_t off, struct mm_step *out,
                            struct mm_err *err) MM_USE_RESULT;
/* Cells that a method returns, MM_RET_NEVER when it has no return instruction. */
uint8_t mm_method_ret(struct mm_method *m);
/* Give a method of a package its code; nothing when it has it, or is abstract. */
enum mm_status mm_method_translate(const struct mm_vm *vm, struct mm_method *m,
                                   struct mm_err *err) MM_USE_RESULT;

/* ---- fuse.c: operations in a row made one, in place ---- */
void mm_fuse(struct mm_ins *code, uint32_t n);

/* ---- heap.c ---- */
mm_ref mm_heap_new(struct mm_vm *vm, uint8_t type, const struct mm_class *cls, uint16_t n,
                   enum mm_transient transient, mm_comp owner);
mm_ref mm_heap_new_ram(struct mm_vm *vm, uint8_t type, const struct mm_class *cls, uint16_t n,
                       uint8_t flags);
/* An integrity-sensitive array of the running owner. */
mm_ref mm_heap_new_sensitive(struct mm_vm *vm, uint8_t type, uint16_t n,
                             enum mm_transient transient);
enum mm_status mm_heap_rebuild(struct mm_vm *vm) MM_USE_RESULT; /* from the NVM, at power-on */
/* One entry from its record, which was made anew. */
enum mm_status mm_heap_renew(struct mm_vm *vm, mm_ref ref) MM_USE_RESULT;
void mm_heap_drop_entry(struct mm_vm *vm, mm_ref ref); /* forget, without deleting the record */
/* Bytes of an object's contents. */
size_t mm_heap_content_len(uint8_t type, uint16_t n);
/* share.c: transient memory the owner may still take. */
size_t mm_transient_room(const struct mm_vm *vm, mm_comp owner);
void mm_heap_clear_transients(struct mm_vm *vm, enum mm_transient kind, mm_comp ctx, bool all);
mm_comp mm_heap_context(const struct mm_vm *vm, mm_comp owner);
/* Give the object its context: the owner's, or nobody's for a CLEAR_ON_DESELECT array while its
 * context is not the selected applet's (JCRE 3.0.5, 6.2.6). So the quick check needs no more. */
void mm_heap_place(struct mm_vm *vm, mm_ref ref);
void mm_heap_select(struct mm_vm *vm, mm_comp ctx);
/*
 * Entries of objects that an abort undid are dropped. A reference to one is the same as null (JCRE
 * 3.0.5, 7.6.3): in transient arrays it becomes null; on the stack, where nobody knows which cells
 * are references, the handle is not given away before the outermost call ends, and whatever looks
 * at a reference takes an undone one for null.
 */
void mm_heap_undo(struct mm_vm *vm);
void mm_heap_undone_forget(struct mm_vm *vm); /* the outermost call begins: no reference is left */
static inline bool mm_is_null(const struct mm_object *objs, mm_ref ref)
{
    return ref == MM_REF_NULL || (objs[ref].flags & MM_OBJ_UNDONE) != 0;
}
/* After a transaction may have been aborted: entries whose record is gone are dropped. */
void mm_heap_sync_now(struct mm_vm *vm);
static inline void mm_heap_sync(struct mm_vm *vm)
{
    if ((vm->tx_ref_n != 0 || vm->tx_packages || vm->tx_forgot) && !mm_tx_active(vm->nvm))
        mm_heap_sync_now(vm);
}
enum mm_write { MM_WRITE_ATOMIC, MM_WRITE_NONATOMIC, MM_WRITE_NOW };
/* THE write to contents of objects: off and len in bytes from the first cell, checked before. */
enum mm_run mm_obj_write(struct mm_vm *vm, mm_ref ref, size_t off, const void *data, size_t len,
                         enum mm_write how);
enum mm_run mm_static_write(struct mm_vm *vm, mm_comp package, size_t off, const void *data,
                            size_t len);

/* ---- sensitive.c: arrays with a control element ---- */
#define MM_CONTROL 4
size_t mm_content_len(const struct mm_object *o); /* bytes of the elements or cells */
/* The control element over len bytes; to is what it is over the bytes before, or MM_CONTROL_0. */
#define MM_CONTROL_0 0x811c9dc5u
uint32_t mm_control(uint32_t to, const uint8_t *data, size_t len);
/* As mm_obj_write, for an array that has one: checked before (SecurityException), and renewed. */
enum mm_run mm_sensitive_write(struct mm_vm *vm, mm_ref ref, size_t off, const void *data,
                               size_t len, enum mm_write how);
/* Volatile contents were changed by the JCRE: make the control element anew. */
void mm_sensitive_renew(struct mm_object *o);
/* Status of a failed write: an exception or a fault. */
enum mm_run mm_write_failed(struct mm_vm *vm, enum mm_status st);
static inline size_t mm_element_size(uint8_t type)
{
    return type == MM_TYPE_INT ? 4 : type == MM_TYPE_BOOLEAN || type == MM_TYPE_BYTE ? 1 : 2;
}
static inline uint16_t mm_cell(const uint8_t *data, size_t i)
{
    uint16_t v;
    memcpy(&v, data + 2 * i, 2);
    return v;
}
static inline uint32_t mm_int(const uint8_t *data, size_t i)
{
    uint32_t v;
    memcpy(&v, data + 4 * i, 4);
    return v;
}
/* The references an object holds: of those that hold any, the cells, of which null stands for values. */
static inline bool mm_has_refs(const struct mm_object *o)
{
    return o->type == MM_TYPE_INSTANCE || o->type == MM_TYPE_REF;
}
static inline size_t mm_cell_n(const struct mm_object *o)
{
    return o->type == MM_TYPE_INSTANCE ? o->cells : o->n;
}
static inline mm_ref mm_ref_at(const struct mm_object *o, size_t i)
{
    return o->type == MM_TYPE_INSTANCE && o->cls->is_ref[i] == 0 ? MM_REF_NULL
                                                                 : mm_cell(o->data, i);
}

/* ---- exception.c ---- */
enum mm_status mm_exceptions_new(struct mm_vm *vm) MM_USE_RESULT;
enum mm_run mm_throw(struct mm_vm *vm, enum mm_vm_exc which, uint16_t reason);
enum mm_run mm_fault(struct mm_vm *vm, const char *why);
/* The handler for vm->thrown at instruction pc; NULL: none. */
const struct mm_handler *mm_handler_find(const struct mm_vm *vm, const struct mm_method *m,
                                         uint32_t pc);
void mm_exception_keep(struct mm_vm *vm); /* vm->thrown into vm->exception */

/* ---- firewall.c: what to do when the quick check (owner context is the active one) fails ---- */
enum mm_run mm_fw_instance(struct mm_vm *vm, mm_ref ref, uint16_t cell);
enum mm_run mm_fw_array(struct mm_vm *vm, mm_ref ref, uint8_t type, int32_t index);
enum mm_run mm_fw_array_length(struct mm_vm *vm, mm_ref ref);
/* An undone reference is stored as null. */
enum mm_run mm_fw_store(struct mm_vm *vm, mm_ref *value);
enum mm_run mm_fw_virtual(struct mm_vm *vm, mm_ref ref);
enum mm_run mm_fw_interface(struct mm_vm *vm, mm_ref ref, const struct mm_class *iface);
enum mm_run mm_fw_throw(struct mm_vm *vm, mm_ref ref);
enum mm_run mm_fw_cast(struct mm_vm *vm, mm_ref ref, uint16_t type, const struct mm_class *cls);
enum mm_run mm_array_store_check(struct mm_vm *vm, mm_ref array, mm_ref value);

/* ---- call.c ---- */
void mm_calls_find(struct mm_vm *vm); /* when the ROM classes are built */
/* Run m with args (this included) as owner in ctx, from the JCRE or a native. */
enum mm_run mm_call(struct mm_vm *vm, const struct mm_method *m, const uint16_t *args, mm_comp ctx,
                    mm_comp owner, uint16_t *ret);
static inline enum mm_run mm_native_call(struct mm_vm *vm, const struct mm_method *m,
                                         const uint16_t *args, uint16_t *ret)
{
    enum mm_run run;

    if (m->native == NULL)
        return mm_fault(vm, "call of a method this chip does not have");
    run = m->native(vm, args, ret);
    mm_heap_sync(vm); /* it may have aborted the transaction */
    return run;
}
/* Has the method code that is only to be translated? And do that. */
static inline bool mm_method_waits(const struct mm_method *m)
{
    return m->code == NULL && m->pkg != NULL && !m->abstract;
}
enum mm_run mm_method_ready(struct mm_vm *vm, const struct mm_method *m);

/* ---- interp_goto.c, interp_switch.c: one loop, two ways to dispatch ---- */
enum mm_run mm_interp_goto(struct mm_vm *vm, size_t base);
enum mm_run mm_interp_switch(struct mm_vm *vm, size_t base);

#endif
