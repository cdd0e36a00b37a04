/* INSTALL (GPCS 2.3.1, 11.5): which of its forms, and the short ones. */
#include "applet_vm/card/upgrade.h"

#include <string.h>

/* Data as for install; instance and privileges count, of which Card Reset is the only one that may
 * be given late (GPCS table 11-44). */
static uint16_t make_selectable(struct mm_card *card, const struct mm_install_data *in)
{
    const struct mm_reg_entry *found = mm_reg_find(&card->registry, &in->aid[2]);
    uint8_t privileges[MM_PRIV_LEN];
    struct mm_reg_entry e;
    uint16_t sw;
    enum mm_status st;
    bool installed;

    if (in->aid[2].len == 0 || !mm_install_privileges(in, true, privileges))
        return MM_SW_6A80_WRONG_DATA;
    if (found == NULL || found->kind == MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    e = *found;
    sw = mm_token_check(card, &in->order);
    if (sw == MM_SW_9000_NO_ERROR && !mm_domain_above(card, mm_domain_current(card), &e))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    installed = mm_reg_state(&card->registry, &e) == MM_STATE_INSTALLED;
    if (!installed && !mm_priv_has(privileges, MM_PRIV_CARD_RESET))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (mm_priv_has(privileges, MM_PRIV_CARD_RESET)) {
        e.privileges[0] |= 0x80 >> MM_PRIV_CARD_RESET;
        sw = mm_priv_check(card, mm_domain_current(card), &e, e.privileges);
        if (sw != MM_SW_9000_NO_ERROR)
            return sw;
    }
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK && installed)
        st = mm_reg_set_state(&card->registry, &e, MM_STATE_SELECTABLE);
    if (st == MM_OK)
        st = mm_reg_update(&card->registry, &e);
    sw = mm_content_end(card, &in->order, &e.aid, NULL, st);
    if (sw == MM_SW_9000_NO_ERROR && installed)
        mm_cl_tell(card, &e.aid, MM_CL_EVENT_SELECTABLE);
    return sw;
}

uint16_t mm_content_end(struct mm_card *card, const struct mm_order *order, const struct mm_aid *a,
                        const struct mm_aid *b, enum mm_status st)
{
    struct mm_buf context;

    mm_buf_init(&context);
    mm_put_aid_lv(&context, a);
    if (b != NULL)
        mm_put_aid_lv(&context, b);
    if (st == MM_OK)
        st = mm_receipt_put(card, order, &context, &card->out);
    mm_buf_clear(&context);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    mm_card_undo_content(card);
    return mm_card_failure("install", st);
}

/* The forms that run() knows. */
static bool is_short_form(uint8_t p1)
{
    return p1 == MM_INSTALL_INSTALL || p1 == (MM_INSTALL_INSTALL | MM_INSTALL_MAKE_SELECTABLE) ||
           p1 == MM_INSTALL_MAKE_SELECTABLE || p1 == MM_INSTALL_EXTRADITION ||
           p1 == MM_INSTALL_REGISTRY_UPDATE;
}

static uint16_t run(struct mm_card *card, const struct mm_apdu *apdu, struct mm_install_data *in)
{
    switch (apdu->p1) {
    case MM_INSTALL_INSTALL:
    case MM_INSTALL_INSTALL | MM_INSTALL_MAKE_SELECTABLE:
        return mm_instance_install(card, apdu, in);
    case MM_INSTALL_MAKE_SELECTABLE:
        return make_selectable(card, in);
    case MM_INSTALL_EXTRADITION:
        return mm_install_for_extradition(card, in);
    case MM_INSTALL_REGISTRY_UPDATE:
        return mm_install_for_registry_update(card, in);
    default:
        return MM_SW_6A86_INCORRECT_P1P2;
    }
}

uint16_t mm_content_install(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_install_data in;
    uint16_t sw;

    mm_isd_store_drop(card); /* any other INSTALL ends a personalisation (7.3.3) */
    if (!mm_upgrade_allows(card, apdu->p1))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (apdu->p1 == MM_INSTALL_ALL) {
        if (apdu->p2 == 0x01)
            return mm_content_install_for_load(card, apdu);
        if (apdu->p2 != 0x03)
            return MM_SW_6A86_INCORRECT_P1P2;
        if (card->channel->loading.cap == NULL)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
        sw = mm_install_read(apdu, false, &in) ? mm_instance_install(card, apdu, &in)
                                               : MM_SW_6A80_WRONG_DATA;
        mm_content_load_drop(card);
        return sw;
    }
    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (apdu->p1 == MM_INSTALL_LOAD)
        return mm_content_install_for_load(card, apdu);
    mm_content_load_drop(card);
    if (apdu->p1 == MM_INSTALL_PERSONALIZATION) {
        sw = mm_isd_install_for_personalization(card, apdu);
        if (sw == MM_SW_9000_NO_ERROR)
            mm_buf_u8(&card->out, 0x00);
        return sw;
    }
    if (!is_short_form(apdu->p1))
        return MM_SW_6A86_INCORRECT_P1P2;
    if (!mm_install_read(apdu, false, &in))
        return MM_SW_6A80_WRONG_DATA;
    return run(card, apdu, &in);
}
