/* javacard.framework.OwnerPIN and what OwnerPINBuilder makes (JCRE 3.0.5, PIN contract). */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <string.h>

#define PIN_CLASS         "javacard/framework/OwnerPIN"
#define PIN_ILLEGAL_VALUE 1
#define PIN_ILLEGAL_STATE 2
#define PIN_MAX           127 /* a positive byte */

/* Hidden cells. The value is a persistent byte[]; the flags are a transient boolean[]. */
enum {
    PIN_VALUE,
    PIN_FLAGS,
    PIN_TRIES = MM_TRIES_LEFT,
    PIN_LIMIT = MM_TRIES_LIMIT,
    PIN_SIZE,
    PIN_LEN
};
enum { FLAG_VALIDATED, FLAG_DECREMENTED, FLAG_N };

static uint16_t get(struct mm_vm *vm, mm_ref pin, uint8_t cell)
{
    return mm_vm_hidden(vm, pin, PIN_CLASS, cell);
}

static enum mm_run set(struct mm_vm *vm, mm_ref pin, uint8_t cell, uint16_t value)
{
    return mm_vm_hidden_set(vm, pin, PIN_CLASS, cell, value, false);
}

static enum mm_run set_tries(struct mm_vm *vm, mm_ref pin, uint16_t tries)
{
    return mm_api_tries_set(vm, pin, PIN_CLASS, tries);
}

static bool flag(struct mm_vm *vm, mm_ref pin, unsigned which)
{
    size_t n;
    const uint8_t *flags = mm_api_hidden_bytes(vm, get(vm, pin, PIN_FLAGS), &n);

    return n == FLAG_N && flags[which] != 0;
}

static enum mm_run set_flag(struct mm_vm *vm, mm_ref pin, uint16_t which, uint8_t value)
{
    return mm_vm_array_write(vm, get(vm, pin, PIN_FLAGS), which, &value, 1, false);
}

static enum mm_run pin_failed(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/PINException", reason);
}

static enum mm_run init(struct mm_vm *vm, mm_ref pin, int limit, int size)
{
    mm_ref value, flags;
    enum mm_run run;

    if (limit < 1 || size < 1)
        return pin_failed(vm, PIN_ILLEGAL_VALUE);
    value = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)size, MM_PERSISTENT);
    if (value == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    run = set(vm, pin, PIN_VALUE, value);
    flags = mm_vm_new_array(vm, MM_TYPE_BOOLEAN_ARRAY, FLAG_N, MM_CLEAR_ON_RESET);
    if (flags == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_TRANSIENT_SPACE);
    if (run == MM_RUN_OK)
        run = set(vm, pin, PIN_FLAGS, flags);
    if (run == MM_RUN_OK)
        run = set(vm, pin, PIN_LIMIT, (uint16_t)limit);
    if (run == MM_RUN_OK)
        run = set(vm, pin, PIN_TRIES, (uint16_t)limit);
    return run == MM_RUN_OK ? set(vm, pin, PIN_SIZE, (uint16_t)size) : run;
}

enum mm_run mm_n_pin_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return init(vm, args[0], MM_ARG_BYTE(1), MM_ARG_BYTE(2));
}

/* OwnerPINBuilder.OWNER_PIN 1, OWNER_PIN_X 2, OWNER_PIN_X_WITH_PREDECREMENT 3 */
enum mm_run mm_n_pin_build(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const char *const classes[] = {PIN_CLASS, "mintmark/OwnerPinX",
                                          "mintmark/OwnerPinPredecrement"};
    int kind = MM_ARG_BYTE(2);
    mm_ref pin;

    if (kind < 1 || kind > 3)
        return pin_failed(vm, PIN_ILLEGAL_VALUE);
    pin = mm_vm_new_instance(vm, classes[kind - 1]);
    if (pin == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    ret[0] = pin;
    return init(vm, pin, MM_ARG_BYTE(0), MM_ARG_BYTE(1));
}

/* The comparison; the try is already counted. */
static enum mm_run compare(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref pin = args[0];
    int len = MM_ARG_BYTE(3);
    uint8_t given[PIN_MAX] = {0};
    const uint8_t *data, *value;
    size_t n;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    memcpy(given, data, (size_t)len);
    value = mm_api_hidden_bytes(vm, get(vm, pin, PIN_VALUE), &n);
    ret[0] = value != NULL && len == get(vm, pin, PIN_LEN) && len != 0 && (size_t)len <= n &&
             CRYPTO_memcmp(given, value, (size_t)len) == 0;
    OPENSSL_cleanse(given, sizeof(given));
    if (ret[0] == 0)
        return MM_RUN_OK;
    run = mm_api_tries_refill(vm, pin, PIN_CLASS);
    return run == MM_RUN_OK ? set_flag(vm, pin, FLAG_VALIDATED, 1) : run;
}

/* A blocked PIN matches nothing, and tells wrong arguments as any other. */
static enum mm_run blocked(struct mm_vm *vm, const uint16_t *args)
{
    const uint8_t *data;

    return mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_BYTE(3), &data);
}

enum mm_run mm_n_pin_check(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t tries = get(vm, args[0], PIN_TRIES);
    enum mm_run run = set_flag(vm, args[0], FLAG_VALIDATED, 0);

    ret[0] = 0;
    if (run != MM_RUN_OK)
        return run;
    if (tries == 0)
        return blocked(vm, args);
    run = mm_api_tries_use(vm, args[0], PIN_CLASS);
    return run == MM_RUN_OK ? compare(vm, args, ret) : run;
}

enum mm_run mm_n_pin_decrement(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t tries = get(vm, args[0], PIN_TRIES);
    enum mm_run run = MM_RUN_OK;

    if (flag(vm, args[0], FLAG_DECREMENTED))
        return pin_failed(vm, PIN_ILLEGAL_STATE);
    ret[0] = tries != 0 ? (uint16_t)(tries - 1) : 0;
    if (tries != 0)
        run = set_tries(vm, args[0], ret[0]);
    if (run == MM_RUN_OK)
        run = set_flag(vm, args[0], FLAG_VALIDATED, 0);
    /* A blocked PIN has nothing to check. */
    return run == MM_RUN_OK && tries != 0 ? set_flag(vm, args[0], FLAG_DECREMENTED, 1) : run;
}

enum mm_run mm_n_pin_check_decremented(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run;

    ret[0] = 0;
    if (!flag(vm, args[0], FLAG_DECREMENTED)) {
        if (get(vm, args[0], PIN_TRIES) == 0)
            return blocked(vm, args);
        return pin_failed(vm, PIN_ILLEGAL_STATE);
    }
    run = set_flag(vm, args[0], FLAG_DECREMENTED, 0);
    return run == MM_RUN_OK ? compare(vm, args, ret) : run;
}

enum mm_run mm_n_pin_get_tries_remaining(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PIN_TRIES);
    return MM_RUN_OK;
}

enum mm_run mm_n_pin_get_try_limit(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PIN_LIMIT);
    return MM_RUN_OK;
}

/* A lower limit takes surplus tries away. */
enum mm_run mm_n_pin_set_try_limit(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run;

    (void)ret;
    if (MM_ARG_BYTE(1) < 1)
        return pin_failed(vm, PIN_ILLEGAL_VALUE);
    run = set(vm, args[0], PIN_LIMIT, args[1]);
    if (run == MM_RUN_OK && get(vm, args[0], PIN_TRIES) > args[1])
        run = set_tries(vm, args[0], args[1]);
    return run;
}

enum mm_run mm_n_pin_set_tries_remaining(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    if (MM_ARG_BYTE(1) < 0 || MM_ARG_BYTE(1) > (int)get(vm, args[0], PIN_LIMIT))
        return pin_failed(vm, PIN_ILLEGAL_VALUE);
    return set_tries(vm, args[0], args[1]);
}

enum mm_run mm_n_pin_is_validated(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = flag(vm, args[0], FLAG_VALIDATED);
    return MM_RUN_OK;
}

enum mm_run mm_n_pin_get_validated_flag(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_n_pin_is_validated(vm, args, ret);
}

enum mm_run mm_n_pin_set_validated_flag(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return set_flag(vm, args[0], FLAG_VALIDATED, args[1] != 0);
}

enum mm_run mm_n_pin_reset_and_unblock(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    enum mm_run run = set_flag(vm, args[0], FLAG_VALIDATED, 0);

    (void)ret;
    return run == MM_RUN_OK ? mm_api_tries_refill(vm, args[0], PIN_CLASS) : run;
}

enum mm_run mm_n_pin_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    if (!flag(vm, args[0], FLAG_VALIDATED))
        return MM_RUN_OK;
    return mm_n_pin_reset_and_unblock(vm, args, ret);
}

enum mm_run mm_n_pin_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_BYTE(3);
    const uint8_t *data;
    enum mm_run run;

    if (len > (int)get(vm, args[0], PIN_SIZE))
        return pin_failed(vm, PIN_ILLEGAL_VALUE);
    run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);
    if (run != MM_RUN_OK)
        return run;
    run = mm_vm_array_write(vm, get(vm, args[0], PIN_VALUE), 0, data, (uint16_t)len, true);
    if (run == MM_RUN_OK)
        run = set(vm, args[0], PIN_LEN, (uint16_t)len);
    return run == MM_RUN_OK ? mm_n_pin_reset_and_unblock(vm, args, ret) : run;
}
