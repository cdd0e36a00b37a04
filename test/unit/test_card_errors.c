/*
 * Every error of the GlobalPlatform commands (apdu_spec/errors.def): each row of the list is a test, which
 * provokes that status word with that command and finds the image, and the registry over it, as they
 * were. A row without its test does not compile, nor does a test without its row.
 */
#include "test/unit/card_domain.h"

#define ANY_INS 0x100
enum { MM_INS_ANY_ANY = ANY_INS };

struct row {
    const char *name;
    unsigned ins;
    uint16_t sw;
    void (*provoke)(struct host *h);
};
static const struct row *row; /* the one that runs */
static unsigned provoked;

/* The registry in memory is what the image says. */
static void assert_registry_agrees(const struct host *h)
{
    static struct mm_registry stored;
    const struct mm_registry *now = &h->card->registry;

    stored.nvm = h->card->nvm;
    mm_reg_load(&stored);
    assert_int_equal(now->n, stored.n);
    for (size_t i = 0; i < stored.n; i++) {
        const struct mm_reg_entry *a = &now->entries[i], *b = &stored.entries[i];
        assert_true(mm_aid_equal(&a->aid, &b->aid));
        assert_int_equal(a->comp, b->comp);
        assert_int_equal(a->domain, b->domain);
        assert_memory_equal(a->privileges, b->privileges, MM_PRIV_LEN);
        assert_memory_equal(&a->quota, &b->quota, sizeof(a->quota));
    }
}

/* What came of a command, and that it changed nothing. */
static void check(struct host *h, unsigned ins, uint16_t sw, const struct snapshot *before)
{
    if (row->ins != ANY_INS)
        assert_int_equal(ins, row->ins);
    assert_int_equal(sw, row->sw);
    assert_unchanged(h, before);
    assert_registry_agrees(h);
    provoked++;
}

/* In the open session. */
static void refuse_ins(struct host *h, uint8_t ins, uint8_t p1, uint8_t p2, const char *data)
{
    struct snapshot before;

    take_snapshot(h, &before);
    check(h, ins, secure(h, ins, p1, p2, data), &before);
}

static void refuse(struct host *h, uint8_t p1, uint8_t p2, const char *data)
{
    refuse_ins(h, (uint8_t)row->ins, p1, p2, data);
}

static void refuse_plain(struct host *h, const char *apdu)
{
    struct snapshot before;
    uint8_t header[2];
    size_t n = sizeof(header);
    char first[5] = {apdu[0], apdu[1], apdu[2], apdu[3], '\0'};

    assert_int_equal(mm_unhex(first, header, &n), MM_OK);
    take_snapshot(h, &before);
    check(h, header[1], host_hex(h, apdu), &before);
}

/* Steps that lead to the error. */
static void done(uint16_t sw)
{
    assert_int_equal(sw, 0x9000);
}

static void probe(struct host *h)
{
    done(load_probe(h));
    done(install_probe(h, "00"));
}

static void card_state(struct host *h, uint8_t state)
{
    static const uint8_t way[] = {0x07, 0x0f, 0x7f};

    for (size_t i = 0; i < sizeof(way); i++) {
        done(secure(h, 0xf0, 0x80, way[i], ""));
        if (way[i] == state)
            return;
    }
}

/* ---- An image that cannot be written: power goes at each write of the order in turn ---- */
static void note_tear(void *ctx)
{
    *(bool *)ctx = true;
}

static void unwritable(struct host *h, uint16_t (*order)(struct host *h))
{
    bool torn = true;

    for (unsigned at = 1; torn; at++) {
        struct mm_card_config cfg = {
            .nvm = {.path = h->path, .tear_at = at, .tear = note_tear, .tear_ctx = &torn}};
        struct snapshot before;
        uint16_t sw;

        torn = false;
        mm_card_close(&h->card);
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        sw = host_open(h, 0x03);
        if (torn) /* while the session opened */
            continue;
        done(sw);
        take_snapshot(h, &before);
        sw = order(h);
        if (torn)
            check(h, row->ins, sw, &before);
        else
            done(sw);
        assert_true(at < 100);
    }
}

/* ---- General errors (table 11-10) ---- */
static void length_that_does_not_add_up(struct host *h)
{
    refuse_plain(h, "80E400000A4F07");
    refuse_plain(h, "80E60200034F0102FF00");
    refuse_plain(h, "80CA00450000050102");
}

static void command_on_a_closed_channel(struct host *h)
{
    refuse_plain(h, "81CA004500");
    refuse_plain(h, "C1E40000094F07" INSTANCE);
}

static void command_without_its_session(struct host *h)
{
    static const char *const commands[] = {
        "80E40000094F07" INSTANCE, "80E6020000",      "80E8800001C4", "80D800810101", "80F0800700",
        "80E28000054203010203",    "80F28002024F0000"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        mm_card_reset(h->card);
        refuse_plain(h, commands[i]);
        done(host_open(h, MM_SCP_C_MAC));
        refuse_plain(h, commands[i]); /* and this one ended it */
        if (i < 6) {                  /* GET STATUS needs no C-MAC */
            done(host_open(h, MM_SCP_NO_SECURITY));
            refuse_plain(h, commands[i]);
        }
    }
}

static void command_that_the_state_forbids(struct host *h)
{
    probe(h);
    refuse_ins(h, DELETE, 0, 0, "4F06" PACKAGE);                        /* it has an instance */
    refuse_ins(h, DELETE, 0, 0, "D201FF");                              /* the last keys */
    refuse_ins(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000");           /* it is loaded */
    refuse_ins(h, INSTALL, 0x08, 0, "000007" INSTANCE "01000000");      /* it is selectable */
    refuse_ins(h, INSTALL, 0x10, 0, "08" ISD "0007" INSTANCE "000000"); /* it belongs there */
    refuse_ins(h, INSTALL, 0x20, 0, "000007" INSTANCE "000000");        /* it takes no data */
    refuse_ins(h, LOAD, 0x80, 0, "C400");      /* nothing is being loaded */
    refuse_ins(h, 0xf0, 0x40, 0x03, INSTANCE); /* not back to INSTALLED */
    refuse_ins(h, 0xf2, 0x40, 0x03, "4F00");   /* no list to go on with */
    card_state(h, MM_STATE_CARD_LOCKED);
    refuse_ins(h, DELETE, 0, 0, "4F07" INSTANCE);
    refuse_ins(h, INSTALL, 0x02, 0, "06F050524F424600000000");
    refuse_ins(h, PUT_KEY, 0x00, 0x81, "30");
    refuse_ins(h, 0xe2, 0x80, 0, "4203010203");
}

static void reserved_p1_or_p2(struct host *h)
{
    refuse_ins(h, DELETE, 0x01, 0, "4F07" INSTANCE);
    refuse_ins(h, DELETE, 0, 0x40, "4F07" INSTANCE);
    refuse_ins(h, INSTALL, 0x01, 0, "");
    refuse_ins(h, INSTALL, 0x04, 0x01, "");
    refuse_ins(h, INSTALL, 0x0e, 0x02, "");
    refuse_ins(h, 0xf2, 0x0f, 0x02, "4F00");
    refuse_ins(h, 0xf2, 0x80, 0x04, "4F00");
    refuse_ins(h, 0xf0, 0x20, 0x07, "");
    refuse_ins(h, 0xe2, 0x98, 0, "4203010203");
    refuse_ins(h, 0xe2, 0x80, 1, "4203010203");
    done(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000"));
    refuse_ins(h, LOAD, 0x00, 0x01, "C4");
    refuse_plain(h, "8050000108010203040506070800");
    refuse_plain(h, "00A40401021122");
}

static void unknown_instruction(struct host *h)
{
    refuse_ins(h, 0xfe, 0, 0, "");
    mm_card_reset(h->card);
    refuse_plain(h, "80FE000000");
    refuse_plain(h, "00E4000000");
}

static void unknown_class(struct host *h)
{
    refuse_plain(h, "A0CA004500");
    refuse_plain(h, "FFE4000000");
    refuse_plain(h, "90E40000094F07" INSTANCE);
}

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

/* ---- MANAGE CHANNEL ---- */
static void close_of_a_closed_channel(struct host *h)
{
    refuse_plain(h, "00708001");
}

static void manage_channel_with_secure_messaging(struct host *h)
{
    refuse_plain(h, "0470000001");
    refuse_plain(h, "0C70000001");
}

static void channel_that_cannot_be_opened(struct host *h)
{
    refuse_plain(h, "00700014");
    refuse_plain(h, "00708000");
    refuse_plain(h, "00704001");
    for (int i = 1; i < 20; i++)
        done(host_hex(h, "0070000001"));
    refuse_plain(h, "0070000001");
    mm_card_reset(h->card);
    done(host_open(h, 0x03));
    card_state(h, MM_STATE_CARD_LOCKED);
    refuse_plain(h, "0070000001");
    refuse_plain(h, "00700001");
}

static void open_without_room_for_the_number(struct host *h)
{
    refuse_plain(h, "00700000");
    refuse_plain(h, "0070000002");
}

/* ---- PUT KEY ---- */
static const struct mm_scp_keys keys = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};

static uint16_t put_a_set(struct host *h)
{
    return put_set(h, 0x30, &keys);
}

static void put_key_that_cannot_be_written(struct host *h)
{
    unwritable(h, put_a_set);
}

static void put_key_of_what_is_no_key(struct host *h)
{
    refuse(h, 0x00, 0x81, "");
    refuse(h, 0x00, 0x01, "30");
    refuse(h, 0x00, 0x01, "00881110000102030405060708090A0B0C0D0E0F00");
    refuse(h, 0x00, 0x01, "30880F000102030405060708090A0B0C0D0E00");
    refuse(h, 0x00, 0x01, "30881110000102030405060708090A0B0C0D0E0F0100");
    refuse(h, 0x00, 0x01, "73A10180A00101");
}

static void put_key_beyond_memory(struct host *h)
{
    done(put_set(h, 0x30, &keys)); /* in place of the test keys */
    h->keys = keys;
    done(host_open(h, 0x03));
    for (uint8_t version = 0x31; version < 0x3f; version++)
        done(put_set(h, version, &keys));
    done(put_set(h, 0x3f, &keys));
    refuse(h, 0x00, 0x01, "40881110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_in_place_of_nothing(struct host *h)
{
    refuse(h, 0x30, 0x01, "30881110000102030405060708090A0B0C0D0E0F00");
    done(put_set(h, 0x30, &keys));
    refuse(h, 0x30, 0x05, "30881110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_of_an_unknown_type(struct host *h)
{
    refuse(h, 0x00, 0x01, "30871110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_with_a_wrong_check_value(struct host *h)
{
    refuse(h, 0x00, 0x01, "30881110000102030405060708090A0B0C0D0E0F03ABCDEF");
}

/* ---- SELECT ---- */
static void select_of_the_locked_card(struct host *h)
{
    card_state(h, MM_STATE_CARD_LOCKED);
    refuse_plain(h, "00A4040000");
    refuse_plain(h, "00A4040008" ISD "00");
}

static void select_with_secure_messaging(struct host *h)
{
    refuse_plain(h, "04A4040008" ISD "00");
}

static void select_that_would_open_a_channel(struct host *h)
{
    card_state(h, MM_STATE_CARD_LOCKED);
    refuse_plain(h, "01A4040008" ISD "00");
    refuse_plain(h, "45A4040000");
}

static void select_of_nothing(struct host *h)
{
    refuse_plain(h, "00A4040007" INSTANCE "00");
    probe(h);
    done(secure(h, 0xf0, 0x40, 0x80, INSTANCE));
    refuse_plain(h, "00A4040007" INSTANCE "00");
    done(secure(h, 0xf0, 0x40, 0x00, INSTANCE));
    refuse_plain(h, "00A4040006F050524F424600");
    card_state(h, MM_STATE_CARD_LOCKED);
    refuse_plain(h, "00A4040007" INSTANCE "00");
}

/* ---- SET STATUS, STORE DATA ---- */
static void status_for_what_is_no_name(struct host *h)
{
    refuse(h, 0x40, 0x80, "");
    refuse(h, 0x40, 0x80, "F0505253");
    refuse(h, 0x60, 0x80, "F000000000000000000000000000000000");
}

static void status_for_nothing(struct host *h)
{
    refuse(h, 0x40, 0x80, INSTANCE);
    refuse(h, 0x80, 0x07, INSTANCE);
    probe(h);
    refuse(h, 0x40, 0x80, PACKAGE);
    refuse(h, 0x60, 0x80, INSTANCE); /* no domain */
}

static void store_of_what_is_no_data(struct host *h)
{
    refuse(h, 0x80, 0, "");
    refuse(h, 0x80, 0, "42030102");
    refuse(h, 0x80, 0, "9F010101");
    refuse(h, 0x80, 0, "420101420102");
    refuse(h, 0x88, 0, "009903420101");
    refuse(h, 0x88, 0, "007004420101");
}

static void store_beyond_memory(struct host *h)
{
    uint8_t block[200] = {0x7f, 0x21, 0x82, 0x20, 0x00};
    struct snapshot before;
    uint16_t sw = 0x9000;

    take_snapshot(h, &before);
    for (uint8_t n = 0; sw == 0x9000; n++) {
        sw = host_secure(h, 0xe2, 0x00, n, block, sizeof(block));
        assert_true(n < 45);
        memset(block, 0, 5);
    }
    check(h, 0xe2, sw, &before);
}

static void store_for_a_key_that_is_not_there(struct host *h)
{
    refuse(h, 0x90, 0, "A60B8001004202A1A283021021");
    refuse(h, 0x90, 0, "A604830210217003930101");
}

/* ---- Secure channel ---- */
static void session_with_keys_that_are_not_there(struct host *h)
{
    refuse_plain(h, "8050300008010203040506070800");
}

/* The count of failures is the one thing that changes; with it taken back all is as it was. */
static void authentication_that_fails(struct host *h)
{
    struct snapshot before;
    uint16_t sw;

    take_snapshot(h, &before);
    for (int wrong_mac = 0; wrong_mac < 2; wrong_mac++) {
        done(host_hex(h, "80500000080102030405060708"
                         "00"));
        sw = host_hex(h, "8482030010000102030405060708090A0B0C0D0E0F");
        assert_int_equal(mm_key_failures(h->card->nvm, 0), 1);
        assert_int_equal(mm_key_failures_set(h->card->nvm, 0, 0), MM_OK);
        check(h, 0x82, sw, &before);
    }
}

/* ---- SCP11 ---- */
#define POINT                                                                                      \
    "044F92A07D168C309959EED99E288381DD192979CD452D8FBE1F163447979207C5"                           \
    "E6CD1F4DD11609E2100C033BBD723BE78B71477E64883EB41EC366713E44AF1E"
/* The form of table 6-12, and a signature that is none of the key above. */
#define CERTIFICATE                                                                                \
    "7F2181A1930101420101"                                                                         \
    "5F2001019502"                                                                                 \
    "00805F2404203912317F4946B041" POINT "F001005F3740"                                            \
    "0101010101010101010101010101010101010101010101010101010101010101"                             \
    "0101010101010101010101010101010101010101010101010101010101010101"
#define AGREEMENT(parameter, point) "A60D9002110" parameter "95013C8001888101105F4941" point

static void put_point(struct host *h)
{
    done(secure(h, 0xd8, 0, 0x10, "21B041" POINT "F0010000"));
}

static void certificate_of_another_authority(struct host *h)
{
    put_point(h);
    refuse_plain(h, "802A2110A5" CERTIFICATE);
}

static void what_is_no_certificate(struct host *h)
{
    put_point(h);
    refuse_plain(h, "802A211001FF");
    refuse_plain(h, "802A2110067F2103930101"); /* and nothing more */
}

static void certificate_under_a_key_that_is_not_there(struct host *h)
{
    refuse_plain(h, "802A2110A5" CERTIFICATE);
    refuse_plain(h, "802A0000A5" CERTIFICATE);
}

static void agreement_without_a_certificate(struct host *h)
{
    refuse_plain(h, "8082211153" AGREEMENT("1", POINT) "00");
}

static void mutual_agreement_of_no_form(struct host *h)
{
    refuse_plain(h, "8082211101FF");
    refuse_plain(h, "8082211153" AGREEMENT("0", POINT) "00");
    refuse_plain(h, "8082211153" AGREEMENT("8", POINT) "00");
}

static void mutual_agreement_with_another_key(struct host *h)
{
    refuse_plain(h, "8082211353" AGREEMENT("1", POINT) "00");
}

static void agreement_of_no_form(struct host *h)
{
    refuse_plain(h, "8088211301FF");
    refuse_plain(h, "8088211353" AGREEMENT("1", POINT) "00");
}

static void agreement_with_another_key(struct host *h)
{
    refuse_plain(h, "8088211153" AGREEMENT("0", POINT) "00");
}

static void agreement_without_a_key(struct host *h)
{
    refuse_plain(h, "8088211353" AGREEMENT("0", POINT) "00");
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

/* ---- The list ---- */
static const struct row rows[] = {
#define MM_GP_ERROR(app, command, sw, where, when, test)                                           \
    {#test, MM_INS_##app##_##command, 0x##sw, test},
#define MM_GP_NEVER(app, command, sw, where, why)
#include "apdu_spec/errors.def"
#undef MM_GP_ERROR
#undef MM_GP_NEVER
};
#define ROW_N (sizeof(rows) / sizeof(rows[0]))

static void run_row(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    row = *state;
    provoked = 0;
    done(host_open(h, 0x03));
    row->provoke(h);
    assert_true(provoked > 0);
    host_free(h);
}

int main(void)
{
    struct CMUnitTest tests[ROW_N];

    for (size_t i = 0; i < ROW_N; i++)
        tests[i] = (struct CMUnitTest){rows[i].name, run_row, NULL, NULL, (void *)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
