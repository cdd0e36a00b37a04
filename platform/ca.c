/* The operator's certificates. One profile a role, so that none can stand in for another. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "platform/platform_int.h"

#define SERIAL_LEN 16
#define BACKDATE_S 300 /* a terminal's clock may be that much behind */
#define DAY_S      86400L

struct profile {
    long days;
    const char *basic, *usage, *extended, *names;
};
static const struct profile profiles[] = {
    [MM_CERT_ROOT] = {3650, "critical,CA:TRUE,pathlen:0", "critical,keyCertSign,cRLSign", NULL,
                      NULL},
    [MM_CERT_SERVER] = {397, "critical,CA:FALSE", "critical,digitalSignature", "serverAuth",
                        "DNS:localhost,IP:127.0.0.1"},
    [MM_CERT_RELEASE] = {1095, "critical,CA:FALSE", "critical,digitalSignature", "codeSigning",
                         NULL},
    [MM_CERT_TERMINAL] = {1095, "critical,CA:FALSE", "critical,digitalSignature", "clientAuth",
                          NULL},
    /* tcg-kp-AIKCertificate: says what the key is for, and is not clientAuth, so that a chip's
     * certificate never opens a TLS session. */
    [MM_CERT_ATTESTATION] = {3650, "critical,CA:FALSE", "critical,digitalSignature", "2.23.133.8.3",
                             NULL},
};

enum mm_status mm_random(uint8_t *out, size_t out_len)
{
    return RAND_bytes(out, (int)out_len) == 1 ? MM_OK : MM_CRYPTO;
}

enum mm_status mm_ca_new_key(EVP_PKEY **out, struct mm_err *err)
{
    *out = EVP_EC_gen("P-256");
    return *out != NULL ? MM_OK : mm_fail(err, MM_CRYPTO, SIZE_MAX, "P-256 key not made");
}

static bool set_serial(X509 *cert)
{
    uint8_t bytes[SERIAL_LEN];
    BIGNUM *bn = NULL;
    bool good = false;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, and always 16 bytes */
    bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
    good = bn != NULL && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert)) != NULL;
    BN_free(bn);
    return good;
}

static bool add_ext(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool good;

    if (value == NULL)
        return true;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    good = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return good;
}

static bool set_name(X509 *cert, const char *cn)
{
    X509_NAME *name = X509_get_subject_name(cert);

    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8, (const uint8_t *)"Mintmark", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)cn, -1, -1, 0) ==
               1;
}

enum mm_status mm_ca_issue(enum mm_cert_role role, const char *cn, EVP_PKEY *key, X509 *issuer,
                           EVP_PKEY *issuer_key, X509 **out, struct mm_err *err)
{
    return mm_ca_issue_for(role, profiles[role].days, cn, key, issuer, issuer_key, out, err);
}

enum mm_status mm_ca_issue_for(enum mm_cert_role role, long days, const char *cn, EVP_PKEY *key,
                               X509 *issuer, EVP_PKEY *issuer_key, X509 **out, struct mm_err *err)
{
    const struct profile *pr = &profiles[role];
    X509 *cert = X509_new();
    X509 *from = issuer != NULL ? issuer : cert;

    *out = NULL;
    if (cert == NULL || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), days * DAY_S) == NULL || !set_name(cert, cn) ||
        X509_set_issuer_name(cert, X509_get_subject_name(from)) != 1 ||
        X509_set_pubkey(cert, key) != 1 || !add_ext(cert, from, NID_basic_constraints, pr->basic) ||
        !add_ext(cert, from, NID_key_usage, pr->usage) ||
        !add_ext(cert, from, NID_ext_key_usage, pr->extended) ||
        !add_ext(cert, from, NID_subject_alt_name, pr->names) ||
        !add_ext(cert, from, NID_subject_key_identifier, "hash") ||
        !add_ext(cert, from, NID_authority_key_identifier, "keyid:always") ||
        X509_sign(cert, issuer_key, EVP_sha256()) == 0) {
        X509_free(cert);
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "certificate for %s not made", cn);
    }
    *out = cert;
    return MM_OK;
}

enum mm_status mm_ca_serial(X509 *cert, char out[MM_SERIAL_MAX])
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    int len = ASN1_STRING_length(serial);

    out[0] = '\0';
    if (len < 1 || len > 20) /* RFC 5280, 4.1.2.2 */
        return MM_MALFORMED;
    mm_hex(ASN1_STRING_get0_data(serial), (size_t)len, out);
    return MM_OK;
}

enum mm_status mm_ca_der(X509 *cert, struct mm_buf *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(cert, &der);

    if (len <= 0)
        return MM_CRYPTO;
    mm_buf_bytes(out, der, (size_t)len);
    OPENSSL_free(der);
    return out->bad ? MM_NO_MEMORY : MM_OK;
}

static enum mm_status write_bio(const char *dir, const char *name, BIO *bio, unsigned mode,
                                struct mm_err *err)
{
    char *path = mm_platform_path(dir, name);
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    enum mm_status st;

    if (path == NULL || len <= 0)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "%s: out of memory", name);
    else
        st = mm_file_write(path, data, (size_t)len, mode, err);
    free(path);
    return st;
}

enum mm_status mm_ca_write_cert(const char *dir, const char *name, X509 *cert, struct mm_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    enum mm_status st;

    if (bio == NULL || PEM_write_bio_X509(bio, cert) != 1)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "%s: not encoded", name);
    else
        st = write_bio(dir, name, bio, 0644, err);
    BIO_free(bio);
    return st;
}

enum mm_status mm_ca_write_key(const char *dir, const char *name, EVP_PKEY *key, struct mm_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when freed */
    enum mm_status st;

    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "%s: not encoded", name);
    else
        st = write_bio(dir, name, bio, 0600, err);
    BIO_free(bio);
    return st;
}

enum mm_status mm_ca_public_key(const uint8_t point[65], EVP_PKEY **out)
{
    char group[] = "P-256";
    uint8_t copy[65];
    OSSL_PARAM params[3];
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    enum mm_status st = MM_CRYPTO;

    *out = NULL;
    memcpy(copy, point, sizeof(copy));
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy, sizeof(copy));
    params[2] = OSSL_PARAM_construct_end();
    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1)
        st = MM_OK;
    EVP_PKEY_CTX_free(ctx);
    return st;
}
