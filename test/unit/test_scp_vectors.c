/* Secure channels against published vectors, from both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "applet_vm/scp/scp.h"

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
        assert_int_equal(mm_scp_cmac(key, 16, message, first, message + first, rows[i].len - first,
                                     NULL, 0, mac),
                         MM_OK);
        assert_hex(mac, sizeof(mac), rows[i].mac);
    }
}

/*
 * SCP03 sessions recorded with a real card: i = 70, keys 00.., 10.., 20.. repeated up to their length
 * (published with the unit tests of pySim).
 */
#define COMMAND_N 5
struct session {
    uint8_t key_len, level;
    const char *host_challenge, *init_response, *authenticate;
    const char *commands[COMMAND_N]; /* without Le */
    const char *response;            /* to the first command */
};
static const struct session sessions[] = {
    {16,
     0x11,
     "b13e5f938fc108c4",
     "000000000000000000003003703eb51047495b249f66c484c1d2ef1948000002",
     "84821100107d5f5826a993ebc89eea24957fa0b3ce",
     {"84e291000ebf3e035c015a558d036518a28297", "84f220020863a63f8959827fb2",
      "84ca006608a0c6a4a74166f7ce", "84f22002124f0212345c054f9f70c52249b50272656536",
      "84f280020a4f00e91443f6dce6b8ed"},
     "bf3e125a1089882119900000000000000000000005971be68992dbbdfa"},
    {16,
     0x03,
     "8e1552d0513c60f3",
     "0000000000000000000030037030760cd2c47c1dd395065fe5ead8a9d7000001",
     "8482030010fd4721a14d9b07003c451d2f8ae6bb21",
     {"84e2910018ca9c00f6713d79bc8baa642bdff51c3f6a4082d3bd9ad26c", "84f2200208c9811b11f1264cf1",
      "84ca006608e10ab60b30547988", "84f22002184e2908bdb48b2315a55482e9e936ca122d6ecfae7d17416e",
      "84f28002180dd10a6b6193e5340b9e77d32d5a179cd710ac2773aefb28"},
     "bf3e125a1089882119900000000000000000000005"},
    {16,
     0x33,
     "fdf38259a1e0de44",
     "000000000000000000003003703b1aca81e821f219081cdc01c26b372d000003",
     "84823300108c36f96bcc00724a4e13ad591d7da3f0",
     {"84e2910018267a85dfe4a98fca6fb0527e0dfecce4914e40401433c87f", "84f2200208ac6a59024bed84cc",
      "84ca006608409912ad8fb7aed0", "84f22002185f3dafc3ac14c381536a488bf44e06d056df9d74dbd21e5a",
      "84f280021865165105be3373347d0424d4400af2ac393f569ec779389e"},
     "f3ba2b1013aa6224f5e1c138d71805c569e5439b47576260b75fc021b25097cb2e68f8a0144975b9"},
    {24,
     0x11,
     "7396430b768b085b",
     "000000000000000000003103708cfc23522ffdbf1e5df5542cac8fd866000003",
     "84821100102145ed30b146f5db252fb7e624cec244",
     {"84e291000ebf3e035c015aff42cf801d143944", "84f22002084584e4f6784811ee",
      "84ca006608937776ebe190fa30", "84f22002124f0212345c054f9f70c59a52bddf3040368c",
      "84f280020a4f009804b11411f7393d"},
     "bf3e125a1089882119900000000000000000000005162fbd33e04940a9"},
    {24,
     0x03,
     "69c65da8202bf19f",
     "00000000000000000000310370b570a67be38446717729d6dd3d2ec5b1000001",
     "848203001065df4f1a356a887905466516d9e5b7c1",
     {"84e2910018d2c6fb477c5d4afe4fd4d21f17eff10d3578ec1774a12a2d", "84f2200208964e188f0b1bb697",
      "84ca006608f0820035a41d3e18", "84f220021806b076ed452cd1fa84f77f5c08a146aa77a9286757dea791",
      "84f2800218d06527e39222dce091fabdb8e9b898417a67a6852d3577db"},
     "bf3e125a1089882119900000000000000000000005"},
    {24,
     0x33,
     "9b3f2eef0e8c9374",
     "00000000000000000000310370f6bb305a15bae1a68f79fb08212fbed7000002",
     "84823300109100bc22d58b45b86a26365ce39ff3cf",
     {"84e29100188f7f946c84f70d17994bc6e8791251bb1bb1bf02cf8de589", "84f2200208d5d97754b6b3d2ba",
      "84ca006608516c82b8e30adbeb", "84f2200218cc247f4761e6944277a4e0d6e32e44025b1e31537e2fc668",
      "84f2800218ba22b63d509bef5d093b43e5eaed03ed23144ab2d9cb51de"},
     "c05176c1b6f72aae50c32cbee63b0e95998928fd4dfb2be9f27ffde8c8476f5909b4805cc4039599"},
    {32,
     0x11,
     "11666d57866c6f54",
     "0000000000000000000032037053ea8847efa7674e41498a4d66cf0dee000003",
     "84821100102f2ad190eff2fafc4908996d1cebd310",
     {"84e291000ebf3e035c015af4b680372542b59d", "84f2200208d618b7da68d5fe52",
      "84ca0066088f3e055db23ad5e5", "84f22002124f0212345c054f9f70c5b6e15cc42404915e",
      "84f280020a4f00aa124aa74afe7f75"},
     "bf3e125a10898821199000000000000000000000058012dd7f01f1c4c1"},
    {32,
     0x03,
     "c6066990fc426e1d",
     "000000000000000000003203708682cd81bbd8919f2de3f2664581f118000001",
     "848203001077c493b632edadaf865a1e64acc07ce9",
     {"84e29100183ddaa60594963befaada3525b492ede23c2ab2c1ce3afe44", "84f2200208480ddc8e419da38d",
      "84ca0066083e9d6a6c0b2d7320", "84f22002183ebfef2da8b04af2a85f491f299b76973df76ff08a4031be",
      "84f2800218783fff80990f5585b1055010ea95094a26e4a8f1ef4b18e1"},
     "bf3e125a1089882119900000000000000000000005"},
    {32,
     0x33,
     "97b2055fe58599fd",
     "00000000000000000000320370a8439a22cedf045fa9f1903b2834f26e000002",
     "8482330010508a0fd959d2e547c6b33154a6be2057",
     {"84e29100187a5ef717eaf1e135ae92fe54429d0e465decda65f5fe5aea", "84f2200208bcc5c17275545d93",
      "84ca00660804806aba9d543bb6", "84f2200218717222491556ec81a45f49ce48be33320024801a1c4cb0e0",
      "84f2800218561f105bccd3a1642904b251ccc1228beb80a82370a86370"},
     "ea90dbfa648a67c5eb6abc57f8530b97d0cd5647c5e8732016b55203b078dd2ace7f8bc5d1c1cd99"},
};
#define SESSION_N (sizeof(sessions) / sizeof(sessions[0]))
static const char *const plain_commands[COMMAND_N] = {
    "80e2910006bf3e035c015a", "80f2200200", "80ca006600", "80f220020a4f0212345c054f9f70c5",
    "80f28002024f00"};
static const char plain_response[] = "bf3e125a1089882119900000000000000000000005";

/*
 * SCP02 sessions: keys 10 01 02.. 10 11 02.. 10 21 02.. (pySim); test keys, a real card (unit tests of
 * kaoh/globalplatform).
 */
static const struct {
    const char *enc, *mac, *dek;
    uint8_t level;
    const char *host_challenge, *init_response, *authenticate;
    const char *plain[4], *wrapped[4];
} sessions02[] = {
    {"100102030405060708090a0b0c0d0e0f",
     "101102030405060708090a0b0c0d0e0f",
     "102102030405060708090a0b0c0d0e0f",
     0x01,
     "40a62c37fa6304f8",
     "00000000000000000000700200016b4524abee7cf32ea3838bc148f3",
     "8482010010ba6961667737c5bcebece14c7d6a4376",
     {"80f2200200", "80ca006600", "80f220020a4f0212345c054f9f70c5", "80f28002024f00"},
     {"84f220020814db34fa4341dca8", "84ca00660855ed7c5ff069512b",
      "84f22002124f0212345c054f9f70c58fc1b380c4228af8", "84f280020a4f003b95f09317de6a4e"}},
    {"404142434445464748494a4b4c4d4e4f",
     "404142434445464748494a4b4c4d4e4f",
     "404142434445464748494a4b4c4d4e4f",
     0x01,
     "d5ad539a60ca5e72",
     "000074746e6e6e6262620102069faa2a0591e73367dd78794d04315e",
     "84820100107c799b3c771dbae6bef49310977617ba",
     {"80f22002024f00"},
     {"84f220020a4f00bb6e71c0efcfcf0d"}},
    {"404142434445464748494a4b4c4d4e4f",
     "404142434445464748494a4b4c4d4e4f",
     "404142434445464748494a4b4c4d4e4f",
     0x03,
     "ebaa9e53c696281b",
     "000074746e6e6e626262010206a15086bbee58f467149061da4b6eae",
     "848203001005814c116071eb67d8ba9d9879454564",
     {"80e400800a4f08d0d1d2d3d4d50101", "80e40080094f07d0d1d2d3d4d501"},
     {"84e4008018bc146fa0403be4bad3bc089e4abd8674da7efea21047b858",
      "84e4008018c2748c1669fafc0e20c5253680388a4a49c9a6038d77b457"}},
};

static void recorded_keys(uint8_t len, struct mm_scp_keys *keys)
{
    keys->len = len;
    for (uint8_t i = 0; i < len; i++) {
        keys->enc[i] = i & 0x0f;
        keys->mac[i] = 0x10 | (i & 0x0f);
        keys->dek[i] = 0x20 | (i & 0x0f);
    }
}

/* One end of a session, up to EXTERNAL AUTHENTICATE. */
static void start(const char *host_challenge, const char *init_response,
                  const struct mm_scp_keys *keys, struct mm_scp *s)
{
    struct mm_scp_source source = mm_scp_source_of(keys);
    uint8_t host[16], response[64];

    hex(host_challenge, host, sizeof(host));
    hex(init_response, response, sizeof(response));
    if (response[11] == 3) {
        assert_int_equal(mm_scp_start(s, 3, response[12], &source, host, response + 13), MM_OK);
        assert_memory_equal(s->card_cryptogram, response + 21, 8);
    } else {
        assert_int_equal(mm_scp_start(s, 2, 0x55, &source, host, response + 12), MM_OK);
        assert_memory_equal(s->card_cryptogram, response + 20, 8);
    }
}

/* A command from text: header and data apart. */
static struct mm_scp_command command_of(const char *text, uint8_t buf[256])
{
    struct mm_scp_command c = {.data = buf + 5};

    (void)hex(text, buf, 256);
    memcpy(c.header, buf, 4);
    c.len = buf[4];
    return c;
}

static void assert_command(const struct mm_scp_command *c, const char *text)
{
    uint8_t buf[256];
    struct mm_scp_command want = command_of(text, buf);

    assert_int_equal(c->len, want.len);
    assert_memory_equal(c->data, want.data, want.len);
}

/* The host writes that EXTERNAL AUTHENTICATE, the card takes it. */
static void authenticate(const char *text, uint8_t level, struct mm_scp *host, struct mm_scp *card)
{
    uint8_t buf[256], made[64];
    struct mm_scp_command c = command_of(text, buf);
    struct mm_scp_command h = {.data = made, .len = 8};

    memcpy(h.header, c.header, 4);
    memcpy(made, host->host_cryptogram, 8);
    assert_int_equal(mm_scp_sign_first(host, &h), MM_OK);
    assert_command(&h, text);
    assert_memory_equal(c.data, card->host_cryptogram, 8);
    assert_int_equal(mm_scp_check_first(card, &c), MM_OK);
    assert_int_equal(c.len, 8);
    host->level = card->level = level;
}

/* The host wraps plain to wrapped, and the card unwraps that to plain. */
static void exchange(struct mm_scp *host, struct mm_scp *card, const char *plain,
                     const char *wrapped)
{
    uint8_t buf[256];
    struct mm_scp_command c = command_of(plain, buf);

    assert_int_equal(mm_scp_wrap_command(host, &c, 250), MM_OK);
    assert_command(&c, wrapped);
    c = command_of(wrapped, buf);
    assert_int_equal(mm_scp_unwrap_command(card, &c), MM_OK);
    assert_command(&c, plain);
}

static void scp03_agrees_with_a_real_card_at_all_key_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < SESSION_N; i++) {
        const struct session *r = &sessions[i];
        struct mm_scp_keys keys = {0};
        struct mm_scp host, card;
        uint8_t response[64];
        size_t len;

        recorded_keys(r->key_len, &keys);
        start(r->host_challenge, r->init_response, &keys, &host);
        start(r->host_challenge, r->init_response, &keys, &card);
        authenticate(r->authenticate, r->level, &host, &card);
        for (size_t n = 0; n < COMMAND_N; n++) {
            exchange(&host, &card, plain_commands[n], r->commands[n]);
            if (n > 0)
                continue;
            len = hex(plain_response, response, sizeof(response));
            assert_int_equal(mm_scp_wrap_response(&card, response, &len, 64, 0x9000), MM_OK);
            assert_hex(response, len, r->response);
            assert_int_equal(mm_scp_unwrap_response(&host, response, &len, 0x9000), MM_OK);
            assert_hex(response, len, plain_response);
        }
    }
}

/* The card challenge of i = 70: derived from K-ENC, sequence counter and the application's AID. */
static void scp03_challenge_agrees_with_a_real_card(void **state)
{
    struct mm_aid aid = {.len = 16};

    (void)state;
    hex("a0000005591010ffffffff8900000100", aid.bytes, 16);
    for (size_t i = 0; i < SESSION_N; i++) {
        struct mm_scp_keys keys = {0};
        struct mm_scp_source source = mm_scp_source_of(&keys);
        uint8_t response[32], challenge[8];

        recorded_keys(sessions[i].key_len, &keys);
        source.key_len = keys.len;
        hex(sessions[i].init_response, response, sizeof(response));
        assert_int_equal(mm_scp_known_challenge(3, 0x70, &source, response[31], &aid, challenge),
                         MM_OK);
        assert_memory_equal(challenge, response + 13, 8);
    }
}

static void scp02_agrees_with_recorded_sessions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(sessions02) / sizeof(sessions02[0]); i++) {
        struct mm_scp_keys keys = {.len = 16};
        struct mm_scp host, card;

        hex(sessions02[i].enc, keys.enc, 16);
        hex(sessions02[i].mac, keys.mac, 16);
        hex(sessions02[i].dek, keys.dek, 16);
        start(sessions02[i].host_challenge, sessions02[i].init_response, &keys, &host);
        start(sessions02[i].host_challenge, sessions02[i].init_response, &keys, &card);
        authenticate(sessions02[i].authenticate, sessions02[i].level, &host, &card);
        for (size_t n = 0; n < 4 && sessions02[i].plain[n] != NULL; n++)
            exchange(&host, &card, sessions02[i].plain[n], sessions02[i].wrapped[n]);
    }
}

static void key_check_values_agree_with_published_ones(void **state)
{
    static const char *const values[] = {"c35280", "013808", "840de5"};
    struct mm_scp_keys keys = {0};
    uint8_t kcv[3];

    (void)state;
    recorded_keys(16, &keys);
    assert_int_equal(mm_scp_kcv(keys.enc, 16, kcv), MM_OK);
    assert_hex(kcv, 3, values[0]);
    assert_int_equal(mm_scp_kcv(keys.mac, 16, kcv), MM_OK);
    assert_hex(kcv, 3, values[1]);
    assert_int_equal(mm_scp_kcv(keys.dek, 16, kcv), MM_OK);
    assert_hex(kcv, 3, values[2]);
    /* the triple DES value of the GlobalPlatform test key, as every card tool shows it */
    assert_int_equal(mm_scp_des_kcv(mm_scp_test_keys.enc, 16, kcv), MM_OK);
    assert_hex(kcv, 3, "8baf47");
}

/* Both ends of every kind of session understand each other, and neither a changed one. */
static const struct {
    uint8_t protocol, i, key_len;
} kinds[] = {{2, 0x04, 16}, {2, 0x05, 16}, {2, 0x14, 16}, {2, 0x15, 16}, {2, 0x1b, 16},
             {2, 0x3f, 16}, {2, 0x44, 16}, {2, 0x45, 16}, {2, 0x55, 16}, {2, 0x75, 16},
             {2, 0x7f, 16}, {2, 0x75, 24}, {3, 0x00, 16}, {3, 0x10, 16}, {3, 0x20, 24},
             {3, 0x30, 32}, {3, 0x60, 16}, {3, 0x70, 32}, {3, 0x01, 16}, {3, 0x61, 24},
             {3, 0x71, 32}};
static const uint8_t levels[] = {0x01, 0x03, 0x11, 0x13, 0x33};

static void open_pair(size_t kind, uint8_t level, struct mm_scp *host, struct mm_scp *card)
{
    static const uint8_t challenges[32] = {0, 1, 2, 3, 4, 5};
    struct mm_scp_keys keys = mm_scp_test_keys;
    struct mm_scp_source source;
    uint8_t buf[64];
    struct mm_scp_command c = {.header = {0x84, 0x82, level, 0}, .data = buf};

    keys.len = kinds[kind].key_len;
    memset(keys.enc + 16, 1, 16);
    source = mm_scp_source_of(&keys);
    assert_int_equal(mm_scp_start(host, kinds[kind].protocol, kinds[kind].i, &source, challenges,
                                  challenges + 16),
                     MM_OK);
    *card = *host;
    c.len = mm_scp_mac_len(host);
    memcpy(buf, host->host_cryptogram, c.len);
    assert_int_equal(mm_scp_sign_first(host, &c), MM_OK);
    assert_int_equal(mm_scp_check_first(card, &c), MM_OK);
    host->level = card->level = level;
    if (kinds[kind].protocol == 2 && (level & MM_SCP_R_MAC)) {
        mm_scp02_rmac_begin(host);
        mm_scp02_rmac_begin(card);
    }
}

static void talk(struct mm_scp *host, struct mm_scp *card, size_t len, bool extended, uint16_t sw)
{
    uint8_t buf[2048 + MM_SCP_OVERHEAD];
    struct mm_scp_command c = {.header = {0x80, 0xe2, 1, 2}, .extended = extended, .data = buf};
    size_t n = len;

    for (size_t i = 0; i < len; i++)
        buf[i] = (uint8_t)(i + 1);
    c.len = len;
    assert_int_equal(mm_scp_wrap_command(host, &c, sizeof(buf)), MM_OK);
    assert_true(c.len > len);
    assert_int_equal(mm_scp_unwrap_command(card, &c), MM_OK);
    assert_int_equal(c.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(buf[i], (uint8_t)(i + 1));
    assert_int_equal(mm_scp_wrap_response(card, buf, &n, sizeof(buf), sw), MM_OK);
    assert_int_equal(n > len, mm_scp_has_rmac(host, sw));
    assert_int_equal(mm_scp_unwrap_response(host, buf, &n, sw), MM_OK);
    assert_int_equal(n, len);
}

static void both_ends_of_every_kind_of_session_agree(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (size_t l = 0; l < sizeof(levels); l++) {
            struct mm_scp host, card;

            if (!mm_scp_level_allowed(kinds[kind].protocol, kinds[kind].i, levels[l]))
                continue;
            open_pair(kind, levels[l], &host, &card);
            if (l % 2) /* what is ready understands what is not */
                mm_scp_make_ready(&card);
            for (size_t len = 0; len < 40; len++)
                talk(&host, &card, len, false, len % 2 ? 0x9000 : 0x6310);
            talk(&host, &card, 0, false, 0x6a88);
            talk(&host, &card, 2000, true, 0x9000);
            talk(&host, &card, 16, true, 0x9000); /* extended though short */
            mm_scp_drop_ready(&card);
        }
    }
}

static void a_changed_bit_is_noticed_at_either_end(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        for (size_t bit = 0; bit < 64 * 8; bit += 5) {
            uint8_t buf[128] = {1, 2, 3};
            struct mm_scp_command c = {.header = {0x80, 0xe2, 1, 2}, .data = buf, .len = 3};
            struct mm_scp host, card;
            uint8_t level =
                mm_scp_level_allowed(kinds[kind].protocol, kinds[kind].i, 0x13) ? 0x13 : 0x03;
            size_t n = 3;

            open_pair(kind, level, &host, &card);
            assert_int_equal(mm_scp_wrap_command(&host, &c, sizeof(buf)), MM_OK);
            if (bit / 8 < c.len) {
                struct mm_scp other = card;
                uint8_t changed[128];
                struct mm_scp_command d = c;

                memcpy(changed, buf, sizeof(buf));
                changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
                d.data = changed;
                assert_int_equal(mm_scp_unwrap_command(&other, &d), MM_AUTH);
            }
            assert_int_equal(mm_scp_unwrap_command(&card, &c), MM_OK);
            assert_int_equal(mm_scp_wrap_response(&card, buf, &n, sizeof(buf), 0x9000), MM_OK);
            if (!(level & MM_SCP_R_MAC) || bit / 8 >= n)
                continue;
            buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(mm_scp_unwrap_response(&host, buf, &n, 0x9000), MM_AUTH);
        }
    }
}

static void parameters_and_levels_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_true(mm_scp_known(2, 0x15));
    assert_true(mm_scp_known(2, 0x5a));
    assert_false(mm_scp_known(2, 0x95));
    assert_true(mm_scp_known(3, 0x70));
    assert_true(mm_scp_known(3, 0x71));
    assert_false(mm_scp_known(3, 0x40)); /* R-ENC rests on R-MAC */
    assert_false(mm_scp_known(3, 0x02));
    assert_false(mm_scp_known(1, 0x05));
    assert_true(mm_scp_level_allowed(2, 0x75, 0x13));
    assert_false(mm_scp_level_allowed(2, 0x55, 0x13)); /* no R-MAC in i */
    assert_false(mm_scp_level_allowed(2, 0x75, 0x33)); /* SCP02 encrypts no responses */
    assert_false(mm_scp_level_allowed(2, 0x75, 0x02));
    assert_true(mm_scp_level_allowed(3, 0x60, 0x33));
    assert_false(mm_scp_level_allowed(3, 0x20, 0x33));
    assert_false(mm_scp_level_allowed(3, 0x00, 0x11));
    assert_false(mm_scp_level_allowed(3, 0x70, 0x10));
}

static void padding_comes_off_as_it_went_on(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 33; len++) {
        uint8_t buf[64];
        size_t back = 0, padded;

        memset(buf, 0x00, sizeof(buf)); /* trailing zeros of the data must survive */
        padded = mm_scp_pad(buf, len, 16);
        assert_int_equal(padded % 16, 0);
        assert_true(padded > len && padded <= len + 16);
        assert_int_equal(mm_scp_unpad(buf, padded, 16, &back), MM_OK);
        assert_int_equal(back, len);
    }
}

static void unpad_refuses_what_was_never_padded(void **state)
{
    uint8_t zeros[32] = {0}, text[16], early[32] = {0x80};
    size_t n = 1;

    (void)state;
    memset(text, 0x55, sizeof(text));
    assert_int_equal(mm_scp_unpad(zeros, sizeof(zeros), 16, &n), MM_MALFORMED);
    assert_int_equal(mm_scp_unpad(text, sizeof(text), 16, &n), MM_MALFORMED);
    assert_int_equal(mm_scp_unpad(early, sizeof(early), 16, &n),
                     MM_MALFORMED); /* more than a block */
    assert_int_equal(mm_scp_unpad(zeros, 0, 16, &n), MM_MALFORMED);
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
        cmocka_unit_test(scp03_agrees_with_a_real_card_at_all_key_lengths),
        cmocka_unit_test(scp03_challenge_agrees_with_a_real_card),
        cmocka_unit_test(scp02_agrees_with_recorded_sessions),
        cmocka_unit_test(key_check_values_agree_with_published_ones),
        cmocka_unit_test(both_ends_of_every_kind_of_session_agree),
        cmocka_unit_test(a_changed_bit_is_noticed_at_either_end),
        cmocka_unit_test(parameters_and_levels_are_those_of_the_tables),
        cmocka_unit_test(padding_comes_off_as_it_went_on),
        cmocka_unit_test(unpad_refuses_what_was_never_padded),
        cmocka_unit_test(diversified_keys_differ_by_usage_and_chip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
