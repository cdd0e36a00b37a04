/*
 * SCP11 (Amendment F v1.2; of v1.3 and v1.4: X.509 certificates, the certificate store): a session agreed
 * by elliptic curves, P-256, for both ends. What it opens is then a session as SCP03 has it (S8 or S16,
 * R-MAC and R-ENCRYPTION). Three variants:
 *   a  both ends are authenticated, each has an ephemeral key: MUTUAL AUTHENTICATE
 *   b  the card alone is: INTERNAL AUTHENTICATE
 *   c  as a, but the card has no ephemeral key: a host can write a whole script before it meets the card
 */
#ifndef MM_SCP11_H
#define MM_SCP11_H

#include <openssl/types.h>

#include "applet_vm/scp/scp.h"

#define MM_SCP11_POINT_LEN   65 /* uncompressed */
#define MM_SCP11_RECEIPT_LEN 16

enum mm_scp11_variant { MM_SCP11_B = 0x00, MM_SCP11_A = 0x01, MM_SCP11_C = 0x03 };
/* Key identifiers of a domain's keys (Amendment F, 5): its own, by variant, and of who certifies hosts. */
enum {
    MM_SCP11_KID_CA = 0x10,
    MM_SCP11_KID_A = 0x11,
    MM_SCP11_KID_B = 0x13,
    MM_SCP11_KID_C = 0x15
};

#define MM_SCP11_HOST_ID_MAX 64
/* The control reference template of MUTUAL and INTERNAL AUTHENTICATE. */
struct mm_scp11_params {
    enum mm_scp11_variant variant;
    uint8_t usage;   /* key usage qualifier: 34 C-MAC and R-MAC, 3C encryption both ways as well */
    uint8_t key_len; /* of AES session keys: 16, 24, 32 */
    uint8_t host_id_len;                   /* 0: no identifiers in the derivation */
    uint8_t host_id[MM_SCP11_HOST_ID_MAX]; /* 84 */
    /* Not sent. With a host identifier, what names the card in the derivation: in variants a and b
     * the issuer's and the card's number (42 and 45 of GET DATA), in c the card group's identifier
     * (5F20 of the card's certificate), each with its length before it. Borrowed. */
    const uint8_t *card_ids;
    size_t card_ids_len;
    bool s16; /* MACs of 16 bytes: as the card was made, nobody tells */
};
/* Security level of a usage qualifier, 0: it has none. And the other way, of 11 and 33. */
uint8_t mm_scp11_level(uint8_t usage);
uint8_t mm_scp11_usage(uint8_t level);

/* Command data: A6 { 90 scp and parameter, 95 usage, 80 key type, 81 key length, [84 host identifier] },
 * 5F49 point. */
enum mm_status mm_scp11_write_data(const struct mm_scp11_params *params,
                                   const uint8_t point[MM_SCP11_POINT_LEN],
                                   struct mm_buf *out) MM_USE_RESULT;
/* MM_MALFORMED; MM_UNSUPPORTED: an AES key length, or a parameter. *point is borrowed. */
enum mm_status mm_scp11_read_data(const uint8_t *data, size_t data_len,
                                  struct mm_scp11_params *params,
                                  const uint8_t **point) MM_USE_RESULT;

/* Keys. *out is owned (EVP_PKEY_free). */
enum mm_status mm_scp11_new_key(EVP_PKEY **out) MM_USE_RESULT;
enum mm_status mm_scp11_public_key(const uint8_t point[MM_SCP11_POINT_LEN], EVP_PKEY **out)
    MM_USE_RESULT; /* MM_MALFORMED: not on the curve */
enum mm_status mm_scp11_point(const EVP_PKEY *key, uint8_t out[MM_SCP11_POINT_LEN]) MM_USE_RESULT;

/* The two shared secrets of a variant, in their order: own private and the peer's public key of each. */
struct mm_scp11_agreement {
    EVP_PKEY *own[2], *peer[2]; /* borrowed */
};
/*
 * Session keys (X9.63 KDF, SHA-256) and receipt.
 * data       the command's data, as sent
 * sd_point   the card's point, as answered
 * s          then a session like SCP03's at the level that the usage says
 */
enum mm_status mm_scp11_open(struct mm_scp *s, const struct mm_scp11_params *params,
                             const struct mm_scp11_agreement *keys, const uint8_t *data,
                             size_t data_len, const uint8_t sd_point[MM_SCP11_POINT_LEN],
                             uint8_t receipt[MM_SCP11_RECEIPT_LEN]) MM_USE_RESULT;

/*
 * ---- Certificates ----
 * GlobalPlatform's (table 6-12): 7F21 { 93 42 5F20 95 [5F25] 5F24 [53 or 73] [BF20] 7F49 5F37 }. The
 * signature is r and s side by side, or both as DER, as cards in the field have it. What authorisations
 * (BF20) restrict is not carried out here, so a certificate that has any is not taken.
 * X.509 (v1.3): version 3, ECDSA with SHA-256, key usage keyAgreement, or keyCertSign with cA.
 */
#define MM_SCP11_ID_MAX 20
struct mm_scp11_certificate {
    uint8_t serial[MM_SCP11_ID_MAX], serial_len;
    uint8_t issuer[MM_SCP11_ID_MAX], issuer_len; /* 42, of the CA-KLOC; authority key identifier */
    uint8_t subject[MM_SCP11_ID_MAX], subject_len; /* 5F20; subject key identifier */
    bool signs;                       /* usage: for certificates below; else key agreement */
    uint8_t effective[4], expires[4]; /* YYYYMMDD; effective all zero: not there. Not of X.509 */
    bool path_limited; /* X.509: no more than path_len certificates that sign below */
    uint8_t path_len;
    uint8_t point[MM_SCP11_POINT_LEN];
};
/* Read one of either kind, at the start of data, and say how long it is: signatures are not checked. */
enum mm_status mm_scp11_certificate_read(const uint8_t *data, size_t data_len,
                                         struct mm_scp11_certificate *out,
                                         size_t *whole) MM_USE_RESULT;
/* Read one and check its signature (ECDSA, SHA-256) under ca. MM_MALFORMED; MM_AUTH: the signature is
 * wrong. The dates are not looked at: a card has no clock. */
enum mm_status mm_scp11_certificate_check(const uint8_t *data, size_t data_len, EVP_PKEY *ca,
                                          struct mm_scp11_certificate *out) MM_USE_RESULT;
/* X.509 alone: read it, and check it when ca is not NULL. */
enum mm_status mm_scp11_x509_read(const uint8_t *data, size_t data_len, EVP_PKEY *ca,
                                  struct mm_scp11_certificate *out, size_t *whole) MM_USE_RESULT;
/* Write one, signed by ca. */
enum mm_status mm_scp11_certificate_write(const struct mm_scp11_certificate *certificate,
                                          EVP_PKEY *ca, struct mm_buf *out) MM_USE_RESULT;

#endif
