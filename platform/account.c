/* The payment service: what an account holds. */
#include <string.h>
#include <openssl/crypto.h>

#include "platform/books.h"

/* ---- GET /account ---- */

static enum mm_status account_chip(struct mm_call *call, struct mm_purse_books *purse, bool *has,
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
    struct mm_purse_books purse = {0};
    struct mm_account funding;
    struct mm_chip chip;
    char purse_hex[2 * MM_PURSE_ID_LEN + 1], chip_hex[2 * MM_CHIP_ID_LEN + 1];
    int64_t restorable = 0;
    bool has;
    enum mm_status st = account_chip(call, &purse, &has, &chip);

    if (st == MM_NOT_FOUND || (st == MM_OK && strcmp(chip.terminal, call->terminal.serial) != 0))
        return mm_refuse(call, 404, "not_found", "no such account for this terminal");
    if (st == MM_OK && has)
        st = mm_books_accounts(call, &purse);
    if (st == MM_OK)
        st = mm_store_account(call->p->store, "funding", chip.id, sizeof(chip.id), &funding);
    if (st == MM_OK)
        st = mm_books_former(call, chip.id, NULL, &restorable);
    if (st != MM_OK)
        return st;
    return mm_answer(
        call, json_pack("{s:s?, s:I, s:I, s:s, s:I, s:I}", "purse",
                        has ? mm_hex(purse.row.id, MM_PURSE_ID_LEN, purse_hex) : NULL, "balance",
                        (json_int_t)purse.account.balance, "counter", (json_int_t)purse.row.counter,
                        "chip", mm_hex(chip.id, MM_CHIP_ID_LEN, chip_hex), "funding",
                        (json_int_t)funding.balance, "restorable", (json_int_t)restorable));
}
