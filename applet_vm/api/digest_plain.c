/*
 * Digests in OpenSSL's plain structures. They can begin in a middle state (InitializedMessageDigest,
 * Signature.setInitialDigest): the chaining value after whole blocks, and how many bytes those were. The
 * EVP interface has no such entry; the fields of these structures are public and documented by their
 * headers. And they begin anew without the memory that EVP gives back and takes for each message, which
 * is a quarter of the time of a short one. SHA-3 has no such structure.
 */
/* They are deprecated in OpenSSL 3, without another way to set a state. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

/* MessageDigest.ALG_... */
enum { SHA = 1, MD5_ALG, RIPEMD, SHA_256, SHA_384, SHA_512, SHA_224 };

/* What a count of bits in 64 bits can tell, in bytes: the longest message of SHA-1 and SHA-256 (FIPS
 * 180-4), and here of all. */
#define MESSAGE_MAX (((uint64_t)1 << 61) - 1)

struct mm_api_plain {
    unsigned alg;
    uint64_t left; /* bytes that the message may still have */
    union {
        SHA_CTX sha;
        MD5_CTX md5;
        RIPEMD160_CTX ripemd;
        SHA256_CTX sha256; /* SHA-224 too */
        SHA512_CTX sha512; /* SHA-384 too */
    } u;
};

bool mm_api_plain_offered(unsigned alg)
{
    return alg >= SHA && alg <= SHA_224;
}

void mm_api_plain_free(struct mm_api_plain **plain)
{
    if (*plain != NULL)
        OPENSSL_cleanse(*plain, sizeof(**plain));
    free(*plain);
    *plain = NULL;
}

static unsigned block_len(unsigned alg)
{
    return alg == SHA_384 || alg == SHA_512 ? 128 : 64;
}

/* Bytes of the chaining value; SHA-224 and SHA-384 give less of it as their digest. */
static int32_t state_len(unsigned alg)
{
    static const uint8_t len[] = {0, 20, 16, 20, 32, 64, 64, 32};

    return len[alg];
}

static uint32_t word_le(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint32_t word_be(const uint8_t *p)
{
    return (uint32_t)mm_be16(p) << 16 | mm_be16(p + 2);
}

bool mm_api_plain_again(struct mm_api_plain *p)
{
    p->left = MESSAGE_MAX;
    switch (p->alg) {
    case SHA:
        return SHA1_Init(&p->u.sha) == 1;
    case MD5_ALG:
        return MD5_Init(&p->u.md5) == 1;
    case RIPEMD:
        return RIPEMD160_Init(&p->u.ripemd) == 1;
    case SHA_256:
        return SHA256_Init(&p->u.sha256) == 1;
    case SHA_224:
        return SHA224_Init(&p->u.sha256) == 1;
    case SHA_384:
        return SHA384_Init(&p->u.sha512) == 1;
    default:
        return SHA512_Init(&p->u.sha512) == 1;
    }
}

/* As if bytes, a multiple of the block, had been put through it after its beginning. */
static void load(struct mm_api_plain *p, const uint8_t *s, uint64_t bytes)
{
    uint32_t low = (uint32_t)(bytes << 3), high = (uint32_t)(bytes >> 29);
    SHA_CTX *sha = &p->u.sha;
    MD5_CTX *md5 = &p->u.md5;
    RIPEMD160_CTX *ripemd = &p->u.ripemd;

    switch (p->alg) {
    case SHA:
        sha->h0 = word_be(s), sha->h1 = word_be(s + 4), sha->h2 = word_be(s + 8);
        sha->h3 = word_be(s + 12), sha->h4 = word_be(s + 16);
        sha->Nl = low, sha->Nh = high;
        return;
    case MD5_ALG:
        md5->A = word_le(s), md5->B = word_le(s + 4), md5->C = word_le(s + 8);
        md5->D = word_le(s + 12);
        md5->Nl = low, md5->Nh = high;
        return;
    case RIPEMD:
        ripemd->A = word_le(s), ripemd->B = word_le(s + 4), ripemd->C = word_le(s + 8);
        ripemd->D = word_le(s + 12), ripemd->E = word_le(s + 16);
        ripemd->Nl = low, ripemd->Nh = high;
        return;
    case SHA_256:
    case SHA_224:
        for (size_t i = 0; i < 8; i++)
            p->u.sha256.h[i] = word_be(s + 4 * i);
        p->u.sha256.Nl = low, p->u.sha256.Nh = high;
        return;
    default:
        for (size_t i = 0; i < 8; i++)
            p->u.sha512.h[i] = (uint64_t)word_be(s + 8 * i) << 32 | word_be(s + 8 * i + 4);
        p->u.sha512.Nl = bytes << 3, p->u.sha512.Nh = bytes >> 61;
    }
}

bool mm_api_plain_start(struct mm_api_op *op, unsigned alg)
{
    if (op->plain == NULL && (op->plain = calloc(1, sizeof(*op->plain))) == NULL)
        return false;
    op->plain->alg = alg;
    return mm_api_plain_again(op->plain);
}

/* A length in bytes, big-endian. */
static bool count_of(const uint8_t *data, int n, uint64_t *count)
{
    *count = 0;
    for (int i = 0; i < n; i++) {
        if (*count >> 53 != 0)
            return false;
        *count = *count << 8 | data[i];
    }
    return true;
}

enum mm_run mm_api_plain_set(struct mm_vm *vm, struct mm_api_op *op, unsigned alg,
                             const uint16_t *args)
{
    const uint8_t *state, *count;
    uint64_t bytes;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &state);

    if (run == MM_RUN_OK)
        run = mm_vm_bytes(vm, args[4], MM_ARG_SHORT(5), MM_ARG_SHORT(6), &count);
    if (run != MM_RUN_OK)
        return run;
    if (MM_ARG_SHORT(3) != state_len(alg) || !count_of(count, MM_ARG_SHORT(6), &bytes) ||
        bytes == 0 || bytes % block_len(alg) != 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    if (!mm_api_plain_start(op, alg))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->plain->left -= bytes;
    load(op->plain, state, bytes);
    return MM_RUN_OK;
}

bool mm_api_plain_update(struct mm_api_plain *p, const uint8_t *data, size_t len)
{
    if (len > p->left)
        return false;
    p->left -= len;
    switch (p->alg) {
    case SHA:
        return SHA1_Update(&p->u.sha, data, len) == 1;
    case MD5_ALG:
        return MD5_Update(&p->u.md5, data, len) == 1;
    case RIPEMD:
        return RIPEMD160_Update(&p->u.ripemd, data, len) == 1;
    case SHA_256:
    case SHA_224:
        return SHA256_Update(&p->u.sha256, data, len) == 1;
    default:
        return SHA512_Update(&p->u.sha512, data, len) == 1;
    }
}

bool mm_api_plain_final(struct mm_api_plain *p, uint8_t *md)
{
    switch (p->alg) {
    case SHA:
        return SHA1_Final(md, &p->u.sha) == 1;
    case MD5_ALG:
        return MD5_Final(md, &p->u.md5) == 1;
    case RIPEMD:
        return RIPEMD160_Final(md, &p->u.ripemd) == 1;
    case SHA_256:
    case SHA_224: /* the structure knows how much of it is the digest */
        return SHA256_Final(md, &p->u.sha256) == 1;
    default:
        return SHA512_Final(md, &p->u.sha512) == 1;
    }
}

/* ---- HMAC (FIPS 198-1) over them: a key is two states that every message begins from ---- */

#define BLOCK_MAX 128

struct mm_api_hmac {
    struct mm_api_plain inner, outer, run;
};

/* The state after the key's block, each byte of it with pad. */
static bool pad_state(struct mm_api_plain *p, unsigned alg, const uint8_t *key, uint8_t pad)
{
    uint8_t block[BLOCK_MAX];
    bool ok;

    for (size_t i = 0; i < block_len(alg); i++)
        block[i] = key[i] ^ pad;
    p->alg = alg;
    ok = mm_api_plain_again(p) && mm_api_plain_update(p, block, block_len(alg));
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

bool mm_api_hmac_new(struct mm_api_op *op, unsigned alg, const uint8_t *key, size_t len)
{
    struct mm_api_hmac *h = calloc(1, sizeof(*h));
    uint8_t block[BLOCK_MAX] = {0};
    bool ok = h != NULL;

    op->hmac = h;
    if (len <= block_len(alg)) {
        memcpy(block, key, len);
    } else if (ok) { /* a longer key stands for its digest */
        h->run.alg = alg;
        ok = mm_api_plain_again(&h->run) && mm_api_plain_update(&h->run, key, len) &&
             mm_api_plain_final(&h->run, block);
    }
    ok = ok && pad_state(&h->inner, alg, block, 0x36) && pad_state(&h->outer, alg, block, 0x5c);
    if (ok)
        mm_api_hmac_start(h);
    OPENSSL_cleanse(block, sizeof(block));
    return ok;
}

void mm_api_hmac_start(struct mm_api_hmac *h)
{
    h->run = h->inner;
}

bool mm_api_hmac_update(struct mm_api_hmac *h, const uint8_t *data, size_t len)
{
    return mm_api_plain_update(&h->run, data, len);
}

bool mm_api_hmac_final(struct mm_api_hmac *h, uint8_t *mac)
{
    uint8_t md[EVP_MAX_MD_SIZE];
    bool ok = mm_api_plain_final(&h->run, md);

    h->run = h->outer;
    ok = ok && mm_api_plain_update(&h->run, md, mm_api_md_len(h->run.alg)) &&
         mm_api_plain_final(&h->run, mac);
    OPENSSL_cleanse(md, sizeof(md));
    mm_api_hmac_start(h);
    return ok;
}

void mm_api_hmac_free(struct mm_api_hmac **hmac)
{
    if (*hmac != NULL)
        OPENSSL_cleanse(*hmac, sizeof(**hmac));
    free(*hmac);
    *hmac = NULL;
}
