/*
 * COSE_Sign1 with ES256 (RFC 9052, 9053) over libcbor and OpenSSL, used by chip, agent and platform.
 */
#ifndef MM_COSE_H
#define MM_COSE_H

#include <cbor.h>
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
    uint8_t *payload; /* owned */
    size_t payload_len;
    STACK_OF(X509) * chain; /* owned; leaf first; may be empty */
    uint8_t signature[64];
    uint8_t *tbs; /* owned: Sig_structure bytes */
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

/* ---- CBOR (RFC 8949): what our claims and objects are written and read with ---- */
/* Append one item or the head of one, shortest form. */
void mm_cbor_int(struct mm_buf *out, int64_t v);
void mm_cbor_uint(struct mm_buf *out, uint64_t v);
void mm_cbor_bytes(struct mm_buf *out, const void *data, size_t data_len);
void mm_cbor_text(struct mm_buf *out, const char *text);
void mm_cbor_bool(struct mm_buf *out, bool v);
void mm_cbor_array(struct mm_buf *out, size_t n); /* n items follow */
void mm_cbor_map(struct mm_buf *out, size_t n);   /* n pairs follow, keys ascending as encoded */
void mm_cbor_tag(struct mm_buf *out, uint64_t tag);
/* Read exactly one item of definite lengths, at most 16 deep. *out owned (cbor_decref). */
enum mm_status mm_cbor_parse(const uint8_t *data, size_t data_len, cbor_item_t **out,
                             struct mm_err *err) MM_USE_RESULT;
/* Value of an integer key, borrowed; NULL when it is not there, or there twice, or no map. */
const cbor_item_t *mm_cbor_get(const cbor_item_t *map, int64_t key);
/* Typed values; false, with the output cleared, for NULL or another type or size. */
bool mm_cbor_get_uint(const cbor_item_t *item, uint64_t max, uint64_t *v);
bool mm_cbor_get_bool(const cbor_item_t *item, bool *v);
bool mm_cbor_get_bytes(const cbor_item_t *item, const uint8_t **data, size_t *data_len);
bool mm_cbor_get_fixed(const cbor_item_t *item, uint8_t *out, size_t out_len); /* exactly */
bool mm_cbor_get_text(const cbor_item_t *item, char *out, size_t out_cap);
size_t mm_cbor_array_n(const cbor_item_t *item);                        /* 0 for anything else */
const cbor_item_t *mm_cbor_array_at(const cbor_item_t *item, size_t i); /* borrowed */

#endif
