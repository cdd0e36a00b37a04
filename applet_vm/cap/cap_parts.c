/* The small components: Header, Directory, Import, Applet, StaticField, Export, RefLocation. */
#include "applet_vm/cap/cap_int.h"

#include <stdlib.h>

#define FLAG_EXTENDED 0x08 /* CAP 2.3 */
#define CAP_MAGIC     0xDECAFFEDu

static enum mm_status no_memory(struct mm_err *err)
{
    return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

static enum mm_status read_aid(struct mm_rd *rd, struct mm_aid *aid, enum mm_cap_tag tag,
                               struct mm_err *err)
{
    size_t off = rd->off;
    uint8_t len = mm_rd_u8(rd);
    const uint8_t *bytes = mm_rd_bytes(rd, len);

    if (bytes == NULL)
        return mm_cap_bad(err, tag, off, "AID is cut off");
    if (mm_aid_set(aid, bytes, len) != MM_OK)
        return mm_cap_bad(err, tag, off, "AID of %u bytes, 5 to 16 expected", len);
    return MM_OK;
}

/* JCVM 6.4 */
enum mm_status mm_cap_read_header(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    enum mm_status st;
    uint32_t magic;
    uint8_t major;

    mm_cap_rd(cap, MM_CAP_HEADER, &rd);
    magic = mm_rd_u32(&rd);
    if (magic != CAP_MAGIC)
        return mm_cap_bad(err, MM_CAP_HEADER, 0, "magic %08x, DECAFFED expected", (unsigned)magic);
    cap->format_minor = mm_rd_u8(&rd);
    major = mm_rd_u8(&rd);
    if (major != 2 || cap->format_minor < 1 || cap->format_minor > 3)
        return mm_fail(err, MM_UNSUPPORTED, 4,
                       "Header component, offset 0x4: CAP format %u.%u; 2.1 to 2.3 are read", major,
                       cap->format_minor);
    cap->flags = mm_rd_u8(&rd);
    if (cap->format_minor == 3 && (cap->flags & FLAG_EXTENDED) != 0)
        return mm_fail(err, MM_UNSUPPORTED, 6,
                       "Header component, offset 0x6: extended CAP format; of 2.3 the compact one "
                       "is read");
    if ((cap->flags & ~0x07u) != 0)
        return mm_cap_bad(err, MM_CAP_HEADER, 6, "flags 0x%02x, only bits 0 to 2 are defined",
                          cap->flags);
    cap->minor = mm_rd_u8(&rd);
    cap->major = mm_rd_u8(&rd);
    st = read_aid(&rd, &cap->aid, MM_CAP_HEADER, err);
    if (st != MM_OK)
        return st;
    if (cap->format_minor >= 2)
        (void)mm_rd_bytes(&rd, mm_rd_u8(&rd)); /* package name; a short one fails below */
    return mm_cap_rd_end(&rd, MM_CAP_HEADER, err);
}

/* JCVM 6.7 */
enum mm_status mm_cap_read_import(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    uint8_t n;

    mm_cap_rd(cap, MM_CAP_IMPORT, &rd);
    n = mm_rd_u8(&rd);
    if (n > 128) /* a package token has 7 bits */
        return mm_cap_bad(err, MM_CAP_IMPORT, 0, "%u packages, at most 128 can be numbered", n);
    cap->imports = calloc(n + 1u, sizeof(cap->imports[0]));
    if (cap->imports == NULL)
        return no_memory(err);
    for (; cap->import_n < n; cap->import_n++) {
        struct mm_cap_import *imp = &cap->imports[cap->import_n];
        enum mm_status st;
        imp->minor = mm_rd_u8(&rd);
        imp->major = mm_rd_u8(&rd);
        st = read_aid(&rd, &imp->aid, MM_CAP_IMPORT, err);
        if (st != MM_OK)
            return st;
    }
    return mm_cap_rd_end(&rd, MM_CAP_IMPORT, err);
}

/* JCVM 6.6 */
enum mm_status mm_cap_read_applet(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    uint8_t n;

    if (cap->comp[MM_CAP_APPLET].info == NULL)
        return MM_OK;
    mm_cap_rd(cap, MM_CAP_APPLET, &rd);
    n = mm_rd_u8(&rd);
    if (n == 0)
        return mm_cap_bad(err, MM_CAP_APPLET, 0, "no applets, at least one expected");
    cap->applets = calloc(n, sizeof(cap->applets[0]));
    if (cap->applets == NULL)
        return no_memory(err);
    for (; cap->applet_n < n; cap->applet_n++) {
        struct mm_cap_applet *app = &cap->applets[cap->applet_n];
        enum mm_status st = read_aid(&rd, &app->aid, MM_CAP_APPLET, err);
        size_t off = rd.off;
        if (st != MM_OK)
            return st;
        for (size_t i = 0; i < cap->applet_n; i++) {
            if (mm_aid_equal(&cap->applets[i].aid, &app->aid))
                return mm_cap_bad(err, MM_CAP_APPLET, off, "the same applet AID twice");
        }
        app->install_off = mm_rd_u16(&rd);
        if (rd.bad)
            break;
        st = mm_cap_mark_method(cap, app->install_off, MM_CAP_APPLET, off, err);
        if (st != MM_OK)
            return st;
    }
    return mm_cap_rd_end(&rd, MM_CAP_APPLET, err);
}

/* JCVM 6.10: array_init records, u1 type, u2 length in bytes, values. */
static enum mm_status check_array_inits(struct mm_rd *rd, const struct mm_cap *cap,
                                        struct mm_err *err)
{
    for (unsigned i = 0; i < cap->statics.array_init_n; i++) {
        size_t off = rd->off;
        uint8_t type = mm_rd_u8(rd);
        uint16_t len = mm_rd_u16(rd);
        unsigned size = type == 5 ? 4 : type == 4 ? 2 : 1;

        if (mm_rd_bytes(rd, len) == NULL)
            return mm_cap_bad(err, MM_CAP_STATIC_FIELD, off, "array initialiser %u is cut off", i);
        if (type < 2 || type > 5)
            return mm_cap_bad(err, MM_CAP_STATIC_FIELD, off, "array type %u, 2 to 5 expected",
                              type);
        if (type == 5 && (cap->flags & 0x01) == 0)
            return mm_cap_bad(err, MM_CAP_STATIC_FIELD, off, "int array, but no INT flag");
        if (len % size != 0)
            return mm_cap_bad(err, MM_CAP_STATIC_FIELD, off, "%u bytes for elements of %u", len,
                              size);
    }
    return MM_OK;
}

enum mm_status mm_cap_read_statics(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_cap_statics *s = &cap->statics;
    struct mm_rd rd;
    enum mm_status st;
    size_t sum;

    mm_cap_rd(cap, MM_CAP_STATIC_FIELD, &rd);
    s->image_len = mm_rd_u16(&rd);
    s->ref_n = mm_rd_u16(&rd);
    s->array_init_n = mm_rd_u16(&rd);
    if (s->array_init_n > s->ref_n)
        return mm_cap_bad(err, MM_CAP_STATIC_FIELD, 4, "%u array initialisers for %u references",
                          s->array_init_n, s->ref_n);
    s->array_init = rd.bad ? NULL : rd.data + rd.off;
    st = check_array_inits(&rd, cap, err);
    if (st != MM_OK)
        return st;
    s->default_n = mm_rd_u16(&rd);
    s->other_n = mm_rd_u16(&rd);
    s->other = mm_rd_bytes(&rd, s->other_n);
    st = mm_cap_rd_end(&rd, MM_CAP_STATIC_FIELD, err);
    if (st != MM_OK)
        return st;
    sum = 2 * (size_t)s->ref_n + s->default_n + s->other_n;
    if (sum != s->image_len)
        return mm_cap_bad(err, MM_CAP_STATIC_FIELD, 0, "image of %u bytes, its parts make %zu",
                          s->image_len, sum);
    return MM_OK;
}

static enum mm_status check_export(struct mm_cap *cap, const struct mm_cap_export *ex, size_t off,
                                   struct mm_err *err)
{
    if (mm_cap_class_at(cap, ex->class_off) == NULL)
        return mm_cap_bad(err, MM_CAP_EXPORT, off, "no class at 0x%x", ex->class_off);
    for (size_t i = 0; i < ex->field_n; i++) {
        if (mm_be16(ex->fields + 2 * i) >= cap->statics.image_len)
            return mm_cap_bad(err, MM_CAP_EXPORT, off, "static field %zu is outside the image", i);
    }
    for (size_t i = 0; i < ex->method_n; i++) {
        enum mm_status st =
            mm_cap_mark_method(cap, mm_be16(ex->methods + 2 * i), MM_CAP_EXPORT, off, err);
        if (st != MM_OK)
            return st;
    }
    return MM_OK;
}

/* JCVM 6.12 */
enum mm_status mm_cap_read_export(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    uint8_t n;

    if (cap->comp[MM_CAP_EXPORT].info == NULL)
        return MM_OK;
    mm_cap_rd(cap, MM_CAP_EXPORT, &rd);
    n = mm_rd_u8(&rd);
    cap->exports = calloc(n + 1u, sizeof(cap->exports[0]));
    if (cap->exports == NULL)
        return no_memory(err);
    for (; cap->export_n < n; cap->export_n++) {
        struct mm_cap_export *ex = &cap->exports[cap->export_n];
        size_t off = rd.off;
        enum mm_status st;
        ex->class_off = mm_rd_u16(&rd);
        ex->field_n = mm_rd_u8(&rd);
        ex->method_n = mm_rd_u8(&rd);
        ex->fields = mm_rd_bytes(&rd, 2u * ex->field_n);
        ex->methods = mm_rd_bytes(&rd, 2u * ex->method_n);
        if (rd.bad)
            break;
        st = check_export(cap, ex, off, err);
        if (st != MM_OK)
            return st;
    }
    return mm_cap_rd_end(&rd, MM_CAP_EXPORT, err);
}

/* JCVM 6.11: two lists of distances; each site is a constant pool index of size bytes. */
static enum mm_status walk_sites(struct mm_rd *rd, size_t method_len, unsigned size,
                                 struct mm_err *err)
{
    uint16_t n = mm_rd_u16(rd);
    size_t pos = 0;

    for (unsigned i = 0; i < n && !rd->bad; i++) {
        size_t off = rd->off;
        uint8_t step = mm_rd_u8(rd);
        pos += step;
        if (step != 0xFF && pos + size > method_len)
            return mm_cap_bad(err, MM_CAP_REF_LOCATION, off,
                              "site 0x%zx is outside the Method component", pos);
    }
    return MM_OK;
}

enum mm_status mm_cap_check_ref_location(const struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    enum mm_status st;

    mm_cap_rd(cap, MM_CAP_REF_LOCATION, &rd);
    st = walk_sites(&rd, cap->comp[MM_CAP_METHOD].len, 1, err);
    if (st == MM_OK)
        st = walk_sites(&rd, cap->comp[MM_CAP_METHOD].len, 2, err);
    return st == MM_OK ? mm_cap_rd_end(&rd, MM_CAP_REF_LOCATION, err) : st;
}

static size_t array_init_bytes(const struct mm_cap *cap)
{
    const uint8_t *p = cap->statics.array_init;
    size_t sum = 0;

    for (unsigned i = 0; i < cap->statics.array_init_n; i++) {
        size_t len = mm_be16(p + 1);
        sum += len;
        p += 3 + len;
    }
    return sum;
}

static enum mm_status check_value(size_t got, size_t expected, const char *what, size_t off,
                                  struct mm_err *err)
{
    if (got == expected)
        return MM_OK;
    return mm_cap_bad(err, MM_CAP_DIRECTORY, off, "%s %zu, but there are %zu", what, got, expected);
}

/* JCVM 6.5. Debug is never in a load file and Descriptor may be left out; their sizes stay. Format 2.3
 * tells the size of static resources as well, in four bytes; they are not read. */
static enum mm_status check_sizes(const struct mm_cap *cap, struct mm_rd *rd, struct mm_err *err)
{
    unsigned n = cap->format_minor >= 2 ? 12 : 11;

    for (unsigned tag = 1; tag <= n; tag++) {
        size_t off = rd->off;
        uint16_t len = mm_rd_u16(rd);
        const struct mm_cap_component *c = &cap->comp[tag];
        bool may_lack = tag == MM_CAP_DESCRIPTOR || tag == MM_CAP_DEBUG;

        if (rd->bad || (c->info == NULL && may_lack))
            continue;
        if (len != c->len)
            return mm_cap_bad(err, MM_CAP_DIRECTORY, off, "%s has %u bytes, but %u are there",
                              mm_cap_tag_name(tag), len, c->len);
    }
    if (cap->format_minor >= 3 && mm_rd_u32(rd) != 0)
        return mm_fail(err, MM_UNSUPPORTED, rd->off,
                       "Directory component, offset 0x%zx: static resources are not read", rd->off);
    return MM_OK;
}

enum mm_status mm_cap_check_directory(const struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;
    enum mm_status st;
    size_t off, values[5];
    uint8_t custom_n;

    mm_cap_rd(cap, MM_CAP_DIRECTORY, &rd);
    st = check_sizes(cap, &rd, err);
    if (st != MM_OK)
        return st;
    off = rd.off;
    for (size_t i = 0; i < 3; i++)
        values[i] = mm_rd_u16(&rd);
    values[3] = mm_rd_u8(&rd);
    values[4] = mm_rd_u8(&rd);
    custom_n = mm_rd_u8(&rd);
    for (unsigned i = 0; i < custom_n && !rd.bad; i++) {
        (void)mm_rd_bytes(&rd, 3);
        (void)mm_rd_bytes(&rd, mm_rd_u8(&rd));
    }
    st = mm_cap_rd_end(&rd, MM_CAP_DIRECTORY, err);
    if (st == MM_OK)
        st = check_value(values[0], cap->statics.image_len, "static image bytes", off, err);
    if (st == MM_OK)
        st = check_value(values[1], cap->statics.array_init_n, "array initialisers", off, err);
    if (st == MM_OK)
        st = check_value(values[2], array_init_bytes(cap), "array initialiser bytes", off, err);
    if (st == MM_OK)
        st = check_value(values[3], cap->import_n, "imports", off, err);
    if (st == MM_OK)
        st = check_value(values[4], cap->applet_n, "applets", off, err);
    if (st == MM_OK && cap->custom_n > custom_n)
        st = check_value(custom_n, cap->custom_n, "custom components", off, err);
    return st;
}
