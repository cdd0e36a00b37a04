/* UTF-8 and conversions between it and other encodings. */
#include "applet_vm/api/utf8.h"

#define CODE_END   0x110000u
#define SURROGATE  0xD800u /* to DFFF */
#define ESCAPE     0x1B    /* GSM: the next septet is of the extension table */
#define BYTE_ORDER 0xFEFFu

/* ---- UTF-8 ---- */

/* A byte that may follow first at position i (RFC 3629, section 4). */
static bool follows(uint8_t first, size_t i, uint8_t byte)
{
    uint8_t low = 0x80, high = 0xBF;

    if (i == 1 && first == 0xE0)
        low = 0xA0; /* no longer than needed */
    else if (i == 1 && first == 0xED)
        high = 0x9F; /* no surrogates */
    else if (i == 1 && first == 0xF0)
        low = 0x90;
    else if (i == 1 && first == 0xF4)
        high = 0x8F; /* no more than 10FFFF */
    return byte >= low && byte <= high;
}

size_t mm_utf8_next(const uint8_t *text, size_t n, uint32_t *code)
{
    uint8_t first = text[0];
    size_t want = first < 0x80                     ? 1
                  : first >= 0xC2 && first <= 0xDF ? 2
                  : first >= 0xE0 && first <= 0xEF ? 3
                  : first >= 0xF0 && first <= 0xF4 ? 4
                                                   : 0;
    uint32_t v;

    *code = MM_UTF8_BAD;
    if (want == 0)
        return 1;
    v = want == 1 ? first : first & (0x7Fu >> want);
    for (size_t i = 1; i < want; i++) {
        if (i == n || !follows(first, i, text[i]))
            return i;
        v = v << 6 | (text[i] & 0x3Fu);
    }
    *code = v;
    return want;
}

void mm_utf8_put(struct mm_buf *out, uint32_t code)
{
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t mark[] = {0, 0xC0, 0xE0, 0xF0};

    mm_buf_u8(out, (uint8_t)(mark[more] | code >> (6 * more)));
    while (more-- > 0)
        mm_buf_u8(out, (uint8_t)(0x80 | (code >> (6 * more) & 0x3F)));
}

bool mm_utf8_prefix(const uint8_t *text, size_t n, size_t count, size_t *len)
{
    uint32_t code;

    for (*len = 0; count > 0; count--) {
        if (*len == n)
            return false;
        *len += mm_utf8_next(text + *len, n - *len, &code);
    }
    return true;
}

size_t mm_utf8_count(const uint8_t *text, size_t n)
{
    size_t count = 0;
    uint32_t code;

    for (size_t at = 0; at < n; count++)
        at += mm_utf8_next(text + at, n - at, &code);
    return count;
}

/* ---- GSM 7 bit default alphabet (3GPP TS 23.038, 6.2.1); its row 1B is the escape ---- */

static const uint16_t gsm[128] = {
    0x0040, 0x00A3, 0x0024, 0x00A5, 0x00E8, 0x00E9, 0x00F9, 0x00EC, 0x00F2, 0x00C7, 0x000A, 0x00D8,
    0x00F8, 0x000D, 0x00C5, 0x00E5, 0x0394, 0x005F, 0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8,
    0x03A3, 0x0398, 0x039E, 0xFFFF, 0x00C6, 0x00E6, 0x00DF, 0x00C9, 0x0020, 0x0021, 0x0022, 0x0023,
    0x00A4, 0x0025, 0x0026, 0x0027, 0x0028, 0x0029, 0x002A, 0x002B, 0x002C, 0x002D, 0x002E, 0x002F,
    0x0030, 0x0031, 0x0032, 0x0033, 0x0034, 0x0035, 0x0036, 0x0037, 0x0038, 0x0039, 0x003A, 0x003B,
    0x003C, 0x003D, 0x003E, 0x003F, 0x00A1, 0x0041, 0x0042, 0x0043, 0x0044, 0x0045, 0x0046, 0x0047,
    0x0048, 0x0049, 0x004A, 0x004B, 0x004C, 0x004D, 0x004E, 0x004F, 0x0050, 0x0051, 0x0052, 0x0053,
    0x0054, 0x0055, 0x0056, 0x0057, 0x0058, 0x0059, 0x005A, 0x00C4, 0x00D6, 0x00D1, 0x00DC, 0x00A7,
    0x00BF, 0x0061, 0x0062, 0x0063, 0x0064, 0x0065, 0x0066, 0x0067, 0x0068, 0x0069, 0x006A, 0x006B,
    0x006C, 0x006D, 0x006E, 0x006F, 0x0070, 0x0071, 0x0072, 0x0073, 0x0074, 0x0075, 0x0076, 0x0077,
    0x0078, 0x0079, 0x007A, 0x00E4, 0x00F6, 0x00F1, 0x00FC, 0x00E0,
};

/* Its extension (6.2.1.1). */
static const struct {
    uint8_t septet;
    uint16_t code;
} gsm_more[] = {
    {0x0A, 0x000C}, {0x14, 0x005E}, {0x28, 0x007B}, {0x29, 0x007D}, {0x2F, 0x005C},
    {0x3C, 0x005B}, {0x3D, 0x007E}, {0x3E, 0x005D}, {0x40, 0x007C}, {0x65, 0x20AC},
};

static bool put_gsm(struct mm_buf *out, uint32_t code)
{
    for (size_t i = 0; i < sizeof(gsm) / sizeof(gsm[0]); i++) {
        if (gsm[i] == code && i != ESCAPE) {
            mm_buf_u8(out, (uint8_t)i);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(gsm_more) / sizeof(gsm_more[0]); i++) {
        if (gsm_more[i].code == code) {
            mm_buf_u8(out, ESCAPE);
            mm_buf_u8(out, gsm_more[i].septet);
            return true;
        }
    }
    return false;
}

static uint32_t next_gsm(const uint8_t *data, size_t n, size_t *used)
{
    *used = 1;
    if (data[0] >= sizeof(gsm) / sizeof(gsm[0]))
        return MM_UTF8_BAD;
    if (data[0] != ESCAPE)
        return gsm[data[0]];
    for (size_t i = 0; n > 1 && i < sizeof(gsm_more) / sizeof(gsm_more[0]); i++) {
        if (gsm_more[i].septet == data[1]) {
            *used = 2;
            return gsm_more[i].code;
        }
    }
    return MM_UTF8_BAD;
}

/* ---- One code point of an encoding ---- */

static void put_unit(struct mm_buf *out, enum mm_encoding to, uint32_t unit)
{
    uint8_t high = (uint8_t)(unit >> 8), low = (uint8_t)unit;

    mm_buf_u8(out, to == MM_ENC_UTF_16_LE ? low : high);
    mm_buf_u8(out, to == MM_ENC_UTF_16_LE ? high : low);
}

static bool put(struct mm_buf *out, enum mm_encoding to, uint32_t code)
{
    switch (to) {
    case MM_ENC_UTF_8:
        mm_utf8_put(out, code);
        return true;
    case MM_ENC_GSM_7:
        return put_gsm(out, code);
    case MM_ENC_LATIN_1:
        mm_buf_u8(out, (uint8_t)code);
        return code <= 0xFF;
    case MM_ENC_UCS_2:
        put_unit(out, to, code);
        return code < 0x10000;
    case MM_ENC_UTF_16:
    case MM_ENC_UTF_16_LE:
    case MM_ENC_UTF_16_BE:
        if (code < 0x10000) {
            put_unit(out, to, code);
        } else { /* RFC 2781, 2.1 */
            put_unit(out, to, SURROGATE + ((code - 0x10000) >> 10));
            put_unit(out, to, SURROGATE + 0x400 + ((code - 0x10000) & 0x3FF));
        }
        return true;
    case MM_ENC_END:
        break;
    }
    return false;
}

static uint32_t unit_at(const uint8_t *data, enum mm_encoding from)
{
    return from == MM_ENC_UTF_16_LE ? (uint32_t)data[1] << 8 | data[0] : mm_be16(data);
}

/* UTF-16 and UCS-2 */
static uint32_t next_unit(enum mm_encoding from, const uint8_t *data, size_t n, size_t *used)
{
    uint32_t unit, second;

    *used = 2;
    if (n < 2)
        return MM_UTF8_BAD;
    unit = unit_at(data, from);
    if (unit < SURROGATE || unit > 0xDFFF)
        return unit;
    if (from == MM_ENC_UCS_2 || unit > 0xDBFF || n < 4)
        return MM_UTF8_BAD;
    second = unit_at(data + 2, from);
    *used = 4;
    if (second < 0xDC00 || second > 0xDFFF)
        return MM_UTF8_BAD;
    return 0x10000 + ((unit & 0x3FF) << 10) + (second & 0x3FF);
}

static uint32_t next(enum mm_encoding from, const uint8_t *data, size_t n, size_t *used)
{
    uint32_t code;

    if (from == MM_ENC_GSM_7)
        return next_gsm(data, n, used);
    *used = 1;
    if (from == MM_ENC_LATIN_1)
        return data[0];
    if (from != MM_ENC_UTF_8)
        return next_unit(from, data, n, used);
    *used = mm_utf8_next(data, n, &code);
    return code;
}

/* ---- Whole texts ---- */

static bool convert(enum mm_encoding from, enum mm_encoding to, const uint8_t *data, size_t n,
                    struct mm_buf *out)
{
    size_t used;

    for (size_t at = 0; at < n; at += used) {
        uint32_t code = next(from, data + at, n - at, &used);
        if (code >= CODE_END || !put(out, to, code))
            return false;
    }
    return true;
}

bool mm_encode(enum mm_encoding to, const uint8_t *text, size_t n, struct mm_buf *out)
{
    if (to == MM_ENC_UTF_16)
        put_unit(out, to, BYTE_ORDER);
    return convert(MM_ENC_UTF_8, to, text, n, out);
}

bool mm_decode(enum mm_encoding from, const uint8_t *data, size_t n, struct mm_buf *out)
{
    if (from == MM_ENC_UTF_16 && n >= 2) {
        if (unit_at(data, MM_ENC_UTF_16_LE) == BYTE_ORDER)
            return convert(MM_ENC_UTF_16_LE, MM_ENC_UTF_8, data + 2, n - 2, out);
        if (mm_be16(data) == BYTE_ORDER)
            return convert(MM_ENC_UTF_16_BE, MM_ENC_UTF_8, data + 2, n - 2, out);
    }
    return convert(from, MM_ENC_UTF_8, data, n, out);
}
