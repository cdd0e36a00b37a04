/* PUT KEY and DELETE [key] (GPCS 2.3.1, 11.8 and 11.2; Amendment D, 7.2). */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define CHECK_LEN  3
#define SCALAR_MAX 80   /* of P-521: 66 bytes, in whole blocks */
#define SEVERAL    0x80 /* P2: more than one key, from the identifier on */
#define MORE       0x80 /* P1: another command goes on with the data */

/*
 * One symmetric key.  AES: | 88 | length | key length | key under the DEK, padded to blocks | 03 |
 * check value |.  DES, in the older coding without the key length:  | 80 | 10 | key | 03 | check |
 */
static enum mm_status put_field(mm_gp_encrypter encrypt, void *ctx, enum mm_gp_key_type type,
                                const uint8_t *key, size_t key_len, struct mm_buf *data,
                                struct mm_err *err)
{
    uint8_t plain[MM_GP_KEY_MAX] = {0}, hidden[MM_GP_KEY_MAX], check[CHECK_LEN];
    size_t len = type == MM_GP_KEY_AES ? (key_len + 15) / 16 * 16 : key_len;
    enum mm_status st = MM_USAGE;

    if (key_len > sizeof(plain) || key_len < 16 || key_len % 8 != 0 ||
        (type == MM_GP_KEY_DES && key_len > 24))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "a key of %zu bytes is none of its type", key_len);
    memcpy(plain, key, key_len);
    st = encrypt(ctx, plain, len, hidden, err);
    if (st == MM_OK && mm_gp_key_check_value(type, key, key_len, check) != MM_OK)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "key check value failed");
    if (st == MM_OK) {
        mm_buf_u8(data, (uint8_t)type);
        mm_buf_u8(data, (uint8_t)(len + (type == MM_GP_KEY_AES ? 1 : 0)));
        if (type == MM_GP_KEY_AES)
            mm_buf_u8(data, (uint8_t)key_len);
        mm_buf_bytes(data, hidden, len);
        mm_buf_u8(data, CHECK_LEN);
        mm_buf_bytes(data, check, sizeof(check));
    }
    OPENSSL_cleanse(plain, sizeof(plain));
    return st;
}

static enum mm_status check_version(uint8_t version, struct mm_err *err)
{
    if (version >= MM_GP_KEY_VERSION_FIRST && version <= MM_GP_KEY_VERSION_LAST)
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "key version %02X; expected 01 to 7F", version);
}

/* One command, or several where the data are too long for one (P1 bit 8: more follow; GPCS 2.3.1,
 * 11.8.2.1). Releases data. */
static enum mm_status finish(enum mm_status st, uint8_t p1, uint8_t p2, struct mm_buf *data,
                             struct mm_buf *list, struct mm_err *err)
{
    size_t block_len = data->len > MM_GP_DATA_MAX ? MM_GP_BLOCK_LEN : MM_GP_DATA_MAX;
    struct mm_buf part;

    mm_buf_init(&part);
    if (st == MM_OK && data->bad)
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    for (size_t off = 0; st == MM_OK && off < data->len; off += block_len) {
        bool more = data->len - off > block_len;

        part.len = 0;
        mm_buf_bytes(&part, data->data + off, more ? block_len : data->len - off);
        st = mm_gp_put_command(list, MM_INS_ISD_PUT_KEY, (uint8_t)(p1 | (more ? MORE : 0)), p2,
                               &part);
        if (st != MM_OK)
            st = mm_fail(err, st, SIZE_MAX, "PUT KEY: %s", mm_status_text(st));
    }
    mm_buf_clear(&part);
    mm_buf_clear(data);
    return st;
}

enum mm_status mm_gp_put_keys_command(mm_gp_encrypter encrypt, void *ctx, uint8_t old_version,
                                      uint8_t new_version, const struct mm_gp_keyset *set,
                                      struct mm_buf *list, struct mm_err *err)
{
    struct mm_buf data;
    enum mm_status st = check_version(new_version, err);

    mm_buf_init(&data);
    mm_buf_u8(&data, new_version);
    for (enum mm_gp_key_id id = MM_GP_KEY_ENC; st == MM_OK && id <= MM_GP_KEY_DEK; id++)
        st = put_field(encrypt, ctx, set->type, mm_gp_keyset_key(set, id), set->len, &data, err);
    return finish(st, old_version, SEVERAL | MM_GP_KEY_ENC, &data, list, err);
}

enum mm_status mm_gp_put_key_command(mm_gp_encrypter encrypt, void *ctx, uint8_t old_version,
                                     uint8_t new_version, uint8_t id, enum mm_gp_key_type type,
                                     const uint8_t *key, size_t key_len, struct mm_buf *list,
                                     struct mm_err *err)
{
    struct mm_buf data;
    enum mm_status st = check_version(new_version, err);

    mm_buf_init(&data);
    mm_buf_u8(&data, new_version);
    if (st == MM_OK)
        st = put_field(encrypt, ctx, type, key, key_len, &data, err);
    return finish(st, old_version, id, &data, list, err);
}

/* ---- Public keys ---- */

/* | type | length | value |; above 127 bytes the length is BER's (GPCS 11.8.2.3.2). */
static void put_component(struct mm_buf *data, uint8_t type, const uint8_t *value, size_t len)
{
    mm_buf_u8(data, type);
    mm_ber_put_len(data, len);
    mm_buf_bytes(data, value, len);
}

static bool put_number(struct mm_buf *data, uint8_t type, const EVP_PKEY *key, const char *name)
{
    BIGNUM *n = NULL;
    uint8_t bytes[512];
    int len = 0;

    if (EVP_PKEY_get_bn_param(key, name, &n) == 1 && BN_num_bytes(n) <= (int)sizeof(bytes))
        len = BN_bn2bin(n, bytes);
    BN_free(n);
    if (len > 0)
        put_component(data, type, bytes, (size_t)len);
    return len > 0;
}

/* Curves by their reference (GPCS 2.3.1, table B-2). */
static const struct {
    const char *name;
    uint8_t reference;
} curves[] = {{"prime256v1", 0x00},      {"secp384r1", 0x01},       {"secp521r1", 0x02},
              {"brainpoolP256r1", 0x03}, {"brainpoolP256t1", 0x04}, {"brainpoolP384r1", 0x05},
              {"brainpoolP384t1", 0x06}, {"brainpoolP512r1", 0x07}, {"brainpoolP512t1", 0x08}};

static bool curve_reference(const EVP_PKEY *key, uint8_t *reference)
{
    char curve[40];

    if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, curve, sizeof(curve),
                                       NULL) != 1)
        return false;
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (strcmp(curves[i].name, curve) == 0) {
            *reference = curves[i].reference;
            return true;
        }
    }
    return false;
}

static bool put_point(struct mm_buf *data, const EVP_PKEY *key)
{
    uint8_t point[1 + 2 * 66], reference;
    size_t len = 0;

    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len) !=
            1 ||
        !curve_reference(key, &reference))
        return false;
    put_component(data, 0xb0, point, len);
    put_component(data, 0xf0, &reference, 1);
    return true;
}

/* A public key, or the one of a certificate. */
EVP_PKEY *mm_gp_read_public(const char *path)
{
    FILE *file = fopen(path, "r");
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;

    if (file == NULL)
        return NULL;
    key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    if (key == NULL) {
        rewind(file);
        cert = PEM_read_X509(file, NULL, NULL, NULL);
        key = cert != NULL ? X509_get_pubkey(cert) : NULL;
    }
    X509_free(cert);
    fclose(file);
    return key;
}

enum mm_status mm_gp_put_public_key_command(const char *pem_path, uint8_t old_version,
                                            uint8_t new_version, uint8_t id, struct mm_buf *list,
                                            struct mm_err *err)
{
    EVP_PKEY *key = NULL;
    struct mm_buf data;
    enum mm_status st = check_version(new_version, err);
    bool good = false;

    mm_buf_init(&data);
    if (st != MM_OK)
        return st;
    if (access(pem_path, R_OK) != 0)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: %s", pem_path, strerror(errno));
    key = mm_gp_read_public(pem_path);
    mm_buf_u8(&data, new_version);
    if (key != NULL && EVP_PKEY_is_a(key, "RSA"))
        good = put_number(&data, 0xa1, key, OSSL_PKEY_PARAM_RSA_N) &&
               put_number(&data, 0xa0, key, OSSL_PKEY_PARAM_RSA_E);
    else if (key != NULL && EVP_PKEY_is_a(key, "EC"))
        good = put_point(&data, key);
    EVP_PKEY_free(key);
    mm_buf_u8(&data, 0); /* no check value */
    if (!good)
        st = mm_fail(err, MM_MALFORMED, SIZE_MAX,
                     "%s: expected an RSA or EC public key in PEM form on a curve of GPCS B.4",
                     pem_path);
    return finish(st, old_version, id, &data, list, err);
}

/* ---- Private keys ---- */
/* | B1 | length | n | scalar of n bytes, padded and encrypted | F0 01 curve | 00 |: no check value */
static enum mm_status put_scalar(mm_gp_encrypter encrypt, void *ctx, const EVP_PKEY *key,
                                 struct mm_buf *data, struct mm_err *err)
{
    uint8_t plain[SCALAR_MAX] = {0}, hidden[SCALAR_MAX], reference;
    size_t n = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8, padded = (n + 15) / 16 * 16;
    BIGNUM *d = NULL;
    enum mm_status st = MM_MALFORMED;

    if (padded <= sizeof(plain) && curve_reference(key, &reference) &&
        EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &d) == 1 &&
        BN_bn2binpad(d, plain, (int)n) == (int)n)
        st = encrypt(ctx, plain, padded, hidden, err);
    if (st == MM_OK) {
        mm_buf_u8(data, 0xb1);
        mm_buf_u8(data, (uint8_t)(padded + 1));
        mm_buf_u8(data, (uint8_t)n);
        mm_buf_bytes(data, hidden, padded);
        put_component(data, 0xf0, &reference, 1);
        mm_buf_u8(data, 0);
    }
    BN_clear_free(d);
    OPENSSL_cleanse(plain, sizeof(plain));
    return st;
}

enum mm_status mm_gp_put_private_key_command(mm_gp_encrypter encrypt, void *ctx,
                                             const EVP_PKEY *key, uint8_t old_version,
                                             uint8_t new_version, uint8_t id, struct mm_buf *list,
                                             struct mm_err *err)
{
    struct mm_buf data;
    enum mm_status st = check_version(new_version, err);

    mm_buf_init(&data);
    mm_buf_u8(&data, new_version);
    if (st == MM_OK)
        st = put_scalar(encrypt, ctx, key, &data, err);
    if (st == MM_MALFORMED)
        st = mm_fail(err, st, SIZE_MAX, "expected an EC private key on a curve of GPCS B.4");
    return finish(st, old_version, id, &data, list, err);
}

enum mm_status mm_gp_delete_key_command(uint8_t version, uint8_t id, struct mm_buf *list)
{
    struct mm_buf data;
    enum mm_status st;

    if (version == 0)
        return MM_USAGE;
    mm_buf_init(&data);
    if (id != 0) {
        mm_buf_u16(&data, 0xd001);
        mm_buf_u8(&data, id);
    }
    mm_buf_u16(&data, 0xd201);
    mm_buf_u8(&data, version);
    st = mm_gp_put_command(list, MM_INS_ISD_DELETE, 0x00, 0x00, &data);
    mm_buf_clear(&data);
    return st;
}
