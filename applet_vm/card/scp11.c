/*
 * SCP11 as the card sees it (Amendment F): PERFORM SECURITY OPERATION takes the host's certificates,
 * MUTUAL AUTHENTICATE (a, c) or INTERNAL AUTHENTICATE (b) opens the session. The keys are those of the
 * domain, put by PUT KEY: its own private one (identifier 11, 13, 15 for a, b, c) and the public one of who
 * certifies hosts. In a session of variant b nobody knows who the host is: it may see, and change
 * nothing. Applications have it through their SecureChannel, with the keys of their domain.
 */
#include "applet_vm/card/card_int.h"

#include "applet_vm/base/ber.h"
#include "applet_vm/card/scp11_store.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define P2_MORE   0x80 /* another certificate follows */
#define CHAIN_MAX 4096 /* one certificate that comes in several commands */

/* For the domain itself, or for an application of it (GPCS table 11-18). */
static bool accessible(const struct mm_domain_key *key, mm_comp owner, mm_comp domain)
{
    return key->access != (owner == domain ? MM_KEY_ACCESS_APPLICATION : MM_KEY_ACCESS_DOMAIN);
}

/* version 0: of the first set that has a key of that identifier; it is then told. */
static enum mm_status find_key(const struct mm_card *card, mm_comp owner, uint8_t *version,
                               uint8_t id, bool is_private, EVP_PKEY **out)
{
    mm_comp domain = mm_reg_domain(&card->registry, owner);
    struct mm_domain_key key;
    struct mm_key_set set;
    enum mm_status st;

    *out = NULL;
    if (*version == 0)
        *version = mm_key_version_with(card->nvm, domain, id);
    if (*version == 0)
        return MM_NOT_FOUND;
    st = mm_key_find(card->nvm, domain, *version, id, &set, &key);
    if (st == MM_OK && key.parts[0].type != (is_private ? MM_KEY_EC_PRIVATE : MM_KEY_EC_PUBLIC))
        st = MM_NOT_FOUND;
    if (st == MM_OK && !accessible(&key, owner, domain))
        st = MM_STATE;
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
    case MM_STATE:
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    default:
        return mm_card_failure("scp11", st);
    }
}

/* A session that was is over; what came of a chain of certificates stays, for whom it was. */
static void keep_chain(struct mm_card *card, mm_comp owner)
{
    struct mm_session *s = &card->channel->session;
    struct mm_oce oce = {0};

    if (s->state == MM_SESSION_NONE && s->oce.owner == owner) {
        oce = s->oce;
        s->oce = (struct mm_oce){0};
    }
    mm_session_end(s);
    mm_content_load_drop(card);
    mm_isd_store_drop(card);
    s->oce = oce;
    s->oce.owner = owner;
}

/* Of the first certificate of a chain: which key certifies it. Identifier 0: by the issuer that the
 * certificate names, as STORE DATA told it. */
static enum mm_status find_authority(const struct mm_card *card, struct mm_oce *oce,
                                     const uint8_t *data, size_t data_len, uint8_t version,
                                     uint8_t id, EVP_PKEY **out)
{
    struct mm_scp11_certificate cert;
    enum mm_status st;
    size_t whole;

    *out = NULL;
    oce->ca_version = version;
    oce->ca_id = id;
    if (id == 0) {
        st = mm_scp11_certificate_read(data, data_len, &cert, &whole);
        if (st != MM_OK)
            return st;
        if (!mm_scp11_store_authority(card, mm_reg_domain(&card->registry, oce->owner), cert.issuer,
                                      cert.issuer_len, &oce->ca_id, &oce->ca_version))
            return MM_NOT_FOUND;
    }
    return find_key(card, oce->owner, &oce->ca_version, oce->ca_id, false, out);
}

/* Its place in the chain, and the list of serial numbers that the authority's key may have. */
static enum mm_status accept(const struct mm_card *card, struct mm_oce *oce,
                             const struct mm_scp11_certificate *cert, bool more)
{
    mm_comp domain = mm_reg_domain(&card->registry, oce->owner);

    if (cert->signs != more || (more && oce->path_limited && oce->path_len == 0))
        return MM_MALFORMED;
    if (!more)
        return mm_scp11_store_allows(card, domain, oce->ca_id, oce->ca_version, cert->serial,
                                     cert->serial_len)
                   ? MM_OK
                   : MM_AUTH;
    if (oce->path_limited)
        oce->path_len--;
    if (cert->path_limited && (!oce->path_limited || cert->path_len < oce->path_len)) {
        oce->path_limited = true;
        oce->path_len = cert->path_len;
    }
    return MM_OK;
}

static uint16_t take_certificate(const struct mm_card *card, struct mm_oce *oce,
                                 const uint8_t *data, size_t data_len, uint8_t version, uint8_t p2)
{
    bool more = (p2 & P2_MORE) != 0, chained = oce->key != NULL && !oce->whole;
    struct mm_scp11_certificate cert;
    EVP_PKEY *ca = NULL, *next = NULL;
    enum mm_status st = MM_OK;

    if (!chained) {
        oce->path_limited = false;
        st = find_authority(card, oce, data, data_len, version, p2 & (uint8_t)~P2_MORE, &ca);
    }
    if (st == MM_OK)
        st = mm_scp11_certificate_check(data, data_len, chained ? oce->key : ca, &cert);
    if (st == MM_OK)
        st = accept(card, oce, &cert, more);
    if (st == MM_OK)
        st = mm_scp11_public_key(cert.point, &next);
    EVP_PKEY_free(ca);
    if (st != MM_OK)
        return failure(st);
    EVP_PKEY_free(oce->key);
    oce->key = next;
    oce->whole = !more;
    return MM_SW_9000_NO_ERROR;
}

/* P1: key version, P2: key identifier of the CA-KLOC's key; b8 of P2: more to come. A certificate after one
 * for certificates is checked with that one's key. One that is longer than a command comes in several
 * (ISO 7816-4, 5.3.3). */
static uint16_t certificate(struct mm_card *card, mm_comp owner, const struct mm_apdu *apdu)
{
    struct mm_session *s = &card->channel->session;
    uint16_t sw = MM_SW_9000_NO_ERROR;

    keep_chain(card, owner);
    mm_buf_bytes(&s->oce.part, apdu->data, apdu->data_len);
    if (s->oce.part.bad || s->oce.part.len > CHAIN_MAX)
        sw = MM_SW_6A80_WRONG_DATA;
    else if (mm_card_class_chained(apdu->cla))
        return sw;
    if (sw == MM_SW_9000_NO_ERROR)
        sw = take_certificate(card, &s->oce, s->oce.part.data, s->oce.part.len, apdu->p1, apdu->p2);
    mm_buf_clear(&s->oce.part);
    if (sw != MM_SW_9000_NO_ERROR) /* and no certificate of before counts any more */
        mm_session_end(s);
    return sw;
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
    mm_ber_put(out, 0x5f49, point, sizeof(point));
    mm_ber_put(out, 0x86, receipt, sizeof(receipt));
    return MM_OK;
}

static void open_session(struct mm_card *card, mm_comp owner, const struct mm_scp *scp,
                         uint8_t version, bool authenticated)
{
    struct mm_session *s = &card->channel->session;

    s->owner = owner;
    s->domain = mm_reg_domain(&card->registry, owner);
    s->key_version = version;
    s->scp = *scp;
    s->base_level = scp->level;
    s->authenticated = authenticated;
    s->state = MM_SESSION_OPEN;
    mm_scp_make_ready(&s->scp);
}

/* Keys, identifiers, session. *version: 0 becomes the one that was taken. */
static enum mm_status agree_with(const struct mm_card *card, mm_comp owner, EVP_PKEY *oce,
                                 struct mm_scp11_params *params, const uint8_t *point,
                                 const struct mm_apdu *apdu, uint8_t *version, struct mm_scp *scp,
                                 struct mm_buf *out)
{
    struct parties p = {.oce = oce};
    struct mm_buf ids;
    enum mm_status st = find_key(card, owner, version, apdu->p2, true, &p.sd);

    mm_buf_init(&ids);
    params->s16 = (mm_session_default_i(card, 3) & MM_SCP03_S16) != 0;
    if (st == MM_OK && params->host_id_len > 0)
        st = mm_scp11_store_card_ids(card, mm_reg_domain(&card->registry, owner), apdu->p2,
                                     *version, &ids);
    params->card_ids = ids.data;
    params->card_ids_len = ids.len;
    if (st == MM_OK)
        st = mm_scp11_public_key(point, &p.oce_once);
    if (st == MM_OK && params->variant != MM_SCP11_C)
        st = mm_scp11_new_key(&p.sd_once);
    if (st == MM_OK)
        st = agree(scp, params, &p, apdu, out);
    EVP_PKEY_free(p.sd);
    EVP_PKEY_free(p.sd_once);
    EVP_PKEY_free(p.oce_once);
    mm_buf_clear(&ids);
    return st;
}

/* P1: key version, P2: key identifier of the domain's private key. */
static uint16_t authenticate(struct mm_card *card, mm_comp owner, const struct mm_apdu *apdu,
                             bool mutual, struct mm_buf *out)
{
    struct mm_session *s = &card->channel->session;
    struct mm_scp11_params params;
    struct mm_scp scp = {0};
    const uint8_t *point;
    uint8_t version = apdu->p1;
    enum mm_status st = mm_scp11_read_data(apdu->data, apdu->data_len, &params, &point);
    uint16_t sw = failure(st);

    keep_chain(card, owner);
    if (st == MM_OK && mutual == (params.variant == MM_SCP11_B))
        sw = MM_SW_6A80_WRONG_DATA;
    else if (st == MM_OK && apdu->p2 != key_id(params.variant))
        sw = MM_SW_6A86_INCORRECT_P1P2;
    else if (st == MM_OK && mutual && !s->oce.whole)
        sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (sw == MM_SW_9000_NO_ERROR)
        sw =
            failure(agree_with(card, owner, s->oce.key, &params, point, apdu, &version, &scp, out));
    mm_session_end(s); /* a certificate is for one session */
    if (sw == MM_SW_9000_NO_ERROR)
        open_session(card, owner, &scp, version, params.variant != MM_SCP11_B);
    OPENSSL_cleanse(&scp, sizeof(scp));
    return sw;
}

bool mm_scp11_is_command(uint8_t cla, uint8_t ins)
{
    return (cla == 0x80 &&
            (ins == MM_INS_ISD_MUTUAL_AUTHENTICATE || ins == MM_INS_ISD_INTERNAL_AUTHENTICATE)) ||
           ((cla & 0xef) == 0x80 && ins == MM_INS_ISD_PERFORM_SECURITY_OPERATION);
}

uint16_t mm_scp11_command(struct mm_card *card, mm_comp owner, const struct mm_apdu *apdu,
                          struct mm_buf *out)
{
    if (apdu->ins == MM_INS_ISD_PERFORM_SECURITY_OPERATION)
        return certificate(card, owner, apdu);
    return authenticate(card, owner, apdu, apdu->ins == MM_INS_ISD_MUTUAL_AUTHENTICATE, out);
}
