/*
 * Array arguments, each in turn: null, another context's, and ranges outside of the array
 * (JCRE 3.0.5, 6.2.8.2; what the methods' documentation says of them).
 */
#include "test/unit/api_fixture.h"

#include "applet_vm/vm/vm_int.h"

#define FW       "javacard/framework/"
#define TLV      "javacardx/framework/tlv/"
#define INDEX    "java/lang/ArrayIndexOutOfBoundsException"
#define NULLED   "java/lang/NullPointerException"
#define SECURITY "java/lang/SecurityException"

#define OTHER_APPLET  (API_APPLET + 1)
#define OTHER_PACKAGE 9

/* Arguments that stand for an object. */
enum {
    GOOD = 0x10000,
    SHORTS,
    AID,
    CHANNEL,
    PIN,
    ENTRY,
    HMAC,
    PRIMITIVE,
    CONSTRUCTED,
    OWN,
    OBJECT_END
};

/* Natives run as applet code would: in the context of its package. */
static void as_applet(bool yes)
{
    chip.vm->ctx = yes ? API_PACKAGE : 0;
    chip.vm->owner = yes ? API_APPLET : 0;
}

/* ---- Byte arrays with an offset ---- */

/* clang-format off */
static const struct row {
    mm_native fn;
    int args[8]; /* a call that is good as far as its arrays go */
    uint8_t at, off; /* which argument is the array, and which its offset */
    bool null_allowed;
} rows[] = {
    {mm_n_aid_init, {AID, GOOD, 0, 5}, 1, 2, false},
    {mm_n_aid_get_bytes, {AID, GOOD, 0}, 1, 2, false},
    {mm_n_aid_get_partial, {AID, 0, GOOD, 0, 5}, 2, 3, false},
    {mm_n_aid_equals_bytes, {AID, GOOD, 0, 5}, 1, 2, true}, /* null is equal to nothing */
    {mm_n_aid_partial_equals, {AID, GOOD, 0, 5}, 1, 2, true},
    {mm_n_util_array_copy, {GOOD, 0, GOOD, 0, 4}, 0, 1, false},
    {mm_n_util_array_copy, {GOOD, 0, GOOD, 0, 4}, 2, 3, false},
    {mm_n_util_array_copy_non_atomic, {GOOD, 0, GOOD, 0, 4}, 0, 1, false},
    {mm_n_util_array_copy_non_atomic, {GOOD, 0, GOOD, 0, 4}, 2, 3, false},
    {mm_n_util_array_fill, {GOOD, 0, 4, 1}, 0, 1, false},
    {mm_n_util_array_fill_non_atomic, {GOOD, 0, 4, 1}, 0, 1, false},
    {mm_n_util_array_compare, {GOOD, 0, GOOD, 0, 4}, 0, 1, false},
    {mm_n_util_array_compare, {GOOD, 0, GOOD, 0, 4}, 2, 3, false},
    {mm_n_util_get_short, {GOOD, 0}, 0, 1, false},
    {mm_n_util_set_short, {GOOD, 0, 1}, 0, 1, false},
    {mm_n_sys_lookup_aid, {GOOD, 0, 5}, 0, 1, false},
    {mm_n_pin_update, {PIN, GOOD, 0, 4}, 1, 2, false},
    {mm_n_jcint_get, {GOOD, 0}, 0, 1, false},
    {mm_n_jcint_set, {GOOD, 0, 1, 2}, 0, 1, false},
    {mm_n_hmac_set_key, {HMAC, GOOD, 0, 8}, 1, 2, false},
    {mm_n_bcd_to_hex, {GOOD, 0, 2, GOOD, 8}, 0, 1, false},
    {mm_n_bcd_to_hex, {GOOD, 0, 2, GOOD, 8}, 3, 4, false},
    {mm_n_bcd_to_bcd, {GOOD, 0, 2, GOOD, 8}, 0, 1, false},
    {mm_n_bcd_to_bcd, {GOOD, 0, 2, GOOD, 8}, 3, 4, false},
    {mm_n_bcd_is_bcd, {GOOD, 0, 2}, 0, 1, false},
    {mm_n_parity_set, {GOOD, 0, 2, 1}, 0, 1, false},
    {mm_n_string_count, {GOOD, 0, 4}, 0, 1, false},
    {mm_n_string_at, {GOOD, 0, 4, 0, GOOD, 8}, 0, 1, false},
    {mm_n_string_at, {GOOD, 0, 4, 0, GOOD, 8}, 4, 5, false},
    {mm_n_string_before, {GOOD, 0, 4, 1, GOOD, 8}, 0, 1, false},
    {mm_n_string_before, {GOOD, 0, 4, 1, GOOD, 8}, 4, 5, false},
    {mm_n_string_offset, {GOOD, 0, 4, 0, 1}, 0, 1, false},
    {mm_n_string_compare, {1, GOOD, 0, 4, GOOD, 8, 4}, 1, 2, false},
    {mm_n_string_compare, {1, GOOD, 0, 4, GOOD, 8, 4}, 4, 5, false},
    {mm_n_string_index_of, {GOOD, 0, 4, GOOD, 8, 2}, 0, 1, false},
    {mm_n_string_index_of, {GOOD, 0, 4, GOOD, 8, 2}, 3, 4, false},
    {mm_n_string_lower, {GOOD, 0, 2, GOOD, 8}, 0, 1, false},
    {mm_n_string_lower, {GOOD, 0, 2, GOOD, 8}, 3, 4, false},
    {mm_n_string_upper, {GOOD, 0, 2, GOOD, 8}, 0, 1, false},
    {mm_n_string_upper, {GOOD, 0, 2, GOOD, 8}, 3, 4, false},
    {mm_n_string_trim, {GOOD, 0, 4, GOOD, 8}, 0, 1, false},
    {mm_n_string_of_boolean, {1, GOOD, 0}, 1, 2, false},
    {mm_n_string_parse_boolean, {GOOD, 0, 4}, 0, 1, false},
    {mm_n_string_of_short, {5, GOOD, 0}, 1, 2, false},
    {mm_n_string_parse_short, {GOOD, 0, 4}, 0, 1, false},
    {mm_n_string_of_shorts, {SHORTS, GOOD, 0}, 1, 2, false},
    {mm_n_string_parse_long, {GOOD, 0, 4, SHORTS, 0}, 0, 1, false},
    {mm_n_string_convert_to, {GOOD, 0, 2, GOOD, 8, 1}, 0, 1, false},
    {mm_n_string_convert_to, {GOOD, 0, 2, GOOD, 8, 1}, 3, 4, false},
    {mm_n_string_convert_from, {GOOD, 0, 2, GOOD, 8, 1}, 0, 1, false},
    {mm_n_string_convert_from, {GOOD, 0, 2, GOOD, 8, 1}, 3, 4, false},
    {mm_n_string_check, {GOOD, 0, 4}, 0, 1, false},
    {mm_n_string_starts_with, {GOOD, 0, 4, GOOD, 8, 2, 0}, 0, 1, false},
    {mm_n_string_starts_with, {GOOD, 0, 4, GOOD, 8, 2, 0}, 3, 4, false},
    {mm_n_string_ends_with, {GOOD, 0, 4, GOOD, 8, 2, 0}, 0, 1, false},
    {mm_n_string_ends_with, {GOOD, 0, 4, GOOD, 8, 2, 0}, 3, 4, false},
    {mm_n_string_substring, {GOOD, 0, 4, 0, 2, GOOD, 8}, 0, 1, false},
    {mm_n_string_substring, {GOOD, 0, 4, 0, 2, GOOD, 8}, 5, 6, false},
    {mm_n_bertag_primitive_init_bytes, {PRIMITIVE, GOOD, 0}, 1, 2, false},
    {mm_n_bertag_constructed_init_bytes, {CONSTRUCTED, GOOD, 0}, 1, 2, false},
    {mm_n_cvm_update, {CHANNEL, GOOD, 0, 4, 1}, 1, 2, false},
    {mm_n_cvm_verify, {CHANNEL, GOOD, 0, 4, 1}, 1, 2, false},
    {mm_n_entry_get_privileges, {ENTRY, GOOD, 0}, 1, 2, false},
    {mm_n_sc_wrap, {CHANNEL, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_unwrap, {CHANNEL, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_decrypt_data, {CHANNEL, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_encrypt_data, {CHANNEL, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_process_security_bytes, {CHANNEL, GOOD, 0, 8, 0}, 1, 2, false},
    {mm_n_cl_launch, {GOOD, 0, 4}, 0, 1, false},
    {mm_n_scp_create, {5, GOOD, 0, 3, 0x10}, 1, 2, false},
    {mm_n_scp_set_master_bytes, {OWN, GOOD, 0, 16, 15, 1}, 1, 2, false},
    {mm_n_scp_set_parameter, {OWN, 11, GOOD, 0, 10}, 2, 3, false},
    {mm_n_sc_wrap, {OWN, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_unwrap, {OWN, GOOD, 0, 8}, 1, 2, false},
    {mm_n_sc_decrypt_data, {OWN, GOOD, 0, 16}, 1, 2, false},
    {mm_n_sc_encrypt_data, {OWN, GOOD, 0, 16}, 1, 2, false},
    {mm_n_scp_process_security, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_process_security, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_update_wrap, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_update_wrap, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_update_unwrap, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_update_unwrap, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_final_unwrap, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_final_unwrap, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_update_encrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_update_encrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_final_encrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_final_encrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_update_decrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_update_decrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_final_decrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 1, 2, false},
    {mm_n_scp_final_decrypt, {OWN, GOOD, 0, 8, GOOD, 8}, 4, 5, false},
    {mm_n_scp_final_wrap, {OWN, GOOD, 0, 8, 0, GOOD, 8}, 1, 2, false},
    {mm_n_scp_final_wrap, {OWN, GOOD, 0, 8, 0, GOOD, 8}, 5, 6, false},
};
/* clang-format on */
#define ROW_N (sizeof(rows) / sizeof(rows[0]))

static bool no_entry(void *ctx, mm_comp entry, struct mm_gp_registered *out)
{
    (void)ctx, (void)entry, (void)out;
    return false;
}

static mm_ref objects[OBJECT_END - GOOD];

static void make_objects(void)
{
    for (mm_comp applet = API_APPLET; applet <= OTHER_APPLET; applet++) {
        const struct mm_aid aid = {5, {0xF2, (uint8_t)applet}};

        assert_int_equal(mm_comp_add(chip.nvm, applet, MM_COMP_APPLET, &aid), MM_OK);
        mm_vm_applet_bind(chip.vm, applet, applet == API_APPLET ? API_PACKAGE : OTHER_PACKAGE);
    }
    chip.gp.entry_get = no_entry;
    chip.gp.channel.encrypt_data = gp_turn;
    objects[GOOD - GOOD] = ok(mm_n_sys_make_global_array, 2, 2, 32);
    objects[SHORTS - GOOD] = ok(mm_n_sys_make_global_array, 2, 3, 4); /* a long */
    objects[AID - GOOD] = mm_vm_new_instance(chip.vm, FW "AID");
    (void)ok(mm_n_aid_init, 4, objects[AID - GOOD], bytes_new("F0000", 5), 0, 5);
    objects[CHANNEL - GOOD] = ok(mm_n_gp_secure_channel, 0);
    objects[PIN - GOOD] = ok(mm_n_pin_build, 3, 3, 8, 1);
    objects[ENTRY - GOOD] = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry");
    objects[HMAC - GOOD] = ok(mm_n_key_build, 3, 21, 64, 0);
    objects[PRIMITIVE - GOOD] = mm_vm_new_instance(chip.vm, TLV "PrimitiveBERTag");
    objects[OWN - GOOD] = ok(mm_n_scp_create, 5, 5, hex_new("800170"), 0, 3, 0x10);
    objects[CONSTRUCTED - GOOD] = mm_vm_new_instance(chip.vm, TLV "ConstructedBERTag");
    for (int i = 0; i < OBJECT_END - GOOD; i++)
        assert_int_not_equal(objects[i], MM_REF_NULL);
}

/* The row's call with another array and offset. */
static void row_throws(const char *class_name, const struct row *r, mm_ref array, int off)
{
    int a[8];

    for (size_t i = 0; i < 8; i++)
        a[i] = r->args[i] >= GOOD ? objects[r->args[i] - GOOD] : r->args[i];
    a[r->at] = array;
    a[r->off] = off;
    throws(class_name, 0, r->fn, 8, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
}

static void arrays_that_are_null_are_refused(void **state)
{
    (void)state;
    make_objects();
    for (size_t i = 0; i < ROW_N; i++) {
        if (!rows[i].null_allowed)
            row_throws(NULLED, &rows[i], MM_REF_NULL, 0);
    }
}

static void ranges_outside_of_the_array_are_refused(void **state)
{
    (void)state;
    make_objects();
    for (size_t i = 0; i < ROW_N; i++) {
        row_throws(INDEX, &rows[i], objects[0], -1);
        row_throws(INDEX, &rows[i], objects[0], 33);
    }
}

/* One that is the JCRE's and not designated for applets, another applet's, and one that is not of
 * bytes. */
static void arrays_of_another_context_are_refused(void **state)
{
    mm_ref jcres = bytes_new(NULL, 32), other;

    (void)state;
    make_objects();
    other = mm_heap_new(chip.vm, MM_TYPE_BYTE_ARRAY, NULL, 32, MM_CLEAR_ON_RESET, OTHER_APPLET);
    as_applet(true);
    for (size_t i = 0; i < ROW_N; i++) {
        row_throws(SECURITY, &rows[i], jcres, 0);
        row_throws(SECURITY, &rows[i], other, 0);
        row_throws(SECURITY, &rows[i], objects[SHORTS - GOOD], 0);
    }
}

/* Objects of org.globalplatform are shareable, so their methods run in the JCRE's context, which may
 * touch everything; the applet that called may not. */
static void shareable_methods_touch_their_callers_arrays_only(void **state)
{
    mm_ref other, own;

    (void)state;
    make_objects();
    other = mm_heap_new(chip.vm, MM_TYPE_BYTE_ARRAY, NULL, 32, MM_CLEAR_ON_RESET, OTHER_APPLET);
    own = mm_heap_new(chip.vm, MM_TYPE_BYTE_ARRAY, NULL, 32, MM_CLEAR_ON_RESET, API_APPLET);
    chip.vm->previous = API_APPLET;
    for (size_t i = 0; i < ROW_N; i++) {
        if (rows[i].args[0] == CHANNEL || rows[i].args[0] == ENTRY || rows[i].args[0] == OWN)
            row_throws(SECURITY, &rows[i], other, 0);
    }
    (void)ok(mm_n_sc_unwrap, 4, objects[CHANNEL - GOOD], own, 0, 8);
    (void)ok(mm_n_entry_get_privileges, 3, objects[ENTRY - GOOD], own, 0);
    /* a CVM takes its values in global arrays only */
    throws(SECURITY, 0, mm_n_cvm_verify, 5, objects[CHANNEL - GOOD], own, 0, 4, 1);
    throws(SECURITY, 0, mm_n_cvm_update, 5, objects[CHANNEL - GOOD], own, 0, 4, 1);
}

/* What is refused has not been begun: the destination is as it was. */
static void copies_that_are_refused_write_nothing(void **state)
{
    mm_ref from = bytes_new("abcdefgh", 8), to = bytes_new("12345678", 8);
    static const mm_native copies[] = {mm_n_util_array_copy, mm_n_util_array_copy_non_atomic};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        throws(INDEX, 0, copies[i], 5, from, 0, to, 4, 5);
        throws(INDEX, 0, copies[i], 5, from, 4, to, 0, 5);
        throws(INDEX, 0, copies[i], 5, from, 0, to, 0, -1);
        throws(NULLED, 0, copies[i], 5, 0, 0, to, 0, 4);
        assert_memory_equal(bytes_of(to), "12345678", 8);
    }
    throws(INDEX, 0, mm_n_util_array_fill, 4, to, 4, 5, 0);
    throws(INDEX, 0, mm_n_util_array_fill_non_atomic, 4, to, 4, 5, 0);
    throws(INDEX, 0, mm_n_util_set_short, 3, to, 7, 0);
    throws(INDEX, 0, mm_n_jcint_set, 4, to, 5, 0, 0);
    assert_memory_equal(bytes_of(to), "12345678", 8);
}

/* ---- Objects ---- */

static mm_ref aid_of(mm_comp owner)
{
    mm_ref aid;

    chip.vm->owner = owner;
    aid = mm_vm_new_instance(chip.vm, FW "AID");
    (void)ok(mm_n_aid_init, 4, aid, objects[0], 0, 5);
    chip.vm->owner = 0;
    return aid;
}

static void objects_of_another_context_are_refused(void **state)
{
    mm_ref own, other, jcres;

    (void)state;
    make_objects();
    own = aid_of(API_APPLET);
    other = aid_of(OTHER_APPLET);
    jcres = aid_of(0); /* an entry point */
    assert_int_equal(ok(mm_n_aid_rid_equals, 2, own, other), 1);
    as_applet(true);
    assert_int_equal(ok(mm_n_aid_rid_equals, 2, own, 0), 0);
    assert_int_equal(ok(mm_n_aid_rid_equals, 2, own, jcres), 1);
    throws(SECURITY, 0, mm_n_aid_rid_equals, 2, own, other);
    assert_int_equal(ok(mm_n_aid_equals_object, 2, own, 0), 0);
    assert_int_equal(ok(mm_n_aid_equals_object, 2, own, jcres), 1);
    throws(SECURITY, 0, mm_n_aid_equals_object, 2, own, other);
    throws(SECURITY, 0, mm_n_sensitive_clear, 1, other);
    throws(SECURITY, 0, mm_n_scp_set_master_key, 3, objects[OWN - GOOD], other, 1);
    /* exported are objects of the caller's own */
    (void)ok(mm_n_remote_export, 1, own);
    throws_as("export(", SECURITY, 0, mm_n_remote_export, 1, other);
    throws_as("export(", SECURITY, 0, mm_n_remote_export, 1, jcres);
    throws(SECURITY, 0, mm_n_remote_unexport, 1, other);
    throws(SECURITY, 0, mm_n_remote_unexport, 1, jcres);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(arrays_that_are_null_are_refused),
        TEST(ranges_outside_of_the_array_are_refused),
        TEST(arrays_of_another_context_are_refused),
        TEST(shareable_methods_touch_their_callers_arrays_only),
        TEST(copies_that_are_refused_write_nothing),
        TEST(objects_of_another_context_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
