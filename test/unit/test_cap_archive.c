/* CAP files as archives: every kind of ZIP that tools write, and a load file without one. */
#include "applet_vm/cap/cap.h"
#include "test/unit/cap_seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <ctype.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <zip.h>

#define ALL MM_CAP_COMPONENT_N

static void write_archive(const char *path, const char *dir, unsigned leave_out)
{
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);

    assert_non_null(zip);
    for (size_t off = 0; off < sizeof(cap_seed);) {
        size_t len = 3 + (size_t)mm_be16(cap_seed + off + 1);
        char name[80];
        snprintf(name, sizeof(name), "%sjavacard/%s.cap", dir, mm_cap_tag_name(cap_seed[off]));
        if (cap_seed[off] != leave_out)
            assert_true(
                zip_file_add(zip, name, zip_source_buffer(zip, cap_seed + off, len, 0), 0) >= 0);
        off += len;
    }
    assert_int_equal(zip_close(zip), 0);
}

static void cap_file_gives_the_load_file(void **state)
{
    char dir[] = "/tmp/mm_capXXXXXX", path[40];
    uint8_t *data = NULL;
    size_t len = 0;
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/seed.cap", dir);
    write_archive(path, "org/seed/", ALL);
    assert_int_equal(mm_cap_lfdb_from_file(path, true, &data, &len, &err), MM_OK);
    assert_int_equal(len, sizeof(cap_seed));
    assert_memory_equal(data, cap_seed, len);
    free(data);
    assert_int_equal(mm_cap_lfdb_from_file(path, false, &data, &len, &err), MM_OK);
    assert_true(len < sizeof(cap_seed));
    assert_memory_equal(data, cap_seed, len);
    free(data);
    assert_int_equal(mm_cap_read_file(path, &cap, &err), MM_OK);
    mm_cap_free(&cap);
    remove(path);
    rmdir(dir);
}

static void add_member(zip_t *zip, const char *name, const uint8_t *data, size_t len, bool stored)
{
    zip_int64_t i = zip_file_add(zip, name, zip_source_buffer(zip, data, len, 0), 0);

    assert_true(i >= 0);
    assert_int_equal(
        zip_set_file_compression(zip, (zip_uint64_t)i, stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 0),
        0);
}

/* What archivers do: other files before and behind, folders as members, any order, stored or packed,
 * names in another case, no folder at all. */
static void write_odd_archive(const char *path, const char *dir, bool upper, bool stored)
{
    size_t offs[MM_CAP_COMPONENT_N], n = 0;
    char name[80];
    int code;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);

    assert_non_null(zip);
    add_member(zip, "META-INF/MANIFEST.MF", (const uint8_t *)"Manifest-Version: 1.0", 21, stored);
    if (*dir != '\0')
        assert_true(zip_dir_add(zip, dir, 0) >= 0);
    for (size_t off = 0; off < sizeof(cap_seed); off += 3 + (size_t)mm_be16(cap_seed + off + 1))
        offs[n++] = off;
    while (n-- > 0) {
        snprintf(name, sizeof(name), "%s%s.cap", dir, mm_cap_tag_name(cap_seed[offs[n]]));
        for (char *p = name; upper && *p != '\0'; p++)
            *p = (char)toupper((unsigned char)*p);
        add_member(zip, name, cap_seed + offs[n], 3u + mm_be16(cap_seed + offs[n] + 1), stored);
    }
    add_member(zip, "APPLET-INF/applet.xml", (const uint8_t *)"<applet/>", 9, stored);
    assert_int_equal(zip_close(zip), 0);
}

static void assert_file_is_the_seed(const char *path)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct mm_err err = {0};

    if (mm_cap_lfdb_from_file(path, true, &data, &len, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(len, sizeof(cap_seed));
    assert_memory_equal(data, cap_seed, len);
    free(data);
}

static void cap_file_is_read_from_any_archive(void **state)
{
    static const char *const dirs[] = {"org/seed/javacard/", "a/b/c/d/e/f/g/javacard/", "javacard/",
                                       ""};
    char dir[] = "/tmp/mm_capXXXXXX", path[40];

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/seed.cap", dir);
    for (size_t i = 0; i < 4 * sizeof(dirs) / sizeof(dirs[0]); i++) {
        write_odd_archive(path, dirs[i / 4], (i & 1) != 0, (i & 2) != 0);
        assert_file_is_the_seed(path);
    }
    remove(path);
    rmdir(dir);
}

/* .ijc: the components one after the other, in the order they have; without Debug, as in every load
 * file. */
static void a_file_that_is_a_load_file_is_taken_as_it_is(void **state)
{
    char dir[] = "/tmp/mm_capXXXXXX", path[40];
    uint8_t with_debug[sizeof(cap_seed) + 5], *data = NULL;
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};
    size_t len = 0;

    (void)state;
    memcpy(with_debug, cap_seed, sizeof(cap_seed));
    memcpy(with_debug + sizeof(cap_seed), "\x0C\x00\x02\x00\x00", 5);
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/seed.ijc", dir);
    assert_int_equal(mm_file_write(path, with_debug, sizeof(with_debug), 0600, &err), MM_OK);
    assert_file_is_the_seed(path);
    assert_int_equal(mm_cap_lfdb_from_file(path, false, &data, &len, &err), MM_OK);
    assert_true(len < sizeof(cap_seed));
    assert_int_equal(mm_cap_read(data, len, &cap, &err), MM_OK);
    assert_null(mm_cap_component(cap, MM_CAP_DESCRIPTOR)->info);
    mm_cap_free(&cap);
    free(data);
    for (size_t cut = 7; cut < sizeof(cap_seed); cut += 97) {
        assert_int_equal(mm_file_write(path, cap_seed, cut, 0600, &err), MM_OK);
        assert_int_not_equal(mm_cap_read_file(path, &cap, &err), MM_OK);
        assert_non_null(strstr(err.text, path));
    }
    remove(path);
    rmdir(dir);
}

static void cap_file_errors_name_the_file(void **state)
{
    char dir[] = "/tmp/mm_capXXXXXX", path[40];
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/seed.cap", dir);
    assert_int_equal(mm_cap_read_file(path, &cap, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(mm_file_write(path, "no zip", 6, 0600, &err), MM_OK);
    assert_int_equal(mm_cap_read_file(path, &cap, &err), MM_MALFORMED);
    write_archive(path, "org/seed/", MM_CAP_HEADER);
    assert_int_equal(mm_cap_read_file(path, &cap, &err), MM_MALFORMED);
    assert_non_null(strstr(err.text, "no javacard/Header.cap"));
    write_archive(path, "org/seed/", MM_CAP_METHOD);
    assert_int_equal(mm_cap_read_file(path, &cap, &err), MM_TRUNCATED);
    assert_non_null(strstr(err.text, "the Method component is missing"));
    assert_null(cap);
    remove(path);
    rmdir(dir);
}

static void assert_components_are_the_seeds(const struct mm_cap *cap, const struct mm_cap *seed)
{
    for (int tag = MM_CAP_HEADER; tag <= MM_CAP_DEBUG; tag++) {
        const struct mm_cap_component *c = mm_cap_component(cap, (enum mm_cap_tag)tag);
        const struct mm_cap_component *s = mm_cap_component(seed, (enum mm_cap_tag)tag);
        if (c->info == NULL)
            continue;
        assert_int_equal(c->len, s->len);
        assert_memory_equal(c->info, s->info, c->len);
    }
}

/* A changed byte of the archive is found by its checksums, or was none of the contents: a date, or the
 * name of an optional component, which is then not there. */
static void cap_file_with_a_changed_byte_never_gives_other_contents(void **state)
{
    char dir[] = "/tmp/mm_capXXXXXX", path[40];
    uint8_t *file = NULL;
    size_t file_len = 0;
    struct mm_cap *seed = NULL, *cap = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/seed.cap", dir);
    write_archive(path, "org/seed/", ALL);
    assert_int_equal(mm_cap_read_file(path, &seed, &err), MM_OK);
    assert_int_equal(mm_file_read(path, 1 << 20, &file, &file_len, &err), MM_OK);
    for (size_t i = 0; i < file_len; i++) {
        FILE *out = fopen(path, "wb");
        file[i] ^= 0x01;
        assert_non_null(out);
        assert_int_equal(fwrite(file, 1, file_len, out), file_len);
        assert_int_equal(fclose(out), 0);
        file[i] ^= 0x01;
        if (mm_cap_read_file(path, &cap, &err) != MM_OK)
            continue;
        assert_components_are_the_seeds(cap, seed);
        mm_cap_free(&cap);
    }
    mm_cap_free(&seed);
    free(file);
    remove(path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cap_file_gives_the_load_file),
        cmocka_unit_test(cap_file_is_read_from_any_archive),
        cmocka_unit_test(a_file_that_is_a_load_file_is_taken_as_it_is),
        cmocka_unit_test(cap_file_errors_name_the_file),
        cmocka_unit_test(cap_file_with_a_changed_byte_never_gives_other_contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
