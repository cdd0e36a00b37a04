#include "applet_vm/base/base.h"

#include <stdio.h>
#include <string.h>

static const char *const status_text[] = {
#define MM_STATUS(name, sentence) [MM_##name] = (sentence),
#include "applet_vm/base/status.def"
#undef MM_STATUS
};

const char *mm_status_text(enum mm_status st)
{
    return (unsigned)st < MM_STATUS_N ? status_text[st] : "unknown status";
}

int mm_status_exit(enum mm_status st)
{
    if (st == MM_OK)
        return 0;
    if (st == MM_USAGE)
        return 2;
    if (st == MM_REFUSED)
        return 3;
    if (st == MM_NO_READER || st == MM_BUSY)
        return 4;
    if (st == MM_CARD || st == MM_PLATFORM || st == MM_TIMEOUT)
        return 5;
    return 1;
}

enum mm_status mm_fail(struct mm_err *err, enum mm_status st, size_t off, const char *fmt, ...)
{
    va_list ap;

    if (err == NULL)
        return st;
    err->st = st;
    err->off = off;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return st;
}

void mm_err_prefix(struct mm_err *err, const char *fmt, ...)
{
    char prefix[sizeof(err->text)];
    char text[sizeof(err->text)];
    va_list ap;

    if (err == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    memcpy(text, err->text, sizeof(text));
    /* Cut at the end when both together are too long: the front says where. */
    size_t n = strnlen(prefix, sizeof(prefix) - 3);
    memcpy(err->text, prefix, n);
    memcpy(err->text + n, ": ", 3);
    strncat(err->text, text, sizeof(err->text) - n - 3);
}
