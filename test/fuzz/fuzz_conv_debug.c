/* Debug components: what is accepted finds each method again by its place. */
#include "converter/names.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const struct mm_names *names, uint16_t off)
{
    const struct mm_named_class *cls = NULL;
    const struct mm_named_method *m = mm_names_method_at(names, off, &cls);

    if (m != NULL && (m->off != off || cls == NULL || m->name == NULL || m->desc == NULL))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_arena *arena = mm_arena_new();
    struct mm_names *names = mm_names_new(arena, NULL);

    if (mm_names_debug(names, data, size)) {
        for (size_t off = 0; off < 512; off++)
            look_up(names, (uint16_t)off);
        (void)mm_names_class_at(names, 2);
    }
    mm_arena_free(&arena);
    return 0;
}
