/*
 * ELF upgrade, the Restore Phase (GPCS Amendment H; OnUpgradeListener): every instance is installed with
 * the parameters it had, then gets back what it saved, then all may look at each other. One NVM
 * transaction.
 */
#include "applet_vm/card/upgrade.h"

#include <string.h>

/* Privileges as INSTALL would tell them: in one byte where that is enough. */
static uint8_t privileges_len(const uint8_t privileges[MM_PRIV_LEN])
{
    return privileges[1] == 0 && privileges[2] == 0 ? 1 : MM_PRIV_LEN;
}

/* install() of the new code, in the component that was there. It has to register under its old name. */
static uint16_t install(struct mm_card *card, const struct mm_upgrade *s,
                        const struct mm_reg_entry *old)
{
    const struct mm_reg_entry *package = mm_reg_comp(&card->registry, s->package);
    struct mm_reg_entry e = *old;
    const struct mm_install_call call = {.instance = old->aid,
                                         .privileges = e.privileges,
                                         .privileges_len = privileges_len(e.privileges),
                                         .params = e.params,
                                         .params_len = e.params_len};
    enum mm_status st;
    uint16_t sw;

    if (package == NULL || mm_vm_package_cap(card->vm, package->comp) == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    e.package = package->comp;
    e.major = package->major;
    e.minor = package->minor;
    if (!mm_instance_module(mm_vm_package_cap(card->vm, package->comp), &e.module_aid, &e.module))
        return MM_SW_6A88_DATA_NOT_FOUND;
    sw = mm_instance_call(card, &call, &e);
    if (sw == MM_SW_9000_NO_ERROR && !mm_aid_equal(&e.aid, &call.instance))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = mm_reg_update(&card->registry, &e);
    return st == MM_OK ? sw : mm_card_failure("upgrade", st);
}

/* The root that is still there: one that another instance made, which was deleted since, is not. */
static mm_ref root_of(const struct mm_card *card, const struct mm_upgrade *s, mm_ref root)
{
    bool found = false;

    for (size_t i = 0; i < s->n && root != MM_REF_NULL && !found; i++)
        found = mm_rec_data(card->nvm, root, NULL) != NULL &&
                mm_rec_comp(card->nvm, root) == s->instances[i].comp;
    return found ? root : MM_REF_NULL;
}

static uint16_t restore(struct mm_card *card, const struct mm_upgrade *s,
                        const struct mm_upgraded_instance *in)
{
    const struct mm_reg_entry *e = mm_reg_comp(&card->registry, in->comp);
    uint16_t args[] = {root_of(card, s, in->root)};

    if (e == NULL || !in->listens)
        return MM_SW_9000_NO_ERROR;
    /* It saved something and cannot take it back. */
    if (!mm_vm_instance_of(card->vm, e->applet, MM_UPGRADE_LISTENER))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return mm_select_run_sw(card, mm_upgrade_call(card, e->applet, "onRestore",
                                                  "(Lorg/globalplatform/upgrade/Element;)V", args,
                                                  1, NULL));
}

static uint16_t call_instances(struct mm_card *card, const struct mm_upgrade *s)
{
    const struct mm_reg_entry *e;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    /* One that was deleted since, by the trust agent's order, is no part of it any more. */
    for (size_t i = 0; i < s->n && sw == MM_SW_9000_NO_ERROR; i++) {
        if ((e = mm_reg_comp(&card->registry, s->instances[i].comp)) != NULL)
            sw = install(card, s, e);
    }
    for (size_t i = 0; i < s->n && sw == MM_SW_9000_NO_ERROR; i++)
        sw = restore(card, s, &s->instances[i]);
    for (size_t i = 0; i < s->n && sw == MM_SW_9000_NO_ERROR; i++) {
        e = mm_reg_comp(&card->registry, s->instances[i].comp);
        if (e != NULL && mm_vm_instance_of(card->vm, e->applet, MM_UPGRADE_LISTENER))
            (void)mm_upgrade_call(card, e->applet, "onConsolidate", "()V", NULL, 0,
                                  NULL); /* what it throws is ignored */
    }
    return sw;
}

static uint16_t run(struct mm_card *card, struct mm_upgrade *s)
{
    const struct mm_upgrade none = {.status = MM_UPGRADE_NONE};
    uint16_t sw = call_instances(card, s);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = mm_api_elements_delete(card->vm);
    if (st == MM_OK)
        st = mm_upgrade_write(card, &none);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_UPGRADED, &s->aid);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    return st == MM_OK ? sw : mm_card_failure("upgrade", st);
}

/* Told to who asks for the status; the next resume tries again. */
static enum mm_status note_failure(struct mm_card *card, struct mm_upgrade *s)
{
    enum mm_status st = mm_tx_begin(card->nvm);

    s->status = MM_UPGRADE_RESTORE_FAILED;
    if (st == MM_OK)
        st = mm_upgrade_write(card, s);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st != MM_OK)
        mm_vm_tx_abort(card->vm);
    return st;
}

uint16_t mm_upgrade_restore(struct mm_card *card, struct mm_upgrade *s)
{
    enum mm_status st = mm_tx_begin(card->nvm);
    uint16_t sw;

    if (st != MM_OK)
        return mm_card_failure("upgrade", st);
    sw = mm_upgrade_in_phase(card, s, run);
    if (sw != MM_SW_9000_NO_ERROR) {
        st = note_failure(card, s);
        return st == MM_OK ? sw : mm_card_failure("upgrade", st);
    }
    s->status = MM_UPGRADE_COMPLETED;
    mm_vm_clear_on_deselect(card->vm, s->package);
    mm_vm_collect_request(card->vm); /* what was saved and nobody took back */
    return sw;
}
