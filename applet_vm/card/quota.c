/*
 * Memory that is spoken for (GPCS 2.3.1, 9.7): INSTALL gives an instance limits (C7, C8) and
 * reservations (D7, D8). NVM and VM enforce them; the registry keeps them.
 */
#include "applet_vm/card/content_int.h"

bool mm_quota_consistent(const struct mm_quota *quota)
{
    return (quota->stable_max == 0 || quota->stable_min <= quota->stable_max) &&
           (quota->volatile_max == 0 || quota->volatile_min <= quota->volatile_max);
}

bool mm_quota_fits(const struct mm_card *card, uint32_t stable, uint32_t volatile_bytes)
{
    return stable <= mm_nvm_free(card->nvm) &&
           volatile_bytes <= mm_vm_transient_free(card->vm, MM_CLEAR_ON_RESET);
}

struct mm_memory mm_quota_used(const struct mm_card *card, mm_comp comp)
{
    struct mm_memory used = {.transient = (uint32_t)mm_vm_transient_used(card->vm, comp)};
    struct mm_comp_info info;

    for (size_t i = 0; mm_comp_get(card->nvm, i, &info); i++) {
        if (info.comp == comp)
            used.stable = (uint32_t)info.bytes;
    }
    return used;
}

enum mm_status mm_quota_apply_with(struct mm_card *card, const struct mm_reg_entry *fresh)
{
    struct mm_transient_share shares[MM_REG_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i <= card->registry.n; i++) {
        const struct mm_reg_entry *e = i < card->registry.n ? &card->registry.entries[i] : fresh;
        enum mm_status st = MM_OK;

        if (e != NULL)
            st = mm_comp_quota_set(card->nvm, e->comp, e->quota.stable_max, e->quota.stable_min);
        if (st != MM_OK && st != MM_NOT_FOUND) /* a damaged image may have lost the component */
            return st;
        if (e != NULL && (e->quota.volatile_max != 0 || e->quota.volatile_min != 0))
            shares[n++] =
                (struct mm_transient_share){e->comp, e->quota.volatile_max, e->quota.volatile_min};
    }
    return mm_vm_transient_shares(card->vm, shares, n);
}

void mm_quota_apply(struct mm_card *card)
{
    if (mm_quota_apply_with(card, NULL) != MM_OK)
        mm_log("error", "quota", "limits of transient memory are not in force: out of memory");
}
