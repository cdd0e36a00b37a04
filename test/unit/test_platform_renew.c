/* Renewal: new certificates, the signed updates that tell of them, and what an interruption leaves. */
#include "test/unit/platform_fixture.h"

static void must(enum mm_status st, const struct mm_err *err)
{
    if (st != MM_OK)
        fail_msg("%s", err->text);
}

static uint32_t renew(struct fixture *f)
{
    struct mm_err err = {0};
    uint32_t version;

    must(mm_platform_renew(f->p, 0, &version, &err), &err);
    return version;
}

static uint32_t renew_release(struct fixture *f)
{
    struct mm_err err = {0};
    uint32_t version;

    must(mm_platform_renew_release(f->p, 0, &version, &err), &err);
    return version;
}

static void activate(struct fixture *f)
{
    struct mm_err err = {0};

    must(mm_platform_activate(f->p, &err), &err);
}

/* What GET /v1/updates answers; its HTTP status. */
static int fetch(struct fixture *f, unsigned kind, uint32_t after, struct mm_buf *object)
{
    char query[48];
    struct mm_request req = {
        .method = "GET", .path = "/v1/updates", .query = query, .peer = f->cert};
    struct mm_reply reply;

    snprintf(query, sizeof(query), "kind=%u&after=%u", kind, after);
    mm_platform_handle(f->p, &req, &reply);
    mm_buf_init(object);
    if (reply.status == 200) {
        assert_string_equal(reply.content_type, "application/cose");
        mm_buf_bytes(object, reply.body.data, reply.body.len);
    }
    mm_buf_clear(&reply.body);
    return reply.status;
}

/* The served update above after: of this version, under release, and about cert. */
static void expect_update(struct fixture *f, enum mm_update_kind kind, uint32_t after,
                          X509 *release, uint32_t version, X509 *cert)
{
    struct mm_update update;
    struct mm_buf object;
    struct mm_err err = {0};
    X509 *held = NULL;

    assert_int_equal(fetch(f, kind, after, &object), 200);
    must(mm_update_verify(object.data, object.len, release, kind, &update, &err), &err);
    assert_int_equal(update.version, version);
    must(mm_update_cert(&update, &held, &err), &err);
    assert_int_equal(X509_cmp(held, cert), 0);
    X509_free(held);
    mm_update_clear(&update);
    mm_buf_clear(&object);
}

static X509 *file_cert(struct fixture *f, const char *name)
{
    char path[128];
    X509 *cert = NULL;

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    assert_int_equal(mm_cert_load(path, &cert, NULL), MM_OK);
    return cert;
}

static bool has_file(struct fixture *f, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return access(path, F_OK) == 0;
}

static void rename_file(struct fixture *f, const char *from, const char *to)
{
    char old[128], new[128];

    snprintf(old, sizeof(old), "%s/%s", f->dir, from);
    snprintf(new, sizeof(new), "%s/%s", f->dir, to);
    assert_int_equal(rename(old, new), 0);
}

static void release_something(struct fixture *f)
{
    struct mm_reference item = {.kind = 0, .name = "mintmark-pay", .code = {7}};
    struct mm_references refs = {.version = 1, .items = &item, .item_n = 1};
    struct mm_buf out;

    mm_buf_init(&out);
    assert_int_equal(mm_references_sign(&refs, f->p->release_key, &out), MM_OK);
    assert_int_equal(mm_store_references_add(f->p->store, 1, out.data, out.len, f->clock, NULL),
                     MM_OK);
    mm_buf_clear(&out);
}

/* ---- The server's certificate ---- */

static void renewed_certificate_waits_until_it_is_activated(void **state)
{
    struct fixture *f = *state;
    X509 *old = X509_dup(f->p->server), *next;

    assert_int_equal(renew(f), 1);
    assert_int_equal(X509_cmp(f->p->server, old), 0);
    fixture_reopen(f);
    assert_int_equal(X509_cmp(f->p->server, old), 0);
    next = file_cert(f, "server-next.pem");
    assert_int_not_equal(X509_cmp(next, old), 0);
    expect_update(f, MM_UPDATE_PLATFORM, 0, f->p->release, 1, next);
    activate(f);
    assert_int_equal(X509_cmp(f->p->server, next), 0);
    fixture_reopen(f);
    assert_int_equal(X509_cmp(f->p->server, next), 0);
    assert_int_equal(X509_check_private_key(f->p->server, f->p->server_key), 1);
    expect_update(f, MM_UPDATE_PLATFORM, 0, f->p->release, 1, next);
    X509_free(next);
    X509_free(old);
}

static void renewal_is_refused_while_one_waits(void **state)
{
    struct fixture *f = *state;
    struct mm_err err = {0};
    uint32_t version;

    renew(f);
    assert_int_equal(mm_platform_renew(f->p, 0, &version, &err), MM_EXISTS);
    assert_non_null(strstr(err.text, "--activate"));
    activate(f);
    assert_int_equal(mm_platform_activate(f->p, &err), MM_STATE);
    assert_int_equal(renew(f), 2);
}

static void renewal_takes_the_days_it_is_given(void **state)
{
    struct fixture *f = *state;
    uint32_t version;
    int days = 0, seconds = 0;
    X509 *next;

    assert_int_equal(mm_platform_renew(f->p, 30, &version, NULL), MM_OK);
    next = file_cert(f, "server-next.pem");
    assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(next)), 1);
    assert_in_range(days, 29, 30);
    X509_free(next);
}

static void certificate_that_nobody_was_told_of_is_not_activated(void **state)
{
    struct fixture *f = *state;
    struct mm_err err = {0};
    X509 *cert = NULL;
    EVP_PKEY *key = NULL;

    /* As a renewal leaves it that died before its update was stored. */
    assert_int_equal(mm_ca_new_key(&key, NULL), MM_OK);
    assert_int_equal(
        mm_ca_issue(MM_CERT_SERVER, "platform", key, f->p->ca, f->p->ca_key, &cert, NULL), MM_OK);
    assert_int_equal(mm_ca_write_key(f->dir, "server-next.key", key, NULL), MM_OK);
    assert_int_equal(mm_ca_write_cert(f->dir, "server-next.pem", cert, NULL), MM_OK);
    assert_int_equal(mm_platform_activate(f->p, &err), MM_STATE);
    assert_non_null(strstr(err.text, "interrupted"));
    assert_int_equal(renew(f), 1);
    activate(f);
    assert_int_not_equal(X509_cmp(f->p->server, cert), 0);
    EVP_PKEY_free(key);
    X509_free(cert);
}

static void activation_that_was_interrupted_is_completed(void **state)
{
    struct fixture *f = *state;
    X509 *next;

    renew(f);
    next = file_cert(f, "server-next.pem");
    rename_file(f, "server-next.key", "server.key");
    fixture_reopen(f);
    assert_int_equal(X509_cmp(f->p->server, next), 0);
    assert_int_equal(X509_check_private_key(f->p->server, f->p->server_key), 1);
    assert_false(has_file(f, "server-next.pem"));
    X509_free(next);
}

/* ---- The release certificate ---- */

static void release_certificate_is_renewed_by_the_one_before(void **state)
{
    struct fixture *f = *state;
    X509 *first = X509_dup(f->p->release), *second;
    EVP_PKEY *first_key = f->p->release_key;
    struct mm_references refs;
    struct mm_buf object;
    struct mm_err err = {0};

    EVP_PKEY_up_ref(first_key);
    release_something(f);
    assert_int_equal(renew_release(f), 1);
    second = X509_dup(f->p->release);
    expect_update(f, MM_UPDATE_RELEASE, 0, first, 1, second);
    /* What was released is there again under the next version and the new key. */
    assert_int_equal(fetch(f, MM_UPDATE_REFERENCES, 1, &object), 200);
    must(mm_references_verify(object.data, object.len, second, &refs, &err), &err);
    assert_int_equal(refs.version, 2);
    assert_int_equal(refs.items[0].code[0], 7);
    mm_references_clear(&refs);
    mm_buf_clear(&object);
    assert_int_equal(fetch(f, MM_UPDATE_REFERENCES, 2, &object), 404);
    assert_int_equal(renew_release(f), 2);
    expect_update(f, MM_UPDATE_RELEASE, 1, second, 2, f->p->release);
    expect_update(f, MM_UPDATE_RELEASE, 0, first, 1, second); /* a late terminal takes each */
    EVP_PKEY_free(first_key);
    X509_free(second);
    X509_free(first);
}

static void release_renewal_signs_server_certificates_anew(void **state)
{
    struct fixture *f = *state;
    X509 *next;
    struct mm_buf object;

    renew(f);
    activate(f);
    renew(f);
    next = file_cert(f, "server-next.pem");
    renew_release(f);
    /* Versions 1 and 2 were signed by the old key. */
    expect_update(f, MM_UPDATE_PLATFORM, 0, f->p->release, 3, f->p->server);
    expect_update(f, MM_UPDATE_PLATFORM, 3, f->p->release, 4, next);
    assert_int_equal(fetch(f, MM_UPDATE_PLATFORM, 4, &object), 404);
    activate(f);
    assert_int_equal(X509_cmp(f->p->server, next), 0);
    X509_free(next);
}

static void release_renewal_that_was_interrupted_is_completed(void **state)
{
    static const char *const again[][2] = {{"release.pem", "release-next.pem"},
                                           {"release.key", "release-next.key"}};
    struct fixture *f = *state;
    X509 *first = X509_dup(f->p->release), *second;
    EVP_PKEY *first_key = f->p->release_key;

    EVP_PKEY_up_ref(first_key);
    renew_release(f);
    second = X509_dup(f->p->release);
    /* Back to before the certificate's file was moved, then to before the key's was too. */
    for (size_t i = 1; i <= 2; i++) {
        for (size_t j = 0; j < i; j++)
            rename_file(f, again[j][0], again[j][1]);
        assert_int_equal(mm_ca_write_cert(f->dir, "release.pem", first, NULL), MM_OK);
        if (i == 2)
            assert_int_equal(mm_ca_write_key(f->dir, "release.key", first_key, NULL), MM_OK);
        fixture_reopen(f);
        assert_int_equal(X509_cmp(f->p->release, second), 0);
        assert_int_equal(X509_check_private_key(f->p->release, f->p->release_key), 1);
        assert_false(has_file(f, "release-next.pem"));
        assert_false(has_file(f, "release-next.key"));
    }
    EVP_PKEY_free(first_key);
    X509_free(second);
    X509_free(first);
}

/* ---- Store and call ---- */

static void versions_of_updates_rise_by_one_and_stay(void **state)
{
    struct fixture *f = *state;
    const uint8_t object[] = {1};

    assert_int_equal(mm_store_update_add(f->p->store, 2, 2, object, 1, 1, NULL), MM_EXISTS);
    assert_int_equal(mm_store_update_add(f->p->store, 2, 1, object, 1, 1, NULL), MM_OK);
    assert_int_equal(mm_store_update_add(f->p->store, 2, 1, object, 1, 1, NULL), MM_EXISTS);
    assert_int_equal(mm_store_update_add(f->p->store, 3, 1, object, 1, 1, NULL), MM_OK);
    assert_int_equal(mm_store_update_add(f->p->store, 2, 3, object, 1, 1, NULL), MM_EXISTS);
    assert_int_equal(mm_store_update_add(f->p->store, 1, 1, object, 1, 1, NULL), MM_EXISTS);
}

static void updates_call_says_what_it_expects(void **state)
{
    static const char *const bad[] = {
        NULL,
        "",
        "kind=0",
        "kind=4",
        "kind=2x",
        "kind=-2",
        "after=1",
        "kind=2&after=",
        "kind=2&after=-1",
        "kind=2&after=4294967296",
        "kind=2&after=99999999999999999999",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_error(f, get(f, "/v1/updates", bad[i]), 400, "bad_request");
    expect_error(f, get(f, "/v1/updates", "kind=2"), 404, "not_found");
    expect_error(f, get(f, "/v1/updates", "kind=1&after=4294967295"), 404, "not_found");
}

/* ---- init ---- */

static void init_that_was_interrupted_is_completed(void **state)
{
    static const char *const lost[] = {"server.pem",  "release.key", "release.pem",
                                       "load.master", "result.key",  "platform.db"};
    struct fixture *f = *state;
    X509 *ca = X509_dup(f->p->ca);
    uint8_t issuer[16];
    struct mm_err err = {0};

    memcpy(issuer, f->p->issuer_master, sizeof(issuer));
    assert_int_equal(mm_platform_init(f->dir, "again", &err), MM_EXISTS);
    mm_platform_close(&f->p);
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++)
        rename_file(f, lost[i], "lost");
    rename_file(f, "platform.conf", "lost");
    assert_int_equal(mm_platform_open(f->dir, NULL, NULL, &f->p, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "completes"));
    must(mm_platform_init(f->dir, "again", &err), &err);
    fixture_open(f);
    assert_int_equal(X509_cmp(f->p->ca, ca), 0);
    assert_memory_equal(f->p->issuer_master, issuer, sizeof(issuer));
    assert_int_equal(X509_check_private_key(f->p->server, f->p->server_key), 1);
    assert_int_equal(X509_check_private_key(f->p->release, f->p->release_key), 1);
    X509_free(ca);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fixture_up, fixture_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(renewed_certificate_waits_until_it_is_activated),
        T(renewal_is_refused_while_one_waits),
        T(renewal_takes_the_days_it_is_given),
        T(certificate_that_nobody_was_told_of_is_not_activated),
        T(activation_that_was_interrupted_is_completed),
        T(release_certificate_is_renewed_by_the_one_before),
        T(release_renewal_signs_server_certificates_anew),
        T(release_renewal_that_was_interrupted_is_completed),
        T(versions_of_updates_rise_by_one_and_stay),
        T(updates_call_says_what_it_expects),
        T(init_that_was_interrupted_is_completed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
