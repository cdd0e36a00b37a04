/*
 * Inside the converter. Everything made for one conversion lives in one arena and goes with it, so
 * there is no ownership between the structures below: all pointers are borrowed from the arena.
 *
 * The way of a package: class_file.c reads classes -> package.c orders them and gives tokens ->
 * flow.c infers what each cell holds -> translate.c writes instructions -> layout.c places them ->
 * components.c and descriptor.c write the components -> archive.c writes the .cap.
 */
#ifndef MM_CONV_INT_H
#define MM_CONV_INT_H

#include "converter/conv.h"

/* ---- Arena ---- */
struct mm_arena;
/* Ends the process with a message when the machine is out of memory: sizes are capped by the
 * parsers, so no input can bring that about by itself. */
struct mm_arena *mm_arena_new(void);
void mm_arena_free(struct mm_arena **arena);
void *mm_arena_alloc(struct mm_arena *arena, size_t n, size_t size); /* zeroed, never NULL */
/* Room for element n of a growing array that has n: returns old, or a larger copy. */
void *mm_arena_grow(struct mm_arena *arena, void *old, size_t n, size_t size);
char *mm_arena_text(struct mm_arena *arena, const char *text, size_t text_len);
char *mm_arena_printf(struct mm_arena *arena, const char *fmt, ...) MM_PRINTF(2, 3);

/* ---- Options (options.c) ---- */
/* One option by its long name; value is copied. MM_MALFORMED: no such option, or a bad value. */
enum mm_status mm_conv_option(struct mm_arena *arena, struct mm_conv_options *opt, const char *name,
                              const char *value, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_config(struct mm_arena *arena, struct mm_conv_options *opt, const char *path,
                              struct mm_err *err) MM_USE_RESULT;

bool mm_conv_parse_aid(const char *text, struct mm_aid *aid);                 /* hexadecimal */
bool mm_conv_parse_version(const char *text, uint8_t *major, uint8_t *minor); /* "1.0" */

/* ---- What was not asked for (defaults.c) ---- */
/* Choose package, AIDs, version, applets, API and output where opt has none. */
enum mm_status mm_conv_defaults(struct mm_arena *arena, struct mm_conv_options *opt,
                                struct mm_err *err) MM_USE_RESULT;

/* ---- Source to CAP (build.c) ---- */
/* The API that lies beside this program: folders classes and exports; NULL when there is none. */
const char *mm_conv_api_dir(struct mm_arena *arena);
/* Compile the sources below src and convert; sets in opt what was chosen. */
enum mm_status mm_conv_build(struct mm_arena *arena, struct mm_conv_options *opt, const char *src,
                             struct mm_err *err) MM_USE_RESULT;

/* ---- Class files (JVMS 8, chapter 4) ---- */
#define ACC_PUBLIC       0x0001
#define ACC_PRIVATE      0x0002
#define ACC_PROTECTED    0x0004
#define ACC_STATIC       0x0008
#define ACC_FINAL        0x0010
#define ACC_SYNCHRONIZED 0x0020
#define ACC_NATIVE       0x0100
#define ACC_INTERFACE    0x0200
#define ACC_ABSTRACT     0x0400
#define ACC_ANNOTATION   0x2000
#define ACC_SHAREABLE    0x0800 /* export files only */
#define ACC_REMOTE       0x1000 /* export files only; synthetic in class files */

#define JCP_UTF8             1
#define JCP_INTEGER          3
#define JCP_FLOAT            4
#define JCP_LONG             5
#define JCP_DOUBLE           6
#define JCP_CLASS            7
#define JCP_STRING           8
#define JCP_FIELD            9
#define JCP_METHOD           10
#define JCP_INTERFACE_METHOD 11
#define JCP_NAME_TYPE        12
#define JCP_METHOD_HANDLE    15
#define JCP_METHOD_TYPE      16
#define JCP_INDY             18

struct jcp {
    uint8_t tag;
    uint16_t a, b; /* indices */
    int32_t value; /* Integer */
    const char *text;
};
struct jhandler {
    uint16_t start, end, handler;
    const char *catch_type; /* NULL: any */
};
struct jline {
    uint16_t pc, line;
};
struct jvar { /* a local variable by name, where javac was asked for them (-g) */
    uint16_t pc, len, local;
    const char *name, *desc;
};
struct jcode {
    uint16_t max_stack, max_locals;
    const uint8_t *bytes;
    uint32_t len;
    struct jhandler *handlers;
    size_t handler_n;
    struct jline *lines;
    size_t line_n;
    struct jvar *vars;
    size_t var_n;
};

struct mm_cls;
struct mm_array { /* contents of a StaticField array initialiser */
    uint8_t type; /* newarray's: 10 boolean, 11 byte, 12 short, 13 int */
    uint16_t n;
    int32_t *values;
    bool placed;
};
struct mm_field {
    const char *name, *desc;
    uint16_t access;
    struct mm_cls *owner;
    bool has_value; /* ConstantValue */
    int32_t value;
    uint8_t token;          /* instance: cell; static: exported token or FF */
    uint16_t off;           /* static: byte offset in the image */
    struct mm_array *array; /* from <clinit> */
    int32_t init;           /* from <clinit> */
};
struct mm_body; /* translated code */
struct mm_method {
    const char *name, *desc;
    uint16_t access;
    struct mm_cls *owner;
    struct jcode *code; /* NULL: abstract */
    bool is_virtual;    /* not static, not private, not <init>: called through a table */
    uint8_t token;      /* virtual: 0..127, or 128.. for package visibility; else exported or FF */
    uint8_t nargs;      /* cells, this included */
    bool refused;       /* its signature is not for cards */
    struct mm_body *body;
    uint16_t off; /* into Method info */
};

struct mm_imethod {
    const char *name, *desc;
};

/* A class or interface, of this package or of an export file. */
struct mm_exp_class;
struct mm_exp_package;
struct mm_cref {
    struct mm_cls *own;
    const struct mm_exp_class *ext;
};

/* What a remote class tells (JCVM 3.0.5, 6.9.2.15). */
struct mm_rmethod {
    const char *name, *desc;
    uint16_t hash, signature_off;
    uint8_t token;
};
struct mm_rclass {
    struct mm_rmethod *methods; /* ascending hash codes */
    size_t method_n;
    const char *modifier;   /* anti-collision string */
    struct mm_cref *ifaces; /* its remote interfaces, without java.rmi.Remote */
    size_t iface_n;
};
struct mm_cls {
    const char *name; /* "org/mintmark/purse/Purse" */
    const char *super_name;
    const char *source;
    const char *aid, *version; /* of the annotation org.mintmark.cap.Aid; NULL: none */
    const char **iface_names;
    size_t iface_name_n;
    uint16_t access;
    struct jcp *cp;
    uint16_t cp_n;
    struct mm_field *fields;
    size_t field_n;
    struct mm_method *methods;
    size_t method_n;
    /* after package.c */
    struct mm_cref super;
    struct mm_cref *ifaces; /* declared here and all that those extend, base interfaces first */
    size_t iface_n;
    bool shareable, remote;
    struct mm_rclass *rmi; /* of a remote class, not of an interface */
    uint8_t token; /* exported, or FF */
    uint8_t first_ref, ref_n, cell_n;
    uint8_t pub_base, pub_n, pkg_base, pkg_n; /* method tables as in class_info */
    struct mm_imethod *imethods;              /* of an interface, by token; inherited ones too */
    size_t imethod_n;
    uint16_t off; /* into Class info */
    int mark;     /* while ordering: 1 being placed, 2 placed */
    bool broken;  /* refused for what it extends: its code is not looked at */
};

/* The annotations of a class (JVMS 8, 4.7.16): takes note of org.mintmark.cap.Aid. false: malformed.
 * (annotation.c) */
bool mm_conv_annotations(struct mm_cls *cls, struct mm_rd *rd) MM_USE_RESULT;

/* Parse one class file. cls and its parts are from the arena; data must outlive it. */
enum mm_status mm_conv_class_read(struct mm_arena *arena, const uint8_t *data, size_t data_len,
                                  struct mm_cls *cls, struct mm_err *err) MM_USE_RESULT;
/* Text of a CONSTANT_Utf8, or NULL. */
const char *mm_conv_cp_text(const struct mm_cls *cls, uint16_t idx);
/* Class name of a CONSTANT_Class, or NULL. */
const char *mm_conv_cp_class(const struct mm_cls *cls, uint16_t idx);
/* Class, name and descriptor of a field or method reference; false when idx is none. */
struct jref {
    const char *cls, *name, *desc;
};
bool mm_conv_cp_ref(const struct mm_cls *cls, uint16_t idx, struct jref *ref);
/* Line of a pc, 0 when the class file has no line table. */
unsigned mm_conv_line(const struct jcode *code, uint32_t pc);

/* ---- Files (input.c) ---- */
struct mm_files {
    const char *root; /* folder, jar, or a single file: then names[0] is empty */
    bool is_jar, is_single;
    char **names; /* below root, sorted */
    size_t n;
};
/* All files below root whose names end so; root itself when it is a file whose name does. */
enum mm_status mm_conv_files_list(struct mm_arena *arena, const char *root, const char *end,
                                  struct mm_files *files, struct mm_err *err) MM_USE_RESULT;
/* One of them; the bytes live in the arena. */
enum mm_status mm_conv_files_read(struct mm_arena *arena, const struct mm_files *files,
                                  const char *name, const uint8_t **data, size_t *len,
                                  struct mm_err *err) MM_USE_RESULT;

/* ---- Export files (JCVM 3.0.5, chapter 5) ---- */
struct mm_exp_field {
    uint8_t token;
    uint16_t access;
    const char *name, *desc;
    bool has_value;
    int32_t value;
};
struct mm_exp_method {
    uint8_t token;
    uint16_t access;
    const char *name, *desc;
    bool inherited; /* known from fact tables only */
};
struct mm_exp_class {
    const struct mm_exp_package *package;
    uint8_t token;
    uint16_t access;
    const char *name; /* "javacard/framework/Util" */
    const char **supers, **ifaces;
    size_t super_n, iface_n;
    struct mm_exp_field *fields;
    struct mm_exp_method *methods;
    size_t field_n, method_n;
};
struct mm_exp_package {
    const char *name; /* "javacard/framework" */
    struct mm_aid aid;
    uint8_t major, minor, flags;
    uint8_t format_minor; /* as written: 1 or 2 */
    struct mm_exp_class *classes;
    size_t class_n;
    int import; /* index in the Import component, -1 while unused */
};
enum mm_status mm_conv_exp_read(struct mm_arena *arena, const uint8_t *data, size_t data_len,
                                struct mm_exp_package *pkg, struct mm_err *err) MM_USE_RESULT;
void mm_conv_exp_write(const struct mm_exp_package *pkg, struct mm_buf *out);
/* Sentences about classes and methods (docs.c). */
struct mm_docs;
enum mm_status mm_conv_docs_read(struct mm_arena *arena, const char *path, struct mm_docs **out,
                                 struct mm_err *err) MM_USE_RESULT;
/* The sentence about a member of "javacard/framework/Util", about the class itself with "", or NULL.
 * docs may be NULL. */
const char *mm_conv_docs_find(const struct mm_docs *docs, const char *cls, const char *member);
/* Java sources that declare what the packages export, below dir, with comments from docs. */
enum mm_status mm_conv_stubs_write(struct mm_arena *arena, const struct mm_exp_package *pkgs,
                                   size_t pkg_n, const struct mm_docs *docs, const char *dir,
                                   struct mm_err *err) MM_USE_RESULT;
/* Fact tables. */
enum mm_status mm_conv_facts_read(struct mm_arena *arena, const char *path,
                                  struct mm_exp_package **pkgs, size_t *pkg_n,
                                  struct mm_err *err) MM_USE_RESULT;

/* ---- The package being converted ---- */
struct mm_cpref { /* a constant pool entry, before it has a number */
    uint8_t tag;  /* as in the file, 1..6 */
    struct mm_cref cls;
    uint8_t token;
    const struct mm_method *method; /* StaticMethodref of this package */
    const struct mm_field *field;   /* StaticFieldref of this package */
    const char *desc;               /* type, for the Descriptor; NULL for Classref */
    uint16_t index;
};
struct mm_conv {
    struct mm_arena *arena;
    const struct mm_conv_options *opt;
    const char *name;        /* "org/mintmark/purse" */
    struct mm_cls **classes; /* interfaces first, then classes, each after what it extends */
    size_t class_n;
    struct mm_exp_package **packages; /* export files read so far */
    size_t package_n;
    const struct mm_exp_package **imports; /* by package token */
    size_t import_n;
    struct mm_cpref **pool;
    size_t pool_n;
    uint8_t flags;     /* Header: 02 export, 04 applet */
    uint8_t cap_minor; /* CAP format 2.1 or 2.2 */
    /* static field image */
    struct mm_field **array_fields;
    size_t array_n;
    size_t array_elements; /* in all of them */
    uint16_t ref_n, default_n, value_n;
    uint16_t *install_off;
    const char **problems; /* what was refused so far */
    size_t problem_n;
    enum mm_status first_problem;
    bool uses_int;
    bool any_remote;
    struct mm_signature { /* of the signature pool */
        const char *desc;
        uint16_t off;
    } *signatures;
    size_t signature_n;
    uint16_t signatures_len;
    struct mm_buf parts[MM_CAP_COMPONENT_N]; /* info bytes by tag */
    struct mm_buf ref1, ref2;                /* RefLocation lists */
    uint32_t ref1_at, ref2_at;
};

/* "File.java:line: class.method: message" (MM_UNSUPPORTED); method may be NULL. */
enum mm_status mm_conv_refuse(const struct mm_cls *cls, const struct mm_method *m, uint32_t pc,
                              struct mm_err *err, const char *fmt, ...) MM_PRINTF(5, 6);

/* Note a refusal, so that the run goes on and finds the others: MM_OK. Any other failure, and a
 * refusal beyond the first hundred, is returned. */
enum mm_status mm_conv_note(struct mm_conv *cv, enum mm_status st,
                            const struct mm_err *err) MM_USE_RESULT;

/* package.c */
/* What javac makes of package-info.java: no class of the package. */
bool mm_conv_is_package_info(const struct mm_cls *cls);
enum mm_status mm_conv_load(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_find_class(struct mm_conv *cv, const char *name, struct mm_cref *out,
                                  struct mm_err *err) MM_USE_RESULT;
const char *mm_conv_cref_name(struct mm_cref c);
bool mm_conv_cref_equal(struct mm_cref a, struct mm_cref b);
uint16_t mm_conv_cref_access(struct mm_cref c);
/* Superclass; both NULL for Object. */
enum mm_status mm_conv_cref_super(struct mm_conv *cv, struct mm_cref c, struct mm_cref *out,
                                  struct mm_err *err) MM_USE_RESULT;
/* class_ref (2 bytes); makes the import when the class is external. */
uint16_t mm_conv_cref_encode(struct mm_conv *cv, struct mm_cref c);
void mm_conv_import(struct mm_conv *cv, const struct mm_exp_package *pkg);

/* remote.c: Java Card RMI */
bool mm_conv_cref_remote(struct mm_cref c);
/* Remote methods, their hash codes and signatures; after the tokens, before classes are placed. Makes
 * the format 2.2 when there is anything remote. */
enum mm_status mm_conv_remote(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
/* The signature pool with its length; after classes are placed. */
enum mm_status mm_conv_signatures_write(struct mm_conv *cv, struct mm_buf *out,
                                        struct mm_err *err) MM_USE_RESULT;
/* What is at the end of a class_info or interface_info; its bytes. */
void mm_conv_remote_write(struct mm_conv *cv, const struct mm_cls *cls, struct mm_buf *out);
size_t mm_conv_remote_size(const struct mm_cls *cls);

/* tokens.c */
enum mm_status mm_conv_tokens(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
/* Token of a method of an interface, -1 when it has none of that name and type. */
int mm_conv_interface_token(struct mm_cref iface, const char *name, const char *desc);
/* Token of a virtual method that c declares or inherits, -1 when there is none; *where is the class
 * of this package that declares it, or the external class. */
int mm_conv_virtual_token(struct mm_conv *cv, struct mm_cref c, const char *name, const char *desc,
                          struct mm_cref *where);
/* The virtual method that token names in c (own classes and their own superclasses), or NULL. */
const struct mm_method *mm_conv_virtual(const struct mm_cls *c, uint8_t token);
bool mm_conv_exported(const struct mm_conv *cv, const struct mm_cls *c);

/* resolve.c: references of class files to constant pool entries */
enum mm_status mm_conv_ref_class(struct mm_conv *cv, const char *name, struct mm_cpref **out,
                                 struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_ref_field(struct mm_conv *cv, const struct jref *ref, bool is_static,
                                 struct mm_cpref **out, const struct mm_field **constant,
                                 struct mm_err *err) MM_USE_RESULT;
struct mm_callee {
    struct mm_cpref *ref;
    uint8_t interface_token; /* for invokeinterface, whose ref is a Classref */
    bool is_interface;       /* has to be called by invokeinterface */
};
enum mm_status mm_conv_ref_method(struct mm_conv *cv, const struct mm_cls *from,
                                  const struct jref *ref, uint8_t jvm_op, struct mm_callee *out,
                                  struct mm_err *err) MM_USE_RESULT;

/* types.c: descriptors */
/* First type of *desc: 'Z','B','S','L','[' or 'V' and others as they are; advances *desc. 0 when
 * malformed. */
char mm_conv_type_next(const char **desc);
/* Number of arguments, -1 when malformed; *bad names the first type that is not for cards. */
int mm_conv_desc_args(const char *desc, bool ints, const char **bad);
/* Card cells of the arguments of a good descriptor: int takes two. */
int mm_conv_desc_cells(const char *desc);
char mm_conv_desc_ret(const char *desc);
/* NULL when a field of this type can be; else what it is ("int", "array of arrays", ...). */
const char *mm_conv_type_bad(const char *desc, bool ints);
/* What to do about a type that mm_conv_type_bad named. */
const char *mm_conv_type_hint(const char *bad);
/* What to write instead of using a class of Java that cards do not have; NULL: nothing to say. */
const char *mm_conv_class_hint(const char *name);
/* Write a type_descriptor (fields and methods). */
enum mm_status mm_conv_type_write(struct mm_conv *cv, const char *desc, struct mm_buf *out,
                                  struct mm_err *err) MM_USE_RESULT;

/* ---- Decoded JVM code ---- */
enum jkind {
    JK_NOP,
    JK_NULL,
    JK_CONST,
    JK_LOAD_I,
    JK_LOAD_A,
    JK_STORE_I,
    JK_STORE_A,
    JK_ALOAD,
    JK_ASTORE,
    JK_STACK,
    JK_BIN,
    JK_NEG,
    JK_IINC,
    JK_I2B,
    JK_I2S,
    JK_IF,
    JK_IF_A,
    JK_CMP,
    JK_CMP_A,
    JK_GOTO,
    JK_TSWITCH,
    JK_LSWITCH,
    JK_RET_I,
    JK_RET_A,
    JK_RET,
    JK_GETSTATIC,
    JK_PUTSTATIC,
    JK_GETFIELD,
    JK_PUTFIELD,
    JK_INVOKE,
    JK_NEW,
    JK_NEWARRAY,
    JK_ANEWARRAY,
    JK_LENGTH,
    JK_ATHROW,
    JK_CHECKCAST,
    JK_INSTANCEOF,
    JK_LDC,
    JK_WIDE,
    JK_REFUSE
};
enum jstack {
    JS_POP,
    JS_POP2,
    JS_DUP,
    JS_DUP_X1,
    JS_DUP_X2,
    JS_DUP2,
    JS_DUP2_X1,
    JS_DUP2_X2,
    JS_SWAP
};
struct jins {
    uint16_t pc;
    uint8_t op;
    uint8_t kind;
    int16_t arg;     /* as in jvm.def: card opcode */
    int32_t a, b;    /* constant, local, constant pool index; iinc: b is the amount */
    uint32_t target; /* index of an instruction */
    int32_t low;     /* switch */
    uint32_t case_n;
    int32_t *keys;
    uint32_t *targets;
    bool on_this;   /* putfield whose object is this, which is not pushed */
    bool is_target; /* something jumps here, or a handler or its range begins or ends here */
};
struct jval {
    uint8_t kind;   /* JV_NONE, JV_INT, JV_REF */
    uint32_t web;   /* JV_INT: which values are one on the card, see struct jflow */
    int32_t lo, hi; /* JV_INT: the int that Java computes lies between */
};
#define JV_NONE     0
#define JV_INT      1
#define JV_REF      2
#define JDEPTH_NONE 0xFFFF
struct jstate {
    uint16_t depth; /* JDEPTH_NONE: never reached */
    uint8_t visits;
    struct jval *locals; /* max_locals, then max_stack */
    struct jval *stack;
};
struct jflow {
    const struct mm_cls *cls;
    const struct mm_method *m;
    struct jins *ins;
    size_t ins_n;
    uint32_t *at; /* instruction index by pc, UINT32_MAX inside an instruction */
    struct jstate *states;
    uint16_t max_depth;
    /* A web is all values that meet in one cell, so that all have one form on the card: one cell
     * or, when Java's int is needed, two. Instruction i pushes into web 2i and stores to a local in
     * web 2i + 1; arguments come after those. webs: union-find parents; wide: by root. */
    uint32_t *webs;
    size_t web_n;
    bool *wide;
    bool *wide_op;     /* by instruction: computes with int */
    uint8_t *local_at; /* card cell of each Java local */
    uint16_t local_cells;
};
#define MM_CODE_MAX 32767 /* JCVM 3.0.5, 2.2.4.3: bytecodes of a method */
/* Bytes of the JVM instruction at pc; 0: it is none, or cut off by the end. */
uint32_t mm_conv_ins_len(const uint8_t *code, uint32_t len, uint32_t pc);
/* subroutine.c: a copy of its subroutine for each jsr. Code whose subroutines are not well nested
 * stays as it is. */
void mm_conv_inline_subroutines(struct mm_arena *arena, struct jcode *code);
/* cv notes what is refused, so that decoding goes on; NULL: stop at the first. */
enum mm_status mm_conv_decode(struct mm_arena *arena, struct mm_conv *cv, const struct mm_cls *cls,
                              const struct mm_method *m, struct jflow *flow,
                              struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_flow(struct mm_arena *arena, struct jflow *flow,
                            struct mm_err *err) MM_USE_RESULT;
/* "this.field = value": this is pushed at `at`. When the next that touches its cell is a putfield of
 * the same straight run of code, mark that (on_this) and return true. */
bool mm_conv_mark_this_store(struct jflow *flow, uint32_t at);
static inline bool mm_conv_fits(struct jval v)
{
    return v.lo >= -32768 && v.hi <= 32767;
}
/* The web's root. */
uint32_t mm_conv_web(const struct jflow *flow, uint32_t web);
/* reps.c: which values need two cells. What has no form on the card (without int: each that needs
 * two) is noted. */
enum mm_status mm_conv_reps(struct mm_conv *cv, struct jflow *flow,
                            struct mm_err *err) MM_USE_RESULT;
/* Is the n-th cell from the top before instruction `at` an int in two cells? */
bool mm_conv_wide_cell(const struct jflow *flow, uint32_t at, uint16_t n);
/* The interval of op applied to a and b (intervals.c); op is a card opcode (MM_OP_SADD ...). */
struct jval mm_conv_interval(uint8_t op, struct jval a, struct jval b);
struct jval mm_conv_interval_narrow(struct jval v, int32_t lo, int32_t hi);
struct jval mm_conv_interval_join(struct jval a, struct jval b, bool widen);

/* ---- Card code ---- */
struct cins {
    uint8_t op;
    int32_t a, b;          /* operands */
    struct mm_cpref *ref;  /* constant pool operand */
    uint32_t target;       /* index of a JVM instruction; layout maps it */
    const struct jins *sw; /* switch */
    uint32_t jidx;         /* the JVM instruction it is for */
    uint32_t off;          /* after layout, from the first bytecode */
    bool is_wide;
};
struct mm_chandler {
    uint32_t start, end, handler; /* JVM instruction indices */
    struct mm_cpref *type;
};
struct mm_body {
    struct cins *ins;
    size_t ins_n;
    uint32_t *first; /* first card instruction of a JVM instruction (its successor's when none) */
    size_t jins_n;
    struct mm_chandler *handlers;
    size_t handler_n;
    uint8_t max_stack, max_locals;
    const uint32_t *at;      /* JVM instruction index by pc */
    const uint8_t *local_at; /* card cell of each Java local */
    uint16_t bytes;          /* length without header */
    uint16_t header;         /* 2 or 4 */
    uint16_t handler_idx;    /* in the component */
};
enum mm_status mm_conv_translate(struct mm_conv *cv, struct mm_cls *cls, struct mm_method *m,
                                 struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_clinit(struct mm_conv *cv, struct mm_cls *cls, const struct mm_method *m,
                              struct mm_err *err) MM_USE_RESULT;
/* layout.c: Method component, ref1 and ref2 */
enum mm_status mm_conv_methods(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;

/* components.c, descriptor.c, export.c, archive.c */
enum mm_status mm_conv_classes_place(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_statics_place(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_components(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conv_descriptor(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
/* debug.c: after all offsets are known */
enum mm_status mm_conv_debug(struct mm_conv *cv, struct mm_err *err) MM_USE_RESULT;
void mm_conv_own_exports(struct mm_conv *cv, struct mm_exp_package *pkg);
enum mm_status mm_conv_archive(struct mm_conv *cv, const char *path,
                               struct mm_err *err) MM_USE_RESULT;

#endif
