#include "converter/conv_int.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_LEN 65536

struct chunk {
    struct chunk *next;
    size_t used, len;
    max_align_t data[];
};
struct mm_arena {
    struct chunk *chunks;
};

static void *must(void *p)
{
    if (p == NULL) {
        fputs("mintmark-convert: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

struct mm_arena *mm_arena_new(void)
{
    return must(calloc(1, sizeof(struct mm_arena)));
}

void mm_arena_free(struct mm_arena **arena)
{
    if (*arena == NULL)
        return;
    for (struct chunk *c = (*arena)->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(*arena);
    *arena = NULL;
}

void *mm_arena_alloc(struct mm_arena *arena, size_t n, size_t size)
{
    size_t want;
    struct chunk *c = arena->chunks;
    void *p;

    if (__builtin_mul_overflow(n, size, &want) || want > SIZE_MAX / 2)
        return must(NULL);
    want = (want + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (c == NULL || c->len - c->used < want) {
        size_t len = want > CHUNK_LEN ? want : CHUNK_LEN;
        c = must(calloc(1, sizeof(*c) + len));
        c->len = len;
        c->next = arena->chunks;
        arena->chunks = c;
    }
    p = (uint8_t *)c->data + c->used;
    c->used += want;
    return p;
}

char *mm_arena_text(struct mm_arena *arena, const char *text, size_t text_len)
{
    char *p = mm_arena_alloc(arena, text_len + 1, 1);

    if (text_len != 0)
        memcpy(p, text, text_len);
    return p;
}

char *mm_arena_printf(struct mm_arena *arena, const char *fmt, ...)
{
    va_list ap, ap2;
    int n;
    char *p;

    va_start(ap, fmt);
    va_copy(ap2, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    p = mm_arena_alloc(arena, (size_t)(n < 0 ? 0 : n) + 1, 1);
    (void)vsnprintf(p, (size_t)(n < 0 ? 0 : n) + 1, fmt, ap2);
    va_end(ap2);
    return p;
}

void *mm_arena_grow(struct mm_arena *arena, void *old, size_t n, size_t size)
{
    void *grown;

    if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
        return old;
    grown = mm_arena_alloc(arena, n < 8 ? 8 : n * 2, size);
    if (n != 0)
        memcpy(grown, old, n * size);
    return grown;
}
