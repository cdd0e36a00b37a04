/* Dynamic data: the worked example of docs/measurement.md, and what the digest sees and does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "applet_vm/integrity/integrity.h"

#define OBJECT_N 8
#define CELL_MAX 8

/* A graph as a table; references are 0x200 + index. */
struct object {
    struct mm_obj_info info;
    uint16_t cells[CELL_MAX];
    uint8_t refs; /* bit i: cell i is a reference */
    const void *data;
    size_t len;
    bool pin;
};
struct table {
    struct object objects[OBJECT_N];
    size_t n;
};

static const struct object *at(const void *ctx, mm_ref ref)
{
    const struct table *t = ctx;

    return ref >= 0x200 && ref < 0x200 + t->n ? &t->objects[ref - 0x200] : NULL;
}

static bool t_object(const void *ctx, mm_ref ref, struct mm_obj_info *info)
{
    const struct object *o = at(ctx, ref);

    if (o != NULL)
        *info = o->info;
    return o != NULL;
}

static bool t_cell(const void *ctx, mm_ref ref, uint16_t i, uint16_t *value, bool *is_ref)
{
    const struct object *o = at(ctx, ref);

    if (o == NULL || i >= CELL_MAX)
        return false;
    *value = o->cells[i];
    *is_ref = (o->refs >> i & 1) != 0;
    return true;
}

static const uint8_t *t_array(const void *ctx, mm_ref ref, size_t *len)
{
    const struct object *o = at(ctx, ref);

    *len = o != NULL ? o->len : 0;
    return o != NULL ? o->data : NULL;
}

static bool t_aid(const void *ctx, mm_comp comp, struct mm_aid *aid)
{
    static const struct mm_aid package = {6, {0xf0, 0x01, 0x02, 0x03, 0x04, 0x05}};
    static const struct mm_aid other = {5, {0xf0, 0x0a, 0x0b, 0x0c, 0x0d}};

    (void)ctx;
    *aid = comp == 1 ? package : other;
    return true;
}

static bool t_is_pin(const void *ctx, mm_ref ref)
{
    return at(ctx, ref)->pin;
}

static const uint8_t salt[32] = {0};

/* The example: applet {balance, pin, log, self}, log {array, foreign}, a PIN with its arrays. */
static void example(struct table *t)
{
    static const uint16_t shorts[2] = {0x0102, 0xfffe};
    const struct mm_obj_info instance = {.kind = MM_OBJ_INSTANCE, .owner = 2};
    const struct mm_obj_info array = {.kind = MM_OBJ_ARRAY, .owner = 2};

    memset(t, 0, sizeof(*t));
    t->n = 7;
    for (size_t i = 0; i < t->n; i++)
        t->objects[i].info = i < 2 ? instance : array;
    t->objects[0].info.class_package = 1;
    t->objects[0].info.class_off = 0x0012;
    t->objects[0].info.n = 4;
    t->objects[0].refs = 0x0e;
    memcpy(t->objects[0].cells, (uint16_t[]){0x2710, 0x201, 0x202, 0x200}, 8);
    t->objects[1].info.class_name = "javacard/framework/OwnerPIN";
    t->objects[1].info.n = 8;
    t->objects[1].refs = 0x03;
    t->objects[1].pin = true;
    memcpy(t->objects[1].cells, (uint16_t[]){0x204, 0x205, 3, 3, 8, 4, 0, 0}, 16);
    t->objects[2].info.array_type = 14;
    t->objects[2].info.n = 3;
    t->objects[2].refs = 0x07;
    memcpy(t->objects[2].cells, (uint16_t[]){0x203, 0, 0x206}, 6);
    t->objects[3].info.array_type = 12;
    t->objects[3].info.n = 2;
    t->objects[3].data = shorts;
    t->objects[3].len = sizeof(shorts);
    t->objects[4].info.array_type = 11;
    t->objects[4].info.n = 4;
    t->objects[4].data = "1234";
    t->objects[4].len = 4;
    t->objects[5].info.array_type = 10;
    t->objects[5].info.n = 2;
    t->objects[5].info.transient = MM_CLEAR_ON_RESET;
    t->objects[6].info.array_type = 11;
    t->objects[6].info.n = 1;
    t->objects[6].info.owner = 7;
}

static void digest_of(const struct table *t, uint8_t digest[32])
{
    struct mm_graph graph = {t, salt, t_object, t_cell, t_array, t_aid, t_is_pin};

    assert_int_equal(mm_integrity_walk(&graph, 0x200, 2, digest), MM_OK);
}

static void integrity_walk_gives_the_documented_digest(void **state)
{
    static const char expected[] =
        "741399BA2D56B0B897AC3045D35F74C2F00191023646F88473CB85DAE3680664";
    struct table t;
    uint8_t digest[32];
    char hex[65];

    (void)state;
    example(&t);
    digest_of(&t, digest);
    assert_string_equal(mm_hex(digest, 32, hex), expected);
}

static void integrity_walk_does_not_depend_on_handles(void **state)
{
    struct table t;
    uint8_t a[32], b[32];
    struct object swap;

    (void)state;
    example(&t);
    digest_of(&t, a);
    swap = t.objects[3]; /* 0x203 and 0x204 change places */
    t.objects[3] = t.objects[4];
    t.objects[4] = swap;
    t.objects[1].cells[0] = 0x203;
    t.objects[2].cells[0] = 0x204;
    digest_of(&t, b);
    assert_memory_equal(a, b, 32);
}

static void integrity_walk_leaves_out_tries_and_transient_contents(void **state)
{
    struct table t;
    uint8_t a[32], b[32];

    (void)state;
    example(&t);
    digest_of(&t, a);
    t.objects[1].cells[MM_PIN_TRIES_CELL] = 0;
    t.objects[5].data = "\1\1";
    digest_of(&t, b);
    assert_memory_equal(a, b, 32);
}

static void integrity_walk_sees_every_other_change(void **state)
{
    struct table t;
    uint8_t a[32], b[32];

    (void)state;
    example(&t);
    digest_of(&t, a);
    for (size_t o = 0; o < 3; o++) {
        for (size_t i = 0; i < t.objects[o].info.n; i++) {
            if (o == 1 && i == MM_PIN_TRIES_CELL)
                continue;
            example(&t);
            if ((t.objects[o].refs >> i & 1) != 0)
                t.objects[o].cells[i] = t.objects[o].cells[i] == 0 ? 0x200 : 0;
            else
                t.objects[o].cells[i] ^= 1;
            digest_of(&t, b);
            assert_memory_not_equal(a, b, 32);
        }
    }
    example(&t);
    t.objects[4].data = "1235";
    digest_of(&t, b);
    assert_memory_not_equal(a, b, 32);
    example(&t);
    t.objects[0].info.class_off++;
    digest_of(&t, b);
    assert_memory_not_equal(a, b, 32);
}

static void integrity_walk_refuses_a_reference_to_nothing(void **state)
{
    struct table t;
    struct mm_graph graph = {&t, salt, t_object, t_cell, t_array, t_aid, t_is_pin};
    static const uint8_t zero[32];
    uint8_t digest[32];

    (void)state;
    example(&t);
    t.objects[0].cells[3] = 0x300;
    assert_int_equal(mm_integrity_walk(&graph, 0x200, 2, digest), MM_TAMPERED);
    assert_memory_equal(digest, zero, 32);
    assert_int_equal(mm_integrity_walk(&graph, MM_REF_NULL, 2, digest), MM_TAMPERED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integrity_walk_gives_the_documented_digest),
        cmocka_unit_test(integrity_walk_does_not_depend_on_handles),
        cmocka_unit_test(integrity_walk_leaves_out_tries_and_transient_contents),
        cmocka_unit_test(integrity_walk_sees_every_other_change),
        cmocka_unit_test(integrity_walk_refuses_a_reference_to_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
