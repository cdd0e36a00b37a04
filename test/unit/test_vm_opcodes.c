/* Every bytecode by table: code, arguments, result or exception; run by both dispatch modes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "test/unit/test_vm_cap.h"

#define NULL_POINTER "java/lang/NullPointerException"
#define INDEX        "java/lang/ArrayIndexOutOfBoundsException"
#define ARITHMETIC   "java/lang/ArithmeticException"
#define CLASS_CAST   "java/lang/ClassCastException"
#define NEGATIVE     "java/lang/NegativeArraySizeException"
#define ARRAY_STORE  "java/lang/ArrayStoreException"

struct row {
    const char *what;
    const char *hex; /* the code; arguments a and b are locals 0 and 1 */
    int16_t a, b;
    int32_t result;
    const char *throws; /* class name; NULL: returns */
};

/* Branches: taken gives 1, not taken 0. w: the wide form. */
#define BRANCH1(op, wide, a, taken)                                                                \
    {op " " #a, "1c " op " 04 03 78 04 78", a, 0, taken, NULL},                                    \
    {                                                                                              \
        wide " wide " #a, "1c " wide " 0005 03 78 04 78", a, 0, taken, NULL                        \
    }
#define BRANCH2(op, wide, a, b, taken)                                                             \
    {op " " #a " " #b, "1c 1d " op " 04 03 78 04 78", a, b, taken, NULL},                          \
    {                                                                                              \
        wide " wide " #a " " #b, "1c 1d " wide " 0005 03 78 04 78", a, b, taken, NULL              \
    }
#define NEW_A "8f 0001 3d 8c 000c " /* new A, dup, Object.<init> */
#define NEW_B "8f 0012 3d 8c 000c "

static const struct row rows[] = {
    {"nop", "00 03 78", 0, 0, 0, NULL},
    {"aconst_null, areturn", "01 77", 0, 0, 0, NULL},
    {"sconst_m1", "02 78", 0, 0, -1, NULL},
    {"sconst_0", "03 78", 0, 0, 0, NULL},
    {"sconst_1", "04 78", 0, 0, 1, NULL},
    {"sconst_2", "05 78", 0, 0, 2, NULL},
    {"sconst_3", "06 78", 0, 0, 3, NULL},
    {"sconst_4", "07 78", 0, 0, 4, NULL},
    {"sconst_5", "08 78", 0, 0, 5, NULL},
    {"iconst_m1", "09 79", 0, 0, -1, NULL},
    {"iconst_0", "0a 79", 0, 0, 0, NULL},
    {"iconst_1", "0b 79", 0, 0, 1, NULL},
    {"iconst_2", "0c 79", 0, 0, 2, NULL},
    {"iconst_3", "0d 79", 0, 0, 3, NULL},
    {"iconst_4", "0e 79", 0, 0, 4, NULL},
    {"iconst_5", "0f 79", 0, 0, 5, NULL},
    {"bspush", "10 80 78", 0, 0, -128, NULL},
    {"sspush", "11 8001 78", 0, 0, -32767, NULL},
    {"bipush", "12 fe 79", 0, 0, -2, NULL},
    {"sipush", "13 8000 79", 0, 0, -32768, NULL},
    {"iipush", "14 80000001 79", 0, 0, -2147483647, NULL},
    {"aload", "15 01 77", 0, 9, 9, NULL},
    {"sload", "16 01 78", 0, 9, 9, NULL},
    {"iload, istore", "14 00010002 2a 04 20 3c 21 3c 16 04 16 05 41 5c 29 02 29 02 17 04 79", 0, 0,
     0x10002, NULL},
    {"aload_0, aload_1", "18 66 04 18 77 19 77", 0, 9, 9, NULL},
    {"aload_2, astore_2", "19 2d 1a 77", 0, 9, 9, NULL},
    {"aload_3, astore_3", "19 2e 1b 77", 0, 9, 9, NULL},
    {"sload_0, sload_1", "1c 1d 43 78", 7, 9, -2, NULL},
    {"sload_2, sstore_2", "1d 31 1e 78", 0, 9, 9, NULL},
    {"sload_3, sstore_3", "1d 32 1f 78", 0, 9, 9, NULL},
    {"iload_0, istore_0", "14 12345678 33 20 79", 0, 0, 0x12345678, NULL},
    {"iload_1, istore_1", "14 12345678 34 21 79", 0, 0, 0x12345678, NULL},
    {"iload_2, istore_2", "14 12345678 35 22 79", 0, 0, 0x12345678, NULL},
    {"iload_3, istore_3", "14 12345678 36 23 79", 0, 0, 0x12345678, NULL},
    {"astore_0", "19 2b 18 77", 0, 9, 9, NULL},
    {"astore_1", "18 2c 19 77", 9, 0, 9, NULL},
    {"astore, sstore", "19 28 05 15 05 29 02 16 02 78", 0, 9, 9, NULL},
    {"sstore_0", "1d 2f 1c 78", 0, 9, 9, NULL},
    {"sstore_1", "1c 30 1d 78", 9, 0, 9, NULL},

    {"aastore, aaload", "06 91 0001 3d 04 " NEW_A "37 04 24 66 04 04 78 03 78", 0, 0, 1, NULL},
    {"aastore of another class", "06 91 0012 04 " NEW_A "37 03 78", 0, 0, 0, ARRAY_STORE},
    {"aastore of null", "06 91 0012 04 01 37 03 78", 0, 0, 0, NULL},
    {"aastore past the end", "06 91 0001 06 01 37 03 78", 0, 0, 0, INDEX},
    {"aaload at -1", "06 91 0001 02 24 77", 0, 0, 0, INDEX},
    {"bastore, baload", "08 90 0b 3d 07 11 01fe 38 07 25 78", 0, 0, -2, NULL},
    {"bastore in a boolean array", "08 90 0a 3d 00 07 04 38 07 25 78", 0, 0, 1, NULL},
    {"baload of null", "01 03 25 78", 0, 0, 0, NULL_POINTER},
    {"baload past the end", "08 90 0b 08 25 78", 0, 0, 0, INDEX},
    {"sastore, saload", "08 90 0c 3d 07 11 81fe 39 07 26 78", 0, 0, (int16_t)0x81fe, NULL},
    {"sastore at a negative index", "08 90 0c 02 03 39 03 78", 0, 0, 0, INDEX},
    {"iastore, iaload", "08 90 0d 3d 07 14 89abcdef 3a 07 27 79", 0, 0, (int32_t)0x89abcdef, NULL},
    {"iaload of null", "01 03 27 79", 0, 0, 0, NULL_POINTER},
    {"arraylength", "10 64 90 0b 92 78", 0, 0, 100, NULL},
    {"arraylength of null", "01 92 78", 0, 0, 0, NULL_POINTER},
    {"newarray of a negative length", "02 90 0b 92 78", 0, 0, 0, NEGATIVE},
    {"anewarray of a negative length", "02 91 0001 92 78", 0, 0, 0, NEGATIVE},

    {"pop", "04 05 3b 78", 0, 0, 1, NULL},
    {"pop2", "04 05 06 3c 78", 0, 0, 1, NULL},
    {"dup", "06 3d 45 78", 0, 0, 9, NULL},
    {"dup2", "06 05 3e 43 29 02 43 16 02 45 78", 0, 0, 1, NULL},
    {"dup_x 1 2", "04 05 3f 12 45 41 78", 0, 0, 4, NULL},
    {"dup_x 1 0", "06 3f 10 45 78", 0, 0, 9, NULL},
    {"dup_x 2 4", "04 05 06 07 3f 24 43 45 43 41 43 78", 0, 0, 3 - (4 + (1 - 2 * (3 - 4))), NULL},
    {"swap_x 1 1", "08 04 40 11 43 78", 0, 0, -4, NULL},
    {"swap_x 2 1", "04 05 06 40 21 41 43 78", 0, 0, 2 - (3 + 1), NULL},
    {"swap_x 1 2", "04 05 06 40 12 43 45 78", 0, 0, 3 * (1 - 2), NULL},
    {"swap_x 2 2", "04 05 06 07 40 22 43 41 43 78", 0, 0, 3 - (4 + (1 - 2)), NULL},

    {"sadd", "1c 1d 41 78", 32767, 1, -32768, NULL},
    {"ssub", "1c 1d 43 78", -32768, 1, 32767, NULL},
    {"smul", "1c 1d 45 78", 300, 300, (int16_t)90000, NULL},
    {"sdiv", "1c 1d 47 78", -7, 2, -3, NULL},
    {"sdiv of the least by -1", "1c 1d 47 78", -32768, -1, -32768, NULL},
    {"sdiv by 0", "1c 1d 47 78", 1, 0, 0, ARITHMETIC},
    {"srem", "1c 1d 49 78", -7, 2, -1, NULL},
    {"srem of the least by -1", "1c 1d 49 78", -32768, -1, 0, NULL},
    {"srem by 0", "1c 1d 49 78", 1, 0, 0, ARITHMETIC},
    {"sneg", "1c 4b 78", -32768, 0, -32768, NULL},
    {"sshl", "1c 1d 4d 78", 3, 14, (int16_t)0xC000, NULL},
    {"sshl by 33", "1c 1d 4d 78", 3, 33, 6, NULL},
    {"sshr", "1c 1d 4f 78", -8, 2, -2, NULL},
    {"sushr", "1c 1d 51 78", -1, 17, 0x7FFF, NULL},
    {"sand", "1c 1d 53 78", 0x0FF0, 0x00FF, 0x00F0, NULL},
    {"sor", "1c 1d 55 78", 0x0FF0, 0x00FF, 0x0FFF, NULL},
    {"sxor", "1c 1d 57 78", 0x0FF0, 0x00FF, 0x0F0F, NULL},
    {"iadd", "14 7fffffff 0b 42 79", 0, 0, INT32_MIN, NULL},
    {"isub", "14 80000000 0b 44 79", 0, 0, INT32_MAX, NULL},
    {"imul", "14 00010000 14 00008001 46 79", 0, 0, INT32_MIN + 0x10000, NULL},
    {"idiv", "12 f9 0c 48 79", 0, 0, -3, NULL},
    {"idiv of the least by -1", "14 80000000 09 48 79", 0, 0, INT32_MIN, NULL},
    {"idiv by 0", "0b 0a 48 79", 0, 0, 0, ARITHMETIC},
    {"irem", "12 f9 0c 4a 79", 0, 0, -1, NULL},
    {"irem of the least by -1", "14 80000000 09 4a 79", 0, 0, 0, NULL},
    {"irem by 0", "0b 0a 4a 79", 0, 0, 0, ARITHMETIC},
    {"ineg", "14 80000000 4c 79", 0, 0, INT32_MIN, NULL},
    {"ishl", "0b 12 3f 4e 79", 0, 0, INT32_MIN, NULL},
    {"ishr", "09 12 1f 50 79", 0, 0, -1, NULL},
    {"iushr", "09 12 1f 52 79", 0, 0, 1, NULL},
    {"iand", "14 0ff00ff0 14 00ff00ff 54 79", 0, 0, 0x00f000f0, NULL},
    {"ior", "14 0ff00ff0 14 00ff00ff 56 79", 0, 0, 0x0fff0fff, NULL},
    {"ixor", "14 0ff00ff0 14 00ff00ff 58 79", 0, 0, 0x0f0f0f0f, NULL},
    {"sinc", "59 00 fe 1c 78", 1, 0, -1, NULL},
    {"sinc_w", "96 00 0200 1c 78", 1, 0, 513, NULL},
    {"iinc", "0a 35 5a 02 fe 22 79", 0, 0, -2, NULL},
    {"iinc_w", "0a 35 97 02 8000 22 79", 0, 0, -32768, NULL},
    {"s2b", "1c 5b 78", 0x1FE, 0, -2, NULL},
    {"s2i", "1c 5c 79", -3, 0, -3, NULL},
    {"s2i of a positive", "1c 5c 79", 3, 0, 3, NULL},
    {"i2b", "14 123456fe 5d 78", 0, 0, -2, NULL},
    {"i2s", "14 12348765 5e 78", 0, 0, (int16_t)0x8765, NULL},
    {"icmp less", "14 80000000 0a 5f 78", 0, 0, -1, NULL},
    {"icmp equal", "0b 0b 5f 78", 0, 0, 0, NULL},
    {"icmp greater", "0b 09 5f 78", 0, 0, 1, NULL},

    BRANCH1("60", "98", 0, 1),
    BRANCH1("60", "98", 5, 0),
    BRANCH1("61", "99", 5, 1),
    BRANCH1("61", "99", 0, 0),
    BRANCH1("62", "9a", -1, 1),
    BRANCH1("62", "9a", 0, 0),
    BRANCH1("63", "9b", 0, 1),
    BRANCH1("63", "9b", -1, 0),
    BRANCH1("64", "9c", 1, 1),
    BRANCH1("64", "9c", 0, 0),
    BRANCH1("65", "9d", 0, 1),
    BRANCH1("65", "9d", 1, 0),
    BRANCH1("66", "9e", 0, 1),
    BRANCH1("66", "9e", 5, 0),
    BRANCH1("67", "9f", 5, 1),
    BRANCH1("67", "9f", 0, 0),
    BRANCH2("68", "a0", 5, 5, 1),
    BRANCH2("68", "a0", 5, 6, 0),
    BRANCH2("69", "a1", 5, 6, 1),
    BRANCH2("69", "a1", 5, 5, 0),
    BRANCH2("6a", "a2", 5, 5, 1),
    BRANCH2("6a", "a2", 5, 6, 0),
    BRANCH2("6b", "a3", 5, 6, 1),
    BRANCH2("6b", "a3", 5, 5, 0),
    BRANCH2("6c", "a4", -1, 0, 1),
    BRANCH2("6c", "a4", 0, -1, 0),
    BRANCH2("6d", "a5", 0, 0, 1),
    BRANCH2("6d", "a5", -1, 0, 0),
    BRANCH2("6e", "a6", 1, 0, 1),
    BRANCH2("6e", "a6", 0, 0, 0),
    BRANCH2("6f", "a7", 0, 0, 1),
    BRANCH2("6f", "a7", 1, 0, 0),
    {"goto", "70 04 03 78 04 78", 0, 0, 1, NULL},
    {"goto_w", "a8 0005 03 78 04 78", 0, 0, 1, NULL},
    {"goto back", "1c 60 07 59 00 ff 70 fa 04 78", 3, 0, 1, NULL},
    {"jsr, ret", "71 0008 71 0005 1c 78 28 02 59 00 03 72 02", 0, 0, 6, NULL},
    {"stableswitch in", "1c 73 000b 0001 0002 000d 000f 03 78 04 78 05 78", 2, 0, 2, NULL},
    {"stableswitch out", "1c 73 000b 0001 0002 000d 000f 03 78 04 78 05 78", 3, 0, 0, NULL},
    {"stableswitch below", "1c 73 000b 0001 0002 000d 000f 03 78 04 78 05 78", -32768, 0, 0, NULL},
    {"slookupswitch", "1c 75 000d 0002 fff0 000f 0100 0011 03 78 04 78 05 78", -16, 0, 1, NULL},
    {"slookupswitch other", "1c 75 000d 0002 fff0 000f 0100 0011 03 78 04 78 05 78", 5, 0, 0, NULL},
    {"itableswitch", "1c 5c 74 000f 00000001 00000002 0011 0013 03 78 04 78 05 78", 2, 0, 2, NULL},
    {"ilookupswitch", "1c 5c 76 0011 0002 fffffff0 0013 00000100 0015 03 78 04 78 05 78", 256, 0, 2,
     NULL},

    {"getstatic_a", "7b 0006 04 25 78", 0, 0, -6, NULL},
    {"getstatic_b", "7c 0008 78", 0, 0, -128, NULL},
    {"getstatic_s", "7d 0009 78", 0, 0, 0x1234, NULL},
    {"getstatic_i", "7e 000a 79", 0, 0, 0x01020304, NULL},
    {"putstatic_a", "7b 0006 7f 0007 7b 0007 92 78", 0, 0, 2, NULL},
    {"putstatic_b", "11 017f 80 0008 7c 0008 78", 0, 0, 127, NULL},
    {"putstatic_s", "02 81 0009 7d 0009 78", 0, 0, -1, NULL},
    {"putstatic_i", "09 82 000a 7e 000a 79", 0, 0, -1, NULL},
    {"putfield_a, getfield_a", NEW_A "3d 2d 1a 87 02 1a 83 02 1a 68 04 03 78 04 78", 0, 0, 1, NULL},
    {"putfield_b, getfield_b", NEW_A "2d 1a 11 01fe 88 04 1a 84 04 78", 0, 0, -2, NULL},
    {"putfield_s, getfield_s", NEW_A "2d 1a 11 81fe 89 03 1a 85 03 78", 0, 0, (int16_t)0x81fe,
     NULL},
    {"putfield_i, getfield_i", NEW_A "2d 1a 14 89abcdef 8a 05 1a 86 05 79", 0, 0,
     (int32_t)0x89abcdef, NULL},
    {"wide fields a", NEW_A "3d 2d 1a b1 0002 1a a9 0002 1a 68 04 03 78 04 78", 0, 0, 1, NULL},
    {"wide fields b", NEW_A "2d 1a 11 01fe b2 0004 1a aa 0004 78", 0, 0, -2, NULL},
    {"wide fields s", NEW_A "2d 1a 11 81fe b3 0003 1a ab 0003 78", 0, 0, (int16_t)0x81fe, NULL},
    {"wide fields i", NEW_A "2d 1a 14 89abcdef b4 0005 1a ac 0005 79", 0, 0, (int32_t)0x89abcdef,
     NULL},
    {"fields of this a", NEW_A "2b 18 b5 02 ad 02 18 68 04 03 78 04 78", 0, 0, 1, NULL},
    {"fields of this b", NEW_A "2b 11 01fe b6 04 ae 04 78", 0, 0, -2, NULL},
    {"fields of this s", NEW_A "2b 11 81fe b7 03 af 03 78", 0, 0, (int16_t)0x81fe, NULL},
    {"fields of this i", NEW_A "2b 14 89abcdef b8 05 b0 05 79", 0, 0, (int32_t)0x89abcdef, NULL},
    {"getfield of null", "01 85 03 78", 0, 0, 0, NULL_POINTER},
    {"putfield of null", "01 04 89 03 03 78", 0, 0, 0, NULL_POINTER},
    {"this null", "af 03 78", 0, 0, 0, NULL_POINTER},

    {"invokevirtual", NEW_A "1c 8b 000b 78", 5, 0, 7, NULL},
    {"invokevirtual of an overriding method, super", NEW_B "1c 8b 000b 78", 5, 0, 17, NULL},
    {"invokevirtual, package-visible", NEW_B "8b 0011 78", 0, 0, 7, NULL},
    {"invokevirtual of null", "01 1c 8b 000b 78", 5, 0, 0, NULL_POINTER},
    {"invokespecial of null", "01 8c 000c 03 78", 0, 0, 0, NULL_POINTER},
    {"invokestatic", "1c 8d 000d 78", 5, 0, 6, NULL},
    {"invokeinterface", NEW_B "1c 8e 02 000f 00 78", 5, 0, 17, NULL},
    {"invokeinterface of null", "01 1c 8e 02 000f 00 78", 5, 0, 0, NULL_POINTER},
    {"athrow of null", "01 93", 0, 0, 0, NULL_POINTER},
    {"athrow", "8f 0014 3d 8c 000c 93", 0, 0, 0, ARITHMETIC},
    {"checkcast", NEW_B "94 00 0001 66 04 04 78 03 78", 0, 0, 1, NULL},
    {"checkcast to a subclass", NEW_A "94 00 0012 03 78", 0, 0, 0, CLASS_CAST},
    {"checkcast of null", "01 94 00 0012 77", 0, 0, 0, NULL},
    {"checkcast of an array", "04 90 0b 94 0b 0000 92 78", 0, 0, 1, NULL},
    {"checkcast to another array", "04 90 0b 94 0c 0000 92 78", 0, 0, 0, CLASS_CAST},
    {"checkcast of a reference array", "04 91 0012 94 0e 0001 92 78", 0, 0, 1, NULL},
    {"checkcast of an array to Object", "04 90 0b 94 00 0010 92 78", 0, 0, 1, NULL},
    {"instanceof an interface", NEW_B "95 00 000f 78", 0, 0, 1, NULL},
    {"instanceof its superinterface", NEW_B "95 00 0016 78", 0, 0, 1, NULL},
    {"instanceof a subclass", NEW_A "95 00 0012 78", 0, 0, 0, NULL},
    {"instanceof of null", "01 95 00 0012 78", 0, 0, 0, NULL},
    {"instanceof a reference array", "04 91 0001 95 0e 0012 78", 0, 0, 0, NULL},
    {"return", "7a", 0, 0, 0, NULL},
};
#define ROW_N (sizeof(rows) / sizeof(rows[0]))

/* Says what is wrong, so that one run of the table shows all rows that fail. */
static bool judge(const struct row *r, const struct test_chip *c, enum mm_run run, int32_t result)
{
    if (run != (r->throws != NULL ? MM_RUN_THROWN : MM_RUN_OK)) {
        print_error("%s: ended with %d: %s, %s\n", r->what, run, mm_vm_exception(c->vm)->class_name,
                    mm_vm_fault(c->vm));
        return false;
    }
    if (r->throws != NULL && strcmp(mm_vm_exception(c->vm)->class_name, r->throws) != 0) {
        print_error("%s: threw %s\n", r->what, mm_vm_exception(c->vm)->class_name);
        return false;
    }
    if (r->throws == NULL && result != r->result) {
        print_error("%s: gave %d, expected %d\n", r->what, result, r->result);
        return false;
    }
    return true;
}

static bool run_row(const struct row *r, enum mm_run (*interp)(struct mm_vm *, size_t))
{
    uint8_t code[256];
    struct test_code t = {
        .code = code, .len = sizeof(code), .max_stack = 8, .args = 2, .max_locals = 5};
    uint16_t args[2] = {(uint16_t)r->a, (uint16_t)r->b}, ret[2] = {0};
    struct test_chip chip;
    struct mm_err err = {.text = ""};
    enum mm_run run;
    bool ok;

    assert_int_equal(mm_unhex(r->hex, code, &t.len), MM_OK);
    chip_open(&chip, 100000);
    chip.vm->interp = interp;
    if (!(ok = code_load(&chip, &t, &err) == MM_OK))
        print_error("%s: %s\n", r->what, err.text);
    run = ok ? code_run(&chip, &t, TEST_PACKAGE, args, ret) : MM_RUN_FAULT;
    ok = ok && judge(r, &chip, run,
                     code[t.len - 1] == MM_OP_IRETURN ? (int32_t)((uint32_t)ret[0] << 16 | ret[1])
                                                      : (int16_t)ret[0]);
    chip_close(&chip);
    return ok;
}

static void vm_runs_every_row_of_the_opcode_table(void **state)
{
    bool ok = true;

    (void)state;
    for (size_t i = 0; i < ROW_N; i++)
        ok = run_row(&rows[i], mm_interp_goto) && ok;
    assert_true(ok);
}

static void vm_runs_every_row_of_the_opcode_table_by_switch(void **state)
{
    bool ok = true;

    (void)state;
    for (size_t i = 0; i < ROW_N; i++)
        ok = run_row(&rows[i], mm_interp_switch) && ok;
    assert_true(ok);
}

static void the_opcode_table_has_every_opcode(void **state)
{
    bool seen[256] = {false};

    (void)state;
    for (size_t i = 0; i < ROW_N; i++) {
        uint8_t code[256];
        size_t len = sizeof(code);
        assert_int_equal(mm_unhex(rows[i].hex, code, &len), MM_OK);
        for (size_t off = 0; off < len; off += mm_op_len(code, len, off)) {
            assert_int_not_equal(mm_op_len(code, len, off), 0);
            seen[code[off]] = true;
        }
    }
    for (unsigned op = 0; op < 256; op++) {
        if (mm_op_info((uint8_t)op)->name != NULL && !seen[op])
            fail_msg("%s has no row", mm_op_info((uint8_t)op)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vm_runs_every_row_of_the_opcode_table),
        cmocka_unit_test(vm_runs_every_row_of_the_opcode_table_by_switch),
        cmocka_unit_test(the_opcode_table_has_every_opcode),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
