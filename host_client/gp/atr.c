/* Answers to reset (ISO 7816-3, 8.2) and their historical bytes (ISO 7816-4, 8.1.1). */
#include <stdio.h>
#include <string.h>

#include "host_client/gp/card_info.h"
#include "host_client/gp/gp_int.h"

/* TA1: clock rate conversion and baud rate adjustment (ISO 7816-3, tables 7 and 8). */
static void tell_speed(const struct mm_gp_teller *t, uint8_t ta1)
{
    static const uint16_t f[16] = {372, 372, 558, 744,  1116, 1488, 1860, 0,
                                   0,   512, 768, 1024, 1536, 2048, 0,    0};
    static const uint8_t d[16] = {0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0};
    char text[64];

    if (f[ta1 >> 4] == 0 || d[ta1 & 15] == 0)
        return;
    snprintf(text, sizeof(text), "Fi %u, Di %u (%u bit/s at 4 MHz)", f[ta1 >> 4], d[ta1 & 15],
             4000000u / f[ta1 >> 4] * d[ta1 & 15]);
    mm_gp_tell(t, "speed", "speed", text);
}

/* Bytes TAi to TDi. The protocols go to a text; false: cut off. */
static bool take_interface(const struct mm_gp_teller *t, struct mm_rd *rd, uint8_t td,
                           bool *needs_check)
{
    char protocols[48] = "", text[16];
    unsigned seen = 0;
    int protocol = 0;

    for (int i = 1; td >> 4 != 0 && !rd->bad; i++) {
        uint8_t ta = (td & 0x10) != 0 ? mm_rd_u8(rd) : 0;

        if ((td & 0x10) != 0 && i == 1 && !rd->bad)
            tell_speed(t, ta);
        if ((td & 0x10) != 0 && i == 2 && !rd->bad) {
            snprintf(text, sizeof(text), "T=%u", ta & 15u);
            mm_gp_tell(t, "specific_mode", "specific mode", text);
        }
        if ((td & 0x10) != 0 && i > 2 && protocol == 1 && !rd->bad) {
            snprintf(text, sizeof(text), "%u", ta);
            mm_gp_tell(t, "ifsc", "IFSC", text);
        }
        for (uint8_t bit = 0x20; bit <= 0x40; bit = (uint8_t)(bit << 1)) {
            if ((td & bit) != 0)
                (void)mm_rd_u8(rd); /* guard time, waiting time */
        }
        if ((td & 0x80) == 0)
            break;
        td = mm_rd_u8(rd);
        protocol = td & 15;
        *needs_check |= protocol != 0;
        if (protocol != 15 && (seen & 1u << protocol) == 0) {
            seen |= 1u << protocol;
            snprintf(text, sizeof(text), "%sT=%d", protocols[0] != '\0' ? ", " : "", protocol);
            strcat(protocols, strlen(protocols) + strlen(text) < sizeof(protocols) ? text : "");
        }
    }
    mm_gp_tell(t, "protocols", "protocols", protocols[0] != '\0' ? protocols : "T=0");
    return !rd->bad;
}

/* Compact-TLV 7x, third byte (ISO 7816-4, table 119). */
static void tell_capabilities(const struct mm_gp_teller *t, const uint8_t *value, size_t len)
{
    char text[128];

    if (len < 3)
        return;
    snprintf(text, sizeof(text), "%s%s%u logical channel%s",
             (value[2] & 0x80) != 0 ? "command chaining, " : "",
             (value[2] & 0x40) != 0 ? "extended length, " : "", (value[2] & 7u) + 1,
             (value[2] & 7) != 0 ? "s" : "");
    mm_gp_tell(t, "capabilities", "capabilities", text);
}

/* Objects of the historical bytes by tag (ISO 7816-4, 8.1.1.2). */
static const struct {
    const char *key, *name;
} objects[16] = {[1] = {"country", "country code"},
                 [2] = {"issuer", "issuer identification"},
                 [3] = {"services", "card services"},
                 [4] = {"initial_access", "initial access data"},
                 [5] = {"issuer_data", "issuer's data"},
                 [6] = {"pre_issuing", "pre-issuing data"},
                 [7] = {"capability_bytes", "capability bytes"},
                 [8] = {"life_cycle", "life cycle and status"},
                 [15] = {"aid", "application"}};

static bool take_historical(const struct mm_gp_teller *t, const uint8_t *bytes, size_t len)
{
    struct mm_rd rd;

    mm_gp_tell_hex(t, "historical", "historical bytes", bytes, len);
    mm_rd_init(&rd, bytes, len);
    if (len == 0 || (bytes[0] != 0x80 && bytes[0] != 0x00))
        return true; /* the issuer's own, or a reference (10) */
    (void)mm_rd_u8(&rd);
    while (mm_rd_left(&rd) > (bytes[0] == 0x00 ? 3u : 0u)) { /* 00: three bytes of status last */
        uint8_t head = mm_rd_u8(&rd);
        const uint8_t *value = mm_rd_bytes(&rd, head & 15);

        if (value == NULL)
            return false;
        if (objects[head >> 4].key != NULL)
            mm_gp_tell_hex(t, objects[head >> 4].key, objects[head >> 4].name, value, head & 15);
        if (head >> 4 == 7)
            tell_capabilities(t, value, head & 15);
    }
    return true;
}

enum mm_status mm_gp_describe_atr(const uint8_t *atr, size_t atr_len, mm_gp_fact fact, void *ctx,
                                  struct mm_err *err)
{
    const struct mm_gp_teller t = {fact, ctx};
    const uint8_t *historical;
    struct mm_rd rd;
    uint8_t ts, t0;
    bool needs_check = false;

    mm_rd_init(&rd, atr, atr_len);
    ts = mm_rd_u8(&rd);
    t0 = mm_rd_u8(&rd);
    if (rd.bad || (ts != 0x3b && ts != 0x3f))
        return mm_fail(err, MM_MALFORMED, 0, "ATR, offset 0: expected TS 3B or 3F and T0");
    mm_gp_tell(&t, "convention", "convention", ts == 0x3b ? "direct" : "inverse");
    if (!take_interface(&t, &rd, t0, &needs_check))
        return mm_fail(err, MM_TRUNCATED, rd.off, "ATR, offset %zu: interface bytes end early",
                       rd.off);
    historical = mm_rd_bytes(&rd, t0 & 15);
    if (historical == NULL || mm_rd_left(&rd) != (needs_check ? 1u : 0u))
        return mm_fail(err, MM_MALFORMED, rd.off, "ATR, offset %zu: expected %u historical bytes%s",
                       rd.off, t0 & 15u, needs_check ? " and TCK" : "");
    if (needs_check) {
        uint8_t sum = 0;
        for (size_t i = 1; i < atr_len; i++)
            sum ^= atr[i];
        if (sum != 0)
            return mm_fail(err, MM_MALFORMED, atr_len - 1, "ATR, offset %zu: wrong TCK",
                           atr_len - 1);
    }
    if (!take_historical(&t, historical, t0 & 15))
        return mm_fail(err, MM_MALFORMED, rd.off, "ATR: historical bytes end early");
    return MM_OK;
}
