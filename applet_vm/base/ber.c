#include "applet_vm/base/ber.h"

#define MORE_TAG 0x1f /* all of these bits: the number is in the next byte */

size_t mm_ber_len(struct mm_rd *rd)
{
    size_t first = mm_rd_u8(rd), high;

    switch (first) {
    case 0x81:
        return mm_rd_u8(rd);
    case 0x82:
        return mm_rd_u16(rd);
    case 0x83:
        high = mm_rd_u8(rd);
        return high << 16 | mm_rd_u16(rd);
    default:
        if (first > 0x7f)
            rd->bad = true;
        return first;
    }
}

bool mm_ber_take(struct mm_rd *rd, uint16_t *tag, const uint8_t **value, size_t *len)
{
    *tag = mm_rd_u8(rd);
    if ((*tag & MORE_TAG) == MORE_TAG)
        *tag = (uint16_t)(*tag << 8 | mm_rd_u8(rd));
    *len = mm_ber_len(rd);
    *value = mm_rd_bytes(rd, *len);
    return *value != NULL;
}

void mm_ber_put_len(struct mm_buf *out, size_t len)
{
    if (len > 0xff) {
        mm_buf_u8(out, 0x82);
        mm_buf_u16(out, (uint16_t)len);
        return;
    }
    if (len > 0x7f)
        mm_buf_u8(out, 0x81);
    mm_buf_u8(out, (uint8_t)len);
}

void mm_ber_put(struct mm_buf *out, uint16_t tag, const void *value, size_t len)
{
    if (tag > 0xff)
        mm_buf_u8(out, (uint8_t)(tag >> 8));
    mm_buf_u8(out, (uint8_t)tag);
    mm_ber_put_len(out, len);
    mm_buf_bytes(out, value, len);
}
