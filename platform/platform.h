/*
 * The platform: trust service (the verifier), payment service (the party that relies on its
 * verdict), their store, and the operator's commands. docs/protocol.md, "Trust service and payment
 * service", has the calls.
 *
 * Invariants
 *  - A node holds no state: whatever outlives a call is in the store.
 *  - Money moves only in serialisable transactions, each with its idempotency key; a call that is
 *    refused changes nothing.
 *  - Every movement is one row that takes from one account and gives to another; no account but the
 *    issuer's can fall below zero. The schema itself refuses anything else.
 */
#ifndef MM_PLATFORM_H
#define MM_PLATFORM_H

#include <jansson.h>
#include <openssl/x509.h>

#include "applet_vm/base/base.h"

struct mm_platform; /* an opened home: keys, certificates, store */

/* mintmark-platform init: CA, keys, certificates, store. dir is the platform's own folder. MM_EXISTS
 * when a platform is there; one that was interrupted is completed, and nothing is overwritten. */
enum mm_status mm_platform_init(const char *dir, const char *name,
                                struct mm_err *err) MM_USE_RESULT;

/* now: seconds since 1970, for tests; NULL: the clock. */
enum mm_status mm_platform_open(const char *dir, int64_t (*now)(void *ctx), void *now_ctx,
                                struct mm_platform **out, struct mm_err *err) MM_USE_RESULT;
void mm_platform_close(struct mm_platform **p);

/* ---- One HTTP call, free of HTTP: what the server asks of the services ---- */
struct mm_request {
    const char *method;       /* "GET", "POST" */
    const char *path;         /* without query */
    const char *query;        /* after '?'; NULL: none */
    const char *content_type; /* NULL: none */
    const uint8_t *body;
    size_t body_len;
    X509 *peer;           /* TLS client certificate, already verified up to the CA */
    uint8_t exporter[32]; /* RFC 9266 channel binding of the connection */
};
struct mm_reply {
    int status;
    const char *content_type; /* static */
    struct mm_buf body;
};
#define MM_BODY_MAX 65536
/* Never fails: what goes wrong is in the reply. reply is initialised here; clear its body. */
void mm_platform_handle(struct mm_platform *p, const struct mm_request *req,
                        struct mm_reply *reply);
/* A JSON error into an initialised reply: for the server's own refusals. */
void mm_reply_error(struct mm_reply *reply, int status, const char *code, const char *fmt, ...)
    MM_PRINTF(4, 5);

/* ---- The server ---- */
struct mm_server;
/* listen: "ADDRESS:PORT", port 0: any. */
enum mm_status mm_server_new(struct mm_platform *p, const char *listen, struct mm_server **out,
                             struct mm_err *err) MM_USE_RESULT;
uint16_t mm_server_port(const struct mm_server *server);
/* Serve until SIGTERM, SIGINT or mm_server_stop. */
enum mm_status mm_server_run(struct mm_server *server, struct mm_err *err) MM_USE_RESULT;
void mm_server_stop(struct mm_server *server); /* from any thread */
void mm_server_free(struct mm_server **server);

/* ---- The operator's commands ---- */
struct mm_enrolment {
    const char *reader;         /* as mm_access_open */
    const char *chip;           /* name for the store */
    const char *terminal;       /* name of the terminal: its certificate's CN; NULL: chip's name */
    const char *agent_dir;      /* agent home to fill */
    const char *client_dir;     /* client home to fill */
    const char *url;            /* of this platform; NULL: as in platform.conf */
    const char *client_program; /* mintmark-pay of that terminal; NULL: the name alone */
};
enum mm_status mm_platform_enroll(struct mm_platform *p, const struct mm_enrolment *what,
                                  struct mm_err *err) MM_USE_RESULT;

struct mm_release {
    const char *client;              /* mintmark-pay; NULL: none */
    const char *const *client_files; /* NULL-terminated: what its fixed digest covers */
    const char *const *caps;         /* NULL-terminated .cap files */
};
/* version: of the reference values that were signed. */
enum mm_status mm_platform_release(struct mm_platform *p, const struct mm_release *what,
                                   uint32_t *version, struct mm_err *err) MM_USE_RESULT;

/*
 * Renewal. A new server key and certificate, kept beside the one in use, and the signed update that
 * tells terminals of it (kind 2). MM_EXISTS when one waits already. days 0: as usual for the role.
 */
enum mm_status mm_platform_renew(struct mm_platform *p, long days, uint32_t *version,
                                 struct mm_err *err) MM_USE_RESULT;
/* Use the renewed server certificate from the next start, or SIGHUP, of a node on. MM_STATE: none waits. */
enum mm_status mm_platform_activate(struct mm_platform *p, struct mm_err *err) MM_USE_RESULT;
/*
 * A new release key and certificate, in use at once; the update of kind 3 that the old one signs, and
 * what terminals may still have to fetch, signed anew by the new one under the next version.
 */
enum mm_status mm_platform_renew_release(struct mm_platform *p, long days, uint32_t *version,
                                         struct mm_err *err) MM_USE_RESULT;

/* serial: hex; or terminal: a name. One of them. */
enum mm_status mm_platform_revoke(struct mm_platform *p, const char *serial, const char *terminal,
                                  struct mm_err *err) MM_USE_RESULT;

/* Chips, terminals, accounts, last transactions, verdicts. *out: a new reference. */
enum mm_status mm_platform_report(struct mm_platform *p, json_t **out,
                                  struct mm_err *err) MM_USE_RESULT;
/* Versions of the reference values and what the newest holds. */
enum mm_status mm_platform_references(struct mm_platform *p, json_t **out,
                                      struct mm_err *err) MM_USE_RESULT;
/* A report as tables. */
void mm_platform_print(json_t *report, struct mm_buf *text);

#endif
