/*
 * Update objects (docs/protocol.md): COSE_Sign1 by the key of the release certificate, which is the
 * update certificate in the chip.
 *
 *   payload  {1: kind, 2: version, 3: content}
 */
#include "host_client/trust/trust.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "applet_vm/cose/cose.h"

enum { OBJECT_KIND = 1, OBJECT_VERSION, OBJECT_CONTENT };

static enum mm_status payload_read(const cbor_item_t *map, uint8_t kind, struct mm_update *out,
                                   struct mm_err *err)
{
    const uint8_t *content;
    size_t len;
    uint64_t is, version;

    if (!mm_cbor_get_uint(mm_cbor_get(map, OBJECT_KIND), UINT8_MAX, &is) || is != kind)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "1: expected kind %u", kind);
    if (!mm_cbor_get_uint(mm_cbor_get(map, OBJECT_VERSION), UINT32_MAX, &version) || version == 0)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "2: expected a version of 1 to %u", UINT32_MAX);
    if (!mm_cbor_get_bytes(mm_cbor_get(map, OBJECT_CONTENT), &content, &len) || len == 0)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "3: expected content bytes");
    out->content = malloc(len);
    if (out->content == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    memcpy(out->content, content, len);
    out->content_len = len;
    out->kind = kind;
    out->version = (uint32_t)version;
    return MM_OK;
}

enum mm_status mm_update_verify(const uint8_t *data, size_t data_len, X509 *release,
                                enum mm_update_kind kind, struct mm_update *out, struct mm_err *err)
{
    struct mm_cose cose;
    cbor_item_t *map = NULL;
    enum mm_status st;

    *out = (struct mm_update){0};
    st = mm_cose_parse(data, data_len, &cose, err);
    if (st == MM_OK)
        st = mm_cose_verify(&cose, X509_get0_pubkey(release), err);
    if (st == MM_OK)
        st = mm_cbor_parse(cose.payload, cose.payload_len, &map, err);
    if (st == MM_OK) {
        st = payload_read(map, (uint8_t)kind, out, err);
        cbor_decref(&map);
    }
    if (st != MM_OK)
        mm_update_clear(out);
    mm_cose_clear(&cose);
    return st;
}

void mm_update_clear(struct mm_update *update)
{
    free(update->content);
    *update = (struct mm_update){0};
}

enum mm_status mm_update_cert(const struct mm_update *update, X509 **out, struct mm_err *err)
{
    const uint8_t *p = update->content;

    *out = d2i_X509(NULL, &p, (long)update->content_len);
    if (*out != NULL && p == update->content + update->content_len &&
        X509_get0_pubkey(*out) != NULL)
        return MM_OK;
    X509_free(*out);
    *out = NULL;
    ERR_clear_error();
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "3: expected a certificate in DER");
}

enum mm_status mm_update_sign(enum mm_update_kind kind, uint32_t version, const uint8_t *content,
                              size_t content_len, EVP_PKEY *key, struct mm_buf *out)
{
    struct mm_buf payload;
    enum mm_status st = MM_NO_MEMORY;

    mm_buf_init(&payload);
    mm_cbor_map(&payload, 3);
    mm_cbor_int(&payload, OBJECT_KIND);
    mm_cbor_uint(&payload, (uint64_t)kind);
    mm_cbor_int(&payload, OBJECT_VERSION);
    mm_cbor_uint(&payload, version);
    mm_cbor_int(&payload, OBJECT_CONTENT);
    mm_cbor_bytes(&payload, content, content_len);
    if (!payload.bad)
        st = mm_cose_sign(key, payload.data, payload.len, NULL, 0, out);
    mm_buf_clear(&payload);
    return st;
}

/* ---- release.pem ---- */

#define RELEASE_MAX 16384
static const char version_word[] = "# version ";

enum mm_status mm_release_write(const char *path, X509 *release, X509 *before, uint32_t version,
                                struct mm_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    enum mm_status st;

    if (bio == NULL || BIO_printf(bio, "%s%u\n", version_word, version) <= 0 ||
        PEM_write_bio_X509(bio, release) != 1 ||
        (before != NULL && PEM_write_bio_X509(bio, before) != 1)) {
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "%s: not encoded", path);
    } else {
        long len = BIO_get_mem_data(bio, &text);
        st = mm_file_write(path, text, (size_t)len, 0644, err);
    }
    BIO_free(bio);
    return st;
}

static enum mm_status version_read(const char *text, uint32_t *version, struct mm_err *err)
{
    char *end = NULL;
    unsigned long long v;

    *version = 0;
    if (strncmp(text, version_word, sizeof(version_word) - 1) != 0)
        return MM_OK;
    text += sizeof(version_word) - 1;
    v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || (*end != '\n' && *end != '\r') || v > UINT32_MAX)
        return mm_fail(err, MM_MALFORMED, 1, "line 1: expected a version of 0 to %u", UINT32_MAX);
    *version = (uint32_t)v;
    return MM_OK;
}

static enum mm_status certs_read(const uint8_t *data, size_t len, X509 **release, X509 **before,
                                 struct mm_err *err)
{
    BIO *bio = BIO_new_mem_buf(data, (int)len);
    enum mm_status st = MM_OK;

    if (bio == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else if ((*release = PEM_read_bio_X509(bio, NULL, NULL, NULL)) == NULL ||
             X509_get0_pubkey(*release) == NULL)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "expected a certificate in PEM");
    else
        *before = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return st;
}

enum mm_status mm_release_read(const char *path, X509 **release, X509 **before, uint32_t *version,
                               struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    char *text = NULL;
    enum mm_status st = mm_file_read(path, RELEASE_MAX, &data, &len, err);

    *release = *before = NULL;
    *version = 0;
    if (st != MM_OK)
        return st;
    text = strndup((const char *)data, len);
    st = text != NULL ? version_read(text, version, err)
                      : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        st = certs_read(data, len, release, before, err);
    if (st != MM_OK) {
        X509_free(*release);
        *release = NULL;
        mm_err_prefix(err, "%s", path);
    }
    free(text);
    free(data);
    return st;
}
