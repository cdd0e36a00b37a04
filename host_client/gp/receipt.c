#include "host_client/gp/receipt.h"

#include <openssl/crypto.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

/* ---- The answer ---- */

static struct mm_gp_part take_part(struct mm_rd *rd)
{
    struct mm_gp_part part = {.len = mm_rd_u8(rd)};

    part.data = mm_rd_bytes(rd, part.len);
    if (part.data == NULL) /* cut: rd says so */
        part.len = 0;
    return part;
}

/* The length in front: one byte, or 81 and one. Cards differ in it from 80 on. */
static bool open_answer(struct mm_rd *rd)
{
    struct mm_rd again;
    size_t len = mm_rd_u8(rd);

    if (len == mm_rd_left(rd))
        return true;
    again = *rd;
    if (len != 0x81 || mm_rd_u8(&again) != mm_rd_left(&again))
        return false;
    *rd = again;
    return true;
}

enum mm_status mm_gp_confirmation_read(const uint8_t *resp, size_t resp_len,
                                       struct mm_gp_confirmation *out, struct mm_err *err)
{
    struct mm_gp_part counter;
    struct mm_rd rd;

    *out = (struct mm_gp_confirmation){0};
    if (resp_len == 0 || (resp_len == 1 && resp[0] == 0))
        return MM_NOT_FOUND;
    mm_rd_init(&rd, resp, resp_len);
    if (!open_answer(&rd))
        return mm_fail(err, MM_MALFORMED, 0,
                       "confirmation: its length does not fit an answer of %zu bytes", resp_len);
    out->receipt = take_part(&rd);
    out->data.len = mm_rd_left(&rd);
    out->data.data = resp + rd.off;
    counter = take_part(&rd);
    out->card = take_part(&rd);
    if (mm_rd_left(&rd) > 0)
        out->token_id = take_part(&rd);
    if (mm_rd_left(&rd) > 0)
        out->token_digest = take_part(&rd);
    if (rd.bad || mm_rd_left(&rd) > 0 || counter.len != 2 || out->receipt.len == 0)
        return mm_fail(err, MM_MALFORMED, rd.off, "confirmation, offset %zu: malformed", rd.off);
    out->counter = mm_be16(counter.data);
    return MM_OK;
}

/* ---- The order ---- */

/* INSTALL's fields one after another (GPCS 2.3.1, 11.5.2.3). */
static bool take_aid(struct mm_rd *rd, struct mm_aid *aid)
{
    struct mm_gp_part part = take_part(rd);

    *aid = (struct mm_aid){0};
    return part.data != NULL && (part.len == 0 || mm_aid_set(aid, part.data, part.len) == MM_OK);
}

static void put_aid(struct mm_buf *out, const struct mm_aid *aid)
{
    mm_gp_put_lv(out, aid->bytes, aid->len);
}

static bool follow_load(struct mm_gp_orders *o, struct mm_rd *rd)
{
    if (!take_aid(rd, &o->package) || !take_aid(rd, &o->into))
        o->package.len = 0;
    if (o->into.len == 0)
        o->into = o->domain;
    return false; /* the last LOAD confirms it */
}

/* The forms with three names: package, module, instance (C.5.2); or old or new domain, none, and what
 * it is about (C.5.3, C.5.4). */
static bool follow_names(const struct mm_gp_orders *o, uint8_t p1, struct mm_rd *rd,
                         struct mm_buf *context)
{
    struct mm_aid a, b, c;

    if (!take_aid(rd, &a) || !take_aid(rd, &b) || !take_aid(rd, &c))
        return false;
    if ((p1 & 0x04) != 0) { /* for install */
        put_aid(context, &a);
        put_aid(context, c.len > 0 ? &c : &b);
    } else if (p1 == 0x08) { /* for make selectable */
        put_aid(context, &c);
    } else {
        put_aid(context, mm_aid_equal(&o->moves, &c) && o->from.len > 0 ? &o->from : &o->domain);
        put_aid(context, &c);
        put_aid(context, &a);
    }
    if (p1 == 0x40) { /* for registry update: privileges and parameters as well */
        struct mm_gp_part privileges = take_part(rd), params = take_part(rd);
        mm_gp_put_lv(context, privileges.data, privileges.len);
        mm_gp_put_lv(context, params.data, params.len);
    }
    return !rd->bad;
}

static bool follow_install(struct mm_gp_orders *o, const struct mm_gp_apdu *apdu, struct mm_rd *rd,
                           struct mm_buf *context)
{
    uint8_t p1 = apdu->header[2];

    if (p1 == 0x02 || (p1 == 0x0e && apdu->header[3] == 0x01)) {
        o->combined = p1 == 0x0e;
        return follow_load(o, rd);
    }
    return p1 != 0x20 && follow_names(o, p1, rd, context); /* personalization is none of it */
}

static bool follow_delete(struct mm_rd *rd, struct mm_buf *context)
{
    const uint8_t *value;
    size_t len;
    uint16_t tag;

    if (!mm_ber_take(rd, &tag, &value, &len) || tag != 0x4f)
        return false; /* of keys */
    mm_gp_put_lv(context, value, len);
    return true;
}

bool mm_gp_orders_follow(struct mm_gp_orders *orders, const uint8_t *apdu, size_t apdu_len,
                         struct mm_buf *context)
{
    struct mm_gp_apdu parts;
    struct mm_rd rd;

    context->len = 0;
    if (mm_gp_apdu_parse(apdu, apdu_len, &parts, NULL) != MM_OK)
        return false;
    mm_rd_init(&rd, parts.data, parts.data_len);
    switch (parts.header[1]) {
    case MM_INS_ISD_INSTALL:
        return follow_install(orders, &parts, &rd, context);
    case MM_INS_ISD_LOAD:
        if ((parts.header[2] & 0x80) == 0 || orders->combined || orders->package.len == 0)
            return false;
        put_aid(context, &orders->package);
        put_aid(context, &orders->into);
        return true;
    case MM_INS_ISD_DELETE:
        return follow_delete(&rd, context);
    default:
        return false;
    }
}

/* ---- Checking ---- */

enum mm_status mm_gp_receipt_check(const struct mm_gp_confirmation *confirmation,
                                   const struct mm_buf *context, const struct mm_gp_secret *key,
                                   struct mm_err *err)
{
    size_t len = confirmation->receipt.len;
    uint8_t mac[MM_GP_CMAC_LEN] = {0};
    struct mm_buf message;
    enum mm_status st;

    if (len != MM_GP_CMAC_LEN && len != MM_GP_DES_MAC_LEN)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "a receipt of %zu bytes; expected 16 (AES) or 8 (DES)", len);
    mm_buf_init(&message);
    mm_buf_bytes(&message, confirmation->data.data, confirmation->data.len);
    mm_buf_bytes(&message, context->data, context->len);
    if (message.bad || context->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if (len == MM_GP_CMAC_LEN)
        st = mm_gp_secret_cmac(key, message.data, message.len, mac, err);
    else
        st = mm_gp_secret_des_mac(key, message.data, message.len, mac, err);
    if (st == MM_OK && CRYPTO_memcmp(mac, confirmation->receipt.data, len) != 0)
        st = mm_fail(err, MM_REFUSED, SIZE_MAX,
                     "the receipt is wrong: not of this key, or not of this order");
    OPENSSL_cleanse(mac, sizeof(mac));
    mm_buf_clear(&message);
    return st;
}
