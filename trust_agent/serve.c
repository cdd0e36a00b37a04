/* The daemon: a Unix socket with JSON lines, a timer that looks at the reader, signals. */
#include "trust_agent/agent_int.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_LEN 262144
#define PEERS_MAX    32

struct server {
    struct mm_agent *agent;
    struct event_base *base;
    unsigned peers;
    bool ready; /* the boot check has been done */
};

struct peer {
    struct server *server;
    struct bufferevent *bev;
    struct mm_report *report; /* waiting for the client's token */
};

static void peer_free(struct peer *p)
{
    mm_report_free(&p->report);
    bufferevent_free(p->bev);
    p->server->peers--;
    free(p);
}

static void send_json(struct peer *p, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;

    if (text != NULL)
        (void)evbuffer_add_printf(bufferevent_get_output(p->bev), "%s\n", text);
    free(text);
    json_decref(object);
}

static void send_error(struct peer *p, enum mm_status st, const struct mm_err *err)
{
    send_json(p, mm_agent_error(st, err));
}

/* ---- report: challenge, "need", the client's token, result ---- */

static bool known_purpose(const char *purpose)
{
    static const char *const purposes[] = {"open", "load", "pay", "manage"};

    for (size_t i = 0; purpose != NULL && i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        if (strcmp(purpose, purposes[i]) == 0)
            return true;
    }
    return false;
}

static void begin_report(struct peer *p, const json_t *request)
{
    const char *purpose = json_string_value(json_object_get(request, "purpose"));
    struct mm_agent *a = p->server->agent;
    struct mm_err err = {0};
    enum mm_status st = MM_OK;
    char *nonce;

    if (!known_purpose(purpose))
        st = mm_fail(&err, MM_MALFORMED, SIZE_MAX,
                     "\"purpose\": expected open, load, pay or manage");
    else if (!a->checked || !a->sound)
        st = mm_fail(&err, MM_REFUSED, SIZE_MAX, "payment is disabled: %s", a->reason);
    if (st == MM_OK)
        st = mm_report_begin(a, purpose, &p->report, &err);
    if (st != MM_OK) {
        send_error(p, st, &err);
        return;
    }
    nonce = mm_b64url(mm_report_nonce(p->report), MM_AGENT_NONCE_LEN);
    send_json(p, json_pack("{s:s, s:s}", "need", "integrity", "nonce", nonce != NULL ? nonce : ""));
    free(nonce);
}

static void end_report(struct peer *p, const json_t *request)
{
    const json_t *token = json_object_get(request, "token");
    const char *text = json_string_value(token);
    uint8_t *bytes = NULL;
    size_t n = 0;
    json_t *answer = NULL;
    struct mm_err err = {0};
    enum mm_status st = MM_OK;

    if (!json_is_null(token) &&
        (text == NULL || mm_unb64url(text, strlen(text), &bytes, &n) != MM_OK || n == 0))
        st = mm_fail(&err, MM_MALFORMED, SIZE_MAX, "\"token\": expected base64url or null");
    if (st == MM_OK)
        st = mm_report_end(p->report, bytes, n, &answer, &err);
    if (st == MM_OK)
        send_json(p, answer);
    else
        send_error(p, st, &err);
    free(bytes);
    mm_report_free(&p->report);
}

/* ---- Lines ---- */

static void on_line(struct peer *p, const char *line, size_t len)
{
    json_error_t where;
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    const char *cmd = json_string_value(json_object_get(request, "cmd"));
    struct mm_err err;

    if (!json_is_object(request)) {
        (void)mm_fail(&err, MM_MALFORMED, 0, "expected a JSON object a line: %s", where.text);
        send_error(p, MM_MALFORMED, &err);
    } else if (p->report != NULL) {
        end_report(p, request);
    } else if (cmd != NULL && strcmp(cmd, "report") == 0) {
        begin_report(p, request);
    } else {
        send_json(p, mm_agent_answer(p->server->agent, request));
    }
    json_decref(request);
}

static void on_read(struct bufferevent *bev, void *ctx)
{
    struct peer *p = ctx;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len;
    char *line;

    while ((line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF)) != NULL) {
        on_line(p, line, len);
        free(line);
    }
    if (evbuffer_get_length(in) > LINE_MAX_LEN)
        peer_free(p); /* nobody who means well sends such a line */
}

static void on_event(struct bufferevent *bev, short what, void *ctx)
{
    (void)bev;
    if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0)
        peer_free(ctx);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr,
                      int addr_len, void *ctx)
{
    struct server *s = ctx;
    struct peer *p = s->peers < PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
    struct timeval idle = {.tv_sec = 600};

    (void)listener;
    (void)addr;
    (void)addr_len;
    if (p != NULL)
        p->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (p == NULL || p->bev == NULL) {
        free(p);
        evutil_closesocket(fd);
        return;
    }
    p->server = s;
    s->peers++;
    bufferevent_setcb(p->bev, on_read, NULL, on_event, p);
    (void)bufferevent_set_timeouts(p->bev, &idle, NULL);
    (void)bufferevent_enable(p->bev, EV_READ | EV_WRITE);
}

/* ---- Set up ---- */

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    struct server *s = ctx;

    (void)fd;
    (void)what;
    mm_agent_watch(s->agent);
}

static void look_for_updates(struct server *s)
{
    struct mm_err err = {0};
    bool taken = false;

    /* A platform that is away is no failure of ours; what went wrong is among the events. */
    if (mm_agent_update(s->agent, &taken, &err) != MM_OK)
        mm_log("debug", "update", "%s", err.text);
    if (taken && s->ready)
        mm_agent_check(s->agent);
}

static void on_update_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd;
    (void)what;
    look_for_updates(ctx);
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    struct server *s = ctx;

    (void)fd;
    (void)what;
    (void)event_base_loopbreak(s->base);
}

/* A socket left behind by an agent that was killed is taken over; one that answers is not. */
static enum mm_status socket_address(const char *path, struct sockaddr_un *addr, struct mm_err *err)
{
    int fd, rc;

    *addr = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(addr->sun_path))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: longer than a socket's name may be", path);
    memcpy(addr->sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    rc = connect(fd, (struct sockaddr *)addr, sizeof(*addr));
    close(fd);
    if (rc == 0)
        return mm_fail(err, MM_BUSY, SIZE_MAX, "%s: an agent is running already", path);
    (void)unlink(path);
    return MM_OK;
}

static struct evconnlistener *listen_at(struct server *s, struct sockaddr_un *addr)
{
    mode_t before = umask(0177); /* mode 0600 from the first moment */
    struct evconnlistener *l = evconnlistener_new_bind(
        s->base, on_accept, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 8,
        (struct sockaddr *)addr, sizeof(*addr));

    (void)umask(before);
    return l;
}

enum mm_status mm_agent_serve(struct mm_agent *agent, struct mm_err *err)
{
    struct server s = {.agent = agent, .base = event_base_new()};
    struct timeval every = {.tv_sec = agent->interval_ms / 1000,
                            .tv_usec = (suseconds_t)(agent->interval_ms % 1000) * 1000};
    struct sockaddr_un addr;
    struct evconnlistener *listener = NULL;
    struct timeval update_every = {.tv_sec = agent->update_s};
    struct event *timer = NULL, *updates = NULL, *term = NULL, *interrupt = NULL;
    enum mm_status st = socket_address(agent->config.agent_socket, &addr, err);

    if (st == MM_OK && s.base != NULL) {
        timer = event_new(s.base, -1, EV_PERSIST, on_timer, &s);
        updates = event_new(s.base, -1, EV_PERSIST, on_update_timer, &s);
        term = evsignal_new(s.base, SIGTERM, on_signal, &s);
        interrupt = evsignal_new(s.base, SIGINT, on_signal, &s);
        listener = listen_at(&s, &addr);
    }
    if (st == MM_OK && (timer == NULL || updates == NULL || term == NULL || interrupt == NULL ||
                        listener == NULL || event_add(timer, &every) != 0 ||
                        event_add(updates, &update_every) != 0 || event_add(term, NULL) != 0 ||
                        event_add(interrupt, NULL) != 0))
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: cannot listen: %s", agent->config.agent_socket,
                     strerror(errno));
    if (st == MM_OK) {
        look_for_updates(&s);
        mm_agent_check(agent);
        s.ready = true;
        agent->present = agent->held != NULL;
        mm_log("info", "ready", "listening at %s", agent->config.agent_socket);
        if (event_base_dispatch(s.base) < 0)
            st = mm_fail(err, MM_IO, SIZE_MAX, "event loop: %s", strerror(errno));
        (void)unlink(agent->config.agent_socket);
    }
    if (listener != NULL)
        evconnlistener_free(listener);
    if (timer != NULL)
        event_free(timer);
    if (updates != NULL)
        event_free(updates);
    if (term != NULL)
        event_free(term);
    if (interrupt != NULL)
        event_free(interrupt);
    if (s.base != NULL)
        event_base_free(s.base);
    return st;
}
