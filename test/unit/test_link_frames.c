/* Links: framing over a socket pair, a TCP server on a free port, reconnecting to a vpcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "applet_vm/link/link_int.h"

/* A card that counts what it is told and echoes commands. */
struct probe {
    unsigned on, off, reset, commands;
};

static void probe_on(void *ctx)
{
    ((struct probe *)ctx)->on++;
}

static void probe_off(void *ctx)
{
    ((struct probe *)ctx)->off++;
}

static void probe_reset(void *ctx)
{
    ((struct probe *)ctx)->reset++;
}

static const uint8_t *probe_atr(void *ctx, size_t *len)
{
    static const uint8_t atr[] = {0x3b, 0x00};

    (void)ctx;
    *len = sizeof(atr);
    return atr;
}

static void probe_transmit(void *ctx, const uint8_t *apdu, size_t apdu_len, uint8_t *resp,
                           size_t *resp_len)
{
    ((struct probe *)ctx)->commands++;
    assert_true(*resp_len >= apdu_len + 2);
    memcpy(resp, apdu, apdu_len);
    mm_put_be16(resp + apdu_len, 0x9000);
    *resp_len = apdu_len + 2;
}

static struct mm_link_card card_of(struct probe *p)
{
    return (struct mm_link_card){p, probe_on, probe_off, probe_reset, probe_atr, probe_transmit};
}

/* ---- Framing ---- */
struct pair {
    struct probe probe;
    struct mm_link_card card;
    struct mm_frames *frames;
    int host, chip, stop[2];
    bool on;
};

static int open_pair(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));
    int fds[2];

    if (p == NULL || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0 || pipe(p->stop) != 0)
        return -1;
    p->frames = calloc(1, sizeof(*p->frames));
    p->host = fds[0];
    p->chip = fds[1];
    p->card = card_of(&p->probe);
    *state = p;
    return p->frames == NULL;
}

static int close_pair(void **state)
{
    struct pair *p = *state;

    close(p->host);
    close(p->chip);
    close(p->stop[0]);
    close(p->stop[1]);
    free(p->frames);
    free(p);
    return 0;
}

static enum mm_frame_event serve(struct pair *p, bool keep_on)
{
    return mm_frames_serve(p->frames, p->chip, p->stop[0], &p->card, &p->on, keep_on);
}

static size_t answer(struct pair *p, uint8_t *out, size_t cap)
{
    ssize_t n = recv(p->host, out, cap, MSG_DONTWAIT);

    return n < 0 ? 0 : (size_t)n;
}

static void frames_answer_a_command_in_one_message(void **state)
{
    static const uint8_t command[] = {0, 4, 0x00, 0xb0, 0x01, 0x02};
    static const uint8_t expected[] = {0, 6, 0x00, 0xb0, 0x01, 0x02, 0x90, 0x00};
    struct pair *p = *state;
    uint8_t out[64];

    assert_int_equal(write(p->host, command, sizeof(command)), sizeof(command));
    assert_int_equal(serve(p, false), MM_FRAME_GOING_ON);
    assert_int_equal(answer(p, out, sizeof(out)), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
}

static void frames_take_a_command_in_single_bytes(void **state)
{
    static const uint8_t command[] = {0, 4, 0x00, 0xb0, 0x01, 0x02};
    struct pair *p = *state;
    uint8_t out[64];

    for (size_t i = 0; i < sizeof(command); i++) {
        assert_int_equal(p->probe.commands, 0);
        assert_int_equal(write(p->host, command + i, 1), 1);
        assert_int_equal(serve(p, false), MM_FRAME_GOING_ON);
    }
    assert_int_equal(p->probe.commands, 1);
    assert_int_equal(answer(p, out, sizeof(out)), 8);
}

static void frames_serve_controls_and_answer_only_the_atr(void **state)
{
    static const uint8_t controls[] = {0, 1, 1, 0, 1, 2, 0, 1, 0, 0, 1, 9, 0, 1, 4};
    static const uint8_t expected[] = {0, 2, 0x3b, 0x00};
    struct pair *p = *state;
    uint8_t out[64];

    assert_int_equal(write(p->host, controls, sizeof(controls)), sizeof(controls));
    assert_int_equal(serve(p, false), MM_FRAME_GOING_ON);
    assert_int_equal(p->probe.on, 1);
    assert_int_equal(p->probe.reset, 1);
    assert_int_equal(p->probe.off, 1);
    assert_int_equal(answer(p, out, sizeof(out)), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
}

/* The driver asks for the ATR to see whether the card is there, whenever it likes. */
static void frames_answer_an_atr_asked_for_during_a_command(void **state)
{
    static const uint8_t asked[] = {0, 4, 0x00, 0xb0, 1, 2, 0, 1, 4, 0, 4, 0x00, 0xb0, 3, 4};
    static const uint8_t expected[] = {0,    6, 0x00, 0xb0, 1,    2,    0x90, 0x00, 0,    2,
                                       0x3b, 0, 0,    6,    0x00, 0xb0, 3,    4,    0x90, 0x00};
    struct pair *p = *state;
    uint8_t out[64];

    assert_int_equal(write(p->host, asked, sizeof(asked)), sizeof(asked));
    assert_int_equal(serve(p, false), MM_FRAME_GOING_ON);
    assert_int_equal(answer(p, out, sizeof(out)), sizeof(expected));
    assert_memory_equal(out, expected, sizeof(expected));
    assert_int_equal(p->probe.reset + p->probe.on, 0);
}

static void frames_keep_a_card_on_for_the_next_peer(void **state)
{
    static const uint8_t controls[] = {0, 1, 1, 0, 1, 0, 0, 1, 1};
    struct pair *p = *state;

    assert_int_equal(write(p->host, controls, sizeof(controls)), sizeof(controls));
    assert_int_equal(serve(p, true), MM_FRAME_GOING_ON);
    assert_int_equal(p->probe.on, 1);
    assert_int_equal(p->probe.off, 0);
}

static void frames_see_the_peer_leave(void **state)
{
    struct pair *p = *state;

    shutdown(p->host, SHUT_RDWR);
    assert_int_equal(serve(p, false), MM_FRAME_CLOSED);
}

/* ---- TCP and vpcd, with the link in a thread of its own ---- */
static void *run_link(void *arg)
{
    struct mm_err err = {0};

    return mm_link_run(arg, &err) == MM_OK ? NULL : arg;
}

static void stop_and_join(struct mm_link **link, pthread_t thread)
{
    void *result = *link;

    mm_link_stop(*link);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_null(result);
    mm_link_free(link);
}

static void read_exactly(int fd, uint8_t *out, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, out, n);
        assert_true(got > 0);
        out += got;
        n -= (size_t)got;
    }
}

static void ask_atr(int fd)
{
    uint8_t out[4];

    assert_int_equal(write(fd, "\0\1\4", 3), 3);
    read_exactly(fd, out, sizeof(out));
    assert_int_equal(mm_be16(out), 2);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void tcp_serves_one_peer_after_the_other(void **state)
{
    struct probe probe = {0};
    struct mm_link_card card = card_of(&probe);
    struct mm_link *link = NULL;
    pthread_t thread;
    struct pollfd waiting;
    int first, second;

    (void)state;
    assert_int_equal(mm_link_tcp_card(&card, 0, &link, NULL), MM_OK);
    assert_int_not_equal(mm_link_port(link), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_link, link), 0);
    first = connect_to(mm_link_port(link));
    ask_atr(first);
    second = connect_to(mm_link_port(link));
    assert_int_equal(write(second, "\0\1\4", 3), 3);
    ask_atr(first); /* the first is still the one that is served */
    waiting = (struct pollfd){.fd = second, .events = POLLIN};
    assert_int_equal(poll(&waiting, 1, 0), 0);
    close(first);
    assert_int_equal(poll(&waiting, 1, 5000), 1);
    close(second);
    stop_and_join(&link, thread);
}

static void tcp_says_when_a_port_is_taken(void **state)
{
    struct probe probe = {0};
    struct mm_link_card card = card_of(&probe);
    struct mm_link *link = NULL, *other = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_int_equal(mm_link_tcp_card(&card, 0, &link, NULL), MM_OK);
    assert_int_equal(mm_link_tcp_card(&card, mm_link_port(link), &other, &err), MM_BUSY);
    assert_null(other);
    assert_non_null(strstr(err.text, "in use"));
    mm_link_free(&link);
}

/* Stand in for pcscd's driver: listen, take the card, hang up, take it again. */
static void vpcd_comes_back_after_the_reader_hung_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    struct probe probe = {0};
    struct mm_link_card card = card_of(&probe);
    struct mm_link *link = NULL;
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(mm_link_vpcd_card(&card, "127.0.0.1", ntohs(a.sin_port), &link, NULL), MM_OK);
    assert_int_equal(pthread_create(&thread, NULL, run_link, link), 0); /* nobody listens yet */
    assert_int_equal(listen(listener, 1), 0);
    for (unsigned i = 1; i <= 3; i++) {
        fd = accept(listener, NULL, NULL);
        assert_true(fd >= 0);
        ask_atr(fd);
        assert_int_equal(probe.off, i - 1); /* out of the reader: without power */
        close(fd);
    }
    stop_and_join(&link, thread);
    close(listener);
}

static void vpcd_refuses_an_empty_host(void **state)
{
    struct probe probe = {0};
    struct mm_link_card card = card_of(&probe);
    struct mm_link *link = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_int_equal(mm_link_vpcd_card(&card, "", 1, &link, &err), MM_USAGE);
    assert_null(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_answer_a_command_in_one_message, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(frames_take_a_command_in_single_bytes, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(frames_serve_controls_and_answer_only_the_atr, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(frames_answer_an_atr_asked_for_during_a_command, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(frames_keep_a_card_on_for_the_next_peer, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(frames_see_the_peer_leave, open_pair, close_pair),
        cmocka_unit_test(tcp_serves_one_peer_after_the_other),
        cmocka_unit_test(tcp_says_when_a_port_is_taken),
        cmocka_unit_test(vpcd_comes_back_after_the_reader_hung_up),
        cmocka_unit_test(vpcd_refuses_an_empty_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
