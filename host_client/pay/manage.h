/* Remote management: the platform speaks to the chip, the client carries (docs/protocol.md). */
#ifndef MM_PAY_MANAGE_H
#define MM_PAY_MANAGE_H

#include "host_client/pay/session.h"

struct mm_manage_order {
    const char *op;      /* "install", "personalise", "delete" */
    const char *package; /* "purse", "transit" */
    const char *pin;     /* personalise purse: the PIN to be; else NULL */
};
struct mm_managed {
    size_t sent;       /* APDUs carried */
    char purse_id[17]; /* of a personalised applet, hex; else "" */
};
enum mm_status mm_pay_manage(struct mm_pay_session *s, const struct mm_manage_order *order,
                             struct mm_managed *out, struct mm_err *err) MM_USE_RESULT;

/* Send a list of hex APDUs, stop at the first status word other than 9000. last: response data of the
 * last one sent. MM_CARD when one was refused (*sw says how); *sent counts them. */
enum mm_status mm_pay_carry(struct mm_access *card, const json_t *apdus, struct mm_buf *last,
                            uint16_t *sw, size_t *sent, struct mm_err *err) MM_USE_RESULT;

#endif
