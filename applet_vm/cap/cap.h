/*
 * CAP files: read, check, hash. (JCVM 3.0.5, chapter 6.) Nothing is linked here; the VM links.
 *
 * A package is kept as loaded: the raw components, byte for byte, in the order of the Load File
 * Data Block (LFDB). Its code digest is the GlobalPlatform Load File Data Block Hash with SHA-256,
 * so anyone can compute it from the .cap file alone.
 */
#ifndef MM_CAP_H
#define MM_CAP_H

#include "applet_vm/base/base.h"

#define MM_CAP_MAX_LEN     0x40000 /* 256 KiB: a component's size is u2, and there are 11 of them */
#define MM_CAP_COMPONENT_N 13      /* tags 1..12; index 0 is unused */
#define MM_DIGEST_LEN      32      /* SHA-256 */

enum mm_cap_tag {
    MM_CAP_HEADER = 1,
    MM_CAP_DIRECTORY = 2,
    MM_CAP_APPLET = 3,
    MM_CAP_IMPORT = 4,
    MM_CAP_CONSTANT_POOL = 5,
    MM_CAP_CLASS = 6,
    MM_CAP_METHOD = 7,
    MM_CAP_STATIC_FIELD = 8,
    MM_CAP_REF_LOCATION = 9,
    MM_CAP_EXPORT = 10,
    MM_CAP_DESCRIPTOR = 11,
    MM_CAP_DEBUG = 12
};

/* The info bytes of one component (after tag and size). Borrowed from the cap. */
struct mm_cap_component {
    const uint8_t *info; /* NULL: component absent */
    uint16_t len;
};

struct mm_cap_import {
    struct mm_aid aid;
    uint8_t major, minor;
};
struct mm_cap_applet {
    struct mm_aid aid;
    uint16_t install_off; /* into Method info, at the method header */
};

/* A constant pool entry as in the file: see reference/cap_format.md, 5. */
struct mm_cap_cp {
    uint8_t tag;
    uint8_t b[3];
};

/* A CAP file, parsed and structurally checked, not linked. Immutable after mm_cap_read. */
struct mm_cap;

/*
 * Read a CAP from its Load File Data Block: the components one after the other, any order that
 * GlobalPlatform allows. Checks the structure of every component and the references between them:
 * each offset lands on a record, each bytecode is defined, each branch lands on an instruction of
 * the same method, each constant pool operand has the kind its opcode needs.
 * data  copied
 * out   on MM_OK owned by the caller (mm_cap_free); otherwise set to NULL
 * err   filled on failure: component, offset, what was expected; may be NULL
 */
enum mm_status mm_cap_read(const uint8_t *data, size_t data_len, struct mm_cap **out,
                           struct mm_err *err) MM_USE_RESULT;

/* The same from a .cap archive (ZIP) on disk, or from a file that is an LFDB (.ijc). */
enum mm_status mm_cap_read_file(const char *path, struct mm_cap **out,
                                struct mm_err *err) MM_USE_RESULT;

/* Make the LFDB of a .cap archive: components in the order Header, Directory, Import, Applet,
 * Class, Method, StaticField, Export, ConstantPool, RefLocation, Descriptor (left out when
 * with_descriptor is false); Debug never. A file that is an LFDB itself (.ijc) keeps its order.
 * *data owned by the caller (free). */
enum mm_status mm_cap_lfdb_from_file(const char *path, bool with_descriptor, uint8_t **data,
                                     size_t *data_len, struct mm_err *err) MM_USE_RESULT;

/* One more owner of the same; each frees it once. By one thread. */
struct mm_cap *mm_cap_share(const struct mm_cap *cap);
void mm_cap_free(struct mm_cap **cap); /* sets *cap to NULL; NULL is fine */

/* Everything below is borrowed: it lives as long as cap. */
const struct mm_aid *mm_cap_aid(const struct mm_cap *cap);
uint8_t mm_cap_major(const struct mm_cap *cap); /* package version */
uint8_t mm_cap_minor(const struct mm_cap *cap);
uint8_t mm_cap_flags(const struct mm_cap *cap); /* 01 INT, 02 EXPORT, 04 APPLET */
const struct mm_cap_component *mm_cap_component(const struct mm_cap *cap, enum mm_cap_tag tag);
size_t mm_cap_import_n(const struct mm_cap *cap);
const struct mm_cap_import *mm_cap_import(const struct mm_cap *cap, size_t i);
size_t mm_cap_applet_n(const struct mm_cap *cap);
const struct mm_cap_applet *mm_cap_applet(const struct mm_cap *cap, size_t i);
size_t mm_cap_cp_n(const struct mm_cap *cap);
const struct mm_cap_cp *mm_cap_cp(const struct mm_cap *cap, size_t i);
/* The whole LFDB as loaded. */
const uint8_t *mm_cap_lfdb(const struct mm_cap *cap, size_t *len);
/* SHA-256 over the LFDB: the GlobalPlatform Load File Data Block Hash, and our code digest. */
void mm_cap_code_digest(const struct mm_cap *cap, uint8_t digest[MM_DIGEST_LEN]);

/* ---- What is inside: for the linker, the verifier, the disassembler ---- */

/*
 * A method. The Method component has no list of them: methods lie back to back, and their starts
 * are known from applet install offsets, StaticMethodrefs, method tables, exports and, when it is
 * there, the Descriptor. A method that none of these names cannot be called and is not listed.
 * Without a Descriptor the code ends where control flow can no longer reach.
 * Promises: from code_off to code_off + code_len there is a gapless run of defined instructions;
 * branches and handlers land on one of them; operands name constant pool entries of the right
 * kind and locals below nargs + max_locals; the last instruction does not fall through.
 */
struct mm_cap_method {
    uint16_t off;      /* of the method header, into Method info */
    uint16_t code_off; /* of the first instruction */
    uint16_t code_len; /* 0 for an abstract method */
    uint8_t flags;     /* 8 EXTENDED, 4 ABSTRACT */
    uint8_t max_stack;
    uint8_t nargs; /* cells, this included */
    uint8_t max_locals;
    uint16_t branch_n, branch_first;
    uint8_t handler_n; /* handlers whose range begins here; only in the code they count */
    uint8_t handler_first;
};
size_t mm_cap_method_n(const struct mm_cap *cap);
const struct mm_cap_method *mm_cap_method(const struct mm_cap *cap, size_t i); /* by offset */
/* The method whose header is at off; NULL when there is none. */
const struct mm_cap_method *mm_cap_method_at(const struct mm_cap *cap, uint16_t off);

/* An exception handler (JCVM 6.9.1), in table order. Offsets are into Method info. */
struct mm_cap_handler {
    uint16_t start_off, len; /* active range */
    bool stop;               /* no later entry applies where this one covers the pc */
    uint16_t handler_off;
    uint16_t catch_cp; /* constant pool index of a Classref; 0: catches all */
};
size_t mm_cap_handler_n(const struct mm_cap *cap);
const struct mm_cap_handler *mm_cap_handler(const struct mm_cap *cap, size_t i);
/* Offsets in Method info of a method's instructions that may go elsewhere (branches, switches, jsr, ret),
 * ascending; m->branch_n of them. */
const uint16_t *mm_cap_method_branches(const struct mm_cap *cap, const struct mm_cap_method *m);
/* Table index of the i-th handler of a method (below m->handler_n), in table order. */
size_t mm_cap_method_handler(const struct mm_cap *cap, const struct mm_cap_method *m, size_t i);

/* class_ref values (JCVM 6.8.1): bit 15 set: package token and class token of an import. */
#define MM_CAP_CLASS_EXTERNAL 0x8000
#define MM_CAP_CLASS_NONE     0xFFFF
#define MM_CAP_ACC_INTERFACE  0x80
#define MM_CAP_ACC_SHAREABLE  0x40
#define MM_CAP_ACC_REMOTE     0x20

/* One record of the Class component. Tables are as in the file: big-endian, borrowed. */
struct mm_cap_class {
    uint16_t off;  /* into Class info */
    uint8_t flags; /* MM_CAP_ACC_... */
    uint8_t interface_n;
    const uint8_t *interfaces; /* interface: class_refs of 2 bytes; class: see the next function */
    /* classes only */
    uint16_t super;           /* class_ref */
    uint8_t declared_size;    /* cells */
    uint8_t first_ref, ref_n; /* 0xFF, 0: no references */
    uint8_t public_base, public_n, package_base, package_n;
    const uint8_t *public_table, *package_table; /* u2 method offsets; 0xFFFF: inherited */
    uint16_t remote_off; /* of remote_interface_info in Class info (2.2); 0: not a remote class */
};
size_t mm_cap_class_n(const struct mm_cap *cap);
const struct mm_cap_class *mm_cap_class(const struct mm_cap *cap, size_t i); /* by offset */
const struct mm_cap_class *mm_cap_class_at(const struct mm_cap *cap, uint16_t off);
/* Walk the implemented interfaces of a class: *pos starts at 0 and moves on. false at the end.
 * index: map from interface method token to public virtual method token, of *index_n. */
bool mm_cap_class_interface(const struct mm_cap_class *cls, size_t *pos, uint16_t *class_ref,
                            const uint8_t **index, size_t *index_n);

/* The StaticField component. Image order: references with array initialisers, null references,
 * default_n zero bytes, other_n bytes of other values. */
struct mm_cap_statics {
    uint16_t image_len, ref_n, array_init_n, default_n, other_n;
    const uint8_t *array_init; /* array_init_n records: u1 type, u2 bytes, values */
    const uint8_t *other;
};
const struct mm_cap_statics *mm_cap_statics(const struct mm_cap *cap);

/* One class of the Export component: index i is the class token. */
struct mm_cap_export {
    uint16_t class_off;
    uint8_t field_n, method_n;
    const uint8_t *fields;  /* u2 offsets into the static field image; index is the token */
    const uint8_t *methods; /* u2 offsets into Method info */
};
size_t mm_cap_export_n(const struct mm_cap *cap);
bool mm_cap_export(const struct mm_cap *cap, size_t i, struct mm_cap_export *out);

/* Name of a component as its file in the archive has it ("ConstantPool"); "?" for no tag. */
const char *mm_cap_tag_name(unsigned tag);

/* ---- Opcodes (JCVM 3.0.5, chapter 7): one list, applet_vm/cap/opcodes.def ---- */
/* What follows an opcode: name, operand bytes (0xFF: computed, the switches). */
#define MM_OPERANDS(X)                                                                             \
    X(NONE, 0)                                                                                     \
    X(S8, 1)                                                                                       \
    X(S16, 2)                                                                                      \
    X(S32, 4)                                                                                      \
    X(BRANCH8, 1) /* from the opcode itself */                                                     \
    X(BRANCH16, 2)                                                                                 \
    X(LOCAL, 1)                                                                                    \
    X(LOCAL_S8, 2)                                                                                 \
    X(LOCAL_S16, 3)                                                                                \
    X(CP8_FIELD, 1) /* constant pool index of an InstanceFieldref */                               \
    X(CP16_FIELD, 2)                                                                               \
    X(CP16_STATIC_FIELD, 2)                                                                        \
    X(CP16_VIRTUAL, 2)                                                                             \
    X(CP16_SPECIAL, 2) /* StaticMethodref or SuperMethodref */                                     \
    X(CP16_STATIC_METHOD, 2)                                                                       \
    X(CP16_CLASS, 2)                                                                               \
    X(INTERFACE, 4) /* u1 cells of arguments with this, u2 Classref, u1 method token */            \
    X(ATYPE, 1)                                                                                    \
    X(ATYPE_CP16_CLASS, 3)                                                                         \
    X(MN, 1)                                                                                       \
    X(STABLESWITCH, 0xFF)                                                                          \
    X(SLOOKUPSWITCH, 0xFF)                                                                         \
    X(ITABLESWITCH, 0xFF)                                                                          \
    X(ILOOKUPSWITCH, 0xFF)

enum mm_operands {
#define X(name, len) MM_OPERANDS_##name,
    MM_OPERANDS(X)
#undef X
};
enum mm_opcode {
#define MM_OP(name, code, operands, pops, pushes, needs_int) MM_OP_##name = (code),
#include "applet_vm/cap/opcodes.def"
#undef MM_OP
};
#define MM_VAR 0xFF /* pops or pushes that depend on the operands */
struct mm_op_info {
    const char *name;      /* mnemonic in lower case ("getfield_a"); NULL: code not defined */
    uint8_t operands;      /* enum mm_operands */
    uint8_t operand_bytes; /* 0xFF: a switch */
    uint8_t pops, pushes;
    bool needs_int;
    bool branches; /* a switch does, too */
    bool ends;     /* control never goes on to the next instruction */
};
extern const struct mm_op_info mm_op_infos[256];
/* Facts of an opcode, never NULL. */
static inline const struct mm_op_info *mm_op_info(uint8_t code)
{
    return &mm_op_infos[code];
}

/* The same as the next two, of a switch. */
size_t mm_op_switch_len(const uint8_t *code, size_t code_len, size_t off);
size_t mm_op_switch_branch_n(const uint8_t *p);
/* Length in bytes of the instruction at code[off], 0 when undefined or cut off by code_len.
 * Handles stableswitch, slookupswitch, itableswitch, ilookupswitch. */
static inline size_t mm_op_len(const uint8_t *code, size_t code_len, size_t off)
{
    const struct mm_op_info *op = off < code_len ? &mm_op_infos[code[off]] : NULL;

    if (op == NULL || op->name == NULL)
        return 0;
    if (op->operand_bytes == 0xFF)
        return mm_op_switch_len(code, code_len, off);
    return op->operand_bytes < code_len - off ? op->operand_bytes + 1u : 0;
}
/* The same of an instruction that is known to be whole. */
static inline size_t mm_op_whole_len(const uint8_t *code, size_t code_len, size_t off)
{
    uint8_t bytes = mm_op_infos[code[off]].operand_bytes;

    return bytes != 0xFF ? bytes + 1u : mm_op_switch_len(code, code_len, off);
}
/* How many places the whole instruction at p may branch to, and the distance from its opcode of
 * each; a switch's default is number 0. */
static inline size_t mm_op_branch_n(const uint8_t *p)
{
    const struct mm_op_info *op = &mm_op_infos[p[0]];

    if (!op->branches)
        return 0;
    return op->operand_bytes == 0xFF ? mm_op_switch_branch_n(p) : 1;
}
int mm_op_branch(const uint8_t *p, size_t i);
/* Does control never go on to the next instruction? */
static inline bool mm_op_ends(uint8_t op)
{
    return mm_op_infos[op].ends;
}

#endif
