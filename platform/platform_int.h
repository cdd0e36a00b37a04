/* Inside the platform: the opened home, certificates, JWT, calls. */
#ifndef MM_PLATFORM_INT_H
#define MM_PLATFORM_INT_H

#include <openssl/evp.h>

#include "host_client/gp/gp.h"
#include "host_client/trust/trust.h"
#include "platform/platform.h"
#include "platform/store.h"

#define MM_CHALLENGE_LIFE 60 /* seconds; so is a result's */
#define MM_MANAGE_LIFE    120
#define MM_RESULT_ISSUER  "mintmark"

struct mm_settings {
    char listen[64];
    char url[200];
    int64_t funding; /* demo credit of a newly enrolled chip, cents */
};

struct mm_platform {
    char *dir;
    struct mm_store *store;
    struct mm_settings settings;
    X509 *ca, *server, *release;
    EVP_PKEY *ca_key, *server_key, *release_key, *result_key;
    uint8_t issuer_master[16], load_master[16], debit_master[16];
    int64_t (*now)(void *ctx);
    void *now_ctx;
};
int64_t mm_platform_now(const struct mm_platform *p);
/* "DIR/name", malloc'ed; NULL when out of memory. */
char *mm_platform_path(const char *dir, const char *name);
/* release.pem and release.key, or server.pem and server.key, anew from the folder. What is held stays
 * when they cannot be read or do not belong together. */
enum mm_status mm_platform_reload_release(struct mm_platform *p, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_platform_reload_server(struct mm_platform *p, struct mm_err *err) MM_USE_RESULT;
/* Complete a renewal that was interrupted (renew.c). */
enum mm_status mm_platform_complete(struct mm_platform *p, struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_random(uint8_t *out, size_t out_len) MM_USE_RESULT;

/* ---- Certificates (X.509 v3, P-256, ECDSA with SHA-256) ---- */
enum mm_cert_role {
    MM_CERT_ROOT,
    MM_CERT_SERVER,
    MM_CERT_RELEASE,    /* signs reference values and updates */
    MM_CERT_TERMINAL,   /* TLS client and evidence */
    MM_CERT_ATTESTATION /* of a chip; no TLS client */
};
enum mm_status mm_ca_new_key(EVP_PKEY **out, struct mm_err *err) MM_USE_RESULT;
/* issuer NULL: self-signed. key: the subject's, its public half is used. */
enum mm_status mm_ca_issue(enum mm_cert_role role, const char *cn, EVP_PKEY *key, X509 *issuer,
                           EVP_PKEY *issuer_key, X509 **out, struct mm_err *err) MM_USE_RESULT;
/* The same, good for a number of days other than its role's. */
enum mm_status mm_ca_issue_for(enum mm_cert_role role, long days, const char *cn, EVP_PKEY *key,
                               X509 *issuer, EVP_PKEY *issuer_key, X509 **out,
                               struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_ca_serial(X509 *cert, char out[MM_SERIAL_MAX]) MM_USE_RESULT;
enum mm_status mm_ca_der(X509 *cert, struct mm_buf *out) MM_USE_RESULT;
enum mm_status mm_ca_write_cert(const char *dir, const char *name, X509 *cert,
                                struct mm_err *err) MM_USE_RESULT;
/* PKCS#8 PEM, mode 0600. */
enum mm_status mm_ca_write_key(const char *dir, const char *name, EVP_PKEY *key,
                               struct mm_err *err) MM_USE_RESULT;
/* P-256 public key from an uncompressed point. */
enum mm_status mm_ca_public_key(const uint8_t point[65], EVP_PKEY **out) MM_USE_RESULT;

/* ---- JWT (RFC 7519), ES256 only ---- */
#define MM_JWT_MAX 8192
/* *out: malloc'ed compact form. */
enum mm_status mm_jwt_sign(EVP_PKEY *key, const json_t *claims, char **out) MM_USE_RESULT;
/* Signature and form only; what the claims say is the caller's to judge. *claims: new reference. */
enum mm_status mm_jwt_verify(EVP_PKEY *key, const char *token, json_t **claims,
                             struct mm_err *err) MM_USE_RESULT;

/* ---- Purse arithmetic (docs/protocol.md, purse applet) ---- */
enum { MM_KDF_LOAD = 0x10, MM_KDF_DEBIT = 0x11, MM_KDF_PASS = 0x12 };
enum mm_status mm_purse_key(const uint8_t master[16], uint8_t constant,
                            const uint8_t id[MM_PURSE_ID_LEN], uint8_t key[16]) MM_USE_RESULT;

#define MM_LOAD_REQUEST_LEN 45
struct mm_load_request {
    uint8_t purse[MM_PURSE_ID_LEN];
    uint32_t counter, balance, amount;
    uint8_t type;
    uint8_t random[8];
    uint8_t mac[16];
};
#define MM_CREDIT_LEN 24
struct mm_credit {
    uint32_t counter, balance;
    uint8_t mac[16];
};
#define MM_LAST_LEN 53
struct mm_last {
    uint8_t type;
    uint32_t counter, amount, balance;
    uint8_t merchant[8];
    uint8_t session[MM_SESSION_LEN];
    uint8_t mac[16];
};
/* Exactly as long as the layout, else MM_MALFORMED. */
enum mm_status mm_load_request_read(const uint8_t *data, size_t len,
                                    struct mm_load_request *out) MM_USE_RESULT;
enum mm_status mm_credit_read(const uint8_t *data, size_t len, struct mm_credit *out) MM_USE_RESULT;
enum mm_status mm_last_read(const uint8_t *data, size_t len, struct mm_last *out) MM_USE_RESULT;
enum mm_status mm_mac1(const uint8_t key[16], const struct mm_load_request *req,
                       const uint8_t session[MM_SESSION_LEN], uint8_t mac[16]) MM_USE_RESULT;
enum mm_status mm_mac2(const uint8_t key[16], const struct mm_load_request *req,
                       const uint8_t session[MM_SESSION_LEN], uint8_t mac[16]) MM_USE_RESULT;
/* Over a committed load or restore. */
enum mm_status mm_mac3(const uint8_t key[16], const uint8_t purse[MM_PURSE_ID_LEN],
                       const struct mm_last *last, uint8_t mac[16]) MM_USE_RESULT;
enum mm_status mm_mac6(const uint8_t key[16], const uint8_t purse[MM_PURSE_ID_LEN],
                       const struct mm_last *last, uint8_t mac[16]) MM_USE_RESULT;

/* ---- Evidence and its appraisal ---- */
struct mm_evidence {
    uint8_t nonce[MM_NONCE_LEN];
    uint8_t ueid[20];
    size_t ueid_len;
    uint8_t exporter[32];
    uint8_t client_code[32], client_fixed[32], client_dynamic[32];
    char client_name[64];
    char verdict[16];
    struct mm_buf token; /* owned */
};
/* The payload of the COSE_Sign1. out is initialised; clear it always. */
enum mm_status mm_evidence_read(const uint8_t *data, size_t len, struct mm_evidence *out,
                                struct mm_err *err) MM_USE_RESULT;
void mm_evidence_clear(struct mm_evidence *evidence);

struct mm_verdict {
    const char *reason; /* static code; "" while sound */
    char message[240];
    char component[64]; /* "": none */
};
/* MM_OK, or MM_REFUSED with the verdict filled. No store, no network: what is measured against what
 * is allowed. counter: highest that was shown before. */
enum mm_status mm_appraise(const struct mm_evidence *evidence, const struct mm_token *token,
                           const struct mm_references *refs, uint64_t counter,
                           struct mm_verdict *verdict) MM_USE_RESULT;
enum mm_status mm_verdict_refuse(struct mm_verdict *verdict, const char *reason,
                                 const char *component, const char *fmt, ...) MM_PRINTF(4, 5);

/* ---- Calls ---- */
struct mm_call {
    struct mm_platform *p;
    const struct mm_request *req;
    struct mm_reply *reply;
    struct mm_terminal terminal; /* who calls */
    json_t *body;                /* borrowed; NULL for GET and CBOR */
    int64_t now;
};
/* MM_OK: the reply is made and what was written is kept. Else nothing is kept; MM_REFUSED with the
 * reply made, anything else becomes a 500. Runs inside one store transaction. */
typedef enum mm_status (*mm_handler)(struct mm_call *call);

/* Answer with an error and return MM_REFUSED. */
enum mm_status mm_refuse(struct mm_call *call, int status, const char *code, const char *fmt, ...)
    MM_PRINTF(4, 5);
/* Takes the reference. */
enum mm_status mm_answer(struct mm_call *call, json_t *body) MM_USE_RESULT;
/* Fields of the request. Refuse with 400 and the field's name. */
enum mm_status mm_field_text(struct mm_call *call, const char *name, size_t max,
                             const char **out) MM_USE_RESULT;
enum mm_status mm_field_int(struct mm_call *call, const char *name, int64_t min, int64_t max,
                            int64_t *out) MM_USE_RESULT;
enum mm_status mm_field_hex(struct mm_call *call, const char *name, uint8_t *out, size_t min,
                            size_t max, size_t *out_len) MM_USE_RESULT;
enum mm_status mm_field_b64(struct mm_call *call, const char *name, uint8_t *out,
                            size_t len) MM_USE_RESULT;
/* A parameter of the query string; false: absent or longer than the capacity. */
bool mm_query_get(const struct mm_request *req, const char *name, char *out, size_t out_cap);

enum mm_status mm_call_challenge(struct mm_call *call);
enum mm_status mm_call_evidence(struct mm_call *call);
enum mm_status mm_call_references(struct mm_call *call);
enum mm_status mm_call_updates(struct mm_call *call);
enum mm_status mm_call_revocations(struct mm_call *call);
enum mm_status mm_call_load_begin(struct mm_call *call);
enum mm_status mm_call_load_settle(struct mm_call *call);
enum mm_status mm_call_pay_settle(struct mm_call *call);
enum mm_status mm_call_account(struct mm_call *call);
enum mm_status mm_call_manage(struct mm_call *call);
enum mm_status mm_call_manage_next(struct mm_call *call);
enum mm_status mm_call_manage_done(struct mm_call *call);

/* ---- Attestation results ---- */
/* *jwt: malloc'ed. */
enum mm_status mm_result_make(struct mm_call *call, const struct mm_challenge *challenge,
                              const struct mm_token *token, char **jwt) MM_USE_RESULT;
struct mm_result {
    char jti[40];
    char purpose[16]; /* "": any */
    uint8_t chip[MM_CHIP_ID_LEN];
    uint8_t session[MM_SESSION_LEN];
};
/* What an operation that needs a good result has in common: key, result, session. */
struct mm_order {
    const char *key;
    struct mm_result result;
};
/* Runs act once per key: answers from the record when it was run before; else checks the result for
 * purpose, uses it up and keeps the answer. */
enum mm_status mm_order_run(struct mm_call *call, const char *name, const char *purpose,
                            enum mm_status (*act)(struct mm_call *call,
                                                  const struct mm_order *order)) MM_USE_RESULT;

#endif
