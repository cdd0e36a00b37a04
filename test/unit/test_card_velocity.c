/* Wrong keys cost time, over resets and power cuts, and never lock the card. */
#include "test/unit/card_load.h"

#include "applet_vm/card/card_int.h"

struct clock {
    unsigned ms, pauses;
    uint8_t counted; /* failures in the image at the last pause */
    struct host *h;
};

static void pass(void *ctx, unsigned ms)
{
    struct clock *c = ctx;

    c->ms = ms;
    c->pauses++;
    c->counted = mm_key_failures(c->h->card->nvm, 0);
}

static void reopen(struct host *h, struct clock *clock)
{
    struct mm_card_config cfg = {.nvm.path = h->path, .pause = pass, .pause_ctx = clock};
    struct mm_err err = {0};

    clock->h = h;
    mm_card_close(&h->card);
    if (mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_card_power_on(h->card);
}

static uint16_t guess(struct host *h)
{
    assert_int_equal(host_hex(h, "8050000008 0102030405060708 00"), 0x9000);
    return host_hex(h, "8482030010 00000000000000000000000000000000");
}

static void guesses_wait_longer_and_longer_up_to_a_limit(void **state)
{
    static const unsigned waits[] = {0, 0, 0, 50, 100, 200, 400, 800, 1600, 2000, 2000, 2000};
    struct clock clock = {0};

    reopen(*state, &clock);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        clock.ms = 0;
        assert_int_equal(guess(*state), 0x6300);
        assert_int_equal(clock.ms, waits[i]);
    }
}

static void failures_are_counted_before_the_verdict_and_kept(void **state)
{
    struct clock clock = {0};

    reopen(*state, &clock);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(guess(*state), 0x6300);
    assert_int_equal(clock.counted, 4); /* while it waited */
    mm_card_reset(((struct host *)*state)->card);
    assert_int_equal(guess(*state), 0x6300);
    assert_int_equal(clock.ms, 100);
    reopen(*state, &clock);
    assert_int_equal(guess(*state), 0x6300);
    assert_int_equal(clock.ms, 200);
}

static void right_keys_open_the_card_after_any_number_of_failures(void **state)
{
    struct host *h = *state;
    struct clock clock = {0};

    reopen(h, &clock);
    for (unsigned i = 0; i < 300; i++)
        assert_int_equal(guess(h), 0x6300);
    assert_int_equal(clock.counted, 255);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    clock.pauses = 0;
    assert_int_equal(guess(h), 0x6300); /* and the count starts anew */
    assert_int_equal(clock.pauses, 0);
    assert_int_equal(host_open(h, 0x03), 0x9000);
}

int main(void)
{
#define WITH_CARD(name) cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH_CARD(guesses_wait_longer_and_longer_up_to_a_limit),
        WITH_CARD(failures_are_counted_before_the_verdict_and_kept),
        WITH_CARD(right_keys_open_the_card_after_any_number_of_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
