/* javacard.framework and org.globalplatform: natives, and an applet that uses them. */
#include "test/unit/api_fixture.h"
#include "test/unit/cap_seed.h"

#define FW           "javacard/framework/"
#define BOUNDS       "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"

/* ---- Util ---- */

static void util_copies_overlapping_ranges(void **state)
{
    mm_ref a = bytes_new("abcdef", 6);

    (void)state;
    assert_int_equal(ok(mm_n_util_array_copy, 5, a, 0, a, 2, 4), 6);
    assert_memory_equal(bytes_of(a), "ababcd", 6);
    assert_int_equal(ok(mm_n_util_array_copy_non_atomic, 5, a, 2, a, 0, 4), 4);
    assert_memory_equal(bytes_of(a), "abcdcd", 6);
    throws(BOUNDS, 0, mm_n_util_array_copy, 5, a, 0, a, 3, 4);
    throws(BOUNDS, 0, mm_n_util_array_copy, 5, a, -1, a, 0, 1);
    throws(BOUNDS, 0, mm_n_util_array_copy, 5, a, 0, a, 0, -1);
    throws(NULL_POINTER, 0, mm_n_util_array_copy, 5, 0, 0, a, 0, 1);
}

static void util_compares_fills_and_makes_shorts(void **state)
{
    mm_ref a = hex_new("0102FF"), b = hex_new("010203");

    (void)state;
    assert_int_equal(ok(mm_n_util_array_compare, 5, a, 0, b, 0, 2), 0);
    assert_int_equal(ok(mm_n_util_array_compare, 5, a, 0, b, 0, 3), 0xFFFF);
    assert_int_equal(ok(mm_n_util_array_compare, 5, b, 0, a, 0, 3), 1);
    assert_int_equal(ok(mm_n_util_array_fill, 4, a, 1, 2, 0xEE), 3);
    holds(a, 0, "01EEEE");
    assert_int_equal(ok(mm_n_util_set_short, 3, a, 0, 0x1234), 2);
    assert_int_equal(ok(mm_n_util_get_short, 2, a, 0), 0x1234);
    assert_int_equal(ok(mm_n_util_make_short, 2, 0xFF80, 0x0001), 0x8001);
    throws(BOUNDS, 0, mm_n_util_get_short, 2, a, 2);
}

/* ---- AID ---- */

static void aids_compare_and_give_their_bytes(void **state)
{
    mm_ref a = mm_vm_new_instance(chip.vm, FW "AID"), b = mm_vm_new_instance(chip.vm, FW "AID");
    mm_ref bytes = hex_new("F00102030401"), out = bytes_new(NULL, 16);

    (void)state;
    (void)ok(mm_n_aid_init, 4, a, bytes, 0, 6);
    (void)ok(mm_n_aid_init, 4, b, bytes, 0, 5);
    assert_int_equal(ok(mm_n_aid_equals_object, 2, a, a), 1);
    assert_int_equal(ok(mm_n_aid_equals_object, 2, a, b), 0);
    assert_int_equal(ok(mm_n_aid_equals_object, 2, a, bytes), 0);
    assert_int_equal(ok(mm_n_aid_rid_equals, 2, a, b), 1);
    assert_int_equal(ok(mm_n_aid_equals_bytes, 4, a, bytes, 0, 6), 1);
    assert_int_equal(ok(mm_n_aid_equals_bytes, 4, a, bytes, 0, 5), 0);
    assert_int_equal(ok(mm_n_aid_equals_bytes, 4, a, 0, 0, 5), 0);
    assert_int_equal(ok(mm_n_aid_partial_equals, 4, a, bytes, 0, 5), 1);
    assert_int_equal(ok(mm_n_aid_get_bytes, 3, a, out, 0), 6);
    holds(out, 0, "F00102030401");
    assert_int_equal(ok(mm_n_aid_get_partial, 5, a, 4, out, 0, 0), 2);
    holds(out, 0, "0401");
    throws(FW "SystemException", MM_SYSTEM_ILLEGAL_VALUE, mm_n_aid_init, 4, a, bytes, 0, 4);
    throws(BOUNDS, 0, mm_n_aid_get_partial, 5, a, 5, out, 0, 2);
}

/* ---- OwnerPIN ---- */

static mm_ref pin_new(int kind)
{
    mm_ref pin = ok(mm_n_pin_build, 3, 3, 8, kind);

    (void)ok(mm_n_pin_update, 4, pin, bytes_new("1234", 4), 0, 4);
    return pin;
}

static void pin_counts_tries_and_blocks(void **state)
{
    mm_ref pin = pin_new(1), good = bytes_new("1234", 4), wrong = bytes_new("1235", 4);

    (void)state;
    assert_int_equal(ok(mm_n_pin_check, 4, pin, wrong, 0, 4), 0);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 2);
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 1);
    assert_int_equal(ok(mm_n_pin_is_validated, 1, pin), 1);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 3), 0);
    assert_int_equal(ok(mm_n_pin_is_validated, 1, pin), 0);
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 0); /* blocked */
    throws(BOUNDS, 0, mm_n_pin_check, 4, pin, good, 0, 5);
    throws(NULL_POINTER, 0, mm_n_pin_check, 4, pin, 0, 0, 4);
    (void)ok(mm_n_pin_reset, 1, pin); /* not validated: no effect */
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 0);
    (void)ok(mm_n_pin_reset_and_unblock, 1, pin);
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 1);
}

static void pin_counts_a_try_that_throws(void **state)
{
    mm_ref pin = pin_new(1), good = bytes_new("1234", 4);

    (void)state;
    throws(BOUNDS, 0, mm_n_pin_check, 4, pin, good, 0, 5);
    throws(NULL_POINTER, 0, mm_n_pin_check, 4, pin, 0, 0, 4);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 1);
}

/* The try was counted by decrementTriesRemaining; a check that throws has used it up. */
static void pin_with_predecrement_checks_its_arguments(void **state)
{
    mm_ref pin = pin_new(3), good = bytes_new("1234", 4);

    (void)state;
    (void)ok(mm_n_pin_decrement, 1, pin);
    throws(BOUNDS, 0, mm_n_pin_check_decremented, 4, pin, good, 0, 5);
    throws(FW "PINException", 2, mm_n_pin_check_decremented, 4, pin, good, 0, 4);
    (void)ok(mm_n_pin_decrement, 1, pin);
    throws(NULL_POINTER, 0, mm_n_pin_check_decremented, 4, pin, 0, 0, 4);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 1);
}

/* JCRE 3.0.5, 7.7: an abort does not give a try back. */
static void pin_tries_stay_used_after_an_abort(void **state)
{
    mm_ref pin = pin_new(1), wrong = bytes_new("9999", 4);

    (void)state;
    (void)ok(mm_n_sys_begin_transaction, 0);
    assert_int_equal(ok(mm_n_pin_check, 4, pin, wrong, 0, 4), 0);
    (void)ok(mm_n_sys_abort_transaction, 0);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 2);
}

static void pin_made_in_a_transaction_works(void **state)
{
    mm_ref pin, good = bytes_new("1234", 4);

    (void)state;
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    pin = pin_new(1);
    assert_int_equal(mm_tx_commit(chip.nvm), MM_OK);
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 1);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    pin = pin_new(1);
    mm_vm_tx_abort(chip.vm);
    assert_false(mm_vm_instance_of(chip.vm, pin, FW "OwnerPIN"));
}

static void pin_validation_ends_with_the_session(void **state)
{
    mm_ref pin = pin_new(1), good = bytes_new("1234", 4);

    (void)state;
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 1);
    mm_api_reset(chip.vm);
    mm_vm_reset(chip.vm);
    assert_int_equal(ok(mm_n_pin_is_validated, 1, pin), 0);
    mm_vm_free(&chip.vm);
    chip_power_on();
    assert_int_equal(ok(mm_n_pin_check, 4, pin, good, 0, 4), 1);
}

static void pin_with_predecrement_is_checked_only_after_it(void **state)
{
    mm_ref pin = pin_new(3), good = bytes_new("1234", 4);

    (void)state;
    throws(FW "PINException", 2, mm_n_pin_check_decremented, 4, pin, good, 0, 4);
    assert_int_equal(ok(mm_n_pin_decrement, 1, pin), 2);
    throws(FW "PINException", 2, mm_n_pin_decrement, 1, pin);
    assert_int_equal(ok(mm_n_pin_check_decremented, 4, pin, good, 0, 4), 1);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 3);
}

static void pin_refuses_values_out_of_range(void **state)
{
    mm_ref pin = pin_new(2);

    (void)state;
    throws(FW "PINException", 1, mm_n_pin_build, 3, 0, 8, 1);
    throws(FW "PINException", 1, mm_n_pin_update, 4, pin, bytes_new("123456789", 9), 0, 9);
    throws(FW "PINException", 1, mm_n_pin_set_tries_remaining, 2, pin, 4);
    throws(FW "PINException", 1, mm_n_pin_build, 3, 3, 8, 4);
    (void)ok(mm_n_pin_set_try_limit, 2, pin, 2);
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, pin), 2);
}

/* ---- JCSystem ---- */

static void transactions_undo_and_keep_as_asked(void **state)
{
    mm_ref a = bytes_new("aaaa", 4), b = bytes_new("bbbb", 4);

    (void)state;
    throws(FW "TransactionException", 2, mm_n_sys_commit_transaction, 0);
    (void)ok(mm_n_sys_begin_transaction, 0);
    throws(FW "TransactionException", 1, mm_n_sys_begin_transaction, 0);
    assert_int_equal(ok(mm_n_sys_get_transaction_depth, 0), 1);
    (void)ok(mm_n_util_array_copy, 5, b, 0, a, 0, 2);
    (void)ok(mm_n_util_array_copy_non_atomic, 5, b, 0, a, 2, 2);
    (void)ok(mm_n_sys_abort_transaction, 0);
    assert_memory_equal(bytes_of(a), "aabb", 4);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_util_array_copy, 5, b, 0, a, 0, 4);
    (void)ok(mm_n_sys_commit_transaction, 0);
    assert_memory_equal(bytes_of(a), "bbbb", 4);
    assert_int_equal(ok(mm_n_sys_get_transaction_depth, 0), 0);
}

static void transient_arrays_are_cleared_at_reset(void **state)
{
    mm_ref a = ok(mm_n_sys_make_transient_byte_array, 2, 4, 1);

    (void)state;
    assert_int_equal(ok(mm_n_sys_is_transient, 1, a), 1);
    assert_int_equal(ok(mm_n_sys_is_transient, 1, bytes_new(NULL, 1)), 0);
    (void)ok(mm_n_util_array_fill, 4, a, 0, 4, 7);
    mm_vm_reset(chip.vm);
    holds(a, 0, "00000000");
    throws(FW "SystemException", 1, mm_n_sys_make_transient_byte_array, 2, 4, 3);
    throws(FW "SystemException", 2, mm_n_sys_make_transient_byte_array, 2, 0x7FFF, 1);
    throws("java/lang/NegativeArraySizeException", 0, mm_n_sys_make_transient_short_array, 2, -1,
           1);
}

static void memory_left_is_told(void **state)
{
    mm_ref halves = mm_vm_new_array(chip.vm, 12, 2, MM_PERSISTENT);

    (void)state;
    assert_int_equal(ok(mm_n_sys_get_available_memory, 1, 0), 0x7FFF);
    (void)ok(mm_n_sys_get_available_memory_long, 3, halves, 0, 0);
    throws(FW "SystemException", 1, mm_n_sys_get_available_memory, 1, 3);
}

static void an_aid_is_one_object_for_all(void **state)
{
    mm_ref bytes = hex_new("F00102030401"), aid = ok(mm_n_sys_lookup_aid, 3, bytes, 0, 6);
    struct mm_obj_info info;

    (void)state;
    assert_int_not_equal(aid, 0);
    assert_int_equal(ok(mm_n_sys_lookup_aid, 3, bytes, 0, 6), aid);
    assert_true(mm_vm_object(chip.vm, aid, &info));
    assert_true(info.entry_point && !info.temporary);
    assert_int_equal(ok(mm_n_sys_lookup_aid, 3, bytes, 0, 5), 0);
    assert_int_equal(ok(mm_n_sys_is_applet_active, 1, aid), 1);
}

/* ---- org.globalplatform ---- */

static void secure_channel_passes_on_to_the_security_domain(void **state)
{
    mm_ref sc = ok(mm_n_gp_secure_channel, 0), apdu = begin(8, 256);
    mm_ref data = hex_new("0102030000");

    (void)state;
    assert_true(mm_vm_instance_of(chip.vm, sc, "org/globalplatform/SecureChannel"));
    assert_int_equal(ok(mm_n_sc_process_security, 2, sc, apdu), 1);
    assert_int_equal(bytes_of(ok(mm_n_apdu_get_buffer, 1, apdu))[5], 13);
    assert_int_equal(ok(mm_n_sc_unwrap, 4, sc, data, 0, 3), 2);
    holds(data, 0, "FEFD03");
    assert_int_equal(ok(mm_n_sc_wrap, 4, sc, data, 0, 3), 4);
    holds(data, 0, "FEFD03EE00");
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_sc_wrap, 4, sc, data, 0, 5);
    data = hex_new("0102030000");
    assert_int_equal(ok(mm_n_sc_decrypt_data, 4, sc, data, 0, 3), 2);
    holds(data, 0, "FEFD03");
    assert_int_equal(ok(mm_n_sc_security_level, 1, sc), 0xFF83);
    assert_int_equal(ok(mm_n_gp_card_state, 0), 0x0F);
    assert_int_equal(ok(mm_n_gp_set_card_content_state, 1, 0x0F), 1);
    assert_int_equal(ok(mm_n_gp_card_content_state, 0), 0x0F);
    chip.gp_sw = 0x6982;
    throws(FW "ISOException", 0x6982, mm_n_sc_unwrap, 4, sc, data, 0, 3);
    throws(FW "ISOException", 0x6982, mm_n_sc_process_security, 2, sc, begin(8, 0));
}

/* ---- An applet on top of it all: test/unit/data/Seed.java ---- */

static void applet_install(void)
{
    struct mm_aid aid = chip_aid();
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    assert_int_equal(mm_comp_add(chip.nvm, API_PACKAGE, MM_COMP_PACKAGE, &aid), MM_OK);
    assert_int_equal(mm_comp_add(chip.nvm, API_APPLET, MM_COMP_APPLET, &aid), MM_OK);
    assert_int_equal(mm_cap_read(cap_seed, sizeof(cap_seed), &cap, &err), MM_OK);
    if (mm_vm_package_load(chip.vm, API_PACKAGE, cap, false, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_cap_free(&cap);
    if (mm_vm_install(chip.vm, API_PACKAGE, 0, API_APPLET, NULL, 0) != MM_RUN_OK)
        fail_msg("%s", mm_vm_fault(chip.vm));
    assert_int_not_equal(chip.registered, 0);
}

static uint16_t process(uint8_t ins, uint8_t p1, uint8_t p2)
{
    const struct mm_api_command command = {.header = {0x80, ins, p1, p2}};
    const uint8_t *response;
    size_t len;
    mm_ref apdu = mm_api_apdu_begin(chip.vm, &command);
    enum mm_run run = mm_vm_process(chip.vm, chip.registered, apdu);

    mm_api_apdu_end(chip.vm, &response, &len);
    if (run == MM_RUN_THROWN)
        return mm_vm_exception(chip.vm)->reason;
    if (run != MM_RUN_OK)
        fail_msg("%s", mm_vm_fault(chip.vm));
    assert_int_equal(len, 2);
    return mm_be16(response);
}

static void an_applet_runs_on_the_api(void **state)
{
    bool accepted = false;

    (void)state;
    applet_install();
    assert_int_equal(mm_vm_select(chip.vm, chip.registered, &accepted), MM_RUN_OK);
    assert_true(accepted);
    assert_int_equal(process(1, 0, 0), 9); /* static count 7 + 2 */
    assert_int_equal(process(1, 0, 0), 11);
    assert_int_equal(process(2, 1, 0), 20);
    assert_int_equal(process(3, (uint8_t)-100, 0), 1);
    assert_int_equal(process(3, 8, 0), 2);
    assert_int_equal(process(4, 9, 3), 3);
    assert_int_equal(process(4, 9, 0), 0); /* ArithmeticException caught */
    assert_int_equal(process(5, 0, 0), 0x0304);
    assert_int_equal(process(99, 0, 0), 0x6D00);
}

static void an_applet_lends_its_shareable_object(void **state)
{
    mm_ref aid, object;

    (void)state;
    applet_install();
    aid = ok(mm_n_sys_lookup_aid, 3, hex_new("F00102030401"), 0, 6);
    object = ok(mm_n_sys_get_applet_shareable_interface_object, 2, aid, 0);
    assert_int_equal(object, chip.registered);
    assert_int_equal(ok(mm_n_sys_get_applet_shareable_interface_object, 2, 0, 0), MM_REF_NULL);
}

/* Java code before install's own transaction is no concern of the applet (JCRE 11.2). */
static void begin_transaction_works_inside_an_installation(void **state)
{
    (void)state;
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    assert_int_equal(ok(mm_n_sys_get_transaction_depth, 0), 0);
    (void)ok(mm_n_sys_begin_transaction, 0);
    assert_int_equal(ok(mm_n_sys_get_transaction_depth, 0), 1);
    (void)ok(mm_n_sys_commit_transaction, 0);
    assert_true(mm_tx_active(chip.nvm));
    assert_int_equal(mm_tx_commit(chip.nvm), MM_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(util_copies_overlapping_ranges),
        TEST(util_compares_fills_and_makes_shorts),
        TEST(aids_compare_and_give_their_bytes),
        TEST(pin_counts_tries_and_blocks),
        TEST(pin_counts_a_try_that_throws),
        TEST(pin_with_predecrement_checks_its_arguments),
        TEST(pin_tries_stay_used_after_an_abort),
        TEST(pin_made_in_a_transaction_works),
        TEST(pin_validation_ends_with_the_session),
        TEST(pin_with_predecrement_is_checked_only_after_it),
        TEST(pin_refuses_values_out_of_range),
        TEST(transactions_undo_and_keep_as_asked),
        TEST(transient_arrays_are_cleared_at_reset),
        TEST(memory_left_is_told),
        TEST(an_aid_is_one_object_for_all),
        TEST(secure_channel_passes_on_to_the_security_domain),
        TEST(an_applet_runs_on_the_api),
        TEST(an_applet_lends_its_shareable_object),
        TEST(begin_transaction_works_inside_an_installation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
