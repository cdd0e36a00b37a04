/* javacard.framework.service: natives of BasicService, Dispatcher, RMIService, CardRemoteObject. What they
 * do together from outside is in test_card_remote. */
#include "test/unit/api_fixture.h"

#define NULL_POINTER "java/lang/NullPointerException"
#define SECURITY     "java/lang/SecurityException"
#define SERVICE      "javacard/framework/service/ServiceException"
#define PACKAGE      "javacard/framework/service/"

enum { ILLEGAL_PARAM = 1, TABLE_FULL, TOO_LONG, CANNOT_ACCESS_IN, CANNOT_ACCESS_OUT };

static const uint8_t body[300] = {0xA1, 0xA2, 0xA3};

/* A command with so much data; the APDU object. */
static mm_ref begin_with(size_t body_len)
{
    const struct mm_api_command command = {.header = {0x80, 0x38, 0xFE, 0x02},
                                           .body = body,
                                           .body_len = body_len,
                                           .le = 256,
                                           .has_le = true};

    return mm_api_apdu_begin(chip.vm, &command);
}

static mm_ref object(const char *name)
{
    mm_ref ref = mm_vm_new_instance(chip.vm, name);

    assert_int_not_equal(ref, 0);
    return ref;
}

static const uint8_t *buffer(mm_ref apdu)
{
    return bytes_of(ok(mm_n_apdu_get_buffer, 1, apdu));
}

static void a_service_reads_the_header_before_the_command_is_processed(void **state)
{
    mm_ref s = object(PACKAGE "BasicService"), apdu = begin_with(3);

    (void)state;
    assert_int_equal((int8_t)ok(mm_n_service_cla, 2, s, apdu), (int8_t)0x80);
    assert_int_equal(ok(mm_n_service_ins, 2, s, apdu), 0x38);
    assert_int_equal((int8_t)ok(mm_n_service_p1, 2, s, apdu), -2);
    assert_int_equal(ok(mm_n_service_p2, 2, s, apdu), 2);
    assert_int_equal(ok(mm_n_service_selecting, 1, s), 0);
    (void)ok(mm_n_service_set_processed, 2, s, apdu);
    assert_int_equal((int8_t)ok(mm_n_service_cla, 2, s, apdu), (int8_t)0x80);
    assert_int_equal(ok(mm_n_service_ins, 2, s, apdu), 0x38);
    throws(SERVICE, CANNOT_ACCESS_IN, mm_n_service_p1, 2, s, apdu);
    throws(SERVICE, CANNOT_ACCESS_IN, mm_n_service_p2, 2, s, apdu);
    throws(SERVICE, CANNOT_ACCESS_IN, mm_n_service_receive, 2, s, apdu);
    throws(NULL_POINTER, 0, mm_n_service_cla, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_ins, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_p1, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_p2, 2, s, 0);
}

static void a_service_receives_the_data_once_for_all(void **state)
{
    mm_ref s = object(PACKAGE "BasicService"), apdu = begin_with(3);

    (void)state;
    assert_int_equal(ok(mm_n_service_receive, 2, s, apdu), 3);
    assert_memory_equal(buffer(apdu) + 4, "\x03\xA1\xA2\xA3", 4);
    assert_int_equal(ok(mm_n_service_receive, 2, s, apdu), 3);
    /* a service took two bytes off (Common Service Format, Input Ready) */
    assert_int_equal(mm_vm_array_write(chip.vm, ok(mm_n_apdu_get_buffer, 1, apdu), 4,
                                       (const uint8_t *)"\x01", 1, false),
                     MM_RUN_OK);
    assert_int_equal(ok(mm_n_service_receive, 2, s, apdu), 1);
    apdu = begin_with(0);
    assert_int_equal(ok(mm_n_service_receive, 2, s, apdu), 0);
    assert_int_equal(ok(mm_n_service_receive, 2, s, apdu), 0);
    throws(SERVICE, TOO_LONG, mm_n_service_receive, 2, s, begin_with(300));
    throws(NULL_POINTER, 0, mm_n_service_receive, 2, s, 0);
}

static void a_service_answers_by_length_and_status_in_the_buffer(void **state)
{
    mm_ref s = object(PACKAGE "BasicService"), apdu = begin_with(0);

    (void)state;
    assert_int_equal(ok(mm_n_service_is_processed, 2, s, apdu), 0);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_get_output_length, 2, s, apdu);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_get_sw, 2, s, apdu);
    (void)ok(mm_n_service_set_sw, 3, s, apdu, 0x6282); /* in any state */
    (void)ok(mm_n_service_set_output_length, 3, s, apdu, 256);
    (void)ok(mm_n_service_set_processed, 2, s, apdu);
    (void)ok(mm_n_service_set_processed, 2, s, apdu); /* once more: nothing */
    assert_int_equal(ok(mm_n_service_is_processed, 2, s, apdu), 1);
    assert_int_equal(ok(mm_n_service_get_sw, 2, s, apdu), 0x6282);
    assert_int_equal(ok(mm_n_service_get_output_length, 2, s, apdu), 256);
    (void)ok(mm_n_service_set_output_length, 3, s, apdu, 0);
    assert_int_equal(ok(mm_n_service_get_output_length, 2, s, apdu), 0);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_service_set_output_length, 3, s, apdu, 257);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_service_set_output_length, 3, s, apdu, -1);
    throws(NULL_POINTER, 0, mm_n_service_set_output_length, 3, s, 0, 0);
    throws(NULL_POINTER, 0, mm_n_service_get_output_length, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_set_sw, 3, s, 0, 0);
    throws(NULL_POINTER, 0, mm_n_service_get_sw, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_set_processed, 2, s, 0);
    throws(NULL_POINTER, 0, mm_n_service_is_processed, 2, s, 0);
}

static void success_and_failure_process_the_command(void **state)
{
    mm_ref s = object(PACKAGE "BasicService"), apdu = begin_with(0);

    (void)state;
    assert_int_equal(ok(mm_n_service_succeed, 2, s, apdu), 1);
    assert_int_equal(ok(mm_n_service_get_sw, 2, s, apdu), 0x9000);
    apdu = begin_with(0);
    assert_int_equal(ok(mm_n_service_succeed_with, 3, s, apdu, 0x6310), 1);
    assert_int_equal(ok(mm_n_service_get_sw, 2, s, apdu), 0x6310);
    (void)ok(mm_n_service_set_output_length, 3, s, apdu, 9);
    assert_int_equal(ok(mm_n_service_fail, 3, s, apdu, 0x6A80), 1);
    assert_int_equal(ok(mm_n_service_get_sw, 2, s, apdu), 0x6A80);
    assert_int_equal(ok(mm_n_service_get_output_length, 2, s, apdu), 0);
}

/* An exchange that is over is in no state to be answered. */
static void no_command_can_be_processed_outside_an_exchange(void **state)
{
    mm_ref s = object(PACKAGE "BasicService"), apdu = begin_with(0);
    const uint8_t *response;
    size_t len;

    (void)state;
    mm_api_apdu_end(chip.vm, &response, &len);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_set_processed, 2, s, apdu);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_succeed, 2, s, apdu);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_succeed_with, 3, s, apdu, 0x9000);
    throws(SERVICE, CANNOT_ACCESS_OUT, mm_n_service_fail, 3, s, apdu, 0x6A80);
}

/* ---- Dispatcher ---- */

static void a_dispatcher_has_room_for_so_many_services(void **state)
{
    mm_ref d = object(PACKAGE "Dispatcher"), a = object(PACKAGE "BasicService");
    mm_ref b = object(PACKAGE "BasicService");

    (void)state;
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_init, 2, d, -1);
    (void)ok(mm_n_dispatcher_init, 2, d, 2);
    (void)ok(mm_n_dispatcher_add, 3, d, a, 2);
    (void)ok(mm_n_dispatcher_add, 3, d, a, 2); /* is there already */
    (void)ok(mm_n_dispatcher_add, 3, d, a, 3);
    throws(SERVICE, TABLE_FULL, mm_n_dispatcher_add, 3, d, b, 1);
    (void)ok(mm_n_dispatcher_remove, 3, d, b, 1); /* is not there */
    (void)ok(mm_n_dispatcher_remove, 3, d, a, 2);
    (void)ok(mm_n_dispatcher_add, 3, d, b, 1);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_add, 3, d, 0, 1);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_add, 3, d, a, 0);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_add, 3, d, a, 4);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_remove, 3, d, 0, 1);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_remove, 3, d, a, 4);
}

static void a_dispatcher_without_a_taker_answers_that_there_is_none(void **state)
{
    mm_ref d = object(PACKAGE "Dispatcher"), apdu = begin_with(0);

    (void)state;
    (void)ok(mm_n_dispatcher_init, 2, d, 2);
    (void)ok(mm_n_dispatcher_add, 3, d, object(PACKAGE "BasicService"), 2);
    assert_int_equal(ok(mm_n_dispatcher_dispatch, 3, d, apdu, 1), 0);
    throws("javacard/framework/ISOException", 0x6D00, mm_n_dispatcher_process, 2, d, apdu);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_dispatch, 3, d, apdu, 0);
    throws(SERVICE, ILLEGAL_PARAM, mm_n_dispatcher_dispatch, 3, d, apdu, 4);
    throws(NULL_POINTER, 0, mm_n_dispatcher_dispatch, 3, d, 0, 1);
    throws(NULL_POINTER, 0, mm_n_dispatcher_process, 2, d, 0);
}

static void dispatch_gives_the_status_word_as_an_exception(void **state)
{
    mm_ref d = object(PACKAGE "Dispatcher"), s = object(PACKAGE "BasicService"), e;
    mm_ref apdu = begin_with(0);
    const uint8_t *response;
    size_t len;

    (void)state;
    (void)ok(mm_n_dispatcher_init, 2, d, 0);
    (void)ok(mm_n_service_succeed_with, 3, s, apdu, 0x6200);
    (void)ok(mm_n_service_set_output_length, 3, s, apdu, 2);
    e = ok(mm_n_dispatcher_dispatch, 3, d, apdu, 3);
    assert_true(mm_vm_instance_of(chip.vm, e, "javacard/framework/ISOException"));
    assert_int_equal(ok(mm_n_runtime_reason, 1, e), 0x6200);
    mm_api_apdu_end(chip.vm, &response, &len);
    assert_int_equal(len, 2);
    apdu = begin_with(0);
    (void)ok(mm_n_service_succeed, 2, s, apdu);
    (void)ok(mm_n_dispatcher_process, 2, d, apdu); /* 9000: no exception */
    apdu = begin_with(0);
    (void)ok(mm_n_service_fail, 3, s, apdu, 0x6985);
    throws("javacard/framework/ISOException", 0x6985, mm_n_dispatcher_process, 2, d, apdu);
}

static void a_dispatcher_follows_transactions(void **state)
{
    mm_ref d = object(PACKAGE "Dispatcher"), s = object(PACKAGE "BasicService");

    (void)state;
    (void)ok(mm_n_dispatcher_init, 2, d, 1);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_dispatcher_add, 3, d, s, 1);
    (void)ok(mm_n_sys_abort_transaction, 0);
    (void)ok(mm_n_dispatcher_add, 3, d, s, 2); /* there is room again */
}

/* ---- RMI ---- */

static void exported_is_part_of_the_object(void **state)
{
    mm_ref obj = object(PACKAGE "CardRemoteObject");

    (void)state;
    (void)ok(mm_n_remote_export, 1, obj);
    assert_true(mm_vm_exported(chip.vm, obj));
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_remote_unexport, 1, obj);
    assert_false(mm_vm_exported(chip.vm, obj));
    (void)ok(mm_n_sys_abort_transaction, 0);
    mm_vm_free(&chip.vm);
    chip_power_on();
    assert_true(mm_vm_exported(chip.vm, obj));
    (void)ok(mm_n_remote_unexport, 1, obj);
    assert_false(mm_vm_exported(chip.vm, obj));
    throws(NULL_POINTER, 0, mm_n_remote_export, 1, 0);
    throws(NULL_POINTER, 0, mm_n_remote_unexport, 1, 0);
    throws(SECURITY, 0, mm_n_remote_export, 1, begin_with(0)); /* the JCRE's own */
}

static void an_rmi_service_leaves_other_commands_alone(void **state)
{
    mm_ref s = object(PACKAGE "RMIService"), obj = object(PACKAGE "CardRemoteObject");
    mm_ref apdu = begin_with(0);

    (void)state;
    throws(NULL_POINTER, 0, mm_n_rmi_init, 2, s, 0);
    (void)ok(mm_n_rmi_init, 2, s, obj);
    (void)ok(mm_n_rmi_set_ins, 2, s, 0x40);
    /* No SELECT yet, so no INVOKE either. */
    assert_int_equal(ok(mm_n_rmi_process_command, 2, s, apdu), 0);
    assert_int_equal(ok(mm_n_service_is_processed, 2, s, apdu), 0);
    throws(NULL_POINTER, 0, mm_n_rmi_process_command, 2, s, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_service_reads_the_header_before_the_command_is_processed),
        TEST(a_service_receives_the_data_once_for_all),
        TEST(a_service_answers_by_length_and_status_in_the_buffer),
        TEST(success_and_failure_process_the_command),
        TEST(no_command_can_be_processed_outside_an_exchange),
        TEST(a_dispatcher_has_room_for_so_many_services),
        TEST(a_dispatcher_without_a_taker_answers_that_there_is_none),
        TEST(dispatch_gives_the_status_word_as_an_exception),
        TEST(a_dispatcher_follows_transactions),
        TEST(exported_is_part_of_the_object),
        TEST(an_rmi_service_leaves_other_commands_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
