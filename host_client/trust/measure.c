/*
 * Measuring what can be measured from outside a chip: the payment client's files, and the static
 * data of a package from its CAP. Byte layouts: docs/measurement.md.
 */
#include "host_client/trust/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/trust/trust_int.h"

#define LABEL_PROGRAM       "mintmark program 1"
#define LABEL_FILES         "mintmark files 1"
#define LABEL_PACKAGE_FIXED "mintmark package fixed 1"
#define FILES_MAX           256

enum mm_status trust_file_digest(const char *path, uint8_t digest[MM_DIGEST_LEN],
                                 struct mm_err *err)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us */
    enum mm_status st = MM_IO;
    uint8_t chunk[32768];
    ssize_t n = -1;

    if (fd < 0)
        st = errno == ENOENT ? MM_NOT_FOUND : MM_IO;
    if (fd >= 0 && ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
        while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
            if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
                break;
        }
        if (n == 0 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1)
            st = MM_OK;
    }
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "%s: cannot be measured: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    EVP_MD_CTX_free(ctx);
    return st;
}

static enum mm_status finish(struct mm_buf *buf, uint8_t digest[MM_DIGEST_LEN], struct mm_err *err)
{
    enum mm_status st = buf->bad ? MM_NO_MEMORY : MM_CRYPTO;

    if (!buf->bad && EVP_Digest(buf->data, buf->len, digest, NULL, EVP_sha256(), NULL) == 1)
        st = MM_OK;
    mm_buf_clear(buf);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "measurement: %s", mm_status_text(st));
}

static void put_name(struct mm_buf *out, const char *name)
{
    size_t len = strlen(name);

    mm_buf_u16(out, (uint16_t)len);
    mm_buf_bytes(out, name, len);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* ---- Program: the executable and every library it is loaded with ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(base_name(*(char *const *)a), base_name(*(char *const *)b));
}

enum mm_status mm_measure_program(const char *executable, uint8_t code[MM_DIGEST_LEN],
                                  struct mm_err *err)
{
    struct trust_libraries libs = {0};
    uint8_t digest[MM_DIGEST_LEN];
    struct mm_buf buf;
    enum mm_status st;

    memset(code, 0, MM_DIGEST_LEN);
    mm_buf_init(&buf);
    st = trust_file_digest(executable, digest, err);
    if (st == MM_OK)
        st = trust_libraries_list(executable, &libs, err);
    if (st == MM_OK) {
        mm_buf_bytes(&buf, LABEL_PROGRAM, sizeof(LABEL_PROGRAM) - 1);
        mm_buf_bytes(&buf, digest, sizeof(digest));
        mm_buf_u32(&buf, (uint32_t)libs.n);
        if (libs.n > 0)
            qsort(libs.paths, libs.n, sizeof(*libs.paths), by_name);
    }
    for (size_t i = 0; i < libs.n && st == MM_OK; i++) {
        st = trust_file_digest(libs.paths[i], digest, err);
        put_name(&buf, base_name(libs.paths[i]));
        mm_buf_bytes(&buf, digest, sizeof(digest));
    }
    trust_libraries_clear(&libs);
    if (st == MM_OK)
        return finish(&buf, code, err);
    mm_buf_clear(&buf);
    return st;
}

/* ---- Files ---- */

enum mm_status mm_measure_files(const char *const *paths, uint8_t digest[MM_DIGEST_LEN],
                                struct mm_err *err)
{
    const char *sorted[FILES_MAX];
    struct mm_buf buf;
    enum mm_status st = MM_OK;
    size_t n = 0;

    memset(digest, 0, MM_DIGEST_LEN);
    for (; paths != NULL && paths[n] != NULL; n++) {
        if (n == FILES_MAX)
            return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "more than %d files to measure", FILES_MAX);
        sorted[n] = paths[n];
    }
    if (n > 0)
        qsort(sorted, n, sizeof(sorted[0]), by_name);
    mm_buf_init(&buf);
    mm_buf_bytes(&buf, LABEL_FILES, sizeof(LABEL_FILES) - 1);
    mm_buf_u32(&buf, (uint32_t)n);
    for (size_t i = 0; i < n && st == MM_OK; i++) {
        uint8_t one[MM_DIGEST_LEN];
        st = trust_file_digest(sorted[i], one, err);
        put_name(&buf, base_name(sorted[i]));
        mm_buf_u8(&buf, st == MM_OK);
        if (st == MM_OK)
            mm_buf_bytes(&buf, one, sizeof(one));
        else if (st == MM_NOT_FOUND)
            st = MM_OK; /* a state file that was not made yet is a state too */
    }
    if (st == MM_OK)
        return finish(&buf, digest, err);
    mm_buf_clear(&buf);
    return st;
}

/* ---- Static data of a package, as the chip has it before any code of it ran ---- */

static enum mm_status put_arrays(struct mm_rd *rd, uint16_t n, struct mm_buf *out)
{
    /* StaticField array types 2 to 5 (JCVM 3.0.5, 6.11) as newarray types, and element sizes. */
    static const uint8_t type_of[] = {0, 0, 10, 11, 12, 13};
    static const uint8_t size_of[] = {0, 0, 1, 1, 2, 4};

    for (uint16_t i = 0; i < n; i++) {
        uint8_t type = mm_rd_u8(rd);
        uint16_t len = mm_rd_u16(rd);
        const uint8_t *bytes = mm_rd_bytes(rd, len);
        if (bytes == NULL || type < 2 || type > 5 || len % size_of[type] != 0)
            return MM_MALFORMED;
        mm_buf_u8(out, 1);
        mm_buf_u8(out, type_of[type]);
        mm_buf_u16(out, (uint16_t)(len / size_of[type]));
        if (len > 0)
            mm_buf_bytes(out, bytes, len);
    }
    return MM_OK;
}

static enum mm_status put_statics(const struct mm_cap_component *c, struct mm_buf *out)
{
    struct mm_rd rd;
    uint16_t image, refs, arrays, defaults, values;
    struct mm_buf slots;
    const uint8_t *bytes;
    enum mm_status st;

    mm_rd_init(&rd, c != NULL ? c->info : NULL, c != NULL && c->info != NULL ? c->len : 0);
    if (rd.len == 0) {
        mm_buf_u16(out, 0);
        mm_buf_u16(out, 0);
        return MM_OK;
    }
    mm_buf_init(&slots);
    image = mm_rd_u16(&rd);
    refs = mm_rd_u16(&rd);
    arrays = mm_rd_u16(&rd);
    st = put_arrays(&rd, arrays, &slots);
    defaults = mm_rd_u16(&rd);
    values = mm_rd_u16(&rd);
    bytes = mm_rd_bytes(&rd, values);
    if (st == MM_OK && (bytes == NULL || arrays > refs || image != 2 * refs + defaults + values))
        st = MM_MALFORMED;
    if (st == MM_OK) {
        mm_buf_u16(out, refs);
        if (slots.len > 0)
            mm_buf_bytes(out, slots.data, slots.len);
        for (uint16_t i = arrays; i < refs; i++)
            mm_buf_u8(out, 0);
        mm_buf_u16(out, (uint16_t)(defaults + values));
        for (uint16_t i = 0; i < defaults; i++)
            mm_buf_u8(out, 0);
        if (values > 0)
            mm_buf_bytes(out, bytes, values);
    }
    mm_buf_clear(&slots);
    return st;
}

enum mm_status mm_measure_package_fixed(const struct mm_cap *cap, uint8_t digest[MM_DIGEST_LEN],
                                        struct mm_err *err)
{
    const struct mm_aid *aid = mm_cap_aid(cap);
    struct mm_buf buf;
    enum mm_status st;

    memset(digest, 0, MM_DIGEST_LEN);
    mm_buf_init(&buf);
    mm_buf_bytes(&buf, LABEL_PACKAGE_FIXED, sizeof(LABEL_PACKAGE_FIXED) - 1);
    mm_buf_u8(&buf, aid->len);
    mm_buf_bytes(&buf, aid->bytes, aid->len);
    mm_buf_u8(&buf, mm_cap_major(cap));
    mm_buf_u8(&buf, mm_cap_minor(cap));
    st = put_statics(mm_cap_component(cap, MM_CAP_STATIC_FIELD), &buf);
    if (st == MM_OK)
        return finish(&buf, digest, err);
    mm_buf_clear(&buf);
    return mm_fail(err, st, SIZE_MAX, "StaticField component: lengths do not fit together");
}

static void put_aid(struct mm_buf *out, const struct mm_aid *aid)
{
    mm_buf_u8(out, aid->len);
    if (aid->len > 0)
        mm_buf_bytes(out, aid->bytes, aid->len);
}

enum mm_status mm_measure_applet_fixed(const struct mm_aid *instance, const struct mm_aid *module,
                                       const struct mm_cap *cap, const uint8_t privileges[3],
                                       const uint8_t *params, size_t params_len,
                                       uint8_t digest[MM_DIGEST_LEN], struct mm_err *err)
{
    static const char label[] = "mintmark applet fixed 1";
    struct mm_buf buf;

    memset(digest, 0, MM_DIGEST_LEN);
    mm_buf_init(&buf);
    mm_buf_bytes(&buf, label, sizeof(label) - 1);
    put_aid(&buf, instance);
    put_aid(&buf, module);
    put_aid(&buf, mm_cap_aid(cap));
    mm_buf_u8(&buf, mm_cap_major(cap));
    mm_buf_u8(&buf, mm_cap_minor(cap));
    mm_buf_bytes(&buf, privileges, 3);
    mm_buf_u16(&buf, (uint16_t)params_len);
    if (params_len > 0)
        mm_buf_bytes(&buf, params, params_len);
    return finish(&buf, digest, err);
}
