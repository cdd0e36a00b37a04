/* Secure channels of the chip: what each protocol and parameter asks of the host, its counters, R-MAC
 * sessions, implicit initiation. */
#include "test/unit/card_load.h"

#include <unistd.h>

#include "applet_vm/card/card_int.h"

enum { BEGIN_RMAC = 0x7a, END_RMAC = 0x78, STORE_DATA = 0xe2 };

static struct host *new_with(uint8_t protocol, uint8_t i)
{
    struct mm_card_scp scp = {protocol, i};

    return host_new_scp(MM_PROFILE_DEVELOPER, &scp, 1);
}

static const uint8_t all_levels[] = {0x00, 0x01, 0x03, 0x10, 0x11, 0x13, 0x33};

/* Every explicit kind opens at each level it knows, and carries commands and answers. */
static void sessions_of_every_kind_carry_commands(void **state)
{
    static const struct mm_card_scp kinds[] = {
        {2, 0x04}, {2, 0x05}, {2, 0x14}, {2, 0x15}, {2, 0x17}, {2, 0x24}, {2, 0x25},
        {2, 0x34}, {2, 0x35}, {2, 0x44}, {2, 0x45}, {2, 0x54}, {2, 0x55}, {2, 0x65},
        {2, 0x75}, {2, 0x5f}, {3, 0x00}, {3, 0x10}, {3, 0x20}, {3, 0x30}, {3, 0x60},
        {3, 0x70}, {3, 0x01}, {3, 0x11}, {3, 0x61}, {3, 0x71}};

    (void)state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct host *h = new_with(kinds[k].protocol, kinds[k].i);

        for (size_t l = 0; l < sizeof(all_levels); l++) {
            uint8_t level = all_levels[l];
            bool fine = mm_scp_level_allowed(kinds[k].protocol, kinds[k].i, level);

            assert_int_equal(host_open(h, level), fine ? 0x9000 : 0x6a86);
            if (!fine)
                continue;
            assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
            assert_int_equal(h->resp[0], 0xe3);
            assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x6a88);
            assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
            assert_int_equal(secure(h, STORE_DATA, 0x90, 0x00, "42031234560000"),
                             level & MM_SCP_C_MAC ? 0x6a80 : 0x6982);
        }
        host_free(h);
    }
}

static void session_with_extended_length_is_protected(void **state)
{
    uint8_t data[1000 + MM_SCP_OVERHEAD] = {0x42, 0x03, 1, 2, 3, 0x67, 0x81, 0xff};

    (void)state;
    for (uint8_t protocol = 2; protocol <= 3; protocol++) {
        struct host *h = new_with(protocol, protocol == 2 ? 0x75 : 0x71);
        uint8_t apdu[9 + sizeof(data)] = {0x84, STORE_DATA, 0x90, 0x00, 0x00};
        struct mm_scp_command c = {.header = {0x84, STORE_DATA, 0x90, 0x00},
                                   .extended = true,
                                   .data = apdu + 7,
                                   .len = 5 + 3 + 0xff};
        uint16_t sw;

        assert_int_equal(host_open(h, 0x13), 0x9000);
        memcpy(c.data, data, c.len);
        assert_int_equal(mm_scp_wrap_command(&h->scp, &c, sizeof(data)), MM_OK);
        mm_put_be16(apdu + 5, (uint16_t)c.len);
        mm_put_be16(apdu + 7 + c.len, 0);
        sw = host_send(h, apdu, 7 + c.len + 2);
        assert_int_equal(mm_scp_unwrap_response(&h->scp, h->resp, &h->resp_len, sw), MM_OK);
        assert_int_equal(sw, 0x9000);
        assert_int_equal(host_hex(h, "00CA0067000000"), 0x9000);
        assert_int_equal(h->resp_len, 3 + 0xff);
        host_free(h);
    }
}

/* ---- Counters ---- */
static uint32_t counter_of(struct host *h)
{
    uint32_t n = 0;

    assert_int_equal(host_hex(h, "00CA00C100"), 0x9000);
    assert_int_equal(h->resp[0], 0xc1);
    assert_int_equal(h->resp_len, 2u + h->resp[1]);
    for (size_t i = 2; i < h->resp_len; i++)
        n = n << 8 | h->resp[i];
    return n;
}

static void scp02_counter_moves_with_good_authentications_only(void **state)
{
    struct host *h = new_with(2, 0x55);

    (void)state;
    assert_int_equal(counter_of(h), 0);
    assert_int_equal(h->resp_len, 4); /* 2 bytes of it */
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(counter_of(h), 1);
    assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
    assert_int_equal(mm_be16(h->resp + 12), 1);
    assert_int_equal(host_hex(h, "8482010010 00000000000000000000000000000000"), 0x6300);
    assert_int_equal(counter_of(h), 1);
    host_reopen(h);
    assert_int_equal(counter_of(h), 1);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(counter_of(h), 2);
    host_free(h);
}

static void scp02_challenge_that_is_known_is_the_mac_over_the_aid(void **state)
{
    struct host *h = new_with(2, 0x55);
    struct mm_scp_source source = mm_scp_source_of(&h->keys);
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    uint8_t challenge[6], last[6];

    (void)state;
    assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
    assert_int_equal(mm_scp_known_challenge(2, 0x55, &source, 0, &isd, challenge), MM_OK);
    assert_memory_equal(h->resp + 14, challenge, 6);
    host_free(h);
    h = new_with(2, 0x15); /* not known: another each time */
    assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
    memcpy(last, h->resp + 14, 6);
    assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
    assert_memory_not_equal(h->resp + 14, last, 6);
    host_free(h);
}

static void scp03_counter_moves_with_each_calculated_challenge(void **state)
{
    struct host *h = new_with(3, 0x70);
    struct mm_scp_source source = mm_scp_source_of(&h->keys);
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    uint8_t challenge[8];

    (void)state;
    assert_int_equal(counter_of(h), 0);
    assert_int_equal(h->resp_len, 5); /* 3 bytes of it */
    for (uint8_t n = 1; n < 4; n++) {
        assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
        assert_int_equal(h->resp_len, 32);
        assert_int_equal(h->resp[31], n);
        assert_int_equal(mm_scp_known_challenge(3, 0x70, &source, n, &isd, challenge), MM_OK);
        assert_memory_equal(h->resp + 13, challenge, 8);
        host_reopen(h);
        assert_int_equal(counter_of(h), n);
    }
    host_free(h);
    h = new_with(3, 0x60);
    assert_int_equal(host_hex(h, "00CA00C100"), 0x6a88); /* random challenges need none */
    host_free(h);
}

static void sessions_end_with_the_counter(void **state)
{
    struct host *h = new_with(2, 0x55);

    (void)state;
    assert_int_equal(mm_key_set_count(h->card->nvm, 0, 0xff, 0xfffe), MM_OK);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(counter_of(h), 0xffff);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    host_free(h);
    h = new_with(3, 0x70);
    assert_int_equal(mm_key_set_count(h->card->nvm, 0, 0xff, 0xfffffe), MM_OK);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_open(h, 0x01), 0x6985);
    host_free(h);
}

/* Two channels begin with one counter value; when the first has used it the second comes too late. */
static void scp02_counter_is_used_once_though_two_channels_had_it(void **state)
{
    struct host *h = new_with(2, 0x15);
    uint8_t auth[37], init[] = {0x81, 0x50, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    size_t n;

    (void)state;
    assert_int_equal(host_hex(h, "00700001"), 0x9000);
    assert_int_equal(host_send(h, init, sizeof(init)), 0x9000);
    assert_true(host_derive(h, init + 5, h->resp, h->resp_len));
    h->channel = 1;
    n = host_authenticate(h, 0x01, auth);
    h->channel = 0;
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(host_send(h, auth, n), 0x6985);
    host_free(h);
}

static void note(void *ctx)
{
    *(bool *)ctx = true;
}

/* A session that was opened has used its counter value, whenever the power goes. */
static void counters_stand_after_power_cuts_at_every_write(void **state)
{
    static const struct mm_card_scp kinds[] = {{2, 0x55}, {3, 0x70}};
    bool gone = true;

    (void)state;
    for (size_t k = 0; k < 2; k++, gone = true) {
        for (unsigned at = 1; gone; at++) {
            struct host *h = new_with(kinds[k].protocol, kinds[k].i);
            struct mm_card_config cfg = {
                .nvm = {.path = h->path, .tear_at = at, .tear = note, .tear_ctx = &gone}};
            uint16_t sw;

            gone = false;
            mm_card_close(&h->card);
            assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
            mm_card_power_on(h->card);
            sw = host_open(h, 0x01);
            assert_int_equal(sw == 0x9000, !gone);
            host_reopen(h);
            assert_true(sw != 0x9000 || counter_of(h) == 1);
            assert_int_equal(host_open(h, 0x01), 0x9000);
            host_free(h);
        }
    }
}

/* ---- Velocity, by domain ---- */
static void failures_are_counted_for_each_domain(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x9000);
        assert_int_equal(host_hex(h, "8482010010 00000000000000000000000000000000"), 0x6300);
    }
    assert_int_equal(mm_key_failures(h->card->nvm, 0), 3);
    assert_int_equal(mm_key_failures(h->card->nvm, 7), 0);
    assert_int_equal(mm_key_failures_set(h->card->nvm, 7, 1), MM_NOT_FOUND); /* it has no keys */
    host_free(h);
}

/* ---- Implicit initiation ---- */
static void implicit(struct host *h, uint8_t i, uint16_t sequence)
{
    struct mm_scp_source source = mm_scp_source_of(&h->keys);
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);

    assert_int_equal(mm_scp02_start_implicit(&h->scp, i, &source, sequence, &isd), MM_OK);
    h->scp.level = MM_SCP_C_MAC;
}

static void scp02_opens_with_the_first_mac_where_it_is_implicit(void **state)
{
    static const uint8_t kinds[] = {0x0a, 0x0b, 0x1a, 0x1b, 0x2a, 0x2b, 0x3a, 0x3b, 0x5a, 0x5b};

    (void)state;
    for (size_t k = 0; k < sizeof(kinds); k++) {
        struct host *h = new_with(2, kinds[k]);

        assert_int_equal(host_hex(h, "8050000008010203040506070800"), 0x6985);
        implicit(h, kinds[k], 0);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        assert_int_equal(counter_of(h), 1);
        host_reopen(h);
        implicit(h, kinds[k], 0); /* used */
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6982);
        assert_int_equal(mm_key_failures(h->card->nvm, 0), 1);
        implicit(h, kinds[k], 1);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        host_free(h);
    }
}

static void mac_without_session_is_refused_where_initiation_is_explicit(void **state)
{
    struct host *h = new_with(2, 0x55);

    (void)state;
    implicit(h, 0x5a, 0);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x6985);
    host_free(h);
}

/* ---- R-MAC sessions ---- */
static void rmac_session_protects_the_answers_between(void **state)
{
    static const struct {
        uint8_t protocol, i, level, p1;
    } rows[] = {{2, 0x75, 0x01, 0x10}, {2, 0x75, 0x03, 0x10}, {2, 0x35, 0x00, 0x10},
                {3, 0x70, 0x01, 0x10}, {3, 0x70, 0x03, 0x30}, {3, 0x71, 0x13, 0x30}};

    (void)state;
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct host *h = new_with(rows[k].protocol, rows[k].i);

        assert_int_equal(host_open(h, rows[k].level), 0x9000);
        assert_int_equal(secure(h, BEGIN_RMAC, rows[k].p1, 0x01, "03AABBCC"), 0x9000);
        h->scp.level |= rows[k].p1;
        if (rows[k].protocol == 2)
            mm_scp02_rmac_begin(&h->scp);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x6a88);
        assert_int_equal(secure(h, BEGIN_RMAC, rows[k].p1, 0x01, ""), 0x6985); /* there is one */
        assert_int_equal(secure(h, END_RMAC, 0x00, 0x03, ""), 0x9000);
        h->scp.level = rows[k].level;
        if (rows[k].protocol == 2)
            mm_scp02_rmac_end(&h->scp);
        assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
        assert_int_equal(secure(h, END_RMAC, 0x00, 0x03, ""), 0x6985);
        host_free(h);
    }
}

/* P1 00: only END R-MAC SESSION answers with the R-MAC, which covers all between. */
static void scp02_rmac_over_many_commands_is_told_at_the_end(void **state)
{
    struct host *h = new_with(2, 0x75);

    (void)state;
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(secure(h, BEGIN_RMAC, 0x00, 0x01, ""), 0x9000);
    mm_scp02_rmac_begin(&h->scp);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
    assert_int_equal(h->resp[0], 0xe3);
    h->scp.level |= MM_SCP_R_MAC;
    assert_int_equal(secure(h, END_RMAC, 0x00, 0x01, ""), 0x9000); /* so far */
    h->scp.level = MM_SCP_C_MAC;
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F00"), 0x6a88);
    h->scp.level |= MM_SCP_R_MAC;
    assert_int_equal(secure(h, END_RMAC, 0x00, 0x03, ""), 0x9000);
    h->scp.level = MM_SCP_C_MAC;
    mm_scp02_rmac_end(&h->scp);
    assert_int_equal(secure(h, END_RMAC, 0x00, 0x03, ""), 0x6985);
    host_free(h);
}

static void rmac_sessions_are_refused_where_i_has_none(void **state)
{
    struct host *h = new_with(2, 0x55);

    (void)state;
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(secure(h, BEGIN_RMAC, 0x10, 0x01, ""), 0x6985);
    assert_int_equal(secure(h, BEGIN_RMAC, 0x10, 0x02, ""), 0x6a86);
    assert_int_equal(secure(h, BEGIN_RMAC, 0x01, 0x01, ""), 0x6a86);
    host_free(h);
    h = new_with(3, 0x70);
    assert_int_equal(host_hex(h, "807A1001"), 0x6982); /* no session */
    assert_int_equal(host_open(h, 0x01), 0x9000);
    assert_int_equal(secure(h, BEGIN_RMAC, 0x30, 0x01, ""), 0x6985); /* R-ENC wants C-DECRYPTION */
    assert_int_equal(secure(h, BEGIN_RMAC, 0x10, 0x01, "04AABBCC"), 0x6a80);
    assert_int_equal(secure(h, END_RMAC, 0x00, 0x01, ""), 0x6a86); /* SCP02's */
    assert_int_equal(secure(h, BEGIN_RMAC, 0x10, 0x01, ""), 0x9000);
    h->scp.level |= MM_SCP_R_MAC;
    assert_int_equal(secure(h, END_RMAC, 0x00, 0x03, "00"), 0x6700);
    host_free(h);
}

/* ---- What the chip is made with ---- */
static void chip_is_made_with_its_protocols(void **state)
{
    static const struct mm_card_scp both[] = {{2, 0x15}, {3, 0x71}};
    struct host *h = host_new_scp(MM_PROFILE_DEVELOPER, both, 2);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(h->scp.protocol, 2);
    assert_int_equal(mm_session_default_i(h->card, 2), 0x15);
    assert_int_equal(mm_session_default_i(h->card, 3), 0x71);
    assert_int_equal(host_hex(h, "00CA006600"), 0x9000); /* recognition data names it */
    assert_non_null(memmem(h->resp, h->resp_len, "\x2a\x86\x48\x86\xfc\x6b\x04\x02\x15", 9));
    host_free(h);
}

static void chip_is_not_made_with_protocols_that_are_none(void **state)
{
    static const struct mm_card_scp wrong[][2] = {{{1, 0x05}, {3, 0x70}},
                                                  {{2, 0x95}, {3, 0x70}},
                                                  {{3, 0x40}, {2, 0x15}},
                                                  {{3, 0x70}, {3, 0x60}}};
    struct mm_card_config cfg = {.scp_n = 2};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char path[] = "/tmp/mintmark-scp-XXXXXX";

        assert_non_null(mkdtemp(path));
        rmdir(path);
        cfg.nvm.path = path;
        cfg.scp = wrong[i];
        assert_int_equal(mm_card_init(&cfg, MM_PROFILE_DEVELOPER, NULL), MM_USAGE);
        assert_int_equal(access(path, F_OK), -1); /* and leaves nothing */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_of_every_kind_carry_commands),
        cmocka_unit_test(session_with_extended_length_is_protected),
        cmocka_unit_test(scp02_counter_moves_with_good_authentications_only),
        cmocka_unit_test(scp02_challenge_that_is_known_is_the_mac_over_the_aid),
        cmocka_unit_test(scp03_counter_moves_with_each_calculated_challenge),
        cmocka_unit_test(sessions_end_with_the_counter),
        cmocka_unit_test(scp02_counter_is_used_once_though_two_channels_had_it),
        cmocka_unit_test(counters_stand_after_power_cuts_at_every_write),
        cmocka_unit_test(failures_are_counted_for_each_domain),
        cmocka_unit_test(scp02_opens_with_the_first_mac_where_it_is_implicit),
        cmocka_unit_test(mac_without_session_is_refused_where_initiation_is_explicit),
        cmocka_unit_test(rmac_session_protects_the_answers_between),
        cmocka_unit_test(scp02_rmac_over_many_commands_is_told_at_the_end),
        cmocka_unit_test(rmac_sessions_are_refused_where_i_has_none),
        cmocka_unit_test(chip_is_made_with_its_protocols),
        cmocka_unit_test(chip_is_not_made_with_protocols_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
