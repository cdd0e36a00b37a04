/* mintmark-gp: its commands and options as lists, and what --help tells of them. */
#include <string.h>

#include "host_client/gptool/options_int.h"

const struct mm_gptool_option_info mm_gptool_infos[OPT_N] = {
#define MM_GP_OPTION(id, name, letter, argument, commands, help)                                   \
    {name, letter, argument, commands, help},
#include "host_client/gptool/options.def"
#undef MM_GP_OPTION
};

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

bool mm_gptool_has_word(const char *list, const char *word)
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
        if (strcmp(mm_gptool_infos[i].name, option) == 0)
            return mm_gptool_has_word(mm_gptool_infos[i].commands, command);
    }
    return false;
}

static void print_option(const struct mm_gptool_option_info *o)
{
    char left[40], letter[8] = "   ";

    if (o->letter != 0)
        snprintf(letter, sizeof(letter), "-%c,", o->letter);
    snprintf(left, sizeof(left), "%s --%s %s", letter, o->name,
             o->argument != NULL ? o->argument : "");
    printf("  %-26s %s\n", left, o->help);
}

void mm_gptool_print_help(void)
{
    puts("usage: mintmark-gp [options] COMMAND [arguments]\ncommands");
    for (size_t i = 0; i < COMMAND_N; i++) {
        char left[40];
        snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].arguments);
        printf("  %-26s %s\n", left, commands[i].help);
    }
    puts("  help COMMAND               its options\noptions of every command that talks to a card");
    for (size_t i = 0; i < OPT_N; i++) {
        if (strcmp(mm_gptool_infos[i].commands, "*") == 0)
            print_option(&mm_gptool_infos[i]);
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
        if (mm_gptool_has_word(mm_gptool_infos[i].commands, c->name))
            print_option(&mm_gptool_infos[i]);
    }
    puts("and the options that mintmark-gp --help lists");
    return MM_OK;
}
