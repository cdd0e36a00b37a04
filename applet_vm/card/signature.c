/*
 * Signatures with the keys of a security domain (GPCS 2.3.1, B.3, B.4, C): of load files (DAP), of
 * tokens, and of receipts, which a symmetric or an EC key makes. What key it is says which scheme:
 *   RSA up to 1024 bits   PKCS #1 v1.5, SHA-1 (scheme 1)
 *   RSA above             PSS, SHA-256 or, above 2048 bits, SHA-512; salt as long as the digest (scheme 2)
 *   EC                    ECDSA, r and s side by side; digest by the size of the curve
 *   AES                   CMAC, 16 bytes
 *   triple DES            MAC algorithm 3 of ISO 9797-1, padding 2, 8 bytes
 */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#define SIGNATURE_MAX 132 /* r and s of P-521 */

/* ---- Asymmetric keys ---- */
static bool verify_with(EVP_PKEY *key, const EVP_MD *md, bool pss, const uint8_t *message,
                        size_t message_len, const uint8_t *sig, size_t sig_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) == 1;

    if (good && pss)
        good = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestVerify(ctx, sig, sig_len, message, message_len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return good;
}

static bool verify_rsa(EVP_PKEY *key, const uint8_t *message, size_t message_len,
                       const uint8_t *sig, size_t sig_len)
{
    int bits = EVP_PKEY_get_bits(key);

    if (bits <= 1024)
        return verify_with(key, EVP_sha1(), false, message, message_len, sig, sig_len);
    /* Above 2048 bits card tools differ in the digest. */
    return verify_with(key, EVP_sha256(), true, message, message_len, sig, sig_len) ||
           (bits > 2048 &&
            verify_with(key, EVP_sha512(), true, message, message_len, sig, sig_len));
}

static const EVP_MD *ec_digest(const EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_bits(key);

    return bits <= 256 ? EVP_sha256() : bits <= 384 ? EVP_sha384() : EVP_sha512();
}

/* Bytes of r, and of s. */
static size_t half_len(const EVP_PKEY *key)
{
    return ((size_t)EVP_PKEY_get_bits(key) + 7) / 8;
}

static bool verify_ec(EVP_PKEY *key, const uint8_t *message, size_t message_len, const uint8_t *sig,
                      size_t sig_len)
{
    size_t half = half_len(key);
    const EVP_MD *md = ec_digest(key);
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r, *s;
    uint8_t *der = NULL;
    int der_len = 0;
    bool good = false;

    if (pair != NULL && sig_len == 2 * half) {
        r = BN_bin2bn(sig, (int)half, NULL);
        s = BN_bin2bn(sig + half, (int)half, NULL);
        if (r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
            der_len = i2d_ECDSA_SIG(pair, &der);
        } else {
            BN_free(r);
            BN_free(s);
        }
    }
    if (der_len > 0)
        good = verify_with(key, md, false, message, message_len, der, (size_t)der_len);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return good;
}

static enum mm_status sign_ec(EVP_PKEY *key, const uint8_t *message, size_t message_len,
                              uint8_t sig[SIGNATURE_MAX], size_t *sig_len)
{
    size_t half = half_len(key), der_len = SIGNATURE_MAX + 16;
    uint8_t der[SIGNATURE_MAX + 16]; /* two INTEGERs in a SEQUENCE */
    const uint8_t *p = der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *pair = NULL;
    enum mm_status st = MM_CRYPTO;

    if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, ec_digest(key), NULL, key) == 1 &&
        EVP_DigestSign(ctx, der, &der_len, message, message_len) == 1)
        pair = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    if (pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, (int)half) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + half, (int)half) > 0)
        st = MM_OK;
    *sig_len = 2 * half;
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(ctx);
    return st;
}

/* ---- Symmetric keys ---- */
static enum mm_status aes_cmac(const struct mm_key_part *key, const uint8_t *message,
                               size_t message_len, uint8_t mac[16])
{
    const char *name = key->len == 32   ? "AES-256-CBC"
                       : key->len == 24 ? "AES-192-CBC"
                                        : "AES-128-CBC";
    size_t n = 0;

    return EVP_Q_mac(NULL, "CMAC", NULL, name, NULL, key->value, key->len, message, message_len,
                     mac, 16, &n) != NULL &&
                   n == 16
               ? MM_OK
               : MM_CRYPTO;
}

/* Single DES in CBC up to the last block, which gets triple DES (GPCS B.1.2.2). */
static enum mm_status retail_mac(const struct mm_key_part *key, const uint8_t *message,
                                 size_t message_len, uint8_t mac[8])
{
    size_t padded = (message_len / 8 + 1) * 8;
    uint8_t k[24], *text = calloc(1, padded), *chain = malloc(padded);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const uint8_t zero[8] = {0};
    enum mm_status st = MM_CRYPTO;
    int n = 0;

    if (text == NULL || chain == NULL || ctx == NULL || key->len != 16) {
        st = key->len != 16 ? MM_UNSUPPORTED : MM_NO_MEMORY;
        goto out;
    }
    if (message_len > 0)
        memcpy(text, message, message_len);
    text[message_len] = 0x80;
    /* Single DES is triple DES with one key three times. */
    for (size_t i = 0; i < 3; i++)
        memcpy(k + 8 * i, key->value, 8);
    memcpy(mac, zero, 8);
    if (padded > 8) {
        if (EVP_EncryptInit_ex(ctx, EVP_des_ede3_cbc(), NULL, k, zero) != 1 ||
            EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
            EVP_EncryptUpdate(ctx, chain, &n, text, (int)padded - 8) != 1)
            goto out;
        memcpy(mac, chain + padded - 16, 8);
    }
    memcpy(k + 8, key->value + 8, 8);
    if (EVP_EncryptInit_ex(ctx, EVP_des_ede3_cbc(), NULL, k, mac) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_EncryptUpdate(ctx, mac, &n, text + padded - 8, 8) == 1 && n == 8)
        st = MM_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(k, sizeof(k));
    free(text);
    free(chain);
    return st;
}

/* MAC by a symmetric key; *mac_len 0 when it is none. */
static enum mm_status mac_with(const struct mm_domain_key *key, const uint8_t *message,
                               size_t message_len, uint8_t mac[16], size_t *mac_len)
{
    const struct mm_key_part *p = &key->parts[0];

    *mac_len = 0;
    if (key->part_n != 1)
        return MM_UNSUPPORTED;
    if (p->type == MM_KEY_AES && (p->len == 16 || p->len == 24 || p->len == 32)) {
        *mac_len = 16;
        return aes_cmac(p, message, message_len, mac);
    }
    if (p->type >= MM_KEY_DES && p->type <= MM_KEY_DES_CBC && p->type != 0x81) {
        *mac_len = 8;
        return retail_mac(p, message, message_len, mac);
    }
    return MM_UNSUPPORTED;
}

/* ---- One key, and all of a version ---- */
static bool check_with(const struct mm_domain_key *key, const uint8_t *message, size_t message_len,
                       const uint8_t *sig, size_t sig_len)
{
    EVP_PKEY *public = NULL;
    uint8_t mac[16];
    size_t mac_len;
    bool good = false;

    if (mm_key_pkey(key, &public) == MM_OK) {
        good = EVP_PKEY_get_base_id(public) == EVP_PKEY_RSA
                   ? verify_rsa(public, message, message_len, sig, sig_len)
                   : verify_ec(public, message, message_len, sig, sig_len);
    } else if (mac_with(key, message, message_len, mac, &mac_len) == MM_OK) {
        good = sig_len == mac_len && CRYPTO_memcmp(mac, sig, mac_len) == 0;
        OPENSSL_cleanse(mac, sizeof(mac));
    }
    EVP_PKEY_free(public);
    return good;
}

enum mm_status mm_signature_check(const struct mm_card *card, mm_comp domain, uint8_t version,
                                  const uint8_t *message, size_t message_len,
                                  const uint8_t *signature, size_t signature_len)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    enum mm_status st = mm_key_set_load(card->nvm, domain, version, &set), verdict = MM_AUTH;
    size_t off = 0;

    if (st == MM_OK) {
        while (verdict != MM_OK && mm_key_set_next(&set, &off, &key)) {
            if (check_with(&key, message, message_len, signature, signature_len))
                verdict = MM_OK;
        }
    }
    mm_key_set_clear(&set);
    return st == MM_OK ? verdict : st;
}

/* A key that can sign: symmetric, or a private EC one. MM_UNSUPPORTED: others. */
static enum mm_status make_with(const struct mm_domain_key *key, const uint8_t *message,
                                size_t message_len, struct mm_buf *out)
{
    EVP_PKEY *private = NULL;
    uint8_t mac[SIGNATURE_MAX];
    size_t len = 0;
    enum mm_status st = MM_UNSUPPORTED;

    if (key->parts[0].type == MM_KEY_EC_PRIVATE && mm_key_pkey(key, &private) == MM_OK)
        st = sign_ec(private, message, message_len, mac, &len);
    else if (key->parts[0].type != MM_KEY_EC_PRIVATE)
        st = mac_with(key, message, message_len, mac, &len);
    EVP_PKEY_free(private);
    if (st == MM_OK) {
        mm_ber_put_len(out, len);
        mm_buf_bytes(out, mac, len);
    }
    return st;
}

enum mm_status mm_signature_make(const struct mm_card *card, mm_comp domain, uint8_t version,
                                 const uint8_t *message, size_t message_len, struct mm_buf *out)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    enum mm_status st = mm_key_set_load(card->nvm, domain, version, &set);
    size_t off = 0;

    while (st == MM_OK) {
        if (!mm_key_set_next(&set, &off, &key))
            st = MM_NOT_FOUND;
        else if (make_with(&key, message, message_len, out) == MM_OK)
            break;
    }
    mm_key_set_clear(&set);
    return st;
}
