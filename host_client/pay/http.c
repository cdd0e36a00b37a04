#include "host_client/pay/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/net/net.h"

#define CODE_LEN 64

struct mm_pay_http {
    struct mm_net *net;
    char code[CODE_LEN];
};

enum mm_status mm_pay_http_open(const struct mm_pay_config *config, struct mm_pay_http **out,
                                struct mm_err *err)
{
    const struct mm_net_config net = {.url = config->platform,
                                      .ca = config->ca,
                                      .certificate = config->certificate,
                                      .key = config->key,
                                      .pins = &config->pins,
                                      .timeout_ms = config->timeout_ms};
    struct mm_pay_http *http = calloc(1, sizeof(*http));
    enum mm_status st = http != NULL ? mm_net_new(&net, &http->net, err)
                                     : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");

    if (st != MM_OK)
        mm_pay_http_close(&http);
    *out = http;
    return st;
}

void mm_pay_http_close(struct mm_pay_http **http)
{
    if (*http == NULL)
        return;
    mm_net_free(&(*http)->net);
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

static enum mm_status call(struct mm_pay_http *http, const char *path, const char *body,
                           json_t **answer, struct mm_err *err)
{
    struct mm_reply_in reply = {0};
    char target[512];
    enum mm_status st;

    *answer = NULL;
    http->code[0] = '\0';
    if (snprintf(target, sizeof(target), "/v1%s", path) >= (int)sizeof(target))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "platform: URL too long");
    st = mm_net_send(http->net, target, "application/json", body, body != NULL ? strlen(body) : 0,
                     &reply, err);
    if (reply.http != 0) /* it answered: what that means is ours to say */
        st =
            mm_pay_http_judge(reply.http, reply.body.data, reply.body.len, http->code, answer, err);
    else if (st == MM_AUTH) /* whoever answers is not the platform: payment is disabled */
        st = MM_REFUSED;
    mm_reply_in_clear(&reply);
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
