/* The exchange with a card: one function a command, status words made sentences. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/pay/purse.h"

/* What a status word means in this command beyond its own sentence; NULL: nothing more. */
static const char *hint(uint8_t ins, uint16_t sw)
{
    if (ins == MM_INS_PURSE_VERIFY && sw == MM_SW_6983_FILE_INVALID)
        return "the PIN is blocked";
    if (ins == MM_INS_PURSE_DEBIT && sw == MM_SW_6982_SECURITY_STATUS)
        return "this amount needs the PIN";
    if (ins == MM_INS_PURSE_INITIALISE_DEBIT && sw == MM_SW_6A80_WRONG_DATA)
        return "the amount is above what one payment may be";
    if (ins == MM_INS_PURSE_INITIALISE_DEBIT && sw == MM_SW_6985_CONDITIONS_NOT_SATISFIED)
        return "the balance is too small";
    if (ins == MM_INS_PURSE_INITIALISE_LOAD && sw == MM_SW_6985_CONDITIONS_NOT_SATISFIED)
        return "the balance would be above what the purse may hold, or it has been used already";
    if (ins == MM_INS_PURSE_CREDIT && sw == MM_SW_6982_SECURITY_STATUS)
        return "the platform's MAC does not fit";
    return NULL;
}

static enum mm_status judge(uint8_t ins, const char *name, uint16_t sw, struct mm_err *err)
{
    const char *more = hint(ins, sw);

    if (sw == MM_SW_9000_NO_ERROR)
        return MM_OK;
    if (ins == MM_INS_PURSE_VERIFY && (sw & 0xfff0) == 0x63c0)
        return mm_fail(err, MM_CARD, SIZE_MAX, "purse: wrong PIN, %d tries left (%04X)", sw & 0x0f,
                       sw);
    return mm_fail(err, sw == MM_SW_6A83_RECORD_NOT_FOUND ? MM_NOT_FOUND : MM_CARD, SIZE_MAX,
                   "purse: %s: %s%s%04X %s%s", name, more != NULL ? more : "",
                   more != NULL ? " (" : "", sw, mm_sw_text(sw), more != NULL ? ")" : "");
}

static enum mm_status call(struct mm_access *card, uint8_t ins, uint8_t p1, const char *name,
                           const uint8_t *data, size_t data_len, int le, struct mm_buf *resp,
                           struct mm_err *err)
{
    uint16_t sw = 0;
    enum mm_status st = mm_access_call(card, 0x80, ins, p1, 0, data, data_len, le, resp, &sw, err);

    return st == MM_OK ? judge(ins, name, sw, err) : st;
}

enum mm_status mm_purse_select(struct mm_access *card, struct mm_err *err)
{
    struct mm_aid aid = mm_aid_of(MM_AID_PURSE);
    uint16_t sw = 0;
    enum mm_status st = mm_access_select(card, &aid, NULL, &sw, err);

    if (st != MM_OK || sw == MM_SW_9000_NO_ERROR)
        return st;
    if (sw == MM_SW_6A82_FILE_NOT_FOUND)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no purse in this chip (install purse)");
    return mm_fail(err, MM_CARD, SIZE_MAX, "purse: not selectable: %04X %s", sw, mm_sw_text(sw));
}

enum mm_status mm_purse_info(struct mm_access *card, struct mm_purse_info *out, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    mm_buf_init(&resp);
    st = call(card, MM_INS_PURSE_GET_INFO, 0, "GET INFO", NULL, 0, 256, &resp, err);
    if (st == MM_OK)
        st = mm_purse_read_info(resp.data, resp.len, out, err);
    mm_buf_clear(&resp);
    return st;
}

static enum mm_status record(struct mm_access *card, uint8_t ins, uint8_t p1, const char *name,
                             size_t expected, struct mm_purse_record *out, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    mm_buf_init(&resp);
    st = call(card, ins, p1, name, NULL, 0, 256, &resp, err);
    if (st == MM_OK)
        st = mm_purse_read_record(resp.data, resp.len, out, err);
    if (st == MM_OK && resp.len != expected)
        st = mm_fail(err, MM_CARD, resp.len, "purse: %s: %zu bytes, expected %zu", name, resp.len,
                     expected);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_purse_last(struct mm_access *card, struct mm_purse_record *out,
                             struct mm_err *err)
{
    return record(card, MM_INS_PURSE_GET_LAST, 0, "GET LAST", MM_PURSE_RECORD_LEN, out, err);
}

enum mm_status mm_purse_log(struct mm_access *card, uint8_t index, struct mm_purse_record *out,
                            struct mm_err *err)
{
    return record(card, MM_INS_PURSE_READ_LOG, index, "READ LOG", MM_PURSE_LOG_LEN, out, err);
}

enum mm_status mm_purse_verify(struct mm_access *card, const char *pin, struct mm_err *err)
{
    uint16_t sw = 0;
    enum mm_status st = mm_access_call(card, 0x00, MM_INS_PURSE_VERIFY, 0, 1, (const uint8_t *)pin,
                                       strlen(pin), -1, NULL, &sw, err);

    return st == MM_OK ? judge(MM_INS_PURSE_VERIFY, "VERIFY", sw, err) : st;
}

enum mm_status mm_purse_begin_load(struct mm_access *card, uint8_t type, uint32_t amount,
                                   const uint8_t nonce[16], struct mm_purse_offer *out,
                                   struct mm_err *err)
{
    uint8_t data[21];
    struct mm_buf resp;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    mm_buf_init(&resp);
    mm_purse_load_data(type, amount, nonce, data);
    st = call(card, MM_INS_PURSE_INITIALISE_LOAD, 0, "INITIALISE FOR LOAD", data, sizeof(data), 256,
              &resp, err);
    if (st == MM_OK)
        st = mm_purse_read_load_offer(resp.data, resp.len, out, err);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_purse_credit(struct mm_access *card, const uint8_t mac2[16], uint8_t answer[24],
                               struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;

    memset(answer, 0, MM_PURSE_CREDIT_LEN);
    mm_buf_init(&resp);
    st = call(card, MM_INS_PURSE_CREDIT, 0, "CREDIT", mac2, MM_PURSE_MAC_LEN, 256, &resp, err);
    if (st == MM_OK && resp.len != MM_PURSE_CREDIT_LEN)
        st = mm_fail(err, MM_CARD, resp.len, "purse: CREDIT: %zu bytes, expected %d", resp.len,
                     MM_PURSE_CREDIT_LEN);
    if (st == MM_OK)
        memcpy(answer, resp.data, MM_PURSE_CREDIT_LEN);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_purse_begin_debit(struct mm_access *card, uint32_t amount,
                                    const uint8_t merchant[8], const uint8_t nonce[16],
                                    struct mm_purse_offer *out, struct mm_err *err)
{
    uint8_t data[28];
    struct mm_buf resp;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    mm_buf_init(&resp);
    mm_purse_debit_data(amount, merchant, nonce, data);
    st = call(card, MM_INS_PURSE_INITIALISE_DEBIT, 0, "INITIALISE FOR DEBIT", data, sizeof(data),
              256, &resp, err);
    if (st == MM_OK)
        st = mm_purse_read_debit_offer(resp.data, resp.len, out, err);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_purse_debit(struct mm_access *card, struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st;

    mm_buf_init(&resp);
    st = call(card, MM_INS_PURSE_DEBIT, 0, "DEBIT", NULL, 0, 256, &resp, err);
    mm_buf_clear(&resp);
    return st;
}
