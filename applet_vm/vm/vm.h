/*
 * The Java Card virtual machine: packages, objects, contexts, the interpreter. (JCVM 3.0.5; JCRE
 * 3.0.5 chapters 6, 7.) No APDU and no GlobalPlatform here; the card (applet_vm/card) drives it
 * and gives it services; the API classes (applet_vm/api) are natives registered with it.
 *
 * Words
 *  ref      16-bit handle of an object; 0 is null. Looked up in the object table at every use.
 *  context  a package's context (JCRE 6.1.1), numbered by the package's component id; 0: the JCRE.
 *  owner    the applet instance (component id) that made an object; 0: the JCRE.
 *
 * Arrays of static initialisers belong to their package: owner is the package's component id, and
 * every applet instance of the package may use them. Natives run in the context of their caller
 * (also those of entry points), so that mm_vm_array checks arrays against the applet that passed
 * them; only a shareable call switches the context for a native.
 *
 * Persistent objects are NVM records with key = ref. Handles 1..MM_REF_RAM_MAX are never in the
 * NVM: JCRE entry points, global arrays, exception instances; made anew at every power-on.
 * Transient arrays have a persistent header record and volatile contents.
 */
#ifndef MM_VM_H
#define MM_VM_H

#include "applet_vm/base/base.h"
#include "applet_vm/cap/cap.h"
#include "applet_vm/nvm/nvm.h"

typedef uint16_t mm_ref;
#define MM_REF_NULL    0
#define MM_REF_RAM_MAX 0x01FF

struct mm_vm;

/* Records of a loaded package, owned by its component: its Load File Data Block, byte for byte, and
 * its static field image (present when it has static fields). */
#define MM_KEY_PACKAGE_LFDB(comp)    (0x01000000u + ((uint32_t)(comp) << 8))
#define MM_KEY_PACKAGE_STATICS(comp) (0x01000001u + ((uint32_t)(comp) << 8))

/* ---- Outcome of running Java code ---- */
enum mm_run {
    MM_RUN_OK,     /* returned */
    MM_RUN_THROWN, /* an exception left the call: mm_vm_exception */
    MM_RUN_FAULT /* the VM cannot go on with this call (step budget, out of frames, NVM failure) */
};

/* ---- Natives ---- */
/* Arguments of a native: 16-bit cells, this first for instance methods; a result of one cell goes
 * to ret[0], an int to ret[0] (high) and ret[1] (low). args is borrowed until the next
 * mm_vm_invoke_*. Return MM_RUN_THROWN after mm_vm_throw. */
typedef enum mm_run (*mm_native)(struct mm_vm *vm, const uint16_t *args, uint16_t *ret);

/* ---- ROM packages: the API, as tables made from applet_vm/api/ *.tsv (build/gen/api_tables.c) */
struct mm_rom_method {
    const char *name;       /* "arrayCopy" */
    const char *descriptor; /* "([BS[BSS)S" */
    uint8_t token;
    uint16_t access;   /* as in the export file: 0001 public 0008 static 0400 abstract */
    uint8_t arg_cells; /* this included */
    uint8_t ret_cells; /* 0, 1, 2 */
    mm_native native;  /* NULL: abstract, or not implemented on this chip (link refuses it) */
};
struct mm_rom_field {
    const char *descriptor; /* "[B" */
    uint8_t token;          /* unique among static, and among instance fields of the class */
    uint16_t access;        /* as of methods */
};
struct mm_rom_class {
    const char *name; /* "javacard/framework/Util" */
    uint8_t token;
    uint16_t access;               /* 0200 interface, 0400 abstract, 0800 shareable */
    const char *super;             /* full name, NULL for Object and interfaces */
    const char *const *interfaces; /* all of them, transitive; NULL-terminated; may be NULL */
    uint8_t native_cells; /* 16-bit cells of hidden instance state this class itself adds */
    uint8_t native_refs;  /* of them, how many (the first ones) hold references */
    const struct mm_rom_method *methods; /* virtual and static; inherited ones are not repeated */
    size_t method_n;
    const struct mm_rom_field *fields; /* none in the API: what its classes keep is hidden */
    size_t field_n;
};
struct mm_rom_package {
    const char *name;
    struct mm_aid aid;
    uint8_t major, minor; /* highest offered; imports of the same major, lower minor link */
    const struct mm_rom_class *classes;
    size_t class_n;
};

/* ---- What the card gives the VM ---- */
struct mm_vm_services {
    void *ctx;
    /* Applet.register: the running install() registers itself under aid (NULL: the module AID or the
     * instance AID of the install parameters). MM_STATE: twice; MM_EXISTS: AID taken. */
    enum mm_status (*register_applet)(void *ctx, mm_ref applet, const struct mm_aid *aid);
    /* Applet instance by AID, for lookupAID and getAppletShareableInterfaceObject: its ref and
     * owner id; false when there is none that may be seen. */
    bool (*find_applet)(void *ctx, const struct mm_aid *aid, mm_ref *applet, mm_comp *owner);
    /* AID of an instance by owner id; false when there is none. */
    bool (*applet_aid)(void *ctx, mm_comp owner, struct mm_aid *aid);
    /* Is the instance selected on any channel (JCRE 3.0.5, 6.2)? */
    bool (*applet_selected)(void *ctx, mm_comp owner);
    /* Is the instance active on another channel than the running command's, without being
     * multiselectable (JCRE 3.0.5, 6.2.8.6)? NULL: there is one channel. */
    bool (*applet_elsewhere)(void *ctx, mm_comp owner);
    bool (*selecting)(void *ctx);   /* Applet.selectingApplet */
    bool (*reselecting)(void *ctx); /* Applet.reSelectingApplet */
    uint8_t (*channel)(void *ctx);  /* assigned logical channel of the running APDU */
    enum mm_status (*random)(void *ctx, uint8_t *out, size_t out_len);
    /* APDU exchange, for the APDU class natives: see applet_vm/api/api.h */
    const struct mm_apdu_services *apdu;
    /* org.globalplatform: see applet_vm/api/api.h */
    const struct mm_gp_services *gp;
};

struct mm_vm_config {
    struct mm_nvm *nvm;                      /* borrowed, outlives the VM */
    const struct mm_rom_package *const *rom; /* NULL-terminated: mm_api_packages() */
    const struct mm_vm_services *services;   /* borrowed */
    uint64_t step_budget;                    /* bytecodes in one call from outside; 0: 2^32 */
    size_t transient_max;                    /* bytes of transient memory; 0: 16 KiB */
};

/* Power-on: read the packages from the NVM, link them, rebuild the object table. Packages of
 * damaged components are left unlinked (mm_vm_package_usable tells). */
enum mm_status mm_vm_new(const struct mm_vm_config *cfg, struct mm_vm **out,
                         struct mm_err *err) MM_USE_RESULT;
void mm_vm_free(struct mm_vm **vm);
/* Card reset: clears CLEAR_ON_RESET and CLEAR_ON_DESELECT transients, exceptions, frames. */
void mm_vm_reset(struct mm_vm *vm);

/* ---- Packages ---- */
/* Store and link a package under a new component id (mm_comp_add was called by the caller, and the
 * caller holds an NVM transaction that it aborts on failure). err names what did not link.
 * cap       shared: it is kept as the package's parsed form
 * verified  mm_verify passed it: methods may wait for their first call to be translated */
enum mm_status mm_vm_package_load(struct mm_vm *vm, mm_comp package, const struct mm_cap *cap,
                                  bool verified, struct mm_err *err) MM_USE_RESULT;
/* Unlink; the caller drops the component. MM_STATE when another package imports it or an object of
 * one of its classes is owned by another package's applet. */
enum mm_status mm_vm_package_unload(struct mm_vm *vm, mm_comp package,
                                    struct mm_err *err) MM_USE_RESULT;
bool mm_vm_package_usable(const struct mm_vm *vm, mm_comp package);
/* The CAP of a loaded package, borrowed; NULL when not usable. */
const struct mm_cap *mm_vm_package_cap(const struct mm_vm *vm, mm_comp package);
/* Component id of a loaded package; 0 when there is none. */
mm_comp mm_vm_package_find(const struct mm_vm *vm, const struct mm_aid *aid);
/* The static field image as it is now (JCVM 6.10; references included), borrowed. */
const uint8_t *mm_vm_package_statics(const struct mm_vm *vm, mm_comp package, size_t *len,
                                     size_t *ref_n);

/* ---- Applets ---- */
/* Tell which package (context) an applet instance belongs to; needed before any of its code runs,
 * and at power-on for every instance in the registry. */
void mm_vm_applet_bind(struct mm_vm *vm, mm_comp owner, mm_comp package);
void mm_vm_applet_unbind(struct mm_vm *vm, mm_comp owner);
/* Call static install(byte[],short,byte) of module i of the package, as owner. Binds the owner; the
 * caller has a transaction open if all of it shall be undone on failure (JCRE 3.0.5, 11.2).
 * params: copied to a global array, at most 255 bytes. */
enum mm_run mm_vm_install(struct mm_vm *vm, mm_comp package, size_t applet_index, mm_comp owner,
                          const uint8_t *params, uint8_t params_len);
/* Applet.select(): *accepted. deselect(); process(APDU). The APDU buffer is filled by the card
 * through mm_api_apdu_begin before process. An exception is returned as MM_RUN_THROWN. These, install
 * and uninstall make the applet the currently selected one: its context may use its
 * CLEAR_ON_DESELECT arrays, no other may (JCRE 3.0.5, 6.2.6). */
enum mm_run mm_vm_select(struct mm_vm *vm, mm_ref applet, bool *accepted);
enum mm_run mm_vm_deselect(struct mm_vm *vm, mm_ref applet);
/* The same for an applet whose context is active on another channel (JCRE 3.0.5, 4.2):
 * MultiSelectable.select(already), deselect(still). The applet implements the interface. */
enum mm_run mm_vm_select_again(struct mm_vm *vm, mm_ref applet, bool already, bool *accepted);
enum mm_run mm_vm_deselect_one(struct mm_vm *vm, mm_ref applet, bool still);
enum mm_run mm_vm_process(struct mm_vm *vm, mm_ref applet, mm_ref apdu);
/* AppletEvent.uninstall() when the applet implements it. */
enum mm_run mm_vm_uninstall(struct mm_vm *vm, mm_ref applet);
/* A call from the card that makes the object's applet the currently selected one (JCRE 3.0.5, 4.5, 4.6),
 * as install() has it. */
enum mm_run mm_vm_invoke_selected(struct mm_vm *vm, mm_ref obj, const char *class_or_interface,
                                  const char *name, const char *descriptor, const uint16_t *args,
                                  size_t arg_n, uint16_t *ret);
/* May the owner's objects go? MM_STATE: another applet's object or a static field refers to one
 * (GPCS 11.2, JCRE 11.3.4). Then mm_vm_objects_forget drops them from the object table; the caller
 * drops the component. */
enum mm_status mm_vm_owner_deletable(struct mm_vm *vm, mm_comp owner) MM_USE_RESULT;
void mm_vm_objects_forget(struct mm_vm *vm, mm_comp owner);
/* The same, when the owner's package goes too: its static fields do not count. */
enum mm_status mm_vm_owner_deletable_with(struct mm_vm *vm, mm_comp owner,
                                          mm_comp package) MM_USE_RESULT;
/* Null every reference that leads to no record: after a damaged owner, which nobody may have asked
 * about, was dropped. Its handles would otherwise lead to whatever gets them next. */
enum mm_status mm_vm_references_drop(struct mm_vm *vm) MM_USE_RESULT;
/* What goes with a package but leaves something behind (keep.c): its instances, and for each the object
 * that leads to all that stays (MM_REF_NULL: nothing does). Borrowed. */
struct mm_leaving {
    mm_comp package;
    const mm_comp *owners;
    const mm_ref *roots;
    size_t n;
};
/*
 * Delete the instances' objects but for what the roots lead to, which stays with its owner; an array of
 * the package's own that is among it becomes the instance's. Inside the card's transaction; the caller
 * unloads the package and unbinds the instances, or undoes everything (a new VM) on failure.
 * MM_UNSUPPORTED: a root leads to an object of one of the package's classes; MM_STATE: somebody else
 * refers to what would go.
 */
enum mm_status mm_vm_keep_reached(struct mm_vm *vm, const struct mm_leaving *leaving) MM_USE_RESULT;
/* Delete one persistent object, whoever refers to it (mm_vm_references_drop). */
enum mm_status mm_vm_object_delete(struct mm_vm *vm, mm_ref ref) MM_USE_RESULT;
/* Take over the contents of the transient arrays that both have: a VM made anew from the image in the
 * middle of a card session must not clear them (JCRE 3.0.5, 5.1). */
void mm_vm_transients_take(struct mm_vm *vm, const struct mm_vm *from);
/* Clear CLEAR_ON_DESELECT transients of a context. */
void mm_vm_clear_on_deselect(struct mm_vm *vm, mm_comp package);
/* Garbage: mark from applets, statics and JCRE roots, free the rest (JCSystem.requestObjectDeletion,
 * run by the card after the answer). roots: applet refs. */
void mm_vm_collect(struct mm_vm *vm, const mm_ref *roots, size_t root_n);
bool mm_vm_collect_wanted(const struct mm_vm *vm);

/* ---- The exception that left the last call ---- */
struct mm_exception {
    const char *class_name; /* "javacard/framework/ISOException"; for a package's own class that of
                                its nearest API superclass */
    mm_ref ref;
    uint16_t reason; /* 0 for classes without one */
};
const struct mm_exception *mm_vm_exception(const struct mm_vm *vm); /* borrowed */
/* Why the last call ended with MM_RUN_FAULT; for logs. Never NULL. */
const char *mm_vm_fault(const struct mm_vm *vm);

/* ---- For natives ---- */
/* Throw an API exception: sets the JCRE's own instance and reason; returns MM_RUN_THROWN so that
 * natives say: return mm_vm_throw(vm, "javacard/framework/PINException", 1). */
enum mm_run mm_vm_throw(struct mm_vm *vm, const char *class_name, uint16_t reason);
enum mm_run mm_vm_throw_ref(struct mm_vm *vm, mm_ref exception);
/* How many calls into Java there were from outside (select, process, ...): tells one from another. */
uint32_t mm_vm_entries(const struct mm_vm *vm);
const struct mm_vm_services *mm_vm_services(struct mm_vm *vm);
struct mm_nvm *mm_vm_nvm(struct mm_vm *vm);
/* A pointer for the API module's volatile per-VM state (EVP contexts by ref, APDU state). */
void mm_vm_api_state_set(struct mm_vm *vm, void *state, void (*release)(void *state));
void *mm_vm_api_state(struct mm_vm *vm);
/* Called for every object that goes (collected, aborted, deleted), before its handle can be used
 * again: the API drops what it keeps for that ref. */
void mm_vm_api_gone_set(struct mm_vm *vm, void (*gone)(struct mm_vm *vm, mm_ref ref));
/* mm_tx_abort, and the object table is what it was before the transaction: objects made in it
 * leave, objects and packages that mm_vm_objects_forget and mm_vm_package_unload dropped in it come
 * back. After a bare mm_tx_abort that happens when the running native returns or at the next call
 * into the VM, which must come before the next mm_tx_begin. */
void mm_vm_tx_abort(struct mm_vm *vm);
/* mm_tx_applet_abort, and objects made since its begin leave: references to them are null (JCRE
 * 3.0.5, 7.6.3). */
void mm_vm_tx_applet_abort(struct mm_vm *vm);
/* Contexts (JCRE 6.1): the running method's context, the context before the last switch. */
mm_comp mm_vm_context(const struct mm_vm *vm); /* package, 0 for the JCRE */
/* The context that what this owner has belongs to; of 0 the JCRE's. */
mm_comp mm_vm_context_of(const struct mm_vm *vm, mm_comp owner);
/* Is it the currently selected applet's, or the JCRE's? */
bool mm_vm_context_selected(const struct mm_vm *vm);
mm_comp mm_vm_owner(const struct mm_vm *vm);          /* running applet instance */
mm_comp mm_vm_previous_owner(const struct mm_vm *vm); /* JCSystem.getPreviousContextAID */
/* Whose code called the running native: another's than the running owner, when a shareable call
 * switched the context for it. */
mm_comp mm_vm_calling_owner(const struct mm_vm *vm);

/* Objects. Types as in newarray: 10 boolean, 11 byte, 12 short, 13 int, 14 reference. */
enum mm_transient { MM_PERSISTENT = 0, MM_CLEAR_ON_RESET = 1, MM_CLEAR_ON_DESELECT = 2 };
/* New objects belong to the running owner; MM_REF_NULL: out of memory (throw SystemException
 * NO_RESOURCE). Instances have zeroed fields; no constructor is run. */
mm_ref mm_vm_new_instance(struct mm_vm *vm, const char *class_name);
mm_ref mm_vm_new_array(struct mm_vm *vm, uint8_t type, uint16_t n, enum mm_transient transient);
/* With a control element that every write checks and renews; of references (type 14): of Object.
 * The firewall is as for any array. */
mm_ref mm_vm_new_sensitive_array(struct mm_vm *vm, uint8_t type, uint16_t n,
                                 enum mm_transient transient);
/* Do its elements agree with its control element? True for arrays that have none. */
bool mm_vm_array_intact(const struct mm_vm *vm, mm_ref array);
/* Zero an integrity-sensitive array in one write, whatever its control element says. */
enum mm_run mm_vm_sensitive_clear(struct mm_vm *vm, mm_ref array);
mm_ref mm_vm_new_ref_array(struct mm_vm *vm, mm_ref like_class_of, uint16_t n,
                           enum mm_transient transient);
/* JCRE objects of this power-on session, never persistent: global arrays and entry points (JCRE
 * 6.2.1, 6.2.2). temporary: may not be stored. */
mm_ref mm_vm_new_global_array(struct mm_vm *vm, uint8_t type, uint16_t n);
mm_ref mm_vm_new_entry_point(struct mm_vm *vm, const char *class_name, bool temporary);
/* A permanent entry point that stays for good under its handle, so that applets may keep references to
 * it; collected when none does. The next one of the class after a handle (MM_REF_NULL: the first);
 * MM_REF_NULL: no more. */
mm_ref mm_vm_new_permanent(struct mm_vm *vm, const char *class_name);
mm_ref mm_vm_next_permanent(const struct mm_vm *vm, const char *class_name, mm_ref after);
/* The next persistent instance of an API class, or of one below it, after a handle (MM_REF_NULL: the
 * first); MM_REF_NULL: no more. */
mm_ref mm_vm_next_instance(const struct mm_vm *vm, const char *class_name, mm_ref after);

enum mm_obj_kind { MM_OBJ_NONE, MM_OBJ_INSTANCE, MM_OBJ_ARRAY };
struct mm_obj_info {
    enum mm_obj_kind kind;
    uint8_t array_type; /* 10..14 */
    uint16_t n;         /* elements of an array, or cells of an instance */
    enum mm_transient transient;
    mm_comp owner;
    bool entry_point, global_array, temporary;
    bool sensitive;         /* array with a control element */
    const char *class_name; /* nearest API class of an instance */
    mm_comp class_package;  /* package that defines the class; 0: ROM */
    uint16_t class_off;     /* offset of class_info in its package (class token for ROM) */
};
bool mm_vm_object(const struct mm_vm *vm, mm_ref ref, struct mm_obj_info *info);
bool mm_vm_instance_of(struct mm_vm *vm, mm_ref ref, const char *class_or_interface);
/* The same in two steps, for what is asked at every command. mm_vm_class: NULL when there is none such
 * in ROM; good as long as the VM. */
struct mm_class;
const struct mm_class *mm_vm_class(const struct mm_vm *vm, const char *class_or_interface);
bool mm_vm_is(const struct mm_vm *vm, mm_ref ref, const struct mm_class *cls);
/* Firewall check for a native's array argument (JCRE 6.2.8): OK, or throws NullPointer, Security,
 * ArrayIndexOutOfBounds. off and n are signed, as Java gave them. Then *data is the contents to
 * read (borrowed until the next allocation); write only by mm_vm_array_write. */
enum mm_run mm_vm_bytes(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n,
                        const uint8_t **data);
enum mm_run mm_vm_array(struct mm_vm *vm, mm_ref array, uint8_t type, int32_t off, int32_t n,
                        const uint8_t **data);
/* mm_vm_bytes in the context of who called the native (mm_vm_calling_owner). */
enum mm_run mm_vm_bytes_of_caller(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n,
                                  const uint8_t **data);
/* An array's contents without firewall, for an operation that was checked when it began. Borrowed
 * until the next allocation; NULL: no array. */
const uint8_t *mm_vm_contents(const struct mm_vm *vm, mm_ref array, size_t *len);
/* Where a native may write a byte array's elements from off on in place: of volatile arrays only, the
 * range checked before. NULL: through mm_vm_array_write (persistent, integrity-sensitive). */
uint8_t *mm_vm_bytes_in_place(struct mm_vm *vm, mm_ref array, uint16_t off);
/* Write elements (host byte order for short and int), inside the transaction if one is open
 * (atomic) or not. The range must have been checked by mm_vm_array. Of integrity-sensitive arrays,
 * persistent ones refuse what is not atomic (SystemException ILLEGAL_VALUE), and all throw
 * SecurityException when they are not intact. */
enum mm_run mm_vm_array_write(struct mm_vm *vm, mm_ref array, uint16_t off, const void *data,
                              uint16_t n, bool atomic);
/* Hidden cells of an API instance (native_cells): get and set by index from the first hidden cell
 * of class_name. now: write outside any transaction, promised at once (PIN tries). */
uint16_t mm_vm_hidden(struct mm_vm *vm, mm_ref obj, const char *class_name, uint8_t index);
enum mm_run mm_vm_hidden_set(struct mm_vm *vm, mm_ref obj, const char *class_name, uint8_t index,
                             uint16_t value, bool now);
/* The first n hidden cells of a class; false when the object has not so many of it. */
bool mm_vm_hidden_get(struct mm_vm *vm, mm_ref obj, const char *class_name, uint16_t *cells,
                      uint8_t n);
/* The first n hidden cells in one write: all of them or, when it throws, none. */
enum mm_run mm_vm_hidden_put(struct mm_vm *vm, mm_ref obj, const char *class_name,
                             const uint16_t *cells, uint8_t n);
/* May the running code use the object as the receiver of a call (JCRE 6.2.8.4)? OK, or throws
 * NullPointer, Security. For natives that look into an object they were passed. */
enum mm_run mm_vm_access(struct mm_vm *vm, mm_ref obj);
/* Call back into Java from a native. Interface or class method by API name; context switches to the
 * object's owner. args are those after this; the result's cells go to ret (NULL: dropped). */
enum mm_run mm_vm_invoke_method(struct mm_vm *vm, mm_ref obj, const char *class_or_interface,
                                const char *name, const char *descriptor, const uint16_t *args,
                                size_t arg_n, uint16_t *ret);
/* Transient memory that the running owner may still take, by kind; what is kept for others is not
 * his. */
size_t mm_vm_transient_free(const struct mm_vm *vm, enum mm_transient kind);
/* Transient memory of an owner: max limits it (0: no limit), min is kept for it while it uses less. */
struct mm_transient_share {
    mm_comp owner;
    size_t max, min;
};
/* All shares, copied; those before are forgotten. */
enum mm_status mm_vm_transient_shares(struct mm_vm *vm, const struct mm_transient_share *shares,
                                      size_t share_n) MM_USE_RESULT;
/* Transient memory an owner uses. */
size_t mm_vm_transient_used(const struct mm_vm *vm, mm_comp owner);
void mm_vm_collect_request(struct mm_vm *vm);

/* ---- Remote objects (JCRE 8; remote classes: JCVM 6.9.2.15) ---- */
/* Mark an object as exported or not; part of the object, so part of a transaction. Only what has a
 * record can be (not the JCRE's objects): SecurityException. */
enum mm_run mm_vm_export(struct mm_vm *vm, mm_ref obj, bool exported);
bool mm_vm_exported(const struct mm_vm *vm, mm_ref obj);
/* A name of the CAP file, UTF-8, not terminated, borrowed. */
struct mm_cap_name {
    const uint8_t *s;
    size_t n;
};
struct mm_remote_class {
    struct mm_cap_name package, name,
        modifier; /* fully qualified with '/'; anti-collision string */
    size_t interface_n;
};
/* What the object's class tells a client; false when it is not a remote class of a CAP 2.2 file. */
bool mm_vm_remote_class(struct mm_vm *vm, mm_ref obj, struct mm_remote_class *out);
/* One of its remote interfaces; false past the end. */
bool mm_vm_remote_interface(struct mm_vm *vm, mm_ref obj, size_t index, struct mm_cap_name *package,
                            struct mm_cap_name *name);
/* A remote method by its hash code. signature: the type descriptor of the pool (JCVM 6.9.1), nibbles
 * from its second byte on, signature_n of them. */
struct mm_remote_method {
    uint8_t token;
    const uint8_t *signature;
    size_t signature_n;
    size_t cell_n; /* of its arguments, without this; SIZE_MAX: the class has no such method */
};
bool mm_vm_remote_method(struct mm_vm *vm, mm_ref obj, uint16_t hash, struct mm_remote_method *out);
/* Call a virtual method by token, as invokevirtual would from the running context: NullPointer,
 * Security. cells: arguments after this; a fault when the method has others. */
enum mm_run mm_vm_invoke_virtual(struct mm_vm *vm, mm_ref obj, uint8_t token, const uint16_t *cells,
                                 size_t cell_n, uint16_t ret[2]);
/* A global array that nothing refers to any more. */
void mm_vm_global_array_free(struct mm_vm *vm, mm_ref array);

/* ---- For measurement (applet_vm/integrity) ---- */
/* A cell of an instance or element of a reference array without firewall; false past the end.
 * is_ref tells whether the cell holds a reference. */
bool mm_vm_peek_cell(const struct mm_vm *vm, mm_ref obj, uint16_t index, uint16_t *value,
                     bool *is_ref);
/* Raw contents of a primitive array (persistent ones only; NULL for transient). */
const uint8_t *mm_vm_peek_array(const struct mm_vm *vm, mm_ref obj, size_t *len);

#endif
