/* javacard.framework.SensitiveArrays, and the stored result of javacardx.security.SensitiveResult. */
#include "applet_vm/api/api_int.h"

/* ---- Arrays with a control element (the virtual machine keeps it) ---- */

#define ARRAY_TYPE_BOOLEAN 1 /* JCSystem.ARRAY_TYPE_...; newarray's codes are 9 more */
#define ARRAY_TYPE_OBJECT  5

/* makeIntegritySensitiveArray(type, memory, length) */
enum mm_run mm_n_sensitive_make(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int type = MM_ARG_BYTE(0), memory = MM_ARG_BYTE(1), n = MM_ARG_SHORT(2);

    if (n < 0)
        return mm_vm_throw(vm, "java/lang/NegativeArraySizeException", 0);
    if (type < ARRAY_TYPE_BOOLEAN || type > ARRAY_TYPE_OBJECT || memory < MM_PERSISTENT ||
        memory > MM_CLEAR_ON_DESELECT)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    ret[0] =
        mm_vm_new_sensitive_array(vm, (uint8_t)(type + 9), (uint16_t)n, (enum mm_transient)memory);
    if (ret[0] != MM_REF_NULL)
        return MM_RUN_OK;
    return mm_api_throw_system(vm, memory == MM_PERSISTENT ? MM_SYSTEM_NO_ROOM
                                                           : MM_SYSTEM_NO_TRANSIENT_SPACE);
}

static enum mm_run is_sensitive(struct mm_vm *vm, mm_ref ref, bool *yes)
{
    struct mm_obj_info info;
    enum mm_run run = mm_vm_access(vm, ref);

    *yes = run == MM_RUN_OK && mm_vm_object(vm, ref, &info) && info.sensitive;
    return run;
}

enum mm_run mm_n_sensitive_is(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    bool yes;
    enum mm_run run = is_sensitive(vm, args[0], &yes);

    ret[0] = yes;
    return run;
}

enum mm_run mm_n_sensitive_assert(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    bool yes;
    enum mm_run run = is_sensitive(vm, args[0], &yes);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (!yes)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    return mm_vm_array_intact(vm, args[0]) ? MM_RUN_OK
                                           : mm_vm_throw(vm, "java/lang/SecurityException", 0);
}

enum mm_run mm_n_sensitive_clear(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_obj_info info;
    bool yes;
    enum mm_run run = is_sensitive(vm, args[0], &yes);

    if (run != MM_RUN_OK)
        return run;
    if (!yes || !mm_vm_object(vm, args[0], &info))
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    ret[0] = info.n;
    return mm_vm_sensitive_clear(vm, args[0]);
}

/* ---- The stored result ---- */

enum mm_run mm_api_keep_result(struct mm_vm *vm, mm_native fn, char type, const uint16_t *args,
                               uint16_t *ret)
{
    struct mm_api_result *result = &mm_api_of(vm)->result;
    enum mm_run run = fn(vm, args, ret);

    result->type = run == MM_RUN_OK ? type : '\0';
    result->value = ret[0];
    result->entry = mm_vm_entries(vm);
    return run;
}

/* Of this type, and stored since the running code was entered? */
static bool stored(struct mm_vm *vm, char type, uint16_t *value)
{
    const struct mm_api_result *result = &mm_api_of(vm)->result;

    *value = result->value;
    return result->type == type && result->entry == mm_vm_entries(vm);
}

static enum mm_run verdict(struct mm_vm *vm, bool good)
{
    return good ? MM_RUN_OK : mm_vm_throw(vm, "java/lang/SecurityException", 0);
}

enum mm_run mm_n_result_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    mm_api_of(vm)->result.type = '\0';
    return MM_RUN_OK;
}

enum mm_run mm_n_result_assert_object(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)ret;
    return verdict(vm, stored(vm, 'L', &value) && value == args[0]);
}

enum mm_run mm_n_result_assert_true(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)args, (void)ret;
    return verdict(vm, stored(vm, 'Z', &value) && (value & 1) != 0);
}

enum mm_run mm_n_result_assert_false(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)args, (void)ret;
    return verdict(vm, stored(vm, 'Z', &value) && (value & 1) == 0);
}

enum mm_run mm_n_result_assert_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)ret;
    return verdict(vm, stored(vm, 'S', &value) && value == args[0]);
}

enum mm_run mm_n_result_assert_greater(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)ret;
    return verdict(vm, stored(vm, 'S', &value) && (int16_t)value > MM_ARG_SHORT(0));
}

enum mm_run mm_n_result_assert_less(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t value;

    (void)ret;
    return verdict(vm, stored(vm, 'S', &value) && (int16_t)value < MM_ARG_SHORT(0));
}

static const uint16_t zero[1];

enum mm_run mm_n_result_assert_zero(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return mm_n_result_assert_equals(vm, zero, ret);
}

enum mm_run mm_n_result_assert_positive(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return mm_n_result_assert_greater(vm, zero, ret);
}

enum mm_run mm_n_result_assert_negative(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    return mm_n_result_assert_less(vm, zero, ret);
}
