/* The API's less used packages, called from Java: linking, tokens and results. The applet is
 * converter/test/extras. */
#include "test/unit/card_built.h"

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, EXTRAS_CAP, EXTRAS_PKG);
    assert_int_equal(install_as(h, EXTRAS_PKG, EXTRAS, EXTRAS), 0x9000);
    assert_int_equal(select_in(h, 0x00, EXTRAS), 0x9000);
    *state = h;
    return 0;
}

static void answers(struct host *h, const char *command, const char *response)
{
    char text[128];

    snprintf(text, sizeof(text), "%s00", command); /* Le */
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_resp(h, response);
}

static void applet_computes_with_big_and_decimal_numbers(void **state)
{
    struct host *h = *state;

    answers(h, "80100500021234", "0000001234");
    answers(h, "8010050003999999", "0001001233");
    assert_int_equal(host_hex(h, "80100500011A"), 0x6750);
    answers(h, "8012000002FFFF", "065535");
}

static void applet_edits_tlvs(void **state)
{
    struct host *h = *state;

    answers(h,
            "8014000007"
            "7005800101"
            "8100",
            "02");
    answers(h, "8016000002AABB",
            "700A8001018100"
            "9F5002AABB");
    answers(h, "8016000001CC",
            "70098001018100"
            "9F5001CC");
    assert_int_equal(host_hex(h, "80140000027001"), 0x6706);
    host_reopen(h);
    assert_int_equal(select_in(h, 0x00, EXTRAS), 0x9000);
    answers(h, "8016000001DD",
            "70098001018100"
            "9F5001DD");
}

static void applet_converts_text_and_ints(void **state)
{
    struct host *h = *state;

    answers(h,
            "8018000003"
            "61C3A9",
            "004100E9");
    assert_int_equal(host_hex(h, "801800000280C3"), 0x9000); /* ill formed: left out */
    answers(h,
            "801A000004"
            "00000064",
            "000F4240");
    assert_int_equal(host_hex(h, "801A000003000064"), 0x6721);
    answers(h, "802800000400010203", "010102020001020201010202");
}

static void applet_matches_biometric_data(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "801E0000013A"), 0x6734); /* not enrolled */
    assert_int_equal(host_hex(h, "801C000004"
                                 "01020304"),
                     0x9000);
    answers(h,
            "801E000004"
            "01020304",
            "7FFF");
    answers(h,
            "801E000004"
            "FEFDFCFB",
            "0000");
    answers(h,
            "8020000004"
            "01020304",
            "7FFF01");
}

static void applet_uses_sensitive_arrays_and_external_memory(void **state)
{
    struct host *h = *state;

    answers(h,
            "8022000003"
            "A1A2A3",
            "A1A2A30000000000");
    answers(h,
            "8024003E02"
            "B1B2",
            "B1B2");
    assert_int_equal(host_hex(h, "8024003F02B1B2"), 0x6742);
    answers(h,
            "8026000001"
            "6F",
            "13");
    answers(h, "802A00000107", "07");
    assert_int_equal(host_hex(h, "802C00000100"), 0x6707); /* its own TLV's exception */
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, host_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applet_computes_with_big_and_decimal_numbers),
        TEST(applet_edits_tlvs),
        TEST(applet_converts_text_and_ints),
        TEST(applet_matches_biometric_data),
        TEST(applet_uses_sensitive_arrays_and_external_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
