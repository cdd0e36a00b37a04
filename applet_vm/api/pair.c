/* javacard.security.KeyPair: EC over prime fields, on the named curve of the size. */
#include "applet_vm/api/key_int.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <string.h>

#define PAIR_CLASS "javacard/security/KeyPair"
#define ALG_EC_FP  5

enum { PAIR_PUBLIC, PAIR_PRIVATE, PAIR_ALG, PAIR_BITS };

static uint16_t get(struct mm_vm *vm, mm_ref pair, uint8_t cell)
{
    return mm_vm_hidden(vm, pair, PAIR_CLASS, cell);
}

static enum mm_run set_all(struct mm_vm *vm, mm_ref pair, const uint16_t values[4])
{
    enum mm_run run = MM_RUN_OK;

    for (uint8_t i = 0; i < 4 && run == MM_RUN_OK; i++)
        run = mm_vm_hidden_set(vm, pair, PAIR_CLASS, i, values[i], false);
    return run;
}

/* KeyPair(algorithm, length): two empty keys */
enum mm_run mm_n_pair_init(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t values[4] = {0, 0, args[1], args[2]};
    int bits = MM_ARG_SHORT(2);
    enum mm_run run;

    (void)ret;
    if (MM_ARG_BYTE(1) != ALG_EC_FP)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    run = mm_api_key_new(vm, MM_KEY_EC_PUBLIC, bits, MM_PERSISTENT, &values[PAIR_PUBLIC]);
    if (run == MM_RUN_OK) /* keep it reachable before the next allocation */
        run = set_all(vm, args[0], values);
    if (run == MM_RUN_OK)
        run = mm_api_key_new(vm, MM_KEY_EC_PRIVATE, bits, MM_PERSISTENT, &values[PAIR_PRIVATE]);
    return run == MM_RUN_OK ? set_all(vm, args[0], values) : run;
}

enum mm_run mm_n_pair_init_keys(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t values[4] = {args[1], args[2], ALG_EC_FP, 0};

    (void)ret;
    if (args[1] == MM_REF_NULL || args[2] == MM_REF_NULL)
        return mm_api_null(vm);
    if (!mm_vm_instance_of(vm, args[1], "mintmark/EcPublicKey") ||
        !mm_vm_instance_of(vm, args[2], "mintmark/EcPrivateKey"))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    values[PAIR_BITS] = (uint16_t)mm_api_key_bits(vm, args[1]);
    if (mm_api_key_bits(vm, args[2]) != values[PAIR_BITS])
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    return set_all(vm, args[0], values);
}

enum mm_run mm_n_pair_get_public(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PAIR_PUBLIC);
    return MM_RUN_OK;
}

enum mm_run mm_n_pair_get_private(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = get(vm, args[0], PAIR_PRIVATE);
    return MM_RUN_OK;
}

static const char *curve_of(unsigned bits)
{
    switch (bits) {
    case 224:
        return "P-224";
    case 256:
        return "P-256";
    case 384:
        return "P-384";
    default:
        return "P-521";
    }
}

/* One number of the key pair into both keys (domain parameters) or the private one. */
static enum mm_run put_number(struct mm_vm *vm, const EVP_PKEY *pkey, const char *name,
                              unsigned part, const mm_ref keys[2], size_t n)
{
    uint8_t bytes[66];
    BIGNUM *bn = NULL;
    enum mm_run run = MM_RUN_OK;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1 || BN_bn2binpad(bn, bytes, (int)n) < 0)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (size_t i = part == MM_EC_VALUE ? 1 : 0; i < 2 && run == MM_RUN_OK; i++)
        run = mm_api_ec_put(vm, keys[i], part, bytes, n);
    BN_clear_free(bn);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return run;
}

static enum mm_run store(struct mm_vm *vm, EVP_PKEY *pkey, const mm_ref keys[2], size_t n)
{
    static const struct {
        const char *name;
        unsigned part;
    } numbers[] = {{OSSL_PKEY_PARAM_EC_P, MM_EC_P},
                   {OSSL_PKEY_PARAM_EC_A, MM_EC_A},
                   {OSSL_PKEY_PARAM_EC_B, MM_EC_B},
                   {OSSL_PKEY_PARAM_EC_ORDER, MM_EC_R},
                   {OSSL_PKEY_PARAM_PRIV_KEY, MM_EC_VALUE}};
    static const uint8_t cofactor[2] = {0, 1};
    uint8_t point[2 * 66 + 1];
    size_t len = 0;
    enum mm_run run = MM_RUN_OK;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && run == MM_RUN_OK; i++)
        run = put_number(vm, pkey, numbers[i].name, numbers[i].part, keys, n);
    if (run == MM_RUN_OK && EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_EC_GENERATOR,
                                                            point, sizeof(point), &len) != 1)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (size_t i = 0; i < 2 && run == MM_RUN_OK; i++) {
        run = mm_api_ec_put(vm, keys[i], MM_EC_G, point, len);
        if (run == MM_RUN_OK)
            run = mm_api_ec_put(vm, keys[i], MM_EC_K, cofactor, 2);
    }
    if (run == MM_RUN_OK && EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
                                                            sizeof(point), &len) != 1)
        run = mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    return run == MM_RUN_OK ? mm_api_ec_put(vm, keys[0], MM_EC_VALUE, point, len) : run;
}

/* Domain parameters that the applet has set to another curve than the standard one are not used:
 * the pair gets the curve of its size, as for keys without parameters. */
enum mm_run mm_n_pair_generate(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    mm_ref keys[2] = {get(vm, args[0], PAIR_PUBLIC), get(vm, args[0], PAIR_PRIVATE)};
    unsigned bits = get(vm, args[0], PAIR_BITS);
    EVP_PKEY *pkey;
    enum mm_run run;

    (void)ret;
    if (keys[0] == MM_REF_NULL || keys[1] == MM_REF_NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_UNINITIALIZED_KEY);
    pkey = EVP_EC_gen(curve_of(bits));
    if (pkey == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    run = store(vm, pkey, keys, (bits + 7) / 8);
    EVP_PKEY_free(pkey);
    return run;
}
