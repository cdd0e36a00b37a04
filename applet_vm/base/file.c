#include "applet_vm/base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum mm_status mm_file_read(const char *path, size_t max, uint8_t **data, size_t *data_len,
                            struct mm_err *err)
{
    struct mm_buf buf;
    uint8_t chunk[16384];
    ssize_t n;
    int fd;

    *data = NULL;
    *data_len = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return mm_fail(err, errno == ENOENT ? MM_NOT_FOUND : MM_IO, SIZE_MAX, "%s: %s", path,
                       strerror(errno));
    mm_buf_init(&buf);
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || buf.len + (size_t)n > max)
            break;
        mm_buf_bytes(&buf, chunk, (size_t)n);
    }
    if (n != 0) {
        enum mm_status st = n < 0 ? MM_IO : MM_TOO_LONG;
        (void)mm_fail(err, st, SIZE_MAX, "%s: %s", path,
                      n < 0 ? strerror(errno) : "larger than allowed");
        close(fd);
        mm_buf_clear(&buf);
        return st;
    }
    close(fd);
    *data = mm_buf_take(&buf, data_len);
    return *data != NULL ? MM_OK : mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "%s: out of memory", path);
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

enum mm_status mm_file_sync_folder_of(const char *path)
{
    char dir[PATH_MAX];
    char *slash;
    int fd, r;

    snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash == NULL)
        snprintf(dir, sizeof(dir), ".");
    else
        slash[slash == dir] = '\0';
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return MM_IO;
    r = fsync(fd);
    close(fd);
    return r == 0 ? MM_OK : MM_IO;
}

enum mm_status mm_file_write(const char *path, const void *data, size_t data_len, unsigned mode,
                             struct mm_err *err)
{
    char tmp[PATH_MAX];
    int fd;

    if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
        return mm_fail(err, MM_TOO_LONG, SIZE_MAX, "%s: path too long", path);
    fd = mkostemp(tmp, O_CLOEXEC);
    if (fd < 0)
        return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
    if (!write_all(fd, data, data_len) || fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0 ||
        rename(tmp, path) != 0) {
        enum mm_status st = mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", path, strerror(errno));
        close(fd);
        unlink(tmp);
        return st;
    }
    close(fd);
    (void)mm_file_sync_folder_of(path); /* best effort: some file systems refuse it for folders */
    return MM_OK;
}

enum mm_status mm_dir_make(const char *path, struct mm_err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part))
        return mm_fail(err, MM_USAGE, SIZE_MAX, "bad path length %zu", len);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return mm_fail(err, MM_IO, SIZE_MAX, "%s: %s", part, strerror(errno));
    }
    return MM_OK;
}

char *mm_home_path(const char *home, const char *fmt, ...)
{
    const char *env = getenv("MINTMARK_HOME");
    const char *xdg = getenv("XDG_STATE_HOME");
    const char *user = getenv("HOME");
    const char *tail = "";
    char name[PATH_MAX];
    char *out = NULL;
    va_list ap;

    if (home == NULL && env != NULL && env[0] != '\0')
        home = env;
    if (home == NULL && xdg != NULL && xdg[0] != '\0') {
        home = xdg;
        tail = "/mintmark";
    }
    if (home == NULL) {
        home = user != NULL ? user : "";
        tail = user != NULL ? "/.local/state/mintmark" : "/var/lib/mintmark";
    }
    va_start(ap, fmt);
    vsnprintf(name, sizeof(name), fmt, ap);
    va_end(ap);
    if (asprintf(&out, "%s%s/%s", home, tail, name) < 0)
        return NULL;
    return out;
}
