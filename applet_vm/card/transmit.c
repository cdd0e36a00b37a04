/* The way of one command (ISO 7816-4, 5): to whom it goes, its promise, its response. */
#include "applet_vm/card/card_int.h"

#include <string.h>

/* Commands for the card's own applications: the channel is found, so the class is that of the basic one;
 * they know no command chaining and no secure messaging of ISO 7816-4. */
static uint16_t to_own(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_apdu basic = *apdu;
    bool interindustry = (apdu->cla & 0x80) == 0;

    basic.cla = mm_card_class_basic(apdu->cla);
    if (interindustry && mm_card_class_chained(apdu->cla))
        return MM_SW_6884_CHAINING_NOT_SUPPORTED;
    if (interindustry && apdu->ins == MM_INS_CARD_SELECT && mm_card_class_secured(apdu->cla))
        return MM_SW_6882_SECURE_MESSAGING_NOT_SUPPORTED;
    if (basic.cla == 0x00 && apdu->ins == MM_INS_CARD_SELECT)
        return MM_SW_6A86_INCORRECT_P1P2; /* not by name, or for another occurrence */
    if (card->channel->selected == MM_SELECTED_DOMAIN)
        return mm_isd_command(card, &basic);
    if (basic.cla != 0x80)
        return MM_SW_6E00_CLA_NOT_SUPPORTED;
    return mm_integrity_command(card->integrity, apdu->ins, apdu->p1, apdu->p2, apdu->data,
                                apdu->data_len, &card->out);
}

/* By name, without secure messaging or chaining, for the first or the next: what JCRE 3.0.5, 4.5.2
 * takes as the selection of an applet; P2 may ask RMI for names of interfaces (10; 8.4.1). Other SELECTs
 * are the selected application's own. */
static bool is_selection(const struct mm_apdu *apdu)
{
    return (apdu->cla & 0x80) == 0 && apdu->ins == MM_INS_CARD_SELECT && apdu->p1 == 0x04 &&
           (apdu->p2 & ~0x1e) == 0 && !mm_card_class_secured(apdu->cla) &&
           !mm_card_class_chained(apdu->cla);
}

static uint16_t dispatch(struct mm_card *card, const struct mm_apdu *apdu)
{
    if (mm_card_state(card) == MM_STATE_CARD_TERMINATED) /* GPCS 5.1.1.5: GET DATA, nothing else */
        return apdu->ins == MM_INS_ISD_GET_DATA && (apdu->cla == 0x00 || apdu->cla == 0x80)
                   ? mm_isd_get_data(card, apdu)
                   : MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if ((apdu->cla & 0x80) == 0 && apdu->ins == MM_INS_CARD_MANAGE_CHANNEL)
        return mm_card_class_chained(apdu->cla) ? MM_SW_6884_CHAINING_NOT_SUPPORTED
                                                : mm_channel_manage(card, apdu);
    if (is_selection(apdu))
        return mm_select(card, apdu);
    if (!card->channel->open)
        return MM_SW_6881_CHANNEL_NOT_SUPPORTED;
    switch (card->channel->selected) {
    case MM_SELECTED_DOMAIN:
    case MM_SELECTED_INTEGRITY:
        return to_own(card, apdu);
    case MM_SELECTED_APPLET:
        return mm_select_process(card, apdu);
    case MM_SELECTED_NONE:
        break;
    }
    return MM_SW_6999_APPLET_SELECT_FAILED;
}

/* What an applet's Java code threw away goes when it asked for it, before the promise. */
static void collect(struct mm_card *card)
{
    mm_ref roots[MM_REG_MAX];
    size_t n = 0;

    if (!mm_vm_collect_wanted(card->vm))
        return;
    for (size_t i = 0; i < card->registry.n; i++) {
        if (card->registry.entries[i].kind == MM_COMP_APPLET)
            roots[n++] = card->registry.entries[i].applet;
    }
    mm_vm_collect(card->vm, roots, n);
}

/* Bytes of response data that the command may have at once. Without Le, a T=0 host expects nothing but
 * 61xx (ISO 7816-4, 5.3.4); with T=1 cards send what there is, and programs leave Le out. */
static size_t allowed(const struct mm_card *card, const struct mm_apdu *apdu)
{
    if (apdu->has_le)
        return apdu->le;
    if (card->cfg.protocol == MM_PROTOCOL_T0)
        return 0;
    return apdu->extended ? 65536 : 256;
}

/* Hand out the next part of the response: all of it when Le allows, else what fits and 61xx. */
static size_t hand_out(const struct mm_card *card, const struct mm_buf *from,
                       const struct mm_apdu *apdu, uint8_t *resp, size_t room)
{
    struct mm_channel *channel = card->channel;
    size_t left = from->len - channel->rest_off, n = left;
    uint16_t sw = channel->rest_sw;

    if (n > allowed(card, apdu))
        n = allowed(card, apdu);
    if (n > room - 2)
        n = room - 2;
    memcpy(resp, from->data == NULL ? resp : from->data + channel->rest_off, n);
    channel->rest_off += n;
    channel->pending = n < left;
    if (channel->pending) {
        size_t rest = left - n;
        sw = (uint16_t)(0x6100 | (rest > 0xff ? 0 : rest));
    }
    mm_put_be16(resp + n, sw);
    return n + 2;
}

/* The response of the running command; what does not go out now stays with the channel. */
static size_t answer(struct mm_card *card, const struct mm_apdu *apdu, uint8_t *resp, size_t room)
{
    struct mm_channel *channel = card->channel;
    struct mm_buf swap = channel->rest;
    size_t n;

    channel->rest_off = 0;
    n = hand_out(card, &card->out, apdu, resp, room);
    if (channel->pending) {
        channel->rest = card->out;
        card->out = swap;
    }
    return n;
}

static uint16_t execute(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint16_t sw;
    enum mm_status st;

    card->out.len = 0;
    sw = dispatch(card, apdu);
    if (card->out.bad) {
        mm_buf_clear(&card->out);
        sw = MM_SW_6A84_FILE_FULL;
    }
    if (mm_tx_active(card->nvm))
        mm_vm_tx_abort(card->vm);
    collect(card);
    st = mm_nvm_promise(card->nvm);
    if (st != MM_OK) {
        card->out.len = 0;
        sw = mm_card_failure("promise", st);
    }
    return sw;
}

/* GET RESPONSE belongs to the card when there is something to get; else an applet may have its own.
 * Java's javax.smartcardio repeats the class of the command, which has the chaining bit in B0 and others. */
static bool is_get_response(const struct mm_channel *channel, const struct mm_apdu *apdu)
{
    bool repeats = channel->pending && apdu->cla == channel->rest_cla;

    return apdu->ins == MM_INS_CARD_GET_RESPONSE && channel->open &&
           (repeats || !mm_card_class_chained(apdu->cla)) &&
           (channel->pending || channel->selected != MM_SELECTED_APPLET);
}

/* FF is invalid and 20 to 3F are reserved (ISO 7816-4, 5.4.1). */
static bool class_known(uint8_t cla)
{
    return cla != 0xff && (cla & 0xe0) != 0x20;
}

/* Applets have proprietary classes such as E0 and F0 from before they named the channels 4 to 19; on a
 * card where that channel is not open they mean the basic one. */
static struct mm_channel *channel_of(struct mm_card *card, uint8_t cla)
{
    struct mm_channel *named = &card->channels[mm_card_apdu_channel(cla)];

    if ((cla & 0xc0) == 0xc0 && !named->open && card->channels[0].selected == MM_SELECTED_APPLET)
        return &card->channels[0];
    return named;
}

/* as: the command as it came over the link, whose Le says how much may go out at once. */
static size_t answer_command(struct mm_card *card, const struct mm_apdu *apdu,
                             const struct mm_apdu *as, uint8_t *resp, size_t room)
{
    struct mm_channel *channel = channel_of(card, apdu->cla);

    if (!class_known(apdu->cla)) {
        mm_put_be16(resp, MM_SW_6E00_CLA_NOT_SUPPORTED);
        return 2;
    }
    card->channel = channel;
    if (!is_get_response(channel, apdu)) {
        channel->rest_sw = execute(card, apdu);
        channel->rest_cla = apdu->cla;
        return answer(card, as, resp, room);
    }
    if (channel->pending)
        return hand_out(card, &channel->rest, as, resp, room);
    mm_put_be16(resp, MM_SW_6985_CONDITIONS_NOT_SATISFIED);
    return 2;
}

/* The command that ENVELOPEs brought, answered as the last of them: T=0 hands out 256 bytes at most. */
static size_t answer_enveloped(struct mm_card *card, const struct mm_apdu *last, uint8_t *resp,
                               size_t room)
{
    struct mm_apdu a;
    size_t n;

    if (mm_card_apdu_parse(card->envelope.whole.data, card->envelope.whole.len, &a)) {
        n = answer_command(card, &a, last, resp, room);
    } else {
        mm_put_be16(resp, MM_SW_6700_WRONG_LENGTH);
        n = 2;
    }
    mm_envelope_drop(card);
    return n;
}

static size_t transmit(struct mm_card *card, const struct mm_apdu *apdu, uint8_t *resp, size_t room)
{
    switch (mm_envelope_take(card, apdu)) {
    case MM_ENVELOPE_NONE:
        break;
    case MM_ENVELOPE_MORE:
        mm_put_be16(resp, MM_SW_9000_NO_ERROR);
        return 2;
    case MM_ENVELOPE_BAD:
        mm_put_be16(resp, MM_SW_6700_WRONG_LENGTH);
        return 2;
    case MM_ENVELOPE_WHOLE:
        return answer_enveloped(card, apdu, resp, room);
    }
    return answer_command(card, apdu, apdu, resp, room);
}

void mm_card_transmit(struct mm_card *card, const uint8_t *apdu, size_t apdu_len, uint8_t *resp,
                      size_t *resp_len)
{
    struct mm_apdu a;
    size_t room = *resp_len;

    *resp_len = 0;
    if (room < 2)
        return;
    if (card->on && mm_card_apdu_parse(apdu, apdu_len, &a)) {
        *resp_len = transmit(card, &a, resp, room);
        return;
    }
    mm_put_be16(resp, card->on ? MM_SW_6700_WRONG_LENGTH : MM_SW_6F00_UNKNOWN);
    card->channel->pending = false;
    *resp_len = 2;
}
