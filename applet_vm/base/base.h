/*
 * Base: what every module uses. Statuses and error text, a bounded read cursor, a bounded write
 * buffer, AIDs, hexadecimal. No module state; nothing here does I/O except mm_file_*.
 */
#ifndef MM_BASE_H
#define MM_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_USE_RESULT   __attribute__((warn_unused_result))
#define MM_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define MM_VERSION "0.1.0"

/* ---- Statuses: one enum for the whole project ---- */
enum mm_status {
#define MM_STATUS(name, sentence) MM_##name,
#include "applet_vm/base/status.def"
#undef MM_STATUS
    MM_STATUS_N
};

/* Sentence of a status, never NULL. */
const char *mm_status_text(enum mm_status st);

/* Exit status of a program that ended with st (DESIGN: 0 done, 1 failed, 2 usage, 3 integrity
 * refused, 4 no reader or card, 5 card or platform error). */
int mm_status_exit(enum mm_status st);

/* What went wrong: the status, where (byte offset or line; SIZE_MAX when there is none), and one
 * line that says what was found and what was expected. A plain value, no ownership. */
struct mm_err {
    enum mm_status st;
    size_t off;
    char text[240];
};

/* Fill err (may be NULL) and return st, so that a failure is one statement. */
enum mm_status mm_fail(struct mm_err *err, enum mm_status st, size_t off, const char *fmt, ...)
    MM_PRINTF(4, 5);

/* Put "prefix: " before the text of err (may be NULL): used while a failure travels up. */
void mm_err_prefix(struct mm_err *err, const char *fmt, ...) MM_PRINTF(2, 3);

/* ---- Read cursor: bounded, big-endian, sticky failure ---- */
/* After a read past the end, bad is set, every later read returns 0 or NULL, and off stays. */
struct mm_rd {
    const uint8_t *data; /* borrowed */
    size_t len;
    size_t off;
    bool bad;
};

void mm_rd_init(struct mm_rd *rd, const uint8_t *data, size_t data_len);
static inline uint8_t mm_rd_u8(struct mm_rd *rd)
{
    if (rd->bad || rd->off >= rd->len) {
        rd->bad = true;
        return 0;
    }
    return rd->data[rd->off++];
}
uint16_t mm_rd_u16(struct mm_rd *rd);
uint32_t mm_rd_u32(struct mm_rd *rd);
const uint8_t *mm_rd_bytes(struct mm_rd *rd, size_t n); /* borrowed; NULL when fewer are left */
size_t mm_rd_left(const struct mm_rd *rd);

/* ---- Write buffer: growing, owned bytes, sticky failure ---- */
struct mm_buf {
    uint8_t *data; /* owned; released by mm_buf_clear */
    size_t len;
    size_t cap;
    bool bad; /* out of memory happened; contents are not to be used */
};

void mm_buf_init(struct mm_buf *buf);
void mm_buf_clear(struct mm_buf *buf); /* wipes and frees */
void mm_buf_u8(struct mm_buf *buf, uint8_t v);
void mm_buf_u16(struct mm_buf *buf, uint16_t v); /* big-endian, as all below */
void mm_buf_u32(struct mm_buf *buf, uint32_t v);
void mm_buf_u64(struct mm_buf *buf, uint64_t v);
void mm_buf_bytes(struct mm_buf *buf, const void *data, size_t data_len);
uint8_t *mm_buf_take(struct mm_buf *buf, size_t *len); /* caller owns (free); NULL when bad */

/* ---- Big-endian at a pointer whose bounds the caller has checked ---- */
static inline uint16_t mm_be16(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}
static inline uint32_t mm_be32(const uint8_t *p)
{
    return (uint32_t)mm_be16(p) << 16 | mm_be16(p + 2);
}
static inline void mm_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void mm_put_be32(uint8_t *p, uint32_t v)
{
    mm_put_be16(p, (uint16_t)(v >> 16));
    mm_put_be16(p + 2, (uint16_t)v);
}
static inline void mm_put_be64(uint8_t *p, uint64_t v)
{
    mm_put_be32(p, (uint32_t)(v >> 32));
    mm_put_be32(p + 4, (uint32_t)v);
}
static inline uint64_t mm_be64(const uint8_t *p)
{
    return (uint64_t)mm_be32(p) << 32 | mm_be32(p + 4);
}

/* ---- Application identifiers (ISO 7816-4, 8.2.1.2): 5 to 16 bytes ---- */
#define MM_AID_MIN 5
#define MM_AID_MAX 16
struct mm_aid {
    uint8_t len; /* 0: no AID */
    uint8_t bytes[MM_AID_MAX];
};
enum mm_status mm_aid_set(struct mm_aid *aid, const uint8_t *data, size_t data_len) MM_USE_RESULT;
bool mm_aid_equal(const struct mm_aid *a, const struct mm_aid *b);
bool mm_aid_starts(const struct mm_aid *aid, const uint8_t *prefix, size_t prefix_len);

/* ---- Hexadecimal ---- */
/* Upper-case digits; out needs 2 * data_len + 1 bytes. Returns out. */
char *mm_hex(const uint8_t *data, size_t data_len, char *out);
/* Reads digits, skipping blanks and colons. *out_len: in capacity, out bytes written. */
enum mm_status mm_unhex(const char *text, uint8_t *out, size_t *out_len) MM_USE_RESULT;

/* ---- Base64url without padding (RFC 4648, 5); malloc'ed, owned by the caller; NULL on failure */
char *mm_b64url(const uint8_t *data, size_t data_len);
enum mm_status mm_unb64url(const char *text, size_t text_len, uint8_t **out,
                           size_t *out_len) MM_USE_RESULT;

/* ---- Files ---- */
/* Read a whole file of at most max bytes. *data owned by the caller (free). */
enum mm_status mm_file_read(const char *path, size_t max, uint8_t **data, size_t *data_len,
                            struct mm_err *err) MM_USE_RESULT;
/* After a rename: that the entry of path in its folder has reached the disk. MM_IO if that cannot be had. */
enum mm_status mm_file_sync_folder_of(const char *path);
/* Replace a file as a whole (temporary file, fsync, rename). mode as for open(2). */
enum mm_status mm_file_write(const char *path, const void *data, size_t data_len, unsigned mode,
                             struct mm_err *err) MM_USE_RESULT;
/* Make a directory and its parents (mode 0700); fine when it is there. */
enum mm_status mm_dir_make(const char *path, struct mm_err *err) MM_USE_RESULT;

/* MINTMARK_HOME: home when not NULL, else the variable, else $XDG_STATE_HOME/mintmark, else
 * $HOME/.local/state/mintmark; then "/" and the printf result. malloc'ed; NULL when out of memory. */
char *mm_home_path(const char *home, const char *fmt, ...) MM_PRINTF(2, 3);

/* ---- Log: one line an event to stderr ---- */
/* level: "error", "warn", "info", "debug". With json, one JSON object a line. */
void mm_log_setup(const char *program, bool json, bool debug);
void mm_log(const char *level, const char *event, const char *fmt, ...) MM_PRINTF(3, 4);

/* ---- Configuration: "key = value" lines, '#' comments, [sections] as "section.key" ---- */
/* Calls set(ctx, key, value, line) for each; a status other than OK ends the read. */
typedef enum mm_status (*mm_conf_set)(void *ctx, const char *key, const char *value, unsigned line,
                                      struct mm_err *err);
enum mm_status mm_conf_read(const char *path, mm_conf_set set, void *ctx,
                            struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_conf_parse(const char *text, size_t text_len, mm_conf_set set, void *ctx,
                             struct mm_err *err) MM_USE_RESULT;

#endif
