/* Any bytes as a Load File Data Block. What is accepted holds the promises of cap.h. */
#include "applet_vm/cap/cap.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_methods(const struct mm_cap *cap)
{
    const struct mm_cap_component *c = mm_cap_component(cap, MM_CAP_METHOD);

    for (size_t i = 0; i < mm_cap_method_n(cap); i++) {
        const struct mm_cap_method *m = mm_cap_method(cap, i);
        size_t off = m->code_off, end = off + m->code_len;
        require(end <= c->len);
        while (off < end) {
            size_t len = mm_op_len(c->info, end, off);
            require(len != 0);
            off += len;
        }
        require(off == end);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_cap *cap = NULL;
    struct mm_err err = {0};
    size_t len = 0;

    if (mm_cap_read(data, size, &cap, &err) != MM_OK) {
        require(cap == NULL && err.text[0] != '\0');
        return 0;
    }
    require(memcmp(mm_cap_lfdb(cap, &len), data, size) == 0 && len == size);
    check_methods(cap);
    mm_cap_free(&cap);
    return 0;
}
