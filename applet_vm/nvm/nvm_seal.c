/*
 * The chip-unique key and what is made from it. On a real chip key and counter are fuses that the
 * image cannot carry; here they are a second file, written in place:
 *
 *   "MMFUSE01"  key(32)  counter(8)
 */
#include "applet_vm/nvm/nvm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FUSE_MAGIC       "MMFUSE01"
#define FUSE_MAGIC_LEN   8
#define FUSE_COUNTER_OFF (FUSE_MAGIC_LEN + NVM_KEY_LEN)
#define FUSE_LEN         (FUSE_COUNTER_OFF + 8)

bool nvm_write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

enum mm_status mm_nvm_derive(const struct mm_nvm *nvm, const char *label, uint8_t out[32])
{
    enum mm_status st = MM_CRYPTO;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    char digest[] = "SHA256";
    OSSL_PARAM params[4];

    memset(out, 0, 32);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
    params[1] =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)nvm->key, sizeof(nvm->key));
    params[2] =
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)label, strlen(label));
    params[3] = OSSL_PARAM_construct_end();
    if (ctx != NULL && EVP_KDF_derive(ctx, out, 32, params) == 1)
        st = MM_OK;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return st;
}

enum mm_status nvm_seal_init(struct mm_nvm *nvm, struct mm_err *err)
{
    enum mm_status st = MM_CRYPTO;
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    char cipher[] = "AES-128-CBC";
    OSSL_PARAM params[2];
    uint8_t key[32];

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0);
    params[1] = OSSL_PARAM_construct_end();
    nvm->mac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    if (nvm->mac != NULL && mm_nvm_derive(nvm, "mintmark seal", key) == MM_OK &&
        EVP_MAC_init(nvm->mac, key, 16, params) == 1)
        st = MM_OK;
    OPENSSL_cleanse(key, sizeof(key));
    EVP_MAC_free(mac);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "no AES-CMAC in this OpenSSL");
}

enum mm_status nvm_seal_mac(struct mm_nvm *nvm, char label, const struct nvm_piece *pieces,
                            size_t piece_n, uint8_t mac[NVM_MAC_LEN])
{
    size_t len = 0;

    memset(mac, 0, NVM_MAC_LEN);
    /* Keyed once; a start without a key only resets (EVP_MAC(3), CMAC). */
    if (EVP_MAC_init(nvm->mac, NULL, 0, NULL) != 1 ||
        EVP_MAC_update(nvm->mac, (const uint8_t *)&label, 1) != 1)
        return MM_CRYPTO;
    for (size_t i = 0; i < piece_n; i++) {
        if (pieces[i].len > 0 && EVP_MAC_update(nvm->mac, pieces[i].data, pieces[i].len) != 1)
            return MM_CRYPTO;
    }
    if (EVP_MAC_final(nvm->mac, mac, &len, NVM_MAC_LEN) != 1 || len != NVM_MAC_LEN)
        return MM_CRYPTO;
    return MM_OK;
}

/* ---- Fuse file ---- */

static enum mm_status fuse_path(const struct mm_nvm *nvm, char path[PATH_MAX], struct mm_err *err)
{
    if (snprintf(path, PATH_MAX, "%s.fuse", nvm->path) >= PATH_MAX)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: path too long", nvm->path);
    return MM_OK;
}

static enum mm_status fuse_lock(struct mm_nvm *nvm, const char *path, int flags, struct mm_err *err)
{
    nvm->fuse_fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);
    if (nvm->fuse_fd < 0)
        return mm_fail(err, errno == ENOENT ? MM_NOT_FOUND : MM_IO, SIZE_MAX, "%s: %s", path,
                       strerror(errno));
    if (flock(nvm->fuse_fd, LOCK_EX | LOCK_NB) != 0)
        return mm_fail(err, MM_BUSY, SIZE_MAX, "%s: in use by another process", path);
    return MM_OK;
}

enum mm_status nvm_fuse_create(struct mm_nvm *nvm, struct mm_err *err)
{
    char path[PATH_MAX];
    uint8_t fuse[FUSE_LEN];
    enum mm_status st;

    if (RAND_bytes(nvm->key, sizeof(nvm->key)) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
    nvm->fuse = nvm->counter;
    if (nvm->path == NULL)
        return MM_OK;
    if (access(nvm->path, F_OK) == 0)
        return mm_fail(err, MM_EXISTS, SIZE_MAX, "%s: already there", nvm->path);
    st = fuse_path(nvm, path, err);
    if (st == MM_OK)
        st = fuse_lock(nvm, path, O_CREAT, err);
    if (st != MM_OK)
        return st;
    memcpy(fuse, FUSE_MAGIC, FUSE_MAGIC_LEN);
    memcpy(fuse + FUSE_MAGIC_LEN, nvm->key, NVM_KEY_LEN);
    mm_put_be64(fuse + FUSE_COUNTER_OFF, nvm->fuse);
    if (ftruncate(nvm->fuse_fd, 0) != 0 || !nvm_write_all(nvm->fuse_fd, fuse, sizeof(fuse)))
        st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    OPENSSL_cleanse(fuse, sizeof(fuse));
    return st;
}

enum mm_status nvm_fuse_open(struct mm_nvm *nvm, struct mm_err *err)
{
    char path[PATH_MAX];
    uint8_t fuse[FUSE_LEN];
    enum mm_status st = fuse_path(nvm, path, err);

    if (st == MM_OK)
        st = fuse_lock(nvm, path, 0, err);
    if (st != MM_OK)
        return st;
    if (pread(nvm->fuse_fd, fuse, sizeof(fuse), 0) != (ssize_t)sizeof(fuse) ||
        memcmp(fuse, FUSE_MAGIC, FUSE_MAGIC_LEN) != 0)
        return mm_fail(err, MM_MALFORMED, SIZE_MAX, "%s: not a fuse file of %d bytes", path,
                       FUSE_LEN);
    memcpy(nvm->key, fuse + FUSE_MAGIC_LEN, NVM_KEY_LEN);
    nvm->fuse = mm_be64(fuse + FUSE_COUNTER_OFF);
    OPENSSL_cleanse(fuse, sizeof(fuse));
    return MM_OK;
}

enum mm_status nvm_fuse_set(struct mm_nvm *nvm, uint64_t counter)
{
    uint8_t value[8];

    mm_put_be64(value, counter);
    if (pwrite(nvm->fuse_fd, value, sizeof(value), FUSE_COUNTER_OFF) != (ssize_t)sizeof(value))
        return MM_IO;
    if (nvm->cfg.durability == MM_DURABLE_POWER && fdatasync(nvm->fuse_fd) != 0)
        return MM_IO;
    nvm->fuse = counter;
    return MM_OK;
}
