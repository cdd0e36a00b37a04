/*
 * javacardx.crypto.KeyEncryption: every key takes a Cipher that its set methods decipher their input
 * with. Without one (null, as keys are made) the input is the value itself.
 */
#include "applet_vm/api/cipher_int.h"

#include <openssl/crypto.h>
#include <string.h>

enum mm_run mm_n_key_get_cipher(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_api_key_cipher(vm, args[0]);
    return MM_RUN_OK;
}

enum mm_run mm_n_key_set_cipher(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_api_key_cipher_set(vm, args[0], args[1]);
}

enum mm_run mm_api_key_input(struct mm_vm *vm, mm_ref key, const uint16_t *args, int32_t len,
                             bool fixed, struct mm_key_input *in)
{
    mm_ref cipher = mm_api_key_cipher(vm, key);
    const uint8_t *data;
    uint8_t *plain;
    enum mm_run run;
    bool fits;

    if (fixed && cipher != MM_REF_NULL) /* what the fixed length becomes when it is enciphered */
        len = (int32_t)mm_api_cipher_input_len(vm, cipher, (size_t)len);
    run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK)
        return run;
    in->data = data;
    in->len = (size_t)len;
    if (cipher == MM_REF_NULL)
        return MM_RUN_OK;
    if (!mm_api_cipher_decipher(vm, cipher, data, (size_t)len, &plain, &in->len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    fits = in->len <= sizeof(in->plain);
    if (fits)
        memcpy(in->plain, plain, in->len);
    OPENSSL_cleanse(plain, in->len);
    in->data = in->plain;
    return fits ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
}
