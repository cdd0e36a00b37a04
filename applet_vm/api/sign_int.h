/* Signatures by family, behind javacard.security.Signature. */
#ifndef MM_API_SIGN_INT_H
#define MM_API_SIGN_INT_H

#include "applet_vm/api/cipher_int.h"

#define MM_SIGN_CLASS "javacard/security/Signature"
#define MM_SIGN_MAX   544 /* bytes of a signature; RSA 4096 has 512 */

enum { MM_SIGN = 1, MM_VERIFY = 2 };

/* Signature.SIG_CIPHER_... */
enum {
    MM_SIG_DES_MAC4 = 1,
    MM_SIG_DES_MAC8 = 2,
    MM_SIG_RSA = 3,
    MM_SIG_DSA = 4,
    MM_SIG_ECDSA = 5,
    MM_SIG_AES_MAC = 6,
    MM_SIG_HMAC = 7,
    MM_SIG_SEED_MAC = 8,
    MM_SIG_ECDSA_PLAIN = 9,
    MM_SIG_CMAC = 10
};

/* An algorithm in one hidden cell: | digest, 5 bits | SIG_CIPHER, 5 bits | padding, 6 bits | */
#define MM_SIG_ALG(digest, cipher, padding)                                                        \
    ((uint16_t)((unsigned)(digest) << 11 | (unsigned)(cipher) << 6 | (unsigned)(padding)))
#define MM_SIG_DIGEST(alg)  ((unsigned)(alg) >> 11)
#define MM_SIG_CIPHER(alg)  ((unsigned)(alg) >> 6 & 0x1F)
#define MM_SIG_PADDING(alg) ((uint8_t)((alg)&0x3F))

/* The operation of a Signature that was initialised in this mode (0: any), its key still set. */
enum mm_run mm_api_sign_op(struct mm_vm *vm, mm_ref ref, uint8_t mode, struct mm_api_op **out);
/* update(in, off, len): the arguments of a native from args[1] on. */
enum mm_run mm_api_sign_feed(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args);
/* The message's hash; then ready for the next message. */
bool mm_api_sign_hash(struct mm_api_op *op, uint8_t hash[EVP_MAX_MD_SIZE], unsigned *len);

/* MACs: secret keys */
bool mm_api_mac_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *iv,
                     size_t iv_len);
/* The same key again, for a new message. */
bool mm_api_mac_again(struct mm_api_op *op, const uint8_t *iv, size_t iv_len);
bool mm_api_mac_feed(struct mm_api_op *op, const uint8_t *data, size_t len);
/* The MAC; then ready for the next message, with a zero IV. */
bool mm_api_mac_final(struct mm_vm *vm, struct mm_api_op *op, uint8_t *mac, size_t *len);
/* Bytes of the MAC. */
size_t mm_api_mac_len(uint16_t alg);

/* RSA, DSA, ECDSA: over a hash */
bool mm_api_pk_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key);
size_t mm_api_pk_len(const struct mm_api_op *op);
bool mm_api_pk_sign(struct mm_api_op *op, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                    size_t *len);
bool mm_api_pk_verify(struct mm_api_op *op, const uint8_t *hash, size_t hash_len,
                      const uint8_t *sig, size_t len);

/* ISO 9796-2: the beginning of the message goes into the signature */
bool mm_api_recovery_is(uint16_t alg);
bool mm_api_recovery_init(struct mm_api_op *op);
bool mm_api_recovery_feed(struct mm_api_op *op, const uint8_t *data, size_t len);
/* Ready for the next message. */
void mm_api_recovery_restart(struct mm_api_op *op);
/* recoverable: bytes of the message that are in the signature */
bool mm_api_recovery_sign(struct mm_api_op *op, const uint8_t *hash, uint8_t *sig, size_t *len,
                          size_t *recoverable);
bool mm_api_recovery_verify(struct mm_api_op *op, const uint8_t *hash, const uint8_t *sig,
                            size_t len);

#endif
