#include "applet_vm/base/base.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* ---- Read cursor ---- */

void mm_rd_init(struct mm_rd *rd, const uint8_t *data, size_t data_len)
{
    *rd = (struct mm_rd){.data = data, .len = data_len};
}

size_t mm_rd_left(const struct mm_rd *rd)
{
    return rd->bad ? 0 : rd->len - rd->off;
}

const uint8_t *mm_rd_bytes(struct mm_rd *rd, size_t n)
{
    static const uint8_t none[1];
    const uint8_t *p;

    if (rd->bad || n > rd->len - rd->off) {
        rd->bad = true;
        return NULL;
    }
    if (rd->data == NULL)
        return none; /* n is 0 here */
    p = rd->data + rd->off;
    rd->off += n;
    return p;
}

uint16_t mm_rd_u16(struct mm_rd *rd)
{
    const uint8_t *p = mm_rd_bytes(rd, 2);
    return p != NULL ? mm_be16(p) : 0;
}

uint32_t mm_rd_u32(struct mm_rd *rd)
{
    const uint8_t *p = mm_rd_bytes(rd, 4);
    return p != NULL ? mm_be32(p) : 0;
}

/* ---- Write buffer ---- */

void mm_buf_init(struct mm_buf *buf)
{
    *buf = (struct mm_buf){0};
}

void mm_buf_clear(struct mm_buf *buf)
{
    if (buf->data != NULL) {
        OPENSSL_cleanse(buf->data, buf->cap);
        free(buf->data);
    }
    mm_buf_init(buf);
}

static bool buf_reserve(struct mm_buf *buf, size_t more)
{
    size_t cap = buf->cap != 0 ? buf->cap : 64;
    uint8_t *data;

    if (buf->bad || more > SIZE_MAX / 2 - buf->len) {
        buf->bad = true;
        return false;
    }
    if (buf->len + more <= buf->cap)
        return true;
    while (cap < buf->len + more)
        cap *= 2;
    /* Not realloc: the old copy may hold a secret and is wiped. */
    data = malloc(cap);
    if (data == NULL) {
        buf->bad = true;
        return false;
    }
    if (buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        OPENSSL_cleanse(buf->data, buf->cap);
        free(buf->data);
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void mm_buf_bytes(struct mm_buf *buf, const void *data, size_t data_len)
{
    if (data_len == 0 || !buf_reserve(buf, data_len))
        return;
    memcpy(buf->data + buf->len, data, data_len);
    buf->len += data_len;
}

void mm_buf_u8(struct mm_buf *buf, uint8_t v)
{
    mm_buf_bytes(buf, &v, 1);
}

void mm_buf_u16(struct mm_buf *buf, uint16_t v)
{
    uint8_t b[2];
    mm_put_be16(b, v);
    mm_buf_bytes(buf, b, sizeof(b));
}

void mm_buf_u32(struct mm_buf *buf, uint32_t v)
{
    uint8_t b[4];
    mm_put_be32(b, v);
    mm_buf_bytes(buf, b, sizeof(b));
}

void mm_buf_u64(struct mm_buf *buf, uint64_t v)
{
    uint8_t b[8];
    mm_put_be64(b, v);
    mm_buf_bytes(buf, b, sizeof(b));
}

uint8_t *mm_buf_take(struct mm_buf *buf, size_t *len)
{
    uint8_t *data = NULL;

    if (!buf->bad && buf_reserve(buf, 1)) { /* never NULL for an empty buffer */
        data = buf->data;
        *len = buf->len;
        mm_buf_init(buf);
    } else {
        *len = 0;
        mm_buf_clear(buf);
    }
    return data;
}

/* ---- AIDs ---- */

enum mm_status mm_aid_set(struct mm_aid *aid, const uint8_t *data, size_t data_len)
{
    *aid = (struct mm_aid){0};
    if (data_len < MM_AID_MIN || data_len > MM_AID_MAX)
        return MM_MALFORMED;
    aid->len = (uint8_t)data_len;
    memcpy(aid->bytes, data, data_len);
    return MM_OK;
}

bool mm_aid_equal(const struct mm_aid *a, const struct mm_aid *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

bool mm_aid_starts(const struct mm_aid *aid, const uint8_t *prefix, size_t prefix_len)
{
    return prefix_len <= aid->len &&
           (prefix_len == 0 || memcmp(aid->bytes, prefix, prefix_len) == 0);
}
