/* javacardx.crypto.Cipher: AES in CBC and ECB mode, without padding. */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define CIPHER_CLASS   "javacardx/crypto/Cipher"
#define ALG_AES_CBC    13
#define ALG_AES_ECB    14
#define CIPHER_AES_CBC 1
#define CIPHER_AES_ECB 2
#define PAD_NOPAD      1
#define MODE_DECRYPT   1
#define MODE_ENCRYPT   2
#define BLOCK          16

static uint8_t alg_of(struct mm_vm *vm, mm_ref ref)
{
    return (uint8_t)mm_vm_hidden(vm, ref, CIPHER_CLASS, 0);
}

static enum mm_run get_instance(struct mm_vm *vm, uint8_t alg, uint16_t *ret)
{
    if (alg != ALG_AES_CBC && alg != ALG_AES_ECB)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/Cipher", CIPHER_CLASS, alg, ret);
}

enum mm_run mm_n_cipher_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return get_instance(vm, (uint8_t)args[0], ret);
}

enum mm_run mm_n_cipher_get_instance_parts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if ((uint8_t)args[1] != PAD_NOPAD)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    if ((uint8_t)args[0] == CIPHER_AES_CBC)
        return get_instance(vm, ALG_AES_CBC, ret);
    return get_instance(vm, (uint8_t)args[0] == CIPHER_AES_ECB ? ALG_AES_ECB : 0, ret);
}

enum mm_run mm_n_cipher_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0]);
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_get_cipher_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = alg_of(vm, args[0]) == ALG_AES_CBC ? CIPHER_AES_CBC : CIPHER_AES_ECB;
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_get_padding_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = PAD_NOPAD;
    return MM_RUN_OK;
}

static const EVP_CIPHER *evp_of(uint8_t alg, size_t key_len)
{
    bool cbc = alg == ALG_AES_CBC;

    if (key_len == 16)
        return cbc ? EVP_aes_128_cbc() : EVP_aes_128_ecb();
    if (key_len == 24)
        return cbc ? EVP_aes_192_cbc() : EVP_aes_192_ecb();
    return cbc ? EVP_aes_256_cbc() : EVP_aes_256_ecb();
}

static enum mm_run init(struct mm_vm *vm, const uint16_t *args, const uint8_t iv[BLOCK])
{
    int mode = MM_ARG_BYTE(2);
    uint8_t alg = alg_of(vm, args[0]);
    struct mm_api_op *op;
    const uint8_t *key;
    size_t len;

    if (args[1] == MM_REF_NULL || !mm_api_key_ready(vm, args[1]))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    key = mm_api_aes_key(vm, args[1], &len);
    if (key == NULL || (mode != MODE_DECRYPT && mode != MODE_ENCRYPT))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op = mm_api_op(vm, args[0]);
    if (op == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    mm_api_op_clear(op);
    op->cipher = EVP_CIPHER_CTX_new();
    if (op->cipher == NULL ||
        EVP_CipherInit_ex(op->cipher, evp_of(alg, len), NULL, key, iv, mode == MODE_ENCRYPT) != 1 ||
        EVP_CIPHER_CTX_set_padding(op->cipher, 0) != 1) {
        mm_api_op_clear(op);
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    }
    op->alg = alg;
    op->mode = (uint8_t)mode;
    op->key = args[1];
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint8_t zero[BLOCK];

    (void)ret;
    return init(vm, args, zero);
}

enum mm_run mm_n_cipher_init_iv(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    uint8_t iv[BLOCK];
    enum mm_run run = mm_vm_bytes(vm, args[3], MM_ARG_SHORT(4), MM_ARG_SHORT(5), &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (alg_of(vm, args[0]) != ALG_AES_CBC || MM_ARG_SHORT(5) != BLOCK)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    memcpy(iv, data, BLOCK);
    return init(vm, args, iv);
}

/* Whole blocks go out at once; input and output may overlap, so by way of a buffer of our own. */
static enum mm_run step(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args, size_t out_n,
                        uint16_t *ret)
{
    int len = MM_ARG_SHORT(3), out_len = 0;
    const uint8_t *data;
    uint8_t *out;
    enum mm_run run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), (int32_t)out_n);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK)
        return run;
    out = malloc((size_t)len + 2 * BLOCK);
    if (out == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    if (EVP_CipherUpdate(op->cipher, out, &out_len, data, len) != 1 || (size_t)out_len != out_n)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    else
        run = mm_api_put(vm, args[4], MM_ARG_SHORT(5), out, out_n);
    op->fed = (op->fed + (size_t)len) % BLOCK;
    ret[0] = (uint16_t)out_n;
    OPENSSL_cleanse(out, (size_t)len + 2 * BLOCK);
    free(out);
    return run;
}

static enum mm_run op_of(struct mm_vm *vm, const uint16_t *args, struct mm_api_op **op)
{
    *op = mm_api_op_find(vm, args[0]);
    if (*op == NULL || (*op)->cipher == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    if (!mm_api_key_ready(vm, (*op)->key))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (MM_ARG_SHORT(3) < 0)
        return mm_vm_throw(vm, "java/lang/ArrayIndexOutOfBoundsException", 0);
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args, &op);

    if (run != MM_RUN_OK)
        return run;
    return step(vm, op, args, (op->fed + (size_t)MM_ARG_SHORT(3)) / BLOCK * BLOCK, ret);
}

/* Afterwards as after init, but the IV is zero (Cipher.doFinal). */
enum mm_run mm_n_cipher_do_final(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint8_t zero[BLOCK];
    struct mm_api_op *op;
    size_t total;
    enum mm_run run = op_of(vm, args, &op);

    if (run != MM_RUN_OK)
        return run;
    total = op->fed + (size_t)MM_ARG_SHORT(3);
    if (total % BLOCK != 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    run = step(vm, op, args, total, ret);
    if (run == MM_RUN_OK && EVP_CipherInit_ex(op->cipher, NULL, NULL, NULL, zero, -1) != 1)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    return run;
}
