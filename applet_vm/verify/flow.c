/*
 * One method: frames are kept where ways join (branch targets, handlers, subroutine calls and
 * returns) and merged until nothing changes. A run from one such leader to the next is walked with
 * one frame in hand.
 *
 * Subroutines (JCVM 2.3.3 keeps jsr and ret): the return address is a type that names the
 * subroutine. A ret goes on behind every jsr to it. Locals that no instruction reachable from the
 * subroutine's begin writes keep the type they had at that jsr; the others have the type at the
 * ret. The address becomes unusable when it is used, so no frame can return twice.
 */
#include "applet_vm/verify/verify_int.h"

#include <stdlib.h>
#include <string.h>

#define NOT_LEADER   0xFFFF
#define FRAMES_MAX   (4u << 20) /* cells of all frames of a method: 16 MiB of types */
#define UNSEEN       0xFFFF
#define CELLS_A_STEP 8 /* cells merged for one step of the budget */

struct leader {
    uint16_t off;
    uint16_t depth; /* UNSEEN: no way leads here yet */
    bool dirty;
};

#define WIDTH_MAX 512 /* 255 locals, the mark of this, 255 cells of stack */

/* One for all methods of a package, one after the other: its memory stays. */
struct method {
    struct mm_flow f;
    size_t end;          /* of the code */
    uint16_t *leader_at; /* by offset from code_off; NOT_LEADER */
    struct leader *leaders;
    size_t leader_n, leader_cap;
    mm_vt *frames;           /* width cells each: locals, mark of this, stack */
    size_t width, frame_cap; /* cells */
    mm_vt scratch[WIDTH_MAX], loc[WIDTH_MAX];
    const struct mm_cap_handler *handlers[UINT8_MAX]; /* of this method, in table order */
    mm_vt catches[UINT8_MAX];
    size_t handler_n;
    uint8_t *visited; /* walk of a subroutine */
    uint16_t *todo;
    struct mm_vsig sig;
};

static size_t leader_of(const struct method *m, size_t off)
{
    return m->leader_at[off - m->f.m->code_off];
}

/* ---- Preparation ---- */

static void mark(struct method *m, size_t off)
{
    size_t i = off - m->f.m->code_off;

    if (off >= m->end || m->leader_at[i] == 0)
        return;
    m->leader_at[i] = 0;
    m->leader_n++;
}

static void mark_leaders(struct method *m)
{
    const uint16_t *branches = mm_cap_method_branches(m->f.v->cap, m->f.m);
    const uint8_t *info = m->f.info;
    size_t start = m->f.m->code_off;

    memset(m->leader_at, 0xFF, (m->end - start) * sizeof(m->leader_at[0]));
    mark(m, start);
    for (size_t i = 0; i < m->handler_n; i++)
        mark(m, m->handlers[i]->handler_off);
    for (size_t k = 0; k < m->f.m->branch_n; k++) {
        size_t off = branches[k];
        for (size_t i = 0, n = mm_op_branch_n(info + off); i < n; i++)
            mark(m, (size_t)((long)off + mm_op_branch(info + off, i)));
        if (info[off] == MM_OP_JSR || info[off] == MM_OP_RET)
            mark(m, off);
        if (info[off] == MM_OP_JSR)
            mark(m, off + 3);
    }
}

static enum mm_status no_memory(const struct method *m)
{
    return mm_fail(m->f.v->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
}

/* Room for n elements; what was there goes. */
static bool room(void **mem, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap)
        return true;
    free(*mem);
    *cap = 2 * n;
    *mem = malloc(*cap * size);
    if (*mem == NULL)
        *cap = 0;
    return *mem != NULL;
}

static enum mm_status make_leaders(struct method *m)
{
    size_t n = m->leader_n;
    void *leaders = m->leaders, *frames = m->frames;
    bool have;

    if (n * m->width > FRAMES_MAX)
        return mm_verify_bad(m->f.v->err, MM_RULE_TOO_COMPLEX, MM_CAP_METHOD, m->f.m->off,
                             "%zu frames of %zu cells", n, m->width);
    have = room(&leaders, &m->leader_cap, n, sizeof(m->leaders[0]));
    m->leaders = leaders;
    have = room(&frames, &m->frame_cap, n * m->width, sizeof(m->frames[0])) && have;
    m->frames = frames;
    if (!have)
        return no_memory(m);
    m->leader_n = 0;
    for (size_t i = 0; m->leader_n < n; i++) {
        if (m->leader_at[i] != 0)
            continue;
        m->leader_at[i] = (uint16_t)m->leader_n;
        m->leaders[m->leader_n++] =
            (struct leader){.off = (uint16_t)(m->f.m->code_off + i), .depth = UNSEEN};
    }
    return MM_OK;
}

static enum mm_status take_handlers(struct method *m)
{
    struct mm_verifier *v = m->f.v;

    for (size_t k = 0; k < m->f.m->handler_n; k++) {
        size_t i = mm_cap_method_handler(v->cap, m->f.m, k);
        const struct mm_cap_handler *h = mm_cap_handler(v->cap, i);
        mm_vt cls = v->throwable;

        if (h->start_off < m->f.m->code_off || h->start_off >= m->end)
            continue;
        if (h->catch_cp != 0)
            cls = mm_class_ref(v, 0, mm_be16(mm_cap_cp(v->cap, h->catch_cp)->b));
        if (VT_KIND(cls) != VT_REF || !mm_vt_subclass(v, cls, v->throwable))
            return mm_verify_bad(v->err, MM_RULE_HANDLER, MM_CAP_METHOD, 1 + 8 * i,
                                 "handler: what it catches is no Throwable");
        if (m->f.m->max_stack == 0)
            return mm_verify_bad(v->err, MM_RULE_HANDLER, MM_CAP_METHOD, 1 + 8 * i,
                                 "handler: the stack has no room for the exception");
        m->catches[m->handler_n] = cls;
        m->handlers[m->handler_n++] = h;
    }
    return MM_OK;
}

/* ---- Merging ---- */

/* A frame comes to a leader: locals (and mark) at loc, stack at stack. */
static enum mm_status arrive(struct method *m, size_t off, const mm_vt *loc, const mm_vt *stack,
                             size_t depth)
{
    size_t locals = m->f.locals + 1, at = leader_of(m, off);
    struct leader *l = &m->leaders[at];
    mm_vt *frame = m->frames + at * m->width;

    mm_verify_spend(m->f.v, 1 + (locals + depth) / CELLS_A_STEP);
    if (l->depth == UNSEEN) {
        memcpy(frame, loc, locals * sizeof(*loc));
        if (depth > 0)
            memcpy(frame + locals, stack, depth * sizeof(*stack));
        l->depth = (uint16_t)depth;
        l->dirty = true;
        return MM_OK;
    }
    if (l->depth != depth)
        return mm_verify_bad(m->f.v->err, MM_RULE_STACK_DEPTH, MM_CAP_METHOD, off,
                             "%zu cells on the stack from 0x%zx, %u from elsewhere", depth,
                             m->f.off, l->depth);
    for (size_t i = 0; i < locals + depth; i++) {
        mm_vt in = i < locals ? loc[i] : stack[i - locals];
        mm_vt merged = mm_vt_merge(m->f.v, frame[i], in);
        if (merged != frame[i])
            l->dirty = true;
        frame[i] = merged;
    }
    return MM_OK;
}

/* An exception may leave the instruction: locals go to each handler that covers it. */
static enum mm_status to_handlers(struct method *m, bool changed)
{
    enum mm_status st = MM_OK;

    mm_verify_spend(m->f.v, m->handler_n / CELLS_A_STEP);
    for (size_t i = 0; st == MM_OK && i < m->handler_n; i++) {
        const struct mm_cap_handler *h = m->handlers[i];
        if (m->f.off < h->start_off || m->f.off >= (size_t)h->start_off + h->len)
            continue;
        if (changed || m->f.off == h->start_off)
            st = arrive(m, h->handler_off, m->f.loc, &m->catches[i], 1);
    }
    return st;
}

/* ---- Subroutines ---- */

static void note_store(const uint8_t *p, uint8_t written[32])
{
    bool named = p[0] >= MM_OP_ASTORE && p[0] <= MM_OP_ISTORE;
    unsigned i = named ? p[1] : (p[0] - (unsigned)MM_OP_ASTORE_0) & 3u;

    written[i / 8] |= (uint8_t)(1u << i % 8);
    if (mm_op_info(p[0])->needs_int && i < 255)
        written[(i + 1) / 8] |= (uint8_t)(1u << (i + 1) % 8);
}

static bool is_written(const uint8_t written[32], size_t i)
{
    return i < 256 && (written[i / 8] & 1u << i % 8) != 0;
}

static void visit(struct method *m, size_t off, size_t *n)
{
    uint8_t *seen = &m->visited[off - m->f.m->code_off];

    if (*seen == 0) {
        *seen = 1;
        m->todo[(*n)++] = (uint16_t)off;
    }
}

/* Which locals may an instruction reachable from entry write? A ret is the end of a way. */
static void find_written(struct method *m, size_t entry, uint8_t written[32])
{
    const uint8_t *info = m->f.info;
    size_t n = 0;

    memset(written, 0, 32);
    memset(m->visited, 0, m->end - m->f.m->code_off);
    visit(m, entry, &n);
    while (n > 0) {
        size_t off = m->todo[--n];
        uint8_t op = info[off];

        mm_verify_spend(m->f.v, 1);
        if (op >= MM_OP_ASTORE && op <= MM_OP_ISTORE_3)
            note_store(info + off, written);
        for (size_t i = 0, b = mm_op_branch_n(info + off); i < b; i++)
            visit(m, (size_t)((long)off + mm_op_branch(info + off, i)), &n);
        if (!mm_op_ends(op))
            visit(m, off + mm_op_len(info, m->end, off), &n);
        for (size_t i = 0; i < m->handler_n; i++) {
            if (off >= m->handlers[i]->start_off &&
                off < (size_t)m->handlers[i]->start_off + m->handlers[i]->len)
                visit(m, m->handlers[i]->handler_off, &n);
        }
    }
}

/* Behind one jsr, coming from the ret in hand. */
static enum mm_status return_to(struct method *m, size_t jsr, mm_vt address,
                                const uint8_t written[32])
{
    const mm_vt *before = m->frames + leader_of(m, jsr) * m->width;
    mm_vt *out = m->scratch;
    size_t n = m->f.locals + 1 + m->f.depth;

    for (size_t i = 0; i < n; i++) {
        bool kept = i < m->f.locals && !is_written(written, i);
        unsigned kind = VT_KIND(kept ? before[i] : m->f.loc[i]);
        out[i] = kept ? before[i] : m->f.loc[i];
        /* a new object may be whole by now; of an int the other half may be gone */
        if (out[i] == address ||
            (kept && (kind == VT_UNINIT || (kind == VT_INT_HI && is_written(written, i + 1)) ||
                      (kind == VT_INT_LO && i > 0 && is_written(written, i - 1)))))
            out[i] = VT(VT_TOP);
    }
    return arrive(m, jsr + 3, out, out + m->f.locals + 1, m->f.depth);
}

static enum mm_status step_ret(struct method *m)
{
    mm_vt address = m->f.loc[m->f.info[m->f.off + 1]];
    enum mm_status st = MM_OK;
    uint8_t written[32];

    find_written(m, VT_WHAT(address), written);
    for (size_t i = 0; st == MM_OK && i < m->leader_n; i++) {
        const struct leader *l = &m->leaders[i];
        const uint8_t *p = m->f.info + l->off;
        mm_verify_spend(m->f.v, 1);
        if (l->depth != UNSEEN && p[0] == MM_OP_JSR &&
            (size_t)(l->off + mm_op_branch(p, 0)) == VT_WHAT(address))
            st = return_to(m, l->off, address, written);
    }
    return st;
}

/* The frame before a jsr changed: what returns behind it has to be looked at again. */
static void wake_rets(struct method *m)
{
    for (size_t i = 0; i < m->leader_n; i++) {
        mm_verify_spend(m->f.v, 1);
        if (m->f.info[m->leaders[i].off] == MM_OP_RET && m->leaders[i].depth != UNSEEN)
            m->leaders[i].dirty = true;
    }
}

/* ---- Walking ---- */

/* To all branch targets of the instruction that was just stepped over. */
static enum mm_status to_branches(struct method *m)
{
    const uint8_t *p = m->f.info + m->f.off;
    enum mm_status st = MM_OK;

    if (p[0] == MM_OP_RET)
        return step_ret(m);
    for (size_t i = 0, n = mm_op_branch_n(p); st == MM_OK && i < n; i++)
        st = arrive(m, (size_t)((long)m->f.off + mm_op_branch(p, i)), m->f.loc, m->f.stack,
                    m->f.depth);
    if (p[0] == MM_OP_JSR)
        wake_rets(m);
    return st;
}

static enum mm_status one_step(struct method *m, bool first)
{
    enum mm_status st = m->handler_n > 0 ? to_handlers(m, first || m->f.stored) : MM_OK;

    m->f.stored = false;
    m->f.never = false;
    mm_verify_spend(m->f.v, 1);
    if (m->f.v->budget == 0)
        return mm_flow_bad(&m->f, MM_RULE_TOO_COMPLEX, "the package takes too many steps");
    m->f.v->stats->instructions++;
    return st == MM_OK ? mm_step(&m->f) : st;
}

static enum mm_status walk(struct method *m, struct leader *l)
{
    mm_vt *frame = m->frames + (size_t)(l - m->leaders) * m->width;
    enum mm_status st = MM_OK;
    bool first = true;

    l->dirty = false;
    memcpy(m->f.loc, frame, (m->f.locals + 1 + l->depth) * sizeof(*frame));
    m->f.depth = l->depth;
    m->f.off = l->off;
    for (;;) {
        const struct mm_op_info *op = mm_op_info(m->f.info[m->f.off]);
        size_t next = m->f.off + mm_op_whole_len(m->f.info, m->end, m->f.off);

        st = one_step(m, first);
        first = false;
        if (st == MM_OK && (op->branches || op->ends))
            st = to_branches(m);
        if (st != MM_OK || m->f.never || op->ends || m->f.info[m->f.off] == MM_OP_JSR)
            return st;
        if (leader_of(m, next) != NOT_LEADER)
            return arrive(m, next, m->f.loc, m->f.stack, m->f.depth);
        m->f.off = next;
    }
}

static enum mm_status run(struct method *m)
{
    enum mm_status st = MM_OK;
    bool again = true;

    while (st == MM_OK && again) {
        again = false;
        for (size_t i = 0; st == MM_OK && i < m->leader_n; i++) {
            if (!m->leaders[i].dirty)
                continue;
            again = true;
            st = walk(m, &m->leaders[i]);
        }
    }
    return st;
}

/* What a method finds in its locals when it is called. */
static enum mm_status enter(struct method *m, const struct mm_vsig *sig)
{
    for (size_t i = 0; i < m->f.locals; i++)
        m->scratch[i] = i < sig->n ? sig->args[i] : VT(VT_TOP);
    m->scratch[m->f.locals] = VT(VT_SHORT);
    if (sig->init) {
        m->scratch[0] = VT(VT_UNINIT_THIS);
        m->scratch[m->f.locals] = VT(VT_UNINIT_THIS);
    }
    return arrive(m, m->f.m->code_off, m->scratch, NULL, 0);
}

static enum mm_status prepare(struct method *m)
{
    enum mm_status st = take_handlers(m);

    if (st != MM_OK)
        return st;
    mark_leaders(m);
    return make_leaders(m);
}

enum mm_status mm_flow_open(struct mm_verifier *v)
{
    size_t len = mm_cap_component(v->cap, MM_CAP_METHOD)->len + 1u;
    struct method *m = calloc(1, sizeof(*m));

    v->flow = m;
    if (m != NULL) {
        m->leader_at = malloc(len * sizeof(m->leader_at[0]));
        m->visited = malloc(len);
        m->todo = malloc(len * sizeof(m->todo[0]));
    }
    if (m == NULL || m->leader_at == NULL || m->visited == NULL || m->todo == NULL)
        return mm_fail(v->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    return MM_OK;
}

void mm_flow_close(struct mm_verifier *v)
{
    struct method *m = v->flow;

    v->flow = NULL;
    if (m == NULL)
        return;
    free(m->leader_at);
    free(m->leaders);
    free(m->frames);
    free(m->visited);
    free(m->todo);
    free(m);
}

static void begin(struct method *m, struct mm_verifier *v, const struct mm_cap_method *header)
{
    m->f = (struct mm_flow){.v = v, .m = header, .sig = &m->sig, .loc = m->loc};
    m->f.info = mm_cap_component(v->cap, MM_CAP_METHOD)->info;
    m->f.locals = (size_t)header->nargs + header->max_locals;
    m->f.stack = m->f.loc + m->f.locals + 1;
    m->width = m->f.locals + 1 + header->max_stack;
    m->end = (size_t)header->code_off + header->code_len;
    m->leader_n = m->handler_n = 0;
}

enum mm_status mm_flow_method(struct mm_verifier *v, size_t i)
{
    const struct mm_cap_method *header = mm_cap_method(v->cap, i);
    struct method *m = v->flow;
    enum mm_status st = mm_sig_of_method(v, 0, i, &m->sig);

    if (st != MM_OK)
        return st;
    if (m->sig.n != header->nargs || m->sig.abstract)
        return mm_verify_bad(v->err, MM_RULE_SIGNATURE, MM_CAP_METHOD, header->off,
                             m->sig.abstract ? "an abstract method with code"
                                             : "%u cells of arguments, its signature has %u",
                             header->nargs, m->sig.n);
    begin(m, v, header);
    v->stats->methods++;
    st = prepare(m);
    if (st == MM_OK)
        st = enter(m, &m->sig);
    return st == MM_OK ? run(m) : st;
}
