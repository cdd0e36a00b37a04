/*
 * Digests that begin in a middle state (InitializedMessageDigest, Signature.setInitialDigest): the
 * chaining value after whole blocks, and how many bytes those were. OpenSSL's EVP interface has no
 * such entry, its plain structures of each digest do: their fields are public and documented by the
 * header. SHA-3 has no such structure, so it is not offered.
 */
/* The plain structures are deprecated in OpenSSL 3, without another way to set a state. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>
#include <stdlib.h>

/* MessageDigest.ALG_... */
enum { SHA = 1, MD5_ALG, RIPEMD, SHA_256, SHA_384, SHA_512, SHA_224 };

/* What a count of bits in 64 bits can tell, in bytes: the longest message of SHA-1 and SHA-256 (FIPS
 * 180-4), and here of all. */
#define MESSAGE_MAX (((uint64_t)1 << 61) - 1)

struct mm_api_mid {
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

bool mm_api_mid_offered(unsigned alg)
{
    return alg >= SHA && alg <= SHA_224;
}

void mm_api_mid_free(struct mm_api_mid **mid)
{
    if (*mid != NULL)
        OPENSSL_cleanse(*mid, sizeof(**mid));
    free(*mid);
    *mid = NULL;
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

/* The structure as if bytes, a multiple of the block, had been put through it. */
static bool load(struct mm_api_mid *mid, const uint8_t *s, uint64_t bytes)
{
    uint32_t low = (uint32_t)(bytes << 3), high = (uint32_t)(bytes >> 29);
    SHA_CTX *sha = &mid->u.sha;
    MD5_CTX *md5 = &mid->u.md5;
    RIPEMD160_CTX *ripemd = &mid->u.ripemd;
    bool ok;

    switch (mid->alg) {
    case SHA:
        ok = SHA1_Init(sha) == 1;
        sha->h0 = word_be(s), sha->h1 = word_be(s + 4), sha->h2 = word_be(s + 8);
        sha->h3 = word_be(s + 12), sha->h4 = word_be(s + 16);
        sha->Nl = low, sha->Nh = high;
        return ok;
    case MD5_ALG:
        ok = MD5_Init(md5) == 1;
        md5->A = word_le(s), md5->B = word_le(s + 4), md5->C = word_le(s + 8);
        md5->D = word_le(s + 12);
        md5->Nl = low, md5->Nh = high;
        return ok;
    case RIPEMD:
        ok = RIPEMD160_Init(ripemd) == 1;
        ripemd->A = word_le(s), ripemd->B = word_le(s + 4), ripemd->C = word_le(s + 8);
        ripemd->D = word_le(s + 12), ripemd->E = word_le(s + 16);
        ripemd->Nl = low, ripemd->Nh = high;
        return ok;
    case SHA_256:
    case SHA_224:
        ok = (mid->alg == SHA_256 ? SHA256_Init : SHA224_Init)(&mid->u.sha256) == 1;
        for (size_t i = 0; i < 8; i++)
            mid->u.sha256.h[i] = word_be(s + 4 * i);
        mid->u.sha256.Nl = low, mid->u.sha256.Nh = high;
        return ok;
    default:
        ok = (mid->alg == SHA_512 ? SHA512_Init : SHA384_Init)(&mid->u.sha512) == 1;
        for (size_t i = 0; i < 8; i++)
            mid->u.sha512.h[i] = (uint64_t)word_be(s + 8 * i) << 32 | word_be(s + 8 * i + 4);
        mid->u.sha512.Nl = bytes << 3, mid->u.sha512.Nh = bytes >> 61;
        return ok;
    }
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

enum mm_run mm_api_mid_set(struct mm_vm *vm, struct mm_api_op *op, unsigned alg,
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
    mm_api_mid_free(&op->mid);
    if ((op->mid = calloc(1, sizeof(*op->mid))) == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->mid->alg = alg;
    op->mid->left = MESSAGE_MAX - bytes;
    if (load(op->mid, state, bytes))
        return MM_RUN_OK;
    mm_api_mid_free(&op->mid);
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

bool mm_api_mid_update(struct mm_api_mid *mid, const uint8_t *data, size_t len)
{
    if (len > mid->left)
        return false;
    mid->left -= len;
    switch (mid->alg) {
    case SHA:
        return SHA1_Update(&mid->u.sha, data, len) == 1;
    case MD5_ALG:
        return MD5_Update(&mid->u.md5, data, len) == 1;
    case RIPEMD:
        return RIPEMD160_Update(&mid->u.ripemd, data, len) == 1;
    case SHA_256:
    case SHA_224:
        return SHA256_Update(&mid->u.sha256, data, len) == 1;
    default:
        return SHA512_Update(&mid->u.sha512, data, len) == 1;
    }
}

bool mm_api_mid_final(struct mm_api_mid **mid, uint8_t *md, unsigned *len)
{
    static const uint8_t digest_len[] = {0, 20, 16, 20, 32, 48, 64, 28};
    struct mm_api_mid *m = *mid;
    bool ok;

    *len = digest_len[m->alg];
    switch (m->alg) {
    case SHA:
        ok = SHA1_Final(md, &m->u.sha) == 1;
        break;
    case MD5_ALG:
        ok = MD5_Final(md, &m->u.md5) == 1;
        break;
    case RIPEMD:
        ok = RIPEMD160_Final(md, &m->u.ripemd) == 1;
        break;
    case SHA_256:
    case SHA_224: /* the structure knows how much of it is the digest */
        ok = SHA256_Final(md, &m->u.sha256) == 1;
        break;
    default:
        ok = SHA512_Final(md, &m->u.sha512) == 1;
        break;
    }
    mm_api_mid_free(mid);
    return ok;
}
