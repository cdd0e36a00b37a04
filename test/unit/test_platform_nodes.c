/*
 * Several nodes on one store, and nodes that die: no node holds state, races book once, and a killed
 * process leaves closed books.
 */
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "test/unit/platform_fixture.h"

static void nodes_share_a_load_between_them(void **state)
{
    struct fixture *f = *state;
    struct mm_platform *a = f->p, *b = NULL;
    struct toy_purse t;
    struct session s = good_session(f, "load");
    json_t *begun;

    toy_make(f, &t, 1);
    assert_int_equal(mm_platform_open(f->dir, fixture_now, f, &b, NULL), MM_OK);
    begun = post(f, "/v1/load/begin", toy_load_request(&t, 1, 300, &s, "k"));
    toy_credit(&t, begun, &s);
    json_decref(begun);
    f->p = b;
    expect_balance(f, post(f, "/v1/load/settle", toy_settle_load(&t, &s, "k")), 300);
    f->p = a;
    expect_balance(f, post(f, "/v1/load/settle", toy_settle_load(&t, &s, "k")), 300);
    expect_books_closed(f);
    mm_platform_close(&b);
    session_end(&s);
}

#define RACERS 6

struct racer {
    struct fixture own; /* a node of its own on the shared folder */
    json_t *body;
    char *error;
    pthread_t thread;
};

static void *race(void *ctx)
{
    struct racer *r = ctx;
    json_t *answer = post(&r->own, "/v1/pay/settle", r->body);
    const char *error = json_string_value(json_object_get(answer, "error"));

    r->error = error != NULL ? strdup(error) : NULL;
    json_decref(answer);
    return NULL;
}

static void nodes_that_race_for_one_purchase_book_it_once(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct racer racers[RACERS];
    struct session sessions[RACERS];
    char key[24];
    int booked = 0;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 1000);
    for (int i = 0; i < RACERS; i++)
        sessions[i] = good_session(f, "pay");
    toy_debit(&t, 100, &sessions[0]);
    for (int i = 0; i < RACERS; i++) {
        racers[i].own = *f;
        racers[i].body = toy_settle_pay(&t, &sessions[i], new_key(f, key));
        fixture_open(&racers[i].own);
    }
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        if (racers[i].error == NULL)
            booked++;
        else
            assert_string_equal(racers[i].error, "replayed_purchase");
        free(racers[i].error);
        mm_platform_close(&racers[i].own.p);
        session_end(&sessions[i]);
    }
    assert_int_equal(booked, 1);
    assert_int_equal(balance_of(f, "purse", t.id, 8), 900);
    expect_books_closed(f);
}

/* Child: pay one cent after another, a byte to the parent for each that was answered. */
static void pay_until_killed(struct fixture *f, struct toy_purse *t, int fd)
{
    for (;;) {
        pay_whole(f, t, 1);
        if (write(fd, "p", 1) != 1)
            _exit(1);
    }
}

static void nodes_killed_at_any_moment_leave_what_they_answered(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct mm_purse row;
    int answered = 0, fds[2], status;
    char byte;
    pid_t pid;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 50000);
    mm_platform_close(&f->p); /* a SQLite connection does not survive a fork */
    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        fixture_open(f);
        pay_until_killed(f, &t, fds[1]);
    }
    close(fds[1]);
    while (answered < 20 && read(fds[0], &byte, 1) == 1)
        answered++;
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (read(fds[0], &byte, 1) == 1)
        answered++;
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fixture_open(f);
    assert_int_equal(mm_store_purse_get(f->p->store, t.id, &row), MM_OK);
    assert_true(row.counter == 1 + answered || row.counter == 2 + answered);
    assert_int_equal(balance_of(f, "purse", t.id, 8), 50000 - (row.counter - 1));
    expect_books_closed(f);
}

/* What the schema itself refuses, whoever asks. */
static void ledger_refuses_to_be_changed_or_overdrawn(void **state)
{
    struct fixture *f = *state;
    struct mm_account funding, merchant;
    struct mm_store *store = f->p->store;
    uint8_t who[8] = {1};

    assert_int_equal(mm_store_account(store, "funding", f->chip.id, 16, &funding), MM_OK);
    assert_int_equal(mm_store_account(store, "merchant", who, 8, &merchant), MM_OK);
    assert_int_equal(mm_store_move(store, 1, "pay", funding.id, merchant.id, 100001, NULL, 0),
                     MM_STATE);
    assert_int_equal(mm_store_move(store, 1, "pay", funding.id, merchant.id, 0, NULL, 0), MM_STATE);
    assert_int_equal(mm_store_move(store, 1, "pay", funding.id, merchant.id, -5, NULL, 0),
                     MM_STATE);
    assert_int_equal(mm_store_move(store, 1, "pay", funding.id, funding.id, 5, NULL, 0), MM_STATE);
    assert_int_equal(mm_store_move(store, 1, "gift", funding.id, merchant.id, 5, NULL, 0),
                     MM_STATE);
    assert_int_equal(mm_store_move(store, 1, "pay", funding.id, 4711, 5, NULL, 0), MM_STATE);
    assert_int_equal(balance_of(f, "funding", f->chip.id, 16), 100000);
    expect_books_closed(f);
}

/* A statement of somebody with the store's file in hand; SQLite's status. */
static int raw(struct fixture *f, const char *sql)
{
    char *path = mm_platform_path(f->dir, "platform.db");
    sqlite3 *db = NULL;
    int rc = sqlite3_open(path, &db);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    free(path);
    return rc;
}

static void ledger_rows_are_never_changed_or_removed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(raw(f, "UPDATE ledger SET amount = 1"), SQLITE_CONSTRAINT);
    assert_int_equal(raw(f, "DELETE FROM ledger"), SQLITE_CONSTRAINT);
    assert_int_equal(raw(f, "UPDATE accounts SET balance = -1 WHERE kind = 'funding'"),
                     SQLITE_CONSTRAINT);
    expect_books_closed(f);
}

static void store_of_a_newer_program_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct mm_err err = {0};

    mm_platform_close(&f->p);
    assert_int_equal(raw(f, "INSERT INTO schema_version (number) VALUES (99)"), SQLITE_OK);
    assert_int_equal(mm_platform_open(f->dir, NULL, NULL, &f->p, &err), MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "99"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nodes_share_a_load_between_them),
        T(nodes_that_race_for_one_purchase_book_it_once),
        T(nodes_killed_at_any_moment_leave_what_they_answered),
        T(ledger_refuses_to_be_changed_or_overdrawn),
        T(ledger_rows_are_never_changed_or_removed),
        T(store_of_a_newer_program_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
