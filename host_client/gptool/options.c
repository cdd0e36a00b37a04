/* mintmark-gp: the command line. */
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gptool/options_int.h"

#define LONG_FIRST 256 /* getopt's value of option 0: above every letter */

/* ---- Options ---- */

static enum mm_status take_source(struct mm_gptool_options *opt, enum mm_gptool_keys source,
                                  struct mm_err *err)
{
    if (opt->source != MM_GPTOOL_NO_KEYS && opt->source != source)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "keys are given in two ways; choose one");
    opt->source = source;
    return MM_OK;
}

static enum mm_status take_key_option(struct mm_gptool_options *opt, enum option_id id, char *arg,
                                      struct mm_err *err)
{
    enum mm_status st;

    switch ((int)id) { /* those of keys only */
    case OPT_KEY:
        st = take_source(opt, MM_GPTOOL_GIVEN, err);
        if (st == MM_OK)
            st = mm_gptool_keys(arg, &opt->keys, err);
        OPENSSL_cleanse(arg, strlen(arg)); /* ps shows the command line */
        return st;
    case OPT_KEY_FILE:
        st = take_source(opt, MM_GPTOOL_GIVEN, err);
        return st == MM_OK ? mm_gptool_read_key_file(arg, &opt->keys, err) : st;
    case OPT_PKCS11:
        opt->token_uri = arg;
        return take_source(opt, MM_GPTOOL_IN_TOKEN, err);
    case OPT_TEST_KEYS:
        opt->keys = mm_gp_keyset_of(&mm_scp_test_keys);
        return take_source(opt, MM_GPTOOL_TEST_KEYS, err);
    case OPT_PIN_FILE:
        return mm_gptool_read_pin_file(arg, opt, err);
    case OPT_DIVERSIFY:
        return mm_gptool_read_diversify("diversify", arg, &opt->diversify, err);
    case OPT_KEY_VERSION:
        opt->has_key_version = true;
        return mm_gptool_byte("--key-version", arg, &opt->key_version, err);
    case OPT_NEW_KEY_FILE:
        st = mm_gptool_read_key_file(arg, &opt->new_keys, err);
        opt->has_new_keys = st == MM_OK;
        return st;
    case OPT_NEW_DIVERSIFY:
        return mm_gptool_read_diversify("new-diversify", arg, &opt->new_diversify, err);
    case OPT_NEW_VERSION:
        return mm_gptool_byte("--new-version", arg, &opt->new_version, err);
    case OPT_REPLACE:
        opt->has_replace = true;
        return mm_gptool_byte("--replace", arg, &opt->replace, err);
    case OPT_KEY_ID:
        return mm_gptool_byte("--key-id", arg, &opt->key_id, err);
    default:
        return mm_gptool_read_type(arg, opt, err); /* OPT_NEW_TYPE */
    }
}

static enum mm_status take_scp11_option(struct mm_gptool_options *opt, enum option_id id,
                                        const char *arg, struct mm_err *err)
{
    static const enum mm_gptool_scp11_option options[OPT_N] = {
        [OPT_SCP11] = MM_GPTOOL_SCP11_VARIANT,
        [OPT_OCE_KEY] = MM_GPTOOL_SCP11_OCE_KEY,
        [OPT_OCE_CERT] = MM_GPTOOL_SCP11_OCE_CERT,
        [OPT_OCE_CA] = MM_GPTOOL_SCP11_OCE_CA,
        [OPT_CARD_KEY] = MM_GPTOOL_SCP11_CARD_KEY,
        [OPT_CA_CERT] = MM_GPTOOL_SCP11_CA_CERT,
        [OPT_S16] = MM_GPTOOL_SCP11_S16};

    return mm_gptool_take_scp11(&opt->scp11, options[id], arg, err);
}

/* A flat list, one case an option. */
static enum mm_status take_option(struct mm_gptool_options *opt, enum option_id id, char *arg,
                                  struct mm_err *err)
{
    switch (id) {
    case OPT_READER:
        opt->reader = arg;
        return MM_OK;
    case OPT_KEY:
    case OPT_KEY_FILE:
    case OPT_PKCS11:
    case OPT_PIN_FILE:
    case OPT_TEST_KEYS:
    case OPT_DIVERSIFY:
    case OPT_KEY_VERSION:
    case OPT_NEW_KEY_FILE:
    case OPT_NEW_DIVERSIFY:
    case OPT_NEW_VERSION:
    case OPT_NEW_TYPE:
    case OPT_REPLACE:
    case OPT_KEY_ID:
        return take_key_option(opt, id, arg, err);
    case OPT_CONNECT:
        return mm_gptool_aid(arg, &opt->connect, err);
    case OPT_SCP:
        return mm_gptool_read_scp(arg, &opt->scp, err);
    case OPT_SECURITY:
        return mm_gptool_read_level(arg, &opt->level, err);
    case OPT_SCP11:
    case OPT_OCE_KEY:
    case OPT_OCE_CERT:
    case OPT_OCE_CA:
    case OPT_CARD_KEY:
    case OPT_CA_CERT:
    case OPT_S16:
        return take_scp11_option(opt, id, arg, err);
    case OPT_YES:
        opt->yes = true;
        return MM_OK;
    case OPT_DRY_RUN:
        opt->dry_run = true;
        return MM_OK;
    case OPT_TRACE:
        opt->trace = true;
        return MM_OK;
    case OPT_JSON:
        opt->json = true;
        return MM_OK;
    case OPT_APPLET:
        return mm_gptool_aid(arg, &opt->applet, err);
    case OPT_PACKAGE:
        return mm_gptool_aid(arg, &opt->package, err);
    case OPT_INSTANCE:
        return mm_gptool_aid(arg, &opt->instance, err);
    case OPT_DOMAIN:
        return mm_gptool_aid(arg, &opt->domain, err);
    case OPT_PARAMS:
        return mm_gptool_read_hex("params", arg, opt->params, &opt->params_len, sizeof(opt->params),
                                  err);
    case OPT_SYSTEM_PARAMS:
        return mm_gptool_read_hex("system-params", arg, opt->system_params, &opt->system_params_len,
                                  sizeof(opt->system_params), err);
    case OPT_LOAD_PARAMS:
        return mm_gptool_read_hex("load-params", arg, opt->load_params, &opt->load_params_len,
                                  sizeof(opt->load_params), err);
    case OPT_PRIVILEGES:
        return mm_gptool_read_privileges(arg, opt, err);
    case OPT_LOAD_ONLY:
        opt->load_only = true;
        return MM_OK;
    case OPT_UNSELECTABLE:
        opt->not_selectable = true;
        return MM_OK;
    case OPT_FORCE:
        opt->force = true;
        return MM_OK;
    case OPT_BLOCK:
        return mm_gptool_read_block_len(arg, &opt->block_len, err);
    case OPT_DAP_DOMAIN:
        return mm_gptool_aid(arg, &opt->dap_domain, err);
    case OPT_DAP_KEY:
        opt->dap_key = arg;
        return MM_OK;
    case OPT_DAP_SIGNATURE:
        return mm_gptool_read_hex("dap-signature", arg, opt->dap_signature, &opt->dap_signature_len,
                                  sizeof(opt->dap_signature), err);
    case OPT_HASH:
        return mm_gp_hash_read(arg, &opt->hash, err);
    case OPT_RSA:
        return mm_gptool_read_rsa(arg, &opt->rsa, err);
    case OPT_TOKEN_KEY:
        opt->token_key = arg;
        return MM_OK;
    case OPT_CIPHER_KEY:
        opt->cipher_key = arg;
        return MM_OK;
    case OPT_RECEIPT_KEY:
        opt->receipt_key = arg;
        return MM_OK;
    case OPT_DEPS:
        opt->deps = true;
        return MM_OK;
    case OPT_ADD:
        opt->add = true;
        return MM_OK;
    case OPT_PUBLIC_KEY:
        opt->public_key = arg;
        return MM_OK;
    case OPT_PRIVATE_KEY:
        opt->private_key = arg;
        return MM_OK;
    case OPT_FILE:
        opt->file = arg;
        return MM_OK;
    case OPT_DGI:
        opt->dgi = true;
        return MM_OK;
    case OPT_ENCRYPT:
        opt->encrypt = true;
        return MM_OK;
    case OPT_NO_PADDING:
        opt->no_padding = true;
        return MM_OK;
    case OPT_TLV:
        opt->tlv = true;
        return MM_OK;
    case OPT_N:
        break;
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "wrong option");
}

/* Secrets that may come from the environment, when no option gives any. */
static enum mm_status take_environment(struct mm_gptool_options *opt, struct mm_err *err)
{
    char *keys = getenv("MINTMARK_GP_KEY"), *fresh = getenv("MINTMARK_GP_NEW_KEY");
    char *pin = getenv("MINTMARK_GP_PIN");
    enum mm_status st = MM_OK;

    if (opt->source == MM_GPTOOL_NO_KEYS && !opt->scp11.on && keys != NULL) {
        opt->source = MM_GPTOOL_GIVEN;
        st = mm_gptool_keys(keys, &opt->keys, err);
        OPENSSL_cleanse(keys, strlen(keys));
        if (st != MM_OK)
            mm_err_prefix(err, "MINTMARK_GP_KEY");
    }
    if (st == MM_OK && !opt->has_new_keys && fresh != NULL) {
        st = mm_gptool_keys(fresh, &opt->new_keys, err);
        opt->has_new_keys = st == MM_OK;
        OPENSSL_cleanse(fresh, strlen(fresh));
        if (st != MM_OK)
            mm_err_prefix(err, "MINTMARK_GP_NEW_KEY");
    }
    if (pin != NULL && opt->pin[0] == '\0') {
        snprintf(opt->pin, sizeof(opt->pin), "%s", pin);
        OPENSSL_cleanse(pin, strlen(pin));
    }
    return st;
}

/* Which options were given is remembered, to be held against the command. */
static enum mm_status check_fit(const bool given[OPT_N], const char *command, struct mm_err *err)
{
    for (size_t i = 0; i < OPT_N; i++) {
        if (given[i] && strcmp(mm_gptool_infos[i].commands, "*") != 0 &&
            !mm_gptool_has_word(mm_gptool_infos[i].commands, command))
            return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s is not an option of %s",
                           mm_gptool_infos[i].name, command);
    }
    return MM_OK;
}

static void make_longs(struct option longs[OPT_N + 3], char shorts[2 * OPT_N + 3])
{
    size_t at = 0;

    for (size_t i = 0; i < OPT_N; i++) {
        longs[i] =
            (struct option){mm_gptool_infos[i].name,
                            mm_gptool_infos[i].argument != NULL ? required_argument : no_argument,
                            NULL, LONG_FIRST + (int)i};
        if (mm_gptool_infos[i].letter != 0) {
            shorts[at++] = mm_gptool_infos[i].letter;
            if (mm_gptool_infos[i].argument != NULL)
                shorts[at++] = ':';
        }
    }
    longs[OPT_N] = (struct option){"help", no_argument, NULL, 'h'};
    longs[OPT_N + 1] = (struct option){"version", no_argument, NULL, 'V'};
    longs[OPT_N + 2] = (struct option){0};
    shorts[at++] = 'h';
    shorts[at++] = 'V';
    shorts[at] = '\0';
}

static enum option_id option_of(int c)
{
    if (c >= LONG_FIRST)
        return (enum option_id)(c - LONG_FIRST);
    for (size_t i = 0; i < OPT_N; i++) {
        if (mm_gptool_infos[i].letter != 0 && mm_gptool_infos[i].letter == c)
            return (enum option_id)i;
    }
    return OPT_N;
}

/* The command of a line that asks for help; NULL: none is named. */
static const struct mm_gptool_command *named_in(int argc, char **argv)
{
    const struct mm_gptool_command *found = NULL;

    for (int i = 1; found == NULL && i < argc; i++)
        found = mm_gptool_find(argv[i]);
    return found;
}

enum mm_status mm_gptool_read_options(int argc, char **argv, struct mm_gptool_options *opt,
                                      int *first, bool *shown, struct mm_err *err)
{
    struct option longs[OPT_N + 3];
    char shorts[2 * OPT_N + 3];
    bool given[OPT_N] = {false};
    enum mm_status st = MM_OK;
    int c;

    *opt = (struct mm_gptool_options){0};
    *shown = false;
    make_longs(longs, shorts);
    while (st == MM_OK && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        enum option_id id = option_of(c);

        if (c == 'h' || c == 'V') {
            const struct mm_gptool_command *named = c == 'h' ? named_in(argc, argv) : NULL;

            *shown = true;
            if (named != NULL)
                return mm_gptool_help(named->name, err);
            if (c == 'h')
                mm_gptool_print_help();
            else
                puts("mintmark-gp " MM_VERSION);
            return MM_OK;
        }
        if (id != OPT_N)
            given[id] = true;
        st = take_option(opt, id, optarg, err);
    }
    *first = optind;
    if (st == MM_OK && optind >= argc)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "expected a command");
    if (st == MM_OK && mm_gptool_find(argv[optind]) != NULL)
        st = check_fit(given, argv[optind], err);
    return st == MM_OK ? take_environment(opt, err) : st;
}
