/* What flow.c and flow_step.c share: the walk over one method. */
#ifndef MM_CONV_FLOW_INT_H
#define MM_CONV_FLOW_INT_H

#include "converter/conv_int.h"

/* One method's fixpoint; `locals` and `stack` have the state before the instruction `in`, then after it. */
struct walk {
    struct mm_arena *arena;
    struct jflow *f;
    struct mm_err *err;
    uint32_t *todo;
    size_t todo_n;
    bool *queued;
    struct jval *locals, *stack; /* the state being changed */
    uint16_t depth;
    const struct jins *in; /* NULL: before the first */
    bool bad;
    struct jval none; /* stands in for a local that does not exist; bad is set then */
};

/* A reference of any class. */
static inline struct jval mm_flow_ref(void)
{
    return (struct jval){.kind = JV_REF};
}

/* An int within lo..hi. */
static inline struct jval mm_flow_number(int32_t lo, int32_t hi)
{
    return (struct jval){.kind = JV_INT, .lo = lo, .hi = hi};
}

/* What a field, argument or result may hold whose descriptor (JVMS 4.3) begins with `type`. */
struct jval mm_flow_of_type(char type);

/* Local variable n; one that does not exist makes the walk bad and is a cell that nobody reads. */
struct jval *mm_flow_local(struct walk *w, int32_t n);

/* Two values meet in one cell: their webs become one. */
void mm_flow_unite(struct jflow *f, uint32_t a, uint32_t b);

/* Apply the effect of w->in to locals and stack; sets w->bad where types or depth do not fit. */
void mm_flow_step(struct walk *w);

#endif
