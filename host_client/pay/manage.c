#include "host_client/pay/manage.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

#define APDU_MAX 261 /* header, Lc, 255 bytes, Le: the platform sends no extended length */

static enum mm_status send_one(struct mm_access *card, const json_t *hex, struct mm_buf *resp,
                               uint16_t *sw, struct mm_err *err)
{
    uint8_t apdu[APDU_MAX];
    size_t len = sizeof(apdu);
    const char *text = json_string_value(hex);
    enum mm_status st;

    if (text == NULL || mm_unhex(text, apdu, &len) != MM_OK || len < 4)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX,
                       "platform: an APDU that is not 4 to %d bytes in hex", APDU_MAX);
    st = mm_access_send(card, apdu, len, resp, err);
    if (st == MM_OK && resp->len < 2)
        st = mm_fail(err, MM_CARD, SIZE_MAX, "chip: an answer without status word");
    if (st != MM_OK)
        return st;
    *sw = mm_be16(resp->data + resp->len - 2);
    resp->len -= 2;
    return MM_OK;
}

enum mm_status mm_pay_carry(struct mm_access *card, const json_t *apdus, struct mm_buf *last,
                            uint16_t *sw, size_t *sent, struct mm_err *err)
{
    size_t n = json_array_size(apdus);

    *sw = 0;
    *sent = 0;
    if (n == 0)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer without APDUs");
    for (size_t i = 0; i < n; i++) {
        enum mm_status st = send_one(card, json_array_get(apdus, i), last, sw, err);
        if (st != MM_OK)
            return st;
        *sent = i + 1;
        if (*sw != MM_SW_9000_NO_ERROR)
            return mm_fail(err, MM_CARD, SIZE_MAX, "chip: command %zu of %zu: %04X %s", i + 1, n,
                           *sw, mm_sw_text(*sw));
    }
    return MM_OK;
}

static enum mm_status begin(struct mm_pay_session *s, const struct mm_manage_order *order,
                            const struct mm_pay_report *report, json_t **answer, struct mm_err *err)
{
    uint8_t random[16];
    char chip[33], key[48], digits[33];
    json_t *body;
    enum mm_status st;

    *answer = NULL;
    if (RAND_bytes(random, sizeof(random)) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random numbers for the key");
    snprintf(key, sizeof(key), "%s-%s", order->op, mm_hex(random, sizeof(random), digits));
    body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "op", order->op, "package", order->package,
                     "chip", mm_hex(s->token.chip_id, sizeof(s->token.chip_id), chip), "key", key,
                     "session", report->session_text, "result", report->result);
    if (body == NULL ||
        (order->pin != NULL && json_object_set_new(body, "pin", json_string(order->pin)) != 0)) {
        json_decref(body);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    st = mm_pay_http_post(s->http, "/manage", body, answer, err);
    json_decref(body);
    return st;
}

/* The chip's answer to INITIALIZE UPDATE goes to the platform, which answers with all the rest. */
static enum mm_status next(struct mm_pay_session *s, const char *session, const struct mm_buf *resp,
                           json_t **answer, struct mm_err *err)
{
    char *hex = malloc(2 * resp->len + 1);
    json_t *body = NULL;
    enum mm_status st;

    *answer = NULL;
    if (hex != NULL)
        body = json_pack("{s:s, s:s}", "session", session, "response",
                         mm_hex(resp->data, resp->len, hex));
    st = body != NULL ? mm_pay_http_post(s->http, "/manage/next", body, answer, err)
                      : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    json_decref(body);
    free(hex);
    return st;
}

static enum mm_status done(struct mm_pay_session *s, const char *session, uint16_t sw, size_t sent,
                           struct mm_err *err)
{
    char text[5];
    json_t *body, *answer = NULL;
    enum mm_status st;

    snprintf(text, sizeof(text), "%04X", sw);
    body = json_pack("{s:s, s:s, s:I}", "session", session, "sw", text, "count", (json_int_t)sent);
    st = body != NULL ? mm_pay_http_post(s->http, "/manage/done", body, &answer, err)
                      : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    json_decref(body);
    json_decref(answer);
    return st;
}

static enum mm_status carry_session(struct mm_pay_session *s, const json_t *begun,
                                    struct mm_managed *out, struct mm_err *err)
{
    const char *session = json_string_value(json_object_get(begun, "session")), *id;
    json_t *rest = NULL;
    struct mm_buf resp;
    size_t sent = 0;
    uint16_t sw = 0;
    bool whole = false;
    enum mm_status st, told;

    mm_buf_init(&resp);
    if (session == NULL)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer without \"session\"");
    st = mm_pay_carry(s->card, json_object_get(begun, "apdus"), &resp, &sw, &out->sent, err);
    if (st == MM_OK)
        st = next(s, session, &resp, &rest, err);
    if (st == MM_OK) {
        st = mm_pay_carry(s->card, json_object_get(rest, "apdus"), &resp, &sw, &sent, err);
        out->sent += sent;
        whole = true;
    }
    id = json_string_value(json_object_get(rest, "purse_id"));
    if (id != NULL && strlen(id) < sizeof(out->purse_id))
        strcpy(out->purse_id, id);
    /* The platform has to know how it ended. What went wrong first is what the user is told. */
    if (whole || st == MM_CARD) {
        told = done(s, session, sw, sent, st == MM_OK ? err : NULL);
        st = st == MM_OK ? told : st;
    }
    json_decref(rest);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_pay_manage(struct mm_pay_session *s, const struct mm_manage_order *order,
                             struct mm_managed *out, struct mm_err *err)
{
    struct mm_pay_report report = {0};
    json_t *begun = NULL;
    enum mm_status st = mm_access_begin(s->card, err);

    memset(out, 0, sizeof(*out));
    if (st != MM_OK)
        return st;
    st = mm_pay_report(s, "manage", &report, err);
    if (st == MM_OK)
        st = begin(s, order, &report, &begun, err);
    if (st == MM_OK)
        st = carry_session(s, begun, out, err);
    mm_access_end(s->card);
    json_decref(begun);
    mm_pay_report_clear(&report);
    return st;
}
