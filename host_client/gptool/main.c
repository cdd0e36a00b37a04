/* mintmark-gp: managing what is on a GlobalPlatform card. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "host_client/gptool/gptool.h"

/* sent: commands of a list that the card had carried out when it ended. */
static enum mm_status run(const struct mm_gptool_options *opt, char **args, int n, size_t *sent,
                          struct mm_err *err)
{
    const struct mm_gptool_command *c = mm_gptool_find(args[0]);
    struct mm_gptool tool = {.opt = opt, .out = stdout};
    enum mm_status st, told;

    if (strcmp(args[0], "help") == 0 && n == 2)
        return mm_gptool_help(args[1], err);
    if (c == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "unknown command \"%s\"", args[0]);
    if (n - 1 < c->least || n - 1 > c->most)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "%s: expected %s", c->name,
                       c->most > 0 ? c->arguments : "no arguments");
    tool.confirms = mm_gptool_takes(c->name, "receipt-key");
    st = c->run(&tool, args + 1, n - 1, err);
    *sent = tool.sent;
    told = mm_gptool_end_receipts(&tool, st == MM_OK ? err : NULL);
    mm_gptool_disconnect(&tool);
    return st == MM_OK ? told : st;
}

int main(int argc, char **argv)
{
    struct mm_gptool_options opt;
    struct mm_err err = {0};
    const char *hint;
    bool shown = false;
    size_t sent = 0;
    int first = argc;
    enum mm_status st = mm_gptool_read_options(argc, argv, &opt, &first, &shown, &err);

    if (st == MM_OK && !shown)
        st = run(&opt, argv + first, argc - first, &sent, &err);
    OPENSSL_cleanse(&opt, sizeof(opt));
    if (st != MM_OK)
        fprintf(stderr, "mintmark-gp: %s\n", err.text);
    hint = st == MM_CARD ? mm_gptool_hint(err.text) : NULL;
    if (hint != NULL)
        fprintf(stderr, "mintmark-gp: %s\n", hint);
    if (st == MM_NO_READER && sent > 0)
        fputs("mintmark-gp: it went away in the middle; what it had confirmed stands, list shows "
              "it\n",
              stderr);
    if (st == MM_USAGE)
        fputs("Try mintmark-gp --help.\n", stderr);
    return mm_status_exit(st);
}
