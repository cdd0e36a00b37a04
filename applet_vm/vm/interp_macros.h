/*
 * The words in which interp_loop.h is written: dispatch, slow paths, families of operations. Only
 * that file includes this one. They use its locals: ip, sp, loc, ctx, objs, budget, f, vm.
 */
#ifndef MM_INTERP_MACROS_H
#define MM_INTERP_MACROS_H

#include "applet_vm/vm/vm_int.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifdef MM_SWITCH_DISPATCH
#define OP(name)   case MM_V_##name:
#define DISPATCH() goto dispatch
#else
#define OP(name)   L_##name:
#define DISPATCH() goto *labels[ip->op]
#endif
#define NEXT()                                                                                     \
    do {                                                                                           \
        ip++;                                                                                      \
        DISPATCH();                                                                                \
    } while (0)
/* Going back costs as many steps as the way back is long, so a loop pays for each round. */
#define JUMP(by)                                                                                   \
    do {                                                                                           \
        int32_t by_ = (by);                                                                        \
        ip += by_;                                                                                 \
        if (by_ <= 0) {                                                                            \
            uint64_t cost_ = (uint64_t)(1 - (int64_t)by_);                                         \
            if (UNLIKELY(budget < cost_))                                                          \
                goto out_of_steps;                                                                 \
            budget -= cost_;                                                                       \
        }                                                                                          \
        DISPATCH();                                                                                \
    } while (0)
#define SAVE()                                                                                     \
    do {                                                                                           \
        f->ip = ip;                                                                                \
        f->sp = sp;                                                                                \
    } while (0)
#define THROW(which)                                                                               \
    do {                                                                                           \
        SAVE();                                                                                    \
        (void)mm_throw(vm, MM_EXC_##which, 0);                                                     \
        goto thrown;                                                                               \
    } while (0)
/* A slow path: may throw or fault. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        SAVE();                                                                                    \
        enum mm_run run_ = (call);                                                                 \
        if (run_ != MM_RUN_OK) {                                                                   \
            if (run_ == MM_RUN_THROWN)                                                             \
                goto thrown;                                                                       \
            goto faulted;                                                                          \
        }                                                                                          \
    } while (0)
#define S(x) ((int16_t)(x))
#define U(x) ((uint16_t)(x))
#define BINARY(name, expr)                                                                         \
    OP(name)                                                                                       \
    {                                                                                              \
        int32_t a = S(sp[-2]), b = S(sp[-1]);                                                      \
        sp--;                                                                                      \
        sp[-1] = U(expr);                                                                          \
        NEXT();                                                                                    \
    }
#define GET_INT(p) ((uint32_t)(p)[0] << 16 | (p)[1])
#define PUT_INT(p, v)                                                                              \
    do {                                                                                           \
        uint32_t v_ = (uint32_t)(v);                                                               \
        (p)[0] = U(v_ >> 16);                                                                      \
        (p)[1] = U(v_);                                                                            \
    } while (0)
#define BINARY_INT(name, expr)                                                                     \
    OP(name)                                                                                       \
    {                                                                                              \
        uint32_t a = GET_INT(sp - 4), b = GET_INT(sp - 2);                                         \
        sp -= 2;                                                                                   \
        PUT_INT(sp - 2, expr);                                                                     \
        NEXT();                                                                                    \
    }
#define IF(name, cond)                                                                             \
    OP(name)                                                                                       \
    {                                                                                              \
        int16_t a = S(*--sp);                                                                      \
        if (cond)                                                                                  \
            JUMP(ip->b);                                                                           \
        NEXT();                                                                                    \
    }
#define IF_CMP(name, cond)                                                                         \
    OP(name)                                                                                       \
    {                                                                                              \
        int16_t a = S(sp[-2]), b = S(sp[-1]);                                                      \
        sp -= 2;                                                                                   \
        if (cond)                                                                                  \
            JUMP(ip->b);                                                                           \
        NEXT();                                                                                    \
    }
#define ARRAY_OK(o, index, type_ok) LIKELY((o)->ctx == ctx && (index) < (o)->n && (type_ok))
#define FIELD_OK(o, cell, width)    LIKELY((o)->ctx == ctx && (cell) + (width) <= (o)->cells)
#define IS_BYTES(o)                 (((o)->type | 1) == MM_TYPE_BYTE)
#define LOAD_ELEMENT(name, type_ok, type, push)                                                    \
    OP(name)                                                                                       \
    {                                                                                              \
        mm_ref ref = sp[-2];                                                                       \
        uint16_t i = sp[-1];                                                                       \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!ARRAY_OK(o, i, type_ok))                                                              \
            TRY(mm_fw_array(vm, ref, type, S(i)));                                                 \
        sp -= 2;                                                                                   \
        push;                                                                                      \
        NEXT();                                                                                    \
    }
#define GET_FIELD(name, this, width, push)                                                         \
    OP(name)                                                                                       \
    {                                                                                              \
        mm_ref ref = *--sp;                                                                        \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!FIELD_OK(o, ip->a, width))                                                            \
            TRY(mm_fw_instance(vm, ref, (uint16_t)(ip->a + (width)-1)));                           \
        push;                                                                                      \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(this)                                                                                       \
    {                                                                                              \
        mm_ref ref = loc[0];                                                                       \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!FIELD_OK(o, ip->a, width))                                                            \
            TRY(mm_fw_instance(vm, ref, (uint16_t)(ip->a + (width)-1)));                           \
        push;                                                                                      \
        NEXT();                                                                                    \
    }
/* pops value and reference, or value only */
#define PUT_FIELD(name, this, width, check, value)                                                 \
    OP(name)                                                                                       \
    {                                                                                              \
        mm_ref ref = sp[-1 - (width)];                                                             \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!FIELD_OK(o, ip->a, width))                                                            \
            TRY(mm_fw_instance(vm, ref, (uint16_t)(ip->a + (width)-1)));                           \
        check;                                                                                     \
        uint16_t v[2] = value;                                                                     \
        TRY(mm_obj_write(vm, ref, 2u * ip->a, v, 2 * (width), MM_WRITE_ATOMIC));                   \
        sp -= 1 + (width);                                                                         \
        NEXT();                                                                                    \
    }                                                                                              \
    OP(this)                                                                                       \
    {                                                                                              \
        mm_ref ref = loc[0];                                                                       \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!FIELD_OK(o, ip->a, width))                                                            \
            TRY(mm_fw_instance(vm, ref, (uint16_t)(ip->a + (width)-1)));                           \
        check;                                                                                     \
        uint16_t v[2] = value;                                                                     \
        TRY(mm_obj_write(vm, ref, 2u * ip->a, v, 2 * (width), MM_WRITE_ATOMIC));                   \
        sp -= (width);                                                                             \
        NEXT();                                                                                    \
    }
#define TWO_CELLS(a, b)                                                                            \
    {                                                                                              \
        (a), (b)                                                                                   \
    }
#define STORABLE(v)                                                                                \
    do {                                                                                           \
        if (UNLIKELY((objs[v].flags & (MM_OBJ_TEMP | MM_OBJ_GLOBAL | MM_OBJ_UNDONE)) != 0))        \
            TRY(mm_fw_store(vm, &v));                                                              \
    } while (0)
#define STORE_ELEMENT(name, type_ok, type, check, width, len, value)                               \
    OP(name)                                                                                       \
    {                                                                                              \
        mm_ref ref = sp[-2 - (width)];                                                             \
        uint16_t i = sp[-1 - (width)];                                                             \
        const struct mm_object *o = &objs[ref];                                                    \
        if (!ARRAY_OK(o, i, type_ok))                                                              \
            TRY(mm_fw_array(vm, ref, type, S(i)));                                                 \
        check;                                                                                     \
        value;                                                                                     \
        TRY(mm_obj_write(vm, ref, (size_t)(len)*i, &v, len, MM_WRITE_ATOMIC));                     \
        sp -= 2 + (width);                                                                         \
        NEXT();                                                                                    \
    }

static int32_t switch_to(const struct mm_switch *sw, int32_t key)
{
    uint32_t lo = 0, hi = sw->n;

    if (sw->table) {
        uint32_t i = (uint32_t)key - (uint32_t)sw->low;
        return i < sw->n ? sw->cases[i].to : sw->other;
    }
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (sw->cases[mid].key == key)
            return sw->cases[mid].to;
        if (sw->cases[mid].key < key)
            lo = mid + 1;
        else
            hi = mid;
    }
    return sw->other;
}

static bool same_reference(const struct mm_object *objs, mm_ref a, mm_ref b)
{
    return a == b || (mm_is_null(objs, a) && mm_is_null(objs, b));
}

/* dup_x: the top m cells once more, below the n cells at the top. */
static uint16_t *dup_x(uint16_t *sp, unsigned m, unsigned n)
{
    uint16_t top[4];

    memcpy(top, sp - m, 2u * m);
    if (n == 0)
        n = m;
    memmove(sp - n + m, sp - n, 2u * n);
    memcpy(sp - n, top, 2u * m);
    return sp + m;
}

static void swap_x(uint16_t *sp, unsigned m, unsigned n)
{
    uint16_t cells[4];

    memcpy(cells, sp - m, 2u * m);
    memcpy(cells + m, sp - m - n, 2u * n);
    memcpy(sp - m - n, cells, 2u * (m + n));
}

#endif
