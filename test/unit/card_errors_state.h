/* General errors, and those of SELECT, MANAGE CHANNEL, SET STATUS, STORE DATA. */
#ifndef MM_TEST_CARD_ERRORS_STATE_H
#define MM_TEST_CARD_ERRORS_STATE_H

#include "test/unit/card_errors.h"

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

#endif
