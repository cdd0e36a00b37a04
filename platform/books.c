/* Purses and their accounts: what loads, payments and the account call have in common. */
#include <string.h>
#include <openssl/crypto.h>

#include "platform/books.h"

enum mm_status mm_books_move(struct mm_call *call, const char *what, int64_t from, int64_t to,
                             int64_t amount, const struct mm_purse_books *purse, int64_t counter)
{
    if (amount == 0)
        return MM_OK;
    return mm_store_move(call->p->store, call->now, what, from, to, amount, purse->row.id, counter);
}

enum mm_status mm_books_accounts(struct mm_call *call, struct mm_purse_books *purse)
{
    enum mm_status st =
        mm_store_account(call->p->store, "purse", purse->row.id, MM_PURSE_ID_LEN, &purse->account);

    if (st == MM_OK)
        st = mm_store_account(call->p->store, "held", purse->row.id, MM_PURSE_ID_LEN, &purse->held);
    return st;
}

/* The purse by id; it must be in the chip that the result speaks of. */
enum mm_status mm_books_purse(struct mm_call *call, const struct mm_order *order,
                              const uint8_t id[MM_PURSE_ID_LEN], struct mm_purse_books *purse)
{
    enum mm_status st = mm_store_purse_get(call->p->store, id, &purse->row);

    if (st == MM_NOT_FOUND ||
        (st == MM_OK && memcmp(purse->row.chip, order->result.chip, MM_CHIP_ID_LEN) != 0))
        return mm_refuse(call, 403, "purse_unknown",
                         "the purse is not one personalised in this chip");
    if (st == MM_OK && purse->row.state == MM_PURSE_CLOSED)
        return mm_refuse(call, 403, "purse_closed",
                         "the purse has been replaced by another one in this chip");
    return st == MM_OK ? mm_books_accounts(call, purse) : st;
}

/* A MAC by a purse that was only handed out proves that it is in the chip now, and that whatever
 * purse was there before is gone. */
enum mm_status mm_books_proven(struct mm_call *call, const struct mm_purse_books *purse)
{
    if (purse->row.state != MM_PURSE_ISSUED)
        return MM_OK;
    return mm_store_purse_activate(call->p->store, &purse->row);
}

enum mm_status mm_books_check_mac(struct mm_call *call, enum mm_status computed,
                                  const uint8_t is[16], const uint8_t given[16], const char *name)
{
    if (computed != MM_OK)
        return computed;
    if (CRYPTO_memcmp(is, given, 16) != 0)
        return mm_refuse(call, 403, "mac_wrong", "%s of the purse is wrong", name);
    return MM_OK;
}

/* ---- Money set aside ---- */

/* Where a load's money comes from and goes back to: the funding account; of a restore, the purse that
 * was there before. */
enum mm_status mm_books_source(struct mm_call *call, const struct mm_purse_books *purse, int type,
                               struct mm_account *out)
{
    uint8_t closed[MM_PURSE_ID_LEN];
    enum mm_status st;

    if (type == 1)
        return mm_store_account(call->p->store, "funding", purse->row.chip, MM_CHIP_ID_LEN, out);
    st = mm_store_purse_closed(call->p->store, purse->row.chip, 0, closed);
    if (st == MM_OK)
        st = mm_store_account(call->p->store, "purse", closed, MM_PURSE_ID_LEN, out);
    return st;
}

enum mm_status mm_books_release(struct mm_call *call, struct mm_purse_books *purse,
                                const struct mm_load *load)
{
    struct mm_account to;
    enum mm_status st = mm_books_source(call, purse, load->type, &to);

    if (st == MM_OK)
        st = mm_books_move(call, "release", purse->held.id, to.id, load->amount, purse,
                           load->counter);
    if (st == MM_OK)
        st = mm_store_load_end(call->p->store, load->id, "released");
    return st == MM_OK ? mm_books_accounts(call, purse) : st;
}

/* The purse has credited the load: balance is the one after it. */
enum mm_status mm_books_credit(struct mm_call *call, struct mm_purse_books *purse,
                               const struct mm_load *load, int64_t balance)
{
    struct mm_record rec = {.counter = load->counter + 1,
                            .type = load->type,
                            .amount = load->amount,
                            .balance = balance};
    enum mm_status st;

    memcpy(rec.purse, purse->row.id, sizeof(rec.purse));
    st = mm_store_record_add(call->p->store, &rec, call->now);
    if (st == MM_OK)
        st = mm_books_move(call, load->type == 1 ? "load" : "restore", purse->held.id,
                           purse->account.id, load->amount, purse, rec.counter);
    if (st == MM_OK)
        st = mm_store_load_end(call->p->store, load->id, "settled");
    if (st == MM_OK)
        st = mm_store_purse_counter(call->p->store, purse->row.id, rec.counter);
    if (st == MM_OK && purse->row.counter < rec.counter)
        purse->row.counter = rec.counter;
    return st == MM_OK ? mm_books_accounts(call, purse) : st;
}

/*
 * A payment with this counter was shown, which had `before` in the purse. What does it say of a load
 * that is still held? The load would have counter L + 1. A payment that took this number shows that
 * the load was dropped; a later payment of money that only the load can explain shows that it came.
 */
enum mm_status mm_books_judge_held(struct mm_call *call, struct mm_purse_books *purse,
                                   int64_t counter, int64_t before)
{
    struct mm_load load;
    enum mm_status st = mm_store_load_held(call->p->store, purse->row.id, &load);

    if (st == MM_NOT_FOUND || (st == MM_OK && counter <= load.counter))
        return MM_OK;
    if (st != MM_OK)
        return st;
    if (counter == load.counter + 1)
        return mm_books_release(call, purse, &load);
    if (before > purse->account.balance)
        return mm_books_credit(call, purse, &load, purse->account.balance + load.amount);
    return MM_OK;
}

/* What left the purse unseen before a transaction that found `before` in it. */
enum mm_status mm_books_gap(struct mm_call *call, struct mm_purse_books *purse, int64_t counter,
                            int64_t before)
{
    int64_t gap = purse->account.balance - before;
    struct mm_account unclaimed;
    enum mm_status st;

    if (gap < 0)
        return mm_refuse(call, 409, "unsettled",
                         "the purse holds more than the ledger proves: settle GET LAST first");
    if (gap > 0 && counter == purse->row.counter + 1)
        return mm_refuse(call, 409, "counter_mismatch",
                         "the balance changed by %lld without a transaction", (long long)gap);
    if (gap == 0)
        return MM_OK;
    st = mm_store_account(call->p->store, "unclaimed", purse->row.id, MM_PURSE_ID_LEN, &unclaimed);
    if (st == MM_OK)
        st = mm_books_move(call, "gap", purse->account.id, unclaimed.id, gap, purse, counter);
    return st == MM_OK ? mm_books_accounts(call, purse) : st;
}

enum mm_status mm_books_answer_balance(struct mm_call *call, struct mm_purse_books *purse)
{
    enum mm_status st = mm_books_accounts(call, purse);

    if (st != MM_OK)
        return st;
    return mm_answer(call, json_pack("{s:I}", "balance", (json_int_t)purse->account.balance));
}

/* All that one closed purse still has: its balance, and a load whose settlement never came, which can
 * not come any more. */
static enum mm_status former_one(struct mm_call *call, const uint8_t id[MM_PURSE_ID_LEN],
                                 const struct mm_purse_books *taker, int64_t *sum)
{
    struct mm_purse_books old = {0};
    struct mm_load load;
    enum mm_status st;

    memcpy(old.row.id, id, MM_PURSE_ID_LEN);
    st = mm_books_accounts(call, &old);
    if (st != MM_OK)
        return st;
    *sum += old.account.balance + old.held.balance;
    if (taker == NULL)
        return MM_OK;
    st = mm_books_move(call, "hold", old.account.id, taker->held.id, old.account.balance, taker, 0);
    if (st == MM_OK)
        st = mm_books_move(call, "hold", old.held.id, taker->held.id, old.held.balance, taker, 0);
    if (st == MM_OK)
        st = mm_store_load_held(call->p->store, id, &load);
    if (st == MM_OK)
        return mm_store_load_end(call->p->store, load.id, "released");
    return st == MM_NOT_FOUND ? MM_OK : st;
}

/* What former purses of a chip still have; with a taker it is set aside for that purse. */
enum mm_status mm_books_former(struct mm_call *call, const uint8_t chip[MM_CHIP_ID_LEN],
                               const struct mm_purse_books *taker, int64_t *sum)
{
    uint8_t id[MM_PURSE_ID_LEN];
    enum mm_status st = MM_OK;

    *sum = 0;
    for (size_t i = 0; st == MM_OK; i++) {
        st = mm_store_purse_closed(call->p->store, chip, i, id);
        if (st == MM_OK)
            st = former_one(call, id, taker, sum);
    }
    return st == MM_NOT_FOUND ? MM_OK : st;
}
