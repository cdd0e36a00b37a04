/* What the converter writes: read back through the CAP reader, and twice the same. */
#include "test/unit/conv_files.h"

#include <setjmp.h>

#include <cmocka.h>

static struct mm_cap *constructs;

static int open_constructs(void **state)
{
    struct mm_err err = {.text = ""};

    (void)state;
    if (mm_cap_read_file(built("applets/test_constructs.cap"), &constructs, &err) == MM_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int close_constructs(void **state)
{
    (void)state;
    mm_cap_free(&constructs);
    return 0;
}

static void cap_has_the_package_applet_and_imports_asked_for(void **state)
{
    static const uint8_t package[] = {0xF0, 'M', 'I', 'N', 'T', 'M', 'A', 'R', 'K', 0x21};
    static const uint8_t lib[] = {0xF0, 'M', 'I', 'N', 'T', 'M', 'A', 'R', 'K', 0x20};
    bool found = false;

    (void)state;
    assert_int_equal(mm_cap_aid(constructs)->len, sizeof(package));
    assert_memory_equal(mm_cap_aid(constructs)->bytes, package, sizeof(package));
    assert_int_equal(mm_cap_major(constructs), 1);
    assert_int_equal(mm_cap_minor(constructs), 0);
    assert_int_equal(mm_cap_flags(constructs), 6); /* exports, applets, no int */
    assert_int_equal(mm_cap_applet_n(constructs), 1);
    assert_int_equal(mm_cap_applet(constructs, 0)->aid.len, sizeof(package) + 1);
    for (size_t i = 0; i < mm_cap_import_n(constructs); i++) {
        const struct mm_cap_import *im = mm_cap_import(constructs, i);
        if (im->aid.len == sizeof(lib) && memcmp(im->aid.bytes, lib, sizeof(lib)) == 0)
            found = im->major == 1 && im->minor == 2;
    }
    assert_true(found);
}

static void cap_needs_no_int_instruction(void **state)
{
    const struct mm_cap_component *m = mm_cap_component(constructs, MM_CAP_METHOD);
    const struct mm_cap_component *d = mm_cap_component(constructs, MM_CAP_DESCRIPTOR);
    struct mm_rd rd;
    size_t seen = 0;
    uint8_t n;

    (void)state;
    mm_rd_init(&rd, d->info, d->len);
    n = mm_rd_u8(&rd);
    for (unsigned i = 0; i < n; i++) {
        uint16_t fields, methods;
        uint8_t ifaces;

        (void)mm_rd_u32(&rd);
        ifaces = mm_rd_u8(&rd);
        fields = mm_rd_u16(&rd);
        methods = mm_rd_u16(&rd);
        (void)mm_rd_bytes(&rd, 2u * ifaces + 7u * fields);
        for (unsigned k = 0; k < methods; k++) {
            uint16_t off, len;
            size_t at;

            (void)mm_rd_u16(&rd);
            off = mm_rd_u16(&rd);
            (void)mm_rd_u16(&rd);
            len = mm_rd_u16(&rd);
            (void)mm_rd_u32(&rd);
            at = off + (m->info[off] & 0x80 ? 4u : 2u);
            for (size_t end = at + len; at < end; at += mm_op_len(m->info, end, at)) {
                assert_false(mm_op_info(m->info[at])->needs_int);
                seen++;
            }
        }
    }
    assert_false(rd.bad);
    assert_true(seen > 500);
}

static void cap_keeps_static_arrays_as_initial_values(void **state)
{
    const struct mm_cap_component *s = mm_cap_component(constructs, MM_CAP_STATIC_FIELD);
    static const uint8_t bytes[] = {3, 0, 4, 1, 0xFE, 3, 0x80};
    static const uint8_t shorts[] = {4, 0, 6, 0x03, 0xE8, 0xFC, 0x18, 0x80, 0x00};
    static const uint8_t flags[] = {2, 0, 3, 1, 0, 1};

    (void)state;
    assert_non_null(memmem(s->info, s->len, bytes, sizeof(bytes)));
    assert_non_null(memmem(s->info, s->len, shorts, sizeof(shorts)));
    assert_non_null(memmem(s->info, s->len, flags, sizeof(flags)));
}

/* References are one run of cells (JCVM 3.0.5, 4.3.7.5): two of seven, after the public short. */
static void cap_puts_reference_fields_next_to_each_other(void **state)
{
    const struct mm_cap_component *c = mm_cap_component(constructs, MM_CAP_CLASS);
    static const uint8_t cells_first_n[] = {7, 1, 3};

    (void)state;
    assert_non_null(memmem(c->info, c->len, cells_first_n, sizeof(cells_first_n)));
}

static void conversion_gives_the_same_bytes_twice(void **state)
{
    char dir[] = "/tmp/mm-conv-XXXXXX";
    struct mm_conv_options opt = {.package = "org.mintmark.constructs", .major = 1};
    const char *files[2] = {"a", "b"};
    uint8_t *data[2], *exp[2];
    size_t len[2], exp_len[2];
    char path[128];

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0MINTMARK\x21", 10), MM_OK);
    opt.applets[0].class_name = "Constructs";
    assert_int_equal(mm_aid_set(&opt.applets[0].aid, (const uint8_t *)"\xF0MINTMARK\x21\x01", 11),
                     MM_OK);
    opt.applet_n = 1;
    opt.classes[opt.class_n++] = built("applets/classes/test");
    opt.exports[opt.export_n++] = built("api/exports");
    opt.exports[opt.export_n++] = built("applets/test_exports");
    for (int i = 0; i < 2; i++) {
        setenv("TZ", i == 0 ? "UTC" : "Asia/Tokyo", 1);
        snprintf(path, sizeof(path), "%s/%s.cap", dir, files[i]);
        opt.output = path;
        assert_int_equal(mm_conv_package(&opt, NULL), MM_OK);
        data[i] = slurp(path, &len[i]);
        assert_non_null(data[i]);
        unlink(path);
        snprintf(path, sizeof(path), "%s/%s.exp", dir, files[i]);
        exp[i] = slurp(path, &exp_len[i]);
        assert_non_null(exp[i]);
        unlink(path);
    }
    unsetenv("TZ");
    rmdir(dir);
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(data[0], data[1], len[0]);
    assert_int_equal(exp_len[0], exp_len[1]);
    assert_memory_equal(exp[0], exp[1], exp_len[0]);
    for (int i = 0; i < 2; i++) {
        free(data[i]);
        free(exp[i]);
    }
}

static void dump_lists_every_part(void **state)
{
    static const char *const parts[] = {".package F04D494E544D41524B21 1.0 export applet",
                                        ".import ",
                                        ".applet F04D494E544D41524B2101",
                                        ".interface @",
                                        ".class @",
                                        "implements",
                                        "invokeinterface",
                                        "stableswitch",
                                        "slookupswitch",
                                        "getfield_s_this",
                                        "putfield_s_this",
                                        "sinc ",
                                        ".handler ",
                                        ".statics ",
                                        ".export 0 class @"};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    assert_non_null(f);
    assert_int_equal(mm_conv_dump(built("applets/test_constructs.cap"), NULL, 0, f, NULL), MM_OK);
    fclose(f);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(text, parts[i]) == NULL)
            fail_msg("listing has no \"%s\"", parts[i]);
    }
    free(text);
}

static void ints_are_two_cells_and_have_their_instructions(void **state)
{
    static const char *const parts[] = {" int applet",
                                        "iload_",
                                        "istore ",
                                        "iinc 4 1",
                                        "imul",
                                        "idiv",
                                        "s2i",
                                        "i2s",
                                        "i2b",
                                        "icmp",
                                        "itableswitch",
                                        "ilookupswitch",
                                        "newarray 13",
                                        "instanceof type 13",
                                        "iaload",
                                        "iastore",
                                        "getfield_i 0",
                                        "putfield_i_this",
                                        "getstatic_i",
                                        "iipush 1000000",
                                        "dup_x 2 3",
                                        "ireturn",
                                        "array 0 type 5: 00 00 00 01 ff ff ff fe"};
    struct mm_err err = {.text = ""};
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    assert_non_null(f);
    if (mm_conv_dump(built("applets/test_ints.cap"), NULL, 0, f, &err) != MM_OK)
        fail_msg("%s", err.text);
    fclose(f);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (strstr(text, parts[i]) == NULL)
            fail_msg("listing has no \"%s\"", parts[i]);
    }
    free(text);
}

static void purse_and_transit_pass_the_reader(void **state)
{
    static const char *const names[] = {"applets/purse.cap", "applets/transit.cap"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mm_cap *cap = NULL;
        assert_int_equal(mm_cap_read_file(built(names[i]), &cap, NULL), MM_OK);
        assert_int_equal(mm_cap_applet_n(cap), 1);
        mm_cap_free(&cap);
    }
}

/* JCVM 3.0.5, 6.9.2.15: the first two bytes of SHA-1 over name and descriptor name a method. */
static void remote_classes_tell_hash_codes_and_signatures(void **state)
{
    /* low(S)B, fail(B)V, twice([S[Z)[S, other(): class 0022, set(S)V, count()S, both(ZB)Z, reversed */
    static const uint8_t pool[] = {0x00, 0x14, 0x02, 0x43, 0x02, 0x31, 0x03, 0xCA,
                                   0xC0, 0x05, 0x60, 0x02, 0x20, 0x02, 0x41, 0x01,
                                   0x40, 0x03, 0x23, 0x20, 0x02, 0xBB};
    /* set ceaf, count d39e, both d786: hash, signature, token */
    static const uint8_t methods[] = {0xCE, 0xAF, 0x00, 0x0B, 0x01, 0xD3, 0x9E, 0x00,
                                      0x0D, 0x02, 0xD7, 0x86, 0x00, 0x0F, 0x03};
    const struct mm_cap_component *c;
    struct mm_cap *cap = NULL;

    (void)state;
    assert_int_equal(mm_cap_read_file(built("applets/test_remote.cap"), &cap, NULL), MM_OK);
    c = mm_cap_component(cap, MM_CAP_CLASS);
    assert_memory_equal(c->info, pool, sizeof(pool));
    assert_non_null(memmem(c->info, c->len, methods, sizeof(methods)));
    assert_non_null(memmem(c->info, c->len,
                           "\x0D"
                           "AccountObject",
                           14));
    c = mm_cap_component(cap, MM_CAP_HEADER);
    assert_int_equal(c->info[4], 2); /* the format that can say it */
    assert_non_null(memmem(c->info, c->len, "\x13org/mintmark/remote", 20));
    mm_cap_free(&cap);
}

static void remote_classes_need_format_2_2(void **state)
{
    struct mm_conv_options opt = {.package = "org.mintmark.remote", .major = 1, .cap_minor = 1};
    struct mm_err err = {.text = ""};

    (void)state;
    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0MINTMARK\xA8", 10), MM_OK);
    opt.classes[opt.class_n++] = built("applets/classes/test");
    opt.exports[opt.export_n++] = built("api/exports");
    opt.output = "/tmp/mm-conv-none.cap";
    assert_int_equal(mm_conv_package(&opt, &err), MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "needs CAP format 2.2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remote_classes_tell_hash_codes_and_signatures),
        cmocka_unit_test(remote_classes_need_format_2_2),
        cmocka_unit_test(cap_has_the_package_applet_and_imports_asked_for),
        cmocka_unit_test(cap_needs_no_int_instruction),
        cmocka_unit_test(cap_keeps_static_arrays_as_initial_values),
        cmocka_unit_test(cap_puts_reference_fields_next_to_each_other),
        cmocka_unit_test(conversion_gives_the_same_bytes_twice),
        cmocka_unit_test(dump_lists_every_part),
        cmocka_unit_test(ints_are_two_cells_and_have_their_instructions),
        cmocka_unit_test(purse_and_transit_pass_the_reader),
    };

    return cmocka_run_group_tests(tests, open_constructs, close_constructs);
}
