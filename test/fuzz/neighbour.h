/* A sound package and its applet beside the one that is fuzzed: what is theirs must stay as it is. */
#ifndef MM_FUZZ_NEIGHBOUR_H
#define MM_FUZZ_NEIGHBOUR_H

#include "test/unit/test_vm_cap.h"
#include "test/unit/test_vm_counter.h"

#define NEIGHBOUR_PACKAGE 40
#define NEIGHBOUR_APPLET  41
#define FUZZ_PACKAGE      50 /* components below are not the fuzzed package's: platform, neighbour */

/* Load and install it. Returns its applet, a root of the heap. */
static inline mm_ref neighbour_move_in(struct test_chip *c)
{
    struct mm_err err = {.text = ""};
    mm_ref applet;

    must(chip_load(c, NEIGHBOUR_PACKAGE, counter_lfdb, sizeof(counter_lfdb), &err) == MM_OK,
         "counter", err.text);
    must(chip_install(c, NEIGHBOUR_PACKAGE, 0, NEIGHBOUR_APPLET, NULL, 0) == MM_RUN_OK, "install",
         "");
    applet = c->registered;
    c->registered = MM_REF_NULL;
    return applet;
}

/* FNV-1a over keys and contents of all records of other components. */
static inline uint64_t neighbour_digest(const struct mm_nvm *nvm)
{
    uint64_t h = 0xcbf29ce484222325u;
    mm_key key = 0;

    while ((key = mm_rec_next(nvm, key, UINT32_MAX)) != 0) {
        size_t len = 0;
        const uint8_t *p = mm_rec_data(nvm, key, &len);
        if (mm_rec_comp(nvm, key) >= FUZZ_PACKAGE)
            continue;
        h = (h ^ key) * 0x100000001b3u;
        for (size_t i = 0; i < len; i++)
            h = (h ^ p[i]) * 0x100000001b3u;
    }
    return h;
}

static inline void neighbour_check(const struct mm_nvm *nvm, uint64_t before)
{
    if (neighbour_digest(nvm) == before)
        return;
    fprintf(stderr, "records of another component were changed\n");
    abort();
}

#endif
