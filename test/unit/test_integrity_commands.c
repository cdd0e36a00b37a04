/* The integrity application's and the enrolment commands, without any package in the chip. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"
#include "applet_vm/integrity/integrity.h"

static const uint8_t chip_id[16] = "chip id 16 bytes";
static const uint8_t pairing[16] = "pairing key 0123";
static const struct mm_aid applet = {7, {0xf0, 1, 2, 3, 4, 5, 6}};

struct chip {
    struct mm_nvm *nvm;
    struct mm_integrity *in;
    struct mm_buf out;
    struct mm_aid deleted;
    EVP_PKEY *operator_key;
};

static bool no_entry(void *ctx, size_t index, struct mm_measured *out)
{
    (void)ctx;
    (void)index;
    (void)out;
    return false;
}

static enum mm_status delete_one(void *ctx, const struct mm_aid *aid)
{
    struct chip *c = ctx;

    if (!mm_aid_equal(aid, &applet))
        return MM_NOT_FOUND;
    c->deleted = *aid;
    return MM_OK;
}

static enum mm_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return RAND_bytes(out, (int)len) == 1 ? MM_OK : MM_CRYPTO;
}

static int chip_setup(void **state)
{
    struct chip *c = calloc(1, sizeof(*c));
    struct mm_nvm_config nvm = {0};
    struct mm_integrity_config cfg = {.ctx = c,
                                      .entry = no_entry,
                                      .delete_applet = delete_one,
                                      .random = random_bytes,
                                      .chip_id = chip_id,
                                      .has_gate = true};

    if (c == NULL || mm_nvm_create(&nvm, &c->nvm, NULL) != MM_OK)
        return 1;
    cfg.nvm = c->nvm;
    mm_buf_init(&c->out);
    c->operator_key = EVP_EC_gen("P-256");
    *state = c;
    return mm_integrity_new(&cfg, &c->in, NULL) != MM_OK;
}

static int chip_teardown(void **state)
{
    struct chip *c = *state;

    mm_integrity_free(&c->in);
    mm_nvm_close(&c->nvm);
    mm_buf_clear(&c->out);
    EVP_PKEY_free(c->operator_key);
    free(c);
    return 0;
}

static uint16_t command(struct chip *c, uint8_t ins, uint8_t p1, uint8_t p2, const void *data,
                        size_t len)
{
    c->out.len = 0;
    return mm_integrity_command(c->in, ins, p1, p2, data, len, &c->out);
}

static uint16_t enrol(struct chip *c, uint8_t ins, uint8_t p1, uint8_t p2, const void *data,
                      size_t len)
{
    c->out.len = 0;
    return mm_integrity_enrol(c->in, ins, p1, p2, data, len, &c->out);
}

/* A certificate for a key, signed by the operator's. */
static void cert_der(EVP_PKEY *key, EVP_PKEY *signer, struct mm_buf *out)
{
    X509 *cert = X509_new();
    uint8_t *der = NULL;
    int n;

    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, signer, EVP_sha256());
    n = i2d_X509(cert, &der);
    mm_buf_init(out);
    mm_buf_bytes(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(cert);
}

static EVP_PKEY *point_key(const uint8_t *point)
{
    EVP_PKEY *key = EVP_PKEY_new();
    EVP_PKEY *group = EVP_EC_gen("P-256");

    assert_int_equal(EVP_PKEY_copy_parameters(key, group), 1);
    assert_int_equal(EVP_PKEY_set1_encoded_public_key(key, point, 65), 1);
    EVP_PKEY_free(group);
    return key;
}

static void put_cert(struct chip *c, uint8_t p1, const struct mm_buf *der, uint16_t sw)
{
    for (size_t off = 0; off < der->len; off += 100) {
        size_t n = der->len - off < 100 ? der->len - off : 100;
        bool last = off + n == der->len;
        uint8_t p2 = (uint8_t)(off / 100 | (last ? 0x80u : 0));
        assert_int_equal(enrol(c, MM_INS_ISD_PUT_CERTIFICATE, p1, p2, der->data + off, n),
                         last ? sw : MM_SW_9000_NO_ERROR);
    }
}

static void enrol_all(struct chip *c)
{
    struct mm_buf der;
    EVP_PKEY *key;

    assert_int_equal(enrol(c, MM_INS_ISD_GENERATE_ATTESTATION_KEY, 0, 0, NULL, 0), 0x9000);
    key = point_key(c->out.data);
    cert_der(key, c->operator_key, &der);
    put_cert(c, 0, &der, MM_SW_9000_NO_ERROR);
    mm_buf_clear(&der);
    EVP_PKEY_free(key);
    cert_der(c->operator_key, c->operator_key, &der);
    put_cert(c, 1, &der, MM_SW_9000_NO_ERROR);
    mm_buf_clear(&der);
    assert_int_equal(enrol(c, MM_INS_ISD_PUT_PAIRING_KEY, 0, 0, pairing, sizeof(pairing)), 0x9000);
}

/* data and MAC with the pairing key over ins, p1, a new challenge and data. */
static void authorise(struct chip *c, uint8_t ins, uint8_t p1, const void *data, size_t len,
                      struct mm_buf *out)
{
    EVP_MAC *alg = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(alg);
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, (char[]){"AES-128-CBC"}, 0),
        OSSL_PARAM_construct_end()};
    uint8_t mac[16], head[2] = {ins, p1};
    size_t n;

    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0), 0x9000);
    assert_int_equal(c->out.len, 16);
    assert_int_equal(EVP_MAC_init(ctx, pairing, sizeof(pairing), params), 1);
    assert_int_equal(EVP_MAC_update(ctx, head, 2), 1);
    assert_int_equal(EVP_MAC_update(ctx, c->out.data, 16), 1);
    assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, mac, &n, sizeof(mac)), 1);
    mm_buf_init(out);
    if (len > 0)
        mm_buf_bytes(out, data, len);
    mm_buf_bytes(out, mac, sizeof(mac));
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(alg);
}

static void integrity_answers_6985_before_enrolment(void **state)
{
    struct chip *c = *state;

    assert_int_equal(command(c, MM_INS_INTEGRITY_INTEGRITY, 0, 0, "12345678", 8), 0x6985);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 0, 0, NULL, 0), 0x6a88);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_REFERENCES, 0, 0, NULL, 0), 0x6a88);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CHALLENGE, 0, 0, NULL, 0), 0x9000);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, pairing, 16), 0x6985);
}

static void integrity_enrolment_proves_possession_of_the_new_key(void **state)
{
    struct chip *c = *state;
    uint8_t message[14 + 16 + 65];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY *key;

    assert_int_equal(enrol(c, MM_INS_ISD_GENERATE_ATTESTATION_KEY, 0, 0, NULL, 0), 0x9000);
    memcpy(message, "mintmark-enrol", 14);
    memcpy(message + 14, chip_id, 16);
    memcpy(message + 30, c->out.data, 65);
    key = point_key(c->out.data);
    assert_int_equal(EVP_DigestVerifyInit(md, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(
        EVP_DigestVerify(md, c->out.data + 65, c->out.len - 65, message, sizeof(message)), 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(key);
}

static void integrity_token_states_nonce_chip_and_validity(void **state)
{
    struct chip *c = *state;
    struct mm_cose cose;
    cbor_item_t *claims;
    uint8_t ueid[17], nonce[12];
    bool valid = false, gate = true;
    EVP_PKEY *key;

    enrol_all(c);
    assert_int_equal(command(c, MM_INS_INTEGRITY_INTEGRITY, 0, 0, "fresh nonce!", 12), 0x9000);
    assert_int_equal(mm_cose_parse(c->out.data, c->out.len, &cose, NULL), MM_OK);
    assert_int_equal(sk_X509_num(cose.chain), 1);
    key = X509_get0_pubkey(sk_X509_value(cose.chain, 0));
    assert_int_equal(mm_cose_verify(&cose, key, NULL), MM_OK);
    assert_int_equal(mm_cbor_parse(cose.payload, cose.payload_len, &claims, NULL), MM_OK);
    assert_true(mm_cbor_get_fixed(mm_cbor_get(claims, MM_CLAIM_NONCE), nonce, 12));
    assert_memory_equal(nonce, "fresh nonce!", 12);
    assert_true(mm_cbor_get_fixed(mm_cbor_get(claims, MM_CLAIM_UEID), ueid, 17));
    assert_memory_equal(ueid + 1, chip_id, 16);
    assert_true(mm_cbor_get_bool(mm_cbor_get(claims, MM_CLAIM_VALID), &valid));
    assert_true(valid);
    assert_true(mm_cbor_get_bool(mm_cbor_get(claims, MM_CLAIM_GATE), &gate));
    assert_false(gate);
    cbor_decref(&claims);
    mm_cose_clear(&cose);
    assert_int_equal(command(c, MM_INS_INTEGRITY_INTEGRITY, 0, 0, "short", 5), 0x6a80);
}

static void integrity_attestation_certificate_of_another_key_is_refused(void **state)
{
    struct chip *c = *state;
    struct mm_buf der;

    enrol_all(c);
    cert_der(c->operator_key, c->operator_key, &der);
    put_cert(c, 0, &der, MM_SW_6A80_WRONG_DATA);
    der.data[0] ^= 1;
    put_cert(c, 1, &der, MM_SW_6A80_WRONG_DATA);
    mm_buf_clear(&der);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 0, 0, NULL, 0), 0x9000);
    assert_int_equal(enrol(c, MM_INS_ISD_PUT_CERTIFICATE, 1, 1, "x", 1), 0x6a80);
    assert_int_equal(enrol(c, MM_INS_ISD_PUT_CERTIFICATE, 3, 0, "x", 1), 0x6a86);
    assert_int_equal(enrol(c, MM_INS_ISD_PUT_PAIRING_KEY, 0, 0, pairing, 15), 0x6a80);
}

static void integrity_gate_opens_with_the_pairing_key_only_and_once(void **state)
{
    struct chip *c = *state;
    struct mm_buf cmd;

    enrol_all(c);
    authorise(c, MM_INS_INTEGRITY_GATE, 1, NULL, 0, &cmd);
    cmd.data[0] ^= 1;
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, cmd.data, cmd.len), 0x6982);
    cmd.data[0] ^= 1; /* right again, but the challenge is used up */
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, cmd.data, cmd.len), 0x6985);
    assert_false(mm_integrity_gate_open(c->in));
    mm_buf_clear(&cmd);
    authorise(c, MM_INS_INTEGRITY_GATE, 1, NULL, 0, &cmd);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, cmd.data, cmd.len), 0x9000);
    assert_true(mm_integrity_gate_open(c->in));
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 0, 0, NULL, 0), 0x9000);
    assert_false(mm_integrity_gate_open(c->in));
    mm_buf_clear(&cmd);
}

static void integrity_reset_shuts_the_gate_and_forgets_the_challenge(void **state)
{
    struct chip *c = *state;
    struct mm_buf cmd;

    enrol_all(c);
    authorise(c, MM_INS_INTEGRITY_GATE, 1, NULL, 0, &cmd);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, cmd.data, cmd.len), 0x9000);
    mm_buf_clear(&cmd);
    authorise(c, MM_INS_INTEGRITY_GATE, 1, NULL, 0, &cmd);
    mm_integrity_reset(c->in);
    assert_false(mm_integrity_gate_open(c->in));
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 1, 0, cmd.data, cmd.len), 0x6985);
    mm_buf_clear(&cmd);
}

static void integrity_delete_applet_needs_the_mac_and_is_logged(void **state)
{
    struct chip *c = *state;
    uint8_t lv[8] = {7};
    struct mm_buf cmd;

    enrol_all(c);
    memcpy(lv + 1, applet.bytes, 7);
    authorise(c, MM_INS_INTEGRITY_DELETE_APPLET, 0, lv, 8, &cmd);
    assert_int_equal(command(c, MM_INS_INTEGRITY_DELETE_APPLET, 0, 0, cmd.data, cmd.len), 0x9000);
    assert_true(mm_aid_equal(&c->deleted, &applet));
    mm_buf_clear(&cmd);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_EVENT_LOG, 0, 0, NULL, 0), 0x9000);
    assert_int_equal(c->out.data[12], MM_EVENT_DISMISS); /* newest first */
    assert_memory_equal(c->out.data + 13, lv, 8);
    lv[7] ^= 1;
    authorise(c, MM_INS_INTEGRITY_DELETE_APPLET, 0, lv, 8, &cmd);
    assert_int_equal(command(c, MM_INS_INTEGRITY_DELETE_APPLET, 0, 0, cmd.data, cmd.len), 0x6a88);
    cmd.data[0] = 6; /* length of the AID does not fit */
    assert_int_equal(command(c, MM_INS_INTEGRITY_DELETE_APPLET, 0, 0, cmd.data, cmd.len), 0x6a80);
    mm_buf_clear(&cmd);
}

/* An update object of kind 1 with empty content. */
static void object_make(EVP_PKEY *key, uint64_t kind, uint64_t version, struct mm_buf *out)
{
    struct mm_buf payload;

    mm_buf_init(&payload);
    mm_buf_init(out);
    mm_cbor_map(&payload, 3);
    mm_cbor_int(&payload, 1);
    mm_cbor_uint(&payload, kind);
    mm_cbor_int(&payload, 2);
    mm_cbor_uint(&payload, version);
    mm_cbor_int(&payload, 3);
    mm_cbor_bytes(&payload, "\xa0", 1);
    assert_int_equal(mm_cose_sign(key, payload.data, payload.len, NULL, 0, out), MM_OK);
    mm_buf_clear(&payload);
}

static uint16_t deliver(struct chip *c, uint8_t kind, const struct mm_buf *object)
{
    struct mm_buf cmd;
    uint16_t sw = 0;

    authorise(c, MM_INS_INTEGRITY_DELIVER_UPDATE, kind, object->data, object->len, &cmd);
    for (size_t off = 0; off < cmd.len; off += 64) {
        size_t n = cmd.len - off < 64 ? cmd.len - off : 64;
        uint8_t p1 = (uint8_t)(off / 64 | (off + n == cmd.len ? 0x80u : 0));
        sw = command(c, MM_INS_INTEGRITY_DELIVER_UPDATE, p1, kind, cmd.data + off, n);
        if (off + n < cmd.len)
            assert_int_equal(sw, 0x9000);
    }
    mm_buf_clear(&cmd);
    return sw;
}

static void integrity_update_needs_signature_and_a_higher_version(void **state)
{
    struct chip *c = *state;
    EVP_PKEY *other = EVP_EC_gen("P-256");
    struct mm_buf object;

    enrol_all(c);
    object_make(c->operator_key, 1, 5, &object);
    assert_int_equal(deliver(c, 1, &object), 0x9000);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_REFERENCES, 0, 0, NULL, 0), 0x9000);
    assert_int_equal(c->out.len, object.len);
    assert_memory_equal(c->out.data, object.data, object.len);
    assert_int_equal(deliver(c, 1, &object), 0x6985); /* the same version again */
    assert_int_equal(deliver(c, 2, &object), 0x6a80); /* of another kind */
    mm_buf_clear(&object);
    object_make(c->operator_key, 1, 4, &object);
    assert_int_equal(deliver(c, 1, &object), 0x6985);
    mm_buf_clear(&object);
    object_make(other, 1, 6, &object);
    assert_int_equal(deliver(c, 1, &object), 0x6982);
    object.data[0] ^= 1;
    assert_int_equal(deliver(c, 1, &object), 0x6a80);
    mm_buf_clear(&object);
    object_make(c->operator_key, 3, 1, &object); /* content is no certificate */
    assert_int_equal(deliver(c, 3, &object), 0x6a80);
    mm_buf_clear(&object);
    EVP_PKEY_free(other);
}

/* An update object whose content is a certificate for subject, self-signed. */
static void cert_object_make(EVP_PKEY *signer, uint64_t kind, uint64_t version, EVP_PKEY *subject,
                             struct mm_buf *der, struct mm_buf *out)
{
    X509 *cert = X509_new();
    uint8_t *bytes = NULL;
    struct mm_buf payload;
    int len;

    mm_buf_init(&payload);
    mm_buf_init(der);
    mm_buf_init(out);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, subject), 1);
    assert_true(X509_sign(cert, subject, EVP_sha256()) > 0);
    len = i2d_X509(cert, &bytes);
    assert_true(len > 0);
    mm_buf_bytes(der, bytes, (size_t)len);
    mm_cbor_map(&payload, 3);
    mm_cbor_int(&payload, 1);
    mm_cbor_uint(&payload, kind);
    mm_cbor_int(&payload, 2);
    mm_cbor_uint(&payload, version);
    mm_cbor_int(&payload, 3);
    mm_cbor_bytes(&payload, der->data, der->len);
    assert_int_equal(mm_cose_sign(signer, payload.data, payload.len, NULL, 0, out), MM_OK);
    mm_buf_clear(&payload);
    OPENSSL_free(bytes);
    X509_free(cert);
}

static void integrity_keeps_the_newest_platform_certificate(void **state)
{
    struct chip *c = *state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct mm_buf der, object;

    enrol_all(c);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 2, 0, NULL, 0), 0x6a88);
    cert_object_make(c->operator_key, 2, 2, key, &der, &object);
    assert_int_equal(deliver(c, 2, &object), 0x9000);
    assert_int_equal(deliver(c, 2, &object), 0x6985);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 2, 0, NULL, 0), 0x9000);
    assert_int_equal(c->out.len, der.len);
    assert_memory_equal(c->out.data, der.data, der.len);
    mm_buf_clear(&object);
    mm_buf_clear(&der);
    cert_object_make(c->operator_key, 2, 1, key, &der, &object);
    assert_int_equal(deliver(c, 2, &object), 0x6985);
    mm_buf_clear(&object);
    mm_buf_clear(&der);
    EVP_PKEY_free(key);
}

static void integrity_next_update_certificate_ends_the_one_before(void **state)
{
    struct chip *c = *state;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct mm_buf der, object;

    enrol_all(c);
    cert_object_make(c->operator_key, 3, 1, key, &der, &object);
    assert_int_equal(deliver(c, 3, &object), 0x9000);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 1, 0, NULL, 0), 0x9000);
    assert_memory_equal(c->out.data, der.data, der.len);
    assert_int_equal(deliver(c, 3, &object), 0x6982); /* its signer has nothing more to say */
    mm_buf_clear(&object);
    mm_buf_clear(&der);
    object_make(c->operator_key, 1, 1, &object);
    assert_int_equal(deliver(c, 1, &object), 0x6982);
    mm_buf_clear(&object);
    object_make(key, 1, 1, &object);
    assert_int_equal(deliver(c, 1, &object), 0x9000);
    mm_buf_clear(&object);
    cert_object_make(key, 3, 1, key, &der, &object); /* versions go on where they were */
    assert_int_equal(deliver(c, 3, &object), 0x6985);
    mm_buf_clear(&object);
    mm_buf_clear(&der);
    EVP_PKEY_free(key);
}

static void integrity_event_ring_keeps_the_last_64(void **state)
{
    struct chip *c = *state;
    struct mm_aid aid = applet;
    size_t n = 0;

    for (unsigned i = 0; i < 100; i++) {
        aid.bytes[6] = (uint8_t)i;
        assert_int_equal(mm_integrity_event(c->in, MM_EVENT_INSTALL, &aid), MM_OK);
    }
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_EVENT_LOG, 0, 0, NULL, 0), 0x9000);
    for (size_t off = 0; off < c->out.len; off += 14u + c->out.data[off + 13], n++)
        assert_int_equal(c->out.data[off + 14 + 6], 99 - n);
    assert_int_equal(n, 64);
}

static void integrity_refuses_what_it_does_not_know(void **state)
{
    struct chip *c = *state;

    assert_int_equal(command(c, 0x55, 0, 0, NULL, 0), 0x6d00);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GATE, 2, 0, NULL, 0), 0x6a86);
    assert_int_equal(command(c, MM_INS_INTEGRITY_INTEGRITY, 0, 1, "12345678", 8), 0x6a86);
    assert_int_equal(command(c, MM_INS_INTEGRITY_GET_CERTIFICATE, 3, 0, NULL, 0), 0x6a86);
    assert_int_equal(command(c, MM_INS_INTEGRITY_DELIVER_UPDATE, 0x81, 1, "x", 1), 0x6a80);
    assert_int_equal(command(c, MM_INS_INTEGRITY_DELIVER_UPDATE, 0x80, 4, "x", 1), 0x6a86);
    assert_int_equal(enrol(c, 0x55, 0, 0, NULL, 0), 0x6d00);
}

#define T(f) cmocka_unit_test_setup_teardown(f, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(integrity_answers_6985_before_enrolment),
        T(integrity_enrolment_proves_possession_of_the_new_key),
        T(integrity_token_states_nonce_chip_and_validity),
        T(integrity_attestation_certificate_of_another_key_is_refused),
        T(integrity_gate_opens_with_the_pairing_key_only_and_once),
        T(integrity_reset_shuts_the_gate_and_forgets_the_challenge),
        T(integrity_delete_applet_needs_the_mac_and_is_logged),
        T(integrity_update_needs_signature_and_a_higher_version),
        T(integrity_keeps_the_newest_platform_certificate),
        T(integrity_next_update_certificate_ends_the_one_before),
        T(integrity_event_ring_keeps_the_last_64),
        T(integrity_refuses_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
