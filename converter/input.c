/* Where files come from: a folder, a jar, or one by one. */
#include "converter/conv_int.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#define CLASS_FILE_MAX_LEN (1u << 20)
#define FILES_MAX          10000 /* in one jar or folder tree; nobody's applet has more */
#define DEPTH_MAX          32

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);

    return len > end_len && strcmp(name + len - end_len, end) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add(struct mm_arena *arena, struct mm_files *files, const char *name)
{
    files->names = mm_arena_grow(arena, files->names, files->n, sizeof(*files->names));
    files->names[files->n++] = mm_arena_text(arena, name, strlen(name));
}

static enum mm_status list_folder(struct mm_arena *arena, const char *root, const char *below,
                                  const char *end, unsigned depth, struct mm_files *files,
                                  struct mm_err *err)
{
    const char *path = mm_arena_printf(arena, "%s%s%s", root, *below == '\0' ? "" : "/", below);
    DIR *dir = opendir(path);
    enum mm_status st = MM_OK;
    struct dirent *e;

    if (dir == NULL)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "%s: no such folder", path);
    while (st == MM_OK && (e = readdir(dir)) != NULL) {
        const char *name =
            mm_arena_printf(arena, "%s%s%s", below, *below == '\0' ? "" : "/", e->d_name);
        struct stat info;

        if (e->d_name[0] == '.' || stat(mm_arena_printf(arena, "%s/%s", root, name), &info) != 0)
            continue;
        if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX)
            st = list_folder(arena, root, name, end, depth + 1, files, err);
        else if (S_ISREG(info.st_mode) && ends_with(e->d_name, end))
            add(arena, files, name);
        if (files->n > FILES_MAX)
            st = mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "%s: more than %d files", root, FILES_MAX);
    }
    closedir(dir);
    return st;
}

static zip_t *open_jar(const char *path, struct mm_err *err)
{
    int code = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);
    zip_error_t ze;

    if (zip == NULL) {
        zip_error_init_with_code(&ze, code);
        (void)mm_fail(err, code == ZIP_ER_NOENT ? MM_NOT_FOUND : MM_MALFORMED, SIZE_MAX, "%s: %s",
                      path, zip_error_strerror(&ze));
        zip_error_fini(&ze);
    }
    return zip;
}

static enum mm_status list_jar(struct mm_arena *arena, const char *path, const char *end,
                               struct mm_files *files, struct mm_err *err)
{
    zip_t *zip = open_jar(path, err);
    zip_int64_t n = zip == NULL ? 0 : zip_get_num_entries(zip, 0);

    if (zip == NULL)
        return err == NULL ? MM_MALFORMED : err->st;
    for (zip_int64_t i = 0; i < n && files->n <= FILES_MAX; i++) {
        const char *name = zip_get_name(zip, (zip_uint64_t)i, 0);

        if (name != NULL && ends_with(name, end))
            add(arena, files, name);
    }
    zip_discard(zip);
    return files->n > FILES_MAX
               ? mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "%s: more than %d files", path, FILES_MAX)
               : MM_OK;
}

enum mm_status mm_conv_files_list(struct mm_arena *arena, const char *root, const char *end,
                                  struct mm_files *files, struct mm_err *err)
{
    struct stat info;
    enum mm_status st;

    memset(files, 0, sizeof(*files));
    files->root = root;
    files->is_single = ends_with(root, end) && stat(root, &info) == 0 && S_ISREG(info.st_mode);
    if (files->is_single) {
        add(arena, files, "");
        return MM_OK;
    }
    files->is_jar = stat(root, &info) == 0 && S_ISREG(info.st_mode);
    st = files->is_jar ? list_jar(arena, root, end, files, err)
                       : list_folder(arena, root, "", end, 0, files, err);
    if (st == MM_OK && files->n != 0) /* neither has an order; the output must */
        qsort(files->names, files->n, sizeof(*files->names), by_name);
    return st;
}

static enum mm_status read_jar(struct mm_arena *arena, const struct mm_files *files,
                               const char *name, const uint8_t **data, size_t *len,
                               struct mm_err *err)
{
    zip_t *zip = open_jar(files->root, err);
    zip_file_t *f = NULL;
    zip_stat_t info;
    enum mm_status st = MM_MALFORMED;
    uint8_t *bytes;

    if (zip == NULL)
        return err == NULL ? MM_MALFORMED : err->st;
    if (zip_stat(zip, name, 0, &info) == 0 && (info.valid & ZIP_STAT_SIZE) &&
        info.size <= CLASS_FILE_MAX_LEN && (f = zip_fopen(zip, name, 0)) != NULL) {
        bytes = mm_arena_alloc(arena, (size_t)info.size + 1, 1);
        /* One byte more, so that libzip compares the checksum at the end. */
        if (zip_fread(f, bytes, info.size + 1) == (zip_int64_t)info.size) {
            *data = bytes;
            *len = (size_t)info.size;
            st = MM_OK;
        }
        zip_fclose(f);
    }
    if (st != MM_OK)
        (void)mm_fail(err, st, SIZE_MAX, "cannot be read, or has more than %u bytes",
                      CLASS_FILE_MAX_LEN);
    zip_discard(zip);
    return st;
}

enum mm_status mm_conv_files_read(struct mm_arena *arena, const struct mm_files *files,
                                  const char *name, const uint8_t **data, size_t *len,
                                  struct mm_err *err)
{
    const char *path =
        files->is_single ? files->root : mm_arena_printf(arena, "%s/%s", files->root, name);
    uint8_t *bytes = NULL, *kept;
    enum mm_status st;

    *data = NULL;
    *len = 0;
    if (files->is_jar)
        return read_jar(arena, files, name, data, len, err);
    st = mm_file_read(path, CLASS_FILE_MAX_LEN, &bytes, len, err);
    if (st != MM_OK)
        return st;
    kept = mm_arena_alloc(arena, *len + 1, 1);
    memcpy(kept, bytes, *len);
    free(bytes);
    *data = kept;
    return MM_OK;
}
