/* What the methods of org.globalplatform.securechannel throw (version 1.1 of the package); what they say of
 * arrays is in test_api_arguments.c. */
#include "test/unit/api_fixture.h"

#include "applet_vm/scp/scp.h"

#define ISO      "javacard/framework/ISOException"
#define SYSTEM   "javacard/framework/SystemException"
#define NULL_PTR "java/lang/NullPointerException"
#define BOUNDS   "java/lang/ArrayIndexOutOfBoundsException"

#define ILLEGAL_VALUE 1
enum { SCP02 = 4, SCP03 = 5, BUFFER_ANY = 0x10, TYPE_DES = 3, TYPE_AES = 15, AES_RESET = 13 };
enum { C_DEC = 1, C_MAC = 2, DEK = 3 };

static mm_ref made(int type, uint8_t i)
{
    const uint8_t parameters[] = {0x80, 1, i};

    return ok(mm_n_scp_create, 5, type, bytes_new(parameters, 3), 0, 3, BUFFER_ANY);
}

static void tell_keys(mm_ref channel)
{
    mm_ref key = bytes_new("sixteen letters!", 16);

    for (int usage = C_DEC; usage <= DEK; usage++)
        ok(mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_AES, usage);
}

/* A channel of SCP03 that is open at that level. */
static mm_ref opened(uint8_t level)
{
    struct mm_scp host;
    static const uint8_t init[] = {0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    mm_ref channel = made(SCP03, 0x70), command = bytes_new(init, sizeof(init)),
           answer = bytes_new(NULL, 64);
    struct mm_scp_keys keys = {.len = 16};
    struct mm_scp_source source = mm_scp_source_of(&keys);
    uint8_t apdu[5 + 16] = {0x84, 0x82, level, 0, 16};
    struct mm_scp_command c = {.header = {0x84, 0x82, level, 0}, .data = apdu + 5, .len = 8};

    tell_keys(channel);
    memcpy(keys.enc, "sixteen letters!", 16);
    memcpy(keys.mac, "sixteen letters!", 16);
    assert_int_equal(ok(mm_n_scp_process_security, 6, channel, command, 0, sizeof(init), answer, 0),
                     32);
    assert_int_equal(mm_scp_start(&host, 3, 0x70, &source, init + 5, bytes_of(answer) + 13), MM_OK);
    memcpy(apdu + 5, host.host_cryptogram, 8);
    assert_int_equal(mm_scp_sign_first(&host, &c), MM_OK);
    ok(mm_n_scp_process_security, 6, channel, bytes_new(apdu, sizeof(apdu)), 0, sizeof(apdu),
       answer, 0);
    return channel;
}

static void provider_says_why_it_makes_none(void **state)
{
    mm_ref good = hex_new("800170");

    (void)state;
    throws(ISO, 0x6A81, mm_n_scp_create, 5, 1, good, 0, 3, BUFFER_ANY);
    throws(ISO, 0x6A81, mm_n_scp_create, 5, SCP03, hex_new("800102"), 0, 3, BUFFER_ANY);
    throws(ISO, 0x6A80, mm_n_scp_create, 5, SCP03, hex_new("810170"), 0, 3, BUFFER_ANY);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_create, 5, SCP03, good, 0, 3, 2);
    throws(NULL_PTR, 0, mm_n_scp_create, 5, SCP03, 0, 0, 3, BUFFER_ANY);
    throws(BOUNDS, 0, mm_n_scp_create, 5, SCP03, good, 1, 3, BUFFER_ANY);
    ok(mm_n_scp_create, 5, SCP02, hex_new("800155"), 0, 3, 1);
}

static void keys_that_do_not_fit_are_refused(void **state)
{
    mm_ref channel = made(SCP03, 0x70), key = bytes_new(NULL, 33), aes, des;

    (void)state;
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, AES_RESET,
           C_DEC);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_AES, 4);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_AES,
           0x20);
    throws(NULL_PTR, 0, mm_n_scp_set_master_bytes, 6, channel, 0, 0, 16, TYPE_AES, C_DEC);
    throws(BOUNDS, 0, mm_n_scp_set_master_bytes, 6, channel, key, 20, 16, TYPE_AES, C_DEC);
    throws(ISO, 0x6984, mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_DES, C_DEC);
    throws(ISO, 0x6984, mm_n_scp_set_master_bytes, 6, channel, key, 0, 33, TYPE_AES, C_DEC);
    throws(ISO, 0x6984, mm_n_scp_set_master_bytes, 6, channel, key, 0, 0, TYPE_AES, C_DEC);
    ok(mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_AES, 0x81); /* reuses the first */
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_master_bytes, 6, channel, key, 0, 16, TYPE_AES,
           0x83);

    aes = ok(mm_n_key_build, 3, TYPE_AES, 128, 0);
    des = ok(mm_n_key_build, 3, TYPE_DES, 128, 0);
    throws(NULL_PTR, 0, mm_n_scp_set_master_key, 3, channel, 0, C_DEC);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_master_key, 3, channel, aes, 5);
    throws(ISO, 0x6984, mm_n_scp_set_master_key, 3, channel, des, C_DEC);
    throws(ISO, 0x6984, mm_n_scp_set_master_key, 3, channel, aes, 0x20);
    ok(mm_n_scp_set_master_key, 3, channel, aes, 0x82);
}

static void keys_stand_while_a_level_was_told(void **state)
{
    mm_ref channel = opened(0x01), aes = ok(mm_n_key_build, 3, TYPE_AES, 128, 0);

    (void)state;
    throws(ISO, 0x6984, mm_n_sc_set_security_level, 2, channel, 0x80);
    throws(ISO, 0x6982, mm_n_sc_set_security_level, 2, channel, 0);
    ok(mm_n_sc_set_security_level, 2, channel, 0x03);
    throws(ISO, 0x6985, mm_n_scp_set_master_key, 3, channel, aes, C_DEC);
    ok(mm_n_sc_reset_security, 1, channel);
    ok(mm_n_scp_set_master_key, 3, channel, aes, C_DEC);
}

static void session_keys_are_none_of_these_protocols(void **state)
{
    mm_ref channel = made(SCP03, 0x70), data = bytes_new(NULL, 16);

    (void)state;
    throws(ISO, 0x6A81, mm_n_scp_set_session_key, 3, channel,
           ok(mm_n_key_build, 3, TYPE_AES, 128, 0), C_DEC);
    throws(ISO, 0x6A81, mm_n_scp_set_session_bytes, 6, channel, data, 0, 16, C_DEC, TYPE_AES);
    throws(ISO, 0x6A81, mm_n_scp_get_key_reference, 3, channel, data, 0);
    throws(ISO, 0x6A81, mm_n_scp_get_le, 1, channel);
}

static void parameters_that_are_none_are_refused(void **state)
{
    mm_ref channel = made(SCP02, 0x55), data = bytes_new(NULL, 16);

    (void)state;
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_parameter, 5, channel, 1, data, 0, 10);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_scp_set_parameter, 5, channel, 14, data, 0, 1);
    throws(NULL_PTR, 0, mm_n_scp_set_parameter, 5, channel, 11, 0, 0, 10);
    throws(BOUNDS, 0, mm_n_scp_set_parameter, 5, channel, 11, data, 7, 10);
    throws(ISO, 0x6A80, mm_n_scp_set_parameter, 5, channel, 11, data, 0, 9);
    throws(ISO, 0x6A80, mm_n_scp_set_parameter, 5, channel, 12, data, 0, 3); /* of SCP03 */
    throws(ISO, 0x6A80, mm_n_scp_set_parameter, 5, channel, 13, data, 0, 2);
    ok(mm_n_scp_set_parameter, 5, channel, 12, data, 0, 2);
}

static void what_comes_in_parts_is_begun_first(void **state)
{
    mm_ref channel = opened(0x00), closed = made(SCP03, 0x70), data = bytes_new(NULL, 64);

    (void)state;
    throws(ISO, 0x6985, mm_n_scp_init_wrap, 2, closed, 8);
    throws(ISO, 0x6985, mm_n_scp_init_unwrap, 1, closed);
    throws(ISO, 0x6985, mm_n_scp_init_encrypt, 1, closed);
    throws(ISO, 0x6985, mm_n_scp_init_decrypt, 1, closed);
    throws(ISO, 0x6985, mm_n_scp_update_wrap, 6, channel, data, 0, 8, data, 0);
    throws(ISO, 0x6985, mm_n_scp_final_wrap, 7, channel, data, 0, 8, 0x9000, data, 0);
    throws(ISO, 0x6985, mm_n_scp_update_unwrap, 6, channel, data, 0, 8, data, 0);
    throws(ISO, 0x6985, mm_n_scp_final_unwrap, 6, channel, data, 0, 8, data, 0);
    throws(ISO, 0x6985, mm_n_scp_update_encrypt, 6, channel, data, 0, 16, data, 0);
    throws(ISO, 0x6985, mm_n_scp_final_encrypt, 6, channel, data, 0, 16, data, 0);
    throws(ISO, 0x6985, mm_n_scp_update_decrypt, 6, channel, data, 0, 16, data, 0);
    throws(ISO, 0x6985, mm_n_scp_final_decrypt, 6, channel, data, 0, 16, data, 0);
    /* One message at a time. */
    ok(mm_n_scp_init_wrap, 2, channel, 8);
    throws(ISO, 0x6985, mm_n_scp_init_unwrap, 1, channel);
    throws(ISO, 0x6985, mm_n_scp_update_unwrap, 6, channel, data, 0, 8, data, 0);
    ok(mm_n_scp_final_wrap, 7, channel, data, 0, 8, 0x9000, data, 0);
    ok(mm_n_scp_init_unwrap, 1, channel);
    throws(ISO, 0x6985, mm_n_scp_init_wrap, 2, channel, 8);
}

/* A response of another length than announced, one that is too long, one that does not fit. */
static void responses_are_as_long_as_announced(void **state)
{
    mm_ref channel = opened(0x33), data = bytes_new(NULL, 64);

    (void)state;
    throws(ISO, 0x6700, mm_n_scp_init_wrap, 2, channel, -1);
    throws(ISO, 0x6700, mm_n_scp_init_wrap, 2, channel, 0x7FFF);
    assert_int_equal(ok(mm_n_scp_init_wrap, 2, channel, 16), 32 + 8);
    assert_int_equal(ok(mm_n_scp_update_wrap, 6, channel, data, 0, 8, data, 0), 0);
    throws(ISO, 0x6700, mm_n_scp_final_wrap, 7, channel, data, 0, 7, 0x9000, data, 0);
    throws(ISO, 0x6985, mm_n_scp_update_wrap, 6, channel, data, 0, 8, data, 0); /* over */
    ok(mm_n_scp_init_wrap, 2, channel, 16);
    throws(BOUNDS, 0, mm_n_scp_final_wrap, 7, channel, data, 0, 16, 0x9000, data, 40);
    ok(mm_n_scp_init_wrap, 2, channel, 16);
    assert_int_equal(ok(mm_n_scp_final_wrap, 7, channel, data, 0, 16, 0x6985, data, 40), 16);
}

static void data_are_whole_blocks_in_the_end(void **state)
{
    mm_ref channel = opened(0x00), data = bytes_new(NULL, 64);

    (void)state;
    ok(mm_n_scp_init_encrypt, 1, channel);
    assert_int_equal(ok(mm_n_scp_update_encrypt, 6, channel, data, 0, 15, data, 0), 0);
    assert_int_equal(ok(mm_n_scp_update_encrypt, 6, channel, data, 0, 18, data, 0), 32);
    throws(ISO, 0x6700, mm_n_scp_final_encrypt, 6, channel, data, 0, 16, data, 0);
    throws(ISO, 0x6985, mm_n_scp_update_encrypt, 6, channel, data, 0, 16, data, 0);
    ok(mm_n_scp_init_decrypt, 1, channel);
    throws(BOUNDS, 0, mm_n_scp_update_decrypt, 6, channel, data, 0, 64, data, 1);
    throws(ISO, 0x6700, mm_n_sc_encrypt_data, 4, channel, data, 0, 15);
    throws(ISO, 0x6985, mm_n_sc_decrypt_data, 4, made(SCP03, 0x70), data, 0, 16);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(provider_says_why_it_makes_none),      TEST(keys_that_do_not_fit_are_refused),
        TEST(keys_stand_while_a_level_was_told),    TEST(session_keys_are_none_of_these_protocols),
        TEST(parameters_that_are_none_are_refused), TEST(what_comes_in_parts_is_begun_first),
        TEST(responses_are_as_long_as_announced),   TEST(data_are_whole_blocks_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
