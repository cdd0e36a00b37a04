/* Commands as the card takes them: length forms, classes, selection, what the domain tells. */
#include "test/unit/card_host.h"

#include "applet_vm/card/card_int.h"

static bool parse(const char *text, struct mm_apdu *a)
{
    static uint8_t apdu[600];
    size_t n = sizeof(apdu);

    assert_int_equal(mm_unhex(text, apdu, &n), MM_OK);
    return mm_card_apdu_parse(apdu, n, a);
}

static void apdu_takes_all_seven_forms(void **state)
{
    static const struct {
        const char *apdu;
        size_t data_len;
        uint32_t le;
        bool has_le, extended;
    } rows[] = {
        {"00A40400", 0, 0, false, false},
        {"00A4040000", 0, 256, true, false},
        {"00A4040005", 0, 5, true, false},
        {"00A404000201 02", 2, 0, false, false},
        {"00A404000201 02 00", 2, 256, true, false},
        {"00A4040000 0000", 0, 65536, true, true},
        {"00A4040000 0102", 0, 258, true, true},
        {"00A4040000 0002 AABB", 2, 0, false, true},
        {"00A4040000 0002 AABB 0000", 2, 65536, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_apdu a;
        assert_true(parse(rows[i].apdu, &a));
        assert_int_equal(a.data_len, rows[i].data_len);
        assert_int_equal(a.le, rows[i].le);
        assert_int_equal(a.has_le, rows[i].has_le);
        assert_int_equal(a.extended, rows[i].extended);
    }
}

static void apdu_takes_an_extended_lc_of_zero_as_none(void **state)
{
    struct mm_apdu a;

    (void)state;
    assert_true(parse("00CA7F74 000000 0102", &a));
    assert_int_equal(a.data_len, 0);
    assert_int_equal(a.le, 258);
    assert_true(parse("00CA7F74 000000 0000", &a));
    assert_int_equal(a.le, 65536);
}

static void apdu_refuses_lengths_that_do_not_agree(void **state)
{
    static const char *const rows[] = {
        "",
        "00",
        "00A404",
        "00A4040003 0102",
        "00A4040002 010203 04",
        "00A4040000 00",
        "00A4040000 0003 0102",
        "00A4040000 0002 AABB 00",
        "00A4040000 0000 01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_apdu a;
        assert_false(parse(rows[i], &a));
    }
}

static void card_answers_6700_to_a_cut_command(void **state)
{
    assert_int_equal(host_hex(*state, "00A404"), 0x6700);
    assert_int_equal(host_hex(*state, "00A4040008 A000"), 0x6700);
}

static void card_refuses_closed_channels_and_unknown_classes(void **state)
{
    assert_int_equal(host_hex(*state, "01CA006600"), 0x6881);
    assert_int_equal(host_hex(*state, "4FCA006600"), 0x6881);
    assert_int_equal(host_hex(*state, "83CA006600"), 0x6881);
    assert_int_equal(host_hex(*state, "02C0000000"), 0x6881);
    assert_int_equal(host_hex(*state, "0270000001"), 0x6881);
    assert_int_equal(host_hex(*state, "10A4040000"), 0x6884);
    assert_int_equal(host_hex(*state, "04A4040000"), 0x6882);
    assert_int_equal(host_hex(*state, "20A4040000"), 0x6e00);
    assert_int_equal(host_hex(*state, "FFA4040000"), 0x6e00);
    assert_int_equal(host_hex(*state, "B0CA006600"), 0x6e00);
    assert_int_equal(host_hex(*state, "80FF000000"), 0x6d00);
}

static void select_takes_full_and_partial_names(void **state)
{
    static const char fci[] = "6F108408A000000151000000A5049F6501FF";

    assert_int_equal(host_hex(*state, "00A4040000"), 0x9000);
    assert_resp(*state, fci);
    assert_int_equal(host_hex(*state, "00A4040008A000000151000000 00"), 0x9000);
    assert_resp(*state, fci);
    assert_int_equal(host_hex(*state, "00A4040005A000000151 00"), 0x9000);
    assert_resp(*state, fci);
    assert_int_equal(host_hex(*state, "00A4040205A000000151 00"), 0x6a82); /* no next one */
    assert_int_equal(host_hex(*state, "00A404000BF04D494E544D41524B0101 00"), 0x9000);
    assert_resp(*state, "6F0D840BF04D494E544D41524B0101");
    assert_int_equal(host_hex(*state, "00A4040006A00000000999 00"), 0x6a82);
    /* the integrity application is still selected */
    assert_int_equal(host_hex(*state, "8030000000"), 0x9000);
    assert_int_equal(((struct host *)*state)->resp_len, 16);
}

static void atr_is_consistent(void **state)
{
    struct host *h = *state;
    size_t len = 0;
    const uint8_t *atr = mm_card_atr(h->card, &len);
    uint8_t check = 0;

    assert_int_equal(len, 4 + (atr[1] & 0x0f) + 1);
    for (size_t i = 1; i < len; i++)
        check ^= atr[i];
    assert_int_equal(check, 0);
}

static void get_data_tells_what_tools_ask_for(void **state)
{
    struct host *h = *state;
    uint8_t id[16];

    assert_int_equal(host_hex(h, "80CA004500"), 0x9000);
    assert_int_equal(h->resp_len, 18);
    memcpy(id, h->resp + 2, 16);
    assert_int_equal(host_hex(h, "00CA004500"), 0x9000);
    assert_memory_equal(h->resp + 2, id, 16);
    assert_int_equal(host_hex(h, "80CA006600"), 0x9000);
    assert_int_equal(h->resp[1], h->resp_len - 2);
    assert_int_equal(host_hex(h, "80CA00E000"), 0x9000);
    assert_resp(h, "E012C00401FF8810C00402FF8810C00403FF8810");
    assert_int_equal(host_hex(h, "80CA9F7F00"), 0x9000);
    assert_int_equal(h->resp_len, 45);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
    assert_int_equal(host_hex(h, "80CA00C100"), 0x6a88);
    assert_int_equal(host_hex(h, "80500000080102030405060708 00"), 0x9000);
    assert_memory_equal(h->resp, id, 10); /* key diversification data */
}

static void response_comes_in_parts_when_le_is_short(void **state)
{
    struct host *h = *state;
    uint8_t whole[128];
    size_t len;

    assert_int_equal(host_hex(h, "80CA006600"), 0x9000);
    len = h->resp_len;
    memcpy(whole, h->resp, len);
    assert_int_equal(host_hex(h, "80CA006610"), 0x6100 | (len - 16));
    assert_memory_equal(h->resp, whole, 16);
    assert_int_equal(host_hex(h, "00C0000004"), 0x6100 | (len - 20));
    assert_memory_equal(h->resp, whole + 16, 4);
    assert_int_equal(host_hex(h, "00C0000000"), 0x9000);
    assert_int_equal(h->resp_len, len - 20);
    assert_memory_equal(h->resp, whole + 20, len - 20);
    assert_int_equal(host_hex(h, "00C0000000"), 0x6985);
}

static void response_comes_without_le_under_t_1(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "00A4040008A000000151000000"), 0x9000);
    assert_int_equal(h->resp_len, 0x12);
}

static void another_command_drops_a_waiting_response(void **state)
{
    assert_int_equal(host_hex(*state, "80CA006601"), 0x6141 + 2);
    assert_int_equal(host_hex(*state, "80CA00C100"), 0x6a88);
    assert_int_equal(host_hex(*state, "00C0000000"), 0x6985);
}

static void card_without_power_answers_nothing_useful(void **state)
{
    struct host *h = *state;

    mm_card_power_off(h->card);
    assert_int_equal(host_hex(h, "00A4040000"), 0x6f00);
    mm_card_power_on(h->card);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
}

int main(void)
{
#define WITH_CARD(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apdu_takes_all_seven_forms),
        cmocka_unit_test(apdu_takes_an_extended_lc_of_zero_as_none),
        cmocka_unit_test(apdu_refuses_lengths_that_do_not_agree),
        WITH_CARD(card_answers_6700_to_a_cut_command),
        WITH_CARD(card_refuses_closed_channels_and_unknown_classes),
        WITH_CARD(select_takes_full_and_partial_names),
        WITH_CARD(atr_is_consistent),
        WITH_CARD(get_data_tells_what_tools_ask_for),
        WITH_CARD(response_comes_in_parts_when_le_is_short),
        WITH_CARD(response_comes_without_le_under_t_1),
        WITH_CARD(another_command_drops_a_waiting_response),
        WITH_CARD(card_without_power_answers_nothing_useful),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
