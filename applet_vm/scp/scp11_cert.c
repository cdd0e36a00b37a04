/* Certificates of SCP11 in GlobalPlatform's own format (Amendment F, 6.3). */
#include "applet_vm/scp/scp11.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#define SIGNATURE_LEN   64 /* r, s */
#define USAGE_SIGN      0x82
#define USAGE_AGREEMENT 0x0080
#define CURVE_P256      0x00

/* ---- Signatures: r and s side by side, or as DER, which is OpenSSL's form ---- */
static int der_of(const uint8_t raw[SIGNATURE_LEN], unsigned char **der)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, SIGNATURE_LEN / 2, NULL);
    BIGNUM *s = BN_bin2bn(raw + SIGNATURE_LEN / 2, SIGNATURE_LEN / 2, NULL);
    int len = -1;

    if (sig != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s) == 1) {
        r = s = NULL; /* sig has them */
        len = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return len;
}

static enum mm_status verify(EVP_PKEY *ca, const uint8_t *text, size_t len,
                             const uint8_t *signature, size_t signature_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool raw = signature_len == SIGNATURE_LEN;
    unsigned char *made = NULL;
    int made_len = raw ? der_of(signature, &made) : 0;
    const unsigned char *der = raw ? made : signature;
    size_t der_len = raw ? (size_t)made_len : signature_len;
    enum mm_status st = MM_AUTH;

    if (made_len >= 0 && ctx != NULL &&
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, ca) == 1 &&
        EVP_DigestVerify(ctx, der, der_len, text, len) == 1)
        st = MM_OK;
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(made);
    return st;
}

static enum mm_status sign(EVP_PKEY *ca, const uint8_t *text, size_t len,
                           uint8_t raw[SIGNATURE_LEN])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    uint8_t der[SIGNATURE_LEN + 16];
    const unsigned char *at = der;
    size_t der_len = sizeof(der);
    ECDSA_SIG *sig = NULL;
    enum mm_status st = MM_CRYPTO;

    if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, ca) == 1 &&
        EVP_DigestSign(ctx, der, &der_len, text, len) == 1 &&
        (sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len)) != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, SIGNATURE_LEN / 2) > 0 &&
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + SIGNATURE_LEN / 2, SIGNATURE_LEN / 2) > 0)
        st = MM_OK;
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
    return st;
}

/* ---- Reading ---- */
static bool take_id(const uint8_t *value, size_t len, uint8_t out[MM_SCP11_ID_MAX],
                    uint8_t *out_len)
{
    if (len == 0 || len > MM_SCP11_ID_MAX)
        return false;
    memcpy(out, value, len);
    *out_len = (uint8_t)len;
    return true;
}

static bool take_usage(const uint8_t *value, size_t len, struct mm_scp11_certificate *c)
{
    c->signs = len == 1 && value[0] == USAGE_SIGN;
    return c->signs || (len == 2 && mm_be16(value) == USAGE_AGREEMENT) ||
           (len == 1 && value[0] == (USAGE_AGREEMENT & 0xff));
}

/* 7F49 { B0 point, F0 curve } */
static bool take_key(const uint8_t *value, size_t len, struct mm_scp11_certificate *c)
{
    const uint8_t *part;
    uint16_t tag;
    struct mm_rd rd;
    size_t n;

    mm_rd_init(&rd, value, len);
    if (!mm_ber_take(&rd, &tag, &part, &n) || tag != 0xb0 || n != MM_SCP11_POINT_LEN)
        return false;
    memcpy(c->point, part, n);
    if (mm_rd_left(&rd) == 0)
        return true;
    return mm_ber_take(&rd, &tag, &part, &n) && tag == 0xf0 && n == 1 && part[0] == CURVE_P256 &&
           mm_rd_left(&rd) == 0;
}

/* One field; the optional ones that are not kept are what they are. */
static bool take_field(uint16_t tag, const uint8_t *value, size_t len,
                       struct mm_scp11_certificate *c)
{
    switch (tag) {
    case 0x93:
        return take_id(value, len, c->serial, &c->serial_len);
    case 0x42:
        return take_id(value, len, c->issuer, &c->issuer_len);
    case 0x5f20:
        return take_id(value, len, c->subject, &c->subject_len);
    case 0x95:
        return take_usage(value, len, c);
    case 0x5f25:
    case 0x5f24:
        if (len != 4)
            return false;
        memcpy(tag == 0x5f25 ? c->effective : c->expires, value, 4);
        return true;
    case 0x7f49:
        return take_key(value, len, c);
    case 0xbf20:
        return len == 0; /* authorisations that nobody here would carry out */
    case 0x53:
    case 0x73:
        return true;
    default:
        return false;
    }
}

/* The fields in the order that table 6-12 gives; what must be there, and what may. */
static const struct {
    uint16_t tag;
    bool optional;
} order[] = {{0x93, false},   {0x42, false}, {0x5f20, false}, {0x95, false},  {0x5f25, true},
             {0x5f24, false}, {0x53, true},  {0x73, true},    {0xbf20, true}, {0x7f49, false}};
#define FIELD_N (sizeof(order) / sizeof(order[0]))

static enum mm_status read_fields(const uint8_t *body, size_t body_len, EVP_PKEY *ca,
                                  struct mm_scp11_certificate *out)
{
    const uint8_t *value, *signature = NULL;
    size_t len = 0, signed_len = 0, at = 0;
    uint16_t tag = 0;
    struct mm_rd rd;

    mm_rd_init(&rd, body, body_len);
    while (mm_rd_left(&rd) > 0 && signature == NULL) {
        signed_len = rd.off;
        if (!mm_ber_take(&rd, &tag, &value, &len))
            return MM_MALFORMED;
        while (at < FIELD_N && order[at].tag != tag && order[at].optional)
            at++;
        if (at == FIELD_N && tag == 0x5f37)
            signature = value;
        else if (at == FIELD_N || order[at++].tag != tag || !take_field(tag, value, len, out))
            return MM_MALFORMED;
    }
    if (signature == NULL || mm_rd_left(&rd) != 0)
        return MM_MALFORMED;
    return ca == NULL ? MM_OK : verify(ca, body, signed_len, signature, len);
}

static enum mm_status read_either(const uint8_t *data, size_t data_len, EVP_PKEY *ca,
                                  struct mm_scp11_certificate *out, size_t *whole)
{
    const uint8_t *body;
    size_t body_len;
    uint16_t tag = 0;
    struct mm_rd rd;

    memset(out, 0, sizeof(*out));
    *whole = 0;
    if (data_len > 0 && data[0] == 0x30)
        return mm_scp11_x509_read(data, data_len, ca, out, whole);
    mm_rd_init(&rd, data, data_len);
    if (!mm_ber_take(&rd, &tag, &body, &body_len) || tag != 0x7f21)
        return MM_MALFORMED;
    *whole = rd.off;
    return read_fields(body, body_len, ca, out);
}

enum mm_status mm_scp11_certificate_read(const uint8_t *data, size_t data_len,
                                         struct mm_scp11_certificate *out, size_t *whole)
{
    return read_either(data, data_len, NULL, out, whole);
}

enum mm_status mm_scp11_certificate_check(const uint8_t *data, size_t data_len, EVP_PKEY *ca,
                                          struct mm_scp11_certificate *out)
{
    size_t whole;
    enum mm_status st = read_either(data, data_len, ca, out, &whole);

    return st == MM_OK && whole != data_len ? MM_MALFORMED : st;
}

/* ---- Writing ---- */
enum mm_status mm_scp11_certificate_write(const struct mm_scp11_certificate *c, EVP_PKEY *ca,
                                          struct mm_buf *out)
{
    static const uint8_t usages[2][2] = {{0x00, 0x80}, {USAGE_SIGN}}, curve = CURVE_P256,
                         none[4] = {0};
    uint8_t signature[SIGNATURE_LEN];
    struct mm_buf body, key;
    enum mm_status st;

    mm_buf_init(&body);
    mm_buf_init(&key);
    mm_ber_put(&body, 0x93, c->serial, c->serial_len);
    mm_ber_put(&body, 0x42, c->issuer, c->issuer_len);
    mm_ber_put(&body, 0x5f20, c->subject, c->subject_len);
    mm_ber_put(&body, 0x95, usages[c->signs], c->signs ? 1 : 2);
    if (memcmp(c->effective, none, sizeof(none)) != 0)
        mm_ber_put(&body, 0x5f25, c->effective, sizeof(c->effective));
    mm_ber_put(&body, 0x5f24, c->expires, sizeof(c->expires));
    mm_ber_put(&key, 0xb0, c->point, sizeof(c->point));
    mm_ber_put(&key, 0xf0, &curve, 1);
    mm_ber_put(&body, 0x7f49, key.data, key.len);
    st = body.bad || key.bad ? MM_NO_MEMORY : sign(ca, body.data, body.len, signature);
    if (st == MM_OK) {
        mm_ber_put(&body, 0x5f37, signature, sizeof(signature));
        mm_ber_put(out, 0x7f21, body.data, body.len);
        st = body.bad || out->bad ? MM_NO_MEMORY : MM_OK;
    }
    mm_buf_clear(&body);
    mm_buf_clear(&key);
    return st;
}
