/* A card's keys from master keys and its diversification data. */
#include <openssl/crypto.h>
#include <string.h>

#include "host_client/gp/keysource.h"

#define DES_KEY_LEN 16

/*
 * Triple DES, ECB, of two blocks (EMV CPS 1.1, 5.2, and the same scheme with other bytes):
 *   | part of the diversification data 6 | F0 | identifier | the same 6 | 0F | identifier |
 */
static enum mm_status derive_des(const struct mm_gp_keys *masters, const uint8_t part[6],
                                 enum mm_gp_key_id id, uint8_t *out, struct mm_err *err)
{
    uint8_t blocks[DES_KEY_LEN];
    enum mm_status st = MM_OK;

    memcpy(blocks, part, 6);
    memcpy(blocks + 8, part, 6);
    blocks[6] = 0xf0;
    blocks[14] = 0x0f;
    blocks[7] = blocks[15] = (uint8_t)id;
    for (size_t i = 0; st == MM_OK && i < 2; i++) /* a CBC of one block is ECB */
        st = masters->ops->cbc(masters->ctx, id, blocks + 8 * i, 8, out + 8 * i, err);
    return st;
}

/* KDF3: CMAC over | counter 1 | 00 00 00 identifier | 00 | diversification data | for each block. */
static enum mm_status derive_kdf3(const struct mm_gp_keys *masters, const uint8_t *data,
                                  enum mm_gp_key_id id, uint8_t *out, size_t len,
                                  struct mm_err *err)
{
    uint8_t input[1 + 4 + 1 + MM_GP_DIVERSIFICATION] = {0}, block[16];
    enum mm_status st = MM_OK;

    input[4] = (uint8_t)id;
    memcpy(input + 6, data, MM_GP_DIVERSIFICATION);
    for (size_t off = 0; st == MM_OK && off < len; off += sizeof(block)) {
        input[0]++;
        st = masters->ops->cmac(masters->ctx, id, input, sizeof(input), block, err);
        if (st == MM_OK)
            memcpy(out + off, block, len - off < sizeof(block) ? len - off : sizeof(block));
    }
    OPENSSL_cleanse(block, sizeof(block));
    return st;
}

bool mm_gp_diversify_is_aes(enum mm_gp_diversify how)
{
    return how == MM_GP_DIVERSIFY_KDF3 || how == MM_GP_DIVERSIFY_OURS;
}

enum mm_status mm_gp_diversify_from(enum mm_gp_diversify how, const struct mm_gp_keys *masters,
                                    const uint8_t data[MM_GP_DIVERSIFICATION],
                                    struct mm_gp_keyset *out, struct mm_err *err)
{
    size_t len = masters->ops->key_len(masters->ctx);
    struct mm_gp_keyset set = {.type = MM_GP_KEY_DES, .len = DES_KEY_LEN};
    uint8_t *to[] = {NULL, set.enc, set.mac, set.dek};
    uint8_t part[6];
    enum mm_status st = MM_OK;

    if (mm_gp_diversify_is_aes(how)) {
        set.type = MM_GP_KEY_AES;
        set.len = (uint8_t)len;
    }
    memcpy(part, data + 4, sizeof(part));
    if (how == MM_GP_DIVERSIFY_VISA2) {
        memcpy(part, data, 2);
        memcpy(part + 2, data + 4, 4);
    }
    for (enum mm_gp_key_id id = MM_GP_KEY_ENC; st == MM_OK && id <= MM_GP_KEY_DEK; id++) {
        if (how == MM_GP_DIVERSIFY_KDF3)
            st = derive_kdf3(masters, data, id, to[id], len, err);
        else if (how == MM_GP_DIVERSIFY_OURS)
            st = mm_gp_keys_kdf(masters, id, (uint8_t)id, data, MM_GP_DIVERSIFICATION, to[id], len,
                                err);
        else
            st = derive_des(masters, part, id, to[id], err);
    }
    if (st == MM_OK)
        *out = set;
    else
        mm_err_prefix(err, "key derivation");
    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}

enum mm_status mm_gp_diversify(enum mm_gp_diversify how, const struct mm_gp_keyset *master,
                               const uint8_t data[MM_GP_DIVERSIFICATION], struct mm_gp_keyset *out,
                               struct mm_err *err)
{
    /* The derivation's cipher, not the card's. */
    struct mm_gp_key_card card = {.scp = mm_gp_diversify_is_aes(how) ? 0x03 : 0x02};
    struct mm_gp_keys *keys = NULL;
    enum mm_status st;

    if (how == MM_GP_DIVERSIFY_NONE) {
        *out = *master;
        return MM_OK;
    }
    st = mm_gp_keys_in_memory(master, MM_GP_DIVERSIFY_NONE, &keys, err);
    if (st == MM_OK)
        st = keys->ops->choose(keys->ctx, &card, err);
    if (st == MM_OK)
        st = mm_gp_diversify_from(how, keys, data, out, err);
    mm_gp_keys_free(&keys);
    return st;
}
