#include "host_client/pay/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 262144 /* a token of a full chip is some kilobytes; the rest is room */
#define SESSION_LEN  16

struct mm_pay_agent {
    int fd;
    unsigned timeout_ms;
    struct mm_buf in; /* bytes read past the last line */
};

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static enum mm_status lost(struct mm_err *err, const char *what)
{
    return mm_fail(err, MM_PLATFORM, SIZE_MAX, "trust agent: %s", what);
}

/* Until the socket is ready for events or the deadline has passed. */
static enum mm_status wait_for(struct mm_pay_agent *agent, short events, int64_t deadline,
                               struct mm_err *err)
{
    for (;;) {
        struct pollfd pfd = {.fd = agent->fd, .events = events};
        int64_t left = deadline - now_ms();
        int n = poll(&pfd, 1, left > 0 ? (int)left : 0);
        if (n > 0)
            return MM_OK;
        if (n < 0 && errno != EINTR)
            return lost(err, strerror(errno));
        if (n == 0)
            return mm_fail(err, MM_TIMEOUT, SIZE_MAX, "trust agent: no answer within %u ms",
                           agent->timeout_ms);
    }
}

enum mm_status mm_pay_agent_adopt(int fd, unsigned timeout_ms, struct mm_pay_agent **out,
                                  struct mm_err *err)
{
    struct mm_pay_agent *agent = calloc(1, sizeof(*agent));
    int flags = fcntl(fd, F_GETFL);

    *out = NULL;
    if (agent == NULL || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        free(agent);
        close(fd);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "trust agent: no connection can be kept");
    }
    agent->fd = fd;
    agent->timeout_ms = timeout_ms;
    *out = agent;
    return MM_OK;
}

enum mm_status mm_pay_agent_open(const char *path, unsigned timeout_ms, struct mm_pay_agent **out,
                                 struct mm_err *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    *out = NULL;
    if (strlen(path) >= sizeof(addr.sun_path))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "trust agent: socket path too long: %s", path);
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        enum mm_status st = mm_fail(err, MM_PLATFORM, SIZE_MAX,
                                    "trust agent: not running (%s: %s); start mintmark-agent", path,
                                    strerror(errno));
        if (fd >= 0)
            close(fd);
        return st;
    }
    return mm_pay_agent_adopt(fd, timeout_ms, out, err);
}

void mm_pay_agent_close(struct mm_pay_agent **agent)
{
    if (*agent == NULL)
        return;
    close((*agent)->fd);
    mm_buf_clear(&(*agent)->in);
    free(*agent);
    *agent = NULL;
}

static enum mm_status send_line(struct mm_pay_agent *agent, const json_t *object,
                                struct mm_err *err)
{
    int64_t deadline = now_ms() + agent->timeout_ms;
    enum mm_status st = MM_OK;
    size_t done = 0, len;
    char *text = json_dumps(object, JSON_COMPACT);

    if (text == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    len = strlen(text);
    text[len++] = '\n'; /* in place of the NUL */
    while (done < len && st == MM_OK) {
        ssize_t n = send(agent->fd, text + done, len - done, MSG_NOSIGNAL);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            st = wait_for(agent, POLLOUT, deadline, err);
        else if (errno != EINTR)
            st = lost(err, "closed the connection");
    }
    free(text);
    return st;
}

/* The first line in the buffer as an object, taken out of the buffer. */
static enum mm_status take_line(struct mm_pay_agent *agent, size_t len, json_t **out,
                                struct mm_err *err)
{
    json_error_t why;

    *out = json_loadb((const char *)agent->in.data, len, JSON_REJECT_DUPLICATES, &why);
    memmove(agent->in.data, agent->in.data + len + 1, agent->in.len - len - 1);
    agent->in.len -= len + 1;
    if (json_is_object(*out))
        return MM_OK;
    json_decref(*out);
    *out = NULL;
    return mm_fail(err, MM_PLATFORM, SIZE_MAX, "trust agent: expected a JSON object, found %s",
                   why.text[0] != '\0' ? why.text : "another value");
}

static enum mm_status read_line(struct mm_pay_agent *agent, json_t **out, struct mm_err *err)
{
    int64_t deadline = now_ms() + agent->timeout_ms;
    uint8_t chunk[4096];

    *out = NULL;
    for (;;) {
        uint8_t *end = agent->in.len > 0 ? memchr(agent->in.data, '\n', agent->in.len) : NULL;
        enum mm_status st;
        ssize_t n;

        if (end != NULL)
            return take_line(agent, (size_t)(end - agent->in.data), out, err);
        if (agent->in.len > LINE_MAX_LEN)
            return lost(err, "a line longer than allowed");
        st = wait_for(agent, POLLIN, deadline, err);
        if (st != MM_OK)
            return st;
        n = recv(agent->fd, chunk, sizeof(chunk), 0);
        if (n == 0)
            return lost(err, "closed the connection");
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return lost(err, strerror(errno));
        if (n > 0)
            mm_buf_bytes(&agent->in, chunk, (size_t)n);
        if (agent->in.bad)
            return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
}

static enum mm_status status_of_name(const char *name)
{
    static const char *const names[] = {
#define MM_STATUS(name, sentence) [MM_##name] = #name,
#include "applet_vm/base/status.def"
#undef MM_STATUS
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum mm_status)i;
    }
    return MM_FAILED;
}

/* "ok" true is MM_OK; false is the agent's own failure; anything else is not an answer. */
static enum mm_status judge(const json_t *answer, struct mm_err *err)
{
    const json_t *ok = json_object_get(answer, "ok");
    const char *status = json_string_value(json_object_get(answer, "status"));
    const char *error = json_string_value(json_object_get(answer, "error"));
    enum mm_status st;

    if (json_is_true(ok))
        return MM_OK;
    if (!json_is_false(ok))
        return lost(err, "an answer without \"ok\"");
    st = status != NULL ? status_of_name(status) : MM_FAILED;
    /* A refusal that calls itself done is still a refusal; what is not authentic is not sound. */
    if (st == MM_OK)
        st = MM_FAILED;
    if (st == MM_AUTH || st == MM_TAMPERED || st == MM_ROLLBACK)
        st = MM_REFUSED;
    return mm_fail(err, st, SIZE_MAX, "%s", error != NULL ? error : mm_status_text(st));
}

static enum mm_status ask(struct mm_pay_agent *agent, const char *cmd, bool client, json_t **answer,
                          struct mm_err *err)
{
    json_t *request = json_pack("{s:s, s:b}", "cmd", cmd, "client", client);
    enum mm_status st;

    *answer = NULL;
    if (request == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = send_line(agent, request, err);
    json_decref(request);
    if (st == MM_OK)
        st = read_line(agent, answer, err);
    if (st == MM_OK)
        st = judge(*answer, err);
    if (st != MM_OK) {
        json_decref(*answer);
        *answer = NULL;
    }
    return st;
}

enum mm_status mm_pay_agent_ask(struct mm_pay_agent *agent, const char *cmd, json_t **answer,
                                struct mm_err *err)
{
    return ask(agent, cmd, true, answer, err);
}

enum mm_status mm_pay_agent_query(struct mm_pay_agent *agent, const char *cmd, json_t **answer,
                                  struct mm_err *err)
{
    return ask(agent, cmd, false, answer, err);
}

/* {"need":"integrity","nonce":…}: make the token and send it. */
static enum mm_status send_token(struct mm_pay_agent *agent, const json_t *need,
                                 mm_pay_token_maker make, void *ctx, struct mm_err *err)
{
    const char *what = json_string_value(json_object_get(need, "need"));
    const char *nonce_text = json_string_value(json_object_get(need, "nonce"));
    struct mm_buf token;
    uint8_t *nonce = NULL;
    size_t nonce_len = 0;
    char *text = NULL;
    json_t *line = NULL;
    enum mm_status st;

    mm_buf_init(&token);
    if (what == NULL || strcmp(what, "integrity") != 0 || nonce_text == NULL)
        return lost(err, "asked for something that this client does not know");
    st = mm_unb64url(nonce_text, strlen(nonce_text), &nonce, &nonce_len);
    if (st != MM_OK) {
        st = lost(err, "sent a nonce that is not base64url");
        goto out;
    }
    if (make != NULL) {
        st = make(ctx, nonce, nonce_len, &token, err);
        if (st != MM_OK)
            goto out;
        text = mm_b64url(token.data, token.len);
    }
    line = json_pack("{s:s?}", "token", text);
    st = line != NULL && (make == NULL || text != NULL)
             ? send_line(agent, line, err)
             : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
out:
    json_decref(line);
    free(text);
    free(nonce);
    mm_buf_clear(&token);
    return st;
}

static enum mm_status take_report(const json_t *answer, struct mm_pay_report *out,
                                  struct mm_err *err)
{
    const char *result = json_string_value(json_object_get(answer, "result"));
    const char *session = json_string_value(json_object_get(answer, "session"));
    uint8_t *bytes = NULL;
    size_t len = 0;

    if (result == NULL || session == NULL ||
        mm_unb64url(session, strlen(session), &bytes, &len) != MM_OK || len != SESSION_LEN) {
        free(bytes);
        return lost(err, "a report without result or with a session that is not 16 bytes");
    }
    memcpy(out->session, bytes, SESSION_LEN);
    free(bytes);
    out->result = strdup(result);
    out->session_text = strdup(session);
    if (out->result == NULL || out->session_text == NULL) {
        mm_pay_report_clear(out);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    return MM_OK;
}

enum mm_status mm_pay_agent_report(struct mm_pay_agent *agent, const char *purpose,
                                   mm_pay_token_maker make, void *ctx, struct mm_pay_report *out,
                                   struct mm_err *err)
{
    json_t *line = json_pack("{s:s, s:s}", "cmd", "report", "purpose", purpose);
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    st = line != NULL ? send_line(agent, line, err)
                      : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    json_decref(line);
    line = NULL;
    if (st == MM_OK)
        st = read_line(agent, &line, err);
    if (st == MM_OK && json_object_get(line, "need") != NULL) {
        st = send_token(agent, line, make, ctx, err);
        json_decref(line);
        line = NULL;
        if (st == MM_OK)
            st = read_line(agent, &line, err);
    }
    if (st == MM_OK)
        st = judge(line, err);
    if (st == MM_OK)
        st = take_report(line, out, err);
    json_decref(line);
    return st;
}

void mm_pay_report_clear(struct mm_pay_report *report)
{
    free(report->result);
    free(report->session_text);
    memset(report, 0, sizeof(*report));
}
