/*
 * One run of the client: the three parts it depends on, and what has been proved about them.
 * mm_pay_session_start is B1 of the method; without it nothing else here works.
 */
#ifndef MM_PAY_SESSION_H
#define MM_PAY_SESSION_H

#include <openssl/x509.h>

#include "host_client/access/access.h"
#include "host_client/pay/agent.h"
#include "host_client/pay/config.h"
#include "host_client/pay/http.h"
#include "host_client/pay/journal.h"
#include "host_client/trust/trust.h"

struct mm_pay_options {
    const char *home;     /* NULL: default */
    const char *reader;   /* NULL: as configured */
    const char *pin;      /* NULL: asked for when needed */
    const char *merchant; /* 16 hex digits or NULL */
    bool json, yes;
};

struct mm_pay_session {
    const struct mm_pay_options *options;
    struct mm_pay_config config;
    X509 *ca;
    struct mm_access *card;
    struct mm_pay_http *http;
    struct mm_token token; /* the chip's newest one */
    int lock;              /* of the home; -1: none */
    char *state_path, *pending_path;
    bool sound;   /* B1 came out well */
    bool started; /* the agent counts a session of ours, which is to be shut again */
    bool told;    /* the user has read of the failure that is returned */
    FILE *in, *out;
};

/* Read configuration and certificates: all that needs no other part. Clear it in every case. */
enum mm_status mm_pay_session_init(struct mm_pay_session *s, const struct mm_pay_options *options,
                                   FILE *in, FILE *out, struct mm_err *err) MM_USE_RESULT;
/*
 * B1. MM_REFUSED with a sentence that names the component when agent, chip or an applet is not
 * sound; MM_NO_READER, MM_PLATFORM, MM_TIMEOUT when a part is missing.
 */
enum mm_status mm_pay_session_start(struct mm_pay_session *s, struct mm_err *err) MM_USE_RESULT;
/* B4: has the agent shut the gate, and closes everything. */
void mm_pay_session_clear(struct mm_pay_session *s);

/* Demand integrity with this nonce and judge it: signature, chain, nonce, verdict, counter. The token
 * itself is appended to out (NULL: not wanted). */
enum mm_status mm_pay_demand_integrity(struct mm_pay_session *s, const uint8_t *nonce,
                                       size_t nonce_len, struct mm_buf *out,
                                       struct mm_err *err) MM_USE_RESULT;
/* A fresh attestation result for a purpose; the card is held by the caller, who has to select his
 * applet again afterwards. */
enum mm_status mm_pay_report(struct mm_pay_session *s, const char *purpose,
                             struct mm_pay_report *out, struct mm_err *err) MM_USE_RESULT;
/* One question to the agent. */
enum mm_status mm_pay_ask_agent(struct mm_pay_session *s, const char *cmd, json_t **answer,
                                struct mm_err *err) MM_USE_RESULT;

/* What the token says against the chip, as one sentence; false when nothing. Apart from the card so
 * that it can be tested. */
bool mm_pay_token_fault(const struct mm_token *token, char *text, size_t text_len);

#endif
