/*
 * INSTALL [for extradition] and [for registry update] (GPCS 2.3.1, 9.4.1, 9.4.2, 11.5.2.3.3, 11.5.2.3.5):
 * an application, domain or load file gets another security domain, other privileges, other services.
 */
#include "applet_vm/card/content_int.h"

#include <string.h>

/* May the entry move to that domain? The new one takes in only while it works, and nothing may come
 * to stand above itself. */
static uint16_t may_move(const struct mm_card *card, const struct mm_reg_entry *e, mm_comp to)
{
    const struct mm_reg_entry *domain = mm_reg_comp(&card->registry, to);
    uint8_t state = domain == NULL ? MM_STATE_SELECTABLE : mm_reg_state(&card->registry, domain);

    if (e->domain == to)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if ((state & MM_STATE_LOCKED_BIT) || (state & MM_STATE_SELECTABLE) != MM_STATE_SELECTABLE)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (domain != NULL && (e->comp == to || mm_domain_above(card, e->comp, domain)))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return MM_SW_9000_NO_ERROR;
}

/* The entry that an order is about, and whether its giver stands above it. */
static uint16_t find_target(const struct mm_card *card, const struct mm_install_data *in,
                            struct mm_reg_entry *e)
{
    const struct mm_reg_entry *found = mm_reg_find(&card->registry, &in->aid[2]);
    uint16_t sw;

    if (in->aid[1].len != 0 || in->aid[2].len == 0)
        return MM_SW_6A80_WRONG_DATA;
    if (found == NULL)
        return MM_SW_6A88_DATA_NOT_FOUND;
    *e = *found;
    sw = mm_token_check(card, &in->order);
    if (sw == MM_SW_9000_NO_ERROR && !mm_domain_above(card, mm_domain_current(card), e))
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    return sw;
}

/* Receipts of both cover the old domain, what moved, and the new one; that of an update also what
 * else the order said (GPCS C.5). */
static uint16_t finish(struct mm_card *card, const struct mm_install_data *in,
                       const struct mm_reg_entry *e, const struct mm_aid *old, bool update)
{
    struct mm_buf context;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    enum mm_status st = mm_tx_begin(card->nvm);

    mm_buf_init(&context);
    mm_put_aid_lv(&context, old);
    mm_put_aid_lv(&context, &e->aid);
    mm_put_aid_lv(&context, &in->aid[0]);
    if (update) /* privileges and parameters, the rest of the signed data, stand behind the AIDs */
        mm_buf_bytes(&context, in->rest, in->rest_len);
    if (st == MM_OK)
        st = mm_reg_update(&card->registry, e);
    if (st == MM_OK && update)
        sw = mm_cl_apply(card, e->comp, &in->params.contactless);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_receipt_put(card, &in->order, &context, &card->out);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
        st = mm_tx_commit(card->nvm);
    mm_buf_clear(&context);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        mm_quota_apply(card);
        return sw;
    }
    mm_card_undo_content(card);
    return st == MM_OK ? sw : mm_card_failure("registry", st);
}

/* Data: new domain, 00, application or load file, 00, parameters, token (table 11-46). */
uint16_t mm_install_for_extradition(struct mm_card *card, const struct mm_install_data *in)
{
    struct mm_reg_entry e;
    struct mm_aid old;
    mm_comp to;
    uint16_t sw;

    if (in->aid[0].len == 0 || in->fourth_len != 0)
        return MM_SW_6A80_WRONG_DATA;
    if (!mm_domain_find(card, &in->aid[0], &to))
        return MM_SW_6A88_DATA_NOT_FOUND;
    sw = find_target(card, in, &e);
    if (sw == MM_SW_9000_NO_ERROR)
        sw = may_move(card, &e, to);
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    old = mm_domain_aid(card, e.domain);
    e.domain = to;
    return finish(card, in, &e, &old, false);
}

/* What the parameters field changes. */
static uint16_t take_params(const struct mm_card *card, const struct mm_install_params *params,
                            struct mm_reg_entry *e)
{
    struct mm_quota before = e->quota;

    if (params->has_implicit)
        e->implicit = params->implicit;
    if (params->has_services) {
        memcpy(e->services, params->services, sizeof(e->services));
        e->services_on = 0; /* they are to be registered anew */
    }
    if (!params->has_quota)
        return MM_SW_9000_NO_ERROR;
    e->quota = params->quota;
    if (e->quota.stable_min > before.stable_min || e->quota.volatile_min > before.volatile_min)
        return mm_quota_fits(card, e->quota.stable_min, e->quota.volatile_min)
                   ? MM_SW_9000_NO_ERROR
                   : MM_SW_6A84_FILE_FULL;
    return MM_SW_9000_NO_ERROR;
}

/* Data: new domain or 00, 00, application, privileges or 00, parameters, token (table 11-48). */
uint16_t mm_install_for_registry_update(struct mm_card *card, const struct mm_install_data *in)
{
    uint8_t privileges[MM_PRIV_LEN];
    struct mm_reg_entry e;
    struct mm_aid old;
    mm_comp to = 0;
    uint16_t sw;

    if (!mm_install_privileges(in, true, privileges))
        return MM_SW_6A80_WRONG_DATA;
    if (in->aid[0].len != 0 && !mm_domain_find(card, &in->aid[0], &to))
        return MM_SW_6A88_DATA_NOT_FOUND;
    sw = find_target(card, in, &e);
    if (sw == MM_SW_9000_NO_ERROR && e.kind == MM_COMP_PACKAGE)
        sw = MM_SW_6A88_DATA_NOT_FOUND;
    if (sw == MM_SW_9000_NO_ERROR && in->fourth_len != 0) {
        sw = mm_priv_check(card, mm_domain_current(card), &e, privileges);
        memcpy(e.privileges, privileges, MM_PRIV_LEN);
    }
    old = mm_domain_aid(card, e.domain);
    if (sw == MM_SW_9000_NO_ERROR && in->aid[0].len != 0 && to != e.domain) {
        sw = may_move(card, &e, to);
        e.domain = to;
    }
    if (sw == MM_SW_9000_NO_ERROR)
        sw = take_params(card, &in->params, &e);
    return sw == MM_SW_9000_NO_ERROR ? finish(card, in, &e, &old, true) : sw;
}
