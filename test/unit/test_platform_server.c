/*
 * The real server on a port of its own, in a thread, and libcurl as the client: TLS versions, client
 * certificates, HTTP that is none.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "test/unit/platform_fixture.h"

struct served {
    struct fixture *f;
    struct mm_server *server;
    pthread_t thread;
    enum mm_status st;
};

static void *serve(void *ctx)
{
    struct served *s = ctx;

    s->st = mm_server_run(s->server, NULL);
    return NULL;
}

static int served_up(void **state)
{
    struct served *s = calloc(1, sizeof(*s));
    struct mm_err err = {0};
    void *f = NULL;

    assert_non_null(s);
    fixture_up(&f);
    s->f = f;
    assert_int_equal(mm_ca_write_cert(s->f->dir, "t.pem", s->f->cert, NULL), MM_OK);
    assert_int_equal(mm_ca_write_key(s->f->dir, "t.key", s->f->key, NULL), MM_OK);
    if (mm_server_new(s->f->p, "127.0.0.1:0", &s->server, &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_not_equal(mm_server_port(s->server), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    *state = s;
    return 0;
}

static int served_down(void **state)
{
    struct served *s = *state;
    void *f = s->f;

    mm_server_stop(s->server);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_int_equal(s->st, MM_OK);
    mm_server_free(&s->server);
    fixture_down(&f);
    free(s);
    return 0;
}

static size_t keep(char *data, size_t size, size_t n, void *ctx)
{
    mm_buf_bytes(ctx, data, size * n);
    return size * n;
}

struct asked {
    CURLcode rc;
    long status;
    json_t *body;
};

/* cert: file names in the platform's folder without ending; NULL: no certificate. */
static struct asked ask(struct served *s, const char *cert, const char *path, const char *data,
                        size_t len, long tls)
{
    CURL *c = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct asked a = {0};
    struct mm_buf got;
    char url[128], ca[128], pem[128], key[128];

    mm_buf_init(&got);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", mm_server_port(s->server), path);
    snprintf(ca, sizeof(ca), "%s/ca.pem", s->f->dir);
    snprintf(pem, sizeof(pem), "%s/%s.pem", s->f->dir, cert != NULL ? cert : "");
    snprintf(key, sizeof(key), "%s/%s.key", s->f->dir, cert != NULL ? cert : "");
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_CAINFO, ca);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, tls);
    if (cert != NULL) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, pem);
        curl_easy_setopt(c, CURLOPT_SSLKEY, key);
    }
    if (data != NULL) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, data);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    }
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &got);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
    a.rc = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
    a.body = json_loadb((const char *)got.data, got.len, 0, NULL);
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    mm_buf_clear(&got);
    return a;
}

static void expect(struct asked a, long status, const char *error)
{
    const char *is = json_string_value(json_object_get(a.body, "error"));

    assert_int_equal(a.rc, CURLE_OK);
    assert_int_equal(a.status, status);
    if (error != NULL) {
        assert_non_null(is);
        assert_string_equal(is, error);
    }
    json_decref(a.body);
}

static void server_answers_an_enrolled_terminal(void **state)
{
    struct served *s = *state;

    expect(ask(s, "t", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3), 200, NULL);
    expect(ask(s, "t", "/v1/revocations", NULL, 0, CURL_SSLVERSION_TLSv1_3), 200, NULL);
    expect(ask(s, "t", "/v1/account?chip=00", NULL, 0, CURL_SSLVERSION_TLSv1_3), 400,
           "bad_request");
}

static void server_refuses_a_connection_without_certificate(void **state)
{
    struct served *s = *state;
    struct asked a = ask(s, NULL, "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3);

    assert_int_not_equal(a.rc, CURLE_OK);
    assert_int_equal(a.status, 0);
    json_decref(a.body);
    expect(ask(s, "t", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3), 200, NULL);
}

static void server_refuses_a_certificate_of_another_ca(void **state)
{
    struct served *s = *state;
    EVP_PKEY *key = NULL, *ca_key = NULL;
    X509 *ca = NULL, *cert = NULL;
    struct asked a;

    assert_int_equal(mm_ca_new_key(&key, NULL), MM_OK);
    assert_int_equal(mm_ca_new_key(&ca_key, NULL), MM_OK);
    assert_int_equal(mm_ca_issue(MM_CERT_ROOT, "Test operator", ca_key, NULL, ca_key, &ca, NULL),
                     MM_OK);
    assert_int_equal(mm_ca_issue(MM_CERT_TERMINAL, "till", key, ca, ca_key, &cert, NULL), MM_OK);
    assert_int_equal(mm_ca_write_cert(s->f->dir, "x.pem", cert, NULL), MM_OK);
    assert_int_equal(mm_ca_write_key(s->f->dir, "x.key", key, NULL), MM_OK);
    a = ask(s, "x", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3);
    assert_int_not_equal(a.rc, CURLE_OK);
    json_decref(a.body);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
}

/* The chip's attestation certificate is under the same CA, but not for TLS. */
static void server_refuses_a_chips_certificate(void **state)
{
    struct served *s = *state;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    struct asked a;

    assert_int_equal(mm_ca_new_key(&key, NULL), MM_OK);
    assert_int_equal(
        mm_ca_issue(MM_CERT_ATTESTATION, "till", key, s->f->p->ca, s->f->p->ca_key, &cert, NULL),
        MM_OK);
    assert_int_equal(mm_ca_write_cert(s->f->dir, "x.pem", cert, NULL), MM_OK);
    assert_int_equal(mm_ca_write_key(s->f->dir, "x.key", key, NULL), MM_OK);
    a = ask(s, "x", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3);
    assert_int_not_equal(a.rc, CURLE_OK);
    json_decref(a.body);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void server_tells_a_revoked_terminal_so(void **state)
{
    struct served *s = *state;
    char *path = mm_platform_path(s->f->dir, "platform.db");
    struct mm_store *own = NULL;

    /* As `mintmark-platform revoke` does beside a running server: another connection to the store. */
    assert_int_equal(mm_store_open(path, false, &own, NULL), MM_OK);
    assert_int_equal(mm_store_revoke(own, s->f->terminal.serial, 1), MM_OK);
    mm_store_close(&own);
    free(path);
    expect(ask(s, "t", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3), 403, "terminal_revoked");
}

static void server_refuses_older_tls(void **state)
{
    struct served *s = *state;
    struct asked a = ask(s, "t", "/v1/challenge", "{}", 2,
                         CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2);

    assert_int_equal(a.rc, CURLE_SSL_CONNECT_ERROR);
    json_decref(a.body);
}

static void server_refuses_bad_requests_and_goes_on(void **state)
{
    struct served *s = *state;
    char *big = calloc(1, 2 * MM_BODY_MAX);

    assert_non_null(big);
    memset(big, ' ', 2 * MM_BODY_MAX - 1);
    expect(ask(s, "t", "/v1/challenge", "{\"a\"", 4, CURL_SSLVERSION_TLSv1_3), 400, "bad_request");
    expect(ask(s, "t", "/v2", NULL, 0, CURL_SSLVERSION_TLSv1_3), 404, "not_found");
    expect(ask(s, "t", "/v1/challenge", big, 2 * MM_BODY_MAX - 1, CURL_SSLVERSION_TLSv1_3), 413,
           "too_large");
    expect(ask(s, "t", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3), 200, NULL);
    free(big);
}

/* Plain bytes on the TLS port end that connection, not the server. */
static void server_survives_bytes_that_are_not_tls(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\n\r\n";
    struct served *s = *state;
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(mm_server_port(s->server))};
    char buf[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
    assert_int_equal(send(fd, text, sizeof(text) - 1, 0), sizeof(text) - 1);
    while (recv(fd, buf, sizeof(buf), 0) > 0)
        ; /* until the server ends it */
    close(fd);
    expect(ask(s, "t", "/v1/challenge", "{}", 2, CURL_SSLVERSION_TLSv1_3), 200, NULL);
}

static void server_refuses_addresses_it_cannot_listen_on(void **state)
{
    static const char *const bad[] = {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536",
                                      "256.1.1.1:0"};
    struct served *s = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_server *server = NULL;
        struct mm_err err = {0};
        assert_int_not_equal(mm_server_new(s->f->p, bad[i], &server, &err), MM_OK);
        assert_null(server);
        assert_true(strlen(err.text) > 0);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, served_up, served_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(server_answers_an_enrolled_terminal),
        T(server_refuses_a_connection_without_certificate),
        T(server_refuses_a_certificate_of_another_ca),
        T(server_refuses_a_chips_certificate),
        T(server_tells_a_revoked_terminal_so),
        T(server_refuses_older_tls),
        T(server_refuses_bad_requests_and_goes_on),
        T(server_survives_bytes_that_are_not_tls),
        T(server_refuses_addresses_it_cannot_listen_on),
    };

    curl_global_init(CURL_GLOBAL_ALL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
