/* Hashes, DAP signatures and tokens (GPCS 2.3.1, annexes B and C). */
#include "host_client/gp/sign.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host_client/gp/keysource.h"

#define KEY_FILE_MAX   16384
#define RSA_SHORT_BITS 1024
#define SIGNATURE_MAX  1024

/* ---- Hashes ---- */

static const struct {
    const char *name, *digest;
} hashes[] = {{"", ""},
              {"sha1", "SHA1"},
              {"sha256", "SHA2-256"},
              {"sha384", "SHA2-384"},
              {"sha512", "SHA2-512"}};

enum mm_status mm_gp_hash_read(const char *text, enum mm_gp_hash *out, struct mm_err *err)
{
    for (size_t i = 1; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
        if (strcmp(hashes[i].name, text) == 0) {
            *out = (enum mm_gp_hash)i;
            return MM_OK;
        }
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "\"%s\": expected sha1, sha256, sha384 or sha512",
                   text);
}

enum mm_status mm_gp_hash_package(const struct mm_cap *cap, enum mm_gp_hash hash,
                                  uint8_t out[MM_GP_HASH_MAX], size_t *len, struct mm_err *err)
{
    size_t lfdb_len;
    const uint8_t *lfdb = mm_cap_lfdb(cap, &lfdb_len);

    *len = 0;
    if (hash < MM_GP_HASH_SHA1 || hash > MM_GP_HASH_SHA512 ||
        EVP_Q_digest(NULL, hashes[hash].digest, NULL, lfdb, lfdb_len, out, len) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "load file hash failed");
    return MM_OK;
}

/* ---- Keys ---- */

struct mm_gp_signing_key {
    EVP_PKEY *pkey; /* NULL: the AES key */
    uint8_t aes[MM_GP_KEY_MAX];
    size_t aes_len;
    enum mm_gp_rsa_scheme scheme;
};

enum mm_status mm_gp_read_private(const char *path, size_t max, uint8_t **data, size_t *data_len,
                                  struct mm_err *err)
{
    struct stat info;
    uint8_t *read = NULL;
    enum mm_status st;

    *data = NULL;
    *data_len = 0;
    if (stat(path, &info) == 0 && (info.st_mode & 077) != 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: others may read it; chmod 600 it first", path);
    st = mm_file_read(path, max, &read, data_len, err);
    if (st != MM_OK)
        return st;
    *data = malloc(*data_len + 1);
    if (*data != NULL) {
        memcpy(*data, read, *data_len);
        (*data)[*data_len] = 0;
    } else {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    OPENSSL_cleanse(read, *data_len);
    free(read);
    return st;
}

static bool is_pem(const uint8_t *data)
{
    return strstr((const char *)data, "-----BEGIN") != NULL;
}

static enum mm_status take_key(const char *path, const uint8_t *data, size_t data_len,
                               struct mm_gp_signing_key *key, struct mm_err *err)
{
    BIO *bio;

    if (!is_pem(data)) {
        key->aes_len = sizeof(key->aes);
        if (mm_unhex((const char *)data, key->aes, &key->aes_len) == MM_OK &&
            (key->aes_len == 16 || key->aes_len == 24 || key->aes_len == 32))
            return MM_OK;
        return mm_fail(err, MM_MALFORMED, SIZE_MAX,
                       "%s: expected a private key in PEM form, or an AES key in hex", path);
    }
    bio = BIO_new_mem_buf(data, (int)data_len);
    key->pkey = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (key->pkey == NULL || (!EVP_PKEY_is_a(key->pkey, "RSA") && !EVP_PKEY_is_a(key->pkey, "EC")))
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: expected an RSA or EC private key", path);
    return MM_OK;
}

enum mm_status mm_gp_signing_key_read(const char *path, enum mm_gp_rsa_scheme scheme,
                                      struct mm_gp_signing_key **out, struct mm_err *err)
{
    struct mm_gp_signing_key *key = calloc(1, sizeof(*key));
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st;

    *out = NULL;
    if (key == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    key->scheme = scheme;
    st = mm_gp_read_private(path, KEY_FILE_MAX, &data, &len, err);
    if (st == MM_OK)
        st = take_key(path, data, len, key, err);
    if (data != NULL)
        OPENSSL_cleanse(data, len);
    free(data);
    if (st == MM_OK)
        *out = key;
    else
        mm_gp_signing_key_free(&key);
    return st;
}

void mm_gp_signing_key_free(struct mm_gp_signing_key **key)
{
    struct mm_gp_signing_key *k = *key;

    *key = NULL;
    if (k == NULL)
        return;
    EVP_PKEY_free(k->pkey);
    OPENSSL_cleanse(k, sizeof(*k));
    free(k);
}

/* ---- Signatures ---- */

/* Digest, and for RSA the padding, of a key's scheme. */
static bool set_scheme(const struct mm_gp_signing_key *key, EVP_PKEY_CTX *ctx)
{
    bool pkcs1 = key->scheme == MM_GP_RSA_PKCS1 || (key->scheme == MM_GP_RSA_BY_LENGTH &&
                                                    EVP_PKEY_get_bits(key->pkey) <= RSA_SHORT_BITS);

    if (!EVP_PKEY_is_a(key->pkey, "RSA"))
        return true;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, pkcs1 ? RSA_PKCS1_PADDING : RSA_PKCS1_PSS_PADDING) ==
               1 &&
           (pkcs1 || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static const char *digest_of(const struct mm_gp_signing_key *key)
{
    int bits = EVP_PKEY_get_bits(key->pkey);

    if (EVP_PKEY_is_a(key->pkey, "RSA"))
        return key->scheme == MM_GP_RSA_PKCS1 ||
                       (key->scheme == MM_GP_RSA_BY_LENGTH && bits <= RSA_SHORT_BITS)
                   ? "SHA1"
                   : "SHA2-256";
    if (bits <= 256)
        return "SHA2-256";
    return bits <= 384 ? "SHA2-384" : "SHA2-512";
}

/* ECDSA's DER as r || s, each as long as the field (GPCS 2.3.1, B.4.3). */
static bool put_raw_ecdsa(const EVP_PKEY *pkey, const uint8_t *der, size_t der_len,
                          struct mm_buf *out)
{
    int field = (EVP_PKEY_get_bits(pkey) + 7) / 8;
    const uint8_t *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der_len);
    uint8_t raw[2 * 66];
    bool good = sig != NULL && field <= 66 &&
                BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, field) == field &&
                BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + field, field) == field;

    if (good)
        mm_buf_bytes(out, raw, 2 * (size_t)field);
    ECDSA_SIG_free(sig);
    return good;
}

void mm_gp_put_plain_signature(const uint8_t *sig, size_t len, struct mm_buf *out)
{
    static const size_t fields[] = {32, 48, 64, 66}; /* of the curves of table B-2 */
    const uint8_t *at = sig;
    ECDSA_SIG *both = len > 0 && sig[0] == 0x30 ? d2i_ECDSA_SIG(NULL, &at, (long)len) : NULL;
    uint8_t raw[2 * 66];

    for (size_t i = 0; both != NULL && at == sig + len && i < 4; i++) {
        int field = (int)fields[i];

        if (BN_bn2binpad(ECDSA_SIG_get0_r(both), raw, field) == field &&
            BN_bn2binpad(ECDSA_SIG_get0_s(both), raw + field, field) == field) {
            mm_buf_bytes(out, raw, 2 * fields[i]);
            ECDSA_SIG_free(both);
            return;
        }
    }
    ECDSA_SIG_free(both);
    ERR_clear_error();
    mm_buf_bytes(out, sig, len);
}

static bool sign_asymmetric(const struct mm_gp_signing_key *key, const uint8_t *data,
                            size_t data_len, struct mm_buf *out)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    uint8_t sig[SIGNATURE_MAX];
    size_t len = sizeof(sig);
    bool good = md != NULL &&
                EVP_DigestSignInit_ex(md, &ctx, digest_of(key), NULL, NULL, key->pkey, NULL) == 1 &&
                set_scheme(key, ctx) && EVP_DigestSign(md, sig, &len, data, data_len) == 1;

    if (good && EVP_PKEY_is_a(key->pkey, "EC"))
        good = put_raw_ecdsa(key->pkey, sig, len, out);
    else if (good)
        mm_buf_bytes(out, sig, len);
    EVP_MD_CTX_free(md);
    return good && !out->bad;
}

enum mm_status mm_gp_sign_with_key(void *ctx, const uint8_t *data, size_t data_len,
                                   struct mm_buf *out, struct mm_err *err)
{
    const struct mm_gp_signing_key *key = ctx;
    uint8_t mac[16];

    if (key->pkey != NULL)
        return sign_asymmetric(key, data, data_len, out)
                   ? MM_OK
                   : mm_fail(err, MM_CRYPTO, SIZE_MAX, "the signature could not be made");
    if (mm_gp_key_cmac(key->aes, key->aes_len, data, data_len, mac) != MM_OK)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "the MAC could not be made");
    mm_buf_bytes(out, mac, sizeof(mac));
    return out->bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory") : MM_OK;
}
