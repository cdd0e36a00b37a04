/*
 * ns per bytecode of tight loops, by both dispatch modes. Not a test: prints and ends.
 *
 *     bench_vm [FILE]
 *
 * FILE: what test/bench/loops.lua printed in the same run (loop, ns a round), shown beside.
 *
 *   arithmetic  sload sload sadd sstore sinc sload sspush if_scmplt
 *   array       the same with a baload from a 256-byte array
 *   field       the same with a getfield_s
 *   call        the same with an invokestatic of a method of 4 bytecodes
 *   store       the same with a sastore to a persistent array
 */
#include <time.h>

#include "test/unit/test_vm_cap.h"

#define ROUNDS 30000 /* as in the loops: 0x7530 */

struct loop {
    const char *name;
    const char *hex;
    unsigned bytecodes; /* of one round */
};

/* locals: 0 and 1 arguments, 2 sum, 3 counter, 4 object */
static const struct loop loops[] = {
    {"arithmetic", "1e 1c 41 31 59 03 01 1f 11 7530 6c f5 1e 78", 8},
    {"array",
     "11 0100 90 0b 28 04"
     "1e 15 04 1c 25 41 31 59 03 01 1f 11 7530 6c f2 1e 78",
     10},
    {"field",
     "8f 0001 3d 8c 000c 28 04"
     "1e 15 04 85 03 41 31 59 03 01 1f 11 7530 6c f2 1e 78",
     9},
    {"call", "1e 8d 000d 31 59 03 01 1f 11 7530 6c f4 1e 78", 11},
    {"store",
     "11 0100 90 0c 28 04"
     "15 04 1c 1f 39 59 03 01 1f 11 7530 6c f4 1e 78",
     8},
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double measure(const struct loop *l, enum mm_run (*interp)(struct mm_vm *, size_t))
{
    uint8_t code[256];
    struct test_code t = {
        .code = code, .len = sizeof(code), .max_stack = 8, .args = 2, .max_locals = 3};
    uint16_t args[2] = {3, 0}, ret[2];
    struct test_chip chip;
    struct mm_err err = {.text = ""};
    double best = 1e9;

    must(mm_unhex(l->hex, code, &t.len) == MM_OK, l->name, "hex");
    chip_open(&chip, 0);
    chip.vm->interp = interp;
    must(code_load(&chip, &t, &err) == MM_OK, l->name, err.text);
    for (int i = 0; i < 100; i++) {
        double start = seconds(), took;
        if (code_run(&chip, &t, TEST_PACKAGE, args, ret) != MM_RUN_OK)
            must(false, mm_vm_exception(chip.vm)->class_name, mm_vm_fault(chip.vm));
        took = (seconds() - start) * 1e9 / ((double)l->bytecodes * ROUNDS);
        best = took < best ? took : best;
        must(mm_nvm_promise(chip.nvm) == MM_OK, l->name, "promise"); /* as after each command */
    }
    chip_close(&chip);
    return best;
}

/* ns a round of that loop in Lua; 0: not in the file. */
static double beside(const char *path, const char *loop)
{
    FILE *file = path != NULL ? fopen(path, "r") : NULL;
    char name[32];
    double ns, found = 0;

    while (file != NULL && fscanf(file, "%31s %lf", name, &ns) == 2)
        found = strcmp(name, loop) == 0 ? ns : found;
    if (file != NULL)
        (void)fclose(file);
    return found;
}

int main(int argc, char **argv)
{
    printf("%-12s %14s %14s %14s %14s %8s   best of 100\n", "loop", "goto ns/op", "switch ns/op",
           "goto ns/round", "Lua ns/round", "ratio");
    for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++) {
        double jump = measure(&loops[i], mm_interp_goto);
        double lua = beside(argc > 1 ? argv[1] : NULL, loops[i].name);

        printf("%-12s %14.2f %14.2f %14.2f", loops[i].name, jump,
               measure(&loops[i], mm_interp_switch), jump * loops[i].bytecodes);
        if (lua > 0)
            printf(" %14.2f %8.2f", lua, jump * loops[i].bytecodes / lua);
        printf("\n");
    }
    return 0;
}
