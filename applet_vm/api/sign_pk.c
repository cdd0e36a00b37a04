/*
 * RSA (PKCS #1 v1.5, PSS, RFC 2409), DSA and ECDSA behind Signature: the hash is made by sign.c, the
 * context here is made at init and used for every message.
 */
#include "applet_vm/api/sign_int.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static bool right_key(uint16_t alg, enum mm_key_kind kind)
{
    switch (MM_SIG_CIPHER(alg)) {
    case MM_SIG_RSA:
        return mm_api_kind_rsa(kind);
    case MM_SIG_DSA:
        return mm_api_kind_dsa(kind);
    default:
        return mm_api_kind_ec(kind);
    }
}

/* PSS has a salt as long as the hash. RFC 2409 signs the hash without its algorithm identifier, so
 * OpenSSL is not told it. */
static bool set_padding(struct mm_api_op *op, EVP_MD *md)
{
    uint8_t padding = MM_SIG_PADDING(op->alg);

    if (MM_SIG_CIPHER(op->alg) != MM_SIG_RSA)
        return true;
    if (padding == MM_PAD_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(op->pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(op->pctx, md) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(op->pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(op->pctx, RSA_PKCS1_PADDING) == 1 &&
           (padding == MM_PAD_RFC2409 || EVP_PKEY_CTX_set_signature_md(op->pctx, md) == 1);
}

bool mm_api_pk_init(struct mm_vm *vm, struct mm_api_op *op, mm_ref key)
{
    enum mm_key_kind kind = mm_api_key_kind(vm, key);
    unsigned digest = MM_SIG_DIGEST(op->alg);
    EVP_MD *md = digest != 0 ? mm_api_md(vm, digest) : NULL;
    bool sign = op->mode == MM_SIGN;

    if (!right_key(op->alg, kind) || mm_api_kind_private(kind) != sign)
        return false;
    op->pkey = mm_api_pkey(vm, key, false);
    op->pctx = op->pkey != NULL ? EVP_PKEY_CTX_new_from_pkey(NULL, op->pkey, NULL) : NULL;
    if (op->pctx == NULL || (digest != 0 && !mm_api_hash_new(vm, op, digest)))
        return false;
    if (mm_api_recovery_is(op->alg))
        return mm_api_recovery_init(op);
    return (sign ? EVP_PKEY_sign_init(op->pctx) : EVP_PKEY_verify_init(op->pctx)) == 1 &&
           set_padding(op, md);
}

/* Bytes of a coordinate of a plain signature: those of the curve's order, which is what OpenSSL's
 * longest signature has two of. */
static int plain_half(const struct mm_api_op *op)
{
    return (EVP_PKEY_get_bits(op->pkey) + 7) / 8;
}

size_t mm_api_pk_len(const struct mm_api_op *op)
{
    if (MM_SIG_CIPHER(op->alg) == MM_SIG_ECDSA_PLAIN)
        return 2 * (size_t)plain_half(op);
    return (size_t)EVP_PKEY_get_size(op->pkey);
}

/* SEQUENCE of r and s to r | s */
static bool to_plain(const struct mm_api_op *op, uint8_t *sig, size_t *len)
{
    const uint8_t *at = sig;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*len);
    int n = plain_half(op);
    bool ok = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, n) == n &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + n, n) == n;

    ECDSA_SIG_free(pair);
    *len = 2 * (size_t)n;
    return ok;
}

/* And back; *der is the caller's to free. */
static int from_plain(const struct mm_api_op *op, const uint8_t *sig, size_t len, uint8_t **der)
{
    int n = plain_half(op), der_len = 0;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r, *s;

    *der = NULL;
    if (len != 2 * (size_t)n || pair == NULL) {
        ECDSA_SIG_free(pair);
        return 0;
    }
    r = BN_bin2bn(sig, n, NULL);
    s = BN_bin2bn(sig + n, n, NULL);
    if (r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        der_len = i2d_ECDSA_SIG(pair, der);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return der_len;
}

bool mm_api_pk_sign(struct mm_api_op *op, const uint8_t *hash, size_t hash_len, uint8_t *sig,
                    size_t *len)
{
    *len = MM_SIGN_MAX;
    if (EVP_PKEY_sign(op->pctx, sig, len, hash, hash_len) != 1)
        return false;
    return MM_SIG_CIPHER(op->alg) != MM_SIG_ECDSA_PLAIN || to_plain(op, sig, len);
}

bool mm_api_pk_verify(struct mm_api_op *op, const uint8_t *hash, size_t hash_len,
                      const uint8_t *sig, size_t len)
{
    uint8_t *der;
    int der_len;
    bool ok;

    if (MM_SIG_CIPHER(op->alg) != MM_SIG_ECDSA_PLAIN)
        return EVP_PKEY_verify(op->pctx, sig, len, hash, hash_len) == 1;
    der_len = from_plain(op, sig, len, &der);
    ok = der_len > 0 && EVP_PKEY_verify(op->pctx, der, (size_t)der_len, hash, hash_len) == 1;
    OPENSSL_free(der);
    return ok;
}
