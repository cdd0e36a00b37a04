/* mintmark-gp: content management: install, delete, domains, moving, privileges. */
#include <stdlib.h>
#include <string.h>

#include "applet_vm/api/api.h"
#include "applet_vm/verify/verify.h"
#include "host_client/gptool/gptool.h"

/* The token key of the options, if any. */
struct tokens {
    struct mm_gp_signing_key *key;
    struct mm_gp_signer signer; /* sign NULL: no tokens */
};

static enum mm_status open_tokens(const struct mm_gptool_options *opt, struct tokens *t,
                                  struct mm_err *err)
{
    enum mm_status st;

    *t = (struct tokens){0};
    if (opt->token_key == NULL)
        return MM_OK;
    st = mm_gp_signing_key_read(opt->token_key, opt->rsa, &t->key, err);
    t->signer = (struct mm_gp_signer){mm_gp_sign_with_key, t->key};
    return st;
}

static const struct mm_gp_signer *signer_of(const struct tokens *t)
{
    return t->key != NULL ? &t->signer : NULL;
}

/* Send what was made, unless that failed; releases the list. */
static enum mm_status send_made(struct mm_gptool *tool, enum mm_status st, struct mm_buf *list,
                                struct mm_err *err)
{
    if (st == MM_OK)
        st = mm_gptool_send(tool, list, err);
    mm_buf_clear(list);
    return st;
}

/* ---- Install ---- */

/* Which of the package's applets to install: the one named, or the only one. */
static enum mm_status choose_module(const struct mm_gptool_options *opt, const struct mm_cap *cap,
                                    struct mm_aid *module, struct mm_err *err)
{
    size_t n = mm_cap_applet_n(cap), at = 0;
    char which[200] = "";

    *module = (struct mm_aid){0};
    for (size_t i = 0; i < n; i++) {
        const struct mm_aid *aid = &mm_cap_applet(cap, i)->aid;
        char hex[2 * MM_AID_MAX + 1];

        if (opt->applet.len > 0 ? mm_aid_equal(&opt->applet, aid) : n == 1)
            *module = *aid;
        if (at + sizeof(hex) + 1 < sizeof(which))
            at += (size_t)snprintf(which + at, sizeof(which) - at, " %s",
                                   mm_hex(aid->bytes, aid->len, hex));
    }
    if (module->len > 0 || (n == 0 && opt->applet.len == 0)) /* none at all: a library */
        return MM_OK;
    if (opt->applet.len > 0)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no applet of that AID; it has%s",
                       n > 0 ? which : " none");
    return mm_fail(err, MM_USAGE, SIZE_MAX, "it has %zu applets; say which with --applet:%s", n,
                   which);
}

static enum mm_status put_install(const struct mm_gptool_options *opt, const struct mm_aid *package,
                                  const struct mm_aid *module, const struct tokens *tokens,
                                  struct mm_buf *list, struct mm_err *err)
{
    struct mm_gp_install_how how = {.package = package,
                                    .module = module,
                                    .instance = opt->instance.len > 0 ? &opt->instance : module,
                                    .privileges = opt->privileges,
                                    .privileges_len = opt->has_privileges ? opt->privileges_len : 1,
                                    .params = opt->params,
                                    .params_len = opt->params_len,
                                    .system_params = opt->system_params,
                                    .system_params_len = opt->system_params_len,
                                    .not_selectable = opt->not_selectable,
                                    .token = signer_of(tokens)};

    return mm_gp_install_command_with(&how, list, err);
}

/* The DAP block that the options ask for: a signature given, or made here. signature: the caller's,
 * outlives dap. */
static enum mm_status make_dap(const struct mm_gptool_options *opt, const struct mm_cap *cap,
                               enum mm_gp_hash hash, struct mm_buf *signature,
                               struct mm_gp_dap *dap, struct mm_err *err)
{
    struct mm_gp_signing_key *key = NULL;
    uint8_t digest[MM_GP_HASH_MAX];
    size_t len = 0;
    enum mm_status st = MM_OK;

    mm_gp_put_plain_signature(opt->dap_signature, opt->dap_signature_len, signature);
    if (opt->dap_key != NULL) {
        signature->len = 0;
        st = mm_gp_signing_key_read(opt->dap_key, opt->rsa, &key, err);
        if (st == MM_OK)
            st = mm_gp_hash_package(cap, hash, digest, &len, err);
        if (st == MM_OK)
            st = mm_gp_sign_with_key(key, digest, len, signature, err);
        mm_gp_signing_key_free(&key);
    }
    if (st == MM_OK && signature->len == 0)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "--dap-domain needs --dap-key or --dap-signature");
    *dap = (struct mm_gp_dap){opt->dap_domain, signature->data, signature->len};
    return st;
}

enum mm_status mm_gptool_put_load(const struct mm_gptool_options *opt, const struct mm_cap *cap,
                                  const struct mm_gp_signer *token, struct mm_buf *list,
                                  struct mm_err *err)
{
    struct mm_gp_load_how how = {.domain = opt->domain.len > 0 ? &opt->domain : NULL,
                                 .block_len = opt->block_len,
                                 .hash = opt->hash,
                                 .params = opt->load_params,
                                 .params_len = opt->load_params_len,
                                 .token = token};
    struct mm_gp_secret *cipher = NULL;
    struct mm_buf signature;
    struct mm_gp_dap dap;
    enum mm_status st = MM_OK;

    mm_buf_init(&signature);
    if (opt->cipher_key != NULL)
        st = mm_gptool_open_secret(opt, "--cipher-key", opt->cipher_key, &cipher, err);
    how.cipher = cipher;
    if (how.hash == MM_GP_HASH_NONE && (opt->dap_domain.len > 0 || how.token != NULL))
        how.hash = MM_GP_HASH_SHA256; /* both need one (GPCS 2.3.1, 11.5.2.3.1) */
    if (st == MM_OK && opt->dap_domain.len > 0) {
        st = make_dap(opt, cap, how.hash, &signature, &dap, err);
        how.daps = &dap;
        how.dap_n = 1;
    }
    if (st == MM_OK)
        st = mm_gp_load_commands_with(cap, &how, list, err);
    mm_gp_secret_free(&cipher);
    mm_buf_clear(&signature);
    return st;
}

/* DELETE of the package with its applications; that it is not there is as good. */
static enum mm_status delete_before(struct mm_gptool *tool, const struct mm_aid *package,
                                    const struct tokens *tokens, struct mm_err *err)
{
    struct mm_buf list, resp;
    size_t off = 0, len;
    const uint8_t *apdu;
    uint16_t sw = 0;
    enum mm_status st;

    mm_buf_init(&list);
    mm_buf_init(&resp);
    st = mm_gp_delete_command_with(package, true, signer_of(tokens), &list, err);
    if (st == MM_OK && tool->opt->dry_run)
        st = mm_gptool_send(tool, &list, err);
    else if (st == MM_OK) {
        st = mm_gptool_connect(tool, true, err);
        apdu = mm_gp_list_next(&list, &off, &len);
        if (st == MM_OK && apdu != NULL)
            st = mm_gp_send(tool->session, apdu, len, &resp, &sw, err);
        if (st == MM_OK && sw != 0x9000 && sw != 0x6a88 && sw != 0x6a82)
            st = mm_fail(err, MM_CARD, SIZE_MAX, "DELETE before the load: %04X", sw);
    }
    mm_buf_clear(&resp);
    mm_buf_clear(&list);
    return st;
}

/* A card that refuses a package says 6A80 and no more. What this chip's verifier finds, which the card's
 * log would say, is told beside it: most often the version of an import. */
static void explain(const struct mm_cap *cap, const struct mm_err *refusal)
{
    const struct mm_verify_env env = {.rom = mm_api_packages()};
    struct mm_err why = {0};

    if (strstr(refusal->text, "LOAD: 6A80") != NULL && mm_verify(cap, &env, NULL, &why) != MM_OK)
        fprintf(stderr, "mintmark-gp: the package, by itself: %s\n", why.text);
}

static enum mm_status install_file(struct mm_gptool *tool, const char *path,
                                   const struct tokens *tokens, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_aid module = {0};
    struct mm_cap *cap = NULL;
    struct mm_buf list;
    enum mm_status st = mm_cap_read_file(path, &cap, err);

    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    if (!opt->load_only)
        st = choose_module(opt, cap, &module, err);
    if (st == MM_OK)
        st = mm_gptool_put_load(opt, cap, signer_of(tokens), &list, err);
    if (st == MM_OK && module.len > 0)
        st = put_install(opt, mm_cap_aid(cap), &module, tokens, &list, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    if (st == MM_OK && opt->force)
        st = delete_before(tool, mm_cap_aid(cap), tokens, err);
    st = send_made(tool, st, &list, err);
    if (st == MM_CARD)
        explain(cap, err);
    mm_cap_free(&cap);
    return st;
}

/* From a package that is on the card. */
static enum mm_status install_loaded(struct mm_gptool *tool, const struct tokens *tokens,
                                     struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_buf list;

    if (opt->package.len == 0 || opt->applet.len == 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "install: expected a file, or --package and --applet of what is loaded");
    mm_buf_init(&list);
    return send_made(tool, put_install(opt, &opt->package, &opt->applet, tokens, &list, err), &list,
                     err);
}

enum mm_status mm_gptool_install(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct tokens tokens;
    enum mm_status st = open_tokens(tool->opt, &tokens, err);

    if (st == MM_OK && tool->opt->force)
        st = mm_gptool_confirm(tool, err,
                               "the package and its applications, with their data, will "
                               "be deleted first");
    if (st == MM_OK)
        st =
            n == 1 ? install_file(tool, args[0], &tokens, err) : install_loaded(tool, &tokens, err);
    mm_gp_signing_key_free(&tokens.key);
    return st;
}

/* ---- Domains ---- */

enum mm_status mm_gptool_domain(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    /* The code of supplementary domains has these AIDs on cards of GlobalPlatform 2.2 and later. */
    static const struct mm_aid package = {7, {0xa0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50}};
    static const struct mm_aid module = {8, {0xa0, 0x00, 0x00, 0x01, 0x51, 0x53, 0x50, 0x41}};
    struct mm_gptool_options opt = *tool->opt;
    struct tokens tokens;
    struct mm_buf list;
    enum mm_status st = mm_gptool_aid(args[0], &opt.instance, err);

    (void)n;
    mm_buf_init(&list);
    opt.privileges[0] |= 0x80; /* a domain whatever else it is */
    opt.privileges_len = opt.has_privileges ? opt.privileges_len : 1;
    opt.has_privileges = true;
    if (st == MM_OK)
        st = open_tokens(&opt, &tokens, err);
    if (st != MM_OK)
        return st;
    st = put_install(&opt, opt.package.len > 0 ? &opt.package : &package,
                     opt.applet.len > 0 ? &opt.applet : &module, &tokens, &list, err);
    mm_gp_signing_key_free(&tokens.key);
    return send_made(tool, st, &list, err);
}

/* ---- What is there already ---- */

/* The application of an argument, and the token key. */
static enum mm_status open_subject(struct mm_gptool *tool, const char *text, struct mm_aid *aid,
                                   struct tokens *tokens, struct mm_err *err)
{
    enum mm_status st = mm_gptool_aid(text, aid, err);

    return st == MM_OK ? open_tokens(tool->opt, tokens, err) : st;
}

enum mm_status mm_gptool_selectable(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_aid aid;
    struct tokens tokens;
    struct mm_buf list;
    enum mm_status st = open_subject(tool, args[0], &aid, &tokens, err);

    (void)n;
    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    st = mm_gp_selectable_command(&aid, opt->privileges,
                                  opt->has_privileges ? opt->privileges_len : 1, signer_of(&tokens),
                                  &list, err);
    mm_gp_signing_key_free(&tokens.key);
    return send_made(tool, st, &list, err);
}

enum mm_status mm_gptool_move(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct mm_aid aid, domain;
    struct tokens tokens;
    struct mm_buf list;
    enum mm_status st = mm_gptool_aid(args[1], &domain, err);

    (void)n;
    if (st == MM_OK)
        st = open_subject(tool, args[0], &aid, &tokens, err);
    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    st = mm_gp_extradite_command(&aid, &domain, signer_of(&tokens), &list, err);
    if (st == MM_OK && !tool->opt->dry_run)
        st = mm_gptool_note_domain(tool, &aid, err);
    mm_gp_signing_key_free(&tokens.key);
    return send_made(tool, st, &list, err);
}

enum mm_status mm_gptool_registry(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    const struct mm_gptool_options *opt = tool->opt;
    struct mm_aid aid;
    struct tokens tokens;
    struct mm_buf list;
    enum mm_status st;

    (void)n;
    if (!opt->has_privileges && opt->domain.len == 0)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "registry-update: expected --privileges or --domain");
    st = open_subject(tool, args[0], &aid, &tokens, err);
    if (st != MM_OK)
        return st;
    mm_buf_init(&list);
    st = mm_gp_registry_command(&aid, opt->domain.len > 0 ? &opt->domain : NULL, opt->privileges,
                                opt->has_privileges ? opt->privileges_len : 0, signer_of(&tokens),
                                &list, err);
    if (st == MM_OK && !tool->opt->dry_run)
        st = mm_gptool_note_domain(tool, &aid, err);
    mm_gp_signing_key_free(&tokens.key);
    return send_made(tool, st, &list, err);
}

enum mm_status mm_gptool_delete(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    struct tokens tokens;
    struct mm_buf list;
    enum mm_status st = open_tokens(tool->opt, &tokens, err);

    mm_buf_init(&list);
    for (int i = 0; st == MM_OK && i < n; i++) {
        struct mm_aid aid;

        st = mm_gptool_aid(args[i], &aid, err);
        if (st == MM_OK)
            st = mm_gp_delete_command_with(&aid, tool->opt->deps, signer_of(&tokens), &list, err);
    }
    mm_gp_signing_key_free(&tokens.key);
    if (st == MM_OK)
        st = mm_gptool_confirm(tool, err, "%s%s%s will be deleted, with all its data", args[0],
                               n > 1 ? " and others" : "",
                               tool->opt->deps ? " and what depends on it" : "");
    return send_made(tool, st, &list, err);
}
