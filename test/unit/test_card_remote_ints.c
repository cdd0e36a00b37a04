/*
 * Java Card RMI with ints, and what does not fit into a call or an answer (JCRE 3.0.5, 8.3.4, 8.3.5).
 * The applet is converter/test/remoteint.
 */
#include "test/unit/card_rmi.h"

#define AID_LV "0B" SUMS

static int setup(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);

    assert_int_equal(host_open(h, 0x01), 0x9000);
    load_built(h, SUMS_CAP, SUMS_PKG);
    assert_int_equal(install_as(h, SUMS_PKG, SUMS, SUMS), 0x9000);
    *state = h;
    return 0;
}

static void remote_methods_take_and_give_ints(void **state)
{
    struct host *h = *state;
    uint16_t sums = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, sums, "sum(ISI)I",
           "00010000"
           "FFFF"
           "7FFF0000",
           "817FFFFFFF"); /* the short's sign counts */
    invoke(h, sums, "sum(ISI)I",
           "00010000"
           "0001"
           "7FFF0000",
           "8180000001"); /* wraps */
    invoke(h, sums, "sum(ISI)I",
           "00000001"
           "0002"
           "FFFFFFFF",
           "8100000002");
    invoke(h, sums, "scaled([II)[I",
           "02"
           "00010002FFFFFFFF"
           "00000003",
           "8102"
           "00030006FFFFFFFD");
    invoke(h, sums, "scaled([II)[I", "0000000003", "8100");
    invoke(h, sums, "scaled([II)[I", "FF00000003", "81FF");
    invoke(h, sums, "largest([I)I", "03800000010000000FFFFFFFFE", "810000000F");
    invoke(h, sums, "refused(I)I", "00011170", "8100011170");
    invoke(h, sums, "refused(I)I", "00011171", "82270007");
}

static void int_parameters_cut_short_match_no_signature(void **state)
{
    struct host *h = *state;
    uint16_t sums = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, sums, "refused(I)I", "000111", "990003");
    invoke(h, sums, "refused(I)I", "0001117000", "990003");
    invoke(h, sums, "largest([I)I", "0200000001000000", "990003");
    invoke(h, sums, "largest([I)I", "010000000100", "990003");
}

/* Error 4: eight arrays find room, nine do not, nor does one of more than the memory; null needs none. */
static void too_many_arrays_are_no_room_for_parameters(void **state)
{
    struct host *h = *state;
    uint16_t sums = initial(h, AID_LV, SELECT_CLASS);

    invoke(h, sums, "eight([B[B[B[B[B[B[B[B)S", "01AA01AA01AA01AAFF01AA01AA02AABB", "810069");
    invoke(h, sums, "nine([B[B[B[B[B[B[B[B[B)S", "01AA01AA01AA01AA01AA01AA01AA01AAFF", "810009");
    invoke(h, sums, "nine([B[B[B[B[B[B[B[B[B)S", "01AA01AA01AA01AA01AA01AA01AA01AA01AA", "990004");
    /* The arrays of the call that failed were given back: another one finds room. */
    for (int i = 0; i < 40; i++)
        invoke(h, sums, "nine([B[B[B[B[B[B[B[B[B)S", "01AA01AA01AA01AA01AA01AA01AA01AA01AA",
               "990004");
    invoke(h, sums, "eight([B[B[B[B[B[B[B[B)S", "01AA01AA01AA01AAFF01AA01AA02AABB", "810069");
}

/* A response of n bytes, or an error. */
static void answer_len(struct host *h, uint16_t object, const char *method, const char *n,
                       size_t len)
{
    char text[64];

    snprintf(text, sizeof(text), "8038020206%04X%04X%s00", object, method_id(method), n);
    assert_int_equal(host_hex(h, text), 0x9000);
    if (len == 0) {
        assert_resp(h, "990005");
        return;
    }
    assert_int_equal(h->resp_len, len);
    assert_int_equal(h->resp[0], 0x81);
}

/* Error 5: the answer has 256 bytes, and the length of an array one, of which FF is null. */
static void results_that_do_not_fit_are_no_room_for_the_response(void **state)
{
    struct host *h = *state;
    uint16_t sums = initial(h, AID_LV, SELECT_CLASS);

    answer_len(h, sums, "bytes(S)[B", "00FE", 256);
    answer_len(h, sums, "bytes(S)[B", "00FF", 0);
    answer_len(h, sums, "bytes(S)[B", "012C", 0);
    answer_len(h, sums, "shorts(S)[S", "007F", 256);
    answer_len(h, sums, "shorts(S)[S", "0080", 0);
    answer_len(h, sums, "ints(S)[I", "003F", 254);
    answer_len(h, sums, "ints(S)[I", "0040", 0);
}

/* Also error 5: a session knows 32 objects. */
static void a_session_has_room_for_so_many_objects(void **state)
{
    struct host *h = *state;
    uint16_t sums = initial(h, AID_LV, SELECT_CLASS), last = 0;
    char text[64];

    snprintf(text, sizeof(text), "8038020204%04X%04X00", sums,
             method_id("another()Lorg/mintmark/remoteint/Sums;"));
    for (int i = 1; i < 32; i++) {
        assert_int_equal(host_hex(h, text), 0x9000);
        assert_int_equal(h->resp[0], 0x81);
        last = mm_be16(h->resp + 1);
    }
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_resp(h, "990005");
    invoke(h, last, "refused(I)I", "00000001", "8100000001");
    /* The next session begins with the initial object again. */
    assert_int_equal(initial(h, AID_LV, SELECT_CLASS), sums);
    invoke(h, last, "refused(I)I", "00000001", "990001");
    assert_int_equal(host_hex(h, text), 0x9000);
    assert_int_equal(h->resp[0], 0x81);
}

/* ---- Error FFFF: only a load file that nobody verified gets there ---- */

/* refused(I)I said to take a short. */
static void lie(uint8_t *lfdb, size_t len)
{
    struct mm_cap *cap = NULL;
    uint16_t rows = 0;
    uint8_t *info = NULL;

    assert_int_equal(mm_cap_read(lfdb, len, &cap, NULL), MM_OK);
    for (size_t i = 0; i < mm_cap_class_n(cap); i++)
        rows = mm_cap_class(cap, i)->remote_off != 0 ? mm_cap_class(cap, i)->remote_off : rows;
    mm_cap_free(&cap);
    for (size_t at = 0; at + 3 <= len; at += 3u + mm_be16(lfdb + at + 1)) {
        if (lfdb[at] == MM_CAP_CLASS)
            info = lfdb + at + 3;
    }
    assert_non_null(info);
    for (size_t i = 0; i < info[rows]; i++) {
        const uint8_t *row = info + rows + 1 + 5 * i;
        uint8_t *entry = info + 2 + mm_be16(row + 2);
        if (mm_be16(row) == method_id("refused(I)I")) {
            assert_int_equal(entry[1], 0x55);
            entry[1] = 0x45;
            return;
        }
    }
    fail_msg("no such method");
}

static uint16_t load_lie(struct host *h)
{
    const char *build = getenv("MM_BUILD");
    struct mm_err err = {.text = ""};
    uint8_t *lfdb = NULL;
    char path[256];
    size_t len = 0;
    uint16_t sw;

    snprintf(path, sizeof(path), "%s/applets/%s", build != NULL ? build : "build/release",
             SUMS_CAP);
    if (mm_cap_lfdb_from_file(path, false, &lfdb, &len, &err) != MM_OK)
        fail_msg("%s (make applets)", err.text);
    lie(lfdb, len);
    assert_int_equal(host_open(h, 0x01), 0x9000);
    sw = load_package(h, "0A" SUMS_PKG, lfdb, len);
    free(lfdb);
    return sw;
}

static void a_signature_of_another_method_is_refused_or_an_internal_error(void **state)
{
    struct host *h = host_new(MM_PROFILE_DEVELOPER);
    struct mm_card_config cfg = {.nvm = {.path = h->path}, .no_verify = true};

    (void)state;
    assert_int_not_equal(load_lie(h), 0x9000);
    mm_card_close(&h->card);
    assert_int_equal(mm_card_open(&cfg, &h->card, NULL), MM_OK);
    mm_card_power_on(h->card);
    assert_int_equal(load_lie(h), 0x9000);
    assert_int_equal(install_as(h, SUMS_PKG, SUMS, SUMS), 0x9000);
    invoke(h, initial(h, AID_LV, SELECT_CLASS), "refused(I)I", "0001", "99FFFF");
    host_free(h);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, host_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(remote_methods_take_and_give_ints),
        TEST(int_parameters_cut_short_match_no_signature),
        TEST(too_many_arrays_are_no_room_for_parameters),
        TEST(results_that_do_not_fit_are_no_room_for_the_response),
        TEST(a_session_has_room_for_so_many_objects),
        cmocka_unit_test(a_signature_of_another_method_is_refused_or_an_internal_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
