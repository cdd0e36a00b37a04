/* Verification where packages come in: LOAD refuses ill-typed code, in both profiles. */
#include "test/unit/card_load.h"
#include "test/unit/verify_cap.h"

#define OTHER_LV "06F00102030405"

/* A short stored as a reference: as ill-typed as it gets. */
static const struct test_method ill = {.code = "1c 7f0007 03 78"};
static const struct test_method good = {.code = "1c 1d 41 78"};

static uint16_t load_method(struct host *h, const struct test_method *t)
{
    size_t len = 0;
    uint8_t *lfdb = build_verify_lfdb(t, &len);
    uint16_t sw;

    assert_non_null(lfdb);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    sw = load_package(h, OTHER_LV, lfdb, len);
    free(lfdb);
    return sw;
}

/* GET STATUS of load files: does the card know the package? */
static bool has_package(struct host *h)
{
    return secure(h, GET_STATUS, 0x20, 0x02, "4F" OTHER_LV) == 0x9000;
}

static void load_refuses_ill_typed_code_and_leaves_nothing(void **state)
{
    assert_int_equal(load_method(*state, &ill), 0x6a80);
    assert_false(has_package(*state));
    assert_int_equal(load_method(*state, &good), 0x9000);
    assert_true(has_package(*state));
}

static void load_verifies_in_the_payment_profile_too(void **state)
{
    assert_int_equal(load_method(*state, &ill), 0x6a80);
    assert_false(has_package(*state));
}

static enum mm_status reopen_unverified(struct host *h)
{
    struct mm_card_config cfg = {.nvm.path = h->path, .no_verify = true};
    struct mm_err err = {0};
    enum mm_status st;

    mm_card_close(&h->card);
    st = mm_card_open(&cfg, &h->card, &err);
    if (st == MM_OK)
        mm_card_power_on(h->card);
    return st;
}

static void developer_may_load_unverified(void **state)
{
    assert_int_equal(reopen_unverified(*state), MM_OK);
    assert_int_equal(load_method(*state, &ill), 0x9000);
}

static void payment_profile_refuses_to_run_unverified(void **state)
{
    struct host *h = *state;

    assert_int_equal(reopen_unverified(h), MM_USAGE);
    assert_null(h->card);
}

static int payment_setup(void **state)
{
    *state = host_new(MM_PROFILE_PAYMENT);
    return 0;
}

int main(void)
{
#define DEVELOPER(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
#define PAYMENT(name)   cmocka_unit_test_setup_teardown(name, payment_setup, host_teardown)
    const struct CMUnitTest tests[] = {
        DEVELOPER(load_refuses_ill_typed_code_and_leaves_nothing),
        PAYMENT(load_verifies_in_the_payment_profile_too),
        DEVELOPER(developer_may_load_unverified),
        PAYMENT(payment_profile_refuses_to_run_unverified),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
