/* Supplementary security domains (GPCS 2.3.1, 7, 9): their life, their keys, what each sees and may. */
#include "test/unit/card_domain.h"

enum { SET_STATUS = 0xf0, STORE_DATA = 0xe2 };

static const struct mm_scp_keys own = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};

static int with_domain(void **state)
{
    return with_session(state) != 0 || install_domain(*state, SSD, "0180") != 0x9000;
}

/* ---- Life ---- */
static void domain_is_installed_under_both_names_of_its_package(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "0180"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "07A0000000035350"
                            "08A000000003535041"
                            "05" OTHER "01800000"),
                     0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" SSD), 0x9000);
    assert_resp(h, "E3234F05" SSD "9F700107C503800000C407" SSD_PACKAGE "CC08" ISD);
    assert_int_equal(select_aid(h, OTHER), 0x9000);
    assert_resp(h, "6F0D8405" OTHER "A5049F6501FF");
}

static void domain_needs_its_module_and_its_privilege(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "0100"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "07" SSD_PACKAGE "08A000000151535042"
                            "05" SSD "01800000"),
                     0x6a88);
    assert_int_equal(install_domain(h, SSD, "0180"), 0x9000);
    assert_int_equal(install_domain(h, SSD, "0180"), 0x6985); /* the AID is taken */
}

static void domain_that_is_only_installed_cannot_be_selected(void **state)
{
    struct host *h = *state;

    assert_int_equal(
        secure(h, INSTALL, 0x04, 0, "07" SSD_PACKAGE "08" SSD_MODULE "05" SSD "01800000"), 0x9000);
    assert_int_equal(select_aid(h, SSD), 0x6a82);
    assert_int_equal(secure(h, INSTALL, 0x08, 0,
                            "000005" SSD "00"
                            "0000"),
                     0x9000);
    assert_int_equal(select_aid(h, SSD), 0x9000);
}

static void domains_package_is_listed_and_cannot_be_deleted(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, GET_STATUS, 0x10, 0x00, "4F07" SSD_PACKAGE), 0x9000);
    assert_resp(h, "07" SSD_PACKAGE "01000108" SSD_MODULE);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F07" SSD_PACKAGE), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "07" SSD_PACKAGE "00000000"), 0x6985);
}

/* ---- Keys ---- */
static void domain_without_keys_is_opened_with_the_issuers(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x9000);
    assert_resp(h, "E3234F05" SSD "9F700107C503800000C407" SSD_PACKAGE "CC08" ISD);
}

static void domain_with_keys_of_its_own_is_personalized_and_takes_no_others(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(put_set(h, 0x30, &own), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F005C029F70"), 0x9000);
    assert_resp(h, "E30B4F05" SSD "9F70010F");
    host_reopen(h);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0); /* its cryptogram is another's */
    assert_int_equal(enter(h, SSD, &own), 0x9000);
    assert_int_equal(host_hex(h, "80CA00E000"), 0x6982); /* plain in a session */
    assert_int_equal(select_aid(h, SSD), 0x9000);
    assert_int_equal(host_hex(h, "80CA00E000"), 0x9000);
    assert_resp(h, "E012C00401308810C00402308810C00403308810");
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys),
                     0x9000); /* the issuer's are what they were */
}

static void deleted_domain_takes_its_keys_along(void **state)
{
    struct host *h = *state;
    size_t before = mm_nvm_free(h->card->nvm);

    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(enter(h, OTHER, &mm_scp_test_keys), 0x9000);
    assert_int_equal(put_set(h, 0x30, &own), 0x9000);
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F05" OTHER), 0x9000);
    assert_int_equal(select_aid(h, OTHER), 0x6a82);
    assert_int_equal(mm_nvm_free(h->card->nvm), before);
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(enter(h, OTHER, &mm_scp_test_keys), 0x9000);
}

static void domain_with_something_below_stays(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0007" INSTANCE "000000"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F05" SSD), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F05" SSD), 0x9000);
}

static void enrolment_is_the_issuers_alone(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, 0x20, 0, 0, ""), 0x6d00);
    assert_int_equal(secure(h, 0x22, 0, 0, "30"), 0x6d00);
    assert_int_equal(secure(h, 0x24, 0, 0, "000102030405060708090A0B0C0D0E0F"), 0x6d00);
}

/* ---- Authority ---- */
static void domain_without_management_changes_no_content(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    take_snapshot(h, &before);
    assert_int_equal(secure(h, INSTALL, 0x02, 0,
                            "06F050524F42460000"
                            "0000"),
                     0x6985);
    assert_int_equal(install_probe(h, "00"), 0x6985);
    assert_int_equal(install_domain(h, OTHER, "0180"), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F06" PACKAGE), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "08" ISD "0005" SSD "000000"), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x80, 0x07, ""), 0x6985);
    assert_unchanged(h, &before);
}

static void authorized_domain_manages_what_is_below_and_nothing_else(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "03804000"), 0x9000);
    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F07" INSTANCE), 0x9000);
    assert_resp(h, "E3214F07" INSTANCE "9F700107C503000000C406" PACKAGE "CC05" SSD);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" OTHER), 0x6a88);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6a88);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, OTHER), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F05" OTHER), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, INSTANCE), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000);
}

static void privileges_are_given_only_by_who_has_them(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "03804000"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(install_domain(h, OTHER, "03801000"), 0x6985); /* Global Delete */
    assert_int_equal(install_domain(h, OTHER, "0190"), 0x6985);     /* Card Lock */
    assert_int_equal(install_domain(h, OTHER, "01C1"), 0x6985);     /* Mandated DAP */
    assert_int_equal(install_domain(h, OTHER, "03C04000"), 0x9000); /* DAP, Authorized Management */
}

static void global_privileges_reach_beyond_what_is_below(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "03801C00"), 0x9000); /* delete, lock, registry */
    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, OTHER), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x00, OTHER), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F05" OTHER), 0x9000);
}

static void contradicting_privileges_are_refused(void **state)
{
    static const char *const refused[] = {
        "0181",     /* Mandated DAP without DAP Verification */
        "03A04000", /* delegated and authorized at once */
        "03800001", /* not defined */
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(install_domain(*state, SSD, refused[i]), 0x6a80);
}

static void privileges_of_one_holder_pass_from_the_issuer_once(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_domain(h, SSD, "03842280"), 0x9000); /* reset, token, final, receipt */
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F005C01C5"), 0x9000);
    assert_resp(h, "E30F4F08" ISD "C5039ADC00");
    assert_int_equal(install_domain(h, OTHER, "0184"), 0x6985);
    assert_int_equal(install_domain(h, OTHER, "03802000"), 0x6985);
    assert_int_equal(install_domain(h, OTHER, "03800080"), 0x6985);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "80CA004200"), 0x6a88); /* it is selected, and has no number */
}

/* ---- Life cycle ---- */
static void locked_domain_takes_what_is_below_along(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0007" INSTANCE "000000"), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x80, SSD), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x80, SSD), 0x6985);
    assert_int_equal(select_aid(h, SSD), 0x6a82);
    assert_int_equal(select_probe(h), 0x6a82);
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x00, SSD), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x80, INSTANCE), 0x6a88); /* no domain */
}

static void domain_goes_to_personalized_and_not_back(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x0f, SSD), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x07, SSD), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x03, SSD), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, SSD), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" SSD "5C029F70"), 0x9000);
    assert_resp(h, "E30B4F05" SSD "9F70018F");
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x00, SSD), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" SSD "5C029F70"), 0x9000);
    assert_resp(h, "E30B4F05" SSD "9F70010F");
}

static void domain_may_not_lock_itself(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, SSD), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x60, 0x80, SSD), 0x6985);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x0f, SSD), 0x9000);
}

/* ---- Extradition ---- */
static void extradited_application_belongs_to_the_other_domain(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0007" INSTANCE "000000"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0006" PACKAGE "000000"), 0x9000);
    host_reopen(h);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, "4F005C01CC"), 0x9000);
    assert_resp(h, "E30F4F06" PACKAGE "CC05" SSD);
    assert_int_equal(secure(h, SET_STATUS, 0x40, 0x80, INSTANCE), 0x9000);
}

static void extradition_refuses_what_makes_no_sense(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0005" OTHER "000000"), 0x9000);
    take_snapshot(h, &before);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0005" OTHER "000000"), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" OTHER "0005" SSD "000000"), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0005" SSD "000000"), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x10, 0,
                            "05F053534403"
                            "0005" SSD "000000"),
                     0x6a88);
    assert_int_equal(secure(h, INSTALL, 0x10, 0,
                            "05" SSD "0005F053534403"
                            "000000"),
                     0x6a88);
    assert_int_equal(secure(h, INSTALL, 0x10, 0,
                            "00"
                            "0005" SSD "000000"),
                     0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "0105" SSD "000000"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x10, 1, "05" SSD "0005" OTHER "000000"), 0x6a86);
    assert_unchanged(h, &before);
}

/* ---- Registry update ---- */
static void registry_update_changes_privileges_and_domain(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "05" SSD "0005" OTHER "03C000000000"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" OTHER), 0x9000);
    assert_resp(h, "E3204F05" OTHER "9F700107C503C00000C407" SSD_PACKAGE "CC05" SSD);
    take_snapshot(h, &before);
    assert_int_equal(secure(h, INSTALL, 0x40, 0,
                            "000005" OTHER "0300000000"
                            "00"),
                     0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "000005" OTHER "0280000000"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "000006" PACKAGE "000000"), 0x6a88);
    assert_unchanged(h, &before);
}

/* ---- Data ---- */
static void data_is_stored_for_the_selected_domain(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x90, 0, "420211224503334455"), 0x9000);
    assert_int_equal(select_aid(h, SSD), 0x9000);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
    assert_resp(h, "42021122");
    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(host_hex(h, "80CA004200"), 0x9000);
    assert_resp(h, "4203999999");
}

/* GPCS 2.3.1, 11.11.2.3: object 4F is the AID of the issuer's domain. */
static void issuer_domain_gets_another_name(void **state)
{
    static const char name[] = "A00000099901";
    struct host *h = *state;
    struct snapshot before;

    assert_int_equal(host_hex(h, "80CA004F00"), 0x6982); /* the session has a C-MAC */
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, 0xca, 0x00, 0x4f, ""), 0x9000);
    assert_resp(h, "4F08" ISD);
    take_snapshot(h, &before);
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F04A0000009"), 0x6a80);
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F05" SSD), 0x6985); /* taken */
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F07" SSD_PACKAGE), 0x6985);
    assert_unchanged(h, &before);
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F06A00000099901"), 0x9000);
    host_reopen(h);
    assert_int_equal(select_aid(h, ISD), 0x6a82);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_memory_equal(h->resp, "\x6f\x0e\x84\x06\xa0\x00\x00\x09\x99\x01", 10);
    assert_int_equal(enter(h, name, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F06A000000999015C014F"), 0x9000);
    assert_resp(h, "E3084F06A00000099901");
    assert_int_equal(secure(h, 0xf0, 0x80, 0x07, "A00000099901"), 0x9000);
    assert_int_equal(install_domain(h, "A000000999", "0180"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "07" SSD_PACKAGE "08" SSD_MODULE "06A00000099901"
                            "018002C90000"),
                     0x6985); /* its name is taken now, */
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "06A000000999010005A000000999000000"), 0x6985);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, 0xca, 0x00, 0x4f, ""), 0x9000);
    assert_resp(h, "4F05" SSD);
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F06A00000099902"), 0x6a80); /* the issuer's alone */
    assert_int_equal(enter(h, name, &mm_scp_test_keys), 0x9000);
    assert_int_equal(secure(h, 0xe2, 0x90, 0, "4F08" ISD), 0x9000);
    assert_int_equal(select_aid(h, ISD), 0x9000);
}

static void domain_is_personalised_through_the_one_above(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, INSTALL, 0x20, 0, "000005" SSD "000000"), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0x80, 0, "7F21023040"), 0x9000);
    assert_int_equal(select_aid(h, SSD), 0x9000);
    assert_int_equal(host_hex(h, "80CA7F2100"), 0x9000);
    assert_resp(h, "7F21023040");
    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(host_hex(h, "80CA7F2100"), 0x6a88);
}

static void encrypted_groups_are_deciphered_with_the_dek(void **state)
{
    struct host *h = *state;
    uint8_t group[3 + 16] = {0x00, 0x70, 16, 0x67, 0x02, 0x41, 0x42};

    assert_int_equal(mm_scp_pad(group + 3, 4, 16), 16);
    assert_int_equal(mm_scp_cbc(mm_scp_test_keys.dek, 16, NULL, true, group + 3, 16, group + 3),
                     MM_OK);
    assert_int_equal(host_secure(h, STORE_DATA, 0xe8, 0, group, sizeof(group)), 0x9000);
    assert_int_equal(secure(h, STORE_DATA, 0xf0, 0, "67024142"), 0x6a86); /* not in groups */
    assert_int_equal(secure(h, STORE_DATA, 0xa8, 0, "00700467024142"), 0x6a86);
    assert_int_equal(secure(h, STORE_DATA, 0xe8, 0, "00700467024142"), 0x6a80); /* no whole block */
    group[18] ^= 1;
    assert_int_equal(host_secure(h, STORE_DATA, 0xe8, 0, group, sizeof(group)), 0x6a80);
    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(host_hex(h, "80CA006700"), 0x9000);
    assert_resp(h, "67024142");
}

/* ---- Implicit selection ---- */
static void opened_channel_starts_with_the_application_that_install_named(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "07" SSD_PACKAGE "08" SSD_MODULE "05" OTHER "0180"
                            "07C900EF03CF0141"
                            "00"),
                     0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F05" OTHER "5C01CF"), 0x9000);
    assert_resp(h, "E30A4F05" OTHER "CF0141");
    host_reopen(h);
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "81CA004200"), 0x6a88); /* it has no number, */
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_int_equal(host_hex(h, "82CA004200"), 0x9000); /* the issuer's domain has */
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(with_session, domain_is_installed_under_both_names_of_its_package),
        WITH(with_session, domain_needs_its_module_and_its_privilege),
        WITH(with_session, domain_that_is_only_installed_cannot_be_selected),
        WITH(with_session, domains_package_is_listed_and_cannot_be_deleted),
        WITH(with_domain, domain_without_keys_is_opened_with_the_issuers),
        WITH(with_domain, domain_with_keys_of_its_own_is_personalized_and_takes_no_others),
        WITH(with_domain, deleted_domain_takes_its_keys_along),
        WITH(with_domain, domain_with_something_below_stays),
        WITH(with_domain, enrolment_is_the_issuers_alone),
        WITH(with_domain, domain_without_management_changes_no_content),
        WITH(with_session, authorized_domain_manages_what_is_below_and_nothing_else),
        WITH(with_session, privileges_are_given_only_by_who_has_them),
        WITH(with_session, global_privileges_reach_beyond_what_is_below),
        WITH(with_session, contradicting_privileges_are_refused),
        WITH(with_session, privileges_of_one_holder_pass_from_the_issuer_once),
        WITH(with_domain, locked_domain_takes_what_is_below_along),
        WITH(with_domain, domain_goes_to_personalized_and_not_back),
        WITH(with_domain, domain_may_not_lock_itself),
        WITH(with_domain, extradited_application_belongs_to_the_other_domain),
        WITH(with_domain, extradition_refuses_what_makes_no_sense),
        WITH(with_domain, registry_update_changes_privileges_and_domain),
        WITH(with_domain, data_is_stored_for_the_selected_domain),
        WITH(with_domain, issuer_domain_gets_another_name),
        WITH(with_domain, domain_is_personalised_through_the_one_above),
        WITH(with_session, encrypted_groups_are_deciphered_with_the_dek),
        WITH(with_domain, opened_channel_starts_with_the_application_that_install_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
