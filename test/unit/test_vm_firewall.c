/*
 * The firewall's rules (JCRE 3.0.5, 6.2.8), bytecode by bytecode: local 0 of the code holds one of
 * the objects below, which type-safe code could not have come by. And hostile references.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/test_vm_cap.h"

#define FOREIGN_CONTEXT 9

enum object {
    OWN_B,
    FOREIGN_B, /* an instance of B owned by an applet of another context */
    OWN_BYTES,
    FOREIGN_BYTES,
    FOREIGN_REFS,
    GLOBAL_BYTES,
    TEMPORARY_ENTRY, /* the APDU */
    PERMANENT_ENTRY,
    JCRE_BYTES, /* the JCRE's, not designated for applets */
    FOREIGN_EXCEPTION,
    NOBODYS_BYTES, /* owner not bound to a context */
    DANGLING,
    OBJECT_N
};
struct row {
    const char *what;
    const char *hex;
    enum object object;
    const char *throws; /* without the package java/lang; NULL: returns */
};

#define SECURITY "SecurityException"
static const struct row rows[] = {
    {"baload", "18 03 25 78", OWN_BYTES, NULL},
    {"baload", "18 03 25 78", FOREIGN_BYTES, SECURITY},
    {"baload", "18 03 25 78", GLOBAL_BYTES, NULL},
    {"baload", "18 03 25 78", JCRE_BYTES, SECURITY},
    {"baload", "18 03 25 78", NOBODYS_BYTES, SECURITY},
    {"baload", "18 03 25 78", DANGLING, SECURITY},
    {"baload of an instance", "18 03 25 78", OWN_B, SECURITY},
    {"baload past the end", "18 10 64 25 78", GLOBAL_BYTES, "ArrayIndexOutOfBoundsException"},
    {"saload of a byte array", "18 03 26 78", OWN_BYTES, SECURITY},
    {"saload of a global byte array", "18 03 26 78", GLOBAL_BYTES, SECURITY},
    {"iaload of a byte array", "18 03 27 79", OWN_BYTES, SECURITY},
    {"bastore", "18 03 04 38 03 78", OWN_BYTES, NULL},
    {"bastore", "18 03 04 38 03 78", FOREIGN_BYTES, SECURITY},
    {"bastore", "18 03 04 38 03 78", GLOBAL_BYTES, NULL},
    {"bastore", "18 03 04 38 03 78", JCRE_BYTES, SECURITY},
    {"aaload", "18 03 24 77", FOREIGN_REFS, SECURITY},
    {"aaload of a byte array", "18 03 24 77", OWN_BYTES, SECURITY},
    {"aastore", "18 03 01 37 03 78", FOREIGN_REFS, SECURITY},
    {"arraylength", "18 92 78", FOREIGN_BYTES, SECURITY},
    {"arraylength", "18 92 78", GLOBAL_BYTES, NULL},
    {"arraylength of an instance", "18 92 78", OWN_B, SECURITY},
    {"getfield_s", "18 85 03 78", OWN_B, NULL},
    {"getfield_s", "18 85 03 78", FOREIGN_B, SECURITY},
    {"getfield_s", "18 85 03 78", TEMPORARY_ENTRY, SECURITY},
    {"getfield_s of an array", "18 85 03 78", OWN_BYTES, SECURITY},
    {"getfield_s past the cells", "18 85 03 78", FOREIGN_EXCEPTION, SECURITY},
    {"getfield_s_this", "af 03 78", FOREIGN_B, SECURITY},
    {"getfield_i", "18 86 05 79", FOREIGN_B, SECURITY},
    {"putfield_s", "18 04 89 03 03 78", OWN_B, NULL},
    {"putfield_s", "18 04 89 03 03 78", FOREIGN_B, SECURITY},
    {"putfield_s_this", "04 b7 03 03 78", FOREIGN_B, SECURITY},
    {"putfield_s", "18 04 89 03 03 78", DANGLING, SECURITY},
    {"invokevirtual", "18 01 8b 0019 78", OWN_B, NULL},
    {"invokevirtual", "18 01 8b 0019 78", FOREIGN_B, SECURITY},
    {"invokevirtual", "18 01 8b 0019 78", TEMPORARY_ENTRY, NULL},
    {"invokevirtual", "18 01 8b 0019 78", GLOBAL_BYTES, NULL},
    {"invokevirtual", "18 01 8b 0019 78", DANGLING, SECURITY},
    {"invokevirtual of a method of another class", "18 03 8b 000b 78", OWN_BYTES, "fault"},
    {"invokespecial of an API constructor", "18 04 8c 001b 03 78", OWN_B, SECURITY},
    {"invokeinterface, shareable", "18 04 8e 02 000f 00 78", OWN_B, NULL},
    {"invokeinterface, shareable", "18 04 8e 02 000f 00 78", FOREIGN_B, NULL},
    {"invokeinterface, not implemented", "18 04 8e 02 000f 00 78", FOREIGN_EXCEPTION, SECURITY},
    {"invokeinterface, not shareable", "18 8e 01 001a 00 03 78", FOREIGN_B, SECURITY},
    {"invokeinterface of an array", "18 04 8e 02 000f 00 78", OWN_BYTES, "fault"},
    {"athrow", "18 93", FOREIGN_EXCEPTION, SECURITY},
    {"athrow of no exception", "18 93", OWN_B, SECURITY},
    {"athrow of no exception", "18 93", TEMPORARY_ENTRY, SECURITY},
    {"checkcast", "18 94 00 0010 03 78", OWN_B, NULL},
    {"checkcast", "18 94 00 0010 03 78", FOREIGN_B, SECURITY},
    {"checkcast", "18 94 00 0010 03 78", TEMPORARY_ENTRY, NULL},
    {"checkcast", "18 94 0b 0000 03 78", GLOBAL_BYTES, NULL},
    {"checkcast", "18 94 0b 0000 03 78", FOREIGN_BYTES, SECURITY},
    {"checkcast to a shareable interface", "18 94 00 000f 03 78", FOREIGN_B, NULL},
    {"checkcast to its class", "18 94 00 0012 03 78", FOREIGN_B, SECURITY},
    {"instanceof", "18 95 00 0010 78", FOREIGN_B, SECURITY},
    {"instanceof a shareable interface", "18 95 00 000f 78", FOREIGN_B, NULL},
    {"putstatic_a", "18 7f 0007 03 78", OWN_B, NULL},
    {"putstatic_a", "18 7f 0007 03 78", FOREIGN_B, NULL},
    {"putstatic_a", "18 7f 0007 03 78", GLOBAL_BYTES, SECURITY},
    {"putstatic_a", "18 7f 0007 03 78", TEMPORARY_ENTRY, SECURITY},
    {"putstatic_a", "18 7f 0007 03 78", PERMANENT_ENTRY, NULL},
    {"putfield_a", "8f 0001 18 87 02 03 78", GLOBAL_BYTES, SECURITY},
    {"putfield_a", "8f 0001 18 87 02 03 78", TEMPORARY_ENTRY, SECURITY},
    {"putfield_a", "8f 0001 18 87 02 03 78", PERMANENT_ENTRY, NULL},
    {"putfield_a_this", "8f 0001 2c 18 2e 19 2b 1b b5 02 03 78", GLOBAL_BYTES, SECURITY},
    {"aastore of it", "04 91 0010 03 18 37 03 78", OWN_BYTES, NULL},
    {"aastore of it", "04 91 0010 03 18 37 03 78", GLOBAL_BYTES, SECURITY},
    {"aastore of it", "04 91 0010 03 18 37 03 78", TEMPORARY_ENTRY, SECURITY},
    {"aastore of it", "04 91 0010 03 18 37 03 78", DANGLING, SECURITY},
};

static void make_objects(struct test_chip *c, mm_ref refs[OBJECT_N])
{
    const struct mm_class *b = mm_package_class(mm_package_get(c->vm, TEST_PACKAGE), CLASS_B);
    const struct mm_class *e = mm_rom_find(c->vm, "java/lang/ArithmeticException");
    struct mm_vm *vm = c->vm;

    assert_int_equal(
        mm_comp_add(c->nvm, TEST_APPLET_2, MM_COMP_APPLET, &(struct mm_aid){5, {0xF2}}), MM_OK);
    assert_int_equal(mm_comp_add(c->nvm, 77, MM_COMP_APPLET, &(struct mm_aid){5, {0xF3}}), MM_OK);
    mm_vm_applet_bind(vm, TEST_APPLET_2, FOREIGN_CONTEXT);
    refs[OWN_B] = mm_heap_new(vm, 1, b, b->cells, MM_PERSISTENT, TEST_APPLET);
    refs[FOREIGN_B] = mm_heap_new(vm, 1, b, b->cells, MM_PERSISTENT, TEST_APPLET_2);
    refs[OWN_BYTES] = mm_heap_new(vm, 11, NULL, 4, MM_PERSISTENT, TEST_APPLET);
    refs[FOREIGN_BYTES] = mm_heap_new(vm, 11, NULL, 4, MM_PERSISTENT, TEST_APPLET_2);
    refs[FOREIGN_REFS] = mm_heap_new(vm, 14, vm->object_class, 4, MM_PERSISTENT, TEST_APPLET_2);
    refs[GLOBAL_BYTES] = mm_vm_new_global_array(vm, 11, 4);
    refs[TEMPORARY_ENTRY] = mm_vm_new_entry_point(vm, "javacard/framework/APDU", true);
    refs[PERMANENT_ENTRY] = mm_vm_new_entry_point(vm, "javacard/framework/AID", false);
    refs[JCRE_BYTES] = mm_heap_new(vm, 11, NULL, 4, MM_PERSISTENT, 0);
    refs[FOREIGN_EXCEPTION] = mm_heap_new(vm, 1, e, e->cells, MM_PERSISTENT, TEST_APPLET_2);
    refs[NOBODYS_BYTES] = mm_heap_new(vm, 11, NULL, 4, MM_PERSISTENT, 77);
    refs[DANGLING] = 0xFFFF;
    for (size_t i = 0; i < OBJECT_N; i++)
        assert_int_not_equal(refs[i], MM_REF_NULL);
}

static const char *outcome(const struct test_chip *c, enum mm_run run)
{
    if (run == MM_RUN_OK)
        return "returned";
    return run == MM_RUN_FAULT ? "fault" : strrchr(mm_vm_exception(c->vm)->class_name, '/') + 1;
}

static void run_row(const struct row *r, enum mm_run (*interp)(struct mm_vm *, size_t))
{
    uint8_t code[64];
    struct test_code t = {
        .code = code, .len = sizeof(code), .max_stack = 8, .args = 2, .max_locals = 4};
    uint16_t ret[2];
    mm_ref refs[OBJECT_N];
    struct test_chip c;
    struct mm_err err = {.text = ""};
    const char *got;

    assert_int_equal(mm_unhex(r->hex, code, &t.len), MM_OK);
    chip_open(&c, 1000);
    c.vm->interp = interp;
    if (code_load(&c, &t, &err) != MM_OK)
        fail_msg("%s: %s", r->what, err.text);
    make_objects(&c, refs);
    got = outcome(&c, code_run(&c, &t, TEST_PACKAGE, (uint16_t[2]){refs[r->object], 0}, ret));
    if (strcmp(got, r->throws != NULL ? r->throws : "returned") != 0)
        fail_msg("%s on object %d: %s", r->what, r->object, got);
    chip_close(&c);
}

static void vm_applies_every_row_of_the_firewall_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_row(&rows[i], mm_interp_goto);
        run_row(&rows[i], mm_interp_switch);
    }
}

/* Each way to use a reference, with each of the 65,536 values: no crash, nothing foreign changed. */
static void vm_survives_every_value_as_a_reference(void **state)
{
    static const char *const uses[] = {
        "18 03 25 78",
        "18 03 04 38 03 78",
        "18 85 03 78",
        "18 04 89 03 03 78",
        "18 92 78",
        "18 03 24 77",
        "18 03 19 37 03 78",
        "18 01 8b 0019 78",
        "18 04 8b 000b 78",
        "18 04 8e 02 000f 00 78",
        "18 94 00 0012 03 78",
        "18 95 0e 0012 78",
        "18 93",
        "18 04 8c 001b 03 78",
    };
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
        uint8_t code[64], before[MM_OBJECT_HEADER + 4];
        struct test_code t = {
            .code = code, .len = sizeof(code), .max_stack = 8, .args = 2, .max_locals = 4};
        mm_ref refs[OBJECT_N];
        struct test_chip c;

        assert_int_equal(mm_unhex(uses[i], code, &t.len), MM_OK);
        chip_open(&c, 1000);
        assert_int_equal(code_load(&c, &t, NULL), MM_OK);
        make_objects(&c, refs);
        memcpy(before, mm_rec_data(c.nvm, refs[FOREIGN_BYTES], &len), sizeof(before));
        for (uint32_t ref = 0; ref <= 0xFFFF; ref++) {
            uint16_t args[2] = {(uint16_t)ref, (uint16_t)(ref ^ 1)}, ret[2];
            (void)code_run(&c, &t, TEST_PACKAGE, args, ret);
        }
        assert_memory_equal(before, mm_rec_data(c.nvm, refs[FOREIGN_BYTES], &len), sizeof(before));
        chip_close(&c);
    }
}

static void vm_refuses_native_access_to_arrays_of_others(void **state)
{
    static const uint8_t code[] = {MM_OP_RETURN};
    struct test_code t = {.code = code, .len = 1, .args = 2};
    mm_ref refs[OBJECT_N];
    const uint8_t *data;
    struct test_chip c;

    (void)state;
    chip_open(&c, 0);
    assert_int_equal(code_load(&c, &t, NULL), MM_OK);
    make_objects(&c, refs);
    c.vm->ctx = TEST_PACKAGE; /* as inside a native that the applet called */
    c.vm->owner = TEST_APPLET;
    assert_int_equal(mm_vm_bytes(c.vm, refs[OWN_BYTES], 1, 3, &data), MM_RUN_OK);
    assert_int_equal(mm_vm_bytes(c.vm, refs[GLOBAL_BYTES], 0, 4, &data), MM_RUN_OK);
    assert_int_equal(mm_vm_bytes(c.vm, refs[FOREIGN_BYTES], 0, 1, &data), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(c.vm)->class_name, "java/lang/SecurityException");
    assert_int_equal(mm_vm_bytes(c.vm, 0, 0, 1, &data), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(c.vm)->class_name, "java/lang/NullPointerException");
    for (int i = 0; i < 4; i++) {
        static const int32_t range[4][2] = {{-1, 1}, {0, -1}, {3, 2}, {5, 0}};
        assert_int_equal(mm_vm_bytes(c.vm, refs[OWN_BYTES], range[i][0], range[i][1], &data),
                         MM_RUN_THROWN);
        assert_string_equal(mm_vm_exception(c.vm)->class_name,
                            "java/lang/ArrayIndexOutOfBoundsException");
    }
    chip_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vm_applies_every_row_of_the_firewall_table),
        cmocka_unit_test(vm_survives_every_value_as_a_reference),
        cmocka_unit_test(vm_refuses_native_access_to_arrays_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
