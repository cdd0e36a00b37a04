/*
 * Life cycles: SET STATUS (GPCS 2.3.1, 11.10), and what the state of the card forbids (5.1.1).
 *
 *   card         OP_READY -> INITIALIZED -> SECURED <-> CARD_LOCKED; TERMINATED from each, for good
 *   application  SELECTABLE and its own states, in any order; each <-> LOCKED, which keeps the others
 *   domain       SELECTABLE -> PERSONALIZED; each <-> LOCKED
 *
 * INSTALLED to SELECTABLE is INSTALL's.
 */
#include "applet_vm/card/contactless.h"

#include <string.h>

enum { STATUS_CARD = 0x80, STATUS_APPLICATION = 0x40, STATUS_DOMAIN = 0x60 };

uint8_t mm_card_state(const struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *platform = mm_rec_data(card->nvm, MM_KEY_PLATFORM, &len);

    return len >= MM_PLATFORM_LEN ? platform[MM_PLATFORM_STATE] : 0;
}

bool mm_card_state_allowed(uint8_t from, uint8_t to)
{
    if (to == MM_STATE_CARD_TERMINATED)
        return from != MM_STATE_CARD_TERMINATED;
    switch (from) {
    case MM_STATE_CARD_OP_READY:
        return to == MM_STATE_CARD_INITIALIZED;
    case MM_STATE_CARD_INITIALIZED:
        return to == MM_STATE_CARD_SECURED;
    case MM_STATE_CARD_SECURED:
        return to == MM_STATE_CARD_LOCKED;
    case MM_STATE_CARD_LOCKED:
        return to == MM_STATE_CARD_SECURED;
    default:
        return false;
    }
}

enum mm_status mm_card_set_state(struct mm_card *card, uint8_t state)
{
    if (!mm_card_state_allowed(mm_card_state(card), state))
        return MM_STATE;
    return mm_rec_write(card->nvm, MM_KEY_PLATFORM, MM_PLATFORM_STATE, &state, 1);
}

/* ---- Who may ---- */

/* An own state of an application: SELECTABLE with any of the bits 40 to 08 (5.3.1.4). */
static bool is_own_state(uint8_t state)
{
    return (state & (MM_STATE_LOCKED_BIT | MM_STATE_SELECTABLE)) == MM_STATE_SELECTABLE;
}

/* Domains: SELECTABLE to PERSONALIZED, never back (5.3.2). */
static bool domain_state_allowed(uint8_t from, uint8_t to)
{
    return to == MM_STATE_PERSONALIZED && from == MM_STATE_SELECTABLE;
}

/* Locking is for who stands above, or holds Global Lock; unlocking too, and never for oneself. Other
 * states are set by the entry's own domain, and by a domain for itself (table 11-85). */
static bool may_set(const struct mm_card *card, const struct mm_reg_entry *e, bool lock_changes)
{
    mm_comp actor = mm_domain_current(card);

    if (e->comp == actor)
        return !lock_changes;
    return mm_domain_above(card, actor, e) ||
           (lock_changes && mm_domain_may(card, actor, MM_PRIV_GLOBAL_LOCK));
}

/* The state that P2 asks for, from what is; 0: the life cycle does not lead there. */
static uint8_t next_state(const struct mm_reg_entry *e, uint8_t from, uint8_t p2)
{
    bool lock = (p2 & MM_STATE_LOCKED_BIT) != 0, locked = (from & MM_STATE_LOCKED_BIT) != 0;

    if (lock)
        return locked ? 0 : from | MM_STATE_LOCKED_BIT;
    if (locked) /* back to what it was: the other bits of P2 do not count */
        return (uint8_t)(from & ~MM_STATE_LOCKED_BIT);
    if (from == p2 || (from & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE)
        return 0;
    if (e->kind == MM_COMP_DOMAIN)
        return domain_state_allowed(from, p2) ? p2 : 0;
    return is_own_state(p2) ? p2 : 0;
}

static uint16_t find_entry(const struct mm_card *card, const struct mm_apdu *apdu,
                           struct mm_reg_entry *out)
{
    struct mm_aid aid = {0};
    const struct mm_reg_entry *e;

    if (mm_aid_set(&aid, apdu->data, apdu->data_len) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    e = mm_reg_find(&card->registry, &aid);
    if (e == NULL || e->kind == MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    *out = *e;
    return MM_SW_9000_NO_ERROR;
}

static uint16_t set_application(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_reg_entry e;
    uint8_t from, to;
    uint16_t sw = find_entry(card, apdu, &e);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    from = mm_reg_state(&card->registry, &e);
    to = next_state(&e, from, apdu->p2);
    if (to == 0 || !may_set(card, &e, ((from ^ to) & MM_STATE_LOCKED_BIT) != 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_reg_set_state(&card->registry, &e, to);
    if (st != MM_OK)
        return mm_card_failure("set status", st);
    if ((from ^ to) & MM_STATE_LOCKED_BIT)
        mm_cl_tell(card, &e.aid,
                   to & MM_STATE_LOCKED_BIT ? MM_CL_EVENT_LOCKED : MM_CL_EVENT_UNLOCKED);
    return MM_SW_9000_NO_ERROR;
}

/* P1 60: a domain, and with it everything that is associated with it, directly or not. Entries that are
 * that way already stay so. */
static uint16_t set_domain(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_reg_entry domain;
    bool lock = (apdu->p2 & MM_STATE_LOCKED_BIT) != 0;
    uint16_t sw = find_entry(card, apdu, &domain);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    if (domain.kind != MM_COMP_DOMAIN)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (!may_set(card, &domain, true) ||
        ((mm_reg_state(&card->registry, &domain) & MM_STATE_LOCKED_BIT) != 0) == lock)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_tx_begin(card->nvm);
    for (size_t i = 0; i < card->registry.n && st == MM_OK; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        uint8_t state = mm_reg_state(&card->registry, e);
        if (e->kind == MM_COMP_PACKAGE ||
            (e->comp != domain.comp && !mm_domain_above(card, domain.comp, e)))
            continue;
        state = (uint8_t)(lock ? state | MM_STATE_LOCKED_BIT : state & ~MM_STATE_LOCKED_BIT);
        st = mm_reg_set_state(&card->registry, e, state);
    }
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    mm_card_undo_content(card);
    return mm_card_failure("set status", st);
}

/* The card's states are the issuer's; locking and ending it also who holds that privilege. */
static bool may_set_card(const struct mm_card *card, uint8_t state)
{
    mm_comp actor = mm_domain_current(card);
    bool lock = state == MM_STATE_CARD_LOCKED || mm_card_state(card) == MM_STATE_CARD_LOCKED;

    if (state == MM_STATE_CARD_TERMINATED)
        return mm_domain_may(card, actor, MM_PRIV_CARD_TERMINATE);
    return lock ? mm_domain_may(card, actor, MM_PRIV_CARD_LOCK) : actor == 0;
}

uint16_t mm_isd_set_status(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid isd = mm_domain_aid(card, 0);
    enum mm_status st;

    mm_content_load_drop(card);
    if (apdu->p1 == STATUS_APPLICATION)
        return set_application(card, apdu);
    if (apdu->p1 == STATUS_DOMAIN)
        return set_domain(card, apdu);
    if (apdu->p1 != STATUS_CARD)
        return MM_SW_6A86_INCORRECT_P1P2;
    /* The data field may name the domain; it does not count (GPCS 11.10.2.3). */
    if (apdu->data_len != 0 &&
        (apdu->data_len != isd.len || memcmp(apdu->data, isd.bytes, isd.len) != 0))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (!may_set_card(card, apdu->p2))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_card_set_state(card, apdu->p2);
    if (st == MM_STATE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("set status", st);
}
