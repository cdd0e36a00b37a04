/*
 * javacard.security keys and KeyBuilder.
 *
 * A key is an instance of an internal class with three hidden cells: its material (a byte array of
 * the applet that owns the key, persistent or transient as the key's type says), its type and its
 * size in bits. The last byte of the material says which parts are set, so that a transient key
 * that is cleared is uninitialised again.
 *
 *   AES  | value (size / 8) | set |
 *   EC   | p | a | b | G: 04 x y | r | k (2) | value: s, or W: 04 x y | set |   n bytes each field
 */
#include "applet_vm/api/api_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <string.h>

#include "applet_vm/api/key_int.h"

#define KEY_CLASS "mintmark/Key"

enum { KEY_MATERIAL, KEY_TYPE, KEY_BITS };

static uint16_t get(struct mm_vm *vm, mm_ref key, uint8_t cell)
{
    return mm_vm_hidden(vm, key, KEY_CLASS, cell);
}

static bool is_aes(unsigned type)
{
    return type >= MM_KEY_AES_RESET && type <= MM_KEY_AES;
}

static bool is_ec_private(unsigned type)
{
    return type == MM_KEY_EC_PRIVATE || type == MM_KEY_EC_PRIVATE_RESET ||
           type == MM_KEY_EC_PRIVATE_DESELECT;
}

size_t mm_ec_part_off(unsigned part, size_t n)
{
    static const uint8_t fields[] = {0, 1, 2, 3, 5, 6, 6}; /* in units of n */
    static const uint8_t extra[] = {0, 0, 0, 0, 1, 1, 3};

    return fields[part] * n + extra[part];
}

size_t mm_ec_part_len(unsigned part, size_t n, bool private_key)
{
    if (part == MM_EC_K)
        return 2;
    if (part == MM_EC_G || (part == MM_EC_VALUE && !private_key))
        return 2 * n + 1;
    return n;
}

static size_t material_len(unsigned type, unsigned bits)
{
    size_t n = (bits + 7) / 8;

    if (is_aes(type))
        return n + 1;
    return mm_ec_part_off(MM_EC_VALUE, n) + mm_ec_part_len(MM_EC_VALUE, n, is_ec_private(type)) + 1;
}

/* ---- KeyBuilder ---- */

static enum mm_transient memory_of(unsigned type)
{
    if (type == MM_KEY_AES_RESET || type == MM_KEY_EC_PRIVATE_RESET)
        return MM_CLEAR_ON_RESET;
    if (type == MM_KEY_AES_DESELECT || type == MM_KEY_EC_PRIVATE_DESELECT)
        return MM_CLEAR_ON_DESELECT;
    return MM_PERSISTENT;
}

static const char *class_of(unsigned type, int bits)
{
    if (is_aes(type))
        return bits == 128 || bits == 192 || bits == 256 ? "mintmark/AesKey" : NULL;
    if (bits != 224 && bits != 256 && bits != 384 && bits != 521)
        return NULL;
    if (type == MM_KEY_EC_PUBLIC)
        return "mintmark/EcPublicKey";
    return is_ec_private(type) ? "mintmark/EcPrivateKey" : NULL;
}

enum mm_run mm_api_key_new(struct mm_vm *vm, unsigned type, int bits, enum mm_transient memory,
                           mm_ref *out)
{
    const char *class_name = class_of(type, bits);
    enum mm_run run;
    mm_ref material;

    if (class_name == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    *out = mm_vm_new_instance(vm, class_name);
    if (*out == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    material = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)material_len(type, (unsigned)bits),
                               memory);
    if (material == MM_REF_NULL)
        return mm_api_throw_system(vm, memory == MM_PERSISTENT ? MM_SYSTEM_NO_ROOM
                                                               : MM_SYSTEM_NO_TRANSIENT_SPACE);
    run = mm_vm_hidden_set(vm, *out, KEY_CLASS, KEY_MATERIAL, material, false);
    if (run == MM_RUN_OK)
        run = mm_vm_hidden_set(vm, *out, KEY_CLASS, KEY_TYPE, (uint16_t)type, false);
    return run == MM_RUN_OK ? mm_vm_hidden_set(vm, *out, KEY_CLASS, KEY_BITS, (uint16_t)bits, false)
                            : run;
}

enum mm_run mm_n_key_build(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    unsigned type = (uint8_t)args[0];

    return mm_api_key_new(vm, type, MM_ARG_SHORT(1), memory_of(type), &ret[0]);
}

/* buildKey(algorithmicKeyType, keyMemoryType, length, encryption) */
enum mm_run mm_n_key_build_memory(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const struct {
        uint8_t alg, types[3]; /* by memory: persistent, reset, deselect */
    } map[] = {
        {2, {MM_KEY_AES, MM_KEY_AES_RESET, MM_KEY_AES_DESELECT}},
        {7, {MM_KEY_EC_PUBLIC, MM_KEY_EC_PUBLIC, MM_KEY_EC_PUBLIC}},
        {8, {MM_KEY_EC_PRIVATE, MM_KEY_EC_PRIVATE_RESET, MM_KEY_EC_PRIVATE_DESELECT}},
    };
    int memory = MM_ARG_BYTE(1);

    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (map[i].alg == (uint8_t)args[0] && memory >= 0 && memory <= 2)
            return mm_api_key_new(vm, map[i].types[memory], MM_ARG_SHORT(2),
                                  (enum mm_transient)memory, &ret[0]);
    }
    return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
}

/* ---- Key ---- */

static const uint8_t *material(struct mm_vm *vm, mm_ref key, size_t *len)
{
    const uint8_t *m;

    if (key == MM_REF_NULL || !mm_vm_instance_of(vm, key, KEY_CLASS))
        return NULL;
    m = mm_api_hidden_bytes(vm, get(vm, key, KEY_MATERIAL), len);
    return m != NULL && *len == material_len(get(vm, key, KEY_TYPE), get(vm, key, KEY_BITS)) ? m
                                                                                             : NULL;
}

bool mm_api_key_ready(struct mm_vm *vm, mm_ref key)
{
    size_t len;
    const uint8_t *m = material(vm, key, &len);

    if (m == NULL)
        return false;
    return is_aes(get(vm, key, KEY_TYPE)) ? m[len - 1] != 0
                                          : (m[len - 1] & MM_EC_NEEDED) == MM_EC_NEEDED;
}

enum mm_run mm_n_key_clear(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    static const uint8_t zeros[1024]; /* more than EC 521 needs: 8 * 66 + 5 */
    size_t len;

    (void)ret;
    if (material(vm, args[0], &len) == NULL)
        return MM_RUN_OK;
    return mm_vm_array_write(vm, get(vm, args[0], KEY_MATERIAL), 0, zeros, (uint16_t)len, true);
}

enum mm_run mm_n_key_get_size(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], KEY_BITS);
    return MM_RUN_OK;
}

enum mm_run mm_n_key_get_type(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], KEY_TYPE);
    return MM_RUN_OK;
}

enum mm_run mm_n_key_is_initialized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_api_key_ready(vm, args[0]);
    return MM_RUN_OK;
}

/* ---- AESKey ---- */

const uint8_t *mm_api_aes_key(struct mm_vm *vm, mm_ref key, size_t *len)
{
    const uint8_t *m = material(vm, key, len);

    if (m == NULL || !is_aes(get(vm, key, KEY_TYPE)) || m[*len - 1] == 0)
        return NULL;
    (*len)--;
    return m;
}

enum mm_run mm_n_aes_set_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t n = get(vm, args[0], KEY_BITS) / 8u;
    uint8_t m[33];
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), (int32_t)n, &data);

    (void)ret;
    if (run != MM_RUN_OK || n >= sizeof(m))
        return run;
    memcpy(m, data, n);
    m[n] = 1;
    run = mm_vm_array_write(vm, get(vm, args[0], KEY_MATERIAL), 0, m, (uint16_t)(n + 1), true);
    OPENSSL_cleanse(m, sizeof(m));
    return run;
}

enum mm_run mm_n_aes_get_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len;
    const uint8_t *key = mm_api_aes_key(vm, args[0], &len);

    if (key == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), key, len);
}

/* ---- ECKey ---- */

unsigned mm_api_key_bits(struct mm_vm *vm, mm_ref key)
{
    return get(vm, key, KEY_BITS);
}

/* Set one part, right-aligned in its field, and its bit. */
enum mm_run mm_api_ec_put(struct mm_vm *vm, mm_ref key, unsigned part, const uint8_t *data,
                          size_t data_len)
{
    size_t n = (get(vm, key, KEY_BITS) + 7u) / 8, len, total;
    const uint8_t *m = material(vm, key, &total);
    uint8_t field[2 * 66 + 1] = {0}, set;
    mm_ref array = get(vm, key, KEY_MATERIAL);
    enum mm_run run;

    if (m == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    len = mm_ec_part_len(part, n, is_ec_private(get(vm, key, KEY_TYPE)));
    while (data_len > len && data[0] == 0 && len == n) { /* leading zeros of a number */
        data++;
        data_len--;
    }
    if (data_len > len || data_len == 0 ||
        (len == 2 * n + 1 && (data_len != len || data[0] != 0x04)))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    memcpy(field + len - data_len, data, data_len);
    set = m[total - 1] | (uint8_t)(1u << part);
    run =
        mm_vm_array_write(vm, array, (uint16_t)mm_ec_part_off(part, n), field, (uint16_t)len, true);
    OPENSSL_cleanse(field, sizeof(field));
    if (run != MM_RUN_OK)
        return run;
    return mm_vm_array_write(vm, array, (uint16_t)(total - 1), &set, 1, true);
}

static enum mm_run ec_set(struct mm_vm *vm, const uint16_t *args, unsigned part)
{
    int len = MM_ARG_SHORT(3);
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), len, &data);

    return run == MM_RUN_OK ? mm_api_ec_put(vm, args[0], part, data, (size_t)len) : run;
}

static const uint8_t *ec_part(struct mm_vm *vm, mm_ref key, unsigned part, size_t *len)
{
    size_t n = (get(vm, key, KEY_BITS) + 7u) / 8, total;
    const uint8_t *m = material(vm, key, &total);

    if (m == NULL || (m[total - 1] & 1u << part) == 0)
        return NULL;
    *len = mm_ec_part_len(part, n, is_ec_private(get(vm, key, KEY_TYPE)));
    return m + mm_ec_part_off(part, n);
}

static enum mm_run ec_get(struct mm_vm *vm, const uint16_t *args, uint16_t *ret, unsigned part)
{
    size_t len;
    const uint8_t *data = ec_part(vm, args[0], part, &len);

    if (data == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = (uint16_t)len;
    return mm_api_put(vm, args[1], MM_ARG_SHORT(2), data, len);
}

#define EC_PART(suffix, part)                                                                      \
    enum mm_run mm_n_ec_set_##suffix(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)        \
    {                                                                                              \
        (void)ret;                                                                                 \
        return ec_set(vm, args, part);                                                             \
    }
#define EC_PART_GET(suffix, part)                                                                  \
    enum mm_run mm_n_ec_get_##suffix(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)        \
    {                                                                                              \
        return ec_get(vm, args, ret, part);                                                        \
    }
EC_PART(field_fp, MM_EC_P)
EC_PART(a, MM_EC_A)
EC_PART(b, MM_EC_B)
EC_PART(g, MM_EC_G)
EC_PART(r, MM_EC_R)
EC_PART(s, MM_EC_VALUE)
EC_PART(w, MM_EC_VALUE)
EC_PART_GET(field, MM_EC_P)
EC_PART_GET(a, MM_EC_A)
EC_PART_GET(b, MM_EC_B)
EC_PART_GET(g, MM_EC_G)
EC_PART_GET(r, MM_EC_R)
EC_PART_GET(s, MM_EC_VALUE)
EC_PART_GET(w, MM_EC_VALUE)
#undef EC_PART
#undef EC_PART_GET

enum mm_run mm_n_ec_set_k(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t bytes[2];

    (void)ret;
    mm_put_be16(bytes, args[1]);
    return mm_api_ec_put(vm, args[0], MM_EC_K, bytes, 2);
}

enum mm_run mm_n_ec_get_k(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    size_t len;
    const uint8_t *data = ec_part(vm, args[0], MM_EC_K, &len);

    if (data == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    ret[0] = mm_be16(data);
    return MM_RUN_OK;
}

enum mm_run mm_n_ec_copy_domain_parameters_from(struct mm_vm *vm, const uint16_t *args,
                                                uint16_t *ret)
{
    enum mm_run run = MM_RUN_OK;
    uint8_t copy[2 * 66 + 1];

    (void)ret;
    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    if (get(vm, args[0], KEY_BITS) != get(vm, args[1], KEY_BITS))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (unsigned part = 0; part < MM_EC_VALUE && run == MM_RUN_OK; part++) {
        size_t len = 0;
        const uint8_t *data = ec_part(vm, args[1], part, &len);
        if (data == NULL && part == MM_EC_K)
            continue;
        if (data == NULL || len > sizeof(copy))
            return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
        memcpy(copy, data, len);
        run = mm_api_ec_put(vm, args[0], part, copy, len);
    }
    return run;
}

/* ---- To OpenSSL ---- */

static bool push_number(OSSL_PARAM_BLD *bld, const char *name, const uint8_t *data, size_t len,
                        BIGNUM **keep)
{
    *keep = BN_bin2bn(data, (int)len, NULL);
    return *keep != NULL && OSSL_PARAM_BLD_push_BN(bld, name, *keep) == 1;
}

/* Curve by its numbers; OpenSSL recognises the named ones itself. */
static OSSL_PARAM *ec_params(struct mm_vm *vm, mm_ref key, bool private_key, BIGNUM *keep[5])
{
    static const char *const names[] = {OSSL_PKEY_PARAM_EC_P, OSSL_PKEY_PARAM_EC_A,
                                        OSSL_PKEY_PARAM_EC_B, NULL, OSSL_PKEY_PARAM_EC_ORDER};
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    const uint8_t *data;
    size_t len = 0;
    bool ok = bld != NULL;

    for (unsigned part = 0; ok && part < 5; part++) {
        data = ec_part(vm, key, part, &len);
        if (data != NULL && names[part] != NULL)
            ok = push_number(bld, names[part], data, len, &keep[part]);
        else
            ok = data != NULL && OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_EC_GENERATOR,
                                                                  data, len) == 1;
    }
    ok = ok &&
         OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_EC_FIELD_TYPE, "prime-field", 0) == 1;
    data = ok ? ec_part(vm, key, MM_EC_VALUE, &len) : NULL;
    ok = data != NULL;
    if (ok && private_key)
        ok = push_number(bld, OSSL_PKEY_PARAM_PRIV_KEY, data, len, &keep[3]);
    else if (ok)
        ok = OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, data, len) == 1;
    if (ok)
        params = OSSL_PARAM_BLD_to_param(bld);
    OSSL_PARAM_BLD_free(bld);
    return params;
}

EVP_PKEY *mm_api_ec_key(struct mm_vm *vm, mm_ref key, bool private_key)
{
    BIGNUM *keep[5] = {NULL};
    EVP_PKEY_CTX *ctx = NULL;
    OSSL_PARAM *params = NULL;
    EVP_PKEY *pkey = NULL;
    unsigned type;

    if (!mm_api_key_ready(vm, key))
        return NULL;
    type = get(vm, key, KEY_TYPE);
    if (private_key ? !is_ec_private(type) : type != MM_KEY_EC_PUBLIC)
        return NULL;
    params = ec_params(vm, key, private_key, keep);
    ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    for (size_t i = 0; i < 5; i++)
        BN_clear_free(keep[i]);
    return pkey;
}
