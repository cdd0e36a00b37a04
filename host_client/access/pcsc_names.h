/* Inside host_client/access only: names of PC/SC readers, and the service's errors as ours. */
#ifndef MM_ACCESS_PCSC_NAMES_H
#define MM_ACCESS_PCSC_NAMES_H

#include <winscard.h>

#include "applet_vm/base/base.h"

#define MM_READERS_MAX PCSCLITE_MAX_READERS_CONTEXTS

/* The readers of one moment. A plain value; states[i].szReader points into names. */
struct mm_readers {
    char names[MM_READERS_MAX * MAX_READERNAME + 1];
    SCARD_READERSTATE states[MM_READERS_MAX + 1]; /* one more: callers may add a watch */
    size_t n;
};

/* List and look: which readers there are and whether they hold a card. No reader is MM_OK, n 0. */
enum mm_status mm_readers_get(SCARDCONTEXT context, struct mm_readers *readers,
                              struct mm_err *err) MM_USE_RESULT;
/* The reader that want names (whole name, or a part that only one has); want NULL or "": the first
 * with a card. MM_NO_READER says what is missing. */
enum mm_status mm_readers_choose(const struct mm_readers *readers, const char *want, size_t *index,
                                 struct mm_err *err) MM_USE_RESULT;
bool mm_readers_present(const struct mm_readers *readers, size_t index);

/* One return code of PC/SC in our words. reader may be NULL. */
enum mm_status mm_pcsc_fail(struct mm_err *err, LONG rc, const char *reader);

#endif
