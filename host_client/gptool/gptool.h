/* mintmark-gp: what its commands share. */
#ifndef MM_GPTOOL_H
#define MM_GPTOOL_H

#include <stdio.h>

#include "host_client/gp/card_info.h"
#include "host_client/gp/gp.h"
#include "host_client/gp/receipt.h"

/* Where the keys are. */
enum mm_gptool_keys { MM_GPTOOL_NO_KEYS, MM_GPTOOL_GIVEN, MM_GPTOOL_TEST_KEYS, MM_GPTOOL_IN_TOKEN };

/* --scp11 and what goes with it; strings are borrowed, NULL: not given. */
struct mm_gptool_scp11 {
    bool on, has_ca, s16;
    enum mm_scp11_variant variant;
    const char *own_key, *certificates; /* of the host */
    const char *card_key, *card_ca;
    uint8_t ca_version, ca_id;
};
enum mm_gptool_scp11_option {
    MM_GPTOOL_SCP11_VARIANT,
    MM_GPTOOL_SCP11_OCE_KEY,
    MM_GPTOOL_SCP11_OCE_CERT,
    MM_GPTOOL_SCP11_OCE_CA,
    MM_GPTOOL_SCP11_CARD_KEY,
    MM_GPTOOL_SCP11_CA_CERT,
    MM_GPTOOL_SCP11_S16
};

/* A plain value; wipe with OPENSSL_cleanse. An AID of length 0 and a pointer that is NULL: not given.
 * Strings are borrowed from the command line. */
struct mm_gptool_options {
    const char *reader;
    enum mm_gptool_keys source;
    struct mm_gp_keyset keys;
    const char *token_uri;
    char pin[64];
    enum mm_gp_diversify diversify;
    bool has_key_version;
    uint8_t key_version, scp, level;
    struct mm_aid connect;
    bool yes, dry_run, trace, json;

    struct mm_aid applet, package, instance, domain;
    uint8_t params[255], system_params[255], load_params[255];
    size_t params_len, system_params_len, load_params_len;
    uint8_t privileges[MM_GP_PRIVILEGES_LEN];
    bool has_privileges;
    size_t privileges_len;
    bool load_only, not_selectable, force;
    size_t block_len;

    struct mm_aid dap_domain;
    const char *dap_key, *token_key;
    char *receipt_key, *cipher_key; /* wiped where they are the key itself */
    uint8_t dap_signature[512];
    size_t dap_signature_len;
    enum mm_gp_hash hash;
    enum mm_gp_rsa_scheme rsa;

    bool deps;

    struct mm_gp_keyset new_keys;
    bool has_new_keys, has_new_type, add, has_replace;
    enum mm_gp_diversify new_diversify;
    enum mm_gp_key_type new_type;
    uint8_t new_version, replace, key_id;
    const char *public_key, *private_key;
    struct mm_gptool_scp11 scp11;

    const char *file;
    bool dgi, tlv, encrypt, no_padding;
};

/* ---- options.c ---- */
/*
 * Read the command line: options, then args[0] as the command and what follows. Permutes argv.
 * first: index of the command in argv. MM_USAGE says what is wrong. *shown: --help or --version was
 * asked for and answered; then there is nothing more to do.
 */
enum mm_status mm_gptool_read_options(int argc, char **argv, struct mm_gptool_options *opt,
                                      int *first, bool *shown, struct mm_err *err) MM_USE_RESULT;
/* "help COMMAND": its options. */
enum mm_status mm_gptool_help(const char *command, struct mm_err *err) MM_USE_RESULT;
/* Is the option one of the command's own? */
bool mm_gptool_takes(const char *command, const char *option);
/* An AID in hex or a name of apdu_spec/aid.def. */
enum mm_status mm_gptool_aid(const char *text, struct mm_aid *out,
                             struct mm_err *err) MM_USE_RESULT;
/* Keys in hexadecimal: one for all three, or three of one length. */
enum mm_status mm_gptool_keys(const char *text, struct mm_gp_keyset *set,
                              struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_byte(const char *what, const char *text, uint8_t *out,
                              struct mm_err *err) MM_USE_RESULT;

/* ---- connect.c ---- */
/* A reader, and a secure channel to the domain. close takes it in any state. */
struct mm_gptool {
    const struct mm_gptool_options *opt;
    FILE *out;
    struct mm_access *access;
    struct mm_gp_keys *keys;
    struct mm_gp_session *session;
    struct mm_trace *trace;
    size_t sent;   /* commands of the list that the card carried out */
    bool confirms; /* the command is one that may get receipts */
    struct mm_gp_secret *receipt_key;
    struct mm_gp_orders orders;
    struct json_t *confirmations; /* NULL: shown as text */
};
/* Connect to the reader and, with a session, open the channel as the options say. Tells on standard
 * error what a failed authentication means. */
enum mm_status mm_gptool_connect(struct mm_gptool *tool, bool session,
                                 struct mm_err *err) MM_USE_RESULT;
void mm_gptool_disconnect(struct mm_gptool *tool);
/* The keys of the options as a source, for this card or (card NULL) without one. */
enum mm_status mm_gptool_open_keys(const struct mm_gptool_options *opt, struct mm_gp_keys **out,
                                   struct mm_err *err) MM_USE_RESULT;
/* The key that where names (secret.h), with the PIN of the options; option: what to call it. */
enum mm_status mm_gptool_open_secret(const struct mm_gptool_options *opt, const char *option,
                                     char *where, struct mm_gp_secret **out,
                                     struct mm_err *err) MM_USE_RESULT;
/* Connect unless that is done, and send the list; or print it (dry run). A progress bar where a
 * terminal watches. */
enum mm_status mm_gptool_send(struct mm_gptool *tool, const struct mm_buf *list,
                              struct mm_err *err) MM_USE_RESULT;
/* Ask on the terminal; without one, only --yes is a yes (MM_USAGE says so). A dry run asks nothing.
 * MM_FAILED: the answer was no. */
enum mm_status mm_gptool_confirm(const struct mm_gptool *tool, struct mm_err *err, const char *fmt,
                                 ...) MM_PRINTF(3, 4) MM_USE_RESULT;

/* ---- content.c ---- */
/* INSTALL [for load] and LOAD as the options say, with DAP block or ciphered; token may be NULL. */
enum mm_status mm_gptool_put_load(const struct mm_gptool_options *opt, const struct mm_cap *cap,
                                  const struct mm_gp_signer *token, struct mm_buf *list,
                                  struct mm_err *err) MM_USE_RESULT;

/* ---- dry.c: commands that depend on what the card answers ---- */
/* What a command needs of the card. In a dry run nothing of it is known, or little. */
struct mm_gptool_card {
    uint8_t scp;
    mm_gp_encrypter encrypt; /* under the DEK */
    void *ctx;
    uint8_t unknown;         /* stands for every byte that only the card could tell; dry run only */
    struct mm_gp_keys *keys; /* dry run: whose DEK is known; or NULL */
};
/* Makes the commands for that card. */
typedef enum mm_status (*mm_gptool_make)(struct mm_gptool *tool, const struct mm_gptool_card *card,
                                         const void *arg, struct mm_buf *list, struct mm_err *err);
/* Connect, make the commands and send them. A dry run makes them twice, with different bytes in place of
 * what is not known, and prints them with ?? where they differ. */
enum mm_status mm_gptool_make_and_send(struct mm_gptool *tool, mm_gptool_make make, const void *arg,
                                       struct mm_err *err) MM_USE_RESULT;

/* ---- scp11.c ---- */
enum mm_status mm_gptool_take_scp11(struct mm_gptool_scp11 *s, enum mm_gptool_scp11_option option,
                                    const char *arg, struct mm_err *err) MM_USE_RESULT;
/* Before the card is touched: do the options agree, are the files what they have to be? */
enum mm_status mm_gptool_check_scp11(const struct mm_gptool_options *opt,
                                     struct mm_err *err) MM_USE_RESULT;
enum mm_status mm_gptool_open_scp11(struct mm_gptool *tool, struct mm_err *err) MM_USE_RESULT;

/* ---- hints.c ---- */
/* What a refusal most often means, by the message that tells it; NULL: nothing to add. */
const char *mm_gptool_hint(const char *message);

/* ---- receipts.c ---- */
/* The key of --receipt-key, if any: before the card is touched. */
enum mm_status mm_gptool_open_receipts(struct mm_gptool *tool, struct mm_err *err) MM_USE_RESULT;
/* From now on show what the card confirms. A receipt that is wrong, or none with --receipt-key, is
 * MM_REFUSED and ends a list of commands. */
enum mm_status mm_gptool_watch(struct mm_gptool *tool, struct mm_err *err) MM_USE_RESULT;
/* Before an order that moves or updates something: which domain is it in? Asked of the card only when
 * a receipt is to be verified, which names it. */
enum mm_status mm_gptool_note_domain(struct mm_gptool *tool, const struct mm_aid *aid,
                                     struct mm_err *err) MM_USE_RESULT;
/* Print them as JSON where that is asked for; releases the key. */
enum mm_status mm_gptool_end_receipts(struct mm_gptool *tool, struct mm_err *err) MM_USE_RESULT;

/* Every command: its arguments after its name. */
typedef enum mm_status (*mm_gptool_run)(struct mm_gptool *tool, char **args, int n,
                                        struct mm_err *err);
struct mm_gptool_command {
    const char *name, *arguments;
    int least, most;
    mm_gptool_run run;
    const char *help;
};
/* By name; NULL: none. */
const struct mm_gptool_command *mm_gptool_find(const char *name);
/* By index; NULL past the end. */
const struct mm_gptool_command *mm_gptool_command_at(size_t index);

#define MM_GP_COMMAND(name, arguments, least, most, run, help)                                     \
    enum mm_status run(struct mm_gptool *tool, char **args, int n, struct mm_err *err)             \
        MM_USE_RESULT;
#include "host_client/gptool/commands.def"
#undef MM_GP_COMMAND

/* What a life cycle state is called (GPCS 2.3.1, 11.1.1). */
const char *mm_gptool_state_text(enum mm_gp_kind kind, uint8_t life_cycle);

#endif
