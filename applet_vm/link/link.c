/*
 * The two links. Both are one loop over poll: the stop pipe, the peer, and for TCP the listening
 * socket while there is no peer. A card that answers has no second thing to do, so one thread is all.
 */
#include "applet_vm/link/link_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <openssl/crypto.h>

/* Reconnecting: the first try at once, then twice as long each time. pcscd needs about a second to
 * start; two seconds bound the wait after it came back. */
#define BACKOFF_FIRST_MS 20
#define BACKOFF_MAX_MS   2000

struct mm_link {
    struct mm_link_card card;
    char host[256]; /* vpcd; empty: TCP server */
    uint16_t port;
    int listen_fd, peer_fd;
    int stop_pipe[2];
    bool on;
    int backoff_ms;
    struct mm_frames frames;
};

/* ---- A chip behind the link ---- */
static void chip_power_on(void *ctx)
{
    mm_card_power_on(ctx);
}

static void chip_power_off(void *ctx)
{
    mm_card_power_off(ctx);
}

static void chip_reset(void *ctx)
{
    mm_card_reset(ctx);
}

static const uint8_t *chip_atr(void *ctx, size_t *len)
{
    return mm_card_atr(ctx, len);
}

static void chip_transmit(void *ctx, const uint8_t *apdu, size_t apdu_len, uint8_t *resp,
                          size_t *resp_len)
{
    mm_card_transmit(ctx, apdu, apdu_len, resp, resp_len);
}

struct mm_link_card mm_link_card_of(struct mm_card *card)
{
    return (struct mm_link_card){.ctx = card,
                                 .power_on = chip_power_on,
                                 .power_off = chip_power_off,
                                 .reset = chip_reset,
                                 .atr = chip_atr,
                                 .transmit = chip_transmit};
}

/* ---- Making and releasing ---- */
static enum mm_status new_link(const struct mm_link_card *card, struct mm_link **out,
                               struct mm_err *err)
{
    struct mm_link *link = calloc(1, sizeof(*link));

    *out = NULL;
    if (link == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "no memory for the link");
    link->card = *card;
    link->listen_fd = link->peer_fd = -1;
    if (pipe2(link->stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(link);
        return mm_fail(err, MM_IO, SIZE_MAX, "pipe: %s", strerror(errno));
    }
    *out = link;
    return MM_OK;
}

void mm_link_free(struct mm_link **link)
{
    struct mm_link *l = *link;

    if (l == NULL)
        return;
    if (l->peer_fd >= 0)
        close(l->peer_fd);
    if (l->listen_fd >= 0)
        close(l->listen_fd);
    close(l->stop_pipe[0]);
    close(l->stop_pipe[1]);
    OPENSSL_cleanse(&l->frames, sizeof(l->frames)); /* commands carry PINs */
    free(l);
    *link = NULL;
}

void mm_link_stop(struct mm_link *link)
{
    ssize_t n = write(link->stop_pipe[1], "", 1);

    (void)n; /* a full pipe stops as well */
}

uint16_t mm_link_port(const struct mm_link *link)
{
    return link->port;
}

static void drop_peer(struct mm_link *link)
{
    close(link->peer_fd);
    link->peer_fd = -1;
    link->frames.in_len = 0;
}

/* Wait for fd or the stop pipe. 1: fd, 0: stop, 2: timeout, -1: failed (errno). */
static int wait_for(struct mm_link *link, int fd, short events, int timeout_ms)
{
    struct pollfd p[2] = {{.fd = link->stop_pipe[0], .events = POLLIN},
                          {.fd = fd, .events = events}};
    int n;

    do
        n = poll(p, fd < 0 ? 1 : 2, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    if (p[0].revents != 0)
        return 0;
    return n == 0 ? 2 : 1;
}

/* Serve the peer until it leaves (true) or we are stopped (false). */
static bool serve_peer(struct mm_link *link, bool keep_on)
{
    enum mm_frame_event event = MM_FRAME_GOING_ON;

    while (event == MM_FRAME_GOING_ON) {
        int got = wait_for(link, link->peer_fd, POLLIN, -1);
        if (got <= 0)
            return false;
        event = mm_frames_serve(&link->frames, link->peer_fd, link->stop_pipe[0], &link->card,
                                &link->on, keep_on);
    }
    return event == MM_FRAME_CLOSED;
}

/* ---- vpcd ---- */
enum mm_status mm_link_vpcd_card(const struct mm_link_card *card, const char *host, uint16_t port,
                                 struct mm_link **out, struct mm_err *err)
{
    struct mm_link *link = NULL;
    enum mm_status st = new_link(card, &link, err);

    *out = NULL;
    if (st != MM_OK)
        return st;
    if (host[0] == '\0' || strlen(host) >= sizeof(link->host)) {
        mm_link_free(&link);
        return mm_fail(err, MM_USAGE, SIZE_MAX, "vpcd host \"%.60s\" is not a host name", host);
    }
    snprintf(link->host, sizeof(link->host), "%s", host);
    link->port = port;
    link->backoff_ms = 0;
    *out = link;
    return MM_OK;
}

enum mm_status mm_link_vpcd(struct mm_card *card, const char *host, uint16_t port,
                            struct mm_link **out, struct mm_err *err)
{
    struct mm_link_card c = mm_link_card_of(card);

    return mm_link_vpcd_card(&c, host, port, out, err);
}

/* Finish a connect that is in progress, unless we are stopped. */
static bool finish_connect(struct mm_link *link, int fd)
{
    int error = 0;
    socklen_t len = sizeof(error);

    return wait_for(link, fd, POLLOUT, BACKOFF_MAX_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0;
}

static int try_connect(struct mm_link *link, const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0 ||
        (errno == EINPROGRESS && finish_connect(link, fd)))
        return fd;
    close(fd);
    return -1;
}

static enum mm_status connect_vpcd(struct mm_link *link, struct mm_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL, *a;
    char port[8];
    int rc;

    snprintf(port, sizeof(port), "%u", link->port);
    rc = getaddrinfo(link->host, port, &hints, &list);
    if (rc != 0)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "vpcd host \"%.60s\": %s", link->host,
                       gai_strerror(rc));
    for (a = list; a != NULL && link->peer_fd < 0; a = a->ai_next)
        link->peer_fd = try_connect(link, a);
    freeaddrinfo(list);
    if (link->peer_fd >= 0)
        mm_frames_tune(link->peer_fd);
    return MM_OK;
}

static enum mm_status run_vpcd(struct mm_link *link, struct mm_err *err)
{
    for (;;) {
        enum mm_status st = connect_vpcd(link, err);
        if (st != MM_OK)
            return st;
        if (link->peer_fd >= 0) {
            mm_log("info", "inserted", "vpcd at %s:%u", link->host, link->port);
            link->backoff_ms = 0;
            if (!serve_peer(link, false))
                return MM_OK;
            drop_peer(link);
            link->card.power_off(link->card.ctx); /* out of the reader is without power */
            link->on = false;
            mm_log("info", "removed", "vpcd at %s:%u closed the connection", link->host,
                   link->port);
        } else if (link->backoff_ms == BACKOFF_FIRST_MS) {
            mm_log("warn", "waiting", "no vpcd at %s:%u; is pcscd with vsmartcard running?",
                   link->host, link->port);
        }
        link->backoff_ms = link->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * link->backoff_ms;
        if (link->backoff_ms > BACKOFF_MAX_MS)
            link->backoff_ms = BACKOFF_MAX_MS;
        if (wait_for(link, -1, 0, link->backoff_ms) == 0)
            return MM_OK;
    }
}

/* ---- TCP ---- */
enum mm_status mm_link_tcp_card(const struct mm_link_card *card, uint16_t port,
                                struct mm_link **out, struct mm_err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    socklen_t len = sizeof(address);
    struct mm_link *link = NULL;
    enum mm_status st = new_link(card, &link, err);
    int one = 1;

    *out = NULL;
    if (st != MM_OK)
        return st;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->listen_fd < 0 ||
        setsockopt(link->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(link->listen_fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(link->listen_fd, 8) != 0 ||
        getsockname(link->listen_fd, (struct sockaddr *)&address, &len) != 0) {
        st = mm_fail(err, errno == EADDRINUSE ? MM_BUSY : MM_IO, SIZE_MAX,
                     "cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
        mm_link_free(&link);
        return st;
    }
    link->port = ntohs(address.sin_port);
    *out = link;
    return MM_OK;
}

enum mm_status mm_link_tcp(struct mm_card *card, uint16_t port, struct mm_link **out,
                           struct mm_err *err)
{
    struct mm_link_card c = mm_link_card_of(card);

    return mm_link_tcp_card(&c, port, out, err);
}

static enum mm_status run_tcp(struct mm_link *link, struct mm_err *err)
{
    for (;;) {
        int got = wait_for(link, link->listen_fd, POLLIN, -1);
        if (got == 0)
            return MM_OK;
        if (got < 0)
            return mm_fail(err, MM_IO, SIZE_MAX, "poll: %s", strerror(errno));
        link->peer_fd = accept4(link->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (link->peer_fd < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
                continue; /* it left before we came */
            return mm_fail(err, MM_IO, SIZE_MAX, "accept: %s", strerror(errno));
        }
        mm_frames_tune(link->peer_fd);
        if (!serve_peer(link, true))
            return MM_OK;
        drop_peer(link);
    }
}

enum mm_status mm_link_run(struct mm_link *link, struct mm_err *err)
{
    return link->listen_fd >= 0 ? run_tcp(link, err) : run_vpcd(link, err);
}
