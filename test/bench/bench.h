/* What benchmarks share: a clock, and two ways of doing one thing measured in turn. */
#ifndef MM_BENCH_H
#define MM_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_BATCHES 41

static inline double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline void bench_must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "benchmark: %s failed\n", what);
    exit(1);
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* ns a round of one batch. */
static inline double bench_batch(bool (*step)(void *), void *ctx, unsigned rounds)
{
    double start = bench_now();

    for (unsigned i = 0; i < rounds; i++) {
        if (!step(ctx))
            bench_must(false, "a step");
    }
    return (bench_now() - start) / rounds;
}

struct bench_pair {
    double ours, theirs, ratio; /* ns; ratio: median of the batches' ratios */
};

/* Batches in turn, so that a machine that changes its speed changes both. */
static inline struct bench_pair bench_compare(bool (*ours)(void *), bool (*theirs)(void *),
                                              void *ctx, unsigned rounds)
{
    double a[BENCH_BATCHES], b[BENCH_BATCHES], r[BENCH_BATCHES];

    (void)bench_batch(ours, ctx, rounds);
    (void)bench_batch(theirs, ctx, rounds);
    for (size_t i = 0; i < BENCH_BATCHES; i++) {
        a[i] = bench_batch(ours, ctx, rounds);
        b[i] = bench_batch(theirs, ctx, rounds);
        r[i] = a[i] / b[i];
    }
    qsort(a, BENCH_BATCHES, sizeof(a[0]), bench_order);
    qsort(b, BENCH_BATCHES, sizeof(b[0]), bench_order);
    qsort(r, BENCH_BATCHES, sizeof(r[0]), bench_order);
    return (struct bench_pair){a[BENCH_BATCHES / 2], b[BENCH_BATCHES / 2], r[BENCH_BATCHES / 2]};
}

#endif
