/* org.globalplatform.contactless (Amendment C of GPCS 2.3.1): states, information, groups, lists, order
 * and events of applications on a contactless interface. The applets are converter/test/gp. */
#include "test/unit/card_gp.h"

#define A GP_PKG "11" /* instances: Desks, */
#define B GP_PKG "12"
#define C GP_PKG "13"
#define M GP_PKG "1F" /* one that manages all, */
#define P GP_PKG "21" /* and Providers */

#define NONE    "0100"
#define SELF    "03000010" /* Contactless Self-activation */
#define MANAGER "03000420" /* Global Registry, Contactless Activation */
#define CRS     "03000020" /* Contactless Activation */

/* A command for an application; the answer stays in h. */
static uint16_t ask(struct host *h, const char *aid, const char *command)
{
    assert_int_equal(select_aid(h, aid), 0x9000);
    return host_hex(h, command);
}

static void told(struct host *h, const char *aid, const char *command, const char *answer)
{
    assert_int_equal(ask(h, aid, command), 0x9000);
    assert_resp(h, answer);
}

static void install(struct host *h, const char *aid, const char *privileges)
{
    assert_int_equal(
        install_instance(h, aid[strlen(aid) - 2] == '2' ? PROVIDER : DESK, aid, privileges, ""),
        0x9000);
}

/* The session with the domain again, after applets were asked. */
static void manage(struct host *h)
{
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
}

/* Three Desks without privileges and one that manages. */
static int with_desks(void **state)
{
    struct host *h = loaded();

    *state = h;
    install(h, A, NONE);
    install(h, B, NONE);
    install(h, C, NONE);
    install(h, M, MANAGER);
    return 0;
}

/* ---- State ---- */
static void state_is_kept_and_activation_needs_its_privilege(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, A, NONE);
    install(h, B, SELF);
    told(h, A, "8020000000", "000080000000");
    assert_int_equal(ask(h, A, "8020010100"), 0x6985); /* and nobody to ask */
    told(h, A, "8020018000", "80");
    told(h, B, "8020010100", "01");
    assert_int_equal(ask(h, B, "8020010200"), 0x6a80);
    host_reopen(h);
    told(h, A, "8020000000", "800080000000");
    told(h, B, "8020000000", "010080000000");
    host_free(h);
}

static void application_that_is_not_activatable_is_not_activated(void **state)
{
    struct host *h = *state;

    told(h, A, "8020018000", "80");
    assert_int_equal(ask(h, M, "803401010B" A "00"), 0x6985);
    assert_int_equal(ask(h, M, "803401000B" A "00"), 0x6985); /* only itself comes out of it */
    told(h, A, "8020010000", "00");
    told(h, M, "803401010B" A "00", "01");
    assert_int_equal(ask(h, M, "803401800B" A "00"), 0x6985); /* or into it */
    told(h, A, "8020010000", "00");
}

static void conflicting_protocol_parameters_stand_against_activation(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, A, "8020020702 0102 00"), 0x9000); /* type A */
    assert_int_equal(ask(h, B, "8020020702 0103 00"), 0x9000);
    assert_int_equal(ask(h, C, "8020020802 0103 00"), 0x9000); /* type B is another thing */
    told(h, M, "803403010B" B "00", "");
    told(h, M, "803401010B" A "00", "01");
    told(h, M, "803401010B" C "00", "01");
    told(h, M, "803403010B" B "00", "11");
    assert_int_equal(ask(h, M, "803401010B" B "00"), 0x6a80);
    told(h, M, "803400000B" B "00", "00");
    assert_int_equal(ask(h, A, "8020050100"), 0x6985); /* the list is for who manages */
    told(h, M, "803401000B" A "00", "00");
    told(h, M, "803401010B" B "00", "01");
}

/* ---- Information ---- */
static void information_is_kept_by_number(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, A, "8020030400"), 0x6a83);
    assert_int_equal(ask(h, A, "8020020403 616263 00"), 0x9000);
    assert_int_equal(ask(h, A, "8020020502 6465 00"), 0x9000);
    assert_int_equal(ask(h, A, "8020020401 66 00"), 0x9000); /* in its place */
    told(h, A, "8020030400", "66");
    told(h, A, "8020030500", "6465");
    told(h, A, "8020030E00", "0003");                        /* changes so far */
    assert_int_equal(ask(h, A, "8020020E01 66 00"), 0x6985); /* to be read only */
    assert_int_equal(ask(h, A, "8020021501 66 00"), 0x6985);
    assert_int_equal(ask(h, A, "8020021601 66 00"), 0x6a80); /* no such constant */
    assert_int_equal(ask(h, A, "8020031600"), 0x6a80);
    told(h, M, "803406040B" A "00", "66");
    assert_int_equal(ask(h, M, "803407040B" A "00"), 0x6985);
    host_reopen(h);
    told(h, A, "8020030400", "66");
    assert_int_equal(ask(h, A, "8020020400"), 0x9000); /* nothing deletes it */
    assert_int_equal(ask(h, A, "8020030400"), 0x6a83);
}

static void applications_are_found_by_family(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, B, "8020020B01 20 00"), 0x9000);   /* financial */
    assert_int_equal(ask(h, C, "8020020B02 0020 00"), 0x9000); /* as the API's short */
    told(h, M, "8020072000", "1213");
    told(h, M, "8020071000", "");
    told(h, M, "8020070000", "1112131F");
    assert_int_equal(ask(h, A, "8020070000"), 0x6985); /* neither manages nor is told of others */
}

/* ---- Groups ---- */
static void group_is_joined_by_who_is_authorised(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x6985); /* not yet */
    assert_int_equal(ask(h, A, "802006030B" B "00"), 0x9000);
    assert_int_equal(ask(h, A, "8020060304 F0010203 00"), 0x6a80);
    assert_int_equal(ask(h, C, "802006000B" A "00"), 0x6985);
    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x9000);
    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x6985); /* it is in one */
    assert_int_equal(ask(h, B, "802006030B" C "00"), 0x6985); /* so it is no head */
    assert_int_equal(ask(h, A, "802006000B" A "00"), 0x6985);
    told(h, M, "803402000B" A "00", "0100");
    told(h, M, "803402000B" B "00", "0001");
    told(h, A, "80340200", "0100"); /* of itself it may ask */
    told(h, A, "8034030200", "12");
    told(h, M, "803403020B" A "00", "12");
    told(h, M, "803406130B" B "00", A);
    host_reopen(h);
    told(h, M, "803403020B" A "00", "12");
    assert_int_equal(ask(h, B, "80200600"), 0x9000); /* leaves */
    told(h, M, "803403020B" A "00", "");
    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x9000);
    assert_int_equal(ask(h, A, "802006040B" B "00"), 0x9000); /* authorised no more: it is out */
    told(h, M, "803402000B" B "00", "0000");
    told(h, M, "803402000B" A "00", "0000");
}

static void members_follow_their_head(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, A, "802006030B" B "00"), 0x9000);
    assert_int_equal(ask(h, A, "802006030B" C "00"), 0x9000);
    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x9000);
    assert_int_equal(ask(h, C, "802006000B" A "00"), 0x9000);
    told(h, C, "8020018000", "80");
    told(h, M, "803401010B" A "00", "01");
    told(h, M, "803400000B" B "00", "01");
    told(h, M, "803400000B" C "00", "80"); /* it said that it cannot */
    told(h, C, "8020010000", "01");        /* it can again: as its head is */
    told(h, M, "803401000B" A "00", "00");
    told(h, M, "803400000B" C "00", "00");
    manage(h);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F0B" A), 0x9000);
    told(h, M, "803402000B" B "00", "0000"); /* a group goes with its head */
}

/* ---- Lists of who is told ---- */
static void who_is_on_the_list_is_told_and_may_look(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, A, SELF);
    install(h, P, NONE);
    install(h, M, MANAGER);
    assert_int_equal(ask(h, A, "802006010B" P "00"), 0x9000);
    told(h, P, "8012000000", "0012110E"); /* it is selectable, and was added */
    told(h, P, "801E000000", "11");
    told(h, A, "8020050300", ""); /* nobody's CREL application */
    told(h, A, "8020050000", "21");
    told(h, M, "803403000B" A "00", "21");
    assert_int_equal(ask(h, A, "8020020401 66 00"), 0x9000);
    assert_int_equal(ask(h, A, "8020020B01 20 00"), 0x9000);
    assert_int_equal(ask(h, A, "8020020D01 02 00"), 0x9000);
    told(h, A, "8020010100", "01");
    told(h, A, "8020018000", "80");
    told(h, P, "8012000000", "1104110C110D11021181");
    assert_int_equal(ask(h, A, "802006020B" P "00"), 0x9000);
    assert_int_equal(ask(h, A, "8020020401 67 00"), 0x9000);
    told(h, P, "8012000000", "");
    told(h, P, "801E000000", "");
    host_free(h);
}

static void application_hears_what_others_did_to_it(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, P, NONE);
    install(h, M, MANAGER);
    told(h, M, "803401010B" P "00", "01");
    told(h, M, "803401000B" P "00", "00");
    told(h, P, "8012000000", "001200020082");
    assert_int_equal(ask(h, P, "80140200"), 0x9000); /* acceptActivation says no from now on */
    assert_int_equal(ask(h, M, "803401010B" P "00"), 0x6985);
    told(h, M, "803400000B" P "00", "00");
    assert_int_equal(ask(h, P, "80140400"), 0x9000); /* and now it throws */
    assert_int_equal(ask(h, M, "803401010B" P "00"), 0x6f00);
    host_free(h);
}

static void crs_application_decides_on_requests_and_hears_of_all(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, P, CRS);
    install(h, A, NONE);
    assert_int_equal(ask(h, A, "8020010100"), 0x6985); /* it says no */
    assert_int_equal(ask(h, P, "80140100"), 0x9000);
    told(h, A, "8020010100", "01"); /* it says yes and does it */
    told(h, A, "8020010000", "00");
    assert_int_equal(ask(h, A, "8034050100"), 0x9000); /* volatile priority: the same */
    assert_int_equal(ask(h, P, "80140400"), 0x9000);
    assert_int_equal(ask(h, A, "8020010100"), 0x6f00); /* what it throws */
    manage(h);
    assert_int_equal(secure(h, 0xf0, 0x40, 0x80, A), 0x9000);
    assert_int_equal(secure(h, 0xf0, 0x40, 0x00, A), 0x9000);
    assert_int_equal(secure(h, 0xf0, 0x40, 0x80, A "00"), 0x6a88); /* refused: nothing is told */
    assert_int_equal(secure(h, INSTALL, 0x04, 0, "0A" GP_PKG "0B" DESK "0B" B "010002C90000"),
                     0x9000);
    assert_int_equal(secure(h, INSTALL, 0x08, 0, "00000B" B "01000000"), 0x9000);
    /* its own SELECTABLE; SELECTABLE, DEACTIVATED, LOCKED, UNLOCKED; INSTALLED, SELECTABLE */
    told(h, P, "8012000000",
         "00121112118211131193"
         "12111212");
    host_free(h);
}

/* ---- Order of partial selection ---- */
static void partial_selection_is(struct host *h, const char *first)
{
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "00A404000A" GP_PKG "00"), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_int_equal(h->resp[0], 11);
    assert_memory_equal(h->resp + 11, first, 1);
}

static void partial_selection_goes_by_the_order_that_was_set(void **state)
{
    struct host *h = *state;

    partial_selection_is(h, "\x11");
    assert_int_equal(ask(h, A, "8034040100"), 0x6985);
    assert_int_equal(ask(h, M, "803404010B" C "00"), 0x9000);
    partial_selection_is(h, "\x13");
    assert_int_equal(ask(h, M, "803404010B" B "00"), 0x9000);
    partial_selection_is(h, "\x12");
    assert_int_equal(ask(h, M, "803404000B" B "00"), 0x9000);
    host_reopen(h);
    partial_selection_is(h, "\x13");
    assert_int_equal(host_hex(h, "00A404020A" GP_PKG "00"), 0x9000); /* and the next: 11, */
    assert_int_equal(host_hex(h, "00A404020A" GP_PKG "00"), 0x9000); /* 1F, */
    assert_int_equal(host_hex(h, "00A404020A" GP_PKG "00"), 0x9000); /* and 12 is the last */
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_int_equal(h->resp[11], 0x12);
    assert_int_equal(host_hex(h, "00A404020A" GP_PKG "00"), 0x6a82);
}

static void group_moves_with_its_head(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, C, "802006030B" B "00"), 0x9000);
    assert_int_equal(ask(h, B, "802006000B" C "00"), 0x9000);
    assert_int_equal(ask(h, M, "803404010B" C "00"), 0x9000);
    partial_selection_is(h, "\x12"); /* 12 stood before 13, and does */
    assert_int_equal(host_hex(h, "00A404020A" GP_PKG "00"), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_int_equal(h->resp[11], 0x13);
}

static void volatile_priority_lasts_until_reset(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, A, "8034050100"), 0x6985);
    assert_int_equal(ask(h, M, "803405010B" C "00"), 0x9000);
    assert_int_equal(host_hex(h, "00A404000A" GP_PKG "00"), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_int_equal(h->resp[11], 0x13);
    assert_int_equal(ask(h, M, "803405000B" C "00"), 0x9000); /* none */
    assert_int_equal(host_hex(h, "00A404000A" GP_PKG "00"), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_int_equal(h->resp[11], 0x11);
    assert_int_equal(ask(h, M, "803405010B" B "00"), 0x9000);
    partial_selection_is(h, "\x11");
}

/* ---- The card ---- */
static void card_counts_changes_and_keeps_its_interface(void **state)
{
    struct host *h = *state;

    told(h, A, "8020060701 07 00", "0000");
    assert_int_equal(ask(h, A, "8020020401 66 00"), 0x9000);
    told(h, A, "8020060701 07 00", "0001");
    assert_int_equal(ask(h, A, "8020060701 01 00"), 0x6a88); /* protocol parameters: none */
    assert_int_equal(ask(h, A, "8020060701 0C 00"), 0x6a80);
    assert_int_equal(ask(h, A, "8020060502 0100 00"), 0x6985);
    assert_int_equal(ask(h, M, "8020060502 0200 00"), 0x6a80);
    assert_int_equal(ask(h, M, "8020060502 0100 00"), 0x9000);
    assert_int_equal(ask(h, M, "8020060502 4400 00"), 0x6985); /* type F is none of the chip's */
    assert_int_equal(ask(h, M, "8020000200"), 0x6a80);
    assert_int_equal(ask(h, M, "80200606"), 0x6a81); /* no host device around the chip */
}

/* ---- Selection on a contactless chip (Amendment C) ---- */

/* The same card in a reader of another kind. */
static void run_as(struct host *h, enum mm_protocol protocol)
{
    struct mm_card_config cfg = {.nvm.path = h->path, .protocol = protocol};

    mm_card_close(&h->card);
    assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
    mm_card_power_on(h->card);
}

static void applications_that_are_not_activated_are_not_selectable(void **state)
{
    struct host *h = *state;

    told(h, M, "8020010100", "01");
    told(h, B, "8020018000", "80");
    for (enum mm_protocol type = MM_PROTOCOL_TYPE_A; type <= MM_PROTOCOL_TYPE_B; type++) {
        run_as(h, type);
        assert_int_equal(select_aid(h, A), 0x6a82);
        assert_int_equal(select_aid(h, B), 0x6a82);
        partial_selection_is(h, "\x1F"); /* the first that is */
        assert_int_equal(select_aid(h, ISD), 0x9000);
        told(h, M, "803401010B" A "00", "01");
        assert_int_equal(select_aid(h, A), 0x9000);
        told(h, M, "803401000B" A "00", "00");
        assert_int_equal(select_aid(h, A), 0x6a82);
        run_as(h, MM_PROTOCOL_T1);
        assert_int_equal(select_aid(h, A), 0x9000);
        assert_int_equal(select_aid(h, B), 0x9000);
    }
}

static void install_activates_an_application_for_the_interface(void **state)
{
    struct host *h = *state;

    manage(h);
    assert_int_equal(install_instance(h, DESK, GP_PKG "31", NONE, "EF05A003810101"), 0x9000);
    run_as(h, MM_PROTOCOL_TYPE_B);
    assert_int_equal(select_aid(h, GP_PKG "31"), 0x9000);
    assert_int_equal(select_aid(h, C), 0x6a82);
}

/* On a card without a CRS or the like nobody could activate one. */
static void without_a_manager_all_but_the_not_activatable_are_selectable(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, A, NONE);
    install(h, B, NONE);
    told(h, B, "8020018000", "80");
    run_as(h, MM_PROTOCOL_TYPE_A);
    assert_int_equal(select_aid(h, A), 0x9000);
    assert_int_equal(select_aid(h, B), 0x6a82);
    host_free(h);
}

/* setVolatilePriority activates until the reset, for the group as for one. */
static void volatile_priority_activates_until_reset(void **state)
{
    struct host *h = *state;

    told(h, M, "8020010100", "01");
    assert_int_equal(ask(h, A, "802006030B" B "00"), 0x9000);
    assert_int_equal(ask(h, B, "802006000B" A "00"), 0x9000);
    run_as(h, MM_PROTOCOL_TYPE_A);
    assert_int_equal(ask(h, M, "803405010B" B "00"), 0x6985); /* a member */
    assert_int_equal(ask(h, M, "803405010B" A "00"), 0x9000);
    told(h, M, "803400000B" A "00", "01");
    assert_int_equal(select_aid(h, A), 0x9000);
    assert_int_equal(select_aid(h, B), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(select_aid(h, A), 0x6a82);
    told(h, M, "803400000B" A "00", "00");
}

static void interface_and_its_types_are_switched_for_good(void **state)
{
    struct host *h = *state;

    told(h, M, "8020010100", "01");
    run_as(h, MM_PROTOCOL_TYPE_A);
    told(h, M, "8020000000", "010080000101");
    told(h, M, "8020004100", "010080000101"); /* type A is on, */
    told(h, M, "8020004200", "010080000001"); /* type B is not this chip's */
    assert_int_equal(ask(h, M, "8020060502 0100 00"), 0x9000);
    assert_int_equal(select_aid(h, M), 0x6a82);
    assert_int_equal(select_aid(h, ISD), 0x9000); /* the chip stays in reach */
    mm_card_power_on(h->card);
    assert_int_equal(select_aid(h, M), 0x6a82);
    run_as(h, MM_PROTOCOL_T1);
    told(h, M, "8020000000", "010080000000"); /* there is none with contacts */
    assert_int_equal(ask(h, M, "8020060502 0101 00"), 0x9000);
    assert_int_equal(ask(h, M, "8020060502 4100 00"), 0x9000); /* type A alone */
    run_as(h, MM_PROTOCOL_TYPE_A);
    assert_int_equal(select_aid(h, M), 0x6a82);
    run_as(h, MM_PROTOCOL_TYPE_B);
    told(h, M, "8020000000", "010080000101");
    assert_int_equal(ask(h, M, "8020060502 4101 00"), 0x9000);
    run_as(h, MM_PROTOCOL_TYPE_A);
    told(h, M, "8020004100", "010080000101");
}

/* ---- INSTALL ---- */
static void install_says_what_the_application_is(void **state)
{
    struct host *h = loaded();

    (void)state;
    install(h, M, MANAGER);
    install(h, P, NONE);
    manage(h);
    /* A0: activated, type A; A1: B may join, P is told, family */
    assert_int_equal(install_instance(h, DESK, A, NONE,
                                      "EF30A0078101018602AABB"
                                      "A125A10D4F0B" B "A30D4F0B" P "870120"),
                     0x6a80); /* the lengths do not agree */
    assert_int_equal(comp_of(h, A), 0);
    assert_int_equal(install_instance(h, DESK, A, NONE,
                                      "EF2CA007810101"
                                      "8602AABB"
                                      "A121A10D4F0B" B "A30D4F0B" P "870120"),
                     0x9000);
    told(h, M, "803400000B" A "00", "01");
    told(h, M, "803406070B" A "00", "AABB");
    told(h, M, "803402000B" A "00", "0100");
    told(h, M, "803403000B" A "00", "21");
    told(h, M, "8020072000", "11");
    told(h, P, "8012000000", "00121112"); /* SELECTABLE, of both */
    manage(h);
    assert_int_equal(install_instance(h, DESK, C, NONE, "EF11A10FA00D4F0B" A), 0x6985);
    assert_int_equal(comp_of(h, C), 0); /* nobody let it in, and nothing is left */
    assert_int_equal(install_instance(h, DESK, B, NONE, "EF11A10FA00D4F0B" A), 0x9000);
    told(h, M, "803403020B" A "00", "12");
    manage(h);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "00000B" A "0013EF11A10FA20D4F0B" B "00"), 0x9000);
    told(h, M, "803403020B" A "00", ""); /* registry update took the right back */
    told(h, M, "803402000B" A "00", "0000");
    host_free(h);
}

int main(void)
{
#define WITH_DESKS(name) cmocka_unit_test_setup_teardown(name, with_desks, host_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_kept_and_activation_needs_its_privilege),
        WITH_DESKS(application_that_is_not_activatable_is_not_activated),
        WITH_DESKS(conflicting_protocol_parameters_stand_against_activation),
        WITH_DESKS(information_is_kept_by_number),
        WITH_DESKS(applications_are_found_by_family),
        WITH_DESKS(group_is_joined_by_who_is_authorised),
        WITH_DESKS(members_follow_their_head),
        cmocka_unit_test(who_is_on_the_list_is_told_and_may_look),
        cmocka_unit_test(application_hears_what_others_did_to_it),
        cmocka_unit_test(crs_application_decides_on_requests_and_hears_of_all),
        WITH_DESKS(partial_selection_goes_by_the_order_that_was_set),
        WITH_DESKS(group_moves_with_its_head),
        WITH_DESKS(volatile_priority_lasts_until_reset),
        WITH_DESKS(card_counts_changes_and_keeps_its_interface),
        WITH_DESKS(applications_that_are_not_activated_are_not_selectable),
        WITH_DESKS(install_activates_an_application_for_the_interface),
        cmocka_unit_test(without_a_manager_all_but_the_not_activatable_are_selectable),
        WITH_DESKS(volatile_priority_activates_until_reset),
        WITH_DESKS(interface_and_its_types_are_switched_for_good),
        cmocka_unit_test(install_says_what_the_application_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
