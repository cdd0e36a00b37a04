/* JVM code into instructions, with branch targets as indices. Refuses what cards cannot have. */
#include "converter/conv_int.h"

#include <string.h>

enum reason { JR_LONG, JR_FLOAT, JR_DOUBLE, JR_CHAR, JR_JSR, JR_INDY, JR_MULTI, JR_MONITOR };
static const char *const reasons[] = {
    [JR_LONG] = "long is not supported; use short, or int with --int",
    [JR_FLOAT] = "float is not supported; count in the smallest unit",
    [JR_DOUBLE] = "double is not supported; count in the smallest unit",
    [JR_CHAR] = "char is not supported; use byte or short",
    [JR_JSR] = "subroutines (jsr, ret) that are not nested are not supported; compile with --release 8",
    [JR_INDY] =
        "lambdas and string concatenation (invokedynamic) are not supported: use a class, or bytes",
    [JR_MULTI] = "arrays of arrays are not supported; use one array and compute the index",
    [JR_MONITOR] = "synchronized is not supported: cards have no threads; leave it out",
};

struct row {
    uint8_t len, kind;
    int16_t arg;
};
static const struct row rows[256] = {
#define JV(code, len, kind, arg) [code] = {(len), JK_##kind, (arg)},
#include "converter/jvm.def"
#undef JV
};
#define JVM_LAST 0xc9

uint32_t mm_conv_ins_len(const uint8_t *code, uint32_t len, uint32_t pc)
{
    uint8_t op = code[pc];
    uint32_t operands = (pc + 4) & ~3u;
    int64_t n = op > JVM_LAST ? 0 : rows[op].len;

    if (op == 0xc4) {
        n = pc + 1 < len && rows[code[pc + 1]].kind == JK_IINC ? 6 : 4;
    } else if (op == 0xaa && operands + 12 <= len) {
        n = (int64_t)(int32_t)mm_be32(code + operands + 8) - (int32_t)mm_be32(code + operands + 4);
        n = n < 0 ? 0 : operands - pc + 12 + 4 * (n + 1);
    } else if (op == 0xab && operands + 8 <= len) {
        n = operands - pc + 8 + 8 * (int64_t)mm_be32(code + operands + 4);
    }
    return n <= 0 || n > len - pc ? 0 : (uint32_t)n;
}

struct decoder {
    struct mm_arena *arena;
    struct mm_conv *cv;
    const struct mm_cls *cls;
    const struct mm_method *m;
    struct mm_rd rd;
    bool refused;
    struct mm_err *err;
};

static enum mm_status bad(struct decoder *d, uint32_t pc, const char *what)
{
    (void)mm_conv_refuse(d->cls, d->m, pc, d->err, "malformed code at %u: %s", (unsigned)pc, what);
    if (d->err != NULL)
        d->err->st = MM_MALFORMED;
    return MM_MALFORMED;
}

static enum mm_status read_switch(struct decoder *d, struct jins *in)
{
    int32_t high;

    while (!d->rd.bad && (d->rd.off & 3) != 0)
        (void)mm_rd_u8(&d->rd);
    in->target = (uint32_t)(in->pc + (int32_t)mm_rd_u32(&d->rd));
    if (in->kind == JK_TSWITCH) {
        in->low = (int32_t)mm_rd_u32(&d->rd);
        high = (int32_t)mm_rd_u32(&d->rd);
        if (high < in->low || (int64_t)high - in->low >= 0x8000)
            return bad(d, in->pc, "tableswitch bounds");
        in->case_n = (uint32_t)(high - in->low) + 1;
    } else {
        in->case_n = mm_rd_u32(&d->rd);
    }
    if (d->rd.bad || in->case_n > mm_rd_left(&d->rd) / 4)
        return bad(d, in->pc, "switch is longer than the code");
    in->keys = mm_arena_alloc(d->arena, in->case_n, sizeof(*in->keys));
    in->targets = mm_arena_alloc(d->arena, in->case_n, sizeof(*in->targets));
    for (uint32_t i = 0; i < in->case_n; i++) {
        in->keys[i] = in->kind == JK_TSWITCH ? in->low + (int32_t)i : (int32_t)mm_rd_u32(&d->rd);
        in->targets[i] = (uint32_t)(in->pc + (int32_t)mm_rd_u32(&d->rd));
        if (i != 0 && in->keys[i] <= in->keys[i - 1])
            return bad(d, in->pc, "switch keys are not in ascending order");
    }
    return MM_OK;
}

/* Refuse an instruction; with notes, decoding goes on behind it, but no further step is taken. */
static enum mm_status refuse(struct decoder *d, const struct jins *in, int reason)
{
    enum mm_status st = mm_conv_refuse(d->cls, d->m, in->pc, d->err, "%s", reasons[reason]);

    d->refused = true;
    return d->cv == NULL ? st : mm_conv_note(d->cv, st, d->err);
}

static enum mm_status read_wide(struct decoder *d, struct jins *in)
{
    in->op = mm_rd_u8(&d->rd);
    in->kind = rows[in->op].kind;
    in->a = mm_rd_u16(&d->rd);
    if (in->kind == JK_IINC)
        in->b = (int16_t)mm_rd_u16(&d->rd);
    else if (in->kind == JK_REFUSE)
        return refuse(d, in, rows[in->op].arg);
    else if (in->kind < JK_LOAD_I || in->kind > JK_STORE_A)
        return bad(d, in->pc, "wide before an instruction that has no wide form");
    return MM_OK;
}

static enum mm_status read_ins(struct decoder *d, struct jins *in)
{
    const struct row *row;

    in->pc = (uint16_t)d->rd.off;
    in->op = mm_rd_u8(&d->rd);
    if (in->op > JVM_LAST)
        return bad(d, in->pc, "bytecode is not defined");
    row = &rows[in->op];
    in->kind = row->kind;
    in->arg = row->arg;
    switch (row->kind) {
    case JK_CONST:
        in->a = row->len == 2   ? (int8_t)mm_rd_u8(&d->rd)
                : row->len == 3 ? (int16_t)mm_rd_u16(&d->rd)
                                : row->arg;
        return MM_OK;
    case JK_LOAD_I:
    case JK_LOAD_A:
    case JK_STORE_I:
    case JK_STORE_A:
        in->a = row->arg >= 0 ? row->arg : mm_rd_u8(&d->rd);
        return MM_OK;
    case JK_IINC:
        in->a = mm_rd_u8(&d->rd);
        in->b = (int8_t)mm_rd_u8(&d->rd);
        return MM_OK;
    case JK_TSWITCH:
    case JK_LSWITCH:
        return read_switch(d, in);
    case JK_WIDE:
        return read_wide(d, in);
    case JK_IF:
    case JK_IF_A:
    case JK_CMP:
    case JK_CMP_A:
    case JK_GOTO:
        in->target = (uint32_t)(in->pc + (row->len == 5 ? (int32_t)mm_rd_u32(&d->rd)
                                                        : (int16_t)mm_rd_u16(&d->rd)));
        return MM_OK;
    case JK_REFUSE:
        (void)mm_rd_bytes(&d->rd, row->len - 1u);
        return refuse(d, in, row->arg);
    default:
        in->a = row->len == 2 ? mm_rd_u8(&d->rd) : row->len >= 3 ? mm_rd_u16(&d->rd) : 0;
        if (row->len == 5)
            (void)mm_rd_u16(&d->rd);
        return MM_OK;
    }
}

/* pc to instruction index, marking the instruction. */
static bool link_target(struct jflow *f, uint32_t *target)
{
    if (*target >= f->m->code->len || f->at[*target] == UINT32_MAX)
        return false;
    *target = f->at[*target];
    f->ins[*target].is_target = true;
    return true;
}

static enum mm_status link_targets(struct decoder *d, struct jflow *f)
{
    const struct jcode *code = f->m->code;

    for (size_t i = 0; i < f->ins_n; i++) {
        struct jins *in = &f->ins[i];
        bool jumps = in->kind == JK_IF || in->kind == JK_IF_A || in->kind == JK_CMP ||
                     in->kind == JK_CMP_A || in->kind == JK_GOTO || in->kind == JK_TSWITCH ||
                     in->kind == JK_LSWITCH;

        if (jumps && !link_target(f, &in->target))
            return bad(d, in->pc, "branch does not land on an instruction");
        for (uint32_t k = 0; k < in->case_n; k++) {
            if (!link_target(f, &in->targets[k]))
                return bad(d, in->pc, "switch case does not land on an instruction");
        }
    }
    for (size_t i = 0; i < code->handler_n; i++) {
        uint32_t start = code->handlers[i].start, handler = code->handlers[i].handler;
        uint32_t end = code->handlers[i].end;

        if (!link_target(f, &start) || !link_target(f, &handler) ||
            (end != code->len && !link_target(f, &end)))
            return bad(d, code->handlers[i].start, "exception range cuts an instruction");
    }
    return MM_OK;
}

enum mm_status mm_conv_decode(struct mm_arena *arena, struct mm_conv *cv, const struct mm_cls *cls,
                              const struct mm_method *m, struct jflow *flow, struct mm_err *err)
{
    struct decoder d = {.arena = arena, .cv = cv, .cls = cls, .m = m, .err = err};

    memset(flow, 0, sizeof(*flow));
    flow->cls = cls;
    flow->m = m;
    flow->at = mm_arena_alloc(arena, m->code->len, sizeof(*flow->at));
    for (uint32_t i = 0; i < m->code->len; i++)
        flow->at[i] = UINT32_MAX;
    mm_rd_init(&d.rd, m->code->bytes, m->code->len);
    while (mm_rd_left(&d.rd) != 0) {
        struct jins *in;
        uint32_t pc = (uint32_t)d.rd.off;
        enum mm_status st;

        flow->ins = mm_arena_grow(arena, flow->ins, flow->ins_n, sizeof(*flow->ins));
        in = &flow->ins[flow->ins_n];
        memset(in, 0, sizeof(*in));
        flow->at[pc] = (uint32_t)flow->ins_n++;
        st = read_ins(&d, in);
        if (st != MM_OK)
            return st;
        if (d.rd.bad)
            return bad(&d, pc, "instruction is cut off by the end of the code");
    }
    return d.refused ? MM_UNSUPPORTED : link_targets(&d, flow);
}
