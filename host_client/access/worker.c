#include "host_client/access/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/*
 * States, all under lock: busy (a job waits or runs), quit (no job comes any more), ended
 * (released), orphan (nobody will look again: the thread frees the worker itself).
 */
struct mm_worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond; /* two parties, told of every change */
    void *ctx;
    void (*release)(void *ctx);
    void (*job)(void *ctx);
    bool busy, quit, ended, orphan;
};

static void destroy(struct mm_worker *w)
{
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void *work(void *arg)
{
    struct mm_worker *w = arg;
    bool orphan;

    pthread_mutex_lock(&w->lock);
    while (!w->orphan) {
        if (w->busy) {
            pthread_mutex_unlock(&w->lock);
            w->job(w->ctx);
            pthread_mutex_lock(&w->lock);
            w->busy = false;
            pthread_cond_broadcast(&w->cond);
        } else if (w->quit) {
            break;
        } else {
            pthread_cond_wait(&w->cond, &w->lock);
        }
    }
    pthread_mutex_unlock(&w->lock);
    w->release(w->ctx);
    pthread_mutex_lock(&w->lock);
    w->ended = true;
    orphan = w->orphan;
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->lock);
    if (orphan)
        destroy(w);
    return NULL;
}

/* Signals are for the program's own threads. */
static int start(struct mm_worker *w)
{
    sigset_t all, old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

struct mm_worker *mm_worker_new(void *ctx, void (*release)(void *ctx))
{
    struct mm_worker *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;

    if (w == NULL)
        return NULL;
    w->ctx = ctx;
    w->release = release;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->cond, &attr);
    pthread_condattr_destroy(&attr);
    if (start(w) != 0) {
        destroy(w);
        return NULL;
    }
    return w;
}

/* Wait, with the lock held, until *flag is value. On false the thread is on its own from here. */
static bool wait_flag(struct mm_worker *w, const bool *flag, bool value, unsigned ms)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (*flag != value && rc == 0)
        rc = pthread_cond_timedwait(&w->cond, &w->lock, &until);
    if (*flag == value)
        return true;
    w->orphan = true;
    pthread_detach(w->thread);
    return false;
}

bool mm_worker_run(struct mm_worker *worker, void (*job)(void *ctx), unsigned ms)
{
    bool done;

    pthread_mutex_lock(&worker->lock);
    worker->job = job;
    worker->busy = true;
    pthread_cond_broadcast(&worker->cond);
    done = wait_flag(worker, &worker->busy, false, ms);
    pthread_mutex_unlock(&worker->lock);
    return done;
}

void mm_worker_free(struct mm_worker *worker, unsigned ms)
{
    bool done;

    pthread_mutex_lock(&worker->lock);
    worker->quit = true;
    pthread_cond_broadcast(&worker->cond);
    done = wait_flag(worker, &worker->ended, true, ms);
    pthread_mutex_unlock(&worker->lock);
    if (done) {
        pthread_join(worker->thread, NULL);
        destroy(worker);
    }
}
