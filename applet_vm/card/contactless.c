/*
 * The registry's contactless extension (org.globalplatform.contactless; GPCS 2.3.1, Amendment C): the state
 * of an application on a contactless interface, its information, groups, lists of those who are told of
 * changes (CREL), and the order of partial selection.
 *
 * State, group and order are fields of the registry entry. The rest is one record of the application's
 * component: number (2), length (1), value, one behind the other. Below 100 are the constants INFO_...;
 * the lists are AIDs with their lengths. One record of the card: update counter (2), interface (1).
 */
#include "applet_vm/card/contactless.h"

#include <string.h>

enum {
    INFO_FIRST = 4, /* INFO_URI */
    INFO_PROTOCOL_A = 7,
    INFO_PROTOCOL_F = 9,
    INFO_FAMILY = 11,
    INFO_COUNTER = 14,
    INFO_PRIORITY = 18,
    INFO_HEAD = 19,
    INFO_LAST = 21 /* INFO_PRIVACY_SENSITIVE_INDICATOR */
};
static const uint16_t list_ids[] = {[MM_CL_GROUP] = 0x100, [MM_CL_CREL] = 0x101};

enum { DEACTIVATED = 0x00, ACTIVATED = 0x01, NON_ACTIVATABLE = 0x80 };

#define CARD_INFO_COUNTER 7
#define CARD_RECORD_LEN   3
#define CREL_APPLICATION  "org/globalplatform/contactless/CRELApplication"

static const struct mm_reg_entry *entry_of(const struct mm_card *card, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, comp);

    return e != NULL && e->kind != MM_COMP_PACKAGE ? e : NULL;
}

bool mm_cl_manages(const struct mm_card *card, mm_comp owner)
{
    return mm_domain_may(card, owner, MM_PRIV_CONTACTLESS_ACTIVATION);
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

/* NULL: there is none. */
static const uint8_t *get_value(const struct mm_card *card, mm_comp comp, uint16_t id, size_t *len)
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
    record[2] = 1; /* the interface is on until somebody switches it off */
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

/* The same of the entry itself. */
static uint16_t update(struct mm_card *card, const struct mm_reg_entry *changed)
{
    bool own = mm_cl_begin(card);

    return mm_cl_end(card, own, mm_reg_update(&card->registry, changed));
}

static uint16_t cl_card_info(void *ctx, uint16_t id, uint8_t *data, size_t *len)
{
    uint8_t record[CARD_RECORD_LEN];

    if (id == 0 || id > 8)
        return MM_SW_6A80_WRONG_DATA;
    if (id != CARD_INFO_COUNTER || *len < 2) /* protocol parameters are the reader's here */
        return MM_SW_6A83_RECORD_NOT_FOUND;
    read_card(ctx, record);
    memcpy(data, record, 2);
    *len = 2;
    return MM_SW_9000_NO_ERROR;
}

static bool cl_interface(void *ctx)
{
    const struct mm_card *card = ctx;
    uint8_t record[CARD_RECORD_LEN];

    read_card(card, record);
    return record[2] != 0 &&
           (card->cfg.protocol == MM_PROTOCOL_TYPE_A || card->cfg.protocol == MM_PROTOCOL_TYPE_B);
}

static uint16_t cl_interface_set(void *ctx, mm_comp owner, uint16_t id, bool on)
{
    struct mm_card *card = ctx;
    uint8_t record[CARD_RECORD_LEN];
    enum mm_status st;

    if (id != 1) /* GPCL_INTERFACE_ISO14443 */
        return MM_SW_6A80_WRONG_DATA;
    if (!mm_cl_manages(card, owner))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    read_card(card, record);
    record[2] = on;
    st = write_card(card, record);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("contactless interface", st);
}

/* ---- Lists of AIDs ---- */
static bool list_has(const struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                     const struct mm_aid *aid)
{
    struct mm_rd rd;
    size_t len = 0;
    const uint8_t *value = get_value(card, comp, list_ids[list], &len);

    mm_rd_init(&rd, value, len);
    while (mm_rd_left(&rd) > 0) {
        size_t n = mm_rd_u8(&rd);
        const uint8_t *bytes = mm_rd_bytes(&rd, n);
        if (!rd.bad && n == aid->len && memcmp(bytes, aid->bytes, n) == 0)
            return true;
    }
    return false;
}

static bool is_head(const struct mm_card *card, mm_comp comp)
{
    size_t len = 0;

    return get_value(card, comp, list_ids[MM_CL_GROUP], &len) != NULL;
}

/* The list with the AID at its end, or without it. */
static uint16_t edit_list(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                          const struct mm_aid *aid, bool add)
{
    uint8_t fresh[255];
    size_t len = 0, n = 0;
    const uint8_t *value = get_value(card, comp, list_ids[list], &len);
    struct mm_rd rd;

    mm_rd_init(&rd, value, len);
    while (mm_rd_left(&rd) > 0) {
        const uint8_t *lv = value + rd.off;
        size_t aid_len = mm_rd_u8(&rd);
        const uint8_t *bytes = mm_rd_bytes(&rd, aid_len);
        if (rd.bad || (aid_len == aid->len && memcmp(bytes, aid->bytes, aid_len) == 0))
            continue;
        memcpy(fresh + n, lv, aid_len + 1);
        n += aid_len + 1;
    }
    if (add) {
        if (n + aid->len + 1 > sizeof(fresh))
            return MM_SW_6A84_FILE_FULL;
        fresh[n++] = aid->len;
        memcpy(fresh + n, aid->bytes, aid->len);
        n += aid->len;
    }
    return mm_cl_keep(card, comp, list_ids[list], fresh, n);
}

/* Who left the authorisation list is no member any more. */
static uint16_t expel(struct mm_card *card, mm_comp head, const struct mm_aid *aid)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid);
    struct mm_reg_entry changed;

    if (e == NULL || e->head != head)
        return MM_SW_9000_NO_ERROR;
    changed = *e;
    changed.head = 0;
    return update(card, &changed);
}

uint16_t mm_cl_list_change(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                           const struct mm_aid *aid, bool add)
{
    uint16_t sw = edit_list(card, comp, list, aid, add);

    return sw == MM_SW_9000_NO_ERROR && list == MM_CL_GROUP && !add ? expel(card, comp, aid) : sw;
}

static uint16_t cl_list_edit(void *ctx, mm_comp owner, mm_comp entry, enum mm_cl_list list,
                             const struct mm_aid *aid, bool add)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, entry);

    if (e == NULL || owner != entry || (list == MM_CL_GROUP && add && e->head != 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_cl_list_change(card, entry, list, aid, add);
}

/* ---- Groups ---- */

/* The head that authorised an application of that AID. 0: it did not, or is none. */
static mm_comp head_for(const struct mm_card *card, const struct mm_aid *head,
                        const struct mm_aid *member)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, head);

    return e != NULL && e->kind != MM_COMP_PACKAGE && e->head == 0 &&
                   list_has(card, e->comp, MM_CL_GROUP, member)
               ? e->comp
               : 0;
}

uint16_t mm_cl_join_group(struct mm_card *card, mm_comp comp, const struct mm_aid *head)
{
    struct mm_reg_entry changed = *mm_reg_comp(&card->registry, comp);

    if (is_head(card, comp) || (head != NULL && changed.head != 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    changed.head = head == NULL ? 0 : head_for(card, head, &changed.aid);
    if (head != NULL && changed.head == 0)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return update(card, &changed);
}

static uint16_t cl_join(void *ctx, mm_comp owner, mm_comp entry, const struct mm_aid *head)
{
    return entry_of(ctx, entry) != NULL && owner == entry ? mm_cl_join_group(ctx, entry, head)
                                                          : MM_SW_6985_CONDITIONS_NOT_SATISFIED;
}

static uint16_t cl_group(void *ctx, mm_comp owner, mm_comp entry, bool *head, bool *member)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, entry);

    if (e == NULL || !mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    *head = is_head(card, entry);
    *member = e->head != 0;
    return MM_SW_9000_NO_ERROR;
}

enum mm_status mm_cl_forget(struct mm_card *card, mm_comp head)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < card->registry.n && st == MM_OK; i++) {
        struct mm_reg_entry e = card->registry.entries[i];
        if (e.head != head || head == 0)
            continue;
        e.head = 0;
        st = mm_reg_update(&card->registry, &e); /* which keeps the order of entries */
    }
    if (card->volatile_priority == head)
        card->volatile_priority = 0;
    return st;
}

/* ---- State ---- */

/* Both are for an interface with protocol parameters of the same type that are not the same. */
static bool conflicts(const struct mm_card *card, mm_comp a, mm_comp b)
{
    for (uint16_t id = INFO_PROTOCOL_A; id <= INFO_PROTOCOL_F; id++) {
        size_t a_len = 0, b_len = 0;
        const uint8_t *of_a = get_value(card, a, id, &a_len),
                      *of_b = get_value(card, b, id, &b_len);
        if (of_a != NULL && of_b != NULL && (a_len != b_len || memcmp(of_a, of_b, a_len) != 0))
            return true;
    }
    return false;
}

static bool in_conflict(const struct mm_card *card, const struct mm_reg_entry *e, mm_comp entry)
{
    return e->kind != MM_COMP_PACKAGE && e->comp != entry && e->contactless == ACTIVATED &&
           conflicts(card, e->comp, entry);
}

/* GPCLRegistryEntry.setCLState: who may. */
static bool may_change(const struct mm_card *card, mm_comp owner, const struct mm_reg_entry *e,
                       uint8_t state)
{
    const struct mm_reg_entry *actor = entry_of(card, owner);
    bool own = owner == e->comp;

    if (state == NON_ACTIVATABLE || e->contactless == NON_ACTIVATABLE)
        return own;
    if (state == ACTIVATED)
        return mm_cl_manages(card, owner) ||
               (own && mm_domain_may(card, owner, MM_PRIV_CONTACTLESS_SELF_ACTIVATION));
    return own || mm_cl_manages(card, owner) ||
           (actor != NULL && list_has(card, e->comp, MM_CL_CREL, &actor->aid));
}

/* Members follow their head unless they said that they cannot. */
static enum mm_status lead(struct mm_card *card, mm_comp head, uint8_t state)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < card->registry.n && st == MM_OK; i++) {
        struct mm_reg_entry e = card->registry.entries[i];
        if (e.head != head || e.contactless == NON_ACTIVATABLE || e.contactless == state)
            continue;
        e.contactless = state;
        st = mm_reg_update(&card->registry, &e);
    }
    return st;
}

static uint16_t cl_state_set(void *ctx, mm_comp owner, mm_comp entry, uint8_t *state)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, entry), *head;
    struct mm_reg_entry changed;
    enum mm_status st;
    bool own;

    if (e == NULL || (*state != DEACTIVATED && *state != ACTIVATED && *state != NON_ACTIVATABLE))
        return MM_SW_6A80_WRONG_DATA;
    if (!may_change(card, owner, e, *state))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    head = e->head != 0 ? entry_of(card, e->head) : NULL;
    if (e->contactless == NON_ACTIVATABLE && *state != NON_ACTIVATABLE && head != NULL)
        *state = head->contactless == ACTIVATED ? ACTIVATED : DEACTIVATED;
    else if (e->contactless == NON_ACTIVATABLE && *state == ACTIVATED)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    for (size_t i = 0; i < card->registry.n && *state == ACTIVATED; i++) {
        if (in_conflict(card, &card->registry.entries[i], entry))
            return MM_SW_6A80_WRONG_DATA;
    }
    changed = *e;
    changed.contactless = *state;
    own = mm_cl_begin(card);
    st = mm_reg_update(&card->registry, &changed);
    if (st == MM_OK && *state != NON_ACTIVATABLE && is_head(card, entry))
        st = lead(card, entry, *state);
    return mm_cl_end(card, own, st);
}

/* ---- Information ---- */
static bool known(uint16_t id)
{
    return id >= INFO_FIRST && id <= INFO_LAST;
}

bool mm_cl_sees(const struct mm_card *card, mm_comp owner, const struct mm_reg_entry *e)
{
    const struct mm_reg_entry *actor = entry_of(card, owner);

    return actor != NULL && list_has(card, e->comp, MM_CL_CREL, &actor->aid);
}

static uint16_t cl_info_get(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, uint8_t *data,
                            size_t *len)
{
    static const uint8_t never[2];
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, entry), *head;
    size_t room = *len, n = 0;
    const uint8_t *value;

    *len = 0;
    if (e == NULL || !(owner == entry || mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY) ||
                       mm_cl_manages(card, owner) || mm_cl_sees(card, owner, e)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!known(id))
        return MM_SW_6A80_WRONG_DATA;
    value = get_value(card, entry, id, &n);
    head = e->head != 0 ? entry_of(card, e->head) : NULL;
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

    if (entry_of(card, entry) == NULL || owner != entry)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!known(id) || id == INFO_COUNTER || id == INFO_PRIORITY || id == INFO_HEAD)
        return MM_SW_6A80_WRONG_DATA; /* those are the card's */
    if (len > 0xff)
        return MM_SW_6A84_FILE_FULL;
    return mm_cl_keep(card, entry, id, data, len);
}

static bool cl_family(void *ctx, mm_comp entry, uint16_t family)
{
    size_t len = 0;
    const uint8_t *value = get_value(ctx, entry, INFO_FAMILY, &len);

    if (family == 0) /* AFI_ANY */
        return true;
    return value != NULL &&
           ((len == 1 && value[0] == family) || (len == 2 && mm_be16(value) == family));
}

/* ---- Walks ---- */
static bool belongs(const struct mm_card *card, enum mm_cl_walk walk, const struct mm_reg_entry *e,
                    const struct mm_reg_entry *of)
{
    if (e->kind == MM_COMP_PACKAGE)
        return false;
    switch (walk) {
    case MM_CL_WALK_CREL:
        return list_has(card, of->comp, MM_CL_CREL, &e->aid);
    case MM_CL_WALK_MEMBERS:
    case MM_CL_WALK_FOLLOWERS:
        return e->head == of->comp;
    case MM_CL_WALK_CONFLICTS:
        return in_conflict(card, e, of->comp);
    case MM_CL_WALK_REFERENCING:
        return list_has(card, e->comp, MM_CL_CREL, &of->aid);
    case MM_CL_WALK_LISTENERS:
        return list_has(card, of->comp, MM_CL_CREL, &e->aid) ||
               mm_priv_has(e->privileges, MM_PRIV_CONTACTLESS_ACTIVATION);
    case MM_CL_WALK_CRS:
        return mm_priv_has(e->privileges, MM_PRIV_CONTACTLESS_ACTIVATION);
    }
    return false;
}

static bool may_walk(const struct mm_card *card, mm_comp owner, enum mm_cl_walk walk,
                     const struct mm_reg_entry *of)
{
    const struct mm_reg_entry *actor = entry_of(card, owner);

    if (walk == MM_CL_WALK_LISTENERS || walk == MM_CL_WALK_FOLLOWERS || walk == MM_CL_WALK_CRS)
        return true; /* the card itself */
    if (walk == MM_CL_WALK_REFERENCING)
        return actor != NULL && mm_vm_instance_of(card->vm, actor->applet, CREL_APPLICATION);
    return mm_cl_manages(card, owner) ||
           (walk == MM_CL_WALK_MEMBERS && mm_cl_sees(card, owner, of));
}

static uint16_t cl_next(void *ctx, mm_comp owner, enum mm_cl_walk walk, mm_comp of, mm_comp after,
                        mm_comp *next)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, of), *last = entry_of(card, after);

    *next = 0;
    if (e == NULL || !may_walk(card, owner, walk, e))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (after != 0 && (last == NULL || !belongs(card, walk, last, e)))
        return MM_SW_9000_NO_ERROR;                 /* not of the list: nothing follows it */
    for (size_t i = 0; i < card->registry.n; i++) { /* ascending component */
        const struct mm_reg_entry *candidate = &card->registry.entries[i];
        if (candidate->comp > after && belongs(card, walk, candidate, e)) {
            *next = candidate->comp;
            break;
        }
    }
    return MM_SW_9000_NO_ERROR;
}

static bool cl_applet(void *ctx, mm_comp entry, mm_ref *applet)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = entry_of(card, entry);

    if (e == NULL || e->kind != MM_COMP_APPLET || !mm_select_usable(card, e) ||
        (mm_reg_state(&card->registry, e) & MM_STATE_LOCKED_BIT))
        return false;
    *applet = e->applet;
    return true;
}

const struct mm_cl_services mm_cl_services = {.state_set = cl_state_set,
                                              .info_set = cl_info_set,
                                              .info_get = cl_info_get,
                                              .family = cl_family,
                                              .list_edit = cl_list_edit,
                                              .join = cl_join,
                                              .group = cl_group,
                                              .next = cl_next,
                                              .applet = cl_applet,
                                              .order = mm_cl_order,
                                              .volatile_priority = mm_cl_volatile,
                                              .card_info = cl_card_info,
                                              .interface_set = cl_interface_set,
                                              .interface_on = cl_interface};
