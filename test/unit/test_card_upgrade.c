/* ELF upgrade (GPCS Amendment H): a load file is replaced, its instances go over with what they saved. */
#include "test/unit/card_upgrade.h"

#include "applet_vm/integrity/integrity.h"

/* ---- What comes over ---- */

static void instance_goes_over_with_its_data(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    assert_int_equal(host_hex(h, "8002000000"), 0x9000);
    back(h);
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8000000000"), 0x9000);
    /* 2.1, counter 2, parameters, from 1.0 of the same AID; installed, restored, consolidated in this order;
     * 6 bytes and 10 references were there after initRead */
    assert_resp(h, "0201 0002 02AABB 0100 01 01 02 03 6A");
}

static void objects_of_the_api_and_arrays_are_the_new_instances(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, KEEPER, "8008000000"), 0x9000); /* a wrong PIN: two tries are left */
    assert_int_equal(host_hex(h, "800A000000"), 0x9000);    /* the package's own array: 2, 2, 3 */
    back(h);
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8006000000"), 0x9000);
    /* flag, -2, scratch of 20 transient (CLEAR_ON_DESELECT), two tries, PIN right, AES of zeros, own AID, array,
     * null, nonNullReference, ring 7 8 closed, the array in the array is the parameters */
    assert_resp(h, "01 FFFE 14 02 02 01 C6A1 01 020203 01 01 07 08 01 01");
    host_reopen(h);
    assert_int_equal(ask(h, KEEPER, "8006000000"), 0x9000);
    assert_resp(h, "01 FFFE 14 02 03 01 C6A1 01 020203 01 01 07 08 01 01");
}

static void all_instances_are_installed_before_the_first_is_restored(void **state)
{
    struct host *h = *state;

    assert_int_equal(install_param(h, KEEPER, SECOND, "0100", "CC"), 0x9000);
    assert_int_equal(install_param(h, PLAIN, PLAIN, "0100", ""), 0x9000);
    assert_int_equal(ask(h, SECOND, "8002000000"), 0x9000);
    assert_int_equal(ask(h, PLAIN, "8002000000"), 0x9000);
    assert_resp(h, "0100 0001");
    back(h);
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8000000000"), 0x9000);
    assert_resp(h, "0201 0000 02AABB 0100 01 01 03 05 6A");
    assert_int_equal(ask(h, SECOND, "8000000000"), 0x9000);
    assert_resp(h, "0201 0001 01CC 0100 01 02 04 06 6A");
    /* It has no listener: installed anew, its data is gone. */
    assert_int_equal(ask(h, PLAIN, "8002000000"), 0x9000);
    assert_resp(h, "0200 0001");
}

/* Privileges, life cycle, domain, quota: the entry is what it was but for its code. */
static void registry_entry_stays(void **state)
{
    struct host *h = *state;
    struct mm_reg_entry before, after;

    assert_int_equal(install_domain(h, SSD, "0180"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "000B" KEEPER "000000"), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x40, 0, "00000B" KEEPER "030004000000"), 0x9000);
    assert_int_equal(secure(h, 0xf0, 0x40, 0x17, KEEPER), 0x9000); /* a state of its own */
    before = *mm_reg_comp(&h->card->registry, comp_of(h, KEEPER));
    upgrade(h);
    after = *mm_reg_comp(&h->card->registry, comp_of(h, KEEPER));
    assert_int_equal(after.comp, before.comp);
    assert_int_equal(after.domain, comp_of(h, SSD));
    assert_memory_equal(after.privileges, before.privileges, MM_PRIV_LEN);
    assert_int_equal(mm_reg_state(&h->card->registry, &after), 0x17);
    assert_int_equal(after.major, 2);
    assert_int_equal(after.minor, 1);
    assert_int_equal(after.package, comp_of(h, UP_PKG));
}

static void load_file_without_instances_is_replaced(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, DELETE, 0, 0, "4F0B" KEEPER), 0x9000);
    upgrade(h);
    assert_int_equal(mm_reg_comp(&h->card->registry, comp_of(h, UP_PKG))->major, 2);
}

static void older_version_is_the_applets_to_refuse(void **state)
{
    struct host *h = *state;

    upgrade(h);
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(load_version(h, 1), 0x9000);
    /* What 2.1 saved is too short for 1.0: ISOException 6985 of readByte. */
    assert_int_equal(manage(h, RESUME), 0x6985);
    assert_status(h, ANSWER("04"));
}

static void onsave_may_return_nothing(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    set_modes(h, KEEPER, "0500");
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8000000000"), 0x9000);
    assert_resp(h, "0201 0000 02AABB 0100 01 01 02 03 00");
}

/* ---- Elements ---- */

static void elements_keep_to_their_size_and_phase(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0800");
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8006000000"), 0x9000);
    assert_int_equal(h->resp_len, 30);
    /* 3 booleans or bytes, one short, one reference; no short more, no reference more; no reading in the
     * Saving Phase; global arrays are refused; the session is told to the applet, with 1.0 */
    assert_memory_equal(h->resp + 18, "\x03\x03\x01\x01\x01\x01\x01\x01\x03\x03\x01\x01", 12);
}

static void no_element_is_left_after_the_session(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0004"); /* the new instance keeps its root element in a field */
    upgrade(h);
    assert_int_equal(mm_vm_next_instance(h->card->vm, "mintmark/Element", MM_REF_NULL),
                     MM_REF_NULL);
    assert_int_equal(ask(h, KEEPER, "800E000000"), 0x9000);
    assert_resp(h, "00");
}

static void outside_of_a_session_the_api_refuses(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, KEEPER, "800C000000"), 0x9000);
    assert_resp(h, "00 6985 6985 6985 6985");
}

/* ---- What keeps a session from beginning: nothing has changed then ---- */

static void refused_start(struct host *h, uint16_t sw)
{
    struct snapshot before;

    take_snapshot(h, &before);
    assert_int_equal(manage(h, START), sw);
    assert_unchanged(h, &before);
    assert_status(h, ANSWER_NONE);
    assert_int_equal(ask(h, KEEPER, "8000000000"), 0x9000);
    assert_resp(h, "0100 0000 02AABB 00"); /* no onCleanup is left of it */
    back(h);
}

static void exception_of_onsave_ends_the_session(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0100");
    refused_start(h, 0x6a9a);
    set_modes(h, KEEPER, "0000");
    upgrade(h);
}

static void custom_objects_are_not_saved(void **state)
{
    static const char *const modes[] = {"0300", "0400", "0700", "0900"};
    struct host *h = *state;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        set_modes(h, KEEPER, modes[i]);
        refused_start(h, 0x6985);
    }
}

static void exception_of_oncleanup_is_ignored(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0600");
    upgrade(h);
}

static void transaction_left_open_by_a_callback_is_undone(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0203"); /* both commit nothing of 1000 */
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    assert_resp(h, "0065");
}

static void what_is_in_use_or_needed_is_not_replaced(void **state)
{
    struct host *h = *state;

    assert_int_equal(host_hex(h, "0070000001"), 0x9000);
    assert_int_equal(select_in(h, 0x01, KEEPER), 0x9000);
    assert_int_equal(manage(h, START), 0x6985);
    assert_int_equal(host_hex(h, "00708001"), 0x9000);
    load_built(h, RUNTIME_CAP, RUNTIME);
    load_built(h, SINGLE_CAP, SINGLE_PKG); /* which imports it */
    assert_int_equal(secure(h, MANAGE, START, 0, "A10C4F0A" RUNTIME), 0x6985);
    assert_int_equal(secure(h, MANAGE, START, 0, "A1094F07" SSD_PACKAGE), 0x6985);
}

/* Write a reference into the first reference cell of an applet's objects, as a shareable object that it
 * was given would stand there. */
static void refer(struct host *h, mm_comp owner, mm_ref to)
{
    enum { HEADER = 12, REF_ARRAY = 14 };
    struct mm_obj_info info;

    for (uint32_t ref = MM_REF_RAM_MAX + 1; ref < 0x10000; ref++) {
        if (!mm_vm_object(h->card->vm, (mm_ref)ref, &info) || info.owner != owner)
            continue;
        for (uint16_t i = 0; i < info.n; i++) {
            uint16_t value;
            bool is_ref;
            if (!mm_vm_peek_cell(h->card->vm, (mm_ref)ref, i, &value, &is_ref) || !is_ref)
                continue;
            assert_int_equal(mm_rec_write(h->card->nvm, ref, HEADER + 2u * i, &to, 2), MM_OK);
            return;
        }
    }
    fail_msg("the applet has no references");
}

/* As with DELETE (JCRE 3.0.5, 11.3.4): onCleanup is where an applet would take back what it gave away. */
static void what_another_applet_refers_to_is_not_replaced(void **state)
{
    struct host *h = *state;

    load_built(h, ATOMIC_CAP, ATOMIC_PKG);
    assert_int_equal(install_as(h, ATOMIC_PKG, ATOMIC, ATOMIC), 0x9000);
    refer(h, comp_of(h, ATOMIC), mm_reg_comp(&h->card->registry, comp_of(h, KEEPER))->applet);
    refused_start(h, 0x6985);
    refer(h, comp_of(h, ATOMIC), MM_REF_NULL);
    upgrade(h);
}

/* ---- What a waiting session forbids ---- */

static void suspended_instances_are_listed_and_not_selectable(void **state)
{
    struct host *h = *state;

    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x40, 0x02, "4F0B" KEEPER), 0x9000);
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, UP_NAME), 0x6a88);
    assert_int_equal(select_aid(h, KEEPER), 0x6a82);
    assert_int_equal(select_aid(h, UP_PKG), 0x6a82); /* nor by a part of the name */
}

static void other_content_management_waits_for_the_session(void **state)
{
    struct host *h = *state;

    load_built(h, EXCHANGE_CAP, EXCHANGE_PKG);
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(manage(h, START), 0x6985);
    assert_int_equal(install_as(h, EXCHANGE_PKG, EXCHANGE, EXCHANGE), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F0A" EXCHANGE_PKG), 0x6985);
    assert_int_equal(secure(h, DELETE, 0, 0, "4F0B" KEEPER), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "0A" RUNTIME "00000000"), 0x6985);
    assert_int_equal(secure(h, INSTALL, 0x0e, 0x01, "0A" UP_PKG "00000000"), 0x6985);
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_int_equal(load_version(h, 2), 0x6985); /* one is enough */
    assert_int_equal(install_as(h, UP_PKG, KEEPER, SECOND), 0x6985);
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_int_equal(install_as(h, EXCHANGE_PKG, EXCHANGE, EXCHANGE), 0x9000);
}

static void refused_load_leaves_the_session_waiting(void **state)
{
    struct host *h = *state;

    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(load_package(h, "0A" UP_PKG, probe_lfdb, sizeof(probe_lfdb)), 0x6a80);
    assert_int_equal(load_package(h, "0A" UP_PKG, (const uint8_t *)"none", 4), 0x6a80);
    assert_status(h, ANSWER("02"));
    assert_int_equal(manage(h, RESUME), 0x9000); /* it waits on */
    assert_resp(h, ANSWER("02"));
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_resp(h, ANSWER_COMPLETED);
}

/* ---- What goes wrong in the Restore Phase ---- */

static void refused_restore(struct host *h, uint16_t sw)
{
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_int_equal(manage(h, RESUME), sw);
    assert_status(h, ANSWER("04"));
    assert_int_equal(select_aid(h, KEEPER), 0x6a82);
    host_reopen(h);
    back(h);
    assert_status(h, ANSWER("04"));
    assert_int_equal(manage(h, RESUME), sw); /* a second try comes to the same */
    assert_status(h, ANSWER("04"));
}

/* Back to the old version, with all its data. */
static void recovered(struct host *h, const char *expected)
{
    assert_int_equal(manage(h, RECOVERY), 0x9000);
    assert_resp(h, ANSWER("02"));
    assert_int_equal(secure(h, GET_STATUS, 0x20, 0x02, UP_NAME), 0x6a88);
    assert_int_equal(manage(h, RECOVERY), 0x9000);
    assert_resp(h, ANSWER("02"));
    assert_int_equal(load_version(h, 1), 0x9000);
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_resp(h, ANSWER_COMPLETED);
    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    assert_resp(h, expected);
}

static void exception_of_onrestore_leaves_the_way_back(void **state)
{
    struct host *h = *state;

    assert_int_equal(ask(h, KEEPER, "8002000000"), 0x9000);
    set_modes(h, KEEPER, "0001");
    refused_restore(h, 0x6a9d);
    recovered(h, "0100 0002 02AABB 00");
}

static void exception_of_install_leaves_the_way_back(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(load_version(h, 1), 0x9000);
    assert_int_equal(install_param(h, KEEPER, KEEPER, "0100", "E1"), 0x9000);
    refused_restore(h, 0x6a9c);
    recovered(h, "0100 0001 01E1 00");
    host_free(h);
}

static void instance_that_registers_under_another_name_is_refused(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(load_version(h, 1), 0x9000);
    assert_int_equal(install_param(h, KEEPER, KEEPER, "0100", "E2"), 0x9000);
    refused_restore(h, 0x6985);
    recovered(h, "0100 0001 01E2 00");
    host_free(h);
}

static void exception_of_onconsolidate_is_ignored(void **state)
{
    struct host *h = *state;

    set_modes(h, KEEPER, "0002");
    upgrade(h);
    assert_int_equal(ask(h, KEEPER, "8000000000"), 0x9000);
    assert_resp(h, "0201 0000 02AABB 0100 01 01 02 03 6A");
}

/* ---- Abort ---- */

static void abort_leaves_nothing_of_the_load_file(void **state)
{
    struct host *h = *state;

    for (int loaded = 0; loaded < 2; loaded++) {
        size_t components = 0;
        struct mm_comp_info info;

        assert_int_equal(manage(h, START), 0x9000);
        if (loaded)
            assert_int_equal(load_version(h, 2), 0x9000);
        assert_int_equal(manage(h, ABORT), 0x9000);
        assert_resp(h, ANSWER_NONE);
        assert_status(h, ANSWER_NONE);
        assert_int_equal(comp_of(h, KEEPER), 0);
        assert_int_equal(comp_of(h, UP_PKG), 0);
        while (mm_comp_get(h->card->nvm, components, &info))
            components++;
        assert_int_equal(components, 1); /* the platform */
        assert_int_equal(load_version(h, 1), 0x9000);
        assert_int_equal(install_param(h, KEEPER, KEEPER, "0100", "AABB"), 0x9000);
    }
}

static void nothing_goes_on_without_a_session(void **state)
{
    struct host *h = *state;

    assert_int_equal(manage(h, RESUME), 0x6985);
    assert_int_equal(manage(h, RECOVERY), 0x6985);
    assert_int_equal(manage(h, ABORT), 0x6985);
}

/* Step A3 of the trust agent goes before the session. */
static void instance_that_the_agent_deletes_is_no_part_of_it_any_more(void **state)
{
    struct host *h = *state;
    struct mm_aid aid = mm_reg_comp(&h->card->registry, comp_of(h, KEEPER))->aid;

    assert_int_equal(install_param(h, KEEPER, SECOND, "0100", "CC"), 0x9000);
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(mm_content_delete_applet(h->card, &aid), MM_OK);
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_int_equal(comp_of(h, KEEPER), 0);
    assert_int_equal(ask(h, SECOND, "8000000000"), 0x9000);
    assert_resp(h, "0201 0000 01CC 0100 01 01 02 03 6A");
}

/* ---- Whose word counts ---- */

static void domain_with_authorized_management_upgrades_its_own(void **state)
{
    static const struct mm_scp_keys own = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(install_domain(h, SSD, "03804000"), 0x9000);
    assert_int_equal(install_domain(h, "F053534402", "03804000"), 0x9000);
    assert_int_equal(load_version(h, 1), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "000A" UP_PKG "000000"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(put_set(h, 0x30, &own), 0x9000);
    assert_int_equal(enter(h, SSD, &own), 0x9000);
    assert_int_equal(install_param(h, KEEPER, KEEPER, "0100", "AABB"), 0x9000);
    assert_int_equal(enter(h, "F053534402", &mm_scp_test_keys), 0x9000);
    assert_int_equal(manage(h, START), 0x6985);
    assert_int_equal(enter(h, SSD, &own), 0x9000);
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(enter(h, "F053534402", &mm_scp_test_keys), 0x9000);
    assert_status(h, ANSWER_NONE); /* another's */
    assert_int_equal(manage(h, ABORT), 0x6985);
    assert_int_equal(load_version(h, 2), 0x6985);
    back(h);
    assert_status(h, ANSWER("02")); /* the issuer sees all */
    assert_int_equal(secure(h, INSTALL, 0x02, 0, "0A" UP_PKG "08" ISD "000000"), 0x6985);
    assert_int_equal(enter(h, SSD, &own), 0x9000);
    assert_int_equal(load_version(h, 2), 0x9000);
    assert_int_equal(manage(h, RESUME), 0x9000);
    assert_int_equal(mm_reg_comp(&h->card->registry, comp_of(h, UP_PKG))->domain, comp_of(h, SSD));
    host_free(h);
}

static void delegated_management_has_no_token_for_it(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    (void)state;
    assert_int_equal(host_open(h, 0x03), 0x9000);
    assert_int_equal(install_domain(h, SSD, "01A0"), 0x9000);
    assert_int_equal(load_version(h, 1), 0x9000);
    assert_int_equal(secure(h, INSTALL, 0x10, 0, "05" SSD "000A" UP_PKG "000000"), 0x9000);
    assert_int_equal(enter(h, SSD, &mm_scp_test_keys), 0x9000);
    assert_int_equal(manage(h, START), 0x6985);
    host_free(h);
}

/* ---- Integrity ---- */

/* Kinds of the newest events, newest first. */
static void assert_events(struct host *h, const char *kinds_hex)
{
    uint8_t kinds[8];
    size_t n = sizeof(kinds), at = 0;

    assert_int_equal(mm_unhex(kinds_hex, kinds, &n), MM_OK);
    assert_int_equal(select_aid(h, "F04D494E544D41524B0101"), 0x9000);
    assert_int_equal(host_hex(h, "8014000000"), 0x9000);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(h->resp[at + 12], kinds[i]);
        at += 14u + h->resp[at + 13];
    }
}

static void upgrade_is_logged(void **state)
{
    struct host *h = *state;

    upgrade(h);
    assert_events(h, "0D040C0504"); /* upgraded, loaded, taken out; installed, loaded */
    back(h);
    assert_int_equal(manage(h, START), 0x9000);
    assert_int_equal(manage(h, ABORT), 0x9000);
    assert_events(h, "06060C0D"); /* package, instance */
}

static void saved_data_is_under_the_seal(void **state)
{
    struct host *h = *state;
    mm_comp comp = comp_of(h, KEEPER);

    assert_int_equal(manage(h, START), 0x9000);
    host_reopen(h);
    assert_int_equal(mm_comp_damage(h->card->nvm, comp), MM_DAMAGE_NONE);
    assert_int_equal(mm_rec_comp(h->card->nvm,
                                 mm_vm_next_instance(h->card->vm, "mintmark/Element", MM_REF_NULL)),
                     comp);
}

static void recognition_data_tells_of_upgrades(void **state)
{
    struct host *h = *state;

    assert_int_equal(select_aid(h, ISD), 0x9000);
    assert_int_equal(host_hex(h, "80CA006600"), 0x9000);
    assert_memory_equal(h->resp + h->resp_len - 3, "\x89\x01\x01", 3);
}

int main(void)
{
#define KEPT(name) cmocka_unit_test_setup_teardown(name, with_keeper, host_teardown)
    const struct CMUnitTest tests[] = {
        KEPT(instance_goes_over_with_its_data),
        KEPT(objects_of_the_api_and_arrays_are_the_new_instances),
        KEPT(all_instances_are_installed_before_the_first_is_restored),
        KEPT(registry_entry_stays),
        KEPT(load_file_without_instances_is_replaced),
        KEPT(older_version_is_the_applets_to_refuse),
        KEPT(onsave_may_return_nothing),
        KEPT(elements_keep_to_their_size_and_phase),
        KEPT(no_element_is_left_after_the_session),
        KEPT(outside_of_a_session_the_api_refuses),
        KEPT(exception_of_onsave_ends_the_session),
        KEPT(custom_objects_are_not_saved),
        KEPT(exception_of_oncleanup_is_ignored),
        KEPT(transaction_left_open_by_a_callback_is_undone),
        KEPT(what_is_in_use_or_needed_is_not_replaced),
        KEPT(what_another_applet_refers_to_is_not_replaced),
        KEPT(suspended_instances_are_listed_and_not_selectable),
        KEPT(other_content_management_waits_for_the_session),
        KEPT(refused_load_leaves_the_session_waiting),
        KEPT(exception_of_onrestore_leaves_the_way_back),
        cmocka_unit_test(exception_of_install_leaves_the_way_back),
        cmocka_unit_test(instance_that_registers_under_another_name_is_refused),
        KEPT(exception_of_onconsolidate_is_ignored),
        KEPT(abort_leaves_nothing_of_the_load_file),
        KEPT(nothing_goes_on_without_a_session),
        KEPT(instance_that_the_agent_deletes_is_no_part_of_it_any_more),
        cmocka_unit_test(domain_with_authorized_management_upgrades_its_own),
        cmocka_unit_test(delegated_management_has_no_token_for_it),
        KEPT(upgrade_is_logged),
        KEPT(saved_data_is_under_the_seal),
        KEPT(recognition_data_tells_of_upgrades),
    };

    return cmocka_run_group_tests(tests, NULL, free_versions);
}
