/*
 * Card access over TCP against a double: a thread that listens on a loopback port of its own and
 * plays a list of turns, each "these bytes must come, then send those".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host_client/access/access.h"

#define OPEN_MS  20000 /* never reached, however slow the machine */
#define SHORT_MS 60
#define GREETING "000101000104" /* on, ATR */
#define ATR      "00043B800101"
#define BULK     65535

struct turn {
    const char *expect; /* hex of the bytes on the wire */
    const char *reply;  /* likewise; NULL: nothing */
    size_t bulk;        /* after reply, so many bytes 5A more */
};
struct chip {
    int listen_fd;
    char address[40];
    const struct turn *turns; /* ends with expect NULL: wait for the peer to leave */
    bool hang_up;             /* close after the last turn instead */
    bool differed;
    pthread_t thread;
};

static bool take(int fd, const char *hex)
{
    uint8_t want[512], got[512];
    size_t n = sizeof(want);

    if (mm_unhex(hex, want, &n) != MM_OK)
        return false;
    for (size_t have = 0; have < n;) {
        ssize_t r = recv(fd, got + have, n - have, 0);
        if (r <= 0)
            return false;
        have += (size_t)r;
    }
    return memcmp(want, got, n) == 0;
}

static void reply(int fd, const struct turn *t)
{
    uint8_t bytes[512];
    size_t n = sizeof(bytes);

    if (mm_unhex(t->reply, bytes, &n) != MM_OK || send(fd, bytes, n, MSG_NOSIGNAL) < 0)
        return;
    memset(bytes, 0x5a, sizeof(bytes));
    for (size_t sent = 0; sent < t->bulk;) {
        size_t more = t->bulk - sent < sizeof(bytes) ? t->bulk - sent : sizeof(bytes);
        ssize_t r = send(fd, bytes, more, MSG_NOSIGNAL);
        if (r <= 0)
            return;
        sent += (size_t)r;
    }
}

static void *serve(void *arg)
{
    struct chip *c = arg;
    uint8_t rest;
    int fd = accept(c->listen_fd, NULL, NULL);

    if (fd < 0)
        return NULL;
    for (const struct turn *t = c->turns; t->expect != NULL && !c->differed; t++) {
        c->differed = !take(fd, t->expect);
        if (!c->differed && t->reply != NULL)
            reply(fd, t);
    }
    if (!c->hang_up && !c->differed)
        c->differed = recv(fd, &rest, 1, 0) > 0; /* nothing more may come */
    close(fd);
    return NULL;
}

static void listen_on_loopback(struct chip *c)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(c->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(c->listen_fd, 1), 0);
    assert_int_equal(getsockname(c->listen_fd, (struct sockaddr *)&address, &len), 0);
    snprintf(c->address, sizeof(c->address), "tcp:127.0.0.1:%u", ntohs(address.sin_port));
}

static void start(struct chip *c, const struct turn *turns, bool hang_up)
{
    *c = (struct chip){.turns = turns, .hang_up = hang_up};
    listen_on_loopback(c);
    assert_int_equal(pthread_create(&c->thread, NULL, serve, c), 0);
}

static void stop(struct chip *c, struct mm_access **access)
{
    mm_access_close(access);
    pthread_join(c->thread, NULL);
    close(c->listen_fd);
    assert_false(c->differed);
}

static struct mm_access *open_ok(const struct chip *c)
{
    struct mm_access *a = NULL;
    struct mm_err err;

    if (mm_access_open(c->address, OPEN_MS, &a, &err) != MM_OK)
        fail_msg("%s", err.text);
    return a;
}

static void assert_answer(const struct mm_buf *resp, const char *hex)
{
    char text[1024];
    assert_true(resp->len < sizeof(text) / 2);
    assert_string_equal(mm_hex(resp->data, resp->len, text), hex);
}

static const uint8_t get_info[] = {0x80, 0x4a, 0x00, 0x00, 0x00};

static void access_tcp_gives_atr_and_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = {
        {GREETING, ATR, 0}, {"0005804A000000", "000401029000", 0}, {0}};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;
    size_t n;

    start(&c, turns, false);
    a = open_ok(&c);
    assert_memory_equal(mm_access_atr(a, &n), "\x3b\x80\x01\x01", 4);
    assert_int_equal(n, 4);
    assert_string_equal(mm_access_reader(a), c.address);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_begin(a, NULL), MM_OK);
    assert_int_equal(mm_access_send(a, get_info, sizeof(get_info), &resp, NULL), MM_OK);
    mm_access_end(a);
    assert_answer(&resp, "01029000");
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_tcp_follows_61_and_6c(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0},
                                        {"0005814A000000", "00026C03", 0},
                                        {"0005814A000003", "0005AABBCC6102", 0},
                                        {"000501C0000002", "00026C01", 0},
                                        {"000501C0000001", "0003DD9000", 0},
                                        {0}};
    static const uint8_t apdu[] = {0x81, 0x4a, 0x00, 0x00, 0x00}; /* logical channel 1 */
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send(a, apdu, sizeof(apdu), &resp, NULL), MM_OK);
    assert_answer(&resp, "AABBCCDD9000");
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_send_raw_follows_nothing(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {"0005804A000000", "00026105", 0}, {0}};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send_raw(a, get_info, sizeof(get_info), &resp, NULL), MM_OK);
    assert_answer(&resp, "6105");
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_stops_a_card_that_promises_for_ever(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0},
                                        {"0005804A000000", "00026105", 0},
                                        {"000500C0000005", "00026105", 0},
                                        {0}};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;
    struct mm_err err;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send(a, get_info, sizeof(get_info), &resp, &err), MM_CARD);
    assert_non_null(strstr(err.text, "sends none"));
    assert_int_equal(resp.len, 0);
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_corrects_extended_le(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0},
                                        {"0007804A0000000000", "00026C20", 0},
                                        {"0007804A0000000020", "00029000", 0},
                                        {0}};
    static const uint8_t apdu[] = {0x80, 0x4a, 0x00, 0x00, 0x00, 0x00, 0x00};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send(a, apdu, sizeof(apdu), &resp, NULL), MM_OK);
    assert_answer(&resp, "9000");
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_reset_asks_for_the_atr_again(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {"000102000104", "00023B00", 0}, {0}};
    struct chip c;
    struct mm_access *a;
    size_t n;

    start(&c, turns, false);
    a = open_ok(&c);
    assert_int_equal(mm_access_reset(a, NULL), MM_OK);
    assert_memory_equal(mm_access_atr(a, &n), "\x3b\x00", 2);
    assert_int_equal(n, 2);
    stop(&c, &a);
}

static void access_tcp_takes_the_largest_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {"0005804A000000", "FFFF", BULK}, {0}};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send_raw(a, get_info, sizeof(get_info), &resp, NULL), MM_OK);
    assert_int_equal(resp.len, BULK);
    mm_buf_clear(&resp);
    stop(&c, &a);
}

/* ---- What goes wrong ---- */

/* Open, send one command: it must fail like this, and the connection be given up or not. */
static void assert_send_fails(const struct turn *turns, bool hang_up, enum mm_status st,
                              const char *text, bool given_up)
{
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;
    struct mm_err err;

    start(&c, turns, hang_up);
    a = open_ok(&c);
    mm_access_set_timeout(a, st == MM_TIMEOUT ? SHORT_MS : OPEN_MS);
    mm_buf_init(&resp);
    assert_int_equal(mm_access_send(a, get_info, sizeof(get_info), &resp, &err), st);
    assert_non_null(strstr(err.text, text));
    assert_int_equal(resp.len, 0);
    if (given_up) {
        assert_int_equal(mm_access_send(a, get_info, sizeof(get_info), &resp, &err), MM_NO_READER);
        assert_int_equal(mm_access_reset(a, &err), MM_NO_READER);
        assert_non_null(strstr(err.text, "given up"));
    }
    mm_buf_clear(&resp);
    stop(&c, &a);
}

static void access_tcp_times_out_on_silence(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {"0005804A000000", NULL, 0}, {0}};
    assert_send_fails(turns, false, MM_TIMEOUT, "in time", true);
}

static void access_tcp_times_out_in_the_middle_of_an_answer(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {"0005804A000000", "000490", 0}, {0}};
    assert_send_fails(turns, false, MM_TIMEOUT, "in time", true);
}

static void access_tcp_says_when_the_chip_went_away(void **state)
{
    (void)state;
    static const struct turn before[] = {{GREETING, ATR, 0}, {0}};
    static const struct turn within[] = {
        {GREETING, ATR, 0}, {"0005804A000000", "0004900000", 0}, {0}};
    assert_send_fails(before, true, MM_NO_READER, "went away", true);
    assert_send_fails(within, true, MM_NO_READER, "went away", true);
}

static void access_refuses_an_answer_without_status_word(void **state)
{
    (void)state;
    static const struct turn one[] = {{GREETING, ATR, 0}, {"0005804A000000", "000190", 0}, {0}};
    static const struct turn none[] = {{GREETING, ATR, 0}, {"0005804A000000", "0000", 0}, {0}};
    assert_send_fails(one, false, MM_MALFORMED, "status word", false);
    assert_send_fails(none, false, MM_NO_READER, "no answer", false);
}

static void assert_open_fails(const struct turn *turns, bool hang_up, enum mm_status st,
                              const char *text)
{
    struct chip c;
    struct mm_access *a = NULL;
    struct mm_err err;

    start(&c, turns, hang_up);
    assert_int_equal(mm_access_open(c.address, OPEN_MS, &a, &err), st);
    assert_null(a);
    assert_non_null(strstr(err.text, text));
    stop(&c, &a);
}

static void access_tcp_refuses_a_bad_atr(void **state)
{
    (void)state;
    static const struct turn empty[] = {{GREETING, "0000", 0}, {0}};
    static const struct turn longer[] = {{GREETING, "0022", 34}, {0}};
    assert_open_fails(empty, false, MM_MALFORMED, "ATR");
    assert_open_fails(longer, false, MM_MALFORMED, "ATR");
}

static void access_tcp_says_when_the_peer_is_no_chip(void **state)
{
    (void)state;
    static const struct turn turns[] = {{"0001", NULL, 0}, {0}};
    assert_open_fails(turns, true, MM_NO_READER, "closed the connection");
}

static void access_tcp_is_busy_when_the_chip_serves_another(void **state)
{
    (void)state;
    struct chip c = {0};
    struct mm_access *a = NULL;
    struct mm_err err;

    listen_on_loopback(&c); /* connects by the kernel, but nobody accepts */
    assert_int_equal(mm_access_open(c.address, SHORT_MS, &a, &err), MM_BUSY);
    assert_non_null(strstr(err.text, "another"));
    assert_null(a);
    close(c.listen_fd);
}

static void access_tcp_says_when_nobody_listens(void **state)
{
    (void)state;
    struct chip c = {0};
    struct mm_access *a = NULL;
    struct mm_err err;

    listen_on_loopback(&c);
    close(c.listen_fd); /* a port that was ours a moment ago */
    assert_int_equal(mm_access_open(c.address, OPEN_MS, &a, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "no chip listens"));
}

static void access_refuses_malformed_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"tcp:",      "tcp:host", "tcp::1",
                                      "tcp:host:", "tcp:[]:1", "chip:"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_access *a = NULL;
        assert_int_equal(mm_access_open(bad[i], SHORT_MS, &a, NULL), MM_USAGE);
        assert_null(a);
    }
}

static void access_refuses_a_command_without_header(void **state)
{
    (void)state;
    static const struct turn turns[] = {{GREETING, ATR, 0}, {0}};
    struct chip c;
    struct mm_access *a;
    struct mm_buf resp;

    start(&c, turns, false);
    a = open_ok(&c);
    mm_buf_init(&resp);
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(mm_access_send(a, get_info, n, &resp, NULL), MM_USAGE);
    mm_buf_clear(&resp);
    stop(&c, &a);
}

/* ---- Building ---- */

static void access_builds_every_case(void **state)
{
    (void)state;
    static const uint8_t data[300] = {0xd1, 0xd2};
    static const struct {
        size_t data_len;
        int le;
        const char *start;
        size_t len;
    } rows[] = {
        {0, -1, "80CA0045", 4},           {0, 256, "80CA004500", 5},
        {0, 8, "80CA004508", 5},          {0, 65536, "80CA0045000000", 7},
        {0, 300, "80CA004500012C", 7},    {2, -1, "80CA004502D1D2", 7},
        {2, 256, "80CA004502D1D200", 8},  {2, 65536, "80CA0045000002D1D20000", 11},
        {300, -1, "80CA004500012C", 307}, {300, 256, "80CA004500012C", 309},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_buf out;
        uint8_t want[16];
        size_t n = sizeof(want);

        mm_buf_init(&out);
        mm_access_build(0x80, 0xca, 0x00, 0x45, data, rows[i].data_len, rows[i].le, &out);
        assert_int_equal(mm_unhex(rows[i].start, want, &n), MM_OK);
        assert_int_equal(out.len, rows[i].len);
        assert_memory_equal(out.data, want, n);
        mm_buf_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_tcp_gives_atr_and_answer),
        cmocka_unit_test(access_tcp_follows_61_and_6c),
        cmocka_unit_test(access_send_raw_follows_nothing),
        cmocka_unit_test(access_stops_a_card_that_promises_for_ever),
        cmocka_unit_test(access_corrects_extended_le),
        cmocka_unit_test(access_reset_asks_for_the_atr_again),
        cmocka_unit_test(access_tcp_takes_the_largest_answer),
        cmocka_unit_test(access_tcp_times_out_on_silence),
        cmocka_unit_test(access_tcp_times_out_in_the_middle_of_an_answer),
        cmocka_unit_test(access_tcp_says_when_the_chip_went_away),
        cmocka_unit_test(access_refuses_an_answer_without_status_word),
        cmocka_unit_test(access_tcp_refuses_a_bad_atr),
        cmocka_unit_test(access_tcp_says_when_the_peer_is_no_chip),
        cmocka_unit_test(access_tcp_is_busy_when_the_chip_serves_another),
        cmocka_unit_test(access_tcp_says_when_nobody_listens),
        cmocka_unit_test(access_refuses_malformed_addresses),
        cmocka_unit_test(access_refuses_a_command_without_header),
        cmocka_unit_test(access_builds_every_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
