/* Method C, the agent's part: evidence for the trust service, and its result for the client. */
#include "trust_agent/agent_int.h"

#include <stdlib.h>
#include <string.h>

#include "applet_vm/cose/claims.h"
#include "applet_vm/cose/cose.h"

struct mm_report {
    struct mm_agent *agent;
    struct mm_net *net;
    uint8_t nonce[MM_AGENT_NONCE_LEN];
    uint8_t exporter[MM_NET_EXPORTER_LEN];
    char *session;
};

enum mm_status net_open(const struct mm_agent *a, bool pinned, struct mm_net **out,
                        struct mm_err *err)
{
    const struct mm_net_config cfg = {.url = a->config.platform_url,
                                      .ca = a->config.ca,
                                      .certificate = a->config.terminal_cert,
                                      .key = a->config.terminal_key,
                                      .pins = pinned ? &a->pins : NULL,
                                      .timeout_ms = a->timeout_ms};

    return mm_net_new(&cfg, out, err);
}

/* ---- Challenge ---- */

static enum mm_status read_challenge(struct mm_report *r, const struct mm_buf *body,
                                     struct mm_err *err)
{
    json_t *object = json_loadb((const char *)body->data, body->len, JSON_REJECT_DUPLICATES, NULL);
    const char *nonce = json_string_value(json_object_get(object, "nonce"));
    const char *session = json_string_value(json_object_get(object, "session"));
    uint8_t *bytes = NULL;
    size_t n = 0;
    enum mm_status st = MM_OK;

    if (nonce == NULL || session == NULL ||
        mm_unb64url(nonce, strlen(nonce), &bytes, &n) != MM_OK || n != sizeof(r->nonce) ||
        (r->session = strdup(session)) == NULL)
        st = mm_fail(err, MM_PLATFORM, SIZE_MAX, "the trust service's challenge makes no sense");
    else
        memcpy(r->nonce, bytes, sizeof(r->nonce));
    free(bytes);
    json_decref(object);
    return st;
}

enum mm_status mm_report_begin(struct mm_agent *agent, const char *purpose, struct mm_report **out,
                               struct mm_err *err)
{
    struct mm_report *r = calloc(1, sizeof(*r));
    struct mm_reply_in reply = {0};
    json_t *request = json_pack("{s:s}", "purpose", purpose);
    char *body = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL;
    enum mm_status st = MM_OK;

    *out = NULL;
    if (r == NULL || body == NULL)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK) {
        r->agent = agent;
        st = net_open(agent, true, &r->net, err);
    }
    if (st == MM_OK)
        st = mm_net_send(r->net, "/v1/challenge", "application/json", body, strlen(body), &reply,
                         err);
    if (st == MM_OK) {
        memcpy(r->exporter, reply.exporter, sizeof(r->exporter));
        pins_note(agent, reply.pin);
        st = read_challenge(r, &reply.body, err);
    }
    mm_reply_in_clear(&reply);
    free(body);
    json_decref(request);
    if (st != MM_OK)
        mm_report_free(&r);
    *out = r;
    return st;
}

const uint8_t *mm_report_nonce(const struct mm_report *report)
{
    return report->nonce;
}

void mm_report_free(struct mm_report **report)
{
    if (*report == NULL)
        return;
    mm_net_free(&(*report)->net);
    free((*report)->session);
    free(*report);
    *report = NULL;
}

/* ---- Evidence ---- */

/* Keys of a map ascend as encoded (RFC 8949, 4.2.1): positive before negative, short before long. */
static enum mm_status claims(const struct mm_report *r, const uint8_t *token, size_t token_len,
                             struct mm_buf *out, struct mm_err *err)
{
    const struct mm_agent *a = r->agent;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(a->certificate);

    mm_cbor_map(out, 7);
    mm_cbor_int(out, MM_CLAIM_NONCE);
    mm_cbor_bytes(out, r->nonce, sizeof(r->nonce));
    mm_cbor_int(out, MM_CLAIM_UEID);
    mm_cbor_bytes(out, ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));
    mm_cbor_int(out, MM_CLAIM_PROFILE);
    mm_cbor_text(out, MM_PROFILE_TERMINAL);
    mm_cbor_int(out, MM_CLAIM_SUBMODS);
    mm_cbor_map(out, 1);
    mm_cbor_text(out, "chip");
    mm_cbor_bytes(out, token, token_len);
    mm_cbor_int(out, MM_CLAIM_EXPORTER);
    mm_cbor_bytes(out, r->exporter, sizeof(r->exporter));
    mm_cbor_int(out, MM_CLAIM_CLIENT);
    mm_cbor_map(out, 4);
    mm_cbor_int(out, MM_CLIENT_CODE);
    mm_cbor_bytes(out, a->client_code, sizeof(a->client_code));
    mm_cbor_int(out, MM_CLIENT_FIXED);
    mm_cbor_bytes(out, a->client_fixed, sizeof(a->client_fixed));
    mm_cbor_int(out, MM_CLIENT_DYNAMIC);
    mm_cbor_bytes(out, a->client_dynamic, sizeof(a->client_dynamic));
    mm_cbor_int(out, MM_CLIENT_NAME);
    mm_cbor_text(out, a->config.client_executable);
    mm_cbor_int(out, MM_CLAIM_VERDICT);
    mm_cbor_text(out, a->checked && a->sound ? "sound" : "disabled");
    return out->bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : MM_OK;
}

static enum mm_status sign(const struct mm_report *r, const uint8_t *token, size_t token_len,
                           struct mm_buf *evidence, struct mm_err *err)
{
    struct mm_buf chain, payload;
    unsigned char *der = NULL;
    int der_len = i2d_X509(r->agent->certificate, &der);
    enum mm_status st;

    mm_buf_init(&chain);
    mm_buf_init(&payload);
    st = claims(r, token, token_len, &payload, err);
    if (st == MM_OK && der_len <= 0)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "terminal certificate does not encode");
    if (st == MM_OK) {
        mm_buf_bytes(&chain, der, (size_t)der_len);
        st = mm_cose_sign(r->agent->key, payload.data, payload.len, &chain, 1, evidence);
        if (st != MM_OK)
            (void)mm_fail(err, st, SIZE_MAX, "evidence: %s", mm_status_text(st));
    }
    mm_buf_clear(&chain);
    OPENSSL_free(der);
    mm_buf_clear(&payload);
    return st;
}

/* The token for the report's nonce by the agent's own connection. */
static enum mm_status ask_chip(struct mm_report *r, struct mm_buf *token, struct mm_err *err)
{
    struct mm_access *access = NULL;
    enum mm_status st = chip_connect(r->agent, &access, err);

    if (st == MM_OK)
        st = chip_token(r->agent, access, r->nonce, sizeof(r->nonce), token, err);
    chip_release(r->agent, access);
    return st;
}

/* A client that starts after another one closed finds the gate shut; a good result opens it. */
static enum mm_status open_gate(struct mm_report *r, struct mm_err *err)
{
    struct mm_access *access = NULL;
    enum mm_status st = MM_OK;

    if (r->agent->gate || !r->agent->checked || !r->agent->sound)
        return MM_OK;
    st = chip_connect(r->agent, &access, err);
    if (st == MM_OK)
        st = chip_gate(r->agent, access, true, err);
    chip_release(r->agent, access);
    return st;
}

static enum mm_status exchange(struct mm_report *r, const struct mm_buf *evidence, json_t **answer,
                               struct mm_err *err)
{
    struct mm_reply_in reply = {0};
    json_t *object = NULL;
    const char *jwt = NULL;
    enum mm_status st = mm_net_send(r->net, "/v1/evidence", "application/eat+cwt", evidence->data,
                                    evidence->len, &reply, err);

    if (st == MM_OK) {
        object = json_loadb((const char *)reply.body.data, reply.body.len, 0, NULL);
        jwt = json_string_value(json_object_get(object, "result"));
        if (jwt == NULL)
            st = mm_fail(err, MM_PLATFORM, SIZE_MAX, "the trust service's result makes no sense");
    } else if (st == MM_REFUSED) {
        agent_event(r->agent, "error", "refused", "the trust service refused: %s (%s)", err->text,
                    reply.reason[0] != '\0' ? reply.reason : reply.code);
    }
    if (st == MM_OK)
        *answer = json_pack("{s:b, s:s, s:s}", "ok", 1, "result", jwt, "session", r->session);
    json_decref(object);
    mm_reply_in_clear(&reply);
    return st;
}

enum mm_status mm_report_end(struct mm_report *r, const uint8_t *token, size_t token_len,
                             json_t **answer, struct mm_err *err)
{
    struct mm_buf own, evidence;
    enum mm_status st = MM_OK;
    bool held_by_client = token != NULL;

    *answer = NULL;
    mm_buf_init(&own);
    mm_buf_init(&evidence);
    /* What the client's files are now; its code is what the last check measured. */
    st = client_measure(r->agent, err);
    if (st == MM_OK)
        st = client_judge(r->agent, err);
    if (st == MM_OK && !held_by_client) {
        st = ask_chip(r, &own, err);
        token = own.data;
        token_len = own.len;
    }
    if (st == MM_OK)
        st = sign(r, token, token_len, &evidence, err);
    if (st == MM_OK)
        st = exchange(r, &evidence, answer, err);
    if (st == MM_OK && !held_by_client) {
        st = open_gate(r, err);
        if (st != MM_OK) {
            json_decref(*answer);
            *answer = NULL;
        }
    }
    mm_buf_clear(&evidence);
    mm_buf_clear(&own);
    return st;
}
