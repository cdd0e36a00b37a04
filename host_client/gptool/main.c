/* mintmark-gp: what is on a GlobalPlatform card, and putting more there. */
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gptool/gptool.h"

static const char usage_text[] =
    "usage: mintmark-gp [options] COMMAND\n"
    "  list                 domains, applets and packages on the card\n"
    "  info                 reader, ATR, chip number, key versions\n"
    "  install FILE.cap     load a package and install its applet\n"
    "  delete AID           delete an applet or a package\n"
    "  lock, unlock [AID]   an application, or the card\n"
    "  set-state STATE      of the card: initialized, then secured\n"
    "  terminate            end the card for good\n"
    "  store-data HEX       objects (BER-TLV) for the domain, or any data for an application\n"
    "  put-keys             give the security domain new keys\n"
    "  delete-keys VERSION  delete a key set\n"
    "  hash FILE.cap        the package's code digest (load file data block hash)\n"
    "options\n"
    "  -r, --reader READER  PC/SC reader (any unique part of its name), tcp:HOST:PORT, chip:IMAGE\n"
    "  -k, --key KEYS       16 bytes in hex, or enc:mac:dek; others may see it: prefer the next "
    "two\n"
    "      --key-file FILE  the same from a file of mode 0600; or variable MINTMARK_GP_KEY\n"
    "      --test-keys      the well-known test keys 40..4F\n"
    "      --master         the key is a master key: derive the chip's own (KDF3)\n"
    "      --key-version N  key version in hex (default 00: any)\n"
    "      --applet AID     install: which applet of the package\n"
    "      --instance AID   install: AID of the new applet (default: as in the package)\n"
    "      --params HEX     install: parameters for the applet\n"
    "      --privileges HEX install: 1 or 3 bytes (default 00)\n"
    "      --related        delete: a package's applets as well\n"
    "      --to AID         store-data: the application to personalise\n"
    "      --dgi            store-data: the data are groups (DGI)\n"
    "      --new-key-file F put-keys: the new keys, a file of mode 0600; or MINTMARK_GP_NEW_KEY\n"
    "      --new-version N  put-keys: their version in hex (default 30)\n"
    "      --add            put-keys: a set beside the others\n"
    "      --force          terminate: that is meant\n"
    "      --json           list and info as JSON\n"
    "      --dry-run        print the plain commands instead of sending them\n"
    "      --trace          show every command and response\n"
    "  -h, --help  -V, --version\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 4 no reader or card, 5 the card refused.\n";

static int usage(const char *what)
{
    fprintf(stderr, "mintmark-gp: %s\nTry mintmark-gp --help.\n", what);
    return 2;
}

/* ---- Options ---- */

enum {
    OPT_KEY_FILE = 256,
    OPT_TEST_KEYS,
    OPT_MASTER,
    OPT_KEY_VERSION,
    OPT_APPLET,
    OPT_INSTANCE,
    OPT_PARAMS,
    OPT_PRIVILEGES,
    OPT_RELATED,
    OPT_NEW_VERSION,
    OPT_NEW_KEY_FILE,
    OPT_ADD,
    OPT_FORCE,
    OPT_TO,
    OPT_DGI,
    OPT_JSON,
    OPT_DRY_RUN,
    OPT_TRACE
};

static enum mm_status read_hex(const char *name, const char *text, uint8_t *out, size_t *len,
                               struct mm_err *err)
{
    if (mm_unhex(text, out, len) == MM_OK)
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected up to %zu bytes in hex", name, *len);
}

static enum mm_status read_aid(const char *name, const char *text, struct mm_aid *aid,
                               struct mm_err *err)
{
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);

    if (mm_unhex(text, bytes, &n) != MM_OK || mm_aid_set(aid, bytes, n) != MM_OK)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected an AID of 5 to 16 bytes", name);
    return MM_OK;
}

static enum mm_status read_version(const char *name, const char *text, uint8_t *out,
                                   struct mm_err *err)
{
    uint8_t v = 0;
    size_t n = 1;

    if (mm_unhex(text, &v, &n) != MM_OK || n != 1)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected one byte in hex", name);
    *out = v;
    return MM_OK;
}

static enum mm_status take_keys(struct mm_gp_options *opt, char *text, struct mm_err *err)
{
    enum mm_status st = mm_gp_read_keys(text, &opt->keys, err);

    OPENSSL_cleanse(text, strlen(text)); /* ps shows the command line */
    opt->has_keys = st == MM_OK;
    return st;
}

static enum mm_status take_option(struct mm_gp_options *opt, int c, char *arg, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    switch (c) {
    case 'r':
        opt->reader = arg;
        return MM_OK;
    case 'k':
        return take_keys(opt, arg, err);
    case OPT_KEY_FILE:
        st = mm_gp_read_key_file(arg, &opt->keys, err);
        opt->has_keys = st == MM_OK;
        return st;
    case OPT_TEST_KEYS:
        opt->keys = mm_scp_test_keys;
        opt->has_keys = true;
        return MM_OK;
    case OPT_MASTER:
        opt->master = true;
        return MM_OK;
    case OPT_KEY_VERSION:
        return read_version("--key-version", arg, &opt->key_version, err);
    case OPT_APPLET:
        return read_aid("--applet", arg, &opt->applet, err);
    case OPT_INSTANCE:
        return read_aid("--instance", arg, &opt->instance, err);
    case OPT_PARAMS:
        opt->params_len = sizeof(opt->params);
        return read_hex("--params", arg, opt->params, &opt->params_len, err);
    case OPT_PRIVILEGES:
        opt->privileges_len = sizeof(opt->privileges);
        st = read_hex("--privileges", arg, opt->privileges, &opt->privileges_len, err);
        if (st == MM_OK && opt->privileges_len != 1 && opt->privileges_len != 3)
            st = mm_fail(err, MM_USAGE, SIZE_MAX, "--privileges: expected 1 or 3 bytes");
        return st;
    case OPT_RELATED:
        opt->related = true;
        return MM_OK;
    case OPT_NEW_VERSION:
        return read_version("--new-version", arg, &opt->new_version, err);
    case OPT_NEW_KEY_FILE:
        st = mm_gp_read_key_file(arg, &opt->new_keys, err);
        opt->has_new_keys = st == MM_OK;
        return st;
    case OPT_ADD:
        opt->add = true;
        return MM_OK;
    case OPT_FORCE:
        opt->force = true;
        return MM_OK;
    case OPT_TO:
        return mm_gp_tool_aid(arg, &opt->to, err);
    case OPT_DGI:
        opt->dgi = true;
        return MM_OK;
    case OPT_JSON:
        opt->json = true;
        return MM_OK;
    case OPT_DRY_RUN:
        opt->dry_run = true;
        return MM_OK;
    case OPT_TRACE:
        opt->trace = true;
        return MM_OK;
    default:
        return mm_fail(err, MM_USAGE, SIZE_MAX, "wrong option");
    }
}

/* ---- Commands ---- */

/* One signature for all; arg is NULL where there is none. */
typedef enum mm_status (*command_run)(const struct mm_gp_options *opt, const char *arg,
                                      struct mm_err *err);

static enum mm_status run_list(const struct mm_gp_options *opt, const char *arg, struct mm_err *err)
{
    (void)arg;
    return mm_gp_tool_list(opt, stdout, err);
}
static enum mm_status run_info(const struct mm_gp_options *opt, const char *arg, struct mm_err *err)
{
    (void)arg;
    return mm_gp_tool_info(opt, stdout, err);
}
static enum mm_status run_install(const struct mm_gp_options *opt, const char *arg,
                                  struct mm_err *err)
{
    return mm_gp_tool_install(opt, arg, stdout, err);
}
static enum mm_status run_delete(const struct mm_gp_options *opt, const char *arg,
                                 struct mm_err *err)
{
    return mm_gp_tool_delete(opt, arg, stdout, err);
}
static enum mm_status run_lock(const struct mm_gp_options *opt, const char *arg, struct mm_err *err)
{
    return mm_gp_tool_lock(opt, arg, true, stdout, err);
}
static enum mm_status run_unlock(const struct mm_gp_options *opt, const char *arg,
                                 struct mm_err *err)
{
    return mm_gp_tool_lock(opt, arg, false, stdout, err);
}
static enum mm_status run_set_state(const struct mm_gp_options *opt, const char *arg,
                                    struct mm_err *err)
{
    return mm_gp_tool_set_state(opt, arg, stdout, err);
}
static enum mm_status run_terminate(const struct mm_gp_options *opt, const char *arg,
                                    struct mm_err *err)
{
    (void)arg;
    return mm_gp_tool_terminate(opt, stdout, err);
}
static enum mm_status run_store_data(const struct mm_gp_options *opt, const char *arg,
                                     struct mm_err *err)
{
    return mm_gp_tool_store_data(opt, arg, stdout, err);
}
static enum mm_status run_put_keys(const struct mm_gp_options *opt, const char *arg,
                                   struct mm_err *err)
{
    (void)arg;
    return mm_gp_tool_put_keys(opt, stdout, err);
}
static enum mm_status run_delete_keys(const struct mm_gp_options *opt, const char *arg,
                                      struct mm_err *err)
{
    return mm_gp_tool_delete_keys(opt, arg, stdout, err);
}
static enum mm_status run_hash(const struct mm_gp_options *opt, const char *arg, struct mm_err *err)
{
    (void)opt;
    return mm_gp_tool_hash(arg, stdout, err);
}

enum arguments { ARGUMENT_NONE, ARGUMENT_MAYBE, ARGUMENT_ONE };

static const struct command {
    const char *name;
    enum arguments arguments;
    command_run run;
} commands[] = {
    {"list", ARGUMENT_NONE, run_list},
    {"info", ARGUMENT_NONE, run_info},
    {"install", ARGUMENT_ONE, run_install},
    {"delete", ARGUMENT_ONE, run_delete},
    {"lock", ARGUMENT_MAYBE, run_lock},
    {"unlock", ARGUMENT_MAYBE, run_unlock},
    {"set-state", ARGUMENT_ONE, run_set_state},
    {"terminate", ARGUMENT_NONE, run_terminate},
    {"store-data", ARGUMENT_ONE, run_store_data},
    {"put-keys", ARGUMENT_NONE, run_put_keys},
    {"delete-keys", ARGUMENT_ONE, run_delete_keys},
    {"hash", ARGUMENT_ONE, run_hash},
};

static enum mm_status run(const struct mm_gp_options *opt, const char *name, const char *arg,
                          struct mm_err *err)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->name, name) != 0)
            continue;
        if (arg == NULL && c->arguments == ARGUMENT_ONE)
            return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected one argument", name);
        if (arg != NULL && c->arguments == ARGUMENT_NONE)
            return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: too many arguments", name);
        return c->run(opt, arg, err);
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "unknown command \"%s\"", name);
}

static enum mm_status run_checked(struct mm_gp_options *opt, char **args, int n, struct mm_err *err)
{
    char *env = getenv("MINTMARK_GP_KEY"), *fresh = getenv("MINTMARK_GP_NEW_KEY");

    if (!opt->has_keys && env != NULL) {
        enum mm_status st = take_keys(opt, env, err);
        if (st != MM_OK) {
            mm_err_prefix(err, "MINTMARK_GP_KEY");
            return st;
        }
    }
    if (!opt->has_new_keys && fresh != NULL) {
        enum mm_status st = mm_gp_read_keys(fresh, &opt->new_keys, err);
        OPENSSL_cleanse(fresh, strlen(fresh));
        opt->has_new_keys = st == MM_OK;
        if (st != MM_OK) {
            mm_err_prefix(err, "MINTMARK_GP_NEW_KEY");
            return st;
        }
    }
    if (n < 1)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "expected a command");
    if (n > 2)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "too many arguments");
    return run(opt, args[0], n > 1 ? args[1] : NULL, err);
}

static const struct option longs[] = {{"reader", required_argument, NULL, 'r'},
                                      {"key", required_argument, NULL, 'k'},
                                      {"key-file", required_argument, NULL, OPT_KEY_FILE},
                                      {"test-keys", no_argument, NULL, OPT_TEST_KEYS},
                                      {"master", no_argument, NULL, OPT_MASTER},
                                      {"key-version", required_argument, NULL, OPT_KEY_VERSION},
                                      {"applet", required_argument, NULL, OPT_APPLET},
                                      {"instance", required_argument, NULL, OPT_INSTANCE},
                                      {"params", required_argument, NULL, OPT_PARAMS},
                                      {"privileges", required_argument, NULL, OPT_PRIVILEGES},
                                      {"related", no_argument, NULL, OPT_RELATED},
                                      {"new-version", required_argument, NULL, OPT_NEW_VERSION},
                                      {"new-key-file", required_argument, NULL, OPT_NEW_KEY_FILE},
                                      {"add", no_argument, NULL, OPT_ADD},
                                      {"force", no_argument, NULL, OPT_FORCE},
                                      {"to", required_argument, NULL, OPT_TO},
                                      {"dgi", no_argument, NULL, OPT_DGI},
                                      {"json", no_argument, NULL, OPT_JSON},
                                      {"dry-run", no_argument, NULL, OPT_DRY_RUN},
                                      {"trace", no_argument, NULL, OPT_TRACE},
                                      {"help", no_argument, NULL, 'h'},
                                      {"version", no_argument, NULL, 'V'},
                                      {0}};

int main(int argc, char **argv)
{
    struct mm_gp_options opt = {.new_version = 0x30};
    struct mm_err err = {0};
    enum mm_status st = MM_OK;
    int c;

    while (st == MM_OK && (c = getopt_long(argc, argv, "r:k:hV", longs, NULL)) != -1) {
        if (c == 'h') {
            fputs(usage_text, stdout);
            return 0;
        }
        if (c == 'V') {
            puts("mintmark-gp " MM_VERSION);
            return 0;
        }
        st = take_option(&opt, c, optarg, &err);
    }
    if (st == MM_OK)
        st = run_checked(&opt, argv + optind, argc - optind, &err);
    OPENSSL_cleanse(&opt.keys, sizeof(opt.keys));
    OPENSSL_cleanse(&opt.new_keys, sizeof(opt.new_keys));
    if (st == MM_USAGE)
        return usage(err.text);
    if (st != MM_OK)
        fprintf(stderr, "mintmark-gp: %s\n", err.text);
    return mm_status_exit(st);
}
