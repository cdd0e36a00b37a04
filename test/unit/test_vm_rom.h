/*
 * A small API for tests of the VM: the classes of java.lang and javacard.framework that they need,
 * with the published tokens, and a chip around it. Included by each test, the fuzz target and the
 * benchmark; the real API is applet_vm/api, which the VM does not depend on.
 */
#ifndef TEST_VM_ROM_H
#define TEST_VM_ROM_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/vm/vm_int.h"

#define TEST_PACKAGE  1
#define TEST_APPLET   2
#define TEST_APPLET_2 3

/* What the natives tell the test, and the other way round. */
struct test_chip {
    struct mm_nvm *nvm;
    struct mm_vm *vm;
    struct mm_vm_services services;
    mm_ref registered; /* the last Applet.register */
    mm_ref shared;     /* what getAppletShareableInterfaceObject gives */
    mm_ref apdu, buffer;
};

static inline struct test_chip *chip_of(struct mm_vm *vm)
{
    return mm_vm_services(vm)->ctx;
}

static inline enum mm_run rom_nothing(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args, (void)ret;
    return MM_RUN_OK;
}
static inline enum mm_run rom_equals(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm;
    ret[0] = args[0] == args[1];
    return MM_RUN_OK;
}
static inline enum mm_run rom_true(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)vm, (void)args;
    ret[0] = 1;
    return MM_RUN_OK;
}
static inline enum mm_run rom_register(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    chip_of(vm)->registered = args[0];
    return MM_RUN_OK;
}
static inline enum mm_run rom_runtime_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_hidden_set(vm, args[0], "javacard/framework/CardRuntimeException", 0, args[1],
                            false);
}
static inline enum mm_run rom_checked_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_hidden_set(vm, args[0], "javacard/framework/CardException", 0, args[1], false);
}
static inline enum mm_run rom_runtime_reason(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], "javacard/framework/CardRuntimeException", 0);
    return MM_RUN_OK;
}
static inline enum mm_run rom_checked_reason(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], "javacard/framework/CardException", 0);
    return MM_RUN_OK;
}
static inline enum mm_run rom_throw_iso(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_vm_throw(vm, "javacard/framework/ISOException", args[0]);
}
static inline enum mm_run rom_begin(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return mm_tx_applet_begin(mm_vm_nvm(vm)) == MM_OK
               ? MM_RUN_OK
               : mm_vm_throw(vm, "javacard/framework/TransactionException", 1);
}
static inline enum mm_run rom_commit(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return mm_tx_applet_commit(mm_vm_nvm(vm)) == MM_OK
               ? MM_RUN_OK
               : mm_vm_throw(vm, "javacard/framework/TransactionException", 2);
}
static inline enum mm_run rom_abort(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    mm_vm_tx_applet_abort(vm);
    return MM_RUN_OK;
}
static inline enum mm_run rom_transient_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_new_array(vm, 11, args[0] & 0x7FFF, (enum mm_transient)(args[1] & 3));
    return ret[0] != 0 ? MM_RUN_OK : mm_vm_throw(vm, "javacard/framework/SystemException", 5);
}
static inline enum mm_run rom_shareable(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = chip_of(vm)->shared;
    return MM_RUN_OK;
}
static inline enum mm_run rom_request_deletion(struct mm_vm *vm, const uint16_t *args,
                                               uint16_t *ret)
{
    (void)args, (void)ret;
    mm_vm_collect_request(vm);
    return MM_RUN_OK;
}
static inline enum mm_run rom_get_buffer(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args;
    ret[0] = chip_of(vm)->buffer;
    return MM_RUN_OK;
}
static inline enum mm_run rom_get_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[0], (int16_t)args[1], 2, &data);

    if (run == MM_RUN_OK)
        ret[0] = mm_be16(data);
    return run;
}
static inline enum mm_run rom_set_short(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const uint8_t *data;
    uint8_t b[2];
    enum mm_run run = mm_vm_bytes(vm, args[0], (int16_t)args[1], 2, &data);

    mm_put_be16(b, args[2]);
    ret[0] = (uint16_t)(args[1] + 2);
    return run == MM_RUN_OK ? mm_vm_array_write(vm, args[0], args[1], b, 2, true) : run;
}
/* A native that calls Java: Helper.callback(Sharing, short). */
static inline enum mm_run rom_select_of(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    return mm_vm_invoke_method(vm, args[0], "javacard/framework/Applet", "select", "()Z", NULL, 0,
                               ret);
}

#define EQUALS                                                                                     \
    {                                                                                              \
        "equals", "(Ljava/lang/Object;)Z", 0, 0x0001, 2, 1, rom_equals                             \
    }
#define INIT(native, descriptor, args)                                                             \
    {                                                                                              \
        "<init>", descriptor, 0, 0x0001, args, 0, native                                           \
    }

static const struct mm_rom_method rom_object_methods[] = {INIT(rom_nothing, "()V", 1), EQUALS};
static const struct mm_rom_method rom_init_only[] = {INIT(rom_nothing, "()V", 1)};
#define LANG(name, token, super)                                                                   \
    {                                                                                              \
        "java/lang/" name, token, 0x0001, "java/lang/" super, NULL, 0, 0, rom_init_only, 1, NULL,  \
            0                                                                                      \
    }
static const struct mm_rom_class rom_lang_classes[] = {
    {"java/lang/Object", 0, 0x0001, NULL, NULL, 0, 0, rom_object_methods, 2, NULL, 0},
    LANG("Throwable", 1, "Object"),
    LANG("Exception", 2, "Throwable"),
    LANG("RuntimeException", 3, "Exception"),
    LANG("IndexOutOfBoundsException", 4, "RuntimeException"),
    LANG("ArrayIndexOutOfBoundsException", 5, "IndexOutOfBoundsException"),
    LANG("NegativeArraySizeException", 6, "RuntimeException"),
    LANG("NullPointerException", 7, "RuntimeException"),
    LANG("ClassCastException", 8, "RuntimeException"),
    LANG("ArithmeticException", 9, "RuntimeException"),
    LANG("SecurityException", 10, "RuntimeException"),
    LANG("ArrayStoreException", 11, "RuntimeException"),
};
static const struct mm_rom_package rom_lang = {
    "java/lang", {7, {0xA0, 0, 0, 0, 0x62, 0, 1}}, 1, 0, rom_lang_classes, 12};

static const struct mm_rom_method rom_applet_methods[] = {
    {"<init>", "()V", 0, 0x0004, 1, 0, rom_nothing},
    {"register", "()V", 1, 0x0014, 1, 0, rom_register},
    {"register", "([BSB)V", 2, 0x0014, 4, 0, rom_register},
    {"selectingApplet", "()Z", 3, 0x0014, 1, 1, NULL},
    {"deselect", "()V", 4, 0x0001, 1, 0, rom_nothing},
    {"getShareableInterfaceObject", "(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;", 5,
     0x0001, 3, 1, rom_nothing},
    {"select", "()Z", 6, 0x0001, 1, 1, rom_true},
    {"process", "(Ljavacard/framework/APDU;)V", 7, 0x0401, 2, 0, NULL},
};
static const struct mm_rom_method rom_event_methods[] = {
    {"uninstall", "()V", 0, 0x0401, 1, 0, NULL},
};
static const struct mm_rom_method rom_apdu_methods[] = {
    {"getBuffer", "()[B", 1, 0x0001, 1, 1, rom_get_buffer},
};
static const struct mm_rom_method rom_runtime_methods[] = {
    INIT(rom_runtime_init, "(S)V", 2),
    {"getReason", "()S", 1, 0x0001, 1, 1, rom_runtime_reason},
};
static const struct mm_rom_method rom_checked_methods[] = {
    INIT(rom_checked_init, "(S)V", 2),
    {"getReason", "()S", 1, 0x0001, 1, 1, rom_checked_reason},
};
static const struct mm_rom_method rom_user_methods[] = {
    INIT(rom_nothing, "()V", 1),
    {"<init>", "(S)V", 1, 0x0001, 2, 0, rom_checked_init},
};
static const struct mm_rom_method rom_iso_methods[] = {
    INIT(rom_runtime_init, "(S)V", 2),
    {"throwIt", "(S)V", 1, 0x0009, 1, 0, rom_throw_iso},
};
static const struct mm_rom_method rom_system_methods[] = {
    {"abortTransaction", "()V", 0, 0x0009, 0, 0, rom_abort},
    {"beginTransaction", "()V", 1, 0x0009, 0, 0, rom_begin},
    {"commitTransaction", "()V", 2, 0x0009, 0, 0, rom_commit},
    {"getAppletShareableInterfaceObject",
     "(Ljavacard/framework/AID;B)Ljavacard/framework/Shareable;", 4, 0x0009, 2, 1, rom_shareable},
    {"getVersion", "()S", 9, 0x0009, 0, 1, NULL},
    {"makeTransientByteArray", "(SB)[B", 13, 0x0009, 2, 1, rom_transient_bytes},
    {"requestObjectDeletion", "()V", 18, 0x0009, 0, 0, rom_request_deletion},
    {"selectOf", "(Ljavacard/framework/Applet;)Z", 200, 0x0009, 1, 1, rom_select_of},
};
static const struct mm_rom_method rom_util_methods[] = {
    {"getShort", "([BS)S", 4, 0x0019, 2, 1, rom_get_short},
    {"setShort", "([BSS)S", 6, 0x0019, 3, 1, rom_set_short},
};
/* Not so in the API: an entry point that implements an interface. */
static const struct mm_rom_method rom_aid_methods[] = {
    {"uninstall", "()V", 1, 0x0001, 1, 0, rom_nothing},
};
static const char *const rom_aid_interfaces[] = {"javacard/framework/AppletEvent", NULL};
#define FRAMEWORK(name, token, access, super, cells, methods, n)                                   \
    {                                                                                              \
        "javacard/framework/" name, token, access, super, NULL, cells, 0, methods, n, NULL, 0      \
    }
static const struct mm_rom_class rom_framework_classes[] = {
    FRAMEWORK("Shareable", 2, 0x0E01, NULL, 0, NULL, 0),
    FRAMEWORK("Applet", 3, 0x0401, "java/lang/Object", 1, rom_applet_methods, 8),
    FRAMEWORK("CardException", 4, 0x0001, "java/lang/Exception", 1, rom_checked_methods, 2),
    FRAMEWORK("CardRuntimeException", 5, 0x0001, "java/lang/RuntimeException", 1,
              rom_runtime_methods, 2),
    {"javacard/framework/AID", 6, 0x0001, "java/lang/Object", rom_aid_interfaces, 0, 0,
     rom_aid_methods, 1, NULL, 0},
    FRAMEWORK("ISOException", 7, 0x0001, "javacard/framework/CardRuntimeException", 0,
              rom_iso_methods, 2),
    FRAMEWORK("JCSystem", 8, 0x0011, "java/lang/Object", 0, rom_system_methods, 8),
    FRAMEWORK("APDU", 10, 0x0011, "java/lang/Object", 0, rom_apdu_methods, 1),
    FRAMEWORK("SystemException", 13, 0x0001, "javacard/framework/CardRuntimeException", 0,
              rom_iso_methods, 1),
    FRAMEWORK("TransactionException", 14, 0x0001, "javacard/framework/CardRuntimeException", 0,
              rom_iso_methods, 1),
    FRAMEWORK("UserException", 15, 0x0001, "javacard/framework/CardException", 0, rom_user_methods,
              2),
    FRAMEWORK("Util", 16, 0x0001, "java/lang/Object", 0, rom_util_methods, 2),
    FRAMEWORK("AppletEvent", 18, 0x0601, NULL, 0, rom_event_methods, 1),
};
static const struct mm_rom_package rom_framework = {
    "javacard/framework", {7, {0xA0, 0, 0, 0, 0x62, 1, 1}}, 1, 6, rom_framework_classes, 13};
static const struct mm_rom_package *const test_rom[] = {&rom_framework, &rom_lang, NULL};

/* ---- A chip in memory ---- */

/* Failures here are the test's own: they end it. */
static inline void must(bool ok, const char *what, const char *why)
{
    if (!ok) {
        fprintf(stderr, "%s: %s\n", what, why);
        exit(2);
    }
}

/* Power-on over an NVM that is there; budget 0: the default. */
static inline void chip_start(struct test_chip *c, uint64_t budget)
{
    struct mm_vm_config cfg = {.nvm = c->nvm,
                               .rom = test_rom,
                               .services = &c->services,
                               .step_budget = budget,
                               .transient_max = 1024};
    struct mm_err err = {.text = ""};

    c->services = (struct mm_vm_services){.ctx = c};
    must(mm_vm_new(&cfg, &c->vm, &err) == MM_OK, "mm_vm_new", err.text);
    c->apdu = mm_vm_new_entry_point(c->vm, "javacard/framework/APDU", true);
    c->buffer = mm_vm_new_global_array(c->vm, 11, 261);
}

static inline void chip_open(struct test_chip *c, uint64_t budget)
{
    struct mm_nvm_config cfg = {.path = NULL};
    struct mm_err err = {.text = ""};

    memset(c, 0, sizeof(*c));
    must(mm_nvm_create(&cfg, &c->nvm, &err) == MM_OK, "mm_nvm_create", err.text);
    chip_start(c, budget);
}

static inline void chip_close(struct test_chip *c)
{
    mm_vm_free(&c->vm);
    mm_nvm_close(&c->nvm);
}

/* Load an LFDB as component comp; the status of the link is given back. */
static inline enum mm_status chip_load(struct test_chip *c, mm_comp comp, const uint8_t *lfdb,
                                       size_t len, struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read(lfdb, len, &cap, err);

    if (st != MM_OK)
        return st;
    if (mm_tx_begin(c->nvm) != MM_OK)
        st = MM_STATE;
    if (st == MM_OK)
        st = mm_comp_add(c->nvm, comp, MM_COMP_PACKAGE, mm_cap_aid(cap));
    if (st == MM_OK)
        st = mm_vm_package_load(c->vm, comp, cap, false, err);
    if (st == MM_OK)
        st = mm_tx_commit(c->nvm);
    else
        mm_vm_tx_abort(c->vm);
    mm_cap_free(&cap);
    return st;
}

static inline enum mm_run chip_install(struct test_chip *c, mm_comp package, size_t index,
                                       mm_comp owner, const uint8_t *params, uint8_t len)
{
    struct mm_aid aid = {6, {0xF0, 1, 2, 3, 9, (uint8_t)owner}};

    c->registered = MM_REF_NULL;
    if (mm_comp_add(c->nvm, owner, MM_COMP_APPLET, &aid) != MM_OK)
        return MM_RUN_FAULT;
    return mm_vm_install(c->vm, package, index, owner, params, len);
}

#endif
