/* From a tree of Java sources to CAP and export file in one step: javac, then the converter. What
 * was not asked for is chosen: package, applets, AIDs, output. */
#include "converter/conv_int.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATHS_LEN 4096

struct found { /* an applet class */
    const char *name, *package;
};
struct guess {
    struct found *applets;
    size_t applet_n;
    const char **packages;
    size_t package_n;
};

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

const char *mm_conv_api_dir(struct mm_arena *arena)
{
    static const char *const places[] = {"api", "share/mintmark"};
    char exe[PATHS_LEN];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    for (int up = 0; n > 0 && up < 2; up++) { /* bin/mintmark-convert -> bin -> . */
        exe[n] = '\0';
        n = strrchr(exe, '/') == NULL ? 0 : strrchr(exe, '/') - exe;
        exe[n] = '\0';
    }
    for (size_t i = 0; n > 0 && i < sizeof(places) / sizeof(places[0]); i++) {
        const char *dir = mm_arena_printf(arena, "%s/%s", exe, places[i]);

        if (is_folder(mm_arena_printf(arena, "%s/exports", dir)))
            return dir;
    }
    return NULL;
}

/* ---- javac ---- */

static enum mm_status run(const char *const *argv, struct mm_err *err)
{
    pid_t pid = fork();
    int status = 0;

    if (pid < 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "fork: %s", strerror(errno));
    if (pid == 0) {
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        fprintf(stderr, "mintmark-convert: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return mm_fail(err, MM_IO, SIZE_MAX, "waitpid: %s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "%s failed: see its messages above", argv[0]);
    return MM_OK;
}

static enum mm_status compile(struct mm_arena *arena, const struct mm_conv_options *opt,
                              const char *src, const char *api, const char *out, struct mm_err *err)
{
    const char *javac = getenv("JAVAC"), **argv;
    const char *fixed[] = {javac == NULL ? "javac" : javac,
                           "--release",
                           "8",
                           "-g",
                           "-nowarn",
                           "-Xlint:-options",
                           "-proc:none",
                           "-encoding",
                           "UTF-8",
                           "-cp",
                           mm_arena_printf(arena, "%s/classes%s%s", api,
                                           opt->classpath == NULL ? "" : ":",
                                           opt->classpath == NULL ? "" : opt->classpath),
                           "-d",
                           out};
    struct mm_files files;
    enum mm_status st = mm_conv_files_list(arena, src, ".java", &files, err);
    size_t n = sizeof(fixed) / sizeof(fixed[0]);

    if (st != MM_OK)
        return st;
    if (files.n == 0)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: no Java sources", src);
    argv = mm_arena_alloc(arena, n + files.n + 1, sizeof(*argv));
    memcpy(argv, fixed, sizeof(fixed));
    for (size_t i = 0; i < files.n; i++)
        argv[n + i] = mm_arena_printf(arena, "%s/%s", src, files.names[i]);
    return run(argv, err);
}

/* ---- What was not asked for ---- */

static const char *dotted(struct mm_arena *arena, const char *name, size_t len)
{
    char *s = mm_arena_text(arena, name, len);

    for (char *p = s; *p != '\0'; p++) {
        if (*p == '/')
            *p = '.';
    }
    return s;
}

static bool has_install(const struct mm_cls *c)
{
    for (size_t i = 0; i < c->method_n; i++) {
        if (strcmp(c->methods[i].name, "install") == 0 &&
            strcmp(c->methods[i].desc, "([BSB)V") == 0 && (c->methods[i].access & ACC_STATIC))
            return !(c->access & ACC_ABSTRACT);
    }
    return false;
}

static bool is_applet(const struct mm_cls *all, size_t n, const struct mm_cls *c)
{
    size_t steps = 0;

    if (!has_install(c))
        return false;
    for (const struct mm_cls *up = c; up != NULL && steps++ <= n;) {
        const struct mm_cls *next = NULL;

        if (strcmp(up->super_name, "javacard/framework/Applet") == 0)
            return true;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(all[i].name, up->super_name) == 0)
                next = &all[i];
        }
        up = next;
    }
    return false;
}

static void note_package(struct mm_arena *arena, struct guess *g, const char *name)
{
    for (size_t i = 0; i < g->package_n; i++) {
        if (strcmp(g->packages[i], name) == 0)
            return;
    }
    g->packages = mm_arena_grow(arena, g->packages, g->package_n, sizeof(*g->packages));
    g->packages[g->package_n++] = name;
}

static enum mm_status look(struct mm_arena *arena, const char *classes, struct guess *g,
                           struct mm_err *err)
{
    struct mm_files files;
    struct mm_cls *all;
    enum mm_status st = mm_conv_files_list(arena, classes, ".class", &files, err);

    if (st != MM_OK)
        return st;
    all = mm_arena_alloc(arena, files.n + 1, sizeof(*all));
    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        const uint8_t *data;
        size_t len;

        st = mm_conv_files_read(arena, &files, files.names[i], &data, &len, err);
        if (st == MM_OK)
            st = mm_conv_class_read(arena, data, len, &all[i], err);
    }
    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        const char *slash = strrchr(all[i].name, '/');
        const char *package;

        if (slash == NULL)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "class %s is in no package; give it one",
                           all[i].name);
        package = dotted(arena, all[i].name, (size_t)(slash - all[i].name));
        note_package(arena, g, package);
        if (!is_applet(all, files.n, &all[i]))
            continue;
        g->applets = mm_arena_grow(arena, g->applets, g->applet_n, sizeof(*g->applets));
        g->applets[g->applet_n].name = dotted(arena, all[i].name, strlen(all[i].name));
        g->applets[g->applet_n++].package = package;
    }
    return st;
}

static enum mm_status choose_package(struct mm_conv_options *opt, const struct guess *g,
                                     struct mm_err *err)
{
    if (opt->package != NULL)
        return MM_OK;
    if (g->package_n == 1)
        opt->package = g->packages[0];
    for (size_t i = 0; i < g->applet_n; i++) {
        if (opt->package != NULL && strcmp(opt->package, g->applets[i].package) != 0)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "applets in packages %s and %s: name one with --package", opt->package,
                           g->applets[i].package);
        opt->package = g->applets[i].package;
    }
    if (opt->package == NULL)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "%zu packages and no applet: name one with --package", g->package_n);
    return MM_OK;
}

/* F0, for AIDs that nobody registered, and seven bytes of the package name's SHA-256. */
static enum mm_status choose_aid(struct mm_conv_options *opt, struct mm_err *err)
{
    uint8_t aid[8], digest[EVP_MAX_MD_SIZE];

    if (opt->aid.len != 0)
        return MM_OK;
    if (EVP_Digest(opt->package, strlen(opt->package), digest, NULL, EVP_sha256(), NULL) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "SHA-256 is not there");
    aid[0] = 0xF0;
    memcpy(aid + 1, digest, sizeof(aid) - 1);
    return mm_aid_set(&opt->aid, aid, sizeof(aid));
}

/* The package's AID and a number, in the order of class names. */
static enum mm_status choose_applets(struct mm_conv_options *opt, const struct guess *g,
                                     struct mm_err *err)
{
    if (opt->applet_n != 0)
        return MM_OK;
    for (size_t i = 0; i < g->applet_n; i++) {
        struct mm_conv_applet *a = &opt->applets[opt->applet_n];
        uint8_t aid[MM_AID_MAX + 1];

        if (strcmp(g->applets[i].package, opt->package) != 0)
            continue;
        if (opt->applet_n == MM_CONV_APPLET_MAX || opt->aid.len == MM_AID_MAX)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "no AID can be made for applet %s: give one with --applet",
                           g->applets[i].name);
        memcpy(aid, opt->aid.bytes, opt->aid.len);
        aid[opt->aid.len] = (uint8_t)(opt->applet_n + 1);
        a->class_name = g->applets[i].name;
        if (mm_aid_set(&a->aid, aid, opt->aid.len + 1u) != MM_OK)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "AID of applet %s", a->class_name);
        opt->applet_n++;
    }
    return MM_OK;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
    (void)info;
    (void)type;
    (void)ftw;
    return remove(path);
}

enum mm_status mm_conv_build(struct mm_arena *arena, struct mm_conv_options *opt, const char *src,
                             struct mm_err *err)
{
    const char *api = mm_conv_api_dir(arena), *tmp = getenv("TMPDIR");
    char *out = mm_arena_printf(arena, "%s/mintmark-convert-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    struct guess g = {.applet_n = 0};
    enum mm_status st;

    if (api == NULL)
        st = mm_fail(err, MM_NOT_FOUND, SIZE_MAX,
                     "the Java Card API is not beside this program (api or share/mintmark)");
    else if (mkdtemp(out) == NULL)
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", out, strerror(errno));
    else
        st = MM_OK;
    if (st != MM_OK) {
        if (opt->report != NULL)
            opt->report(opt->report_ctx, err->text);
        return st;
    }
    st = compile(arena, opt, src, api, out, err);
    if (st == MM_OK)
        st = look(arena, out, &g, err);
    if (st == MM_OK)
        st = choose_package(opt, &g, err);
    if (st == MM_OK)
        st = choose_aid(opt, err);
    if (st == MM_OK)
        st = choose_applets(opt, &g, err);
    if (st == MM_OK && opt->export_n < MM_CONV_EXPORTS_MAX)
        opt->exports[opt->export_n++] = mm_arena_printf(arena, "%s/exports", api);
    if (st == MM_OK && opt->output == NULL)
        opt->output = ".";
    opt->classes = out;
    if (st == MM_OK)
        st = mm_conv_package(opt, err);
    else if (opt->report != NULL)
        opt->report(opt->report_ctx, err->text);
    (void)nftw(out, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    opt->classes = NULL;
    return st;
}
