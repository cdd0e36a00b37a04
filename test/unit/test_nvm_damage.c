/* What the seal of an image finds: changed bytes, cut files, older copies, another version. */
#include "test/unit/nvm_files.h"

/* ---- Damage ---- */

static void nvm_changed_code_byte_is_laid_to_its_package_and_stays(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files f;
    uint8_t *code;

    (void)state;
    mm_nvm_close(&nvm);
    files_save(&f);
    code = memmem(f.data[0], f.len[0], "PACKAGE CODE", 12);
    assert_non_null(code);
    code[3] ^= 1;
    file_put(0, f.data[0], f.len[0]);
    for (int i = 0; i < 3; i++) {
        nvm = store_open();
        assert_int_equal(mm_comp_damage(nvm, 1), MM_DAMAGE_CHANGED);
        assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_NONE);
        assert_int_equal(mm_comp_damage(nvm, 2), MM_DAMAGE_NONE);
        assert_non_null(mm_rec_data(nvm, 0x20000, NULL));
        assert_int_equal(mm_rec_write(nvm, 0x201, 0, "x", 1), MM_OK);
        mm_nvm_close(&nvm); /* writes the image anew, and heals nothing */
    }
    nvm = store_open();
    assert_int_equal(mm_comp_drop(nvm, 1), MM_OK);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
    nvm = store_open();
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
    files_free(&f);
}

static void nvm_changed_journal_byte_is_laid_to_the_component_it_hit(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files f;
    uint8_t *hit;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "APPLETA", 7), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "APPLETB", 7), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "after", 5), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&f);
    mm_nvm_close(&nvm);
    hit = memmem(f.data[1], f.len[1], "APPLETB", 7);
    assert_non_null(hit);
    hit[0] ^= 0x80;
    files_restore(&f);
    for (int i = 0; i < 2; i++) {
        nvm = store_open();
        assert_int_equal(mm_comp_damage(nvm, 3), MM_DAMAGE_CHANGED);
        assert_int_equal(mm_comp_damage(nvm, 2), MM_DAMAGE_NONE);
        assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_NONE);
        assert_memory_equal(mm_rec_data(nvm, 0x200, NULL), "afterTA", 7);
        mm_nvm_close(&nvm);
    }
    files_free(&f);
}

static void nvm_any_changed_byte_of_image_or_journal_is_found(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct mm_nvm_config cfg = {.path = image};
    struct files f;

    (void)state;
    mm_nvm_close(&nvm);
    nvm = store_open();
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "APPLETA", 7), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x201, 0, "APPLETB", 7), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&f);
    mm_nvm_close(&nvm);
    for (int file = 0; file < 2; file++) {
        for (size_t i = 0; i < f.len[file]; i++) {
            struct mm_err err;
            enum mm_status st;
            files_restore(&f);
            f.data[file][i] ^= 0x01;
            file_put(file, f.data[file], f.len[file]);
            f.data[file][i] ^= 0x01;
            st = mm_nvm_open(&cfg, &nvm, &err);
            assert_true(st == MM_OK || st == MM_TAMPERED || st == MM_MALFORMED ||
                        st == MM_UNSUPPORTED);
            assert_true(st != MM_OK || damaged(nvm));
            mm_nvm_close(&nvm);
        }
    }
    files_free(&f);
}

static void nvm_any_prefix_of_an_image_is_found(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct mm_nvm_config cfg = {.path = image};
    struct files f;

    (void)state;
    mm_nvm_close(&nvm);
    files_save(&f);
    for (size_t len = 0; len < f.len[0]; len++) {
        struct mm_err err;
        files_restore(&f);
        file_put(0, f.data[0], len);
        if (mm_nvm_open(&cfg, &nvm, &err) == MM_OK)
            assert_true(damaged(nvm));
        mm_nvm_close(&nvm);
    }
    files_free(&f);
}

/* ---- Older copies ---- */

static void nvm_older_files_are_a_rollback_that_does_not_heal(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files old;

    (void)state;
    mm_nvm_close(&nvm);
    files_save(&old);
    nvm = store_open();
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "spent", 5), MM_OK);
    mm_nvm_close(&nvm);
    file_put(0, old.data[0], old.len[0]);
    file_put(1, old.data[1], old.len[1]);
    for (int i = 0; i < 2; i++) {
        nvm = store_open();
        assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_ROLLBACK);
        mm_nvm_close(&nvm);
    }
    file_put(0, old.data[0], old.len[0]); /* the old image cannot undo the finding */
    nvm = store_open();
    assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_ROLLBACK);
    mm_nvm_close(&nvm);
    files_free(&old);
}

static void nvm_missing_promise_in_the_journal_is_found(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files mid, end;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "one", 3), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&mid);
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "two", 3), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    files_save(&end);
    mm_nvm_close(&nvm);
    files_restore(&end);
    file_put(1, mid.data[1], mid.len[1]); /* the last one cut off */
    nvm = store_open();
    assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_ROLLBACK);
    mm_nvm_close(&nvm);
    files_restore(&end);
    file_put(1, end.data[1] + mid.len[1], end.len[1] - mid.len[1]); /* the earlier ones cut off */
    nvm = store_open();
    assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_CHANGED);
    mm_nvm_close(&nvm);
    files_free(&mid);
    files_free(&end);
}

static void nvm_section_of_another_time_does_not_fit(void **state)
{
    struct mm_nvm *nvm = store_make();
    struct files old, now;

    (void)state;
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "100 coin", 8), MM_OK);
    mm_nvm_close(&nvm);
    files_save(&old);
    nvm = store_open();
    assert_int_equal(mm_rec_write(nvm, 0x200, 0, "000 coin", 8), MM_OK);
    mm_nvm_close(&nvm);
    files_save(&now);
    assert_int_equal(old.len[0], now.len[0]);
    memcpy(memmem(now.data[0], now.len[0], "000 coin", 8), "100 coin", 8);
    file_put(0, now.data[0], now.len[0]);
    nvm = store_open();
    assert_int_equal(mm_comp_damage(nvm, 2), MM_DAMAGE_CHANGED);
    assert_int_equal(mm_comp_damage(nvm, 0), MM_DAMAGE_NONE);
    mm_nvm_close(&nvm);
    files_free(&old);
    files_free(&now);
}

/* ---- Another version ---- */

static struct mm_nvm_config with_layout(uint32_t layout)
{
    return (struct mm_nvm_config){.path = image, .layout = layout};
}

static void nvm_image_of_another_layout_is_refused_and_stays_as_it_is(void **state)
{
    struct mm_nvm_config made = with_layout(0x11223344), other = with_layout(0x55667788);
    struct mm_err err = {.text = ""};
    struct files before, after;
    struct mm_nvm *nvm = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(file_name(i));
    assert_int_equal(mm_nvm_create(&made, &nvm, NULL), MM_OK);
    mm_nvm_close(&nvm);
    files_save(&before);
    assert_int_equal(mm_nvm_open(&other, &nvm, &err), MM_UNSUPPORTED);
    assert_null(nvm);
    assert_non_null(strstr(err.text, "layout 11223344"));
    assert_non_null(strstr(err.text, "layout 55667788"));
    assert_non_null(strstr(err.text, "Mintmark " MM_VERSION));
    assert_non_null(strstr(err.text, "init"));
    files_save(&after);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(after.len[i], before.len[i]);
        assert_memory_equal(after.data[i], before.data[i], before.len[i]);
    }
    files_free(&before);
    files_free(&after);
    assert_int_equal(mm_nvm_open(&made, &nvm, NULL), MM_OK);
    assert_int_equal(mm_nvm_layout(nvm), 0x11223344);
    mm_nvm_close(&nvm);
}

/* Whoever only looks at the seal may open any, and does not change what it says of itself. */
static void nvm_open_without_a_layout_keeps_that_of_the_image(void **state)
{
    struct mm_nvm_config made = with_layout(0x11223344);
    struct mm_nvm *nvm = NULL;

    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(file_name(i));
    assert_int_equal(mm_nvm_create(&made, &nvm, NULL), MM_OK);
    mm_nvm_close(&nvm);
    nvm = store_open();
    assert_int_equal(mm_nvm_layout(nvm), 0x11223344);
    assert_int_equal(mm_rec_new(nvm, 0x10000, 0, 4), MM_OK);
    mm_nvm_close(&nvm);
    assert_int_equal(mm_nvm_open(&made, &nvm, NULL), MM_OK);
    assert_false(damaged(nvm));
    mm_nvm_close(&nvm);
}

/* A number that is not under the seal says nothing: the platform is damaged, as by any other byte. */
static void nvm_changed_layout_number_is_damage(void **state)
{
    struct mm_nvm_config made = with_layout(0x11223344);
    struct mm_nvm *nvm = NULL;
    struct files f;

    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(file_name(i));
    assert_int_equal(mm_nvm_create(&made, &nvm, NULL), MM_OK);
    mm_nvm_close(&nvm);
    files_save(&f);
    f.data[0][8] ^= 1;
    file_put(0, f.data[0], f.len[0]);
    assert_int_equal(mm_nvm_open(&made, &nvm, NULL), MM_OK);
    assert_int_equal(mm_comp_damage(nvm, MM_COMP_PLATFORM), MM_DAMAGE_CHANGED);
    mm_nvm_close(&nvm);
    files_free(&f);
}

static void nvm_image_of_another_format_is_refused(void **state)
{
    struct mm_nvm_config cfg = with_layout(1);
    struct mm_err err = {.text = ""};
    struct mm_nvm *nvm = store_make();
    struct files f;

    (void)state;
    mm_nvm_close(&nvm);
    files_save(&f);
    f.data[0][7] = 1;
    file_put(0, f.data[0], f.len[0]);
    assert_int_equal(mm_nvm_open(&cfg, &nvm, &err), MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "format 1"));
    assert_non_null(strstr(err.text, "format 2"));
    assert_non_null(strstr(err.text, "init"));
    files_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nvm_changed_code_byte_is_laid_to_its_package_and_stays),
        cmocka_unit_test(nvm_changed_journal_byte_is_laid_to_the_component_it_hit),
        cmocka_unit_test(nvm_any_changed_byte_of_image_or_journal_is_found),
        cmocka_unit_test(nvm_any_prefix_of_an_image_is_found),
        cmocka_unit_test(nvm_older_files_are_a_rollback_that_does_not_heal),
        cmocka_unit_test(nvm_missing_promise_in_the_journal_is_found),
        cmocka_unit_test(nvm_section_of_another_time_does_not_fit),
        cmocka_unit_test(nvm_image_of_another_layout_is_refused_and_stays_as_it_is),
        cmocka_unit_test(nvm_open_without_a_layout_keeps_that_of_the_image),
        cmocka_unit_test(nvm_changed_layout_number_is_damage),
        cmocka_unit_test(nvm_image_of_another_format_is_refused),
    };

    return cmocka_run_group_tests(tests, dir_make, dir_remove);
}
