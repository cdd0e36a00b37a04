/* Elements of an upgrade session (org.globalplatform.upgrade): what is written comes back, and no more; each
 * method has its phase. */
#include "test/unit/api_fixture.h"

#define ISO      "javacard/framework/ISOException"
#define SYSTEM   "javacard/framework/SystemException"
#define SECURITY "java/lang/SecurityException"
#define REFUSED  0x6985

enum { SIMPLE = 1, MAPPED = 2 };

static bool running;
static enum mm_gp_phase phase;

static bool session(void *ctx, mm_comp owner, struct mm_gp_upgrade *out)
{
    (void)ctx, (void)owner;
    *out = (struct mm_gp_upgrade){.phase = phase, .previous = chip_aid(), .major = 1, .minor = 2};
    return running;
}

static int session_setup(void **state)
{
    int failed = chip_setup(state);

    chip.gp.upgrade = session;
    running = true;
    phase = MM_GP_PHASE_SAVING;
    return failed;
}

static void restore_begins(void)
{
    phase = MM_GP_PHASE_RESTORE;
}

static mm_ref element(int type, int bytes, int objects)
{
    return ok(mm_n_upgrade_create, 3, type, bytes, objects);
}

/* ---- The session ---- */

static void manager_tells_of_the_session(void **state)
{
    struct mm_aid aid = chip_aid();
    mm_ref bytes = bytes_new(aid.bytes, aid.len), more = bytes_new("other package", 13);

    (void)state;
    assert_int_equal(ok(mm_n_upgrade_is, 0), 1);
    assert_int_equal(ok(mm_n_upgrade_version, 0), 0x0102);
    assert_int_equal(ok(mm_n_upgrade_check_aid, 3, bytes, 0, aid.len), 1);
    assert_int_equal(ok(mm_n_upgrade_check_aid, 3, bytes, 0, aid.len - 1), 0);
    assert_int_equal(ok(mm_n_upgrade_check_aid, 3, more, 0, aid.len), 0);
    throws("java/lang/NullPointerException", 0, mm_n_upgrade_check_aid, 3, 0, 0, 5);
    throws("java/lang/ArrayIndexOutOfBoundsException", 0, mm_n_upgrade_check_aid, 3, bytes, 0, 100);
    assert_int_not_equal(ok(mm_n_upgrade_reference, 0), 0);
    assert_int_equal(ok(mm_n_upgrade_reference, 0), ok(mm_n_upgrade_reference, 0));
    running = false;
    assert_int_equal(ok(mm_n_upgrade_is, 0), 0);
    assert_int_not_equal(ok(mm_n_upgrade_reference, 0), 0);
}

static void without_a_session_everything_is_refused(void **state)
{
    mm_ref e = element(MAPPED, 4, 4);

    (void)state;
    running = false;
    throws(ISO, REFUSED, mm_n_upgrade_version, 0);
    throws(ISO, REFUSED, mm_n_upgrade_check_aid, 3, bytes_new(NULL, 5), 0, 5);
    throws(ISO, REFUSED, mm_n_upgrade_create, 3, SIMPLE, 0, 0);
    throws(ISO, REFUSED, mm_n_upgrade_match, 1, e);
    throws_as("write(Z", ISO, REFUSED, mm_n_element_write_byte, 2, e, 1);
    throws_as("write(B", ISO, REFUSED, mm_n_element_write_byte, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_short, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_object, 2, e, 0);
    throws(ISO, REFUSED, mm_n_element_init_read, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_get_mapped, 1, e);
    throws(ISO, REFUSED, mm_n_element_set_mapped, 2, e, 0);
}

/* ---- Making ---- */

static void element_of_no_type_or_size_is_refused(void **state)
{
    (void)state;
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_upgrade_create, 3, 0, 1, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_upgrade_create, 3, 3, 1, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_upgrade_create, 3, SIMPLE, -1, 1);
    throws(SYSTEM, MM_SYSTEM_ILLEGAL_VALUE, mm_n_upgrade_create, 3, MAPPED, 1, -1);
    assert_int_not_equal(element(SIMPLE, 0, 0), 0);
}

static void element_beyond_memory_is_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 33; i++) { /* of 32 KiB each */
        uint16_t args[] = {SIMPLE, 0x7fff, 0}, ret[2];
        if (mm_n_upgrade_create(chip.vm, args, ret) != MM_RUN_OK)
            break;
    }
    throws(SYSTEM, MM_SYSTEM_NO_ROOM, mm_n_upgrade_create, 3, SIMPLE, 0x7fff, 0);
}

/* ---- Writing and reading ---- */

static void primitive_data_comes_back_in_order(void **state)
{
    mm_ref e = element(SIMPLE, 6, 0);

    (void)state;
    assert_int_equal(ok(mm_n_element_can_write_byte, 1, e), 6);
    assert_int_equal(ok(mm_n_element_can_write_short, 1, e), 3);
    assert_int_equal(ok(mm_n_element_can_write_object, 1, e), 0);
    assert_int_equal(ok(mm_n_element_write_byte, 2, e, 1), e); /* this */
    assert_int_equal(ok(mm_n_element_write_byte, 2, e, 0xfffe), e);
    assert_int_equal(ok(mm_n_element_write_short, 2, e, 0x1234), e);
    assert_int_equal(ok(mm_n_element_can_write_byte, 1, e), 2);
    assert_int_equal(ok(mm_n_element_can_write_short, 1, e), 1);
    restore_begins();
    for (int round = 0; round < 2; round++) {
        ok(mm_n_element_init_read, 1, e);
        assert_int_equal(ok(mm_n_element_can_read_byte, 1, e), 4);
        assert_int_equal(ok(mm_n_element_can_read_short, 1, e), 2);
        assert_int_equal(ok(mm_n_element_read_boolean, 1, e), 1);
        assert_int_equal(ok(mm_n_element_can_read_short, 1, e), 1);
        assert_int_equal(ok(mm_n_element_read_byte, 1, e), 0xfffe);
        assert_int_equal(ok(mm_n_element_read_short, 1, e), 0x1234);
        assert_int_equal(ok(mm_n_element_can_read_byte, 1, e), 0);
    }
}

static void references_are_kept_apart_from_primitive_data(void **state)
{
    mm_ref e = element(SIMPLE, 2, 3), array = bytes_new("saved", 5), inner = element(SIMPLE, 0, 0);

    (void)state;
    ok(mm_n_element_write_object, 2, e, array);
    ok(mm_n_element_write_short, 2, e, 0x7777);
    ok(mm_n_element_write_object, 2, e, 0);
    assert_int_equal(ok(mm_n_element_can_write_object, 1, e), 1);
    ok(mm_n_element_write_object, 2, e, inner);
    restore_begins();
    assert_int_equal(ok(mm_n_element_can_read_object, 1, e), 3);
    assert_int_equal(ok(mm_n_element_read_short, 1, e), 0x7777);
    assert_int_equal(ok(mm_n_element_read_object, 1, e), array);
    assert_int_equal(ok(mm_n_element_read_object, 1, e), 0);
    assert_int_equal(ok(mm_n_element_read_object, 1, e), inner);
    assert_int_equal(ok(mm_n_element_can_read_object, 1, e), 0);
}

static void more_than_fits_is_refused(void **state)
{
    mm_ref e = element(SIMPLE, 1, 0);

    (void)state;
    throws(ISO, REFUSED, mm_n_element_write_short, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_object, 2, e, 0);
    ok(mm_n_element_write_byte, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_byte, 2, e, 1);
}

/* What was not written cannot be read, though there was room for it. */
static void more_than_was_written_is_refused(void **state)
{
    mm_ref e = element(SIMPLE, 4, 2);

    (void)state;
    ok(mm_n_element_write_byte, 2, e, 1);
    restore_begins();
    throws(ISO, REFUSED, mm_n_element_read_short, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_object, 1, e);
    ok(mm_n_element_read_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_boolean, 1, e);
}

static void what_may_not_be_stored_is_not_saved(void **state)
{
    mm_ref e = element(MAPPED, 0, 1), global = mm_vm_new_global_array(chip.vm, 11, 4),
           temporary = mm_api_of(chip.vm)->apdu.ref;

    (void)state;
    throws(SECURITY, 0, mm_n_element_write_object, 2, e, global);
    throws(SECURITY, 0, mm_n_element_write_object, 2, e, temporary);
    throws(SECURITY, 0, mm_n_element_set_mapped, 2, e, global);
    ok(mm_n_element_write_object, 2, e, ok(mm_n_upgrade_reference, 0));
}

/* ---- Phases ---- */

static void elements_are_written_in_the_saving_phase(void **state)
{
    mm_ref e = element(MAPPED, 4, 4);

    (void)state;
    restore_begins();
    throws(ISO, REFUSED, mm_n_upgrade_create, 3, SIMPLE, 0, 0);
    throws(ISO, REFUSED, mm_n_upgrade_match, 1, e);
    throws(ISO, REFUSED, mm_n_element_write_byte, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_short, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_write_object, 2, e, 0);
    throws_as("canWriteBoolean(", ISO, REFUSED, mm_n_element_can_write_byte, 1, e);
    throws_as("canWriteByte(", ISO, REFUSED, mm_n_element_can_write_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_can_write_short, 1, e);
    throws(ISO, REFUSED, mm_n_element_can_write_object, 1, e);
}

static void elements_are_read_in_the_restore_phase(void **state)
{
    mm_ref e = element(MAPPED, 4, 4);

    (void)state;
    ok(mm_n_element_write_short, 2, e, 1);
    throws(ISO, REFUSED, mm_n_element_init_read, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_boolean, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_short, 1, e);
    throws(ISO, REFUSED, mm_n_element_read_object, 1, e);
    throws_as("canReadBoolean(", ISO, REFUSED, mm_n_element_can_read_byte, 1, e);
    throws_as("canReadByte(", ISO, REFUSED, mm_n_element_can_read_byte, 1, e);
    throws(ISO, REFUSED, mm_n_element_can_read_short, 1, e);
    throws(ISO, REFUSED, mm_n_element_can_read_object, 1, e);
    throws(ISO, REFUSED, mm_n_element_get_mapped, 1, e);
}

/* ---- MappedElement ---- */

static void mapped_element_is_found_by_its_object(void **state)
{
    mm_ref a = bytes_new(NULL, 1), b = bytes_new(NULL, 1), of_a = element(MAPPED, 0, 0),
           of_b = element(MAPPED, 0, 0);

    (void)state;
    assert_int_equal(ok(mm_n_upgrade_match, 1, a), 0);
    assert_int_equal(ok(mm_n_upgrade_match, 1, 0), 0); /* not what is mapped to nothing */
    assert_int_equal(ok(mm_n_element_set_mapped, 2, of_a, a), of_a);
    ok(mm_n_element_set_mapped, 2, of_b, b);
    assert_int_equal(ok(mm_n_upgrade_match, 1, a), of_a);
    assert_int_equal(ok(mm_n_upgrade_match, 1, b), of_b);
    ok(mm_n_element_set_mapped, 2, of_a, 0);
    assert_int_equal(ok(mm_n_upgrade_match, 1, a), 0);
}

static void mapping_ends_with_the_saving_phase(void **state)
{
    mm_ref a = bytes_new(NULL, 1), e = element(MAPPED, 0, 0);

    (void)state;
    ok(mm_n_element_set_mapped, 2, e, a);
    assert_int_equal(mm_api_elements_unmap(chip.vm), MM_OK);
    restore_begins();
    assert_int_equal(ok(mm_n_element_get_mapped, 1, e), 0);
    ok(mm_n_element_set_mapped, 2, e, a);
    assert_int_equal(ok(mm_n_element_get_mapped, 1, e), a);
}

static void elements_and_references_to_them_go_with_the_session(void **state)
{
    mm_ref e = element(SIMPLE, 2, 1), array = bytes_new("stays", 5),
           holder = mm_vm_new_array(chip.vm, 14, 1, MM_PERSISTENT);
    struct mm_obj_info info;
    uint16_t cell = 1;
    bool is_ref;

    (void)state;
    ok(mm_n_element_write_object, 2, e, array);
    assert_int_equal(mm_vm_array_write(chip.vm, holder, 0, &e, 1, true), MM_RUN_OK);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    assert_int_equal(mm_api_elements_delete(chip.vm), MM_OK);
    assert_int_equal(mm_tx_commit(chip.nvm), MM_OK);
    assert_int_equal(mm_vm_next_instance(chip.vm, "mintmark/Element", 0), 0);
    assert_false(mm_vm_object(chip.vm, e, &info));
    assert_memory_equal(bytes_of(array), "stays", 5);
    assert_true(mm_vm_peek_cell(chip.vm, holder, 0, &cell, &is_ref));
    assert_int_equal(cell, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, session_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(manager_tells_of_the_session),
        TEST(without_a_session_everything_is_refused),
        TEST(element_of_no_type_or_size_is_refused),
        TEST(element_beyond_memory_is_refused),
        TEST(primitive_data_comes_back_in_order),
        TEST(references_are_kept_apart_from_primitive_data),
        TEST(more_than_fits_is_refused),
        TEST(more_than_was_written_is_refused),
        TEST(what_may_not_be_stored_is_not_saved),
        TEST(elements_are_written_in_the_saving_phase),
        TEST(elements_are_read_in_the_restore_phase),
        TEST(mapped_element_is_found_by_its_object),
        TEST(mapping_ends_with_the_saving_phase),
        TEST(elements_and_references_to_them_go_with_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
