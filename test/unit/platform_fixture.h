/*
 * What the tests of the platform share: a platform in a temporary folder under a clock of ours, one
 * enrolled terminal with one chip, calls without HTTP, and a purse that makes the MACs a real one
 * makes.
 */
#ifndef MM_TEST_PLATFORM_FIXTURE_H
#define MM_TEST_PLATFORM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform/platform_int.h"

struct fixture {
    char dir[64];
    int64_t clock;
    struct mm_platform *p;
    X509 *cert; /* the terminal's */
    EVP_PKEY *key;
    struct mm_terminal terminal;
    struct mm_chip chip;
    unsigned keys; /* for new_key */
    int status;    /* of the last call */
};

struct toy_purse {
    uint8_t id[MM_PURSE_ID_LEN], load[16], debit[16];
    uint32_t counter, balance;
    struct mm_load_request pending;
    struct mm_last last;
};

static inline int64_t fixture_now(void *ctx)
{
    return ((const struct fixture *)ctx)->clock;
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static inline void fixture_open(struct fixture *f)
{
    struct mm_err err = {0};

    if (mm_platform_open(f->dir, fixture_now, f, &f->p, &err) != MM_OK)
        fail_msg("%s", err.text);
}

static inline void fixture_reopen(struct fixture *f)
{
    mm_platform_close(&f->p);
    fixture_open(f);
}

/* A terminal with certificate, known to the store. */
static inline void add_terminal(struct fixture *f, const char *name, X509 **cert, EVP_PKEY **key,
                                struct mm_terminal *terminal)
{
    unsigned len = 0;

    memset(terminal, 0, sizeof(*terminal));
    assert_int_equal(mm_ca_new_key(key, NULL), MM_OK);
    assert_int_equal(mm_ca_issue(MM_CERT_TERMINAL, name, *key, f->p->ca, f->p->ca_key, cert, NULL),
                     MM_OK);
    assert_int_equal(mm_ca_serial(*cert, terminal->serial), MM_OK);
    snprintf(terminal->name, sizeof(terminal->name), "%s", name);
    assert_int_equal(X509_digest(*cert, EVP_sha256(), terminal->fingerprint, &len), 1);
    assert_int_equal(mm_store_terminal_add(f->p->store, terminal, f->clock, NULL), MM_OK);
}

static inline void add_chip(struct fixture *f)
{
    struct mm_account issuer, funding;

    memset(&f->chip, 0, sizeof(f->chip));
    memset(f->chip.id, 0xc1, sizeof(f->chip.id));
    snprintf(f->chip.name, sizeof(f->chip.name), "card");
    memcpy(f->chip.diversification, f->chip.id, sizeof(f->chip.diversification));
    memcpy(f->chip.terminal, f->terminal.serial, sizeof(f->chip.terminal));
    snprintf(f->chip.attestation_serial, sizeof(f->chip.attestation_serial), "0A");
    f->chip.attestation[0] = 0x30;
    f->chip.attestation_len = 1;
    assert_int_equal(mm_store_chip_add(f->p->store, &f->chip, f->clock, NULL), MM_OK);
    assert_int_equal(mm_store_account(f->p->store, "issuer", NULL, 0, &issuer), MM_OK);
    assert_int_equal(mm_store_account(f->p->store, "funding", f->chip.id, 16, &funding), MM_OK);
    assert_int_equal(
        mm_store_move(f->p->store, f->clock, "credit", issuer.id, funding.id, 100000, NULL, 0),
        MM_OK);
}

static inline int fixture_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mm_err err = {0};

    assert_non_null(f);
    f->clock = 1800000000;
    /* In memory where there is such a folder: every call waits for its fsync. */
    snprintf(f->dir, sizeof(f->dir), "%s/mm-platform-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    if (mm_platform_init(f->dir, "Test operator", &err) != MM_OK)
        fail_msg("%s", err.text);
    fixture_open(f);
    add_terminal(f, "till", &f->cert, &f->key, &f->terminal);
    add_chip(f);
    *state = f;
    return 0;
}

static inline int fixture_down(void **state)
{
    struct fixture *f = *state;

    mm_platform_close(&f->p);
    X509_free(f->cert);
    EVP_PKEY_free(f->key);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

/* ---- Calls ---- */

static inline json_t *call_raw(struct fixture *f, X509 *peer, const char *method, const char *path,
                               const char *query, const char *type, const void *body, size_t len)
{
    struct mm_request req = {.method = method,
                             .path = path,
                             .query = query,
                             .content_type = type,
                             .body = body,
                             .body_len = len,
                             .peer = peer};
    struct mm_reply reply;
    json_t *answer;

    mm_platform_handle(f->p, &req, &reply);
    f->status = reply.status;
    answer = json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
    mm_buf_clear(&reply.body);
    return answer;
}

/* Takes the reference to body. */
static inline json_t *post(struct fixture *f, const char *path, json_t *body)
{
    char *text = json_dumps(body, 0);
    json_t *answer;

    assert_non_null(text);
    json_decref(body);
    answer = call_raw(f, f->cert, "POST", path, NULL, "application/json", text, strlen(text));
    free(text);
    assert_non_null(answer);
    return answer;
}

static inline json_t *get(struct fixture *f, const char *path, const char *query)
{
    return call_raw(f, f->cert, "GET", path, query, NULL, NULL, 0);
}

/* The answer must be this error. Takes the reference. */
static inline void expect_error(struct fixture *f, json_t *answer, int status, const char *code)
{
    const char *is = json_string_value(json_object_get(answer, "error"));

    assert_non_null(is);
    assert_string_equal(is, code);
    assert_int_equal(f->status, status);
    assert_true(json_string_length(json_object_get(answer, "message")) > 10);
    json_decref(answer);
}

/* What evidence that was found good leaves behind: a session that is affirmed, and its result. */
struct session {
    uint8_t nonce[MM_SESSION_LEN];
    char *text, *result;
};

static inline struct session good_session(struct fixture *f, const char *purpose)
{
    struct mm_challenge ch = {.expires = f->clock + 60};
    struct mm_request req = {.peer = f->cert};
    struct mm_call call = {.p = f->p, .req = &req, .terminal = f->terminal, .now = f->clock};
    struct mm_token token = {0};
    struct session s = {0};

    snprintf(ch.purpose, sizeof(ch.purpose), "%s", purpose);
    memcpy(ch.terminal, f->terminal.serial, sizeof(ch.terminal));
    memcpy(token.chip_id, f->chip.id, sizeof(token.chip_id));
    assert_int_equal(mm_random(ch.nonce, sizeof(ch.nonce)), MM_OK);
    assert_int_equal(mm_random(ch.session, sizeof(ch.session)), MM_OK);
    assert_int_equal(mm_store_challenge_add(f->p->store, &ch), MM_OK);
    assert_int_equal(mm_store_challenge_affirm(f->p->store, ch.nonce), MM_OK);
    assert_int_equal(mm_result_make(&call, &ch, &token, &s.result), MM_OK);
    memcpy(s.nonce, ch.session, sizeof(s.nonce));
    s.text = mm_b64url(s.nonce, sizeof(s.nonce));
    return s;
}

static inline void session_end(struct session *s)
{
    free(s->text);
    free(s->result);
    memset(s, 0, sizeof(*s));
}

/* ---- A purse ---- */

static inline void toy_make(struct fixture *f, struct toy_purse *t, uint8_t number)
{
    memset(t, 0, sizeof(*t));
    memset(t->id, number, sizeof(t->id));
    assert_int_equal(mm_purse_key(f->p->load_master, MM_KDF_LOAD, t->id, t->load), MM_OK);
    assert_int_equal(mm_purse_key(f->p->debit_master, MM_KDF_DEBIT, t->id, t->debit), MM_OK);
    assert_int_equal(mm_store_purse_add(f->p->store, t->id, f->chip.id, f->clock), MM_OK);
}

/* INITIALISE FOR LOAD. */
static inline json_t *toy_load_request(struct toy_purse *t, uint8_t type, uint32_t amount,
                                       const struct session *s, const char *key)
{
    struct mm_load_request *r = &t->pending;
    struct mm_buf b;
    char hex[2 * MM_LOAD_REQUEST_LEN + 1];

    memset(r, 0, sizeof(*r));
    memcpy(r->purse, t->id, sizeof(r->purse));
    r->counter = t->counter;
    r->balance = t->balance;
    r->amount = amount;
    r->type = type;
    assert_int_equal(mm_random(r->random, sizeof(r->random)), MM_OK);
    assert_int_equal(mm_mac1(t->load, r, s->nonce, r->mac), MM_OK);
    mm_buf_init(&b);
    mm_buf_bytes(&b, r->purse, 8);
    mm_buf_u32(&b, r->counter);
    mm_buf_u32(&b, r->balance);
    mm_buf_u8(&b, r->type);
    mm_buf_u32(&b, r->amount);
    mm_buf_bytes(&b, r->random, 8);
    mm_buf_bytes(&b, r->mac, 16);
    assert_int_equal(b.len, MM_LOAD_REQUEST_LEN);
    mm_hex(b.data, b.len, hex);
    mm_buf_clear(&b);
    return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s}", "purse", hex, "amount", (int)amount, "type",
                     (int)type, "session", s->text, "key", key, "result", s->result);
}

static inline void toy_hex_last(const struct toy_purse *t, char hex[2 * MM_LAST_LEN + 1])
{
    struct mm_buf b;

    mm_buf_init(&b);
    mm_buf_u8(&b, t->last.type);
    mm_buf_u32(&b, t->last.counter);
    mm_buf_u32(&b, t->last.amount);
    mm_buf_u32(&b, t->last.balance);
    mm_buf_bytes(&b, t->last.merchant, 8);
    mm_buf_bytes(&b, t->last.session, MM_SESSION_LEN);
    mm_buf_bytes(&b, t->last.mac, 16);
    assert_int_equal(b.len, MM_LAST_LEN);
    mm_hex(b.data, b.len, hex);
    mm_buf_clear(&b);
}

/* CREDIT: MAC2 must be right, then the balance rises. */
static inline void toy_credit(struct toy_purse *t, const json_t *begun, const struct session *s)
{
    const char *hex = json_string_value(json_object_get(begun, "mac2"));
    uint8_t is[16], expected[16];
    size_t len = sizeof(is);

    assert_non_null(hex);
    assert_int_equal(mm_unhex(hex, is, &len), MM_OK);
    assert_int_equal(mm_mac2(t->load, &t->pending, s->nonce, expected), MM_OK);
    assert_memory_equal(is, expected, 16);
    t->counter++;
    t->balance += t->pending.amount;
    t->last = (struct mm_last){.type = t->pending.type,
                               .counter = t->counter,
                               .amount = t->pending.amount,
                               .balance = t->balance};
    memcpy(t->last.session, s->nonce, MM_SESSION_LEN);
    assert_int_equal(mm_mac3(t->load, t->id, &t->last, t->last.mac), MM_OK);
}

/* INITIALISE FOR DEBIT and DEBIT. */
static inline void toy_debit(struct toy_purse *t, uint32_t amount, const struct session *s)
{
    assert_true(t->balance >= amount);
    t->counter++;
    t->balance -= amount;
    t->last =
        (struct mm_last){.type = 3, .counter = t->counter, .amount = amount, .balance = t->balance};
    memcpy(t->last.merchant, "MERCHANT", 8);
    memcpy(t->last.session, s->nonce, MM_SESSION_LEN);
    assert_int_equal(mm_mac6(t->debit, t->id, &t->last, t->last.mac), MM_OK);
}

/* CREDIT response of the last load, for /load/settle. */
static inline json_t *toy_settle_load(const struct toy_purse *t, const struct session *s,
                                      const char *key)
{
    struct mm_buf b;
    char hex[2 * MM_CREDIT_LEN + 1];

    mm_buf_init(&b);
    mm_buf_u32(&b, t->last.counter);
    mm_buf_u32(&b, t->last.balance);
    mm_buf_bytes(&b, t->last.mac, 16);
    mm_hex(b.data, b.len, hex);
    mm_buf_clear(&b);
    return json_pack("{s:s, s:s, s:s, s:s}", "purse", hex, "session", s->text, "key", key, "result",
                     s->result);
}

static inline json_t *toy_settle_pay(const struct toy_purse *t, const struct session *s,
                                     const char *key)
{
    char hex[2 * MM_LAST_LEN + 1], id[2 * MM_PURSE_ID_LEN + 1];

    toy_hex_last(t, hex);
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "purse", hex, "purse_id",
                     mm_hex(t->id, MM_PURSE_ID_LEN, id), "session", s->text, "key", key, "result",
                     s->result);
}

static inline const char *new_key(struct fixture *f, char out[24])
{
    snprintf(out, 24, "key-%u", f->keys++);
    return out;
}

/* The answer must be this balance. Takes the reference. */
static inline void expect_balance(struct fixture *f, json_t *answer, int64_t balance)
{
    const char *why = json_string_value(json_object_get(answer, "message"));

    if (f->status != 200)
        fail_msg("status %d: %s", f->status, why != NULL ? why : "?");
    assert_int_equal(json_integer_value(json_object_get(answer, "balance")), balance);
    json_decref(answer);
}

/* A whole load, from INITIALISE to settlement. */
static inline void load_whole(struct fixture *f, struct toy_purse *t, uint8_t type, uint32_t amount)
{
    struct session s = good_session(f, "load");
    char key[24];
    json_t *begun;

    new_key(f, key);
    begun = post(f, "/v1/load/begin", toy_load_request(t, type, amount, &s, key));
    assert_int_equal(f->status, 200);
    toy_credit(t, begun, &s);
    json_decref(begun);
    expect_balance(f, post(f, "/v1/load/settle", toy_settle_load(t, &s, key)), t->balance);
    session_end(&s);
}

static inline void pay_whole(struct fixture *f, struct toy_purse *t, uint32_t amount)
{
    struct session s = good_session(f, "pay");
    char key[24];

    toy_debit(t, amount, &s);
    expect_balance(f, post(f, "/v1/pay/settle", toy_settle_pay(t, &s, new_key(f, key))),
                   t->balance);
    session_end(&s);
}

/* Balance of an account of the ledger. */
static inline int64_t balance_of(struct fixture *f, const char *kind, const uint8_t *owner,
                                 size_t owner_len)
{
    struct mm_account a;

    assert_int_equal(mm_store_account(f->p->store, kind, owner, owner_len, &a), MM_OK);
    return a.balance;
}

/* Double entry: all accounts together are zero, and nothing but the issuer's is below it. */
static inline void expect_books_closed(struct fixture *f)
{
    json_t *report = NULL, *row;
    size_t i;
    int64_t sum = 0;

    assert_int_equal(mm_store_report(f->p->store, &report), MM_OK);
    json_array_foreach(json_object_get(report, "accounts"), i, row)
    {
        int64_t b = json_integer_value(json_object_get(row, "balance"));
        sum += b;
        if (strcmp(json_string_value(json_object_get(row, "kind")), "issuer") != 0)
            assert_true(b >= 0);
    }
    assert_int_equal(sum, 0);
    json_decref(report);
}

#endif
