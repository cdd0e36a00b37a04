/*
 * The registry's contactless extension (org.globalplatform.contactless; GPCS 2.3.1, Amendment C): where it
 * is kept, information about applications and about the card. State, groups and order are in the files
 * beside this one.
 *
 * State, group and order are fields of the registry entry. The rest is one record of the application's
 * component: number (2), length (1), value, one behind the other. Below 100 are the constants INFO_...;
 * the lists are AIDs with their lengths. One record of the card: update counter (2), what is on (1).
 */
#include "applet_vm/card/contactless.h"

#include <string.h>

enum {
    INFO_FIRST = 4, /* INFO_URI */
    INFO_FAMILY = 11,
    INFO_COUNTER = 14,
    INFO_PRIORITY = 18,
    INFO_HEAD = 19,
    INFO_PRIVACY = 21, /* INFO_PRIVACY_SENSITIVE_INDICATOR */
    INFO_LAST = INFO_PRIVACY
};

#define CARD_INFO_COUNTER 7
#define CARD_INFO_LAST    11
#define CARD_RECORD_LEN   3

const struct mm_reg_entry *mm_cl_entry(const struct mm_card *card, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, comp);

    return e != NULL && e->kind != MM_COMP_PACKAGE ? e : NULL;
}

bool mm_cl_manages(const struct mm_card *card, mm_comp owner)
{
    return mm_domain_may(card, owner, MM_PRIV_CONTACTLESS_ACTIVATION);
}

static bool cl_manages(void *ctx, mm_comp owner)
{
    return mm_cl_manages(ctx, owner);
}

/* ---- The record ---- */
static bool next_value(struct mm_rd *rd, uint16_t *id, const uint8_t **value, size_t *len)
{
    if (mm_rd_left(rd) == 0)
        return false;
    *id = mm_rd_u16(rd);
    *len = mm_rd_u8(rd);
    *value = mm_rd_bytes(rd, *len);
    return !rd->bad;
}

const uint8_t *mm_cl_value(const struct mm_card *card, mm_comp comp, uint16_t id, size_t *len)
{
    size_t all = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_CONTACTLESS(comp), &all), *value;
    struct mm_rd rd;
    uint16_t found;

    mm_rd_init(&rd, record, all);
    while (next_value(&rd, &found, &value, len)) {
        if (found == id)
            return value;
    }
    *len = 0;
    return NULL;
}

static void put_value(struct mm_buf *out, uint16_t id, const uint8_t *value, size_t len)
{
    mm_buf_u16(out, id);
    mm_buf_u8(out, (uint8_t)len);
    mm_buf_bytes(out, value, len);
}

/* Replace the record by what fresh holds; nothing: it goes. */
static enum mm_status write_record(struct mm_card *card, mm_comp comp, const struct mm_buf *fresh)
{
    mm_key key = MM_KEY_CONTACTLESS(comp);
    enum mm_status st = fresh->bad ? MM_NO_MEMORY : MM_OK;

    if (st == MM_OK && mm_rec_data(card->nvm, key, NULL) != NULL)
        st = mm_rec_delete(card->nvm, key);
    if (st == MM_OK && fresh->len > 0)
        st = mm_rec_new(card->nvm, key, comp, fresh->len);
    return st == MM_OK && fresh->len > 0 ? mm_rec_write(card->nvm, key, 0, fresh->data, fresh->len)
                                         : st;
}

/* Set a value, len 0 deletes it; the entry's update counter moves on with it. */
static enum mm_status set_value(struct mm_card *card, mm_comp comp, uint16_t id,
                                const uint8_t *value, size_t len)
{
    size_t all = 0, n = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_CONTACTLESS(comp), &all), *old;
    uint8_t counter[2] = {0, 1};
    struct mm_buf fresh;
    struct mm_rd rd;
    uint16_t found;
    enum mm_status st;

    mm_buf_init(&fresh);
    mm_rd_init(&rd, record, all);
    while (next_value(&rd, &found, &old, &n)) {
        if (found == INFO_COUNTER && n == 2)
            mm_put_be16(counter, (uint16_t)(mm_be16(old) + 1));
        else if (found != id)
            put_value(&fresh, found, old, n);
    }
    put_value(&fresh, INFO_COUNTER, counter, sizeof(counter));
    if (len > 0)
        put_value(&fresh, id, value, len);
    st = write_record(card, comp, &fresh);
    mm_buf_clear(&fresh);
    return st;
}

/* ---- The card's record ---- */
static void read_card(const struct mm_card *card, uint8_t record[CARD_RECORD_LEN])
{
    size_t len = 0;
    const uint8_t *stored = mm_rec_data(card->nvm, MM_KEY_CONTACTLESS_CARD, &len);

    memset(record, 0, CARD_RECORD_LEN);
    record[2] = 1; /* the interface is on, and both types, until somebody switches it off */
    if (stored != NULL && len == CARD_RECORD_LEN)
        memcpy(record, stored, CARD_RECORD_LEN);
}

static enum mm_status write_card(struct mm_card *card, const uint8_t record[CARD_RECORD_LEN])
{
    enum mm_status st = MM_OK;

    if (mm_rec_data(card->nvm, MM_KEY_CONTACTLESS_CARD, NULL) == NULL)
        st = mm_rec_new(card->nvm, MM_KEY_CONTACTLESS_CARD, 0, CARD_RECORD_LEN);
    return st == MM_OK
               ? mm_rec_write(card->nvm, MM_KEY_CONTACTLESS_CARD, 0, record, CARD_RECORD_LEN)
               : st;
}

/* Something of an entry changed. */
static enum mm_status count_change(struct mm_card *card)
{
    uint8_t record[CARD_RECORD_LEN];

    read_card(card, record);
    mm_put_be16(record, (uint16_t)(mm_be16(record) + 1));
    return write_card(card, record);
}

bool mm_cl_begin(struct mm_card *card)
{
    return !mm_tx_active(card->nvm) && mm_tx_begin(card->nvm) == MM_OK;
}

uint16_t mm_cl_end(struct mm_card *card, bool own, enum mm_status st)
{
    if (st == MM_OK)
        st = count_change(card);
    if (st == MM_OK && own)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    if (own) {
        mm_vm_tx_abort(card->vm);
        mm_reg_load(&card->registry);
    }
    return mm_card_failure("contactless registry", st);
}

uint16_t mm_cl_keep(struct mm_card *card, mm_comp comp, uint16_t info, const uint8_t *value,
                    size_t len)
{
    bool own = mm_cl_begin(card);

    return mm_cl_end(card, own, set_value(card, comp, info, value, len));
}

uint16_t mm_cl_update(struct mm_card *card, const struct mm_reg_entry *changed)
{
    bool own = mm_cl_begin(card);

    return mm_cl_end(card, own, mm_reg_update(&card->registry, changed));
}

static uint16_t cl_card_info(void *ctx, uint16_t id, uint8_t *data, size_t *len)
{
    uint8_t record[CARD_RECORD_LEN];

    if (id == 0 || id > CARD_INFO_LAST)
        return MM_SW_6A80_WRONG_DATA;
    if (id != CARD_INFO_COUNTER || *len < 2) /* protocol parameters are the reader's here */
        return MM_SW_6A88_DATA_NOT_FOUND;
    read_card(ctx, record);
    memcpy(data, record, 2);
    *len = 2;
    return MM_SW_9000_NO_ERROR;
}

/* ---- The interface and its protocol types ---- */
#define INTERFACE_ON 0x01 /* bits of the card's record */
#define TYPE_A_OFF   0x02
#define TYPE_B_OFF   0x04

/* GPCLSystem.GPCL_PROXIMITY_IO_INTERFACE and ..._PROTOCOL_TYPE_A, B, F, which no chip speaks. */
enum { INTERFACE = 0x01, TYPE_A = 0x41, TYPE_B = 0x42, TYPE_F = 0x44 };

static bool interface_known(uint16_t id)
{
    return id == INTERFACE || id == TYPE_A || id == TYPE_B || id == TYPE_F;
}

/* Of the chip's own type: is it on? False on a chip that is not contactless. */
static bool type_on(const struct mm_card *card, uint16_t id, uint8_t bits)
{
    if (id == TYPE_A)
        return card->cfg.protocol == MM_PROTOCOL_TYPE_A && !(bits & TYPE_A_OFF);
    return id == TYPE_B && card->cfg.protocol == MM_PROTOCOL_TYPE_B && !(bits & TYPE_B_OFF);
}

bool mm_cl_reachable(const struct mm_card *card)
{
    uint8_t record[CARD_RECORD_LEN];

    read_card(card, record);
    return (record[2] & INTERFACE_ON) &&
           (type_on(card, TYPE_A, record[2]) || type_on(card, TYPE_B, record[2]));
}

static uint16_t cl_interface(void *ctx, uint16_t id, bool *on)
{
    const struct mm_card *card = ctx;
    uint8_t record[CARD_RECORD_LEN];

    *on = false;
    if (!interface_known(id))
        return MM_SW_6A80_WRONG_DATA;
    read_card(card, record);
    *on = id != INTERFACE ? type_on(card, id, record[2])
                          : (record[2] & INTERFACE_ON) && mm_cl_is_contactless(card);
    return MM_SW_9000_NO_ERROR;
}

static uint16_t cl_interface_set(void *ctx, mm_comp owner, uint16_t id, bool on)
{
    struct mm_card *card = ctx;
    uint8_t record[CARD_RECORD_LEN];
    enum mm_status st;

    if (!interface_known(id))
        return MM_SW_6A80_WRONG_DATA;
    if (!mm_cl_manages(card, owner) || id == TYPE_F)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    read_card(card, record);
    if (id == INTERFACE)
        record[2] = (uint8_t)((record[2] & ~INTERFACE_ON) | (on ? INTERFACE_ON : 0));
    else if (id == TYPE_A)
        record[2] = (uint8_t)((record[2] & ~TYPE_A_OFF) | (on ? 0 : TYPE_A_OFF));
    else
        record[2] = (uint8_t)((record[2] & ~TYPE_B_OFF) | (on ? 0 : TYPE_B_OFF));
    st = write_card(card, record);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("contactless interface", st);
}

/* ---- Information ---- */
static bool known(uint16_t id)
{
    return id >= INFO_FIRST && id <= INFO_LAST;
}

static uint16_t cl_info_get(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, uint8_t *data,
                            size_t *len)
{
    static const uint8_t never[2];
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry), *head;
    size_t room = *len, n = 0;
    const uint8_t *value;

    *len = 0;
    if (e == NULL || !(owner == entry || mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY) ||
                       mm_cl_manages(card, owner) || mm_cl_sees(card, owner, e)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!known(id))
        return MM_SW_6A80_WRONG_DATA;
    value = mm_cl_value(card, entry, id, &n);
    head = e->head != 0 ? mm_cl_entry(card, e->head) : NULL;
    if (id == INFO_HEAD && head != NULL) {
        value = head->aid.bytes;
        n = head->aid.len;
    } else if (id == INFO_COUNTER && value == NULL) {
        value = never;
        n = sizeof(never);
    }
    if (value == NULL || n > room)
        return MM_SW_6A83_RECORD_NOT_FOUND;
    memcpy(data, value, n);
    *len = n;
    return MM_SW_9000_NO_ERROR;
}

static uint16_t cl_info_set(void *ctx, mm_comp owner, mm_comp entry, uint16_t id,
                            const uint8_t *data, size_t len)
{
    struct mm_card *card = ctx;

    if (mm_cl_entry(card, entry) == NULL || owner != entry)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!known(id))
        return MM_SW_6A80_WRONG_DATA;
    if (id == INFO_COUNTER || id == INFO_PRIORITY || id == INFO_HEAD || id == INFO_PRIVACY)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED; /* to be read only */
    if (len > 0xff)
        return MM_SW_6A84_FILE_FULL;
    return mm_cl_keep(card, entry, id, data, len);
}

static bool cl_family(void *ctx, mm_comp entry, uint16_t family)
{
    size_t len = 0;
    const uint8_t *value = mm_cl_value(ctx, entry, INFO_FAMILY, &len);

    if (family == 0) /* AFI_ANY */
        return true;
    return value != NULL &&
           ((len == 1 && value[0] == family) || (len == 2 && mm_be16(value) == family));
}

static bool cl_applet(void *ctx, mm_comp entry, mm_ref *applet)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);

    if (e == NULL || e->kind != MM_COMP_APPLET || !mm_select_usable(card, e) ||
        (mm_reg_state(&card->registry, e) & MM_STATE_LOCKED_BIT))
        return false;
    *applet = e->applet;
    return true;
}

const struct mm_cl_services mm_cl_services = {.state_set = mm_cl_state_set,
                                              .info_set = cl_info_set,
                                              .info_get = cl_info_get,
                                              .family = cl_family,
                                              .manages = cl_manages,
                                              .list_edit = mm_cl_list_edit,
                                              .join = mm_cl_join,
                                              .group = mm_cl_group,
                                              .next = mm_cl_next,
                                              .applet = cl_applet,
                                              .order = mm_cl_order,
                                              .volatile_priority = mm_cl_volatile,
                                              .card_info = cl_card_info,
                                              .interface_set = cl_interface_set,
                                              .interface_on = cl_interface};
