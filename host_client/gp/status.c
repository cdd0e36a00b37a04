/* The card's registry: GET STATUS and its answer (GPCS 2.3.1, 11.4). */
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define STATUS_MAX 65536 /* all answers of one kind together */

/* P2 (GPCS 11.4.2.2): bit 1 next occurrences, bit 2 the TLV form. */
enum { FIRST = 0x00, NEXT = 0x01, TLV_FORM = 0x02 };

enum tag {
    TAG_ENTRY = 0xe3,
    TAG_AID = 0x4f,
    TAG_LIFE_CYCLE = 0x9f70,
    TAG_PRIVILEGES = 0xc5,
    TAG_PACKAGE = 0xc4,
    TAG_DOMAIN = 0xcc,
    TAG_VERSION = 0xce,
    TAG_MODULE = 0x84
};

typedef void (*entry_fn)(void *ctx, const struct mm_gp_item *entry);

static bool take_module(struct mm_gp_item *e, const uint8_t *value, size_t len)
{
    if (e->module_n == sizeof(e->modules) / sizeof(e->modules[0]))
        return true; /* more than we show */
    return mm_aid_set(&e->modules[e->module_n++], value, len) == MM_OK;
}

static bool take_field(struct mm_gp_item *e, uint16_t tag, const uint8_t *value, size_t len)
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
    case TAG_PACKAGE: /* cards tell none by an empty object */
        return len == 0 || mm_aid_set(&e->package, value, len) == MM_OK;
    case TAG_DOMAIN:
        return len == 0 || mm_aid_set(&e->domain, value, len) == MM_OK;
    case TAG_VERSION:
        if (len < 2)
            return len == 0;
        e->has_version = true;
        e->major = value[0];
        e->minor = value[1];
        return true;
    case TAG_MODULE:
        return take_module(e, value, len);
    default:
        return true; /* not needed here: implicit selection and others */
    }
}

enum mm_status mm_gp_parse_status(enum mm_gp_kind kind, const uint8_t *data, size_t data_len,
                                  entry_fn each, void *ctx, struct mm_err *err)
{
    struct mm_rd all;

    mm_rd_init(&all, data, data_len);
    while (mm_rd_left(&all) > 0) {
        struct mm_gp_item e = {.kind = kind};
        size_t start = all.off, len;
        const uint8_t *value;
        struct mm_rd rd;
        uint16_t tag;

        if (!mm_ber_take(&all, &tag, &value, &len) || tag != TAG_ENTRY)
            return mm_fail(err, MM_MALFORMED, start, "GET STATUS, offset %zu: expected tag E3",
                           start);
        mm_rd_init(&rd, value, len);
        while (mm_rd_left(&rd) > 0) {
            size_t at = start + rd.off;
            if (!mm_ber_take(&rd, &tag, &value, &len) || !take_field(&e, tag, value, len))
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

/* | AID LV | life cycle | privileges | and, of packages with modules, | n | AID LV ... | */
static bool take_old_entry(struct mm_rd *rd, bool modules, struct mm_gp_item *e)
{
    size_t len = mm_rd_u8(rd);
    const uint8_t *aid = mm_rd_bytes(rd, len);
    unsigned n;

    if (aid == NULL || mm_aid_set(&e->aid, aid, len) != MM_OK)
        return false;
    e->life_cycle = mm_rd_u8(rd);
    e->privileges[0] = mm_rd_u8(rd);
    n = modules ? mm_rd_u8(rd) : 0;
    while (n-- > 0 && !rd->bad) {
        len = mm_rd_u8(rd);
        aid = mm_rd_bytes(rd, len);
        if (aid == NULL || !take_module(e, aid, len))
            return false;
    }
    return !rd->bad;
}

enum mm_status mm_gp_parse_old_status(enum mm_gp_kind kind, bool modules, const uint8_t *data,
                                      size_t data_len, entry_fn each, void *ctx, struct mm_err *err)
{
    struct mm_rd rd;

    mm_rd_init(&rd, data, data_len);
    while (mm_rd_left(&rd) > 0) {
        struct mm_gp_item e = {.kind = kind};
        size_t start = rd.off;

        if (!take_old_entry(&rd, modules, &e))
            return mm_fail(err, MM_MALFORMED, start, "GET STATUS, entry at offset %zu: malformed",
                           start);
        each(ctx, &e);
    }
    return MM_OK;
}

/* ---- Asking ---- */

/* 10: packages with their modules; optional, so 20 is there to fall back on. */
static const struct {
    uint8_t p1, again;
    enum mm_gp_kind kind;
} asks[] = {{0x80, 0, MM_GP_DOMAIN}, {0x40, 0, MM_GP_APPLET}, {0x10, 0x20, MM_GP_PACKAGE}};
#define ASK_N (sizeof(asks) / sizeof(asks[0]))

enum mm_status mm_gp_status_commands(struct mm_buf *list)
{
    const uint8_t all[] = {TAG_AID, 0x00};
    struct mm_buf data;
    enum mm_status st = MM_OK;

    mm_buf_init(&data);
    mm_buf_bytes(&data, all, sizeof(all));
    for (size_t i = 0; st == MM_OK && i < ASK_N; i++)
        st = mm_gp_put_command(list, MM_INS_ISD_GET_STATUS, asks[i].p1, TLV_FORM, &data);
    mm_buf_clear(&data);
    return st;
}

/* All pages of one kind: data appended to all, the last status word to *sw. */
static enum mm_status ask(struct mm_gp_session *session, uint8_t p1, uint8_t form,
                          struct mm_buf *all, uint16_t *sw, struct mm_err *err)
{
    uint8_t apdu[] = {0x80, MM_INS_ISD_GET_STATUS, p1, form | FIRST, 0x02, TAG_AID, 0x00, 0x00};
    struct mm_buf resp;
    enum mm_status st;

    all->len = 0;
    mm_buf_init(&resp);
    do {
        st = mm_gp_send(session, apdu, sizeof(apdu), &resp, sw, err);
        if (st != MM_OK)
            break;
        mm_buf_bytes(all, resp.data, resp.len);
        apdu[3] = form | NEXT;
        if (all->bad || all->len > STATUS_MAX)
            st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "GET STATUS: the card does not stop");
        if (st == MM_OK && *sw == MM_SW_6310_MORE_DATA && resp.len == 0)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "GET STATUS: 6310 without data");
    } while (st == MM_OK && *sw == MM_SW_6310_MORE_DATA);
    mm_buf_clear(&resp);
    return st;
}

/* Refused for the way it was asked, not for what. */
static bool form_refused(uint16_t sw)
{
    return sw == MM_SW_6A86_INCORRECT_P1P2 || sw == MM_SW_6A80_WRONG_DATA ||
           sw == MM_SW_6A81_FUNC_NOT_SUPPORTED || sw == MM_SW_6B00_WRONG_P1P2;
}

/* One kind, in the form of *form; where a card older than 2.2 refuses that, all go on in the older
 * form. *with_modules: which of the two P1 was answered. */
static enum mm_status ask_kind(struct mm_gp_session *session, size_t i, uint8_t *form,
                               bool *with_modules, struct mm_buf *all, uint16_t *sw,
                               struct mm_err *err)
{
    enum mm_status st = ask(session, asks[i].p1, *form, all, sw, err);

    if (st == MM_OK && *form == TLV_FORM && asks[i].again == 0 && form_refused(*sw)) {
        *form = 0;
        st = ask(session, asks[i].p1, *form, all, sw, err);
    }
    *with_modules = asks[i].again != 0;
    if (st == MM_OK && asks[i].again != 0 && *sw != MM_SW_9000_NO_ERROR &&
        *sw != MM_SW_6A88_DATA_NOT_FOUND) {
        *with_modules = false;
        st = ask(session, asks[i].again, *form, all, sw, err);
    }
    return st;
}

enum mm_status mm_gp_registry(struct mm_gp_session *session, entry_fn each, void *ctx,
                              struct mm_err *err)
{
    uint8_t form = TLV_FORM;
    struct mm_buf all;
    enum mm_status st = MM_OK;

    mm_buf_init(&all);
    for (size_t i = 0; st == MM_OK && i < ASK_N; i++) {
        bool modules = false;
        uint16_t sw = 0;

        st = ask_kind(session, i, &form, &modules, &all, &sw, err);
        if (st != MM_OK)
            break;
        if (sw == MM_SW_6A88_DATA_NOT_FOUND)
            continue; /* none of this kind */
        if (sw != MM_SW_9000_NO_ERROR)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "GET STATUS: %04X, %s", sw, mm_sw_text(sw));
        else if (form == TLV_FORM)
            st = mm_gp_parse_status(asks[i].kind, all.data, all.len, each, ctx, err);
        else
            st = mm_gp_parse_old_status(asks[i].kind, modules, all.data, all.len, each, ctx, err);
    }
    mm_buf_clear(&all);
    return st;
}
