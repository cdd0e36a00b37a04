/* What the converter tells of a CAP file: listing with names, sizes, Debug, verdict. */
#include "test/unit/conv_run.h"

#include <jansson.h>
#include <zip.h>

#define OPTIONS                                                                                    \
    "--package org.mintmark.constructs --aid F04D494E544D41524B21 "                                \
    "--applet Constructs=F04D494E544D41524B2101 --classes $B/applets/classes/test "                \
    "--exports $B/applets/test_exports "
#define LIBRARY "$B/applets/test_exports/org/mintmark/library/javacard/library.cap"

static int prepare(void **state)
{
    assert_int_equal(folder_new(state), 0);
    expect(0, "$CONVERT " OPTIONS "--debug --listing --output d.cap && "
              "$CONVERT " OPTIONS "--output p.cap && "
              "$CONVERT " OPTIONS "--cap-format 2.2 --output q.cap");
    return 0;
}

static void listing_names_classes_members_and_imports(void **state)
{
    static const char *const parts[] = {
        " javacard/framework\n",
        " org/mintmark/constructs/Constructs.number:S\n",
        " javacard/framework/Util.getShort([BS)S\n",
        " org/mintmark/library/Counter.<init>(S)V\n",
        " org/mintmark/constructs/Constructs.process(Ljavacard/framework/APDU;)V stack",
        ".class @0x007c org/mintmark/constructs/Constructs (Constructs.java) shareable extends",
        "    .line ",
    };

    (void)state;
    expect(0, "$CONVERT dump --exports $B/applets/test_exports d.cap");
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        expect_text(parts[i]);
    expect(0, "$CONVERT dump --exports $B/applets/test_exports d.cap | cmp - d.lst");
}

/* Without Debug, imports still have names, and the package has those that it exports. */
static void names_come_from_export_files_too(void **state)
{
    (void)state;
    expect(0, "$CONVERT dump p.cap");
    expect_text(" javacard/framework/Util.getShort([BS)S\n");
    expect_text("org/mintmark/constructs/Shared shareable");
    assert_null(strstr(text, "Constructs.process"));
    assert_null(strstr(text, "org/mintmark/library"));
    expect(0, "cp p.cap alone.cap && $CONVERT dump alone.cap");
    assert_null(strstr(text, "org/mintmark/constructs/Shared"));
}

/* JCVM 3.0.5, 6.15: the component is in the archive, and not in what goes to a card. */
static void debug_is_for_tools_and_makes_the_format_2_2(void **state)
{
    (void)state;
    expect(0, "unzip -l d.cap | grep -q javacard/Debug.cap");
    expect(0, "unzip -p d.cap META-INF/MANIFEST.MF | grep -q 'CAP-File-Version: 2.2'");
    expect(0, "unzip -p p.cap META-INF/MANIFEST.MF | grep -q 'CAP-File-Version: 2.1'");
    expect(1, "unzip -l p.cap | grep -q javacard/Debug.cap");
    expect(0, "for c in Method StaticField Import; do unzip -p d.cap \"*/$c.cap\" > d.$c && "
              "unzip -p q.cap \"*/$c.cap\" | cmp - d.$c || exit; done");
    expect(0, "$CONVERT verify d.cap " LIBRARY " && $CONVERT verify q.cap " LIBRARY);
    expect(2, "$CONVERT " OPTIONS "--cap-format 2.3");
}

/* JAR file specification: lines of at most 72 bytes, which go on after a blank. */
static void manifest_has_no_long_lines(void **state)
{
    (void)state;
    expect(0, "$CONVERT --classes $B/applets/classes/test --package org.mintmark.library "
              "--aid F0000102030405060708090A0B0C0D0E --output long.cap");
    expect(0,
           "unzip -p long.cap META-INF/MANIFEST.MF | tr -d '\\r' | awk 'length > 72 { exit 1 }'");
    expect(0, "unzip -p long.cap META-INF/MANIFEST.MF | tr -d '\\r' | sed -z 's/\\n //g' | "
              "grep -q 'Package-AID: 0xf0:0x00:0x01.*0x0d:0x0e$'");
}

static void size_tells_what_takes_the_space(void **state)
{
    json_t *all, *methods;
    size_t sum = 0;
    const char *name;
    json_t *bytes;

    (void)state;
    expect(0, "$CONVERT size d.cap");
    expect_text("component       bytes   part\nHeader ");
    expect_text(" org/mintmark/constructs/Constructs.process(Ljavacard/framework/APDU;)V\n");
    expect(0, "$CONVERT size --json d.cap");
    all = json_loads(text, 0, NULL);
    assert_non_null(all);
    json_object_foreach(json_object_get(all, "components"), name, bytes) sum +=
        (size_t)json_integer_value(bytes);
    assert_int_equal(sum, json_integer_value(json_object_get(all, "bytes")));
    methods = json_object_get(all, "methods");
    assert_true(json_array_size(methods) > 20);
    for (size_t i = 1; i < json_array_size(methods); i++) /* the largest first */
        assert_true(json_integer_value(json_object_get(json_array_get(methods, i), "bytes")) <=
                    json_integer_value(json_object_get(json_array_get(methods, i - 1), "bytes")));
    json_decref(all);
    expect(1, "$CONVERT size none.cap");
    expect(2, "$CONVERT size");
}

static void verify_takes_imports_from_caps_and_export_files(void **state)
{
    (void)state;
    expect(1, "$CONVERT verify p.cap");
    expect_text(": package F04D494E544D41524B20 1.2 is not here [import]");
    expect(0, "$CONVERT verify p.cap " LIBRARY);
    expect_text("methods verified");
    expect(0, "mkdir -p calls/calls");
    put("calls/calls/Calls.java", "package calls;\nimport org.mintmark.library.*;\n"
                                  "public class Calls extends Counter {\n"
                                  "  Calls() { super(twice((short) 3)); }\n"
                                  "  public short next() { note((byte) 1); return LIMIT; }\n"
                                  "  public short step(short by) { return by; }\n"
                                  "  public void reset() { }\n}\n");
    expect(0,
           "$CONVERT build --classpath $B/applets/classes/test --exports $B/applets/test_exports "
           "calls && $CONVERT verify --exports $B/applets/test_exports calls.cap");
}

#define EXPORTED(folder) "$CONVERT verify --exports " folder " "

/* Constructs reads and writes static and instance fields of the library. */
static void verify_knows_fields_from_export_files(void **state)
{
    (void)state;
    expect(0, EXPORTED("$B/applets/test_exports") "p.cap");
    expect_text("methods verified");
    expect(0, "mkdir -p fields/fields");
    put("fields/fields/Fields.java",
        "package fields;\nimport org.mintmark.library.*;\n"
        "public class Fields extends Counter {\n"
        "  Fields() { super((short) 0); tag = this; value = made; made = PRIMES[1]; }\n"
        "  public short next() { return ((Fields) tag).value++; }\n"
        "  public short step(short by) { return (short) (PRIMES.length + by); }\n"
        "  public void reset() { value = 0; }\n}\n");
    expect(0,
           "$CONVERT build --classpath $B/applets/classes/test --exports "
           "$B/applets/test_exports fields && " EXPORTED("$B/applets/test_exports") "fields.cap");
}

static void library_of(const char *fields)
{
    char source[512];

    snprintf(source, sizeof(source),
             "package other;\npublic class Other {\n%s\n  short own;\n"
             "  public void set() { }\n}\n",
             fields);
    expect(0, "rm -rf other && mkdir -p other/other");
    put("other/other/Other.java", source);
    expect(0, "$CONVERT build --aid F0000000000B --classes other other && "
              "mkdir -p exp/other/javacard && mv other.exp exp/other/javacard");
}

/* A package compiled against one export file is checked against another of the same version. */
static void verify_refuses_a_field_that_the_export_file_gives_otherwise(void **state)
{
    static const struct {
        const char *fields, *rule;
    } cases[] = {
        {"  public static Object last; public short count;", "the field is no short [field]"},
        {"  public static short last; public byte[] count;", "the field is no short [field]"},
        {"  public static short last;", "no such field [field]"},
        {"  public short count;", "no such static field [field]"},
        {"  public static short last; protected short count;", "[field-access]"},
    };

    (void)state;
    library_of("  public static short last; public short count;");
    expect(0, "mkdir -p user/user");
    put("user/user/User.java", "package user;\npublic class User {\n"
                               "  static short sum(other.Other o) {\n"
                               "    o.set();\n"
                               "    return (short) (o.count + other.Other.last);\n  }\n}\n");
    expect(0, "$CONVERT build --classpath other --exports exp --package user user && " EXPORTED(
                  ".") "user.cap");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        library_of(cases[i].fields);
        expect(1, EXPORTED("exp") "user.cap");
        expect_text(cases[i].rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listing_names_classes_members_and_imports),
        cmocka_unit_test(names_come_from_export_files_too),
        cmocka_unit_test(debug_is_for_tools_and_makes_the_format_2_2),
        cmocka_unit_test(manifest_has_no_long_lines),
        cmocka_unit_test(size_tells_what_takes_the_space),
        cmocka_unit_test(verify_takes_imports_from_caps_and_export_files),
        cmocka_unit_test(verify_knows_fields_from_export_files),
        cmocka_unit_test(verify_refuses_a_field_that_the_export_file_gives_otherwise),
    };

    return cmocka_run_group_tests(tests, prepare, folder_remove);
}
