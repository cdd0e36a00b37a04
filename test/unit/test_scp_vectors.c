/* SCP03 primitives against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "applet_vm/scp03/scp03.h"

static size_t hex(const char *text, uint8_t *out, size_t cap)
{
    size_t n = cap;

    assert_int_equal(mm_unhex(text, out, &n), MM_OK);
    return n;
}

static void assert_hex(const uint8_t *data, size_t len, const char *text)
{
    uint8_t expected[256];

    assert_int_equal(hex(text, expected, sizeof(expected)), len);
    assert_memory_equal(data, expected, len);
}

/* RFC 4493, section 4. */
static void cmac_agrees_with_rfc_4493(void **state)
{
    static const struct {
        size_t len;
        const char *mac;
    } rows[] = {{0, "bb1d6929e95937287fa37d129b756746"},
                {16, "070a16b46b4d4144f79bdd9dd04a287c"},
                {40, "dfa66747de9ae63030ca32611497c827"},
                {64, "51f0bebf7e3b9d92fc49741779363cfe"}};
    uint8_t key[16], message[64], mac[16];

    (void)state;
    hex("2b7e151628aed2a6abf7158809cf4f3c", key, sizeof(key));
    hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
        "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        message, sizeof(message));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t first = rows[i].len / 3; /* parts are joined */
        assert_int_equal(
            mm_scp_cmac(key, message, first, message + first, rows[i].len - first, NULL, 0, mac),
            MM_OK);
        assert_hex(mac, sizeof(mac), rows[i].mac);
    }
}

/*
 * Sessions recorded with a real card: key version 30, keys 00.., 10.., 20.. (published with the unit
 * tests of pySim). The INITIALIZE UPDATE responses are diversification data (10), key information
 * (3), card challenge (8), card cryptogram (8), sequence counter (3).
 */
#define COMMAND_N 5
static const struct session {
    uint8_t level;
    const char *host_challenge, *init_response, *authenticate;
    const char *commands[COMMAND_N];
    const char *response; /* to the first command */
} sessions[] = {
    {0x11,
     "b13e5f938fc108c4",
     "000000000000000000003003703eb51047495b249f66c484c1d2ef1948000002",
     "84821100107d5f5826a993ebc89eea24957fa0b3ce",
     {"84e291000ebf3e035c015a558d036518a28297", "84f220020863a63f8959827fb2",
      "84ca006608a0c6a4a74166f7ce", "84f22002124f0212345c054f9f70c52249b50272656536",
      "84f280020a4f00e91443f6dce6b8ed"},
     "bf3e125a1089882119900000000000000000000005971be68992dbbdfa"},
    {0x03,
     "8e1552d0513c60f3",
     "0000000000000000000030037030760cd2c47c1dd395065fe5ead8a9d7000001",
     "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
     {"84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c", "84f2200208c9811b11f1264cf1",
      "84ca006608e10ab60b30547988", "84f22002184e2908bdb48b2315a55482e9e936ca122d6ecfae7d17416e",
      "84f28002180dd10a6b6193e5340b9e77d32d5a179cd710ac2773aefb28"},
     "bf3e125a1089882119900000000000000000000005"},
    {0x33,
     "fdf38259a1e0de44",
     "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003",
     "84823300108c36f96bcc00724a4e13ad591d7da3f0",
     {"84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f", "84f2200208ac6a59024bed84cc",
      "84ca006608409912ad8fb7aed0", "84f22002185f3dafc3ac14c381536a488bf44e06d056df9d74dbd21e5a",
      "84f280021865165105be3373347d0424d4400af2ac393f569ec779389e"},
     "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9"},
};
#define SESSION_N (sizeof(sessions) / sizeof(sessions[0]))
static const char *const plain_data[COMMAND_N] = {"bf3e035c015a", "", "", "4f0212345c054f9f70c5",
                                                  "4f00"};
static const char plain_response[] = "bf3e125a1089882119900000000000000000000005";

struct keys {
    struct mm_scp_keys fixed;
    uint8_t host[8], card[8], enc[16], mac[16], rmac[16], chain[16];
};

static void derive(const struct session *s, struct keys *k)
{
    uint8_t response[32];

    memset(k, 0, sizeof(*k));
    hex("000102030405060708090a0b0c0d0e0f", k->fixed.enc, 16);
    hex("101112131415161718191a1b1c1d1e1f", k->fixed.mac, 16);
    hex("202122232425262728292a2b2c2d2e2f", k->fixed.dek, 16);
    hex(s->host_challenge, k->host, 8);
    hex(s->init_response, response, sizeof(response));
    memcpy(k->card, response + 13, 8);
    assert_int_equal(mm_scp_session_keys(&k->fixed, k->host, k->card, k->enc, k->mac, k->rmac),
                     MM_OK);
}

static void cryptograms_agree_with_a_real_card(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSION_N; i++) {
        uint8_t response[32], cryptogram[8], command[32];
        struct keys k;

        derive(&sessions[i], &k);
        hex(sessions[i].init_response, response, sizeof(response));
        assert_int_equal(
            mm_scp_cryptogram(k.mac, MM_SCP_CARD_CRYPTOGRAM, k.host, k.card, cryptogram), MM_OK);
        assert_memory_equal(cryptogram, response + 21, 8);
        hex(sessions[i].authenticate, command, sizeof(command));
        assert_int_equal(
            mm_scp_cryptogram(k.mac, MM_SCP_HOST_CRYPTOGRAM, k.host, k.card, cryptogram), MM_OK);
        assert_memory_equal(cryptogram, command + 5, 8);
    }
}

/* The card challenge of i = 70: derived from K-ENC, sequence counter and the application's AID. */
static void pseudo_random_challenge_agrees_with_a_real_card(void **state)
{
    uint8_t response[32], context[3 + 16], challenge[8];

    (void)state;
    hex("a0000005591010ffffffff8900000100", context + 3, 16);
    for (size_t i = 0; i < SESSION_N; i++) {
        struct keys k;

        derive(&sessions[i], &k);
        hex(sessions[i].init_response, response, sizeof(response));
        memcpy(context, response + 29, 3);
        assert_int_equal(mm_scp_kdf(k.fixed.enc, MM_SCP_CARD_CHALLENGE, context, sizeof(context),
                                    challenge, sizeof(challenge)),
                         MM_OK);
        assert_memory_equal(challenge, response + 13, 8);
    }
}

/* Check the MAC of a command, move the chain, return the length of its data. */
static size_t check_mac(struct keys *k, const uint8_t *command, size_t len)
{
    uint8_t mac[16];

    assert_int_equal(mm_scp_mac(k->mac, k->chain, command, 5, command + 5, len - 5 - 8, mac),
                     MM_OK);
    assert_memory_equal(mac, command + len - 8, 8);
    memcpy(k->chain, mac, sizeof(mac));
    return len - 5 - 8;
}

static void check_response(const struct session *s, const struct keys *k)
{
    static const uint8_t sw[] = {0x90, 0x00};
    uint8_t response[64], icv[16], mac[16];
    size_t len = hex(s->response, response, sizeof(response));

    if (s->level & MM_SCP_R_MAC) {
        len -= 8;
        assert_int_equal(mm_scp_mac(k->rmac, k->chain, response, len, sw, 2, mac), MM_OK);
        assert_memory_equal(mac, response + len, 8);
    }
    if (s->level & MM_SCP_R_ENC) {
        assert_int_equal(mm_scp_icv(k->enc, 1, true, icv), MM_OK);
        assert_int_equal(mm_scp_cbc(k->enc, icv, false, response, len, response), MM_OK);
        assert_int_equal(mm_scp_unpad(response, len, &len), MM_OK);
    }
    assert_hex(response, len, plain_response);
}

static void commands_and_responses_agree_with_a_real_card(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSION_N; i++) {
        const struct session *s = &sessions[i];
        uint8_t command[64], icv[16];
        struct keys k;

        derive(s, &k);
        (void)check_mac(&k, command, hex(s->authenticate, command, sizeof(command)));
        for (uint32_t n = 0; n < COMMAND_N; n++) {
            size_t len = check_mac(&k, command, hex(s->commands[n], command, sizeof(command)));
            if ((s->level & MM_SCP_C_DEC) && len > 0) {
                assert_int_equal(mm_scp_icv(k.enc, n + 1, false, icv), MM_OK);
                assert_int_equal(mm_scp_cbc(k.enc, icv, false, command + 5, len, command + 5),
                                 MM_OK);
                assert_int_equal(mm_scp_unpad(command + 5, len, &len), MM_OK);
            }
            assert_hex(command + 5, len, plain_data[n]);
            if (n == 0)
                check_response(s, &k);
        }
    }
}

static void key_check_values_agree_with_published_ones(void **state)
{
    static const char *const values[] = {"c35280", "013808", "840de5"};
    uint8_t kcv[3];
    struct keys k;

    (void)state;
    derive(&sessions[0], &k);
    assert_int_equal(mm_scp_kcv(k.fixed.enc, kcv), MM_OK);
    assert_hex(kcv, 3, values[0]);
    assert_int_equal(mm_scp_kcv(k.fixed.mac, kcv), MM_OK);
    assert_hex(kcv, 3, values[1]);
    assert_int_equal(mm_scp_kcv(k.fixed.dek, kcv), MM_OK);
    assert_hex(kcv, 3, values[2]);
}

static void padding_comes_off_as_it_went_on(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 33; len++) {
        uint8_t buf[64];
        size_t back = 0, padded;

        memset(buf, 0x00, sizeof(buf)); /* trailing zeros of the data must survive */
        padded = mm_scp_pad(buf, len);
        assert_int_equal(padded % 16, 0);
        assert_true(padded > len && padded <= len + 16);
        assert_int_equal(mm_scp_unpad(buf, padded, &back), MM_OK);
        assert_int_equal(back, len);
    }
}

static void unpad_refuses_what_was_never_padded(void **state)
{
    uint8_t zeros[32] = {0}, text[16], early[32] = {0x80};
    size_t n = 1;

    (void)state;
    memset(text, 0x55, sizeof(text));
    assert_int_equal(mm_scp_unpad(zeros, sizeof(zeros), &n), MM_MALFORMED);
    assert_int_equal(mm_scp_unpad(text, sizeof(text), &n), MM_MALFORMED);
    assert_int_equal(mm_scp_unpad(early, sizeof(early), &n), MM_MALFORMED); /* more than a block */
    assert_int_equal(mm_scp_unpad(zeros, 0, &n), MM_MALFORMED);
}

static void diversified_keys_differ_by_usage_and_chip(void **state)
{
    struct mm_scp_keys a, b;
    uint8_t div[10] = {1};

    (void)state;
    assert_int_equal(mm_scp_diversify(mm_scp_test_keys.enc, div, sizeof(div), &a), MM_OK);
    div[9] = 1;
    assert_int_equal(mm_scp_diversify(mm_scp_test_keys.enc, div, sizeof(div), &b), MM_OK);
    assert_memory_not_equal(a.enc, a.mac, 16);
    assert_memory_not_equal(a.mac, a.dek, 16);
    assert_memory_not_equal(a.enc, b.enc, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cmac_agrees_with_rfc_4493),
        cmocka_unit_test(cryptograms_agree_with_a_real_card),
        cmocka_unit_test(pseudo_random_challenge_agrees_with_a_real_card),
        cmocka_unit_test(commands_and_responses_agree_with_a_real_card),
        cmocka_unit_test(key_check_values_agree_with_published_ones),
        cmocka_unit_test(padding_comes_off_as_it_went_on),
        cmocka_unit_test(unpad_refuses_what_was_never_padded),
        cmocka_unit_test(diversified_keys_differ_by_usage_and_chip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
