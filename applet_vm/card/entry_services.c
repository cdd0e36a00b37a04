/*
 * The registry as applications see it (org.globalplatform.GPRegistryEntry; GPCS 2.3.1, A.2, 8.1): whom an application may look at, what it may change, which global services are
 * offered.
 */
#include "applet_vm/card/contactless.h"

#include <string.h>

/* Its own, and with the privilege everyone's; on a contactless interface those who list it, too. */
static bool visible(const struct mm_card *card, mm_comp owner, uint8_t privilege,
                    const struct mm_reg_entry *e)
{
    return e->comp == owner ||
           (owner != 0 &&
            (mm_domain_may(card, owner, (enum mm_privilege)privilege) ||
             mm_domain_may(card, owner, MM_PRIV_GLOBAL_REGISTRY) ||
             (privilege == MM_PRIV_CONTACTLESS_ACTIVATION && mm_cl_sees(card, owner, e))));
}

bool mm_entry_find(void *ctx, mm_comp owner, const struct mm_aid *aid, uint8_t privilege,
                   mm_comp *entry)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e =
        aid == NULL ? mm_cl_entry(card, owner) : mm_reg_find(&card->registry, aid);

    if (e == NULL || e->kind == MM_COMP_PACKAGE || !visible(card, owner, privilege, e))
        return false;
    *entry = e->comp;
    return true;
}

bool mm_entry_get(void *ctx, mm_comp entry, struct mm_gp_registered *out)
{
    const struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);

    memset(out, 0, sizeof(*out));
    if (e == NULL)
        return false;
    out->aid = e->aid;
    out->domain = mm_domain_aid(card, e->domain);
    out->state = mm_reg_state(&card->registry, e);
    memcpy(out->privileges, e->privileges, sizeof(out->privileges));
    out->contactless = mm_cl_state(card, e);
    return true;
}

/* Oneself among one's own states, and into LOCKED; others only with Global Lock, into LOCKED and out
 * of it. */
bool mm_entry_set_state(void *ctx, mm_comp owner, mm_comp entry, uint8_t state)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);
    bool lock = (state & MM_STATE_LOCKED_BIT) != 0, global, locked;
    uint8_t now;

    if (e == NULL)
        return false;
    now = mm_reg_state(&card->registry, e);
    locked = (now & MM_STATE_LOCKED_BIT) != 0;
    global = mm_domain_may(card, owner, MM_PRIV_GLOBAL_LOCK);
    if (lock || locked) {
        if (lock == locked || !(global || (owner == entry && lock)))
            return false;
        now = (uint8_t)(lock ? now | MM_STATE_LOCKED_BIT : now & ~MM_STATE_LOCKED_BIT);
        return mm_reg_set_state(&card->registry, e, now) == MM_OK;
    }
    if (owner != entry || (state & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE ||
        (now & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE)
        return false;
    return mm_reg_set_state(&card->registry, e, state) == MM_OK;
}

/* ---- Global services (GPCS 8.1) ---- */

/* The parameter under which the entry may offer it: the service's own, or its family's (id 00). */
static int service_slot(const struct mm_reg_entry *e, uint16_t service)
{
    for (int i = 0; i < MM_REG_SERVICES; i++) {
        if (e->services[i] != 0 &&
            (e->services[i] == service || e->services[i] == (service & 0xff00)))
            return i;
    }
    return -1;
}

static bool offers(const struct mm_reg_entry *e, uint16_t service)
{
    int slot = service_slot(e, service);

    return slot >= 0 && (e->services_on & 1 << slot) != 0;
}

uint16_t mm_entry_service(void *ctx, mm_comp owner, mm_comp entry, uint16_t service, bool on)
{
    struct mm_card *card = ctx;
    const struct mm_reg_entry *e = mm_cl_entry(card, entry);
    struct mm_reg_entry changed;
    int slot;

    if (e == NULL || owner != entry || !mm_priv_has(e->privileges, MM_PRIV_GLOBAL_SERVICE))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    slot = service_slot(e, service);
    if (slot < 0 || offers(e, service) == on)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    for (size_t i = 0; on && i < card->registry.n; i++) { /* a service has one provider */
        if (card->registry.entries[i].comp != entry && offers(&card->registry.entries[i], service))
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    }
    changed = *e;
    changed.services_on = (uint8_t)(changed.services_on ^ 1 << slot);
    return mm_reg_update(&card->registry, &changed) == MM_OK ? MM_SW_9000_NO_ERROR
                                                             : MM_SW_6581_MEMORY_FAILURE;
}

bool mm_entry_service_find(void *ctx, const struct mm_aid *aid, uint16_t service, mm_ref *applet)
{
    const struct mm_card *card = ctx;

    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind != MM_COMP_APPLET || !offers(e, service) || !mm_select_usable(card, e) ||
            (mm_reg_state(&card->registry, e) & MM_STATE_LOCKED_BIT) ||
            (aid != NULL && !mm_aid_equal(&e->aid, aid)))
            continue;
        *applet = e->applet;
        return true;
    }
    return false;
}
