/*
 * javacard.framework.APDU (JCRE 3.0.5, 9): states, and what each method refuses when. How the extended form
 * reaches an applet is in test_card_exchange.c.
 */
#include "test/unit/api_fixture.h"

#define EXCEPTION     "javacard/framework/APDUException"
#define ILLEGAL_USE   1
#define BUFFER_BOUNDS 2
#define BAD_LENGTH    3
#define IO_ERROR      4

static void apdu_goes_through_its_states(void **state)
{
    mm_ref apdu = begin(3, 256), buffer = ok(mm_n_apdu_get_buffer, 1, apdu);
    const uint8_t *response;
    size_t len;

    (void)state;
    holds(buffer, 0, "8010010203");
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_get_incoming_length, 1, apdu);
    assert_int_equal(ok(mm_n_apdu_set_incoming_and_receive, 1, apdu), 3);
    assert_int_equal(ok(mm_n_apdu_get_current_state, 1, apdu), MM_APDU_FULL_INCOMING);
    holds(buffer, 5, "000102");
    assert_int_equal(ok(mm_n_apdu_get_offset_cdata, 1, apdu), 5);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_incoming_and_receive, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing_length, 2, apdu, 2);
    assert_int_equal(ok(mm_n_apdu_set_outgoing, 1, apdu), 256);
    throws(EXCEPTION, BAD_LENGTH, mm_n_apdu_set_outgoing_length, 2, apdu, 257);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 4);
    (void)ok(mm_n_apdu_send_bytes, 3, apdu, 0, 2);
    assert_int_equal(ok(mm_n_apdu_get_current_state, 1, apdu), MM_APDU_PARTIAL_OUTGOING);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_send_bytes, 3, apdu, 0, 3);
    (void)ok(mm_n_apdu_send_bytes_long, 4, apdu, hex_new("AABB"), 0, 2);
    assert_int_equal(ok(mm_n_apdu_get_current_state, 1, apdu), MM_APDU_FULL_OUTGOING);
    mm_api_apdu_end(chip.vm, &response, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(response, "\x80\x10\xAA\xBB", 4);
}

static void apdu_refuses_to_send_outside_the_buffer(void **state)
{
    mm_ref apdu = begin(0, 0);

    (void)state;
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_set_outgoing_and_send, 3, apdu, 200, 100);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_set_outgoing_and_send, 3, apdu, -1, 1);
    throws(EXCEPTION, BAD_LENGTH, mm_n_apdu_set_outgoing_and_send, 3, apdu, 0, -1);
    (void)ok(mm_n_apdu_set_outgoing_and_send, 3, apdu, 0, 5);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing_and_send, 3, apdu, 0, 5);
}

static void apdu_hands_a_long_body_out_in_pieces(void **state)
{
    mm_ref apdu = begin(600, 0), buffer = ok(mm_n_apdu_get_buffer, 1, apdu);

    (void)state;
    holds(buffer, 4, "000258");
    assert_int_equal(ok(mm_n_apdu_set_incoming_and_receive, 1, apdu), MM_APDU_BUFFER_LEN - 7);
    assert_int_equal(ok(mm_n_apdu_get_incoming_length, 1, apdu), 600);
    assert_int_equal(ok(mm_n_apdu_get_offset_cdata, 1, apdu), 7);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_receive_bytes, 2, apdu, 8);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_receive_bytes, 2, apdu, -1);
    assert_int_equal(ok(mm_n_apdu_receive_bytes, 2, apdu, 0), MM_APDU_BUFFER_LEN);
    assert_int_equal(bytes_of(buffer)[0], (uint8_t)(MM_APDU_BUFFER_LEN - 7));
    assert_int_equal(ok(mm_n_apdu_receive_bytes, 2, apdu, 0), 600 + 7 - 2 * MM_APDU_BUFFER_LEN);
    assert_int_equal(ok(mm_n_apdu_receive_bytes, 2, apdu, 0), 0);
}

static void apdu_buffer_is_longer_for_an_extended_command(void **state)
{
    static uint8_t body[MM_APDU_LONG_BUFFER_LEN];
    const struct mm_api_command command = {.header = {0x80, 0x10, 0x01, 0x02},
                                           .body = body,
                                           .body_len = sizeof(body),
                                           .le = 65536,
                                           .has_le = true,
                                           .extended = true};
    mm_ref apdu = mm_api_apdu_begin(chip.vm, &command);
    const uint8_t *data;

    (void)state;
    assert_int_equal(
        mm_vm_bytes(chip.vm, ok(mm_n_apdu_get_buffer, 1, apdu), 0, MM_APDU_LONG_BUFFER_LEN, &data),
        MM_RUN_OK);
    assert_int_equal(ok(mm_n_apdu_set_incoming_and_receive, 1, apdu), MM_APDU_LONG_BUFFER_LEN - 7);
    assert_int_equal(ok(mm_n_apdu_receive_bytes, 2, apdu, MM_APDU_LONG_BUFFER_LEN - 256), 7);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_receive_bytes, 2, apdu, MM_APDU_LONG_BUFFER_LEN);
    assert_int_equal(mm_vm_bytes(chip.vm, ok(mm_n_apdu_get_buffer, 1, begin(3, 0)), 0,
                                 MM_APDU_BUFFER_LEN + 1, &data),
                     MM_RUN_THROWN);
}

static void apdu_shows_a_short_body_at_offset_5(void **state)
{
    mm_ref apdu = begin(3, 65536);
    const uint8_t *response;
    size_t len;

    (void)state;
    holds(ok(mm_n_apdu_get_buffer, 1, apdu), 4, "03");
    (void)ok(mm_n_apdu_set_incoming_and_receive, 1, apdu);
    assert_int_equal(ok(mm_n_apdu_get_offset_cdata, 1, apdu), 5);
    assert_int_equal(ok(mm_n_apdu_set_outgoing, 1, apdu), 0x7FFF);
    throws(EXCEPTION, BAD_LENGTH, mm_n_apdu_set_outgoing_length, 2, apdu, 300);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 256);
    (void)ok(mm_n_apdu_send_bytes_long, 4, apdu, bytes_new(NULL, 256), 0, 256);
    mm_api_apdu_end(chip.vm, &response, &len);
    assert_int_equal(len, 256);
}

static void apdu_buffer_has_the_data_before_they_are_received(void **state)
{
    (void)state;
    holds(ok(mm_n_apdu_get_buffer, 1, begin(3, 0)), 4, "0300010200");
    holds(ok(mm_n_apdu_get_buffer, 1, begin(600, 0)), 4, "000258000102");
}

static void apdu_buffer_keeps_nothing_of_the_last_exchange(void **state)
{
    mm_ref apdu = begin(200, 0), buffer = ok(mm_n_apdu_get_buffer, 1, apdu);
    const uint8_t *response;
    size_t len;

    (void)state;
    (void)ok(mm_n_apdu_set_incoming_and_receive, 1, apdu);
    mm_api_apdu_end(chip.vm, &response, &len);
    assert_int_equal(len, 0);
    throws("java/lang/SecurityException", 0, mm_n_apdu_get_current_apdu, 0);
    (void)begin(0, 0);
    for (size_t i = 4; i < MM_APDU_BUFFER_LEN; i++)
        assert_int_equal(bytes_of(buffer)[i], 0);
}

static void apdu_receives_only_between_first_receiving_and_sending(void **state)
{
    mm_ref apdu = begin(3, 0);

    (void)state;
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_receive_bytes, 2, apdu, 0);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_get_offset_cdata, 1, apdu);
    (void)ok(mm_n_apdu_set_incoming_and_receive, 1, apdu);
    assert_int_equal(ok(mm_n_apdu_set_outgoing, 1, apdu), 0);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_receive_bytes, 2, apdu, 0);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_get_incoming_length, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_get_offset_cdata, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_incoming_and_receive, 1, apdu);
}

static void apdu_sends_only_what_was_announced(void **state)
{
    mm_ref apdu = begin(0, 256), data = bytes_new(NULL, 8);

    (void)state;
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_send_bytes, 3, apdu, 0, 1);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_send_bytes_long, 4, apdu, data, 0, 1);
    (void)ok(mm_n_apdu_set_outgoing, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing_no_chaining, 1, apdu);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing_and_send, 3, apdu, 0, 1);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_send_bytes, 3, apdu, 0, 1);
    throws(EXCEPTION, BAD_LENGTH, mm_n_apdu_set_outgoing_length, 2, apdu, -1);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 8);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_set_outgoing_length, 2, apdu, 8);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_send_bytes, 3, apdu, 0, -1);
    throws(EXCEPTION, BUFFER_BOUNDS, mm_n_apdu_send_bytes, 3, apdu, MM_APDU_BUFFER_LEN, 1);
    throws("java/lang/NullPointerException", 0, mm_n_apdu_send_bytes_long, 4, apdu, 0, 0, 1);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_apdu_send_bytes_long, 4, apdu, data,
           8, 1);
    (void)ok(mm_n_apdu_send_bytes_long, 4, apdu, data, 0, 8);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_send_bytes, 3, apdu, 0, 1);
}

static void answer_without_chaining_fits_into_one_block(void **state)
{
    mm_ref apdu = begin(0, 256);

    (void)state;
    assert_int_equal(ok(mm_n_apdu_set_outgoing_no_chaining, 1, apdu), 256);
    throws(EXCEPTION, BAD_LENGTH, mm_n_apdu_set_outgoing_length, 2, apdu, 253);
    (void)ok(mm_n_apdu_set_outgoing_length, 2, apdu, 252);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_wait_extension, 0);
}

static enum mm_status broken(void *ctx)
{
    (void)ctx;
    return MM_IO;
}

static void waiting_time_is_asked_for_during_a_command(void **state)
{
    static const struct mm_apdu_services unwell = {.wait_extension = broken};
    const uint8_t *response;
    size_t len;
    mm_ref apdu = begin(0, 0);

    (void)state;
    (void)ok(mm_n_apdu_wait_extension, 0);
    chip.services.apdu = &unwell;
    throws(EXCEPTION, IO_ERROR, mm_n_apdu_wait_extension, 0);
    assert_int_equal((int16_t)ok(mm_n_apdu_get_current_state, 1, apdu), -3); /* STATE_ERROR_IO */
    mm_api_apdu_end(chip.vm, &response, &len);
    throws(EXCEPTION, ILLEGAL_USE, mm_n_apdu_wait_extension, 0);
}

static void apdu_tells_the_interface_it_came_over(void **state)
{
    static const struct {
        enum mm_protocol protocol;
        uint16_t type, in_block, out_block, le_of_case_3;
    } rows[] = {
        {MM_PROTOCOL_T1, 0x0001, 254, 254, 0},
        {MM_PROTOCOL_T0, 0x0000, 1, 258, 256}, /* P3 was Lc: as much as there can be */
        {MM_PROTOCOL_TYPE_A, 0xFF81, 254, 254, 0},
        {MM_PROTOCOL_TYPE_B, 0xFF91, 254, 254, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mm_api_command command = {.header = {0x00, 0x10},
                                               .body = (const uint8_t *)"abc",
                                               .body_len = 3,
                                               .protocol = rows[i].protocol};
        mm_ref apdu = mm_api_apdu_begin(chip.vm, &command);
        assert_int_equal(ok(mm_n_apdu_get_protocol, 0), rows[i].type);
        assert_int_equal(ok(mm_n_apdu_get_in_block_size, 0), rows[i].in_block);
        assert_int_equal(ok(mm_n_apdu_get_out_block_size, 0), rows[i].out_block);
        assert_int_equal(ok(mm_n_apdu_get_nad, 1, apdu), 0);
        assert_int_equal(ok(mm_n_apdu_set_outgoing, 1, apdu), rows[i].le_of_case_3);
    }
}

/* Every class byte (ISO 7816-4, 5.4.1), as it came: what the applet writes over it does not count. */
static void apdu_reads_the_class_byte_as_it_came(void **state)
{
    (void)state;
    for (unsigned cla = 0; cla <= 0xFF; cla++) {
        const struct mm_api_command command = {.header = {(uint8_t)cla, 0x10}};
        mm_ref apdu = mm_api_apdu_begin(chip.vm, &command);
        mm_ref buffer = ok(mm_n_apdu_get_buffer, 1, apdu);
        bool further = (cla & 0x40) != 0;

        assert_int_equal(mm_vm_array_write(chip.vm, buffer, 0, &(uint8_t){0xFF}, 1, false),
                         MM_RUN_OK);
        assert_int_equal(ok(mm_n_apdu_get_cla_channel, 0), further ? 4 + cla % 16 : cla % 4);
        assert_int_equal(ok(mm_n_apdu_is_iso_interindustry_cla, 1, apdu), cla < 0x80);
        assert_int_equal(ok(mm_n_apdu_is_command_chaining_cla, 1, apdu), cla / 16 % 2);
        assert_int_equal(ok(mm_n_apdu_is_secure_messaging_cla, 1, apdu),
                         further ? cla / 32 % 2 : cla / 4 % 4 != 0);
        assert_int_equal(ok(mm_n_apdu_is_valid_cla, 1, apdu),
                         cla != 0xFF && (cla < 0x20 || cla >= 0x40));
    }
}

static void current_apdu_is_there_while_a_command_runs(void **state)
{
    const uint8_t *response;
    size_t len;
    mm_ref apdu = begin(0, 0);

    (void)state;
    assert_int_equal(ok(mm_n_apdu_get_current_apdu, 0), apdu);
    assert_int_equal(ok(mm_n_apdu_get_current_apdu_buffer, 0), ok(mm_n_apdu_get_buffer, 1, apdu));
    mm_api_apdu_end(chip.vm, &response, &len);
    throws("java/lang/SecurityException", 0, mm_n_apdu_get_current_apdu, 0);
    throws("java/lang/SecurityException", 0, mm_n_apdu_get_current_apdu_buffer, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(apdu_goes_through_its_states),
        TEST(apdu_refuses_to_send_outside_the_buffer),
        TEST(apdu_hands_a_long_body_out_in_pieces),
        TEST(apdu_buffer_is_longer_for_an_extended_command),
        TEST(apdu_shows_a_short_body_at_offset_5),
        TEST(apdu_buffer_has_the_data_before_they_are_received),
        TEST(apdu_buffer_keeps_nothing_of_the_last_exchange),
        TEST(apdu_receives_only_between_first_receiving_and_sending),
        TEST(apdu_sends_only_what_was_announced),
        TEST(answer_without_chaining_fits_into_one_block),
        TEST(waiting_time_is_asked_for_during_a_command),
        TEST(apdu_tells_the_interface_it_came_over),
        TEST(apdu_reads_the_class_byte_as_it_came),
        TEST(current_apdu_is_there_while_a_command_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
