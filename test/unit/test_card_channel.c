/* The secure channel that applets use through org.globalplatform: the card's services, as the API
 * calls them. */
#include "test/unit/card_host.h"

#include "applet_vm/card/card_int.h"

#define OWNER 7

static const struct mm_gp_services *gp_of(const struct host *h)
{
    return &h->card->gp;
}

/* INITIALIZE UPDATE and EXTERNAL AUTHENTICATE in an APDU buffer. */
static uint16_t authenticate(struct host *h, mm_comp owner, uint8_t level)
{
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t buf[261] = {0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8}, challenge[8];
    size_t n = 0;
    uint16_t sw;

    memcpy(challenge, buf + 5, 8);
    sw = gp->channel.process_security(gp->ctx, owner, buf, sizeof(buf), 13, &n);
    if (sw != 0x9000)
        return sw;
    assert_int_equal(n, 29);
    assert_true(host_derive(h, challenge, buf + 5, n));
    return gp->channel.process_security(gp->ctx, owner, buf, sizeof(buf),
                                        host_authenticate(h, level, buf), &n);
}

/* A wrapped command with data, C-MAC and C-DECRYPTION; its length. */
static size_t wrapped(struct host *h, const char *text, uint8_t apdu[261])
{
    struct mm_scp_command c = {.header = {0x84, 0xe2, 0, 0}, .data = apdu + 5, .len = 200};

    memcpy(apdu, c.header, 4);
    assert_int_equal(mm_unhex(text, apdu + 5, &c.len), MM_OK);
    assert_int_equal(mm_scp_wrap_command(&h->scp, &c, 255), MM_OK);
    apdu[4] = (uint8_t)c.len;
    return 5 + c.len;
}

static void applet_unwraps_what_the_host_wrapped(void **state)
{
    static const uint8_t plain[] = {0x80, 0xe2, 0, 0, 3, 0xaa, 0xbb, 0xcc};
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t apdu[261];

    assert_int_equal(gp->channel.security_level(gp->ctx, OWNER), 0);
    assert_int_equal(authenticate(h, OWNER, 0x03), 0x9000);
    assert_int_equal(gp->channel.security_level(gp->ctx, OWNER), 0x83);
    for (int i = 0; i < 3; i++) {
        size_t len = wrapped(h, "AABBCC", apdu);
        assert_int_equal(gp->channel.unwrap(gp->ctx, OWNER, apdu, &len), 0x9000);
        assert_int_equal(len, sizeof(plain));
        assert_memory_equal(apdu, plain, len);
    }
}

static void session_of_one_applet_is_none_of_another(void **state)
{
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t apdu[261], as_it_came[261];
    size_t len, n;

    assert_int_equal(authenticate(h, OWNER, 0x03), 0x9000);
    assert_int_equal(gp->channel.security_level(gp->ctx, OWNER + 1), 0);
    n = len = wrapped(h, "AABBCC", apdu);
    memcpy(as_it_came, apdu, len);
    assert_int_equal(gp->channel.unwrap(gp->ctx, OWNER + 1, apdu, &len),
                     0x9000); /* it has no session */
    assert_int_equal(len, n);
    assert_memory_equal(apdu, as_it_came, n);
    assert_int_equal(host_hex(h, "80F28002024F0000"), 0x6982); /* nor of the domain */
}

static void replayed_command_ends_the_session(void **state)
{
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t apdu[261], again[261];
    size_t len, len_again;

    assert_int_equal(authenticate(h, OWNER, 0x03), 0x9000);
    len = len_again = wrapped(h, "AABBCC", apdu);
    memcpy(again, apdu, sizeof(again));
    assert_int_equal(gp->channel.unwrap(gp->ctx, OWNER, apdu, &len), 0x9000);
    assert_int_equal(gp->channel.unwrap(gp->ctx, OWNER, again, &len_again), 0x6982);
    assert_int_equal(gp->channel.security_level(gp->ctx, OWNER), 0);
}

static void response_is_wrapped_with_its_status_word(void **state)
{
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t data[64] = {0x11, 0x22, 0x90, 0x00};
    size_t len = 4, n = 10;

    assert_int_equal(authenticate(h, OWNER, 0x13), 0x9000);
    assert_int_equal(gp->channel.wrap(gp->ctx, OWNER, data, &len, sizeof(data)), 0x9000);
    assert_int_equal(len, 2 + 8); /* which the applet gives to the APDU itself */
    assert_int_equal(mm_scp_unwrap_response(&h->scp, data, &n, 0x9000), MM_OK);
    assert_int_equal(n, 2);
}

static void data_is_decrypted_under_the_dek(void **state)
{
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t key[16] = {1, 2, 3}, data[16];
    size_t len = 16;

    assert_int_equal(mm_scp_cbc(h->keys.dek, 16, NULL, true, key, 16, data), MM_OK);
    assert_int_equal(gp->channel.decrypt_data(gp->ctx, OWNER, data, &len), 0x6985);
    assert_int_equal(authenticate(h, OWNER, 0x03), 0x9000);
    assert_int_equal(gp->channel.decrypt_data(gp->ctx, OWNER, data, &len), 0x9000);
    assert_memory_equal(data, key, 16);
}

static void lengths_that_lie_are_refused(void **state)
{
    struct host *h = *state;
    const struct mm_gp_services *gp = gp_of(h);
    uint8_t buf[261] = {0x80, 0x50, 0, 0, 8};
    size_t n = 0, len = 4;

    assert_int_equal(gp->channel.process_security(gp->ctx, OWNER, buf, sizeof(buf), 4, &n), 0x6700);
    assert_int_equal(gp->channel.process_security(gp->ctx, OWNER, buf, sizeof(buf), 12, &n),
                     0x6700);
    assert_int_equal(gp->channel.process_security(gp->ctx, OWNER, buf, 12, 13, &n), 0x6700);
    assert_int_equal(gp->channel.process_security(gp->ctx, OWNER, buf, 20, 13, &n), 0x6700);
    assert_int_equal(authenticate(h, OWNER, 0x03), 0x9000);
    assert_int_equal(gp->channel.unwrap(gp->ctx, OWNER, buf, &len), 0x6700);
}

int main(void)
{
#define WITH_CARD(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH_CARD(applet_unwraps_what_the_host_wrapped),
        WITH_CARD(session_of_one_applet_is_none_of_another),
        WITH_CARD(replayed_command_ends_the_session),
        WITH_CARD(response_is_wrapped_with_its_status_word),
        WITH_CARD(data_is_decrypted_under_the_dek),
        WITH_CARD(lengths_that_lie_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
