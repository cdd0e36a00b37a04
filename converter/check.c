/*
 * The chip's verifier, off the card. Packages that a CAP file imports are those of the API, CAP files
 * named, or export files, which become the tables that the verifier knows the API by.
 */
#include "converter/conv_int.h"

#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"

#define PACKAGES_MAX 200 /* the verifier takes 256 in all */

struct check {
    struct mm_arena *arena;
    struct mm_cap **caps; /* [0] is the package, then libraries */
    size_t cap_n;
    const struct mm_rom_package **roms; /* NULL-terminated */
    size_t rom_n;
};

static const struct mm_cap *library_at(void *ctx, size_t i)
{
    const struct check *c = ctx;

    return i + 1 < c->cap_n ? c->caps[i + 1] : NULL;
}

/* ---- Export files as tables ---- */

static void take_method(const struct mm_exp_method *m, struct mm_rom_method *out)
{
    char ret = mm_conv_desc_ret(m->desc);

    out->name = m->name;
    out->descriptor = m->desc;
    out->token = m->token;
    out->access = m->access;
    out->arg_cells = (uint8_t)(mm_conv_desc_cells(m->desc) + (m->access & ACC_STATIC ? 0 : 1));
    out->ret_cells = ret == 'V' ? 0 : ret == 'I' ? 2 : 1;
}

/* Fields that code can name: compile-time constants have no place, strings no type. */
static enum mm_status take_fields(struct check *c, const struct mm_exp_class *e,
                                  struct mm_rom_class *out, struct mm_err *err)
{
    struct mm_rom_field *fields = mm_arena_alloc(c->arena, e->field_n, sizeof(*fields));

    out->fields = fields;
    for (size_t i = 0; i < e->field_n; i++) {
        const struct mm_exp_field *f = &e->fields[i];
        const char *end = f->desc;
        char first = mm_conv_type_next(&end);

        if (first == 0 || first == 'V' || *end != '\0')
            return mm_fail(err, MM_MALFORMED, SIZE_MAX, "export file: %s.%s: descriptor %s",
                           e->name, f->name, f->desc);
        if (!f->has_value && mm_conv_type_bad(f->desc, true) == NULL)
            fields[out->field_n++] = (struct mm_rom_field){
                .descriptor = f->desc, .token = f->token, .access = f->access};
    }
    return MM_OK;
}

static enum mm_status take_class(struct check *c, const struct mm_exp_class *e,
                                 struct mm_rom_class *out, struct mm_err *err)
{
    struct mm_rom_method *methods = mm_arena_alloc(c->arena, e->method_n, sizeof(*methods));
    const char **ifaces = mm_arena_alloc(c->arena, e->iface_n + 1, sizeof(*ifaces));
    const char *bad;

    for (size_t i = 0; i < e->method_n; i++) {
        if (mm_conv_desc_args(e->methods[i].desc, true, &bad) < 0)
            return mm_fail(err, MM_MALFORMED, SIZE_MAX, "export file: %s.%s: descriptor %s",
                           e->name, e->methods[i].name, e->methods[i].desc);
        take_method(&e->methods[i], &methods[i]);
    }
    for (size_t i = 0; i < e->iface_n; i++)
        ifaces[i] = e->ifaces[i];
    out->name = e->name;
    out->token = e->token;
    out->access = e->access;
    out->interfaces = ifaces;
    out->methods = methods;
    out->method_n = e->method_n;
    if (!(e->access & ACC_INTERFACE) && e->super_n != 0)
        out->super = e->supers[e->super_n - 1]; /* Object first */
    return take_fields(c, e, out, err);
}

static enum mm_status take_package(struct check *c, const struct mm_exp_package *pkg,
                                   struct mm_rom_package **out, struct mm_err *err)
{
    struct mm_rom_class *classes = mm_arena_alloc(c->arena, pkg->class_n, sizeof(*classes));
    enum mm_status st = MM_OK;

    *out = mm_arena_alloc(c->arena, 1, sizeof(**out));
    (*out)->name = pkg->name;
    (*out)->aid = pkg->aid;
    (*out)->major = pkg->major;
    (*out)->minor = pkg->minor;
    (*out)->classes = classes;
    (*out)->class_n = pkg->class_n;
    for (size_t i = 0; st == MM_OK && i < pkg->class_n; i++)
        st = take_class(c, &pkg->classes[i], &classes[i], err);
    return st;
}

static bool wanted(const struct check *c, const struct mm_aid *aid, uint8_t major, uint8_t minor)
{
    for (size_t i = 0; i < mm_cap_import_n(c->caps[0]); i++) {
        const struct mm_cap_import *im = mm_cap_import(c->caps[0], i);

        if (mm_aid_equal(&im->aid, aid) && im->major == major && im->minor <= minor)
            return true;
    }
    return false;
}

/* A package known already stays, unless the import asks for a version that only the new one has: no
 * class may be there twice. */
static enum mm_status offer(struct check *c, const struct mm_exp_package *pkg, struct mm_err *err)
{
    struct mm_rom_package *rom;
    enum mm_status st;
    size_t at = 0;

    while (at < c->rom_n && strcmp(c->roms[at]->name, pkg->name) != 0)
        at++;
    if (mm_aid_equal(&pkg->aid, mm_cap_aid(c->caps[0])) ||
        (at < c->rom_n && (wanted(c, &c->roms[at]->aid, c->roms[at]->major, c->roms[at]->minor) ||
                           !wanted(c, &pkg->aid, pkg->major, pkg->minor))))
        return MM_OK;
    if (at == PACKAGES_MAX)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "more than %d packages", PACKAGES_MAX);
    st = take_package(c, pkg, &rom, err);
    if (st == MM_OK) {
        c->roms[at] = rom;
        c->rom_n += at == c->rom_n;
    }
    return st;
}

static enum mm_status read_exports(struct check *c, const char *dir, struct mm_err *err)
{
    struct mm_files files;
    enum mm_status st = mm_conv_files_list(c->arena, dir, ".exp", &files, err);

    for (size_t i = 0; st == MM_OK && i < files.n; i++) {
        struct mm_exp_package pkg;
        const uint8_t *data;
        size_t len;

        st = mm_conv_files_read(c->arena, &files, files.names[i], &data, &len, err);
        if (st == MM_OK)
            st = mm_conv_exp_read(c->arena, data, len, &pkg, err);
        if (st == MM_OK)
            st = offer(c, &pkg, err);
        if (st != MM_OK)
            mm_err_prefix(err, "%s/%s", dir, files.names[i]);
    }
    return st;
}

enum mm_status mm_conv_verify(const char *path, const char *const *libraries, size_t library_n,
                              const char *const *exports, size_t export_n,
                              struct mm_conv_verdict *out, struct mm_err *err)
{
    struct check c = {.arena = mm_arena_new()};
    const struct mm_rom_package *const *api = mm_api_packages();
    struct mm_verify_env env = {.loaded = library_at, .ctx = &c};
    struct mm_verify_stats stats = {.methods = 0};
    enum mm_status st = MM_OK;

    c.caps = mm_arena_alloc(c.arena, library_n + 1, sizeof(*c.caps));
    c.roms = mm_arena_alloc(c.arena, PACKAGES_MAX + 1, sizeof(*c.roms));
    for (; api[c.rom_n] != NULL && c.rom_n < PACKAGES_MAX; c.rom_n++)
        c.roms[c.rom_n] = api[c.rom_n];
    for (; st == MM_OK && c.cap_n <= library_n; c.cap_n++)
        st = mm_cap_read_file(c.cap_n == 0 ? path : libraries[c.cap_n - 1], &c.caps[c.cap_n], err);
    for (size_t i = 0; st == MM_OK && i < export_n; i++)
        st = read_exports(&c, exports[i], err);
    env.rom = c.roms;
    if (st == MM_OK)
        st = mm_verify(c.caps[0], &env, &stats, err);
    out->methods = stats.methods;
    out->described = stats.described;
    while (c.cap_n > 0)
        mm_cap_free(&c.caps[--c.cap_n]);
    mm_arena_free(&c.arena);
    return st;
}
