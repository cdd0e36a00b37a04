/* What org.globalplatform throws: status words of the security domain, and what the chip does not offer. */
#include "test/unit/api_fixture.h"

#define ISO       "javacard/framework/ISOException"
#define NO_DATA   0x6A88
#define REFUSED   0x6985
#define NOT_THERE 0x6A81

/* What the domain answers is what the applet gets (GPCS 2.3.1, A.2); when it fails, the array is as it was. */
static void secure_channels_throw_the_domains_status_word(void **state)
{
    static const uint16_t answers[] = {0x6985, 0x6700, 0x6D00, 0x6E00, 0x6581};
    mm_ref channel = ok(mm_n_gp_secure_channel, 0), data = bytes_new("12345678", 8), apdu;

    (void)state;
    chip.gp.encrypt_data = gp_turn;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        uint16_t sw = answers[i];

        chip.gp_sw = sw;
        apdu = begin(8, 0);
        throws(ISO, sw, mm_n_sc_process_security, 2, channel, apdu);
        throws(ISO, sw, mm_n_sc_process_security_bytes, 5, channel, data, 0, 8, 0);
        throws(ISO, sw, mm_n_sc_unwrap, 4, channel, data, 0, 8);
        throws(ISO, sw, mm_n_sc_wrap, 4, channel, data, 0, 4);
        throws(ISO, sw, mm_n_sc_decrypt_data, 4, channel, data, 0, 8);
        throws(ISO, sw, mm_n_sc_encrypt_data, 4, channel, data, 0, 8);
        assert_memory_equal(bytes_of(data), "12345678", 8);
    }
}

static uint16_t level_refused(void *ctx, mm_comp owner, uint8_t level)
{
    (void)ctx, (void)owner, (void)level;
    return chip.gp_sw;
}

static void levels_below_the_sessions_are_refused(void **state)
{
    (void)state;
    chip.gp.set_security_level = level_refused;
    chip.gp_sw = REFUSED;
    throws(ISO, REFUSED, mm_n_sc_set_security_level, 2, ok(mm_n_gp_secure_channel, 0), 1);
}

/* ---- GPRegistryEntry, GPCLRegistryEntry ---- */

static uint16_t no_service(void *ctx, mm_comp owner, mm_comp entry, uint16_t service, bool on)
{
    (void)ctx, (void)owner, (void)entry, (void)service, (void)on;
    return REFUSED;
}

static void registry_entries_throw_why_they_refuse(void **state)
{
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry");

    (void)state;
    chip.gp.entry_service = no_service;
    throws(ISO, REFUSED, mm_n_entry_register_service, 2, entry, 0x8100);
    throws(ISO, REFUSED, mm_n_entry_deregister_service, 2, entry, 0x8100);
}

/* Without a contactless extension of the registry all of it is refused; the reasons that it has are in
 * test_card_contactless.c. */
static void contactless_entries_throw_why_they_refuse(void **state)
{
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry"),
           data = bytes_new("AIDAIDAI", 8);

    (void)state;
    throws(ISO, REFUSED, mm_n_entry_set_cl_state, 2, entry, 1);
    throws(ISO, REFUSED, mm_n_entry_get_info, 4, entry, data, 0, 1);
    throws(ISO, REFUSED, mm_n_entry_set_info, 5, entry, data, 0, 8, 1);
    throws(ISO, REFUSED, mm_n_entry_join, 2, entry, 0);
    throws(ISO, REFUSED, mm_n_entry_add_crel, 4, entry, data, 0, 6);
    throws(ISO, REFUSED, mm_n_entry_remove_crel, 4, entry, data, 0, 6);
    throws(ISO, REFUSED, mm_n_entry_add_authorized, 4, entry, data, 0, 6);
    throws(ISO, REFUSED, mm_n_entry_remove_authorized, 4, entry, data, 0, 6);
    throws(ISO, REFUSED, mm_n_entry_set_order, 2, entry, 1);
    throws(ISO, REFUSED, mm_n_entry_next_crel, 2, entry, 0);
    throws(ISO, REFUSED, mm_n_entry_next_member, 2, entry, 0);
    throws(ISO, REFUSED, mm_n_entry_next_conflict, 2, entry, 0);
    throws(ISO, REFUSED, mm_n_entry_next_referencing, 2, entry, 0);
    throws(ISO, REFUSED, mm_n_entry_is_head, 1, entry);
    throws(ISO, REFUSED, mm_n_entry_is_member, 1, entry);
    throws(ISO, REFUSED, mm_n_cl_set_volatile, 1, entry);
    throws(ISO, REFUSED, mm_n_cl_card_info, 3, data, 0, 7);
    throws(ISO, REFUSED, mm_n_cl_set_interface, 2, 1, 1);
}

/* ---- What is not there ---- */

static void card_information_that_is_not_kept_is_not_found(void **state)
{
    mm_ref data = bytes_new(NULL, 16);

    (void)state;
    throws(ISO, NO_DATA, mm_n_gp_card_info, 3, data, 0, 0x7777);
    throws(ISO, NO_DATA, mm_n_gp_card_info_length, 1, 0x7777);
}

static void what_needs_an_interface_is_refused(void **state)
{
    (void)state;
    throws(ISO, REFUSED, mm_n_cl_refused, 3, 0, 0, 0);
    throws(ISO, NOT_THERE, mm_n_scp_create, 5, 0, 0, 0, 0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, chip_setup, chip_teardown)
    const struct CMUnitTest tests[] = {
        TEST(secure_channels_throw_the_domains_status_word),
        TEST(levels_below_the_sessions_are_refused),
        TEST(registry_entries_throw_why_they_refuse),
        TEST(contactless_entries_throw_why_they_refuse),
        TEST(card_information_that_is_not_kept_is_not_found),
        TEST(what_needs_an_interface_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
