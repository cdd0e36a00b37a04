/* PC/SC access without a service, the choice of a reader, and the worker under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host_client/access/access.h"
#include "host_client/access/pcsc_names.h"
#include "host_client/access/worker.h"

/* ---- No service ---- */

/* libpcsclite looks for pcscd's socket where this variable says. */
static int without_pcscd(void **state)
{
    (void)state;
    return setenv("PCSCLITE_CSOCK_NAME", "/nonexistent/pcscd.comm", 1);
}

static void ignore_reader(void *ctx, const char *reader, bool present)
{
    (void)reader;
    (void)present;
    (*(size_t *)ctx)++;
}

static void access_says_that_pcscd_is_not_running(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "", "some reader"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct mm_access *a = NULL;
        struct mm_err err;
        assert_int_equal(mm_access_open(names[i], 1000, &a, &err), MM_NO_READER);
        assert_null(a);
        assert_non_null(strstr(err.text, "pcscd"));
        assert_non_null(strstr(err.text, "not running"));
    }
}

static void access_list_and_wait_say_it_too(void **state)
{
    (void)state;
    struct mm_err err;
    size_t n = 0;
    bool present = false;

    assert_int_equal(mm_access_list(ignore_reader, &n, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "not running"));
    assert_int_equal(n, 0);
    assert_int_equal(mm_access_wait(NULL, 1000, &present, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "not running"));
}

static void access_wait_takes_other_ways_as_always_there(void **state)
{
    (void)state;
    bool present = false;

    assert_int_equal(mm_access_wait("tcp:127.0.0.1:1", 10, &present, NULL), MM_OK);
    assert_true(present);
    assert_int_equal(mm_access_wait("tcp:127.0.0.1:1", 10, &present, NULL), MM_TIMEOUT);
    assert_true(present);
}

static void access_names_each_loss_differently(void **state)
{
    (void)state;
    static const struct {
        LONG rc;
        enum mm_status st;
        const char *text;
    } rows[] = {
        {SCARD_E_NO_SERVICE, MM_NO_READER, "not running"},
        {SCARD_F_COMM_ERROR, MM_NO_READER, "was stopped"},
        {SCARD_E_READER_UNAVAILABLE, MM_NO_READER, "unplugged"},
        {SCARD_E_NO_SMARTCARD, MM_NO_READER, "no card in Reader"},
        {SCARD_W_REMOVED_CARD, MM_NO_READER, "taken out of Reader"},
        {SCARD_W_UNRESPONSIVE_CARD, MM_NO_READER, "answer reset"},
        {SCARD_E_NOT_TRANSACTED, MM_NO_READER, "did not answer"},
        {SCARD_W_RESET_CARD, MM_STATE, "reset by another"},
        {SCARD_E_SHARING_VIOLATION, MM_BUSY, "another program holds"},
        {SCARD_E_NO_MEMORY, MM_IO, "Reader"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct mm_err err;
        assert_int_equal(mm_pcsc_fail(&err, rows[i].rc, "Reader"), rows[i].st);
        assert_non_null(strstr(err.text, rows[i].text));
    }
}

/* ---- Which reader ---- */

static struct mm_readers *some_readers(void)
{
    static const struct {
        const char *name;
        bool present;
    } rows[] = {{"Virtual PCD 00 00", false}, {"Virtual PCD 00 01", true}, {"Gem X 01 00", true}};
    static struct mm_readers readers;

    readers = (struct mm_readers){.n = 3};
    for (size_t i = 0; i < readers.n; i++) {
        readers.states[i].szReader = rows[i].name;
        readers.states[i].dwEventState = rows[i].present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
    }
    return &readers;
}

static void readers_choose_by_name_part_or_card(void **state)
{
    (void)state;
    static const struct {
        const char *want;
        size_t index;
    } rows[] = {{NULL, 1},  {"", 1}, {"Gem", 2}, {"00 01", 1}, {"Virtual PCD 00 00", 0},
                {"X 01", 2}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t index = 9;
        assert_int_equal(mm_readers_choose(some_readers(), rows[i].want, &index, NULL), MM_OK);
        assert_int_equal(index, rows[i].index);
    }
}

static void readers_refuse_what_names_none_or_several(void **state)
{
    (void)state;
    struct mm_readers *none = some_readers();
    struct mm_err err;
    size_t index;

    assert_int_equal(mm_readers_choose(some_readers(), "Virtual", &index, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "2 readers"));
    assert_int_equal(mm_readers_choose(some_readers(), "Omni", &index, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "Omni"));
    none->n = 1;
    assert_int_equal(mm_readers_choose(none, NULL, &index, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "no card in Virtual"));
    none->n = 0;
    assert_int_equal(mm_readers_choose(none, NULL, &index, &err), MM_NO_READER);
    assert_non_null(strstr(err.text, "no reader"));
}

/* ---- The worker ---- */

struct job {
    int in[2], out[2]; /* the job waits for a byte on in; the release tells on out */
    int done;
};

static struct job *new_job(void)
{
    struct job *j = calloc(1, sizeof(*j));

    assert_non_null(j);
    assert_int_equal(pipe(j->in), 0);
    assert_int_equal(pipe(j->out), 0);
    return j;
}

static void count(void *ctx)
{
    ((struct job *)ctx)->done++;
}

static void wait_for_byte(void *ctx)
{
    struct job *j = ctx;
    char c;

    while (read(j->in[0], &c, 1) != 1)
        ;
}

static void tell(void *ctx)
{
    const struct job *j = ctx;

    while (write(j->out[1], "r", 1) != 1)
        ;
}

static void wait_release(struct job *j)
{
    char c;

    assert_int_equal(read(j->out[0], &c, 1), 1);
    for (int i = 0; i < 2; i++) {
        close(j->in[i]);
        close(j->out[i]);
    }
    free(j);
}

static void worker_runs_jobs_and_releases_at_the_end(void **state)
{
    (void)state;
    struct job *j = new_job();
    struct mm_worker *w = mm_worker_new(j, tell);

    assert_non_null(w);
    for (int i = 1; i <= 100; i++) {
        assert_true(mm_worker_run(w, count, 5000));
        assert_int_equal(j->done, i);
    }
    mm_worker_free(w, 5000);
    wait_release(j);
}

static void worker_leaves_a_late_job_behind(void **state)
{
    (void)state;
    struct job *j = new_job();
    struct mm_worker *w = mm_worker_new(j, tell);

    assert_non_null(w);
    assert_false(mm_worker_run(w, wait_for_byte, 20)); /* from here the worker is on its own */
    assert_int_equal(write(j->in[1], "g", 1), 1);
    wait_release(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(access_says_that_pcscd_is_not_running, without_pcscd),
        cmocka_unit_test_setup(access_list_and_wait_say_it_too, without_pcscd),
        cmocka_unit_test(access_wait_takes_other_ways_as_always_there),
        cmocka_unit_test(access_names_each_loss_differently),
        cmocka_unit_test(readers_choose_by_name_part_or_card),
        cmocka_unit_test(readers_refuse_what_names_none_or_several),
        cmocka_unit_test(worker_runs_jobs_and_releases_at_the_end),
        cmocka_unit_test(worker_leaves_a_late_job_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
