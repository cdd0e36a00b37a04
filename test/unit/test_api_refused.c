/* What javacard.framework and its services throw: reasons that need a state of their own to be seen. */
#include "test/unit/api_fixture.h"

#include "applet_vm/vm/vm_int.h"

#define FW       "javacard/framework/"
#define APDUX    FW "APDUException"
#define PINX     FW "PINException"
#define SYSTEM   FW "SystemException"
#define TX       FW "TransactionException"
#define INDEX    "java/lang/ArrayIndexOutOfBoundsException"
#define NULLED   "java/lang/NullPointerException"
#define SECURITY "java/lang/SecurityException"

/* SystemException */
enum { ILLEGAL_VALUE = 1, NO_TRANSIENT_SPACE, ILLEGAL_TRANSIENT, ILLEGAL_AID, NO_RESOURCE };
#define IO_ERROR        4 /* APDUException */
#define NOT_IN_PROGRESS 2 /* TransactionException */
#define BUFFER_FULL     3

/* ---- Exceptions ---- */

static void throw_it_throws_the_cards_own_instance_with_the_reason(void **state)
{
    static const struct {
        mm_native throw_it;
        const char *class_name;
    } all[] = {{mm_n_throw_cardruntime, FW "CardRuntimeException"},
               {mm_n_throw_apdu, APDUX},
               {mm_n_throw_card, FW "CardException"},
               {mm_n_throw_pin, PINX},
               {mm_n_throw_iso, FW "ISOException"},
               {mm_n_throw_system, SYSTEM},
               {mm_n_throw_transaction, TX},
               {mm_n_throw_user, FW "UserException"},
               {mm_n_throw_service, FW "service/ServiceException"},
               {mm_n_throw_crypto, "javacard/security/CryptoException"},
               {mm_n_throw_bio, "javacardx/biometry/BioException"},
               {mm_n_throw_bio1ton, "javacardx/biometry1toN/Bio1toNException"},
               {mm_n_throw_external, "javacardx/external/ExternalException"},
               {mm_n_throw_string, "javacardx/framework/string/StringException"},
               {mm_n_throw_tlv, "javacardx/framework/tlv/TLVException"},
               {mm_n_throw_util, "javacardx/framework/util/UtilException"}};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        mm_ref first;
        throws(all[i].class_name, 0x1234, all[i].throw_it, 1, 0x1234);
        first = mm_vm_exception(chip.vm)->ref;
        throws(all[i].class_name, 0xFFFF, all[i].throw_it, 1, 0xFFFF);
        assert_int_equal(mm_vm_exception(chip.vm)->ref, first);
    }
}

/* ---- Applet ---- */

static enum mm_status in_use(void *ctx, mm_ref applet, const struct mm_aid *aid)
{
    (void)ctx, (void)applet, (void)aid;
    return MM_EXISTS;
}

static void applets_register_once_and_under_a_good_aid(void **state)
{
    mm_ref applet = mm_vm_new_instance(chip.vm, FW "Applet"),
           aid = bytes_new("0123456789ABCDEFG", 17);

    (void)state;
    throws(FW "ISOException", 0x6A81, mm_n_applet_install, 3, aid, 0, 5);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_applet_register_aid, 4, applet, aid, 0, 4);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_applet_register_aid, 4, applet, aid, 0, 17);
    (void)ok(mm_n_applet_register, 1, applet);
    throws(SYSTEM, ILLEGAL_AID, mm_n_applet_register, 1, applet); /* again */
    throws(SYSTEM, ILLEGAL_AID, mm_n_applet_register_aid, 4, applet, aid, 0, 16);
    chip.registered = 0;
    chip.services.register_applet = in_use;
    throws(SYSTEM, ILLEGAL_AID, mm_n_applet_register_aid, 4, applet, aid, 0, 16);
}

/* ---- JCSystem ---- */

/* JCRE 3.0.5, 6.2.6: while another applet is the selected one. */
static void clear_on_deselect_arrays_are_for_the_selected_applet(void **state)
{
    static const mm_native makers[] = {
        mm_n_sys_make_transient_boolean_array, mm_n_sys_make_transient_byte_array,
        mm_n_sys_make_transient_short_array, mm_n_sys_make_transient_object_array,
        mm_n_jcint_make_transient};

    (void)state;
    chip.vm->ctx = API_PACKAGE;
    chip.vm->selected = API_PACKAGE + 1;
    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
        throws(SYSTEM, ILLEGAL_TRANSIENT, makers[i], 2, 4, MM_CLEAR_ON_DESELECT);
}

static bool busy_elsewhere(void *ctx, mm_comp owner)
{
    (void)ctx;
    return owner == API_APPLET;
}

static void servers_that_are_busy_on_another_channel_are_refused(void **state)
{
    const struct mm_aid own = chip_aid();
    mm_ref aid = mm_vm_new_instance(chip.vm, FW "AID");

    (void)state;
    (void)ok(mm_n_aid_init, 4, aid, bytes_new(own.bytes, own.len), 0, own.len);
    chip.services.applet_elsewhere = busy_elsewhere;
    throws(SECURITY, 0, mm_n_sys_get_applet_shareable_interface_object, 2, aid, 0);
}

static void available_memory_goes_to_two_shorts(void **state)
{
    mm_ref shorts = mm_vm_new_array(chip.vm, MM_TYPE_SHORT_ARRAY, 2, MM_PERSISTENT);

    (void)state;
    throws(NULLED, 0, mm_n_sys_get_available_memory_long, 3, 0, 0, 0);
    throws(INDEX, 0, mm_n_sys_get_available_memory_long, 3, shorts, 1, 0);
    throws(INDEX, 0, mm_n_sys_get_available_memory_long, 3, shorts, -1, 0);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_sys_get_available_memory_long, 3, shorts, 0, 3);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_sys_get_available_memory_long, 3, shorts, 0, -1);
    (void)ok(mm_n_sys_get_available_memory_long, 3, shorts, 0, 1);
}

static void aborting_without_a_transaction_is_refused(void **state)
{
    (void)state;
    throws(TX, NOT_IN_PROGRESS, mm_n_sys_abort_transaction, 0);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_sys_abort_transaction, 0);
    throws(TX, NOT_IN_PROGRESS, mm_n_sys_abort_transaction, 0);
    throws(TX, NOT_IN_PROGRESS, mm_n_sys_commit_transaction, 0);
}

/* ---- The commit capacity ---- */

/* Write two bytes at a time until no more fit; the transaction stays open. */
static void use_up_the_commit_capacity(mm_ref array)
{
    uint16_t ret[2];

    for (uint16_t off = 0; off < 0x7FFE; off = (uint16_t)(off + 2)) {
        const uint16_t args[] = {array, off, 0x0101};
        if (mm_n_util_set_short(chip.vm, args, ret) != MM_RUN_OK)
            return;
    }
    fail_msg("the commit buffer has no end");
}

static void atomic_writes_stop_at_the_commit_capacity(void **state)
{
    mm_ref to = bytes_new("12345678", 8), from = bytes_new(NULL, 8);
    mm_ref sensitive = ok(mm_n_sensitive_make, 3, 2, MM_PERSISTENT, 8);
    mm_ref value = bytes_new("x", 1), big = bytes_new(NULL, 0x7FFF);

    (void)state;
    (void)ok(mm_n_sys_begin_transaction, 0);
    use_up_the_commit_capacity(big);
    throws(TX, BUFFER_FULL, mm_n_util_array_copy, 5, from, 0, to, 0, 8);
    throws(TX, BUFFER_FULL, mm_n_util_array_fill, 4, to, 0, 8, 0);
    throws(TX, BUFFER_FULL, mm_n_util_set_short, 3, to, 0, 0);
    throws(TX, BUFFER_FULL, mm_n_jcint_set, 4, to, 0, 0, 0);
    throws(TX, BUFFER_FULL, mm_n_logic_copy, 5, from, 0, 8, to, 0);
    throws(TX, BUFFER_FULL, mm_n_logic_fill, 5, to, 0, 8, value, 0);
    throws(TX, BUFFER_FULL, mm_n_sensitive_clear, 1, sensitive);
    assert_memory_equal(bytes_of(to), "12345678", 8);
    (void)ok(mm_n_util_array_fill_non_atomic, 4, from, 0, 8, 1); /* takes no part in it */
    assert_int_equal(ok(mm_n_sys_get_transaction_depth, 0), 1);
    (void)ok(mm_n_sys_abort_transaction, 0);
}

/* ---- OwnerPIN, SensitiveArrays ---- */

static void pins_refuse_limits_that_are_none(void **state)
{
    mm_ref pin = mm_vm_new_instance(chip.vm, FW "OwnerPIN"), x = ok(mm_n_pin_build, 3, 3, 8, 2);

    (void)state;
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_init, 3, pin, 0, 8);
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_init, 3, pin, 3, 0);
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_init, 3, pin, -1, 8);
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_build, 3, 3, 0, 1);
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_build, 3, 3, 8, 0); /* no such type */
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_set_try_limit, 2, x, 0);
    throws(PINX, ILLEGAL_VALUE, mm_n_pin_set_try_limit, 2, x, -1);
    assert_int_equal(ok(mm_n_pin_get_try_limit, 1, x), 3);
}

static void sensitive_arrays_need_room(void **state)
{
    (void)state;
    throws(SYSTEM, NO_TRANSIENT_SPACE, mm_n_sensitive_make, 3, 3, MM_CLEAR_ON_RESET, 0x7FFF);
    while (mm_vm_new_array(chip.vm, MM_TYPE_BYTE_ARRAY, 0x7FFF, MM_PERSISTENT) != MM_REF_NULL) {
    }
    throws(SYSTEM, NO_RESOURCE, mm_n_sensitive_make, 3, 2, MM_PERSISTENT, 0x7FFF);
}

/* ---- APDU ---- */

/* An answer that cannot be kept, as for want of memory. */
static mm_ref begin_broken(void)
{
    mm_ref apdu = begin(0, 16);

    mm_api_of(chip.vm)->apdu.out.bad = true;
    return apdu;
}

static void answers_that_cannot_be_kept_are_io_errors(void **state)
{
    mm_ref apdu = begin_broken(), data = bytes_new(NULL, 16);

    (void)state;
    throws(APDUX, IO_ERROR, mm_n_apdu_set_outgoing_and_send, 3, apdu, 0, 8);
    assert_int_equal((int16_t)ok(mm_n_apdu_get_current_state, 1, apdu), MM_APDU_ERROR_IO);
    apdu = begin_broken();
    (void)ok(mm_n_apdu_set_outgoing, 1, apdu);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 8);
    throws(APDUX, IO_ERROR, mm_n_apdu_send_bytes, 3, apdu, 0, 8);
    apdu = begin_broken();
    (void)ok(mm_n_apdu_set_outgoing, 1, apdu);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 8);
    throws(APDUX, IO_ERROR, mm_n_apdu_send_bytes_long, 4, apdu, data, 0, 8);
}

static void long_answers_come_from_the_callers_arrays(void **state)
{
    mm_ref apdu = begin(0, 16), data = bytes_new(NULL, 16);

    (void)state;
    (void)ok(mm_n_apdu_set_outgoing, 1, apdu);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 8);
    throws(NULLED, 0, mm_n_apdu_send_bytes_long, 4, apdu, 0, 0, 8);
    throws(INDEX, 0, mm_n_apdu_send_bytes_long, 4, apdu, data, 9, 8);
    throws(INDEX, 0, mm_n_apdu_send_bytes_long, 4, apdu, data, -1, 8);
    chip.vm->ctx = API_PACKAGE;
    throws(SECURITY, 0, mm_n_apdu_send_bytes_long, 4, apdu, data, 0, 8);
    chip.vm->ctx = 0;
    (void)ok(mm_n_apdu_send_bytes_long, 4, apdu, data, 0, 8);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(throw_it_throws_the_cards_own_instance_with_the_reason),
        TEST(applets_register_once_and_under_a_good_aid),
        TEST(clear_on_deselect_arrays_are_for_the_selected_applet),
        TEST(servers_that_are_busy_on_another_channel_are_refused),
        TEST(available_memory_goes_to_two_shorts),
        TEST(aborting_without_a_transaction_is_refused),
        TEST(atomic_writes_stop_at_the_commit_capacity),
        TEST(pins_refuse_limits_that_are_none),
        TEST(sensitive_arrays_need_room),
        TEST(answers_that_cannot_be_kept_are_io_errors),
        TEST(long_answers_come_from_the_callers_arrays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
