/*
 * ENVELOPE (ISO 7816-4, 11.8.2; ISO 7816-3, 12.2): how a host under T=0, whose commands carry 255 bytes,
 * brings one of more. The data of successive ENVELOPEs, put together, are a command in its extended
 * form. It runs when it is whole, and the last ENVELOPE gets its answer; those before get 9000.
 *
 * Whole is told by its Lc. Whether Le follows is not: when the bytes so far end with the data, a string
 * as long as the first one may have more behind it, a shorter one or an empty one may not.
 *
 * Under other protocols, and when what it begins is no command of more than 255 bytes, ENVELOPE is the
 * selected application's own (as 80C2 of TS 102 221 always is).
 */
#include "applet_vm/card/card_int.h"

#define HEAD_LEN  7 /* CLA INS P1 P2 00 Lc */
#define SHORT_MAX 255

void mm_envelope_drop(struct mm_card *card)
{
    mm_buf_clear(&card->envelope.whole);
    card->envelope.string_len = 0;
}

static bool is_envelope(const struct mm_card *card, const struct mm_apdu *apdu)
{
    return card->cfg.protocol == MM_PROTOCOL_T0 && (apdu->cla & 0x80) == 0 &&
           (apdu->cla & 0xe0) != 0x20 && apdu->ins == MM_INS_CARD_ENVELOPE &&
           !mm_card_class_secured(apdu->cla) && !mm_card_class_chained(apdu->cla);
}

static bool begins_command(const struct mm_apdu *apdu)
{
    return apdu->data_len >= HEAD_LEN && apdu->data[4] == 0 && mm_be16(apdu->data + 5) > SHORT_MAX;
}

enum mm_envelope mm_envelope_take(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_buf *whole = &card->envelope.whole;
    size_t lc_end;

    if (!is_envelope(card, apdu) || (whole->len == 0 && !begins_command(apdu))) {
        mm_envelope_drop(card); /* another command ends what was begun */
        return MM_ENVELOPE_NONE;
    }
    if (whole->len == 0)
        card->envelope.string_len = apdu->data_len;
    if (apdu->data_len > 0)
        mm_buf_bytes(whole, apdu->data, apdu->data_len);
    lc_end = whole->bad ? 0 : HEAD_LEN + (size_t)mm_be16(whole->data + 5);
    if (whole->bad || whole->len > lc_end + 2 || (apdu->data_len == 0 && whole->len < lc_end)) {
        mm_envelope_drop(card);
        return MM_ENVELOPE_BAD;
    }
    if (whole->len == lc_end + 2 ||
        (whole->len == lc_end && apdu->data_len < card->envelope.string_len))
        return MM_ENVELOPE_WHOLE;
    return MM_ENVELOPE_MORE;
}
