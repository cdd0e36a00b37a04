/* RSA, DSA, DH and EC: published vectors where the outcome is fixed, and every pair against itself. */
#include "test/unit/api_fixture.h"

#include "applet_vm/api/key_int.h"

#define CRYPTO "javacard/security/CryptoException"

enum { SIGN = 1, VERIFY = 2, DECRYPT = 1, ENCRYPT = 2 };
enum { PAIR_RSA = 1, PAIR_CRT = 2, PAIR_DSA = 3, PAIR_F2M = 4, PAIR_EC = 5, PAIR_DH = 6 };

struct keys {
    mm_ref pair, public, private;
};

static struct keys pair_new(int alg, int bits)
{
    struct keys k = {.pair = mm_vm_new_instance(chip.vm, "javacard/security/KeyPair")};

    (void)ok(mm_n_pair_init, 3, k.pair, alg, bits);
    k.public = ok(mm_n_pair_get_public, 1, k.pair);
    k.private = ok(mm_n_pair_get_private, 1, k.pair);
    return k;
}

static struct keys generate(int alg, int bits)
{
    struct keys k = pair_new(alg, bits);

    (void)ok(mm_n_pair_generate, 1, k.pair);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, k.public), 1);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, k.private), 1);
    return k;
}

static void signs(struct keys k, mm_ref sign)
{
    mm_ref in = bytes_new("payment", 7), out = bytes_new(NULL, 512);
    int len;

    (void)ok(mm_n_sign_init, 3, sign, k.private, SIGN);
    (void)ok(mm_n_sign_update, 4, sign, in, 0, 3);
    len = ok(mm_n_sign_sign, 6, sign, in, 3, 4, out, 0);
    assert_true(len <= ok(mm_n_sign_get_length, 1, sign));
    (void)ok(mm_n_sign_init, 3, sign, k.public, VERIFY);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 7, out, 0, len), 1);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 6, out, 0, len), 0);
    assert_int_equal(ok(mm_n_sign_verify, 7, sign, in, 0, 7, out, 0, len), 1);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_sign_init, 3, sign, k.private, VERIFY);
}

static void rsa_signs_with_every_padding(void **state)
{
    static const int algs[] = {10, 11, 13, 15, 16, 21, 22, 23, 39, 40, 41, 42, 43, 44, 45};
    struct keys plain = generate(PAIR_RSA, 1024), crt = generate(PAIR_CRT, 1024);

    (void)state;
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        mm_ref sign = ok(mm_n_sign_get_instance, 2, algs[i], 0);
        signs(plain, sign);
        signs(crt, sign);
    }
}

static void rsa_enciphers_with_every_padding(void **state)
{
    static const int pads[] = {7, 9, 13, 14, 15, 17, 18, 19};
    struct keys k = generate(PAIR_CRT, 1024);
    mm_ref in = bytes_new("key", 3), out = bytes_new(NULL, 128), back = bytes_new(NULL, 128);

    (void)state;
    for (size_t i = 0; i < sizeof(pads) / sizeof(pads[0]); i++) {
        mm_ref cipher = ok(mm_n_cipher_get_instance_parts, 3, 7, pads[i], 0);
        (void)ok(mm_n_cipher_init, 3, cipher, k.public, ENCRYPT);
        (void)ok(mm_n_cipher_update, 6, cipher, in, 0, 1, out, 0);
        assert_int_equal(ok(mm_n_cipher_do_final, 6, cipher, in, 1, 2, out, 0), 128);
        (void)ok(mm_n_cipher_init, 3, cipher, k.private, DECRYPT);
        assert_int_equal(ok(mm_n_cipher_do_final, 6, cipher, out, 0, 128, back, 0), 3);
        holds(back, 0, "6B6579");
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, cipher, out, 0, 127, back,
               0);
    }
}

/* Block type 1, and the bare exponentiation: each key undoes the other, in both modes. */
static void rsa_private_and_public_undo_each_other(void **state)
{
    struct keys k = generate(PAIR_RSA, 512);
    mm_ref in = bytes_new(NULL, 64), out = bytes_new(NULL, 64), back = bytes_new(NULL, 64);
    mm_ref raw = ok(mm_n_cipher_get_instance, 2, 12, 0);
    mm_ref pkcs1 = ok(mm_n_cipher_get_instance, 2, 10, 0);

    (void)state;
    (void)ok(mm_n_cipher_init, 3, pkcs1, k.private, ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, pkcs1, in, 0, 9, out, 0);
    (void)ok(mm_n_cipher_init, 3, pkcs1, k.public, DECRYPT);
    assert_int_equal(ok(mm_n_cipher_do_final, 6, pkcs1, out, 0, 64, back, 0), 9);
    (void)ok(mm_n_cipher_init, 3, raw, k.public, ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, raw, out, 0, 64, back, 0);
    holds(back, 0, "0001FF");
    (void)ok(mm_n_cipher_init, 3, raw, k.private, ENCRYPT);
    (void)ok(mm_n_cipher_do_final, 6, raw, back, 0, 64, in, 0);
    assert_memory_equal(bytes_of(in), bytes_of(out), 64);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, raw, in, 0, 63, out, 0);
}

/* Libraries for big numbers use the cipher so: any exponent, any modulus of the key's length. */
static void rsa_without_padding_raises_to_any_exponent(void **state)
{
    static const int types[] = {4, 5}; /* KeyBuilder.TYPE_RSA_PUBLIC, TYPE_RSA_PRIVATE */
    static const uint8_t seventeen[64] = {[63] = 0x11};
    static const uint8_t even[64] = {[62] = 0x01}, odd[64] = {[62] = 0x01, [63] = 0x01};
    mm_ref raw = ok(mm_n_cipher_get_instance, 2, 12, 0), in = bytes_new(seventeen, 64);
    mm_ref moduli[] = {bytes_new(even, 64), bytes_new(odd, 64)};
    mm_ref out = bytes_new(NULL, 64), e = hex_new("0002");

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        mm_ref key = ok(mm_n_key_build, 3, types[i / 2], 512, 0), n = moduli[i % 2];
        (void)ok(mm_n_rsa_set_exponent, 4, key, e, 0, 2);
        throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_cipher_init, 3, raw, key, DECRYPT);
        (void)ok(mm_n_rsa_set_modulus, 4, key, n, 0, 64);
        (void)ok(mm_n_cipher_init, 3, raw, key, DECRYPT);
        assert_int_equal(ok(mm_n_cipher_do_final, 6, raw, in, 0, 64, out, 0), 64);
        holds(out, 62, i % 2 == 0 ? "0021" : "0020");
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_cipher_do_final, 6, raw, n, 0, 64, out, 0);
    }
}

static void rsa_pairs_keep_a_chosen_exponent(void **state)
{
    struct keys k = pair_new(PAIR_RSA, 1024);
    mm_ref e = hex_new("03"), out = bytes_new(NULL, 128);

    (void)state;
    (void)ok(mm_n_rsa_set_exponent, 4, k.public, e, 0, 1);
    (void)ok(mm_n_pair_generate, 1, k.pair);
    assert_int_equal(ok(mm_n_rsa_get_exponent, 3, k.public, out, 0), 1);
    holds(out, 0, "03");
    assert_int_equal(ok(mm_n_rsa_get_modulus, 3, k.private, out, 0), 128);
    assert_int_equal(bytes_of(out)[0] >> 7, 1);
    signs(k, ok(mm_n_sign_get_instance, 2, 40, 0));
}

static void ecdsa_signs_on_every_curve(void **state)
{
    /* 320 and 512: RFC 5639, 3.5 and 3.7 */
    static const int fp[] = {112, 128, 160, 192, 224, 256, 320, 384, 512, 521};
    static const int f2m[] = {113, 131, 163, 193};

    (void)state;
    for (size_t i = 0; i < sizeof(fp) / sizeof(fp[0]); i++) {
        struct keys k = generate(PAIR_EC, fp[i]);
        signs(k, ok(mm_n_sign_get_instance, 2, 17, 0));
        signs(k, ok(mm_n_sign_get_instance_parts, 4, 9, 9, 0, 0)); /* plain, SHA3-256 */
    }
    for (size_t i = 0; i < 4; i++)
        signs(generate(PAIR_F2M, f2m[i]), ok(mm_n_sign_get_instance, 2, 33, 0));
}

/* RFC 5639, 3.4: brainpoolP256r1 */
static void set_brainpool(mm_ref key)
{
    (void)ok(mm_n_ec_set_field_fp, 4, key,
             hex_new("A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377"), 0, 32);
    (void)ok(mm_n_ec_set_a, 4, key,
             hex_new("7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9"), 0, 32);
    (void)ok(mm_n_ec_set_b, 4, key,
             hex_new("26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6"), 0, 32);
    (void)ok(mm_n_ec_set_g, 4, key,
             hex_new("048BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262"
                     "547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997"),
             0, 65);
    (void)ok(mm_n_ec_set_r, 4, key,
             hex_new("A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7"), 0, 32);
}

static void a_pair_uses_the_curve_that_was_set(void **state)
{
    struct keys k = pair_new(PAIR_EC, 256);
    mm_ref out = bytes_new(NULL, 65);

    (void)state;
    set_brainpool(k.public);
    (void)ok(mm_n_pair_generate, 1, k.pair);
    (void)ok(mm_n_ec_get_field, 3, k.private, out, 0);
    holds(out, 0, "A9FB57DBA1EEA9BC");
    (void)ok(mm_n_ec_get_field, 3, k.public, out, 0);
    holds(out, 0, "A9FB57DBA1EEA9BC");
    signs(k, ok(mm_n_sign_get_instance, 2, 33, 0));
}

/* Curve25519 in Weierstrass form, of 255 bits and cofactor 8: what Ed25519 applets compute on. */
static void set_wei25519(mm_ref key)
{
    (void)ok(mm_n_ec_set_field_fp, 4, key,
             hex_new("7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED"), 0, 32);
    (void)ok(mm_n_ec_set_a, 4, key,
             hex_new("2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA984914A144"), 0, 32);
    (void)ok(mm_n_ec_set_b, 4, key,
             hex_new("7B425ED097B425ED097B425ED097B425ED097B425ED097B4260B5E9C7710C864"), 0, 32);
    (void)ok(mm_n_ec_set_g, 4, key,
             hex_new("042AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD245A"
                     "20AE19A1B8A086B4E01EDD2C7748D14C923D4D7E6D7C61B229E9C5A27ECED3D9"),
             0, 65);
    (void)ok(mm_n_ec_set_r, 4, key,
             hex_new("1000000000000000000000000000000014DEF9DEA2F79CD65812631A5CF5D3ED"), 0, 32);
}

static void a_pair_of_a_size_without_a_standard_curve_needs_one(void **state)
{
    struct keys k = pair_new(PAIR_EC, 255);

    (void)state;
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_pair_generate, 1, k.pair);
    set_wei25519(k.public);
    set_wei25519(k.private);
    (void)ok(mm_n_pair_generate, 1, k.pair);
    signs(k, ok(mm_n_sign_get_instance, 2, 33, 0));
}

static void a_shared_domain_is_one_for_all(void **state)
{
    mm_ref domain = ok(mm_n_key_build_memory, 4, 17, 0, 256, 0), out = bytes_new(NULL, 65);
    mm_ref key = ok(mm_n_key_build_shared, 4, 8, 0, domain, 0);

    (void)state;
    throws(CRYPTO, MM_CRYPTO_UNINITIALIZED_KEY, mm_n_ec_get_a, 3, key, out, 0);
    set_brainpool(domain);
    (void)ok(mm_n_ec_get_a, 3, key, out, 0);
    holds(out, 0, "7D5A0975FC2C3057");
    assert_int_equal(ok(mm_n_key_is_initialized, 1, domain), 1);
    assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_key_build_shared, 4, 3, 0, domain, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_key_build_shared, 4, 2, 0, domain, 0);
}

/* RFC 5903, 8.1 */
static void ecdh_matches_rfc_5903(void **state)
{
    struct keys k = generate(PAIR_EC, 256); /* sets the curve */
    mm_ref peer = hex_new("04D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
                          "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB");
    mm_ref out = bytes_new(NULL, 65), hash = bytes_new(NULL, 20);
    mm_ref plain = ok(mm_n_agree_get_instance, 2, 3, 0), xy = ok(mm_n_agree_get_instance, 2, 6, 0);
    mm_ref kdf = ok(mm_n_agree_get_instance, 2, 1, 0);

    (void)state;
    (void)ok(mm_n_ec_set_value, 4, k.private,
             hex_new("C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433"), 0, 32);
    (void)ok(mm_n_agree_init, 2, plain, k.private);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, plain, peer, 0, 65, out, 0), 32);
    holds(out, 0, "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE");
    (void)ok(mm_n_digest_do_final, 6, ok(mm_n_digest_get_instance, 2, 1, 0), out, 0, 32, hash, 0);
    (void)ok(mm_n_agree_init, 2, xy, k.private);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, xy, peer, 0, 65, out, 0), 65);
    holds(out, 0,
          "04D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE"
          "522BDE0AF0D8585B8DEF9C183B5AE38F50235206A8674ECB5D98EDB20EB153A2");
    (void)ok(mm_n_agree_init, 2, kdf, k.private);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, kdf, peer, 0, 65, out, 0), 20);
    assert_memory_equal(bytes_of(out), bytes_of(hash), 20);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_agree_generate_secret, 6, plain, peer, 0, 64, out,
           0);
    throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_agree_init, 2, plain, k.public);
}

/* The API's "cofactor multiplication and compatibility mode": equal to what is made without it (8 is
 * the cofactor here), and nothing comes of a point outside the subgroup of G. */
static void ecdh_with_the_cofactor_is_equal_to_ecdh(void **state)
{
    struct keys k = pair_new(PAIR_EC, 255), other = pair_new(PAIR_EC, 255);
    mm_ref peer = bytes_new(NULL, 65), out = bytes_new(NULL, 32), with = bytes_new(NULL, 32);
    mm_ref stray = hex_new("0471C71C71C71C71C71C71C71C71C71C71C71C71C71C71C71C71C71C71C71EEB63"
                           "387C4536E46FCBC4E0C9E3FC4A61138A1DCCACDED58FD8DE320CEA98DBAB460B");

    (void)state;
    set_wei25519(k.public);
    (void)ok(mm_n_ec_set_k, 2, k.public, 8);
    (void)ok(mm_n_pair_generate, 1, k.pair);
    set_wei25519(other.public);
    (void)ok(mm_n_pair_generate, 1, other.pair);
    (void)ok(mm_n_ec_get_value, 3, other.public, peer, 0);
    for (uint16_t alg = 1; alg <= 3; alg += 2) { /* ALG_EC_SVDP_DH and _PLAIN; DHC is one more */
        mm_ref dh = ok(mm_n_agree_get_instance, 2, alg, 0);
        mm_ref dhc = ok(mm_n_agree_get_instance, 2, alg + 1, 0);
        int n;

        (void)ok(mm_n_agree_init, 2, dh, k.private);
        (void)ok(mm_n_agree_init, 2, dhc, k.private);
        n = ok(mm_n_agree_generate_secret, 6, dh, peer, 0, 65, out, 0);
        assert_int_equal(n, alg == 1 ? 20 : 32);
        assert_int_equal(ok(mm_n_agree_generate_secret, 6, dhc, peer, 0, 65, with, 0), n);
        assert_memory_equal(bytes_of(with), bytes_of(out), (size_t)n);
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_VALUE, mm_n_agree_generate_secret, 6, dhc, stray, 0, 65,
               with, 0);
    }
}

/* s G + Q for s = 1 and Q = G is 2 G: the first double of P-256's generator */
static void pace_maps_the_generator(void **state)
{
    struct keys k = generate(PAIR_EC, 256);
    mm_ref agree = ok(mm_n_agree_get_instance, 2, 5, 0), g = bytes_new(NULL, 65);

    (void)state;
    (void)ok(mm_n_ec_set_value, 4, k.private, hex_new("01"), 0, 1);
    (void)ok(mm_n_ec_get_g, 3, k.private, g, 0);
    (void)ok(mm_n_agree_init, 2, agree, k.private);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, agree, g, 0, 65, g, 0), 65);
    holds(g, 0,
          "047CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978"
          "07775510DB8ED040293D9AC69F7430DBBA7DADE63CE982299E04B79D227873D1");
}

static void both_ends_of_dh_agree(void **state)
{
    struct keys a = generate(PAIR_DH, 1024), b = pair_new(PAIR_DH, 1024);
    mm_ref y = bytes_new(NULL, 128), one = bytes_new(NULL, 128), two = bytes_new(NULL, 128);
    mm_ref agree = ok(mm_n_agree_get_instance, 2, 7, 0);
    int n;

    (void)state;
    (void)ok(mm_n_pair_generate, 1, b.pair);
    n = ok(mm_n_ff_get_value, 3, b.public, y, 0);
    (void)ok(mm_n_agree_init, 2, agree, a.private);
    assert_int_equal(ok(mm_n_agree_generate_secret, 6, agree, y, 0, n, one, 0), 128);
    n = ok(mm_n_ff_get_value, 3, a.public, y, 0);
    (void)ok(mm_n_agree_init, 2, agree, b.private);
    (void)ok(mm_n_agree_generate_secret, 6, agree, y, 0, n, two, 0);
    assert_memory_equal(bytes_of(one), bytes_of(two), 128);
}

static void dsa_signs(void **state)
{
    static const int bits[] = {512, 768, 1024};

    (void)state;
    for (size_t i = 0; i < 3; i++)
        signs(generate(PAIR_DSA, bits[i]), ok(mm_n_sign_get_instance, 2, 14, 0));
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_key_build, 3, 7, 480, 0);
}

/* MessageDigest.ALG_NULL: what was signed so is a signature of the message with that hash. */
static void a_signature_over_a_finished_hash_is_the_messages(void **state)
{
    static const struct {
        int pair, bits, cipher, digest;
    } cases[] = {
        {PAIR_EC, 256, 5, 4}, {PAIR_EC, 256, 9, 4}, {PAIR_EC, 521, 9, 6}, {PAIR_DSA, 1024, 4, 1}};
    mm_ref abc = bytes_new("abc", 3), hash = bytes_new(NULL, 65), sig = bytes_new(NULL, 150);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct keys k = generate(cases[i].pair, cases[i].bits);
        mm_ref md = ok(mm_n_digest_get_instance, 2, cases[i].digest, 0);
        mm_ref bare = ok(mm_n_sign_get_instance_parts, 4, 0, cases[i].cipher, 0, 0);
        mm_ref full = ok(mm_n_sign_get_instance_parts, 4, cases[i].digest, cases[i].cipher, 0, 0);
        int n = ok(mm_n_digest_do_final, 6, md, abc, 0, 3, hash, 0), len;
        (void)ok(mm_n_sign_init, 3, full, k.public, VERIFY);
        (void)ok(mm_n_sign_init, 3, bare, k.private, SIGN);
        (void)ok(mm_n_sign_update, 4, bare, hash, 0, 7);
        (void)ok(mm_n_sign_init, 3, bare, k.private, SIGN); /* the part is dropped */
        (void)ok(mm_n_sign_update, 4, bare, hash, 0, 9);
        len = ok(mm_n_sign_sign, 6, bare, hash, 9, n - 9, sig, 0);
        assert_int_equal(ok(mm_n_sign_verify, 7, full, abc, 0, 3, sig, 0, len), 1);
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_sign_sign, 6, bare, hash, 0, 0, sig, 0);
        throws(CRYPTO, MM_CRYPTO_ILLEGAL_USE, mm_n_sign_sign, 6, bare, hash, 0, 65, sig, 0);
        (void)ok(mm_n_sign_init, 3, bare, k.public, VERIFY);
        assert_int_equal(ok(mm_n_sign_verify, 7, bare, hash, 0, n, sig, 0, len), 1);
        assert_int_equal(ok(mm_n_sign_verify, 7, bare, hash, 1, n, sig, 0, len), 0);
        assert_int_equal(ok(mm_n_sign_get_message_digest_algorithm, 1, bare), 0);
    }
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_sign_get_instance_parts, 4, 0, 3, 7, 0);
    throws(CRYPTO, MM_CRYPTO_NO_SUCH_ALGORITHM, mm_n_sign_get_instance_parts, 4, 0, 7, 0, 0);
}

static void every_key_type_is_built(void **state)
{
    static const int bits[] = {
        [1] = 64,   [2] = 128,  [3] = 192, [4] = 1024, [5] = 2048, [6] = 4096,
        [7] = 1024, [8] = 1024, [9] = 163, [10] = 193, [11] = 521, [12] = 160};

    (void)state;
    for (int type = 1; type <= 37; type++) {
        int n = type <= 12   ? bits[type]
                : type <= 21 ? 128
                : type <= 27 ? 1024
                : type <= 29 ? 163
                : type <= 31 ? 256
                             : 1024;
        mm_ref key = ok(mm_n_key_build, 3, type, n, 0);
        assert_int_equal(ok(mm_n_key_get_type, 1, key), type);
        assert_int_equal(ok(mm_n_key_get_size, 1, key), n);
        assert_int_equal(ok(mm_n_key_is_initialized, 1, key), 0);
        (void)ok(mm_n_key_clear, 1, key);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rsa_signs_with_every_padding),
        TEST(rsa_enciphers_with_every_padding),
        TEST(rsa_private_and_public_undo_each_other),
        TEST(rsa_without_padding_raises_to_any_exponent),
        TEST(rsa_pairs_keep_a_chosen_exponent),
        TEST(ecdsa_signs_on_every_curve),
        TEST(a_pair_uses_the_curve_that_was_set),
        TEST(a_pair_of_a_size_without_a_standard_curve_needs_one),
        TEST(a_shared_domain_is_one_for_all),
        TEST(ecdh_matches_rfc_5903),
        TEST(ecdh_with_the_cofactor_is_equal_to_ecdh),
        TEST(pace_maps_the_generator),
        TEST(both_ends_of_dh_agree),
        TEST(dsa_signs),
        TEST(a_signature_over_a_finished_hash_is_the_messages),
        TEST(every_key_type_is_built),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
