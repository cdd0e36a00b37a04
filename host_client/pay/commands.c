#include "host_client/pay/commands.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <unistd.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/pay/amount.h"
#include "host_client/pay/manage.h"
#include "host_client/pay/money.h"
#include "host_client/pay/prompt.h"

static void say(struct mm_pay_session *s, const char *fmt, ...) MM_PRINTF(2, 3);
static void say(struct mm_pay_session *s, const char *fmt, ...)
{
    va_list ap;

    if (s->options->json)
        return;
    va_start(ap, fmt);
    vfprintf(s->out, fmt, ap);
    va_end(ap);
    fflush(s->out);
}

/* Everything that goes into a result is made here; out of memory shows as a missing member. */
static void put(json_t *result, const char *name, json_t *value)
{
    (void)json_object_set_new(result, name, value);
}

/* ---- Looking ---- */

/* *there false: no purse in the chip. */
static enum mm_status look_at_purse(struct mm_pay_session *s, struct mm_purse_info *info,
                                    bool *there, struct mm_err *err)
{
    enum mm_status st = mm_access_begin(s->card, err);

    memset(info, 0, sizeof(*info));
    *there = false;
    if (st != MM_OK)
        return st;
    st = mm_purse_select(s->card, err);
    if (st == MM_OK) {
        *there = true;
        st = mm_purse_info(s->card, info, err);
    }
    mm_access_end(s->card);
    return st == MM_NOT_FOUND ? MM_OK : st;
}

static enum mm_status put_balance(struct mm_pay_session *s, const char *label, json_t *result,
                                  struct mm_err *err)
{
    struct mm_purse_info info;
    char amount[MM_AMOUNT_TEXT], currency[8];
    bool there;
    enum mm_status st = look_at_purse(s, &info, &there, err);

    if (st != MM_OK)
        return st;
    if (!there || info.state != MM_PURSE_PERSONALISED) {
        say(s, "%s%s\n", label, there ? "purse not personalised" : "no purse");
        put(result, "purse", json_string(there ? "installed" : "none"));
        return MM_OK;
    }
    say(s, "%s%s %s\n", label, mm_amount_text(info.balance, amount),
        mm_purse_currency(info.currency, currency));
    put(result, "balance", json_integer((json_int_t)info.balance));
    put(result, "currency", json_string(currency));
    put(result, "purse_counter", json_integer((json_int_t)info.counter));
    return MM_OK;
}

static enum mm_status run_balance(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                  struct mm_err *err)
{
    (void)argc;
    (void)argv;
    return put_balance(s, "", result, err);
}

/* Ask the chip anew: at a prompt, what the last token said may have changed since. */
static enum mm_status refresh(struct mm_pay_session *s, struct mm_err *err)
{
    uint8_t nonce[32];
    enum mm_status st;

    if (RAND_bytes(nonce, sizeof(nonce)) != 1)
        return mm_fail(err, MM_CRYPTO, SIZE_MAX, "no random numbers for the nonce");
    st = mm_access_begin(s->card, err);
    if (st != MM_OK)
        return st;
    st = mm_pay_demand_integrity(s, nonce, sizeof(nonce), NULL, err);
    mm_access_end(s->card);
    return st;
}

static void list_applets(struct mm_pay_session *s, json_t *result)
{
    json_t *list = json_array();

    for (size_t i = 0; i < s->token.component_n; i++) {
        const struct mm_token_component *c = &s->token.components[i];
        const char *kind = c->kind == 1 ? "package" : "applet";
        const char *what = mm_aid_what(&c->aid);
        char hex[2 * MM_AID_MAX + 1], version[16];
        snprintf(version, sizeof(version), "%u.%u", c->major, c->minor);
        mm_hex(c->aid.bytes, c->aid.len, hex);
        say(s, "%-9s %-24s %-5s %s\n", kind, hex, version, what != NULL ? what : "");
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:s, s:s, s:i}", "kind", kind, "aid", hex,
                                              "version", version, "name", what != NULL ? what : "",
                                              "life_cycle", (int)c->life_cycle));
    }
    if (s->token.component_n == 0)
        say(s, "applets   none\n");
    put(result, "applets", list);
}

static enum mm_status run_applets(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                  struct mm_err *err)
{
    enum mm_status st = refresh(s, err);

    (void)argc;
    (void)argv;
    if (st == MM_OK)
        list_applets(s, result);
    return st;
}

static enum mm_status run_status(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                 struct mm_err *err)
{
    char id[33];
    enum mm_status st = refresh(s, err);

    (void)argc;
    (void)argv;
    if (st != MM_OK)
        return st;
    mm_hex(s->token.chip_id, sizeof(s->token.chip_id), id);
    say(s, "chip      %s valid, counter %llu, version %s\n", id,
        (unsigned long long)s->token.counter, s->token.vm_version);
    say(s, "agent     sound\n");
    put(result, "chip", json_string(id));
    put(result, "integrity", json_string("valid"));
    put(result, "agent", json_string("sound"));
    put(result, "counter", json_integer((json_int_t)s->token.counter));
    list_applets(s, result);
    return put_balance(s, "balance   ", result, err);
}

static enum mm_status print_log(struct mm_pay_session *s, json_t *list, struct mm_err *err)
{
    enum mm_status st = mm_purse_select(s->card, err);

    for (uint8_t i = 1; i <= MM_PURSE_LOG_N && st == MM_OK; i++) {
        struct mm_purse_record r;
        char amount[MM_AMOUNT_TEXT], balance[MM_AMOUNT_TEXT], merchant[17];
        st = mm_purse_log(s->card, i, &r, err);
        if (st == MM_NOT_FOUND)
            return MM_OK;
        if (st != MM_OK)
            return st;
        mm_hex(r.merchant, sizeof(r.merchant), merchant);
        say(s, "%6u  %-8s %12s  balance %12s%s%s\n", (unsigned)r.counter,
            mm_purse_type_text(r.type), mm_amount_text(r.amount, amount),
            mm_amount_text(r.balance, balance), r.type == MM_PURSE_DEBIT ? "  merchant " : "",
            r.type == MM_PURSE_DEBIT ? merchant : "");
        (void)json_array_append_new(
            list, json_pack("{s:I, s:s, s:I, s:I, s:s}", "counter", (json_int_t)r.counter, "type",
                            mm_purse_type_text(r.type), "amount", (json_int_t)r.amount, "balance",
                            (json_int_t)r.balance, "merchant", merchant));
    }
    return st;
}

static enum mm_status run_log(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                              struct mm_err *err)
{
    json_t *list = json_array();
    enum mm_status st = mm_access_begin(s->card, err);

    (void)argc;
    (void)argv;
    put(result, "log", list);
    if (st != MM_OK)
        return st;
    st = print_log(s, list, err);
    mm_access_end(s->card);
    return st;
}

/* ---- Money ---- */

static void put_moved(struct mm_pay_session *s, const char *verb, const struct mm_moved *moved,
                      json_t *result)
{
    char amount[MM_AMOUNT_TEXT], balance[MM_AMOUNT_TEXT], currency[8];

    mm_purse_currency(moved->currency, currency);
    say(s, "%s %s %s, balance %s %s\n", verb, mm_amount_text(moved->amount, amount), currency,
        mm_amount_text(moved->balance, balance), currency);
    put(result, "amount", json_integer((json_int_t)moved->amount));
    put(result, "balance", json_integer((json_int_t)moved->balance));
    put(result, "purse_counter", json_integer((json_int_t)moved->counter));
    put(result, "currency", json_string(currency));
    if (moved->ledger >= 0)
        put(result, "ledger", json_integer(moved->ledger));
}

static enum mm_status run_load(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                               struct mm_err *err)
{
    struct mm_moved moved;
    uint32_t amount;
    enum mm_status st = mm_amount_parse(argv[1], &amount, err);

    (void)argc;
    if (st == MM_OK)
        st = mm_pay_load(s, amount, &moved, err);
    if (st == MM_OK)
        put_moved(s, "loaded", &moved, result);
    return st;
}

static enum mm_status run_restore(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                  struct mm_err *err)
{
    struct mm_moved moved;
    enum mm_status st = mm_pay_restore(s, &moved, err);

    (void)argc;
    (void)argv;
    if (st == MM_OK)
        put_moved(s, "restored", &moved, result);
    return st;
}

/* A merchant is 8 bytes; the test merchant 0000000000000001 when none is named. */
static enum mm_status read_merchant(const char *text, uint8_t merchant[8], struct mm_err *err)
{
    size_t len = 8;

    memset(merchant, 0, 8);
    merchant[7] = 1;
    if (text == NULL)
        return MM_OK;
    if (strlen(text) != 16 || mm_unhex(text, merchant, &len) != MM_OK || len != 8)
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "merchant \"%.32s\": expected 16 hexadecimal digits", text);
    return MM_OK;
}

static enum mm_status run_pay(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                              struct mm_err *err)
{
    struct mm_moved moved;
    uint8_t merchant[8];
    uint32_t amount;
    enum mm_status st = mm_amount_parse(argv[1], &amount, err);

    if (st == MM_OK)
        st = read_merchant(argc > 2 ? argv[2] : s->options->merchant, merchant, err);
    if (st == MM_OK)
        st = mm_pay_debit(s, amount, merchant, &moved, err);
    if (st == MM_OK)
        put_moved(s, "paid", &moved, result);
    return st;
}

static enum mm_status run_recover(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                  struct mm_err *err)
{
    bool booked = false;
    enum mm_status st = mm_pay_recover(s, true, &booked, err);

    (void)argc;
    (void)argv;
    if (st != MM_OK)
        return st;
    say(s, "%s\n", booked ? "booked an earlier transaction" : "nothing to book");
    put(result, "booked", json_boolean(booked));
    return MM_OK;
}

/* ---- Managing applets ---- */

static enum mm_status check_package(const char *name, struct mm_err *err)
{
    if (strcmp(name, "purse") == 0 || strcmp(name, "transit") == 0)
        return MM_OK;
    return mm_fail(err, MM_USAGE, SIZE_MAX, "\"%.32s\": expected purse or transit", name);
}

static enum mm_status manage(struct mm_pay_session *s, const struct mm_manage_order *order,
                             const char *past, json_t *result, struct mm_err *err)
{
    struct mm_managed managed;
    enum mm_status st = mm_pay_manage(s, order, &managed, err);

    if (st != MM_OK)
        return st;
    say(s, "%s %s (%zu commands)\n", past, order->package, managed.sent);
    put(result, "package", json_string(order->package));
    put(result, "commands", json_integer((json_int_t)managed.sent));
    if (managed.purse_id[0] != '\0')
        put(result, "purse_id", json_string(managed.purse_id));
    return MM_OK;
}

static enum mm_status run_install(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                  struct mm_err *err)
{
    struct mm_manage_order order = {"install", argv[1], NULL};
    enum mm_status st = check_package(argv[1], err);

    (void)argc;
    return st == MM_OK ? manage(s, &order, "installed", result, err) : st;
}

static enum mm_status run_personalise(struct mm_pay_session *s, int argc, char **argv,
                                      json_t *result, struct mm_err *err)
{
    char pin[MM_PIN_TEXT] = "";
    struct mm_manage_order order = {"personalise", argv[1], NULL};
    enum mm_status st = check_package(argv[1], err);

    (void)argc;
    if (st == MM_OK && strcmp(argv[1], "purse") == 0) {
        st = mm_pay_ask_pin(s->options->pin, "New PIN (4 to 8 digits): ", pin, err);
        order.pin = pin;
    }
    if (st == MM_OK)
        st = manage(s, &order, "personalised", result, err);
    OPENSSL_cleanse(pin, sizeof(pin));
    return st;
}

/* Say what would go, and go on only with a yes. */
static enum mm_status confirm_delete(struct mm_pay_session *s, const char *package,
                                     struct mm_err *err)
{
    struct mm_purse_info info = {0};
    char amount[MM_AMOUNT_TEXT], question[160];
    bool there = false;
    enum mm_status st = MM_OK;

    if (strcmp(package, "purse") == 0)
        st = look_at_purse(s, &info, &there, err);
    if (st != MM_OK || s->options->yes)
        return st;
    snprintf(question, sizeof(question), "delete %s from the chip, code and data%s%s?", package,
             there ? "; it holds " : "", there ? mm_amount_text(info.balance, amount) : "");
    if (s->options->json || !isatty(fileno(s->in)))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s Nothing done; --yes does it", question);
    if (!mm_pay_ask_yes(s->in, s->out, question))
        return mm_fail(err, MM_FAILED, SIZE_MAX, "nothing deleted");
    return MM_OK;
}

static enum mm_status run_delete(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                                 struct mm_err *err)
{
    struct mm_manage_order order = {"delete", argv[1], NULL};
    bool booked;
    enum mm_status st = check_package(argv[1], err);

    (void)argc;
    if (st == MM_OK)
        st = confirm_delete(s, argv[1], err);
    /* What the purse alone knows has to be in the ledger before the purse is gone. */
    if (st == MM_OK && strcmp(argv[1], "purse") == 0)
        st = mm_pay_recover(s, true, &booked, err);
    return st == MM_OK ? manage(s, &order, "deleted", result, err) : st;
}

/* ---- The table ---- */

static const struct mm_pay_command commands[] = {
    {"status", "", "chip, agent, applets and balance", 0, 0, run_status},
    {"balance", "", "what the purse holds", 0, 0, run_balance},
    {"applets", "", "what is in the chip", 0, 0, run_applets},
    {"load", "AMOUNT", "load money online, as in \"load 100.00\"", 1, 1, run_load},
    {"pay", "AMOUNT [MERCHANT]", "pay; a merchant is 16 hexadecimal digits", 1, 2, run_pay},
    {"log", "", "the last transactions, newest first", 0, 0, run_log},
    {"recover", "", "book what a crash left unbooked", 0, 0, run_recover},
    {"restore", "", "fill a new purse with what the ledger proves", 0, 0, run_restore},
    {"install", "purse|transit", "download an applet into the chip", 1, 1, run_install},
    {"personalise", "purse|transit", "have an applet personalised", 1, 1, run_personalise},
    {"delete", "purse|transit", "delete an applet, after asking", 1, 1, run_delete},
};

const struct mm_pay_command *mm_pay_command_at(size_t index)
{
    return index < sizeof(commands) / sizeof(commands[0]) ? &commands[index] : NULL;
}

enum mm_status mm_pay_command_find(int argc, char **argv, const struct mm_pay_command **out,
                                   struct mm_err *err)
{
    const struct mm_pay_command *c;

    *out = NULL;
    for (size_t i = 0; (c = mm_pay_command_at(i)) != NULL; i++) {
        if (strcmp(argv[0], c->name) != 0)
            continue;
        if (argc - 1 < c->min_args || argc - 1 > c->max_args)
            return mm_fail(err, MM_USAGE, SIZE_MAX, "usage: %s%s%s", c->name,
                           c->args[0] != '\0' ? " " : "", c->args);
        *out = c;
        return MM_OK;
    }
    return mm_fail(err, MM_USAGE, SIZE_MAX, "no command is called \"%.32s\"; see --help", argv[0]);
}

enum mm_status mm_pay_command_run(struct mm_pay_session *s, const struct mm_pay_command *command,
                                  int argc, char **argv, struct mm_err *err)
{
    json_t *result = json_pack("{s:b, s:s}", "ok", 1, "command", command->name);
    enum mm_status st;

    if (result == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    st = command->run(s, argc, argv, result, err);
    if (st == MM_OK && s->options->json) {
        json_dumpf(result, s->out, JSON_COMPACT);
        fputc('\n', s->out);
        fflush(s->out);
    }
    json_decref(result);
    return st;
}

void mm_pay_print_failure(const struct mm_pay_options *options, FILE *out, enum mm_status st,
                          const struct mm_err *err)
{
    const char *text = err->text[0] != '\0' ? err->text : mm_status_text(st);
    json_t *object;

    if (!options->json) {
        fprintf(stderr, "mintmark-pay: %s%s\n", st == MM_REFUSED ? "payment is disabled: " : "",
                text);
        return;
    }
    object = json_pack("{s:b, s:i, s:s}", "ok", 0, "exit", mm_status_exit(st), "error", text);
    json_dumpf(object, out, JSON_COMPACT);
    fputc('\n', out);
    fflush(out);
    json_decref(object);
}
