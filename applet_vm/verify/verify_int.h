/*
 * Inside the verifier.
 *
 *   units.c    packages at hand (ROM, the one checked, loaded ones) and their Descriptors
 *   types.c    types of cells: assignable, merged
 *   fields.c   constant pool entries to fields with their types
 *   members.c  the same of methods with their signatures; what is kept of both
 *   layout.c   rules of classes and Descriptor that need no code
 *   remote.c   remote methods and their signatures
 *   step.c     one instruction on one frame; stack.c: dup, swap, pop; call.c: the invoke family
 *   flow.c     one method: frames at joins, until nothing changes
 */
#ifndef MM_VERIFY_INT_H
#define MM_VERIFY_INT_H

#include "applet_vm/verify/verify.h"

/*
 * Type of one cell: kind in bits 24..31, detail below. An int is INT_HI under INT_LO. ANY stands
 * for what is not known without a Descriptor: a short, half an int or a reference.
 *
 *   order of merging: NULL < REF < JOIN < ... < REF Object; shorts, ints and references < ANY < TOP
 */
typedef uint32_t mm_vt;
enum {
    VT_TOP, /* nothing that may be used; as a return type: void */
    VT_SHORT,
    VT_INT_HI,
    VT_INT_LO,
    VT_ANY,
    VT_RETADDR,     /* detail: offset of the subroutine */
    VT_UNINIT,      /* detail: offset of its new */
    VT_UNINIT_THIS, /* this in a constructor, before another constructor ran */
    VT_NULL,        /* from here on: references to whole objects */
    VT_ANYREF,
    VT_REF,  /* detail: class or interface */
    VT_JOIN, /* of one of two classes with this common superclass, which may share interfaces */
    VT_BOOLS,
    VT_BYTES,
    VT_SHORTS,
    VT_INTS,
    VT_REFS, /* detail: class of the elements */
    VT_JOINS /* elements as in VT_JOIN */
};
#define VT(kind)          ((mm_vt)(kind) << 24)
#define VT_OF(kind, what) (VT(kind) | ((what)&0xFFFFFFu))
#define VT_KIND(t)        ((t) >> 24)
#define VT_WHAT(t)        ((t)&0xFFFFFFu)
#define VT_UNIT(t)        (((t) >> 16) & 0xFFu)
#define VT_INDEX(t)       ((t)&0xFFFFu)
#define VT_IS_REF(t)      (VT_KIND(t) >= VT_NULL)
#define VT_CLASS(unit, i) VT_OF(VT_REF, (uint32_t)(unit) << 16 | (uint32_t)(i))
#define VT_VOID           VT(VT_TOP)

#define MM_UNIT_MAX  256
#define MM_UNIT_NONE 0xFFFF

/* A package. Class i of a unit is classes[i] of its ROM table, or class i of its CAP. */
struct mm_unit {
    const struct mm_rom_package *rom; /* one of the two */
    const struct mm_cap *cap;
    bool opened;                 /* the rest is there; of CAPs only */
    uint16_t *imports;           /* unit of each import; MM_UNIT_NONE: not here */
    const uint8_t *types;        /* type_descriptor_info; NULL: no Descriptor */
    const uint8_t **class_desc;  /* by class: its class_descriptor */
    const uint8_t **method_desc; /* by method: its 12 bytes */
    uint16_t *method_class;      /* by method: class that declares it */
    uint16_t *static_type; /* by offset in the static image: type as in a field's record; 0: none */
    uint16_t *static_class; /* by offset: class that declares it */
    uint8_t *static_access;
    mm_vt *ret; /* by method: kind of its return instruction; see members.c */
};

struct mm_verifier {
    const struct mm_cap *cap; /* the package to check: unit 0 */
    struct mm_unit units[MM_UNIT_MAX];
    size_t unit_n;
    struct mm_name {
        const char *name;
        mm_vt type;
    } * names;       /* ROM classes, a hash table at most half full; NULL name: free */
    size_t name_cap; /* a power of two */
    mm_vt object, throwable;
    struct mm_verify_stats *stats;
    struct mm_err *err;
    size_t budget;        /* steps left */
    struct method *flow;  /* flow.c */
    struct mm_kept *kept; /* members.c: by constant */
    struct mm_vsig *sig;  /* members.c: room for the longest */
};

/* Refuse: "<Name> component, offset 0x..: <what> [<rule>]"; MM_MALFORMED. */
enum mm_status mm_verify_bad(struct mm_err *err, enum mm_verify_rule rule, enum mm_cap_tag tag,
                             size_t off, const char *fmt, ...) MM_PRINTF(5, 6);

/* Pay for n steps; when the budget is used up, walks over classes end and the package is refused. */
static inline void mm_verify_spend(struct mm_verifier *v, size_t n)
{
    v->budget = n < v->budget ? v->budget - n : 0;
}

/* ---- units.c ---- */
enum mm_status mm_units_open(struct mm_verifier *v, const struct mm_verify_env *env) MM_USE_RESULT;
void mm_units_close(struct mm_verifier *v);
/* The parts of a unit that are made when they are first needed. */
enum mm_status mm_unit_need(struct mm_verifier *v, size_t unit) MM_USE_RESULT;
/* class_ref of a unit's CAP to its type; VT_TOP when there is none. */
mm_vt mm_class_ref(struct mm_verifier *v, size_t unit, uint16_t class_ref);
mm_vt mm_class_named(const struct mm_verifier *v, const char *name, size_t len);
/* A type_descriptor at off of a unit's Descriptor. */
struct mm_type_rd {
    const uint8_t *nibbles;
    unsigned n, i;
};
void mm_type_open(const struct mm_unit *u, uint16_t off, struct mm_type_rd *rd);
/* One type of a descriptor string as in class files; moves on. */
mm_vt mm_string_type(const struct mm_verifier *v, const char **p);
/* The next type; VT_INT_HI for an int, VT_VOID for void or a class that is not here. */
mm_vt mm_type_next(struct mm_verifier *v, size_t unit, struct mm_type_rd *rd);

/* ---- types.c: questions about classes and types ---- */
const struct mm_rom_class *mm_vt_rom(const struct mm_verifier *v, mm_vt cls); /* NULL: from a CAP */
const struct mm_cap_class *mm_vt_cap(const struct mm_verifier *v, mm_vt cls); /* NULL: ROM */
bool mm_vt_interface(const struct mm_verifier *v, mm_vt cls);
bool mm_vt_abstract(const struct mm_verifier *v, mm_vt cls);
bool mm_vt_final(const struct mm_verifier *v, mm_vt cls);        /* false when nothing tells */
mm_vt mm_vt_super(struct mm_verifier *v, mm_vt cls);             /* VT_TOP: none */
bool mm_vt_subclass(struct mm_verifier *v, mm_vt cls, mm_vt of); /* or implements */
/* May a value go where the declared type is wanted? */
bool mm_vt_fits(struct mm_verifier *v, mm_vt value, mm_vt declared);
mm_vt mm_vt_merge(struct mm_verifier *v, mm_vt a, mm_vt b);
#define MM_VT_TEXT 96
const char *mm_vt_text(const struct mm_verifier *v, mm_vt t, char text[MM_VT_TEXT]);

/* ---- fields.c, members.c ---- */
#define MM_ACC_PUBLIC    0x01 /* of the Descriptor and of class files */
#define MM_ACC_PRIVATE   0x02
#define MM_ACC_PROTECTED 0x04
#define MM_ACC_STATIC    0x08
#define MM_ACC_FINAL     0x10
enum { CP_CLASS = 1, CP_FIELD, CP_VIRTUAL, CP_SUPER, CP_STATIC_FIELD, CP_STATIC_METHOD };
struct mm_vfield {
    mm_vt cls; /* that declares it; VT_TOP: not known */
    uint8_t access;
    char kind;   /* r b s i as in sigs.def; 0: a number of a size that is not known */
    bool no_int; /* there is no room for an int: of a number of unknown size */
    mm_vt type;  /* VT_SHORT, VT_INT_HI or a reference */
};
struct mm_vsig {
    mm_vt cls; /* that declares it; VT_TOP: not known */
    uint8_t access;
    bool init, abstract, known; /* known: from a Descriptor or the ROM */
    bool never;                 /* does not return */
    unsigned n;
    mm_vt ret;       /* VT_VOID, VT_SHORT, VT_INT_HI, a reference */
    mm_vt args[256]; /* cells, this first */
};
/* The refusal of a constant that names nothing. */
enum mm_status mm_member_missing(const struct mm_verifier *v, enum mm_verify_rule rule, size_t off,
                                 uint16_t cp, const char *what);
/* InstanceFieldref and StaticFieldref, looked up anew. */
enum mm_status mm_find_field(struct mm_verifier *v, uint16_t cp, size_t off,
                             struct mm_vfield *out) MM_USE_RESULT;
enum mm_status mm_find_static(struct mm_verifier *v, uint16_t cp, size_t off,
                              struct mm_vfield *out) MM_USE_RESULT;
/* These refuse what is not there; off: of the instruction that asks. *out is the verifier's. */
enum mm_status mm_member_field(struct mm_verifier *v, uint16_t cp, bool is_static, size_t off,
                               const struct mm_vfield **out) MM_USE_RESULT;
/* StaticMethodref, SuperMethodref or VirtualMethodref. */
enum mm_status mm_member_method(struct mm_verifier *v, uint16_t cp, size_t off,
                                const struct mm_vsig **out) MM_USE_RESULT;
enum mm_status mm_member_interface(struct mm_verifier *v, mm_vt iface, uint8_t token, uint8_t cells,
                                   size_t off, struct mm_vsig *out) MM_USE_RESULT;
/* What is kept of them. */
enum mm_status mm_members_open(struct mm_verifier *v) MM_USE_RESULT;
void mm_members_close(struct mm_verifier *v);
/* Signature of method i of a unit's CAP. */
enum mm_status mm_sig_of_method(struct mm_verifier *v, size_t unit, size_t i,
                                struct mm_vsig *out) MM_USE_RESULT;
/* The method that a virtual token of a class means, itself or inherited; false: none. */
bool mm_sig_virtual(struct mm_verifier *v, mm_vt cls, uint8_t token, struct mm_vsig *out);
bool mm_sig_interface(struct mm_verifier *v, mm_vt iface, uint8_t token, struct mm_vsig *out);

/* ---- layout.c ---- */
enum mm_status mm_layout_check(struct mm_verifier *v) MM_USE_RESULT;

/* ---- remote.c: what a class tells of its remote methods; nothing when it is not remote ---- */
enum mm_status mm_remote_check(struct mm_verifier *v, mm_vt cls) MM_USE_RESULT;

/* ---- step.c, stack.c, call.c: one instruction ---- */
struct mm_flow {
    struct mm_verifier *v;
    const struct mm_cap_method *m;
    const struct mm_vsig *sig; /* of the method itself */
    const uint8_t *info;       /* Method component */
    size_t locals;             /* cells; cell [locals] tells whether this is whole */
    size_t off;                /* of the instruction */
    mm_vt *loc;                /* the frame: locals, the mark of this, stack */
    mm_vt *stack;
    size_t depth;
    bool stored; /* the step changed a local */
    bool never;  /* the step does not go on to the next instruction though its opcode would */
};
enum mm_status mm_step(struct mm_flow *f) MM_USE_RESULT;
enum mm_status mm_step_call(struct mm_flow *f, uint8_t op) MM_USE_RESULT;
enum mm_status mm_step_stack(struct mm_flow *f, const uint8_t *p) MM_USE_RESULT; /* pop to swap_x */
enum mm_status mm_flow_bad(const struct mm_flow *f, enum mm_verify_rule rule, const char *fmt, ...)
    MM_PRINTF(3, 4);
enum mm_status mm_push(struct mm_flow *f, mm_vt t) MM_USE_RESULT; /* VT_INT_HI: both cells */
enum mm_status mm_pop_cell(struct mm_flow *f, mm_vt *t) MM_USE_RESULT;
enum mm_status mm_pop_type(struct mm_flow *f, mm_vt declared,
                           enum mm_verify_rule rule) MM_USE_RESULT;

/* ---- flow.c ---- */
enum mm_status mm_flow_open(struct mm_verifier *v) MM_USE_RESULT;
void mm_flow_close(struct mm_verifier *v);
enum mm_status mm_flow_method(struct mm_verifier *v, size_t i) MM_USE_RESULT;

#endif
