/* The VM with a real applet: test/unit/data/vm, compiled and converted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/test_vm_counter.h"
#include "test/unit/test_vm_rom.h"

static struct test_chip chip;
static mm_ref counter;

static enum mm_run run(mm_ref applet, uint8_t ins, uint8_t p1, uint8_t p2, int16_t *result)
{
    uint8_t *b = chip.vm->objs[chip.buffer].data;
    enum mm_run r;

    memset(b, 0, 261);
    b[1] = ins;
    b[2] = p1;
    b[3] = p2;
    r = mm_vm_process(chip.vm, applet, chip.apdu);
    *result = (int16_t)mm_be16(b);
    return r;
}

static int16_t value(uint8_t ins, uint8_t p1, uint8_t p2)
{
    int16_t result = 0;
    enum mm_run r = run(counter, ins, p1, p2, &result);

    if (r != MM_RUN_OK)
        fail_msg("ins %u: %s %s 0x%04x", ins, r == MM_RUN_THROWN ? "threw" : mm_vm_fault(chip.vm),
                 mm_vm_exception(chip.vm)->class_name, mm_vm_exception(chip.vm)->reason);
    return result;
}

static void throws(uint8_t ins, const char *class_name, uint16_t reason)
{
    int16_t result;

    assert_int_equal(run(counter, ins, 0, 0, &result), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, class_name);
    assert_int_equal(mm_vm_exception(chip.vm)->reason, reason);
}

static void start(enum mm_run (*interp)(struct mm_vm *, size_t), uint64_t budget)
{
    struct mm_err err = {.text = ""};
    const uint8_t params[1] = {41};

    chip_open(&chip, budget);
    chip.vm->interp = interp;
    if (chip_load(&chip, TEST_PACKAGE, counter_lfdb, sizeof(counter_lfdb), &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(chip_install(&chip, TEST_PACKAGE, 0, TEST_APPLET, params, 1), MM_RUN_OK);
    counter = chip.registered;
    assert_int_not_equal(counter, 0);
}

static int setup_goto(void **state)
{
    (void)state;
    start(mm_interp_goto, 0);
    return 0;
}

static int setup_switch(void **state)
{
    (void)state;
    start(mm_interp_switch, 0);
    return 0;
}

static int setup_small_budget(void **state)
{
    (void)state;
    start(mm_interp_goto, 20000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

/* Power off and on again over the same NVM, the registry's part played. */
static void power_cycle(void)
{
    mm_vm_free(&chip.vm);
    chip_start(&chip, 0);
    mm_vm_applet_bind(chip.vm, TEST_APPLET, TEST_PACKAGE);
}

static void vm_runs_install_with_parameters_and_process(void **state)
{
    (void)state;
    assert_int_equal(value(0, 0, 0), 42);
    assert_int_equal(value(0, 0, 0), 43);
}

static void vm_computes_recursively(void **state)
{
    (void)state;
    assert_int_equal(value(1, 15, 0), 610);
}

static void vm_loops(void **state)
{
    (void)state;
    assert_int_equal(value(16, 0, 0), 4950);
}

static void vm_throws_and_catches_each_of_its_exceptions(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 8; i++)
        assert_int_equal(value(2, i, 0), 100 + i);
}

static void vm_dispatches_overridden_super_and_private_methods(void **state)
{
    (void)state;
    assert_int_equal(value(3, 0, 0), 52);
}

static void vm_initialises_static_fields_and_arrays(void **state)
{
    (void)state;
    assert_int_equal(value(5, 0, 0), 1 - 4 + 0x1234 - 2);
    assert_int_equal(value(5, 0, 0), 2 - 4 + 0x1234 - 2);
}

static void vm_keeps_statics_and_objects_over_power_off(void **state)
{
    (void)state;
    assert_int_equal(value(4, 0, 0), 3 - 127);
    assert_int_equal(value(0, 0, 0), 42);
    assert_int_equal(value(5, 0, 0), 1 - 4 + 0x1234 - 2);
    power_cycle();
    assert_int_equal(value(4, 0, 0), 3 - 254);
    assert_int_equal(value(0, 0, 0), 43);
    assert_int_equal(value(5, 0, 0), 2 - 4 + 0x1234 - 2);
}

static void vm_undoes_fields_statics_and_creations_on_abort(void **state)
{
    size_t len, ref_n;
    struct mm_comp_info before, after;

    (void)state;
    assert_int_equal(value(0, 0, 0), 42);
    assert_true(mm_comp_get(chip.nvm, 2, &before));
    assert_int_equal(value(6, 0, 0), 42);
    assert_true(mm_comp_get(chip.nvm, 2, &after));
    assert_int_equal(after.records, before.records);
    assert_int_equal(value(4, 0, 0), 3 - 127); /* total was not set to 1 */
    const uint8_t *statics = mm_vm_package_statics(chip.vm, TEST_PACKAGE, &len, &ref_n);
    assert_int_equal(ref_n, 3);
    assert_int_equal(mm_be16(statics + 4), 0); /* kept */
}

static void vm_keeps_all_of_a_committed_transaction(void **state)
{
    (void)state;
    assert_int_equal(value(6, 1, 0), 55);
    assert_int_equal(value(4, 0, 0), 1 - 127);
}

static void vm_clears_transient_arrays(void **state)
{
    (void)state;
    assert_int_equal(value(7, 0, 0), 1);
    assert_int_equal(value(7, 0, 0), 2);
    mm_vm_clear_on_deselect(chip.vm, TEST_PACKAGE + 1);
    assert_int_equal(value(7, 0, 0), 3);
    mm_vm_clear_on_deselect(chip.vm, TEST_PACKAGE);
    assert_int_equal(value(7, 0, 0), 1);
    mm_vm_reset(chip.vm);
    assert_int_equal(value(7, 0, 0), 1);
    power_cycle();
    assert_int_equal(value(7, 0, 0), 1);
}

static void vm_looks_up_switch_keys(void **state)
{
    (void)state;
    assert_int_equal(value(8, 1000 >> 8, 1000 & 0xFF), 1);
    assert_int_equal(value(8, 0xFF, 0xFB), 2);
    assert_int_equal(value(8, 0, 7), 3);
    assert_int_equal(value(8, 0, 8), 4);
}

static void vm_refuses_to_store_a_global_array(void **state)
{
    (void)state;
    throws(9, "java/lang/SecurityException", 0);
}

static void vm_collects_what_nothing_refers_to(void **state)
{
    struct mm_comp_info before, after;

    (void)state;
    assert_true(mm_comp_get(chip.nvm, 2, &before));
    (void)value(10, 0, 0);
    assert_true(mm_vm_collect_wanted(chip.vm));
    mm_vm_collect(chip.vm, &counter, 1);
    assert_false(mm_vm_collect_wanted(chip.vm));
    assert_true(mm_comp_get(chip.nvm, 2, &after));
    assert_int_equal(after.records, before.records);
    assert_int_equal(value(5, 0, 0), 1 - 4 + 0x1234 - 2); /* static arrays are roots */
    assert_int_equal(value(2, 0, 0), 100);                /* and so is what fields refer to */
}

static void vm_throws_what_the_applet_throws(void **state)
{
    (void)state;
    throws(13, "javacard/framework/ISOException", 0x6d00);
}

static void vm_ends_endless_recursion_with_a_system_exception(void **state)
{
    (void)state;
    throws(12, "javacard/framework/SystemException", 5);
    assert_int_equal(value(0, 0, 0), 42);
}

static void vm_ends_an_endless_loop_when_the_step_budget_is_used_up(void **state)
{
    int16_t result;

    (void)state;
    assert_int_equal(run(counter, 11, 0, 0, &result), MM_RUN_FAULT);
    assert_string_equal(mm_vm_fault(chip.vm), "step budget is used up");
    assert_int_equal(run(counter, 16, 0, 0, &result), MM_RUN_OK);
}

static void vm_tests_types(void **state)
{
    (void)state;
    assert_int_equal(value(17, 0, 0), 1);
}

static void vm_selects_by_the_inherited_method(void **state)
{
    bool accepted = false;

    (void)state;
    assert_int_equal(mm_vm_select(chip.vm, counter, &accepted), MM_RUN_OK);
    assert_true(accepted);
    assert_int_equal(mm_vm_deselect(chip.vm, counter), MM_RUN_OK);
}

static void vm_calls_uninstall_of_an_applet_event(void **state)
{
    (void)state;
    assert_int_equal(mm_vm_uninstall(chip.vm, counter), MM_RUN_OK);
    assert_int_equal(value(4, 0, 0), -127);
}

static void vm_refuses_calls_into_objects_of_nobody(void **state)
{
    int16_t result;

    (void)state;
    mm_vm_applet_unbind(chip.vm, TEST_APPLET);
    assert_int_equal(run(counter, 0, 0, 0, &result), MM_RUN_FAULT);
    assert_int_equal(run(0x7777, 0, 0, 0, &result), MM_RUN_FAULT);
    assert_int_equal(run(0, 0, 0, 0, &result), MM_RUN_FAULT);
}

static void vm_forgets_a_package_whose_loading_was_aborted(void **state)
{
    struct mm_cap *cap = NULL;

    (void)state;
    chip_close(&chip);
    chip_open(&chip, 0);
    assert_int_equal(mm_cap_read(counter_lfdb, sizeof(counter_lfdb), &cap, NULL), MM_OK);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    assert_int_equal(mm_comp_add(chip.nvm, 1, MM_COMP_PACKAGE, mm_cap_aid(cap)), MM_OK);
    assert_int_equal(mm_vm_package_load(chip.vm, 1, cap, false, NULL), MM_OK);
    assert_true(mm_vm_package_usable(chip.vm, 1));
    mm_vm_tx_abort(chip.vm);
    assert_false(mm_vm_package_usable(chip.vm, 1));
    assert_int_equal(chip_load(&chip, 1, counter_lfdb, sizeof(counter_lfdb), NULL), MM_OK);
    mm_cap_free(&cap);
}

static void vm_keeps_the_load_file_byte_for_byte(void **state)
{
    size_t len = 0;
    const uint8_t *lfdb = mm_rec_data(chip.nvm, MM_KEY_PACKAGE_LFDB(TEST_PACKAGE), &len);

    (void)state;
    assert_int_equal(len, sizeof(counter_lfdb));
    assert_memory_equal(lfdb, counter_lfdb, len);
    (void)value(5, 0, 0);
    assert_memory_equal(lfdb, counter_lfdb, len);
}

static void vm_deletes_an_applet_and_its_package(void **state)
{
    (void)state;
    assert_int_equal(mm_vm_owner_deletable(chip.vm, TEST_APPLET), MM_OK);
    assert_int_equal(value(6, 1, 0), 55); /* now a static field refers to an object of the applet */
    assert_int_equal(mm_vm_owner_deletable(chip.vm, TEST_APPLET), MM_STATE);
    assert_int_equal(mm_vm_owner_deletable_with(chip.vm, TEST_APPLET, TEST_PACKAGE), MM_OK);
    assert_int_equal(mm_vm_package_unload(chip.vm, TEST_PACKAGE, NULL), MM_OK);
    mm_vm_objects_forget(chip.vm, TEST_APPLET);
    mm_vm_applet_unbind(chip.vm, TEST_APPLET);
    assert_int_equal(mm_comp_drop(chip.nvm, TEST_APPLET), MM_OK);
    assert_int_equal(mm_comp_drop(chip.nvm, TEST_PACKAGE), MM_OK);
    assert_int_equal(chip_load(&chip, TEST_PACKAGE, counter_lfdb, sizeof(counter_lfdb), NULL),
                     MM_OK);
}

#define BOTH(f)                                                                                    \
    cmocka_unit_test_setup_teardown(f, setup_goto, teardown),                                      \
    {                                                                                              \
#f "_by_switch", f, setup_switch, teardown, NULL                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(vm_runs_install_with_parameters_and_process),
        BOTH(vm_computes_recursively),
        BOTH(vm_loops),
        BOTH(vm_throws_and_catches_each_of_its_exceptions),
        BOTH(vm_dispatches_overridden_super_and_private_methods),
        BOTH(vm_initialises_static_fields_and_arrays),
        BOTH(vm_keeps_statics_and_objects_over_power_off),
        BOTH(vm_undoes_fields_statics_and_creations_on_abort),
        BOTH(vm_keeps_all_of_a_committed_transaction),
        BOTH(vm_clears_transient_arrays),
        BOTH(vm_looks_up_switch_keys),
        BOTH(vm_refuses_to_store_a_global_array),
        BOTH(vm_collects_what_nothing_refers_to),
        BOTH(vm_throws_what_the_applet_throws),
        BOTH(vm_ends_endless_recursion_with_a_system_exception),
        cmocka_unit_test_setup_teardown(vm_ends_an_endless_loop_when_the_step_budget_is_used_up,
                                        setup_small_budget, teardown),
        BOTH(vm_tests_types),
        BOTH(vm_selects_by_the_inherited_method),
        BOTH(vm_calls_uninstall_of_an_applet_event),
        BOTH(vm_refuses_calls_into_objects_of_nobody),
        BOTH(vm_forgets_a_package_whose_loading_was_aborted),
        BOTH(vm_keeps_the_load_file_byte_for_byte),
        BOTH(vm_deletes_an_applet_and_its_package),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
