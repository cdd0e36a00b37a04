/*
 * Logical channels: MANAGE CHANNEL (ISO 7816-4, 11.1.2; JCRE 3.0.5, 4.5.1 and 4.6.1; GPCS 2.3.1, 11.7)
 * and what is active where. The class byte tells a command's channel; card->channel is that one while
 * the command runs, and the new or leaving one while its application is selected or deselected.
 */
#include "applet_vm/card/card_int.h"

#define OPEN  0x00
#define CLOSE 0x80

uint8_t mm_channel_number(const struct mm_card *card)
{
    return (uint8_t)(card->channel - card->channels);
}

bool mm_channel_instance_active(const struct mm_card *card, mm_comp comp,
                                const struct mm_channel *but)
{
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        const struct mm_channel *c = &card->channels[i];
        if (c != but && c->selected_comp == comp &&
            (c->selected == MM_SELECTED_APPLET || c->selected == MM_SELECTED_DOMAIN))
            return true;
    }
    return false;
}

bool mm_channel_context_active(const struct mm_card *card, mm_comp package,
                               const struct mm_channel *but)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind == MM_COMP_APPLET && e->package == package &&
            mm_channel_instance_active(card, e->comp, but))
            return true;
    }
    return false;
}

void mm_channel_forget(struct mm_card *card, mm_comp comp)
{
    for (size_t i = 0; i < MM_CHANNEL_N; i++) {
        struct mm_channel *c = &card->channels[i];
        if (c->selected_comp == comp) {
            c->selected = MM_SELECTED_NONE;
            c->selected_comp = 0;
        }
    }
}

void mm_channel_close(struct mm_card *card)
{
    struct mm_channel *channel = card->channel;

    channel->open = channel->pending = false;
    channel->selected = MM_SELECTED_NONE;
    channel->selected_comp = 0;
    channel->status_next = 0;
    mm_buf_clear(&channel->rest);
    mm_session_end(&channel->session);
    mm_api_channel_end(card->vm, mm_channel_number(card));
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
}

/* ---- MANAGE CHANNEL ---- */

/* The channel to open: the named one, or the first that is free. NULL: there is none. */
static struct mm_channel *channel_to_open(struct mm_card *card, uint8_t number)
{
    if (number != 0)
        return card->channels[number].open ? NULL : &card->channels[number];
    for (size_t i = 1; i < MM_CHANNEL_N; i++) {
        if (!card->channels[i].open)
            return &card->channels[i];
    }
    return NULL;
}

static uint16_t open_channel(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_channel *origin = card->channel, *target;
    uint16_t sw;

    if (apdu->p2 == 0 && (!apdu->has_le || apdu->le != 1))
        return MM_SW_6C01_WRONG_LE_1;
    target = channel_to_open(card, apdu->p2);
    if (mm_card_state(card) == MM_STATE_CARD_LOCKED || (target == NULL && apdu->p2 == 0))
        return MM_SW_6A81_FUNC_NOT_SUPPORTED;
    if (target == NULL)
        return MM_SW_6A86_INCORRECT_P1P2;
    card->channel = target;
    target->open = true;
    sw = mm_select_opened(card, origin);
    if (sw != MM_SW_9000_NO_ERROR)
        mm_channel_close(card);
    else if (apdu->p2 == 0)
        mm_buf_u8(&card->out, mm_channel_number(card));
    card->channel = origin;
    return sw;
}

static uint16_t close_channel(struct mm_card *card, uint8_t number)
{
    struct mm_channel *origin = card->channel;

    if (number == 0)
        return MM_SW_6A81_FUNC_NOT_SUPPORTED;
    if (!card->channels[number].open)
        return MM_SW_6200_LOGICAL_CHANNEL_CLOSED;
    card->channel = &card->channels[number];
    mm_select_none(card);
    mm_channel_close(card);
    card->channel = origin;
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_channel_manage(struct mm_card *card, const struct mm_apdu *apdu)
{
    if (mm_card_class_secured(apdu->cla))
        return MM_SW_6882_SECURE_MESSAGING_NOT_SUPPORTED;
    if (!card->channel->open)
        return MM_SW_6881_CHANNEL_NOT_SUPPORTED;
    if ((apdu->p1 != OPEN && apdu->p1 != CLOSE) || apdu->p2 >= MM_CHANNEL_N)
        return MM_SW_6A81_FUNC_NOT_SUPPORTED;
    if (apdu->data_len != 0)
        return MM_SW_6700_WRONG_LENGTH;
    return apdu->p1 == OPEN ? open_channel(card, apdu) : close_channel(card, apdu->p2);
}
