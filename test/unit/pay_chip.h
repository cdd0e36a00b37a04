/*
 * A chip in this process with one of the build's applets in it, for the applets' tests. Each test works
 * on a copy of the image that make_chip has made.
 */
#ifndef MM_TEST_PAY_CHIP_H
#define MM_TEST_PAY_CHIP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>

#include "apdu_spec/apdu_spec.h"
#include "applet_vm/card/card.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

static const char *const ends[] = {"", ".journal", ".fuse"};

struct chip {
    char dir[32], base[64], image[64]; /* base: the applet installed, not personalised */
    struct mm_access *access;
};
static struct chip chip;

static void file_name(char out[80], const char *image, const char *end)
{
    snprintf(out, 80, "%s%s", image, end);
}

static void copy_image(const char *from, const char *to)
{
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char a[80], b[80];
        uint8_t *data = NULL;
        size_t len = 0;
        file_name(a, from, ends[i]);
        file_name(b, to, ends[i]);
        unlink(b);
        if (mm_file_read(a, 1u << 24, &data, &len, NULL) == MM_OK)
            assert_int_equal(mm_file_write(b, data, len, 0600, NULL), MM_OK);
        free(data);
    }
}

static void open_chip(const char *image)
{
    struct mm_err err = {0};
    char reader[80];

    snprintf(reader, sizeof(reader), "chip:%s", image);
    if (mm_access_open(reader, 1000, &chip.access, &err) != MM_OK)
        fail_msg("%s", err.text);
}

static void install(const char *name, enum mm_aid_id package_id, enum mm_aid_id applet_id)
{
    const char *build = getenv("MM_BUILD");
    struct mm_aid package = mm_aid_of(package_id), applet = mm_aid_of(applet_id);
    struct mm_gp_session *session = NULL;
    struct mm_cap *cap = NULL;
    struct mm_buf list;
    struct mm_err err = {0};
    char path[256];

    snprintf(path, sizeof(path), "%s/applets/%s.cap", build != NULL ? build : "build/release",
             name);
    if (mm_cap_read_file(path, &cap, &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_load_commands(cap, NULL, MM_GP_BLOCK_LEN, &list), MM_OK);
    assert_int_equal(
        mm_gp_install_command(&package, &applet, &applet, (const uint8_t *)"", 1, NULL, 0, &list),
        MM_OK);
    assert_int_equal(
        mm_gp_open(chip.access, NULL, &mm_scp_test_keys, 0, MM_SCP_C_MAC, &session, &err), MM_OK);
    if (mm_gp_send_list(session, &list, NULL, NULL, &err) != MM_OK)
        fail_msg("%s", err.text);
    mm_gp_close(&session);
    mm_cap_free(&cap);
    mm_buf_clear(&list);
}

/* STORE DATA for an applet, in a session of this level; its status word. */
static uint16_t store_data(enum mm_aid_id applet_id, uint8_t level, const struct mm_buf *data)
{
    struct mm_aid applet = mm_aid_of(applet_id);
    struct mm_gp_session *session = NULL;
    struct mm_buf apdu, resp;
    uint16_t sw = 0;

    mm_buf_init(&apdu);
    mm_buf_init(&resp);
    mm_access_build(0x80, 0xe2, 0x80, 0, data->data, data->len, -1, &apdu);
    assert_int_equal(mm_gp_open(chip.access, &applet, &mm_scp_test_keys, 0, level, &session, NULL),
                     MM_OK);
    assert_int_equal(mm_gp_send(session, apdu.data, apdu.len, &resp, &sw, NULL), MM_OK);
    mm_gp_close(&session);
    mm_buf_clear(&apdu);
    mm_buf_clear(&resp);
    return sw;
}

static int make_chip(const char *name, enum mm_aid_id package_id, enum mm_aid_id applet_id)
{
    struct mm_card_config cfg = {0};

    strcpy(chip.dir, "/tmp/mm-applet.XXXXXX");
    assert_non_null(mkdtemp(chip.dir));
    snprintf(chip.base, sizeof(chip.base), "%s/base.nvm", chip.dir);
    snprintf(chip.image, sizeof(chip.image), "%s/chip.nvm", chip.dir);
    cfg.nvm.path = chip.base;
    assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, NULL), MM_OK);
    open_chip(chip.base);
    install(name, package_id, applet_id);
    mm_access_close(&chip.access);
    return 0;
}

static int remove_base(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        file_name(path, chip.base, ends[i]);
        unlink(path);
        file_name(path, chip.image, ends[i]);
        unlink(path);
    }
    return rmdir(chip.dir);
}

static int insert_new(void **state)
{
    (void)state;
    copy_image(chip.base, chip.image);
    open_chip(chip.image);
    return 0;
}

static int take_out(void **state)
{
    (void)state;
    mm_access_close(&chip.access);
    return 0;
}

static void cmac(const uint8_t key[16], const struct mm_buf *message, uint8_t out[16])
{
    size_t len = 16;

    assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, message->data,
                              message->len, out, len, &len));
}

static uint16_t status_of(uint8_t cla, uint8_t ins, uint8_t p1, uint8_t p2, const void *data,
                          size_t len)
{
    uint16_t sw = 0;

    assert_int_equal(mm_access_call(chip.access, cla, ins, p1, p2, data, len, 256, NULL, &sw, NULL),
                     MM_OK);
    return sw;
}

#endif
