/*
 * A card of another make, for tests of the host side: an issuer domain under an AID of its own, SCP02
 * or SCP03, the registry in either form, over T=0 or T=1. It answers from tables of its own and
 * counts the authentications it was asked for.
 */
#ifndef MM_TEST_GP_CARD_DOUBLE_H
#define MM_TEST_GP_CARD_DOUBLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "applet_vm/scp/scp.h"
#include "host_client/access/access_int.h"
#include "host_client/gp/gp.h"

struct make {
    const char *domain; /* AID of the issuer domain */
    bool silent_select; /* no FCI */
    uint8_t protocol, i;
    uint8_t key_version;
    const char *diversification; /* 10 bytes */
    bool t0;                     /* 61xx and GET RESPONSE; wrong Le is 6Cxx */
    bool old_status;             /* GET STATUS knows no TLV form */
    bool no_modules;             /* nor P1 10 */
    uint16_t authenticate_sw;    /* answer to a good EXTERNAL AUTHENTICATE; 0: 9000 */
    const char *recognition;     /* GET DATA 66; NULL: 6A88 */
    /* GET STATUS by P1 80, 40, 20, 10; several parts in turn with 6310 between, ended by NULL */
    const char *domains[3], *applications[3], *packages[3], *modules[3];
};

struct card_double {
    struct mm_access access; /* first: what the tests hand on */
    const struct make *make;
    struct mm_scp_keys keys;
    struct mm_scp scp;
    bool started, open;
    unsigned updates, authentications, part;
    uint8_t waiting[512]; /* response that GET RESPONSE fetches */
    size_t waiting_len;
    uint16_t waiting_sw;
};

static size_t double_hex(const char *hex, uint8_t *out, size_t room)
{
    size_t n = room;

    assert_int_equal(mm_unhex(hex, out, &n), MM_OK);
    return n;
}

static uint16_t double_select(struct card_double *c, const uint8_t *aid, size_t len,
                              struct mm_buf *out)
{
    uint8_t own[16], fci[20];
    size_t n = double_hex(c->make->domain, own, sizeof(own));

    c->open = false;
    if (len > 0 && (len != n || memcmp(own, aid, n) != 0))
        return 0x6a82;
    if (!c->make->silent_select) {
        fci[0] = 0x6f;
        fci[1] = (uint8_t)(n + 2);
        fci[2] = 0x84;
        fci[3] = (uint8_t)n;
        mm_buf_bytes(out, fci, 4);
        mm_buf_bytes(out, own, n);
    }
    return 0x9000;
}

/* | diversification | version, protocol, [i] | challenge | cryptogram | [sequence counter] | */
static uint16_t double_update(struct card_double *c, const uint8_t *data, size_t len,
                              struct mm_buf *out)
{
    static const uint8_t challenge[8] = {0x00, 0x05, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6};
    struct mm_scp_source source = mm_scp_source_of(&c->keys);
    uint8_t div[10];

    c->updates++;
    if (len != 8)
        return 0x6700;
    if (mm_scp_known(c->make->protocol, c->make->i)) /* of others, only the answer matters */
        assert_int_equal(
            mm_scp_start(&c->scp, c->make->protocol, c->make->i, &source, data, challenge), MM_OK);
    (void)double_hex(c->make->diversification, div, sizeof(div));
    mm_buf_bytes(out, div, sizeof(div));
    mm_buf_u8(out, c->make->key_version);
    mm_buf_u8(out, c->make->protocol);
    if (c->make->protocol == 0x03)
        mm_buf_u8(out, c->make->i);
    mm_buf_bytes(out, challenge, sizeof(challenge));
    mm_buf_bytes(out, c->scp.card_cryptogram, 8);
    if (c->make->protocol == 0x03 && (c->make->i & 0x10) != 0)
        mm_buf_bytes(out, "\x00\x00\x05", 3);
    c->started = true;
    return 0x9000;
}

static uint16_t double_authenticate(struct card_double *c, const uint8_t *apdu, uint8_t *data)
{
    struct mm_scp_command command = {{apdu[0], apdu[1], apdu[2], apdu[3]}, false, data, 16};
    bool good = c->started;

    c->authentications++;
    c->started = false;
    if (good)
        good = mm_scp_check_first(&c->scp, &command) == MM_OK &&
               memcmp(command.data, c->scp.host_cryptogram, 8) == 0;
    if (!good || c->make->authenticate_sw != 0)
        return c->make->authenticate_sw != 0 ? c->make->authenticate_sw : 0x6300;
    c->scp.level = apdu[2];
    c->open = true;
    return 0x9000;
}

static uint16_t double_status(struct card_double *c, uint8_t p1, uint8_t p2, struct mm_buf *out)
{
    const struct make *m = c->make;
    const char *const *parts = p1 == 0x80   ? m->domains
                               : p1 == 0x40 ? m->applications
                               : p1 == 0x20 ? m->packages
                                            : m->modules;
    uint8_t bytes[255];
    size_t n;

    if ((m->old_status && (p2 & 0x02) != 0) || (m->no_modules && p1 == 0x10))
        return 0x6a86;
    c->part = (p2 & 1) != 0 ? c->part + 1 : 0;
    if (c->part > 2 || parts[c->part] == NULL)
        return 0x6a88;
    n = double_hex(parts[c->part], bytes, sizeof(bytes));
    mm_buf_bytes(out, bytes, n);
    return c->part < 2 && parts[c->part + 1] != NULL ? 0x6310 : 0x9000;
}

/* A command in its parts, unwrapped where it is protected. */
static uint16_t double_run(struct card_double *c, const uint8_t *header, uint8_t *data, size_t len,
                           struct mm_buf *out)
{
    struct mm_scp_command command = {
        {header[0], header[1], header[2], header[3]}, false, data, len};
    uint8_t bytes[255];

    if (header[1] == 0xa4)
        return double_select(c, data, len, out);
    if (header[1] == 0x50)
        return double_update(c, data, len, out);
    if (header[1] == 0x82)
        return double_authenticate(c, header, data);
    if (header[1] == 0xca && !c->open) {
        if (header[3] != 0x66 || c->make->recognition == NULL)
            return 0x6a88;
        mm_buf_bytes(out, bytes, double_hex(c->make->recognition, bytes, sizeof(bytes)));
        return 0x9000;
    }
    if (!c->open || (header[0] & 0x04) == 0)
        return 0x6982;
    if (mm_scp_unwrap_command(&c->scp, &command) != MM_OK) {
        c->open = false;
        return 0x6982;
    }
    if (header[1] == 0xf2)
        return double_status(c, header[2], header[3], out);
    return 0x6d00;
}

static enum mm_status double_transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                                      unsigned ms, struct mm_buf *resp, struct mm_err *err)
{
    struct card_double *c = (struct card_double *)a;
    uint8_t data[512] = {0};
    size_t lc = apdu_len > 5 ? apdu[4] : 0;
    struct mm_buf out;
    uint16_t sw;

    (void)ms;
    (void)err;
    assert_true(apdu_len >= 5 + lc && apdu_len <= 5 + lc + 1);
    if (apdu[1] == 0xc0) { /* GET RESPONSE */
        mm_buf_bytes(resp, c->waiting, c->waiting_len);
        mm_buf_u16(resp, c->waiting_sw);
        return MM_OK;
    }
    memcpy(data, apdu + 5, lc);
    mm_buf_init(&out);
    sw = double_run(c, apdu, data, lc, &out);
    if (c->make->t0 && out.len > 0 && lc > 0) { /* data in and out: fetched by another command */
        memcpy(c->waiting, out.data, out.len);
        c->waiting_len = out.len;
        c->waiting_sw = sw;
        sw = (uint16_t)(0x6100 | (out.len & 0xff));
    } else if (c->make->t0 && out.len > 0 && apdu[4] != out.len) {
        sw = (uint16_t)(0x6c00 | out.len); /* asked for another length than there is */
    } else {
        mm_buf_bytes(resp, out.data, out.len);
    }
    mm_buf_u16(resp, sw);
    mm_buf_clear(&out);
    return MM_OK;
}

static const struct mm_access_ops double_ops = {
    .transmit = double_transmit, .begin = mm_access_begin_none, .end = mm_access_end_none};

/* A card of that make with the test keys. */
static struct card_double double_of(const struct make *make)
{
    struct card_double c = {.make = make, .keys = mm_scp_test_keys};

    c.access = (struct mm_access){
        .ops = &double_ops, .case4_bare = make->t0, .open_ms = 100, .answer_ms = 100};
    return c;
}

#endif
