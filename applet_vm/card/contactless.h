/* The registry's contactless extension (Amendment C of GPCS 2.3.1), for the card; what applications call is
 * mm_cl_services. */
#ifndef MM_CARD_CONTACTLESS_H
#define MM_CARD_CONTACTLESS_H

#include "applet_vm/card/card_int.h"

/* What INSTALL says of it: values of A0 and A1 in EF, borrowed from the command; NULL: nothing. */
struct mm_cl_params {
    const uint8_t *protocol, *interaction;
    size_t protocol_len, interaction_len;
};

extern const struct mm_cl_services mm_cl_services; /* of a card as ctx */

/* Inside INSTALL's transaction, the entry is there. 6A80: malformed; 6985: no head authorised it. */
uint16_t mm_cl_apply(struct mm_card *card, mm_comp comp, const struct mm_cl_params *params);
/* The application goes: it is nobody's head any more. Inside the transaction. */
enum mm_status mm_cl_forget(struct mm_card *card, mm_comp head) MM_USE_RESULT;
/* Is it, alone or with its group, before all others until reset (setVolatilePriority)? */
bool mm_cl_first(const struct mm_card *card, const struct mm_reg_entry *e);
/* Is owner on the entry's list of those who are told of changes? */
bool mm_cl_sees(const struct mm_card *card, mm_comp owner, const struct mm_reg_entry *e);
/* Tell of what a command changed; nothing is told of applications that are not there. */
void mm_cl_tell(struct mm_card *card, const struct mm_aid *aid, uint16_t event);

/* ---- contactless_order.c ---- */
uint16_t mm_cl_order(void *ctx, mm_comp owner, mm_comp entry, bool top);
uint16_t mm_cl_volatile(void *ctx, mm_comp owner, mm_comp entry);

/* ---- contactless.c, for those beside it ---- */
/* Contactless Activation: who orders, activates and deactivates others. */
bool mm_cl_manages(const struct mm_card *card, mm_comp owner);
/* A change is whole: it has a transaction of its own (true) unless the caller has one. */
bool mm_cl_begin(struct mm_card *card);
/* Count the change and commit, or undo it as far as it is one's own. */
uint16_t mm_cl_end(struct mm_card *card, bool own, enum mm_status st);
/* Changes without a question of who makes them. */
uint16_t mm_cl_keep(struct mm_card *card, mm_comp comp, uint16_t info, const uint8_t *value,
                    size_t len);
uint16_t mm_cl_list_change(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                           const struct mm_aid *aid, bool add);
uint16_t mm_cl_join_group(struct mm_card *card, mm_comp comp, const struct mm_aid *head);

#endif
