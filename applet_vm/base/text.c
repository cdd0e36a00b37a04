#include "applet_vm/base/base.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ---- Hexadecimal ---- */

char *mm_hex(const uint8_t *data, size_t data_len, char *out)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < data_len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 15];
    }
    out[2 * data_len] = '\0';
    return out;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum mm_status mm_unhex(const char *text, uint8_t *out, size_t *out_len)
{
    size_t cap = *out_len;
    size_t n = 0;
    int high = -1;

    *out_len = 0;
    for (; *text != '\0'; text++) {
        int d = hex_digit(*text);
        if (d < 0 && high < 0 && (isspace((unsigned char)*text) || *text == ':'))
            continue;
        if (d < 0)
            return MM_MALFORMED;
        if (high < 0) {
            high = d;
            continue;
        }
        if (n == cap)
            return MM_TOO_LONG;
        out[n++] = (uint8_t)(high << 4 | d);
        high = -1;
    }
    if (high >= 0)
        return MM_TRUNCATED;
    *out_len = n;
    return MM_OK;
}

/* ---- Base64url (RFC 4648, 5), no padding ---- */

static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *mm_b64url(const uint8_t *data, size_t data_len)
{
    char *out;
    size_t o = 0;

    if (data_len > SIZE_MAX / 2)
        return NULL;
    out = malloc(data_len / 3 * 4 + 5);
    if (out == NULL)
        return NULL;
    for (size_t i = 0; i < data_len; i += 3) {
        size_t n = data_len - i < 3 ? data_len - i : 3;
        uint32_t v = (uint32_t)data[i] << 16;
        if (n > 1)
            v |= (uint32_t)data[i + 1] << 8;
        if (n > 2)
            v |= data[i + 2];
        for (size_t k = 0; k <= n; k++)
            out[o++] = b64_digits[v >> (18 - 6 * k) & 63];
    }
    out[o] = '\0';
    return out;
}

enum mm_status mm_unb64url(const char *text, size_t text_len, uint8_t **out, size_t *out_len)
{
    uint32_t v = 0;
    unsigned bits = 0;
    size_t n = 0;
    uint8_t *buf;

    *out = NULL;
    *out_len = 0;
    if (text_len % 4 == 1)
        return MM_TRUNCATED;
    buf = malloc(text_len / 4 * 3 + 3);
    if (buf == NULL)
        return MM_NO_MEMORY;
    for (size_t i = 0; i < text_len; i++) {
        const char *p = text[i] != '\0' ? strchr(b64_digits, text[i]) : NULL;
        if (p == NULL)
            goto bad;
        v = v << 6 | (uint32_t)(p - b64_digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf[n++] = (uint8_t)(v >> bits);
            v &= (1u << bits) - 1;
        }
    }
    if (v != 0) /* left-over bits must be zero: one text for one value */
        goto bad;
    *out = buf;
    *out_len = n;
    return MM_OK;
bad:
    free(buf);
    return MM_MALFORMED;
}
