/* Key sets of the domain: which INITIALIZE UPDATE selects, what PUT KEY adds and replaces, and which
 * DELETE takes. */
#include "test/unit/card_load.h"

#include "applet_vm/card/card_int.h"

#include <openssl/evp.h>

static int with_session(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    return host_open(h, 0x03) != 0x9000;
}

static const struct mm_scp_keys keys_a = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};
static const struct mm_scp_keys keys_b = {{11, 2, 3}, {14, 5, 6}, {17, 8, 9}, 16};

static size_t put_part(const struct host *h, const uint8_t *key, uint8_t *out)
{
    memcpy(out, "\x88\x11\x10", 3);
    assert_int_equal(mm_scp_cbc(h->keys.dek, 16, NULL, true, key, 16, out + 3), MM_OK);
    out[19] = 3;
    assert_int_equal(mm_scp_kcv(key, 16, out + 20), MM_OK);
    return 23;
}

static size_t key_block(const struct host *h, uint8_t version, const struct mm_scp_keys *keys,
                        uint8_t *out)
{
    size_t n = 0;

    out[n++] = version;
    n += put_part(h, keys->enc, out + n);
    n += put_part(h, keys->mac, out + n);
    return n + put_part(h, keys->dek, out + n);
}

static uint16_t put_keys(struct host *h, uint8_t old, uint8_t version,
                         const struct mm_scp_keys *keys)
{
    uint8_t block[80];
    size_t n = key_block(h, version, keys, block);

    return host_secure(h, PUT_KEY, old, 0x81, block, n);
}

/* Open a session with the set of that version. */
static uint16_t open_version(struct host *h, uint8_t version, const struct mm_scp_keys *keys)
{
    h->keys = *keys;
    h->key_version = version;
    return host_open(h, 0x03);
}

static void first_set_replaces_the_test_keys_for_good(void **state)
{
    struct host *h = *state;

    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(h->resp_len, 10);
    assert_int_equal(h->resp[0], 0x30);
    host_reopen(h);
    assert_int_equal(open_version(h, 0, &mm_scp_test_keys), 0); /* they do not fit any more */
    assert_int_equal(open_version(h, 0xff, &mm_scp_test_keys), 0x6a88);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x9000);
    assert_int_equal(host_hex(h, "00CA00E000"), 0x9000);
    assert_resp(h, "E012C00401308810C00402308810C00403308810");
}

static void sets_stand_side_by_side_and_are_selected_by_version(void **state)
{
    struct host *h = *state;

    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x00, &keys_a), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x31, &keys_b), 0x9000);
    host_reopen(h);
    assert_int_equal(open_version(h, 0x31, &keys_b), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x00, &keys_a), 0x9000); /* the first one is the default */
    assert_int_equal(open_version(h, 0x30, &keys_b), 0);
    assert_int_equal(open_version(h, 0x32, &keys_a), 0x6a88);
    assert_int_equal(host_hex(h, "00CA00E000"), 0x9000);
    assert_int_equal(h->resp_len, 2 + 6 * 6);
}

static void put_key_replaces_a_set_under_its_version_or_a_new_one(void **state)
{
    struct host *h = *state;

    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x9000);
    assert_int_equal(put_keys(h, 0x30, 0x30, &keys_b), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_b), 0x9000);
    assert_int_equal(put_keys(h, 0x30, 0x31, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x31, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_b), 0x6a88);
}

/* The form of GPShell: length 10 and the key at once. */
static void put_key_takes_keys_without_a_length_of_their_own(void **state)
{
    struct host *h = *state;
    uint8_t block[80], *at = block + 1;
    size_t n = key_block(h, 0x30, &keys_a, block);

    for (size_t i = 0; i < 3; i++, at += 22) {
        at[1] = 0x10;
        memmove(at + 2, at + 3, (size_t)(block + n - (at + 3)));
        n--;
    }
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x9000);
}

static void refused_command_answers_no_data(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x81, "3088"), 0x6a80);
    assert_int_equal(h->resp_len, 0);
}

static void put_key_replaces_one_key_of_a_set(void **state)
{
    struct host *h = *state;
    struct mm_scp_keys mixed = keys_a;
    uint8_t block[24] = {0x30};

    memcpy(mixed.mac, keys_b.mac, 16);
    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x9000);
    assert_int_equal(put_part(h, mixed.mac, block + 1), 23);
    assert_int_equal(host_secure(h, PUT_KEY, 0x30, 0x02, block, 24), 0x9000);
    assert_int_equal(open_version(h, 0x30, &mixed), 0x9000);
    block[0] = 0x31; /* the others of the set would keep their version */
    assert_int_equal(host_secure(h, PUT_KEY, 0x30, 0x02, block, 24), 0x6a80);
    assert_int_equal(host_secure(h, PUT_KEY, 0x30, 0x04, block, 24), 0x6a88); /* no key 4 */
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x02, block, 24),
                     0x9000); /* the others may come */
    assert_int_equal(open_version(h, 0x31, &mixed), 0x6a88);
}

static void put_key_refuses_versions_that_are_not_there_or_taken(void **state)
{
    struct host *h = *state;

    assert_int_equal(put_keys(h, 0x30, 0x30, &keys_a), 0x6a88);
    assert_int_equal(put_keys(h, 0x00, 0x00, &keys_a), 0x6a80);
    assert_int_equal(put_keys(h, 0x00, 0x80, &keys_a), 0x6a80);
    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x00, &keys_a), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_b), 0x6a80);
    assert_int_equal(put_keys(h, 0x00, 0x31, &keys_b), 0x9000);
    assert_int_equal(put_keys(h, 0x30, 0x31, &keys_b), 0x6a80);
    for (uint8_t version = 0x32; version < 0x40; version++)
        assert_int_equal(put_keys(h, 0x00, version, &keys_b), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x40, &keys_b), 0x6a84); /* sixteen sets are all */
}

static void put_key_refuses_a_wrong_check_value(void **state)
{
    struct host *h = *state;
    uint8_t block[80];
    size_t n = key_block(h, 0x30, &keys_a, block);

    block[n - 1] ^= 1;
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n), 0x9485);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n - 1), 0x6a80);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x01, block, n), 0x6a80);
    mm_card_reset(h->card);
    assert_int_equal(host_open(h, 0x03), 0x9000); /* still the old keys */
}

static void delete_takes_a_set_but_never_the_last(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, DELETE, 0, 0, "D201FF"), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00101D201FF"), 0x6985); /* nor a part of it */
    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x00, &keys_a), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x31, &keys_b), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "D20132"), 0x6a88);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00105D20130"), 0x6a88);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00100D20130"),
                     0x9000); /* 00: all, as GPShell says */
    assert_int_equal(secure(h, DELETE, 0, 0, "D20131"), 0x6985);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x6a88);
    assert_int_equal(open_version(h, 0x00, &keys_b), 0x9000);
}

/* ---- Keys of all types ---- */
#define RSA_KEY /* 512 bits, exponent 65537 */                                                     \
    "A140"                                                                                         \
    "C5A6C8A9E1D9D1F6F2A4B7C3D5E8F9A1B3C5D7E9FB0D1F2132435465768798A9"                             \
    "BACBDCEDFE0F102132435465768798A9BACBDCEDFE0F10213243546576879801"                             \
    "A003010001"
/* The point of RFC 5903, 8.1 (P-256). */
#define EC_POINT                                                                                   \
    "04DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"                           \
    "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3"
#define EC_SCALAR "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"

/* Keys under the DEK, as PUT KEY takes them: type, length, key length, key, check value. */
static size_t secret_field(const struct host *h, uint8_t type, const uint8_t *key, size_t len,
                           bool kcv, uint8_t *out)
{
    size_t block = mm_scp_block(h->scp.protocol), padded = (len + block - 1) / block * block, n = 0;
    uint8_t plain[80] = {0};

    memcpy(plain, key, len);
    out[n++] = type;
    out[n++] = (uint8_t)(padded + 1);
    out[n++] = (uint8_t)len;
    assert_int_equal(mm_scp_data(&h->scp, true, plain, padded, out + n), MM_OK);
    n += padded;
    out[n++] = kcv ? 3 : 0;
    if (!kcv)
        return n;
    assert_int_equal(
        type == 0x80 ? mm_scp_des_kcv(key, len, out + n) : mm_scp_kcv(key, len, out + n), MM_OK);
    return n + 3;
}

static void key_information_is(struct host *h, const char *text)
{
    assert_int_equal(secure(h, 0xca, 0x00, 0xe0, ""), 0x9000);
    assert_resp(h, text);
}

static void public_keys_are_put_in_clear(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, "73" RSA_KEY "00"), 0x9000);
    assert_resp(h, "73");
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02, "73B041" EC_POINT "F0010000"), 0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, "70B041" EC_POINT "00"), 0x9000);
    assert_int_equal(open_version(h, 0, &mm_scp_test_keys), 0x9000); /* the test keys stay */
    key_information_is(h, "E028"
                          "C00401FF8810C00402FF8810C00403FF8810"
                          "C0060173A140A003C0060273B041F001C0040170B041");
}

static void modulus_of_128_bytes_may_have_one_byte_of_length(void **state)
{
    struct host *h = *state;
    static const uint8_t one_byte[] = {0x73, 0xa1, 0x80}, ber[] = {0x74, 0xa1, 0x81, 0x80};
    uint8_t block[2 + 2 + 128 + 6];
    static const uint8_t exponent[] = {0xa0, 0x03, 0x01, 0x00, 0x01, 0x00};

    memset(block, 0xc5, sizeof(block));
    memcpy(block, one_byte, sizeof(one_byte));
    memcpy(block + sizeof(one_byte) + 128, exponent, sizeof(exponent));
    assert_int_equal(
        host_secure(h, PUT_KEY, 0x00, 0x01, block, sizeof(one_byte) + 128 + sizeof(exponent)),
        0x9000);
    memset(block, 0xc5, sizeof(block));
    memcpy(block, ber, sizeof(ber));
    memcpy(block + sizeof(ber) + 128, exponent, sizeof(exponent));
    assert_int_equal(
        host_secure(h, PUT_KEY, 0x00, 0x01, block, sizeof(ber) + 128 + sizeof(exponent)), 0x9000);
    key_information_is(h, "E022C00401FF8810C00402FF8810C00403FF8810"
                          "C0060173A180A003C0060174A180A003");
    /* a modulus whose length is not there */
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x02, one_byte, 2), 0x6a80);
}

static void stored_public_keys_are_keys(void **state)
{
    struct host *h = *state;
    struct mm_key_set set;
    struct mm_domain_key key;
    EVP_PKEY *pkey = NULL;
    uint8_t block[128] = {0x75}, scalar[32];
    size_t n = sizeof(scalar);

    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, "73" RSA_KEY "00"), 0x9000);
    assert_int_equal(mm_unhex(EC_SCALAR, scalar, &n), MM_OK);
    n = 1 + secret_field(h, 0xb1, scalar, 32, false, block + 1) - 1; /* F0 before the check value */
    memcpy(block + n, "\xf0\x01\x00\x00", 4);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x11, block, n + 4), 0x9000);
    assert_int_equal(mm_key_find(h->card->nvm, 0, 0x73, 1, &set, &key), MM_OK);
    assert_int_equal(mm_key_pkey(&key, &pkey), MM_OK);
    assert_int_equal(EVP_PKEY_get_bits(pkey), 512);
    EVP_PKEY_free(pkey);
    mm_key_set_clear(&set);
    assert_int_equal(mm_key_find(h->card->nvm, 0, 0x75, 0x11, &set, &key), MM_OK);
    assert_int_equal(key.parts[0].len, 32);
    assert_memory_equal(key.parts[0].value, scalar, 32);
    assert_int_equal(mm_key_pkey(&key, &pkey), MM_OK);
    assert_int_equal(EVP_PKEY_get_bits(pkey), 256);
    EVP_PKEY_free(pkey);
    mm_key_set_clear(&set);
    assert_int_equal(mm_key_find(h->card->nvm, 0, 0x75, 0x12, &set, &key), MM_NOT_FOUND);
    mm_key_set_clear(&set);
}

static void aes_and_des_keys_of_every_length_are_put(void **state)
{
    static const struct {
        uint8_t type, len;
    } rows[] = {{0x88, 16}, {0x88, 24}, {0x88, 32}, {0x80, 16}, {0x80, 24}};
    struct host *h = *state;
    struct mm_scp_keys keys = mm_scp_test_keys;
    uint8_t block[160];

    memset(keys.enc + 16, 3, 16);
    memset(keys.mac + 16, 4, 16);
    memset(keys.dek + 16, 5, 16);
    for (uint8_t i = 0; i < 5; i++) {
        size_t n = 1;
        keys.len = rows[i].len;
        block[0] = (uint8_t)(0x20 + i);
        n += secret_field(h, rows[i].type, keys.enc, keys.len, true, block + n);
        n += secret_field(h, rows[i].type, keys.mac, keys.len, true, block + n);
        n += secret_field(h, rows[i].type, keys.dek, keys.len, true, block + n);
        assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n), 0x9000);
        assert_int_equal(h->resp_len, 1 + 3 * 3);
        assert_int_equal(open_version(h, block[0], &keys), 0x9000);
        assert_int_equal(h->scp.protocol, rows[i].type == 0x88 ? 3 : 2);
    }
}

static void put_key_refuses_what_is_no_key(void **state)
{
    static const struct {
        const char *data;
        uint16_t sw;
    } rows[] = {
        {"", 0x6a80},   /* no version */
        {"73", 0x6a80}, /* no key */
        {"73A20400000000"
         "00",
         0x9484}, /* a type the card has no use for */
        {"73A003010001"
         "00",
         0x6a80},                               /* exponent without modulus */
        {"73B041" EC_POINT "F0010100", 0x6a80}, /* a point of another curve */
        {"73B041" EC_POINT "F0010900", 0x6a80}, /* no such curve */
        {"73B0410400" EC_POINT "00", 0x6a80},   /* longer than it says */
        {"738810000102030405060708090A0B0C0D0E0F"
         "0301",
         0x6a80}, /* check value cut */
        {"738808000102030405060708"
         "00",
         0x6a80}, /* no length of AES */
        {"73880F000102030405060708090A0B0C0D0E"
         "00",
         0x6a80},
        {"73" RSA_KEY "0001", 0x6a80}, /* something behind it */
        {"80" RSA_KEY "00", 0x6a80},   /* no version of a key */
        {"00" RSA_KEY "00", 0x6a80},
    };
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, rows[i].data), rows[i].sw);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x00, "73" RSA_KEY "00"),
                     0x9000); /* 00 is one, too */
    key_information_is(h, "E01AC00401FF8810C00402FF8810C00403FF8810C0060073A140A003");
}

/* Types and lengths with FF, then usage and access (GPCS 11.8.2.3). */
static void extended_format_keeps_usage_and_access(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, "73FFB00041" EC_POINT "FFF00001000001820100"),
                     0x9000);
    key_information_is(h, "E022C00401FF8810C00402FF8810C00403FF8810"
                          "C00E0173FFB00041FFF0000101820100");
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02, "73FFB00041" EC_POINT "00030102030100"),
                     0x6a80);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02, "73FFB00041" EC_POINT "0001820103"), 0x6a80);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02,
                            "73FFB00041" EC_POINT "F0010000"
                            "0000"),
                     0x6a80);
}

static void put_key_may_come_in_several_commands(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, PUT_KEY, 0x80, 0x01, "73B04104DAD0B65394"), 0x9000);
    assert_int_equal(h->resp_len, 0);
    assert_int_equal(secure(h, PUT_KEY, 0x80, 0x01, "221CF9B051E1FECA5787D098DFE637FC90B9EF945D"),
                     0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01,
                            "0C37725811805271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577"
                            "B8990BB300"),
                     0x9000);
    assert_resp(h, "73");
    /* another command between them ends it, and so does another key */
    assert_int_equal(secure(h, PUT_KEY, 0x80, 0x02, "73B041"), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x80, 0x02, "4F00"), 0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02, EC_POINT "00"), 0x6a80);
    assert_int_equal(secure(h, PUT_KEY, 0x80, 0x02, "73B041"), 0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x03, EC_POINT "00"), 0x6a86);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x02, EC_POINT "00"), 0x6a80);
}

static void keys_of_one_channel_are_of_one_kind(void **state)
{
    struct host *h = *state;
    uint8_t block[200] = {0x30};
    size_t n = 1;

    n += secret_field(h, 0x88, keys_a.enc, 16, true, block + n);
    n += secret_field(h, 0x80, keys_a.mac, 16, true, block + n);
    n += secret_field(h, 0x88, keys_a.dek, 16, true, block + n);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n), 0x6a80);
    key_information_is(h, "E012C00401FF8810C00402FF8810C00403FF8810");
}

static void delete_takes_single_keys_of_one_version_or_all(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x11, "73B041" EC_POINT "00"), 0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x12, "73B041" EC_POINT "00"), 0x9000);
    assert_int_equal(secure(h, PUT_KEY, 0x00, 0x12, "74B041" EC_POINT "00"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00111D20173"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00111D20173"), 0x6a88);
    key_information_is(h, "E01EC00401FF8810C00402FF8810C00403FF8810C0041273B041C0041274B041");
    assert_int_equal(secure(h, DELETE, 0, 0, "D00112"), 0x9000); /* in all versions */
    key_information_is(h, "E012C00401FF8810C00402FF8810C00403FF8810");
    assert_int_equal(secure(h, DELETE, 0, 0, "D00112"), 0x6a88);
    assert_int_equal(secure(h, DELETE, 0, 0, "D20112D00173"), 0x6a80); /* the wrong order */
    assert_int_equal(secure(h, DELETE, 0, 0, "D00201120173"), 0x6a80);
}

/* ---- Power cuts ---- */
struct cut {
    bool power_gone;
};

static void cut(void *ctx)
{
    ((struct cut *)ctx)->power_gone = true;
}

/* What the card tells of its keys, without a session. */
static size_t told(struct host *h, uint8_t out[256])
{
    assert_int_equal(host_hex(h, "00CA00E000"), 0x9000);
    memcpy(out, h->resp, h->resp_len);
    return h->resp_len;
}

/* The command under a power cut at each of its writes: afterwards all of it is there, or nothing. */
static void card_is_whole_after_cuts(uint8_t ins, const char *before, const char *data)
{
    bool done = false;

    for (unsigned at = 1; !done; at++) {
        struct host *h = host_new(MM_PROFILE_DEVELOPER);
        struct cut power = {false};
        struct mm_card_config cfg = {.nvm = {.path = h->path, .tear = cut, .tear_ctx = &power}};
        uint8_t was[256], whole[256], is[256];
        size_t was_n, whole_n = 0, is_n;
        uint16_t sw;

        assert_int_equal(host_open(h, 0x03), 0x9000);
        if (before[0] != '\0')
            assert_int_equal(secure(h, PUT_KEY, 0x00, 0x01, before), 0x9000);
        was_n = told(h, was);
        mm_card_close(&h->card);
        cfg.nvm.tear_at = at;
        assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
        mm_card_power_on(h->card);
        sw = host_open(h, 0x03);
        if (sw == 0x9000)
            sw = secure(h, ins, 0x00, ins == PUT_KEY ? 0x01 : 0x00, data);
        if (!power.power_gone) {
            assert_int_equal(sw, 0x9000);
            done = true;
        } else {
            assert_int_not_equal(sw, 0x9000);
        }
        host_reopen(h);
        is_n = told(h, is);
        assert_int_equal(host_open(h, 0x03), 0x9000);
        if (is_n != was_n || memcmp(is, was, was_n) != 0) { /* then it was carried out */
            whole_n = is_n;
            memcpy(whole, is, is_n);
            assert_int_equal(secure(h, ins, 0x00, ins == PUT_KEY ? 0x01 : 0x00, data),
                             ins == PUT_KEY ? 0x6a80 : 0x6a88);
        } else {
            assert_false(done);
            assert_int_equal(secure(h, ins, 0x00, ins == PUT_KEY ? 0x01 : 0x00, data), 0x9000);
            whole_n = told(h, whole);
        }
        assert_int_not_equal(whole_n, was_n);
        host_free(h);
    }
}

static void put_key_is_whole_after_power_cuts_at_every_write(void **state)
{
    (void)state;
    card_is_whole_after_cuts(PUT_KEY, "", "73B041" EC_POINT "00");
}

static void delete_key_is_whole_after_power_cuts_at_every_write(void **state)
{
    (void)state;
    card_is_whole_after_cuts(DELETE, "73B041" EC_POINT "00", "D00101D20173");
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, with_session, host_teardown)
    const struct CMUnitTest tests[] = {
        WITH(first_set_replaces_the_test_keys_for_good),
        WITH(sets_stand_side_by_side_and_are_selected_by_version),
        WITH(put_key_replaces_a_set_under_its_version_or_a_new_one),
        WITH(put_key_takes_keys_without_a_length_of_their_own),
        WITH(refused_command_answers_no_data),
        WITH(put_key_replaces_one_key_of_a_set),
        WITH(put_key_refuses_versions_that_are_not_there_or_taken),
        WITH(put_key_refuses_a_wrong_check_value),
        WITH(delete_takes_a_set_but_never_the_last),
        WITH(public_keys_are_put_in_clear),
        WITH(modulus_of_128_bytes_may_have_one_byte_of_length),
        WITH(stored_public_keys_are_keys),
        WITH(aes_and_des_keys_of_every_length_are_put),
        WITH(put_key_refuses_what_is_no_key),
        WITH(extended_format_keeps_usage_and_access),
        WITH(put_key_may_come_in_several_commands),
        WITH(keys_of_one_channel_are_of_one_kind),
        WITH(delete_takes_single_keys_of_one_version_or_all),
        cmocka_unit_test(put_key_is_whole_after_power_cuts_at_every_write),
        cmocka_unit_test(delete_key_is_whole_after_power_cuts_at_every_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
