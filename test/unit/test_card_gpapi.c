/* org.globalplatform from Java (GPCS 2.3.1, appendix A): registry entries, the global PIN, global
 * services, personalisation with an answer, and the upgrade interface outside of a session. The applets are converter/test/gp. */
#include "test/unit/card_gp.h"

static int with_desk(void **state)
{
    struct host *h = loaded();

    *state = h;
    return install_gp(h, DESK, "0100", "") != 0x9000 || select_aid(h, DESK) != 0x9000;
}

/* ---- GPSystem, GPRegistryEntry ---- */
static void application_reads_its_own_registry_entry(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "0B" DESK "000000"
                   "07"
                   "00");
    assert_int_equal(host_hex(h, "801E000008" ISD "00"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "801E000005" SSD "00"), 0x9000);
    assert_resp(h, "00");
}

static void other_entries_are_for_global_registry_only(void **state)
{
    struct host *h = loaded();

    (void)state;
    assert_int_equal(install_gp(h, PROVIDER, "0100", ""), 0x9000);
    assert_int_equal(install_gp(h, DESK, "0100", ""), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801200000B" PROVIDER "00"), 0x6a83);
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "00000B" DESK "030004000000"), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801200000B" PROVIDER "00"), 0x9000);
    assert_resp(h, "07");
    host_free(h);
}

static void application_moves_among_its_states_and_locks_itself(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "80140F0000"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8014030000"), 0x9000); /* back to INSTALLED: no */
    assert_resp(h, "00");
    assert_int_equal(host_hex(h, "8014800000"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "80140F0000"), 0x9000); /* out of LOCKED is for others */
    assert_resp(h, "00");
    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x6a82);
}

static void global_lock_locks_other_applications(void **state)
{
    struct host *h = loaded();

    (void)state;
    assert_int_equal(install_gp(h, PROVIDER, "0100", ""), 0x9000);
    assert_int_equal(install_gp(h, DESK, "03000C00", ""), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801480000B" PROVIDER "00"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(select_aid(h, PROVIDER), 0x6a82);
    host_free(h);
}

static void card_information_is_the_historical_bytes(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8024008000"), 0x9000);
    assert_int_equal(h->resp_len, 14);
    assert_int_equal(h->resp[1], 12);
    assert_memory_equal(h->resp + 2, "\x80\x31\xc0\x73", 4);
    assert_int_equal(host_hex(h, "8024008100"), 0x6a88);
}

/* GPCS 2.3.1, A.2: the application locks itself, and cannot unlock itself. */
static void application_locks_itself_as_its_content_state(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8032000F00"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8032000300"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(host_hex(h, "8032008000"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8032000F00"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x6a82);
}

/* ---- Historical bytes (GPSystem.setATRHistBytes) ---- */
static void assert_atr(const struct host *h, const char *text)
{
    uint8_t expected[33];
    size_t len = 0, n = sizeof(expected);
    const uint8_t *atr = mm_card_atr(h->card, &len);

    assert_int_equal(mm_unhex(text, expected, &n), MM_OK);
    assert_int_equal(len, n);
    assert_memory_equal(atr, expected, n);
}

#define ATR_NEW "3B8C80018031C073C0015F644D494E54EB"

static void historical_bytes_are_changed_at_the_next_cold_reset(void **state)
{
    struct host *h = loaded();

    (void)state;
    assert_int_equal(install_gp(h, DESK, "0104", ""), 0x9000); /* Card Reset */
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "8030000003 414243 00"), 0x9000);
    assert_resp(h, "01");
    assert_atr(h, ATR_NEW);
    mm_card_reset(h->card);
    assert_atr(h, ATR_NEW); /* a warm reset is none */
    mm_card_power_off(h->card);
    mm_card_power_on(h->card);
    assert_atr(h, "3B83800141424342");
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "8024008000"), 0x9000);
    assert_resp(h, "0003414243"); /* CARD_INFO of the same */
    host_reopen(h);
    assert_atr(h, "3B83800141424342");
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "803000000F 000102030405060708090A0B0C0D0E 00"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8030000010 000102030405060708090A0B0C0D0E0F 00"), 0x9000);
    assert_resp(h, "00"); /* T0 has room for fifteen */
    mm_card_power_on(h->card);
    assert_atr(h, "3B8F8001000102030405060708090A0B0C0D0E01");
    assert_int_equal(host_hex(h, "80300000"), 0x9000); /* it is the default one: none at all */
    mm_card_power_on(h->card);
    assert_atr(h, "3B80800101");
    host_free(h);
}

static void historical_bytes_are_for_who_holds_card_reset(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8030000003 414243 00"), 0x9000);
    assert_resp(h, "00");
    mm_card_power_on(h->card);
    assert_atr(h, ATR_NEW);
}

/* ---- CVM ---- */
static int with_manager(void **state)
{
    struct host *h = loaded();

    *state = h;
    return install_gp(h, DESK, "0102", "") != 0x9000 || select_aid(h, DESK) != 0x9000;
}

static void global_pin_is_verified_until_reset(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0000000000");
    assert_int_equal(host_hex(h, "8016010300"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8016020104 31323334 00"), 0x9000); /* ASCII 1234 */
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8016030102 3939 00"), 0x9000);
    assert_resp(h, "FFFF");
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0101000002"); /* submitted, not verified, two tries left */
    assert_int_equal(host_hex(h, "8016030202 1234 00"), 0x9000); /* BCD */
    assert_resp(h, "0000");
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0101010003");
    assert_int_equal(host_hex(h, "8016040000"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0100000003");
    assert_int_equal(host_hex(h, "8016030202 1234 00"), 0x9000);
    host_reopen(h);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0100000003");
}

static void global_pin_is_blocked_after_its_tries_and_by_its_manager(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8016010200"), 0x9000);
    assert_int_equal(host_hex(h, "8016020302 ABCD 00"), 0x9000); /* HEX */
    for (int i = 0; i < 2; i++)
        assert_int_equal(host_hex(h, "8016030302 ABCE 00"), 0x9000);
    host_reopen(h); /* power does not give tries back */
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "8016030302 ABCD 00"), 0x9000);
    assert_resp(h, "FFFF");
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0100000100");
    assert_int_equal(host_hex(h, "8016040000"), 0x9000);
    assert_resp(h, "00"); /* a blocked one is not reset, */
    assert_int_equal(host_hex(h, "8016050000"), 0x9000);
    assert_resp(h, "01"); /* but unblocked */
    assert_int_equal(host_hex(h, "8016030302 ABCD 00"), 0x9000);
    assert_resp(h, "0000");
    assert_int_equal(host_hex(h, "8016060000"), 0x9000);
    assert_int_equal(host_hex(h, "8016030302 ABCD 00"), 0x9000);
    assert_resp(h, "FFFF");
}

static void global_pin_is_changed_only_with_the_privilege(void **state)
{
    static const char *const commands[] = {"8016010300", "8016020104 31323334 00", "8016050000",
                                           "8016060000"};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        assert_int_equal(host_hex(h, commands[i]), 0x9000);
        assert_resp(h, "00");
    }
    assert_int_equal(host_hex(h, "8016070100"), 0x9000); /* there is no other CVM */
    assert_resp(h, "00");
}

static void global_pin_refuses_values_that_are_none(void **state)
{
    static const char *const values[] = {"8016020103 313A34 00", "8016020202 1A34 00",
                                         "801602040131 00",
                                         "801602030F 000102030405060708090A0B0C0D0E 00"};
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8016010300"), 0x9000);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_int_equal(host_hex(h, values[i]), 0x9000);
        assert_resp(h, "00");
    }
    assert_int_equal(host_hex(h, "8016000000"), 0x9000);
    assert_resp(h, "0000000000"); /* not active without a value */
}

/* ---- Global services ---- */
static void global_service_is_found_while_it_is_offered(void **state)
{
    struct host *h = loaded();

    (void)state;
    assert_int_equal(install_gp(h, PROVIDER, "03000100", "EF06CB0483008501"), 0x9000);
    assert_int_equal(install_gp(h, DESK, "0100", ""), 0x9000);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801C830100"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(select_aid(h, PROVIDER), 0x9000);
    assert_int_equal(host_hex(h, "80188301"), 0x9000); /* any of family 83 */
    assert_int_equal(host_hex(h, "80188301"), 0x6985);
    assert_int_equal(host_hex(h, "80188501"), 0x9000);
    assert_int_equal(host_hex(h, "80188502"), 0x6985); /* not what INSTALL allowed */
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801C830100"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "801C83010B" PROVIDER "00"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "801C83010B" DESK "00"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(select_aid(h, PROVIDER), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "01"); /* the client's call arrived */
    assert_int_equal(host_hex(h, "801A8301"), 0x9000);
    assert_int_equal(host_hex(h, "801A8301"), 0x6985);
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "801C830100"), 0x9000);
    assert_resp(h, "00");
    host_free(h);
}

static void service_without_the_privilege_is_refused(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8018830100"), 0x6985);
    assert_int_equal(host_hex(h, "801A830100"), 0x6985);
}

/* ---- Personalization ---- */
static void personalisation_may_answer(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x20, 0, "00000B" DESK "000000"), 0x9000);
    assert_int_equal(secure(h, 0xe2, 0x81, 0, "010203"), 0x9000);
    assert_resp(h, "0003");
    assert_int_equal(select_aid(h, DESK), 0x9000);
    assert_int_equal(host_hex(h, "802E000000"), 0x9000);
    assert_resp(h, "010203");
}

/* ---- Secure channel ---- */
static void secure_channel_extensions_need_a_session(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8028000100"), 0x6985);
    assert_int_equal(host_hex(h, "802C000010000102030405060708090A0B0C0D0E0F00"), 0x6985);
    assert_int_equal(host_hex(h, "802A00000D 8050000008 0102030405060708 00"), 0x9000);
    assert_true(h->resp_len >= 28); /* INITIALIZE UPDATE out of an array */
    assert_int_equal(host_hex(h, "802A00000D 00500000080102030405060708 00"), 0x6e00);
    assert_int_equal(host_hex(h, "802A00000D 80FE0000080102030405060708 00"), 0x6d00);
    assert_int_equal(host_hex(h, "8026000100"), 0x6a81); /* TYPE_ISO7816 */
}

/* ---- Upgrade ---- */
static void upgrade_interface_refuses_outside_of_a_session(void **state)
{
    struct host *h = *state;
    char text[16];

    assert_int_equal(host_hex(h, "8022000000"), 0x9000);
    assert_resp(h, "0001");
    for (int i = 1; i < 5; i++) {
        snprintf(text, sizeof(text), "8022%02X0000", i);
        assert_int_equal(host_hex(h, text), 0x6985);
    }
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(with_desk, application_reads_its_own_registry_entry),
        cmocka_unit_test(other_entries_are_for_global_registry_only),
        WITH(with_desk, application_moves_among_its_states_and_locks_itself),
        cmocka_unit_test(global_lock_locks_other_applications),
        WITH(with_desk, application_locks_itself_as_its_content_state),
        cmocka_unit_test(historical_bytes_are_changed_at_the_next_cold_reset),
        WITH(with_desk, historical_bytes_are_for_who_holds_card_reset),
        WITH(with_desk, card_information_is_the_historical_bytes),
        WITH(with_manager, global_pin_is_verified_until_reset),
        WITH(with_manager, global_pin_is_blocked_after_its_tries_and_by_its_manager),
        WITH(with_desk, global_pin_is_changed_only_with_the_privilege),
        WITH(with_manager, global_pin_refuses_values_that_are_none),
        cmocka_unit_test(global_service_is_found_while_it_is_offered),
        WITH(with_desk, service_without_the_privilege_is_refused),
        WITH(with_desk, personalisation_may_answer),
        WITH(with_desk, secure_channel_extensions_need_a_session),
        WITH(with_desk, upgrade_interface_refuses_outside_of_a_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
