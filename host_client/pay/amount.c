#include "host_client/pay/amount.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum mm_status mm_amount_parse(const char *text, uint32_t *cents, struct mm_err *err)
{
    const char *p = text;
    uint64_t value = 0;
    int decimals = 0;

    *cents = 0;
    for (; is_digit(*p) && value <= UINT32_MAX; p++)
        value = value * 10 + (uint64_t)(*p - '0');
    if (p == text)
        return mm_fail(err, MM_USAGE, 0, "amount \"%.32s\": expected digits, as in 12.50", text);
    if (*p == '.') {
        for (p++; is_digit(*p) && decimals < 2; p++, decimals++)
            value = value * 10 + (uint64_t)(*p - '0');
        if (decimals == 0)
            return mm_fail(err, MM_USAGE, (size_t)(p - text),
                           "amount \"%.32s\": expected cents after the point", text);
    }
    for (; decimals < 2; decimals++)
        value *= 10;
    if (is_digit(*p) && value <= UINT32_MAX)
        return mm_fail(err, MM_USAGE, (size_t)(p - text), "amount \"%.32s\": at most two decimals",
                       text);
    if (value > UINT32_MAX)
        return mm_fail(err, MM_USAGE, 0, "amount \"%.32s\": at most 42949672.95", text);
    if (*p != '\0')
        return mm_fail(err, MM_USAGE, (size_t)(p - text),
                       "amount \"%.32s\": unexpected '%c', expected digits as in 12.50", text, *p);
    if (value == 0)
        return mm_fail(err, MM_USAGE, 0, "amount \"%.32s\": nothing to move", text);
    *cents = (uint32_t)value;
    return MM_OK;
}

char *mm_amount_text(uint32_t cents, char out[MM_AMOUNT_TEXT])
{
    snprintf(out, MM_AMOUNT_TEXT, "%u.%02u", (unsigned)(cents / 100), (unsigned)(cents % 100));
    return out;
}
