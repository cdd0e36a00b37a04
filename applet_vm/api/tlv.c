/*
 * javacardx.framework.tlv: BERTLV objects. One keeps a reference to its tag and one to its content:
 * a byte array (primitive) or an array of TLVs (constructed), of which the first n elements count.
 * Content that grows beyond its array gets a new, larger one.
 * TLVs refer to each other as the applet says, so a walk is bounded in depth and in size.
 */
#include "applet_vm/api/tlv_int.h"

#include <stdlib.h>
#include <string.h>

#define PACKAGE     "javacardx/framework/tlv/"
#define TLV_CLASS   PACKAGE "BERTLV"
#define PRIMITIVE   PACKAGE "PrimitiveBERTLV"
#define CONSTRUCTED PACKAGE "ConstructedBERTLV"
#define TYPE_REFS   14

enum { TLV_TAG, TLV_CONTENT, TLV_N, TLV_CELLS };

/* ---- TLVs: state ---- */

static uint16_t get(struct mm_vm *vm, mm_ref tlv, uint8_t cell)
{
    return mm_vm_hidden(vm, tlv, TLV_CLASS, cell);
}

static bool is_constructed(struct mm_vm *vm, mm_ref tlv)
{
    return mm_vm_instance_of(vm, tlv, CONSTRUCTED);
}

static enum mm_run set_all(struct mm_vm *vm, mm_ref tlv, mm_ref tag, mm_ref content, size_t n)
{
    uint16_t cells[TLV_CELLS] = {tag, content, (uint16_t)n};

    return mm_vm_hidden_put(vm, tlv, TLV_CLASS, cells, TLV_CELLS);
}

static mm_ref child(struct mm_vm *vm, mm_ref tlv, size_t i)
{
    uint16_t ref = MM_REF_NULL;
    bool is_ref;

    (void)mm_vm_peek_cell(vm, get(vm, tlv, TLV_CONTENT), (uint16_t)i, &ref, &is_ref);
    return ref;
}

static size_t capacity(struct mm_vm *vm, mm_ref tlv)
{
    struct mm_obj_info info;

    return mm_vm_object(vm, get(vm, tlv, TLV_CONTENT), &info) ? info.n : 0;
}

static mm_ref content_new(struct mm_vm *vm, bool constructed, size_t n)
{
    if (n > MM_TLV_SIZE_MAX)
        return MM_REF_NULL;
    return mm_vm_new_array(vm, constructed ? TYPE_REFS : MM_TYPE_BYTE_ARRAY, (uint16_t)n,
                           MM_PERSISTENT);
}

/* PrimitiveBERTLV(numValueBytes), ConstructedBERTLV(numTLVs) */
enum mm_run mm_n_bertlv_init_capacity(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref content;

    (void)ret;
    if (MM_ARG_SHORT(1) < 0)
        return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
    content = content_new(vm, is_constructed(vm, args[0]), args[1]);
    if (content == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    return set_all(vm, args[0], MM_REF_NULL, content, 0);
}

/* ---- Walking: sizes and bytes ---- */

static enum mm_tlv_fault measure(struct mm_vm *vm, mm_ref tlv, unsigned depth, size_t *size);

/* Bytes of the value. */
static enum mm_tlv_fault measure_value(struct mm_vm *vm, mm_ref tlv, unsigned depth, size_t *len)
{
    size_t n = get(vm, tlv, TLV_N);

    if (get(vm, tlv, TLV_TAG) == MM_REF_NULL)
        return MM_TLV_EMPTY_TLV;
    *len = n;
    if (!is_constructed(vm, tlv))
        return MM_TLV_OK;
    *len = 0;
    for (size_t i = 0; i < n; i++) {
        size_t size;
        enum mm_tlv_fault fault = measure(vm, child(vm, tlv, i), depth + 1, &size);
        if (fault != MM_TLV_OK)
            return fault;
        *len += size;
        /* A part that is there often doubles the whole at every level: stop in time. */
        if (*len > MM_TLV_SIZE_MAX)
            return MM_TLV_TLV_LENGTH_GREATER_THAN_32767;
    }
    return MM_TLV_OK;
}

static enum mm_tlv_fault measure(struct mm_vm *vm, mm_ref tlv, unsigned depth, size_t *size)
{
    uint8_t tag[MM_TLV_TAG_MAX];
    size_t len, tag_n = mm_tlv_tag_bytes(vm, get(vm, tlv, TLV_TAG), tag);
    enum mm_tlv_fault fault;

    if (depth == MM_TLV_DEPTH)
        return MM_TLV_ILLEGAL_SIZE;
    fault = measure_value(vm, tlv, depth, &len);
    if (fault != MM_TLV_OK)
        return fault;
    if (tag_n == 0)
        return MM_TLV_EMPTY_TAG;
    *size = mm_tlv_size(tag_n, len);
    return *size > MM_TLV_SIZE_MAX ? MM_TLV_TLV_SIZE_GREATER_THAN_32767 : MM_TLV_OK;
}

/* size(): the one fault for what is too long. */
static enum mm_run size_of(struct mm_vm *vm, mm_ref tlv, uint16_t *ret)
{
    size_t size = 0;
    enum mm_tlv_fault fault = measure(vm, tlv, 0, &size);

    if (fault == MM_TLV_TLV_LENGTH_GREATER_THAN_32767)
        fault = MM_TLV_TLV_SIZE_GREATER_THAN_32767;
    ret[0] = (uint16_t)size;
    return fault == MM_TLV_OK ? MM_RUN_OK : mm_tlv_throw(vm, fault);
}

/* After measure said that all is well. */
static void serialise(struct mm_vm *vm, mm_ref tlv, struct mm_buf *out)
{
    uint8_t tag[MM_TLV_TAG_MAX], head[3];
    size_t len = 0, value_n, n = get(vm, tlv, TLV_N);
    const uint8_t *value;

    (void)measure_value(vm, tlv, 0, &len);
    mm_buf_bytes(out, tag, mm_tlv_tag_bytes(vm, get(vm, tlv, TLV_TAG), tag));
    mm_buf_bytes(out, head, mm_tlv_len_put(head, len));
    if (is_constructed(vm, tlv)) {
        for (size_t i = 0; i < n; i++)
            serialise(vm, child(vm, tlv, i), out);
        return;
    }
    value = mm_api_hidden_bytes(vm, get(vm, tlv, TLV_CONTENT), &value_n);
    if (value != NULL && n <= value_n)
        mm_buf_bytes(out, value, n);
}

enum mm_run mm_n_bertlv_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return size_of(vm, args[0], ret);
}

enum mm_run mm_n_bertlv_to_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_buf out;
    enum mm_run run = size_of(vm, args[0], ret);

    if (run == MM_RUN_OK)
        run = mm_api_room(vm, args[1], MM_ARG_SHORT(2), ret[0]);
    if (run != MM_RUN_OK)
        return run;
    mm_buf_init(&out);
    serialise(vm, args[0], &out);
    return mm_api_put_buf(vm, args[1], MM_ARG_SHORT(2), &out);
}

enum mm_run mm_n_bertlv_get_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len = 0;
    enum mm_tlv_fault fault = measure_value(vm, args[0], 0, &len);

    if (fault == MM_TLV_TLV_SIZE_GREATER_THAN_32767)
        fault = MM_TLV_TLV_LENGTH_GREATER_THAN_32767;
    ret[0] = (uint16_t)len;
    return fault == MM_TLV_OK ? MM_RUN_OK : mm_tlv_throw(vm, fault);
}

enum mm_run mm_n_bertlv_get_tag(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], TLV_TAG);
    return ret[0] != MM_REF_NULL ? MM_RUN_OK : mm_tlv_throw(vm, MM_TLV_EMPTY_TLV);
}

/* ---- From bytes ---- */

static enum mm_run tlv_new(struct mm_vm *vm, const uint8_t *p, const struct mm_tlv *t, mm_ref *tlv);

/* Content of a value that mm_tlv_check found good. */
static enum mm_run content_of(struct mm_vm *vm, const uint8_t *value, size_t len, bool constructed,
                              mm_ref *content, size_t *n)
{
    enum mm_run run = MM_RUN_OK;
    struct mm_tlv t;
    size_t at = 0;

    *n = len;
    if (constructed)
        (void)mm_tlv_check_all(value, len, n);
    *content = content_new(vm, constructed, *n);
    if (*content == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    if (!constructed)
        return mm_vm_array_write(vm, *content, 0, value, (uint16_t)len, true);
    for (size_t i = 0; i < *n && run == MM_RUN_OK; i++, at += t.head_n + t.len) {
        mm_ref part = MM_REF_NULL;
        (void)mm_tlv_read(value + at, len - at, &t);
        run = tlv_new(vm, value + at, &t, &part);
        if (run == MM_RUN_OK)
            run = mm_vm_array_write(vm, *content, (uint16_t)i, &part, 1, true);
    }
    return run;
}

/* Tag and content new from bytes; into the object when all of it is there. */
static enum mm_run fill(struct mm_vm *vm, mm_ref tlv, const uint8_t *p, const struct mm_tlv *t)
{
    mm_ref tag, content = MM_REF_NULL;
    size_t n = 0;
    enum mm_run run = mm_tlv_tag_new(vm, p, t->tag_n, &tag);

    if (run == MM_RUN_OK)
        run = content_of(vm, p + t->head_n, t->len, t->constructed, &content, &n);
    return run == MM_RUN_OK ? set_all(vm, tlv, tag, content, n) : run;
}

static enum mm_run tlv_new(struct mm_vm *vm, const uint8_t *p, const struct mm_tlv *t, mm_ref *tlv)
{
    *tlv = mm_vm_new_instance(vm, t->constructed ? CONSTRUCTED : PRIMITIVE);
    if (*tlv == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    return fill(vm, *tlv, p, t);
}

/* The TLV that bLen bytes at args[0], args[1] are; *copy, to be freed, outlives allocations. */
static enum mm_run take_tlv(struct mm_vm *vm, const uint16_t *args, uint8_t **copy,
                            struct mm_tlv *t)
{
    int len = MM_ARG_SHORT(2);
    const uint8_t *p;
    enum mm_tlv_fault fault;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), len, &p);

    *copy = NULL;
    if (run != MM_RUN_OK)
        return run;
    fault = mm_tlv_check(p, (size_t)len, t);
    if (fault == MM_TLV_OK && t->head_n + t->len != (size_t)len)
        fault = MM_TLV_MALFORMED_TLV;
    if (fault != MM_TLV_OK)
        return mm_tlv_throw(vm, fault == MM_TLV_ILLEGAL_SIZE ? fault : MM_TLV_MALFORMED_TLV);
    *copy = malloc((size_t)len);
    if (*copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(*copy, p, (size_t)len);
    return MM_RUN_OK;
}

/* BERTLV.getInstance(bytes, off, len) */
enum mm_run mm_n_bertlv_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_tlv t;
    uint8_t *copy;
    enum mm_run run = take_tlv(vm, args, &copy, &t);

    if (run == MM_RUN_OK)
        run = tlv_new(vm, copy, &t, &ret[0]);
    free(copy);
    return run;
}

/* init(bytes, off, len) of both kinds */
enum mm_run mm_n_bertlv_init_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_tlv t;
    uint8_t *copy;
    enum mm_run run = take_tlv(vm, args + 1, &copy, &t);

    if (run == MM_RUN_OK && t.constructed != is_constructed(vm, args[0]))
        run = mm_tlv_throw(vm, MM_TLV_MALFORMED_TLV);
    if (run == MM_RUN_OK)
        run = fill(vm, args[0], copy, &t);
    free(copy);
    return run == MM_RUN_OK ? size_of(vm, args[0], ret) : run;
}

/* The tag argument of an init, and what the TLV would come to with it. */
static enum mm_run tag_for(struct mm_vm *vm, mm_ref tag, size_t len)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t tag_n;
    enum mm_run run = mm_vm_access(vm, tag);

    if (run == MM_RUN_OK)
        run = mm_tlv_filled_tag(vm, tag, bytes, &tag_n);
    if (run == MM_RUN_OK && mm_tlv_size(tag_n, len) > MM_TLV_SIZE_MAX)
        run = mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    return run;
}

/* init(tag, value, off, len): of a constructed TLV the value is a series of TLVs. */
enum mm_run mm_n_bertlv_init_value(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(4);
    bool constructed = is_constructed(vm, args[0]);
    const uint8_t *p;
    uint8_t *copy;
    mm_ref content = MM_REF_NULL;
    size_t n;
    enum mm_run run = mm_vm_access(vm, args[1]);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[2], MM_ARG_SHORT(3), len, &p);
    if (run == MM_RUN_OK)
        run = tag_for(vm, args[1], (size_t)len);
    if (run != MM_RUN_OK)
        return run;
    if (constructed && mm_tlv_check_all(p, (size_t)len, &n) != MM_TLV_OK)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TLV);
    copy = malloc((size_t)len + 1);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, p, (size_t)len);
    run = content_of(vm, copy, (size_t)len, constructed, &content, &n);
    free(copy);
    if (run == MM_RUN_OK)
        run = set_all(vm, args[0], args[1], content, n);
    return run == MM_RUN_OK ? size_of(vm, args[0], ret) : run;
}

/* ---- The value of a primitive TLV ---- */

/* Content with room for need elements, the first n kept; the object still has the old one. */
static enum mm_run with_room(struct mm_vm *vm, mm_ref tlv, size_t keep, size_t need,
                             mm_ref *content)
{
    bool constructed = is_constructed(vm, tlv);
    const uint8_t *old;
    size_t bytes = keep * (constructed ? 2 : 1);
    uint8_t *copy;
    enum mm_run run;

    *content = get(vm, tlv, TLV_CONTENT);
    if (need <= capacity(vm, tlv))
        return MM_RUN_OK;
    /* Half as much again, so that appending bit by bit leaves few old arrays behind. */
    need += need / 2;
    *content = content_new(vm, constructed, need < MM_TLV_SIZE_MAX ? need : MM_TLV_SIZE_MAX);
    if (*content == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    run = mm_vm_array(vm, get(vm, tlv, TLV_CONTENT), constructed ? TYPE_REFS : MM_TYPE_BYTE_ARRAY,
                      0, (int32_t)keep, &old);
    if (run != MM_RUN_OK || keep == 0)
        return run;
    copy = malloc(bytes);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, old, bytes);
    run = mm_vm_array_write(vm, *content, 0, copy, (uint16_t)keep, true);
    free(copy);
    return run;
}

/* appendValue and replaceValue(value, off, len): from at on */
static enum mm_run put_value(struct mm_vm *vm, const uint16_t *args, size_t at, uint16_t *ret)
{
    mm_ref tag = get(vm, args[0], TLV_TAG), content;
    int len = MM_ARG_SHORT(3);
    const uint8_t *p;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &p);

    if (run != MM_RUN_OK)
        return run;
    if (tag == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_EMPTY_TLV);
    run = tag_for(vm, tag, at + (size_t)len);
    if (run == MM_RUN_OK)
        run = with_room(vm, args[0], at, at + (size_t)len, &content);
    if (run == MM_RUN_OK) /* the source may have moved */
        run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &p);
    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, content, (uint16_t)at, p, (uint16_t)len, true);
    if (run == MM_RUN_OK)
        run = set_all(vm, args[0], tag, content, at + (size_t)len);
    return run == MM_RUN_OK ? size_of(vm, args[0], ret) : run;
}

enum mm_run mm_n_bertlv_append_value(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return put_value(vm, args, get(vm, args[0], TLV_N), ret);
}

enum mm_run mm_n_bertlv_replace_value(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return put_value(vm, args, 0, ret);
}

enum mm_run mm_n_bertlv_get_value(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *value;
    size_t n;

    if (get(vm, args[0], TLV_TAG) == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_EMPTY_TLV);
    value = mm_api_hidden_bytes(vm, get(vm, args[0], TLV_CONTENT), &n);
    ret[0] = get(vm, args[0], TLV_N);
    if (value == NULL || ret[0] > n)
        return mm_tlv_throw(vm, MM_TLV_EMPTY_TLV);
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), value, ret[0]);
}

/* ---- The parts of a constructed TLV ---- */

/* Is tlv in the hierarchy of in? false as well when that is too deep to tell: *deep. */
static bool contains(struct mm_vm *vm, mm_ref in, mm_ref tlv, unsigned depth, bool *deep)
{
    size_t n = get(vm, in, TLV_N);

    *deep |= depth == MM_TLV_DEPTH;
    if (in == tlv || *deep || !is_constructed(vm, in))
        return in == tlv;
    for (size_t i = 0; i < n && !*deep; i++) {
        if (contains(vm, child(vm, in, i), tlv, depth + 1, deep))
            return true;
    }
    return false;
}

/* May part become one of tlv's? Its size bounds the walk, so that is asked first. */
static enum mm_run joinable(struct mm_vm *vm, mm_ref tlv, mm_ref part, size_t *size)
{
    bool deep = false;
    enum mm_tlv_fault fault;
    enum mm_run run = mm_vm_access(vm, part);

    if (run != MM_RUN_OK)
        return run;
    if (part == tlv)
        return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
    fault = measure(vm, part, 1, size);
    if (fault == MM_TLV_TLV_LENGTH_GREATER_THAN_32767 ||
        fault == MM_TLV_TLV_SIZE_GREATER_THAN_32767)
        fault = MM_TLV_INSUFFICIENT_STORAGE;
    if (fault != MM_TLV_OK)
        return mm_tlv_throw(vm, fault);
    return contains(vm, part, tlv, 1, &deep) || deep ? mm_tlv_throw(vm, MM_TLV_INVALID_PARAM)
                                                     : MM_RUN_OK;
}

/* part as element at of tlv, which is its last one then. */
static enum mm_run put_part(struct mm_vm *vm, mm_ref tlv, mm_ref tag, mm_ref part, size_t at,
                            uint16_t *ret)
{
    mm_ref content;
    enum mm_run run = with_room(vm, tlv, at, at + 1, &content);

    if (run == MM_RUN_OK)
        run = mm_vm_array_write(vm, content, (uint16_t)at, &part, 1, true);
    if (run == MM_RUN_OK)
        run = set_all(vm, tlv, tag, content, at + 1);
    return run == MM_RUN_OK ? size_of(vm, tlv, ret) : run;
}

/* init(tag, tlv) */
enum mm_run mm_n_bertlv_init_part(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t size = 0;
    enum mm_run run = mm_vm_access(vm, args[1]);

    if (run == MM_RUN_OK)
        run = joinable(vm, args[0], args[2], &size);
    if (run == MM_RUN_OK)
        run = tag_for(vm, args[1], size);
    return run == MM_RUN_OK ? put_part(vm, args[0], args[1], args[2], 0, ret) : run;
}

enum mm_run mm_n_bertlv_append(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref tag = get(vm, args[0], TLV_TAG);
    size_t size = 0, len = 0;
    enum mm_tlv_fault fault;
    enum mm_run run = joinable(vm, args[0], args[1], &size);

    if (run != MM_RUN_OK)
        return run;
    fault = measure_value(vm, args[0], 0, &len);
    if (fault != MM_TLV_OK)
        return mm_tlv_throw(vm, fault);
    run = tag_for(vm, tag, len + size);
    return run == MM_RUN_OK ? put_part(vm, args[0], tag, args[1], get(vm, args[0], TLV_N), ret)
                            : run;
}

/* Which of the parts is the occurrence-th that is tlv? INVALID_PARAM: none. */
static enum mm_run position(struct mm_vm *vm, mm_ref in, mm_ref tlv, int occurrence, size_t *at)
{
    size_t n = get(vm, in, TLV_N);

    if (tlv == MM_REF_NULL)
        return mm_api_null(vm);
    for (*at = 0; *at < n && occurrence > 0; (*at)++) {
        if (child(vm, in, *at) == tlv && --occurrence == 0)
            return MM_RUN_OK;
    }
    return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
}

/* delete(tlv, occurrence) */
enum mm_run mm_n_bertlv_delete(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t at, n = get(vm, args[0], TLV_N);
    mm_ref content = get(vm, args[0], TLV_CONTENT), tag = get(vm, args[0], TLV_TAG);
    const uint8_t *rest;
    uint8_t *copy;
    enum mm_run run = position(vm, args[0], args[1], MM_ARG_SHORT(2), &at);

    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, content, TYPE_REFS, (int32_t)at, (int32_t)(n - at), &rest);
    if (run != MM_RUN_OK)
        return run;
    /* What follows moves down, and the last place is null again. */
    copy = calloc(n - at, 2);
    if (copy == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(copy, rest + 2, 2 * (n - at - 1));
    run = mm_vm_array_write(vm, content, (uint16_t)at, copy, (uint16_t)(n - at), true);
    free(copy);
    if (run == MM_RUN_OK)
        run = set_all(vm, args[0], tag, content, n - 1);
    return run == MM_RUN_OK ? size_of(vm, args[0], ret) : run;
}

static enum mm_run search(struct mm_vm *vm, mm_ref in, size_t at, mm_ref tag, uint16_t *ret)
{
    size_t n = get(vm, in, TLV_N);
    enum mm_run run = tag != MM_REF_NULL ? mm_vm_access(vm, tag) : MM_RUN_OK;

    ret[0] = MM_REF_NULL;
    for (; run == MM_RUN_OK && at < n && ret[0] == MM_REF_NULL; at++) {
        mm_ref part = child(vm, in, at);
        if (tag == MM_REF_NULL || mm_tlv_same_tag(vm, get(vm, part, TLV_TAG), tag))
            ret[0] = part;
    }
    return run;
}

enum mm_run mm_n_bertlv_find(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return search(vm, args[0], 0, args[1], ret);
}

/* findNext(tag, tlv, occurrence) */
enum mm_run mm_n_bertlv_find_next(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t at;
    enum mm_run run = position(vm, args[0], args[2], MM_ARG_SHORT(3), &at);

    return run == MM_RUN_OK ? search(vm, args[0], at + 1, args[1], ret) : run;
}
