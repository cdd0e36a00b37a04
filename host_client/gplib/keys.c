/* The public library: keys. */
#include "host_client/gplib/gplib_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum mintmark_gp_status mm_gplib_status(enum mm_status st)
{
    if (st == MM_AUTH)
        return MINTMARK_GP_AUTH;
    return (enum mintmark_gp_status)mm_status_exit(st); /* the same numbers */
}

static enum mm_gp_diversify diversify_of(enum mintmark_gp_diversify how)
{
    switch (how) {
    case MINTMARK_GP_EMV:
        return MM_GP_DIVERSIFY_EMV;
    case MINTMARK_GP_VISA2:
        return MM_GP_DIVERSIFY_VISA2;
    case MINTMARK_GP_KDF3:
        return MM_GP_DIVERSIFY_KDF3;
    case MINTMARK_GP_PLAIN:
        break;
    }
    return MM_GP_DIVERSIFY_NONE;
}

enum mm_status mm_gplib_set(const uint8_t *enc, const uint8_t *mac, const uint8_t *dek,
                            size_t key_len, struct mm_gp_keyset *out)
{
    *out = (struct mm_gp_keyset){.type = MM_GP_KEY_AES, .len = (uint8_t)key_len};
    if (key_len != 16 && key_len != 24 && key_len != 32)
        return MM_USAGE;
    memcpy(out->enc, enc, key_len);
    memcpy(out->mac, mac, key_len);
    memcpy(out->dek, dek, key_len);
    return MM_OK;
}

/* *out from a source, which is taken over, or released where that fails. */
static enum mintmark_gp_status take(enum mm_status st, struct mm_gp_keys *source,
                                    struct mintmark_gp_keys **out)
{
    *out = NULL;
    if (st == MM_OK && (*out = calloc(1, sizeof(**out))) == NULL)
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        (*out)->source = source;
    else
        mm_gp_keys_free(&source);
    return mm_gplib_status(st);
}

enum mintmark_gp_status mintmark_gp_keys_new(const uint8_t *enc, const uint8_t *mac,
                                             const uint8_t *dek, size_t key_len,
                                             enum mintmark_gp_diversify how,
                                             struct mintmark_gp_keys **out)
{
    struct mm_gp_keys *source = NULL;
    struct mm_gp_keyset set;
    enum mm_status st = mm_gplib_set(enc, mac, dek, key_len, &set);

    if (st == MM_OK)
        st = mm_gp_keys_in_memory(&set, diversify_of(how), &source, NULL);
    OPENSSL_cleanse(&set, sizeof(set));
    return take(st, source, out);
}

enum mintmark_gp_status mintmark_gp_keys_in_token(const char *uri, const char *pin,
                                                  enum mintmark_gp_diversify how,
                                                  struct mintmark_gp_keys **out, char error[240])
{
    struct mm_gp_keys *source = NULL;
    struct mm_err err = {0};
    enum mm_status st = mm_gp_keys_in_token(uri, pin, diversify_of(how), &source, &err);

    if (error != NULL)
        memcpy(error, err.text, sizeof(err.text));
    return take(st, source, out);
}

/* ---- The caller's own ---- */

struct elsewhere {
    const struct mintmark_gp_key_calls *calls;
    void *ctx;
};

static enum mm_status said(int rc, const char *what, struct mm_err *err)
{
    return rc == 0 ? MM_OK
                   : mm_fail(err, MM_FAILED, SIZE_MAX, "the caller's %s failed (%d)", what, rc);
}

static enum mm_status elsewhere_choose(void *ctx, const struct mm_gp_key_card *card,
                                       struct mm_err *err)
{
    const struct elsewhere *e = ctx;

    return said(e->calls->choose(e->ctx, card->scp, card->key_version, card->diversification),
                "choice of keys", err);
}

static size_t elsewhere_key_len(const void *ctx)
{
    return ((const struct elsewhere *)ctx)->calls->key_len;
}

static enum mm_status elsewhere_cmac(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                     size_t data_len, uint8_t out[16], struct mm_err *err)
{
    const struct elsewhere *e = ctx;

    return said(e->calls->cmac(e->ctx, (int)id, data, data_len, out), "CMAC", err);
}

static enum mm_status elsewhere_cbc(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                    size_t data_len, uint8_t *out, struct mm_err *err)
{
    const struct elsewhere *e = ctx;

    return said(e->calls->cbc(e->ctx, (int)id, data, data_len, out), "encryption", err);
}

static const struct mm_gp_key_ops elsewhere_ops = {.choose = elsewhere_choose,
                                                   .key_len = elsewhere_key_len,
                                                   .cmac = elsewhere_cmac,
                                                   .cbc = elsewhere_cbc,
                                                   .free = free};

enum mintmark_gp_status mintmark_gp_keys_elsewhere(const struct mintmark_gp_key_calls *calls,
                                                   void *ctx, struct mintmark_gp_keys **out)
{
    struct mm_gp_keys *source = calloc(1, sizeof(*source));
    struct elsewhere *e = calloc(1, sizeof(*e));

    *out = NULL;
    if (source == NULL || e == NULL) {
        free(source);
        free(e);
        return MINTMARK_GP_FAILED;
    }
    *e = (struct elsewhere){calls, ctx};
    *source = (struct mm_gp_keys){.ops = &elsewhere_ops, .ctx = e};
    return take(MM_OK, source, out);
}

void mintmark_gp_keys_free(struct mintmark_gp_keys **keys)
{
    if (*keys != NULL)
        mm_gp_keys_free(&(*keys)->source);
    free(*keys);
    *keys = NULL;
}
