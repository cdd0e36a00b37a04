/* The probe package on its way into a card, for the tests of the card. */
#ifndef MM_TEST_CARD_LOAD_H
#define MM_TEST_CARD_LOAD_H

#include "test/unit/card_host.h"

#include "test/unit/card_probe.h"

#define PACKAGE  "F050524F4245"
#define APPLET   "F050524F424501"
#define INSTANCE "F050524F424502"

enum { DELETE = 0xe4, INSTALL = 0xe6, LOAD = 0xe8, GET_STATUS = 0xf2, PUT_KEY = 0xd8 };

__attribute__((unused)) static uint16_t secure(struct host *h, uint8_t ins, uint8_t p1, uint8_t p2,
                                               const char *text)
{
    uint8_t data[256];
    size_t n = sizeof(data);

    assert_int_equal(mm_unhex(text, data, &n), MM_OK);
    return host_secure(h, ins, p1, p2, data, n);
}

/* The load file in blocks; the status word of the last, or of the one that failed. */
__attribute__((unused)) static uint16_t load_blocks(struct host *h, const uint8_t *lfdb, size_t len)
{
    static uint8_t file[4 + 0xFFFF] = {0xc4, 0x82};
    size_t block = 223, at = 0;
    uint16_t sw = 0;

    assert_true(len + 4 <= sizeof(file));
    mm_put_be16(file + 2, (uint16_t)len);
    memcpy(file + 4, lfdb, len);
    len += 4;
    for (uint8_t n = 0; at < len; n++) {
        size_t part = len - at < block ? len - at : block;
        sw = host_secure(h, LOAD, at + part == len ? 0x80 : 0x00, n, file + at, part);
        if (sw != 0x9000)
            return sw;
        at += part;
    }
    return sw;
}

/* The words of a package that is not the probe: AID as LV in hex, load file. */
__attribute__((unused)) static uint16_t load_package(struct host *h, const char *aid_lv,
                                                     const uint8_t *lfdb, size_t len)
{
    char text[128];
    uint16_t sw;

    snprintf(text, sizeof(text), "%s00000000", aid_lv);
    sw = secure(h, INSTALL, 0x02, 0, text);
    return sw == 0x9000 ? load_blocks(h, lfdb, len) : sw;
}

__attribute__((unused)) static uint16_t load_probe(struct host *h)
{
    uint16_t sw = secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00 00 00 00");

    return sw == 0x9000 ? load_blocks(h, probe_lfdb, sizeof(probe_lfdb)) : sw;
}

__attribute__((unused)) static uint16_t install_probe(struct host *h, const char *params)
{
    char text[256] = "06" PACKAGE "07" APPLET "07" INSTANCE "0100";

    return secure(h, INSTALL, 0x0c, 0, strcat(strcat(text, params), "00"));
}

__attribute__((unused)) static uint16_t select_probe(struct host *h)
{
    return host_hex(h, "00A4040007" INSTANCE "00");
}

#endif
