/* Two packages, one of which imports the other and uses its applet: what deletion does to the other
 * when one of them is damaged, and what a failed deletion leaves. */
#include "test/unit/card_load.h"

#include "applet_vm/card/card_int.h"
#include "test/unit/card_pair.h"

#define SERVER_PACKAGE "05F0504C4942"
#define SERVER         "06F0504C494201"
#define USER_PACKAGE   "05F055534552"
#define USER           "06F05553455201"

static struct mm_aid aid_of_lv(const char *lv)
{
    struct mm_aid aid = {0};
    size_t n = sizeof(aid.bytes);

    assert_int_equal(mm_unhex(lv + 2, aid.bytes, &n), MM_OK);
    aid.len = (uint8_t)n;
    return aid;
}

static mm_comp comp_of(const struct host *h, const char *lv)
{
    struct mm_aid aid = aid_of_lv(lv);
    const struct mm_reg_entry *e = mm_reg_find(&h->card->registry, &aid);

    return e == NULL ? 0 : e->comp;
}

static int with_pair(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, 0x03) != 0x9000 ||
           load_package(h, SERVER_PACKAGE, server_lfdb, sizeof(server_lfdb)) != 0x9000 ||
           load_package(h, USER_PACKAGE, user_lfdb, sizeof(user_lfdb)) != 0x9000 ||
           secure(h, INSTALL, 0x0c, 0, SERVER_PACKAGE SERVER SERVER "01000000") != 0x9000 ||
           secure(h, INSTALL, 0x0c, 0, USER_PACKAGE USER USER "01000000") != 0x9000 ||
           host_hex(h, "00A40400" USER "00") != 0x9000 ||
           host_hex(h, "00100000" SERVER) != 0x9000 || host_hex(h, "0012000000") != 0x9000;
}

/* Flip a bit of the first record of those bytes in the image of the closed card. */
static void damage(struct host *h, const uint8_t *what, size_t what_len, size_t at)
{
    uint8_t *image = NULL, *found;
    size_t len = 0;

    mm_card_close(&h->card);
    assert_int_equal(mm_file_read(h->path, 1u << 20, &image, &len, NULL), MM_OK);
    found = memmem(image, len, what, what_len);
    assert_non_null(found);
    found[at] ^= 0x01;
    assert_int_equal(mm_file_write(h->path, image, len, 0600, NULL), MM_OK);
    free(image);
    host_reopen(h);
}

static void damage_applet(struct host *h, const char *lv)
{
    mm_comp comp = comp_of(h, lv);
    mm_key key = MM_REF_RAM_MAX;
    uint8_t copy[64];
    size_t len = 0;

    while ((key = mm_rec_next(h->card->nvm, key, 0xffff)) != 0 &&
           mm_rec_comp(h->card->nvm, key) != comp)
        ;
    assert_int_not_equal(key, 0);
    memcpy(copy, mm_rec_data(h->card->nvm, key, &len), 12);
    assert_true(len >= 12);
    damage(h, copy, 12, 11);
    assert_int_not_equal(mm_comp_damage(h->card->nvm, comp), MM_DAMAGE_NONE);
}

static void imported_package_is_deleted_after_its_importers_only(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" SERVER_PACKAGE), 0x6985);
    damage(h, server_lfdb, sizeof(server_lfdb), sizeof(server_lfdb) / 2);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" SERVER_PACKAGE), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" USER_PACKAGE), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" SERVER_PACKAGE), 0x9000);
    assert_true(mm_integrity_valid(h->card->integrity));
}

static void agents_deletion_takes_importers_of_a_damaged_package_along(void **state)
{
    struct host *h = *state;
    struct mm_aid server = aid_of_lv(SERVER);

    damage(h, server_lfdb, sizeof(server_lfdb), sizeof(server_lfdb) / 2);
    assert_int_equal(host_hex(h, "00A40400" USER "00"), 0x6999); /* it lost its import */
    assert_int_equal(mm_content_delete_applet(h->card, &server), MM_OK);
    assert_int_equal(h->card->registry.n, 0);
    assert_true(mm_integrity_valid(h->card->integrity));
    host_reopen(h);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(load_package(h, SERVER_PACKAGE, server_lfdb, sizeof(server_lfdb)), 0x9000);
    assert_int_equal(load_package(h, USER_PACKAGE, user_lfdb, sizeof(user_lfdb)), 0x9000);
}

static void references_into_a_deleted_damaged_applet_become_null(void **state)
{
    struct host *h = *state;
    struct mm_aid server = aid_of_lv(SERVER);

    damage_applet(h, SERVER);
    assert_int_equal(mm_content_delete_applet(h->card, &server), MM_OK);
    assert_int_equal(comp_of(h, SERVER), 0);
    assert_int_equal(host_hex(h, "00A40400" USER "00"), 0x9000);
    for (int i = 0; i < 20; i++) /* objects of the user's own take the handles that are free */
        assert_int_equal(host_hex(h, "0014000000"), 0x9000);
    assert_int_equal(host_hex(h, "0012000000"), 0x6a83); /* null, and the applet says so */
    host_reopen(h);
    assert_int_equal(host_hex(h, "00A40400" USER "00"), 0x9000);
    assert_int_equal(host_hex(h, "0012000000"), 0x6a83);
}

static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

/* Everything of the pair is still there, in registry and VM alike. */
static void assert_whole(const struct host *h)
{
    struct mm_obj_info info;

    assert_int_equal(h->card->registry.n, 4);
    for (size_t i = 0; i < h->card->registry.n; i++) {
        const struct mm_reg_entry *e = &h->card->registry.entries[i];
        if (e->kind == MM_COMP_PACKAGE) {
            assert_true(mm_vm_package_usable(h->card->vm, e->comp));
            continue;
        }
        assert_true(mm_select_usable(h->card, e));
        assert_true(mm_vm_object(h->card->vm, e->applet, &info));
        assert_int_equal(info.owner, e->comp);
    }
}

static void deletion_that_cannot_be_written_changes_nothing_and_says_so(void **state)
{
    struct host *h = *state;
    bool torn = true;

    for (unsigned at = 1; torn; at++) {
        struct mm_card_config cfg = {
            .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = &torn}};
        struct mm_aid user = aid_of_lv(USER_PACKAGE);
        uint16_t sw;

        torn = false;
        mm_card_close(&h->card);
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        sw = host_open(h, 0x03);
        if (sw == 0x9000)
            sw = secure(h, DELETE, 0, 0x80, "4F" USER_PACKAGE);
        if (torn) {
            assert_int_equal(sw, 0x6581); /* never "not enough memory" */
            assert_whole(h);
        } else {
            assert_int_equal(sw, 0x9000);
            assert_null(mm_reg_find(&h->card->registry, &user));
        }
        assert_true(at < 100);
    }
}

static void load_and_install_that_cannot_be_written_say_so(void **state)
{
    struct host *h = *state;
    bool torn = true;
    unsigned failed = 0;

    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" USER_PACKAGE), 0x9000);
    for (unsigned at = 1; torn; at++) {
        struct mm_card_config cfg = {
            .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = &torn}};
        uint16_t sw;

        torn = false;
        mm_card_close(&h->card);
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        sw = host_open(h, 0x03);
        if (sw == 0x9000)
            sw = load_package(h, USER_PACKAGE, user_lfdb, sizeof(user_lfdb));
        if (sw == 0x9000)
            sw = secure(h, INSTALL, 0x0c, 0, USER_PACKAGE USER USER "01000000");
        if (torn && sw != 0x6581 && sw != 0x6f00) /* 6F00: install() itself could not write */
            fail_msg("cut at write %u: %04X", at, sw);
        failed += torn;
        if (!torn)
            assert_int_equal(sw, 0x9000);
        else if (comp_of(h, USER) == 0 && comp_of(h, USER_PACKAGE) != 0)
            assert_true(mm_vm_package_usable(h->card->vm, comp_of(h, USER_PACKAGE)));
        mm_card_close(&h->card);
        cfg.nvm.tear_at = 0;
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        if (torn && comp_of(h, USER_PACKAGE) != 0) { /* start over from the same state */
            assert_int_equal(host_open(h, 0x03), 0x9000);
            assert_int_equal(secure(h, DELETE, 0, 0x80, "4F" USER_PACKAGE), 0x9000);
        }
        assert_true(at < 200);
    }
    assert_true(failed > 5);
}

int main(void)
{
#define WITH_PAIR(name) cmocka_unit_test_setup_teardown(name, with_pair, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH_PAIR(imported_package_is_deleted_after_its_importers_only),
        WITH_PAIR(agents_deletion_takes_importers_of_a_damaged_package_along),
        WITH_PAIR(references_into_a_deleted_damaged_applet_become_null),
        WITH_PAIR(deletion_that_cannot_be_written_changes_nothing_and_says_so),
        WITH_PAIR(load_and_install_that_cannot_be_written_say_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
