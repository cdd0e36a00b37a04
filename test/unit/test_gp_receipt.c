/* Receipts of delegated management: what answers and orders say, and whose MAC it is (GPCS 2.3.1, C.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host_client/gp/receipt.h"

#define PACKAGE "06F00102030405"
#define APPLET  "07F0010203040501"
#define DOMAIN  "05F0000000DD"
#define ISSUER  "08A000000151000000"

static size_t bytes_of(const char *hex, uint8_t *out, size_t room)
{
    size_t n = room;

    assert_int_equal(mm_unhex(hex, out, &n), MM_OK);
    return n;
}

/* What the receipt of a command covers, in hex; "" when the card confirms nothing by it. */
static const char *context_of(struct mm_gp_orders *orders, const char *command)
{
    static char hex[400];
    uint8_t apdu[255];
    size_t n = bytes_of(command, apdu, sizeof(apdu));
    struct mm_buf context;
    bool confirms;

    mm_buf_init(&context);
    confirms = mm_gp_orders_follow(orders, apdu, n, &context);
    assert_true(context.len < sizeof(hex) / 2);
    (void)mm_hex(context.data, context.len, hex);
    mm_buf_clear(&context);
    return confirms ? hex : "";
}

static struct mm_gp_orders orders_of(void)
{
    return (struct mm_gp_orders){.domain = {5, {0xf0, 0x00, 0x00, 0x00, 0xdd}}};
}

/* C.5.1 to C.5.6: which names each receipt covers. */
static void each_order_has_its_names(void **state)
{
    struct mm_gp_orders o = orders_of();

    (void)state;
    assert_string_equal(context_of(&o, "80E602000A" PACKAGE "000000"), "");
    assert_string_equal(context_of(&o, "80E8000002C401"), "");
    assert_string_equal(context_of(&o, "80E880010100"), PACKAGE DOMAIN);
    assert_string_equal(context_of(&o, "80E6020010" PACKAGE ISSUER "000000"
                                       "00"),
                        ""); /* Lc does not fit: nothing is taken from it */
    assert_string_equal(context_of(&o, "80E6020013" PACKAGE ISSUER "000000"), "");
    assert_string_equal(context_of(&o, "80E880000100"), PACKAGE ISSUER);
    assert_string_equal(context_of(&o, "80E60C001C" PACKAGE APPLET APPLET "010002C900"),
                        PACKAGE APPLET);
    assert_string_equal(context_of(&o, "80E608000D0000" APPLET "0100"
                                       "00"),
                        APPLET);
    assert_string_equal(context_of(&o, "80E6100014" ISSUER "00" APPLET "000000"),
                        DOMAIN APPLET ISSUER);
    assert_string_equal(context_of(&o, "80E640000E0000" APPLET "01020000"), DOMAIN APPLET "00"
                                                                                          "010200");
    assert_string_equal(context_of(&o, "80E400000A4F" APPLET "9E00"), APPLET);
}

static void what_moves_is_named_with_the_domain_it_was_in(void **state)
{
    struct mm_gp_orders o = orders_of();

    (void)state;
    o.moves = (struct mm_aid){7, {0xf0, 1, 2, 3, 4, 5, 1}};
    o.from = (struct mm_aid){8, {0xa0, 0, 0, 1, 0x51}};
    assert_string_equal(context_of(&o, "80E6100014" ISSUER "00" APPLET "000000"),
                        ISSUER APPLET ISSUER);
    assert_string_equal(context_of(&o, "80E6100013" ISSUER "00" PACKAGE "000000"),
                        DOMAIN PACKAGE ISSUER);
}

/* Every prefix of an order's data, with an Lc that fits: nothing is read past its end. */
static void order_that_is_cut_confirms_nothing(void **state)
{
    uint8_t apdu[64];
    size_t n = bytes_of("80E640000E0000" APPLET "01020000", apdu, sizeof(apdu));
    struct mm_gp_orders o = orders_of();
    struct mm_buf context;

    (void)state;
    mm_buf_init(&context);
    for (size_t len = 6; len < n - 2; len++) { /* the last byte is the token's length */
        apdu[4] = (uint8_t)(len - 5);
        assert_false(mm_gp_orders_follow(&o, apdu, len, &context));
    }
    mm_buf_clear(&context);
}

static void other_commands_confirm_nothing(void **state)
{
    static const char *const commands[] = {"80E620000D0000" APPLET "000000",
                                           "80E40000"
                                           "03D20130",
                                           "80F28000024F00",
                                           "80E8800001C4",
                                           "80E2800001"
                                           "00",
                                           "80E4",
                                           ""};
    struct mm_gp_orders o = orders_of();

    (void)state;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_string_equal(context_of(&o, commands[i]), "");
    /* In one INSTALL for all, the end confirms and LOAD does not (11.5.2.2). */
    assert_string_equal(context_of(&o, "80E60E010A" PACKAGE "000000"), "");
    assert_string_equal(context_of(&o, "80E880000100"), "");
    assert_string_equal(context_of(&o, "80E60E031C" PACKAGE APPLET APPLET "010002C900"),
                        PACKAGE APPLET);
}

/* ---- Confirmations ---- */

#define AES_RECEIPT "10000102030405060708090A0B0C0D0E0F"

static void confirmation_has_counter_card_and_token(void **state)
{
    uint8_t resp[64];
    struct mm_gp_confirmation c;
    size_t n = bytes_of("1E" AES_RECEIPT "020005"
                        "0442010145"
                        "02AABB"
                        "01CC",
                        resp, sizeof(resp));

    (void)state;
    assert_int_equal(mm_gp_confirmation_read(resp, n, &c, NULL), MM_OK);
    assert_int_equal(c.counter, 5);
    assert_int_equal(c.receipt.len, 16);
    assert_int_equal(c.card.len, 4);
    assert_memory_equal(c.card.data, "\x42\x01\x01\x45", 4);
    assert_int_equal(c.token_id.len, 2);
    assert_int_equal(c.token_digest.len, 1);
    assert_ptr_equal(c.data.data, resp + 18);
    assert_int_equal(c.data.len, n - 18);
    for (size_t i = 2; i < n; i++)
        assert_int_equal(mm_gp_confirmation_read(resp, i, &c, NULL), MM_MALFORMED);
}

static void confirmation_may_be_none_or_malformed(void **state)
{
    static const struct {
        const char *hex;
        enum mm_status want;
    } rows[] = {{"", MM_NOT_FOUND},
                {"00", MM_NOT_FOUND},
                {"01", MM_MALFORMED},
                {"15" AES_RECEIPT "02000500", MM_OK},
                {"8115" AES_RECEIPT "02000500", MM_OK}, /* BER length */
                {"8116" AES_RECEIPT "02000500", MM_MALFORMED},
                {"14" AES_RECEIPT "010500", MM_MALFORMED}, /* a counter has two bytes */
                {"0500020005"
                 "00",
                 MM_MALFORMED}, /* no receipt */
                {"16" AES_RECEIPT "0200050009", MM_MALFORMED},
                {"18" AES_RECEIPT "02000500"
                 "0000"
                 "00",
                 MM_MALFORMED}};
    uint8_t resp[64];
    struct mm_gp_confirmation c;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = bytes_of(rows[i].hex, resp, sizeof(resp));
        assert_int_equal(mm_gp_confirmation_read(resp, n, &c, NULL), rows[i].want);
    }
}

/* ---- MACs ---- */

/* ISO/IEC 9797-1, algorithm 3, padding method 2, with the key and text of its examples. */
static void des_mac_is_that_of_the_standard(void **state)
{
    static const char text[] = "Now is the time for all ";
    struct mm_gp_secret *key = NULL;
    uint8_t mac[MM_GP_DES_MAC_LEN];
    char hex[17];

    (void)state;
    assert_int_equal(mm_gp_secret_open("hex:0123456789ABCDEFFEDCBA9876543210", NULL, &key, NULL),
                     MM_OK);
    assert_int_equal(mm_gp_secret_des_mac(key, (const uint8_t *)text, sizeof(text) - 1, mac, NULL),
                     MM_OK);
    assert_string_equal(mm_hex(mac, sizeof(mac), hex), "E9086230CA3BE796");
    mm_gp_secret_free(&key);
    assert_null(key);
}

/* A receipt made with a key over confirmation data and names, then every bit of it changed. */
static void check_bits(const char *where, size_t mac_len)
{
    static const uint8_t confirmation[] = {0x02, 0x00, 0x07, 0x02, 0x42, 0x45};
    struct mm_gp_secret *key = NULL;
    uint8_t message[32], mac[16];
    struct mm_gp_confirmation c = {.data = {confirmation, sizeof(confirmation)}};
    struct mm_buf context;

    mm_buf_init(&context);
    mm_buf_bytes(&context, "\x05\xf0\x01\x02\x03\x04", 6);
    memcpy(message, confirmation, sizeof(confirmation));
    memcpy(message + sizeof(confirmation), context.data, context.len);
    assert_int_equal(mm_gp_secret_open(where, NULL, &key, NULL), MM_OK);
    if (mac_len == 16)
        assert_int_equal(mm_gp_secret_cmac(key, message, 12, mac, NULL), MM_OK);
    else
        assert_int_equal(mm_gp_secret_des_mac(key, message, 12, mac, NULL), MM_OK);
    c.receipt = (struct mm_gp_part){mac, mac_len};
    assert_int_equal(mm_gp_receipt_check(&c, &context, key, NULL), MM_OK);
    for (size_t bit = 0; bit < 8 * mac_len; bit++) {
        mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(mm_gp_receipt_check(&c, &context, key, NULL), MM_REFUSED);
        mac[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    context.data[5] ^= 1; /* another order */
    assert_int_equal(mm_gp_receipt_check(&c, &context, key, NULL), MM_REFUSED);
    mm_gp_secret_free(&key);
    mm_buf_clear(&context);
}

static void receipt_is_of_its_key_and_its_order(void **state)
{
    (void)state;
    check_bits("hex:000102030405060708090A0B0C0D0E0F", 16);
    check_bits("hex:000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", 16);
    check_bits("hex:000102030405060708090A0B0C0D0E0F", 8);
}

static void receipt_that_no_key_could_make_is_not_supported(void **state)
{
    static const uint8_t bytes[32] = {0};
    struct mm_gp_confirmation c = {.data = {bytes, 4}, .receipt = {bytes, 32}};
    struct mm_gp_secret *key = NULL;
    struct mm_buf none;

    (void)state;
    mm_buf_init(&none);
    assert_int_equal(mm_gp_secret_open("hex:00112233", NULL, &key, NULL), MM_USAGE);
    assert_null(key);
    assert_int_equal(mm_gp_secret_open("/no/such/file", NULL, &key, NULL), MM_NOT_FOUND);
    assert_int_equal(
        mm_gp_secret_open("hex:000102030405060708090A0B0C0D0E0F1011121314151617", NULL, &key, NULL),
        MM_OK);
    assert_int_equal(mm_gp_receipt_check(&c, &none, key, NULL), MM_UNSUPPORTED);
    c.receipt.len = 8; /* a DES MAC by 24 bytes */
    assert_int_equal(mm_gp_receipt_check(&c, &none, key, NULL), MM_UNSUPPORTED);
    mm_gp_secret_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_order_has_its_names),
        cmocka_unit_test(what_moves_is_named_with_the_domain_it_was_in),
        cmocka_unit_test(order_that_is_cut_confirms_nothing),
        cmocka_unit_test(other_commands_confirm_nothing),
        cmocka_unit_test(confirmation_has_counter_card_and_token),
        cmocka_unit_test(confirmation_may_be_none_or_malformed),
        cmocka_unit_test(des_mac_is_that_of_the_standard),
        cmocka_unit_test(receipt_is_of_its_key_and_its_order),
        cmocka_unit_test(receipt_that_no_key_could_make_is_not_supported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
