/* The prompt: B2 of the method. Line editing where a person sits, plain lines from a script. */
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_client/pay/commands.h"

#define WORDS_MAX 8
#define LINE_LEN  1024

static const char *prompt_text(EditLine *el)
{
    (void)el;
    return "mintmark> ";
}

static char *prompt(EditLine *el)
{
    return (char *)(uintptr_t)prompt_text(el); /* libedit's type lacks the const; it only reads */
}

static int split(char *line, char **words)
{
    char *save = NULL;
    int n = 0;

    for (char *w = strtok_r(line, " \t\r\n", &save); w != NULL && n < WORDS_MAX;
         w = strtok_r(NULL, " \t\r\n", &save))
        words[n++] = w;
    return n;
}

static void print_help(FILE *out)
{
    const struct mm_pay_command *c;

    for (size_t i = 0; (c = mm_pay_command_at(i)) != NULL; i++)
        fprintf(out, "  %-11s %-18s %s\n", c->name, c->args, c->what);
    fprintf(out, "  %-11s %-18s %s\n", "quit", "", "close; payment is disabled again");
}

/* One line. False when it was the last. A failed command is told and the prompt goes on, but not
 * after a refusal: then payment is disabled (B5). */
static bool run_line(struct mm_pay_session *s, char *line, enum mm_status *result,
                     struct mm_err *err)
{
    const struct mm_pay_command *command;
    char *words[WORDS_MAX];
    int n = split(line, words);
    enum mm_status st;

    if (n == 0)
        return true;
    if (strcmp(words[0], "quit") == 0 || strcmp(words[0], "exit") == 0)
        return false;
    if (strcmp(words[0], "help") == 0 || strcmp(words[0], "?") == 0) {
        print_help(s->out);
        return true;
    }
    memset(err, 0, sizeof(*err));
    st = mm_pay_command_find(n, words, &command, err);
    if (st == MM_OK)
        st = mm_pay_command_run(s, command, n, words, err);
    if (st == MM_OK)
        return true;
    *result = st;
    s->told = st != MM_REFUSED;
    if (s->told)
        mm_pay_print_failure(s->options, s->out, st, err);
    return s->told;
}

static void edit_lines(struct mm_pay_session *s, enum mm_status *result, struct mm_err *err)
{
    EditLine *el = el_init("mintmark-pay", s->in, s->out, stderr);
    History *past = history_init();
    HistEvent event;
    const char *line;
    char copy[LINE_LEN];
    int n;

    if (el != NULL && past != NULL) {
        history(past, &event, H_SETSIZE, 100);
        el_set(el, EL_PROMPT, prompt);
        el_set(el, EL_EDITOR, "emacs");
        el_set(el, EL_HIST, history, past);
        el_set(el, EL_SIGNAL, 1);
        while ((line = el_gets(el, &n)) != NULL && n > 0) {
            history(past, &event, H_ENTER, line);
            snprintf(copy, sizeof(copy), "%s", line);
            if (!run_line(s, copy, result, err))
                break;
        }
    }
    if (past != NULL)
        history_end(past);
    if (el != NULL)
        el_end(el);
}

static void plain_lines(struct mm_pay_session *s, enum mm_status *result, struct mm_err *err)
{
    char line[LINE_LEN];

    while (fgets(line, sizeof(line), s->in) != NULL) {
        if (!run_line(s, line, result, err))
            break;
    }
}

enum mm_status mm_pay_shell(struct mm_pay_session *s, struct mm_err *err)
{
    const struct mm_pay_command *status;
    char name[] = "status", *words[] = {name, NULL};
    enum mm_status result = mm_pay_command_find(1, words, &status, err);

    if (result == MM_OK)
        result = mm_pay_command_run(s, status, 1, words, err);
    if (result != MM_OK)
        return result;
    if (isatty(fileno(s->in)) && isatty(fileno(s->out)))
        edit_lines(s, &result, err);
    else
        plain_lines(s, &result, err);
    return result;
}
