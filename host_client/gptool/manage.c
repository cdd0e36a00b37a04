/* mintmark-gp: life cycles, stored data, key sets. */
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

enum { CARD_INITIALIZED = 0x07, CARD_SECURED = 0x0f, CARD_LOCKED = 0x7f, CARD_TERMINATED = 0xff };

/* A list of one command, or of none when st says why. */
static enum mm_status send_made(const struct mm_gp_options *opt, enum mm_status st,
                                const char *command, struct mm_buf *list, FILE *out,
                                struct mm_err *err)
{
    if (st != MM_OK)
        st = mm_fail(err, st, SIZE_MAX, "%s: %s", command, mm_status_text(st));
    else
        st = mm_gp_tool_send(opt, list, out, err);
    mm_buf_clear(list);
    return st;
}

static enum mm_status set_status(const struct mm_gp_options *opt, const struct mm_aid *aid,
                                 uint8_t state, FILE *out, struct mm_err *err)
{
    struct mm_buf list;

    mm_buf_init(&list);
    return send_made(opt, mm_gp_set_status_command(aid, state, &list), "SET STATUS", &list, out,
                     err);
}

enum mm_status mm_gp_tool_lock(const struct mm_gp_options *opt, const char *aid, bool lock,
                               FILE *out, struct mm_err *err)
{
    struct mm_aid value;
    enum mm_status st;

    if (aid == NULL)
        return set_status(opt, NULL, lock ? CARD_LOCKED : CARD_SECURED, out, err);
    st = mm_gp_tool_aid(aid, &value, err);
    return st == MM_OK ? set_status(opt, &value, lock ? 0x80 : 0x00, out, err) : st;
}

enum mm_status mm_gp_tool_set_state(const struct mm_gp_options *opt, const char *state, FILE *out,
                                    struct mm_err *err)
{
    if (strcmp(state, "initialized") == 0)
        return set_status(opt, NULL, CARD_INITIALIZED, out, err);
    if (strcmp(state, "secured") == 0)
        return set_status(opt, NULL, CARD_SECURED, out, err);
    return mm_fail(err, MM_USAGE, SIZE_MAX, "set-state: expected initialized or secured");
}

enum mm_status mm_gp_tool_terminate(const struct mm_gp_options *opt, FILE *out, struct mm_err *err)
{
    if (!opt->force && !opt->dry_run)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "terminate ends the card for good; say --force if that is meant");
    return set_status(opt, NULL, CARD_TERMINATED, out, err);
}

enum mm_status mm_gp_tool_store_data(const struct mm_gp_options *opt, const char *hex, FILE *out,
                                     struct mm_err *err)
{
    size_t n = strlen(hex) / 2 + 1;
    uint8_t structure = opt->dgi ? MM_GP_STORE_DGI : MM_GP_STORE_TLV;
    uint8_t *data = malloc(n);
    struct mm_buf list;
    enum mm_status st;

    if (data == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (mm_unhex(hex, data, &n) != MM_OK || n == 0) {
        free(data);
        return mm_fail(err, MM_USAGE, SIZE_MAX, "store-data: expected bytes in hex");
    }
    if (opt->to.len > 0 && !opt->dgi)
        structure = MM_GP_STORE_RAW; /* what the bytes are is between sender and application */
    mm_buf_init(&list);
    st = mm_gp_store_data_commands(opt->to.len > 0 ? &opt->to : NULL, structure, data, n, &list);
    free(data);
    return send_made(opt, st, "STORE DATA", &list, out, err);
}

enum mm_status mm_gp_tool_delete_keys(const struct mm_gp_options *opt, const char *version,
                                      FILE *out, struct mm_err *err)
{
    uint8_t v = 0;
    size_t n = 1;
    struct mm_buf list;

    if (mm_unhex(version, &v, &n) != MM_OK || n != 1 || v == 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "delete-keys: expected a key version, one byte in hex");
    mm_buf_init(&list);
    return send_made(opt, mm_gp_delete_key_command(v, 0, &list), "DELETE [key]", &list, out, err);
}
