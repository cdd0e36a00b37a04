/*
 * Where the static keys of a secure channel are: in memory, derived from a master key, or in a token
 * that never gives them out. A session asks for what it needs (a MAC, a block cipher) and never sees
 * a static key itself, so nothing of a session depends on which it is.
 *
 * SCP03 needs cmac (session keys are a KDF over it: mm_gp_keys_kdf) and cbc with the DEK; SCP02
 * needs cbc for its session keys and has its DEK among those.
 */
#ifndef MM_GP_KEYSOURCE_H
#define MM_GP_KEYSOURCE_H

#include "applet_vm/base/base.h"
#include "applet_vm/scp/scp.h"

#define MM_GP_KEY_MAX           32 /* AES-256 */
#define MM_GP_DIVERSIFICATION   10 /* bytes, first in an INITIALIZE UPDATE response */
#define MM_GP_CIPHER_BLOCK_MAX  16
#define MM_GP_KEY_VERSION_LAST  0x7f
#define MM_GP_KEY_VERSION_FIRST 0x01

/* A set's keys by their identifiers on the card (GPCS 2.3.1, E.1.2.3; Amendment D, 7.1.1). */
enum mm_gp_key_id { MM_GP_KEY_ENC = 1, MM_GP_KEY_MAC = 2, MM_GP_KEY_DEK = 3 };
/* Coding of key types (GPCS 2.3.1, table 11-16). */
enum mm_gp_key_type { MM_GP_KEY_DES = 0x80, MM_GP_KEY_AES = 0x88 };

/* Three keys of one type and length. A plain value; wipe with OPENSSL_cleanse. */
struct mm_gp_keyset {
    enum mm_gp_key_type type;
    uint8_t len; /* AES: 16, 24, 32; DES: 16, 24 */
    uint8_t enc[MM_GP_KEY_MAX], mac[MM_GP_KEY_MAX], dek[MM_GP_KEY_MAX];
};
/* The key of an identifier. Borrowed. */
const uint8_t *mm_gp_keyset_key(const struct mm_gp_keyset *set, enum mm_gp_key_id id);
/* Three AES-128 keys as the set they are. */
struct mm_gp_keyset mm_gp_keyset_of(const struct mm_scp_keys *keys);

/* What the card said of itself in INITIALIZE UPDATE: by this a source finds or derives its keys. */
struct mm_gp_key_card {
    uint8_t scp; /* 02, 03 */
    uint8_t key_version;
    uint8_t diversification[MM_GP_DIVERSIFICATION];
};

struct mm_gp_key_ops {
    /* Called once a session, before the ones below: make the keys for this card ready. */
    enum mm_status (*choose)(void *ctx, const struct mm_gp_key_card *card, struct mm_err *err);
    /* Length of the keys in bytes (all three have the same). */
    size_t (*key_len)(const void *ctx);
    /* AES-CMAC under one key (RFC 4493), whole. */
    enum mm_status (*cmac)(void *ctx, enum mm_gp_key_id id, const uint8_t *data, size_t data_len,
                           uint8_t out[16], struct mm_err *err);
    /* Encrypt in CBC mode with an IV of zeros, by AES (SCP03) or triple DES (SCP02); data_len is a
     * multiple of the cipher's block; out has room for it and may be data. */
    enum mm_status (*cbc)(void *ctx, enum mm_gp_key_id id, const uint8_t *data, size_t data_len,
                          uint8_t *out, struct mm_err *err);
    void (*free)(void *ctx); /* wipes */
};
/* One source. Used by one session at a time. */
struct mm_gp_keys {
    const struct mm_gp_key_ops *ops;
    void *ctx;
};
void mm_gp_keys_free(struct mm_gp_keys **keys); /* sets *keys to NULL; NULL is fine */

/*
 * SP 800-108 counter mode over the source's CMAC (Amendment D, 4.1.5): label of 11 zeros and
 * constant, context. out_len: 1..32.
 */
enum mm_status mm_gp_keys_kdf(const struct mm_gp_keys *keys, enum mm_gp_key_id id, uint8_t constant,
                              const uint8_t *context, size_t context_len, uint8_t *out,
                              size_t out_len, struct mm_err *err) MM_USE_RESULT;

/* ---- Keys in memory ---- */
/* How a card's keys come from master keys and its diversification data. */
enum mm_gp_diversify {
    MM_GP_DIVERSIFY_NONE,  /* what is given are the card's keys */
    MM_GP_DIVERSIFY_EMV,   /* EMV CPS 1.1, 5.2; triple DES */
    MM_GP_DIVERSIFY_VISA2, /* the same with other bytes of the data; triple DES */
    MM_GP_DIVERSIFY_KDF3, /* AES: SP 800-108, | counter 1 | 00 00 00 id | 00 | data | for each block */
    MM_GP_DIVERSIFY_OURS /* AES: the KDF of SCP03, constants 01, 02, 03 (docs/protocol.md, keys) */
};
/* Does this derivation work with AES? Else it is triple DES. */
bool mm_gp_diversify_is_aes(enum mm_gp_diversify how);
/* A card's set from a source of master keys. MM_UNSUPPORTED: not with keys of this length. */
enum mm_status mm_gp_diversify_from(enum mm_gp_diversify how, const struct mm_gp_keys *masters,
                                    const uint8_t data[MM_GP_DIVERSIFICATION],
                                    struct mm_gp_keyset *out, struct mm_err *err) MM_USE_RESULT;
/* The same with the master keys in hand. */
enum mm_status mm_gp_diversify(enum mm_gp_diversify how, const struct mm_gp_keyset *master,
                               const uint8_t data[MM_GP_DIVERSIFICATION], struct mm_gp_keyset *out,
                               struct mm_err *err) MM_USE_RESULT;
/* set: copied. */
enum mm_status mm_gp_keys_in_memory(const struct mm_gp_keyset *set, enum mm_gp_diversify how,
                                    struct mm_gp_keys **out, struct mm_err *err) MM_USE_RESULT;

/* ---- Keys in a token ---- */
/*
 * Keys that a PKCS#11 token holds and never gives out.
 * uri      RFC 7512: "pkcs11:token=T;object=N", perhaps with "?module-path=F"; without, the modules
 *          that p11-kit knows. The keys are N-enc, N-mac and N-dek, or one called N for all three.
 * pin      of the token; NULL: it asks for none, or the URI names one. Not kept.
 * how      with anything but NONE the keys are master keys: the card's keys are derived in the token
 *          and then in memory while the session lasts
 * MM_NOT_FOUND: no such token or key; MM_UNSUPPORTED: the token has not the mechanism, which the
 * message names (CKM_AES_CMAC and CKM_AES_CBC for SCP03, CKM_DES3_CBC for SCP02).
 */
enum mm_status mm_gp_keys_in_token(const char *uri, const char *pin, enum mm_gp_diversify how,
                                   struct mm_gp_keys **out, struct mm_err *err) MM_USE_RESULT;

/* ---- The same arithmetic with a key in hand ---- */
/* CBC with an IV of zeros; type and length choose the cipher. */
enum mm_status mm_gp_key_cbc(enum mm_gp_key_type type, const uint8_t *key, size_t key_len,
                             const uint8_t *data, size_t data_len, uint8_t *out) MM_USE_RESULT;
enum mm_status mm_gp_key_cmac(const uint8_t *key, size_t key_len, const uint8_t *data,
                              size_t data_len, uint8_t out[16]) MM_USE_RESULT;
/* Key check value (GPCS 2.3.1, B.5 and Amendment D, 7.2): a block of zeros (DES) or ones (AES). */
enum mm_status mm_gp_key_check_value(enum mm_gp_key_type type, const uint8_t *key, size_t key_len,
                                     uint8_t out[3]) MM_USE_RESULT;

#endif
