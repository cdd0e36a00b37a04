/*
 * SCP03 primitives, for both ends of the channel: the card (applet_vm/card) and the host
 * (host_client/gp). GPCS 2.3.1 Amendment D v1.1.2, AES-128. Pure functions over OpenSSL; no state,
 * no APDUs. Every function returns MM_CRYPTO when OpenSSL fails, and then its output is zeroed.
 */
#ifndef MM_SCP03_H
#define MM_SCP03_H

#include "applet_vm/base/base.h"

#define MM_SCP_KEY_LEN       16
#define MM_SCP_BLOCK_LEN     16
#define MM_SCP_MAC_LEN       8 /* C-MAC and R-MAC as sent: the first half of the CMAC */
#define MM_SCP_CHALLENGE_LEN 8
#define MM_SCP_KCV_LEN       3

/* Security level bits (GPCS table 10-1). */
enum { MM_SCP_C_MAC = 0x01, MM_SCP_C_DEC = 0x02, MM_SCP_R_MAC = 0x10, MM_SCP_R_ENC = 0x20 };

/* The static keys of a security domain. Wipe with OPENSSL_cleanse. */
struct mm_scp_keys {
    uint8_t enc[MM_SCP_KEY_LEN], mac[MM_SCP_KEY_LEN], dek[MM_SCP_KEY_LEN];
};
/* The test keys 40..4F that every card tool knows, all three (GP test key). */
extern const struct mm_scp_keys mm_scp_test_keys;

/* Derivation constants (Amendment D, table 4-1). */
enum mm_scp_constant {
    MM_SCP_CARD_CRYPTOGRAM = 0x00,
    MM_SCP_HOST_CRYPTOGRAM = 0x01,
    MM_SCP_CARD_CHALLENGE = 0x02,
    MM_SCP_S_ENC = 0x04,
    MM_SCP_S_MAC = 0x06,
    MM_SCP_S_RMAC = 0x07
};

/* AES-CMAC over a || b || c; a part of length 0 may be NULL. */
enum mm_status mm_scp_cmac(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t *a, size_t a_len,
                           const uint8_t *b, size_t b_len, const uint8_t *c, size_t c_len,
                           uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;

/* Amendment D, 4.1.5: KDF in counter mode (NIST SP 800-108, PRF AES-CMAC). label: 11 bytes 00 and
 * the constant. out_len: 1..16. */
enum mm_status mm_scp_kdf(const uint8_t key[MM_SCP_KEY_LEN], uint8_t constant,
                          const uint8_t *context, size_t context_len, uint8_t *out,
                          size_t out_len) MM_USE_RESULT;

/* Keys of one chip from a master key: the KDF with constants 01 ENC, 02 MAC, 03 DEK and context div
 * (docs/protocol.md, keys). */
enum mm_status mm_scp_diversify(const uint8_t master[16], const uint8_t *div, size_t div_len,
                                struct mm_scp_keys *out) MM_USE_RESULT;

/* Amendment D, 6.2.1: session keys from the static keys and both challenges. */
enum mm_status mm_scp_session_keys(const struct mm_scp_keys *keys,
                                   const uint8_t host_challenge[MM_SCP_CHALLENGE_LEN],
                                   const uint8_t card_challenge[MM_SCP_CHALLENGE_LEN],
                                   uint8_t s_enc[MM_SCP_KEY_LEN], uint8_t s_mac[MM_SCP_KEY_LEN],
                                   uint8_t s_rmac[MM_SCP_KEY_LEN]) MM_USE_RESULT;

/* Amendment D, 6.2.2: MM_SCP_CARD_CRYPTOGRAM or MM_SCP_HOST_CRYPTOGRAM. Compare with CRYPTO_memcmp. */
enum mm_status mm_scp_cryptogram(const uint8_t s_mac[MM_SCP_KEY_LEN], enum mm_scp_constant which,
                                 const uint8_t host_challenge[MM_SCP_CHALLENGE_LEN],
                                 const uint8_t card_challenge[MM_SCP_CHALLENGE_LEN],
                                 uint8_t out[8]) MM_USE_RESULT;

/*
 * Amendment D, 6.2.4 and 6.2.5: one MAC of the channel, CMAC(key, chain || a || b).
 * C-MAC: a is the header with the SM bit set and Lc including the MAC's 8 bytes, b the (encrypted)
 * data; then out is the next chain value and its first 8 bytes are sent.
 * R-MAC: a is the (encrypted) response data, b the status word; the chain stays.
 * out may be chain itself.
 */
enum mm_status mm_scp_mac(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t chain[MM_SCP_BLOCK_LEN],
                          const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len,
                          uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;

/* Amendment D, 6.2.6 and 6.2.7: initial chaining vector for command number counter (first command
 * after EXTERNAL AUTHENTICATE: 1; counts each command, with or without data). */
enum mm_status mm_scp_icv(const uint8_t s_enc[MM_SCP_KEY_LEN], uint32_t counter, bool response,
                          uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;

/* AES-128-CBC without padding; len is a multiple of 16; in and out may be the same. iv NULL: zeros
 * (PUT KEY and decryptData under the DEK, Amendment D, 6.2.8). */
enum mm_status mm_scp_cbc(const uint8_t key[MM_SCP_KEY_LEN], const uint8_t *iv, bool encrypt,
                          const uint8_t *in, size_t len, uint8_t *out) MM_USE_RESULT;

/* Padding 80 00.. to the next block (Amendment D, 4.1.4). buf has room up to the next multiple of
 * 16 above len; returns the padded length. */
size_t mm_scp_pad(uint8_t *buf, size_t len);
/* Length without padding; MM_MALFORMED when there is none. */
enum mm_status mm_scp_unpad(const uint8_t *buf, size_t len, size_t *out_len) MM_USE_RESULT;

/* Key check value of an AES key: first 3 bytes of the block of 01 bytes, encrypted (GPCS B.5). */
enum mm_status mm_scp_kcv(const uint8_t key[MM_SCP_KEY_LEN],
                          uint8_t out[MM_SCP_KCV_LEN]) MM_USE_RESULT;

#endif
