/*
 * Signed updates from the platform (the design's method "Update"). Each is taken one at a time: fetched,
 * verified with the release certificate, delivered to the chip, which verifies it with its update
 * certificate and refuses every version not above the one it holds, and only then written down here.
 * So an agent that dies in between asks again, and finds what the chip already has.
 */
#include "trust_agent/agent_int.h"

#include <stdio.h>
#include <string.h>

struct updating {
    struct mm_agent *agent;
    struct mm_net *net;
    unsigned taken;
};

static const char *name_of(enum mm_update_kind kind)
{
    static const char *const names[] = {
        [MM_UPDATE_REFERENCES] = "reference values",
        [MM_UPDATE_PLATFORM] = "platform certificate",
        [MM_UPDATE_RELEASE] = "release certificate",
    };

    return names[kind];
}

static uint32_t held_version(const struct mm_agent *a, enum mm_update_kind kind)
{
    return kind == MM_UPDATE_RELEASE    ? a->release_version
           : kind == MM_UPDATE_PLATFORM ? a->pins.version
                                        : a->references.version;
}

/* ---- Fetch ---- */

void pins_note(struct mm_agent *a, const uint8_t pin[MM_PIN_LEN])
{
    struct mm_err err;

    if (!mm_pins_seen(&a->pins, pin))
        return;
    if (mm_pins_write(a->config.platform_pin, &a->pins, &err) == MM_OK)
        agent_event(a, "info", "platform",
                    "it uses its new certificate; the old one is no longer "
                    "accepted");
    else
        agent_event(a, "error", "platform", "%s", err.text);
}

/* A terminal that was off while the platform switched knows only the old key. What it fetches here
 * carries the operator's signature, so any server under the operator's CA may hand it out. */
static enum mm_status send(struct updating *u, const char *path, struct mm_reply_in *reply,
                           struct mm_err *err)
{
    struct mm_agent *a = u->agent;
    enum mm_status st = mm_net_send(u->net, path, NULL, NULL, 0, reply, err);

    if (st == MM_AUTH) {
        mm_reply_in_clear(reply);
        mm_net_free(&u->net);
        st = net_open(a, false, &u->net, err);
        if (st == MM_OK)
            st = mm_net_send(u->net, path, NULL, NULL, 0, reply, err);
    }
    if (st == MM_OK)
        pins_note(a, reply->pin);
    return st;
}

/* MM_NOT_FOUND: nothing newer. */
static enum mm_status fetch(struct updating *u, enum mm_update_kind kind, struct mm_buf *object,
                            struct mm_err *err)
{
    struct mm_reply_in reply = {0};
    char path[64];
    enum mm_status st;

    snprintf(path, sizeof(path), "/v1/updates?kind=%d&after=%u", (int)kind,
             held_version(u->agent, kind));
    st = send(u, path, &reply, err);
    if (st == MM_OK)
        mm_buf_bytes(object, reply.body.data, reply.body.len);
    else if (reply.http == 404)
        st = MM_NOT_FOUND;
    mm_reply_in_clear(&reply);
    return st == MM_OK && object->bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : st;
}

/* ---- Judge ---- */

enum mm_status update_judge(const struct mm_agent *a, enum mm_update_kind kind,
                            const struct mm_buf *object, struct mm_update *out, struct mm_err *err)
{
    enum mm_status st = mm_update_verify(object->data, object->len, a->release, kind, out, err);

    if (st != MM_OK && st != MM_NO_MEMORY) {
        mm_err_prefix(err, "an update (%s) was refused", name_of(kind));
        return MM_REFUSED;
    }
    if (st == MM_OK && out->version <= held_version(a, kind)) {
        st = mm_fail(err, MM_REFUSED, SIZE_MAX,
                     "an update (%s) was refused: version %u is not above %u, which is held",
                     name_of(kind), out->version, held_version(a, kind));
        mm_update_clear(out);
    }
    return st;
}

/* ---- Deliver ---- */

/* The chip may have taken it from an agent that then died. */
static bool chip_has(struct mm_agent *a, struct mm_access *access, const struct mm_update *update)
{
    struct mm_buf held;
    bool same;

    mm_buf_init(&held);
    same = chip_certificate(a, access, update->kind, &held, NULL) == MM_OK &&
           held.len == update->content_len &&
           memcmp(held.data, update->content, update->content_len) == 0;
    mm_buf_clear(&held);
    return same;
}

static enum mm_status deliver(struct mm_agent *a, const struct mm_update *update,
                              const struct mm_buf *object, struct mm_err *err)
{
    struct mm_access *access = NULL;
    enum mm_status st = chip_connect(a, &access, err);

    if (st == MM_OK) {
        st = chip_update(a, access, update->kind, object, err);
        if (st == MM_CARD && chip_has(a, access, update))
            st = MM_OK;
    }
    chip_release(a, access);
    return st;
}

/* ---- Adopt ---- */

static enum mm_status adopt_platform(struct mm_agent *a, const struct mm_update *update, X509 *cert,
                                     struct mm_err *err)
{
    struct mm_pins pins = a->pins;
    uint8_t pin[MM_PIN_LEN];
    enum mm_status st = mm_cert_pin(cert, pin);

    if (st == MM_OK)
        st = mm_pins_add(&pins, pin, update->version);
    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX,
                       "platform certificate version %u: more than %d are waiting to be used",
                       update->version, MM_PINS_MAX - 1);
    st = mm_pins_write(a->config.platform_pin, &pins, err);
    if (st == MM_OK)
        a->pins = pins;
    return st;
}

static enum mm_status adopt_release(struct mm_agent *a, const struct mm_update *update, X509 *cert,
                                    struct mm_err *err)
{
    enum mm_status st = mm_release_write(a->config.release, cert, a->release, update->version, err);

    if (st != MM_OK)
        return st;
    X509_free(a->release_before);
    a->release_before = a->release;
    a->release = cert;
    (void)X509_up_ref(cert);
    a->release_version = update->version;
    return MM_OK;
}

/* A certificate goes to the chip first. */
static enum mm_status take_cert(struct updating *u, const struct mm_update *update,
                                const struct mm_buf *object, struct mm_err *err)
{
    struct mm_agent *a = u->agent;
    X509 *cert = NULL;
    enum mm_status st = mm_update_cert(update, &cert, err);

    if (st == MM_OK && update->kind == MM_UPDATE_PLATFORM && a->pins.n == MM_PINS_MAX)
        st = mm_fail(err, MM_STATE, SIZE_MAX, "%d platform certificates are held already",
                     MM_PINS_MAX);
    if (st == MM_OK)
        st = deliver(a, update, object, err);
    if (st == MM_OK && update->kind == MM_UPDATE_PLATFORM)
        st = adopt_platform(a, update, cert, err);
    else if (st == MM_OK)
        st = adopt_release(a, update, cert, err);
    X509_free(cert);
    return st;
}

/* Reference values go to the chip with the check that first uses them (boot.c). */
static enum mm_status take_references(struct updating *u, const struct mm_buf *object,
                                      struct mm_err *err)
{
    struct mm_agent *a = u->agent;
    struct mm_references refs;
    enum mm_status st = mm_references_verify(object->data, object->len, a->release, &refs, err);

    mm_references_clear(&refs);
    if (st == MM_OK)
        st = mm_file_write(a->config.references, object->data, object->len, 0644, err);
    return st == MM_OK ? references_load(a, err) : st;
}

/* Every newer one of a kind, in the order of their versions. */
static enum mm_status take_kind(struct updating *u, enum mm_update_kind kind, struct mm_err *err)
{
    struct mm_agent *a = u->agent;
    enum mm_status st = MM_OK;

    while (st == MM_OK) {
        struct mm_update update = {0};
        struct mm_buf object;
        mm_buf_init(&object);
        st = fetch(u, kind, &object, err);
        if (st == MM_OK)
            st = update_judge(a, kind, &object, &update, err);
        if (st == MM_OK && kind == MM_UPDATE_REFERENCES)
            st = take_references(u, &object, err);
        else if (st == MM_OK)
            st = take_cert(u, &update, &object, err);
        if (st == MM_OK) {
            u->taken++;
            agent_event(a, "info", "update", "%s version %u taken", name_of(kind), update.version);
        }
        mm_update_clear(&update);
        mm_buf_clear(&object);
    }
    return st == MM_NOT_FOUND ? MM_OK : st;
}

enum mm_status mm_agent_update(struct mm_agent *a, bool *taken, struct mm_err *err)
{
    /* The release certificate first: it is what the others are signed with. */
    static const enum mm_update_kind kinds[] = {MM_UPDATE_RELEASE, MM_UPDATE_PLATFORM,
                                                MM_UPDATE_REFERENCES};
    struct updating u = {.agent = a};
    enum mm_status st;

    /* What is held is what a newer one is measured against; the check will say what is wrong with it. */
    if (references_load(a, err) != MM_OK)
        agent_event(a, "warn", "references", "%s", err->text);
    a->update_waits = false;
    st = net_open(a, true, &u.net, err);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && st == MM_OK; i++)
        st = take_kind(&u, kinds[i], err);
    mm_net_free(&u.net);
    *taken = u.taken > 0;
    if (st == MM_NO_READER || st == MM_BUSY) {
        a->update_waits = true;
        agent_event(a, "info", "update", "one waits for the card: %s", err->text);
        return MM_OK;
    }
    if (st != MM_OK)
        agent_event(a, st == MM_REFUSED ? "error" : "warn", "update", "%s", err->text);
    return st;
}
