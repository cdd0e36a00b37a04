/*
 * Attacker: reads the purse's last committed record, as anybody with the card in hand may.
 *     purse_record READER         prints "purse ID" and "record HEX"
 */
#include <stdio.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"

static bool ask(struct mm_access *card, uint8_t ins, struct mm_buf *resp)
{
    struct mm_err err = {0};
    uint16_t sw = 0;

    if (mm_access_call(card, 0x80, ins, 0, 0, NULL, 0, 256, resp, &sw, &err) != MM_OK ||
        sw != MM_SW_9000_NO_ERROR) {
        fprintf(stderr, "INS %02X: %04X %s\n", ins, sw, err.text);
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct mm_aid aid = mm_aid_of(MM_AID_PURSE);
    struct mm_access *card = NULL;
    struct mm_buf info, last;
    struct mm_err err = {0};
    char hex[1024];
    uint16_t sw = 0;
    int bad = 1;

    mm_buf_init(&info);
    mm_buf_init(&last);
    if (argc != 2)
        return 2;
    if (mm_access_open(argv[1], 5000, &card, &err) == MM_OK &&
        mm_access_select(card, &aid, NULL, &sw, &err) == MM_OK && sw == MM_SW_9000_NO_ERROR &&
        ask(card, MM_INS_PURSE_GET_INFO, &info) && ask(card, MM_INS_PURSE_GET_LAST, &last) &&
        info.len > 9 && last.len < sizeof(hex) / 2) {
        printf("purse %s\n", mm_hex(info.data + 1, 8, hex));
        printf("record %s\n", mm_hex(last.data, last.len, hex));
        bad = 0;
    } else {
        fprintf(stderr, "%04X %s\n", sw, err.text);
    }
    mm_access_close(&card);
    mm_buf_clear(&info);
    mm_buf_clear(&last);
    return bad;
}
