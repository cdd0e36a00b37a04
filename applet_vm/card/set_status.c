/*
 * Life cycles: SET STATUS (GPCS 2.3.1, 11.10), and what the state of the card forbids (5.1.1).
 *
 *   card         OP_READY -> INITIALIZED -> SECURED <-> CARD_LOCKED; TERMINATED from each, for good
 *   application  its own states <-> LOCKED, which keeps them in the other bits
 *
 * INSTALLED to SELECTABLE is INSTALL's, an application's own states are the application's.
 */
#include "applet_vm/card/card_int.h"

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

static uint16_t set_application(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid aid = {0};
    const struct mm_reg_entry *e;
    bool lock = (apdu->p2 & MM_STATE_LOCKED_BIT) != 0;
    uint8_t state;
    enum mm_status st;

    if (mm_aid_set(&aid, apdu->data, apdu->data_len) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    e = mm_reg_find(&card->registry, &aid);
    if (e == NULL || e->kind != MM_COMP_APPLET)
        return MM_SW_6A88_DATA_NOT_FOUND;
    state = mm_reg_state(&card->registry, e);
    if (((state & MM_STATE_LOCKED_BIT) != 0) == lock)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    state = (uint8_t)(lock ? state | MM_STATE_LOCKED_BIT : state & ~MM_STATE_LOCKED_BIT);
    st = mm_reg_set_state(&card->registry, e, state);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("set status", st);
}

uint16_t mm_isd_set_status(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    enum mm_status st;

    mm_content_load_drop(card);
    if (apdu->p1 == STATUS_APPLICATION)
        return set_application(card, apdu);
    if (apdu->p1 == STATUS_DOMAIN) /* there is no domain but the card's own, which P1 80 is for */
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (apdu->p1 != STATUS_CARD)
        return MM_SW_6A86_INCORRECT_P1P2;
    /* The data field may name the domain; it does not count (GPCS 11.10.2.3). */
    if (apdu->data_len != 0 &&
        (apdu->data_len != isd.len || memcmp(apdu->data, isd.bytes, isd.len) != 0))
        return MM_SW_6A88_DATA_NOT_FOUND;
    st = mm_card_set_state(card, apdu->p2);
    if (st == MM_STATE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("set status", st);
}
