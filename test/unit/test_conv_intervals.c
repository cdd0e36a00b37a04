/* Intervals hold what Java's int arithmetic gives: a wrong one would let a wrong cell pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "converter/conv_int.h"

#define CASES 400000

static uint32_t seed = 20261123;

static uint32_t next_random(void)
{
    seed = seed * 1664525u + 1013904223u; /* a full-period generator; fixed, so runs are alike */
    return seed >> 8 ^ seed << 13;
}

/* Values of every size are equally likely. */
static int32_t any_int(void)
{
    uint32_t bits = next_random() % 32;

    return (int32_t)(next_random() >> bits) * (next_random() & 1 ? 1 : -1);
}

/* JLS 8, 15.17 to 15.22 */
static int32_t java(uint8_t op, int32_t a, int32_t b)
{
    uint32_t x = (uint32_t)a, y = (uint32_t)b;

    switch (op) {
    case MM_OP_SADD:
        return (int32_t)(x + y);
    case MM_OP_SSUB:
        return (int32_t)(x - y);
    case MM_OP_SMUL:
        return (int32_t)(x * y);
    case MM_OP_SDIV:
        return b == -1 ? (int32_t)(0 - x) : a / b;
    case MM_OP_SREM:
        return b == -1 ? 0 : a % b;
    case MM_OP_SNEG:
        return (int32_t)(0 - x);
    case MM_OP_SAND:
        return a & b;
    case MM_OP_SOR:
        return a | b;
    case MM_OP_SXOR:
        return a ^ b;
    case MM_OP_SSHL:
        return (int32_t)(x << (y & 31));
    case MM_OP_SSHR:
        return a >> (y & 31);
    default:
        return (int32_t)(x >> (y & 31));
    }
}

/* An interval around v, often the point itself. */
static struct jval around(int32_t v)
{
    int32_t w = next_random() % 3 == 0 ? any_int() : v;

    return (struct jval){.kind = JV_INT, .lo = v < w ? v : w, .hi = v < w ? w : v};
}

static void interval_holds_the_result_of_every_operation(void **state)
{
    static const uint8_t ops[] = {MM_OP_SADD, MM_OP_SSUB, MM_OP_SMUL, MM_OP_SDIV,
                                  MM_OP_SREM, MM_OP_SNEG, MM_OP_SAND, MM_OP_SOR,
                                  MM_OP_SXOR, MM_OP_SSHL, MM_OP_SSHR, MM_OP_SUSHR};

    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        uint8_t op = ops[i % sizeof(ops)];
        int32_t a = any_int(), b = any_int(), r;
        struct jval v;

        if (b == 0 && (op == MM_OP_SDIV || op == MM_OP_SREM))
            continue;
        r = java(op, a, b);
        v = mm_conv_interval(op, around(a), around(b));
        if (r < v.lo || r > v.hi)
            fail_msg("opcode %02x of %d and %d is %d, not in %d..%d", op, (int)a, (int)b, (int)r,
                     (int)v.lo, (int)v.hi);
    }
}

static void interval_of_masked_byte_fits_a_short(void **state)
{
    struct jval b = {.kind = JV_INT, .lo = -128, .hi = 127};
    struct jval mask = {.kind = JV_INT, .lo = 255, .hi = 255};
    struct jval eight = {.kind = JV_INT, .lo = 8, .hi = 8};
    struct jval v = mm_conv_interval(MM_OP_SAND, b, mask);

    (void)state;
    assert_int_equal(v.lo, 0);
    assert_int_equal(v.hi, 255);
    assert_true(mm_conv_fits(v));
    assert_false(mm_conv_fits(mm_conv_interval(MM_OP_SSHL, v, eight)));
}

static void joins_end_by_widening(void **state)
{
    struct jval v = {.kind = JV_INT, .lo = 0, .hi = 0};
    unsigned changes = 0;

    (void)state;
    for (int32_t i = 1; i < 100000; i++) {
        struct jval was = v;

        v = mm_conv_interval_join(v, (struct jval){.kind = JV_INT, .lo = -i, .hi = i}, true);
        changes += was.lo != v.lo || was.hi != v.hi;
    }
    assert_true(changes <= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interval_holds_the_result_of_every_operation),
        cmocka_unit_test(interval_of_masked_byte_fits_a_short),
        cmocka_unit_test(joins_end_by_widening),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
