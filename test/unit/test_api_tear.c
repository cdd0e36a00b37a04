/* Power cuts: a used PIN try stays used, an open transaction is undone. */
#include "test/unit/api_fixture.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct made {
    mm_ref pin, array;
};

static void services_on(void)
{
    (void)chip_setup(NULL); /* for the services; its NVM is not the one of this test */
    mm_vm_free(&chip.vm);
    mm_nvm_close(&chip.nvm);
}

/* Runs in a process of its own and ends without closing anything, as a chip whose power is cut. */
static void use_a_try_and_die(const char *path, int out)
{
    struct mm_nvm_config cfg = {.path = path};
    struct mm_err err = {0};
    struct made made;

    services_on();
    if (mm_nvm_create(&cfg, &chip.nvm, &err) != MM_OK)
        _exit(1);
    chip_power_on();
    made.pin = ok(mm_n_pin_build, 3, 3, 8, 1);
    (void)ok(mm_n_pin_update, 4, made.pin, bytes_new("1234", 4), 0, 4);
    made.array = bytes_new("old", 3);
    if (mm_nvm_promise(chip.nvm) != MM_OK)
        _exit(2);
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_util_array_copy, 5, bytes_new("new", 3), 0, made.array, 0, 3);
    (void)ok(mm_n_pin_check, 4, made.pin, bytes_new("9999", 4), 0, 4);
    if (write(out, &made, sizeof(made)) != (ssize_t)sizeof(made))
        _exit(3);
    _exit(0);
}

static void pin_try_stays_used_after_a_power_cut(void **state)
{
    char dir[] = "/tmp/mm_tearXXXXXX", path[40];
    struct mm_nvm_config cfg = {.path = path};
    struct mm_err err = {0};
    struct made made;
    int fds[2], status = 0;
    pid_t pid;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/chip.nvm", dir);
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0)
        use_a_try_and_die(path, fds[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(fds[0], &made, sizeof(made)), sizeof(made));

    services_on();
    if (mm_nvm_open(&cfg, &chip.nvm, &err) != MM_OK)
        fail_msg("%s", err.text);
    chip_power_on();
    assert_int_equal(ok(mm_n_pin_get_tries_remaining, 1, made.pin), 2);
    assert_memory_equal(bytes_of(made.array), "old", 3);
    assert_int_equal(ok(mm_n_pin_check, 4, made.pin, bytes_new("1234", 4), 0, 4), 1);
    (void)chip_teardown(NULL);
    for (const char *const *suffix = (const char *const[]){"", ".journal", ".fuse", NULL};
         *suffix != NULL; suffix++) {
        char file[60];
        snprintf(file, sizeof(file), "%s%s", path, *suffix);
        (void)remove(file);
    }
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pin_try_stays_used_after_a_power_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
