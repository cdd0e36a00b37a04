/*
 * What a card may say of itself. First byte: 0 ATR, 1 production data, 2 recognition data, 3
 * capabilities, 4 resources, 5 key information, 6 the older form of the registry.
 */
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/card_info.h"
#include "host_client/gp/gp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
    if (!right)
        abort();
}

static void fact_is_sound(void *ctx, const char *key, const char *name, const char *text)
{
    (void)ctx;
    must(key[0] != '\0' && name[0] != '\0');
    must(strlen(text) <= MM_GP_FACT_TEXT_MAX);
}

static void key_is_sound(void *ctx, const struct mm_gp_key_info *key)
{
    char text[24];

    (void)ctx;
    must(key->part_n <= sizeof(key->parts) / sizeof(key->parts[0]));
    for (size_t i = 0; i < key->part_n; i++)
        must(mm_gp_key_type_text(key->parts[i].type, text)[0] != '\0');
}

static void entry_is_sound(void *ctx, const struct mm_gp_item *entry)
{
    (void)ctx;
    must(entry->aid.len >= MM_AID_MIN && entry->aid.len <= MM_AID_MAX);
    must(entry->module_n <= sizeof(entry->modules) / sizeof(entry->modules[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static enum mm_status (*const describe[])(const uint8_t *data, size_t len, mm_gp_fact fact,
                                              void *ctx, struct mm_err *err) = {
        mm_gp_describe_atr, mm_gp_describe_cplc, mm_gp_describe_recognition,
        mm_gp_describe_capabilities, mm_gp_describe_resources};
    struct mm_err err;
    unsigned which;

    if (size == 0)
        return 0;
    which = data[0] % 8; /* malformed is a status like any other here */
    if (which < sizeof(describe) / sizeof(describe[0]))
        (void)!describe[which](data + 1, size - 1, fact_is_sound, NULL, &err);
    else if (which == 5)
        (void)!mm_gp_parse_key_info(data + 1, size - 1, key_is_sound, NULL, &err);
    else
        (void)!mm_gp_parse_old_status(MM_GP_PACKAGE, which == 7, data + 1, size - 1, entry_is_sound,
                                      NULL, &err);
    (void)mm_gp_recognised_scps(data + 1, size - 1);
    return 0;
}
