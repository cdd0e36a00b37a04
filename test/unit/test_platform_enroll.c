/*
 * Enrolment and remote management against a real chip in this process: fresh image, certificates,
 * keys, homes; then the purse by /manage, APDU for APDU as a client carries them.
 */
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/card/card.h"
#include "host_client/access/access.h"
#include "host_client/net/net.h"
#include "test/unit/platform_fixture.h"

struct setup {
    struct fixture *f;
    char image[96], reader[104], agent[96], client[96];
};

static int up(void **state)
{
    struct setup *s = calloc(1, sizeof(*s));
    struct mm_card_config cfg = {0};
    struct mm_err err = {0};
    void *f = NULL;

    assert_non_null(s);
    fixture_up(&f);
    s->f = f;
    snprintf(s->image, sizeof(s->image), "%s/card.nvm", s->f->dir);
    snprintf(s->reader, sizeof(s->reader), "chip:%s", s->image);
    snprintf(s->agent, sizeof(s->agent), "%s/agent", s->f->dir);
    snprintf(s->client, sizeof(s->client), "%s/client", s->f->dir);
    cfg.nvm.path = s->image;
    if (mm_card_init(&cfg, MM_PROFILE_DEVELOPER, &err) != MM_OK)
        fail_msg("%s", err.text);
    *state = s;
    return 0;
}

static int down(void **state)
{
    struct setup *s = *state;
    void *f = s->f;

    fixture_down(&f);
    free(s);
    return 0;
}

static enum mm_status enroll(struct setup *s, const char *name, struct mm_err *err)
{
    const struct mm_enrolment what = {.reader = s->reader,
                                      .chip = name,
                                      .agent_dir = s->agent,
                                      .client_dir = s->client,
                                      .url = "https://127.0.0.1:1"};

    return mm_platform_enroll(s->f->p, &what, err);
}

static void enroll_well(struct setup *s)
{
    struct mm_err err = {0};

    if (enroll(s, "fresh", &err) != MM_OK)
        fail_msg("%s", err.text);
}

/* Read a file of the terminal's; owned by the caller, NUL-terminated. */
static char *slurp(const char *dir, const char *name)
{
    char *path = mm_platform_path(dir, name);
    uint8_t *data = NULL;
    size_t len = 0;
    char *text;

    assert_int_equal(mm_file_read(path, 65536, &data, &len, NULL), MM_OK);
    text = strndup((const char *)data, len);
    free(data);
    free(path);
    return text;
}

static void enroll_fills_both_homes(void **state)
{
    static const char *const shared[] = {"ca.pem", "terminal.pem"};
    struct mm_pins pins;
    X509 *release, *before;
    uint32_t version;
    struct setup *s = *state;
    struct stat st;
    char *text, *path;

    enroll_well(s);
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        free(slurp(s->agent, shared[i]));
        free(slurp(s->client, shared[i]));
    }
    path = mm_platform_path(s->agent, "platform.pin");
    assert_int_equal(mm_pins_read(path, &pins, NULL), MM_OK);
    assert_int_equal(pins.n, 1);
    assert_int_equal(pins.version, 0);
    free(path);
    path = mm_platform_path(s->agent, "release.pem");
    assert_int_equal(mm_release_read(path, &release, &before, &version, NULL), MM_OK);
    assert_int_equal(X509_cmp(release, s->f->p->release), 0);
    assert_null(before);
    X509_free(release);
    free(path);
    text = slurp(s->agent, "agent.conf");
    assert_non_null(strstr(text, "platform_url = https://127.0.0.1:1\n"));
    assert_non_null(strstr(text, "client_files = /"));
    free(text);
    text = slurp(s->client, "client.conf");
    assert_non_null(strstr(text, "platform = https://127.0.0.1:1\n"));
    assert_non_null(strstr(text, "/agent/platform.pin\n")); /* one file for both */
    free(text);
    path = mm_platform_path(s->agent, "pairing.key");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    free(path);
}

static void enroll_lets_the_chip_attest_under_the_operators_root(void **state)
{
    static const uint8_t nonce[32] = {1, 2, 3};
    struct setup *s = *state;
    struct mm_aid aid = mm_aid_of(MM_AID_INTEGRITY);
    struct mm_access *access = NULL;
    struct mm_token token;
    struct mm_chip chip;
    struct mm_buf resp;
    struct mm_err err = {0};
    uint16_t sw;

    enroll_well(s);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_open(s->reader, 1000, &access, NULL), MM_OK);
    assert_int_equal(mm_access_select(access, &aid, &resp, &sw, NULL), MM_OK);
    assert_int_equal(sw, 0x9000);
    assert_int_equal(mm_access_call(access, 0x80, MM_INS_INTEGRITY_INTEGRITY, 0, 0, nonce,
                                    sizeof(nonce), 65536, &resp, &sw, NULL),
                     MM_OK);
    assert_int_equal(sw, 0x9000);
    if (mm_token_verify(resp.data, resp.len, s->f->p->ca, nonce, sizeof(nonce), &token, &err) !=
        MM_OK)
        fail_msg("%s", err.text);
    assert_true(token.valid);
    assert_int_equal(mm_store_chip_get(s->f->p->store, token.chip_id, &chip), MM_OK);
    assert_string_equal(chip.name, "fresh");
    assert_int_equal(balance_of(s->f, "funding", token.chip_id, 16), 100000);
    mm_token_clear(&token);
    mm_access_close(&access);
    mm_buf_clear(&resp);
}

static void enroll_refuses_a_chip_that_is_enrolled(void **state)
{
    struct setup *s = *state;
    struct mm_err err = {0};

    enroll_well(s);
    assert_int_equal(enroll(s, "again", &err), MM_EXISTS); /* the terminal's home is taken */
    snprintf(s->agent, sizeof(s->agent), "%s/agent2", s->f->dir);
    assert_int_equal(enroll(s, "again", &err), MM_AUTH); /* the chip's test keys are gone */
    assert_non_null(strstr(err.text, "enrolled already"));
}

static void enroll_says_when_there_is_no_chip(void **state)
{
    struct setup *s = *state;
    struct mm_err err = {0};
    struct mm_terminal terminal;

    snprintf(s->reader, sizeof(s->reader), "chip:%s/nothing.nvm", s->f->dir);
    assert_int_not_equal(enroll(s, "fresh", &err), MM_OK);
    assert_true(strlen(err.text) > 0);
    assert_int_equal(mm_store_terminal_get(s->f->p->store, NULL, "fresh", &terminal), MM_NOT_FOUND);
}

/* ---- Management ---- */

/* The purse of the same build, next to the tests. */
static bool purse_cap(char out[PATH_MAX])
{
    char self[PATH_MAX] = "";

    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return false;
    snprintf(out, PATH_MAX, "%.4000s/applets/purse.cap", dirname(dirname(self)));
    return access(out, R_OK) == 0;
}

static void take_over(struct setup *s)
{
    char *pem = mm_platform_path(s->agent, "terminal.pem");
    char *key = mm_platform_path(s->agent, "terminal.key");
    json_t *report = NULL;
    const char *hex;
    uint8_t id[16];
    size_t len = sizeof(id);

    X509_free(s->f->cert);
    EVP_PKEY_free(s->f->key);
    assert_int_equal(mm_cert_load(pem, &s->f->cert, NULL), MM_OK);
    assert_int_equal(mm_key_load(key, &s->f->key, NULL), MM_OK);
    assert_int_equal(mm_store_terminal_get(s->f->p->store, NULL, "fresh", &s->f->terminal), MM_OK);
    assert_int_equal(mm_store_report(s->f->p->store, &report), MM_OK);
    hex = json_string_value(
        json_object_get(json_array_get(json_object_get(report, "chips"), 1), "id"));
    assert_int_equal(mm_unhex(hex, id, &len), MM_OK);
    assert_int_equal(mm_store_chip_get(s->f->p->store, id, &s->f->chip), MM_OK);
    json_decref(report);
    free(pem);
    free(key);
}

/* Send what the platform made, as a client does; the last response's data in resp. */
static size_t carry(struct mm_access *access, const json_t *apdus, struct mm_buf *resp,
                    uint16_t *sw)
{
    size_t n = json_array_size(apdus), i;

    *sw = 0;
    for (i = 0; i < n; i++) {
        uint8_t apdu[300];
        size_t len = sizeof(apdu);
        assert_int_equal(mm_unhex(json_string_value(json_array_get(apdus, i)), apdu, &len), MM_OK);
        resp->len = 0;
        assert_int_equal(mm_access_send(access, apdu, len, resp, NULL), MM_OK);
        *sw = mm_be16(resp->data + resp->len - 2);
        resp->len -= 2;
        if (*sw != 0x9000)
            break;
    }
    return i;
}

static void manage(struct setup *s, struct mm_access *access, const char *op, uint16_t expected)
{
    struct session session = good_session(s->f, "manage");
    char key[24], chip[33], *hex, text[5];
    json_t *begun, *rest;
    const char *id;
    struct mm_buf resp;
    uint16_t sw;
    size_t sent;

    mm_buf_init(&resp);
    begun = post(s->f, "/v1/manage",
                 json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "op", op, "package", "purse",
                           "chip", mm_hex(s->f->chip.id, 16, chip), "key", new_key(s->f, key),
                           "pin", "1234", "session", session.text, "result", session.result));
    id = json_string_value(json_object_get(begun, "session"));
    assert_non_null(id);
    assert_int_equal(carry(access, json_object_get(begun, "apdus"), &resp, &sw), 2);
    assert_int_equal(sw, 0x9000);
    hex = malloc(2 * resp.len + 1);
    rest =
        post(s->f, "/v1/manage/next",
             json_pack("{s:s, s:s}", "session", id, "response", mm_hex(resp.data, resp.len, hex)));
    assert_int_equal(s->f->status, 200);
    sent = carry(access, json_object_get(rest, "apdus"), &resp, &sw);
    assert_int_equal(sw, expected);
    snprintf(text, sizeof(text), "%04X", sw);
    json_decref(post(s->f, "/v1/manage/done",
                     json_pack("{s:s, s:s, s:i}", "session", id, "sw", text, "count", (int)sent)));
    assert_int_equal(s->f->status, 200);
    expect_error(
        s->f,
        post(s->f, "/v1/manage/next", json_pack("{s:s, s:s}", "session", id, "response", hex)), 409,
        "session_unknown");
    free(hex);
    json_decref(rest);
    json_decref(begun);
    mm_buf_clear(&resp);
    session_end(&session);
}

static void expect_purse_info(struct setup *s, struct mm_access *access)
{
    struct mm_aid aid = mm_aid_of(MM_AID_PURSE);
    struct mm_purse purse;
    struct mm_buf resp;
    uint16_t sw;

    mm_buf_init(&resp);
    assert_int_equal(mm_access_select(access, &aid, &resp, &sw, NULL), MM_OK);
    assert_int_equal(sw, 0x9000);
    assert_int_equal(
        mm_access_call(access, 0x80, MM_INS_PURSE_GET_INFO, 0, 0, NULL, 0, 256, &resp, &sw, NULL),
        MM_OK);
    assert_int_equal(sw, 0x9000);
    assert_int_equal(resp.len, 32);
    assert_int_equal(mm_store_purse_of(s->f->p->store, s->f->chip.id, &purse), MM_OK);
    assert_memory_equal(resp.data + 1, purse.id, 8); /* the id that the store has */
    assert_int_equal(mm_be32(resp.data + 15), 0);
    mm_buf_clear(&resp);
}

static void manage_installs_personalises_and_deletes_the_purse(void **state)
{
    struct setup *s = *state;
    struct mm_aid applet = mm_aid_of(MM_AID_PURSE), package = mm_aid_of(MM_AID_PURSE_PACKAGE);
    struct mm_access *access = NULL;
    struct mm_release what = {0};
    struct mm_err err = {0};
    struct mm_buf resp;
    char cap[PATH_MAX];
    const char *caps[] = {cap, NULL};
    uint32_t version;
    uint16_t sw;

    if (!purse_cap(cap))
        skip(); /* built without its applets */
    what.caps = caps;
    enroll_well(s);
    take_over(s);
    if (mm_platform_release(s->f->p, &what, &version, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(version, 1);
    assert_int_equal(mm_access_open(s->reader, 1000, &access, NULL), MM_OK);
    manage(s, access, "install", 0x9000);
    assert_int_equal(mm_store_component_add(s->f->p->store, s->f->chip.id, &package, 1), MM_OK);
    assert_int_equal(mm_store_component_add(s->f->p->store, s->f->chip.id, &applet, 2), MM_OK);
    manage(s, access, "personalise", 0x9000);
    expect_purse_info(s, access);
    manage(s, access, "delete", 0x9000);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_select(access, &applet, &resp, &sw, NULL), MM_OK);
    assert_int_equal(sw, MM_SW_6A82_FILE_NOT_FOUND);
    mm_buf_clear(&resp);
    mm_access_close(&access);
}

static void manage_refuses_what_is_not_released_or_not_there(void **state)
{
    struct setup *s = *state;
    struct session session = good_session(s->f, "manage");
    char chip[33];
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "op", "delete", "package", "purse",
                             "chip", mm_hex(s->f->chip.id, 16, chip), "key", "k", "session",
                             session.text, "result", session.result);

    expect_error(s->f, post(s->f, "/v1/manage", json_incref(body)), 409, "not_installed");
    json_object_set_new(body, "package", json_string("casino"));
    expect_error(s->f, post(s->f, "/v1/manage", json_incref(body)), 404, "package_unknown");
    json_object_set_new(body, "op", json_string("frobnicate"));
    expect_error(s->f, post(s->f, "/v1/manage", json_incref(body)), 400, "bad_request");
    json_object_set_new(body, "chip", json_string("00000000000000000000000000000000"));
    json_object_set_new(body, "op", json_string("delete"));
    json_object_set_new(body, "package", json_string("purse"));
    expect_error(s->f, post(s->f, "/v1/manage", body), 403, "result_invalid");
    session_end(&session);
}

static void release_counts_versions_and_keeps_the_old_one_when_it_fails(void **state)
{
    static const char *const nothing[] = {"/nowhere/purse.cap", NULL};
    struct setup *s = *state;
    struct mm_release what = {.client = "/bin/true"}, bad = {.caps = nothing};
    struct mm_err err = {0};
    json_t *refs = NULL;
    uint32_t version = 0;

    assert_int_equal(mm_platform_release(s->f->p, &what, &version, &err), MM_OK);
    assert_int_equal(version, 1);
    assert_int_equal(mm_platform_release(s->f->p, &what, &version, &err), MM_OK);
    assert_int_equal(version, 2);
    assert_int_not_equal(mm_platform_release(s->f->p, &bad, &version, &err), MM_OK);
    assert_non_null(strstr(err.text, "purse.cap"));
    assert_int_equal(mm_platform_references(s->f->p, &refs, &err), MM_OK);
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(refs, "references"), 0), "version")),
                     2);
    json_decref(refs);
}

#define T(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(enroll_fills_both_homes),
        T(enroll_lets_the_chip_attest_under_the_operators_root),
        T(enroll_refuses_a_chip_that_is_enrolled),
        T(enroll_says_when_there_is_no_chip),
        T(manage_installs_personalises_and_deletes_the_purse),
        T(manage_refuses_what_is_not_released_or_not_there),
        T(release_counts_versions_and_keeps_the_old_one_when_it_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
