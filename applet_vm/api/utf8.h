/* UTF-8 (RFC 3629) and the other encodings of javacardx.framework.string. Inside the API module. */
#ifndef MM_API_UTF8_H
#define MM_API_UTF8_H

#include "applet_vm/base/base.h"

#define MM_UTF8_BAD UINT32_MAX

/*
 * The code point at the start of text, n bytes, n not 0.
 * code     its number, or MM_UTF8_BAD for what is not well formed
 * Returns its bytes. Of what is not well formed: those that could have begun a character, one at
 * least (the "maximal subpart" of the Unicode standard, 3.9), which count as one code point.
 */
size_t mm_utf8_next(const uint8_t *text, size_t n, uint32_t *code);

/* Append a code point below 0x110000. */
void mm_utf8_put(struct mm_buf *out, uint32_t code);

/* Bytes of the first count code points of text; false: it has fewer. */
bool mm_utf8_prefix(const uint8_t *text, size_t n, size_t count, size_t *len);
size_t mm_utf8_count(const uint8_t *text, size_t n);

/* StringUtil.UTF_8 ... ISO_8859_1 */
enum mm_encoding {
    MM_ENC_UTF_8 = 1,
    MM_ENC_UTF_16, /* written high byte first with a byte order mark, read with or without one */
    MM_ENC_UTF_16_LE,
    MM_ENC_UTF_16_BE,
    MM_ENC_UCS_2, /* high byte first */
    MM_ENC_GSM_7, /* 3GPP TS 23.038: default alphabet and its extension, a byte a septet */
    MM_ENC_LATIN_1,
    MM_ENC_END
};

/* From UTF-8 and to UTF-8; false: ill formed, or a character that the encoding does not have. out
 * has been initialised. */
bool mm_encode(enum mm_encoding to, const uint8_t *text, size_t n, struct mm_buf *out);
bool mm_decode(enum mm_encoding from, const uint8_t *data, size_t n, struct mm_buf *out);

#endif
