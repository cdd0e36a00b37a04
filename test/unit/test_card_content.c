/* Content management: secure channel, load, install, select, delete; what survives and what not. */
#include "test/unit/card_host.h"

#include <openssl/sha.h>

#include "test/unit/card_load.h"

static int with_session(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, MM_SCP_C_MAC | MM_SCP_C_DEC) != 0x9000;
}

static int with_applet(void **state)
{
    if (with_session(state) != 0 || load_probe(*state) != 0x9000 ||
        install_probe(*state, "05C903010203") != 0x9000)
        return -1;
    return 0;
}

/* ---- Secure channel ---- */
static void session_opens_at_every_level(void **state)
{
    static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(levels); i++) {
        assert_int_equal(host_open(h, levels[i]), 0x9000);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        assert_resp(h, "E31D4F08A0000001510000009F700101C5039EFE80CC08A000000151000000");
    }
}

static void session_refuses_a_wrong_cryptogram(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "8050000008 0102030405060708 00"), 0x9000);
    assert_int_equal(host_hex(h, "8482030010 00000000000000000000000000000000"), 0x6300);
    assert_int_equal(host_hex(h, "8482030010 00000000000000000000000000000000"), 0x6985);
}

static void session_ends_with_a_wrong_mac(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "84F28002 0A 4F00 0000000000000000 00"), 0x6982);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6985);
}

static void session_ends_with_a_plain_command(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "80F28002 02 4F00 00"), 0x6982);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6985);
}

static void session_ends_at_reset_and_selection(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_open(h, 0x01), 0x9000);
    mm_card_reset(h->card);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6985);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6985);
}

static void nothing_is_managed_without_a_session(void **state)
{
    static const char *const commands[] = {
        ("80E602000B 06" PACKAGE "00000000"),
        "80E8800001 C4",
        ("80E4000008 4F06" PACKAGE),
        "80F2400202 4F00",
        "80D8008101 30",
        "8020000000",
        "8022000001 30",
        "8024000010 000102030405060708090A0B0C0D0E0F",
    };

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_int_equal(host_hex(*state, commands[i]), 0x6982);
}

static void enrolment_needs_decryption_too(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(secure(h, 0x20, 0, 0, ""), 0x6982);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, 0x20, 0, 0, ""), 0x9000);
    assert_true(h->resp_len > 65);
}

/* ---- Load ---- */
static void package_is_loaded_listed_and_deleted(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x00, "4F06" PACKAGE), 0x9000);
    assert_resp(h, "06" PACKAGE "0100");
    assert_int_equal(secure(h, GET_STATUS, 0x10, 0x00, "4F06" PACKAGE), 0x9000);
    assert_resp(h, "06" PACKAGE "01000107" APPLET);
    assert_int_equal(secure(h, GET_STATUS, 0x10, 0x02, "4F06" PACKAGE), 0x9000);
    assert_resp(h, "E3234F06" PACKAGE "9F700101CE0201008407" APPLET "CC08A000000151000000");
    assert_int_equal(load_probe(h), 0x6985); /* it is there */
    assert_int_equal(secure(h, DELETE, 0, 0, "4F06" PACKAGE), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x00, "4F06" PACKAGE), 0x6a88);
    assert_int_equal(load_probe(h), 0x9000); /* and can come again */
}

static void load_checks_the_hash_when_given(void **state)
{
    struct host *h = *state;
    uint8_t request[64] = {6, 0xf0, 0x50, 0x52, 0x4f, 0x42, 0x45, 0, 32};

    SHA256(probe_lfdb, sizeof(probe_lfdb), request + 9);
    request[9] ^= 1;
    assert_int_equal(host_secure(h, INSTALL, 0x02, 0, request, 43), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x6a80);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x00, "4F06" PACKAGE), 0x6a88);
    request[9] ^= 1;
    assert_int_equal(host_secure(h, INSTALL, 0x02, 0, request, 43), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
}

static void load_refuses_a_truncated_or_changed_package(void **state)
{
    struct host *h = *state;
    uint8_t changed[sizeof(probe_lfdb)];

    memcpy(changed, probe_lfdb, sizeof(changed));
    changed[3] ^= 0xff; /* the magic of the Header component */
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000"), 0x9000);
    assert_int_equal(load_blocks(h, changed, sizeof(changed)), 0x6a80);
    for (size_t len = 1; len < sizeof(probe_lfdb); len += 97) {
        assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000"), 0x9000);
        assert_int_equal(load_blocks(h, probe_lfdb, len), 0x6a80);
    }
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x00, "4F06" PACKAGE), 0x6a88);
    assert_int_equal(load_probe(h), 0x9000);
}

/* head and load file, of which the first block has so many bytes */
static uint16_t load_with_head(struct host *h, const char *head, const uint8_t *lfdb, size_t first)
{
    uint8_t file[8 + sizeof(probe_lfdb)];
    size_t len = 8, at = 0;
    uint16_t sw = secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000");

    assert_int_equal(mm_unhex(head, file, &len), MM_OK);
    memcpy(file + len, lfdb, sizeof(probe_lfdb));
    len += sizeof(probe_lfdb);
    for (uint8_t n = 0; sw == 0x9000 && at < len; n++) {
        size_t block = n == 0 ? first : 223, part = len - at < block ? len - at : block;
        sw = host_secure(h, LOAD, at + part == len ? 0x80 : 0x00, n, file + at, part);
        at += part;
    }
    return sw;
}

/* Hosts write lengths longer than needed, cut blocks where they like, and have an order of their own. */
static void load_takes_any_form_of_length_blocks_and_order(void **state)
{
    struct host *h = *state;
    uint8_t turned[sizeof(probe_lfdb)];
    size_t header = 3 + (size_t)mm_be16(probe_lfdb + 1), end = sizeof(turned);
    char head[20];

    memcpy(turned, probe_lfdb, header); /* then the others, the last one first */
    for (size_t at = header; at < sizeof(probe_lfdb);) {
        size_t len = 3 + (size_t)mm_be16(probe_lfdb + at + 1);
        end -= len;
        memcpy(turned + end, probe_lfdb + at, len);
        at += len;
    }
    for (size_t first = 1; first <= 6; first++) {
        bool longer = first % 2 == 0;
        snprintf(head, sizeof(head), longer ? "C483%06zX" : "C482%04zX", sizeof(probe_lfdb));
        assert_int_equal(load_with_head(h, head, first <= 3 ? probe_lfdb : turned, first), 0x9000);
        assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000);
    }
    snprintf(head, sizeof(head), "C482%04zX", sizeof(probe_lfdb) + 1);
    assert_int_equal(load_with_head(h, head, probe_lfdb, 200), 0x6a80);
}

static void load_refuses_another_package_than_announced(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06F050524F424600000000"), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x6a80);
}

static void load_refuses_blocks_out_of_order_and_signatures(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, LOAD, 0x00, 0, "C4"), 0x6985); /* nothing announced */
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000"), 0x9000);
    assert_int_equal(secure(h, LOAD, 0x00, 1, "C4"), 0x6a86);
    assert_int_equal(secure(h, LOAD, 0x00, 0, "C4"), 0x6985); /* the load was dropped */
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "00000000"), 0x9000);
    assert_int_equal(secure(h, LOAD, 0x80, 0, "E2054F03010203C40101"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "05A00000000100000000"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "06" PACKAGE "05A000000001000000"), 0x6a88);
}

/* ---- Install and run ---- */
static void applet_gets_its_install_data_and_answers(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x9000);
    assert_resp(h, "E3244F07" INSTANCE "9F700107C503000000C406" PACKAGE "CC08A000000151000000");
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "8010000000"), 0x9000);
    assert_resp(h, "07" INSTANCE "010003010203");
    assert_int_equal(host_hex(h, "801C000003 AABBCC 00"), 0x9000);
    assert_resp(h, "AABBCC");
    assert_int_equal(host_hex(h, "F01C000003 AABBCC"),
                     0x9000); /* no channel 4: the applet's class */
    assert_resp(h, "AABBCC");
    assert_int_equal(host_hex(h, "801C000003 AABBCC"), 0x9000); /* T=1: Le is not needed */
    assert_resp(h, "AABBCC");
    assert_int_equal(host_hex(h, "80EE000000"), 0x6d00);
    assert_int_equal(host_hex(h, "80126A8300"), 0x6a83);
    assert_int_equal(host_hex(h, "80129000"), 0x9000); /* JCRE 3.0.5, 3.3 */
    assert_int_equal(host_hex(h, "8012F101"), 0xf101);
    assert_int_equal(host_hex(h, "801A7FFF"), 0x6f00);
}

static void long_response_of_an_applet_comes_whole_or_in_parts(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "80180100 00"), 0x9000);
    assert_int_equal(h->resp_len, 256);
    assert_int_equal(host_hex(h, "80180100 40"), 0x61c0);
    assert_int_equal(h->resp_len, 64);
    assert_int_equal(host_hex(h, "80180258 000200"), 0x6158);
    assert_int_equal(h->resp_len, 512);
    assert_int_equal(host_hex(h, "00C0000058"), 0x9000);
    assert_int_equal(h->resp_len, 88);
    assert_int_equal(h->resp[0], 0x00);
    assert_int_equal(host_hex(h, "80180258 000000"), 0x9000);
    assert_int_equal(h->resp_len, 600);
}

static void counter_survives_power_and_an_open_transaction_does_not(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "8014000000"), 0x9000);
    assert_resp(h, "0001");
    assert_int_equal(host_hex(h, "8016000000"), 0x6f00); /* JCRE 3.0.5, 7.6.2 */
    host_reopen(h);
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "8014000000"), 0x9000);
    assert_resp(h, "0002");
}

static void selection_calls_select_and_deselect(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(host_hex(h, "00A4040003F0505200"), 0x9000); /* partial name */
    assert_int_equal(host_hex(h, "801E000000"), 0x9000);
    assert_resp(h, "0302");
    mm_card_reset(h->card);
    assert_int_equal(host_hex(h, "801E000000"), 0x6d00); /* the domain is selected again */
}

static void install_that_fails_leaves_nothing(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "03C901EE"), 0x6a81); /* install() throws */
    assert_int_equal(install_probe(h, "03C901ED"), 0x6985); /* install() does not register */
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x6a88);
    assert_int_equal(install_probe(h, "02C900"), 0x9000);
    assert_int_equal(install_probe(h, "02C900"), 0x6985); /* the AID is taken */
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x00, "4F00"), 0x9000);
    assert_resp(h, "07" INSTANCE "0700");
}

/* Parameters above 127 bytes have a length of two bytes, 81 and the number (BER). */
static void install_takes_parameters_of_any_length_a_command_holds(void **state)
{
    static const size_t lengths[] = {0, 1, 124, 125, 126, 127, 128, 160};
    struct host *h = *state;
    uint8_t data[256], *at;

    assert_int_equal(load_probe(h), 0x9000);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = sizeof(data), own = lengths[i], field = own + (own > 127 ? 3 : 2);
        assert_int_equal(mm_unhex("06" PACKAGE "07" APPLET "07" INSTANCE "0100", data, &n), MM_OK);
        at = data + n;
        if (field > 127)
            *at++ = 0x81;
        *at++ = (uint8_t)field;
        *at++ = 0xc9;
        if (own > 127)
            *at++ = 0x81;
        *at++ = (uint8_t)own;
        memset(at, 0x5a, own);
        at += own;
        *at++ = 0x00;
        assert_int_equal(host_secure(h, INSTALL, 0x0c, 0, data, (size_t)(at - data)), 0x9000);
        assert_int_equal(select_probe(h), 0x9000);
        assert_int_equal(host_hex(h, "8010000000"), 0x9000);
        assert_int_equal(h->resp_len, 8 + 2 + 1 + own);
        assert_int_equal(h->resp[10], own);
        assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
        assert_int_equal(host_open(h, 0x03), 0x9000);
        assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x9000);
    }
}

/* GPCS 2.3.1, 6.4: the application that is selected stays so, and the command is not for it. */
static void selection_of_an_unknown_aid_leaves_the_one_that_is(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "00A4040007 F0123456789ABC 00"), 0x6a82);
    assert_int_equal(host_hex(h, "801E000000"), 0x9000);
    assert_resp(h, "0100"); /* selected once, never deselected */
}

static void install_refuses_what_it_does_not_know(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "06" PACKAGE "07" APPLET "07" INSTANCE "010000"
                            "00"),
                     0x6a88); /* no package */
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0, "06" PACKAGE "07" INSTANCE "0001000000"), 0x6a88);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0, "06" PACKAGE "07" APPLET "0001800000"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0, "06" PACKAGE "07" APPLET "00"), 0x6a80);
    assert_int_equal(secure(h, INSTALL, 0x0c, 1, "06" PACKAGE "07" APPLET "0001000000"), 0x6a86);
    assert_int_equal(secure(h, INSTALL, 0x80, 0, "06" PACKAGE "07" APPLET "0001000000"), 0x6a86);
    assert_int_equal(secure(h, INSTALL, 0x0c, 0,
                            "06" PACKAGE "07" APPLET "08A000000151000000"
                            "01000000"),
                     0x6985); /* the domain's own AID */
}

static void applet_is_selectable_only_when_made_so(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x04, 0,
                            "06" PACKAGE "07" APPLET "07" INSTANCE "03000000"
                            "0000"),
                     0x9000);
    assert_int_equal(secure(h, INSTALL, 0x08, 0,
                            "0000"
                            "07" INSTANCE "01000000"),
                     0x9000);
    assert_int_equal(secure(h, INSTALL, 0x08, 0,
                            "0000"
                            "07" INSTANCE "01000000"),
                     0x6985);
    assert_int_equal(select_probe(h), 0x9000);
}

static void installed_applet_cannot_be_selected_yet(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x04, 0, "06" PACKAGE "07" APPLET "07" INSTANCE "01000000"),
                     0x9000);
    assert_int_equal(select_probe(h), 0x6a82);
}

/* ---- Delete ---- */
static void package_with_instances_goes_only_with_them(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, DELETE, 0, 0x00, "4F06" PACKAGE), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x6a88);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, "4F06" PACKAGE), 0x6a88);
    assert_int_equal(select_probe(h), 0x6a82);
    host_reopen(h);
    assert_int_equal(select_probe(h), 0x6a82);
}

static void deleted_applet_leaves_its_package(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x6a88);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, "4F06" PACKAGE), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(select_probe(h), 0x9000);
}

static void applet_that_a_static_field_holds_stays(void **state)
{
    struct host *h = *state;

    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "03C901EC"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F07" INSTANCE), 0x6985);
    assert_int_equal(select_probe(h), 0x9000);
    assert_int_equal(host_hex(h, "00A4040000"), 0x9000);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0x80, "4F06" PACKAGE), 0x9000); /* the field goes too */
}

static void status_goes_on_where_it_stopped(void **state)
{
    struct host *h = *state;
    char text[128];
    unsigned seen = 0;
    uint16_t sw = 0x6310;

    assert_int_equal(load_probe(h), 0x9000);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof(text), "06" PACKAGE "07" APPLET "07F050524F4246%02X01000000", i);
        assert_int_equal(secure(h, INSTALL, 0x0c, 0, text), 0x9000);
    }
    for (unsigned round = 0; sw == 0x6310 && round < 10; round++) {
        sw = secure(h, GET_STATUS, 0x40, round == 0 ? 0x02 : 0x03, "4F00");
        for (size_t at = 0; at < h->resp_len; at += 2u + h->resp[at + 1])
            seen++;
    }
    assert_int_equal(sw, 0x9000);
    assert_int_equal(seen, 10);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x03, "4F00"), 0x6985);
}

/* ---- Gate ---- */
static void payment_applets_wait_for_the_gate(void **state)
{
    struct host *h = host_new(MM_PROFILE_PAYMENT);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_probe(h, "00"), 0x9000);
    assert_int_equal(select_probe(h), 0x6985);
    assert_int_equal(host_hex(h, "00A404000BF04D494E544D41524B0101 00"), 0x9000);
    host_free(h);
}

int main(void)
{
#define WITH(fixture, name) cmocka_unit_test_setup_teardown(name, fixture, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(host_setup, session_opens_at_every_level),
        WITH(host_setup, session_refuses_a_wrong_cryptogram),
        WITH(host_setup, session_ends_with_a_wrong_mac),
        WITH(host_setup, session_ends_with_a_plain_command),
        WITH(host_setup, session_ends_at_reset_and_selection),
        WITH(host_setup, nothing_is_managed_without_a_session),
        WITH(host_setup, enrolment_needs_decryption_too),
        WITH(with_session, package_is_loaded_listed_and_deleted),
        WITH(with_session, load_checks_the_hash_when_given),
        WITH(with_session, load_refuses_a_truncated_or_changed_package),
        WITH(with_session, load_takes_any_form_of_length_blocks_and_order),
        WITH(with_session, load_refuses_another_package_than_announced),
        WITH(with_session, load_refuses_blocks_out_of_order_and_signatures),
        WITH(with_applet, applet_gets_its_install_data_and_answers),
        WITH(with_applet, long_response_of_an_applet_comes_whole_or_in_parts),
        WITH(with_applet, counter_survives_power_and_an_open_transaction_does_not),
        WITH(with_applet, selection_calls_select_and_deselect),
        WITH(with_session, install_that_fails_leaves_nothing),
        WITH(with_session, install_takes_parameters_of_any_length_a_command_holds),
        WITH(with_applet, selection_of_an_unknown_aid_leaves_the_one_that_is),
        WITH(with_session, install_refuses_what_it_does_not_know),
        WITH(with_session, applet_is_selectable_only_when_made_so),
        WITH(with_session, installed_applet_cannot_be_selected_yet),
        WITH(with_applet, package_with_instances_goes_only_with_them),
        WITH(with_applet, deleted_applet_leaves_its_package),
        WITH(with_session, applet_that_a_static_field_holds_stays),
        WITH(with_session, status_goes_on_where_it_stopped),
        cmocka_unit_test(payment_applets_wait_for_the_gate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
