/*
 * Signed updates: reference values, a platform certificate, the next update certificate. The chip
 * takes one only under its update certificate and above the version it holds.
 */
#include "applet_vm/integrity/integrity_int.h"

#include <openssl/err.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/cose/cose.h"

enum { KIND_REFERENCES = 1, KIND_PLATFORM_CERT, KIND_UPDATE_CERT };

/* What the payload of an update object says (docs/protocol.md). */
struct update {
    uint64_t kind, version;
    const uint8_t *content; /* borrowed from the CBOR item */
    size_t content_len;
};

uint32_t in_version(const struct mm_integrity *in, uint8_t kind)
{
    size_t len;
    const uint8_t *versions = in_rec(in, IN_REC_VERSIONS, &len);

    if (versions == NULL || len != 12 || kind < KIND_REFERENCES || kind > KIND_UPDATE_CERT)
        return 0;
    return mm_be32(versions + 4 * (size_t)(kind - 1));
}

static enum mm_status version_put(struct mm_integrity *in, uint8_t kind, uint32_t version)
{
    uint8_t versions[12];

    for (uint8_t k = KIND_REFERENCES; k <= KIND_UPDATE_CERT; k++)
        mm_put_be32(versions + 4 * (k - 1), k == kind ? version : in_version(in, k));
    return in_rec_put(in, IN_REC_VERSIONS, versions, sizeof(versions));
}

static bool content_fits(const struct update *u)
{
    const uint8_t *p = u->content;
    cbor_item_t *map = NULL;
    X509 *cert;
    bool good;

    if (u->kind == KIND_REFERENCES) {
        good = mm_cbor_parse(u->content, u->content_len, &map, NULL) == MM_OK && cbor_isa_map(map);
        if (map != NULL)
            cbor_decref(&map);
        return good;
    }
    cert = d2i_X509(NULL, &p, (long)u->content_len);
    /* An update certificate whose key verifies nothing would be the last one. */
    good = cert != NULL && p == u->content + u->content_len && X509_get0_pubkey(cert) != NULL &&
           EVP_PKEY_get_base_id(X509_get0_pubkey(cert)) == EVP_PKEY_EC;
    X509_free(cert);
    ERR_clear_error();
    return good;
}

static enum mm_status update_store(struct mm_integrity *in, const struct update *u,
                                   const uint8_t *object, size_t object_len)
{
    bool mine;
    enum mm_status st = in_tx_begin(in, &mine);

    if (st != MM_OK)
        return st;
    if (u->kind == KIND_REFERENCES)
        st = in_rec_put(in, IN_REC_REFERENCES, object, object_len);
    else
        st = in_rec_put(in,
                        u->kind == KIND_PLATFORM_CERT ? IN_REC_PLATFORM_CERT : IN_REC_UPDATE_CERT,
                        u->content, u->content_len);
    if (st == MM_OK)
        st = version_put(in, (uint8_t)u->kind, (uint32_t)u->version);
    if (st == MM_OK)
        st = mm_integrity_event(in, MM_EVENT_UPDATE, NULL);
    return in_tx_end(in, mine, st);
}

static uint16_t note(struct mm_integrity *in, enum mm_event kind, uint16_t sw)
{
    return mm_integrity_event(in, (uint8_t)kind, NULL) == MM_OK ? sw : MM_SW_6581_MEMORY_FAILURE;
}

static uint16_t payload_take(struct mm_integrity *in, uint8_t kind, const struct mm_cose *cose,
                             const uint8_t *object, size_t object_len)
{
    cbor_item_t *map = NULL;
    struct update u;
    uint16_t sw = MM_SW_6A80_WRONG_DATA;

    if (mm_cbor_parse(cose->payload, cose->payload_len, &map, NULL) != MM_OK)
        return sw;
    if (mm_cbor_get_uint(mm_cbor_get(map, 1), UINT8_MAX, &u.kind) &&
        mm_cbor_get_uint(mm_cbor_get(map, 2), UINT32_MAX, &u.version) &&
        mm_cbor_get_bytes(mm_cbor_get(map, 3), &u.content, &u.content_len) && u.kind == kind &&
        content_fits(&u)) {
        sw = u.version > in_version(in, kind)
                 ? in_store_sw(update_store(in, &u, object, object_len))
                 : note(in, MM_EVENT_OUTDATED, MM_SW_6985_CONDITIONS_NOT_SATISFIED);
    }
    cbor_decref(&map);
    return sw;
}

static uint16_t object_take(struct mm_integrity *in, uint8_t kind, const uint8_t *object,
                            size_t object_len)
{
    size_t der_len;
    const uint8_t *der = in_rec(in, IN_REC_UPDATE_CERT, &der_len);
    struct mm_cose cose;
    X509 *cert;
    uint16_t sw;

    if (der == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (mm_cose_parse(object, object_len, &cose, NULL) != MM_OK)
        return MM_SW_6A80_WRONG_DATA;
    cert = d2i_X509(NULL, &der, (long)der_len);
    if (cert == NULL)
        sw = MM_SW_6581_MEMORY_FAILURE;
    else if (mm_cose_verify(&cose, X509_get0_pubkey(cert), NULL) != MM_OK)
        sw = note(in, MM_EVENT_FORGED, MM_SW_6982_SECURITY_STATUS);
    else
        sw = payload_take(in, kind, &cose, object, object_len);
    X509_free(cert);
    mm_cose_clear(&cose);
    return sw;
}

uint16_t in_update(struct mm_integrity *in, uint8_t p1, uint8_t p2, const uint8_t *data, size_t len)
{
    enum mm_status st;
    uint16_t sw;

    if (p2 < KIND_REFERENCES || p2 > KIND_UPDATE_CERT)
        return MM_SW_6A86_INCORRECT_P1P2;
    st = in_blocks_add(&in->update, p2, p1, data, len, IN_OBJECT_MAX);
    if (st == MM_STATE)
        return MM_SW_9000_NO_ERROR;
    if (st != MM_OK)
        return st == MM_MALFORMED ? MM_SW_6A80_WRONG_DATA : MM_SW_6581_MEMORY_FAILURE;
    sw = in_mac_check(in, MM_INS_INTEGRITY_DELIVER_UPDATE, p2, in->update.data.data,
                      in->update.data.len);
    if (sw == MM_SW_9000_NO_ERROR)
        sw = object_take(in, p2, in->update.data.data, in->update.data.len - IN_MAC_LEN);
    in_blocks_drop(&in->update);
    return sw;
}
