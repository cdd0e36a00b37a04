/*
 * One command from the card's side to the applet's and back (JCRE 3.0.5, 7.6 and 9): extended length, ways
 * to end, transactions left open. The applet is converter/test/exchange.
 */
#include "test/unit/card_built.h"

#include "applet_vm/card/card_int.h"

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, EXCHANGE_CAP, EXCHANGE_PKG);
    load_built(h, RUNTIME_CAP, RUNTIME);
    assert_int_equal(install_as(h, EXCHANGE_PKG, EXCHANGE, EXCHANGE), 0x9000);
    assert_int_equal(install_as(h, RUNTIME, MULTI, MULTI), 0x9000);
    assert_int_equal(select_in(h, 0x00, EXCHANGE), 0x9000);
    *state = h;
    return 0;
}

static uint16_t extended(struct host *h, uint8_t ins, size_t len, uint16_t le)
{
    static uint8_t apdu[7 + 65535 + 2];

    memset(apdu, 0, 7);
    apdu[0] = 0x80;
    apdu[1] = ins;
    mm_put_be16(apdu + 5, (uint16_t)len);
    for (size_t i = 0; i < len; i++)
        apdu[7 + i] = (uint8_t)(i * 7 + i / 256);
    mm_put_be16(apdu + 7 + len, le);
    return host_send(h, apdu, 7 + len + 2);
}

static void extended_command_goes_through_whole(void **state)
{
    static const size_t lengths[] = {1, 255, 256, 257, 261, 600, 4096, 32766, 32767};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(extended(h, 0x10, lengths[i], 0), 0x9000);
        assert_int_equal(h->resp_len, lengths[i]);
        for (size_t k = 0; k < h->resp_len; k++)
            assert_int_equal(h->resp[k], (uint8_t)(k * 7 + k / 256));
    }
}

static void lengths_past_a_java_short_are_wrong(void **state)
{
    struct host *h = *state;

    assert_int_equal(extended(h, 0x10, 32768, 0), 0x6700);
    assert_int_equal(extended(h, 0x10, 3, 0x8000), 0x6700);
    assert_int_equal(extended(h, 0x10, 3, 0x7fff), 0x9000);
}

static void applet_without_the_interface_gets_no_extended_command(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(extended(h, 0x1a, 256, 0x0100), 0x6700);
    assert_int_equal(extended(h, 0x1a, 1, 0), 0x6700);     /* 65,536 expected */
    assert_int_equal(extended(h, 0x1a, 1, 0x100), 0x9000); /* nothing that needs the long form */
    assert_int_equal(host_hex(h, "8024010100"), 0x6f00);   /* BAD_LENGTH, uncaught */
}

static void applet_sees_a_long_lc_only_when_it_came(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8012000003 AABBCC 00"), 0x9000);
    assert_resp(h, "0005 0003 0100 03AABB");
    assert_int_equal(host_hex(h, "80120000000003 AABBCC 0000"), 0x9000);
    assert_resp(h, "0007 0003 7FFF 000003");
    assert_int_equal(host_hex(h, "80120000000003 AABBCC 0123"), 0x9000);
    assert_resp(h, "0007 0003 0123 000003");
}

static void long_answer_waits_for_a_host_that_asks_short(void **state)
{
    struct host *h = *state;
    size_t total;

    assert_int_equal(host_hex(h, "801C04D200"), 0x6100);
    for (total = h->resp_len; total < 1234; total += h->resp_len)
        (void)host_hex(h, "00C0000000");
    assert_int_equal(total, 1234);
}

/* GET RESPONSE (ISO 7816-4) as javax.smartcardio sends it with T=0: of the class of the command before. */
static void get_response_may_repeat_the_class_of_its_command(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "B01C010010"), 0x61f0);
    assert_int_equal(host_hex(h, "B0C00000F0"), 0x9000);
    assert_int_equal(h->resp_len, 0xf0);
    assert_int_equal(host_hex(h, "B0C00000F0"), 0x6d00); /* nothing waits: it is the applet's */
    assert_int_equal(host_hex(h, "801C010010"), 0x61f0);
    assert_int_equal(host_hex(h, "B0C00000F0"), 0x6d00); /* another class, with the chaining bit */
}

static void exception_becomes_the_status_word(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "80140042"), 0x6f42);
    assert_int_equal(host_hex(h, "80140100"), 0x6f00); /* NullPointerException */
    assert_int_equal(host_hex(h, "80140201"), 0x6f00); /* TransactionException, uncaught */
    assert_int_equal(host_hex(h, "80140343"), 0x6f43); /* with a transaction open */
    assert_int_equal(host_hex(h, "8018000000"), 0x9000);
}

/* ---- Transactions (JCRE 3.0.5, 7) ---- */
static void transaction_ends(struct host *h, const char *what, uint16_t sw, const char *answer,
                             const char *value)
{
    char text[16];

    snprintf(text, sizeof(text), "8016%s0000", what);
    assert_int_equal(host_hex(h, text), sw);
    assert_resp(h, answer);
    assert_int_equal(host_hex(h, "8018000000"), 0x9000);
    assert_resp(h, value);
}

static void transaction_is(struct host *h, const char *what, const char *answer, const char *value)
{
    transaction_ends(h, what, 0x9000, answer, value);
}

static void transaction_exceptions_have_their_reasons(void **state)
{
    struct host *h = *state;

    transaction_is(h, "05", "0000", "0001");           /* committed */
    transaction_is(h, "04", "0000", "0001");           /* aborted */
    transaction_ends(h, "00", 0x6f00, "0101", "0001"); /* IN_PROGRESS, depth 1; left open */
    transaction_is(h, "01", "0002", "0001");           /* NOT_IN_PROGRESS */
    transaction_is(h, "02", "0002", "0001");
}

/* As if it had ended with an exception (7.6.2): in select() the selection fails, in deselect() nothing. */
static void transaction_left_open_by_select_or_deselect_is_undone(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "801A0100"), 0x9000);
    assert_int_equal(select_in(h, 0x00, EXCHANGE), 0x6999);
    assert_int_equal(select_in(h, 0x00, EXCHANGE), 0x9000);
    transaction_is(h, "05", "0000", "0001");
    assert_int_equal(host_hex(h, "801A0200"), 0x9000);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "8012000000"), 0x9000);
    assert_int_equal(select_in(h, 0x00, EXCHANGE), 0x9000);
    transaction_is(h, "05", "0000", "0002");
}

static void transaction_that_is_too_large_says_so(void **state)
{
    struct host *h = *state;

    transaction_ends(h, "03", 0x6f00, "0103", "0000"); /* BUFFER_FULL, still in progress */
}

/* ---- The interface ---- */
static void card_of_t0_has_its_own_atr_and_expects_all_there_is(void **state)
{
    struct mm_card_config cfg = {.protocol = MM_PROTOCOL_T0};
    struct mm_card *card = NULL;
    struct mm_err err = {0};
    const uint8_t *atr;
    size_t len = 0;

    (void)state;
    assert_int_equal(mm_card_open(&cfg, &card, &err), MM_OK);
    atr = mm_card_atr(card, &len);
    assert_int_equal(atr[1] >> 4, 0); /* no interface byte: T=0 */
    assert_int_equal(len, 2 + (atr[1] & 0x0f));
    mm_card_close(&card);
}

int main(void)
{
#define WITH_APPLET(name) cmocka_unit_test_setup_teardown(name, setup, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH_APPLET(extended_command_goes_through_whole),
        WITH_APPLET(lengths_past_a_java_short_are_wrong),
        WITH_APPLET(applet_without_the_interface_gets_no_extended_command),
        WITH_APPLET(applet_sees_a_long_lc_only_when_it_came),
        WITH_APPLET(long_answer_waits_for_a_host_that_asks_short),
        WITH_APPLET(get_response_may_repeat_the_class_of_its_command),
        WITH_APPLET(exception_becomes_the_status_word),
        WITH_APPLET(transaction_exceptions_have_their_reasons),
        WITH_APPLET(transaction_left_open_by_select_or_deselect_is_undone),
        WITH_APPLET(transaction_that_is_too_large_says_so),
        cmocka_unit_test(card_of_t0_has_its_own_atr_and_expects_all_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
