/* What does not link, exception tables, jsr and ret, transactions: packages around one method. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/test_vm_cap.h"

static struct test_chip chip;
static uint8_t bytes[512];

static int setup(void **state)
{
    (void)state;
    chip_open(&chip, 20000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static struct test_code body(const char *hex)
{
    struct test_code t = {
        .code = bytes, .len = sizeof(bytes), .max_stack = 4, .args = 2, .max_locals = 2};

    assert_int_equal(mm_unhex(hex, bytes, &t.len), MM_OK);
    return t;
}

static int16_t value(const struct test_code *t, int16_t a, int16_t b)
{
    uint16_t ret[2] = {0};
    struct mm_err err = {.text = ""};

    if (!mm_vm_package_usable(chip.vm, TEST_PACKAGE) && code_load(&chip, t, &err) != MM_OK)
        fail_msg("%s", err.text);
    if (code_run(&chip, t, TEST_PACKAGE, (uint16_t[2]){(uint16_t)a, (uint16_t)b}, ret) != MM_RUN_OK)
        fail_msg("%s %s", mm_vm_exception(chip.vm)->class_name, mm_vm_fault(chip.vm));
    return (int16_t)ret[0];
}

/* ---- Link ---- */

static void vm_refuses_what_does_not_link(void **state)
{
    static const struct {
        const char *hex, *text;
    } rows[] = {
        {"41 78", "stack underflow"},
        {"04 04 04 04 04 78", "stack overflow"},
        {"1c 60 03 04 03 78", "stack depth differs"},
        {"1c 60 05 03 03 78 7a", "returns another type"},
        {"04 70 ff", "stack depth differs"},
        {"8f 0016 77", "new of an interface"},
        {"8d 001c 78", "this chip does not have javacard/framework/JCSystem.getVersion()S"},
        {"8d 001d 78", "no such method"},
        {"7d 001e 78", "outside the image"},
        {"01 86 1f 79", "no such field"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct test_code t = body(rows[i].hex);
        struct mm_err err = {.text = ""};

        assert_int_not_equal(code_load(&chip, &t, &err), MM_OK);
        if (strstr(err.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].hex, err.text);
        assert_false(mm_vm_package_usable(chip.vm, TEST_PACKAGE));
        assert_null(mm_rec_data(chip.nvm, MM_KEY_PACKAGE_LFDB(TEST_PACKAGE), NULL));
    }
}

static void vm_refuses_an_import_that_is_not_there(void **state)
{
    struct test_code t = body("03 78");
    size_t len = 0;
    uint8_t *lfdb = build_lfdb(&t, &len);
    static const uint8_t framework[] = {0xa0, 0, 0, 0, 0x62, 1, 1};
    uint8_t *aid = memmem(lfdb, len, framework, sizeof(framework));
    struct mm_err err = {.text = ""};

    (void)state;
    aid[6] = 0x77;
    assert_int_equal(chip_load(&chip, TEST_PACKAGE, lfdb, len, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "A0000000620177 1.6"));
    aid[6] = 1;
    aid[-3] = 7; /* a minor version above the one offered */
    assert_int_equal(chip_load(&chip, TEST_PACKAGE, lfdb, len, &err), MM_NOT_FOUND);
    free(lfdb);
}

/* ---- Exception tables ---- */

static void vm_finds_handlers_in_order_by_class(void **state)
{
    struct test_code t = body("1c 1d 47 78 3b 04 78 3b 05 78"); /* a / b; 1; 2 */

    (void)state;
    t.handler_n = 3;
    t.handlers[0] = (struct test_handler){0, 1, 4, 0, false}; /* does not cover sdiv */
    t.handlers[1] = (struct test_handler){0, 4, 7, K_ARITHMETIC, false};
    t.handlers[2] = (struct test_handler){0, 4, 4, 0, true};
    assert_int_equal(value(&t, 1, 0), 2);
    assert_int_equal(value(&t, 6, 3), 2);
    assert_int_equal(value(&t, 9, 3), 3);
}

static void vm_stops_the_search_at_a_stop_bit(void **state)
{
    struct test_code t = body("1c 1d 47 78 3b 04 78 3b 05 78");
    uint16_t ret[2];

    (void)state;
    t.handler_n = 2;
    t.handlers[0] = (struct test_handler){0, 4, 7, K_A, true}; /* catches no exception */
    t.handlers[1] = (struct test_handler){0, 4, 4, 0, false};
    assert_int_equal(value(&t, 9, 3), 3);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){1, 0}, ret), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "java/lang/ArithmeticException");
}

static void vm_catches_what_a_native_throws(void **state)
{
    struct test_code t = body("1c 8d 0015 03 78 94 00 0013 77");
    uint16_t ret[2];

    (void)state;
    t.handler_n = 1;
    t.handlers[0] = (struct test_handler){0, 4, 6, K_THROWABLE, true};
    (void)value(&t, 0x6f17, 0);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0x6f17, 0}, ret), MM_RUN_OK);
    assert_true(mm_vm_instance_of(chip.vm, ret[0], "javacard/framework/ISOException"));
    assert_int_equal(mm_vm_hidden(chip.vm, ret[0], "javacard/framework/CardRuntimeException", 0),
                     0x6f17);
}

static void vm_ends_a_handler_that_throws_for_ever(void **state)
{
    struct test_code t = body("04 03 47 78 3b 70 fb");
    uint16_t ret[2];

    (void)state;
    t.handler_n = 1;
    t.handlers[0] = (struct test_handler){0, 7, 4, 0, true};
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0}, ret), MM_RUN_FAULT);
    assert_string_equal(mm_vm_fault(chip.vm), "step budget is used up");
}

/* ---- ret ---- */

static void vm_refuses_ret_to_any_place_but_after_a_jsr(void **state)
{
    struct test_code t = body("71 0005 03 78 3b 72 00"); /* jsr; the subroutine: ret local 0 */

    (void)state;
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    for (uint32_t to = 0; to <= 0xFFFF; to++) {
        uint16_t ret[2];
        enum mm_run run = code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){(uint16_t)to, 0}, ret);
        assert_int_equal(run, to == 1 ? MM_RUN_OK : MM_RUN_FAULT);
    }
}

static void vm_refuses_ret_with_another_stack_depth(void **state)
{
    struct test_code t = body("71 0005 03 78 28 02 04 72 02"); /* leaves a cell on the stack */
    uint16_t ret[2];

    (void)state;
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0}, ret), MM_RUN_FAULT);
}

/* ---- Variables ---- */

static void vm_starts_variables_at_zero(void **state)
{
    struct test_code t = body("1e 78");

    (void)state;
    memset(chip.vm->stack, 0xAA, sizeof(chip.vm->stack));
    assert_int_equal(value(&t, 0, 0), 0);
}

/* ---- Transactions ---- */

static void vm_undoes_a_static_field_on_abort(void **state)
{
    /* begin; static = -1; abort; return static */
    struct test_code t = body("8d 0018 02 81 0009 8d 0017 7d 0009 78");

    (void)state;
    assert_int_equal(value(&t, 0, 0), 0x1234);
}

static void vm_takes_an_object_of_an_aborted_transaction_for_null(void **state)
{
    /* begin; new A into local 2; abort; local 2 .s (JCRE 3.0.5, 7.6.3) */
    struct test_code t = body("8d 0018 8f 0001 2d 8d 0017 1a 85 03 78");
    uint16_t ret[2];

    (void)state;
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0}, ret), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "java/lang/NullPointerException");
}

static void vm_drops_objects_when_the_card_aborts(void **state)
{
    struct test_code t = body("8f 0001 77");
    struct mm_obj_info info;
    uint16_t ret[2];

    (void)state;
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0}, ret), MM_RUN_OK);
    assert_true(mm_vm_object(chip.vm, ret[0], &info));
    assert_int_equal(info.class_package, TEST_PACKAGE);
    assert_int_equal(info.class_off, CLASS_A);
    mm_tx_abort(chip.nvm); /* not through the VM */
    assert_false(mm_vm_object(chip.vm, ret[0], &info));
}

static void vm_throws_when_memory_is_used_up(void **state)
{
    struct test_code t = body("11 7fff 90 0c 3b 70 fa");
    uint16_t ret[2];

    (void)state;
    assert_int_equal(code_load(&chip, &t, NULL), MM_OK);
    assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){0}, ret), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "javacard/framework/SystemException");
    assert_int_equal(mm_vm_exception(chip.vm)->reason, MM_SYSTEM_NO_RESOURCE);
}

/* ---- What the measurement sees ---- */

static void vm_shows_cells_and_arrays_to_the_measurement(void **state)
{
    struct test_code t = body("8f 0001 3d 1c 89 03 77"); /* new A, dup, .s = a */
    size_t len, ref_n;
    const uint8_t *statics;
    uint16_t ref, cell;
    bool is_ref;

    (void)state;
    ref = (uint16_t)value(&t, 0x4567, 0);
    assert_true(mm_vm_peek_cell(chip.vm, ref, 0, &cell, &is_ref) && is_ref && cell == 0);
    assert_true(mm_vm_peek_cell(chip.vm, ref, 2, &cell, &is_ref) && !is_ref && cell == 0x4567);
    assert_false(mm_vm_peek_cell(chip.vm, ref, 6, &cell, &is_ref));
    statics = mm_vm_package_statics(chip.vm, TEST_PACKAGE, &len, &ref_n);
    assert_int_equal(len, 11);
    assert_int_equal(ref_n, 2);
    assert_memory_equal(statics + 4, "\x80\x12\x34\x01\x02\x03\x04", 7);
    assert_memory_equal(mm_vm_peek_array(chip.vm, mm_be16(statics), &len), "\x05\xfa", 2);
    assert_int_equal(len, 2);
    assert_null(mm_vm_peek_array(chip.vm, chip.buffer, &len));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vm_refuses_what_does_not_link),
        TEST(vm_refuses_an_import_that_is_not_there),
        TEST(vm_finds_handlers_in_order_by_class),
        TEST(vm_stops_the_search_at_a_stop_bit),
        TEST(vm_catches_what_a_native_throws),
        TEST(vm_ends_a_handler_that_throws_for_ever),
        TEST(vm_refuses_ret_to_any_place_but_after_a_jsr),
        TEST(vm_refuses_ret_with_another_stack_depth),
        TEST(vm_starts_variables_at_zero),
        TEST(vm_undoes_a_static_field_on_abort),
        TEST(vm_takes_an_object_of_an_aborted_transaction_for_null),
        TEST(vm_drops_objects_when_the_card_aborts),
        TEST(vm_throws_when_memory_is_used_up),
        TEST(vm_shows_cells_and_arrays_to_the_measurement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
