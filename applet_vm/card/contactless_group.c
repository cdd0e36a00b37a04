/* Groups of contactless applications, the list of who is told of an application's changes (CREL), and the
 * walks of GPCLRegistryEntry through both. */
#include "applet_vm/card/contactless.h"

#include <string.h>

#define CREL_APPLICATION "org/globalplatform/contactless/CRELApplication"

static const uint16_t list_ids[] = {[MM_CL_GROUP] = 0x100, [MM_CL_CREL] = 0x101};

/* ---- Lists of AIDs ---- */
bool mm_cl_list_has(const struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                    const struct mm_aid *aid)
{
    struct mm_rd rd;
    size_t len = 0;
    const uint8_t *value = mm_cl_value(card, comp, list_ids[list], &len);

    mm_rd_init(&rd, value, len);
    while (mm_rd_left(&rd) > 0) {
        size_t n = mm_rd_u8(&rd);
        const uint8_t *bytes = mm_rd_bytes(&rd, n);
        if (!rd.bad && n == aid->len && memcmp(bytes, aid->bytes, n) == 0)
            return true;
    }
    return false;
}

bool mm_cl_is_head(const struct mm_card *card, mm_comp comp)
{
    size_t len = 0;

    return mm_cl_value(card, comp, list_ids[MM_CL_GROUP], &len) != NULL;
}

/* The list with the AID at its end, or without it. */
static uint16_t edit_list(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                          const struct mm_aid *aid, bool add)
{
    uint8_t fresh[255];
    size_t len = 0, n = 0;
    const uint8_t *value = mm_cl_value(card, comp, list_ids[list], &len);
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
    return mm_cl_update(card, &changed);
}

uint16_t mm_cl_list_change(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                           const struct mm_aid *aid, bool add)
{
    uint16_t sw = edit_list(card, comp, list, aid, add);

    return sw == MM_SW_9000_NO_ERROR && list == MM_CL_GROUP && !add ? expel(card, comp, aid) : sw;
}

uint16_t mm_cl_list_edit(void *ctx, mm_comp owner, mm_comp entry, enum mm_cl_list list,
                         const struct mm_aid *aid, bool add)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);

    if (e == NULL || owner != entry || (list == MM_CL_GROUP && add && e->head != 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_cl_list_change(card, entry, list, aid, add);
}

bool mm_cl_sees(const struct mm_card *card, mm_comp owner, const struct mm_reg_entry *e)
{
    const struct mm_reg_entry *actor = mm_cl_entry(card, owner);

    return actor != NULL && mm_cl_list_has(card, e->comp, MM_CL_CREL, &actor->aid);
}

/* ---- Groups ---- */

/* The head that authorised an application of that AID. 0: it did not, or is none. */
static mm_comp head_for(const struct mm_card *card, const struct mm_aid *head,
                        const struct mm_aid *member)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, head);

    return e != NULL && e->kind != MM_COMP_PACKAGE && e->head == 0 &&
                   mm_cl_list_has(card, e->comp, MM_CL_GROUP, member)
               ? e->comp
               : 0;
}

uint16_t mm_cl_join_group(struct mm_card *card, mm_comp comp, const struct mm_aid *head)
{
    struct mm_reg_entry changed = *mm_reg_comp(&card->registry, comp);

    if (mm_cl_is_head(card, comp) || (head != NULL && changed.head != 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    changed.head = head == NULL ? 0 : head_for(card, head, &changed.aid);
    if (head != NULL && changed.head == 0)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_cl_update(card, &changed);
}

uint16_t mm_cl_join(void *ctx, mm_comp owner, mm_comp entry, const struct mm_aid *head)
{
    return mm_cl_entry(ctx, entry) != NULL && owner == entry ? mm_cl_join_group(ctx, entry, head)
                                                             : MM_SW_6985_CONDITIONS_NOT_SATISFIED;
}

uint16_t mm_cl_group(void *ctx, mm_comp owner, mm_comp entry, bool *head, bool *member)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);

    if (e == NULL || !(owner == entry || mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY) ||
                       mm_cl_manages(card, owner) || mm_cl_sees(card, owner, e)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    *head = mm_cl_is_head(card, entry);
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

/* ---- Walks ---- */
/* Who sees all entries (GPCLSystem.getNextGPCLRegistryEntry). */
static bool sees_all(const struct mm_card *card, mm_comp owner)
{
    return mm_cl_manages(card, owner) || mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY);
}

static bool belongs(const struct mm_card *card, enum mm_cl_walk walk, const struct mm_reg_entry *e,
                    const struct mm_reg_entry *of)
{
    if (e->kind == MM_COMP_PACKAGE)
        return false;
    switch (walk) {
    case MM_CL_WALK_CREL:
        return mm_cl_list_has(card, of->comp, MM_CL_CREL, &e->aid);
    case MM_CL_WALK_MEMBERS:
    case MM_CL_WALK_FOLLOWERS:
        return e->head == of->comp;
    case MM_CL_WALK_CONFLICTS:
        return mm_cl_in_conflict(card, e, of->comp);
    case MM_CL_WALK_REFERENCING:
        return mm_cl_list_has(card, e->comp, MM_CL_CREL, &of->aid);
    case MM_CL_WALK_LISTENERS:
        return mm_cl_list_has(card, of->comp, MM_CL_CREL, &e->aid) ||
               mm_priv_has(e->privileges, MM_PRIV_CONTACTLESS_ACTIVATION);
    case MM_CL_WALK_CRS:
        return mm_priv_has(e->privileges, MM_PRIV_CONTACTLESS_ACTIVATION);
    case MM_CL_WALK_ENTRIES:
        return sees_all(card, of->comp) || mm_cl_sees(card, of->comp, e);
    }
    return false;
}

/* of: whose list it is; of all entries, whose view. */
static bool may_walk(const struct mm_card *card, mm_comp owner, enum mm_cl_walk walk,
                     const struct mm_reg_entry *of)
{
    switch (walk) {
    case MM_CL_WALK_LISTENERS:
    case MM_CL_WALK_FOLLOWERS:
    case MM_CL_WALK_CRS:
        return true; /* the card itself */
    case MM_CL_WALK_ENTRIES:
        return sees_all(card, owner) || mm_vm_instance_of(card->vm, of->applet, CREL_APPLICATION);
    case MM_CL_WALK_CONFLICTS:
        return mm_cl_manages(card, owner);
    case MM_CL_WALK_MEMBERS:
        return owner == of->comp || mm_cl_manages(card, owner) || mm_cl_sees(card, owner, of);
    case MM_CL_WALK_CREL:
    case MM_CL_WALK_REFERENCING:
        return owner == of->comp || mm_cl_manages(card, owner);
    }
    return false;
}

uint16_t mm_cl_next(void *ctx, mm_comp owner, enum mm_cl_walk walk, mm_comp of, mm_comp after,
                    mm_comp *next)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, of), *last = mm_cl_entry(card, after);

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
