/* The .cap archive (JCVM 3.0.5, 4.1.3): a ZIP of components and a manifest. Fixed times, fixed
 * order and no compression, so that the same classes give the same bytes anywhere. */
#include "converter/conv_int.h"

#include <string.h>
#include <zip.h>

#define LINE_MAX_LEN 72
#define DOS_TIME     0
#define DOS_DATE     ((1 << 5) | 1) /* 1980-01-01, the first day that ZIP knows */

static void put(struct mm_buf *out, const char *fmt, ...) MM_PRINTF(2, 3);
static void put(struct mm_buf *out, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    mm_buf_bytes(out, line, strlen(line));
}

/* AIDs in manifests are written "0xA0:0x00:...". */
static void put_aid(struct mm_buf *out, const struct mm_aid *aid)
{
    for (unsigned i = 0; i < aid->len; i++)
        put(out, "%s0x%02x", i == 0 ? "" : ":", aid->bytes[i]);
    put(out, "\r\n");
}

static void write_manifest(const struct mm_conv *cv, struct mm_buf *out)
{
    put(out, "Manifest-Version: 1.0\r\nCreated-By: mintmark-convert %s\r\n\r\n", MM_VERSION);
    put(out, "Name: %s\r\nJava-Card-CAP-File-Version: 2.%u\r\n", cv->name, cv->cap_minor);
    put(out, "Java-Card-Converter-Provider: Mintmark\r\nJava-Card-Converter-Version: %s\r\n",
        MM_VERSION);
    put(out, "Java-Card-Integer-Support-Required: %s\r\n", cv->uses_int ? "TRUE" : "FALSE");
    put(out, "Java-Card-Package-Name: %s\r\nJava-Card-Package-AID: ", cv->opt->package);
    put_aid(out, &cv->opt->aid);
    put(out, "Java-Card-Package-Version: %u.%u\r\n", cv->opt->major, cv->opt->minor);
    for (size_t i = 0; i < cv->opt->applet_n; i++) {
        const char *name = cv->opt->applets[i].class_name;
        const char *dot = strrchr(name, '.');

        put(out, "Java-Card-Applet-%zu-Name: %s\r\n", i + 1, dot == NULL ? name : dot + 1);
        put(out, "Java-Card-Applet-%zu-AID: ", i + 1);
        put_aid(out, &cv->opt->applets[i].aid);
    }
    for (size_t i = 0; i < cv->import_n; i++) {
        put(out, "Java-Card-Imported-Package-%zu-AID: ", i + 1);
        put_aid(out, &cv->imports[i]->aid);
        put(out, "Java-Card-Imported-Package-%zu-Version: %u.%u\r\n", i + 1, cv->imports[i]->major,
            cv->imports[i]->minor);
    }
    put(out, "\r\n");
}

/* A line of a manifest has at most 72 bytes (JAR file specification); it goes on after CR LF SP. */
static void fold(const struct mm_buf *lines, struct mm_buf *out)
{
    size_t column = 0;

    for (size_t i = 0; i < lines->len; i++) {
        if (column == LINE_MAX_LEN && lines->data[i] != '\r') {
            mm_buf_bytes(out, "\r\n ", 3);
            column = 1;
        }
        mm_buf_u8(out, lines->data[i]);
        column = lines->data[i] == '\r' || lines->data[i] == '\n' ? 0 : column + 1;
    }
    out->bad = out->bad || lines->bad;
}

/* The archive borrows data until it is closed. */
static bool add(zip_t *zip, const char *name, const void *data, size_t len)
{
    zip_source_t *src = zip_source_buffer(zip, data, len, 0);
    zip_int64_t idx;

    if (src == NULL)
        return false;
    idx = zip_file_add(zip, name, src, ZIP_FL_ENC_UTF_8);
    if (idx < 0) {
        zip_source_free(src);
        return false;
    }
    return zip_set_file_compression(zip, (zip_uint64_t)idx, ZIP_CM_STORE, 0) == 0 &&
           zip_file_set_dostime(zip, (zip_uint64_t)idx, DOS_TIME, DOS_DATE, 0) == 0;
}

/* tag, size, info */
static bool add_component(struct mm_conv *cv, zip_t *zip, int tag)
{
    const struct mm_buf *info = &cv->parts[tag];
    const char *name =
        mm_arena_printf(cv->arena, "%s/javacard/%s.cap", cv->name, mm_cap_tag_name((unsigned)tag));
    uint8_t *bytes = mm_arena_alloc(cv->arena, info->len + 3, 1);

    bytes[0] = (uint8_t)tag;
    mm_put_be16(bytes + 1, (uint16_t)info->len);
    memcpy(bytes + 3, info->data, info->len);
    return add(zip, name, bytes, info->len + 3);
}

enum mm_status mm_conv_archive(struct mm_conv *cv, const char *path, struct mm_err *err)
{
    int code = 0;
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    struct mm_buf lines, manifest;
    bool ok = zip != NULL;
    zip_error_t ze;

    if (zip == NULL) {
        zip_error_init_with_code(&ze, code);
        (void)mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, zip_error_strerror(&ze));
        zip_error_fini(&ze);
        return MM_IO;
    }
    mm_buf_init(&lines);
    mm_buf_init(&manifest);
    write_manifest(cv, &lines);
    fold(&lines, &manifest);
    ok = !manifest.bad && add(zip, "META-INF/MANIFEST.MF", manifest.data, manifest.len);
    for (int tag = MM_CAP_HEADER; ok && tag < MM_CAP_COMPONENT_N; tag++) {
        if (cv->parts[tag].len != 0)
            ok = add_component(cv, zip, tag);
    }
    if (!ok || zip_close(zip) != 0) {
        (void)mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, zip_strerror(zip));
        zip_discard(zip);
        ok = false;
    }
    mm_buf_clear(&manifest);
    mm_buf_clear(&lines);
    return ok ? MM_OK : MM_IO;
}
