/* javacardx.framework.math.BCDUtil and ParityBit, javacardx.framework.util.intx.JCint. */
#include "applet_vm/api/api_int.h"

#define BCD_MAX 32 /* bytes of a number, in either form; the API asks for 8 */

static enum mm_run arithmetic(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/ArithmeticException", 0);
}

/* ---- BCDUtil ---- */

enum mm_run mm_n_bcd_max_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = BCD_MAX;
    return MM_RUN_OK;
}

/* out = out * base + digit, over bytes that hold numbers below limit each; false: it does not fit */
static bool push_digit(uint8_t out[BCD_MAX + 1], unsigned base, unsigned digit, unsigned limit)
{
    unsigned carry = digit;

    for (size_t i = BCD_MAX + 1; i-- > 0;) {
        carry += out[i] * base;
        out[i] = (uint8_t)(carry % limit);
        carry /= limit;
    }
    return carry == 0;
}

static bool is_bcd(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (data[i] >> 4 > 9 || (data[i] & 0xF) > 9)
            return false;
    }
    return true;
}

/* The number without leading zero bytes, one byte at least. */
static enum mm_run give(struct mm_vm *vm, const uint16_t *args, const uint8_t out[BCD_MAX + 1],
                        uint16_t *ret)
{
    size_t skip = 0;

    while (skip < BCD_MAX && out[skip] == 0)
        skip++;
    if (skip == 0) /* longer than what is supported */
        return arithmetic(vm);
    ret[0] = (uint16_t)(BCD_MAX + 1 - skip);
    return mm_api_put(vm, args[3], MM_ARG_SHORT(4), out + skip, BCD_MAX + 1 - skip);
}

static enum mm_run number(struct mm_vm *vm, const uint16_t *args, const uint8_t **data)
{
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), MM_ARG_SHORT(2), data);

    if (run != MM_RUN_OK)
        return run;
    return MM_ARG_SHORT(2) > 0 && MM_ARG_SHORT(2) <= BCD_MAX ? MM_RUN_OK : arithmetic(vm);
}

/* convertToHex(bcd, off, len, hex, off) */
enum mm_run mm_n_bcd_to_hex(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t out[BCD_MAX + 1] = {0};
    const uint8_t *data;
    enum mm_run run = number(vm, args, &data);

    if (run != MM_RUN_OK)
        return run;
    if (!is_bcd(data, (size_t)MM_ARG_SHORT(2)))
        return arithmetic(vm);
    for (int i = 0; i < MM_ARG_SHORT(2); i++) {
        if (!push_digit(out, 100, (data[i] >> 4) * 10u + (data[i] & 0xFu), 256))
            return arithmetic(vm);
    }
    return give(vm, args, out, ret);
}

/* convertToBCD(hex, off, len, bcd, off): two decimal digits a byte, packed at the end */
enum mm_run mm_n_bcd_to_bcd(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t out[BCD_MAX + 1] = {0};
    const uint8_t *data;
    enum mm_run run = number(vm, args, &data);

    if (run != MM_RUN_OK)
        return run;
    for (int i = 0; i < MM_ARG_SHORT(2); i++) {
        if (!push_digit(out, 256, data[i], 100))
            return arithmetic(vm);
    }
    for (size_t i = 0; i <= BCD_MAX; i++)
        out[i] = (uint8_t)(out[i] / 10 << 4 | out[i] % 10);
    return give(vm, args, out, ret);
}

enum mm_run mm_n_bcd_is_bcd(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    enum mm_run run = number(vm, args, &data);

    if (run == MM_RUN_OK)
        ret[0] = is_bcd(data, (size_t)MM_ARG_SHORT(2));
    return run;
}

/* ---- ParityBit ---- */

/* set(bytes, off, len, isEven): the lowest bit of each byte makes the number of its ones even or
 * odd, as DES keys want it. */
enum mm_run mm_n_parity_set(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int off = MM_ARG_SHORT(1), len = MM_ARG_SHORT(2);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[0], off, len, &data);
    uint8_t chunk[64];

    (void)ret;
    for (int at = 0; run == MM_RUN_OK && at < len; at += (int)sizeof(chunk)) {
        int n = len - at < (int)sizeof(chunk) ? len - at : (int)sizeof(chunk);
        for (int i = 0; i < n; i++) {
            unsigned ones = 0, high = data[at + i] & 0xFEu;
            for (unsigned v = high; v != 0; v >>= 1)
                ones += v & 1;
            chunk[i] = (uint8_t)(high | ((ones & 1) ^ (args[3] == 0)));
        }
        run = mm_vm_array_write(vm, args[0], (uint16_t)(off + at), chunk, (uint16_t)n, true);
        if (run == MM_RUN_OK) /* the array may have moved */
            run = mm_vm_bytes(vm, args[0], off, len, &data);
    }
    return run;
}

/* ---- JCint ---- */

enum mm_run mm_n_jcint_of_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = (uint16_t)((args[0] & 0xFFu) << 8 | (args[1] & 0xFFu));
    ret[1] = (uint16_t)((args[2] & 0xFFu) << 8 | (args[3] & 0xFFu));
    return MM_RUN_OK;
}

enum mm_run mm_n_jcint_of_shorts(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = args[0];
    ret[1] = args[1];
    return MM_RUN_OK;
}

enum mm_run mm_n_jcint_get(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[0], MM_ARG_SHORT(1), 4, &data);

    if (run != MM_RUN_OK)
        return run;
    ret[0] = mm_be16(data);
    ret[1] = mm_be16(data + 2);
    return MM_RUN_OK;
}

/* setInt(bytes, off, value), the value in two cells */
enum mm_run mm_n_jcint_set(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[4];

    mm_put_be16(bytes, args[2]);
    mm_put_be16(bytes + 2, args[3]);
    ret[0] = (uint16_t)(args[1] + 4);
    return mm_api_put(vm, args[0], MM_ARG_SHORT(1), bytes, 4);
}
