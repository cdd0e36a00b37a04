/* From sources in one step, and where classes, options and versions of imports come from. */
#include "test/unit/conv_run.h"

static const char applet_java[] =
    "package shop;\n"
    "import javacard.framework.*;\n"
    "import org.globalplatform.*;\n"
    "public class Till extends Applet {\n"
    "  public static void install(byte[] b, short o, byte l) { new Till().register(); }\n"
    "  public void process(APDU a) {\n"
    "    if (selectingApplet()) return;\n"
    "    SecureChannel c = GPSystem.getSecureChannel();\n"
    "    if (c.getSecurityLevel() != 0) ISOException.throwIt((short) 0x6985);\n"
    "  }\n"
    "}\n";

static const char convert[] =
    "--package shop --aid F00102030405 --applet Till=F0010203040501 --exports $API/exports";

static int prepare(void **state)
{
    assert_int_equal(folder_new(state), 0);
    expect(0, "mkdir -p src/shop two/a two/b bad/shop lost");
    put("src/shop/Till.java", applet_java);
    put("two/a/A.java", "package a; public class A { }\n");
    put("two/b/B.java", "package b; public class B { }\n");
    expect(0, "javac --release 8 -Xlint:-options -g -cp $API/classes -d cls src/shop/Till.java");
    put("bad/shop/Bad.java", "package shop; public class Bad { int x = }\n");
    return 0;
}

static void build_makes_a_cap_from_sources_and_says_its_aids(void **state)
{
    struct mm_cap *cap = NULL;
    char path[128];

    (void)state;
    expect(0, "$CONVERT build src");
    assert_non_null(strstr(text, "package shop F0"));
    assert_non_null(strstr(text, "applet shop.Till F0"));
    snprintf(path, sizeof(path), "%s/shop.cap", dir);
    assert_int_equal(mm_cap_read_file(path, &cap, NULL), MM_OK);
    assert_int_equal(mm_cap_applet_n(cap), 1);
    assert_int_equal(mm_cap_aid(cap)->len, 8);
    assert_int_equal(mm_cap_applet(cap, 0)->aid.len, 9);
    mm_cap_free(&cap);
}

static void build_reads_its_configuration_and_the_command_line_overrides_it(void **state)
{
    (void)state;
    put("src/mintmark.conf", "# the shop\naid = F00102030405\npackage-version 2.3\n"
                             "applet = shop.Till=F0010203040509\n");
    expect(0, "$CONVERT build --output out.cap src");
    assert_non_null(strstr(text, "package shop F00102030405\n"));
    assert_non_null(strstr(text, "applet shop.Till F0010203040509\n"));
    expect(0, "$CONVERT dump out.cap | grep -q '^.package F00102030405 2.3'");
    put("bad.conf", "aid F00102030405\ncolour = red\n");
    expect(2, "$CONVERT build --config bad.conf src");
    assert_non_null(strstr(text, "bad.conf:2: colour: unknown option"));
    expect(0, "$CONVERT build --aid F0FFFFFFFF --package-version 3.0 --output out.cap src");
    expect(0, "$CONVERT dump out.cap | grep -q '^.package F0FFFFFFFF 3.0'");
    expect(0, "rm src/mintmark.conf");
}

static void build_says_what_it_cannot_choose(void **state)
{
    (void)state;
    expect(1, "$CONVERT build two");
    assert_non_null(strstr(text, "2 packages and no applet: name one with --package"));
    expect(0, "$CONVERT build --package b two && test -f b.exp");
    expect(1, "$CONVERT build lost");
    assert_non_null(strstr(text, "no Java sources"));
    expect(1, "$CONVERT build bad");
    assert_non_null(strstr(text, "Bad.java:1"));
    expect(2, "$CONVERT build");
    expect(2, "$CONVERT build --aid xyz src");
}

/* Old cards have org.globalplatform 1.0 to 1.6: what is imported must be there. */
static void imports_are_of_the_version_asked_for(void **state)
{
    static const char *const versions[] = {"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"};
    char command[512];

    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        snprintf(command, sizeof(command),
                 "$CONVERT --classes cls %s --use-version org.globalplatform=%s --output v.cap && "
                 "$CONVERT dump v.cap | grep -q '^.import [0-9] A00000015100 %s'",
                 convert, versions[i], versions[i]);
        expect(0, command);
    }
    snprintf(command, sizeof(command),
             "$CONVERT --classes cls %s --use-version org.globalplatform=9.9 --output w.cap",
             convert);
    expect(1, command);
    assert_non_null(strstr(text, "has version 1.7, asked for was 9.9"));
    expect(2, "$CONVERT build --use-version org.globalplatform src");
}

/* org.mintmark.cap.Aid, on the class and in package-info.java. */
static void annotations_give_aids_and_version(void **state)
{
    (void)state;
    expect(0, "mkdir -p noted/till");
    put("noted/till/package-info.java", "@org.mintmark.cap.Aid(value = \"F000000001AA\", "
                                        "version = \"2.3\")\npackage till;\n");
    put("noted/till/Till.java",
        "package till;\nimport javacard.framework.*;\n"
        "@SuppressWarnings({\"a\", \"b\"}) @Note(why = {1, 2}, of = Till.class)\n"
        "@org.mintmark.cap.Aid(\"F000000001AA77\")\n"
        "public class Till extends Applet {\n"
        "  public static void install(byte[] b, short o, byte l) { new Till().register(); }\n"
        "  public void process(APDU a) { }\n}\n"
        "@interface Note { int[] why(); Class<?> of(); }\n");
    expect(0, "$CONVERT build noted");
    assert_string_equal(text, "package till F000000001AA\napplet till.Till F000000001AA77\n");
    expect(0, "$CONVERT dump till.cap");
    expect_text(".package F000000001AA 2.3 applet\n");
    assert_null(strstr(text, ".interface")); /* neither the annotation's type nor package-info */
    expect(0, "$CONVERT build --aid F0FFFFFFFF --version 1.1 --applet Till=F0FFFFFFFF01 noted");
    expect_text("package till F0FFFFFFFF\napplet Till F0FFFFFFFF01\n");
    put("noted/till/package-info.java", "@org.mintmark.cap.Aid(\"F0\") package till;\n");
    expect(1, "$CONVERT build noted");
    expect_text("annotation Aid: F0: not 5 to 16 bytes in hexadecimal");
}

/* All that is needed is the class files. */
static void convert_chooses_what_is_not_asked_for(void **state)
{
    (void)state;
    expect(0, "$CONVERT build --output built.cap src && $CONVERT --classes cls --output a.cap && "
              "$CONVERT cls/shop/Till.class && cmp a.cap built.cap && cmp a.cap shop.cap");
    expect(2, "$CONVERT convert");
    expect_text("convert needs --classes or class files");
    expect(1, "$CONVERT --classes two"); /* sources only */
    expect(1, "$CONVERT none.class");
}

/* --release 7 and 8 give the same card code; what later versions emit for private members too. */
static void class_files_of_several_releases_are_taken(void **state)
{
    (void)state;
    expect(0, "for r in 7 8 11; do javac --release $r -Xlint:-options -nowarn -cp $API/classes "
              "-d rel$r src/shop/Till.java && $CONVERT --classes rel$r --output r$r.cap || exit; "
              "done; cmp r7.cap r8.cap && $CONVERT verify r11.cap");
}

static void classes_may_come_from_a_jar(void **state)
{
    char command[512];

    (void)state;
    expect(0, "jar cf shop.jar -C cls .");
    snprintf(command, sizeof(command), "$CONVERT --classes cls %s --output a.cap", convert);
    expect(0, command);
    snprintf(command, sizeof(command), "$CONVERT --classes shop.jar %s --output b.cap", convert);
    expect(0, command);
    expect(0, "cmp a.cap b.cap");
    expect(0, "head -c 300 shop.jar > cut.jar");
    snprintf(command, sizeof(command), "$CONVERT --classes cut.jar %s --output c.cap", convert);
    expect(1, command);
    assert_non_null(strstr(text, "cut.jar"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(build_makes_a_cap_from_sources_and_says_its_aids),
        cmocka_unit_test(build_reads_its_configuration_and_the_command_line_overrides_it),
        cmocka_unit_test(build_says_what_it_cannot_choose),
        cmocka_unit_test(imports_are_of_the_version_asked_for),
        cmocka_unit_test(classes_may_come_from_a_jar),
        cmocka_unit_test(annotations_give_aids_and_version),
        cmocka_unit_test(convert_chooses_what_is_not_asked_for),
        cmocka_unit_test(class_files_of_several_releases_are_taken),
    };

    return cmocka_run_group_tests(tests, prepare, folder_remove);
}
