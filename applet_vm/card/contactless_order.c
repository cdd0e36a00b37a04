/* The order in which a partial AID finds applications (GPCLRegistryEntry.setPartialSelectionOrder,
 * GPCLSystem.setVolatilePriority), and what of commands is told to contactless applications. */
#include "applet_vm/card/contactless.h"

#define ORDER_MAX 32000

static bool is_application(const struct mm_card *card, mm_comp comp)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, comp);

    return e != NULL && e->kind != MM_COMP_PACKAGE;
}

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

    if (!is_application(card, entry) || !mm_cl_manages(card, owner))
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

uint16_t mm_cl_volatile(void *ctx, mm_comp owner, mm_comp entry)
{
    struct mm_card *card = ctx;

    if (!mm_cl_manages(card, owner) || (entry != 0 && !is_application(card, entry)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    card->volatile_priority = entry;
    return MM_SW_9000_NO_ERROR;
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
