/* CAP files: what is read, and that every way of being wrong is refused with a reason. */
#include "applet_vm/cap/cap.h"
#include "test/unit/cap_seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ALL MM_CAP_COMPONENT_N

static struct mm_cap *read_ok(const uint8_t *data, size_t len)
{
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    if (mm_cap_read(data, len, &cap, &err) != MM_OK)
        fail_msg("%s", err.text);
    return cap;
}

/* The info bytes of a component in a copy of the seed. */
static uint8_t *component(uint8_t *lfdb, size_t len, unsigned tag)
{
    for (size_t off = 0; off < len; off += 3 + (size_t)mm_be16(lfdb + off + 1)) {
        if (lfdb[off] == tag)
            return lfdb + off + 3;
    }
    return NULL;
}

/* Change one byte of a component and expect a refusal that says what. */
static void refused_with(unsigned tag, size_t off, uint8_t value, const char *what)
{
    uint8_t copy[sizeof(cap_seed)];
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    memcpy(copy, cap_seed, sizeof(copy));
    component(copy, sizeof(copy), tag)[off] = value;
    assert_int_not_equal(mm_cap_read(copy, sizeof(copy), &cap, &err), MM_OK);
    assert_null(cap);
    if (strstr(err.text, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, what);
}

static void cap_read_tells_what_is_inside(void **state)
{
    static const uint8_t aid[] = {0xF0, 1, 2, 3, 4};
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    struct mm_cap_export ex;
    size_t len;

    (void)state;
    assert_int_equal(mm_cap_aid(cap)->len, 5);
    assert_memory_equal(mm_cap_aid(cap)->bytes, aid, 5);
    assert_int_equal(mm_cap_major(cap), 1);
    assert_int_equal(mm_cap_flags(cap), 0x06);
    assert_int_equal(mm_cap_import_n(cap), 2);
    assert_int_equal(mm_cap_applet_n(cap), 1);
    assert_int_equal(mm_cap_class_n(cap), 2);
    assert_int_equal(mm_cap_method_n(cap), 9);
    assert_int_equal(mm_cap_handler_n(cap), 7);
    assert_true(mm_cap_export(cap, 0, &ex));
    assert_int_equal(ex.class_off, mm_cap_class(cap, 0)->off);
    assert_int_equal(mm_cap_class(cap, 0)->flags, MM_CAP_ACC_INTERFACE | MM_CAP_ACC_SHAREABLE);
    assert_int_equal(mm_cap_statics(cap)->array_init_n, 2);
    assert_int_equal(mm_cap_method_at(cap, mm_cap_applet(cap, 0)->install_off)->nargs, 3);
    assert_memory_equal(mm_cap_lfdb(cap, &len), cap_seed, sizeof(cap_seed));
    assert_int_equal(len, sizeof(cap_seed));
    mm_cap_free(&cap);
    assert_null(cap);
}

static void cap_class_lists_its_interfaces_with_their_methods(void **state)
{
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    const struct mm_cap_class *cls = mm_cap_class(cap, 1);
    size_t pos = 0, index_n = 0;
    uint16_t ref = 0;
    const uint8_t *index = NULL;

    (void)state;
    assert_int_equal(cls->interface_n, 2); /* Shareable, then Counter */
    assert_true(mm_cap_class_interface(cls, &pos, &ref, &index, &index_n));
    assert_true((ref & MM_CAP_CLASS_EXTERNAL) != 0);
    assert_true(mm_cap_class_interface(cls, &pos, &ref, &index, &index_n));
    assert_int_equal(ref, mm_cap_class(cap, 0)->off);
    assert_int_equal(index_n, 1);
    assert_true(index[0] < cls->public_base + cls->public_n);
    assert_false(mm_cap_class_interface(cls, &pos, &ref, &index, &index_n));
    mm_cap_free(&cap);
}

static void cap_methods_tile_the_component(void **state)
{
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    const uint8_t *info = mm_cap_component(cap, MM_CAP_METHOD)->info;
    size_t next = 1 + 8 * mm_cap_handler_n(cap);

    (void)state;
    for (size_t i = 0; i < mm_cap_method_n(cap); i++) {
        const struct mm_cap_method *m = mm_cap_method(cap, i);
        size_t off = m->code_off, end = off + m->code_len;
        assert_int_equal(m->off, next);
        while (off < end)
            off += mm_op_len(info, end, off);
        assert_int_equal(off, end);
        next = end;
    }
    assert_int_equal(next, mm_cap_component(cap, MM_CAP_METHOD)->len);
    mm_cap_free(&cap);
}

/* Without a Descriptor the ends of methods come from control flow; here they are the same. */
static void cap_methods_are_found_without_descriptor(void **state)
{
    uint8_t copy[sizeof(cap_seed)];
    struct mm_cap *with = read_ok(cap_seed, sizeof(cap_seed)), *without;
    size_t len;

    (void)state;
    memcpy(copy, cap_seed, sizeof(copy));
    len = (size_t)(component(copy, sizeof(copy), MM_CAP_DESCRIPTOR) - 3 - copy);
    without = read_ok(copy, len);
    assert_int_equal(mm_cap_method_n(without), mm_cap_method_n(with));
    for (size_t i = 0; i < mm_cap_method_n(with); i++)
        assert_memory_equal(mm_cap_method(without, i), mm_cap_method(with, i),
                            sizeof(struct mm_cap_method));
    mm_cap_free(&with);
    mm_cap_free(&without);
}

static void cap_read_refuses_every_prefix(void **state)
{
    size_t descriptor = 0;

    (void)state;
    for (size_t off = 0; cap_seed[off] != MM_CAP_DESCRIPTOR;
         off += 3 + (size_t)mm_be16(cap_seed + off + 1))
        descriptor = off + 3 + (size_t)mm_be16(cap_seed + off + 1);
    for (size_t len = 0; len < sizeof(cap_seed); len++) {
        struct mm_cap *cap = NULL;
        struct mm_err err = {0};
        if (len == descriptor) /* a load file may end before the Descriptor */
            continue;
        assert_int_not_equal(mm_cap_read(cap_seed, len, &cap, &err), MM_OK);
        assert_null(cap);
        assert_true(err.text[0] != '\0');
    }
}

static void cap_read_survives_every_flipped_bit(void **state)
{
    uint8_t copy[sizeof(cap_seed)];

    (void)state;
    memcpy(copy, cap_seed, sizeof(copy));
    for (size_t bit = 0; bit < 8 * sizeof(copy); bit++) {
        struct mm_cap *cap = NULL;
        struct mm_err err = {0};
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (mm_cap_read(copy, sizeof(copy), &cap, &err) != MM_OK) {
            assert_null(cap);
            assert_true(err.text[0] != '\0');
        }
        mm_cap_free(&cap);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void cap_read_refuses_other_formats(void **state)
{
    (void)state;
    refused_with(MM_CAP_HEADER, 0, 0xDF, "DECAFFED expected");
    refused_with(MM_CAP_HEADER, 4, 4, "CAP format 2.4; 2.1 to 2.3 are read");
    refused_with(MM_CAP_HEADER, 4, 0, "CAP format 2.0");
    refused_with(MM_CAP_HEADER, 5, 3, "CAP format 3.1");
    refused_with(MM_CAP_HEADER, 6, 0x0E, "flags 0x0e");
    refused_with(MM_CAP_HEADER, 6, 0x02, "disagree with the Applet component");
}

/* The seed of the fuzzer in the compact format of 2.3: a token map behind the class, the size of static
 * resources in the Directory. */
static uint8_t compact[2048];

static size_t compact_read(void)
{
    FILE *f = fopen("test/fuzz/corpus/cap_read/seed-2.3.lfdb", "rb");
    size_t len;

    assert_non_null(f);
    len = fread(compact, 1, sizeof(compact), f);
    fclose(f);
    return len;
}

static void compact_refused(size_t len, const char *what)
{
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    assert_int_not_equal(mm_cap_read(compact, len, &cap, &err), MM_OK);
    assert_null(cap);
    if (strstr(err.text, what) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, what);
}

static void cap_read_takes_the_compact_format_of_2_3(void **state)
{
    size_t len = compact_read();
    struct mm_cap *cap = read_ok(compact, len);

    (void)state;
    assert_int_equal(mm_cap_class_n(cap), 2);
    assert_int_equal(mm_cap_class(cap, 1)->public_n, 4);
    mm_cap_free(&cap);
    len =
        (size_t)(component(compact, len, MM_CAP_DESCRIPTOR) - compact) - 3; /* it may be left out */
    for (size_t part = 0; part < len; part++) {
        struct mm_err err = {0};
        assert_int_not_equal(mm_cap_read(compact, part, &cap, &err), MM_OK);
        assert_null(cap);
    }
}

static void cap_read_refuses_what_else_is_in_2_3(void **state)
{
    size_t len = compact_read();

    (void)state;
    component(compact, len, MM_CAP_HEADER)[6] |= 0x08;
    compact_refused(len, "extended CAP format");
    len = compact_read();
    component(compact, len, MM_CAP_DIRECTORY)[27] =
        1; /* low byte of the size of static resources */
    compact_refused(len, "static resources are not read");
    len = compact_read();
    component(compact, len, MM_CAP_CLASS)[11] = 6; /* a base one higher: a map one longer */
    compact_refused(len, "cut off before its token map");
}

static void cap_read_refuses_counts_past_the_end(void **state)
{
    (void)state;
    refused_with(MM_CAP_IMPORT, 0, 0xFF, "at most 128");
    refused_with(MM_CAP_IMPORT, 0, 100, "Import component");
    refused_with(MM_CAP_APPLET, 0, 9, "Applet component");
    refused_with(MM_CAP_APPLET, 0, 0, "no applets");
    refused_with(MM_CAP_CONSTANT_POOL, 0, 0xFF, "entries, room for");
    refused_with(MM_CAP_METHOD, 0, 200, "handlers do not fit");
    refused_with(MM_CAP_STATIC_FIELD, 4, 0xFF, "array initialisers");
    refused_with(MM_CAP_EXPORT, 0, 200, "Export component");
    refused_with(MM_CAP_DESCRIPTOR, 0, 200, "Descriptor component");
    refused_with(MM_CAP_REF_LOCATION, 0, 0x40, "RefLocation component");
    refused_with(MM_CAP_DIRECTORY, 1, 0xFF, "Header has 255 bytes");
}

static void cap_read_refuses_references_to_nothing(void **state)
{
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    uint16_t install = mm_cap_applet(cap, 0)->install_off;
    uint16_t code = mm_cap_method_at(cap, install)->code_off;
    size_t super = mm_cap_class(cap, 1)->off + 1u;

    (void)state;
    mm_cap_free(&cap);
    refused_with(MM_CAP_APPLET, 8, 0x7F, "method offset");
    refused_with(MM_CAP_EXPORT, 2, 0x77, "no class at");
    refused_with(MM_CAP_CLASS, super, 0xF0, "package token 112");
    refused_with(MM_CAP_CONSTANT_POOL, 2, 9, "tag 9, 1 to 6 expected");
    refused_with(MM_CAP_METHOD, code, 0xFE, "is not defined");
    refused_with(MM_CAP_METHOD, (size_t)code + 2, 0xFF, "constant 255 of");
}

static void cap_read_refuses_install_with_other_arguments(void **state)
{
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    uint16_t install = mm_cap_applet(cap, 0)->install_off;

    (void)state;
    mm_cap_free(&cap);
    refused_with(MM_CAP_METHOD, (size_t)install + 1, 0x40, "install has 4 argument cells");
}

static void cap_read_refuses_a_component_twice(void **state)
{
    uint8_t copy[sizeof(cap_seed) + 3] = {0};
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    (void)state;
    memcpy(copy, cap_seed, sizeof(cap_seed));
    copy[sizeof(cap_seed)] = MM_CAP_IMPORT;
    assert_int_equal(mm_cap_read(copy, sizeof(copy), &cap, &err), MM_MALFORMED);
    assert_non_null(strstr(err.text, "a second Import component"));
}

static void cap_read_takes_components_in_any_order(void **state)
{
    uint8_t copy[sizeof(cap_seed)];
    size_t header = 3 + (size_t)mm_be16(cap_seed + 1);
    size_t directory = 3 + (size_t)mm_be16(cap_seed + header + 1);
    struct mm_cap *cap;

    (void)state; /* the Directory last */
    memcpy(copy, cap_seed, header);
    memcpy(copy + header, cap_seed + header + directory, sizeof(copy) - header - directory);
    memcpy(copy + sizeof(copy) - directory, cap_seed + header, directory);
    cap = read_ok(copy, sizeof(copy));
    mm_cap_free(&cap);
}

static void cap_code_digest_is_sha256_of_the_load_file(void **state)
{
    struct mm_cap *cap = read_ok(cap_seed, sizeof(cap_seed));
    uint8_t one[MM_DIGEST_LEN], other[MM_DIGEST_LEN], copy[sizeof(cap_seed) + 3] = {0};

    (void)state;
    mm_cap_code_digest(cap, one);
    mm_cap_free(&cap);
    memcpy(copy, cap_seed, sizeof(cap_seed));
    copy[sizeof(cap_seed)] = MM_CAP_DEBUG; /* a component more is another load file */
    cap = read_ok(copy, sizeof(copy));
    mm_cap_code_digest(cap, other);
    mm_cap_free(&cap);
    assert_memory_not_equal(one, other, sizeof(one));
}

/* ---- Opcodes ---- */

static void opcodes_have_no_gap_and_none_is_twice(void **state)
{
    static const uint8_t codes[] = {
#define MM_OP(name, code, operands, pops, pushes, needs_int) code,
#include "applet_vm/cap/opcodes.def"
#undef MM_OP
    };

    (void)state;
    for (size_t i = 0; i < sizeof(codes); i++)
        assert_int_equal(codes[i], i);
    assert_int_equal(sizeof(codes), 0xB9);
    assert_string_equal(mm_op_info(0xAD)->name, "getfield_a_this");
    assert_null(mm_op_info(0xB9)->name);
}

static void op_len_handles_switches_and_ends(void **state)
{
    static const uint8_t table[] = {0x73, 0, 9, 0, 1, 0, 3, 0, 9, 0, 9, 0, 9};
    static const uint8_t lookup[] = {0x75, 0, 9, 0, 1, 0, 5, 0, 9};
    static const uint8_t down[] = {0x73, 0, 9, 0, 3, 0, 1};

    (void)state;
    assert_int_equal(mm_op_len(table, sizeof(table), 0), 13);
    assert_int_equal(mm_op_len(table, sizeof(table) - 1, 0), 0);
    assert_int_equal(mm_op_len(lookup, sizeof(lookup), 0), 9);
    assert_int_equal(mm_op_len(lookup, 8, 0), 0);
    assert_int_equal(mm_op_len(down, sizeof(down), 0), 0);
    assert_int_equal(mm_op_len(table, sizeof(table), sizeof(table)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cap_read_tells_what_is_inside),
        cmocka_unit_test(cap_class_lists_its_interfaces_with_their_methods),
        cmocka_unit_test(cap_methods_tile_the_component),
        cmocka_unit_test(cap_methods_are_found_without_descriptor),
        cmocka_unit_test(cap_read_refuses_every_prefix),
        cmocka_unit_test(cap_read_survives_every_flipped_bit),
        cmocka_unit_test(cap_read_refuses_other_formats),
        cmocka_unit_test(cap_read_takes_the_compact_format_of_2_3),
        cmocka_unit_test(cap_read_refuses_what_else_is_in_2_3),
        cmocka_unit_test(cap_read_refuses_counts_past_the_end),
        cmocka_unit_test(cap_read_refuses_references_to_nothing),
        cmocka_unit_test(cap_read_refuses_install_with_other_arguments),
        cmocka_unit_test(cap_read_refuses_a_component_twice),
        cmocka_unit_test(cap_read_takes_components_in_any_order),
        cmocka_unit_test(cap_code_digest_is_sha256_of_the_load_file),
        cmocka_unit_test(opcodes_have_no_gap_and_none_is_twice),
        cmocka_unit_test(op_len_handles_switches_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
