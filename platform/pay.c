/*
 * The payment service: load and restore, settlement of loads and payments, accounts.
 *
 * Accounts: issuer (where money comes from), funding (what a chip's holder may load), held (set
 * aside between a load's begin and its settlement), purse (mirrors the balance in the chip),
 * unclaimed (left a purse in a payment whose record has not come yet), merchant.
 *
 * The chip's counter orders its transactions. A record under the purse's MAC tells the balance after
 * it, so what an unseen payment took is known even before its record comes: it waits in "unclaimed".
 */
#include <string.h>
#include <openssl/crypto.h>

#include "platform/platform_int.h"

/* A purse in the call's hands. */
struct purse {
    struct mm_purse row;
    struct mm_account account, held;
};

static enum mm_status move(struct mm_call *call, const char *what, int64_t from, int64_t to,
                           int64_t amount, const struct purse *purse, int64_t counter)
{
    if (amount == 0)
        return MM_OK;
    return mm_store_move(call->p->store, call->now, what, from, to, amount, purse->row.id, counter);
}

static enum mm_status accounts(struct mm_call *call, struct purse *purse)
{
    enum mm_status st =
        mm_store_account(call->p->store, "purse", purse->row.id, MM_PURSE_ID_LEN, &purse->account);

    if (st == MM_OK)
        st = mm_store_account(call->p->store, "held", purse->row.id, MM_PURSE_ID_LEN, &purse->held);
    return st;
}

/* The purse by id; it must be in the chip that the result speaks of. */
static enum mm_status find_purse(struct mm_call *call, const struct mm_order *order,
                                 const uint8_t id[MM_PURSE_ID_LEN], struct purse *purse)
{
    enum mm_status st = mm_store_purse_get(call->p->store, id, &purse->row);

    if (st == MM_NOT_FOUND ||
        (st == MM_OK && memcmp(purse->row.chip, order->result.chip, MM_CHIP_ID_LEN) != 0))
        return mm_refuse(call, 403, "purse_unknown",
                         "the purse is not one personalised in this chip");
    if (st == MM_OK && purse->row.state == MM_PURSE_CLOSED)
        return mm_refuse(call, 403, "purse_closed",
                         "the purse has been replaced by another one in this chip");
    return st == MM_OK ? accounts(call, purse) : st;
}

/* A MAC by a purse that was only handed out proves that it is in the chip now, and that whatever
 * purse was there before is gone. */
static enum mm_status proven(struct mm_call *call, const struct purse *purse)
{
    if (purse->row.state != MM_PURSE_ISSUED)
        return MM_OK;
    return mm_store_purse_activate(call->p->store, &purse->row);
}

static enum mm_status check_mac(struct mm_call *call, enum mm_status computed, const uint8_t is[16],
                                const uint8_t given[16], const char *name)
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
static enum mm_status source(struct mm_call *call, const struct purse *purse, int type,
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

static enum mm_status release(struct mm_call *call, struct purse *purse, const struct mm_load *load)
{
    struct mm_account to;
    enum mm_status st = source(call, purse, load->type, &to);

    if (st == MM_OK)
        st = move(call, "release", purse->held.id, to.id, load->amount, purse, load->counter);
    if (st == MM_OK)
        st = mm_store_load_end(call->p->store, load->id, "released");
    return st == MM_OK ? accounts(call, purse) : st;
}

/* The purse has credited the load: balance is the one after it. */
static enum mm_status credit(struct mm_call *call, struct purse *purse, const struct mm_load *load,
                             int64_t balance)
{
    struct mm_record rec = {.counter = load->counter + 1,
                            .type = load->type,
                            .amount = load->amount,
                            .balance = balance};
    enum mm_status st;

    memcpy(rec.purse, purse->row.id, sizeof(rec.purse));
    st = mm_store_record_add(call->p->store, &rec, call->now);
    if (st == MM_OK)
        st = move(call, load->type == 1 ? "load" : "restore", purse->held.id, purse->account.id,
                  load->amount, purse, rec.counter);
    if (st == MM_OK)
        st = mm_store_load_end(call->p->store, load->id, "settled");
    if (st == MM_OK)
        st = mm_store_purse_counter(call->p->store, purse->row.id, rec.counter);
    if (st == MM_OK && purse->row.counter < rec.counter)
        purse->row.counter = rec.counter;
    return st == MM_OK ? accounts(call, purse) : st;
}

/*
 * A payment with this counter was shown, which had `before` in the purse. What does it say of a load
 * that is still held? The load would have counter L + 1. A payment that took this number shows that
 * the load was dropped; a later payment of money that only the load can explain shows that it came.
 */
static enum mm_status judge_held(struct mm_call *call, struct purse *purse, int64_t counter,
                                 int64_t before)
{
    struct mm_load load;
    enum mm_status st = mm_store_load_held(call->p->store, purse->row.id, &load);

    if (st == MM_NOT_FOUND || (st == MM_OK && counter <= load.counter))
        return MM_OK;
    if (st != MM_OK)
        return st;
    if (counter == load.counter + 1)
        return release(call, purse, &load);
    if (before > purse->account.balance)
        return credit(call, purse, &load, purse->account.balance + load.amount);
    return MM_OK;
}

/* What left the purse unseen before a transaction that found `before` in it. */
static enum mm_status book_gap(struct mm_call *call, struct purse *purse, int64_t counter,
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
        st = move(call, "gap", purse->account.id, unclaimed.id, gap, purse, counter);
    return st == MM_OK ? accounts(call, purse) : st;
}

static enum mm_status answer_balance(struct mm_call *call, struct purse *purse)
{
    enum mm_status st = accounts(call, purse);

    if (st != MM_OK)
        return st;
    return mm_answer(call, json_pack("{s:I}", "balance", (json_int_t)purse->account.balance));
}

/* ---- POST /load/begin ---- */

static enum mm_status read_load(struct mm_call *call, struct mm_load_request *req)
{
    uint8_t data[MM_LOAD_REQUEST_LEN];
    size_t len;
    int64_t amount = 0, type = 0;
    enum mm_status st = mm_field_int(call, "amount", 1, UINT32_MAX, &amount);

    if (st == MM_OK)
        st = mm_field_int(call, "type", 1, 2, &type);
    if (st == MM_OK)
        st = mm_field_hex(call, "purse", data, sizeof(data), sizeof(data), &len);
    if (st == MM_OK)
        st = mm_load_request_read(data, sizeof(data), req);
    if (st == MM_OK && (req->amount != amount || req->type != type))
        return mm_refuse(call, 409, "amount_mismatch",
                         "the purse prepared type %u, %u cents; the request says type %lld, %lld",
                         req->type, req->amount, (long long)type, (long long)amount);
    return st;
}

/* All that one closed purse still has: its balance, and a load whose settlement never came, which can
 * not come any more. */
static enum mm_status former_one(struct mm_call *call, const uint8_t id[MM_PURSE_ID_LEN],
                                 const struct purse *taker, int64_t *sum)
{
    struct purse old = {0};
    struct mm_load load;
    enum mm_status st;

    memcpy(old.row.id, id, MM_PURSE_ID_LEN);
    st = accounts(call, &old);
    if (st != MM_OK)
        return st;
    *sum += old.account.balance + old.held.balance;
    if (taker == NULL)
        return MM_OK;
    st = move(call, "hold", old.account.id, taker->held.id, old.account.balance, taker, 0);
    if (st == MM_OK)
        st = move(call, "hold", old.held.id, taker->held.id, old.held.balance, taker, 0);
    if (st == MM_OK)
        st = mm_store_load_held(call->p->store, id, &load);
    if (st == MM_OK)
        return mm_store_load_end(call->p->store, load.id, "released");
    return st == MM_NOT_FOUND ? MM_OK : st;
}

/* What former purses of a chip still have; with a taker it is set aside for that purse. */
static enum mm_status former(struct mm_call *call, const uint8_t chip[MM_CHIP_ID_LEN],
                             const struct purse *taker, int64_t *sum)
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

static enum mm_status hold_restore(struct mm_call *call, const struct purse *purse,
                                   const struct mm_load_request *req)
{
    int64_t sum = 0;
    enum mm_status st = former(call, purse->row.chip, NULL, &sum);

    if (st == MM_OK && (req->counter != 0 || purse->row.counter != 0))
        return mm_refuse(call, 409, "counter_mismatch", "only a fresh purse can be restored");
    if (st == MM_OK && sum != req->amount)
        return mm_refuse(call, 409, "amount_mismatch",
                         "the ledger proves %lld cents to restore, not %u", (long long)sum,
                         req->amount);
    return st == MM_OK ? former(call, purse->row.chip, purse, &sum) : st;
}

static enum mm_status hold(struct mm_call *call, const struct purse *purse,
                           const struct mm_load_request *req)
{
    struct mm_account from;
    enum mm_status st;

    if (req->type == 2)
        return hold_restore(call, purse, req);
    st = source(call, purse, 1, &from);
    if (st == MM_OK && from.balance < req->amount)
        return mm_refuse(call, 409, "insufficient_funds",
                         "the funding account holds %lld cents, %u were asked for",
                         (long long)from.balance, req->amount);
    return st == MM_OK
               ? move(call, "hold", from.id, purse->held.id, req->amount, purse, req->counter)
               : st;
}

/* The counter in a good MAC1 shows what became of an earlier load. */
static enum mm_status settle_past(struct mm_call *call, struct purse *purse,
                                  const struct mm_load_request *req)
{
    struct mm_load load;
    enum mm_status st = mm_store_load_held(call->p->store, purse->row.id, &load);

    if (st == MM_OK && req->counter != load.counter)
        return mm_refuse(call, 409, "unsettled",
                         "an earlier load is not settled: settle GET LAST first");
    if (st == MM_OK)
        st = release(call, purse, &load);
    else if (st == MM_NOT_FOUND)
        st = MM_OK;
    if (st != MM_OK)
        return st;
    if (req->counter < purse->row.counter)
        return mm_refuse(call, 409, "counter_mismatch",
                         "the purse's counter is %u, the ledger has seen %lld", req->counter,
                         (long long)purse->row.counter);
    return book_gap(call, purse, (int64_t)req->counter + 1, req->balance);
}

static enum mm_status keep_load(struct mm_call *call, const struct mm_order *order,
                                const struct purse *purse, const struct mm_load_request *req)
{
    struct mm_load load = {.type = req->type, .amount = req->amount, .counter = req->counter};

    memcpy(load.terminal, call->terminal.serial, sizeof(load.terminal));
    memcpy(load.key, order->key, strlen(order->key) + 1);
    memcpy(load.purse, purse->row.id, sizeof(load.purse));
    memcpy(load.session, order->result.session, sizeof(load.session));
    return mm_store_load_add(call->p->store, &load);
}

static enum mm_status load_begin(struct mm_call *call, const struct mm_order *order)
{
    struct mm_load_request req;
    struct purse purse;
    uint8_t key[16] = {0}, mac[16] = {0};
    char hex[33];
    enum mm_status st = read_load(call, &req);

    if (st == MM_OK)
        st = find_purse(call, order, req.purse, &purse);
    if (st == MM_OK)
        st = mm_purse_key(call->p->load_master, MM_KDF_LOAD, purse.row.id, key);
    if (st == MM_OK)
        st = check_mac(call, mm_mac1(key, &req, order->result.session, mac), mac, req.mac, "MAC1");
    if (st == MM_OK)
        st = proven(call, &purse);
    if (st == MM_OK)
        st = settle_past(call, &purse, &req);
    if (st == MM_OK)
        st = hold(call, &purse, &req);
    if (st == MM_OK)
        st = keep_load(call, order, &purse, &req);
    if (st == MM_OK)
        st = mm_mac2(key, &req, order->result.session, mac);
    if (st == MM_OK)
        st = mm_answer(call, json_pack("{s:s}", "mac2", mm_hex(mac, sizeof(mac), hex)));
    OPENSSL_cleanse(key, sizeof(key));
    return st;
}

enum mm_status mm_call_load_begin(struct mm_call *call)
{
    return mm_order_run(call, "load/begin", "load", load_begin);
}

/* ---- POST /load/settle ---- */

static enum mm_status find_load(struct mm_call *call, const struct mm_order *order,
                                struct mm_load *load)
{
    uint8_t id[MM_PURSE_ID_LEN];
    size_t len;
    enum mm_status st;

    if (json_object_get(call->body, "purse_id") == NULL) {
        st = mm_store_load_get(call->p->store, call->terminal.serial, order->key, load);
    } else {
        st = mm_field_hex(call, "purse_id", id, sizeof(id), sizeof(id), &len);
        if (st == MM_OK)
            st = mm_store_load_held(call->p->store, id, load);
    }
    if (st == MM_NOT_FOUND || (st == MM_OK && !load->held))
        return mm_refuse(call, 409, "load_unknown", "no load is waiting to be settled here");
    return st;
}

/* The CREDIT response says less than the GET LAST record; the load has the rest. */
static enum mm_status read_settlement(struct mm_call *call, const struct mm_load *load,
                                      struct mm_last *last)
{
    uint8_t data[MM_LAST_LEN];
    size_t len;
    struct mm_credit cr;
    enum mm_status st = mm_field_hex(call, "purse", data, MM_CREDIT_LEN, sizeof(data), &len);

    if (st != MM_OK)
        return st;
    if (mm_last_read(data, len, last) == MM_OK)
        return last->type == load->type && last->amount == load->amount &&
                       memcmp(last->session, load->session, sizeof(last->session)) == 0
                   ? MM_OK
                   : mm_refuse(call, 409, "load_unknown", "the record is not of this load");
    if (mm_credit_read(data, len, &cr) != MM_OK)
        return mm_refuse(call, 400, "bad_request", "field purse: %zu bytes, expected %d or %d", len,
                         MM_CREDIT_LEN, MM_LAST_LEN);
    *last = (struct mm_last){.type = (uint8_t)load->type,
                             .counter = cr.counter,
                             .amount = (uint32_t)load->amount,
                             .balance = cr.balance};
    memcpy(last->session, load->session, sizeof(last->session));
    memcpy(last->mac, cr.mac, sizeof(last->mac));
    return MM_OK;
}

static enum mm_status load_settle(struct mm_call *call, const struct mm_order *order)
{
    struct mm_load load;
    struct mm_last last;
    struct purse purse;
    uint8_t key[16] = {0}, mac[16];
    enum mm_status st = find_load(call, order, &load);

    if (st == MM_OK)
        st = read_settlement(call, &load, &last);
    if (st == MM_OK)
        st = find_purse(call, order, load.purse, &purse);
    if (st == MM_OK)
        st = mm_purse_key(call->p->load_master, MM_KDF_LOAD, load.purse, key);
    if (st == MM_OK)
        st = check_mac(call, mm_mac3(key, load.purse, &last, mac), mac, last.mac, "MAC3");
    OPENSSL_cleanse(key, sizeof(key));
    if (st == MM_OK && last.counter != load.counter + 1)
        return mm_refuse(call, 409, "counter_mismatch", "counter %u, expected %lld", last.counter,
                         (long long)load.counter + 1);
    if (st == MM_OK)
        st = book_gap(call, &purse, last.counter, (int64_t)last.balance - last.amount);
    if (st == MM_OK)
        st = credit(call, &purse, &load, last.balance);
    return st == MM_OK ? answer_balance(call, &purse) : st;
}

enum mm_status mm_call_load_settle(struct mm_call *call)
{
    return mm_order_run(call, "load/settle", "load", load_settle);
}

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

static enum mm_status check_payment(struct mm_call *call, const struct purse *purse,
                                    const struct mm_last *last)
{
    uint8_t key[16] = {0}, mac[16];
    enum mm_status st = mm_purse_key(call->p->debit_master, MM_KDF_DEBIT, purse->row.id, key);

    if (st == MM_OK)
        st = check_mac(call, mm_mac6(key, purse->row.id, last, mac), mac, last->mac, "MAC6");
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
static enum mm_status book_late(struct mm_call *call, const struct purse *purse,
                                const struct mm_last *last, int64_t merchant)
{
    struct mm_account unclaimed;
    enum mm_status st =
        mm_store_account(call->p->store, "unclaimed", purse->row.id, MM_PURSE_ID_LEN, &unclaimed);

    if (st == MM_OK && unclaimed.balance < last->amount)
        return mm_refuse(call, 409, "counter_mismatch",
                         "purchase %u is older than %lld and nothing is unclaimed for it",
                         last->counter, (long long)purse->row.counter);
    return st == MM_OK
               ? move(call, "pay", unclaimed.id, merchant, last->amount, purse, last->counter)
               : st;
}

static enum mm_status book_payment(struct mm_call *call, struct purse *purse,
                                   const struct mm_last *last)
{
    int64_t before = (int64_t)last->balance + last->amount;
    struct mm_account merchant;
    enum mm_status st = mm_store_account(call->p->store, "merchant", last->merchant,
                                         sizeof(last->merchant), &merchant);

    if (st == MM_OK && last->counter < purse->row.counter)
        return book_late(call, purse, last, merchant.id);
    if (st == MM_OK)
        st = judge_held(call, purse, last->counter, before);
    if (st == MM_OK)
        st = book_gap(call, purse, last->counter, before);
    if (st == MM_OK)
        st = move(call, "pay", purse->account.id, merchant.id, last->amount, purse, last->counter);
    if (st == MM_OK)
        st = mm_store_purse_counter(call->p->store, purse->row.id, last->counter);
    return st;
}

static enum mm_status pay_settle(struct mm_call *call, const struct mm_order *order)
{
    uint8_t id[MM_PURSE_ID_LEN];
    struct mm_last last;
    struct purse purse;
    struct mm_record rec = {.type = 3};
    enum mm_status st = read_payment(call, id, &last);

    if (st == MM_OK)
        st = find_purse(call, order, id, &purse);
    if (st == MM_OK)
        st = check_payment(call, &purse, &last);
    if (st == MM_OK)
        st = proven(call, &purse);
    if (st == MM_OK)
        st = book_payment(call, &purse, &last);
    if (st != MM_OK)
        return st;
    memcpy(rec.purse, id, sizeof(rec.purse));
    rec.counter = last.counter;
    rec.amount = last.amount;
    rec.balance = last.balance;
    st = mm_store_record_add(call->p->store, &rec, call->now);
    return st == MM_OK ? answer_balance(call, &purse) : st;
}

enum mm_status mm_call_pay_settle(struct mm_call *call)
{
    return mm_order_run(call, "pay/settle", "pay", pay_settle);
}

/* ---- GET /account ---- */

static enum mm_status account_chip(struct mm_call *call, struct purse *purse, bool *has,
                                   struct mm_chip *chip)
{
    char hex[2 * MM_CHIP_ID_LEN + 1];
    uint8_t id[MM_CHIP_ID_LEN];
    size_t len = sizeof(id);
    enum mm_status st;

    *has = false;
    if (mm_query_get(call->req, "purse", hex, sizeof(hex)) && mm_unhex(hex, id, &len) == MM_OK &&
        len == MM_PURSE_ID_LEN) {
        st = mm_store_purse_get(call->p->store, id, &purse->row);
        *has = st == MM_OK;
        return st == MM_OK ? mm_store_chip_get(call->p->store, purse->row.chip, chip) : st;
    }
    len = sizeof(id);
    if (!mm_query_get(call->req, "chip", hex, sizeof(hex)) || mm_unhex(hex, id, &len) != MM_OK ||
        len != sizeof(id))
        return mm_refuse(call, 400, "bad_request",
                         "expected ?purse= of 8 or ?chip= of 16 bytes in hex");
    st = mm_store_chip_get(call->p->store, id, chip);
    if (st == MM_OK) {
        st = mm_store_purse_of(call->p->store, id, &purse->row);
        *has = st == MM_OK;
        st = st == MM_NOT_FOUND ? MM_OK : st;
    }
    return st;
}

enum mm_status mm_call_account(struct mm_call *call)
{
    struct purse purse = {0};
    struct mm_account funding;
    struct mm_chip chip;
    char purse_hex[2 * MM_PURSE_ID_LEN + 1], chip_hex[2 * MM_CHIP_ID_LEN + 1];
    int64_t restorable = 0;
    bool has;
    enum mm_status st = account_chip(call, &purse, &has, &chip);

    if (st == MM_NOT_FOUND || (st == MM_OK && strcmp(chip.terminal, call->terminal.serial) != 0))
        return mm_refuse(call, 404, "not_found", "no such account for this terminal");
    if (st == MM_OK && has)
        st = accounts(call, &purse);
    if (st == MM_OK)
        st = mm_store_account(call->p->store, "funding", chip.id, sizeof(chip.id), &funding);
    if (st == MM_OK)
        st = former(call, chip.id, NULL, &restorable);
    if (st != MM_OK)
        return st;
    return mm_answer(
        call, json_pack("{s:s?, s:I, s:I, s:s, s:I, s:I}", "purse",
                        has ? mm_hex(purse.row.id, MM_PURSE_ID_LEN, purse_hex) : NULL, "balance",
                        (json_int_t)purse.account.balance, "counter", (json_int_t)purse.row.counter,
                        "chip", mm_hex(chip.id, MM_CHIP_ID_LEN, chip_hex), "funding",
                        (json_int_t)funding.balance, "restorable", (json_int_t)restorable));
}
