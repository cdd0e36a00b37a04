/*
 * The host's end of a channel against sessions recorded with a real card (the AES-128 vectors of pySim's
 * tests/unittests/test_globalplatform.py, key set 30), and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host_client/gp/gp.h"

struct recorded {
    const char *init_update, *response, *authenticate;
    uint8_t level;
    struct {
        const char *plain, *wrapped;
    } commands[5];
    const char *answer; /* to the first command, with status word */
};

#define PLAIN_EID    "80E2910006BF3E035C015A00"
#define PLAIN_ANSWER "BF3E125A10898821199000000000000000000000059000"
/* Where the session has R-MACs, a command without Le gets one: its answer has a MAC to carry. */
static const struct recorded sessions[] = {
    {"8050300008B13E5F938FC108C400",
     "000000000000000000003003703EB51047495B249F66C484C1D2EF1948000002",
     "84821100107D5F5826A993EBC89EEA24957FA0B3CE",
     0x11,
     {{PLAIN_EID, "84E291000EBF3E035C015A558D036518A2829700"},
      {"80F22002", "84F220020863A63F8959827FB200"},
      {"80CA006600", "84CA006608A0C6A4A74166F7CE00"},
      {"80F220020A4F0212345C054F9F70C5", "84F22002124F0212345C054F9F70C52249B5027265653600"},
      {"80F28002024F0000", "84F280020A4F00E91443F6DCE6B8ED00"}},
     "BF3E125A1089882119900000000000000000000005971BE68992DBBDFA9000"},
    {"80503000088E1552D0513C60F300",
     "0000000000000000000030037030760CD2C47C1DD395065FE5EAD8A9D7000001",
     "8482030010FD4721A14D9B07003C451D2F8AE6BB21",
     0x03,
     {{PLAIN_EID, "84E2910018CA9C00F6713D79BC8BAA642BDFF51C3F6A4082D3BD9AD26C00"},
      {"80F22002", "84F2200208C9811B11F1264CF1"},
      {"80CA006600", "84CA006608E10AB60B3054798800"},
      {"80F220020A4F0212345C054F9F70C5",
       "84F22002184E2908BDB48B2315A55482E9E936CA122D6ECFAE7D17416E"},
      {"80F28002024F0000", "84F28002180DD10A6B6193E5340B9E77D32D5A179CD710AC2773AEFB2800"}},
     PLAIN_ANSWER},
    {"8050300008FDF38259A1E0DE4400",
     "000000000000000000003003703B1ACA81E821F219081CDC01C26B372D000003",
     "84823300108C36F96BCC00724A4E13AD591D7DA3F0",
     0x33,
     {{PLAIN_EID, "84E2910018267A85DFE4A98FCA6FB0527E0DFECCE4914E40401433C87F00"},
      {"80F22002", "84F2200208AC6A59024BED84CC00"},
      {"80CA006600", "84CA006608409912AD8FB7AED000"},
      {"80F220020A4F0212345C054F9F70C5",
       "84F22002185F3DAFC3AC14C381536A488BF44E06D056DF9D74DBD21E5A00"},
      {"80F28002024F0000", "84F280021865165105BE3373347D0424D4400AF2AC393F569EC779389E00"}},
     "F3BA2B1013AA6224F5E1C138D71805C569E5439B47576260B75FC021B25097CB2E68F8A0144975B99000"},
};
#define SESSION_N (sizeof(sessions) / sizeof(sessions[0]))

static size_t from_hex(const char *hex, uint8_t out[64])
{
    size_t n = 64;
    assert_int_equal(mm_unhex(hex, out, &n), MM_OK);
    return n;
}

static void assert_hex(const struct mm_buf *buf, const char *hex)
{
    char text[2 * 512 + 1];
    assert_true(buf->len <= 512);
    assert_string_equal(mm_hex(buf->data, buf->len, text), hex);
}

static void assert_wraps(struct mm_gp_channel *s, const char *plain, const char *wrapped)
{
    uint8_t apdu[64];
    size_t n = from_hex(plain, apdu);
    struct mm_buf out;

    mm_buf_init(&out);
    assert_int_equal(mm_gp_channel_wrap(s, apdu, n, &out, NULL), MM_OK);
    assert_hex(&out, wrapped);
    mm_buf_clear(&out);
}

/* Key set of the recordings: 000102.., 101112.., 202122... */
static struct mm_scp_keys recorded_keys(void)
{
    struct mm_scp_keys keys = {.len = MM_SCP_KEY_LEN};

    for (uint8_t i = 0; i < MM_SCP_KEY_LEN; i++) {
        keys.enc[i] = i;
        keys.mac[i] = (uint8_t)(0x10 + i);
        keys.dek[i] = (uint8_t)(0x20 + i);
    }
    return keys;
}

static void begin(const struct recorded *r, struct mm_gp_channel *s, struct mm_buf *out)
{
    struct mm_scp_keys keys = recorded_keys();
    uint8_t init[64];

    (void)from_hex(r->init_update, init);
    assert_int_equal(mm_gp_channel_begin(s, &keys, 0x30, init + 5, 8, out), MM_OK);
}

static void open_session(const struct recorded *r, struct mm_gp_channel *s)
{
    uint8_t resp[64];
    size_t n = from_hex(r->response, resp);
    struct mm_buf out;

    mm_buf_init(&out);
    begin(r, s, &out);
    assert_hex(&out, r->init_update);
    out.len = 0;
    assert_int_equal(mm_gp_channel_authenticate(s, resp, n, r->level, &out, NULL), MM_OK);
    assert_hex(&out, r->authenticate);
    mm_buf_clear(&out);
}

static void scp03_wraps_as_a_real_card_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSION_N; i++) {
        struct mm_gp_channel s;

        open_session(&sessions[i], &s);
        for (size_t k = 0; k < 5; k++)
            assert_wraps(&s, sessions[i].commands[k].plain, sessions[i].commands[k].wrapped);
    }
}

static void scp03_unwraps_a_real_card_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSION_N; i++) {
        struct mm_gp_channel s;
        struct mm_buf resp;
        uint8_t bytes[64];
        size_t n = from_hex(sessions[i].answer, bytes);

        mm_buf_init(&resp);
        mm_buf_bytes(&resp, bytes, n);
        open_session(&sessions[i], &s);
        assert_wraps(&s, sessions[i].commands[0].plain, sessions[i].commands[0].wrapped);
        assert_int_equal(mm_gp_channel_unwrap(&s, &resp, NULL), MM_OK);
        assert_hex(&resp, PLAIN_ANSWER);
        assert_int_equal(s.open, 1);
        mm_buf_clear(&resp);
    }
}

static void scp03_closes_on_any_flipped_answer_byte(void **state)
{
    (void)state;
    uint8_t bytes[64];
    size_t n = from_hex(sessions[2].answer, bytes);

    for (size_t flip = 0; flip < n; flip++) {
        struct mm_gp_channel s;
        struct mm_buf resp;

        mm_buf_init(&resp);
        mm_buf_bytes(&resp, bytes, n);
        resp.data[flip] ^= 0x01;
        open_session(&sessions[2], &s);
        assert_wraps(&s, sessions[2].commands[0].plain, sessions[2].commands[0].wrapped);
        assert_int_equal(mm_gp_channel_unwrap(&s, &resp, NULL), MM_AUTH);
        assert_int_equal(s.open, 0);
        mm_buf_clear(&resp);
    }
}

static void scp03_lets_a_bare_error_status_through(void **state)
{
    (void)state;
    struct mm_gp_channel s;
    struct mm_buf resp;

    mm_buf_init(&resp);
    mm_buf_u16(&resp, 0x6985);
    open_session(&sessions[2], &s);
    assert_int_equal(mm_gp_channel_unwrap(&s, &resp, NULL), MM_OK);
    assert_hex(&resp, "6985");
    resp.len = 0;
    mm_buf_u16(&resp, 0x9000); /* success must carry a MAC */
    assert_int_equal(mm_gp_channel_unwrap(&s, &resp, NULL), MM_AUTH);
    mm_buf_clear(&resp);
}

static void scp03_refuses_a_wrong_card_cryptogram(void **state)
{
    (void)state;
    struct mm_gp_channel s;
    struct mm_buf out;
    struct mm_err err;
    uint8_t resp[64];
    size_t n = from_hex(sessions[0].response, resp);

    mm_buf_init(&out);
    begin(&sessions[0], &s, &out);
    out.len = 0;
    resp[28] ^= 0x80;
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, &err), MM_AUTH);
    assert_non_null(strstr(err.text, "cryptogram"));
    assert_int_equal(out.len, 0);
    assert_int_equal(s.open, 0);
    mm_buf_clear(&out);
}

static void scp03_refuses_responses_of_another_shape(void **state)
{
    (void)state;
    uint8_t resp[64];
    size_t n = from_hex(sessions[0].response, resp);
    struct mm_buf out;
    struct mm_gp_channel s;

    mm_buf_init(&out);
    begin(&sessions[0], &s, &out);
    for (size_t len = 0; len < n; len++) {
        if (len != 29) /* without sequence counter it is whole as well */
            assert_int_equal(mm_gp_channel_authenticate(&s, resp, len, 0x03, &out, NULL),
                             MM_MALFORMED);
    }
    resp[10] = 0x31; /* another key version than asked for */
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_MALFORMED);
    resp[10] = 0x30;
    resp[11] = 0x01; /* SCP01 */
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_UNSUPPORTED);
    resp[11] = 0x02; /* SCP02 has no such length */
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_MALFORMED);
    resp[11] = 0x03;
    resp[12] |= 0x01; /* S16 has not either, nor would the challenge do */
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_MALFORMED);
    resp[12] = 0x30;
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x33, &out, NULL), MM_UNSUPPORTED);
    mm_buf_clear(&out);
}

static void scp03_refuses_levels_that_do_not_exist(void **state)
{
    (void)state;
    static const uint8_t good[] = {0x01, 0x03, 0x11, 0x13, 0x33};
    uint8_t resp[64];
    size_t n = from_hex(sessions[0].response, resp);

    for (unsigned level = 0; level < 256; level++) {
        struct mm_gp_channel s;
        struct mm_buf out;
        bool fine = memchr(good, (int)level, sizeof(good)) != NULL;

        mm_buf_init(&out);
        begin(&sessions[0], &s, &out);
        assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, (uint8_t)level, &out, NULL),
                         fine ? MM_OK : MM_USAGE);
        mm_buf_clear(&out);
    }
}

static void scp03_checks_a_challenge_that_can_be_calculated(void **state)
{
    (void)state;
    struct mm_gp_channel s;
    uint8_t resp[64], aid[64];
    size_t n = from_hex(sessions[0].response, resp);
    struct mm_buf out;

    mm_buf_init(&out);
    begin(&sessions[0], &s, &out);
    s.aid = (struct mm_aid){.len = 16};
    (void)from_hex("A0000005591010FFFFFFFF8900000100", aid);
    memcpy(s.aid.bytes, aid, 16);
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_OK);
    assert_int_equal(s.sequence, 2);
    begin(&sessions[0], &s, &out);
    s.aid = (struct mm_aid){.len = 5}; /* another application's */
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_AUTH);
    mm_buf_clear(&out);
}

/* The recorded SCP02 session of kaoh/globalplatform's unit tests, keys 40..4F. */
static void scp02_opens_and_wraps_as_recorded(void **state)
{
    (void)state;
    struct mm_gp_channel s;
    uint8_t challenge[64], resp[64];
    size_t n = from_hex("000074746E6E6E626262010206A15086BBEE58F467149061DA4B6EAE", resp);
    struct mm_buf out;

    (void)from_hex("EBAA9E53C696281B", challenge);
    mm_buf_init(&out);
    assert_int_equal(mm_gp_channel_begin(&s, &mm_scp_test_keys, 0, challenge, 8, &out), MM_OK);
    assert_hex(&out, "8050000008EBAA9E53C696281B00");
    out.len = 0;
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x33, &out, NULL), MM_USAGE);
    assert_int_equal(mm_gp_channel_authenticate(&s, resp, n, 0x03, &out, NULL), MM_OK);
    assert_hex(&out, "848203001005814C116071EB67D8BA9D9879454564");
    assert_int_equal(s.sequence, 0x06a1);
    assert_wraps(&s, "80E400800A4F08D0D1D2D3D4D5010100",
                 "84E4008018BC146FA0403BE4BAD3BC089E4ABD8674DA7EFEA21047B85800");
    mm_buf_clear(&out);
}

static void scp03_wraps_nothing_before_it_is_open(void **state)
{
    (void)state;
    static const uint8_t apdu[] = {0x80, 0xca, 0x00, 0x66};
    struct mm_gp_channel s;
    struct mm_buf out;

    mm_buf_init(&out);
    begin(&sessions[0], &s, &out);
    out.len = 0;
    assert_int_equal(mm_gp_channel_wrap(&s, apdu, sizeof(apdu), &out, NULL), MM_STATE);
    assert_int_equal(out.len, 0);
    mm_buf_clear(&out);
}

static void scp03_refuses_malformed_commands(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "80",           "80F220",           "80F2200205AA",      "80F2200201AABBCC",
        "80F220020000", "80F22002000000AA", "80F22002000001AABB"};
    struct mm_gp_channel s;
    struct mm_buf out;

    mm_buf_init(&out);
    open_session(&sessions[1], &s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint8_t apdu[64];
        size_t n = from_hex(bad[i], apdu);
        assert_int_not_equal(mm_gp_channel_wrap(&s, apdu, n, &out, NULL), MM_OK);
    }
    assert_int_equal(out.len, 0);
    assert_int_equal(s.scp.counter, 0);
    mm_buf_clear(&out);
}

static void scp03_uses_extended_length_when_data_outgrows_short(void **state)
{
    (void)state;
    struct mm_gp_channel s;
    struct mm_buf apdu, out;

    mm_buf_init(&apdu);
    mm_buf_init(&out);
    mm_buf_u32(&apdu, 0x80e29100);
    mm_buf_u8(&apdu, 250);
    for (int i = 0; i < 250; i++)
        mm_buf_u8(&apdu, (uint8_t)i);
    open_session(&sessions[1], &s);
    assert_int_equal(mm_gp_channel_wrap(&s, apdu.data, apdu.len, &out, NULL), MM_OK);
    assert_int_equal(out.len, 4 + 3 + 256 + 8); /* padded to 256, and the MAC */
    assert_int_equal(mm_be32(out.data + 3) & 0xffffff, 256 + 8);
    mm_buf_clear(&apdu);
    mm_buf_clear(&out);
}

static void scp03_gives_diversification_data(void **state)
{
    (void)state;
    uint8_t resp[64], div[MM_SCP_DIVERSIFICATION_LEN];
    size_t n = from_hex(sessions[0].response, resp);

    for (uint8_t i = 0; i < sizeof(div); i++)
        resp[i] = (uint8_t)(0xa0 + i);
    assert_int_equal(mm_gp_channel_diversification(resp, n, div, NULL), MM_OK);
    assert_memory_equal(div, resp, sizeof(div));
    assert_int_equal(mm_gp_channel_diversification(resp, 12, div, NULL), MM_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scp03_wraps_as_a_real_card_understood),
        cmocka_unit_test(scp03_unwraps_a_real_card_answer),
        cmocka_unit_test(scp03_closes_on_any_flipped_answer_byte),
        cmocka_unit_test(scp03_lets_a_bare_error_status_through),
        cmocka_unit_test(scp03_refuses_a_wrong_card_cryptogram),
        cmocka_unit_test(scp03_refuses_responses_of_another_shape),
        cmocka_unit_test(scp03_refuses_levels_that_do_not_exist),
        cmocka_unit_test(scp03_checks_a_challenge_that_can_be_calculated),
        cmocka_unit_test(scp02_opens_and_wraps_as_recorded),
        cmocka_unit_test(scp03_wraps_nothing_before_it_is_open),
        cmocka_unit_test(scp03_refuses_malformed_commands),
        cmocka_unit_test(scp03_uses_extended_length_when_data_outgrows_short),
        cmocka_unit_test(scp03_gives_diversification_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
