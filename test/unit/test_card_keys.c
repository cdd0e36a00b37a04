/* Key sets of the domain: which INITIALIZE UPDATE selects, what PUT KEY adds and replaces, and which
 * DELETE takes. */
#include "test/unit/card_load.h"

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
    block[0] = 0x31; /* a version of one key would not be whole */
    assert_int_equal(host_secure(h, PUT_KEY, 0x30, 0x02, block, 24), 0x6a80);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x02, block, 24), 0x6a86);
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
    for (uint8_t version = 0x32; version < 0x38; version++)
        assert_int_equal(put_keys(h, 0x00, version, &keys_b), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x38, &keys_b), 0x6a84); /* eight sets are all */
}

static void put_key_refuses_a_wrong_check_value(void **state)
{
    struct host *h = *state;
    uint8_t block[80];
    size_t n = key_block(h, 0x30, &keys_a, block);

    block[n - 1] ^= 1;
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n), 0x6982);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x81, block, n - 1), 0x6a80);
    assert_int_equal(host_secure(h, PUT_KEY, 0x00, 0x01, block, n), 0x6a86);
    mm_card_reset(h->card);
    assert_int_equal(host_open(h, 0x03), 0x9000); /* still the old keys */
}

static void delete_takes_a_set_but_never_the_last(void **state)
{
    struct host *h = *state;

    assert_int_equal(secure(h, DELETE, 0, 0, "D201FF"), 0x6985);
    assert_int_equal(put_keys(h, 0x00, 0x30, &keys_a), 0x9000);
    assert_int_equal(open_version(h, 0x00, &keys_a), 0x9000);
    assert_int_equal(put_keys(h, 0x00, 0x31, &keys_b), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "D20132"), 0x6a88);
    assert_int_equal(secure(h, DELETE, 0, 0, "D00101D20130"), 0x6a80); /* sets are whole */
    assert_int_equal(secure(h, DELETE, 0, 0, "D00100D20130"), 0x9000);
    assert_int_equal(secure(h, DELETE, 0, 0, "D20131"), 0x6985);
    assert_int_equal(open_version(h, 0x30, &keys_a), 0x6a88);
    assert_int_equal(open_version(h, 0x00, &keys_b), 0x9000);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
