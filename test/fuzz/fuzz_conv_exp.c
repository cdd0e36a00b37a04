/* Export files: what is accepted and written once reads and writes the same from then on. */
#include "converter/conv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *once = NULL, *twice = NULL;
    size_t once_len, twice_len;

    if (mm_conv_export_rewrite(data, size, &once, &once_len, NULL) != MM_OK)
        return 0;
    if (mm_conv_export_rewrite(once, once_len, &twice, &twice_len, NULL) != MM_OK ||
        once_len != twice_len || memcmp(once, twice, once_len) != 0)
        __builtin_trap();
    free(once);
    free(twice);
    return 0;
}
