/* The attestation key, made in the chip and never leaving it, and the certificates of enrolment. */
#include "applet_vm/integrity/integrity_int.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

#define ENROL_LABEL "mintmark-enrol"

static bool key_parts(EVP_PKEY *key, uint8_t scalar[IN_SCALAR_LEN], uint8_t point[IN_POINT_LEN])
{
    BIGNUM *d = NULL;
    size_t n = 0;
    bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
                BN_bn2binpad(d, scalar, IN_SCALAR_LEN) == IN_SCALAR_LEN &&
                EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, IN_POINT_LEN,
                                                &n) == 1 &&
                n == IN_POINT_LEN && point[0] == 0x04;

    BN_clear_free(d);
    return good;
}

static EVP_PKEY *key_from_parts(const uint8_t scalar[IN_SCALAR_LEN],
                                const uint8_t point[IN_POINT_LEN])
{
    BIGNUM *d = BN_secure_new();
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;

    if (d != NULL && bld != NULL && ctx != NULL && BN_bin2bn(scalar, IN_SCALAR_LEN, d) != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, IN_POINT_LEN) == 1 &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d) == 1)
        params = OSSL_PARAM_BLD_to_param(bld);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(d);
    return key;
}

EVP_PKEY *in_key(struct mm_integrity *in)
{
    uint8_t scalar[IN_SCALAR_LEN];
    size_t len;
    const uint8_t *rec = in_rec(in, IN_REC_ATTESTATION_KEY, &len);

    if (in->key != NULL || rec == NULL || len <= IN_POINT_LEN)
        return in->key;
    len -= IN_POINT_LEN;
    if (in_unseal(in, IN_REC_ATTESTATION_KEY, rec, len, scalar, sizeof(scalar)) == MM_OK)
        in->key = key_from_parts(scalar, rec + len);
    OPENSSL_cleanse(scalar, sizeof(scalar));
    return in->key;
}

static enum mm_status possession(const struct mm_integrity *in, EVP_PKEY *key,
                                 const uint8_t point[IN_POINT_LEN], struct mm_buf *out)
{
    uint8_t message[sizeof(ENROL_LABEL) - 1 + IN_CHIP_ID_LEN + IN_POINT_LEN], sig[80];
    size_t sig_len = sizeof(sig);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    enum mm_status st = MM_CRYPTO;

    memcpy(message, ENROL_LABEL, sizeof(ENROL_LABEL) - 1);
    memcpy(message + sizeof(ENROL_LABEL) - 1, in->cfg.chip_id, IN_CHIP_ID_LEN);
    memcpy(message + sizeof(message) - IN_POINT_LEN, point, IN_POINT_LEN);
    if (ctx != NULL && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(ctx, sig, &sig_len, message, sizeof(message)) == 1) {
        mm_buf_bytes(out, point, IN_POINT_LEN);
        mm_buf_bytes(out, sig, sig_len);
        st = out->bad ? MM_NO_MEMORY : MM_OK;
    }
    EVP_MD_CTX_free(ctx);
    return st;
}

static enum mm_status key_store(struct mm_integrity *in, const struct mm_buf *rec)
{
    bool mine;
    enum mm_status st = in_tx_begin(in, &mine);

    if (st != MM_OK)
        return st;
    st = in_rec_put(in, IN_REC_ATTESTATION_KEY, rec->data, rec->len);
    /* The certificate of a former key certifies nothing any more. */
    if (st == MM_OK && in_rec(in, IN_REC_ATTESTATION_CERT, NULL) != NULL)
        st = mm_rec_delete(in->cfg.nvm, IN_REC_ATTESTATION_CERT);
    if (st == MM_OK)
        st = mm_integrity_event(in, MM_EVENT_ENROL, NULL);
    return in_tx_end(in, mine, st);
}

uint16_t in_key_generate(struct mm_integrity *in, struct mm_buf *out)
{
    uint8_t scalar[IN_SCALAR_LEN], point[IN_POINT_LEN];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct mm_buf rec;
    enum mm_status st = MM_CRYPTO;

    mm_buf_init(&rec);
    if (key != NULL && key_parts(key, scalar, point))
        st = in_seal(in, IN_REC_ATTESTATION_KEY, scalar, sizeof(scalar), &rec);
    OPENSSL_cleanse(scalar, sizeof(scalar));
    if (st == MM_OK) {
        mm_buf_bytes(&rec, point, sizeof(point));
        st = rec.bad ? MM_NO_MEMORY : key_store(in, &rec);
    }
    if (st == MM_OK) {
        EVP_PKEY_free(in->key);
        in->key = key;
        key = NULL;
        st = possession(in, in->key, point, out);
    }
    EVP_PKEY_free(key);
    mm_buf_clear(&rec);
    return in_store_sw(st);
}

/* ---- Certificates ---- */

static mm_key cert_record(uint8_t p1)
{
    static const mm_key records[] = {IN_REC_ATTESTATION_CERT, IN_REC_UPDATE_CERT, IN_REC_ROOT_CERT};

    return p1 < sizeof(records) / sizeof(records[0]) ? records[p1] : 0;
}

/* DER, whole, and for the attestation certificate of our own key. */
static bool cert_fits(struct mm_integrity *in, mm_key record, const struct mm_buf *der)
{
    const uint8_t *p = der->data;
    X509 *cert = d2i_X509(NULL, &p, (long)der->len);
    bool good = cert != NULL && p == der->data + der->len;

    if (good && record == IN_REC_ATTESTATION_CERT)
        good = in_key(in) != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert), in_key(in)) == 1;
    X509_free(cert);
    ERR_clear_error();
    return good;
}

uint16_t in_cert_put(struct mm_integrity *in, uint8_t p1, uint8_t p2, const uint8_t *data,
                     size_t len)
{
    mm_key record = cert_record(p1);
    enum mm_status st;
    bool mine;

    if (record == 0)
        return MM_SW_6A86_INCORRECT_P1P2;
    st = in_blocks_add(&in->cert, p1, p2, data, len, IN_CERT_MAX);
    if (st == MM_STATE)
        return MM_SW_9000_NO_ERROR;
    if (st != MM_OK)
        return st == MM_MALFORMED ? MM_SW_6A80_WRONG_DATA : MM_SW_6581_MEMORY_FAILURE;
    if (!cert_fits(in, record, &in->cert.data)) {
        in_blocks_drop(&in->cert);
        return MM_SW_6A80_WRONG_DATA;
    }
    st = in_tx_begin(in, &mine);
    if (st == MM_OK) {
        st = in_rec_put(in, record, in->cert.data.data, in->cert.data.len);
        if (st == MM_OK)
            st = mm_integrity_event(in, MM_EVENT_CERTIFY, NULL);
        st = in_tx_end(in, mine, st);
    }
    in_blocks_drop(&in->cert);
    return in_store_sw(st);
}
