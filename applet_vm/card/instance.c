/*
 * INSTALL [for install]: instances of applets, and supplementary security domains (GPCS 2.3.1,
 * 11.5.2.3.2). What the command changes is one NVM transaction, the applet's install() included (JCRE
 * 3.0.5, 11.2): a failure undoes all of it. The applet's own transactions are inside that one.
 */
#include "applet_vm/card/content_int.h"

#include <string.h>

struct request {
    struct mm_aid package, instance;
    uint8_t privileges[MM_PRIV_LEN];
    uint8_t privileges_len;
    const struct mm_install_data *in;
};

/* bArray of Applet.install (JCRE 3.0.5, 11.2): LV instance AID, LV control information, LV data. */
static size_t install_array(const struct mm_install_call *call, uint8_t out[255])
{
    size_t len = 3u + call->instance.len + call->privileges_len + call->params_len, at = 0;

    if (len > 255)
        return 0;
    out[at++] = call->instance.len;
    memcpy(out + at, call->instance.bytes, call->instance.len);
    at += call->instance.len;
    out[at++] = call->privileges_len;
    memcpy(out + at, call->privileges, call->privileges_len);
    at += call->privileges_len;
    out[at++] = call->params_len;
    if (call->params_len > 0)
        memcpy(out + at, call->params, call->params_len);
    return len;
}

bool mm_instance_module(const struct mm_cap *cap, const struct mm_aid *module, uint8_t *index)
{
    for (size_t i = 0; i < mm_cap_applet_n(cap) && i <= 0xff; i++) {
        if (mm_aid_equal(&mm_cap_applet(cap, i)->aid, module)) {
            *index = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* The module: an applet's class in a loaded package, or the domain's in the card itself. */
static uint16_t find_code(struct mm_card *card, const struct mm_install_data *in,
                          struct mm_reg_entry *entry)
{
    const struct mm_reg_entry *package = mm_reg_find(&card->registry, &in->aid[0]);
    const struct mm_cap *cap;

    entry->module_aid = in->aid[1];
    if (mm_domain_is_package(&in->aid[0])) {
        entry->kind = MM_COMP_DOMAIN;
        return mm_domain_is_module(&in->aid[1]) ? MM_SW_9000_NO_ERROR : MM_SW_6A88_DATA_NOT_FOUND;
    }
    entry->kind = MM_COMP_APPLET;
    if (package == NULL || package->kind != MM_COMP_PACKAGE)
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (!mm_domain_above(card, mm_domain_current(card), package) &&
        !mm_domain_may(card, mm_domain_current(card), MM_PRIV_GLOBAL_REGISTRY))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    cap = mm_vm_package_cap(card->vm, package->comp);
    if (cap == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    entry->package = package->comp;
    entry->major = package->major;
    entry->minor = package->minor;
    return mm_instance_module(cap, &in->aid[1], &entry->module) ? MM_SW_9000_NO_ERROR
                                                                : MM_SW_6A88_DATA_NOT_FOUND;
}

uint16_t mm_instance_call(struct mm_card *card, const struct mm_install_call *call,
                          struct mm_reg_entry *entry)
{
    uint8_t array[255];
    size_t len = install_array(call, array);
    struct mm_obj_info info;
    enum mm_run run;
    uint16_t sw;

    if (len == 0)
        return MM_SW_6A80_WRONG_DATA;
    card->installing = true;
    card->registered = false;
    card->install_owner = entry->comp;
    card->install_aid = call->instance;
    mm_vm_applet_bind(card->vm, entry->comp, entry->package);
    run = mm_vm_install(card->vm, entry->package, entry->module, entry->comp, array, (uint8_t)len);
    card->installing = false;
    sw = mm_select_run_sw(card, run);
    /* Left open, it is as if install() had thrown (JCRE 3.0.5, 7.6.2); all is undone by the caller. */
    if (sw == MM_SW_9000_NO_ERROR && mm_tx_applet_active(card->nvm))
        sw = MM_SW_6F00_UNKNOWN;
    mm_vm_tx_applet_abort(card->vm);
    /* install() returned without register(), or what it registered was undone since. */
    if (sw == MM_SW_9000_NO_ERROR &&
        (!card->registered || !mm_vm_object(card->vm, card->install_applet, &info) ||
         info.owner != entry->comp))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    entry->aid = card->install_aid;
    entry->applet = card->install_applet;
    return sw;
}

/* Inside the transaction: the new component runs install() and registers. */
static uint16_t make_applet(struct mm_card *card, const struct request *req,
                            struct mm_reg_entry *entry)
{
    const struct mm_install_call call = {.instance = req->instance,
                                         .privileges = req->privileges,
                                         .privileges_len = req->privileges_len,
                                         .params = req->in->params.applet,
                                         .params_len = req->in->params.applet_len};
    enum mm_status st = mm_comp_add(card->nvm, entry->comp, MM_COMP_APPLET, &req->instance);

    if (st == MM_OK)
        st = mm_quota_apply_with(card, entry);
    return st == MM_OK ? mm_instance_call(card, &call, entry) : mm_card_failure("install", st);
}

static uint16_t make_domain(struct mm_card *card, const struct request *req,
                            struct mm_reg_entry *entry)
{
    enum mm_status st = mm_comp_add(card->nvm, entry->comp, MM_COMP_DOMAIN, &req->instance);

    entry->aid = req->instance;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("install", st);
}

/* With the end of a combined INSTALL the package comes first (11.5.2.2). */
static uint16_t store_package(struct mm_card *card, const struct request *req,
                              struct mm_reg_entry *entry)
{
    struct mm_cap *cap = card->channel->loading.cap;
    struct mm_err err = {0};
    enum mm_status st;

    if (!mm_aid_equal(mm_cap_aid(cap), &req->package))
        return MM_SW_6A88_DATA_NOT_FOUND;
    st = mm_load_store(card, cap, card->channel->loading.domain, &entry->package, &err);
    if (st != MM_OK)
        return mm_card_failure("load", st);
    return find_code(card, req->in, entry);
}

static uint16_t add_entry(struct mm_card *card, const struct request *req,
                          struct mm_reg_entry *entry, uint8_t state)
{
    struct mm_buf context;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st;

    mm_buf_init(&context);
    mm_put_aid_lv(&context, &req->package);
    mm_put_aid_lv(&context, &entry->aid);
    st = mm_reg_add(&card->registry, entry, state);
    if (st == MM_OK)
        sw = mm_cl_apply(card, entry->comp, &req->in->params.contactless);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_integrity_event(card->integrity, MM_EVENT_INSTALL, &entry->aid);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_receipt_put(card, &req->in->order, &context, &card->out);
    mm_buf_clear(&context);
    return st == MM_OK ? sw : mm_card_failure("install", st);
}

static uint16_t run_install(struct mm_card *card, const struct request *req,
                            struct mm_reg_entry *entry, uint8_t state)
{
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st = mm_tx_begin(card->nvm);

    if (st == MM_OK && req->in->order.p1 == MM_INSTALL_ALL)
        sw = store_package(card, req, entry);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_reg_new_comp(&card->registry, &entry->comp);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        sw = entry->kind == MM_COMP_DOMAIN ? make_domain(card, req, entry)
                                           : make_applet(card, req, entry);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        sw = add_entry(card, req, entry, state);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        mm_quota_apply(card);
        mm_cl_tell(card, &entry->aid,
                   state == MM_STATE_INSTALLED ? MM_CL_EVENT_INSTALLED : MM_CL_EVENT_SELECTABLE);
        return sw;
    }
    mm_card_undo_content(card);
    return st == MM_OK ? sw : mm_card_failure("install", st);
}

/* ---- The entry that is to be ---- */

static void take_params(const struct mm_install_params *params, struct mm_reg_entry *entry)
{
    entry->params = params->applet;
    entry->params_len = params->applet_len;
    entry->quota = params->quota;
    entry->implicit = params->implicit;
    memcpy(entry->services, params->services, sizeof(entry->services));
}

/* All that can be said before anything is written. */
static uint16_t prepare(struct mm_card *card, const struct mm_apdu *apdu, struct request *req,
                        struct mm_reg_entry *entry)
{
    const struct mm_install_data *in = req->in;
    uint16_t sw;

    if (in->aid[0].len == 0 || in->aid[1].len == 0 ||
        !mm_install_privileges(in, false, req->privileges))
        return MM_SW_6A80_WRONG_DATA;
    req->privileges_len = (uint8_t)in->fourth_len;
    req->package = in->aid[0];
    req->instance = in->aid[2].len != 0 ? in->aid[2] : in->aid[1];
    entry->domain = mm_domain_current(card);
    sw = mm_token_check(card, &in->order);
    if (sw == MM_SW_9000_NO_ERROR && apdu->p1 != MM_INSTALL_ALL)
        sw = find_code(card, in, entry);
    if (sw == MM_SW_9000_NO_ERROR)
        sw = mm_priv_check(card, entry->domain, entry, req->privileges);
    if (sw == MM_SW_9000_NO_ERROR && mm_domain_aid_taken(card, &req->instance))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    memcpy(entry->privileges, req->privileges, sizeof(entry->privileges));
    take_params(&in->params, entry);
    return mm_quota_fits(card, entry->quota.stable_min, entry->quota.volatile_min)
               ? MM_SW_9000_NO_ERROR
               : MM_SW_6A84_FILE_FULL;
}

uint16_t mm_instance_install(struct mm_card *card, const struct mm_apdu *apdu,
                             struct mm_install_data *in)
{
    struct mm_reg_entry entry = {.kind = MM_COMP_APPLET};
    struct request req = {.in = in};
    uint16_t sw = prepare(card, apdu, &req, &entry);

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    return run_install(card, &req, &entry,
                       apdu->p1 & MM_INSTALL_MAKE_SELECTABLE ? MM_STATE_SELECTABLE
                                                             : MM_STATE_INSTALLED);
}
