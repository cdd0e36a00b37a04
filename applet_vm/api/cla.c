/*
 * What a class byte says (ISO 7816-4, 5.4.1; JCRE 3.0.5, 4.3), for javacardx.apdu.util.APDUUtil.
 *
 *   b8 b7 b6 b5 b4 b3 b2 b1
 *    x  0  0  c  s  s  n  n   channel nn; secure messaging ss
 *    x  1  s  c  n  n  n  n   channel 4 + nnnn; secure messaging s
 *    x  0  1  -  -  -  -  -   reserved when b8 is 0 (20 to 3F); FF is invalid
 *
 * c: command chaining; x: 0 interindustry.
 */
#include "applet_vm/api/api_int.h"

static uint8_t cla_of(const uint16_t *args)
{
    return (uint8_t)args[0];
}

static bool valid(uint8_t cla)
{
    return cla != 0xFF && (cla & 0xE0) != 0x20;
}

enum mm_run mm_n_cla_is_valid(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = valid(cla_of(args));
    return MM_RUN_OK;
}

enum mm_run mm_n_cla_channel(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t cla = cla_of(args);

    (void)vm;
    ret[0] = !valid(cla) ? 0 : (cla & 0x40) != 0 ? 4 + (cla & 0x0F) : cla & 0x03;
    return MM_RUN_OK;
}

enum mm_run mm_n_cla_is_secure(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t cla = cla_of(args);

    (void)vm;
    ret[0] = valid(cla) && (cla & ((cla & 0x40) != 0 ? 0x20 : 0x0C)) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_cla_is_chained(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t cla = cla_of(args);

    (void)vm;
    ret[0] = valid(cla) && (cla & 0x10) != 0;
    return MM_RUN_OK;
}

enum mm_run mm_n_cla_is_interindustry(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = (cla_of(args) & 0x80) == 0;
    return MM_RUN_OK;
}
