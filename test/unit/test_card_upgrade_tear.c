/* The power is cut at each persistent write of an upgrade session: the card comes back as the last answer
 * promised, and the session goes on from there to its end. */
#include "test/unit/card_upgrade.h"

#define STEPS_MAX 5
enum step { S_START, S_LOAD_NEW, S_LOAD_OLD, S_RESUME, S_RECOVERY, S_ABORT };

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

/* Version 1 with two instances of Keeper, which hold other counters. */
static struct host *card_made(void)
{
    void *state;
    struct host *h;

    assert_int_equal(with_keeper(&state), 0);
    h = state;
    assert_int_equal(install_param(h, KEEPER, SECOND, "0100", "CC"), 0x9000);
    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    assert_int_equal(host_hex(h, "8002000000"), 0x9000);
    assert_int_equal(ask(h, SECOND, "8002000000"), 0x9000);
    back(h);
    return h;
}

/* The files of its image, which each cut begins with. */
static struct {
    uint8_t *data[3];
    size_t len[3];
} image;

static const char *image_file(const struct host *h, size_t i, char path[128])
{
    static const char *const suffixes[3] = {"", ".journal", ".fuse"};

    snprintf(path, 128, "%s%s", h->path, suffixes[i]);
    return path;
}

/* Close the card; what it holds is what each cut begins with. */
static void keep_image(struct host *h)
{
    char path[128];

    mm_card_close(&h->card);
    for (size_t i = 0; i < 3; i++) {
        free(image.data[i]);
        image.data[i] = NULL;
        assert_int_equal(
            mm_file_read(image_file(h, i, path), 1 << 20, &image.data[i], &image.len[i], NULL),
            MM_OK);
    }
    host_free(h);
}

static int free_image(void **state)
{
    for (size_t i = 0; i < 3; i++)
        free(image.data[i]);
    return free_versions(state);
}

static struct host *card_new(void)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);
    char path[128];

    mm_card_close(&h->card);
    for (size_t i = 0; i < 3; i++) {
        FILE *f = fopen(image_file(h, i, path), "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(image.data[i], 1, image.len[i], f), image.len[i]);
        assert_int_equal(fclose(f), 0);
    }
    host_reopen(h);
    back(h);
    return h;
}

static uint16_t take(struct host *h, enum step step)
{
    switch (step) {
    case S_LOAD_NEW:
        return load_version(h, 2);
    case S_LOAD_OLD:
        return load_version(h, 1);
    case S_START:
        return manage(h, START);
    case S_RESUME:
        return manage(h, RESUME);
    case S_RECOVERY:
        return manage(h, RECOVERY);
    case S_ABORT:
        return manage(h, ABORT);
    }
    return 0;
}

/* How many of the steps were answered with 9000. */
static unsigned way(struct host *h, const enum step *steps, unsigned n)
{
    unsigned done = 0;

    if (host_open(h, 0x03) != 0x9000)
        return 0;
    while (done < n && take(h, steps[done]) == 0x9000)
        done++;
    return done;
}

/* The session as the issuer sees it, and what the instances hold where they can be asked. */
struct view {
    uint8_t bytes[128];
    size_t len;
};

static void add(struct view *v, const struct host *h, uint16_t sw)
{
    size_t n = sw == 0x9000 ? h->resp_len : 0;

    assert_true(v->len + 2 + n <= sizeof(v->bytes));
    mm_put_be16(v->bytes + v->len, sw);
    if (n > 0)
        memcpy(v->bytes + v->len + 2, h->resp, n);
    v->len += 2 + n;
}

static void look(struct host *h, struct view *v)
{
    struct mm_comp_info info;
    size_t components = 0;

    v->len = 0;
    back(h);
    add(v, h, manage(h, STATUS));
    add(v, h, ask(h, KEEPER, "8000000000"));
    add(v, h, ask(h, SECOND, "8000000000"));
    while (mm_comp_get(h->card->nvm, components, &info))
        components++;
    v->bytes[v->len++] = (uint8_t)components;
    back(h);
}

static bool same(const struct view *a, const struct view *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Where each step leads. */
static void promises(const enum step *steps, unsigned n, struct view promised[STEPS_MAX + 1])
{
    struct host *h = card_new();

    look(h, &promised[0]);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(take(h, steps[i]), 0x9000);
        look(h, &promised[i + 1]);
    }
    host_free(h);
}

/* Cut at every write of the steps, of which the first done ones are over before; after each cut the rest of
 * them is taken. The last step may be carried out and not answered: the collection of what nobody refers
 * to any more comes after it. */
static void cut_everywhere(const enum step *steps, unsigned done, unsigned n)
{
    struct host *before = card_made();
    struct view promised[STEPS_MAX + 1], found;
    unsigned cuts[STEPS_MAX + 1] = {0};
    bool torn = true;

    for (unsigned i = 0; i < done; i++)
        assert_int_equal(take(before, steps[i]), 0x9000);
    keep_image(before);
    steps += done;
    n -= done;
    promises(steps, n, promised);
    for (unsigned at = 1; torn; at++) {
        struct host *h = card_new();
        unsigned answered;

        torn = false;
        open_at(h, at, &torn);
        answered = way(h, steps, n);
        cuts[answered]++;
        host_reopen(h);
        look(h, &found);
        if (answered + 1 == n && same(&found, &promised[n]))
            answered = n;
        if (!same(&found, &promised[answered]))
            fail_msg("cut at write %u: not what %u answers promised", at, answered);
        for (; answered < n; answered++)
            assert_int_equal(take(h, steps[answered]), 0x9000);
        look(h, &found);
        if (!same(&found, &promised[n]))
            fail_msg("cut at write %u: the session ends otherwise", at);
        host_free(h);
        assert_true(at < 4000);
    }
    for (unsigned i = 0; i < n; i++)
        assert_true(cuts[i] > 0); /* each step had its cuts */
}

static void upgrade_goes_on_after_power_cuts_at_every_write(void **state)
{
    static const enum step steps[] = {S_START, S_LOAD_NEW, S_RESUME};

    (void)state;
    cut_everywhere(steps, 0, 3);
}

static void recovery_goes_on_after_power_cuts_at_every_write(void **state)
{
    static const enum step steps[] = {S_START, S_LOAD_NEW, S_RECOVERY, S_LOAD_OLD, S_RESUME};

    (void)state;
    cut_everywhere(steps, 2, 5);
}

static void abort_goes_on_after_power_cuts_at_every_write(void **state)
{
    static const enum step steps[] = {S_START, S_LOAD_NEW, S_ABORT};

    (void)state;
    cut_everywhere(steps, 2, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upgrade_goes_on_after_power_cuts_at_every_write),
        cmocka_unit_test(recovery_goes_on_after_power_cuts_at_every_write),
        cmocka_unit_test(abort_goes_on_after_power_cuts_at_every_write),
    };

    return cmocka_run_group_tests(tests, NULL, free_image);
}
