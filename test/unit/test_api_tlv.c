/* javacardx.framework.tlv */
#include "test/unit/api_fixture.h"

#define INDEX        "java/lang/ArrayIndexOutOfBoundsException"
#define NULL_POINTER "java/lang/NullPointerException"
#define TLV          "javacardx/framework/tlv/TLVException"
#define PACKAGE      "javacardx/framework/tlv/"

enum {
    INVALID_PARAM = 1,
    ILLEGAL_SIZE,
    EMPTY_TAG,
    EMPTY_TLV,
    MALFORMED_TAG,
    MALFORMED_TLV,
    INSUFFICIENT_STORAGE,
    TAG_SIZE_GREATER_THAN_127,
    TAG_NUMBER_GREATER_THAN_32767,
    TLV_SIZE_GREATER_THAN_32767,
    TLV_LENGTH_GREATER_THAN_32767
};

static mm_ref object(const char *name)
{
    mm_ref ref = mm_vm_new_instance(chip.vm, name);

    assert_int_not_equal(ref, 0);
    return ref;
}

static mm_ref tag_new(bool constructed, int cls, int number)
{
    mm_ref tag = object(constructed ? PACKAGE "ConstructedBERTag" : PACKAGE "PrimitiveBERTag");

    (void)ok(constructed ? mm_n_bertag_constructed_init : mm_n_bertag_primitive_init, 3, tag, cls,
             number);
    return tag;
}

static mm_ref tlv_empty(bool constructed, int capacity)
{
    mm_ref tlv = object(constructed ? PACKAGE "ConstructedBERTLV" : PACKAGE "PrimitiveBERTLV");

    (void)ok(mm_n_bertlv_init_capacity, 2, tlv, capacity);
    return tlv;
}

static mm_ref tlv_new(const char *hex)
{
    return ok(mm_n_bertlv_get_instance, 3, hex_new(hex), 0, (int)strlen(hex) / 2);
}

/* A native that writes bytes, with the object first. */
static void gives(mm_native fn, mm_ref obj, const char *hex)
{
    mm_ref out = bytes_new(NULL, 600);

    assert_int_equal(ok(fn, 3, obj, out, 1), strlen(hex) / 2);
    holds(out, 1, hex);
}

/* ---- Tags ---- */

static const struct {
    int cls, constructed, number;
    const char *hex;
} tags[] = {{0, 0, 2, "02"},        {1, 1, 15, "6F"},         {2, 1, 0, "A0"},
            {3, 0, 30, "DE"},       {2, 0, 31, "9F1F"},       {1, 1, 0x49, "7F49"},
            {3, 1, 0x80, "FF8100"}, {0, 0, 0x3FFF, "1FFF7F"}, {0, 0, 0x7FFF, "1F81FF7F"}};
#define TAG_N (sizeof(tags) / sizeof(tags[0]))

static void tags_are_made_from_class_and_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAG_N; i++) {
        mm_ref tag = tag_new(tags[i].constructed, tags[i].cls, tags[i].number);
        gives(mm_n_bertag_to_bytes, tag, tags[i].hex);
        assert_int_equal(ok(mm_n_bertag_size, 1, tag), strlen(tags[i].hex) / 2);
        assert_int_equal(ok(mm_n_bertag_number, 1, tag), tags[i].number);
        assert_int_equal(ok(mm_n_bertag_class, 1, tag), tags[i].cls);
        assert_int_equal(ok(mm_n_bertag_is_constructed, 1, tag), tags[i].constructed);
    }
}

static void tags_are_made_from_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < TAG_N; i++) {
        mm_ref bytes = hex_new(tags[i].hex), tag = ok(mm_n_bertag_get_instance, 2, bytes, 0);
        mm_ref again = tag_new(tags[i].constructed, 0, 1);
        struct mm_obj_info info;
        assert_true(mm_vm_object(chip.vm, tag, &info));
        assert_string_equal(info.class_name, tags[i].constructed ? PACKAGE "ConstructedBERTag"
                                                                 : PACKAGE "PrimitiveBERTag");
        gives(mm_n_bertag_to_bytes, tag, tags[i].hex);
        (void)ok(tags[i].constructed ? mm_n_bertag_constructed_init_bytes
                                     : mm_n_bertag_primitive_init_bytes,
                 3, again, bytes, 0);
        assert_int_equal(ok(mm_n_bertag_equals, 2, tag, again), 1);
        throws(TLV, MALFORMED_TAG,
               tags[i].constructed ? mm_n_bertag_primitive_init_bytes
                                   : mm_n_bertag_constructed_init_bytes,
               3, again, bytes, 0);
    }
}

static void tags_in_arrays_are_read_and_written(void **state)
{
    mm_ref out = bytes_new(NULL, 6);

    (void)state;
    for (size_t i = 0; i < TAG_N; i++) {
        mm_ref bytes = hex_new(tags[i].hex);
        assert_int_equal(ok(mm_n_bertag_size_of, 2, bytes, 0), strlen(tags[i].hex) / 2);
        assert_int_equal(ok(mm_n_bertag_number_of, 2, bytes, 0), tags[i].number);
        assert_int_equal(ok(mm_n_bertag_class_of, 2, bytes, 0), tags[i].cls);
        assert_int_equal(ok(mm_n_bertag_constructed_of, 2, bytes, 0), tags[i].constructed);
        assert_int_equal(ok(mm_n_bertag_verify, 2, bytes, 0), 1);
        assert_int_equal(
            ok(mm_n_bertag_write, 5, tags[i].cls, tags[i].constructed, tags[i].number, out, 1),
            strlen(tags[i].hex) / 2);
        holds(out, 1, tags[i].hex);
    }
    throws(TLV, INVALID_PARAM, mm_n_bertag_write, 5, 4, 0, 1, out, 0);
    throws(TLV, INVALID_PARAM, mm_n_bertag_write, 5, 0, 0, -1, out, 0);
    throws(INDEX, 0, mm_n_bertag_write, 5, 0, 0, 0x100, out, 4);
    throws(NULL_POINTER, 0, mm_n_bertag_write, 5, 0, 0, 1, 0, 0);
}

static void bad_tags_are_refused_with_the_reason(void **state)
{
    static const mm_native statics[] = {mm_n_bertag_size_of, mm_n_bertag_number_of,
                                        mm_n_bertag_class_of, mm_n_bertag_constructed_of,
                                        mm_n_bertag_get_instance};
    mm_ref zero = hex_new("1F8001"), cut = hex_new("1FFF"), five = hex_new("1F8182838401");
    mm_ref big = hex_new("1FFFFF7F"), tag = object(PACKAGE "PrimitiveBERTag");
    mm_ref huge = bytes_new(NULL, 200);

    (void)state;
    (void)ok(mm_n_util_array_fill, 4, huge, 0, 199, 0xFF);
    for (size_t i = 0; i < sizeof(statics) / sizeof(statics[0]); i++) {
        throws(TLV, MALFORMED_TAG, statics[i], 2, zero, 0);
        throws(INDEX, 0, statics[i], 2, cut, 0);
        throws(INDEX, 0, statics[i], 2, zero, 3);
        throws(INDEX, 0, statics[i], 2, zero, -1);
        throws(NULL_POINTER, 0, statics[i], 2, 0, 0);
    }
    assert_int_equal(ok(mm_n_bertag_verify, 2, zero, 0), 0);
    assert_int_equal(ok(mm_n_bertag_verify, 2, five, 0), 0);
    throws(INDEX, 0, mm_n_bertag_verify, 2, cut, 0);
    throws(NULL_POINTER, 0, mm_n_bertag_verify, 2, 0, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertag_size_of, 2, five, 0);
    throws(TLV, TAG_SIZE_GREATER_THAN_127, mm_n_bertag_size_of, 2, huge, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertag_number_of, 2, five, 0);
    throws(TLV, TAG_NUMBER_GREATER_THAN_32767, mm_n_bertag_number_of, 2, big, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertag_get_instance, 2, five, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertag_primitive_init_bytes, 3, tag, huge, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertag_constructed_init_bytes, 3,
           object(PACKAGE "ConstructedBERTag"), huge, 0);
    throws(TLV, TAG_NUMBER_GREATER_THAN_32767, mm_n_bertag_number, 1,
           ok(mm_n_bertag_get_instance, 2, big, 0));
    throws(TLV, INVALID_PARAM, mm_n_bertag_primitive_init, 3, tag, 4, 1);
    throws(TLV, INVALID_PARAM, mm_n_bertag_primitive_init, 3, tag, -1, 1);
    throws(TLV, INVALID_PARAM, mm_n_bertag_constructed_init, 3, object(PACKAGE "ConstructedBERTag"),
           0, -1);
}

static void an_empty_tag_says_so(void **state)
{
    mm_ref tag = object(PACKAGE "PrimitiveBERTag"), out = bytes_new(NULL, 4);

    (void)state;
    throws(TLV, EMPTY_TAG, mm_n_bertag_size, 1, tag);
    throws(TLV, EMPTY_TAG, mm_n_bertag_to_bytes, 3, tag, out, 0);
    throws(TLV, EMPTY_TAG, mm_n_bertag_number, 1, tag);
    throws(TLV, EMPTY_TAG, mm_n_bertag_class, 1, tag);
    throws(TLV, EMPTY_TAG, mm_n_bertag_is_constructed, 1, tag);
    assert_int_equal(ok(mm_n_bertag_equals, 2, tag, tag_new(false, 0, 1)), 0);
    assert_int_equal(ok(mm_n_bertag_equals, 2, tag, 0), 0);
    assert_int_equal(ok(mm_n_bertag_equals, 2, tag_new(false, 0, 1), out), 0);
    throws(INDEX, 0, mm_n_bertag_to_bytes, 3, tag_new(false, 0, 0x1000), out, 2);
    throws(NULL_POINTER, 0, mm_n_bertag_to_bytes, 3, tag_new(false, 0, 1), 0, 0);
}

/* ---- TLVs in arrays ---- */

static void well_formed_tlvs_are_told_from_others(void **state)
{
    static const char *const good[] = {"0200",       "020105", "9F020101",   "30050201050400",
                                       "A003800105", "3000",   "02820001AA", "6F038401AA"};
    static const char *const bad[] = {"02",     "0202AA",   "0201AABB",      "3003020205",
                                      "0280AA", "02FF",     "300102",        "1F8001AA",
                                      "028400", "30030201", "1F818283840100"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(ok(mm_n_bertlv_verify, 3, hex_new(good[i]), 0, (int)strlen(good[i]) / 2),
                         1);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(ok(mm_n_bertlv_verify, 3, hex_new(bad[i]), 0, (int)strlen(bad[i]) / 2), 0);
    throws(INDEX, 0, mm_n_bertlv_verify, 3, hex_new("0200"), 0, 3);
    throws(INDEX, 0, mm_n_bertlv_verify, 3, hex_new("0200"), 0, -1);
    throws(NULL_POINTER, 0, mm_n_bertlv_verify, 3, 0, 0, 2);
}

static void nesting_is_bounded(void **state)
{
    uint8_t deep[80];
    mm_ref bytes;

    (void)state;
    for (size_t i = 0; i < 40; i++) {
        deep[2 * i] = 0x30;
        deep[2 * i + 1] = (uint8_t)(78 - 2 * i);
    }
    bytes = bytes_new(deep, sizeof(deep));
    assert_int_equal(ok(mm_n_bertlv_verify, 3, bytes, 80 - 2 * 32, 2 * 32), 1);
    assert_int_equal(ok(mm_n_bertlv_verify, 3, bytes, 80 - 2 * 33, 2 * 33), 0);
}

static void tag_length_and_value_are_found_in_an_array(void **state)
{
    mm_ref bytes = hex_new("9F028103010203"), out = bytes_new(NULL, 4);
    mm_ref set = hex_new("3003020105"), huge = hex_new("0283800000"), cut = hex_new("0205AA");

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_tag_of, 4, bytes, 0, out, 1), 2);
    holds(out, 1, "9F02");
    assert_int_equal(ok(mm_n_bertlv_length_of, 2, bytes, 0), 3);
    assert_int_equal(ok(mm_n_bertlv_value_offset, 2, bytes, 0), 4);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_value_offset, 2, set, 0);
    throws(TLV, TLV_SIZE_GREATER_THAN_32767, mm_n_bertlv_value_offset, 2, huge, 0);
    throws(TLV, TLV_LENGTH_GREATER_THAN_32767, mm_n_bertlv_length_of, 2, huge, 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_length_of, 2, hex_new("0280"), 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_tag_of, 4, hex_new("1F800100"), 0, out, 0);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertlv_tag_of, 4, hex_new("1F818283840100"), 0, out, 0);
    throws(INDEX, 0, mm_n_bertlv_length_of, 2, cut, 0);
    throws(INDEX, 0, mm_n_bertlv_value_offset, 2, cut, 0);
    throws(INDEX, 0, mm_n_bertlv_tag_of, 4, bytes, 0, out, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_tag_of, 4, bytes, 0, 0, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_length_of, 2, 0, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_value_offset, 2, 0, 0);
}

static void a_tlv_grows_in_its_array(void **state)
{
    mm_ref bytes = bytes_new(NULL, 160), more = hex_new("AABB"), set = hex_new("3000FFFFFFFFFF");

    (void)state;
    (void)ok(mm_n_util_set_short, 3, bytes, 0, 0x047F); /* 127 bytes of value */
    assert_int_equal(ok(mm_n_bertlv_append_value_bytes, 5, bytes, 0, more, 0, 2), 132);
    holds(bytes, 0, "04818100");
    holds(bytes, 129, "00AABB");
    assert_int_equal(ok(mm_n_bertlv_append_bytes, 4, hex_new("020105"), 0, set, 0), 5);
    holds(set, 0, "3003020105FFFF");
    throws(INDEX, 0, mm_n_bertlv_append_bytes, 4, hex_new("020105"), 0, set, 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_append_bytes, 4, hex_new("020105"), 0, bytes, 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_append_bytes, 4, hex_new("0280"), 0, set, 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_append_value_bytes, 5, set, 0, more, 0, 2);
    throws(INDEX, 0, mm_n_bertlv_append_value_bytes, 5, bytes, 0, more, 0, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_append_value_bytes, 5, bytes, 0, 0, 0, 2);
    throws(NULL_POINTER, 0, mm_n_bertlv_append_bytes, 4, 0, 0, set, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_append_bytes, 4, set, 0, 0, 0);
}

static void a_primitive_tlv_is_written_from_tag_and_value(void **state)
{
    mm_ref tag = hex_new("9F02"), value = hex_new("010203"), out = bytes_new(NULL, 8);
    mm_ref big = bytes_new(NULL, 0x7FFF);

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_write, 7, tag, 0, value, 1, 2, out, 1), 5);
    holds(out, 0, "009F02020203");
    throws(TLV, MALFORMED_TAG, mm_n_bertlv_write, 7, hex_new("30"), 0, value, 0, 3, out, 0);
    throws(TLV, MALFORMED_TAG, mm_n_bertlv_write, 7, hex_new("1F8001"), 0, value, 0, 3, out, 0);
    throws(TLV, TLV_SIZE_GREATER_THAN_32767, mm_n_bertlv_write, 7, tag, 0, big, 0, 0x7FFF, big, 0);
    throws(INDEX, 0, mm_n_bertlv_write, 7, tag, 0, value, 0, 4, out, 0);
    throws(INDEX, 0, mm_n_bertlv_write, 7, tag, 0, value, 0, 3, out, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_write, 7, tag, 0, 0, 0, 3, out, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_write, 7, 0, 0, value, 0, 3, out, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_write, 7, tag, 0, value, 0, 3, 0, 0);
    (void)ok(mm_n_util_set_short, 3, big, 0, 0x0482);
    (void)ok(mm_n_util_set_short, 3, big, 2, 0x7FF0);
    throws(TLV, TLV_SIZE_GREATER_THAN_32767, mm_n_bertlv_append_value_bytes, 5, big, 0, big, 0, 20);
}

static void parts_are_found_in_an_array(void **state)
{
    mm_ref tag = hex_new("FF80"), tlv = hex_new("FF300B8001018100800102810103");

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_find_bytes, 4, tlv, 1, tag, 1), 3);
    assert_int_equal(ok(mm_n_bertlv_find_bytes, 4, tlv, 1, 0, 0), 3);
    assert_int_equal(ok(mm_n_bertlv_find_bytes, 4, tlv, 1, hex_new("82"), 0), 0xFFFF);
    assert_int_equal(ok(mm_n_bertlv_find_next_bytes, 5, tlv, 1, 3, tag, 1), 8);
    assert_int_equal(ok(mm_n_bertlv_find_next_bytes, 5, tlv, 1, 3, 0, 0), 6);
    assert_int_equal(ok(mm_n_bertlv_find_next_bytes, 5, tlv, 1, 8, tag, 1), 0xFFFF);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_find_next_bytes, 5, tlv, 1, 4, tag, 1);
    throws(INDEX, 0, mm_n_bertlv_find_next_bytes, 5, tlv, 1, -1, tag, 1);
    throws(TLV, MALFORMED_TAG, mm_n_bertlv_find_bytes, 4, tlv, 1, hex_new("1F8001"), 0);
    throws(TLV, MALFORMED_TAG, mm_n_bertlv_find_next_bytes, 5, tlv, 1, 3, hex_new("1F8001"), 0);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_find_bytes, 4, tlv, 3, tag, 1); /* primitive */
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_find_next_bytes, 5, tlv, 3, 3, tag, 1);
    throws(INDEX, 0, mm_n_bertlv_find_bytes, 4, tlv, 1, tag, 2);
    throws(NULL_POINTER, 0, mm_n_bertlv_find_bytes, 4, 0, 1, tag, 1);
    throws(NULL_POINTER, 0, mm_n_bertlv_find_next_bytes, 5, 0, 1, 3, tag, 1);
}

/* ---- TLV objects ---- */

static void tlvs_are_made_from_bytes_and_written_back(void **state)
{
    static const char *const all[] = {"0200", "9F0203010203", "3000", "6F0A8401AAA5059F38028300",
                                      "30043002A000"};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        mm_ref tlv = tlv_new(all[i]);
        bool constructed = mm_vm_instance_of(chip.vm, tlv, PACKAGE "ConstructedBERTLV");
        mm_ref again = tlv_empty(constructed, 0);
        gives(mm_n_bertlv_to_bytes, tlv, all[i]);
        assert_int_equal(ok(mm_n_bertlv_size, 1, tlv), strlen(all[i]) / 2);
        assert_int_equal(
            ok(mm_n_bertlv_init_bytes, 4, again, hex_new(all[i]), 0, (int)strlen(all[i]) / 2),
            strlen(all[i]) / 2);
        gives(mm_n_bertlv_to_bytes, again, all[i]);
        throws(TLV, MALFORMED_TLV, mm_n_bertlv_init_bytes, 4, tlv_empty(!constructed, 0),
               hex_new(all[i]), 0, (int)strlen(all[i]) / 2);
    }
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_get_instance, 3, hex_new("0202AA"), 0, 3);
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_get_instance, 3, hex_new("0201AABB"), 0, 4);
    throws(TLV, ILLEGAL_SIZE, mm_n_bertlv_get_instance, 3, hex_new("1F818283840100"), 0, 7);
    throws(INDEX, 0, mm_n_bertlv_get_instance, 3, hex_new("0200"), 0, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_get_instance, 3, 0, 0, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_bytes, 4, tlv_empty(false, 1), 0, 0, 3);
    throws(INDEX, 0, mm_n_bertlv_init_bytes, 4, tlv_empty(false, 1), hex_new("0200"), 1, 2);
}

static void an_empty_tlv_says_so(void **state)
{
    mm_ref tlv = tlv_empty(false, 4), set = tlv_empty(true, 1), out = bytes_new(NULL, 8);
    mm_ref value = hex_new("01");

    (void)state;
    throws(TLV, EMPTY_TLV, mm_n_bertlv_size, 1, tlv);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_to_bytes, 3, set, out, 0);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_get_tag, 1, tlv);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_get_length, 1, set);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_get_value, 3, tlv, out, 0);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_append_value, 4, tlv, value, 0, 1);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_replace_value, 4, tlv, value, 0, 1);
    throws(TLV, EMPTY_TLV, mm_n_bertlv_append, 2, set, tlv_new("0200"));
    throws(TLV, EMPTY_TLV, mm_n_bertlv_append, 2, tlv_new("3000"), tlv);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_init_capacity, 2, tlv, -1);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_init_capacity, 2, set, -1);
}

static void the_value_of_a_primitive_tlv_is_set_replaced_and_appended(void **state)
{
    mm_ref tlv = tlv_empty(false, 1), tag = tag_new(false, 2, 1), v = hex_new("010203");
    mm_ref out = bytes_new(NULL, 8);

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_init_value, 5, tlv, tag, v, 0, 3), 5);
    assert_int_equal(ok(mm_n_bertlv_append_value, 4, tlv, v, 1, 2), 7);
    gives(mm_n_bertlv_get_value, tlv, "0102030203");
    assert_int_equal(ok(mm_n_bertlv_replace_value, 4, tlv, v, 2, 1), 3);
    gives(mm_n_bertlv_to_bytes, tlv, "810103");
    assert_int_equal(ok(mm_n_bertlv_get_length, 1, tlv), 1);
    assert_int_equal(ok(mm_n_bertlv_get_tag, 1, tlv), tag);
    (void)ok(mm_n_bertag_primitive_init, 3, tag, 2, 0x21); /* the tag is kept by reference */
    gives(mm_n_bertlv_to_bytes, tlv, "9F210103");
    throws(INDEX, 0, mm_n_bertlv_append_value, 4, tlv, v, 1, 3);
    throws(INDEX, 0, mm_n_bertlv_replace_value, 4, tlv, v, 0, -1);
    throws(NULL_POINTER, 0, mm_n_bertlv_append_value, 4, tlv, 0, 0, 1);
    throws(NULL_POINTER, 0, mm_n_bertlv_replace_value, 4, tlv, 0, 0, 1);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_value, 5, tlv, 0, v, 0, 3);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_value, 5, tlv, tag, 0, 0, 3);
    throws(INDEX, 0, mm_n_bertlv_init_value, 5, tlv, tag, v, 0, 4);
    throws(TLV, EMPTY_TAG, mm_n_bertlv_init_value, 5, tlv, object(PACKAGE "PrimitiveBERTag"), v, 0,
           3);
    throws(INDEX, 0, mm_n_bertlv_get_value, 3, tlv, out, 8);
    throws(NULL_POINTER, 0, mm_n_bertlv_get_value, 3, tlv, 0, 0);
    throws(INDEX, 0, mm_n_bertlv_to_bytes, 3, tlv, out, 5);
    throws(NULL_POINTER, 0, mm_n_bertlv_to_bytes, 3, tlv, 0, 0);
}

static void a_constructed_tlv_takes_parts_finds_and_deletes_them(void **state)
{
    mm_ref set = tlv_empty(true, 1), tag = tag_new(true, 1, 16), a = tlv_new("800101");
    mm_ref b = tlv_new("8100"), c = tlv_new("800102"), tag80 = tag_new(false, 2, 0);

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_init_part, 3, set, tag, a), 5);
    assert_int_equal(ok(mm_n_bertlv_append, 2, set, b), 7);
    assert_int_equal(ok(mm_n_bertlv_append, 2, set, c), 10);
    assert_int_equal(ok(mm_n_bertlv_append, 2, set, a), 13);
    gives(mm_n_bertlv_to_bytes, set, "700B8001018100800102800101");
    assert_int_equal(ok(mm_n_bertlv_find, 2, set, tag80), a);
    assert_int_equal(ok(mm_n_bertlv_find, 2, set, 0), a);
    assert_int_equal(ok(mm_n_bertlv_find, 2, set, tag_new(false, 2, 2)), 0);
    assert_int_equal(ok(mm_n_bertlv_find_next, 4, set, tag80, a, 1), c);
    assert_int_equal(ok(mm_n_bertlv_find_next, 4, set, 0, a, 1), b);
    assert_int_equal(ok(mm_n_bertlv_find_next, 4, set, 0, a, 2), 0);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_find_next, 4, set, 0, a, 3);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_find_next, 4, set, 0, a, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_find_next, 4, set, 0, 0, 1);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_delete, 3, set, a, 3);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_delete, 3, set, a, 0);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_delete, 3, set, tlv_new("800101"), 1);
    throws(NULL_POINTER, 0, mm_n_bertlv_delete, 3, set, 0, 1);
    assert_int_equal(ok(mm_n_bertlv_delete, 3, set, a, 2), 10);
    assert_int_equal(ok(mm_n_bertlv_delete, 3, set, a, 1), 7);
    gives(mm_n_bertlv_to_bytes, set, "70058100800102");
    (void)ok(mm_n_bertlv_append_value, 4, c, hex_new("FF"), 0, 1); /* parts are kept by reference */
    gives(mm_n_bertlv_to_bytes, set, "70068100800202FF");
}

static void a_series_of_bytes_becomes_parts(void **state)
{
    mm_ref set = tlv_empty(true, 0), tag = tag_new(true, 1, 16), v = hex_new("8001018100AA");

    (void)state;
    assert_int_equal(ok(mm_n_bertlv_init_value, 5, set, tag, v, 0, 5), 7);
    gives(mm_n_bertlv_to_bytes, set, "70058001018100");
    throws(TLV, MALFORMED_TLV, mm_n_bertlv_init_value, 5, set, tag, v, 0, 6);
    throws(INDEX, 0, mm_n_bertlv_init_value, 5, set, tag, v, 0, 7);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_value, 5, set, tag, 0, 0, 5);
    gives(mm_n_bertlv_to_bytes, set, "70058001018100");
}

static void no_tlv_comes_to_contain_itself(void **state)
{
    mm_ref a = tlv_new("3000"), b = tlv_new("3100"), tag = tag_new(true, 0, 16);

    (void)state;
    (void)ok(mm_n_bertlv_append, 2, a, b);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_append, 2, a, a);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_append, 2, b, a);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_init_part, 3, b, tag, a);
    throws(TLV, INVALID_PARAM, mm_n_bertlv_init_part, 3, b, tag, b);
    throws(NULL_POINTER, 0, mm_n_bertlv_append, 2, a, 0);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_part, 3, b, 0, a);
    throws(NULL_POINTER, 0, mm_n_bertlv_init_part, 3, b, tag, 0);
    gives(mm_n_bertlv_to_bytes, a, "30023100");
}

static void a_tlv_never_outgrows_32767_bytes(void **state)
{
    mm_ref big = bytes_new(NULL, 0x7FFF), tlv = tlv_new("8000"), set = tlv_new("3000"), inner;

    (void)state;
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_append_value, 4, tlv, big, 0, 0x7FFF);
    (void)ok(mm_n_bertlv_append_value, 4, tlv, big, 0, 0x4000);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_append_value, 4, tlv, big, 0, 0x4000);
    (void)ok(mm_n_bertlv_append, 2, set, tlv);
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_append, 2, set, tlv);
    inner = tlv_new("8000");
    (void)ok(mm_n_bertlv_append, 2, set, inner); /* and then grows unseen */
    (void)ok(mm_n_bertlv_append_value, 4, inner, big, 0, 0x4000);
    throws(TLV, TLV_SIZE_GREATER_THAN_32767, mm_n_bertlv_size, 1, set);
    throws(TLV, TLV_SIZE_GREATER_THAN_32767, mm_n_bertlv_to_bytes, 3, set, big, 0);
    throws(TLV, TLV_LENGTH_GREATER_THAN_32767, mm_n_bertlv_get_length, 1, set);
}

static void parts_that_double_at_every_level_are_stopped_in_time(void **state)
{
    mm_ref tlv = tlv_new("3000");

    (void)state;
    for (int i = 0; i < 13; i++) {
        mm_ref up = tlv_new("3000");
        (void)ok(mm_n_bertlv_append, 2, up, tlv);
        if (i < 12)
            (void)ok(mm_n_bertlv_append, 2, up, tlv);
        tlv = up;
    }
    throws(TLV, INSUFFICIENT_STORAGE, mm_n_bertlv_append, 2, tlv, ok(mm_n_bertlv_find, 2, tlv, 0));
}

static void tlvs_live_in_the_image_and_follow_transactions(void **state)
{
    mm_ref set = tlv_new("70058001018100"), part = ok(mm_n_bertlv_find, 2, set, 0);

    (void)state;
    (void)ok(mm_n_sys_begin_transaction, 0);
    (void)ok(mm_n_bertlv_append, 2, set, tlv_new("8200"));
    (void)ok(mm_n_bertlv_append_value, 4, part, hex_new("FF"), 0, 1);
    gives(mm_n_bertlv_to_bytes, set, "7008800201FF81008200");
    (void)ok(mm_n_sys_abort_transaction, 0);
    gives(mm_n_bertlv_to_bytes, set, "70058001018100");
    mm_vm_free(&chip.vm);
    chip_power_on();
    gives(mm_n_bertlv_to_bytes, set, "70058001018100");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, chip_setup, chip_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tags_are_made_from_class_and_number),
        TEST(tags_are_made_from_bytes),
        TEST(tags_in_arrays_are_read_and_written),
        TEST(bad_tags_are_refused_with_the_reason),
        TEST(an_empty_tag_says_so),
        TEST(well_formed_tlvs_are_told_from_others),
        TEST(nesting_is_bounded),
        TEST(tag_length_and_value_are_found_in_an_array),
        TEST(a_tlv_grows_in_its_array),
        TEST(a_primitive_tlv_is_written_from_tag_and_value),
        TEST(parts_are_found_in_an_array),
        TEST(tlvs_are_made_from_bytes_and_written_back),
        TEST(an_empty_tlv_says_so),
        TEST(the_value_of_a_primitive_tlv_is_set_replaced_and_appended),
        TEST(a_constructed_tlv_takes_parts_finds_and_deletes_them),
        TEST(a_series_of_bytes_becomes_parts),
        TEST(no_tlv_comes_to_contain_itself),
        TEST(a_tlv_never_outgrows_32767_bytes),
        TEST(parts_that_double_at_every_level_are_stopped_in_time),
        TEST(tlvs_live_in_the_image_and_follow_transactions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
