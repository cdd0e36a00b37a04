#include "host_client/pay/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 15000 /* for one answer of agent or platform */
#define TIMEOUT_MAX_MS     120000

struct reading {
    struct mm_pay_config *config;
    char *pin_path;
};

/* Absolute as it is, else relative to the client's home. */
static char *resolve(const struct mm_pay_config *config, const char *value)
{
    return value[0] == '/' ? strdup(value) : mm_pay_config_path(config, value);
}

static enum mm_status set_text(char **slot, char *value, struct mm_err *err)
{
    if (value == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    free(*slot);
    *slot = value;
    return MM_OK;
}

static enum mm_status set_timeout(struct mm_pay_config *config, const char *value, unsigned line,
                                  struct mm_err *err)
{
    char *end = NULL;
    unsigned long ms;

    errno = 0;
    ms = strtoul(value, &end, 10);
    if (errno != 0 || end == value || *end != '\0' || ms == 0 || ms > TIMEOUT_MAX_MS)
        return mm_fail(err, MM_MALFORMED, line,
                       "line %u: timeout: expected 1 to %d milliseconds, found \"%.32s\"", line,
                       TIMEOUT_MAX_MS, value);
    config->timeout_ms = (unsigned)ms;
    return MM_OK;
}

static enum mm_status set(void *ctx, const char *key, const char *value, unsigned line,
                          struct mm_err *err)
{
    struct reading *reading = ctx;
    struct mm_pay_config *config = reading->config;
    const struct {
        const char *key;
        char **slot;
        bool is_path;
    } keys[] = {
        {"reader", &config->reader, false},          {"agent", &config->agent, true},
        {"platform", &config->platform, false},      {"ca", &config->ca, true},
        {"certificate", &config->certificate, true}, {"key", &config->key, true},
        {"pin", &reading->pin_path, true},
    };

    if (strcmp(key, "timeout") == 0)
        return set_timeout(config, value, line, err);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(key, keys[i].key) == 0)
            return set_text(keys[i].slot, keys[i].is_path ? resolve(config, value) : strdup(value),
                            err);
    }
    return mm_fail(err, MM_MALFORMED, line, "line %u: unknown key \"%.32s\"", line, key);
}

static enum mm_status set_defaults(struct reading *reading, const char *home, struct mm_err *err)
{
    struct mm_pay_config *config = reading->config;

    config->timeout_ms = TIMEOUT_DEFAULT_MS;
    config->dir = mm_home_path(home, "client");
    if (config->dir == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    config->agent = mm_home_path(home, "agent/agent.sock");
    config->ca = mm_pay_config_path(config, "ca.pem");
    config->certificate = mm_pay_config_path(config, "terminal.pem");
    config->key = mm_pay_config_path(config, "terminal.key");
    reading->pin_path = mm_pay_config_path(config, "platform.pin");
    if (config->agent == NULL || config->ca == NULL || config->certificate == NULL ||
        config->key == NULL || reading->pin_path == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    return MM_OK;
}

enum mm_status mm_pay_config_read(const char *home, struct mm_pay_config *out, struct mm_err *err)
{
    struct reading reading = {out, NULL};
    char *path = NULL;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    st = set_defaults(&reading, home, err);
    if (st != MM_OK)
        goto out;
    path = mm_pay_config_path(out, "client.conf");
    st = path == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                      : mm_conf_read(path, set, &reading, err);
    if (st == MM_NOT_FOUND)
        mm_err_prefix(err, "this client is not enrolled (mintmark-platform enroll does it)");
    if (st != MM_OK)
        goto out;
    if (out->platform == NULL || strncmp(out->platform, "https://", 8) != 0) {
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: platform: expected a https:// URL", path);
        goto out;
    }
    st = mm_pins_read(reading.pin_path, &out->pins, err);
out:
    free(path);
    free(reading.pin_path);
    if (st != MM_OK)
        mm_pay_config_clear(out);
    return st;
}

void mm_pay_config_clear(struct mm_pay_config *config)
{
    free(config->dir);
    free(config->reader);
    free(config->agent);
    free(config->platform);
    free(config->ca);
    free(config->certificate);
    free(config->key);
    memset(config, 0, sizeof(*config));
}

char *mm_pay_config_path(const struct mm_pay_config *config, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", config->dir, name) < 0 ? NULL : path;
}
