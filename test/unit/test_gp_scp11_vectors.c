/*
 * SCP11 against transcripts that others published: the tests of Samsung's OpenSCP-Java 1.0.0 (a host of
 * variants a and c with fixed ephemeral keys, and the answers of a card), and a derivation with
 * identifiers computed by an independent implementation (Python, cryptography 48: ECDH, X963KDF, CMAC).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "host_client/gp/channel.h"

#include "applet_vm/base/ber.h"

#define OWN       "A5116B848D41BD93737F187ABC03886BF7A80422D150025109C6749F45BB9B6D"
#define EPHEMERAL "B69D2D4A2544B5938ED3C4F6319810837E4DBBEFF115BD9955607E8CDBBBACE5"
#define CARD                                                                                       \
    "044F92A07D168C309959EED99E288381DD192979CD452D8FBE1F163447979207C5"                           \
    "E6CD1F4DD11609E2100C033BBD723BE78B71477E64883EB41EC366713E44AF1E"
#define HOST_POINT                                                                                 \
    "0470B0BD7863E90E32DA5401188354D1F41999442FDFDCBA7472B7F1E5DBBF8A32"                           \
    "F92D9D4F9D55C60D57D39BD6D7973306CEA55F7A86884096651A9CCAC8239C92"
#define CARD_POINT                                                                                 \
    "0492CAFD79D7E39EA433611E9AAD9742D85B3BD06F3D6055D7CDE28FC44D0AB556"                           \
    "BC0F94D2100D87727FDFA2B49033C78F07A30AA8D5A6A505E59F99FCDFB25266"
#define PLAIN                                                                                      \
    "08A00000015141434C010010A0000002202003010101000000000006010010A00000022020030101010000000000" \
    "11"                                                                                           \
    "010005A0000002480100"

static const struct transcript {
    const char *name;
    enum mm_scp11_variant variant;
    bool s16;
    uint8_t key_len;
    const char *card_point, *receipt, *command, *answer; /* answer NULL: not published whole */
} transcripts[] = {
    {"a, AES-128, S8", MM_SCP11_A, false, 16, CARD_POINT, "0B63C42C2D5138936FF5894F10C1234F",
     "84F2200018E1EE3A92EF45551E8464A252F997230DC4E84F41BA692405",
     "DC8D7D92F77BB20F4AEA2C2EB70A7D93C5F0EA0F27D193679C3D1C970BED8F73C394C63A201C8D367A9F0990146D1"
     "F"
     "F5CEC2E5F90F6956EF241D2CC899BA25B964FFFB799F4C4246"},
    {"a, AES-128, S16", MM_SCP11_A, true, 16, CARD_POINT, "0B63C42C2D5138936FF5894F10C1234F",
     "84F2200020E1EE3A92EF45551E8464A252F997230D4C7BF9A271B036DD0423ACE5DE96B3CD",
     "DC8D7D92F77BB20F4AEA2C2EB70A7D93C5F0EA0F27D193679C3D1C970BED8F73C394C63A201C8D367A9F0990146D1"
     "F"
     "F5CEC2E5F90F6956EF241D2CC899BA25B962B2B347CDB592E2E99EFBE5A4459D16"},
    {"a, AES-192, S8", MM_SCP11_A, false, 24, CARD_POINT, "B0E63B8049C68B76DF9BBCB2CCB52B3E",
     "84F2200018475AA7DD97A201D9FEB49A4E58DB4FCBF8FC926530EDF1D9",
     "3E0FA453846188151C8DA4916B813220CC408E47FE14622CF7A2F274884139AC48CA59E78DBD86E481F456A107AA3"
     "C"
     "8D6AE228565C5D39FB5163756ACA6C8FF2DD7FA5E704539130"},
    {"a, AES-256, S8", MM_SCP11_A, false, 32, CARD_POINT, "EC6FEDA834E69E76D7F5DFF8564DE6CB",
     "84F2200018C68231841D3CF95F1CB4B9AAB824CD479CC3D4806D163001", NULL},
    {"c, AES-128, S8", MM_SCP11_C, false, 16, CARD, "0B9394B90AEC0BC62F1F024E6D748ADD",
     "84F2200018D2AAA03B2F7B80150EEB1A62CE525FA9B98055B95E2E35A4",
     "A05ADFADAF85CD3E9FCBBC05597FFA61B6328C799934B35A92AA3ABC3B7596FD6E77F30C5A7D6758A2636A26FF81C"
     "1"
     "A9643C189D834565C153D34A1901B1D706411CE2DC076B5177"},
};

static size_t hex(const char *text, uint8_t *out, size_t room)
{
    assert_int_equal(mm_unhex(text, out, &room), MM_OK);
    return room;
}

static EVP_PKEY *public_key(const char *point)
{
    uint8_t bytes[MM_SCP11_POINT_LEN];
    EVP_PKEY *key = NULL;

    assert_int_equal(hex(point, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(mm_scp11_public_key(bytes, &key), MM_OK);
    return key;
}

/* With any point beside it: for an agreement only the scalar counts. */
static EVP_PKEY *private_key(const char *scalar)
{
    uint8_t bytes[32], point[MM_SCP11_POINT_LEN];
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params;
    BIGNUM *d;

    hex(scalar, bytes, sizeof(bytes));
    hex(HOST_POINT, point, sizeof(point));
    d = BN_bin2bn(bytes, sizeof(bytes), NULL);
    assert_int_equal(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d), 1);
    assert_int_equal(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0),
                     1);
    assert_int_equal(
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)), 1);
    params = OSSL_PARAM_BLD_to_param(bld);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    EVP_PKEY_CTX_free(ctx);
    BN_clear_free(d);
    return key;
}

/* AUTHENTICATE with the published ephemeral key, as mm_gp_scp11_begin would write it. */
static void write_command(const struct mm_scp11_params *params, struct mm_buf *out)
{
    uint8_t point[MM_SCP11_POINT_LEN], head[4] = {0x80, 0x82, 0x03, 0x11};
    struct mm_buf data;

    hex(HOST_POINT, point, sizeof(point));
    mm_buf_init(&data);
    assert_int_equal(mm_scp11_write_data(params, point, &data), MM_OK);
    mm_buf_bytes(out, head, sizeof(head));
    mm_buf_u8(out, (uint8_t)data.len);
    mm_buf_bytes(out, data.data, data.len);
    mm_buf_u8(out, 0);
    mm_buf_clear(&data);
}

static void write_answer(const char *point, const char *receipt, struct mm_buf *out)
{
    uint8_t bytes[MM_SCP11_POINT_LEN];
    size_t n = hex(point, bytes, sizeof(bytes));

    mm_ber_put(out, 0x5f49, bytes, n);
    n = hex(receipt, bytes, sizeof(bytes));
    mm_ber_put(out, 0x86, bytes, n);
}

static void open_as(const struct mm_gp_scp11 *how, const struct transcript *t,
                    enum mm_status expected, struct mm_gp_channel *channel)
{
    struct mm_scp11_params params = {.variant = t->variant, .usage = 0x3c, .key_len = t->key_len};
    EVP_PKEY *ephemeral = private_key(EPHEMERAL);
    struct mm_buf command, answer;

    params.host_id_len = (uint8_t)how->host_id_len;
    if (how->host_id_len > 0)
        memcpy(params.host_id, how->host_id, how->host_id_len);
    mm_buf_init(&command);
    mm_buf_init(&answer);
    write_command(&params, &command);
    write_answer(t->card_point, t->receipt, &answer);
    assert_int_equal(
        mm_gp_scp11_open(channel, how, ephemeral, &command, answer.data, answer.len, NULL),
        expected);
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&command);
    mm_buf_clear(&answer);
}

static void talk_as(struct mm_gp_channel *channel, const struct transcript *t)
{
    static const uint8_t plain[] = {0x80, 0xf2, 0x20, 0x00, 0x02, 0x4f, 0x00};
    uint8_t bytes[128];
    struct mm_buf command, answer;
    size_t n = hex(t->command, bytes, sizeof(bytes));

    mm_buf_init(&command);
    mm_buf_init(&answer);
    assert_int_equal(mm_gp_channel_wrap(channel, plain, sizeof(plain), &command, NULL), MM_OK);
    assert_int_equal(command.len, n + 1); /* and Le, which is no part of the MAC */
    assert_memory_equal(command.data, bytes, n);
    if (t->answer != NULL) {
        n = hex(t->answer, bytes, sizeof(bytes));
        mm_buf_bytes(&answer, bytes, n);
        mm_buf_u16(&answer, 0x9000);
        assert_int_equal(mm_gp_channel_unwrap(channel, &answer, NULL), MM_OK);
        n = hex(PLAIN, bytes, sizeof(bytes));
        assert_int_equal(answer.len, n + 2);
        assert_memory_equal(answer.data, bytes, n);
    }
    mm_buf_clear(&command);
    mm_buf_clear(&answer);
}

static void published_transcripts_are_ours(void **state)
{
    struct mm_gp_scp11 how = {.level = 0x33};
    struct mm_gp_channel channel;

    (void)state;
    how.own = private_key(OWN);
    how.card = public_key(CARD);
    for (size_t i = 0; i < sizeof(transcripts) / sizeof(transcripts[0]); i++) {
        const struct transcript *t = &transcripts[i];

        print_message("%s\n", t->name);
        how.variant = t->variant;
        how.key_len = t->key_len;
        how.s16 = t->s16;
        open_as(&how, t, MM_OK, &channel);
        talk_as(&channel, t);
    }
    EVP_PKEY_free(how.own);
    EVP_PKEY_free(how.card);
}

/* In a and b issuer's and card's number name the card, in c its group. */
static void identifiers_are_in_the_derivation(void **state)
{
    static const uint8_t host[] = "HOST-1",
                         group[] = {9, 'j', 'u', 'b', '-', 'g', 'r', 'o', 'u', 'p'},
                         numbers[] = {3,    0x99, 0x99, 0x99, 10,   0x00, 0x11, 0x22,
                                      0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99};
    static const struct transcript named[] = {
        {"a", MM_SCP11_A, false, 16, CARD_POINT, "157B7B950232C92FBB392E61DCCDBA13",
         "84F220001803677DA8B1FE0CDF69C861EE713F36E31B17146A0B11127B", NULL},
        {"c", MM_SCP11_C, false, 32, CARD, "AFE1C6DE45297E30CB945BCC7FFE78B3",
         "84F2200018242A389562B6F3B1A4315263B2842802424CAA7D5D12B06B", NULL}};
    struct mm_gp_scp11 how = {.level = 0x33, .host_id = host, .host_id_len = sizeof(host) - 1};
    struct mm_gp_channel channel;

    (void)state;
    how.own = private_key(OWN);
    how.card = public_key(CARD);
    for (size_t i = 0; i < 2; i++) {
        how.variant = named[i].variant;
        how.key_len = named[i].key_len;
        how.card_ids = i == 0 ? numbers : group;
        how.card_ids_len = i == 0 ? sizeof(numbers) : sizeof(group);
        open_as(&how, &named[i], MM_OK, &channel);
        talk_as(&channel, &named[i]);
        how.card_ids_len--; /* another card */
        open_as(&how, &named[i], MM_AUTH, &channel);
    }
    EVP_PKEY_free(how.own);
    EVP_PKEY_free(how.card);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_transcripts_are_ours),
        cmocka_unit_test(identifiers_are_in_the_derivation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
