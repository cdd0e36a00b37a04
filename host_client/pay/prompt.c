#include "host_client/pay/prompt.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum mm_status mm_pay_check_pin(const char *text, struct mm_err *err)
{
    size_t len = strlen(text);

    if (len < 4 || len > 8 || strspn(text, "0123456789") != len)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "PIN: expected 4 to 8 digits");
    return MM_OK;
}

/* One line from fd without its newline; what does not fit makes the PIN too long, so it is refused. */
static void read_line(int fd, char *out, size_t out_len)
{
    size_t n = 0;
    char c;

    while (read(fd, &c, 1) == 1 && c != '\n') {
        if (n + 1 < out_len)
            out[n++] = c;
    }
    out[n] = '\0';
}

static enum mm_status ask_terminal(const char *question, char *out, size_t out_len,
                                   struct mm_err *err)
{
    struct termios before, silent;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0)
            close(fd);
        return mm_fail(err, MM_USAGE, SIZE_MAX,
                       "PIN: no terminal to ask for it; give --pin or MINTMARK_PIN");
    }
    silent = before;
    silent.c_lflag &= (tcflag_t)~ECHO;
    (void)tcsetattr(fd, TCSAFLUSH, &silent); /* at worst the digits show */
    dprintf(fd, "%s", question);
    read_line(fd, out, out_len);
    dprintf(fd, "\n");
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    close(fd);
    return MM_OK;
}

enum mm_status mm_pay_ask_pin(const char *given, const char *question, char pin[MM_PIN_TEXT],
                              struct mm_err *err)
{
    char line[32] = "";
    enum mm_status st = MM_OK;

    if (given == NULL)
        given = getenv("MINTMARK_PIN");
    if (given == NULL) {
        st = ask_terminal(question, line, sizeof(line), err);
        given = line;
    }
    if (st == MM_OK)
        st = mm_pay_check_pin(given, err);
    if (st == MM_OK)
        strcpy(pin, given);
    OPENSSL_cleanse(line, sizeof(line));
    return st;
}

bool mm_pay_ask_yes(FILE *in, FILE *out, const char *question)
{
    char line[16];

    fprintf(out, "%s [y/N] ", question);
    fflush(out);
    if (fgets(line, sizeof(line), in) == NULL)
        return false;
    return strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0 || strcmp(line, "Y\n") == 0;
}
