#include "applet_vm/cap/cap.h"

#include "applet_vm/cap/cap_int.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const tag_names[MM_CAP_COMPONENT_N] = {
    [MM_CAP_HEADER] = "Header",
    [MM_CAP_DIRECTORY] = "Directory",
    [MM_CAP_APPLET] = "Applet",
    [MM_CAP_IMPORT] = "Import",
    [MM_CAP_CONSTANT_POOL] = "ConstantPool",
    [MM_CAP_CLASS] = "Class",
    [MM_CAP_METHOD] = "Method",
    [MM_CAP_STATIC_FIELD] = "StaticField",
    [MM_CAP_REF_LOCATION] = "RefLocation",
    [MM_CAP_EXPORT] = "Export",
    [MM_CAP_DESCRIPTOR] = "Descriptor",
    [MM_CAP_DEBUG] = "Debug",
};

const char *mm_cap_tag_name(unsigned tag)
{
    return tag < MM_CAP_COMPONENT_N && tag_names[tag] != NULL ? tag_names[tag] : "?";
}

enum mm_status mm_cap_bad(struct mm_err *err, enum mm_cap_tag tag, size_t off, const char *fmt, ...)
{
    char what[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return mm_fail(err, MM_MALFORMED, off, "%s component, offset 0x%zx: %s", mm_cap_tag_name(tag),
                   off, what);
}

void mm_cap_rd(const struct mm_cap *cap, enum mm_cap_tag tag, struct mm_rd *rd)
{
    mm_rd_init(rd, cap->comp[tag].info, cap->comp[tag].len);
}

enum mm_status mm_cap_rd_end(const struct mm_rd *rd, enum mm_cap_tag tag, struct mm_err *err)
{
    if (rd->bad)
        return mm_cap_bad(err, tag, rd->off, "contents go on past the end (%zu bytes)", rd->len);
    if (mm_rd_left(rd) != 0)
        return mm_cap_bad(err, tag, rd->off, "%zu bytes too many", mm_rd_left(rd));
    return MM_OK;
}

/* ---- Components: u1 tag, u2 size, info ---- */

static enum mm_status split(struct mm_cap *cap, struct mm_err *err)
{
    struct mm_rd rd;

    mm_rd_init(&rd, cap->data, cap->data_len);
    while (mm_rd_left(&rd) != 0) {
        size_t off = rd.off;
        uint8_t tag = mm_rd_u8(&rd);
        uint16_t len = mm_rd_u16(&rd);
        const uint8_t *info = mm_rd_bytes(&rd, len);

        if (info == NULL)
            return mm_fail(err, MM_TRUNCATED, off, "offset 0x%zx: component %u (%s) is cut off",
                           off, tag, mm_cap_tag_name(tag));
        if (off == 0 && tag != MM_CAP_HEADER)
            return mm_fail(err, MM_MALFORMED, off, "offset 0: tag %u where the Header (1) must be",
                           tag);
        if (tag >= 128) {
            cap->custom_n++;
            continue;
        }
        if (tag == 0 || tag >= MM_CAP_COMPONENT_N)
            return mm_fail(err, MM_UNSUPPORTED, off, "offset 0x%zx: component tag %u is not known",
                           off, tag);
        if (cap->comp[tag].info != NULL)
            return mm_fail(err, MM_MALFORMED, off, "offset 0x%zx: a second %s component", off,
                           mm_cap_tag_name(tag));
        cap->comp[tag] = (struct mm_cap_component){.info = info, .len = len};
    }
    return MM_OK;
}

static enum mm_status check_all_there(const struct mm_cap *cap, struct mm_err *err)
{
    static const uint8_t needed[] = {MM_CAP_HEADER,        MM_CAP_DIRECTORY,   MM_CAP_IMPORT,
                                     MM_CAP_CONSTANT_POOL, MM_CAP_CLASS,       MM_CAP_METHOD,
                                     MM_CAP_STATIC_FIELD,  MM_CAP_REF_LOCATION};

    for (size_t i = 0; i < sizeof(needed); i++) {
        if (cap->comp[needed[i]].info == NULL)
            return mm_fail(err, MM_TRUNCATED, cap->data_len, "the %s component is missing",
                           mm_cap_tag_name(needed[i]));
    }
    if (((cap->flags & 0x04) != 0) != (cap->comp[MM_CAP_APPLET].info != NULL))
        return mm_cap_bad(err, MM_CAP_HEADER, 6, "flags 0x%02x disagree with the Applet component",
                          cap->flags);
    if (((cap->flags & 0x02) != 0) != (cap->comp[MM_CAP_EXPORT].info != NULL))
        return mm_cap_bad(err, MM_CAP_HEADER, 6, "flags 0x%02x disagree with the Export component",
                          cap->flags);
    return MM_OK;
}

/* The steps, each resting on those before it. */
static enum mm_status check(struct mm_cap *cap, struct mm_err *err)
{
    static enum mm_status (*const steps[])(struct mm_cap *, struct mm_err *) = {
        mm_cap_read_import,        mm_cap_read_handlers,   mm_cap_read_applet,
        mm_cap_read_classes,       mm_cap_read_statics,    mm_cap_read_export,
        mm_cap_read_constant_pool, mm_cap_read_descriptor, mm_cap_check_code,
    };
    enum mm_status st = split(cap, err);

    if (st == MM_OK && cap->comp[MM_CAP_HEADER].info == NULL)
        st = mm_fail(err, MM_TRUNCATED, 0, "no components at all");
    if (st == MM_OK)
        st = mm_cap_read_header(cap, err);
    if (st == MM_OK)
        st = check_all_there(cap, err);
    for (size_t i = 0; st == MM_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
        st = steps[i](cap, err);
    if (st == MM_OK)
        st = mm_cap_check_ref_location(cap, err);
    if (st == MM_OK)
        st = mm_cap_check_directory(cap, err);
    return st;
}

enum mm_status mm_cap_read(const uint8_t *data, size_t data_len, struct mm_cap **out,
                           struct mm_err *err)
{
    struct mm_cap *cap;
    enum mm_status st;

    *out = NULL;
    if (data_len == 0)
        return mm_fail(err, MM_TRUNCATED, 0, "empty: a Header component was expected");
    if (data_len > MM_CAP_MAX_LEN)
        return mm_fail(err, MM_TOO_LONG, MM_CAP_MAX_LEN, "%zu bytes, at most %d are read", data_len,
                       MM_CAP_MAX_LEN);
    cap = calloc(1, sizeof(*cap));
    if (cap == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    cap->data = malloc(data_len);
    if (cap->data == NULL) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        goto out;
    }
    memcpy(cap->data, data, data_len);
    cap->data_len = data_len;
    st = check(cap, err);
    free(cap->marks);
    free(cap->desc_len);
    cap->marks = NULL;
    cap->desc_len = NULL;
out:
    if (st != MM_OK)
        mm_cap_free(&cap);
    *out = cap;
    return st;
}

struct mm_cap *mm_cap_share(const struct mm_cap *cap)
{
    struct mm_cap *c = (struct mm_cap *)(uintptr_t)cap; /* the count is no part of what is read */

    c->more_owners++;
    return c;
}

void mm_cap_free(struct mm_cap **cap)
{
    struct mm_cap *c = *cap;

    *cap = NULL;
    if (c == NULL)
        return;
    if (c->more_owners > 0) {
        c->more_owners--;
        return;
    }
    free(c->data);
    free(c->imports);
    free(c->applets);
    free(c->cp);
    free(c->classes);
    free(c->class_places.first);
    free(c->methods);
    free(c->method_places.first);
    free(c->handlers);
    free(c->branches);
    free(c->handler_order);
    free(c->exports);
    free(c);
}

/* ---- Accessors ---- */

const struct mm_aid *mm_cap_aid(const struct mm_cap *cap)
{
    return &cap->aid;
}

uint8_t mm_cap_major(const struct mm_cap *cap)
{
    return cap->major;
}

uint8_t mm_cap_minor(const struct mm_cap *cap)
{
    return cap->minor;
}

uint8_t mm_cap_flags(const struct mm_cap *cap)
{
    return cap->flags;
}

const struct mm_cap_component *mm_cap_component(const struct mm_cap *cap, enum mm_cap_tag tag)
{
    return &cap->comp[tag];
}

size_t mm_cap_import_n(const struct mm_cap *cap)
{
    return cap->import_n;
}

const struct mm_cap_import *mm_cap_import(const struct mm_cap *cap, size_t i)
{
    return i < cap->import_n ? &cap->imports[i] : NULL;
}

size_t mm_cap_applet_n(const struct mm_cap *cap)
{
    return cap->applet_n;
}

const struct mm_cap_applet *mm_cap_applet(const struct mm_cap *cap, size_t i)
{
    return i < cap->applet_n ? &cap->applets[i] : NULL;
}

size_t mm_cap_cp_n(const struct mm_cap *cap)
{
    return cap->cp_n;
}

const struct mm_cap_cp *mm_cap_cp(const struct mm_cap *cap, size_t i)
{
    return i < cap->cp_n ? &cap->cp[i] : NULL;
}

const uint8_t *mm_cap_lfdb(const struct mm_cap *cap, size_t *len)
{
    *len = cap->data_len;
    return cap->data;
}

void mm_cap_code_digest(const struct mm_cap *cap, uint8_t digest[MM_DIGEST_LEN])
{
    SHA256(cap->data, cap->data_len, digest);
}

size_t mm_cap_method_n(const struct mm_cap *cap)
{
    return cap->method_n;
}

const struct mm_cap_method *mm_cap_method(const struct mm_cap *cap, size_t i)
{
    return i < cap->method_n ? &cap->methods[i] : NULL;
}

bool mm_cap_places_open(struct mm_cap_places *places, size_t len)
{
    places->n = (len >> MM_CAP_PLACE_SHIFT) + 1;
    places->first = malloc(places->n * sizeof(places->first[0]));
    if (places->first == NULL)
        return false;
    memset(places->first, 0xFF, places->n * sizeof(places->first[0])); /* MM_CAP_NO_PLACE */
    return true;
}

void mm_cap_place(struct mm_cap_places *places, size_t off, size_t i)
{
    for (size_t k = (off >> MM_CAP_PLACE_SHIFT) + 1;
         k > 0 && places->first[k - 1] == MM_CAP_NO_PLACE; k--)
        places->first[k - 1] = (uint16_t)i;
}

/* The one at an offset in a list that is sorted by it; NULL: none. */
#define FIND(list, list_n, places, wanted, out)                                                    \
    do {                                                                                           \
        size_t at_ = (size_t)(wanted) >> MM_CAP_PLACE_SHIFT;                                       \
        size_t i_ = at_ < (places).n ? (places).first[at_] : MM_CAP_NO_PLACE;                      \
        while (i_ < (list_n) && (list)[i_].off < (wanted))                                         \
            i_++;                                                                                  \
        (out) = i_ < (list_n) && (list)[i_].off == (wanted) ? &(list)[i_] : NULL;                  \
    } while (0)

const struct mm_cap_method *mm_cap_method_at(const struct mm_cap *cap, uint16_t off)
{
    const struct mm_cap_method *m;

    FIND(cap->methods, cap->method_n, cap->method_places, off, m);
    return m;
}

const uint16_t *mm_cap_method_branches(const struct mm_cap *cap, const struct mm_cap_method *m)
{
    return cap->branches + m->branch_first;
}

size_t mm_cap_handler_n(const struct mm_cap *cap)
{
    return cap->handler_n;
}

const struct mm_cap_handler *mm_cap_handler(const struct mm_cap *cap, size_t i)
{
    return i < cap->handler_n ? &cap->handlers[i] : NULL;
}

size_t mm_cap_method_handler(const struct mm_cap *cap, const struct mm_cap_method *m, size_t i)
{
    return cap->handler_order[m->handler_first + i];
}

size_t mm_cap_class_n(const struct mm_cap *cap)
{
    return cap->class_n;
}

const struct mm_cap_class *mm_cap_class(const struct mm_cap *cap, size_t i)
{
    return i < cap->class_n ? &cap->classes[i] : NULL;
}

const struct mm_cap_class *mm_cap_class_at(const struct mm_cap *cap, uint16_t off)
{
    const struct mm_cap_class *c;

    FIND(cap->classes, cap->class_n, cap->class_places, off, c);
    return c;
}

const struct mm_cap_statics *mm_cap_statics(const struct mm_cap *cap)
{
    return &cap->statics;
}

size_t mm_cap_export_n(const struct mm_cap *cap)
{
    return cap->export_n;
}

bool mm_cap_export(const struct mm_cap *cap, size_t i, struct mm_cap_export *out)
{
    if (i >= cap->export_n)
        return false;
    *out = cap->exports[i];
    return true;
}
