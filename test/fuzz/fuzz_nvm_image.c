/*
 * A chip image and its journal, changed by the input: never a crash, never accepted silently.
 * Input: u1 mode (0 whole image, 1 whole journal, else edits), then the bytes, or edits of
 * u1 file  u2 offset  u1 xor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applet_vm/nvm/nvm.h"

static char image[64], journal[80], fuse[80];
static uint8_t *good[3];
static size_t good_len[3];

static const char *name_of(int i)
{
    return i == 0 ? image : i == 1 ? journal : fuse;
}

static void put(int i, const uint8_t *data, size_t len)
{
    FILE *out = fopen(name_of(i), "wb");

    if (out == NULL || fwrite(data, 1, len, out) != len || fclose(out) != 0)
        abort(); /* the scratch folder, not the input */
}

static void need(bool good_so_far)
{
    if (!good_so_far)
        abort();
}

static void cleanup(void)
{
    for (int i = 0; i < 3; i++) {
        unlink(name_of(i));
        free(good[i]);
    }
    *strrchr(image, '/') = '\0';
    rmdir(image);
}

/* A small chip with something in the image and something in the journal. */
static void setup(void)
{
    static const struct mm_aid aid = {5, {0xf0, 1, 2, 3, 4}};
    char dir[40];
    struct mm_nvm_config cfg = {.path = image};
    struct mm_nvm *nvm;

    snprintf(dir, sizeof(dir), "%s/mm-fuzz-nvm-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    need(mkdtemp(dir) != NULL);
    snprintf(image, sizeof(image), "%s/a", dir);
    snprintf(journal, sizeof(journal), "%s.journal", image);
    snprintf(fuse, sizeof(fuse), "%s.fuse", image);
    need(mm_nvm_create(&cfg, &nvm, NULL) == MM_OK);
    need(mm_comp_add(nvm, 1, MM_COMP_PACKAGE, &aid) == MM_OK);
    need(mm_comp_add(nvm, 2, MM_COMP_APPLET, &aid) == MM_OK);
    need(mm_rec_new(nvm, 0x20000, 1, 12) == MM_OK && mm_rec_new(nvm, 0x200, 2, 8) == MM_OK);
    mm_nvm_close(&nvm);
    need(mm_nvm_open(&cfg, &nvm, NULL) == MM_OK);
    need(mm_rec_write(nvm, 0x200, 0, "one", 3) == MM_OK && mm_nvm_promise(nvm) == MM_OK);
    need(mm_rec_write(nvm, 0x20000, 0, "two", 3) == MM_OK &&
         mm_rec_new(nvm, 0x201, 2, 3) == MM_OK && mm_nvm_promise(nvm) == MM_OK);
    for (int i = 0; i < 3; i++)
        need(mm_file_read(name_of(i), 1 << 20, &good[i], &good_len[i], NULL) == MM_OK);
    mm_nvm_close(&nvm);
    atexit(cleanup);
}

/* Did image or journal really change, in what the fuse counter covers? */
static bool change(const uint8_t *data, size_t size)
{
    uint8_t *copy[2];
    bool changed;

    for (int i = 0; i < 3; i++)
        put(i, good[i], good_len[i]);
    if (data[0] <= 1) {
        const size_t len = good_len[data[0]];
        put(data[0], data + 1, size - 1);
        return size - 1 < len || memcmp(data + 1, good[data[0]], len) != 0 ||
               (data[0] == 0 && size - 1 != len);
    }
    for (int i = 0; i < 2; i++) {
        copy[i] = malloc(good_len[i]);
        need(copy[i] != NULL);
        memcpy(copy[i], good[i], good_len[i]);
    }
    for (size_t i = 1; i + 4 <= size; i += 4) {
        int file = data[i] & 1;
        copy[file][mm_be16(data + i + 1) % good_len[file]] ^= data[i + 3];
    }
    changed =
        memcmp(copy[0], good[0], good_len[0]) != 0 || memcmp(copy[1], good[1], good_len[1]) != 0;
    for (int i = 0; i < 2; i++) {
        put(i, copy[i], good_len[i]);
        free(copy[i]);
    }
    return changed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_nvm_config cfg = {.path = image};
    struct mm_comp_info info;
    struct mm_nvm *nvm = NULL;
    bool changed, found = false;

    if (size < 1)
        return 0;
    if (image[0] == '\0')
        setup();
    changed = change(data, size);
    if (mm_nvm_open(&cfg, &nvm, NULL) != MM_OK) {
        need(changed);
        return 0;
    }
    for (size_t i = 0; mm_comp_get(nvm, i, &info); i++)
        found = found || info.damage != MM_DAMAGE_NONE;
    need(found == changed);
    mm_nvm_close(&nvm);
    return 0;
}
