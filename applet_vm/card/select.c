/*
 * Applications: SELECT by AID, which of them may be selected, and commands for the selected applet
 * (ISO 7816-4, 11.2.2; GPCS 2.3.1, 11.9; JCRE 3.0.5, 4).
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

/* ---- Candidates in selection order: issuer security domain, integrity application, applets ---- */
#define OWN_N 2

static bool candidate(const struct mm_card *card, size_t index, struct mm_aid *aid,
                      const struct mm_reg_entry **entry)
{
    *entry = NULL;
    if (index < OWN_N) {
        *aid = mm_aid_of(index == 0 ? MM_AID_ISD : MM_AID_INTEGRITY);
        return true;
    }
    for (size_t i = 0, at = OWN_N; i < card->registry.n; i++) {
        if (card->registry.entries[i].kind != MM_COMP_APPLET)
            continue;
        if (at++ == index) {
            *entry = &card->registry.entries[i];
            *aid = (*entry)->aid;
            return true;
        }
    }
    return false;
}

/* Index of the selected application in that order; SIZE_MAX when there is none. */
static size_t selected_index(const struct mm_card *card)
{
    const struct mm_reg_entry *e;
    struct mm_aid aid;

    if (card->channel->selected == MM_SELECTED_ISD)
        return 0;
    if (card->channel->selected == MM_SELECTED_INTEGRITY)
        return 1;
    for (size_t i = OWN_N;
         card->channel->selected == MM_SELECTED_APPLET && candidate(card, i, &aid, &e); i++) {
        if (e->comp == card->channel->selected_comp)
            return i;
    }
    return SIZE_MAX;
}

bool mm_select_usable(const struct mm_card *card, const struct mm_reg_entry *entry)
{
    return mm_comp_damage(card->nvm, entry->comp) == MM_DAMAGE_NONE &&
           mm_comp_damage(card->nvm, entry->package) == MM_DAMAGE_NONE &&
           mm_vm_package_usable(card->vm, entry->package) && entry->applet != MM_REF_NULL;
}

/* Why an applet may not be selected; 9000 when it may. */
static uint16_t may_select(const struct mm_card *card, const struct mm_reg_entry *e)
{
    uint8_t state = mm_reg_state(&card->registry, e);

    if (!mm_select_usable(card, e))
        return MM_SW_6999_APPLET_SELECT_FAILED;
    if (mm_card_state(card) == MM_STATE_CARD_LOCKED &&
        !(e->privileges[1] & MM_PRIVILEGE_2_FINAL_APPLICATION))
        return MM_SW_6A82_FILE_NOT_FOUND;
    if ((state & MM_STATE_LOCKED_BIT) || (state & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE)
        return MM_SW_6A82_FILE_NOT_FOUND;
    if (!mm_integrity_gate_open(card->integrity))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return MM_SW_9000_NO_ERROR;
}

/* ---- Running Java code ---- */
uint16_t mm_select_run_sw(const struct mm_card *card, enum mm_run run)
{
    const struct mm_exception *e;

    if (run == MM_RUN_OK)
        return MM_SW_9000_NO_ERROR;
    if (run == MM_RUN_FAULT) {
        mm_log("warn", "fault", "%s", mm_vm_fault(card->vm));
        return MM_SW_6F00_UNKNOWN;
    }
    e = mm_vm_exception(card->vm);
    /* JCRE 3.0.5, 4.6: the reason of an ISOException is the status word; one that would say "done"
     * or is none at all must not reach the terminal as success. */
    if (e != NULL && strcmp(e->class_name, "javacard/framework/ISOException") == 0 &&
        (e->reason >> 12 == 0x6 || (e->reason >> 12 == 0x9 && e->reason != MM_SW_9000_NO_ERROR)))
        return e->reason;
    if (e != NULL)
        mm_log("warn", "exception", "%s, reason %u", e->class_name, e->reason);
    return MM_SW_6F00_UNKNOWN;
}

/* A call ended: what it left open is undone (JCRE 3.0.5, 7.6.1). */
static void after_call(struct mm_card *card)
{
    if (mm_tx_active(card->nvm))
        mm_vm_tx_abort(card->vm);
}

static void deselect(struct mm_card *card)
{
    const struct mm_reg_entry *e = NULL;

    if (card->channel->selected == MM_SELECTED_APPLET)
        e = mm_reg_comp(&card->registry, card->channel->selected_comp);
    if (e != NULL) {
        (void)mm_vm_deselect(card->vm, e->applet); /* what it throws is ignored (JCRE 3.0.5, 4.5) */
        after_call(card);
        mm_vm_clear_on_deselect(card->vm, e->package);
    }
    mm_session_end(&card->channel->session);
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    card->channel->status_next = 0;
    card->channel->selected = MM_SELECTED_NONE;
    card->channel->selected_comp = 0;
}

static uint16_t process(struct mm_card *card, const struct mm_reg_entry *e,
                        const struct mm_apdu *apdu)
{
    const uint8_t header[4] = {apdu->cla, apdu->ins, apdu->p1, apdu->p2};
    const uint8_t *response = NULL;
    size_t response_len = 0;
    uint16_t sw;
    mm_ref ref =
        mm_api_apdu_begin(card->vm, header, apdu->data, apdu->data_len, apdu->le, apdu->has_le, 0);

    sw = mm_select_run_sw(card, mm_vm_process(card->vm, e->applet, ref));
    after_call(card);
    mm_api_apdu_end(card->vm, &response, &response_len);
    mm_buf_bytes(&card->out, response, response_len);
    return card->out.bad ? MM_SW_6A84_FILE_FULL : sw;
}

/* Applet.select(); when it says no, nothing is selected. */
static bool call_select(struct mm_card *card, const struct mm_reg_entry *e)
{
    mm_comp package = e->package;
    bool accepted = false;
    enum mm_run run;

    card->channel->selected = MM_SELECTED_APPLET;
    card->channel->selected_comp = e->comp;
    run = mm_vm_select(card->vm, e->applet, &accepted);
    after_call(card);
    if (run == MM_RUN_OK && accepted)
        return true;
    mm_vm_clear_on_deselect(card->vm, package);
    card->channel->selected = MM_SELECTED_NONE;
    card->channel->selected_comp = 0;
    return false;
}

static uint16_t select_applet(struct mm_card *card, const struct mm_reg_entry *e,
                              const struct mm_apdu *apdu)
{
    struct mm_reg_entry entry = *e;
    uint16_t sw;

    deselect(card);
    card->selecting = true;
    sw = call_select(card, &entry) ? process(card, &entry, apdu) : MM_SW_6999_APPLET_SELECT_FAILED;
    card->selecting = false;
    return sw;
}

/* ---- After a reset (GPCS 6.4.1.1) ---- */
const struct mm_reg_entry *mm_select_default_holder(const struct mm_card *card)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind == MM_COMP_APPLET && (e->privileges[0] & MM_PRIVILEGE_DEFAULT_SELECTED))
            return e;
    }
    return NULL;
}

/* An application that cannot or will not be selected leaves the card to the domain, which can put
 * that right. */
void mm_select_default(struct mm_card *card)
{
    const struct mm_reg_entry *e = mm_select_default_holder(card);

    if (e != NULL && mm_card_state(card) != MM_STATE_CARD_TERMINATED &&
        may_select(card, e) == MM_SW_9000_NO_ERROR && call_select(card, e))
        return;
    card->channel->selected = MM_SELECTED_ISD;
}

static void integrity_fci(struct mm_buf *out)
{
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);

    mm_buf_u8(out, 0x6f);
    mm_buf_u8(out, (uint8_t)(aid.len + 2));
    mm_buf_u8(out, 0x84);
    mm_buf_u8(out, aid.len);
    mm_buf_bytes(out, aid.bytes, aid.len);
}

uint16_t mm_select(struct mm_card *card, const struct mm_apdu *apdu)
{
    const struct mm_reg_entry *e;
    struct mm_aid aid;
    uint16_t sw = MM_SW_6A82_FILE_NOT_FOUND;
    size_t i = 0;

    /* P2: first or only (00), next (02) occurrence; with FCI (00) or none (0C) asked. */
    if ((apdu->p2 & ~0x0e) != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    if (apdu->data_len > MM_AID_MAX)
        return MM_SW_6A80_WRONG_DATA;
    if (apdu->p2 & 0x02) {
        i = selected_index(card);
        i = i == SIZE_MAX ? 0 : i + 1;
    }
    for (; candidate(card, i, &aid, &e); i++) {
        uint16_t why = MM_SW_9000_NO_ERROR;
        if (!mm_aid_starts(&aid, apdu->data, apdu->data_len))
            continue;
        if (e != NULL)
            why = may_select(card, e);
        if (why == MM_SW_9000_NO_ERROR)
            break;
        if (sw == MM_SW_6A82_FILE_NOT_FOUND)
            sw = why; /* the first reason is told when no other application matches */
    }
    if (!candidate(card, i, &aid, &e))
        return sw;
    if (e != NULL)
        return select_applet(card, e, apdu);
    deselect(card);
    card->channel->selected = i == 0 ? MM_SELECTED_ISD : MM_SELECTED_INTEGRITY;
    if (i != 0) {
        integrity_fci(&card->out);
        return MM_SW_9000_NO_ERROR;
    }
    mm_isd_fci(&card->out);
    return mm_card_state(card) == MM_STATE_CARD_LOCKED ? MM_SW_6283_CARD_LOCKED
                                                       : MM_SW_9000_NO_ERROR;
}

uint16_t mm_select_process(struct mm_card *card, const struct mm_apdu *apdu)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, card->channel->selected_comp);

    if (e == NULL || !mm_select_usable(card, e))
        return MM_SW_6999_APPLET_SELECT_FAILED;
    return process(card, e, apdu);
}
