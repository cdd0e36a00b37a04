/* The payment client's measurement and the fixed digests, against the vectors of docs/measurement.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_client/trust/trust.h"

static char dir[] = "/tmp/mm-trust-XXXXXX";

static const char *in_dir(char path[96], const char *name)
{
    snprintf(path, 96, "%s/%s", dir, name);
    return path;
}

static void put(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void trust_files_digest_is_the_documented_one_in_any_order(void **state)
{
    static const char expected[] =
        "AA7A5355348F968C99F7AAB90945E1F5D96AC5E8F072668618751BA37194A613";
    char a[96], b[96], hex[65];
    const char *forward[] = {in_dir(a, "a"), in_dir(b, "b"), NULL};
    const char *backward[] = {b, a, NULL};
    uint8_t digest[32];

    (void)state;
    put(a, "one\n", 4);
    unlink(b);
    assert_int_equal(mm_measure_files(forward, digest, NULL), MM_OK);
    assert_string_equal(mm_hex(digest, 32, hex), expected);
    assert_int_equal(mm_measure_files(backward, digest, NULL), MM_OK);
    assert_string_equal(mm_hex(digest, 32, hex), expected);
    put(b, "", 0); /* there and empty is not the same as not there */
    assert_int_equal(mm_measure_files(forward, digest, NULL), MM_OK);
    assert_string_not_equal(mm_hex(digest, 32, hex), expected);
    unlink(a);
    unlink(b);
}

static void trust_files_that_cannot_be_read_are_a_failure(void **state)
{
    const char *paths[] = {dir, NULL};
    uint8_t digest[32];
    struct mm_err err;

    (void)state;
    assert_int_equal(mm_measure_files(paths, digest, &err), MM_IO);
    assert_non_null(strstr(err.text, dir));
}

/* A copy of this test program, to be changed. */
static void copy_self(const char *path, uint8_t **data, size_t *len)
{
    assert_int_equal(mm_file_read("/proc/self/exe", 64u << 20, data, len, NULL), MM_OK);
    put(path, *data, *len);
    assert_int_equal(chmod(path, 0755), 0);
}

static void trust_program_digest_moves_with_any_byte_and_not_with_the_path(void **state)
{
    uint8_t one[32], two[32], *data;
    char a[96], b[96];
    size_t len;

    (void)state;
    copy_self(in_dir(a, "client"), &data, &len);
    put(in_dir(b, "renamed"), data, len);
    assert_int_equal(mm_measure_program(a, one, NULL), MM_OK);
    assert_int_equal(mm_measure_program(b, two, NULL), MM_OK);
    assert_memory_equal(one, two, 32);
    data[len - 1] ^= 1;
    put(a, data, len);
    assert_int_equal(mm_measure_program(a, two, NULL), MM_OK);
    assert_memory_not_equal(one, two, 32);
    free(data);
    unlink(a);
    unlink(b);
}

/* Where a program names its loader. */
static char *interpreter(uint8_t *data)
{
    Elf64_Ehdr h;
    Elf64_Phdr p;

    memcpy(&h, data, sizeof(h));
    for (size_t i = 0; i < h.e_phnum; i++) {
        memcpy(&p, data + h.e_phoff + i * sizeof(p), sizeof(p));
        if (p.p_type == PT_INTERP)
            return (char *)data + p.p_offset;
    }
    return NULL;
}

static void trust_program_with_another_loader_is_refused_unrun(void **state)
{
    uint8_t digest[32], *data;
    struct mm_err err;
    char path[96], *name;
    size_t len;

    (void)state;
    copy_self(in_dir(path, "client"), &data, &len);
    name = interpreter(data);
    assert_non_null(name);
    name[1] ^= 1;
    put(path, data, len);
    assert_int_equal(mm_measure_program(path, digest, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "loader"));
    free(data);
    unlink(path);
}

static void trust_program_asking_for_audit_is_refused_unrun(void **state)
{
    uint8_t digest[32], *data;
    struct mm_err err;
    char path[96];
    Elf64_Ehdr h;
    Elf64_Phdr p = {0};
    size_t len;
    int64_t tag = DT_AUDIT;

    (void)state;
    copy_self(in_dir(path, "client"), &data, &len);
    memcpy(&h, data, sizeof(h));
    for (size_t i = 0; i < h.e_phnum && p.p_type != PT_DYNAMIC; i++)
        memcpy(&p, data + h.e_phoff + i * sizeof(p), sizeof(p));
    assert_int_equal(p.p_type, PT_DYNAMIC);
    memcpy(data + p.p_offset, &tag, sizeof(tag));
    put(path, data, len);
    assert_int_equal(mm_measure_program(path, digest, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "auditing"));
    free(data);
    unlink(path);
}

static void trust_program_that_is_none_is_refused_at_every_length(void **state)
{
    uint8_t digest[32], *data;
    struct mm_err err;
    char path[96];
    size_t len;

    (void)state;
    copy_self(in_dir(path, "client"), &data, &len);
    for (size_t n = 0; n < 1024; n += 61) {
        put(path, data, n);
        assert_int_not_equal(mm_measure_program(path, digest, &err), MM_OK);
    }
    put(path, "#!/bin/sh\n", 10);
    assert_int_equal(mm_measure_program(path, digest, &err), MM_MALFORMED);
    unlink(path);
    assert_int_equal(mm_measure_program(path, digest, &err), MM_NOT_FOUND);
    free(data);
}

static void trust_loads_pem_and_says_what_is_wrong_otherwise(void **state)
{
    struct mm_err err;
    char path[96];
    X509 *cert;
    EVP_PKEY *key;

    (void)state;
    put(in_dir(path, "x.pem"), "no certificate\n", 15);
    assert_int_equal(mm_cert_load(path, &cert, &err), MM_MALFORMED);
    assert_null(cert);
    assert_int_equal(mm_key_load(path, &key, &err), MM_MALFORMED);
    assert_null(key);
    unlink(path);
    assert_int_equal(mm_cert_load(path, &cert, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, path));
}

static int dir_make(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int dir_remove(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trust_files_digest_is_the_documented_one_in_any_order),
        cmocka_unit_test(trust_files_that_cannot_be_read_are_a_failure),
        cmocka_unit_test(trust_program_digest_moves_with_any_byte_and_not_with_the_path),
        cmocka_unit_test(trust_program_with_another_loader_is_refused_unrun),
        cmocka_unit_test(trust_program_asking_for_audit_is_refused_unrun),
        cmocka_unit_test(trust_program_that_is_none_is_refused_at_every_length),
        cmocka_unit_test(trust_loads_pem_and_says_what_is_wrong_otherwise),
    };

    return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
