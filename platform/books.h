/*
 * The payment service's books, shared by its calls.
 *
 * Accounts: issuer (where money comes from), funding (what a chip's holder may load), held (set
 * aside between a load's begin and its settlement), purse (mirrors the balance in the chip),
 * unclaimed (left a purse in a payment whose record has not come yet), merchant.
 *
 * The chip's counter orders its transactions. A record under the purse's MAC tells the balance after
 * it, so what an unseen payment took is known even before its record comes: it waits in "unclaimed".
 */
#ifndef MM_BOOKS_H
#define MM_BOOKS_H

#include "platform/platform_int.h"

/* A purse in the call's hands. */
struct mm_purse_books {
    struct mm_purse row;
    struct mm_account account, held;
};

/* One row of the ledger; none for an amount of 0. */
enum mm_status mm_books_move(struct mm_call *call, const char *what, int64_t from, int64_t to,
                             int64_t amount, const struct mm_purse_books *purse,
                             int64_t counter) MM_USE_RESULT;
/* Balances as they are now. */
enum mm_status mm_books_accounts(struct mm_call *call, struct mm_purse_books *purse) MM_USE_RESULT;
/* The purse by id; it must be in the chip that the result speaks of. */
enum mm_status mm_books_purse(struct mm_call *call, const struct mm_order *order,
                              const uint8_t id[MM_PURSE_ID_LEN],
                              struct mm_purse_books *purse) MM_USE_RESULT;
/* A MAC of this purse was right: it is the one in the chip now. */
enum mm_status mm_books_proven(struct mm_call *call,
                               const struct mm_purse_books *purse) MM_USE_RESULT;
/* computed: status of making is. name: of the MAC, for the refusal. */
enum mm_status mm_books_check_mac(struct mm_call *call, enum mm_status computed,
                                  const uint8_t is[16], const uint8_t given[16],
                                  const char *name) MM_USE_RESULT;
/* Where the money of a load (type 1) or restore (2) comes from and goes back to. */
enum mm_status mm_books_source(struct mm_call *call, const struct mm_purse_books *purse, int type,
                               struct mm_account *out) MM_USE_RESULT;
/* What was set aside for a load goes back. */
enum mm_status mm_books_release(struct mm_call *call, struct mm_purse_books *purse,
                                const struct mm_load *load) MM_USE_RESULT;
/* The purse has credited the load: balance is the one after it. */
enum mm_status mm_books_credit(struct mm_call *call, struct mm_purse_books *purse,
                               const struct mm_load *load, int64_t balance) MM_USE_RESULT;
/* What the purse had before a transaction tells what became of a load that is held. */
enum mm_status mm_books_judge_held(struct mm_call *call, struct mm_purse_books *purse,
                                   int64_t counter, int64_t before) MM_USE_RESULT;
/* Transactions whose record has not come, below counter: what they took waits as unclaimed. */
enum mm_status mm_books_gap(struct mm_call *call, struct mm_purse_books *purse, int64_t counter,
                            int64_t before) MM_USE_RESULT;
/* {balance} of the purse. */
enum mm_status mm_books_answer_balance(struct mm_call *call,
                                       struct mm_purse_books *purse) MM_USE_RESULT;
/* What former purses of a chip still hold; taker NULL: only summed, else moved to it. */
enum mm_status mm_books_former(struct mm_call *call, const uint8_t chip[MM_CHIP_ID_LEN],
                               const struct mm_purse_books *taker, int64_t *sum) MM_USE_RESULT;

#endif
