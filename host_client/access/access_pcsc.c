/*
 * A card in a PC/SC reader. Every call to pcscd is made by a worker thread, because several of them
 * wait without end (see worker.h). A job leaves its verdict in its own memory (struct pcsc); the
 * caller copies it only when the job has finished.
 */
#include "host_client/access/access_int.h"

#include <openssl/crypto.h>
#include <reader.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#include "host_client/access/pcsc_names.h"
#include "host_client/access/worker.h"

#define PROTOCOLS (SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
#define POLL_MS   20   /* how often to look whether another program let go */
#define MARGIN_MS 1000 /* for a job that itself ends at the deadline */
#define CLOSE_MS  2000

/* The worker's memory. */
struct pcsc {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    bool has_context, has_card, in_transaction;
    DWORD protocol;
    char *want; /* owned; may be NULL */
    char reader[MAX_READERNAME];
    uint64_t deadline;
    uint8_t send[MAX_BUFFER_SIZE_EXTENDED];
    uint8_t recv[MAX_BUFFER_SIZE_EXTENDED];
    size_t send_len;
    DWORD recv_len;
    uint8_t atr[MAX_ATR_SIZE];
    DWORD atr_len;
    struct mm_readers readers;
    enum mm_status st; /* the verdict of the last job */
    struct mm_err err;
};

/* The caller's memory. */
struct way {
    struct mm_worker *worker; /* NULL: given up */
    struct pcsc *p;           /* between jobs only */
};

/* ---- Jobs: in the worker's thread ---- */

static void release(void *ctx)
{
    struct pcsc *p = ctx;

    if (p->in_transaction)
        (void)SCardEndTransaction(p->card, SCARD_LEAVE_CARD); /* pcscd does it as well on release */
    if (p->has_card)
        (void)SCardDisconnect(p->card, SCARD_LEAVE_CARD);
    if (p->has_context)
        (void)SCardReleaseContext(p->context);
    OPENSSL_cleanse(p->send, sizeof(p->send));
    OPENSSL_cleanse(p->recv, sizeof(p->recv));
    free(p->want);
    free(p);
}

/* Wait a moment; pcscd has no event for "another let go", so look again. */
static void pause_job(struct pcsc *p)
{
    SCARD_READERSTATE state = {.szReader = p->reader};

    /* Whatever it says, the loop around asks the card itself. */
    (void)SCardGetStatusChange(p->context, 0, &state, 1);
    state.dwCurrentState = state.dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
    (void)SCardGetStatusChange(p->context, POLL_MS, &state, 1);
}

/* The ATR, without SCardStatus: that one waits for ever while another holds a transaction. */
static LONG atr_job(struct pcsc *p)
{
    SCARD_READERSTATE state = {.szReader = p->reader};
    LONG rc = SCardGetStatusChange(p->context, 0, &state, 1);

    if (rc != SCARD_S_SUCCESS)
        return rc;
    p->atr_len = state.cbAtr < sizeof(p->atr) ? state.cbAtr : sizeof(p->atr);
    memcpy(p->atr, state.rgbAtr, p->atr_len);
    return SCARD_S_SUCCESS;
}

static LONG connect_job(struct pcsc *p)
{
    LONG rc;

    do {
        rc = SCardConnect(p->context, p->reader, SCARD_SHARE_SHARED, PROTOCOLS, &p->card,
                          &p->protocol);
        if (rc == SCARD_E_SHARING_VIOLATION)
            pause_job(p);
    } while (rc == SCARD_E_SHARING_VIOLATION && mm_access_left(p->deadline) > 0);
    return rc;
}

/* First half of open: the service and the reader. */
static void find_job(void *ctx)
{
    struct pcsc *p = ctx;
    size_t index;
    LONG rc = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &p->context);

    if (rc != SCARD_S_SUCCESS) {
        p->st = mm_pcsc_fail(&p->err, rc, NULL);
        return;
    }
    p->has_context = true;
    p->st = mm_readers_get(p->context, &p->readers, &p->err);
    if (p->st == MM_OK)
        p->st = mm_readers_choose(&p->readers, p->want, &index, &p->err);
    if (p->st == MM_OK)
        strncpy(p->reader, p->readers.states[index].szReader, sizeof(p->reader) - 1);
}

/* Second half: the card. pcscd itself waits here while another holds a transaction. */
static void open_job(void *ctx)
{
    struct pcsc *p = ctx;
    LONG rc = connect_job(p);

    p->has_card = rc == SCARD_S_SUCCESS;
    if (p->has_card)
        rc = atr_job(p);
    p->st = rc == SCARD_S_SUCCESS ? MM_OK : mm_pcsc_fail(&p->err, rc, p->reader);
}

/* After a failed call. A card that another program reset wants SCardReconnect before it talks to us
 * again; do that now, so that the caller is told once and may go on. */
static void fail_job(struct pcsc *p, LONG rc)
{
    LONG again = SCARD_S_SUCCESS;

    if (rc == SCARD_W_RESET_CARD)
        again =
            SCardReconnect(p->card, SCARD_SHARE_SHARED, PROTOCOLS, SCARD_LEAVE_CARD, &p->protocol);
    p->st = mm_pcsc_fail(&p->err, again != SCARD_S_SUCCESS ? again : rc, p->reader);
}

/*
 * Wait until no other program holds the card in a transaction. SCardGetAttrib is the one call that
 * is refused then and does not wait by itself, as SCardTransmit and SCardBeginTransaction do for
 * ever (pcsc-lite 1.9); a command left waiting there would be sent long after its caller gave up.
 */
static LONG free_job(struct pcsc *p)
{
    LONG rc;

    do {
        uint8_t atr[MAX_ATR_SIZE];
        DWORD len = sizeof(atr);
        rc = SCardGetAttrib(p->card, SCARD_ATTR_ATR_STRING, atr, &len);
        if (rc == SCARD_E_SHARING_VIOLATION)
            pause_job(p);
    } while (rc == SCARD_E_SHARING_VIOLATION && mm_access_left(p->deadline) > 0);
    return rc == SCARD_E_SHARING_VIOLATION ? rc : SCARD_S_SUCCESS;
}

static void transmit_job(void *ctx)
{
    struct pcsc *p = ctx;
    const SCARD_IO_REQUEST *pci = p->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    LONG rc = p->in_transaction ? SCARD_S_SUCCESS : free_job(p);

    p->recv_len = sizeof(p->recv);
    if (rc == SCARD_S_SUCCESS)
        rc = SCardTransmit(p->card, pci, p->send, (DWORD)p->send_len, NULL, p->recv, &p->recv_len);
    OPENSSL_cleanse(p->send, p->send_len); /* may have carried a PIN */
    p->st = MM_OK;
    if (rc != SCARD_S_SUCCESS)
        fail_job(p, rc);
}

static void begin_job(void *ctx)
{
    struct pcsc *p = ctx;
    LONG rc = free_job(p);

    if (rc == SCARD_S_SUCCESS)
        rc = SCardBeginTransaction(p->card);
    p->st = MM_OK;
    if (rc != SCARD_S_SUCCESS)
        fail_job(p, rc);
    p->in_transaction = rc == SCARD_S_SUCCESS;
}

static void end_job(void *ctx)
{
    struct pcsc *p = ctx;

    if (p->in_transaction)
        (void)SCardEndTransaction(p->card, SCARD_LEAVE_CARD); /* fails only with nothing to end */
    p->in_transaction = false;
}

static void reset_job(void *ctx)
{
    struct pcsc *p = ctx;
    LONG rc = p->in_transaction ? SCARD_S_SUCCESS : free_job(p);

    if (rc == SCARD_S_SUCCESS)
        rc = SCardReconnect(p->card, SCARD_SHARE_SHARED, PROTOCOLS, SCARD_RESET_CARD, &p->protocol);
    if (rc == SCARD_S_SUCCESS)
        rc = atr_job(p);
    p->st = rc == SCARD_S_SUCCESS ? MM_OK : mm_pcsc_fail(&p->err, rc, p->reader);
}

/* ---- Operations: in the caller's thread ---- */

static enum mm_status run(struct mm_access *a, void (*job)(void *ctx), unsigned ms,
                          struct mm_err *err)
{
    struct way *w = a->ctx;

    if (!mm_worker_run(w->worker, job, ms + MARGIN_MS)) {
        w->worker = NULL;
        w->p = NULL;
        return mm_fail(err, MM_TIMEOUT, SIZE_MAX, "no answer in time from %s",
                       a->reader != NULL ? a->reader : "the PC/SC service (pcscd)");
    }
    if (w->p->st != MM_OK && err != NULL)
        *err = w->p->err;
    return w->p->st;
}

static enum mm_status held_by_another(const struct mm_access *a, struct mm_err *err)
{
    return mm_fail(err, MM_BUSY, SIZE_MAX, "another program holds the card in %s", a->reader);
}

static enum mm_status check_open(const struct mm_access *a, struct mm_err *err)
{
    const struct way *w = a->ctx;

    if (w->worker != NULL)
        return MM_OK;
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "the connection to %s was given up", a->reader);
}

/* After open and reset: what the worker learnt about the card. */
static void learn(struct mm_access *a)
{
    const struct pcsc *p = ((const struct way *)a->ctx)->p;

    a->atr_len = p->atr_len < sizeof(a->atr) ? p->atr_len : sizeof(a->atr);
    memcpy(a->atr, p->atr, a->atr_len);
    a->case4_bare = p->protocol == SCARD_PROTOCOL_T0;
}

static enum mm_status pcsc_transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                                    unsigned ms, struct mm_buf *resp, struct mm_err *err)
{
    struct way *w = a->ctx;
    enum mm_status st = check_open(a, err);

    if (st != MM_OK)
        return st;
    if (apdu_len > sizeof(w->p->send))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "a command of %zu bytes; PC/SC carries %zu",
                       apdu_len, sizeof(w->p->send));
    memcpy(w->p->send, apdu, apdu_len);
    w->p->send_len = apdu_len;
    w->p->deadline = mm_access_now() + ms;
    st = run(a, transmit_job, ms, err);
    if (st == MM_OK)
        mm_buf_bytes(resp, w->p->recv, w->p->recv_len);
    return st;
}

static enum mm_status pcsc_reset(struct mm_access *a, unsigned ms, struct mm_err *err)
{
    struct way *w = a->ctx;
    enum mm_status st = check_open(a, err);

    if (st != MM_OK)
        return st;
    w->p->deadline = mm_access_now() + ms;
    st = run(a, reset_job, ms, err);
    if (st == MM_OK)
        learn(a);
    return st;
}

static enum mm_status pcsc_begin(struct mm_access *a, unsigned ms, struct mm_err *err)
{
    struct way *w = a->ctx;
    enum mm_status st = check_open(a, err);

    if (st != MM_OK)
        return st;
    w->p->deadline = mm_access_now() + ms;
    st = run(a, begin_job, ms, err);
    return st == MM_TIMEOUT ? held_by_another(a, err) : st;
}

static void pcsc_end(struct mm_access *a)
{
    struct way *w = a->ctx;

    if (w->worker != NULL && !mm_worker_run(w->worker, end_job, CLOSE_MS)) {
        w->worker = NULL;
        w->p = NULL;
    }
}

static void pcsc_close(struct mm_access *a)
{
    struct way *w = a->ctx;

    if (w->worker != NULL)
        mm_worker_free(w->worker, CLOSE_MS);
    free(w);
    a->ctx = NULL;
}

static const struct mm_access_ops pcsc_ops = {
    .transmit = pcsc_transmit,
    .reset = pcsc_reset,
    .begin = pcsc_begin,
    .end = pcsc_end,
    .close = pcsc_close,
};

enum mm_status mm_access_open_pcsc(struct mm_access *a, const char *reader, struct mm_err *err)
{
    struct way *w = calloc(1, sizeof(*w));
    struct pcsc *p = calloc(1, sizeof(*p));
    bool named = reader != NULL && reader[0] != '\0';
    enum mm_status st;

    if (p != NULL && named)
        p->want = strdup(reader);
    if (w == NULL || p == NULL || (named && p->want == NULL) ||
        (w->worker = mm_worker_new(p, release)) == NULL) {
        if (p != NULL)
            free(p->want);
        free(p);
        free(w);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory or threads");
    }
    w->p = p;
    a->ops = &pcsc_ops;
    a->ctx = w;
    p->deadline = mm_access_now() + a->open_ms;
    st = run(a, find_job, a->open_ms, err);
    if (st != MM_OK)
        return st;
    a->reader = strdup(p->reader);
    if (a->reader == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = run(a, open_job, a->open_ms, err);
    if (st == MM_OK)
        learn(a);
    return st == MM_TIMEOUT ? held_by_another(a, err) : st;
}
