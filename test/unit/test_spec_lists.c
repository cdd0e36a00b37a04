/* The APDU lists: no entry twice, names and values agree, sentences for every status word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

static void no_instruction_is_listed_twice_in_an_application(void **state)
{
    const struct mm_ins_info *a, *b;

    (void)state;
    for (size_t i = 0; (a = mm_ins_at(i)) != NULL; i++) {
        for (size_t k = 0; k < i; k++) {
            b = mm_ins_at(k);
            assert_false(strcmp(a->app, b->app) == 0 &&
                         ((a->ins == b->ins && a->cla == b->cla) || strcmp(a->name, b->name) == 0));
        }
        assert_in_range(a->iso_case, 1, 4);
        /* ISO 7816-4, 5.4.2: 6X and 9X are status bytes, never instructions, but for the
         * proprietary classes (bit 8 of CLA). */
        assert_true(a->cla >= 0x80 || (a->ins >> 4 != 0x6 && a->ins >> 4 != 0x9));
    }
}

static void every_aid_is_well_formed_and_unique(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MM_AID_N; i++) {
        struct mm_aid a = mm_aid_of((enum mm_aid_id)i);

        assert_in_range(a.len, MM_AID_MIN, MM_AID_MAX);
        assert_non_null(mm_aid_what(&a));
        for (unsigned k = 0; k < i; k++) {
            struct mm_aid b = mm_aid_of((enum mm_aid_id)k);
            assert_false(mm_aid_equal(&a, &b));
        }
    }
}

static void applets_lie_under_their_package(void **state)
{
    struct mm_aid purse = mm_aid_of(MM_AID_PURSE), package = mm_aid_of(MM_AID_PURSE_PACKAGE);
    struct mm_aid transit = mm_aid_of(MM_AID_TRANSIT);

    (void)state;
    assert_true(mm_aid_starts(&purse, package.bytes, package.len));
    assert_false(mm_aid_starts(&transit, package.bytes, package.len));
}

static void status_words_are_explained_with_their_families(void **state)
{
    (void)state;
    assert_string_equal(mm_sw_text(MM_SW_9000_NO_ERROR), "done");
    assert_non_null(strstr(mm_sw_text(0x6112), "more response data"));
    assert_non_null(strstr(mm_sw_text(0x6c10), "wrong expected length"));
    assert_non_null(strstr(mm_sw_text(0x63c2), "tries left"));
    assert_non_null(strstr(mm_sw_text(0x1234), "not in the list"));
}

/* ---- Errors of the GlobalPlatform commands ---- */
static const struct error_row {
    const char *app, *command;
    uint16_t sw;
    const char *test; /* NULL: the card has no cause */
} errors[] = {
#define MM_GP_ERROR(app, command, sw, where, when, test) {#app, #command, 0x##sw, #test},
#define MM_GP_NEVER(app, command, sw, where, why)        {#app, #command, 0x##sw, NULL},
#include "apdu_spec/errors.def"
#undef MM_GP_ERROR
#undef MM_GP_NEVER
};
#define ERROR_N (sizeof(errors) / sizeof(errors[0]))

static void every_error_is_a_status_word_of_the_list_and_has_a_test_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < ERROR_N; i++) {
        assert_null(strstr(mm_sw_text(errors[i].sw), "not in the list"));
        for (size_t k = 0; k < i && errors[i].test != NULL; k++)
            assert_true(errors[k].test == NULL || strcmp(errors[i].test, errors[k].test) != 0);
    }
}

static void every_globalplatform_command_has_its_errors(void **state)
{
    const struct mm_ins_info *a;

    (void)state;
    for (size_t i = 0; (a = mm_ins_at(i)) != NULL; i++) {
        bool listed = strstr(a->where, "GPCS") == NULL || strcmp(a->app, "PURSE") == 0;
        for (size_t k = 0; k < ERROR_N; k++)
            listed |= strcmp(errors[k].app, a->app) == 0 && strcmp(errors[k].command, a->name) == 0;
        if (!listed)
            fail_msg("%s has no row in errors.def", a->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_instruction_is_listed_twice_in_an_application),
        cmocka_unit_test(every_aid_is_well_formed_and_unique),
        cmocka_unit_test(applets_lie_under_their_package),
        cmocka_unit_test(status_words_are_explained_with_their_families),
        cmocka_unit_test(every_error_is_a_status_word_of_the_list_and_has_a_test_of_its_own),
        cmocka_unit_test(every_globalplatform_command_has_its_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
