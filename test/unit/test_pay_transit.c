/* The transit pass applet, as the build makes it, in a chip in this process. */
#include "test/unit/pay_chip.h"

static const uint8_t pass_key[16] = {0x12, 7}, pass_id[8] = {'P', 'A', 'S', 'S', 0, 0, 0, 1};

static int make_base(void **state)
{
    (void)state;
    return make_chip("transit", MM_AID_TRANSIT_PACKAGE, MM_AID_TRANSIT);
}

static void select_pass(void)
{
    struct mm_aid aid = mm_aid_of(MM_AID_TRANSIT);
    uint16_t sw = 0;

    assert_int_equal(mm_access_select(chip.access, &aid, NULL, &sw, NULL), MM_OK);
    assert_int_equal(sw, 0x9000);
}

static uint16_t personalise(uint8_t level)
{
    struct mm_buf data;
    uint16_t sw;

    mm_buf_init(&data);
    mm_buf_bytes(&data, pass_id, 8);
    mm_buf_bytes(&data, pass_key, 16);
    sw = store_data(MM_AID_TRANSIT, level, &data);
    mm_buf_clear(&data);
    return sw;
}

static int insert_personalised(void **state)
{
    insert_new(state);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC), 0x9000);
    select_pass();
    return 0;
}

/* A message under the pass key: label, id, counter, then up to 10 bytes. */
static void sign(const char *label, uint32_t counter, const void *rest, size_t rest_len,
                 uint8_t mac[16])
{
    struct mm_buf m;

    mm_buf_init(&m);
    mm_buf_bytes(&m, label, 2);
    mm_buf_bytes(&m, pass_id, 8);
    mm_buf_u32(&m, counter);
    mm_buf_bytes(&m, rest, rest_len);
    cmac(pass_key, &m, mac);
    mm_buf_clear(&m);
}

static uint16_t set_pass(uint32_t counter, uint32_t from, uint32_t to, uint16_t trips)
{
    uint8_t data[26];

    mm_put_be32(data, from);
    mm_put_be32(data + 4, to);
    mm_put_be16(data + 8, trips);
    sign("P1", counter, data, 10, data + 10);
    return status_of(0x80, MM_INS_TRANSIT_SET_PASS, 0, 0, data, sizeof(data));
}

static uint16_t tap(uint8_t ins, uint32_t day)
{
    uint8_t data[8] = {0, 0, 0, 42};

    mm_put_be32(data + 4, day);
    return status_of(0x80, ins, 0, 0, data, sizeof(data));
}

static uint16_t tap_in(uint32_t day)
{
    return tap(MM_INS_TRANSIT_TAP_IN, day);
}

static uint16_t tap_out(uint32_t day)
{
    return tap(MM_INS_TRANSIT_TAP_OUT, day);
}

static void assert_status(uint8_t inside, uint16_t trips, uint32_t counter)
{
    struct mm_buf resp;
    uint16_t sw = 0;

    mm_buf_init(&resp);
    assert_int_equal(mm_access_call(chip.access, 0x80, MM_INS_TRANSIT_TRANSIT_STATUS, 0, 0, NULL, 0,
                                    256, &resp, &sw, NULL),
                     MM_OK);
    assert_int_equal(resp.len, 23);
    assert_int_equal(resp.data[0], inside);
    assert_memory_equal(resp.data + 1, pass_id, 8);
    assert_int_equal(mm_be16(resp.data + 17), trips);
    assert_int_equal(mm_be32(resp.data + 19), counter);
    mm_buf_clear(&resp);
}

static void transit_is_personalised_once_and_only_in_an_encrypted_session(void **state)
{
    (void)state;
    select_pass();
    assert_int_equal(tap_in(1), 0x6985);
    assert_int_equal(personalise(MM_SCP_C_MAC), 0x6982);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC), 0x9000);
    assert_int_equal(personalise(MM_SCP_C_MAC | MM_SCP_C_DEC), 0x6985);
}

static void transit_lets_nobody_in_without_pass_and_trips(void **state)
{
    (void)state;
    assert_int_equal(tap_in(0), 0x6a83);
    assert_int_equal(tap_in(100), 0x6a83);
    assert_int_equal(tap_out(100), 0x6985);
    assert_status(0, 0, 0);
}

static void transit_rides_are_free_in_the_period_both_ends_included(void **state)
{
    (void)state;
    assert_int_equal(set_pass(0, 100, 102, 0), 0x9000);
    for (uint32_t day = 100; day <= 102; day++) {
        assert_int_equal(tap_in(day), 0x9000);
        assert_int_equal(tap_out(day), 0x9000);
    }
    assert_int_equal(tap_in(99), 0x6a83);
    assert_int_equal(tap_in(103), 0x6a83);
    assert_status(0, 0, 7);
}

static void transit_takes_a_trip_outside_the_period(void **state)
{
    (void)state;
    assert_int_equal(set_pass(0, 100, 100, 2), 0x9000);
    assert_int_equal(tap_in(101), 0x9000);
    assert_status(1, 1, 2);
    assert_int_equal(tap_out(101), 0x9000);
    assert_int_equal(tap_in(100), 0x9000);
    assert_status(1, 1, 4);
}

static void transit_refuses_to_go_in_or_out_twice(void **state)
{
    (void)state;
    assert_int_equal(set_pass(0, 0, 0, 5), 0x9000);
    assert_int_equal(tap_in(7), 0x9000);
    assert_int_equal(tap_in(7), 0x6985);
    assert_int_equal(tap_out(7), 0x9000);
    assert_int_equal(tap_out(7), 0x6985);
    assert_status(0, 4, 3);
}

static void transit_takes_a_pass_only_with_its_mac_and_once(void **state)
{
    (void)state;
    assert_int_equal(set_pass(1, 1, 2, 3), 0x6982); /* signed for another counter */
    assert_int_equal(set_pass(0, 2, 1, 3), 0x6a80);
    assert_int_equal(set_pass(0, 1, 2, 3), 0x9000);
    assert_int_equal(set_pass(0, 1, 2, 3), 0x6982); /* replayed */
    assert_status(0, 3, 1);
}

static void transit_signs_what_a_gate_is_told(void **state)
{
    uint8_t data[10] = {0, 0, 0, 42, 0, 0, 0, 7, 0, 4}, mac[16];
    struct mm_buf resp;
    uint16_t sw = 0;

    (void)state;
    assert_int_equal(set_pass(0, 0, 0, 5), 0x9000);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_call(chip.access, 0x80, MM_INS_TRANSIT_TAP_IN, 0, 0, data, 8, 256,
                                    &resp, &sw, NULL),
                     MM_OK);
    sign("T1", 2, data, 10, mac);
    assert_int_equal(resp.len, 22);
    assert_memory_equal(resp.data, "\0\4\0\0\0\2", 6);
    assert_memory_equal(resp.data + 6, mac, 16);
    assert_int_equal(mm_access_call(chip.access, 0x80, MM_INS_TRANSIT_TAP_OUT, 0, 0, data, 8, 256,
                                    &resp, &sw, NULL),
                     MM_OK);
    sign("T2", 3, data, 8, mac);
    assert_int_equal(resp.len, 20);
    assert_memory_equal(resp.data + 4, mac, 16);
    mm_buf_clear(&resp);
}

#define NEW(f)          cmocka_unit_test_setup_teardown(f, insert_new, take_out)
#define PERSONALISED(f) cmocka_unit_test_setup_teardown(f, insert_personalised, take_out)

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEW(transit_is_personalised_once_and_only_in_an_encrypted_session),
        PERSONALISED(transit_lets_nobody_in_without_pass_and_trips),
        PERSONALISED(transit_rides_are_free_in_the_period_both_ends_included),
        PERSONALISED(transit_takes_a_trip_outside_the_period),
        PERSONALISED(transit_refuses_to_go_in_or_out_twice),
        PERSONALISED(transit_takes_a_pass_only_with_its_mac_and_once),
        PERSONALISED(transit_signs_what_a_gate_is_told),
    };

    return cmocka_run_group_tests(tests, make_base, remove_base);
}
