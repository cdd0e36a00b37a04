/* mintmark-gp: what is on a GlobalPlatform card, and putting more there. */
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/tool.h"

static const char usage_text[] =
    "usage: mintmark-gp [options] COMMAND\n"
    "  list                 domains, applets and packages on the card\n"
    "  info                 reader, ATR, chip number, key versions\n"
    "  install FILE.cap     load a package and install its applet\n"
    "  delete AID           delete an applet or a package\n"
    "  put-keys KEYS        give the security domain new keys\n"
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
    "      --new-version N  put-keys: their version in hex (default 30)\n"
    "      --json           list as JSON\n"
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

static enum mm_status run(const struct mm_gp_options *opt, const char *command, char *arg,
                          struct mm_err *err)
{
    bool wants_arg = strcmp(command, "list") != 0 && strcmp(command, "info") != 0;

    if (wants_arg != (arg != NULL))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: %s", command,
                       wants_arg ? "expected one argument" : "too many arguments");
    if (strcmp(command, "list") == 0)
        return mm_gp_tool_list(opt, stdout, err);
    if (strcmp(command, "info") == 0)
        return mm_gp_tool_info(opt, stdout, err);
    if (strcmp(command, "install") == 0)
        return mm_gp_tool_install(opt, arg, stdout, err);
    if (strcmp(command, "delete") == 0)
        return mm_gp_tool_delete(opt, arg, stdout, err);
    if (strcmp(command, "put-keys") == 0)
        return mm_gp_tool_put_keys(opt, arg, stdout, err);
    if (strcmp(command, "hash") == 0)
        return mm_gp_tool_hash(arg, stdout, err);
    return mm_fail(err, MM_USAGE, SIZE_MAX, "unknown command \"%s\"", command);
}

static enum mm_status run_checked(struct mm_gp_options *opt, char **args, int n, struct mm_err *err)
{
    char *env = getenv("MINTMARK_GP_KEY");

    if (!opt->has_keys && env != NULL) {
        enum mm_status st = take_keys(opt, env, err);
        if (st != MM_OK) {
            mm_err_prefix(err, "MINTMARK_GP_KEY");
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
    if (st == MM_USAGE)
        return usage(err.text);
    if (st != MM_OK)
        fprintf(stderr, "mintmark-gp: %s\n", err.text);
    return mm_status_exit(st);
}
