/* SCP11 between a host and a chip: the three variants, certificates, what each end refuses. */
#include "test/unit/gp_scp11_scene.h"

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
