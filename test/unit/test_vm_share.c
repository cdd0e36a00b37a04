/* Two packages: shareable objects, context switches, imports; and images on disk, damaged ones too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "test/unit/test_vm_counter.h"
#include "test/unit/test_vm_rom.h"

#define SERVER_PACKAGE 1
#define CLIENT_PACKAGE 2
#define SERVER         3
#define CLIENT         4

static struct test_chip chip;
static mm_ref server, client;

static void load_both(void)
{
    struct mm_err err = {.text = ""};

    if (chip_load(&chip, SERVER_PACKAGE, counter_lfdb, sizeof(counter_lfdb), &err) != MM_OK ||
        chip_load(&chip, CLIENT_PACKAGE, client_lfdb, sizeof(client_lfdb), &err) != MM_OK)
        fail_msg("%s", err.text);
    assert_int_equal(chip_install(&chip, SERVER_PACKAGE, 0, SERVER, NULL, 0), MM_RUN_OK);
    server = chip.registered;
    assert_int_equal(chip_install(&chip, CLIENT_PACKAGE, 0, CLIENT, NULL, 0), MM_RUN_OK);
    client = chip.registered;
    chip.shared = server;
}

static int setup(void **state)
{
    (void)state;
    chip_open(&chip, 0);
    load_both();
    return 0;
}

static int setup_switch(void **state)
{
    (void)setup(state);
    chip.vm->interp = mm_interp_switch;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    chip_close(&chip);
    return 0;
}

static enum mm_run run(mm_ref applet, uint8_t ins, uint8_t p1, int16_t *result)
{
    uint8_t *b = chip.vm->objs[chip.buffer].data;
    enum mm_run r;

    memset(b, 0, 261);
    b[1] = ins;
    b[2] = p1;
    r = mm_vm_process(chip.vm, applet, chip.apdu);
    *result = (int16_t)mm_be16(b);
    return r;
}

static void gives(mm_ref applet, uint8_t ins, uint8_t p1, int16_t expected)
{
    int16_t result = 0;

    if (run(applet, ins, p1, &result) != MM_RUN_OK)
        fail_msg("ins %u: %s %s", ins, mm_vm_exception(chip.vm)->class_name, mm_vm_fault(chip.vm));
    assert_int_equal(result, expected);
    assert_int_equal(mm_vm_context(chip.vm), 0);
    assert_int_equal(mm_vm_owner(chip.vm), 0);
}

static void refused(uint8_t ins)
{
    int16_t result;

    assert_int_equal(run(client, ins, 0, &result), MM_RUN_THROWN);
    assert_string_equal(mm_vm_exception(chip.vm)->class_name, "java/lang/SecurityException");
}

static void vm_switches_context_for_a_shareable_call(void **state)
{
    (void)state;
    gives(client, 0, 5, 5); /* the server's field is written in the server's context */
    gives(client, 0, 5, 10);
    gives(server, 0, 0, 11);
}

static void vm_switches_back_after_a_shareable_call(void **state)
{
    (void)state;
    gives(client, 1, 0, 1); /* may keep the reference in a field */
    gives(client, 2, 0, 13);
}

static void vm_switches_back_when_a_shareable_call_throws(void **state)
{
    (void)state;
    gives(client, 1, 0, 1);
    gives(client, 5, 0, 0x101);
    gives(client, 1, 0, 2);
}

static void vm_refuses_other_access_to_the_shared_object(void **state)
{
    (void)state;
    refused(3);
    refused(4);
}

static void vm_tells_the_previous_owner(void **state)
{
    (void)state;
    gives(server, 14, 7, 7); /* the server calls itself: no switch */
    assert_int_equal(mm_vm_previous_owner(chip.vm), 0);
}

static void vm_refuses_to_unload_an_imported_package(void **state)
{
    struct mm_err err = {.text = ""};

    (void)state;
    assert_int_equal(mm_vm_package_unload(chip.vm, SERVER_PACKAGE, &err), MM_STATE);
    assert_non_null(strstr(err.text, "imports"));
    assert_true(mm_vm_package_usable(chip.vm, SERVER_PACKAGE));
    mm_vm_objects_forget(chip.vm, CLIENT);
    assert_int_equal(mm_vm_package_unload(chip.vm, CLIENT_PACKAGE, &err), MM_OK);
    assert_int_equal(mm_vm_package_unload(chip.vm, SERVER_PACKAGE, &err), MM_OK);
}

static void vm_refuses_to_delete_an_applet_another_refers_to(void **state)
{
    (void)state;
    assert_int_equal(mm_vm_owner_deletable(chip.vm, SERVER), MM_OK);
    gives(client, 1, 0, 1);
    assert_int_equal(mm_vm_owner_deletable(chip.vm, SERVER), MM_STATE);
}

static void vm_brings_back_what_an_aborted_deletion_dropped(void **state)
{
    (void)state;
    gives(client, 0, 5, 5);
    assert_int_equal(mm_tx_begin(chip.nvm), MM_OK);
    mm_vm_objects_forget(chip.vm, CLIENT);
    assert_int_equal(mm_comp_drop(chip.nvm, CLIENT), MM_OK);
    assert_int_equal(mm_vm_package_unload(chip.vm, CLIENT_PACKAGE, NULL), MM_OK);
    assert_int_equal(mm_comp_drop(chip.nvm, CLIENT_PACKAGE), MM_OK);
    assert_false(mm_vm_package_usable(chip.vm, CLIENT_PACKAGE));
    mm_vm_tx_abort(chip.vm);
    assert_true(mm_vm_package_usable(chip.vm, CLIENT_PACKAGE));
    gives(client, 0, 5, 10);
}

/* ---- On disk ---- */

static char path[64];

static void open_file(bool create)
{
    struct mm_nvm_config cfg = {.path = path};
    struct mm_err err = {.text = ""};

    memset(&chip, 0, sizeof(chip));
    if ((create ? mm_nvm_create : mm_nvm_open)(&cfg, &chip.nvm, &err) != MM_OK)
        fail_msg("%s", err.text);
    chip_start(&chip, 0);
    mm_vm_applet_bind(chip.vm, SERVER, SERVER_PACKAGE);
    mm_vm_applet_bind(chip.vm, CLIENT, CLIENT_PACKAGE);
}

static int setup_file(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/test_vm_share.%d.nvm", (int)getpid());
    open_file(true);
    load_both();
    return 0;
}

static int teardown_file(void **state)
{
    static const char *const suffixes[] = {"", ".journal", ".fuse"};

    (void)state;
    chip_close(&chip);
    for (size_t i = 0; i < 3; i++) {
        char file[80];
        snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    return 0;
}

static void vm_comes_back_from_the_image(void **state)
{
    mm_ref s = server, c = client;

    (void)state;
    gives(client, 0, 5, 5);
    gives(client, 1, 0, 1);
    gives(server, 4, 0, 3 - 127);
    chip_close(&chip);
    open_file(false);
    chip.shared = s;
    gives(c, 0, 1, 6);
    gives(c, 2, 0, 73);
    gives(s, 4, 0, 3 - 254);
    server = s, client = c;
}

/* Changes one byte of the load file of the server in the image, as an attacker would. */
static void damage_server_code(void)
{
    uint8_t *image = NULL;
    uint8_t *at;
    size_t len = 0;

    assert_int_equal(mm_file_read(path, 1u << 24, &image, &len, NULL), MM_OK);
    at = memmem(image, len, counter_lfdb + 100, 200);
    assert_non_null(at);
    at[50] ^= 1;
    assert_int_equal(mm_file_write(path, image, len, 0600, NULL), MM_OK);
    free(image);
}

static void vm_leaves_damaged_packages_and_their_importers_unlinked(void **state)
{
    int16_t result;

    (void)state;
    chip_close(&chip);
    damage_server_code();
    open_file(false);
    assert_int_equal(mm_comp_damage(chip.nvm, SERVER_PACKAGE), MM_DAMAGE_CHANGED);
    assert_false(mm_vm_package_usable(chip.vm, SERVER_PACKAGE));
    assert_false(mm_vm_package_usable(chip.vm, CLIENT_PACKAGE));
    assert_int_equal(run(server, 0, 0, &result), MM_RUN_FAULT);
    assert_int_equal(mm_vm_package_unload(chip.vm, SERVER_PACKAGE, NULL), MM_OK);
    mm_vm_collect(chip.vm, NULL, 0); /* must not take what the damaged package's applets have */
    assert_non_null(mm_rec_data(chip.nvm, server, NULL));
}

#define BOTH(f)                                                                                    \
    cmocka_unit_test_setup_teardown(f, setup, teardown),                                           \
    {                                                                                              \
#f "_by_switch", f, setup_switch, teardown, NULL                                           \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(vm_switches_context_for_a_shareable_call),
        BOTH(vm_switches_back_after_a_shareable_call),
        BOTH(vm_switches_back_when_a_shareable_call_throws),
        BOTH(vm_refuses_other_access_to_the_shared_object),
        BOTH(vm_tells_the_previous_owner),
        BOTH(vm_refuses_to_unload_an_imported_package),
        BOTH(vm_refuses_to_delete_an_applet_another_refers_to),
        BOTH(vm_brings_back_what_an_aborted_deletion_dropped),
        cmocka_unit_test_setup_teardown(vm_comes_back_from_the_image, setup_file, teardown_file),
        cmocka_unit_test_setup_teardown(vm_leaves_damaged_packages_and_their_importers_unlinked,
                                        setup_file, teardown_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
