/* The commands of the client, one table for command line, prompt and help. */
#ifndef MM_PAY_COMMANDS_H
#define MM_PAY_COMMANDS_H

#include "host_client/pay/session.h"

struct mm_pay_command {
    const char *name, *args, *what;
    int min_args, max_args;
    /* result: an object to fill for --json; text goes to s->out unless --json. */
    enum mm_status (*run)(struct mm_pay_session *s, int argc, char **argv, json_t *result,
                          struct mm_err *err);
};
/* By index, NULL past the end. */
const struct mm_pay_command *mm_pay_command_at(size_t index);

/* Find and check before anything is touched: MM_USAGE for an unknown name or a wrong number of
 * arguments. argv[0] is the name. */
enum mm_status mm_pay_command_find(int argc, char **argv, const struct mm_pay_command **out,
                                   struct mm_err *err) MM_USE_RESULT;
/* Run it and print its result; failures are the caller's to print. */
enum mm_status mm_pay_command_run(struct mm_pay_session *s, const struct mm_pay_command *command,
                                  int argc, char **argv, struct mm_err *err) MM_USE_RESULT;
/* A failure, for people (to stderr) or for --json (to out). */
void mm_pay_print_failure(const struct mm_pay_options *options, FILE *out, enum mm_status st,
                          const struct mm_err *err);

/* B2 to B4: read commands until the end of input or "quit"; the status of the last one that failed. */
enum mm_status mm_pay_shell(struct mm_pay_session *s, struct mm_err *err) MM_USE_RESULT;

#endif
