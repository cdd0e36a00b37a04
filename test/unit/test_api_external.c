/* javacardx.external: the MIFARE memory and extended stores. */
#include "test/unit/api_fixture.h"

#define EXTERNAL          "javacardx/external/ExternalException"
#define NO_SUCH_SUBSYSTEM 1
#define INVALID_PARAM     2
#define INTERNAL_ERROR    3
#define MIFARE            1
#define STORE             2

static mm_ref key(void)
{
    return hex_new("0B54570745FE3AE7");
}

static mm_ref mifare(void)
{
    return ok(mm_n_external_get, 3, MIFARE, 0, 0);
}

static mm_ref store(uint16_t high, uint16_t low)
{
    mm_ref size = mm_vm_new_array(chip.vm, 12, 3, MM_PERSISTENT);
    uint16_t v[3] = {0, high, low};

    assert_int_equal(mm_vm_array_write(chip.vm, size, 0, v, 3, true), MM_RUN_OK);
    return ok(mm_n_external_get, 3, STORE, size, 1);
}

static void mifare_blocks_are_written_and_read_with_the_password(void **state)
{
    mm_ref m = mifare(), data = hex_new("000102030405060708090A0B0C0D0E0F"), k = key();
    mm_ref out = bytes_new(NULL, 18);

    (void)state;
    assert_int_equal(ok(mm_n_mifare_write, 9, m, data, 0, 16, k, 0, 8, 0, 5), 1);
    assert_int_equal(ok(mm_n_mifare_write, 9, m, data, 4, 2, k, 0, 8, 0, 5), 1);
    assert_int_equal(ok(mm_n_mifare_read, 9, mifare(), out, 1, k, 0, 8, 0, 5, 16), 16);
    holds(out, 1, "040502030405060708090A0B0C0D0E0F");
    assert_int_equal(ok(mm_n_mifare_read, 9, m, out, 0, k, 0, 8, 0, 62, 2), 2);
    holds(out, 0, "0000");
}

static void mifare_denies_wrong_passwords_and_blocks_without_exception(void **state)
{
    mm_ref m = mifare(), data = hex_new("AA"), out = bytes_new(NULL, 1);
    mm_ref wrong = hex_new("0B54570745FE3AE8");

    (void)state;
    assert_int_equal(ok(mm_n_mifare_write, 9, m, data, 0, 1, wrong, 0, 8, 0, 5), 0);
    assert_int_equal(ok(mm_n_mifare_write, 9, m, data, 0, 1, key(), 0, 8, 0, 0), 0);
    assert_int_equal(ok(mm_n_mifare_write, 9, m, data, 0, 1, key(), 0, 8, 0, 7), 0);
    assert_int_equal(ok(mm_n_mifare_read, 9, m, out, 0, wrong, 0, 8, 0, 5, 1), 0);
    assert_int_equal(ok(mm_n_mifare_read, 9, m, out, 0, key(), 0, 8, 0, 63, 1), 0);
    assert_int_equal(ok(mm_n_mifare_read, 9, m, out, 0, key(), 0, 8, 0, 0, 1), 1);
    holds(out, 0, "00");
}

static void mifare_refuses_parameters_that_are_none(void **state)
{
    mm_ref m = mifare(), data = bytes_new(NULL, 20), k = key();

    (void)state;
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 0, 17, k, 0, 8, 0, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 0, 16, k, 0, 7, 0, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 0, 16, k, 1, 8, 0, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 0, 16, k, 0, 8, 1, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 0, 16, k, 0, 8, 0, 64);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, data, 5, 16, k, 0, 8, 0, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_write, 9, m, 0, 0, 16, k, 0, 8, 0, 5);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_read, 9, m, data, 0, k, 0, 8, 0, 5, 17);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_read, 9, m, data, 0, k, 0, 8, 0, -1, 1);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_read, 9, m, data, -1, k, 0, 8, 0, 5, 1);
    throws(EXTERNAL, INVALID_PARAM, mm_n_mifare_read, 9, m, data, 0, 0, 0, 8, 0, 5, 1);
}

static void stores_are_distinct_and_addressed_by_32_bits(void **state)
{
    mm_ref a = store(1, 0x0010), b = store(0, 4), out = bytes_new(NULL, 8);
    mm_ref data = hex_new("A1A2A3A4A5A6A7A8");

    (void)state;
    /* over the edge of a chunk, and at the very end */
    assert_int_equal(ok(mm_n_store_write, 9, a, data, 0, 8, 0, 0, 0, 0, 0x3FFD), 1);
    assert_int_equal(ok(mm_n_store_write, 9, a, data, 4, 4, 0, 0, 0, 1, 0x000C), 1);
    assert_int_equal(ok(mm_n_store_read, 9, a, out, 0, 0, 0, 0, 0, 0x3FFD, 8), 8);
    holds(out, 0, "A1A2A3A4A5A6A7A8");
    assert_int_equal(ok(mm_n_store_read, 9, a, out, 1, 0, 0, 0, 1, 0x000B, 5), 5);
    holds(out, 0, "A100A5A6A7A8");
    assert_int_equal(ok(mm_n_store_read, 9, b, out, 0, 0, 0, 0, 0, 0, 4), 4);
    holds(out, 0, "00000000");
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_read, 9, b, out, 0, 0, 0, 0, 0, 1, 4);
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_read, 9, b, out, 0, 0, 0, 0, 0x8000, 0, 0);
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_write, 9, a, data, 0, 8, 0, 0, 0, 1, 0x0009);
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_write, 9, a, data, 1, 8, 0, 0, 0, 0, 0);
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_write, 9, a, data, 1, -1, 0, 0, 0, 0, 0);
    throws(EXTERNAL, INVALID_PARAM, mm_n_store_read, 9, b, 0, 0, 0, 0, 0, 0, 1, 2);
}

static void only_memories_that_there_are_can_be_had(void **state)
{
    mm_ref size = mm_vm_new_array(chip.vm, 12, 2, MM_PERSISTENT);
    uint16_t v[2] = {0x10, 1};

    (void)state;
    throws(EXTERNAL, NO_SUCH_SUBSYSTEM, mm_n_external_get, 3, 3, size, 0);
    throws(EXTERNAL, NO_SUCH_SUBSYSTEM, mm_n_external_get, 3, 0, 0, 0);
    throws(EXTERNAL, INVALID_PARAM, mm_n_external_get, 3, STORE, size, 0); /* 0 bytes */
    throws(EXTERNAL, INVALID_PARAM, mm_n_external_get, 3, STORE, size, 1);
    throws(EXTERNAL, INVALID_PARAM, mm_n_external_get, 3, STORE, size, -1);
    throws(EXTERNAL, INVALID_PARAM, mm_n_external_get, 3, STORE, 0, 0);
    assert_int_equal(mm_vm_array_write(chip.vm, size, 0, v, 2, true), MM_RUN_OK);
    throws(EXTERNAL, INVALID_PARAM, mm_n_external_get, 3, STORE, size, 0); /* over 1 MiB */
}

static void external_memory_is_persistent_and_takes_no_part_in_transactions(void **state)
{
    mm_ref m = mifare(), s = store(0, 8), data = hex_new("B1B2"), out = bytes_new(NULL, 2);

    (void)state;
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_mifare_write, 9, m, data, 0, 2, key(), 0, 8, 0, 1);
    (void)ok(mm_n_store_write, 9, s, data, 0, 2, 0, 0, 0, 0, 3);
    (void)ok(mm_n_sys_abort_transaction, 0);
    mm_vm_free(&chip.vm);
    chip_power_on();
    (void)ok(mm_n_mifare_read, 9, m, out, 0, key(), 0, 8, 0, 1, 2);
    holds(out, 0, "B1B2");
    (void)ok(mm_n_util_array_fill, 4, out, 0, 2, 0);
    (void)ok(mm_n_store_read, 9, s, out, 0, 0, 0, 0, 0, 3, 2);
    holds(out, 0, "B1B2");
}

/* ExternalException INTERNAL_ERROR: the record of the blocks is gone, as after damage to the image. */
static void mifare_blocks_that_cannot_be_had_are_an_internal_error(void **state)
{
    mm_ref m = mifare(), data = bytes_new(NULL, 16), k = key();

    (void)state;
    assert_int_equal(ok(mm_n_mifare_read, 9, m, data, 0, k, 0, 8, 0, 5, 16), 16);
    assert_int_equal(mm_rec_delete(chip.nvm, 0x20000u), MM_OK);
    throws(EXTERNAL, INTERNAL_ERROR, mm_n_mifare_read, 9, m, data, 0, k, 0, 8, 0, 5, 16);
    throws(EXTERNAL, INTERNAL_ERROR, mm_n_mifare_write, 9, m, data, 0, 16, k, 0, 8, 0, 5);
}

/* The same of a store: power-on nulls references to a record that damage took. */
static void stores_whose_memory_is_gone_are_an_internal_error(void **state)
{
    mm_ref s = store(0, 8), data = bytes_new(NULL, 8), none = MM_REF_NULL;
    mm_ref chunks = mm_vm_hidden(chip.vm, s, "mintmark/ExtendedStore", 0);

    (void)state;
    assert_int_equal(mm_vm_array_write(chip.vm, chunks, 0, &none, 1, true), MM_RUN_OK);
    throws(EXTERNAL, INTERNAL_ERROR, mm_n_store_write, 9, s, data, 0, 2, 0, 0, 0, 0, 3);
    throws(EXTERNAL, INTERNAL_ERROR, mm_n_store_read, 9, s, data, 0, 0, 0, 0, 0, 3, 2);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(mifare_blocks_are_written_and_read_with_the_password),
        TEST(mifare_denies_wrong_passwords_and_blocks_without_exception),
        TEST(mifare_refuses_parameters_that_are_none),
        TEST(stores_are_distinct_and_addressed_by_32_bits),
        TEST(only_memories_that_there_are_can_be_had),
        TEST(mifare_blocks_that_cannot_be_had_are_an_internal_error),
        TEST(stores_whose_memory_is_gone_are_an_internal_error),
        TEST(external_memory_is_persistent_and_takes_no_part_in_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
