/* SCP11 as an application has it: SecureChannel with the keys of its domain (converter/test/gp, Vault). */
#include "test/unit/gp_scp11_scene.h"

#include "test/unit/card_built.h"

#define GP_CAP "test_gp.cap"
#define GP_PKG "F04D494E544D41524BA6"
#define VAULT  GP_PKG "03"

static int with_vault(void **state)
{
    struct scene *s;

    setup(state);
    s = *state;
    load_built(s->h, GP_CAP, GP_PKG);
    assert_int_equal(install_as(s->h, GP_PKG, VAULT, VAULT), 0x9000);
    assert_int_equal(host_hex(s->h, "00A404000B" VAULT "00"), 0x9000);
    return 0;
}

static uint8_t level(struct scene *s)
{
    assert_int_equal(host_hex(s->h, "8040000000"), 0x9000);
    assert_int_equal(s->h->resp_len, 1);
    return s->h->resp[0];
}

/* A command in the channel whose answer is these data. */
static void echoes(struct scene *s, const char *command, const uint8_t *expected, size_t n)
{
    uint8_t apdu[64];
    size_t len = sizeof(apdu);
    struct mm_buf wrapped, resp;
    uint16_t sw;

    assert_int_equal(mm_unhex(command, apdu, &len), MM_OK);
    mm_buf_init(&wrapped);
    mm_buf_init(&resp);
    assert_int_equal(mm_gp_channel_wrap(&s->channel, apdu, len, &wrapped, NULL), MM_OK);
    sw = host_send(s->h, wrapped.data, wrapped.len);
    assert_int_equal(sw, 0x9000);
    mm_buf_bytes(&resp, s->h->resp, s->h->resp_len);
    mm_buf_u16(&resp, sw);
    assert_int_equal(mm_gp_channel_unwrap(&s->channel, &resp, NULL), MM_OK);
    assert_int_equal(resp.len, n + 2);
    assert_memory_equal(resp.data, expected, n);
    mm_buf_clear(&wrapped);
    mm_buf_clear(&resp);
}

static void application_talks_in_every_variant(void **state)
{
    static const enum mm_scp11_variant variants[] = {MM_SCP11_A, MM_SCP11_B, MM_SCP11_C};
    static const uint8_t data[] = {1, 2, 3, 4};
    struct scene *s = *state;

    for (size_t v = 0; v < 3; v++) {
        for (int high = 0; high < 2; high++) {
            struct mm_gp_scp11 how = how_of(s, variants[v], high ? 0x33 : 0x11);

            assert_int_equal(level(s), 0);
            assert_int_equal(open_channel(s, &how), 0x9000);
            /* AUTHENTICATED: not a host of variant b (GPCS, A.2) */
            assert_int_equal(level(s), (variants[v] == MM_SCP11_B ? 0 : 0x80) | how.level);
            echoes(s, "80440000040102030400", data, sizeof(data));
            echoes(s, "80440000040102030400", data, sizeof(data));
            assert_int_equal(host_hex(s->h, "8046000000"), 0x9000);
        }
    }
}

/* decryptData: under the session's key for data (Amendment F, 6.2). */
static void application_deciphers_sensitive_data(void **state)
{
    static const uint8_t plain[16] = "sixteen letters";
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    uint8_t hidden[16];
    char command[64] = "8042000010";

    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(mm_scp_data(&s->channel.scp, true, plain, sizeof(plain), hidden), MM_OK);
    mm_hex(hidden, sizeof(hidden), command + 10);
    strcat(command, "00");
    echoes(s, command, plain, sizeof(plain));
}

/* What the card's domain refuses, the application's channel does. */
static void application_refuses_what_is_not_good(void **state)
{
    struct scene *s = *state;
    struct mm_gp_scp11 how = how_of(s, MM_SCP11_A, 0x33);
    EVP_PKEY *ephemeral = NULL;
    struct mm_buf command;

    mm_buf_init(&command);
    assert_int_equal(mm_gp_scp11_begin(&how, &ephemeral, &command), MM_OK);
    assert_int_equal(host_send(s->h, command.data, command.len), 0x6985); /* no certificate */
    how.ca_id = 0x12;
    assert_int_equal(certificates(s, &how), 0x6a88);
    how.ca_id = MM_SCP11_KID_CA;
    assert_int_equal(certificates(s, &how), 0x9000);
    assert_int_equal(host_hex(s->h, "00A4040008A00000015100000000"), 0x9000);
    assert_int_equal(host_send(s->h, command.data, command.len), 0x6985); /* not to the domain */
    assert_int_equal(host_hex(s->h, "00A404000B" VAULT "00"), 0x9000);
    assert_int_equal(open_channel(s, &how), 0x9000);
    assert_int_equal(host_hex(s->h, "80440000040102030400"), 0x6982); /* without a MAC */
    assert_int_equal(level(s), 0);
    assert_int_equal(host_hex(s->h, "80440000040102030400"), 0x6985); /* aborted, not terminated */
    assert_int_equal(host_hex(s->h, "8046000000"), 0x9000);
    assert_int_equal(host_hex(s->h, "80440000040102030400"),
                     0x9000); /* no session, no protection */
    assert_resp(s->h, "01020304");
    EVP_PKEY_free(ephemeral);
    mm_buf_clear(&command);
}

int main(void)
{
#define WITH(name) cmocka_unit_test_setup_teardown(name, with_vault, teardown)
    const struct CMUnitTest tests[] = {
        WITH(application_talks_in_every_variant),
        WITH(application_deciphers_sensitive_data),
        WITH(application_refuses_what_is_not_good),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
