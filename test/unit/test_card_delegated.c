/* Delegated management (GPCS 2.3.1, 9.1.3, C.4, C.5): a domain manages content with the issuer's
 * tokens, and the issuer gets receipts. */
#include "test/unit/card_sign.h"

#include <openssl/sha.h>

/* A token over P1, P2, length and data, put behind them as field or as tag 9E; long_form: the length
 * of 128 bytes is 81 80, and not 80 alone. */
static uint16_t order(struct host *h, const struct signer *s, uint8_t ins, uint8_t p1, uint8_t p2,
                      const char *text, bool spoil, bool long_form)
{
    uint8_t signed_part[3 + 256] = {p1, p2}, data[256];
    size_t n = sizeof(signed_part) - 3, token_n, at;

    assert_int_equal(mm_unhex(text, signed_part + 3, &n), MM_OK);
    signed_part[2] = (uint8_t)n;
    memcpy(data, signed_part + 3, n);
    at = n;
    if (ins == DELETE)
        data[at++] = 0x9e;
    if (long_form)
        data[at++] = 0x81;
    token_n = signer_sign(s, signed_part, n + 3, data + at + 1);
    data[at] = (uint8_t)token_n;
    data[at + token_n] ^= spoil;
    return host_secure(h, ins, p1, p2, data, at + 1 + token_n);
}

static uint16_t ordered(struct host *h, const struct signer *s, uint8_t ins, uint8_t p1, uint8_t p2,
                        const char *text, bool spoil)
{
    return order(h, s, ins, p1, p2, text, spoil, s->kind <= RSA_2048);
}

static struct signer issuer;
static const uint8_t receipt_key[16] = {7, 7, 7};

/* A delegated domain; the issuer's domain has token and receipt keys; a session with the delegated one. */
static int with_delegate(void **state)
{
    const struct mm_key_part part = {MM_KEY_AES, 16, receipt_key};
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    *state = h;
    issuer = signer_new(RSA_1024);
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(install_domain(h, SSD, "01A0"), 0x9000);
    signer_give(h, &issuer, 0, 0x70);
    give_key(h, 0, 0x71, 1, &part, 1);
    return enter(h, SSD, &mm_scp_test_keys) != 0x9000;
}

static int end(void **state)
{
    signer_free(&issuer);
    return host_teardown(state);
}

/* The answer is a confirmation whose receipt is over itself and the context (hex, LVs). */
static void assert_receipt(const struct host *h, unsigned counter, const char *context)
{
    uint8_t message[512], mac[16];
    size_t confirmation = h->resp[0] - 17u, n = sizeof(message) - confirmation, mac_n = 0;

    assert_int_equal(h->resp_len, 1u + h->resp[0]);
    assert_int_equal(h->resp[1], 16);
    memcpy(message, h->resp + 18, confirmation);
    assert_int_equal(message[0], 2);
    assert_int_equal(mm_be16(message + 1), counter);
    assert_int_equal(message[3], confirmation - 4); /* numbers of issuer and card */
    assert_int_equal(message[4], 0x42);
    assert_int_equal(mm_unhex(context, message + confirmation, &n), MM_OK);
    assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, receipt_key, 16, message,
                              confirmation + n, mac, sizeof(mac), &mac_n));
    assert_memory_equal(mac, h->resp + 2, 16);
}

/* INSTALL [for load] of the probe with its hash, as text without the token. */
static const char *load_order(void)
{
    static char text[256];
    uint8_t hash[32];
    char hex[65];

    SHA256(probe_lfdb, sizeof(probe_lfdb), hash);
    snprintf(text, sizeof(text), "06" PACKAGE "05" SSD "20%s00", mm_hex(hash, 32, hex));
    return text;
}

static void every_order_needs_a_token_and_gets_a_receipt(void **state)
{
    struct host *h = *state;

    assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x9000);
    assert_resp(h, "00");
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    assert_receipt(h, 1, "06" PACKAGE "05" SSD);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x0c, 0,
                             "06" PACKAGE "07" APPLET "07" INSTANCE "010002C900", false),
                     0x9000);
    assert_receipt(h, 2, "06" PACKAGE "07" INSTANCE);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x10, 0, "08" ISD "0006" PACKAGE "0000", false),
                     0x9000);
    assert_receipt(h, 3, "05" SSD "06" PACKAGE "08" ISD);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x40, 0, "000007" INSTANCE "010000", false),
                     0x9000);
    assert_receipt(h, 4,
                   "05" SSD "07" INSTANCE "00"
                   "010000");
    assert_int_equal(ordered(h, &issuer, DELETE, 0, 0, "4F07" INSTANCE, false), 0x9000);
    assert_receipt(h, 5, "07" INSTANCE);
    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(host_hex(h, "80CA00C200"), 0x9000);
    assert_resp(h, "C2020005");
}

/* GPCS B.4, C.5: the receipt is r and s of an ECDSA signature. */
static void receipt_may_be_of_an_ec_key(void **state)
{
    static const char *const curves[] = {"P-256", "P-521"};
    static const uint8_t references[] = {0x00, 0x02};
    struct host *h = *state;

    for (size_t i = 0; i < 2; i++) {
        struct signer pair = {.kind = EC_256, .pair = EVP_EC_gen(curves[i])};
        size_t half = i == 0 ? 32 : 66, at = i == 0 ? 1 : 2, sig = i == 0 ? 1 : 2;
        uint8_t scalar[66], message[256];
        const struct mm_key_part parts[] = {{MM_KEY_EC_PRIVATE, (uint16_t)half, scalar},
                                            {MM_KEY_EC_CURVE, 1, &references[i]}};
        BIGNUM *bn = NULL;
        size_t n = 6, confirmation;

        assert_int_equal(EVP_PKEY_get_bn_param(pair.pair, OSSL_PKEY_PARAM_PRIV_KEY, &bn), 1);
        BN_bn2binpad(bn, scalar, (int)half);
        BN_free(bn);
        drop_keys(h, 0, 0x71);
        give_key(h, 0, 0x71, 1, parts, 2);
        assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x9000);
        assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
        assert_int_equal(h->resp[at - 1], h->resp_len - at); /* 81 before a length above 127 */
        assert_int_equal(h->resp[at + sig - 1], 2 * half);
        at += sig + 2 * half;
        confirmation = h->resp_len - at;
        memcpy(message, h->resp + at, confirmation);
        assert_int_equal(message[0], 2);
        n = sizeof(message) - confirmation;
        assert_int_equal(mm_unhex("06" PACKAGE "05" SSD, message + confirmation, &n), MM_OK);
        assert_true(signer_verify(&pair, message, confirmation + n, h->resp + at - 2 * half, half));
        assert_int_equal(ordered(h, &issuer, DELETE, 0, 0, "4F06" PACKAGE, false), 0x9000);
        signer_free(&pair);
    }
}

static void token_of_128_bytes_may_have_one_byte_of_length(void **state)
{
    struct host *h = *state;

    assert_int_equal(order(h, &issuer, INSTALL, 0x02, 0, load_order(), false, false), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    assert_int_equal(order(h, &issuer, DELETE, 0, 0, "4F06" PACKAGE, true, false), 0x6982);
    assert_int_equal(order(h, &issuer, DELETE, 0, 0, "4F06" PACKAGE, false, false), 0x9000);
}

static void order_without_a_token_or_with_a_wrong_one_changes_nothing(void **state)
{
    struct host *h = *state;
    struct snapshot before;

    assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    take_snapshot(h, &before);
    assert_int_equal(install_probe(h, "00"), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F06" PACKAGE), 0x6985);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x0c, 0,
                             "06" PACKAGE "07" APPLET "07" INSTANCE "010002C900", true),
                     0x6982);
    assert_int_equal(ordered(h, &issuer, DELETE, 0, 0, "4F06" PACKAGE, true), 0x6982);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x10, 0, "08" ISD "0006" PACKAGE "0000", true),
                     0x6982);
    assert_int_equal(secure(h, INSTALL, 0x02, 0,
                            "06F050524F4246000000"
                            "00"),
                     0x6985);
    assert_unchanged(h, &before);
}

/* A token is for one order: another P1 or another field is not signed. */
static void token_is_for_its_order_only(void **state)
{
    struct host *h = *state;
    uint8_t data[256], message[256] = {0x0c, 0x00};
    size_t n = sizeof(data), token_n;

    assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    assert_int_equal(mm_unhex("06" PACKAGE "07" APPLET "07" INSTANCE "010002C900", data, &n),
                     MM_OK);
    message[2] = (uint8_t)n;
    memcpy(message + 3, data, n);
    data[n] = 0x81;
    token_n = signer_sign(&issuer, message, n + 3, data + n + 2);
    data[n + 1] = (uint8_t)token_n;
    assert_int_equal(host_secure(h, INSTALL, 0x04, 0, data, n + 2 + token_n), 0x6982);
    data[n - 6] ^= 1; /* last byte of the instance's AID */
    assert_int_equal(host_secure(h, INSTALL, 0x0c, 0, data, n + 2 + token_n), 0x6982);
    data[n - 6] ^= 1;
    assert_int_equal(host_secure(h, INSTALL, 0x0c, 0, data, n + 2 + token_n), 0x9000);
}

static void delegate_reaches_only_what_is_below(void **state)
{
    struct host *h = *state;

    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(load_probe(h), 0x9000);
    assert_int_equal(install_domain(h, OTHER, "0180"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(ordered(h, &issuer, DELETE, 0, 0, "4F06" PACKAGE, false), 0x6985);
    assert_int_equal(ordered(h, &issuer, DELETE, 0, 0, "4F05" OTHER, false), 0x6985);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x10, 0, "05" SSD "0005" OTHER "0000", false),
                     0x6985);
}

static void another_domain_may_verify_the_tokens(void **state)
{
    struct host *h = *state;
    struct signer other = signer_new(EC_256);

    assert_int_equal(enter(h, ISD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(install_domain(h, OTHER, "03802080"), 0x9000); /* tokens and receipts */
    signer_give(h, &other, comp_of(h, OTHER), 0x70);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x6982);
    assert_int_equal(ordered(h, &other, INSTALL, 0x02, 0, load_order(), false), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    assert_resp(h, "00"); /* it has no key for receipts */
    signer_free(&other);
}

static void receipt_names_the_token(void **state)
{
    struct host *h = *state;

    assert_int_equal(ordered(h, &issuer, INSTALL, 0x02, 0, load_order(), false), 0x9000);
    assert_int_equal(load_blocks(h, probe_lfdb, sizeof(probe_lfdb)), 0x9000);
    assert_int_equal(ordered(h, &issuer, INSTALL, 0x0c, 0,
                             "06" PACKAGE "07" APPLET "07" INSTANCE "0100"
                             "07B6059303AABBCC",
                             false),
                     0x9000);
    assert_memory_equal(h->resp + h->resp_len - 4, "\x03\xaa\xbb\xcc", 4);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, with_delegate, end)
    const struct CMUnitTest tests[] = {
        WITH(every_order_needs_a_token_and_gets_a_receipt),
        WITH(receipt_may_be_of_an_ec_key),
        WITH(token_of_128_bytes_may_have_one_byte_of_length),
        WITH(order_without_a_token_or_with_a_wrong_one_changes_nothing),
        WITH(token_is_for_its_order_only),
        WITH(delegate_reaches_only_what_is_below),
        WITH(another_domain_may_verify_the_tokens),
        WITH(receipt_names_the_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
