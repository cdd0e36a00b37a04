/* The card's registry: GET STATUS and its answer (GPCS 2.3.1, 11.4). */
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define STATUS_MAX 65536 /* all answers of one kind together */

enum tag {
    TAG_ENTRY = 0xe3,
    TAG_AID = 0x4f,
    TAG_LIFE_CYCLE = 0x9f70,
    TAG_PRIVILEGES = 0xc5,
    TAG_PACKAGE = 0xc4,
    TAG_VERSION = 0xce,
    TAG_MODULE = 0x84
};

static bool take_field(struct mm_gp_entry *e, uint16_t tag, const uint8_t *value, size_t len)
{
    switch (tag) {
    case TAG_AID:
        return mm_aid_set(&e->aid, value, len) == MM_OK;
    case TAG_LIFE_CYCLE: /* a second byte, when there, is the contactless state (Amendment C) */
        if (len < 1)
            return false;
        e->life_cycle = value[0];
        return true;
    case TAG_PRIVILEGES:
        if (len != 1 && len != 3)
            return false;
        memcpy(e->privileges, value, len);
        return true;
    case TAG_PACKAGE:
        return mm_aid_set(&e->package, value, len) == MM_OK;
    case TAG_VERSION:
        if (len < 2)
            return len == 0;
        e->has_version = true;
        e->major = value[0];
        e->minor = value[1];
        return true;
    case TAG_MODULE:
        if (e->module_n == sizeof(e->modules) / sizeof(e->modules[0]))
            return true; /* more than we show */
        return mm_aid_set(&e->modules[e->module_n++], value, len) == MM_OK;
    default:
        return true; /* not needed here: associated domain, implicit selection */
    }
}

enum mm_status mm_gp_parse_status(enum mm_gp_kind kind, const uint8_t *data, size_t data_len,
                                  void (*each)(void *ctx, const struct mm_gp_entry *entry),
                                  void *ctx, struct mm_err *err)
{
    struct mm_rd all;

    mm_rd_init(&all, data, data_len);
    while (mm_rd_left(&all) > 0) {
        struct mm_gp_entry e = {.kind = kind};
        size_t start = all.off, len;
        const uint8_t *value;
        struct mm_rd rd;
        uint16_t tag;

        if (!mm_gp_take_tlv(&all, &tag, &value, &len) || tag != TAG_ENTRY)
            return mm_fail(err, MM_MALFORMED, start, "GET STATUS, offset %zu: expected tag E3",
                           start);
        mm_rd_init(&rd, value, len);
        while (mm_rd_left(&rd) > 0) {
            size_t at = start + rd.off;
            if (!mm_gp_take_tlv(&rd, &tag, &value, &len) || !take_field(&e, tag, value, len))
                return mm_fail(err, MM_MALFORMED, at,
                               "GET STATUS, entry at offset %zu: malformed field %04X", start, tag);
        }
        if (e.aid.len == 0)
            return mm_fail(err, MM_MALFORMED, start, "GET STATUS, entry at offset %zu has no AID",
                           start);
        each(ctx, &e);
    }
    return MM_OK;
}

/* All pages of one kind: data appended to all, the last status word to *sw. */
static enum mm_status ask(struct mm_gp_session *session, uint8_t p1, struct mm_buf *all,
                          uint16_t *sw, struct mm_err *err)
{
    /* P2: 02 first or all, 03 next; bit 2 asks for the TLV form (GPCS 11.4.2.2). */
    uint8_t apdu[] = {0x80, 0xf2, p1, 0x02, 0x02, 0x4f, 0x00, 0x00};
    struct mm_buf resp;
    enum mm_status st;

    all->len = 0;
    mm_buf_init(&resp);
    do {
        st = mm_gp_send(session, apdu, sizeof(apdu), &resp, sw, err);
        if (st != MM_OK)
            break;
        mm_buf_bytes(all, resp.data, resp.len);
        apdu[3] = 0x03;
        if (all->bad || all->len > STATUS_MAX)
            st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "GET STATUS: the card does not stop");
        if (st == MM_OK && *sw == MM_SW_6310_MORE_DATA && resp.len == 0)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "GET STATUS: 6310 without data");
    } while (st == MM_OK && *sw == MM_SW_6310_MORE_DATA);
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gp_registry(struct mm_gp_session *session,
                              void (*each)(void *ctx, const struct mm_gp_entry *entry), void *ctx,
                              struct mm_err *err)
{
    /* 10: packages with their modules; optional, so 20 is there to fall back on. */
    static const struct {
        uint8_t p1, again;
        enum mm_gp_kind kind;
    } asks[] = {{0x80, 0, MM_GP_DOMAIN}, {0x40, 0, MM_GP_APPLET}, {0x10, 0x20, MM_GP_PACKAGE}};
    struct mm_buf all;
    enum mm_status st = MM_OK;

    mm_buf_init(&all);
    for (size_t i = 0; st == MM_OK && i < sizeof(asks) / sizeof(asks[0]); i++) {
        uint16_t sw;

        st = ask(session, asks[i].p1, &all, &sw, err);
        if (st == MM_OK && asks[i].again != 0 && sw != MM_SW_9000_NO_ERROR &&
            sw != MM_SW_6A88_DATA_NOT_FOUND)
            st = ask(session, asks[i].again, &all, &sw, err);
        if (st != MM_OK)
            break;
        if (sw == MM_SW_6A88_DATA_NOT_FOUND)
            continue; /* none of this kind */
        if (sw != MM_SW_9000_NO_ERROR)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "GET STATUS: %04X, %s", sw, mm_sw_text(sw));
        else
            st = mm_gp_parse_status(asks[i].kind, all.data, all.len, each, ctx, err);
    }
    mm_buf_clear(&all);
    return st;
}
