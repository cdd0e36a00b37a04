/*
 * The verifier's promise, with code that somebody changed. The input is a list of edits of the
 * Method component of a sound load file with Descriptor: u1 which file, then any number of
 * { u1 kind, u2 where, u1 value }: a byte set, a bit flipped, an opcode replaced by another of the
 * same length. Whatever of that the verifier accepts is linked and every method called; then fields
 * and static fields must hold objects of their types, and no fault of the virtual machine may tell
 * of anything but a used-up budget. An input that starts with 'Z' is itself a load file.
 */
#include "applet_vm/verify/verify.h"
#include "test/unit/cap_seed.h"
#include "test/unit/verify_cap.h"

#define FUZZ_PACKAGE 50
#define FUZZ_CALLER  80
#define STEPS        3000

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

/* Where the Method component's info begins in a load file, and its length. */
static uint8_t *method_info(uint8_t *lfdb, size_t len, size_t *n)
{
    size_t at = 0;

    while (at + 3 <= len) {
        *n = mm_be16(lfdb + at + 1);
        if (lfdb[at] == MM_CAP_METHOD)
            return lfdb + at + 3;
        at += 3 + *n;
    }
    *n = 0;
    return lfdb;
}

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

static void edit(uint8_t *info, size_t n, const uint8_t *e)
{
    uint8_t *p;

    if (n == 0)
        return;
    p = info + mm_be16(e + 1) % n;
    switch (e[0] % 3) {
    case 0:
        *p = e[3];
        break;
    case 1:
        *p ^= (uint8_t)(1u << e[3] % 8);
        break;
    default:
        other_opcode(p, e[3]);
        break;
    }
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
        if (o->data == NULL || o->type != 1 || o->cls->pkg == NULL)
            continue;
        for (uint16_t k = 0; k < 2; k++) {
            if (mm_vm_peek_cell(c->vm, (mm_ref)ref, k, &cells[k], &is_ref))
                check_ref(c, cells[k], k == 0 ? 1 : 11, "a field");
        }
    }
}

/* Arguments as the signature says: null, small numbers, this of the class itself. */
static void run(struct test_chip *c)
{
    const struct mm_package *pkg = mm_package_get(c->vm, FUZZ_PACKAGE);
    uint16_t args[256] = {0}, ret[2];

    must(mm_comp_add(c->nvm, FUZZ_CALLER, MM_COMP_APPLET, &(struct mm_aid){5, {0xF8}}) == MM_OK,
         "mm_comp_add", "");
    mm_vm_applet_bind(c->vm, FUZZ_CALLER, FUZZ_PACKAGE);
    for (size_t i = 0; i < pkg->method_n && i < 64; i++) {
        if (pkg->methods[i].code != NULL &&
            mm_call(c->vm, &pkg->methods[i], args, FUZZ_PACKAGE, FUZZ_CALLER, ret) == MM_RUN_FAULT)
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

    if (mm_cap_read(lfdb, len, &cap, NULL) != MM_OK)
        return;
    env.rom = test_rom;
    if (mm_verify(cap, &env, &stats, NULL) == MM_OK) {
        chip_open(&c, STEPS);
        if (chip_load(&c, FUZZ_PACKAGE, lfdb, len, &err) == MM_OK && stats.described) {
            run(&c);
            if (ours)
                check_heap(&c);
        }
        chip_close(&c);
    }
    mm_cap_free(&cap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t len = 0, n = 0;
    uint8_t *lfdb, *info;

    if (size == 0)
        return 0;
    if (data[0] == 'Z') {
        verify_and_run(data + 1, size - 1, false);
        return 0;
    }
    lfdb = seed(data[0], &len);
    info = method_info(lfdb, len, &n);
    for (size_t at = 1; at + 4 <= size; at += 4)
        edit(info, n, data + at);
    verify_and_run(lfdb, len, data[0] % 7 != 6);
    free(lfdb);
    return 0;
}
