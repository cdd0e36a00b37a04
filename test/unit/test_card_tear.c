/* The power is cut at each persistent write of loading, installing and using an applet: the card
 * comes back whole every time, as its last answer promised. */
#include "test/unit/card_load.h"

static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

static void open_torn(struct host *h, unsigned at, bool *torn)
{
    struct mm_card_config cfg = {
        .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = torn}};
    struct mm_err err = {0};

    mm_card_close(&h->card);
    if (mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("tear at %u: %s", at, err.text);
    mm_card_power_on(h->card);
}

/* The way up; tells how many steps were answered with 9000. */
static unsigned way_up(struct host *h)
{
    if (host_open(h, 0x03) != 0x9000 || load_probe(h) != 0x9000)
        return 0;
    if (install_probe(h, "05C903010203") != 0x9000)
        return 1;
    if (select_probe(h) != 0x9000 || host_hex(h, "8014000000") != 0x9000)
        return 2;
    if (host_hex(h, "8014000000") != 0x9000)
        return 3;
    return 4;
}

/* What was answered is there, what was not is not: load, installation and counter in one number. */
static unsigned steps_found(struct host *h)
{
    assert_int_equal(host_open(h, 0x03), 0x9000);
    if (secure(h, GET_STATUS, 0x20, 0x02, "4F06" PACKAGE) != 0x9000)
        return 0;
    if (secure(h, GET_STATUS, 0x40, 0x02, "4F00") != 0x9000)
        return 1;
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "07" INSTANCE "010003010203");
    assert_int_equal(host_hex(h, "8014000000"), 0x9000);
    return 1u + h->resp[1]; /* one more than the counter was: 2, 3, 4 */
}

static void card_is_whole_after_power_cuts_at_every_write(void **state)
{
    bool torn = true;
    unsigned at = 1, cuts[5] = {0};

    (void)state;
    for (; torn; at++) {
        struct host *h = host_new(MM_PROFILE_DEVELOPER);
        unsigned answered, found;

        torn = false;
        open_torn(h, at, &torn);
        answered = way_up(h);
        host_reopen(h);
        found = steps_found(h);
        if (found != answered)
            fail_msg("cut at write %u: %u steps answered, %u found", at, answered, found);
        cuts[answered]++;
        host_free(h);
        assert_true(at < 1000);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_true(cuts[i] > 0); /* each step had its cuts */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_is_whole_after_power_cuts_at_every_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
