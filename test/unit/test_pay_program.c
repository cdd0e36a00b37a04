/* The program from outside: wrong usage, missing parts, and what a chip's token says against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "applet_vm/nvm/nvm.h"
#include "host_client/pay/commands.h"
#include "host_client/pay/manage.h"
#include "host_client/pay/pay.h"

/* Run with arguments; standard output to text. */
static int run(char *text, size_t text_len, const char *const *args)
{
    char *argv[12] = {(char[]){"mintmark-pay"}};
    char copies[11][64];
    FILE *out = fmemopen(text, text_len, "w");
    int argc = 1, status;

    assert_non_null(out);
    for (; args[argc - 1] != NULL; argc++) {
        snprintf(copies[argc - 1], sizeof(copies[0]), "%s", args[argc - 1]);
        argv[argc] = copies[argc - 1];
    }
    argv[argc] = NULL;
    status = mm_pay_main(argc, argv, stdin, out);
    fclose(out);
    return status;
}
#define RUN(text, ...) run(text, sizeof(text), (const char *const[]){__VA_ARGS__, NULL})

static void program_answers_help_and_version(void **state)
{
    char text[4096] = "";

    (void)state;
    assert_int_equal(RUN(text, "--help"), 0);
    assert_non_null(strstr(text, "personalise"));
    assert_non_null(strstr(text, "exit status"));
    assert_int_equal(RUN(text, "--version"), 0);
    assert_string_equal(text, "mintmark-pay " MM_VERSION "\n");
}

static void program_refuses_wrong_usage_before_touching_anything(void **state)
{
    char text[1024] = "";

    (void)state;
    assert_int_equal(RUN(text, "--no-such-option"), 2);
    assert_int_equal(RUN(text, "dance"), 2);
    assert_int_equal(RUN(text, "pay"), 2);
    assert_int_equal(RUN(text, "load", "1", "2"), 2);
    assert_int_equal(RUN(text, "balance", "now"), 2);
    assert_int_equal(RUN(text, "--pin", "12", "balance"), 2);
}

static void program_that_is_not_enrolled_says_so_as_json(void **state)
{
    char text[1024] = "";

    (void)state;
    assert_int_equal(RUN(text, "--home", "/nonexistent", "--json", "status"), 1);
    assert_non_null(strstr(text, "\"ok\":false"));
    assert_non_null(strstr(text, "not enrolled"));
}

/* ---- What a token says ---- */

static struct mm_token good_token(struct mm_token_component *c)
{
    struct mm_token t = {.valid = true, .components = c, .component_n = 1};

    memset(c, 0, sizeof(*c));
    c->kind = 1;
    c->aid = (struct mm_aid){10, {0xF0, 0x4D, 0x49, 0x4E, 0x54, 0x4D, 0x41, 0x52, 0x4B, 0x10}};
    return t;
}

static void token_of_a_sound_chip_has_no_fault(void **state)
{
    struct mm_token_component c;
    struct mm_token t = good_token(&c);
    char text[160];

    (void)state;
    assert_false(mm_pay_token_fault(&t, text, sizeof(text)));
}

static void token_fault_names_the_changed_package(void **state)
{
    struct mm_token_component c;
    struct mm_token t = good_token(&c);
    char text[160];

    (void)state;
    c.damaged = true;
    assert_true(mm_pay_token_fault(&t, text, sizeof(text)));
    assert_non_null(strstr(text, "package F04D494E544D41524B10 (purse package)"));
}

static void token_fault_counts_even_when_the_chip_says_valid_or_names_nobody(void **state)
{
    struct mm_token_component c;
    struct mm_token t = good_token(&c);
    char text[160];

    (void)state;
    t.valid = false;
    assert_true(mm_pay_token_fault(&t, text, sizeof(text)));
    t.valid = true;
    c.damaged = true;
    assert_true(mm_pay_token_fault(&t, text, sizeof(text)));
}

static void token_fault_tells_an_older_image_from_a_changed_one(void **state)
{
    struct mm_token_component c;
    struct mm_token t = good_token(&c);
    char text[160];

    (void)state;
    t.seal = MM_DAMAGE_ROLLBACK;
    assert_true(mm_pay_token_fault(&t, text, sizeof(text)));
    assert_non_null(strstr(text, "older"));
    t.seal = MM_DAMAGE_CHANGED;
    assert_true(mm_pay_token_fault(&t, text, sizeof(text)));
    assert_non_null(strstr(text, "changed"));
}

/* ---- The table of commands ---- */

static void command_table_has_each_name_once_and_its_usage(void **state)
{
    const struct mm_pay_command *a, *b;

    (void)state;
    for (size_t i = 0; (a = mm_pay_command_at(i)) != NULL; i++) {
        assert_true(a->min_args <= a->max_args);
        assert_true((a->max_args > 0) == (a->args[0] != '\0'));
        for (size_t j = i + 1; (b = mm_pay_command_at(j)) != NULL; j++)
            assert_string_not_equal(a->name, b->name);
    }
}

/* ---- APDUs from a platform that sends nonsense ---- */

static void carry_refuses_what_is_no_apdu(void **state)
{
    static const char *const bad[] = {"[]",         "{}",        "[1]",    "[\"\"]",
                                      "[\"00A4\"]", "[\"xyz\"]", "[null]", "\"00A40400\""};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *apdus = json_loads(bad[i], JSON_DECODE_ANY, NULL);
        struct mm_buf resp;
        uint16_t sw = 1;
        size_t sent = 1;
        mm_buf_init(&resp);
        assert_non_null(apdus);
        assert_int_equal(mm_pay_carry(NULL, apdus, &resp, &sw, &sent, NULL), MM_PLATFORM);
        assert_int_equal(sent, 0);
        assert_int_equal(sw, 0);
        mm_buf_clear(&resp);
        json_decref(apdus);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(program_answers_help_and_version),
        cmocka_unit_test(program_refuses_wrong_usage_before_touching_anything),
        cmocka_unit_test(program_that_is_not_enrolled_says_so_as_json),
        cmocka_unit_test(token_of_a_sound_chip_has_no_fault),
        cmocka_unit_test(token_fault_names_the_changed_package),
        cmocka_unit_test(token_fault_counts_even_when_the_chip_says_valid_or_names_nobody),
        cmocka_unit_test(token_fault_tells_an_older_image_from_a_changed_one),
        cmocka_unit_test(command_table_has_each_name_once_and_its_usage),
        cmocka_unit_test(carry_refuses_what_is_no_apdu),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
