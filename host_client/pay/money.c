#include "host_client/pay/money.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "host_client/pay/amount.h"
#include "host_client/pay/prompt.h"

/* ---- Ledger calls ---- */

static enum mm_status forget(struct mm_pay_session *s, struct mm_err *err)
{
    static const struct mm_pending nothing;

    return mm_pending_save(s->pending_path, &nothing, err);
}

static enum mm_status take_integer(const json_t *answer, const char *name, json_int_t *out,
                                   struct mm_err *err)
{
    const json_t *value = json_object_get(answer, name);

    *out = json_integer_value(value);
    if (!json_is_integer(value) || *out < 0)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer without \"%s\"", name);
    return MM_OK;
}

static enum mm_status ledger_counter(struct mm_pay_session *s, const uint8_t id[8],
                                     json_int_t *counter, struct mm_err *err)
{
    char path[64], hex[17];
    json_t *answer = NULL;
    enum mm_status st;

    snprintf(path, sizeof(path), "/account?purse=%s", mm_hex(id, 8, hex));
    st = mm_pay_http_get(s->http, path, &answer, err);
    if (st == MM_OK)
        st = take_integer(answer, "counter", counter, err);
    json_decref(answer);
    return st;
}

/* The platform knows no such load. That is so too when it has booked it, and has forgotten by now what it
 * answered; the ledger's counter tells. */
static bool booked_before(struct mm_pay_session *s, const struct mm_pending *op)
{
    json_int_t counter = 0;

    return op->type != MM_PURSE_DEBIT && strcmp(mm_pay_http_code(s->http), "load_unknown") == 0 &&
           ledger_counter(s, op->purse, &counter, NULL) == MM_OK &&
           counter >= (json_int_t)op->counter;
}

/* settle: the bytes the purse has answered (a record, or CREDIT's answer), under the operation's own
 * key; then the journal may forget it. */
static enum mm_status settle(struct mm_pay_session *s, const struct mm_pending *op,
                             const uint8_t *bytes, size_t bytes_len,
                             const struct mm_pay_report *report, json_int_t *ledger,
                             struct mm_err *err)
{
    char hex[2 * MM_PURSE_RECORD_LEN + 1], id[2 * MM_PURSE_ID_LEN + 1];
    const char *path = op->type == MM_PURSE_DEBIT ? "/pay/settle" : "/load/settle";
    json_t *body, *answer = NULL;
    enum mm_status st;

    *ledger = -1;
    body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "key", op->key, "purse",
                     mm_hex(bytes, bytes_len, hex), "purse_id",
                     mm_hex(op->purse, sizeof(op->purse), id), "session", report->session_text,
                     "result", report->result);
    if (body == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = mm_pay_http_post(s->http, path, body, &answer, err);
    json_decref(body);
    if (st == MM_OK)
        st = take_integer(answer, "balance", ledger, err);
    else if (strcmp(mm_pay_http_code(s->http), "replayed_purchase") == 0 || booked_before(s, op))
        st = MM_OK; /* it is booked already, under a key that this journal does not know */
    json_decref(answer);
    return st == MM_OK ? forget(s, err) : st;
}

/* ---- Recovery ---- */

/* Does the record have to be booked? Also drops a journal entry that has come to nothing. */
static enum mm_status must_book(struct mm_pay_session *s, struct mm_pending *pending,
                                const struct mm_purse_info *info,
                                const struct mm_purse_record *last, bool ask_ledger, bool *book,
                                struct mm_err *err)
{
    bool ours = memcmp(pending->purse, info->id, sizeof(info->id)) == 0;
    json_int_t counter = 0;
    enum mm_status st = MM_OK;

    *book = pending->type != 0 && ours && last->counter >= pending->counter;
    if (pending->type != 0 && !*book) {
        /* The chip never committed it, or the purse it was meant for is gone. */
        memset(pending, 0, sizeof(*pending));
        st = forget(s, err);
    }
    if (st != MM_OK || *book || !ask_ledger || last->counter == 0)
        return st;
    st = ledger_counter(s, info->id, &counter, err);
    *book = st == MM_OK && counter < (json_int_t)last->counter;
    return st;
}

static enum mm_status book_last(struct mm_pay_session *s, const struct mm_pending *pending,
                                const struct mm_purse_info *info,
                                const struct mm_purse_record *last, bool *booked,
                                struct mm_err *err)
{
    struct mm_pending op = *pending;
    struct mm_pay_report report;
    json_int_t ledger;
    enum mm_status st;

    if (op.type == 0 || op.counter != last->counter) {
        op.type = last->type;
        op.counter = last->counter;
        memcpy(op.purse, info->id, sizeof(op.purse));
        mm_pending_key(op.type, op.purse, op.counter, last->nonce, op.key);
    }
    st = mm_pay_report(s, op.type == MM_PURSE_DEBIT ? "pay" : "load", &report, err);
    if (st == MM_OK)
        st = settle(s, &op, last->bytes, last->bytes_len, &report, &ledger, err);
    mm_pay_report_clear(&report);
    *booked = st == MM_OK;
    if (st == MM_PLATFORM && strcmp(mm_pay_http_code(s->http), "session_unknown") == 0) {
        /* Another program had the card pay without a session. No later try can book it, so it must not
         * bar the purse: the next transaction shows the ledger what is missing. */
        fprintf(stderr,
                "mintmark-pay: note: payment %u of this purse was not made by this client; the "
                "ledger takes it as unclaimed\n",
                (unsigned)last->counter);
        st = forget(s, err);
    }
    return st;
}

static enum mm_status recover(struct mm_pay_session *s, bool ask_ledger, bool *booked,
                              struct mm_err *err)
{
    struct mm_purse_info info;
    struct mm_purse_record last;
    struct mm_pending pending;
    bool book = false;
    enum mm_status st = mm_pending_load(s->pending_path, &pending, err);

    if (st != MM_OK || (pending.type == 0 && !ask_ledger))
        return st;
    st = mm_purse_select(s->card, err);
    if (st == MM_NOT_FOUND)
        return MM_OK; /* no purse: nothing in the chip to book */
    if (st == MM_OK)
        st = mm_purse_info(s->card, &info, err);
    if (st != MM_OK || info.state != MM_PURSE_PERSONALISED)
        return st;
    st = mm_purse_last(s->card, &last, err);
    if (st == MM_NOT_FOUND)
        st = MM_OK; /* no transaction yet: last is all zero */
    if (st == MM_OK)
        st = must_book(s, &pending, &info, &last, ask_ledger, &book, err);
    if (st == MM_OK && book)
        st = book_last(s, &pending, &info, &last, booked, err);
    if (st != MM_OK && book)
        mm_err_prefix(err, "an earlier transaction is not booked yet");
    return st;
}

enum mm_status mm_pay_recover(struct mm_pay_session *s, bool ask_ledger, bool *booked,
                              struct mm_err *err)
{
    enum mm_status st = mm_access_begin(s->card, err);

    *booked = false;
    if (st != MM_OK)
        return st;
    st = recover(s, ask_ledger, booked, err);
    mm_access_end(s->card);
    return st;
}

/* ---- Before and after the chip ---- */

/* Select the purse and read what it is; it has to be personalised. */
static enum mm_status open_purse(struct mm_pay_session *s, struct mm_purse_info *info,
                                 struct mm_err *err)
{
    enum mm_status st = mm_purse_select(s->card, err);

    if (st == MM_OK)
        st = mm_purse_info(s->card, info, err);
    if (st == MM_OK && info->state != MM_PURSE_PERSONALISED)
        st = mm_fail(err, MM_STATE, SIZE_MAX, "the purse is not personalised (personalise purse)");
    return st;
}

static enum mm_status note(struct mm_pay_session *s, uint8_t type, const struct mm_purse_info *info,
                           uint32_t amount, const uint8_t nonce[16], struct mm_pending *op,
                           struct mm_err *err)
{
    memset(op, 0, sizeof(*op));
    op->type = type;
    op->counter = info->counter + 1;
    op->amount = amount;
    memcpy(op->purse, info->id, sizeof(op->purse));
    mm_pending_key(type, op->purse, op->counter, nonce, op->key);
    return mm_pending_save(s->pending_path, op, err);
}

/* What the chip has taken must be what was meant; only then does it get the second command. */
static enum mm_status check_offer(const struct mm_purse_offer *offer,
                                  const struct mm_purse_info *info, uint8_t type, uint32_t amount,
                                  struct mm_err *err)
{
    char asked[MM_AMOUNT_TEXT], taken[MM_AMOUNT_TEXT];

    if (offer->amount != amount)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "the chip has taken %s where %s was asked for",
                       mm_amount_text(offer->amount, taken), mm_amount_text(amount, asked));
    if (offer->type != type || offer->counter != info->counter ||
        memcmp(offer->id, info->id, sizeof(offer->id)) != 0)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "the chip answered for another transaction");
    return MM_OK;
}

/* A status word says that the chip did not commit: nothing is pending. Where the card is gone nobody
 * knows, and the journal keeps it. The first failure is the one to tell. */
static void drop_refused(struct mm_pay_session *s, enum mm_status st)
{
    if (st != MM_NO_READER && st != MM_TIMEOUT && st != MM_IO)
        (void)forget(s, NULL);
}

static void not_booked(struct mm_err *err, const char *what, uint32_t amount)
{
    char text[MM_AMOUNT_TEXT];

    mm_err_prefix(err, "%s %s in the chip, not yet in the ledger (the next command books it)", what,
                  mm_amount_text(amount, text));
}

/* ---- Load and restore ---- */

static enum mm_status ask_mac2(struct mm_pay_session *s, const struct mm_pending *op,
                               const struct mm_purse_offer *offer,
                               const struct mm_pay_report *report, uint8_t mac2[16],
                               struct mm_err *err)
{
    char hex[2 * MM_PURSE_LOAD_INIT_LEN + 1];
    json_t *body, *answer = NULL;
    const char *text;
    size_t len = MM_PURSE_MAC_LEN;
    enum mm_status st;

    body =
        json_pack("{s:s, s:s, s:I, s:i, s:s, s:s}", "key", op->key, "purse",
                  mm_hex(offer->bytes, offer->bytes_len, hex), "amount", (json_int_t)op->amount,
                  "type", (int)op->type, "session", report->session_text, "result", report->result);
    if (body == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = mm_pay_http_post(s->http, "/load/begin", body, &answer, err);
    json_decref(body);
    text = json_string_value(json_object_get(answer, "mac2"));
    if (st == MM_OK &&
        (text == NULL || mm_unhex(text, mac2, &len) != MM_OK || len != MM_PURSE_MAC_LEN))
        st = mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer without \"mac2\"");
    json_decref(answer);
    return st;
}

static enum mm_status load_held(struct mm_pay_session *s, uint8_t type, uint32_t amount,
                                const struct mm_pay_report *report, struct mm_moved *out,
                                struct mm_err *err)
{
    struct mm_purse_info info;
    struct mm_purse_offer offer;
    struct mm_pending op;
    uint8_t mac2[MM_PURSE_MAC_LEN] = {0}, answer[MM_PURSE_CREDIT_LEN];
    enum mm_status st = open_purse(s, &info, err);

    if (st == MM_OK)
        st = note(s, type, &info, amount, report->session, &op, err);
    if (st != MM_OK)
        return st;
    st = mm_purse_begin_load(s->card, type, amount, report->session, &offer, err);
    if (st == MM_OK)
        st = check_offer(&offer, &info, type, amount, err);
    if (st == MM_OK)
        st = ask_mac2(s, &op, &offer, report, mac2, err);
    if (st != MM_OK) { /* CREDIT was not sent */
        (void)forget(s, NULL);
        return st;
    }
    st = mm_purse_credit(s->card, mac2, answer, err);
    OPENSSL_cleanse(mac2, sizeof(mac2));
    if (st != MM_OK) {
        drop_refused(s, st);
        return st;
    }
    out->amount = offer.amount;
    out->counter = mm_be32(answer);
    out->balance = mm_be32(answer + 4);
    out->currency = info.currency;
    st = settle(s, &op, answer, sizeof(answer), report, &out->ledger, err);
    if (st != MM_OK)
        not_booked(err, "loaded", amount);
    return st;
}

static enum mm_status load(struct mm_pay_session *s, uint8_t type, uint32_t amount,
                           struct mm_moved *out, struct mm_err *err)
{
    struct mm_pay_report report;
    enum mm_status st = mm_access_begin(s->card, err);

    if (st != MM_OK)
        return st;
    st = mm_pay_report(s, "load", &report, err);
    if (st == MM_OK)
        st = load_held(s, type, amount, &report, out, err);
    mm_access_end(s->card);
    mm_pay_report_clear(&report);
    return st;
}

enum mm_status mm_pay_load(struct mm_pay_session *s, uint32_t amount, struct mm_moved *out,
                           struct mm_err *err)
{
    bool booked;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    st = mm_pay_recover(s, true, &booked, err);
    return st == MM_OK ? load(s, MM_PURSE_LOAD, amount, out, err) : st;
}

enum mm_status mm_pay_restore(struct mm_pay_session *s, struct mm_moved *out, struct mm_err *err)
{
    char path[64], hex[33];
    json_t *answer = NULL;
    json_int_t restorable = 0;
    bool booked;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    st = mm_pay_recover(s, true, &booked, err);
    if (st != MM_OK)
        return st;
    snprintf(path, sizeof(path), "/account?chip=%s", mm_hex(s->token.chip_id, 16, hex));
    st = mm_pay_http_get(s->http, path, &answer, err);
    if (st == MM_OK)
        st = take_integer(answer, "restorable", &restorable, err);
    json_decref(answer);
    if (st == MM_OK && restorable > UINT32_MAX)
        st = mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: more to restore than a purse can hold");
    if (st == MM_OK && restorable == 0)
        st =
            mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "the ledger has nothing to restore for this chip");
    return st == MM_OK ? load(s, MM_PURSE_RESTORE, (uint32_t)restorable, out, err) : st;
}

/* ---- Payment ---- */

static enum mm_status check_limits(const struct mm_purse_info *info, uint32_t amount,
                                   struct mm_err *err)
{
    char a[MM_AMOUNT_TEXT], b[MM_AMOUNT_TEXT];

    if (amount > info->max_debit)
        return mm_fail(err, MM_CARD, SIZE_MAX, "%s is above what one payment may be (%s)",
                       mm_amount_text(amount, a), mm_amount_text(info->max_debit, b));
    if (amount > info->balance)
        return mm_fail(err, MM_CARD, SIZE_MAX, "the balance is too small: %s of %s",
                       mm_amount_text(info->balance, b), mm_amount_text(amount, a));
    return MM_OK;
}

/* What can be said before anything is asked for: limits, and the PIN from the user. The card is let go
 * while he types, and a result would grow old. pin stays "" when none is needed. */
static enum mm_status prepare_debit(struct mm_pay_session *s, uint32_t amount,
                                    char pin[MM_PIN_TEXT], struct mm_err *err)
{
    struct mm_purse_info info;
    enum mm_status st = mm_access_begin(s->card, err);

    pin[0] = '\0';
    if (st != MM_OK)
        return st;
    st = open_purse(s, &info, err);
    mm_access_end(s->card);
    if (st == MM_OK)
        st = check_limits(&info, amount, err);
    if (st == MM_OK && amount > info.pin_free)
        st = mm_pay_ask_pin(s->options->pin, "PIN: ", pin, err);
    return st;
}

/* INITIALISE FOR DEBIT, DEBIT, and the record of it. */
static enum mm_status debit_chip(struct mm_pay_session *s, const struct mm_purse_info *info,
                                 uint32_t amount, const uint8_t merchant[8],
                                 const uint8_t nonce[16], struct mm_purse_record *record,
                                 struct mm_err *err)
{
    struct mm_purse_offer offer;
    enum mm_status st = mm_purse_begin_debit(s->card, amount, merchant, nonce, &offer, err);

    if (st == MM_OK)
        st = check_offer(&offer, info, MM_PURSE_DEBIT, amount, err);
    if (st != MM_OK) { /* DEBIT was not sent */
        (void)forget(s, NULL);
        return st;
    }
    st = mm_purse_debit(s->card, err);
    if (st != MM_OK) {
        drop_refused(s, st);
        return st;
    }
    st = mm_purse_last(s->card, record, err);
    if (st == MM_OK &&
        (record->type != MM_PURSE_DEBIT || record->counter != info->counter + 1 ||
         record->amount != amount || memcmp(record->nonce, nonce, MM_PURSE_NONCE_LEN) != 0))
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "the chip's record is of another transaction");
    return st;
}

static enum mm_status debit_held(struct mm_pay_session *s, uint32_t amount,
                                 const uint8_t merchant[8], const char *pin,
                                 struct mm_pay_report *report, struct mm_moved *out,
                                 struct mm_err *err)
{
    struct mm_purse_info info;
    struct mm_purse_record record;
    struct mm_pending op;
    enum mm_status st = open_purse(s, &info, err);

    if (st == MM_OK)
        st = mm_pay_report(s, "pay", report, err);
    if (st == MM_OK) /* the report had the integrity application selected */
        st = mm_purse_select(s->card, err);
    if (st == MM_OK && pin[0] != '\0')
        st = mm_purse_verify(s->card, pin, err);
    if (st == MM_OK)
        st = note(s, MM_PURSE_DEBIT, &info, amount, report->session, &op, err);
    if (st == MM_OK)
        st = debit_chip(s, &info, amount, merchant, report->session, &record, err);
    if (st != MM_OK)
        return st;
    out->amount = record.amount;
    out->counter = record.counter;
    out->balance = record.balance;
    out->currency = info.currency;
    st = settle(s, &op, record.bytes, record.bytes_len, report, &out->ledger, err);
    if (st != MM_OK)
        not_booked(err, "paid", amount);
    return st;
}

enum mm_status mm_pay_debit(struct mm_pay_session *s, uint32_t amount, const uint8_t merchant[8],
                            struct mm_moved *out, struct mm_err *err)
{
    struct mm_pay_report report = {0};
    char pin[MM_PIN_TEXT] = "";
    bool booked;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    st = mm_pay_recover(s, true, &booked, err);
    if (st == MM_OK)
        st = prepare_debit(s, amount, pin, err);
    if (st == MM_OK)
        st = mm_access_begin(s->card, err);
    if (st == MM_OK) {
        st = debit_held(s, amount, merchant, pin, &report, out, err);
        mm_access_end(s->card);
    }
    OPENSSL_cleanse(pin, sizeof(pin));
    mm_pay_report_clear(&report);
    return st;
}
