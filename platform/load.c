/* The payment service: load and restore, and their settlement. */
#include <string.h>
#include <openssl/crypto.h>

#include "platform/books.h"

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

static enum mm_status hold_restore(struct mm_call *call, const struct mm_purse_books *purse,
                                   const struct mm_load_request *req)
{
    int64_t sum = 0;
    enum mm_status st = mm_books_former(call, purse->row.chip, NULL, &sum);

    if (st == MM_OK && (req->counter != 0 || purse->row.counter != 0))
        return mm_refuse(call, 409, "counter_mismatch", "only a fresh purse can be restored");
    if (st == MM_OK && sum != req->amount)
        return mm_refuse(call, 409, "amount_mismatch",
                         "the ledger proves %lld cents to restore, not %u", (long long)sum,
                         req->amount);
    return st == MM_OK ? mm_books_former(call, purse->row.chip, purse, &sum) : st;
}

static enum mm_status hold(struct mm_call *call, const struct mm_purse_books *purse,
                           const struct mm_load_request *req)
{
    struct mm_account from;
    enum mm_status st;

    if (req->type == 2)
        return hold_restore(call, purse, req);
    st = mm_books_source(call, purse, 1, &from);
    if (st == MM_OK && from.balance < req->amount)
        return mm_refuse(call, 409, "insufficient_funds",
                         "the funding account holds %lld cents, %u were asked for",
                         (long long)from.balance, req->amount);
    return st == MM_OK ? mm_books_move(call, "hold", from.id, purse->held.id, req->amount, purse,
                                       req->counter)
                       : st;
}

/* The counter in a good MAC1 shows what became of an earlier load. */
static enum mm_status settle_past(struct mm_call *call, struct mm_purse_books *purse,
                                  const struct mm_load_request *req)
{
    struct mm_load load;
    enum mm_status st = mm_store_load_held(call->p->store, purse->row.id, &load);

    if (st == MM_OK && req->counter != load.counter)
        return mm_refuse(call, 409, "unsettled",
                         "an earlier load is not settled: settle GET LAST first");
    if (st == MM_OK)
        st = mm_books_release(call, purse, &load);
    else if (st == MM_NOT_FOUND)
        st = MM_OK;
    if (st != MM_OK)
        return st;
    if (req->counter < purse->row.counter)
        return mm_refuse(call, 409, "counter_mismatch",
                         "the purse's counter is %u, the ledger has seen %lld", req->counter,
                         (long long)purse->row.counter);
    return mm_books_gap(call, purse, (int64_t)req->counter + 1, req->balance);
}

static enum mm_status keep_load(struct mm_call *call, const struct mm_order *order,
                                const struct mm_purse_books *purse,
                                const struct mm_load_request *req)
{
    struct mm_load load = {.type = req->type, .amount = req->amount, .counter = req->counter};
    enum mm_status st;

    memcpy(load.terminal, call->terminal.serial, sizeof(load.terminal));
    memcpy(load.key, order->key, strlen(order->key) + 1);
    memcpy(load.purse, purse->row.id, sizeof(load.purse));
    memcpy(load.session, order->result.session, sizeof(load.session));
    st = mm_store_load_add(call->p->store, &load);
    if (st == MM_EXISTS) /* its answer is so old that it was forgotten */
        return mm_refuse(call, 409, "key_conflict", "key %s was used for an earlier load",
                         order->key);
    return st;
}

static enum mm_status load_begin(struct mm_call *call, const struct mm_order *order)
{
    struct mm_load_request req;
    struct mm_purse_books purse;
    uint8_t key[16] = {0}, mac[16] = {0};
    char hex[33];
    enum mm_status st = read_load(call, &req);

    if (st == MM_OK)
        st = mm_books_purse(call, order, req.purse, &purse);
    if (st == MM_OK)
        st = mm_purse_key(call->p->load_master, MM_KDF_LOAD, purse.row.id, key);
    if (st == MM_OK)
        st = mm_books_check_mac(call, mm_mac1(key, &req, order->result.session, mac), mac, req.mac,
                                "MAC1");
    if (st == MM_OK)
        st = mm_books_proven(call, &purse);
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
    struct mm_purse_books purse;
    uint8_t key[16] = {0}, mac[16];
    enum mm_status st = find_load(call, order, &load);

    if (st == MM_OK)
        st = read_settlement(call, &load, &last);
    if (st == MM_OK)
        st = mm_books_purse(call, order, load.purse, &purse);
    if (st == MM_OK)
        st = mm_purse_key(call->p->load_master, MM_KDF_LOAD, load.purse, key);
    if (st == MM_OK)
        st = mm_books_check_mac(call, mm_mac3(key, load.purse, &last, mac), mac, last.mac, "MAC3");
    OPENSSL_cleanse(key, sizeof(key));
    if (st == MM_OK && last.counter != load.counter + 1)
        return mm_refuse(call, 409, "counter_mismatch", "counter %u, expected %lld", last.counter,
                         (long long)load.counter + 1);
    if (st == MM_OK)
        st = mm_books_gap(call, &purse, last.counter, (int64_t)last.balance - last.amount);
    if (st == MM_OK)
        st = mm_books_credit(call, &purse, &load, last.balance);
    return st == MM_OK ? mm_books_answer_balance(call, &purse) : st;
}

enum mm_status mm_call_load_settle(struct mm_call *call)
{
    return mm_order_run(call, "load/settle", "load", load_settle);
}
