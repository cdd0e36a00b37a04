/*
 * Receipts of delegated management (GPCS 2.3.1, 11.1.6 and C.5): what a card confirms of an order that a
 * token allowed, and the MAC by which its issuer knows that it was this card and this order.
 *
 *   answer        | length | length, receipt | confirmation data |
 *   confirmation  | 02 counter | length, card | [length, token identifier] | [length, token digest] |
 *   receipt       MAC over the confirmation data and the names that the order had
 */
#ifndef MM_GP_RECEIPT_H
#define MM_GP_RECEIPT_H

#include "applet_vm/base/base.h"
#include "host_client/gp/secret.h"

/* A part of an answer; borrowed from it. data NULL: not there. */
struct mm_gp_part {
    const uint8_t *data;
    size_t len;
};
struct mm_gp_confirmation {
    struct mm_gp_part receipt;
    struct mm_gp_part data; /* all that follows the receipt, which is what it covers first */
    uint16_t counter;
    struct mm_gp_part card; /* the security domain's unique data: issuer and card number */
    struct mm_gp_part token_id, token_digest;
};
/* Read the answer (without status word) of a command that manages content. MM_NOT_FOUND: it confirms
 * nothing (empty, or 00), as without delegated management. MM_MALFORMED. */
enum mm_status mm_gp_confirmation_read(const uint8_t *resp, size_t resp_len,
                                       struct mm_gp_confirmation *out,
                                       struct mm_err *err) MM_USE_RESULT;

/* Follows the commands of a session, because the receipt of LOAD names what INSTALL [for load] said. A
 * plain value; zeroed at first but for what the caller knows. */
struct mm_gp_orders {
    struct mm_aid domain;        /* the session's: where an order names none */
    struct mm_aid moves, from;   /* what will be extradited or updated, and the domain it is in */
    struct mm_aid package, into; /* of INSTALL [for load] */
    bool combined; /* load, install and make selectable in one: LOAD confirms nothing */
};
/*
 * Look at a command that the card carried out, in its plain form. context: cleared, then what its
 * receipt covers behind the confirmation data. Returns whether the card confirms this command.
 */
bool mm_gp_orders_follow(struct mm_gp_orders *orders, const uint8_t *apdu, size_t apdu_len,
                         struct mm_buf *context);

/* Is it the receipt of that key over that order? 16 bytes are an AES-CMAC, 8 a DES MAC. MM_REFUSED: it
 * is not; MM_UNSUPPORTED: a receipt of another length, or a key that cannot make one. */
enum mm_status mm_gp_receipt_check(const struct mm_gp_confirmation *confirmation,
                                   const struct mm_buf *context, const struct mm_gp_secret *key,
                                   struct mm_err *err) MM_USE_RESULT;

#endif
