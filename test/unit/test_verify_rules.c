/* Ill-typed bytecode, by rule: each is refused, and the refusal names the rule. */
#include "test/unit/verify_accepted.h"

static void refused(const struct test_method *t, enum mm_verify_rule rule)
{
    char name[64];
    struct mm_err err = {0};
    enum mm_status st = verify_method(t, &err);

    snprintf(name, sizeof(name), "[%s]", mm_verify_rule_name(rule));
    if (st == MM_OK || strstr(err.text, name) == NULL)
        print_error("%s: expected %s, got: %s\n", t->code, name, st == MM_OK ? "good" : err.text);
    assert_int_equal(st, MM_MALFORMED);
    assert_non_null(strstr(err.text, name));
    assert_non_null(strstr(err.text, " component, offset 0x"));
}

static void all_refused(const struct test_method *rows, size_t n, enum mm_verify_rule rule)
{
    for (size_t i = 0; i < n; i++)
        refused(&rows[i], rule);
}
#define ALL_REFUSED(rows, rule) all_refused(rows, sizeof(rows) / sizeof((rows)[0]), rule)

static void verify_takes_well_typed_code(void **state)
{
    static const struct test_method rows[] = {
        {.code = "1c 1d 41 78"},
        {.code = "7b0006 03 25 78"},                        /* byte of a static array */
        {.code = "7b0007 94000001 1c 8b000b 78"},           /* cast, call */
        {.code = "7b0007 940b0000 92 78"},                  /* cast to byte[] */
        {.code = "03 91 0001 03 24 85 03 78"},              /* field of an element of A[] */
        {.code = "8f0010 3d 8c000c 7f0007 03 78"},          /* new, constructor, use */
        {.code = "1c 60 05 01 70 05 7b0006 92 78"},         /* null joined with byte[] */
        {.code = "710005 03 78 2d 72 02", .max_locals = 1}, /* subroutine */
        {.code = "0a 3e 42 5e 78"},                         /* dup2 of an int */
        {.code = "03 0a 3f 23 5e 3b 3b 5e 78"},             /* dup_x of one */
        {.code = "18 8c000c 7a", .access = CONSTRUCTOR, .type = "01 10", .args = 1},
        {.code = "18 03 89 03 18 8c000c 7a", /* own field, then super() */
         .access = CONSTRUCTOR,
         .type = "01 10",
         .args = 1},
        {.code = "03 b7 03 18 8c000c 7a", .access = CONSTRUCTOR, .type = "01 10", .args = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        accepted(&rows[i]);
}

static void verify_refuses_operands_of_another_type(void **state)
{
    static const struct test_method rows[] = {
        {.code = "1c 92 78"},                           /* short as array */
        {.code = "7b0006 04 41 78"},                    /* reference as short */
        {.code = "03 90 0c 03 25 78"},                  /* baload of a short[] */
        {.code = "7b0006 03 24 3b 03 78"},              /* aaload of a byte[] */
        {.code = "7b0006 03 01 37 03 78"},              /* aastore to a byte[] */
        {.code = "03 90 0a 03 03 39 03 78"},            /* sastore to a boolean[] */
        {.code = "1c 5e 78"},                           /* short as int, with what is below */
        {.code = "1c 1d 5e 78"},                        /* two shorts as int */
        {.code = "1c 93"},                              /* throw a short */
        {.code = "7b0006 93"},                          /* throw an array */
        {.code = "7b0007 7f0006 03 78"},                /* Object to a byte[] field */
        {.code = "7b0007 94000001 7b0007 87 02 03 78"}, /* Object to an A field */
        {.code = "01 7b0006 87 02 03 78"},              /* byte[] to an A field */
        {.code = "8f0010 7f0007 03 78"},                /* new object before its constructor */
        {.code = "710003 92 78"},                       /* return address as array */
        {.code = "710003 7f0007 03 78"},                /* return address to a field */
        {.code = "1c 94000001 3b 03 78"},               /* cast of a short */
        {.code = "1c 66 03 03 78"},                     /* ifnull of a short */
        {.code = "01 60 03 03 78"},                     /* ifeq of a reference */
        {.code = "01 73 0009 0000 0000 0009 03 78"},    /* switch on a reference */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_OPERAND_TYPE);
}

static void verify_refuses_locals_read_as_another_type(void **state)
{
    static const struct test_method rows[] = {
        {.code = "18 3b 03 78"},                                       /* short as reference */
        {.code = "1e 78", .max_locals = 1},                            /* never written */
        {.code = "59 02 01 03 78", .max_locals = 1},                   /* sinc of the same */
        {.code = "22 5e 78", .max_locals = 2},                         /* int never written */
        {.code = "0a 35 03 32 22 5e 78", .max_locals = 2},             /* half of it overwritten */
        {.code = "1c 60 06 03 31 70 04 01 2d 1e 78", .max_locals = 1}, /* short or reference */
        {.code = "1c 60 04 03 31 1e 78", .max_locals = 1},             /* written on one way only */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_LOCAL_TYPE);
}

static void verify_refuses_stacks_that_run_over_or_dry(void **state)
{
    static const struct test_method over[] = {
        {.code = "03 03 41 78", .max_stack = 1},
        {.code = "0a 5e 78", .max_stack = 1},
        {.code = "03 3d 41 78", .max_stack = 1},
        {.code = "03 70 ff", .max_stack = 1}, /* pushes in a loop: another depth at the join */
    };
    static const struct test_method dry[] = {
        {.code = "41 78"}, {.code = "3b 03 78"},     {.code = "78"},
        {.code = "3d 78"}, {.code = "03 8b000b 78"}, {.code = "03 40 11 78"},
    };

    (void)state;
    all_refused(over, 3, MM_RULE_STACK_OVERFLOW);
    refused(&over[3], MM_RULE_STACK_DEPTH);
    ALL_REFUSED(dry, MM_RULE_STACK_UNDERFLOW);
}

static void verify_refuses_joins_of_other_depth(void **state)
{
    static const struct test_method row = {.code = "1c 60 04 03 00 03 78"};

    (void)state;
    refused(&row, MM_RULE_STACK_DEPTH);
}

static void verify_refuses_to_take_an_int_apart(void **state)
{
    static const struct test_method rows[] = {
        {.code = "0a 3b 03 78"},       {.code = "0a 3d 03 78"},       {.code = "0a 03 3c 03 78"},
        {.code = "0a 03 40 11 03 78"}, {.code = "0a 03 3f 12 03 78"},
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_SPLIT_INT);
}

static void verify_refuses_fields_of_another_type(void **state)
{
    static const struct test_method rows[] = {
        {.code = "01 83 03 3b 03 78"}, /* getfield_a of a short */
        {.code = "01 85 04 78"},       /* getfield_s of a byte */
        {.code = "01 84 03 78"},       /* getfield_b of a short */
        {.code = "01 85 02 78"},       /* getfield_s of a reference */
        {.code = "7d0006 78"},         /* getstatic_s of a reference */
        {.code = "7b0009 3b 03 78"},   /* getstatic_a of a short */
        {.code = "7e0009 5e 78"},      /* getstatic_i of a short */
        {.code = "01 85 1f 78"},       /* the second half of an int */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_FIELD);
}

static void verify_refuses_objects_of_another_class(void **state)
{
    static const struct test_method rows[] = {
        {.code = "7b0007 1c 89 03 03 78"},     /* putfield to an Object */
        {.code = "7b0006 85 03 78"},           /* getfield of an array */
        {.code = "1c 85 03 78"},               /* getfield of a short */
        {.code = "7b0007 03 8b000b 78"},       /* invokevirtual on an Object */
        {.code = "7b0007 03 8e 02000f 00 78"}, /* invokeinterface on an Object */
        {.code = "7b0006 03 8e 02000f 00 78"}, /* on an array */
        {.code = "af 03 78"},                  /* getfield_s_this, this being a short */
        {.code = "8f0010 03 8b000b 78"},       /* before the constructor */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_RECEIVER);
}

static void verify_refuses_arguments_of_another_type(void **state)
{
    static const struct test_method rows[] = {
        {.code = "01 8d000d 78"},                 /* null for a short */
        {.code = "7b0007 94000001 01 8b000b 78"}, /* of a virtual method */
        {.code = "01 01 8e 02000f 00 78"},        /* of an interface method */
        {.code = "01 1c 8b0019 78"},              /* Object.equals(short) */
        {.code = "01 8d0015 03 78"},              /* ISOException.throwIt(null) */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_ARGUMENT);
}

static void verify_refuses_other_returns_than_the_signature(void **state)
{
    static const struct test_method rows[] = {
        {.code = "7a"},
        {.code = "01 77"},
        {.code = "0a 79"},
        {.code = "03 78", .type = "03 4410"},     /* short from a void method */
        {.code = "7b0007 77", .type = "03 44b0"}, /* Object from a byte[] method */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_RETURN_TYPE);
}

static void verify_refuses_methods_of_another_kind(void **state)
{
    static const struct test_method rows[] = {
        {.code = "03 8c000d 78"},       /* invokespecial of a static method */
        {.code = "01 8d000c 03 78"},    /* invokestatic of a constructor */
        {.code = "01 8e 01000f 05 78"}, /* no such interface method */
        {.code = "01 8e 01000f 00 78"}, /* one that takes more */
        {.code = "01 03 8c000e 78"},    /* super call for another class */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_METHOD);
}

static void verify_refuses_classes_of_another_kind(void **state)
{
    static const struct test_method rows[] = {
        {.code = "8f000f 3b 03 78"},    /* new of an interface */
        {.code = "01 8e 010001 00 78"}, /* invokeinterface of a class */
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_CLASS_KIND);
}

static void verify_refuses_objects_made_wrong(void **state)
{
    static const struct test_method rows[] = {
        {.code = "8f0001 8c000c 03 78"},              /* constructor of another class */
        {.code = "8f0010 3d 3d 8c000c 8c000c 03 78"}, /* twice */
        {.code = "01 8c000c 03 78"},                  /* on null */
        {.code = "7a", .access = CONSTRUCTOR, .type = "01 10", .args = 1}, /* none above called */
        {.code = "7d0009 60 06 18 8c000c 7a",                              /* on one way */
         .access = CONSTRUCTOR,
         .type = "01 10",
         .args = 1},
    };

    (void)state;
    ALL_REFUSED(rows, MM_RULE_CONSTRUCTOR);
}

static void verify_refuses_handlers_that_cannot_catch(void **state)
{
    static const struct test_method of_a = {.code = "03 78 93", .handler = {0, 1, 2, K_A, false}};
    static const struct test_method as_array = {.code = "03 78 92 78",
                                                .handler = {0, 1, 2, K_THROWABLE, false}};
    static const struct test_method local = {
        .code = "03 31 03 78 1e 78", .max_locals = 1, .handler = {0, 2, 4, 0, false}};
    static const struct test_method good = {.code = "03 78 93", .handler = {0, 1, 2, 0, false}};

    (void)state;
    refused(&of_a, MM_RULE_HANDLER);
    refused(&as_array, MM_RULE_OPERAND_TYPE);
    refused(&local, MM_RULE_LOCAL_TYPE); /* not yet written when the exception comes */
    accepted(&good);
}

static void verify_refuses_ret_of_anything_but_its_address(void **state)
{
    static const struct test_method rows[] = {
        {.code = "72 00"},                                   /* a short */
        {.code = "72 02", .max_locals = 1},                  /* never written */
        {.code = "01 2d 72 02", .max_locals = 1},            /* a reference */
        {.code = "710005 72 02 2d 72 02", .max_locals = 1},  /* the same address twice */
        {.code = "710003 2d 710003 72 02", .max_locals = 1}, /* made stale by a call of itself */
    };

    (void)state;
    all_refused(rows, 4, MM_RULE_SUBROUTINE);
}

static void verify_keeps_locals_that_a_subroutine_leaves_alone(void **state)
{
    /* local 3 is a short at one call, a reference at the other, and read after each as that */
    static const struct test_method good = {
        .code = "03 32 71000c 1f 3b 01 2e 710005 1b 77 2d 72 02",
        .max_locals = 2,
        .type = "07 4468 0000",
    };
    /* the subroutine writes it: after both it is what it wrote */
    static const struct test_method bad = {
        .code = "01 2e 710005 1b 77 2d 03 32 72 02",
        .max_locals = 2,
        .type = "07 4468 0000",
    };

    (void)state;
    accepted(&good);
    refused(&bad, MM_RULE_LOCAL_TYPE);
}

static void verify_refuses_a_descriptor_that_lies(void **state)
{
    static const struct test_method cells = {.code = "03 78", .args = 1};
    static const struct test_method field = {.code = "03 78", .field_type = T_SHORT};
    static const struct test_method init = {.code = "03 78", .static_type = T_OBJECT};
    static const struct test_method image = {.code = "03 78", .static_type = T_SHORT};
    static const struct test_method over = {.code = "03 78", .b_m_type = T_NONE_SHORT};

    (void)state;
    refused(&cells, MM_RULE_SIGNATURE);
    refused(&field, MM_RULE_SIGNATURE);
    refused(&init, MM_RULE_SIGNATURE);
    refused(&image, MM_RULE_SIGNATURE);
    refused(&over, MM_RULE_OVERRIDE);
}

/* Structure, not types: mm_cap_read sees it. */
static void keys_of_a_switch_ascend(void **state)
{
    static const char *const good[] = {"1c 75 000d 0002 ffff 000d 0004 000d 03 78",
                                       "0a 76 0011 0002 ffffffff 0011 00000001 0011 03 78"};
    static const char *const bad[] = {"1c 75 000d 0002 0004 000d ffff 000d 03 78",
                                      "1c 75 000d 0002 0004 000d 0004 000d 03 78",
                                      "0a 76 0011 0002 00000001 0011 ffffffff 0011 03 78"};

    (void)state;
    for (size_t i = 0; i < 2; i++)
        accepted(&(struct test_method){.code = good[i]});
    for (size_t i = 0; i < 3; i++) {
        struct test_method t = {.code = bad[i]};
        struct mm_err err = {0};
        assert_int_equal(verify_method(&t, &err), MM_MALFORMED);
        assert_non_null(strstr(err.text, "Method component, offset 0x6: the keys"));
    }
}

/* What a method header and its descriptor say, and what flags of a class promise (JCVM 6.9, 6.14). */
static void verify_refuses_flags_that_are_not_true(void **state)
{
    static const struct test_method abstract = {.code = "03 78", .a_m_access = 0x41};
    static const struct test_method shareable = {.code = "03 78", .i_extends = 0x8112};

    (void)state;
    refused(&abstract, MM_RULE_DESCRIPTOR);
    refused(&shareable, MM_RULE_CLASS_KIND); /* I is an AppletEvent instead */
}

static void verify_refuses_to_pass_over_final(void **state)
{
    static const struct test_method cls = {.code = "03 78", .a_access = 0x11};
    static const struct test_method method = {.code = "03 78", .a_m_access = 0x11};
    static const struct test_method field = {.code = "0a 82000a 03 78", .final_of_b = true};
    static const struct test_method read = {.code = "7e000a 5e 78", .final_of_b = true};

    (void)state;
    refused(&cls, MM_RULE_CLASS_KIND);
    refused(&method, MM_RULE_OVERRIDE);
    refused(&field, MM_RULE_FIELD_ACCESS);
    accepted(&read);
}

/* A way on which it is an A (new A[0]) and one on which it is an AppletEvent (new AppletEvent[0]): javac
 * takes what both are for an interface that both implement, without a cast. */
static void verify_takes_a_join_of_class_and_interface_for_an_interface(void **state)
{
    static const struct test_method good[] = {
        {.code = "1c 6009 01 94000001 7007 01 9400001a 04 8e02000f00 78"},
        {.code = "1c 6008 03 910001 7006 03 91001a 03 24 04 8e02000f00 78"},
    };
    static const struct test_method as_class[] = {
        {.code = "1c 6009 01 94000001 7007 01 9400001a 04 8b000b 78"},
        {.code = "1c 6008 03 910001 7006 03 91001a 03 24 04 8b000b 78"},
    };

    (void)state;
    accepted(&good[0]);
    accepted(&good[1]);
    ALL_REFUSED(as_class, MM_RULE_RECEIVER);
}

static const struct mm_cap *other_package(void *ctx, size_t i)
{
    return i == 0 ? ctx : NULL;
}

/* Not even where nothing but the token tells that it is one. */
static void verify_keeps_package_visible_methods_in_their_package(void **state)
{
    static const struct test_method library = {
        .code = "03 78", .exported = true, .no_descriptor = true};
    static const struct test_method t = {.code = "01 8b0011 78", .extends_other = true};
    struct mm_verify_env env = {.rom = mm_api_packages(), .loaded = other_package};
    struct mm_cap *caps[2] = {NULL, NULL};
    struct mm_err err = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        size_t len = 0;
        uint8_t *lfdb = build_verify_lfdb(i == 0 ? &library : &t, &len);
        assert_int_equal(mm_cap_read(lfdb, len, &caps[i], &err), MM_OK);
        free(lfdb);
    }
    env.ctx = caps[0];
    assert_int_equal(mm_verify(caps[0], &env, NULL, &err), MM_OK);
    assert_int_equal(mm_verify(caps[1], &env, NULL, &err), MM_MALFORMED);
    assert_non_null(strstr(err.text, "no such method"));
    mm_cap_free(&caps[0]);
    mm_cap_free(&caps[1]);
}

/* A class compiled when an interface of the API had fewer methods: binary compatible (JCVM 4.4). */
static void verify_takes_an_api_interface_that_has_grown(void **state)
{
    static const struct test_method older = {.code = "03 78", .older = true};

    (void)state;
    accepted(&older);
}

static void verify_without_descriptor_checks_kinds(void **state)
{
    static const struct test_method unknown = {.code = "01 8d000d 78", .no_descriptor = true};
    static const struct test_method sum = {.code = "01 04 41 78", .no_descriptor = true};
    static const struct test_method api = {.code = "01 8d0015 03 78", .no_descriptor = true};
    static const struct test_method field = {.code = "01 83 03 3b 03 78", .no_descriptor = true};
    static const struct test_method half = {.code = "01 86 1f 5e 78", .no_descriptor = true};
    static const struct test_method ret = {.code = "1c 60 04 03 78 7a", .no_descriptor = true};

    (void)state;
    accepted(&unknown); /* what helper takes is not known */
    refused(&sum, MM_RULE_OPERAND_TYPE);
    refused(&api, MM_RULE_ARGUMENT);
    refused(&field, MM_RULE_FIELD);
    refused(&half, MM_RULE_FIELD); /* an int where one cell is left */
    refused(&ret, MM_RULE_RETURN_TYPE);
}

/* An abstract class that leaves Applet.process to its subclasses: B with that superclass, its method
 * behind Applet's. */
static void verify_without_descriptor_takes_abstract_classes_of_the_api(void **state)
{
    static const struct test_method t = {.code = "03 78", .no_descriptor = true};
    struct mm_verify_env env = {.rom = mm_api_packages()};
    struct mm_err err = {0};
    struct mm_cap *cap = NULL;
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(&t, &len), *b, *code;

    (void)state;
    b = memmem(lfdb, len, "\x00\x00\x03\x00\xFF\x00\x01\x01\x00\x00", 10);
    code = memmem(lfdb, len, "\x18\x1D\x8C\x00\x0E", 5); /* super.m(x) */
    assert_non_null(b);
    assert_non_null(code);
    memcpy(b, "\x00\x81\x03\x00\xFF\x00\x08\x01\x00\x00", 10);
    memcpy(code, "\x00\x1D\x00\x00\x00", 5);
    assert_int_equal(mm_cap_read(lfdb, len, &cap, &err), MM_OK);
    if (mm_verify(cap, &env, NULL, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_cap_free(&cap);
    free(lfdb);
}

/* The message says which package, at which version, and which version is there. */
static void verify_refuses_a_package_whose_import_is_missing(void **state)
{
    static const struct mm_rom_package *const none[] = {NULL};
    static const struct test_method t = {.code = "03 78"};
    struct mm_verify_env env = {.rom = none};
    struct mm_err err = {0};
    struct mm_cap *cap = NULL;
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(&t, &len), *import;

    (void)state;
    assert_int_equal(mm_cap_read(lfdb, len, &cap, &err), MM_OK);
    assert_int_equal(mm_verify(cap, &env, NULL, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "Import component, offset 0x1: package A0000000620001 1.0 is "
                                     "not here [import]"));
    mm_cap_free(&cap);
    import = memmem(lfdb, len, "\x06\x01\x07\xA0", 4); /* javacard.framework 1.6 */
    assert_non_null(import);
    *import = 8;
    env.rom = mm_api_packages();
    assert_int_equal(mm_cap_read(lfdb, len, &cap, &err), MM_OK);
    assert_int_equal(mm_verify(cap, &env, NULL, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "Import component, offset 0xb: package A0000000620101 1.8 is "
                                     "not here; 1.6 is here [import]"));
    mm_cap_free(&cap);
    free(lfdb);
}

/* ---- The list of types against the list of opcodes ---- */

static const struct {
    bool there;
    const char *takes, *gives, *rule;
} sigs[256] = {
#define MM_SIG(name, takes, gives, rule) [MM_OP_##name] = {true, takes, gives, #rule},
#include "applet_vm/verify/sigs.def"
#undef MM_SIG
};

static size_t cells(const char *letters)
{
    size_t n = 0;

    for (; *letters != '\0'; letters++)
        n += *letters == 'i' ? 2 : 1;
    return n;
}

static void verify_types_agree_with_the_opcode_list(void **state)
{
    /* these push nothing, or what the opcode list counts otherwise */
    static const char *const own_way[] = {"INC", "RETURN", "ATHROW"};

    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        const struct mm_op_info *op = mm_op_info((uint8_t)c);
        bool pushes = true;

        assert_int_equal(sigs[c].there, op->name != NULL);
        if (op->name == NULL || op->pops == MM_VAR)
            continue;
        assert_int_equal(cells(sigs[c].takes), op->pops);
        for (size_t i = 0; i < sizeof(own_way) / sizeof(own_way[0]); i++)
            pushes = pushes && strcmp(sigs[c].rule, own_way[i]) != 0;
        if (pushes)
            assert_int_equal(cells(sigs[c].gives), op->pushes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify_takes_well_typed_code),
        cmocka_unit_test(verify_refuses_operands_of_another_type),
        cmocka_unit_test(verify_refuses_locals_read_as_another_type),
        cmocka_unit_test(verify_refuses_stacks_that_run_over_or_dry),
        cmocka_unit_test(verify_refuses_joins_of_other_depth),
        cmocka_unit_test(verify_refuses_to_take_an_int_apart),
        cmocka_unit_test(verify_refuses_fields_of_another_type),
        cmocka_unit_test(verify_refuses_objects_of_another_class),
        cmocka_unit_test(verify_refuses_arguments_of_another_type),
        cmocka_unit_test(verify_refuses_other_returns_than_the_signature),
        cmocka_unit_test(verify_refuses_methods_of_another_kind),
        cmocka_unit_test(verify_refuses_classes_of_another_kind),
        cmocka_unit_test(verify_refuses_objects_made_wrong),
        cmocka_unit_test(verify_refuses_handlers_that_cannot_catch),
        cmocka_unit_test(verify_refuses_ret_of_anything_but_its_address),
        cmocka_unit_test(verify_keeps_locals_that_a_subroutine_leaves_alone),
        cmocka_unit_test(verify_refuses_a_descriptor_that_lies),
        cmocka_unit_test(keys_of_a_switch_ascend),
        cmocka_unit_test(verify_refuses_flags_that_are_not_true),
        cmocka_unit_test(verify_refuses_to_pass_over_final),
        cmocka_unit_test(verify_takes_a_join_of_class_and_interface_for_an_interface),
        cmocka_unit_test(verify_keeps_package_visible_methods_in_their_package),
        cmocka_unit_test(verify_takes_an_api_interface_that_has_grown),
        cmocka_unit_test(verify_without_descriptor_checks_kinds),
        cmocka_unit_test(verify_without_descriptor_takes_abstract_classes_of_the_api),
        cmocka_unit_test(verify_refuses_a_package_whose_import_is_missing),
        cmocka_unit_test(verify_types_agree_with_the_opcode_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
