/* mintmark-convert: class files to CAP files, and what goes with them. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    {"cap-format", required_argument, NULL, 'o'},
    {"debug", no_argument, NULL, 'o'},
    {"listing", no_argument, NULL, 'o'},
    {"config", required_argument, NULL, 'c'},
    {"int", no_argument, NULL, 'i'},
    {"json", no_argument, NULL, 'j'},
    {"docs", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {"version", optional_argument, NULL, 'v'},
    {NULL, 0, NULL, 0},
};
#define SETTINGS_MAX 64

struct command {
    struct mm_arena *arena;
    struct mm_conv_options opt;
    const char *config, *docs;
    bool json;
    const char *names[SETTINGS_MAX], *values[SETTINGS_MAX]; /* set after the configuration file */
    size_t n;
};

static const char usage[] =
    "Usage: mintmark-convert build [OPTIONS] SRC_DIR    Java sources to a CAP and an export file\n"
    "       mintmark-convert [convert] OPTIONS [CLASS_FILE...]\n"
    "                                                   class files to a CAP and an export file\n"
    "       mintmark-convert dump FILE.cap              print a CAP file as readable assembly\n"
    "       mintmark-convert size [--json] FILE.cap     what takes the space\n"
    "       mintmark-convert verify FILE.cap [LIBRARY.cap...]\n"
    "                                                   check a CAP file as the card does\n"
    "       mintmark-convert api --output DIR [--docs FILE] TABLE...\n"
    "                                                   Java stubs and export files of an API\n"
    "\n"
    "Convert and build (build needs none of them, convert only classes):\n"
    "  --classes DIR|JAR|FILE     where the class files are; may be repeated (convert)\n"
    "  --package NAME             package to convert, as org.example.wallet\n"
    "  --aid AID                  package AID, 5 to 16 bytes in hexadecimal\n"
    "  --package-version M.m      package version (default 1.0); --version M.m does the same\n"
    "  --applet CLASS=AID         applet class and its AID; once for each applet\n"
    "  --classpath PATH           classes of other libraries for javac (build)\n"
    "  --exports DIR|JAR          export files (dump, size and verify take it too); repeatable\n"
    "  --use-version PACKAGE=M.m  import this version of a package\n"
    "  -i, --int                  the card has int: 32 bit fields, variables, arithmetic\n"
    "  --cap-format 2.1|2.2       format of the CAP file (default: the lowest that will do)\n"
    "  --debug                    add a Debug component: names and lines for tools\n"
    "  --listing                  write a listing beside the CAP file\n"
    "  --output DIR|FILE.cap      where to write; the export file goes beside the CAP file\n"
    "  --config FILE              options, one a line without dashes\n"
    "                             (build: SRC_DIR/mintmark.conf)\n"
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

/* Behind the verb: class files, or nothing. */
static int run_convert(struct command *cmd, char **files, int n)
{
    struct mm_conv_options *opt = &cmd->opt;
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    for (int i = 0; i < n; i++) {
        if (opt->class_n == MM_CONV_CLASSES_MAX)
            return usage_error("too many class files; name their folder", files[i]);
        opt->classes[opt->class_n++] = files[i];
    }
    if (opt->class_n == 0)
        return usage_error("convert needs --classes or class files", NULL);
    st = mm_conv_defaults(cmd->arena, opt, &err);
    if (st != MM_OK)
        return fail(st, &err);
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

static enum mm_status flush(enum mm_status st, struct mm_err *err)
{
    if (st == MM_OK && fflush(stdout) != 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "standard output: %s", strerror(errno));
    return st;
}

static int run_show(struct command *cmd, const char *path, bool size)
{
    const struct mm_conv_options *opt = &cmd->opt;
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    st = size ? mm_conv_size(path, opt->exports, opt->export_n, cmd->json, stdout, &err)
              : mm_conv_dump(path, opt->exports, opt->export_n, stdout, &err);
    st = flush(st, &err);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int run_verify(struct command *cmd, char **paths, int n)
{
    struct mm_conv_options *opt = &cmd->opt;
    struct mm_err err = {.text = ""};
    struct mm_conv_verdict v;
    enum mm_status st;

    if (settle(cmd, &err) != MM_OK)
        return usage_error(err.text, NULL);
    st = mm_conv_verify(paths[0], (const char *const *)paths + 1, (size_t)n - 1, opt->exports,
                        opt->export_n, &v, &err);
    if (st == MM_OK)
        printf("%s: %zu methods verified%s\n", paths[0], v.methods,
               v.described ? "" : ", without a Descriptor: kinds of values only");
    st = flush(st, &err);
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
    st = mm_conv_api((const char *const *)tables, (size_t)n, cmd->docs, cmd->opt.output, &err);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int run(int argc, char **argv, struct command *cmd)
{
    const char *verb = optind < argc ? argv[optind] : "convert";
    char **args = argv + optind + 1;
    int rest = optind < argc ? argc - optind - 1 : 0;
    size_t len = strlen(verb);

    if (len > 6 && strcmp(verb + len - 6, ".class") == 0)
        return run_convert(cmd, args - 1, rest + 1);
    if (strcmp(verb, "convert") == 0)
        return run_convert(cmd, args, rest);
    if (strcmp(verb, "build") == 0)
        return rest == 1 ? run_build(cmd, args[0])
                         : usage_error("build needs one folder of Java sources", NULL);
    if (strcmp(verb, "api") == 0)
        return run_api(cmd, args, rest);
    if (strcmp(verb, "dump") == 0 || strcmp(verb, "size") == 0)
        return rest == 1 ? run_show(cmd, args[0], verb[0] == 's')
                         : usage_error("expected one CAP file", NULL);
    if (strcmp(verb, "verify") == 0)
        return rest > 0 ? run_verify(cmd, args, rest) : usage_error("expected a CAP file", NULL);
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
    struct command cmd = {.arena = mm_arena_new()};
    int code, at = 0, status = -1;

    while (status < 0 && (code = getopt_long(argc, argv, "hi", options, &at)) != -1) {
        if (code == 'h') {
            fputs(usage, stdout);
            status = 0;
        } else if (code == 'o') {
            status = take(&cmd, options[at].name, optarg);
        } else if (code == 'i') {
            status = take(&cmd, "int", NULL);
        } else if (code == 'j') {
            cmd.json = true;
        } else if (code == 'd') {
            cmd.docs = optarg;
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
