/*
 * The registry: which packages, applets and security domains the card holds. One NVM record an entry:
 *
 *   0 format (3)  1 kind  2..3 component  4 life cycle  5..7 privileges  8..9 package component
 *   10 module index  11..12 root object  13 major  14 minor  15 AID length  16..31 AID
 *   32 module AID length  33..48 module AID  49 length of install parameters
 *   50..51 component of the associated domain  52 implicit selection  53 contactless state
 *   54..69 quota: limit and reservation of stable, then of volatile memory, 4 bytes each
 *   70..85 global services the application may offer, 2 bytes each  86 which of them it does
 *   87..88 place in the order of partial selection, signed  89..90 component of the group's head
 *   91.. parameters
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#define ENTRY_FORMAT  3
#define ENTRY_STATE   4
#define ENTRY_PARAMS  91
#define ENTRY_MAX_LEN (ENTRY_PARAMS + 255)

static bool read_aid(const uint8_t *lv, struct mm_aid *aid)
{
    return lv[0] <= MM_AID_MAX && mm_aid_set(aid, lv + 1, lv[0]) == MM_OK;
}

static bool read_entry(const uint8_t *d, size_t len, struct mm_reg_entry *e)
{
    if (d == NULL || len < ENTRY_PARAMS || d[0] != ENTRY_FORMAT ||
        len != (size_t)ENTRY_PARAMS + d[49])
        return false;
    if (d[1] != MM_COMP_PACKAGE && d[1] != MM_COMP_APPLET && d[1] != MM_COMP_DOMAIN)
        return false;
    e->kind = (enum mm_comp_kind)d[1];
    e->comp = mm_be16(d + 2);
    memcpy(e->privileges, d + 5, 3);
    e->package = mm_be16(d + 8);
    e->module = d[10];
    e->applet = mm_be16(d + 11);
    e->major = d[13];
    e->minor = d[14];
    e->params = d + ENTRY_PARAMS;
    e->params_len = d[49];
    e->domain = mm_be16(d + 50);
    e->implicit = d[52];
    e->contactless = d[53];
    e->quota.stable_max = mm_be32(d + 54);
    e->quota.stable_min = mm_be32(d + 58);
    e->quota.volatile_max = mm_be32(d + 62);
    e->quota.volatile_min = mm_be32(d + 66);
    for (size_t i = 0; i < MM_REG_SERVICES; i++)
        e->services[i] = mm_be16(d + 70 + 2 * i);
    e->services_on = d[86];
    e->order = (int16_t)mm_be16(d + 87);
    e->head = mm_be16(d + 89);
    if (!read_aid(d + 15, &e->aid))
        return false;
    return e->kind == MM_COMP_PACKAGE || read_aid(d + 32, &e->module_aid);
}

/* What may be selected, by order and then by component. */
static void sort_selectable(struct mm_registry *reg)
{
    reg->selectable_n = 0;
    for (size_t i = 0; i < reg->n; i++) {
        size_t at = reg->selectable_n;

        if (reg->entries[i].kind == MM_COMP_PACKAGE)
            continue;
        for (; at > 0 && reg->entries[reg->selectable[at - 1]].order > reg->entries[i].order; at--)
            reg->selectable[at] = reg->selectable[at - 1];
        reg->selectable[at] = (uint16_t)i;
        reg->selectable_n++;
    }
}

void mm_reg_load(struct mm_registry *reg)
{
    mm_key key = MM_KEY_REGISTRY_FIRST - 1;

    reg->n = 0;
    while ((key = mm_rec_next(reg->nvm, key, MM_KEY_REGISTRY_LAST)) != 0 && reg->n < MM_REG_MAX) {
        struct mm_reg_entry e = {.key = key};
        size_t len = 0, at;
        const uint8_t *data = mm_rec_data(reg->nvm, key, &len);

        if (!read_entry(data, len, &e))
            continue;
        for (at = reg->n; at > 0 && reg->entries[at - 1].comp > e.comp; at--)
            reg->entries[at] = reg->entries[at - 1];
        reg->entries[at] = e;
        reg->n++;
    }
    sort_selectable(reg);
}

const struct mm_reg_entry *mm_reg_find(const struct mm_registry *reg, const struct mm_aid *aid)
{
    for (size_t i = 0; i < reg->n; i++) {
        if (mm_aid_equal(&reg->entries[i].aid, aid))
            return &reg->entries[i];
    }
    return NULL;
}

const struct mm_reg_entry *mm_reg_comp(const struct mm_registry *reg, mm_comp comp)
{
    for (size_t i = 0; i < reg->n; i++) {
        if (reg->entries[i].comp == comp)
            return &reg->entries[i];
    }
    return NULL;
}

mm_comp mm_reg_domain(const struct mm_registry *reg, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(reg, comp);

    if (e == NULL || e->kind == MM_COMP_DOMAIN)
        return e == NULL ? 0 : comp;
    return e->domain;
}

uint8_t mm_reg_state(const struct mm_registry *reg, const struct mm_reg_entry *entry)
{
    size_t len = 0;
    const uint8_t *d = mm_rec_data(reg->nvm, entry->key, &len);

    return d != NULL && len > ENTRY_STATE ? d[ENTRY_STATE] : 0;
}

enum mm_status mm_reg_set_state(struct mm_registry *reg, const struct mm_reg_entry *entry,
                                uint8_t state)
{
    return mm_rec_write(reg->nvm, entry->key, ENTRY_STATE, &state, 1);
}

enum mm_status mm_reg_new_comp(struct mm_registry *reg, mm_comp *out)
{
    size_t len = 0;
    const uint8_t *platform = mm_rec_data(reg->nvm, MM_KEY_PLATFORM, &len);
    mm_comp next = 1;
    uint8_t stored[2];
    enum mm_status st;

    *out = 0;
    if (platform != NULL && len >= MM_PLATFORM_LEN)
        next = mm_be16(platform + MM_PLATFORM_NEXT);
    for (unsigned tries = 0; tries <= MM_REG_MAX; tries++, next++) {
        if (next == 0 || next > MM_COMP_MAX)
            next = 1;
        if (mm_reg_comp(reg, next) != NULL)
            continue;
        mm_put_be16(stored, (uint16_t)(next + 1));
        st = mm_rec_write(reg->nvm, MM_KEY_PLATFORM, MM_PLATFORM_NEXT, stored, 2);
        if (st == MM_OK)
            *out = next;
        return st;
    }
    return MM_NO_MEMORY;
}

static mm_key free_key(const struct mm_registry *reg)
{
    for (mm_key key = MM_KEY_REGISTRY_FIRST; key <= MM_KEY_REGISTRY_LAST; key++) {
        if (mm_rec_data(reg->nvm, key, NULL) == NULL)
            return key;
    }
    return 0;
}

/* All of an entry but its parameters. */
static void put_entry(const struct mm_reg_entry *e, uint8_t state, uint8_t d[ENTRY_PARAMS])
{
    memset(d, 0, ENTRY_PARAMS);
    d[0] = ENTRY_FORMAT;
    d[1] = (uint8_t)e->kind;
    mm_put_be16(d + 2, e->comp);
    d[ENTRY_STATE] = state;
    memcpy(d + 5, e->privileges, 3);
    mm_put_be16(d + 8, e->package);
    d[10] = e->module;
    mm_put_be16(d + 11, e->applet);
    d[13] = e->major;
    d[14] = e->minor;
    d[15] = e->aid.len;
    memcpy(d + 16, e->aid.bytes, MM_AID_MAX);
    d[32] = e->module_aid.len;
    memcpy(d + 33, e->module_aid.bytes, MM_AID_MAX);
    d[49] = e->params_len;
    mm_put_be16(d + 50, e->domain);
    d[52] = e->implicit;
    d[53] = e->contactless;
    mm_put_be32(d + 54, e->quota.stable_max);
    mm_put_be32(d + 58, e->quota.stable_min);
    mm_put_be32(d + 62, e->quota.volatile_max);
    mm_put_be32(d + 66, e->quota.volatile_min);
    for (size_t i = 0; i < MM_REG_SERVICES; i++)
        mm_put_be16(d + 70 + 2 * i, e->services[i]);
    d[86] = e->services_on;
    mm_put_be16(d + 87, (uint16_t)e->order);
    mm_put_be16(d + 89, e->head);
}

enum mm_status mm_reg_add(struct mm_registry *reg, const struct mm_reg_entry *entry, uint8_t state)
{
    uint8_t d[ENTRY_MAX_LEN];
    size_t len = (size_t)ENTRY_PARAMS + entry->params_len;
    mm_key key = free_key(reg);
    enum mm_status st;

    if (key == 0)
        return MM_NO_MEMORY;
    put_entry(entry, state, d);
    if (entry->params_len > 0)
        memcpy(d + ENTRY_PARAMS, entry->params, entry->params_len);
    st = mm_rec_new(reg->nvm, key, 0, len);
    if (st == MM_OK)
        st = mm_rec_write(reg->nvm, key, 0, d, len);
    mm_reg_load(reg);
    return st;
}

enum mm_status mm_reg_update(struct mm_registry *reg, const struct mm_reg_entry *entry)
{
    uint8_t d[ENTRY_PARAMS];
    enum mm_status st;

    put_entry(entry, mm_reg_state(reg, entry), d);
    st = mm_rec_write(reg->nvm, entry->key, 0, d, sizeof(d));
    mm_reg_load(reg);
    return st;
}

enum mm_status mm_reg_delete(struct mm_registry *reg, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(reg, comp);
    enum mm_status st = e == NULL ? MM_NOT_FOUND : mm_rec_delete(reg->nvm, e->key);

    mm_reg_load(reg);
    return st;
}
