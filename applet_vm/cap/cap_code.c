/*
 * The Method component (JCVM 6.9.1, 6.9.2): method boundaries, and a walk over every bytecode.
 *
 * Two passes a method. The first follows control flow from the first instruction, so that it learns
 * where the code ends; bytes it never reaches can never run. The second walks straight from the
 * start to that end and checks each instruction, which is the run the VM pre-decodes. Where the
 * Descriptor tells the end, the second is enough: when all branches of the run land on its
 * instructions and the last one does not fall through, flow cannot leave it. The first then only
 * finds the words for what is wrong.
 */
#include "applet_vm/cap/cap_int.h"

#include <stdlib.h>
#include <string.h>

#define METHOD_EXTENDED 0x8
#define METHOD_ABSTRACT 0x4
#define INSTALL_NARGS   3 /* byte[], short, byte */

enum { CP_CLASS = 1, CP_FIELD, CP_VIRTUAL, CP_SUPER, CP_STATIC_FIELD, CP_STATIC_METHOD };

struct walk {
    struct mm_cap *cap;
    struct mm_err *err;
    const uint8_t *info;
    struct mm_cap_method *m;
    size_t limit; /* the method's code cannot go beyond this */
    size_t end;   /* end of the last instruction reached */
    uint16_t
        *todo; /* stack of reached instructions, later those that branch; room for one a byte */
    size_t todo_n, branch_n;
    bool followed; /* by the first pass, which has left its marks */
};

static enum mm_status bad(const struct walk *w, size_t off, const char *what)
{
    return mm_cap_bad(w->err, MM_CAP_METHOD, off, "%s", what);
}

enum mm_status mm_cap_mark_method(struct mm_cap *cap, uint16_t method_off, enum mm_cap_tag tag,
                                  size_t off, struct mm_err *err)
{
    if (method_off < cap->method_min || method_off >= cap->comp[MM_CAP_METHOD].len)
        return mm_cap_bad(err, tag, off, "method offset 0x%x, methods are from 0x%x to 0x%x",
                          method_off, cap->method_min, cap->comp[MM_CAP_METHOD].len);
    cap->marks[method_off] |= MM_CAP_MARK_METHOD;
    return MM_OK;
}

enum mm_status mm_cap_read_handlers(struct mm_cap *cap, struct mm_err *err)
{
    size_t len = cap->comp[MM_CAP_METHOD].len;
    struct mm_rd rd;
    uint8_t n;

    mm_cap_rd(cap, MM_CAP_METHOD, &rd);
    n = mm_rd_u8(&rd);
    if (8u * n > mm_rd_left(&rd))
        return mm_cap_bad(err, MM_CAP_METHOD, 0, "%u handlers do not fit", n);
    cap->marks = calloc(len + 1, 1);
    cap->desc_len = calloc(len + 1, sizeof(cap->desc_len[0]));
    cap->handlers = calloc(n + 1u, sizeof(cap->handlers[0]));
    if (cap->marks == NULL || cap->desc_len == NULL || cap->handlers == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    memset(cap->desc_len, 0xFF, (len + 1) * sizeof(cap->desc_len[0]));
    for (; cap->handler_n < n; cap->handler_n++) {
        struct mm_cap_handler *h = &cap->handlers[cap->handler_n];
        uint16_t bits;
        h->start_off = mm_rd_u16(&rd);
        bits = mm_rd_u16(&rd);
        h->len = bits & 0x7FFF;
        h->stop = (bits & 0x8000) != 0;
        h->handler_off = mm_rd_u16(&rd);
        h->catch_cp = mm_rd_u16(&rd);
    }
    cap->method_min = (uint16_t)rd.off;
    return MM_OK;
}

/* ---- First pass: where control flow goes ---- */

static enum mm_status reach(struct walk *w, long off, size_t from)
{
    if (off < (long)w->m->code_off || off >= (long)w->limit)
        return mm_cap_bad(w->err, MM_CAP_METHOD, from,
                          "control goes to 0x%lx, outside its method (0x%x to 0x%zx)",
                          (unsigned long)off, w->m->code_off, w->limit);
    if ((w->cap->marks[off] & MM_CAP_MARK_REACH) == 0) {
        w->cap->marks[off] |= MM_CAP_MARK_REACH;
        w->todo[w->todo_n++] = (uint16_t)off;
    }
    return MM_OK;
}

static enum mm_status op_len(const struct walk *w, size_t off, size_t limit, size_t *len)
{
    *len = mm_op_len(w->info, limit, off);
    if (*len != 0)
        return MM_OK;
    if (mm_op_info(w->info[off])->name == NULL)
        return mm_cap_bad(w->err, MM_CAP_METHOD, off, "opcode 0x%02x is not defined", w->info[off]);
    return mm_cap_bad(w->err, MM_CAP_METHOD, off, "%s is cut off by the end of its method",
                      mm_op_info(w->info[off])->name);
}

static enum mm_status follow(struct walk *w)
{
    while (w->todo_n != 0) {
        size_t off = w->todo[--w->todo_n], len;
        const uint8_t *p = w->info + off;
        enum mm_status st = op_len(w, off, w->limit, &len);

        for (size_t i = 0, n = st == MM_OK ? mm_op_branch_n(p) : 0; st == MM_OK && i < n; i++)
            st = reach(w, (long)off + mm_op_branch(p, i), off);
        if (st == MM_OK && !mm_op_ends(p[0]))
            st = reach(w, (long)(off + len), off);
        if (st != MM_OK)
            return st;
        if (off + len > w->end)
            w->end = off + len;
    }
    return MM_OK;
}

/* Handlers whose range starts in the code reached so far are reached too, until no more are. */
static enum mm_status follow_all(struct walk *w)
{
    enum mm_status st = reach(w, w->m->code_off, w->m->off);
    size_t before;

    do {
        if (st == MM_OK)
            st = follow(w);
        before = w->end;
        for (size_t k = 0; st == MM_OK && k < w->m->handler_n; k++) {
            size_t i = mm_cap_method_handler(w->cap, w->m, k);
            const struct mm_cap_handler *h = &w->cap->handlers[i];
            if (h->start_off >= w->m->code_off && h->start_off < w->end)
                st = reach(w, h->handler_off, 1 + 8 * i);
        }
        if (st == MM_OK)
            st = follow(w);
    } while (st == MM_OK && w->end != before);
    return st;
}

/* ---- Second pass: each instruction ---- */

static enum mm_status check_cp(const struct walk *w, size_t off, size_t index, unsigned kinds)
{
    unsigned tag;

    if (index >= w->cap->cp_n)
        return mm_cap_bad(w->err, MM_CAP_METHOD, off, "constant %zu of %zu", index, w->cap->cp_n);
    tag = w->cap->cp[index].tag;
    if ((kinds & 1u << tag) == 0)
        return mm_cap_bad(w->err, MM_CAP_METHOD, off, "%s takes no constant of kind %u (%zu)",
                          mm_op_info(w->info[off])->name, tag, index);
    return MM_OK;
}

/* Local variable an instruction uses without an operand; -1: none. */
static int implied_local(uint8_t op)
{
    if ((op >= MM_OP_ALOAD_0 && op <= MM_OP_ILOAD_3))
        return (op - MM_OP_ALOAD_0) & 3;
    if (op >= MM_OP_ASTORE_0 && op <= MM_OP_ISTORE_3)
        return (op - MM_OP_ASTORE_0) & 3;
    if ((op >= MM_OP_GETFIELD_A_THIS && op <= MM_OP_GETFIELD_I_THIS) ||
        (op >= MM_OP_PUTFIELD_A_THIS && op <= MM_OP_PUTFIELD_I_THIS))
        return 0;
    return -1;
}

static enum mm_status check_local(const struct walk *w, size_t off)
{
    const uint8_t *p = w->info + off;
    const struct mm_op_info *op = mm_op_info(p[0]);
    bool named = op->operands == MM_OPERANDS_LOCAL || op->operands == MM_OPERANDS_LOCAL_S8 ||
                 op->operands == MM_OPERANDS_LOCAL_S16;
    int local = named ? p[1] : implied_local(p[0]);
    bool wide = op->needs_int && (named || p[0] < MM_OP_GETFIELD_A);
    int locals = w->m->nargs + w->m->max_locals;

    if (local >= 0 && local + (wide ? 1 : 0) >= locals)
        return mm_cap_bad(w->err, MM_CAP_METHOD, off, "local %d of %d", local, locals);
    return MM_OK;
}

/* dup_x: m 1 to 4, n 0 or m to m + 4; swap_x: both 1 to 2 (JCVM 7.5.27, 7.5.136). */
static bool mn_ok(uint8_t op, uint8_t mn)
{
    unsigned m = mn >> 4, n = mn & 0x0Fu;

    if (op == MM_OP_SWAP_X)
        return m >= 1 && m <= 2 && n >= 1 && n <= 2;
    return m >= 1 && m <= 4 && (n == 0 || (n >= m && n <= m + 4));
}

static enum mm_status check_type_operand(const struct walk *w, size_t off)
{
    const uint8_t *p = w->info + off;
    uint8_t type = p[1];
    bool array = type >= 10 && type <= 13;

    if (type == 13 && (w->cap->flags & 0x01) == 0)
        return bad(w, off, "int array, but no INT flag");
    if (mm_op_info(p[0])->operands == MM_OPERANDS_ATYPE)
        return array ? MM_OK : bad(w, off, "array type is not 10 to 13");
    if (type == 0 || type == 14)
        return check_cp(w, off, mm_be16(p + 2), 1u << CP_CLASS);
    if (array && mm_be16(p + 2) == 0)
        return MM_OK;
    return bad(w, off, "type is not 0 or 10 to 14, or a constant goes with a primitive type");
}

/* A lookup switch has its keys in ascending order (JCVM 7.5, ilookupswitch and slookupswitch). */
static enum mm_status check_keys(const struct walk *w, size_t off, size_t size)
{
    const uint8_t *key = w->info + off + 5;

    for (size_t i = 1, n = mm_be16(w->info + off + 3); i < n; i++) {
        const uint8_t *next = key + size + 2;
        if (size == 2 ? (int16_t)mm_be16(next) <= (int16_t)mm_be16(key)
                      : (int32_t)mm_be32(next) <= (int32_t)mm_be32(key))
            return bad(w, off, "the keys of a switch do not ascend");
        key = next;
    }
    return MM_OK;
}

static enum mm_status check_operands(const struct walk *w, size_t off)
{
    const uint8_t *p = w->info + off;

    switch (mm_op_info(p[0])->operands) {
    case MM_OPERANDS_CP8_FIELD:
        return check_cp(w, off, p[1], 1u << CP_FIELD);
    case MM_OPERANDS_CP16_FIELD:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_FIELD);
    case MM_OPERANDS_CP16_STATIC_FIELD:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_STATIC_FIELD);
    case MM_OPERANDS_CP16_VIRTUAL:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_VIRTUAL);
    case MM_OPERANDS_CP16_SPECIAL:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_SUPER | 1u << CP_STATIC_METHOD);
    case MM_OPERANDS_CP16_STATIC_METHOD:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_STATIC_METHOD);
    case MM_OPERANDS_CP16_CLASS:
        return check_cp(w, off, mm_be16(p + 1), 1u << CP_CLASS);
    case MM_OPERANDS_INTERFACE:
        if (p[1] == 0)
            return bad(w, off, "invokeinterface without this");
        return check_cp(w, off, mm_be16(p + 2), 1u << CP_CLASS);
    case MM_OPERANDS_ATYPE:
    case MM_OPERANDS_ATYPE_CP16_CLASS:
        return check_type_operand(w, off);
    case MM_OPERANDS_SLOOKUPSWITCH:
        return check_keys(w, off, 2);
    case MM_OPERANDS_ILOOKUPSWITCH:
        return check_keys(w, off, 4);
    case MM_OPERANDS_MN:
        return mn_ok(p[0], p[1]) ? MM_OK : bad(w, off, "stack cell counts out of range");
    default:
        return MM_OK;
    }
}

/* What the operands of an opcode and its place in the set ask for, beyond being there. */
static bool needs_look(const struct mm_op_info *op, uint8_t code)
{
    return op->operands >= MM_OPERANDS_LOCAL || op->needs_int || implied_local(code) >= 0;
}

static enum mm_status check_insn(const struct walk *w, size_t off)
{
    const struct mm_op_info *op = mm_op_info(w->info[off]);
    enum mm_status st = check_operands(w, off);

    if (st == MM_OK)
        st = check_local(w, off);
    if (st == MM_OK && op->needs_int && (w->cap->flags & 0x01) == 0)
        st = mm_cap_bad(w->err, MM_CAP_METHOD, off, "%s, but the Header has no INT flag", op->name);
    return st;
}

static bool is_insn(const struct walk *w, long off)
{
    return off >= (long)w->m->code_off && off < (long)w->end &&
           (w->cap->marks[off] & MM_CAP_MARK_INSN) != 0;
}

/* Every instruction that flow reached, every branch and every handler must be one of the run. */
static enum mm_status check_boundaries(const struct walk *w)
{
    for (size_t off = w->m->code_off; w->followed && off < w->end; off++) {
        if ((w->cap->marks[off] & (MM_CAP_MARK_REACH | MM_CAP_MARK_INSN)) == MM_CAP_MARK_REACH)
            return bad(w, off, "control goes into the middle of an instruction");
    }
    for (size_t k = 0; k < w->branch_n; k++) {
        size_t off = w->todo[k];
        for (size_t i = 0, n = mm_op_branch_n(w->info + off); i < n; i++) {
            if (!is_insn(w, (long)off + mm_op_branch(w->info + off, i)))
                return bad(w, off, "branch to no instruction of the method");
        }
    }
    for (size_t k = 0; k < w->m->handler_n; k++) {
        size_t i = mm_cap_method_handler(w->cap, w->m, k);
        const struct mm_cap_handler *h = &w->cap->handlers[i];
        size_t stop = (size_t)h->start_off + h->len;
        if (h->start_off < w->m->code_off || h->start_off >= w->end)
            continue;
        if (!is_insn(w, h->start_off) || !is_insn(w, h->handler_off) || stop > w->end ||
            (stop < w->end && !is_insn(w, (long)stop)))
            return bad(w, 1 + 8 * i, "handler range or target is not on instructions");
        if (h->catch_cp != 0 &&
            (h->catch_cp >= w->cap->cp_n || w->cap->cp[h->catch_cp].tag != CP_CLASS))
            return bad(w, 1 + 8 * i + 6, "catch type is not a Classref");
    }
    return MM_OK;
}

/* The run is good: the verifier need not look for them again. */
static void keep_branches(struct walk *w)
{
    w->m->branch_first = (uint16_t)w->cap->branch_n;
    w->m->branch_n = (uint16_t)w->branch_n;
    memcpy(w->cap->branches + w->cap->branch_n, w->todo, w->branch_n * sizeof(w->todo[0]));
    w->cap->branch_n += w->branch_n;
}

static enum mm_status check_run(struct walk *w)
{
    const struct mm_op_info *op = mm_op_info(MM_OP_NOP);
    enum mm_status st = MM_OK;
    size_t len = 0;

    w->branch_n = 0;
    for (size_t off = w->m->code_off; off < w->end; off += len) {
        st = op_len(w, off, w->end, &len);
        op = mm_op_info(w->info[off]);
        if (st == MM_OK && needs_look(op, w->info[off]))
            st = check_insn(w, off);
        if (st != MM_OK)
            return st;
        w->cap->marks[off] |= MM_CAP_MARK_INSN;
        if (op->branches || w->info[off] == MM_OP_RET)
            w->todo[w->branch_n++] = (uint16_t)off;
    }
    if (!op->ends)
        return bad(w, w->end, "code runs on past its end");
    st = check_boundaries(w);
    if (st == MM_OK)
        keep_branches(w);
    return st;
}

/* ---- Methods ---- */

/* Header: u1 flags and max_stack, u1 nargs and max_locals; extended: one byte each. */
static enum mm_status read_method(struct walk *w, size_t off)
{
    struct mm_cap_method *m = w->m;
    struct mm_rd rd;
    uint8_t first, second;

    mm_rd_init(&rd, w->info + off, w->limit - off);
    first = mm_rd_u8(&rd);
    m->flags = first >> 4;
    if ((m->flags & METHOD_EXTENDED) != 0) {
        m->max_stack = mm_rd_u8(&rd);
        m->nargs = mm_rd_u8(&rd);
        m->max_locals = mm_rd_u8(&rd);
    } else {
        second = mm_rd_u8(&rd);
        m->max_stack = first & 0x0F;
        m->nargs = second >> 4;
        m->max_locals = second & 0x0F;
    }
    if (rd.bad)
        return bad(w, off, "method header is cut off");
    if ((m->flags & 0x3) != 0)
        return mm_cap_bad(w->err, MM_CAP_METHOD, off, "method flags 0x%x are not defined",
                          m->flags);
    if (m->nargs + m->max_locals > 255)
        return bad(w, off, "more than 255 locals");
    m->code_off = (uint16_t)(off + rd.off);
    return MM_OK;
}

/* Is what the Descriptor gives a good run? */
static bool run_given(struct walk *w, uint16_t given)
{
    struct walk quiet = *w;

    if (given == MM_CAP_NO_LEN || given == 0 || given > w->limit - w->m->code_off)
        return false;
    quiet.err = NULL;
    quiet.end = (size_t)w->m->code_off + given;
    w->m->code_len = given;
    return check_run(&quiet) == MM_OK;
}

static enum mm_status check_method(struct walk *w, size_t off)
{
    uint16_t given = w->cap->desc_len[off];
    enum mm_status st = read_method(w, off);

    if (st != MM_OK)
        return st;
    w->end = w->m->code_off;
    if ((w->m->flags & METHOD_ABSTRACT) != 0)
        return given == MM_CAP_NO_LEN || given == 0 ? MM_OK : bad(w, off, "abstract, with code");
    w->followed = false;
    if (run_given(w, given))
        return MM_OK;
    w->followed = true;
    st = follow_all(w);
    if (st != MM_OK)
        return st;
    if (given != MM_CAP_NO_LEN) {
        size_t end = (size_t)w->m->code_off + given;
        if (end < w->end || end > w->limit)
            return mm_cap_bad(w->err, MM_CAP_METHOD, off,
                              "the Descriptor gives %u bytes of code, %zu are needed, %zu there",
                              given, w->end - w->m->code_off, w->limit - w->m->code_off);
        w->end = end;
    }
    w->m->code_len = (uint16_t)(w->end - w->m->code_off);
    return check_run(w);
}

/* Entry points that are called as they stand must have code; install has three argument cells. */
static enum mm_status check_entries(const struct mm_cap *cap, struct mm_err *err)
{
    for (size_t i = 0; i < cap->applet_n; i++) {
        const struct mm_cap_method *m = mm_cap_method_at(cap, cap->applets[i].install_off);
        if (m->code_len == 0 || m->nargs != INSTALL_NARGS)
            return mm_cap_bad(err, MM_CAP_METHOD, m->off,
                              "install has %u argument cells, %d and code expected", m->nargs,
                              INSTALL_NARGS);
    }
    for (size_t i = 0; i < cap->cp_n; i++) {
        const struct mm_cap_cp *e = &cap->cp[i];
        if (e->tag == CP_STATIC_METHOD && e->b[0] == 0 &&
            mm_cap_method_at(cap, mm_be16(e->b + 1))->code_len == 0)
            return mm_cap_bad(err, MM_CAP_CONSTANT_POOL, 2 + 4 * i, "method 0x%x has no code",
                              mm_be16(e->b + 1));
    }
    for (size_t i = 0; i < cap->export_n; i++) {
        for (size_t j = 0; j < cap->exports[i].method_n; j++) {
            uint16_t off = mm_be16(cap->exports[i].methods + 2 * j);
            if (mm_cap_method_at(cap, off)->code_len == 0)
                return mm_cap_bad(err, MM_CAP_EXPORT, 0, "method 0x%x has no code", off);
        }
    }
    return MM_OK;
}

/* The next method header at or behind off; no other mark is set yet. */
static size_t next_start(const struct mm_cap *cap, size_t off)
{
    size_t len = cap->comp[MM_CAP_METHOD].len;
    const uint8_t *at = off < len ? memchr(cap->marks + off, MM_CAP_MARK_METHOD, len - off) : NULL;

    return at != NULL ? (size_t)(at - cap->marks) : len;
}

/* Index of the last method whose header is before off; method_n: none. */
static size_t method_before(const struct mm_cap *cap, size_t off)
{
    size_t at = off >> MM_CAP_PLACE_SHIFT, i = cap->method_n;

    if (at < cap->method_places.n && cap->method_places.first[at] != MM_CAP_NO_PLACE)
        i = cap->method_places.first[at];
    while (i < cap->method_n && cap->methods[i].off < off)
        i++;
    return i == 0 ? cap->method_n : i - 1;
}

/* Handlers by the method that their range begins in, so that no method looks through them all. */
static void share_handlers(struct mm_cap *cap)
{
    uint16_t owner[UINT8_MAX]; /* the table's length is a byte */
    uint8_t at = 0;

    for (size_t i = 0; i < cap->handler_n; i++) {
        owner[i] = (uint16_t)method_before(cap, cap->handlers[i].start_off);
        if (owner[i] < cap->method_n)
            cap->methods[owner[i]].handler_n++;
    }
    for (size_t m = 0; m < cap->method_n; m++) {
        cap->methods[m].handler_first = at;
        at = (uint8_t)(at + cap->methods[m].handler_n);
        cap->methods[m].handler_n = 0;
    }
    for (size_t i = 0; i < cap->handler_n; i++) {
        struct mm_cap_method *m = owner[i] < cap->method_n ? &cap->methods[owner[i]] : NULL;
        if (m != NULL)
            cap->handler_order[m->handler_first + m->handler_n++] = (uint8_t)i;
    }
}

static enum mm_status list_methods(struct mm_cap *cap, struct mm_err *err)
{
    size_t len = cap->comp[MM_CAP_METHOD].len, n = 0;

    for (size_t off = next_start(cap, 0); off < len; off = next_start(cap, off + 1))
        n++;
    cap->methods = calloc(n + 1, sizeof(cap->methods[0]));
    cap->handler_order = calloc(cap->handler_n + 1, 1);
    if (cap->methods == NULL || cap->handler_order == NULL ||
        !mm_cap_places_open(&cap->method_places, len))
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t off = next_start(cap, 0); off < len; off = next_start(cap, off + 1)) {
        mm_cap_place(&cap->method_places, off, cap->method_n);
        cap->methods[cap->method_n++].off = (uint16_t)off;
    }
    share_handlers(cap);
    return MM_OK;
}

/* A package keeps this as long as it is there. */
static void shrink_branches(struct mm_cap *cap)
{
    uint16_t *smaller = realloc(cap->branches, (cap->branch_n + 1) * sizeof(*smaller));

    if (smaller != NULL)
        cap->branches = smaller;
}

enum mm_status mm_cap_check_code(struct mm_cap *cap, struct mm_err *err)
{
    size_t len = cap->comp[MM_CAP_METHOD].len;
    struct walk w = {.cap = cap, .err = err, .info = cap->comp[MM_CAP_METHOD].info};
    enum mm_status st = list_methods(cap, err);

    if (st != MM_OK)
        return st;
    w.todo = malloc((len + 1) * sizeof(w.todo[0]));
    cap->branches = malloc((len + 1) * sizeof(cap->branches[0]));
    if (w.todo == NULL || cap->branches == NULL) {
        free(w.todo);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    for (size_t i = 0; st == MM_OK && i < cap->method_n; i++) {
        w.m = &cap->methods[i];
        w.limit = i + 1 < cap->method_n ? cap->methods[i + 1].off : len;
        st = check_method(&w, w.m->off);
    }
    free(w.todo);
    if (st == MM_OK)
        shrink_branches(cap);
    return st == MM_OK ? check_entries(cap, err) : st;
}
