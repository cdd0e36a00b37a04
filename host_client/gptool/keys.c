/* mintmark-gp: putting, rotating and deleting keys. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/gp/scp11_files.h"
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

/* The new set for this card: derived where it comes from master keys, by what the card says. */
static enum mm_status make_set(struct mm_gptool *tool, const struct mm_gptool_card *card,
                               struct mm_gp_keyset *set, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    bool des = opt->has_new_type ? opt->new_type == MM_GP_KEY_DES : card->scp == 0x02;
    enum mm_status st = MM_OK;

    *set = opt->new_keys;
    if (opt->new_diversify != MM_GP_DIVERSIFY_NONE && tool->session != NULL) {
        st = mm_gp_diversify(opt->new_diversify, &opt->new_keys,
                             mm_gp_session_diversification(tool->session), set, err);
    } else if (opt->new_diversify != MM_GP_DIVERSIFY_NONE) {
        memset(set->enc, card->unknown, sizeof(set->enc));
        memset(set->mac, card->unknown, sizeof(set->mac));
        memset(set->dek, card->unknown, sizeof(set->dek));
    }
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
static enum mm_status find_replaced(struct mm_gptool *tool, const struct mm_gptool_card *card,
                                    uint8_t *replaced, struct mm_err *err)
{
    static const uint8_t get[] = {0x80, MM_INS_ISD_GET_DATA, 0x00, 0xe0, 0x00};
    struct own_version own = {0};
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st;

    *replaced = tool->opt->replace;
    if (tool->opt->has_replace || tool->opt->add)
        return MM_OK;
    if (tool->opt->scp11.on) { /* the version in use is of other keys */
        *replaced = 0;
        return MM_OK;
    }
    *replaced = card->unknown & MM_GP_KEY_VERSION_LAST;
    if (tool->session == NULL)
        return MM_OK;
    own.version = mm_gp_session_key_version(tool->session);
    *replaced = own.version <= MM_GP_KEY_VERSION_LAST ? own.version : 0;
    if (*replaced == 0)
        return MM_OK;
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

static enum mm_status make_put_keys(struct mm_gptool *tool, const struct mm_gptool_card *card,
                                    const void *arg, struct mm_buf *list, struct mm_err *err)
{
    uint8_t version = tool->opt->new_version != 0 ? tool->opt->new_version : SET_VERSION;
    uint8_t replaced = 0;
    struct mm_gp_keyset set = {0};
    enum mm_status st = make_set(tool, card, &set, err);

    (void)arg;
    if (st == MM_OK)
        st = find_replaced(tool, card, &replaced, err);
    if (st == MM_OK)
        st = mm_gp_put_keys_command(card->encrypt, card->ctx, replaced, version, &set, list, err);
    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}

enum mm_status mm_gptool_put_keys(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    enum mm_status st = new_keys_given(tool->opt, err);

    (void)args;
    (void)n;
    if (st == MM_OK && tool->opt->source == MM_GPTOOL_IN_TOKEN)
        st = mm_gptool_confirm(tool, err, "the new keys will not be in the token");
    if (st == MM_OK)
        st = mm_gptool_make_and_send(tool, make_put_keys, NULL, err);
    if (st == MM_OK && !tool->opt->dry_run)
        fprintf(
            stderr,
            "mintmark-gp: the new keys have version %02X; keep them, nobody can read them back\n",
            tool->opt->new_version != 0 ? tool->opt->new_version : SET_VERSION);
    return st;
}

static enum mm_status put_private(const struct mm_gptool_options *opt,
                                  const struct mm_gptool_card *card, uint8_t version, uint8_t id,
                                  struct mm_buf *list, struct mm_err *err)
{
    EVP_PKEY *key = NULL;
    enum mm_status st = mm_gp_scp11_private_key(opt->private_key, &key, err);

    if (st == MM_OK)
        st = mm_gp_put_private_key_command(card->encrypt, card->ctx, key, opt->replace, version, id,
                                           list, err);
    EVP_PKEY_free(key);
    return st;
}

/* One key: public, an EC key's private one, or symmetric and under the DEK. */
static enum mm_status make_put_key(struct mm_gptool *tool, const struct mm_gptool_card *card,
                                   const void *arg, struct mm_buf *list, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    uint8_t version = opt->new_version != 0 ? opt->new_version : DAP_VERSION;
    uint8_t id = opt->key_id != 0 ? opt->key_id : 0x01;

    (void)arg;
    if (opt->public_key != NULL)
        return mm_gp_put_public_key_command(opt->public_key, opt->replace, version, id, list, err);
    if (opt->private_key != NULL)
        return put_private(opt, card, version, id, list, err);
    return mm_gp_put_key_command(card->encrypt, card->ctx, opt->replace, version, id,
                                 opt->has_new_type ? opt->new_type : MM_GP_KEY_AES,
                                 opt->new_keys.enc, opt->new_keys.len, list, err);
}

enum mm_status mm_gptool_put_key(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    bool file = tool->opt->public_key != NULL || tool->opt->private_key != NULL;
    enum mm_status st = file ? MM_OK : new_keys_given(tool->opt, err);

    (void)args;
    (void)n;
    return st == MM_OK ? mm_gptool_make_and_send(tool, make_put_key, NULL, err) : st;
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
