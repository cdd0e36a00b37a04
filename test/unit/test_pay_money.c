/*
 * The order of a payment, with a platform and a card of our own: what is booked, what is kept in the
 * journal and what the next run does about it, whenever a part is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/pay/money.h"

static const uint8_t purse_id[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t merchant[8] = {'S', 'H', 'O', 'P'};

/* ---- The card ---- */
enum at { NEVER, BEFORE_COMMIT, AFTER_COMMIT };
static struct {
    uint32_t counter, balance, amount;
    uint8_t type, merchant[8], nonce[16], last[MM_PURSE_RECORD_LEN];
    bool has_last, initialised;
    enum at leaves;   /* the card goes away in the second command */
    uint32_t lies;    /* added to the amount it takes */
    uint16_t refuses; /* status word of the second command; 0: none */
    unsigned commits;
} card;

/* ---- The platform ---- */
static struct {
    uint32_t counter, balance; /* of its ledger */
    bool away, answer_lost;
    const char *refuses; /* code of the next settlement */
    char code[64], key[65], path[32];
    unsigned settlements; /* that booked */
    unsigned calls;
} platform;

/* What money.c calls of http.c, session.c and the access library is here; their objects are left out. */
enum mm_status mm_access_begin(struct mm_access *access, struct mm_err *err)
{
    (void)access;
    (void)err;
    return MM_OK;
}

void mm_access_end(struct mm_access *access)
{
    (void)access;
}

enum mm_status mm_access_select(struct mm_access *access, const struct mm_aid *aid,
                                struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    (void)access;
    (void)aid;
    (void)resp;
    (void)err;
    *sw = 0x9000;
    return MM_OK;
}

static void put_last(void)
{
    uint8_t *p = card.last;

    memset(p, 0, sizeof(card.last));
    p[0] = card.type;
    mm_put_be32(p + 1, card.counter);
    mm_put_be32(p + 5, card.amount);
    mm_put_be32(p + 9, card.balance);
    memcpy(p + 13, card.merchant, 8);
    memcpy(p + 21, card.nonce, 16);
    card.has_last = true;
}

static void initialise(uint8_t ins, const uint8_t *data, struct mm_buf *resp)
{
    static const uint8_t zero[24];

    card.type = ins == MM_INS_PURSE_INITIALISE_LOAD ? data[0] : MM_PURSE_DEBIT;
    data += ins == MM_INS_PURSE_INITIALISE_LOAD;
    card.amount = mm_be32(data) + card.lies;
    memset(card.merchant, 0, 8);
    data += 4;
    if (card.type == MM_PURSE_DEBIT) {
        memcpy(card.merchant, data, 8);
        data += 8;
    }
    memcpy(card.nonce, data, 16);
    card.initialised = true;
    mm_buf_bytes(resp, purse_id, 8);
    mm_buf_u32(resp, card.counter);
    mm_buf_u32(resp, card.balance);
    if (card.type != MM_PURSE_DEBIT)
        mm_buf_u8(resp, card.type);
    mm_buf_u32(resp, card.amount);
    mm_buf_bytes(resp, zero, 24); /* random and MAC */
}

static enum mm_status commit(uint8_t ins, struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    static const uint8_t mac[16];

    if (card.refuses != 0) {
        *sw = card.refuses;
        return MM_OK;
    }
    if (card.leaves == BEFORE_COMMIT)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the card is gone");
    assert_true(card.initialised);
    card.initialised = false;
    card.counter++;
    card.commits++;
    card.balance += card.type == MM_PURSE_DEBIT ? 0u - card.amount : card.amount;
    put_last();
    if (card.leaves == AFTER_COMMIT)
        return mm_fail(err, MM_NO_READER, SIZE_MAX, "the card is gone");
    mm_buf_u32(resp, card.counter);
    mm_buf_u32(resp, card.balance);
    if (ins == MM_INS_PURSE_DEBIT) {
        mm_buf_u32(resp, card.amount);
        mm_buf_bytes(resp, card.merchant, 8);
    }
    mm_buf_bytes(resp, mac, 16);
    return MM_OK;
}

static void info(struct mm_buf *resp)
{
    mm_buf_u8(resp, MM_PURSE_PERSONALISED);
    mm_buf_bytes(resp, purse_id, 8);
    mm_buf_u16(resp, 0x0978);
    mm_buf_u32(resp, card.counter);
    mm_buf_u32(resp, card.balance);
    for (int i = 0; i < 3; i++) /* max balance, max debit, PIN-free limit */
        mm_buf_u32(resp, 50000);
    mm_buf_u8(resp, 3);
}

enum mm_status mm_access_call(struct mm_access *access, uint8_t cla, uint8_t ins, uint8_t p1,
                              uint8_t p2, const uint8_t *data, size_t data_len, int le,
                              struct mm_buf *resp, uint16_t *sw, struct mm_err *err)
{
    (void)access;
    (void)cla;
    (void)p1;
    (void)p2;
    (void)data_len;
    (void)le;
    *sw = 0x9000;
    if (ins == MM_INS_PURSE_GET_INFO) {
        info(resp);
    } else if (ins == MM_INS_PURSE_GET_LAST) {
        *sw = card.has_last ? 0x9000 : 0x6a83;
        if (card.has_last)
            mm_buf_bytes(resp, card.last, sizeof(card.last));
    } else if (ins == MM_INS_PURSE_INITIALISE_LOAD || ins == MM_INS_PURSE_INITIALISE_DEBIT) {
        initialise(ins, data, resp);
    } else if (ins == MM_INS_PURSE_CREDIT || ins == MM_INS_PURSE_DEBIT) {
        return commit(ins, resp, sw, err);
    } else {
        fail_msg("INS %02X", ins);
    }
    return MM_OK;
}

enum mm_status mm_pay_report(struct mm_pay_session *s, const char *purpose,
                             struct mm_pay_report *out, struct mm_err *err)
{
    (void)s;
    (void)purpose;
    (void)err;
    memset(out, 0, sizeof(*out));
    out->result = strdup("result");
    out->session_text = strdup("AQAAAAAAAAAAAAAAAAAAAA");
    out->session[0] = 1;
    return MM_OK;
}

const char *mm_pay_http_code(const struct mm_pay_http *http)
{
    (void)http;
    return platform.code;
}

static enum mm_status refuse(const char *code, struct mm_err *err)
{
    snprintf(platform.code, sizeof(platform.code), "%s", code);
    return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: %s", code);
}

static enum mm_status reach(struct mm_err *err)
{
    platform.calls++;
    platform.code[0] = '\0';
    return platform.away ? mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: not reachable") : MM_OK;
}

/* Books the transaction that is the card's last; a key that was used is answered again. */
static enum mm_status book(const char *key, json_t **answer, struct mm_err *err)
{
    if (platform.refuses != NULL)
        return refuse(platform.refuses, err);
    if (strcmp(platform.key, key) != 0) {
        if (platform.counter >= card.counter)
            return refuse("replayed_purchase", err);
        platform.counter = card.counter;
        platform.balance = card.balance;
        platform.settlements++;
        snprintf(platform.key, sizeof(platform.key), "%s", key);
    }
    if (platform.answer_lost)
        return mm_fail(err, MM_PLATFORM, SIZE_MAX, "platform: connection lost");
    *answer = json_pack("{s:i}", "balance", (int)platform.balance);
    return MM_OK;
}

enum mm_status mm_pay_http_post(struct mm_pay_http *http, const char *path, const json_t *body,
                                json_t **answer, struct mm_err *err)
{
    const char *key = json_string_value(json_object_get(body, "key"));
    enum mm_status st = reach(err);

    (void)http;
    *answer = NULL;
    if (st != MM_OK)
        return st;
    snprintf(platform.path, sizeof(platform.path), "%s", path);
    if (strcmp(path, "/load/begin") != 0)
        return book(key, answer, err);
    if (platform.refuses != NULL)
        return refuse(platform.refuses, err);
    *answer = json_pack("{s:s}", "mac2", "00112233445566778899AABBCCDDEEFF");
    return MM_OK;
}

enum mm_status mm_pay_http_get(struct mm_pay_http *http, const char *path, json_t **answer,
                               struct mm_err *err)
{
    enum mm_status st = reach(err);

    (void)http;
    *answer = NULL;
    assert_int_equal(strncmp(path, "/account?", 9), 0);
    if (st == MM_OK)
        *answer = json_pack("{s:i, s:i}", "counter", (int)platform.counter, "restorable", 700);
    return st;
}

/* ---- Set-up ---- */
static struct mm_pay_options options;
static struct mm_pay_session session;
static char journal[64];

static int up(void **state)
{
    int fd;

    (void)state;
    memset(&card, 0, sizeof(card));
    memset(&platform, 0, sizeof(platform));
    memset(&session, 0, sizeof(session));
    card.balance = platform.balance = 10000;
    strcpy(journal, "/tmp/mm-money.XXXXXX");
    fd = mkstemp(journal);
    if (fd < 0 || close(fd) != 0 || unlink(journal) != 0)
        return -1;
    session.options = &options;
    session.pending_path = journal;
    return 0;
}

static int down(void **state)
{
    (void)state;
    (void)unlink(journal);
    return 0;
}

static struct mm_pending pending(void)
{
    struct mm_pending p;

    assert_int_equal(mm_pending_load(journal, &p, NULL), MM_OK);
    return p;
}

static enum mm_status pay(uint32_t amount, struct mm_moved *moved, struct mm_err *err)
{
    return mm_pay_debit(&session, amount, merchant, moved, err);
}

static void expect_settled(unsigned times, uint32_t balance)
{
    assert_int_equal(platform.settlements, times);
    assert_int_equal(platform.counter, card.counter);
    assert_int_equal(platform.balance, balance);
    assert_int_equal(card.balance, balance);
    assert_int_equal(pending().type, 0);
}

static bool recovered(void)
{
    bool booked = false;
    struct mm_err err = {0};

    if (mm_pay_recover(&session, false, &booked, &err) != MM_OK)
        fail_msg("%s", err.text);
    return booked;
}

/* ---- Payments ---- */

static void payment_is_booked_and_the_journal_is_empty(void **state)
{
    struct mm_moved moved;

    (void)state;
    assert_int_equal(pay(1250, &moved, NULL), MM_OK);
    assert_int_equal(moved.amount, 1250);
    assert_int_equal(moved.balance, 8750);
    assert_int_equal(moved.ledger, 8750);
    expect_settled(1, 8750);
}

/* The platform is there until the chip has committed. */
static void go_away_at_settlement(struct mm_err *err)
{
    struct mm_moved moved;

    platform.refuses = "internal";
    assert_int_equal(pay(1250, &moved, err), MM_PLATFORM);
    platform.refuses = NULL;
}

static void payment_that_could_not_be_settled_is_booked_by_the_next_command(void **state)
{
    struct mm_err err = {0};
    struct mm_moved moved;
    char key[65];

    (void)state;
    go_away_at_settlement(&err);
    assert_non_null(strstr(err.text, "not yet in the ledger"));
    assert_int_equal(card.commits, 1);
    assert_int_equal(pending().counter, 1);
    memcpy(key, pending().key, sizeof(key));
    assert_int_equal(pay(100, &moved, &err), MM_OK); /* books 12.50 first */
    assert_int_equal(platform.settlements, 2);
    expect_settled(2, 8650);
    assert_string_not_equal(platform.key, key);
}

static void no_money_moves_while_an_earlier_payment_cannot_be_booked(void **state)
{
    struct mm_err err = {0};
    struct mm_moved moved;

    (void)state;
    go_away_at_settlement(&err);
    platform.away = true;
    assert_int_equal(pay(100, &moved, &err), MM_PLATFORM);
    assert_non_null(strstr(err.text, "earlier transaction"));
    assert_int_equal(card.commits, 1);
    platform.away = false;
    assert_true(recovered());
    expect_settled(1, 8750);
    assert_false(recovered());
}

static void settlement_whose_answer_was_lost_is_not_booked_twice(void **state)
{
    struct mm_err err = {0};
    struct mm_moved moved;

    (void)state;
    platform.answer_lost = true;
    assert_int_equal(pay(1250, &moved, &err), MM_PLATFORM);
    assert_int_equal(pending().type, MM_PURSE_DEBIT);
    platform.answer_lost = false;
    assert_true(recovered()); /* the same key, the same answer */
    expect_settled(1, 8750);
}

static void settlement_under_a_key_that_was_lost_is_not_booked_twice(void **state)
{
    struct mm_err err = {0};
    struct mm_moved moved;

    (void)state;
    platform.answer_lost = true;
    assert_int_equal(pay(1250, &moved, &err), MM_PLATFORM);
    platform.answer_lost = false;
    strcpy(platform.key, "another"); /* replayed_purchase */
    assert_true(recovered());
    expect_settled(1, 8750);
}

static void card_that_left_after_its_commit_is_booked_later(void **state)
{
    struct mm_moved moved;

    (void)state;
    card.leaves = AFTER_COMMIT;
    assert_int_equal(pay(1250, &moved, NULL), MM_NO_READER);
    assert_int_equal(pending().counter, 1);
    card.leaves = NEVER;
    assert_true(recovered());
    expect_settled(1, 8750);
}

static void card_that_left_before_its_commit_has_paid_nothing(void **state)
{
    struct mm_moved moved;

    (void)state;
    card.leaves = BEFORE_COMMIT;
    assert_int_equal(pay(1250, &moved, NULL), MM_NO_READER);
    assert_int_equal(pending().counter, 1); /* nobody knows yet */
    card.leaves = NEVER;
    assert_false(recovered());
    expect_settled(0, 10000);
}

static void card_that_refuses_leaves_nothing_pending(void **state)
{
    struct mm_moved moved;

    (void)state;
    card.refuses = 0x6982;
    assert_int_equal(pay(1250, &moved, NULL), MM_CARD);
    expect_settled(0, 10000);
}

static void card_that_takes_another_amount_gets_no_second_command(void **state)
{
    struct mm_moved moved;
    struct mm_err err = {0};

    (void)state;
    card.lies = 1;
    assert_int_equal(pay(1250, &moved, &err), MM_REFUSED);
    assert_non_null(strstr(err.text, "12.51"));
    assert_int_equal(card.commits, 0);
    assert_int_equal(pending().type, 0);
}

static void lost_journal_loses_no_payment(void **state)
{
    struct mm_err err = {0};
    struct mm_moved moved;

    (void)state;
    go_away_at_settlement(&err);
    assert_int_equal(unlink(journal), 0);
    assert_false(recovered()); /* without reason the platform is not asked */
    assert_int_equal(pay(100, &moved, &err), MM_OK);
    expect_settled(2, 8650);
}

static void payment_of_an_unknown_session_does_not_bar_the_purse(void **state)
{
    struct mm_err err = {0};
    bool booked = true;

    (void)state;
    go_away_at_settlement(&err);
    platform.refuses = "session_unknown";
    assert_int_equal(mm_pay_recover(&session, false, &booked, &err), MM_OK);
    assert_false(booked);
    assert_int_equal(pending().type, 0);
}

/* ---- Loads ---- */

static void load_is_booked(void **state)
{
    struct mm_moved moved;

    (void)state;
    assert_int_equal(mm_pay_load(&session, 500, &moved, NULL), MM_OK);
    assert_string_equal(platform.path, "/load/settle");
    expect_settled(1, 10500);
}

static void load_that_the_platform_refuses_never_reaches_the_chip(void **state)
{
    struct mm_moved moved;

    (void)state;
    platform.refuses = "insufficient_funds";
    assert_int_equal(mm_pay_load(&session, 500, &moved, NULL), MM_PLATFORM);
    expect_settled(0, 10000);
    assert_int_equal(card.commits, 0);
}

static void load_whose_card_left_is_settled_by_the_last_record(void **state)
{
    struct mm_moved moved;

    (void)state;
    card.leaves = AFTER_COMMIT;
    assert_int_equal(mm_pay_load(&session, 500, &moved, NULL), MM_NO_READER);
    card.leaves = NEVER;
    assert_true(recovered());
    assert_string_equal(platform.path, "/load/settle");
    expect_settled(1, 10500);
}

static void load_that_the_platform_has_forgotten_is_judged_by_its_ledger(void **state)
{
    struct mm_moved moved;
    struct mm_err err = {0};
    bool booked;

    (void)state;
    platform.answer_lost = true;
    assert_int_equal(mm_pay_load(&session, 500, &moved, NULL), MM_PLATFORM);
    platform.answer_lost = false;
    platform.refuses = "load_unknown";
    assert_true(recovered()); /* its counter shows that it was booked */
    expect_settled(1, 10500);
    card.leaves = AFTER_COMMIT;
    platform.refuses = NULL;
    assert_int_equal(mm_pay_load(&session, 500, &moved, NULL), MM_NO_READER);
    platform.refuses = "load_unknown";
    assert_int_equal(mm_pay_recover(&session, false, &booked, &err), MM_PLATFORM);
    assert_int_equal(pending().counter, 2); /* not booked: kept */
}

static void restore_takes_what_the_ledger_has(void **state)
{
    struct mm_moved moved;

    (void)state;
    assert_int_equal(mm_pay_restore(&session, &moved, NULL), MM_OK);
    assert_int_equal(moved.amount, 700);
    assert_int_equal(card.last[0], MM_PURSE_RESTORE);
    expect_settled(1, 10700);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(payment_is_booked_and_the_journal_is_empty),
        T(payment_that_could_not_be_settled_is_booked_by_the_next_command),
        T(no_money_moves_while_an_earlier_payment_cannot_be_booked),
        T(settlement_whose_answer_was_lost_is_not_booked_twice),
        T(settlement_under_a_key_that_was_lost_is_not_booked_twice),
        T(card_that_left_after_its_commit_is_booked_later),
        T(card_that_left_before_its_commit_has_paid_nothing),
        T(card_that_refuses_leaves_nothing_pending),
        T(card_that_takes_another_amount_gets_no_second_command),
        T(lost_journal_loses_no_payment),
        T(payment_of_an_unknown_session_does_not_bar_the_purse),
        T(load_is_booked),
        T(load_that_the_platform_refuses_never_reaches_the_chip),
        T(load_whose_card_left_is_settled_by_the_last_record),
        T(load_that_the_platform_has_forgotten_is_judged_by_its_ledger),
        T(restore_takes_what_the_ledger_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
