/* The payment service's part of the store: accounts, ledger, purses, loads, answers, sessions. */
#include "platform/store.h"

#include <stdlib.h>
#include <string.h>

#include "platform/store_sql.h"

static enum mm_status finish(sqlite3_stmt *stmt, enum mm_status st)
{
    mm_sql_close(stmt);
    return st;
}

/* ---- Accounts and ledger ---- */

enum mm_status mm_store_account(struct mm_store *store, const char *kind, const uint8_t *owner,
                                size_t owner_len, struct mm_account *out)
{
    char hex[2 * MM_CHIP_ID_LEN + 1];
    sqlite3_stmt *stmt;
    enum mm_status st;

    memset(out, 0, sizeof(*out));
    if (owner_len > MM_CHIP_ID_LEN)
        return MM_TOO_LONG;
    mm_hex(owner, owner_len, hex);
    st = mm_sql_run(store, MM_Q_ACCOUNT_MAKE, NULL, "tt", kind, hex);
    if (st != MM_OK)
        return st;
    stmt = mm_sql_open(store, MM_Q_ACCOUNT_GET, "tt", kind, hex);
    st = mm_sql_row(stmt);
    if (st == MM_OK) {
        out->id = sqlite3_column_int64(stmt, 0);
        out->balance = sqlite3_column_int64(stmt, 1);
    }
    return finish(stmt, st);
}

enum mm_status mm_store_move(struct mm_store *store, int64_t now, const char *what, int64_t debit,
                             int64_t credit, int64_t amount, const uint8_t *purse, int64_t counter)
{
    enum mm_status st = mm_sql_run(store, MM_Q_LEDGER_ADD, NULL, "itiiibi", now, what, debit,
                                   credit, amount, purse, (size_t)MM_PURSE_ID_LEN, counter);

    return st == MM_EXISTS ? MM_STATE : st; /* the schema's CHECK: the account does not hold it */
}

/* ---- Purses ---- */

static enum mm_status read_purse(sqlite3_stmt *stmt, struct mm_purse *out)
{
    static const char *const names[] = {"issued", "active", "closed"};
    enum mm_status st = mm_sql_row(stmt);
    char state[16];

    memset(out, 0, sizeof(*out));
    if (st != MM_OK)
        return finish(stmt, st);
    st = MM_TAMPERED;
    if (mm_sql_blob(stmt, 0, out->id, sizeof(out->id)) &&
        mm_sql_blob(stmt, 1, out->chip, sizeof(out->chip)) &&
        mm_sql_text(stmt, 2, state, sizeof(state))) {
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strcmp(state, names[i]) != 0)
                continue;
            out->state = (enum mm_purse_state)i;
            st = MM_OK;
        }
    }
    out->counter = sqlite3_column_int64(stmt, 3);
    return finish(stmt, st);
}

enum mm_status mm_store_purse_add(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                  const uint8_t chip[MM_CHIP_ID_LEN], int64_t now)
{
    return mm_sql_run(store, MM_Q_PURSE_ADD, NULL, "bbi", id, (size_t)MM_PURSE_ID_LEN, chip,
                      (size_t)MM_CHIP_ID_LEN, now);
}

enum mm_status mm_store_purse_get(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                  struct mm_purse *out)
{
    return read_purse(mm_sql_open(store, MM_Q_PURSE_GET, "b", id, (size_t)MM_PURSE_ID_LEN), out);
}

enum mm_status mm_store_purse_of(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                 struct mm_purse *out)
{
    return read_purse(mm_sql_open(store, MM_Q_PURSE_OF_CHIP, "b", chip, (size_t)MM_CHIP_ID_LEN),
                      out);
}

enum mm_status mm_store_purse_activate(struct mm_store *store, const struct mm_purse *purse)
{
    enum mm_status st;
    int changes = 0;

    st = mm_sql_run(store, MM_Q_PURSES_CLOSE, NULL, "bb", purse->chip, sizeof(purse->chip),
                    purse->id, sizeof(purse->id));
    if (st != MM_OK)
        return st;
    st = mm_sql_run(store, MM_Q_PURSE_ACTIVATE, &changes, "b", purse->id, sizeof(purse->id));
    return st == MM_OK && changes != 1 ? MM_STATE : st;
}

enum mm_status mm_store_purse_counter(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                      int64_t counter)
{
    return mm_sql_run(store, MM_Q_PURSE_COUNTER, NULL, "ibi", counter, id, (size_t)MM_PURSE_ID_LEN,
                      counter);
}

enum mm_status mm_store_purse_closed(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                     size_t index, uint8_t id[MM_PURSE_ID_LEN])
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_PURSES_CLOSED, "b", chip, (size_t)MM_CHIP_ID_LEN);
    enum mm_status st = mm_sql_row(stmt);

    memset(id, 0, MM_PURSE_ID_LEN);
    for (; index > 0 && st == MM_OK; index--)
        st = mm_sql_row(stmt);
    if (st == MM_OK && !mm_sql_blob(stmt, 0, id, MM_PURSE_ID_LEN))
        st = MM_TAMPERED;
    return finish(stmt, st);
}

enum mm_status mm_store_record_add(struct mm_store *store, const struct mm_record *record,
                                   int64_t now)
{
    return mm_sql_run(store, MM_Q_RECORD_ADD, NULL, "biiiii", record->purse, sizeof(record->purse),
                      record->counter, (int64_t)record->type, record->amount, record->balance, now);
}

enum mm_status mm_store_record_has(struct mm_store *store, const uint8_t purse[MM_PURSE_ID_LEN],
                                   int64_t counter)
{
    sqlite3_stmt *stmt =
        mm_sql_open(store, MM_Q_RECORD_HAS, "bi", purse, (size_t)MM_PURSE_ID_LEN, counter);

    return finish(stmt, mm_sql_row(stmt));
}

/* ---- Loads ---- */

enum mm_status mm_store_load_add(struct mm_store *store, const struct mm_load *load)
{
    return mm_sql_run(store, MM_Q_LOAD_ADD, NULL, "ttbiiib", load->terminal, load->key, load->purse,
                      sizeof(load->purse), (int64_t)load->type, load->amount, load->counter,
                      load->session, sizeof(load->session));
}

static enum mm_status read_load(sqlite3_stmt *stmt, struct mm_load *out)
{
    enum mm_status st = mm_sql_row(stmt);
    char state[16];

    memset(out, 0, sizeof(*out));
    if (st != MM_OK)
        return finish(stmt, st);
    out->id = sqlite3_column_int64(stmt, 0);
    out->type = sqlite3_column_int(stmt, 2);
    out->amount = sqlite3_column_int64(stmt, 3);
    out->counter = sqlite3_column_int64(stmt, 4);
    if (!mm_sql_blob(stmt, 1, out->purse, sizeof(out->purse)) ||
        !mm_sql_blob(stmt, 5, out->session, sizeof(out->session)) ||
        !mm_sql_text(stmt, 6, state, sizeof(state)))
        return finish(stmt, MM_TAMPERED);
    out->held = strcmp(state, "held") == 0;
    return finish(stmt, MM_OK);
}

enum mm_status mm_store_load_get(struct mm_store *store, const char *terminal, const char *key,
                                 struct mm_load *out)
{
    return read_load(mm_sql_open(store, MM_Q_LOAD_BY_KEY, "tt", terminal, key), out);
}

enum mm_status mm_store_load_held(struct mm_store *store, const uint8_t purse[MM_PURSE_ID_LEN],
                                  struct mm_load *out)
{
    return read_load(mm_sql_open(store, MM_Q_LOAD_HELD, "b", purse, (size_t)MM_PURSE_ID_LEN), out);
}

enum mm_status mm_store_load_end(struct mm_store *store, int64_t id, const char *state)
{
    int changes = 0;
    enum mm_status st = mm_sql_run(store, MM_Q_LOAD_STATE, &changes, "ti", state, id);

    return st == MM_OK && changes != 1 ? MM_STATE : st;
}

/* ---- Idempotency ---- */

enum mm_status mm_store_answer_get(struct mm_store *store, const char *terminal, const char *call,
                                   const char *key, const uint8_t request[32], char **answer)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_ANSWER_GET, "ttt", terminal, call, key);
    enum mm_status st = mm_sql_row(stmt);
    uint8_t was[32];

    *answer = NULL;
    if (st != MM_OK)
        return finish(stmt, st);
    if (!mm_sql_blob(stmt, 0, was, sizeof(was)))
        return finish(stmt, MM_TAMPERED);
    if (memcmp(was, request, sizeof(was)) != 0)
        return finish(stmt, MM_EXISTS);
    *answer = strdup((const char *)sqlite3_column_text(stmt, 1));
    return finish(stmt, *answer != NULL ? MM_OK : MM_NO_MEMORY);
}

enum mm_status mm_store_answer_add(struct mm_store *store, const char *terminal, const char *call,
                                   const char *key, const uint8_t request[32], const char *answer,
                                   int64_t now)
{
    return mm_sql_run(store, MM_Q_ANSWER_ADD, NULL, "tttbti", terminal, call, key, request,
                      (size_t)32, answer, now);
}

enum mm_status mm_store_result_use(struct mm_store *store, const char *jti, const char *purpose,
                                   const char *key, int64_t now)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_RESULT_GET, "tt", jti, purpose);
    enum mm_status st = mm_sql_row(stmt);
    char was[MM_KEY_MAX];

    if (st == MM_OK) {
        if (!mm_sql_text(stmt, 0, was, sizeof(was)))
            st = MM_TAMPERED;
        else if (strcmp(was, key) != 0)
            st = MM_EXISTS;
        return finish(stmt, st);
    }
    mm_sql_close(stmt);
    if (st != MM_NOT_FOUND)
        return st;
    return mm_sql_run(store, MM_Q_RESULT_USE, NULL, "ttti", jti, purpose, key, now);
}

/* ---- Remote management ---- */

enum mm_status mm_store_manage_add(struct mm_store *store, const struct mm_manage *s)
{
    return mm_sql_run(store, MM_Q_MANAGE_ADD, NULL, "btbttbbbi", s->id, sizeof(s->id), s->terminal,
                      s->chip, sizeof(s->chip), s->op, s->package, s->host_challenge,
                      sizeof(s->host_challenge), s->instance, sizeof(s->instance), s->params,
                      s->params_len, s->expires);
}

enum mm_status mm_store_manage_get(struct mm_store *store, const uint8_t id[16],
                                   struct mm_manage *out)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_MANAGE_GET, "b", id, (size_t)16);
    enum mm_status st = mm_sql_row(stmt);
    char state[16];

    memset(out, 0, sizeof(*out));
    memcpy(out->id, id, 16);
    if (st != MM_OK)
        return finish(stmt, st);
    if (!mm_sql_text(stmt, 0, out->terminal, sizeof(out->terminal)) ||
        !mm_sql_blob(stmt, 1, out->chip, sizeof(out->chip)) ||
        !mm_sql_text(stmt, 2, out->op, sizeof(out->op)) ||
        !mm_sql_text(stmt, 3, out->package, sizeof(out->package)) ||
        !mm_sql_blob(stmt, 4, out->host_challenge, sizeof(out->host_challenge)) ||
        !mm_sql_blob(stmt, 5, out->instance, sizeof(out->instance)) ||
        !mm_sql_blob_max(stmt, 6, out->params, sizeof(out->params), &out->params_len) ||
        !mm_sql_text(stmt, 8, state, sizeof(state)))
        return finish(stmt, MM_TAMPERED);
    out->expires = sqlite3_column_int64(stmt, 7);
    out->begun = strcmp(state, "begun") == 0;
    return finish(stmt, MM_OK);
}

enum mm_status mm_store_manage_sent(struct mm_store *store, const uint8_t id[16])
{
    int changes = 0;
    enum mm_status st = mm_sql_run(store, MM_Q_MANAGE_SENT, &changes, "b", id, (size_t)16);

    return st == MM_OK && changes != 1 ? MM_STATE : st;
}

enum mm_status mm_store_manage_end(struct mm_store *store, const uint8_t id[16], bool good,
                                   uint16_t sw, int64_t count)
{
    int changes = 0;
    enum mm_status st = mm_sql_run(store, MM_Q_MANAGE_DONE, &changes, "tiib",
                                   good ? "done" : "failed", (int64_t)sw, count, id, (size_t)16);

    return st == MM_OK && changes != 1 ? MM_STATE : st;
}

/* ---- Report ---- */

static json_t *cell(sqlite3_stmt *stmt, int col)
{
    switch (sqlite3_column_type(stmt, col)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(stmt, col));
    case SQLITE_NULL:
        return json_null();
    default:
        return json_string((const char *)sqlite3_column_text(stmt, col));
    }
}

static json_t *table(struct mm_store *store, enum mm_query query)
{
    sqlite3_stmt *stmt = mm_sql_open(store, query, "");
    json_t *rows = json_array();
    enum mm_status st = MM_NO_MEMORY;

    while (rows != NULL && (st = mm_sql_row(stmt)) == MM_OK) {
        json_t *row = json_object();
        for (int c = 0; c < sqlite3_column_count(stmt); c++)
            (void)json_object_set_new(row, sqlite3_column_name(stmt, c), cell(stmt, c));
        (void)json_array_append_new(rows, row);
    }
    mm_sql_close(stmt);
    if (st != MM_NOT_FOUND) {
        json_decref(rows);
        return NULL;
    }
    return rows;
}

enum mm_status mm_store_report(struct mm_store *store, json_t **out)
{
    static const struct {
        const char *name;
        enum mm_query query;
    } tables[] = {
        {"terminals", MM_Q_REPORT_TERMINALS}, {"chips", MM_Q_REPORT_CHIPS},
        {"purses", MM_Q_REPORT_PURSES},       {"accounts", MM_Q_REPORT_ACCOUNTS},
        {"ledger", MM_Q_REPORT_LEDGER},       {"verdicts", MM_Q_REPORT_VERDICTS},
        {"references", MM_Q_REPORT_VERSIONS}, {"updates", MM_Q_REPORT_UPDATES},
    };

    *out = json_object();
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (json_object_set_new(*out, tables[i].name, table(store, tables[i].query)) != 0) {
            json_decref(*out);
            *out = NULL;
            return MM_IO;
        }
    }
    return MM_OK;
}
