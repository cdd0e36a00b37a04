/*
 * STORE DATA (GPCS 2.3.1, 11.11) to a security domain: issuer number, card number, card data and the
 * issuer domain's AID, as BER-TLV or in DGI 0070. And personalisation (11.5.2.3.6): after INSTALL [for
 * personalization] each block goes to the application's processData(), with its header.
 *
 * What was stored is one record, the objects one behind the other. P1 of a block:
 *   80 last block   60 values of groups are encrypted   18 structure: 00, 10 BER-TLV, 08 DGI
 */
#include "applet_vm/card/card_int.h"

#include "applet_vm/base/ber.h"
#include "applet_vm/card/scp11_store.h"

#include <string.h>

#include <openssl/crypto.h>

#define LAST_BLOCK    0x80
#define ENCRYPTION    0x60
#define STRUCTURE     0x18
#define STRUCTURE_DGI 0x08
#define DGI_BER_TLV   0x0070
#define DATA_MAX      8192 /* all that is stored, and all blocks of one command chain */
#define CDATA_OFF     5
#define ARRAY_BYTE    11 /* newarray type */
#define ANSWER_MAX    256

/* ---- BER-TLV of one or two tag bytes ---- */
struct object {
    uint16_t tag;
    const uint8_t *whole, *value;
    size_t whole_len, value_len;
};

static bool take_object(struct mm_rd *rd, struct object *o)
{
    size_t start = rd->off, left = mm_rd_left(rd);
    struct mm_rd again = *rd;

    o->tag = mm_rd_u8(rd);
    if ((o->tag & 0x1f) == 0x1f)
        o->tag = (uint16_t)(o->tag << 8 | mm_rd_u8(rd));
    o->value_len = mm_ber_len(rd);
    o->value = mm_rd_bytes(rd, o->value_len);
    o->whole_len = rd->off - start;
    if (rd->bad || o->whole_len > left)
        return false;
    o->whole = mm_rd_bytes(&again, o->whole_len);
    return o->whole != NULL;
}

/* The name of the issuer's domain; others get theirs when they are installed. */
static uint16_t new_name(const struct mm_card *card, mm_comp domain, const struct object *o)
{
    struct mm_aid aid, now = mm_domain_aid(card, 0);

    if (domain != 0 || mm_aid_set(&aid, o->value, o->value_len) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    return mm_aid_equal(&aid, &now) || !mm_domain_aid_taken(card, &aid)
               ? MM_SW_9000_NO_ERROR
               : MM_SW_6985_CONDITIONS_NOT_SATISFIED;
}

/* Which objects the domain takes. The card number is the chip's identity to the platform, so a
 * payment chip keeps the one it was made with. */
static uint16_t acceptable(const struct mm_card *card, mm_comp domain, const struct object *o)
{
    switch (o->tag) {
    case 0x4f: /* the issuer domain's own AID */
        return new_name(card, domain, o);
    case 0x42: /* issuer identification number */
        return o->value_len >= 1 && o->value_len <= 8 ? MM_SW_9000_NO_ERROR : MM_SW_6A80_WRONG_DATA;
    case 0x45: /* card image number */
        if (card->profile == MM_PROFILE_PAYMENT && domain == 0)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        return o->value_len >= 1 && o->value_len <= 32 ? MM_SW_9000_NO_ERROR
                                                       : MM_SW_6A80_WRONG_DATA;
    case 0x66:   /* card data */
    case 0x67:   /* card capability information */
    case 0x5f50: /* uniform resource locator of the issuer */
        return o->value_len >= 1 && o->value_len <= 0xff ? MM_SW_9000_NO_ERROR
                                                         : MM_SW_6A80_WRONG_DATA;
    case 0x7f21: /* certificate of a controlling authority's domain (CASD) */
        return o->value_len >= 1 ? MM_SW_9000_NO_ERROR : MM_SW_6A80_WRONG_DATA;
    default:
        return MM_SW_6A80_WRONG_DATA;
    }
}

static mm_key data_key(mm_comp domain)
{
    return domain == 0 ? MM_KEY_ISD_DATA : MM_KEY_DOMAIN_DATA(domain);
}

const uint8_t *mm_isd_stored(const struct mm_card *card, mm_comp domain, size_t *len)
{
    *len = 0;
    return mm_rec_data(card->nvm, data_key(domain), len);
}

bool mm_isd_stored_object(const struct mm_card *card, mm_comp domain, uint16_t tag,
                          struct mm_buf *out)
{
    size_t len = 0;
    const uint8_t *data = mm_rec_data(card->nvm, data_key(domain), &len);
    struct mm_rd rd;
    struct object o;

    mm_rd_init(&rd, data, len);
    while (mm_rd_left(&rd) > 0 && take_object(&rd, &o)) {
        if (o.tag == tag && tag != MM_SCP11_OBJECT) {
            mm_buf_bytes(out, o.whole, o.whole_len);
            return true;
        }
    }
    return false;
}

/* Whose data the blocks are: those of the domain that INSTALL [for personalization] named, or of the
 * selected one. */
static mm_comp target_domain(const struct mm_card *card)
{
    mm_comp target = card->channel->storing.target;

    return target != 0 ? target : mm_domain_current(card);
}

/* What is kept of the old objects: those that no new one replaces. */
static void keep_others(const struct mm_card *card, const uint8_t *fresh, size_t fresh_len,
                        struct mm_buf *out)
{
    size_t len = 0;
    const uint8_t *old = mm_rec_data(card->nvm, data_key(target_domain(card)), &len);
    struct mm_rd rd, news;
    struct object o, n;

    mm_rd_init(&rd, old, len);
    while (mm_rd_left(&rd) > 0 && take_object(&rd, &o)) {
        bool replaced = false;
        mm_rd_init(&news, fresh, fresh_len);
        while (mm_rd_left(&news) > 0 && take_object(&news, &n))
            replaced |= n.tag == o.tag;
        if (!replaced)
            mm_buf_bytes(out, o.whole, o.whole_len);
    }
}

enum mm_status mm_isd_store_all(struct mm_card *card, mm_comp domain, const struct mm_buf *all)
{
    mm_key key = data_key(domain);
    bool nested = mm_tx_active(card->nvm);
    enum mm_status st = all->bad ? MM_NO_MEMORY : MM_OK;

    if (st == MM_OK && all->len > DATA_MAX)
        st = MM_TOO_LONG;
    if (st == MM_OK && !nested)
        st = mm_tx_begin(card->nvm);
    if (st != MM_OK)
        return st;
    if (mm_rec_data(card->nvm, key, NULL) != NULL)
        st = mm_rec_delete(card->nvm, key);
    if (st == MM_OK && all->len > 0)
        st = mm_rec_new(card->nvm, key, domain, all->len);
    if (st == MM_OK && all->len > 0)
        st = mm_rec_write(card->nvm, key, 0, all->data, all->len);
    if (st == MM_OK && !nested)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK && !nested)
        mm_vm_tx_abort(card->vm);
    return st;
}

/* Every object is looked at before the first is stored. */
static uint16_t store_objects(struct mm_card *card, const uint8_t *data, size_t len)
{
    struct mm_rd rd, before;
    struct object o, other;
    struct mm_buf all;
    uint16_t sw = len == 0 ? MM_SW_6A80_WRONG_DATA : MM_SW_9000_NO_ERROR;
    enum mm_status st;

    if (len > 0 && data[0] == MM_SCP11_OBJECT)
        return mm_scp11_store(card, target_domain(card), data, len);
    mm_rd_init(&rd, data, len);
    while (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&rd) > 0) {
        size_t start = rd.off;
        sw = take_object(&rd, &o) ? acceptable(card, target_domain(card), &o)
                                  : MM_SW_6A80_WRONG_DATA;
        mm_rd_init(&before, data, start);
        while (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&before) > 0 && take_object(&before, &other))
            sw = other.tag == o.tag ? MM_SW_6A80_WRONG_DATA : sw; /* which of them would count? */
    }
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    mm_buf_init(&all);
    keep_others(card, data, len, &all);
    mm_buf_bytes(&all, data, len);
    st = mm_isd_store_all(card, target_domain(card), &all);
    mm_buf_clear(&all);
    if (st == MM_TOO_LONG)
        return MM_SW_6A84_FILE_FULL;
    return st == MM_OK ? sw : mm_card_failure("store data", st);
}

/* Append a group's value; an encrypted one is under the DEK and padded 80 00.. (GPCS 11.11.2.1). */
static uint16_t put_value(const struct mm_card *card, const uint8_t *value, size_t len,
                          struct mm_buf *out)
{
    const struct mm_scp *scp = &card->channel->session.scp;
    size_t block = mm_scp_block(scp->protocol), start = out->len, plain = 0;

    mm_buf_bytes(out, value, len);
    if (!card->channel->storing.encrypted)
        return MM_SW_9000_NO_ERROR;
    if (len == 0 || len % block != 0 || out->bad ||
        mm_scp_data(scp, false, out->data + start, len, out->data + start) != MM_OK ||
        mm_scp_unpad(out->data + start, len, block, &plain) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    out->len = start + plain;
    return MM_SW_9000_NO_ERROR;
}

/* Data grouping: identifier 2, length 1 or FF and 2, value; only BER-TLV is known. */
static uint16_t store_groups(struct mm_card *card, const uint8_t *data, size_t len)
{
    struct mm_buf objects;
    struct mm_rd rd;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    mm_buf_init(&objects);
    mm_rd_init(&rd, data, len);
    while (sw == MM_SW_9000_NO_ERROR && mm_rd_left(&rd) > 0) {
        uint16_t id = mm_rd_u16(&rd);
        size_t n = mm_rd_u8(&rd);
        const uint8_t *value;

        if (n == 0xff)
            n = mm_rd_u16(&rd);
        value = mm_rd_bytes(&rd, n);
        sw = rd.bad || id != DGI_BER_TLV ? MM_SW_6A80_WRONG_DATA
                                         : put_value(card, value, n, &objects);
    }
    if (sw == MM_SW_9000_NO_ERROR)
        sw = objects.bad ? MM_SW_6A84_FILE_FULL : store_objects(card, objects.data, objects.len);
    mm_buf_clear(&objects);
    return sw;
}

/* ---- Blocks ---- */
void mm_isd_store_drop(struct mm_card *card)
{
    mm_buf_clear(&card->channel->storing.data);
    memset(&card->channel->storing, 0, sizeof(card->channel->storing));
    mm_buf_init(&card->channel->storing.data);
}

static uint16_t to_domain(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_storing *s = &card->channel->storing;

    bool encrypted = (apdu->p1 & ENCRYPTION) == ENCRYPTION;

    /* Encryption that only an application could understand (20) is nothing to the domain. */
    if ((apdu->p1 & ENCRYPTION) != 0 && (!encrypted || (apdu->p1 & STRUCTURE) != STRUCTURE_DGI))
        return MM_SW_6A86_INCORRECT_P1P2;
    if ((apdu->p1 & STRUCTURE) == STRUCTURE ||
        (s->next_block > 0 &&
         ((apdu->p1 & STRUCTURE) != s->structure || encrypted != s->encrypted)))
        return MM_SW_6A86_INCORRECT_P1P2;
    s->structure = apdu->p1 & STRUCTURE;
    s->encrypted = encrypted;
    mm_buf_bytes(&s->data, apdu->data, apdu->data_len);
    if (s->data.bad || s->data.len > DATA_MAX)
        return MM_SW_6A84_FILE_FULL;
    if (!(apdu->p1 & LAST_BLOCK))
        return MM_SW_9000_NO_ERROR;
    return s->structure == STRUCTURE_DGI ? store_groups(card, s->data.data, s->data.len)
                                         : store_objects(card, s->data.data, s->data.len);
}

/* ---- Personalisation ---- */
static const char application[] = "org/globalplatform/Application";
static const char personalization[] = "org/globalplatform/Personalization";

/* A domain, or an application that takes data (Application, or Personalization, which answers). */
static const struct mm_reg_entry *personalisable(const struct mm_card *card, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, comp);
    uint8_t state = e == NULL ? 0 : mm_reg_state(&card->registry, e);

    if (e == NULL || e->kind == MM_COMP_PACKAGE || (state & MM_STATE_LOCKED_BIT) ||
        !mm_domain_above(card, mm_domain_current(card), e))
        return NULL;
    if (e->kind == MM_COMP_DOMAIN)
        return mm_comp_damage(card->nvm, comp) == MM_DAMAGE_NONE ? e : NULL;
    if (!mm_select_usable(card, e) || (!mm_vm_instance_of(card->vm, e->applet, application) &&
                                       !mm_vm_instance_of(card->vm, e->applet, personalization)))
        return NULL;
    return e;
}

/* Data: 00, 00, application AID, 00, 00, 00 (GPCS table 11-53). */
uint16_t mm_isd_install_for_personalization(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid aid = {0};
    const struct mm_reg_entry *e;
    const uint8_t *bytes;
    uint32_t before, after;
    size_t len;
    struct mm_rd rd;

    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    before = mm_rd_u16(&rd);
    len = mm_rd_u8(&rd);
    bytes = mm_rd_bytes(&rd, len);
    after = mm_rd_u16(&rd);
    after |= mm_rd_u8(&rd);
    if (rd.bad || mm_rd_left(&rd) != 0 || before != 0 || after != 0 ||
        mm_aid_set(&aid, bytes, len) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    e = mm_reg_find(&card->registry, &aid);
    if (e == NULL || e->kind == MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (personalisable(card, e->comp) == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    card->channel->storing.target = e->comp;
    return MM_SW_9000_NO_ERROR;
}

/* The arrays that processData() gets: the command, and room for an answer. */
static bool have_arrays(struct mm_card *card, size_t command_len)
{
    if (card->personal_data == MM_REF_NULL)
        card->personal_data = mm_vm_new_global_array(card->vm, ARRAY_BYTE, (uint16_t)command_len);
    if (card->personal_answer == MM_REF_NULL)
        card->personal_answer = mm_vm_new_global_array(card->vm, ARRAY_BYTE, ANSWER_MAX);
    return card->personal_data != MM_REF_NULL && card->personal_answer != MM_REF_NULL;
}

/* Personalization.processData returns how much of the answer array it filled. */
static uint16_t call_personalization(struct mm_card *card, const struct mm_reg_entry *e, size_t len)
{
    uint16_t args[5] = {card->personal_data, 0, (uint16_t)len, card->personal_answer, 0}, n = 0;
    enum mm_run run = mm_vm_invoke_method(card->vm, e->applet, personalization, "processData",
                                          "([BSS[BS)S", args, 5, &n);
    const uint8_t *answer = NULL;

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(card->vm, card->personal_answer, 0, (int16_t)n, &answer);
    if (run != MM_RUN_OK)
        return mm_select_run_sw(card, run);
    mm_buf_bytes(&card->out, answer, n);
    return MM_SW_9000_NO_ERROR;
}

static uint16_t call_application(struct mm_card *card, const struct mm_reg_entry *e, size_t len)
{
    uint16_t args[3] = {card->personal_data, 0, (uint16_t)len};

    return mm_select_run_sw(card, mm_vm_invoke_method(card->vm, e->applet, application,
                                                      "processData", "([BSS)V", args, 3, NULL));
}

static uint16_t to_application(struct mm_card *card, const struct mm_reg_entry *e,
                               const struct mm_apdu *apdu)
{
    uint8_t command[CDATA_OFF + 255] = {apdu->cla, apdu->ins, apdu->p1, apdu->p2};
    size_t len = CDATA_OFF + apdu->data_len;
    uint16_t sw;

    if (len > sizeof(command))
        return MM_SW_6700_WRONG_LENGTH;
    if (!have_arrays(card, sizeof(command)))
        return MM_SW_6A84_FILE_FULL;
    command[4] = (uint8_t)apdu->data_len;
    if (apdu->data_len > 0)
        memcpy(command + CDATA_OFF, apdu->data, apdu->data_len);
    sw = mm_select_run_sw(
        card, mm_vm_array_write(card->vm, card->personal_data, 0, command, sizeof(command), false));
    if (sw == MM_SW_9000_NO_ERROR)
        sw = mm_vm_instance_of(card->vm, e->applet, personalization)
                 ? call_personalization(card, e, len)
                 : call_application(card, e, len);
    if (mm_tx_active(card->nvm)) /* left open (JCRE 3.0.5, 7.6.1) */
        mm_vm_tx_abort(card->vm);
    OPENSSL_cleanse(command, sizeof(command));
    return sw;
}

static uint16_t to_target(struct mm_card *card, const struct mm_apdu *apdu)
{
    const struct mm_reg_entry *e = personalisable(card, card->channel->storing.target);

    if (e == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return e->kind == MM_COMP_DOMAIN ? to_domain(card, apdu) : to_application(card, e, apdu);
}

uint16_t mm_isd_store_data(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_storing *s = &card->channel->storing;
    bool last = (apdu->p1 & LAST_BLOCK) != 0;
    uint16_t sw;

    if (apdu->p2 != s->next_block)
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else
        sw = s->target != 0 ? to_target(card, apdu) : to_domain(card, apdu);
    s->next_block++;
    if (last || sw != MM_SW_9000_NO_ERROR)
        mm_isd_store_drop(card);
    return sw;
}
