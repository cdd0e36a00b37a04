/* SCP11: key agreement, session keys, receipt (Amendment F, 3.1 and 6.5). */
#include "applet_vm/scp/scp11.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "applet_vm/base/ber.h"

#define SECRET_LEN 32
#define SCP11_ID   0x11
#define KEY_AES    0x88
#define KEYS_N     5    /* receipt, S-ENC, S-MAC, S-RMAC, DEK */
#define VARIANT    0x03 /* of the parameter (v1.3, 7.1.1) */
#define WITH_IDS   0x04 /* host and card identifiers in the derivation */

uint8_t mm_scp11_level(uint8_t usage)
{
    if (usage == 0x3c)
        return MM_SCP_C_MAC | MM_SCP_C_DEC | MM_SCP_R_MAC | MM_SCP_R_ENC;
    return usage == 0x34 ? MM_SCP_C_MAC | MM_SCP_R_MAC : 0;
}

uint8_t mm_scp11_usage(uint8_t level)
{
    return level == (MM_SCP_C_MAC | MM_SCP_R_MAC) ? 0x34 : 0x3c;
}

enum mm_status mm_scp11_write_data(const struct mm_scp11_params *params,
                                   const uint8_t point[MM_SCP11_POINT_LEN], struct mm_buf *out)
{
    bool named = params->host_id_len > 0;
    const uint8_t fixed[] = {0x90,
                             2,
                             SCP11_ID,
                             (uint8_t)(params->variant | (named ? WITH_IDS : 0)),
                             0x95,
                             1,
                             params->usage,
                             0x80,
                             1,
                             KEY_AES,
                             0x81,
                             1,
                             params->key_len};
    struct mm_buf crt;

    mm_buf_init(&crt);
    mm_buf_bytes(&crt, fixed, sizeof(fixed));
    if (named)
        mm_ber_put(&crt, 0x84, params->host_id, params->host_id_len);
    mm_ber_put(out, 0xa6, crt.data, crt.len);
    mm_ber_put(out, 0x5f49, point, MM_SCP11_POINT_LEN);
    out->bad |= crt.bad;
    mm_buf_clear(&crt);
    return out->bad ? MM_NO_MEMORY : MM_OK;
}

static bool take_host_id(const uint8_t *value, size_t len, struct mm_scp11_params *p)
{
    if (len == 0 || len > MM_SCP11_HOST_ID_MAX)
        return false;
    memcpy(p->host_id, value, len);
    p->host_id_len = (uint8_t)len;
    return true;
}

static enum mm_status read_crt(const uint8_t *data, size_t len, struct mm_scp11_params *p)
{
    uint8_t parameter = 0;
    bool has_scp = false;
    const uint8_t *value;
    uint16_t tag;
    struct mm_rd rd;
    size_t n;

    mm_rd_init(&rd, data, len);
    while (mm_rd_left(&rd) > 0) {
        if (!mm_ber_take(&rd, &tag, &value, &n))
            return MM_MALFORMED;
        if (tag == 0x90 && n == 2 && value[0] == SCP11_ID) {
            has_scp = true;
            parameter = value[1];
        } else if (tag == 0x95 && n == 1) {
            p->usage = value[0];
        } else if (tag == 0x81 && n == 1) {
            p->key_len = value[0];
        } else if (!(tag == 0x80 && n == 1 && value[0] == KEY_AES) &&
                   !(tag == 0x84 && take_host_id(value, n, p))) {
            return MM_MALFORMED;
        }
    }
    if (!has_scp || mm_scp11_level(p->usage) == 0 ||
        ((parameter & WITH_IDS) != 0) != (p->host_id_len > 0))
        return MM_MALFORMED;
    p->variant = (enum mm_scp11_variant)(parameter & VARIANT);
    return (parameter & ~(VARIANT | WITH_IDS)) == 0 && parameter % 4 != 2 &&
                   (p->key_len == 16 || p->key_len == 24 || p->key_len == 32)
               ? MM_OK
               : MM_UNSUPPORTED;
}

enum mm_status mm_scp11_read_data(const uint8_t *data, size_t data_len,
                                  struct mm_scp11_params *params, const uint8_t **point)
{
    const uint8_t *crt;
    uint16_t tag;
    struct mm_rd rd;
    size_t crt_len, n;

    *params = (struct mm_scp11_params){.key_len = 16};
    *point = NULL;
    mm_rd_init(&rd, data, data_len);
    if (!mm_ber_take(&rd, &tag, &crt, &crt_len) || tag != 0xa6 ||
        !mm_ber_take(&rd, &tag, point, &n) || tag != 0x5f49 || n != MM_SCP11_POINT_LEN ||
        mm_rd_left(&rd) != 0)
        return MM_MALFORMED;
    return read_crt(crt, crt_len, params);
}

/* ---- Keys ---- */
enum mm_status mm_scp11_new_key(EVP_PKEY **out)
{
    *out = EVP_EC_gen("P-256");
    return *out == NULL ? MM_CRYPTO : MM_OK;
}

enum mm_status mm_scp11_public_key(const uint8_t point[MM_SCP11_POINT_LEN], EVP_PKEY **out)
{
    char group[] = "P-256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group) - 1),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(uintptr_t)point,
                                MM_SCP11_POINT_LEN),
        OSSL_PARAM_END};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    enum mm_status st = MM_MALFORMED;

    *out = NULL;
    if (point[0] == 0x04 && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1)
        st = MM_OK;
    EVP_PKEY_CTX_free(ctx);
    return st;
}

enum mm_status mm_scp11_point(const EVP_PKEY *key, uint8_t out[MM_SCP11_POINT_LEN])
{
    size_t n = 0;

    return EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, MM_SCP11_POINT_LEN,
                                           &n) == 1 &&
                   n == MM_SCP11_POINT_LEN
               ? MM_OK
               : MM_CRYPTO;
}

static enum mm_status agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t out[SECRET_LEN])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    enum mm_status st = MM_CRYPTO;
    size_t n = SECRET_LEN;

    if (ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
        EVP_PKEY_derive(ctx, out, &n) == 1 && n == SECRET_LEN)
        st = MM_OK;
    EVP_PKEY_CTX_free(ctx);
    return st;
}

/* Shared information: usage, key type, key length; with identifiers the host's and the card's. */
static void put_info(const struct mm_scp11_params *p, struct mm_buf *out)
{
    mm_buf_u8(out, p->usage);
    mm_buf_u8(out, KEY_AES);
    mm_buf_u8(out, p->key_len);
    if (p->host_id_len == 0)
        return;
    mm_buf_u8(out, p->host_id_len);
    mm_buf_bytes(out, p->host_id, p->host_id_len);
    mm_buf_bytes(out, p->card_ids, p->card_ids_len);
}

/* X9.63 KDF over both secrets. */
static enum mm_status derive(const struct mm_buf *info, uint8_t secret[2 * SECRET_LEN],
                             uint8_t *out, size_t out_len)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, sizeof(digest) - 1),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, secret, 2 * SECRET_LEN),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO, info->data, info->len), OSSL_PARAM_END};
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "X963KDF", NULL);
    EVP_KDF_CTX *ctx = kdf == NULL ? NULL : EVP_KDF_CTX_new(kdf);
    enum mm_status st = !info->bad && ctx != NULL && EVP_KDF_derive(ctx, out, out_len, params) == 1
                            ? MM_OK
                            : MM_CRYPTO;

    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return st;
}

static void take_keys(struct mm_scp *s, const struct mm_scp11_params *p, const uint8_t *keys)
{
    *s = (struct mm_scp){
        .protocol = 3,
        .i = (uint8_t)(MM_SCP03_R_MAC | MM_SCP03_R_ENC | (p->s16 ? MM_SCP03_S16 : 0)),
        .level = mm_scp11_level(p->usage),
        .key_len = p->key_len};
    memcpy(s->s_enc, keys + 1 * p->key_len, p->key_len);
    memcpy(s->s_mac, keys + 2 * p->key_len, p->key_len);
    memcpy(s->s_rmac, keys + 3 * p->key_len, p->key_len);
    memcpy(s->dek, keys + 4 * p->key_len, p->key_len);
}

enum mm_status mm_scp11_open(struct mm_scp *s, const struct mm_scp11_params *params,
                             const struct mm_scp11_agreement *keys, const uint8_t *data,
                             size_t data_len, const uint8_t sd_point[MM_SCP11_POINT_LEN],
                             uint8_t receipt[MM_SCP11_RECEIPT_LEN])
{
    uint8_t secret[2 * SECRET_LEN], derived[KEYS_N * MM_SCP_KEY_MAX];
    struct mm_buf answer, info;
    enum mm_status st = agree(keys->own[0], keys->peer[0], secret);

    mm_buf_init(&answer);
    mm_buf_init(&info);
    put_info(params, &info);
    mm_ber_put(&answer, 0x5f49, sd_point, MM_SCP11_POINT_LEN);
    if (st == MM_OK)
        st = agree(keys->own[1], keys->peer[1], secret + SECRET_LEN);
    if (st == MM_OK)
        st = derive(&info, secret, derived, (size_t)KEYS_N * params->key_len);
    if (st == MM_OK && answer.bad)
        st = MM_NO_MEMORY;
    if (st == MM_OK)
        st = mm_scp_cmac(derived, params->key_len, data, data_len, answer.data, answer.len, NULL, 0,
                         receipt);
    if (st == MM_OK) { /* the receipt is the first chaining value (6.6) */
        take_keys(s, params, derived);
        memcpy(s->chain, receipt, sizeof(s->chain));
    }
    mm_buf_clear(&answer);
    mm_buf_clear(&info);
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(derived, sizeof(derived));
    return st;
}
