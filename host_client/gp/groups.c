/* Data groups (DGI) with values under the DEK (GPCS 2.3.1, 11.11.2; EMV CPS 1.1, 3.2). */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/gp_int.h"

#define LONG_LEN 0xff /* then two bytes of length follow */

static void put_group(struct mm_buf *out, uint16_t id, const uint8_t *value, size_t len)
{
    mm_buf_u16(out, id);
    if (len < LONG_LEN) {
        mm_buf_u8(out, (uint8_t)len);
    } else {
        mm_buf_u8(out, LONG_LEN);
        mm_buf_u16(out, (uint16_t)len);
    }
    mm_buf_bytes(out, value, len);
}

static enum mm_status encrypt_group(const struct mm_gp_hide *hide, uint16_t id,
                                    const uint8_t *value, size_t len, struct mm_buf *out,
                                    struct mm_err *err)
{
    size_t padded = len, room = len + hide->block_len;
    uint8_t *plain = calloc(1, room), *hidden = malloc(room);
    enum mm_status st = MM_OK;

    if (plain == NULL || hidden == NULL) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        goto out;
    }
    memcpy(plain, value, len);
    if (!hide->unpadded)
        padded = mm_scp_pad(plain, len, hide->block_len);
    if (padded == 0 || padded % hide->block_len != 0)
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "group %04X: %zu bytes are not whole blocks of %zu, as they must be unpadded",
                     id, len, hide->block_len);
    else if (padded > UINT16_MAX)
        st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "group %04X: %zu bytes", id, padded);
    else
        st = hide->encrypt(hide->ctx, plain, padded, hidden, err);
    if (st == MM_OK)
        put_group(out, id, hidden, padded);
out:
    if (plain != NULL)
        OPENSSL_cleanse(plain, room);
    free(plain);
    free(hidden);
    return st;
}

enum mm_status mm_gp_encrypt_groups(const struct mm_gp_hide *hide, const uint8_t *data,
                                    size_t data_len, struct mm_buf *out, struct mm_err *err)
{
    struct mm_rd rd;
    enum mm_status st = MM_OK;

    mm_rd_init(&rd, data, data_len);
    while (st == MM_OK && mm_rd_left(&rd) > 0) {
        size_t start = rd.off, len;
        uint16_t id = mm_rd_u16(&rd);
        const uint8_t *value;

        len = mm_rd_u8(&rd);
        if (len == LONG_LEN)
            len = mm_rd_u16(&rd);
        value = mm_rd_bytes(&rd, len);
        if (value == NULL)
            return mm_fail(
                err, MM_MALFORMED, start,
                "offset %zu: expected a data group: identifier of 2 bytes, length, value", start);
        st = encrypt_group(hide, id, value, len, out, err);
    }
    if (st == MM_OK && out->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    return st;
}
