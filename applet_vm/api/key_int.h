/* Keys: what a key's type says, and where its parts lie. Shared by key*.c, pair.c and the ciphers. */
#ifndef MM_API_KEY_INT_H
#define MM_API_KEY_INT_H

#include "applet_vm/api/api_int.h"

enum mm_key_kind {
    MM_KIND_NONE,
    MM_KIND_DES,
    MM_KIND_AES,
    MM_KIND_SEED,
    MM_KIND_HMAC,
    MM_KIND_RSA_PUBLIC,
    MM_KIND_RSA_PRIVATE,
    MM_KIND_RSA_CRT,
    MM_KIND_DSA_PUBLIC,
    MM_KIND_DSA_PRIVATE,
    MM_KIND_DSA_PARAMS,
    MM_KIND_DH_PUBLIC,
    MM_KIND_DH_PRIVATE,
    MM_KIND_DH_PARAMS,
    MM_KIND_EC_PUBLIC, /* over Fp; then the same over F2m */
    MM_KIND_EC_PRIVATE,
    MM_KIND_EC_PARAMS,
    MM_KIND_F2M_PUBLIC,
    MM_KIND_F2M_PRIVATE,
    MM_KIND_F2M_PARAMS
};

/* KeyBuilder.TYPE_... that are named in code */
enum {
    MM_KEY_RSA_PUBLIC = 4,
    MM_KEY_RSA_PRIVATE = 5,
    MM_KEY_RSA_CRT = 6,
    MM_KEY_DSA_PUBLIC = 7,
    MM_KEY_DSA_PRIVATE = 8,
    MM_KEY_F2M_PUBLIC = 9,
    MM_KEY_F2M_PRIVATE = 10,
    MM_KEY_EC_PUBLIC = 11,
    MM_KEY_EC_PRIVATE = 12,
    MM_KEY_DH_PUBLIC = 32,
    MM_KEY_DH_PRIVATE = 35
};

/* Parts of a key by family, in the order they lie in; the number is the part's bit in the last byte. */
enum { MM_EC_P, MM_EC_A, MM_EC_B, MM_EC_G, MM_EC_R, MM_EC_K, MM_EC_VALUE };
enum { MM_FF_P, MM_FF_Q, MM_FF_G, MM_FF_VALUE };        /* DSA, DH */
enum { MM_RSA_MODULUS, MM_RSA_EXPONENT, MM_RSA_OTHER }; /* a private key's public exponent */
enum { MM_CRT_P, MM_CRT_Q, MM_CRT_PQ, MM_CRT_DP1, MM_CRT_DQ1 };
#define MM_KEY_PART_MAX 544 /* bytes; RSA 4096 needs 512 */

enum mm_key_kind mm_api_key_kind(struct mm_vm *vm, mm_ref key); /* NONE: no key of ours */
unsigned mm_api_key_bits(struct mm_vm *vm, mm_ref key);
/* A part's bytes, borrowed; NULL when it is not set. */
const uint8_t *mm_api_key_part(struct mm_vm *vm, mm_ref key, unsigned part, size_t *len);
enum mm_run mm_api_key_put(struct mm_vm *vm, mm_ref key, unsigned part, const uint8_t *data,
                           size_t data_len);
enum mm_run mm_api_key_new(struct mm_vm *vm, unsigned type, int bits, enum mm_transient memory,
                           mm_ref *out);
/* A secret key's bytes (DES, AES, SEED, HMAC), borrowed; NULL when it is of another kind. */
const uint8_t *mm_api_secret(struct mm_vm *vm, mm_ref key, enum mm_key_kind kind, size_t *len);

/* KeyEncryption: the Cipher of the key's set methods; MM_REF_NULL: none. */
mm_ref mm_api_key_cipher(struct mm_vm *vm, mm_ref key);
enum mm_run mm_api_key_cipher_set(struct mm_vm *vm, mm_ref key, mm_ref cipher);
/* What a set method was given at args[1] (array) and args[2] (offset), deciphered when the key has a
 * Cipher. len: bytes of the array, or with fixed those of the value. ILLEGAL_VALUE: it cannot be
 * deciphered. data points into the array or to plain, which the caller wipes. */
struct mm_key_input {
    const uint8_t *data;
    size_t len;
    uint8_t plain[MM_KEY_PART_MAX];
};
enum mm_run mm_api_key_input(struct mm_vm *vm, mm_ref key, const uint16_t *args, int32_t len,
                             bool fixed, struct mm_key_input *in);

/* For OpenSSL, owned by the caller; NULL: the values make no key. A key of any asymmetric kind, or
 * with domain_only what its domain parameters alone make. */
EVP_PKEY *mm_api_pkey(struct mm_vm *vm, mm_ref key, bool domain_only);
bool mm_api_kind_private(enum mm_key_kind kind);
bool mm_api_kind_rsa(enum mm_key_kind kind);
bool mm_api_kind_ec(enum mm_key_kind kind);
bool mm_api_kind_f2m(enum mm_key_kind kind);
bool mm_api_kind_dsa(enum mm_key_kind kind);
bool mm_api_kind_dh(enum mm_key_kind kind);

#endif
