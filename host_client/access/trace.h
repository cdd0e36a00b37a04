/* APDU traffic as text for people: instruction names and status words by apdu_spec. */
#ifndef MM_ACCESS_TRACE_H
#define MM_ACCESS_TRACE_H

#include <stdio.h>

#include "applet_vm/base/base.h"

/* Which application is selected, as far as the traffic tells: it decides what an instruction is
 * called. A plain value; start with out set and the rest zero. */
struct mm_trace {
    FILE *out;
    char app[24];   /* as in apdu_spec/ins.def; empty: unknown */
    char asked[24]; /* by the SELECT on its way */
};
/* An mm_access_trace; ctx is a struct mm_trace. */
void mm_trace_show(void *ctx, bool response, const uint8_t *data, size_t data_len);

/* AID by its name in apdu_spec/aid.def, upper or lower case, '-' for '_'. */
enum mm_status mm_trace_aid_by_name(const char *name, size_t name_len,
                                    struct mm_aid *aid) MM_USE_RESULT;
/* The name, NULL when it is not in the list. */
const char *mm_trace_aid_name(const struct mm_aid *aid);

#endif
