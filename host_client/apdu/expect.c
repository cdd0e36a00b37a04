/* Expectations: compare with an answer, write as text. */
#include <string.h>

#include "host_client/apdu/apdu.h"

static bool same(const uint8_t *data, const uint8_t *value, const uint8_t *mask, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (((data[i] ^ value[i]) & mask[i]) != 0)
            return false;
    }
    return true;
}

bool mm_expect_match(const struct mm_expect *expect, const uint8_t *resp, size_t resp_len)
{
    size_t fixed = expect->head_len + expect->tail_len, len;

    if (!expect->given)
        return true;
    if (resp_len < 2)
        return false;
    len = resp_len - 2;
    if (((mm_be16(resp + len) ^ expect->sw) & expect->sw_mask) != 0)
        return false;
    if (expect->any_data)
        return true;
    if (len < fixed || (len > fixed && !expect->star))
        return false;
    return same(resp, expect->value, expect->mask, expect->head_len) &&
           same(resp + len - expect->tail_len, expect->value + expect->head_len,
                expect->mask + expect->head_len, expect->tail_len);
}

static void put_text(struct mm_buf *out, const char *text)
{
    mm_buf_bytes(out, text, strlen(text));
}

static void put_half(struct mm_buf *out, unsigned value, unsigned mask)
{
    static const char digits[] = "0123456789ABCDEF";

    mm_buf_u8(out, (uint8_t)(mask == 0 ? '.' : digits[value & 15]));
}

static void put_pattern(struct mm_buf *out, const uint8_t *value, const uint8_t *mask, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        put_half(out, value[i] >> 4u, mask[i] >> 4u);
        put_half(out, value[i], mask[i] & 15u);
    }
}

void mm_expect_text(const struct mm_expect *expect, struct mm_buf *out)
{
    uint8_t sw[2], mask[2];

    if (!expect->given)
        return;
    mm_put_be16(sw, expect->sw);
    mm_put_be16(mask, expect->sw_mask);
    if (!expect->any_data && !expect->star && expect->tail_len == 0)
        put_text(out, "none ");
    put_pattern(out, expect->value, expect->mask, expect->head_len);
    if (expect->star)
        put_text(out, expect->head_len > 0 ? " * " : "* ");
    put_pattern(out, expect->value + expect->head_len, expect->mask + expect->head_len,
                expect->tail_len);
    if (expect->tail_len > 0)
        put_text(out, " ");
    put_pattern(out, sw, mask, sizeof(sw));
}

void mm_step_text(const struct mm_step *step, struct mm_buf *out)
{
    if (step->kind == MM_STEP_RESET) {
        put_text(out, "reset");
        return;
    }
    for (size_t i = 0; i < step->apdu_len; i++) {
        put_half(out, step->apdu[i] >> 4u, 15);
        put_half(out, step->apdu[i], 15);
    }
    if (!step->expect.given)
        return;
    put_text(out, " => ");
    mm_expect_text(&step->expect, out);
}
