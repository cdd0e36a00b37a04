/*
 * Biometric matching sessions: tries, validation, and a candidate that may come in parts. Tries are
 * counted before anything is compared, and outside transactions (API, BioTemplate.initMatch).
 */
#include "applet_vm/api/bio_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define SESSION_CLASS "mintmark/BioSession"
#define TYPE_REFS     14
#define SCORE_MAX     32767
#define BITS_ALLOWED  8 /* one bit in so many may differ */
#define NEEDS_MORE    ((uint16_t)-1)

/* Hidden cells. */
enum {
    SES_STATE,
    SES_LIST,
    SES_TRIES = MM_TRIES_LEFT,
    SES_LIMIT = MM_TRIES_LIMIT,
    SES_TYPE,
    SES_CELLS
};

/* Elements of the transient short array SES_STATE: then bits that differ, two for a reference. */
enum { ST_VALIDATED, ST_RUNNING, ST_MATCHED, ST_RECEIVED, ST_BITS };

static uint16_t get(struct mm_vm *vm, mm_ref session, uint8_t cell)
{
    return mm_vm_hidden(vm, session, SESSION_CLASS, cell);
}

static uint16_t state(struct mm_vm *vm, mm_ref session, size_t i)
{
    const uint8_t *data;
    uint16_t v = 0;

    if (mm_vm_array(vm, get(vm, session, SES_STATE), MM_TYPE_SHORT_ARRAY, (int32_t)i, 1, &data) ==
        MM_RUN_OK)
        memcpy(&v, data, 2);
    return v;
}

static enum mm_run set_state(struct mm_vm *vm, mm_ref session, size_t i, uint16_t value)
{
    return mm_vm_array_write(vm, get(vm, session, SES_STATE), (uint16_t)i, &value, 1, false);
}

size_t mm_bio_max(struct mm_vm *vm, mm_ref session)
{
    struct mm_obj_info info;

    return mm_vm_object(vm, get(vm, session, SES_LIST), &info) ? info.n : 0;
}

enum mm_run mm_bio_session_init(struct mm_vm *vm, mm_ref session, int type, int try_limit,
                                int max_n)
{
    uint16_t cells[SES_CELLS] = {0, 0, (uint16_t)try_limit, (uint16_t)try_limit, (uint16_t)type};

    cells[SES_LIST] = mm_vm_new_array(vm, TYPE_REFS, (uint16_t)max_n, MM_PERSISTENT);
    if (cells[SES_LIST] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    cells[SES_STATE] = mm_vm_new_array(vm, MM_TYPE_SHORT_ARRAY, (uint16_t)(ST_BITS + 2 * max_n),
                                       MM_CLEAR_ON_RESET);
    if (cells[SES_STATE] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
    return mm_vm_hidden_put(vm, session, SESSION_CLASS, cells, SES_CELLS);
}

uint16_t mm_bio_session_type(struct mm_vm *vm, mm_ref session)
{
    return get(vm, session, SES_TYPE);
}

mm_ref mm_bio_get(struct mm_vm *vm, mm_ref session, int index)
{
    uint16_t ref = MM_REF_NULL;
    bool is_ref;

    if (index >= 0)
        (void)mm_vm_peek_cell(vm, get(vm, session, SES_LIST), (uint16_t)index, &ref, &is_ref);
    return ref;
}

enum mm_run mm_bio_put(struct mm_vm *vm, mm_ref session, uint16_t index, mm_ref reference)
{
    enum mm_run run = set_state(vm, session, ST_RUNNING, 0);

    return run == MM_RUN_OK
               ? mm_vm_array_write(vm, get(vm, session, SES_LIST), index, &reference, 1, true)
               : run;
}

enum mm_run mm_bio_unblock(struct mm_vm *vm, mm_ref session)
{
    enum mm_run run = mm_n_bio_reset(vm, &session, NULL);

    return run == MM_RUN_OK ? mm_api_tries_refill(vm, session, SESSION_CLASS) : run;
}

/* ---- Questions ---- */

/* A reference that can be matched with is there. */
static bool enrolled(struct mm_vm *vm, mm_ref session)
{
    for (size_t i = 0; i < mm_bio_max(vm, session); i++) {
        if (mm_bio_ready(vm, mm_bio_get(vm, session, (int)i)))
            return true;
    }
    return false;
}

enum mm_run mm_n_bio_is_initialized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = enrolled(vm, args[0]);
    return MM_RUN_OK;
}

enum mm_run mm_n_bio_is_validated(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = state(vm, args[0], ST_VALIDATED);
    return MM_RUN_OK;
}

enum mm_run mm_n_bio_tries(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if (!enrolled(vm, args[0]))
        return mm_bio_failed(vm, args[0], MM_BIO_NOT_ENROLLED);
    ret[0] = get(vm, args[0], SES_TRIES);
    return MM_RUN_OK;
}

enum mm_run mm_n_bio_type(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], SES_TYPE);
    return MM_RUN_OK;
}

/* getVersion: "MM", the algorithm (1 equality, 2 pattern), its version */
enum mm_run mm_n_bio_version(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t version[4] = {'M', 'M', 2, 1};

    if (get(vm, args[0], SES_TYPE) == MM_BIO_PASSWORD)
        version[2] = 1;
    ret[0] = sizeof(version);
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), version, sizeof(version));
}

enum mm_run mm_n_bio_last_index(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t matched = state(vm, args[0], ST_MATCHED);

    if (matched == 0)
        return mm_bio_failed(vm, args[0], MM_BIO_ILLEGAL_USE);
    ret[0] = (uint16_t)(matched - 1);
    return MM_RUN_OK;
}

/* ---- Matching ---- */

/* reset: not validated, and no session is running. */
enum mm_run mm_n_bio_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint16_t zeros[ST_BITS];

    (void)ret;
    return mm_vm_array_write(vm, get(vm, args[0], SES_STATE), 0, zeros, ST_BITS, false);
}

enum mm_run mm_n_bio_set_try_limit(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run;

    (void)ret;
    if (MM_ARG_BYTE(1) < 1)
        return mm_bio_failed(vm, args[0], MM_BIO_ILLEGAL_VALUE);
    run = mm_vm_hidden_set(vm, args[0], SESSION_CLASS, SES_LIMIT, args[1], false);
    return run == MM_RUN_OK ? mm_bio_unblock(vm, args[0]) : run;
}

static unsigned bits(uint8_t v)
{
    unsigned n = 0;

    for (; v != 0; v &= (uint8_t)(v - 1))
        n++;
    return n;
}

/* Part of a candidate against part of a pattern, in time that depends on lengths only. */
static uint32_t differing(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += bits(a[i] ^ b[i]);
    return sum;
}

static uint16_t score_of(uint32_t bits_differ, size_t n, bool password)
{
    uint64_t loss = (uint64_t)SCORE_MAX * bits_differ * (BITS_ALLOWED / 2) / (8 * n);

    if (password)
        return bits_differ == 0 ? SCORE_MAX : 0;
    return (uint16_t)(loss < SCORE_MAX ? SCORE_MAX - loss : 0);
}

/* What one part of a candidate comes to. */
struct outcome {
    bool more;     /* a reference is longer than what came so far */
    bool over;     /* one was as long as all that came */
    uint16_t best; /* its score */
    size_t index;
};

/* The part against one reference; at: bytes that came before. */
static enum mm_run match_one(struct mm_vm *vm, mm_ref session, size_t i, size_t at,
                             const uint8_t *part, size_t part_n, struct outcome *out)
{
    bool password = get(vm, session, SES_TYPE) == MM_BIO_PASSWORD;
    size_t n, total = at + part_n;
    const uint8_t *pattern = mm_bio_pattern(vm, mm_bio_get(vm, session, (int)i), &n);
    uint32_t differ = (uint32_t)state(vm, session, ST_BITS + 2 * i) << 16 |
                      state(vm, session, ST_BITS + 2 * i + 1);
    enum mm_run run;
    uint16_t score;

    if (pattern == NULL || (n != total && password) || n < total)
        return MM_RUN_OK;
    differ += differing(pattern + at, part, part_n);
    run = set_state(vm, session, ST_BITS + 2 * i, (uint16_t)(differ >> 16));
    if (run == MM_RUN_OK)
        run = set_state(vm, session, ST_BITS + 2 * i + 1, (uint16_t)differ);
    out->more |= n > total;
    if (n > total)
        return run;
    score = score_of(differ, n, password);
    if (!out->over || score > out->best) {
        out->best = score;
        out->index = i;
    }
    out->over = true;
    return run;
}

/* The end of a session: success gives the tries back. */
static enum mm_run finish(struct mm_vm *vm, mm_ref session, const struct outcome *o, uint16_t *ret)
{
    enum mm_run run = set_state(vm, session, ST_RUNNING, 0);

    ret[0] = o->best;
    if (run != MM_RUN_OK || o->best < MM_BIO_MATCH)
        return run;
    run = mm_api_tries_refill(vm, session, SESSION_CLASS);
    if (run == MM_RUN_OK)
        run = set_state(vm, session, ST_MATCHED, (uint16_t)(o->index + 1));
    return run == MM_RUN_OK ? set_state(vm, session, ST_VALIDATED, 1) : run;
}

static enum mm_run match_part(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref session = args[0];
    int len = MM_ARG_SHORT(3);
    bool password = get(vm, session, SES_TYPE) == MM_BIO_PASSWORD;
    size_t at = state(vm, session, ST_RECEIVED);
    struct outcome o = {0};
    const uint8_t *part;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &part);

    for (size_t i = 0; run == MM_RUN_OK && i < mm_bio_max(vm, session); i++) {
        if (mm_bio_ready(vm, mm_bio_get(vm, session, (int)i)))
            run = match_one(vm, session, i, at, part, (size_t)len, &o);
    }
    if (run != MM_RUN_OK)
        return run;
    if (!password && !o.over && !o.more) { /* longer than any pattern */
        run = set_state(vm, session, ST_RUNNING, 0);
        return run == MM_RUN_OK ? mm_bio_failed(vm, session, MM_BIO_INVALID_DATA) : run;
    }
    if (!o.more || o.best >= MM_BIO_MATCH)
        return finish(vm, session, &o, ret);
    ret[0] = NEEDS_MORE;
    return set_state(vm, session, ST_RECEIVED, (uint16_t)(at + (size_t)len));
}

enum mm_run mm_n_bio_init_match(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t tries = get(vm, args[0], SES_TRIES);
    size_t n = mm_bio_max(vm, args[0]);
    enum mm_run run;

    ret[0] = 0;
    if (!enrolled(vm, args[0]))
        return mm_bio_failed(vm, args[0], MM_BIO_NOT_ENROLLED);
    if (tries == 0)
        return MM_RUN_OK;
    run = set_state(vm, args[0], ST_VALIDATED, 0);
    if (run == MM_RUN_OK)
        run = mm_api_tries_use(vm, args[0], SESSION_CLASS);
    if (run == MM_RUN_OK)
        run = set_state(vm, args[0], ST_RECEIVED, 0);
    for (size_t i = 0; run == MM_RUN_OK && i < 2 * n; i++)
        run = set_state(vm, args[0], ST_BITS + i, 0);
    if (run == MM_RUN_OK)
        run = set_state(vm, args[0], ST_RUNNING, 1);
    return run == MM_RUN_OK ? match_part(vm, args, ret) : run;
}

enum mm_run mm_n_bio_match(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if (!enrolled(vm, args[0]))
        return mm_bio_failed(vm, args[0], MM_BIO_NOT_ENROLLED);
    if (state(vm, args[0], ST_RUNNING) == 0)
        return mm_bio_failed(vm, args[0], MM_BIO_ILLEGAL_USE);
    return match_part(vm, args, ret);
}
