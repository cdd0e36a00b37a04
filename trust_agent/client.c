/* Measuring the payment client: method A1. docs/measurement.md says what each digest covers. */
#include "trust_agent/agent_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 32

/* "a:b:c" to a NULL-terminated list that points into copy. */
static enum mm_status split(char *copy, const char *paths[PATHS_MAX + 1], struct mm_err *err)
{
    char *save = NULL;
    size_t n = 0;

    for (char *p = strtok_r(copy, ":", &save); p != NULL; p = strtok_r(NULL, ":", &save)) {
        if (n == PATHS_MAX)
            return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "agent.conf: more than %d files", PATHS_MAX);
        paths[n++] = p;
    }
    paths[n] = NULL;
    return MM_OK;
}

static enum mm_status measure_list(const char *list, uint8_t digest[32], struct mm_err *err)
{
    const char *paths[PATHS_MAX + 1];
    char *copy = strdup(list);
    enum mm_status st = copy != NULL ? split(copy, paths, err)
                                     : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");

    if (st == MM_OK)
        st = mm_measure_files(paths, digest, err);
    free(copy);
    return st;
}

enum mm_status client_dynamic(struct mm_agent *a, struct mm_err *err)
{
    return measure_list(a->config.client_state, a->client_dynamic, err);
}

enum mm_status client_measure(struct mm_agent *a, struct mm_err *err)
{
    enum mm_status st = mm_measure_program(a->config.client_executable, a->client_code, err);

    if (st == MM_OK)
        st = measure_list(a->config.client_files, a->client_fixed, err);
    if (st == MM_OK)
        st = client_dynamic(a, err);
    return st;
}

/* Static data: as enrolment wrote it down, else as the reference values say, else as first seen
 * (history_client). */
static enum mm_status judge_fixed(const struct mm_agent *a, const struct mm_reference *ref,
                                  struct mm_err *err)
{
    uint8_t enrolled[32];
    size_t n = sizeof(enrolled);
    const uint8_t *want = NULL;

    if (a->config.client_fixed[0] != '\0') {
        if (mm_unhex(a->config.client_fixed, enrolled, &n) != MM_OK || n != sizeof(enrolled))
            return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                           "agent.conf: client_fixed: expected 64 hex digits");
        want = enrolled;
    } else if (ref->has_fixed) {
        want = ref->fixed;
    }
    if (want != NULL && CRYPTO_memcmp(want, a->client_fixed, 32) != 0)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "the payment client's configuration was changed");
    return MM_OK;
}

enum mm_status client_judge(const struct mm_agent *a, struct mm_err *err)
{
    const char *slash = strrchr(a->config.client_executable, '/');
    const char *name = slash != NULL ? slash + 1 : a->config.client_executable;
    const struct mm_reference *ref = references_find(a, 0, name);
    enum mm_status st;

    if (ref == NULL)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "no reference values for the payment client %s",
                       name);
    if (CRYPTO_memcmp(ref->code, a->client_code, 32) != 0)
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "the payment client %s (or a library of it) is not the released one", name);
    st = judge_fixed(a, ref, err);
    return st == MM_OK ? history_client(a, err) : st;
}
