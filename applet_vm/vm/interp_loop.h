/*
 * The interpreter loop, once. interp_goto.c includes it for computed-goto dispatch,
 * interp_switch.c with MM_SWITCH_DISPATCH for a plain switch; both are built and tested.
 *
 * ip, sp, loc and the active context are locals; the frame gets them back before anything that
 * could look at it (calls, natives, throws). Stack and local variable bounds were checked when the
 * code was translated (decode.c). A reference is any 16-bit value: the object table has an entry
 * for each, and every access checks type, bounds and context in one condition; only when it fails
 * does firewall.c find out which rule of JCRE 3.0.5, 6.2.8 allows or refuses it.
 */
#include "applet_vm/vm/interp_macros.h"

enum mm_run MM_INTERP(struct mm_vm *vm, size_t base)
{
#ifndef MM_SWITCH_DISPATCH
    static const void *const labels[MM_V_N] = {
#define MM_V(name) &&L_##name,
#include "applet_vm/vm/ops.def"
#undef MM_V
    };
#endif
    const struct mm_object *const objs = vm->objs;
    struct mm_frame *f = &vm->frames[vm->depth - 1];
    const struct mm_ins *ip = f->ip;
    uint16_t *sp = f->sp, *loc = f->loc;
    mm_comp ctx = f->ctx;
    uint64_t budget = vm->budget;
    const struct mm_method *m;

    DISPATCH();
#ifdef MM_SWITCH_DISPATCH
dispatch:
    switch (ip->op) {
#endif
        OP(NOP)
        NEXT();
        OP(PUSH)
        *sp++ = U(ip->b);
        NEXT();
        OP(IPUSH)
        PUT_INT(sp, ip->b);
        sp += 2;
        NEXT();
        OP(LOAD)
        *sp++ = loc[ip->a];
        NEXT();
        OP(ILOAD)
        sp[0] = loc[ip->a];
        sp[1] = loc[ip->a + 1];
        sp += 2;
        NEXT();
        LOAD_ELEMENT(AALOAD, o->type == MM_TYPE_REF, MM_TYPE_REF, *sp++ = mm_cell(o->data, i))
        LOAD_ELEMENT(BALOAD, IS_BYTES(o), MM_TYPE_BYTE, *sp++ = U((int8_t)o->data[i]))
        LOAD_ELEMENT(SALOAD, o->type == MM_TYPE_SHORT, MM_TYPE_SHORT, *sp++ = mm_cell(o->data, i))
        LOAD_ELEMENT(IALOAD, o->type == MM_TYPE_INT, MM_TYPE_INT, PUT_INT(sp, mm_int(o->data, i));
                     sp += 2)
        OP(STORE)
        loc[ip->a] = *--sp;
        NEXT();
        OP(ISTORE)
        sp -= 2;
        loc[ip->a] = sp[0];
        loc[ip->a + 1] = sp[1];
        NEXT();
        STORE_ELEMENT(AASTORE, o->type == MM_TYPE_REF, MM_TYPE_REF, STORABLE(sp[-1]);
                      TRY(mm_array_store_check(vm, ref, sp[-1])), 1, 2, uint16_t v = sp[-1])
        STORE_ELEMENT(BASTORE, IS_BYTES(o), MM_TYPE_BYTE, , 1, 1, uint8_t v = (uint8_t)sp[-1])
        STORE_ELEMENT(SASTORE, o->type == MM_TYPE_SHORT, MM_TYPE_SHORT, , 1, 2, uint16_t v = sp[-1])
        STORE_ELEMENT(IASTORE, o->type == MM_TYPE_INT, MM_TYPE_INT, , 2, 4,
                      uint32_t v = GET_INT(sp - 2))
        OP(POP)
        sp--;
        NEXT();
        OP(POP2)
        sp -= 2;
        NEXT();
        OP(DUP)
        sp[0] = sp[-1];
        sp++;
        NEXT();
        OP(DUP2)
        sp[0] = sp[-2];
        sp[1] = sp[-1];
        sp += 2;
        NEXT();
        OP(DUP_X)
        sp = dup_x(sp, ip->a, (unsigned)ip->b);
        NEXT();
        OP(SWAP_X)
        swap_x(sp, ip->a, (unsigned)ip->b);
        NEXT();

        BINARY(SADD, a + b)
        BINARY(SSUB, a - b)
        BINARY(SMUL, a * b)
        BINARY(SSHL, (uint32_t)a << (b & 0x1F))
        BINARY(SSHR, a >> (b & 0x1F))
        BINARY(SUSHR, (uint32_t)a >> (b & 0x1F))
        BINARY(SAND, a & b)
        BINARY(SOR, a | b)
        BINARY(SXOR, a ^ b)
        OP(SDIV)
        if (sp[-1] == 0)
            THROW(ARITHMETIC);
        sp--;
        sp[-1] = U(S(sp[-1]) / S(sp[0]));
        NEXT();
        OP(SREM)
        if (sp[-1] == 0)
            THROW(ARITHMETIC);
        sp--;
        sp[-1] = U(S(sp[-1]) % S(sp[0]));
        NEXT();
        OP(SNEG)
        sp[-1] = U(-S(sp[-1]));
        NEXT();
        BINARY_INT(IADD, a + b)
        BINARY_INT(ISUB, a - b)
        BINARY_INT(IMUL, a * b)
        BINARY_INT(ISHL, a << (b & 0x1F))
        BINARY_INT(ISHR, (int32_t)a >> (b & 0x1F))
        BINARY_INT(IUSHR, a >> (b & 0x1F))
        BINARY_INT(IAND, a & b)
        BINARY_INT(IOR, a | b)
        BINARY_INT(IXOR, a ^ b)
        OP(IDIV)
        {
            int32_t a = (int32_t)GET_INT(sp - 4), b = (int32_t)GET_INT(sp - 2);
            if (b == 0)
                THROW(ARITHMETIC);
            sp -= 2;
            PUT_INT(sp - 2, b == -1 ? 0u - (uint32_t)a : (uint32_t)(a / b));
            NEXT();
        }
        OP(IREM)
        {
            int32_t a = (int32_t)GET_INT(sp - 4), b = (int32_t)GET_INT(sp - 2);
            if (b == 0)
                THROW(ARITHMETIC);
            sp -= 2;
            PUT_INT(sp - 2, b == -1 ? 0u : (uint32_t)(a % b));
            NEXT();
        }
        OP(INEG)
        PUT_INT(sp - 2, 0u - GET_INT(sp - 2));
        NEXT();
        OP(SINC)
        loc[ip->a] = U(loc[ip->a] + ip->b);
        NEXT();
        OP(IINC)
        PUT_INT(loc + ip->a, GET_INT(loc + ip->a) + (uint32_t)ip->b);
        NEXT();
        OP(S2B)
        sp[-1] = U((int8_t)sp[-1]);
        NEXT();
        OP(S2I)
        sp[0] = sp[-1];
        sp[-1] = S(sp[0]) < 0 ? 0xFFFF : 0;
        sp++;
        NEXT();
        OP(I2B)
        sp--;
        sp[-1] = U((int8_t)sp[0]);
        NEXT();
        OP(I2S)
        sp--;
        sp[-1] = sp[0];
        NEXT();
        OP(ICMP)
        {
            int32_t a = (int32_t)GET_INT(sp - 4), b = (int32_t)GET_INT(sp - 2);
            sp -= 3;
            sp[-1] = U(a < b ? -1 : a > b);
            NEXT();
        }

        IF(IFEQ, a == 0)
        IF(IFNE, a != 0)
        IF(IFLT, a < 0)
        IF(IFGE, a >= 0)
        IF(IFGT, a > 0)
        IF(IFLE, a <= 0)
        OP(IFNULL)
        if (mm_is_null(objs, *--sp))
            JUMP(ip->b);
        NEXT();
        OP(IFNONNULL)
        if (!mm_is_null(objs, *--sp))
            JUMP(ip->b);
        NEXT();
        OP(ACMPEQ)
        sp -= 2;
        if (same_reference(objs, sp[0], sp[1]))
            JUMP(ip->b);
        NEXT();
        OP(ACMPNE)
        sp -= 2;
        if (!same_reference(objs, sp[0], sp[1]))
            JUMP(ip->b);
        NEXT();
        IF_CMP(SCMPEQ, a == b)
        IF_CMP(SCMPNE, a != b)
        IF_CMP(SCMPLT, a < b)
        IF_CMP(SCMPGE, a >= b)
        IF_CMP(SCMPGT, a > b)
        IF_CMP(SCMPLE, a <= b)
        OP(GOTO)
        JUMP(ip->b);
        OP(JSR)
        /* The return address is the index of the next instruction; a method has fewer than 2^16. */
        *sp++ = U(ip - f->m->code + 1);
        JUMP(ip->b);
        OP(RET)
        {
            /* Anything may be in the variable: it must name the place after a jsr, and the stack must
         * be as deep as the translation took it to be there. */
            uint16_t to = loc[ip->a];
            const struct mm_ins *jsr = f->m->code + to - 1;
            if (to == 0 || to >= f->m->ins_n || jsr->op != MM_V_JSR || sp - f->base != jsr->a) {
                SAVE();
                (void)mm_fault(vm, "ret to a place that no jsr left");
                goto faulted;
            }
            JUMP((int32_t)(jsr + 1 - ip));
        }
        OP(SSWITCH)
        sp--;
        JUMP(switch_to(ip->p, S(sp[0])));
        OP(ISWITCH)
        sp -= 2;
        JUMP(switch_to(ip->p, (int32_t)GET_INT(sp)));

        OP(SRETURN)
        vm->ret[0] = sp[-1];
        goto leave_one;
        OP(IRETURN)
        vm->ret[0] = sp[-2];
        vm->ret[1] = sp[-1];
        goto leave;
        OP(RETURN)
        goto leave;

        OP(GETSTATIC_B)
        *sp++ = U(*(const int8_t *)ip->p);
        NEXT();
        OP(GETSTATIC_S)
        *sp++ = mm_be16(ip->p);
        NEXT();
        OP(GETSTATIC_I)
        PUT_INT(sp, mm_be32(ip->p));
        sp += 2;
        NEXT();
        OP(PUTSTATIC_A)
        STORABLE(sp[-1]);
        goto put_static_cell;
        OP(PUTSTATIC_B)
        {
            uint8_t v = (uint8_t)sp[-1];
            TRY(mm_static_write(vm, ip->a, (size_t)ip->b, &v, 1));
            sp--;
            NEXT();
        }
        OP(PUTSTATIC_S)
    put_static_cell : {
        uint8_t v[2];
        mm_put_be16(v, sp[-1]);
        TRY(mm_static_write(vm, ip->a, (size_t)ip->b, v, 2));
        sp--;
        NEXT();
    }
        OP(PUTSTATIC_I)
        {
            uint8_t v[4];
            mm_put_be32(v, GET_INT(sp - 2));
            TRY(mm_static_write(vm, ip->a, (size_t)ip->b, v, 4));
            sp -= 2;
            NEXT();
        }

        GET_FIELD(GETFIELD_S, GETTHIS_S, 1, *sp++ = mm_cell(o->data, ip->a))
        GET_FIELD(GETFIELD_B, GETTHIS_B, 1, *sp++ = U((int8_t)mm_cell(o->data, ip->a)))
        GET_FIELD(GETFIELD_I, GETTHIS_I, 2, sp[0] = mm_cell(o->data, ip->a);
                  sp[1] = mm_cell(o->data, ip->a + 1u); sp += 2)
        PUT_FIELD(PUTFIELD_A, PUTTHIS_A, 1, STORABLE(sp[-1]), {sp[-1]})
        PUT_FIELD(PUTFIELD_B, PUTTHIS_B, 1, , {U((int8_t)sp[-1])})
        PUT_FIELD(PUTFIELD_S, PUTTHIS_S, 1, , {sp[-1]})
        PUT_FIELD(PUTFIELD_I, PUTTHIS_I, 2, , TWO_CELLS(sp[-2], sp[-1]))

        OP(INVOKEVIRTUAL)
    invoke_virtual : {
        mm_ref ref = sp[-(ip->b & 0xFF)];
        const struct mm_object *o = &objs[ref];
        if (UNLIKELY(o->ctx != ctx) || UNLIKELY(ref == MM_REF_NULL))
            TRY(mm_fw_virtual(vm, ref));
        m = mm_class_method(mm_object_class(vm, o), ip->a & 0x7F, (ip->a & 0x80) != 0);
        goto call;
    }
        OP(INVOKESPECIAL)
        m = ip->p;
        if (mm_is_null(objs, sp[-(ip->b & 0xFF)]))
            THROW(NULL_POINTER);
        if (m->native != NULL && m->rom_class != vm->object_class &&
            !mm_object_is(vm, &objs[sp[-(ip->b & 0xFF)]], 0, m->rom_class))
            THROW(SECURITY);
        goto call;
        OP(INVOKESTATIC)
    invoke_static:
        m = ip->p;
        goto call;
        OP(INVOKEINTERFACE)
        {
            mm_ref ref = sp[-(ip->b & 0xFF)];
            const struct mm_object *o = &objs[ref];
            if (UNLIKELY(o->ctx != ctx) || UNLIKELY(ref == MM_REF_NULL))
                TRY(mm_fw_interface(vm, ref, ip->p));
            m = o->type == MM_TYPE_INSTANCE ? mm_class_interface_method(o->cls, ip->p, ip->a)
                                            : NULL;
            if (UNLIKELY(m == NULL)) /* a value that the verifier knew from two ways only */
                THROW(CLASS_CAST);
            if (UNLIKELY(o->ctx != ctx) && (o->flags & MM_OBJ_ENTRY) == 0) {
                vm->previous = vm->owner; /* the call of a shareable object: JCRE 3.0.5, 6.2.4 */
                vm->owner = o->owner;
                vm->ctx = o->ctx;
            }
            goto call;
        }

        OP(NEW)
        {
            const struct mm_class *cls = ip->p;
            SAVE();
            mm_ref ref =
                mm_heap_new(vm, MM_TYPE_INSTANCE, cls, cls->cells, MM_PERSISTENT, vm->owner);
            if (ref == MM_REF_NULL)
                goto no_room;
            *sp++ = ref;
            NEXT();
        }
        OP(NEWARRAY)
        OP(ANEWARRAY)
        {
            bool of_refs = ip->op == MM_V_ANEWARRAY;
            if (S(sp[-1]) < 0)
                THROW(NEGATIVE_SIZE);
            SAVE();
            mm_ref ref = mm_heap_new(vm, of_refs ? MM_TYPE_REF : (uint8_t)ip->a,
                                     of_refs ? ip->p : NULL, sp[-1], MM_PERSISTENT, vm->owner);
            if (ref == MM_REF_NULL)
                goto no_room;
            sp[-1] = ref;
            NEXT();
        }
        OP(ARRAYLENGTH)
        {
            const struct mm_object *o = &objs[sp[-1]];
            if (!LIKELY(o->ctx == ctx && o->type >= MM_TYPE_BOOLEAN))
                TRY(mm_fw_array_length(vm, sp[-1]));
            sp[-1] = o->n;
            NEXT();
        }
        OP(ATHROW)
        TRY(mm_fw_throw(vm, sp[-1]));
        goto thrown;
        OP(CHECKCAST)
        if (!mm_is_null(objs, sp[-1])) {
            if (UNLIKELY(objs[sp[-1]].ctx != ctx))
                TRY(mm_fw_cast(vm, sp[-1], ip->a, ip->p));
            if (!mm_object_is(vm, &objs[sp[-1]], ip->a, ip->p))
                THROW(CLASS_CAST);
        }
        NEXT();
        OP(INSTANCEOF)
        if (mm_is_null(objs, sp[-1])) {
            sp[-1] = 0;
        } else {
            if (UNLIKELY(objs[sp[-1]].ctx != ctx))
                TRY(mm_fw_cast(vm, sp[-1], ip->a, ip->p));
            sp[-1] = mm_object_is(vm, &objs[sp[-1]], ip->a, ip->p);
        }
        NEXT();
#include "applet_vm/vm/interp_rows.inc"
#ifdef MM_SWITCH_DISPATCH
    }
    __builtin_unreachable(); /* translate.c and fuse.c make no other operation */
#endif

call: /* m: the method; its arguments are on the stack; ip->b: their cells and those of the result */
    if (UNLIKELY(m == NULL || m->args != (ip->b & 0xFF) || m->abstract)) {
        SAVE();
        (void)mm_fault(vm, "call of a method that the object does not have");
        goto faulted;
    }
    if (m->code == NULL) {
        uint16_t ret[2] = {0};
        enum mm_run run;
        if (UNLIKELY(mm_method_waits(m))) {
            TRY(mm_method_ready(vm, m));
            goto call;
        }
        SAVE();
        vm->budget = budget;
        run = mm_native_call(vm, m, sp - m->args, ret);
        budget = vm->budget;
        if (UNLIKELY(vm->ctx != ctx)) {
            vm->ctx = f->ctx;
            vm->owner = f->owner;
            vm->previous = f->previous;
        }
        if (run == MM_RUN_THROWN)
            goto thrown;
        if (run != MM_RUN_OK || m->ret != ip->b >> 8)
            goto bad_result;
        sp -= m->args;
        if (m->ret != 0)
            *sp++ = ret[0];
        if (m->ret > 1)
            *sp++ = ret[1];
        NEXT();
    }
    if (UNLIKELY(budget < m->ins_n)) /* without going back, no more than these can run */
        goto out_of_steps;
    budget -= m->ins_n;
    f->ip = ip;
    f->sp = sp;
    loc = sp - m->args;
    if (UNLIKELY(vm->depth == MM_FRAME_MAX ||
                 vm->stack + MM_STACK_CELLS - loc < m->locals + m->max_stack)) {
        vm->ctx = f->ctx;
        vm->owner = f->owner;
        vm->previous = f->previous;
        loc = f->loc;
        (void)mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_NO_RESOURCE);
        goto thrown;
    }
    f++;
    vm->depth++;
    f->m = m;
    f->loc = loc;
    f->base = loc + m->locals;
    f->ctx = ctx = vm->ctx;
    f->owner = vm->owner;
    f->previous = vm->previous;
    /* Variables start as 0, so that no bytes of another context are left in them. */
    for (uint16_t *p = sp; p < f->base; p++)
        *p = 0;
    sp = f->base;
    ip = m->code;
    DISPATCH();

leave_one : {
    uint16_t v = vm->ret[0];
    if (vm->depth - 1 == base)
        goto leave;
    vm->depth--;
    f--;
    ip = f->ip;
    if (UNLIKELY(ip->b >> 8 != 1))
        goto bad_result;
    sp = f->sp - (ip->b & 0xFF);
    loc = f->loc;
    *sp++ = v;
    if (UNLIKELY(f->ctx != ctx)) {
        ctx = vm->ctx = f->ctx;
        vm->owner = f->owner;
        vm->previous = f->previous;
    }
    NEXT();
}
leave : {
    unsigned n = f->m->ret;
    vm->depth--;
    if (vm->depth == base) {
        vm->budget = budget;
        return MM_RUN_OK;
    }
    f--;
    ip = f->ip;
    if (UNLIKELY((unsigned)ip->b >> 8 != n))
        goto bad_result;
    sp = f->sp - (ip->b & 0xFF);
    loc = f->loc;
    if (n > 1) {
        *sp++ = vm->ret[0];
        *sp++ = vm->ret[1];
    }
    if (UNLIKELY(f->ctx != ctx)) {
        ctx = vm->ctx = f->ctx;
        vm->owner = f->owner;
        vm->previous = f->previous;
    }
    NEXT();
}

thrown:
    for (;;) {
        const struct mm_handler *h = mm_handler_find(vm, f->m, (uint32_t)(f->ip - f->m->code));
        if (h != NULL) {
            loc = f->loc;
            sp = f->base;
            *sp++ = vm->thrown;
            /* A handler that goes back costs as a loop does. */
            if (budget < f->m->ins_n)
                goto out_of_steps;
            budget -= f->m->ins_n;
            ip = f->m->code + h->target;
            ctx = vm->ctx = f->ctx;
            vm->owner = f->owner;
            vm->previous = f->previous;
            DISPATCH();
        }
        vm->depth--;
        if (vm->depth == base) {
            vm->budget = budget;
            return MM_RUN_THROWN;
        }
        f--;
    }

no_room:
    (void)mm_throw(vm, MM_EXC_SYSTEM, MM_SYSTEM_NO_RESOURCE);
    goto thrown;
bad_result:
    (void)mm_fault(vm, vm->fault != NULL ? vm->fault
                                         : "a method returned what its caller did not expect");
    goto faulted;
out_of_steps:
    budget = 0;
    (void)mm_fault(vm, "step budget is used up");
faulted:
    vm->budget = budget;
    vm->depth = base;
    return MM_RUN_FAULT;
}
