/*
 * APDUs a second over any way to reach a chip: in process, TCP, PC/SC. One command, sent again and
 * again by one client that waits for each answer.
 *
 *     make build/release/bench/bench_apdu
 *     build/release/bench/bench_apdu [--count N] [--apdu HEX] READER
 *
 * READER as for mintmark-apdu. Prints: reader, commands, commands a second, ns a command.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host_client/access/access.h"

#define COUNT_DEFAULT 20000
#define WARM_UP       100
#define TIMEOUT_MS    5000

struct plan {
    unsigned long count;
    uint8_t apdu[261];
    size_t apdu_len;
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static enum mm_status repeat(struct mm_access *access, const struct plan *plan, unsigned long count,
                             struct mm_err *err)
{
    struct mm_buf resp;
    enum mm_status st = MM_OK;

    mm_buf_init(&resp);
    for (unsigned long i = 0; i < count && st == MM_OK; i++) {
        st = mm_access_send(access, plan->apdu, plan->apdu_len, &resp, err);
        if (st == MM_OK && mm_be16(resp.data + resp.len - 2) != 0x9000)
            st = mm_fail(err, MM_CARD, i, "the card answered %02X%02X", resp.data[resp.len - 2],
                         resp.data[resp.len - 1]);
    }
    mm_buf_clear(&resp);
    return st;
}

static enum mm_status measure(const char *reader, const struct plan *plan, struct mm_err *err)
{
    struct mm_access *access;
    double took;
    enum mm_status st = mm_access_open(reader, TIMEOUT_MS, &access, err);

    if (st != MM_OK)
        return st;
    st = mm_access_begin(access, err);
    if (st == MM_OK)
        st = repeat(access, plan, WARM_UP, err);
    took = now();
    if (st == MM_OK)
        st = repeat(access, plan, plan->count, err);
    took = now() - took;
    if (st == MM_OK)
        printf("%s: %lu commands, %.0f a second, %.0f ns each\n", mm_access_reader(access),
               plan->count, (double)plan->count / took, took * 1e9 / (double)plan->count);
    mm_access_end(access);
    mm_access_close(&access);
    return st;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"count", required_argument, NULL, 'n'}, {"apdu", required_argument, NULL, 'a'}, {0}};
    /* GET DATA, chip number: answered by the card manager, no applet, nothing written. */
    struct plan plan = {
        .count = COUNT_DEFAULT, .apdu = {0x80, 0xca, 0x00, 0x45, 0x00}, .apdu_len = 5};
    struct mm_err err = {0};
    enum mm_status st = MM_OK;
    int c;

    while ((c = getopt_long(argc, argv, "n:a:", longs, NULL)) != -1) {
        if (c == 'n') {
            plan.count = strtoul(optarg, NULL, 10);
        } else if (c == 'a') {
            plan.apdu_len = sizeof(plan.apdu);
            st = mm_unhex(optarg, plan.apdu, &plan.apdu_len);
        } else {
            st = MM_USAGE;
        }
    }
    if (st != MM_OK || plan.count == 0 || argc - optind != 1) {
        fputs("usage: bench_apdu [--count N] [--apdu HEX] READER\n", stderr);
        return 2;
    }
    st = measure(argv[optind], &plan, &err);
    if (st != MM_OK)
        fprintf(stderr, "bench_apdu: %s\n", err.text);
    return mm_status_exit(st);
}
