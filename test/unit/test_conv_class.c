/* Class files: what is malformed or not for cards is refused, with class, method and line. */
#include "test/unit/conv_files.h"

#include <setjmp.h>
#include <sys/stat.h>

#include <cmocka.h>

#define REFUSED    "applets/classes/test/org/mintmark/refused/"
#define CONSTRUCTS "applets/classes/test/org/mintmark/constructs/"

static void class_check_accepts_every_construct(void **state)
{
    static const char *const names[] = {"Constructs", "Constructs$Base", "Constructs$1", "Both"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char name[128];
        size_t len;
        uint8_t *data;

        snprintf(name, sizeof(name), CONSTRUCTS "%s.class", names[i]);
        data = slurp(built(name), &len);
        assert_non_null(data);
        assert_int_equal(mm_conv_class_check(data, len, NULL), MM_OK);
        free(data);
    }
}

static void class_check_refuses_every_prefix(void **state)
{
    size_t len;
    uint8_t *data = slurp(built(CONSTRUCTS "Constructs$Own.class"), &len);

    (void)state;
    assert_non_null(data);
    for (size_t n = 0; n < len; n++) {
        uint8_t *cut = malloc(n + 1); /* exact size, so that a sanitizer sees one byte too many */
        struct mm_err err = {.text = ""};

        assert_non_null(cut);
        memcpy(cut, data, n);
        assert_int_not_equal(mm_conv_class_check(cut, n, &err), MM_OK);
        assert_non_null(strstr(err.text, "class file, offset 0x"));
        free(cut);
    }
    free(data);
}

static void class_check_refuses_bytes_after_the_end(void **state)
{
    size_t len;
    uint8_t *data = slurp(built(CONSTRUCTS "Both.class"), &len);
    uint8_t *more = malloc(len + 1);

    (void)state;
    assert_non_null(data);
    assert_non_null(more);
    memcpy(more, data, len);
    more[len] = 0;
    assert_int_not_equal(mm_conv_class_check(more, len + 1, NULL), MM_OK);
    free(data);
    free(more);
}

/* Convert a package that consists of one or two of the refused classes. */
static enum mm_status convert_refused(const char *name, const char *other, struct mm_err *err)
{
    char dir[] = "/tmp/mm-conv-XXXXXX";
    char cmd[1024];
    struct mm_conv_options opt = {.package = "org.mintmark.refused", .major = 1};
    enum mm_status st;

    assert_non_null(mkdtemp(dir));
    snprintf(cmd, sizeof(cmd),
             "mkdir -p %s/org/mintmark/refused && cp '%s%s.class' '%s%s.class' "
             "%s/org/mintmark/refused/",
             dir, built(REFUSED), name, built(REFUSED), other == NULL ? name : other, dir);
    if (other == NULL)
        snprintf(cmd, sizeof(cmd),
                 "mkdir -p %s/org/mintmark/refused && cp '%s%s.class' %s/org/mintmark/refused/",
                 dir, built(REFUSED), name, dir);
    assert_int_equal(system(cmd), 0);
    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0\x01\x02\x03\x04", 5), MM_OK);
    opt.classes[opt.class_n++] = dir;
    opt.output = dir;
    opt.exports[opt.export_n++] = built("api/exports");
    st = mm_conv_package(&opt, err);
    snprintf(cmd, sizeof(cmd), "%s/refused.cap", dir);
    assert_int_not_equal(access(cmd, F_OK), 0); /* nothing is left behind */
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
    return st;
}

struct refusal {
    const char *cls;
    const char *other; /* a class that has to be there too */
    const char *where; /* with line where the class file has one */
    const char *what;
};

static const struct refusal refusals[] = {
    {"LongField", NULL, "org.mintmark.refused.LongField: field money", "long"},
    {"IntField", NULL, "org.mintmark.refused.IntField: field money", "int"},
    {"IntArgument", NULL, "org.mintmark.refused.IntArgument.take", "int"},
    {"TextLiteral", NULL, "Refused.java:18: org.mintmark.refused.TextLiteral.text", "String"},
    {"FloatLocal", NULL, "Refused.java:24: org.mintmark.refused.FloatLocal.half", "float"},
    {"DoubleConstant", NULL, "Refused.java:31: org.mintmark.refused.DoubleConstant.above",
     "double"},
    {"LongArithmetic", NULL, "Refused.java:37: org.mintmark.refused.LongArithmetic.product",
     "long"},
    {"CompareSum", NULL, "Refused.java:43: org.mintmark.refused.CompareSum.fits",
     "int arithmetic needed: comparison"},
    {"IndexSum", NULL, "Refused.java:49: org.mintmark.refused.IndexSum.at",
     "int arithmetic needed: array index"},
    {"ShiftSum", NULL, "Refused.java:55: org.mintmark.refused.ShiftSum.mean",
     "int arithmetic needed: right shift"},
    {"DivideProduct", NULL, "Refused.java:61: org.mintmark.refused.DivideProduct.scale",
     "int arithmetic needed: division"},
    {"RemainderSum", NULL, "Refused.java:67: org.mintmark.refused.RemainderSum.wrap",
     "int arithmetic needed: division"},
    {"SwitchSum", NULL, "Refused.java:73: org.mintmark.refused.SwitchSum.choose",
     "int arithmetic needed: switch"},
    {"WideLoop", NULL, "Refused.java:85: org.mintmark.refused.WideLoop.loop",
     "int arithmetic needed: comparison"},
    {"ArrayOfArrays", NULL, "org.mintmark.refused.ArrayOfArrays: field rows", "array of arrays"},
    {"Lambda", NULL, "org.mintmark.refused.Lambda", "not"},
    {"Synchronized", NULL, "Refused.java:105: org.mintmark.refused.Synchronized.lock", "threads"},
    {"SynchronizedMethod", NULL, "org.mintmark.refused.SynchronizedMethod.lock", "threads"},
    {"NativeMethod", NULL, "org.mintmark.refused.NativeMethod.call", "native"},
    {"IntArray", NULL, "Refused.java:122: org.mintmark.refused.IntArray.make", "array of int"},
    {"CharArray", NULL, "Refused.java:128: org.mintmark.refused.CharArray.make", "array of int"},
    {"StaticCall", NULL, "Refused.java:133: org.mintmark.refused.StaticCall.<clinit>",
     "static initialiser"},
    {"StaticObject", NULL, "Refused.java:141: org.mintmark.refused.StaticObject.<clinit>",
     "static initialiser"},
    {"Clone", NULL, "Refused.java:146: org.mintmark.refused.Clone.copy", "clone"},
    {"Colour", NULL, "org.mintmark.refused.Colour", "java/lang/Enum"},
    {"HashCode", NULL, "Refused.java:156: org.mintmark.refused.HashCode.hash", "hashCode"},
    {"MadePublic", "PackageVisible", "org.mintmark.refused.MadePublic.hidden",
     "package-visible method"},
    {"WithBody", NULL, "org.mintmark.refused.WithBody.body", "interface method with a body"},
};

static void conversion_refuses_what_cards_cannot_have_by_class_method_and_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];
        struct mm_err err = {.text = ""};
        enum mm_status st = convert_refused(r->cls, r->other, &err);

        if (st != MM_UNSUPPORTED || strstr(err.text, r->where) == NULL ||
            strstr(err.text, r->what) == NULL)
            fail_msg("%s: status %d, \"%s\", expected \"%s\" and \"%s\"", r->cls, (int)st, err.text,
                     r->where, r->what);
    }
}

struct told {
    size_t n;
    char text[100][256];
};

static void note(void *ctx, const char *text)
{
    struct told *told = ctx;

    if (told->n < 100)
        snprintf(told->text[told->n++], sizeof(told->text[0]), "%s", text);
}

static bool is_told(const struct told *told, const char *where, const char *what)
{
    for (size_t i = 0; i < told->n; i++) {
        if (strstr(told->text[i], where) != NULL && strstr(told->text[i], what) != NULL)
            return true;
    }
    return false;
}

static void conversion_goes_on_behind_each_refusal(void **state)
{
    static struct told told;
    struct mm_conv_options opt = {.package = "org.mintmark.refused", .major = 1};
    char dir[] = "/tmp/mm-conv-XXXXXX";
    char cmd[1200];
    struct mm_err err = {.text = ""};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(cmd, sizeof(cmd),
             "mkdir -p %s/org/mintmark/refused && cp %s*.class %s/org/mintmark/refused/ && "
             "rm %s/org/mintmark/refused/Colour*.class",
             dir, built(REFUSED), dir, dir);
    assert_int_equal(system(cmd), 0);
    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0\x01\x02\x03\x04", 5), MM_OK);
    opt.classes[opt.class_n++] = dir;
    opt.output = dir;
    opt.exports[opt.export_n++] = built("api/exports");
    opt.report = note;
    opt.report_ctx = &told;
    assert_int_equal(mm_conv_package(&opt, &err), MM_UNSUPPORTED);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(refusals[i].cls, "Colour") != 0 &&
            !is_told(&told, refusals[i].where, refusals[i].what))
            fail_msg("not told: %s, %s", refusals[i].where, refusals[i].what);
    }
    assert_string_equal(err.text, told.text[0]);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
}

static void conversion_names_a_missing_export_file(void **state)
{
    struct mm_conv_options opt = {.package = "org.mintmark.constructs", .major = 1};
    struct mm_err err = {.text = ""};

    (void)state;
    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0\x01\x02\x03\x04", 5), MM_OK);
    opt.classes[opt.class_n++] = built("applets/classes/test");
    opt.output = "/tmp/mm-conv-none.cap";
    opt.exports[opt.export_n++] = "/nowhere";
    assert_int_equal(mm_conv_package(&opt, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "no export file for package"));
    opt.package = "org.mintmark.absent";
    assert_int_equal(mm_conv_package(&opt, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "no class files of package"));
}

/* ---- Subroutines, which compilers before 2004 made of finally ---- */

#define SUBROUTINES "test/fuzz/corpus/conv_class/subroutines.class"

static enum mm_status convert_subroutines(const char *folder, const char *cap, struct mm_err *err)
{
    struct mm_conv_options opt = {.package = "p", .major = 1};

    assert_int_equal(mm_aid_set(&opt.aid, (const uint8_t *)"\xF0\x01\x02\x03\x04", 5), MM_OK);
    opt.classes[opt.class_n++] = folder;
    opt.output = cap;
    opt.exports[opt.export_n++] = built("api/exports");
    return mm_conv_package(&opt, err);
}

/* The class has subroutines called thrice, left for the next round of a loop, with a switch, and
 * with a finally of their own. The verifier meets each type on each way. */
static void nested_subroutines_become_code_that_verifies(void **state)
{
    char dir[] = "/tmp/mm-conv-XXXXXX", cap[64], cmd[256];
    struct mm_conv_verdict verdict = {0};
    struct mm_err err = {.text = ""};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(cap, sizeof(cap), "%s/p.cap", dir);
    snprintf(cmd, sizeof(cmd), "mkdir %s/p && cp " SUBROUTINES " %s/p/F.class", dir, dir);
    assert_int_equal(system(cmd), 0);
    if (convert_subroutines(dir, cap, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(mm_conv_verify(cap, NULL, 0, NULL, 0, &verdict, &err), MM_OK);
    assert_int_equal(verdict.methods, 4);
    assert_true(verdict.described);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    assert_int_equal(system(cmd), 0);
}

/* Bytes of the class file replaced, each found once: the first method's code. */
static void subroutines_that_are_not_nested_are_refused(void **state)
{
    static const struct {
        uint8_t from[4], to[4];
    } edits[] = {
        {{0xA9, 0x01, 0xA8, 0xFF}, {0xA9, 0x00, 0xA8, 0xFF}}, /* ret through another local */
        {{0xA7, 0x00, 0x16, 0x4D}, {0xA7, 0x00, 0x0A, 0x4D}}, /* a jump into the subroutine */
        {{0x4D, 0xA8, 0x00, 0x05}, {0x4D, 0xA8, 0x00, 0x06}}, /* a call behind its start */
        {{0x4C, 0xB2, 0x00, 0x12}, {0x4C, 0xA8, 0xFF, 0xFF}}, /* one that calls itself */
    };
    size_t len;

    (void)state;
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        uint8_t *data = slurp(SUBROUTINES, &len), *at;
        struct mm_err err = {.text = ""};

        assert_non_null(data);
        at = memmem(data, len, edits[i].from, 4);
        assert_non_null(at);
        memcpy(at, edits[i].to, 4);
        assert_int_equal(mm_conv_class_check(data, len, &err), MM_UNSUPPORTED);
        assert_non_null(strstr(err.text, "subroutines (jsr, ret) that are not nested"));
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_check_accepts_every_construct),
        cmocka_unit_test(class_check_refuses_every_prefix),
        cmocka_unit_test(class_check_refuses_bytes_after_the_end),
        cmocka_unit_test(conversion_refuses_what_cards_cannot_have_by_class_method_and_line),
        cmocka_unit_test(conversion_goes_on_behind_each_refusal),
        cmocka_unit_test(conversion_names_a_missing_export_file),
        cmocka_unit_test(nested_subroutines_become_code_that_verifies),
        cmocka_unit_test(subroutines_that_are_not_nested_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
