#include "applet_vm/base/base.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The one exception to "no mutable globals": where the log goes is a property of the process and is
 * set once, before any thread starts. */
static const char *log_program = "mintmark";
static bool log_json, log_debug;

void mm_log_setup(const char *program, bool json, bool debug)
{
    log_program = program;
    log_json = json;
    log_debug = debug;
}

static void put_json(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(stderr, "\\%c", c);
        else if (c < 0x20)
            fprintf(stderr, "\\u%04x", c);
        else
            fputc(c, stderr);
    }
}

void mm_log(const char *level, const char *event, const char *fmt, ...)
{
    char text[1024];
    char when[32];
    time_t now = time(NULL);
    struct tm tm;
    va_list ap;

    if (!log_debug && strcmp(level, "debug") == 0)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (!log_json) {
        fprintf(stderr, "%s: %s: %s: %s\n", log_program, level, event, text);
        return;
    }
    flockfile(stderr);
    fprintf(stderr,
            "{\"time\":\"%s\",\"program\":\"%s\",\"level\":\"%s\",\"event\":\"%s\",\"text\":\"",
            when, log_program, level, event);
    put_json(text);
    fputs("\"}\n", stderr);
    funlockfile(stderr);
}
