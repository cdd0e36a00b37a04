/* mintmark-gp: keys, connection, sending, asking. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/access/trace.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

#define TIMEOUT_MS 5000
#define BAR_LEN    32

/* ---- Keys ---- */

enum mm_status mm_gptool_open_keys(const struct mm_gptool_options *opt, struct mm_gp_keys **out,
                                   struct mm_err *err)
{
    *out = NULL;
    if (opt->source == MM_GPTOOL_NO_KEYS)
        return mm_fail(
            err, MM_USAGE, SIZE_MAX,
            "no keys given: --key-file, MINTMARK_GP_KEY, --pkcs11, --key, --test-keys or --scp11");
    if (opt->source == MM_GPTOOL_IN_TOKEN)
        return mm_gp_keys_in_token(opt->token_uri, opt->pin[0] != '\0' ? opt->pin : NULL,
                                   opt->diversify, out, err);
    return mm_gp_keys_in_memory(&opt->keys, opt->diversify, out, err);
}

enum mm_status mm_gptool_open_secret(const struct mm_gptool_options *opt, const char *option,
                                     char *where, struct mm_gp_secret **out, struct mm_err *err)
{
    enum mm_status st = mm_gp_secret_open(where, opt->pin[0] != '\0' ? opt->pin : NULL, out, err);

    if (strncmp(where, "hex:", 4) == 0)
        OPENSSL_cleanse(where, strlen(where)); /* ps shows the command line */
    if (st != MM_OK)
        mm_err_prefix(err, "%s", option);
    return st;
}

/* ---- Before a step that may count against the card ---- */

struct versions {
    bool initial; /* a version under which cards leave the factory */
    uint8_t other;
};

static void note_version(void *ctx, const struct mm_gp_key_info *key)
{
    struct versions *v = ctx;

    if (key->id < MM_GP_KEY_ENC || key->id > MM_GP_KEY_DEK)
        return;
    if (key->version == 0xff || key->version == 0x01)
        v->initial = true;
    else
        v->other = key->version;
}

/* The test keys are for a card that nobody has given keys yet. One that lists a set under another
 * version than those of the factory has probably got some, and a wrong key may count against it. */
static enum mm_status check_test_keys(struct mm_gptool *tool, struct mm_err *err)
{
    const struct mm_aid *domain = tool->opt->connect.len > 0 ? &tool->opt->connect : NULL;
    struct versions v = {0};
    struct mm_aid found;
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    if (tool->opt->source != MM_GPTOOL_TEST_KEYS || tool->opt->has_key_version || tool->opt->yes)
        return MM_OK;
    mm_buf_init(&resp);
    st = mm_gp_select_domain(tool->access, domain, &found, err);
    if (st == MM_OK)
        st = mm_access_call(tool->access, 0x80, MM_INS_ISD_GET_DATA, 0x00, 0xe0, NULL, 0, 256,
                            &resp, &sw, err);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR &&
        mm_gp_parse_key_info(resp.data, resp.len, note_version, &v, NULL) == MM_OK && !v.initial &&
        v.other != 0)
        st = mm_fail(err, MM_FAILED, SIZE_MAX,
                     "not tried: the card's keys have version %02X, so the test keys were probably "
                     "replaced, and a wrong key may count against the card; --key-version %02X or "
                     "--yes tries",
                     v.other, v.other);
    mm_buf_clear(&resp);
    return st;
}

/* What a failed authentication means; nothing here ever tries again by itself. */
static void tell_failed(const struct mm_gptool *tool)
{
    fputs(
        "mintmark-gp: the card may count this as a failed authentication, and cards lock after "
        "some "
        "(often 10).\nHow many are left cannot be asked. Nothing was tried again; make sure of the "
        "keys first",
        stderr);
    if (tool->opt->diversify == MM_GP_DIVERSIFY_NONE)
        fputs(" (keys of an issuer are often derived for each card: --diversify)", stderr);
    fputs(".\n", stderr);
}

/* ---- Connection ---- */

static void show_hex(FILE *out, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%02X", data[i]);
}

/* Plain commands and responses, beside the protected ones of the access's trace. */
static void show_plain(void *ctx, bool response, const uint8_t *data, size_t data_len)
{
    FILE *out = ctx;
    size_t len = response && data_len >= 2 ? data_len - 2 : data_len;

    fputs(response ? "  plain < " : "  plain > ", out);
    show_hex(out, data, len);
    if (len < data_len)
        fprintf(out, "%s%04X  %s\n", len > 0 ? " " : "", mm_be16(data + len),
                mm_sw_text(mm_be16(data + len)));
    else
        fprintf(out, "  %s\n", mm_gp_command_name(data, data_len));
}

static enum mm_status open_session(struct mm_gptool *tool, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_gp_open_how how = {.domain = opt->connect.len > 0 ? &opt->connect : NULL,
                                 .key_version = opt->key_version,
                                 .scp = opt->scp,
                                 .level = opt->level};
    enum mm_status st = check_test_keys(tool, err);

    if (st == MM_OK && opt->scp11.on)
        st = mm_gptool_open_scp11(tool, err);
    else if (st == MM_OK)
        st = mm_gp_open_with(tool->access, &how, tool->keys, &tool->session, err);
    if (st == MM_AUTH && !opt->scp11.on)
        tell_failed(tool);
    if (st == MM_OK && opt->trace)
        mm_gp_set_trace(tool->session, show_plain, stderr);
    return st;
}

enum mm_status mm_gptool_connect(struct mm_gptool *tool, bool session, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    enum mm_status st = MM_OK;

    if (session) /* before the card is touched: what is missing here is not its fault */
        st = opt->scp11.on ? mm_gptool_check_scp11(opt, err)
                           : mm_gptool_open_keys(opt, &tool->keys, err);
    if (st == MM_OK && session)
        st = mm_gptool_open_receipts(tool, err);
    if (st == MM_OK)
        st = mm_access_open(opt->reader, TIMEOUT_MS, &tool->access, err);
    if (st == MM_OK && opt->trace) {
        tool->trace = calloc(1, sizeof(*tool->trace));
        if (tool->trace != NULL) {
            tool->trace->out = stderr;
            mm_access_set_trace(tool->access, mm_trace_show, tool->trace);
        }
    }
    /* Another program's command in between would break the chain of MACs. */
    if (st == MM_OK)
        st = mm_access_begin(tool->access, err);
    if (st == MM_OK && session)
        st = open_session(tool, err);
    return st == MM_OK && session ? mm_gptool_watch(tool, err) : st;
}

void mm_gptool_disconnect(struct mm_gptool *tool)
{
    mm_gp_close(&tool->session);
    mm_gp_keys_free(&tool->keys);
    if (tool->access != NULL)
        mm_access_end(tool->access);
    mm_access_close(&tool->access);
    free(tool->trace);
    tool->trace = NULL;
}

/* ---- Lists of commands ---- */

/* As a script for mintmark-apdu. */
static void print_list(const struct mm_buf *list, FILE *out)
{
    size_t off = 0, len;
    const uint8_t *apdu;

    while ((apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        show_hex(out, apdu, len);
        fprintf(out, "  # %s\n", mm_gp_command_name(apdu, len));
    }
}

#define BAR_LEAST 4 /* commands: fewer are over before a bar is read */

/* The list that is being sent, where a terminal watches. */
struct watch {
    struct mm_gptool *tool;
    bool shown, open; /* open: the bar's line is not ended */
};

static void show_progress(void *ctx, size_t done, size_t all)
{
    struct watch *w = ctx;
    char bar[BAR_LEN + 1];
    size_t full = all > 0 ? done * BAR_LEN / all : BAR_LEN;

    w->tool->sent = done;
    if (!w->shown || all < BAR_LEAST)
        return;
    memset(bar, '.', BAR_LEN);
    memset(bar, '#', full);
    bar[BAR_LEN] = '\0';
    w->open = done != all;
    fprintf(stderr, "\r[%s] %zu of %zu%s", bar, done, all, w->open ? "" : "\n");
}

enum mm_status mm_gptool_send(struct mm_gptool *tool, const struct mm_buf *list, struct mm_err *err)
{
    struct watch watch = {.tool = tool, .shown = isatty(STDERR_FILENO) && !tool->opt->trace};
    enum mm_status st = MM_OK;

    if (tool->opt->dry_run) {
        print_list(list, tool->out);
        return MM_OK;
    }
    if (tool->session == NULL)
        st = mm_gptool_connect(tool, true, err);
    if (st != MM_OK)
        return st;
    st = mm_gp_send_list(tool->session, list, show_progress, &watch, err);
    if (watch.open)
        fputc('\n', stderr); /* what comes next is said in a line of its own */
    return st;
}

/* ---- Asking ---- */

enum mm_status mm_gptool_confirm(const struct mm_gptool *tool, struct mm_err *err, const char *fmt,
                                 ...)
{
    char what[200], answer[16] = "";
    va_list args;

    if (tool->opt->yes || tool->opt->dry_run)
        return MM_OK;
    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    if (!isatty(STDIN_FILENO))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s; say --yes if that is meant", what);
    fprintf(stderr, "%s. Go on? [y/N] ", what);
    if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return MM_OK;
    return mm_fail(err, MM_FAILED, SIZE_MAX, "nothing done");
}
