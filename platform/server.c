/*
 * The server: libevent's HTTP over OpenSSL. TLS 1.3 only, client certificates required, up to our CA;
 * no resumption, so that every connection has shown its certificate and has an exporter of its own
 * (RFC 9266, 3). What a call means is none of its business (mm_platform_handle).
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "platform/platform_int.h"

#define HEADERS_MAX 16384
/* Up to here a body is read, so that a refusal is our JSON; beyond it libevent (2.1) answers 413 with a
 * page of its own and reads no further. */
#define RECEIVE_MAX    (16 * MM_BODY_MAX)
#define IDLE_S         60
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"

struct mm_server {
    struct mm_platform *p; /* borrowed */
    SSL_CTX *tls;
    struct event_base *base;
    struct evhttp *http;
    struct event *term, *intr, *hup, *wake;
    int wake_fd; /* eventfd: how another thread asks the loop to end */
    uint16_t port;
};

/* ---- TLS ---- */

static bool setup_verify(SSL_CTX *tls, X509 *ca)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(ca));

    if (names == NULL || name == NULL || sk_X509_NAME_push(names, name) == 0) {
        X509_NAME_free(name);
        sk_X509_NAME_free(names);
        return false;
    }
    SSL_CTX_set_client_CA_list(tls, names); /* takes names */
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), ca) == 1;
}

static enum mm_status make_tls(struct mm_server *s, struct mm_err *err)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(tls, 0) != 1 || SSL_CTX_use_certificate(tls, s->p->server) != 1 ||
        SSL_CTX_use_PrivateKey(tls, s->p->server_key) != 1 || SSL_CTX_check_private_key(tls) != 1 ||
        !setup_verify(tls, s->p->ca)) {
        SSL_CTX_free(tls);
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "TLS: %s",
                       ERR_error_string(ERR_get_error(), NULL));
    }
    (void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_free(s->tls); /* connections that are open keep theirs */
    s->tls = tls;
    return MM_OK;
}

static struct bufferevent *new_connection(struct event_base *base, void *ctx)
{
    struct mm_server *s = ctx;
    SSL *ssl = SSL_new(s->tls);
    struct bufferevent *bev;

    if (ssl == NULL)
        return NULL;
    bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                         BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (bev == NULL)
        SSL_free(ssl);
    else
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    return bev;
}

/* ---- Requests ---- */

static const char *method_name(struct evhttp_request *req)
{
    switch (evhttp_request_get_command(req)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
    case EVHTTP_REQ_PUT:
    case EVHTTP_REQ_DELETE:
    case EVHTTP_REQ_OPTIONS:
    case EVHTTP_REQ_TRACE:
    case EVHTTP_REQ_CONNECT:
    case EVHTTP_REQ_PATCH:
    default:
        return "another method";
    }
}

static void send_reply(struct evhttp_request *req, struct mm_reply *reply)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    struct evbuffer *out = evbuffer_new();

    (void)evhttp_add_header(headers, "Content-Type", reply->content_type);
    (void)evhttp_add_header(headers, "Cache-Control", "no-store");
    if (out != NULL)
        (void)evbuffer_add(out, reply->body.data, reply->body.len);
    evhttp_send_reply(req, reply->status, NULL, out);
    if (out != NULL)
        evbuffer_free(out);
    mm_buf_clear(&reply->body);
}

/* A request that libevent could not read to its end has no URI here. */
static void refuse_broken(struct evhttp_request *req)
{
    struct mm_reply reply = {0};

    mm_buf_init(&reply.body);
    if (evhttp_request_get_response_code(req) == 413)
        mm_reply_error(&reply, 413, "too_large", "request body larger than %d bytes", MM_BODY_MAX);
    else
        mm_reply_error(&reply, 400, "bad_request", "the request is not HTTP/1.1 as it should be");
    send_reply(req, &reply);
}

static bool read_connection(struct evhttp_request *req, struct mm_request *out)
{
    struct evhttp_connection *con = evhttp_request_get_connection(req);
    SSL *ssl = bufferevent_openssl_get_ssl(evhttp_connection_get_bufferevent(con));

    if (ssl == NULL ||
        SSL_export_keying_material(ssl, out->exporter, sizeof(out->exporter), EXPORTER_LABEL,
                                   strlen(EXPORTER_LABEL), (const uint8_t *)"", 0, 1) != 1)
        return false;
    out->peer = SSL_get0_peer_certificate(ssl);
    return true;
}

static void on_request(struct evhttp_request *req, void *ctx)
{
    struct mm_server *s = ctx;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    struct mm_request call = {.method = method_name(req)};
    struct mm_reply reply;

    if (uri == NULL || evhttp_uri_get_path(uri) == NULL || !read_connection(req, &call)) {
        refuse_broken(req);
        return;
    }
    call.path = evhttp_uri_get_path(uri);
    call.query = evhttp_uri_get_query(uri);
    call.content_type = evhttp_find_header(evhttp_request_get_input_headers(req), "Content-Type");
    call.body_len = evbuffer_get_length(in);
    call.body = evbuffer_pullup(in, -1);
    mm_platform_handle(s->p, &call, &reply);
    send_reply(req, &reply);
}

/* ---- Life ---- */

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    struct mm_server *s = ctx;

    (void)fd;
    (void)what;
    (void)event_base_loopexit(s->base, NULL);
}

/* SIGHUP: the operator has switched to the renewed certificate. */
static void on_reload(evutil_socket_t fd, short what, void *ctx)
{
    struct mm_server *s = ctx;
    struct mm_err err = {0};
    enum mm_status st = mm_platform_reload_server(s->p, &err);

    (void)fd;
    (void)what;
    if (st == MM_OK)
        st = make_tls(s, &err);
    if (st == MM_OK)
        mm_log("info", "reload", "new connections see the certificate of server.pem");
    else
        mm_log("error", "reload", "the certificate stays as it was: %s", err.text);
}

static enum mm_status listen_on(struct mm_server *s, const char *listen, struct mm_err *err)
{
    const char *colon = strrchr(listen, ':');
    char address[64], *end = NULL;
    struct evhttp_bound_socket *sock;
    struct sockaddr_in sin = {0};
    socklen_t sin_len = sizeof(sin);
    unsigned long port;

    if (colon == NULL || (size_t)(colon - listen) >= sizeof(address))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected ADDRESS:PORT", listen);
    memcpy(address, listen, (size_t)(colon - listen));
    address[colon - listen] = '\0';
    port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port > 65535)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected a port from 0 to 65535", listen);
    sock = evhttp_bind_socket_with_handle(s->http, address, (uint16_t)port);
    if (sock == NULL)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: cannot listen: %s", listen,
                       evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    if (getsockname(evhttp_bound_socket_get_fd(sock), (struct sockaddr *)&sin, &sin_len) != 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: no port", listen);
    s->port = ntohs(sin.sin_port);
    return MM_OK;
}

static enum mm_status make_events(struct mm_server *s, struct mm_err *err)
{
    if ((s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0 ||
        (s->base = event_base_new()) == NULL || (s->http = evhttp_new(s->base)) == NULL ||
        (s->term = evsignal_new(s->base, SIGTERM, on_stop, s)) == NULL ||
        (s->intr = evsignal_new(s->base, SIGINT, on_stop, s)) == NULL ||
        (s->hup = evsignal_new(s->base, SIGHUP, on_reload, s)) == NULL ||
        (s->wake = event_new(s->base, s->wake_fd, EV_READ, on_stop, s)) == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "libevent: out of memory");
    evhttp_set_bevcb(s->http, new_connection, s);
    evhttp_set_gencb(s->http, on_request, s);
    evhttp_set_max_headers_size(s->http, HEADERS_MAX);
    evhttp_set_max_body_size(s->http, RECEIVE_MAX);
    evhttp_set_timeout(s->http, IDLE_S);
    return MM_OK;
}

enum mm_status mm_server_new(struct mm_platform *p, const char *listen, struct mm_server **out,
                             struct mm_err *err)
{
    struct mm_server *s = calloc(1, sizeof(*s));
    enum mm_status st;

    *out = NULL;
    if (s == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    s->p = p;
    s->wake_fd = -1;
    st = make_tls(s, err);
    if (st == MM_OK)
        st = make_events(s, err);
    if (st == MM_OK)
        st = listen_on(s, listen != NULL ? listen : p->settings.listen, err);
    if (st != MM_OK)
        mm_server_free(&s);
    *out = s;
    return st;
}

uint16_t mm_server_port(const struct mm_server *server)
{
    return server->port;
}

enum mm_status mm_server_run(struct mm_server *server, struct mm_err *err)
{
    if (event_add(server->term, NULL) != 0 || event_add(server->intr, NULL) != 0 ||
        event_add(server->hup, NULL) != 0 || event_add(server->wake, NULL) != 0 ||
        event_base_dispatch(server->base) < 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "the event loop failed");
    return MM_OK;
}

void mm_server_stop(struct mm_server *server)
{
    (void)eventfd_write(server->wake_fd, 1); /* fails only when it is set already */
}

void mm_server_free(struct mm_server **server)
{
    struct mm_server *s = *server;

    *server = NULL;
    if (s == NULL)
        return;
    if (s->http != NULL)
        evhttp_free(s->http);
    if (s->term != NULL)
        event_free(s->term);
    if (s->intr != NULL)
        event_free(s->intr);
    if (s->hup != NULL)
        event_free(s->hup);
    if (s->wake != NULL)
        event_free(s->wake);
    if (s->base != NULL)
        event_base_free(s->base);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    SSL_CTX_free(s->tls);
    free(s);
}
