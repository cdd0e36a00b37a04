/* What the operator asks: revoke, report, list the reference values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "platform/platform_int.h"

/* Upper case, no separators, as the store keeps serials. */
static enum mm_status normal_serial(const char *text, char out[MM_SERIAL_MAX], struct mm_err *err)
{
    uint8_t bytes[(MM_SERIAL_MAX - 1) / 2];
    size_t len = sizeof(bytes);

    if (mm_unhex(text, bytes, &len) != MM_OK || len == 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected a serial number in hex", text);
    mm_hex(bytes, len, out);
    return MM_OK;
}

enum mm_status mm_platform_revoke(struct mm_platform *p, const char *serial, const char *terminal,
                                  struct mm_err *err)
{
    struct mm_terminal found;
    char normal[MM_SERIAL_MAX];
    enum mm_status st;

    if (terminal != NULL) {
        st = mm_store_terminal_get(p->store, NULL, terminal, &found);
        if (st == MM_NOT_FOUND)
            return mm_fail(err, st, SIZE_MAX, "no terminal is called %s", terminal);
        memcpy(normal, found.serial, sizeof(normal));
    } else {
        st = normal_serial(serial, normal, err);
    }
    if (st != MM_OK)
        return st;
    st = mm_store_revoke(p->store, normal, mm_platform_now(p));
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "store: revocation not written");
}

enum mm_status mm_platform_report(struct mm_platform *p, json_t **out, struct mm_err *err)
{
    enum mm_status st = mm_store_report(p->store, out);

    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "store: report not read");
}

static json_t *item_json(const struct mm_reference *item)
{
    static const char *const kinds[] = {"client", "package", "applet"};
    char code[2 * MM_DIGEST_LEN + 1], fixed[2 * MM_DIGEST_LEN + 1], version[8];

    snprintf(version, sizeof(version), "%u.%u", item->major, item->minor);
    return json_pack("{s:s, s:s, s:s, s:s, s:s?}", "kind", item->kind < 3 ? kinds[item->kind] : "?",
                     "name", item->name, "version", version, "code",
                     mm_hex(item->code, MM_DIGEST_LEN, code), "static data",
                     item->has_fixed ? mm_hex(item->fixed, MM_DIGEST_LEN, fixed) : NULL);
}

enum mm_status mm_platform_references(struct mm_platform *p, json_t **out, struct mm_err *err)
{
    struct mm_references refs;
    struct mm_buf data;
    uint32_t version;
    json_t *items = json_array();
    enum mm_status st;

    *out = NULL;
    memset(&refs, 0, sizeof(refs));
    mm_buf_init(&data);
    st = mm_store_references_newest(p->store, &version, &data);
    if (st == MM_NOT_FOUND)
        st = mm_fail(err, st, SIZE_MAX, "no reference values have been released yet");
    else if (st == MM_OK)
        st = mm_references_verify(data.data, data.len, p->release, &refs, err);
    for (size_t i = 0; i < refs.item_n; i++)
        (void)json_array_append_new(items, item_json(&refs.items[i]));
    if (st == MM_OK)
        *out = json_pack("{s:[{s:I}], s:O}", "references", "version", (json_int_t)version, "items",
                         items);
    json_decref(items);
    mm_references_clear(&refs);
    mm_buf_clear(&data);
    return st == MM_OK && *out == NULL ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : st;
}

/* ---- Tables ---- */

/* Amounts are kept in cents, times in seconds; people read neither. */
static void cell_text(const char *column, const json_t *v, char *out, size_t out_cap)
{
    long long n = json_integer_value(v);

    if (json_is_string(v)) {
        snprintf(out, out_cap, "%s", json_string_value(v));
    } else if (!json_is_integer(v)) {
        snprintf(out, out_cap, "-");
    } else if (strcmp(column, "amount") == 0 || strcmp(column, "balance") == 0 ||
               strcmp(column, "funding") == 0) {
        snprintf(out, out_cap, "%s%lld.%02lld", n < 0 ? "-" : "", llabs(n) / 100, llabs(n) % 100);
    } else if (strcmp(column, "at") == 0 || strcmp(column, "made") == 0) {
        time_t t = (time_t)n;
        struct tm tm;
        if (gmtime_r(&t, &tm) == NULL || strftime(out, out_cap, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
            snprintf(out, out_cap, "%lld", n);
    } else {
        snprintf(out, out_cap, "%lld", n);
    }
}

static size_t width_of(const json_t *rows, const char *column)
{
    size_t width = strlen(column), i;
    const json_t *row;
    char text[300];

    json_array_foreach(rows, i, row)
    {
        cell_text(column, json_object_get(row, column), text, sizeof(text));
        if (strlen(text) > width)
            width = strlen(text);
    }
    return width;
}

static void put_padded(struct mm_buf *out, const char *text, size_t width)
{
    size_t len = strlen(text);

    mm_buf_bytes(out, text, len);
    for (; len < width + 2; len++)
        mm_buf_u8(out, ' ');
}

static void put_row(struct mm_buf *out, const json_t *rows, json_t *columns, const json_t *row)
{
    const char *column;
    json_t *unused;
    char text[300];

    json_object_foreach(columns, column, unused)
    {
        if (row != NULL)
            cell_text(column, json_object_get(row, column), text, sizeof(text));
        else
            snprintf(text, sizeof(text), "%s", column);
        put_padded(out, text, width_of(rows, column));
    }
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->len--;
    mm_buf_u8(out, '\n');
}

void mm_platform_print(json_t *report, struct mm_buf *text)
{
    const char *name;
    json_t *rows;

    json_object_foreach(report, name, rows)
    {
        size_t i;
        const json_t *row;
        mm_buf_bytes(text, name, strlen(name));
        mm_buf_u8(text, '\n');
        if (json_array_size(rows) == 0)
            mm_buf_bytes(text, "none\n", 5);
        else
            put_row(text, rows, json_array_get(rows, 0), NULL);
        json_array_foreach(rows, i, row)
        {
            put_row(text, rows, json_array_get(rows, 0), row);
        }
        mm_buf_u8(text, '\n');
    }
}
