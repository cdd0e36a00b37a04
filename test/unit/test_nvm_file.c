/*
 * The record store on disk: what a promise keeps and what a cut takes. A cut is made by the tear
 * callback, or by putting the files into the state a kill would leave.
 */
#include "test/unit/nvm_files.h"

#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void store_kill(struct mm_nvm **nvm)
{
    struct files f;

    files_save(&f);
    mm_nvm_close(nvm);
    files_restore(&f);
    files_free(&f);
}

static void nvm_promise_survives_a_kill_and_the_rest_is_gone(void **state)
{
    struct mm_nvm *nvm = store_make();
    uint64_t counter;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "promised", 8), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    counter = mm_nvm_counter(nvm);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "not", 3), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "promised", 8);
    assert_int_equal(mm_nvm_counter(nvm), counter);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x20000, NULL), "PACKAGE CODE IN HERE", 20);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "promised", 8);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

static void nvm_write_now_survives_an_open_transaction(void **state)
{
    struct mm_nvm *nvm = store_make();

    (void)state;
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcd", 4), MM_OK);
    assert_int_equal(mm_rec_write_now(nvm, 0x201, 0, "2", 1), MM_OK);
    assert_int_equal(mm_rec_write_now(nvm, 0x200, 1, "Z", 1), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), "2\0", 2);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "\0Z\0\0", 4);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

static void nvm_nonatomic_write_is_the_later_one_after_commit(void **state)
{
    struct mm_nvm *nvm = store_make();

    (void)state;
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcd", 4), MM_OK);
    assert_int_equal(mm_rec_write_nonatomic(nvm, 0x200, 0, "ZZ", 2), MM_OK);
    assert_int_equal(mm_tx_commit(nvm), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "ZZcd", 4);
    mm_nvm_close(&nvm);
}

/* A loop over an array, or over one field, costs the journal what it changes, not how often. */
static void nvm_writes_that_join_are_one_in_the_journal(void **state)
{
    struct mm_nvm *nvm = store_make();
    char path[PATH_MAX];
    struct stat before, after;

    (void)state;
    snprintf(path, sizeof(path), "%s.journal", image);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    assert_int_equal(stat(path, &before), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(mm_rec_write(nvm, 0x200, i, &"ascended"[i], 1), MM_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(mm_rec_write(nvm, 0x200, 2, i % 2 == 0 ? "??" : "CE", 2), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 1, "S", 1), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "2", 1), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 7, "D", 1), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_size - before.st_size < 200);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "aSCEndeD", 8);
    assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), "2", 1);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

/* An applet's transactions inside the card's: one undone, one kept; with writes that no abort undoes. */
static void nvm_transactions_in_one_another_reach_the_file_as_memory_has_them(void **state)
{
    struct mm_nvm *nvm = store_make();

    (void)state;
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x300, 2, 6), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x300, 0, "abcdef", 6), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x300, 0, "------", 6), MM_OK);
    assert_int_equal(mm_rec_write_nonatomic(nvm, 0x300, 1, "N", 1), MM_OK);
    assert_int_equal(mm_rec_write_now(nvm, 0x201, 0, "w", 1), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x301, 2, 1), MM_OK);
    mm_tx_applet_abort(nvm);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x300, 2, "XY", 2), MM_OK);
    assert_int_equal(mm_rec_write_nonatomic(nvm, 0x300, 3, "M", 1), MM_OK);
    assert_int_equal(mm_tx_applet_commit(nvm), MM_OK);
    assert_int_equal(mm_tx_commit(nvm), MM_OK);
    assert_memory_equal(mm_rec_data(nvm, 0x300, NULL), "aNXMef", 6);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x300, NULL), "aNXMef", 6);
    assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), "w", 1);
    assert_null(mm_rec_data(nvm, 0x301, NULL));
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

static void nvm_open_twice_is_busy_and_create_overwrites_nothing(void **state)
{
    struct mm_nvm *nvm = store_make(), *other;
    struct mm_nvm_config cfg = {.path = image};
    struct mm_err err;

    (void)state;
    assert_int_equal(mm_nvm_open(&cfg, &other, &err), MM_BUSY);
    assert_int_equal(mm_nvm_create(&cfg, &other, &err), MM_EXISTS);
    assert_null(other);
    mm_nvm_close(&nvm);
    cfg.path = "/tmp/mm-nvm-there-is-none";
    assert_int_equal(mm_nvm_open(&cfg, &other, &err), MM_NOT_FOUND);
}

/* ---- Tearing: two applets are to change together, at every write ---- */

static void tear_flag(void *ctx)
{
    *(bool *)ctx = true;
}

/* Moves one unit from record 200 to 201, makes and deletes a record on the way. */
static enum mm_status move_one(struct mm_nvm *nvm, uint8_t n)
{
    uint8_t from = (uint8_t)(100 - n);
    enum mm_status st = mm_rec_write(nvm, 0x10000, 0, &n, 1);

    if (st == MM_OK)
        st = mm_tx_begin(nvm);
    if (st == MM_OK)
        st = mm_rec_write(nvm, 0x200, 0, &from, 1);
    if (st == MM_OK)
        st = mm_rec_new(nvm, 0x300u + n, 2, 5);
    if (st == MM_OK)
        st = mm_rec_write(nvm, 0x201, 0, &n, 1);
    if (st == MM_OK && n > 1)
        st = mm_rec_delete(nvm, 0x300u + n - 1);
    if (st == MM_OK)
        st = mm_tx_commit(nvm);
    return st == MM_OK ? mm_nvm_promise(nvm) : st;
}

static void nvm_tear_at_any_write_leaves_a_state_between_transactions(void **state)
{
    unsigned at;
    bool torn = true;

    (void)state;
    for (at = 1; torn; at++) {
        struct mm_nvm *nvm = store_make();
        struct mm_nvm_config cfg = {.path = image, .tear_at = at, .tear = tear_flag};
        uint8_t promised = 0, start = 100, from, to;
        torn = false;
        assert_int_equal(mm_rec_write(nvm, 0x200, 0, &start, 1), MM_OK);
        mm_nvm_close(&nvm);
        cfg.tear_ctx = &torn;
        assert_int_equal(mm_nvm_open(&cfg, &nvm, NULL), MM_OK);
        while (promised < 4 && move_one(nvm, (uint8_t)(promised + 1)) == MM_OK)
            promised++;
        mm_nvm_close(&nvm);
        nvm = store_open();
        from = mm_rec_data(nvm, 0x200, NULL)[0];
        to = mm_rec_data(nvm, 0x201, NULL)[0];
        assert_int_equal(from + to, 100);
        assert_int_equal(to, promised);
        assert_true(to == 0 || mm_rec_data(nvm, 0x300u + to, NULL) != NULL);
        assert_null(mm_rec_data(nvm, 0x301u + to, NULL));
        assert_false(damaged(nvm));
        mm_nvm_close(&nvm);
    }
    assert_int_equal(at - 2, 4 * 5 + 3); /* every write of the scenario was torn once */
}

static void nvm_tear_without_callback_exits_99(void **state)
{
    struct mm_nvm *nvm = store_make();
    pid_t pid;
    int status = 0;

    (void)state;
    mm_nvm_close(&nvm);
    pid = fork();
    if (pid == 0) {
        struct mm_nvm_config cfg = {.path = image, .tear_at = 2};
        if (mm_nvm_open(&cfg, &nvm, NULL) != MM_OK || mm_rec_write(nvm, 0x200, 0, "a", 1) != MM_OK)
            _exit(1);
        _exit(mm_rec_write(nvm, 0x200, 1, "b", 1) == MM_OK ? 2 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 99);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "a\0", 2);
    mm_nvm_close(&nvm);
}

/* Moves units until it is killed; says each promise aloud after it was made. */
static void move_forever(int out)
{
    struct mm_nvm_config cfg = {.path = image};
    struct mm_nvm *nvm = NULL;

    if (mm_nvm_open(&cfg, &nvm, NULL) != MM_OK)
        _exit(1);
    for (uint32_t n = mm_be32(mm_rec_data(nvm, 0x200, NULL)) + 1;; n++) {
        uint8_t v[4];
        mm_put_be32(v, n);
        if (mm_tx_begin(nvm) != MM_OK || mm_rec_write(nvm, 0x200, 0, v, 4) != MM_OK ||
            mm_rec_write(nvm, 0x201, 0, v, 4) != MM_OK || mm_tx_commit(nvm) != MM_OK ||
            mm_nvm_promise(nvm) != MM_OK || write(out, v, 4) != 4)
            _exit(2);
    }
}

static void nvm_sigkill_at_any_moment_keeps_what_was_promised(void **state)
{
    struct mm_nvm *nvm = store_make();
    uint32_t said = 0;

    (void)state;
    mm_nvm_close(&nvm);
    for (unsigned round = 0; round < 25; round++) {
        uint8_t v[4];
        int fds[2];
        pid_t pid;
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0)
            move_forever(fds[1]);
        close(fds[1]);
        for (unsigned i = 0; i < 3 + round * 7 && read(fds[0], v, 4) == 4; i++)
            said = mm_be32(v);
        kill(pid, SIGKILL);
        while (read(fds[0], v, 4) == 4) /* said before it died */
            said = mm_be32(v);
        close(fds[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        nvm = store_open();
        assert_false(damaged(nvm));
        assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), mm_rec_data(nvm, 0x201, NULL), 4);
        assert_in_range(mm_be32(mm_rec_data(nvm, 0x200, NULL)), said, said + 1);
        if (round % 2 == 0)
            mm_nvm_close(&nvm); /* every other time the journal goes on as it is */
        else
            store_kill(&nvm);
    }
    assert_true(said > 25 * 3);
}

/* ---- Kills between system calls ---- */

static void nvm_kill_inside_a_journal_write_keeps_the_last_promise(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files before, after;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "first", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&before);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "later", 5), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "later", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&after);
    mm_nvm_close(&nvm);
    for (size_t len = before.len[1]; len <= after.len[1]; len++) {
        bool whole = len == after.len[1];
        files_restore(&before);
        file_put(1, after.data[1], len);
        nvm = store_open();
        assert_false(damaged(nvm));
        assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), whole ? "later" : "first", 5);
        assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), whole ? "later" : "\0\0\0\0\0", 5);
        assert_int_equal(mm_rec_write(nvm, 0x201, 0, "again", 5), MM_OK);
        store_kill(&nvm);
        nvm = store_open();
        assert_false(damaged(nvm));
        mm_nvm_close(&nvm);
    }
    files_free(&before);
    files_free(&after);
}

static void nvm_kill_inside_a_checkpoint_comes_back_whole(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files before, after;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "first", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&before);
    mm_nvm_close(&nvm);
    files_save(&after);
    assert_int_equal(after.len[1], 0);
    file_put(1, before.data[1], before.len[1]); /* renamed, journal not yet emptied */
    nvm = store_open();
    assert_false(damaged(nvm));
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "first", 5);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "later", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_false(damaged(nvm));
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "later", 5);
    mm_nvm_close(&nvm);
    files_free(&before);
    files_free(&after);
}

static void nvm_long_journal_becomes_an_image(void **state)
{
    struct mm_nvm *nvm = store_make();
    uint8_t big[4096];
    struct files f;

    (void)state;
    assert_int_equal(mm_rec_new(nvm, 0x300, 2, sizeof(big)), MM_OK);
    for (unsigned i = 0; i < 300; i++) {
        memset(big, (int)(i & 0xff), sizeof(big));
        assert_int_equal(mm_rec_write(nvm, 0x300, 0, big, sizeof(big)), MM_OK);
        assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    }
    files_save(&f);
    assert_true(f.len[1] < (1 << 20));
    files_free(&f);
    store_kill(&nvm);
    nvm = store_open();
    assert_false(damaged(nvm));
    assert_memory_equal(mm_rec_data(nvm, 0x300, NULL), big, sizeof(big));
    mm_nvm_close(&nvm);
}

static void nvm_power_durability_keeps_the_same_promise(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct mm_nvm_config cfg = {.path = image, .durability = MM_DURABLE_POWER};

    (void)state;
    mm_nvm_close(&nvm);
    assert_int_equal(mm_nvm_open(&cfg, &nvm, NULL), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "power", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "power", 5);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

static void nvm_dropped_component_and_its_damage_are_gone_after_a_kill(void **state)
{
    struct mm_nvm *nvm = store_make();
    size_t len = 0;

    (void)state;
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_comp_drop(nvm, 2), MM_OK);
    assert_int_equal(mm_comp_add(nvm, 2, MM_COMP_APPLET, &some_aid), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x200, 2, 3), MM_OK); /* the same handle, another record */
    assert_int_equal(mm_tx_commit(nvm), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    store_kill(&nvm);
    nvm = store_open();
    assert_false(damaged(nvm));
    assert_non_null(mm_rec_data(nvm, 0x200, &len));
    assert_int_equal(len, 3);
    mm_nvm_close(&nvm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nvm_promise_survives_a_kill_and_the_rest_is_gone),
        cmocka_unit_test(nvm_write_now_survives_an_open_transaction),
        cmocka_unit_test(nvm_nonatomic_write_is_the_later_one_after_commit),
        cmocka_unit_test(nvm_writes_that_join_are_one_in_the_journal),
        cmocka_unit_test(nvm_transactions_in_one_another_reach_the_file_as_memory_has_them),
        cmocka_unit_test(nvm_open_twice_is_busy_and_create_overwrites_nothing),
        cmocka_unit_test(nvm_tear_at_any_write_leaves_a_state_between_transactions),
        cmocka_unit_test(nvm_tear_without_callback_exits_99),
        cmocka_unit_test(nvm_sigkill_at_any_moment_keeps_what_was_promised),
        cmocka_unit_test(nvm_kill_inside_a_journal_write_keeps_the_last_promise),
        cmocka_unit_test(nvm_kill_inside_a_checkpoint_comes_back_whole),
        cmocka_unit_test(nvm_long_journal_becomes_an_image),
        cmocka_unit_test(nvm_power_durability_keeps_the_same_promise),
        cmocka_unit_test(nvm_dropped_component_and_its_damage_are_gone_after_a_kill),
    };

    return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
