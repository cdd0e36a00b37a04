/*
 * Appraisal (RFC 9334, 8.3): what was measured against what is allowed. The order is from the most
 * telling finding to the least, because the first one is what the user reads.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <openssl/crypto.h>

#include "platform/platform_int.h"

enum mm_status mm_verdict_refuse(struct mm_verdict *verdict, const char *reason,
                                 const char *component, const char *fmt, ...)
{
    va_list ap;

    verdict->reason = reason;
    snprintf(verdict->component, sizeof(verdict->component), "%s", component);
    va_start(ap, fmt);
    vsnprintf(verdict->message, sizeof(verdict->message), fmt, ap);
    va_end(ap);
    return MM_REFUSED;
}

static const struct mm_reference *find(const struct mm_references *refs, uint8_t kind,
                                       const char *name)
{
    for (size_t i = 0; i < refs->item_n; i++) {
        if (refs->items[i].kind == kind && strcasecmp(refs->items[i].name, name) == 0)
            return &refs->items[i];
    }
    return NULL;
}

static bool same(const uint8_t a[MM_DIGEST_LEN], const uint8_t b[MM_DIGEST_LEN])
{
    return CRYPTO_memcmp(a, b, MM_DIGEST_LEN) == 0;
}

static enum mm_status appraise_chip(const struct mm_token *token, uint64_t counter,
                                    struct mm_verdict *v)
{
    char aid[2 * MM_AID_MAX + 1] = "";

    if (!token->valid) {
        for (size_t i = 0; i < token->component_n; i++) {
            if (token->components[i].damaged && aid[0] == '\0')
                mm_hex(token->components[i].aid.bytes, token->components[i].aid.len, aid);
        }
        return mm_verdict_refuse(v, "chip_invalid", aid,
                                 "the chip says of itself that its integrity is invalid%s%s",
                                 aid[0] != '\0' ? ", component " : " (platform)", aid);
    }
    if (token->counter < counter)
        return mm_verdict_refuse(v, "counter_back", "",
                                 "the chip's counter went back: %llu, after %llu was shown",
                                 (unsigned long long)token->counter, (unsigned long long)counter);
    return MM_OK;
}

static enum mm_status appraise_client(const struct mm_evidence *e, const struct mm_references *refs,
                                      struct mm_verdict *v)
{
    const struct mm_reference *ref = find(refs, 0, e->client_name);

    if (ref == NULL)
        return mm_verdict_refuse(v, "client_changed", e->client_name,
                                 "no reference values for a client called %s", e->client_name);
    if (!same(ref->code, e->client_code))
        return mm_verdict_refuse(v, "client_changed", e->client_name,
                                 "the code of client %s is not the released one", e->client_name);
    if (ref->has_fixed && !same(ref->fixed, e->client_fixed))
        return mm_verdict_refuse(v, "client_changed", e->client_name,
                                 "the files of client %s are not the released ones",
                                 e->client_name);
    return MM_OK;
}

static enum mm_status appraise_component(const struct mm_token_component *c,
                                         const struct mm_references *refs, struct mm_verdict *v)
{
    const char *what = c->kind == 1 ? "package" : "applet";
    char aid[2 * MM_AID_MAX + 1];
    const struct mm_reference *ref;

    ref = find(refs, c->kind, mm_hex(c->aid.bytes, c->aid.len, aid));
    if (ref == NULL)
        return mm_verdict_refuse(v, "component_unknown", aid, "%s %s has no reference values", what,
                                 aid);
    if (ref->major != c->major || ref->minor != c->minor)
        return mm_verdict_refuse(v, "component_unknown", aid,
                                 "%s %s is version %u.%u, reference values are for %u.%u", what,
                                 aid, c->major, c->minor, ref->major, ref->minor);
    if (!same(ref->code, c->code))
        return mm_verdict_refuse(v, "component_changed", aid,
                                 "the code of %s %s is not the released one", what, aid);
    if (ref->has_fixed && !ref->fixed_by_history && !same(ref->fixed, c->fixed))
        return mm_verdict_refuse(v, "component_changed", aid,
                                 "the static data of %s %s is not the released one", what, aid);
    return MM_OK;
}

enum mm_status mm_appraise(const struct mm_evidence *evidence, const struct mm_token *token,
                           const struct mm_references *refs, uint64_t counter,
                           struct mm_verdict *verdict)
{
    enum mm_status st;

    *verdict = (struct mm_verdict){.reason = ""};
    st = appraise_chip(token, counter, verdict);
    if (st == MM_OK)
        st = appraise_client(evidence, refs, verdict);
    for (size_t i = 0; i < token->component_n && st == MM_OK; i++)
        st = appraise_component(&token->components[i], refs, verdict);
    if (st == MM_OK && strcmp(evidence->verdict, "sound") != 0)
        st = mm_verdict_refuse(verdict, "agent_verdict", "",
                               "the trust agent's own verdict is \"%s\"", evidence->verdict);
    return st;
}
