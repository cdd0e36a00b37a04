/*
 * COSE_Sign1 with ES256 (RFC 9052, 9053) over libcbor and OpenSSL, used by chip, agent and platform.
 */
#ifndef MM_COSE_H
#define MM_COSE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "applet_vm/base/base.h"

#define MM_COSE_MAX_LEN 65536

/*
 * Sign: protected header {1: -7}, unprotected {33: x5chain} when chain_n > 0 (leaf first, DER; RFC
 * 9360), tagged 18.
 * key      borrowed, P-256 private key
 * out      appended to
 */
enum mm_status mm_cose_sign(EVP_PKEY *key, const uint8_t *payload, size_t payload_len,
                            const struct mm_buf *chain, size_t chain_n,
                            struct mm_buf *out) MM_USE_RESULT;

/* A parsed, not yet verified COSE_Sign1. */
struct mm_cose {
    uint8_t *payload;       /* owned */
    size_t payload_len;
    STACK_OF(X509) *chain;  /* owned; leaf first; may be empty */
    uint8_t signature[64];
    uint8_t *tbs;           /* owned: Sig_structure bytes */
    size_t tbs_len;
};
enum mm_status mm_cose_parse(const uint8_t *data, size_t data_len, struct mm_cose *out,
                             struct mm_err *err) MM_USE_RESULT;
void mm_cose_clear(struct mm_cose *cose);
/* Verify with a public key. MM_AUTH when the signature is wrong. */
enum mm_status mm_cose_verify(const struct mm_cose *cose, EVP_PKEY *key,
                              struct mm_err *err) MM_USE_RESULT;
/* Verify the x5chain up to ca (trust anchor; purpose is not checked, validity is, at the current
 * time), then the signature with the leaf. leaf: borrowed, lives as long as cose; may be NULL. */
enum mm_status mm_cose_verify_chain(const struct mm_cose *cose, X509 *ca, X509 **leaf,
                                    struct mm_err *err) MM_USE_RESULT;

#endif
