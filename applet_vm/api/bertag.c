/* javacardx.framework.tlv: BERTag objects. A tag keeps its bytes, four at most, in hidden cells. */
#include "applet_vm/api/tlv_int.h"

#include <string.h>

#define TAG_CLASS       "javacardx/framework/tlv/BERTag"
#define PRIMITIVE_TAG   "javacardx/framework/tlv/PrimitiveBERTag"
#define CONSTRUCTED_TAG "javacardx/framework/tlv/ConstructedBERTag"
#define TAG_CELLS       3 /* length, bytes */

size_t mm_tlv_tag_bytes(struct mm_vm *vm, mm_ref tag, uint8_t out[MM_TLV_TAG_MAX])
{
    mm_put_be16(out, mm_vm_hidden(vm, tag, TAG_CLASS, 1));
    mm_put_be16(out + 2, mm_vm_hidden(vm, tag, TAG_CLASS, 2));
    return mm_vm_hidden(vm, tag, TAG_CLASS, 0);
}

static enum mm_run tag_store(struct mm_vm *vm, mm_ref tag, const uint8_t *bytes, size_t n)
{
    uint8_t padded[MM_TLV_TAG_MAX] = {0};
    uint16_t cells[TAG_CELLS] = {(uint16_t)n};

    memcpy(padded, bytes, n);
    cells[1] = mm_be16(padded);
    cells[2] = mm_be16(padded + 2);
    return mm_vm_hidden_put(vm, tag, TAG_CLASS, cells, TAG_CELLS);
}

/* init(class, number) */
static enum mm_run tag_init(struct mm_vm *vm, const uint16_t *args, bool constructed)
{
    int cls = MM_ARG_BYTE(1), number = MM_ARG_SHORT(2);
    uint8_t bytes[MM_TLV_TAG_MAX];

    if (cls < 0 || cls > 3 || number < 0)
        return mm_tlv_throw(vm, MM_TLV_INVALID_PARAM);
    return tag_store(vm, args[0], bytes,
                     mm_tlv_tag_put(bytes, (unsigned)cls, constructed, (uint16_t)number));
}

enum mm_run mm_n_bertag_primitive_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return tag_init(vm, args, false);
}

enum mm_run mm_n_bertag_constructed_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return tag_init(vm, args, true);
}

/* The tag in an array, which must be good here. */
static enum mm_run tag_read(struct mm_vm *vm, const uint16_t *args, const uint8_t **p, size_t *n)
{
    size_t rest;
    enum mm_tlv_fault fault;
    enum mm_run run = mm_tlv_rest(vm, args[0], MM_ARG_SHORT(1), p, &rest);

    if (run != MM_RUN_OK)
        return run;
    fault = mm_tlv_tag(*p, rest, n);
    if (fault == MM_TLV_TAG_SIZE_GREATER_THAN_127)
        fault = MM_TLV_ILLEGAL_SIZE;
    return fault == MM_TLV_OK ? MM_RUN_OK : mm_tlv_failed(vm, fault);
}

/* init(bytes, off) */
static enum mm_run tag_init_bytes(struct mm_vm *vm, const uint16_t *args, bool constructed)
{
    const uint8_t *p;
    size_t n;
    enum mm_run run = tag_read(vm, args + 1, &p, &n);

    if (run != MM_RUN_OK)
        return run;
    if (((p[0] & MM_TLV_CONSTRUCTED) != 0) != constructed)
        return mm_tlv_throw(vm, MM_TLV_MALFORMED_TAG);
    return tag_store(vm, args[0], p, n);
}

enum mm_run mm_n_bertag_primitive_init_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return tag_init_bytes(vm, args, false);
}

enum mm_run mm_n_bertag_constructed_init_bytes(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    (void)ret;
    return tag_init_bytes(vm, args, true);
}

enum mm_run mm_tlv_tag_new(struct mm_vm *vm, const uint8_t *bytes, size_t n, mm_ref *tag)
{
    *tag = mm_vm_new_instance(vm, (bytes[0] & MM_TLV_CONSTRUCTED) != 0 ? CONSTRUCTED_TAG
                                                                       : PRIMITIVE_TAG);
    if (*tag == MM_REF_NULL)
        return mm_tlv_throw(vm, MM_TLV_INSUFFICIENT_STORAGE);
    return tag_store(vm, *tag, bytes, n);
}

enum mm_run mm_n_bertag_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *p;
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = tag_read(vm, args, &p, &n);

    if (run != MM_RUN_OK)
        return run;
    memcpy(bytes, p, n);
    return mm_tlv_tag_new(vm, bytes, n, &ret[0]);
}

/* The receiver's bytes, or EMPTY_TAG. */
enum mm_run mm_tlv_filled_tag(struct mm_vm *vm, mm_ref tag, uint8_t bytes[MM_TLV_TAG_MAX],
                              size_t *n)
{
    *n = mm_tlv_tag_bytes(vm, tag, bytes);
    return *n != 0 ? MM_RUN_OK : mm_tlv_throw(vm, MM_TLV_EMPTY_TAG);
}

enum mm_run mm_n_bertag_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = mm_tlv_filled_tag(vm, args[0], bytes, &n);

    ret[0] = (uint16_t)n;
    return run;
}

enum mm_run mm_n_bertag_to_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = mm_tlv_filled_tag(vm, args[0], bytes, &n);

    ret[0] = (uint16_t)n;
    return run == MM_RUN_OK ? mm_api_put(vm, args[1], MM_ARG_SHORT(2), bytes, n) : run;
}

enum mm_run mm_n_bertag_number(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = mm_tlv_filled_tag(vm, args[0], bytes, &n);

    return run == MM_RUN_OK ? mm_tlv_number(vm, bytes, n, ret) : run;
}

enum mm_run mm_n_bertag_is_constructed(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = mm_tlv_filled_tag(vm, args[0], bytes, &n);

    ret[0] = (bytes[0] & MM_TLV_CONSTRUCTED) != 0;
    return run;
}

enum mm_run mm_n_bertag_class(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[MM_TLV_TAG_MAX];
    size_t n;
    enum mm_run run = mm_tlv_filled_tag(vm, args[0], bytes, &n);

    ret[0] = bytes[0] >> 6;
    return run;
}

bool mm_tlv_same_tag(struct mm_vm *vm, mm_ref a, mm_ref b)
{
    uint8_t x[MM_TLV_TAG_MAX], y[MM_TLV_TAG_MAX];
    size_t n = mm_tlv_tag_bytes(vm, a, x);

    return n != 0 && n == mm_tlv_tag_bytes(vm, b, y) && memcmp(x, y, n) == 0;
}

/* Throws nothing, so another context's tag is just not equal. */
enum mm_run mm_n_bertag_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = args[1] != MM_REF_NULL && mm_vm_instance_of(vm, args[1], TAG_CLASS) &&
             (args[0] == args[1] || mm_tlv_same_tag(vm, args[0], args[1]));
    return MM_RUN_OK;
}
