/* mintmark-agent: the daemon, and the commands that talk to it over its socket. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/pay/agent.h"
#include "trust_agent/agent_int.h"

#define ASK_TIMEOUT_MS 60000 /* a check with a slow card and a platform that is away */

static const char help[] =
    "Usage: mintmark-agent [OPTION...] COMMAND\n"
    "The trust agent of a payment terminal: measures the payment client and every applet.\n"
    "\n"
    "  run                 start the daemon in the foreground; checks at once (method A)\n"
    "  status              what the last check found\n"
    "  check               check now\n"
    "  update              fetch signed updates from the platform now, have the chip verify them\n"
    "  report [PURPOSE]    get an attestation result: open, load, pay or manage (open)\n"
    "  events              what happened since the daemon started\n"
    "  shut                shut the gate, as a client does when it closes\n"
    "\n"
    "      --home DIR      state folder instead of $MINTMARK_HOME; the agent uses DIR/agent\n"
    "      --json          answers of status, check and events as JSON\n"
    "      --json-log      one JSON object a log line\n"
    "      --debug         log more\n"
    "      --help          this text\n"
    "      --version       the version\n"
    "\n"
    "Exit status: 0 done (status, check: payment enabled), 1 failed, 2 usage, 3 integrity\n"
    "refused, 4 no reader or card, 5 agent or platform not there.\n";

enum { OPT_HOME = 256, OPT_JSON, OPT_JSON_LOG, OPT_DEBUG, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
    {"home", required_argument, NULL, OPT_HOME},
    {"json", no_argument, NULL, OPT_JSON},
    {"json-log", no_argument, NULL, OPT_JSON_LOG},
    {"debug", no_argument, NULL, OPT_DEBUG},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

struct options {
    const char *home;
    bool json, json_log, debug;
};

static int complain(enum mm_status st, const struct mm_err *err)
{
    fprintf(stderr, "mintmark-agent: %s\n", err->text[0] != '\0' ? err->text : mm_status_text(st));
    return mm_status_exit(st);
}

/* ---- run ---- */

static int run(const struct options *o)
{
    struct mm_err err = {0};
    struct mm_agent *agent = NULL;
    char *dir = mm_home_path(o->home, "agent");
    enum mm_status st;

    signal(SIGPIPE, SIG_IGN);
    st = dir != NULL ? mm_agent_open(dir, &agent, &err)
                     : mm_fail(&err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    if (st == MM_OK)
        st = mm_agent_serve(agent, &err);
    mm_agent_close(&agent);
    free(dir);
    return st == MM_OK ? 0 : complain(st, &err);
}

/* ---- The other commands ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

static void print_status(const json_t *answer)
{
    const json_t *components = json_object_get(answer, "components");
    const json_t *c;
    size_t i;

    printf("verdict     %s\n", text_of(answer, "verdict"));
    printf("reason      %s\n", text_of(answer, "reason"));
    printf("gate        %s\n", json_is_true(json_object_get(answer, "gate")) ? "open" : "shut");
    printf("checked     %s\n", text_of(answer, "checked"));
    printf("counter     %lld\n", (long long)json_integer_value(json_object_get(answer, "counter")));
    printf("references  version %lld\n",
           (long long)json_integer_value(json_object_get(answer, "references")));
    printf("updates     platform certificate version %lld, release certificate version %lld\n",
           (long long)json_integer_value(json_object_get(answer, "platform")),
           (long long)json_integer_value(json_object_get(answer, "release")));
    json_array_foreach(components, i, c)
        printf("%-11s %s %s\n", text_of(c, "kind"), text_of(c, "aid"), text_of(c, "verdict"));
}

static void print_events(const json_t *answer)
{
    const json_t *e;
    size_t i;

    json_array_foreach(json_object_get(answer, "events"), i, e)
        printf("%s %-11s %s\n", text_of(e, "time"), text_of(e, "event"), text_of(e, "text"));
}

static void print_answer(const struct options *o, const char *cmd, const json_t *answer)
{
    if (o->json) {
        (void)json_dumpf(answer, stdout, JSON_INDENT(1));
        putchar('\n');
    } else if (strcmp(cmd, "events") == 0) {
        print_events(answer);
    } else if (strcmp(cmd, "shut") == 0) {
        puts("the gate is shut");
    } else {
        print_status(answer);
    }
}

static enum mm_status report(struct mm_pay_agent *link, const char *purpose, struct mm_err *err)
{
    struct mm_pay_report out = {0};
    enum mm_status st = mm_pay_agent_report(link, purpose, NULL, NULL, &out, err);

    if (st == MM_OK)
        printf("session %s\nresult  %s\n", out.session_text, out.result);
    mm_pay_report_clear(&out);
    return st;
}

static enum mm_status ask(const struct options *o, struct mm_pay_agent *link, const char *cmd,
                          struct mm_err *err)
{
    json_t *answer = NULL;
    enum mm_status st = mm_pay_agent_query(link, cmd, &answer, err);
    const char *verdict;

    if (st != MM_OK)
        return st;
    print_answer(o, cmd, answer);
    verdict = text_of(answer, "verdict");
    if (strcmp(verdict, "disabled") == 0)
        st = mm_fail(err, MM_REFUSED, SIZE_MAX, "payment is disabled: %s",
                     text_of(answer, "reason"));
    else if (strcmp(verdict, "unchecked") == 0)
        st = mm_fail(err, MM_NO_READER, SIZE_MAX, "not checked: %s", text_of(answer, "reason"));
    json_decref(answer);
    return st;
}

static enum mm_status socket_path(const struct options *o, char **path, struct mm_err *err)
{
    struct agent_config config;
    char *dir = mm_home_path(o->home, "agent");
    enum mm_status st = dir != NULL ? agent_config_read(dir, &config, err)
                                    : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");

    *path = NULL;
    if (st == MM_OK) {
        *path = strdup(config.agent_socket);
        agent_config_clear(&config);
        if (*path == NULL)
            st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    free(dir);
    return st;
}

static int talk(const struct options *o, const char *cmd, const char *purpose)
{
    struct mm_err err = {0};
    struct mm_pay_agent *link = NULL;
    char *path = NULL;
    enum mm_status st = socket_path(o, &path, &err);

    if (st == MM_OK)
        st = mm_pay_agent_open(path, ASK_TIMEOUT_MS, &link, &err);
    if (st == MM_OK)
        st = strcmp(cmd, "report") == 0 ? report(link, purpose, &err) : ask(o, link, cmd, &err);
    mm_pay_agent_close(&link);
    free(path);
    return st == MM_OK ? 0 : complain(st, &err);
}

static int usage(const char *what, const char *arg)
{
    fprintf(stderr, "mintmark-agent: %s%s; try --help\n", what, arg);
    return mm_status_exit(MM_USAGE);
}

static int command(const struct options *o, int n, char **words)
{
    static const char *const asks[] = {"status", "check", "update", "events", "shut"};

    if (n == 0)
        return usage("no command", "");
    if (strcmp(words[0], "report") == 0)
        return n <= 2 ? talk(o, "report", n == 2 ? words[1] : "open") : usage("too many words", "");
    if (n > 1)
        return usage("too many words after ", words[0]);
    if (strcmp(words[0], "run") == 0)
        return run(o);
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        if (strcmp(words[0], asks[i]) == 0)
            return talk(o, asks[i], NULL);
    }
    return usage("unknown command ", words[0]);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case OPT_HOME:
            o.home = optarg;
            break;
        case OPT_JSON:
            o.json = true;
            break;
        case OPT_JSON_LOG:
            o.json_log = true;
            break;
        case OPT_DEBUG:
            o.debug = true;
            break;
        case OPT_HELP:
            fputs(help, stdout);
            return 0;
        case OPT_VERSION:
            puts("mintmark-agent " MM_VERSION);
            return 0;
        default:
            return mm_status_exit(MM_USAGE);
        }
    }
    mm_log_setup("mintmark-agent", o.json_log, o.debug);
    return command(&o, argc - optind, argv + optind);
}
