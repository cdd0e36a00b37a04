/* DES, AES, AEAD, MACs, digests and checksums against published vectors. */
#include "test/unit/api_fixture.h"

#define CRYPTO       "javacard/security/CryptoException"
#define NULL_POINTER "java/lang/NullPointerException"

enum {
    SIGN = 1,
    VERIFY = 2,
    DECRYPT = 1,
    ENCRYPT = 2,
    TYPE_DES = 3,
    TYPE_AES = 15,
    TYPE_HMAC = 21
};

static mm_ref secret(int type, const char *hex)
{
    mm_ref key = ok(mm_n_key_build, 3, type, (int)strlen(hex) * 4, 0);

    (void)ok(mm_n_secret_set_key, 3, key, hex_new(hex), 0);
    return key;
}

/* FIPS 81, appendices B and C */
static void des_matches_fips_81(void **state)
{
    mm_ref key = secret(TYPE_DES, "0123456789ABCDEF"),
           in = bytes_new("Now is the time for all ", 24);
    mm_ref out = bytes_new(NULL, 40), ecb = ok(mm_n_cipher_get_instance, 2, 5, 0);
    mm_ref cbc = ok(mm_n_cipher_get_instance, 2, 1, 0);

    (void)state;
    (void)ok(mm_n_cipher_init, 3, ecb, key, ENCRYPT);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, ecb, in, 0, 24, out, 0), 24);
    holds(out, 0, "3FA40E8A984D48156A271787AB8883F9893D51EC4B563B53");
    (void)ok(mm_n_cipher_init_iv, 6, cbc, key, ENCRYPT, hex_new("1234567890ABCDEF"), 0, 8);
    (void)ok(mm_n_cipher_do_final, 6, cbc, in, 0, 24, out, 0);
    holds(out, 0, "E5C7CDDE872BF27C43E934008C389C0F683788499A7C05F6");
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, cbc, in, 0, 23, out, 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_cipher_init_iv, 6, cbc, key, ENCRYPT, in, 0, 7);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_cipher_init_iv, 6, ecb, key, ENCRYPT, in, 0, 8);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_cipher_init, 3, ecb,
           secret(TYPE_AES, "000102030405060708090A0B0C0D0E0F"), ENCRYPT);
}

/* What goes in comes out, whole and in pieces, for every length about a block or two. */
static void padded_messages_come_back(void **state)
{
    static const struct {
        int alg, block;
        bool padded; /* a message of whole blocks grows, and padding is taken off */
    } algs[] = {{3, 8, true},   {4, 8, true},   {7, 8, true},   {8, 8, true},  {23, 16, true},
                {24, 16, true}, {26, 16, true}, {27, 16, true}, {2, 8, false}, {22, 16, false}};
    mm_ref in = bytes_new("0123456789ABCDEF0123456789ABCDEFXYZ", 35);
    mm_ref out = bytes_new(NULL, 64), back = bytes_new(NULL, 64);

    (void)state;
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        mm_ref cipher = ok(mm_n_cipher_get_instance, 2, algs[i].alg, 0);
        mm_ref key = algs[i].block == 8 ? secret(TYPE_DES, "0123456789ABCDEFFEDCBA9876543210")
                                        : secret(TYPE_AES, "2B7E151628AED2A6ABF7158809CF4F3C");
        for (int n = 0; n <= 35; n++) {
            int b = algs[i].block, total = algs[i].padded ? n / b * b + b : (n + b - 1) / b * b, at;
            (void)ok(mm_n_cipher_init, 3, cipher, key, ENCRYPT);
            at = ok(mm_n_cipher_update, 6, cipher, in, 0, n / 2, out, 0);
            at += ok(mm_n_cipher_do_final, 6, cipher, in, n / 2, n - n / 2, out, at);
            assert_int_equal(at, total);
            (void)ok(mm_n_cipher_init, 3, cipher, key, DECRYPT);
            at = ok(mm_n_cipher_update, 6, cipher, out, 0, total / 3, back, 0);
            at += ok(mm_n_cipher_do_final, 6, cipher, out, total / 3, total - total / 3, back, at);
            assert_int_equal(at, algs[i].padded ? n : total);
            assert_memory_equal(bytes_of(back), bytes_of(in), (size_t)n);
        }
    }
}

static void wrong_padding_is_refused(void **state)
{
    mm_ref plain = ok(mm_n_cipher_get_instance, 2, 14, 0), out = bytes_new(NULL, 16);
    mm_ref key = secret(TYPE_AES, "2B7E151628AED2A6ABF7158809CF4F3C"), back = bytes_new(NULL, 16);

    (void)state;
    (void)ok(mm_n_cipher_init, 3, plain, key, ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, plain, hex_new("00112233445566778899AABBCCDDEE11"), 0, 16,
             out, 0);
    for (int alg = 26; alg <= 27; alg++) {
        mm_ref cipher = ok(mm_n_cipher_get_instance, 2, alg, 0);
        (void)ok(mm_n_cipher_init, 3, cipher, key, DECRYPT);
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, cipher, out, 0, 16, back, 0);
    }
}

/* NIST SP 800-38A, F.5.1 */
static void ctr_matches_sp_800_38a(void **state)
{
    mm_ref ctr = ok(mm_n_cipher_get_instance, 2, -16, 0), out = bytes_new(NULL, 32);
    mm_ref key = secret(TYPE_AES, "2B7E151628AED2A6ABF7158809CF4F3C");
    mm_ref in = hex_new("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51");

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, ctr, key, ENCRYPT, hex_new("F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF"),
             0, 16);
    assert_int_equal(ok(mm_n_cipher_update, 6, ctr, in, 0, 5, out, 0), 5);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, ctr, in, 5, 27, out, 5), 27);
    holds(out, 0, "874D6191B620E3261BEF6864990DB6CE9806F66B7970FDFF8617187BB9FFFDFF");
}

/* McGrew and Viega, The Galois/Counter Mode of Operation, test case 4 */
static void gcm_matches_test_case_4(void **state)
{
    mm_ref gcm = ok(mm_n_cipher_get_instance, 2, -13, 0), out = bytes_new(NULL, 60);
    mm_ref key = secret(TYPE_AES, "FEFFE9928665731C6D6A8F9467308308"), tag = bytes_new(NULL, 16);
    mm_ref iv = hex_new("CAFEBABEFACEDBADDECAF888"), back = bytes_new(NULL, 60);
    mm_ref aad = hex_new("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2");
    mm_ref in = hex_new("D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A72"
                        "1C3C0C95956809532FCF0E2449A6B525B16AEDF5AA0DE657BA637B39");

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, gcm, key, ENCRYPT, iv, 0, 12);
    (void)ok(mm_n_aead_update_aad, 4, gcm, aad, 0, 20);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_aead_retrieve_tag, 4, gcm, tag, 0, 16);
    assert_int_equal(ok(mm_n_cipher_update, 6, gcm, in, 0, 33, out, 0), 33);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_aead_update_aad, 4, gcm, aad, 0, 20);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, gcm, in, 33, 27, out, 33), 27);
    holds(out, 0,
          "42831EC2217774244B7221B784D0D49CE3AA212F2C02A4E035C17E2329ACA12E"
          "21D514B25466931C7D8F6A5AAC84AA051BA30B396A0AAC973D58E091");
    assert_int_equal(ok(mm_n_aead_retrieve_tag, 4, gcm, tag, 0, 16), 16);
    holds(tag, 0, "5BC94FBC3221A5DB94FAE95AE7121A47");
    for (int good = 0; good < 2; good++) {
        (void)ok(mm_n_cipher_init_iv, 6, gcm, key, DECRYPT, iv, 0, 12);
        (void)ok(mm_n_aead_update_aad, 4, gcm, aad, 0, 19 + good);
        (void)ok(mm_n_cipher_do_final, 6, gcm, out, 0, 60, back, 0);
        assert_int_equal(ok(mm_n_aead_verify_tag, 5, gcm, tag, 0, 16, 12), good);
    }
    assert_memory_equal(bytes_of(back), bytes_of(in), 60);
    throws(CRYPTO, MM_CRYPTO_INVALID_INIT, mm_n_aead_verify_tag, 5, gcm, tag, 0, 16, 16);
}

/* The same, test case 1: neither text nor associated data */
static void gcm_has_a_tag_for_nothing(void **state)
{
    mm_ref gcm = ok(mm_n_cipher_get_instance, 2, -13, 0), tag = bytes_new(NULL, 16);
    mm_ref key = secret(TYPE_AES, "00000000000000000000000000000000"), iv = bytes_new(NULL, 12);

    (void)state;
    (void)ok(mm_n_cipher_init_iv, 6, gcm, key, ENCRYPT, iv, 0, 12);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, gcm, iv, 0, 0, tag, 0), 0);
    assert_int_equal(ok(mm_n_aead_retrieve_tag, 4, gcm, tag, 0, 16), 16);
    holds(tag, 0, "58E2FCCEFA7E3061367F1D57A4E7455A");
}

/* NIST SP 800-38C, example 1 */
static void ccm_matches_sp_800_38c(void **state)
{
    mm_ref ccm = ok(mm_n_cipher_get_instance, 2, -12, 0), out = bytes_new(NULL, 4);
    mm_ref key = secret(TYPE_AES, "404142434445464748494A4B4C4D4E4F"), tag = bytes_new(NULL, 4);
    mm_ref nonce = hex_new("10111213141516"), aad = hex_new("0001020304050607");
    mm_ref in = hex_new("20212223"), back = bytes_new(NULL, 4);

    (void)state;
    (void)ok(mm_n_aead_init, 9, ccm, key, ENCRYPT, nonce, 0, 7, 8, 4, 4);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, ccm, in, 0, 4, out, 0);
    (void)ok(mm_n_aead_update_aad, 4, ccm, aad, 0, 8);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, ccm, in, 0, 3, out, 0);
    (void)ok(mm_n_cipher_do_final, 6, ccm, in, 0, 4, out, 0);
    holds(out, 0, "7162015B");
    assert_int_equal(ok(mm_n_aead_retrieve_tag, 4, ccm, tag, 0, 4), 4);
    holds(tag, 0, "4DAC255D");
    for (int good = 0; good < 2; good++) {
        (void)ok(mm_n_aead_init, 9, ccm, key, DECRYPT, nonce, 0, 7, 8, 4, 4);
        (void)ok(mm_n_aead_update_aad, 4, ccm, good ? aad : nonce, 0, good ? 8 : 7);
        if (!good)
            (void)ok(mm_n_aead_update_aad, 4, ccm, nonce, 0, 1);
        (void)ok(mm_n_cipher_update, 6, ccm, out, 0, 1, back, 0);
        (void)ok(mm_n_cipher_do_final, 6, ccm, out, 1, 3, back, 1);
        assert_int_equal(ok(mm_n_aead_verify_tag, 5, ccm, tag, 0, 4, 4), good);
    }
    assert_memory_equal(bytes_of(back), bytes_of(in), 4);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_aead_init, 9, ccm, key, ENCRYPT, nonce, 0, 7, 8, 4,
           5);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_cipher_init, 3, ccm, key, ENCRYPT);
}

/* ICAO Doc 9303-11, appendix D.3: EIFD under KMAC */
static void retail_mac_matches_icao_9303(void **state)
{
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 20, 0), out = bytes_new(NULL, 8);
    mm_ref key = secret(TYPE_DES, "7962D9ECE03D1ACD4C76089DCE131543");
    mm_ref in = hex_new("72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2");

    (void)state;
    (void)ok(mm_n_sign_init, 3, mac, key, SIGN);
    (void)ok(mm_n_sign_update, 4, mac, in, 0, 13);
    assert_int_equal(ok(mm_n_sign_sign, 6, mac, in, 13, 19, out, 0), 8);
    holds(out, 0, "5F1448EEA8AD90A7");
    (void)ok(mm_n_sign_init, 3, mac, key, VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, mac, in, 0, 32, out, 0, 8), 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, mac, in, 0, 31, out, 0, 8), 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, mac,
           secret(TYPE_DES, "0123456789ABCDEF"), SIGN);
}

/* sign(null, 0, 0, ...) after update: applets written for other cards end a message this way. */
static void a_message_may_end_with_a_null_part_of_no_bytes(void **state)
{
    mm_ref mac = ok(mm_n_sign_get_instance, 2, 20, 0), out = bytes_new(NULL, 8);
    mm_ref key = secret(TYPE_DES, "7962D9ECE03D1ACD4C76089DCE131543");
    mm_ref in = hex_new("72C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F2");

    (void)state;
    (void)ok(mm_n_sign_init, 3, mac, key, SIGN);
    (void)ok(mm_n_sign_update, 4, mac, in, 0, 32);
    assert_int_equal(ok(mm_n_sign_sign, 6, mac, MM_REF_NULL, 0, 0, out, 0), 8);
    holds(out, 0, "5F1448EEA8AD90A7");
    (void)ok(mm_n_sign_init, 3, mac, key, VERIFY);
    (void)ok(mm_n_sign_update, 4, mac, in, 0, 32);
    assert_int_equal(ok(mm_n_sign_verify, 7, mac, MM_REF_NULL, 0, 0, out, 0, 8), 1);
    throws(NULL_POINTER, 0, mm_n_sign_verify, 7, mac, MM_REF_NULL, 0, 1, out, 0, 8);
    throws(NULL_POINTER, 0, mm_n_sign_update, 4, mac, MM_REF_NULL, 1, 0);
}

/* A MAC is the last block of the cipher with the same padding; the short one its first half. */
static void cbc_macs_are_the_last_block(void **state)
{
    static const uint8_t pads[] = {1, 2, 3, 6};
    mm_ref key = secret(TYPE_DES, "0123456789ABCDEFFEDCBA9876543210"), out = bytes_new(NULL, 40);
    mm_ref in = bytes_new("Now is the time for all ", 24), mac = bytes_new(NULL, 8);

    (void)state;
    for (size_t i = 0; i < sizeof(pads); i++) {
        mm_ref cipher = ok(mm_n_cipher_get_instance_parts, 3, 3, pads[i], 0);
        int n = pads[i] == 1 ? 24 : 21, total;
        (void)ok(mm_n_cipher_init, 3, cipher, key, ENCRYPT);
        total = ok(mm_n_cipher_do_final, 6, cipher, in, 0, n, out, 0);
        for (int mac_len = 4; mac_len <= 8; mac_len += 4) {
            mm_ref sign = ok(mm_n_sign_get_instance, 2, 2 * (int)i + mac_len / 4, 0);
            assert_int_equal(ok(mm_n_sign_get_algorithm, 1, sign), 2 * (int)i + mac_len / 4);
            (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
            assert_int_equal(ok(mm_n_sign_get_length, 1, sign), mac_len);
            assert_int_equal(ok(mm_n_sign_sign, 6, sign, in, 0, n, mac, 0), mac_len);
            assert_memory_equal(bytes_of(mac), bytes_of(out) + total - 8, (size_t)mac_len);
        }
    }
}

/* RFC 4231, test case 2; RFC 2202 for the older digests */
static void hmac_matches_its_rfcs(void **state)
{
    static const struct {
        int alg, len;
        const char *mac;
    } vectors[] = {{24, 20, "EFFCDF6AE5EB2FA2D27416D5F184DF9C259A7C79"},
                   {25, 32, "5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843"},
                   {28, 16, "750C783E6AB0B503EAA86E310A5DB738"}};
    mm_ref key = ok(mm_n_key_build, 3, TYPE_HMAC, 64, 0), out = bytes_new(NULL, 64);
    mm_ref in = bytes_new("what do ya want for nothing?", 28);

    (void)state;
    (void)ok(mm_n_hmac_set_key, 4, key, bytes_new("Jefe", 4), 0, 4);
    assert_int_equal(ok(mm_n_secret_get_key, 3, key, out, 0), 4);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        mm_ref sign = ok(mm_n_sign_get_instance, 2, vectors[i].alg, 0);
        (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
        for (int round = 0; round < 2; round++) {
            assert_int_equal(ok(mm_n_sign_sign, 6, sign, in, 0, 28, out, 0), vectors[i].len);
            holds(out, 0, vectors[i].mac);
        }
    }
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_hmac_set_key, 4, key, in, 0, 0);
}

/* Up to and over the block of its digest, as OpenSSL's own HMAC has it; the message in two parts. */
static void hmac_takes_keys_of_every_length(void **state)
{
    static const struct {
        int alg;
        const char *digest;
    } algs[] = {{24, "SHA1"}, {25, "SHA256"}, {26, "SHA384"}, {27, "SHA512"}, {28, "MD5"}};
    static const int lens[] = {1, 63, 64, 65, 127, 128, 129, 255};
    mm_ref key = ok(mm_n_key_build, 3, TYPE_HMAC, 64, 0), out = bytes_new(NULL, 64);
    uint8_t bytes[255], mac[64];
    size_t n = 0;
    mm_ref value;

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(7 * i + 3);
    value = bytes_new(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        mm_ref sign = ok(mm_n_sign_get_instance, 2, algs[i].alg, 0);
        for (size_t j = 0; j < sizeof(lens) / sizeof(lens[0]); j++) {
            assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, algs[i].digest, NULL, bytes,
                                      (size_t)lens[j], bytes, sizeof(bytes), mac, sizeof(mac), &n));
            (void)ok(mm_n_hmac_set_key, 4, key, value, 0, lens[j]);
            (void)ok(mm_n_sign_init, 3, sign, key, SIGN);
            (void)ok(mm_n_sign_update, 4, sign, value, 0, 100);
            assert_int_equal(ok(mm_n_sign_sign, 6, sign, value, 100, 155, out, 0), n);
            assert_memory_equal(bytes_of(out), mac, n);
        }
    }
}

/* RFC 1321, the RIPEMD-160 paper, FIPS 202: message "abc" */
static void other_digests_match_their_vectors(void **state)
{
    static const struct {
        int alg, len;
        const char *md;
    } vectors[] = {{2, 16, "900150983CD24FB0D6963F7D28E17F72"},
                   {3, 20, "8EB208F7E05D987A9B044A8E98C6B087F15A0BFC"},
                   {8, 28, "E642824C3F8CF24AD09234EE7D3C766FC9A3A5168D0C94AD73B46FDF"},
                   {9, 32, "3A985DA74FE225B2045C172D6BD390BD855F086E3E9D525B46BFE24511431532"},
                   {10, 48, "EC01498288516FC926459F58E2C6AD8DF9B473CB0FC08C2596DA7CF0E49BE4B2"},
                   {11, 64, "B751850B1A57168A5693CD924B6B096E08F621827444F70D884F5D0240D2712E"}};
    mm_ref in = bytes_new("abc", 3), out = bytes_new(NULL, 64);

    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        mm_ref md = ok(mm_n_digest_get_instance, 2, vectors[i].alg, 0);
        assert_int_equal(ok(mm_n_digest_do_final, 6, md, in, 0, 3, out, 0), vectors[i].len);
        holds(out, 0, vectors[i].md);
    }
}

/* The check values of CRC-16/GENIBUS and CRC-32/ISO-HDLC: "123456789" from all ones */
static void checksums_match_their_check_values(void **state)
{
    mm_ref in = bytes_new("123456789", 9), out = bytes_new(NULL, 4), ones = hex_new("FFFFFFFF");
    mm_ref c16 = ok(mm_n_checksum_get_instance, 2, 1, 0);
    mm_ref c32 = ok(mm_n_checksum_get_instance, 2, 2, 0);

    (void)state;
    (void)ok(mm_n_checksum_init, 4, c16, ones, 0, 2);
    (void)ok(mm_n_checksum_update, 4, c16, in, 0, 4);
    assert_int_equal(ok(mm_n_checksum_do_final, 6, c16, in, 4, 5, out, 0), 2);
    holds(out, 0, "D64E");
    (void)ok(mm_n_checksum_init, 4, c32, ones, 0, 4);
    assert_int_equal(ok(mm_n_checksum_do_final, 6, c32, in, 0, 9, out, 0), 4);
    holds(out, 0, "CBF43926");
    /* another initial value, as the vendor's reference card has it */
    (void)ok(mm_n_checksum_init, 4, c32, hex_new("12345678"), 0, 4);
    assert_int_equal(ok(mm_n_checksum_do_final, 6, c32, in, 0, 9, out, 0), 4);
    holds(out, 0, "0F8B7431");
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_checksum_init, 4, c32, ones, 0, 2);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_checksum_get_instance, 2, 3, 0);
}

static void a_one_shot_works_until_it_is_closed(void **state)
{
    mm_ref md = ok(mm_n_digest_open, 1, 4), in = bytes_new("abc", 3), out = bytes_new(NULL, 32);
    mm_ref cipher = ok(mm_n_cipher_open, 2, 2, 1);

    (void)state;
    (void)ok(mm_n_digest_do_final, 6, md, in, 0, 3, out, 0);
    holds(out, 0, "BA7816BF8F01CFEA");
    (void)ok(mm_n_cipher_init, 3, cipher, secret(TYPE_AES, "2B7E151628AED2A6ABF7158809CF4F3C"),
             ENCRYPT);
    (void)ok(mm_n_one_shot_close, 1, md);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_one_shot_close, 1, md);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_digest_do_final, 6, md, in, 0, 3, out, 0);
    assert_int_equal(ok(mm_n_digest_open, 1, 1), md); /* lent again */
    mm_api_reset(chip.vm);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, cipher, out, 0, 16, out, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_cipher_open, 2, 0, 0);
    for (int i = 0; i < MM_API_SHOTS - 2; i++)
        (void)ok(mm_n_random_open, 1, 2);
    throws("javacard/framework/SystemException", MM_SYSTEM_NO_ROOM, mm_n_random_open, 1, 2);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(des_matches_fips_81),
        TEST(padded_messages_come_back),
        TEST(wrong_padding_is_refused),
        TEST(ctr_matches_sp_800_38a),
        TEST(gcm_matches_test_case_4),
        TEST(gcm_has_a_tag_for_nothing),
        TEST(ccm_matches_sp_800_38c),
        TEST(retail_mac_matches_icao_9303),
        TEST(a_message_may_end_with_a_null_part_of_no_bytes),
        TEST(cbc_macs_are_the_last_block),
        TEST(hmac_matches_its_rfcs),
        TEST(hmac_takes_keys_of_every_length),
        TEST(other_digests_match_their_vectors),
        TEST(checksums_match_their_check_values),
        TEST(a_one_shot_works_until_it_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
