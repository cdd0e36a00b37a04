/*
 * Native calls of the API against the OpenSSL calls that do the same work: a context made before,
 * set back to its start (digest begun anew, IV of zeros, MAC begun anew), the message, the result
 * written to a caller's array. Both read from and write to memory of their own; OpenSSL has neither
 * firewall nor bounds to check. Not a test: prints and ends.
 *
 *     bench_crypto [PART OF A NAME]
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

#include "applet_vm/api/cipher_int.h"
#include "applet_vm/api/sign_int.h"
#include "test/bench/bench.h"

#define DATA_MAX 8192

static struct mm_vm *vm;
static const char *only = ""; /* calls whose name has this in it */

struct work {
    uint16_t args[8];
    mm_native fn;
    uint8_t in[DATA_MAX], out[DATA_MAX + 64];
    int len, enc;
    EVP_MD_CTX *md;
    const EVP_MD *type;
    EVP_CIPHER_CTX *cipher;
    const uint8_t *zero_iv; /* NULL: it has none */
    EVP_MAC_CTX *mac;
    EVP_PKEY_CTX *pkey;
    uint8_t sig[512];
    size_t sig_len;
    mm_ref object, key, iv;
};

/* ---- The chip's side ---- */

static enum mm_status random_bytes(void *ctx, uint8_t *out, size_t len)
{
    (void)ctx;
    return RAND_bytes(out, (int)len) == 1 ? MM_OK : MM_CRYPTO;
}

static struct mm_nvm *chip_open(struct mm_vm_services *services)
{
    struct mm_nvm_config nvm_cfg = {.path = NULL};
    struct mm_vm_config cfg = {
        .rom = mm_api_packages(), .services = services, .transient_max = 1 << 22};
    struct mm_nvm *nvm = NULL;
    struct mm_err err = {0};

    services->random = random_bytes;
    bench_must(mm_nvm_create(&nvm_cfg, &nvm, &err) == MM_OK, "image");
    cfg.nvm = nvm;
    bench_must(mm_vm_new(&cfg, &vm, &err) == MM_OK && mm_api_init(vm) == MM_OK, "machine");
    return nvm;
}

static uint16_t call(mm_native fn, const uint16_t *args)
{
    uint16_t ret[2] = {0};

    bench_must(fn(vm, args, ret) == MM_RUN_OK, "a native");
    return ret[0];
}
#define CALL(fn, ...) call(fn, (uint16_t[]){__VA_ARGS__})

static bool native_step(void *ctx)
{
    struct work *w = ctx;
    uint16_t ret[2];

    return w->fn(vm, w->args, ret) == MM_RUN_OK;
}

/* Like an applet's: input and output are transient arrays. */
static mm_ref array_new(const void *data, int len)
{
    mm_ref ref = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, (uint16_t)len, MM_CLEAR_ON_RESET);

    bench_must(ref != MM_REF_NULL, "an array");
    if (data != NULL)
        bench_must(mm_vm_array_write(vm, ref, 0, data, (uint16_t)len, false) == MM_RUN_OK, "write");
    return ref;
}

static void report(const char *name, struct work *w, bool (*ours)(void *), bool (*theirs)(void *))
{
    struct bench_pair p;

    if (strstr(name, only) == NULL)
        return;
    p = bench_compare(ours, theirs, w);
    printf("%-24s %5d %10.0f %10.0f %6.2f\n", name, w->len, p.ours, p.theirs, p.ours / p.theirs);
}

/* ---- Digests ---- */

static bool md_step(void *ctx)
{
    struct work *w = ctx;
    unsigned n;

    return EVP_DigestInit_ex2(w->md, w->type, NULL) == 1 &&
           EVP_DigestUpdate(w->md, w->in, (size_t)w->len) == 1 &&
           EVP_DigestFinal_ex(w->md, w->out, &n) == 1;
}

static void digest(const char *name, uint16_t alg, const char *md, int len)
{
    struct work w = {.fn = mm_n_digest_do_final, .len = len, .md = EVP_MD_CTX_new()};
    EVP_MD *type = EVP_MD_fetch(NULL, md, NULL);

    w.type = type;
    w.args[0] = CALL(mm_n_digest_get_instance, alg, 0);
    w.args[1] = array_new(w.in, len);
    w.args[3] = (uint16_t)len;
    w.args[4] = array_new(NULL, 64);
    report(name, &w, native_step, md_step);
    EVP_MD_CTX_free(w.md);
    EVP_MD_free(type);
}

/* ---- Ciphers ---- */

/* Cipher.doFinal leaves an IV of zeros behind; the bare call begins the next message anew (EVP_EncryptInit(3)), with such an IV where there is one. */
static bool cipher_step(void *ctx)
{
    struct work *w = ctx;
    int n;

    return EVP_CipherUpdate(w->cipher, w->out, &n, w->in, w->len) == 1 &&
           EVP_CipherInit_ex2(w->cipher, NULL, NULL, w->zero_iv, -1, NULL) == 1;
}

static mm_ref secret(uint16_t type, int bits, const uint8_t *value)
{
    mm_ref key = CALL(mm_n_key_build, type, (uint16_t)bits, 0);

    (void)CALL(mm_n_secret_set_key, key, array_new(value, bits / 8), 0);
    return key;
}

static void cipher(const char *name, uint16_t alg, uint16_t type, int bits, const char *evp,
                   int len)
{
    struct work w = {.fn = mm_n_cipher_do_final, .len = len, .cipher = EVP_CIPHER_CTX_new()};
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, evp, NULL);
    static const uint8_t zero[16];
    uint8_t key[32];

    for (size_t i = 0; i < sizeof(key); i++)
        key[i] = (uint8_t)(31 * i + 7);
    w.args[0] = CALL(mm_n_cipher_get_instance, alg, 0);
    (void)CALL(mm_n_cipher_init, w.args[0], secret(type, bits, key), MM_ENCRYPT);
    w.args[1] = array_new(w.in, len);
    w.args[3] = (uint16_t)len;
    w.args[4] = array_new(NULL, len);
    bench_must(EVP_CipherInit_ex2(w.cipher, fetched, key, w.out, 1, NULL) == 1, "cipher");
    bench_must(EVP_CIPHER_CTX_set_padding(w.cipher, 0) == 1, "padding");
    w.zero_iv = EVP_CIPHER_get_iv_length(fetched) != 0 ? zero : NULL;
    report(name, &w, native_step, cipher_step);
    EVP_CIPHER_CTX_free(w.cipher);
    EVP_CIPHER_free(fetched);
}

/* ---- CBC with an IV of its own for each message, which the object keeps ---- */

static bool iv_native_step(void *ctx)
{
    struct work *w = ctx;
    uint16_t ret[2], init[6] = {w->object, w->key, MM_ENCRYPT, w->iv, 0, 16};

    w->out[0]++;
    return mm_vm_array_write(vm, w->iv, 0, w->out, 1, false) == MM_RUN_OK &&
           mm_n_cipher_init_iv(vm, init, ret) == MM_RUN_OK && native_step(ctx);
}

static bool iv_step(void *ctx)
{
    struct work *w = ctx;
    int n;

    w->in[0]++;
    return EVP_CipherInit_ex2(w->cipher, NULL, NULL, w->in, -1, NULL) == 1 &&
           EVP_CipherUpdate(w->cipher, w->out, &n, w->in, w->len) == 1;
}

static void cbc_iv(int len)
{
    struct work w = {.fn = mm_n_cipher_do_final, .len = len, .cipher = EVP_CIPHER_CTX_new()};
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);

    w.args[0] = w.object = CALL(mm_n_cipher_get_instance, 13, 0);
    w.key = secret(15, 128, w.in);
    w.iv = array_new(w.in, 16);
    w.args[1] = array_new(w.in, len);
    w.args[3] = (uint16_t)len;
    w.args[4] = array_new(NULL, len);
    bench_must(EVP_CipherInit_ex2(w.cipher, fetched, w.in, w.in, 1, NULL) == 1 &&
                   EVP_CIPHER_CTX_set_padding(w.cipher, 0) == 1,
               "cipher");
    report("AES-128 CBC, init, IV", &w, iv_native_step, iv_step);
    EVP_CIPHER_CTX_free(w.cipher);
    EVP_CIPHER_free(fetched);
}

/* ---- GCM: a nonce a message, so init belongs to it ---- */

static bool gcm_native_step(void *ctx)
{
    struct work *w = ctx;
    uint16_t ret[2], init[6] = {w->object, w->key, MM_ENCRYPT, w->iv, 0, 12};
    uint16_t tag[4] = {w->object, w->args[4], 0, 16};

    return mm_n_cipher_init_iv(vm, init, ret) == MM_RUN_OK && native_step(ctx) &&
           mm_n_aead_retrieve_tag(vm, tag, ret) == MM_RUN_OK;
}

static bool gcm_step(void *ctx)
{
    static const uint8_t nonce[12];
    struct work *w = ctx;
    int n;

    return EVP_CipherInit_ex2(w->cipher, NULL, NULL, nonce, -1, NULL) == 1 &&
           EVP_CipherUpdate(w->cipher, w->out, &n, w->in, w->len) == 1 &&
           EVP_CipherFinal_ex(w->cipher, w->out + w->len, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(w->cipher, EVP_CTRL_AEAD_GET_TAG, 16, w->out) == 1;
}

static void gcm(int len)
{
    struct work w = {.fn = mm_n_cipher_do_final, .len = len, .cipher = EVP_CIPHER_CTX_new()};
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);

    w.args[0] = w.object = CALL(mm_n_cipher_get_instance, (uint16_t)-13, 0);
    w.key = secret(15, 128, w.in);
    w.iv = array_new(w.in, 12);
    w.args[1] = array_new(w.in, len);
    w.args[3] = (uint16_t)len;
    w.args[4] = array_new(NULL, len);
    bench_must(EVP_CipherInit_ex2(w.cipher, fetched, w.in, w.in, 1, NULL) == 1, "cipher");
    report("AES-128 GCM, init, tag", &w, gcm_native_step, gcm_step);
    EVP_CIPHER_CTX_free(w.cipher);
    EVP_CIPHER_free(fetched);
}

/* ---- MACs ---- */

static bool mac_step(void *ctx)
{
    struct work *w = ctx;
    size_t n;

    return EVP_MAC_update(w->mac, w->in, (size_t)w->len) == 1 &&
           EVP_MAC_final(w->mac, w->out, &n, sizeof(w->out)) == 1 &&
           EVP_MAC_init(w->mac, NULL, 0, NULL) == 1;
}

static void mac(const char *name, uint16_t alg, mm_ref key, const char *kind, const char *param,
                const char *with, int len)
{
    struct work w = {.fn = mm_n_sign_sign, .len = len};
    EVP_MAC *fetched = EVP_MAC_fetch(NULL, kind, NULL);
    char value[16];
    OSSL_PARAM params[2] = {OSSL_PARAM_construct_utf8_string(param, value, 0), OSSL_PARAM_END};

    (void)snprintf(value, sizeof(value), "%s", with);
    w.args[0] = CALL(mm_n_sign_get_instance, alg, 0);
    (void)CALL(mm_n_sign_init, w.args[0], key, MM_SIGN);
    w.args[1] = array_new(w.in, len);
    w.args[3] = (uint16_t)len;
    w.args[4] = array_new(NULL, 64);
    w.mac = EVP_MAC_CTX_new(fetched);
    bench_must(EVP_MAC_init(w.mac, w.in, 16, params) == 1, "mac");
    report(name, &w, native_step, mac_step);
    EVP_MAC_CTX_free(w.mac);
    EVP_MAC_free(fetched);
}

/* ---- Public keys: SHA-256 of the message included ---- */

static bool sign_step(void *ctx)
{
    struct work *w = ctx;

    w->sig_len = sizeof(w->sig);
    return md_step(ctx) && EVP_PKEY_sign(w->pkey, w->sig, &w->sig_len, w->out, 32) == 1;
}

static bool verify_step(void *ctx)
{
    struct work *w = ctx;

    return md_step(ctx) && EVP_PKEY_verify(w->pkey, w->sig, w->sig_len, w->out, 32) == 1;
}

static EVP_PKEY_CTX *bare(EVP_PKEY *pkey, bool rsa, bool sign, const EVP_MD *md)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    bench_must((sign ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1, "init");
    if (rsa)
        bench_must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1,
                   "padding");
    return ctx;
}

static void public_key(const char *name, uint16_t pair_alg, uint16_t bits, uint16_t alg, bool rsa)
{
    struct work w = {.fn = mm_n_sign_sign, .len = 240, .md = EVP_MD_CTX_new()};
    EVP_MD *type = EVP_MD_fetch(NULL, "SHA256", NULL);
    mm_ref pair = mm_vm_new_instance(vm, "javacard/security/KeyPair");
    EVP_PKEY *pkey;
    uint16_t len;
    char text[40];

    w.type = type;
    (void)CALL(mm_n_pair_init, pair, pair_alg, bits);
    (void)CALL(mm_n_pair_generate, pair);
    pkey = mm_api_pkey(vm, CALL(mm_n_pair_get_private, pair), false);
    w.args[0] = CALL(mm_n_sign_get_instance, alg, 0);
    (void)CALL(mm_n_sign_init, w.args[0], CALL(mm_n_pair_get_private, pair), MM_SIGN);
    w.args[1] = array_new(w.in, w.len);
    w.args[3] = (uint16_t)w.len;
    w.args[4] = array_new(NULL, 512);
    w.pkey = bare(pkey, rsa, true, type);
    (void)snprintf(text, sizeof(text), "%s sign", name);
    report(text, &w, native_step, sign_step);
    EVP_PKEY_CTX_free(w.pkey);
    EVP_PKEY_free(pkey);
    len = call(mm_n_sign_sign, w.args);
    (void)CALL(mm_n_sign_init, w.args[0], CALL(mm_n_pair_get_public, pair), MM_VERIFY);
    pkey = mm_api_pkey(vm, CALL(mm_n_pair_get_public, pair), false);
    w.args[6] = len;
    w.fn = mm_n_sign_verify;
    w.pkey = bare(pkey, rsa, false, type);
    (void)snprintf(text, sizeof(text), "%s verify", name);
    report(text, &w, native_step, verify_step);
    EVP_PKEY_CTX_free(w.pkey);
    EVP_PKEY_free(pkey);
    EVP_MD_CTX_free(w.md);
    EVP_MD_free(type);
}

static void symmetric(int len)
{
    uint8_t zero[16] = {0};
    mm_ref hmac = CALL(mm_n_key_build, 21, 64, 0);

    digest("SHA-1", 1, "SHA1", len);
    digest("SHA-256", 4, "SHA256", len);
    digest("SHA-512", 6, "SHA512", len);
    digest("SHA3-256", 9, "SHA3-256", len);
    cipher("AES-128 CBC", 13, 15, 128, "AES-128-CBC", len);
    cipher("AES-256 CBC", 13, 15, 256, "AES-256-CBC", len);
    cipher("AES-128 ECB", 14, 15, 128, "AES-128-ECB", len);
    cipher("AES-128 CTR", (uint16_t)-16, 15, 128, "AES-128-CTR", len);
    cipher("Triple DES CBC", 1, 3, 192, "DES-EDE3-CBC", len);
    cbc_iv(len);
    gcm(len);
    mac("AES-128 CMAC", 49, secret(15, 128, zero), "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-128-CBC",
        len);
    (void)CALL(mm_n_hmac_set_key, hmac, array_new(zero, 16), 0, 16);
    mac("HMAC SHA-256", 25, hmac, "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", len);
}

int main(int argc, char **argv)
{
    static const int sizes[] = {16, 240, 1024, 8192};
    struct mm_vm_services services = {.ctx = NULL};
    struct mm_nvm *nvm = chip_open(&services);

    if (argc > 1)
        only = argv[1];

    printf("%-24s %5s %10s %10s %6s   ns, best of %d batches in turn\n", "call", "bytes", "chip",
           "OpenSSL", "ratio", BENCH_BATCHES);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        symmetric(sizes[i]);
    if (strstr("RSA-2048 CRT sign, verify", only) != NULL)
        public_key("RSA-2048 CRT", 2, 2048, 40, true);
    if (strstr("ECDSA P-256 sign, verify", only) != NULL)
        public_key("ECDSA P-256", 5, 256, 33, false);
    mm_vm_free(&vm);
    mm_nvm_close(&nvm);
    return 0;
}
