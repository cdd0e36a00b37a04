/*
 * javacard.security.Checksum: the two frame check sequences of ISO 3309. Most significant bit first
 * for 16 bits (polynomial 1021), least significant first for 32 (04C11DB7 reflected); both end with
 * the complement. The initial value is zero unless init gives one (Checksum.init): that of the register
 * as the polynomial is written, so that of the reflected one is its mirror image.
 */
#include "applet_vm/api/api_int.h"

#define CHECKSUM_CLASS "javacard/security/Checksum"
#define ALG_CRC16      1
#define ALG_CRC32      2

/* algorithm; value so far, high and low */
enum { SUM_ALG, SUM_HIGH, SUM_LOW };

static uint16_t get(struct mm_vm *vm, mm_ref ref, uint8_t cell)
{
    return mm_vm_hidden(vm, ref, CHECKSUM_CLASS, cell);
}

enum mm_run mm_n_checksum_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (alg != ALG_CRC16 && alg != ALG_CRC32)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/Checksum", CHECKSUM_CLASS, alg, ret);
}

enum mm_run mm_n_checksum_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], SUM_ALG);
    return MM_RUN_OK;
}

static enum mm_run set_value(struct mm_vm *vm, mm_ref ref, uint32_t value)
{
    enum mm_run run =
        mm_vm_hidden_set(vm, ref, CHECKSUM_CLASS, SUM_HIGH, (uint16_t)(value >> 16), false);

    return run == MM_RUN_OK
               ? mm_vm_hidden_set(vm, ref, CHECKSUM_CLASS, SUM_LOW, (uint16_t)value, false)
               : run;
}

static uint32_t crc16(uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)data[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xFFFF : crc << 1;
    }
    return crc;
}

static uint32_t crc32(uint32_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return crc;
}

static enum mm_run feed(struct mm_vm *vm, const uint16_t *args, uint32_t *value)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    if (run != MM_RUN_OK)
        return run;
    *value = (uint32_t)get(vm, args[0], SUM_HIGH) << 16 | get(vm, args[0], SUM_LOW);
    if (get(vm, args[0], SUM_ALG) == ALG_CRC16)
        *value = crc16(*value, data, (size_t)len);
    else
        *value = crc32(*value, data, (size_t)len);
    return MM_RUN_OK;
}

static uint32_t mirror(uint32_t value)
{
    uint32_t out = 0;

    for (int bit = 0; bit < 32; bit++)
        out |= (value >> bit & 1) << (31 - bit);
    return out;
}

/* init(value, off, len): 2 or 4 bytes, as the algorithm says */
enum mm_run mm_n_checksum_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int len = MM_ARG_SHORT(3);
    bool wide = get(vm, args[0], SUM_ALG) == ALG_CRC32;
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    (void)ret;
    if (run != MM_RUN_OK)
        return run;
    if (len != (wide ? 4 : 2))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    return set_value(vm, args[0],
                     wide ? mirror((uint32_t)mm_be16(data) << 16 | mm_be16(data + 2))
                          : mm_be16(data));
}

enum mm_run mm_n_checksum_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint32_t value;
    enum mm_run run = feed(vm, args, &value);

    (void)ret;
    return run == MM_RUN_OK ? set_value(vm, args[0], value) : run;
}

enum mm_run mm_n_checksum_do_final(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    bool wide = get(vm, args[0], SUM_ALG) == ALG_CRC32;
    uint8_t out[4];
    uint32_t value;
    enum mm_run run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), wide ? 4 : 2);

    if (run == MM_RUN_OK)
        run = feed(vm, args, &value);
    if (run == MM_RUN_OK)
        run = set_value(vm, args[0], 0);
    if (run != MM_RUN_OK)
        return run;
    value = ~value;
    mm_put_be16(out, (uint16_t)(value >> 16));
    mm_put_be16(out + 2, (uint16_t)value);
    ret[0] = wide ? 4 : 2;
    return mm_api_put(vm, args[4], MM_ARG_SHORT(5), wide ? out : out + 2, wide ? 4 : 2);
}
