/*
 * Money: what happens in which order, so that a crash between any two steps neither loses nor
 * doubles any of it. Journal, then chip, then ledger; after a crash the chip's last record decides.
 */
#ifndef MM_PAY_MONEY_H
#define MM_PAY_MONEY_H

#include "host_client/pay/purse.h"
#include "host_client/pay/session.h"

struct mm_moved {
    uint32_t amount;  /* the one the chip has committed */
    uint32_t balance; /* in the chip, afterwards */
    uint32_t counter;
    uint16_t currency;
    json_int_t ledger; /* balance in the platform's ledger */
};

/*
 * Book what the chip has committed and the ledger lacks. ask_ledger: compare with the ledger even when
 * the journal is empty (before money moves); otherwise the platform is asked only with reason.
 * *booked: something was. Fine when there is no purse.
 */
enum mm_status mm_pay_recover(struct mm_pay_session *s, bool ask_ledger, bool *booked,
                              struct mm_err *err) MM_USE_RESULT;
/* Move money. Each recovers first, holds the card throughout, and asks for a report. */
enum mm_status mm_pay_load(struct mm_pay_session *s, uint32_t amount, struct mm_moved *out,
                           struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_pay_restore(struct mm_pay_session *s, struct mm_moved *out,
                              struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_pay_debit(struct mm_pay_session *s, uint32_t amount, const uint8_t merchant[8],
                            struct mm_moved *out, struct mm_err *err) MM_USE_RESULT;

#endif
