/*
 * APDUs to a small applet (test/bench/applet) on a chip in memory, in this process; how long from
 * power-on to the first answer, and what object deletion costs by live objects.
 *
 *     bench_applet BENCH.CAP
 *
 * The crypto commands stand beside OpenSSL's time for the same work (bench_crypto), so that an end to
 * end command can be read as that plus an echo.
 */
#include <string.h>

#include "applet_vm/card/card.h"
#include "host_client/access/access_int.h"
#include "host_client/gp/gp.h"
#include "test/bench/bench.h"

static struct mm_err err;

static void must(enum mm_status st)
{
    bench_must(st == MM_OK, err.text);
}

/* ---- The chip, as a reader for the host library ---- */

static enum mm_status transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                               unsigned ms, struct mm_buf *resp, struct mm_err *unused)
{
    static uint8_t answer[MM_RESPONSE_MAX];
    size_t len = sizeof(answer);

    (void)ms, (void)unused;
    mm_card_transmit(a->ctx, apdu, apdu_len, answer, &len);
    mm_buf_bytes(resp, answer, len);
    return MM_OK;
}

static const struct mm_access_ops ops = {
    .transmit = transmit, .begin = mm_access_begin_none, .end = mm_access_end_none};

static struct mm_card *chip_new(void)
{
    struct mm_card_config cfg = {.nvm = {.path = NULL}};
    struct mm_card *card = NULL;

    must(mm_card_open(&cfg, &card, &err));
    mm_card_power_on(card);
    return card;
}

static void install(struct mm_card *card, const struct mm_cap *cap, const struct mm_aid *applet)
{
    struct mm_access access = {.ops = &ops, .ctx = card};
    struct mm_gp_session *session = NULL;
    const uint8_t privileges = 0;
    struct mm_buf list;

    mm_buf_init(&list);
    must(mm_gp_open(&access, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC, &session, &err));
    must(mm_gp_load_commands(cap, NULL, 200, &list));
    must(mm_gp_install_command(mm_cap_aid(cap), applet, applet, &privileges, 1, NULL, 0, &list));
    must(mm_gp_send_list(session, &list, NULL, NULL, &err));
    mm_gp_close(&session);
    mm_buf_clear(&list);
}

/* ---- Commands ---- */

struct command {
    struct mm_card *card;
    uint8_t apdu[261];
    size_t len;
    uint8_t answer[300];
};

static bool send(void *ctx)
{
    struct command *c = ctx;
    size_t len = sizeof(c->answer);

    mm_card_transmit(c->card, c->apdu, c->len, c->answer, &len);
    return len >= 2 && mm_be16(c->answer + len - 2) == 0x9000;
}

static struct command command(struct mm_card *card, uint8_t ins, size_t data_len)
{
    struct command c = {.card = card, .apdu = {0x80, ins}, .len = 5};

    if (data_len != 0) {
        c.apdu[4] = (uint8_t)data_len;
        c.len = 5 + data_len + 1;
    }
    return c;
}

static void measure(const char *name, struct command *c)
{
    double ns[BENCH_BATCHES];
    unsigned rounds = bench_rounds(bench_batch(send, c, 20));

    for (size_t i = 0; i < BENCH_BATCHES; i++)
        ns[i] = bench_batch(send, c, rounds);
    qsort(ns, BENCH_BATCHES, sizeof(ns[0]), bench_order);
    printf("%-34s %10.0f %10.0f\n", name, ns[0], ns[BENCH_BATCHES / 2]);
}

static void select_applet(struct mm_card *card, const struct mm_aid *applet)
{
    struct command c = {.card = card, .apdu = {0x00, 0xA4, 0x04, 0x00, applet->len}};

    memcpy(c.apdu + 5, applet->bytes, applet->len);
    c.len = 5u + applet->len;
    bench_must(send(&c), "SELECT");
}

static void commands(struct mm_card *card)
{
    static const struct {
        const char *name;
        uint8_t ins;
        size_t data_len;
    } list[] = {
        {"empty", 0x00, 0},
        {"echo, 240 bytes", 0x02, 240},
        {"counter in a transaction", 0x04, 0},
        {"SHA-256 of 240 bytes", 0x06, 240},
        {"AES-128 CBC of 240 bytes", 0x08, 240},
        {"ECDSA P-256, SHA-256 of 240 bytes", 0x0A, 240},
    };

    printf("%-34s %10s %10s   ns, best and median of %d batches\n", "command", "best", "median",
           BENCH_BATCHES);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        struct command c = command(card, list[i].ins, list[i].data_len);
        measure(list[i].name, &c);
    }
}

/* ---- Deletion by live objects ---- */

static void deletion(struct mm_card *card)
{
    unsigned live = 0;

    printf("\n%-12s %12s %12s   deletion of one object, best of 21\n", "live objects", "us",
           "ns an object");
    for (unsigned want = 100; want <= 10000; want *= 10) {
        struct command more = command(card, 0x0C, 0), collect = command(card, 0x0E, 0);
        double best = 1e18;

        for (; live < want; live += 100)
            bench_must(send(&more), "objects");
        for (int i = 0; i < 21; i++) {
            double took = bench_batch(send, &collect, 1);
            best = took < best ? took : best;
        }
        printf("%-12u %12.1f %12.1f\n", live, best / 1000, best / live);
    }
}

int main(int argc, char **argv)
{
    struct mm_cap *cap = NULL;
    struct mm_card *card;
    struct mm_aid applet;

    bench_must(argc == 2, "usage: bench_applet BENCH.CAP");
    must(mm_cap_read_file(argv[1], &cap, &err));
    applet = mm_cap_applet(cap, 0)->aid;
    card = chip_new();
    install(card, cap, &applet);
    select_applet(card, &applet);
    commands(card);
    deletion(card);
    mm_card_close(&card);
    mm_cap_free(&cap);
    return 0;
}
