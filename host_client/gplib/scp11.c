/* The public library: sessions by SCP11. */
#include "host_client/gplib/gplib_int.h"

#include <openssl/evp.h>
#include <string.h>

#include "host_client/gp/scp11_files.h"

static enum mm_status take_variant(struct mintmark_gp *gp, char variant, enum mm_scp11_variant *out)
{
    static const enum mm_scp11_variant variants[] = {MM_SCP11_A, MM_SCP11_B, MM_SCP11_C};

    if (variant < 'a' || variant > 'c')
        return mm_fail(&gp->err, MM_USAGE, SIZE_MAX, "SCP11 has the variants a, b and c");
    *out = variants[variant - 'a'];
    return MM_OK;
}

static enum mm_status check(struct mintmark_gp *gp, const struct mintmark_gp_scp11 *how)
{
    bool host = how->variant != 'b';

    if ((how->card_key == NULL) == (how->card_ca == NULL) || host != (how->host_key != NULL) ||
        host != (how->host_certificates != NULL))
        return mm_fail(&gp->err, MM_USAGE, SIZE_MAX,
                       "SCP11: expected card_key or card_ca, and the host's key and certificates "
                       "but in variant b");
    if ((how->level != 0 && how->level != 0x11 && how->level != 0x33) ||
        (how->session_key_len != 0 && how->session_key_len != 16 && how->session_key_len != 24 &&
         how->session_key_len != 32))
        return mm_fail(&gp->err, MM_USAGE, SIZE_MAX,
                       "SCP11: expected level 11 or 33, session keys of 16, 24 or 32 bytes");
    return MM_OK;
}

/* The files; chain stays with how. */
static enum mm_status read_files(struct mintmark_gp *gp, const struct mintmark_gp_scp11 *from,
                                 struct mm_gp_scp11 *how, EVP_PKEY **ca, struct mm_buf *chain)
{
    enum mm_status st = MM_OK;

    if (from->host_key != NULL)
        st = mm_gp_scp11_private_key(from->host_key, &how->own, &gp->err);
    if (st == MM_OK && from->host_certificates != NULL)
        st = mm_gp_scp11_chain(from->host_certificates, chain, &gp->err);
    if (st == MM_OK && from->card_key != NULL)
        st = mm_gp_scp11_public_key(from->card_key, &how->card, &gp->err);
    if (st == MM_OK && from->card_ca != NULL)
        st = mm_gp_scp11_public_key(from->card_ca, ca, &gp->err);
    how->chain = chain->data;
    how->chain_len = chain->len;
    return st;
}

enum mintmark_gp_status mintmark_gp_open_scp11(struct mintmark_gp *gp,
                                               const struct mintmark_gp_scp11 *from)
{
    struct mm_gp_scp11 how = {
        .key_version = from->key_version,
        .level = from->level != 0 ? from->level : 0x33,
        .key_len = (uint8_t)(from->session_key_len != 0 ? from->session_key_len : 16),
        .ca_version = from->ca_version,
        .ca_id = from->ca_id,
        .s16 = from->s16};
    struct mm_aid aid, *domain = from->domain != NULL ? &aid : NULL;
    EVP_PKEY *ca = NULL;
    struct mm_buf chain;
    enum mm_status st = mm_gplib_connected(gp);

    mm_gp_close(&gp->session);
    mm_buf_init(&chain);
    if (st == MM_OK && domain != NULL)
        st = mm_gplib_aid(gp, from->domain, from->domain_len, domain);
    if (st == MM_OK)
        st = take_variant(gp, from->variant, &how.variant);
    if (st == MM_OK)
        st = check(gp, from);
    if (st == MM_OK)
        st = read_files(gp, from, &how, &ca, &chain);
    if (st == MM_OK && ca != NULL)
        st = mm_gp_scp11_card_key(gp->access, domain, how.variant, ca, &how.key_version, &how.card,
                                  &gp->err);
    if (st == MM_OK)
        st = mm_gp_open_scp11(gp->access, domain, &how, &gp->session, &gp->err);
    EVP_PKEY_free(how.own);
    EVP_PKEY_free(how.card);
    EVP_PKEY_free(ca);
    mm_buf_clear(&chain);
    return mm_gplib_status(st);
}
