/* mintmark-platform: command line. Wires only. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

#define LIST_MAX 32
#define DAYS_MAX 3650 /* as long as the CA itself is good */

struct options {
    const char *home, *name, *listen, *ready_file, *serial;
    struct mm_enrolment enrol;
    const char *client_files[LIST_MAX + 1], *caps[LIST_MAX + 1];
    size_t client_file_n, cap_n;
    const char *client, *terminal, *client_dir;
    long days; /* 0: as usual */
    bool activate, release, json, json_log, debug;
};

static const char help[] =
    "Usage: mintmark-platform [--home DIR] COMMAND [OPTION]...\n"
    "Trust service, payment service and the operator's commands.\n"
    "\n"
    "  init [--name N]                 make CA, keys and store\n"
    "  run [--listen A:PORT] [--ready-file F]\n"
    "                                  serve; port 0: any, printed and written to F\n"
    "  enroll --reader R --chip NAME --terminal AGENT_DIR --client CLIENT_DIR\n"
    "         [--terminal-name T] [--url URL] [--client-program PATH]\n"
    "                                  take over a fresh chip, set up its terminal\n"
    "  release [--client PROGRAM] [--client-file F]... [--cap FILE.cap]...\n"
    "                                  sign reference values of a new release\n"
    "  renew [--days N]                make the next server certificate, tell terminals of it\n"
    "  renew --activate                use it, once the terminals have had time to learn it\n"
    "  renew --release [--days N]      make the next release (and update) certificate\n"
    "  revoke --serial HEX | --terminal NAME\n"
    "                                  revoke a certificate\n"
    "  report [--json]                 chips, terminals, accounts, ledger, verdicts\n"
    "  reference [--json]              the reference values that are valid now\n"
    "\n"
    "  --home DIR    the platform's folder (default: $MINTMARK_HOME/platform)\n"
    "  --json-log    log as JSON, one object a line;  --debug  log more\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 integrity refused,\n"
    "4 no reader or card, 5 card or platform error.\n";

static int fail(enum mm_status st, const struct mm_err *err)
{
    fprintf(stderr, "mintmark-platform: %s\n", err->text);
    return mm_status_exit(st);
}

static int usage(const char *text)
{
    fprintf(stderr, "mintmark-platform: %s\nTry mintmark-platform --help.\n", text);
    return mm_status_exit(MM_USAGE);
}

/* ---- Commands ---- */

static int cmd_init(const char *dir, const struct options *o)
{
    struct mm_err err;
    enum mm_status st =
        mm_platform_init(dir, o->name != NULL ? o->name : "Mintmark operator", &err);

    if (st != MM_OK)
        return fail(st, &err);
    printf("platform made in %s\n", dir);
    return 0;
}

static enum mm_status tell_ready(const struct options *o, uint16_t port, struct mm_err *err)
{
    char text[16];

    printf("listening on port %u\n", port);
    fflush(stdout);
    if (o->ready_file == NULL)
        return MM_OK;
    snprintf(text, sizeof(text), "%u\n", port);
    return mm_file_write(o->ready_file, text, strlen(text), 0644, err);
}

static int cmd_run(struct mm_platform *p, const struct options *o)
{
    struct mm_server *server = NULL;
    struct mm_err err;
    enum mm_status st = mm_server_new(p, o->listen, &server, &err);

    if (st == MM_OK)
        st = tell_ready(o, mm_server_port(server), &err);
    if (st == MM_OK)
        st = mm_server_run(server, &err);
    mm_server_free(&server);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int cmd_enroll(struct mm_platform *p, const struct options *o)
{
    struct mm_enrolment what = o->enrol;
    struct mm_err err;
    enum mm_status st;

    what.agent_dir = o->terminal;
    what.client_dir = o->client_dir;
    if (what.chip == NULL || what.agent_dir == NULL || what.client_dir == NULL)
        return usage("enroll needs --chip, --terminal and --client");
    st = mm_platform_enroll(p, &what, &err);
    if (st != MM_OK)
        return fail(st, &err);
    printf("chip %s enrolled\n", what.chip);
    return 0;
}

static int cmd_release(struct mm_platform *p, const struct options *o)
{
    struct mm_release what = {o->client, o->client_files, o->caps};
    struct mm_err err;
    uint32_t version;
    enum mm_status st;

    if (o->client == NULL && o->cap_n == 0)
        return usage("release needs --client or --cap");
    st = mm_platform_release(p, &what, &version, &err);
    if (st != MM_OK)
        return fail(st, &err);
    printf("reference values version %u\n", version);
    return 0;
}

static int cmd_renew(struct mm_platform *p, const struct options *o)
{
    struct mm_err err;
    uint32_t version = 0;
    enum mm_status st;

    if (o->activate && (o->release || o->days != 0))
        return usage("renew --activate takes neither --release nor --days");
    if (o->activate)
        st = mm_platform_activate(p, &err);
    else if (o->release)
        st = mm_platform_renew_release(p, o->days, &version, &err);
    else
        st = mm_platform_renew(p, o->days, &version, &err);
    if (st != MM_OK)
        return fail(st, &err);
    if (o->activate)
        puts("server certificate switched; restart the nodes, or send them SIGHUP");
    else
        printf("%s certificate version %u\n", o->release ? "release" : "platform", version);
    return 0;
}

static int cmd_revoke(struct mm_platform *p, const struct options *o)
{
    struct mm_err err;
    enum mm_status st;

    if ((o->serial == NULL) == (o->terminal == NULL))
        return usage("revoke needs either --serial or --terminal");
    st = mm_platform_revoke(p, o->serial, o->terminal, &err);
    if (st != MM_OK)
        return fail(st, &err);
    printf("%s revoked\n", o->serial != NULL ? o->serial : o->terminal);
    return 0;
}

static int show(enum mm_status st, json_t *data, bool as_json, const struct mm_err *err)
{
    struct mm_buf text;

    if (st != MM_OK)
        return fail(st, err);
    mm_buf_init(&text);
    if (as_json) {
        json_dumpf(data, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        mm_platform_print(data, &text);
        fwrite(text.data, 1, text.len, stdout);
    }
    mm_buf_clear(&text);
    json_decref(data);
    return 0;
}

static int cmd_report(struct mm_platform *p, const struct options *o)
{
    struct mm_err err;
    json_t *data = NULL;
    enum mm_status st = mm_platform_report(p, &data, &err);

    return show(st, data, o->json, &err);
}

static int cmd_reference(struct mm_platform *p, const struct options *o)
{
    struct mm_err err;
    json_t *data = NULL;
    enum mm_status st = mm_platform_references(p, &data, &err);

    return show(st, data, o->json, &err);
}

/* ---- Options ---- */

enum {
    OPT_HOME = 1,
    OPT_NAME,
    OPT_LISTEN,
    OPT_READY,
    OPT_READER,
    OPT_CHIP,
    OPT_TERMINAL,
    OPT_TERMINAL_NAME,
    OPT_CLIENT,
    OPT_CLIENT_PROGRAM,
    OPT_CLIENT_FILE,
    OPT_CAP,
    OPT_URL,
    OPT_SERIAL,
    OPT_DAYS,
    OPT_ACTIVATE,
    OPT_RELEASE,
    OPT_JSON,
    OPT_JSON_LOG,
    OPT_DEBUG,
    OPT_VERSION
};
static const struct option long_options[] = {
    {"home", required_argument, NULL, OPT_HOME},
    {"name", required_argument, NULL, OPT_NAME},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"ready-file", required_argument, NULL, OPT_READY},
    {"reader", required_argument, NULL, OPT_READER},
    {"chip", required_argument, NULL, OPT_CHIP},
    {"terminal", required_argument, NULL, OPT_TERMINAL},
    {"terminal-name", required_argument, NULL, OPT_TERMINAL_NAME},
    {"client", required_argument, NULL, OPT_CLIENT},
    {"client-program", required_argument, NULL, OPT_CLIENT_PROGRAM},
    {"client-file", required_argument, NULL, OPT_CLIENT_FILE},
    {"cap", required_argument, NULL, OPT_CAP},
    {"url", required_argument, NULL, OPT_URL},
    {"serial", required_argument, NULL, OPT_SERIAL},
    {"days", required_argument, NULL, OPT_DAYS},
    {"activate", no_argument, NULL, OPT_ACTIVATE},
    {"release", no_argument, NULL, OPT_RELEASE},
    {"json", no_argument, NULL, OPT_JSON},
    {"json-log", no_argument, NULL, OPT_JSON_LOG},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static bool add(const char **list, size_t *n, const char *value)
{
    if (*n == LIST_MAX)
        return false;
    list[(*n)++] = value;
    return true;
}

static bool take_days(struct options *o, const char *value)
{
    char *end = NULL;

    o->days = strtol(value, &end, 10);
    if (end != value && *end == '\0' && o->days >= 1 && o->days <= DAYS_MAX)
        return true;
    fprintf(stderr, "mintmark-platform: --days: expected 1 to %d\n", DAYS_MAX);
    return false;
}

/* False: the value cannot be taken. */
static bool take_option(struct options *o, int opt, const char *value)
{
    switch (opt) {
    case OPT_HOME:
        o->home = value;
        return true;
    case OPT_NAME:
        o->name = value;
        return true;
    case OPT_LISTEN:
        o->listen = value;
        return true;
    case OPT_READY:
        o->ready_file = value;
        return true;
    case OPT_READER:
        o->enrol.reader = value;
        return true;
    case OPT_CHIP:
        o->enrol.chip = value;
        return true;
    case OPT_TERMINAL:
        o->terminal = value;
        return true;
    case OPT_TERMINAL_NAME:
        o->enrol.terminal = value;
        return true;
    case OPT_CLIENT: /* a program for release, a folder for enroll */
        o->client = value;
        o->client_dir = value;
        return true;
    case OPT_CLIENT_PROGRAM:
        o->enrol.client_program = value;
        return true;
    case OPT_CLIENT_FILE:
        return add(o->client_files, &o->client_file_n, value);
    case OPT_CAP:
        return add(o->caps, &o->cap_n, value);
    case OPT_URL:
        o->enrol.url = value;
        return true;
    case OPT_SERIAL:
        o->serial = value;
        return true;
    case OPT_DAYS:
        return take_days(o, value);
    case OPT_ACTIVATE:
        o->activate = true;
        return true;
    case OPT_RELEASE:
        o->release = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_JSON_LOG:
        o->json_log = true;
        return true;
    case OPT_DEBUG:
        o->debug = true;
        return true;
    default:
        return false;
    }
}

static int with_platform(const char *dir, const struct options *o,
                         int (*command)(struct mm_platform *p, const struct options *o))
{
    struct mm_platform *p = NULL;
    struct mm_err err;
    enum mm_status st = mm_platform_open(dir, NULL, NULL, &p, &err);
    int status;

    if (st != MM_OK)
        return fail(st, &err);
    status = command(p, o);
    mm_platform_close(&p);
    return status;
}

static int run_command(const char *name, const char *dir, const struct options *o)
{
    static const struct {
        const char *name;
        int (*command)(struct mm_platform *p, const struct options *o);
    } commands[] = {
        {"run", cmd_run},
        {"enroll", cmd_enroll},
        {"release", cmd_release},
        {"renew", cmd_renew},
        {"revoke", cmd_revoke},
        {"report", cmd_report},
        {"reference", cmd_reference},
    };

    if (strcmp(name, "init") == 0)
        return cmd_init(dir, o);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(name, commands[i].name) == 0)
            return with_platform(dir, o, commands[i].command);
    }
    return usage("expected init, run, enroll, release, renew, revoke, report or reference");
}

int main(int argc, char **argv)
{
    struct options o;
    char *dir;
    int opt, status;

    memset(&o, 0, sizeof(o));
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of its connection, not our end */
    while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (opt == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (opt == OPT_VERSION) {
            puts("mintmark-platform " MM_VERSION);
            return 0;
        }
        if (!take_option(&o, opt, optarg))
            return usage("see above");
    }
    if (optind + 1 != argc)
        return usage("expected one command");
    mm_log_setup("mintmark-platform", o.json_log, o.debug);
    dir = o.home != NULL ? strdup(o.home) : mm_home_path(NULL, "platform");
    if (dir == NULL)
        return mm_status_exit(MM_NO_MEMORY);
    status = run_command(argv[optind], dir, &o);
    free(dir);
    return status;
}
