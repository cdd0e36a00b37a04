/*
 * Every error of the GlobalPlatform commands (apdu_spec/errors.def): each row of the list is a test, which
 * provokes that status word with that command and finds the image, and the registry over it, as they
 * were. A row without its test does not compile, nor does a test without its row.
 */
#include "test/unit/card_errors_content.h"
#include "test/unit/card_errors_keys.h"
#include "test/unit/card_errors_state.h"

/* ---- The list ---- */
static const struct row rows[] = {
#define MM_GP_ERROR(app, command, sw, where, when, test)                                           \
    {#test, MM_INS_##app##_##command, 0x##sw, test},
#define MM_GP_NEVER(app, command, sw, where, why)
#include "apdu_spec/errors.def"
#undef MM_GP_ERROR
#undef MM_GP_NEVER
};
#define ROW_N (sizeof(rows) / sizeof(rows[0]))

static void run_row(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    row = *state;
    provoked = 0;
    done(host_open(h, 0x03));
    row->provoke(h);
    assert_true(provoked > 0);
    host_free(h);
}

int main(void)
{
    struct CMUnitTest tests[ROW_N];

    for (size_t i = 0; i < ROW_N; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, run_row, NULL, NULL, (void *)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
