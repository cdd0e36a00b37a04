/* Certificates of SCP11 as X.509 (Amendment F v1.3). */
#include "applet_vm/scp/scp11.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* An identifier may be missing or too long to be one of ours; then no list knows it. */
static void take_octets(const ASN1_OCTET_STRING *from, uint8_t out[MM_SCP11_ID_MAX],
                        uint8_t *out_len)
{
    int len = from == NULL ? 0 : ASN1_STRING_length(from);

    *out_len = 0;
    if (len <= 0 || len > MM_SCP11_ID_MAX)
        return;
    memcpy(out, ASN1_STRING_get0_data(from), (size_t)len);
    *out_len = (uint8_t)len;
}

/* Positive, and of 20 bytes at most (RFC 5280, 4.1.2.2). */
static bool take_serial(const X509 *x, struct mm_scp11_certificate *out)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x);

    take_octets(serial, out->serial, &out->serial_len);
    return out->serial_len > 0 && ASN1_STRING_type(serial) == V_ASN1_INTEGER;
}

static bool take_usage(X509 *x, struct mm_scp11_certificate *out)
{
    uint32_t flags = X509_get_extension_flags(x), usage = X509_get_key_usage(x);
    long path = X509_get_pathlen(x);

    if (X509_get_version(x) != X509_VERSION_3 || (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) ||
        !(flags & EXFLAG_KUSAGE))
        return false;
    out->signs = (usage & KU_KEY_CERT_SIGN) != 0;
    out->path_limited = path >= 0;
    out->path_len = (uint8_t)(path > 0xff ? 0xff : path);
    return out->signs ? (flags & EXFLAG_CA) != 0 : (usage & KU_KEY_AGREEMENT) != 0;
}

static bool take_point(X509 *x, struct mm_scp11_certificate *out)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    char group[32];

    return key != NULL && EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 && mm_scp11_point(key, out->point) == MM_OK &&
           out->point[0] == 0x04;
}

enum mm_status mm_scp11_x509_read(const uint8_t *data, size_t data_len, EVP_PKEY *ca,
                                  struct mm_scp11_certificate *out, size_t *whole)
{
    const unsigned char *at = data;
    X509 *x = d2i_X509(NULL, &at, (long)data_len);
    enum mm_status st = MM_MALFORMED;

    memset(out, 0, sizeof(*out));
    *whole = x == NULL ? 0 : (size_t)(at - data);
    if (x != NULL && take_serial(x, out) && take_usage(x, out) && take_point(x, out) &&
        X509_get_signature_nid(x) == NID_ecdsa_with_SHA256)
        st = MM_OK;
    if (st == MM_OK) {
        take_octets(X509_get0_authority_key_id(x), out->issuer, &out->issuer_len);
        take_octets(X509_get0_subject_key_id(x), out->subject, &out->subject_len);
        if (ca != NULL && X509_verify(x, ca) != 1)
            st = MM_AUTH;
    }
    X509_free(x);
    return st;
}
