/* Inside the store: prepared statements over SQLite. Only store_*.c include this. */
#ifndef MM_STORE_SQL_H
#define MM_STORE_SQL_H

#include <sqlite3.h>

#include "platform/store.h"

enum mm_query {
#define MM_QUERY(name, sql) MM_Q_##name,
#include "platform/queries.def"
#undef MM_QUERY
    MM_Q_N
};

/*
 * Bind and return the statement, to be stepped; NULL when it could not be made. args, one letter
 * each: i int64_t; t const char * (NULL: SQL NULL); b const void *, size_t (NULL: SQL NULL). What is
 * bound is borrowed until mm_sql_close.
 */
sqlite3_stmt *mm_sql_open(struct mm_store *store, enum mm_query query, const char *args, ...);
void mm_sql_close(sqlite3_stmt *stmt); /* NULL is fine */
/* A statement without rows. *changes may be NULL. MM_EXISTS where a constraint said no. */
enum mm_status mm_sql_run(struct mm_store *store, enum mm_query query, int *changes,
                          const char *args, ...) MM_USE_RESULT;
/* One step of an opened statement: MM_OK a row, MM_NOT_FOUND none, else the failure. */
enum mm_status mm_sql_row(sqlite3_stmt *stmt) MM_USE_RESULT;

/* Columns; a value that does not fit makes them false. */
bool mm_sql_text(sqlite3_stmt *stmt, int col, char *out, size_t out_cap);    /* NULL reads as "" */
bool mm_sql_blob(sqlite3_stmt *stmt, int col, uint8_t *out, size_t out_len); /* exact length */
bool mm_sql_blob_max(sqlite3_stmt *stmt, int col, uint8_t *out, size_t out_cap, size_t *out_len);

#endif
