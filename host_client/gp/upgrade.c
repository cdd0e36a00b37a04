/* MANAGE ELF UPGRADE, host side (GPCS 2.3, Amendment H 1.1). */
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

enum mm_status mm_gp_upgrade_command(enum mm_gp_upgrade_action action, const struct mm_aid *aid,
                                     struct mm_buf *list)
{
    struct mm_buf data, file;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_init(&file);
    if (action == MM_GP_UPGRADE_START) {
        mm_ber_put(&file, 0x4f, aid->bytes, aid->len);
        mm_ber_put(&data, 0xa1, file.data, file.len);
        data.bad |= file.bad;
    }
    st = mm_gp_put_command(list, MM_INS_ISD_MANAGE_ELF_UPGRADE, (uint8_t)action, 0, &data);
    mm_buf_clear(&file);
    mm_buf_clear(&data);
    return st;
}

/* A1 { 90 status, [4F AID], others of a later version }. */
static bool read_info(const uint8_t *data, size_t data_len, struct mm_gp_upgrade_info *out)
{
    bool found = false;
    struct mm_rd rd, in;
    const uint8_t *value;
    uint16_t tag;
    size_t len;

    mm_rd_init(&rd, data, data_len);
    if (!mm_ber_take(&rd, &tag, &value, &len) || tag != 0xa1 || mm_rd_left(&rd) != 0)
        return false;
    mm_rd_init(&in, value, len);
    while (mm_rd_left(&in) > 0) {
        if (!mm_ber_take(&in, &tag, &value, &len) ||
            (tag == 0x4f && mm_aid_set(&out->aid, value, len) != MM_OK))
            return false;
        if (tag == 0x90 && len == 1) {
            out->status = value[0];
            found = true;
        }
    }
    return found;
}

enum mm_status mm_gp_upgrade_read(const uint8_t *data, size_t data_len,
                                  struct mm_gp_upgrade_info *out, struct mm_err *err)
{
    const uint8_t *info;
    struct mm_rd rd;
    size_t len;

    *out = (struct mm_gp_upgrade_info){0};
    mm_rd_init(&rd, data, data_len);
    (void)mm_rd_bytes(&rd, mm_ber_len(&rd)); /* confirmation */
    len = mm_ber_len(&rd);
    info = mm_rd_bytes(&rd, len);
    if (!rd.bad && mm_rd_left(&rd) == 0 && read_info(info, len, out))
        return MM_OK;
    *out = (struct mm_gp_upgrade_info){0};
    return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                   "the card's answer to MANAGE ELF UPGRADE is not understood");
}

enum mm_status mm_gp_upgrade(struct mm_gp_session *session, enum mm_gp_upgrade_action action,
                             const struct mm_aid *aid, struct mm_gp_upgrade_info *out,
                             struct mm_err *err)
{
    struct mm_buf list, resp;
    size_t off = 0, len;
    const uint8_t *apdu;
    uint16_t sw = 0;
    enum mm_status st;

    *out = (struct mm_gp_upgrade_info){0};
    mm_buf_init(&list);
    mm_buf_init(&resp);
    st = mm_gp_upgrade_command(action, aid, &list);
    apdu = mm_gp_list_next(&list, &off, &len);
    if (st == MM_OK && apdu == NULL)
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        st = mm_gp_send(session, apdu, len, &resp, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_gp_card_said(err, mm_gp_command_name(apdu, len), sw);
    if (st == MM_OK)
        st = mm_gp_upgrade_read(resp.data, resp.len, out, err);
    mm_buf_clear(&resp);
    mm_buf_clear(&list);
    return st;
}

const char *mm_gp_upgrade_text(uint8_t status)
{
    switch (status) {
    case MM_GP_UPGRADE_NONE:
        return "no session";
    case MM_GP_UPGRADE_COMPLETED:
        return "completed";
    case MM_GP_UPGRADE_WAITING_ELF:
        return "waiting for the package";
    case MM_GP_UPGRADE_WAITING_RESTORE:
        return "waiting for restore";
    case MM_GP_UPGRADE_RESTORE_FAILED:
        return "restore failed";
    case 0x10:
        return "interrupted while saving";
    case 0x20:
        return "interrupted while cleaning up";
    case 0x30:
        return "interrupted while deleting";
    case 0x40:
        return "interrupted while installing";
    case 0x50:
        return "interrupted while restoring";
    case 0x60:
        return "interrupted while consolidating";
    default:
        return "unknown status";
    }
}
