/* Calls: which path is which call, who may call, fields of a request, answers and errors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "platform/platform_int.h"

enum body_kind { BODY_NONE, BODY_JSON, BODY_EAT };

struct route {
    const char *method, *path;
    enum body_kind body;
    mm_handler handler;
};
static const struct route routes[] = {
    {"POST", "/v1/challenge", BODY_JSON, mm_call_challenge},
    {"POST", "/v1/evidence", BODY_EAT, mm_call_evidence},
    {"GET", "/v1/references", BODY_NONE, mm_call_references},
    {"GET", "/v1/updates", BODY_NONE, mm_call_updates},
    {"GET", "/v1/revocations", BODY_NONE, mm_call_revocations},
    {"POST", "/v1/load/begin", BODY_JSON, mm_call_load_begin},
    {"POST", "/v1/load/settle", BODY_JSON, mm_call_load_settle},
    {"POST", "/v1/pay/settle", BODY_JSON, mm_call_pay_settle},
    {"GET", "/v1/account", BODY_NONE, mm_call_account},
    {"POST", "/v1/manage", BODY_JSON, mm_call_manage},
    {"POST", "/v1/manage/next", BODY_JSON, mm_call_manage_next},
    {"POST", "/v1/manage/done", BODY_JSON, mm_call_manage_done},
};

/* ---- Replies ---- */

static void put_json(struct mm_reply *reply, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    mm_buf_clear(&reply->body);
    mm_buf_init(&reply->body);
    reply->status = text != NULL ? status : 500;
    reply->content_type = "application/json";
    if (text != NULL)
        mm_buf_bytes(&reply->body, text, strlen(text));
    free(text);
    json_decref(body);
}

static void MM_PRINTF(4, 0)
    put_error(struct mm_reply *reply, int status, const char *code, const char *fmt, va_list ap)
{
    char text[300];

    vsnprintf(text, sizeof(text), fmt, ap);
    /* Parts of a message come from outside and need not be UTF-8, which JSON is. */
    for (char *c = text; *c != '\0'; c++) {
        if ((uint8_t)*c < 0x20 || (uint8_t)*c >= 0x7f)
            *c = '?';
    }
    put_json(reply, status, json_pack("{s:s, s:s}", "error", code, "message", text));
}

void mm_reply_error(struct mm_reply *reply, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_error(reply, status, code, fmt, ap);
    va_end(ap);
}

enum mm_status mm_refuse(struct mm_call *call, int status, const char *code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_error(call->reply, status, code, fmt, ap);
    va_end(ap);
    return MM_REFUSED;
}

enum mm_status mm_answer(struct mm_call *call, json_t *body)
{
    if (body == NULL)
        return MM_NO_MEMORY;
    put_json(call->reply, 200, body);
    return call->reply->body.bad ? MM_NO_MEMORY : MM_OK;
}

/* ---- Fields ---- */

enum mm_status mm_field_text(struct mm_call *call, const char *name, size_t max, const char **out)
{
    const json_t *v = json_object_get(call->body, name);

    *out = json_string_value(v);
    if (*out == NULL)
        return mm_refuse(call, 400, "bad_request", "field %s: expected a string", name);
    if (strlen(*out) != json_string_length(v) || strlen(*out) > max)
        return mm_refuse(call, 400, "bad_request", "field %s: longer than %zu characters", name,
                         max);
    return MM_OK;
}

enum mm_status mm_field_int(struct mm_call *call, const char *name, int64_t min, int64_t max,
                            int64_t *out)
{
    const json_t *v = json_object_get(call->body, name);

    *out = json_integer_value(v);
    if (!json_is_integer(v) || *out < min || *out > max)
        return mm_refuse(call, 400, "bad_request", "field %s: expected an integer, %lld to %lld",
                         name, (long long)min, (long long)max);
    return MM_OK;
}

enum mm_status mm_field_hex(struct mm_call *call, const char *name, uint8_t *out, size_t min,
                            size_t max, size_t *out_len)
{
    const char *text;
    enum mm_status st = mm_field_text(call, name, 2 * max, &text);

    *out_len = max;
    if (st != MM_OK)
        return st;
    if (mm_unhex(text, out, out_len) != MM_OK || *out_len < min)
        return mm_refuse(call, 400, "bad_request", "field %s: expected %zu to %zu bytes in hex",
                         name, min, max);
    return MM_OK;
}

enum mm_status mm_field_b64(struct mm_call *call, const char *name, uint8_t *out, size_t len)
{
    const char *text;
    uint8_t *data = NULL;
    size_t data_len = 0;
    enum mm_status st = mm_field_text(call, name, 2 * len, &text);

    if (st != MM_OK)
        return st;
    if (mm_unb64url(text, strlen(text), &data, &data_len) != MM_OK || data_len != len) {
        free(data);
        return mm_refuse(call, 400, "bad_request", "field %s: expected %zu bytes in base64url",
                         name, len);
    }
    memcpy(out, data, len);
    free(data);
    return MM_OK;
}

bool mm_query_get(const struct mm_request *req, const char *name, char *out, size_t out_cap)
{
    const char *p = req->query;
    size_t name_len = strlen(name);

    while (p != NULL && *p != '\0') {
        size_t len = strcspn(p, "&");
        if (len > name_len && strncmp(p, name, name_len) == 0 && p[name_len] == '=') {
            len -= name_len + 1;
            if (len >= out_cap)
                return false;
            memcpy(out, p + name_len + 1, len);
            out[len] = '\0';
            return true;
        }
        p += len;
        p += *p == '&';
    }
    return false;
}

/* ---- Dispatch ---- */

static bool type_is(const char *given, const char *wanted)
{
    size_t len = strlen(wanted);

    return given != NULL && strncasecmp(given, wanted, len) == 0 &&
           (given[len] == '\0' || given[len] == ';' || given[len] == ' ');
}

static enum mm_status read_body(struct mm_call *call, enum body_kind kind)
{
    const struct mm_request *req = call->req;
    json_error_t je;

    if (req->body_len > MM_BODY_MAX)
        return mm_refuse(call, 413, "too_large", "request body of %zu bytes, at most %d",
                         req->body_len, MM_BODY_MAX);
    if (kind == BODY_NONE)
        return MM_OK;
    if (!type_is(req->content_type, kind == BODY_JSON ? "application/json" : "application/eat+cwt"))
        return mm_refuse(call, 415, "bad_type", "content type: expected %s",
                         kind == BODY_JSON ? "application/json" : "application/eat+cwt");
    if (kind == BODY_EAT)
        return MM_OK;
    call->body = json_loadb((const char *)req->body, req->body_len, JSON_REJECT_DUPLICATES, &je);
    if (call->body == NULL)
        return mm_refuse(call, 400, "bad_request", "body is not JSON: line %d, column %d: %s",
                         je.line, je.column, je.text);
    if (!json_is_object(call->body))
        return mm_refuse(call, 400, "bad_request", "body: expected a JSON object");
    return MM_OK;
}

/* The TLS layer has verified the chain; here: is it a terminal of ours, and still welcome? Asked at
 * every call, so a revocation also reaches connections that are already open. */
static enum mm_status identify(struct mm_call *call)
{
    char serial[MM_SERIAL_MAX];
    enum mm_status st;

    if (call->req->peer == NULL || mm_ca_serial(call->req->peer, serial) != MM_OK)
        return mm_refuse(call, 403, "terminal_unknown", "no terminal certificate was shown");
    st = mm_store_revoked(call->p->store, serial);
    if (st == MM_OK)
        return mm_refuse(call, 403, "terminal_revoked",
                         "the terminal's certificate %s has been revoked", serial);
    if (st != MM_NOT_FOUND)
        return st;
    st = mm_store_terminal_get(call->p->store, serial, NULL, &call->terminal);
    if (st == MM_NOT_FOUND)
        return mm_refuse(call, 403, "terminal_unknown",
                         "certificate %s is not that of an enrolled terminal", serial);
    return st;
}

static const struct route *find_route(struct mm_call *call)
{
    const struct route *found = NULL;

    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (strcmp(call->req->path, routes[i].path) == 0)
            found = &routes[i];
    }
    if (found == NULL) {
        (void)mm_refuse(call, 404, "not_found", "no call is at %.100s", call->req->path);
        return NULL;
    }
    if (strcmp(call->req->method, found->method) != 0) {
        (void)mm_refuse(call, 405, "bad_method", "%s takes %s", found->path, found->method);
        return NULL;
    }
    return found;
}

static enum mm_status run(struct mm_call *call, const struct route *route)
{
    struct mm_err err;
    enum mm_status st = mm_store_begin(call->p->store, &err);

    if (st != MM_OK)
        return st;
    st = identify(call);
    if (st == MM_OK)
        st = read_body(call, route->body);
    if (st == MM_OK)
        st = route->handler(call);
    return mm_store_end(call->p->store, st, &err);
}

void mm_platform_handle(struct mm_platform *p, const struct mm_request *req, struct mm_reply *reply)
{
    struct mm_call call = {.p = p, .req = req, .reply = reply, .now = mm_platform_now(p)};
    const struct route *route;
    enum mm_status st;

    memset(reply, 0, sizeof(*reply));
    mm_buf_init(&reply->body);
    route = find_route(&call);
    if (route == NULL)
        return;
    st = run(&call, route);
    json_decref(call.body);
    if (st == MM_BUSY)
        mm_reply_error(reply, 503, "busy", "the store is busy; try again");
    else if (st != MM_OK && st != MM_REFUSED)
        mm_reply_error(reply, 500, "internal", "%s", mm_status_text(st));
    if (reply->status >= 400)
        mm_log("warn", "refused", "%s %s %d %.*s", req->method, route->path, reply->status,
               (int)(reply->body.len < 300 ? reply->body.len : 300),
               reply->body.data != NULL ? (const char *)reply->body.data : "");
}
