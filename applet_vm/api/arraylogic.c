/* javacardx.framework.util.ArrayLogic: byte, short and int arrays by one set of methods. */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define UTIL_ILLEGAL_VALUE   1
#define UTIL_TYPE_MISMATCHED 2

static enum mm_run util_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacardx/framework/util/UtilException", reason);
}

/* An array argument, checked for its kind; elements of size bytes. */
struct range {
    mm_ref ref;
    uint8_t type;
    size_t size;
    uint16_t n;
};

static enum mm_run take(struct mm_vm *vm, mm_ref ref, struct range *out)
{
    struct mm_obj_info info;

    *out = (struct range){.ref = ref};
    if (ref == MM_REF_NULL)
        return mm_api_null(vm);
    if (!mm_vm_object(vm, ref, &info) || info.kind != MM_OBJ_ARRAY ||
        info.array_type < MM_TYPE_BYTE_ARRAY || info.array_type > MM_TYPE_INT_ARRAY)
        return util_failed(vm, UTIL_ILLEGAL_VALUE);
    out->type = info.array_type;
    out->size = (size_t)1 << (info.array_type - MM_TYPE_BYTE_ARRAY);
    out->n = info.n;
    return MM_RUN_OK;
}

/* Elements are kept in host order, low byte first; the API speaks of high bytes first. Works both
 * ways. */
static void turn(uint8_t *to, const uint8_t *from, size_t n, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < size; k++)
            to[i * size + k] = from[i * size + size - 1 - k];
    }
}

/* arrayCopyRepack(src, srcOff, srcLen, dest, destOff) */
static enum mm_run repack(struct mm_vm *vm, const uint16_t *args, bool atomic, uint16_t *ret)
{
    int off = MM_ARG_SHORT(1), n = MM_ARG_SHORT(2), to_off = MM_ARG_SHORT(4);
    struct range from, to;
    const uint8_t *data, *room;
    uint8_t *bytes;
    size_t len, to_n;
    enum mm_run run = take(vm, args[0], &from);

    if (run == MM_RUN_OK)
        run = take(vm, args[3], &to);
    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, from.ref, from.type, off, n, &data);
    if (run != MM_RUN_OK)
        return run;
    len = (size_t)n * from.size;
    to_n = len / to.size;
    if (len % to.size != 0)
        return util_failed(vm, UTIL_ILLEGAL_VALUE);
    run = mm_vm_array(vm, to.ref, to.type, to_off, (int32_t)to_n, &room);
    if (run != MM_RUN_OK)
        return run;
    bytes = malloc(2 * len + 1);
    if (bytes == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    turn(bytes, data, (size_t)n, from.size);
    turn(bytes + len, bytes, to_n, to.size);
    run = mm_vm_array_write(vm, to.ref, (uint16_t)to_off, bytes + len, (uint16_t)to_n, atomic);
    OPENSSL_cleanse(bytes, 2 * len);
    free(bytes);
    ret[0] = (uint16_t)(to_off + (int)to_n);
    return run;
}

enum mm_run mm_n_logic_copy(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return repack(vm, args, true, ret);
}

enum mm_run mm_n_logic_copy_non_atomic(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return repack(vm, args, false, ret);
}

/* arrayFillGeneric(array, off, len, valArray, valOff) */
static enum mm_run fill(struct mm_vm *vm, const uint16_t *args, bool atomic, uint16_t *ret)
{
    int off = MM_ARG_SHORT(1), n = MM_ARG_SHORT(2);
    struct range to, value;
    const uint8_t *data, *room;
    uint8_t *bytes;
    enum mm_run run = take(vm, args[0], &to);

    if (run == MM_RUN_OK)
        run = take(vm, args[3], &value);
    if (run != MM_RUN_OK)
        return run;
    if (to.type != value.type)
        return util_failed(vm, UTIL_TYPE_MISMATCHED);
    run = mm_vm_array(vm, to.ref, to.type, off, n, &room);
    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, value.ref, value.type, MM_ARG_SHORT(4), 1, &data);
    if (run != MM_RUN_OK)
        return run;
    bytes = malloc((size_t)n * to.size + 1);
    if (bytes == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    for (size_t i = 0; i < (size_t)n; i++)
        memcpy(bytes + i * to.size, data, to.size);
    run = mm_vm_array_write(vm, to.ref, (uint16_t)off, bytes, (uint16_t)n, atomic);
    free(bytes);
    ret[0] = (uint16_t)(off + n);
    return run;
}

enum mm_run mm_n_logic_fill(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return fill(vm, args, true, ret);
}

enum mm_run mm_n_logic_fill_non_atomic(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return fill(vm, args, false, ret);
}

/* A signed element from high byte first. */
static int64_t element(const uint8_t *bytes, size_t size)
{
    int64_t v = (int8_t)bytes[0];

    for (size_t i = 1; i < size; i++)
        v = v * 256 + bytes[i];
    return v;
}

/* Element i of an array's contents. */
static int64_t value_at(const uint8_t *data, size_t i, size_t size)
{
    uint8_t bytes[4] = {0};

    turn(bytes, data + i * size, 1, size);
    return element(bytes, size);
}

/* arrayCompareGeneric(src, srcOff, dest, destOff, length) */
enum mm_run mm_n_logic_compare(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int n = MM_ARG_SHORT(4);
    struct range a, b;
    const uint8_t *x, *y;
    enum mm_run run = take(vm, args[0], &a);

    if (run == MM_RUN_OK)
        run = take(vm, args[2], &b);
    if (run != MM_RUN_OK)
        return run;
    if (a.type != b.type)
        return util_failed(vm, UTIL_TYPE_MISMATCHED);
    run = mm_vm_array(vm, a.ref, a.type, MM_ARG_SHORT(1), n, &x);
    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, b.ref, b.type, MM_ARG_SHORT(3), n, &y);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = 0;
    for (size_t i = 0; i < (size_t)n && ret[0] == 0; i++) {
        int64_t p = value_at(x, i, a.size), q = value_at(y, i, a.size);
        ret[0] = (uint16_t)(p < q ? -1 : p > q);
    }
    return MM_RUN_OK;
}

/* arrayFindGeneric(array, off, valArray, valOff): from off to the end */
enum mm_run mm_n_logic_find(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int off = MM_ARG_SHORT(1);
    struct range in;
    const uint8_t *data, *value;
    enum mm_run run = take(vm, args[0], &in);

    if (run == MM_RUN_OK)
        run = mm_vm_array(vm, in.ref, in.type, off, off <= in.n ? in.n - off : 0, &data);
    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[2], MM_ARG_SHORT(3), (int32_t)in.size, &value);
    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)-1;
    for (size_t i = 0; i < (size_t)(in.n - off); i++) {
        if (value_at(data, i, in.size) == element(value, in.size)) {
            ret[0] = (uint16_t)(off + (int)i);
            break;
        }
    }
    return MM_RUN_OK;
}
