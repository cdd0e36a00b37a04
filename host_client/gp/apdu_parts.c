#include "host_client/gp/gp_int.h"

#include <string.h>

#include "apdu_spec/apdu_spec.h"

/* The body after the header, by length and first byte (ISO 7816-4, 5.1, table 1):
 *   -           case 1      Le           case 2 short     00 Le Le           case 2 extended
 *   Lc data     case 3      Lc data Le   case 4 short     00 Lc Lc data [Le Le]  3, 4 extended */
enum mm_status mm_gp_apdu_parse(const uint8_t *apdu, size_t apdu_len, struct mm_gp_apdu *out,
                                struct mm_err *err)
{
    struct mm_rd rd;
    const uint8_t *header;
    size_t lc, left;
    bool extended;

    *out = (struct mm_gp_apdu){.le = -1};
    mm_rd_init(&rd, apdu, apdu_len);
    header = mm_rd_bytes(&rd, sizeof(out->header));
    if (header == NULL)
        return mm_fail(err, MM_TRUNCATED, apdu_len, "command of %zu bytes; a header has 4",
                       apdu_len);
    memcpy(out->header, header, sizeof(out->header));
    if (mm_rd_left(&rd) == 0)
        return MM_OK;
    lc = mm_rd_u8(&rd);
    extended = lc == 0 && mm_rd_left(&rd) > 0;
    if (extended)
        lc = mm_rd_u16(&rd);
    if (!rd.bad && mm_rd_left(&rd) == 0) { /* what was read is Le */
        out->le = lc != 0 ? (int)lc : (extended ? 65536 : 256);
        return MM_OK;
    }
    out->data = mm_rd_bytes(&rd, lc);
    out->data_len = lc;
    left = mm_rd_left(&rd);
    if (out->data == NULL || lc == 0 || (left != 0 && left != (extended ? 2u : 1u)))
        return mm_fail(err, MM_MALFORMED, 4, "offset 4: Lc %zu does not fit a command of %zu bytes",
                       lc, apdu_len);
    if (left == 1)
        out->le = mm_rd_u8(&rd);
    if (left == 2)
        out->le = mm_rd_u16(&rd);
    if (out->le == 0)
        out->le = extended ? 65536 : 256;
    return MM_OK;
}

void mm_gp_apdu_write(const struct mm_gp_apdu *apdu, struct mm_buf *out)
{
    bool extended = apdu->data_len > 255 || apdu->le > 256;

    mm_buf_bytes(out, apdu->header, sizeof(apdu->header));
    if (extended)
        mm_buf_u8(out, 0);
    if (apdu->data_len > 0 && extended)
        mm_buf_u16(out, (uint16_t)apdu->data_len);
    else if (apdu->data_len > 0)
        mm_buf_u8(out, (uint8_t)apdu->data_len);
    mm_buf_bytes(out, apdu->data, apdu->data_len);
    if (apdu->le >= 0 && extended)
        mm_buf_u16(out, (uint16_t)apdu->le); /* 65536 is written 0000 */
    else if (apdu->le >= 0)
        mm_buf_u8(out, (uint8_t)apdu->le); /* 256 is written 00 */
}

void mm_gp_selected_aid(const uint8_t *resp, size_t resp_len, struct mm_aid *aid)
{
    const uint8_t *value;
    struct mm_aid told;
    struct mm_rd rd;
    size_t len;
    uint16_t tag;

    mm_rd_init(&rd, resp, resp_len);
    if (!mm_ber_take(&rd, &tag, &value, &len) || tag != 0x6f)
        return;
    mm_rd_init(&rd, value, len);
    if (mm_ber_take(&rd, &tag, &value, &len) && tag == 0x84 &&
        mm_aid_set(&told, value, len) == MM_OK)
        *aid = told;
}

/* INSTALL by what it is for: P1 (GPCS 2.3.1, table 11-42). */
static const char *install_name(uint8_t p1)
{
    static const struct {
        uint8_t p1;
        const char *name;
    } names[] = {{0x02, "INSTALL [for load]"},
                 {0x04, "INSTALL [for install]"},
                 {0x08, "INSTALL [for make selectable]"},
                 {0x0c, "INSTALL [for install and make selectable]"},
                 {0x10, "INSTALL [for extradition]"},
                 {0x20, "INSTALL [for personalization]"},
                 {0x40, "INSTALL [for registry update]"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].p1 == p1)
            return names[i].name;
    }
    return "INSTALL";
}

const char *mm_gp_command_name(const uint8_t *apdu, size_t apdu_len)
{
    const struct mm_ins_info *info;

    if (apdu_len < 4)
        return "command";
    if (apdu[1] == MM_INS_ISD_INSTALL)
        return install_name(apdu[2]);
    for (size_t i = 0; (info = mm_ins_at(i)) != NULL; i++) {
        if (info->ins == apdu[1] &&
            (strcmp(info->app, "ISD") == 0 || strcmp(info->app, "CARD") == 0))
            return info->name;
    }
    return "command";
}
