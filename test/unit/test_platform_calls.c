/* Calls: who may call, what is refused before any meaning is looked at, and that nothing changes. */
#include <sys/stat.h>

#include "test/unit/platform_fixture.h"

static void expect_bad_body(struct fixture *f, const char *path, const char *body)
{
    expect_error(f,
                 call_raw(f, f->cert, "POST", path, NULL, "application/json", body, strlen(body)),
                 400, "bad_request");
}

static void platform_gives_a_challenge(void **state)
{
    struct fixture *f = *state;
    json_t *a = post(f, "/v1/challenge", json_object());
    json_t *b = post(f, "/v1/challenge", json_pack("{s:s}", "purpose", "load"));

    assert_int_equal(json_string_length(json_object_get(a, "nonce")), 43);
    assert_int_equal(json_string_length(json_object_get(a, "session")), 22);
    assert_string_not_equal(json_string_value(json_object_get(a, "nonce")),
                            json_string_value(json_object_get(b, "nonce")));
    json_decref(a);
    json_decref(b);
}

static void platform_forgets_challenges_that_came_to_nothing(void **state)
{
    struct fixture *f = *state;
    struct mm_challenge ch = {.nonce = {9}, .session = {9}, .expires = f->clock};

    memcpy(ch.terminal, f->terminal.serial, sizeof(ch.terminal));
    assert_int_equal(mm_store_challenge_add(f->p->store, &ch), MM_OK);
    json_decref(post(f, "/v1/challenge", json_object()));
    assert_int_equal(mm_store_challenge_get(f->p->store, ch.nonce, &ch), MM_OK);
    f->clock += 2 * 86400;
    json_decref(post(f, "/v1/challenge", json_object()));
    assert_int_equal(mm_store_challenge_get(f->p->store, ch.nonce, &ch), MM_NOT_FOUND);
}

static void platform_refuses_what_is_not_json(void **state)
{
    static const char *const bodies[] = {
        "",
        "{",
        "nonsense",
        "[]",
        "7",
        "{\"a\":1,\"a\":2}",
        "{\"purpose\":\"x\"}",
        "{\"purpose\":7}",
        "{\"purpose\":\"load\\u0000\"}",
        "\xff\xfe",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        expect_bad_body(f, "/v1/challenge", bodies[i]);
}

static void platform_refuses_every_prefix_of_a_good_body(void **state)
{
    static const char body[] = "{\"purpose\":\"load\"}";
    struct fixture *f = *state;

    for (size_t len = 0; len < sizeof(body) - 1; len++)
        expect_error(
            f, call_raw(f, f->cert, "POST", "/v1/challenge", NULL, "application/json", body, len),
            400, "bad_request");
}

static void platform_refuses_deep_json(void **state)
{
    struct fixture *f = *state;
    char *body = malloc(60001);

    assert_non_null(body);
    memset(body, '[', 60000);
    body[60000] = '\0';
    expect_bad_body(f, "/v1/challenge", body);
    free(body);
}

static void platform_refuses_a_body_that_is_too_large(void **state)
{
    struct fixture *f = *state;
    char *body = calloc(1, MM_BODY_MAX + 1);

    assert_non_null(body);
    expect_error(f,
                 call_raw(f, f->cert, "POST", "/v1/challenge", NULL, "application/json", body,
                          MM_BODY_MAX + 1),
                 413, "too_large");
    free(body);
}

static void platform_refuses_unknown_paths_methods_and_types(void **state)
{
    struct fixture *f = *state;

    expect_error(f, get(f, "/", NULL), 404, "not_found");
    expect_error(f, get(f, "/v1/\xff\xfe%s", NULL), 404, "not_found");
    expect_error(f, get(f, "/v1/challenge", NULL), 405, "bad_method");
    expect_error(f, call_raw(f, f->cert, "POST", "/v1/challenge", NULL, "text/plain", "{}", 2), 415,
                 "bad_type");
    expect_error(f, call_raw(f, f->cert, "POST", "/v1/evidence", NULL, NULL, "x", 1), 415,
                 "bad_type");
}

static void platform_refuses_fields_that_do_not_fit(void **state)
{
    static const char *const bodies[] = {
        "{\"key\":\"k\"}",
        "{\"key\":\"\",\"result\":\"x\"}",
        "{\"key\":\"a b\",\"result\":\"x\"}",
        "{\"key\":7}",
        "{}",
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_bad_body(f, "/v1/load/begin", bodies[i]);
        expect_bad_body(f, "/v1/pay/settle", bodies[i]);
        expect_bad_body(f, "/v1/manage", bodies[i]);
    }
    expect_bad_body(f, "/v1/manage/next", "{\"session\":\"short\",\"response\":\"00\"}");
    expect_bad_body(f, "/v1/manage/done", "{\"sw\":\"9\"}");
}

static void platform_refuses_a_result_that_is_no_token(void **state)
{
    struct fixture *f = *state;

    expect_error(
        f, post(f, "/v1/load/begin", json_pack("{s:s, s:s}", "key", "k", "result", "not.a.token")),
        403, "result_invalid");
}

static void platform_refuses_who_shows_no_certificate(void **state)
{
    struct fixture *f = *state;

    expect_error(f, call_raw(f, NULL, "GET", "/v1/revocations", NULL, NULL, NULL, 0), 403,
                 "terminal_unknown");
}

/* Certificates of the same CA that are no terminal's: the server's, the release's. */
static void platform_refuses_a_certificate_that_is_no_terminals(void **state)
{
    struct fixture *f = *state;

    expect_error(f, call_raw(f, f->p->release, "GET", "/v1/revocations", NULL, NULL, NULL, 0), 403,
                 "terminal_unknown");
}

static void platform_refuses_a_revoked_terminal_from_the_next_call_on(void **state)
{
    struct fixture *f = *state;
    const char *first;
    json_t *list;

    json_decref(post(f, "/v1/challenge", json_object()));
    assert_int_equal(f->status, 200);
    assert_int_equal(mm_platform_revoke(f->p, NULL, "till", NULL), MM_OK);
    expect_error(f, post(f, "/v1/challenge", json_object()), 403, "terminal_revoked");
    assert_int_equal(mm_store_revocations(f->p->store, &list), MM_OK);
    first = json_string_value(json_array_get(list, 0));
    assert_string_equal(first, f->terminal.serial);
    json_decref(list);
}

static void platform_revokes_by_serial_and_says_what_is_wrong_with_it(void **state)
{
    struct fixture *f = *state;
    struct mm_err err;

    assert_int_equal(mm_platform_revoke(f->p, f->terminal.serial, NULL, &err), MM_OK);
    expect_error(f, get(f, "/v1/revocations", NULL), 403, "terminal_revoked");
    assert_int_equal(mm_platform_revoke(f->p, "xyz", NULL, &err), MM_USAGE);
    assert_int_equal(mm_platform_revoke(f->p, NULL, "nobody", &err), MM_NOT_FOUND);
}

static void platform_has_no_references_before_a_release(void **state)
{
    struct fixture *f = *state;

    expect_error(f, get(f, "/v1/references", NULL), 404, "not_found");
}

/* ---- Home and store ---- */

static void platform_init_refuses_to_overwrite(void **state)
{
    struct fixture *f = *state;
    struct mm_err err;

    assert_int_equal(mm_platform_init(f->dir, "again", &err), MM_EXISTS);
    fixture_reopen(f); /* and has left everything as it was */
    json_decref(post(f, "/v1/challenge", json_object()));
    assert_int_equal(f->status, 200);
}

static void platform_keeps_secrets_for_its_owner_only(void **state)
{
    static const char *const files[] = {"ca.key",      "server.key",  "release.key",
                                        "result.key",  "platform.db", "issuer.master",
                                        "load.master", "debit.master"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *path = mm_platform_path(f->dir, files[i]);
        struct stat st;
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        free(path);
    }
}

static void write_file(struct fixture *f, const char *name, const char *text)
{
    char *path = mm_platform_path(f->dir, name);

    assert_int_equal(mm_file_write(path, text, strlen(text), 0600, NULL), MM_OK);
    free(path);
}

static void platform_says_what_is_wrong_with_its_files(void **state)
{
    static const struct {
        const char *file, *text, *says;
    } cases[] = {
        {"platform.conf", "listen\n", "line 1"},
        {"platform.conf", "\nfunding = lots\n", "line 2"},
        {"platform.conf", "colour = red\n", "colour"},
        {"load.master", "short", "expected 16"},
    };
    struct fixture *f = *state;

    mm_platform_close(&f->p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mm_err err = {0};
        write_file(f, cases[i].file, cases[i].text);
        assert_int_not_equal(mm_platform_open(f->dir, NULL, NULL, &f->p, &err), MM_OK);
        assert_null(f->p);
        assert_non_null(strstr(err.text, cases[i].says));
        if (strcmp(cases[i].file, "platform.conf") == 0)
            write_file(f, "platform.conf", "");
    }
}

static void platform_refuses_a_store_that_is_none(void **state)
{
    struct fixture *f = *state;
    struct mm_err err;
    char *wal = mm_platform_path(f->dir, "platform.db-wal");

    mm_platform_close(&f->p);
    unlink(wal);
    free(wal);
    write_file(f, "platform.db", "this is not a database, it only looks like a file of text\n");
    assert_int_equal(mm_platform_open(f->dir, NULL, NULL, &f->p, &err), MM_TAMPERED);
}

static void platform_print_shows_amounts_as_people_write_them(void **state)
{
    struct fixture *f = *state;
    json_t *report = NULL;
    struct mm_buf text;

    mm_buf_init(&text);
    assert_int_equal(mm_platform_report(f->p, &report, NULL), MM_OK);
    mm_platform_print(report, &text);
    mm_buf_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "1000.00"));
    assert_non_null(strstr((const char *)text.data, "-1000.00"));
    assert_non_null(strstr((const char *)text.data, "till"));
    mm_buf_clear(&text);
    json_decref(report);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(platform_gives_a_challenge),
        T(platform_forgets_challenges_that_came_to_nothing),
        T(platform_refuses_what_is_not_json),
        T(platform_refuses_every_prefix_of_a_good_body),
        T(platform_refuses_deep_json),
        T(platform_refuses_a_body_that_is_too_large),
        T(platform_refuses_unknown_paths_methods_and_types),
        T(platform_refuses_fields_that_do_not_fit),
        T(platform_refuses_a_result_that_is_no_token),
        T(platform_refuses_who_shows_no_certificate),
        T(platform_refuses_a_certificate_that_is_no_terminals),
        T(platform_refuses_a_revoked_terminal_from_the_next_call_on),
        T(platform_revokes_by_serial_and_says_what_is_wrong_with_it),
        T(platform_has_no_references_before_a_release),
        T(platform_init_refuses_to_overwrite),
        T(platform_keeps_secrets_for_its_owner_only),
        T(platform_says_what_is_wrong_with_its_files),
        T(platform_refuses_a_store_that_is_none),
        T(platform_print_shows_amounts_as_people_write_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
