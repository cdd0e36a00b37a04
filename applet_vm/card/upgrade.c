/*
 * MANAGE ELF UPGRADE (GPCS Amendment H 1.1, 4.2): which domain may, and what each action does.
 *
 *   start: A1 { 4F AID of the load file, [80 options] }   others: no data
 *   answer: 00 (no confirmation)  length  A1 { 90 session status, [4F AID] }
 */
#include "applet_vm/card/upgrade.h"

#include "applet_vm/base/ber.h"

#include <string.h>

enum { START = 0x01, RESUME = 0x02, RECOVERY = 0x03, ABORT = 0x04, STATUS = 0x08 };

static uint16_t answer(struct mm_card *card, const struct mm_upgrade *s)
{
    uint8_t status = (uint8_t)s->status;
    struct mm_buf info;

    mm_buf_init(&info);
    mm_card_put_tlv(&info, 0x90, &status, 1);
    if (s->aid.len > 0)
        mm_card_put_tlv(&info, 0x4f, s->aid.bytes, s->aid.len);
    mm_buf_u8(&card->out, 0x00);
    mm_buf_u8(&card->out, (uint8_t)(2 + info.len));
    mm_card_put_tlv(&card->out, 0xa1, info.data, info.len);
    card->out.bad |= info.bad;
    mm_buf_clear(&info);
    return MM_SW_9000_NO_ERROR;
}

/* ---- Start ---- */

/* One load file; of the options none is known but 00. */
static bool read_start(const struct mm_apdu *apdu, struct mm_aid *aid)
{
    struct mm_rd all, rd;
    const uint8_t *inner, *value;
    size_t len;

    mm_rd_init(&all, apdu->data, apdu->data_len);
    if (mm_rd_u8(&all) != 0xa1)
        return false;
    len = mm_ber_len(&all);
    inner = mm_rd_bytes(&all, len);
    if (all.bad || mm_rd_left(&all) != 0)
        return false;
    mm_rd_init(&rd, inner, len);
    if (mm_rd_u8(&rd) != 0x4f)
        return false;
    len = mm_ber_len(&rd);
    value = mm_rd_bytes(&rd, len);
    if (rd.bad || mm_aid_set(aid, value, len) != MM_OK || aid->len == 0)
        return false;
    if (mm_rd_left(&rd) == 0)
        return true;
    return mm_rd_u8(&rd) == 0x80 && mm_ber_len(&rd) == 1 && mm_rd_u8(&rd) == 0 && !rd.bad &&
           mm_rd_left(&rd) == 0;
}

/* Deleting, loading and installing, of all that goes with it; no token is defined here that would cover
 * them together. */
static bool may_start(const struct mm_card *card, const struct mm_reg_entry *package,
                      const struct mm_upgrade *s)
{
    mm_comp actor = mm_domain_current(card);
    bool may = mm_domain_may(card, actor, MM_PRIV_AUTHORIZED_MANAGEMENT) &&
               mm_domain_above(card, actor, package);

    for (size_t i = 0; i < s->n && may; i++)
        may = mm_domain_above(card, actor, mm_reg_comp(&card->registry, s->instances[i].comp));
    return may;
}

/* Sound, not in use, and no other package's to link with. */
static bool can_leave(const struct mm_card *card, const struct mm_reg_entry *package,
                      const struct mm_upgrade *s)
{
    bool can = mm_vm_package_usable(card->vm, package->comp) &&
               mm_comp_damage(card->nvm, package->comp) == MM_DAMAGE_NONE &&
               !mm_channel_context_active(card, package->comp, NULL) &&
               !mm_content_is_imported(card, package);

    for (size_t i = 0; i < s->n && can; i++)
        can = mm_select_usable(card, mm_reg_comp(&card->registry, s->instances[i].comp));
    return can;
}

static uint16_t start(struct mm_card *card, const struct mm_apdu *apdu, struct mm_upgrade *s)
{
    const struct mm_reg_entry *package;
    struct mm_aid aid;

    if (!read_start(apdu, &aid))
        return MM_SW_6A80_WRONG_DATA;
    if (s->status != MM_UPGRADE_NONE || mm_domain_is_package(&aid))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    package = mm_reg_find(&card->registry, &aid);
    if (package == NULL || package->kind != MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    *s = (struct mm_upgrade){.actor = mm_domain_current(card),
                             .domain = package->domain,
                             .package = package->comp,
                             .major = package->major,
                             .minor = package->minor,
                             .aid = aid};
    mm_upgrade_find_instances(card, s);
    if (!may_start(card, package, s) || !can_leave(card, package, s))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_upgrade_save(card, s);
}

/* ---- The way back ---- */

static enum mm_status drop_new_package(struct mm_card *card, const struct mm_upgrade *s)
{
    const struct mm_reg_entry *package =
        s->package != 0 ? mm_reg_comp(&card->registry, s->package) : NULL;

    return package == NULL ? MM_OK : mm_content_drop(card, package);
}

static uint16_t end(struct mm_card *card, enum mm_status st)
{
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    mm_card_undo_content(card);
    return mm_card_failure("upgrade", st);
}

/* The new load file goes; the session waits for one again, which may be the old. */
static uint16_t recover(struct mm_card *card, struct mm_upgrade *s)
{
    enum mm_status st;

    if (s->status == MM_UPGRADE_WAITING_ELF)
        return MM_SW_9000_NO_ERROR;
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK)
        st = drop_new_package(card, s);
    s->status = MM_UPGRADE_WAITING_ELF;
    s->package = 0;
    if (st == MM_OK)
        st = mm_upgrade_write(card, s);
    return end(card, st);
}

/* All of it goes, as after DELETE of the load file with its instances. */
static uint16_t abandon(struct mm_card *card, struct mm_upgrade *s)
{
    enum mm_status st = mm_tx_begin(card->nvm);
    struct mm_upgrade none = {.status = MM_UPGRADE_NONE};
    uint16_t sw;

    if (st == MM_OK)
        st = drop_new_package(card, s);
    for (size_t i = 0; i < s->n && st == MM_OK; i++) {
        const struct mm_reg_entry *e = mm_reg_comp(&card->registry, s->instances[i].comp);
        if (e != NULL)
            st = mm_content_drop(card, e);
    }
    if (st == MM_OK)
        st = mm_upgrade_write(card, &none);
    if (st == MM_OK && s->package == 0) /* else told when the new one went */
        st = mm_integrity_event(card->integrity, MM_EVENT_DELETE, &s->aid);
    sw = end(card, st);
    *s = none;
    if (sw == MM_SW_9000_NO_ERROR)
        mm_quota_apply(card);
    return sw;
}

/* ---- The command ---- */

static uint16_t go_on(struct mm_card *card, uint8_t action, struct mm_upgrade *s)
{
    if (s->status == MM_UPGRADE_NONE || !mm_upgrade_may(card, s))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (action == ABORT)
        return abandon(card, s);
    if (action == RECOVERY)
        return recover(card, s);
    return s->status == MM_UPGRADE_WAITING_ELF ? MM_SW_9000_NO_ERROR : mm_upgrade_restore(card, s);
}

uint16_t mm_content_upgrade(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_upgrade s;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (apdu->p2 != 0 || (apdu->p1 != START && apdu->p1 != RESUME && apdu->p1 != RECOVERY &&
                          apdu->p1 != ABORT && apdu->p1 != STATUS))
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_upgrade_read(card, &s);
    if (apdu->p1 != STATUS)
        mm_content_load_drop(card);
    if (apdu->p1 == START)
        sw = start(card, apdu, &s);
    else if (apdu->data_len != 0)
        sw = MM_SW_6A80_WRONG_DATA;
    else if (apdu->p1 != STATUS)
        sw = go_on(card, apdu->p1, &s);
    else if (!mm_upgrade_may(card, &s)) /* another's is not told */
        memset(&s, 0, sizeof(s));
    return sw == MM_SW_9000_NO_ERROR ? answer(card, &s) : sw;
}
