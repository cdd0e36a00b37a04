/* Inside host_client/gplib only: what its handles are. */
#ifndef MM_GPLIB_INT_H
#define MM_GPLIB_INT_H

#include "host_client/gp/gp.h"
#include "host_client/gplib/mintmark_gp.h"

struct mintmark_gp_keys {
    struct mm_gp_keys *source; /* owned */
};

struct mintmark_gp {
    struct mm_access *access;
    struct mm_gp_session *session; /* NULL: none */
    struct mm_err err;
};

enum mintmark_gp_status mm_gplib_status(enum mm_status st);
/* MM_NO_READER: not connected. */
enum mm_status mm_gplib_connected(struct mintmark_gp *gp) MM_USE_RESULT;
/* An argument that is an AID; MM_USAGE: of no length that one has. */
enum mm_status mm_gplib_aid(struct mintmark_gp *gp, const uint8_t *bytes, size_t len,
                            struct mm_aid *aid) MM_USE_RESULT;
/* Three keys of one length; MM_USAGE: of none there is. */
enum mm_status mm_gplib_set(const uint8_t *enc, const uint8_t *mac, const uint8_t *dek,
                            size_t key_len, struct mm_gp_keyset *out) MM_USE_RESULT;

#endif
