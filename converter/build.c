/* From a tree of Java sources to CAP and export file in one step: javac, then the converter. */
#include "converter/conv_int.h"

#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATHS_LEN 4096

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
    opt->class_n = 0;
    opt->classes[opt->class_n++] = out;
    if (st == MM_OK)
        st = mm_conv_defaults(arena, opt, err);
    if (st == MM_OK)
        st = mm_conv_package(opt, err);
    else if (opt->report != NULL)
        opt->report(opt->report_ctx, err->text);
    (void)nftw(out, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    opt->class_n = 0;
    return st;
}
