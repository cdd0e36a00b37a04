/* Method A: the terminal's boot check. The step's name of the design stands beside each part. */
#include "trust_agent/agent_int.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROUNDS_MAX 64 /* deletions in one check; more than a chip has components */

/* A5, and the end of every check that did not go well. */
static void disable(struct mm_agent *a, const char *reason)
{
    struct mm_access *access = NULL;
    struct mm_err err;

    a->sound = false;
    snprintf(a->reason, sizeof(a->reason), "%s", reason);
    agent_event(a, "error", "disabled", "payment is disabled: %s", reason);
    /* The gate may be open from an earlier check. A card that is not there has none. */
    if (chip_connect(a, &access, &err) == MM_OK && chip_gate(a, access, false, &err) != MM_OK)
        agent_event(a, "warn", "gate", "not shut: %s", err.text);
    chip_release(a, access);
    a->gate = false;
}

static enum mm_status fresh_token(struct mm_agent *a, struct mm_access *access,
                                  struct mm_token *token, struct mm_err *err)
{
    uint8_t nonce[MM_AGENT_NONCE_LEN];
    struct mm_buf bytes;
    enum mm_status st;

    mm_buf_init(&bytes);
    if (RAND_bytes(nonce, sizeof(nonce)) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
    st = chip_token(a, access, nonce, sizeof(nonce), &bytes, err);
    if (st == MM_OK)
        st = mm_token_verify(bytes.data, bytes.len, a->ca, nonce, sizeof(nonce), token, err);
    mm_buf_clear(&bytes);
    return st;
}

/* Is one component of the chip as its reference values and the history say? */
static enum mm_status judge_component(const struct mm_agent *a, const struct mm_token *token,
                                      const struct mm_token_component *c, struct mm_err *err)
{
    char aid[2 * MM_AID_MAX + 1];
    const struct mm_reference *ref =
        references_find(a, c->kind, mm_hex(c->aid.bytes, c->aid.len, aid));

    if (c->damaged)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "its stored bytes were changed");
    if (ref == NULL)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "no reference values know it");
    if (ref->major != c->major || ref->minor != c->minor)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "version %u.%u, expected %u.%u", c->major,
                       c->minor, ref->major, ref->minor);
    if (CRYPTO_memcmp(ref->code, c->code, MM_DIGEST_LEN) != 0)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "its code is not the released one");
    if (ref->has_fixed && !ref->fixed_by_history &&
        CRYPTO_memcmp(ref->fixed, c->fixed, MM_DIGEST_LEN) != 0)
        return mm_fail(err, MM_REFUSED, SIZE_MAX, "its static data is not the released one");
    return history_component(a, token, c, ref->fixed_by_history, err);
}

/* What to delete for a bad component: itself, or of a bad package an applet first, since a package goes
 * with its last applet (a damaged one with its first). */
static const struct mm_token_component *victim_of(const struct mm_token *token,
                                                  const struct mm_token_component *bad)
{
    for (size_t i = 0; bad->kind == 1 && i < token->component_n; i++) {
        const struct mm_token_component *c = &token->components[i];
        if (c->kind == 2 && mm_aid_equal(&c->package, &bad->aid))
            return c;
    }
    return bad;
}

/* A3: one deletion; what is bad still is found at the next look. */
static enum mm_status delete_bad(struct mm_agent *a, struct mm_access *access,
                                 const struct mm_token *token, const struct mm_token_component *bad,
                                 const char *why, struct mm_err *err)
{
    const struct mm_token_component *victim = victim_of(token, bad);
    char aid[2 * MM_AID_MAX + 1];
    enum mm_status st = chip_delete(a, access, &victim->aid, err);

    if (st == MM_OK)
        agent_event(a, "error", "deleted", "%s %s was deleted from the chip: %s",
                    victim->kind == 1 ? "package" : "applet",
                    mm_hex(victim->aid.bytes, victim->aid.len, aid), why);
    return st;
}

static void note_component(struct mm_agent *a, const struct mm_token_component *c,
                           const char *verdict, const char *why)
{
    char aid[2 * MM_AID_MAX + 1];

    (void)json_array_append_new(
        a->components,
        json_pack("{s:s, s:s, s:s, s:s}", "aid", mm_hex(c->aid.bytes, c->aid.len, aid), "kind",
                  c->kind == 1 ? "package" : "applet", "verdict", verdict, "reason", why));
}

/* A2 to A4: each component once. *deleted: something went, so the chip has to be looked at again. */
static enum mm_status judge_components(struct mm_agent *a, struct mm_access *access,
                                       const struct mm_token *token, bool *deleted,
                                       struct mm_err *err)
{
    enum mm_status st = MM_OK;

    *deleted = false;
    /* Packages first (1 before 2): with a bad one its applets go, whatever they look like. */
    for (uint8_t kind = 1; kind <= 2 && st == MM_OK && !*deleted; kind++) {
        for (size_t i = 0; i < token->component_n && st == MM_OK && !*deleted; i++) {
            const struct mm_token_component *c = &token->components[i];
            if (c->kind != kind)
                continue;
            if (judge_component(a, token, c, err) == MM_OK) {
                note_component(a, c, "sound", "");
                continue;
            }
            char why[240];
            snprintf(why, sizeof(why), "%s", err->text);
            st = delete_bad(a, access, token, c, why, err);
            *deleted = st == MM_OK;
        }
    }
    return st;
}

/* The chip as a whole: no damage that deleting cannot heal, no older image, reference values. */
static enum mm_status judge_chip(struct mm_agent *a, struct mm_access *access,
                                 const struct mm_token *token, struct mm_err *err)
{
    bool component = false;
    enum mm_status st;

    for (size_t i = 0; i < token->component_n; i++)
        component |= token->components[i].damaged;
    if (token->seal == 2)
        return mm_fail(err, MM_ROLLBACK, SIZE_MAX,
                       "the chip says that its image is older than its counter");
    if (token->seal != 0 || (!token->valid && !component))
        return mm_fail(err, MM_TAMPERED, SIZE_MAX, "the chip's own platform data was changed");
    st = history_chip(a, token, err);
    if (st != MM_OK)
        return st;
    if (token->reference_version > a->references.version)
        return mm_fail(err, MM_ROLLBACK, SIZE_MAX,
                       "reference values version %u are older than the chip's %u",
                       a->references.version, token->reference_version);
    if (token->reference_version < a->references.version) {
        /* The chip verifies them with its update certificate; only then are they used. */
        st = chip_update(a, access, 1, &a->references_object, err);
        if (st == MM_OK)
            agent_event(a, "info", "references", "version %u delivered to the chip",
                        a->references.version);
    }
    return st;
}

/* One look at the chip: token, the chip as a whole, each component. */
static enum mm_status look(struct mm_agent *a, struct mm_access *access, struct mm_token *token,
                           bool *deleted, struct mm_err *err)
{
    enum mm_status st;

    json_array_clear(a->components);
    mm_token_clear(token);
    st = fresh_token(a, access, token, err);
    if (st == MM_OK)
        st = judge_chip(a, access, token, err);
    return st == MM_OK ? judge_components(a, access, token, deleted, err) : st;
}

static enum mm_status check_chip(struct mm_agent *a, struct mm_access *access, struct mm_err *err)
{
    struct mm_token token = {0};
    bool deleted = true;
    enum mm_status st = MM_OK;

    /* Each round deletes a component. A chip that says so and has it still is not to be believed. */
    for (unsigned round = 0; st == MM_OK && deleted; round++)
        st = round < ROUNDS_MAX
                 ? look(a, access, &token, &deleted, err)
                 : mm_fail(err, MM_TAMPERED, SIZE_MAX, "the chip does not delete what is bad");
    if (st == MM_OK && !token.valid)
        st = mm_fail(err, MM_TAMPERED, SIZE_MAX, "the chip still says that it is not valid");
    if (st == MM_OK)
        st = chip_gate(a, access, true, err);
    /* What history keeps is the state after our own commands, judged like the one before. */
    if (st == MM_OK)
        st = look(a, access, &token, &deleted, err);
    if (st == MM_OK && deleted)
        st = mm_fail(err, MM_TAMPERED, SIZE_MAX, "the chip changed during the check");
    if (st == MM_OK) {
        a->counter = token.counter;
        history_note_chip(a, &token);
    }
    mm_token_clear(&token);
    return st;
}

/* A client holds the card in the middle of something: what the last check found stands until it lets
 * go, since a card that was taken out or reset would not be busy. */
struct last_check {
    bool checked, sound, gate;
    char reason[240];
};

static void keep(struct mm_agent *a, const struct last_check *before)
{
    a->checked = before->checked;
    a->sound = before->sound;
    a->gate = before->gate;
    memcpy(a->reason, before->reason, sizeof(a->reason));
}

static void check_steps(struct mm_agent *a, const struct last_check *before)
{
    struct mm_access *access = NULL;
    struct mm_err err = {0};
    enum mm_status st;

    st = references_load(a, &err);
    if (st == MM_OK)
        st = client_measure(a, &err);
    if (st == MM_OK)
        st = client_judge(a, &err);
    if (st != MM_OK) {
        disable(a, err.text);
        return;
    }
    st = chip_connect(a, &access, &err);
    if (st == MM_OK)
        st = check_chip(a, access, &err);
    chip_release(a, access);
    if (st == MM_OK) {
        history_note_client(a);
        st = history_save(a, &err);
    }
    if (st == MM_BUSY && before->checked) {
        keep(a, before);
    } else if (st == MM_NO_READER || st == MM_BUSY) {
        a->checked = false; /* nothing bad was found: there is nothing to measure yet */
        a->gate = false;
        snprintf(a->reason, sizeof(a->reason), "%s", err.text);
        agent_event(a, "info", "unchecked", "%s", err.text);
    } else if (st != MM_OK) {
        disable(a, err.text);
    } else {
        a->sound = true;
        snprintf(a->reason, sizeof(a->reason), "client and chip are sound");
        agent_event(a, "info", "sound",
                    "client and %zu components of the chip are sound, gate open",
                    json_array_size(a->components));
    }
}

void mm_agent_check(struct mm_agent *a)
{
    time_t now = time(NULL);
    struct last_check before = {a->checked, a->sound, a->gate, ""};
    struct tm tm;

    memcpy(before.reason, a->reason, sizeof(before.reason));
    json_array_clear(a->components);
    gmtime_r(&now, &tm);
    strftime(a->when, sizeof(a->when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    a->checked = true;
    a->sound = false;
    check_steps(a, &before);
}

void mm_agent_watch(struct mm_agent *a)
{
    bool present = a->present, taken = false;
    struct mm_err err;

    if (mm_access_wait(a->config.reader, 1, &present, &err) != MM_OK)
        return; /* no change; or pcscd is away, which the next look will tell */
    a->present = present;
    if (present) {
        agent_event(a, "info", "card", "a card was put in");
        /* What waited for it; what went wrong is among the events. */
        if (a->update_waits && mm_agent_update(a, &taken, &err) != MM_OK)
            agent_event(a, "warn", "update", "not taken; the next look tries again");
        mm_agent_check(a);
        return;
    }
    agent_event(a, "info", "card", "the card was taken out");
    chip_drop(a);
    a->checked = false;
    a->gate = false;
    snprintf(a->reason, sizeof(a->reason), "no card");
}
