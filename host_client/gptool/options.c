/* mintmark-gp: the command line. */
#include <ctype.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/access/trace.h"
#include "host_client/gptool/gptool.h"

#define KEY_FILE_MAX 1024

enum option_id {
#define MM_GP_OPTION(id, name, letter, argument, commands, help) OPT_##id,
#include "host_client/gptool/options.def"
#undef MM_GP_OPTION
    OPT_N
};
static const struct option_info {
    const char *name;
    char letter;
    const char *argument, *commands, *help;
} infos[] = {
#define MM_GP_OPTION(id, name, letter, argument, commands, help)                                   \
    {name, letter, argument, commands, help},
#include "host_client/gptool/options.def"
#undef MM_GP_OPTION
};
#define LONG_FIRST 256 /* getopt's value of option 0: above every letter */

static const struct mm_gptool_command commands[] = {
#define MM_GP_COMMAND(name, arguments, least, most, run, help)                                     \
    {name, arguments, least, most, run, help},
#include "host_client/gptool/commands.def"
#undef MM_GP_COMMAND
};
#define COMMAND_N (sizeof(commands) / sizeof(commands[0]))

const struct mm_gptool_command *mm_gptool_command_at(size_t index)
{
    return index < COMMAND_N ? &commands[index] : NULL;
}

const struct mm_gptool_command *mm_gptool_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_N; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* ---- Help ---- */

/* Is word one of the words in list? */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
        if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' '))
            return true;
    }
    return false;
}

bool mm_gptool_takes(const char *command, const char *option)
{
    for (size_t i = 0; i < OPT_N; i++) {
        if (strcmp(infos[i].name, option) == 0)
            return has_word(infos[i].commands, command);
    }
    return false;
}

static void print_option(const struct option_info *o)
{
    char left[40], letter[8] = "   ";

    if (o->letter != 0)
        snprintf(letter, sizeof(letter), "-%c,", o->letter);
    snprintf(left, sizeof(left), "%s --%s %s", letter, o->name,
             o->argument != NULL ? o->argument : "");
    printf("  %-26s %s\n", left, o->help);
}

static void print_help(void)
{
    puts("usage: mintmark-gp [options] COMMAND [arguments]\ncommands");
    for (size_t i = 0; i < COMMAND_N; i++) {
        char left[40];
        snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].arguments);
        printf("  %-26s %s\n", left, commands[i].help);
    }
    puts("  help COMMAND               its options\noptions of every command that talks to a card");
    for (size_t i = 0; i < OPT_N; i++) {
        if (strcmp(infos[i].commands, "*") == 0)
            print_option(&infos[i]);
    }
    puts("  -h, --help  -V, --version\n"
         "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a receipt is wrong or missing, 4 no "
         "reader\n"
         "or card, 5 the card refused.");
}

enum mm_status mm_gptool_help(const char *command, struct mm_err *err)
{
    const struct mm_gptool_command *c = mm_gptool_find(command);

    if (c == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "unknown command \"%s\"", command);
    printf("usage: mintmark-gp [options] %s %s\n  %s\n", c->name, c->arguments, c->help);
    for (size_t i = 0; i < OPT_N; i++) {
        if (has_word(infos[i].commands, c->name))
            print_option(&infos[i]);
    }
    puts("and the options that mintmark-gp --help lists");
    return MM_OK;
}

/* ---- Values ---- */

enum mm_status mm_gptool_byte(const char *what, const char *text, uint8_t *out, struct mm_err *err)
{
    uint8_t v = 0;
    size_t n = 1;

    if (mm_unhex(text, &v, &n) != MM_OK || n != 1)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected one byte in hex", what);
    *out = v;
    return MM_OK;
}

enum mm_status mm_gptool_aid(const char *text, struct mm_aid *out, struct mm_err *err)
{
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);

    if (mm_trace_aid_by_name(text, strlen(text), out) != MM_OK &&
        (mm_unhex(text, bytes, &n) != MM_OK || mm_aid_set(out, bytes, n) != MM_OK))
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "\"%s\" is not an AID of 5 to 16 bytes nor a known name", text);
    return MM_OK;
}

enum mm_status mm_gptool_keys(const char *text, struct mm_gp_keyset *set, struct mm_err *err)
{
    uint8_t bytes[3 * MM_GP_KEY_MAX];
    size_t n = sizeof(bytes), step, len;
    enum mm_status st = mm_unhex(text, bytes, &n);

    memset(set, 0, sizeof(*set));
    set->type = MM_GP_KEY_AES;
    step = n == 48 || n == 72 || n == 96 ? n / 3 : 0;
    len = step != 0 ? step : n;
    if (st != MM_OK || (len != 16 && len != 24 && len != 32)) {
        st = mm_fail(err, MM_USAGE, SIZE_MAX,
                     "keys: expected 16, 24 or 32 bytes in hex, or three times as many as "
                     "enc:mac:dek");
    } else {
        set->len = (uint8_t)len;
        memcpy(set->enc, bytes, len);
        memcpy(set->mac, bytes + step, len);
        memcpy(set->dek, bytes + 2 * step, len);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return st;
}

static enum mm_status read_key_file(const char *path, struct mm_gp_keyset *set, struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_gp_read_private(path, KEY_FILE_MAX, &data, &len, err);

    if (st != MM_OK)
        return st;
    for (size_t i = 0; i < len; i++) /* the newline at the end, and others */
        data[i] = isspace(data[i]) ? ' ' : data[i];
    st = mm_gptool_keys((const char *)data, set, err);
    if (st != MM_OK)
        mm_err_prefix(err, "%s", path);
    OPENSSL_cleanse(data, len);
    free(data);
    return st;
}

static enum mm_status read_pin_file(const char *path, struct mm_gptool_options *opt,
                                    struct mm_err *err)
{
    uint8_t *data = NULL;
    size_t len = 0;
    enum mm_status st = mm_gp_read_private(path, sizeof(opt->pin) - 1, &data, &len, err);

    if (st != MM_OK)
        return st;
    data[strcspn((const char *)data, "\r\n")] = '\0';
    snprintf(opt->pin, sizeof(opt->pin), "%s", (const char *)data);
    OPENSSL_cleanse(data, len);
    free(data);
    return MM_OK;
}

/* One of several words; their numbers start at 0. */
static enum mm_status read_word(const char *what, const char *text, const char *const *words,
                                size_t n, size_t *out, struct mm_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return MM_OK;
        }
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s: \"%s\" is none of its values", what, text);
}
#define WORDS(array) array, sizeof(array) / sizeof((array)[0])

static enum mm_status read_diversify(const char *what, const char *text, enum mm_gp_diversify *out,
                                     struct mm_err *err)
{
    static const char *const words[] = {[MM_GP_DIVERSIFY_NONE] = "none",
                                        [MM_GP_DIVERSIFY_EMV] = "emv",
                                        [MM_GP_DIVERSIFY_VISA2] = "visa2",
                                        [MM_GP_DIVERSIFY_KDF3] = "kdf3",
                                        [MM_GP_DIVERSIFY_OURS] = "mintmark"};
    size_t i = 0;
    enum mm_status st = read_word(what, text, WORDS(words), &i, err);

    *out = (enum mm_gp_diversify)i;
    return st;
}

static enum mm_status read_level(const char *text, uint8_t *out, struct mm_err *err)
{
    static const char *const words[] = {"mac", "mac+enc", "mac+rmac", "mac+enc+rmac", "all"};
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};
    size_t i = 0;
    enum mm_status st = read_word("security", text, WORDS(words), &i, err);

    *out = levels[i];
    return st;
}

static enum mm_status read_scp(const char *text, uint8_t *out, struct mm_err *err)
{
    static const char *const words[] = {"auto", "02", "03"};
    static const uint8_t scps[] = {0, 0x02, 0x03};
    size_t i = 0;
    enum mm_status st = read_word("scp", text, WORDS(words), &i, err);

    *out = scps[i];
    return st;
}

static enum mm_status read_rsa(const char *text, enum mm_gp_rsa_scheme *out, struct mm_err *err)
{
    static const char *const words[] = {
        [MM_GP_RSA_BY_LENGTH] = "auto", [MM_GP_RSA_PKCS1] = "pkcs1", [MM_GP_RSA_PSS] = "pss"};
    size_t i = 0;
    enum mm_status st = read_word("rsa", text, WORDS(words), &i, err);

    *out = (enum mm_gp_rsa_scheme)i;
    return st;
}

static enum mm_status read_type(const char *text, struct mm_gptool_options *opt, struct mm_err *err)
{
    static const char *const words[] = {"aes", "des"};
    size_t i = 0;
    enum mm_status st = read_word("new-type", text, WORDS(words), &i, err);

    opt->new_type = i == 0 ? MM_GP_KEY_AES : MM_GP_KEY_DES;
    opt->has_new_type = st == MM_OK;
    return st;
}

static enum mm_status read_hex(const char *name, const char *text, uint8_t *out, size_t *len,
                               size_t most, struct mm_err *err)
{
    *len = most;
    if (mm_unhex(text, out, len) == MM_OK)
        return MM_OK;
    *len = 0;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s: expected up to %zu bytes in hex", name, most);
}

static enum mm_status read_privileges(const char *text, struct mm_gptool_options *opt,
                                      struct mm_err *err)
{
    enum mm_status st = mm_gp_privileges_read(text, opt->privileges, err);

    opt->has_privileges = st == MM_OK;
    /* One byte where it is enough: cards before 2.2 know no other form. */
    opt->privileges_len = (opt->privileges[1] | opt->privileges[2]) != 0 ? 3 : 1;
    return st;
}

static enum mm_status read_block_len(const char *text, size_t *out, struct mm_err *err)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*end != '\0' || n < 16 || n > 255)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "--block-size: expected 16 to 255");
    *out = n;
    return MM_OK;
}

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
        return st == MM_OK ? read_key_file(arg, &opt->keys, err) : st;
    case OPT_PKCS11:
        opt->token_uri = arg;
        return take_source(opt, MM_GPTOOL_IN_TOKEN, err);
    case OPT_TEST_KEYS:
        opt->keys = mm_gp_keyset_of(&mm_scp_test_keys);
        return take_source(opt, MM_GPTOOL_TEST_KEYS, err);
    case OPT_PIN_FILE:
        return read_pin_file(arg, opt, err);
    case OPT_DIVERSIFY:
        return read_diversify("diversify", arg, &opt->diversify, err);
    case OPT_KEY_VERSION:
        opt->has_key_version = true;
        return mm_gptool_byte("--key-version", arg, &opt->key_version, err);
    case OPT_NEW_KEY_FILE:
        st = read_key_file(arg, &opt->new_keys, err);
        opt->has_new_keys = st == MM_OK;
        return st;
    case OPT_NEW_DIVERSIFY:
        return read_diversify("new-diversify", arg, &opt->new_diversify, err);
    case OPT_NEW_VERSION:
        return mm_gptool_byte("--new-version", arg, &opt->new_version, err);
    case OPT_REPLACE:
        opt->has_replace = true;
        return mm_gptool_byte("--replace", arg, &opt->replace, err);
    case OPT_KEY_ID:
        return mm_gptool_byte("--key-id", arg, &opt->key_id, err);
    default:
        return read_type(arg, opt, err); /* OPT_NEW_TYPE */
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
        return read_scp(arg, &opt->scp, err);
    case OPT_SECURITY:
        return read_level(arg, &opt->level, err);
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
        return read_hex("params", arg, opt->params, &opt->params_len, sizeof(opt->params), err);
    case OPT_SYSTEM_PARAMS:
        return read_hex("system-params", arg, opt->system_params, &opt->system_params_len,
                        sizeof(opt->system_params), err);
    case OPT_LOAD_PARAMS:
        return read_hex("load-params", arg, opt->load_params, &opt->load_params_len,
                        sizeof(opt->load_params), err);
    case OPT_PRIVILEGES:
        return read_privileges(arg, opt, err);
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
        return read_block_len(arg, &opt->block_len, err);
    case OPT_DAP_DOMAIN:
        return mm_gptool_aid(arg, &opt->dap_domain, err);
    case OPT_DAP_KEY:
        opt->dap_key = arg;
        return MM_OK;
    case OPT_DAP_SIGNATURE:
        return read_hex("dap-signature", arg, opt->dap_signature, &opt->dap_signature_len,
                        sizeof(opt->dap_signature), err);
    case OPT_HASH:
        return mm_gp_hash_read(arg, &opt->hash, err);
    case OPT_RSA:
        return read_rsa(arg, &opt->rsa, err);
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
        if (given[i] && strcmp(infos[i].commands, "*") != 0 &&
            !has_word(infos[i].commands, command))
            return mm_fail(err, MM_USAGE, SIZE_MAX, "--%s is not an option of %s", infos[i].name,
                           command);
    }
    return MM_OK;
}

static void make_longs(struct option longs[OPT_N + 3], char shorts[2 * OPT_N + 3])
{
    size_t at = 0;

    for (size_t i = 0; i < OPT_N; i++) {
        longs[i] = (struct option){infos[i].name,
                                   infos[i].argument != NULL ? required_argument : no_argument,
                                   NULL, LONG_FIRST + (int)i};
        if (infos[i].letter != 0) {
            shorts[at++] = infos[i].letter;
            if (infos[i].argument != NULL)
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
        if (infos[i].letter != 0 && infos[i].letter == c)
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
                print_help();
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
