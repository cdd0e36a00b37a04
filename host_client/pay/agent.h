/* The trust agent's socket: one JSON object a line each way (docs/protocol.md, "Agent socket"). */
#ifndef MM_PAY_AGENT_H
#define MM_PAY_AGENT_H

#include <jansson.h>

#include "applet_vm/base/base.h"

struct mm_pay_agent; /* a connection */

/* MM_PLATFORM with a sentence that names the agent when nobody listens. Every later wait is bounded
 * by timeout_ms (MM_TIMEOUT). */
enum mm_status mm_pay_agent_open(const char *path, unsigned timeout_ms, struct mm_pay_agent **out,
                                 struct mm_err *err) MM_USE_RESULT;
/* The same over a stream socket that is connected already (owned from now on, made non-blocking). */
enum mm_status mm_pay_agent_adopt(int fd, unsigned timeout_ms, struct mm_pay_agent **out,
                                  struct mm_err *err) MM_USE_RESULT;
void mm_pay_agent_close(struct mm_pay_agent **agent);

/* One command without further fields, as the payment client: its "status" begins a session, in which its
 * state files may change until "shut". On MM_OK *answer is a new reference; an answer with "ok" false
 * is a failure with the agent's own status and sentence. */
enum mm_status mm_pay_agent_ask(struct mm_pay_agent *agent, const char *cmd, json_t **answer,
                                struct mm_err *err) MM_USE_RESULT;

/* The same by somebody who only looks (mintmark-agent status). */
enum mm_status mm_pay_agent_query(struct mm_pay_agent *agent, const char *cmd, json_t **answer,
                                  struct mm_err *err) MM_USE_RESULT;

/* Makes the chip's token for a nonce: what the agent asks for in the middle of a report. */
typedef enum mm_status (*mm_pay_token_maker)(void *ctx, const uint8_t *nonce, size_t nonce_len,
                                             struct mm_buf *token, struct mm_err *err);

struct mm_pay_report {
    char *result;       /* JWT, owned */
    char *session_text; /* base64url as it came, owned */
    uint8_t session[16];
};
/* make NULL: the client does not hold the card, the agent goes to it by itself. */
enum mm_status mm_pay_agent_report(struct mm_pay_agent *agent, const char *purpose,
                                   mm_pay_token_maker make, void *ctx, struct mm_pay_report *out,
                                   struct mm_err *err) MM_USE_RESULT;
void mm_pay_report_clear(struct mm_pay_report *report);

#endif
