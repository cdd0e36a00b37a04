/*
 * A chip that listens on TCP. We speak the driver's side of vsmartcard's vpcd protocol:
 *
 *   | length, u16 | payload |     payload of one byte: control (off, on, reset, ATR request);
 *                               longer: a command APDU. ATR request and commands are answered.
 *
 * The chip serves one peer at a time and leaves others in its queue, so a connection that is made
 * but gets no ATR means that another is being served. To a chip that is on, "on" is nothing: it
 * keeps its state from one peer to the next.
 */
#include "host_client/access/access_int.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FRAME_MAX 65535
#define HOST_MAX  256

enum control { CONTROL_ON = 1, CONTROL_RESET = 2, CONTROL_ATR = 4 };

struct tcp {
    int fd; /* -1: given up, the stream's place is no longer known */
    uint8_t frame[2 + FRAME_MAX];
};

/* ---- Bytes with a deadline ---- */

static enum mm_status wait_for(int fd, short events, uint64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;

    do {
        n = poll(&p, 1, (int)mm_access_left(deadline));
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        return MM_TIMEOUT;
    return n > 0 ? MM_OK : MM_IO;
}

/* MM_NO_READER: the peer closed or the connection broke. */
static enum mm_status put_all(int fd, const uint8_t *data, size_t len, uint64_t deadline)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        enum mm_status st;

        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return MM_NO_READER;
        st = wait_for(fd, POLLOUT, deadline);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

static enum mm_status get_all(int fd, uint8_t *data, size_t len, uint64_t deadline)
{
    while (len > 0) {
        ssize_t n = recv(fd, data, len, MSG_DONTWAIT);
        enum mm_status st;

        if (n > 0) {
            data += n;
            len -= (size_t)n;
            continue;
        }
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return MM_NO_READER;
        st = wait_for(fd, POLLIN, deadline);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

static enum mm_status put_frame(struct tcp *t, const uint8_t *data, size_t len, uint64_t deadline)
{
    enum mm_status st;

    mm_put_be16(t->frame, (uint16_t)len);
    memcpy(t->frame + 2, data, len);
    st = put_all(t->fd, t->frame, len + 2, deadline);
    OPENSSL_cleanse(t->frame, len + 2); /* may have carried a PIN */
    return st;
}

/* Payload to t->frame. */
static enum mm_status get_frame(struct tcp *t, size_t *len, uint64_t deadline)
{
    uint8_t head[2];
    enum mm_status st = get_all(t->fd, head, sizeof(head), deadline);

    *len = 0;
    if (st == MM_OK) {
        *len = mm_be16(head);
        st = get_all(t->fd, t->frame, *len, deadline);
    }
    return st;
}

/* After a failure the place in the stream is lost: give the connection up. */
static enum mm_status give_up(struct mm_access *a, enum mm_status st, struct mm_err *err)
{
    struct tcp *t = a->ctx;

    close(t->fd);
    t->fd = -1;
    if (st == MM_TIMEOUT)
        return mm_fail(err, MM_TIMEOUT, SIZE_MAX, "the chip at %s gave no answer in time",
                       a->reader);
    if (st == MM_NO_READER)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the chip at %s went away", a->reader);
    return mm_fail(err, st, SIZE_MAX, "%s: %s", a->reader, mm_status_text(st));
}

static enum mm_status check_open(const struct mm_access *a, struct mm_err *err)
{
    const struct tcp *t = a->ctx;

    if (t->fd >= 0)
        return MM_OK;
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "the connection to %s was given up", a->reader);
}

/* ---- Operations ---- */

static enum mm_status tcp_transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                                   unsigned ms, struct mm_buf *resp, struct mm_err *err)
{
    struct tcp *t = a->ctx;
    uint64_t deadline = mm_access_now() + ms;
    size_t len;
    enum mm_status st = check_open(a, err);

    if (st != MM_OK)
        return st;
    if (apdu_len > FRAME_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "a command of %zu bytes; this link carries %d",
                       apdu_len, FRAME_MAX);
    st = put_frame(t, apdu, apdu_len, deadline);
    if (st == MM_OK)
        st = get_frame(t, &len, deadline);
    if (st != MM_OK)
        return give_up(a, st, err);
    mm_buf_bytes(resp, t->frame, len);
    return MM_OK;
}

static enum mm_status read_atr(struct mm_access *a, uint64_t deadline)
{
    static const uint8_t ask = CONTROL_ATR;
    struct tcp *t = a->ctx;
    size_t len;
    enum mm_status st = put_frame(t, &ask, 1, deadline);

    if (st == MM_OK)
        st = get_frame(t, &len, deadline);
    if (st != MM_OK)
        return st;
    if (len > MM_ATR_MAX)
        return MM_MALFORMED;
    memcpy(a->atr, t->frame, len);
    a->atr_len = len;
    return MM_OK;
}

static enum mm_status tcp_reset(struct mm_access *a, unsigned ms, struct mm_err *err)
{
    static const uint8_t reset = CONTROL_RESET;
    uint64_t deadline = mm_access_now() + ms;
    enum mm_status st = check_open(a, err);

    if (st != MM_OK)
        return st;
    st = put_frame(a->ctx, &reset, 1, deadline);
    if (st == MM_OK)
        st = read_atr(a, deadline);
    return st == MM_OK ? MM_OK : give_up(a, st, err);
}

static void tcp_close(struct mm_access *a)
{
    struct tcp *t = a->ctx;

    if (t->fd >= 0)
        close(t->fd);
    OPENSSL_cleanse(t->frame, sizeof(t->frame));
    free(t);
    a->ctx = NULL;
}

static const struct mm_access_ops tcp_ops = {
    .transmit = tcp_transmit,
    .reset = tcp_reset,
    .begin = mm_access_begin_none,
    .end = mm_access_end_none,
    .close = tcp_close,
};

/* ---- Open ---- */

/* "HOST:PORT" or "[HOST]:PORT" in two. */
static enum mm_status split(const char *text, char host[HOST_MAX], const char **port,
                            struct mm_err *err)
{
    const char *colon = strrchr(text, ':');
    size_t n = colon != NULL ? (size_t)(colon - text) : 0;

    host[0] = '\0';
    *port = colon != NULL ? colon + 1 : "";
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if ((*port)[0] == '\0' || n == 0 || n >= HOST_MAX)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "tcp:%s: expected tcp:HOST:PORT", text);
    memcpy(host, text, n);
    host[n] = '\0';
    return MM_OK;
}

static enum mm_status connect_one(const struct addrinfo *ai, uint64_t deadline, int *out,
                                  int *reason)
{
    int one = 1;
    socklen_t len = sizeof(*reason);
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum mm_status st = MM_OK;

    *reason = 0;
    if (fd < 0 || (connect(fd, ai->ai_addr, ai->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        *reason = errno;
        st = MM_NO_READER;
    } else {
        st = wait_for(fd, POLLOUT, deadline);
        if (st == MM_OK &&
            (getsockopt(fd, SOL_SOCKET, SO_ERROR, reason, &len) != 0 || *reason != 0))
            st = MM_NO_READER;
    }
    if (st != MM_OK) {
        if (fd >= 0)
            close(fd);
        return st;
    }
    /* A command is small and its answer waited for: do not let the kernel gather (Nagle). */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* slower, still right */
    *out = fd;
    return MM_OK;
}

static enum mm_status connect_any(const char *name, const char *host, const char *port,
                                  uint64_t deadline, int *fd, struct mm_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int reason = 0;
    enum mm_status st = MM_NO_READER;
    int rc = getaddrinfo(host, port, &hints, &list);

    if (rc != 0)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "tcp:%s: %s", name, gai_strerror(rc));
    for (const struct addrinfo *ai = list; ai != NULL && st != MM_OK; ai = ai->ai_next)
        st = connect_one(ai, deadline, fd, &reason);
    freeaddrinfo(list);
    if (st == MM_OK)
        return MM_OK;
    if (st == MM_TIMEOUT)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "tcp:%s: no connection in time", name);
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "no chip listens at tcp:%s: %s", name,
                   strerror(reason));
}

enum mm_status mm_access_open_tcp(struct mm_access *a, const char *host_port, struct mm_err *err)
{
    static const uint8_t on = CONTROL_ON;
    uint64_t deadline = mm_access_now() + a->open_ms;
    char host[HOST_MAX];
    const char *port;
    struct tcp *t;
    enum mm_status st = split(host_port, host, &port, err);

    if (st != MM_OK)
        return st;
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = connect_any(host_port, host, port, deadline, &t->fd, err);
    if (st != MM_OK) {
        free(t);
        return st;
    }
    a->ops = &tcp_ops;
    a->ctx = t;
    st = put_frame(t, &on, 1, deadline);
    if (st == MM_OK)
        st = read_atr(a, deadline);
    if (st == MM_OK && a->atr_len > 0)
        return MM_OK;
    if (st == MM_TIMEOUT)
        return mm_fail(err, MM_BUSY, SIZE_MAX, "the chip at tcp:%s serves another program",
                       host_port);
    if (st == MM_OK || st == MM_MALFORMED)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "tcp:%s: expected an ATR of 1 to %d bytes",
                       host_port, MM_ATR_MAX);
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "tcp:%s closed the connection", host_port);
}
