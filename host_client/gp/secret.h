/*
 * One symmetric key that stands by itself, beside the keys of a channel: what makes receipts of delegated
 * management (GPCS 2.3.1, C.5), or deciphers load files (C.6). In memory, or in a PKCS#11 token that never
 * gives it out.
 */
#ifndef MM_GP_SECRET_H
#define MM_GP_SECRET_H

#include "applet_vm/base/base.h"

#define MM_GP_DES_MAC_LEN 8
#define MM_GP_CMAC_LEN    16

struct mm_gp_secret;
/*
 * where    "hex:DIGITS" (16, 24 or 32 bytes), "pkcs11:..." (RFC 7512), or else a file of digits that
 *          only its owner may read
 * pin      of the token; NULL: none, or the URI names it. Not kept
 * out      owned by the caller (mm_gp_secret_free); NULL on failure
 */
enum mm_status mm_gp_secret_open(const char *where, const char *pin, struct mm_gp_secret **out,
                                 struct mm_err *err) MM_USE_RESULT;
void mm_gp_secret_free(
    struct mm_gp_secret **secret); /* wipes; sets *secret to NULL; NULL is fine */

/* AES-CMAC (RFC 4493). */
enum mm_status mm_gp_secret_cmac(const struct mm_gp_secret *secret, const uint8_t *data,
                                 size_t data_len, uint8_t out[MM_GP_CMAC_LEN],
                                 struct mm_err *err) MM_USE_RESULT;
/* The DES MAC of GPCS B.1.2.2: single DES in CBC mode, the last block by triple DES with two keys;
 * padding 80 00... MM_UNSUPPORTED: a key of another length than 16, or one in a token, as PKCS#11 has no
 * such mechanism. */
enum mm_status mm_gp_secret_des_mac(const struct mm_gp_secret *secret, const uint8_t *data,
                                    size_t data_len, uint8_t out[MM_GP_DES_MAC_LEN],
                                    struct mm_err *err) MM_USE_RESULT;
/* AES in CBC mode. data_len: a multiple of 16; out has room for it and is not data. */
enum mm_status mm_gp_secret_cbc(const struct mm_gp_secret *secret, const uint8_t iv[16],
                                const uint8_t *data, size_t data_len, uint8_t *out,
                                struct mm_err *err) MM_USE_RESULT;

#endif
