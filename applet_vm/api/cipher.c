/* javacardx.crypto.Cipher: what there is, and the block ciphers DES, AES, SEED. */
#include "applet_vm/api/cipher_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define PAIR(cipher, padding) ((uint16_t)((cipher) << 8 | (padding)))
#define BLOCK_MAX             16
#define KEPT_CLASS            "mintmark/Cipher"

/* Cipher.ALG_... and the cipher and padding it stands for. Not here: RSA with ISO 14888 and ISO 9796
 * (docs/conformance.md), AES with blocks of 192 and 256 bits. */
static const struct alg {
    int8_t alg;
    uint8_t cipher, padding;
} algs[] = {
    {1, MM_CIPHER_DES_CBC, MM_PAD_NOPAD},   {2, MM_CIPHER_DES_CBC, MM_PAD_M1},
    {3, MM_CIPHER_DES_CBC, MM_PAD_M2},      {4, MM_CIPHER_DES_CBC, MM_PAD_PKCS5},
    {5, MM_CIPHER_DES_ECB, MM_PAD_NOPAD},   {6, MM_CIPHER_DES_ECB, MM_PAD_M1},
    {7, MM_CIPHER_DES_ECB, MM_PAD_M2},      {8, MM_CIPHER_DES_ECB, MM_PAD_PKCS5},
    {10, MM_CIPHER_RSA, MM_PAD_PKCS1},      {12, MM_CIPHER_RSA, MM_PAD_NOPAD},
    {13, MM_CIPHER_AES_CBC, MM_PAD_NOPAD},  {14, MM_CIPHER_AES_ECB, MM_PAD_NOPAD},
    {15, MM_CIPHER_RSA, MM_PAD_OAEP},       {16, MM_CIPHER_SEED_ECB, MM_PAD_NOPAD},
    {17, MM_CIPHER_SEED_CBC, MM_PAD_NOPAD}, {22, MM_CIPHER_AES_CBC, MM_PAD_M1},
    {23, MM_CIPHER_AES_CBC, MM_PAD_M2},     {24, MM_CIPHER_AES_CBC, MM_PAD_PKCS5},
    {25, MM_CIPHER_AES_ECB, MM_PAD_M1},     {26, MM_CIPHER_AES_ECB, MM_PAD_M2},
    {27, MM_CIPHER_AES_ECB, MM_PAD_PKCS5},  {-16, MM_CIPHER_AES_CTR, MM_PAD_NOPAD},
    {-13, MM_CIPHER_AES_GCM, MM_PAD_NULL},  {-12, MM_CIPHER_AES_CCM, MM_PAD_NULL},
};

/* Block ciphers: kind of key, OpenSSL's algorithm, block (0: it is none), whether they chain with an
 * IV. */
static const struct mode {
    uint8_t kind;
    enum mm_api_cipher_id id;
    uint8_t block;
    bool iv;
} modes[] = {
    [MM_CIPHER_AES_CBC] = {MM_KIND_AES, MM_EVP_AES_CBC, 16, true},
    [MM_CIPHER_AES_ECB] = {MM_KIND_AES, MM_EVP_AES_ECB, 16, false},
    [MM_CIPHER_AES_CTR] = {MM_KIND_AES, MM_EVP_AES_CTR, 1, true},
    [MM_CIPHER_DES_CBC] = {MM_KIND_DES, MM_EVP_DES_CBC, 8, true},
    [MM_CIPHER_DES_ECB] = {MM_KIND_DES, MM_EVP_DES_ECB, 8, false},
    [MM_CIPHER_SEED_CBC] = {MM_KIND_SEED, MM_EVP_SEED_CBC, 16, true},
    [MM_CIPHER_SEED_ECB] = {MM_KIND_SEED, MM_EVP_SEED_ECB, 16, false},
};

static const struct mode *mode_of(uint8_t cipher)
{
    return cipher < sizeof(modes) / sizeof(modes[0]) && modes[cipher].block != 0 ? &modes[cipher]
                                                                                 : NULL;
}

static uint16_t alg_of(struct mm_vm *vm, mm_ref ref)
{
    return mm_vm_hidden(vm, ref, MM_CIPHER_CLASS, 0);
}

/* ---- getInstance, OneShot.open ---- */

static bool is_aead(uint8_t cipher)
{
    return cipher == MM_CIPHER_AES_GCM || cipher == MM_CIPHER_AES_CCM;
}

static bool combination(struct mm_vm *vm, uint8_t cipher, uint8_t padding)
{
    const struct mode *mode = mode_of(cipher);

    if (is_aead(cipher))
        return padding == MM_PAD_NULL || padding == MM_PAD_NOPAD;
    if (cipher == MM_CIPHER_RSA)
        return padding == MM_PAD_NOPAD || padding == MM_PAD_PKCS1 || padding == MM_PAD_OAEP ||
               (padding >= MM_PAD_OAEP_SHA224 && padding <= MM_PAD_OAEP_SHA224 + 7);
    if (mode == NULL)
        return false;
    if (mode->kind == MM_KIND_SEED) /* only where OpenSSL's legacy provider is installed */
        return padding == MM_PAD_NOPAD && mm_api_cipher(vm, mode->id, 16) != NULL;
    if (mode->block == 1)
        return padding == MM_PAD_NOPAD;
    return padding == MM_PAD_NOPAD || padding == MM_PAD_M1 || padding == MM_PAD_M2 ||
           padding == MM_PAD_PKCS5;
}

static enum mm_run get_instance(struct mm_vm *vm, uint8_t cipher, uint8_t padding, uint16_t *ret)
{
    if (!combination(vm, cipher, padding))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, is_aead(cipher) ? "mintmark/AeadCipher" : KEPT_CLASS,
                                MM_CIPHER_CLASS, PAIR(cipher, padding), ret);
}

enum mm_run mm_n_cipher_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (algs[i].alg == MM_ARG_BYTE(0))
            return get_instance(vm, algs[i].cipher, algs[i].padding, ret);
    }
    return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
}

/* getInstance(cipherAlgorithm, paddingAlgorithm, externalAccess) */
enum mm_run mm_n_cipher_get_instance_parts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return get_instance(vm, (uint8_t)args[0], (uint8_t)args[1], ret);
}

enum mm_run mm_n_cipher_open(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t cipher = (uint8_t)args[0], padding = (uint8_t)args[1];

    if (!combination(vm, cipher, padding) || is_aead(cipher))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_one_shot_open(vm, "javacardx/crypto/Cipher$OneShot", MM_CIPHER_CLASS,
                                PAIR(cipher, padding), ret);
}

enum mm_run mm_n_cipher_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t alg = alg_of(vm, args[0]);

    ret[0] = 0; /* no constant for this pair */
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        if (PAIR(algs[i].cipher, algs[i].padding) == alg)
            ret[0] = (uint16_t)algs[i].alg;
    }
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_get_cipher_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = (uint16_t)(int8_t)MM_CIPHER_OF(alg_of(vm, args[0]));
    return MM_RUN_OK;
}

enum mm_run mm_n_cipher_get_padding_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = MM_PADDING_OF(alg_of(vm, args[0]));
    return MM_RUN_OK;
}

/* ---- init ---- */

const uint8_t *mm_api_block_key(struct mm_vm *vm, mm_ref key, enum mm_key_kind kind, uint8_t *buf,
                                size_t *len)
{
    const uint8_t *data = mm_api_secret(vm, key, kind, len);

    if (data == NULL || kind != MM_KIND_DES || *len == 24)
        return data;
    memcpy(buf, data, 8);
    memcpy(buf + 8, data + (*len == 16 ? 8 : 0), 8);
    memcpy(buf + 16, data, 8);
    *len = 24;
    return buf;
}

/* OpenSSL's own padding is off where it would act: EVP_CipherFinal is never called, so that is only
 * deciphering in blocks, of which it would keep the last one. Off, it costs a call at each new IV. */
static bool pad_off(struct mm_api_op *op)
{
    return op->mode == MM_ENCRYPT || op->block == 1 ||
           EVP_CIPHER_CTX_set_padding(op->cipher, 0) == 1;
}

static bool init_block(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *iv,
                       size_t iv_len)
{
    static const uint8_t zero[BLOCK_MAX];
    const struct mode *mode = mode_of(MM_CIPHER_OF(op->alg));
    uint8_t buf[32];
    const uint8_t *data;
    size_t len;
    bool ok;

    if (mode == NULL || (iv != NULL && (!mode->iv || iv_len != (mode->block == 8 ? 8 : 16))))
        return false;
    data = mm_api_block_key(vm, key, (enum mm_key_kind)mode->kind, buf, &len);
    op->block = mode->block;
    op->chained = mode->iv;
    op->cipher = EVP_CIPHER_CTX_new();
    ok = data != NULL && op->cipher != NULL &&
         EVP_CipherInit_ex2(op->cipher, mm_api_cipher(vm, mode->id, len), data,
                            iv != NULL ? iv : zero, op->mode == MM_ENCRYPT, NULL) == 1 &&
         pad_off(op);
    OPENSSL_cleanse(buf, sizeof(buf));
    return ok;
}

/* The key schedule of the last init, when it was the same but for the IV. */
static bool init_again(struct mm_vm *vm, struct mm_api_op *op, mm_ref key, const uint8_t *iv,
                       size_t iv_len)
{
    static const uint8_t zero[BLOCK_MAX];
    const struct mode *mode = mode_of(MM_CIPHER_OF(op->alg));

    if (op->cipher == NULL || !mm_api_key_same(vm, op, key) || !mm_api_key_still_ready(vm, op))
        return false;
    if (mode == NULL)
        return iv != NULL && mm_api_aead_again(op, iv, iv_len);
    if (iv != NULL && (!mode->iv || iv_len != (mode->block == 8 ? 8 : 16)))
        return false;
    op->fed = 0;
    op->last_full = op->rewind = false;
    return EVP_CipherInit_ex2(op->cipher, NULL, NULL, iv != NULL ? iv : zero, -1, NULL) == 1;
}

static enum mm_run begin(struct mm_vm *vm, mm_ref ref, mm_ref key, int mode, const uint8_t *iv,
                         size_t iv_len)
{
    struct mm_api_op *op;
    uint16_t alg = alg_of(vm, ref);
    bool ok;

    if (alg == 0) /* a OneShot that was closed */
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (key == MM_REF_NULL || !mm_api_key_ready(vm, key))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (mode != MM_DECRYPT && mode != MM_ENCRYPT)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    op = mm_api_op_new(vm, ref);
    if (op == NULL || !mm_api_key_take(vm, op, key))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->alg = alg;
    op->mode = (uint8_t)mode;
    if (is_aead(MM_CIPHER_OF(alg)))
        ok = MM_CIPHER_OF(alg) == MM_CIPHER_AES_GCM && iv != NULL &&
             mm_api_aead_init(vm, op, key, iv, iv_len);
    else if (MM_CIPHER_OF(alg) == MM_CIPHER_RSA)
        ok = iv == NULL && mm_api_rsa_init(vm, op, key);
    else
        ok = init_block(vm, op, key, iv, iv_len);
    if (ok)
        return MM_RUN_OK;
    mm_api_op_clear(op);
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
}

/* AEAD's nonce serves one message: there is nothing to go back to. */
static enum mm_run keep(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *iv, size_t iv_len)
{
    return is_aead(MM_CIPHER_OF(op->alg)) ? MM_RUN_OK : mm_api_keep(vm, op, KEPT_CLASS, iv, iv_len);
}

static enum mm_run init(struct mm_vm *vm, const uint16_t *args, const uint8_t *iv, size_t iv_len)
{
    int mode = MM_ARG_BYTE(2);
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);
    enum mm_run run;

    if (op != NULL && op->alg != 0 && op->mode == mode && init_again(vm, op, args[1], iv, iv_len))
        return keep(vm, op, iv, iv_len);
    run = begin(vm, args[0], args[1], mode, iv, iv_len);
    return run == MM_RUN_OK ? keep(vm, mm_api_op_find(vm, args[0]), iv, iv_len) : run;
}

/* The Cipher's operation; NULL: it was never initialised. After a card reset it is made again. */
static enum mm_run find(struct mm_vm *vm, mm_ref ref, struct mm_api_op **op)
{
    return mm_api_kept_op(vm, ref, KEPT_CLASS, begin, op);
}

enum mm_run mm_n_cipher_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return init(vm, args, NULL, 0);
}

enum mm_run mm_n_cipher_init_iv(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *iv;
    enum mm_run run = mm_vm_bytes(vm, args[3], MM_ARG_SHORT(4), MM_ARG_SHORT(5), &iv);

    (void)ret;
    return run == MM_RUN_OK ? init(vm, args, iv, (size_t)MM_ARG_SHORT(5)) : run;
}

/* ---- update, doFinal ---- */

/* Bytes of an unfinished block, len bytes on; blocks are powers of two. */
static size_t partial(const struct mm_api_op *op, size_t len)
{
    return (op->fed + len) & ((size_t)op->block - 1);
}

/* Whether a block is kept back, because it may turn out to be padding. */
static bool keeps_back(const struct mm_api_op *op)
{
    return op->mode == MM_DECRYPT &&
           (MM_PADDING_OF(op->alg) == MM_PAD_M2 || MM_PADDING_OF(op->alg) == MM_PAD_PKCS5);
}

/* Whole blocks, none of them waiting in the context, go to the algorithm itself; EVP_CipherUpdate would
 * look after parts of blocks first. Both leave the same chaining value behind. */
static bool run_cipher(struct mm_api_op *op, const uint8_t *data, size_t len, uint8_t *out, int *n)
{
    if (partial(op, 0) == 0 && partial(op, len) == 0)
        return (*n = EVP_Cipher(op->cipher, out, data, (unsigned)len)) == (int)len;
    return EVP_CipherUpdate(op->cipher, out, n, data, (int)len) == 1;
}

/* The IV of zeros that the last message left to this one. */
static bool rewind_iv(struct mm_api_op *op)
{
    static const uint8_t zero[BLOCK_MAX];

    if (op->rewind && EVP_CipherInit_ex2(op->cipher, NULL, NULL, zero, -1, NULL) != 1)
        return false;
    op->rewind = false;
    return true;
}

/* Whole blocks without padding, as most messages and their parts are: as many bytes come out. */
static bool is_whole(const struct mm_api_op *op, size_t len)
{
    return len != 0 && MM_PADDING_OF(op->alg) == MM_PAD_NOPAD && partial(op, 0) == 0 &&
           partial(op, len) == 0;
}

static bool run_whole(struct mm_api_op *op, const uint8_t *data, size_t len, uint8_t *out)
{
    op->fed += len;
    return rewind_iv(op) && EVP_Cipher(op->cipher, out, data, (unsigned)len) == (int)len;
}

/* Through the cipher into out, which has room; false: OpenSSL refused. */
static bool run_blocks(struct mm_api_op *op, const uint8_t *data, size_t len, uint8_t *out,
                       size_t *out_len, bool final)
{
    uint8_t pad[BLOCK_MAX];
    int n = 0;

    *out_len = 0;
    if (!rewind_iv(op))
        return false;
    if (op->last_full) {
        memcpy(out, op->last, op->block);
        *out_len = op->block;
    }
    if (len != 0 && !run_cipher(op, data, len, out + *out_len, &n))
        return false;
    *out_len += (size_t)n;
    if (final && op->mode == MM_ENCRYPT && MM_PADDING_OF(op->alg) != MM_PAD_NOPAD) {
        size_t pad_n = mm_api_pad(MM_PADDING_OF(op->alg), op->fed + len, op->block, pad);
        if (op->fed + len == 0 && MM_PADDING_OF(op->alg) == MM_PAD_M1)
            pad_n = 0;
        if (pad_n != 0 && EVP_CipherUpdate(op->cipher, out + *out_len, &n, pad, (int)pad_n) != 1)
            return false;
        *out_len += pad_n != 0 ? (size_t)n : 0;
    }
    op->last_full = !final && keeps_back(op) && *out_len != 0;
    if (op->last_full) {
        *out_len -= op->block;
        memcpy(op->last, out + *out_len, op->block);
    }
    op->fed += len;
    return true;
}

/* What the call will write, when that is known before: a refused call must change nothing. */
static size_t output_len(const struct mm_api_op *op, size_t len, bool final)
{
    size_t total = partial(op, 0) + len;
    uint8_t pad[BLOCK_MAX];

    if (keeps_back(op))
        return 0;
    if (final && op->mode == MM_ENCRYPT && op->fed + len != 0 &&
        MM_PADDING_OF(op->alg) != MM_PAD_NOPAD)
        total += mm_api_pad(MM_PADDING_OF(op->alg), op->fed + len, op->block, pad);
    return total & ~((size_t)op->block - 1);
}

/* A message's bytes through the block cipher into *out, a buffer of the API's own that the caller
 * wipes; at the end without the padding. NO_MEMORY, or another status: they do not fit the algorithm. */
static enum mm_status through(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *data,
                              size_t len, bool final, uint8_t **out, size_t *out_len)
{
    size_t pad;

    *out = NULL;
    *out_len = 0;
    if (final && (op->mode == MM_DECRYPT || MM_PADDING_OF(op->alg) == MM_PAD_NOPAD) &&
        partial(op, len) != 0)
        return MM_MALFORMED;
    if ((*out = mm_api_scratch(vm, len + 3 * BLOCK_MAX)) == NULL)
        return MM_NO_MEMORY;
    if (!run_blocks(op, data, len, *out, out_len, final))
        return MM_CRYPTO;
    if (!final || op->mode != MM_DECRYPT)
        return MM_OK;
    pad = mm_api_pad_found(MM_PADDING_OF(op->alg), *out, *out_len, op->block);
    if (pad > op->block)
        return MM_MALFORMED;
    *out_len -= pad;
    return MM_OK;
}

/* The message, of which out_len bytes come out, into the applet's array itself. */
static enum mm_run step_in_place(struct mm_vm *vm, struct mm_api_op *op, const uint8_t *data,
                                 size_t len, bool final, uint8_t *out, uint16_t *ret)
{
    size_t out_len;

    if (final && MM_PADDING_OF(op->alg) == MM_PAD_NOPAD && partial(op, len) != 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (!run_blocks(op, data, len, out, &out_len, final))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)out_len;
    return MM_RUN_OK;
}

/* Parts of blocks, padding, or arrays that are not volatile. Not inlined: it would make the short way
 * through step_block longer. */
static enum mm_run __attribute__((noinline))
step_other(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args, const uint8_t *data,
           bool final, uint16_t *ret)
{
    size_t len = (size_t)MM_ARG_SHORT(3), out_len = output_len(op, len, final);
    uint8_t *out;
    enum mm_status st;
    enum mm_run run;

    if ((op->mode == MM_ENCRYPT || MM_PADDING_OF(op->alg) == MM_PAD_NOPAD) && !keeps_back(op) &&
        !op->last_full &&
        (out = mm_api_in_place(vm, args[4], args[5], &data, len, out_len, partial(op, 0) == 0)) !=
            NULL)
        return step_in_place(vm, op, data, len, final, out, ret);
    st = through(vm, op, data, len, final, &out, &out_len);
    if (st == MM_NO_MEMORY)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    run = st == MM_OK ? mm_api_put(vm, args[4], MM_ARG_SHORT(5), out, out_len)
                      : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)out_len;
    if (out != NULL)
        OPENSSL_cleanse(out, len + 3 * BLOCK_MAX);
    return run;
}

static enum mm_run step_block(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args,
                              uint16_t *ret, bool final)
{
    size_t len = (size_t)MM_ARG_SHORT(3);
    bool whole = is_whole(op, len);
    size_t out_len = whole ? len : output_len(op, len, final);
    const uint8_t *data;
    uint8_t *out;
    enum mm_run run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), (int32_t)out_len);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);
    if (run != MM_RUN_OK)
        return run;
    if (!whole || (out = mm_api_in_place(vm, args[4], args[5], &data, len, len, true)) == NULL)
        return step_other(vm, op, args, data, final, ret);
    ret[0] = (uint16_t)len;
    return run_whole(op, data, len, out) ? MM_RUN_OK
                                         : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

/* Afterwards as after init, but the IV is zero (Cipher.doFinal); the context gets it when a message
 * comes, as most come after an init with an IV of their own. */
static void restart(struct mm_api_op *op)
{
    op->fed = 0;
    op->last_full = false;
    op->rewind = op->chained;
}

static enum mm_run op_of(struct mm_vm *vm, const uint16_t *args, struct mm_api_op **op)
{
    enum mm_run run = find(vm, args[0], op);

    if (run != MM_RUN_OK)
        return run;
    if (*op == NULL || (*op)->alg == 0 || (*op)->final) /* a OneShot that was closed: ILLEGAL_USE */
        return mm_api_throw_crypto(vm, alg_of(vm, args[0]) == 0 ? MM_CRYPTO_ILLEGAL_USE
                                                                : MM_CRYPTO_INVALID_INIT);
    if (!mm_api_key_still_ready(vm, *op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    if (MM_ARG_SHORT(3) < 0)
        return mm_vm_throw(vm, "java/lang/ArrayIndexOutOfBoundsException", 0);
    return MM_RUN_OK;
}

/* Input of RSA waits until it is whole; more than the modulus has is refused. */
static enum mm_run hold_rsa(struct mm_vm *vm, struct mm_api_op *op, const uint16_t *args)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);

    if (run != MM_RUN_OK)
        return run;
    if (op->held.len + (size_t)MM_ARG_SHORT(3) > mm_api_rsa_size(vm, op))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    mm_buf_bytes(&op->held, data, (size_t)MM_ARG_SHORT(3));
    return !op->held.bad ? MM_RUN_OK : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
}

enum mm_run mm_n_cipher_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args, &op);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = 0;
    if (is_aead(MM_CIPHER_OF(op->alg)))
        return mm_api_aead_step(vm, op, args, ret, false);
    if (MM_CIPHER_OF(op->alg) == MM_CIPHER_RSA)
        return hold_rsa(vm, op, args);
    return step_block(vm, op, args, ret, false);
}

enum mm_run mm_n_cipher_do_final(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = op_of(vm, args, &op);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = 0;
    if (is_aead(MM_CIPHER_OF(op->alg)))
        return mm_api_aead_step(vm, op, args, ret, true);
    if (MM_CIPHER_OF(op->alg) == MM_CIPHER_RSA) {
        run = hold_rsa(vm, op, args);
        return run == MM_RUN_OK ? mm_api_rsa_final(vm, op, args[4], MM_ARG_SHORT(5), ret) : run;
    }
    run = step_block(vm, op, args, ret, true);
    if (run == MM_RUN_OK)
        restart(op);
    return run;
}

/* ---- For KeyEncryption ---- */

/* The operation of a Cipher that can decipher keys: not AEAD, and no object of another class. */
static struct mm_api_op *key_cipher(struct mm_vm *vm, mm_ref cipher)
{
    struct mm_api_op *op;

    if (find(vm, cipher, &op) != MM_RUN_OK || op == NULL || op->alg == 0 ||
        op->alg != alg_of(vm, cipher) || is_aead(MM_CIPHER_OF(op->alg)))
        return NULL;
    return op;
}

size_t mm_api_cipher_input_len(struct mm_vm *vm, mm_ref cipher, size_t len)
{
    struct mm_api_op *op = key_cipher(vm, cipher);
    uint8_t pad[BLOCK_MAX];

    if (op == NULL)
        return len; /* refused when it is to decipher */
    if (MM_CIPHER_OF(op->alg) == MM_CIPHER_RSA)
        return (size_t)EVP_PKEY_get_size(op->pkey);
    return len + mm_api_pad(MM_PADDING_OF(op->alg), len, op->block, pad);
}

bool mm_api_cipher_decipher(struct mm_vm *vm, mm_ref cipher, const uint8_t *data, size_t len,
                            uint8_t **out, size_t *out_len)
{
    struct mm_api_op *op = key_cipher(vm, cipher);
    bool ok;

    if (op == NULL || op->mode != MM_DECRYPT || !mm_api_key_still_ready(vm, op))
        return false;
    if (MM_CIPHER_OF(op->alg) != MM_CIPHER_RSA) {
        ok = through(vm, op, data, len, true, out, out_len) == MM_OK;
        restart(op);
        if (!ok && *out != NULL)
            OPENSSL_cleanse(*out, len + 3 * BLOCK_MAX);
        return ok;
    }
    mm_buf_bytes(&op->held, data, len);
    *out = mm_api_scratch(vm, MM_KEY_PART_MAX);
    return *out != NULL && !op->held.bad && mm_api_rsa_apply(vm, op, *out, out_len);
}
