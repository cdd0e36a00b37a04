#include "host_client/pay/journal.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/pay/purse.h"

#define FILE_MAX_LEN 65536

void mm_pending_key(uint8_t type, const uint8_t purse[8], uint32_t counter, const uint8_t nonce[16],
                    char out[MM_PENDING_KEY_MAX])
{
    char id[17], session[33];

    mm_hex(purse, 8, id);
    mm_hex(nonce, 16, session);
    if (type == MM_PURSE_DEBIT)
        snprintf(out, MM_PENDING_KEY_MAX, "pay-%s-%u", id, (unsigned)counter);
    else /* the same counter may see several tries of a load; the session tells them apart */
        snprintf(out, MM_PENDING_KEY_MAX, "load-%s-%s", id, session);
}

/* *out NULL and MM_OK when there is no file. */
static enum mm_status read_object(const char *path, json_t **out, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    json_error_t why;
    enum mm_status st = mm_file_read(path, FILE_MAX_LEN, &data, &len, err);

    *out = NULL;
    if (st == MM_NOT_FOUND)
        return MM_OK;
    if (st != MM_OK)
        return st;
    *out = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, &why);
    free(data);
    if (json_is_object(*out))
        return MM_OK;
    json_decref(*out);
    *out = NULL;
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: expected a JSON object", path);
}

static enum mm_status write_object(const char *path, json_t *object, struct mm_err *err)
{
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    enum mm_status st;

    if (text == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = mm_file_write(path, text, strlen(text), 0600, err);
    free(text);
    return st;
}

static bool read_u32(const json_t *value, uint32_t *out)
{
    json_int_t v = json_integer_value(value);

    *out = (uint32_t)v;
    return json_is_integer(value) && v >= 0 && v <= UINT32_MAX;
}

static bool read_pending(const json_t *object, struct mm_pending *out)
{
    const char *purse = json_string_value(json_object_get(object, "purse"));
    const char *key = json_string_value(json_object_get(object, "key"));
    json_int_t type = json_integer_value(json_object_get(object, "type"));
    size_t id_len = sizeof(out->purse);

    if (type < MM_PURSE_LOAD || type > MM_PURSE_DEBIT || purse == NULL || key == NULL)
        return false;
    if (key[0] == '\0' || strlen(key) >= sizeof(out->key))
        return false;
    out->type = (uint8_t)type;
    strcpy(out->key, key);
    return mm_unhex(purse, out->purse, &id_len) == MM_OK && id_len == sizeof(out->purse) &&
           read_u32(json_object_get(object, "counter"), &out->counter) &&
           read_u32(json_object_get(object, "amount"), &out->amount);
}

enum mm_status mm_pending_load(const char *path, struct mm_pending *out, struct mm_err *err)
{
    json_t *object = NULL;
    enum mm_status st = read_object(path, &object, err);

    memset(out, 0, sizeof(*out));
    if (st == MM_OK && object != NULL && json_object_size(object) > 0 &&
        !read_pending(object, out)) {
        memset(out, 0, sizeof(*out));
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX,
                     "%s: expected type, purse, counter, amount and key", path);
    }
    json_decref(object);
    return st;
}

enum mm_status mm_pending_save(const char *path, const struct mm_pending *pending,
                               struct mm_err *err)
{
    char id[17];
    json_t *object;
    enum mm_status st;

    mm_hex(pending->purse, sizeof(pending->purse), id);
    object = pending->type == 0
                 ? json_object()
                 : json_pack("{s:i, s:s, s:I, s:I, s:s}", "type", (int)pending->type, "purse", id,
                             "counter", (json_int_t)pending->counter, "amount",
                             (json_int_t)pending->amount, "key", pending->key);
    st = write_object(path, object, err);
    json_decref(object);
    return st;
}

enum mm_status mm_counter_check(const char *path, const uint8_t chip[16], uint64_t counter,
                                bool keep, struct mm_err *err)
{
    char id[33];
    json_t *state = NULL, *kept;
    enum mm_status st = read_object(path, &state, err);

    if (st != MM_OK)
        return st;
    if (state == NULL)
        state = json_object();
    mm_hex(chip, 16, id);
    kept = json_object_get(state, id);
    if (kept != NULL && (!json_is_integer(kept) || json_integer_value(kept) < 0)) {
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: %s: expected a counter", path, id);
    } else if (kept != NULL && counter < (uint64_t)json_integer_value(kept)) {
        st = mm_fail(err, MM_ROLLBACK, SIZE_MAX, "its counter is %llu, but it was %llu before",
                     (unsigned long long)counter, (unsigned long long)json_integer_value(kept));
    } else if (!keep || (kept != NULL && counter == (uint64_t)json_integer_value(kept))) {
        st = MM_OK;
    } else if (counter > INT64_MAX ||
               json_object_set_new(state, id, json_integer((json_int_t)counter)) != 0) {
        st = mm_fail(err, MM_FAILED, SIZE_MAX, "%s: the counter cannot be kept", path);
    } else {
        st = write_object(path, state, err);
    }
    json_decref(state);
    return st;
}
