/* Whether an application is activated on the contactless interface, and what that means (Amendment C of
 * GPCS 2.3.1; GPCLRegistryEntry.setCLState). */
#include "applet_vm/card/contactless.h"

#include <string.h>

/* ---- State ---- */

/* Both are for an interface with protocol parameters of the same type that are not the same. */
static bool conflicts(const struct mm_card *card, mm_comp a, mm_comp b)
{
    for (uint16_t id = MM_CL_INFO_PROTOCOL_A; id <= MM_CL_INFO_PROTOCOL_F; id++) {
        size_t a_len = 0, b_len = 0;
        const uint8_t *of_a = mm_cl_value(card, a, id, &a_len),
                      *of_b = mm_cl_value(card, b, id, &b_len);
        if (of_a != NULL && of_b != NULL && (a_len != b_len || memcmp(of_a, of_b, a_len) != 0))
            return true;
    }
    return false;
}

bool mm_cl_in_conflict(const struct mm_card *card, const struct mm_reg_entry *e, mm_comp entry)
{
    return e->kind != MM_COMP_PACKAGE && e->comp != entry && e->contactless == MM_CL_ACTIVATED &&
           conflicts(card, e->comp, entry);
}

/* GPCLRegistryEntry.setCLState: who may. */
static bool may_change(const struct mm_card *card, mm_comp owner, const struct mm_reg_entry *e,
                       uint8_t state)
{
    const struct mm_reg_entry *actor = mm_cl_entry(card, owner);
    bool own = owner == e->comp;

    if (state == MM_CL_NON_ACTIVATABLE || e->contactless == MM_CL_NON_ACTIVATABLE)
        return own;
    if (state == MM_CL_ACTIVATED)
        return mm_cl_manages(card, owner) ||
               (own && mm_domain_may(card, owner, MM_PRIV_CONTACTLESS_SELF_ACTIVATION));
    return own || mm_cl_manages(card, owner) ||
           (actor != NULL && mm_cl_list_has(card, e->comp, MM_CL_CREL, &actor->aid));
}

/* Members follow their head unless they said that they cannot. */
static enum mm_status lead(struct mm_card *card, mm_comp head, uint8_t state)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < card->registry.n && st == MM_OK; i++) {
        struct mm_reg_entry e = card->registry.entries[i];
        if (e.head != head || e.contactless == MM_CL_NON_ACTIVATABLE || e.contactless == state)
            continue;
        e.contactless = state;
        st = mm_reg_update(&card->registry, &e);
    }
    return st;
}

uint16_t mm_cl_activatable(const struct mm_card *card, const struct mm_reg_entry *e)
{
    const struct mm_reg_entry *head = e->head != 0 ? mm_cl_entry(card, e->head) : NULL;
    uint8_t state = mm_reg_state(&card->registry, e);

    if ((state & MM_STATE_LOCKED_BIT) || (state & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE ||
        (head != NULL && head->contactless != MM_CL_ACTIVATED))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    for (size_t i = 0; i < card->registry.n; i++) {
        if (mm_cl_in_conflict(card, &card->registry.entries[i], e->comp))
            return MM_SW_6A80_WRONG_DATA;
    }
    return MM_SW_9000_NO_ERROR;
}

/* ---- What it means (Amendment C: such an application is not selectable through the interface) ---- */
bool mm_cl_is_contactless(const struct mm_card *card)
{
    return card->cfg.protocol == MM_PROTOCOL_TYPE_A || card->cfg.protocol == MM_PROTOCOL_TYPE_B;
}

uint8_t mm_cl_state(const struct mm_card *card, const struct mm_reg_entry *e)
{
    return mm_cl_first(card, e) && e->contactless == MM_CL_DEACTIVATED ? MM_CL_ACTIVATED
                                                                       : e->contactless;
}

/* Is there an application, a CRS say, that activates others? */
static bool has_manager(const struct mm_card *card)
{
    bool found = false;

    for (size_t i = 0; i < card->registry.n && !found; i++)
        found = mm_priv_has(card->registry.entries[i].privileges, MM_PRIV_CONTACTLESS_ACTIVATION);
    return found;
}

/* Without a manager nobody could activate what INSTALL said nothing of: then that is selectable. */
bool mm_cl_hides(const struct mm_card *card, const struct mm_reg_entry *e)
{
    uint8_t state = mm_cl_state(card, e);

    if (!mm_cl_is_contactless(card))
        return false;
    return !mm_cl_reachable(card) || state == MM_CL_NON_ACTIVATABLE ||
           (state == MM_CL_DEACTIVATED && has_manager(card));
}

uint16_t mm_cl_state_set(void *ctx, mm_comp owner, mm_comp entry, uint8_t *state)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry), *head;
    struct mm_reg_entry changed;
    enum mm_status st;
    bool own;

    if (e == NULL || (*state != MM_CL_DEACTIVATED && *state != MM_CL_ACTIVATED &&
                      *state != MM_CL_NON_ACTIVATABLE))
        return MM_SW_6A80_WRONG_DATA;
    if (!may_change(card, owner, e, *state))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    head = e->head != 0 ? mm_cl_entry(card, e->head) : NULL;
    if (e->contactless == MM_CL_NON_ACTIVATABLE && *state != MM_CL_NON_ACTIVATABLE && head != NULL)
        *state = head->contactless == MM_CL_ACTIVATED ? MM_CL_ACTIVATED : MM_CL_DEACTIVATED;
    else if (e->contactless == MM_CL_NON_ACTIVATABLE && *state == MM_CL_ACTIVATED)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (*state == MM_CL_ACTIVATED) {
        uint16_t sw = mm_cl_activatable(card, e);
        if (sw != MM_SW_9000_NO_ERROR)
            return sw;
    }
    changed = *e;
    changed.contactless = *state;
    own = mm_cl_begin(card);
    st = mm_reg_update(&card->registry, &changed);
    if (st == MM_OK && *state != MM_CL_NON_ACTIVATABLE && mm_cl_is_head(card, entry))
        st = lead(card, entry, *state);
    return mm_cl_end(card, own, st);
}
