/* JWT with ES256 (RFC 7519, 7515, 7518 3.4): three base64url parts, signature r || s. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "platform/platform_int.h"

#define COORDINATE_LEN 32
#define SIGNATURE_LEN  (2 * COORDINATE_LEN)
/* Strict on purpose: the header is compared as bytes, so no other algorithm can be asked for
 * (RFC 8725, 3.1). */
static const char header[] = "{\"alg\":\"ES256\",\"typ\":\"JWT\"}";

static bool sign_raw(EVP_PKEY *key, const char *data, size_t len, uint8_t out[SIGNATURE_LEN])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t der[128];
    size_t der_len = sizeof(der);
    const uint8_t *p = der;
    ECDSA_SIG *sig = NULL;
    bool good = md != NULL && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(md, der, &der_len, (const uint8_t *)data, len) == 1;

    if (good)
        sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    good =
        sig != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, COORDINATE_LEN) == COORDINATE_LEN &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + COORDINATE_LEN, COORDINATE_LEN) == COORDINATE_LEN;
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(md);
    return good;
}

static bool verify_raw(EVP_PKEY *key, const char *data, size_t len,
                       const uint8_t raw[SIGNATURE_LEN])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, COORDINATE_LEN, NULL);
    BIGNUM *s = BN_bin2bn(raw + COORDINATE_LEN, COORDINATE_LEN, NULL);
    uint8_t *der = NULL;
    int der_len = 0;
    bool good = false;

    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = NULL; /* sig owns both now */
        s = NULL;
        der_len = i2d_ECDSA_SIG(sig, &der);
    }
    if (md != NULL && der_len > 0 && EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(md, der, (size_t)der_len, (const uint8_t *)data, len) == 1)
        good = true;
    BN_free(r);
    BN_free(s);
    OPENSSL_free(der);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(md);
    return good;
}

enum mm_status mm_jwt_sign(EVP_PKEY *key, const json_t *claims, char **out)
{
    char *text = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
    char *head = mm_b64url((const uint8_t *)header, sizeof(header) - 1);
    char *body = text != NULL ? mm_b64url((const uint8_t *)text, strlen(text)) : NULL;
    uint8_t raw[SIGNATURE_LEN];
    char *signed_part = NULL, *sig = NULL;
    int len;

    *out = NULL;
    if (head != NULL && body != NULL && (len = asprintf(&signed_part, "%s.%s", head, body)) > 0 &&
        sign_raw(key, signed_part, (size_t)len, raw)) {
        sig = mm_b64url(raw, sizeof(raw));
        if (sig != NULL && asprintf(out, "%s.%s", signed_part, sig) < 0)
            *out = NULL;
    }
    free(sig);
    free(signed_part);
    free(body);
    free(head);
    free(text);
    return *out != NULL ? MM_OK : MM_CRYPTO;
}

static bool header_is_ours(const char *part, size_t len)
{
    uint8_t *data = NULL;
    size_t data_len = 0;
    bool good = mm_unb64url(part, len, &data, &data_len) == MM_OK &&
                data_len == sizeof(header) - 1 && memcmp(data, header, data_len) == 0;

    free(data);
    return good;
}

enum mm_status mm_jwt_verify(EVP_PKEY *key, const char *token, json_t **claims, struct mm_err *err)
{
    const char *dot1 = strchr(token, '.');
    const char *dot2 = dot1 != NULL ? strchr(dot1 + 1, '.') : NULL;
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = MM_OK;

    *claims = NULL;
    if (strlen(token) > MM_JWT_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "result is longer than %d characters",
                       MM_JWT_MAX);
    if (dot2 == NULL || strchr(dot2 + 1, '.') != NULL)
        return mm_fail(err, MM_MALFORMED, 0, "result is not a JWT of three parts");
    if (!header_is_ours(token, (size_t)(dot1 - token)))
        return mm_fail(err, MM_MALFORMED, 0, "result's header is not that of an ES256 JWT");
    if (mm_unb64url(dot2 + 1, strlen(dot2 + 1), &data, &len) != MM_OK || len != SIGNATURE_LEN)
        st = mm_fail(err, MM_MALFORMED, (size_t)(dot2 + 1 - token),
                     "result's signature is not 64 bytes of base64url");
    else if (!verify_raw(key, token, (size_t)(dot2 - token), data))
        st = mm_fail(err, MM_AUTH, SIZE_MAX, "result's signature is wrong");
    free(data);
    if (st != MM_OK)
        return st;
    if (mm_unb64url(dot1 + 1, (size_t)(dot2 - dot1 - 1), &data, &len) == MM_OK)
        *claims = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
    free(data);
    if (!json_is_object(*claims)) {
        json_decref(*claims);
        *claims = NULL;
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "result's claims are not a JSON object");
    }
    return MM_OK;
}
