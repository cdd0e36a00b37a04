/* Memory that lives as long as its owner: blocks in a list, released at once. */
#include "applet_vm/vm/vm_int.h"

#include <stdlib.h>

struct mm_arena_block {
    struct mm_arena_block *next;
    uint64_t body[]; /* aligned for everything that goes in here */
};

void *mm_arena_alloc(struct mm_arena *arena, size_t n, size_t size)
{
    struct mm_arena_block *block;

    if (size != 0 && n > (SIZE_MAX / 2 - sizeof(*block)) / size)
        return NULL;
    block = calloc(1, sizeof(*block) + n * size);
    if (block == NULL)
        return NULL;
    block->next = arena->first;
    arena->first = block;
    return block->body;
}

void mm_arena_clear(struct mm_arena *arena)
{
    while (arena->first != NULL) {
        struct mm_arena_block *next = arena->first->next;
        free(arena->first);
        arena->first = next;
    }
}
