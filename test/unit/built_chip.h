/* A chip of the developer profile with packages that the build converted: load, install, select. */
#ifndef MM_TEST_BUILT_CHIP_H
#define MM_TEST_BUILT_CHIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "applet_vm/card/card.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

static struct {
    char dir[32], image[64];
    struct mm_access *chip;
} built;

static inline void built_chip_new(void)
{
    struct mm_card_config cfg = {0};
    struct mm_err err = {.text = ""};
    char reader[80];

    snprintf(built.dir, sizeof(built.dir), "/tmp/mm-built-XXXXXX");
    assert_non_null(mkdtemp(built.dir));
    snprintf(built.image, sizeof(built.image), "%s/chip.nvm", built.dir);
    snprintf(reader, sizeof(reader), "chip:%s", built.image);
    cfg.nvm.path = built.image;
    assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, NULL), MM_OK);
    assert_int_equal(mm_access_open(reader, 1000, &built.chip, &err), MM_OK);
}

/* Load a CAP of $MM_BUILD/applets over SCP03; with applet: install its first one and select it. */
static inline void built_chip_load(const char *name, bool applet)
{
    const char *build = getenv("MM_BUILD");
    struct mm_gp_session *session = NULL;
    struct mm_cap *cap = NULL;
    struct mm_err err = {.text = ""};
    struct mm_buf list;
    char path[256];
    uint16_t sw = 0;

    snprintf(path, sizeof(path), "%s/applets/%s", build != NULL ? build : "build/release", name);
    if (mm_cap_read_file(path, &cap, &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_load_commands(cap, NULL, MM_GP_BLOCK_LEN, &list), MM_OK);
    if (applet)
        assert_int_equal(mm_gp_install_command(mm_cap_aid(cap), &mm_cap_applet(cap, 0)->aid,
                                               &mm_cap_applet(cap, 0)->aid, (const uint8_t *)"", 1,
                                               NULL, 0, &list),
                         MM_OK);
    assert_int_equal(
        mm_gp_open(built.chip, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC, &session, &err), MM_OK);
    if (mm_gp_send_list(session, &list, NULL, NULL, &err) != MM_OK)
        fail_msg("%s: %s", name, err.text);
    mm_gp_close(&session);
    if (applet) {
        assert_int_equal(mm_access_select(built.chip, &mm_cap_applet(cap, 0)->aid, NULL, &sw, NULL),
                         MM_OK);
        assert_int_equal(sw, 0x9000);
    }
    mm_buf_clear(&list);
    mm_cap_free(&cap);
}

/* Status word of 80 INS 00 00. */
static inline uint16_t built_chip_call(uint8_t ins)
{
    uint16_t sw = 0;

    assert_int_equal(mm_access_call(built.chip, 0x80, ins, 0, 0, NULL, 0, 256, NULL, &sw, NULL),
                     MM_OK);
    return sw;
}

static inline int built_chip_end(void)
{
    static const char *const ends[] = {"", ".journal", ".fuse"};

    mm_access_close(&built.chip);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s%s", built.image, ends[i]);
        unlink(path);
    }
    return rmdir(built.dir);
}

#endif
