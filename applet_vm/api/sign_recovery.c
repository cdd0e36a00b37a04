/*
 * ISO 9796-2, digital signature scheme 1 with the implicit trailer, behind Signature (the whole
 * message is there at verification) and SignatureMessageRecovery (its beginning is in the signature).
 *
 * The representative is as long as the modulus:
 *
 *   | 4 or 6, then B | BB ... BA | recoverable part | hash | BC |
 *
 * The first digit is 6 when a part of the message is left outside; the digit before the recoverable
 * part is A, the others of the padding are B. Signing gives the bare power (as EMV wants it), not the
 * smaller one of it and its complement; verifying takes both.
 */
#include "applet_vm/api/sign_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <string.h>

#define TRAILER 0xBC

bool mm_api_recovery_is(uint16_t alg)
{
    return MM_SIG_PADDING(alg) == MM_PAD_ISO9796 || MM_SIG_PADDING(alg) == MM_PAD_ISO9796_MR;
}

/* Only a modulus of whole bytes: of another the representative would not start at a digit. */
bool mm_api_recovery_init(struct mm_api_op *op)
{
    bool sign = op->mode == MM_SIGN;

    return EVP_PKEY_get_bits(op->pkey) % 8 == 0 &&
           (sign ? EVP_PKEY_decrypt_init(op->pctx) : EVP_PKEY_encrypt_init(op->pctx)) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(op->pctx, RSA_NO_PADDING) == 1;
}

static size_t hash_len(const struct mm_api_op *op)
{
    return mm_api_md_len(MM_SIG_DIGEST(op->alg));
}

/* Message bytes that fit into the representative: all but first digits, hash and trailer. */
static size_t capacity(const struct mm_api_op *op)
{
    size_t taken = 1 + hash_len(op) + 1, size = (size_t)EVP_PKEY_get_size(op->pkey);

    return size > taken ? size - taken : 0;
}

bool mm_api_recovery_feed(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    size_t room = capacity(op) > op->held.len ? capacity(op) - op->held.len : 0;

    op->fed += len;
    if (!op->started) /* with beginVerify, held is the hash to find */
        mm_buf_bytes(&op->held, data, len < room ? len : room);
    return !op->held.bad;
}

void mm_api_recovery_restart(struct mm_api_op *op)
{
    if (op->held.data != NULL)
        OPENSSL_cleanse(op->held.data, op->held.len);
    op->held.len = 0;
    op->fed = 0;
    op->started = false;
}

bool mm_api_recovery_sign(struct mm_api_op *op, const uint8_t *hash, uint8_t *sig, size_t *len,
                          size_t *recoverable)
{
    size_t size = (size_t)EVP_PKEY_get_size(op->pkey), h = hash_len(op), m = op->held.len;
    size_t start = size - 1 - h - m;
    uint8_t block[MM_SIGN_MAX];
    bool ok;

    if (capacity(op) == 0 || size > sizeof(block))
        return false;
    memset(block, 0xBB, start);
    block[start - 1] = 0xBA;
    block[0] = (uint8_t)((op->fed > m ? 0x60 : 0x40) | (block[0] & 0x0F));
    if (m != 0)
        memcpy(block + start, op->held.data, m);
    memcpy(block + start + m, hash, h);
    block[size - 1] = TRAILER;
    *recoverable = m;
    *len = MM_SIGN_MAX;
    ok = EVP_PKEY_decrypt(op->pctx, sig, len, block, size) == 1;
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

/* ---- Opening a signature ---- */

struct opened {
    uint8_t block[MM_SIGN_MAX];
    const uint8_t *message, *hash; /* in block */
    size_t message_len;
    bool partial;
};

/* n - block: what the signer of the standard may have signed instead. */
static bool complement(const struct mm_api_op *op, uint8_t *block, size_t size)
{
    BIGNUM *n = NULL, *b = BN_bin2bn(block, (int)size, NULL);
    bool ok = b != NULL && EVP_PKEY_get_bn_param(op->pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              BN_sub(b, n, b) == 1 && BN_bn2binpad(b, block, (int)size) == (int)size;

    BN_free(n);
    BN_free(b);
    return ok;
}

static bool open_block(struct mm_api_op *op, const uint8_t *sig, size_t sig_len, struct opened *out)
{
    size_t size = (size_t)EVP_PKEY_get_size(op->pkey), len = sizeof(out->block), at = 0;
    size_t end = size - 1 - hash_len(op);

    if (capacity(op) == 0 || sig_len != size ||
        EVP_PKEY_encrypt(op->pctx, out->block, &len, sig, size) != 1)
        return false;
    if ((out->block[size - 1] & 0x0F) != (TRAILER & 0x0F) && !complement(op, out->block, size))
        return false;
    if (out->block[size - 1] != TRAILER || (out->block[0] & 0xD0) != 0x40)
        return false;
    while (at < end && (out->block[at] & 0x0F) == 0x0B && (at == 0 || out->block[at] == 0xBB))
        at++;
    if (at == end || (at == 0 ? out->block[0] & 0x0F : out->block[at]) != (at == 0 ? 0x0A : 0xBA))
        return false;
    out->partial = (out->block[0] & 0x20) != 0;
    out->message = out->block + at + 1;
    out->message_len = end - at - 1;
    out->hash = out->block + end;
    return true;
}

bool mm_api_recovery_verify(struct mm_api_op *op, const uint8_t *hash, const uint8_t *sig,
                            size_t len)
{
    struct opened o;

    return open_block(op, sig, len, &o) && CRYPTO_memcmp(o.hash, hash, hash_len(op)) == 0 &&
           (o.partial ? op->fed > o.message_len : op->fed == o.message_len) &&
           op->held.len >= o.message_len &&
           (o.message_len == 0 || memcmp(o.message, op->held.data, o.message_len) == 0);
}

/* ---- SignatureMessageRecovery ---- */

/* beginVerify(sigAndRecDataBuff, buffOffset, sigLength): what was recovered overwrites the signature */
enum mm_run mm_n_recovery_begin_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    struct opened o;
    const uint8_t *sig;
    enum mm_run run = mm_api_sign_op(vm, args[0], 0, &op);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &sig);
    if (run != MM_RUN_OK)
        return run;
    if (op->mode != MM_VERIFY || !open_block(op, sig, (size_t)MM_ARG_SHORT(3), &o) ||
        !mm_api_hash_again(op) || !mm_api_hash_update(op, o.message, o.message_len))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    mm_api_recovery_restart(op);
    mm_buf_bytes(&op->held, o.hash, hash_len(op));
    if (op->held.bad)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->started = true;
    ret[0] = (uint16_t)o.message_len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), o.message, o.message_len);
}

enum mm_run mm_n_recovery_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], 0, &op);

    (void)ret;
    if (run == MM_RUN_OK && op->mode == MM_VERIFY && !op->started)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    return run == MM_RUN_OK ? mm_api_sign_feed(vm, op, args) : run;
}

/* sign(inBuff, inOffset, inLength, sigBuff, sigOffset, recMsgLen, recMsgLenOffset) */
enum mm_run mm_n_recovery_sign(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t sig[MM_SIGN_MAX], hash[EVP_MAX_MD_SIZE];
    uint16_t told;
    size_t len = 0, recoverable = 0;
    unsigned n = 0;
    struct mm_api_op *op;
    const uint8_t *unused;
    bool ok;
    enum mm_run run = mm_api_sign_op(vm, args[0], MM_SIGN, &op);

    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, args[6], MM_TYPE_SHORT_ARRAY, MM_ARG_SHORT(7), 1, &unused);
    if (run == MM_RUN_OK)
        run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), EVP_PKEY_get_size(op->pkey));
    if (run == MM_RUN_OK)
        run = mm_api_sign_feed(vm, op, args);
    if (run != MM_RUN_OK)
        return run;
    ok = mm_api_sign_hash(op, hash, &n) && mm_api_recovery_sign(op, hash, sig, &len, &recoverable);
    mm_api_recovery_restart(op);
    if (!ok)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    run = mm_api_put(vm, args[4], MM_ARG_SHORT(5), sig, len);
    told = (uint16_t)recoverable;
    ret[0] = (uint16_t)len;
    return run == MM_RUN_OK ? mm_vm_array_write(vm, args[6], args[7], &told, 1, true) : run;
}

/* verify(inBuff, inOffset, inLength), after beginVerify */
enum mm_run mm_n_recovery_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    struct mm_api_op *op;
    enum mm_run run = mm_api_sign_op(vm, args[0], MM_VERIFY, &op);

    if (run == MM_RUN_OK && !op->started)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    if (run == MM_RUN_OK)
        run = mm_api_sign_feed(vm, op, args);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = mm_api_sign_hash(op, hash, &n) && n == op->held.len &&
             CRYPTO_memcmp(hash, op->held.data, n) == 0;
    mm_api_recovery_restart(op);
    return MM_RUN_OK;
}
