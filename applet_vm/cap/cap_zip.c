/*
 * .cap archives: ZIP members <package path>/javacard/<Component>.cap (JCVM 4.1.2); tools also read
 * members without a folder. And .ijc files: the components one after the other.
 */
#include "applet_vm/cap/cap_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zip.h>

#define COMPONENT_MAX (3 + 0xFFFF)                     /* u1 tag, u2 size, info */
#define LFDB_FILE_MAX (MM_CAP_MAX_LEN + COMPONENT_MAX) /* with Debug */

/* The order of a load file (GPCS 2.3.1, C.2 and JCVM 6.3). */
static const uint8_t load_order[] = {
    MM_CAP_HEADER,        MM_CAP_DIRECTORY,    MM_CAP_IMPORT,       MM_CAP_APPLET,
    MM_CAP_CLASS,         MM_CAP_METHOD,       MM_CAP_STATIC_FIELD, MM_CAP_EXPORT,
    MM_CAP_CONSTANT_POOL, MM_CAP_REF_LOCATION, MM_CAP_DESCRIPTOR,
};

struct members {
    zip_int64_t index[MM_CAP_COMPONENT_N]; /* in the archive; -1: not there */
    const char *dir;                       /* of the first one, with its length */
    size_t dir_len;
};

/* Tag of a member's name, 0 when it is no component; *dir_len: length up to and with "javacard/", or 0. */
static unsigned tag_of(const char *name, size_t *dir_len)
{
    const char *slash = strrchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;
    const char *dot;

    *dir_len = (size_t)(base - name);
    if (slash != NULL && (*dir_len < 9 || strncasecmp(base - 9, "javacard/", 9) != 0))
        return 0;
    dot = strrchr(base, '.');
    if (dot == NULL || strcasecmp(dot, ".cap") != 0)
        return 0;
    for (unsigned tag = 1; tag < MM_CAP_COMPONENT_N; tag++) {
        const char *want = mm_cap_tag_name(tag);
        if (strlen(want) == (size_t)(dot - base) && strncasecmp(base, want, strlen(want)) == 0)
            return tag;
    }
    return 0;
}

static enum mm_status find_members(zip_t *zip, struct members *m, struct mm_err *err)
{
    zip_int64_t n = zip_get_num_entries(zip, 0);

    for (size_t i = 0; i < MM_CAP_COMPONENT_N; i++)
        m->index[i] = -1;
    for (zip_int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);
        size_t dir_len = 0;
        unsigned tag = name != NULL ? tag_of(name, &dir_len) : 0;
        if (tag == 0)
            continue;
        if (m->dir == NULL) {
            m->dir = name;
            m->dir_len = dir_len;
        }
        if (dir_len != m->dir_len || strncmp(name, m->dir, dir_len) != 0)
            return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                           "components of two packages: %.80s is not in %.*s", name,
                           (int)(m->dir_len < 80 ? m->dir_len : 80), m->dir);
        if (m->index[tag] >= 0)
            return mm_fail(err, MM_MALFORMED, SIZE_MAX, "the archive has %.80s twice", name);
        m->index[tag] = i;
    }
    if (m->index[MM_CAP_HEADER] < 0)
        return mm_fail(
            err, MM_MALFORMED, SIZE_MAX,
            "no javacard/Header.cap in the archive: not a CAP file of format 2.1 to 2.3");
    return MM_OK;
}

/* One member, appended to out; its tag and size must say what its name says. */
static enum mm_status append(zip_t *zip, zip_int64_t index, unsigned tag, struct mm_buf *out,
                             struct mm_err *err)
{
    const char *name = mm_cap_tag_name(tag);
    enum mm_status st = MM_MALFORMED;
    zip_file_t *file = NULL;
    uint8_t *data = NULL, past_end;
    zip_stat_t info;

    if (zip_stat_index(zip, (zip_uint64_t)index, 0, &info) != 0 ||
        (info.valid & ZIP_STAT_SIZE) == 0)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s.cap: cannot be read", name);
    if (info.size < 3 || info.size > COMPONENT_MAX)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s.cap: %llu bytes, 3 to %d expected", name,
                       (unsigned long long)info.size, COMPONENT_MAX);
    data = malloc(info.size);
    file = zip_fopen_index(zip, (zip_uint64_t)index, 0);
    /* The second read finds the end, where libzip compares the checksum. */
    if (data == NULL || file == NULL ||
        zip_fread(file, data, info.size) != (zip_int64_t)info.size ||
        zip_fread(file, &past_end, 1) != 0) {
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s.cap: cannot be unpacked", name);
        goto out;
    }
    if (data[0] != tag || mm_be16(data + 1) + 3u != info.size) {
        st = mm_fail(err, MM_MALFORMED, 0, "%s.cap: tag %u and size %u, %u and %llu expected", name,
                     data[0], mm_be16(data + 1), tag, (unsigned long long)info.size - 3);
        goto out;
    }
    mm_buf_bytes(out, data, info.size);
    st = MM_OK;
out:
    if (file != NULL)
        (void)zip_fclose(file); /* read only: nothing to lose */
    free(data);
    return st;
}

static enum mm_status open_failed(const char *path, int code, struct mm_err *err)
{
    zip_error_t error;
    enum mm_status st = code == ZIP_ER_NOENT                         ? MM_NOT_FOUND
                        : code == ZIP_ER_READ || code == ZIP_ER_OPEN ? MM_IO
                                                                     : MM_MALFORMED;

    zip_error_init_with_code(&error, code);
    st =
        mm_fail(err, st, SIZE_MAX, "%s: no readable archive: %s", path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return st;
}

/* ---- Files that are a load file data block ---- */

static bool is_lfdb(const char *path)
{
    static const uint8_t magic[] = {0xDE, 0xCA, 0xFF, 0xED};
    uint8_t head[3 + sizeof(magic)];
    FILE *f = fopen(path, "rb");
    bool whole = f != NULL && fread(head, 1, sizeof(head), f) == sizeof(head);

    if (f != NULL)
        (void)fclose(f); /* read only: nothing to lose */
    return whole && head[0] == MM_CAP_HEADER && memcmp(head + 3, magic, sizeof(magic)) == 0;
}

/* In place; what is cut off stays, for mm_cap_read to refuse. */
static size_t leave_out(uint8_t *data, size_t len, bool with_descriptor)
{
    size_t kept = 0, n;

    for (size_t at = 0; at < len; at += n) {
        n = len - at >= 3 ? 3 + (size_t)mm_be16(data + at + 1) : len - at;
        if (n > len - at)
            n = len - at;
        if (data[at] == MM_CAP_DEBUG || (data[at] == MM_CAP_DESCRIPTOR && !with_descriptor))
            continue;
        memmove(data + kept, data + at, n);
        kept += n;
    }
    return kept;
}

enum mm_status mm_cap_lfdb_from_file(const char *path, bool with_descriptor, uint8_t **data,
                                     size_t *data_len, struct mm_err *err)
{
    struct members m = {0};
    struct mm_buf out;
    enum mm_status st;
    int code = 0;
    zip_t *zip;

    *data = NULL;
    *data_len = 0;
    if (is_lfdb(path)) {
        st = mm_file_read(path, LFDB_FILE_MAX, data, data_len, err);
        if (st == MM_OK)
            *data_len = leave_out(*data, *data_len, with_descriptor);
        return st;
    }
    zip = zip_open(path, ZIP_RDONLY, &code);
    if (zip == NULL)
        return open_failed(path, code, err);
    mm_buf_init(&out);
    st = find_members(zip, &m, err);
    for (size_t i = 0; st == MM_OK && i < sizeof(load_order); i++) {
        unsigned tag = load_order[i];
        if (m.index[tag] >= 0 && (with_descriptor || tag != MM_CAP_DESCRIPTOR))
            st = append(zip, m.index[tag], tag, &out, err);
    }
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    if (st == MM_OK && out.bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        *data = mm_buf_take(&out, data_len);
    mm_buf_clear(&out);
    zip_discard(zip);
    return st;
}

enum mm_status mm_cap_read_file(const char *path, struct mm_cap **out, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st;

    *out = NULL;
    st = mm_cap_lfdb_from_file(path, true, &data, &len, err);
    if (st != MM_OK)
        return st;
    st = mm_cap_read(data, len, out, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    free(data);
    return st;
}
