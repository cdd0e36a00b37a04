/* Inside host_client/access only: what a way to reach a card must do. */
#ifndef MM_ACCESS_INT_H
#define MM_ACCESS_INT_H

#include "host_client/access/access.h"

#define MM_ATR_MAX    33    /* ISO 7816-3, 8.2: TS and at most 32 characters */
#define MM_ANSWER_MAX 65538 /* 65,536 data bytes and the status word */

/* What is common to all ways. The way fills atr, reader and case4_bare in its open. */
struct mm_access {
    const struct mm_access_ops *ops;
    void *ctx;    /* the way's own state */
    char *reader; /* owned */
    uint8_t atr[MM_ATR_MAX];
    size_t atr_len;
    bool case4_bare; /* T=0: a command with data carries no Le (ISO 7816-3, 12.2.2) */
    unsigned open_ms, answer_ms;
    mm_access_trace trace; /* may be NULL */
    void *trace_ctx;
};

/* Every operation ends within ms. */
struct mm_access_ops {
    /* One command, one answer as it came, at least 2 bytes, appended to resp (empty before). */
    enum mm_status (*transmit)(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                               unsigned ms, struct mm_buf *resp, struct mm_err *err);
    enum mm_status (*reset)(struct mm_access *a, unsigned ms, struct mm_err *err);
    enum mm_status (*begin)(struct mm_access *a, unsigned ms, struct mm_err *err);
    void (*end)(struct mm_access *a);
    void (*close)(struct mm_access *a); /* releases ctx */
};

/* Each opens its way into a; on failure a->ctx stays NULL. */
enum mm_status mm_access_open_pcsc(struct mm_access *a, const char *reader,
                                   struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_access_open_tcp(struct mm_access *a, const char *host_port,
                                  struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_access_open_chip(struct mm_access *a, const char *path,
                                   struct mm_err *err) MM_USE_RESULT;

/* Milliseconds on a clock that never goes back, and what is left of a limit (0 when over). */
uint64_t mm_access_now(void);
unsigned mm_access_left(uint64_t deadline);

/* For ways where the connection itself is exclusive. */
enum mm_status mm_access_begin_none(struct mm_access *a, unsigned ms, struct mm_err *err);
void mm_access_end_none(struct mm_access *a);

#endif
