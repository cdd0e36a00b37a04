/* The agent's evidence: an EAT (RFC 9711) in CBOR. docs/protocol.md names the claims. */
#include <string.h>

#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"
#include "platform/platform_int.h"

static const cbor_item_t *by_text(const cbor_item_t *map, const char *key)
{
    const struct cbor_pair *pairs = cbor_map_handle(map);
    size_t len = strlen(key);

    for (size_t i = 0; i < cbor_map_size(map); i++) {
        const cbor_item_t *k = pairs[i].key;
        if (cbor_isa_string(k) && cbor_string_is_definite(k) && cbor_string_length(k) == len &&
            memcmp(cbor_string_handle(k), key, len) == 0)
            return pairs[i].value;
    }
    return NULL;
}

/* Printable ASCII only: it goes into messages. */
static bool text(const cbor_item_t *item, char *out, size_t out_cap)
{
    if (!mm_cbor_get_text(item, out, out_cap) || out[0] == '\0')
        return false;
    for (const char *p = out; *p != '\0'; p++) {
        if ((uint8_t)*p < 0x20 || (uint8_t)*p >= 0x7f)
            return false;
    }
    return true;
}

static enum mm_status read_client(const cbor_item_t *map, struct mm_evidence *out,
                                  struct mm_err *err)
{
    char path[256];
    const char *base;

    if (map == NULL || !cbor_isa_map(map))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim -70011: expected a map");
    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_CLIENT_CODE), out->client_code, 32) ||
        !mm_cbor_get_fixed(mm_cbor_get(map, MM_CLIENT_FIXED), out->client_fixed, 32) ||
        !mm_cbor_get_fixed(mm_cbor_get(map, MM_CLIENT_DYNAMIC), out->client_dynamic, 32))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "evidence: claim -70011: expected three digests of 32 bytes under 1, 2, 3");
    if (!text(mm_cbor_get(map, MM_CLIENT_NAME), path, sizeof(path)))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim -70011: 4: expected a name");
    base = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
    if (strlen(base) >= sizeof(out->client_name))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "evidence: client name is too long");
    memcpy(out->client_name, base, strlen(base) + 1);
    return MM_OK;
}

static enum mm_status read_claims(const cbor_item_t *map, struct mm_evidence *out,
                                  struct mm_err *err)
{
    const cbor_item_t *submods = mm_cbor_get(map, MM_CLAIM_SUBMODS);
    const uint8_t *data;
    size_t len;

    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_CLAIM_NONCE), out->nonce, MM_NONCE_LEN))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim 10: expected 32 bytes");
    if (!mm_cbor_get_bytes(mm_cbor_get(map, MM_CLAIM_UEID), &data, &len) || len == 0 ||
        len > sizeof(out->ueid))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim 256: expected 1 to 20 bytes");
    memcpy(out->ueid, data, len);
    out->ueid_len = len;
    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_CLAIM_EXPORTER), out->exporter, 32))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim -70010: expected 32 bytes");
    if (!text(mm_cbor_get(map, MM_CLAIM_VERDICT), out->verdict, sizeof(out->verdict)))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "evidence: claim -70012: expected a text");
    if (submods == NULL || !cbor_isa_map(submods) ||
        !mm_cbor_get_bytes(by_text(submods, "chip"), &data, &len))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "evidence: claim 266: expected {\"chip\": bytes}");
    mm_buf_bytes(&out->token, data, len);
    if (out->token.bad)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    return read_client(mm_cbor_get(map, MM_CLAIM_CLIENT), out, err);
}

enum mm_status mm_evidence_read(const uint8_t *data, size_t len, struct mm_evidence *out,
                                struct mm_err *err)
{
    cbor_item_t *root = NULL;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    mm_buf_init(&out->token);
    st = mm_cbor_parse(data, len, &root, err);
    if (st != MM_OK) {
        mm_err_prefix(err, "evidence");
        return st;
    }
    if (!cbor_isa_map(root))
        st = mm_fail(err, MM_MALFORMED, 0, "evidence: expected a map of claims");
    else
        st = read_claims(root, out, err);
    cbor_decref(&root);
    return st;
}

void mm_evidence_clear(struct mm_evidence *evidence)
{
    mm_buf_clear(&evidence->token);
}
