/*
 * The verifier's promise, with load files that somebody changed. The input is a list of edits of a
 * sound load file: u1 which file, from 128 on without its Descriptor, then any number of { u1 kind, u2
 * where, u1 value }:
 * a byte set, a bit flipped, an opcode replaced by another of the same length, a byte put in or
 * taken out; in the Method component, or, kind from 128 on, in any. Lengths of components and the
 * Directory's copy of them follow, so that an edit gets past them. Whatever of that the verifier
 * accepts is linked and every method called: no fault of the virtual machine may tell of anything
 * but a used-up budget, no record of another package's changes, and fields and static fields hold
 * objects of their types when only Method was changed. Without a Descriptor the machine may fault, and
 * arguments are numbers that stand for objects of others as well: nothing of others changes, nor does
 * memory go wrong. An input that starts with 'Z' is itself a load file.
 */
#include "applet_vm/verify/verify.h"
#include "test/fuzz/neighbour.h"
#include "test/unit/cap_seed.h"
#include "test/unit/verify_cap.h"

#define FUZZ_CALLER 80
#define STEPS       3000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *seed(unsigned which, size_t *len)
{
    static const struct test_method methods[] = {
        {.code = "7b0007 94000001 1c 8b000b 78"},
        {.code = "710005 03 78 2d 72 02", .max_locals = 1},
        {.code = "03 91 0001 03 24 85 03 78"},
        {.code = "03 78 93", .handler = {0, 1, 2, 0, false}},
        {.code = "0a 35 1c 60 07 22 04 5c 42 35 22 5e 78", .max_locals = 2},
        {.code = "8f0010 3d 8c000c 7f0007 7b0006 1c 1d 38 7b0007 3d 7f0007 7b0007 3f 12 3b 3b 3b "
                 "03 78"},
    };
    uint8_t *copy;

    if (which % 7 != 6)
        return build_verify_lfdb(&methods[which % 7], len);
    *len = sizeof(cap_seed);
    copy = malloc(*len);
    must(copy != NULL, "malloc", "out of memory");
    memcpy(copy, cap_seed, *len);
    return copy;
}

/* ---- A load file in parts ---- */
#define COMPONENT_MAX 16
#define PART_MAX      0x4000
struct part {
    uint8_t tag;
    uint8_t *info; /* owned */
    size_t len;
};
struct parts {
    struct part part[COMPONENT_MAX];
    size_t n;
};

static void take_apart(const uint8_t *lfdb, size_t len, struct parts *out)
{
    out->n = 0;
    for (size_t at = 0; at + 3 <= len && out->n < COMPONENT_MAX;) {
        struct part *p = &out->part[out->n++];
        p->tag = lfdb[at];
        p->len = mm_be16(lfdb + at + 1);
        p->info = malloc(p->len + 1);
        must(p->info != NULL, "malloc", "out of memory");
        memcpy(p->info, lfdb + at + 3, p->len);
        at += 3 + p->len;
    }
}

static struct part *part_of(struct parts *parts, uint8_t tag)
{
    for (size_t i = 0; i < parts->n; i++) {
        if (parts->part[i].tag == tag)
            return &parts->part[i];
    }
    return NULL;
}

/* Whole again, with the sizes that the Directory tells (JCVM 3.0.5, 6.4) as they are now. */
static uint8_t *put_together(struct parts *parts, size_t *len)
{
    struct part *directory = part_of(parts, MM_CAP_DIRECTORY);
    uint8_t *lfdb;

    *len = 0;
    for (size_t i = 0; i < parts->n; i++) {
        const struct part *p = &parts->part[i];
        size_t at = 2 * ((size_t)p->tag - 1);
        if (directory != NULL && p->tag != 0 && p->tag <= MM_CAP_DESCRIPTOR &&
            at + 2 <= directory->len)
            mm_put_be16(directory->info + at, (uint16_t)p->len);
        *len += 3 + p->len;
    }
    lfdb = malloc(*len + 1);
    must(lfdb != NULL, "malloc", "out of memory");
    *len = 0;
    for (size_t i = 0; i < parts->n; i++) {
        const struct part *p = &parts->part[i];
        lfdb[*len] = p->tag;
        mm_put_be16(lfdb + *len + 1, (uint16_t)p->len);
        memcpy(lfdb + *len + 3, p->info, p->len);
        *len += 3 + p->len;
        free(p->info);
    }
    return lfdb;
}

static void drop(struct parts *parts, uint8_t tag)
{
    struct part *p = part_of(parts, tag);

    if (p == NULL)
        return;
    free(p->info);
    *p = parts->part[--parts->n];
}

/* ---- Edits ---- */
static void other_opcode(uint8_t *p, uint8_t value)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t op = (uint8_t)(value + i);
        if (mm_op_info(op)->name != NULL &&
            mm_op_info(op)->operand_bytes == mm_op_info(*p)->operand_bytes) {
            *p = op;
            return;
        }
    }
}

/* Put a byte in, or take one out. */
static void resize(struct part *p, size_t at, bool longer, uint8_t value)
{
    if (longer && p->len < PART_MAX) {
        uint8_t *info = realloc(p->info, p->len + 2);
        must(info != NULL, "realloc", "out of memory");
        memmove(info + at + 1, info + at, p->len - at);
        info[at] = value;
        p->info = info;
        p->len++;
    } else if (!longer) {
        memmove(p->info + at, p->info + at + 1, p->len - at - 1);
        p->len--;
    }
}

/* One edit; false when it was in another component than Method. */
static bool edit(struct parts *parts, const uint8_t *e)
{
    struct part *p =
        e[0] < 128 ? part_of(parts, MM_CAP_METHOD) : &parts->part[(e[0] / 5u) % parts->n];
    size_t at;

    if (p == NULL || p->len == 0)
        return true;
    at = mm_be16(e + 1) % p->len;
    switch (e[0] % 5) {
    case 0:
        p->info[at] = e[3];
        break;
    case 1:
        p->info[at] ^= (uint8_t)(1u << e[3] % 8);
        break;
    case 2:
        other_opcode(p->info + at, e[3]);
        break;
    default:
        resize(p, at, e[0] % 5 == 3, e[3]);
        break;
    }
    return p->tag == MM_CAP_METHOD;
}

/* What the virtual machine says when it meets what no verified code can do. */
static void check_fault(const struct mm_vm *vm)
{
    static const char *const allowed[] = {"budget", "deep", "room", "memory", "this chip"};
    const char *why = mm_vm_fault(vm);

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (strstr(why, allowed[i]) != NULL)
            return;
    }
    fprintf(stderr, "verified code made the VM stop: %s\n", why);
    abort();
}

/* null, an array of that type, or (type 1) an instance that is one of class A or B */
static void check_ref(const struct test_chip *c, uint16_t ref, uint8_t type, const char *where)
{
    const struct mm_object *o = &c->vm->objs[ref];

    if (ref == MM_REF_NULL || (o->data != NULL && type == 0))
        return;
    if (o->data != NULL && o->type == type &&
        (type != 1 || o->cls->off == CLASS_A || o->cls->off == CLASS_B))
        return;
    fprintf(stderr, "verified code put 0x%04x into %s\n", ref, where);
    abort();
}

/* Statics and fields of the hand-made package hold what their types say (verify_cap.h). */
static void check_heap(const struct test_chip *c)
{
    size_t len = 0, refs = 0;
    const uint8_t *statics = mm_vm_package_statics(c->vm, FUZZ_PACKAGE, &len, &refs);
    uint16_t cells[2];

    must(len >= 4 && refs == 2, "statics", "two references");
    check_ref(c, mm_be16(statics), 11, "a static byte[]");
    check_ref(c, mm_be16(statics + 2), 0, "a static Object");
    for (uint32_t ref = 1; ref < 0x10000; ref++) {
        const struct mm_object *o = &c->vm->objs[ref];
        bool is_ref;
        if (o->data == NULL || o->type != 1 || o->cls->pkg == NULL ||
            o->cls->pkg != mm_package_get(c->vm, FUZZ_PACKAGE))
            continue;
        for (uint16_t k = 0; k < 2; k++) {
            if (mm_vm_peek_cell(c->vm, (mm_ref)ref, k, &cells[k], &is_ref))
                check_ref(c, cells[k], k == 0 ? 1 : 11, "a field");
        }
    }
}

/* Arguments as the signature says: null, small numbers, this of the class itself. With only kinds checked,
 * a caller may pass any number as a reference: those of the first objects, which are of others. */
static void run(struct test_chip *c, bool described)
{
    const struct mm_package *pkg = mm_package_get(c->vm, FUZZ_PACKAGE);
    uint16_t args[256] = {0}, ret[2];

    must(mm_comp_add(c->nvm, FUZZ_CALLER, MM_COMP_APPLET, &(struct mm_aid){5, {0xF8}}) == MM_OK,
         "mm_comp_add", "");
    mm_vm_applet_bind(c->vm, FUZZ_CALLER, FUZZ_PACKAGE);
    for (uint16_t i = 0; i < 256 && !described; i++)
        args[i] = (uint16_t)(i + 1);
    for (size_t i = 0; i < pkg->method_n && i < 64; i++) {
        if (pkg->methods[i].code != NULL &&
            mm_call(c->vm, &pkg->methods[i], args, FUZZ_PACKAGE, FUZZ_CALLER, ret) ==
                MM_RUN_FAULT &&
            described)
            check_fault(c->vm);
        if (mm_tx_active(c->nvm))
            mm_vm_tx_abort(c->vm);
    }
}

static void verify_and_run(const uint8_t *lfdb, size_t len, bool ours)
{
    struct mm_verify_env env = {.rom = NULL};
    struct mm_verify_stats stats;
    struct mm_cap *cap = NULL;
    struct test_chip c;
    struct mm_err err;
    uint64_t before;

    if (mm_cap_read(lfdb, len, &cap, NULL) != MM_OK)
        return;
    env.rom = test_rom;
    if (mm_verify(cap, &env, &stats, NULL) == MM_OK) {
        chip_open(&c, STEPS);
        (void)neighbour_move_in(&c);
        before = neighbour_digest(c.nvm);
        if (chip_load(&c, FUZZ_PACKAGE, lfdb, len, &err) == MM_OK) {
            run(&c, stats.described);
            if (ours && stats.described)
                check_heap(&c);
        }
        neighbour_check(c.nvm, before);
        chip_close(&c);
    }
    mm_cap_free(&cap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct parts parts;
    size_t len = 0;
    uint8_t *lfdb;
    bool ours;

    if (size == 0)
        return 0;
    if (data[0] == 'Z') {
        verify_and_run(data + 1, size - 1, false);
        return 0;
    }
    ours = data[0] % 7 != 6;
    lfdb = seed(data[0], &len);
    take_apart(lfdb, len, &parts);
    free(lfdb);
    if (data[0] >= 128)
        drop(&parts, MM_CAP_DESCRIPTOR);
    for (size_t at = 1; at + 4 <= size; at += 4)
        ours = edit(&parts, data + at) && ours;
    lfdb = put_together(&parts, &len);
    verify_and_run(lfdb, len, ours);
    free(lfdb);
    return 0;
}
