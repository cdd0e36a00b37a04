/*
 * The global PIN (GPCS 2.3.1, 8.2; org.globalplatform.CVM): one for all applications, managed by who
 * holds the CVM Management privilege. Tries are counted in the image before the comparison, so neither
 * reset nor power cut gives one for nothing.
 *
 * Record: 0 limit, 0 none was set  1 tries left  2 value was set  3 zero  4..19 value, encrypted under a
 * key of this chip: kind, length, value. What was given in ASCII or BCD is digits and equal in both.
 */
#include "applet_vm/card/card_int.h"

#include <string.h>

#include <openssl/crypto.h>

#define RECORD_LEN 20
#define AT_LIMIT   0
#define AT_TRIES   1
#define AT_SET     2
#define AT_VALUE   4
#define BLOCK      16
#define VALUE_MAX  (BLOCK - 2)

enum { FORMAT_ASCII = 1, FORMAT_BCD = 2, FORMAT_HEX = 3 };

static const uint8_t *record_of(const struct mm_card *card)
{
    size_t len = 0;
    const uint8_t *record = mm_rec_data(card->nvm, MM_KEY_GLOBAL_PIN, &len);

    return len == RECORD_LEN ? record : NULL;
}

static bool manages(const struct mm_card *card, mm_comp owner)
{
    return owner != 0 && mm_domain_may(card, owner, MM_PRIV_CVM_MANAGEMENT);
}

/* ---- Values: kind, length, bytes, one block ---- */
static bool put_digit(uint8_t block[BLOCK], uint8_t digit)
{
    if (digit > 9 || block[1] == VALUE_MAX)
        return false;
    block[2 + block[1]++] = digit;
    return true;
}

/* BCD may end with a half byte F. */
static bool read_digits(const uint8_t *data, size_t len, uint8_t format, uint8_t block[BLOCK])
{
    for (size_t i = 0; i < len; i++) {
        bool last = i + 1 == len;
        if (format == FORMAT_ASCII) {
            if (data[i] < '0' || !put_digit(block, (uint8_t)(data[i] - '0')))
                return false;
            continue;
        }
        if (!put_digit(block, data[i] >> 4))
            return false;
        if (!(last && (data[i] & 0x0f) == 0x0f) && !put_digit(block, data[i] & 0x0f))
            return false;
    }
    return true;
}

static bool read_value(const uint8_t *data, size_t len, uint8_t format, uint8_t block[BLOCK])
{
    memset(block, 0, BLOCK);
    block[0] = format == FORMAT_HEX ? FORMAT_HEX : FORMAT_ASCII;
    if (len == 0 || len > VALUE_MAX || format < FORMAT_ASCII || format > FORMAT_HEX)
        return false;
    if (format != FORMAT_HEX)
        return read_digits(data, len, format, block);
    block[1] = (uint8_t)len;
    memcpy(block + 2, data, len);
    return true;
}

static enum mm_status crypt_value(const struct mm_card *card, bool encrypt, const uint8_t *in,
                                  uint8_t out[BLOCK])
{
    uint8_t key[32];
    enum mm_status st = mm_nvm_derive(card->nvm, "global pin", key);

    if (st == MM_OK)
        st = mm_scp_cbc(key, sizeof(key), NULL, encrypt, in, BLOCK, out);
    OPENSSL_cleanse(key, sizeof(key));
    return st;
}

/* ---- State ---- */
void mm_cvm_get(void *ctx, struct mm_gp_cvm *out)
{
    const struct mm_card *card = ctx;
    const uint8_t *record = record_of(card);

    memset(out, 0, sizeof(*out));
    if (record == NULL || record[AT_LIMIT] == 0 || record[AT_SET] == 0)
        return;
    out->active = true;
    out->tries = record[AT_TRIES];
    out->blocked = out->tries == 0;
    out->submitted = card->cvm_submitted;
    out->verified = card->cvm_verified && !out->blocked;
}

static enum mm_status make_record(struct mm_card *card)
{
    return record_of(card) != NULL ? MM_OK
                                   : mm_rec_new(card->nvm, MM_KEY_GLOBAL_PIN, 0, RECORD_LEN);
}

static enum mm_status put(struct mm_card *card, size_t at, uint8_t value)
{
    return mm_rec_write_now(card->nvm, MM_KEY_GLOBAL_PIN, at, &value, 1);
}

bool mm_cvm_update(void *ctx, mm_comp owner, const uint8_t *data, size_t len, uint8_t format)
{
    struct mm_card *card = ctx;
    uint8_t fresh[RECORD_LEN] = {0}, block[BLOCK];
    enum mm_status st;

    if (!manages(card, owner) || !read_value(data, len, format, block))
        return false;
    st = make_record(card);
    if (st == MM_OK) {
        fresh[AT_LIMIT] = fresh[AT_TRIES] = record_of(card)[AT_LIMIT];
        fresh[AT_SET] = 1;
        st = crypt_value(card, true, block, fresh + AT_VALUE);
    }
    if (st == MM_OK)
        st = mm_rec_write(card->nvm, MM_KEY_GLOBAL_PIN, 0, fresh, sizeof(fresh));
    OPENSSL_cleanse(block, sizeof(block));
    card->cvm_submitted = card->cvm_verified = false;
    return st == MM_OK;
}

bool mm_cvm_set_limit(void *ctx, mm_comp owner, uint8_t limit)
{
    struct mm_card *card = ctx;
    uint8_t both[2] = {limit, limit};

    if (!manages(card, owner) || limit == 0 || limit > 0x7f || make_record(card) != MM_OK)
        return false;
    card->cvm_submitted = card->cvm_verified = false;
    return mm_rec_write(card->nvm, MM_KEY_GLOBAL_PIN, AT_LIMIT, both, sizeof(both)) == MM_OK;
}

bool mm_cvm_block(void *ctx, mm_comp owner)
{
    struct mm_card *card = ctx;

    if (!manages(card, owner) || record_of(card) == NULL)
        return false;
    card->cvm_submitted = card->cvm_verified = false;
    return put(card, AT_TRIES, 0) == MM_OK;
}

bool mm_cvm_reset(void *ctx, mm_comp owner, bool unblock)
{
    struct mm_card *card = ctx;
    const uint8_t *record = record_of(card);

    if (record == NULL || record[AT_LIMIT] == 0 || (unblock && !manages(card, owner)) ||
        (!unblock && record[AT_TRIES] == 0))
        return false;
    card->cvm_submitted = card->cvm_verified = false;
    return !unblock || put(card, AT_TRIES, record[AT_LIMIT]) == MM_OK;
}

bool mm_cvm_verify(void *ctx, const uint8_t *data, size_t len, uint8_t format)
{
    struct mm_card *card = ctx;
    const uint8_t *record = record_of(card);
    uint8_t given[BLOCK], value[BLOCK];
    bool good;

    if (record == NULL || record[AT_SET] == 0 || record[AT_TRIES] == 0)
        return false;
    card->cvm_submitted = true;
    card->cvm_verified = false;
    if (put(card, AT_TRIES, (uint8_t)(record[AT_TRIES] - 1)) != MM_OK)
        return false;
    good = read_value(data, len, format, given);
    good = crypt_value(card, false, record + AT_VALUE, value) == MM_OK && good;
    good = CRYPTO_memcmp(given, value, BLOCK) == 0 && good;
    if (good)
        good = put(card, AT_TRIES, record[AT_LIMIT]) == MM_OK;
    OPENSSL_cleanse(given, sizeof(given));
    OPENSSL_cleanse(value, sizeof(value));
    card->cvm_verified = good;
    return good;
}
