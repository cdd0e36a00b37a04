/*
 * The bytecode verifier: a typed dataflow check of every method of a package before it is linked
 * (JCVM 3.0.5, chapters 6 and 7). It reads a CAP through its accessors, the API through the ROM
 * tables, other packages through a callback; it knows nothing of the interpreter.
 *
 * What it promises of a package with a Descriptor: no instruction meets a value of another type
 * than it takes, no frame overflows or underflows, no local is read before it is written, control
 * stays within the method, and every call gets what the callee's signature says. Without a
 * Descriptor, argument types of the package's own methods are not known: their kinds are inferred
 * from headers, opcodes and class layouts, and what stays unknown is accepted (the interpreter's
 * own checks remain).
 */
#ifndef MM_VERIFY_H
#define MM_VERIFY_H

#include "applet_vm/cap/cap.h"
#include "applet_vm/vm/vm.h"

/* Every rule has a name, which its refusal states: applet_vm/verify/rules.def. */
enum mm_verify_rule {
#define MM_RULE(id, name, sentence) MM_RULE_##id,
#include "applet_vm/verify/rules.def"
#undef MM_RULE
    MM_RULE_N
};
const char *mm_verify_rule_name(enum mm_verify_rule rule); /* "operand-type" */
const char *mm_verify_rule_text(enum mm_verify_rule rule); /* its sentence */

/* Where other packages are found. */
struct mm_verify_env {
    const struct mm_rom_package *const *rom; /* NULL-terminated: mm_api_packages() */
    /* The i-th loaded package, NULL after the last; NULL function: none is loaded. */
    const struct mm_cap *(*loaded)(void *ctx, size_t i);
    void *ctx;
};

/* What a verification did; for reports and benchmarks. */
struct mm_verify_stats {
    bool described;      /* the package has a Descriptor: full check */
    size_t methods;      /* with code */
    size_t instructions; /* that control flow reaches, each time one was looked at */
};

/*
 * Check a package. MM_OK; MM_MALFORMED: a rule is broken, err says
 * "<Name> component, offset 0x...: <what> [<rule>]"; MM_NOT_FOUND: an import is not there;
 * MM_UNSUPPORTED: the verifier's own limits (see rules.def, too-complex).
 * stats may be NULL; err may be NULL.
 */
enum mm_status mm_verify(const struct mm_cap *cap, const struct mm_verify_env *env,
                         struct mm_verify_stats *stats, struct mm_err *err) MM_USE_RESULT;

#endif
