/*
 * The matcher behind javacardx.biometry and javacardx.biometry1toN. Inside the API module.
 *
 * A simple, deterministic one, for applets to be developed and tested with:
 *   PASSWORD     the candidate is what initMatch was given; it matches when it is the reference.
 *   all others   a pattern: the candidate is as long as the reference and may come in parts. Of n
 *                bits d differ; the score is 32767 - 131068 * d / n, 0 at least, so it matches with
 *                at most one bit in eight different.
 * The first bytes of a reference can be public; how many, initParam of the builder says. They are
 * no part of what is matched.
 *
 * A reference (mintmark/BioReference) has data, and a session (mintmark/BioSession) tries, a list of
 * references and, in transient memory, how far a candidate has come. A template of the first package
 * is a session with one reference of its own; a matcher of the second has references that the applet
 * puts there.
 */
#ifndef MM_API_BIO_INT_H
#define MM_API_BIO_INT_H

#include "applet_vm/api/api_int.h"

#define MM_BIO_TEMPLATE  "mintmark/BioTemplate"
#define MM_BIO_DATA      "mintmark/BioTemplateData"
#define MM_BIO_MATCHER   "mintmark/BioMatcher"
#define MM_BIO_REFERENCE "mintmark/BioReference"
#define MM_BIO_MAX       64 /* references of a matcher */
#define MM_BIO_PASSWORD  31
#define MM_BIO_MATCH     16384 /* MINIMUM_SUCCESSFUL_MATCH_SCORE */

/* BioException's reasons; Bio1toNException has two more. */
enum {
    MM_BIO_ILLEGAL_VALUE = 1,
    MM_BIO_INVALID_DATA = 2,
    MM_BIO_UNSUPPORTED = 3,  /* NO_SUCH_BIO_TEMPLATE, UNSUPPORTED_BIO_TYPE */
    MM_BIO_NOT_ENROLLED = 4, /* NO_TEMPLATES_ENROLLED, NO_BIO_TEMPLATE_ENROLLED */
    MM_BIO_ILLEGAL_USE = 5,
    MM_BIO_CAPACITY = 6,
    MM_BIO_MISMATCHED = 7
};

/* BioException or Bio1toNException, as the receiver's package has it. */
enum mm_run mm_bio_failed(struct mm_vm *vm, mm_ref receiver, uint16_t reason);

/* ---- bio_reference.c ---- */
enum mm_run mm_bio_reference_init(struct mm_vm *vm, mm_ref reference, int type, int public_n);
bool mm_bio_ready(struct mm_vm *vm, mm_ref reference); /* false for null as well */
uint16_t mm_bio_type(struct mm_vm *vm, mm_ref reference);
/* What is matched, borrowed until the next allocation. */
const uint8_t *mm_bio_pattern(struct mm_vm *vm, mm_ref reference, size_t *n);

/* ---- bio_session.c ---- */
enum mm_run mm_bio_session_init(struct mm_vm *vm, mm_ref session, int type, int try_limit,
                                int max_n);
uint16_t mm_bio_session_type(struct mm_vm *vm, mm_ref session);
size_t mm_bio_max(struct mm_vm *vm, mm_ref session); /* places for references */
/* One of the references; null past the end. */
mm_ref mm_bio_get(struct mm_vm *vm, mm_ref session, int index);
enum mm_run mm_bio_put(struct mm_vm *vm, mm_ref session, uint16_t index, mm_ref reference);
/* Not validated, no session; all tries there again. */
enum mm_run mm_bio_unblock(struct mm_vm *vm, mm_ref session);

#endif
