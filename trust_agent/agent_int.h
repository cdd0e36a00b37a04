/* Inside the trust agent: configuration, history, verdict, the chip from its side. */
#ifndef MM_AGENT_INT_H
#define MM_AGENT_INT_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "host_client/access/access.h"
#include "host_client/net/net.h"
#include "host_client/trust/trust.h"
#include "trust_agent/agent.h"

#define MM_AGENT_NONCE_LEN 32
#define MM_PAIRING_LEN     16

/* Each key of agent.conf, as text; paths made absolute by mm_agent_path. */
struct agent_config {
#define MM_KEY(name, preset, what) char *name;
#include "trust_agent/keys.def"
#undef MM_KEY
};
enum mm_status agent_config_read(const char *dir, struct agent_config *out,
                                 struct mm_err *err) MM_USE_RESULT;
void agent_config_clear(struct agent_config *config);

struct mm_agent {
    char *dir;
    struct agent_config config;
    unsigned timeout_ms, interval_ms, update_s;
    X509 *ca, *release, *certificate;
    X509 *release_before;     /* NULL: none; see mm_release_read */
    uint32_t release_version; /* of the update that brought it; 0: enrolment */
    EVP_PKEY *key;
    uint8_t pairing[MM_PAIRING_LEN];
    struct mm_pins pins;
    struct mm_references references;
    struct mm_buf references_object; /* as signed: what the chip is given */

    struct mm_access *held; /* PC/SC: kept open, or pcscd powers the card down and the gate shuts */
    bool present;           /* card, at the last look */
    bool update_waits;      /* an update could not be delivered for want of a card */

    /* The verdict of the last check. */
    bool checked, sound, gate;
    char reason[240];
    char when[32];
    uint64_t counter;
    uint8_t client_code[32], client_fixed[32], client_dynamic[32];
    json_t *components; /* array of {aid, kind, verdict, reason} */
    json_t *events;     /* array of {time, event, text} */
    json_t *history;    /* object, see history.c */
};

/* Tell the user: log, and keep for "events". */
void agent_event(struct mm_agent *agent, const char *level, const char *event, const char *fmt, ...)
    MM_PRINTF(4, 5);

/* ---- history.c: what was seen last ---- */
enum mm_status history_load(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
enum mm_status history_save(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
/* Is the token's chip and every applet's dynamic data as they may be after what was seen before?
 * MM_ROLLBACK: the counter went back. */
enum mm_status history_chip(const struct mm_agent *agent, const struct mm_token *token,
                            struct mm_err *err) MM_USE_RESULT;
/* Dynamic data of an applet; with fixed, static data too (a package that writes its own statics). */
enum mm_status history_component(const struct mm_agent *agent, const struct mm_token *token,
                                 const struct mm_token_component *c, bool fixed,
                                 struct mm_err *err) MM_USE_RESULT;
void history_note_chip(struct mm_agent *agent, const struct mm_token *token);
/* The client's files. A client session that is open, or was when it crashed, may have changed its
 * state files; otherwise they are as they were. */
enum mm_status history_client(const struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
void history_note_client(struct mm_agent *agent);
void history_session(struct mm_agent *agent, bool open);
bool history_session_open(const struct mm_agent *agent);

/* ---- chip.c ---- */
enum mm_status chip_connect(struct mm_agent *agent, struct mm_access **out,
                            struct mm_err *err) MM_USE_RESULT;
/* Gives a connection of chip_connect back: kept when it is PC/SC, closed otherwise. */
void chip_release(struct mm_agent *agent, struct mm_access *access);
void chip_drop(struct mm_agent *agent);
/* True while the held card answers and was not reset since. */
bool chip_alive(struct mm_agent *agent);
enum mm_status chip_token(struct mm_agent *agent, struct mm_access *access, const uint8_t *nonce,
                          size_t nonce_len, struct mm_buf *token, struct mm_err *err) MM_USE_RESULT;
enum mm_status chip_gate(struct mm_agent *agent, struct mm_access *access, bool open,
                         struct mm_err *err) MM_USE_RESULT;
enum mm_status chip_delete(struct mm_agent *agent, struct mm_access *access,
                           const struct mm_aid *aid, struct mm_err *err) MM_USE_RESULT;
/* The chip's certificate of an update's kind: 2 platform, 3 update certificate. */
enum mm_status chip_certificate(struct mm_agent *agent, struct mm_access *access, uint8_t kind,
                                struct mm_buf *der, struct mm_err *err) MM_USE_RESULT;
enum mm_status chip_update(struct mm_agent *agent, struct mm_access *access, uint8_t kind,
                           const struct mm_buf *object, struct mm_err *err) MM_USE_RESULT;

/* ---- client.c: measuring the payment client (A1) ---- */
enum mm_status client_measure(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
enum mm_status client_dynamic(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
/* Compare with reference values and history. MM_REFUSED with the finding. */
enum mm_status client_judge(const struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;

/* ---- references.c ---- */
enum mm_status references_load(struct mm_agent *agent, struct mm_err *err) MM_USE_RESULT;
const struct mm_reference *references_find(const struct mm_agent *agent, uint8_t kind,
                                           const char *name);

/* ---- report.c ---- */
/* pinned false: any server of the operator's, for objects that carry their own signature. */
enum mm_status net_open(const struct mm_agent *agent, bool pinned, struct mm_net **out,
                        struct mm_err *err) MM_USE_RESULT;

/* ---- update.c ---- */
/* The platform showed this key: older ones are no longer accepted. */
void pins_note(struct mm_agent *agent, const uint8_t pin[MM_PIN_LEN]);
/* Signature, kind, and a version above the one held; else MM_REFUSED. out: owned on MM_OK. */
enum mm_status update_judge(const struct mm_agent *agent, enum mm_update_kind kind,
                            const struct mm_buf *object, struct mm_update *out,
                            struct mm_err *err) MM_USE_RESULT;

#endif
