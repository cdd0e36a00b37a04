/* Where the build put its applets and class files, and small helpers of the converter's tests. */
#ifndef CONV_FILES_H
#define CONV_FILES_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "converter/conv.h"

/* MM_BUILD names the build folder; the release variant by default. */
static inline const char *built(const char *name)
{
    static char path[8][512];
    static unsigned next;
    const char *dir = getenv("MM_BUILD");
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", dir == NULL ? "build/release" : dir, name);
    return p;
}

static inline uint8_t *slurp(const char *path, size_t *len)
{
    uint8_t *data = NULL;

    if (mm_file_read(path, 1u << 20, &data, len, NULL) != MM_OK)
        return NULL;
    return data;
}

#endif
