/*
 * ELF upgrade, the Saving Phase (GPCS Amendment H; OnUpgradeListener): every instance saves, then cleans
 * up, then load file and objects are deleted. One NVM transaction.
 */
#include "applet_vm/card/upgrade.h"

#include <string.h>

enum mm_run mm_upgrade_call(struct mm_card *card, mm_ref applet, const char *name,
                            const char *descriptor, const uint16_t *args, size_t n, uint16_t *ret)
{
    enum mm_run run = mm_vm_invoke_selected(card->vm, applet, MM_UPGRADE_LISTENER, name, descriptor,
                                            args, n, ret);

    mm_vm_tx_applet_abort(card->vm); /* a transaction that it left open */
    return run;
}

/* What it returns must be an Element of this card's, which its context made: an object of a class of the
 * applet's own would not outlive the package. None is nothing to save. */
static uint16_t call_save(struct mm_card *card, const struct mm_upgrade *s, mm_ref applet,
                          mm_ref *root)
{
    uint16_t ret[2] = {MM_REF_NULL};
    enum mm_run run = mm_upgrade_call(card, applet, "onSave",
                                      "()Lorg/globalplatform/upgrade/Element;", NULL, 0, ret);

    *root = ret[0];
    if (run != MM_RUN_OK)
        return mm_select_run_sw(card, run);
    return *root == MM_REF_NULL || mm_api_element(card->vm, *root, s->package)
               ? MM_SW_9000_NO_ERROR
               : MM_SW_6985_CONDITIONS_NOT_SATISFIED;
}

/* All save before the first cleans up. */
static uint16_t call_instances(struct mm_card *card, struct mm_upgrade *s)
{
    uint16_t sw = MM_SW_9000_NO_ERROR;

    for (size_t i = 0; i < s->n && sw == MM_SW_9000_NO_ERROR; i++) {
        struct mm_upgraded_instance *in = &s->instances[i];
        mm_ref applet = mm_reg_comp(&card->registry, in->comp)->applet;
        in->listens = mm_vm_instance_of(card->vm, applet, MM_UPGRADE_LISTENER);
        if (in->listens)
            sw = call_save(card, s, applet, &in->root);
    }
    for (size_t i = 0; i < s->n && sw == MM_SW_9000_NO_ERROR; i++) {
        if (s->instances[i].listens) /* what it throws is ignored */
            (void)mm_upgrade_call(card, mm_reg_comp(&card->registry, s->instances[i].comp)->applet,
                                  "onCleanup", "()V", NULL, 0, NULL);
    }
    return sw;
}

/* Objects but for what was saved; the package; the instances' way to their code. */
static enum mm_status take_out(struct mm_card *card, const struct mm_upgrade *s)
{
    mm_comp owners[MM_REG_MAX];
    mm_ref roots[MM_REG_MAX];
    struct mm_leaving leaving = {s->package, owners, roots, s->n};
    enum mm_status st = mm_api_elements_unmap(card->vm);

    for (size_t i = 0; i < s->n; i++) {
        owners[i] = s->instances[i].comp;
        roots[i] = s->instances[i].root;
    }
    if (st == MM_OK)
        st = mm_vm_keep_reached(card->vm, &leaving);
    if (st == MM_OK)
        st = mm_vm_package_unload(card->vm, s->package, NULL);
    if (st == MM_OK)
        st = mm_comp_drop(card->nvm, s->package);
    if (st == MM_OK)
        st = mm_reg_delete(&card->registry, s->package);
    for (size_t i = 0; i < s->n && st == MM_OK; i++) {
        struct mm_reg_entry e = *mm_reg_comp(&card->registry, owners[i]);
        e.package = 0;
        e.applet = MM_REF_NULL;
        mm_vm_applet_unbind(card->vm, e.comp);
        st = mm_reg_update(&card->registry, &e);
    }
    return st;
}

static uint16_t saved_sw(enum mm_status st)
{
    if (st == MM_OK)
        return MM_SW_9000_NO_ERROR;
    /* A custom object was saved, or somebody else needs what would go. */
    return st == MM_UNSUPPORTED || st == MM_STATE ? MM_SW_6985_CONDITIONS_NOT_SATISFIED
                                                  : mm_card_failure("upgrade", st);
}

static uint16_t run(struct mm_card *card, struct mm_upgrade *s)
{
    struct mm_upgrade waiting;
    uint16_t sw = call_instances(card, s);
    enum mm_status st;

    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    st = take_out(card, s);
    waiting = *s;
    waiting.status = MM_UPGRADE_WAITING_ELF;
    waiting.package = 0;
    if (st == MM_OK)
        st = mm_upgrade_write(card, &waiting);
    if (st == MM_OK)
        st = mm_integrity_event(card->integrity, MM_EVENT_UPGRADE, &s->aid);
    if (st == MM_OK)
        st = mm_tx_commit(card->nvm);
    if (st == MM_OK)
        *s = waiting;
    return saved_sw(st);
}

uint16_t mm_upgrade_in_phase(struct mm_card *card, struct mm_upgrade *s,
                             uint16_t (*phase)(struct mm_card *card, struct mm_upgrade *s))
{
    uint16_t sw;

    card->upgrade = s;
    sw = phase(card, s);
    card->upgrade = NULL;
    if (sw == MM_SW_9000_NO_ERROR)
        mm_quota_apply(card);
    else
        mm_card_undo_content(card);
    return sw;
}

uint16_t mm_upgrade_save(struct mm_card *card, struct mm_upgrade *s)
{
    enum mm_status st = mm_tx_begin(card->nvm);

    return st == MM_OK ? mm_upgrade_in_phase(card, s, run) : mm_card_failure("upgrade", st);
}
