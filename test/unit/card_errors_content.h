/* Errors of the commands for content: DELETE, INSTALL, LOAD, GET STATUS, GET DATA, MANAGE ELF UPGRADE. */
#ifndef MM_TEST_CARD_ERRORS_CONTENT_H
#define MM_TEST_CARD_ERRORS_CONTENT_H

#include "test/unit/card_errors.h"

/* ---- DELETE ---- */
static uint16_t delete_everything(struct host *h)
{
    return secure(h, DELETE, 0, 0x80, "4F06" PACKAGE);
}

static void deletion_that_cannot_be_written(struct host *h)
{
    probe(h);
    unwritable(h, delete_everything);
}

static void deletion_of_what_is_no_reference(struct host *h)
{
    probe(h);
    refuse(h, 0, 0, "");
    refuse(h, 0, 0, "4F04F0505253");
    refuse(h, 0, 0, "4F07F0505253");
    refuse(h, 0, 0, "5007" INSTANCE);
    refuse(h, 0, 0, "4F07" INSTANCE "4F07" APPLET); /* one at a time (table 11-23) */
    refuse(h, 0, 0, "D0020101");
    refuse(h, 0, 0, "D20100");
    refuse(h, 0, 0, "D001010101");
}

static void deletion_of_what_is_not_there(struct host *h)
{
    refuse(h, 0, 0, "4F07" INSTANCE);
    refuse(h, 0, 0x80, "4F06" PACKAGE);
    refuse(h, 0, 0, "D20130");
    refuse(h, 0, 0, "D00105D201FF");
}

/* ---- GET DATA, GET STATUS ---- */
static void data_object_that_is_not_there(struct host *h)
{
    refuse(h, 0x00, 0x67, "");
    refuse(h, 0x7f, 0x21, "");
    refuse(h, 0x12, 0x34, "");
}

static void status_of_more_than_fits(struct host *h)
{
    probe(h);
    for (int i = 0; i < 6; i++) {
        char aid[24];

        snprintf(aid, sizeof(aid), "F05353440%d", i);
        done(install_domain(h, aid, "0180"));
    }
    refuse(h, 0x40, 0x02, "4F00");
    assert_true(h->resp_len > 128);
}

static void status_by_what_is_no_criterion(struct host *h)
{
    refuse(h, 0x80, 0x02, "");
    refuse(h, 0x80, 0x02, "5000");
    refuse(h, 0x80, 0x02, "4F11F000000000000000000000000000000000");
    refuse(h, 0x80, 0x02, "4F005D00");
    refuse(h, 0x80, 0x02, "4F05F050");
}

static void status_of_what_is_not_there(struct host *h)
{
    refuse(h, 0x40, 0x02, "4F00");
    refuse(h, 0x20, 0x02, "4F07" INSTANCE);
}

/* ---- INSTALL ---- */
static uint16_t install_a_domain(struct host *h)
{
    return install_domain(h, SSD, "0180");
}

static void installation_that_cannot_be_written(struct host *h)
{
    unwritable(h, install_a_domain);
}

static void malformed_install_for_load(struct host *h)
{
    refuse(h, 0x02, 0, "");
    refuse(h, 0x02, 0, "0000000000");
    refuse(h, 0x02, 0, "06" PACKAGE "0000000000");
    refuse(h, 0x02, 0,
           "06" PACKAGE "0005010203040500"
           "00");
    refuse(h, 0x02, 0, "06" PACKAGE "000005EF03C6010000"); /* a size of one byte */
}

static void install_for_load_beyond_memory(struct host *h)
{
    refuse(h, 0x02, 0, "06" PACKAGE "000008EF06C6044000000000");
}

static void install_for_load_into_nowhere(struct host *h)
{
    refuse(h, 0x02, 0, "06" PACKAGE "05" SSD "000000");
}

static void malformed_install_for_install(struct host *h)
{
    static const char *const rests[] = {"000000",         /* no privileges */
                                        "02000002C90000", /* two bytes of them */
                                        "01A002C90000",   /* a domain's, for an applet */
                                        "010003C9020000", /* parameters overrun */
                                        "010009EF07C701010000000000"};
    char text[128];

    done(load_probe(h));
    for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
        snprintf(text, sizeof(text), "06" PACKAGE "07" APPLET "07" INSTANCE "%s", rests[i]);
        refuse(h, 0x0c, 0, text);
    }
    refuse(h, 0x04, 0,
           "0007" APPLET "07" INSTANCE "0100"
           "02C90000");
}

static void install_for_install_beyond_memory(struct host *h)
{
    done(load_probe(h));
    refuse(h, 0x0c, 0, "06" PACKAGE "07" APPLET "07" INSTANCE "01000AC900EF06D8044000000000");
    refuse(h, 0x04, 0, "07" SSD_PACKAGE "08" SSD_MODULE "05" SSD "01800AC900EF06D8044000000000");
}

static void install_for_install_of_nothing(struct host *h)
{
    refuse(h, 0x0c, 0, "06" PACKAGE "07" APPLET "07" INSTANCE "010002C90000");
    done(load_probe(h));
    refuse(h, 0x0c, 0, "06" PACKAGE "07" INSTANCE "07" INSTANCE "010002C90000");
    refuse(h, 0x04, 0, "07" SSD_PACKAGE "07" INSTANCE "05" SSD "018002C90000");
}

static void malformed_make_selectable(struct host *h)
{
    refuse(h, 0x08, 0,
           "000000010000"
           "00");
    refuse(h, 0x08, 0, "0000");
}

static void make_selectable_of_nothing(struct host *h)
{
    refuse(h, 0x08, 0, "000007" INSTANCE "01000000");
    done(load_probe(h));
    refuse(h, 0x08, 0, "000006" PACKAGE "01000000");
}

static void malformed_extradition(struct host *h)
{
    probe(h);
    done(install_domain(h, SSD, "0180"));
    refuse(h, 0x10, 0, "000007" INSTANCE "000000");
    refuse(h, 0x10, 0,
           "05" SSD "0105"
           "07" INSTANCE "000000");
    refuse(h, 0x10, 0,
           "05" SSD "00"
           "00"
           "000000");
    refuse(h, 0x10, 0, "05" SSD "0007" INSTANCE "01000000");
}

static void extradition_of_nothing(struct host *h)
{
    refuse(h, 0x10, 0, "05" SSD "0007" INSTANCE "000000");
    done(install_domain(h, SSD, "0180"));
    refuse(h, 0x10, 0, "05" SSD "0007" INSTANCE "000000");
}

static void malformed_registry_update(struct host *h)
{
    probe(h);
    done(install_domain(h, SSD, "0180"));
    refuse(h, 0x40, 0, "000007" INSTANCE "01800000");
    refuse(h, 0x40, 0, "000005" SSD "03A040000000");
    refuse(h, 0x40, 0, "000005" SSD "0200000000");
    refuse(h, 0x40, 0,
           "000005" SSD "000AEF08C702"
           "0001"
           "D702"
           "0002"
           "00");
}

static void registry_update_beyond_memory(struct host *h)
{
    probe(h);
    refuse(h, 0x40, 0, "000007" INSTANCE "0008EF06D8044000000000");
}

static void registry_update_of_nothing(struct host *h)
{
    refuse(h, 0x40, 0, "000007" INSTANCE "01000000");
    probe(h);
    refuse(h, 0x40, 0, "000006" PACKAGE "01000000");
    refuse(h, 0x40, 0, "05" SSD "0007" INSTANCE "000000");
}

static void malformed_personalization(struct host *h)
{
    refuse(h, 0x20, 0, "");
    refuse(h, 0x20, 0, "000004F0505253000000");
    refuse(h, 0x20, 0, "000007" INSTANCE "01000000");
}

static void personalization_of_nothing(struct host *h)
{
    refuse(h, 0x20, 0, "000007" INSTANCE "000000");
    done(load_probe(h));
    refuse(h, 0x20, 0, "000006" PACKAGE "000000");
}

/* The package is on the card's desk, and nothing is stored. */
static void begin_combined(struct host *h)
{
    done(secure(h, INSTALL, 0x0e, 0x01, "06" PACKAGE "00000000"));
    done(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)));
}

static void malformed_combined_install(struct host *h)
{
    refuse(h, 0x0e, 0x01, "0000");
    begin_combined(h);
    refuse(h, 0x0e, 0x03, "06" PACKAGE "07" APPLET "07" INSTANCE "02000000");
}

static void combined_install_beyond_memory(struct host *h)
{
    begin_combined(h);
    refuse(h, 0x0e, 0x03, "06" PACKAGE "07" APPLET "07" INSTANCE "01000AC900EF06D8044000000000");
}

static void combined_install_of_another_file(struct host *h)
{
    begin_combined(h);
    refuse(h, 0x0e, 0x03,
           "06F050524F4246"
           "07" APPLET "07" INSTANCE "010002C90000");
    begin_combined(h);
    refuse(h, 0x0e, 0x03, "06" PACKAGE "07" INSTANCE "07" INSTANCE "010002C90000");
}

/* ---- LOAD ---- */
static void load_that_cannot_be_written(struct host *h)
{
    unwritable(h, load_probe);
}

static void refuse_package(struct host *h, const char *lv, const uint8_t *lfdb, size_t len)
{
    struct snapshot before;

    take_snapshot(h, &before);
    check(h, LOAD, load_package(h, lv, lfdb, len), &before);
}

/* An image that has room for the registry entry, but not for the package. */
static void load_beyond_memory(struct host *h)
{
    struct mm_card_config cfg = {.nvm.path = h->path};

    cfg.nvm.max_bytes = (1u << 20) - mm_nvm_free(h->card->nvm) + sizeof(probe_lfdb) / 2;
    mm_card_close(&h->card);
    assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
    mm_card_power_on(h->card);
    done(host_open(h, 0x03));
    refuse_package(h, "06" PACKAGE, probe_lfdb, sizeof(probe_lfdb));
}

static void load_of_what_is_no_package(struct host *h)
{
    static uint8_t changed[sizeof(probe_lfdb)];

    refuse_package(h, "06" PACKAGE, probe_lfdb, sizeof(probe_lfdb) - 1);
    refuse_package(h, "06" APPLET, probe_lfdb, sizeof(probe_lfdb));
    memcpy(changed, probe_lfdb, sizeof(changed));
    changed[3] ^= 1; /* the magic number */
    refuse_package(h, "06" PACKAGE, changed, sizeof(changed));
}

/* ---- MANAGE ELF UPGRADE ---- */
#define UPGRADE_DATA "A1084F06" PACKAGE

static uint16_t start_upgrade(struct host *h)
{
    return secure(h, MM_INS_ISD_MANAGE_ELF_UPGRADE, 1, 0, UPGRADE_DATA);
}

static void upgrade_that_cannot_be_written(struct host *h)
{
    probe(h);
    unwritable(h, start_upgrade);
}

static void upgrade_of_no_form(struct host *h)
{
    probe(h);
    refuse(h, 1, 0, "");
    refuse(h, 1, 0, "4F06" PACKAGE);
    refuse(h, 1, 0, "A10A4F06" PACKAGE);
    refuse(h, 1, 0, "A1024F00");
    refuse(h, 1, 0, UPGRADE_DATA "00");
    refuse(h, 1, 0, "A1104F06" PACKAGE "4F06" PACKAGE); /* several */
    refuse(h, 1, 0, "A10B4F06" PACKAGE "800101");
    refuse(h, 1, 0, "A10C4F06" PACKAGE "80020000");
    refuse(h, 2, 0, UPGRADE_DATA);
    refuse(h, 8, 0, UPGRADE_DATA);
}

static void upgrade_of_nothing(struct host *h)
{
    refuse(h, 1, 0, UPGRADE_DATA);
    probe(h);
    refuse(h, 1, 0, "A1094F07" INSTANCE); /* an application */
}

static void upgrade_out_of_turn(struct host *h)
{
    refuse(h, 2, 0, "");
    refuse(h, 3, 0, "");
    refuse(h, 4, 0, "");
    probe(h);
    done(start_upgrade(h));
    refuse(h, 1, 0, UPGRADE_DATA);
}

#endif
