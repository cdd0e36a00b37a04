/*
 * What int a Java expression may have, as an interval. A card computes in 16 bits, so a cell holds
 * the low 16 bits of Java's int. The cell is the int itself, exactly, while the interval stays
 * within a short; beyond, only operations that look at the low bits alone may use the cell.
 */
#include "converter/conv_int.h"

#define INT_LO (-2147483647 - 1)
#define INT_HI 2147483647

static struct jval make(int64_t lo, int64_t hi)
{
    struct jval v = {.kind = JV_INT, .lo = INT_LO, .hi = INT_HI};

    /* An int that overflowed may be anything; its low 16 bits are right all the same. */
    if (lo >= INT_LO && hi <= INT_HI) {
        v.lo = (int32_t)lo;
        v.hi = (int32_t)hi;
    }
    return v;
}

static int64_t min4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    int64_t x = a < b ? a : b, y = c < d ? c : d;
    return x < y ? x : y;
}

static int64_t max4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return -min4(-a, -b, -c, -d);
}

/* The smallest 2^k - 1 that is not below v and not below -v - 1. */
static int64_t mask_over(int64_t v)
{
    int64_t m = 0;

    if (v < 0)
        v = -v - 1;
    while (m < v)
        m = m * 2 + 1;
    return m;
}

static struct jval bitwise(uint8_t op, struct jval a, struct jval b)
{
    int64_t m = max4(mask_over(a.lo), mask_over(a.hi), mask_over(b.lo), mask_over(b.hi));

    if (op == MM_OP_SAND && a.lo >= 0 && b.lo >= 0)
        return make(0, a.hi < b.hi ? a.hi : b.hi);
    if (op == MM_OP_SAND && (a.lo >= 0 || b.lo >= 0))
        return make(0, a.lo >= 0 ? a.hi : b.hi);
    if (a.lo >= 0 && b.lo >= 0)
        return make(0, m);
    return make(-m - 1, m);
}

static struct jval shift(uint8_t op, struct jval a, struct jval b)
{
    int s = b.lo & 31;

    if (b.lo != b.hi) {
        if (op == MM_OP_SSHL || (op == MM_OP_SUSHR && a.lo < 0))
            return make(INT_LO, INT_HI);
        return make(a.lo < 0 ? a.lo : 0, a.hi > 0 ? a.hi : a.hi < 0 ? -1 : 0);
    }
    if (op == MM_OP_SSHL)
        return make((int64_t)a.lo * ((int64_t)1 << s), (int64_t)a.hi * ((int64_t)1 << s));
    if (op == MM_OP_SUSHR && a.lo < 0 && s != 0)
        return make(0, (int64_t)0xFFFFFFFF >> s);
    return make(a.lo >> s, a.hi >> s);
}

static struct jval divide(struct jval a, struct jval b)
{
    int64_t m = max4(a.lo, a.hi, -(int64_t)a.lo, -(int64_t)a.hi);

    if (b.lo > 0)
        return make(min4(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi),
                    max4(a.lo / b.lo, a.lo / b.hi, a.hi / b.lo, a.hi / b.hi));
    return make(-m, m); /* -32768 / -1 is 32768 */
}

static struct jval remainder_of(struct jval a, struct jval b)
{
    int64_t m = max4(b.lo, b.hi, -(int64_t)b.lo, -(int64_t)b.hi) - 1;
    int64_t lo = a.lo < 0 ? (-m > a.lo ? -m : a.lo) : 0;
    int64_t hi = a.hi > 0 ? (m < a.hi ? m : a.hi) : 0;

    return m < 0 ? make(0, 0) : make(lo, hi); /* m < 0: by zero, no result */
}

struct jval mm_conv_interval(uint8_t op, struct jval a, struct jval b)
{
    int64_t al = a.lo, ah = a.hi, bl = b.lo, bh = b.hi;

    switch (op) {
    case MM_OP_SADD:
        return make(al + bl, ah + bh);
    case MM_OP_SSUB:
        return make(al - bh, ah - bl);
    case MM_OP_SNEG:
        return make(-ah, -al);
    case MM_OP_SMUL:
        return make(min4(al * bl, al * bh, ah * bl, ah * bh),
                    max4(al * bl, al * bh, ah * bl, ah * bh));
    case MM_OP_SDIV:
        return divide(a, b);
    case MM_OP_SREM:
        return remainder_of(a, b);
    case MM_OP_SAND:
    case MM_OP_SOR:
    case MM_OP_SXOR:
        return bitwise(op, a, b);
    default:
        return shift(op, a, b);
    }
}

struct jval mm_conv_interval_narrow(struct jval v, int32_t lo, int32_t hi)
{
    return v.lo >= lo && v.hi <= hi ? v : make(lo, hi);
}

struct jval mm_conv_interval_join(struct jval a, struct jval b, bool widen)
{
    static const int32_t low[] = {0, -1, -128, -32768, INT_LO};
    static const int32_t high[] = {0, 1, 127, 255, 32766, 32767, INT_HI};
    struct jval v = make(a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi);

    /* A bound that keeps growing in a loop jumps to the next of a few values, so loops end. */
    for (size_t i = 0; widen && v.lo < a.lo && i < sizeof(low) / sizeof(low[0]); i++) {
        if (low[i] <= v.lo) {
            v.lo = low[i];
            break;
        }
    }
    for (size_t i = 0; widen && v.hi > a.hi && i < sizeof(high) / sizeof(high[0]); i++) {
        if (high[i] >= v.hi) {
            v.hi = high[i];
            break;
        }
    }
    return v;
}
