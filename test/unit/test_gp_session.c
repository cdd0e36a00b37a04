/* Host and card agree: mintmark-gp's library against the chip itself, in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applet_vm/card/card.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp.h"

struct fixture {
    char dir[32], image[64], reader[80];
    struct mm_access *access;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct mm_card_config cfg = {0};
    struct mm_err err;

    assert_non_null(f);
    strcpy(f->dir, "/tmp/mintmark-gp.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->image, sizeof(f->image), "%s/chip.nvm", f->dir);
    snprintf(f->reader, sizeof(f->reader), "chip:%s", f->image);
    cfg.nvm.path = f->image;
    assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, &err), MM_OK);
    assert_int_equal(mm_access_open(f->reader, 1000, &f->access, &err), MM_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", ".journal", ".fuse"};
    struct fixture *f = *state;

    mm_access_close(&f->access);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[80];
        snprintf(path, sizeof(path), "%s%s", f->image, ends[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static void count_entry(void *ctx, const struct mm_gp_item *entry)
{
    if (entry->kind == MM_GP_DOMAIN)
        (*(size_t *)ctx)++;
}

static void gp_lists_the_registry_at_every_level(void **state)
{
    struct fixture *f = *state;
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};

    for (size_t i = 0; i < sizeof(levels); i++) {
        struct mm_gp_session *s;
        struct mm_err err;
        size_t domains = 0;

        assert_int_equal(mm_gp_open(f->access, NULL, &mm_scp_test_keys, 0, levels[i], &s, &err),
                         MM_OK);
        assert_int_equal(mm_gp_scp(s)->key_version, 0xff);
        for (int again = 0; again < 3; again++) { /* the counters keep step */
            if (mm_gp_registry(s, count_entry, &domains, &err) != MM_OK)
                fail_msg("level %02X: %s", levels[i], err.text);
        }
        assert_int_equal(domains, 3);
        mm_gp_close(&s);
        assert_null(s);
    }
}

static void gp_says_when_the_keys_are_wrong(void **state)
{
    struct fixture *f = *state;
    struct mm_scp_keys keys = mm_scp_test_keys;
    struct mm_gp_session *s;
    struct mm_err err;

    keys.mac[0] ^= 1;
    assert_int_equal(mm_gp_open(f->access, NULL, &keys, 0, 0x03, &s, &err), MM_AUTH);
    assert_null(s);
    assert_int_equal(mm_gp_open(f->access, NULL, &keys, 0x30, 0x03, &s, &err), MM_CARD);
    assert_non_null(strstr(err.text, "INITIALIZE UPDATE: 6A88"));
}

static void gp_puts_derived_keys_and_uses_them(void **state)
{
    struct fixture *f = *state;
    static const uint8_t master[MM_SCP_KEY_LEN] = "the master key.";
    struct mm_gp_session *s;
    struct mm_scp_keys fresh;
    struct mm_gp_keyset set;
    struct mm_buf list;
    struct mm_err err;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_open(f->access, NULL, &mm_scp_test_keys, 0, 0x03, &s, &err), MM_OK);
    assert_int_equal(mm_scp_diversify(master, mm_gp_scp(s)->diversification, 10, &fresh), MM_OK);
    set = mm_gp_keyset_of(&fresh);
    assert_int_equal(mm_gp_put_keys_command(mm_gp_encrypt, s, 0, 0x30, &set, &list, &err), MM_OK);
    assert_int_equal(mm_gp_send_list(s, &list, NULL, NULL, &err), MM_OK);
    mm_gp_close(&s);
    assert_int_equal(mm_gp_open(f->access, NULL, &mm_scp_test_keys, 0, 0x03, &s, &err), MM_AUTH);
    assert_int_equal(mm_gp_open_master(f->access, NULL, master, 0x30, 0x33, &s, &err), MM_OK);
    mm_gp_close(&s);
    mm_buf_clear(&list);
}

static void note_progress(void *ctx, size_t done, size_t all)
{
    (void)all;
    *(size_t *)ctx = done;
}

static void gp_list_stops_at_the_first_refusal(void **state)
{
    struct fixture *f = *state;
    struct mm_aid absent = {6, {0xf0, 1, 2, 3, 4, 5}};
    struct mm_gp_session *s;
    struct mm_buf list;
    struct mm_err err;
    size_t done = 0;

    mm_buf_init(&list);
    mm_buf_u16(&list, 5); /* GET DATA works, DELETE does not, the third is not reached */
    mm_buf_bytes(&list, "\x80\xca\x00\x45\x00", 5);
    assert_int_equal(mm_gp_delete_command(&absent, false, &list), MM_OK);
    assert_int_equal(mm_gp_delete_command(&absent, true, &list), MM_OK);
    assert_int_equal(mm_gp_open(f->access, NULL, &mm_scp_test_keys, 0, 0x13, &s, &err), MM_OK);
    assert_int_equal(mm_gp_send_list(s, &list, note_progress, &done, &err), MM_CARD);
    assert_int_equal(done, 1);
    assert_non_null(strstr(err.text, "command 2 of 3: DELETE: 6A88"));
    mm_gp_close(&s);
    mm_buf_clear(&list);
}

static void gp_close_ends_the_channel_on_the_card(void **state)
{
    struct fixture *f = *state;
    struct mm_gp_session *s;
    struct mm_err err;
    uint16_t sw;

    assert_int_equal(mm_gp_open(f->access, NULL, &mm_scp_test_keys, 0, 0x03, &s, &err), MM_OK);
    mm_gp_close(&s);
    assert_int_equal(
        mm_access_call(f->access, 0x80, 0xca, 0x00, 0x45, NULL, 0, 256, NULL, &sw, &err), MM_OK);
    assert_int_equal(sw, 0x9000); /* plain, with a channel open it would be 6982 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gp_lists_the_registry_at_every_level, setup, teardown),
        cmocka_unit_test_setup_teardown(gp_says_when_the_keys_are_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(gp_puts_derived_keys_and_uses_them, setup, teardown),
        cmocka_unit_test_setup_teardown(gp_list_stops_at_the_first_refusal, setup, teardown),
        cmocka_unit_test_setup_teardown(gp_close_ends_the_channel_on_the_card, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
