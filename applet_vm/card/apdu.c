/* Command APDUs: the seven forms of ISO 7816-4, 5.2. */
#include "applet_vm/base/ber.h"
#include "applet_vm/card/card_int.h"

bool mm_card_apdu_parse(const uint8_t *apdu, size_t apdu_len, struct mm_apdu *out)
{
    struct mm_apdu a = {0};
    size_t le_len;

    *out = a;
    if (apdu_len < 4)
        return false;
    a = (struct mm_apdu){.cla = apdu[0], .ins = apdu[1], .p1 = apdu[2], .p2 = apdu[3]};
    if (apdu_len == 4) { /* case 1 */
        *out = a;
        return true;
    }
    /* A first length byte of 0 with more behind it starts the extended form. */
    a.extended = apdu[4] == 0 && apdu_len > 5;
    if (a.extended && apdu_len < 7)
        return false;
    /* Case 2. With an extended Lc of zero before Le it is no form of the standard; programs send it, and
     * cards take it as what it means. */
    if (apdu_len == (a.extended ? 7u : 5u) ||
        (a.extended && apdu_len == 9 && mm_be16(apdu + 5) == 0)) {
        a.has_le = true;
        a.le = a.extended ? mm_be16(apdu + apdu_len - 2) : apdu[4];
    } else { /* cases 3 and 4 */
        size_t head = a.extended ? 7 : 5;
        a.data_len = a.extended ? mm_be16(apdu + 5) : apdu[4];
        a.data = apdu + head;
        if (a.data_len == 0 || apdu_len - head < a.data_len)
            return false;
        le_len = apdu_len - head - a.data_len;
        if (le_len != 0 && le_len != (a.extended ? 2u : 1u))
            return false;
        a.has_le = le_len > 0;
        if (a.has_le)
            a.le = a.extended ? mm_be16(apdu + apdu_len - 2) : apdu[apdu_len - 1];
    }
    if (a.has_le && a.le == 0)
        a.le = a.extended ? 65536 : 256;
    *out = a;
    return true;
}

size_t mm_card_field_len(struct mm_rd *rd)
{
    struct mm_rd ahead = *rd;

    if (mm_rd_u8(&ahead) != 0x80)
        return mm_ber_len(rd);
    *rd = ahead;
    return 0x80;
}

bool mm_card_class_secured(uint8_t cla)
{
    return (cla & ((cla & 0x40) != 0 ? 0x20 : 0x0c)) != 0;
}

bool mm_card_class_chained(uint8_t cla)
{
    return (cla & 0x10) != 0;
}

uint8_t mm_card_class_basic(uint8_t cla)
{
    uint8_t secured = (cla & 0x20) != 0 ? 0x04 : 0x00; /* of a further class: GPCS table 11-12 */

    return (uint8_t)((cla & 0x40) != 0 ? (cla & 0x90) | secured : cla & ~0x03);
}

uint8_t mm_card_apdu_channel(uint8_t cla)
{
    /* Further interindustry classes and their proprietary twins carry channels 4..19 in four bits,
     * the first ones 0..3 in two (JCRE 3.0.5, 4.3). */
    return (uint8_t)((cla & 0x40) != 0 ? 4 + (cla & 0x0f) : cla & 0x03);
}

void mm_card_put_tlv(struct mm_buf *out, uint16_t tag, const void *value, size_t len)
{
    if (tag > 0xff)
        mm_buf_u8(out, (uint8_t)(tag >> 8));
    mm_buf_u8(out, (uint8_t)tag);
    mm_buf_u8(out, (uint8_t)len);
    mm_buf_bytes(out, value, len);
}
