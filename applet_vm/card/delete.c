/*
 * DELETE (GPCS 2.3.1, 11.2), and deletion by order of the integrity application (step A3). Each is
 * one NVM transaction. A sound application is asked first and stays while others need it; a damaged
 * one goes without questions, and what could not run without it goes along (docs/conformance.md).
 */
#include "applet_vm/card/upgrade.h"

#include "applet_vm/base/ber.h"

#include <string.h>

static uint16_t deletable_sw(enum mm_status st)
{
    if (st == MM_STATE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("delete", st);
}

/* ---- Inside the transaction ---- */

static enum mm_status drop_component(struct mm_card *card, const struct mm_reg_entry *e)
{
    mm_comp comp = e->comp;
    enum mm_status st = mm_comp_drop(card->nvm, comp);

    if (st == MM_NOT_FOUND) /* a damaged image may have lost the component already */
        st = MM_OK;
    if (st == MM_OK)
        st = mm_cl_forget(card, comp);
    if (st == MM_OK)
        st = mm_reg_delete(&card->registry, e->comp);
    return st == MM_OK ? mm_integrity_event(card->integrity, MM_EVENT_DELETE, &e->aid) : st;
}

static enum mm_status delete_applet(struct mm_card *card, const struct mm_reg_entry *entry)
{
    struct mm_reg_entry e = *entry;
    /* Whether others refer to it was asked of a sound applet only. */
    bool asked = mm_select_usable(card, entry);
    enum mm_status st;

    mm_vm_objects_forget(card->vm, e.comp);
    mm_vm_applet_unbind(card->vm, e.comp);
    mm_channel_forget(card, e.comp);
    st = drop_component(card, &e);
    if (st == MM_OK && !asked)
        st = mm_vm_references_drop(card->vm);
    return st;
}

static const struct mm_reg_entry *next_instance(const struct mm_card *card, mm_comp package,
                                                size_t *at)
{
    while (*at < card->registry.n) {
        const struct mm_reg_entry *e = &card->registry.entries[(*at)++];
        if (e->kind == MM_COMP_APPLET && e->package == package)
            return e;
    }
    return NULL;
}

static bool has_instance(const struct mm_card *card, mm_comp package)
{
    size_t at = 0;

    return next_instance(card, package, &at) != NULL;
}

static enum mm_status delete_package(struct mm_card *card, const struct mm_reg_entry *entry)
{
    struct mm_reg_entry e = *entry;
    const struct mm_reg_entry *instance;
    bool usable = mm_vm_package_usable(card->vm, e.comp);
    enum mm_status st = MM_OK;

    while (st == MM_OK && (instance = next_instance(card, e.comp, &(size_t){0})) != NULL)
        st = delete_applet(card, instance);
    if (st == MM_OK)
        st = mm_vm_package_unload(card->vm, e.comp, NULL);
    if (st == MM_OK)
        st = drop_component(card, &e);
    if (st == MM_OK && !usable) /* the arrays of its static fields */
        st = mm_vm_references_drop(card->vm);
    return st;
}

static enum mm_status end(struct mm_card *card, enum mm_status st)
{
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK)
        mm_card_undo_content(card);
    return st;
}

/* ---- Who imports whom ---- */

static bool cap_imports(const struct mm_cap *cap, const struct mm_aid *aid)
{
    for (size_t i = 0; i < mm_cap_import_n(cap); i++) {
        if (mm_aid_equal(&mm_cap_import(cap, i)->aid, aid))
            return true;
    }
    return false;
}

/* A package that is not linked, because it lost an import, is read from its load file. */
static bool imports(const struct mm_card *card, const struct mm_reg_entry *e,
                    const struct mm_aid *aid)
{
    const struct mm_cap *linked = mm_vm_package_cap(card->vm, e->comp);
    struct mm_cap *stored = NULL;
    const uint8_t *lfdb;
    size_t len = 0;
    bool found;

    if (linked != NULL)
        return cap_imports(linked, aid);
    lfdb = mm_rec_data(card->nvm, MM_KEY_PACKAGE_LFDB(e->comp), &len);
    if (lfdb == NULL || mm_cap_read(lfdb, len, &stored, NULL) != MM_OK)
        return false;
    found = cap_imports(stored, aid);
    mm_cap_free(&stored);
    return found;
}

bool mm_content_is_imported(const struct mm_card *card, const struct mm_reg_entry *package)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        if (e->kind == MM_COMP_PACKAGE && e->comp != package->comp &&
            imports(card, e, &package->aid))
            return true;
    }
    return false;
}

/* ---- DELETE ---- */

/* May it go, and does the applet know? A damaged one goes without questions. */
static uint16_t prepare_applet(struct mm_card *card, const struct mm_reg_entry *e,
                               mm_comp leaving_package)
{
    if (!mm_select_usable(card, e))
        return MM_SW_9000_NO_ERROR;
    (void)mm_vm_uninstall(card->vm, e->applet); /* what it throws is ignored (JCRE 3.0.5, 11.3.4) */
    mm_vm_tx_abort(card->vm);
    return deletable_sw(mm_vm_owner_deletable_with(card->vm, e->comp, leaving_package));
}

/* A domain goes when nothing is associated with it any more; its keys and data are its component's. */
static uint16_t prepare_domain(const struct mm_card *card, mm_comp domain)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        if (card->registry.entries[i].domain == domain && card->registry.entries[i].comp != domain)
            return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    }
    return MM_SW_9000_NO_ERROR;
}

/* May all of it go, the instances of a package included? */
static uint16_t prepare(struct mm_card *card, const struct mm_reg_entry *target, bool related)
{
    const struct mm_reg_entry *e;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    size_t at = 0;

    if (target->kind == MM_COMP_APPLET)
        return prepare_applet(card, target, 0);
    if (target->kind == MM_COMP_DOMAIN)
        return prepare_domain(card, target->comp);
    if ((!related && has_instance(card, target->comp)) || mm_content_is_imported(card, target))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    while (sw == MM_SW_9000_NO_ERROR && (e = next_instance(card, target->comp, &at)) != NULL)
        sw = prepare_applet(card, e, target->comp);
    return sw;
}

enum mm_status mm_content_drop(struct mm_card *card, const struct mm_reg_entry *target)
{
    switch (target->kind) {
    case MM_COMP_APPLET:
        return delete_applet(card, target);
    case MM_COMP_DOMAIN:
        return drop_component(card, target);
    case MM_COMP_PACKAGE:
        return delete_package(card, target);
    case MM_COMP_PLATFORM:
        break;
    }
    return MM_USAGE;
}

/* Delete an application, or a package with (related) or without its instances. order: NULL when it is
 * the integrity application's, which confirms nothing. */
static uint16_t delete_entry(struct mm_card *card, const struct mm_reg_entry *entry, bool related,
                             const struct mm_order *order)
{
    struct mm_reg_entry target = *entry;
    uint16_t sw = prepare(card, &target, related);
    struct mm_buf context;
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    mm_buf_init(&context);
    mm_put_aid_lv(&context, &target.aid);
    st = mm_tx_begin(card->nvm);
    if (st == MM_OK)
        st = mm_content_drop(card, &target);
    if (st == MM_OK && order != NULL)
        st = mm_receipt_put(card, order, &context, &card->out);
    mm_buf_clear(&context);
    sw = deletable_sw(end(card, st));
    if (sw == MM_SW_9000_NO_ERROR)
        mm_quota_apply(card);
    return sw;
}

/* Fields of DELETE: 4F AID; B6 reference of the token, 9E token (table 11-23). */
static bool read_delete(const struct mm_apdu *apdu, struct mm_aid *aid, struct mm_order *order)
{
    struct mm_rd rd;

    memset(aid, 0, sizeof(*aid));
    *order = (struct mm_order){
        .p1 = apdu->p1, .p2 = apdu->p2, .data = apdu->data, .data_len = apdu->data_len};
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    while (mm_rd_left(&rd) > 0) {
        size_t start = rd.off, len;
        uint8_t tag = mm_rd_u8(&rd);
        const uint8_t *value;

        len = tag == 0x9e ? mm_card_field_len(&rd) : mm_ber_len(&rd);
        value = mm_rd_bytes(&rd, len);
        if (rd.bad)
            return false;
        if (tag == 0x4f && aid->len == 0) {
            if (mm_aid_set(aid, value, len) != MM_OK)
                return false;
        } else if (tag == 0x9e && mm_rd_left(&rd) == 0) {
            order->data_len = start;
            order->token = value;
            order->token_len = len;
        } else if (tag != 0xb6) {
            return false;
        }
    }
    return aid->len != 0;
}

/* Whose word counts: who stands above the entry, or may delete whatever there is (6.6.1, Global
 * Delete). */
static uint16_t may_delete(const struct mm_card *card, const struct mm_reg_entry *e,
                           const struct mm_order *order)
{
    if (mm_domain_may(card, mm_domain_current(card), MM_PRIV_GLOBAL_DELETE))
        return MM_SW_9000_NO_ERROR;
    if (!mm_domain_above(card, mm_domain_current(card), e))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_token_check(card, order);
}

uint16_t mm_content_delete(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid aid;
    struct mm_order order;
    const struct mm_reg_entry *e;
    uint16_t sw;

    mm_content_load_drop(card);
    if (apdu->p1 != 0 || (apdu->p2 != 0 && apdu->p2 != 0x80))
        return MM_SW_6A86_INCORRECT_P1P2;
    if (apdu->data_len > 0 && (apdu->data[0] == 0xd0 || apdu->data[0] == 0xd2))
        return mm_isd_delete_keys(card, apdu);
    if (!read_delete(apdu, &aid, &order))
        return MM_SW_6A80_WRONG_DATA;
    if (mm_domain_is_package(&aid) /* it came with the card */ || !mm_upgrade_allows(card, 0))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    e = mm_reg_find(&card->registry, &aid);
    if (e == NULL)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (e->kind != MM_COMP_PACKAGE ? mm_channel_instance_active(card, e->comp, NULL)
                                   : mm_channel_context_active(card, e->comp, NULL))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED; /* JCRE 3.0.5, 11.3.4.1 and 11.3.4.3 */
    sw = may_delete(card, e, &order);
    return sw == MM_SW_9000_NO_ERROR ? delete_entry(card, e, apdu->p2 == 0x80, &order) : sw;
}

/* ---- Deletion by order of the integrity application ---- */

/*
 * A package that does not run any more goes with its instances and with every package that imports
 * it, directly or through others: those could not be linked without it, so they do not run either.
 * As none of them is linked, the VM does not mind the order.
 */
static enum mm_status delete_broken(struct mm_card *card, mm_comp target)
{
    mm_comp gone[MM_REG_MAX] = {target};
    size_t gone_n = 1;
    enum mm_status st = mm_tx_begin(card->nvm);

    for (size_t i = 0; i < gone_n; i++) {
        const struct mm_reg_entry *package = mm_reg_comp(&card->registry, gone[i]);
        for (size_t k = 0; package != NULL && k < card->registry.n; k++) {
            const struct mm_reg_entry *e = &card->registry.entries[k];
            bool listed = e->kind != MM_COMP_PACKAGE;
            for (size_t g = 0; g < gone_n && !listed; g++)
                listed = gone[g] == e->comp;
            if (!listed && imports(card, e, &package->aid))
                gone[gone_n++] = e->comp;
        }
    }
    while (st == MM_OK && gone_n > 0) {
        const struct mm_reg_entry *e = mm_reg_comp(&card->registry, gone[--gone_n]);
        st = e == NULL ? MM_NOT_FOUND : delete_package(card, e);
    }
    return end(card, st);
}

enum mm_status mm_content_delete_applet(struct mm_card *card, const struct mm_aid *aid)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid), *package;

    if (e == NULL || e->kind == MM_COMP_DOMAIN) /* a domain is not an applet: the token has none */
        return MM_NOT_FOUND;
    if (e->kind == MM_COMP_APPLET) {
        mm_comp package_comp = e->package;
        if (delete_entry(card, e, false, NULL) != MM_SW_9000_NO_ERROR)
            return MM_STATE;
        package = mm_reg_comp(&card->registry, package_comp);
    } else {
        package = e;
    }
    if (package == NULL)
        return MM_OK;
    if (mm_comp_damage(card->nvm, package->comp) != MM_DAMAGE_NONE ||
        !mm_vm_package_usable(card->vm, package->comp))
        return delete_broken(card, package->comp);
    /* A sound package stays while it has an instance, or a package that imports it. */
    if (has_instance(card, package->comp) || mm_content_is_imported(card, package))
        return MM_OK;
    return delete_entry(card, package, true, NULL) == MM_SW_9000_NO_ERROR ? MM_OK : MM_STATE;
}
