/*
 * HTTPS to the platform, for the agent and the client: TLS 1.3, the terminal's certificate, the
 * operator's CA, and the platform's key pinned. One connection is kept, because evidence is bound to
 * the TLS session that carries it (RFC 9266).
 */
#ifndef MM_NET_H
#define MM_NET_H

#include <jansson.h>

#include "applet_vm/base/base.h"

#define MM_NET_EXPORTER_LEN 32

struct mm_net_config {
    const char *url;         /* https://host:port */
    const char *ca;          /* PEM file of the operator's CA */
    const char *certificate; /* PEM file: the terminal's */
    const char *key;         /* PEM file */
    const char *pin;         /* SHA-256 of the platform's SubjectPublicKeyInfo, 64 hex digits */
    unsigned timeout_s;      /* whole exchange; 0: 10 */
};

struct mm_net;
/* Sets up, connects to nothing yet. The strings are copied. */
enum mm_status mm_net_new(const struct mm_net_config *cfg, struct mm_net **out,
                          struct mm_err *err) MM_USE_RESULT;
void mm_net_free(struct mm_net **net);

/* An answer. What the platform said with a status of 400 and above is filled into code and message. */
struct mm_reply_in {
    long http;          /* HTTP status */
    struct mm_buf body; /* owned */
    char code[48];      /* "error" of a JSON error, else "" */
    char reason[48];    /* "reason" of a refused appraisal, else "" */
    char message[200];
    uint8_t exporter[MM_NET_EXPORTER_LEN]; /* of the TLS session that carried it */
};
void mm_reply_in_clear(struct mm_reply_in *reply);

/*
 * One exchange. body NULL: GET, else POST with the content type. MM_OK for 2xx. Otherwise err says
 * which part is missing or who refused:
 * MM_PLATFORM  it cannot be reached, or answered 5xx or with no sense
 * MM_AUTH      its certificate is not the pinned one or not of the operator's CA
 * MM_REFUSED   it answered 4xx: err carries its message, reply its code
 * MM_TIMEOUT   no answer in time
 */
enum mm_status mm_net_send(struct mm_net *net, const char *path, const char *type, const void *body,
                           size_t body_len, struct mm_reply_in *reply,
                           struct mm_err *err) MM_USE_RESULT;
/* POST JSON, get JSON. *answer: new reference on MM_OK. code: of a refusal; may be NULL. */
enum mm_status mm_net_json(struct mm_net *net, const char *path, const json_t *request,
                           json_t **answer, char code[48], struct mm_err *err) MM_USE_RESULT;

#endif
