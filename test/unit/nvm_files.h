/* A chip image in a folder of its own, for tests that copy, change, cut and put back its files. */
#ifndef MM_TEST_NVM_FILES_H
#define MM_TEST_NVM_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applet_vm/nvm/nvm.h"

static const struct mm_aid some_aid = {5, {0xf0, 1, 2, 3, 4}};
static char dir[40];
static char image[64], journal[80], fuse[80];

/* A copy of the three files, to put back. */
struct files {
    uint8_t *data[3];
    size_t len[3];
};

static inline const char *file_name(int i)
{
    return i == 0 ? image : i == 1 ? journal : fuse;
}

static inline void files_save(struct files *f)
{
    for (int i = 0; i < 3; i++)
        assert_int_equal(mm_file_read(file_name(i), 1 << 20, &f->data[i], &f->len[i], NULL), MM_OK);
}

static inline void file_put(int i, const uint8_t *data, size_t len)
{
    FILE *out = fopen(file_name(i), "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(data, 1, len, out), len);
    assert_int_equal(fclose(out), 0);
}

static inline void files_restore(const struct files *f)
{
    for (int i = 0; i < 3; i++)
        file_put(i, f->data[i], f->len[i]);
}

static inline void files_free(struct files *f)
{
    for (int i = 0; i < 3; i++)
        free(f->data[i]);
}

static inline struct mm_nvm *store_open(void)
{
    struct mm_nvm_config cfg = {.path = image};
    struct mm_nvm *nvm = NULL;

    assert_int_equal(mm_nvm_open(&cfg, &nvm, NULL), MM_OK);
    return nvm;
}

/* A small chip: a package with "code", two applets, a platform record. */
static inline struct mm_nvm *store_make(void)
{
    struct mm_nvm_config cfg = {.path = image};
    struct mm_nvm *nvm = NULL;

    for (int i = 0; i < 3; i++)
        unlink(file_name(i));
    assert_int_equal(mm_nvm_create(&cfg, &nvm, NULL), MM_OK);
    assert_int_equal(mm_comp_add(nvm, 1, MM_COMP_PACKAGE, &some_aid), MM_OK);
    assert_int_equal(mm_comp_add(nvm, 2, MM_COMP_APPLET, &some_aid), MM_OK);
    assert_int_equal(mm_comp_add(nvm, 3, MM_COMP_APPLET, &some_aid), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x20000, 1, 20), MM_OK);
    assert_int_equal(mm_rec_write(nvm, 0x20000, 0, "PACKAGE CODE IN HERE", 20), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x200, 2, 8), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x201, 3, 8), MM_OK);
    assert_int_equal(mm_rec_new(nvm, 0x10000, 0, 4), MM_OK);
    assert_int_equal(mm_nvm_promise(nvm), MM_OK);
    return nvm;
}

static inline bool damaged(const struct mm_nvm *nvm)
{
    struct mm_comp_info info;

    for (size_t i = 0; mm_comp_get(nvm, i, &info); i++) {
        if (info.damage != MM_DAMAGE_NONE)
            return true;
    }
    return false;
}

/* What a kill leaves: descriptors closed, nothing written. */

static inline int dir_make(void **state)
{
    (void)state;
    /* In memory where the machine has that: thousands of small files are written. */
    snprintf(dir, sizeof(dir), "%s/mm-nvm-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(image, sizeof(image), "%s/a.nvm", dir);
    snprintf(journal, sizeof(journal), "%s.journal", image);
    snprintf(fuse, sizeof(fuse), "%s.fuse", image);
    return 0;
}

static inline int dir_remove(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(file_name(i));
    return rmdir(dir);
}

#endif
