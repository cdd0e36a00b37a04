/*
 * Subroutines (jsr, ret), which compilers before 2004 made of finally: each call gets a copy of its
 * own behind the method's code, so that everything after knows plain jumps only. What was there keeps
 * its place, and a copy has the subroutine's alignment: all within it stays as it is, byte by byte.
 * A method whose subroutines are not whole is left alone; decode.c refuses it.
 */
#include "converter/conv_int.h"

#include <string.h>

#define COPIES_MAX 64
#define SUBS_MAX   64

enum {
    J_NOP = 0x00,
    J_GOTO = 0xa7,
    J_JSR = 0xa8,
    J_RET = 0xa9,
    J_TSWITCH = 0xaa,
    J_LSWITCH = 0xab,
    J_RETURN = 0xb1
};
enum { J_ASTORE = 0x3a, J_ASTORE_0 = 0x4b, J_ASTORE_3 = 0x4e, J_ATHROW = 0xbf, J_WIDE = 0xc4 };
enum { J_GOTO_W = 0xc8, J_JSR_W = 0xc9 };

struct sub {
    uint32_t start, ret;    /* pc of its first instruction, and of its ret */
    uint32_t body, ret_len; /* where the return address is stored; length of the ret */
};
struct work {
    struct mm_arena *arena;
    struct jcode *code;
    uint8_t *bytes; /* room for MM_CODE_MAX */
    bool *begins;   /* by pc: an instruction does */
    bool *dead;     /* by pc: of a subroutine that was copied */
};

static uint32_t get(const uint8_t *p, unsigned n)
{
    return n == 2 ? (uint32_t)(int32_t)(int16_t)mm_be16(p) : mm_be32(p);
}

static void put(uint8_t *p, unsigned n, uint32_t v)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

static bool calls(uint8_t op)
{
    return op == J_JSR || op == J_JSR_W;
}

/* Where the i-th branch offset of an instruction is, and its length; false after the last. */
static bool branch_at(const uint8_t *b, uint32_t pc, uint32_t i, uint32_t *at, unsigned *n)
{
    uint32_t operands = (pc + 4) & ~3u, cases;
    uint8_t op = b[pc];

    *at = pc + 1;
    *n = op == J_GOTO_W || op == J_JSR_W ? 4 : 2;
    if (*n == 4 || (op >= 0x99 && op <= J_JSR) || op == 0xc6 || op == 0xc7)
        return i == 0;
    if (op != J_TSWITCH && op != J_LSWITCH)
        return false;
    *n = 4;
    *at = operands;
    if (i == 0)
        return true;
    cases = op == J_LSWITCH ? mm_be32(b + operands + 4)
                            : mm_be32(b + operands + 8) - mm_be32(b + operands + 4) + 1;
    *at = op == J_LSWITCH ? operands + 8 * i + 4 : operands + 4 * i + 8;
    return i <= cases;
}

/* The local that an astore keeps its value in, or that a ret takes; -1: another instruction. */
static int local_of(const uint8_t *p, bool ret)
{
    if (p[0] == J_WIDE && p[1] == (ret ? J_RET : J_ASTORE))
        return mm_be16(p + 2);
    if (p[0] == (ret ? J_RET : J_ASTORE))
        return p[1];
    return !ret && p[0] >= J_ASTORE_0 && p[0] <= J_ASTORE_3 ? p[0] - J_ASTORE_0 : -1;
}

static bool inside(const struct sub *s, uint32_t pc)
{
    return pc >= s->start && pc <= s->ret;
}

/* The subroutine from start to the ret that takes its return address. Nothing between may store to
 * that local, which holds for what compilers make. */
static bool find(const struct work *w, uint32_t start, struct sub *s)
{
    uint32_t len = w->code->len;
    int local;

    if (start >= len || !w->begins[start] || w->dead[start])
        return false;
    local = local_of(w->bytes + start, false);
    s->start = start;
    s->body = start + mm_conv_ins_len(w->bytes, len, start);
    for (s->ret = s->body; local >= 0 && s->ret < len; s->ret += s->ret_len) {
        s->ret_len = mm_conv_ins_len(w->bytes, len, s->ret);
        if (w->dead[s->ret] || local_of(w->bytes + s->ret, false) == local)
            return false;
        if (local_of(w->bytes + s->ret, true) == local)
            return true;
    }
    return false;
}

/* Nothing goes on behind it. */
static bool leaves(uint8_t op)
{
    return op == J_GOTO || op == J_GOTO_W || op == J_ATHROW || (op >= J_RET && op <= J_RETURN);
}

/* Does code that lives go to what was given up? */
static bool entered(const struct work *w)
{
    const struct jcode *code = w->code;
    uint32_t at, step;
    unsigned n;

    for (uint32_t pc = 0; pc < code->len; pc += step) {
        step = mm_conv_ins_len(w->bytes, code->len, pc);
        if (!w->dead[pc] && !leaves(w->bytes[pc]) && (pc + step == code->len || w->dead[pc + step]))
            return true;
        for (uint32_t i = 0; !w->dead[pc] && branch_at(w->bytes, pc, i, &at, &n); i++) {
            uint32_t to = pc + get(w->bytes + at, n);
            if (to >= code->len || w->dead[to])
                return true;
        }
    }
    for (size_t i = 0; i < code->handler_n; i++) {
        const struct jhandler *h = &code->handlers[i];
        for (uint32_t pc = h->start; w->dead[h->handler] && pc < h->end; pc++) {
            if (!w->dead[pc])
                return true;
        }
    }
    return false;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Handlers, lines and variables of the subroutine hold for its copy as well. */
static void copy_tables(struct work *w, const struct sub *s, uint32_t by)
{
    struct jcode *c = w->code;
    size_t handlers = c->handler_n, lines = c->line_n, vars = c->var_n;

    for (size_t i = 0; i < handlers; i++) {
        struct jhandler h = c->handlers[i];
        uint32_t from = h.start > s->start ? h.start : s->start, to = min32(h.end, s->ret + 1);
        if (from >= to)
            continue;
        h.start = (uint16_t)(from + by);
        h.end = (uint16_t)(h.end > s->ret ? c->len : to + by); /* with the jump back */
        if (inside(s, h.handler))
            h.handler = (uint16_t)(h.handler + by);
        c->handlers = mm_arena_grow(w->arena, c->handlers, c->handler_n, sizeof(h));
        c->handlers[c->handler_n++] = h;
    }
    for (size_t i = 0; i < lines; i++) {
        struct jline l = c->lines[i];
        if (!inside(s, l.pc))
            continue;
        l.pc = (uint16_t)(l.pc + by);
        c->lines = mm_arena_grow(w->arena, c->lines, c->line_n, sizeof(l));
        c->lines[c->line_n++] = l;
    }
    for (size_t i = 0; i < vars; i++) {
        struct jvar v = c->vars[i];
        if (!inside(s, v.pc) || (uint32_t)v.pc + v.len > s->ret)
            continue;
        v.pc = (uint16_t)(v.pc + by);
        c->vars = mm_arena_grow(w->arena, c->vars, c->var_n, sizeof(v));
        c->vars[c->var_n++] = v;
    }
}

/* Branches out of the copy go where those of the subroutine go. */
static void relocate(struct work *w, const struct sub *s, uint32_t by)
{
    uint32_t at;
    unsigned n;

    for (uint32_t pc = s->start; pc < s->ret; pc++) {
        for (uint32_t i = 0; w->begins[pc] && branch_at(w->bytes, pc, i, &at, &n); i++) {
            uint32_t off = get(w->bytes + at, n);
            if (!inside(s, pc + off))
                put(w->bytes + at + by, n, off - by);
        }
    }
}

/* Give one call its copy; false: there is no room. */
static bool copy(struct work *w, uint32_t call, const struct sub *s)
{
    struct jcode *c = w->code;
    uint32_t call_len = w->bytes[call] == J_JSR ? 3 : 5, base = (c->len + 3) & ~3u;
    uint32_t end, by, old = c->len;

    base += s->start & 3;
    by = base - s->start;
    end = s->ret + by + 3;
    if (end > MM_CODE_MAX)
        return false;
    memset(w->bytes + old, J_ATHROW, base - old);
    memset(w->begins + old, true, base - old);
    memset(w->dead + old, true, base - old);
    memcpy(w->bytes + base, w->bytes + s->start, s->ret - s->start);
    memcpy(w->begins + base, w->begins + s->start, s->ret - s->start);
    memset(w->bytes + base, J_NOP, s->body - s->start);
    memset(w->begins + base, true, s->body - s->start);
    relocate(w, s, by);
    w->bytes[s->ret + by] = J_GOTO;
    put(w->bytes + s->ret + by + 1, 2, call + call_len - (s->ret + by));
    w->begins[s->ret + by] = true;
    w->bytes[call] = call_len == 3 ? J_GOTO : J_GOTO_W;
    put(w->bytes + call + 1, call_len - 1, base - call);
    c->len = end;
    copy_tables(w, s, by);
    return true;
}

/* Subroutines that are called, by their starts; -1: not all are whole, or there are too many. */
static int find_all(const struct work *w, struct sub *subs)
{
    int n = 0, k;
    uint32_t at;
    unsigned len;

    for (uint32_t pc = 0; pc < w->code->len; pc++) {
        uint32_t start;
        if (!w->begins[pc] || w->dead[pc] || !calls(w->bytes[pc]))
            continue;
        (void)branch_at(w->bytes, pc, 0, &at, &len);
        start = pc + get(w->bytes + at, len);
        for (k = 0; k < n && subs[k].start != start;)
            k++;
        if (k == n && (n == SUBS_MAX || !find(w, start, &subs[n++])))
            return -1;
    }
    return n;
}

/* The next call that is in no subroutine, as those in one are copied with it. */
static bool next_call(const struct work *w, const struct sub *subs, int n, uint32_t *call,
                      const struct sub **s)
{
    uint32_t at;
    unsigned len;

    for (uint32_t pc = 0; pc < w->code->len; pc++) {
        int in = 0, k = 0;
        if (!w->begins[pc] || w->dead[pc] || !calls(w->bytes[pc]))
            continue;
        while (in < n && !inside(&subs[in], pc))
            in++;
        if (in < n)
            continue;
        (void)branch_at(w->bytes, pc, 0, &at, &len);
        while (subs[k].start != pc + get(w->bytes + at, len))
            k++;
        *call = pc;
        *s = &subs[k];
        return true;
    }
    return false;
}

/* Overwrite a subroutine that nothing calls any more. */
static void bury(struct work *w, const struct sub *s)
{
    size_t len = s->ret + s->ret_len - s->start;

    memset(w->dead + s->start, true, len);
    memset(w->begins + s->start, true, len);
    memset(w->bytes + s->start, J_ATHROW, len);
}

/* Copies until no call is left; false: it cannot be done. */
static bool expand(struct work *w)
{
    struct sub subs[SUBS_MAX];
    const struct sub *s;
    uint32_t call;
    int n, k;

    for (int copies = 0; (n = find_all(w, subs)) > 0; copies++) {
        struct sub done;
        if (copies == COPIES_MAX || !next_call(w, subs, n, &call, &s) || !copy(w, call, s))
            return false;
        done = *s;
        n = find_all(w, subs);
        for (k = 0; k < n && subs[k].start != done.start;)
            k++;
        if (n >= 0 && k == n)
            bury(w, &done);
    }
    return n == 0 && !entered(w);
}

static void *grown(struct mm_arena *arena, const void *old, size_t n, size_t size)
{
    void *out = NULL;

    for (size_t i = 0; i < n; i++) {
        out = mm_arena_grow(arena, out, i, size);
        memcpy((char *)out + i * size, (const char *)old + i * size, size);
    }
    return out;
}

void mm_conv_inline_subroutines(struct mm_arena *arena, struct jcode *code)
{
    struct jcode now = *code;
    struct work w = {.arena = arena, .code = &now};
    bool any = false;
    uint32_t step;

    for (uint32_t pc = 0; pc < code->len; pc += step) {
        step = mm_conv_ins_len(code->bytes, code->len, pc);
        if (step == 0)
            return;
        any = any || calls(code->bytes[pc]);
    }
    if (!any)
        return;
    w.bytes = mm_arena_alloc(arena, MM_CODE_MAX, 1);
    w.begins = mm_arena_alloc(arena, MM_CODE_MAX, sizeof(*w.begins));
    w.dead = mm_arena_alloc(arena, MM_CODE_MAX, sizeof(*w.dead));
    memcpy(w.bytes, code->bytes, code->len);
    for (uint32_t pc = 0; pc < code->len; pc += mm_conv_ins_len(code->bytes, code->len, pc))
        w.begins[pc] = true;
    now.bytes = w.bytes;
    now.handlers = grown(arena, code->handlers, code->handler_n, sizeof(*code->handlers));
    now.lines = grown(arena, code->lines, code->line_n, sizeof(*code->lines));
    now.vars = grown(arena, code->vars, code->var_n, sizeof(*code->vars));
    if (expand(&w))
        *code = now;
}
