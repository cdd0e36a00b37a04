/*
 * What STORE DATA keeps in a security domain for SCP11 (Amendment F v1.3, 7.1), each for one key, which
 * 83 names by identifier and version, and which has to be there:
 *   A6 { 83 }, BF21 { certificates }          the card's own, leaf last, for hosts to read
 *   A6 { 83 }, [92 counter], 70 { 93 ... }    serial numbers that certificates under it may have
 *   A6 { 80 00 or 01, 42 identifier, 83 }     who is behind it: CA-KLOC (hosts), CA-KLCC (cards)
 * Something empty takes away what was there. Among the stored objects each is one A6 with 83 first,
 * which no GET DATA tells as it is. What belongs to a key goes with it.
 */
#ifndef MM_CARD_SCP11_STORE_H
#define MM_CARD_SCP11_STORE_H

#include "applet_vm/card/card_int.h"
#include "applet_vm/scp/scp11.h"

#define MM_SCP11_OBJECT 0xa6

/* STORE DATA that begins with A6. 6A80; 6A88: no such key; 6985: the counter does not rise; 6A84. */
uint16_t mm_scp11_store(struct mm_card *card, mm_comp domain, const uint8_t *data, size_t len);
/* GET DATA BF21 with A6 { 83 }, FF33 and FF34. 6A88: there is none. */
uint16_t mm_scp11_get_certificates(const struct mm_card *card, mm_comp domain,
                                   const struct mm_apdu *apdu, struct mm_buf *out);
uint16_t mm_scp11_get_authorities(const struct mm_card *card, mm_comp domain, bool of_cards,
                                  struct mm_buf *out);
/* Drop what belongs to keys that are not there any more; inside the transaction that took them. */
enum mm_status mm_scp11_store_forget(struct mm_card *card, mm_comp domain) MM_USE_RESULT;

/* The key of the CA-KLOC of that identifier. false: nobody told of one. */
bool mm_scp11_store_authority(const struct mm_card *card, mm_comp domain, const uint8_t *issuer,
                              size_t issuer_len, uint8_t *id, uint8_t *version);
/* May a certificate of that serial number be used? Always, when the key has no list. */
bool mm_scp11_store_allows(const struct mm_card *card, mm_comp domain, uint8_t id, uint8_t version,
                           const uint8_t *serial, size_t serial_len);
/* What names the card in a derivation, each with its length: issuer's and card's number, or for the
 * key of variant c the subject of its certificate. MM_NOT_FOUND: the domain does not have it. */
enum mm_status mm_scp11_store_card_ids(const struct mm_card *card, mm_comp domain, uint8_t id,
                                       uint8_t version, struct mm_buf *out) MM_USE_RESULT;

#endif
