/*
 * The store: everything the platform keeps. SQLite here; callers see values and statuses only, so
 * another engine is another file behind this header. All SQL is in queries.def, the schema in
 * migrations.def.
 *
 * Found or not: MM_NOT_FOUND. A constraint that says no: MM_EXISTS. The store busy: MM_BUSY.
 */
#ifndef MM_STORE_H
#define MM_STORE_H

#include <jansson.h>

#include "applet_vm/base/base.h"

struct mm_store;

#define MM_SERIAL_MAX   41 /* 20 bytes in hex (RFC 5280, 4.1.2.2) and NUL */
#define MM_NAME_MAX     65
#define MM_KEY_MAX      65
#define MM_PURSE_ID_LEN 8
#define MM_CHIP_ID_LEN  16
#define MM_SESSION_LEN  16
#define MM_NONCE_LEN    32

/* Opens, makes the file (mode 0600) when create, applies the migrations that are missing. A store
 * newer than this program is MM_UNSUPPORTED. */
enum mm_status mm_store_open(const char *path, bool create, struct mm_store **out,
                             struct mm_err *err) MM_USE_RESULT;
void mm_store_close(struct mm_store **store);
int mm_store_version(const struct mm_store *store); /* number of the last migration */

/* One serialisable transaction. end commits when st is MM_OK, else rolls back, and returns st or
 * what went wrong in the commit. */
enum mm_status mm_store_begin(struct mm_store *store, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_store_end(struct mm_store *store, enum mm_status st,
                            struct mm_err *err) MM_USE_RESULT;

/* ---- Trust service ---- */
struct mm_terminal {
    char serial[MM_SERIAL_MAX]; /* upper-case hex */
    char name[MM_NAME_MAX];
    uint8_t fingerprint[32]; /* SHA-256 of the certificate */
};
enum mm_status mm_store_terminal_add(struct mm_store *store, const struct mm_terminal *terminal,
                                     int64_t now, struct mm_err *err) MM_USE_RESULT;
/* By serial; or, serial NULL, by name. */
enum mm_status mm_store_terminal_get(struct mm_store *store, const char *serial, const char *name,
                                     struct mm_terminal *out) MM_USE_RESULT;

#define MM_CERT_MAX 2048
struct mm_chip {
    uint8_t id[MM_CHIP_ID_LEN];
    char name[MM_NAME_MAX];
    uint8_t diversification[10];
    char terminal[MM_SERIAL_MAX];
    uint8_t attestation[MM_CERT_MAX]; /* DER */
    size_t attestation_len;
    char attestation_serial[MM_SERIAL_MAX];
    int64_t counter; /* highest shown */
};
enum mm_status mm_store_chip_add(struct mm_store *store, const struct mm_chip *chip, int64_t now,
                                 struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_store_chip_get(struct mm_store *store, const uint8_t id[MM_CHIP_ID_LEN],
                                 struct mm_chip *out) MM_USE_RESULT;
/* MM_ROLLBACK when a higher counter has been shown. */
enum mm_status mm_store_chip_seen(struct mm_store *store, const uint8_t id[MM_CHIP_ID_LEN],
                                  uint64_t counter) MM_USE_RESULT;
enum mm_status mm_store_components_clear(struct mm_store *store,
                                         const uint8_t chip[MM_CHIP_ID_LEN]) MM_USE_RESULT;
enum mm_status mm_store_component_add(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                      const struct mm_aid *aid, uint8_t kind) MM_USE_RESULT;
/* MM_OK: there; MM_NOT_FOUND. */
enum mm_status mm_store_component_has(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                      const struct mm_aid *aid, uint8_t kind) MM_USE_RESULT;

enum mm_status mm_store_revoke(struct mm_store *store, const char *serial,
                               int64_t now) MM_USE_RESULT;
/* MM_OK: revoked; MM_NOT_FOUND: not. */
enum mm_status mm_store_revoked(struct mm_store *store, const char *serial) MM_USE_RESULT;
/* Array of serials, a new reference. */
enum mm_status mm_store_revocations(struct mm_store *store, json_t **out) MM_USE_RESULT;

struct mm_challenge {
    uint8_t nonce[MM_NONCE_LEN];
    uint8_t session[MM_SESSION_LEN];
    char terminal[MM_SERIAL_MAX];
    char purpose[16]; /* "": any */
    int64_t expires;
    bool used;
};
enum mm_status mm_store_challenge_add(struct mm_store *store,
                                      const struct mm_challenge *challenge) MM_USE_RESULT;
enum mm_status mm_store_challenge_get(struct mm_store *store, const uint8_t nonce[MM_NONCE_LEN],
                                      struct mm_challenge *out) MM_USE_RESULT;
/* Times before which things are forgotten. */
struct mm_prune {
    /* Challenges that never led to a good verdict, and results: both have expired and are refused for
     * that alone. Affirmed sessions stay, a late record may name one. */
    int64_t expired;
    /* What was answered to a key, except to a load that is still held. A repeated key is then judged like
     * a new one, and the books refuse it: a load's key and a record's counter are used once. */
    int64_t answers;
    int64_t verdicts;
};
enum mm_status mm_store_prune(struct mm_store *store, const struct mm_prune *before) MM_USE_RESULT;
/* MM_STATE when it was used before. */
enum mm_status mm_store_challenge_use(struct mm_store *store, const uint8_t nonce[MM_NONCE_LEN],
                                      int64_t now) MM_USE_RESULT;
enum mm_status mm_store_challenge_affirm(struct mm_store *store,
                                         const uint8_t nonce[MM_NONCE_LEN]) MM_USE_RESULT;
/* MM_OK: this session nonce was given to this terminal, and its evidence was good. */
enum mm_status mm_store_session_known(struct mm_store *store, const uint8_t session[MM_SESSION_LEN],
                                      const char *terminal) MM_USE_RESULT;
/* chip may be NULL. */
enum mm_status mm_store_verdict_add(struct mm_store *store, int64_t now, const char *terminal,
                                    const uint8_t *chip, const char *verdict, const char *reason,
                                    const char *message) MM_USE_RESULT;

enum mm_status mm_store_references_add(struct mm_store *store, uint32_t version,
                                       const uint8_t *data, size_t data_len, int64_t now,
                                       struct mm_err *err) MM_USE_RESULT;
/* data: appended to; may be NULL. */
enum mm_status mm_store_references_newest(struct mm_store *store, uint32_t *version,
                                          struct mm_buf *data) MM_USE_RESULT;
/* Signed updates of kind 2 and 3. MM_EXISTS: the version is not one above the last of its kind. */
enum mm_status mm_store_update_add(struct mm_store *store, uint8_t kind, uint32_t version,
                                   const uint8_t *data, size_t data_len, int64_t now,
                                   struct mm_err *err) MM_USE_RESULT;
/* The served one with the lowest version above after. data: appended to. */
enum mm_status mm_store_update_after(struct mm_store *store, uint8_t kind, uint32_t after,
                                     struct mm_buf *data) MM_USE_RESULT;
/* *version: 0 with MM_NOT_FOUND. data: appended to; may be NULL. */
enum mm_status mm_store_update_newest(struct mm_store *store, uint8_t kind, uint32_t *version,
                                      struct mm_buf *data) MM_USE_RESULT;
/* Those of this kind are served no longer: the key they were signed with is going. */
enum mm_status mm_store_updates_withdraw(struct mm_store *store, uint8_t kind) MM_USE_RESULT;
enum mm_status mm_store_package_put(struct mm_store *store, const struct mm_aid *aid,
                                    const uint8_t *load_file, size_t load_file_len,
                                    uint32_t version) MM_USE_RESULT;
enum mm_status mm_store_package_get(struct mm_store *store, const struct mm_aid *aid,
                                    struct mm_buf *load_file) MM_USE_RESULT;

/* ---- Payment service ---- */
/* Kinds: issuer, funding (chip), held (purse), purse, unclaimed (purse), merchant. owner: bytes. */
struct mm_account {
    int64_t id;
    int64_t balance;
};
/* Made when it is not there. */
enum mm_status mm_store_account(struct mm_store *store, const char *kind, const uint8_t *owner,
                                size_t owner_len, struct mm_account *out) MM_USE_RESULT;
/* MM_STATE when debit does not hold amount. purse may be NULL. */
enum mm_status mm_store_move(struct mm_store *store, int64_t now, const char *what, int64_t debit,
                             int64_t credit, int64_t amount, const uint8_t *purse,
                             int64_t counter) MM_USE_RESULT;

enum mm_purse_state { MM_PURSE_ISSUED, MM_PURSE_ACTIVE, MM_PURSE_CLOSED };
struct mm_purse {
    uint8_t id[MM_PURSE_ID_LEN];
    uint8_t chip[MM_CHIP_ID_LEN];
    enum mm_purse_state state;
    int64_t counter; /* of the last settled transaction */
};
enum mm_status mm_store_purse_add(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                  const uint8_t chip[MM_CHIP_ID_LEN], int64_t now) MM_USE_RESULT;
enum mm_status mm_store_purse_get(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                  struct mm_purse *out) MM_USE_RESULT;
/* The active purse of a chip. */
enum mm_status mm_store_purse_of(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                 struct mm_purse *out) MM_USE_RESULT;
/* Issued becomes active, every other purse of the chip is closed. */
enum mm_status mm_store_purse_activate(struct mm_store *store,
                                       const struct mm_purse *purse) MM_USE_RESULT;
enum mm_status mm_store_purse_counter(struct mm_store *store, const uint8_t id[MM_PURSE_ID_LEN],
                                      int64_t counter) MM_USE_RESULT;
/* The closed purses of a chip by index, oldest first; MM_NOT_FOUND past the end. */
enum mm_status mm_store_purse_closed(struct mm_store *store, const uint8_t chip[MM_CHIP_ID_LEN],
                                     size_t index, uint8_t id[MM_PURSE_ID_LEN]) MM_USE_RESULT;

struct mm_record {
    uint8_t purse[MM_PURSE_ID_LEN];
    int64_t counter;
    int type; /* 1 load, 2 restore, 3 debit */
    int64_t amount, balance;
};
/* MM_EXISTS when the purse's counter was booked before. */
enum mm_status mm_store_record_add(struct mm_store *store, const struct mm_record *record,
                                   int64_t now) MM_USE_RESULT;
enum mm_status mm_store_record_has(struct mm_store *store, const uint8_t purse[MM_PURSE_ID_LEN],
                                   int64_t counter) MM_USE_RESULT;

struct mm_load {
    int64_t id;
    char terminal[MM_SERIAL_MAX];
    char key[MM_KEY_MAX];
    uint8_t purse[MM_PURSE_ID_LEN];
    int type;
    int64_t amount;
    int64_t counter; /* before */
    uint8_t session[MM_SESSION_LEN];
    bool held;
};
enum mm_status mm_store_load_add(struct mm_store *store, const struct mm_load *load) MM_USE_RESULT;
enum mm_status mm_store_load_get(struct mm_store *store, const char *terminal, const char *key,
                                 struct mm_load *out) MM_USE_RESULT;
enum mm_status mm_store_load_held(struct mm_store *store, const uint8_t purse[MM_PURSE_ID_LEN],
                                  struct mm_load *out) MM_USE_RESULT;
/* state: "settled" or "released". */
enum mm_status mm_store_load_end(struct mm_store *store, int64_t id,
                                 const char *state) MM_USE_RESULT;

/* What was answered to a key: MM_NOT_FOUND, MM_EXISTS (another request), or MM_OK and *answer
 * (malloc'ed, owned by the caller). */
enum mm_status mm_store_answer_get(struct mm_store *store, const char *terminal, const char *call,
                                   const char *key, const uint8_t request[32],
                                   char **answer) MM_USE_RESULT;
enum mm_status mm_store_answer_add(struct mm_store *store, const char *terminal, const char *call,
                                   const char *key, const uint8_t request[32], const char *answer,
                                   int64_t now) MM_USE_RESULT;
/* MM_EXISTS when the result served this purpose under another key. */
enum mm_status mm_store_result_use(struct mm_store *store, const char *jti, const char *purpose,
                                   const char *key, int64_t now) MM_USE_RESULT;

#define MM_MANAGE_PARAMS_MAX 64
struct mm_manage {
    uint8_t id[16];
    char terminal[MM_SERIAL_MAX];
    uint8_t chip[MM_CHIP_ID_LEN];
    char op[16], package[16];
    uint8_t host_challenge[8];
    uint8_t instance[MM_PURSE_ID_LEN];    /* purse or pass id; zero when not personalised */
    uint8_t params[MM_MANAGE_PARAMS_MAX]; /* limits and PIN; wiped from the store once used */
    size_t params_len;
    int64_t expires;
    bool begun; /* /manage/next is still to come */
};
enum mm_status mm_store_manage_add(struct mm_store *store,
                                   const struct mm_manage *session) MM_USE_RESULT;
enum mm_status mm_store_manage_get(struct mm_store *store, const uint8_t id[16],
                                   struct mm_manage *out) MM_USE_RESULT;
enum mm_status mm_store_manage_sent(struct mm_store *store, const uint8_t id[16]) MM_USE_RESULT;
/* MM_STATE when it was ended before. */
enum mm_status mm_store_manage_end(struct mm_store *store, const uint8_t id[16], bool good,
                                   uint16_t sw, int64_t count) MM_USE_RESULT;

/* Object of tables, each an array of objects: chips, terminals, purses, accounts, ledger, verdicts,
 * references, updates. */
enum mm_status mm_store_report(struct mm_store *store, json_t **out) MM_USE_RESULT;

#endif
