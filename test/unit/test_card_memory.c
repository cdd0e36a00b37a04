/* Memory accounting (GPCS 2.3.1, 9.7): limits and reservations of INSTALL, what GET DATA and the card
 * tell, and the combined INSTALL, of which nothing is stored before all is. */
#include "test/unit/card_domain.h"

static uint16_t install_with(struct host *h, const char *system)
{
    char text[256];

    snprintf(text, sizeof(text), "06" PACKAGE "07" APPLET "07" INSTANCE "0100%02zXC900%s00",
             strlen(system) / 2 + 2, system);
    return secure(h, INSTALL, 0x0c, 0, text);
}

static int with_probe(void **state)
{
    return with_session(state) != 0 || load_probe(*state) != 0x9000;
}

/* Free memory that stays and that does not, as FF21 tells. */
static void read_free(struct host *h, uint32_t *stable, uint32_t *transient)
{
    assert_int_equal(secure(h, 0xca, 0xff, 0x21, ""), 0x9000);
    assert_int_equal(h->resp_len, 19);
    *stable = mm_be32(h->resp + 9);
    *transient = mm_be32(h->resp + 15);
}

static void reservation_is_taken_from_what_is_free(void **state)
{
    struct host *h = *state;
    uint32_t stable, transient, stable_then, transient_then;

    read_free(h, &stable, &transient);
    assert_int_equal(install_with(h, "EF0AD7020100D80400010000"), 0x9000);
    read_free(h, &stable_then, &transient_then);
    assert_int_equal(transient - transient_then, 0x100);
    assert_in_range(stable - stable_then, 0x10000, 0x10200); /* and the registry entry */
    host_reopen(h);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    read_free(h, &stable, &transient);
    assert_int_equal(transient, transient_then);
    assert_int_equal(stable, stable_then);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x9000);
    read_free(h, &stable_then, &transient_then);
    assert_int_equal(transient_then - transient, 0x100);
    assert_true(stable_then - stable >= 0x10000);
}

static void reservation_that_does_not_fit_is_refused_before_anything_is_written(void **state)
{
    static const char *const systems[] = {"EF06D80440000000", "EF04D702FFFF", "EF06D70400010000"};
    struct host *h = *state;
    struct snapshot before;

    take_snapshot(h, &before);
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
        assert_int_equal(install_with(h, systems[i]), 0x6a84);
    assert_int_equal(secure(h, INSTALL, 0x02, 0,
                            "06F050524F424600"
                            "00"
                            "08EF06C60440000000"
                            "00"),
                     0x6a84);
    assert_unchanged(h, &before);
}

static void limit_stops_the_instance_and_leaves_nothing(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    take_snapshot(h, &before);
    assert_int_equal(install_with(h, "EF04C8020200"), 0x6f00); /* it wants 1,024: NO_RESOURCE */
    assert_unchanged(h, &before);
    assert_int_equal(install_with(h, "EF04C8020800"), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
}

static void quota_that_contradicts_itself_is_refused(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_with(h, "EF08C8020100D8020200"), 0x6a80); /* more than the limit */
    assert_int_equal(install_with(h, "EF08C7020100D7020101"), 0x6a80);
    assert_int_equal(install_with(h, "EF05C803000100"), 0x6a80); /* 2 or 4 bytes */
}

static void registry_update_changes_the_quota(void **state)
{
    struct host *h = *state;
    uint32_t stable, transient, then, transient_then;

    assert_int_equal(install_with(h, ""), 0x9000);
    read_free(h, &stable, &transient);
    assert_int_equal(secure(h, INSTALL, 0x40, 0,
                            "000007" INSTANCE "0008EF06D80400010000"
                            "00"),
                     0x9000);
    read_free(h, &then, &transient_then);
    assert_true(stable - then > 0xf000); /* what it uses already is part of it */
    assert_int_equal(secure(h, INSTALL, 0x40, 0,
                            "000007" INSTANCE "0008EF06D80440000000"
                            "00"),
                     0x6a84);
}

static void each_package_and_applet_is_told_with_what_it_takes(void **state)
{
    struct host *h = *state;
    struct mm_buf text;

    assert_int_equal(install_with(h, ""), 0x9000);
    assert_int_equal(secure(h, 0xca, 0xdf, 0x20, ""), 0x9000);
    assert_memory_equal(h->resp, "\xdf\x20\x2d\xe3\x14\x4f\x06", 7);
    assert_true(mm_be32(h->resp + 7 + 6 + 2) > sizeof(probe_lfdb));
    assert_memory_equal(h->resp + 25, "\xe3\x15\x4f\x07", 4);
    assert_true(mm_be32(h->resp + 29 + 7 + 2) > 1024);
    assert_int_equal(secure(h, 0xca, 0x2f, 0x00, ""), 0x9000);
    assert_resp(h, "2F000B61094F07" INSTANCE);
    mm_buf_init(&text);
    assert_int_equal(mm_card_describe(h->card, &text), MM_OK);
    mm_buf_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, INSTANCE));
    mm_buf_clear(&text);
}

/* ---- INSTALL [for load, install and make selectable] ---- */
#define ALL_END "06" PACKAGE "07" APPLET "07" INSTANCE "010002C90000"

static uint16_t load_combined(struct host *h)
{
    uint16_t sw = secure(h, INSTALL, 0x0e, 0x01, "06" PACKAGE "00000000");

    return sw == 0x9000 ? load_blocks(h, probe_lfdb, sizeof(probe_lfdb)) : sw;
}

static void package_and_applet_come_with_one_order(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_combined(h), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, "4F06" PACKAGE), 0x6a88); /* not yet */
    assert_int_equal(secure(h, INSTALL, 0x0e, 0x03, ALL_END), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, "4F06" PACKAGE), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
}

static void combined_order_that_fails_leaves_not_even_the_package(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    take_snapshot(h, &before);
    assert_int_equal(secure(h, INSTALL, 0x0e, 0x03, ALL_END), 0x6985); /* not begun */
    assert_int_equal(secure(h, INSTALL, 0x0e, 0x02, ALL_END), 0x6a86);
    assert_int_equal(load_combined(h), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x0e, 0x03,
                            "06" PACKAGE "07" APPLET "07" INSTANCE "0100"
                            "03C901EE"
                            "00"),
                     0x6a81); /* its install() throws */
    assert_unchanged(h, &before);
    assert_int_equal(load_combined(h), 0x9000);
    assert_int_equal(
        secure(h, INSTALL, 0x0e, 0x03, "06" PACKAGE "07" INSTANCE "07" INSTANCE "010002C90000"),
        0x6a88);
    assert_int_equal(load_combined(h), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, 10), 0x6985); /* all of it is here */
    assert_int_equal(select_aid(h, ISD), 0x9000);             /* and is dropped */
    assert_unchanged(h, &before);
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(with_probe, reservation_is_taken_from_what_is_free),
        WITH(with_probe, reservation_that_does_not_fit_is_refused_before_anything_is_written),
        WITH(with_probe, limit_stops_the_instance_and_leaves_nothing),
        WITH(with_probe, quota_that_contradicts_itself_is_refused),
        WITH(with_probe, registry_update_changes_the_quota),
        WITH(with_probe, each_package_and_applet_is_told_with_what_it_takes),
        WITH(with_session, package_and_applet_come_with_one_order),
        WITH(with_session, combined_order_that_fails_leaves_not_even_the_package),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
