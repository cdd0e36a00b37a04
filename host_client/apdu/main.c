/* mintmark-apdu: APDU scripts and a shell. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/access/access.h"
#include "host_client/access/trace.h"
#include "host_client/apdu/apdu.h"

#define TIMEOUT_MS  5000
#define STDIN_CHUNK 65536

static const char usage_text[] =
    "usage: mintmark-apdu [options] run SCRIPT...   run scripts (- is standard input)\n"
    "       mintmark-apdu [options] check SCRIPT... only read them\n"
    "       mintmark-apdu [options] shell           talk to the card by hand\n"
    "       mintmark-apdu list                      show the PC/SC readers\n"
    "\n"
    "  -r, --reader READER  PC/SC reader (any unique part of its name), tcp:HOST:PORT\n"
    "                       or chip:IMAGE; default: the first reader with a card\n"
    "      --tap            report as TAP, one line an expectation\n"
    "      --trace          show every command and response, with their names\n"
    "  -h, --help           this text\n"
    "  -V, --version        version\n"
    "\n"
    "Exit status: 0 done, 1 an expectation missed or a script is malformed, 2 wrong usage,\n"
    "4 no reader or card, 5 the card did not answer. See mintmark-apdu(1), mintmark-apdu(5).\n";

struct options {
    const char *reader;
    bool tap, trace;
};

static int fail(enum mm_status st, const struct mm_err *err)
{
    fprintf(stderr, "mintmark-apdu: %s\n", err->text);
    return mm_status_exit(st);
}

static const char *name_of(const char *path)
{
    return strcmp(path, "-") == 0 ? "stdin" : path;
}

static enum mm_status read_stdin(uint8_t **data, size_t *len, struct mm_err *err)
{
    struct mm_buf buf;
    uint8_t chunk[STDIN_CHUNK];
    size_t n;

    mm_buf_init(&buf);
    while ((n = fread(chunk, 1, sizeof(chunk), stdin)) > 0 && buf.len <= MM_SCRIPT_MAX_LEN)
        mm_buf_bytes(&buf, chunk, n);
    *data = mm_buf_take(&buf, len);
    return *data != NULL ? MM_OK : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

static enum mm_status load(const char *path, struct mm_script *script, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st;

    *script = (struct mm_script){0};
    if (strcmp(path, "-") == 0)
        st = read_stdin(&data, &len, err);
    else
        st = mm_file_read(path, MM_SCRIPT_MAX_LEN, &data, &len, err);
    if (st != MM_OK)
        return st;
    st = mm_script_parse((const char *)data, len, script, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s:%zu", name_of(path), err->off);
    free(data);
    return st;
}

static enum mm_status run_file(const char *path, struct mm_access *access, struct mm_report *report,
                               struct mm_err *err)
{
    struct mm_script script;
    enum mm_status st = load(path, &script, err);

    if (st == MM_OK)
        st = mm_script_run(&script, name_of(path), access, report, err);
    mm_script_clear(&script);
    return st;
}

static int cmd_run(const struct options *opt, char **paths, int path_n)
{
    struct mm_report report = {.out = stdout, .tap = opt->tap};
    struct mm_trace trace = {.out = opt->tap ? stderr : stdout};
    struct mm_access *access;
    struct mm_err err;
    enum mm_status st = mm_access_open(opt->reader, TIMEOUT_MS, &access, &err);

    if (opt->tap)
        puts("TAP version 13");
    if (st == MM_OK && opt->trace)
        mm_access_set_trace(access, mm_trace_show, &trace);
    for (int i = 0; i < path_n && st == MM_OK; i++)
        st = run_file(paths[i], access, &report, &err);
    mm_access_close(&access);
    if (st != MM_OK && opt->tap)
        printf("Bail out! %s\n", err.text);
    if (st != MM_OK)
        return fail(st, &err);
    mm_report_end(&report);
    return report.failed > 0 ? 1 : 0;
}

static int cmd_check(char **paths, int path_n)
{
    int status = 0;

    for (int i = 0; i < path_n; i++) {
        struct mm_script script;
        struct mm_err err;
        enum mm_status st = load(paths[i], &script, &err);

        if (st != MM_OK)
            status = fail(st, &err);
        mm_script_clear(&script);
    }
    return status;
}

static int cmd_shell(const struct options *opt)
{
    struct mm_access *access;
    struct mm_err err;
    enum mm_status st = mm_access_open(opt->reader, TIMEOUT_MS, &access, &err);

    if (st == MM_OK && isatty(STDIN_FILENO))
        printf("%s; \"help\" lists what can be typed\n", mm_access_reader(access));
    if (st == MM_OK)
        st = mm_apdu_shell(access, stdin, stdout, &err);
    mm_access_close(&access);
    return st == MM_OK ? 0 : fail(st, &err);
}

static void show_reader(void *ctx, const char *reader, bool present)
{
    (*(size_t *)ctx)++;
    printf("%s\t%s\n", reader, present ? "card" : "empty");
}

static int cmd_list(void)
{
    struct mm_err err;
    size_t n = 0;
    enum mm_status st = mm_access_list(show_reader, &n, &err);

    if (st == MM_OK && n == 0)
        st = mm_fail(&err, MM_NO_READER, SIZE_MAX, "no reader is connected");
    return st == MM_OK ? 0 : fail(st, &err);
}

static int usage(const char *what)
{
    fprintf(stderr, "mintmark-apdu: %s\nTry mintmark-apdu --help.\n", what);
    return 2;
}

static int command(const struct options *opt, char **args, int n)
{
    if (n == 0)
        return usage("expected a command: run, check, shell or list");
    if (strcmp(args[0], "run") == 0 || strcmp(args[0], "check") == 0) {
        if (n < 2)
            return usage("expected a script");
        return args[0][0] == 'r' ? cmd_run(opt, args + 1, n - 1) : cmd_check(args + 1, n - 1);
    }
    if (n > 1)
        return usage("too many arguments");
    if (strcmp(args[0], "shell") == 0)
        return cmd_shell(opt);
    if (strcmp(args[0], "list") == 0)
        return cmd_list();
    return usage("unknown command; expected run, check, shell or list");
}

int main(int argc, char **argv)
{
    enum { OPT_TAP = 256, OPT_TRACE };
    static const struct option longs[] = {
        {"reader", required_argument, NULL, 'r'}, {"tap", no_argument, NULL, OPT_TAP},
        {"trace", no_argument, NULL, OPT_TRACE},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {0}};
    struct options opt = {0};
    int c;

    while ((c = getopt_long(argc, argv, "r:hV", longs, NULL)) != -1) {
        switch (c) {
        case 'r':
            opt.reader = optarg;
            break;
        case OPT_TAP:
            opt.tap = true;
            break;
        case OPT_TRACE:
            opt.trace = true;
            break;
        case 'h':
            fputs(usage_text, stdout);
            return 0;
        case 'V':
            puts("mintmark-apdu " MM_VERSION);
            return 0;
        default:
            return usage("wrong option");
        }
    }
    return command(&opt, argv + optind, argc - optind);
}
