/*
 * javacardx.framework.string.StringUtil. Strings are UTF-8 in byte arrays. Results are put together
 * aside and written in one, so that source and destination may overlap and a refusal writes nothing.
 * Case is that of US-ASCII, as the API asks for.
 */
#include "applet_vm/api/api_int.h"
#include "applet_vm/api/utf8.h"

#include <string.h>

#define UNSUPPORTED_ENCODING  1
#define ILLEGAL_NUMBER_FORMAT 2
#define INVALID_BYTE_SEQUENCE 3
#define LENGTH_MAX            0x7FFF

/* A string argument: three cells. */
struct text {
    const uint8_t *s;
    size_t n;
};

static enum mm_run take(struct mm_vm *vm, const uint16_t *args, struct text *out)
{
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), MM_ARG_SHORT(2), &out->s);

    out->n = run == MM_RUN_OK ? (size_t)MM_ARG_SHORT(2) : 0;
    return run;
}

static enum mm_run string_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacardx/framework/string/StringException", reason);
}

static enum mm_run no_index(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/IndexOutOfBoundsException", 0);
}

/* To the destination at args[0], args[1]; the length is the result. More than any array has does not fit
 * into it. */
static bool fits(size_t n, uint16_t *ret)
{
    ret[0] = (uint16_t)n;
    return n <= LENGTH_MAX;
}

static enum mm_run too_long(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/ArrayIndexOutOfBoundsException", 0);
}

static enum mm_run give(struct mm_vm *vm, const uint16_t *args, const uint8_t *data, size_t n,
                        uint16_t *ret)
{
    return fits(n, ret) ? mm_api_put(vm, args[0], MM_ARG_SHORT(1), data, n) : too_long(vm);
}

static enum mm_run give_buf(struct mm_vm *vm, const uint16_t *args, struct mm_buf *out,
                            uint16_t *ret)
{
    if (out->bad || fits(out->len, ret))
        return mm_api_put_buf(vm, args[0], MM_ARG_SHORT(1), out);
    mm_buf_clear(out);
    return too_long(vm);
}

/* ---- Code points ---- */

enum mm_run mm_n_string_count(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t;
    enum mm_run run = take(vm, args, &t);

    ret[0] = (uint16_t)mm_utf8_count(t.s, t.n);
    return run;
}

enum mm_run mm_n_string_check(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t;
    uint32_t code = 0;
    enum mm_run run = take(vm, args, &t);

    for (size_t at = 0; at < t.n && code != MM_UTF8_BAD;)
        at += mm_utf8_next(t.s + at, t.n - at, &code);
    ret[0] = code != MM_UTF8_BAD;
    return run;
}

/* codePointAt(string, off, len, index, dst, dstOff) */
enum mm_run mm_n_string_at(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int index = MM_ARG_SHORT(3);
    struct text t;
    uint32_t code;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    if (index < 0 || (size_t)index >= t.n)
        return no_index(vm);
    return give(vm, args + 4, t.s + index, mm_utf8_next(t.s + index, t.n - (size_t)index, &code),
                ret);
}

/* Where the last code point of a text begins that is not empty. */
static size_t last_of(const uint8_t *s, size_t n)
{
    size_t at = 0, step;
    uint32_t code;

    while ((step = mm_utf8_next(s + at, n - at, &code)) < n - at)
        at += step;
    return at;
}

enum mm_run mm_n_string_before(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int index = MM_ARG_SHORT(3);
    struct text t;
    size_t at;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    if (index < 1 || (size_t)index > t.n)
        return no_index(vm);
    at = last_of(t.s, (size_t)index);
    return give(vm, args + 4, t.s + at, (size_t)index - at, ret);
}

/* offsetByCodePoints(string, off, len, index, count) */
enum mm_run mm_n_string_offset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int index = MM_ARG_SHORT(3), by = MM_ARG_SHORT(4);
    struct text t;
    size_t len = 0, before;
    bool there;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    if (index < 0 || (size_t)index > t.n)
        return no_index(vm);
    if (by >= 0) {
        there = mm_utf8_prefix(t.s + index, t.n - (size_t)index, (size_t)by, &len);
        len += (size_t)index;
    } else {
        before = mm_utf8_count(t.s, (size_t)index);
        there =
            before >= (size_t)-by && mm_utf8_prefix(t.s, (size_t)index, before - (size_t)-by, &len);
    }
    ret[0] = (uint16_t)len;
    return there ? MM_RUN_OK : no_index(vm);
}

/* substring(src, off, len, begin, end, dst, dstOff); begin and end in code points */
enum mm_run mm_n_string_substring(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int begin = MM_ARG_SHORT(3), end = MM_ARG_SHORT(4);
    struct text t;
    size_t from, to;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    to = t.n;
    if (begin < 0 || !mm_utf8_prefix(t.s, t.n, (size_t)begin, &from) ||
        (end >= 0 && (end < begin || !mm_utf8_prefix(t.s, t.n, (size_t)end, &to))))
        return no_index(vm);
    return give(vm, args + 5, t.s + from, to - from, ret);
}

/* ---- Case ---- */

static uint8_t to_case(uint8_t c, bool upper)
{
    if (upper)
        return c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* What is not well formed is left out. */
static void change_case(const struct text *t, bool upper, struct mm_buf *out)
{
    size_t step;
    uint32_t code;

    for (size_t at = 0; at < t->n; at += step) {
        step = mm_utf8_next(t->s + at, t->n - at, &code);
        for (size_t i = 0; code != MM_UTF8_BAD && i < step; i++)
            mm_buf_u8(out, to_case(t->s[at + i], upper));
    }
}

static enum mm_run cased(struct mm_vm *vm, const uint16_t *args, bool upper, uint16_t *ret)
{
    struct text t;
    struct mm_buf out;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    mm_buf_init(&out);
    change_case(&t, upper, &out);
    return give_buf(vm, args + 3, &out, ret);
}

enum mm_run mm_n_string_lower(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return cased(vm, args, false, ret);
}

enum mm_run mm_n_string_upper(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return cased(vm, args, true, ret);
}

/* ---- Comparing and searching: plain bytes ---- */

static int difference(const uint8_t *a, size_t a_n, const uint8_t *b, size_t b_n)
{
    for (size_t i = 0; i < a_n && i < b_n; i++) {
        if (a[i] != b[i])
            return a[i] - b[i];
    }
    return (int)a_n - (int)b_n;
}

/* compare(ignoreCase, a, aOff, aLen, b, bOff, bLen) */
enum mm_run mm_n_string_compare(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text a, b;
    struct mm_buf x, y;
    enum mm_run run = take(vm, args + 1, &a);

    if (run == MM_RUN_OK)
        run = take(vm, args + 4, &b);
    if (run != MM_RUN_OK)
        return run;
    if ((args[0] & 1) == 0) {
        ret[0] = (uint16_t)difference(a.s, a.n, b.s, b.n);
        return MM_RUN_OK;
    }
    mm_buf_init(&x);
    mm_buf_init(&y);
    change_case(&a, false, &x);
    change_case(&b, false, &y);
    if (x.bad || y.bad)
        run = mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    else
        ret[0] = (uint16_t)difference(x.data, x.len, y.data, y.len);
    mm_buf_clear(&x);
    mm_buf_clear(&y);
    return run;
}

static bool is_at(const struct text *t, size_t at, const struct text *part)
{
    return part->n <= t->n - at && memcmp(t->s + at, part->s, part->n) == 0;
}

enum mm_run mm_n_string_index_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t, part;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK)
        run = take(vm, args + 3, &part);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)-1;
    for (size_t at = 0; at <= t.n; at++) {
        if (is_at(&t, at, &part)) {
            ret[0] = (uint16_t)at;
            break;
        }
    }
    return MM_RUN_OK;
}

/* startsWith and endsWith(string, off, len, part, pOff, pLen, codePointCount) */
static enum mm_run part_of(struct mm_vm *vm, const uint16_t *args, bool at_end, uint16_t *ret)
{
    struct text t, part;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK)
        run = take(vm, args + 3, &part);
    if (run != MM_RUN_OK)
        return run;
    if (MM_ARG_SHORT(6) >= 0 && !mm_utf8_prefix(part.s, part.n, args[6], &part.n))
        return no_index(vm);
    ret[0] = part.n <= t.n && is_at(&t, at_end ? t.n - part.n : 0, &part);
    return MM_RUN_OK;
}

enum mm_run mm_n_string_starts_with(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return part_of(vm, args, false, ret);
}

enum mm_run mm_n_string_ends_with(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return part_of(vm, args, true, ret);
}

/* replace(src, off, len, old, oOff, oLen, new, nOff, nLen, dst, dstOff). The empty string is nowhere
 * replaced. */
enum mm_run mm_n_string_replace(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t, old, by;
    struct mm_buf out;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK)
        run = take(vm, args + 3, &old);
    if (run == MM_RUN_OK)
        run = take(vm, args + 6, &by);
    if (run != MM_RUN_OK)
        return run;
    mm_buf_init(&out);
    for (size_t at = 0; at < t.n && out.len <= LENGTH_MAX;) {
        bool found = old.n != 0 && is_at(&t, at, &old);
        mm_buf_bytes(&out, found ? by.s : t.s + at, found ? by.n : 1);
        at += found ? old.n : 1;
    }
    return give_buf(vm, args + 9, &out, ret);
}

/* Characters up to the space are white. */
enum mm_run mm_n_string_trim(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t;
    enum mm_run run = take(vm, args, &t);

    if (run != MM_RUN_OK)
        return run;
    while (t.n > 0 && t.s[t.n - 1] <= ' ')
        t.n--;
    while (t.n > 0 && t.s[0] <= ' ')
        t.s++, t.n--;
    return give(vm, args + 3, t.s, t.n, ret);
}

/* ---- Conversion (src, off, len, dst, dstOff, encoding) ---- */

typedef bool (*converter)(enum mm_encoding encoding, const uint8_t *data, size_t n,
                          struct mm_buf *out);

static enum mm_run convert(struct mm_vm *vm, const uint16_t *args, converter fn, uint16_t *ret)
{
    int encoding = MM_ARG_BYTE(5);
    struct text t;
    struct mm_buf out;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK)
        run = mm_api_room(vm, args[3], MM_ARG_SHORT(4), 0);
    if (run != MM_RUN_OK)
        return run;
    if (encoding < MM_ENC_UTF_8 || encoding >= MM_ENC_END)
        return string_failed(vm, UNSUPPORTED_ENCODING);
    mm_buf_init(&out);
    if (!fn((enum mm_encoding)encoding, t.s, t.n, &out)) {
        mm_buf_clear(&out);
        return string_failed(vm, INVALID_BYTE_SEQUENCE);
    }
    return give_buf(vm, args + 3, &out, ret);
}

enum mm_run mm_n_string_convert_to(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return convert(vm, args, mm_encode, ret);
}

enum mm_run mm_n_string_convert_from(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return convert(vm, args, mm_decode, ret);
}

/* ---- Values ---- */

/* valueOf(boolean, dst, dstOff) */
enum mm_run mm_n_string_of_boolean(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const char *text = (args[0] & 1) != 0 ? "true" : "false";

    return give(vm, args + 1, (const uint8_t *)text, strlen(text), ret);
}

enum mm_run mm_n_string_parse_boolean(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const char word[] = "true";
    struct text t;
    enum mm_run run = take(vm, args, &t);

    ret[0] = t.n == strlen(word);
    for (size_t i = 0; i < t.n && ret[0] != 0; i++)
        ret[0] = to_case(t.s[i], false) == (uint8_t)word[i];
    return run;
}

static enum mm_run give_number(struct mm_vm *vm, const uint16_t *args, int64_t v, uint16_t *ret)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)v);

    return give(vm, args, (const uint8_t *)text, (size_t)n, ret);
}

/* valueOf(short, dst, dstOff) */
enum mm_run mm_n_string_of_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return give_number(vm, args + 1, MM_ARG_SHORT(0), ret);
}

/* valueOf(short[], dst, dstOff): 16 to 64 bits, high part first. */
enum mm_run mm_n_string_of_shorts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_obj_info info;
    const uint8_t *data;
    uint64_t v = 0;
    enum mm_run run;

    if (args[0] == MM_REF_NULL || !mm_vm_object(vm, args[0], &info))
        return mm_api_null(vm);
    run = mm_vm_array(vm, args[0], MM_TYPE_SHORT_ARRAY, 0, info.n, &data);
    if (run != MM_RUN_OK)
        return run;
    if (info.n < 1 || info.n > 4)
        return string_failed(vm, ILLEGAL_NUMBER_FORMAT);
    for (size_t i = 0; i < info.n; i++) {
        uint16_t part;
        memcpy(&part, data + 2 * i, 2);
        v = i == 0 ? (uint64_t)(int64_t)(int16_t)part : v << 16 | part;
    }
    return give_number(vm, args + 1, (int64_t)v, ret);
}

static int digit_of(uint8_t c)
{
    c = to_case(c, false);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Sign, radix (0x, 0X, #), digits; at most limit, or one more when negative. */
static bool parse(struct text t, uint64_t limit, int64_t *out)
{
    bool negative = t.n > 0 && t.s[0] == '-';
    size_t at = negative;
    int base = 10;
    uint64_t v = 0;

    if (at + 1 < t.n && t.s[at] == '0' && to_case(t.s[at + 1], false) == 'x')
        at += 2, base = 16;
    else if (at < t.n && t.s[at] == '#')
        at += 1, base = 16;
    limit += negative;
    if (at == t.n)
        return false;
    for (; at < t.n; at++) {
        int d = digit_of(t.s[at]);
        if (d >= base || v > (limit - (uint64_t)d) / (uint64_t)base)
            return false;
        v = v * (uint64_t)base + (uint64_t)d;
    }
    *out = (int64_t)(negative ? 0 - v : v);
    return true;
}

enum mm_run mm_n_string_parse_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t;
    int64_t v = 0;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK && !parse(t, INT16_MAX, &v))
        return string_failed(vm, ILLEGAL_NUMBER_FORMAT);
    ret[0] = (uint16_t)v;
    return run;
}

/* parseLongInteger(string, off, len, shorts, sOff): without leading zero shorts, one at least. */
enum mm_run mm_n_string_parse_long(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct text t;
    int64_t v = 0;
    uint16_t parts[4];
    const uint8_t *room;
    uint16_t skip = 0;
    enum mm_run run = take(vm, args, &t);

    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, args[3], MM_TYPE_SHORT_ARRAY, MM_ARG_SHORT(4), 0, &room);
    if (run != MM_RUN_OK)
        return run;
    if (!parse(t, INT64_MAX, &v))
        return string_failed(vm, ILLEGAL_NUMBER_FORMAT);
    for (size_t i = 0; i < 4; i++)
        parts[i] = (uint16_t)((uint64_t)v >> (16 * (3 - i)));
    while (skip < 3 && parts[skip] == 0)
        skip++;
    ret[0] = (uint16_t)(4 - skip);
    run = mm_vm_array(vm, args[3], MM_TYPE_SHORT_ARRAY, MM_ARG_SHORT(4), ret[0], &room);
    return run == MM_RUN_OK ? mm_vm_array_write(vm, args[3], args[4], parts + skip, ret[0], true)
                            : run;
}
