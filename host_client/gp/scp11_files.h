/* What a host of SCP11 (Amendment F) has in files, and what it learns from the card. P-256 throughout. */
#ifndef MM_GP_SCP11_FILES_H
#define MM_GP_SCP11_FILES_H

#include "host_client/gp/gp.h"

/* A private key in PEM form, in a file that only its owner may read. *out owned (EVP_PKEY_free). MM_USAGE:
 * others may read it. */
enum mm_status mm_gp_scp11_private_key(const char *path, EVP_PKEY **out,
                                       struct mm_err *err) MM_USE_RESULT;
/* A public key: PEM, or that of a certificate in PEM. *out owned. */
enum mm_status mm_gp_scp11_public_key(const char *path, EVP_PKEY **out,
                                      struct mm_err *err) MM_USE_RESULT;
/* Certificates, the own one last, appended: X.509 in PEM, as many as the file has, or DER and those of
 * GlobalPlatform's format, one behind the other. In a file that begins with the own one they are in the
 * other order, as other programs have it. */
enum mm_status mm_gp_scp11_chain(const char *path, struct mm_buf *out,
                                 struct mm_err *err) MM_USE_RESULT;
/*
 * The card's key for a variant, as its certificates say that it stores (GET DATA BF21) and ca has
 * certified. Selects the domain (NULL: the card's).
 * version   0: of the first that the card lists (GET DATA E0); then told
 * MM_AUTH: the certificates are not of that authority. MM_CARD: it stores none.
 */
enum mm_status mm_gp_scp11_card_key(struct mm_access *access, const struct mm_aid *domain,
                                    enum mm_scp11_variant variant, EVP_PKEY *ca, uint8_t *version,
                                    EVP_PKEY **out, struct mm_err *err) MM_USE_RESULT;
/* Key identifier of the card's key for a variant. */
uint8_t mm_gp_scp11_key_id(enum mm_scp11_variant variant);

/* STORE DATA of certificates for a key of the card (Amendment F v1.3): none when list is empty. */
enum mm_status mm_gp_scp11_store_commands(uint8_t id, uint8_t version, const struct mm_buf *chain,
                                          struct mm_buf *list, struct mm_err *err) MM_USE_RESULT;

#endif
