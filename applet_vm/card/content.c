/*
 * Card content management (GPCS 2.3.1, 11.2, 11.5): INSTALL and DELETE. What a command changes is one
 * NVM transaction, the applet's install() included (JCRE 3.0.5, 11.2): a failure undoes all of it.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

enum { INSTALL_FOR_LOAD = 0x02, INSTALL_FOR_INSTALL = 0x04, INSTALL_MAKE_SELECTABLE = 0x08 };

/* ---- INSTALL [for install] ---- */
struct request {
    struct mm_aid package, module, instance;
    uint8_t privileges[3];
    uint8_t privileges_len;
    const uint8_t *applet_params; /* value of C9 */
    uint8_t applet_params_len;
};

static bool read_aid(struct mm_rd *rd, bool may_be_empty, struct mm_aid *aid)
{
    size_t len = mm_rd_u8(rd);
    const uint8_t *bytes = mm_rd_bytes(rd, len);

    memset(aid, 0, sizeof(*aid));
    if (rd->bad)
        return false;
    return (len == 0 && may_be_empty) || mm_aid_set(aid, bytes, len) == MM_OK;
}

/* Install parameters: C9 (applet's own) is kept, EF and other system parameters are skipped, as
 * quotas and the like are not managed here (GPCS table 11-49). */
static bool read_params(const uint8_t *params, size_t params_len, struct request *req)
{
    struct mm_rd rd;

    mm_rd_init(&rd, params, params_len);
    while (mm_rd_left(&rd) > 0) {
        uint8_t tag = mm_rd_u8(&rd);
        size_t len = mm_rd_u8(&rd);
        const uint8_t *value;

        if (len == 0x81)
            len = mm_rd_u8(&rd);
        else if (len > 0x7f)
            return false;
        value = mm_rd_bytes(&rd, len);
        if (rd.bad)
            return false;
        if (tag == 0xc9) {
            req->applet_params = value;
            req->applet_params_len = (uint8_t)len;
        }
    }
    return !rd.bad;
}

static bool read_request(const struct mm_apdu *apdu, struct request *req)
{
    const uint8_t *privileges, *params;
    size_t params_len;
    struct mm_rd rd;

    memset(req, 0, sizeof(*req));
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (!read_aid(&rd, false, &req->package) || !read_aid(&rd, false, &req->module) ||
        !read_aid(&rd, true, &req->instance))
        return false;
    if (req->instance.len == 0)
        req->instance = req->module;
    req->privileges_len = mm_rd_u8(&rd);
    privileges = mm_rd_bytes(&rd, req->privileges_len);
    params_len = mm_rd_u8(&rd);
    params = mm_rd_bytes(&rd, params_len);
    if (mm_rd_u8(&rd) != 0 || rd.bad || mm_rd_left(&rd) != 0) /* an install token is not for us */
        return false;
    if (req->privileges_len != 1 && req->privileges_len != 3)
        return false;
    memcpy(req->privileges, privileges, req->privileges_len);
    return read_params(params, params_len, req);
}

/* bArray of Applet.install (JCRE 3.0.5, 11.2): LV instance AID, LV control information, LV data. */
static size_t install_array(const struct request *req, uint8_t out[255])
{
    size_t len = 3u + req->instance.len + req->privileges_len + req->applet_params_len, at = 0;

    if (len > 255)
        return 0;
    out[at++] = req->instance.len;
    memcpy(out + at, req->instance.bytes, req->instance.len);
    at += req->instance.len;
    out[at++] = req->privileges_len;
    memcpy(out + at, req->privileges, req->privileges_len);
    at += req->privileges_len;
    out[at++] = req->applet_params_len;
    if (req->applet_params_len > 0)
        memcpy(out + at, req->applet_params, req->applet_params_len);
    return len;
}

static bool find_module(const struct mm_cap *cap, const struct mm_aid *module, uint8_t *index)
{
    for (size_t i = 0; i < mm_cap_applet_n(cap) && i <= 0xff; i++) {
        if (mm_aid_equal(&mm_cap_applet(cap, i)->aid, module)) {
            *index = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* Inside the transaction: the new component runs install() and registers. */
static uint16_t call_install(struct mm_card *card, const struct request *req,
                             const struct mm_reg_entry *entry)
{
    uint8_t array[255];
    size_t len = install_array(req, array);
    enum mm_status st = mm_comp_add(card->nvm, entry->comp, MM_COMP_APPLET, &req->instance);
    enum mm_run run;
    uint16_t sw;

    if (st != MM_OK)
        return mm_card_failure("install", st);
    if (len == 0)
        return MM_SW_6A80_WRONG_DATA;
    card->installing = true;
    card->registered = false;
    card->install_owner = entry->comp;
    card->install_aid = req->instance;
    mm_vm_applet_bind(card->vm, entry->comp, entry->package);
    run = mm_vm_install(card->vm, entry->package, entry->module, entry->comp, array, (uint8_t)len);
    card->installing = false;
    sw = mm_select_run_sw(card, run);
    if (sw == MM_SW_9000_NO_ERROR && !card->registered)
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED; /* install() returned without register() */
    return sw;
}

static uint16_t run_install(struct mm_card *card, const struct request *req,
                            struct mm_reg_entry *entry, uint8_t state)
{
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st = mm_tx_begin(card->nvm);

    if (st == MM_OK && (entry->comp = mm_reg_new_comp(&card->registry)) == 0)
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        sw = call_install(card, req, entry);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        entry->aid = card->install_aid;
        entry->applet = card->install_applet;
        st = mm_reg_add(&card->registry, entry, state);
        if (st == MM_OK)
            st = mm_integrity_event(card->integrity, MM_EVENT_INSTALL, &entry->aid);
        if (st == MM_OK)
            st = mm_tx_commit(card->nvm);
    }
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        return sw;
    mm_vm_tx_abort(card->vm);
    if (entry->comp != 0)
        mm_vm_applet_unbind(card->vm, entry->comp);
    mm_reg_load(&card->registry);
    return st == MM_OK ? sw : mm_card_failure("install", st);
}

/* Registered, or the card's own. */
static bool aid_taken(const struct mm_card *card, const struct mm_aid *aid)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD), integrity = mm_aid_of(MM_AID_INTEGRITY);

    return mm_reg_find(&card->registry, aid) != NULL || mm_aid_equal(aid, &isd) ||
           mm_aid_equal(aid, &integrity);
}

static uint16_t install_for_install(struct mm_card *card, const struct mm_apdu *apdu)
{
    static const uint8_t none[3];
    struct mm_reg_entry entry = {.kind = MM_COMP_APPLET};
    const struct mm_reg_entry *package;
    const struct mm_cap *cap;
    struct request req;

    if (!read_request(apdu, &req))
        return MM_SW_6A80_WRONG_DATA;
    /* No privilege has an effect on this card, so none is granted. */
    if (memcmp(req.privileges, none, sizeof(none)) != 0)
        return MM_SW_6A80_WRONG_DATA;
    package = mm_reg_find(&card->registry, &req.package);
    if (package == NULL || package->kind != MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    cap = mm_vm_package_cap(card->vm, package->comp);
    if (cap == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (!find_module(cap, &req.module, &entry.module))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (aid_taken(card, &req.instance))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    entry.package = package->comp;
    entry.major = package->major;
    entry.minor = package->minor;
    entry.module_aid = req.module;
    entry.params = req.applet_params;
    entry.params_len = req.applet_params_len;
    memcpy(entry.privileges, req.privileges, sizeof(entry.privileges));
    return run_install(card, &req, &entry,
                       apdu->p1 & INSTALL_MAKE_SELECTABLE ? MM_STATE_SELECTABLE
                                                          : MM_STATE_INSTALLED);
}

/* Data as for install; only the instance AID counts (GPCS table 11-44). */
static uint16_t make_selectable(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid package, module, instance;
    const struct mm_reg_entry *e;
    struct mm_rd rd;
    enum mm_status st;

    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (!read_aid(&rd, true, &package) || !read_aid(&rd, true, &module) ||
        !read_aid(&rd, false, &instance))
        return MM_SW_6A80_WRONG_DATA;
    e = mm_reg_find(&card->registry, &instance);
    if (e == NULL || e->kind != MM_COMP_APPLET)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (mm_reg_state(&card->registry, e) != MM_STATE_INSTALLED)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_reg_set_state(&card->registry, e, MM_STATE_SELECTABLE);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("make selectable", st);
}

uint16_t mm_content_install(struct mm_card *card, const struct mm_apdu *apdu)
{
    uint16_t sw;

    if (apdu->p2 != 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    switch (apdu->p1) {
    case INSTALL_FOR_LOAD:
        return mm_content_install_for_load(card, apdu);
    case INSTALL_FOR_INSTALL:
    case INSTALL_FOR_INSTALL | INSTALL_MAKE_SELECTABLE:
        mm_content_load_drop(card);
        sw = install_for_install(card, apdu);
        break;
    case INSTALL_MAKE_SELECTABLE:
        sw = make_selectable(card, apdu);
        break;
    default:
        return MM_SW_6A86_INCORRECT_P1P2;
    }
    if (sw == MM_SW_9000_NO_ERROR)
        mm_buf_u8(&card->out, 0x00); /* no receipt */
    return sw;
}

/* ---- DELETE ---- */
static uint16_t deletable_sw(enum mm_status st)
{
    if (st == MM_STATE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("delete", st);
}

/* Inside the transaction. A damaged applet runs no code any more, so it is not asked. */
static enum mm_status delete_applet(struct mm_card *card, const struct mm_reg_entry *entry)
{
    struct mm_reg_entry e = *entry;
    enum mm_status st;

    mm_vm_objects_forget(card->vm, e.comp);
    mm_vm_applet_unbind(card->vm, e.comp);
    st = mm_comp_drop(card->nvm, e.comp);
    if (st == MM_NOT_FOUND) /* a damaged image may have lost the component already */
        st = MM_OK;
    if (st == MM_OK)
        st = mm_reg_delete(&card->registry, e.comp);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_DELETE, &e.aid);
    return st;
}

static enum mm_status delete_package(struct mm_card *card, const struct mm_reg_entry *entry)
{
    struct mm_reg_entry e = *entry;
    enum mm_status st = MM_OK;

    if (mm_vm_package_usable(card->vm, e.comp))
        st = mm_vm_package_unload(card->vm, e.comp, NULL);
    if (st == MM_OK)
        st = mm_comp_drop(card->nvm, e.comp);
    if (st == MM_NOT_FOUND)
        st = MM_OK;
    if (st == MM_OK)
        st = mm_reg_delete(&card->registry, e.comp);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_DELETE, &e.aid);
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

/* Does a package import this one? Then it must stay (GPCS 11.2.3). */
static bool is_imported(const struct mm_card *card, const struct mm_reg_entry *package)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        const struct mm_cap *cap =
            e->kind == MM_COMP_PACKAGE ? mm_vm_package_cap(card->vm, e->comp) : NULL;
        for (size_t k = 0; cap != NULL && k < mm_cap_import_n(cap); k++) {
            if (mm_aid_equal(&mm_cap_import(cap, k)->aid, &package->aid))
                return true;
        }
    }
    return false;
}

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

/* Delete an applet, or a package with (related) or without its instances. */
static uint16_t delete_entry(struct mm_card *card, const struct mm_reg_entry *entry, bool related)
{
    struct mm_reg_entry target = *entry;
    const struct mm_reg_entry *e;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st;
    size_t at = 0;

    if (target.kind == MM_COMP_APPLET) {
        sw = prepare_applet(card, &target, 0);
    } else if ((!related && has_instance(card, target.comp)) || is_imported(card, &target)) {
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    } else {
        while (sw == MM_SW_9000_NO_ERROR && (e = next_instance(card, target.comp, &at)) != NULL)
            sw = prepare_applet(card, e, target.comp);
    }
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = mm_tx_begin(card->nvm);
    while (st == MM_OK && target.kind == MM_COMP_PACKAGE &&
           (e = next_instance(card, target.comp, &(size_t){0})) != NULL)
        st = delete_applet(card, e);
    if (st == MM_OK)
        st = target.kind == MM_COMP_APPLET ? delete_applet(card, &target)
                                           : delete_package(card, &target);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK) {
        mm_vm_tx_abort(card->vm);
        mm_reg_load(&card->registry);
    }
    return deletable_sw(st);
}

uint16_t mm_content_delete(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_aid aid = {0};
    const struct mm_reg_entry *e;
    struct mm_rd rd;
    uint16_t sw;

    mm_content_load_drop(card);
    if (apdu->p1 != 0 || (apdu->p2 != 0 && apdu->p2 != 0x80))
        return MM_SW_6A86_INCORRECT_P1P2;
    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (mm_rd_u8(&rd) != 0x4f || !read_aid(&rd, false, &aid) || mm_rd_left(&rd) != 0)
        return MM_SW_6A80_WRONG_DATA; /* keys (D0, D2) are replaced, never deleted */
    e = mm_reg_find(&card->registry, &aid);
    if (e == NULL)
        return MM_SW_6A88_DATA_NOT_FOUND;
    sw = delete_entry(card, e, apdu->p2 == 0x80);
    if (sw == MM_SW_9000_NO_ERROR)
        mm_buf_u8(&card->out, 0x00);
    return sw;
}

enum mm_status mm_content_delete_applet(struct mm_card *card, const struct mm_aid *aid)
{
    const struct mm_reg_entry *e = mm_reg_find(&card->registry, aid), *package;
    bool whole_package;

    if (e == NULL)
        return MM_NOT_FOUND;
    if (e->kind == MM_COMP_APPLET) {
        mm_comp package_comp = e->package;
        if (delete_entry(card, e, false) != MM_SW_9000_NO_ERROR)
            return MM_STATE;
        package = mm_reg_comp(&card->registry, package_comp);
    } else {
        package = e;
    }
    if (package == NULL)
        return MM_OK;
    whole_package = mm_comp_damage(card->nvm, package->comp) != MM_DAMAGE_NONE ||
                    !mm_vm_package_usable(card->vm, package->comp);
    if (!whole_package && has_instance(card, package->comp))
        return MM_OK;
    /* A package that others import stays when its applet goes. */
    if (!whole_package && is_imported(card, package))
        return MM_OK;
    return delete_entry(card, package, true) == MM_SW_9000_NO_ERROR ? MM_OK : MM_STATE;
}
