/*
 * javacardx.framework.math.BigNumber: an unsigned number of a fixed number of bytes. Its value and
 * its limit are two hidden byte arrays of that length, high byte first; the arithmetic is OpenSSL's.
 * A refused operation leaves the number as it was, because the value is written once, at the end.
 */
#include "applet_vm/api/api_int.h"

#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#define BIG_CLASS  "javacardx/framework/math/BigNumber"
#define BIG_MAX    256 /* bytes of a number; the API asks for 8 */
#define FORMAT_BCD 1
#define FORMAT_HEX 2

enum { BIG_VALUE, BIG_LIMIT, BIG_CELLS };

static enum mm_run arithmetic(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/ArithmeticException", 0);
}

enum mm_run mm_n_big_max_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = BIG_MAX;
    return MM_RUN_OK;
}

enum mm_run mm_n_big_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int n = MM_ARG_SHORT(1);
    uint8_t ones[BIG_MAX];
    uint16_t cells[BIG_CELLS];
    enum mm_run run;

    (void)ret;
    if (n < 1 || n > BIG_MAX)
        return arithmetic(vm);
    for (size_t i = 0; i < BIG_CELLS; i++) {
        cells[i] = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)n, MM_PERSISTENT);
        if (cells[i] == MM_REF_NULL)
            return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    }
    memset(ones, 0xFF, sizeof(ones));
    run = mm_vm_array_write(vm, cells[BIG_LIMIT], 0, ones, (uint16_t)n, true);
    return run == MM_RUN_OK ? mm_vm_hidden_put(vm, args[0], BIG_CLASS, cells, BIG_CELLS) : run;
}

/* ---- Between bytes and BIGNUM ---- */

/* Packed decimal digits; NULL: not all are digits, or out of memory. */
static BIGNUM *of_bcd(const uint8_t *data, size_t n)
{
    char *digits = malloc(2 * n + 1);
    BIGNUM *number = NULL;

    if (digits == NULL)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        digits[2 * i] = (char)('0' + (data[i] >> 4));
        digits[2 * i + 1] = (char)('0' + (data[i] & 0xF));
    }
    digits[2 * n] = '\0';
    if (strspn(digits, "0123456789") == 2 * n && BN_dec2bn(&number, digits) == 0) {
        BN_free(number);
        number = NULL;
    }
    free(digits);
    return number;
}

/* The operand at args[1]: array, offset, length, format. */
static enum mm_run operand(struct mm_vm *vm, const uint16_t *args, BIGNUM **out)
{
    int len = MM_ARG_SHORT(3), format = MM_ARG_BYTE(4);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    *out = NULL;
    if (run != MM_RUN_OK)
        return run;
    if (len == 0 || (format != FORMAT_BCD && format != FORMAT_HEX))
        return arithmetic(vm);
    *out = format == FORMAT_BCD ? of_bcd(data, (size_t)len) : BN_bin2bn(data, len, NULL);
    return *out != NULL ? MM_RUN_OK : arithmetic(vm);
}

/* One of the two hidden numbers of an object that the caller may look into. */
static enum mm_run stored(struct mm_vm *vm, mm_ref big, uint8_t cell, BIGNUM **out)
{
    enum mm_run run = mm_vm_access(vm, big);
    const uint8_t *data;
    size_t n;

    *out = NULL;
    if (run != MM_RUN_OK)
        return run;
    data = mm_api_hidden_bytes(vm, mm_vm_hidden(vm, big, BIG_CLASS, cell), &n);
    *out = data != NULL ? BN_bin2bn(data, (int)n, NULL) : NULL;
    return *out != NULL ? MM_RUN_OK : arithmetic(vm);
}

/* Does the number fit in the object's bytes? Then it is written to one of its arrays. */
static enum mm_run store(struct mm_vm *vm, mm_ref big, uint8_t cell, const BIGNUM *number)
{
    mm_ref array = mm_vm_hidden(vm, big, BIG_CLASS, cell);
    uint8_t bytes[BIG_MAX];
    size_t n;

    if (mm_api_hidden_bytes(vm, array, &n) == NULL || BN_is_negative(number) || n > sizeof(bytes) ||
        BN_bn2binpad(number, bytes, (int)n) < 0)
        return arithmetic(vm);
    return mm_vm_array_write(vm, array, 0, bytes, (uint16_t)n, true);
}

/* ---- Operations ---- */

enum operation { INIT, ADD, SUBTRACT, MULTIPLY };

static bool compute(enum operation op, BIGNUM *value, const BIGNUM *by)
{
    BN_CTX *ctx;
    bool ok;

    if (op == INIT)
        return BN_copy(value, by) != NULL;
    if (op == ADD)
        return BN_add(value, value, by) == 1;
    if (op == SUBTRACT)
        return BN_sub(value, value, by) == 1;
    ctx = BN_CTX_new();
    ok = ctx != NULL && BN_mul(value, value, by, ctx) == 1;
    BN_CTX_free(ctx);
    return ok;
}

static enum mm_run operate(struct mm_vm *vm, const uint16_t *args, enum operation op)
{
    BIGNUM *value = NULL, *limit = NULL, *by = NULL;
    enum mm_run run = operand(vm, args, &by);

    if (run == MM_RUN_OK)
        run = stored(vm, args[0], BIG_VALUE, &value);
    if (run == MM_RUN_OK)
        run = stored(vm, args[0], BIG_LIMIT, &limit);
    if (run == MM_RUN_OK && (!compute(op, value, by) || BN_cmp(value, limit) > 0))
        run = arithmetic(vm);
    if (run == MM_RUN_OK)
        run = store(vm, args[0], BIG_VALUE, value);
    BN_clear_free(value);
    BN_free(limit);
    BN_clear_free(by);
    return run;
}

enum mm_run mm_n_big_set(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return operate(vm, args, INIT);
}

enum mm_run mm_n_big_add(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return operate(vm, args, ADD);
}

enum mm_run mm_n_big_subtract(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return operate(vm, args, SUBTRACT);
}

enum mm_run mm_n_big_multiply(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return operate(vm, args, MULTIPLY);
}

enum mm_run mm_n_big_set_maximum(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    BIGNUM *value = NULL, *limit = NULL;
    enum mm_run run = operand(vm, args, &limit);

    (void)ret;
    if (run == MM_RUN_OK)
        run = stored(vm, args[0], BIG_VALUE, &value);
    if (run == MM_RUN_OK && BN_cmp(limit, value) < 0)
        run = arithmetic(vm);
    if (run == MM_RUN_OK)
        run = store(vm, args[0], BIG_LIMIT, limit);
    BN_clear_free(value);
    BN_free(limit);
    return run;
}

enum mm_run mm_n_big_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    BIGNUM *zero = BN_new();
    enum mm_run run = zero != NULL ? store(vm, args[0], BIG_VALUE, zero)
                                   : mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);

    (void)ret;
    BN_free(zero);
    return run;
}

/* ---- Comparing and reading ---- */

/* Compares with *by and releases it. */
static enum mm_run compare(struct mm_vm *vm, mm_ref big, BIGNUM *by, enum mm_run run, uint16_t *ret)
{
    BIGNUM *value = NULL;

    if (run == MM_RUN_OK)
        run = stored(vm, big, BIG_VALUE, &value);
    if (run == MM_RUN_OK)
        ret[0] = (uint16_t)BN_cmp(value, by);
    BN_clear_free(value);
    BN_clear_free(by);
    return run;
}

enum mm_run mm_n_big_compare(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    BIGNUM *by;
    enum mm_run run = stored(vm, args[1], BIG_VALUE, &by);

    return compare(vm, args[0], by, run, ret);
}

enum mm_run mm_n_big_compare_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    BIGNUM *by;
    enum mm_run run = operand(vm, args, &by);

    return compare(vm, args[0], by, run, ret);
}

/* Two digits a byte, right justified in n bytes; false: they are too few. */
static bool to_bcd(const BIGNUM *value, uint8_t *out, size_t n)
{
    char *digits = BN_bn2dec(value);
    size_t len = digits != NULL ? strlen(digits) : SIZE_MAX;
    bool ok = len != SIZE_MAX && len <= 2 * n;

    memset(out, 0, n);
    for (size_t i = 0; ok && i < len; i++) {
        unsigned digit = (unsigned)(digits[len - 1 - i] - '0');
        out[n - 1 - i / 2] |= (uint8_t)(i % 2 != 0 ? digit << 4 : digit);
    }
    OPENSSL_free(digits);
    return ok;
}

/* toBytes(out, off, numBytes, format) */
enum mm_run mm_n_big_to_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int n = MM_ARG_SHORT(3), format = MM_ARG_BYTE(4);
    enum mm_run run = mm_api_room(vm, args[1], MM_ARG_SHORT(2), n);
    BIGNUM *value = NULL;
    uint8_t *out;

    (void)ret;
    if (run == MM_RUN_OK && (n == 0 || (format != FORMAT_BCD && format != FORMAT_HEX)))
        return arithmetic(vm);
    if (run == MM_RUN_OK)
        run = stored(vm, args[0], BIG_VALUE, &value);
    if (run != MM_RUN_OK)
        return run;
    out = mm_api_scratch(vm, (size_t)n);
    if (out == NULL)
        run = mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    else if (format == FORMAT_BCD ? !to_bcd(value, out, (size_t)n)
                                  : BN_bn2binpad(value, out, n) < 0)
        run = arithmetic(vm);
    else
        run = mm_api_put(vm, args[1], MM_ARG_SHORT(2), out, (size_t)n);
    BN_clear_free(value);
    return run;
}

/* 0 needs a byte, too. */
enum mm_run mm_n_big_byte_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int format = MM_ARG_BYTE(1);
    uint8_t bcd[BIG_MAX * 2];
    BIGNUM *value = NULL;
    enum mm_run run;
    size_t skip = 0;

    if (format != FORMAT_BCD && format != FORMAT_HEX)
        return arithmetic(vm);
    run = stored(vm, args[0], BIG_VALUE, &value);
    if (run != MM_RUN_OK)
        return run;
    if (format == FORMAT_HEX) {
        ret[0] = (uint16_t)(BN_is_zero(value) ? 1 : BN_num_bytes(value));
    } else if (!to_bcd(value, bcd, sizeof(bcd))) {
        run = arithmetic(vm);
    } else {
        while (skip < sizeof(bcd) - 1 && bcd[skip] == 0)
            skip++;
        ret[0] = (uint16_t)(sizeof(bcd) - skip);
    }
    BN_clear_free(value);
    return run;
}
