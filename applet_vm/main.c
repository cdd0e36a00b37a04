/* mintmark-chip: the command line. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applet_vm/chip.h"
#include "applet_vm/link/link.h"
#include "applet_vm/scp/scp.h"

static const char usage_text[] =
    "usage: mintmark-chip [options] init NAME [--profile developer|payment] [--scp SCP:I]...\n"
    "       mintmark-chip [options] run  NAME [--vpcd HOST:PORT] [--slot N] | --listen PORT\n"
    "                                         [--durability kill|power] [--no-verify]\n"
    "                                         [--protocol t1|t0|type-a|type-b]\n"
    "       mintmark-chip [options] tear NAME --at N [as run]\n"
    "       mintmark-chip [options] info NAME\n"
    "       mintmark-chip [options] fsck NAME\n"
    "\n"
    "      --home DIR         where chip/NAME.nvm is (default: $MINTMARK_HOME)\n"
    "      --profile P        init: developer has no gate; payment (default: developer)\n"
    "      --scp SCP:I        init: secure channel 02 or 03 and its parameter i, as 02:55; the "
    "first\n"
    "                         is the test keys' (default: 03:60, and 02:55 for DES keys)\n"
    "      --vpcd HOST:PORT   run: into vsmartcard's reader (default: 127.0.0.1:35963)\n"
    "      --slot N           run: which of the driver's readers, from 0 (default: 0)\n"
    "      --listen PORT      run: TCP server on 127.0.0.1; 0 takes a free port and prints it\n"
    "      --durability D     run: an answer survives kill (default) or loss of power\n"
    "      --protocol P       run: what applets are told of the interface (default: t1)\n"
    "      --no-verify        run: load without bytecode check (developer profile only)\n"
    "      --at N             tear: cut the power at the N-th persistent write (exit 99)\n"
    "      --json-log         log as JSON, one object a line\n"
    "      --debug            log more\n"
    "  -h, --help             this text; after a command, that command's\n"
    "  -V, --version          version\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 damage found (fsck), 4 chip in use or reader\n"
    "host unknown. See mintmark-chip(1).\n";

enum option_id {
    OPT_HOME = 256,
    OPT_PROFILE,
    OPT_SCP,
    OPT_VPCD,
    OPT_SLOT,
    OPT_LISTEN,
    OPT_DURABILITY,
    OPT_AT,
    OPT_NO_VERIFY,
    OPT_PROTOCOL,
    OPT_JSON_LOG,
    OPT_DEBUG
};
#define BIT(option) (1u << ((option)-OPT_HOME))
#define ANYWHERE    (BIT(OPT_HOME) | BIT(OPT_JSON_LOG) | BIT(OPT_DEBUG))
#define RUNNING                                                                                    \
    (BIT(OPT_VPCD) | BIT(OPT_SLOT) | BIT(OPT_LISTEN) | BIT(OPT_DURABILITY) | BIT(OPT_NO_VERIFY) |  \
     BIT(OPT_PROTOCOL))

static const struct command {
    const char *name;
    unsigned options; /* that it takes besides those that go anywhere */
    enum mm_status (*run)(const struct mm_chip_options *options, struct mm_err *err);
    const char *help;
} commands[] = {
    {"init", BIT(OPT_PROFILE) | BIT(OPT_SCP), mm_chip_init,
     "usage: mintmark-chip init NAME [--profile developer|payment] [--scp SCP:I]...\n\n"
     "Make a new chip with an empty registry, the GlobalPlatform test keys (version FF) and a\n"
     "random chip id. Prints the path of its image. In the payment profile applets can be\n"
     "selected only while the trust agent holds the gate open.\n"},
    {"run", RUNNING, mm_chip_run,
     "usage: mintmark-chip run NAME [--vpcd HOST:PORT | --listen PORT] [--durability "
     "kill|power] [--no-verify] [--protocol t1|t0|type-a|type-b]\n\n"
     "Put the chip into a reader until SIGTERM or SIGINT. With vpcd it waits for pcscd and comes\n"
     "back when pcscd restarts. With --listen it serves one TCP peer at a time. --no-verify loads\n"
     "packages without the bytecode check; a chip of the payment profile refuses it.\n"},
    {"tear", RUNNING | BIT(OPT_AT), mm_chip_run,
     "usage: mintmark-chip tear NAME --at N [--vpcd HOST:PORT | --listen PORT]\n\n"
     "As run, and cut the power (exit status 99) at the N-th persistent write, to see that a\n"
     "torn card comes back whole.\n"},
    {"info", 0, mm_chip_info,
     "usage: mintmark-chip info NAME\n\n"
     "Show profile, chip id, counter and components of a chip that does not run.\n"},
    {"fsck", 0, mm_chip_fsck,
     "usage: mintmark-chip fsck NAME\n\n"
     "Check the seal of each component of a chip that does not run; exit status 3 on damage.\n"},
};

#define SLOT_MAX 15 /* PC/SC's readers of one driver */
struct line {
    struct mm_chip_options chip;
    unsigned given; /* bits of the options that were */
    uint16_t slot;  /* each has its own port, the next one */
    bool json_log, debug, help;
    char host[256]; /* what chip.vpcd_host points to */
};

static int usage_error(const char *what, const char *value)
{
    fprintf(stderr, "mintmark-chip: %s%s%s\nTry: mintmark-chip --help\n", what,
            value[0] != '\0' ? ": " : "", value);
    return mm_status_exit(MM_USAGE);
}

static int bad_value(const char *option, const char *value)
{
    fprintf(stderr,
            "mintmark-chip: --%s: \"%s\" is not a value it takes\nTry: mintmark-chip --help\n",
            option, value);
    return mm_status_exit(MM_USAGE);
}

static bool read_number(const char *text, unsigned long max, unsigned long *out)
{
    char *end;

    errno = 0;
    *out = strtoul(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-' && *out <= max;
}

/* HOST:PORT; an IPv6 address may stand in brackets. */
static bool read_vpcd(const char *text, struct line *line)
{
    const char *colon = strrchr(text, ':');
    unsigned long port;
    size_t len;

    if (colon == NULL || !read_number(colon + 1, 65535, &port) || port == 0)
        return false;
    len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(line->host))
        return false;
    memcpy(line->host, text, len);
    line->host[len] = '\0';
    line->chip.vpcd_host = line->host;
    line->chip.vpcd_port = (uint16_t)port;
    return true;
}

/* 02:55 or 03:70, hexadecimal; once for each protocol at most. */
static bool read_scp(const char *text, struct line *line)
{
    uint8_t bytes[2];
    size_t n = sizeof(bytes);

    if (strlen(text) != 5 || text[2] != ':' || line->chip.scp_n == 2 ||
        mm_unhex(text, bytes, &n) != MM_OK || n != 2 || !mm_scp_known(bytes[0], bytes[1]))
        return false;
    line->chip.scp[line->chip.scp_n++] = (struct mm_card_scp){bytes[0], bytes[1]};
    return line->chip.scp_n == 1 || line->chip.scp[0].protocol != bytes[0];
}

static bool read_choice(const char *text, const char *zero, const char *one, bool *is_one)
{
    *is_one = strcmp(text, one) == 0;
    return *is_one || strcmp(text, zero) == 0;
}

/* By enum mm_protocol. */
static bool read_protocol(const char *text, enum mm_protocol *protocol)
{
    static const char *const names[] = {"t1", "t0", "type-a", "type-b"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *protocol = (enum mm_protocol)i;
            return true;
        }
    }
    return false;
}

/* One option with its value; false: the value is not of its kind. */
static bool take_option(struct line *line, int option, const char *value)
{
    unsigned long number = 0;
    bool second = false, good = true;

    switch (option) {
    case OPT_HOME:
        line->chip.home = value;
        break;
    case OPT_PROFILE:
        good = read_choice(value, "developer", "payment", &second);
        line->chip.profile = second ? MM_PROFILE_PAYMENT : MM_PROFILE_DEVELOPER;
        break;
    case OPT_SCP:
        good = read_scp(value, line);
        break;
    case OPT_VPCD:
        good = read_vpcd(value, line);
        break;
    case OPT_SLOT:
        good = read_number(value, SLOT_MAX, &number);
        line->slot = (uint16_t)number;
        break;
    case OPT_LISTEN:
        good = read_number(value, 65535, &number);
        line->chip.listen = true;
        line->chip.listen_port = (uint16_t)number;
        break;
    case OPT_DURABILITY:
        good = read_choice(value, "kill", "power", &second);
        line->chip.durability = second ? MM_DURABLE_POWER : MM_DURABLE_KILL;
        break;
    case OPT_AT:
        good = read_number(value, UINT_MAX, &number) && number > 0;
        line->chip.tear_at = (unsigned)number;
        break;
    case OPT_PROTOCOL:
        good = read_protocol(value, &line->chip.protocol);
        break;
    case OPT_NO_VERIFY:
        line->chip.no_verify = true;
        break;
    case OPT_JSON_LOG:
        line->json_log = true;
        break;
    case OPT_DEBUG:
        line->debug = true;
        break;
    default:
        good = false;
        break;
    }
    line->given |= BIT(option);
    return good;
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct line *line)
{
    static const struct option longs[] = {
        {"home", required_argument, NULL, OPT_HOME},
        {"profile", required_argument, NULL, OPT_PROFILE},
        {"scp", required_argument, NULL, OPT_SCP},
        {"vpcd", required_argument, NULL, OPT_VPCD},
        {"slot", required_argument, NULL, OPT_SLOT},
        {"listen", required_argument, NULL, OPT_LISTEN},
        {"durability", required_argument, NULL, OPT_DURABILITY},
        {"at", required_argument, NULL, OPT_AT},
        {"no-verify", no_argument, NULL, OPT_NO_VERIFY},
        {"protocol", required_argument, NULL, OPT_PROTOCOL},
        {"json-log", no_argument, NULL, OPT_JSON_LOG},
        {"debug", no_argument, NULL, OPT_DEBUG},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option, index = 0;

    while ((option = getopt_long(argc, argv, "hV", longs, &index)) != -1) {
        if (option == '?')
            return usage_error("see above", "");
        if (option == 'V') {
            printf("mintmark-chip %s\n", MM_VERSION);
            return 0;
        }
        if (option == 'h')
            line->help = true;
        else if (!take_option(line, option, optarg))
            return bad_value(longs[index].name, optarg);
    }
    return -1;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* What a command needs and does not take; -1 when all is well. */
static int check_command(const struct command *command, const struct line *line)
{
    if (line->given & ~(command->options | ANYWHERE))
        return usage_error("an option does not belong to this command", command->name);
    if ((line->given & BIT(OPT_VPCD)) && (line->given & BIT(OPT_LISTEN)))
        return usage_error("--vpcd and --listen exclude each other", "");
    if (line->slot != 0 &&
        ((line->given & BIT(OPT_LISTEN)) || line->chip.vpcd_port > 65535 - line->slot))
        return usage_error("no such slot", "");
    if ((command->options & BIT(OPT_AT)) && line->chip.tear_at == 0)
        return usage_error("tear needs --at N", "");
    return -1;
}

int main(int argc, char **argv)
{
    struct line line = {.chip = {.vpcd_port = MM_VPCD_PORT}};
    const struct command *command = NULL;
    struct mm_err err = {0};
    enum mm_status st;
    int exit_status = read_options(argc, argv, &line);

    if (exit_status >= 0)
        return exit_status;
    if (optind < argc) {
        command = find_command(argv[optind]);
        if (command == NULL)
            return usage_error("no such command", argv[optind]);
    }
    if (line.help) {
        fputs(command == NULL ? usage_text : command->help, stdout);
        return 0;
    }
    if (command == NULL)
        return usage_error("name a command", "");
    if (optind + 2 != argc)
        return usage_error("expected one chip name after the command", command->name);
    exit_status = check_command(command, &line);
    if (exit_status >= 0)
        return exit_status;
    line.chip.vpcd_port = (uint16_t)(line.chip.vpcd_port + line.slot);
    line.chip.name = argv[optind + 1];
    mm_log_setup("mintmark-chip", line.json_log, line.debug);
    st = command->run(&line.chip, &err);
    if (st != MM_OK)
        mm_log("error", command->name, "%s", err.text[0] != '\0' ? err.text : mm_status_text(st));
    return mm_status_exit(st);
}
