/*
 * Services and Java Card RMI from outside (JCRE 3.0.5, chapter 8). The applet is converter/test/remote:
 * an account behind an RMIService, and a service of the applet's own, in one Dispatcher.
 */
#include "test/unit/card_rmi.h"

#define AID_LV "0B" REMOTE

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, REMOTE_CAP, REMOTE_PKG);
    assert_int_equal(install_as(h, REMOTE_PKG, REMOTE, REMOTE), 0x9000);
    *state = h;
    return 0;
}

static void select_tells_the_initial_object_by_its_class(void **state)
{
    static const char names[] = "\x13org/mintmark/remote\x0D"
                                "AccountObject";
    struct host *h = *state;
    uint8_t expected[64] = {0x6F, 0x2D, 0x6E, 0x2B, 0x5E, 0x29, 0x02, 0x02, 0x38, 0x81};

    mm_put_be16(expected + 10, initial(h, AID_LV, SELECT_CLASS));
    memcpy(expected + 13, names, sizeof(names) - 1); /* behind an empty hash modifier */
    assert_int_equal(h->resp_len, 13 + sizeof(names) - 1);
    assert_memory_equal(h->resp, expected, h->resp_len);
}

static void select_tells_the_initial_object_by_its_interfaces(void **state)
{
    /* the second interface is of the same package */
    static const char names[] = "\x02\x13org/mintmark/remote\x08"
                                "Counting\x00\x07"
                                "Account";
    struct host *h = *state;

    (void)initial(h, AID_LV, SELECT_INTERFACES);
    assert_int_equal(h->resp_len, 13 + sizeof(names) - 1);
    assert_memory_equal(h->resp + 13, names, sizeof(names) - 1);
    assert_int_equal(h->resp[1], h->resp_len - 2);
    assert_int_equal(h->resp[5], h->resp_len - 6);
}

static void remote_methods_take_and_give_every_type(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, account, "set(S)V", "0123", "81");
    invoke(h, account, "count()S", "", "810123");
    invoke(h, account, "low(S)B", "12FE", "81FE");
    invoke(h, account, "both(ZB)Z", "01FF", "8101");
    invoke(h, account, "both(ZB)Z", "00FF", "8100");
    invoke(h, account, "reversed([B)[B", "03010203", "8103030201");
    invoke(h, account, "reversed([B)[B", "00", "8100");
    invoke(h, account, "reversed([B)[B", "FF", "81FF"); /* null both ways */
    invoke(h, account, "twice([S[Z)[S",
           "0200011000"
           "020001",
           "810200012000");
}

static void exceptions_come_back_with_type_and_reason(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, account, "set(S)V", "7FFF", "82276001");
    invoke(h, account, "count()S", "", "810000");
    invoke(h, account, "fail(B)V", "00", "82236A80");
    invoke(h, account, "fail(B)V", "01", "82080000");
    invoke(h, account, "fail(B)V", "02", "83271234"); /* the applet's own: its superclass */
}

static void what_cannot_be_invoked_is_an_error_response(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, (uint16_t)(account + 1), "count()S", "", "990001");
    invoke(h, 0xFFFF, "count()S", "", "990001");
    invoke(h, account, "count()I", "", "990002");
    invoke(h, account, "set(S)V", "01", "990003");
    invoke(h, account, "set(S)V", "010203", "990003");
    invoke(h, account, "reversed([B)[B", "0401", "990003");
    assert_int_equal(host_hex(h, "80380201040001000200"), 0x9000);
    assert_resp(h, "990006"); /* version of the protocol */
    assert_int_equal(host_hex(h, "8038020202000100"), 0x9000);
    assert_resp(h, "990006");
}

static void an_object_is_callable_once_it_was_returned(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS), other;
    char text[64];

    snprintf(text, sizeof(text), "8038020204%04X%04X00", account,
             method_id("other()Lorg/mintmark/remote/Account;"));
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_int_equal(h->resp[0], 0x81);
    other = mm_be16(h->resp + 1);
    assert_int_not_equal(other, account);
    invoke(h, other, "set(S)V", "0007", "81");
    invoke(h, other, "count()S", "", "810007");
    /* A new session knows the initial object only. */
    assert_int_equal(initial(h, AID_LV, SELECT_CLASS), account);
    invoke(h, other, "count()S", "", "990001");
    /* An object that is not exported makes the service fail. */
    snprintf(text, sizeof(text), "8038020204%04X%04X00", account,
             method_id("hidden()Lorg/mintmark/remote/Account;"));
    assert_int_equal(host_hex(h, text), 0x6F00);
}

static void the_invoke_instruction_changes_with_the_next_select(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS);
    char text[64];

    assert_int_equal(host_hex(h, "8012400000"), 0x9000);
    invoke(h, account, "count()S", "", "810000");
    (void)initial(h, AID_LV, SELECT_CLASS);
    assert_int_equal(h->resp[8], 0x40);
    snprintf(text, sizeof(text), "8040020204%04X%04X00", account, method_id("count()S"));
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_resp(h, "810000");
    assert_int_equal(host_hex(h, "80380202040001000000"), 0x6D00);
}

static void services_of_a_dispatcher_work_in_phases(void **state)
{
    struct host *h = *state;

    (void)initial(h, AID_LV, SELECT_CLASS);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "0202"); /* commands so far, doubled by the output phase */
    assert_int_equal(host_hex(h, "8014000000"), 0x6A81);
    assert_int_equal(h->resp_len, 0);
    assert_int_equal(host_hex(h, "8016000000"), 0x6F00); /* an exception in a service */
    assert_int_equal(host_hex(h, "8018000000"), 0x6D00); /* nobody's command */
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "0606");
}

static void an_applet_has_a_security_service_of_its_own(void **state)
{
    struct host *h = *state;

    (void)initial(h, AID_LV, SELECT_CLASS);
    assert_int_equal(host_hex(h, "801A000000"), 0x9000);
    assert_resp(h, "05");
}

static void remote_objects_survive_power_off(void **state)
{
    struct host *h = *state;
    uint16_t account = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, account, "set(S)V", "0003", "81");
    host_reopen(h);
    assert_int_equal(initial(h, AID_LV, SELECT_CLASS), account);
    invoke(h, account, "count()S", "", "810003");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, host_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(select_tells_the_initial_object_by_its_class),
        TEST(select_tells_the_initial_object_by_its_interfaces),
        TEST(remote_methods_take_and_give_every_type),
        TEST(exceptions_come_back_with_type_and_reason),
        TEST(what_cannot_be_invoked_is_an_error_response),
        TEST(an_object_is_callable_once_it_was_returned),
        TEST(the_invoke_instruction_changes_with_the_next_select),
        TEST(services_of_a_dispatcher_work_in_phases),
        TEST(an_applet_has_a_security_service_of_its_own),
        TEST(remote_objects_survive_power_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
