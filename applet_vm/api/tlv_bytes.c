/* BER-TLV in bytes (ISO/IEC 8825-1, 8.1): reading, checking, writing. */
#include "applet_vm/api/tlv_int.h"

#define LONG_FORM 0x1F /* the number is in the bytes that follow */
#define MORE      0x80

enum mm_run mm_tlv_throw(struct mm_vm *vm, enum mm_tlv_fault fault)
{
    return mm_vm_throw(vm, "javacardx/framework/tlv/TLVException", (uint16_t)fault);
}

enum mm_run mm_tlv_failed(struct mm_vm *vm, enum mm_tlv_fault fault)
{
    if (fault == MM_TLV_CUT_OFF)
        return mm_vm_throw(vm, "java/lang/ArrayIndexOutOfBoundsException", 0);
    return mm_tlv_throw(vm, fault);
}

enum mm_run mm_tlv_rest(struct mm_vm *vm, mm_ref array, int off, const uint8_t **p, size_t *n)
{
    struct mm_obj_info info;
    int len;

    if (array == MM_REF_NULL || !mm_vm_object(vm, array, &info))
        return mm_api_null(vm);
    len = off >= 0 && off <= info.n ? info.n - off : 0;
    *n = (size_t)len;
    return mm_vm_bytes(vm, array, off, len, p);
}

/* EMV and ISO 7816-6 have tags such as 9F02, whose number would fit in one byte: they are taken. */
enum mm_tlv_fault mm_tlv_tag(const uint8_t *p, size_t n, size_t *tag_n)
{
    size_t at = 1;

    if (n == 0)
        return MM_TLV_CUT_OFF;
    if ((p[0] & LONG_FORM) == LONG_FORM) {
        if (n > 1 && p[1] == MORE)
            return MM_TLV_MALFORMED_TAG;
        while (at < n && (p[at] & MORE) != 0)
            at++;
        if (at++ == n)
            return MM_TLV_CUT_OFF;
    }
    *tag_n = at;
    if (at > INT8_MAX)
        return MM_TLV_TAG_SIZE_GREATER_THAN_127;
    return at > MM_TLV_TAG_MAX ? MM_TLV_ILLEGAL_SIZE : MM_TLV_OK;
}

static enum mm_tlv_fault read_length(const uint8_t *p, size_t n, size_t *len_n, size_t *len)
{
    size_t more;

    if (n == 0)
        return MM_TLV_CUT_OFF;
    *len = p[0];
    *len_n = 1;
    if (p[0] < MORE)
        return MM_TLV_OK;
    if (p[0] == MORE || p[0] == 0xFF) /* indefinite; reserved */
        return MM_TLV_MALFORMED_TLV;
    more = p[0] & 0x7F;
    *len = 0;
    for (size_t i = 0; i < more; i++) {
        if (i + 1 == n)
            return MM_TLV_CUT_OFF;
        *len = *len << 8 | p[i + 1];
        if (*len > MM_TLV_SIZE_MAX)
            return MM_TLV_TLV_LENGTH_GREATER_THAN_32767;
    }
    *len_n += more;
    return MM_TLV_OK;
}

enum mm_tlv_fault mm_tlv_read(const uint8_t *p, size_t n, struct mm_tlv *out)
{
    size_t len_n;
    enum mm_tlv_fault fault = mm_tlv_tag(p, n, &out->tag_n);

    if (fault == MM_TLV_MALFORMED_TAG)
        return MM_TLV_MALFORMED_TLV;
    if (fault == MM_TLV_TAG_SIZE_GREATER_THAN_127)
        return MM_TLV_ILLEGAL_SIZE;
    if (fault == MM_TLV_OK)
        fault = read_length(p + out->tag_n, n - out->tag_n, &len_n, &out->len);
    if (fault != MM_TLV_OK)
        return fault;
    out->head_n = out->tag_n + len_n;
    out->constructed = (p[0] & MM_TLV_CONSTRUCTED) != 0;
    return out->len <= n - out->head_n ? MM_TLV_OK : MM_TLV_CUT_OFF;
}

/* A series of TLVs from at to end, nested ones by a stack of ends. */
static enum mm_tlv_fault check_series(const uint8_t *p, size_t n, size_t *count)
{
    size_t ends[MM_TLV_DEPTH] = {n}, depth = 0, at = 0;
    struct mm_tlv t;

    for (*count = 0; at < n || depth > 0;) {
        enum mm_tlv_fault fault;
        if (at == ends[depth]) {
            depth--;
            continue;
        }
        fault = mm_tlv_read(p + at, ends[depth] - at, &t);
        if (fault != MM_TLV_OK)
            return fault == MM_TLV_ILLEGAL_SIZE ? fault : MM_TLV_MALFORMED_TLV;
        *count += depth == 0;
        at += t.head_n;
        if (!t.constructed) {
            at += t.len;
        } else {
            if (++depth == MM_TLV_DEPTH)
                return MM_TLV_MALFORMED_TLV;
            ends[depth] = at + t.len;
        }
    }
    return MM_TLV_OK;
}

enum mm_tlv_fault mm_tlv_check_all(const uint8_t *p, size_t n, size_t *count)
{
    return check_series(p, n, count);
}

enum mm_tlv_fault mm_tlv_check(const uint8_t *p, size_t n, struct mm_tlv *out)
{
    enum mm_tlv_fault fault = mm_tlv_read(p, n, out);
    size_t count;

    if (fault != MM_TLV_OK || !out->constructed)
        return fault;
    return check_series(p + out->head_n, out->len, &count);
}

size_t mm_tlv_tag_put(uint8_t out[MM_TLV_TAG_MAX], unsigned cls, bool constructed, uint16_t number)
{
    size_t n = number < LONG_FORM ? 1 : number < 0x80 ? 2 : number < 0x4000 ? 3 : 4;

    out[0] = (uint8_t)(cls << 6 | (constructed ? MM_TLV_CONSTRUCTED : 0u) |
                       (n == 1 ? number : LONG_FORM));
    for (size_t i = n; i-- > 1;) {
        out[i] = (uint8_t)((number & 0x7F) | (i == n - 1 ? 0 : MORE));
        number = (uint16_t)(number >> 7);
    }
    return n;
}

size_t mm_tlv_len_put(uint8_t out[3], size_t len)
{
    if (len < 0x80) {
        out[0] = (uint8_t)len;
        return 1;
    }
    if (len < 0x100) {
        out[0] = 0x81;
        out[1] = (uint8_t)len;
        return 2;
    }
    out[0] = 0x82;
    mm_put_be16(out + 1, (uint16_t)len);
    return 3;
}
