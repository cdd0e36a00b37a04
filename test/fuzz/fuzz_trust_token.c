/*
 * A chip's token. The input is once the whole token, which can never verify, and once the claims of
 * a well-signed one: then it is read without a crash, and what is accepted is consistent.
 */
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "applet_vm/cose/cose.h"
#include "host_client/trust/trust.h"

static EVP_PKEY *key;
static X509 *ca;
static struct mm_buf chain;

static void need(bool good)
{
    if (!good)
        abort();
}

static X509 *cert_make(int nid, const char *value)
{
    X509 *cert = X509_new();
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    X509_add_ext(cert, ext, -1);
    X509_EXTENSION_free(ext);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)"root", -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const uint8_t *)(nid == NID_ext_key_usage ? "chip" : "root"), -1,
                               -1, 0);
    X509_sign(cert, key, EVP_sha256());
    return cert;
}

static void setup(void)
{
    uint8_t *der = NULL;
    X509 *leaf;
    int n;

    key = EVP_EC_gen("P-256");
    ca = cert_make(NID_basic_constraints, "CA:TRUE");
    leaf = cert_make(NID_ext_key_usage, "2.23.133.8.3");
    n = i2d_X509(leaf, &der);
    mm_buf_init(&chain);
    mm_buf_bytes(&chain, der, (size_t)n);
    OPENSSL_free(der);
    X509_free(leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nonce[8] = "12345678";
    struct mm_token token;
    struct mm_buf t;
    struct mm_err err;

    if (key == NULL)
        setup();
    need(mm_token_verify(data, size, ca, nonce, sizeof(nonce), &token, &err) != MM_OK);
    mm_buf_init(&t);
    need(mm_cose_sign(key, data, size, &chain, 1, &t) == MM_OK);
    if (mm_token_verify(t.data, t.len, ca, nonce, sizeof(nonce), &token, &err) == MM_OK) {
        for (size_t i = 0; i < token.component_n; i++) {
            const struct mm_token_component *c = &token.components[i];
            need(mm_token_find(&token, &c->aid) == c && !(token.valid && c->damaged));
        }
        mm_token_clear(&token);
    }
    mm_buf_clear(&t);
    return 0;
}
