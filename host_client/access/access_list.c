/* Readers without a connection: list them, watch one of them. */
#include "host_client/access/access.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <winscard.h>

#include "host_client/access/access_int.h"
#include "host_client/access/pcsc_names.h"

#define PNP "\\\\?PnP?\\Notification" /* stands for "a reader came or went" (pcsc-lite) */

static enum mm_status open_context(SCARDCONTEXT *context, struct mm_readers **readers,
                                   struct mm_err *err)
{
    LONG rc = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, context);

    *readers = NULL;
    if (rc != SCARD_S_SUCCESS)
        return mm_pcsc_fail(err, rc, NULL);
    *readers = malloc(sizeof(**readers));
    if (*readers == NULL) {
        (void)SCardReleaseContext(*context); /* nothing more can be done about it */
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    return MM_OK;
}

static void close_context(SCARDCONTEXT context, struct mm_readers *readers)
{
    free(readers);
    (void)SCardReleaseContext(context); /* nothing more can be done about it */
}

enum mm_status mm_access_list(void (*each)(void *ctx, const char *reader, bool present), void *ctx,
                              struct mm_err *err)
{
    SCARDCONTEXT context;
    struct mm_readers *readers;
    enum mm_status st = open_context(&context, &readers, err);

    if (st != MM_OK)
        return st;
    st = mm_readers_get(context, readers, err);
    for (size_t i = 0; st == MM_OK && i < readers->n; i++)
        each(ctx, readers->states[i].szReader, mm_readers_present(readers, i));
    close_context(context, readers);
    return st;
}

/* One wait for any event at our reader, or for readers to come and go. */
static enum mm_status wait_event(SCARDCONTEXT context, struct mm_readers *readers, bool found,
                                 size_t index, unsigned ms, struct mm_err *err)
{
    /* How many readers we know of goes in the upper half (newer pcsc-lite looks at it). */
    SCARD_READERSTATE watch[2] = {{.szReader = PNP, .dwCurrentState = (DWORD)readers->n << 16}};
    DWORD n = 1;
    LONG rc;

    if (found) {
        watch[n] = readers->states[index];
        watch[n].dwCurrentState = watch[n].dwEventState & ~(DWORD)SCARD_STATE_CHANGED;
        n++;
    }
    rc = SCardGetStatusChange(context, ms, watch, n);
    if (rc == SCARD_S_SUCCESS || rc == SCARD_E_TIMEOUT || rc == SCARD_E_UNKNOWN_READER)
        return MM_OK;
    return mm_pcsc_fail(err, rc, NULL);
}

enum mm_status mm_access_wait(const char *reader, unsigned timeout_ms, bool *present,
                              struct mm_err *err)
{
    uint64_t deadline = mm_access_now() + timeout_ms;
    bool known = *present;
    SCARDCONTEXT context;
    struct mm_readers *readers;
    enum mm_status st;

    if (reader != NULL && (strncmp(reader, "tcp:", 4) == 0 || strncmp(reader, "chip:", 5) == 0)) {
        *present = true;
        if (known)
            (void)poll(NULL, 0, (int)timeout_ms); /* cut short by a signal is fine */
        return known ? MM_TIMEOUT : MM_OK;
    }
    st = open_context(&context, &readers, err);
    if (st != MM_OK)
        return st;
    for (;;) {
        size_t index;
        bool found;

        st = mm_readers_get(context, readers, err);
        if (st != MM_OK)
            break;
        found = mm_readers_choose(readers, reader, &index, NULL) == MM_OK;
        *present = found && mm_readers_present(readers, index);
        if (*present != known)
            break;
        if (mm_access_left(deadline) == 0) {
            st = mm_fail(err, MM_TIMEOUT, SIZE_MAX, "no change in time");
            break;
        }
        st = wait_event(context, readers, found, index, mm_access_left(deadline), err);
        if (st != MM_OK)
            break;
    }
    close_context(context, readers);
    return st;
}
