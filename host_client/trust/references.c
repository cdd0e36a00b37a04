/*
 * Reference values: an update object of kind 1 (update.c).
 *
 *   content  {1: version, 2: [item…]}
 *   item     {1: kind, 2: name, 3: [major, minor], 4: code, 5: fixed (optional), 6: true when the
 *             package writes its own statics (optional)}
 */
#include "host_client/trust/trust.h"

#include <stdlib.h>
#include <string.h>

#include "applet_vm/cose/cose.h"

#define ITEM_MAX 4096

enum { CONTENT_VERSION = 1, CONTENT_ITEMS };
enum { ITEM_KIND = 1, ITEM_NAME, ITEM_VERSION, ITEM_CODE, ITEM_FIXED, ITEM_BY_HISTORY };

static enum mm_status malformed(struct mm_err *err, const char *what)
{
    return mm_fail(err, MM_MALFORMED, SIZE_MAX, "reference values: %s", what);
}

/* ---- Reading ---- */

static enum mm_status item_read(const cbor_item_t *map, struct mm_reference *r, struct mm_err *err)
{
    const cbor_item_t *version = mm_cbor_get(map, ITEM_VERSION);
    const cbor_item_t *fixed = mm_cbor_get(map, ITEM_FIXED);
    const cbor_item_t *by_history = mm_cbor_get(map, ITEM_BY_HISTORY);
    uint64_t kind, major, minor;

    if (!mm_cbor_get_uint(mm_cbor_get(map, ITEM_KIND), 2, &kind))
        return malformed(err, "item: 1: expected kind 0, 1 or 2");
    if (!mm_cbor_get_text(mm_cbor_get(map, ITEM_NAME), r->name, sizeof(r->name)) ||
        r->name[0] == '\0')
        return malformed(err, "item: 2: expected a name of 1 to 63 bytes");
    if (mm_cbor_array_n(version) != 2 ||
        !mm_cbor_get_uint(mm_cbor_array_at(version, 0), UINT8_MAX, &major) ||
        !mm_cbor_get_uint(mm_cbor_array_at(version, 1), UINT8_MAX, &minor))
        return malformed(err, "item: 3: expected [major, minor]");
    if (!mm_cbor_get_fixed(mm_cbor_get(map, ITEM_CODE), r->code, MM_DIGEST_LEN))
        return malformed(err, "item: 4: expected a digest of 32 bytes");
    if (fixed != NULL && !mm_cbor_get_fixed(fixed, r->fixed, MM_DIGEST_LEN))
        return malformed(err, "item: 5: expected a digest of 32 bytes");
    if (by_history != NULL && !mm_cbor_get_bool(by_history, &r->fixed_by_history))
        return malformed(err, "item: 6: expected true or false");
    r->has_fixed = fixed != NULL;
    r->kind = (uint8_t)kind;
    r->major = (uint8_t)major;
    r->minor = (uint8_t)minor;
    return MM_OK;
}

static enum mm_status content_read(const cbor_item_t *map, uint64_t version,
                                   struct mm_references *out, struct mm_err *err)
{
    const cbor_item_t *items = mm_cbor_get(map, CONTENT_ITEMS);
    size_t n = mm_cbor_array_n(items);
    uint64_t inner;
    enum mm_status st = MM_OK;

    if (!mm_cbor_get_uint(mm_cbor_get(map, CONTENT_VERSION), UINT32_MAX, &inner) ||
        inner != version)
        return malformed(err, "content: 1: expected the version of the object");
    if (items == NULL || !cbor_isa_array(items) || n > ITEM_MAX)
        return malformed(err, "content: 2: expected an array of items");
    out->items = calloc(n + 1, sizeof(*out->items));
    if (out->items == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t i = 0; i < n && st == MM_OK; i++)
        st = item_read(mm_cbor_array_at(items, i), &out->items[i], err);
    out->item_n = n;
    out->version = (uint32_t)version;
    return st;
}

enum mm_status mm_references_verify(const uint8_t *data, size_t data_len, X509 *release,
                                    struct mm_references *out, struct mm_err *err)
{
    struct mm_update object;
    cbor_item_t *map = NULL;
    enum mm_status st;

    *out = (struct mm_references){0};
    st = mm_update_verify(data, data_len, release, MM_UPDATE_REFERENCES, &object, err);
    if (st == MM_OK)
        st = mm_cbor_parse(object.content, object.content_len, &map, err);
    if (st != MM_OK)
        mm_err_prefix(err, "reference values");
    else
        st = content_read(map, object.version, out, err);
    if (map != NULL)
        cbor_decref(&map);
    if (st != MM_OK)
        mm_references_clear(out);
    mm_update_clear(&object);
    return st;
}

void mm_references_clear(struct mm_references *refs)
{
    free(refs->items);
    *refs = (struct mm_references){0};
}

/* ---- Writing ---- */

static void item_put(const struct mm_reference *r, struct mm_buf *out)
{
    mm_cbor_map(out, 4u + r->has_fixed + r->fixed_by_history);
    mm_cbor_int(out, ITEM_KIND);
    mm_cbor_uint(out, r->kind);
    mm_cbor_int(out, ITEM_NAME);
    mm_cbor_text(out, r->name);
    mm_cbor_int(out, ITEM_VERSION);
    mm_cbor_array(out, 2);
    mm_cbor_uint(out, r->major);
    mm_cbor_uint(out, r->minor);
    mm_cbor_int(out, ITEM_CODE);
    mm_cbor_bytes(out, r->code, MM_DIGEST_LEN);
    if (r->has_fixed) {
        mm_cbor_int(out, ITEM_FIXED);
        mm_cbor_bytes(out, r->fixed, MM_DIGEST_LEN);
    }
    if (r->fixed_by_history) {
        mm_cbor_int(out, ITEM_BY_HISTORY);
        mm_cbor_bool(out, true);
    }
}

enum mm_status mm_references_sign(const struct mm_references *refs, EVP_PKEY *key,
                                  struct mm_buf *out)
{
    struct mm_buf content;
    enum mm_status st = MM_NO_MEMORY;

    mm_buf_init(&content);
    mm_cbor_map(&content, 2);
    mm_cbor_int(&content, CONTENT_VERSION);
    mm_cbor_uint(&content, refs->version);
    mm_cbor_int(&content, CONTENT_ITEMS);
    mm_cbor_array(&content, refs->item_n);
    for (size_t i = 0; i < refs->item_n; i++)
        item_put(&refs->items[i], &content);
    if (!content.bad)
        st = mm_update_sign(MM_UPDATE_REFERENCES, refs->version, content.data, content.len, key,
                            out);
    mm_buf_clear(&content);
    return st;
}
