#include "trust_agent/agent_int.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define EVENTS_MAX 256

static void now_text(char out[32])
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void agent_event(struct mm_agent *agent, const char *level, const char *event, const char *fmt, ...)
{
    char text[400], when[32];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    now_text(when);
    mm_log(level, event, "%s", text);
    if (json_array_size(agent->events) >= EVENTS_MAX)
        (void)json_array_remove(agent->events, 0);
    (void)json_array_append_new(
        agent->events, json_pack("{s:s, s:s, s:s}", "time", when, "event", event, "text", text));
}

/* ---- Open and close ---- */

/* A file of hex digits: keys and pins. */
static enum mm_status hex_file(const char *path, uint8_t *out, size_t want, struct mm_err *err)
{
    uint8_t *data = NULL;
    char text[256];
    size_t len = 0, n = want;
    enum mm_status st = mm_file_read(path, sizeof(text) - 1, &data, &len, err);

    if (st != MM_OK)
        return st;
    memcpy(text, data, len);
    text[len] = '\0';
    st = mm_unhex(text, out, &n);
    if (st != MM_OK || n != want)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: expected %zu hex digits", path, 2 * want);
    OPENSSL_cleanse(text, sizeof(text));
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}

static enum mm_status private_file(const char *path, struct mm_err *err)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        return mm_fail(err, MM_FAILED, SIZE_MAX,
                       "%s: others may read or write it; expected mode 0600", path);
    return MM_OK;
}

static enum mm_status number(const char *name, const char *text, unsigned max, unsigned *out,
                             struct mm_err *err)
{
    char *end = NULL;
    unsigned long v = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || v == 0 || v > max)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "agent.conf: %s: expected 1 to %u, found '%s'",
                       name, max, text);
    *out = (unsigned)v;
    return MM_OK;
}

static enum mm_status load(struct mm_agent *a, struct mm_err *err)
{
    unsigned timeout_s = 0;
    enum mm_status st = agent_config_read(a->dir, &a->config, err);

    if (st == MM_OK)
        st = number("timeout", a->config.timeout, 600, &timeout_s, err);
    if (st == MM_OK)
        st = number("interval", a->config.interval, 60000, &a->interval_ms, err);
    if (st == MM_OK)
        st = number("update_interval", a->config.update_interval, 604800, &a->update_s, err);
    a->timeout_ms = timeout_s * 1000;
    if (st == MM_OK)
        st = private_file(a->config.pairing, err);
    if (st == MM_OK)
        st = private_file(a->config.terminal_key, err);
    if (st == MM_OK)
        st = mm_cert_load(a->config.ca, &a->ca, err);
    if (st == MM_OK)
        st = mm_release_read(a->config.release, &a->release, &a->release_before,
                             &a->release_version, err);
    if (st == MM_OK)
        st = mm_cert_load(a->config.terminal_cert, &a->certificate, err);
    if (st == MM_OK)
        st = mm_key_load(a->config.terminal_key, &a->key, err);
    if (st == MM_OK)
        st = hex_file(a->config.pairing, a->pairing, sizeof(a->pairing), err);
    if (st == MM_OK)
        st = mm_pins_read(a->config.platform_pin, &a->pins, err);
    if (st == MM_OK)
        st = history_load(a, err);
    return st;
}

enum mm_status mm_agent_open(const char *dir, struct mm_agent **out, struct mm_err *err)
{
    struct mm_agent *a = calloc(1, sizeof(*a));
    enum mm_status st;

    *out = NULL;
    if (a == NULL || (a->dir = strdup(dir)) == NULL || (a->components = json_array()) == NULL ||
        (a->events = json_array()) == NULL) {
        mm_agent_close(&a);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    snprintf(a->reason, sizeof(a->reason), "not checked yet");
    st = load(a, err);
    if (st != MM_OK)
        mm_agent_close(&a);
    *out = a;
    return st;
}

void mm_agent_close(struct mm_agent **agent)
{
    struct mm_agent *a = *agent;

    *agent = NULL;
    if (a == NULL)
        return;
    chip_drop(a);
    mm_references_clear(&a->references);
    mm_buf_clear(&a->references_object);
    X509_free(a->ca);
    X509_free(a->release);
    X509_free(a->release_before);
    X509_free(a->certificate);
    EVP_PKEY_free(a->key);
    json_decref(a->components);
    json_decref(a->events);
    json_decref(a->history);
    agent_config_clear(&a->config);
    free(a->dir);
    OPENSSL_cleanse(a, sizeof(*a));
    free(a);
}

/* ---- Answers ---- */

static const char *const status_names[] = {
#define MM_STATUS(name, sentence) #name,
#include "applet_vm/base/status.def"
#undef MM_STATUS
};

json_t *mm_agent_error(enum mm_status st, const struct mm_err *err)
{
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "status", status_names[st], "error",
                     err->text[0] != '\0' ? err->text : mm_status_text(st));
}

static json_t *status_answer(const struct mm_agent *a)
{
    const char *verdict = !a->checked ? "unchecked" : a->sound ? "sound" : "disabled";

    return json_pack("{s:b, s:s, s:s, s:b, s:O, s:s, s:I, s:I, s:I, s:I}", "ok", 1, "verdict",
                     verdict, "reason", a->reason, "gate", a->gate, "components", a->components,
                     "checked", a->when, "counter", (json_int_t)a->counter, "references",
                     (json_int_t)a->references.version, "platform", (json_int_t)a->pins.version,
                     "release", (json_int_t)a->release_version);
}

/* The client closes: its state files are what they will be, and the gate shuts (method B, B4). */
static json_t *shut(struct mm_agent *a)
{
    struct mm_access *access = NULL;
    struct mm_err err = {0};
    enum mm_status st = client_dynamic(a, &err);

    if (st == MM_OK) {
        history_note_client(a);
        history_session(a, false);
        st = history_save(a, &err);
    }
    if (st == MM_OK)
        st = chip_connect(a, &access, &err);
    if (st == MM_OK)
        st = chip_gate(a, access, false, &err);
    chip_release(a, access);
    if (st != MM_OK && st != MM_NO_READER) /* a card that is out has no open gate */
        return mm_agent_error(st, &err);
    return json_pack("{s:b}", "ok", 1);
}

/* What the client asks first. Over PC/SC the held connection proves that the card is the one that was
 * checked; without it only a new check does. */
static json_t *status_for_client(struct mm_agent *a)
{
    struct mm_err err;

    if (!a->checked || !a->sound || !chip_alive(a))
        mm_agent_check(a);
    if (a->checked && a->sound) {
        history_session(a, true);
        if (history_save(a, &err) != MM_OK)
            agent_event(a, "error", "history", "%s", err.text);
    }
    return status_answer(a);
}

static json_t *update(struct mm_agent *a)
{
    struct mm_err err = {0};
    bool taken = false;
    enum mm_status st = mm_agent_update(a, &taken, &err);

    if (taken)
        mm_agent_check(a);
    return st == MM_OK ? status_answer(a) : mm_agent_error(st, &err);
}

json_t *mm_agent_answer(struct mm_agent *agent, const json_t *request)
{
    const char *cmd = json_string_value(json_object_get(request, "cmd"));
    struct mm_err err;

    if (cmd == NULL) {
        (void)mm_fail(&err, MM_MALFORMED, SIZE_MAX, "expected an object with \"cmd\"");
        return mm_agent_error(MM_MALFORMED, &err);
    }
    if (strcmp(cmd, "status") == 0) {
        if (json_is_true(json_object_get(request, "client")))
            return status_for_client(agent);
        return status_answer(agent);
    }
    if (strcmp(cmd, "check") == 0) {
        mm_agent_check(agent);
        return status_answer(agent);
    }
    if (strcmp(cmd, "update") == 0)
        return update(agent);
    if (strcmp(cmd, "shut") == 0)
        return shut(agent);
    if (strcmp(cmd, "events") == 0)
        return json_pack("{s:b, s:O}", "ok", 1, "events", agent->events);
    (void)mm_fail(&err, MM_USAGE, SIZE_MAX, "no command is called \"%.40s\"", cmd);
    return mm_agent_error(MM_USAGE, &err);
}
