/* javacard.security.MessageDigest and RandomData; refusals common to the crypto classes. */
#include "applet_vm/api/api_int.h"

#include <openssl/crypto.h>

#define DIGEST_CLASS "javacard/security/MessageDigest"
#define RANDOM_CLASS "javacard/security/RandomData"
#define RANDOM_CHUNK 256

enum mm_run mm_n_crypto_illegal_use(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

/* ---- The digest of an operation ---- */

bool mm_api_hash_new(struct mm_vm *vm, struct mm_api_op *op, unsigned alg)
{
    if (mm_api_plain_offered(alg))
        return mm_api_plain_start(op, alg);
    mm_api_plain_free(&op->plain);
    if (op->md == NULL && (op->md = EVP_MD_CTX_new()) == NULL)
        return false;
    return EVP_DigestInit_ex2(op->md, mm_api_md(vm, alg), NULL) == 1;
}

bool mm_api_hash_again(struct mm_api_op *op)
{
    return op->plain != NULL ? mm_api_plain_again(op->plain)
                             : EVP_DigestInit_ex2(op->md, NULL, NULL) == 1;
}

bool mm_api_hash_update(struct mm_api_op *op, const uint8_t *data, size_t len)
{
    return op->plain != NULL ? mm_api_plain_update(op->plain, data, len)
                             : EVP_DigestUpdate(op->md, data, len) == 1;
}

bool mm_api_hash_final(struct mm_api_op *op, uint8_t *md)
{
    return op->plain != NULL ? mm_api_plain_final(op->plain, md)
                             : EVP_DigestFinal_ex(op->md, md, NULL) == 1;
}

/* ---- MessageDigest ---- */

static EVP_MD *md_of(struct mm_vm *vm, mm_ref ref)
{
    return mm_api_md(vm, mm_vm_hidden(vm, ref, DIGEST_CLASS, 0));
}

enum mm_run mm_n_digest_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (mm_api_md(vm, alg) == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/MessageDigest", DIGEST_CLASS, alg, ret);
}

enum mm_run mm_n_digest_get_initialized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (!mm_api_plain_offered(alg))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/InitializedMessageDigest", DIGEST_CLASS, alg, ret);
}

enum mm_run mm_n_digest_open_initialized(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (!mm_api_plain_offered(alg))
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_one_shot_open(vm, "javacard/security/InitializedMessageDigest$OneShot",
                                DIGEST_CLASS, alg, ret);
}

/* setInitialDigest(digest, off, len, digestedMsgLen, off, len): what was fed before is dropped */
enum mm_run mm_n_digest_set_initial_digest(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    unsigned alg = mm_vm_hidden(vm, args[0], DIGEST_CLASS, 0);
    struct mm_api_op *op;
    enum mm_run run;

    (void)ret;
    if (alg == 0) /* a OneShot that was closed */
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    op = mm_api_op(vm, args[0]);
    if (op == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    run = mm_api_plain_set(vm, op, alg, args);
    op->started = run == MM_RUN_OK;
    return run;
}

enum mm_run mm_n_digest_open(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (mm_api_md(vm, alg) == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_one_shot_open(vm, "javacard/security/MessageDigest$OneShot", DIGEST_CLASS, alg,
                                ret);
}

enum mm_run mm_n_digest_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], DIGEST_CLASS, 0);
    return MM_RUN_OK;
}

enum mm_run mm_n_digest_get_length(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    EVP_MD *md = md_of(vm, args[0]);

    if (md == NULL)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = (uint16_t)EVP_MD_get_size(md);
    return MM_RUN_OK;
}

enum mm_run mm_n_digest_reset(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);

    (void)ret;
    if (op != NULL)
        mm_api_op_clear(op);
    return MM_RUN_OK;
}

/* Of the operation in progress, else of the object; 0: a OneShot that was closed. */
static unsigned alg_of(struct mm_vm *vm, mm_ref ref, const struct mm_api_op *op)
{
    return op != NULL && op->alg != 0 ? op->alg : mm_vm_hidden(vm, ref, DIGEST_CLASS, 0);
}

/* The state is kept from message to message; it is wiped by its next start, a reset or the end. */
static enum mm_run feed(struct mm_vm *vm, const uint16_t *args, unsigned alg,
                        struct mm_api_op **out)
{
    size_t len = (size_t)MM_ARG_SHORT(3);
    struct mm_api_op *op = *out;
    const uint8_t *data;
    enum mm_run run = mm_vm_bytes(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3), &data);

    if (run != MM_RUN_OK)
        return run;
    if (op == NULL)
        *out = op = mm_api_op(vm, args[0]);
    if (op == NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->alg = (uint16_t)alg;
    if (!op->started && !mm_api_hash_new(vm, op, alg))
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    op->started = true;
    return mm_api_hash_update(op, data, len) ? MM_RUN_OK
                                             : mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
}

enum mm_run mm_n_digest_update(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);

    (void)ret;
    return feed(vm, args, alg_of(vm, args[0], op), &op);
}

/* doFinal(in, off, len, out, off): room is checked first, so that a refused call changes nothing */
enum mm_run mm_n_digest_do_final(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    struct mm_api_op *op = mm_api_op_find(vm, args[0]);
    uint8_t md[EVP_MAX_MD_SIZE], *out;
    unsigned alg = alg_of(vm, args[0], op);
    uint8_t len = mm_api_md_len(alg);
    enum mm_run run;

    if (alg == 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    run = mm_api_room(vm, args[4], MM_ARG_SHORT(5), len);
    if (run == MM_RUN_OK)
        run = feed(vm, args, alg, &op);
    if (run != MM_RUN_OK)
        return run;
    op->started = false;
    out = mm_vm_bytes_in_place(vm, args[4], args[5]); /* all input has been read */
    if (!mm_api_hash_final(op, out != NULL ? out : md))
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    ret[0] = len;
    return out != NULL ? MM_RUN_OK : mm_vm_array_write(vm, args[4], args[5], md, len, true);
}

/* ---- RandomData ---- */

/* All algorithms are the same source here: PSEUDO 1, SECURE 2, TRNG 3, DRBG 4, FAST 5, KEYGEN 6. */
enum mm_run mm_n_random_get_instance(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (alg < 1 || alg > 6)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_new_algorithm(vm, "mintmark/RandomData", RANDOM_CLASS, alg, ret);
}

enum mm_run mm_n_random_open(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t alg = (uint8_t)args[0];

    if (alg < 1 || alg > 6)
        return mm_api_throw_crypto(vm, MM_CRYPTO_NO_SUCH_ALGORITHM);
    return mm_api_one_shot_open(vm, "javacard/security/RandomData$OneShot", RANDOM_CLASS, alg, ret);
}

enum mm_run mm_n_random_get_algorithm(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    ret[0] = mm_vm_hidden(vm, args[0], RANDOM_CLASS, 0);
    return MM_RUN_OK;
}

/* A seed is mixed in by none: the source seeds itself, and a caller must not be able to weaken it. */
enum mm_run mm_n_random_set_seed(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return mm_api_room(vm, args[1], MM_ARG_SHORT(2), MM_ARG_SHORT(3));
}

enum mm_run mm_n_random_next_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    const struct mm_vm_services *s = mm_vm_services(vm);
    int off = MM_ARG_SHORT(2), len = MM_ARG_SHORT(3);
    uint8_t chunk[RANDOM_CHUNK];
    enum mm_run run;

    if (mm_vm_hidden(vm, args[0], RANDOM_CLASS, 0) == 0) /* a OneShot that was closed */
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
    run = mm_api_room(vm, args[1], off, len);
    if (run == MM_RUN_OK && len == 0)
        return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_VALUE);
    for (int at = 0; run == MM_RUN_OK && at < len; at += RANDOM_CHUNK) {
        size_t n = (size_t)(len - at < RANDOM_CHUNK ? len - at : RANDOM_CHUNK);
        if (s->random(s->ctx, chunk, n) != MM_OK)
            return mm_api_throw_crypto(vm, MM_CRYPTO_ILLEGAL_USE);
        run = mm_vm_array_write(vm, args[1], (uint16_t)(off + at), chunk, (uint16_t)n, true);
    }
    OPENSSL_cleanse(chunk, sizeof(chunk));
    ret[0] = (uint16_t)(off + len);
    return run;
}

enum mm_run mm_n_random_generate_data(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint16_t unused[2];

    (void)ret;
    return mm_n_random_next_bytes(vm, args, unused);
}
