/*
 * Text (javacardx.framework.string): what one encoding gives as UTF-8 is well formed, and goes back to
 * the same bytes. The first byte chooses the encoding.
 */
#include "applet_vm/api/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_buf text, back;
    enum mm_encoding encoding;
    uint32_t code;

    if (size == 0)
        return 0;
    encoding = (enum mm_encoding)(MM_ENC_UTF_8 + data[0] % (MM_ENC_END - MM_ENC_UTF_8));
    mm_buf_init(&text);
    mm_buf_init(&back);
    if (mm_decode(encoding, data + 1, size - 1, &text) && !text.bad) {
        for (size_t at = 0; at < text.len;) {
            at += mm_utf8_next(text.data + at, text.len - at, &code);
            if (code == MM_UTF8_BAD || at > text.len)
                __builtin_trap();
        }
        if (!mm_encode(encoding, text.data, text.len, &back))
            __builtin_trap();
        /* UTF-16 may come without a byte order mark, or in the other order. */
        if (encoding != MM_ENC_UTF_16 && !back.bad &&
            (back.len != size - 1 || memcmp(back.data, data + 1, back.len) != 0))
            __builtin_trap();
    }
    mm_buf_clear(&text);
    mm_buf_clear(&back);
    return 0;
}
