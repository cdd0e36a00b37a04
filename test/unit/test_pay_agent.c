/* The client's end of the agent's socket, against an agent that answers what a test wants. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_client/pay/agent.h"

#define SESSION "AAECAwQFBgcICQoLDA0ODw" /* 16 bytes, 0 to 15 */

struct fake {
    char dir[64], path[108];
    int listener;
    pthread_t thread;
    const char *answers[3]; /* one for each line read; NULL: close */
    char lines[3][512];     /* what was read */
    bool started;
};

static size_t read_line(int fd, char *out, size_t cap)
{
    size_t n = 0;

    while (n + 1 < cap && recv(fd, out + n, 1, 0) == 1) {
        if (out[n++] == '\n')
            break;
    }
    out[n] = '\0';
    return n;
}

static void *serve(void *arg)
{
    struct fake *f = arg;
    int fd = accept(f->listener, NULL, NULL);

    for (size_t i = 0; i < 3 && read_line(fd, f->lines[i], sizeof(f->lines[i])) > 0; i++) {
        if (f->answers[i] == NULL)
            break;
        (void)send(fd, f->answers[i], strlen(f->answers[i]), MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

static int make_fake(void **state)
{
    struct fake *f = calloc(1, sizeof(*f));
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (f == NULL)
        return -1;
    strcpy(f->dir, "/tmp/mm-agent.XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    snprintf(f->path, sizeof(f->path), "%s/agent.sock", f->dir);
    strcpy(addr.sun_path, f->path);
    f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    *state = f;
    return bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
                   listen(f->listener, 1) == 0
               ? 0
               : -1;
}

static int remove_fake(void **state)
{
    struct fake *f = *state;

    if (f->started)
        pthread_join(f->thread, NULL);
    close(f->listener);
    unlink(f->path);
    rmdir(f->dir);
    free(f);
    return 0;
}

static struct mm_pay_agent *connect_to(struct fake *f, unsigned timeout_ms, const char *first,
                                       const char *second)
{
    struct mm_pay_agent *agent = NULL;

    f->answers[0] = first;
    f->answers[1] = second;
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
    f->started = true;
    assert_int_equal(mm_pay_agent_open(f->path, timeout_ms, &agent, NULL), MM_OK);
    return agent;
}

static enum mm_status ask(struct fake *f, const char *answer, struct mm_err *err)
{
    struct mm_pay_agent *agent = connect_to(f, 5000, answer, NULL);
    json_t *object = NULL;
    enum mm_status st = mm_pay_agent_ask(agent, "status", &object, err);

    if (st != MM_OK)
        assert_null(object);
    json_decref(object);
    mm_pay_agent_close(&agent);
    return st;
}

static void agent_that_is_not_there_is_named(void **state)
{
    struct mm_pay_agent *agent = NULL;
    struct mm_err err = {0};

    (void)state;
    assert_int_equal(mm_pay_agent_open("/tmp/mm-no-such/agent.sock", 100, &agent, &err),
                     MM_PLATFORM);
    assert_null(agent);
    assert_non_null(strstr(err.text, "trust agent: not running"));
    assert_int_equal(mm_status_exit(err.st), 5);
}

static void agent_answer_is_read(void **state)
{
    assert_int_equal(ask(*state, "{\"ok\":true,\"verdict\":\"sound\"}\n", NULL), MM_OK);
}

static void agent_refusal_keeps_status_and_sentence(void **state)
{
    struct mm_err err = {0};

    assert_int_equal(
        ask(*state, "{\"ok\":false,\"status\":\"REFUSED\",\"error\":\"client\"}\n", &err),
        MM_REFUSED);
    assert_string_equal(err.text, "client");
}

static void agent_refusal_that_calls_itself_ok_is_a_failure(void **state)
{
    assert_int_equal(ask(*state, "{\"ok\":false,\"status\":\"OK\",\"error\":\"x\"}\n", NULL),
                     MM_FAILED);
}

static void agent_that_says_not_authentic_disables_payment(void **state)
{
    assert_int_equal(ask(*state, "{\"ok\":false,\"status\":\"AUTH\",\"error\":\"x\"}\n", NULL),
                     MM_REFUSED);
}

static void agent_answer_that_is_no_object_is_refused(void **state)
{
    assert_int_equal(ask(*state, "[1]\n", NULL), MM_PLATFORM);
}

static void agent_answer_that_is_no_json_is_refused(void **state)
{
    assert_int_equal(ask(*state, "hello\n", NULL), MM_PLATFORM);
}

static void agent_answer_without_ok_is_refused(void **state)
{
    assert_int_equal(ask(*state, "{\"verdict\":\"sound\"}\n", NULL), MM_PLATFORM);
}

static void agent_that_hangs_up_is_an_error(void **state)
{
    struct mm_err err = {0};

    assert_int_equal(ask(*state, NULL, &err), MM_PLATFORM);
    assert_non_null(strstr(err.text, "closed the connection"));
}

static void agent_that_says_half_a_line_times_out(void **state)
{
    struct fake *f = *state;
    struct mm_pay_agent *agent = connect_to(f, 50, "{\"ok\":", "}\n");
    json_t *answer = NULL;

    assert_int_equal(mm_pay_agent_ask(agent, "status", &answer, NULL), MM_TIMEOUT);
    mm_pay_agent_close(&agent);
}

static enum mm_status make_token(void *ctx, const uint8_t *nonce, size_t nonce_len,
                                 struct mm_buf *token, struct mm_err *err)
{
    (void)err;
    assert_int_equal(nonce_len, 3);
    assert_memory_equal(nonce, "\1\2\3", 3);
    *(bool *)ctx = true;
    mm_buf_bytes(token, "\xff\xfe", 2);
    return MM_OK;
}

static void report_sends_the_token_that_is_asked_for(void **state)
{
    struct fake *f = *state;
    struct mm_pay_agent *agent =
        connect_to(f, 5000, "{\"need\":\"integrity\",\"nonce\":\"AQID\"}\n",
                   "{\"ok\":true,\"result\":\"jwt\",\"session\":\"" SESSION "\"}\n");
    struct mm_pay_report report;
    bool made = false;

    assert_int_equal(mm_pay_agent_report(agent, "pay", make_token, &made, &report, NULL), MM_OK);
    assert_true(made);
    assert_string_equal(report.result, "jwt");
    assert_int_equal(report.session[15], 15);
    mm_pay_agent_close(&agent);
    pthread_join(f->thread, NULL);
    f->started = false;
    assert_non_null(strstr(f->lines[0], "\"purpose\":\"pay\""));
    assert_non_null(strstr(f->lines[1], "\"token\":\"__4\""));
    mm_pay_report_clear(&report);
}

static void report_without_the_card_sends_null(void **state)
{
    struct fake *f = *state;
    struct mm_pay_agent *agent =
        connect_to(f, 5000, "{\"need\":\"integrity\",\"nonce\":\"AQID\"}\n",
                   "{\"ok\":true,\"result\":\"jwt\",\"session\":\"" SESSION "\"}\n");
    struct mm_pay_report report;

    assert_int_equal(mm_pay_agent_report(agent, "open", NULL, NULL, &report, NULL), MM_OK);
    mm_pay_report_clear(&report);
    mm_pay_agent_close(&agent);
    pthread_join(f->thread, NULL);
    f->started = false;
    assert_non_null(strstr(f->lines[1], "\"token\":null"));
}

static enum mm_status report_from(struct fake *f, const char *answer)
{
    struct mm_pay_agent *agent = connect_to(f, 5000, answer, NULL);
    struct mm_pay_report report;
    enum mm_status st = mm_pay_agent_report(agent, "pay", NULL, NULL, &report, NULL);

    if (st != MM_OK)
        assert_null(report.result);
    mm_pay_report_clear(&report);
    mm_pay_agent_close(&agent);
    return st;
}

static void report_with_a_short_session_is_refused(void **state)
{
    assert_int_equal(report_from(*state, "{\"ok\":true,\"result\":\"j\",\"session\":\"AQID\"}\n"),
                     MM_PLATFORM);
}

static void report_without_result_is_refused(void **state)
{
    assert_int_equal(report_from(*state, "{\"ok\":true,\"session\":\"" SESSION "\"}\n"),
                     MM_PLATFORM);
}

static void report_that_needs_something_else_is_refused(void **state)
{
    assert_int_equal(report_from(*state, "{\"need\":\"pin\",\"nonce\":\"AQID\"}\n"), MM_PLATFORM);
}

static void report_with_a_bad_nonce_is_refused(void **state)
{
    assert_int_equal(report_from(*state, "{\"need\":\"integrity\",\"nonce\":\"*\"}\n"),
                     MM_PLATFORM);
}

#define WITH_FAKE(f) cmocka_unit_test_setup_teardown(f, make_fake, remove_fake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_that_is_not_there_is_named),
        WITH_FAKE(agent_answer_is_read),
        WITH_FAKE(agent_refusal_keeps_status_and_sentence),
        WITH_FAKE(agent_refusal_that_calls_itself_ok_is_a_failure),
        WITH_FAKE(agent_that_says_not_authentic_disables_payment),
        WITH_FAKE(agent_answer_that_is_no_object_is_refused),
        WITH_FAKE(agent_answer_that_is_no_json_is_refused),
        WITH_FAKE(agent_answer_without_ok_is_refused),
        WITH_FAKE(agent_that_hangs_up_is_an_error),
        WITH_FAKE(agent_that_says_half_a_line_times_out),
        WITH_FAKE(report_sends_the_token_that_is_asked_for),
        WITH_FAKE(report_without_the_card_sends_null),
        WITH_FAKE(report_with_a_short_session_is_refused),
        WITH_FAKE(report_without_result_is_refused),
        WITH_FAKE(report_that_needs_something_else_is_refused),
        WITH_FAKE(report_with_a_bad_nonce_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
