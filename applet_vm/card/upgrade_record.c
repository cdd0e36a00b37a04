/*
 * The session of an ELF upgrade in the image, one record of the platform:
 *
 *   0 format (1)  1 status  2..3 domain that started it  4..5 domain of the load file
 *   6..7 new package's component  8 major  9 minor of the old one  10 AID length  11..26 AID
 *   27.. for each instance: component (2), root element (2), 1 when it listens
 */
#include "applet_vm/card/upgrade.h"

#include <string.h>

#define FORMAT       1
#define HEAD_LEN     27
#define INSTANCE_LEN 5

static bool read_record(const uint8_t *d, size_t len, struct mm_upgrade *out)
{
    if (d == NULL || len < HEAD_LEN || d[0] != FORMAT || (len - HEAD_LEN) % INSTANCE_LEN != 0 ||
        (len - HEAD_LEN) / INSTANCE_LEN > MM_REG_MAX || d[1] < MM_UPGRADE_WAITING_ELF ||
        d[1] > MM_UPGRADE_RESTORE_FAILED || d[10] > MM_AID_MAX ||
        mm_aid_set(&out->aid, d + 11, d[10]) != MM_OK)
        return false;
    out->status = (enum mm_upgrade_status)d[1];
    out->actor = mm_be16(d + 2);
    out->domain = mm_be16(d + 4);
    out->package = mm_be16(d + 6);
    out->major = d[8];
    out->minor = d[9];
    out->n = (len - HEAD_LEN) / INSTANCE_LEN;
    for (size_t i = 0; i < out->n; i++) {
        const uint8_t *p = d + HEAD_LEN + i * INSTANCE_LEN;
        out->instances[i] =
            (struct mm_upgraded_instance){mm_be16(p), (mm_ref)mm_be16(p + 2), p[4] != 0};
    }
    return true;
}

void mm_upgrade_read(const struct mm_card *card, struct mm_upgrade *out)
{
    size_t len = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_UPGRADE, &len);

    memset(out, 0, sizeof(*out));
    if (!read_record(record, len, out))
        memset(out, 0, sizeof(*out));
}

enum mm_status mm_upgrade_write(struct mm_card *card, const struct mm_upgrade *s)
{
    uint8_t d[HEAD_LEN + MM_REG_MAX * INSTANCE_LEN] = {FORMAT, (uint8_t)s->status};
    size_t len = HEAD_LEN + s->n * INSTANCE_LEN;
    enum mm_status st = MM_OK;

    if (mm_rec_data(card->nvm, MM_KEY_UPGRADE, NULL) != NULL)
        st = mm_rec_delete(card->nvm, MM_KEY_UPGRADE);
    if (st != MM_OK || s->status == MM_UPGRADE_NONE)
        return st;
    mm_put_be16(d + 2, s->actor);
    mm_put_be16(d + 4, s->domain);
    mm_put_be16(d + 6, s->package);
    d[8] = s->major;
    d[9] = s->minor;
    d[10] = s->aid.len;
    memcpy(d + 11, s->aid.bytes, s->aid.len);
    for (size_t i = 0; i < s->n; i++) {
        uint8_t *p = d + HEAD_LEN + i * INSTANCE_LEN;
        mm_put_be16(p, s->instances[i].comp);
        mm_put_be16(p + 2, s->instances[i].root);
        p[4] = s->instances[i].listens;
    }
    st = mm_rec_new(card->nvm, MM_KEY_UPGRADE, 0, len);
    return st == MM_OK ? mm_rec_write(card->nvm, MM_KEY_UPGRADE, 0, d, len) : st;
}

void mm_upgrade_find_instances(const struct mm_card *card, struct mm_upgrade *s)
{
    s->n = 0;
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind == MM_COMP_APPLET && e->package == s->package)
            s->instances[s->n++].comp = e->comp;
    }
}

/* Only while one of the phases runs is there code of an instance that could ask. */
bool mm_upgrade_phase(void *ctx, mm_comp owner, struct mm_gp_upgrade *out)
{
    const struct mm_card *card = ctx;
    const struct mm_upgrade *s = card->upgrade;

    for (size_t i = 0; s != NULL && i < s->n; i++) {
        if (s->instances[i].comp != owner)
            continue;
        *out = (struct mm_gp_upgrade){.phase = s->status == MM_UPGRADE_NONE ? MM_GP_PHASE_SAVING
                                                                            : MM_GP_PHASE_RESTORE,
                                      .previous = s->aid,
                                      .major = s->major,
                                      .minor = s->minor};
        return true;
    }
    return false;
}

bool mm_upgrade_allows(const struct mm_card *card, uint8_t install_p1)
{
    struct mm_upgrade s;

    mm_upgrade_read(card, &s);
    return s.status == MM_UPGRADE_NONE || install_p1 == MM_INSTALL_LOAD ||
           install_p1 == MM_INSTALL_PERSONALIZATION;
}

bool mm_upgrade_reserves(const struct mm_card *card, const struct mm_aid *aid)
{
    struct mm_upgrade s;

    mm_upgrade_read(card, &s);
    return s.status != MM_UPGRADE_NONE && mm_aid_equal(&s.aid, aid);
}

bool mm_upgrade_may(const struct mm_card *card, const struct mm_upgrade *s)
{
    mm_comp actor = mm_domain_current(card);

    return actor == 0 || actor == s->actor;
}

uint16_t mm_upgrade_for_load(const struct mm_card *card, const struct mm_aid *aid, bool named,
                             mm_comp *domain)
{
    struct mm_upgrade s;

    mm_upgrade_read(card, &s);
    if (s.status != MM_UPGRADE_WAITING_ELF || !mm_aid_equal(&s.aid, aid) ||
        !mm_upgrade_may(card, &s) || (named && *domain != s.domain))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    *domain = s.domain;
    return MM_SW_9000_NO_ERROR;
}

enum mm_status mm_upgrade_loaded(struct mm_card *card, const struct mm_aid *aid, mm_comp package)
{
    struct mm_upgrade s;

    mm_upgrade_read(card, &s);
    if (s.status != MM_UPGRADE_WAITING_ELF || !mm_aid_equal(&s.aid, aid))
        return MM_OK;
    s.status = MM_UPGRADE_WAITING_RESTORE;
    s.package = package;
    return mm_upgrade_write(card, &s);
}
