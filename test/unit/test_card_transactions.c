/*
 * Transactions (JCRE 3.0.5, chapter 7) of an applet: the same in install(), which is part of a
 * transaction of the card, as in process(). The applet is converter/test/atomic; it counts what it
 * expects itself.
 */
#include "test/unit/card_built.h"

enum {
    COMMIT = 1,
    ABORT,
    LEFT_OPEN,
    UNDONE_SELF,
    REASONS,
    FULL,
    THROW,
    STATIC,
    PIN,
    RELEASE,
    MANY
};

#define TWIN_OF_IT ATOMIC_PKG "02"

static uint16_t install_under(struct host *h, const char *name, unsigned what)
{
    char text[160];

    snprintf(text, sizeof(text), "0A" ATOMIC_PKG "0B" ATOMIC "0B%s010003C901%02X00", name, what);
    return secure(h, INSTALL, 0x0c, 0, text);
}

static uint16_t install_to(struct host *h, unsigned what)
{
    return install_under(h, ATOMIC, what);
}

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, ATOMIC_CAP, ATOMIC_PKG);
    *state = h;
    return 0;
}

/* No expectation of the applet failed; its field and static field. */
static void found(struct host *h, const char *fields)
{
    char text[16];

    snprintf(text, sizeof(text), "0000%s", fields);
    assert_int_equal(host_hex(h, "807F000000"), 0x9000);
    assert_resp(h, text);
}

/* In install(), after a power cut, and again in process(). */
static void works(struct host *h, unsigned what, const char *fields)
{
    char text[16];

    assert_int_equal(install_to(h, what), 0x9000);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    found(h, fields);
    host_reopen(h);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    found(h, fields);
    snprintf(text, sizeof(text), "80%02X0000", what);
    assert_int_equal(host_hex(h, text), 0x9000);
    found(h, fields);
}

static void install_can_commit_a_transaction(void **state)
{
    works(*state, COMMIT, "00020000");
}

static void install_can_abort_a_transaction(void **state)
{
    works(*state, ABORT, "00040000");
}

/* JCRE 3.0.5, 7.6.2: as if it had thrown, so nothing is installed. */
static void install_fails_when_it_leaves_a_transaction_open(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_to(h, LEFT_OPEN), 0x6f00);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x6a82);
    assert_int_equal(install_to(h, COMMIT), 0x9000);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    assert_int_equal(host_hex(h, "80030000"), 0x6f00);
    found(h, "00020000");
}

static void install_fails_when_what_it_registered_is_undone(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_to(h, UNDONE_SELF), 0x6985);
    assert_int_equal(install_to(h, COMMIT), 0x9000);
}

static void transaction_exceptions_in_install_have_the_reasons_of_process(void **state)
{
    works(*state, REASONS, "00000000");
}

static void commit_capacity_in_install_is_that_of_process(void **state)
{
    works(*state, FULL, "00000000");
}

static void an_abort_in_install_undoes_static_fields(void **state)
{
    works(*state, STATIC, "00000007");
}

static void pin_tries_used_in_install_stay_used_after_an_abort(void **state)
{
    works(*state, PIN, "00000000");
}

static void an_abort_in_install_brings_back_what_was_let_go(void **state)
{
    works(*state, RELEASE, "00000000");
}

static void install_can_have_many_transactions(void **state)
{
    works(*state, MANY, "012C0000");
}

static void install_that_throws_in_a_transaction_leaves_nothing(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_to(h, THROW), 0x6F42);
    assert_int_equal(install_to(h, COMMIT), 0x9000);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    found(h, "00020000");
}

static void what_process_left_open_is_not_open_in_install(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_to(h, COMMIT), 0x9000);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    assert_int_equal(host_hex(h, "80030000"), 0x6f00); /* LEFT_OPEN */
    assert_int_equal(select_in(h, 0x00, "A000000151000000"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(install_under(h, TWIN_OF_IT, REASONS), 0x9000);
    assert_int_equal(select_in(h, 0x00, TWIN_OF_IT), 0x9000);
    found(h, "00000000");
}

/* ---- Power cuts ---- */

static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

static void a_power_cut_in_the_transactions_of_install_leaves_nothing(void **state)
{
    struct host *h = *state;
    bool torn = true;
    unsigned cuts = 0;

    for (unsigned at = 1; torn; at++) {
        struct mm_card_config cfg = {
            .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = &torn}};
        struct mm_err err = {0};

        torn = false;
        mm_card_close(&h->card);
        assert_int_equal(mm_card_open(&cfg, &h->card, &err), MM_OK);
        mm_card_power_on(h->card);
        if (host_open(h, 0x01) == 0x9000)
            (void)install_to(h, ABORT);
        if (!torn)
            break;
        cuts++;
        host_reopen(h);
        assert_int_equal(select_in(h, 0x00, ATOMIC), 0x6A82);
    }
    assert_true(cuts > 30);
    assert_int_equal(select_in(h, 0x00, ATOMIC), 0x9000);
    found(h, "00040000");
}

static int teardown(void **state)
{
    host_free(*state);
    return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(install_can_commit_a_transaction),
        TEST(install_can_abort_a_transaction),
        TEST(install_fails_when_it_leaves_a_transaction_open),
        TEST(install_fails_when_what_it_registered_is_undone),
        TEST(transaction_exceptions_in_install_have_the_reasons_of_process),
        TEST(commit_capacity_in_install_is_that_of_process),
        TEST(an_abort_in_install_undoes_static_fields),
        TEST(pin_tries_used_in_install_stay_used_after_an_abort),
        TEST(an_abort_in_install_brings_back_what_was_let_go),
        TEST(install_can_have_many_transactions),
        TEST(install_that_throws_in_a_transaction_leaves_nothing),
        TEST(what_process_left_open_is_not_open_in_install),
        TEST(a_power_cut_in_the_transactions_of_install_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
