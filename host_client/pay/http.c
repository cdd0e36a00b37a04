#include "host_client/pay/http.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX           1048576 /* a package as wrapped APDUs in hex is some tens of kilobytes */
#define CODE_LEN           64
#define CONNECT_TIMEOUT_MS 5000L

struct mm_pay_http {
    CURL *curl;
    const char *url; /* borrowed from the configuration */
    unsigned timeout_ms;
    char code[CODE_LEN];
    char detail[CURL_ERROR_SIZE];
};

static size_t receive(char *data, size_t size, size_t n, void *ctx)
{
    struct mm_buf *body = ctx;

    if (body->len + size * n > BODY_MAX)
        return 0; /* libcurl ends the call with CURLE_WRITE_ERROR */
    mm_buf_bytes(body, data, size * n);
    return body->bad ? 0 : size * n;
}

/* What stays the same from call to call. */
static bool set_up(struct mm_pay_http *http, const struct mm_pay_config *config)
{
    char pin[64];
    CURL *c = http->curl;

    mm_pay_config_pin_text(config, pin);
    return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAINFO, config->ca) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLCERT, config->certificate) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLKEY, config->key) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PINNEDPUBLICKEY, pin) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOPROXY, "*") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, http->detail) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK;
}

enum mm_status mm_pay_http_open(const struct mm_pay_config *config, struct mm_pay_http **out,
                                struct mm_err *err)
{
    struct mm_pay_http *http = calloc(1, sizeof(*http));

    *out = NULL;
    if (http == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    http->url = config->platform;
    http->timeout_ms = config->timeout_ms;
    http->curl = curl_easy_init();
    if (http->curl == NULL || !set_up(http, config)) {
        mm_pay_http_close(&http);
        return mm_fail(err, MM_FAILED, SIZE_MAX,
                       "libcurl: this build of it cannot do what we need");
    }
    *out = http;
    return MM_OK;
}

void mm_pay_http_close(struct mm_pay_http **http)
{
    if (*http == NULL)
        return;
    curl_easy_cleanup((*http)->curl);
    free(*http);
    *http = NULL;
}

const char *mm_pay_http_code(const struct mm_pay_http *http)
{
    return http->code;
}

/* Refusals that are about integrity or identity, not about the order that was given. */
static bool is_integrity(const char *code)
{
    static const char *const codes[] = {"appraisal",        "result_refused",   "result_invalid",
                                        "terminal_revoked", "terminal_unknown", "chip_revoked"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

enum mm_status mm_pay_http_judge(long http_status, const void *body, size_t body_len, char *code,
                                 json_t **answer, struct mm_err *err)
{
    json_t *object = body_len > 0 ? json_loadb(body, body_len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    const char *error, *message;
    enum mm_status st;

    *answer = NULL;
    code[0] = '\0';
    if (!json_is_object(object)) {
        json_decref(object);
        return mm_fail(err, MM_PLATFORM, SIZE_MAX,
                       "platform: HTTP status %ld, expected a JSON object as answer", http_status);
    }
    if (http_status == 200) {
        *answer = object;
        return MM_OK;
    }
    error = json_string_value(json_object_get(object, "error"));
    message = json_string_value(json_object_get(object, "message"));
    if (error != NULL && strlen(error) < CODE_LEN)
        strcpy(code, error);
    st = is_integrity(code) ? MM_REFUSED : MM_PLATFORM;
    (void)mm_fail(err, st, SIZE_MAX, "platform: %s (HTTP %ld %s)",
                  message != NULL ? message : "refused without a reason", http_status, code);
    json_decref(object);
    return st;
}

/* libcurl's failures as ours: which part is missing or wrong. */
static enum mm_status judge_curl(struct mm_pay_http *http, CURLcode rc, struct mm_err *err)
{
    const char *detail = http->detail[0] != '\0' ? http->detail : curl_easy_strerror(rc);

    switch ((int)rc) {
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "platform: its certificate does not hold the pinned key (%s)", http->url);
    case CURLE_PEER_FAILED_VERIFICATION:
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "platform: its certificate is not trusted: %s",
                       detail);
    case CURLE_SSL_CERTPROBLEM:
        return mm_fail(err, MM_FAILED, SIZE_MAX, "terminal certificate or key: %s", detail);
    case CURLE_OPERATION_TIMEDOUT:
        return mm_fail(err, MM_TIMEOUT, SIZE_MAX, "platform: no answer within %u ms (%s)",
                       http->timeout_ms, http->url);
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: not reachable at %s: %s", http->url,
                       detail);
    case CURLE_WRITE_ERROR:
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: an answer longer than %d bytes",
                       BODY_MAX);
    default:
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: %s", detail);
    }
}

static enum mm_status call(struct mm_pay_http *http, const char *path, const char *body,
                           json_t **answer, struct mm_err *err)
{
    struct curl_slist *headers = NULL;
    struct mm_buf reply;
    char url[1024];
    long http_status = 0;
    enum mm_status st;
    CURLcode rc;
    CURL *c = http->curl;

    *answer = NULL;
    http->code[0] = http->detail[0] = '\0';
    mm_buf_init(&reply);
    if (snprintf(url, sizeof(url), "%s/v1%s", http->url, path) >= (int)sizeof(url))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "platform: URL too long");
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    rc = headers != NULL ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(c, CURLOPT_URL, url);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(c, CURLOPT_WRITEDATA, &reply);
    if (rc == CURLE_OK)
        rc = body != NULL ? curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, body)
                          : curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    if (rc == CURLE_OK)
        rc = curl_easy_setopt(c, CURLOPT_HTTPHEADER, body != NULL ? headers : NULL);
    if (rc == CURLE_OK)
        rc = curl_easy_perform(c);
    (void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, NULL); /* the list ends with this call */
    curl_slist_free_all(headers);
    if (rc != CURLE_OK) {
        st = judge_curl(http, rc, err);
    } else {
        (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &http_status); /* stays 0: not 200 */
        st = mm_pay_http_judge(http_status, reply.data, reply.len, http->code, answer, err);
    }
    mm_buf_clear(&reply);
    return st;
}

enum mm_status mm_pay_http_post(struct mm_pay_http *http, const char *path, const json_t *body,
                                json_t **answer, struct mm_err *err)
{
    char *text = json_dumps(body, JSON_COMPACT);
    enum mm_status st;

    *answer = NULL;
    if (text == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = call(http, path, text, answer, err);
    free(text);
    return st;
}

enum mm_status mm_pay_http_get(struct mm_pay_http *http, const char *path, json_t **answer,
                               struct mm_err *err)
{
    return call(http, path, NULL, answer, err);
}
