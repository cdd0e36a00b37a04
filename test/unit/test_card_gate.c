/* The gate of a payment chip (docs/protocol.md), with applets selected on several logical channels. */
#include "test/unit/card_built.h"

#include <openssl/evp.h>

#define INTEGRITY "F04D494E544D41524B0101"

static const char pairing_key[] = "000102030405060708090A0B0C0D0E0F";

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_PAYMENT);

    assert_int_equal(host_open(h, 0x03), 0x9000);
    load_built(h, RUNTIME_CAP, RUNTIME);
    load_built(h, SINGLE_CAP, SINGLE_PKG);
    assert_int_equal(install_as(h, SINGLE_PKG, SINGLE, SINGLE), 0x9000);
    assert_int_equal(secure(h, 0x24, 0, 0, pairing_key), 0x9000); /* PUT PAIRING KEY */
    *state = h;
    return 0;
}

/* As the agent opens it, on the basic channel. */
static void open_gate(struct host *h)
{
    uint8_t key[16], text[2 + 16] = {0x32, 0x01}, gate[5 + 16] = {0x80, 0x32, 0x01, 0, 16};
    size_t n = sizeof(key);

    assert_int_equal(mm_unhex(pairing_key, key, &n), MM_OK);
    assert_int_equal(select_in(h, 0x00, INTEGRITY), 0x9000);
    assert_int_equal(host_hex(h, "8030000000"), 0x9000);
    memcpy(text + 2, h->resp, 16);
    assert_non_null(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, sizeof(key), text,
                              sizeof(text), gate + 5, 16, &n));
    assert_int_equal(host_send(h, gate, sizeof(gate)), 0x9000);
}

static void shut_gate_stops_applets_on_every_channel(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_in(h, 0x01, SINGLE), 0x6985);
    open_gate(h);
    assert_int_equal(select_in(h, 0x01, SINGLE), 0x9000);
    assert_int_equal(host_hex(h, "8120000000"), 0x9000);
    assert_int_equal(host_hex(h, "8032000000"), 0x9000); /* shut */
    assert_int_equal(host_hex(h, "8120000000"), 0x6985);
    assert_int_equal(host_hex(h, "0170000001"), 0x6985); /* nor is another channel opened with it */
    open_gate(h);
    assert_int_equal(host_hex(h, "8120000000"), 0x9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shut_gate_stops_applets_on_every_channel, setup,
                                        host_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
