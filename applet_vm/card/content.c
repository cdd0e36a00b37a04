/*
 * Card content management (GPCS 2.3.1, 11.5): INSTALL. What a command changes is one NVM transaction,
 * the applet's install() included (JCRE 3.0.5, 11.2): a failure undoes all of it.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

enum {
    INSTALL_FOR_LOAD = 0x02,
    INSTALL_FOR_INSTALL = 0x04,
    INSTALL_MAKE_SELECTABLE = 0x08,
    INSTALL_FOR_PERSONALIZATION = 0x20
};

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
        size_t len = mm_card_ber_len(&rd);
        const uint8_t *value = mm_rd_bytes(&rd, len);

        if (rd.bad || len > 0xff)
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
    params_len = mm_card_ber_len(&rd);
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

    if (st == MM_OK)
        st = mm_reg_new_comp(&card->registry, &entry->comp);
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
    mm_card_undo_content(card);
    return st == MM_OK ? sw : mm_card_failure("install", st);
}

/* Registered, or the card's own. */
static bool aid_taken(const struct mm_card *card, const struct mm_aid *aid)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD), integrity = mm_aid_of(MM_AID_INTEGRITY);

    return mm_reg_find(&card->registry, aid) != NULL || mm_aid_equal(aid, &isd) ||
           mm_aid_equal(aid, &integrity);
}

/* Privileges without an effect here are not granted, as to store them would pretend. Default Selected
 * is one application's (GPCS 6.6.2.1). */
static uint16_t check_privileges(const struct mm_card *card, const uint8_t privileges[3])
{
    static const uint8_t known[3] = {MM_PRIVILEGE_CARD_LOCK | MM_PRIVILEGE_CARD_TERMINATE |
                                         MM_PRIVILEGE_DEFAULT_SELECTED,
                                     MM_PRIVILEGE_2_FINAL_APPLICATION, 0};

    for (size_t i = 0; i < sizeof(known); i++) {
        if ((privileges[i] & ~known[i]) != 0)
            return MM_SW_6A80_WRONG_DATA;
    }
    if ((privileges[0] & MM_PRIVILEGE_DEFAULT_SELECTED) && mm_select_default_holder(card) != NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return MM_SW_9000_NO_ERROR;
}

static uint16_t install_for_install(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_reg_entry entry = {.kind = MM_COMP_APPLET};
    const struct mm_reg_entry *package;
    const struct mm_cap *cap;
    struct request req;
    uint16_t sw;

    if (!read_request(apdu, &req))
        return MM_SW_6A80_WRONG_DATA;
    sw = check_privileges(card, req.privileges);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
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
    case INSTALL_FOR_PERSONALIZATION:
        sw = mm_isd_install_for_personalization(card, apdu);
        break;
    default:
        return MM_SW_6A86_INCORRECT_P1P2;
    }
    if (sw == MM_SW_9000_NO_ERROR)
        mm_buf_u8(&card->out, 0x00); /* no receipt */
    return sw;
}
