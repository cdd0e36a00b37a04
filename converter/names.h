/* Names of what a CAP file has by numbers: for dump, size and the listing. See names.c. */
#ifndef MM_CONV_NAMES_H
#define MM_CONV_NAMES_H

#include "converter/conv_int.h"

struct mm_named_line {
    uint16_t pc, line; /* pc from the first bytecode */
};
struct mm_named_method {
    const char *name, *desc;
    uint16_t off, body; /* into Method info; bytes of code, 0: abstract */
    uint8_t header;
    struct mm_named_line *lines;
    size_t line_n;
};
struct mm_named_field {
    const char *name, *desc;
    bool is_static;
    uint16_t at; /* token, or offset in the static field image */
};
struct mm_named_class {
    const char *name, *source;
    bool is_interface;
    uint16_t off; /* into Class info */
    struct mm_named_field *fields;
    struct mm_named_method *methods;
    size_t field_n, method_n;
};
struct mm_names;

/* No names yet. All lives in the arena; cap is borrowed; NULL: only Debug will be asked. */
struct mm_names *mm_names_new(struct mm_arena *arena, const struct mm_cap *cap);
/* Info bytes of the package's Debug component. false: malformed, nothing taken. */
bool mm_names_debug(struct mm_names *n, const uint8_t *info, size_t len) MM_USE_RESULT;
/* What a package exports: taken when it is the package itself or one it imports. */
void mm_names_package(struct mm_names *n, const struct mm_exp_package *pkg);
/* All export files below a folder, or in a jar. */
enum mm_status mm_names_exports(struct mm_names *n, const char *dir,
                                struct mm_err *err) MM_USE_RESULT;
/* All of these: Debug in the archive at path, x.exp beside x.cap, the API beside this program, and
 * the folders given. */
enum mm_status mm_names_open(struct mm_arena *arena, const struct mm_cap *cap, const char *path,
                             const char *const *exports, size_t export_n, struct mm_names **out,
                             struct mm_err *err) MM_USE_RESULT;

/* Each is NULL when there is no name; n may be NULL. Members as "cls.name(desc)" or "cls.name:desc".
 */
const char *mm_names_import(const struct mm_names *n, size_t i);
const char *mm_names_class(const struct mm_names *n, uint16_t class_ref);
const char *mm_names_method(const struct mm_names *n, uint16_t off);
const char *mm_names_virtual(const struct mm_names *n, uint16_t class_ref, uint8_t token);
const char *mm_names_constant(const struct mm_names *n, const struct mm_cap_cp *c);
/* From Debug only. */
const struct mm_named_class *mm_names_class_at(const struct mm_names *n, uint16_t off);
const struct mm_named_method *mm_names_method_at(const struct mm_names *n, uint16_t off,
                                                 const struct mm_named_class **cls);

/* The listing (dump.c). */
enum mm_status mm_conv_list(const struct mm_cap *cap, const struct mm_names *names, FILE *out,
                            struct mm_err *err) MM_USE_RESULT;

#endif
