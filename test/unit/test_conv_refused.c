/* What cards cannot have is refused with file, line, construct and hint, all of it in one run. */
#include "test/unit/conv_run.h"

/* One member of a class a line, so that its line tells which one is meant. */
struct row {
    const char *java;
    const char *what; /* in the message of that line */
};
static const struct row members[] = {
    {"enum Colour { RED, GREEN }", "java/lang/Enum is not supported; use byte constants"},
    {"Object concat() { return \"a\" + field; }", "use a byte array"},
    {"Object text(Object o) { return o.toString(); }", "call of toString: String"},
    {"void print() { System.out.println(); }", "java/lang/System is not supported; use javacard"},
    {"short unbox(Short s) { return s; }", "java/lang/Short is not supported; use short"},
    {"void each(java.util.List<Object> l) { for (Object x : l) print(); }",
     "java/util/List is not supported; use arrays"},
    {"void check(short x) { assert x > 0; }", "java/lang/AssertionError is not exported"},
    {"Object type() { return R.class; }", "class constants are not supported"},
    {"void start() { new Thread(); }", "java/lang/Thread is not supported; cards have no threads"},
    {"void lock() { synchronized (this) { print(); } }", "synchronized is not supported"},
    {"synchronized void all() { }", "synchronized method"},
    {"Object rows() { return new short[2][3]; }", "arrays of arrays are not supported"},
    {"boolean row(Object q) { return q instanceof byte[][]; }", "cast to an array type"},
    {"char next(char x) { return x; }", "char in the signature is not supported; use byte"},
    {"Object chars() { return new char[2]; }", "array of int, char"},
    {"Runnable later() { return this::print; }", "invokedynamic"},
    {"long shift(long x) { return x; }", "long in the signature is not supported; use short"},
    {"double half(float x) { return x; }", "float in the signature is not supported; cards have"},
    {"int rest(int z) { return z; }", "int in the signature is not supported; use short, or"},
    {"Object copy(byte[] b) { return b.clone(); }", "copy with javacard.framework.Util"},
    {"void fail() { throw new IllegalStateException(); }", "IllegalStateException is not exported"},
    {"void trace(Throwable t) { t.printStackTrace(); }", "printStackTrace()V is not there"},
    {"protected void finalize() { }", "finalize is never called"},
    {"short mean(short a, short b) { return (short) ((a + b) / 2); }",
     "int arithmetic needed: division"},
    {"byte at(byte[] b, short o) { return b[o + 1]; }", "int arithmetic needed: array index"},
    {"boolean more(short a, short b) { return a + b > 7; }", "int arithmetic needed: comparison"},
    {"short high(short a, short b) { return (short) (a * b >> 8); }",
     "int arithmetic needed: right shift"},
    {"void call(short a) { take((short) 1, a * 2 > 5 ? a : a); } void take(short a, short b) { }",
     "int arithmetic needed: comparison"},
};

static void every_refusal_names_file_line_construct_and_hint(void **state)
{
    FILE *f;
    char path[128];
    unsigned bad = 0;

    (void)state;
    expect(0, "mkdir -p all/r");
    snprintf(path, sizeof(path), "%s/all/r/R.java", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("package r; class R { short field;\n", f); /* line 1 */
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        fprintf(f, "%s\n", members[i].java);
    fputs("}\n", f);
    fclose(f);
    expect(1, "$CONVERT build --output r.cap all 2>&1");
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        char where[32];
        bool found = false;

        snprintf(where, sizeof(where), "R.java:%zu: r.R", i + 2);
        for (const char *p = strstr(text, where); p != NULL; p = strstr(p + 1, where)) {
            size_t len = strcspn(p, "\n");
            found = found || memmem(p, len, members[i].what, strlen(members[i].what)) != NULL;
        }
        if (!found && ++bad != 0)
            fprintf(stderr, "%s: no \"%s\"\n", where, members[i].what);
    }
    assert_int_equal(bad, 0);
    expect(1, "test -e r.cap");
}

/* Lengths that the format has one byte, or 15 bits, for: a shell loop writes the sources. */
struct limit {
    const char *java; /* shell: prints the source of package l */
    const char *what;
};
static const struct limit limits[] = {
    {"echo 'class L {'; for i in $(seq 256); do echo \"short f$i;\"; done; echo '}'",
     "more than 255 cells of instance fields"},
    {"echo 'class L {'; for i in $(seq 129); do echo \"public void m$i() { }\"; done; echo '}'",
     "more than 128 virtual methods; make some static or private"},
    {"echo 'interface L {'; for i in $(seq 129); do echo \"void m$i();\"; done; echo '}'",
     "more than 128 interface methods; split it"},
    {"for i in $(seq 16); do echo \"interface I$i { }\"; done; echo 'class L implements I1'; "
     "for i in $(seq 2 16); do echo \", I$i\"; done; echo '{ }'",
     "more than 15 interfaces"},
    {"for i in $(seq 256); do echo \"class C$i { }\"; done", "more than 255 classes; split it"},
    {"echo 'class L { static void f(short a) {'; for i in $(seq 255); do echo \"short v$i = a;\"; "
     "done; echo '} }'",
     "more than 255 stack cells or locals; split the method"},
    {"echo 'class L { static short f; static void f() {'; for i in $(seq 5000); do echo 'f += "
     "1234;'; done; echo '} }'",
     "code of a method is not between 1 and 32767 bytes; split it"},
    {"echo 'class L { static short f; '; for k in 1 2 3; do echo \"static void f$k() {\"; for i in "
     "$(seq 1500); do echo 'f += 1234;'; done; echo '}'; done; echo '}'",
     "package has more than 32767 bytes of code"},
    {"echo 'class L { static void f() {'; for i in $(seq 256); do echo 'try { f(); } catch "
     "(RuntimeException e) { }'; done; echo '} }'",
     "more than 255 exception handlers"},
};

static void limits_of_the_format_are_told(void **state)
{
    char command[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        snprintf(command, sizeof(command),
                 "rm -rf l && mkdir -p l/l && { echo 'package l;'; %s; } > l/l/L.java && "
                 "$CONVERT build --output l.cap l; s=$?; test -e l.cap && exit 9; exit $s",
                 limits[i].java);
        expect(1, command);
        expect_text(limits[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_names_file_line_construct_and_hint),
        cmocka_unit_test(limits_of_the_format_are_told),
    };

    return cmocka_run_group_tests(tests, folder_new, folder_remove);
}
