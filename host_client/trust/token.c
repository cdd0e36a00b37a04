/* The chip's token: signature and chain first, claims after. docs/measurement.md. */
#include "host_client/trust/trust.h"

#include <openssl/crypto.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"

#define COMPONENT_MAX 1024
#define DAMAGE_MAX    2
/* tcg-kp-AIKCertificate: the operator's root certifies terminals too, and those sign no tokens. */
#define ATTESTATION_USE "2.23.133.8.3"

static enum mm_status malformed(struct mm_err *err, const char *what)
{
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "token: %s", what);
}

static enum mm_status role_check(X509 *leaf, struct mm_err *err)
{
    EXTENDED_KEY_USAGE *uses = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
    bool good = false;

    for (int i = 0; i < sk_ASN1_OBJECT_num(uses); i++) {
        char oid[64];
        if (OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(uses, i), 1) > 0)
            good = good || strcmp(oid, ATTESTATION_USE) == 0;
    }
    EXTENDED_KEY_USAGE_free(uses);
    return good ? MM_OK
                : mm_fail(err, MM_AUTH, SIZE_MAX,
                          "token: its certificate is not one for attestation keys (" ATTESTATION_USE
                          ")");
}

static bool aid_read(const cbor_item_t *item, struct mm_aid *aid)
{
    const uint8_t *data;
    size_t len;

    return mm_cbor_get_bytes(item, &data, &len) && mm_aid_set(aid, data, len) == MM_OK;
}

static enum mm_status component_read(const cbor_item_t *map, struct mm_token_component *c,
                                     struct mm_err *err)
{
    const cbor_item_t *version = mm_cbor_get(map, MM_COMPONENT_VERSION);
    uint64_t kind, major, minor, life_cycle, damage;

    if (!mm_cbor_get_uint(mm_cbor_get(map, MM_COMPONENT_KIND), 2, &kind) || kind == 0)
        return malformed(err, "component: 1: expected kind 1 or 2");
    if (!aid_read(mm_cbor_get(map, MM_COMPONENT_AID), &c->aid) ||
        (kind == 2 && !aid_read(mm_cbor_get(map, MM_COMPONENT_PACKAGE), &c->package)))
        return malformed(err, "component: 2, 3: expected AIDs of 5 to 16 bytes");
    if (mm_cbor_array_n(version) != 2 ||
        !mm_cbor_get_uint(mm_cbor_array_at(version, 0), UINT8_MAX, &major) ||
        !mm_cbor_get_uint(mm_cbor_array_at(version, 1), UINT8_MAX, &minor))
        return malformed(err, "component: 4: expected [major, minor]");
    if (!mm_cbor_get_uint(mm_cbor_get(map, MM_COMPONENT_LIFE_CYCLE), UINT8_MAX, &life_cycle) ||
        !mm_cbor_get_uint(mm_cbor_get(map, MM_COMPONENT_DAMAGE), DAMAGE_MAX, &damage))
        return malformed(err, "component: 5, 6: expected life cycle and damage");
    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_COMPONENT_CODE), c->code, MM_DIGEST_LEN) ||
        !mm_cbor_get_fixed(mm_cbor_get(map, MM_COMPONENT_FIXED), c->fixed, MM_DIGEST_LEN) ||
        !mm_cbor_get_fixed(mm_cbor_get(map, MM_COMPONENT_DYNAMIC), c->dynamic, MM_DIGEST_LEN))
        return malformed(err, "component: 7, 8, 9: expected digests of 32 bytes");
    c->kind = (uint8_t)kind;
    c->major = (uint8_t)major;
    c->minor = (uint8_t)minor;
    c->life_cycle = (uint8_t)life_cycle;
    c->damaged = damage != 0;
    return MM_OK;
}

static enum mm_status components_read(const cbor_item_t *array, struct mm_token *token,
                                      struct mm_err *err)
{
    size_t n = mm_cbor_array_n(array);
    enum mm_status st = MM_OK;

    if (array == NULL || !cbor_isa_array(array) || n > COMPONENT_MAX)
        return malformed(err, "claim -70007: expected an array of components");
    token->components = calloc(n + 1, sizeof(*token->components));
    if (token->components == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t i = 0; i < n && st == MM_OK; i++) {
        st = component_read(mm_cbor_array_at(array, i), &token->components[i], err);
        if (st == MM_OK && mm_token_find(token, &token->components[i].aid) != NULL)
            st = malformed(err, "component: the same AID twice");
        token->component_n = i + 1;
    }
    return st;
}

static enum mm_status chip_read(const cbor_item_t *map, struct mm_token *t, struct mm_err *err)
{
    const cbor_item_t *version = mm_cbor_get(map, MM_CLAIM_SWVERSION);
    char profile[64];
    uint8_t ueid[1 + sizeof(t->chip_id)];
    uint64_t seal, references;

    if (!mm_cbor_get_text(mm_cbor_get(map, MM_CLAIM_PROFILE), profile, sizeof(profile)) ||
        strcmp(profile, MM_PROFILE_CHIP) != 0)
        return malformed(err, "claim 265: expected profile " MM_PROFILE_CHIP);
    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_CLAIM_UEID), ueid, sizeof(ueid)) ||
        ueid[0] != MM_UEID_RAND)
        return malformed(err, "claim 256: expected 01 and a chip id of 16 bytes");
    memcpy(t->chip_id, ueid + 1, sizeof(t->chip_id));
    if (mm_cbor_array_n(version) == 0 ||
        !mm_cbor_get_text(mm_cbor_array_at(version, 0), t->vm_version, sizeof(t->vm_version)))
        return malformed(err, "claim 271: expected [version]");
    if (!mm_cbor_get_fixed(mm_cbor_get(map, MM_CLAIM_VM_DIGEST), t->vm_digest, MM_DIGEST_LEN) ||
        !mm_cbor_get_bool(mm_cbor_get(map, MM_CLAIM_VALID), &t->valid) ||
        !mm_cbor_get_uint(mm_cbor_get(map, MM_CLAIM_SEAL), DAMAGE_MAX, &seal) ||
        !mm_cbor_get_uint(mm_cbor_get(map, MM_CLAIM_COUNTER), UINT64_MAX, &t->counter) ||
        !mm_cbor_get_bool(mm_cbor_get(map, MM_CLAIM_GATE), &t->gate_open) ||
        !mm_cbor_get_uint(mm_cbor_get(map, MM_CLAIM_REFERENCES), UINT32_MAX, &references))
        return malformed(err, "claims -70001 to -70006: one is missing or of another type");
    t->seal = (uint8_t)seal;
    t->reference_version = (uint32_t)references;
    return components_read(mm_cbor_get(map, MM_CLAIM_COMPONENTS), t, err);
}

/* A chip that says valid and names damage contradicts itself: take the worse word. */
static void agree(struct mm_token *t)
{
    if (t->seal != 0)
        t->valid = false;
    for (size_t i = 0; i < t->component_n; i++)
        t->valid = t->valid && !t->components[i].damaged;
}

static enum mm_status claims_read(const struct mm_cose *cose, const uint8_t *nonce,
                                  size_t nonce_len, struct mm_token *t, struct mm_err *err)
{
    cbor_item_t *map = NULL;
    const uint8_t *got;
    enum mm_status st = mm_cbor_parse(cose->payload, cose->payload_len, &map, err);

    if (st != MM_OK) {
        mm_err_prefix(err, "token");
        return st;
    }
    if (!mm_cbor_get_bytes(mm_cbor_get(map, MM_CLAIM_NONCE), &got, &t->nonce_len) ||
        t->nonce_len > sizeof(t->nonce)) {
        t->nonce_len = 0;
        st = malformed(err, "claim 10: expected a nonce of at most 64 bytes");
    } else if (t->nonce_len != nonce_len || CRYPTO_memcmp(got, nonce, nonce_len) != 0) {
        st = mm_fail(err, MM_AUTH, SIZE_MAX,
                     "token: replayed, it answers another nonce than the one asked");
    } else {
        memcpy(t->nonce, got, t->nonce_len);
        st = chip_read(map, t, err);
    }
    if (st == MM_OK)
        agree(t);
    cbor_decref(&map);
    return st;
}

enum mm_status mm_token_verify(const uint8_t *data, size_t data_len, X509 *ca, const uint8_t *nonce,
                               size_t nonce_len, struct mm_token *token, struct mm_err *err)
{
    struct mm_cose cose;
    X509 *leaf = NULL;
    enum mm_status st;

    *token = (struct mm_token){0};
    st = mm_cose_parse(data, data_len, &cose, err);
    if (st == MM_OK)
        st = mm_cose_verify_chain(&cose, ca, &leaf, err);
    if (st == MM_OK)
        st = role_check(leaf, err);
    if (st == MM_OK)
        st = claims_read(&cose, nonce, nonce_len, token, err);
    if (st != MM_OK)
        mm_token_clear(token);
    mm_cose_clear(&cose);
    return st;
}

void mm_token_clear(struct mm_token *token)
{
    free(token->components);
    *token = (struct mm_token){0};
}

const struct mm_token_component *mm_token_find(const struct mm_token *token,
                                               const struct mm_aid *aid)
{
    for (size_t i = 0; i < token->component_n; i++) {
        if (mm_aid_equal(&token->components[i].aid, aid))
            return &token->components[i];
    }
    return NULL;
}
