/*
 * What was not asked for is chosen from the class files: package, applets, AIDs, versions, export
 * files, output. Annotations (org.mintmark.cap.Aid) come before names made from a digest.
 */
#include "converter/conv_int.h"

#include <openssl/evp.h>
#include <string.h>

struct found { /* an applet class */
    const char *name, *package, *aid;
};
struct guess {
    struct mm_cls *all; /* every class file that can be read; conversion tells of the others */
    size_t all_n;
    struct found *applets;
    size_t applet_n;
    const char **packages;
    size_t package_n;
};

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

static enum mm_status read_all(struct mm_arena *arena, const char *root, struct guess *g,
                               struct mm_err *err)
{
    struct mm_files files;
    enum mm_status st = mm_conv_files_list(arena, root, ".class", &files, err), unreadable = MM_OK;

    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        const uint8_t *data;
        size_t len;

        g->all = mm_arena_grow(arena, g->all, g->all_n, sizeof(*g->all));
        st = mm_conv_files_read(arena, &files, files.names[i], &data, &len, err);
        if (st == MM_OK)
            st = mm_conv_class_read(arena, data, len, &g->all[g->all_n], err);
        if (st == MM_OK)
            g->all_n++;
        else
            mm_err_prefix(err, "%s%s%s", root, files.names[i][0] == '\0' ? "" : "/",
                          files.names[i]);
        unreadable = st != MM_OK ? st : unreadable;
        st = MM_OK;
    }
    return st == MM_OK && g->all_n == 0 ? unreadable : st;
}

static const char *package_of(struct mm_arena *arena, const struct mm_cls *c)
{
    const char *slash = strrchr(c->name, '/');

    return slash == NULL ? NULL : dotted(arena, c->name, (size_t)(slash - c->name));
}

static enum mm_status look(struct mm_arena *arena, const struct mm_conv_options *opt,
                           struct guess *g, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < opt->class_n; i++)
        st = read_all(arena, opt->classes[i], g, err);
    for (size_t i = 0; st == MM_OK && i < g->all_n; i++) {
        const struct mm_cls *c = &g->all[i];
        const char *package = package_of(arena, c);

        if (package == NULL)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "class %s is in no package; give it one",
                           c->name);
        note_package(arena, g, package);
        if (!is_applet(g->all, g->all_n, c))
            continue;
        g->applets = mm_arena_grow(arena, g->applets, g->applet_n, sizeof(*g->applets));
        g->applets[g->applet_n].name = dotted(arena, c->name, strlen(c->name));
        g->applets[g->applet_n].aid = c->aid;
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

static enum mm_status parse_aid(const char *text, const char *where, struct mm_aid *aid,
                                struct mm_err *err)
{
    return mm_conv_parse_aid(text, aid)
               ? MM_OK
               : mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                         "%s: annotation Aid: %.40s: not 5 to 16 bytes in hexadecimal", where,
                         text);
}

/* What package-info.java says of the package. */
static enum mm_status choose_by_annotation(struct mm_arena *arena, struct mm_conv_options *opt,
                                           const struct guess *g, struct mm_err *err)
{
    enum mm_status st = MM_OK;

    for (size_t i = 0; st == MM_OK && i < g->all_n; i++) {
        const struct mm_cls *c = &g->all[i];

        if (!mm_conv_is_package_info(c) || strcmp(package_of(arena, c), opt->package) != 0)
            continue;
        if (c->aid != NULL && opt->aid.len == 0)
            st = parse_aid(c->aid, opt->package, &opt->aid, err);
        if (st == MM_OK && c->version != NULL && c->version[0] != '\0' && !opt->has_version) {
            opt->has_version = mm_conv_parse_version(c->version, &opt->major, &opt->minor);
            if (!opt->has_version)
                st = mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                             "%s: annotation Aid: version %.40s: not of the form 1.0", opt->package,
                             c->version);
        }
    }
    return st;
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

/* An annotation's, or the package's AID and a number, in the order of class names. */
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
        a->class_name = g->applets[i].name;
        if (opt->applet_n < MM_CONV_APPLET_MAX && g->applets[i].aid != NULL) {
            enum mm_status st = parse_aid(g->applets[i].aid, a->class_name, &a->aid, err);

            if (st != MM_OK)
                return st;
            opt->applet_n++;
            continue;
        }
        if (opt->applet_n == MM_CONV_APPLET_MAX || opt->aid.len == MM_AID_MAX)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "no AID can be made for applet %s: give one with --applet",
                           g->applets[i].name);
        memcpy(aid, opt->aid.bytes, opt->aid.len);
        aid[opt->aid.len] = (uint8_t)(opt->applet_n + 1);
        if (mm_aid_set(&a->aid, aid, opt->aid.len + 1u) != MM_OK)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "AID of applet %s", a->class_name);
        opt->applet_n++;
    }
    return MM_OK;
}

enum mm_status mm_conv_defaults(struct mm_arena *arena, struct mm_conv_options *opt,
                                struct mm_err *err)
{
    const char *api = mm_conv_api_dir(arena);
    struct guess g = {.applet_n = 0};
    enum mm_status st = look(arena, opt, &g, err);

    if (st == MM_OK)
        st = choose_package(opt, &g, err);
    if (st == MM_OK)
        st = choose_by_annotation(arena, opt, &g, err);
    if (st == MM_OK)
        st = choose_aid(opt, err);
    if (st == MM_OK)
        st = choose_applets(opt, &g, err);
    if (api != NULL && opt->export_n < MM_CONV_EXPORTS_MAX) /* last: the user's folders win */
        opt->exports[opt->export_n++] = mm_arena_printf(arena, "%s/exports", api);
    if (!opt->has_version) {
        opt->major = 1;
        opt->minor = 0;
    }
    if (opt->output == NULL)
        opt->output = ".";
    return st;
}
