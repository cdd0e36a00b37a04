/* What org.globalplatform throws: status words of the security domain, and what the chip does not offer. */
#include "test/unit/api_fixture.h"

#define ISO       "javacard/framework/ISOException"
#define SECURITY  "java/lang/SecurityException"
#define NULLED    "java/lang/NullPointerException"
#define INDEX     "java/lang/ArrayIndexOutOfBoundsException"
#define NO_DATA   0x6A88
#define REFUSED   0x6985
#define NOT_THERE 0x6A81

/* What the domain answers is what the applet gets (GPCS 2.3.1, A.2); when it fails, the array is as it was. */
static void secure_channels_throw_the_domains_status_word(void **state)
{
    static const uint16_t answers[] = {0x6985, 0x6700, 0x6D00, 0x6E00, 0x6581};
    mm_ref channel = ok(mm_n_gp_secure_channel, 0), data = bytes_new("12345678", 8), apdu;

    (void)state;
    chip.gp.channel.encrypt_data = gp_turn;
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
    chip.gp.channel.set_security_level = level_refused;
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

/* A contactless registry that answers with chip.gp_sw. */
static uint16_t cl_state(void *ctx, mm_comp owner, mm_comp entry, uint8_t *state)
{
    (void)ctx, (void)owner, (void)entry, (void)state;
    return chip.gp_sw;
}

static uint16_t cl_set(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, const uint8_t *data,
                       size_t len)
{
    (void)ctx, (void)owner, (void)entry, (void)id, (void)data, (void)len;
    return chip.gp_sw;
}

static uint16_t cl_get(void *ctx, mm_comp owner, mm_comp entry, uint16_t id, uint8_t *data,
                       size_t *len)
{
    (void)ctx, (void)owner, (void)entry, (void)id;
    data[0] = 0;
    *len = 1;
    return chip.gp_sw;
}

static bool cl_manages(void *ctx, mm_comp owner)
{
    (void)ctx, (void)owner;
    return true;
}

static uint16_t cl_list(void *ctx, mm_comp owner, mm_comp entry, enum mm_cl_list list,
                        const struct mm_aid *aid, bool add)
{
    (void)ctx, (void)owner, (void)entry, (void)list, (void)aid, (void)add;
    return chip.gp_sw;
}

static uint16_t cl_join(void *ctx, mm_comp owner, mm_comp entry, const struct mm_aid *head)
{
    (void)ctx, (void)owner, (void)entry, (void)head;
    return chip.gp_sw;
}

static uint16_t cl_group(void *ctx, mm_comp owner, mm_comp entry, bool *head, bool *member)
{
    (void)ctx, (void)owner, (void)entry, (void)head, (void)member;
    return chip.gp_sw;
}

static uint16_t cl_next(void *ctx, mm_comp owner, enum mm_cl_walk walk, mm_comp of, mm_comp after,
                        mm_comp *next)
{
    (void)ctx, (void)owner, (void)walk, (void)of, (void)after;
    *next = 0;
    return chip.gp_sw;
}

static uint16_t cl_order(void *ctx, mm_comp owner, mm_comp entry, bool top)
{
    (void)ctx, (void)owner, (void)entry, (void)top;
    return chip.gp_sw;
}

static uint16_t cl_volatile(void *ctx, mm_comp owner, mm_comp entry, mm_comp *former)
{
    (void)ctx, (void)owner, (void)entry, (void)former;
    return chip.gp_sw;
}

static uint16_t cl_card(void *ctx, uint16_t id, uint8_t *data, size_t *len)
{
    return cl_get(ctx, 0, 0, id, data, len);
}

static uint16_t cl_switch(void *ctx, mm_comp owner, uint16_t id, bool on)
{
    (void)ctx, (void)owner, (void)id, (void)on;
    return chip.gp_sw;
}

static uint16_t cl_on(void *ctx, uint16_t id, bool *on)
{
    (void)ctx, (void)id, (void)on;
    return chip.gp_sw;
}

static bool cl_applet(void *ctx, mm_comp entry, mm_ref *applet)
{
    (void)ctx, (void)entry, (void)applet;
    return false;
}

static bool no_entry(void *ctx, mm_comp entry, struct mm_gp_registered *out)
{
    (void)ctx, (void)entry, (void)out;
    return false;
}

static const struct mm_cl_services contactless = {.state_set = cl_state,
                                                  .info_set = cl_set,
                                                  .info_get = cl_get,
                                                  .manages = cl_manages,
                                                  .list_edit = cl_list,
                                                  .join = cl_join,
                                                  .group = cl_group,
                                                  .next = cl_next,
                                                  .applet = cl_applet,
                                                  .order = cl_order,
                                                  .volatile_priority = cl_volatile,
                                                  .card_info = cl_card,
                                                  .interface_set = cl_switch,
                                                  .interface_on = cl_on};

/* Reasons that the documentation of GPCLRegistryEntry and GPCLSystem names; how they come about is in
 * test_card_contactless.c. */
static void contactless_entries_throw_why_they_refuse(void **state)
{
    static const uint16_t reasons[] = {REFUSED, 0x6A80, 0x6A83, 0x6A88, 0x6F00};
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry"),
           data = bytes_new("AIDAIDAI", 8);

    (void)state;
    chip.gp.cl = &contactless;
    chip.gp.entry_get = no_entry;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        uint16_t sw = chip.gp_sw = reasons[i];

        throws(ISO, sw, mm_n_entry_set_cl_state, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_get_info, 4, entry, data, 0, 1);
        throws(ISO, sw, mm_n_entry_set_info, 5, entry, data, 0, 8, 1);
        throws(ISO, sw, mm_n_entry_join, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_add_crel, 4, entry, data, 0, 6);
        throws(ISO, sw, mm_n_entry_remove_crel, 4, entry, data, 0, 6);
        throws(ISO, sw, mm_n_entry_add_authorized, 4, entry, data, 0, 6);
        throws(ISO, sw, mm_n_entry_remove_authorized, 4, entry, data, 0, 6);
        throws(ISO, sw, mm_n_entry_set_order, 2, entry, 1);
        throws(ISO, sw, mm_n_entry_next_crel, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_next_member, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_next_conflict, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_next_referencing, 2, entry, 0);
        throws(ISO, sw, mm_n_entry_is_head, 1, entry);
        throws(ISO, sw, mm_n_entry_is_member, 1, entry);
        throws(ISO, sw, mm_n_cl_get_next_entry, 2, 0, 0);
        throws(ISO, sw, mm_n_cl_set_volatile, 1, 0);
        throws(ISO, sw, mm_n_cl_card_info, 3, data, 0, 7);
        throws(ISO, sw, mm_n_cl_set_interface, 2, 1, 1);
        throws(ISO, sw, mm_n_cl_interface_on, 1, 1);
    }
    throws(ISO, 0x6A80, mm_n_cl_interface_access, 2, entry, 0x41);
    throws(ISO, NOT_THERE, mm_n_cl_launch, 3, data, 0, 8);
}

/* Without a contactless extension of the registry all of it is refused. */
static void cards_without_contactless_refuse(void **state)
{
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry");

    (void)state;
    throws(ISO, REFUSED, mm_n_entry_set_cl_state, 2, entry, 1);
    throws(ISO, REFUSED, mm_n_entry_is_head, 1, entry);
    throws(ISO, REFUSED, mm_n_cl_set_volatile, 1, entry);
    throws(ISO, 0x6A80, mm_n_cl_interface_on, 1, 1);
}

/* An entry of an applet's own making is none of the card's. */
static void entries_that_are_not_the_cards_are_refused(void **state)
{
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry"), other = hex_new("00");

    (void)state;
    chip.gp.cl = &contactless;
    throws(SECURITY, 0, mm_n_entry_next_crel, 2, entry, other);
    throws(SECURITY, 0, mm_n_entry_next_member, 2, entry, other);
    throws(SECURITY, 0, mm_n_entry_next_conflict, 2, entry, other);
    throws(SECURITY, 0, mm_n_entry_next_referencing, 2, entry, other);
    throws(SECURITY, 0, mm_n_cl_get_next_entry, 2, other, 0);
    throws(SECURITY, 0, mm_n_cl_set_volatile, 1, other);
}

static void contactless_information_needs_room(void **state)
{
    mm_ref entry = mm_vm_new_instance(chip.vm, "mintmark/RegistryEntry"), data = bytes_new(NULL, 8);

    (void)state;
    chip.gp.cl = &contactless;
    throws(NULLED, 0, mm_n_entry_get_info, 4, entry, 0, 0, 4);
    throws(INDEX, 0, mm_n_entry_get_info, 4, entry, data, 8, 4);
    throws(INDEX, 0, mm_n_entry_get_info, 4, entry, data, -1, 4);
    throws(NULLED, 0, mm_n_entry_set_info, 5, entry, 0, 0, 8, 4);
    throws(INDEX, 0, mm_n_entry_set_info, 5, entry, data, 1, 8, 4);
    throws(NULLED, 0, mm_n_cl_card_info, 3, 0, 0, 7);
    throws(INDEX, 0, mm_n_cl_card_info, 3, data, 8, 7);
}

/* ---- What is not there ---- */

static void card_information_that_is_not_kept_is_not_found(void **state)
{
    mm_ref data = bytes_new(NULL, 16);

    (void)state;
    throws(ISO, NO_DATA, mm_n_gp_card_info, 3, data, 0, 0x7777);
    throws(ISO, NO_DATA, mm_n_gp_card_info_length, 1, 0x7777);
}

static void other_protocols_are_not_there(void **state)
{
    (void)state;
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
        TEST(cards_without_contactless_refuse),
        TEST(entries_that_are_not_the_cards_are_refused),
        TEST(contactless_information_needs_room),
        TEST(card_information_that_is_not_kept_is_not_found),
        TEST(other_protocols_are_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
