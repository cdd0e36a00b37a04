/* Which signed updates the agent takes, and how it lets go of an old platform key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust_agent/agent_int.h"

struct setup {
    struct mm_agent *a;
    EVP_PKEY *key, *other;
    char path[64];
};

static X509 *cert_make(EVP_PKEY *key)
{
    X509 *cert = X509_new();

    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    assert_int_equal(X509_set_pubkey(cert, key), 1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int up(void **state)
{
    struct setup *s = calloc(1, sizeof(*s));
    int fd;

    assert_non_null(s);
    s->a = calloc(1, sizeof(*s->a));
    assert_non_null(s->a);
    s->key = EVP_EC_gen("P-256");
    s->other = EVP_EC_gen("P-256");
    strcpy(s->path, "/tmp/mm-agent-file.XXXXXX");
    fd = mkstemp(s->path);
    s->a->events = json_array();
    s->a->release = cert_make(s->key);
    s->a->config.platform_pin = strdup(s->path);
    s->a->config.references = strdup(s->path);
    *state = s;
    return fd < 0 ? -1 : close(fd);
}

static int down(void **state)
{
    struct setup *s = *state;

    unlink(s->path);
    mm_agent_close(&s->a);
    EVP_PKEY_free(s->key);
    EVP_PKEY_free(s->other);
    free(s);
    return 0;
}

static enum mm_status judge(struct setup *s, EVP_PKEY *signer, enum mm_update_kind says,
                            enum mm_update_kind is, uint32_t version, struct mm_err *err)
{
    struct mm_update update;
    struct mm_buf object;
    enum mm_status st;

    mm_buf_init(&object);
    assert_int_equal(mm_update_sign(says, version, (const uint8_t *)"x", 1, signer, &object),
                     MM_OK);
    st = update_judge(s->a, is, &object, &update, err);
    assert_true((st == MM_OK) == (update.content != NULL));
    mm_update_clear(&update);
    mm_buf_clear(&object);
    return st;
}

static void update_of_any_kind_has_to_be_above_the_version_held(void **state)
{
    static const enum mm_update_kind kinds[] = {MM_UPDATE_REFERENCES, MM_UPDATE_PLATFORM,
                                                MM_UPDATE_RELEASE};
    struct setup *s = *state;
    struct mm_err err = {0};

    s->a->references.version = 5;
    s->a->pins.version = 5;
    s->a->release_version = 5;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(judge(s, s->key, kinds[i], kinds[i], 6, &err), MM_OK);
        assert_int_equal(judge(s, s->key, kinds[i], kinds[i], 5, &err), MM_REFUSED);
        assert_non_null(strstr(err.text, "not above 5"));
        assert_int_equal(judge(s, s->key, kinds[i], kinds[i], 1, &err), MM_REFUSED);
    }
}

static void update_by_a_wrong_key_or_of_another_kind_is_refused(void **state)
{
    struct setup *s = *state;
    struct mm_err err = {0};

    assert_int_equal(judge(s, s->other, MM_UPDATE_PLATFORM, MM_UPDATE_PLATFORM, 1, &err),
                     MM_REFUSED);
    assert_non_null(strstr(err.text, "platform certificate"));
    assert_int_equal(judge(s, s->key, MM_UPDATE_PLATFORM, MM_UPDATE_RELEASE, 1, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "expected kind 3"));
}

static void update_by_the_release_certificate_before_is_refused(void **state)
{
    struct setup *s = *state;
    struct mm_err err = {0};

    s->a->release_before = s->a->release;
    s->a->release = cert_make(s->other);
    assert_int_equal(judge(s, s->key, MM_UPDATE_PLATFORM, MM_UPDATE_PLATFORM, 1, &err), MM_REFUSED);
}

static void references_held_stay_good_when_the_release_certificate_is_renewed(void **state)
{
    struct setup *s = *state;
    struct mm_references refs = {.version = 3};
    struct mm_buf object;
    struct mm_err err = {0};

    mm_buf_init(&object);
    assert_int_equal(mm_references_sign(&refs, s->key, &object), MM_OK);
    assert_int_equal(mm_file_write(s->path, object.data, object.len, 0600, NULL), MM_OK);
    mm_buf_clear(&object);
    assert_int_equal(references_load(s->a, &err), MM_OK);
    X509_free(s->a->release);
    s->a->release = cert_make(s->other);
    assert_int_equal(references_load(s->a, &err), MM_AUTH);
    s->a->release_before = cert_make(s->key);
    assert_int_equal(references_load(s->a, &err), MM_OK);
    assert_int_equal(s->a->references.version, 3);
}

static void old_key_is_dropped_when_the_platform_shows_the_new_one(void **state)
{
    struct setup *s = *state;
    struct mm_pins file;
    const uint8_t old[MM_PIN_LEN] = {1}, next[MM_PIN_LEN] = {2};

    s->a->pins = (struct mm_pins){.pins = {{2}, {1}}, .n = 2, .version = 4};
    pins_note(s->a, old); /* still in use: nothing changes */
    assert_int_equal(s->a->pins.n, 2);
    pins_note(s->a, next);
    assert_int_equal(s->a->pins.n, 1);
    assert_int_equal(mm_pins_read(s->path, &file, NULL), MM_OK);
    assert_memory_equal(&file, &s->a->pins, sizeof(file));
    assert_int_equal(file.version, 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(update_of_any_kind_has_to_be_above_the_version_held),
        T(update_by_a_wrong_key_or_of_another_kind_is_refused),
        T(update_by_the_release_certificate_before_is_refused),
        T(references_held_stay_good_when_the_release_certificate_is_renewed),
        T(old_key_is_dropped_when_the_platform_shows_the_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
