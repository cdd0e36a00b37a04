/* The order in which a partial AID finds applications (GPCLRegistryEntry.setPartialSelectionOrder,
 * GPCLSystem.setVolatilePriority), and what of commands is told to contactless applications. */
#include "applet_vm/card/contactless.h"

#define ORDER_MAX 32000

/* One entry to the top or the bottom of all. */
static enum mm_status move_one(struct mm_card *card, mm_comp comp, bool top)
{
    const struct mm_registry *reg = &card->registry;
    struct mm_reg_entry e = *mm_reg_comp(reg, comp);
    int edge = 0;

    for (size_t i = 0; i < reg->n; i++) {
        int order = reg->entries[i].order;
        if (reg->entries[i].comp != comp && (top ? order < edge : order > edge))
            edge = order;
    }
    edge += top ? -1 : 1;
    if (edge < -ORDER_MAX || edge > ORDER_MAX)
        return MM_NO_MEMORY;
    e.order = (int16_t)edge;
    return mm_reg_update(&card->registry, &e);
}

uint16_t mm_cl_order(void *ctx, mm_comp owner, mm_comp entry, bool top)
{
    struct mm_card *card = ctx;
    mm_comp group[MM_REG_MAX];
    size_t n = 0;
    enum mm_status st = MM_OK;
    bool own;

    if (mm_cl_entry(card, entry) == NULL || !mm_cl_manages(card, owner))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    for (size_t i = 0; i < card->registry.selectable_n; i++) { /* members move in their order */
        const struct mm_reg_entry *e = &card->registry.entries[card->registry.selectable[i]];
        if (e->comp == entry || e->head == entry)
            group[n++] = e->comp;
    }
    own = mm_cl_begin(card);
    for (size_t i = 0; i < n && st == MM_OK; i++)
        st = move_one(card, group[top ? n - 1 - i : i], top);
    return mm_cl_end(card, own, st);
}

/* GPCLSystem.setVolatilePriority: who may give it to the entry, or take it from e, who has it. */
static bool may_prefer(const struct mm_card *card, mm_comp owner, mm_comp entry,
                       const struct mm_reg_entry *e)
{
    const struct mm_reg_entry *actor = mm_reg_comp(&card->registry, owner);

    if (mm_cl_manages(card, owner))
        return true;
    if (entry != 0)
        return owner == entry && mm_domain_may(card, owner, MM_PRIV_CONTACTLESS_SELF_ACTIVATION);
    return actor != NULL && e != NULL && (mm_cl_first(card, actor) || mm_cl_sees(card, owner, e));
}

uint16_t mm_cl_volatile(void *ctx, mm_comp owner, mm_comp entry, mm_comp *former)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);
    uint16_t sw = MM_SW_9000_NO_ERROR;

    *former = card->volatile_priority;
    if ((entry != 0 && (e == NULL || e->head != 0)) ||
        !may_prefer(card, owner, entry, mm_cl_entry(card, *former)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (e != NULL)
        sw = e->contactless == MM_CL_NON_ACTIVATABLE ? MM_SW_6985_CONDITIONS_NOT_SATISFIED
                                                     : mm_cl_activatable(card, e);
    if (sw == MM_SW_9000_NO_ERROR)
        card->volatile_priority = entry;
    return sw;
}

bool mm_cl_first(const struct mm_card *card, const struct mm_reg_entry *e)
{
    mm_comp first = card->volatile_priority;

    return first != 0 && (e->comp == first || e->head == first);
}

/* ---- What the card tells of commands ---- */
void mm_cl_tell(struct mm_card *card, const struct mm_aid *aid, uint16_t event)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid);

    if (e != NULL && e->kind != MM_COMP_PACKAGE)
        mm_api_cl_event(card->vm, e->comp, event);
    if (mm_tx_active(card->nvm)) /* left open by who was told */
        mm_vm_tx_abort(card->vm);
}
