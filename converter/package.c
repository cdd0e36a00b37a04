/* The classes of the package, in the order of the Class component, and those of other packages. */
#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define PROBLEMS_MAX     100 /* nobody mends more at a time */
#define CLASSES_MAX      255 /* class_count of the Descriptor is one byte (JCVM 3.0.5, 6.14) */
#define EXP_FILE_MAX_LEN (1u << 20)

/* Class files have no lines for classes and fields; the first one with code is next to them. */
static unsigned first_line(const struct mm_cls *cls)
{
    unsigned line = 0;

    for (size_t i = 0; i < cls->method_n; i++) {
        const struct jcode *code = cls->methods[i].code;

        for (size_t k = 0; code != NULL && k < code->line_n; k++) {
            if (line == 0 || code->lines[k].line < line)
                line = code->lines[k].line;
        }
    }
    return line;
}

enum mm_status mm_conv_refuse(const struct mm_cls *cls, const struct mm_method *m, uint32_t pc,
                              struct mm_err *err, const char *fmt, ...)
{
    char what[160], where[96] = "";
    char name[160];
    unsigned line = m == NULL ? first_line(cls) : mm_conv_line(m->code, pc);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    (void)snprintf(name, sizeof(name), "%s", cls->name);
    for (char *p = name; *p != '\0'; p++) {
        if (*p == '/')
            *p = '.';
    }
    if (cls->source != NULL && line != 0)
        (void)snprintf(where, sizeof(where), "%s:%u: ", cls->source, line);
    else if (cls->source != NULL)
        (void)snprintf(where, sizeof(where), "%s: ", cls->source);
    return mm_fail(err, MM_UNSUPPORTED, line == 0 ? SIZE_MAX : line, "%s%s%s%s: %s", where, name,
                   m == NULL ? "" : ".", m == NULL ? "" : m->name, what);
}

enum mm_status mm_conv_note(struct mm_conv *cv, enum mm_status st, const struct mm_err *err)
{
    if (st == MM_OK || (st != MM_UNSUPPORTED && st != MM_NOT_FOUND))
        return st;
    for (size_t i = 0; i < cv->problem_n; i++) {
        if (strcmp(cv->problems[i], err->text) == 0)
            return MM_OK;
    }
    if (cv->problem_n == PROBLEMS_MAX)
        return st;
    if (cv->problem_n == 0)
        cv->first_problem = st;
    cv->problems = mm_arena_grow(cv->arena, cv->problems, cv->problem_n, sizeof(*cv->problems));
    cv->problems[cv->problem_n++] = mm_arena_text(cv->arena, err->text, strlen(err->text));
    if (cv->opt->report != NULL)
        cv->opt->report(cv->opt->report_ctx, err->text);
    return MM_OK;
}

/* ---- External classes ---- */

/* An export file was read: is it what was asked for? */
static enum mm_status check_export(struct mm_exp_package *pkg, const char *name,
                                   const struct mm_conv_use *use, struct mm_err *err)
{
    if (strcmp(pkg->name, name) != 0)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "exports package %s, expected %s", pkg->name,
                       name);
    if (use != NULL && (use->major != pkg->major || use->minor != pkg->minor))
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "has version %u.%u, asked for was %u.%u",
                       pkg->major, pkg->minor, use->major, use->minor);
    return MM_OK;
}

static enum mm_status read_export(struct mm_conv *cv, const char *path, const char *name,
                                  const struct mm_conv_use *use, struct mm_exp_package **out,
                                  struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st;

    *out = NULL;
    if (mm_file_read(path, EXP_FILE_MAX_LEN, &data, &len, NULL) != MM_OK)
        return MM_OK;
    *out = mm_arena_alloc(cv->arena, 1, sizeof(**out));
    st = mm_conv_exp_read(cv->arena, data, len, *out, err);
    free(data);
    if (st == MM_OK)
        st = check_export(*out, name, use, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    return st;
}

static const struct mm_conv_use *use_of(const struct mm_conv *cv, const char *name)
{
    for (size_t i = 0; i < cv->opt->use_n; i++) {
        const char *p = cv->opt->uses[i].package, *q = name;

        while (*p != '\0' && (*p == *q || (*p == '.' && *q == '/'))) {
            p++;
            q++;
        }
        if (*p == '\0' && *q == '\0')
            return &cv->opt->uses[i];
    }
    return NULL;
}

static struct mm_exp_package *load_export(struct mm_conv *cv, const char *name, struct mm_err *err)
{
    const char *last = strrchr(name, '/') == NULL ? name : strrchr(name, '/') + 1;
    const struct mm_conv_use *use = use_of(cv, name);
    struct mm_exp_package *pkg = NULL;
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < cv->package_n; i++) {
        if (strcmp(cv->packages[i]->name, name) == 0)
            return cv->packages[i];
    }
    for (size_t i = 0; st == MM_OK && pkg == NULL && i < cv->opt->export_n; i++) {
        const char *dir = mm_arena_printf(cv->arena, "%s/%s/javacard", cv->opt->exports[i], name);

        if (use != NULL)
            st = read_export(
                cv,
                mm_arena_printf(cv->arena, "%s/%s-%u.%u.exp", dir, last, use->major, use->minor),
                name, use, &pkg, err);
        if (st == MM_OK && pkg == NULL)
            st = read_export(cv, mm_arena_printf(cv->arena, "%s/%s.exp", dir, last), name, use,
                             &pkg, err);
    }
    if (st != MM_OK)
        return NULL;
    if (pkg == NULL) {
        (void)mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no export file for package %s", name);
        return NULL;
    }
    cv->packages = mm_arena_grow(cv->arena, cv->packages, cv->package_n, sizeof(*cv->packages));
    cv->packages[cv->package_n++] = pkg;
    return pkg;
}

enum mm_status mm_conv_find_class(struct mm_conv *cv, const char *name, struct mm_cref *out,
                                  struct mm_err *err)
{
    const char *slash = strrchr(name, '/');
    const struct mm_exp_package *pkg;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < cv->class_n; i++) {
        if (strcmp(cv->classes[i]->name, name) == 0) {
            out->own = cv->classes[i];
            return MM_OK;
        }
    }
    if (slash == NULL || name[0] == '[')
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "class %s is not for cards", name);
    if (mm_conv_class_hint(name) != NULL)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "class %s is not supported; %s", name,
                       mm_conv_class_hint(name));
    pkg = load_export(cv, mm_arena_text(cv->arena, name, (size_t)(slash - name)), err);
    if (pkg == NULL)
        return err == NULL ? MM_NOT_FOUND : err->st;
    for (size_t i = 0; i < pkg->class_n; i++) {
        if (strcmp(pkg->classes[i].name, name) == 0) {
            out->ext = &pkg->classes[i];
            return MM_OK;
        }
    }
    return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                   "class %s is not exported for cards; their API is smaller", name);
}

const char *mm_conv_cref_name(struct mm_cref c)
{
    return c.own != NULL ? c.own->name : c.ext != NULL ? c.ext->name : "java/lang/Object";
}

bool mm_conv_cref_equal(struct mm_cref a, struct mm_cref b)
{
    return a.own == b.own && a.ext == b.ext;
}

uint16_t mm_conv_cref_access(struct mm_cref c)
{
    return c.own != NULL ? c.own->access : c.ext != NULL ? c.ext->access : 0;
}

enum mm_status mm_conv_cref_super(struct mm_conv *cv, struct mm_cref c, struct mm_cref *out,
                                  struct mm_err *err)
{
    memset(out, 0, sizeof(*out));
    if (c.own != NULL) {
        *out = c.own->super;
        return MM_OK;
    }
    /* Export files list all superclasses; the direct one is that with the most of its own. */
    for (size_t i = 0; c.ext != NULL && i < c.ext->super_n; i++) {
        struct mm_cref up;
        enum mm_status st = mm_conv_find_class(cv, c.ext->supers[i], &up, err);

        if (st != MM_OK)
            return st;
        /* Each has fewer than what extends it, so a walk upwards ends. */
        if (up.ext == NULL || up.ext->super_n >= c.ext->super_n)
            return mm_fail(err, MM_MALFORMED, SIZE_MAX, "export file: superclasses of %s",
                           c.ext->name);
        if (out->ext == NULL || up.ext->super_n > out->ext->super_n)
            *out = up;
    }
    return MM_OK;
}

void mm_conv_import(struct mm_conv *cv, const struct mm_exp_package *pkg)
{
    for (size_t i = 0; i < cv->import_n; i++) {
        if (cv->imports[i] == pkg)
            return;
    }
    cv->imports = mm_arena_grow(cv->arena, cv->imports, cv->import_n, sizeof(*cv->imports));
    cv->imports[cv->import_n++] = pkg;
}

uint16_t mm_conv_cref_encode(struct mm_conv *cv, struct mm_cref c)
{
    size_t i = 0;

    if (c.own != NULL)
        return c.own->off;
    if (c.ext == NULL)
        return 0xFFFF;
    mm_conv_import(cv, c.ext->package);
    while (cv->imports[i] != c.ext->package)
        i++;
    return (uint16_t)(0x8000 | i << 8 | c.ext->token);
}

/* ---- The package's own classes ---- */

static enum mm_status read_class(struct mm_conv *cv, const struct mm_files *files, const char *name,
                                 struct mm_cls **out, struct mm_err *err)
{
    const uint8_t *data;
    size_t len, name_len = strlen(cv->name);
    enum mm_status st = mm_conv_files_read(cv->arena, files, name, &data, &len, err);

    *out = mm_arena_alloc(cv->arena, 1, sizeof(**out));
    if (st == MM_OK)
        st = mm_conv_class_read(cv->arena, data, len, *out, err);
    if (st == MM_OK && (strncmp((*out)->name, cv->name, name_len) != 0 ||
                        (*out)->name[name_len] != '/' || strchr((*out)->name + name_len + 1, '/')))
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "class %s is not of package %s", (*out)->name,
                     cv->name);
    if (st != MM_OK)
        mm_err_prefix(err, "%s%s%s", files->root, *name == '\0' ? "" : "/", name);
    return st;
}

static void add_interface(struct mm_conv *cv, struct mm_cls *cls, struct mm_cref c)
{
    for (size_t i = 0; i < cls->iface_n; i++) {
        if (mm_conv_cref_equal(cls->ifaces[i], c))
            return;
    }
    cls->ifaces = mm_arena_grow(cv->arena, cls->ifaces, cls->iface_n, sizeof(*cls->ifaces));
    cls->ifaces[cls->iface_n++] = c;
    if (strcmp(mm_conv_cref_name(c), "javacard/framework/Shareable") == 0)
        cls->shareable = true;
}

/* All interfaces of cls, those that others extend first (JCVM 3.0.5, 6.9.1: the transitive set). */
static enum mm_status collect_interfaces(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    for (size_t i = 0; i < cls->iface_name_n; i++) {
        struct mm_cref c, up;
        enum mm_status st = mm_conv_find_class(cv, cls->iface_names[i], &c, err);

        if (st != MM_OK)
            return st;
        if (mm_conv_cref_remote(c))
            cls->remote = true;
        for (size_t k = 0; c.own != NULL && k < c.own->iface_n; k++)
            add_interface(cv, cls, c.own->ifaces[k]);
        for (size_t k = 0; c.ext != NULL && k < c.ext->iface_n; k++) {
            st = mm_conv_find_class(cv, c.ext->ifaces[k], &up, err);
            if (st != MM_OK)
                return st;
            add_interface(cv, cls, up);
        }
        add_interface(cv, cls, c);
    }
    return MM_OK;
}

struct order {
    struct mm_cls **out;
    size_t n;
};

/* A class that is refused for what it extends stays as one that extends Object, so that the others
 * can be looked at. */
static enum mm_status stand_in(struct mm_conv *cv, struct mm_cls *cls, struct mm_err *err)
{
    cls->broken = true;
    cls->iface_n = 0;
    return mm_conv_find_class(cv, "java/lang/Object", &cls->super, err);
}

/* Place cls after everything that it extends. Recursion is as deep as the longest chain of classes,
 * at most CLASSES_MAX. */
static enum mm_status place(struct mm_conv *cv, struct mm_cls *cls, struct order *order,
                            struct mm_err *err)
{
    struct mm_cref c;
    enum mm_status st;

    if (cls->mark == 2)
        return MM_OK;
    if (cls->mark == 1)
        return mm_conv_refuse(cls, NULL, 0, err, "class extends itself");
    cls->mark = 1;
    st = mm_conv_find_class(cv, cls->super_name, &cls->super, err);
    if (st == MM_OK && cls->super.own != NULL && !(cls->access & ACC_INTERFACE))
        st = place(cv, cls->super.own, order, err);
    for (size_t i = 0; st == MM_OK && i < cls->iface_name_n; i++) {
        st = mm_conv_find_class(cv, cls->iface_names[i], &c, err);
        if (st == MM_OK && c.own != NULL)
            st = place(cv, c.own, order, err);
    }
    if (st == MM_OK)
        st = collect_interfaces(cv, cls, err);
    if (st != MM_OK) {
        if (strstr(err->text, ": ") == NULL) {
            struct mm_err why = *err;

            (void)mm_conv_refuse(cls, NULL, 0, err, "%s", why.text);
            err->st = st;
        }
        st = mm_conv_note(cv, st, err);
        if (st == MM_OK)
            st = stand_in(cv, cls, err);
    }
    if (st != MM_OK)
        return st;
    if (cls->super.own != NULL && cls->super.own->shareable)
        cls->shareable = true;
    if (cls->super.ext != NULL) {
        for (size_t i = 0; i < cls->super.ext->iface_n; i++) {
            if (strcmp(cls->super.ext->ifaces[i], "javacard/framework/Shareable") == 0)
                cls->shareable = true;
        }
    }
    if ((cls->super.own != NULL || cls->super.ext != NULL) && mm_conv_cref_remote(cls->super))
        cls->remote = true;
    cls->mark = 2;
    order->out[order->n++] = cls;
    return MM_OK;
}

static enum mm_status order_classes(struct mm_conv *cv, struct mm_err *err)
{
    struct order order = {.n = 0};
    enum mm_status st = MM_OK;

    order.out = mm_arena_alloc(cv->arena, cv->class_n, sizeof(*order.out));
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; st == MM_OK && i < cv->class_n; i++) {
            bool iface = (cv->classes[i]->access & ACC_INTERFACE) != 0;
            if (iface == (pass == 0))
                st = place(cv, cv->classes[i], &order, err);
        }
    }
    if (st == MM_OK)
        memcpy(cv->classes, order.out, cv->class_n * sizeof(*cv->classes));
    return st;
}

bool mm_conv_is_package_info(const struct mm_cls *cls)
{
    const char *slash = strrchr(cls->name, '/');

    return slash != NULL && strcmp(slash, "/package-info") == 0;
}

/* No card can see package-info, or the type of an annotation. */
static bool is_left_out(const struct mm_cls *cls)
{
    return mm_conv_is_package_info(cls) || (cls->access & ACC_ANNOTATION);
}

/* Files of the package itself, not of those below it. One named by itself has to be of the package. */
static bool in_package(const struct mm_conv *cv, const struct mm_files *files, const char *name)
{
    size_t len = strlen(cv->name);

    return files->is_single || (strncmp(name, cv->name, len) == 0 && name[len] == '/' &&
                                strchr(name + len + 1, '/') == NULL);
}

/* The same class twice: the first one counts, as with a class path. */
static bool is_known(const struct mm_conv *cv, const struct mm_cls *cls)
{
    for (size_t i = 0; i < cv->class_n; i++) {
        if (strcmp(cv->classes[i]->name, cls->name) == 0)
            return true;
    }
    return false;
}

static enum mm_status load_from(struct mm_conv *cv, const char *root, struct mm_err *err)
{
    struct mm_files files;
    enum mm_status st = mm_conv_files_list(cv->arena, root, ".class", &files, err);

    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        struct mm_cls *cls;

        if (!in_package(cv, &files, files.names[i]))
            continue;
        st = read_class(cv, &files, files.names[i], &cls, err);
        if (st != MM_OK || is_left_out(cls) || is_known(cv, cls))
            continue;
        if (cv->class_n == CLASSES_MAX)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "package %s: more than %d classes; split it", cv->name, CLASSES_MAX);
        cv->classes = mm_arena_grow(cv->arena, cv->classes, cv->class_n, sizeof(*cv->classes));
        cv->classes[cv->class_n++] = cls;
    }
    return st;
}

enum mm_status mm_conv_load(struct mm_conv *cv, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < cv->opt->class_n; i++)
        st = load_from(cv, cv->opt->classes[i], err);
    if (st == MM_OK && cv->class_n == 0)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: no class files of package %s",
                       cv->opt->class_n == 0 ? "?" : cv->opt->classes[0], cv->name);
    return st == MM_OK ? order_classes(cv, err) : st;
}
