/*
 * What loading and verifying a package cost as it grows, over two orders of magnitude. Prints
 * Markdown; not a test. Loading is the structural check (mm_cap_read), linking, translation and the
 * package's record in the image; the typed check of the code comes to that.
 *
 *   straight  loads, array access, field access, calls: one way through
 *   loops     loops around such code: two ways meet at each
 */
#include <time.h>

#include "test/unit/verify_cap.h"

#define CODE_MAX 60000
#define REPEATS  20

static const struct {
    const char *name, *block;
} kinds[] = {
    {"straight", "7b0006 1c 25 1d 41 30 7b0007 94000001 85 03 2f 1c 8d000d 2f"},
    {"loops", "03 31 70 0d 7b0006 1e 25 1d 41 30 59 02 01 1e 10 0a 6c f2"},
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Blocks up to n bytes of code, then a return. */
static char *make_code(const char *block, size_t n)
{
    size_t len = strlen(block), bytes = 0, at = 0;
    char *hex = malloc((n + 64) * 4);

    must(hex != NULL, "malloc", "out of memory");
    for (const char *p = block; *p != '\0'; p++)
        bytes += *p != ' ';
    bytes /= 2;
    for (size_t done = 0; done + bytes < n; done += bytes, at += len)
        memcpy(hex + at, block, len);
    memcpy(hex + at, "1c 78", sizeof("1c 78"));
    return hex;
}

/* Into a chip of its own. */
static double load_time(const char *name, const uint8_t *lfdb, size_t len)
{
    struct test_chip chip;
    struct mm_err err = {0};
    double took;

    chip_open(&chip, 0);
    took = now();
    must(chip_load(&chip, TEST_PACKAGE, lfdb, len, &err) == MM_OK, name, err.text);
    took = now() - took;
    chip_close(&chip);
    return took;
}

static void measure(const char *name, const char *block, size_t n)
{
    char *hex = make_code(block, n);
    struct test_method t = {.code = hex, .max_locals = 1};
    struct mm_verify_env env = {.rom = test_rom};
    struct mm_verify_stats stats = {0};
    double read = 1e12, verify = 1e12, load = 1e12;
    struct mm_err err = {0};
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(&t, &len);

    must(lfdb != NULL, "build_verify_lfdb", "out of memory");
    for (int i = 0; i < REPEATS; i++) {
        struct mm_cap *cap = NULL;
        double start = now(), middle, end;
        must(mm_cap_read(lfdb, len, &cap, &err) == MM_OK, name, err.text);
        middle = now();
        must(mm_verify(cap, &env, &stats, &err) == MM_OK, name, err.text);
        end = now();
        read = middle - start < read ? middle - start : read;
        verify = end - middle < verify ? end - middle : verify;
        mm_cap_free(&cap);
        end = load_time(name, lfdb, len);
        load = end < load ? end : load;
    }
    printf("| %s | %zu | %.0f | %.0f | %.1f | %.0f | %.1f |\n", name, n, read, verify,
           verify * 1e3 / (double)n, load, load * 1e3 / (double)n);
    free(lfdb);
    free(hex);
}

int main(void)
{
    puts("| code | bytes | structure, us | types, us | ns a byte | load, us | ns a byte |\n"
         "|--|--|--|--|--|--|--|");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (size_t n = CODE_MAX / 100; n <= CODE_MAX; n *= 10)
            measure(kinds[k].name, kinds[k].block, n);
    }
    return 0;
}
