#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_client/pay/journal.h"
#include "host_client/pay/purse.h"

struct place {
    char dir[64];
    char path[80];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return -1;
    strcpy(p->dir, "/tmp/mm-journal.XXXXXX");
    if (mkdtemp(p->dir) == NULL)
        return -1;
    snprintf(p->path, sizeof(p->path), "%s/file.json", p->dir);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;

    unlink(p->path);
    rmdir(p->dir);
    free(p);
    return 0;
}

static void write_text(const struct place *p, const char *text)
{
    assert_int_equal(mm_file_write(p->path, text, strlen(text), 0600, NULL), MM_OK);
}

static void journal_without_a_file_is_empty(void **state)
{
    struct place *p = *state;
    struct mm_pending pending;

    assert_int_equal(mm_pending_load(p->path, &pending, NULL), MM_OK);
    assert_int_equal(pending.type, 0);
}

static void journal_reads_back_what_was_saved(void **state)
{
    struct place *p = *state;
    struct mm_pending a = {.type = MM_PURSE_DEBIT,
                           .purse = {1, 2, 3, 4, 5, 6, 7, 0xff},
                           .counter = UINT32_MAX,
                           .amount = 1250,
                           .key = "pay-01020304050607FF-4294967295"};
    struct mm_pending b;

    assert_int_equal(mm_pending_save(p->path, &a, NULL), MM_OK);
    assert_int_equal(mm_pending_load(p->path, &b, NULL), MM_OK);
    assert_int_equal(b.type, a.type);
    assert_memory_equal(b.purse, a.purse, sizeof(a.purse));
    assert_int_equal(b.counter, a.counter);
    assert_int_equal(b.amount, a.amount);
    assert_string_equal(b.key, a.key);
}

static void journal_forgets_when_nothing_is_saved(void **state)
{
    struct place *p = *state;
    struct mm_pending a = {.type = MM_PURSE_LOAD, .key = "k"}, none = {0};

    assert_int_equal(mm_pending_save(p->path, &a, NULL), MM_OK);
    assert_int_equal(mm_pending_save(p->path, &none, NULL), MM_OK);
    assert_int_equal(mm_pending_load(p->path, &a, NULL), MM_OK);
    assert_int_equal(a.type, 0);
}

static void journal_that_is_damaged_is_refused_not_ignored(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{\"type\":3}",
        "{\"type\":4,\"purse\":\"0102030405060708\",\"counter\":1,\"amount\":1,\"key\":\"k\"}",
        "{\"type\":3,\"purse\":\"01020304050607\",\"counter\":1,\"amount\":1,\"key\":\"k\"}",
        "{\"type\":3,\"purse\":\"0102030405060708\",\"counter\":-1,\"amount\":1,\"key\":\"k\"}",
        "{\"type\":3,\"purse\":\"0102030405060708\",\"counter\":1,\"amount\":4294967296,\"key\":"
        "\"k\"}",
        "{\"type\":3,\"purse\":\"0102030405060708\",\"counter\":1,\"amount\":1,\"key\":\"\"}",
        "{\"type\":3,\"purse\":\"0102030405060708\",\"counter\":1,\"amount\":1,\"key\":\"0123456789"
        "012345678901234567890123456789012345678901234567890123456789\"}",
    };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_pending pending;
        write_text(p, bad[i]);
        assert_int_equal(mm_pending_load(p->path, &pending, NULL), MM_MALFORMED);
        assert_int_equal(pending.type, 0);
    }
}

static void journal_keys_tell_transactions_apart(void **state)
{
    static const uint8_t purse[8] = {1}, nonce_a[16] = {2}, nonce_b[16] = {3};
    char a[MM_PENDING_KEY_MAX], b[MM_PENDING_KEY_MAX];

    (void)state;
    mm_pending_key(MM_PURSE_DEBIT, purse, 7, nonce_a, a);
    assert_string_equal(a, "pay-0100000000000000-7");
    mm_pending_key(MM_PURSE_DEBIT, purse, 7, nonce_b, b);
    assert_string_equal(a, b);
    mm_pending_key(MM_PURSE_LOAD, purse, 7, nonce_a, a);
    mm_pending_key(MM_PURSE_LOAD, purse, 7, nonce_b, b);
    assert_string_not_equal(a, b);
    assert_true(strlen(a) <= 64);
}

static void counter_may_stay_or_rise_but_not_go_back(void **state)
{
    static const uint8_t chip[16] = {1}, other[16] = {2};
    struct place *p = *state;

    assert_int_equal(mm_counter_check(p->path, chip, 5, true, NULL), MM_OK);
    assert_int_equal(mm_counter_check(p->path, chip, 5, true, NULL), MM_OK);
    assert_int_equal(mm_counter_check(p->path, chip, 9, true, NULL), MM_OK);
    assert_int_equal(mm_counter_check(p->path, chip, 8, true, NULL), MM_ROLLBACK);
    assert_int_equal(mm_counter_check(p->path, chip, 9, true, NULL), MM_OK);
    assert_int_equal(mm_counter_check(p->path, other, 1, true, NULL), MM_OK);
    assert_int_equal(mm_counter_check(p->path, chip, 1, true, NULL), MM_ROLLBACK);
}

static void counter_that_is_not_to_be_kept_changes_nothing(void **state)
{
    static const uint8_t chip[16] = {1};
    struct place *p = *state;

    assert_int_equal(mm_counter_check(p->path, chip, 9, false, NULL), MM_OK);
    assert_int_not_equal(access(p->path, F_OK), 0);
    assert_int_equal(mm_counter_check(p->path, chip, 5, true, NULL), MM_OK);
}

static void counter_file_that_is_damaged_is_refused(void **state)
{
    static const uint8_t chip[16] = {0};
    struct place *p = *state;

    write_text(p, "{\"00000000000000000000000000000000\":\"7\"}");
    assert_int_equal(mm_counter_check(p->path, chip, 9, true, NULL), MM_MALFORMED);
    write_text(p, "not json");
    assert_int_equal(mm_counter_check(p->path, chip, 9, true, NULL), MM_MALFORMED);
}

#define WITH_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(journal_without_a_file_is_empty),
        WITH_PLACE(journal_reads_back_what_was_saved),
        WITH_PLACE(journal_forgets_when_nothing_is_saved),
        WITH_PLACE(journal_that_is_damaged_is_refused_not_ignored),
        cmocka_unit_test(journal_keys_tell_transactions_apart),
        WITH_PLACE(counter_may_stay_or_rise_but_not_go_back),
        WITH_PLACE(counter_that_is_not_to_be_kept_changes_nothing),
        WITH_PLACE(counter_file_that_is_damaged_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
