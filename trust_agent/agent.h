/*
 * Trust agent: the terminal's trusted module (method A, and the agent's side of C). It measures the
 * payment client and every applet, deletes a bad applet and tells the user, disables payment when
 * client or chip are bad, and makes the terminal's evidence. Its pairing key lets it open and shut
 * the gate, delete an applet and deliver signed updates, and nothing else.
 */
#ifndef MM_AGENT_H
#define MM_AGENT_H

#include <jansson.h>

#include "applet_vm/base/base.h"

struct mm_agent;

/* dir: the agent's home (agent.conf and what it names). Reads keys, certificates and reference values;
 * touches neither card nor network. */
enum mm_status mm_agent_open(const char *dir, struct mm_agent **out,
                             struct mm_err *err) MM_USE_RESULT;
void mm_agent_close(struct mm_agent **agent);

/* Method A, whole: measures, deletes, opens or shuts the gate, sets the verdict. Never fails: what
 * goes wrong is the verdict. */
void mm_agent_check(struct mm_agent *agent);
/* One look at the reader: a card that came, went or was reset leads to a check. */
void mm_agent_watch(struct mm_agent *agent);

/* Fetch signed updates, have the chip verify them, take them (docs/protocol.md, "Updates"). An update that
 * is forged or not newer is MM_REFUSED, and nothing changes. *taken: there were new ones, so a check is due.
 * Without a card they wait for one, which is MM_OK. */
enum mm_status mm_agent_update(struct mm_agent *agent, bool *taken,
                               struct mm_err *err) MM_USE_RESULT;

/* The answer to one request line, as docs/protocol.md ("Agent socket") says; a new reference, never
 * NULL but when out of memory. report and its token are answered by mm_report_*. */
json_t *mm_agent_answer(struct mm_agent *agent, const json_t *request);
json_t *mm_agent_error(enum mm_status st, const struct mm_err *err);

/* ---- A report (method C): two steps, with the client's token between them ---- */
struct mm_report;
/* Challenge from the trust service. nonce: 32 bytes that the chip's token has to carry. */
enum mm_status mm_report_begin(struct mm_agent *agent, const char *purpose, struct mm_report **out,
                               struct mm_err *err) MM_USE_RESULT;
const uint8_t *mm_report_nonce(const struct mm_report *report); /* borrowed, 32 bytes */
/* token NULL: the agent asks the chip itself. The evidence goes out over the TLS session of the
 * challenge. *answer: new reference, with result and session. */
enum mm_status mm_report_end(struct mm_report *report, const uint8_t *token, size_t token_len,
                             json_t **answer, struct mm_err *err) MM_USE_RESULT;
void mm_report_free(struct mm_report **report);

/* ---- The daemon ---- */
/* Listen on the socket, check at once, serve until SIGTERM or SIGINT arrives. */
enum mm_status mm_agent_serve(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;

#endif
