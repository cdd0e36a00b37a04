/* The payment service: settlement of payments. */
#include <string.h>
#include <openssl/crypto.h>

#include "platform/books.h"

/* ---- POST /pay/settle ---- */

static enum mm_status read_payment(struct mm_call *call, uint8_t id[MM_PURSE_ID_LEN],
                                   struct mm_last *last)
{
    uint8_t data[MM_LAST_LEN];
    size_t len;
    enum mm_status st = mm_field_hex(call, "purse_id", id, MM_PURSE_ID_LEN, MM_PURSE_ID_LEN, &len);

    if (st == MM_OK)
        st = mm_field_hex(call, "purse", data, sizeof(data), sizeof(data), &len);
    if (st == MM_OK)
        st = mm_last_read(data, len, last);
    if (st == MM_OK && last->type != 3)
        return mm_refuse(call, 400, "bad_request", "field purse: record of type %u, expected 3",
                         last->type);
    return st;
}

static enum mm_status check_payment(struct mm_call *call, const struct mm_purse_books *purse,
                                    const struct mm_last *last)
{
    uint8_t key[16] = {0}, mac[16];
    enum mm_status st = mm_purse_key(call->p->debit_master, MM_KDF_DEBIT, purse->row.id, key);

    if (st == MM_OK)
        st = mm_books_check_mac(call, mm_mac6(key, purse->row.id, last, mac), mac, last->mac,
                                "MAC6");
    OPENSSL_cleanse(key, sizeof(key));
    if (st != MM_OK)
        return st;
    st = mm_store_record_has(call->p->store, purse->row.id, last->counter);
    if (st == MM_OK)
        return mm_refuse(call, 409, "replayed_purchase",
                         "purchase %u of this purse has been booked before: replayed purchase",
                         last->counter);
    if (st != MM_NOT_FOUND)
        return st;
    st = mm_store_session_known(call->p->store, last->session, call->terminal.serial);
    if (st == MM_NOT_FOUND)
        return mm_refuse(call, 403, "session_unknown",
                         "the purchase is bound to a session this terminal never had");
    return st;
}

/* A record that comes after a later one: what it took has waited in "unclaimed". */
static enum mm_status book_late(struct mm_call *call, const struct mm_purse_books *purse,
                                const struct mm_last *last, int64_t merchant)
{
    struct mm_account unclaimed;
    enum mm_status st =
        mm_store_account(call->p->store, "unclaimed", purse->row.id, MM_PURSE_ID_LEN, &unclaimed);

    if (st == MM_OK && unclaimed.balance < last->amount)
        return mm_refuse(call, 409, "counter_mismatch",
                         "purchase %u is older than %lld and nothing is unclaimed for it",
                         last->counter, (long long)purse->row.counter);
    return st == MM_OK ? mm_books_move(call, "pay", unclaimed.id, merchant, last->amount, purse,
                                       last->counter)
                       : st;
}

static enum mm_status book_payment(struct mm_call *call, struct mm_purse_books *purse,
                                   const struct mm_last *last)
{
    int64_t before = (int64_t)last->balance + last->amount;
    struct mm_account merchant;
    enum mm_status st = mm_store_account(call->p->store, "merchant", last->merchant,
                                         sizeof(last->merchant), &merchant);

    if (st == MM_OK && last->counter < purse->row.counter)
        return book_late(call, purse, last, merchant.id);
    if (st == MM_OK)
        st = mm_books_judge_held(call, purse, last->counter, before);
    if (st == MM_OK)
        st = mm_books_gap(call, purse, last->counter, before);
    if (st == MM_OK)
        st = mm_books_move(call, "pay", purse->account.id, merchant.id, last->amount, purse,
                           last->counter);
    if (st == MM_OK)
        st = mm_store_purse_counter(call->p->store, purse->row.id, last->counter);
    return st;
}

static enum mm_status pay_settle(struct mm_call *call, const struct mm_order *order)
{
    uint8_t id[MM_PURSE_ID_LEN];
    struct mm_last last;
    struct mm_purse_books purse;
    struct mm_record rec = {.type = 3};
    enum mm_status st = read_payment(call, id, &last);

    if (st == MM_OK)
        st = mm_books_purse(call, order, id, &purse);
    if (st == MM_OK)
        st = check_payment(call, &purse, &last);
    if (st == MM_OK)
        st = mm_books_proven(call, &purse);
    if (st == MM_OK)
        st = book_payment(call, &purse, &last);
    if (st != MM_OK)
        return st;
    memcpy(rec.purse, id, sizeof(rec.purse));
    rec.counter = last.counter;
    rec.amount = last.amount;
    rec.balance = last.balance;
    st = mm_store_record_add(call->p->store, &rec, call->now);
    return st == MM_OK ? mm_books_answer_balance(call, &purse) : st;
}

enum mm_status mm_call_pay_settle(struct mm_call *call)
{
    return mm_order_run(call, "pay/settle", "pay", pay_settle);
}
