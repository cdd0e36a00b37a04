/*
 * What the agent saw last: history.json in its home, replaced as a whole.
 *     {"chips": {CHIP-ID: {"counter": n, "components": {AID: {"fixed": digest, "dynamic": digest}}}},
 *      "client": {"fixed": digest, "dynamic": digest, "open": bool}}
 * Dynamic data has no reference values. It is sound when the chip's counter did not go back, and when
 * a digest that changed goes with a counter that rose: the chip's own seal vouches for the rest.
 */
#include "trust_agent/agent_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX (1u << 20)

static char *history_path(const struct mm_agent *a)
{
    char *path = NULL;

    return asprintf(&path, "%s/history.json", a->dir) < 0 ? NULL : path;
}

enum mm_status history_load(struct mm_agent *a, struct mm_err *err)
{
    char *path = history_path(a);
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                                     : mm_file_read(path, HISTORY_MAX, &data, &len, err);

    if (st == MM_OK) {
        a->history = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
        /* Not started anew: a history that is gone would let an old image pass. */
        if (!json_is_object(a->history))
            st = mm_fail(err, MM_TAMPERED, SIZE_MAX, "%s: damaged; enrol this terminal anew", path);
    } else if (st == MM_NOT_FOUND) {
        a->history = json_pack("{s:{}, s:{}}", "chips", "client");
        st = a->history != NULL ? MM_OK : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    free(data);
    free(path);
    return st;
}

enum mm_status history_save(struct mm_agent *a, struct mm_err *err)
{
    char *path = history_path(a);
    char *text = json_dumps(a->history, JSON_INDENT(1) | JSON_SORT_KEYS);
    enum mm_status st;

    if (path == NULL || text == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    else
        st = mm_file_write(path, text, strlen(text), 0600, err);
    free(text);
    free(path);
    return st;
}

/* ---- Chips ---- */

static json_t *chip_of(const struct mm_agent *a, const uint8_t chip_id[16])
{
    char id[33];

    return json_object_get(json_object_get(a->history, "chips"), mm_hex(chip_id, 16, id));
}

enum mm_status history_chip(const struct mm_agent *a, const struct mm_token *token,
                            struct mm_err *err)
{
    json_t *chip = chip_of(a, token->chip_id);
    json_int_t last = json_integer_value(json_object_get(chip, "counter"));

    if (chip != NULL && token->counter < (uint64_t)last)
        return mm_fail(err, MM_ROLLBACK, SIZE_MAX,
                       "the chip's image is older than the last one seen (counter %llu after %lld)",
                       (unsigned long long)token->counter, (long long)last);
    return MM_OK;
}

static bool digest_is(const json_t *object, const char *key, const uint8_t digest[32])
{
    const char *last = json_string_value(json_object_get(object, key));
    char text[65];

    return last == NULL || strcmp(last, mm_hex(digest, 32, text)) == 0;
}

enum mm_status history_component(const struct mm_agent *a, const struct mm_token *token,
                                 const struct mm_token_component *c, bool fixed, struct mm_err *err)
{
    json_t *chip = chip_of(a, token->chip_id);
    char aid[2 * MM_AID_MAX + 1];
    json_t *last =
        json_object_get(json_object_get(chip, "components"), mm_hex(c->aid.bytes, c->aid.len, aid));

    if (token->counter != (uint64_t)json_integer_value(json_object_get(chip, "counter")))
        return MM_OK; /* there was a promise since, under which they may have changed */
    if (!digest_is(last, "dynamic", c->dynamic))
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "its dynamic data changed although the chip's counter did not");
    if (fixed && !digest_is(last, "fixed", c->fixed))
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "its static data changed although the chip's counter did not");
    return MM_OK;
}

void history_note_chip(struct mm_agent *a, const struct mm_token *token)
{
    json_t *components = json_object();
    char id[33], aid[2 * MM_AID_MAX + 1], fixed[65], dynamic[65];

    for (size_t i = 0; i < token->component_n; i++) {
        const struct mm_token_component *c = &token->components[i];
        (void)json_object_set_new(components, mm_hex(c->aid.bytes, c->aid.len, aid),
                                  json_pack("{s:s, s:s}", "fixed",
                                            mm_hex(c->fixed, MM_DIGEST_LEN, fixed), "dynamic",
                                            mm_hex(c->dynamic, MM_DIGEST_LEN, dynamic)));
    }
    (void)json_object_set_new(
        json_object_get(a->history, "chips"), mm_hex(token->chip_id, 16, id),
        json_pack("{s:I, s:o}", "counter", (json_int_t)token->counter, "components", components));
}

/* ---- The client's files ---- */

enum mm_status history_client(const struct mm_agent *a, struct mm_err *err)
{
    json_t *client = json_object_get(a->history, "client");

    if (a->config.client_fixed[0] == '\0' && !digest_is(client, "fixed", a->client_fixed))
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "the payment client's configuration was changed");
    if (!history_session_open(a) && !digest_is(client, "dynamic", a->client_dynamic))
        return mm_fail(err, MM_REFUSED, SIZE_MAX,
                       "the payment client's state files were changed while it was closed");
    return MM_OK;
}

void history_note_client(struct mm_agent *a)
{
    json_t *client = json_object_get(a->history, "client");
    char text[65];

    (void)json_object_set_new(client, "fixed", json_string(mm_hex(a->client_fixed, 32, text)));
    (void)json_object_set_new(client, "dynamic", json_string(mm_hex(a->client_dynamic, 32, text)));
}

void history_session(struct mm_agent *a, bool open)
{
    (void)json_object_set_new(json_object_get(a->history, "client"), "open", json_boolean(open));
}

bool history_session_open(const struct mm_agent *a)
{
    return json_is_true(json_object_get(json_object_get(a->history, "client"), "open"));
}
