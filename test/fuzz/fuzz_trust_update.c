/* Update objects and release.pem from any bytes: none verifies that was not signed; a content that was comes
 * back byte for byte; a file that is accepted writes back to the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/ec.h>

#include "host_client/trust/trust.h"

static EVP_PKEY *key;
static X509 *release;

static void need(bool good)
{
    if (!good)
        abort();
}

static void fuzz_object(const uint8_t *data, size_t size)
{
    struct mm_update update;
    struct mm_buf object;
    X509 *cert = NULL;

    need(mm_update_verify(data, size, release, MM_UPDATE_PLATFORM, &update, NULL) != MM_OK);
    if (size == 0)
        return;
    mm_buf_init(&object);
    need(mm_update_sign(MM_UPDATE_PLATFORM, 9, data, size, key, &object) == MM_OK);
    if (mm_update_verify(object.data, object.len, release, MM_UPDATE_PLATFORM, &update, NULL) ==
        MM_OK) {
        need(update.version == 9 && update.content_len == size &&
             memcmp(update.content, data, size) == 0);
        need((mm_update_cert(&update, &cert, NULL) == MM_OK) == (cert != NULL));
        X509_free(cert);
        mm_update_clear(&update);
    }
    mm_buf_clear(&object);
}

static void fuzz_file(const uint8_t *data, size_t size)
{
    X509 *one, *before, *again, *again_before;
    uint32_t version, again_version;
    char path[64], copy[] = "/tmp/mm-fuzz-release.XXXXXX";
    int fd = memfd_create("release", MFD_CLOEXEC), copy_fd;

    need(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (mm_release_read(path, &one, &before, &version, NULL) == MM_OK) {
        copy_fd = mkstemp(copy);
        need(copy_fd >= 0 && mm_release_write(copy, one, before, version, NULL) == MM_OK);
        need(mm_release_read(copy, &again, &again_before, &again_version, NULL) == MM_OK);
        need(version == again_version && X509_cmp(one, again) == 0 &&
             (before == NULL) == (again_before == NULL));
        unlink(copy);
        close(copy_fd);
        X509_free(one);
        X509_free(before);
        X509_free(again);
        X509_free(again_before);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (key == NULL) {
        key = EVP_EC_gen("P-256");
        release = X509_new();
        X509_set_pubkey(release, key);
    }
    fuzz_object(data, size);
    fuzz_file(data, size);
    return 0;
}
