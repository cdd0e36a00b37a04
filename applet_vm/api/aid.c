/* javacard.framework.AID: hidden cells are the length and then two bytes a cell. */
#include "applet_vm/api/api_int.h"

#include <stdlib.h>
#include <string.h>

#define AID_CLASS "javacard/framework/AID"
#define RID_LEN   5

static enum mm_run aid_store(struct mm_vm *vm, mm_ref ref, const struct mm_aid *aid)
{
    enum mm_run run = mm_vm_hidden_set(vm, ref, AID_CLASS, 0, aid->len, false);

    for (uint8_t i = 0; run == MM_RUN_OK && i < MM_AID_MAX / 2; i++)
        run = mm_vm_hidden_set(vm, ref, AID_CLASS, (uint8_t)(1 + i), mm_be16(aid->bytes + 2 * i),
                               false);
    return run;
}

bool mm_api_aid_get(struct mm_vm *vm, mm_ref ref, struct mm_aid *aid)
{
    uint16_t len;

    memset(aid, 0, sizeof(*aid));
    if (ref == MM_REF_NULL || !mm_vm_instance_of(vm, ref, AID_CLASS))
        return false;
    len = mm_vm_hidden(vm, ref, AID_CLASS, 0);
    if (len < MM_AID_MIN || len > MM_AID_MAX) /* its constructor has not run */
        return false;
    aid->len = (uint8_t)len;
    for (uint8_t i = 0; i < MM_AID_MAX / 2; i++)
        mm_put_be16(aid->bytes + 2 * i, mm_vm_hidden(vm, ref, AID_CLASS, (uint8_t)(1 + i)));
    return true;
}

/* ---- The JCRE's AID objects, one for each applet that was asked for (JCRE 3.0.5, 6.2.1) ---- */

static bool know(struct mm_vm *vm, mm_ref ref, const struct mm_aid *aid)
{
    struct mm_api *api = mm_api_of(vm);

    if (api->aid_n == api->aid_cap) {
        size_t cap = api->aid_cap == 0 ? 16 : 2 * api->aid_cap;
        struct mm_api_aid *more = realloc(api->aids, cap * sizeof(*more));
        if (more == NULL)
            return false;
        api->aids = more;
        api->aid_cap = cap;
    }
    api->aids[api->aid_n++] = (struct mm_api_aid){.aid = *aid, .ref = ref};
    return true;
}

/* Those made in earlier sessions are found when the first is asked for. */
static mm_ref known(struct mm_vm *vm, const struct mm_aid *aid)
{
    struct mm_api *api = mm_api_of(vm);
    mm_ref ref = MM_REF_NULL;
    struct mm_aid a;

    while (!api->aids_read && (ref = mm_vm_next_permanent(vm, AID_CLASS, ref)) != MM_REF_NULL) {
        if (mm_api_aid_get(vm, ref, &a) && !know(vm, ref, &a))
            return MM_REF_NULL;
    }
    api->aids_read = true;
    for (size_t i = 0; i < api->aid_n; i++) {
        if (mm_aid_equal(&api->aids[i].aid, aid))
            return api->aids[i].ref;
    }
    return MM_REF_NULL;
}

mm_ref mm_api_aid_object(struct mm_vm *vm, const struct mm_aid *aid)
{
    mm_ref ref = known(vm, aid);

    if (ref != MM_REF_NULL)
        return ref;
    ref = mm_vm_new_permanent(vm, AID_CLASS);
    if (ref == MM_REF_NULL || aid_store(vm, ref, aid) != MM_RUN_OK || !know(vm, ref, aid))
        return MM_REF_NULL;
    return ref;
}

void mm_api_aid_gone(struct mm_api *api, mm_ref ref)
{
    for (size_t i = 0; i < api->aid_n; i++) {
        if (api->aids[i].ref == ref) {
            api->aids[i] = api->aids[--api->aid_n];
            return;
        }
    }
}

enum mm_run mm_n_aid_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int16_t len = MM_ARG_BYTE(3);
    struct mm_aid aid = {0};
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (mm_aid_set(&aid, data, (size_t)len) != MM_OK)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    return aid_store(vm, args[0], &aid);
}

enum mm_run mm_n_aid_equals_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_aid a, b;
    enum mm_run run = args[1] != MM_REF_NULL ? mm_vm_access(vm, args[1]) : MM_RUN_OK;

    ret[0] = run == MM_RUN_OK && mm_api_aid_get(vm, args[0], &a) &&
             mm_api_aid_get(vm, args[1], &b) && mm_aid_equal(&a, &b);
    return run;
}

/* Common to equals(byte[]...) and partialEquals; a null array is equal to nothing. */
static enum mm_run compare(struct mm_vm *vm, const uint16_t *args, bool whole, uint16_t *ret)
{
    int16_t len = MM_ARG_BYTE(3);
    const uint8_t *data;
    struct mm_aid a;
    enum mm_run run;

    ret[0] = 0;
    if (args[1] == MM_REF_NULL)
        return MM_RUN_OK;
    run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK || !mm_api_aid_get(vm, args[0], &a))
        return run;
    ret[0] = len <= a.len && (!whole || len == a.len) && memcmp(a.bytes, data, (size_t)len) == 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_aid_equals_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return compare(vm, args, true, ret);
}

enum mm_run mm_n_aid_partial_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return compare(vm, args, false, ret);
}

enum mm_run mm_n_aid_rid_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_aid a, b;
    enum mm_run run = args[1] != MM_REF_NULL ? mm_vm_access(vm, args[1]) : MM_RUN_OK;

    ret[0] = run == MM_RUN_OK && mm_api_aid_get(vm, args[0], &a) &&
             mm_api_aid_get(vm, args[1], &b) && memcmp(a.bytes, b.bytes, RID_LEN) == 0;
    return run;
}

enum mm_run mm_n_aid_get_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_aid a;

    (void)mm_api_aid_get(vm, args[0], &a); /* without a value: no bytes */
    ret[0] = a.len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), a.bytes, a.len);
}

/* getPartialBytes(aidOffset, dest, off, length); length 0: all from aidOffset on. */
enum mm_run mm_n_aid_get_partial(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int from = MM_ARG_SHORT(1), n = MM_ARG_BYTE(4);
    struct mm_aid a;

    if (args[2] == MM_REF_NULL)
        return mm_api_null(vm);
    (void)mm_api_aid_get(vm, args[0], &a);
    if (from < 0 || from > a.len || n < 0 || n > a.len - from)
        return mm_vm_throw(vm, "java/lang/ArrayIndexOutOfBoundsException", 0);
    if (n == 0)
        n = a.len - from;
    ret[0] = (uint16_t)n;
    return mm_api_put(vm, args[2], MM_ARG_SHORT(3), a.bytes + from, (size_t)n);
}
