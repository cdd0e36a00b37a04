/* The payment client's journal and counters from a file of any bytes: what is accepted writes back to
 * the same entry, and a counter file that is accepted knows no lower counter than it holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_client/pay/journal.h"

static int put_in_memory(const uint8_t *data, size_t size, char path[64])
{
    int fd = memfd_create("journal", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort(); /* no memory to test in */
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t chip[16];
    struct mm_pending once, twice;
    char path[64], copy[] = "/tmp/mm-fuzz-journal.XXXXXX";
    int fd = put_in_memory(data, size, path), copy_fd;

    if (mm_pending_load(path, &once, NULL) == MM_OK && once.type != 0) {
        copy_fd = mkstemp(copy);
        if (copy_fd < 0 || mm_pending_save(copy, &once, NULL) != MM_OK ||
            mm_pending_load(copy, &twice, NULL) != MM_OK ||
            memcmp(&once, &twice, sizeof(once)) != 0)
            __builtin_trap();
        unlink(copy);
        close(copy_fd);
    }
    if (mm_counter_check(path, chip, 5, false, NULL) == MM_ROLLBACK &&
        mm_counter_check(path, chip, 4, false, NULL) != MM_ROLLBACK)
        __builtin_trap();
    close(fd);
    return 0;
}
