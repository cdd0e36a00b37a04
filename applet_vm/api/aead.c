/*
 * javacardx.crypto.AEADCipher: AES-GCM (NIST SP 800-38D) and AES-CCM (SP 800-38C).
 *
 * A tag is checked after the text has been deciphered (verifyTag), so CCM cannot use OpenSSL's
 * deciphering, which wants the tag first: the text goes through CTR mode with CCM's counter blocks,
 * and at the end the plain text is put through OpenSSL's CCM for its tag.
 */
#include "applet_vm/api/cipher_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

static bool is_ccm(const struct mm_api_op *op)
{
    return MM_CIPHER_OF(op->alg) == MM_CIPHER_AES_CCM;
}

static bool init_gcm(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *key, size_t len,
                     const uint8_t *nonce, size_t nonce_len)
{
    EVP_CIPHER *cipher = mm_api_cipher(vm, MM_EVP_AES_GCM, len);

    return nonce_len != 0 && cipher != NULL &&
           EVP_CipherInit_ex2(op->cipher, cipher, NULL, NULL, op->mode == MM_ENCRYPT, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce_len, NULL) == 1 &&
           EVP_CipherInit_ex2(op->cipher, NULL, key, nonce, -1, NULL) == 1;
}

/* Counter block 1 of CCM: | L - 1 | nonce, 15 - L bytes | counter, L bytes | */
static bool init_ccm(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *key, size_t len,
                     const uint8_t *nonce, size_t nonce_len)
{
    uint8_t block[16] = {0};

    if (nonce_len < 7 || nonce_len > 13)
        return false;
    block[0] = (uint8_t)(14 - nonce_len);
    memcpy(block + 1, nonce, nonce_len);
    block[15] = 1;
    memcpy(op->iv, block, sizeof(block));
    return EVP_CipherInit_ex2(op->cipher, mm_api_cipher(vm, MM_EVP_AES_CTR, len), key, block, 1,
                              NULL) == 1;
}

bool mm_api_aead_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *nonce,
                      size_t nonce_len)
{
    size_t len;
    const uint8_t *data = mm_api_secret(vm, key, MM_KIND_AES, &len);

    op->cipher = EVP_CIPHER_CTX_new();
    if (op->tag_n == 0)
        op->tag_n = 16;
    op->nonce_n = (uint16_t)nonce_len;
    if (data == NULL || op->cipher == NULL)
        return false;
    return is_ccm(op) ? init_ccm(vm, op, data, len, nonce, nonce_len)
                      : init_gcm(vm, op, data, len, nonce, nonce_len);
}

bool mm_api_aead_again(struct mm_api_op *op, const uint8_t *nonce, size_t nonce_len)
{
    if (is_ccm(op) || nonce_len != op->nonce_n || op->tag_n != 16)
        return false;
    op->started = op->final = false;
    op->fed = op->aad_n = 0;
    return EVP_CipherInit_ex2(op->cipher, NULL, NULL, nonce, -1, NULL) == 1;
}

/* GCM: 4, 8, 12 to 16 bytes; CCM: 4 to 16, even */
static bool tag_size_good(bool ccm, int n)
{
    if (n < 4 || n > 16)
        return false;
    return ccm ? n % 2 == 0 : n == 4 || n == 8 || n >= 12;
}

/* init(key, mode, nonceBuf, nonceOff, nonceLen, adataLen, messageLen, tagSize) */
enum mm_run mm_n_aead_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t alg = mm_vm_hidden(vm, args[0], MM_CIPHER_CLASS, 0);
    int mode = MM_ARG_BYTE(2), aad = MM_ARG_SHORT(6), text = MM_ARG_SHORT(7);
    const uint8_t *nonce;
    struct mm_api_op *op;
    bool ccm = MM_CIPHER_OF(alg) == MM_CIPHER_AES_CCM;
    enum mm_run run = mm_vm_bytes(vm, args[3], MM_ARG_SHORT(4), MM_ARG_SHORT(5), &nonce);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (!ccm) /* a mode that needs no lengths beforehand */
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    if (args[1] == MM_REF_NULL || !mm_api_key_ready(vm, args[1]))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if ((mode != MM_DECRYPT && mode != MM_ENCRYPT) || aad < 0 || text < 0 ||
        !tag_size_good(ccm, MM_ARG_SHORT(8)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op = mm_api_op_new(vm, args[0]);
    if (op == NULL || !mm_api_key_take(vm, op, args[1]))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->alg = alg;
    op->mode = (uint8_t)mode;
    op->tag_n = (uint8_t)MM_ARG_SHORT(8);
    op->aad_want = (size_t)aad;
    op->text_want = (size_t)text;
    if (mm_api_aead_init(vm, op, args[1], nonce, (size_t)MM_ARG_SHORT(5)))
        return MM_RUN_OK;
    mm_api_op_clear(op);
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
}

/* The operation, initialised; over: its message is. */
static enum mm_run op_of(struct mm_vm *vm, mm_ref ref, bool over, struct mm_api_op **op)
{
    *op = mm_api_op_find(vm, ref);
    if (*op == NULL || (*op)->alg == 0 || (!over && (*op)->final))
        return mm_api_throw_crypto(vm, MM_CRYPTO_INVALID_INIT);
    if (over && !(*op)->final)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (!mm_api_key_still_ready(vm, *op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    return MM_RUN_OK;
}

/* updateAAD(data, off, len): before the text */
enum mm_run mm_n_aead_update_aad(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3), n = 0;
    struct mm_api_op *op;
    const uint8_t *data;
    bool ok;
    enum mm_run run = op_of(vm, args[0], false, &op);

    (void)ret;
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK)
        return run;
    if (op->started)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (is_ccm(op) && op->aad_n + (size_t)len > op->aad_want)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (is_ccm(op))
        mm_buf_bytes(&op->held, data, (size_t)len);
    if (is_ccm(op))
        ok = !op->held.bad;
    else
        ok = len == 0 || EVP_CipherUpdate(op->cipher, NULL, &n, data, len) == 1;
    op->aad_n += (size_t)len;
    return ok ? MM_RUN_OK : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

/* The tag over what is held: associated data, then plain text. */
static bool ccm_tag(struct mm_vm *vm, struct mm_api_op *op)
{
    size_t len, text_n = op->held.len - op->aad_n;
    const uint8_t *key = mm_api_secret(vm, op->key, MM_KIND_AES, &len);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t *out = mm_api_scratch(vm, text_n + 16);
    uint8_t none = 0;
    int n = 0, nonce_len = 14 - op->iv[0];
    bool ok;

    ok = ctx != NULL && out != NULL && key != NULL &&
         EVP_EncryptInit_ex2(ctx, mm_api_cipher(vm, MM_EVP_AES_CCM, len), NULL, NULL, NULL) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, op->tag_n, NULL) == 1 &&
         EVP_EncryptInit_ex2(ctx, NULL, key, op->iv + 1, NULL) == 1 &&
         EVP_EncryptUpdate(ctx, NULL, &n, NULL, (int)text_n) == 1;
    if (ok && op->aad_n != 0)
        ok = EVP_EncryptUpdate(ctx, NULL, &n, op->held.data, (int)op->aad_n) == 1;
    ok = ok &&
         EVP_EncryptUpdate(ctx, out, &n, text_n != 0 ? op->held.data + op->aad_n : &none,
                           (int)text_n) == 1 &&
         EVP_EncryptFinal_ex(ctx, out, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, op->tag_n, op->tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (op->held.data != NULL)
        OPENSSL_cleanse(op->held.data, op->held.len);
    return ok;
}

static bool finish(struct mm_vm *vm, struct mm_api_op *op)
{
    uint8_t none[16];
    OSSL_PARAM tag[2] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, op->tag, op->tag_n),
        OSSL_PARAM_END};

    op->final = true;
    if (is_ccm(op))
        return ccm_tag(vm, op);
    if (op->mode == MM_DECRYPT) /* ends with verifyTag */
        return true;
    return EVP_Cipher(op->cipher, none, NULL, 0) == 0 &&
           EVP_CIPHER_CTX_get_params(op->cipher, tag) == 1;
}

/* As many bytes come out as go in. */
enum mm_run mm_api_aead_step(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args,
                             uint16_t *ret, bool final)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    uint8_t *out, *in_place;
    bool ok = true;
    enum mm_run run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), len);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK)
        return run;
    if (is_ccm(op) && (op->aad_n != op->aad_want || op->fed + (size_t)len > op->text_want ||
                       (final && op->fed + (size_t)len != op->text_want)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    in_place = mm_api_in_place(vm, args[4], args[5], &data, (size_t)len, (size_t)len, !is_ccm(op));
    out = in_place != NULL ? in_place : mm_api_scratch(vm, (size_t)len + 16);
    if (out == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->started = true;
    op->fed += (size_t)len;
    if (len != 0) /* a stream: there are no parts of blocks for EVP_CipherUpdate to look after */
        ok = EVP_Cipher(op->cipher, out, data, (unsigned)len) == len;
    if (ok && is_ccm(op)) {
        mm_buf_bytes(&op->held, op->mode == MM_ENCRYPT ? data : out, (size_t)len);
        ok = !op->held.bad;
    }
    if (ok && in_place == NULL)
        run = mm_api_put(vm, args[4], MM_ARG_SHORT(5), out, (size_t)len);
    if (in_place == NULL)
        OPENSSL_cleanse(out, (size_t)len);
    if (run == MM_RUN_OK && (!ok || (final && !finish(vm, op))))
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)len;
    return run;
}

/* retrieveTag(buf, off, len) */
enum mm_run mm_n_aead_retrieve_tag(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3);
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args[0], true, &op);

    if (run != MM_RUN_OK)
        return run;
    if (op->mode != MM_ENCRYPT)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (len > op->tag_n || !tag_size_good(is_ccm(op), len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), op->tag, (size_t)len);
}

/* verifyTag(receivedTag, off, receivedLen, requiredLen) */
enum mm_run mm_n_aead_verify_tag(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3), required = MM_ARG_SHORT(4), n = 0;
    const uint8_t *tag;
    uint8_t copy[16], none[16];
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args[0], true, &op);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &tag);
    if (run != MM_RUN_OK)
        return run;
    if (op->mode != MM_DECRYPT)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (len < required || len > 16 || !tag_size_good(is_ccm(op), required) || required > op->tag_n)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    memcpy(copy, tag, (size_t)required);
    if (is_ccm(op))
        ret[0] = CRYPTO_memcmp(copy, op->tag, (size_t)required) == 0;
    else
        ret[0] = EVP_CIPHER_CTX_ctrl(op->cipher, EVP_CTRL_AEAD_SET_TAG, required, copy) == 1 &&
                 EVP_DecryptFinal_ex(op->cipher, none, &n) == 1;
    mm_api_op_clear(op); /* a second guess needs the text again */
    return MM_RUN_OK;
}
