/*
 * ENVELOPE under T=0 (ISO 7816-4, 11.8.2; ISO 7816-3, 12.2; JCRE 3.0.5, 9.4): commands of more than 255
 * bytes, brought in strings. The applet is converter/test/exchange; INS 10 answers what it got.
 */
#include "test/unit/card_built.h"

static uint8_t command[7 + 65535 + 2];

static void power(struct host *h, enum mm_protocol protocol)
{
    struct mm_card_config cfg = {.nvm = {.path = h->path}, .protocol = protocol};

    mm_card_close(&h->card);
    assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
    mm_card_power_on(h->card);
    assert_int_equal(host_hex(h, "00A404000B" EXCHANGE), 0x9000);
}

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, EXCHANGE_CAP, EXCHANGE_PKG);
    assert_int_equal(install_as(h, EXCHANGE_PKG, EXCHANGE, EXCHANGE), 0x9000);
    power(h, MM_PROTOCOL_T0);
    *state = h;
    return 0;
}

/* An echo of n bytes; with Le when le is not -1. Its length. */
static size_t echo(size_t n, int le)
{
    memset(command, 0, 7);
    command[0] = 0x80;
    command[1] = 0x10;
    mm_put_be16(command + 5, (uint16_t)n);
    for (size_t i = 0; i < n; i++)
        command[7 + i] = (uint8_t)(i * 11 + i / 256);
    if (le >= 0)
        mm_put_be16(command + 7 + n, (uint16_t)le);
    return 7 + n + (le >= 0 ? 2 : 0);
}

static uint16_t string(struct host *h, const uint8_t *data, size_t len)
{
    uint8_t apdu[5 + 255] = {0x00, 0xc2, 0x00, 0x00, (uint8_t)len};

    memcpy(apdu + 5, data, len);
    return host_send(h, apdu, 5 + len);
}

/* In strings of one length, the last as long as what is left; the last one's status word. */
static uint16_t envelope(struct host *h, size_t len, size_t each)
{
    uint16_t sw = 0x9000;

    for (size_t at = 0; at < len; at += each) {
        assert_int_equal(sw, 0x9000);
        assert_true(at == 0 || h->resp_len == 0);
        sw = string(h, command + at, len - at < each ? len - at : each);
    }
    return sw;
}

/* The answer by GET RESPONSE is the data of the command. */
static void echoed(struct host *h, uint16_t sw, size_t n)
{
    size_t got = 0;

    while (sw >> 8 == 0x61) {
        uint8_t get[5] = {0x00, 0xc0, 0x00, 0x00, (uint8_t)sw};
        sw = host_send(h, get, 5);
        assert_true(h->resp_len <= 256 && got + h->resp_len <= n);
        assert_memory_equal(h->resp, command + 7 + got, h->resp_len);
        got += h->resp_len;
    }
    assert_int_equal(sw, 0x9000);
    assert_int_equal(got, n);
}

static void a_long_command_comes_in_envelopes(void **state)
{
    static const size_t lengths[] = {256, 300, 600, 4096, 32767};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (int le = -1; le <= 0; le++)
            echoed(h, envelope(h, echo(lengths[i], le), 255), lengths[i]);
    }
}

static void strings_may_have_any_length(void **state)
{
    static const size_t each[] = {7, 8, 64, 100, 254};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
        echoed(h, envelope(h, echo(301, 0), each[i]), 301);
}

/* 7 + 503 bytes are two full strings: Le, or nothing, comes in one of its own. */
static void a_command_that_ends_with_a_full_string_is_ended_by_le_or_an_empty_one(void **state)
{
    struct host *h = *state;

    assert_int_equal(envelope(h, echo(503, -1), 255), 0x9000);
    echoed(h, host_hex(h, "00C20000"), 503);
    echoed(h, envelope(h, echo(503, 0), 255), 503);
    echoed(h, envelope(h, echo(502, 0), 255), 502); /* one byte of Le in the next string */
}

static void strings_that_make_no_command_are_wrong_and_forgotten(void **state)
{
    struct host *h = *state;

    (void)echo(600, -1);
    assert_int_equal(string(h, command, 255), 0x9000);
    assert_int_equal(host_hex(h, "00C20000"), 0x6700);       /* ends too early */
    assert_int_equal(string(h, command + 255, 255), 0x6D00); /* it begins nothing: the applet's */
    assert_int_equal(string(h, command, 255), 0x9000);
    assert_int_equal(string(h, command + 255, 255), 0x9000);
    assert_int_equal(string(h, command + 510, 100), 0x6700); /* 3 bytes too many */
    echoed(h, envelope(h, echo(600, -1), 255), 600);
}

static void another_command_or_a_reset_ends_what_was_begun(void **state)
{
    struct host *h = *state;

    (void)echo(600, -1);
    assert_int_equal(string(h, command, 255), 0x9000);
    assert_int_equal(host_hex(h, "80180000"), 0x6102);
    assert_int_equal(string(h, command + 255, 255), 0x6D00);
    assert_int_equal(string(h, command, 255), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "00A404000B" EXCHANGE), 0x9000);
    assert_int_equal(string(h, command + 255, 255), 0x6D00);
}

static void envelope_of_others_is_the_applets_command(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "00C20000058010000001"), 0x6D00); /* a short command */
    assert_int_equal(host_hex(h, "80C2000007801000000002580102"), 0x6700);
    (void)echo(600, -1);
    command[0] = 0x80;
    power(h, MM_PROTOCOL_T1);
    assert_int_equal(string(h, command, 255), 0x6D00);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, host_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_long_command_comes_in_envelopes),
        TEST(strings_may_have_any_length),
        TEST(a_command_that_ends_with_a_full_string_is_ended_by_le_or_an_empty_one),
        TEST(strings_that_make_no_command_are_wrong_and_forgotten),
        TEST(another_command_or_a_reset_ends_what_was_begun),
        TEST(envelope_of_others_is_the_applets_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
