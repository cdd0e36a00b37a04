/* Life cycles of card and applications, privileges, and the domain's own data and personalisation. */
#include "test/unit/card_load.h"

#include "test/unit/card_personal.h"

#define PERSONAL_PACKAGE "05F050455253"
#define PERSONAL         "06F05045525301"

enum { SET_STATUS = 0xf0, STORE_DATA = 0xe2 };

static int with_session(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, MM_SCP_C_MAC | MM_SCP_C_DEC) != 0x9000;
}

static int with_applet(void **state)
{
    return with_session(state) != 0 || load_probe(*state) != 0x9000 ||
           install_probe(*state, "00") != 0x9000;
}

static uint16_t install_personal(struct host *h, const char *privileges)
{
    char text[128];

    snprintf(text, sizeof(text), PERSONAL_PACKAGE PERSONAL PERSONAL "%s0000", privileges);
    return secure(h, INSTALL, 0x0c, 0, text);
}

static int with_personal(void **state)
{
    return with_session(state) != 0 ||
           load_package(*state, PERSONAL_PACKAGE, personal_lfdb, sizeof(personal_lfdb)) != 0x9000;
}

static uint8_t card_state_of(struct host *h)
{
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
    return h->resp[15];
}

/* The card, then a session with its domain again. */
static void open_again(struct host *h)
{
    mm_card_reset(h->card);
    assert_int_equal(host_open(h, 0x03), 0x9000);
}

/* ---- Card ---- */
static void card_goes_through_its_states_in_order_only(void **state)
{
    struct host *h = *state;

    assert_int_equal(card_state_of(h), 0x01);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x7f, ""), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, "A000000151000000"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x01, ""), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, ""), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x7f, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x33, ""), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x20, 0x0f, ""), 0x6a86);
    host_reopen(h);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(card_state_of(h), 0x0f);
}

static void locked_card_runs_nothing_and_changes_nothing(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x7f, ""), 0x9000);
    assert_int_equal(select_probe(h), 0x6a82);
    assert_int_equal(host_hex(h, "00A4040000"), 0x6283);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06F050524F424600000000"), 0x6985);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "4203010203"), 0x6985);
    assert_int_equal(card_state_of(h), 0x7f);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
}

static void terminated_card_tells_its_data_and_no_more(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x80, 0xff, ""), 0x9000);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
        assert_int_equal(host_hex(h, "00A4040000"), 0x6985);
        assert_int_equal(select_probe(h), 0x6985);
        assert_int_equal(host_hex(h, "8050000008 0102030405060708 00"), 0x6985);
        assert_int_equal(host_hex(h, "80F0800F00"), 0x6985);
        host_reopen(h);
    }
}

/* ---- Applications ---- */
static void locked_application_is_not_selected_and_comes_back_as_it_was(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F050524F424502"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F050524F424502"), 0x6985);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x00, "4F00"), 0x9000);
    assert_resp(h, "07" INSTANCE "8700");
    assert_int_equal(select_probe(h), 0x6a82);
    open_again(h);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x00, "F050524F424502"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x00, "4F00"), 0x9000);
    assert_resp(h, "07" INSTANCE "0700");
    assert_int_equal(select_probe(h), 0x9000);
}

static void status_is_set_of_applications_only(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F050524F4245"), 0x6a88); /* a package */
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F050524F424509"), 0x6a88);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F0"), 0x6a80);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x80, "F050524F424502"), 0x6a88);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80F0408007 F050524F424502"), 0x6982);
}

/* ---- Privileges ---- */
static void card_is_locked_by_who_may(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(install_personal(h, "0100"), 0x9000);
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x9000);
    assert_int_equal(host_hex(h, "0012000000"), 0x6982);
    assert_int_equal(host_hex(h, "0014000000"), 0x6982);
    open_again(h);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F" PERSONAL), 0x9000);
    assert_int_equal(install_personal(h, "0118"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x00, "4F00"), 0x9000);
    assert_resp(h, PERSONAL "0718");
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x9000);
    assert_int_equal(host_hex(h, "0012000000"), 0x9000);
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x6a82);
    open_again(h);
    assert_int_equal(card_state_of(h), 0x7f);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x9000);
    assert_int_equal(host_hex(h, "0014000000"), 0x9000);
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x6985);
}

static void final_application_is_there_on_a_locked_card(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_personal(h, "03100200"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x7f, ""), 0x9000);
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x9000);
}

static void default_selected_application_answers_after_reset(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_personal(h, "0104"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x00, "4F00"), 0x9000);
    assert_resp(h, "08A000000151000000019A"); /* no longer the domain's */
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "06" PACKAGE "07" APPLET "07" INSTANCE "0104"
                            "0000"),
                     0x6985);
    host_reopen(h);
    assert_int_equal(host_hex(h, "0010000000"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000); /* SELECT without a name: the domain */
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F05045525301"), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000); /* locked: the domain again */
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F" PERSONAL), 0x9000);
    assert_int_equal(card_state_of(h), 0x01);
    assert_int_equal(h->resp[18], 0x9e);
}

/* GPCS 6.6.2: what only a domain can hold, what contradicts, what is not defined. */
static void privileges_that_an_applet_cannot_hold_are_refused(void **state)
{
    static const char *const refused[] = {"0180",     "01C0",     "01A0",     "0140", "0101",
                                          "0120",     "03008000", "03004000", "03002000",
                                          "03000080", "03000040", "03000001"};

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(install_personal(*state, refused[i]), 0x6a80);
}

/* ---- STORE DATA ---- */
static void stored_data_is_what_get_data_tells(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "42040102030445023344"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x80, 0, "5F5003666F6F"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x88, 0, "00700467024142"), 0x9000); /* DGI */
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "4203999999"), 0x9000);
    host_reopen(h);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
    assert_resp(h, "4203999999");
    assert_int_equal(host_hex(h, "80CA004500"), 0x9000);
    assert_resp(h, "45023344");
    assert_int_equal(host_hex(h, "00CA5F5000"), 0x9000);
    assert_resp(h, "5F5003666F6F");
    assert_int_equal(host_hex(h, "80CA006700"), 0x9000);
    assert_resp(h, "67024142");
}

static void stored_data_may_come_in_blocks(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, STORE_DATA, 0x10, 0, "4204"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 1, "01020304"), 0x9000);
    assert_int_equal(host_hex(h, "00CA004200"), 0x9000);
    assert_resp(h, "420401020304");
    assert_int_equal(secure(h, STORE_DATA, 0x10, 0, "4204"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 2, "01020304"), 0x6a86);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 1, "01020304"), 0x6a86); /* dropped */
}

static void store_data_refuses_what_it_cannot_keep_and_keeps_the_rest_out(void **state)
{
    static const char *const bad[] = {
        "",           "42",           "4205010203", "4200",
        "DF01020102", "42010142010A", "42820001",   "4209010203040506070809"};
    struct host *h = *state;
    char text[64];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(secure(h, STORE_DATA, 0x90, 0, bad[i]), 0x6a80);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "420201029901FF"), 0x6a80);
    assert_int_equal(secure(h, STORE_DATA, 0xf0, 0, "42020102"), 0x6a86); /* encrypted */
    assert_int_equal(secure(h, STORE_DATA, 0x98, 0, "42020102"), 0x6a86);
    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text), "%s", (const char *[]){"0071", "00700342", "0070FF00"}[i]);
        assert_int_equal(secure(h, STORE_DATA, 0x88, 0, text), 0x6a80);
    }
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
    assert_resp(h, "4203999999"); /* as the chip was made */
}

static void payment_chip_keeps_its_number(void **state)
{
    struct host *h = host_new(MM_PROFILE_PAYMENT);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "45020102"), 0x6985);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "42020102"), 0x9000);
    host_free(h);
}

/* ---- Personalisation ---- */
static void application_gets_its_data_through_the_domain(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_personal(h, "0100"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL "000000"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x00, 0, "010203"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x80, 1, "AABB"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "4203999999"), 0x9000); /* the domain's again */
    assert_int_equal(host_hex(h, "00A40400" PERSONAL "00"), 0x9000);
    assert_int_equal(host_hex(h, "0010000000"), 0x9000);
    assert_resp(h, "83 80E2800102AABB"); /* level, last command in plain */
}

static void application_refuses_data_with_its_own_word(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_personal(h, "0100"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL "000000"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x00, 0, "FF"), 0x6984);
    assert_int_equal(secure(h, STORE_DATA, 0x80, 1, "AA"), 0x6a86); /* it is over */
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL "000000"), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x80, 0, "AA"), 0x6a80); /* the domain's, so no TLV */
}

static void personalisation_wants_an_application_that_takes_it(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "000007" INSTANCE "000000"), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL "000000"), 0x6a88);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL_PACKAGE "000000"), 0x6a88);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0001" PERSONAL "000000"), 0x6a80);
    assert_int_equal(install_personal(h, "0100"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, "F05045525301"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "0000" PERSONAL "000000"), 0x6985);
}

/* ---- What the card tells ---- */
static void status_tells_the_tags_that_are_asked_for(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005C029F70"), 0x9000);
    assert_resp(h, "E30D4F07" INSTANCE "9F700107");
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005C01C4"), 0x9000);
    assert_resp(h, "E3114F07" INSTANCE "C406" PACKAGE);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005C00"), 0x9000);
    assert_resp(h, "E3094F07" INSTANCE);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005C02C4"), 0x6a80);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005D01C4"), 0x6a80);
}

static void free_memory_is_told(void **state)
{
    struct host *h = *state;
    uint32_t before, after;

    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80CAFF2100"), 0x9000);
    assert_int_equal(h->resp_len, 19);
    assert_memory_equal(h->resp, "\xff\x21\x10\x81\x02\x00\x01\x82\x04", 9);
    before = mm_be32(h->resp + 9);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80CAFF2100"), 0x9000);
    after = mm_be32(h->resp + 9);
    assert_true(after > before + sizeof(probe_lfdb));
    assert_int_equal(mm_be16(h->resp + 5), 0);
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(with_session, card_goes_through_its_states_in_order_only),
        WITH(with_applet, locked_card_runs_nothing_and_changes_nothing),
        WITH(with_applet, terminated_card_tells_its_data_and_no_more),
        WITH(with_applet, locked_application_is_not_selected_and_comes_back_as_it_was),
        WITH(with_applet, status_is_set_of_applications_only),
        WITH(with_personal, card_is_locked_by_who_may),
        WITH(with_personal, final_application_is_there_on_a_locked_card),
        WITH(with_personal, default_selected_application_answers_after_reset),
        WITH(with_personal, privileges_that_an_applet_cannot_hold_are_refused),
        WITH(with_session, stored_data_is_what_get_data_tells),
        WITH(with_session, stored_data_may_come_in_blocks),
        WITH(with_session, store_data_refuses_what_it_cannot_keep_and_keeps_the_rest_out),
        cmocka_unit_test(payment_chip_keeps_its_number),
        WITH(with_personal, application_gets_its_data_through_the_domain),
        WITH(with_personal, application_refuses_data_with_its_own_word),
        WITH(with_personal, personalisation_wants_an_application_that_takes_it),
        WITH(with_applet, status_tells_the_tags_that_are_asked_for),
        WITH(with_applet, free_memory_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
