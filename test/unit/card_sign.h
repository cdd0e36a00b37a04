/* Keys and signatures for the tests of load files and tokens: RSA, EC and AES as a domain holds them. */
#ifndef MM_TEST_CARD_SIGN_H
#define MM_TEST_CARD_SIGN_H

#include "test/unit/card_domain.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum kind { RSA_1024, RSA_2048, EC_256, EC_384, AES_KEY, DES_KEY, KINDS };

struct signer {
    enum kind kind;
    EVP_PKEY *pair;
    uint8_t secret[16];
};

__attribute__((unused)) static struct signer signer_new(enum kind kind)
{
    struct signer s = {.kind = kind};

    memset(s.secret, 0x5a, sizeof(s.secret));
    s.secret[0] = 0x31;
    if (kind == RSA_1024 || kind == RSA_2048)
        s.pair = EVP_RSA_gen(kind == RSA_1024 ? 1024u : 2048u);
    else if (kind == EC_256 || kind == EC_384)
        s.pair = EVP_EC_gen(kind == EC_256 ? "P-256" : "P-384");
    assert_true(kind >= AES_KEY || s.pair != NULL);
    return s;
}

__attribute__((unused)) static void signer_free(struct signer *s)
{
    EVP_PKEY_free(s->pair);
}

/* What the domain gets: the public key, or the secret. */
__attribute__((unused)) static void signer_give(struct host *h, const struct signer *s,
                                                mm_comp domain, uint8_t version)
{
    uint8_t n[256], e[4], point[133];
    struct mm_key_part parts[2] = {{MM_KEY_AES, 16, s->secret}};
    size_t count = 1, len = 0;
    BIGNUM *bn = NULL, *be = NULL;

    if (s->kind == DES_KEY) {
        parts[0].type = MM_KEY_DES;
    } else if (s->kind <= RSA_2048) {
        assert_int_equal(EVP_PKEY_get_bn_param(s->pair, OSSL_PKEY_PARAM_RSA_N, &bn), 1);
        assert_int_equal(EVP_PKEY_get_bn_param(s->pair, OSSL_PKEY_PARAM_RSA_E, &be), 1);
        parts[0] = (struct mm_key_part){MM_KEY_RSA_N, (uint16_t)BN_bn2bin(bn, n), n};
        parts[1] = (struct mm_key_part){MM_KEY_RSA_E, (uint16_t)BN_bn2bin(be, e), e};
        count = 2;
        BN_free(bn);
        BN_free(be);
    } else if (s->kind <= EC_384) {
        static const uint8_t curves[] = {0x00, 0x01};
        assert_int_equal(EVP_PKEY_get_octet_string_param(s->pair, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                         sizeof(point), &len),
                         1);
        parts[0] = (struct mm_key_part){MM_KEY_EC_PUBLIC, (uint16_t)len, point};
        parts[1] = (struct mm_key_part){MM_KEY_EC_CURVE, 1, &curves[s->kind - EC_256]};
        count = 2;
    }
    give_key(h, domain, version, 1, parts, count);
}

/* ISO 9797-1 algorithm 3 with padding 2, step by step over single blocks. */
__attribute__((unused)) static void des_mac(const uint8_t key[16], const uint8_t *message,
                                            size_t len, uint8_t mac[8])
{
    uint8_t k[24], block[8];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    memset(mac, 0, 8);
    for (size_t at = 0; at <= len; at += 8) {
        bool last = at + 8 > len;
        for (size_t i = 0; i < 8; i++)
            block[i] = mac[i] ^ (at + i < len ? message[at + i] : at + i == len ? 0x80 : 0x00);
        memcpy(k, key, 8);
        memcpy(k + 8, last ? key + 8 : key, 8);
        memcpy(k + 16, key, 8);
        assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_des_ede3(), NULL, k, NULL), 1);
        EVP_CIPHER_CTX_set_padding(ctx, 0);
        assert_int_equal(EVP_EncryptUpdate(ctx, mac, &n, block, 8), 1);
    }
    EVP_CIPHER_CTX_free(ctx);
}

static size_t sign_pair(const struct signer *s, const uint8_t *message, size_t len, uint8_t *out)
{
    const EVP_MD *md = s->kind == RSA_1024 ? EVP_sha1()
                       : s->kind == EC_384 ? EVP_sha384()
                                           : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL;
    uint8_t sig[256];
    const uint8_t *p = sig;
    size_t n = sizeof(sig), half = s->kind == EC_384 ? 48 : 32;
    ECDSA_SIG *pair;

    assert_int_equal(EVP_DigestSignInit(ctx, &pctx, md, NULL, s->pair), 1);
    if (s->kind == RSA_2048) {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST);
    }
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, message, len), 1);
    EVP_MD_CTX_free(ctx);
    if (s->kind <= RSA_2048) {
        memcpy(out, sig, n);
        return n;
    }
    pair = d2i_ECDSA_SIG(NULL, &p, (long)n);
    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, (int)half);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, (int)half);
    ECDSA_SIG_free(pair);
    return 2 * half;
}

/* Is r, s of that many bytes each an ECDSA signature by the pair? The digest is of the curve's size. */
__attribute__((unused)) static bool signer_verify(const struct signer *s, const uint8_t *message,
                                                  size_t len, const uint8_t *rs, size_t half)
{
    const EVP_MD *md = half == 32 ? EVP_sha256() : half == 48 ? EVP_sha384() : EVP_sha512();
    ECDSA_SIG *pair = ECDSA_SIG_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t *der = NULL;
    int der_len;
    bool good;

    ECDSA_SIG_set0(pair, BN_bin2bn(rs, (int)half, NULL), BN_bin2bn(rs + half, (int)half, NULL));
    der_len = i2d_ECDSA_SIG(pair, &der);
    good = EVP_DigestVerifyInit(ctx, NULL, md, NULL, s->pair) == 1 &&
           EVP_DigestVerify(ctx, der, (size_t)der_len, message, len) == 1;
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(ctx);
    return good;
}

/* Signature as GPCS B.3, B.4 have it; its length. */
__attribute__((unused)) static size_t signer_sign(const struct signer *s, const uint8_t *message,
                                                  size_t len, uint8_t out[256])
{
    size_t n = 0;

    if (s->kind == DES_KEY) {
        des_mac(s->secret, message, len, out);
        return 8;
    }
    if (s->kind != AES_KEY)
        return sign_pair(s, message, len, out);
    assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, s->secret, 16, message, len,
                              out, 16, &n));
    return n;
}

#endif
