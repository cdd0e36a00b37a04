/* Secure channels with keys of an applet's own (org.globalplatform.securechannel 1.1), from a host's end. The
 * applet is Keeper of converter/test/gp; Borrower of converter/test/exchange gets its channel. */
#include "test/unit/card_gp.h"

#define KEEPER   GP_PKG "04"
#define SECOND   GP_PKG "14"
#define BORROWER EXCHANGE_PKG "02"
#define SCP02    4 /* SecureChannelProvider.TYPE_ */
#define SCP03    5
#define DES      3 /* KeyBuilder.TYPE_ */
#define AES      15

static struct mm_scp_keys own_keys(uint8_t len)
{
    struct mm_scp_keys keys = {.len = len};

    for (uint8_t n = 0; n < len; n++) {
        keys.enc[n] = (uint8_t)(0x10 + n);
        keys.mac[n] = (uint8_t)(0x50 + n);
        keys.dek[n] = (uint8_t)(0x90 + n);
    }
    return keys;
}

static uint16_t send(struct host *h, uint8_t ins, uint8_t p1, uint8_t p2, const void *data,
                     size_t len)
{
    uint8_t apdu[5 + 255] = {0x80, ins, p1, p2, (uint8_t)len};

    if (len != 0)
        memcpy(apdu + 5, data, len);
    return host_send(h, apdu, 5 + len);
}

static void create(struct host *h, uint8_t type, uint8_t i)
{
    const uint8_t parameters[] = {0x80, 1, i};

    assert_int_equal(send(h, 0x10, type, 0, parameters, sizeof(parameters)), 0x9000);
    h->scp02_i = i;
}

/* The three keys, each as bytes (12) or as a Key (14). */
static void tell(struct host *h, uint8_t ins, uint8_t key_type)
{
    assert_int_equal(send(h, ins, key_type, 1, h->keys.enc, h->keys.len), 0x9000);
    assert_int_equal(send(h, ins, key_type, 2, h->keys.mac, h->keys.len), 0x9000);
    assert_int_equal(send(h, ins, key_type, 3, h->keys.dek, h->keys.len), 0x9000);
}

/* Keeper is selected, and has a channel of that type with keys of that length. */
static void keep(struct host *h, uint8_t type, uint8_t i, uint8_t key_len)
{
    create(h, type, i);
    h->keys = own_keys(key_len);
    tell(h, 0x12, type == SCP02 ? DES : AES);
}

static int with_keeper(void **state)
{
    struct host *h = loaded();

    *state = h;
    load_built(h, EXCHANGE_CAP, EXCHANGE_PKG);
    assert_int_equal(install_as(h, EXCHANGE_PKG, BORROWER, BORROWER), 0x9000);
    assert_int_equal(install_as(h, GP_PKG, KEEPER, SECOND), 0x9000);
    return install_gp(h, KEEPER, "0100", "") != 0x9000 || select_aid(h, KEEPER) != 0x9000;
}

static uint8_t level(struct host *h)
{
    assert_int_equal(host_hex(h, "8040000000"), 0x9000);
    assert_int_equal(h->resp_len, 1);
    return h->resp[0];
}

/* 17 bytes through the session and back, by that instruction. */
static void echoes(struct host *h, uint8_t ins)
{
    static const uint8_t data[] = "seventeen letters";

    assert_int_equal(host_secure(h, ins, 0, 0, data, 17), 0x9000);
    assert_int_equal(h->resp_len, 17);
    assert_memory_equal(h->resp, data, 17);
}

/* ---- Sessions ---- */
static void applet_opens_scp03_at_every_level_with_its_own_keys(void **state)
{
    static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x11, 0x13, 0x33};
    static const uint8_t options[] = {0x00, 0x10, 0x60, 0x70, 0x71};
    struct host *h = *state;

    for (size_t o = 0; o < sizeof(options); o++) {
        keep(h, SCP03, options[o], (uint8_t)(16 + 8 * (o % 3)));
        for (size_t l = 0; l < sizeof(levels); l++) {
            uint16_t allowed = mm_scp_level_allowed(3, options[o], levels[l]) ? 0x9000 : 0x6a86;
            assert_int_equal(host_open(h, levels[l]), allowed);
            assert_int_equal(level(h), allowed == 0x9000 ? 0x80 | levels[l] : 0);
            if (allowed != 0x9000)
                continue;
            assert_int_equal(host_open(h, levels[l]), 0x9000); /* a new one ends the old one */
            echoes(h, 0x44);
            echoes(h, 0x44);
        }
    }
}

static void applet_opens_scp02_at_every_level_with_its_own_keys(void **state)
{
    static const uint8_t levels[] = {0x00, 0x01, 0x03, 0x10, 0x11, 0x13};
    static const uint8_t options[] = {0x04, 0x05, 0x15, 0x1e, 0x55, 0x75};
    struct host *h = *state;

    for (size_t o = 0; o < sizeof(options); o++) {
        keep(h, SCP02, options[o], 16);
        for (size_t l = 0; l < sizeof(levels); l++) {
            bool allowed = mm_scp_level_allowed(2, options[o], levels[l]);
            assert_int_equal(host_open(h, levels[l]), allowed ? 0x9000 : 0x6a86);
            if (!allowed)
                continue;
            assert_int_equal(level(h), 0x80 | levels[l]);
            echoes(h, 0x44);
            echoes(h, 0x44);
        }
    }
}

static void keys_may_be_key_objects(void **state)
{
    struct host *h = *state;

    create(h, SCP03, 0x70);
    h->keys = own_keys(32);
    tell(h, 0x14, AES);
    assert_int_equal(host_open(h, 0x33), 0x9000);
    echoes(h, 0x44);
    create(h, SCP02, 0x55);
    h->keys = own_keys(16);
    tell(h, 0x14, DES);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    echoes(h, 0x44);
}

/* SecureChannelKeys.resetMasterKeys: Key objects are cleared, not only let go. */
static void reset_of_the_master_keys_clears_them(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(host_hex(h, "80160000"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    tell(h, 0x14, AES);
    assert_int_equal(host_hex(h, "8062000000"), 0x9000);
    assert_resp(h, "01");
    assert_int_equal(host_hex(h, "80160000"), 0x9000);
    assert_int_equal(host_hex(h, "8062000000"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(host_open(h, 0x01), 0x6985);
    tell(h, 0x12, AES);
    assert_int_equal(host_open(h, 0x01), 0x9000);
}

static void missing_and_unequal_keys_open_nothing(void **state)
{
    struct host *h = *state;

    create(h, SCP03, 0x70);
    h->keys = own_keys(16);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    assert_int_equal(send(h, 0x12, AES, 1, h->keys.enc, 16), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    assert_int_equal(send(h, 0x12, AES, 2, h->keys.mac, 16), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "804C100010 000102030405060708090A0B0C0D0E0F 00"), 0x6985);
    assert_int_equal(send(h, 0x12, AES, 3, h->keys.dek, 24), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    create(h, SCP02, 0x54); /* one base key for all */
    h->keys = own_keys(16);
    assert_int_equal(send(h, 0x12, DES, 1, h->keys.enc, 16), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "804C080008 0001020304050607 00"), 0x9000);
}

/* An applet's transaction: what it told is undone with it. */
static void aborted_keys_were_never_told(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(send(h, 0x64, AES, 1, "another key here", 16), 0x9000);
    assert_int_equal(host_open(h, 0x33), 0x9000);
    echoes(h, 0x44);
}

/* ---- What is not good ---- */
static void wrong_cryptogram_and_wrong_mac_of_the_host_open_nothing(void **state)
{
    static const uint8_t types[][2] = {{SCP02, 0x55}, {SCP03, 0x70}};
    struct host *h = *state;

    for (size_t t = 0; t < 2; t++) {
        keep(h, types[t][0], types[t][1], 16);
        for (size_t at = 5; at <= 13; at += 8) { /* in the cryptogram, in the MAC */
            static const uint8_t init[] = {0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
            uint8_t auth[5 + 32];
            size_t n;
            assert_int_equal(host_send(h, init, sizeof(init)), 0x9000);
            assert_true(host_derive(h, init + 5, h->resp, h->resp_len));
            n = host_authenticate(h, 0x01, auth);
            auth[at] ^= 1;
            assert_int_equal(host_send(h, auth, n), 0x6300);
            assert_int_equal(level(h), 0);
            auth[at] ^= 1;
            assert_int_equal(host_send(h, auth, n), 0x6985); /* that session is over */
        }
        assert_int_equal(host_open(h, 0x01), 0x9000);
    }
}

static void wrong_mac_ends_the_session(void **state)
{
    static const uint8_t types[][2] = {{SCP02, 0x55}, {SCP03, 0x70}};
    struct host *h = *state;

    for (size_t t = 0; t < 2; t++) {
        keep(h, types[t][0], types[t][1], 16);
        assert_int_equal(host_open(h, 0x03), 0x9000);
        assert_int_equal(host_hex(h, "8444000010 00112233445566778899AABBCCDDEEFF 00"), 0x6982);
        assert_int_equal(level(h), 0);
        assert_int_equal(host_open(h, 0x01), 0x9000);
        assert_int_equal(host_hex(h, "8044000004 01020304 00"), 0x6982); /* without any */
        assert_int_equal(level(h), 0);
        assert_int_equal(host_hex(h, "8044000004 01020304 00"), 0x6985); /* aborted, */
        assert_int_equal(host_hex(h, "80460000"), 0x9000);               /* and terminated */
        assert_int_equal(host_hex(h, "8044000004 01020304 00"), 0x9000);
        assert_resp(h, "01020304");
    }
}

static void commands_that_are_none_of_the_protocol_are_refused(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(host_hex(h, "8060000007 80500000020102 00"), 0x6700);
    assert_int_equal(host_hex(h, "8060000007 80500000030102 00"), 0x6700); /* Lc */
    assert_int_equal(host_hex(h, "8060000004 80500000 00"), 0x6700);
    assert_int_equal(host_hex(h, "8060000005 0050000000 00"), 0x6e00);
    assert_int_equal(host_hex(h, "8060000005 8052000000 00"), 0x6d00);
    assert_int_equal(host_hex(h, "8060000005 8050000100 00"), 0x6a86);
    assert_int_equal(host_hex(h, "8060000005 8082010000 00"), 0x6985); /* no INITIALIZE UPDATE */
    assert_int_equal(host_hex(h, "806000000E 8050000008 0102030405060708 00 00"), 0x9000);
    assert_int_equal(h->resp_len, 32);
    assert_int_equal(host_hex(h, "8060000006 80820100 0100 00"), 0x6700);
}

/* ---- Ends ---- */
static void reset_deselection_and_power_end_a_session_and_keep_the_keys(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    for (int how = 0; how < 4; how++) {
        assert_int_equal(host_open(h, 0x33), 0x9000);
        echoes(h, 0x44);
        if (how == 0)
            mm_card_reset(h->card);
        else if (how == 1)
            assert_int_equal(select_aid(h, ISD), 0x9000);
        else if (how == 2)
            host_reopen(h);
        if (how != 3)
            assert_int_equal(select_aid(h, KEEPER), 0x9000);
        else
            assert_int_equal(host_hex(h, "80460000"), 0x9000);
        assert_int_equal(level(h), 0);
        assert_int_equal(host_hex(h, "8044000004 01020304 00"), 0x9000); /* in the clear again */
        assert_resp(h, "01020304");
    }
}

/* Sessions belong to the logical channel they were opened on, as those of the domains do. */
static void another_logical_channel_has_no_part_in_a_session(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_int_equal(select_in(h, 0x01, KEEPER), 0x9000);
    assert_int_equal(host_hex(h, "8140000000"), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(host_hex(h, "8144000004 01020304 00"), 0x9000); /* no session here */
    assert_resp(h, "01020304");
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    echoes(h, 0x44);
}

/* SecureChannelKeys.setMasterKey: keys are for who told them; the channel may be lent without. */
static void application_that_did_not_tell_the_keys_discards_them(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(select_aid(h, BORROWER), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    assert_int_equal(select_aid(h, KEEPER), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    tell(h, 0x12, AES);
    assert_int_equal(host_open(h, 0x01), 0x9000);
}

/* An array of who calls is as good as one of the channel's owner; SecurityException would be 6F00. */
static void caller_of_another_package_uses_arrays_of_its_own(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(select_aid(h, BORROWER), 0x9000);
    assert_int_equal(host_hex(h, "8044000004 01020304 00"), 0x9000);
    assert_resp(h, "01020304");
}

/* ---- Parameters ---- */
static void answer_has_the_parameters_that_were_told(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(host_hex(h, "8018000B0A 00112233445566778899"), 0x9000);
    assert_int_equal(host_hex(h, "8018000D01 21"), 0x9000);
    assert_int_equal(host_hex(h, "8018000C03 01FFFF"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "8050210008 0102030405060708 00"), 0x9000);
    assert_memory_equal(h->resp, "\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\x21\x03\x70", 13);
    assert_memory_equal(h->resp + h->resp_len - 3, "\x02\x00\x01", 3);
    assert_int_equal(host_hex(h, "8050220008 0102030405060708 00"), 0x6a88);
    assert_int_equal(host_hex(h, "80460000"),
                     0x9000); /* resetSecurity clears them, but the counter */
    assert_int_equal(host_hex(h, "8050000008 0102030405060708 00"), 0x9000);
    assert_memory_equal(h->resp, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x70", 13);
    assert_memory_equal(h->resp + h->resp_len - 3, "\x02\x00\x02", 3);
}

static uint16_t counter(struct host *h)
{
    assert_int_equal(host_hex(h, "8050000008 0102030405060708 00"), 0x9000);
    return mm_be16(h->resp + 12);
}

/* GPCS E.1.2.1: the counter of SCP02 moves with a session that opened, and no power cut takes it back. */
static void counter_of_scp02_moves_with_each_session_and_ends(void **state)
{
    struct host *h = *state;

    keep(h, SCP02, 0x55, 16);
    assert_int_equal(counter(h), 0);
    assert_int_equal(counter(h), 0);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    host_reopen(h);
    assert_int_equal(select_aid(h, KEEPER), 0x9000);
    assert_int_equal(counter(h), 1);
    assert_int_equal(host_hex(h, "80160000"), 0x9000); /* the same keys may come again */
    tell(h, 0x12, DES);
    assert_int_equal(counter(h), 1);
    assert_int_equal(host_hex(h, "8018000C02 FFFE"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    assert_int_equal(host_hex(h, "8018000C02 0000"), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x9000);
}

static void counter_told_in_between_makes_a_session_void(void **state)
{
    static const uint8_t init[] = {0x80, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    struct host *h = *state;
    uint8_t auth[5 + 32];
    size_t n;

    keep(h, SCP02, 0x55, 16);
    assert_int_equal(host_send(h, init, sizeof(init)), 0x9000);
    assert_true(host_derive(h, init + 5, h->resp, h->resp_len));
    n = host_authenticate(h, 0x01, auth);
    assert_int_equal(host_hex(h, "8018000C02 0009"), 0x9000);
    assert_int_equal(host_send(h, auth, n), 0x6985);
}

/* ---- Levels, parts, data ---- */
static void level_is_raised_within_the_protocol_and_never_lowered(void **state)
{
    struct host *h = *state;

    keep(h, SCP03, 0x70, 16);
    assert_int_equal(host_hex(h, "80480100"), 0x6982); /* no session */
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "80480000"), 0x6982);
    assert_int_equal(host_hex(h, "80480400"), 0x6984);
    assert_int_equal(host_hex(h, "80482100"), 0x6982); /* R-ENCRYPTION alone is none */
    assert_int_equal(host_hex(h, "80483300"), 0x9000);
    h->scp.level = 0x33;
    echoes(h, 0x44);
    /* setMasterKey(Key) says so itself */
    assert_int_equal(send(h, 0x14, AES, 1, h->keys.enc, 16), 0x6985);
    create(h, SCP03, 0x00);
    tell(h, 0x12, AES);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_hex(h, "80481100"), 0x6982); /* not of this i */
}

static void commands_and_responses_may_come_in_parts(void **state)
{
    static const uint8_t types[][3] = {
        {SCP02, 0x75, 0x13}, {SCP03, 0x70, 0x33}, {SCP03, 0x71, 0x11}};
    struct host *h = *state;

    for (size_t t = 0; t < 3; t++) {
        keep(h, types[t][0], types[t][1], 16);
        assert_int_equal(host_open(h, types[t][2]), 0x9000);
        echoes(h, 0x4a);
        echoes(h, 0x44);
        echoes(h, 0x4a);
        assert_int_equal(host_hex(h, "844A000010 00112233445566778899AABBCCDDEEFF 00"), 0x6982);
        assert_int_equal(level(h), 0);
    }
}

static void sensitive_data_is_under_the_dek_whole_and_in_parts(void **state)
{
    static const uint8_t types[][2] = {{SCP02, 0x55}, {SCP03, 0x70}};
    static const uint8_t plain[] = "forty-eight letters, which are whole blocks here";
    struct host *h = *state;
    uint8_t hidden[48];

    for (size_t t = 0; t < 2; t++) {
        keep(h, types[t][0], types[t][1], 16);
        assert_int_equal(host_open(h, 0x00), 0x9000);
        assert_int_equal(mm_scp_data(&h->scp, true, plain, 48, hidden), MM_OK);
        for (uint8_t size = 1; size <= 50; size++) {
            assert_int_equal(send(h, 0x4c, size, 0, plain, 48), 0x9000);
            assert_int_equal(h->resp_len, 48);
            assert_memory_equal(h->resp, hidden, 48);
            assert_int_equal(send(h, 0x4e, size, 0, hidden, 48), 0x9000);
            assert_int_equal(h->resp_len, 48);
            assert_memory_equal(h->resp, plain, 48);
        }
        assert_int_equal(send(h, 0x4c, 5, 0, plain, 47), 0x6700);
        assert_int_equal(host_secure(h, 0x42, 0, 0, hidden, 48), 0x9000);
        assert_memory_equal(h->resp, plain, 48);
    }
}

/* ---- createNewInstance ---- */
static void provider_makes_what_the_chip_speaks(void **state)
{
    static const uint8_t other[] = {1, 2, 3, 0x11, 0x12, 0x13, 0, 6};
    struct host *h = *state;

    for (size_t t = 0; t < sizeof(other); t++)
        assert_int_equal(send(h, 0x10, other[t], 0, "\x80\x01\x55", 3), 0x6a81);
    assert_int_equal(send(h, 0x10, SCP02, 0, "\x80\x01\x1a", 3), 0x6a81); /* implicit initiation */
    assert_int_equal(send(h, 0x10, SCP02, 0, "\x80\x01\x84", 3), 0x6a81);
    assert_int_equal(send(h, 0x10, SCP03, 0, "\x80\x01\x40", 3), 0x6a81); /* R-ENC without R-MAC */
    assert_int_equal(send(h, 0x10, SCP03, 0, "\x81\x01\x70", 3), 0x6a80);
    assert_int_equal(send(h, 0x10, SCP03, 0, "\x80\x02\x70", 3), 0x6a80);
    assert_int_equal(send(h, 0x10, SCP03, 0, "\x80\x01\x70\x00", 4), 0x6a80);
    assert_int_equal(send(h, 0x10, SCP03, 0, NULL, 0), 0x6a80);
}

/* Many objects made and dropped: what was kept for them goes with them. */
static void dropped_channels_leave_nothing_behind(void **state)
{
    struct host *h = *state;

    for (int n = 0; n < 40; n++) {
        keep(h, SCP03, 0x70, 16);
        assert_int_equal(host_open(h, 0x01), 0x9000);
    }
    create(h, SCP03, 0x70);
    assert_int_equal(level(h), 0);
    assert_int_equal(host_open(h, 0x01), 0x6985);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, with_keeper, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(applet_opens_scp03_at_every_level_with_its_own_keys),
        WITH(applet_opens_scp02_at_every_level_with_its_own_keys),
        WITH(keys_may_be_key_objects),
        WITH(reset_of_the_master_keys_clears_them),
        WITH(missing_and_unequal_keys_open_nothing),
        WITH(aborted_keys_were_never_told),
        WITH(wrong_cryptogram_and_wrong_mac_of_the_host_open_nothing),
        WITH(wrong_mac_ends_the_session),
        WITH(commands_that_are_none_of_the_protocol_are_refused),
        WITH(reset_deselection_and_power_end_a_session_and_keep_the_keys),
        WITH(another_logical_channel_has_no_part_in_a_session),
        WITH(application_that_did_not_tell_the_keys_discards_them),
        WITH(caller_of_another_package_uses_arrays_of_its_own),
        WITH(answer_has_the_parameters_that_were_told),
        WITH(counter_of_scp02_moves_with_each_session_and_ends),
        WITH(counter_told_in_between_makes_a_session_void),
        WITH(level_is_raised_within_the_protocol_and_never_lowered),
        WITH(commands_and_responses_may_come_in_parts),
        WITH(sensitive_data_is_under_the_dek_whole_and_in_parts),
        WITH(provider_makes_what_the_chip_speaks),
        WITH(dropped_channels_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
