/* The host side with cards that cut their answers, say too much, or go away. */
#include "test/unit/gp_card_double.h"

#include <stdlib.h>

static const struct make card = {.domain = "A000000151000000",
                                 .protocol = 0x03,
                                 .i = 0x70,
                                 .key_version = 0x30,
                                 .diversification = "00010203040506070809",
                                 .domains = {"E3134F08A0000001510000009F700107C5039EFE80"},
                                 .applications = {"E3114F06F001020304019F700107C503000000"},
                                 .modules = {"E3154F05F0010203049F7001018406F00102030401C400"}};

/* What is done to answers to one instruction. */
struct spoiler {
    struct card_double inner; /* first: the double casts back to it */
    uint8_t ins;
    size_t keep;      /* bytes of the answer; SIZE_MAX: all */
    size_t more;      /* bytes put before the status word */
    uint16_t sw;      /* in place of the card's; 0: that */
    bool silent;      /* an empty answer, as of a card without power */
    unsigned left;    /* commands until it is taken out; 0: it stays */
    unsigned answers; /* so far */
};

static enum mm_status spoiled_transmit(struct mm_access *a, const uint8_t *apdu, size_t apdu_len,
                                       unsigned ms, struct mm_buf *resp, struct mm_err *err)
{
    struct spoiler *s = (struct spoiler *)a;
    enum mm_status st;

    if (s->left > 0 && --s->left == 0)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the card was taken out");
    st = double_ops.transmit(a, apdu, apdu_len, ms, resp, err);
    s->answers++;
    if (st != MM_OK || apdu[1] != s->ins)
        return st;
    if (s->silent)
        resp->len = 0;
    if (s->keep < resp->len)
        resp->len = s->keep;
    if (s->more > 0) {
        uint16_t sw = mm_be16(resp->data + resp->len - 2);
        resp->len -= 2;
        for (size_t i = 0; i < s->more; i++)
            mm_buf_u8(resp, (uint8_t)(i * 7));
        mm_buf_u16(resp, sw);
    }
    if (s->sw != 0)
        mm_put_be16(resp->data + resp->len - 2, s->sw);
    return st;
}

static const struct mm_access_ops spoiled_ops = {
    .transmit = spoiled_transmit, .begin = mm_access_begin_none, .end = mm_access_end_none};

static struct spoiler spoiler_of(uint8_t ins)
{
    struct spoiler s = {.inner = double_of(&card), .ins = ins, .keep = SIZE_MAX};

    s.inner.access.ops = &spoiled_ops;
    return s;
}

static void count(void *ctx, const struct mm_gp_item *entry)
{
    assert_true(entry->aid.len >= MM_AID_MIN);
    ++*(size_t *)ctx;
}

/* Open a session and list; n: entries seen. */
static enum mm_status list(struct spoiler *s, size_t *n, struct mm_err *err)
{
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_open_how how = {0};
    struct mm_gp_session *session = NULL;
    struct mm_gp_keys *keys = NULL;
    enum mm_status st;

    *n = 0;
    assert_int_equal(mm_gp_keys_in_memory(&set, MM_GP_DIVERSIFY_NONE, &keys, err), MM_OK);
    st = mm_gp_open_with(&s->inner.access, &how, keys, &session, err);
    assert_true((st == MM_OK) == (session != NULL));
    if (st == MM_OK)
        st = mm_gp_registry(session, count, n, err);
    mm_gp_close(&session);
    mm_gp_keys_free(&keys);
    return st;
}

static void unspoiled_card_is_listed(void **state)
{
    struct spoiler s = spoiler_of(0xff);
    struct mm_err err;
    size_t n;

    (void)state;
    assert_int_equal(list(&s, &n, &err), MM_OK);
    assert_int_equal(n, 3);
}

/* SELECT's answer is a convenience: cut or malformed it only tells no AID. Nothing else may be cut. */
static void answers_that_are_cut_open_nothing(void **state)
{
    static const struct {
        uint8_t ins;
        size_t len;
    } rows[] = {{0x50, 34}, {0x82, 2}, {0xf2, 23}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t keep = 0; keep < rows[i].len; keep++) {
            struct spoiler s = spoiler_of(rows[i].ins);
            struct mm_err err;
            size_t n;

            s.keep = keep;
            assert_int_not_equal(list(&s, &n, &err), MM_OK);
            assert_int_equal(n, 0);
        }
    }
}

/* Cut answers whose status word is still good. */
static void fields_that_are_cut_are_malformed(void **state)
{
    (void)state;
    for (size_t keep = 2; keep < 34; keep++) {
        struct spoiler s = spoiler_of(0x50);
        struct mm_err err;
        size_t n;

        s.keep = keep;
        s.sw = 0x9000;
        /* Without its last three bytes, the sequence counter, the answer is that of some cards. */
        assert_int_equal(list(&s, &n, &err), keep == 31 ? MM_OK : MM_MALFORMED);
        assert_int_equal(s.inner.authentications, keep == 31);
    }
    for (size_t keep = 3; keep < 23; keep++) {
        struct spoiler s = spoiler_of(0xf2);
        struct mm_err err;
        size_t n;

        s.keep = keep;
        s.sw = 0x9000;
        assert_int_equal(list(&s, &n, &err), MM_MALFORMED);
    }
}

static void select_answer_of_any_bytes_is_survived(void **state)
{
    (void)state;
    for (size_t keep = 2; keep < 14; keep++) {
        struct spoiler s = spoiler_of(0xa4);
        struct mm_err err;
        size_t n;

        s.keep = keep;
        s.sw = 0x9000;
        assert_int_equal(list(&s, &n, &err), MM_OK);
        s = spoiler_of(0xa4);
        s.more = 1000 * keep;
        assert_int_equal(list(&s, &n, &err), MM_OK);
    }
}

/* 84 with an AID of one byte, or of seventeen: the one that was asked for stays. */
static void select_answer_without_a_good_aid_changes_nothing(void **state)
{
    static const uint8_t short_aid[] = {0x6f, 0x03, 0x84, 0x01, 0xa0};
    static const uint8_t long_aid[21] = {0x6f, 0x13, 0x84, 0x11, 0xa0};
    static const uint8_t good[] = {0x6f, 0x07, 0x84, 0x05, 0xf0, 1, 2, 3, 4};
    struct mm_aid aid = {5, {0xa0, 0, 0, 0, 3}}, asked = aid;

    (void)state;
    mm_gp_selected_aid(short_aid, sizeof(short_aid), &aid);
    assert_true(mm_aid_equal(&aid, &asked));
    mm_gp_selected_aid(long_aid, sizeof(long_aid), &aid);
    assert_true(mm_aid_equal(&aid, &asked));
    mm_gp_selected_aid(good, sizeof(good), &aid);
    assert_int_equal(aid.bytes[0], 0xf0);
}

static void answers_that_say_too_much_are_refused(void **state)
{
    static const uint8_t instructions[] = {0x50, 0xf2};

    (void)state;
    for (size_t i = 0; i < sizeof(instructions); i++) {
        for (size_t more = 1; more < 66000; more = more * 3 + 1) {
            struct spoiler s = spoiler_of(instructions[i]);
            struct mm_err err;
            size_t n;

            s.more = more;
            assert_int_not_equal(list(&s, &n, &err), MM_OK);
        }
    }
}

/* 6310 for ever, with data or without. */
static void registry_that_does_not_end_is_left(void **state)
{
    struct spoiler s = spoiler_of(0xf2);
    struct mm_err err;
    size_t n;

    (void)state;
    s.sw = 0x6310;
    s.more = 4096;
    assert_int_equal(list(&s, &n, &err), MM_TOO_LONG);
    s = spoiler_of(0xf2);
    s.sw = 0x6310;
    s.keep = 2;
    assert_int_equal(list(&s, &n, &err), MM_CARD);
    assert_true(s.answers < 10);
}

/* At each command of the way; what is said is the reader's word, and where it was. */
static void card_that_is_taken_out_is_said(void **state)
{
    unsigned commands = 0;

    (void)state;
    for (unsigned at = 1; commands == 0; at++) {
        struct spoiler s = spoiler_of(0xff);
        struct mm_err err = {0};
        size_t n;
        enum mm_status st;

        s.left = at;
        st = list(&s, &n, &err);
        if (st == MM_OK) {
            commands = at - 1;
            break;
        }
        assert_int_equal(st, MM_NO_READER);
        assert_non_null(strstr(err.text, "taken out"));
    }
    assert_true(commands >= 6);
}

static void list_of_commands_says_where_the_card_went(void **state)
{
    struct spoiler s = spoiler_of(0xf0);
    struct mm_gp_keyset set = mm_gp_keyset_of(&mm_scp_test_keys);
    struct mm_gp_open_how how = {0};
    struct mm_gp_session *session = NULL;
    struct mm_gp_keys *keys = NULL;
    struct mm_aid aid = {5, {0xf0, 1, 2, 3, 4}};
    struct mm_buf commands;
    struct mm_err err = {0};

    (void)state;
    mm_buf_init(&commands);
    assert_int_equal(mm_gp_keys_in_memory(&set, MM_GP_DIVERSIFY_NONE, &keys, NULL), MM_OK);
    assert_int_equal(mm_gp_open_with(&s.inner.access, &how, keys, &session, NULL), MM_OK);
    s.sw = 0x9000;
    assert_int_equal(mm_gp_set_status_command(&aid, 0x80, &commands), MM_OK);
    assert_int_equal(mm_gp_delete_command(&aid, false, &commands), MM_OK);
    s.left = 2;
    assert_int_equal(mm_gp_send_list(session, &commands, NULL, NULL, &err), MM_NO_READER);
    assert_string_equal(err.text, "command 2 of 2: DELETE: the card was taken out");
    mm_gp_close(&session);
    mm_gp_keys_free(&keys);
    mm_buf_clear(&commands);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unspoiled_card_is_listed),
        cmocka_unit_test(answers_that_are_cut_open_nothing),
        cmocka_unit_test(fields_that_are_cut_are_malformed),
        cmocka_unit_test(select_answer_of_any_bytes_is_survived),
        cmocka_unit_test(select_answer_without_a_good_aid_changes_nothing),
        cmocka_unit_test(answers_that_say_too_much_are_refused),
        cmocka_unit_test(registry_that_does_not_end_is_left),
        cmocka_unit_test(card_that_is_taken_out_is_said),
        cmocka_unit_test(list_of_commands_says_where_the_card_went),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
