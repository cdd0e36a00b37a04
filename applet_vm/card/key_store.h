/*
 * The keys of the security domains at rest (GPCS 2.3.1, 7.5). Keys of one version of one domain are
 * a set, and a set is one record of the domain's component, so it goes when the domain goes and is
 * always whole. A key has an identifier, one or more components (a type of table 11-16 and a value
 * of any length), and what may be done with it. In the record all that is encrypted under a key of
 * this chip.
 *
 * Record (comp: the domain; 0 is the issuer security domain)
 *   0 key version   1 secure channel parameter i   2..4 sequence counter of the secure channel
 *   5 in the domain's first set: failed authentications in a row, 255: or more
 *   6..7 length of the keys   8..23 CMAC over domain, version, keys; also the IV   24.. keys, encrypted
 */
#ifndef MM_CARD_KEY_STORE_H
#define MM_CARD_KEY_STORE_H

#include <openssl/types.h>

#include "applet_vm/nvm/nvm.h"
#include "applet_vm/scp/scp.h"

#define MM_KEY_PARTS_MAX 8    /* an RSA private key has 5 components, an EC key with its curve 7 */
#define MM_KEY_SET_MAX   8192 /* bytes of all keys of a set */

/* Key types (GPCS table 11-16) that have a meaning here. */
enum mm_key_type {
    MM_KEY_DES = 0x80,
    MM_KEY_TDES_CBC = 0x82,
    MM_KEY_DES_ECB = 0x83,
    MM_KEY_DES_CBC = 0x84,
    MM_KEY_PSK_TLS = 0x85,
    MM_KEY_AES = 0x88,
    MM_KEY_HMAC = 0x90,
    MM_KEY_HMAC_160 = 0x91,
    MM_KEY_RSA_E = 0xa0,
    MM_KEY_RSA_N = 0xa1,
    MM_KEY_EC_PUBLIC = 0xb0,
    MM_KEY_EC_PRIVATE = 0xb1,
    MM_KEY_EC_CURVE = 0xf0, /* key parameter reference */
    MM_KEY_EXTENDED = 0xff  /* extended format: the type follows */
};
#define MM_KEY_RSA_MAX 512 /* bytes of a modulus: RSA-4096 */

/* Key access (GPCS table 11-18) */
enum { MM_KEY_ACCESS_ALL = 0x00, MM_KEY_ACCESS_DOMAIN = 0x01, MM_KEY_ACCESS_APPLICATION = 0x02 };

struct mm_key_part {
    uint8_t type;
    uint16_t len;
    const uint8_t *value; /* borrowed: of a key of a set, until the set changes */
};
/* A plain value; only the components' values are borrowed. */
struct mm_domain_key {
    uint8_t id;
    uint8_t usage_len; /* 0: no qualifier was given (basic format) */
    uint8_t usage[2];
    uint8_t access;
    uint8_t part_n;
    struct mm_key_part parts[MM_KEY_PARTS_MAX];
};
/* A set in memory: load or init, look and change, store, clear (which wipes). */
struct mm_key_set {
    mm_comp domain;
    uint8_t version;
    uint8_t scp_i;
    uint32_t sequence; /* 24 bits */
    uint8_t failures;
    mm_key record; /* 0: not stored yet */
    struct mm_buf keys;
};

void mm_key_set_init(struct mm_key_set *set, mm_comp domain, uint8_t version);
void mm_key_set_clear(struct mm_key_set *set);
/* Version 0: the domain's first set that opens a secure channel. MM_NOT_FOUND: there is none;
 * MM_TAMPERED: it is damaged. The set is to be cleared in any case. */
enum mm_status mm_key_set_load(const struct mm_nvm *nvm, mm_comp domain, uint8_t version,
                               struct mm_key_set *set) MM_USE_RESULT;
/* Versions of a domain, first to last; 0 past the last. */
uint8_t mm_key_set_version(const struct mm_nvm *nvm, mm_comp domain, size_t index);

bool mm_key_set_exists(const struct mm_nvm *nvm, mm_comp domain, uint8_t version);

size_t mm_key_set_n(const struct mm_key_set *set);
/* The keys by ascending identifier, *off from 0; false past the last. */
bool mm_key_set_next(const struct mm_key_set *set, size_t *off, struct mm_domain_key *key);
bool mm_key_set_find(const struct mm_key_set *set, uint8_t id, struct mm_domain_key *key);
/* Add the key, or replace the one of that identifier; key's values are copied. MM_TOO_LONG. */
enum mm_status mm_key_set_put(struct mm_key_set *set,
                              const struct mm_domain_key *key) MM_USE_RESULT;
bool mm_key_set_remove(struct mm_key_set *set, uint8_t id); /* false: there is none */
/* Write it as a whole; a set that was loaded keeps its place, also under a new version.
 * MM_NO_MEMORY: there are as many sets as the chip holds. */
enum mm_status mm_key_set_store(struct mm_nvm *nvm, struct mm_key_set *set) MM_USE_RESULT;
enum mm_status mm_key_set_delete(struct mm_nvm *nvm, const struct mm_key_set *set) MM_USE_RESULT;
/* Change a sequence counter alone, outside any transaction and promised at once. MM_NOT_FOUND. */
enum mm_status mm_key_set_count(struct mm_nvm *nvm, mm_comp domain, uint8_t version,
                                uint32_t sequence) MM_USE_RESULT;
/* Failed authentications of hosts to a domain since the last good one; 255: or more. Written at once,
 * too. A domain without keys has none and takes none (MM_NOT_FOUND). */
uint8_t mm_key_failures(const struct mm_nvm *nvm, mm_comp domain);
enum mm_status mm_key_failures_set(struct mm_nvm *nvm, mm_comp domain, uint8_t n) MM_USE_RESULT;

/* One key with one call. MM_NOT_FOUND. set is to be cleared in any case; key borrows from it. */
enum mm_status mm_key_find(const struct mm_nvm *nvm, mm_comp domain, uint8_t version, uint8_t id,
                           struct mm_key_set *set, struct mm_domain_key *key) MM_USE_RESULT;

/* The domain's first version that has a key of that identifier; 0: none. */
uint8_t mm_key_version_with(const struct mm_nvm *nvm, mm_comp domain, uint8_t id);

/* The protocol that key 1 is for: DES 02, AES 03; 00: there is none such. */
uint8_t mm_key_set_protocol(const struct mm_key_set *set);
/* The keys of a secure channel: identifiers 1 to 3, of one type and length; SCP02 with one base key has
 * identifier 1 alone. MM_NOT_FOUND: the set has no such. */
enum mm_status mm_key_set_channel(const struct mm_key_set *set,
                                  struct mm_scp_keys *keys) MM_USE_RESULT;
/* The same put into a set: type DES or AES. */
enum mm_status mm_key_set_put_channel(struct mm_key_set *set, enum mm_key_type type,
                                      const struct mm_scp_keys *keys) MM_USE_RESULT;

/* An RSA public key, or an EC key (public, or private with its point), for OpenSSL. *out is owned
 * (EVP_PKEY_free). MM_UNSUPPORTED: another key; MM_MALFORMED: its values are none. */
enum mm_status mm_key_pkey(const struct mm_domain_key *key, EVP_PKEY **out) MM_USE_RESULT;

#endif
