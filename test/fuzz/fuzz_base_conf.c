/* Configuration text: what is accepted writes back, as "key = value" lines, to the same settings. */
#include <stdlib.h>
#include <string.h>

#include "applet_vm/base/base.h"

static enum mm_status collect(void *ctx, const char *key, const char *value, unsigned line,
                              struct mm_err *err)
{
    struct mm_buf *buf = ctx;

    (void)line;
    (void)err;
    mm_buf_bytes(buf, key, strlen(key));
    mm_buf_bytes(buf, " = ", 3);
    mm_buf_bytes(buf, value, strlen(value));
    mm_buf_u8(buf, '\n');
    return MM_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_buf once, twice;
    struct mm_err err;

    mm_buf_init(&once);
    mm_buf_init(&twice);
    if (mm_conf_parse((const char *)data, size, collect, &once, &err) == MM_OK && once.len > 0 &&
        mm_conf_parse((const char *)once.data, once.len, collect, &twice, &err) == MM_OK &&
        (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0))
        __builtin_trap();
    mm_buf_clear(&once);
    mm_buf_clear(&twice);
    return 0;
}
