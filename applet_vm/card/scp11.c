/*
 * SCP11 as the card sees it (Amendment F): PERFORM SECURITY OPERATION takes the host's certificates,
 * MUTUAL AUTHENTICATE (a, c) or INTERNAL AUTHENTICATE (b) opens the session. The keys are those of the
 * selected domain, put by PUT KEY: its own private one (identifier 11, 13, 15 for a, b, c) and the public
 * one of who certifies hosts. In a session of variant b nobody knows who the host is: it may see, and
 * change nothing.
 */
#include "applet_vm/card/card_int.h"
#include "applet_vm/scp/scp11.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define P2_MORE 0x80 /* another certificate follows */

static enum mm_status find_key(const struct mm_card *card, uint8_t version, uint8_t id,
                               bool is_private, EVP_PKEY **out)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    enum mm_status st = mm_key_find(card->nvm, mm_domain_current(card), version, id, &set, &key);

    *out = NULL;
    if (st == MM_OK && key.parts[0].type != (is_private ? MM_KEY_EC_PRIVATE : MM_KEY_EC_PUBLIC))
        st = MM_NOT_FOUND;
    if (st == MM_OK)
        st = mm_key_pkey(&key, out);
    mm_key_set_clear(&set);
    if (st == MM_OK && EVP_PKEY_get_bits(*out) != 256)
        st = MM_NOT_FOUND;
    if (st != MM_OK) {
        EVP_PKEY_free(*out);
        *out = NULL;
    }
    return st;
}

static uint16_t failure(enum mm_status st)
{
    switch ((int)st) {
    case MM_OK:
        return MM_SW_9000_NO_ERROR;
    case MM_NOT_FOUND:
        return MM_SW_6A88_DATA_NOT_FOUND;
    case MM_MALFORMED:
    case MM_UNSUPPORTED:
        return MM_SW_6A80_WRONG_DATA;
    case MM_AUTH:
        return MM_SW_6982_SECURITY_STATUS;
    default:
        return mm_card_failure("scp11", st);
    }
}

/* A session that was is over; what came of a chain of certificates for this domain stays. */
static void keep_chain(struct mm_card *card)
{
    struct mm_session *s = &card->channel->session;
    EVP_PKEY *oce = s->state == MM_SESSION_NONE ? s->oce : NULL;
    bool whole = s->oce_whole;

    if (oce != NULL)
        s->oce = NULL;
    mm_session_end(s);
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    s->oce = oce;
    s->oce_whole = oce != NULL && whole;
}

/* P1: key version, P2: key identifier of the CA-KLOC's key; b8 of P2: more to come. A certificate after one
 * for certificates is checked with that one's key. */
static uint16_t certificate(struct mm_card *card, const struct mm_apdu *apdu)
{
    struct mm_session *s = &card->channel->session;
    bool more = (apdu->p2 & P2_MORE) != 0, chained;
    struct mm_scp11_certificate cert;
    EVP_PKEY *ca = NULL, *next = NULL;
    enum mm_status st = MM_OK;

    keep_chain(card);
    chained = s->oce != NULL && !s->oce_whole;
    if (!chained)
        st = find_key(card, apdu->p1, apdu->p2 & (uint8_t)~P2_MORE, false, &ca);
    if (st == MM_OK)
        st = mm_scp11_certificate_check(apdu->data, apdu->data_len, chained ? s->oce : ca, &cert);
    if (st == MM_OK && cert.signs != more)
        st = MM_MALFORMED;
    if (st == MM_OK)
        st = mm_scp11_public_key(cert.point, &next);
    EVP_PKEY_free(ca);
    if (st != MM_OK) { /* and no certificate of before counts any more */
        mm_session_end(s);
        return failure(st);
    }
    EVP_PKEY_free(s->oce);
    s->oce = next;
    s->oce_whole = !more;
    return MM_SW_9000_NO_ERROR;
}

static uint8_t key_id(enum mm_scp11_variant variant)
{
    switch (variant) {
    case MM_SCP11_A:
        return MM_SCP11_KID_A;
    case MM_SCP11_B:
        return MM_SCP11_KID_B;
    case MM_SCP11_C:
        return MM_SCP11_KID_C;
    }
    return 0;
}

/* Own static key, own ephemeral key (c: none), the host's ephemeral key, the host's static key (b: none). */
struct parties {
    EVP_PKEY *sd, *sd_once, *oce_once, *oce;
};

static enum mm_status agree(struct mm_scp *scp, const struct mm_scp11_params *params,
                            const struct parties *p, const struct mm_apdu *apdu, struct mm_buf *out)
{
    struct mm_scp11_agreement keys = {.own = {p->sd_once, p->sd}, .peer = {p->oce_once, p->oce}};
    uint8_t point[MM_SCP11_POINT_LEN], receipt[MM_SCP11_RECEIPT_LEN];
    enum mm_status st;

    if (params->variant == MM_SCP11_B)
        keys.peer[1] = p->oce_once;
    if (params->variant == MM_SCP11_C)
        keys.own[0] = p->sd;
    st = mm_scp11_point(keys.own[0], point);
    if (st == MM_OK)
        st = mm_scp11_open(scp, params, &keys, apdu->data, apdu->data_len, point, receipt);
    if (st != MM_OK)
        return st;
    mm_scp11_put(out, 0x5f49, point, sizeof(point));
    mm_scp11_put(out, 0x86, receipt, sizeof(receipt));
    return MM_OK;
}

static void open_session(struct mm_card *card, const struct mm_scp *scp, uint8_t version,
                         bool authenticated)
{
    struct mm_session *s = &card->channel->session;

    s->owner = s->domain = mm_domain_current(card);
    s->key_version = version;
    s->scp = *scp;
    s->base_level = scp->level;
    s->authenticated = authenticated;
    s->state = MM_SESSION_OPEN;
    mm_scp_make_ready(&s->scp);
}

/* P1: key version, P2: key identifier of the domain's private key. */
static uint16_t authenticate(struct mm_card *card, const struct mm_apdu *apdu, bool mutual)
{
    struct mm_session *s = &card->channel->session;
    struct mm_scp11_params params;
    struct parties p = {0};
    struct mm_scp scp = {0};
    const uint8_t *point;
    enum mm_status st = mm_scp11_read_data(apdu->data, apdu->data_len, &params, &point);
    uint16_t sw = failure(st);

    keep_chain(card);
    if (st == MM_OK && mutual == (params.variant == MM_SCP11_B))
        sw = MM_SW_6A80_WRONG_DATA;
    else if (st == MM_OK && apdu->p2 != key_id(params.variant))
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (st == MM_OK && mutual && !s->oce_whole)
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (sw != MM_SW_9000_NO_ERROR)
        goto out;
    p.oce = s->oce;
    st = find_key(card, apdu->p1, apdu->p2, true, &p.sd);
    if (st == MM_OK)
        st = mm_scp11_public_key(point, &p.oce_once);
    if (st == MM_OK && params.variant != MM_SCP11_C)
        st = mm_scp11_new_key(&p.sd_once);
    if (st == MM_OK)
        st = agree(&scp, &params, &p, apdu, &card->out);
    sw = failure(st);
    EVP_PKEY_free(p.sd);
    EVP_PKEY_free(p.sd_once);
    EVP_PKEY_free(p.oce_once);
out:
    mm_session_end(s); /* a certificate is for one session */
    if (sw == MM_SW_9000_NO_ERROR)
        open_session(card, &scp, apdu->p1, params.variant != MM_SCP11_B);
    OPENSSL_cleanse(&scp, sizeof(scp));
    return sw;
}

bool mm_scp11_is_command(const struct mm_apdu *apdu)
{
    return apdu->cla == 0x80 && (apdu->ins == MM_INS_ISD_PERFORM_SECURITY_OPERATION ||
                                 apdu->ins == MM_INS_ISD_MUTUAL_AUTHENTICATE ||
                                 apdu->ins == MM_INS_ISD_INTERNAL_AUTHENTICATE);
}

uint16_t mm_scp11_command(struct mm_card *card, const struct mm_apdu *apdu)
{
    if (apdu->ins == MM_INS_ISD_PERFORM_SECURITY_OPERATION)
        return certificate(card, apdu);
    return authenticate(card, apdu, apdu->ins == MM_INS_ISD_MUTUAL_AUTHENTICATE);
}
