#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "host_client/pay/purse.h"

static const uint8_t info_bytes[32] = {
    1,    1,    2,    3,    4, 5, 6,    7,    8, /* state, id */
    0x09, 0x78, 0,    0,    0, 3,                /* currency, counter */
    0,    0,    0x22, 0x2e, 0, 0, 0xc3, 0x50,    /* balance, max balance */
    0,    0,    0x4e, 0x20, 0, 0, 0x09, 0xc4,    /* max debit, PIN-free limit */
    2};

static void purse_info_is_read_field_by_field(void **state)
{
    struct mm_purse_info info;
    char text[8];

    (void)state;
    assert_int_equal(mm_purse_read_info(info_bytes, sizeof(info_bytes), &info, NULL), MM_OK);
    assert_int_equal(info.state, MM_PURSE_PERSONALISED);
    assert_int_equal(info.id[7], 8);
    assert_string_equal(mm_purse_currency(info.currency, text), "EUR");
    assert_int_equal(info.counter, 3);
    assert_int_equal(info.balance, 8750);
    assert_int_equal(info.max_balance, 50000);
    assert_int_equal(info.max_debit, 20000);
    assert_int_equal(info.pin_free, 2500);
    assert_int_equal(info.tries, 2);
}

static void purse_info_of_another_length_is_refused(void **state)
{
    uint8_t longer[40] = {0};
    struct mm_purse_info info;

    (void)state;
    for (size_t n = 0; n <= sizeof(longer); n++) {
        if (n != sizeof(info_bytes))
            assert_int_equal(mm_purse_read_info(longer, n, &info, NULL), MM_CARD);
    }
}

static void purse_record_keeps_its_bytes_and_its_nonce(void **state)
{
    uint8_t bytes[MM_PURSE_RECORD_LEN];
    struct mm_purse_record record;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)i;
    bytes[0] = MM_PURSE_DEBIT;
    assert_int_equal(mm_purse_read_record(bytes, sizeof(bytes), &record, NULL), MM_OK);
    assert_int_equal(record.counter, 0x01020304);
    assert_int_equal(record.amount, 0x05060708);
    assert_int_equal(record.balance, 0x090a0b0c);
    assert_int_equal(record.merchant[0], 13);
    assert_int_equal(record.nonce[0], 21);
    assert_int_equal(record.bytes_len, sizeof(bytes));
    assert_memory_equal(record.bytes, bytes, sizeof(bytes));
}

static void purse_record_of_the_log_has_no_nonce(void **state)
{
    uint8_t bytes[MM_PURSE_LOG_LEN] = {MM_PURSE_LOAD, 0, 0, 0, 1};
    static const uint8_t none[MM_PURSE_NONCE_LEN];
    struct mm_purse_record record;

    (void)state;
    assert_int_equal(mm_purse_read_record(bytes, sizeof(bytes), &record, NULL), MM_OK);
    assert_int_equal(record.counter, 1);
    assert_memory_equal(record.nonce, none, sizeof(none));
}

static void purse_record_of_an_unknown_type_is_refused(void **state)
{
    uint8_t bytes[MM_PURSE_RECORD_LEN] = {0};
    struct mm_purse_record record;

    (void)state;
    for (int type = 0; type < 256; type++) {
        bool known = type >= MM_PURSE_LOAD && type <= MM_PURSE_DEBIT;
        bytes[0] = (uint8_t)type;
        assert_int_equal(mm_purse_read_record(bytes, sizeof(bytes), &record, NULL),
                         known ? MM_OK : MM_CARD);
    }
}

static void purse_load_data_is_type_amount_nonce(void **state)
{
    uint8_t nonce[16], out[21];

    (void)state;
    memset(nonce, 0xa5, sizeof(nonce));
    mm_purse_load_data(MM_PURSE_RESTORE, 0x01020304, nonce, out);
    assert_memory_equal(out, "\x02\x01\x02\x03\x04", 5);
    assert_memory_equal(out + 5, nonce, sizeof(nonce));
}

static void purse_debit_data_is_amount_merchant_nonce(void **state)
{
    static const uint8_t merchant[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint8_t nonce[16], out[28];

    (void)state;
    memset(nonce, 0x5a, sizeof(nonce));
    mm_purse_debit_data(1250, merchant, nonce, out);
    assert_memory_equal(out, "\0\0\x04\xe2", 4);
    assert_memory_equal(out + 4, merchant, sizeof(merchant));
    assert_memory_equal(out + 12, nonce, sizeof(nonce));
}

static void purse_offers_tell_the_amount_the_chip_has_taken(void **state)
{
    uint8_t load[45] = {0}, debit[44] = {0};
    struct mm_purse_offer offer;

    (void)state;
    load[16] = MM_PURSE_LOAD;
    mm_put_be32(load + 17, 10000);
    mm_put_be32(load + 8, 4);
    mm_put_be32(debit + 16, 1250);
    mm_put_be32(debit + 12, 8750);
    assert_int_equal(mm_purse_read_load_offer(load, sizeof(load), &offer, NULL), MM_OK);
    assert_int_equal(offer.amount, 10000);
    assert_int_equal(offer.counter, 4);
    assert_int_equal(offer.type, MM_PURSE_LOAD);
    assert_int_equal(mm_purse_read_debit_offer(debit, sizeof(debit), &offer, NULL), MM_OK);
    assert_int_equal(offer.amount, 1250);
    assert_int_equal(offer.balance, 8750);
    assert_int_equal(offer.type, MM_PURSE_DEBIT);
}

static void purse_offers_of_another_length_are_refused(void **state)
{
    uint8_t bytes[64] = {0};
    struct mm_purse_offer offer;

    (void)state;
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        if (n != 45)
            assert_int_equal(mm_purse_read_load_offer(bytes, n, &offer, NULL), MM_CARD);
        if (n != 44)
            assert_int_equal(mm_purse_read_debit_offer(bytes, n, &offer, NULL), MM_CARD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(purse_info_is_read_field_by_field),
        cmocka_unit_test(purse_info_of_another_length_is_refused),
        cmocka_unit_test(purse_record_keeps_its_bytes_and_its_nonce),
        cmocka_unit_test(purse_record_of_the_log_has_no_nonce),
        cmocka_unit_test(purse_record_of_an_unknown_type_is_refused),
        cmocka_unit_test(purse_load_data_is_type_amount_nonce),
        cmocka_unit_test(purse_debit_data_is_amount_merchant_nonce),
        cmocka_unit_test(purse_offers_tell_the_amount_the_chip_has_taken),
        cmocka_unit_test(purse_offers_of_another_length_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
