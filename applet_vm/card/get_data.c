/* What the issuer security domain tells: GET DATA, GET STATUS (GPCS 2.3.1, 11.3, 11.4). */
#include "applet_vm/card/card_int.h"

#include <string.h>

/* GET STATUS fills a response up to this and goes on at the next one: a short response with room
 * for padding and R-MAC (256 - 16 - 8). */
#define STATUS_ROOM 232

/* Append tag, length, value; value < 128 bytes. */
static void put_tlv(struct mm_buf *out, uint16_t tag, const void *value, size_t len)
{
    if (tag > 0xff)
        mm_buf_u8(out, (uint8_t)(tag >> 8));
    mm_buf_u8(out, (uint8_t)tag);
    mm_buf_u8(out, (uint8_t)len);
    mm_buf_bytes(out, value, len);
}

static void put_len(struct mm_buf *out, size_t len)
{
    if (len > 0xff) {
        mm_buf_u8(out, 0x82);
        mm_buf_u16(out, (uint16_t)len);
        return;
    }
    if (len > 0x7f)
        mm_buf_u8(out, 0x81);
    mm_buf_u8(out, (uint8_t)len);
}

void mm_isd_fci(struct mm_buf *out)
{
    /* 6F { 84 AID, A5 { 9F65: longest command data } } (GPCS 11.9.3.1) */
    static const uint8_t proprietary[] = {0x9f, 0x65, 0x01, 0xff};
    struct mm_aid aid = mm_aid_of(MM_AID_ISD);

    mm_buf_u8(out, 0x6f);
    mm_buf_u8(out, (uint8_t)(4u + aid.len + sizeof(proprietary)));
    put_tlv(out, 0x84, aid.bytes, aid.len);
    put_tlv(out, 0xa5, proprietary, sizeof(proprietary));
}

static void card_recognition(struct mm_buf *out)
{
    /* GPCS H.2: OIDs of card recognition data, card manager (2.3.1), identification scheme, secure
     * channel (SCP03, i = 60), card chip details (Java Card 3). */
    static const uint8_t
        data[] = {0x66, 0x3f, 0x73, 0x3d, /* card data, card recognition data */
                  0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01, /* globalplatform 1 */
                  0x60, 0x0c, 0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x02, 0x02, 0x03,
                  0x01, /* 2.3.1 */
                  0x63, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x03, 0x64, 0x0b,
                  0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x04, 0x03, 0x60, 0x66, 0x0c,
                  0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x2a, 0x02, 0x6e, 0x01, 0x03};
    _Static_assert(sizeof(data) == 0x3f + 2, "length bytes agree");

    mm_buf_bytes(out, data, sizeof(data));
}

/* Key information template (GPCS 11.3.3.1), basic format. */
static void key_information(struct mm_card *card, struct mm_buf *out)
{
    mm_comp domain = 0;
    struct mm_domain_key key;
    struct mm_key_set set;
    struct mm_buf body;
    uint8_t version;

    mm_buf_init(&body);
    for (size_t i = 0; (version = mm_key_set_version(card->nvm, domain, i)) != 0; i++) {
        size_t off = 0;
        if (mm_key_set_load(card->nvm, domain, version, &set) != MM_OK)
            continue;
        while (mm_key_set_next(&set, &off, &key)) {
            uint8_t info[2 + 2 * MM_KEY_PARTS_MAX] = {key.id, version};
            for (size_t p = 0; p < key.part_n; p++) {
                info[2 + 2 * p] = key.parts[p].type;
                info[3 + 2 * p] = (uint8_t)key.parts[p].len;
            }
            put_tlv(&body, 0xc0, info, 2u + 2u * key.part_n);
        }
        mm_key_set_clear(&set);
    }
    mm_buf_u8(out, 0xe0);
    put_len(out, body.len);
    mm_buf_bytes(out, body.data, body.len);
    mm_buf_clear(&body);
}

/* Card production life cycle data: fixed fields are zero; the serial number is of the chip id. */
static void production_data(struct mm_card *card, struct mm_buf *out)
{
    uint8_t cplc[42] = {0};

    memcpy(cplc + 12, card->chip_id, 4); /* IC serial number */
    put_tlv(out, 0x9f7f, cplc, sizeof(cplc));
}

/* Extended card resources (TS 102 226, 8.2.1.7): applications, free memory that stays and that does
 * not. */
static void resources(struct mm_card *card, struct mm_buf *out)
{
    uint8_t value[2 + 2 + 2 * (2 + 4)] = {0x81, 2}, *at = value + 2;
    size_t applets = 0;

    for (size_t i = 0; i < card->registry.n; i++)
        applets += card->registry.entries[i].kind == MM_COMP_APPLET;
    mm_put_be16(at, (uint16_t)applets);
    at[2] = 0x82;
    at[3] = 4;
    mm_put_be32(at + 4, (uint32_t)mm_nvm_free(card->nvm));
    at[8] = 0x83;
    at[9] = 4;
    mm_put_be32(at + 10, (uint32_t)mm_vm_transient_free(card->vm, MM_CLEAR_ON_RESET));
    put_tlv(out, 0xff21, value, sizeof(value));
}

uint16_t mm_isd_get_data(struct mm_card *card, const struct mm_apdu *apdu)
{
    static const uint8_t iin[] = {0x99, 0x99, 0x99}; /* ISO 7812: 9.. is for national use */

    uint16_t tag = (uint16_t)(apdu->p1 << 8 | apdu->p2);

    if (mm_isd_stored_object(card, tag, &card->out))
        return MM_SW_9000_NO_ERROR;
    switch (tag) {
    case 0x0042:
        put_tlv(&card->out, 0x42, iin, sizeof(iin));
        break;
    case 0x0045:
        put_tlv(&card->out, 0x45, card->chip_id, sizeof(card->chip_id));
        break;
    case 0x0066:
        card_recognition(&card->out);
        break;
    case 0x00e0:
        key_information(card, &card->out);
        break;
    case 0x9f7f:
        production_data(card, &card->out);
        break;
    case 0xff21:
        resources(card, &card->out);
        break;
    default: /* 00C1 too: the card challenge is random, there is no sequence counter */
        return MM_SW_6A88_DATA_NOT_FOUND;
    }
    return MM_SW_9000_NO_ERROR;
}

/* ---- GET STATUS ---- */
enum { STATUS_ISD = 0x80, STATUS_APPLETS = 0x40, STATUS_FILES = 0x20, STATUS_MODULES = 0x10 };

static void put_modules(struct mm_card *card, mm_comp package, bool tlv, struct mm_buf *out)
{
    const struct mm_cap *cap = mm_vm_package_cap(card->vm, package);
    size_t n = cap == NULL ? 0 : mm_cap_applet_n(cap);

    if (!tlv)
        mm_buf_u8(out, (uint8_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct mm_aid *aid = &mm_cap_applet(cap, i)->aid;
        if (tlv)
            mm_buf_u8(out, 0x84);
        mm_buf_u8(out, aid->len);
        mm_buf_bytes(out, aid->bytes, aid->len);
    }
}

struct status_line {
    struct mm_aid aid;
    uint8_t state;
    uint8_t privileges[3];
    const struct mm_reg_entry *entry; /* NULL: the issuer security domain */
};

/* One line in the old format: LV AID, state, privileges, modules (GPCS table 11-36). */
static void put_line_plain(struct mm_card *card, const struct status_line *line, uint8_t p1,
                           struct mm_buf *out)
{
    mm_buf_u8(out, line->aid.len);
    mm_buf_bytes(out, line->aid.bytes, line->aid.len);
    mm_buf_u8(out, line->state);
    mm_buf_u8(out, line->privileges[0]);
    if (p1 == STATUS_MODULES)
        put_modules(card, line->entry->comp, false, out);
}

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

/* One line as E3 template (GPCS table 11-37); the AID is always there. */
static void put_line_tlv(struct mm_card *card, const struct status_line *line, uint8_t p1,
                         const struct status_query *query, struct mm_buf *out)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    const struct mm_reg_entry *e = line->entry;
    struct mm_buf body;

    mm_buf_init(&body);
    put_tlv(&body, 0x4f, line->aid.bytes, line->aid.len);
    if (wanted(query, 0x9f70))
        put_tlv(&body, 0x9f70, &line->state, 1);
    if ((e == NULL || e->kind == MM_COMP_APPLET) && wanted(query, 0xc5))
        put_tlv(&body, 0xc5, line->privileges, 3);
    if (e != NULL && e->kind == MM_COMP_APPLET && wanted(query, 0xc4)) {
        const struct mm_reg_entry *package = mm_reg_comp(&card->registry, e->package);
        if (package != NULL)
            put_tlv(&body, 0xc4, package->aid.bytes, package->aid.len);
    }
    if (e != NULL && e->kind == MM_COMP_PACKAGE) {
        const uint8_t version[] = {e->major, e->minor};
        if (wanted(query, 0xce))
            put_tlv(&body, 0xce, version, sizeof(version));
        if (p1 == STATUS_MODULES && wanted(query, 0x84))
            put_modules(card, e->comp, true, &body);
    }
    if (wanted(query, 0xcc))
        put_tlv(&body, 0xcc, isd.bytes, isd.len);
    mm_buf_u8(out, 0xe3);
    put_len(out, body.len);
    mm_buf_bytes(out, body.data, body.len);
    mm_buf_clear(&body);
}

/* The line number index of the list p1 asks for: 1 it is there, 0 not in this list, -1 past it. */
static int status_line(struct mm_card *card, uint8_t p1, size_t index, struct status_line *line)
{
    const struct mm_registry *reg = &card->registry;

    memset(line, 0, sizeof(*line));
    if (p1 == STATUS_ISD) {
        line->aid = mm_aid_of(MM_AID_ISD);
        line->state = mm_card_state(card);
        line->privileges[0] = 0x9e; /* security domain, card lock, terminate, default, CVM */
        if (mm_select_default_holder(card) != NULL)
            line->privileges[0] &= (uint8_t)~MM_PRIVILEGE_DEFAULT_SELECTED;
        return index == 0 ? 1 : -1;
    }
    if (index >= reg->n)
        return -1;
    line->entry = &reg->entries[index];
    line->aid = line->entry->aid;
    line->state = mm_reg_state(reg, line->entry);
    memcpy(line->privileges, line->entry->privileges, 3);
    return (line->entry->kind == MM_COMP_APPLET) == (p1 == STATUS_APPLETS);
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
    size_t index = 0;
    struct status_line line;
    int got;

    if ((apdu->p2 & ~0x03) != 0 || (apdu->p1 != STATUS_ISD && apdu->p1 != STATUS_APPLETS &&
                                    apdu->p1 != STATUS_FILES && apdu->p1 != STATUS_MODULES))
        return MM_SW_6A86_INCORRECT_P1P2;
    if (!read_query(apdu, &query))
        return MM_SW_6A80_WRONG_DATA;
    if (apdu->p2 & 0x01) { /* next occurrence: only of the list that is being read */
        if (card->channel->status_next == 0 || card->channel->status_p1 != apdu->p1)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        index = card->channel->status_next;
    }
    card->channel->status_next = 0;
    while ((got = status_line(card, apdu->p1, index, &line)) >= 0) {
        size_t before = card->out.len;
        if (got == 1 && mm_aid_starts(&line.aid, query.prefix, query.prefix_len)) {
            if (apdu->p2 & 0x02)
                put_line_tlv(card, &line, apdu->p1, &query, &card->out);
            else
                put_line_plain(card, &line, apdu->p1, &card->out);
            if (before > 0 && card->out.len > STATUS_ROOM) {
                card->out.len = before;
                card->channel->status_next = index;
                card->channel->status_p1 = apdu->p1;
                return MM_SW_6310_MORE_DATA;
            }
        }
        index++;
    }
    return card->out.len > 0 ? MM_SW_9000_NO_ERROR : MM_SW_6A88_DATA_NOT_FOUND;
}
