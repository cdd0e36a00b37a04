/*
 * Two readers against each other in one run: short batches in turn, so that what else the machine
 * does hits both alike. Tells the median rate of each and the median of the batches' ratios.
 *
 *     bench_link READER_A READER_B COMMAND [FIRST]
 *
 * COMMAND is sent to both (hex); FIRST once to A before (a selection).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host_client/access/access.h"

#define ROUNDS     101
#define BATCH      100
#define TIMEOUT_MS 5000

struct command {
    uint8_t bytes[261];
    size_t len;
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Seconds for n commands; below 0 when one failed. */
static double batch(struct mm_access *access, const struct command *c, unsigned n,
                    struct mm_err *err)
{
    double start = now();
    struct mm_buf resp;

    mm_buf_init(&resp);
    for (unsigned i = 0; i < n; i++) {
        resp.len = 0;
        if (mm_access_send_raw(access, c->bytes, c->len, &resp, err) != MM_OK || resp.len < 2 ||
            resp.data[resp.len - 2] != 0x90) {
            mm_buf_clear(&resp);
            return -1;
        }
    }
    mm_buf_clear(&resp);
    return now() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    return values[ROUNDS / 2];
}

static bool read_command(const char *text, struct command *c)
{
    c->len = sizeof(c->bytes);
    return mm_unhex(text, c->bytes, &c->len) == MM_OK && c->len >= 4;
}

static int compare(struct mm_access *a, struct mm_access *b, const struct command *c,
                   struct mm_err *err)
{
    static double rate_a[ROUNDS], rate_b[ROUNDS], ratio[ROUNDS];

    for (size_t i = 0; i < ROUNDS; i++) {
        double ta = batch(a, c, BATCH, err), tb = batch(b, c, BATCH, err);
        if (ta < 0 || tb < 0)
            return 5;
        rate_a[i] = BATCH / ta;
        rate_b[i] = BATCH / tb;
        ratio[i] = tb / ta;
    }
    printf("A %.0f a second, B %.0f a second, A is %.1f %% of B\n", median(rate_a), median(rate_b),
           100 * median(ratio));
    return 0;
}

int main(int argc, char **argv)
{
    struct mm_access *a = NULL, *b = NULL;
    struct command c, first;
    struct mm_err err = {0};
    int rc = 4;

    if (argc < 4 || argc > 5 || !read_command(argv[3], &c) ||
        (argc == 5 && !read_command(argv[4], &first))) {
        fputs("usage: bench_link READER_A READER_B COMMAND [FIRST]\n", stderr);
        return 2;
    }
    if (mm_access_open(argv[1], TIMEOUT_MS, &a, &err) == MM_OK &&
        mm_access_open(argv[2], TIMEOUT_MS, &b, &err) == MM_OK &&
        (argc == 4 || batch(a, &first, 1, &err) >= 0) && batch(a, &c, BATCH, &err) >= 0 &&
        batch(b, &c, BATCH, &err) >= 0) /* warm-up */
        rc = compare(a, b, &c, &err);
    if (rc != 0)
        fprintf(stderr, "bench_link: %s\n",
                err.text[0] != '\0' ? err.text : "a command was not answered with 9000");
    mm_access_close(&a);
    mm_access_close(&b);
    return rc;
}
