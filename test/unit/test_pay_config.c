#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "host_client/pay/config.h"
#include "host_client/pay/prompt.h"

#define PIN "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"

static char home[64];

static void put_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/client/%s", home, name);
    assert_int_equal(mm_file_write(path, text, strlen(text), 0600, NULL), MM_OK);
}

static int make_home(void **state)
{
    char dir[80];

    (void)state;
    strcpy(home, "/tmp/mm-config.XXXXXX");
    if (mkdtemp(home) == NULL)
        return -1;
    snprintf(dir, sizeof(dir), "%s/client", home);
    return mkdir(dir, 0700);
}

static int remove_home(void **state)
{
    static const char *const names[] = {"client/client.conf", "client/platform.pin", "client", ""};
    char path[128];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", home, names[i]);
        (void)remove(path); /* some tests do not make every file */
    }
    return 0;
}

static enum mm_status read_conf(const char *conf, const char *pin, struct mm_pay_config *config,
                                struct mm_err *err)
{
    put_file("client.conf", conf);
    put_file("platform.pin", pin);
    return mm_pay_config_read(home, config, err);
}

static void config_has_defaults_in_the_home(void **state)
{
    struct mm_pay_config config;
    char expected[128], pin[MM_PINS_TEXT_LEN];

    (void)state;
    assert_int_equal(read_conf("platform = https://localhost:1\n", PIN "\n", &config, NULL), MM_OK);
    snprintf(expected, sizeof(expected), "%s/client/ca.pem", home);
    assert_string_equal(config.ca, expected);
    snprintf(expected, sizeof(expected), "%s/agent/agent.sock", home);
    assert_string_equal(config.agent, expected);
    assert_null(config.reader);
    assert_int_equal(config.pins.n, 1);
    assert_int_equal(config.pins.pins[0][31], 31);
    mm_pins_text(&config.pins, pin);
    assert_string_equal(pin, "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    mm_pay_config_clear(&config);
}

static void config_paths_are_relative_to_the_clients_home(void **state)
{
    struct mm_pay_config config;
    char expected[128];

    (void)state;
    assert_int_equal(read_conf("platform = https://h\nca = x/y.pem\nkey = /etc/k.pem\n"
                               "reader = Virtual PCD 00 00\ntimeout = 250\n",
                               PIN, &config, NULL),
                     MM_OK);
    snprintf(expected, sizeof(expected), "%s/client/x/y.pem", home);
    assert_string_equal(config.ca, expected);
    assert_string_equal(config.key, "/etc/k.pem");
    assert_string_equal(config.reader, "Virtual PCD 00 00");
    assert_int_equal(config.timeout_ms, 250);
    mm_pay_config_clear(&config);
}

static void config_that_is_missing_says_not_enrolled(void **state)
{
    struct mm_pay_config config;
    struct mm_err err = {0};

    (void)state;
    assert_int_equal(mm_pay_config_read(home, &config, &err), MM_NOT_FOUND);
    assert_non_null(strstr(err.text, "not enrolled"));
}

static void config_refuses_bad_lines_and_bad_pins(void **state)
{
    static const struct {
        const char *conf, *pin;
    } bad[] = {
        {"", PIN},
        {"platform = http://h\n", PIN},
        {"platform = https://h\ncolour = blue\n", PIN},
        {"platform = https://h\ntimeout = 0\n", PIN},
        {"platform = https://h\ntimeout = 5s\n", PIN},
        {"platform = https://h\ntimeout = 999999999999\n", PIN},
        {"platform\n", PIN},
        {"platform = https://h\n", ""},
        {"platform = https://h\n", "00"},
        {"platform = https://h\n", PIN "00"},
        {"platform = https://h\n",
         "zz0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_pay_config config;
        struct mm_err err = {0};
        assert_int_equal(read_conf(bad[i].conf, bad[i].pin, &config, &err), MM_MALFORMED);
        assert_true(err.text[0] != '\0');
        assert_null(config.dir);
    }
}

static void pin_is_four_to_eight_digits(void **state)
{
    (void)state;
    assert_int_equal(mm_pay_check_pin("1234", NULL), MM_OK);
    assert_int_equal(mm_pay_check_pin("12345678", NULL), MM_OK);
    assert_int_equal(mm_pay_check_pin("", NULL), MM_USAGE);
    assert_int_equal(mm_pay_check_pin("123", NULL), MM_USAGE);
    assert_int_equal(mm_pay_check_pin("123456789", NULL), MM_USAGE);
    assert_int_equal(mm_pay_check_pin("12a4", NULL), MM_USAGE);
}

static void pin_comes_from_option_then_environment(void **state)
{
    char pin[MM_PIN_TEXT];

    (void)state;
    setenv("MINTMARK_PIN", "4321", 1);
    assert_int_equal(mm_pay_ask_pin("1234", "", pin, NULL), MM_OK);
    assert_string_equal(pin, "1234");
    assert_int_equal(mm_pay_ask_pin(NULL, "", pin, NULL), MM_OK);
    assert_string_equal(pin, "4321");
    unsetenv("MINTMARK_PIN");
}

#define WITH_HOME(f) cmocka_unit_test_setup_teardown(f, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HOME(config_has_defaults_in_the_home),
        WITH_HOME(config_paths_are_relative_to_the_clients_home),
        WITH_HOME(config_that_is_missing_says_not_enrolled),
        WITH_HOME(config_refuses_bad_lines_and_bad_pins),
        cmocka_unit_test(pin_is_four_to_eight_digits),
        cmocka_unit_test(pin_comes_from_option_then_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
