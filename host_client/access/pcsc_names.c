#include "host_client/access/pcsc_names.h"

#include <string.h>

enum mm_status mm_pcsc_fail(struct mm_err *err, LONG rc, const char *reader)
{
    const char *r = reader != NULL ? reader : "any reader";

    switch (rc) {
    case SCARD_E_NO_SERVICE:
    case SCARD_E_SERVICE_STOPPED:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the PC/SC service (pcscd) is not running");
    case SCARD_E_INVALID_HANDLE: /* it was ours a moment ago */
    case SCARD_F_COMM_ERROR:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the PC/SC service (pcscd) was stopped");
    case SCARD_E_NO_READERS_AVAILABLE:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "no reader is connected");
    case SCARD_E_UNKNOWN_READER:
    case SCARD_E_READER_UNAVAILABLE:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the reader %s was unplugged", r);
    case SCARD_E_NO_SMARTCARD:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "no card in %s", r);
    case SCARD_W_REMOVED_CARD:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the card was taken out of %s", r);
    case SCARD_W_UNRESPONSIVE_CARD:
    case SCARD_W_UNPOWERED_CARD:
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the card in %s does not answer reset", r);
    case SCARD_W_RESET_CARD:
        return mm_fail(err, MM_STATE, SIZE_MAX, "the card in %s was reset by another program", r);
    case SCARD_E_SHARING_VIOLATION:
        return mm_fail(err, MM_BUSY, SIZE_MAX, "another program holds the card in %s", r);
    case SCARD_E_NOT_TRANSACTED:
        return mm_fail(err, MM_NO_READER, SIZE_MAX,
                       "the card in %s did not answer: taken out, or not working", r);
    default:
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", r, pcsc_stringify_error(rc));
    }
}

enum mm_status mm_readers_get(SCARDCONTEXT context, struct mm_readers *readers, struct mm_err *err)
{
    DWORD len = sizeof(readers->names) - 1;
    LONG rc;

    memset(readers, 0, sizeof(*readers));
    rc = SCardListReaders(context, NULL, readers->names, &len);
    if (rc == SCARD_E_NO_READERS_AVAILABLE)
        return MM_OK;
    if (rc != SCARD_S_SUCCESS)
        return mm_pcsc_fail(err, rc, NULL);
    for (const char *p = readers->names; *p != '\0' && readers->n < MM_READERS_MAX;
         p += strlen(p) + 1)
        readers->states[readers->n++].szReader = p;
    if (readers->n == 0)
        return MM_OK;
    rc = SCardGetStatusChange(context, 0, readers->states, (DWORD)readers->n);
    if (rc != SCARD_S_SUCCESS && rc != SCARD_E_TIMEOUT)
        return mm_pcsc_fail(err, rc, NULL);
    return MM_OK;
}

bool mm_readers_present(const struct mm_readers *readers, size_t index)
{
    return (readers->states[index].dwEventState & SCARD_STATE_PRESENT) != 0;
}

static enum mm_status choose_first(const struct mm_readers *readers, size_t *index,
                                   struct mm_err *err)
{
    for (size_t i = 0; i < readers->n; i++) {
        if (mm_readers_present(readers, i)) {
            *index = i;
            return MM_OK;
        }
    }
    if (readers->n == 1)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "no card in %s", readers->states[0].szReader);
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "no card in any of the %zu readers", readers->n);
}

enum mm_status mm_readers_choose(const struct mm_readers *readers, const char *want, size_t *index,
                                 struct mm_err *err)
{
    size_t hits = 0;

    *index = 0;
    if (readers->n == 0)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "no reader is connected");
    if (want == NULL || want[0] == '\0')
        return choose_first(readers, index, err);
    for (size_t i = 0; i < readers->n; i++) {
        const char *name = readers->states[i].szReader;
        if (strcmp(name, want) == 0) {
            *index = i;
            return MM_OK;
        }
        if (strstr(name, want) != NULL) {
            *index = i;
            hits++;
        }
    }
    if (hits == 1)
        return MM_OK;
    *index = 0;
    if (hits > 1)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "\"%s\" is part of the names of %zu readers",
                       want, hits);
    return mm_fail(err, MM_NO_READER, SIZE_MAX, "no reader named \"%s\" is connected", want);
}
