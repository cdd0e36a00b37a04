/* Ciphers by family, behind javacardx.crypto.Cipher. */
#ifndef MM_API_CIPHER_INT_H
#define MM_API_CIPHER_INT_H

#include "applet_vm/api/key_int.h"

#define MM_CIPHER_CLASS "javacardx/crypto/Cipher"

enum { MM_DECRYPT = 1, MM_ENCRYPT = 2 };

/* Cipher.CIPHER_..., and numbers of ours for the two that have an ALG_ constant only */
enum {
    MM_CIPHER_AES_CBC = 1,
    MM_CIPHER_AES_ECB = 2,
    MM_CIPHER_DES_CBC = 3,
    MM_CIPHER_DES_ECB = 4,
    MM_CIPHER_SEED_CBC = 5,
    MM_CIPHER_SEED_ECB = 6,
    MM_CIPHER_RSA = 7,
    MM_CIPHER_AES_CTR = 0xF0,
    MM_CIPHER_AES_GCM = 0xF1,
    MM_CIPHER_AES_CCM = 0xF2
};

/* Cipher.PAD_... */
enum {
    MM_PAD_NULL = 0,
    MM_PAD_NOPAD = 1,
    MM_PAD_M1 = 2,
    MM_PAD_M2 = 3,
    MM_PAD_M1_ALG3 = 4,
    MM_PAD_M2_ALG3 = 5,
    MM_PAD_PKCS5 = 6,
    MM_PAD_PKCS1 = 7,
    MM_PAD_PSS = 8,
    MM_PAD_OAEP = 9,
    MM_PAD_ISO9796 = 10,
    MM_PAD_ISO9796_MR = 11,
    MM_PAD_RFC2409 = 12,
    MM_PAD_OAEP_SHA224 = 13 /* then SHA-256 to SHA3-512 */
};

#define MM_CIPHER_OF(alg)  ((uint8_t)((alg) >> 8))
#define MM_PADDING_OF(alg) ((uint8_t)(alg))

/* Key of a block cipher as OpenSSL wants it: DES keys of 8 and 16 bytes grow to 24. *len in bytes;
 * NULL when the key is of another kind or has no value. buf has 32 bytes. */
const uint8_t *mm_api_block_key(struct mm_vm *vm, mm_ref key, enum mm_key_kind kind, uint8_t *buf,
                                size_t *len);
/* Padding bytes behind n bytes of a message: count, at most block. */
size_t mm_api_pad(uint8_t padding, size_t n, size_t block, uint8_t *out);
/* Bytes of padding at the end of a deciphered message; more than block: it is none. Method 1's
 * zeros cannot be told from the message's and stay (Cipher.doFinal). */
size_t mm_api_pad_found(uint8_t padding, const uint8_t *data, size_t n, size_t block);

/* For KeyEncryption. Bytes that len bytes of plain text become; the text of such a message: borrowed,
 * the caller wipes it. False: the Cipher is not there, not initialised to decipher, or cannot. */
size_t mm_api_cipher_input_len(struct mm_vm *vm, mm_ref cipher, size_t len);
bool mm_api_cipher_decipher(struct mm_vm *vm, mm_ref cipher, const uint8_t *data, size_t len,
                            uint8_t **out, size_t *out_len);

/* The family's init; false: not this key, not this mode (ILLEGAL_VALUE). */
bool mm_api_rsa_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key);
/* What op holds through RSA; then it holds nothing. out has MM_KEY_PART_MAX bytes. */
bool mm_api_rsa_apply(struct mm_vm *vm, struct mm_api_op *op, uint8_t *out, size_t *out_len);
/* Bytes of a whole message for the key of a cipher that was initialised. */
size_t mm_api_rsa_size(struct mm_vm *vm, const struct mm_api_op *op);
enum mm_run mm_api_rsa_final(struct mm_vm *vm, struct mm_api_op *op, mm_ref out, int out_off,
                             uint16_t *ret);
bool mm_api_aead_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *nonce,
                      size_t nonce_len);
/* The same key with another nonce. */
bool mm_api_aead_again(struct mm_api_op *op, const uint8_t *nonce, size_t nonce_len);
enum mm_run mm_api_aead_step(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args,
                             uint16_t *ret, bool final);

#endif
