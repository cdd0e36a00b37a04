/* What mintmark-gp says after a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

static const struct {
    const char *command;
    uint16_t sw;
} rows[] = {
#define MM_GP_HINT(command, sw, hint) {command, 0x##sw},
#include "host_client/gptool/hints.def"
#undef MM_GP_HINT
};

/* Is it what messages call a command? */
static bool is_command(const char *name)
{
    if (strcmp(name, "SELECT security domain") == 0 || strcmp(name, "INITIALIZE UPDATE") == 0)
        return true; /* session.c */
    for (unsigned ins = 0; ins < 256; ins++) {
        for (unsigned p1 = 0; p1 < 256; p1++) {
            uint8_t apdu[4] = {0x80, (uint8_t)ins, (uint8_t)p1, 0x00};
            if (strcmp(mm_gp_command_name(apdu, sizeof(apdu)), name) == 0)
                return true;
        }
    }
    return false;
}

static void each_hint_is_of_a_command_and_a_status_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char message[200];
        const char *hint;

        if (!is_command(rows[i].command))
            fail_msg("no command is called %s", rows[i].command);
        snprintf(message, sizeof(message), "%s: %04X, %s", rows[i].command, rows[i].sw,
                 mm_sw_text(rows[i].sw));
        hint = mm_gptool_hint(message);
        assert_non_null(hint);
        for (size_t k = 0; k < i; k++) /* once each */
            assert_false(rows[k].sw == rows[i].sw && strcmp(rows[k].command, rows[i].command) == 0);
    }
}

static void hint_is_for_the_command_that_was_refused(void **state)
{
    (void)state;
    assert_non_null(
        strstr(mm_gptool_hint("command 12 of 13: LOAD: 6982, security status"), "signature"));
    assert_non_null(
        strstr(mm_gptool_hint("command 1 of 13: INSTALL [for load]: 6982, security"), "token"));
    assert_null(mm_gptool_hint("LOAD: 6F00, no precise diagnosis"));
    assert_null(mm_gptool_hint("GET_STATUS: 6A80, wrong data"));
    assert_null(mm_gptool_hint(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_hint_is_of_a_command_and_a_status_word),
        cmocka_unit_test(hint_is_for_the_command_that_was_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
