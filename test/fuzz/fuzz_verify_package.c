/*
 * A load file of any kind against the real API, remote classes included: the verifier reads it to the
 * end or names a rule, within its budget. What it accepts with a Descriptor it accepts without, where
 * it knows less; but for calls of an abstract method that nothing implements (members.c).
 */
#include <stdlib.h>
#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same components but Descriptor; the Directory is not compared with it on a card. */
static enum mm_status verify_without(const uint8_t *data, size_t size,
                                     const struct mm_verify_env *env, struct mm_err *err)
{
    struct mm_buf out;
    struct mm_cap *cap = NULL;
    enum mm_status st;

    mm_buf_init(&out);
    for (size_t at = 0; at + 3 <= size; at += 3u + mm_be16(data + at + 1)) {
        if (data[at] != MM_CAP_DESCRIPTOR && at + 3 + mm_be16(data + at + 1) <= size)
            mm_buf_bytes(&out, data + at, 3u + mm_be16(data + at + 1));
    }
    st = out.len > 0 ? mm_cap_read(out.data, out.len, &cap, err) : MM_TRUNCATED;
    if (st == MM_OK)
        st = mm_verify(cap, env, NULL, err);
    mm_cap_free(&cap);
    mm_buf_clear(&out);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mm_verify_env env = {.rom = mm_api_packages()};
    struct mm_verify_stats stats;
    struct mm_err err = {.text = ""};
    struct mm_cap *cap = NULL;

    if (mm_cap_read(data, size, &cap, NULL) != MM_OK)
        return 0;
    if (mm_verify(cap, &env, &stats, NULL) == MM_OK && stats.described &&
        verify_without(data, size, &env, &err) != MM_OK &&
        strstr(err.text, "not known without a Descriptor") == NULL)
        abort();
    mm_cap_free(&cap);
    return 0;
}
