/* The power is cut at each persistent write of orders that change several records at once: the card comes
 * back as the last answer promised, and never in between. */
#include "test/unit/card_domain.h"

enum { SET_STATUS = 0xf0, STEPS = 9 };

static const struct mm_scp_keys own = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};

static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

static void open_at(struct host *h, unsigned at, bool *torn)
{
    struct mm_card_config cfg = {
        .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = torn}};
    struct mm_err err = {0};

    mm_card_close(&h->card);
    if (mm_card_open(&cfg, &h->card, &err) != MM_OK)
        fail_msg("tear at %u: %s", at, err.text);
    mm_card_power_on(h->card);
}

static uint16_t combined(struct host *h)
{
    uint16_t sw = secure(h, INSTALL, 0x0e, 0x01, "06" PACKAGE "00000000");

    if (sw == 0x9000)
        sw = load_blocks(h, probe_lfdb, sizeof(probe_lfdb));
    return sw != 0x9000 ? sw
                        : secure(h, INSTALL, 0x0e, 0x03,
                                 "06" PACKAGE "07" APPLET "07" INSTANCE "010002C90000");
}

static uint16_t step(struct host *h, unsigned n)
{
    switch (n) {
    case 0:
        return combined(h);
    case 1:
        return install_domain(h, SSD, "0180");
    case 2:
        return secure(h, INSTALL, 0x10, 0, "05" SSD "0007" INSTANCE "000000");
    case 3:
        return secure(h, SET_STATUS, 0x60, 0x80, SSD);
    case 4:
        return secure(h, SET_STATUS, 0x60, 0x00, SSD);
    case 5:
        return secure(h, INSTALL, 0x40, 0,
                      "08" ISD "0007" INSTANCE "03000400"
                      "0000");
    case 6:
        return enter(h, SSD, &mm_scp_test_keys);
    case 7:
        return put_set(h, 0x30, &own);
    default:
        h->keys = mm_scp_test_keys;
        return enter(h, ISD, &mm_scp_test_keys) != 0x9000 ? 0 : secure(h, DELETE, 0, 0, "4F05" SSD);
    }
}

static unsigned way(struct host *h)
{
    unsigned n = 0;

    if (host_open(h, 0x03) != 0x9000)
        return 0;
    while (n < STEPS && step(h, n) == 0x9000)
        n++;
    return n;
}

/* What the issuer is told of packages, applets and domains. */
struct view {
    uint8_t bytes[512];
    size_t len;
};

static void look(struct host *h, struct view *out)
{
    h->keys = mm_scp_test_keys;
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    if (secure(h, GET_STATUS, 0x60, 0x02, "4F01F0") != 0x9000)
        h->resp_len = 0; /* there is nothing */
    out->len = h->resp_len;
    memcpy(out->bytes, h->resp, out->len);
}

static void card_is_as_promised_after_power_cuts_in_orders_of_domains(void **state)
{
    struct view promised[STEPS + 1], found;
    struct host *h = host_new(MM_PROFILE_DEVELOPER);
    bool torn = true;

    (void)state;
    /* Where each step leads, one card for each: to look changes the selection. */
    for (unsigned n = 0; n <= STEPS; n++) {
        host_free(h);
        h = host_new(MM_PROFILE_DEVELOPER);
        assert_int_equal(host_open(h, 0x03), 0x9000);
        for (unsigned k = 0; k < n; k++)
            assert_int_equal(step(h, k), 0x9000);
        look(h, &promised[n]);
    }
    host_free(h);
    for (unsigned at = 1; torn; at++) {
        unsigned answered;

        h = host_new(MM_PROFILE_DEVELOPER);
        torn = false;
        open_at(h, at, &torn);
        answered = way(h);
        host_reopen(h);
        look(h, &found);
        if (found.len != promised[answered].len ||
            memcmp(found.bytes, promised[answered].bytes, found.len) != 0)
            fail_msg("cut at write %u: not what %u answers promised", at, answered);
        host_free(h);
        assert_true(at < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(card_is_as_promised_after_power_cuts_in_orders_of_domains),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
