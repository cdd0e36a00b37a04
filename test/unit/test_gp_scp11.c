/* SCP11 between a host and a chip: the three variants, certificates, what each end refuses. */
#include "test/unit/card_load.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

enum { PSO = 0x2a, MUTUAL = 0x82, INTERNAL = 0x88, STORE_DATA = 0xe2, VERSION = 0x21 };

/* A host, its certificate and the CA that gave it; a chip with keys for all variants. */
struct scene {
    struct host *h;
    EVP_PKEY *ca, *sub_ca, *own, *card;
    struct mm_buf chain;      /* CA -> own */
    struct mm_buf long_chain; /* CA -> sub CA -> own */
    struct mm_gp_channel channel;
};

static void certify(EVP_PKEY *subject, bool signs, EVP_PKEY *ca, struct mm_buf *out)
{
    struct mm_scp11_certificate c = {.serial = {1, 2, 3},
                                     .serial_len = 3,
                                     .issuer = {0xa1, 0xa2},
                                     .issuer_len = 2,
                                     .subject = {0xb1},
                                     .subject_len = 1,
                                     .signs = signs,
                                     .effective = {0x20, 0x24, 0x01, 0x01},
                                     .expires = {0x20, 0x39, 0x12, 0x31}};

    assert_int_equal(mm_scp11_point(subject, c.point), MM_OK);
    assert_int_equal(mm_scp11_certificate_write(&c, ca, out), MM_OK);
}

/* PUT KEY of an EC key: the private one under the DEK, or the public one. */
static void put_ec(struct host *h, EVP_PKEY *key, uint8_t id, bool is_private)
{
    uint8_t data[128] = {VERSION}, scalar[32], *at = data + 1;
    BIGNUM *d = NULL;

    if (is_private) {
        assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
        assert_int_equal(BN_bn2binpad(d, scalar, 32), 32);
        BN_clear_free(d);
        *at++ = 0xb1;
        *at++ = 33;
        *at++ = 32;
        assert_int_equal(mm_scp_data(&h->scp, true, scalar, 32, at), MM_OK);
        at += 32;
    } else {
        *at++ = 0xb0;
        *at++ = MM_SCP11_POINT_LEN;
        assert_int_equal(mm_scp11_point(key, at), MM_OK);
        at += MM_SCP11_POINT_LEN;
    }
    memcpy(at, "\xf0\x01\x00\x00", 4);
    at += 4;
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, id, data, (size_t)(at - data)), 0x9000);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    s->h = host_new(MM_PROFILE_DEVELOPER);
    assert_int_equal(mm_scp11_new_key(&s->ca), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->sub_ca), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->own), MM_OK);
    assert_int_equal(mm_scp11_new_key(&s->card), MM_OK);
    certify(s->own, false, s->ca, &s->chain);
    certify(s->sub_ca, true, s->ca, &s->long_chain);
    certify(s->own, false, s->sub_ca, &s->long_chain);
    assert_int_equal(host_open(s->h, 0x03), 0x9000);
    put_ec(s->h, s->ca, MM_SCP11_KID_CA, false);
    put_ec(s->h, s->card, MM_SCP11_KID_A, true);
    put_ec(s->h, s->card, MM_SCP11_KID_B, true);
    put_ec(s->h, s->card, MM_SCP11_KID_C, true);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    EVP_PKEY_free(s->ca);
    EVP_PKEY_free(s->sub_ca);
    EVP_PKEY_free(s->own);
    EVP_PKEY_free(s->card);
    mm_buf_clear(&s->chain);
    mm_buf_clear(&s->long_chain);
    host_free(s->h);
    free(s);
    return 0;
}

static struct mm_gp_scp11 how_of(const struct scene *s, enum mm_scp11_variant variant,
                                 uint8_t level)
{
    return (struct mm_gp_scp11){.variant = variant,
                                .key_version = VERSION,
                                .level = level,
                                .key_len = 16,
                                .card = s->card,
                                .own = variant == MM_SCP11_B ? NULL : s->own,
                                .chain = s->chain.data,
                                .chain_len = variant == MM_SCP11_B ? 0 : s->chain.len,
                                .ca_version = VERSION,
                                .ca_id = MM_SCP11_KID_CA};
}

/* The certificates; the status word of the last that was sent. */
static uint16_t certificates(struct scene *s, const struct mm_gp_scp11 *how)
{
    struct mm_buf list;
    const uint8_t *apdu;
    size_t off = 0, len;
    uint16_t sw = 0x9000;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_scp11_certificates(how, &list), MM_OK);
    while (sw == 0x9000 && (apdu = mm_gp_list_next(&list, &off, &len)) != NULL)
        sw = host_send(s->h, apdu, len);
    mm_buf_clear(&list);
    return sw;
}

/* Certificates, agreement; the status word of the step that ended it. */
static uint16_t open_channel(struct scene *s, const struct mm_gp_scp11 *how)
{
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf command;
    uint16_t sw = certificates(s, how);

    if (sw != 0x9000)
        return sw;
    mm_buf_init(&command);
    assert_int_equal(mm_gp_scp11_begin(how, &ephemeral, &command), MM_OK);
    sw = host_send(s->h, command.data, command.len);
    if (sw == 0x9000)
        assert_int_equal(mm_gp_scp11_open(&s->channel, how, ephemeral, &command, s->h->resp,
                                          s->h->resp_len, NULL),
                         MM_OK);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&command);
    return sw;
}

/* A command in the channel. */
static uint16_t talk(struct scene *s, const char *text)
{
    uint8_t apdu[64];
    size_t n = sizeof(apdu);
    struct mm_buf command, resp;
    uint16_t sw;

    assert_int_equal(mm_unhex(text, apdu, &n), MM_OK);
    mm_buf_init(&command);
    mm_buf_init(&resp);
    assert_int_equal(mm_gp_channel_wrap(&s->channel, apdu, n, &command, NULL), MM_OK);
    sw = host_send(s->h, command.data, command.len);
    mm_buf_bytes(&resp, s->h->resp, s->h->resp_len);
    mm_buf_u16(&resp, sw);
    assert_int_equal(mm_gp_channel_unwrap(&s->channel, &resp, NULL), MM_OK);
    mm_buf_clear(&command);
    mm_buf_clear(&resp);
    return sw;
}

static void hosts_with_a_certificate_manage_the_card(void **state)
{
    static const enum mm_scp11_variant variants[] = {MM_SCP11_A, MM_SCP11_C};
    struct scene *s = *state;

    for (size_t v = 0; v < 2; v++) {
        for (uint8_t len = 16; len <= 32; len += 8) {
            for (int high = 0; high < 2; high++) {
                struct mm_gp_scp11 how = how_of(s, variants[v], high ? 0x33 : 0x11);

                how.key_len = len;
                assert_int_equal(open_channel(s, &how), 0x9000);
                assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
                assert_int_equal(talk(s, "80E29000054203ABCDEF"), 0x9000);
                assert_int_equal(talk(s, "80F24002024F0000"), 0x6a88);
                assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
            }
        }
    }
    assert_int_equal(host_hex(s->h, "00CA004200"), 0x9000);
    assert_resp(s->h, "4203ABCDEF");
}

static void certificate_of_a_certified_authority_does(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);

    how.chain = s->long_chain.data;
    how.chain_len = s->long_chain.len;
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x9000);
}

/* In variant b the card has shown who it is, the host has not. */
static void nameless_host_sees_and_changes_nothing(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_B, 0x33);

    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(talk(s, "80CA006600"), 0x9000);
    assert_int_equal(talk(s, "80F28002024F0000"), 0x6982);
    assert_int_equal(talk(s, "80E29000054203ABCDEF"), 0x6982);
    assert_int_equal(talk(s, "80E4000003D20121"), 0x6982);
}

/* A script for variant c is made before the card is there, and may be played more than once. */
static void script_is_written_before_the_card_is_there(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_C, 0x11);
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf begin, store;
    uint8_t plain[] = {0x80, STORE_DATA, 0x90, 0x00, 0x05, 0x42, 0x03, 1, 2, 3};

    mm_buf_init(&begin);
    mm_buf_init(&store);
    assert_int_equal(mm_gp_scp11_begin(&how, &ephemeral, &begin), MM_OK);
    assert_int_equal(mm_gp_scp11_open_offline(&s->channel, &how, ephemeral, &begin, NULL), MM_OK);
    assert_int_equal(mm_gp_channel_wrap(&s->channel, plain, sizeof(plain), &store, NULL), MM_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(certificates(s, &how), 0x9000);
        assert_int_equal(host_send(s->h, begin.data, begin.len), 0x9000);
        assert_int_equal(host_send(s->h, store.data, store.len), 0x9000);
        host_reopen(s->h);
    }
    assert_int_equal(host_hex(s->h, "00CA004200"), 0x9000);
    assert_resp(s->h, "4203010203");
    how.variant = MM_SCP11_A;
    assert_int_equal(mm_gp_scp11_open_offline(&s->channel, &how, ephemeral, &begin, NULL),
                     MM_USAGE);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&begin);
    mm_buf_clear(&store);
}

static void card_refuses_certificates_that_are_not_good(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    struct mm_buf other;

    mm_buf_init(&other);
    for (size_t i = 0; i < s->chain.len; i++) { /* every byte counts */
        mm_buf_clear(&other);
        mm_buf_bytes(&other, s->chain.data, s->chain.len);
        other.data[i] ^= 1;
        how.chain = other.data;
        if (other.data[0] != 0x7f || other.data[1] != 0x21 || i == 2 || i == 3)
            continue; /* not a certificate for our own tool either */
        {
            uint16_t sw = certificates(s, &how);
            assert_true(sw == 0x6a80 || sw == 0x6982);
        }
    }
    mm_buf_clear(&other);
    certify(s->own, false, s->sub_ca, &other); /* of an authority the card does not know */
    how.chain = other.data;
    how.chain_len = other.len;
    assert_int_equal(certificates(s, &how), 0x6982);
    mm_buf_clear(&other);
    certify(s->own, true, s->ca, &other); /* only to certify others */
    how.chain = other.data;
    how.chain_len = other.len;
    assert_int_equal(certificates(s, &how), 0x6a80);
    mm_buf_clear(&other);
    certify(s->own, false, s->ca, &other); /* no authority at all */
    certify(s->sub_ca, false, s->own, &other);
    how.chain = other.data;
    how.chain_len = other.len;
    assert_int_equal(certificates(s, &how), 0x6a80);
    mm_buf_clear(&other);
    how = how_of(s, MM_SCP11_A, 0x33);
    how.ca_id = 0x12; /* no such key */
    assert_int_equal(certificates(s, &how), 0x6a88);
    how.ca_id = MM_SCP11_KID_A; /* not a public one */
    assert_int_equal(certificates(s, &how), 0x6a88);
}

static void card_refuses_agreements_that_are_not_good(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf good;

    mm_buf_init(&good);
    assert_int_equal(mm_gp_scp11_begin(&how, &ephemeral, &good), MM_OK);
    assert_int_equal(host_send(s->h, good.data, good.len), 0x6985); /* no certificate */
    assert_int_equal(certificates(s, &how), 0x9000);
    good.data[3] = MM_SCP11_KID_C; /* another variant's key */
    assert_int_equal(host_send(s->h, good.data, good.len), 0x6a86);
    good.data[3] = MM_SCP11_KID_A;
    assert_int_equal(host_send(s->h, good.data, good.len), 0x6985); /* the certificate is used up */
    for (size_t i = 5; i < good.len - 1; i++) {
        uint16_t sw;

        assert_int_equal(certificates(s, &how), 0x9000);
        good.data[i] ^= 0x40;
        sw = host_send(s->h, good.data, good.len);
        assert_true(sw == 0x6a80 || sw == 0x6a86);
        good.data[i] ^= 0x40;
    }
    good.data[1] = INTERNAL;
    assert_int_equal(certificates(s, &how), 0x9000);
    assert_int_equal(host_send(s->h, good.data, good.len), 0x6a80);
    good.data[1] = MUTUAL;
    good.data[2] = VERSION + 1; /* no such version */
    assert_int_equal(certificates(s, &how), 0x9000);
    assert_int_equal(host_send(s->h, good.data, good.len), 0x6a88);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&good);
}

static void host_refuses_a_card_without_the_key(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_B, 0x33);
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf command;

    mm_buf_init(&command);
    assert_int_equal(mm_gp_scp11_begin(&how, &ephemeral, &command), MM_OK);
    assert_int_equal(host_send(s->h, command.data, command.len), 0x9000);
    how.card = s->ca; /* not this card's */
    assert_int_equal(
        mm_gp_scp11_open(&s->channel, &how, ephemeral, &command, s->h->resp, s->h->resp_len, NULL),
        MM_AUTH);
    assert_int_equal(s->channel.open, 0);
    how.card = s->card;
    s->h->resp[s->h->resp_len - 1] ^= 1; /* the receipt */
    assert_int_equal(
        mm_gp_scp11_open(&s->channel, &how, ephemeral, &command, s->h->resp, s->h->resp_len, NULL),
        MM_AUTH);
    for (size_t len = 0; len < s->h->resp_len; len++)
        assert_int_equal(
            mm_gp_scp11_open(&s->channel, &how, ephemeral, &command, s->h->resp, len, NULL),
            MM_MALFORMED);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&command);
}

static void session_over_a_reader_is_one_of_scp11(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    static const uint8_t status[] = {0x80, 0xf2, 0x80, 0x02, 0x02, 0x4f, 0x00, 0x00};
    struct mm_access *access = NULL;
    struct mm_gp_session *session = NULL;
    char reader[160];
    struct mm_buf resp;
    uint16_t sw = 0;

    mm_card_close(&s->h->card);
    snprintf(reader, sizeof(reader), "chip:%s", s->h->path);
    assert_int_equal(mm_access_open(reader, 1000, &access, NULL), MM_OK);
    assert_int_equal(mm_gp_open_scp11(access, NULL, &how, &session, NULL), MM_OK);
    mm_buf_init(&resp);
    assert_int_equal(mm_gp_send(session, status, sizeof(status), &resp, &sw, NULL), MM_OK);
    assert_int_equal(sw, 0x9000);
    mm_buf_clear(&resp);
    mm_gp_close(&session);
    how.card = s->ca; /* another card was meant */
    assert_int_equal(mm_gp_open_scp11(access, NULL, &how, &session, NULL), MM_AUTH);
    assert_null(session);
    how.chain_len--;
    assert_int_equal(mm_gp_open_scp11(access, NULL, &how, &session, NULL), MM_MALFORMED);
    mm_access_close(&access);
    host_reopen(s->h);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH(hosts_with_a_certificate_manage_the_card),
        WITH(certificate_of_a_certified_authority_does),
        WITH(nameless_host_sees_and_changes_nothing),
        WITH(script_is_written_before_the_card_is_there),
        WITH(card_refuses_certificates_that_are_not_good),
        WITH(card_refuses_agreements_that_are_not_good),
        WITH(host_refuses_a_card_without_the_key),
        WITH(session_over_a_reader_is_one_of_scp11),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
