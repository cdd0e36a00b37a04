/* mintmark-convert: class files to CAP files, and what goes with them. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"
#include "converter/conv.h"

enum option_code {
    OPT_CLASSES = 256,
    OPT_PACKAGE,
    OPT_AID,
    OPT_PKG_VERSION,
    OPT_APPLET,
    OPT_EXPORTS,
    OPT_OUTPUT,
    OPT_VERSION
};

static const struct option options[] = {
    {"classes", required_argument, NULL, OPT_CLASSES},
    {"package", required_argument, NULL, OPT_PACKAGE},
    {"aid", required_argument, NULL, OPT_AID},
    {"package-version", required_argument, NULL, OPT_PKG_VERSION},
    {"applet", required_argument, NULL, OPT_APPLET},
    {"exports", required_argument, NULL, OPT_EXPORTS},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"int", no_argument, NULL, 'i'},
    {"help", no_argument, NULL, 'h'},
    {"version", optional_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static const char usage[] =
    "Usage: mintmark-convert [convert] OPTIONS    class files to a CAP and an export file\n"
    "       mintmark-convert dump FILE.cap        print a CAP file as readable assembly\n"
    "       mintmark-convert verify FILE.cap [LIBRARY.cap...]\n"
    "                                             check a CAP file as the card does, types "
    "included;\n"
    "                                             the libraries are packages it imports\n"
    "       mintmark-convert api --output DIR TABLE...\n"
    "                                             Java stubs and export files of an API\n"
    "\n"
    "Convert:\n"
    "  --classes DIR              folder with the class files, by package\n"
    "  --package NAME             package to convert, as org.example.wallet\n"
    "  --aid AID                  package AID, 5 to 16 bytes in hexadecimal\n"
    "  --package-version M.m      package version (default 1.0); --version M.m does the same\n"
    "  --applet CLASS=AID         applet class and its AID; once for each applet\n"
    "  --exports DIR              folder with export files; may be repeated\n"
    "  -i, --int                  the card has int: 32 bit fields, variables, arithmetic\n"
    "  --output DIR|FILE.cap      where to write; the export file goes beside the CAP file\n"
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

static bool parse_aid(const char *text, struct mm_aid *aid)
{
    uint8_t bytes[MM_AID_MAX];
    size_t len = sizeof(bytes);

    return mm_unhex(text, bytes, &len) == MM_OK && mm_aid_set(aid, bytes, len) == MM_OK;
}

static bool parse_version(const char *text, struct mm_conv_options *opt)
{
    char *end;
    unsigned long major, minor;

    if (text[0] < '0' || text[0] > '9')
        return false;
    major = strtoul(text, &end, 10);
    if (*end != '.' || end[1] < '0' || end[1] > '9')
        return false;
    minor = strtoul(end + 1, &end, 10);
    if (*end != '\0' || major > 255 || minor > 255)
        return false;
    opt->major = (uint8_t)major;
    opt->minor = (uint8_t)minor;
    return true;
}

/* "Class=AID"; text is kept and written to. */
static bool parse_applet(char *text, struct mm_conv_options *opt)
{
    char *eq = strchr(text, '=');
    struct mm_conv_applet *a = &opt->applets[opt->applet_n];

    if (eq == NULL || eq == text || opt->applet_n == MM_CONV_APPLET_MAX ||
        !parse_aid(eq + 1, &a->aid))
        return false;
    *eq = '\0';
    a->class_name = text;
    opt->applet_n++;
    return true;
}

/* One option; value is kept. */
static bool set_option(struct mm_conv_options *opt, int code, char *value)
{
    switch (code) {
    case OPT_CLASSES:
        opt->classes = value;
        return true;
    case OPT_PACKAGE:
        opt->package = value;
        return true;
    case OPT_AID:
        return parse_aid(value, &opt->aid);
    case OPT_VERSION:
    case OPT_PKG_VERSION:
        return parse_version(value, opt);
    case OPT_APPLET:
        return parse_applet(value, opt);
    case OPT_EXPORTS:
        if (opt->export_n == MM_CONV_EXPORTS_MAX)
            return false;
        opt->exports[opt->export_n++] = value;
        return true;
    case 'i':
        opt->ints = true;
        return true;
    case OPT_OUTPUT:
        opt->output = value;
        return true;
    default:
        return false;
    }
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

static int run_convert(struct mm_conv_options *opt)
{
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (opt->classes == NULL || opt->package == NULL || opt->aid.len == 0 || opt->output == NULL ||
        opt->export_n == 0)
        return usage_error("convert needs --classes, --package, --aid, --exports and --output",
                           NULL);
    opt->report = report;
    st = mm_conv_package(opt, &err);
    return st == MM_OK ? 0 : mm_status_exit(st);
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

static int run_api(const struct mm_conv_options *opt, char **tables, int n)
{
    struct mm_err err = {.text = ""};
    enum mm_status st;

    if (opt->output == NULL || n == 0)
        return usage_error("api needs --output and at least one table", NULL);
    st = mm_conv_api((const char *const *)tables, (size_t)n, opt->output, &err);
    return st == MM_OK ? 0 : fail(st, &err);
}

static int run(int argc, char **argv, struct mm_conv_options *opt)
{
    const char *verb = optind < argc ? argv[optind] : "convert";
    int rest = optind < argc ? argc - optind - 1 : 0;

    if (strcmp(verb, "convert") == 0)
        return rest == 0 ? run_convert(opt) : usage_error("unexpected argument", argv[optind + 1]);
    if (strcmp(verb, "api") == 0)
        return run_api(opt, argv + optind + 1, rest);
    if (strcmp(verb, "dump") == 0)
        return rest == 1 ? run_dump(argv[optind + 1]) : usage_error("expected one CAP file", NULL);
    if (strcmp(verb, "verify") == 0)
        return rest > 0 ? run_verify(argv + optind + 1, (size_t)rest)
                        : usage_error("expected a CAP file", NULL);
    return usage_error("unknown command", verb);
}

int main(int argc, char **argv)
{
    struct mm_conv_options opt = {.major = 1};
    int code, status = -1;

    while (status < 0 && (code = getopt_long(argc, argv, "hi", options, NULL)) != -1) {
        if (code == 'h') {
            fputs(usage, stdout);
            status = 0;
        } else if (code == '?') {
            status = usage_error("unknown option or missing value", NULL);
        } else if (code == OPT_VERSION && optarg == NULL &&
                   (optind >= argc || argv[optind][0] < '0' || argv[optind][0] > '9')) {
            puts("mintmark-convert " MM_VERSION);
            status = 0;
        } else {
            /* "--version 1.0" is the package version; the program's own has no value. */
            char *value = code == OPT_VERSION && optarg == NULL ? argv[optind++] : optarg;

            if (!set_option(&opt, code, value))
                status = usage_error("bad value", value);
        }
    }
    return status < 0 ? run(argc, argv, &opt) : status;
}
