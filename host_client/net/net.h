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
#define MM_PIN_LEN          32

/*
 * The platform keys that a terminal accepts, from a file: a line of 64 hex digits each, the newest first,
 * behind it the ones still in use while the platform has not switched. A pin is the SHA-256 of a
 * certificate's SubjectPublicKeyInfo. "# version N" says which signed update brought the newest (0, or no
 * such line: enrolment); other lines that begin with '#' are comments.
 */
#define MM_PINS_MAX 4
struct mm_pins {
    uint8_t pins[MM_PINS_MAX][MM_PIN_LEN];
    size_t n;
    uint32_t version;
};
/* MM_MALFORMED: a line is something else, there is no pin, or there are more than MM_PINS_MAX. */
enum mm_status mm_pins_read(const char *path, struct mm_pins *out,
                            struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_pins_write(const char *path, const struct mm_pins *pins,
                             struct mm_err *err) MM_USE_RESULT;
/* As libcurl wants them: "sha256//BASE64", with ';' between two. */
#define MM_PINS_TEXT_LEN (MM_PINS_MAX * (8 + 44 + 1) + 1)
void mm_pins_text(const struct mm_pins *pins, char out[MM_PINS_TEXT_LEN]);
/* The platform now uses this key: what is older goes. True: that changed something. */
bool mm_pins_seen(struct mm_pins *pins, const uint8_t pin[MM_PIN_LEN]);
/* A signed update brought this key: it becomes the newest. MM_STATE: MM_PINS_MAX are held, so the
 * platform has renewed more often than it has switched. */
enum mm_status mm_pins_add(struct mm_pins *pins, const uint8_t pin[MM_PIN_LEN],
                           uint32_t version) MM_USE_RESULT;

struct mm_net_config {
    const char *url;         /* https://host:port */
    const char *ca;          /* PEM file of the operator's CA */
    const char *certificate; /* PEM file: the terminal's */
    const char *key;         /* PEM file */
    /* Copied. NULL: any certificate of the operator's CA for a server; good only for objects that carry
     * their own signature. */
    const struct mm_pins *pins;
    unsigned timeout_ms; /* whole exchange; 0: 10 s */
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
    uint8_t pin[MM_PIN_LEN];               /* of the platform that answered */
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

#endif
