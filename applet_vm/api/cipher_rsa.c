/*
 * RSA behind Cipher. A private key enciphers with block type 1 and a public one deciphers it
 * (PKCS #1 v1.5); without padding both keys only raise to their exponent.
 */
#include "applet_vm/api/cipher_int.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>

static unsigned oaep_digest(uint8_t padding)
{
    static const uint8_t digests[] = {7, 4, 5, 6, 8, 9, 10, 11}; /* SHA-224 ... SHA3-512 */

    return padding == MM_PAD_OAEP ? 1 : digests[padding - MM_PAD_OAEP_SHA224];
}

static bool start(struct mm_vm *vm, struct mm_api_op *op, bool private_key)
{
    uint8_t padding = MM_PADDING_OF(op->alg);
    bool encrypt = op->mode == MM_ENCRYPT;

    if (padding == MM_PAD_NOPAD)
        return (private_key ? EVP_PKEY_decrypt_init(op->pctx) : EVP_PKEY_encrypt_init(op->pctx)) ==
                   1 &&
               EVP_PKEY_CTX_set_rsa_padding(op->pctx, RSA_NO_PADDING) == 1;
    if (padding != MM_PAD_PKCS1) {
        EVP_MD *md = mm_api_md(vm, oaep_digest(padding));
        return encrypt != private_key && md != NULL &&
               (encrypt ? EVP_PKEY_encrypt_init(op->pctx) : EVP_PKEY_decrypt_init(op->pctx)) == 1 &&
               EVP_PKEY_CTX_set_rsa_padding(op->pctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(op->pctx, md) == 1;
    }
    if (encrypt)
        return (private_key ? EVP_PKEY_sign_init(op->pctx) : EVP_PKEY_encrypt_init(op->pctx)) == 1;
    return (private_key ? EVP_PKEY_decrypt_init(op->pctx)
                        : EVP_PKEY_verify_recover_init(op->pctx)) == 1;
}

/* Applets use a key without padding to compute a power modulo any number, with exponents that no
 * RSA key has; OpenSSL's RSA refuses these, its big numbers don't. */
static bool bare(const struct mm_api_op *op, enum mm_key_kind kind)
{
    return MM_PADDING_OF(op->alg) == MM_PAD_NOPAD && kind != MM_KIND_RSA_CRT;
}

bool mm_api_rsa_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key)
{
    enum mm_key_kind kind = mm_api_key_kind(vm, key);

    if (!mm_api_kind_rsa(kind))
        return false;
    if (bare(op, kind))
        return mm_api_key_ready(vm, key);
    op->pkey = mm_api_pkey(vm, key, false);
    op->pctx = op->pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, op->pkey, NULL) : NULL;
    return op->pctx != NULL && start(vm, op, mm_api_kind_private(kind));
}

size_t mm_api_rsa_size(struct mm_vm *vm, const struct mm_api_op *op)
{
    return op->pkey != NULL ? (size_t)EVP_PKEY_get_size(op->pkey)
                            : (mm_api_key_bits(vm, op->key) + 7) / 8;
}

/* out = in ^ exponent mod modulus, as long as the key. */
static bool raise(struct mm_vm *vm, const struct mm_api_op *op, uint8_t *out, size_t out_len)
{
    size_t n_len, e_len;
    const uint8_t *n_bytes = mm_api_key_part(vm, op->key, MM_RSA_MODULUS, &n_len);
    const uint8_t *e_bytes = mm_api_key_part(vm, op->key, MM_RSA_EXPONENT, &e_len);
    BN_CTX *ctx = BN_CTX_secure_new();
    BIGNUM *x = BN_secure_new(), *n = BN_secure_new(), *e = BN_secure_new();
    bool ok = n_bytes != NULL && e_bytes != NULL && ctx != NULL && x != NULL && n != NULL &&
              e != NULL && BN_bin2bn(op->held.data, (int)op->held.len, x) != NULL &&
              BN_bin2bn(n_bytes, (int)n_len, n) != NULL &&
              BN_bin2bn(e_bytes, (int)e_len, e) != NULL && BN_cmp(x, n) < 0;

    if (ok && BN_is_odd(n))
        ok = BN_mod_exp_mont_consttime(x, x, e, n, ctx, NULL) == 1;
    else if (ok)
        ok = BN_mod_exp(x, x, e, n, ctx) == 1;
    ok = ok && BN_bn2binpad(x, out, (int)out_len) == (int)out_len;
    BN_clear_free(x);
    BN_clear_free(n);
    BN_clear_free(e);
    BN_CTX_free(ctx);
    return ok;
}

static bool apply(struct mm_vm *vm, struct mm_api_op *op, uint8_t *out, size_t *out_len)
{
    enum mm_key_kind kind = mm_api_key_kind(vm, op->key);
    bool private_key = mm_api_kind_private(kind);
    bool encrypt = op->mode == MM_ENCRYPT;
    const uint8_t *in = op->held.data;
    size_t n = op->held.len;

    if (bare(op, kind))
        return raise(vm, op, out, *out_len);
    if (MM_PADDING_OF(op->alg) != MM_PAD_PKCS1)
        encrypt = !private_key;
    if (encrypt)
        return (private_key ? EVP_PKEY_sign(op->pctx, out, out_len, in, n)
                            : EVP_PKEY_encrypt(op->pctx, out, out_len, in, n)) == 1;
    return (private_key ? EVP_PKEY_decrypt(op->pctx, out, out_len, in, n)
                        : EVP_PKEY_verify_recover(op->pctx, out, out_len, in, n)) == 1;
}

bool mm_api_rsa_apply(struct mm_vm *vm, struct mm_api_op *op, uint8_t *out, size_t *out_len)
{
    size_t size = mm_api_rsa_size(vm, op);
    bool whole = op->mode == MM_DECRYPT || MM_PADDING_OF(op->alg) == MM_PAD_NOPAD;
    bool ok;

    *out_len = size;
    if (size > MM_KEY_PART_MAX || op->held.len == 0)
        return false;
    ok = (!whole || op->held.len == size) && apply(vm, op, out, out_len);
    OPENSSL_cleanse(op->held.data, op->held.len);
    op->held.len = 0;
    return ok;
}

enum mm_run mm_api_rsa_final(struct mm_vm *vm, struct mm_api_op *op, mm_ref out_array, int out_off,
                             uint16_t *ret)
{
    uint8_t out[MM_KEY_PART_MAX];
    size_t out_len;
    enum mm_run run;

    if (mm_api_rsa_apply(vm, op, out, &out_len))
        run = mm_api_put(vm, out_array, out_off, out, out_len);
    else
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)out_len;
    OPENSSL_cleanse(out, sizeof(out));
    return run;
}
