/* JCSystem: transient and global arrays, commit capacity, what the platform says it is. */
#include "test/unit/api_fixture.h"

#define SYSTEM   "javacard/framework/SystemException"
#define NEGATIVE "java/lang/NegativeArraySizeException"
/* SystemException reason codes */
#define ILLEGAL_VALUE 1
#define NO_TRANSIENT  2
/* JCSystem.MEMORY_TYPE_..., CLEAR_ON_... */
#define ON_RESET    1
#define ON_DESELECT 2

static const struct {
    mm_native make;
    uint8_t type; /* as in newarray */
} makers[] = {{mm_n_sys_make_transient_boolean_array, 10},
              {mm_n_sys_make_transient_byte_array, 11},
              {mm_n_sys_make_transient_short_array, 12},
              {mm_n_jcint_make_transient, 13},
              {mm_n_sys_make_transient_object_array, 14}};
#define MAKER_N (sizeof(makers) / sizeof(makers[0]))

static void transient_arrays_are_of_the_type_and_lifetime_asked_for(void **state)
{
    struct mm_obj_info info;

    (void)state;
    for (size_t i = 0; i < MAKER_N; i++) {
        for (int event = ON_RESET; event <= ON_DESELECT; event++) {
            mm_ref array = ok(makers[i].make, 2, 5, event);
            assert_true(mm_vm_object(chip.vm, array, &info));
            assert_int_equal(info.array_type, makers[i].type);
            assert_int_equal(info.n, 5);
            assert_int_equal(ok(mm_n_sys_is_transient, 1, array), event);
        }
    }
}

static void transient_arrays_refuse_what_they_cannot_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAKER_N; i++) {
        throws(NEGATIVE, 0, makers[i].make, 2, -1, ON_RESET);
        throws(SYSTEM, ILLEGAL_VALUE, makers[i].make, 2, 1, 0);
        throws(SYSTEM, ILLEGAL_VALUE, makers[i].make, 2, 1, 3);
        throws(SYSTEM, NO_TRANSIENT, makers[i].make, 2, 0x7FFF, ON_RESET);
    }
}

static void global_arrays_are_for_everybody_and_few(void **state)
{
    struct mm_obj_info info;

    (void)state;
    throws(NEGATIVE, 0, mm_n_sys_make_global_array, 2, 2, -1);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_sys_make_global_array, 2, 0, 1);
    throws(SYSTEM, ILLEGAL_VALUE, mm_n_sys_make_global_array, 2, 5, 1);
    for (int i = 0; i < MM_API_GLOBAL_ARRAYS; i++) {
        mm_ref array = ok(mm_n_sys_make_global_array, 2, i % 4 + 1, 8);
        assert_true(mm_vm_object(chip.vm, array, &info));
        assert_true(info.global_array);
        assert_int_equal(info.array_type, 10 + i % 4);
        assert_int_equal(ok(mm_n_sys_is_transient, 1, array), ON_RESET);
    }
    throws(SYSTEM, NO_TRANSIENT, mm_n_sys_make_global_array, 2, 1, 8);
}

static void commit_capacity_shrinks_while_a_transaction_writes(void **state)
{
    uint16_t most = ok(mm_n_sys_get_max_commit_capacity, 0);
    mm_ref array = bytes_new(NULL, 16);

    (void)state;
    assert_true(most > 1024);
    assert_int_equal(ok(mm_n_sys_get_unused_commit_capacity, 0), most);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_util_array_fill, 4, array, 0, 16, 0x55);
    assert_true(ok(mm_n_sys_get_unused_commit_capacity, 0) <= most);
    (void)ok(mm_n_sys_abort_transaction, 0);
    assert_int_equal(ok(mm_n_sys_get_unused_commit_capacity, 0), most);
    holds(array, 0, "0000");
}

static void the_platform_is_java_card_3_0_5_with_object_deletion(void **state)
{
    (void)state;
    assert_int_equal(ok(mm_n_sys_get_version, 0), 0x0305);
    assert_int_equal(ok(mm_n_true, 0), 1);
}

/* The fixture runs natives as nobody: there is no applet whose AID it could be. */
static void outside_of_an_applet_there_is_no_aid(void **state)
{
    (void)state;
    assert_int_equal(ok(mm_n_sys_get_aid, 0), MM_REF_NULL);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(transient_arrays_are_of_the_type_and_lifetime_asked_for),
        TEST(transient_arrays_refuse_what_they_cannot_be),
        TEST(global_arrays_are_for_everybody_and_few),
        TEST(commit_capacity_shrinks_while_a_transaction_writes),
        TEST(the_platform_is_java_card_3_0_5_with_object_deletion),
        TEST(outside_of_an_applet_there_is_no_aid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
