/*
 * A package comes in: INSTALL [for load], then LOAD blocks (GPCS 2.3.1, 11.5.2.1, 11.6). Blocks are
 * gathered in memory; with the last one the load file is read, checked, stored and linked inside one
 * NVM transaction, so that a failure or a power cut leaves nothing behind.
 */
#include "applet_vm/card/upgrade.h"

#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"

/* The load file: the data block, its header, padding, and some DAP blocks. */
#define LOAD_FILE_MAX (MM_CAP_MAX_LEN + 4096)

void mm_content_load_drop(struct mm_card *card)
{
    mm_buf_clear(&card->channel->loading.file);
    mm_cap_free(&card->channel->loading.cap);
    memset(&card->channel->loading, 0, sizeof(card->channel->loading));
    mm_buf_init(&card->channel->loading.file);
}

/* May a package be associated with that domain by the one that is selected (9.2.1)? */
static uint16_t check_domain(const struct mm_card *card, const struct mm_aid *aid, mm_comp *domain)
{
    mm_comp actor = mm_domain_current(card);
    const struct mm_reg_entry *e;

    *domain = actor;
    if (aid->len == 0)
        return MM_SW_9000_NO_ERROR;
    if (!mm_domain_find(card, aid, domain))
        return MM_SW_6A88_DATA_NOT_FOUND;
    e = mm_reg_comp(&card->registry, *domain);
    if (*domain == actor)
        return MM_SW_9000_NO_ERROR;
    if (e == NULL || !mm_domain_above(card, actor, e) ||
        (mm_reg_state(&card->registry, e) & MM_STATE_LOCKED_BIT))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return MM_SW_9000_NO_ERROR;
}

/* A hash is needed where somebody signs it: in a token, or in a DAP block (11.5.2.3.1). */
static bool hash_good(const struct mm_card *card, const struct mm_install_data *in, mm_comp domain)
{
    if (in->fourth_len != 0)
        return mm_load_file_hash_len(in->fourth_len);
    return in->order.token_len == 0 && !mm_domain_may(card, domain, MM_PRIV_DAP_VERIFICATION) &&
           mm_priv_holder(card, MM_PRIV_MANDATED_DAP) == NULL;
}

uint16_t mm_content_install_for_load(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_loading *l = &card->channel->loading;
    struct mm_install_data in;
    mm_comp domain = 0;
    uint16_t sw;

    mm_content_load_drop(card);
    if (!mm_install_read(apdu, true, &in) || in.aid[0].len == 0)
        return MM_SW_6A80_WRONG_DATA;
    sw = check_domain(card, &in.aid[1], &domain);
    if (sw == MM_SW_9000_NO_ERROR && !hash_good(card, &in, domain))
        sw = MM_SW_6A80_WRONG_DATA;
    if (sw == MM_SW_9000_NO_ERROR)
        sw = mm_token_check(card, &in.order);
    if (sw == MM_SW_9000_NO_ERROR && !mm_upgrade_allows(card, 0))
        sw = mm_upgrade_for_load(card, &in.aid[0], in.aid[1].len != 0, &domain);
    else if (sw == MM_SW_9000_NO_ERROR && mm_domain_aid_taken(card, &in.aid[0]))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    /* C6 code, C7 and C8 data: what the package will need at least (table 11-48). */
    if (sw == MM_SW_9000_NO_ERROR &&
        (in.params.quota.stable_max > UINT32_MAX - in.params.code_min ||
         !mm_quota_fits(card, in.params.code_min + in.params.quota.stable_max,
                        in.params.quota.volatile_max)))
        sw = MM_SW_6A84_FILE_FULL;
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    l->package = in.aid[0];
    if (in.fourth_len > 0)
        memcpy(l->hash, in.fourth, in.fourth_len);
    l->hash_len = in.fourth_len;
    l->domain = domain;
    l->token_id_len = (uint8_t)in.order.token_id_len;
    if (l->token_id_len > 0)
        memcpy(l->token_id, in.order.token_id, l->token_id_len);
    l->combined = apdu->p1 == MM_INSTALL_ALL;
    l->active = true;
    mm_buf_u8(&card->out, 0x00);
    return MM_SW_9000_NO_ERROR;
}

/* Inside the transaction: component, package, registry entry. */
enum mm_status mm_load_store(struct mm_card *card, const struct mm_cap *cap, mm_comp domain,
                             mm_comp *comp, struct mm_err *err)
{
    struct mm_reg_entry entry = {
        .kind = MM_COMP_PACKAGE, .aid = *mm_cap_aid(cap), .domain = domain};
    enum mm_status st;

    entry.major = mm_cap_major(cap);
    entry.minor = mm_cap_minor(cap);
    st = mm_reg_new_comp(&card->registry, &entry.comp);
    *comp = entry.comp;
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "no new component: %s", mm_status_text(st));
    st = mm_comp_add(card->nvm, entry.comp, MM_COMP_PACKAGE, &entry.aid);
    if (st == MM_OK)
        st = mm_vm_package_load(card->vm, entry.comp, cap, !card->cfg.no_verify, err);
    if (st == MM_OK)
        st = mm_reg_add(&card->registry, &entry, MM_STATE_LOADED);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_LOAD, &entry.aid);
    return st;
}

static uint16_t refuse(const struct mm_loading *loading, enum mm_status st, const char *why)
{
    char hex[2 * MM_AID_MAX + 1];

    mm_log("warn", "load-refused", "package %s: %s",
           mm_hex(loading->package.bytes, loading->package.len, hex), why);
    if (st == MM_IO)
        return MM_SW_6581_MEMORY_FAILURE;
    return st == MM_NO_MEMORY ? MM_SW_6A84_FILE_FULL : MM_SW_6A80_WRONG_DATA;
}

/* Packages on the card, for the verifier: those of the registry that are usable. */
static const struct mm_cap *loaded_package(void *ctx, size_t i)
{
    const struct mm_card *card = ctx;

    for (size_t k = 0; k < card->registry.n; k++) {
        const struct mm_reg_entry *e = &card->registry.entries[k];
        const struct mm_cap *cap =
            e->kind == MM_COMP_PACKAGE ? mm_vm_package_cap(card->vm, e->comp) : NULL;
        if (cap != NULL && i-- == 0)
            return cap;
    }
    return NULL;
}

static enum mm_status verify(struct mm_card *card, const struct mm_cap *cap, struct mm_err *err)
{
    struct mm_verify_env env = {.rom = mm_api_packages(), .loaded = loaded_package, .ctx = card};

    return card->cfg.no_verify ? MM_OK : mm_verify(cap, &env, NULL, err);
}

/* The package is good: the entry and the receipt of a delegated load. */
static enum mm_status store(struct mm_card *card, const struct mm_cap *cap, mm_comp *comp,
                            struct mm_err *err)
{
    struct mm_loading *l = &card->channel->loading;
    struct mm_aid domain = mm_domain_aid(card, l->domain);
    struct mm_order order = {.token_id = l->token_id, .token_id_len = l->token_id_len};
    struct mm_buf context;
    enum mm_status st = mm_tx_begin(card->nvm);

    mm_buf_init(&context);
    mm_put_aid_lv(&context, &l->package);
    mm_put_aid_lv(&context, &domain);
    if (st == MM_OK)
        st = mm_load_store(card, cap, l->domain, comp, err);
    if (st == MM_OK)
        st = mm_upgrade_loaded(card, &l->package, *comp);
    if (st == MM_OK)
        st = mm_receipt_put(card, &order, &context, &card->out);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    mm_buf_clear(&context);
    return st;
}

static uint16_t store_or_undo(struct mm_card *card, const struct mm_cap *cap)
{
    struct mm_err err = {0};
    mm_comp comp = 0;
    enum mm_status st = store(card, cap, &comp, &err);

    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    if (comp != 0 && mm_vm_package_usable(card->vm, comp) &&
        mm_vm_package_unload(card->vm, comp, NULL) != MM_OK)
        mm_log("error", "load", "component %u could not be unlinked", comp);
    mm_card_undo_content(card);
    return refuse(&card->channel->loading, st, err.text[0] != '\0' ? err.text : mm_status_text(st));
}

/* After the last block. In a combined INSTALL the package waits for its end: nothing of it is stored
 * before all is. */
static uint16_t finish(struct mm_card *card)
{
    struct mm_loading *l = &card->channel->loading;
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};
    const uint8_t *block = NULL;
    size_t len = 0;
    uint16_t sw = mm_load_file_open(card, l, &block, &len);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = mm_cap_read(block, len, &cap, &err);
    if (st == MM_OK && !mm_aid_equal(mm_cap_aid(cap), &l->package))
        st = mm_fail(&err, MM_MALFORMED, SIZE_MAX, "INSTALL [for load] named another AID");
    if (st == MM_OK)
        st = verify(card, cap, &err);
    if (st != MM_OK)
        sw = refuse(l, st, err.text);
    else if (l->combined)
        l->cap = cap;
    else
        sw = store_or_undo(card, cap);
    if (cap != l->cap)
        mm_cap_free(&cap);
    return sw;
}

uint16_t mm_content_load(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_loading *l = &card->channel->loading;
    bool last = (apdu->p1 & 0x80) != 0;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    if (!l->active || l->cap != NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    mm_buf_bytes(&l->file, apdu->data, apdu->data_len);
    if ((apdu->p1 & 0x7f) != 0 || apdu->p2 != l->next_block)
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (apdu->data_len == 0)
        sw = MM_SW_6A80_WRONG_DATA;
    else if (l->file.bad || l->file.len > LOAD_FILE_MAX)
        sw = MM_SW_6A84_FILE_FULL;
    else if (last)
        sw = finish(card);
    l->next_block++;
    if (last && l->cap != NULL)
        mm_buf_u8(&card->out, 0x00);
    else if (last || sw != MM_SW_9000_NO_ERROR)
        mm_content_load_drop(card);
    return sw;
}
