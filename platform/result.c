/*
 * Attestation results: JWT with EAR claims, made by the trust service and relied on by the payment
 * service. And the order: an operation that needs a good result and happens once per key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>

#include "platform/platform_int.h"

#define EAR_PROFILE "tag:github.com,2023:veraison/ear"

static enum mm_status certificate_hash(X509 *cert, char **out)
{
    uint8_t digest[32];
    unsigned len = 0;

    *out = NULL;
    if (X509_digest(cert, EVP_sha256(), digest, &len) != 1 || len != sizeof(digest))
        return MM_CRYPTO;
    *out = mm_b64url(digest, sizeof(digest));
    return *out != NULL ? MM_OK : MM_NO_MEMORY;
}

enum mm_status mm_result_make(struct mm_call *call, const struct mm_challenge *challenge,
                              const struct mm_token *token, char **jwt)
{
    char *cert = NULL, *session = mm_b64url(challenge->session, MM_SESSION_LEN);
    char jti[33], chip[33];
    uint8_t id[16];
    json_t *claims = NULL;
    enum mm_status st = certificate_hash(call->req->peer, &cert);

    *jwt = NULL;
    if (st == MM_OK)
        st = mm_random(id, sizeof(id));
    if (st == MM_OK)
        claims =
            json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:{s:s, s:s}, s:{s:s}, s:{s:{s:s}, "
                      "s:{s:s, s:s}}}",
                      "iss", MM_RESULT_ISSUER, "sub", call->terminal.serial, "iat",
                      (json_int_t)call->now, "exp", (json_int_t)(call->now + MM_CHALLENGE_LIFE),
                      "jti", mm_hex(id, 16, jti), "eat_nonce", session, "eat_profile", EAR_PROFILE,
                      "ear.status", "affirming", "ear.verifier-id", "developer",
                      "https://mintmark.invalid", "build", "mintmark-platform " MM_VERSION, "cnf",
                      "x5t#S256", cert, "submods", "client", "ear.status", "affirming", "chip",
                      "ear.status", "affirming", "ueid", mm_hex(token->chip_id, 16, chip));
    if (claims != NULL && challenge->purpose[0] != '\0')
        (void)json_object_set_new(claims, "purpose", json_string(challenge->purpose));
    if (st == MM_OK)
        st = claims != NULL ? mm_jwt_sign(call->p->result_key, claims, jwt) : MM_NO_MEMORY;
    json_decref(claims);
    free(session);
    free(cert);
    return st;
}

/* ---- Relying on one ---- */

static const char *claim_text(const json_t *claims, const char *name)
{
    const char *text = json_string_value(json_object_get(claims, name));

    return text != NULL ? text : "";
}

static enum mm_status read_session(struct mm_call *call, const json_t *claims,
                                   struct mm_result *out)
{
    uint8_t given[MM_SESSION_LEN];
    char *text;
    enum mm_status st = mm_field_b64(call, "session", given, sizeof(given));
    bool same;

    if (st != MM_OK)
        return st;
    text = mm_b64url(given, sizeof(given));
    same = text != NULL && strcmp(text, claim_text(claims, "eat_nonce")) == 0;
    free(text);
    if (!same)
        return mm_refuse(call, 403, "result_invalid", "the result is of another session");
    memcpy(out->session, given, sizeof(given));
    return MM_OK;
}

static enum mm_status check_holder(struct mm_call *call, const json_t *claims)
{
    const char *cnf = claim_text(json_object_get(claims, "cnf"), "x5t#S256");
    char *cert = NULL;
    enum mm_status st = certificate_hash(call->req->peer, &cert);
    bool same = st == MM_OK && strcmp(cert, cnf) == 0;

    free(cert);
    if (st != MM_OK)
        return st;
    return same
               ? MM_OK
               : mm_refuse(call, 403, "result_invalid", "the result was given to another terminal");
}

static enum mm_status check_claims(struct mm_call *call, const json_t *claims, const char *purpose,
                                   struct mm_result *out)
{
    const json_t *exp = json_object_get(claims, "exp");
    const json_t *chip = json_object_get(json_object_get(claims, "submods"), "chip");
    const char *only = claim_text(claims, "purpose");
    size_t len = sizeof(out->chip);

    if (strcmp(claim_text(claims, "iss"), MM_RESULT_ISSUER) != 0 || !json_is_integer(exp) ||
        claim_text(claims, "jti")[0] == '\0' ||
        strlen(claim_text(claims, "jti")) >= sizeof(out->jti) ||
        mm_unhex(claim_text(chip, "ueid"), out->chip, &len) != MM_OK || len != sizeof(out->chip))
        return mm_refuse(call, 403, "result_invalid", "the result's claims are not ours");
    if (json_integer_value(exp) <= call->now)
        return mm_refuse(call, 403, "result_expired", "the result expired %lld s ago",
                         (long long)(call->now - json_integer_value(exp)));
    if (strcmp(claim_text(claims, "ear.status"), "affirming") != 0)
        return mm_refuse(call, 403, "result_refused", "the result is not positive");
    if (only[0] != '\0' && strcmp(only, purpose) != 0)
        return mm_refuse(call, 403, "result_invalid", "the result is for \"%s\", not for \"%s\"",
                         only, purpose);
    snprintf(out->jti, sizeof(out->jti), "%s", claim_text(claims, "jti"));
    return check_holder(call, claims);
}

static enum mm_status check_result(struct mm_call *call, const char *purpose, struct mm_result *out)
{
    const char *token;
    json_t *claims = NULL;
    struct mm_err err;
    enum mm_status st = mm_field_text(call, "result", MM_JWT_MAX, &token);

    if (st != MM_OK)
        return st;
    if (mm_jwt_verify(call->p->result_key, token, &claims, &err) != MM_OK)
        return mm_refuse(call, 403, "result_invalid", "%s", err.text);
    st = check_claims(call, claims, purpose, out);
    if (st == MM_OK)
        st = read_session(call, claims, out);
    json_decref(claims);
    return st;
}

/* ---- Once per key ---- */

static enum mm_status read_key(struct mm_call *call, const char **key)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    enum mm_status st = mm_field_text(call, "key", MM_KEY_MAX - 1, key);

    if (st != MM_OK)
        return st;
    if ((*key)[0] == '\0' || strspn(*key, allowed) != strlen(*key))
        return mm_refuse(call, 400, "bad_request",
                         "field key: expected 1 to 64 of A-Z a-z 0-9 . _ -");
    return MM_OK;
}

/* What the request asks for: all of it but the proof of being allowed to ask. Keyed, because a PIN may
 * be in it and a plain hash of one would be found by trying. */
static enum mm_status request_hash(struct mm_call *call, uint8_t hash[32])
{
    json_t *copy = json_copy(call->body);
    char *text;
    unsigned len = 0;
    bool good;

    (void)json_object_del(copy, "result"); /* absent is as good */
    (void)json_object_del(copy, "session");
    text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    if (text == NULL)
        return MM_NO_MEMORY;
    good = HMAC(EVP_sha256(), call->p->load_master, sizeof(call->p->load_master),
                (const uint8_t *)text, strlen(text), hash, &len) != NULL &&
           len == 32;
    OPENSSL_cleanse(text, strlen(text));
    free(text);
    return good ? MM_OK : MM_CRYPTO;
}

static enum mm_status answer_again(struct mm_call *call, char *answer)
{
    call->reply->status = 200;
    call->reply->content_type = "application/json";
    mm_buf_bytes(&call->reply->body, answer, strlen(answer));
    free(answer);
    return call->reply->body.bad ? MM_NO_MEMORY : MM_OK;
}

static enum mm_status keep_answer(struct mm_call *call, const char *name, const char *key,
                                  const uint8_t hash[32])
{
    const struct mm_buf *body = &call->reply->body;
    char *text = strndup((const char *)body->data, body->len);
    enum mm_status st = MM_NO_MEMORY;

    if (text != NULL)
        st = mm_store_answer_add(call->p->store, call->terminal.serial, name, key, hash, text,
                                 call->now);
    free(text);
    return st;
}

enum mm_status mm_order_run(struct mm_call *call, const char *name, const char *purpose,
                            enum mm_status (*act)(struct mm_call *call,
                                                  const struct mm_order *order))
{
    struct mm_order order = {0};
    uint8_t hash[32];
    char *answer = NULL;
    enum mm_status st = read_key(call, &order.key);

    if (st == MM_OK)
        st = request_hash(call, hash);
    if (st != MM_OK)
        return st;
    st = mm_store_answer_get(call->p->store, call->terminal.serial, name, order.key, hash, &answer);
    if (st == MM_OK)
        return answer_again(call, answer);
    if (st == MM_EXISTS)
        return mm_refuse(call, 409, "key_conflict", "key %s was used for another request",
                         order.key);
    if (st != MM_NOT_FOUND)
        return st;
    st = check_result(call, purpose, &order.result);
    if (st != MM_OK)
        return st;
    st = mm_store_result_use(call->p->store, order.result.jti, purpose, order.key, call->now);
    if (st == MM_EXISTS)
        return mm_refuse(call, 409, "result_used",
                         "this result has served another %s already; report anew", purpose);
    if (st == MM_OK)
        st = act(call, &order);
    return st == MM_OK ? keep_answer(call, name, order.key, hash) : st;
}
