/* A pin file of any bytes: what is accepted has one to MM_PINS_MAX pins and writes back to the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host_client/net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_pins once, twice;
    char path[64], copy[] = "/tmp/mm-fuzz-pins.XXXXXX";
    int fd = memfd_create("pins", MFD_CLOEXEC), copy_fd;

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort(); /* no memory to test in */
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (mm_pins_read(path, &once, NULL) == MM_OK) {
        copy_fd = mkstemp(copy);
        if (copy_fd < 0 || once.n == 0 || once.n > MM_PINS_MAX ||
            mm_pins_write(copy, &once, NULL) != MM_OK ||
            mm_pins_read(copy, &twice, NULL) != MM_OK || memcmp(&once, &twice, sizeof(once)) != 0)
            __builtin_trap();
        unlink(copy);
        close(copy_fd);
    }
    close(fd);
    return 0;
}
