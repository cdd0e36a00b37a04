/* What the client makes of the platform's answers, and of a platform that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "host_client/pay/http.h"

static enum mm_status judge(long status, const char *body, char code[64], struct mm_err *err)
{
    json_t *answer = NULL;
    enum mm_status st = mm_pay_http_judge(status, body, strlen(body), code, &answer, err);

    assert_true((st == MM_OK) == (answer != NULL));
    json_decref(answer);
    return st;
}

static void answer_200_with_an_object_is_good(void **state)
{
    char code[64];

    (void)state;
    assert_int_equal(judge(200, "{\"balance\":1}", code, NULL), MM_OK);
    assert_string_equal(code, "");
}

static void answer_that_is_no_object_is_refused_whatever_its_status(void **state)
{
    static const char *const bad[] = {"", "[]", "\"x\"", "{", "<html>", "{\"a\":1,\"a\":2}"};
    char code[64];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(judge(200, bad[i], code, NULL), MM_PLATFORM);
        assert_int_equal(judge(500, bad[i], code, NULL), MM_PLATFORM);
    }
}

static void error_keeps_code_and_sentence(void **state)
{
    struct mm_err err = {0};
    char code[64];

    (void)state;
    assert_int_equal(
        judge(409, "{\"error\":\"replayed_purchase\",\"message\":\"booked already\"}", code, &err),
        MM_PLATFORM);
    assert_string_equal(code, "replayed_purchase");
    assert_non_null(strstr(err.text, "booked already"));
    assert_non_null(strstr(err.text, "409"));
}

static void error_about_integrity_disables_payment(void **state)
{
    static const char *const bodies[] = {"{\"error\":\"result_refused\",\"message\":\"m\"}",
                                         "{\"error\":\"terminal_revoked\",\"message\":\"m\"}",
                                         "{\"error\":\"appraisal\",\"message\":\"m\"}"};
    char code[64];

    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        assert_int_equal(judge(403, bodies[i], code, NULL), MM_REFUSED);
}

static void error_with_an_overlong_code_is_still_an_error(void **state)
{
    char body[256], code[64];

    (void)state;
    memset(body, 'x', sizeof(body));
    memcpy(body, "{\"error\":\"", 10);
    strcpy(body + 200, "\"}");
    assert_int_equal(judge(400, body, code, NULL), MM_PLATFORM);
    assert_string_equal(code, "");
}

static void error_with_members_of_wrong_types_is_still_an_error(void **state)
{
    char code[64];

    (void)state;
    assert_int_equal(judge(400, "{\"error\":1,\"message\":[]}", code, NULL), MM_PLATFORM);
    assert_string_equal(code, "");
}

static void platform_that_is_not_there_is_named(void **state)
{
    char url[] = "https://127.0.0.1:1", none[] = "/nonexistent.pem";
    struct mm_pay_config config = {.platform = url,
                                   .ca = none,
                                   .certificate = none,
                                   .key = none,
                                   .pins.n = 1,
                                   .timeout_ms = 2000};
    struct mm_pay_http *http = NULL;
    struct mm_err err = {0};
    json_t *answer = NULL;

    (void)state;
    assert_int_equal(mm_pay_http_open(&config, &http, NULL), MM_OK);
    assert_int_equal(mm_pay_http_get(http, "/account", &answer, &err), MM_PLATFORM);
    assert_null(answer);
    assert_non_null(strstr(err.text, "platform: not reachable"));
    mm_pay_http_close(&http);
    assert_null(http);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_200_with_an_object_is_good),
        cmocka_unit_test(answer_that_is_no_object_is_refused_whatever_its_status),
        cmocka_unit_test(error_keeps_code_and_sentence),
        cmocka_unit_test(error_about_integrity_disables_payment),
        cmocka_unit_test(error_with_an_overlong_code_is_still_an_error),
        cmocka_unit_test(error_with_members_of_wrong_types_is_still_an_error),
        cmocka_unit_test(platform_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
