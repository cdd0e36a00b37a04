/* Inside of the integrity module. Records: one value each, deleted and made anew when replaced. */
#ifndef MM_INTEGRITY_INT_H
#define MM_INTEGRITY_INT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "applet_vm/integrity/integrity.h"

enum {
    IN_REC_ATTESTATION_KEY = MM_KEY_INTEGRITY_FIRST, /* sealed: private scalar; then public key */
    IN_REC_ATTESTATION_CERT,
    IN_REC_UPDATE_CERT,
    IN_REC_ROOT_CERT,
    IN_REC_PAIRING_KEY,   /* sealed */
    IN_REC_REFERENCES,    /* the update object as it came */
    IN_REC_PLATFORM_CERT, /* from an update object of kind 2 */
    IN_REC_VERSIONS,      /* u4 each: of kind 1, 2, 3 */
    IN_REC_EVENTS         /* u4 next sequence, then the ring */
};

#define IN_CHALLENGE_LEN 16
#define IN_MAC_LEN       16
#define IN_PAIRING_LEN   16
#define IN_SCALAR_LEN    32
#define IN_POINT_LEN     65
#define IN_SEAL_EXTRA    (12 + 16) /* GCM nonce and tag */
#define IN_CERT_MAX      4096
#define IN_OBJECT_MAX    32768
#define IN_CHIP_ID_LEN   16
#define IN_LAST_BLOCK    0x80

/* Blocks of one object on their way in; block numbers count from 0. */
struct in_blocks {
    struct mm_buf data;
    uint8_t kind;
    unsigned next;
};

struct mm_integrity {
    struct mm_integrity_config cfg;
    uint8_t vm_digest[MM_DIGEST_LEN];
    uint8_t challenge[IN_CHALLENGE_LEN];
    bool has_challenge;
    bool gate_open;
    struct in_blocks cert, update;
    EVP_PKEY *key; /* the attestation key, opened at its first use; owned */
};

/* ---- records.c ---- */
const uint8_t *in_rec(const struct mm_integrity *in, mm_key key, size_t *len);
/* Replace a record, inside the caller's transaction. */
enum mm_status in_rec_put(struct mm_integrity *in, mm_key key, const void *data,
                          size_t len) MM_USE_RESULT;
/* AES-256-GCM under a key of this chip; the record number is authenticated with it. */
enum mm_status in_seal(struct mm_integrity *in, mm_key key, const uint8_t *plain, size_t len,
                       struct mm_buf *out) MM_USE_RESULT;
enum mm_status in_unseal(const struct mm_integrity *in, mm_key key, const uint8_t *sealed,
                         size_t sealed_len, uint8_t *plain, size_t len) MM_USE_RESULT;
/* Begin and end a transaction unless the card holds one already. */
enum mm_status in_tx_begin(struct mm_integrity *in, bool *mine) MM_USE_RESULT;
enum mm_status in_tx_end(struct mm_integrity *in, bool mine, enum mm_status st) MM_USE_RESULT;
/* Status word of a failed store. */
uint16_t in_store_sw(enum mm_status st);

/* Join blocks. MM_OK: whole now. MM_STATE: more to come. Else refused and dropped. */
enum mm_status in_blocks_add(struct in_blocks *b, uint8_t kind, uint8_t number, const uint8_t *data,
                             size_t len, size_t max) MM_USE_RESULT;
void in_blocks_drop(struct in_blocks *b);

/* ---- pairing.c ---- */
/* Check MAC(16) at the end of data over ins, p1, the challenge and what comes before it; uses the
 * challenge up. Status word 9000 when good. */
uint16_t in_mac_check(struct mm_integrity *in, uint8_t ins, uint8_t p1, const uint8_t *data,
                      size_t len);
uint16_t in_pair(struct mm_integrity *in, const uint8_t *data, size_t len);

/* ---- attest.c ---- */
uint16_t in_key_generate(struct mm_integrity *in, struct mm_buf *out);
uint16_t in_cert_put(struct mm_integrity *in, uint8_t p1, uint8_t p2, const uint8_t *data,
                     size_t len);
/* The attestation key, borrowed; NULL when there is none or its record was changed. */
EVP_PKEY *in_key(struct mm_integrity *in);

/* ---- token.c ---- */
uint16_t in_token(struct mm_integrity *in, const uint8_t *nonce, size_t len, struct mm_buf *out);

/* ---- update.c ---- */
uint32_t in_version(const struct mm_integrity *in, uint8_t kind);
uint16_t in_update(struct mm_integrity *in, uint8_t p1, uint8_t p2, const uint8_t *data,
                   size_t len);

/* ---- events.c ---- */
void in_events_get(const struct mm_integrity *in, struct mm_buf *out);
/* Log damage found at this power-on, once per component. */
void in_events_damage(struct mm_integrity *in);

#endif
