/* A payment client to be measured that an enemy has written: refused or measured, never a crash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/trust/trust.h"

static char path[] = "/tmp/mm-fuzz-program-XXXXXX";

static void cleanup(void)
{
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t zero[MM_DIGEST_LEN];
    static FILE *f;
    uint8_t digest[MM_DIGEST_LEN];
    struct mm_err err;
    enum mm_status st;

    if (f == NULL) {
        int fd = mkstemp(path);
        f = fd >= 0 ? fdopen(fd, "r+b") : NULL;
        if (f == NULL)
            abort(); /* the scratch folder, not the input */
        atexit(cleanup);
    }
    rewind(f);
    if (ftruncate(fileno(f), 0) != 0 || fwrite(data, 1, size, f) != size || fflush(f) != 0)
        abort();
    st = mm_measure_program(path, digest, &err);
    if ((st == MM_OK) == (memcmp(digest, zero, sizeof(zero)) == 0))
        abort();
    return 0;
}
