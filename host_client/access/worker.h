/*
 * A thread that makes blocking calls with a limit of time. Several PC/SC calls wait without end
 * (another program's transaction, a driver that does not come back), and nothing can interrupt them
 * from outside. So they run here: when one is late its caller goes on, and the worker, now an
 * orphan, releases its context whenever the call returns.
 */
#ifndef MM_ACCESS_WORKER_H
#define MM_ACCESS_WORKER_H

#include <stdbool.h>

struct mm_worker;

/* ctx becomes the worker's: release(ctx) is called once, in the thread. NULL: no memory or thread,
 * ctx still the caller's. */
struct mm_worker *mm_worker_new(void *ctx, void (*release)(void *ctx));
/* Run job(ctx) in the thread. false: not finished within ms; the worker is an orphan, and neither
 * it nor ctx may be touched again. */
bool mm_worker_run(struct mm_worker *worker, void (*job)(void *ctx), unsigned ms);
/* End the thread; waits at most ms for the release. */
void mm_worker_free(struct mm_worker *worker, unsigned ms);

#endif
