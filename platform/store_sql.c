#include "platform/store_sql.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000

struct mm_store {
    sqlite3 *db;
    sqlite3_stmt *prepared[MM_Q_N];
    int version;
};

static const char *const queries[MM_Q_N] = {
#define MM_QUERY(name, sql) sql,
#include "platform/queries.def"
#undef MM_QUERY
};

struct migration {
    int number;
    const char *what, *sql;
};
static const struct migration migrations[] = {
#define MM_MIGRATION(number, what, sql) {number, what, sql},
#include "platform/migrations.def"
#undef MM_MIGRATION
};
#define MIGRATION_N (sizeof(migrations) / sizeof(migrations[0]))

static enum mm_status status_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return MM_OK;
    case SQLITE_CONSTRAINT:
        return MM_EXISTS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return MM_BUSY;
    case SQLITE_NOMEM:
        return MM_NO_MEMORY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return MM_TAMPERED;
    default:
        return MM_IO;
    }
}

/* ---- Statements ---- */

static bool bind_all(sqlite3_stmt *stmt, const char *args, va_list ap)
{
    int rc = SQLITE_OK;

    for (int i = 1; *args != '\0' && rc == SQLITE_OK; args++, i++) {
        if (*args == 'i') {
            rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
        } else if (*args == 't') {
            rc = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_STATIC);
        } else {
            const void *data = va_arg(ap, const void *);
            size_t len = va_arg(ap, size_t);
            rc = data == NULL ? sqlite3_bind_null(stmt, i)
                              : sqlite3_bind_blob64(stmt, i, data, len, SQLITE_STATIC);
        }
    }
    return rc == SQLITE_OK;
}

static sqlite3_stmt *open_v(struct mm_store *store, enum mm_query query, const char *args,
                            va_list ap)
{
    sqlite3_stmt **slot = &store->prepared[query];

    if (*slot == NULL && sqlite3_prepare_v3(store->db, queries[query], -1,
                                            SQLITE_PREPARE_PERSISTENT, slot, NULL) != SQLITE_OK)
        return NULL;
    if (!bind_all(*slot, args, ap)) {
        mm_sql_close(*slot);
        return NULL;
    }
    return *slot;
}

sqlite3_stmt *mm_sql_open(struct mm_store *store, enum mm_query query, const char *args, ...)
{
    sqlite3_stmt *stmt;
    va_list ap;

    va_start(ap, args);
    stmt = open_v(store, query, args, ap);
    va_end(ap);
    return stmt;
}

void mm_sql_close(sqlite3_stmt *stmt)
{
    if (stmt == NULL)
        return;
    (void)sqlite3_reset(stmt); /* repeats the status of the last step, which the caller has */
    (void)sqlite3_clear_bindings(stmt);
}

enum mm_status mm_sql_run(struct mm_store *store, enum mm_query query, int *changes,
                          const char *args, ...)
{
    sqlite3_stmt *stmt;
    enum mm_status st;
    va_list ap;

    va_start(ap, args);
    stmt = open_v(store, query, args, ap);
    va_end(ap);
    if (stmt == NULL)
        return status_of(sqlite3_errcode(store->db));
    st = status_of(sqlite3_step(stmt));
    mm_sql_close(stmt);
    if (changes != NULL)
        *changes = sqlite3_changes(store->db);
    return st;
}

enum mm_status mm_sql_row(sqlite3_stmt *stmt)
{
    int rc;

    if (stmt == NULL)
        return MM_IO;
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return MM_OK;
    return rc == SQLITE_DONE ? MM_NOT_FOUND : status_of(rc);
}

bool mm_sql_text(sqlite3_stmt *stmt, int col, char *out, size_t out_cap)
{
    const unsigned char *text = sqlite3_column_text(stmt, col);
    size_t len = (size_t)sqlite3_column_bytes(stmt, col);

    out[0] = '\0';
    if (len >= out_cap)
        return false;
    if (text != NULL)
        memcpy(out, text, len + 1);
    return true;
}

bool mm_sql_blob_max(sqlite3_stmt *stmt, int col, uint8_t *out, size_t out_cap, size_t *out_len)
{
    const void *data = sqlite3_column_blob(stmt, col);
    size_t len = (size_t)sqlite3_column_bytes(stmt, col);

    *out_len = 0;
    if (len > out_cap)
        return false;
    if (len > 0)
        memcpy(out, data, len);
    *out_len = len;
    return true;
}

bool mm_sql_blob(sqlite3_stmt *stmt, int col, uint8_t *out, size_t out_len)
{
    size_t len;

    return mm_sql_blob_max(stmt, col, out, out_len, &len) && len == out_len;
}

/* ---- Open, migrate, transactions ---- */

static enum mm_status script(struct mm_store *store, const char *sql, struct mm_err *err)
{
    int rc = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    if (rc == SQLITE_OK)
        return MM_OK;
    return mm_fail(err, status_of(rc), SIZE_MAX, "store: %s", sqlite3_errmsg(store->db));
}

static enum mm_status read_version(struct mm_store *store, struct mm_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum mm_status st;

    st = script(store, "CREATE TABLE IF NOT EXISTS schema_version (number INTEGER NOT NULL)", err);
    if (st != MM_OK)
        return st;
    if (sqlite3_prepare_v2(store->db, "SELECT coalesce(max(number), 0) FROM schema_version", -1,
                           &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        st = mm_fail(err, MM_IO, SIZE_MAX, "store: %s", sqlite3_errmsg(store->db));
    } else {
        store->version = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return st;
}

static enum mm_status apply(struct mm_store *store, const struct migration *m, struct mm_err *err)
{
    sqlite3_stmt *stmt = NULL;
    enum mm_status st = script(store, m->sql, err);

    if (st != MM_OK)
        return st;
    if (sqlite3_prepare_v2(store->db, "INSERT INTO schema_version (number) VALUES (?)", -1, &stmt,
                           NULL) != SQLITE_OK ||
        sqlite3_bind_int(stmt, 1, m->number) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_DONE)
        st = mm_fail(err, MM_IO, SIZE_MAX, "store: %s", sqlite3_errmsg(store->db));
    sqlite3_finalize(stmt);
    return st;
}

/* All that are missing in one transaction: a store is at one version or at another, never between. */
static enum mm_status migrate(struct mm_store *store, struct mm_err *err)
{
    enum mm_status st = script(store, "BEGIN IMMEDIATE", err);

    if (st != MM_OK)
        return st;
    st = read_version(store, err);
    if (st == MM_OK && store->version > migrations[MIGRATION_N - 1].number)
        st = mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                     "store: schema version %d, this program knows up to %d", store->version,
                     migrations[MIGRATION_N - 1].number);
    for (size_t i = 0; i < MIGRATION_N && st == MM_OK; i++) {
        if (migrations[i].number <= store->version)
            continue;
        st = apply(store, &migrations[i], err);
        if (st == MM_OK)
            store->version = migrations[i].number;
        else
            mm_err_prefix(err, "migration %d (%s)", migrations[i].number, migrations[i].what);
    }
    return mm_store_end(store, st, err);
}

/* SQLite makes files with the umask's mode; the store is for its owner only. */
static enum mm_status make_file(const char *path, struct mm_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return mm_fail(err, MM_EXISTS, SIZE_MAX, "%s: cannot be made anew", path);
    close(fd);
    return MM_OK;
}

enum mm_status mm_store_open(const char *path, bool create, struct mm_store **out,
                             struct mm_err *err)
{
    struct mm_store *store;
    enum mm_status st = MM_OK;

    *out = NULL;
    if (create)
        st = make_file(path, err);
    else if (access(path, R_OK | W_OK) != 0)
        st = mm_fail(err, MM_NOT_FOUND, SIZE_MAX,
                     "%s: no store here; run mintmark-platform init first", path);
    if (st != MM_OK)
        return st;
    store = calloc(1, sizeof(*store));
    if (store == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "store: out of memory");
    if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, sqlite3_errmsg(store->db));
    } else {
        (void)sqlite3_busy_timeout(store->db, BUSY_MS);
        /* secure_delete: a PIN that was kept between two calls is overwritten when it is dropped. */
        st = script(store,
                    "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL;"
                    "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
                    err);
    }
    if (st == MM_OK)
        st = migrate(store, err);
    if (st != MM_OK)
        mm_store_close(&store);
    *out = store;
    return st;
}

void mm_store_close(struct mm_store **store)
{
    if (*store == NULL)
        return;
    for (size_t i = 0; i < MM_Q_N; i++)
        (void)sqlite3_finalize((*store)->prepared[i]);
    (void)sqlite3_close((*store)->db);
    free(*store);
    *store = NULL;
}

int mm_store_version(const struct mm_store *store)
{
    return store->version;
}

enum mm_status mm_store_begin(struct mm_store *store, struct mm_err *err)
{
    enum mm_status st = mm_sql_run(store, MM_Q_BEGIN, NULL, "");

    if (st != MM_OK)
        return mm_fail(err, st, SIZE_MAX, "store: %s", sqlite3_errmsg(store->db));
    return MM_OK;
}

enum mm_status mm_store_end(struct mm_store *store, enum mm_status st, struct mm_err *err)
{
    if (st == MM_OK) {
        st = mm_sql_run(store, MM_Q_COMMIT, NULL, "");
        if (st == MM_OK)
            return MM_OK;
        (void)mm_fail(err, st, SIZE_MAX, "store: %s", sqlite3_errmsg(store->db));
    }
    /* The engine may have rolled back by itself; then there is nothing left to undo. */
    if (sqlite3_get_autocommit(store->db) == 0)
        (void)!mm_sql_run(store, MM_Q_ROLLBACK, NULL, "");
    return st;
}
