/* The program: options, then B1, then one command or the prompt. */
#include <curl/curl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "host_client/pay/commands.h"
#include "host_client/pay/money.h"
#include "host_client/pay/pay.h"
#include "host_client/pay/prompt.h"

static void print_help(FILE *out)
{
    const struct mm_pay_command *c;

    fprintf(
        out,
        "Usage: mintmark-pay [OPTION...] [COMMAND [ARGUMENT...]]\n"
        "Payment client; without a command, a prompt. It does nothing unless trust agent, chip\n"
        "and the client itself are sound.\n\ncommands:\n");
    for (size_t i = 0; (c = mm_pay_command_at(i)) != NULL; i++)
        fprintf(out, "  %-11s %-18s %s\n", c->name, c->args, c->what);
    fprintf(out, "  %-11s %-18s %s\n\noptions:\n", "shell", "", "the prompt");
    fprintf(out,
            "  --home DIR      instead of $MINTMARK_HOME\n"
            "  --reader NAME   reader, tcp:HOST:PORT or chip:PATH instead of the configured one\n"
            "  --pin DIGITS    PIN (others may see it; better $MINTMARK_PIN or the question)\n"
            "  --merchant HEX  merchant of a payment, 16 digits\n"
            "  --yes           delete without asking\n"
            "  --json          one JSON object a command, amounts in cents\n"
            "  --help, --version\n\n"
            "exit status: 0 done, 1 failed, 2 wrong usage, 3 integrity refused (payment is\n"
            "disabled), 4 no reader or card, 5 card, agent or platform error\n");
}

enum { OPT_HOME = 1, OPT_READER, OPT_PIN, OPT_MERCHANT, OPT_YES, OPT_JSON, OPT_HELP, OPT_VERSION };

/* *done: nothing is left to do (help, version). */
static enum mm_status parse(int argc, char **argv, struct mm_pay_options *o, FILE *out, bool *done,
                            struct mm_err *err)
{
    static const struct option longs[] = {
        {"home", required_argument, NULL, OPT_HOME},
        {"reader", required_argument, NULL, OPT_READER},
        {"pin", required_argument, NULL, OPT_PIN},
        {"merchant", required_argument, NULL, OPT_MERCHANT},
        {"yes", no_argument, NULL, OPT_YES},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    int c;

    *done = false;
    optind = 0; /* start over: tests call this more than once */
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case OPT_HOME:
            o->home = optarg;
            break;
        case OPT_READER:
            o->reader = optarg;
            break;
        case OPT_PIN:
            o->pin = optarg;
            break;
        case OPT_MERCHANT:
            o->merchant = optarg;
            break;
        case OPT_YES:
            o->yes = true;
            break;
        case OPT_JSON:
            o->json = true;
            break;
        case OPT_HELP:
            print_help(out);
            *done = true;
            return MM_OK;
        case OPT_VERSION:
            fprintf(out, "mintmark-pay %s\n", MM_VERSION);
            *done = true;
            return MM_OK;
        default: /* getopt has said what was wrong */
            return mm_fail(err, MM_USAGE, SIZE_MAX, "see mintmark-pay --help");
        }
    }
    return MM_OK;
}

/* What an earlier run left is booked at once when it can be; when it cannot, looking is still
 * allowed, and moving money will say why. Only a refusal ends the client here. */
static enum mm_status recover_quietly(struct mm_pay_session *s, struct mm_err *err)
{
    bool booked = false;
    enum mm_status st = mm_pay_recover(s, false, &booked, err);

    if (st == MM_REFUSED)
        return st;
    if (st != MM_OK)
        fprintf(stderr, "mintmark-pay: note: %s\n", err->text);
    else if (booked && !s->options->json)
        fprintf(stderr, "mintmark-pay: note: an earlier transaction was booked\n");
    memset(err, 0, sizeof(*err));
    return MM_OK;
}

static enum mm_status run(const struct mm_pay_options *o, int argc, char **argv, FILE *in,
                          FILE *out, bool *told, struct mm_err *err)
{
    const struct mm_pay_command *command = NULL;
    struct mm_pay_session s;
    enum mm_status st = MM_OK;

    if (argc > 0 && (argc > 1 || strcmp(argv[0], "shell") != 0))
        st = mm_pay_command_find(argc, argv, &command, err);
    if (st == MM_OK && o->pin != NULL)
        st = mm_pay_check_pin(o->pin, err);
    if (st != MM_OK)
        return st;
    st = mm_pay_session_init(&s, o, in, out, err);
    if (st == MM_OK)
        st = mm_pay_session_start(&s, err);
    if (st == MM_OK)
        st = recover_quietly(&s, err);
    if (st == MM_OK) {
        st = command != NULL ? mm_pay_command_run(&s, command, argc, argv, err)
                             : mm_pay_shell(&s, err);
    }
    *told = s.told;
    mm_pay_session_clear(&s);
    return st;
}

int mm_pay_main(int argc, char **argv, FILE *in, FILE *out)
{
    struct mm_pay_options options = {0};
    struct mm_err err = {0};
    bool done = false, told = false;
    enum mm_status st;

    /* A peer that hangs up is an error of that call, not the end of a client that may just have moved
     * money. */
    (void)signal(SIGPIPE, SIG_IGN);
    st = parse(argc, argv, &options, out, &done, &err);

    if (st == MM_OK && !done) {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            st = mm_fail(&err, MM_FAILED, SIZE_MAX, "libcurl does not start");
        } else {
            st = run(&options, argc - optind, argv + optind, in, out, &told, &err);
            curl_global_cleanup();
        }
    }
    if (st != MM_OK && !told)
        mm_pay_print_failure(&options, out, st, &err);
    return mm_status_exit(st);
}
