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
#define BUSY_APPLET     78 /* of the foreign context */

enum object {
    OWN_B,
    FOREIGN_B,   /* an instance of B owned by an applet of another context */
    ELSEWHERE_B, /* its applet is active on another channel, and for one channel only */
    OWN_BYTES,
    FOREIGN_BYTES,
    FOREIGN_SHORTS,
    FOREIGN_INTS,
    FOREIGN_REFS,
    RESET_BYTES, /* CLEAR_ON_RESET */
    FOREIGN_RESET_BYTES,
    SELECTED_BYTES, /* CLEAR_ON_DESELECT, while the context is the selected applet's */
    DESELECTED_BYTES,
    GLOBAL_BYTES,
    TEMPORARY_ENTRY, /* the APDU */
    PERMANENT_ENTRY,
    JCRE_BYTES, /* the JCRE's, not designated for applets */
    OWN_EXCEPTION,
    FOREIGN_EXCEPTION,
    ENTRY_EXCEPTION,
    FOREIGN_EVENT, /* implements an interface that is not shareable */
    NOBODYS_BYTES, /* owner not bound to a context */
    DANGLING,
    OBJECT_N
};
enum caller { APPLET, JCRE };
struct row {
    const char *rule; /* of firewall.def */
    const char *what;
    const char *hex;
    enum object object;
    enum caller caller;
    const char *throws; /* without the package java/lang; NULL: returns */
};

#define SECURITY "SecurityException"
#define THROWN   "ArithmeticException"
/* clang-format off */
static const struct row rows[] = {
    {"firewall static-call", "invokestatic", "1d 8d 000d 78", OWN_B, APPLET, NULL},
    {"firewall static-call", "invokespecial", "18 04 8c 000e 78", FOREIGN_B, APPLET, NULL},
    {"firewall transient-reset", "baload", "18 03 25 78", RESET_BYTES, APPLET, NULL},
    {"firewall transient-reset", "baload", "18 03 25 78", FOREIGN_RESET_BYTES, APPLET, SECURITY},
    {"firewall transient-deselect", "baload, selected", "18 03 25 78", SELECTED_BYTES, APPLET, NULL},
    {"firewall transient-deselect", "baload, not selected", "18 03 25 78", DESELECTED_BYTES, APPLET, SECURITY},
    {"firewall transient-deselect", "bastore, not selected", "18 03 04 38 03 78", DESELECTED_BYTES, APPLET, SECURITY},
    {"firewall transient-deselect", "arraylength, not selected", "18 92 78", DESELECTED_BYTES, APPLET, SECURITY},
    {"firewall static-jcre", "putstatic_a", "18 7f 0007 03 78", TEMPORARY_ENTRY, JCRE, NULL},
    {"firewall static-jcre", "putstatic_a", "18 7f 0007 03 78", GLOBAL_BYTES, JCRE, NULL},
    {"firewall static-temporary", "putstatic_a", "18 7f 0007 03 78", TEMPORARY_ENTRY, APPLET, SECURITY},
    {"firewall static-global", "putstatic_a", "18 7f 0007 03 78", GLOBAL_BYTES, APPLET, SECURITY},
    {"firewall static-other", "putstatic_a", "18 7f 0007 03 78", OWN_B, APPLET, NULL},
    {"firewall static-other", "putstatic_a", "18 7f 0007 03 78", FOREIGN_B, APPLET, NULL},
    {"firewall static-other", "putstatic_a", "18 7f 0007 03 78", PERMANENT_ENTRY, APPLET, NULL},
    {"firewall array-jcre", "baload", "18 03 25 78", FOREIGN_BYTES, JCRE, NULL},
    {"firewall array-jcre", "bastore", "18 03 04 38 03 78", FOREIGN_BYTES, JCRE, NULL},
    {"firewall array-jcre", "arraylength", "18 92 78", FOREIGN_BYTES, JCRE, NULL},
    {"firewall array-jcre", "checkcast", "18 94 0b 0000 03 78", FOREIGN_BYTES, JCRE, NULL},
    {"firewall array-jcre", "aastore of it", "04 91 0010 03 18 37 03 78", TEMPORARY_ENTRY, JCRE, NULL},
    {"firewall array-temporary", "aastore of it", "04 91 0010 03 18 37 03 78", TEMPORARY_ENTRY, APPLET, SECURITY},
    {"firewall array-store-global", "aastore of it", "04 91 0010 03 18 37 03 78", GLOBAL_BYTES, APPLET, SECURITY},
    {"firewall array-own", "baload", "18 03 25 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-own", "bastore", "18 03 04 38 03 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-own", "arraylength", "18 92 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-own", "checkcast", "18 94 0b 0000 03 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-own", "instanceof", "18 95 0b 0000 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-own", "aastore of it", "04 91 0010 03 18 37 03 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-global", "baload", "18 03 25 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-global", "bastore", "18 03 04 38 03 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-global", "arraylength", "18 92 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-global", "checkcast", "18 94 0b 0000 03 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-global", "instanceof", "18 95 0b 0000 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-other", "baload", "18 03 25 78", FOREIGN_BYTES, APPLET, SECURITY},
    {"firewall array-other", "baload", "18 03 25 78", JCRE_BYTES, APPLET, SECURITY},
    {"firewall array-other", "baload", "18 03 25 78", NOBODYS_BYTES, APPLET, SECURITY},
    {"firewall array-other", "baload", "18 03 25 78", DANGLING, APPLET, SECURITY},
    {"firewall array-other", "bastore", "18 03 04 38 03 78", FOREIGN_BYTES, APPLET, SECURITY},
    {"firewall array-other", "bastore", "18 03 04 38 03 78", JCRE_BYTES, APPLET, SECURITY},
    {"firewall array-other", "saload", "18 03 26 78", FOREIGN_SHORTS, APPLET, SECURITY},
    {"firewall array-other", "sastore", "18 03 04 39 03 78", FOREIGN_SHORTS, APPLET, SECURITY},
    {"firewall array-other", "iaload", "18 03 27 79", FOREIGN_INTS, APPLET, SECURITY},
    {"firewall array-other", "iastore", "18 03 0b 3a 03 78", FOREIGN_INTS, APPLET, SECURITY},
    {"firewall array-other", "aaload", "18 03 24 77", FOREIGN_REFS, APPLET, SECURITY},
    {"firewall array-other", "aastore", "18 03 01 37 03 78", FOREIGN_REFS, APPLET, SECURITY},
    {"firewall array-other", "arraylength", "18 92 78", FOREIGN_BYTES, APPLET, SECURITY},
    {"firewall array-other", "checkcast", "18 94 0b 0000 03 78", FOREIGN_BYTES, APPLET, SECURITY},
    {"firewall array-other", "instanceof", "18 95 0b 0000 78", FOREIGN_BYTES, APPLET, SECURITY},
    {"firewall field-jcre", "getfield_s", "18 85 03 78", FOREIGN_B, JCRE, NULL},
    {"firewall field-jcre", "putfield_s", "18 04 89 03 03 78", FOREIGN_B, JCRE, NULL},
    {"firewall field-temporary", "putfield_a", "8f 0001 18 87 02 03 78", TEMPORARY_ENTRY, APPLET, SECURITY},
    {"firewall field-global", "putfield_a", "8f 0001 18 87 02 03 78", GLOBAL_BYTES, APPLET, SECURITY},
    {"firewall field-global", "putfield_a_this", "8f 0001 2c 18 2e 19 2b 1b b5 02 03 78", GLOBAL_BYTES, APPLET, SECURITY},
    {"firewall field-own", "getfield_s", "18 85 03 78", OWN_B, APPLET, NULL},
    {"firewall field-own", "putfield_s", "18 04 89 03 03 78", OWN_B, APPLET, NULL},
    {"firewall field-own", "putfield_a", "8f 0001 18 87 02 03 78", PERMANENT_ENTRY, APPLET, NULL},
    {"firewall field-other", "getfield_s", "18 85 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "getfield_s", "18 85 03 78", TEMPORARY_ENTRY, APPLET, SECURITY},
    {"firewall field-other", "getfield_s", "18 85 03 78", PERMANENT_ENTRY, APPLET, SECURITY},
    {"firewall field-other", "getfield_s_this", "af 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "getfield_b", "18 84 04 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "getfield_i", "18 86 05 79", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "getfield_a", "18 83 02 77", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "putfield_s", "18 04 89 03 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "putfield_s_this", "04 b7 03 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall field-other", "putfield_s", "18 04 89 03 03 78", DANGLING, APPLET, SECURITY},
    {"firewall virtual-own", "invokevirtual", "18 01 8b 0019 78", OWN_B, APPLET, NULL},
    {"firewall virtual-entry", "invokevirtual", "18 01 8b 0019 78", TEMPORARY_ENTRY, APPLET, NULL},
    {"firewall virtual-entry", "invokevirtual", "18 01 8b 0019 78", PERMANENT_ENTRY, APPLET, NULL},
    {"firewall virtual-jcre", "invokevirtual", "18 01 8b 0019 78", FOREIGN_B, JCRE, NULL},
    {"firewall virtual-other", "invokevirtual", "18 01 8b 0019 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall virtual-other", "invokevirtual", "18 01 8b 0019 78", DANGLING, APPLET, SECURITY},
    {"firewall interface-own", "invokeinterface, not implemented", "18 8e 01 001a 00 03 78", OWN_B, APPLET, "ClassCastException"},
    {"firewall interface-entry", "invokeinterface", "18 8e 01 001a 00 03 78", PERMANENT_ENTRY, APPLET, NULL},
    {"firewall interface-jcre", "invokeinterface", "18 8e 01 001a 00 03 78", PERMANENT_ENTRY, JCRE, NULL},
    {"firewall interface-other", "invokeinterface", "18 8e 01 001a 00 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall interface-other", "invokeinterface", "18 8e 01 001a 00 03 78", FOREIGN_EVENT, APPLET, SECURITY},
    {"firewall shareable-own", "invokeinterface", "18 04 8e 02 000f 00 78", OWN_B, APPLET, NULL},
    {"firewall shareable-elsewhere", "invokeinterface", "18 04 8e 02 000f 00 78", ELSEWHERE_B, APPLET, SECURITY},
    {"firewall shareable-other", "invokeinterface", "18 04 8e 02 000f 00 78", FOREIGN_B, APPLET, NULL},
    {"firewall shareable-jcre", "invokeinterface", "18 04 8e 02 000f 00 78", ELSEWHERE_B, JCRE, NULL},
    {"firewall shareable-not", "invokeinterface", "18 04 8e 02 000f 00 78", FOREIGN_EXCEPTION, APPLET, SECURITY},
    {"firewall throw-own", "athrow", "18 93", OWN_EXCEPTION, APPLET, THROWN},
    {"firewall throw-entry", "athrow", "18 93", ENTRY_EXCEPTION, APPLET, THROWN},
    {"firewall throw-jcre", "athrow", "18 93", FOREIGN_EXCEPTION, JCRE, THROWN},
    {"firewall throw-other", "athrow", "18 93", FOREIGN_EXCEPTION, APPLET, SECURITY},
    {"firewall throw-other", "athrow of no exception", "18 93", OWN_B, APPLET, SECURITY},
    {"firewall throw-other", "athrow of no exception", "18 93", TEMPORARY_ENTRY, APPLET, SECURITY},
    {"firewall class-own", "checkcast", "18 94 00 0010 03 78", OWN_B, APPLET, NULL},
    {"firewall class-own", "instanceof", "18 95 00 0012 78", OWN_B, APPLET, NULL},
    {"firewall class-entry", "checkcast", "18 94 00 0010 03 78", TEMPORARY_ENTRY, APPLET, NULL},
    {"firewall class-jcre", "checkcast", "18 94 00 0012 03 78", FOREIGN_B, JCRE, NULL},
    {"firewall class-other", "checkcast", "18 94 00 0010 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall class-other", "checkcast to its class", "18 94 00 0012 03 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall class-other", "instanceof", "18 95 00 0010 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall cast-interface-own", "instanceof", "18 95 00 001a 78", OWN_B, APPLET, NULL},
    {"firewall cast-interface-entry", "checkcast", "18 94 00 001a 03 78", PERMANENT_ENTRY, APPLET, NULL},
    {"firewall cast-interface-jcre", "instanceof", "18 95 00 001a 78", FOREIGN_EVENT, JCRE, NULL},
    {"firewall cast-interface-other", "checkcast", "18 94 00 001a 03 78", FOREIGN_EVENT, APPLET, SECURITY},
    {"firewall cast-interface-other", "instanceof", "18 95 00 001a 78", FOREIGN_B, APPLET, SECURITY},
    {"firewall cast-shareable-own", "checkcast", "18 94 00 000f 03 78", OWN_B, APPLET, NULL},
    {"firewall cast-shareable-other", "checkcast", "18 94 00 000f 03 78", FOREIGN_B, APPLET, NULL},
    {"firewall cast-shareable-other", "instanceof", "18 95 00 000f 78", FOREIGN_B, APPLET, NULL},
    {"firewall cast-shareable-not", "instanceof", "18 95 00 000f 78", PERMANENT_ENTRY, APPLET, SECURITY},
    {"firewall cast-shareable-jcre", "instanceof", "18 95 00 000f 78", FOREIGN_EXCEPTION, JCRE, NULL},
    {"firewall cast-shareable-not", "checkcast", "18 94 00 000f 03 78", FOREIGN_EXCEPTION, APPLET, SECURITY},
    {"firewall array-method-own", "invokevirtual", "18 01 8b 0019 78", OWN_BYTES, APPLET, NULL},
    {"firewall array-method-global", "invokevirtual", "18 01 8b 0019 78", GLOBAL_BYTES, APPLET, NULL},
    {"firewall array-method-jcre", "invokevirtual", "18 01 8b 0019 78", FOREIGN_BYTES, JCRE, NULL},
    {"firewall array-method-other", "invokevirtual", "18 01 8b 0019 78", FOREIGN_BYTES, APPLET, SECURITY},
};
/* clang-format on */
/* What no rule speaks of, because type-safe code does not do it. */
static const struct row hostile[] = {
    {NULL, "baload of an instance", "18 03 25 78", OWN_B, APPLET, SECURITY},
    {NULL, "baload past the end", "18 10 64 25 78", GLOBAL_BYTES, APPLET,
     "ArrayIndexOutOfBoundsException"},
    {NULL, "saload of a byte array", "18 03 26 78", OWN_BYTES, APPLET, SECURITY},
    {NULL, "saload of a global byte array", "18 03 26 78", GLOBAL_BYTES, APPLET, SECURITY},
    {NULL, "iaload of a byte array", "18 03 27 79", OWN_BYTES, APPLET, SECURITY},
    {NULL, "aaload of a byte array", "18 03 24 77", OWN_BYTES, APPLET, SECURITY},
    {NULL, "arraylength of an instance", "18 92 78", OWN_B, APPLET, SECURITY},
    {NULL, "getfield_s of an array", "18 85 03 78", OWN_BYTES, APPLET, SECURITY},
    {NULL, "getfield_s past the cells", "18 85 03 78", FOREIGN_EXCEPTION, APPLET, SECURITY},
    {NULL, "invokevirtual of another class", "18 03 8b 000b 78", OWN_BYTES, APPLET, "fault"},
    {NULL, "invokespecial of an API constructor", "18 04 8c 001b 03 78", OWN_B, APPLET, SECURITY},
    {NULL, "invokeinterface of an array", "18 04 8e 02 000f 00 78", OWN_BYTES, APPLET, "ClassCastException"},
    {NULL, "aastore of it", "04 91 0010 03 18 37 03 78", DANGLING, APPLET, SECURITY},
};

/* Rules that need a card to be seen. */
static const char *const elsewhere[] = {"transient-create"}; /* test_card_channels.c */

static bool is_elsewhere(void *ctx, mm_comp owner)
{
    (void)ctx;
    return owner == BUSY_APPLET;
}

static mm_ref bytes_of(struct mm_vm *vm, enum mm_transient transient, mm_comp owner)
{
    return mm_heap_new(vm, 11, NULL, 4, transient, owner);
}

static void make_objects(struct test_chip *c, mm_ref refs[OBJECT_N])
{
    const struct mm_class *b = mm_package_class(mm_package_get(c->vm, TEST_PACKAGE), CLASS_B);
    const struct mm_class *e = mm_rom_find(c->vm, "java/lang/ArithmeticException");
    const struct mm_class *event = mm_rom_find(c->vm, "javacard/framework/AID");
    static const mm_comp applets[] = {TEST_APPLET_2, BUSY_APPLET, 77};
    struct mm_vm *vm = c->vm;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mm_comp_add(c->nvm, applets[i], MM_COMP_APPLET,
                                     &(struct mm_aid){5, {0xF2, (uint8_t)i}}),
                         MM_OK);
    c->services.applet_elsewhere = is_elsewhere;
    mm_vm_applet_bind(vm, TEST_APPLET_2, FOREIGN_CONTEXT);
    mm_vm_applet_bind(vm, BUSY_APPLET, FOREIGN_CONTEXT);
    refs[OWN_B] = mm_heap_new(vm, 1, b, b->cells, MM_PERSISTENT, TEST_APPLET);
    refs[FOREIGN_B] = mm_heap_new(vm, 1, b, b->cells, MM_PERSISTENT, TEST_APPLET_2);
    refs[ELSEWHERE_B] = mm_heap_new(vm, 1, b, b->cells, MM_PERSISTENT, BUSY_APPLET);
    refs[OWN_BYTES] = bytes_of(vm, MM_PERSISTENT, TEST_APPLET);
    refs[FOREIGN_BYTES] = bytes_of(vm, MM_PERSISTENT, TEST_APPLET_2);
    refs[FOREIGN_SHORTS] = mm_heap_new(vm, 12, NULL, 4, MM_PERSISTENT, TEST_APPLET_2);
    refs[FOREIGN_INTS] = mm_heap_new(vm, 13, NULL, 4, MM_PERSISTENT, TEST_APPLET_2);
    refs[FOREIGN_REFS] = mm_heap_new(vm, 14, vm->object_class, 4, MM_PERSISTENT, TEST_APPLET_2);
    refs[RESET_BYTES] = bytes_of(vm, MM_CLEAR_ON_RESET, TEST_APPLET);
    refs[FOREIGN_RESET_BYTES] = bytes_of(vm, MM_CLEAR_ON_RESET, TEST_APPLET_2);
    refs[SELECTED_BYTES] = bytes_of(vm, MM_CLEAR_ON_DESELECT, TEST_APPLET);
    refs[DESELECTED_BYTES] = bytes_of(vm, MM_CLEAR_ON_DESELECT, TEST_APPLET);
    refs[GLOBAL_BYTES] = mm_vm_new_global_array(vm, 11, 4);
    refs[TEMPORARY_ENTRY] = mm_vm_new_entry_point(vm, "javacard/framework/APDU", true);
    refs[PERMANENT_ENTRY] = mm_vm_new_permanent(vm, "javacard/framework/AID");
    refs[JCRE_BYTES] = bytes_of(vm, MM_PERSISTENT, 0);
    refs[OWN_EXCEPTION] = mm_heap_new(vm, 1, e, e->cells, MM_PERSISTENT, TEST_APPLET);
    refs[FOREIGN_EXCEPTION] = mm_heap_new(vm, 1, e, e->cells, MM_PERSISTENT, TEST_APPLET_2);
    refs[ENTRY_EXCEPTION] = mm_vm_new_entry_point(vm, "java/lang/ArithmeticException", true);
    refs[FOREIGN_EVENT] = mm_heap_new(vm, 1, event, event->cells, MM_PERSISTENT, TEST_APPLET_2);
    refs[NOBODYS_BYTES] = bytes_of(vm, MM_PERSISTENT, 77);
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
    mm_heap_select(c.vm, r->object == DESELECTED_BYTES ? FOREIGN_CONTEXT : TEST_PACKAGE);
    got = outcome(&c, code_run(&c, &t, r->caller == JCRE ? 0 : TEST_PACKAGE,
                               (uint16_t[2]){refs[r->object], 0}, ret));
    if (strcmp(got, r->throws != NULL ? r->throws : "returned") != 0)
        fail_msg("%s: %s on object %d: %s", r->rule != NULL ? r->rule : "", r->what, r->object,
                 got);
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

static void vm_refuses_what_type_safe_code_does_not_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        run_row(&hostile[i], mm_interp_goto);
        run_row(&hostile[i], mm_interp_switch);
    }
}

static bool in_tables(const char *rule)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].rule + strlen("firewall "), rule) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        if (strcmp(elsewhere[i], rule) == 0)
            return true;
    }
    return false;
}

static void every_rule_of_the_firewall_has_a_row(void **state)
{
    static const char *const rules[] = {
#define MM_FIREWALL(id, clause, text) id,
#include "applet_vm/vm/firewall.def"
#undef MM_FIREWALL
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (!in_tables(rules[i]))
            fail_msg("no row for %s", rules[i]);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(rules[i], rules[k]);
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
        cmocka_unit_test(vm_refuses_what_type_safe_code_does_not_do),
        cmocka_unit_test(every_rule_of_the_firewall_has_a_row),
        cmocka_unit_test(vm_survives_every_value_as_a_reference),
        cmocka_unit_test(vm_refuses_native_access_to_arrays_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
