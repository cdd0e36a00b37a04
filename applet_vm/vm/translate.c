/* One bytecode to one struct mm_ins, operands resolved (JCVM 3.0.5, chapter 7). */
#include "applet_vm/vm/vm_int.h"

struct tr {
    const struct mm_vm *vm;
    struct mm_package *pkg;
    const struct mm_method *m;
    const uint8_t *p; /* operands */
    size_t off;
    struct mm_step *out;
    struct mm_err *err;
};

static enum mm_status plain(const struct tr *t, enum mm_vop op)
{
    t->out->ins.op = (uint16_t)op;
    return MM_OK;
}

static enum mm_status constant(const struct tr *t, enum mm_vop op, int32_t value)
{
    t->out->ins.op = (uint16_t)op;
    t->out->ins.b = value;
    return MM_OK;
}

static enum mm_status local(const struct tr *t, enum mm_vop op, unsigned index, unsigned width,
                            int32_t value)
{
    if (index + width > t->m->locals)
        return mm_fail(t->err, MM_MALFORMED, t->off, "local variable %u, the frame has %u", index,
                       t->m->locals);
    t->out->ins.op = (uint16_t)op;
    t->out->ins.a = (uint16_t)index;
    t->out->ins.b = value;
    return MM_OK;
}

/* The walk has checked that the target is in the component. */
static enum mm_status jump(const struct tr *t, enum mm_vop op, bool wide)
{
    int delta = wide ? (int16_t)mm_be16(t->p) : (int8_t)t->p[0];

    t->out->ins.op = (uint16_t)op;
    t->out->ins.b = (int32_t)t->off + delta;
    return MM_OK;
}

static enum mm_status field(const struct tr *t, enum mm_vop op, bool wide, uint16_t width)
{
    uint16_t cp = wide ? mm_be16(t->p) : t->p[0];

    t->out->ins.op = (uint16_t)op;
    return mm_resolve_field(t->pkg, cp, width, &t->out->ins.a, t->err);
}

static enum mm_status field_this(const struct tr *t, enum mm_vop op, uint16_t width)
{
    if (t->m->args == 0)
        return mm_fail(t->err, MM_MALFORMED, t->off, "this in a method without arguments");
    return field(t, op, false, width);
}

static enum mm_status static_field(const struct tr *t, enum mm_vop op, size_t width)
{
    const struct mm_package *owner;
    uint16_t off;
    enum mm_status st = mm_resolve_static_field(t->pkg, mm_be16(t->p), width, &owner, &off, t->err);

    if (st != MM_OK)
        return st;
    t->out->ins =
        (struct mm_ins){.op = (uint16_t)op, .a = owner->comp, .b = off, .p = owner->statics + off};
    return MM_OK;
}

static int32_t call_cells(const struct tr *t, uint8_t args, uint8_t ret)
{
    t->out->pops = args;
    t->out->never = ret > 2;
    t->out->pushes = ret > 2 ? 0 : ret;
    return args | ret << 8;
}

static enum mm_status call(const struct tr *t, enum mm_vop op, bool special)
{
    struct mm_method *m = NULL;
    enum mm_status st = mm_resolve_method(t->pkg, mm_be16(t->p), special, &m, t->err);

    if (st != MM_OK)
        return st;
    if (m->abstract)
        return mm_fail(t->err, MM_MALFORMED, t->off, "call of an abstract method");
    if (special && m->args == 0)
        return mm_fail(t->err, MM_MALFORMED, t->off, "invokespecial of a method without this");
    t->out->ins =
        (struct mm_ins){.op = (uint16_t)op, .b = call_cells(t, m->args, mm_method_ret(m)), .p = m};
    return MM_OK;
}

static enum mm_status call_virtual(const struct tr *t)
{
    struct mm_call_shape s;
    enum mm_status st = mm_resolve_virtual(t->vm, t->pkg, mm_be16(t->p), &s, t->err);

    if (st != MM_OK)
        return st;
    if (s.args == 0)
        return mm_fail(t->err, MM_MALFORMED, t->off, "invokevirtual of a method without this");
    t->out->ins =
        (struct mm_ins){.op = MM_V_INVOKEVIRTUAL, .a = s.token, .b = call_cells(t, s.args, s.ret)};
    return MM_OK;
}

static enum mm_status call_interface(const struct tr *t)
{
    struct mm_call_shape s;
    const struct mm_class *iface = NULL;
    enum mm_status st = mm_resolve_interface(t->vm, t->pkg, mm_be16(t->p + 1), t->p[0], t->p[3],
                                             &iface, &s, t->err);

    if (st != MM_OK)
        return st;
    t->out->ins = (struct mm_ins){
        .op = MM_V_INVOKEINTERFACE, .a = s.token, .b = call_cells(t, s.args, s.ret), .p = iface};
    return MM_OK;
}

static enum mm_status with_class(const struct tr *t, enum mm_vop op, const uint8_t *cp)
{
    const struct mm_class *cls = NULL;
    enum mm_status st = mm_resolve_class(t->pkg, mm_be16(cp), &cls, t->err);

    if (st != MM_OK)
        return st;
    if (op == MM_V_NEW && (cls->interface || cls->abstract))
        return mm_fail(t->err, MM_MALFORMED, t->off, "new of an interface or abstract class");
    t->out->ins.op = (uint16_t)op;
    t->out->ins.p = cls;
    return MM_OK;
}

static enum mm_status cast(const struct tr *t, enum mm_vop op)
{
    uint8_t type = t->p[0];

    t->out->ins.op = (uint16_t)op;
    t->out->ins.a = type;
    if (type >= MM_TYPE_BOOLEAN && type <= MM_TYPE_INT)
        return MM_OK;
    if (type != 0 && type != MM_TYPE_REF)
        return mm_fail(t->err, MM_MALFORMED, t->off, "type %u in a cast", type);
    return with_class(t, op, t->p + 1);
}

static enum mm_status new_array(const struct tr *t)
{
    if (t->p[0] < MM_TYPE_BOOLEAN || t->p[0] > MM_TYPE_INT)
        return mm_fail(t->err, MM_MALFORMED, t->off, "newarray of type %u", t->p[0]);
    t->out->ins.op = MM_V_NEWARRAY;
    t->out->ins.a = t->p[0];
    return MM_OK;
}

/* dup_x copies m cells below n cells counted from the top (n = 0: nothing between); swap_x
 * exchanges the top m with the n below. */
static enum mm_status shuffle(const struct tr *t, enum mm_vop op)
{
    uint8_t m = t->p[0] >> 4, n = t->p[0] & 0x0F;
    bool dup = op == MM_V_DUP_X;

    if (dup ? m < 1 || m > 4 || (n != 0 && (n < m || n > m + 4)) : m < 1 || m > 2 || n < 1 || n > 2)
        return mm_fail(t->err, MM_MALFORMED, t->off, "operand 0x%02x of a stack instruction",
                       t->p[0]);
    t->out->ins = (struct mm_ins){.op = (uint16_t)op, .a = m, .b = n};
    t->out->pops = dup ? (n > m ? n : m) : (uint8_t)(m + n);
    t->out->pushes = dup ? (uint8_t)(t->out->pops + m) : t->out->pops;
    return MM_OK;
}

static int32_t key_read(struct mm_rd *rd, bool wide)
{
    return wide ? (int32_t)mm_rd_u32(rd) : (int16_t)mm_rd_u16(rd);
}

static enum mm_status branch_table(const struct tr *t, enum mm_vop op, bool table, bool wide)
{
    struct mm_switch *sw = mm_arena_alloc(&t->pkg->arena, 1, sizeof(*sw));
    struct mm_rd rd;

    if (sw == NULL)
        return mm_fail(t->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    /* Its length was checked by mm_op_len: at most what is left of the component. */
    mm_rd_init(&rd, t->p, 0x10000 * 6u);
    sw->table = table;
    sw->other = (int32_t)t->off + (int16_t)mm_rd_u16(&rd);
    if (table) {
        sw->low = key_read(&rd, wide);
        int64_t n = (int64_t)key_read(&rd, wide) - sw->low + 1;
        if (n < 0 || n > 0x8000)
            return mm_fail(t->err, MM_MALFORMED, t->off, "switch table ends before it begins");
        sw->n = (uint32_t)n;
    } else {
        sw->n = mm_rd_u16(&rd);
    }
    sw->cases = mm_arena_alloc(&t->pkg->arena, sw->n + 1u, sizeof(*sw->cases));
    if (sw->cases == NULL)
        return mm_fail(t->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (uint32_t i = 0; i < sw->n; i++) {
        sw->cases[i].key = table ? sw->low + (int32_t)i : key_read(&rd, wide);
        sw->cases[i].to = (int32_t)t->off + (int16_t)mm_rd_u16(&rd);
    }
    t->out->ins = (struct mm_ins){.op = (uint16_t)op, .p = sw};
    return MM_OK;
}

static enum mm_status translate_op(const struct tr *t, enum mm_opcode op)
{
    const uint8_t *p = t->p;

#define SAME(name)                                                                                 \
    case MM_OP_##name:                                                                             \
        return plain(t, MM_V_##name)
#define BOTH_JUMPS(name, vop)                                                                      \
    case MM_OP_##name:                                                                             \
        return jump(t, MM_V_##vop, false);                                                         \
    case MM_OP_##name##_W:                                                                         \
        return jump(t, MM_V_##vop, true)
#define FOUR_LOCALS(name, vop, width)                                                              \
    case MM_OP_##name##_0:                                                                         \
    case MM_OP_##name##_1:                                                                         \
    case MM_OP_##name##_2:                                                                         \
    case MM_OP_##name##_3:                                                                         \
        return local(t, MM_V_##vop, (unsigned)(op - MM_OP_##name##_0), width, 0);                  \
    case MM_OP_##name:                                                                             \
        return local(t, MM_V_##vop, p[0], width, 0)
#define FIELDS(name, vop, this, width)                                                             \
    case MM_OP_##name:                                                                             \
        return field(t, MM_V_##vop, false, width);                                                 \
    case MM_OP_##name##_W:                                                                         \
        return field(t, MM_V_##vop, true, width);                                                  \
    case MM_OP_##name##_THIS:                                                                      \
        return field_this(t, MM_V_##this, width)

    switch (op) {
        SAME(NOP);
    case MM_OP_ACONST_NULL:
        return constant(t, MM_V_PUSH, 0);
    case MM_OP_SCONST_M1:
    case MM_OP_SCONST_0:
    case MM_OP_SCONST_1:
    case MM_OP_SCONST_2:
    case MM_OP_SCONST_3:
    case MM_OP_SCONST_4:
    case MM_OP_SCONST_5:
        return constant(t, MM_V_PUSH, (int)op - MM_OP_SCONST_0);
    case MM_OP_ICONST_M1:
    case MM_OP_ICONST_0:
    case MM_OP_ICONST_1:
    case MM_OP_ICONST_2:
    case MM_OP_ICONST_3:
    case MM_OP_ICONST_4:
    case MM_OP_ICONST_5:
        return constant(t, MM_V_IPUSH, (int)op - MM_OP_ICONST_0);
    case MM_OP_BSPUSH:
        return constant(t, MM_V_PUSH, (int8_t)p[0]);
    case MM_OP_SSPUSH:
        return constant(t, MM_V_PUSH, (int16_t)mm_be16(p));
    case MM_OP_BIPUSH:
        return constant(t, MM_V_IPUSH, (int8_t)p[0]);
    case MM_OP_SIPUSH:
        return constant(t, MM_V_IPUSH, (int16_t)mm_be16(p));
    case MM_OP_IIPUSH:
        return constant(t, MM_V_IPUSH, (int32_t)mm_be32(p));
        FOUR_LOCALS(ALOAD, LOAD, 1);
        FOUR_LOCALS(SLOAD, LOAD, 1);
        FOUR_LOCALS(ILOAD, ILOAD, 2);
        FOUR_LOCALS(ASTORE, STORE, 1);
        FOUR_LOCALS(SSTORE, STORE, 1);
        FOUR_LOCALS(ISTORE, ISTORE, 2);
        SAME(AALOAD);
        SAME(BALOAD);
        SAME(SALOAD);
        SAME(IALOAD);
        SAME(AASTORE);
        SAME(BASTORE);
        SAME(SASTORE);
        SAME(IASTORE);
        SAME(POP);
        SAME(POP2);
        SAME(DUP);
        SAME(DUP2);
    case MM_OP_DUP_X:
        return shuffle(t, MM_V_DUP_X);
    case MM_OP_SWAP_X:
        return shuffle(t, MM_V_SWAP_X);
        SAME(SADD);
        SAME(IADD);
        SAME(SSUB);
        SAME(ISUB);
        SAME(SMUL);
        SAME(IMUL);
        SAME(SDIV);
        SAME(IDIV);
        SAME(SREM);
        SAME(IREM);
        SAME(SNEG);
        SAME(INEG);
        SAME(SSHL);
        SAME(ISHL);
        SAME(SSHR);
        SAME(ISHR);
        SAME(SUSHR);
        SAME(IUSHR);
        SAME(SAND);
        SAME(IAND);
        SAME(SOR);
        SAME(IOR);
        SAME(SXOR);
        SAME(IXOR);
    case MM_OP_SINC:
        return local(t, MM_V_SINC, p[0], 1, (int8_t)p[1]);
    case MM_OP_IINC:
        return local(t, MM_V_IINC, p[0], 2, (int8_t)p[1]);
    case MM_OP_SINC_W:
        return local(t, MM_V_SINC, p[0], 1, (int16_t)mm_be16(p + 1));
    case MM_OP_IINC_W:
        return local(t, MM_V_IINC, p[0], 2, (int16_t)mm_be16(p + 1));
        SAME(S2B);
        SAME(S2I);
        SAME(I2B);
        SAME(I2S);
        SAME(ICMP);
        BOTH_JUMPS(IFEQ, IFEQ);
        BOTH_JUMPS(IFNE, IFNE);
        BOTH_JUMPS(IFLT, IFLT);
        BOTH_JUMPS(IFGE, IFGE);
        BOTH_JUMPS(IFGT, IFGT);
        BOTH_JUMPS(IFLE, IFLE);
        BOTH_JUMPS(IFNULL, IFNULL);
        BOTH_JUMPS(IFNONNULL, IFNONNULL);
        BOTH_JUMPS(IF_ACMPEQ, ACMPEQ);
        BOTH_JUMPS(IF_ACMPNE, ACMPNE);
        BOTH_JUMPS(IF_SCMPEQ, SCMPEQ);
        BOTH_JUMPS(IF_SCMPNE, SCMPNE);
        BOTH_JUMPS(IF_SCMPLT, SCMPLT);
        BOTH_JUMPS(IF_SCMPGE, SCMPGE);
        BOTH_JUMPS(IF_SCMPGT, SCMPGT);
        BOTH_JUMPS(IF_SCMPLE, SCMPLE);
        BOTH_JUMPS(GOTO, GOTO);
    case MM_OP_JSR:
        return jump(t, MM_V_JSR, true);
    case MM_OP_RET:
        return local(t, MM_V_RET, p[0], 1, 0);
    case MM_OP_STABLESWITCH:
        return branch_table(t, MM_V_SSWITCH, true, false);
    case MM_OP_ITABLESWITCH:
        return branch_table(t, MM_V_ISWITCH, true, true);
    case MM_OP_SLOOKUPSWITCH:
        return branch_table(t, MM_V_SSWITCH, false, false);
    case MM_OP_ILOOKUPSWITCH:
        return branch_table(t, MM_V_ISWITCH, false, true);
    case MM_OP_ARETURN:
        return plain(t, MM_V_SRETURN);
        SAME(SRETURN);
        SAME(IRETURN);
        SAME(RETURN);
    case MM_OP_GETSTATIC_A:
        return static_field(t, MM_V_GETSTATIC_S, 2);
    case MM_OP_GETSTATIC_B:
        return static_field(t, MM_V_GETSTATIC_B, 1);
    case MM_OP_GETSTATIC_S:
        return static_field(t, MM_V_GETSTATIC_S, 2);
    case MM_OP_GETSTATIC_I:
        return static_field(t, MM_V_GETSTATIC_I, 4);
    case MM_OP_PUTSTATIC_A:
        return static_field(t, MM_V_PUTSTATIC_A, 2);
    case MM_OP_PUTSTATIC_B:
        return static_field(t, MM_V_PUTSTATIC_B, 1);
    case MM_OP_PUTSTATIC_S:
        return static_field(t, MM_V_PUTSTATIC_S, 2);
    case MM_OP_PUTSTATIC_I:
        return static_field(t, MM_V_PUTSTATIC_I, 4);
        FIELDS(GETFIELD_A, GETFIELD_S, GETTHIS_S, 1);
        FIELDS(GETFIELD_B, GETFIELD_B, GETTHIS_B, 1);
        FIELDS(GETFIELD_S, GETFIELD_S, GETTHIS_S, 1);
        FIELDS(GETFIELD_I, GETFIELD_I, GETTHIS_I, 2);
        FIELDS(PUTFIELD_A, PUTFIELD_A, PUTTHIS_A, 1);
        FIELDS(PUTFIELD_B, PUTFIELD_B, PUTTHIS_B, 1);
        FIELDS(PUTFIELD_S, PUTFIELD_S, PUTTHIS_S, 1);
        FIELDS(PUTFIELD_I, PUTFIELD_I, PUTTHIS_I, 2);
    case MM_OP_INVOKEVIRTUAL:
        return call_virtual(t);
    case MM_OP_INVOKESPECIAL:
        return call(t, MM_V_INVOKESPECIAL, true);
    case MM_OP_INVOKESTATIC:
        return call(t, MM_V_INVOKESTATIC, false);
    case MM_OP_INVOKEINTERFACE:
        return call_interface(t);
    case MM_OP_NEW:
        return with_class(t, MM_V_NEW, p);
    case MM_OP_NEWARRAY:
        return new_array(t);
    case MM_OP_ANEWARRAY:
        return with_class(t, MM_V_ANEWARRAY, p);
        SAME(ARRAYLENGTH);
        SAME(ATHROW);
    case MM_OP_CHECKCAST:
        return cast(t, MM_V_CHECKCAST);
    case MM_OP_INSTANCEOF:
        return cast(t, MM_V_INSTANCEOF);
    }
    return mm_fail(t->err, MM_MALFORMED, t->off, "opcode 0x%02x is not defined", (unsigned)op);
#undef SAME
#undef BOTH_JUMPS
#undef FOUR_LOCALS
#undef FIELDS
}

enum mm_status mm_translate(const struct mm_vm *vm, struct mm_package *pkg,
                            const struct mm_method *m, size_t off, struct mm_step *out,
                            struct mm_err *err)
{
    const uint8_t *code = mm_cap_component(pkg->cap, MM_CAP_METHOD)->info;
    const struct mm_op_info *info = mm_op_info(code[off]);
    struct tr t = {
        .vm = vm, .pkg = pkg, .m = m, .p = code + off + 1, .off = off, .out = out, .err = err};

    *out = (struct mm_step){.pops = info->pops, .pushes = info->pushes};
    if (info->needs_int && (mm_cap_flags(pkg->cap) & 0x01) == 0)
        return mm_fail(err, MM_MALFORMED, off, "%s in a package without the int flag", info->name);
    return translate_op(&t, (enum mm_opcode)code[off]);
}
