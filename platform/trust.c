/* The trust service's calls: challenge, evidence, reference values, revocations. */
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "applet_vm/cose/cose.h"
#include "platform/platform_int.h"

#define DAY_S           86400
#define KEEP_EXPIRED_S  DAY_S        /* long enough to tell a replay from a made-up nonce */
#define KEEP_ANSWERS_S  (30 * DAY_S) /* a terminal that was off for a month repeats itself */
#define KEEP_VERDICTS_S (90 * DAY_S)

static const char *const purposes[] = {"open", "load", "pay", "manage"};

static enum mm_status read_purpose(struct mm_call *call, struct mm_challenge *challenge)
{
    const char *text;
    enum mm_status st;

    if (json_object_get(call->body, "purpose") == NULL)
        return MM_OK;
    st = mm_field_text(call, "purpose", sizeof(challenge->purpose) - 1, &text);
    if (st != MM_OK)
        return st;
    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        if (strcmp(text, purposes[i]) == 0) {
            memcpy(challenge->purpose, text, strlen(text) + 1);
            return MM_OK;
        }
    }
    return mm_refuse(call, 400, "bad_request", "field purpose: expected open, load, pay or manage");
}

enum mm_status mm_call_challenge(struct mm_call *call)
{
    struct mm_challenge ch = {.expires = call->now + MM_CHALLENGE_LIFE};
    const struct mm_prune before = {.expired = call->now - KEEP_EXPIRED_S,
                                    .answers = call->now - KEEP_ANSWERS_S,
                                    .verdicts = call->now - KEEP_VERDICTS_S};
    char *nonce = NULL, *session = NULL;
    enum mm_status st = read_purpose(call, &ch);

    if (st != MM_OK)
        return st;
    memcpy(ch.terminal, call->terminal.serial, sizeof(ch.terminal));
    if (mm_random(ch.nonce, sizeof(ch.nonce)) != MM_OK ||
        mm_random(ch.session, sizeof(ch.session)) != MM_OK)
        return MM_CRYPTO;
    st = mm_store_prune(call->p->store, &before);
    if (st == MM_OK)
        st = mm_store_challenge_add(call->p->store, &ch);
    if (st != MM_OK)
        return st;
    nonce = mm_b64url(ch.nonce, sizeof(ch.nonce));
    session = mm_b64url(ch.session, sizeof(ch.session));
    st = mm_answer(call, json_pack("{s:s, s:s}", "nonce", nonce, "session", session));
    free(session);
    free(nonce);
    return st;
}

/* ---- Evidence ---- */

struct appraisal {
    struct mm_call *call;
    struct mm_evidence evidence;
    struct mm_challenge challenge;
    struct mm_token token;
    struct mm_chip chip;
    bool chip_known;
    struct mm_verdict verdict;
};

/* Whose evidence is it: signed by the terminal of this very TLS connection. */
static enum mm_status check_signer(struct appraisal *a, struct mm_cose *cose)
{
    struct mm_call *call = a->call;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(call->req->peer);
    X509 *leaf = NULL;
    struct mm_err err;

    if (mm_cose_verify_chain(cose, call->p->ca, &leaf, &err) != MM_OK)
        return mm_verdict_refuse(&a->verdict, "signature_wrong", "", "evidence: %s", err.text);
    if (X509_cmp(leaf, call->req->peer) != 0)
        return mm_verdict_refuse(&a->verdict, "terminal_mismatch", "",
                                 "evidence is signed by another terminal than the one connected");
    if (a->evidence.ueid_len != (size_t)ASN1_STRING_length(serial) ||
        memcmp(a->evidence.ueid, ASN1_STRING_get0_data(serial), a->evidence.ueid_len) != 0)
        return mm_verdict_refuse(&a->verdict, "terminal_mismatch", "",
                                 "evidence names another terminal (claim 256)");
    return MM_OK;
}

/* Fresh, and meant for us: our nonce, once, in time, on this connection (RFC 9266). */
static enum mm_status check_freshness(struct appraisal *a)
{
    struct mm_call *call = a->call;
    struct mm_challenge *ch = &a->challenge;
    enum mm_status st = mm_store_challenge_get(call->p->store, a->evidence.nonce, ch);

    if (st == MM_NOT_FOUND || (st == MM_OK && strcmp(ch->terminal, call->terminal.serial) != 0))
        return mm_verdict_refuse(&a->verdict, "challenge_unknown", "",
                                 "the nonce is not one given to this terminal");
    if (st != MM_OK)
        return st;
    if (ch->used)
        return mm_verdict_refuse(&a->verdict, "evidence_replayed", "",
                                 "this challenge has been answered before: replayed evidence");
    st = mm_store_challenge_use(call->p->store, ch->nonce, call->now);
    if (st != MM_OK)
        return st;
    if (ch->expires < call->now)
        return mm_verdict_refuse(&a->verdict, "challenge_expired", "",
                                 "the challenge expired %lld s ago",
                                 (long long)(call->now - ch->expires));
    if (CRYPTO_memcmp(a->evidence.exporter, call->req->exporter, 32) != 0)
        return mm_verdict_refuse(&a->verdict, "channel_mismatch", "",
                                 "evidence is bound to another TLS connection");
    return MM_OK;
}

/* A token whose signature is good but whose nonce is not ours was recorded earlier. */
static enum mm_status token_refusal(struct appraisal *a, const struct mm_err *err)
{
    struct mm_cose cose;
    bool genuine;

    memset(&cose, 0, sizeof(cose));
    genuine = mm_cose_parse(a->evidence.token.data, a->evidence.token.len, &cose, NULL) == MM_OK &&
              mm_cose_verify_chain(&cose, a->call->p->ca, NULL, NULL) == MM_OK;
    mm_cose_clear(&cose);
    if (genuine && err->st == MM_AUTH)
        return mm_verdict_refuse(&a->verdict, "token_replayed", "",
                                 "the chip's token answers another nonce: replayed token");
    return mm_verdict_refuse(&a->verdict, "token_wrong", "", "the chip's token: %.200s", err->text);
}

/* Signed by the very certificate that enrolment gave this chip, not just by some other under the CA. */
static bool signed_by_chip(const struct appraisal *a)
{
    struct mm_cose cose;
    struct mm_buf der;
    X509 *leaf = NULL;
    bool good = false;

    memset(&cose, 0, sizeof(cose));
    mm_buf_init(&der);
    if (mm_cose_parse(a->evidence.token.data, a->evidence.token.len, &cose, NULL) == MM_OK &&
        mm_cose_verify_chain(&cose, a->call->p->ca, &leaf, NULL) == MM_OK &&
        mm_ca_der(leaf, &der) == MM_OK)
        good = der.len == a->chip.attestation_len &&
               memcmp(der.data, a->chip.attestation, der.len) == 0;
    mm_buf_clear(&der);
    mm_cose_clear(&cose);
    return good;
}

static enum mm_status check_chip(struct appraisal *a)
{
    struct mm_call *call = a->call;
    struct mm_err err = {0};
    enum mm_status st;

    st = mm_token_verify(a->evidence.token.data, a->evidence.token.len, call->p->ca,
                         a->evidence.nonce, sizeof(a->evidence.nonce), &a->token, &err);
    if (st == MM_NO_MEMORY)
        return st;
    if (st != MM_OK)
        return token_refusal(a, &err);
    st = mm_store_chip_get(call->p->store, a->token.chip_id, &a->chip);
    if (st == MM_NOT_FOUND || (st == MM_OK && strcmp(a->chip.terminal, call->terminal.serial) != 0))
        return mm_verdict_refuse(&a->verdict, "chip_unknown", "",
                                 "the chip is not one enrolled with this terminal");
    if (st != MM_OK)
        return st;
    a->chip_known = true;
    if (!signed_by_chip(a))
        return mm_verdict_refuse(&a->verdict, "token_wrong", "",
                                 "the chip's token is signed by another key than the enrolled one");
    st = mm_store_revoked(call->p->store, a->chip.attestation_serial);
    if (st == MM_OK)
        return mm_verdict_refuse(&a->verdict, "chip_revoked", "",
                                 "the chip's attestation certificate has been revoked");
    return st == MM_NOT_FOUND ? MM_OK : st;
}

static enum mm_status check_values(struct appraisal *a)
{
    struct mm_platform *p = a->call->p;
    struct mm_references refs;
    struct mm_buf data;
    struct mm_err err;
    uint32_t version;
    enum mm_status st;

    memset(&refs, 0, sizeof(refs));
    mm_buf_init(&data);
    st = mm_store_references_newest(p->store, &version, &data);
    if (st == MM_NOT_FOUND)
        st = mm_verdict_refuse(&a->verdict, "no_references", "",
                               "the operator has not released reference values yet");
    else if (st == MM_OK)
        st = mm_references_verify(data.data, data.len, p->release, &refs, &err);
    /* The operator may have renewed the release certificate while this node was running. */
    if (st == MM_AUTH && mm_platform_reload_release(p, &err) == MM_OK)
        st = mm_references_verify(data.data, data.len, p->release, &refs, &err);
    if (st == MM_OK)
        st = mm_appraise(&a->evidence, &a->token, &refs, (uint64_t)a->chip.counter, &a->verdict);
    mm_references_clear(&refs);
    mm_buf_clear(&data);
    return st;
}

static enum mm_status keep_good(struct appraisal *a)
{
    struct mm_store *store = a->call->p->store;
    enum mm_status st = mm_store_chip_seen(store, a->chip.id, a->token.counter);

    if (st == MM_OK)
        st = mm_store_components_clear(store, a->chip.id);
    for (size_t i = 0; i < a->token.component_n && st == MM_OK; i++)
        st = mm_store_component_add(store, a->chip.id, &a->token.components[i].aid,
                                    a->token.components[i].kind);
    if (st == MM_OK)
        st = mm_store_challenge_affirm(store, a->challenge.nonce);
    return st;
}

static enum mm_status answer_good(struct appraisal *a)
{
    char *jwt = NULL;
    enum mm_status st = keep_good(a);

    if (st == MM_OK)
        st = mm_result_make(a->call, &a->challenge, &a->token, &jwt);
    if (st == MM_OK)
        st = mm_answer(a->call, json_pack("{s:s}", "result", jwt));
    free(jwt);
    if (st == MM_OK)
        st = mm_store_verdict_add(a->call->p->store, a->call->now, a->call->terminal.serial,
                                  a->chip.id, "affirming", "sound",
                                  "client, chip and every applet are as released");
    return st;
}

/* The refusal is kept: the challenge stays used, and the operator sees the verdict. */
static enum mm_status answer_bad(struct appraisal *a)
{
    const struct mm_verdict *v = &a->verdict;

    if (mm_answer(a->call,
                  json_pack("{s:s, s:s, s:s, s:s}", "error", "appraisal", "reason", v->reason,
                            "message", v->message, "component", v->component)) != MM_OK)
        return MM_NO_MEMORY;
    a->call->reply->status = 403;
    return mm_store_verdict_add(a->call->p->store, a->call->now, a->call->terminal.serial,
                                a->chip_known ? a->chip.id : NULL, "contraindicated", v->reason,
                                v->message);
}

static enum mm_status appraise_parsed(struct appraisal *a, struct mm_cose *cose)
{
    enum mm_status st = check_signer(a, cose);

    if (st == MM_OK)
        st = check_freshness(a);
    if (st == MM_OK)
        st = check_chip(a);
    if (st == MM_OK)
        st = check_values(a);
    if (st == MM_OK)
        return answer_good(a);
    return st == MM_REFUSED ? answer_bad(a) : st;
}

enum mm_status mm_call_evidence(struct mm_call *call)
{
    struct appraisal a;
    struct mm_cose cose;
    struct mm_err err = {0};
    enum mm_status st;

    memset(&a, 0, sizeof(a));
    memset(&cose, 0, sizeof(cose));
    a.call = call;
    st = mm_cose_parse(call->req->body, call->req->body_len, &cose, &err);
    if (st == MM_OK)
        st = mm_evidence_read(cose.payload, cose.payload_len, &a.evidence, &err);
    if (st == MM_OK) {
        st = appraise_parsed(&a, &cose);
    } else if (st != MM_NO_MEMORY) {
        (void)mm_verdict_refuse(&a.verdict, "evidence_malformed", "", "%s", err.text);
        st = answer_bad(&a);
    }
    mm_token_clear(&a.token);
    mm_evidence_clear(&a.evidence);
    mm_cose_clear(&cose);
    return st;
}

/* ---- What agents fetch ---- */

static enum mm_status answer_object(struct mm_call *call, enum mm_status st,
                                    const struct mm_buf *data, const char *none)
{
    if (st == MM_NOT_FOUND)
        return mm_refuse(call, 404, "not_found", "%s", none);
    if (st != MM_OK)
        return st;
    call->reply->status = 200;
    call->reply->content_type = "application/cose";
    mm_buf_bytes(&call->reply->body, data->data, data->len);
    return call->reply->body.bad ? MM_NO_MEMORY : MM_OK;
}

enum mm_status mm_call_references(struct mm_call *call)
{
    uint32_t version;
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    st = mm_store_references_newest(call->p->store, &version, &data);
    st = answer_object(call, st, &data, "no reference values have been released yet");
    mm_buf_clear(&data);
    return st;
}

/* A number in the query string; preset when it is not there. */
static enum mm_status query_number(struct mm_call *call, const char *name, uint32_t min,
                                   uint32_t max, int64_t preset, uint32_t *out)
{
    char text[12], *end = NULL;
    unsigned long long v = 0;
    bool given = mm_query_get(call->req, name, text, sizeof(text));

    *out = (uint32_t)preset;
    if (given && text[0] >= '0' && text[0] <= '9') {
        v = strtoull(text, &end, 10);
        if (*end == '\0' && v >= min && v <= max) {
            *out = (uint32_t)v;
            return MM_OK;
        }
    } else if (!given && preset >= 0 &&
               (call->req->query == NULL || strstr(call->req->query, name) == NULL)) {
        return MM_OK;
    }
    return mm_refuse(call, 400, "bad_request", "%s: expected a number from %u to %u", name, min,
                     max);
}

enum mm_status mm_call_updates(struct mm_call *call)
{
    uint32_t kind, after, version;
    struct mm_buf data;
    enum mm_status st =
        query_number(call, "kind", MM_UPDATE_REFERENCES, MM_UPDATE_RELEASE, -1, &kind);

    if (st == MM_OK)
        st = query_number(call, "after", 0, UINT32_MAX, 0, &after);
    if (st != MM_OK)
        return st;
    mm_buf_init(&data);
    if (kind == MM_UPDATE_REFERENCES) {
        st = mm_store_references_newest(call->p->store, &version, &data);
        if (st == MM_OK && version <= after)
            st = MM_NOT_FOUND;
    } else {
        st = mm_store_update_after(call->p->store, (uint8_t)kind, after, &data);
    }
    st = answer_object(call, st, &data, "nothing newer of this kind");
    mm_buf_clear(&data);
    return st;
}

enum mm_status mm_call_revocations(struct mm_call *call)
{
    json_t *list = NULL;
    enum mm_status st = mm_store_revocations(call->p->store, &list);

    if (st == MM_OK)
        return mm_answer(call, json_pack("{s:o}", "revoked", list));
    json_decref(list);
    return st;
}
