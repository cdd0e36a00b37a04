/* Tokens and reference values: what verifies, and everything that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"
#include "host_client/trust/trust.h"

static const uint8_t nonce[16] = "nonce of 16 byte";
static const uint8_t aid_bytes[6] = {0xf0, 1, 2, 3, 4, 5};

struct pki {
    EVP_PKEY *ca_key, *key, *other_key;
    X509 *ca, *other_ca;
    struct mm_buf chip, terminal, expired;
};

static X509 *cert_make(const char *use, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                       long until)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert), until);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const uint8_t *)(issuer != NULL ? "chip" : "root"), -1, -1, 0);
    X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : name);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
    ext = issuer != NULL ? X509V3_EXT_conf_nid(NULL, &ctx, NID_ext_key_usage, use)
                         : X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints, "CA:TRUE");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(cert, issuer_key, EVP_sha256());
    return cert;
}

static void der_take(X509 *cert, struct mm_buf *out)
{
    uint8_t *der = NULL;
    int n = i2d_X509(cert, &der);

    mm_buf_init(out);
    mm_buf_bytes(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(cert);
}

static int pki_make(void **state)
{
    struct pki *p = calloc(1, sizeof(*p));

    p->ca_key = EVP_EC_gen("P-256");
    p->key = EVP_EC_gen("P-256");
    p->other_key = EVP_EC_gen("P-256");
    p->ca = cert_make(NULL, p->ca_key, NULL, p->ca_key, 3600);
    p->other_ca = cert_make(NULL, p->other_key, NULL, p->other_key, 3600);
    der_take(cert_make("2.23.133.8.3", p->key, p->ca, p->ca_key, 3600), &p->chip);
    der_take(cert_make("clientAuth", p->key, p->ca, p->ca_key, 3600), &p->terminal);
    der_take(cert_make("2.23.133.8.3", p->key, p->ca, p->ca_key, -3600), &p->expired);
    *state = p;
    return 0;
}

static int pki_free(void **state)
{
    struct pki *p = *state;

    EVP_PKEY_free(p->ca_key);
    EVP_PKEY_free(p->key);
    EVP_PKEY_free(p->other_key);
    X509_free(p->ca);
    X509_free(p->other_ca);
    mm_buf_clear(&p->chip);
    mm_buf_clear(&p->terminal);
    mm_buf_clear(&p->expired);
    free(p);
    return 0;
}

/* What may be told otherwise in a claims map. */
struct say {
    bool valid;
    unsigned damage;     /* of the component */
    unsigned components; /* of the same AID */
    size_t digest_len;
    const char *profile;
};
static const struct say sound = {true, 0, 1, 32, MM_PROFILE_CHIP};

static void claims_make(const struct say *say, struct mm_buf *out)
{
    static const uint8_t bytes[32] = {1};
    static const uint8_t digest[32] = {7};

    mm_cbor_map(out, 11);
    mm_cbor_int(out, MM_CLAIM_NONCE);
    mm_cbor_bytes(out, nonce, sizeof(nonce));
    mm_cbor_int(out, MM_CLAIM_UEID);
    mm_cbor_bytes(out, bytes, 17);
    mm_cbor_int(out, MM_CLAIM_PROFILE);
    mm_cbor_text(out, say->profile);
    mm_cbor_int(out, MM_CLAIM_SWVERSION);
    mm_cbor_array(out, 1);
    mm_cbor_text(out, "0.1.0");
    mm_cbor_int(out, MM_CLAIM_VM_DIGEST);
    mm_cbor_bytes(out, bytes, 32);
    mm_cbor_int(out, MM_CLAIM_VALID);
    mm_cbor_bool(out, say->valid);
    mm_cbor_int(out, MM_CLAIM_SEAL);
    mm_cbor_uint(out, 0);
    mm_cbor_int(out, MM_CLAIM_COUNTER);
    mm_cbor_uint(out, 4711);
    mm_cbor_int(out, MM_CLAIM_GATE);
    mm_cbor_bool(out, false);
    mm_cbor_int(out, MM_CLAIM_REFERENCES);
    mm_cbor_uint(out, 3);
    mm_cbor_int(out, MM_CLAIM_COMPONENTS);
    mm_cbor_array(out, say->components);
    for (unsigned i = 0; i < say->components; i++) {
        mm_cbor_map(out, 8);
        mm_cbor_int(out, MM_COMPONENT_KIND);
        mm_cbor_uint(out, 1);
        mm_cbor_int(out, MM_COMPONENT_AID);
        mm_cbor_bytes(out, aid_bytes, sizeof(aid_bytes));
        mm_cbor_int(out, MM_COMPONENT_VERSION);
        mm_cbor_array(out, 2);
        mm_cbor_uint(out, 1);
        mm_cbor_uint(out, 2);
        mm_cbor_int(out, MM_COMPONENT_LIFE_CYCLE);
        mm_cbor_uint(out, 1);
        mm_cbor_int(out, MM_COMPONENT_DAMAGE);
        mm_cbor_uint(out, say->damage);
        mm_cbor_int(out, MM_COMPONENT_CODE);
        mm_cbor_bytes(out, digest, say->digest_len);
        mm_cbor_int(out, MM_COMPONENT_FIXED);
        mm_cbor_bytes(out, digest, 32);
        mm_cbor_int(out, MM_COMPONENT_DYNAMIC);
        mm_cbor_bytes(out, digest, 32);
    }
}

static void token_make(const struct pki *p, const struct mm_buf *cert, const struct say *say,
                       struct mm_buf *out)
{
    struct mm_buf claims;

    mm_buf_init(&claims);
    mm_buf_init(out);
    claims_make(say, &claims);
    assert_int_equal(mm_cose_sign(p->key, claims.data, claims.len, cert, 1, out), MM_OK);
    mm_buf_clear(&claims);
}

static enum mm_status verify(const struct mm_buf *t, X509 *ca, const uint8_t *asked,
                             struct mm_token *token, struct mm_err *err)
{
    return mm_token_verify(t->data, t->len, ca, asked, sizeof(nonce), token, err);
}

static void trust_sound_token_is_read_whole(void **state)
{
    struct pki *p = *state;
    struct mm_token token;
    struct mm_buf t;
    struct mm_err err;
    struct mm_aid aid;

    token_make(p, &p->chip, &sound, &t);
    assert_int_equal(verify(&t, p->ca, nonce, &token, &err), MM_OK);
    assert_true(token.valid);
    assert_int_equal(token.counter, 4711);
    assert_int_equal(token.reference_version, 3);
    assert_string_equal(token.vm_version, "0.1.0");
    assert_int_equal(token.component_n, 1);
    assert_int_equal(mm_aid_set(&aid, aid_bytes, sizeof(aid_bytes)), MM_OK);
    assert_int_equal(mm_token_find(&token, &aid)->code[0], 7);
    assert_int_equal(mm_token_find(&token, &aid)->minor, 2);
    aid.len--;
    assert_null(mm_token_find(&token, &aid));
    mm_token_clear(&token);
    mm_buf_clear(&t);
}

static void trust_token_for_another_nonce_is_called_replayed(void **state)
{
    struct pki *p = *state;
    uint8_t other[16] = "nonce of 16 bytE";
    struct mm_token token;
    struct mm_buf t;
    struct mm_err err;

    token_make(p, &p->chip, &sound, &t);
    assert_int_equal(verify(&t, p->ca, other, &token, &err), MM_AUTH);
    assert_non_null(strstr(err.text, "replayed"));
    assert_null(token.components);
    mm_buf_clear(&t);
}

static void trust_token_under_the_wrong_certificate_is_refused(void **state)
{
    struct pki *p = *state;
    struct mm_token token;
    struct mm_buf t;
    struct mm_err err;

    token_make(p, &p->chip, &sound, &t);
    assert_int_equal(verify(&t, p->other_ca, nonce, &token, &err), MM_AUTH);
    mm_buf_clear(&t);
    token_make(p, &p->terminal, &sound, &t); /* a terminal may not speak for a chip */
    assert_int_equal(verify(&t, p->ca, nonce, &token, &err), MM_AUTH);
    assert_non_null(strstr(err.text, "attestation"));
    mm_buf_clear(&t);
    token_make(p, &p->expired, &sound, &t);
    assert_int_equal(verify(&t, p->ca, nonce, &token, &err), MM_AUTH);
    assert_non_null(strstr(err.text, "expired"));
    mm_buf_clear(&t);
}

static void trust_token_that_contradicts_itself_is_invalid(void **state)
{
    struct pki *p = *state;
    struct say say = sound;
    struct mm_token token;
    struct mm_buf t;

    say.damage = 1;
    token_make(p, &p->chip, &say, &t);
    assert_int_equal(verify(&t, p->ca, nonce, &token, NULL), MM_OK);
    assert_false(token.valid);
    assert_true(token.components[0].damaged);
    mm_token_clear(&token);
    mm_buf_clear(&t);
}

static void trust_malformed_claims_are_refused(void **state)
{
    static const struct say cases[] = {
        {true, 3, 1, 32, MM_PROFILE_CHIP},                    /* no such damage */
        {true, 0, 2, 32, MM_PROFILE_CHIP},                    /* one AID twice */
        {true, 0, 1, 31, MM_PROFILE_CHIP},                    /* digest too short */
        {true, 0, 1, 32, "tag:mintmark.invalid,2026:chip-2"}, /* another kind of token */
    };
    struct pki *p = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mm_token token;
        struct mm_buf t;
        struct mm_err err;
        token_make(p, &p->chip, &cases[i], &t);
        assert_int_equal(verify(&t, p->ca, nonce, &token, &err), MM_MALFORMED);
        assert_null(token.components);
        mm_buf_clear(&t);
    }
}

static void trust_every_prefix_of_a_token_is_refused(void **state)
{
    struct pki *p = *state;
    struct mm_token token;
    struct mm_buf t;

    token_make(p, &p->chip, &sound, &t);
    for (size_t len = 0; len < t.len; len++)
        assert_int_not_equal(
            mm_token_verify(t.data, len, p->ca, nonce, sizeof(nonce), &token, NULL), MM_OK);
    mm_buf_clear(&t);
}

/* ---- Reference values ---- */

static void refs_make(const struct pki *p, struct mm_buf *out)
{
    struct mm_reference items[2] = {{.kind = 0, .name = "mintmark-pay", .code = {1}},
                                    {.kind = 1,
                                     .name = "F00102030405",
                                     .major = 1,
                                     .minor = 2,
                                     .code = {2},
                                     .fixed = {3},
                                     .has_fixed = true,
                                     .fixed_by_history = true}};
    struct mm_references refs = {.version = 9, .items = items, .item_n = 2};

    mm_buf_init(out);
    assert_int_equal(mm_references_sign(&refs, p->key, out), MM_OK);
}

static void trust_references_come_back_as_signed(void **state)
{
    struct pki *p = *state;
    X509 *release = cert_make("codeSigning", p->key, p->ca, p->ca_key, 3600);
    struct mm_references refs;
    struct mm_buf object;
    struct mm_err err;

    refs_make(p, &object);
    assert_int_equal(mm_references_verify(object.data, object.len, release, &refs, &err), MM_OK);
    assert_int_equal(refs.version, 9);
    assert_int_equal(refs.item_n, 2);
    assert_string_equal(refs.items[0].name, "mintmark-pay");
    assert_false(refs.items[0].has_fixed);
    assert_int_equal(refs.items[1].fixed[0], 3);
    assert_true(refs.items[1].fixed_by_history);
    mm_references_clear(&refs);
    mm_buf_clear(&object);
    X509_free(release);
}

static void trust_references_by_another_key_or_changed_are_refused(void **state)
{
    struct pki *p = *state;
    X509 *release = cert_make("codeSigning", p->key, p->ca, p->ca_key, 3600);
    struct mm_references refs;
    struct mm_buf object;

    refs_make(p, &object);
    assert_int_equal(mm_references_verify(object.data, object.len, p->ca, &refs, NULL), MM_AUTH);
    for (size_t i = 0; i < object.len; i++) {
        object.data[i] ^= 0x01;
        assert_int_not_equal(mm_references_verify(object.data, object.len, release, &refs, NULL),
                             MM_OK);
        assert_null(refs.items);
        object.data[i] ^= 0x01;
        assert_int_not_equal(mm_references_verify(object.data, i, release, &refs, NULL), MM_OK);
    }
    mm_buf_clear(&object);
    X509_free(release);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trust_sound_token_is_read_whole),
        cmocka_unit_test(trust_token_for_another_nonce_is_called_replayed),
        cmocka_unit_test(trust_token_under_the_wrong_certificate_is_refused),
        cmocka_unit_test(trust_token_that_contradicts_itself_is_invalid),
        cmocka_unit_test(trust_malformed_claims_are_refused),
        cmocka_unit_test(trust_every_prefix_of_a_token_is_refused),
        cmocka_unit_test(trust_references_come_back_as_signed),
        cmocka_unit_test(trust_references_by_another_key_or_changed_are_refused),
    };

    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
