/* mintmark-gp: what needs no card: hashes and signatures of packages. */
#include <jansson.h>
#include <string.h>

#include "host_client/gptool/gptool.h"

static enum mm_status print(struct mm_gptool *tool, const char *key, const uint8_t *data,
                            size_t len, const char *path, struct mm_err *err)
{
    char hex[2 * 512 + 1];
    json_t *o;
    bool bad;

    if (len > 512)
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%zu bytes are too many to print", len);
    mm_hex(data, len, hex);
    if (!tool->opt->json) {
        fprintf(tool->out, "%s  %s\n", hex, path);
        return MM_OK;
    }
    o = json_pack("{s:s, s:s}", "file", path, key, hex);
    bad = o == NULL || json_dumpf(o, tool->out, JSON_INDENT(2)) != 0;
    json_decref(o);
    fputc('\n', tool->out);
    return bad ? mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the result could not be written") : MM_OK;
}

static enum mm_status hash_file(const struct mm_gptool_options *opt, const char *path,
                                uint8_t digest[MM_GP_HASH_MAX], size_t *len, struct mm_err *err)
{
    struct mm_cap *cap = NULL;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st == MM_OK)
        st = mm_gp_hash_package(cap, opt->hash != MM_GP_HASH_NONE ? opt->hash : MM_GP_HASH_SHA256,
                                digest, len, err);
    mm_cap_free(&cap);
    return st;
}

enum mm_status mm_gptool_hash(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    uint8_t digest[MM_GP_HASH_MAX];
    size_t len = 0;
    enum mm_status st = hash_file(tool->opt, args[0], digest, &len, err);

    (void)n;
    return st == MM_OK ? print(tool, "hash", digest, len, args[0], err) : st;
}

enum mm_status mm_gptool_sign(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct mm_gp_signing_key *key = NULL;
    uint8_t digest[MM_GP_HASH_MAX];
    struct mm_buf signature;
    size_t len = 0;
    enum mm_status st;

    (void)n;
    mm_buf_init(&signature);
    if (tool->opt->dap_key == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "sign: expected --dap-key");
    st = hash_file(tool->opt, args[0], digest, &len, err);
    if (st == MM_OK)
        st = mm_gp_signing_key_read(tool->opt->dap_key, tool->opt->rsa, &key, err);
    if (st == MM_OK)
        st = mm_gp_sign_with_key(key, digest, len, &signature, err);
    if (st == MM_OK)
        st = print(tool, "signature", signature.data, signature.len, args[0], err);
    mm_gp_signing_key_free(&key);
    mm_buf_clear(&signature);
    return st;
}
