/*
 * Every method of the API, of javacard and of org.globalplatform, called from Java on an object of its class:
 * converted, verified, linked and dispatched. The applet and the list are made from the API's tables
 * (converter/test/called); what the methods do is for other tests.
 */
#include "test/unit/card_built.h"

#include <stdio.h>

#define METHODS_MIN 900 /* a list that is cut short proves nothing */

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, CALLED_CAP, CALLED_PKG);
    assert_int_equal(install_as(h, CALLED_PKG, CALLED, CALLED), 0x9000);
    assert_int_equal(select_in(h, 0x00, CALLED), 0x9000);
    *state = h;
    return 0;
}

static void every_method_of_the_api_is_reached_from_bytecode(void **state)
{
    const char *build = getenv("MM_BUILD");
    struct host *h = *state;
    char path[256], name[256], command[16];
    unsigned cls, method, n = 0, lost = 0;
    FILE *list;

    snprintf(path, sizeof(path), "%s/gen/called/methods", build != NULL ? build : "build/release");
    list = fopen(path, "r");
    assert_non_null(list);
    while (fscanf(list, "%u %u %255s", &cls, &method, name) == 3) {
        uint16_t sw;
        snprintf(command, sizeof(command), "8001%02X%02X", cls, method);
        sw = host_hex(h, command);
        if (sw != 0x9000)
            print_error("%s: %04X\n", name, sw);
        lost += sw != 0x9000;
        n++;
    }
    fclose(list);
    assert_true(n >= METHODS_MIN);
    assert_int_equal(lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        every_method_of_the_api_is_reached_from_bytecode, setup, host_teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
