/* What was verified, linked and run: vm.h, mm_vm_package_load. */
#include "test/unit/verify_accepted.h"

static enum mm_status load_good(struct test_chip *chip, const struct test_method *t)
{
    struct mm_cap *cap = NULL;
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(t, &len);

    assert_int_equal(mm_cap_read(lfdb, len, &cap, NULL), MM_OK);
    assert_int_equal(mm_comp_add(chip->nvm, TEST_PACKAGE, MM_COMP_PACKAGE, mm_cap_aid(cap)), MM_OK);
    enum mm_status st = mm_vm_package_load(chip->vm, TEST_PACKAGE, cap, true, NULL);
    mm_vm_applet_bind(chip->vm, TEST_APPLET, TEST_PACKAGE);
    mm_cap_free(&cap);
    free(lfdb);
    return st;
}

static const struct mm_method *main_of(const struct test_chip *chip)
{
    return mm_package_method(mm_package_get(chip->vm, TEST_PACKAGE), 1);
}

static void a_verified_method_is_translated_when_it_is_first_called(void **state)
{
    const struct test_method t = {.code = "1c 1d 8d000d 41 78"};
    uint16_t args[2] = {40, 2}, ret[2] = {0};
    struct test_chip chip;

    (void)state;
    chip_open(&chip, 0);
    assert_int_equal(load_good(&chip, &t), MM_OK);
    assert_null(main_of(&chip)->code);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mm_call(chip.vm, main_of(&chip), args, TEST_PACKAGE, TEST_APPLET, ret),
                         MM_RUN_OK);
        assert_non_null(main_of(&chip)->code);
    }
    chip_close(&chip);
}

/* When it is neither in fact, the call ends as a cast to the interface would. */
static void a_joined_value_that_is_no_such_interface_is_a_class_cast_exception(void **state)
{
    static const struct test_method t = {
        .code =
            "03 03 47 3b 01 9400000f 04 8e02000f00 78 70f9", /* 0 / 0, caught, joined with an I */
        .handler = {0, 3, 16, K_ARITHMETIC, false}};
    uint16_t args[2] = {0}, ret[2];
    const struct mm_method *m;
    struct test_chip chip;

    (void)state;
    accepted(&t);
    chip_open(&chip, 0);
    assert_int_equal(load_good(&chip, &t), MM_OK);
    m = mm_package_method(mm_package_get(chip.vm, TEST_PACKAGE), 9); /* behind the handler */
    assert_int_equal(mm_call(chip.vm, m, args, TEST_PACKAGE, TEST_APPLET, ret), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "java/lang/ClassCastException");
    chip_close(&chip);
}

/* The caller's word that it was verified is not what keeps the chip whole. */
static void a_method_that_is_bad_after_all_ends_its_call(void **state)
{
    const struct test_method t = {.code = "41 78"};
    uint16_t args[2] = {0}, ret[2];
    struct test_chip chip;

    (void)state;
    chip_open(&chip, 0);
    assert_int_equal(load_good(&chip, &t), MM_OK);
    assert_int_equal(mm_call(chip.vm, main_of(&chip), args, TEST_PACKAGE, TEST_APPLET, ret),
                     MM_RUN_FAULT);
    chip_close(&chip);
}

/* Nothing but a Descriptor tells what calls of abstract methods return. */
static void without_descriptor_all_is_translated_at_once(void **state)
{
    const struct test_method t = {.code = "41 78", .no_descriptor = true};
    struct test_chip chip;

    (void)state;
    chip_open(&chip, 0);
    assert_int_equal(load_good(&chip, &t), MM_MALFORMED);
    chip_close(&chip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_joined_value_that_is_no_such_interface_is_a_class_cast_exception),
        cmocka_unit_test(a_verified_method_is_translated_when_it_is_first_called),
        cmocka_unit_test(a_method_that_is_bad_after_all_ends_its_call),
        cmocka_unit_test(without_descriptor_all_is_translated_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
