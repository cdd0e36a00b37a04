/* COSE_Sign1: what is signed verifies, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/cose/cose.h"

struct pki {
    EVP_PKEY *ca_key, *key, *other_key;
    X509 *ca, *leaf, *expired, *other_ca;
    struct mm_buf leaf_der, expired_der;
};

static X509 *cert_make(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                       long until)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), -7200);
    X509_gmtime_adj(X509_getm_notAfter(cert), until);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, issuer != NULL ? issuer : cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, NID_basic_constraints,
                              issuer != NULL ? "critical,CA:FALSE" : "critical,CA:TRUE");
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_sign(cert, issuer_key, EVP_sha256());
    return cert;
}

static void der_of(X509 *cert, struct mm_buf *out)
{
    uint8_t *der = NULL;
    int n = i2d_X509(cert, &der);

    mm_buf_init(out);
    mm_buf_bytes(out, der, (size_t)n);
    OPENSSL_free(der);
}

static int pki_make(void **state)
{
    struct pki *p = calloc(1, sizeof(*p));

    p->ca_key = EVP_EC_gen("P-256");
    p->key = EVP_EC_gen("P-256");
    p->other_key = EVP_EC_gen("P-256");
    p->ca = cert_make("operator root", p->ca_key, NULL, p->ca_key, 3600);
    p->other_ca = cert_make("operator root", p->other_key, NULL, p->other_key, 3600);
    p->leaf = cert_make("chip", p->key, p->ca, p->ca_key, 3600);
    p->expired = cert_make("chip", p->key, p->ca, p->ca_key, -3600);
    der_of(p->leaf, &p->leaf_der);
    der_of(p->expired, &p->expired_der);
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
    X509_free(p->leaf);
    X509_free(p->expired);
    mm_buf_clear(&p->leaf_der);
    mm_buf_clear(&p->expired_der);
    free(p);
    return 0;
}

static void sign(const struct pki *p, const struct mm_buf *der, struct mm_buf *out)
{
    mm_buf_init(out);
    assert_int_equal(
        mm_cose_sign(p->key, (const uint8_t *)"payload", 7, der, der != NULL ? 1 : 0, out), MM_OK);
}

static void cose_signed_object_verifies_with_key_and_chain(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;
    struct mm_err err;
    X509 *leaf;

    sign(p, &p->leaf_der, &obj);
    assert_int_equal(obj.data[0], 0xd2); /* tag 18 */
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, &err), MM_OK);
    assert_int_equal(cose.payload_len, 7);
    assert_memory_equal(cose.payload, "payload", 7);
    assert_int_equal(mm_cose_verify(&cose, p->key, &err), MM_OK);
    assert_int_equal(mm_cose_verify_chain(&cose, p->ca, &leaf, &err), MM_OK);
    assert_int_equal(X509_cmp(leaf, p->leaf), 0);
    mm_cose_clear(&cose);
    mm_buf_clear(&obj);
}

static void cose_chain_of_two_is_an_array_and_verifies(void **state)
{
    struct pki *p = *state;
    struct mm_buf chain[2], obj;
    struct mm_cose cose;
    struct mm_err err;

    chain[0] = p->leaf_der;
    der_of(p->ca, &chain[1]);
    mm_buf_init(&obj);
    assert_int_equal(mm_cose_sign(p->key, (const uint8_t *)"x", 1, chain, 2, &obj), MM_OK);
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, &err), MM_OK);
    assert_int_equal(sk_X509_num(cose.chain), 2);
    assert_int_equal(mm_cose_verify_chain(&cose, p->ca, NULL, &err), MM_OK);
    mm_cose_clear(&cose);
    mm_buf_clear(&chain[1]);
    mm_buf_clear(&obj);
}

static void cose_other_key_or_other_root_is_refused(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;
    struct mm_err err;
    X509 *leaf = p->ca;

    sign(p, &p->leaf_der, &obj);
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, &err), MM_OK);
    assert_int_equal(mm_cose_verify(&cose, p->other_key, &err), MM_AUTH);
    assert_int_equal(mm_cose_verify_chain(&cose, p->other_ca, &leaf, &err), MM_AUTH);
    assert_null(leaf);
    mm_cose_clear(&cose);
    mm_buf_clear(&obj);
}

static void cose_expired_or_absent_certificate_is_refused(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;
    struct mm_err err;

    sign(p, &p->expired_der, &obj);
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, &err), MM_OK);
    assert_int_equal(mm_cose_verify_chain(&cose, p->ca, NULL, &err), MM_AUTH);
    assert_non_null(strstr(err.text, "expired"));
    mm_cose_clear(&cose);
    mm_buf_clear(&obj);
    sign(p, NULL, &obj);
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, &err), MM_OK);
    assert_int_equal(mm_cose_verify(&cose, p->key, &err), MM_OK);
    assert_int_equal(mm_cose_verify_chain(&cose, p->ca, NULL, &err), MM_AUTH);
    mm_cose_clear(&cose);
    mm_buf_clear(&obj);
}

static void cose_parse_refuses_every_prefix_and_a_tail(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;

    sign(p, &p->leaf_der, &obj);
    for (size_t len = 0; len < obj.len; len++) {
        struct mm_err err;
        assert_int_not_equal(mm_cose_parse(obj.data, len, &cose, &err), MM_OK);
        assert_null(cose.payload);
    }
    mm_buf_u8(&obj, 0);
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, NULL), MM_MALFORMED);
    mm_buf_clear(&obj);
}

static void cose_any_flipped_byte_is_refused(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;

    sign(p, NULL, &obj);
    for (size_t i = 0; i < obj.len; i++) {
        obj.data[i] ^= 0x01;
        if (mm_cose_parse(obj.data, obj.len, &cose, NULL) == MM_OK)
            assert_int_equal(mm_cose_verify(&cose, p->key, NULL), MM_AUTH);
        mm_cose_clear(&cose);
        obj.data[i] ^= 0x01;
    }
    mm_buf_clear(&obj);
}

static void cose_other_algorithm_is_unsupported(void **state)
{
    struct pki *p = *state;
    struct mm_cose cose;
    struct mm_buf obj;

    sign(p, NULL, &obj);
    assert_memory_equal(obj.data + 2, "\x43\xa1\x01\x26", 4);
    obj.data[5] = 0x27; /* -8, EdDSA */
    assert_int_equal(mm_cose_parse(obj.data, obj.len, &cose, NULL), MM_UNSUPPORTED);
    mm_buf_clear(&obj);
}

static void cose_sign_refuses_keys_that_are_not_p256(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-384");
    struct mm_buf obj;

    (void)state;
    mm_buf_init(&obj);
    assert_int_equal(mm_cose_sign(key, (const uint8_t *)"x", 1, NULL, 0, &obj), MM_CRYPTO);
    assert_int_equal(obj.len, 0);
    EVP_PKEY_free(key);
}

/* ---- CBOR limits ---- */

static void cbor_parse_refuses_what_does_not_fit(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum mm_status st;
    } cases[] = {
        {"", 0, MM_TRUNCATED},
        {"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", 9, MM_MALFORMED}, /* 2^64 - 1 items */
        {"\xba\x10\x00\x00\x00", 5, MM_MALFORMED},
        {"\x5a\x10\x00\x00\x00", 5, MM_TRUNCATED},
        {"\x9f\xff", 2, MM_MALFORMED},         /* indefinite array */
        {"\x5f\x41\x61\xff", 4, MM_MALFORMED}, /* indefinite bytes */
        {"\xfb\x00\x00\x00\x00\x00\x00\x00\x00", 9, MM_MALFORMED},
        {"\x01\x02", 2, MM_MALFORMED},
        {"\xa1\x01", 2, MM_MALFORMED}, /* one pair does not fit in one byte */
        {"\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01", 18,
         MM_MALFORMED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cbor_item_t *item;
        struct mm_err err;
        assert_int_equal(mm_cbor_parse((const uint8_t *)cases[i].bytes, cases[i].len, &item, &err),
                         cases[i].st);
        assert_null(item);
    }
}

static void cbor_get_sees_no_key_that_is_there_twice(void **state)
{
    static const uint8_t map[] = {0xa3, 0x01, 0x05, 0x20, 0x06, 0x01, 0x07};
    cbor_item_t *item;
    uint64_t v;

    (void)state;
    assert_int_equal(mm_cbor_parse(map, sizeof(map), &item, NULL), MM_OK);
    assert_null(mm_cbor_get(item, 1));
    assert_true(mm_cbor_get_uint(mm_cbor_get(item, -1), 10, &v));
    assert_int_equal(v, 6);
    assert_false(mm_cbor_get_uint(mm_cbor_get(item, -1), 5, &v));
    assert_null(mm_cbor_get(item, 2));
    cbor_decref(&item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cose_signed_object_verifies_with_key_and_chain),
        cmocka_unit_test(cose_chain_of_two_is_an_array_and_verifies),
        cmocka_unit_test(cose_other_key_or_other_root_is_refused),
        cmocka_unit_test(cose_expired_or_absent_certificate_is_refused),
        cmocka_unit_test(cose_parse_refuses_every_prefix_and_a_tail),
        cmocka_unit_test(cose_any_flipped_byte_is_refused),
        cmocka_unit_test(cose_other_algorithm_is_unsupported),
        cmocka_unit_test(cose_sign_refuses_keys_that_are_not_p256),
        cmocka_unit_test(cbor_parse_refuses_what_does_not_fit),
        cmocka_unit_test(cbor_get_sees_no_key_that_is_there_twice),
    };

    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
