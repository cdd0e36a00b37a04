/*
 * Logical channels (JCRE 3.0.5, 4; ISO 7816-4, 5.4 and 11.1.2): opened, used beside each other, closed;
 * what an applet is told and what of its transient memory stays. The applets are converter/test/runtime
 * (multiselectable) and converter/test/single (not).
 */
#include "test/unit/card_built.h"

#include "applet_vm/card/card_int.h"

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, RUNTIME_CAP, RUNTIME);
    load_built(h, SINGLE_CAP, SINGLE_PKG);
    assert_int_equal(install_as(h, RUNTIME, MULTI, MULTI), 0x9000);
    assert_int_equal(install_as(h, RUNTIME, OTHER, OTHER), 0x9000);
    assert_int_equal(install_as(h, SINGLE_PKG, SINGLE, SINGLE), 0x9000);
    assert_int_equal(install_as(h, SINGLE_PKG, TWIN, TWIN), 0x9000);
    *state = h;
    return 0;
}

/* What the applet noted: select 1, select(false) 2, select(true) 3, deselect 4, deselect(false) 5,
 * deselect(true) 6, process of SELECT 8; 10 selecting, 20 selected anew, 40 and 80 the channel. */
static void log_is(struct host *h, const char *command, const char *expected)
{
    assert_int_equal(host_hex(h, command), 0x9000);
    assert_resp(h, expected);
}

/* ---- MANAGE CHANNEL ---- */
static void card_gives_out_the_lowest_closed_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "0070000300"), 0x9000);
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_resp(h, "02");
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_resp(h, "04");
}

static void all_twenty_channels_open_and_no_more(void **state)
{
    struct host *h = *state;

    for (unsigned i = 1; i < MM_CHANNEL_N; i++) {
        assert_int_equal(host_hex(h, "0070000001"), 0x9000);
        assert_int_equal(h->resp[0], i);
    }
    assert_int_equal(host_hex(h, "0070000001"), 0x6a81);
    for (unsigned i = 1; i < MM_CHANNEL_N; i++) {
        uint8_t get_data[] = {(uint8_t)(i < 4 ? 0x80 + i : 0xc0 + i - 4), 0xca, 0, 0x66, 0};
        assert_int_equal(host_send(h, get_data, sizeof(get_data)), 0x9000);
        get_data[0] = (uint8_t)(i < 4 ? i : 0x40 + i - 4);
        assert_int_equal(host_send(h, get_data, sizeof(get_data)), 0x9000);
    }
}

static void open_of_an_open_channel_is_refused(void **state)
{
    assert_int_equal(host_hex(*state, "00700005"), 0x9000);
    assert_int_equal(host_hex(*state, "00700005"), 0x6a86);
}

static void manage_channel_refuses_what_it_does_not_know(void **state)
{
    assert_int_equal(host_hex(*state, "00700000"), 0x6c01);   /* no Le */
    assert_int_equal(host_hex(*state, "0070000000"), 0x6c01); /* 256 */
    assert_int_equal(host_hex(*state, "00700014"), 0x6a81);   /* channel 20 */
    assert_int_equal(host_hex(*state, "00704001"), 0x6a81);
    assert_int_equal(host_hex(*state, "0070800001"), 0x6a81); /* the basic channel stays open */
    assert_int_equal(host_hex(*state, "00708014"), 0x6a81);
    assert_int_equal(host_hex(*state, "007080010100"), 0x6700);
    assert_int_equal(host_hex(*state, "0470000001"), 0x6882);
    assert_int_equal(host_hex(*state, "1070000001"), 0x6884);
    assert_int_equal(host_hex(*state, "0170000001"), 0x6881); /* from a closed channel */
}

static void close_of_a_closed_channel_is_a_warning(void **state)
{
    assert_int_equal(host_hex(*state, "00708003"), 0x6200);
    assert_int_equal(host_hex(*state, "00700003"), 0x9000);
    assert_int_equal(host_hex(*state, "00708003"), 0x9000);
    assert_int_equal(host_hex(*state, "00708003"), 0x6200);
    assert_int_equal(host_hex(*state, "03CA006600"), 0x6881);
}

static void channel_closes_itself_or_another(void **state)
{
    assert_int_equal(host_hex(*state, "00700001"), 0x9000);
    assert_int_equal(host_hex(*state, "01700002"), 0x9000);
    assert_int_equal(host_hex(*state, "02708001"), 0x9000);
    assert_int_equal(host_hex(*state, "02708002"), 0x9000);
    assert_int_equal(host_hex(*state, "01CA006600"), 0x6881);
    assert_int_equal(host_hex(*state, "02CA006600"), 0x6881);
    assert_int_equal(host_hex(*state, "00700009"), 0x9000);
    assert_int_equal(host_hex(*state, "4570000001"),
                     0x9000); /* from channel 9, of a further class */
    assert_int_equal(host_hex(*state, "6570000001"), 0x6882);
    assert_int_equal(host_hex(*state, "45708009"), 0x9000);
    assert_int_equal(host_hex(*state, "4570000001"), 0x6881);
}

static void locked_card_opens_no_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, 0xf0, 0x80, 0x07, ""), 0x9000);
    assert_int_equal(secure(h, 0xf0, 0x80, 0x0f, ""), 0x9000);
    assert_int_equal(secure(h, 0xf0, 0x80, 0x7f, ""), 0x9000);
    assert_int_equal(host_hex(h, "0070000001"), 0x6a81);
    assert_int_equal(host_hex(h, "01A4040000"), 0x6a81);
    assert_int_equal(host_hex(h, "00A4040000"), 0x6283);
}

static void reset_closes_all_but_the_basic_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    assert_int_equal(select_in(h, 0x4f, SINGLE), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "8110000000"), 0x6881);
    assert_int_equal(host_hex(h, "CF20000000"), 0x6881);
    assert_int_equal(host_hex(h, "80CA006600"), 0x9000);
}

/* ---- Selection ---- */
static void channel_opened_from_the_basic_one_has_the_domain(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_int_equal(host_hex(h, "81CA006600"), 0x9000);
}

static void channel_opened_from_another_has_its_applet(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    log_is(h, "8110000000", "5158");
    assert_int_equal(host_hex(h, "0170000001"), 0x9000);
    assert_resp(h, "02");
    log_is(h, "8210000000", "83"); /* select(true), and no process() */
}

static void open_is_undone_when_the_applet_is_for_one_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, SINGLE), 0x9000);
    assert_int_equal(host_hex(h, "0170000001"), 0x6985);
    assert_int_equal(host_hex(h, "82CA006600"), 0x6881);
}

static void open_is_undone_when_the_applet_refuses(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "811C010000"), 0x9000);
    assert_int_equal(host_hex(h, "0170000001"), 0x6999);
    assert_int_equal(host_hex(h, "82CA006600"), 0x6881);
    assert_int_equal(host_hex(h, "8112000000"), 0x9000);
}

static void select_opens_the_channel_of_its_class(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x02, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "8212000000"), 0x9000);
    assert_resp(h, "0202");
    assert_int_equal(select_in(h, 0x4f, OTHER), 0x9000);
    assert_int_equal(host_hex(h, "CF12000000"), 0x9000);
    assert_resp(h, "1313");
    assert_int_equal(host_hex(h, "0170000001"), 0x6881);
}

static void channel_stays_open_after_a_select_that_fails(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, "F000000000"), 0x6a82);
    assert_int_equal(host_hex(h, "8110000000"), 0x6999);
    assert_int_equal(select_in(h, 0x00, SINGLE), 0x9000);
    assert_int_equal(select_in(h, 0x01, SINGLE), 0x6985);
    assert_int_equal(select_in(h, 0x01, TWIN), 0x6985); /* the context is active */
    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    assert_int_equal(select_in(h, 0x01, SINGLE), 0x6985);
    assert_int_equal(host_hex(h, "8112000000"), 0x9000); /* the other stays selected */
    assert_int_equal(select_in(h, 0x00, TWIN), 0x9000);  /* on its own channel it goes */
}

static void applet_is_told_of_each_further_selection(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8010000000", "1118");
    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    log_is(h, "8010000000", "5358");
    assert_int_equal(select_in(h, 0x02, OTHER), 0x9000);
    log_is(h, "8210000000", "9298"); /* select(false): the instance is active nowhere else */
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    log_is(h, "8010000000", "46");
    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    log_is(h, "8110000000", "535806");
    assert_int_equal(host_hex(h, "00708001"), 0x9000); /* deselect(false): only OTHER is left */
    assert_int_equal(host_hex(h, "00708002"), 0x9000); /* deselect(): nothing is */
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8010000000", "451118");
    assert_int_equal(select_in(h, 0x00, OTHER), 0x9000);
    log_is(h, "8010000000", "841118");
}

static void applet_learns_that_it_is_selected_anew(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8010000000", "1118");
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8010000000",
           "243138"); /* deselect(), select(), process(); 20: mm_n_applet_reselecting */
}

static void refused_selection_leaves_nothing_selected(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "801C010000"), 0x9000);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x6999);
    assert_int_equal(host_hex(h, "8012000000"), 0x6999);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
}

static void partial_name_selects_the_first_and_then_the_next(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "00A404000A" RUNTIME "00"), 0x9000);
    log_is(h, "801800000B" MULTI "00", "01");
    log_is(h, "801800000B" OTHER "00", "00");
    assert_int_equal(host_hex(h, "00A404020A" RUNTIME "00"), 0x9000);
    log_is(h, "801800000B" MULTI "00", "00");
    log_is(h, "801800000B" OTHER "00", "01");
    assert_int_equal(host_hex(h, "00A404020A" RUNTIME "00"), 0x6a82); /* and OTHER stays */
    log_is(h, "801800000B" OTHER "00", "01");
    assert_int_equal(host_hex(h, "01A404020A" RUNTIME "00"),
                     0x9000); /* its own row of occurrences */
    log_is(h, "811800000B" MULTI "00", "01");
}

static void uninstall_is_called_before_a_deletion_that_is_refused(void **state)
{
    struct host *h = *state;

    /* Its array is in a static field of the package. */
    assert_int_equal(secure(h, DELETE, 0, 0x00, "4F0B" MULTI), 0x6985);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8010000000", "071118");
}

/* ---- What the applet sees ---- */
static void applet_sees_the_class_byte_with_its_channel(void **state)
{
    static const struct {
        const char *command, *answer;
    } rows[] = {
        {"021A000000", "01000001"}, {"8E1A000000", "00010001"}, {"0A1A000000", "01010001"},
        {"121A000000", "01000101"}, {"4F1A000000", "01000001"}, {"6F1A000000", "01010001"},
        {"DF1A000000", "00000101"},
    };
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x02, MULTI), 0x9000);
    assert_int_equal(select_in(h, 0x4f, MULTI), 0x9000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        log_is(h, rows[i].command, rows[i].answer);
}

static void applet_gets_selects_that_are_not_by_name(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, SINGLE), 0x9000);
    log_is(h, "01A4000000", "01A40000");
    log_is(h, "01A4040300", "01A40403"); /* previous occurrence */
    log_is(h, "05A4040000", "05A40400"); /* secure messaging */
    log_is(h, "11A4040000", "11A40400"); /* chaining */
}

static void applets_on_several_channels_are_active(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "801800000B" OTHER "00", "00");
    assert_int_equal(select_in(h, 0x03, OTHER), 0x9000);
    log_is(h, "801800000B" OTHER "00", "01");
    log_is(h, "801800000B" MULTI "00", "01");
    log_is(h, "801800000B" SINGLE "00", "00");
    assert_int_equal(host_hex(h, "00708003"), 0x9000);
    log_is(h, "801800000B" OTHER "00", "00");
}

static void response_waits_on_its_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(select_in(h, 0x01, OTHER), 0x9000);
    assert_int_equal(host_hex(h, "8024000810"), 0x9000);
    assert_int_equal(host_hex(h, "8024000801"), 0x6107);
    assert_int_equal(host_hex(h, "8124000702"), 0x6105);
    assert_int_equal(host_hex(h, "00C0000007"), 0x9000);
    assert_int_equal(h->resp_len, 7);
    assert_int_equal(host_hex(h, "01C0000002"), 0x6103);
    assert_int_equal(host_hex(h, "01C0000003"), 0x9000);
    assert_int_equal(h->resp_len, 3);
}

/* ---- Transient memory (JCRE 3.0.5, 4.2, 5.1, 6.2.6) ---- */
static void transient_memory_of_a_package_is_cleared_with_its_last_deselection(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "8014070200"), 0x9000);
    assert_int_equal(host_hex(h, "8014090100"), 0x9000);
    assert_int_equal(select_in(h, 0x01, OTHER), 0x9000);
    log_is(h, "8116000200", "07"); /* one for the package */
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    log_is(h, "8116000200", "07");
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8016000200", "00");
    log_is(h, "8016000100", "09"); /* CLEAR_ON_RESET */
    mm_card_reset(h->card);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "8016000100", "00");
}

static void deselect_memory_is_for_the_selected_context_only(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, SINGLE), 0x9000);
    /* "firewall transient-create": SystemException.ILLEGAL_TRANSIENT */
    log_is(h, "801E01000B" MULTI "00", "0003");
    log_is(h, "801E02000B" MULTI "00", "FFFF"); /* SecurityException */
    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    log_is(h, "801E02000B" MULTI "00", "FFFF"); /* selected, but not on this channel */
    log_is(h, "811E01000B" OTHER "00", "0000"); /* the same context */
    log_is(h, "811E02000B" OTHER "00", "0000");
}

static void failed_installation_leaves_the_memory_of_other_channels(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "8114070200"), 0x9000);
    assert_int_equal(host_hex(h, "8114090100"), 0x9000);
    assert_int_equal(install_as(h, RUNTIME, MULTI, "F0"), 0x6a80);
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "04C902EE00"), 0x6a81); /* install() throws */
    log_is(h, "8116000200", "07");
    log_is(h, "8116000100", "09");
}

/* ---- Objects of others (JCRE 3.0.5, 6.2) ---- */
static void applet_for_one_channel_does_not_serve_another(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x02, MULTI), 0x9000);
    log_is(h, "822600000B" SINGLE "00", "0000");
    log_is(h, "822601000B" SINGLE "00", "0000");
    assert_int_equal(select_in(h, 0x01, SINGLE), 0x9000);
    log_is(h, "822601000B" SINGLE "00", "FFFF"); /* "firewall shareable-elsewhere" */
    log_is(h, "822600000B" SINGLE "00", "FFFF"); /* getAppletShareableInterfaceObject */
    log_is(h, "822600000B" OTHER "00", "0000");
    assert_int_equal(select_in(h, 0x03, OTHER), 0x9000);
    log_is(h, "822601000B" OTHER "00", "0000"); /* multiselectable */
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    log_is(h, "822600000B" SINGLE "00", "0000");
    log_is(h, "822601000B" SINGLE "00", "0000");
}

/* JCRE 3.0.5, 6.2.8.10; JCSystem.getAppletShareableInterfaceObject: null when the server throws. */
static void
client_may_ask_what_a_lent_object_is_and_gets_null_from_a_server_that_throws(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "802600000B" SINGLE "00", "0000");
    log_is(h, "802603000B" SINGLE "00",
           "0000"); /* "firewall cast-shareable-other": it is no such thing */
    log_is(h, "802602000B" SINGLE "00", "0001");
    assert_int_equal(select_in(h, 0x00, SINGLE), 0x9000);
    log_is(h, "8022000000", "00"); /* and before its own register() */
}

static void caller_is_told_by_its_aid(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, SINGLE), 0x9000);
    log_is(h, "801E00000B" MULTI "00", SINGLE);
}

static void aid_objects_may_be_kept_for_good(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    assert_int_equal(host_hex(h, "802000000B" SINGLE "00"), 0x9000);
    log_is(h, "802200000B" SINGLE "00", "01");
    host_reopen(h);
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "802200000B" SINGLE "00", "01");
    assert_int_equal(host_hex(h, "802000000B" SINGLE "00"), 0x9000); /* the same object again */
    log_is(h, "802800000B" SINGLE "00", "01");
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x00, "4F0B" SINGLE),
                     0x9000); /* it may go all the same */
    assert_int_equal(select_in(h, 0x00, MULTI), 0x9000);
    log_is(h, "802200000B" SINGLE "00", "01");
}

/* ---- Sessions and content ---- */
static void each_channel_has_its_own_secure_session(void **state)
{
    struct host *h = *state; /* with a session on the basic channel */
    static const char init[] = "8150000008 0102030405060708 00";

    assert_int_equal(host_hex(h, "00700001"), 0x9000);
    assert_int_equal(host_hex(h, init), 0x9000);
    assert_int_equal(host_hex(h, "81F24002024F0000"), 0x6982); /* begun there, not open */
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x9000);
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x9000);
}

static void session_runs_on_a_further_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "00700005"), 0x9000);
    h->channel = 5;
    assert_int_equal(host_open(h, 0x13), 0x9000); /* the MAC is over class 84 (GPCS E.4.4) */
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x9000);
}

static void active_applet_is_not_deleted(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, OTHER), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x00, "4F0B" OTHER), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F0A" SINGLE_PKG), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F0A" RUNTIME), 0x6985);
    assert_int_equal(host_hex(h, "8112000000"), 0x9000);
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x00, "4F0B" OTHER), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F0A" RUNTIME), 0x9000);
}

int main(void)
{
#define WITH_APPLETS(name) cmocka_unit_test_setup_teardown(name, setup, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH_APPLETS(card_gives_out_the_lowest_closed_channel),
        WITH_APPLETS(all_twenty_channels_open_and_no_more),
        WITH_APPLETS(open_of_an_open_channel_is_refused),
        WITH_APPLETS(manage_channel_refuses_what_it_does_not_know),
        WITH_APPLETS(close_of_a_closed_channel_is_a_warning),
        WITH_APPLETS(channel_closes_itself_or_another),
        WITH_APPLETS(locked_card_opens_no_channel),
        WITH_APPLETS(reset_closes_all_but_the_basic_channel),
        WITH_APPLETS(channel_opened_from_the_basic_one_has_the_domain),
        WITH_APPLETS(channel_opened_from_another_has_its_applet),
        WITH_APPLETS(open_is_undone_when_the_applet_is_for_one_channel),
        WITH_APPLETS(open_is_undone_when_the_applet_refuses),
        WITH_APPLETS(select_opens_the_channel_of_its_class),
        WITH_APPLETS(channel_stays_open_after_a_select_that_fails),
        WITH_APPLETS(applet_is_told_of_each_further_selection),
        WITH_APPLETS(applet_learns_that_it_is_selected_anew),
        WITH_APPLETS(refused_selection_leaves_nothing_selected),
        WITH_APPLETS(partial_name_selects_the_first_and_then_the_next),
        WITH_APPLETS(uninstall_is_called_before_a_deletion_that_is_refused),
        WITH_APPLETS(applet_sees_the_class_byte_with_its_channel),
        WITH_APPLETS(applet_gets_selects_that_are_not_by_name),
        WITH_APPLETS(applets_on_several_channels_are_active),
        WITH_APPLETS(response_waits_on_its_channel),
        WITH_APPLETS(transient_memory_of_a_package_is_cleared_with_its_last_deselection),
        WITH_APPLETS(deselect_memory_is_for_the_selected_context_only),
        WITH_APPLETS(failed_installation_leaves_the_memory_of_other_channels),
        WITH_APPLETS(applet_for_one_channel_does_not_serve_another),
        WITH_APPLETS(client_may_ask_what_a_lent_object_is_and_gets_null_from_a_server_that_throws),
        WITH_APPLETS(caller_is_told_by_its_aid),
        WITH_APPLETS(aid_objects_may_be_kept_for_good),
        WITH_APPLETS(each_channel_has_its_own_secure_session),
        WITH_APPLETS(session_runs_on_a_further_channel),
        WITH_APPLETS(active_applet_is_not_deleted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
