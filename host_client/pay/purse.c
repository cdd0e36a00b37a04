/* The purse's messages: bytes only. */
#include "host_client/pay/purse.h"

#include <stdio.h>
#include <string.h>

#define INFO_LEN       32
#define DEBIT_INIT_LEN 44

static enum mm_status wrong_length(struct mm_err *err, const char *what, size_t len,
                                   size_t expected)
{
    return mm_fail(err, MM_CARD, len, "purse: %s has %zu bytes, expected %zu", what, len, expected);
}

static void copy(struct mm_rd *rd, uint8_t *out, size_t n)
{
    const uint8_t *p = mm_rd_bytes(rd, n);

    if (p != NULL)
        memcpy(out, p, n);
}

enum mm_status mm_purse_read_info(const uint8_t *data, size_t data_len, struct mm_purse_info *out,
                                  struct mm_err *err)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    if (data_len != INFO_LEN)
        return wrong_length(err, "GET INFO", data_len, INFO_LEN);
    mm_rd_init(&rd, data, data_len);
    out->state = mm_rd_u8(&rd);
    copy(&rd, out->id, sizeof(out->id));
    out->currency = mm_rd_u16(&rd);
    out->counter = mm_rd_u32(&rd);
    out->balance = mm_rd_u32(&rd);
    out->max_balance = mm_rd_u32(&rd);
    out->max_debit = mm_rd_u32(&rd);
    out->pin_free = mm_rd_u32(&rd);
    out->tries = mm_rd_u8(&rd);
    return MM_OK;
}

enum mm_status mm_purse_read_record(const uint8_t *data, size_t data_len,
                                    struct mm_purse_record *out, struct mm_err *err)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    if (data_len != MM_PURSE_RECORD_LEN && data_len != MM_PURSE_LOG_LEN)
        return wrong_length(err, "a record", data_len, MM_PURSE_RECORD_LEN);
    mm_rd_init(&rd, data, data_len);
    out->type = mm_rd_u8(&rd);
    out->counter = mm_rd_u32(&rd);
    out->amount = mm_rd_u32(&rd);
    out->balance = mm_rd_u32(&rd);
    copy(&rd, out->merchant, sizeof(out->merchant));
    if (data_len == MM_PURSE_RECORD_LEN)
        copy(&rd, out->nonce, sizeof(out->nonce));
    memcpy(out->bytes, data, data_len);
    out->bytes_len = data_len;
    if (out->type < MM_PURSE_LOAD || out->type > MM_PURSE_DEBIT)
        return mm_fail(err, MM_CARD, 0, "purse: a record of type %u, expected 1 to 3", out->type);
    return MM_OK;
}

void mm_purse_load_data(uint8_t type, uint32_t amount, const uint8_t nonce[16], uint8_t out[21])
{
    out[0] = type;
    mm_put_be32(out + 1, amount);
    memcpy(out + 5, nonce, MM_PURSE_NONCE_LEN);
}

void mm_purse_debit_data(uint32_t amount, const uint8_t merchant[8], const uint8_t nonce[16],
                         uint8_t out[28])
{
    mm_put_be32(out, amount);
    memcpy(out + 4, merchant, MM_PURSE_MERCHANT_LEN);
    memcpy(out + 12, nonce, MM_PURSE_NONCE_LEN);
}

static void read_offer_head(struct mm_rd *rd, const uint8_t *data, size_t data_len,
                            struct mm_purse_offer *out)
{
    mm_rd_init(rd, data, data_len);
    copy(rd, out->id, sizeof(out->id));
    out->counter = mm_rd_u32(rd);
    out->balance = mm_rd_u32(rd);
    memcpy(out->bytes, data, data_len);
    out->bytes_len = data_len;
}

enum mm_status mm_purse_read_load_offer(const uint8_t *data, size_t data_len,
                                        struct mm_purse_offer *out, struct mm_err *err)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    if (data_len != MM_PURSE_LOAD_INIT_LEN)
        return wrong_length(err, "INITIALISE FOR LOAD", data_len, MM_PURSE_LOAD_INIT_LEN);
    read_offer_head(&rd, data, data_len, out);
    out->type = mm_rd_u8(&rd);
    out->amount = mm_rd_u32(&rd);
    return MM_OK;
}

enum mm_status mm_purse_read_debit_offer(const uint8_t *data, size_t data_len,
                                         struct mm_purse_offer *out, struct mm_err *err)
{
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    if (data_len != DEBIT_INIT_LEN)
        return wrong_length(err, "INITIALISE FOR DEBIT", data_len, DEBIT_INIT_LEN);
    read_offer_head(&rd, data, data_len, out);
    out->type = MM_PURSE_DEBIT;
    out->amount = mm_rd_u32(&rd);
    return MM_OK;
}

const char *mm_purse_currency(uint16_t code, char out[8])
{
    static const struct {
        uint16_t code;
        const char *name;
    } known[] = {{0x0978, "EUR"}, {0x0840, "USD"}, {0x0826, "GBP"}, {0x0756, "CHF"}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].code == code || (known[i].code == 0x0978 && code == 978)) {
            snprintf(out, 8, "%s", known[i].name);
            return out;
        }
    }
    snprintf(out, 8, "%04X", code);
    return out;
}

const char *mm_purse_type_text(uint8_t type)
{
    switch (type) {
    case MM_PURSE_LOAD:
        return "load";
    case MM_PURSE_RESTORE:
        return "restore";
    case MM_PURSE_DEBIT:
        return "pay";
    default:
        return "?";
    }
}
