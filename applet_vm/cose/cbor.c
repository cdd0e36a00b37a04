/*
 * CBOR as we write and take it (RFC 8949): libcbor does the work; here are the limits. Taken is only
 * one whole item of definite lengths whose counts fit in the bytes that are there, so that a count
 * never sizes an allocation by itself.
 */
#include "applet_vm/cose/cose.h"

#include <string.h>

#define CBOR_HEAD_MAX  9
#define CBOR_DEPTH_MAX 16

/* ---- Writing ---- */

static void put(struct mm_buf *out, const uint8_t *head, size_t len)
{
    if (len == 0)
        out->bad = true;
    else
        mm_buf_bytes(out, head, len);
}

void mm_cbor_int(struct mm_buf *out, int64_t v)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head,
        v >= 0 ? cbor_encode_uint((uint64_t)v, head, sizeof(head))
               : cbor_encode_negint((uint64_t)(-1 - v), head, sizeof(head)));
}

void mm_cbor_uint(struct mm_buf *out, uint64_t v)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_uint(v, head, sizeof(head)));
}

void mm_cbor_bytes(struct mm_buf *out, const void *data, size_t data_len)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_bytestring_start(data_len, head, sizeof(head)));
    if (data_len > 0)
        mm_buf_bytes(out, data, data_len);
}

void mm_cbor_text(struct mm_buf *out, const char *text)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_string_start(strlen(text), head, sizeof(head)));
    mm_buf_bytes(out, text, strlen(text));
}

void mm_cbor_bool(struct mm_buf *out, bool v)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_bool(v, head, sizeof(head)));
}

void mm_cbor_array(struct mm_buf *out, size_t n)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_array_start(n, head, sizeof(head)));
}

void mm_cbor_map(struct mm_buf *out, size_t n)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_map_start(n, head, sizeof(head)));
}

void mm_cbor_tag(struct mm_buf *out, uint64_t tag)
{
    uint8_t head[CBOR_HEAD_MAX];

    put(out, head, cbor_encode_tag(tag, head, sizeof(head)));
}

/* ---- Reading ---- */

/* One pass over the input: how many items are still owed at each depth. */
struct scan {
    uint64_t owed[CBOR_DEPTH_MAX + 1];
    size_t depth;
    size_t left; /* bytes behind the item being looked at */
    bool bad;
};

static void scan_item(struct scan *s)
{
    s->owed[s->depth]--;
    while (s->depth > 0 && s->owed[s->depth] == 0)
        s->depth--;
}

static void scan_open(struct scan *s, uint64_t n)
{
    s->owed[s->depth]--;
    if (n > s->left || s->depth == CBOR_DEPTH_MAX) {
        s->bad = true;
        return;
    }
    s->depth++;
    s->owed[s->depth] = n;
    while (s->depth > 0 && s->owed[s->depth] == 0)
        s->depth--;
}

static void on_u8(void *s, uint8_t v)
{
    (void)v;
    scan_item(s);
}
static void on_u16(void *s, uint16_t v)
{
    (void)v;
    scan_item(s);
}
static void on_u32(void *s, uint32_t v)
{
    (void)v;
    scan_item(s);
}
static void on_u64(void *s, uint64_t v)
{
    (void)v;
    scan_item(s);
}
static void on_string(void *s, cbor_data data, size_t len)
{
    (void)data;
    (void)len;
    scan_item(s);
}
static void on_array(void *s, size_t n)
{
    scan_open(s, n);
}
static void on_map(void *s, size_t n)
{
    scan_open(s, n > SIZE_MAX / 2 ? SIZE_MAX : n * 2);
}
static void on_tag(void *s, uint64_t tag)
{
    (void)tag;
    scan_open(s, 1);
}
static void on_bool(void *s, bool v)
{
    (void)v;
    scan_item(s);
}
static void on_null(void *s)
{
    scan_item(s);
}
/* Not in anything we define: floats, undefined, indefinite lengths. */
static void refuse(void *s)
{
    ((struct scan *)s)->bad = true;
}
static void refuse_float(void *s, float v)
{
    (void)v;
    refuse(s);
}
static void refuse_double(void *s, double v)
{
    (void)v;
    refuse(s);
}

static const struct cbor_callbacks scan_callbacks = {
    .uint8 = on_u8,
    .uint16 = on_u16,
    .uint32 = on_u32,
    .uint64 = on_u64,
    .negint8 = on_u8,
    .negint16 = on_u16,
    .negint32 = on_u32,
    .negint64 = on_u64,
    .byte_string = on_string,
    .byte_string_start = refuse,
    .string = on_string,
    .string_start = refuse,
    .array_start = on_array,
    .indef_array_start = refuse,
    .map_start = on_map,
    .indef_map_start = refuse,
    .tag = on_tag,
    .float2 = refuse_float,
    .float4 = refuse_float,
    .float8 = refuse_double,
    .undefined = refuse,
    .null = on_null,
    .boolean = on_bool,
    .indef_break = refuse,
};

static enum mm_status scan(const uint8_t *data, size_t len, struct mm_err *err)
{
    struct scan s = {.owed = {1}};
    size_t off = 0;

    while (s.owed[0] > 0 || s.depth > 0) {
        struct cbor_decoder_result r;
        /* An item's count is held against the bytes behind its first one. */
        s.left = off < len ? len - off - 1 : 0;
        r = cbor_stream_decode(data + off, len - off, &scan_callbacks, &s);
        if (r.status == CBOR_DECODER_NEDATA)
            return mm_fail(err, MM_TRUNCATED, off, "CBOR ends inside an item");
        if (r.status != CBOR_DECODER_FINISHED || s.bad)
            return mm_fail(err, MM_MALFORMED, off,
                           "CBOR byte 0x%02x: expected an item of definite length that fits",
                           data[off]);
        off += r.read;
    }
    if (off != len)
        return mm_fail(err, MM_MALFORMED, off, "%zu bytes behind the CBOR item", len - off);
    return MM_OK;
}

enum mm_status mm_cbor_parse(const uint8_t *data, size_t data_len, cbor_item_t **out,
                             struct mm_err *err)
{
    struct cbor_load_result result;
    enum mm_status st;

    *out = NULL;
    if (data_len == 0)
        return mm_fail(err, MM_TRUNCATED, 0, "no CBOR item");
    st = scan(data, data_len, err);
    if (st != MM_OK)
        return st;
    *out = cbor_load(data, data_len, &result);
    if (*out == NULL)
        return mm_fail(err, MM_MALFORMED, result.error.position, "CBOR cannot be read");
    return MM_OK;
}

static bool key_is(const cbor_item_t *item, int64_t key)
{
    if (key >= 0)
        return cbor_isa_uint(item) && cbor_get_int(item) == (uint64_t)key;
    return cbor_isa_negint(item) && cbor_get_int(item) == (uint64_t)(-1 - key);
}

const cbor_item_t *mm_cbor_get(const cbor_item_t *map, int64_t key)
{
    const cbor_item_t *found = NULL;
    const struct cbor_pair *pairs;

    if (map == NULL || !cbor_isa_map(map))
        return NULL;
    pairs = cbor_map_handle(map);
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        if (!key_is(pairs[i].key, key))
            continue;
        if (found != NULL)
            return NULL; /* twice: two readers could see two things */
        found = pairs[i].value;
    }
    return found;
}

bool mm_cbor_get_uint(const cbor_item_t *item, uint64_t max, uint64_t *v)
{
    *v = 0;
    if (item == NULL || !cbor_isa_uint(item) || cbor_get_int(item) > max)
        return false;
    *v = cbor_get_int(item);
    return true;
}

bool mm_cbor_get_bool(const cbor_item_t *item, bool *v)
{
    *v = false;
    if (item == NULL || !cbor_isa_float_ctrl(item) || !cbor_is_bool(item))
        return false;
    *v = cbor_get_bool(item);
    return true;
}

bool mm_cbor_get_bytes(const cbor_item_t *item, const uint8_t **data, size_t *data_len)
{
    *data = NULL;
    *data_len = 0;
    if (item == NULL || !cbor_isa_bytestring(item))
        return false;
    *data = cbor_bytestring_handle(item);
    *data_len = cbor_bytestring_length(item);
    return true;
}

bool mm_cbor_get_fixed(const cbor_item_t *item, uint8_t *out, size_t out_len)
{
    const uint8_t *data;
    size_t len;

    memset(out, 0, out_len);
    if (!mm_cbor_get_bytes(item, &data, &len) || len != out_len)
        return false;
    memcpy(out, data, len);
    return true;
}

bool mm_cbor_get_text(const cbor_item_t *item, char *out, size_t out_cap)
{
    size_t len;

    out[0] = '\0';
    if (item == NULL || !cbor_isa_string(item))
        return false;
    len = cbor_string_length(item);
    if (len >= out_cap || memchr(cbor_string_handle(item), '\0', len) != NULL)
        return false;
    if (len > 0)
        memcpy(out, cbor_string_handle(item), len);
    out[len] = '\0';
    return true;
}

size_t mm_cbor_array_n(const cbor_item_t *item)
{
    return item != NULL && cbor_isa_array(item) ? cbor_array_size(item) : 0;
}

const cbor_item_t *mm_cbor_array_at(const cbor_item_t *item, size_t i)
{
    return i < mm_cbor_array_n(item) ? cbor_array_handle(item)[i] : NULL;
}
