/* The record store in memory: records, components, transactions, quota. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "applet_vm/nvm/nvm.h"

static const struct mm_aid some_aid = {5, {0xf0, 1, 2, 3, 4}};

static int store_setup(void **state)
{
    struct mm_nvm_config cfg = {.max_bytes = 65536};
    struct mm_nvm *nvm;

    if (mm_nvm_create(&cfg, &nvm, NULL) != MM_OK ||
        mm_comp_add(nvm, 1, MM_COMP_PACKAGE, &some_aid) != MM_OK ||
        mm_comp_add(nvm, 2, MM_COMP_APPLET, &some_aid) != MM_OK ||
        mm_rec_new(nvm, 0x200, 2, 8) != MM_OK || mm_rec_new(nvm, 0x20000, 1, 4) != MM_OK)
        return 1;
    *state = nvm;
    return 0;
}

static int store_teardown(void **state)
{
    mm_nvm_close((struct mm_nvm **)state);
    return 0;
}

static void nvm_record_starts_zeroed_and_keeps_its_address(void **state)
{
    static const uint8_t zero[8];
    struct mm_nvm *nvm = *state;
    size_t len;
    const uint8_t *p = mm_rec_data(nvm, 0x200, &len);

    assert_int_equal(len, 8);
    assert_memory_equal(p, zero, 8);
    assert_int_equal(mm_rec_write(nvm, 0x200, 2, "abc", 3), MM_OK);
    assert_ptr_equal(mm_rec_data(nvm, 0x200, NULL), p);
    assert_memory_equal(p, "\0\0abc\0\0\0", 8);
    assert_int_equal(mm_rec_comp(nvm, 0x200), 2);
}

static void nvm_write_outside_a_record_is_refused(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_rec_write(nvm, 0x200, 6, "abc", 3), MM_USAGE);
    assert_int_equal(mm_rec_write(nvm, 0x200, SIZE_MAX, "abc", 3), MM_USAGE);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "abc", 3), MM_NOT_FOUND);
    assert_int_equal(mm_rec_write(nvm, 0x200, 8, "", 0), MM_OK);
}

static void nvm_new_record_needs_free_key_component_and_room(void **state)
{
    struct mm_nvm *nvm = *state;
    size_t left = mm_nvm_free(nvm);

    assert_int_equal(mm_rec_new(nvm, 0x200, 2, 1), MM_EXISTS);
    assert_int_equal(mm_rec_new(nvm, 0x300, 9, 1), MM_NOT_FOUND);
    assert_int_equal(mm_rec_new(nvm, 0x300, 2, 65536), MM_NO_MEMORY);
    assert_int_equal(mm_rec_new(nvm, 0, 2, 1), MM_USAGE);
    assert_int_equal(mm_nvm_free(nvm), left);
    assert_int_equal(mm_rec_new(nvm, 0x300, 2, left - 8), MM_OK);
    assert_int_equal(mm_nvm_free(nvm), 0);
    assert_int_equal(mm_rec_delete(nvm, 0x300), MM_OK);
    assert_int_equal(mm_nvm_free(nvm), left);
}

static void nvm_next_walks_keys_in_order(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_rec_new(nvm, 0xffff, 2, 0), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x10000, 0, 0), MM_OK);
    assert_int_equal(mm_rec_next(nvm, 0, UINT32_MAX), 0x200);
    assert_int_equal(mm_rec_next(nvm, 0x200, UINT32_MAX), 0xffff);
    assert_int_equal(mm_rec_next(nvm, 0xffff, UINT32_MAX), 0x10000);
    assert_int_equal(mm_rec_next(nvm, 0x10000, UINT32_MAX), 0x20000);
    assert_int_equal(mm_rec_next(nvm, 0x10000, 0x1ffff), 0);
    assert_int_equal(mm_rec_next(nvm, 0x20000, UINT32_MAX), 0);
    assert_int_equal(mm_rec_next(nvm, 0x200, 0x300), 0);
}

static void nvm_abort_undoes_writes_creations_and_deletions(void **state)
{
    struct mm_nvm *nvm = *state;
    const uint8_t *high = mm_rec_data(nvm, 0x20000, NULL);
    size_t left = mm_nvm_free(nvm);

    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "01234567", 8), MM_OK);
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_tx_begin(nvm), MM_STATE);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcd", 4), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 2, "xyz", 3), MM_OK);
    assert_int_equal(mm_comp_add(nvm, 3, MM_COMP_APPLET, &some_aid), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x201, 3, 10), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "q", 1), MM_OK);
    assert_int_equal(mm_comp_drop(nvm, 1), MM_OK);
    assert_null(mm_rec_data(nvm, 0x20000, NULL));
    assert_int_equal(mm_nvm_promise(nvm), MM_STATE);
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "01234567", 8);
    assert_null(mm_rec_data(nvm, 0x201, NULL));
    assert_ptr_equal(mm_rec_data(nvm, 0x20000, NULL), high);
    assert_int_equal(mm_nvm_free(nvm), left);
    assert_false(mm_tx_active(nvm));
}

static void nvm_commit_keeps_everything(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcd", 4), MM_OK);
    assert_int_equal(mm_rec_delete(nvm, 0x20000), MM_OK);
    assert_int_equal(mm_tx_commit(nvm), MM_OK);
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "abcd", 4);
    assert_null(mm_rec_data(nvm, 0x20000, NULL));
    assert_int_equal(mm_tx_commit(nvm), MM_STATE);
}

static void nvm_nonatomic_write_survives_abort(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcdefgh", 8), MM_OK);
    assert_int_equal(mm_rec_write_nonatomic(nvm, 0x200, 2, "XY", 2), MM_OK);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "abXYefgh", 8);
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "\0\0XY\0\0\0\0", 8);
}

static void nvm_transaction_runs_out_of_undo_space(void **state)
{
    struct mm_nvm *nvm = *state;
    uint8_t big[12000] = {1};
    size_t all = mm_tx_capacity(nvm);

    assert_int_equal(mm_rec_new(nvm, 0x300, 2, sizeof(big)), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_tx_left(nvm), all);
    assert_int_equal(mm_rec_write(nvm, 0x300, 0, big, sizeof(big)), MM_OK);
    assert_true(mm_tx_left(nvm) < all - sizeof(big));
    assert_int_equal(mm_rec_write(nvm, 0x300, 1, big, sizeof(big) - 1), MM_NO_MEMORY);
    mm_tx_applet_abort(nvm);
    assert_int_equal(mm_rec_data(nvm, 0x300, NULL)[0], 0);
    assert_int_equal(mm_tx_left(nvm), all);
}

static void nvm_transaction_of_the_card_has_no_limit(void **state)
{
    struct mm_nvm *nvm = *state;
    uint8_t big[12000] = {1};

    assert_int_equal(mm_rec_new(nvm, 0x300, 2, sizeof(big)), MM_OK);
    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(mm_rec_write(nvm, 0x300, i, big, sizeof(big) - i), MM_OK);
    assert_int_equal(mm_tx_left(nvm), mm_tx_capacity(nvm));
    mm_tx_abort(nvm);
    assert_int_equal(mm_rec_data(nvm, 0x300, NULL)[0], 0);
}

/* ---- An applet's inside the card's ---- */

static void nvm_applet_abort_goes_back_to_its_begin(void **state)
{
    struct mm_nvm *nvm = *state;
    const uint8_t *high = mm_rec_data(nvm, 0x20000, NULL);

    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x201, 2, 4), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "made", 4), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "outer...", 8), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_STATE);
    assert_int_equal(mm_tx_commit(nvm), MM_STATE); /* not over an applet's head */
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "MADE", 4), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "inner...", 8), MM_OK); /* the same bytes */
    assert_int_equal(mm_rec_new(nvm, 0x202, 2, 4), MM_OK);
    assert_int_equal(mm_rec_delete(nvm, 0x20000), MM_OK);
    mm_tx_applet_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), "made", 4);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "outer...", 8);
    assert_null(mm_rec_data(nvm, 0x202, NULL));
    assert_ptr_equal(mm_rec_data(nvm, 0x20000, NULL), high);
    assert_true(mm_tx_active(nvm));
    assert_false(mm_tx_applet_active(nvm));
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "\0\0\0\0\0\0\0\0", 8);
    assert_null(mm_rec_data(nvm, 0x201, NULL));
}

static void nvm_applet_commit_stays_under_the_cards_abort(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcd", 4), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x201, 2, 4), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x202, 2, 4), MM_OK);
    assert_int_equal(mm_rec_delete(nvm, 0x202), MM_OK);
    assert_int_equal(mm_rec_delete(nvm, 0x20000), MM_OK);
    assert_int_equal(mm_tx_applet_commit(nvm), MM_OK);
    assert_int_equal(mm_tx_applet_commit(nvm), MM_STATE);
    mm_tx_applet_abort(nvm); /* there is none */
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "abcd", 4);
    assert_null(mm_rec_data(nvm, 0x20000, NULL));
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "\0\0\0\0", 4);
    assert_null(mm_rec_data(nvm, 0x201, NULL));
    assert_non_null(mm_rec_data(nvm, 0x20000, NULL));
}

static void nvm_nonatomic_write_survives_each_abort_but_its_records(void **state)
{
    struct mm_nvm *nvm = *state;

    assert_int_equal(mm_tx_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "abcdefgh", 8), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x201, 2, 4), MM_OK);
    assert_int_equal(mm_tx_applet_begin(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "1234", 4), MM_OK);
    assert_int_equal(mm_rec_write_nonatomic(nvm, 0x201, 1, "x", 1), MM_OK);
    assert_int_equal(mm_rec_write_now(nvm, 0x200, 2, "XY", 2), MM_OK);
    mm_tx_applet_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x201, NULL), "\0x\0\0", 4);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "abXYefgh", 8);
    mm_tx_abort(nvm);
    assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "\0\0XY\0\0\0\0", 8);
    assert_null(mm_rec_data(nvm, 0x201, NULL));
}

static void nvm_components_are_listed_with_their_size(void **state)
{
    struct mm_nvm *nvm = *state;
    struct mm_comp_info info;

    assert_true(mm_comp_get(nvm, 0, &info));
    assert_int_equal(info.kind, MM_COMP_PLATFORM);
    assert_true(mm_comp_get(nvm, 2, &info));
    assert_int_equal(info.comp, 2);
    assert_int_equal(info.bytes, 8);
    assert_int_equal(info.records, 1);
    assert_true(mm_aid_equal(&info.aid, &some_aid));
    assert_false(mm_comp_get(nvm, 3, &info));
    assert_int_equal(mm_comp_drop(nvm, 0), MM_USAGE);
    assert_int_equal(mm_comp_drop(nvm, 7), MM_NOT_FOUND);
    assert_int_equal(mm_comp_add(nvm, 2, MM_COMP_APPLET, &some_aid), MM_EXISTS);
}

static void nvm_counter_moves_only_when_something_was_written(void **state)
{
    struct mm_nvm *nvm = *state;
    uint64_t before;

    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    before = mm_nvm_counter(nvm);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    assert_int_equal(mm_nvm_counter(nvm), before);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "a", 1), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    assert_int_equal(mm_nvm_counter(nvm), before + 1);
}

static void nvm_derived_keys_depend_on_label_and_chip(void **state)
{
    struct mm_nvm_config cfg = {0};
    struct mm_nvm *other;
    uint8_t a[32], b[32];

    assert_int_equal(mm_nvm_create(&cfg, &other, NULL), MM_OK);
    assert_int_equal(mm_nvm_derive(*state, "one", a), MM_OK);
    assert_int_equal(mm_nvm_derive(*state, "one", b), MM_OK);
    assert_memory_equal(a, b, 32);
    assert_int_equal(mm_nvm_derive(*state, "two", b), MM_OK);
    assert_memory_not_equal(a, b, 32);
    assert_int_equal(mm_nvm_derive(other, "one", b), MM_OK);
    assert_memory_not_equal(a, b, 32);
    mm_nvm_close(&other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nvm_record_starts_zeroed_and_keeps_its_address),
        T(nvm_write_outside_a_record_is_refused),
        T(nvm_new_record_needs_free_key_component_and_room),
        T(nvm_next_walks_keys_in_order),
        T(nvm_abort_undoes_writes_creations_and_deletions),
        T(nvm_commit_keeps_everything),
        T(nvm_nonatomic_write_survives_abort),
        T(nvm_transaction_runs_out_of_undo_space),
        T(nvm_transaction_of_the_card_has_no_limit),
        T(nvm_applet_abort_goes_back_to_its_begin),
        T(nvm_applet_commit_stays_under_the_cards_abort),
        T(nvm_nonatomic_write_survives_each_abort_but_its_records),
        T(nvm_components_are_listed_with_their_size),
        T(nvm_counter_moves_only_when_something_was_written),
        T(nvm_derived_keys_depend_on_label_and_chip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
