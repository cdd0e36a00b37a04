/* The trust service's part of the store: terminals, chips, revocations, challenges, references. */
#include "platform/store.h"

#include <string.h>

#include "platform/store_sql.h"

static enum mm_status finish(sqlite3_stmt *stmt, enum mm_status st)
{
    mm_sql_close(stmt);
    return st;
}

enum mm_status mm_store_terminal_add(struct mm_store *store, const struct mm_terminal *terminal,
                                     int64_t now, struct mm_err *err)
{
    enum mm_status st = mm_sql_run(store, MM_Q_TERMINAL_ADD, NULL, "ttbi", terminal->serial,
                                   terminal->name, terminal->fingerprint, (size_t)32, now);

    if (st == MM_EXISTS)
        return mm_fail(err, st, SIZE_MAX, "terminal %s is enrolled already", terminal->name);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "store: terminal not written");
}

enum mm_status mm_store_terminal_get(struct mm_store *store, const char *serial, const char *name,
                                     struct mm_terminal *out)
{
    sqlite3_stmt *stmt =
        mm_sql_open(store, serial != NULL ? MM_Q_TERMINAL_BY_SERIAL : MM_Q_TERMINAL_BY_NAME, "t",
                    serial != NULL ? serial : name);
    enum mm_status st = mm_sql_row(stmt);

    memset(out, 0, sizeof(*out));
    if (st == MM_OK && (!mm_sql_text(stmt, 0, out->serial, sizeof(out->serial)) ||
                        !mm_sql_text(stmt, 1, out->name, sizeof(out->name)) ||
                        !mm_sql_blob(stmt, 2, out->fingerprint, sizeof(out->fingerprint))))
        st = MM_TAMPERED;
    return finish(stmt, st);
}

enum mm_status mm_store_chip_add(struct mm_store *store, const struct mm_chip *chip, int64_t now,
                                 struct mm_err *err)
{
    enum mm_status st =
        mm_sql_run(store, MM_Q_CHIP_ADD, NULL, "btbtbti", chip->id, sizeof(chip->id), chip->name,
                   chip->diversification, sizeof(chip->diversification), chip->terminal,
                   chip->attestation, chip->attestation_len, chip->attestation_serial, now);

    if (st == MM_EXISTS)
        return mm_fail(err, st, SIZE_MAX, "chip %s (or its name) is enrolled already", chip->name);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "store: chip not written");
}

enum mm_status mm_store_chip_get(struct mm_store *store, const uint8_t id[MM_CHIP_ID_LEN],
                                 struct mm_chip *out)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_CHIP_GET, "b", id, (size_t)MM_CHIP_ID_LEN);
    enum mm_status st = mm_sql_row(stmt);

    memset(out, 0, sizeof(*out));
    if (st != MM_OK)
        return finish(stmt, st);
    if (!mm_sql_blob(stmt, 0, out->id, sizeof(out->id)) ||
        !mm_sql_text(stmt, 1, out->name, sizeof(out->name)) ||
        !mm_sql_blob(stmt, 2, out->diversification, sizeof(out->diversification)) ||
        !mm_sql_text(stmt, 3, out->terminal, sizeof(out->terminal)) ||
        !mm_sql_blob_max(stmt, 4, out->attestation, sizeof(out->attestation),
                         &out->attestation_len) ||
        !mm_sql_text(stmt, 5, out->attestation_serial, sizeof(out->attestation_serial)))
        st = MM_TAMPERED;
    out->counter = sqlite3_column_int64(stmt, 6);
    return finish(stmt, st);
}

enum mm_status mm_store_chip_seen(struct mm_store *store, const uint8_t id[MM_CHIP_ID_LEN],
                                  uint64_t counter)
{
    int changes = 0;
    enum mm_status st;

    if (counter > INT64_MAX)
        return MM_MALFORMED;
    st = mm_sql_run(store, MM_Q_CHIP_SEEN, &changes, "ibi", (int64_t)counter, id,
                    (size_t)MM_CHIP_ID_LEN, (int64_t)counter);
    return st == MM_OK && changes != 1 ? MM_ROLLBACK : st;
}

enum mm_status mm_store_components_clear(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN])
{
    return mm_sql_run(store, MM_Q_COMPONENTS_CLEAR, NULL, "b", chip, (size_t)MM_CHIP_ID_LEN);
}

enum mm_status mm_store_component_add(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                      const struct mm_aid *aid, uint8_t kind)
{
    char hex[2 * MM_AID_MAX + 1];

    return mm_sql_run(store, MM_Q_COMPONENT_ADD, NULL, "bti", chip, (size_t)MM_CHIP_ID_LEN,
                      mm_hex(aid->bytes, aid->len, hex), (int64_t)kind);
}

enum mm_status mm_store_component_has(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                      const struct mm_aid *aid, uint8_t kind)
{
    char hex[2 * MM_AID_MAX + 1];
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_COMPONENT_HAS, "bti", chip, (size_t)MM_CHIP_ID_LEN,
                                     mm_hex(aid->bytes, aid->len, hex), (int64_t)kind);

    return finish(stmt, mm_sql_row(stmt));
}

enum mm_status mm_store_revoke(struct mm_store *store, const char *serial, int64_t now)
{
    return mm_sql_run(store, MM_Q_REVOKE, NULL, "ti", serial, now);
}

enum mm_status mm_store_revoked(struct mm_store *store, const char *serial)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_REVOKED, "t", serial);

    return finish(stmt, mm_sql_row(stmt));
}

enum mm_status mm_store_revocations(struct mm_store *store, json_t **out)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_REVOCATIONS, "");
    json_t *list = json_array();
    enum mm_status st = MM_OK;

    while (list != NULL && (st = mm_sql_row(stmt)) == MM_OK) {
        if (json_array_append_new(list, json_string((const char *)sqlite3_column_text(stmt, 0)))) {
            st = MM_NO_MEMORY;
            break;
        }
    }
    *out = list;
    if (list == NULL)
        st = MM_NO_MEMORY;
    return finish(stmt, st == MM_NOT_FOUND ? MM_OK : st);
}

enum mm_status mm_store_challenge_add(struct mm_store *store, const struct mm_challenge *challenge)
{
    const char *purpose = challenge->purpose[0] != '\0' ? challenge->purpose : NULL;

    return mm_sql_run(store, MM_Q_CHALLENGE_ADD, NULL, "bbtti", challenge->nonce,
                      sizeof(challenge->nonce), challenge->session, sizeof(challenge->session),
                      challenge->terminal, purpose, challenge->expires);
}

enum mm_status mm_store_prune(struct mm_store *store, const struct mm_prune *before)
{
    enum mm_status st = mm_sql_run(store, MM_Q_CHALLENGES_PRUNE, NULL, "i", before->expired);

    if (st == MM_OK)
        st = mm_sql_run(store, MM_Q_RESULTS_PRUNE, NULL, "i", before->expired);
    if (st == MM_OK)
        st = mm_sql_run(store, MM_Q_ANSWERS_PRUNE, NULL, "i", before->answers);
    if (st == MM_OK)
        st = mm_sql_run(store, MM_Q_VERDICTS_PRUNE, NULL, "i", before->verdicts);
    return st;
}

enum mm_status mm_store_challenge_get(struct mm_store *store, const uint8_t nonce[MM_NONCE_LEN],
                                      struct mm_challenge *out)
{
    sqlite3_stmt *stmt = mm_sql_open(store, MM_Q_CHALLENGE_GET, "b", nonce, (size_t)MM_NONCE_LEN);
    enum mm_status st = mm_sql_row(stmt);

    memset(out, 0, sizeof(*out));
    memcpy(out->nonce, nonce, MM_NONCE_LEN);
    if (st != MM_OK)
        return finish(stmt, st);
    if (!mm_sql_blob(stmt, 0, out->session, sizeof(out->session)) ||
        !mm_sql_text(stmt, 1, out->terminal, sizeof(out->terminal)) ||
        !mm_sql_text(stmt, 2, out->purpose, sizeof(out->purpose)))
        st = MM_TAMPERED;
    out->expires = sqlite3_column_int64(stmt, 3);
    out->used = sqlite3_column_type(stmt, 4) != SQLITE_NULL;
    return finish(stmt, st);
}

enum mm_status mm_store_challenge_use(struct mm_store *store, const uint8_t nonce[MM_NONCE_LEN],
                                      int64_t now)
{
    int changes = 0;
    enum mm_status st =
        mm_sql_run(store, MM_Q_CHALLENGE_USE, &changes, "ib", now, nonce, (size_t)MM_NONCE_LEN);

    return st == MM_OK && changes != 1 ? MM_STATE : st;
}

enum mm_status mm_store_challenge_affirm(struct mm_store *store, const uint8_t nonce[MM_NONCE_LEN])
{
    return mm_sql_run(store, MM_Q_CHALLENGE_AFFIRM, NULL, "b", nonce, (size_t)MM_NONCE_LEN);
}

enum mm_status mm_store_session_known(struct mm_store *store, const uint8_t session[MM_SESSION_LEN],
                                      const char *terminal)
{
    sqlite3_stmt *stmt =
        mm_sql_open(store, MM_Q_SESSION_AFFIRMED, "bt", session, (size_t)MM_SESSION_LEN, terminal);

    return finish(stmt, mm_sql_row(stmt));
}

enum mm_status mm_store_verdict_add(struct mm_store *store, int64_t now, const char *terminal,
                                    const uint8_t *chip, const char *verdict, const char *reason,
                                    const char *message)
{
    return mm_sql_run(store, MM_Q_VERDICT_ADD, NULL, "itbttt", now, terminal, chip,
                      (size_t)MM_CHIP_ID_LEN, verdict, reason, message);
}

enum mm_status mm_store_references_add(struct mm_store *store, uint32_t version,
                                       const uint8_t *data, size_t data_len, int64_t now,
                                       struct mm_err *err)
{
    enum mm_status st =
        mm_sql_run(store, MM_Q_REFERENCES_ADD, NULL, "ibi", (int64_t)version, data, data_len, now);

    if (st == MM_OK)
        return st;
    return mm_fail(err, st, SIZE_MAX, "reference values version %u not written: %s", version,
                   mm_status_text(st));
}

static enum mm_status read_update(sqlite3_stmt *stmt, uint32_t *version, struct mm_buf *data)
{
    enum mm_status st = mm_sql_row(stmt);

    *version = 0;
    if (st == MM_OK) {
        *version = (uint32_t)sqlite3_column_int64(stmt, 0);
        if (data != NULL)
            mm_buf_bytes(data, sqlite3_column_blob(stmt, 1), (size_t)sqlite3_column_bytes(stmt, 1));
    }
    return finish(stmt, st);
}

enum mm_status mm_store_references_newest(struct mm_store *store, uint32_t *version,
                                          struct mm_buf *data)
{
    return read_update(mm_sql_open(store, MM_Q_REFERENCES_NEWEST, ""), version, data);
}

enum mm_status mm_store_update_add(struct mm_store *store, uint8_t kind, uint32_t version,
                                   const uint8_t *data, size_t data_len, int64_t now,
                                   struct mm_err *err)
{
    enum mm_status st = mm_sql_run(store, MM_Q_UPDATE_ADD, NULL, "iibi", (int64_t)kind,
                                   (int64_t)version, data, data_len, now);

    if (st == MM_OK)
        return st;
    return mm_fail(err, st, SIZE_MAX, "update of kind %u, version %u not written: %s", kind,
                   version, mm_status_text(st));
}

enum mm_status mm_store_update_after(struct mm_store *store, uint8_t kind, uint32_t after,
                                     struct mm_buf *data)
{
    uint32_t version;

    return read_update(mm_sql_open(store, MM_Q_UPDATE_AFTER, "ii", (int64_t)kind, (int64_t)after),
                       &version, data);
}

enum mm_status mm_store_update_newest(struct mm_store *store, uint8_t kind, uint32_t *version,
                                      struct mm_buf *data)
{
    return read_update(mm_sql_open(store, MM_Q_UPDATE_NEWEST, "i", (int64_t)kind), version, data);
}

enum mm_status mm_store_updates_withdraw(struct mm_store *store, uint8_t kind)
{
    return mm_sql_run(store, MM_Q_UPDATES_WITHDRAW, NULL, "i", (int64_t)kind);
}

enum mm_status mm_store_package_put(struct mm_store *store, const struct mm_aid *aid,
                                    const uint8_t *load_file, size_t load_file_len,
                                    uint32_t version)
{
    char hex[2 * MM_AID_MAX + 1];

    return mm_sql_run(store, MM_Q_PACKAGE_PUT, NULL, "tbi", mm_hex(aid->bytes, aid->len, hex),
                      load_file, load_file_len, (int64_t)version);
}

enum mm_status mm_store_package_get(struct mm_store *store, const struct mm_aid *aid,
                                    struct mm_buf *load_file)
{
    char hex[2 * MM_AID_MAX + 1];
    sqlite3_stmt *stmt =
        mm_sql_open(store, MM_Q_PACKAGE_GET, "t", mm_hex(aid->bytes, aid->len, hex));
    enum mm_status st = mm_sql_row(stmt);

    if (st == MM_OK)
        mm_buf_bytes(load_file, sqlite3_column_blob(stmt, 0),
                     (size_t)sqlite3_column_bytes(stmt, 0));
    return finish(stmt, st);
}
