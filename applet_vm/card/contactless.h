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
/* Is the applet out of reach on this chip's interface? Always false on a chip with contacts. */
bool mm_cl_hides(const struct mm_card *card, const struct mm_reg_entry *e);
/* Its state, which volatile priority changes until reset. */
uint8_t mm_cl_state(const struct mm_card *card, const struct mm_reg_entry *e);
/* Tell of what a command changed; nothing is told of applications that are not there. */
void mm_cl_tell(struct mm_card *card, const struct mm_aid *aid, uint16_t event);

/* ---- contactless_order.c ---- */
uint16_t mm_cl_order(void *ctx, mm_comp owner, mm_comp entry, bool top);
uint16_t mm_cl_volatile(void *ctx, mm_comp owner, mm_comp entry, mm_comp *former);

/* ---- contactless.c, for those beside it ---- */
enum { MM_CL_INFO_PROTOCOL_A = 7, MM_CL_INFO_PROTOCOL_F = 9 }; /* GPCLRegistryEntry.INFO_... */
/* An application or domain; NULL: there is none. */
const struct mm_reg_entry *mm_cl_entry(const struct mm_card *card, mm_comp comp);
/* A value of the entry's record; NULL: there is none. */
const uint8_t *mm_cl_value(const struct mm_card *card, mm_comp comp, uint16_t id, size_t *len);
bool mm_cl_is_contactless(const struct mm_card *card); /* run with protocol type-a or type-b */
/* Is the interface on, and the type that the chip speaks? */
bool mm_cl_reachable(const struct mm_card *card);
/* Contactless Activation: who orders, activates and deactivates others. */
bool mm_cl_manages(const struct mm_card *card, mm_comp owner);
/* A change is whole: it has a transaction of its own (true) unless the caller has one. */
bool mm_cl_begin(struct mm_card *card);
/* Count the change and commit, or undo it as far as it is one's own. */
uint16_t mm_cl_end(struct mm_card *card, bool own, enum mm_status st);
/* Changes without a question of who makes them: of a value, and of the entry. */
uint16_t mm_cl_keep(struct mm_card *card, mm_comp comp, uint16_t info, const uint8_t *value,
                    size_t len);
uint16_t mm_cl_update(struct mm_card *card, const struct mm_reg_entry *changed);

/* ---- contactless_group.c ---- */
bool mm_cl_list_has(const struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                    const struct mm_aid *aid);
bool mm_cl_is_head(const struct mm_card *card, mm_comp comp);
/* Changes without a question of who makes them. */
uint16_t mm_cl_list_change(struct mm_card *card, mm_comp comp, enum mm_cl_list list,
                           const struct mm_aid *aid, bool add);
uint16_t mm_cl_join_group(struct mm_card *card, mm_comp comp, const struct mm_aid *head);
/* Of mm_cl_services. */
uint16_t mm_cl_list_edit(void *ctx, mm_comp owner, mm_comp entry, enum mm_cl_list list,
                         const struct mm_aid *aid, bool add);
uint16_t mm_cl_join(void *ctx, mm_comp owner, mm_comp entry, const struct mm_aid *head);
uint16_t mm_cl_group(void *ctx, mm_comp owner, mm_comp entry, bool *head, bool *member);
uint16_t mm_cl_next(void *ctx, mm_comp owner, enum mm_cl_walk walk, mm_comp of, mm_comp after,
                    mm_comp *next);

/* ---- contactless_state.c ---- */
enum { MM_CL_DEACTIVATED = 0x00, MM_CL_ACTIVATED = 0x01, MM_CL_NON_ACTIVATABLE = 0x80 };
/* Is e activated with protocol parameters that stand against the entry's? */
bool mm_cl_in_conflict(const struct mm_card *card, const struct mm_reg_entry *e, mm_comp entry);
/* May it be activated? 6985: not selectable, or its head is not activated; 6A80: a conflict. */
uint16_t mm_cl_activatable(const struct mm_card *card, const struct mm_reg_entry *e);
uint16_t mm_cl_state_set(void *ctx, mm_comp owner, mm_comp entry, uint8_t *state);

#endif
