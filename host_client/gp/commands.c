/* Content management commands (GPCS 2.3.1, chapter 11) as plain APDUs, gathered in lists. */
#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define DATA_MAX    255 /* short form: every card understands it */
#define LOAD_BLOCKS 256 /* P2 of LOAD is one byte */

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

enum mm_status mm_gp_put_command(struct mm_buf *list, uint8_t ins, uint8_t p1, uint8_t p2,
                                 const struct mm_buf *data)
{
    struct mm_gp_apdu apdu = {{0x80, ins, p1, p2}, data->data, data->len, 256};

    if (data->bad)
        return MM_NO_MEMORY;
    if (data->len > DATA_MAX)
        return MM_TOO_LONG;
    mm_buf_u16(list, (uint16_t)(4 + 1 + data->len + 1));
    mm_gp_apdu_write(&apdu, list);
    return list->bad ? MM_NO_MEMORY : MM_OK;
}

static void put_lv(struct mm_buf *buf, const uint8_t *value, size_t len)
{
    mm_gp_put_ber_len(buf, len);
    mm_buf_bytes(buf, value, len);
}

static void put_aid(struct mm_buf *buf, const struct mm_aid *aid)
{
    put_lv(buf, aid->bytes, aid->len);
}

/* ---- Load ---- */

static enum mm_status put_install_for_load(const struct mm_cap *cap, const struct mm_aid *sd,
                                           struct mm_buf *list)
{
    static const struct mm_aid none;
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    put_aid(&data, mm_cap_aid(cap));
    put_aid(&data, sd != NULL ? sd : &none);
    mm_buf_u8(&data, 0); /* no hash: the channel's MAC covers every block */
    mm_buf_u8(&data, 0); /* no load parameters */
    mm_buf_u8(&data, 0); /* no token */
    st = mm_gp_put_command(list, 0xe6, 0x02, 0x00, &data);
    mm_buf_clear(&data);
    return st;
}

enum mm_status mm_gp_load_commands(const struct mm_cap *cap, const struct mm_aid *sd,
                                   size_t block_len, struct mm_buf *list)
{
    size_t lfdb_len, blocks;
    const uint8_t *lfdb = mm_cap_lfdb(cap, &lfdb_len);
    struct mm_buf file, block;
    enum mm_status st = MM_OK;

    if (block_len == 0 || block_len > DATA_MAX)
        return MM_USAGE;
    mm_buf_init(&file);
    mm_buf_init(&block);
    if (lfdb_len > 0xffff)
        st = MM_TOO_LONG;
    mm_buf_u8(&file, 0xc4); /* GPCS 11.6.2.3: the Load File is C4 L LFDB */
    mm_gp_put_ber_len(&file, lfdb_len);
    mm_buf_bytes(&file, lfdb, lfdb_len);
    blocks = (file.len + block_len - 1) / block_len;
    if (st == MM_OK && file.bad)
        st = MM_NO_MEMORY;
    if (st == MM_OK && blocks > LOAD_BLOCKS)
        st = MM_TOO_LONG;
    if (st == MM_OK)
        st = put_install_for_load(cap, sd, list);
    for (size_t i = 0; st == MM_OK && i < blocks; i++) {
        size_t off = i * block_len;
        size_t n = file.len - off < block_len ? file.len - off : block_len;

        block.len = 0;
        mm_buf_bytes(&block, file.data + off, n);
        st = mm_gp_put_command(list, 0xe8, i + 1 == blocks ? 0x80 : 0x00, (uint8_t)i, &block);
    }
    mm_buf_clear(&block);
    mm_buf_clear(&file);
    return st;
}

/* ---- Install, delete ---- */

enum mm_status mm_gp_install_command(const struct mm_aid *package, const struct mm_aid *module,
                                     const struct mm_aid *instance, const uint8_t *privileges,
                                     size_t privileges_len, const uint8_t *params,
                                     size_t params_len, struct mm_buf *list)
{
    struct mm_buf data, own;
    enum mm_status st;

    if ((privileges_len != 1 && privileges_len != 3) || params_len > DATA_MAX)
        return MM_USAGE;
    mm_buf_init(&data);
    mm_buf_init(&own);
    mm_buf_u8(&own, 0xc9); /* application specific parameters, always there (GPCS 11.5.2.3.7) */
    put_lv(&own, params, params_len);
    put_aid(&data, package);
    put_aid(&data, module);
    put_aid(&data, instance);
    put_lv(&data, privileges, privileges_len);
    put_lv(&data, own.data, own.len);
    mm_buf_u8(&data, 0); /* no token */
    st = own.bad ? MM_NO_MEMORY : mm_gp_put_command(list, 0xe6, 0x0c, 0x00, &data);
    mm_buf_clear(&own);
    mm_buf_clear(&data);
    return st;
}

enum mm_status mm_gp_delete_command(const struct mm_aid *aid, bool related, struct mm_buf *list)
{
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_u8(&data, 0x4f);
    put_aid(&data, aid);
    st = mm_gp_put_command(list, 0xe4, 0x00, related ? 0x80 : 0x00, &data);
    mm_buf_clear(&data);
    return st;
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

static enum mm_status put_install_for_personalization(const struct mm_aid *target,
                                                      struct mm_buf *list)
{
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_u16(&data, 0); /* no load file, no module */
    put_aid(&data, target);
    mm_buf_u8(&data, 0); /* no privileges, parameters, token */
    mm_buf_u16(&data, 0);
    st = mm_gp_put_command(list, 0xe6, 0x20, 0x00, &data);
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
    if (blocks > LOAD_BLOCKS)
        return MM_TOO_LONG;
    if (target != NULL)
        st = put_install_for_personalization(target, list);
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
