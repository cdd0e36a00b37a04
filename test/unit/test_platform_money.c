/* The payment service: load, pay, restore; once per key; nothing lost, nothing doubled. */
#include "test/unit/platform_fixture.h"

static const uint8_t merchant[8] = {'M', 'E', 'R', 'C', 'H', 'A', 'N', 'T'};

static void platform_books_a_load_and_a_payment(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    pay_whole(f, &t, 1250);
    assert_int_equal(balance_of(f, "purse", t.id, 8), 8750);
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 1250);
    assert_int_equal(balance_of(f, "funding", f->chip.id, 16), 90000);
    expect_books_closed(f);
}

static void platform_answers_a_repeated_key_from_the_record(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    s = good_session(f, "pay");
    toy_debit(&t, 100, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    f->clock += 1000; /* the result is long expired: what was booked stays answered */
    fixture_reopen(f);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 100);
    session_end(&s);
}

static void platform_refuses_another_request_under_a_used_key(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    s = good_session(f, "pay");
    toy_debit(&t, 100, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    toy_debit(&t, 200, &s);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 409, "key_conflict");
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 100);
    session_end(&s);
}

static void platform_refuses_a_replayed_purchase(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s, other;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    s = good_session(f, "pay");
    other = good_session(f, "pay");
    toy_debit(&t, 100, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k1")), 9900);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &other, "k2")), 409,
                 "replayed_purchase");
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 100);
    session_end(&s);
    session_end(&other);
}

static void platform_takes_a_result_once_per_purpose(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    s = good_session(f, "pay");
    toy_debit(&t, 100, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k1")), 9900);
    toy_debit(&t, 100, &s);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k2")), 409, "result_used");
    session_end(&s);
}

static void platform_refuses_an_expired_result(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load");

    toy_make(f, &t, 1);
    f->clock += MM_CHALLENGE_LIFE;
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k")), 403,
                 "result_expired");
    session_end(&s);
}

static void platform_refuses_a_result_for_another_purpose(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "open");

    toy_make(f, &t, 1);
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k")), 403,
                 "result_invalid");
    session_end(&s);
}

static void platform_refuses_a_result_of_another_terminal(void **state)
{
    struct fixture *f = *state;
    struct mm_terminal other;
    X509 *own = f->cert, *cert = NULL;
    EVP_PKEY *key = NULL;
    struct toy_purse t;
    struct session s = good_session(f, "load");

    toy_make(f, &t, 1);
    add_terminal(f, "other", &cert, &key, &other);
    f->cert = cert;
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k")), 403,
                 "result_invalid");
    f->cert = own;
    X509_free(cert);
    EVP_PKEY_free(key);
    session_end(&s);
}

static void platform_refuses_a_wrong_mac_and_keeps_the_books(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load"), s2;
    json_t *begun;

    toy_make(f, &t, 1);
    t.load[0] ^= 1;
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k")), 403,
                 "mac_wrong");
    t.load[0] ^= 1;
    begun = post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k"));
    toy_credit(&t, begun, &s);
    json_decref(begun);
    t.last.mac[15] ^= 1;
    expect_error(f, post(f, "/v1/load/settle", toy_settle_load(&t, &s, "k")), 403, "mac_wrong");
    assert_int_equal(balance_of(f, "purse", t.id, 8), 0);
    t.last.mac[15] ^= 1;
    expect_balance(f, post(f, "/v1/load/settle", toy_settle_load(&t, &s, "k")), 100);
    s2 = good_session(f, "pay");
    toy_debit(&t, 10, &s2);
    t.last.amount = 1; /* a cheaper purchase than the purse's MAC says */
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s2, "k")), 403, "mac_wrong");
    expect_books_closed(f);
    session_end(&s);
    session_end(&s2);
}

static void platform_refuses_more_than_the_funding_account_holds(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load");

    toy_make(f, &t, 1);
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100001, &s, "k")), 409,
                 "insufficient_funds");
    assert_int_equal(balance_of(f, "funding", f->chip.id, 16), 100000);
    session_end(&s);
}

static void platform_refuses_an_amount_the_purse_did_not_prepare(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load");
    json_t *body;

    toy_make(f, &t, 1);
    body = toy_load_request(&t, 1, 100, &s, "k");
    json_object_set_new(body, "amount", json_integer(200));
    expect_error(f, post(f, "/v1/load/begin", body), 409, "amount_mismatch");
    session_end(&s);
}

/* Killed between begin and CREDIT: the purse's next load shows that it never came. */
static void platform_releases_a_load_that_never_came(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load");

    toy_make(f, &t, 1);
    json_decref(post(f, "/v1/load/begin", toy_load_request(&t, 1, 60000, &s, "dropped")));
    assert_int_equal(f->status, 200);
    assert_int_equal(balance_of(f, "held", t.id, 8), 60000);
    fixture_reopen(f);
    load_whole(f, &t, 1, 70000); /* more than is left unless the first is released */
    assert_int_equal(balance_of(f, "held", t.id, 8), 0);
    assert_int_equal(balance_of(f, "funding", f->chip.id, 16), 30000);
    expect_books_closed(f);
    session_end(&s);
}

/* Killed between CREDIT and settle: the GET LAST record settles it, in a new session. */
static void platform_settles_a_load_late_by_the_last_record(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load"), late;
    char hex[2 * MM_LAST_LEN + 1], id[17];
    json_t *begun, *body;

    toy_make(f, &t, 1);
    begun = post(f, "/v1/load/begin", toy_load_request(&t, 1, 500, &s, "k"));
    toy_credit(&t, begun, &s);
    json_decref(begun);
    fixture_reopen(f);
    f->clock += 3600;
    late = good_session(f, "load");
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 1, &late, "next")), 409,
                 "unsettled");
    toy_hex_last(&t, hex);
    body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "purse", hex, "purse_id", mm_hex(t.id, 8, id),
                     "session", late.text, "key", "late", "result", late.result);
    expect_balance(f, post(f, "/v1/load/settle", body), 500);
    expect_books_closed(f);
    session_end(&s);
    session_end(&late);
}

/* A payment whose record comes after the next one's: its money has waited. */
static void platform_books_records_out_of_order_once(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session a, b, c;
    json_t *first;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    a = good_session(f, "pay");
    b = good_session(f, "pay");
    c = good_session(f, "pay");
    toy_debit(&t, 100, &a);
    first = toy_settle_pay(&t, &b, "first");
    toy_debit(&t, 30, &a);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &a, "second")), 9870);
    assert_int_equal(balance_of(f, "unclaimed", t.id, 8), 100);
    expect_balance(f, post(f, "/v1/pay/settle", json_incref(first)), 9870);
    assert_int_equal(balance_of(f, "unclaimed", t.id, 8), 0);
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 130);
    json_object_set_new(first, "key", json_string("again"));
    json_object_set_new(first, "result", json_string(c.result));
    json_object_set_new(first, "session", json_string(c.text));
    expect_error(f, post(f, "/v1/pay/settle", first), 409, "replayed_purchase");
    expect_books_closed(f);
    session_end(&a);
    session_end(&b);
    session_end(&c);
}

/* Killed after CREDIT, and then paid offline: only the load explains what the purse had. */
static void platform_learns_of_a_load_from_a_later_payment(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "load");
    json_t *begun;

    toy_make(f, &t, 1);
    begun = post(f, "/v1/load/begin", toy_load_request(&t, 1, 500, &s, "k"));
    toy_credit(&t, begun, &s);
    json_decref(begun);
    toy_debit(&t, 100, &s); /* its record is lost */
    pay_whole(f, &t, 50);
    assert_int_equal(balance_of(f, "purse", t.id, 8), 350);
    assert_int_equal(balance_of(f, "unclaimed", t.id, 8), 100);
    assert_int_equal(balance_of(f, "held", t.id, 8), 0);
    expect_books_closed(f);
    session_end(&s);
}

static void platform_refuses_a_purse_that_holds_more_than_proven(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "pay");

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 100);
    t.balance = 100000;
    toy_debit(&t, 5000, &s);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 409, "unsettled");
    expect_books_closed(f);
    session_end(&s);
}

static void platform_refuses_a_purchase_outside_any_session(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s = good_session(f, "pay"), made_up = {.nonce = {1, 2, 3}};

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 100);
    toy_debit(&t, 5, &made_up);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 403, "session_unknown");
    session_end(&s);
}

static void platform_restores_what_the_ledger_proves(void **state)
{
    struct fixture *f = *state;
    struct toy_purse old, fresh;
    struct session s;

    toy_make(f, &old, 1);
    load_whole(f, &old, 1, 10000);
    pay_whole(f, &old, 1250);
    toy_make(f, &fresh, 2);
    assert_int_equal(
        mm_store_purse_activate(
            f->p->store,
            &(struct mm_purse){.id = {2, 2, 2, 2, 2, 2, 2, 2},
                               .chip = {0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1,
                                        0xc1, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1}}),
        MM_OK);
    s = good_session(f, "load");
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&fresh, 2, 9000, &s, "k")), 409,
                 "amount_mismatch");
    session_end(&s);
    load_whole(f, &fresh, 2, 8750);
    assert_int_equal(balance_of(f, "purse", old.id, 8), 0);
    assert_int_equal(balance_of(f, "purse", fresh.id, 8), 8750);
    s = good_session(f, "pay");
    toy_debit(&old, 10, &s); /* the old purse is gone: it cannot spend once more */
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&old, &s, "k")), 403, "purse_closed");
    expect_books_closed(f);
    session_end(&s);
}

/* A load was credited, the purse died before it was settled: its money comes back with the rest. */
static void platform_restores_a_load_whose_purse_died(void **state)
{
    struct fixture *f = *state;
    struct toy_purse old, fresh;
    struct session s = good_session(f, "load"), late;
    json_t *begun;

    toy_make(f, &old, 1);
    load_whole(f, &old, 1, 700);
    begun = post(f, "/v1/load/begin", toy_load_request(&old, 1, 300, &s, "k"));
    toy_credit(&old, begun, &s);
    json_decref(begun);
    toy_make(f, &fresh, 2);
    late = good_session(f, "load"); /* any MAC of the new purse shows that the old one is gone */
    json_decref(post(f, "/v1/load/begin", toy_load_request(&fresh, 1, 1, &late, "probe")));
    session_end(&late);
    load_whole(f, &fresh, 2, 1000);
    assert_int_equal(balance_of(f, "held", old.id, 8), 0);
    assert_int_equal(balance_of(f, "purse", fresh.id, 8), 1000);
    assert_int_equal(balance_of(f, "funding", f->chip.id, 16), 99000);
    late = good_session(f, "load");
    expect_error(f, post(f, "/v1/load/settle", toy_settle_load(&old, &late, "k")), 409,
                 "load_unknown");
    expect_books_closed(f);
    session_end(&s);
    session_end(&late);
}

static void platform_tells_account_and_what_can_be_restored(void **state)
{
    struct fixture *f = *state;
    struct toy_purse old, fresh;
    char query[64], id[17];
    json_t *answer;

    toy_make(f, &old, 1);
    load_whole(f, &old, 1, 700);
    toy_make(f, &fresh, 2);
    load_whole(f, &fresh, 1, 5); /* its MAC proves that it has replaced the old one */
    snprintf(query, sizeof(query), "purse=%s", mm_hex(fresh.id, 8, id));
    answer = get(f, "/v1/account", query);
    assert_int_equal(json_integer_value(json_object_get(answer, "balance")), 5);
    assert_int_equal(json_integer_value(json_object_get(answer, "counter")), 1);
    assert_int_equal(json_integer_value(json_object_get(answer, "restorable")), 700);
    json_decref(answer);
    expect_error(f, get(f, "/v1/account", "purse=0909090909090909"), 404, "not_found");
    expect_error(f, get(f, "/v1/account", "purse=zz"), 400, "bad_request");
}

/* Loads and payments, with steps dropped at random: books stay closed, and what chip and ledger say
 * is equal whenever nothing is pending. */
/* What a challenge does besides: forget what is old. */
static void forget_old(struct fixture *f)
{
    json_decref(post(f, "/v1/challenge", json_object()));
    assert_int_equal(f->status, 200);
}

static void platform_moves_nothing_twice_once_an_answer_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s, later;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 10000);
    s = good_session(f, "pay");
    toy_debit(&t, 100, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    f->clock += 29 * 86400;
    forget_old(f);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 9900);
    f->clock += 2 * 86400;
    forget_old(f);
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, "k")), 403, "result_expired");
    later = good_session(f, "pay");
    expect_error(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &later, "k")), 409,
                 "replayed_purchase");
    assert_int_equal(balance_of(f, "merchant", merchant, 8), 100);
    expect_books_closed(f);
    session_end(&later);
    session_end(&s);
}

static void platform_takes_a_loads_key_once_for_ever(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    struct session s;
    json_t *first, *again, *request;

    toy_make(f, &t, 1);
    s = good_session(f, "load");
    request = toy_load_request(&t, 1, 100, &s, "k");
    first = post(f, "/v1/load/begin", json_deep_copy(request));
    assert_int_equal(f->status, 200);
    session_end(&s);
    /* While the money is set aside the answer stays. */
    f->clock += 31 * 86400;
    forget_old(f);
    again = post(f, "/v1/load/begin", request);
    assert_int_equal(f->status, 200);
    assert_true(json_equal(first, again));
    json_decref(first);
    json_decref(again);
    /* Another load releases it, and then the answer is forgotten. */
    s = good_session(f, "load");
    json_decref(post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "another")));
    assert_int_equal(f->status, 200);
    session_end(&s);
    forget_old(f);
    s = good_session(f, "load");
    expect_error(f, post(f, "/v1/load/begin", toy_load_request(&t, 1, 100, &s, "k")), 409,
                 "key_conflict");
    expect_books_closed(f);
    session_end(&s);
}

static void platform_forgets_old_verdicts(void **state)
{
    struct fixture *f = *state;
    json_t *report = NULL;

    assert_int_equal(mm_store_verdict_add(f->p->store, f->clock, f->terminal.serial, NULL,
                                          "affirming", "", "sound"),
                     MM_OK);
    for (int i = 1; i >= 0; i--) {
        f->clock += 50 * 86400;
        forget_old(f);
        assert_int_equal(mm_store_report(f->p->store, &report), MM_OK);
        assert_int_equal(json_array_size(json_object_get(report, "verdicts")), i);
        json_decref(report);
    }
}

static void platform_keeps_the_books_closed_whatever_is_dropped(void **state)
{
    struct fixture *f = *state;
    struct toy_purse t;
    unsigned seed = 7;

    toy_make(f, &t, 1);
    load_whole(f, &t, 1, 5000);
    for (int i = 0; i < 60; i++) {
        struct session s = good_session(f, "pay");
        char key[24];
        toy_debit(&t, 1 + (uint32_t)rand_r(&seed) % 20, &s);
        if (rand_r(&seed) % 3 != 0)
            expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(&t, &s, new_key(f, key))),
                           t.balance);
        session_end(&s);
        if (i % 20 == 10)
            load_whole(f, &t, 1, 50);
    }
    pay_whole(f, &t, 1);
    assert_int_equal(balance_of(f, "purse", t.id, 8), t.balance);
    expect_books_closed(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(platform_books_a_load_and_a_payment),
        T(platform_answers_a_repeated_key_from_the_record),
        T(platform_refuses_another_request_under_a_used_key),
        T(platform_refuses_a_replayed_purchase),
        T(platform_takes_a_result_once_per_purpose),
        T(platform_refuses_an_expired_result),
        T(platform_refuses_a_result_for_another_purpose),
        T(platform_refuses_a_result_of_another_terminal),
        T(platform_refuses_a_wrong_mac_and_keeps_the_books),
        T(platform_refuses_more_than_the_funding_account_holds),
        T(platform_refuses_an_amount_the_purse_did_not_prepare),
        T(platform_releases_a_load_that_never_came),
        T(platform_settles_a_load_late_by_the_last_record),
        T(platform_books_records_out_of_order_once),
        T(platform_learns_of_a_load_from_a_later_payment),
        T(platform_refuses_a_purse_that_holds_more_than_proven),
        T(platform_refuses_a_purchase_outside_any_session),
        T(platform_restores_what_the_ledger_proves),
        T(platform_restores_a_load_whose_purse_died),
        T(platform_tells_account_and_what_can_be_restored),
        T(platform_keeps_the_books_closed_whatever_is_dropped),
        T(platform_moves_nothing_twice_once_an_answer_is_forgotten),
        T(platform_takes_a_loads_key_once_for_ever),
        T(platform_forgets_old_verdicts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
