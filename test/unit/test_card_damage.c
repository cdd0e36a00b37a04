/* A package whose stored code was changed: not selectable, named, and healed by its deletion. */
#include "test/unit/card_load.h"

#include "applet_vm/card/card_int.h"

/* Flip one bit of the probe's code in the image of a closed card, open it again. */
static void damage_code(struct host *h)
{
    uint8_t *image = NULL, *at;
    size_t len = 0;

    mm_card_close(&h->card);
    assert_int_equal(mm_file_read(h->path, 1u << 20, &image, &len, NULL), MM_OK);
    at = memmem(image, len, probe_lfdb, sizeof(probe_lfdb));
    assert_non_null(at);
    at[sizeof(probe_lfdb) / 2] ^= 0x01;
    assert_int_equal(mm_file_write(h->path, image, len, 0600, NULL), MM_OK);
    free(image);
    host_reopen(h);
}

static int with_damage(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    if (host_open(h, 0x03) != 0x9000 || load_probe(h) != 0x9000 || install_probe(h, "00") != 0x9000)
        return -1;
    damage_code(h);
    return 0;
}

static struct mm_aid instance_aid(void)
{
    struct mm_aid aid = {.len = 7, .bytes = {0xf0, 'P', 'R', 'O', 'B', 'E', 0x02}};

    return aid;
}

static void damaged_code_is_not_run(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_probe(h), 0x6999);
    assert_false(mm_integrity_valid(h->card->integrity));
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000); /* the card itself goes on */
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x6985); /* nor is it installed from */
}

static void deletion_of_a_damaged_package_heals_the_card(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000);
    assert_true(mm_integrity_valid(h->card->integrity));
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
}

static void agents_deletion_takes_the_damaged_package_along(void **state)
{
    struct host *h = *state;
    struct mm_aid aid = instance_aid();

    assert_int_equal(mm_content_delete_applet(h->card, &aid), MM_OK);
    assert_int_equal(h->card->registry.n, 0);
    assert_true(mm_integrity_valid(h->card->integrity));
    assert_int_equal(mm_content_delete_applet(h->card, &aid), MM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(damaged_code_is_not_run, with_damage, host_teardown),
        cmocka_unit_test_setup_teardown(deletion_of_a_damaged_package_heals_the_card, with_damage,
                                        host_teardown),
        cmocka_unit_test_setup_teardown(agents_deletion_takes_the_damaged_package_along,
                                        with_damage, host_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
