/* The trust service: evidence, appraised against released values; every way to be refused. */
#include "applet_vm/cose/cose.h"
#include "test/unit/platform_fixture.h"

#define AID_HEX "F04D494E544D41524B10"

/* Everything that goes into evidence; a test changes one thing. */
struct setup {
    struct fixture *f;
    EVP_PKEY *chip_key;
    X509 *chip_cert;
    uint8_t nonce[32], token_nonce[32], exporter[32];
    uint8_t client_code[32], package_code[32];
    const char *client, *verdict;
    uint64_t counter;
    bool valid;
    X509 *signer;
    EVP_PKEY *signer_key, *token_key;
    X509 *token_cert;
    struct mm_aid aid;
};

static void release(struct setup *s)
{
    struct mm_reference items[2] = {{.kind = 0, .name = "mintmark-pay"},
                                    {.kind = 1, .name = AID_HEX, .major = 1, .minor = 2}};
    struct mm_references refs = {.version = 1, .items = items, .item_n = 2};
    struct mm_buf out;

    memset(items[0].code, 0xcc, 32);
    memset(items[1].code, 0xaa, 32);
    mm_buf_init(&out);
    assert_int_equal(mm_references_sign(&refs, s->f->p->release_key, &out), MM_OK);
    assert_int_equal(
        mm_store_references_add(s->f->p->store, 1, out.data, out.len, s->f->clock, NULL), MM_OK);
    mm_buf_clear(&out);
}

/* The chip of the fixture with an attestation key of its own. */
static void make_chip(struct setup *s)
{
    struct fixture *f = s->f;
    struct mm_buf der;
    char cn[33];

    memset(f->chip.id, 0xc2, sizeof(f->chip.id));
    snprintf(f->chip.name, sizeof(f->chip.name), "attesting");
    assert_int_equal(mm_ca_new_key(&s->chip_key, NULL), MM_OK);
    assert_int_equal(mm_ca_issue(MM_CERT_ATTESTATION, mm_hex(f->chip.id, 16, cn), s->chip_key,
                                 f->p->ca, f->p->ca_key, &s->chip_cert, NULL),
                     MM_OK);
    mm_buf_init(&der);
    assert_int_equal(mm_ca_der(s->chip_cert, &der), MM_OK);
    memcpy(f->chip.attestation, der.data, der.len);
    f->chip.attestation_len = der.len;
    mm_buf_clear(&der);
    assert_int_equal(mm_ca_serial(s->chip_cert, f->chip.attestation_serial), MM_OK);
    assert_int_equal(mm_store_chip_add(f->p->store, &f->chip, f->clock, NULL), MM_OK);
}

static void new_challenge(struct setup *s)
{
    json_t *a = post(s->f, "/v1/challenge", json_object());
    const char *text = json_string_value(json_object_get(a, "nonce"));
    uint8_t *nonce = NULL;
    size_t len = 0;

    assert_int_equal(mm_unb64url(text, strlen(text), &nonce, &len), MM_OK);
    assert_int_equal(len, 32);
    memcpy(s->nonce, nonce, 32);
    memcpy(s->token_nonce, nonce, 32);
    free(nonce);
    json_decref(a);
}

static int up(void **state)
{
    struct setup *s = calloc(1, sizeof(*s));
    void *f = NULL;
    size_t len = MM_AID_MAX;

    assert_non_null(s);
    fixture_up(&f);
    s->f = f;
    make_chip(s);
    release(s);
    new_challenge(s);
    memset(s->client_code, 0xcc, 32);
    memset(s->package_code, 0xaa, 32);
    s->client = "/usr/bin/mintmark-pay";
    s->verdict = "sound";
    s->counter = 10;
    s->valid = true;
    s->signer = s->f->cert;
    s->signer_key = s->f->key;
    s->token_key = s->chip_key;
    s->token_cert = s->chip_cert;
    assert_int_equal(mm_unhex(AID_HEX, s->aid.bytes, &len), MM_OK);
    s->aid.len = (uint8_t)len;
    *state = s;
    return 0;
}

static int down(void **state)
{
    struct setup *s = *state;
    void *f = s->f;

    EVP_PKEY_free(s->chip_key);
    X509_free(s->chip_cert);
    fixture_down(&f);
    free(s);
    return 0;
}

static void sign(EVP_PKEY *key, X509 *cert, const struct mm_buf *payload, struct mm_buf *out)
{
    struct mm_buf der;

    mm_buf_init(&der);
    assert_int_equal(mm_ca_der(cert, &der), MM_OK);
    assert_int_equal(mm_cose_sign(key, payload->data, payload->len, &der, 1, out), MM_OK);
    mm_buf_clear(&der);
}

static void put_component(const struct setup *s, struct mm_buf *b)
{
    static const uint8_t zero[32];

    mm_cbor_map(b, 8);
    mm_cbor_int(b, 1);
    mm_cbor_uint(b, 1);
    mm_cbor_int(b, 2);
    mm_cbor_bytes(b, s->aid.bytes, s->aid.len);
    mm_cbor_int(b, 4);
    mm_cbor_array(b, 2);
    mm_cbor_uint(b, 1);
    mm_cbor_uint(b, 2);
    mm_cbor_int(b, 5);
    mm_cbor_uint(b, 1);
    mm_cbor_int(b, 6);
    mm_cbor_uint(b, s->valid ? 0 : 1);
    mm_cbor_int(b, 7);
    mm_cbor_bytes(b, s->package_code, 32);
    mm_cbor_int(b, 8);
    mm_cbor_bytes(b, zero, 32);
    mm_cbor_int(b, 9);
    mm_cbor_bytes(b, zero, 32);
}

/* The chip's token (docs/measurement.md, the token). */
static void make_token(const struct setup *s, struct mm_buf *out)
{
    static const uint8_t zero[32];
    uint8_t ueid[17] = {1};
    struct mm_buf b;

    memcpy(ueid + 1, s->f->chip.id, 16);
    mm_buf_init(&b);
    mm_cbor_map(&b, 12);
    mm_cbor_int(&b, 10);
    mm_cbor_bytes(&b, s->token_nonce, 32);
    mm_cbor_int(&b, 256);
    mm_cbor_bytes(&b, ueid, sizeof(ueid));
    mm_cbor_int(&b, 265);
    mm_cbor_text(&b, "tag:mintmark.invalid,2026:chip-1");
    mm_cbor_int(&b, 270);
    mm_cbor_text(&b, "mintmark-chip");
    mm_cbor_int(&b, 271);
    mm_cbor_array(&b, 1);
    mm_cbor_text(&b, "0.1.0");
    mm_cbor_int(&b, -70001);
    mm_cbor_bytes(&b, zero, 32);
    mm_cbor_int(&b, -70002);
    mm_cbor_bool(&b, s->valid);
    mm_cbor_int(&b, -70003);
    mm_cbor_uint(&b, 0);
    mm_cbor_int(&b, -70004);
    mm_cbor_uint(&b, s->counter);
    mm_cbor_int(&b, -70005);
    mm_cbor_bool(&b, true);
    mm_cbor_int(&b, -70006);
    mm_cbor_uint(&b, 1);
    mm_cbor_int(&b, -70007);
    mm_cbor_array(&b, 1);
    put_component(s, &b);
    sign(s->token_key, s->token_cert, &b, out);
    mm_buf_clear(&b);
}

/* The agent's claims (docs/protocol.md, evidence). */
static void make_claims(const struct setup *s, struct mm_buf *b)
{
    static const uint8_t zero[32];
    const ASN1_INTEGER *serial = X509_get0_serialNumber(s->signer);
    struct mm_buf token;

    mm_buf_init(&token);
    make_token(s, &token);
    mm_cbor_map(b, 6);
    mm_cbor_int(b, 10);
    mm_cbor_bytes(b, s->nonce, 32);
    mm_cbor_int(b, 256);
    mm_cbor_bytes(b, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    mm_cbor_int(b, 266);
    mm_cbor_map(b, 1);
    mm_cbor_text(b, "chip");
    mm_cbor_bytes(b, token.data, token.len);
    mm_cbor_int(b, -70010);
    mm_cbor_bytes(b, s->exporter, 32);
    mm_cbor_int(b, -70011);
    mm_cbor_map(b, 4);
    mm_cbor_int(b, 1);
    mm_cbor_bytes(b, s->client_code, 32);
    mm_cbor_int(b, 2);
    mm_cbor_bytes(b, zero, 32);
    mm_cbor_int(b, 3);
    mm_cbor_bytes(b, zero, 32);
    mm_cbor_int(b, 4);
    mm_cbor_text(b, s->client);
    mm_cbor_int(b, -70012);
    mm_cbor_text(b, s->verdict);
    mm_buf_clear(&token);
}

static json_t *send_bytes(struct setup *s, const uint8_t *data, size_t len)
{
    return call_raw(s->f, s->f->cert, "POST", "/v1/evidence", NULL, "application/eat+cwt", data,
                    len);
}

static json_t *send_evidence(struct setup *s)
{
    struct mm_buf claims, out;
    json_t *answer;

    mm_buf_init(&claims);
    mm_buf_init(&out);
    make_claims(s, &claims);
    sign(s->signer_key, s->signer, &claims, &out);
    answer = send_bytes(s, out.data, out.len);
    mm_buf_clear(&claims);
    mm_buf_clear(&out);
    return answer;
}

static void expect_good(struct setup *s)
{
    json_t *a = send_evidence(s);
    const char *why = json_string_value(json_object_get(a, "message"));

    if (s->f->status != 200)
        fail_msg("status %d: %s", s->f->status, why != NULL ? why : "?");
    assert_true(json_string_length(json_object_get(a, "result")) > 100);
    json_decref(a);
}

static void expect_refused(struct setup *s, const char *reason)
{
    json_t *a = send_evidence(s);

    assert_int_equal(s->f->status, 403);
    assert_string_equal(json_string_value(json_object_get(a, "error")), "appraisal");
    assert_string_equal(json_string_value(json_object_get(a, "reason")), reason);
    json_decref(a);
}

static void evidence_that_is_sound_gets_a_result(void **state)
{
    struct setup *s = *state;
    json_t *a = send_evidence(s), *claims = NULL;
    const char *jwt = json_string_value(json_object_get(a, "result"));

    assert_non_null(jwt);
    assert_int_equal(mm_jwt_verify(s->f->p->result_key, jwt, &claims, NULL), MM_OK);
    assert_string_equal(json_string_value(json_object_get(claims, "ear.status")), "affirming");
    assert_int_equal(json_integer_value(json_object_get(claims, "exp")), s->f->clock + 60);
    assert_int_equal(mm_store_component_has(s->f->p->store, s->f->chip.id, &s->aid, 1), MM_OK);
    json_decref(claims);
    json_decref(a);
}

static void evidence_shown_twice_is_replayed(void **state)
{
    struct setup *s = *state;

    expect_good(s);
    expect_refused(s, "evidence_replayed");
}

static void evidence_after_a_refusal_needs_a_new_challenge(void **state)
{
    struct setup *s = *state;

    s->valid = false;
    expect_refused(s, "chip_invalid");
    s->valid = true;
    expect_refused(s, "evidence_replayed");
    new_challenge(s);
    expect_good(s);
}

static void evidence_with_an_older_token_is_refused_as_replayed(void **state)
{
    struct setup *s = *state;

    s->token_nonce[0] ^= 1;
    expect_refused(s, "token_replayed");
}

static void evidence_for_a_nonce_that_is_not_ours_is_refused(void **state)
{
    struct setup *s = *state;

    s->nonce[5] ^= 1;
    s->token_nonce[5] ^= 1;
    expect_refused(s, "challenge_unknown");
}

static void evidence_that_comes_too_late_is_refused(void **state)
{
    struct setup *s = *state;

    s->f->clock += MM_CHALLENGE_LIFE + 1;
    expect_refused(s, "challenge_expired");
}

static void evidence_of_another_connection_is_refused(void **state)
{
    struct setup *s = *state;

    s->exporter[31] ^= 1;
    expect_refused(s, "channel_mismatch");
}

static void evidence_signed_by_another_terminal_is_refused(void **state)
{
    struct setup *s = *state;
    struct mm_terminal other;
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;

    add_terminal(s->f, "other", &cert, &key, &other);
    s->signer = cert;
    s->signer_key = key;
    expect_refused(s, "terminal_mismatch");
    s->signer = s->f->cert; /* the right certificate, another key */
    expect_refused(s, "signature_wrong");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void evidence_of_a_changed_client_is_refused(void **state)
{
    struct setup *s = *state;

    s->client_code[0] ^= 1;
    expect_refused(s, "client_changed");
    new_challenge(s);
    s->client_code[0] ^= 1;
    s->client = "somebody-elses-pay";
    expect_refused(s, "client_changed");
}

static void evidence_with_a_changed_package_is_refused(void **state)
{
    struct setup *s = *state;

    s->package_code[9] ^= 1;
    expect_refused(s, "component_changed");
}

static void evidence_with_an_unknown_package_is_refused(void **state)
{
    struct setup *s = *state;

    s->aid.bytes[9] ^= 1;
    expect_refused(s, "component_unknown");
}

static void evidence_with_a_counter_that_went_back_is_refused(void **state)
{
    struct setup *s = *state;

    expect_good(s);
    new_challenge(s);
    expect_good(s); /* equal is fine: nothing was written */
    new_challenge(s);
    s->counter = 9;
    expect_refused(s, "counter_back");
}

static void evidence_of_an_agent_that_found_fault_is_refused(void **state)
{
    struct setup *s = *state;

    s->verdict = "disabled";
    expect_refused(s, "agent_verdict");
}

/* Another certificate of the same CA with the same name is still not the enrolled chip. */
static void evidence_with_a_token_by_another_key_is_refused(void **state)
{
    struct setup *s = *state;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    char cn[33];

    assert_int_equal(mm_ca_new_key(&key, NULL), MM_OK);
    assert_int_equal(mm_ca_issue(MM_CERT_ATTESTATION, mm_hex(s->f->chip.id, 16, cn), key,
                                 s->f->p->ca, s->f->p->ca_key, &cert, NULL),
                     MM_OK);
    s->token_key = key;
    s->token_cert = cert;
    expect_refused(s, "token_wrong");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void evidence_of_a_revoked_chip_is_refused(void **state)
{
    struct setup *s = *state;

    assert_int_equal(mm_platform_revoke(s->f->p, s->f->chip.attestation_serial, NULL, NULL), MM_OK);
    expect_refused(s, "chip_revoked");
}

static void evidence_cut_off_anywhere_is_refused_and_uses_nothing_up(void **state)
{
    struct setup *s = *state;
    struct mm_buf claims, out;

    mm_buf_init(&claims);
    mm_buf_init(&out);
    make_claims(s, &claims);
    sign(s->signer_key, s->signer, &claims, &out);
    for (size_t len = 0; len < out.len; len += 1 + len / 16) {
        json_t *a = send_bytes(s, out.data, len);
        assert_int_equal(s->f->status, 403);
        assert_string_equal(json_string_value(json_object_get(a, "reason")), "evidence_malformed");
        json_decref(a);
    }
    json_decref(send_bytes(s, out.data, out.len));
    assert_int_equal(s->f->status, 200);
    mm_buf_clear(&claims);
    mm_buf_clear(&out);
}

static void evidence_is_read_claim_by_claim(void **state)
{
    struct setup *s = *state;
    struct mm_buf claims;
    struct mm_evidence e;

    mm_buf_init(&claims);
    make_claims(s, &claims);
    assert_int_equal(mm_evidence_read(claims.data, claims.len, &e, NULL), MM_OK);
    assert_string_equal(e.client_name, "mintmark-pay");
    assert_string_equal(e.verdict, "sound");
    assert_memory_equal(e.nonce, s->nonce, 32);
    mm_evidence_clear(&e);
    for (size_t len = 0; len < claims.len; len++) {
        struct mm_err err = {0};
        assert_int_not_equal(mm_evidence_read(claims.data, len, &e, &err), MM_OK);
        assert_true(strlen(err.text) > 0);
        mm_evidence_clear(&e);
    }
    mm_buf_clear(&claims);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(evidence_that_is_sound_gets_a_result),
        T(evidence_shown_twice_is_replayed),
        T(evidence_after_a_refusal_needs_a_new_challenge),
        T(evidence_with_an_older_token_is_refused_as_replayed),
        T(evidence_for_a_nonce_that_is_not_ours_is_refused),
        T(evidence_that_comes_too_late_is_refused),
        T(evidence_of_another_connection_is_refused),
        T(evidence_signed_by_another_terminal_is_refused),
        T(evidence_of_a_changed_client_is_refused),
        T(evidence_with_a_changed_package_is_refused),
        T(evidence_with_an_unknown_package_is_refused),
        T(evidence_with_a_counter_that_went_back_is_refused),
        T(evidence_of_an_agent_that_found_fault_is_refused),
        T(evidence_with_a_token_by_another_key_is_refused),
        T(evidence_of_a_revoked_chip_is_refused),
        T(evidence_cut_off_anywhere_is_refused_and_uses_nothing_up),
        T(evidence_is_read_claim_by_claim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
