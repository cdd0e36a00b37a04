/* Rows of operations that run as one (fuse.def): every row, in both loops, and what may not change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/test_vm_cap.h"

typedef enum mm_run (*interp)(struct mm_vm *vm, size_t base);
static const interp loops[] = {mm_interp_goto, mm_interp_switch};

static struct test_chip chip;
static uint8_t bytes[256];

static void load(struct test_code *t, const char *hex, interp loop)
{
    struct mm_err err = {.text = ""};

    *t = (struct test_code){
        .code = bytes, .len = sizeof(bytes), .max_stack = 6, .args = 2, .max_locals = 3};
    assert_int_equal(mm_unhex(hex, bytes, &t->len), MM_OK);
    chip_open(&chip, 20000);
    chip.vm->interp = loop;
    if (code_load(&chip, t, &err) != MM_OK)
        fail_msg("%s: %s", hex, err.text);
}

static int16_t value(const struct test_code *t, int16_t x, int16_t y)
{
    uint16_t ret[2] = {0};

    if (code_run(&chip, t, TEST_PACKAGE, (uint16_t[2]){(uint16_t)x, (uint16_t)y}, ret) != MM_RUN_OK)
        fail_msg("%s %s", mm_vm_exception(chip.vm)->class_name, mm_vm_fault(chip.vm));
    return (int16_t)ret[0];
}

static bool has(uint16_t op)
{
    const struct mm_package *pkg = mm_package_get(chip.vm, TEST_PACKAGE);

    for (size_t i = 0; i < pkg->method_n; i++) {
        for (uint32_t k = 0; pkg->methods[i].code != NULL && k < pkg->methods[i].ins_n; k++) {
            if (pkg->methods[i].code[k].op == op)
                return true;
        }
    }
    return false;
}

#define OBJECT "8f 0001 3d 8c 000c 28 04 " /* variable 4: new A */
#define BYTES  "10 20 90 0b 28 04 "        /* variable 4: new byte[32] */
#define SHORTS "10 20 90 0c 28 04 "
#define REFS   "10 20 91 0001 28 04 "
#define YES_NO "04 03 78 04 78" /* of a branch: to 1, else 0 */

/* Results for (7, 3), (3, 7), (5, 5). */
static const struct {
    uint16_t op;
    const char *hex;
    int16_t expected[3];
} rows[] = {
    {MM_V_LOAD_LOAD, "1c 1d 43 78", {4, -4, 0}},
    {MM_V_LOAD_PUSH, "1c 05 45 78", {14, 6, 10}},
    {MM_V_LOAD_SADD, "1d 05 45 1c 41 78", {13, 17, 15}},
    {MM_V_LOAD_GETFIELD_S, OBJECT "15 04 1c 89 03 15 04 85 03 78", {7, 3, 5}},
    {MM_V_LOAD_GETFIELD_B, OBJECT "15 04 1c 88 04 15 04 84 04 78", {7, 3, 5}},
    {MM_V_LOAD_STORE, "1c 31 1e 78", {7, 3, 5}},
    {MM_V_LOAD_SRETURN, "00 1d 78", {3, 7, 5}},
    {MM_V_LOAD_INVOKESTATIC, "1c 8d 000d 78", {8, 4, 6}},
    {MM_V_LOAD_INVOKEVIRTUAL, OBJECT "15 04 1c 8b 000b 78", {9, 5, 7}},
    {MM_V_LOAD_IFEQ, "59 00 fb 1c 60 " YES_NO, {0, 0, 1}},
    {MM_V_LOAD_IFNE, "59 00 fb 1c 61 " YES_NO, {1, 1, 0}},
    {MM_V_LOAD_LOAD_BALOAD, BYTES "15 04 1c 1d 38 15 04 1c 25 78", {3, 7, 5}},
    {MM_V_LOAD_LOAD_SALOAD, SHORTS "15 04 1c 1d 39 15 04 1c 26 78", {3, 7, 5}},
    {MM_V_LOAD_LOAD_AALOAD, REFS "15 04 1c 24 61 " YES_NO, {0, 0, 0}},
    {MM_V_LOAD_PUSH_BALOAD, BYTES "15 04 06 1d 38 15 04 06 25 78", {3, 7, 5}},
    {MM_V_LOAD_PUSH_SADD, "1c 06 41 1d 43 78", {7, -1, 3}},
    {MM_V_LOAD_LOAD_SCMPEQ, "1c 1d 6a " YES_NO, {0, 0, 1}},
    {MM_V_LOAD_LOAD_SCMPNE, "1c 1d 6b " YES_NO, {1, 1, 0}},
    {MM_V_LOAD_LOAD_SCMPLT, "1c 1d 6c " YES_NO, {0, 1, 0}},
    {MM_V_LOAD_LOAD_SCMPGE, "1c 1d 6d " YES_NO, {1, 0, 1}},
    {MM_V_LOAD_LOAD_SCMPGT, "1c 1d 6e " YES_NO, {1, 0, 0}},
    {MM_V_LOAD_LOAD_SCMPLE, "1c 1d 6f " YES_NO, {0, 1, 1}},
    {MM_V_LOAD_PUSH_SCMPEQ, "1c 08 6a " YES_NO, {0, 0, 1}},
    {MM_V_LOAD_PUSH_SCMPNE, "1c 08 6b " YES_NO, {1, 1, 0}},
    {MM_V_LOAD_PUSH_SCMPLT, "1c 08 6c " YES_NO, {0, 1, 0}},
    {MM_V_LOAD_PUSH_SCMPGE, "1c 08 6d " YES_NO, {1, 0, 1}},
    {MM_V_LOAD_PUSH_SCMPGT, "1c 08 6e " YES_NO, {1, 0, 0}},
    {MM_V_LOAD_PUSH_SCMPLE, "1c 08 6f " YES_NO, {0, 1, 1}},
    {MM_V_LOAD_LOAD_SADD_STORE, "1c 1d 41 31 1e 78", {10, 10, 10}},
    {MM_V_PUSH_SADD, "1c 1d 45 05 41 1d 45 78", {69, 161, 135}},
    {MM_V_PUSH_SSUB, "1c 1d 45 05 43 78", {19, 19, 23}},
    {MM_V_PUSH_SAND, "1c 1d 45 10 13 53 78", {17, 17, 17}},
    {MM_V_PUSH_STORE, "08 31 1e 78", {5, 5, 5}},
    {MM_V_PUSH_SADD_SRETURN, "1c 1d 45 04 41 78", {22, 22, 26}},
    {MM_V_SADD_STORE, "1c 1d 45 1c 1d 45 41 31 1e 78", {42, 42, 50}},
    {MM_V_STORE_LOAD, "1c 1d 45 31 1e 04 43 78", {20, 20, 24}},
    {MM_V_SINC_GOTO, "59 00 05 70 04 03 78 1c 78", {12, 8, 10}},
    {MM_V_SINC_LOAD_PUSH_SCMPLT, "59 00 01 1c 08 6c " YES_NO, {0, 1, 0}},
    {MM_V_SINC_LOAD_LOAD_SCMPLT, "59 00 01 1c 1d 6c " YES_NO, {0, 1, 0}},
};

static void every_row_does_what_its_operations_do(void **state)
{
    static const int16_t args[3][2] = {{7, 3}, {3, 7}, {5, 5}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t l = 0; l < 2; l++) {
            struct test_code t;

            load(&t, rows[i].hex, loops[l]);
            if (!has(rows[i].op))
                fail_msg("%s does not become operation %u", rows[i].hex, rows[i].op);
            for (size_t k = 0; k < 3; k++) {
                if (value(&t, args[k][0], args[k][1]) != rows[i].expected[k])
                    fail_msg("%s of %d, %d", rows[i].hex, args[k][0], args[k][1]);
            }
            chip_close(&chip);
        }
    }
}

static void every_row_of_the_list_has_a_case(void **state)
{
    (void)state;
    for (uint16_t op = MM_V_INSTANCEOF + 1; op < MM_V_N; op++) {
        bool found = false;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
            found = found || rows[i].op == op;
        if (!found)
            fail_msg("operation %u has none", op);
    }
}

/* The row's last operation is in the handler's range, its first ones are not. */
static void an_exception_in_a_row_is_the_last_operations(void **state)
{
    static const struct {
        const char *hex;
        uint16_t op, start, len, target;
    } cases[] = {
        {"15 02 1c 25 78 3b 05 78", MM_V_LOAD_LOAD_BALOAD, 3, 1, 5},
        {"15 02 85 03 78 3b 05 78", MM_V_LOAD_GETFIELD_S, 2, 2, 5},
        {OBJECT "15 02 1c 8b 000b 78 3b 05 78", MM_V_LOAD_INVOKEVIRTUAL, 12, 3, 16},
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t l = 0; l < 2; l++) {
            struct test_handler h = {cases[i].start, cases[i].len, cases[i].target, 0, true};
            struct mm_err err = {.text = ""};
            struct test_code t = {.code = bytes,
                                  .len = sizeof(bytes),
                                  .max_stack = 6,
                                  .args = 2,
                                  .max_locals = 3,
                                  .handlers = {h},
                                  .handler_n = 1};
            assert_int_equal(mm_unhex(cases[i].hex, bytes, &t.len), MM_OK);
            chip_open(&chip, 20000);
            chip.vm->interp = loops[l];
            if (code_load(&chip, &t, &err) != MM_OK)
                fail_msg("%s", err.text);
            assert_true(has(cases[i].op));
            assert_int_equal(value(&t, 0, 0), 2);
            chip_close(&chip);
        }
    }
}

/* 59 00 01: x + 1; then the row 1c 08 6c; a jump to its 08 comes with 9 on the stack. */
static void a_jump_into_a_row_finds_the_operation_there(void **state)
{
    (void)state;
    for (size_t l = 0; l < 2; l++) {
        struct test_code t;

        load(&t, "1d 60 06 10 09 70 03 1c 08 6c 04 03 78 04 78", loops[l]);
        /* y is 0: 1c 08 6c from its start; else from 08 on, with 9 for x */
        assert_true(has(MM_V_LOAD_PUSH_SCMPLT));
        assert_int_equal(value(&t, 4, 0), 1);
        assert_int_equal(value(&t, 6, 0), 0);
        assert_int_equal(value(&t, 4, 1), 0);
        chip_close(&chip);
    }
}

static void a_loop_of_rows_pays_for_its_way_back(void **state)
{
    (void)state;
    for (size_t l = 0; l < 2; l++) {
        struct test_code t;
        uint16_t ret[2];

        load(&t, "59 00 00 1c 08 6c fb 03 78", loops[l]);
        assert_int_equal(code_run(&chip, &t, TEST_PACKAGE, (uint16_t[2]){1, 0}, ret), MM_RUN_FAULT);
        assert_non_null(strstr(mm_vm_fault(chip.vm), "step budget"));
        chip_close(&chip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_does_what_its_operations_do),
        cmocka_unit_test(every_row_of_the_list_has_a_case),
        cmocka_unit_test(an_exception_in_a_row_is_the_last_operations),
        cmocka_unit_test(a_jump_into_a_row_finds_the_operation_there),
        cmocka_unit_test(a_loop_of_rows_pays_for_its_way_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
