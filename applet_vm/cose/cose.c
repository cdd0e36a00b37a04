#include "applet_vm/cose/cose.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#define COSE_TAG_SIGN1   18   /* RFC 9052, 4.2 */
#define COSE_TAG_BYTE    0xd2 /* that tag, encoded */
#define COSE_HDR_ALG     1    /* RFC 9052, 3.1 */
#define COSE_HDR_X5CHAIN 33   /* RFC 9360, 2 */
#define COSE_ES256       (-7)
#define COSE_HALF        32 /* r and s of a P-256 signature */
#define COSE_CHAIN_MAX   8

/* Sig_structure (RFC 9052, 4.4): ["Signature1", protected, external_aad, payload] */
static void tbs_make(struct mm_buf *out, const uint8_t *prot, size_t prot_len,
                     const uint8_t *payload, size_t payload_len)
{
    mm_cbor_array(out, 4);
    mm_cbor_text(out, "Signature1");
    mm_cbor_bytes(out, prot, prot_len);
    mm_cbor_bytes(out, NULL, 0);
    mm_cbor_bytes(out, payload, payload_len);
}

/* ---- Making ---- */

/* ECDSA with SHA-256, r || s (RFC 9053, 2.1). */
static enum mm_status sign_raw(EVP_PKEY *key, const struct mm_buf *tbs, uint8_t sig[64])
{
    enum mm_status st = MM_CRYPTO;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ECDSA_SIG *pair = NULL;
    uint8_t der[80];
    size_t der_len = sizeof(der);
    const uint8_t *p = der;

    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, der, &der_len, tbs->data, tbs->len) != 1)
        goto out;
    pair = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
    if (pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, COSE_HALF) == COSE_HALF &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + COSE_HALF, COSE_HALF) == COSE_HALF)
        st = MM_OK;
out:
    ECDSA_SIG_free(pair);
    EVP_MD_CTX_free(ctx);
    return st;
}

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = {0};

    return key != NULL && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

enum mm_status mm_cose_sign(EVP_PKEY *key, const uint8_t *payload, size_t payload_len,
                            const struct mm_buf *chain, size_t chain_n, struct mm_buf *out)
{
    struct mm_buf prot, tbs;
    uint8_t sig[2 * COSE_HALF];
    enum mm_status st;

    if (!is_p256(key))
        return MM_CRYPTO;
    mm_buf_init(&prot);
    mm_buf_init(&tbs);
    mm_cbor_map(&prot, 1);
    mm_cbor_int(&prot, COSE_HDR_ALG);
    mm_cbor_int(&prot, COSE_ES256);
    tbs_make(&tbs, prot.data, prot.len, payload, payload_len);
    st = prot.bad || tbs.bad ? MM_NO_MEMORY : sign_raw(key, &tbs, sig);
    if (st == MM_OK) {
        mm_cbor_tag(out, COSE_TAG_SIGN1);
        mm_cbor_array(out, 4);
        mm_cbor_bytes(out, prot.data, prot.len);
        mm_cbor_map(out, chain_n > 0 ? 1 : 0);
        if (chain_n > 0)
            mm_cbor_int(out, COSE_HDR_X5CHAIN);
        if (chain_n > 1)
            mm_cbor_array(out, chain_n);
        for (size_t i = 0; i < chain_n; i++)
            mm_cbor_bytes(out, chain[i].data, chain[i].len);
        mm_cbor_bytes(out, payload, payload_len);
        mm_cbor_bytes(out, sig, sizeof(sig));
        st = out->bad ? MM_NO_MEMORY : MM_OK;
    }
    mm_buf_clear(&prot);
    mm_buf_clear(&tbs);
    return st;
}

/* ---- Reading ---- */

static enum mm_status alg_check(const uint8_t *prot, size_t len, struct mm_err *err)
{
    cbor_item_t *map = NULL;
    const cbor_item_t *alg;
    bool good;
    enum mm_status st = mm_cbor_parse(prot, len, &map, err);

    if (st != MM_OK) {
        mm_err_prefix(err, "COSE protected header");
        return st;
    }
    alg = mm_cbor_get(map, COSE_HDR_ALG);
    good = alg != NULL && cbor_isa_negint(alg) && cbor_get_int(alg) == -1 - COSE_ES256;
    /* Any other protected header might be critical to its maker (RFC 9052, 3.1: crit). */
    good = good && cbor_map_size(map) == 1;
    cbor_decref(&map);
    return good ? MM_OK
                : mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                          "COSE protected header: expected {1: -7} (ES256) and nothing more");
}

static enum mm_status chain_add(struct mm_cose *out, const cbor_item_t *item, struct mm_err *err)
{
    const uint8_t *der;
    size_t len;
    X509 *cert;

    if (!mm_cbor_get_bytes(item, &der, &len) || len > MM_COSE_MAX_LEN)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "COSE x5chain: expected byte strings");
    {
        const uint8_t *p = der;
        cert = d2i_X509(NULL, &p, (long)len);
        if (cert != NULL && p != der + len) {
            X509_free(cert);
            cert = NULL;
        }
    }
    ERR_clear_error();
    if (cert == NULL)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "COSE x5chain: not a DER certificate");
    if (sk_X509_push(out->chain, cert) <= 0) {
        X509_free(cert);
        return MM_NO_MEMORY;
    }
    return MM_OK;
}

static enum mm_status chain_read(struct mm_cose *out, const cbor_item_t *headers,
                                 struct mm_err *err)
{
    const cbor_item_t *x5 = mm_cbor_get(headers, COSE_HDR_X5CHAIN);
    enum mm_status st = MM_OK;

    if (x5 == NULL)
        return MM_OK;
    if (!cbor_isa_array(x5))
        return chain_add(out, x5, err);
    if (mm_cbor_array_n(x5) < 2 || mm_cbor_array_n(x5) > COSE_CHAIN_MAX)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "COSE x5chain: %zu certificates in an array",
                       mm_cbor_array_n(x5));
    for (size_t i = 0; i < mm_cbor_array_n(x5) && st == MM_OK; i++)
        st = chain_add(out, mm_cbor_array_at(x5, i), err);
    return st;
}

static enum mm_status sign1_read(const cbor_item_t *array, struct mm_cose *out, struct mm_err *err)
{
    const uint8_t *prot, *payload;
    size_t prot_len, payload_len;
    struct mm_buf tbs;
    enum mm_status st;

    if (mm_cbor_array_n(array) != 4 || !cbor_isa_map(mm_cbor_array_at(array, 1)) ||
        !mm_cbor_get_bytes(mm_cbor_array_at(array, 0), &prot, &prot_len) ||
        !mm_cbor_get_bytes(mm_cbor_array_at(array, 2), &payload, &payload_len) ||
        !mm_cbor_get_fixed(mm_cbor_array_at(array, 3), out->signature, sizeof(out->signature)))
        return mm_fail(err, MM_MALFORMED, 1,
                       "COSE_Sign1: expected [bytes, map, bytes, 64 bytes of signature]");
    st = alg_check(prot, prot_len, err);
    if (st == MM_OK)
        st = chain_read(out, mm_cbor_array_at(array, 1), err);
    if (st != MM_OK)
        return st;
    mm_buf_init(&tbs);
    tbs_make(&tbs, prot, prot_len, payload, payload_len);
    out->tbs = mm_buf_take(&tbs, &out->tbs_len);
    out->payload = malloc(payload_len + 1);
    if (out->tbs == NULL || out->payload == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (payload_len > 0)
        memcpy(out->payload, payload, payload_len);
    out->payload_len = payload_len;
    return MM_OK;
}

enum mm_status mm_cose_parse(const uint8_t *data, size_t data_len, struct mm_cose *out,
                             struct mm_err *err)
{
    cbor_item_t *root = NULL;
    enum mm_status st;

    *out = (struct mm_cose){0};
    if (data_len > MM_COSE_MAX_LEN)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "COSE object of %zu bytes: at most %d", data_len,
                       MM_COSE_MAX_LEN);
    if (data_len == 0 || data[0] != COSE_TAG_BYTE)
        return mm_fail(err, MM_MALFORMED, 0, "expected COSE_Sign1 (CBOR tag 18)");
    /* The tag is taken off here, because libcbor 0.8 refuses the tags 6 to 20. */
    st = mm_cbor_parse(data + 1, data_len - 1, &root, err);
    if (st != MM_OK)
        return st;
    out->chain = sk_X509_new_null();
    st = out->chain != NULL ? sign1_read(root, out, err) : MM_NO_MEMORY;
    cbor_decref(&root);
    if (st != MM_OK)
        mm_cose_clear(out);
    return st;
}

void mm_cose_clear(struct mm_cose *cose)
{
    free(cose->payload);
    free(cose->tbs);
    sk_X509_pop_free(cose->chain, X509_free);
    *cose = (struct mm_cose){0};
}

/* ---- Verifying ---- */

static bool sig_der(const uint8_t sig[64], uint8_t **der, size_t *der_len)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(sig, COSE_HALF, NULL);
    BIGNUM *s = BN_bin2bn(sig + COSE_HALF, COSE_HALF, NULL);
    int n = -1;

    *der = NULL;
    if (pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair owns them now */
        n = i2d_ECDSA_SIG(pair, der);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    *der_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

enum mm_status mm_cose_verify(const struct mm_cose *cose, EVP_PKEY *key, struct mm_err *err)
{
    enum mm_status st = MM_AUTH; /* turns good in one place only */
    EVP_MD_CTX *ctx = NULL;
    uint8_t *der = NULL;
    size_t der_len = 0;

    if (!is_p256(key))
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "COSE: not a P-256 key");
    ctx = EVP_MD_CTX_new();
    if (ctx != NULL && sig_der(cose->signature, &der, &der_len) &&
        EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestVerify(ctx, der, der_len, cose->tbs, cose->tbs_len) == 1)
        st = MM_OK;
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "COSE: signature does not match");
}

static enum mm_status path_verify(const struct mm_cose *cose, X509 *leaf, X509 *ca,
                                  struct mm_err *err)
{
    enum mm_status st = MM_AUTH;
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (store == NULL || ctx == NULL || X509_STORE_add_cert(store, ca) != 1 ||
        X509_STORE_CTX_init(ctx, store, leaf, cose->chain) != 1) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        goto out;
    }
    if (X509_verify_cert(ctx) == 1)
        st = MM_OK;
    else
        (void)mm_fail(err, st, SIZE_MAX, "certificate chain: %s",
                      X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx)));
out:
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    ERR_clear_error();
    return st;
}

enum mm_status mm_cose_verify_chain(const struct mm_cose *cose, X509 *ca, X509 **leaf,
                                    struct mm_err *err)
{
    X509 *first = sk_X509_num(cose->chain) > 0 ? sk_X509_value(cose->chain, 0) : NULL;
    enum mm_status st;

    if (leaf != NULL)
        *leaf = NULL;
    if (first == NULL)
        return mm_fail(err, MM_AUTH, SIZE_MAX, "COSE: no certificate chain in it");
    st = path_verify(cose, first, ca, err);
    if (st == MM_OK)
        st = mm_cose_verify(cose, X509_get0_pubkey(first), err);
    if (st == MM_OK && leaf != NULL)
        *leaf = first;
    return st;
}
