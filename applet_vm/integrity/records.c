#include "applet_vm/integrity/integrity_int.h"

#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"

#define GCM_NONCE_LEN 12
#define GCM_TAG_LEN   16

const uint8_t *in_rec(const struct mm_integrity *in, mm_key key, size_t *len)
{
    return mm_rec_data(in->cfg.nvm, key, len);
}

enum mm_status in_rec_put(struct mm_integrity *in, mm_key key, const void *data, size_t len)
{
    size_t old_len = 0;
    const uint8_t *old = in_rec(in, key, &old_len);
    enum mm_status st = MM_OK;

    if (old != NULL && old_len != len) {
        st = mm_rec_delete(in->cfg.nvm, key);
        old = NULL;
    }
    if (st == MM_OK && old == NULL)
        st = mm_rec_new(in->cfg.nvm, key, MM_COMP_PLATFORM, len);
    if (st == MM_OK && len > 0)
        st = mm_rec_write(in->cfg.nvm, key, 0, data, len);
    return st;
}

enum mm_status in_tx_begin(struct mm_integrity *in, bool *mine)
{
    *mine = !mm_tx_active(in->cfg.nvm);
    return *mine ? mm_tx_begin(in->cfg.nvm) : MM_OK;
}

enum mm_status in_tx_end(struct mm_integrity *in, bool mine, enum mm_status st)
{
    if (!mine)
        return st; /* the card decides about its own transaction */
    if (st == MM_OK)
        st = mm_tx_commit(in->cfg.nvm);
    if (st != MM_OK)
        mm_tx_abort(in->cfg.nvm);
    return st;
}

uint16_t in_store_sw(enum mm_status st)
{
    return st == MM_OK ? MM_SW_9000_NO_ERROR : MM_SW_6581_MEMORY_FAILURE;
}

/* ---- Sealing: nonce(12) ciphertext tag(16) ---- */

static enum mm_status gcm(bool encrypt, const uint8_t key[32], const uint8_t *nonce,
                          const uint8_t aad[4], const uint8_t *from, size_t len, uint8_t *to,
                          uint8_t tag[GCM_TAG_LEN])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    enum mm_status st = MM_CRYPTO;
    int n = 0, dir = encrypt ? 1 : 0;

    if (ctx == NULL || EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, dir) != 1 ||
        EVP_CipherUpdate(ctx, NULL, &n, aad, 4) != 1 ||
        EVP_CipherUpdate(ctx, to, &n, from, (int)len) != 1)
        goto out;
    if (!encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_LEN, tag) != 1)
        goto out;
    if (EVP_CipherFinal_ex(ctx, to + n, &n) != 1)
        goto out;
    if (encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_LEN, tag) != 1)
        goto out;
    st = MM_OK;
out:
    EVP_CIPHER_CTX_free(ctx);
    return st;
}

enum mm_status in_seal(struct mm_integrity *in, mm_key key, const uint8_t *plain, size_t len,
                       struct mm_buf *out)
{
    uint8_t kek[32], aad[4], tag[GCM_TAG_LEN], nonce[GCM_NONCE_LEN], text[64];
    enum mm_status st = len <= sizeof(text) ? MM_OK : MM_TOO_LONG;

    mm_put_be32(aad, key);
    if (st == MM_OK)
        st = in->cfg.random(in->cfg.ctx, nonce, sizeof(nonce));
    if (st == MM_OK)
        st = mm_nvm_derive(in->cfg.nvm, "mintmark integrity keys", kek);
    if (st == MM_OK)
        st = gcm(true, kek, nonce, aad, plain, len, text, tag);
    if (st == MM_OK) {
        mm_buf_bytes(out, nonce, sizeof(nonce));
        mm_buf_bytes(out, text, len);
        mm_buf_bytes(out, tag, sizeof(tag));
        st = out->bad ? MM_NO_MEMORY : MM_OK;
    }
    OPENSSL_cleanse(kek, sizeof(kek));
    return st;
}

enum mm_status in_unseal(const struct mm_integrity *in, mm_key key, const uint8_t *sealed,
                         size_t sealed_len, uint8_t *plain, size_t len)
{
    uint8_t kek[32], aad[4], tag[GCM_TAG_LEN];
    enum mm_status st;

    if (sealed == NULL || sealed_len != len + IN_SEAL_EXTRA)
        return MM_TAMPERED;
    mm_put_be32(aad, key);
    memcpy(tag, sealed + GCM_NONCE_LEN + len, sizeof(tag));
    st = mm_nvm_derive(in->cfg.nvm, "mintmark integrity keys", kek);
    if (st == MM_OK &&
        gcm(false, kek, sealed, aad, sealed + GCM_NONCE_LEN, len, plain, tag) != MM_OK)
        st = MM_TAMPERED;
    if (st != MM_OK)
        OPENSSL_cleanse(plain, len);
    OPENSSL_cleanse(kek, sizeof(kek));
    return st;
}

/* ---- Objects in blocks ---- */

void in_blocks_drop(struct in_blocks *b)
{
    mm_buf_clear(&b->data);
    mm_buf_init(&b->data);
    b->next = 0;
    b->kind = 0;
}

enum mm_status in_blocks_add(struct in_blocks *b, uint8_t kind, uint8_t number, const uint8_t *data,
                             size_t len, size_t max)
{
    unsigned n = number & ~(unsigned)IN_LAST_BLOCK;

    if (n == 0)
        in_blocks_drop(b); /* a new object takes the place of an unfinished one */
    if (n != b->next || (n > 0 && kind != b->kind) || len > max - b->data.len) {
        in_blocks_drop(b);
        return MM_MALFORMED;
    }
    b->kind = kind;
    b->next = n + 1;
    if (len > 0)
        mm_buf_bytes(&b->data, data, len);
    if (b->data.bad) {
        in_blocks_drop(b);
        return MM_NO_MEMORY;
    }
    return (number & IN_LAST_BLOCK) != 0 ? MM_OK : MM_STATE;
}
