/*
 * What the client must not forget: operations begun and not known to be booked (pending.json), and
 * the last counter each chip has shown (state.json). Both files are replaced as a whole, so a crash
 * leaves the old or the new one.
 */
#ifndef MM_PAY_JOURNAL_H
#define MM_PAY_JOURNAL_H

#include "applet_vm/base/base.h"

#define MM_PENDING_KEY_MAX 65 /* the platform takes 1 to 64 characters */

struct mm_pending {
    uint8_t type; /* MM_PURSE_LOAD, _RESTORE, _DEBIT; 0: nothing is pending */
    uint8_t purse[8];
    uint32_t counter; /* that the purse has once it has committed */
    uint32_t amount;
    char key[MM_PENDING_KEY_MAX];
};
/* Keys can be derived again from the purse's own record, so a lost journal loses no money. */
void mm_pending_key(uint8_t type, const uint8_t purse[8], uint32_t counter, const uint8_t nonce[16],
                    char out[MM_PENDING_KEY_MAX]);

/* A missing file is an empty journal; a damaged one is MM_MALFORMED. */
enum mm_status mm_pending_load(const char *path, struct mm_pending *out,
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_pending_save(const char *path, const struct mm_pending *pending,
                               struct mm_err *err) MM_USE_RESULT;

/* MM_ROLLBACK when counter is below the one kept for this chip; keep: otherwise remember it. */
enum mm_status mm_counter_check(const char *path, const uint8_t chip[16], uint64_t counter,
                                bool keep, struct mm_err *err) MM_USE_RESULT;

#endif
