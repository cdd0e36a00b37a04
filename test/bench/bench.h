/* What benchmarks share: a clock, and two ways of doing one thing measured in turn. */
#ifndef MM_BENCH_H
#define MM_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BENCH_BATCHES 301
#define BENCH_BATCH   100000.0 /* ns: shorter than a time slice of a machine that others use too */

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

/* Rounds of a batch, when one takes so long. */
static inline unsigned bench_rounds(double ns)
{
    return ns < BENCH_BATCH ? (unsigned)(BENCH_BATCH / ns) + 1 : 1;
}

/* Batches in turn, so that a machine that changes its speed changes all; best[i]: ns a round of step i,
 * of its best batch. */
static inline void bench_in_turn(bool (*const *steps)(void *), size_t n, void *ctx, double *best)
{
    double longest = 0;
    unsigned rounds;

    for (size_t k = 0; k < n; k++) {
        best[k] = bench_batch(steps[k], ctx, 2);
        longest = best[k] > longest ? best[k] : longest;
    }
    rounds = bench_rounds(longest);
    for (size_t i = 0; i < BENCH_BATCHES; i++) {
        for (size_t k = 0; k < n; k++) {
            double ns = bench_batch(steps[k], ctx, rounds);
            best[k] = ns < best[k] ? ns : best[k];
        }
    }
}

struct bench_pair {
    double ours, theirs;
};

static inline struct bench_pair bench_compare(bool (*ours)(void *), bool (*theirs)(void *),
                                              void *ctx)
{
    bool (*const steps[])(void *) = {ours, theirs};
    double best[2];

    bench_in_turn(steps, 2, ctx, best);
    return (struct bench_pair){best[0], best[1]};
}

#endif
