/* Content management commands (GPCS 2.3.1, chapter 11) as plain APDUs, gathered in lists. */
#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define STORE_BLOCKS 256 /* P2 of STORE DATA is one byte */

const uint8_t *mm_gp_list_next(const struct mm_buf *list, size_t *off, size_t *apdu_len)
{
    struct mm_rd rd;
    const uint8_t *apdu;

    *apdu_len = 0;
    mm_rd_init(&rd, list->data, list->len);
    if (*off >= list->len || mm_rd_bytes(&rd, *off) == NULL)
        return NULL;
    *apdu_len = mm_rd_u16(&rd);
    apdu = mm_rd_bytes(&rd, *apdu_len);
    *off = rd.off;
    return apdu;
}

enum mm_status mm_gp_put_command_of(struct mm_buf *list, uint8_t ins, uint8_t p1, uint8_t p2,
                                    const struct mm_buf *data, size_t most)
{
    struct mm_gp_apdu apdu = {{0x80, ins, p1, p2}, data->data, data->len, 256};
    size_t body = data->len == 0               ? 1 /* Le alone */
                  : data->len > MM_GP_DATA_MAX ? 3 + data->len + 2
                                               : 1 + data->len + 1;

    if (data->bad)
        return MM_NO_MEMORY;
    if (data->len > most)
        return MM_TOO_LONG;
    mm_buf_u16(list, (uint16_t)(4 + body));
    mm_gp_apdu_write(&apdu, list);
    return list->bad ? MM_NO_MEMORY : MM_OK;
}

enum mm_status mm_gp_put_command(struct mm_buf *list, uint8_t ins, uint8_t p1, uint8_t p2,
                                 const struct mm_buf *data)
{
    return mm_gp_put_command_of(list, ins, p1, p2, data, MM_GP_DATA_MAX);
}

void mm_gp_put_lv(struct mm_buf *buf, const uint8_t *value, size_t len)
{
    mm_ber_put_len(buf, len);
    mm_buf_bytes(buf, value, len);
}

/* ---- Life cycle, stored data ---- */

enum mm_status mm_gp_set_status_command(const struct mm_aid *aid, uint8_t state,
                                        struct mm_buf *list)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    const struct mm_aid *named = aid != NULL ? aid : &isd;
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_bytes(&data, named->bytes, named->len);
    st = mm_gp_put_command(list, 0xf0, aid != NULL ? 0x40 : 0x80, state, &data);
    mm_buf_clear(&data);
    return st;
}

enum mm_status mm_gp_store_data_commands(const struct mm_aid *target, uint8_t structure,
                                         const uint8_t *data, size_t data_len, struct mm_buf *list)
{
    size_t blocks = (data_len + MM_GP_BLOCK_LEN - 1) / MM_GP_BLOCK_LEN;
    struct mm_buf block;
    enum mm_status st = MM_OK;

    if (data_len == 0)
        return MM_USAGE;
    if (blocks > STORE_BLOCKS)
        return MM_TOO_LONG;
    if (target != NULL)
        st = mm_gp_personalization_command(target, list, NULL);
    mm_buf_init(&block);
    for (size_t i = 0; st == MM_OK && i < blocks; i++) {
        size_t off = i * MM_GP_BLOCK_LEN;
        size_t n = data_len - off < MM_GP_BLOCK_LEN ? data_len - off : MM_GP_BLOCK_LEN;

        block.len = 0;
        mm_buf_bytes(&block, data + off, n);
        st = mm_gp_put_command(list, 0xe2, (uint8_t)(structure | (i + 1 == blocks ? 0x80 : 0)),
                               (uint8_t)i, &block);
    }
    mm_buf_clear(&block);
    return st;
}
