/* ArrayLogic, SensitiveArrays, SensitiveResult and APDUUtil. */
#include "test/unit/api_fixture.h"

#define INDEX        "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"
#define SECURITY     "java/lang/SecurityException"
#define SYSTEM       "javacard/framework/SystemException"
#define UTIL         "javacardx/framework/util/UtilException"
#define MISMATCHED   2
#define ILLEGAL      1

static mm_ref shorts_new(size_t n, ...)
{
    mm_ref ref = mm_vm_new_array(chip.vm, 12, (uint16_t)n, MM_PERSISTENT);
    va_list ap;

    va_start(ap, n);
    for (size_t i = 0; i < n; i++) {
        uint16_t v = (uint16_t)va_arg(ap, int);
        assert_int_equal(mm_vm_array_write(chip.vm, ref, (uint16_t)i, &v, 1, true), MM_RUN_OK);
    }
    va_end(ap);
    return ref;
}

static mm_ref ints_new(uint32_t a, uint32_t b)
{
    mm_ref ref = mm_vm_new_array(chip.vm, 13, 2, MM_PERSISTENT);
    uint32_t v[2] = {a, b};

    assert_int_equal(mm_vm_array_write(chip.vm, ref, 0, v, 2, true), MM_RUN_OK);
    return ref;
}

static const void *elements(mm_ref ref, uint8_t type, int n)
{
    const uint8_t *data;

    assert_int_equal(mm_vm_array(chip.vm, ref, type, 0, n, &data), MM_RUN_OK);
    return data;
}

static void short_at(mm_ref ref, int i, uint16_t expected)
{
    uint16_t v;

    memcpy(&v, (const uint8_t *)elements(ref, 12, i + 1) + 2 * i, sizeof(v));
    assert_int_equal(v, expected);
}

static void int_at(mm_ref ref, int i, uint32_t expected)
{
    uint32_t v;

    memcpy(&v, (const uint8_t *)elements(ref, 13, i + 1) + 4 * i, sizeof(v));
    assert_int_equal(v, expected);
}

/* ---- ArrayLogic ---- */

static void repacking_puts_the_high_part_first(void **state)
{
    mm_ref bytes = hex_new("0102030405060708"), shorts = shorts_new(4, 0, 0, 0, 0);
    mm_ref ints = ints_new(0, 0), out = bytes_new(NULL, 8);

    (void)state;
    assert_int_equal(ok(mm_n_logic_copy, 5, bytes, 1, 4, shorts, 1), 3);
    short_at(shorts, 1, 0x0203);
    short_at(shorts, 2, 0x0405);
    assert_int_equal(ok(mm_n_logic_copy, 5, bytes, 0, 8, ints, 0), 2);
    int_at(ints, 1, 0x05060708);
    assert_int_equal(ok(mm_n_logic_copy_non_atomic, 5, ints, 1, 1, shorts, 2), 4);
    short_at(shorts, 2, 0x0506);
    short_at(shorts, 3, 0x0708);
    assert_int_equal(ok(mm_n_logic_copy, 5, shorts, 2, 2, ints, 0), 1);
    int_at(ints, 0, 0x05060708);
    assert_int_equal(ok(mm_n_logic_copy_non_atomic, 5, ints, 0, 2, out, 0), 8);
    holds(out, 0, "0506070805060708");
}

static void repacking_within_an_array_goes_by_a_copy(void **state)
{
    mm_ref bytes = hex_new("0102030405");

    (void)state;
    assert_int_equal(ok(mm_n_logic_copy, 5, bytes, 0, 4, bytes, 1), 5);
    holds(bytes, 0, "0101020304");
}

static void repacking_refuses_what_does_not_fit(void **state)
{
    static const mm_native copies[] = {mm_n_logic_copy, mm_n_logic_copy_non_atomic};
    mm_ref bytes = hex_new("010203040506"), shorts = shorts_new(2, 0, 0), ints = ints_new(0, 0);
    mm_ref flags = mm_vm_new_array(chip.vm, 10, 4, MM_PERSISTENT);
    mm_ref aid = mm_vm_new_instance(chip.vm, "javacard/framework/AID");

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        throws(UTIL, ILLEGAL, copies[i], 5, bytes, 0, 3, shorts, 0);
        throws(UTIL, ILLEGAL, copies[i], 5, bytes, 0, 6, ints, 0);
        throws(UTIL, ILLEGAL, copies[i], 5, shorts, 0, 1, ints, 0);
        throws(UTIL, ILLEGAL, copies[i], 5, flags, 0, 2, shorts, 0);
        throws(UTIL, ILLEGAL, copies[i], 5, bytes, 0, 2, aid, 0);
        throws(INDEX, 0, copies[i], 5, bytes, 0, 6, shorts, 0);
        throws(INDEX, 0, copies[i], 5, bytes, 4, 4, shorts, 0);
        throws(INDEX, 0, copies[i], 5, bytes, 0, -2, shorts, 0);
        throws(NULL_POINTER, 0, copies[i], 5, 0, 0, 2, shorts, 0);
        throws(NULL_POINTER, 0, copies[i], 5, bytes, 0, 2, 0, 0);
    }
    short_at(shorts, 0, 0);
}

static void filling_takes_an_element_of_the_same_type(void **state)
{
    static const mm_native fills[] = {mm_n_logic_fill, mm_n_logic_fill_non_atomic};
    mm_ref bytes = hex_new("0102"), shorts = shorts_new(4, 1, 2, 3, 4);
    mm_ref objects = mm_vm_new_array(chip.vm, 14, 2, MM_PERSISTENT);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ok(fills[i], 5, shorts, 1, 2, shorts, 3), 3);
        short_at(shorts, 2, 4);
        throws(UTIL, MISMATCHED, fills[i], 5, shorts, 1, 2, bytes, 0);
        throws(UTIL, ILLEGAL, fills[i], 5, objects, 0, 1, objects, 0);
        throws(INDEX, 0, fills[i], 5, shorts, 3, 2, shorts, 0);
        throws(INDEX, 0, fills[i], 5, shorts, 0, 1, shorts, 4);
        throws(INDEX, 0, fills[i], 5, shorts, 0, -1, shorts, 0);
        throws(NULL_POINTER, 0, fills[i], 5, 0, 0, 1, shorts, 0);
        throws(NULL_POINTER, 0, fills[i], 5, shorts, 0, 1, 0, 0);
    }
}

static void atomic_fills_and_copies_follow_the_transaction(void **state)
{
    mm_ref shorts = shorts_new(2, 1, 2);

    (void)state;
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_logic_fill, 5, shorts, 0, 1, shorts, 1);
    (void)ok(mm_n_logic_copy, 5, shorts, 0, 1, shorts, 1);
    (void)ok(mm_n_sys_abort_transaction, 0);
    short_at(shorts, 0, 1);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_logic_fill_non_atomic, 5, shorts, 0, 1, shorts, 1);
    (void)ok(mm_n_sys_abort_transaction, 0);
    short_at(shorts, 0, 2);
}

static void arrays_compare_by_signed_elements(void **state)
{
    mm_ref a = shorts_new(3, 1, -2, 5), b = shorts_new(2, 1, 0x0102), bytes = hex_new("01");
    mm_ref ints = ints_new(0x80000000u, 1);

    (void)state;
    assert_int_equal(ok(mm_n_logic_compare, 5, a, 0, b, 0, 1), 0);
    assert_int_equal(ok(mm_n_logic_compare, 5, a, 0, b, 0, 2), 0xFFFF);
    assert_int_equal(ok(mm_n_logic_compare, 5, b, 0, a, 0, 2), 1);
    assert_int_equal(ok(mm_n_logic_compare, 5, ints, 0, ints, 1, 1), 0xFFFF);
    throws(UTIL, MISMATCHED, mm_n_logic_compare, 5, a, 0, bytes, 0, 1);
    throws(UTIL, ILLEGAL, mm_n_logic_compare, 5, mm_vm_new_array(chip.vm, 14, 1, 0), 0, a, 0, 1);
    throws(INDEX, 0, mm_n_logic_compare, 5, a, 0, b, 0, 3);
    throws(INDEX, 0, mm_n_logic_compare, 5, a, 0, b, 0, -1);
    throws(NULL_POINTER, 0, mm_n_logic_compare, 5, a, 0, 0, 0, 1);
}

static void finding_searches_for_a_value_given_in_bytes(void **state)
{
    mm_ref shorts = shorts_new(3, 1, 0x8002, 1), ints = ints_new(7, 0xFFFFFFFEu);
    mm_ref bytes = hex_new("0001"), value = hex_new("00018002FFFFFFFE");

    (void)state;
    assert_int_equal(ok(mm_n_logic_find, 4, shorts, 0, value, 0), 0);
    assert_int_equal(ok(mm_n_logic_find, 4, shorts, 1, value, 0), 2);
    assert_int_equal(ok(mm_n_logic_find, 4, shorts, 0, value, 2), 1);
    assert_int_equal(ok(mm_n_logic_find, 4, shorts, 3, value, 0), 0xFFFF);
    assert_int_equal(ok(mm_n_logic_find, 4, ints, 0, value, 4), 1);
    assert_int_equal(ok(mm_n_logic_find, 4, bytes, 0, value, 1), 1);
    throws(INDEX, 0, mm_n_logic_find, 4, shorts, 4, value, 0);
    throws(INDEX, 0, mm_n_logic_find, 4, shorts, -1, value, 0);
    throws(INDEX, 0, mm_n_logic_find, 4, shorts, 0, value, 7);
    throws(UTIL, ILLEGAL, mm_n_logic_find, 4, mm_vm_new_array(chip.vm, 10, 1, 0), 0, value, 0);
    throws(NULL_POINTER, 0, mm_n_logic_find, 4, 0, 0, value, 0);
    throws(NULL_POINTER, 0, mm_n_logic_find, 4, shorts, 0, 0, 0);
}

/* ---- SensitiveArrays ---- */

static mm_ref sensitive_bytes(int memory, int n)
{
    return ok(mm_n_sensitive_make, 3, 2, memory, n);
}

static void sensitive_arrays_come_in_all_types_and_memories(void **state)
{
    struct mm_obj_info info;

    (void)state;
    for (int type = 1; type <= 5; type++) {
        for (int memory = 0; memory <= 2; memory++) {
            mm_ref ref = ok(mm_n_sensitive_make, 3, type, memory, 3);
            assert_true(mm_vm_object(chip.vm, ref, &info));
            assert_int_equal(info.array_type, 9 + type);
            assert_int_equal(info.transient, memory);
            assert_int_equal(ok(mm_n_sensitive_is, 1, ref), 1);
            (void)ok(mm_n_sensitive_assert, 1, ref);
            assert_int_equal(ok(mm_n_sensitive_clear, 1, ref), 3);
            (void)ok(mm_n_sensitive_assert, 1, ref);
        }
    }
    (void)ok(mm_n_sensitive_assert, 1, sensitive_bytes(0, 0));
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_sensitive_make, 3, 0, 0, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_sensitive_make, 3, 6, 0, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_sensitive_make, 3, 2, 3, 1);
    throws("java/lang/NegativeArraySizeException", 0, mm_n_sensitive_make, 3, 2, 0, -1);
    throws(SYSTEM, MM_SYSTEM_NO_TRANSIENT_SPACE, mm_n_sensitive_make, 3, 4, 1, 0x7FFF);
}

static void other_arrays_are_not_sensitive(void **state)
{
    mm_ref plain = hex_new("0102");

    (void)state;
    assert_int_equal(ok(mm_n_sensitive_is, 1, plain), 0);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_sensitive_assert, 1, plain);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_sensitive_clear, 1, plain);
    throws(NULL_POINTER, 0, mm_n_sensitive_is, 1, 0);
    throws(NULL_POINTER, 0, mm_n_sensitive_assert, 1, 0);
    throws(NULL_POINTER, 0, mm_n_sensitive_clear, 1, 0);
}

static void legal_writes_keep_a_sensitive_array_intact(void **state)
{
    mm_ref from = hex_new("A1A2A3A4");

    (void)state;
    for (int memory = 0; memory <= 2; memory++) {
        mm_ref ref = sensitive_bytes(memory, 6);
        (void)ok(mm_n_util_array_copy, 5, from, 0, ref, 1, 4);
        (void)ok(mm_n_util_array_fill, 4, ref, 5, 1, 0x77);
        holds(ref, 0, "00A1A2A3A477");
        (void)ok(mm_n_sensitive_assert, 1, ref);
        assert_int_equal(ok(mm_n_sensitive_clear, 1, ref), 6);
        holds(ref, 0, "000000000000");
    }
}

static void persistent_sensitive_arrays_refuse_writes_that_are_not_atomic(void **state)
{
    mm_ref ref = sensitive_bytes(0, 2), from = hex_new("0102"), transient = sensitive_bytes(1, 2);

    (void)state;
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_util_array_copy_non_atomic, 5, from, 0, ref, 0, 2);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_util_array_fill_non_atomic, 4, ref, 0, 2, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_logic_copy_non_atomic, 5, from, 0, 2, ref, 0);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_logic_fill_non_atomic, 5, ref, 0, 2, from, 0);
    holds(ref, 0, "0000");
    (void)ok(mm_n_util_array_copy_non_atomic, 5, from, 0, transient, 0, 2);
    (void)ok(mm_n_sensitive_assert, 1, transient);
}

static void a_broken_sensitive_array_is_noticed_and_not_written(void **state)
{
    mm_ref ref = sensitive_bytes(0, 4), from = hex_new("01020304");

    (void)state;
    (void)ok(mm_n_util_array_copy, 5, from, 0, ref, 0, 4);
    /* A fault in memory: one byte of the record, past all rules. */
    assert_int_equal(mm_rec_write(chip.nvm, ref, 12 + 1, "\xEE", 1), MM_OK);
    throws(SECURITY, 0, mm_n_sensitive_assert, 1, ref);
    throws(SECURITY, 0, mm_n_util_array_copy, 5, from, 0, ref, 0, 4);
    holds(ref, 0, "01EE0304");
    assert_int_equal(ok(mm_n_sensitive_clear, 1, ref), 4);
    (void)ok(mm_n_sensitive_assert, 1, ref);
    (void)ok(mm_n_util_array_copy, 5, from, 0, ref, 0, 4);
}

static void sensitive_arrays_follow_transactions_and_live_in_the_image(void **state)
{
    mm_ref ref = sensitive_bytes(0, 4), gone = sensitive_bytes(1, 4), from = hex_new("01020304");

    (void)state;
    (void)ok(mm_n_util_array_copy, 5, from, 0, ref, 0, 4);
    (void)ok(mm_n_util_array_copy, 5, from, 0, gone, 0, 4);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_util_array_fill, 4, ref, 0, 2, 9);
    (void)ok(mm_n_sensitive_clear, 1, ref);
    (void)ok(mm_n_sys_abort_transaction, 0);
    holds(ref, 0, "01020304");
    (void)ok(mm_n_sensitive_assert, 1, ref);
    mm_vm_reset(chip.vm);
    holds(gone, 0, "00000000");
    (void)ok(mm_n_sensitive_assert, 1, gone);
    mm_vm_free(&chip.vm);
    chip_power_on();
    assert_int_equal(ok(mm_n_sensitive_is, 1, ref), 1);
    holds(ref, 0, "01020304");
    (void)ok(mm_n_sensitive_assert, 1, ref);
    (void)ok(mm_n_sensitive_assert, 1, gone);
}

/* ---- SensitiveResult: natives as the linker gives them, with their results kept ---- */

static mm_native linked(const char *class_name, const char *name, const char *descriptor)
{
    const struct mm_rom_package *const *p = mm_api_packages();

    for (; *p != NULL; p++) {
        for (size_t i = 0; i < (*p)->class_n; i++) {
            const struct mm_rom_class *cls = &(*p)->classes[i];
            for (size_t k = 0; k < cls->method_n; k++) {
                if (strcmp(cls->name, class_name) == 0 && strcmp(cls->methods[k].name, name) == 0 &&
                    strcmp(cls->methods[k].descriptor, descriptor) == 0)
                    return cls->methods[k].native;
            }
        }
    }
    fail_msg("no %s.%s%s", class_name, name, descriptor);
    return NULL;
}

static void a_short_result_can_be_asserted(void **state)
{
    mm_native compare = linked("javacard/framework/Util", "arrayCompare", "([BS[BSS)B");
    mm_ref a = hex_new("01"), b = hex_new("02");

    (void)state;
    (void)ok(compare, 5, a, 0, b, 0, 1);
    (void)ok(mm_n_result_assert_negative, 0);
    (void)ok(mm_n_result_assert_equals, 1, -1);
    (void)ok(mm_n_result_assert_less, 1, 0);
    (void)ok(mm_n_result_assert_greater, 1, -2);
    throws(SECURITY, 0, mm_n_result_assert_zero, 0);
    throws(SECURITY, 0, mm_n_result_assert_positive, 0);
    throws(SECURITY, 0, mm_n_result_assert_equals, 1, 1);
    throws(SECURITY, 0, mm_n_result_assert_less, 1, -1);
    throws(SECURITY, 0, mm_n_result_assert_greater, 1, -1);
    throws(SECURITY, 0, mm_n_result_assert_true, 0); /* another type */
    throws(SECURITY, 0, mm_n_result_assert_object, 1, -1);
    (void)ok(compare, 5, b, 0, a, 0, 1);
    (void)ok(mm_n_result_assert_positive, 0);
    (void)ok(compare, 5, b, 0, b, 0, 1);
    (void)ok(mm_n_result_assert_zero, 0);
    throws(SECURITY, 0, mm_n_result_assert_negative, 0);
}

static void a_boolean_and_an_object_result_can_be_asserted(void **state)
{
    mm_native is = linked("javacard/framework/SensitiveArrays", "isIntegritySensitive",
                          "(Ljava/lang/Object;)Z");
    mm_native lookup =
        linked("javacard/framework/JCSystem", "lookupAID", "([BSB)Ljavacard/framework/AID;");
    mm_ref aid;

    (void)state;
    (void)ok(is, 1, sensitive_bytes(0, 1));
    (void)ok(mm_n_result_assert_true, 0);
    throws(SECURITY, 0, mm_n_result_assert_false, 0);
    throws(SECURITY, 0, mm_n_result_assert_equals, 1, 1);
    (void)ok(is, 1, hex_new("01"));
    (void)ok(mm_n_result_assert_false, 0);
    throws(SECURITY, 0, mm_n_result_assert_true, 0);
    aid = ok(lookup, 3, hex_new("F00102030401"), 0, 6);
    (void)ok(mm_n_result_assert_object, 1, aid);
    throws(SECURITY, 0, mm_n_result_assert_object, 1, 0);
    (void)ok(lookup, 3, hex_new("F001020304FF"), 0, 6);
    (void)ok(mm_n_result_assert_object, 1, 0);
}

static void a_result_is_unassigned_after_reset_and_after_an_exception(void **state)
{
    mm_native compare = linked("javacard/framework/Util", "arrayCompare", "([BS[BSS)B");
    mm_ref a = hex_new("01");

    (void)state;
    throws(SECURITY, 0, mm_n_result_assert_zero, 0);
    (void)ok(compare, 5, a, 0, a, 0, 1);
    (void)ok(mm_n_result_reset, 0);
    throws(SECURITY, 0, mm_n_result_assert_zero, 0);
    (void)ok(compare, 5, a, 0, a, 0, 1);
    throws(INDEX, 0, compare, 5, a, 0, a, 0, 2);
    throws(SECURITY, 0, mm_n_result_assert_zero, 0);
}

/* ---- APDUUtil ---- */

static void a_class_byte_tells_channel_chaining_and_secure_messaging(void **state)
{
    static const struct {
        uint8_t cla, channel, secure, chained, interindustry, valid;
    } rows[] = {
        {0x00, 0, 0, 0, 1, 1}, {0x03, 3, 0, 0, 1, 1},  {0x0C, 0, 1, 0, 1, 1}, {0x14, 0, 1, 1, 1, 1},
        {0x40, 4, 0, 0, 1, 1}, {0x6F, 19, 1, 0, 1, 1}, {0x52, 6, 0, 1, 1, 1}, {0x80, 0, 0, 0, 0, 1},
        {0x9D, 1, 1, 1, 0, 1}, {0xE5, 9, 1, 0, 0, 1},  {0x20, 0, 0, 0, 1, 0}, {0x3F, 0, 0, 0, 1, 0},
        {0xFF, 0, 0, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int cla = (int8_t)rows[i].cla;
        assert_int_equal(ok(mm_n_cla_channel, 1, cla), rows[i].channel);
        assert_int_equal(ok(mm_n_cla_is_secure, 1, cla), rows[i].secure);
        assert_int_equal(ok(mm_n_cla_is_chained, 1, cla), rows[i].chained);
        assert_int_equal(ok(mm_n_cla_is_interindustry, 1, cla), rows[i].interindustry);
        assert_int_equal(ok(mm_n_cla_is_valid, 1, cla), rows[i].valid);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(repacking_puts_the_high_part_first),
        TEST(repacking_within_an_array_goes_by_a_copy),
        TEST(repacking_refuses_what_does_not_fit),
        TEST(filling_takes_an_element_of_the_same_type),
        TEST(atomic_fills_and_copies_follow_the_transaction),
        TEST(arrays_compare_by_signed_elements),
        TEST(finding_searches_for_a_value_given_in_bytes),
        TEST(sensitive_arrays_come_in_all_types_and_memories),
        TEST(other_arrays_are_not_sensitive),
        TEST(legal_writes_keep_a_sensitive_array_intact),
        TEST(persistent_sensitive_arrays_refuse_writes_that_are_not_atomic),
        TEST(a_broken_sensitive_array_is_noticed_and_not_written),
        TEST(sensitive_arrays_follow_transactions_and_live_in_the_image),
        TEST(a_short_result_can_be_asserted),
        TEST(a_boolean_and_an_object_result_can_be_asserted),
        TEST(a_result_is_unassigned_after_reset_and_after_an_exception),
        TEST(a_class_byte_tells_channel_chaining_and_secure_messaging),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
