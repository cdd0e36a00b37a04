/*
 * SCP11 with what a domain stores for it (Amendment F v1.3, 7): X.509 certificates, the certificate
 * store, lists of serial numbers, authorities by their identifiers, identifiers in the derivation.
 */
#include "test/unit/gp_scp11_scene.h"

#include "applet_vm/base/ber.h"

#include <openssl/x509v3.h>

/* ---- Certificates ---- */
struct x509_how {
    const char *usage; /* of the extension; NULL: it has none */
    const char *constraints;
    const char *extra; /* a critical extension that nobody knows */
    int serial;
};

static void extend(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

    assert_non_null(e);
    assert_int_equal(X509_add_ext(x, e, -1), 1);
    X509_EXTENSION_free(e);
}

static void certify_x509(EVP_PKEY *subject, EVP_PKEY *ca, const struct x509_how *how,
                         struct mm_buf *out)
{
    X509 *x = X509_new(), *issuer = X509_new();
    X509_NAME *name = X509_NAME_new();
    unsigned char *der = NULL;
    X509V3_CTX ctx;
    int len;

    assert_int_equal(X509_set_version(x, X509_VERSION_3), 1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"host", -1, -1, 0),
        1);
    X509_set_subject_name(x, name);
    X509_set_issuer_name(x, name);
    ASN1_INTEGER_set(X509_get_serialNumber(x), how->serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, subject);
    X509_set_pubkey(issuer, ca);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    extend(issuer, &ctx, NID_key_usage, "keyCertSign");
    extend(x, &ctx, NID_subject_key_identifier, "hash");
    X509V3_set_ctx(&ctx, issuer, issuer, NULL, NULL, 0);
    extend(issuer, &ctx, NID_subject_key_identifier, "hash");
    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    extend(x, &ctx, NID_authority_key_identifier, "keyid:always");
    if (how->usage != NULL)
        extend(x, &ctx, NID_key_usage, how->usage);
    if (how->constraints != NULL)
        extend(x, &ctx, NID_basic_constraints, how->constraints);
    if (how->extra != NULL)
        extend(x, &ctx, NID_netscape_comment, how->extra);
    assert_true(X509_sign(x, ca, EVP_sha256()) > 0);
    len = i2d_X509(x, &der);
    assert_true(len > 0);
    mm_buf_bytes(out, der, (size_t)len);
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_free(x);
    X509_free(issuer);
}

static const struct x509_how leaf = {.usage = "critical,keyAgreement", .serial = 0x1234};
static const struct x509_how between = {
    .usage = "critical,keyCertSign", .constraints = "critical,CA:true", .serial = 7};

static void use_chain(struct mm_gp_scp11 *how, const struct mm_buf *chain)
{
    how->chain = chain->data;
    how->chain_len = chain->len;
}

static void x509_certificates_open_a_session(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf chain;

    mm_buf_init(&chain);
    certify_x509(s->own, s->ca, &leaf, &chain);
    use_chain(&how, &chain);
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
    mm_buf_clear(&chain);
    certify_x509(s->sub_ca, s->ca, &between, &chain);
    certify(s->own, false, s->sub_ca, &chain); /* of both kinds in one chain */
    use_chain(&how, &chain);
    assert_int_equal(open_channel(s, &how), 0x9000);
    mm_buf_clear(&chain);
    certify_x509(s->ca, s->ca, &between, &chain); /* hosts send the root as well */
    certify_x509(s->sub_ca, s->ca, &between, &chain);
    certify_x509(s->own, s->sub_ca, &leaf, &chain);
    use_chain(&how, &chain);
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
    mm_buf_clear(&chain);
}

static uint16_t sent(struct scene *s, EVP_PKEY *ca, const struct x509_how *how)
{
    struct mm_gp_scp11 what = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf chain;
    uint16_t sw;

    mm_buf_init(&chain);
    certify_x509(s->own, ca, how, &chain);
    use_chain(&what, &chain);
    sw = certificates(s, &what);
    mm_buf_clear(&chain);
    return sw;
}

/* RFC 5280, 4.2: usage, constraints, critical extensions. */
static void x509_certificates_are_looked_at(void **state)
{
    static const struct x509_how wrong[] = {
        {.usage = NULL, .serial = 1},
        {.usage = "critical,digitalSignature", .serial = 1},
        {.usage = "critical,keyCertSign", .constraints = "critical,CA:true", .serial = 1},
        {.usage = "critical,keyAgreement", .extra = "critical,unknown", .serial = 1},
    };
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf chain;

    assert_int_equal(sent(s, s->ca, &leaf), 0x9000);
    assert_int_equal(sent(s, s->sub_ca, &leaf), 0x6982);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(sent(s, s->ca, &wrong[i]), 0x6a80);
    mm_buf_init(&chain);
    certify_x509(s->own, s->ca, &leaf, &chain);
    for (size_t i = 0; i < chain.len; i++) {
        uint8_t apdu[7 + 1024] = {0x80, PSO, VERSION, MM_SCP11_KID_CA, 0};
        uint16_t sw;

        mm_put_be16(apdu + 5, (uint16_t)chain.len);
        memcpy(apdu + 7, chain.data, chain.len);
        apdu[7 + i] ^= 1;
        sw = host_send(s->h, apdu, 7 + chain.len);
        assert_true(sw == 0x6a80 || sw == 0x6982);
    }
    mm_buf_clear(&chain);
    (void)how;
}

/* No more authorities below than the certificate of one allows (RFC 5280, 4.2.1.9). */
static void x509_path_is_as_long_as_it_may_be(void **state)
{
    static const struct x509_how last = {
        .usage = "critical,keyCertSign", .constraints = "critical,CA:true,pathlen:0", .serial = 8};
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf chain;

    mm_buf_init(&chain);
    certify_x509(s->sub_ca, s->ca, &last, &chain);
    certify_x509(s->own, s->sub_ca, &leaf, &chain);
    use_chain(&how, &chain);
    assert_int_equal(certificates(s, &how), 0x9000);
    mm_buf_clear(&chain);
    certify_x509(s->sub_ca, s->ca, &last, &chain);
    certify_x509(s->sub_ca, s->sub_ca, &between, &chain);
    certify_x509(s->own, s->sub_ca, &leaf, &chain);
    use_chain(&how, &chain);
    assert_int_equal(certificates(s, &how), 0x6a80);
    mm_buf_clear(&chain);
}

/* ISO 7816-4, 5.3.3: a certificate that is longer than a short command. */
static void certificate_comes_in_several_commands(void **state)
{
    struct scene *s = *state;
    struct mm_buf chain;
    uint8_t apdu[5 + 255] = {0x90, PSO, 0x80 | VERSION, MM_SCP11_KID_CA};
    size_t at = 0;

    mm_buf_init(&chain);
    certify_x509(s->own, s->ca, &leaf, &chain);
    for (; chain.len - at > 200; at += 200) {
        apdu[4] = 200;
        memcpy(apdu + 5, chain.data + at, 200);
        assert_int_equal(host_send(s->h, apdu, 205), 0x9000);
    }
    apdu[0] = 0x80;
    apdu[2] = VERSION;
    apdu[4] = (uint8_t)(chain.len - at);
    memcpy(apdu + 5, chain.data + at, chain.len - at);
    assert_int_equal(host_send(s->h, apdu, 5u + apdu[4]), 0x9000);
    apdu[0] = 0x90; /* without an end */
    apdu[4] = 200;
    for (int i = 0; i < 20; i++)
        assert_int_equal(host_send(s->h, apdu, 205), 0x9000);
    assert_int_equal(host_send(s->h, apdu, 205), 0x6a80);
    mm_buf_clear(&chain);
}

/* What BF20 restricts is not carried out, so only an empty one is taken. Signatures as DER are. */
static void certificate_with_authorisations_is_not_taken(void **state)
{
    struct scene *s = *state;

    for (uint8_t len = 0; len < 2; len++) {
        uint8_t usage[2] = {0x00, 0x80}, date[4] = {0x20, 0x39, 0x12, 0x31}, id = 0xa1, der[80],
                point[MM_SCP11_POINT_LEN];
        struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
        EVP_MD_CTX *ctx = EVP_MD_CTX_new();
        size_t der_len = sizeof(der);
        struct mm_buf body, key, chain;

        mm_buf_init(&body);
        mm_buf_init(&key);
        mm_buf_init(&chain);
        assert_int_equal(mm_scp11_point(s->own, point), MM_OK);
        mm_ber_put(&body, 0x93, &id, 1);
        mm_ber_put(&body, 0x42, &id, 1);
        mm_ber_put(&body, 0x5f20, &id, 1);
        mm_ber_put(&body, 0x95, usage, sizeof(usage));
        mm_ber_put(&body, 0x5f24, date, sizeof(date));
        mm_ber_put(&body, 0xbf20, "\x01", len);
        mm_ber_put(&key, 0xb0, point, sizeof(point));
        mm_ber_put(&body, 0x7f49, key.data, key.len);
        assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->ca), 1);
        assert_int_equal(EVP_DigestSign(ctx, der, &der_len, body.data, body.len), 1);
        mm_ber_put(&body, 0x5f37, der, der_len);
        mm_ber_put(&chain, 0x7f21, body.data, body.len);
        use_chain(&how, &chain);
        assert_int_equal(certificates(s, &how), len == 0 ? 0x9000 : 0x6a80);
        EVP_MD_CTX_free(ctx);
        mm_buf_clear(&body);
        mm_buf_clear(&key);
        mm_buf_clear(&chain);
    }
}

/* ---- STORE DATA ---- */
/* In one or more blocks, in the SCP03 session. */
static uint16_t store(struct scene *s, const uint8_t *data, size_t len)
{
    uint8_t block = 0;
    uint16_t sw = 0x9000;

    for (size_t at = 0, n; at < len && sw == 0x9000; at += n) {
        n = len - at < 200 ? len - at : 200;
        sw = host_secure(s->h, STORE_DATA, (uint8_t)(0x10 | (at + n == len ? 0x80 : 0)), block++,
                         data + at, n);
    }
    return sw;
}

static uint16_t store_hex(struct scene *s, const char *text)
{
    uint8_t data[256];
    size_t n = sizeof(data);

    assert_int_equal(mm_unhex(text, data, &n), MM_OK);
    return store(s, data, n);
}

static uint16_t store_certificates(struct scene *s, uint8_t id, const struct mm_buf *list)
{
    const uint8_t reference[] = {0xa6, 4, 0x83, 2, id, VERSION};
    struct mm_buf data;
    uint16_t sw;

    mm_buf_init(&data);
    mm_buf_bytes(&data, reference, sizeof(reference));
    mm_ber_put(&data, 0xbf21, list->data, list->len);
    sw = store(s, data.data, data.len);
    mm_buf_clear(&data);
    return sw;
}

static void certificates_of_the_card_are_stored_and_told(void **state)
{
    struct scene *s = *state;
    struct mm_buf list, told;

    mm_buf_init(&list);
    mm_buf_init(&told);
    assert_int_equal(host_hex(s->h, "00CABF2106A6048302112100"), 0x6a88);
    assert_int_equal(host_hex(s->h, "00CABF2100"), 0x6a80); /* of which key? */
    certify_x509(s->sub_ca, s->ca, &between, &list);
    certify_x509(s->card, s->sub_ca, &leaf, &list);
    assert_int_equal(store_certificates(s, 0x11, &list), 0x9000);
    mm_ber_put(&told, 0xbf21, list.data, list.len);
    host_reopen(s->h);
    assert_int_equal(host_hex(s->h, "00CABF21000006A604830211210000"), 0x9000);
    assert_int_equal(s->h->resp_len, told.len);
    assert_memory_equal(s->h->resp, told.data, told.len);
    assert_int_equal(host_hex(s->h, "00CA00A600"), 0x6a88);               /* not as it is kept */
    assert_int_equal(host_hex(s->h, "00CABF2106A6048302132100"), 0x6a88); /* of that key alone */
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    list.data[list.len - 1] ^= 1; /* nobody can check them here, but they are certificates */
    assert_int_equal(store_certificates(s, 0x11, &list), 0x9000);
    list.len--;
    assert_int_equal(store_certificates(s, 0x11, &list), 0x6a80);
    list.len = 0; /* none */
    assert_int_equal(store_certificates(s, 0x11, &list), 0x9000);
    assert_int_equal(store_certificates(s, 0x12, &list), 0x6a88); /* no such key */
    assert_int_equal(host_hex(s->h, "00CABF2106A6048302112100"), 0x6a88);
    mm_buf_clear(&list);
    mm_buf_clear(&told);
}

static void only_listed_serial_numbers_are_taken(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33); /* serial number 010203 */

    assert_int_equal(store_hex(s, "A60483021021700A9303010204930300FFFF"), 0x9000);
    assert_int_equal(certificates(s, &how), 0x6982);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    assert_int_equal(store_hex(s, "A60483021021700B93030102049304000102"
                                  "03"),
                     0x9000);
    assert_int_equal(open_channel(s, &how), 0x9000);
    how.chain = s->long_chain.data; /* the host's own counts, not those above it */
    how.chain_len = s->long_chain.len;
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80E2900008A604830210217000"), 0x9000); /* no list any more */
    how = how_of(s, MM_SCP11_A, 0x33);
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    assert_int_equal(store_hex(s, "A604830210217003930101"), 0x9000);
    assert_int_equal(certificates(s, &how), 0x6982);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    assert_int_equal(store_hex(s, "A604830210217003940101"), 0x6a80);
    assert_int_equal(store_hex(s, "A60483021021700293"), 0x6a80);
    assert_int_equal(store_hex(s, "A6047003930101"), 0x6a80);
}

/* A script of variant c may be played again, an older list must not come back with it. */
static void counter_of_a_list_only_rises(void **state)
{
    struct scene *s = *state;

    assert_int_equal(store_hex(s, "A604830210219202000270039301AA"), 0x9000);
    assert_int_equal(store_hex(s, "A604830210219202000270039301BB"), 0x6985);
    assert_int_equal(store_hex(s, "A604830210219202000170039301BB"), 0x6985);
    assert_int_equal(store_hex(s, "A604830210219202000370039301BB"), 0x9000);
    assert_int_equal(store_hex(s, "A60483021021920200047000"), 0x9000); /* the list goes, */
    assert_int_equal(store_hex(s, "A604830210219202000470039301BB"),
                     0x6985); /* the counter stays */
    assert_int_equal(store_hex(s, "A604830210219201057000"), 0x6a80);
}

static void authority_is_found_by_its_identifier(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33); /* issuer A1A2 */

    assert_int_equal(host_hex(s->h, "00CAFF3300"), 0x6a88);
    how.ca_version = how.ca_id = 0;
    assert_int_equal(certificates(s, &how), 0x6a88);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    assert_int_equal(store_hex(s, "A60B8001004202A1A283021021"), 0x9000);
    assert_int_equal(store_hex(s, "A60B8001014202C1C283021121"), 0x9000);
    assert_int_equal(host_hex(s->h, "00CAFF3300"), 0x9000);
    assert_resp(s->h, "FF33084202A1A283021021");
    assert_int_equal(host_hex(s->h, "00CAFF3400"), 0x9000);
    assert_resp(s->h, "FF34084202C1C283021121");
    assert_int_equal(open_channel(s, &how), 0x9000);
    how.ca_id = MM_SCP11_KID_CA; /* by identifier alone: the version that has it */
    how.key_version = 0;
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    assert_int_equal(store_hex(s, "A60B8001024202A1A283021021"), 0x6a80);
    assert_int_equal(store_hex(s, "A60B8001004202A1A283021022"), 0x6a88);
}

/* DELETE [key] takes along what was stored for the key. */
static void what_belongs_to_a_key_goes_with_it(void **state)
{
    struct scene *s = *state;

    assert_int_equal(store_hex(s, "A60B8001004202A1A283021021"), 0x9000);
    assert_int_equal(store_hex(s, "A604830210217003930101"), 0x9000);
    assert_int_equal(store_hex(s, "4203ABCDEF"), 0x9000);
    assert_int_equal(secure(s->h, DELETE, 0, 0, "D00110D20121"), 0x9000);
    assert_int_equal(host_hex(s->h, "00CAFF3300"), 0x6a88);
    assert_int_equal(host_hex(s->h, "00CA004200"), 0x9000); /* the rest stays */
    assert_resp(s->h, "4203ABCDEF");
    put_ec(s->h, s->ca, MM_SCP11_KID_CA, false);
    {
        struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
        assert_int_equal(open_channel(s, &how), 0x9000); /* without the list of the one before */
    }
}

/* ---- In the derivation ---- */
static void identifiers_name_host_and_card(void **state)
{
    static const uint8_t host[] = {'h', 'o', 's', 't'},
                         numbers[] = {3, 0xab, 0xcd, 0xef, 2, 0x01, 0x02}, group[] = {1, 0xb1};
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf list;

    assert_int_equal(store_hex(s, "4203ABCDEF45020102"), 0x9000);
    for (int b = 0; b < 2; b++) {
        how = how_of(s, b ? MM_SCP11_B : MM_SCP11_A, 0x33);
        how.host_id = host;
        how.host_id_len = sizeof(host);
        how.card_ids = numbers;
        how.card_ids_len = sizeof(numbers);
        assert_int_equal(open_channel(s, &how), 0x9000); /* which checks the receipt */
        assert_int_equal(talk(s, "80CA006600"), 0x9000);
    }
    how = how_of(s, MM_SCP11_C, 0x33);
    how.host_id = host;
    how.host_id_len = sizeof(host);
    how.card_ids = group;
    how.card_ids_len = sizeof(group);
    assert_int_equal(open_channel(s, &how), 0x6a88); /* it has no certificate that names a group */
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    mm_buf_init(&list);
    certify(s->card, false, s->ca, &list); /* subject B1 */
    assert_int_equal(store_certificates(s, 0x15, &list), 0x9000);
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
    mm_buf_clear(&list);
}

static int setup_s16(void **state)
{
    static const struct mm_card_scp s16 = {3, 0x61};

    return setup_with(state, host_new_scp(MM_PROFILE_DEVELOPER, &s16, 1));
}

/* A chip made for S16 has it in SCP11 as in SCP03. */
static void macs_of_an_s16_chip_have_16_bytes(void **state)
{
    static const enum mm_scp11_variant variants[] = {MM_SCP11_A, MM_SCP11_C};
    struct scene *s = *state;

    for (size_t i = 0; i < 2; i++) {
        struct mm_gp_scp11 how = how_of(s, variants[i], i == 0 ? 0x33 : 0x11);

        how.s16 = true;
        assert_int_equal(open_channel(s, &how), 0x9000);
        assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
        assert_int_equal(talk(s, "80E29000054203ABCDEF"), 0x9000);
    }
}

/* Card recognition data (GPCS H.2): SCP11 for a domain that has a key for it. */
static void recognition_data_tell_of_scp11(void **state)
{
    static const uint8_t oid[] = {0x64, 0x0c, 0x06, 0x0a, 0x2a, 0x86, 0x48,
                                  0x86, 0xfc, 0x6b, 0x04, 0x11, 0x9b, 0x06};
    struct scene *s = *state;
    bool told = false;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(host_hex(s->h, "00CA006600"), 0x9000);
        told = false;
        for (size_t at = 0; at + sizeof(oid) <= s->h->resp_len; at++)
            told |= memcmp(s->h->resp + at, oid, sizeof(oid)) == 0;
        assert_int_equal(told, i == 0);
        if (i == 0) {
            assert_int_equal(host_open(s->h, 0x03), 0x9000);
            assert_int_equal(secure(s->h, DELETE, 0, 0, "D20121"), 0x9000);
        }
    }
}

/* GET DATA and STORE DATA with the interindustry class in a session (ISO 7816-4, 5.4.1; GPCS 11.1.4). */
static void interindustry_class_is_one_of_the_session(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);

    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "00CA004200"), 0x9000);
    assert_int_equal(talk(s, "00E29000054203ABCDEF"), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
    assert_int_equal(host_hex(s->h, "00E29000054203ABCDEF"), 0x6982); /* and without it none */
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(x509_certificates_open_a_session),
        WITH(x509_certificates_are_looked_at),
        WITH(x509_path_is_as_long_as_it_may_be),
        WITH(certificate_comes_in_several_commands),
        WITH(certificate_with_authorisations_is_not_taken),
        WITH(certificates_of_the_card_are_stored_and_told),
        WITH(only_listed_serial_numbers_are_taken),
        WITH(counter_of_a_list_only_rises),
        WITH(authority_is_found_by_its_identifier),
        WITH(what_belongs_to_a_key_goes_with_it),
        WITH(identifiers_name_host_and_card),
        cmocka_unit_test_setup_teardown(macs_of_an_s16_chip_have_16_bytes, setup_s16, teardown),
        WITH(recognition_data_tell_of_scp11),
        WITH(interindustry_class_is_one_of_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
