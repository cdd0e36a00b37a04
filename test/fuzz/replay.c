/*
 * A plain main for every fuzz target: runs it over each file named on the command line (folders are
 * walked one level). So seeds and past crashes are replayed by make check with any compiler.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "applet_vm/base/base.h"

#define REPLAY_MAX_LEN (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    uint8_t *data = NULL;
    size_t len = 0;
    struct mm_err err;

    if (mm_file_read(path, REPLAY_MAX_LEN, &data, &len, &err) != MM_OK) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        return 1;
    }
    (void)LLVMFuzzerTestOneInput(data, len); /* a finding ends the process */
    free(data);
    return 0;
}

static int replay_dir(const char *path, size_t *n)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    int bad = 0;

    if (dir == NULL)
        return 1;
    while ((e = readdir(dir)) != NULL) {
        char file[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
        bad |= replay_file(file);
        (*n)++;
    }
    closedir(dir);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
            bad |= replay_dir(argv[i], &n);
        } else {
            bad |= replay_file(argv[i]);
            n++;
        }
    }
    printf("%s: %zu inputs replayed\n", argv[0], n);
    return bad || n == 0;
}
