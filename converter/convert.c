/* A conversion from end to end. */
#include "converter/names.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static enum mm_status translate_all(struct mm_conv *cv, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
        struct mm_cls *c = cv->classes[i];

        for (size_t k = 0; st == MM_OK && k < c->method_n; k++) {
            struct mm_method *m = &c->methods[k];

            if (c->broken)
                continue;
            if (strcmp(m->name, "<clinit>") == 0)
                st = mm_conv_clinit(cv, c, m, err);
            else if (m->code != NULL)
                st = mm_conv_translate(cv, c, m, err);
            st = mm_conv_note(cv, st, err);
        }
    }
    return st;
}

static enum mm_status build(struct mm_conv *cv, struct mm_err *err)
{
    enum mm_status st = mm_conv_load(cv, err);

    if (st == MM_OK)
        st = mm_conv_tokens(cv, err);
    if (st == MM_OK)
        st = mm_conv_remote(cv, err);
    if (st == MM_OK)
        st = mm_conv_classes_place(cv, err);
    if (st == MM_OK)
        st = translate_all(cv, err);
    if (st == MM_OK && cv->problem_n != 0)
        return cv->first_problem;
    if (st == MM_OK)
        st = mm_conv_statics_place(cv, err);
    if (st == MM_OK)
        st = mm_conv_methods(cv, err);
    if (st == MM_OK)
        st = mm_conv_components(cv, err);
    return st;
}

/* Where the files go: out.cap and out.exp, or <folder>/<last part of the package>.cap and .exp */
static const char *output_stem(struct mm_conv *cv)
{
    const char *out = cv->opt->output;
    const char *last = strrchr(cv->name, '/') == NULL ? cv->name : strrchr(cv->name, '/') + 1;
    size_t len = strlen(out);

    if (len > 4 && strcmp(out + len - 4, ".cap") == 0)
        return mm_arena_text(cv->arena, out, len - 4);
    return mm_arena_printf(cv->arena, "%s/%s", out, last);
}

/* The listing of the CAP file just written, with all that is known of it. */
static enum mm_status write_listing(struct mm_conv *cv, const char *stem, struct mm_err *err)
{
    const char *path = mm_arena_printf(cv->arena, "%s.lst", stem);
    struct mm_buf *debug = &cv->parts[MM_CAP_DEBUG];
    struct mm_names *names;
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(mm_arena_printf(cv->arena, "%s.cap", stem), &cap, err);
    FILE *out;

    if (st != MM_OK)
        return st;
    names = mm_names_new(cv->arena, cap);
    for (size_t i = 0; i < cv->import_n; i++)
        mm_names_package(names, cv->imports[i]);
    if (debug->len == 0)
        st = mm_conv_debug(cv, err);
    if (st == MM_OK && !mm_names_debug(names, debug->data, debug->len))
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "%s: out of memory", path);
    out = st == MM_OK ? fopen(path, "w") : NULL;
    if (st == MM_OK && out == NULL)
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    if (out != NULL) {
        st = mm_conv_list(cap, names, out, err);
        if (fclose(out) != 0 && st == MM_OK)
            st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    }
    mm_cap_free(&cap);
    return st;
}

static enum mm_status write_files(struct mm_conv *cv, struct mm_err *err)
{
    const char *stem = output_stem(cv);
    const char *slash = strrchr(stem, '/');
    struct mm_exp_package pkg;
    struct mm_buf exp;
    enum mm_status st = MM_OK;

    if (slash != NULL && slash != stem)
        st = mm_dir_make(mm_arena_text(cv->arena, stem, (size_t)(slash - stem)), err);
    if (st != MM_OK)
        return st;
    mm_buf_init(&exp);
    mm_conv_own_exports(cv, &pkg);
    mm_conv_exp_write(&pkg, &exp);
    st = exp.bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory")
                 : mm_file_write(mm_arena_printf(cv->arena, "%s.exp", stem), exp.data, exp.len,
                                 0644, err);
    if (st == MM_OK)
        st = mm_conv_archive(cv, mm_arena_printf(cv->arena, "%s.cap", stem), err);
    if (st == MM_OK && cv->opt->listing)
        st = write_listing(cv, stem, err);
    mm_buf_clear(&exp);
    return st;
}

enum mm_status mm_conv_package(const struct mm_conv_options *opt, struct mm_err *err)
{
    struct mm_conv cv = {.arena = mm_arena_new(), .opt = opt};
    struct mm_err why = {.text = ""};
    char *name = mm_arena_text(cv.arena, opt->package, strlen(opt->package));
    enum mm_status st;

    for (char *p = name; *p != '\0'; p++) {
        if (*p == '.')
            *p = '/';
    }
    cv.name = name;
    cv.cap_minor = opt->debug ? 2 : opt->cap_minor == 0 ? 1 : opt->cap_minor;
    for (int i = 0; i < MM_CAP_COMPONENT_N; i++)
        mm_buf_init(&cv.parts[i]);
    mm_buf_init(&cv.ref1);
    mm_buf_init(&cv.ref2);
    st = build(&cv, &why);
    if (st == MM_OK)
        st = write_files(&cv, &why);
    /* What ended the run may not have been told yet. */
    if (st != MM_OK && mm_conv_note(&cv, MM_UNSUPPORTED, &why) == MM_OK && err != NULL)
        *err = why;
    if (st != MM_OK && err != NULL && cv.problem_n != 0)
        (void)mm_fail(err, st, why.off, "%s", cv.problems[0]);
    for (int i = 0; i < MM_CAP_COMPONENT_N; i++)
        mm_buf_clear(&cv.parts[i]);
    mm_buf_clear(&cv.ref1);
    mm_buf_clear(&cv.ref2);
    mm_arena_free(&cv.arena);
    return st;
}
