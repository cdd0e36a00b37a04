/* Update objects and release.pem: what verifies, and everything that must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/trust/trust.h"

struct keys {
    EVP_PKEY *key, *other_key;
    X509 *cert, *other;
    char path[64];
};

static X509 *cert_make(EVP_PKEY *key, long serial)
{
    X509 *cert = X509_new();

    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int up(void **state)
{
    struct keys *k = calloc(1, sizeof(*k));
    int fd;

    assert_non_null(k);
    k->key = EVP_EC_gen("P-256");
    k->other_key = EVP_EC_gen("P-256");
    k->cert = cert_make(k->key, 1);
    k->other = cert_make(k->other_key, 2);
    strcpy(k->path, "/tmp/mm-release.XXXXXX");
    fd = mkstemp(k->path);
    *state = k;
    return fd < 0 ? -1 : close(fd);
}

static int down(void **state)
{
    struct keys *k = *state;

    unlink(k->path);
    X509_free(k->cert);
    X509_free(k->other);
    EVP_PKEY_free(k->key);
    EVP_PKEY_free(k->other_key);
    free(k);
    return 0;
}

static void object_make(struct keys *k, enum mm_update_kind kind, uint32_t version,
                        struct mm_buf *out)
{
    uint8_t *der = NULL;
    int len = i2d_X509(k->other, &der);

    assert_true(len > 0);
    mm_buf_init(out);
    assert_int_equal(mm_update_sign(kind, version, der, (size_t)len, k->key, out), MM_OK);
    OPENSSL_free(der);
}

static void trust_update_comes_back_as_signed(void **state)
{
    struct keys *k = *state;
    struct mm_update update;
    struct mm_buf object;
    X509 *cert = NULL;

    object_make(k, MM_UPDATE_PLATFORM, UINT32_MAX, &object);
    assert_int_equal(
        mm_update_verify(object.data, object.len, k->cert, MM_UPDATE_PLATFORM, &update, NULL),
        MM_OK);
    assert_int_equal(update.kind, MM_UPDATE_PLATFORM);
    assert_int_equal(update.version, UINT32_MAX);
    assert_int_equal(mm_update_cert(&update, &cert, NULL), MM_OK);
    assert_int_equal(X509_cmp(cert, k->other), 0);
    X509_free(cert);
    update.content_len--;
    assert_int_equal(mm_update_cert(&update, &cert, NULL), MM_MALFORMED);
    assert_null(cert);
    mm_update_clear(&update);
    mm_buf_clear(&object);
}

static void trust_update_of_another_kind_key_or_version_0_is_refused(void **state)
{
    struct keys *k = *state;
    struct mm_update update;
    struct mm_buf object;

    object_make(k, MM_UPDATE_PLATFORM, 1, &object);
    assert_int_equal(
        mm_update_verify(object.data, object.len, k->cert, MM_UPDATE_RELEASE, &update, NULL),
        MM_MALFORMED);
    assert_int_equal(
        mm_update_verify(object.data, object.len, k->other, MM_UPDATE_PLATFORM, &update, NULL),
        MM_AUTH);
    assert_null(update.content);
    mm_buf_clear(&object);
    object_make(k, MM_UPDATE_PLATFORM, 0, &object);
    assert_int_equal(
        mm_update_verify(object.data, object.len, k->cert, MM_UPDATE_PLATFORM, &update, NULL),
        MM_MALFORMED);
    mm_buf_clear(&object);
}

static void trust_update_that_was_changed_or_cut_is_refused(void **state)
{
    struct keys *k = *state;
    struct mm_update update;
    struct mm_buf object;

    object_make(k, MM_UPDATE_RELEASE, 3, &object);
    for (size_t i = 0; i < object.len; i++) {
        object.data[i] ^= 0x01;
        assert_int_not_equal(
            mm_update_verify(object.data, object.len, k->cert, MM_UPDATE_RELEASE, &update, NULL),
            MM_OK);
        assert_null(update.content);
        object.data[i] ^= 0x01;
        assert_int_not_equal(
            mm_update_verify(object.data, i, k->cert, MM_UPDATE_RELEASE, &update, NULL), MM_OK);
    }
    mm_buf_clear(&object);
}

static void release_file_reads_back_with_version_and_the_one_before(void **state)
{
    struct keys *k = *state;
    X509 *release, *before;
    uint32_t version;

    assert_int_equal(mm_release_write(k->path, k->cert, k->other, 7, NULL), MM_OK);
    assert_int_equal(mm_release_read(k->path, &release, &before, &version, NULL), MM_OK);
    assert_int_equal(version, 7);
    assert_int_equal(X509_cmp(release, k->cert), 0);
    assert_int_equal(X509_cmp(before, k->other), 0);
    X509_free(release);
    X509_free(before);
    assert_int_equal(mm_cert_load(k->path, &release, NULL), MM_OK); /* still a PEM file */
    assert_int_equal(X509_cmp(release, k->cert), 0);
    X509_free(release);
    assert_int_equal(mm_release_write(k->path, k->other, NULL, 0, NULL), MM_OK);
    assert_int_equal(mm_release_read(k->path, &release, &before, &version, NULL), MM_OK);
    assert_int_equal(version, 0);
    assert_null(before);
    X509_free(release);
}

static void release_file_that_is_malformed_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "# version 1\n", "# version x\n", "# version 4294967296\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    struct keys *k = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        X509 *release, *before;
        uint32_t version;
        struct mm_err err = {0};
        assert_int_equal(mm_file_write(k->path, bad[i], strlen(bad[i]), 0644, NULL), MM_OK);
        assert_int_equal(mm_release_read(k->path, &release, &before, &version, &err), MM_MALFORMED);
        assert_non_null(strstr(err.text, k->path));
        assert_null(release);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(trust_update_comes_back_as_signed),
        T(trust_update_of_another_kind_key_or_version_0_is_refused),
        T(trust_update_that_was_changed_or_cut_is_refused),
        T(release_file_reads_back_with_version_and_the_one_before),
        T(release_file_that_is_malformed_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
