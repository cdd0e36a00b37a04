/*
 * GET STATUS (GPCS 2.3.1, 11.4): what is on the card, as far as the selected domain sees it. P1 may ask
 * for several lists at once; they follow one another.
 */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

/* GET STATUS fills a response up to this and goes on at the next one: a short response with room
 * for padding and R-MAC (256 - 16 - 8). */
#define STATUS_ROOM 232

enum { STATUS_ISD = 0x80, STATUS_APPLICATIONS = 0x40, STATUS_FILES = 0x20, STATUS_MODULES = 0x10 };

struct status_line {
    struct mm_aid aid;
    uint8_t state;
    uint8_t privileges[MM_PRIV_LEN];
    bool is_file;
    const struct mm_reg_entry *entry; /* NULL: the issuer's domain, or the package of domains */
};

/* What GET STATUS asks for: 4F, AID prefix (may be empty); then 5C, tags of the answer, when not all
 * are wanted. */
struct status_query {
    const uint8_t *prefix, *tags;
    size_t prefix_len, tags_len;
    bool has_tags;
};

static bool wanted(const struct status_query *query, uint16_t tag)
{
    struct mm_rd rd;

    mm_rd_init(&rd, query->tags, query->tags_len);
    while (mm_rd_left(&rd) > 0) {
        uint16_t t = mm_rd_u8(&rd);
        if ((t & 0x1f) == 0x1f)
            t = (uint16_t)(t << 8 | mm_rd_u8(&rd));
        if (t == tag && !rd.bad)
            return true;
    }
    return !query->has_tags;
}

/* ---- Modules of a load file ---- */
static size_t module_n(const struct mm_card *card, const struct status_line *line)
{
    const struct mm_cap *cap;

    if (line->entry == NULL)
        return 1;
    cap = mm_vm_package_cap(card->vm, line->entry->comp);
    return cap == NULL ? 0 : mm_cap_applet_n(cap);
}

static void put_modules(const struct mm_card *card, const struct status_line *line, bool tlv,
                        struct mm_buf *out)
{
    size_t n = module_n(card, line);

    if (!tlv)
        mm_buf_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        struct mm_aid aid =
            line->entry == NULL
                ? mm_aid_of(MM_AID_SSD_MODULE)
                : mm_cap_applet(mm_vm_package_cap(card->vm, line->entry->comp), i)->aid;
        if (tlv)
            mm_buf_u8(out, 0x84);
        mm_put_aid_lv(out, &aid);
    }
}

/* ---- One line ---- */

/* In the old format: LV AID, state, privileges, modules (GPCS table 11-36). */
static void put_line_plain(const struct mm_card *card, const struct status_line *line, uint8_t p1,
                           struct mm_buf *out)
{
    mm_put_aid_lv(out, &line->aid);
    mm_buf_u8(out, line->state);
    mm_buf_u8(out, line->privileges[0]);
    if (line->is_file && (p1 & STATUS_MODULES))
        put_modules(card, line, false, out);
}

static struct mm_aid package_of(const struct mm_card *card, const struct mm_reg_entry *e)
{
    const struct mm_reg_entry *package = mm_reg_comp(&card->registry, e->package);

    if (e->kind == MM_COMP_DOMAIN)
        return mm_aid_of(MM_AID_SSD_PACKAGE);
    return package != NULL ? package->aid : (struct mm_aid){0};
}

static void put_file_fields(const struct mm_card *card, const struct status_line *line, uint8_t p1,
                            const struct status_query *query, struct mm_buf *out)
{
    uint8_t version[] = {1, 0};

    if (line->entry != NULL) {
        version[0] = line->entry->major;
        version[1] = line->entry->minor;
    }
    if (wanted(query, 0xce))
        mm_card_put_tlv(out, 0xce, version, sizeof(version));
    if ((p1 & STATUS_MODULES) && wanted(query, 0x84))
        put_modules(card, line, true, out);
}

static void put_application_fields(const struct mm_card *card, const struct status_line *line,
                                   const struct status_query *query, struct mm_buf *out)
{
    struct mm_aid package = {0};

    if (wanted(query, 0xc5))
        mm_card_put_tlv(out, 0xc5, line->privileges, MM_PRIV_LEN);
    if (line->entry == NULL)
        return;
    if (line->entry->implicit != 0 && wanted(query, 0xcf))
        mm_card_put_tlv(out, 0xcf, &line->entry->implicit, 1);
    package = package_of(card, line->entry);
    if (package.len != 0 && wanted(query, 0xc4))
        mm_card_put_tlv(out, 0xc4, package.bytes, package.len);
}

/* As E3 template (GPCS table 11-37); the AID is always there. */
static void put_line_tlv(const struct mm_card *card, const struct status_line *line, uint8_t p1,
                         const struct status_query *query, struct mm_buf *out)
{
    struct mm_aid domain = mm_domain_aid(card, line->entry != NULL ? line->entry->domain : 0);
    struct mm_buf body;

    mm_buf_init(&body);
    mm_card_put_tlv(&body, 0x4f, line->aid.bytes, line->aid.len);
    if (wanted(query, 0x9f70))
        mm_card_put_tlv(&body, 0x9f70, &line->state, 1);
    if (line->is_file)
        put_file_fields(card, line, p1, query, &body);
    else
        put_application_fields(card, line, query, &body);
    if (wanted(query, 0xcc))
        mm_card_put_tlv(&body, 0xcc, domain.bytes, domain.len);
    mm_buf_u8(out, 0xe3);
    mm_ber_put_len(out, body.len);
    mm_buf_bytes(out, body.data, body.len);
    out->bad |= body.bad;
    mm_buf_clear(&body);
}

/* ---- The lists ---- */
static bool sees_all(const struct mm_card *card)
{
    return mm_domain_may(card, mm_domain_current(card), MM_PRIV_GLOBAL_REGISTRY);
}

static int issuer_line(const struct mm_card *card, struct status_line *line)
{
    line->aid = mm_domain_aid(card, 0);
    line->state = mm_card_state(card);
    mm_domain_privileges(card, 0, line->privileges);
    return sees_all(card);
}

/* The code of supplementary domains, which came with the card. */
static int domain_code_line(const struct mm_card *card, struct status_line *line)
{
    line->aid = mm_aid_of(MM_AID_SSD_PACKAGE);
    line->state = MM_STATE_LOADED;
    line->is_file = true;
    return sees_all(card);
}

/* Line number index of the lists p1 asks for: 1 it is there, 0 not for this asker, -1 past the last.
 * Each list has a line for what the card has of its own and one for each registry entry. */
static int status_line(const struct mm_card *card, uint8_t p1, size_t index,
                       struct status_line *line)
{
    const struct mm_registry *reg = &card->registry;
    size_t list = index / (reg->n + 1), at = index % (reg->n + 1);
    bool files = list == 2;

    memset(line, 0, sizeof(*line));
    if (list > 2)
        return -1;
    if (list == 0)
        return at == 0 && (p1 & STATUS_ISD) ? issuer_line(card, line) : 0;
    if (files ? !(p1 & (STATUS_FILES | STATUS_MODULES)) : !(p1 & STATUS_APPLICATIONS))
        return 0;
    if (at == 0)
        return files ? domain_code_line(card, line) : 0;
    line->entry = &reg->entries[at - 1];
    line->is_file = files;
    if ((line->entry->kind == MM_COMP_PACKAGE) != files || !mm_domain_sees(card, line->entry))
        return 0;
    line->aid = line->entry->aid;
    line->state = mm_reg_state(reg, line->entry);
    memcpy(line->privileges, line->entry->privileges, MM_PRIV_LEN);
    return 1;
}

static bool read_query(const struct mm_apdu *apdu, struct status_query *query)
{
    struct mm_rd rd;
    uint8_t tag;

    memset(query, 0, sizeof(*query));
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    tag = mm_rd_u8(&rd);
    query->prefix_len = mm_rd_u8(&rd);
    query->prefix = mm_rd_bytes(&rd, query->prefix_len);
    if (rd.bad || tag != 0x4f || query->prefix_len > MM_AID_MAX)
        return false;
    if (mm_rd_left(&rd) == 0)
        return true;
    query->has_tags = mm_rd_u8(&rd) == 0x5c;
    query->tags_len = mm_rd_u8(&rd);
    query->tags = mm_rd_bytes(&rd, query->tags_len);
    return !rd.bad && query->has_tags && mm_rd_left(&rd) == 0;
}

uint16_t mm_isd_get_status(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct status_query query;
    struct mm_channel *channel = card->channel;
    size_t index = 0;
    struct status_line line;
    int got;

    if ((apdu->p2 & ~0x03) != 0 || (apdu->p1 & 0xf0) == 0 || (apdu->p1 & 0x0f) != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (!read_query(apdu, &query))
        return MM_SW_6A80_WRONG_DATA;
    if (apdu->p2 & 0x01) { /* next occurrence: only of the list that is being read */
        if (channel->status_next == 0 || channel->status_p1 != apdu->p1)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        index = channel->status_next;
    }
    channel->status_next = 0;
    while ((got = status_line(card, apdu->p1, index, &line)) >= 0) {
        size_t before = card->out.len;
        if (got == 1 && mm_aid_starts(&line.aid, query.prefix, query.prefix_len)) {
            if (apdu->p2 & 0x02)
                put_line_tlv(card, &line, apdu->p1, &query, &card->out);
            else
                put_line_plain(card, &line, apdu->p1, &card->out);
            if (before > 0 && card->out.len > STATUS_ROOM) {
                card->out.len = before;
                channel->status_next = index;
                channel->status_p1 = apdu->p1;
                return MM_SW_6310_MORE_DATA;
            }
        }
        index++;
    }
    return card->out.len > 0 ? MM_SW_9000_NO_ERROR : MM_SW_6A88_DATA_NOT_FOUND;
}
