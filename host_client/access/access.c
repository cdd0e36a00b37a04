/* The part that is alike for every way to reach a card: building, sending, following. */
#include "host_client/access/access.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host_client/access/access_int.h"

#define LEN_SHORT_MAX 255
#define LE_SHORT_MAX  256
#define CALL_DATA_MAX 65535

/* ---- Open and close ---- */

enum mm_status mm_access_open(const char *reader, unsigned timeout_ms, struct mm_access **out,
                              struct mm_err *err)
{
    struct mm_access *a = calloc(1, sizeof(*a));
    enum mm_status st;

    *out = NULL;
    if (a == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    a->open_ms = timeout_ms;
    a->answer_ms = timeout_ms > MM_ACCESS_ANSWER_MS ? timeout_ms : MM_ACCESS_ANSWER_MS;
    if (reader != NULL && strncmp(reader, "tcp:", 4) == 0)
        st = mm_access_open_tcp(a, reader + 4, err);
    else if (reader != NULL && strncmp(reader, "chip:", 5) == 0)
        st = mm_access_open_chip(a, reader + 5, err);
    else
        st = mm_access_open_pcsc(a, reader, err);
    if (st == MM_OK && a->reader == NULL && (a->reader = strdup(reader)) == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st != MM_OK) {
        mm_access_close(&a);
        return st;
    }
    *out = a;
    return MM_OK;
}

void mm_access_close(struct mm_access **access)
{
    struct mm_access *a = *access;

    *access = NULL;
    if (a == NULL)
        return;
    if (a->ctx != NULL)
        a->ops->close(a);
    free(a->reader);
    free(a);
}

void mm_access_set_timeout(struct mm_access *access, unsigned answer_ms)
{
    access->answer_ms = answer_ms;
}

void mm_access_set_trace(struct mm_access *access, mm_access_trace trace, void *ctx)
{
    access->trace = trace;
    access->trace_ctx = ctx;
}

const uint8_t *mm_access_atr(const struct mm_access *access, size_t *len)
{
    *len = access->atr_len;
    return access->atr;
}

const char *mm_access_reader(const struct mm_access *access)
{
    return access->reader;
}

enum mm_status mm_access_begin(struct mm_access *access, struct mm_err *err)
{
    return access->ops->begin(access, access->open_ms, err);
}

void mm_access_end(struct mm_access *access)
{
    access->ops->end(access);
}

enum mm_status mm_access_reset(struct mm_access *access, struct mm_err *err)
{
    return access->ops->reset(access, access->answer_ms, err);
}

/* ---- Sending ---- */

enum mm_status mm_access_send_raw(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                                  struct mm_buf *resp, struct mm_err *err)
{
    enum mm_status st;

    resp->len = 0;
    /* Shorter ones have no meaning (ISO 7816-4, 5.1), and on a link one byte is a control code. */
    if (apdu_len < 4)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "a command of %zu bytes; a header has 4", apdu_len);
    if (access->trace != NULL)
        access->trace(access->trace_ctx, false, apdu, apdu_len);
    st = access->ops->transmit(access, apdu, apdu_len, access->answer_ms, resp, err);
    if (st == MM_OK && resp->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK && resp->len == 0) /* what a PC/SC reader says of a card that lost power */
        st = mm_fail(err, MM_NO_READER, SIZE_MAX,
                     "the card in %s gave no answer: taken out, or without power", access->reader);
    if (st == MM_OK && resp->len < 2)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX,
                     "the card's answer has %zu bytes; a status word has 2", resp->len);
    if (st != MM_OK)
        resp->len = 0;
    else if (access->trace != NULL)
        access->trace(access->trace_ctx, true, resp->data, resp->len);
    return st;
}

static uint16_t sw_of(const struct mm_buf *resp)
{
    return mm_be16(resp->data + resp->len - 2);
}

/* Where Le stands in an APDU, 0 when it has none or is malformed (ISO 7816-4, 5.1, table 1). */
static size_t le_off(const uint8_t *apdu, size_t len)
{
    if (len == 5)
        return 4;
    if (len > 5 && apdu[4] != 0)
        return len == 6u + apdu[4] ? len - 1 : 0;
    if (len == 7)
        return 5; /* 00 and two bytes of Le */
    if (len > 7 && apdu[4] == 0)
        return len == 9u + mm_be16(apdu + 5) ? len - 2 : 0;
    return 0;
}

/* Same command with the Le that a 6Cxx asked for. 00 stands for 256 in short form. */
static void put_le(struct mm_buf *cmd, size_t off, uint8_t le)
{
    if (cmd->len - off == 2)
        mm_put_be16(cmd->data + off, le == 0 ? 256 : le);
    else
        cmd->data[off] = le;
}

/* GET RESPONSE goes to the same logical channel, without secure messaging (ISO 7816-4, 5.4.1). */
static uint8_t response_cla(uint8_t cla)
{
    if ((cla & 0x80) != 0)
        return cla & 0x03;
    return (cla & 0x40) != 0 ? (uint8_t)(0x40 | (cla & 0x0f)) : (uint8_t)(cla & 0x03);
}

static enum mm_status follow_6c(struct mm_access *a, struct mm_buf *cmd, struct mm_buf *part,
                                struct mm_err *err)
{
    size_t off = le_off(cmd->data, cmd->len);

    if (part->len != 2 || part->data[0] != 0x6c)
        return MM_OK;
    if (off == 0 && cmd->len == 4) { /* T=0 hears of a missing Le like this, too */
        mm_buf_u8(cmd, 0);
        if (cmd->bad)
            return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        off = 4;
    }
    if (off == 0)
        return MM_OK; /* nothing to correct: the caller sees 6Cxx */
    put_le(cmd, off, part->data[1]);
    return mm_access_send_raw(a, cmd->data, cmd->len, part, err);
}

/* Collect the rest of a response that ended with 61xx. part: first piece. */
static enum mm_status follow_61(struct mm_access *a, uint8_t cla, struct mm_buf *part,
                                struct mm_buf *resp, struct mm_err *err)
{
    struct mm_buf cmd;
    enum mm_status st = MM_OK;

    mm_buf_init(&cmd);
    while (st == MM_OK && part->data[part->len - 2] == 0x61) {
        size_t before = resp->len;
        uint8_t get[5] = {response_cla(cla), 0xc0, 0, 0, part->data[part->len - 1]};

        cmd.len = 0;
        mm_buf_bytes(&cmd, get, sizeof(get));
        st = cmd.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                     : mm_access_send_raw(a, cmd.data, cmd.len, part, err);
        if (st == MM_OK)
            st = follow_6c(a, &cmd, part, err);
        if (st != MM_OK)
            break;
        mm_buf_bytes(resp, part->data, part->len - 2);
        /* Each piece must bring something, or a card could keep us here for ever. */
        if (part->data[part->len - 2] == 0x61 && resp->len == before)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "the card promises more data but sends none");
        else if (resp->len > MM_ANSWER_MAX)
            st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "the card's answer exceeds %d bytes",
                         MM_ANSWER_MAX);
    }
    mm_buf_clear(&cmd);
    return st;
}

enum mm_status mm_access_send(struct mm_access *access, const uint8_t *apdu, size_t apdu_len,
                              struct mm_buf *resp, struct mm_err *err)
{
    struct mm_buf cmd, part;
    size_t off;
    enum mm_status st;

    resp->len = 0;
    mm_buf_init(&cmd);
    mm_buf_init(&part);
    off = le_off(apdu, apdu_len);
    if (access->case4_bare && off > 5 && apdu_len - off == 1)
        apdu_len--;
    mm_buf_bytes(&cmd, apdu, apdu_len);
    st = cmd.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                 : mm_access_send_raw(access, cmd.data, cmd.len, &part, err);
    if (st == MM_OK)
        st = follow_6c(access, &cmd, &part, err);
    if (st == MM_OK) {
        mm_buf_bytes(resp, part.data, part.len - 2);
        st = follow_61(access, apdu[0], &part, resp, err);
    }
    if (st == MM_OK)
        mm_buf_u16(resp, sw_of(&part));
    if (st == MM_OK && resp->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st != MM_OK)
        resp->len = 0;
    mm_buf_clear(&cmd);
    mm_buf_clear(&part);
    return st;
}

void mm_access_build(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const uint8_t *data,
                     size_t data_len, int le, struct mm_buf *out)
{
    uint8_t header[4] = {cla, ins, p1, p2};
    bool extended = data_len > LEN_SHORT_MAX || le > LE_SHORT_MAX;

    mm_buf_bytes(out, header, sizeof(header));
    if (extended)
        mm_buf_u8(out, 0);
    if (data_len > 0 && extended)
        mm_buf_u16(out, (uint16_t)data_len);
    else if (data_len > 0)
        mm_buf_u8(out, (uint8_t)data_len);
    mm_buf_bytes(out, data, data_len);
    if (le >= 0 && extended)
        mm_buf_u16(out, (uint16_t)le); /* 65536 becomes 0000, which means it */
    else if (le >= 0)
        mm_buf_u8(out, (uint8_t)le); /* likewise 256 */
}

enum mm_status mm_access_call(struct mm_access *access, uint8_t cla, uint8_t ins, uint8_t p1,
                              uint8_t p2, const uint8_t *data, size_t data_len, int le,
                              struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    struct mm_buf cmd, own;
    struct mm_buf *r = resp != NULL ? resp : &own;
    enum mm_status st;

    *sw = 0;
    r->len = 0;
    if (data_len > CALL_DATA_MAX || le > 65536)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "command data of %zu bytes; at most %d",
                       data_len, CALL_DATA_MAX);
    mm_buf_init(&cmd);
    mm_buf_init(&own);
    mm_access_build(cla, ins, p1, p2, data, data_len, le, &cmd);
    st = cmd.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                 : mm_access_send(access, cmd.data, cmd.len, r, err);
    if (st == MM_OK) {
        *sw = sw_of(r);
        r->len -= 2;
    }
    mm_buf_clear(&cmd);
    mm_buf_clear(&own);
    return st;
}

enum mm_status mm_access_select(struct mm_access *access, const struct mm_aid *aid,
                                struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    return mm_access_call(access, 0x00, 0xa4, 0x04, 0x00, aid->bytes, aid->len, 256, resp, sw, err);
}

/* ---- Helpers of the ways ---- */

uint64_t mm_access_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

unsigned mm_access_left(uint64_t deadline)
{
    uint64_t now = mm_access_now();

    return now < deadline ? (unsigned)(deadline - now) : 0;
}

enum mm_status mm_access_begin_none(struct mm_access *a, unsigned ms, struct mm_err *err)
{
    (void)a;
    (void)ms;
    (void)err;
    return MM_OK;
}

void mm_access_end_none(struct mm_access *a)
{
    (void)a;
}
