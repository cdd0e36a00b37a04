/*
 * Attacker who has taken over an agent: hands the chip whatever update object it likes, rightly MACed.
 *     deliver_update READER PAIRING-KEY-FILE KIND OBJECT-FILE         prints the chip's status word
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/scp/scp.h"
#include "host_client/access/access.h"

#define BLOCK_LEN  200
#define LAST_BLOCK 0x80
#define MAC_LEN    16

static bool send(struct mm_access *card, uint8_t ins, uint8_t p1, uint8_t p2, const uint8_t *data,
                 size_t len, struct mm_buf *resp, uint16_t *sw)
{
    struct mm_err err = {0};

    if (mm_access_call(card, 0x80, ins, p1, p2, data, len, 256, resp, sw, &err) == MM_OK)
        return true;
    fprintf(stderr, "INS %02X: %s\n", ins, err.text);
    return false;
}

static bool read_key(const char *path, uint8_t key[16])
{
    uint8_t *data = NULL;
    size_t len = 0, n = 16;
    char text[64] = "";
    bool good = mm_file_read(path, sizeof(text) - 1, &data, &len, NULL) == MM_OK;

    if (good)
        memcpy(text, data, len);
    free(data);
    return good && mm_unhex(text, key, &n) == MM_OK && n == 16;
}

/* The object, its MAC behind it, block by block. */
static bool deliver(struct mm_access *card, const uint8_t key[16], uint8_t kind,
                    struct mm_buf *object, uint16_t *sw)
{
    uint8_t head[2] = {MM_INS_INTEGRITY_DELIVER_UPDATE, kind}, mac[MAC_LEN], block = 0;
    struct mm_buf challenge;
    bool good;

    mm_buf_init(&challenge);
    good = send(card, MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0, &challenge, sw) &&
           mm_scp_cmac(key, MM_SCP_KEY_LEN, head, 2, challenge.data, challenge.len, object->data, object->len,
                       mac) == MM_OK;
    if (good)
        mm_buf_bytes(object, mac, sizeof(mac));
    *sw = MM_SW_9000_NO_ERROR;
    for (size_t off = 0; good && off < object->len && *sw == MM_SW_9000_NO_ERROR; block++) {
        size_t n = object->len - off < BLOCK_LEN ? object->len - off : BLOCK_LEN;
        uint8_t last = off + n == object->len ? LAST_BLOCK : 0;
        good = send(card, MM_INS_INTEGRITY_DELIVER_UPDATE, (uint8_t)(block | last), kind,
                    object->data + off, n, &challenge, sw);
        off += n;
    }
    mm_buf_clear(&challenge);
    return good;
}

int main(int argc, char **argv)
{
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);
    struct mm_access *card = NULL;
    struct mm_buf object;
    struct mm_err err = {0};
    uint8_t key[16], *data = NULL;
    size_t len = 0;
    uint16_t sw = 0;
    int bad = 1;

    if (argc != 5)
        return 2;
    mm_buf_init(&object);
    if (read_key(argv[2], key) && mm_file_read(argv[4], 65536, &data, &len, &err) == MM_OK &&
        mm_access_open(argv[1], 5000, &card, &err) == MM_OK &&
        mm_access_select(card, &aid, NULL, &sw, &err) == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        mm_buf_bytes(&object, data, len);
        if (deliver(card, key, (uint8_t)atoi(argv[3]), &object, &sw)) {
            printf("%04X\n", sw);
            bad = 0;
        }
    } else {
        fprintf(stderr, "%04X %s\n", sw, err.text);
    }
    mm_access_close(&card);
    mm_buf_clear(&object);
    free(data);
    return bad;
}
