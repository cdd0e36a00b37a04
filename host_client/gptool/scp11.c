/* mintmark-gp: sessions by SCP11, with keys and certificates from files, and what a domain needs for them. */
#include <openssl/evp.h>
#include <string.h>

#include "host_client/gp/scp11_files.h"
#include "host_client/gptool/gptool.h"

#define SESSION_KEY_LEN 16

enum mm_status mm_gptool_take_scp11(struct mm_gptool_scp11 *s, enum mm_gptool_scp11_option option,
                                    const char *arg, struct mm_err *err)
{
    static const enum mm_scp11_variant variants[] = {MM_SCP11_A, MM_SCP11_B, MM_SCP11_C};
    uint8_t key[2];
    size_t n = sizeof(key);

    switch (option) {
    case MM_GPTOOL_SCP11_VARIANT:
        if (strlen(arg) != 1 || *arg < 'a' || *arg > 'c')
            return mm_fail(err, MM_USAGE, SIZE_MAX, "--scp11: expected a, b or c");
        s->variant = variants[*arg - 'a'];
        s->on = true;
        return MM_OK;
    case MM_GPTOOL_SCP11_OCE_KEY:
        s->own_key = arg;
        return MM_OK;
    case MM_GPTOOL_SCP11_OCE_CERT:
        s->certificates = arg;
        return MM_OK;
    case MM_GPTOOL_SCP11_CARD_KEY:
        s->card_key = arg;
        return MM_OK;
    case MM_GPTOOL_SCP11_CA_CERT:
        s->card_ca = arg;
        return MM_OK;
    case MM_GPTOOL_SCP11_S16:
        s->s16 = true;
        return MM_OK;
    case MM_GPTOOL_SCP11_OCE_CA:
        break;
    }
    if (mm_unhex(arg, key, &n) != MM_OK || n != 2 || key[1] > 0x7f)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "--oce-ca: expected key version and identifier in hex, as 2110");
    s->ca_version = key[0];
    s->ca_id = key[1];
    s->has_ca = true;
    return MM_OK;
}

/* What the variant needs is given, and nothing that it does not know. */
static enum mm_status check_given(const struct mm_gptool_options *opt, struct mm_err *err)
{
    const struct mm_gptool_scp11 *s = &opt->scp11;
    bool b = s->variant == MM_SCP11_B;

    if (opt->source != MM_GPTOOL_NO_KEYS || opt->scp != 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "--scp11 needs no keys and no --scp; choose one");
    if ((s->card_key != NULL) == (s->card_ca != NULL))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "--scp11: expected --card-key, or --ca-cert of who certifies the card");
    if (b != (s->own_key == NULL) || b != (s->certificates == NULL))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       b ? "--scp11 b: the host is nobody, so no --oce-key and --oce-cert"
                         : "--scp11: expected --oce-key and --oce-cert");
    if (opt->level != 0 && opt->level != 0x11 && opt->level != 0x33)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "--scp11: --security is mac+rmac or all (the default)");
    return MM_OK;
}

/* The files, read; the chain is of chain. */
static enum mm_status read_files(const struct mm_gptool_options *opt, struct mm_gp_scp11 *how,
                                 EVP_PKEY **ca, struct mm_buf *chain, struct mm_err *err)
{
    const struct mm_gptool_scp11 *s = &opt->scp11;
    enum mm_status st = check_given(opt, err);

    if (st == MM_OK && s->own_key != NULL)
        st = mm_gp_scp11_private_key(s->own_key, &how->own, err);
    if (st == MM_OK && s->certificates != NULL)
        st = mm_gp_scp11_chain(s->certificates, chain, err);
    if (st == MM_OK && s->card_key != NULL)
        st = mm_gp_scp11_public_key(s->card_key, &how->card, err);
    if (st == MM_OK && s->card_ca != NULL)
        st = mm_gp_scp11_public_key(s->card_ca, ca, err);
    how->variant = s->variant;
    how->key_version = opt->key_version;
    how->level = opt->level != 0 ? opt->level : 0x33;
    how->key_len = SESSION_KEY_LEN;
    how->s16 = s->s16;
    how->ca_version = s->ca_version;
    how->ca_id = s->has_ca ? s->ca_id : MM_SCP11_KID_CA;
    how->chain = chain->data;
    how->chain_len = chain->len;
    return st;
}

enum mm_status mm_gptool_check_scp11(const struct mm_gptool_options *opt, struct mm_err *err)
{
    struct mm_gp_scp11 how = {0};
    EVP_PKEY *ca = NULL;
    struct mm_buf chain;
    enum mm_status st;

    mm_buf_init(&chain);
    st = read_files(opt, &how, &ca, &chain, err);
    EVP_PKEY_free(how.own);
    EVP_PKEY_free(how.card);
    EVP_PKEY_free(ca);
    mm_buf_clear(&chain);
    return st;
}

enum mm_status mm_gptool_open_scp11(struct mm_gptool *tool, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    const struct mm_aid *domain = opt->connect.len > 0 ? &opt->connect : NULL;
    struct mm_gp_scp11 how = {0};
    EVP_PKEY *ca = NULL;
    struct mm_buf chain;
    enum mm_status st;

    mm_buf_init(&chain);
    st = read_files(opt, &how, &ca, &chain, err);
    if (st == MM_OK && ca != NULL)
        st = mm_gp_scp11_card_key(tool->access, domain, how.variant, ca, &how.key_version,
                                  &how.card, err);
    if (st == MM_OK)
        st = mm_gp_open_scp11(tool->access, domain, &how, &tool->session, err);
    EVP_PKEY_free(how.own);
    EVP_PKEY_free(how.card);
    EVP_PKEY_free(ca);
    mm_buf_clear(&chain);
    return st;
}

/* ---- What a domain needs for it ---- */
enum mm_status mm_gptool_put_certificates(struct mm_gptool *tool, char **args, int n,
                                          struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_buf chain, list;
    enum mm_status st = MM_OK;

    mm_buf_init(&chain);
    mm_buf_init(&list);
    if (opt->key_id == 0 || opt->new_version == 0)
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "put-certificates: expected --key-id and --new-version of the card's key");
    if (st == MM_OK && n > 0)
        st = mm_gp_scp11_chain(args[0], &chain, err);
    if (st == MM_OK)
        st = mm_gp_scp11_store_commands(opt->key_id, opt->new_version, &chain, &list, err);
    if (st == MM_OK)
        st = mm_gptool_send(tool, &list, err);
    mm_buf_clear(&chain);
    mm_buf_clear(&list);
    return st;
}
