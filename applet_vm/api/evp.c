/* Algorithms of OpenSSL: fetched at first use, kept for the VM's life. */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static const char *const cipher_names[MM_EVP_CIPHERS] = {
    "DES-EDE3-ECB", "DES-EDE3-CBC", "SEED-ECB",    "SEED-CBC",    "AES-128-ECB",
    "AES-192-ECB",  "AES-256-ECB",  "AES-128-CBC", "AES-192-CBC", "AES-256-CBC",
    "AES-128-CTR",  "AES-192-CTR",  "AES-256-CTR", "AES-128-GCM", "AES-192-GCM",
    "AES-256-GCM",  "AES-128-CCM",  "AES-192-CCM", "AES-256-CCM",
};

/* MessageDigest.ALG_... */
static const struct {
    const char *name;
    uint8_t len;
} mds[MM_API_MDS] = {
    {NULL, 0},        {"SHA1", 20},     {"MD5", 16},      {"RIPEMD160", 20},
    {"SHA256", 32},   {"SHA384", 48},   {"SHA512", 64},   {"SHA224", 28},
    {"SHA3-224", 28}, {"SHA3-256", 32}, {"SHA3-384", 48}, {"SHA3-512", 64},
};

EVP_MD *mm_api_md(struct mm_vm *vm, unsigned alg)
{
    struct mm_api *api = mm_api_of(vm);

    if (alg == 0 || alg >= MM_API_MDS)
        return NULL;
    if (api->mds[alg] == NULL)
        api->mds[alg] = EVP_MD_fetch(NULL, mds[alg].name, NULL);
    return api->mds[alg];
}

uint8_t mm_api_md_len(unsigned alg)
{
    return alg < MM_API_MDS ? mds[alg].len : 0;
}

/* SEED is in the legacy provider, which stays out of the process's default context. */
static OSSL_LIB_CTX *legacy(struct mm_api *api)
{
    if (api->legacy == NULL && (api->legacy = OSSL_LIB_CTX_new()) != NULL)
        api->legacy_provider = OSSL_PROVIDER_load(api->legacy, "legacy");
    return api->legacy_provider != NULL ? api->legacy : NULL;
}

EVP_CIPHER *mm_api_cipher(struct mm_vm *vm, enum mm_api_cipher_id id, size_t key_len)
{
    struct mm_api *api = mm_api_of(vm);
    unsigned at = (unsigned)id;

    if (id >= MM_EVP_AES_ECB)
        at += key_len == 16 ? 0 : key_len == 24 ? 1 : 2;
    if (api->ciphers[at] == NULL) {
        bool seed = id == MM_EVP_SEED_ECB || id == MM_EVP_SEED_CBC;
        OSSL_LIB_CTX *ctx = seed ? legacy(api) : NULL;
        if (!seed || ctx != NULL)
            api->ciphers[at] = EVP_CIPHER_fetch(ctx, cipher_names[at], NULL);
    }
    return api->ciphers[at];
}

uint8_t *mm_api_scratch(struct mm_vm *vm, size_t len)
{
    struct mm_api *api = mm_api_of(vm);

    if (len > api->scratch_len) {
        uint8_t *grown = malloc(len);
        if (grown == NULL)
            return NULL;
        free(api->scratch); /* each user has cleansed it */
        api->scratch = grown;
        api->scratch_len = len;
    }
    return api->scratch;
}

void mm_api_evp_release(struct mm_api *api)
{
    EVP_MAC_free(api->cmac);
    EVP_MAC_free(api->hmac);
    for (size_t i = 0; i < MM_EVP_CIPHERS; i++)
        EVP_CIPHER_free(api->ciphers[i]);
    for (size_t i = 0; i < MM_API_MDS; i++)
        EVP_MD_free(api->mds[i]);
    if (api->legacy_provider != NULL)
        OSSL_PROVIDER_unload(api->legacy_provider);
    OSSL_LIB_CTX_free(api->legacy);
    free(api->scratch);
}
