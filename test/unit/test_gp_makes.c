/* The host side with cards of other makes: old and new, SCP02 and SCP03, T=0 and T=1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/unit/gp_card_double.h"

#define SCP02_I15                                                                                  \
    "663B733906072A864886FC6B01600B06092A864886FC6B020101630906072A864886FC6B03640B06092A864886FC" \
    "6B040215"

/* GlobalPlatform 2.1.1, T=0, SCP02 i=15, the issuer domain's AID of Open Platform. */
static const struct make old_card = {.domain = "A000000003000000",
                                     .protocol = 0x02,
                                     .i = 0x15,
                                     .key_version = 0xff,
                                     .diversification = "00002345678901234567",
                                     .t0 = true,
                                     .old_status = true,
                                     .no_modules = true,
                                     .recognition = SCP02_I15,
                                     .domains = {"08A000000003000000019E"},
                                     .applications = {"06F001020304010700"
                                                      "06F001020304020704"},
                                     .packages = {"05F0010203040100"}};
/* 2.2, T=1, SCP02 i=55 but silent about it, registry with modules in two parts. */
static const struct make newer_card = {
    .domain = "A000000151000000",
    .silent_select = true,
    .protocol = 0x02,
    .i = 0x55,
    .key_version = 0x20,
    .diversification = "00002345678901234567",
    .domains = {"E3134F08A0000001510000009F700107C5039EFE80"},
    .applications = {"E3114F06F001020304019F700107C503000000",
                     "E3114F06F001020304029F700183C503000000"},
    .modules = {"E3154F05F0010203049F7001018406F00102030401C400"}};
/* An AID that nobody knows, SCP03 with pseudo-random challenge. */
static const struct make own_card = {.domain = "D27600002545500200",
                                     .protocol = 0x03,
                                     .i = 0x70,
                                     .key_version = 0x01,
                                     .diversification = "00010203040506070809",
                                     .domains = {"E3144F09D276000025455002009F70010FC503800000"}};

struct seen {
    struct mm_gp_item entries[8];
    size_t n;
};

static void note(void *ctx, const struct mm_gp_item *entry)
{
    struct seen *s = ctx;

    assert_true(s->n < 8);
    s->entries[s->n++] = *entry;
}

static enum mm_status open_with(struct card_double *c, const struct mm_gp_open_how *how,
                                const struct mm_gp_keyset *set, enum mm_gp_diversify diversify,
                                struct mm_gp_session **session, struct mm_gp_keys **keys,
                                struct mm_err *err)
{
    static const struct mm_gp_open_how usual;

    assert_int_equal(mm_gp_keys_in_memory(set, diversify, keys, err), MM_OK);
    return mm_gp_open_with(&c->access, how != NULL ? how : &usual, *keys, session, err);
}

/* Open with the test keys at a level, list, close. */
static struct seen list_of(const struct make *make, uint8_t level)
{
    struct card_double c = double_of(make);
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_open_how how = {.level = level};
    struct mm_gp_session *session = NULL;
    struct mm_gp_keys *keys = NULL;
    struct seen seen = {0};
    struct mm_err err;

    if (open_with(&c, &how, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err) != MM_OK)
        fail_msg("%s: %s", make->domain, err.text);
    assert_int_equal(mm_gp_session_scp(session), make->protocol);
    if (mm_gp_registry(session, note, &seen, &err) != MM_OK)
        fail_msg("%s: %s", make->domain, err.text);
    assert_int_equal(c.authentications, 1);
    mm_gp_close(&session);
    mm_gp_keys_free(&keys);
    return seen;
}

static void old_card_is_listed_in_the_old_form(void **state)
{
    (void)state;
    struct seen seen = list_of(&old_card, 0x03);

    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.entries[0].kind, MM_GP_DOMAIN);
    assert_int_equal(seen.entries[0].aid.len, 8);
    assert_int_equal(seen.entries[0].privileges[0], 0x9e);
    assert_int_equal(seen.entries[2].privileges[0], 0x04);
    assert_int_equal(seen.entries[3].kind, MM_GP_PACKAGE);
    assert_int_equal(seen.entries[3].life_cycle, 0x01);
}

static void newer_card_is_listed_in_parts(void **state)
{
    (void)state;
    struct seen seen = list_of(&newer_card, 0x01);

    assert_int_equal(seen.n, 4);
    assert_int_equal(seen.entries[0].privileges[2], 0x80);
    assert_int_equal(seen.entries[2].life_cycle, 0x83);
    assert_int_equal(seen.entries[3].module_n, 1);
    assert_int_equal(seen.entries[3].package.len, 0);
}

static void card_with_an_aid_of_its_own_is_found(void **state)
{
    (void)state;
    static const uint8_t levels[] = {0x01, 0x03};
    for (size_t i = 0; i < sizeof(levels); i++) {
        struct seen seen = list_of(&own_card, levels[i]);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.entries[0].life_cycle, 0x0f);
        assert_int_equal(seen.entries[0].aid.len, 9);
    }
}

static void card_without_a_domain_is_said(void **state)
{
    (void)state;
    static const struct mm_aid wanted = {5, {0xf0, 1, 2, 3, 4}};
    struct card_double c = double_of(&old_card);
    struct mm_gp_open_how how = {.domain = &wanted};
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_session *session;
    struct mm_gp_keys *keys;
    struct mm_err err;

    assert_int_equal(open_with(&c, &how, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err),
                     MM_CARD);
    assert_non_null(strstr(err.text, "6A82"));
    assert_int_equal(c.updates, 0);
    mm_gp_keys_free(&keys);
}

/* ---- Authentication that fails ---- */

static void wrong_keys_never_reach_external_authenticate(void **state)
{
    (void)state;
    static const struct make *const makes[] = {&old_card, &newer_card, &own_card};
    for (size_t i = 0; i < sizeof(makes) / sizeof(makes[0]); i++) {
        struct card_double c = double_of(makes[i]);
        struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
        struct mm_gp_session *session;
        struct mm_gp_keys *keys;
        struct mm_err err;

        set.mac[0] ^= 0xff;
        set.enc[0] ^= 0xff;
        assert_int_equal(open_with(&c, NULL, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err),
                         MM_AUTH);
        assert_null(session);
        assert_int_equal(c.updates, 1);
        assert_int_equal(c.authentications, 0);
        mm_gp_keys_free(&keys);
    }
}

static void refused_authentication_is_not_tried_again(void **state)
{
    (void)state;
    struct make locked = own_card;
    struct card_double c;
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_session *session;
    struct mm_gp_keys *keys;
    struct mm_err err;

    locked.authenticate_sw = 0x6983;
    c = double_of(&locked);
    assert_int_equal(open_with(&c, NULL, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err),
                     MM_AUTH);
    assert_non_null(strstr(err.text, "EXTERNAL AUTHENTICATE: 6983"));
    assert_int_equal(c.authentications, 1);
    mm_gp_keys_free(&keys);
}

static void another_protocol_than_asked_for_ends_before_keys_are_used(void **state)
{
    (void)state;
    struct card_double c = double_of(&old_card);
    struct mm_gp_open_how how = {.scp = 0x03};
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_session *session;
    struct mm_gp_keys *keys;
    struct mm_err err;

    assert_int_equal(open_with(&c, &how, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err),
                     MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "are for SCP02; asked for SCP03"));
    assert_int_equal(c.authentications, 0);
    mm_gp_keys_free(&keys);
}

static void protocol_that_nobody_speaks_is_said(void **state)
{
    (void)state;
    struct make ancient = old_card;
    struct card_double c;
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_session *session;
    struct mm_gp_keys *keys;
    struct mm_err err;

    ancient.protocol = 0x01;
    ancient.i = 0x05;
    c = double_of(&ancient);
    assert_int_equal(open_with(&c, NULL, &set, MM_GP_DIVERSIFY_NONE, &session, &keys, &err),
                     MM_UNSUPPORTED);
    assert_non_null(strstr(err.text, "SCP01"));
    mm_gp_keys_free(&keys);
}

/* ---- Keys of an issuer ---- */

static void keys_derived_from_a_master_open_the_card(void **state)
{
    (void)state;
    static const struct {
        const struct make *make;
        enum mm_gp_diversify how;
    } rows[] = {{&old_card, MM_GP_DIVERSIFY_EMV},   {&old_card, MM_GP_DIVERSIFY_VISA2},
                {&newer_card, MM_GP_DIVERSIFY_EMV}, {&own_card, MM_GP_DIVERSIFY_KDF3},
                {&own_card, MM_GP_DIVERSIFY_OURS},  {&own_card, MM_GP_DIVERSIFY_EMV}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct card_double c = double_of(rows[i].make);
        struct mm_gp_keyset master = mm_gp_keyset_of(&mm_scp_test_keys), derived;
        struct mm_gp_session *session;
        struct mm_gp_keys *keys;
        uint8_t div[10];
        struct mm_err err;

        (void)double_hex(rows[i].make->diversification, div, sizeof(div));
        assert_int_equal(mm_gp_diversify(rows[i].how, &master, div, &derived, &err), MM_OK);
        memcpy(c.keys.enc, derived.enc, 16);
        memcpy(c.keys.mac, derived.mac, 16);
        memcpy(c.keys.dek, derived.dek, 16);
        if (open_with(&c, NULL, &master, rows[i].how, &session, &keys, &err) != MM_OK)
            fail_msg("row %zu: %s", i, err.text);
        assert_memory_equal(mm_gp_session_diversification(session), div, sizeof(div));
        mm_gp_close(&session);
        mm_gp_keys_free(&keys);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_card_is_listed_in_the_old_form),
        cmocka_unit_test(newer_card_is_listed_in_parts),
        cmocka_unit_test(card_with_an_aid_of_its_own_is_found),
        cmocka_unit_test(card_without_a_domain_is_said),
        cmocka_unit_test(wrong_keys_never_reach_external_authenticate),
        cmocka_unit_test(refused_authentication_is_not_tried_again),
        cmocka_unit_test(another_protocol_than_asked_for_ends_before_keys_are_used),
        cmocka_unit_test(protocol_that_nobody_speaks_is_said),
        cmocka_unit_test(keys_derived_from_a_master_open_the_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
