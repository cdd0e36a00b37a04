/* The interactive shell: script lines, answered at once. */
#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/access/access.h"
#include "host_client/access/trace.h"
#include "host_client/apdu/apdu.h"

#define HELP                                                                                       \
    "  00A4040000           send a command; => 9000 after it checks the answer\n"                  \
    "  select NAME|AID      select an application (isd, integrity, purse, transit)\n"              \
    "  reset                reset the card\n"                                                      \
    "  atr, help, quit\n"

/* A line without its end, owned by the caller; NULL at the end of input. */
static char *next_line(FILE *in, FILE *out)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (in == stdin && isatty(STDIN_FILENO)) {
        line = readline("apdu> ");
        if (line == NULL)
            fputc('\n', out);
        else if (line[0] != '\0')
            add_history(line); /* of this session only: a line may hold a PIN */
        return line;
    }
    n = getline(&line, &cap, in);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n > 0 && line[n - 1] == '\n')
        line[n - 1] = '\0';
    return line;
}

static void show_atr(const struct mm_access *access, FILE *out)
{
    size_t len;
    const uint8_t *atr = mm_access_atr(access, &len);

    for (size_t i = 0; i < len; i++)
        fprintf(out, "%s%02X", i > 0 ? " " : "", atr[i]);
    fputc('\n', out);
}

/* A bad line is said and forgotten; a lost card ends the shell. */
static enum mm_status do_line(struct mm_access *access, const char *line, FILE *out,
                              struct mm_err *err)
{
    struct mm_report report = {.out = out};
    struct mm_script script;
    enum mm_status st = mm_script_parse(line, strlen(line), &script, err);

    if (st != MM_OK) {
        fprintf(out, "%s\n", err->text);
        return MM_OK;
    }
    st = mm_script_run(&script, "shell", access, &report, err);
    mm_script_clear(&script);
    if (st == MM_STATE) { /* reset by another: said once, the connection is good again */
        fprintf(out, "%s\n", err->text);
        st = MM_OK;
    }
    return st;
}

enum mm_status mm_apdu_shell(struct mm_access *access, FILE *in, FILE *out, struct mm_err *err)
{
    struct mm_trace trace = {.out = out};
    enum mm_status st = MM_OK;
    bool more = true;

    mm_access_set_trace(access, mm_trace_show, &trace);
    while (more && st == MM_OK) {
        char *line = next_line(in, out);

        if (line == NULL || strcmp(line, "quit") == 0)
            more = false;
        else if (strcmp(line, "help") == 0)
            fputs(HELP, out);
        else if (strcmp(line, "atr") == 0)
            show_atr(access, out);
        else
            st = do_line(access, line, out, err);
        free(line);
    }
    mm_access_set_trace(access, NULL, NULL);
    return st;
}
