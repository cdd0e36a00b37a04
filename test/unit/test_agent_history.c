/* Trust agent: what it remembers, and what it refuses because of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trust_agent/agent_int.h"

static char dir[64];

static struct mm_agent *new_agent(void)
{
    struct mm_agent *a = calloc(1, sizeof(*a));
    struct mm_err err;

    assert_non_null(a);
    a->dir = strdup(dir);
    a->components = json_array();
    a->events = json_array();
    a->config.client_fixed = strdup("");
    assert_int_equal(history_load(a, &err), MM_OK);
    return a;
}

static int fresh_home(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/mm-agent-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_home(void **state)
{
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/history.json", dir);
    unlink(path);
    return rmdir(dir);
}

/* A chip with one applet. */
static struct mm_token token_of(uint64_t counter, uint8_t dynamic, struct mm_token_component *c)
{
    struct mm_token token = {.chip_id = "one chip", .counter = counter, .valid = true};

    *c = (struct mm_token_component){.kind = 2, .aid = {.len = 5, .bytes = {0xf0, 1, 2, 3, 4}}};
    memset(c->dynamic, dynamic, sizeof(c->dynamic));
    token.components = c;
    token.component_n = 1;
    return token;
}

static void a_counter_that_went_back_is_an_older_image(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_token_component c;
    struct mm_token now = token_of(7, 1, &c), old = token_of(6, 1, &c), next = token_of(8, 1, &c);
    struct mm_err err;

    (void)state;
    assert_int_equal(history_chip(a, &old, &err), MM_OK); /* nothing seen yet */
    history_note_chip(a, &now);
    assert_int_equal(history_chip(a, &now, &err), MM_OK);
    assert_int_equal(history_chip(a, &next, &err), MM_OK);
    assert_int_equal(history_chip(a, &old, &err), MM_ROLLBACK);
    assert_non_null(strstr(err.text, "older"));
    mm_agent_close(&a);
}

static void another_chip_has_a_counter_of_its_own(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_token_component c;
    struct mm_token one = token_of(7, 1, &c), other = token_of(1, 1, &c);
    struct mm_err err;

    (void)state;
    memcpy(other.chip_id, "another", 8);
    history_note_chip(a, &one);
    assert_int_equal(history_chip(a, &other, &err), MM_OK);
    mm_agent_close(&a);
}

static void dynamic_data_may_change_only_together_with_the_counter(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_token_component c, changed, moved;
    struct mm_token seen = token_of(7, 1, &c);
    struct mm_token same_counter = token_of(7, 2, &changed), higher = token_of(8, 2, &moved);
    struct mm_err err;

    (void)state;
    history_note_chip(a, &seen);
    assert_int_equal(history_component(a, &seen, &c, false, &err), MM_OK);
    assert_int_equal(history_component(a, &higher, &moved, false, &err), MM_OK);
    assert_int_equal(history_component(a, &same_counter, &changed, false, &err), MM_REFUSED);
    mm_agent_close(&a);
}

/* Where it is, reference values cannot say what static data has to be. */
static void statics_that_a_package_writes_are_judged_by_history_too(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_token_component c, changed;
    struct mm_token seen = token_of(7, 1, &c), now = token_of(7, 1, &changed);
    struct mm_err err;

    (void)state;
    history_note_chip(a, &seen);
    changed.fixed[0] ^= 1;
    assert_int_equal(history_component(a, &now, &changed, false, &err), MM_OK);
    assert_int_equal(history_component(a, &now, &changed, true, &err), MM_REFUSED);
    now.counter++;
    assert_int_equal(history_component(a, &now, &changed, true, &err), MM_OK);
    mm_agent_close(&a);
}

static void state_files_may_change_only_while_a_session_is_open(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_err err;

    (void)state;
    history_note_client(a);
    a->client_dynamic[0] ^= 1;
    assert_int_equal(history_client(a, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "state files"));
    history_session(a, true);
    assert_int_equal(history_client(a, &err), MM_OK);
    history_note_client(a);
    history_session(a, false);
    assert_int_equal(history_client(a, &err), MM_OK);
    mm_agent_close(&a);
}

static void configuration_may_never_change(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_err err;

    (void)state;
    history_note_client(a);
    history_session(a, true);
    a->client_fixed[31] ^= 0x80;
    assert_int_equal(history_client(a, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "configuration"));
    mm_agent_close(&a);
}

static void history_outlives_the_agent(void **state)
{
    struct mm_agent *a = new_agent();
    struct mm_token_component c;
    struct mm_token now = token_of(7, 1, &c), old = token_of(6, 1, &c);
    struct mm_err err;

    (void)state;
    history_note_chip(a, &now);
    history_session(a, true);
    assert_int_equal(history_save(a, &err), MM_OK);
    mm_agent_close(&a);
    a = new_agent();
    assert_int_equal(history_chip(a, &old, &err), MM_ROLLBACK);
    assert_true(history_session_open(a));
    mm_agent_close(&a);
}

/* Else an attacker who damages the file makes the agent forget the counter. */
static void a_damaged_history_is_refused_not_begun_anew(void **state)
{
    static const char *const damaged[] = {"", "{", "[]", "{\"chips\":{},\"chips\":{}}"};
    char path[128];
    struct mm_err err;

    (void)state;
    snprintf(path, sizeof(path), "%s/history.json", dir);
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct mm_agent *a = calloc(1, sizeof(*a));

        assert_non_null(a);
        a->dir = strdup(dir);
        assert_int_equal(mm_file_write(path, damaged[i], strlen(damaged[i]), 0600, &err), MM_OK);
        assert_int_equal(history_load(a, &err), MM_TAMPERED);
        mm_agent_close(&a);
    }
}

static json_t *answer_to(struct mm_agent *a, const char *text)
{
    json_t *request = json_loads(text, JSON_DECODE_ANY, NULL);
    json_t *answer = mm_agent_answer(a, request);

    json_decref(request);
    return answer;
}

static void requests_that_make_no_sense_get_an_error_with_a_sentence(void **state)
{
    static const char *const bad[] = {"{}", "[]", "3", "{\"cmd\":7}", "{\"cmd\":\"pay\"}"};
    struct mm_agent *a = new_agent();

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        json_t *answer = answer_to(a, bad[i]);
        assert_true(json_is_false(json_object_get(answer, "ok")));
        assert_true(json_string_length(json_object_get(answer, "error")) > 0);
        assert_non_null(json_string_value(json_object_get(answer, "status")));
        json_decref(answer);
    }
    mm_agent_close(&a);
}

static void before_the_first_check_the_verdict_is_unchecked_and_the_gate_shut(void **state)
{
    struct mm_agent *a = new_agent();
    json_t *answer = answer_to(a, "{\"cmd\":\"status\"}");

    (void)state;
    assert_string_equal(json_string_value(json_object_get(answer, "verdict")), "unchecked");
    assert_true(json_is_false(json_object_get(answer, "gate")));
    json_decref(answer);
    mm_agent_close(&a);
}

static void agent_conf_names_an_unknown_key_with_its_line(void **state)
{
    static const char text[] = "reader = x\nclient_fils = /a\n";
    struct agent_config config;
    char path[128];
    struct mm_err err;

    (void)state;
    snprintf(path, sizeof(path), "%s/agent.conf", dir);
    assert_int_equal(agent_config_read(dir, &config, &err), MM_NOT_FOUND);
    assert_int_equal(mm_file_write(path, text, sizeof(text) - 1, 0600, &err), MM_OK);
    assert_int_equal(agent_config_read(dir, &config, &err), MM_MALFORMED);
    assert_non_null(strstr(err.text, "line 2: no setting is called client_fils"));
    unlink(path);
}

static void agent_conf_keeps_paths_relative_to_its_folder(void **state)
{
    static const char text[] = "ca = root.pem\nrelease = /etc/release.pem\n";
    struct agent_config config;
    char path[128], expected[128];
    struct mm_err err;

    (void)state;
    snprintf(path, sizeof(path), "%s/agent.conf", dir);
    snprintf(expected, sizeof(expected), "%s/root.pem", dir);
    assert_int_equal(mm_file_write(path, text, sizeof(text) - 1, 0600, &err), MM_OK);
    assert_int_equal(agent_config_read(dir, &config, &err), MM_OK);
    assert_string_equal(config.ca, expected);
    assert_string_equal(config.release, "/etc/release.pem");
    agent_config_clear(&config);
    unlink(path);
}

#define IN_HOME(f) cmocka_unit_test_setup_teardown(f, fresh_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_HOME(a_counter_that_went_back_is_an_older_image),
        IN_HOME(another_chip_has_a_counter_of_its_own),
        IN_HOME(dynamic_data_may_change_only_together_with_the_counter),
        IN_HOME(statics_that_a_package_writes_are_judged_by_history_too),
        IN_HOME(state_files_may_change_only_while_a_session_is_open),
        IN_HOME(configuration_may_never_change),
        IN_HOME(history_outlives_the_agent),
        IN_HOME(a_damaged_history_is_refused_not_begun_anew),
        IN_HOME(requests_that_make_no_sense_get_an_error_with_a_sentence),
        IN_HOME(before_the_first_check_the_verdict_is_unchecked_and_the_gate_shut),
        IN_HOME(agent_conf_names_an_unknown_key_with_its_line),
        IN_HOME(agent_conf_keeps_paths_relative_to_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
