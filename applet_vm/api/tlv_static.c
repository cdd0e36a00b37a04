/* javacardx.framework.tlv: the static methods, which work on TLVs in byte arrays. */
#include "applet_vm/api/tlv_int.h"

#include <string.h>

#define NUMBER_MAX 0x7FFF

/* ---- BERTag ---- */

/* A tag in an array, however long: its bytes. */
static enum mm_run tag_at(struct mm_vm *vm, const uint16_t *args, const uint8_t **p, size_t *n,
                          enum mm_tlv_fault *fault)
{
    size_t rest;
    enum mm_run run = mm_tlv_rest(vm, args[0], MM_ARG_SHORT(1), p, &rest);

    if (run != MM_RUN_OK)
        return run;
    *n = 0;
    *fault = mm_tlv_tag(*p, rest, n);
    if (*fault == MM_TLV_CUT_OFF || *fault == MM_TLV_MALFORMED_TAG)
        return mm_tlv_failed(vm, *fault);
    return MM_RUN_OK;
}

enum mm_run mm_n_bertag_size_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_tlv_fault fault;
    const uint8_t *p;
    size_t n;
    enum mm_run run = tag_at(vm, args, &p, &n, &fault);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)n;
    return fault == MM_TLV_OK ? MM_RUN_OK : mm_tlv_throw(vm, fault);
}

static uint32_t number_of(const uint8_t *tag, size_t n)
{
    uint32_t number = 0;

    if (n == 1)
        return tag[0] & 0x1F;
    for (size_t i = 1; i < n; i++)
        number = number << 7 | (tag[i] & 0x7F);
    return number;
}

enum mm_run mm_tlv_number(struct mm_vm *vm, const uint8_t *tag, size_t n, uint16_t *ret)
{
    uint32_t number = number_of(tag, n);

    if (number > NUMBER_MAX)
        return mm_tlv_throw(vm, MM_TLV_TAG_NUMBER_GREATER_THAN_32767);
    ret[0] = (uint16_t)number;
    return MM_RUN_OK;
}

enum mm_run mm_n_bertag_number_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_tlv_fault fault;
    const uint8_t *p;
    size_t n;
    enum mm_run run = tag_at(vm, args, &p, &n, &fault);

    if (run != MM_RUN_OK)
        return run;
    return fault == MM_TLV_OK ? mm_tlv_number(vm, p, n, ret)
                              : mm_tlv_throw(vm, MM_TLV_ILLEGAL_SIZE);
}

enum mm_run mm_n_bertag_constructed_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_tlv_fault fault;
    const uint8_t *p;
    size_t n;
    enum mm_run run = tag_at(vm, args, &p, &n, &fault);

    if (run == MM_RUN_OK)
        ret[0] = (p[0] & MM_TLV_CONSTRUCTED) != 0;
    return run;
}

enum mm_run mm_n_bertag_class_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_tlv_fault fault;
    const uint8_t *p;
    size_t n;
    enum mm_run run = tag_at(vm, args, &p, &n, &fault);

    if (run == MM_RUN_OK)
        ret[0] = p[0] >> 6;
    return run;
}

enum mm_run mm_n_bertag_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_tlv_fault fault;
    const uint8_t *p;
    size_t rest, n;
    enum mm_run run = mm_tlv_rest(vm, args[0], MM_ARG_SHORT(1), &p, &rest);

    if (run != MM_RUN_OK)
        return run;
    fault = mm_tlv_tag(p, rest, &n);
    ret[0] = fault == MM_TLV_OK;
    return fault == MM_TLV_CUT_OFF ? mm_tlv_failed(vm, fault) : MM_RUN_OK;
}

/* toBytes(tagClass, isConstructed, tagNumber, out, off) */
enum mm_run mm_n_bertag_write(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int cls = MM_ARG_SHORT(0), number = MM_ARG_SHORT(2);
    uint8_t tag[MM_TLV_TAG_MAX];
    enum mm_run run = mm_api_room(vm, args[3], MM_ARG_SHORT(4), 0);

    if (run != MM_RUN_OK)
        return run;
    if (cls < 0 || cls > 3 || number < 0)
        return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
    ret[0] = (uint16_t)mm_tlv_tag_put(tag, (unsigned)cls, (args[1] & 1) != 0, (uint16_t)number);
    return mm_api_put(vm, args[3], MM_ARG_SHORT(4), tag, ret[0]);
}

/* ---- BERTLV ---- */

/* A well-formed TLV in an array from off on. */
static enum mm_run tlv_at(struct mm_vm *vm, mm_ref array, int off, const uint8_t **p,
                          struct mm_tlv *t)
{
    size_t rest;
    enum mm_tlv_fault fault;
    enum mm_run run = mm_tlv_rest(vm, array, off, p, &rest);

    if (run != MM_RUN_OK)
        return run;
    fault = mm_tlv_check(*p, rest, t);
    return fault == MM_TLV_OK ? MM_RUN_OK : mm_tlv_failed(vm, fault);
}

enum mm_run mm_n_bertlv_verify(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p;
    struct mm_tlv t;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), MM_ARG_SHORT(2), &p);

    if (run == MM_RUN_OK)
        ret[0] = mm_tlv_check(p, args[2], &t) == MM_TLV_OK && t.head_n + t.len == args[2];
    return run;
}

enum mm_run mm_n_bertlv_tag_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p;
    struct mm_tlv t;
    enum mm_run run = tlv_at(vm, args[0], MM_ARG_SHORT(1), &p, &t);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)t.tag_n;
    return mm_api_put(vm, args[2], MM_ARG_SHORT(3), p, t.tag_n);
}

enum mm_run mm_n_bertlv_length_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p;
    struct mm_tlv t;
    enum mm_run run = tlv_at(vm, args[0], MM_ARG_SHORT(1), &p, &t);

    if (run == MM_RUN_OK)
        ret[0] = (uint16_t)t.len;
    return run;
}

/* ---- Editing in place ---- */

/* Lengthen the value of the TLV at off by data: a longer length moves the value. */
static enum mm_run lengthen(struct mm_vm *vm, mm_ref array, int off, const uint8_t *p,
                            const struct mm_tlv *t, const uint8_t *data, size_t n, uint16_t *ret)
{
    size_t len = t->len + n, size = mm_tlv_size(t->tag_n, len);
    struct mm_buf out;
    uint8_t head[3];
    enum mm_run run;

    if (size > MM_TLV_SIZE_MAX)
        return mm_tlv_throw(vm, MM_TLV_TLV_SIZE_GREATER_THAN_32767);
    run = mm_api_room(vm, array, off, (int32_t)size);
    if (run != MM_RUN_OK)
        return run;
    mm_buf_init(&out);
    mm_buf_bytes(&out, p, t->tag_n);
    mm_buf_bytes(&out, head, mm_tlv_len_put(head, len));
    mm_buf_bytes(&out, p + t->head_n, t->len);
    mm_buf_bytes(&out, data, n);
    ret[0] = (uint16_t)size;
    return mm_api_put_buf(vm, array, off, &out);
}

/* ConstructedBERTLV.append(in, inOff, out, outOff) */
enum mm_run mm_n_bertlv_append_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *in, *p;
    struct mm_tlv added, t;
    enum mm_run run = tlv_at(vm, args[0], MM_ARG_SHORT(1), &in, &added);

    if (run == MM_RUN_OK)
        run = tlv_at(vm, args[2], MM_ARG_SHORT(3), &p, &t);
    if (run != MM_RUN_OK)
        return run;
    if (!t.constructed)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TLV);
    return lengthen(vm, args[2], MM_ARG_SHORT(3), p, &t, in, added.head_n + added.len, ret);
}

/* PrimitiveBERTLV.appendValue(tlv, off, value, vOff, vLen) */
enum mm_run mm_n_bertlv_append_value_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *value, *p;
    struct mm_tlv t;
    enum mm_run run = tlv_at(vm, args[0], MM_ARG_SHORT(1), &p, &t);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[2], MM_ARG_SHORT(3), MM_ARG_SHORT(4), &value);
    if (run != MM_RUN_OK)
        return run;
    if (t.constructed)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TLV);
    return lengthen(vm, args[0], MM_ARG_SHORT(1), p, &t, value, args[4], ret);
}

/* PrimitiveBERTLV.toBytes(tag, tagOff, value, vOff, vLen, out, off) */
enum mm_run mm_n_bertlv_write(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *tag, *value;
    struct mm_tlv t = {0};
    uint8_t copy[MM_TLV_TAG_MAX];
    enum mm_tlv_fault fault;
    enum mm_run run = tag_at(vm, args, &tag, &t.tag_n, &fault);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[2], MM_ARG_SHORT(3), MM_ARG_SHORT(4), &value);
    if (run != MM_RUN_OK)
        return run;
    if (fault != MM_TLV_OK || (tag[0] & MM_TLV_CONSTRUCTED) != 0)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TAG);
    memcpy(copy, tag, t.tag_n);
    t.head_n = t.tag_n;
    return lengthen(vm, args[5], MM_ARG_SHORT(6), copy, &t, value, args[4], ret);
}

enum mm_run mm_n_bertlv_value_offset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p;
    struct mm_tlv t;
    size_t rest;
    enum mm_tlv_fault fault;
    enum mm_run run = mm_tlv_rest(vm, args[0], MM_ARG_SHORT(1), &p, &rest);

    if (run != MM_RUN_OK)
        return run;
    fault = mm_tlv_read(p, rest, &t);
    if (fault == MM_TLV_TLV_LENGTH_GREATER_THAN_32767)
        return mm_tlv_throw(vm, MM_TLV_TLV_SIZE_GREATER_THAN_32767);
    if (fault != MM_TLV_OK || t.constructed)
        return mm_tlv_failed(vm, fault != MM_TLV_OK ? fault : MM_TLV_MALFORMED_TLV);
    ret[0] = (uint16_t)(args[1] + t.head_n);
    return MM_RUN_OK;
}

/* ---- Searching ---- */

/* The first TLV of this tag (NULL: any) from at on, in the value of the constructed one at p. */
static uint16_t search(const uint8_t *p, const struct mm_tlv *t, size_t at, const uint8_t *tag,
                       size_t tag_n, int off)
{
    struct mm_tlv part;

    for (; at < t->head_n + t->len; at += part.head_n + part.len) {
        if (mm_tlv_read(p + at, t->head_n + t->len - at, &part) != MM_TLV_OK)
            break; /* all was checked before */
        if (tag == NULL || (part.tag_n == tag_n && memcmp(p + at, tag, tag_n) == 0))
            return (uint16_t)(off + (int)at);
    }
    return (uint16_t)-1;
}

/* The constructed TLV at args[0], args[1], and the tag at args[tag_arg] or none. */
static enum mm_run search_args(struct mm_vm *vm, const uint16_t *args, size_t tag_arg,
                               const uint8_t **p, struct mm_tlv *t, const uint8_t **tag,
                               size_t *tag_n)
{
    enum mm_tlv_fault fault;
    enum mm_run run = tlv_at(vm, args[0], MM_ARG_SHORT(1), p, t);

    *tag = NULL;
    *tag_n = 0;
    if (run == MM_RUN_OK && !t->constructed)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TLV);
    if (run != MM_RUN_OK || args[tag_arg] == MM_REF_NULL)
        return run;
    return tag_at(vm, args + tag_arg, tag, tag_n, &fault);
}

/* ConstructedBERTLV.find(tlv, off, tag, tagOff) */
enum mm_run mm_n_bertlv_find_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p, *tag;
    struct mm_tlv t;
    size_t tag_n;
    enum mm_run run = search_args(vm, args, 2, &p, &t, &tag, &tag_n);

    if (run == MM_RUN_OK)
        ret[0] = search(p, &t, t.head_n, tag, tag_n, MM_ARG_SHORT(1));
    return run;
}

/* findNext(tlv, off, startOffset, tag, tagOff): behind the one at startOffset of the array */
enum mm_run mm_n_bertlv_find_next_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p, *tag;
    struct mm_tlv t, part;
    size_t tag_n, at;
    enum mm_run run = search_args(vm, args, 3, &p, &t, &tag, &tag_n);

    if (run != MM_RUN_OK)
        return run;
    if (MM_ARG_SHORT(2) < 0)
        return mm_tlv_failed(vm, MM_TLV_CUT_OFF);
    for (at = t.head_n; at < t.head_n + t.len; at += part.head_n + part.len) {
        if (mm_tlv_read(p + at, t.head_n + t.len - at, &part) != MM_TLV_OK)
            break;
        if (MM_ARG_SHORT(1) + (int)at == MM_ARG_SHORT(2)) {
            ret[0] = search(p, &t, at + part.head_n + part.len, tag, tag_n, MM_ARG_SHORT(1));
            return MM_RUN_OK;
        }
    }
    return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
}
