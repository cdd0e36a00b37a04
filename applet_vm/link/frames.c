/* vpcd's framing, card side. */
#include "applet_vm/link/link_int.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum control { CONTROL_OFF = 0x00, CONTROL_ON = 0x01, CONTROL_RESET = 0x02, CONTROL_ATR = 0x04 };

/*
 * The driver writes length and payload in two writes without TCP_NODELAY, so the second waits in its
 * kernel until the first is acknowledged; a delayed acknowledgement costs 40 ms an APDU. Quick
 * acknowledgement is not sticky (tcp(7)), so it is asked for again after each read.
 */
static void ack_quickly(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
}

void mm_frames_tune(int fd)
{
    int one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    ack_quickly(fd);
}

/* Wait until fd can be written to; false when the stop pipe speaks first. */
static bool wait_writable(int fd, int stop_fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = POLLOUT}, {.fd = stop_fd, .events = POLLIN}};

    while (poll(p, 2, -1) < 0) {
        if (errno != EINTR)
            return false;
    }
    return (p[1].revents & POLLIN) == 0;
}

static enum mm_frame_event write_all(int fd, int stop_fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_writable(fd, stop_fd))
                return MM_FRAME_STOPPED;
        } else if (errno != EINTR) {
            return MM_FRAME_CLOSED;
        }
    }
    return MM_FRAME_GOING_ON;
}

/* One whole message; returns the length of the answer in f->out, 0 for none. */
static size_t serve(struct mm_frames *f, const uint8_t *message, size_t len,
                    const struct mm_link_card *card, bool *on, bool keep_on)
{
    size_t n = MM_FRAME_MAX; /* the length field cannot say more; the rest follows by 61xx */
    const uint8_t *atr;

    if (len != 1) {
        card->transmit(card->ctx, message, len, f->out + 2, &n);
        mm_put_be16(f->out, (uint16_t)n);
        return n + 2;
    }
    switch (message[0]) {
    case CONTROL_OFF:
        if (!keep_on) {
            card->power_off(card->ctx);
            *on = false;
        }
        return 0;
    case CONTROL_ON:
        if (!*on || !keep_on)
            card->power_on(card->ctx);
        *on = true;
        return 0;
    case CONTROL_RESET:
        card->reset(card->ctx);
        *on = true;
        return 0;
    case CONTROL_ATR:
        atr = card->atr(card->ctx, &n);
        memcpy(f->out + 2, atr, n);
        mm_put_be16(f->out, (uint16_t)n);
        return n + 2;
    default:
        return 0; /* a control of a later protocol; the driver expects no answer to an unknown one */
    }
}

enum mm_frame_event mm_frames_serve(struct mm_frames *f, int fd, int stop_fd,
                                    const struct mm_link_card *card, bool *on, bool keep_on)
{
    size_t at = 0;
    ssize_t n = recv(fd, f->in + f->in_len, sizeof(f->in) - f->in_len, MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? MM_FRAME_GOING_ON
                                                                         : MM_FRAME_CLOSED;
    if (n == 0)
        return MM_FRAME_CLOSED;
    ack_quickly(fd);
    f->in_len += (size_t)n;
    while (f->in_len - at >= 2) {
        size_t len = mm_be16(f->in + at), answer;
        enum mm_frame_event event;

        if (f->in_len - at - 2 < len)
            break;
        answer = serve(f, f->in + at + 2, len, card, on, keep_on);
        at += 2 + len;
        event = write_all(fd, stop_fd, f->out, answer);
        if (event != MM_FRAME_GOING_ON)
            return event;
    }
    memmove(f->in, f->in + at, f->in_len - at);
    f->in_len -= at;
    return MM_FRAME_GOING_ON;
}
