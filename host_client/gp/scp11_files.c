#include "host_client/gp/scp11_files.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"

#define FILE_MAX_LEN 65536

uint8_t mm_gp_scp11_key_id(enum mm_scp11_variant variant)
{
    if (variant == MM_SCP11_A)
        return MM_SCP11_KID_A;
    return variant == MM_SCP11_B ? MM_SCP11_KID_B : MM_SCP11_KID_C;
}

/* ---- Keys ---- */
static bool is_p256(const EVP_PKEY *key)
{
    char group[32];

    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* The key, or why it is none; takes key over. */
static enum mm_status take_key(EVP_PKEY *key, const char *path, const char *what, EVP_PKEY **out,
                               struct mm_err *err)
{
    *out = NULL;
    if (key != NULL && is_p256(key)) {
        *out = key;
        return MM_OK;
    }
    EVP_PKEY_free(key);
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: expected a %s on the curve P-256 in PEM form",
                   path, what);
}

enum mm_status mm_gp_scp11_private_key(const char *path, EVP_PKEY **out, struct mm_err *err)
{
    uint8_t *pem = NULL;
    size_t len = 0;
    BIO *bio;
    EVP_PKEY *key;
    enum mm_status st = mm_gp_read_private(path, FILE_MAX_LEN, &pem, &len, err);

    *out = NULL;
    if (st != MM_OK)
        return st;
    bio = BIO_new_mem_buf(pem, (int)len);
    key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "");
    BIO_free(bio);
    OPENSSL_cleanse(pem, len);
    free(pem);
    return take_key(key, path, "private key", out, err);
}

enum mm_status mm_gp_scp11_public_key(const char *path, EVP_PKEY **out, struct mm_err *err)
{
    return take_key(mm_gp_read_public(path), path, "public key or certificate", out, err);
}

/* ---- Certificates ---- */
/* DER of every PEM certificate; how many. */
static size_t from_pem(const uint8_t *data, size_t len, struct mm_buf *out)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    X509 *x;
    size_t n = 0;

    while (bio != NULL && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        unsigned char *der = NULL;
        int der_len = i2d_X509(x, &der);

        if (der_len > 0)
            mm_buf_bytes(out, der, (size_t)der_len);
        OPENSSL_free(der);
        X509_free(x);
        n++;
    }
    BIO_free(bio);
    return n;
}

/* Append the certificates of from in the order that a card wants. */
static enum mm_status in_order(const uint8_t *data, size_t len, struct mm_buf *out)
{
    struct mm_scp11_certificate cert;
    bool leaf_first = false;
    size_t n = 0, whole = 0;
    struct mm_buf back;

    mm_buf_init(&back);
    for (size_t at = 0; at < len; at += whole, n++) {
        struct mm_buf joined;

        if (mm_scp11_certificate_read(data + at, len - at, &cert, &whole) != MM_OK) {
            mm_buf_clear(&back);
            return MM_MALFORMED;
        }
        if (n == 0)
            leaf_first = !cert.signs;
        mm_buf_init(&joined); /* this one before those so far */
        mm_buf_bytes(&joined, data + at, whole);
        mm_buf_bytes(&joined, back.data, back.len);
        mm_buf_clear(&back);
        back = joined;
    }
    if (leaf_first)
        mm_buf_bytes(out, back.data, back.len);
    else
        mm_buf_bytes(out, data, len);
    out->bad |= back.bad;
    mm_buf_clear(&back);
    return n > 0 ? MM_OK : MM_MALFORMED;
}

enum mm_status mm_gp_scp11_chain(const char *path, struct mm_buf *out, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct mm_buf der;
    enum mm_status st = mm_file_read(path, FILE_MAX_LEN, &data, &len, err);

    if (st != MM_OK)
        return st;
    mm_buf_init(&der);
    st =
        from_pem(data, len, &der) > 0 ? in_order(der.data, der.len, out) : in_order(data, len, out);
    mm_buf_clear(&der);
    free(data);
    return st == MM_OK ? st
                       : mm_fail(err, MM_MALFORMED, SIZE_MAX,
                                 "%s: expected certificates for SCP11, X.509 or 7F21", path);
}

/* ---- The card's ---- */
struct wanted {
    uint8_t id, version;
};

static void look_for(void *ctx, const struct mm_gp_key_info *key)
{
    struct wanted *w = ctx;

    if (w->version == 0 && key->id == w->id)
        w->version = key->version;
}

/* Each certified by the one before, the first by ca. */
static enum mm_status check_chain(const uint8_t *data, size_t len, EVP_PKEY *ca, EVP_PKEY **out)
{
    struct mm_scp11_certificate cert = {0};
    EVP_PKEY *key = NULL;
    size_t whole = 0;
    enum mm_status st = len == 0 ? MM_MALFORMED : MM_OK;

    for (size_t at = 0; st == MM_OK && at < len; at += whole) {
        EVP_PKEY *next = NULL;

        st = mm_scp11_certificate_read(data + at, len - at, &cert, &whole);
        if (st == MM_OK && key != NULL && cert.signs == false && at + whole != len)
            st = MM_MALFORMED; /* nobody below one that does not sign */
        if (st == MM_OK)
            st = mm_scp11_certificate_check(data + at, whole, key != NULL ? key : ca, &cert);
        if (st == MM_OK)
            st = mm_scp11_public_key(cert.point, &next);
        EVP_PKEY_free(key);
        key = next;
    }
    if (st == MM_OK && cert.signs)
        st = MM_MALFORMED;
    if (st != MM_OK) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    *out = key;
    return st;
}

static enum mm_status read_store(struct mm_access *access, const struct wanted *w,
                                 struct mm_buf *resp, struct mm_err *err)
{
    const uint8_t reference[] = {0xa6, 4, 0x83, 2, w->id, w->version};
    uint16_t sw = 0;
    enum mm_status st = mm_access_call(access, 0x00, MM_INS_ISD_GET_DATA, 0xbf, 0x21, reference,
                                       sizeof(reference), 256, resp, &sw, err);

    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        return mm_fail(err, MM_CARD, SIZE_MAX,
                       "the card has no certificates of its key %02X version %02X: %04X (%s)",
                       w->id, w->version, sw, mm_sw_text(sw));
    return st;
}

enum mm_status mm_gp_scp11_card_key(struct mm_access *access, const struct mm_aid *domain,
                                    enum mm_scp11_variant variant, EVP_PKEY *ca, uint8_t *version,
                                    EVP_PKEY **out, struct mm_err *err)
{
    struct wanted w = {mm_gp_scp11_key_id(variant), *version};
    const uint8_t *value;
    struct mm_aid found;
    struct mm_buf resp;
    struct mm_rd rd;
    size_t len;
    uint16_t tag, sw = 0;
    enum mm_status st = mm_gp_select_domain(access, domain, &found, err);

    *out = NULL;
    mm_buf_init(&resp);
    if (st == MM_OK && w.version == 0) {
        st = mm_access_call(access, 0x80, MM_INS_ISD_GET_DATA, 0x00, 0xe0, NULL, 0, 256, &resp, &sw,
                            err);
        if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
            st = mm_gp_parse_key_info(resp.data, resp.len, look_for, &w, err);
        if (st == MM_OK && w.version == 0)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "the card lists no key %02X for SCP11", w.id);
    }
    resp.len = 0;
    if (st == MM_OK)
        st = read_store(access, &w, &resp, err);
    if (st == MM_OK) {
        mm_rd_init(&rd, resp.data, resp.len);
        /* with its tag, or (YubiKey 5.7) without */
        if (!mm_ber_take(&rd, &tag, &value, &len) || tag != 0xbf21) {
            value = resp.data;
            len = resp.len;
        }
        st = check_chain(value, len, ca, out);
        if (st != MM_OK)
            st = mm_fail(err, st, SIZE_MAX,
                         "the card's certificates are not of that authority, or none");
    }
    *version = w.version;
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gp_scp11_store_commands(uint8_t id, uint8_t version, const struct mm_buf *chain,
                                          struct mm_buf *list, struct mm_err *err)
{
    const uint8_t reference[] = {0xa6, 4, 0x83, 2, id, version};
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_bytes(&data, reference, sizeof(reference));
    mm_ber_put(&data, 0xbf21, chain->data, chain->len);
    st = data.bad ? MM_NO_MEMORY
                  : mm_gp_store_data_commands(NULL, MM_GP_STORE_TLV, data.data, data.len, list);
    mm_buf_clear(&data);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "certificates: %s", mm_status_text(st));
}
