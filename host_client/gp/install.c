/*
 * INSTALL in its forms, LOAD, and DELETE of content (GPCS 2.3.1, 11.5, 11.6, 11.2), with tokens of
 * delegated management where a signer is given (C.4).
 */
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/gp_int.h"

#define LOAD_BLOCKS   256    /* P2 of LOAD is one byte */
#define LFDB_MAX      0xffef /* padded, it still has a length of two bytes */
#define TOKEN_MAX     1024   /* extended length, where a token needs it */
#define AES_BLOCK_LEN 16

enum install_for {
    FOR_LOAD = 0x02,
    FOR_INSTALL = 0x04,
    FOR_SELECTABLE = 0x08,
    FOR_EXTRADITION = 0x10,
    FOR_PERSONALIZATION = 0x20,
    FOR_REGISTRY = 0x40
};

static enum mm_status made(enum mm_status st, const char *command, struct mm_err *err)
{
    if (st == MM_TOO_LONG)
        return mm_fail(err, st, SIZE_MAX, "%s: the data exceed what a command holds", command);
    return st == MM_OK ? st : mm_fail(err, st, SIZE_MAX, "%s: %s", command, mm_status_text(st));
}

/* What a token signs: P1, P2, Lc and data of the command without its token (GPCS 2.3.1, C.4). */
static enum mm_status make_token(const struct mm_gp_signer *signer, uint8_t p1, uint8_t p2,
                                 const struct mm_buf *data, struct mm_buf *token,
                                 struct mm_err *err)
{
    struct mm_buf input;
    enum mm_status st = MM_OK;

    if (signer == NULL || signer->sign == NULL)
        return MM_OK;
    mm_buf_init(&input);
    mm_buf_u8(&input, p1);
    mm_buf_u8(&input, p2);
    mm_buf_u8(&input, (uint8_t)data->len);
    mm_buf_bytes(&input, data->data, data->len);
    if (input.bad || data->len > 255)
        st = mm_fail(err, MM_TOO_LONG, SIZE_MAX, "token over %zu bytes", data->len);
    else
        st = signer->sign(signer->ctx, input.data, input.len, token, err);
    mm_buf_clear(&input);
    return st;
}

/* Add the token to the data and append the command. */
static enum mm_status put_install(struct mm_buf *list, uint8_t p1, struct mm_buf *data,
                                  const struct mm_gp_signer *signer, struct mm_err *err)
{
    struct mm_buf token;
    enum mm_status st;

    mm_buf_init(&token);
    st = make_token(signer, p1, 0x00, data, &token, err);
    if (st == MM_OK) {
        mm_gp_put_lv(data, token.data, token.len);
        st = made(mm_gp_put_command_of(list, MM_INS_ISD_INSTALL, p1, 0x00, data,
                                       token.len > 0 ? TOKEN_MAX : MM_GP_DATA_MAX),
                  "INSTALL", err);
    }
    mm_buf_clear(&token);
    mm_buf_clear(data);
    return st;
}

static void put_aid(struct mm_buf *buf, const struct mm_aid *aid)
{
    static const struct mm_aid none;

    if (aid == NULL)
        aid = &none;
    mm_gp_put_lv(buf, aid->bytes, aid->len);
}

/* A template, or nothing where it is empty. */
static void put_template(struct mm_buf *buf, uint8_t tag, const uint8_t *value, size_t len)
{
    if (len == 0)
        return;
    mm_buf_u8(buf, tag);
    mm_gp_put_lv(buf, value, len);
}

/* ---- Load ---- */

static enum mm_status put_for_load(const struct mm_cap *cap, const struct mm_gp_load_how *how,
                                   struct mm_buf *list, struct mm_err *err)
{
    uint8_t hash[MM_GP_HASH_MAX];
    size_t hash_len = 0;
    struct mm_buf data, params;
    enum mm_status st = MM_OK;

    if (how->hash != MM_GP_HASH_NONE)
        st = mm_gp_hash_package(cap, how->hash, hash, &hash_len, err);
    if (st != MM_OK)
        return st;
    mm_buf_init(&data);
    mm_buf_init(&params);
    put_aid(&data, mm_cap_aid(cap));
    put_aid(&data, how->domain);
    mm_gp_put_lv(&data, hash, hash_len);
    put_template(&params, 0xef, how->params, how->params_len);
    mm_gp_put_lv(&data, params.data, params.len);
    st = params.bad ? MM_NO_MEMORY : put_install(list, FOR_LOAD, &data, how->token, err);
    mm_buf_clear(&params);
    return st;
}

/* | D3 IV | D4 data block, padded 80 00.. and in CBC mode |. Hash and signatures stay those of the plain
 * one (GPCS 2.3.1, 11.6.2.3, C.6). */
static enum mm_status put_ciphered(const uint8_t *lfdb, size_t lfdb_len,
                                   const struct mm_gp_load_how *how, struct mm_buf *file,
                                   struct mm_err *err)
{
    size_t room = lfdb_len + AES_BLOCK_LEN, len;
    uint8_t iv[AES_BLOCK_LEN], *plain = malloc(room), *hidden = malloc(room);
    enum mm_status st = MM_OK;

    if (plain == NULL || hidden == NULL) {
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
        goto out;
    }
    if (how->iv != NULL)
        memcpy(iv, how->iv, sizeof(iv));
    else if (RAND_bytes(iv, sizeof(iv)) != 1)
        st = mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random bytes");
    memcpy(plain, lfdb, lfdb_len);
    len = mm_scp_pad(plain, lfdb_len, AES_BLOCK_LEN);
    if (st == MM_OK)
        st = mm_gp_secret_cbc(how->cipher, iv, plain, len, hidden, err);
    if (st == MM_OK) {
        put_template(file, 0xd3, iv, sizeof(iv));
        put_template(file, 0xd4, hidden, len);
    }
out:
    if (plain != NULL)
        OPENSSL_cleanse(plain, room);
    free(plain);
    free(hidden);
    return st;
}

/* The Load File: DAP blocks | E2 | { 4F domain, C3 signature } each, then | C4 | LFDB | (GPCS
 * 2.3.1, 11.6.2.3). */
static enum mm_status put_load_file(const struct mm_cap *cap, const struct mm_gp_load_how *how,
                                    struct mm_buf *file, struct mm_err *err)
{
    size_t lfdb_len;
    const uint8_t *lfdb = mm_cap_lfdb(cap, &lfdb_len);
    struct mm_buf block;
    enum mm_status st = MM_OK;

    if (lfdb_len > LFDB_MAX)
        return made(MM_TOO_LONG, "LOAD", err);

    mm_buf_init(&block);
    for (size_t i = 0; i < how->dap_n; i++) {
        block.len = 0;
        mm_buf_u8(&block, 0x4f);
        put_aid(&block, &how->daps[i].domain);
        mm_buf_u8(&block, 0xc3);
        mm_gp_put_lv(&block, how->daps[i].signature, how->daps[i].signature_len);
        mm_buf_u8(file, 0xe2);
        mm_gp_put_lv(file, block.data, block.len);
    }
    if (how->cipher != NULL)
        st = put_ciphered(lfdb, lfdb_len, how, file, err);
    else
        put_template(file, 0xc4, lfdb, lfdb_len);
    file->bad |= block.bad;
    mm_buf_clear(&block);
    return st == MM_OK && file->bad ? made(MM_NO_MEMORY, "LOAD", err) : st;
}

enum mm_status mm_gp_load_commands_with(const struct mm_cap *cap, const struct mm_gp_load_how *how,
                                        struct mm_buf *list, struct mm_err *err)
{
    size_t block_len = how->block_len != 0 ? how->block_len : MM_GP_BLOCK_LEN, blocks;
    struct mm_buf file, block;
    enum mm_status st;

    if (block_len > MM_GP_DATA_MAX)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "LOAD blocks of %zu bytes; at most %d", block_len,
                       MM_GP_DATA_MAX);
    mm_buf_init(&file);
    mm_buf_init(&block);
    st = put_load_file(cap, how, &file, err);
    blocks = (file.len + block_len - 1) / block_len;
    if (st == MM_OK && blocks > LOAD_BLOCKS)
        st = made(MM_TOO_LONG, "LOAD", err);
    if (st == MM_OK)
        st = put_for_load(cap, how, list, err);
    for (size_t i = 0; st == MM_OK && i < blocks; i++) {
        size_t off = i * block_len;
        size_t n = file.len - off < block_len ? file.len - off : block_len;

        block.len = 0;
        mm_buf_bytes(&block, file.data + off, n);
        st = made(mm_gp_put_command(list, MM_INS_ISD_LOAD, i + 1 == blocks ? 0x80 : 0x00,
                                    (uint8_t)i, &block),
                  "LOAD", err);
    }
    mm_buf_clear(&block);
    mm_buf_clear(&file);
    return st;
}

enum mm_status mm_gp_load_commands(const struct mm_cap *cap, const struct mm_aid *sd,
                                   size_t block_len, struct mm_buf *list)
{
    struct mm_gp_load_how how = {.domain = sd, .block_len = block_len};

    return block_len == 0 ? MM_USAGE : mm_gp_load_commands_with(cap, &how, list, NULL);
}

/* ---- Install, make selectable ---- */

enum mm_status mm_gp_install_command_with(const struct mm_gp_install_how *how, struct mm_buf *list,
                                          struct mm_err *err)
{
    struct mm_buf data, params;
    enum mm_status st;

    if ((how->privileges_len != 1 && how->privileges_len != 3) || how->params_len > MM_GP_DATA_MAX)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "INSTALL: 1 or 3 bytes of privileges, at most %d of parameters",
                       MM_GP_DATA_MAX);
    mm_buf_init(&data);
    mm_buf_init(&params);
    mm_buf_u8(&params, 0xc9); /* the application's own, always there (GPCS 2.3.1, 11.5.2.3.7) */
    mm_gp_put_lv(&params, how->params, how->params_len);
    put_template(&params, 0xef, how->system_params, how->system_params_len);
    put_aid(&data, how->package);
    put_aid(&data, how->module);
    put_aid(&data, how->instance);
    mm_gp_put_lv(&data, how->privileges, how->privileges_len);
    mm_gp_put_lv(&data, params.data, params.len);
    st = params.bad
             ? MM_NO_MEMORY
             : put_install(list, how->not_selectable ? FOR_INSTALL : FOR_INSTALL | FOR_SELECTABLE,
                           &data, how->token, err);
    mm_buf_clear(&params);
    return st;
}

enum mm_status mm_gp_install_command(const struct mm_aid *package, const struct mm_aid *module,
                                     const struct mm_aid *instance, const uint8_t *privileges,
                                     size_t privileges_len, const uint8_t *params,
                                     size_t params_len, struct mm_buf *list)
{
    struct mm_gp_install_how how = {.package = package,
                                    .module = module,
                                    .instance = instance,
                                    .privileges = privileges,
                                    .privileges_len = privileges_len,
                                    .params = params,
                                    .params_len = params_len};

    return mm_gp_install_command_with(&how, list, NULL);
}

/* The forms that name a domain or none, an application, and perhaps privileges:
 * | domain | 00 | application | privileges | parameters | token | */
static enum mm_status put_about(struct mm_buf *list, uint8_t p1, const struct mm_aid *domain,
                                const struct mm_aid *aid, const uint8_t *privileges,
                                size_t privileges_len, const struct mm_gp_signer *token,
                                struct mm_err *err)
{
    struct mm_buf data;

    mm_buf_init(&data);
    put_aid(&data, domain);
    mm_buf_u8(&data, 0);
    put_aid(&data, aid);
    mm_gp_put_lv(&data, privileges, privileges_len);
    mm_buf_u8(&data, 0);
    return put_install(list, p1, &data, token, err);
}

enum mm_status mm_gp_selectable_command(const struct mm_aid *aid, const uint8_t *privileges,
                                        size_t privileges_len, const struct mm_gp_signer *token,
                                        struct mm_buf *list, struct mm_err *err)
{
    return put_about(list, FOR_SELECTABLE, NULL, aid, privileges, privileges_len, token, err);
}

enum mm_status mm_gp_extradite_command(const struct mm_aid *aid, const struct mm_aid *domain,
                                       const struct mm_gp_signer *token, struct mm_buf *list,
                                       struct mm_err *err)
{
    return put_about(list, FOR_EXTRADITION, domain, aid, NULL, 0, token, err);
}

enum mm_status mm_gp_registry_command(const struct mm_aid *aid, const struct mm_aid *domain,
                                      const uint8_t *privileges, size_t privileges_len,
                                      const struct mm_gp_signer *token, struct mm_buf *list,
                                      struct mm_err *err)
{
    return put_about(list, FOR_REGISTRY, domain, aid, privileges, privileges_len, token, err);
}

enum mm_status mm_gp_personalization_command(const struct mm_aid *aid, struct mm_buf *list,
                                             struct mm_err *err)
{
    return put_about(list, FOR_PERSONALIZATION, NULL, aid, NULL, 0, NULL, err);
}

/* ---- Delete ---- */

enum mm_status mm_gp_delete_command_with(const struct mm_aid *aid, bool related,
                                         const struct mm_gp_signer *token, struct mm_buf *list,
                                         struct mm_err *err)
{
    uint8_t p2 = related ? 0x80 : 0x00;
    struct mm_buf data, sig;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_init(&sig);
    mm_buf_u8(&data, 0x4f);
    put_aid(&data, aid);
    st = make_token(token, 0x00, p2, &data, &sig, err);
    if (st == MM_OK) {
        put_template(&data, 0x9e, sig.data, sig.len);
        st = made(mm_gp_put_command_of(list, MM_INS_ISD_DELETE, 0x00, p2, &data,
                                       sig.len > 0 ? TOKEN_MAX : MM_GP_DATA_MAX),
                  "DELETE", err);
    }
    mm_buf_clear(&sig);
    mm_buf_clear(&data);
    return st;
}

enum mm_status mm_gp_delete_command(const struct mm_aid *aid, bool related, struct mm_buf *list)
{
    return mm_gp_delete_command_with(aid, related, NULL, list, NULL);
}
