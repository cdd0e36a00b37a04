/*
 * Every construct of the language (converter/test/language/.../Cases.java) does on the chip what it does
 * on a Java virtual machine: the build ran the same class files there and wrote down the answers.
 */
#include "test/unit/built_chip.h"

#define ANSWERS_MIN 500

static int load(void **state)
{
    (void)state;
    built_chip_new();
    built_chip_load("test_language.cap", true);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return built_chip_end();
}

static bool answers(int which, int argument, int want)
{
    struct mm_buf resp;
    uint16_t sw = 0;
    bool good;

    mm_buf_init(&resp);
    assert_int_equal(mm_access_call(built.chip, 0x80, (uint8_t)which, (uint8_t)(argument >> 8),
                                    (uint8_t)argument, NULL, 0, 256, &resp, &sw, NULL),
                     MM_OK);
    good = sw == 0x9000 && resp.len == 2 && (int16_t)mm_be16(resp.data) == want;
    if (!good)
        fprintf(stderr, "case %d of %d: status %04X, Java has %d\n", which, argument, sw, want);
    mm_buf_clear(&resp);
    return good;
}

static void every_construct_answers_as_java_does(void **state)
{
    const char *build = getenv("MM_BUILD");
    int which, argument, want;
    unsigned n = 0, wrong = 0;
    char path[256];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/applets/test_language.expected",
             build != NULL ? build : "build/release");
    f = fopen(path, "r");
    assert_non_null(f);
    while (fscanf(f, "%d %d %d", &which, &argument, &want) == 3) {
        wrong += !answers(which, argument, want);
        n++;
    }
    fclose(f);
    assert_int_equal(wrong, 0);
    assert_true(n > ANSWERS_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_construct_answers_as_java_does),
    };

    return cmocka_run_group_tests(tests, load, clean);
}
