/*
 * What a card may answer to mintmark-gp. First byte: 0 registry, 1 INITIALIZE UPDATE response, 2 a
 * wrapped response, 3 a command to be wrapped.
 */
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/gp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
    if (!right)
        abort();
}

static void entry_is_sound(void *ctx, const struct mm_gp_item *entry)
{
    (void)ctx;
    must(entry->aid.len >= MM_AID_MIN && entry->aid.len <= MM_AID_MAX);
    must(entry->module_n <= sizeof(entry->modules) / sizeof(entry->modules[0]));
}

/* No bytes of a fuzzer are a right cryptogram: the session must not open. */
static void try_authenticate(const uint8_t *data, size_t size)
{
    static const uint8_t challenge[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct mm_gp_channel s;
    struct mm_buf out;

    mm_buf_init(&out);
    must(mm_gp_channel_begin(&s, &mm_scp_test_keys, 0, challenge, 8, &out) == MM_OK);
    if (mm_gp_channel_authenticate(&s, data, size, 0x33, &out, NULL) != MM_OK)
        must(s.open == 0);
    mm_buf_clear(&out);
}

static void try_unwrap(const uint8_t *data, size_t size)
{
    struct mm_gp_channel s = {.scp = {.protocol = 3, .key_len = 16, .level = 0x33, .counter = 1},
                              .open = 1};
    struct mm_buf resp;

    mm_buf_init(&resp);
    mm_buf_bytes(&resp, data, size);
    if (mm_gp_channel_unwrap(&s, &resp, NULL) == MM_OK)
        must(resp.len >= 2 && resp.len <= size);
    mm_buf_clear(&resp);
}

static void try_wrap(const uint8_t *data, size_t size)
{
    struct mm_gp_channel s = {.scp = {.protocol = 3, .key_len = 16, .level = 0x33}, .open = 1};
    struct mm_buf out;

    mm_buf_init(&out);
    if (mm_gp_channel_wrap(&s, data, size, &out, NULL) == MM_OK)
        must(out.len >= 4 + 1 + 8 && (out.data[0] & 0x24) != 0 && s.scp.counter == 1);
    else
        must(out.len == 0 && s.scp.counter == 0);
    mm_buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_err err;

    if (size == 0)
        return 0;
    switch (data[0] & 3) {
    case 0: /* malformed is a status like any other here */
        (void)!mm_gp_parse_status(MM_GP_PACKAGE, data + 1, size - 1, entry_is_sound, NULL, &err);
        break;
    case 1:
        try_authenticate(data + 1, size - 1);
        break;
    case 2:
        try_unwrap(data + 1, size - 1);
        break;
    default:
        try_wrap(data + 1, size - 1);
        break;
    }
    return 0;
}
