/* javacard.framework.Util */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* A write of one call is one journal entry, so atomic as such; "atomic" here means that it takes
 * part in an open transaction. */
/* The two ranges of arrayCopy and arrayCompare; null is told before anything else. */
static enum mm_run both(struct mm_vm *vm, const uint16_t *args, const uint8_t **a,
                        const uint8_t **b)
{
    int16_t len = MM_ARG_SHORT(4);
    enum mm_run run;

    if (args[0] == MM_REF_NULL || args[2] == MM_REF_NULL)
        return mm_api_null(vm);
    run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), len, a);
    return run == MM_RUN_OK ? mm_vm_bytes(vm, args[2], MM_ARG_SHORT(3), len, b) : run;
}

static enum mm_run copy(struct mm_vm *vm, const uint16_t *args, uint16_t *ret, bool atomic)
{
    int16_t dst_off = MM_ARG_SHORT(3), len = MM_ARG_SHORT(4);
    const uint8_t *src, *dst;
    uint8_t small[256], *tmp = small;
    enum mm_run run = both(vm, args, &src, &dst);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)(dst_off + len);
    if (args[0] != args[2])
        return mm_vm_array_write(vm, args[2], (uint16_t)dst_off, src, (uint16_t)len, atomic);
    /* The ranges may overlap: as if by way of a third array. */
    if ((size_t)len > sizeof(small) && (tmp = malloc((size_t)len)) == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memcpy(tmp, src, (size_t)len);
    run = mm_vm_array_write(vm, args[2], (uint16_t)dst_off, tmp, (uint16_t)len, atomic);
    OPENSSL_cleanse(tmp, (size_t)len);
    if (tmp != small)
        free(tmp);
    return run;
}

enum mm_run mm_n_util_array_copy(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return copy(vm, args, ret, true);
}

enum mm_run mm_n_util_array_copy_non_atomic(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return copy(vm, args, ret, false);
}

static enum mm_run fill(struct mm_vm *vm, const uint16_t *args, uint16_t *ret, bool atomic)
{
    int16_t off = MM_ARG_SHORT(1), len = MM_ARG_SHORT(2);
    uint8_t small[256], *tmp = small;
    enum mm_run run = mm_api_room(vm, args[0], off, len);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = (uint16_t)(off + len);
    if ((size_t)len > sizeof(small) && (tmp = malloc((size_t)len)) == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    memset(tmp, (uint8_t)args[3], (size_t)len);
    run = mm_vm_array_write(vm, args[0], (uint16_t)off, tmp, (uint16_t)len, atomic);
    if (tmp != small)
        free(tmp);
    return run;
}

enum mm_run mm_n_util_array_fill(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return fill(vm, args, ret, true);
}

enum mm_run mm_n_util_array_fill_non_atomic(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return fill(vm, args, ret, false);
}

/* Bytes are compared as signed Java bytes; -1, 0 or 1. */
enum mm_run mm_n_util_array_compare(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int16_t len = MM_ARG_SHORT(4);
    const uint8_t *a, *b;
    enum mm_run run = both(vm, args, &a, &b);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = 0;
    for (int16_t i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            ret[0] = (uint16_t)((int8_t)a[i] < (int8_t)b[i] ? -1 : 1);
            break;
        }
    }
    return MM_RUN_OK;
}

enum mm_run mm_n_util_make_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = (uint16_t)((args[0] & 0xFFu) << 8 | (args[1] & 0xFFu));
    return MM_RUN_OK;
}

enum mm_run mm_n_util_get_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), 2, &data);

    if (run == MM_RUN_OK)
        ret[0] = mm_be16(data);
    return run;
}

enum mm_run mm_n_util_set_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[2];

    mm_put_be16(bytes, args[2]);
    ret[0] = (uint16_t)(args[1] + 2);
    return mm_api_put(vm, args[0], MM_ARG_SHORT(1), bytes, 2);
}
