#include "host_client/gp/secret.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/keysource.h"
#include "host_client/gp/sign.h"

#define FILE_MAX_LEN  1024
#define DES_BLOCK_LEN 8
#define AES_BLOCK_LEN 16

struct mm_gp_secret {
    struct mm_gp_keys *token; /* NULL: in memory, below */
    uint8_t key[MM_GP_KEY_MAX];
    size_t len;
};

static enum mm_status take_digits(const char *what, const char *digits, struct mm_gp_secret *s,
                                  struct mm_err *err)
{
    s->len = sizeof(s->key);
    if (mm_unhex(digits, s->key, &s->len) == MM_OK &&
        (s->len == 16 || s->len == 24 || s->len == 32))
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected a key of 16, 24 or 32 bytes in hex",
                   what);
}

static enum mm_status take_file(const char *path, struct mm_gp_secret *s, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_gp_read_private(path, FILE_MAX_LEN, &data, &len, err);

    if (st != MM_OK)
        return st;
    for (size_t i = 0; i < len; i++) /* the newline at the end, and others */
        data[i] = isspace(data[i]) ? ' ' : data[i];
    st = take_digits(path, (const char *)data, s, err);
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}

enum mm_status mm_gp_secret_open(const char *where, const char *pin, struct mm_gp_secret **out,
                                 struct mm_err *err)
{
    struct mm_gp_secret *s = calloc(1, sizeof(*s));
    enum mm_status st;

    *out = NULL;
    if (s == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (strncmp(where, "hex:", 4) == 0)
        st = take_digits("hex:", where + 4, s, err);
    else if (strncmp(where, "pkcs11:", 7) == 0)
        st = mm_gp_keys_in_token(where, pin, MM_GP_DIVERSIFY_NONE, &s->token, err);
    else
        st = take_file(where, s, err);
    if (st == MM_OK)
        *out = s;
    else
        mm_gp_secret_free(&s);
    return st;
}

void mm_gp_secret_free(struct mm_gp_secret **secret)
{
    struct mm_gp_secret *s = *secret;

    *secret = NULL;
    if (s == NULL)
        return;
    mm_gp_keys_free(&s->token);
    OPENSSL_cleanse(s, sizeof(*s));
    free(s);
}

enum mm_status mm_gp_secret_cmac(const struct mm_gp_secret *secret, const uint8_t *data,
                                 size_t data_len, uint8_t out[MM_GP_CMAC_LEN], struct mm_err *err)
{
    enum mm_status st;

    if (secret->token != NULL)
        return secret->token->ops->cmac(secret->token->ctx, MM_GP_KEY_MAC, data, data_len, out,
                                        err);
    st = mm_gp_key_cmac(secret->key, secret->len, data, data_len, out);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "the MAC could not be made");
}

/* Single DES is triple DES with one key three times; what it says of the blocks before the last is the
 * IV of that one. */
static enum mm_status des_mac(const uint8_t key[16], const uint8_t *padded, size_t padded_len,
                              uint8_t *chain, uint8_t out[MM_GP_DES_MAC_LEN])
{
    size_t head = padded_len - DES_BLOCK_LEN;
    uint8_t single[3 * DES_BLOCK_LEN], last[DES_BLOCK_LEN];
    enum mm_status st = MM_OK;

    for (size_t i = 0; i < 3; i++)
        memcpy(single + i * DES_BLOCK_LEN, key, DES_BLOCK_LEN);
    memcpy(last, padded + head, sizeof(last));
    if (head > 0) {
        st = mm_gp_key_cbc(MM_GP_KEY_DES, single, sizeof(single), padded, head, chain);
        for (size_t i = 0; st == MM_OK && i < sizeof(last); i++)
            last[i] ^= chain[head - DES_BLOCK_LEN + i];
    }
    if (st == MM_OK)
        st = mm_gp_key_cbc(MM_GP_KEY_DES, key, 16, last, sizeof(last), out);
    OPENSSL_cleanse(single, sizeof(single));
    OPENSSL_cleanse(last, sizeof(last));
    return st;
}

enum mm_status mm_gp_secret_des_mac(const struct mm_gp_secret *secret, const uint8_t *data,
                                    size_t data_len, uint8_t out[MM_GP_DES_MAC_LEN],
                                    struct mm_err *err)
{
    size_t padded_len = (data_len / DES_BLOCK_LEN + 1) * DES_BLOCK_LEN;
    uint8_t *padded, *chain;
    enum mm_status st = MM_NO_MEMORY;

    if (secret->token != NULL)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "a DES MAC is none that a token makes; give the key by a file");
    if (secret->len != 16)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "a DES MAC needs a key of 16 bytes, not %zu",
                       secret->len);
    padded = calloc(1, padded_len);
    chain = malloc(padded_len);
    if (padded != NULL && chain != NULL) {
        memcpy(padded, data, data_len);
        padded[data_len] = 0x80;
        st = des_mac(secret->key, padded, padded_len, chain, out);
    }
    free(padded);
    free(chain);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "the MAC could not be made");
}

/* The first block takes the IV, then a source's CBC with an IV of zeros does the same. */
enum mm_status mm_gp_secret_cbc(const struct mm_gp_secret *secret, const uint8_t iv[16],
                                const uint8_t *data, size_t data_len, uint8_t *out,
                                struct mm_err *err)
{
    uint8_t *mixed = data_len >= AES_BLOCK_LEN ? malloc(data_len) : NULL;
    enum mm_status st;

    if (mixed == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    memcpy(mixed, data, data_len);
    for (size_t i = 0; i < AES_BLOCK_LEN; i++)
        mixed[i] ^= iv[i];
    if (secret->token != NULL)
        st = secret->token->ops->cbc(secret->token->ctx, MM_GP_KEY_DEK, mixed, data_len, out, err);
    else
        st = mm_gp_key_cbc(MM_GP_KEY_AES, secret->key, secret->len, mixed, data_len, out);
    if (st != MM_OK && secret->token == NULL)
        (void)mm_fail(err, st, SIZE_MAX, "encryption: %s", mm_status_text(st));
    OPENSSL_cleanse(mixed, data_len);
    free(mixed);
    return st;
}
