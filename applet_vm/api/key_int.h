/* Keys, shared by key.c and pair.c. */
#ifndef MM_API_KEY_INT_H
#define MM_API_KEY_INT_H

#include "applet_vm/api/api_int.h"

/* KeyBuilder.TYPE_... */
enum {
    MM_KEY_EC_PUBLIC = 11,
    MM_KEY_EC_PRIVATE = 12,
    MM_KEY_AES_RESET = 13,
    MM_KEY_AES_DESELECT = 14,
    MM_KEY_AES = 15,
    MM_KEY_EC_PRIVATE_RESET = 30,
    MM_KEY_EC_PRIVATE_DESELECT = 31
};

/* Parts of an EC key, in the order they lie in; the number is the part's bit in the last byte. */
enum { MM_EC_P, MM_EC_A, MM_EC_B, MM_EC_G, MM_EC_R, MM_EC_K, MM_EC_VALUE };
#define MM_EC_DOMAIN 0x1F /* P, A, B, G, R; the cofactor is 1 when it is not set */
#define MM_EC_NEEDED (MM_EC_DOMAIN | 1u << MM_EC_VALUE)

size_t mm_ec_part_off(unsigned part, size_t n);
size_t mm_ec_part_len(unsigned part, size_t n, bool private_key);
enum mm_run mm_api_key_new(struct mm_vm *vm, unsigned type, int bits, enum mm_transient memory,
                           mm_ref *out);
unsigned mm_api_key_bits(struct mm_vm *vm, mm_ref key);
enum mm_run mm_api_ec_put(struct mm_vm *vm, mm_ref key, unsigned part, const uint8_t *data,
                          size_t data_len);

#endif
