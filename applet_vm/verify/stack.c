/* Instructions that move cells of the operand stack as they are (JCVM 3.0.5, 7.5). */
#include "applet_vm/verify/verify_int.h"

#include <string.h>

/* dup, swap and pop move cells, but never half an int (JCVM 7.5.27): no group may begin with the
 * low cell of one. Every group reaches up to the top or to another group's begin. */
static enum mm_status check_group(const struct mm_flow *f, size_t n)
{
    if (n > f->depth)
        return mm_flow_bad(f, MM_RULE_STACK_UNDERFLOW, "%zu cells on the stack, %zu needed",
                           f->depth, n);
    if (n > 0 && VT_KIND(f->stack[f->depth - n]) == VT_INT_LO)
        return mm_flow_bad(f, MM_RULE_SPLIT_INT, "an int would be taken apart");
    return MM_OK;
}

/* Copy the top m cells below the top n. */
static enum mm_status dup_under(struct mm_flow *f, size_t m, size_t n)
{
    mm_vt top[8];
    enum mm_status st = check_group(f, m);

    if (n == 0)
        n = m;
    if (st == MM_OK)
        st = check_group(f, n);
    if (st != MM_OK)
        return st;
    if (f->depth + m > f->m->max_stack)
        return mm_flow_bad(f, MM_RULE_STACK_OVERFLOW, "more than %u cells", f->m->max_stack);
    memcpy(top, f->stack + f->depth - m, m * sizeof(top[0]));
    memmove(f->stack + f->depth - n + m, f->stack + f->depth - n, n * sizeof(top[0]));
    memcpy(f->stack + f->depth - n, top, m * sizeof(top[0]));
    f->depth += m;
    return MM_OK;
}

static enum mm_status swap_groups(struct mm_flow *f, size_t m, size_t n)
{
    mm_vt top[4];
    enum mm_status st = check_group(f, m);

    if (st == MM_OK)
        st = check_group(f, m + n);
    if (st != MM_OK)
        return st;
    memcpy(top, f->stack + f->depth - m, m * sizeof(top[0]));
    memmove(f->stack + f->depth - n, f->stack + f->depth - m - n, n * sizeof(top[0]));
    memcpy(f->stack + f->depth - m - n, top, m * sizeof(top[0]));
    return MM_OK;
}

enum mm_status mm_step_stack(struct mm_flow *f, const uint8_t *p)
{
    enum mm_status st;

    switch (p[0]) {
    case MM_OP_POP:
    case MM_OP_POP2:
        st = check_group(f, p[0] == MM_OP_POP ? 1 : 2);
        if (st == MM_OK)
            f->depth -= p[0] == MM_OP_POP ? 1 : 2;
        return st;
    case MM_OP_DUP:
        return dup_under(f, 1, 0);
    case MM_OP_DUP2:
        return dup_under(f, 2, 0);
    case MM_OP_DUP_X:
        return dup_under(f, p[1] >> 4, p[1] & 0x0F);
    default:
        return swap_groups(f, p[1] >> 4, p[1] & 0x0F);
    }
}
