/* mintmark-gp: putting, rotating and deleting keys. */
#include <openssl/crypto.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gptool/gptool.h"

#define SET_VERSION 0x30 /* defaults of --new-version: a first set of keys, */
#define DAP_VERSION 0x73 /* and a key for DAP (GPCS 2.3.1, 11.1.9) */

static enum mm_status new_keys_given(const struct mm_gptool_options *opt, struct mm_err *err)
{
    if (opt->has_new_keys)
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX,
                   "no new keys given: --new-key-file or MINTMARK_GP_NEW_KEY");
}

/* In a dry run there is no session; keys in hand still have a DEK, which in SCP03 is all it needs. */
static enum mm_status encrypt_dry(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                                  struct mm_err *err)
{
    struct mm_gp_keys *keys = ctx;

    return keys->ops->cbc(keys->ctx, MM_GP_KEY_DEK, data, data_len, out, err);
}

static enum mm_status prepare_dry(struct mm_gptool *tool, struct mm_err *err)
{
    struct mm_gp_key_card card = {.scp = 0x03};
    enum mm_status st;

    if (tool->opt->diversify != MM_GP_DIVERSIFY_NONE || tool->opt->scp == 0x02 ||
        tool->opt->new_diversify != MM_GP_DIVERSIFY_NONE)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "no --dry-run here: the command depends on what the card answers");
    st = mm_gptool_open_keys(tool->opt, &tool->keys, err);
    return st == MM_OK ? tool->keys->ops->choose(tool->keys->ctx, &card, err) : st;
}

/* The new set for this card: derived where it comes from master keys. */
static enum mm_status make_set(struct mm_gptool *tool, struct mm_gp_keyset *set, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    bool des = opt->new_type == MM_GP_KEY_DES;
    enum mm_status st = MM_OK;

    *set = opt->new_keys;
    if (!opt->has_new_type && tool->session != NULL)
        des = mm_gp_session_scp(tool->session) == 0x02;
    if (opt->new_diversify != MM_GP_DIVERSIFY_NONE)
        st = mm_gp_diversify(opt->new_diversify, &opt->new_keys,
                             mm_gp_session_diversification(tool->session), set, err);
    set->type = des ? MM_GP_KEY_DES : MM_GP_KEY_AES;
    return st;
}

struct own_version {
    uint8_t version;
    bool listed;
};

static void look_for(void *ctx, const struct mm_gp_key_info *key)
{
    struct own_version *own = ctx;

    own->listed |= key->version == own->version;
}

/* The version that new keys replace when nobody says it: the one in use. Not the initial one (FF), which
 * is not addressable (GPCS 11.8.2.1), nor one that the domain has from another, having none of its
 * own; then a first set is added. */
static enum mm_status find_replaced(struct mm_gptool *tool, uint8_t *replaced, struct mm_err *err)
{
    static const uint8_t get[] = {0x80, MM_INS_ISD_GET_DATA, 0x00, 0xe0, 0x00};
    struct own_version own = {.version = mm_gp_session_key_version(tool->session)};
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    *replaced = 0;
    if (tool->opt->add || own.version > MM_GP_KEY_VERSION_LAST)
        return MM_OK;
    *replaced = own.version;
    if (tool->opt->connect.len == 0)
        return MM_OK;
    mm_buf_init(&resp);
    st = mm_gp_send(tool->session, get, sizeof(get), &resp, &sw, err);
    if (st == MM_OK &&
        (sw != MM_SW_9000_NO_ERROR ||
         (mm_gp_parse_key_info(resp.data, resp.len, look_for, &own, NULL) == MM_OK && !own.listed)))
        *replaced = 0;
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gptool_put_keys(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    uint8_t version = opt->new_version != 0 ? opt->new_version : SET_VERSION;
    uint8_t replaced = opt->replace;
    struct mm_gp_keyset set = {0};
    struct mm_buf list;
    enum mm_status st = new_keys_given(opt, err);

    (void)args;
    (void)n;
    if (st == MM_OK && opt->source == MM_GPTOOL_IN_TOKEN && !opt->dry_run)
        st = mm_gptool_confirm(tool, err, "the new keys will not be in the token");
    if (st == MM_OK)
        st = opt->dry_run ? prepare_dry(tool, err) : mm_gptool_connect(tool, true, err);
    if (st == MM_OK)
        st = make_set(tool, &set, err);
    mm_buf_init(&list);
    if (st == MM_OK && !opt->has_replace && tool->session != NULL)
        st = find_replaced(tool, &replaced, err);
    if (st == MM_OK)
        st = mm_gp_put_keys_command(tool->session != NULL ? mm_gp_encrypt : encrypt_dry,
                                    tool->session != NULL ? (void *)tool->session : tool->keys,
                                    replaced, version, &set, &list, err);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    OPENSSL_cleanse(&set, sizeof(set));
    mm_buf_clear(&list);
    return st;
}

/* One symmetric key; the DEK it goes under is the session's. */
static enum mm_status put_secret(struct mm_gptool *tool, uint8_t version, uint8_t id,
                                 struct mm_buf *list, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    enum mm_status st = new_keys_given(opt, err);

    if (st == MM_OK)
        st = opt->dry_run ? prepare_dry(tool, err) : mm_gptool_connect(tool, true, err);
    if (st != MM_OK)
        return st;
    return mm_gp_put_key_command(tool->session != NULL ? mm_gp_encrypt : encrypt_dry,
                                 tool->session != NULL ? (void *)tool->session : tool->keys,
                                 opt->replace, version, id,
                                 opt->has_new_type ? opt->new_type : MM_GP_KEY_AES,
                                 opt->new_keys.enc, opt->new_keys.len, list, err);
}

enum mm_status mm_gptool_put_key(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    uint8_t version = opt->new_version != 0 ? opt->new_version : DAP_VERSION;
    uint8_t id = opt->key_id != 0 ? opt->key_id : 0x01;
    struct mm_buf list;
    enum mm_status st;

    (void)args;
    (void)n;
    mm_buf_init(&list);
    if (opt->public_key != NULL)
        st = mm_gp_put_public_key_command(opt->public_key, opt->replace, version, id, &list, err);
    else
        st = put_secret(tool, version, id, &list, err);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}

enum mm_status mm_gptool_delete_keys(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    uint8_t version = 0;
    struct mm_buf list;
    enum mm_status st = mm_gptool_byte("delete-keys", args[0], &version, err);

    (void)n;
    mm_buf_init(&list);
    if (st == MM_OK && mm_gp_delete_key_command(version, tool->opt->key_id, &list) != MM_OK)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "delete-keys: version 00 is none");
    if (st == MM_OK)
        st = mm_gptool_confirm(tool, err, "key version %02X will be deleted", version);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&list);
    return st;
}
