/*
 * Operations in a row made one, where fuse.def has one for them. The code keeps its length and each
 * operation its place: only the first of a row is replaced, by one that does the work of all and goes
 * on behind the last. So indexes (jumps, handlers, the places of exceptions, what a jump back costs)
 * mean what they meant, and a jump into the row finds the operation that was there.
 */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

static const struct pattern {
    uint16_t op;
    uint16_t n;
    uint16_t ops[4];
} patterns[] = {
#define MM_FUSED(name, n, a, b, c, d) {MM_V_##name, n, {MM_V_##a, MM_V_##b, MM_V_##c, MM_V_##d}},
#include "applet_vm/vm/fuse.def"
#undef MM_FUSED
};

struct choice {
    uint32_t dispatches; /* from here to the end of the code, taking the best */
    uint16_t op;         /* what to put here */
};

static bool starts(const struct mm_ins *code, const struct pattern *p, uint32_t left)
{
    if (p->ops[0] != code[0].op || p->n > left)
        return false;
    for (uint16_t i = 1; i < p->n; i++) {
        if (p->ops[i] != code[i].op)
            return false;
    }
    return true;
}

void mm_fuse(struct mm_ins *code, uint32_t n)
{
    struct choice *best = calloc((size_t)n + 1, sizeof(*best));

    if (best == NULL) /* slower, and as right */
        return;
    for (uint32_t i = n; i-- > 0;) {
        best[i] = (struct choice){best[i + 1].dispatches + 1, code[i].op};
        for (size_t k = 0; k < sizeof(patterns) / sizeof(patterns[0]); k++) {
            const struct pattern *p = &patterns[k];
            if (starts(&code[i], p, n - i) && best[i + p->n].dispatches + 1 < best[i].dispatches)
                best[i] = (struct choice){best[i + p->n].dispatches + 1, p->op};
        }
    }
    for (uint32_t i = 0; i < n; i++)
        code[i].op = best[i].op;
    free(best);
}
