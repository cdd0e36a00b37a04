/*
 * Applications: SELECT by AID, which of them may be selected, and commands for the selected applet
 * (ISO 7816-4, 11.2.2; GPCS 2.3.1, 11.9; JCRE 3.0.5, 4).
 */
#include "applet_vm/card/contactless.h"

#include <string.h>

/* ---- Candidates in selection order: issuer security domain, integrity application, applets and domains ---- */
#define OWN_N 2

static bool candidate(const struct mm_card *card, size_t index, struct mm_aid *aid,
                      const struct mm_reg_entry **entry)
{
    *entry = NULL;
    if (index < OWN_N) {
        *aid = index == 0 ? mm_domain_aid(card, 0) : mm_aid_of(MM_AID_INTEGRITY);
        return true;
    }
    /* What has volatile priority goes before the others; both in the registry's order. */
    for (size_t i = 0, at = OWN_N; i < 2 * card->registry.selectable_n; i++) {
        bool first = i < card->registry.selectable_n;
        const struct mm_reg_entry *e =
            &card->registry.entries[card->registry.selectable[i % card->registry.selectable_n]];
        if (mm_cl_first(card, e) == first && at++ == index) {
            *entry = e;
            *aid = e->aid;
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

    if (card->channel->selected == MM_SELECTED_DOMAIN && card->channel->selected_comp == 0)
        return 0;
    if (card->channel->selected == MM_SELECTED_INTEGRITY)
        return 1;
    for (size_t i = OWN_N;
         card->channel->selected != MM_SELECTED_NONE && candidate(card, i, &aid, &e); i++) {
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

/* Why an applet or domain may not be selected; 9000 when it may. */
static uint16_t may_select(const struct mm_card *card, const struct mm_reg_entry *e)
{
    uint8_t state = mm_reg_state(&card->registry, e);

    if (mm_reg_suspended(e))
        return MM_SW_6A82_FILE_NOT_FOUND;
    if (e->kind == MM_COMP_DOMAIN ? mm_comp_damage(card->nvm, e->comp) != MM_DAMAGE_NONE
                                  : !mm_select_usable(card, e))
        return MM_SW_6999_APPLET_SELECT_FAILED;
    if (mm_card_state(card) == MM_STATE_CARD_LOCKED &&
        !mm_priv_has(e->privileges, MM_PRIV_FINAL_APPLICATION))
        return MM_SW_6A82_FILE_NOT_FOUND;
    if ((state & MM_STATE_LOCKED_BIT) || (state & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE)
        return MM_SW_6A82_FILE_NOT_FOUND;
    if (e->kind == MM_COMP_APPLET && mm_cl_hides(card, e))
        return MM_SW_6A82_FILE_NOT_FOUND;
    if (e->kind == MM_COMP_APPLET && !mm_integrity_gate_open(card->integrity))
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

/* ---- Several channels (JCRE 3.0.5, 4.2) ---- */
bool mm_select_multi(const struct mm_card *card, const struct mm_reg_entry *e)
{
    return e != NULL &&
           mm_vm_instance_of(card->vm, e->applet, "javacard/framework/MultiSelectable");
}

/* May it be selected on this channel beside what is active on others? All of the package's applets
 * that are must be multiselectable, as this one. */
static bool may_share(const struct mm_card *card, const struct mm_reg_entry *e)
{
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        const struct mm_channel *c = &card->channels[i];
        const struct mm_reg_entry *other;
        if (c == card->channel || c->selected != MM_SELECTED_APPLET)
            continue;
        other = mm_reg_comp(&card->registry, c->selected_comp);
        if (other != NULL && other->package == e->package &&
            (!mm_select_multi(card, e) || !mm_select_multi(card, other)))
            return false;
    }
    return true;
}

/* A call ended: a transaction that it left open is undone, and the call counts as one that ended with
 * an uncaught exception (JCRE 3.0.5, 7.6.2). Was there one? */
static bool left_open(struct mm_card *card)
{
    bool open = mm_tx_active(card->nvm);

    if (open)
        mm_vm_tx_abort(card->vm);
    return open;
}

void mm_select_none(struct mm_card *card)
{
    struct mm_channel *channel = card->channel;
    const struct mm_reg_entry *e = NULL;
    bool active;

    if (channel->selected == MM_SELECTED_APPLET)
        e = mm_reg_comp(&card->registry, channel->selected_comp);
    if (e != NULL) {
        /* JCRE 3.0.5, 4.6; what it throws is ignored. */
        active = mm_channel_context_active(card, e->package, channel);
        if (active && mm_select_multi(card, e))
            (void)mm_vm_deselect_one(card->vm, e->applet,
                                     mm_channel_instance_active(card, e->comp, channel));
        else
            (void)mm_vm_deselect(card->vm, e->applet);
        (void)left_open(card);
        if (!active)
            mm_vm_clear_on_deselect(card->vm, e->package);
    }
    mm_session_end(&channel->session);
    mm_api_channel_end(card->vm, mm_channel_number(card));
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    channel->status_next = 0;
    channel->selected = MM_SELECTED_NONE;
    channel->selected_comp = 0;
}

/* What process() ended with: an ISOException's reason is the status word, whatever it is (JCRE 3.0.5,
 * 3.3); applets end SELECT with 9000 so, and tell what they caught with values of their own. */
static uint16_t process_sw(const struct mm_card *card, enum mm_run run)
{
    const struct mm_exception *e = mm_vm_exception(card->vm);

    if (run == MM_RUN_THROWN && strcmp(e->class_name, "javacard/framework/ISOException") == 0)
        return e->reason;
    return mm_select_run_sw(card, run);
}

static uint16_t process(struct mm_card *card, const struct mm_reg_entry *e,
                        const struct mm_apdu *apdu)
{
    const struct mm_api_command command = {.header = {apdu->cla, apdu->ins, apdu->p1, apdu->p2},
                                           .body = apdu->data,
                                           .body_len = apdu->data_len,
                                           .le = apdu->le,
                                           .has_le = apdu->has_le,
                                           .extended = apdu->extended,
                                           .applet = e->applet,
                                           .protocol = card->cfg.protocol};
    const uint8_t *response = NULL;
    size_t response_len = 0;
    enum mm_run run;
    uint16_t sw;
    mm_ref ref;

    if (!mm_api_apdu_acceptable(card->vm, &command))
        return MM_SW_6700_WRONG_LENGTH;
    ref = mm_api_apdu_begin(card->vm, &command);
    run = mm_vm_process(card->vm, e->applet, ref);
    sw = process_sw(card, run);
    if (left_open(card) && run == MM_RUN_OK)
        sw = MM_SW_6F00_UNKNOWN;
    mm_api_apdu_end(card->vm, &response, &response_len);
    mm_buf_bytes(&card->out, response, response_len);
    return card->out.bad ? MM_SW_6A84_FILE_FULL : sw;
}

/* select() of the one kind or the other (JCRE 3.0.5, 4.2). When it says no, nothing is selected. */
static bool call_select(struct mm_card *card, const struct mm_reg_entry *e)
{
    struct mm_channel *channel = card->channel;
    bool active = mm_channel_context_active(card, e->package, channel);
    mm_comp package = e->package;
    bool accepted = false;
    enum mm_run run;

    channel->selected = MM_SELECTED_APPLET;
    channel->selected_comp = e->comp;
    run = active ? mm_vm_select_again(card->vm, e->applet,
                                      mm_channel_instance_active(card, e->comp, channel), &accepted)
                 : mm_vm_select(card->vm, e->applet, &accepted);
    if (!left_open(card) && run == MM_RUN_OK && accepted)
        return true;
    if (!active)
        mm_vm_clear_on_deselect(card->vm, package);
    channel->selected = MM_SELECTED_NONE;
    channel->selected_comp = 0;
    return false;
}

static uint16_t select_applet(struct mm_card *card, const struct mm_reg_entry *e,
                              const struct mm_apdu *apdu)
{
    struct mm_channel *channel = card->channel;
    struct mm_reg_entry entry = *e;
    uint16_t sw;

    if (!may_share(card, &entry))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    card->reselecting =
        channel->selected == MM_SELECTED_APPLET && channel->selected_comp == entry.comp;
    mm_select_none(card);
    card->selecting = true;
    sw = call_select(card, &entry) ? process(card, &entry, apdu) : MM_SW_6999_APPLET_SELECT_FAILED;
    card->selecting = card->reselecting = false;
    return sw;
}

static bool take_domain(struct mm_card *card, mm_comp domain)
{
    card->channel->selected = MM_SELECTED_DOMAIN;
    card->channel->selected_comp = domain;
    return true;
}

static uint16_t select_domain(struct mm_card *card, mm_comp domain)
{
    mm_select_none(card);
    (void)take_domain(card, domain);
    mm_isd_fci(card, &card->out);
    return mm_card_state(card) == MM_STATE_CARD_LOCKED ? MM_SW_6283_CARD_LOCKED
                                                       : MM_SW_9000_NO_ERROR;
}

/* ---- After a reset (GPCS 6.4.1.1) ---- */
/* An application that cannot or will not be selected leaves the card to the domain, which can put
 * that right. */
void mm_select_default(struct mm_card *card)
{
    const struct mm_reg_entry *e = mm_priv_holder(card, MM_PRIV_CARD_RESET);

    if (e != NULL && mm_card_state(card) != MM_STATE_CARD_TERMINATED &&
        may_select(card, e) == MM_SW_9000_NO_ERROR &&
        (e->kind == MM_COMP_DOMAIN ? take_domain(card, e->comp) : call_select(card, e)))
        return;
    (void)take_domain(card, 0);
}

/* The application that INSTALL made the implicit one of a channel of the contact interface (GPCS
 * table 11-50): CF, bit 40 and the channel's number. */
static const struct mm_reg_entry *implicit_for(const struct mm_card *card, uint8_t number)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind != MM_COMP_PACKAGE && (e->implicit & 0x40) && (e->implicit & 0x1f) == number &&
            may_select(card, e) == MM_SW_9000_NO_ERROR)
            return e;
    }
    return NULL;
}

uint16_t mm_select_opened(struct mm_card *card, const struct mm_channel *origin)
{
    const struct mm_reg_entry *e = NULL;
    uint16_t sw;

    if (origin != &card->channels[0] && origin->selected != MM_SELECTED_APPLET) {
        card->channel->selected = origin->selected;
        card->channel->selected_comp = origin->selected_comp;
        return MM_SW_9000_NO_ERROR;
    }
    e = origin == &card->channels[0] ? implicit_for(card, mm_channel_number(card))
                                     : mm_reg_comp(&card->registry, origin->selected_comp);
    if (origin == &card->channels[0] && (e == NULL || e->kind == MM_COMP_DOMAIN)) {
        /* The default of every other channel is the domain, unless INSTALL said otherwise. */
        (void)take_domain(card, e != NULL ? e->comp : 0);
        return MM_SW_9000_NO_ERROR;
    }
    sw = e == NULL ? MM_SW_6999_APPLET_SELECT_FAILED : may_select(card, e);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    if (!may_share(card, e))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return call_select(card, e) ? MM_SW_9000_NO_ERROR : MM_SW_6999_APPLET_SELECT_FAILED;
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

    /* P2: first or only (00), next (02) occurrence; what of the FCI is asked for (0C). */
    /* It would open the channel, which is no function of a locked card (GPCS 11.7, 11.9). */
    if (!card->channel->open && mm_card_state(card) == MM_STATE_CARD_LOCKED)
        return MM_SW_6A81_FUNC_NOT_SUPPORTED;
    card->channel->open = true; /* and stays so, whatever comes of it (JCRE 3.0.5, 4.5.2) */
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
    if (e != NULL && e->kind == MM_COMP_APPLET)
        return select_applet(card, e, apdu);
    if (e != NULL || i == 0)
        return select_domain(card, e != NULL ? e->comp : 0);
    mm_select_none(card);
    card->channel->selected = MM_SELECTED_INTEGRITY;
    integrity_fci(&card->out);
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_select_process(struct mm_card *card, const struct mm_apdu *apdu)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, card->channel->selected_comp);

    if (e == NULL || !mm_select_usable(card, e))
        return MM_SW_6999_APPLET_SELECT_FAILED;
    /* Shut from another channel: what is selected already must not go on either. */
    if (!mm_integrity_gate_open(card->integrity))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return process(card, e, apdu);
}
