/*
 * What a card may say of itself. First byte: 0 ATR, 1 production data, 2 recognition data, 3
 * capabilities, 4 resources, 5 key information, 6 and 7 the older form of the registry, 8 the answer to
 * SELECT, 9 a confirmation of delegated management, 10 an order it could be for.
 */
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/card_info.h"
#include "host_client/gp/gp.h"
#include "host_client/gp/receipt.h"

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

static void try_select(const uint8_t *data, size_t size)
{
    struct mm_aid aid = {5, {0xf0}};

    mm_gp_selected_aid(data, size, &aid);
    must(aid.len >= MM_AID_MIN && aid.len <= MM_AID_MAX);
}

static void is_inside(const struct mm_gp_part *part, const uint8_t *data, size_t size)
{
    must(part->data == NULL ||
         (part->data >= data && part->len <= size && part->data + part->len <= data + size));
}

/* Every part lies in the answer, and no bytes of a fuzzer are this key's receipt. */
static void try_confirmation(const uint8_t *data, size_t size)
{
    struct mm_gp_secret *key = NULL;
    struct mm_gp_confirmation c;
    struct mm_buf context;

    if (mm_gp_confirmation_read(data, size, &c, NULL) != MM_OK)
        return;
    is_inside(&c.receipt, data, size);
    is_inside(&c.data, data, size);
    is_inside(&c.card, data, size);
    is_inside(&c.token_id, data, size);
    is_inside(&c.token_digest, data, size);
    must(c.receipt.len > 0 && c.data.len >= 4);
    mm_buf_init(&context);
    must(mm_gp_secret_open("hex:000102030405060708090A0B0C0D0E0F", NULL, &key, NULL) == MM_OK);
    must(mm_gp_receipt_check(&c, &context, key, NULL) != MM_OK);
    mm_gp_secret_free(&key);
}

static void try_order(const uint8_t *data, size_t size)
{
    struct mm_gp_orders orders = {.domain = {5, {0xf0}}};
    struct mm_buf context;

    mm_buf_init(&context);
    if (mm_gp_orders_follow(&orders, data, size, &context))
        must(!context.bad && context.len > 0 && context.len <= size + 3 * (MM_AID_MAX + 1));
    mm_buf_clear(&context);
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
    which = data[0] % 11; /* malformed is a status like any other here */
    if (which < sizeof(describe) / sizeof(describe[0]))
        (void)!describe[which](data + 1, size - 1, fact_is_sound, NULL, &err);
    else if (which == 5)
        (void)!mm_gp_parse_key_info(data + 1, size - 1, key_is_sound, NULL, &err);
    else if (which == 8)
        try_select(data + 1, size - 1);
    else if (which == 9)
        try_confirmation(data + 1, size - 1);
    else if (which == 10)
        try_order(data + 1, size - 1);
    else
        (void)!mm_gp_parse_old_status(MM_GP_PACKAGE, which == 7, data + 1, size - 1, entry_is_sound,
                                      NULL, &err);
    (void)mm_gp_recognised_scps(data + 1, size - 1);
    return 0;
}
