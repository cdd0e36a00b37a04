/* What a security domain tells: its FCI, and GET DATA (GPCS 2.3.1, 11.3). */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"
#include "applet_vm/card/scp11_store.h"

#include <string.h>

void mm_isd_fci(const struct mm_card *card, struct mm_buf *out)
{
    /* 6F { 84 AID, A5 { 9F65: longest command data } } (GPCS 11.9.3.1) */
    static const uint8_t proprietary[] = {0x9f, 0x65, 0x01, 0xff};
    struct mm_aid aid = mm_domain_aid(card, mm_domain_current(card));

    mm_buf_u8(out, 0x6f);
    mm_buf_u8(out, (uint8_t)(4u + aid.len + sizeof(proprietary)));
    mm_card_put_tlv(out, 0x84, aid.bytes, aid.len);
    mm_card_put_tlv(out, 0xa5, proprietary, sizeof(proprietary));
}

static void card_recognition(const struct mm_card *card, struct mm_buf *out)
{
    /* GPCS H.2: OIDs of card recognition data, card manager (2.3.1), identification scheme; secure
     * channels; card chip details (Java Card 3); ELF upgrade (Amendment H). */
    static const uint8_t before[] = {
        0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x01, 0x60, 0x0c, 0x06,
        0x0a, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x02, 0x02, 0x03, 0x01, /* 2.3.1 */
        0x63, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b, 0x03};
    static const uint8_t after[] = {0x66, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01,
                                    0x2a, 0x02, 0x6e, 0x01, 0x03, 0x89, 0x01, 0x01};
    struct mm_buf channels;
    size_t len;

    mm_buf_init(&channels);
    mm_isd_channel_oids(card, mm_domain_of_keys(card, mm_domain_current(card)), &channels);
    len = sizeof(before) + channels.len + sizeof(after);
    mm_buf_u8(out, 0x66); /* card data, in it card recognition data */
    mm_ber_put_len(out, len + (len > 0x7f ? 3 : 2));
    mm_buf_u8(out, 0x73);
    mm_ber_put_len(out, len);
    mm_buf_bytes(out, before, sizeof(before));
    mm_buf_bytes(out, channels.data, channels.len);
    mm_buf_bytes(out, after, sizeof(after));
    mm_buf_clear(&channels);
}

static void key_information(const struct mm_card *card, struct mm_buf *out)
{
    struct mm_buf body;

    mm_buf_init(&body);
    mm_isd_key_information(card, mm_domain_current(card), &body);
    mm_buf_u8(out, 0xe0);
    mm_ber_put_len(out, body.len);
    mm_buf_bytes(out, body.data, body.len);
    mm_buf_clear(&body);
}

/* C1: sequence counter of the default key version */
static uint16_t sequence_counter(const struct mm_card *card, struct mm_buf *out)
{
    struct mm_buf value;
    enum mm_status st;

    mm_buf_init(&value);
    st = mm_isd_sequence(card, mm_domain_of_keys(card, mm_domain_current(card)), &value);
    if (st == MM_OK)
        mm_card_put_tlv(out, 0xc1, value.data, value.len);
    mm_buf_clear(&value);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : MM_SW_6A88_DATA_NOT_FOUND;
}

/* Card production life cycle data: fixed fields are zero; the serial number is of the chip id. */
static void production_data(struct mm_card *card, struct mm_buf *out)
{
    uint8_t cplc[42] = {0};

    memcpy(cplc + 12, card->chip_id, 4); /* IC serial number */
    mm_card_put_tlv(out, 0x9f7f, cplc, sizeof(cplc));
}

/* Extended card resources (TS 102 226, 8.2.1.7): applications, free memory that stays and that does
 * not. What instances have reserved is not free. */
static void resources(struct mm_card *card, struct mm_buf *out)
{
    uint8_t value[2 + 2 + 2 * (2 + 4)] = {0x81, 2}, *at = value + 2;
    size_t applets = 0;

    for (size_t i = 0; i < card->registry.n; i++)
        applets += card->registry.entries[i].kind != MM_COMP_PACKAGE;
    mm_put_be16(at, (uint16_t)applets);
    at[2] = 0x82;
    at[3] = 4;
    mm_put_be32(at + 4, (uint32_t)mm_nvm_free(card->nvm));
    at[8] = 0x83;
    at[9] = 4;
    mm_put_be32(at + 10, (uint32_t)mm_vm_transient_free(card->vm, MM_CLEAR_ON_RESET));
    mm_card_put_tlv(out, 0xff21, value, sizeof(value));
}

/* Does the selected domain see the entry: its own, what is below, everything with Global Registry? */
bool mm_domain_sees(const struct mm_card *card, const struct mm_reg_entry *e)
{
    mm_comp domain = mm_domain_current(card);

    return e->comp == domain || mm_domain_above(card, domain, e) ||
           mm_domain_may(card, domain, MM_PRIV_GLOBAL_REGISTRY);
}

typedef void (*put_entry)(struct mm_card *card, const struct mm_reg_entry *e, struct mm_buf *out);

static void put_list(struct mm_card *card, uint16_t tag, bool packages, put_entry put,
                     struct mm_buf *out)
{
    struct mm_buf body;

    mm_buf_init(&body);
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if ((packages || e->kind != MM_COMP_PACKAGE) && mm_domain_sees(card, e))
            put(card, e, &body);
    }
    mm_buf_u16(out, tag);
    mm_ber_put_len(out, body.len);
    mm_buf_bytes(out, body.data, body.len);
    out->bad |= body.bad;
    mm_buf_clear(&body);
}

/* 61 { 4F AID }: an application template (ISO 7816-4, 12.2.2) */
static void put_application(struct mm_card *card, const struct mm_reg_entry *e, struct mm_buf *out)
{
    (void)card;
    mm_buf_u8(out, 0x61);
    mm_buf_u8(out, (uint8_t)(e->aid.len + 2));
    mm_card_put_tlv(out, 0x4f, e->aid.bytes, e->aid.len);
}

/* E3 { 4F AID, 82 bytes that stay, 83 bytes that do not }: what it takes */
static void put_memory(struct mm_card *card, const struct mm_reg_entry *e, struct mm_buf *out)
{
    struct mm_memory memory = mm_quota_used(card, e->comp);
    uint8_t sizes[12] = {0x82, 4, 0, 0, 0, 0, 0x83, 4};

    mm_put_be32(sizes + 2, memory.stable);
    mm_put_be32(sizes + 8, memory.transient);
    mm_buf_u8(out, 0xe3);
    mm_buf_u8(out, (uint8_t)(e->aid.len + 2u + sizeof(sizes)));
    mm_card_put_tlv(out, 0x4f, e->aid.bytes, e->aid.len);
    mm_buf_bytes(out, sizes, sizeof(sizes));
}

static void confirmations(struct mm_card *card, struct mm_buf *out)
{
    uint8_t counter[2];

    mm_put_be16(counter, mm_confirmation_counter(card));
    mm_card_put_tlv(out, 0xc2, counter, sizeof(counter));
}

static const uint8_t default_iin[] = {0x99, 0x99, 0x99}; /* ISO 7812: 9.. is for national use */

/* 42 or 45; those of the issuer's domain when none was stored. */
bool mm_isd_number(const struct mm_card *card, mm_comp domain, uint16_t tag, struct mm_buf *out)
{
    if (mm_isd_stored_object(card, domain, tag, out))
        return true;
    if (domain != 0)
        return false;
    if (tag == 0x42)
        mm_card_put_tlv(out, 0x42, default_iin, sizeof(default_iin));
    else
        mm_card_put_tlv(out, 0x45, card->chip_id, sizeof(card->chip_id));
    return true;
}

void mm_isd_numbers(const struct mm_card *card, struct mm_buf *out)
{
    (void)mm_isd_number(card, 0, 0x42, out); /* the issuer's domain has both */
    (void)mm_isd_number(card, 0, 0x45, out);
}

static void put_name(const struct mm_card *card, mm_comp domain, struct mm_buf *out)
{
    struct mm_aid aid = mm_domain_aid(card, domain);

    mm_card_put_tlv(out, 0x4f, aid.bytes, aid.len);
}

uint16_t mm_isd_get_data(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint16_t tag = (uint16_t)(apdu->p1 << 8 | apdu->p2);
    mm_comp domain = mm_domain_current(card);

    if (mm_isd_stored_object(card, domain, tag, &card->out))
        return MM_SW_9000_NO_ERROR;
    switch (tag) {
    case 0x0042:
    case 0x0045:
        if (!mm_isd_number(card, domain, tag, &card->out))
            return MM_SW_6A88_DATA_NOT_FOUND;
        break;
    case 0x004f: /* the domain's name; that of the issuer's may be a stored one, above */
        put_name(card, domain, &card->out);
        break;
    case 0x0066:
        card_recognition(card, &card->out);
        break;
    case 0x00c2:
        confirmations(card, &card->out);
        break;
    case 0x00e0:
        key_information(card, &card->out);
        break;
    case 0x2f00:
        put_list(card, tag, false, put_application, &card->out);
        break;
    case 0x9f7f:
        production_data(card, &card->out);
        break;
    case 0xdf20: /* ours: docs/protocol.md, memory */
        put_list(card, tag, true, put_memory, &card->out);
        break;
    case 0xff21:
        resources(card, &card->out);
        break;
    case 0x00c1:
        return sequence_counter(card, &card->out);
    case 0xbf21:
        return mm_scp11_get_certificates(card, domain, apdu, &card->out);
    case 0xff33:
    case 0xff34:
        return mm_scp11_get_authorities(card, domain, tag == 0xff34, &card->out);
    default:
        return MM_SW_6A88_DATA_NOT_FOUND;
    }
    return MM_SW_9000_NO_ERROR;
}
