/* mintmark-convert: class files to CAP files, and what goes with them. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"
#include "converter/conv_int.h"

/* Those with a name are set by it; see options.c. */
static const struct option options[] = {
    {"classes", required_argument, NULL, 'o'},
    {"package", required_argument, NULL, 'o'},
    {"aid", required_argument, NULL, 'o'},
    {"package-version", required_argument, NULL, 'o'},
    {"applet", required_argument, NULL, 'o'},
    {"exports", required_argument, NULL, 'o'},
    {"output", required_argument, NULL, 'o'},
    {"use-version", required_argument, NULL, 'o'},
    {"classpath", required_argument, NULL, 'o'},
    {"config", required_argument, NULL, 'c'},
    {"int", no_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},
    {"version", optional_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};
#define SETTINGS_MAX 64

struct command {
    struct mm_arena *arena;
    struct mm_conv_options opt;
    const char *config;
    const char *names[SETTINGS_MAX], *values[SETTINGS_MAX]; /* set after the configuration file */
    size_t n;
};

static const char usage[] =
    "Usage: mintmark-convert build [OPTIONS] SRC_DIR  Java sources to a CAP and an export file\n"
    "       mintmark-convert [convert] OPTIONS        class files to a CAP and an export file\n"
    "       mintmark-convert dump FILE.cap            print a CAP file as readable assembly\n"
    "       mintmark-convert verify FILE.cap [LIBRARY.cap...]\n"
    "                                                 check a CAP file as the card does, types\n"
    "                                                 included; libraries are packages it imports\n"
    "       mintmark-convert api --output DIR TABLE...\n"
    "                                                 Java stubs and export files of an API\n"
    "\n"
    "Convert and build (build needs none of them):\n"
    "  --package NAME             package to convert, as org.example.wallet\n"
    "  --aid AID                  package AID, 5 to 16 bytes in hexadecimal\n"
    "  --package-version M.m      package version (default 1.0); --version M.m does the same\n"
    "  --applet CLASS=AID         applet class and its AID; once for each applet\n"
    "  --classes DIR|JAR          where the class files are, by package (convert)\n"
    "  --classpath PATH           classes of other libraries for javac (build)\n"
    "  --exports DIR              folder with export files; may be repeated\n"
    "  --use-version PACKAGE=M.m  import this version of a package\n"
    "  -i, --int                  the card has int: 32 bit fields, variables, arithmetic\n"
    "  --output DIR|FILE.cap      where to write; the export file goes beside the CAP file\n"
    "  --config FILE              options, one a line without dashes (build: "
    "SRC_DIR/mintmark.conf)\n"
    "\n"
    "  -h, --help                 this text\n"
    "      --version              name and version of the program\n"
    "\n"
    "Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n";

static int usage_error(const char *what, const char *arg)
{
    fprintf(stderr, "mintmark-convert: %s%s%s\nTry mintmark-convert --help.\n", what,
            arg == NULL ? "" : ": ", arg == NULL ? "" : arg);
    return 2;
}

static int fail(enum mm_status st, const struct mm_err *err)
{
    fprintf(stderr, "mintmark-convert: %s\n", err->text);
    return mm_status_exit(st);
}

/* Each refusal goes out as it is found. */
static void report(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "mintmark-convert: %s\n", text);
}

/* The configuration file first, so that the command line overrides it. */
static enum mm_status settle(struct command *cmd, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    if (cmd->config != NULL)
        st = mm_conv_config(cmd->arena, &cmd->opt, cmd->config, err);
    for (size_t i = 0; st == MM_OK && i < cmd->n; i++)
        st = mm_conv_option(cmd->arena, &cmd->opt, cmd->names[i], cmd->values[i], err);
    return st;
}

static int run_convert(struct command *cmd)
{
    struct mm_conv_options *opt = &cmd->opt;
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    if (opt->classes == NULL || opt->package == NULL || opt->aid.len == 0 || opt->output == NULL ||
        opt->export_n == 0)
        return usage_error("convert needs --classes, --package, --aid, --exports and --output",
                           NULL);
    opt->report = report;
    st = mm_conv_package(opt, &err);
    return st == MM_OK ? 0 : mm_status_exit(st);
}

static void print_aid(const char *what, const char *name, const struct mm_aid *aid)
{
    char hex[2 * MM_AID_MAX + 1];

    printf("%s %s %s\n", what, name, mm_hex(aid->bytes, aid->len, hex));
}

static int run_build(struct command *cmd, const char *src)
{
    struct mm_conv_options *opt = &cmd->opt;
    struct mm_err err = {.text = ""};
    const char *config = mm_arena_printf(cmd->arena, "%s/mintmark.conf", src);
    enum mm_status st;

    if (cmd->config == NULL && access(config, R_OK) == 0)
        cmd->config = config;
    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    opt->report = report;
    st = mm_conv_build(cmd->arena, opt, src, &err);
    if (st != MM_OK)
        return mm_status_exit(st);
    print_aid("package", opt->package, &opt->aid);
    for (size_t i = 0; i < opt->applet_n; i++)
        print_aid("applet", opt->applets[i].class_name, &opt->applets[i].aid);
    return 0;
}

static int run_dump(const char *path)
{
    struct mm_err err = {.text = ""};
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, &err);

    if (st == MM_OK)
        st = mm_conv_dump(cap, stdout, &err);
    if (st == MM_OK && fflush(stdout) != 0)
        st = mm_fail(&err, MM_IO, SIZE_MAX, "standard output: %s", strerror(errno));
    mm_cap_free(&cap);
    return st == MM_OK ? 0 : fail(st, &err);
}

/* The package to verify and the libraries it may import. */
struct cap_list {
    struct mm_cap **caps; /* [0] is the package */
    size_t n;
};

static const struct mm_cap *library_at(void *ctx, size_t i)
{
    const struct cap_list *list = ctx;

    return i + 1 < list->n ? list->caps[i + 1] : NULL;
}

static enum mm_status verify_list(struct cap_list *list, char **paths, size_t n, struct mm_err *err)
{
    struct mm_verify_env env = {.rom = mm_api_packages(), .loaded = library_at, .ctx = list};
    struct mm_verify_stats stats;
    enum mm_status st = MM_OK;

    for (; st == MM_OK && list->n < n; list->n++)
        st = mm_cap_read_file(paths[list->n], &list->caps[list->n], err);
    if (st == MM_OK)
        st = mm_verify(list->caps[0], &env, &stats, err);
    if (st == MM_OK)
        printf("%s: %zu methods verified%s\n", paths[0], stats.methods,
               stats.described ? "" : ", without a Descriptor: kinds of values only");
    if (st == MM_OK && fflush(stdout) != 0)
        st = mm_fail(err, MM_IO, SIZE_MAX, "standard output: %s", strerror(errno));
    return st;
}

static int run_verify(char **paths, size_t n)
{
    struct mm_err err = {.text = ""};
    struct cap_list list = {.caps = calloc(n, sizeof(list.caps[0]))};
    enum mm_status st = list.caps != NULL ? verify_list(&list, paths, n, &err) : MM_NO_MEMORY;

    while (list.n > 0)
        mm_cap_free(&list.caps[--list.n]);
    free(list.caps);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int run_api(struct command *cmd, char **tables, int n)
{
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    if (cmd->opt.output == NULL || n == 0)
        return usage_error("api needs --output and at least one table", NULL);
    st = mm_conv_api((const char *const *)tables, (size_t)n, cmd->opt.output, &err);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int run(int argc, char **argv, struct command *cmd)
{
    const char *verb = optind < argc ? argv[optind] : "convert";
    int rest = optind < argc ? argc - optind - 1 : 0;

    if (strcmp(verb, "convert") == 0)
        return rest == 0 ? run_convert(cmd) : usage_error("unexpected argument", argv[optind + 1]);
    if (strcmp(verb, "build") == 0)
        return rest == 1 ? run_build(cmd, argv[optind + 1])
                         : usage_error("build needs one folder of Java sources", NULL);
    if (strcmp(verb, "api") == 0)
        return run_api(cmd, argv + optind + 1, rest);
    if (strcmp(verb, "dump") == 0)
        return rest == 1 ? run_dump(argv[optind + 1]) : usage_error("expected one CAP file", NULL);
    if (strcmp(verb, "verify") == 0)
        return rest > 0 ? run_verify(argv + optind + 1, (size_t)rest)
                        : usage_error("expected a CAP file", NULL);
    return usage_error("unknown command", verb);
}

static int take(struct command *cmd, const char *name, const char *value)
{
    if (cmd->n == SETTINGS_MAX)
        return usage_error("too many options", name);
    cmd->names[cmd->n] = name;
    cmd->values[cmd->n++] = value;
    return -1;
}

int main(int argc, char **argv)
{
    struct command cmd = {.arena = mm_arena_new(), .opt = {.major = 1}};
    int code, at = 0, status = -1;

    while (status < 0 && (code = getopt_long(argc, argv, "hi", options, &at)) != -1) {
        if (code == 'h') {
            fputs(usage, stdout);
            status = 0;
        } else if (code == 'o') {
            status = take(&cmd, options[at].name, optarg);
        } else if (code == 'i') {
            status = take(&cmd, "int", NULL);
        } else if (code == 'c') {
            cmd.config = optarg;
        } else if (code == 'v' && optarg == NULL &&
                   (optind >= argc || argv[optind][0] < '0' || argv[optind][0] > '9')) {
            puts("mintmark-convert " MM_VERSION);
            status = 0;
        } else if (code == 'v') {
            /* "--version 1.0" is the package version; the program's own has no value. */
            status = take(&cmd, "package-version", optarg == NULL ? argv[optind++] : optarg);
        } else {
            status = usage_error("unknown option or missing value", NULL);
        }
    }
    if (status < 0)
        status = run(argc, argv, &cmd);
    mm_arena_free(&cmd.arena);
    return status;
}
