/*
 * Load file hashes, and signatures over them (DAP) and over commands (tokens of delegated
 * management): GPCS 2.3.1, C.2 to C.4, with the schemes of annex B.
 */
#ifndef MM_GP_SIGN_H
#define MM_GP_SIGN_H

#include "applet_vm/cap/cap.h"

/* Numbers as in the card capability information (GPCS 2.3.1, table H-7). */
enum mm_gp_hash {
    MM_GP_HASH_NONE = 0,
    MM_GP_HASH_SHA1 = 1,
    MM_GP_HASH_SHA256 = 2,
    MM_GP_HASH_SHA384 = 3,
    MM_GP_HASH_SHA512 = 4
};
#define MM_GP_HASH_MAX 64
/* "sha1", "sha256", "sha384", "sha512". */
enum mm_status mm_gp_hash_read(const char *text, enum mm_gp_hash *out,
                               struct mm_err *err) MM_USE_RESULT;
/* The Load File Data Block Hash of a package. *len: bytes written to out. */
enum mm_status mm_gp_hash_package(const struct mm_cap *cap, enum mm_gp_hash hash,
                                  uint8_t out[MM_GP_HASH_MAX], size_t *len,
                                  struct mm_err *err) MM_USE_RESULT;

/* A file of secrets: MM_USAGE when anyone but its owner may read it. *data owned by the caller, to be
 * wiped before free; ended by a 0 byte that data_len does not count. */
enum mm_status mm_gp_read_private(const char *path, size_t max, uint8_t **data, size_t *data_len,
                                  struct mm_err *err) MM_USE_RESULT;

/* How an RSA key signs (GPCS 2.3.1, B.3). */
enum mm_gp_rsa_scheme {
    MM_GP_RSA_BY_LENGTH, /* up to 1024 bits as PKCS1, longer ones as PSS */
    MM_GP_RSA_PKCS1,     /* RSASSA-PKCS1-v1_5 with SHA-1 */
    MM_GP_RSA_PSS        /* RSASSA-PSS with SHA-256 */
};
/* A private key that signs. RSA; EC with ECDSA as r || s and the hash of its size (B.4); or an AES
 * key with CMAC (B.2.2). */
struct mm_gp_signing_key;
/* From a file that only its owner may read: PEM, or an AES key in hexadecimal. */
enum mm_status mm_gp_signing_key_read(const char *path, enum mm_gp_rsa_scheme scheme,
                                      struct mm_gp_signing_key **out,
                                      struct mm_err *err) MM_USE_RESULT;
void mm_gp_signing_key_free(struct mm_gp_signing_key **key); /* wipes; sets *key to NULL */

/* Append a signature that another tool made: one of ECDSA in DER, as most tools write it, as the r and s side
 * by side that cards take (GPCS 2.3.1, B.4.3); any other as it is. */
void mm_gp_put_plain_signature(const uint8_t *sig, size_t len, struct mm_buf *out);

/* Signs data, appending the signature to out. */
typedef enum mm_status (*mm_gp_sign)(void *ctx, const uint8_t *data, size_t data_len,
                                     struct mm_buf *out, struct mm_err *err);
/* With a key in hand; ctx is the struct mm_gp_signing_key. An mm_gp_sign. */
enum mm_status mm_gp_sign_with_key(void *ctx, const uint8_t *data, size_t data_len,
                                   struct mm_buf *out, struct mm_err *err) MM_USE_RESULT;
/* Who signs; sign NULL: nobody. */
struct mm_gp_signer {
    mm_gp_sign sign;
    void *ctx;
};

#endif
