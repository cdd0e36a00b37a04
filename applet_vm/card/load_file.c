/*
 * The load file (GPCS 2.3.1, 11.6.2, C.2, C.3):
 *
 *   E2 { 4F domain, C3 signature } ...    DAP blocks
 *   [D3 IV] C4 data block, or D4 ciphered data block
 *
 * The hash, which the signatures are over, is of the plain data block.
 */
#include "applet_vm/card/content_int.h"

#include "applet_vm/base/ber.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

/* The digest that fits a length of hash (GPCS C.2 and Amendment E). */
static const EVP_MD *hash_of_len(size_t len)
{
    switch (len) {
    case 20:
        return EVP_sha1();
    case 32:
        return EVP_sha256();
    case 48:
        return EVP_sha384();
    case 64:
        return EVP_sha512();
    default:
        return NULL;
    }
}

bool mm_load_file_hash_len(size_t len)
{
    return hash_of_len(len) != NULL;
}

struct field {
    const uint8_t *value;
    size_t len;
};

static uint8_t take(struct mm_rd *rd, struct field *out)
{
    uint8_t tag = mm_rd_u8(rd);

    out->len = mm_ber_len(rd);
    out->value = mm_rd_bytes(rd, out->len);
    return tag;
}

/* ---- DAP ---- */
static bool read_dap(const struct field *dap, struct mm_aid *aid, struct field *signature)
{
    struct field name;
    struct mm_rd rd;

    mm_rd_init(&rd, dap->value, dap->len);
    if (take(&rd, &name) != 0x4f || take(&rd, signature) != 0xc3 || rd.bad || mm_rd_left(&rd) != 0)
        return false;
    return mm_aid_set(aid, name.value, name.len) == MM_OK;
}

/* One block: its domain must verify, and its key must agree. */
static uint16_t check_dap(const struct mm_card *card, const struct mm_loading *l,
                          const struct field *dap, mm_comp *domain)
{
    struct field signature = {0};
    struct mm_aid aid;
    enum mm_status st;

    if (!read_dap(dap, &aid, &signature) || l->hash_len == 0)
        return MM_SW_6A80_WRONG_DATA;
    if (!mm_domain_find(card, &aid, domain))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (!mm_domain_may(card, *domain, MM_PRIV_DAP_VERIFICATION))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    st = mm_signature_check(card, *domain, MM_KVN_DAP, l->hash, l->hash_len, signature.value,
                            signature.len);
    if (st == MM_NOT_FOUND)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    if (st == MM_AUTH)
        return MM_SW_6982_SECURITY_STATUS;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("DAP", st);
}

/* Who must have signed: the domain that gets the package when it verifies, and every domain that
 * verifies whatever comes onto the card (6.6.1, Mandated DAP). */
static bool all_signed(const struct mm_card *card, mm_comp target, const mm_comp *signers, size_t n)
{
    for (size_t i = 0; i < card->registry.n; i++) {
        const struct mm_reg_entry *e = &card->registry.entries[i];
        bool asked = e->kind == MM_COMP_DOMAIN &&
                     (mm_priv_has(e->privileges, MM_PRIV_MANDATED_DAP) ||
                      (e->comp == target && mm_priv_has(e->privileges, MM_PRIV_DAP_VERIFICATION)));
        bool found = false;

        for (size_t k = 0; k < n && asked; k++)
            found |= signers[k] == e->comp;
        if (asked && !found)
            return false;
    }
    return true;
}

/* ---- Ciphered data block: CBC with padding 80 00.., under key 75 of the domain (C.6) ---- */

/* AES or triple DES by the key's type. NULL: it is none of them. */
static const EVP_CIPHER *cipher_of(const struct mm_key_part *key)
{
    if (key->type == MM_KEY_AES)
        return key->len == 32   ? EVP_aes_256_cbc()
               : key->len == 24 ? EVP_aes_192_cbc()
                                : EVP_aes_128_cbc();
    if (key->type >= MM_KEY_DES && key->type <= MM_KEY_DES_CBC)
        return key->len == 24 ? EVP_des_ede3_cbc() : EVP_des_ede_cbc();
    return NULL;
}

/* In place; IV 0 when none came. */
static bool decipher_with(const EVP_CIPHER *cipher, const uint8_t *key, const struct field *iv,
                          uint8_t *data, size_t *len)
{
    static const uint8_t zero[MM_SCP_BLOCK_LEN];
    size_t block = (size_t)EVP_CIPHER_get_block_size(cipher);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool good =
        ctx != NULL && *len > 0 && *len % block == 0 && (iv->value == NULL || iv->len == block) &&
        EVP_DecryptInit_ex(ctx, cipher, NULL, key, iv->value != NULL ? iv->value : zero) == 1 &&
        EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
        EVP_DecryptUpdate(ctx, data, &n, data, (int)*len) == 1 &&
        mm_scp_unpad(data, *len, block, len) == MM_OK;

    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static uint16_t decipher(const struct mm_card *card, mm_comp domain, const struct field *iv,
                         uint8_t *data, size_t *len)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    uint16_t sw = MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    const EVP_CIPHER *cipher = NULL;

    if (mm_key_find(card->nvm, domain, MM_KVN_CIPHERED_LOAD_FILE, 1, &set, &key) == MM_OK &&
        key.part_n == 1)
        cipher = cipher_of(&key.parts[0]);
    if (cipher != NULL)
        sw = decipher_with(cipher, key.parts[0].value, iv, data, len) ? MM_SW_9000_NO_ERROR
                                                                      : MM_SW_6A80_WRONG_DATA;
    mm_key_set_clear(&set);
    return sw;
}

/* A domain with the privilege takes ciphered load files only, others plain ones only (6.6.1). */
static uint16_t open_block(const struct mm_card *card, struct mm_loading *l, uint8_t tag,
                           const struct field *iv, const struct field *body, const uint8_t **block,
                           size_t *block_len)
{
    bool ciphered = mm_domain_may(card, l->domain, MM_PRIV_CIPHERED_LOAD_FILE);
    size_t off = (size_t)(body->value - l->file.data);

    if ((tag != 0xc4 && tag != 0xd4) || body->len == 0)
        return MM_SW_6A80_WRONG_DATA;
    if ((tag == 0xd4) != ciphered)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    *block = body->value;
    *block_len = body->len;
    return ciphered ? decipher(card, l->domain, iv, l->file.data + off, block_len)
                    : MM_SW_9000_NO_ERROR;
}

static bool hash_agrees(const struct mm_loading *l, const uint8_t *block, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;

    if (l->hash_len == 0)
        return true;
    return EVP_Digest(block, len, digest, &digest_len, hash_of_len(l->hash_len), NULL) == 1 &&
           digest_len == l->hash_len && memcmp(digest, l->hash, digest_len) == 0;
}

#define DAP_MAX 8 /* more domains than that do not sign one package */

uint16_t mm_load_file_open(const struct mm_card *card, struct mm_loading *loading,
                           const uint8_t **block, size_t *block_len)
{
    mm_comp signers[DAP_MAX];
    struct field field = {0}, iv = {0};
    size_t signer_n = 0;
    struct mm_rd rd;
    uint16_t sw = MM_SW_9000_NO_ERROR;
    uint8_t tag;

    *block = NULL;
    *block_len = 0;
    mm_rd_init(&rd, loading->file.data, loading->file.len);
    while ((tag = take(&rd, &field)) == 0xe2 && !rd.bad && sw == MM_SW_9000_NO_ERROR) {
        if (signer_n == DAP_MAX)
            return MM_SW_6A80_WRONG_DATA;
        sw = check_dap(card, loading, &field, &signers[signer_n++]);
    }
    if (sw != MM_SW_9000_NO_ERROR)
        return sw;
    if (tag == 0xd3) {
        iv = field;
        tag = take(&rd, &field);
    }
    if (rd.bad || mm_rd_left(&rd) != 0)
        return MM_SW_6A80_WRONG_DATA;
    if (!all_signed(card, loading->domain, signers, signer_n))
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED;
    sw = open_block(card, loading, tag, &iv, &field, block, block_len);
    if (sw == MM_SW_9000_NO_ERROR && !hash_agrees(loading, *block, *block_len))
        sw = MM_SW_6A80_WRONG_DATA;
    return sw;
}
