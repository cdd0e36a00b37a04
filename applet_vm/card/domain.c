/*
 * Security domains (GPCS 2.3.1, 7): who stands above whom, and which privileges each holds (6.6). The
 * issuer's domain is component 0 and stands above everything; a supplementary one is a registry entry
 * without code, which the card itself carries out.
 */
#include "applet_vm/card/upgrade.h"

#include <string.h>

/* Privileges of the issuer's domain (GPCS 6.6.1): all that a card is managed with. What one holder
 * at a time may have passes to the application that got it. */
static const uint8_t issuer[MM_PRIV_LEN] = {0x9e, 0xfe, 0x80};
static const enum mm_privilege passed_on[] = {MM_PRIV_CARD_RESET, MM_PRIV_TOKEN_VERIFICATION,
                                              MM_PRIV_RECEIPT_GENERATION,
                                              MM_PRIV_FINAL_APPLICATION};

bool mm_priv_has(const uint8_t privileges[MM_PRIV_LEN], enum mm_privilege privilege)
{
    return (privileges[privilege / 8] & 0x80 >> privilege % 8) != 0;
}

const struct mm_reg_entry *mm_priv_holder(const struct mm_card *card, enum mm_privilege privilege)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind != MM_COMP_PACKAGE && mm_priv_has(e->privileges, privilege))
            return e;
    }
    return NULL;
}

mm_comp mm_domain_current(const struct mm_card *card)
{
    return card->channel->selected == MM_SELECTED_DOMAIN ? card->channel->selected_comp : 0;
}

bool mm_domain_above(const struct mm_card *card, mm_comp domain, const struct mm_reg_entry *e)
{
    /* As many steps as there are entries: a damaged registry may hold a circle. */
    for (size_t step = 0; e != NULL && step <= card->registry.n; step++) {
        if (e->domain == domain)
            return true;
        e = mm_reg_comp(&card->registry, e->domain);
    }
    return domain == 0;
}

void mm_domain_privileges(const struct mm_card *card, mm_comp comp, uint8_t out[MM_PRIV_LEN])
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, comp);

    memset(out, 0, MM_PRIV_LEN);
    if (comp != 0) {
        if (e != NULL)
            memcpy(out, e->privileges, MM_PRIV_LEN);
        return;
    }
    memcpy(out, issuer, MM_PRIV_LEN);
    for (size_t i = 0; i < sizeof(passed_on) / sizeof(passed_on[0]); i++) {
        if (mm_priv_holder(card, passed_on[i]) != NULL)
            out[passed_on[i] / 8] &= (uint8_t) ~(0x80 >> passed_on[i] % 8);
    }
}

bool mm_domain_may(const struct mm_card *card, mm_comp comp, enum mm_privilege privilege)
{
    uint8_t privileges[MM_PRIV_LEN];

    mm_domain_privileges(card, comp, privileges);
    return mm_priv_has(privileges, privilege);
}

struct mm_aid mm_domain_aid(const struct mm_card *card, mm_comp domain)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, domain);
    struct mm_aid aid = mm_aid_of(MM_AID_ISD);
    struct mm_buf stored;

    if (domain != 0 && e != NULL)
        return e->aid;
    mm_buf_init(&stored);
    if (mm_isd_stored_object(card, 0, 0x4f, &stored) && !stored.bad && stored.len > 2 &&
        mm_aid_set(&aid, stored.data + 2, stored.len - 2) != MM_OK)
        aid = mm_aid_of(MM_AID_ISD);
    mm_buf_clear(&stored);
    return aid;
}

bool mm_domain_aid_taken(const struct mm_card *card, const struct mm_aid *aid)
{
    struct mm_aid isd = mm_domain_aid(card, 0), integrity = mm_aid_of(MM_AID_INTEGRITY);

    return mm_reg_find(&card->registry, aid) != NULL || mm_aid_equal(aid, &isd) ||
           mm_aid_equal(aid, &integrity) || mm_domain_is_package(aid) ||
           mm_upgrade_reserves(card, aid);
}

bool mm_domain_find(const struct mm_card *card, const struct mm_aid *aid, mm_comp *domain)
{
    struct mm_aid isd = mm_domain_aid(card, 0);
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid);

    *domain = 0;
    if (mm_aid_equal(aid, &isd))
        return true;
    if (e == NULL || e->kind != MM_COMP_DOMAIN)
        return false;
    *domain = e->comp;
    return true;
}

bool mm_domain_is_package(const struct mm_aid *aid)
{
    struct mm_aid package = mm_aid_of(MM_AID_SSD_PACKAGE), old = mm_aid_of(MM_AID_SSD_PACKAGE_OLD);

    return mm_aid_equal(aid, &package) || mm_aid_equal(aid, &old);
}

bool mm_domain_is_module(const struct mm_aid *aid)
{
    struct mm_aid module = mm_aid_of(MM_AID_SSD_MODULE), old = mm_aid_of(MM_AID_SSD_MODULE_OLD);

    return mm_aid_equal(aid, &module) || mm_aid_equal(aid, &old);
}

/* A set that opens a secure channel; others serve signatures only. */
static bool has_channel_keys(const struct mm_nvm *nvm, mm_comp domain)
{
    struct mm_key_set set;
    bool found = mm_key_set_load(nvm, domain, 0, &set) == MM_OK;

    mm_key_set_clear(&set);
    return found;
}

mm_comp mm_domain_of_keys(const struct mm_card *card, mm_comp domain)
{
    for (size_t step = 0; domain != 0 && step <= card->registry.n; step++) {
        const struct mm_reg_entry *e = mm_reg_comp(&card->registry, domain);
        if (e == NULL || has_channel_keys(card->nvm, domain))
            return e == NULL ? 0 : domain;
        domain = e->domain;
    }
    return 0;
}

/* ---- Assignment (GPCS 6.6.2) ---- */

/* Only a security domain can carry these out. */
static const enum mm_privilege of_domains[] = {
    MM_PRIV_DAP_VERIFICATION,   MM_PRIV_DELEGATED_MANAGEMENT,  MM_PRIV_MANDATED_DAP,
    MM_PRIV_TRUSTED_PATH,       MM_PRIV_AUTHORIZED_MANAGEMENT, MM_PRIV_TOKEN_VERIFICATION,
    MM_PRIV_RECEIPT_GENERATION, MM_PRIV_CIPHERED_LOAD_FILE};
/* One application or domain of the card at a time. */
static const enum mm_privilege of_one[] = {MM_PRIV_CARD_RESET, MM_PRIV_TOKEN_VERIFICATION,
                                           MM_PRIV_FINAL_APPLICATION, MM_PRIV_RECEIPT_GENERATION,
                                           MM_PRIV_CONTACTLESS_ACTIVATION};
/* These act on more than what is associated: only who has one may hand it on. */
static const enum mm_privilege of_card[] = {
    MM_PRIV_CARD_LOCK,          MM_PRIV_CARD_TERMINATE,    MM_PRIV_CARD_RESET,
    MM_PRIV_CVM_MANAGEMENT,     MM_PRIV_MANDATED_DAP,      MM_PRIV_AUTHORIZED_MANAGEMENT,
    MM_PRIV_TOKEN_VERIFICATION, MM_PRIV_GLOBAL_DELETE,     MM_PRIV_GLOBAL_LOCK,
    MM_PRIV_GLOBAL_REGISTRY,    MM_PRIV_FINAL_APPLICATION, MM_PRIV_RECEIPT_GENERATION};

static bool any(const uint8_t privileges[MM_PRIV_LEN], const enum mm_privilege *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (mm_priv_has(privileges, list[i]))
            return true;
    }
    return false;
}

/* What holds whoever assigns them. */
static bool consistent(const uint8_t p[MM_PRIV_LEN], bool is_domain)
{
    if ((p[2] & 0x0f) != 0 || mm_priv_has(p, MM_PRIV_SECURITY_DOMAIN) != is_domain)
        return false;
    if (!is_domain && any(p, of_domains, sizeof(of_domains) / sizeof(of_domains[0])))
        return false;
    if (mm_priv_has(p, MM_PRIV_MANDATED_DAP) && !mm_priv_has(p, MM_PRIV_DAP_VERIFICATION))
        return false;
    return !(mm_priv_has(p, MM_PRIV_DELEGATED_MANAGEMENT) &&
             mm_priv_has(p, MM_PRIV_AUTHORIZED_MANAGEMENT));
}

uint16_t mm_priv_check(const struct mm_card *card, mm_comp actor, const struct mm_reg_entry *target,
                       const uint8_t privileges[MM_PRIV_LEN])
{
    /* A token is the issuer's word, so what a delegated domain asks for with one is the issuer's. */
    bool by_issuer = actor == 0 || mm_domain_may(card, actor, MM_PRIV_DELEGATED_MANAGEMENT);

    if (!consistent(privileges, target->kind == MM_COMP_DOMAIN))
        return MM_SW_6A80_WRONG_DATA;
    for (size_t i = 0; i < sizeof(of_one) / sizeof(of_one[0]); i++) {
        const struct mm_reg_entry *holder = mm_priv_holder(card, of_one[i]);
        if (mm_priv_has(privileges, of_one[i]) && holder != NULL && holder->comp != target->comp)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    }
    for (size_t i = 0; !by_issuer && i < sizeof(of_card) / sizeof(of_card[0]); i++) {
        if (mm_priv_has(privileges, of_card[i]) && !mm_priv_has(target->privileges, of_card[i]) &&
            !mm_domain_may(card, actor, of_card[i]))
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    }
    return MM_SW_9000_NO_ERROR;
}
