/*
 * BER-TLV (javacardx.framework.tlv): what is accepted lies within its bytes, at every level, and its tag and
 * length written anew read the same.
 */
#include "applet_vm/api/tlv_int.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const uint8_t *p, size_t n, unsigned depth)
{
    struct mm_tlv t, again;
    uint8_t head[MM_TLV_TAG_MAX + 3];
    size_t len_n;

    if (depth > MM_TLV_DEPTH)
        __builtin_trap();
    for (size_t at = 0; at < n; at += t.head_n + t.len) {
        if (mm_tlv_read(p + at, n - at, &t) != MM_TLV_OK || t.head_n + t.len > n - at)
            __builtin_trap();
        memcpy(head, p + at, t.tag_n);
        len_n = mm_tlv_len_put(head + t.tag_n, t.len);
        (void)mm_tlv_read(head, t.tag_n + len_n, &again);
        if (again.len != t.len || again.tag_n != t.tag_n ||
            mm_tlv_size(t.tag_n, t.len) != t.tag_n + len_n + t.len)
            __builtin_trap();
        if (t.constructed)
            walk(p + at + t.head_n, t.len, depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_tlv t;
    size_t count;

    if (mm_tlv_check(data, size, &t) == MM_TLV_OK)
        walk(data, t.head_n + t.len, 0);
    if (mm_tlv_check_all(data, size, &count) == MM_TLV_OK)
        walk(data, size, 0);
    return 0;
}
