#include "host_client/trust/trust.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

static FILE *open_pem(const char *path, enum mm_status *st, struct mm_err *err)
{
    FILE *f = fopen(path, "re");

    *st = MM_OK;
    if (f == NULL)
        *st = mm_fail(err, errno == ENOENT ? MM_NOT_FOUND : MM_IO, SIZE_MAX, "%s: %s", path,
                      strerror(errno));
    return f;
}

enum mm_status mm_cert_load(const char *path, X509 **out, struct mm_err *err)
{
    enum mm_status st;
    FILE *f = open_pem(path, &st, err);

    *out = NULL;
    if (f == NULL)
        return st;
    *out = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    ERR_clear_error();
    return *out != NULL
               ? MM_OK
               : mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: expected a PEM certificate", path);
}

/* An encrypted key is refused: a daemon has nobody to ask. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
    (void)buf;
    (void)size;
    (void)rw;
    (void)ctx;
    return -1;
}

enum mm_status mm_key_load(const char *path, EVP_PKEY **out, struct mm_err *err)
{
    enum mm_status st;
    FILE *f = open_pem(path, &st, err);

    *out = NULL;
    if (f == NULL)
        return st;
    *out = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
    fclose(f);
    ERR_clear_error();
    return *out != NULL ? MM_OK
                        : mm_fail(err, MM_MALFORMED, SIZE_MAX,
                                  "%s: expected a PEM private key without passphrase", path);
}

enum mm_status mm_cert_pin(X509 *cert, uint8_t pin[MM_DIGEST_LEN])
{
    enum mm_status st = MM_CRYPTO;
    uint8_t *spki = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);

    memset(pin, 0, MM_DIGEST_LEN);
    if (len > 0 && EVP_Digest(spki, (size_t)len, pin, NULL, EVP_sha256(), NULL) == 1)
        st = MM_OK;
    OPENSSL_free(spki);
    return st;
}
