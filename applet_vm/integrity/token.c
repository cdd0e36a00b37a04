/*
 * The signed token: an EAT (RFC 9711) in a COSE_Sign1, one statement over the whole chip. Claims and
 * their numbers: docs/measurement.md.
 */
#include "applet_vm/integrity/integrity_int.h"

#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"

#define NONCE_MIN 8
#define NONCE_MAX 64

static enum mm_status put_component(struct mm_integrity *in, const struct mm_measured *m,
                                    struct mm_buf *out)
{
    bool applet = m->kind == MM_COMP_APPLET;
    enum mm_damage damage = mm_comp_damage(in->cfg.nvm, m->comp);
    struct mm_digests d;
    enum mm_status st = mm_integrity_measure(in, m, &d);

    if (st != MM_OK && st != MM_TAMPERED)
        return st;
    mm_cbor_map(out, applet ? 9 : 8);
    mm_cbor_int(out, MM_COMPONENT_KIND);
    mm_cbor_uint(out, (uint64_t)m->kind);
    mm_cbor_int(out, MM_COMPONENT_AID);
    mm_cbor_bytes(out, m->aid.bytes, m->aid.len);
    if (applet) {
        mm_cbor_int(out, MM_COMPONENT_PACKAGE);
        mm_cbor_bytes(out, m->package.bytes, m->package.len);
    }
    mm_cbor_int(out, MM_COMPONENT_VERSION);
    mm_cbor_array(out, 2);
    mm_cbor_uint(out, m->major);
    mm_cbor_uint(out, m->minor);
    mm_cbor_int(out, MM_COMPONENT_LIFE_CYCLE);
    mm_cbor_uint(out, m->life_cycle);
    mm_cbor_int(out, MM_COMPONENT_DAMAGE);
    mm_cbor_uint(out, (uint64_t)damage);
    mm_cbor_int(out, MM_COMPONENT_CODE);
    mm_cbor_bytes(out, d.code, sizeof(d.code));
    mm_cbor_int(out, MM_COMPONENT_FIXED);
    mm_cbor_bytes(out, d.fixed, sizeof(d.fixed));
    mm_cbor_int(out, MM_COMPONENT_DYNAMIC);
    mm_cbor_bytes(out, d.dynamic, sizeof(d.dynamic));
    return MM_OK;
}

static enum mm_status put_components(struct mm_integrity *in, struct mm_buf *out)
{
    struct mm_measured m;
    enum mm_status st = MM_OK;
    size_t n = 0;

    while (in->cfg.entry(in->cfg.ctx, n, &m))
        n++;
    mm_cbor_int(out, MM_CLAIM_COMPONENTS);
    mm_cbor_array(out, n);
    for (size_t i = 0; st == MM_OK && i < n; i++) {
        if (!in->cfg.entry(in->cfg.ctx, i, &m))
            return MM_STATE;
        st = put_component(in, &m, out);
    }
    return st;
}

/* Keys ascending as encoded (RFC 8949, 4.2.1): first the positive, then the private ones. */
static enum mm_status claims_make(struct mm_integrity *in, const uint8_t *nonce, size_t nonce_len,
                                  struct mm_buf *out)
{
    uint8_t ueid[1 + IN_CHIP_ID_LEN] = {MM_UEID_RAND};

    memcpy(ueid + 1, in->cfg.chip_id, IN_CHIP_ID_LEN);
    mm_cbor_map(out, 12);
    mm_cbor_int(out, MM_CLAIM_NONCE);
    mm_cbor_bytes(out, nonce, nonce_len);
    mm_cbor_int(out, MM_CLAIM_UEID);
    mm_cbor_bytes(out, ueid, sizeof(ueid));
    mm_cbor_int(out, MM_CLAIM_PROFILE);
    mm_cbor_text(out, MM_PROFILE_CHIP);
    mm_cbor_int(out, MM_CLAIM_SWNAME);
    mm_cbor_text(out, "mintmark-chip");
    mm_cbor_int(out, MM_CLAIM_SWVERSION);
    mm_cbor_array(out, 1);
    mm_cbor_text(out, MM_VERSION);
    mm_cbor_int(out, MM_CLAIM_VM_DIGEST);
    mm_cbor_bytes(out, in->vm_digest, sizeof(in->vm_digest));
    mm_cbor_int(out, MM_CLAIM_VALID);
    mm_cbor_bool(out, mm_integrity_valid(in));
    mm_cbor_int(out, MM_CLAIM_SEAL);
    mm_cbor_uint(out, (uint64_t)mm_comp_damage(in->cfg.nvm, MM_COMP_PLATFORM));
    mm_cbor_int(out, MM_CLAIM_COUNTER);
    mm_cbor_uint(out, mm_nvm_counter(in->cfg.nvm));
    mm_cbor_int(out, MM_CLAIM_GATE);
    mm_cbor_bool(out, mm_integrity_gate_open(in));
    mm_cbor_int(out, MM_CLAIM_REFERENCES);
    mm_cbor_uint(out, in_version(in, 1));
    return put_components(in, out);
}

uint16_t in_token(struct mm_integrity *in, const uint8_t *nonce, size_t len, struct mm_buf *out)
{
    size_t der_len;
    const uint8_t *der = in_rec(in, IN_REC_ATTESTATION_CERT, &der_len);
    struct mm_buf claims, chain;
    enum mm_status st;

    if (len < NONCE_MIN || len > NONCE_MAX)
        return MM_SW_6A80_WRONG_DATA;
    if (der == NULL || in_key(in) == NULL)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED; /* not enrolled */
    mm_buf_init(&claims);
    mm_buf_init(&chain);
    mm_buf_bytes(&chain, der, der_len);
    st = claims_make(in, nonce, len, &claims);
    if (st == MM_OK && (claims.bad || chain.bad))
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        st = mm_cose_sign(in_key(in), claims.data, claims.len, &chain, 1, out);
    mm_buf_clear(&claims);
    mm_buf_clear(&chain);
    return st == MM_OK ? MM_SW_9000_NO_ERROR : MM_SW_6400_EXECUTION_ERROR;
}
