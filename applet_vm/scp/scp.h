/*
 * The secure channel protocols 02 and 03, for both ends of a channel: the card (applet_vm/card) and
 * the host (host_client/gp). GPCS 2.3.1 appendix E (SCP02) and Amendment D v1.2 (SCP03). Pure
 * functions over OpenSSL: no I/O, no APDUs, no randomness; a session is a plain value. Every function
 * returns MM_CRYPTO when OpenSSL fails, and then its output is of no use.
 */
#ifndef MM_SCP_H
#define MM_SCP_H

#include "applet_vm/base/base.h"

#define MM_SCP_KEY_MAX       32 /* AES-256 */
#define MM_SCP_KEY_LEN       16 /* AES-128, and triple DES with two keys */
#define MM_SCP_BLOCK_LEN     16
#define MM_SCP_MAC_MAX       16
#define MM_SCP_MAC_LEN       8 /* all MACs but those of SCP03 in S16 mode */
#define MM_SCP_CHALLENGE_MAX 16
#define MM_SCP_CHALLENGE_LEN 8 /* but for S16 mode */
#define MM_SCP_KCV_LEN       3

/* Security level bits (GPCS table 10-1). */
enum {
    MM_SCP_NO_SECURITY = 0x00,
    MM_SCP_C_MAC = 0x01,
    MM_SCP_C_DEC = 0x02,
    MM_SCP_R_MAC = 0x10,
    MM_SCP_R_ENC = 0x20
};

/* Parameter i of SCP02 (GPCS table E-1). */
enum {
    MM_SCP02_THREE_KEYS = 0x01,      /* else one base key */
    MM_SCP02_UNMODIFIED = 0x02,      /* C-MAC over the APDU as it was before it was wrapped */
    MM_SCP02_EXPLICIT = 0x04,        /* by INITIALIZE UPDATE; else by the first C-MAC */
    MM_SCP02_ICV_AID = 0x08,         /* first ICV: MAC over the AID; else zeros */
    MM_SCP02_ICV_ENCRYPTION = 0x10,  /* a C-MAC is encrypted before it is the next ICV */
    MM_SCP02_R_MAC = 0x20,           /* R-MAC can be had */
    MM_SCP02_KNOWN_CHALLENGE = 0x40, /* card challenge: MAC over the AID; else random */
    MM_SCP02_RFU = 0x80
};
/* Parameter i of SCP03 (Amendment D, table 5-1). */
enum {
    MM_SCP03_S16 = 0x01,
    MM_SCP03_PSEUDO_RANDOM = 0x10, /* card challenge: of the sequence counter; else random */
    MM_SCP03_R_MAC = 0x20,
    MM_SCP03_R_ENC = 0x40,
    MM_SCP03_RFU = 0x8e
};
/* SCP02 or SCP03 with a parameter that its table has. */
bool mm_scp_known(uint8_t protocol, uint8_t i);
/* May EXTERNAL AUTHENTICATE ask for that level? (GPCS table E-10; Amendment D, table 7-4) */
bool mm_scp_level_allowed(uint8_t protocol, uint8_t i, uint8_t level);

/* ---- Static keys ---- */
/* The keys of a set. len: of each, 16, 24 or 32; triple DES has 16. Wipe with OPENSSL_cleanse. */
struct mm_scp_keys {
    uint8_t enc[MM_SCP_KEY_MAX], mac[MM_SCP_KEY_MAX], dek[MM_SCP_KEY_MAX];
    uint8_t len;
};
/* The test keys 40..4F that every card tool knows, all three (GP test key). */
extern const struct mm_scp_keys mm_scp_test_keys;

/* Where static keys are used: in memory, or in a token that never gives them out. */
enum mm_scp_key_id { MM_SCP_ENC = 1, MM_SCP_MAC = 2, MM_SCP_DEK = 3 };
struct mm_scp_source {
    void *ctx;
    size_t key_len; /* of each of the keys */
    /* AES-CMAC (SCP03) */
    enum mm_status (*cmac)(void *ctx, enum mm_scp_key_id id, const uint8_t *data, size_t data_len,
                           uint8_t out[MM_SCP_BLOCK_LEN]);
    /* CBC with an IV of zeros, triple DES, whole blocks of 8 (SCP02) */
    enum mm_status (*cbc)(void *ctx, enum mm_scp_key_id id, const uint8_t *data, size_t data_len,
                          uint8_t *out);
};
/* keys: borrowed by the source. */
struct mm_scp_source mm_scp_source_of(const struct mm_scp_keys *keys);

/* Keys of one chip from a master key: the KDF with constants 01 ENC, 02 MAC, 03 DEK and context div
 * (docs/protocol.md, keys). */
enum mm_status mm_scp_diversify(const uint8_t master[16], const uint8_t *div, size_t div_len,
                                struct mm_scp_keys *out) MM_USE_RESULT;

/* ---- A session ---- */
/* OpenSSL contexts with the keys of one session in place. */
struct mm_scp_ready;

/* A plain value: may be copied and stored, as long as it was not made ready. Wipe with OPENSSL_cleanse.
 * Its fields are for looking. */
struct mm_scp {
    uint8_t protocol, i; /* 02 or 03, and its parameter */
    uint8_t level;       /* MM_SCP_ bits; set it when the session is open */
    uint8_t key_len;
    uint8_t s_enc[MM_SCP_KEY_MAX], s_mac[MM_SCP_KEY_MAX], s_rmac[MM_SCP_KEY_MAX];
    uint8_t dek[MM_SCP_KEY_MAX]; /* SCP02: of the session; SCP03: the static one, if it was given */
    uint8_t card_cryptogram[MM_SCP_MAC_MAX], host_cryptogram[MM_SCP_MAC_MAX];
    uint8_t chain[MM_SCP_BLOCK_LEN]; /* SCP03: chaining value; SCP02: the last C-MAC */
    bool chained;                    /* SCP02: there is a last C-MAC */
    uint32_t counter;                /* SCP03: commands since EXTERNAL AUTHENTICATE */
    /* SCP02: the R-MAC on its way over command and response, when there is an R-MAC session */
    struct mm_scp_rmac {
        bool on;
        uint8_t chain[8], block[8];
        uint8_t n; /* bytes in block */
    } rmac;
    struct mm_scp_ready *ready; /* NULL, or owned: mm_scp_make_ready */
};
/* Make an SCP03 session fast: without, each command looks its algorithms up and schedules its keys
 * anew. Nothing else changes. From then on it is not to be copied, and to be dropped before it is
 * wiped. When OpenSSL fails it stays as it was. */
void mm_scp_make_ready(struct mm_scp *s);
void mm_scp_drop_ready(struct mm_scp *s); /* may be called for any session */
size_t mm_scp_mac_len(const struct mm_scp *s);
size_t mm_scp_challenge_len(uint8_t protocol, uint8_t i); /* of the host: 8, or 16 in S16 mode */
#define MM_SCP_OVERHEAD 32 /* what protection adds to data: padding, MAC */

/*
 * Session keys and both cryptograms from the static keys and the challenges.
 * card_challenge   SCP02: sequence counter (2) and challenge (6); SCP03: challenge (8 or 16)
 * The cryptograms are then in s; compare with CRYPTO_memcmp.
 */
enum mm_status mm_scp_start(struct mm_scp *s, uint8_t protocol, uint8_t i,
                            const struct mm_scp_source *source, const uint8_t *host_challenge,
                            const uint8_t *card_challenge) MM_USE_RESULT;
/* SCP02 without INITIALIZE UPDATE (GPCS E.1.2.2): the keys, and the first ICV over the AID. */
enum mm_status mm_scp02_start_implicit(struct mm_scp *s, uint8_t i,
                                       const struct mm_scp_source *source, uint16_t sequence,
                                       const struct mm_aid *aid) MM_USE_RESULT;
/* The card challenge that can be calculated: SCP02 MAC over the AID (6 bytes, E.4.2.3), SCP03 the KDF
 * over sequence counter and AID (Amendment D, 6.2.2.1). */
enum mm_status mm_scp_known_challenge(uint8_t protocol, uint8_t i,
                                      const struct mm_scp_source *source, uint32_t sequence,
                                      const struct mm_aid *aid, uint8_t *out) MM_USE_RESULT;

/* ---- The card's end ---- */
#define MM_SCP_DIV_LEN 10
/* diversification data, 2 or 3 bytes of key information, challenge, cryptogram, sequence counter */
#define MM_SCP_INIT_ANSWER_MAX (MM_SCP_DIV_LEN + 3 + 2 * MM_SCP_CHALLENGE_MAX + 3)
typedef enum mm_status (*mm_scp_random)(void *ctx, uint8_t *out, size_t out_len);
/* The sequence counter moves, and is kept, before the challenge is made of it (SCP03, Amendment D
 * 6.2.2.1); in SCP02 it moves when the host has shown its cryptogram (GPCS E.1.2.1). */
bool mm_scp_counts_first(uint8_t protocol, uint8_t i);
/* No session once the counter has no next value: it would come again (GPCS E.1.2.1). */
bool mm_scp_exhausted(uint8_t protocol, uint8_t i, uint32_t sequence);
/* SCP02: sequence counter (2) and challenge (6); SCP03: challenge (8 or 16). random makes what i says
 * is not calculated; aid: of the application that is spoken to. */
enum mm_status mm_scp_card_challenge(uint8_t protocol, uint8_t i,
                                     const struct mm_scp_source *source, uint32_t sequence,
                                     const struct mm_aid *aid, mm_scp_random random, void *ctx,
                                     uint8_t *out) MM_USE_RESULT;
/* The answer to INITIALIZE UPDATE of a session that was started; its length. */
size_t mm_scp_init_answer(const struct mm_scp *s, const uint8_t div[MM_SCP_DIV_LEN],
                          uint8_t version, uint32_t sequence, const uint8_t *card_challenge,
                          uint8_t out[MM_SCP_INIT_ANSWER_MAX]);
/* EXTERNAL AUTHENTICATE was good: the session is open at that level, and fast. */
void mm_scp_open(struct mm_scp *s, uint8_t level);

/* One command under secure messaging. data is changed in place. */
struct mm_scp_command {
    uint8_t header[4]; /* CLA INS P1 P2 as sent; channel and secure messaging bits do not matter */
    bool extended;     /* Lc is coded in three bytes */
    uint8_t *data;
    size_t len;
};
/* EXTERNAL AUTHENTICATE's MAC: data is the cryptogram, room for the MAC behind it. */
enum mm_status mm_scp_sign_first(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
/* MM_AUTH: the MAC is wrong. Takes it off. */
enum mm_status mm_scp_check_first(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
/* Host: encrypt and add the MAC as the level says; room: bytes at data. MM_TOO_LONG. */
enum mm_status mm_scp_wrap_command(struct mm_scp *s, struct mm_scp_command *c,
                                   size_t room) MM_USE_RESULT;
/* Card: check the MAC, take it off, decrypt. MM_AUTH: it is wrong. */
enum mm_status mm_scp_unwrap_command(struct mm_scp *s, struct mm_scp_command *c) MM_USE_RESULT;
/* A command without secure messaging in a session that has no C-MAC: what R-MACs cover. */
enum mm_status mm_scp_plain_command(struct mm_scp *s, const uint8_t header[4], bool extended,
                                    const uint8_t *data, size_t len) MM_USE_RESULT;
/* Card: encrypt and add the R-MAC as the level says. SCP03: not for errors; SCP02: for all. */
enum mm_status mm_scp_wrap_response(struct mm_scp *s, uint8_t *data, size_t *len, size_t room,
                                    uint16_t sw) MM_USE_RESULT;
/* Host: the other way. MM_AUTH: the R-MAC is wrong or missing. */
enum mm_status mm_scp_unwrap_response(struct mm_scp *s, uint8_t *data, size_t *len,
                                      uint16_t sw) MM_USE_RESULT;
/* Does a response with that status word carry an R-MAC at this level? */
bool mm_scp_has_rmac(const struct mm_scp *s, uint16_t sw);
/* SCP02: R-MACs cover commands and responses from the next command on (GPCS E.4.5); the first ICV is
 * the last C-MAC. */
void mm_scp02_rmac_begin(struct mm_scp *s);
void mm_scp02_rmac_end(struct mm_scp *s);

/* Keys and sensitive data under the DEK, no padding (GPCS E.4.7: ECB; Amendment D, 6.2.8: CBC with an
 * IV of zeros). len: whole blocks of 8 or 16. */
enum mm_status mm_scp_data(const struct mm_scp *s, bool encrypt, const uint8_t *in, size_t len,
                           uint8_t *out) MM_USE_RESULT;
/* A part of longer data: iv is zeros before the first one, and what the next one needs after it. */
enum mm_status mm_scp_data_part(const struct mm_scp *s, bool encrypt, uint8_t iv[MM_SCP_BLOCK_LEN],
                                const uint8_t *in, size_t len, uint8_t *out) MM_USE_RESULT;
size_t mm_scp_block(uint8_t protocol); /* 8 or 16 */

/* ---- AES (Amendment D, 4.1) ---- */
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
enum mm_status mm_scp_cmac(const uint8_t *key, size_t key_len, const uint8_t *a, size_t a_len,
                           const uint8_t *b, size_t b_len, const uint8_t *c, size_t c_len,
                           uint8_t out[MM_SCP_BLOCK_LEN]) MM_USE_RESULT;
/* Amendment D, 4.1.5: KDF in counter mode (NIST SP 800-108, PRF AES-CMAC). label: 11 bytes 00 and
 * the constant. out_len: 1..32. */
enum mm_status mm_scp_kdf(const uint8_t *key, size_t key_len, uint8_t constant,
                          const uint8_t *context, size_t context_len, uint8_t *out,
                          size_t out_len) MM_USE_RESULT;
/* AES-CBC without padding; len is a multiple of 16; in and out may be the same. iv NULL: zeros. */
enum mm_status mm_scp_cbc(const uint8_t *key, size_t key_len, const uint8_t *iv, bool encrypt,
                          const uint8_t *in, size_t len, uint8_t *out) MM_USE_RESULT;
/* Padding 80 00.. to the next block of 8 or 16 (Amendment D, 4.1.4; GPCS B.4). buf has room up to the
 * next multiple above len; returns the padded length. */
size_t mm_scp_pad(uint8_t *buf, size_t len, size_t block);
/* Length without padding; MM_MALFORMED when there is none. */
enum mm_status mm_scp_unpad(const uint8_t *buf, size_t len, size_t block,
                            size_t *out_len) MM_USE_RESULT;
/* Key check value of an AES key: first 3 bytes of the block of 01 bytes, encrypted (GPCS B.5). */
enum mm_status mm_scp_kcv(const uint8_t *key, size_t key_len,
                          uint8_t out[MM_SCP_KCV_LEN]) MM_USE_RESULT;

/* ---- Triple DES (GPCS B.1, E.4). Keys of 16 bytes are K1 K2 K1, of 24 K1 K2 K3, of 8 K1 K1 K1. ---- */
#define MM_SCP_DES_BLOCK 8
enum mm_status mm_scp_des_cbc(const uint8_t *key, size_t key_len, const uint8_t *iv, bool encrypt,
                              const uint8_t *in, size_t len, uint8_t *out) MM_USE_RESULT;
enum mm_status mm_scp_des_ecb(const uint8_t *key, size_t key_len, bool encrypt, const uint8_t *in,
                              size_t len, uint8_t *out) MM_USE_RESULT;
/* Full triple DES MAC (B.1.2.1) over data, padded. */
enum mm_status mm_scp_des_mac_full(const uint8_t *key, size_t key_len, const uint8_t *data,
                                   size_t len, uint8_t out[8]) MM_USE_RESULT;
/* Single DES and final triple DES (B.1.2.2, retail MAC) over a || b, padded. icv NULL: zeros. */
enum mm_status mm_scp_des_mac(const uint8_t key[16], const uint8_t icv[8], const uint8_t *a,
                              size_t a_len, const uint8_t *b, size_t b_len,
                              uint8_t out[8]) MM_USE_RESULT;
/* Key check value of a DES key: first 3 bytes of the block of zeros, encrypted (GPCS B.5). */
enum mm_status mm_scp_des_kcv(const uint8_t *key, size_t key_len,
                              uint8_t out[MM_SCP_KCV_LEN]) MM_USE_RESULT;

#endif
