/* Inside of card content management (GPCS 2.3.1, 9 and 11): what INSTALL, LOAD and DELETE share. */
#ifndef MM_CARD_CONTENT_INT_H
#define MM_CARD_CONTENT_INT_H

#include "applet_vm/card/contactless.h"

enum {
    MM_INSTALL_LOAD = 0x02,
    MM_INSTALL_INSTALL = 0x04,
    MM_INSTALL_MAKE_SELECTABLE = 0x08,
    MM_INSTALL_EXTRADITION = 0x10,
    MM_INSTALL_PERSONALIZATION = 0x20,
    MM_INSTALL_REGISTRY_UPDATE = 0x40,
    /* for load, install and make selectable in one; P2 01 starts it, 03 ends it (11.5.2.2) */
    MM_INSTALL_ALL = 0x0e
};

/* ---- install_data.c: the data field ---- */
/* An order that a token may authorise and a receipt may confirm (GPCS C.4, C.5). All borrowed. */
struct mm_order {
    uint8_t p1, p2;
    const uint8_t *data; /* what the token signs, behind P1, P2 and its length */
    size_t data_len;
    const uint8_t *token;
    size_t token_len;
    const uint8_t *token_id; /* 93 of the control reference template B6 */
    size_t token_id_len;
};
/* The parameters field (tables 11-48, 11-49, 11-51); pointers are borrowed from the command. */
struct mm_install_params {
    const uint8_t *applet; /* value of C9 */
    uint8_t applet_len;
    bool has_quota, has_implicit, has_services;
    struct mm_quota quota;              /* C7, C8 limits; D7, D8 reservations */
    uint32_t code_min;                  /* C6, D6: stable memory the load file needs */
    uint8_t implicit;                   /* CF */
    uint16_t services[MM_REG_SERVICES]; /* CB */
    struct mm_cl_params contactless;    /* A0, A1 */
    const uint8_t *token_id;
    size_t token_id_len;
};
/* Every form of INSTALL has three fields of an AID or a like one, a fourth, parameters, token. */
struct mm_install_data {
    struct mm_aid aid[3];  /* len 0: empty */
    const uint8_t *fourth; /* privileges; for load, the hash stands third and there is no fourth */
    size_t fourth_len;
    const uint8_t *rest; /* fourth field and parameters as they came, lengths included */
    size_t rest_len;
    struct mm_install_params params;
    struct mm_order order;
};
/* for_load: AID of load file, AID of domain, hash (into fourth). false: the field is malformed (6A80). */
bool mm_install_read(const struct mm_apdu *apdu, bool for_load, struct mm_install_data *out);
/* Privileges of 1 or 3 bytes, or none when may_lack. */
bool mm_install_privileges(const struct mm_install_data *in, bool may_lack,
                           uint8_t out[MM_PRIV_LEN]);

/* ---- token.c: whose order it is (GPCS 9.1.3, C.4, C.5) ---- */
/* May the selected domain give this order? With Authorized Management (and the issuer) yes, with
 * Delegated Management when the token holds. 6985: it manages no content, or there is no token;
 * 6982: the token is wrong. */
uint16_t mm_token_check(const struct mm_card *card, const struct mm_order *order);
/*
 * Append the confirmation of an order that was carried out: a receipt when it was a delegated one
 * and the card has a receipt key, else 00. context: what the receipt of that order covers besides.
 * The confirmation counter moves on; call it inside the order's transaction.
 */
enum mm_status mm_receipt_put(struct mm_card *card, const struct mm_order *order,
                              const struct mm_buf *context, struct mm_buf *out) MM_USE_RESULT;
/* Receipts made so far, modulo 2^16. */
uint16_t mm_confirmation_counter(const struct mm_card *card);
/* One AID as length and value. */
void mm_put_aid_lv(struct mm_buf *out, const struct mm_aid *aid);

/* ---- content.c ---- */
/* End the transaction of an order that st tells of: receipt over the AIDs (b may be NULL), commit; or
 * undo everything. */
uint16_t mm_content_end(struct mm_card *card, const struct mm_order *order, const struct mm_aid *a,
                        const struct mm_aid *b, enum mm_status st);

/* ---- signature.c: signatures with a domain's key (GPCS B, C) ---- */
enum {
    MM_KVN_TOKEN = 0x70,
    MM_KVN_RECEIPT = 0x71,
    MM_KVN_DAP = 0x73,
    MM_KVN_CIPHERED_LOAD_FILE = 0x75
};
/* By any key of that version. MM_NOT_FOUND: there is none; MM_AUTH: the signature is wrong. */
enum mm_status mm_signature_check(const struct mm_card *card, mm_comp domain, uint8_t version,
                                  const uint8_t *message, size_t message_len,
                                  const uint8_t *signature, size_t signature_len) MM_USE_RESULT;
/* By the first key of that version that can sign, symmetric or EC; appended with its length.
 * MM_NOT_FOUND. */
enum mm_status mm_signature_make(const struct mm_card *card, mm_comp domain, uint8_t version,
                                const uint8_t *message, size_t message_len,
                                struct mm_buf *out) MM_USE_RESULT;

/* ---- load_file.c: from the blocks to a checked package ---- */
/*
 * Take the load file apart: DAP blocks, data block (plain or ciphered); check hash and signatures.
 * block   borrowed from loading, which deciphering changes in place
 */
uint16_t mm_load_file_open(const struct mm_card *card, struct mm_loading *loading,
                           const uint8_t **block, size_t *block_len);
/* Does the length fit a digest that a load file may be hashed with? */
bool mm_load_file_hash_len(size_t len);

/* ---- load.c ---- */
/* The package that LOAD left to be stored by the end of a combined INSTALL. */
enum mm_status mm_load_store(struct mm_card *card, const struct mm_cap *cap, mm_comp domain,
                             mm_comp *comp, struct mm_err *err) MM_USE_RESULT;

/* ---- delete.c ---- */
/* Does a package import this one? Then it must stay (GPCS 11.2.3). */
bool mm_content_is_imported(const struct mm_card *card, const struct mm_reg_entry *package);
/* Delete without questions, a package with its instances. Inside a transaction. */
enum mm_status mm_content_drop(struct mm_card *card, const struct mm_reg_entry *e) MM_USE_RESULT;

/* ---- instance.c ---- */
/* What install() is told (JCRE 3.0.5, 11.2). Pointers are borrowed. */
struct mm_install_call {
    struct mm_aid instance;
    const uint8_t *privileges;
    uint8_t privileges_len;
    const uint8_t *params; /* C9 */
    uint8_t params_len;
};
/* Run install() for the component and module of entry; its AID and applet are what it registered. Inside
 * a transaction. */
uint16_t mm_instance_call(struct mm_card *card, const struct mm_install_call *call,
                          struct mm_reg_entry *entry);
/* Which of the applet classes of the load file has that AID? */
bool mm_instance_module(const struct mm_cap *cap, const struct mm_aid *module, uint8_t *index);
uint16_t mm_instance_install(struct mm_card *card, const struct mm_apdu *apdu,
                             struct mm_install_data *in);
/* ---- move.c ---- */
uint16_t mm_install_for_extradition(struct mm_card *card, const struct mm_install_data *in);
uint16_t mm_install_for_registry_update(struct mm_card *card, const struct mm_install_data *in);

/* ---- quota.c: memory that is spoken for (GPCS 9.7) ---- */
/* Is there room for so much more, reservations of others kept? */
bool mm_quota_fits(const struct mm_card *card, uint32_t stable, uint32_t volatile_bytes);
/* Tell NVM and VM the limits of every instance, and of one that is being made (may be NULL). */
enum mm_status mm_quota_apply_with(struct mm_card *card,
                                   const struct mm_reg_entry *fresh) MM_USE_RESULT;
/* A reservation may not be above its limit. */
bool mm_quota_consistent(const struct mm_quota *quota);

#endif
