/* A card's keys from master keys and its diversification data. */
#include <openssl/crypto.h>
#include <string.h>

#include "host_client/gp/keysource.h"

#define DES_KEY_LEN 16

/*
 * Triple DES, ECB, of two blocks (EMV CPS 1.1, 5.2, and the same scheme with other bytes):
 *   | part of the diversification data 6 | F0 | identifier | the same 6 | 0F | identifier |
 */
static enum mm_status derive_des(const uint8_t part[6], enum mm_gp_key_id id, const uint8_t *master,
                                 size_t master_len, uint8_t *out)
{
    uint8_t blocks[DES_KEY_LEN];
    enum mm_status st = MM_OK;

    memcpy(blocks, part, 6);
    memcpy(blocks + 8, part, 6);
    blocks[6] = 0xf0;
    blocks[14] = 0x0f;
    blocks[7] = blocks[15] = (uint8_t)id;
    for (size_t i = 0; st == MM_OK && i < 2; i++) /* a CBC of one block is ECB */
        st = mm_gp_key_cbc(MM_GP_KEY_DES, master, master_len, blocks + 8 * i, 8, out + 8 * i);
    return st;
}

static enum mm_status derive_kdf3(enum mm_gp_key_id id, const struct mm_gp_keyset *master,
                                  const uint8_t data[MM_GP_DIVERSIFICATION], uint8_t *out,
                                  struct mm_err *err)
{
    struct mm_gp_keys *keys = NULL;
    struct mm_gp_key_card card = {.scp = 0x03};
    enum mm_status st = mm_gp_keys_in_memory(master, MM_GP_DIVERSIFY_NONE, &keys, err);

    if (st == MM_OK)
        st = keys->ops->choose(keys->ctx, &card, err);
    if (st == MM_OK)
        st = mm_gp_keys_kdf(keys, id, (uint8_t)id, data, MM_GP_DIVERSIFICATION, out, master->len,
                            err);
    mm_gp_keys_free(&keys);
    return st;
}

enum mm_status mm_gp_diversify(enum mm_gp_diversify how, const struct mm_gp_keyset *master,
                               const uint8_t data[MM_GP_DIVERSIFICATION], struct mm_gp_keyset *out,
                               struct mm_err *err)
{
    struct mm_gp_keyset set = {.type = master->type, .len = master->len};
    uint8_t *to[] = {NULL, set.enc, set.mac, set.dek};
    uint8_t part[6];
    enum mm_status st = MM_OK;

    if (how == MM_GP_DIVERSIFY_NONE) {
        *out = *master;
        return MM_OK;
    }
    if (how != MM_GP_DIVERSIFY_KDF3 && master->len != DES_KEY_LEN)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "this derivation takes master keys of %d bytes, not %u", DES_KEY_LEN,
                       master->len);
    if (how == MM_GP_DIVERSIFY_EMV) {
        memcpy(part, data + 4, sizeof(part));
    } else {
        memcpy(part, data, 2);
        memcpy(part + 2, data + 4, 4);
    }
    for (enum mm_gp_key_id id = MM_GP_KEY_ENC; st == MM_OK && id <= MM_GP_KEY_DEK; id++) {
        if (how == MM_GP_DIVERSIFY_KDF3)
            st = derive_kdf3(id, master, data, to[id], err);
        else
            st = derive_des(part, id, mm_gp_keyset_key(master, id), master->len, to[id]);
    }
    if (st == MM_OK)
        *out = set;
    else
        st = mm_fail(err, st, SIZE_MAX, "key derivation: %s", mm_status_text(st));
    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}
