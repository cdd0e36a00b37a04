#include "trust_agent/agent_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_path(const char *name)
{
    static const char *const paths[] = {"ca",           "terminal_cert", "terminal_key",
                                        "platform_pin", "pairing",       "release",
                                        "references",   "agent_socket",  "client_executable"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(name, paths[i]) == 0)
            return true;
    }
    return false;
}

static enum mm_status put(const char *dir, const char *name, char **slot, const char *value,
                          struct mm_err *err)
{
    char *copy = NULL;

    if (is_path(name) && value[0] != '/') {
        if (asprintf(&copy, "%s/%s", dir, value) < 0)
            copy = NULL;
    } else {
        copy = strdup(value);
    }
    if (copy == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    free(*slot);
    *slot = copy;
    return MM_OK;
}

struct reading {
    const char *dir;
    struct agent_config *config;
};

static enum mm_status set(void *ctx, const char *key, const char *value, unsigned line,
                          struct mm_err *err)
{
    struct reading *in = ctx;

#define MM_KEY(name, preset, what)                                                                 \
    if (strcmp(key, #name) == 0)                                                                   \
        return put(in->dir, key, &in->config->name, value, err);
#include "trust_agent/keys.def"
#undef MM_KEY
    return mm_fail(err, MM_MALFORMED, line, "line %u: no setting is called %s", line, key);
}

enum mm_status agent_config_read(const char *dir, struct agent_config *out, struct mm_err *err)
{
    struct reading in = {.dir = dir, .config = out};
    enum mm_status st = MM_OK;
    char *path = NULL;

    *out = (struct agent_config){0};
#define MM_KEY(name, preset, what)                                                                 \
    if (st == MM_OK)                                                                               \
        st = put(dir, #name, &out->name, preset, err);
#include "trust_agent/keys.def"
#undef MM_KEY
    if (st == MM_OK && asprintf(&path, "%s/agent.conf", dir) < 0)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        st = mm_conf_read(path, set, &in, err);
    if (st == MM_NOT_FOUND)
        (void)mm_fail(err, st, SIZE_MAX, "%s: not there; enrol this terminal first", path);
    free(path);
    if (st != MM_OK)
        agent_config_clear(out);
    return st;
}

void agent_config_clear(struct agent_config *config)
{
#define MM_KEY(name, preset, what) free(config->name);
#include "trust_agent/keys.def"
#undef MM_KEY
    *config = (struct agent_config){0};
}
