/* Errors of keys and secure channels: PUT KEY, INITIALIZE UPDATE and EXTERNAL AUTHENTICATE, SCP11. */
#ifndef MM_TEST_CARD_ERRORS_KEYS_H
#define MM_TEST_CARD_ERRORS_KEYS_H

#include "test/unit/card_errors.h"

/* ---- PUT KEY ---- */
static const struct mm_scp_keys keys = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, 16};

static uint16_t put_a_set(struct host *h)
{
    return put_set(h, 0x30, &keys);
}

static void put_key_that_cannot_be_written(struct host *h)
{
    unwritable(h, put_a_set);
}

static void put_key_of_what_is_no_key(struct host *h)
{
    refuse(h, 0x00, 0x81, "");
    refuse(h, 0x00, 0x01, "30");
    refuse(h, 0x00, 0x01, "00881110000102030405060708090A0B0C0D0E0F00");
    refuse(h, 0x00, 0x01, "30880F000102030405060708090A0B0C0D0E00");
    refuse(h, 0x00, 0x01, "30881110000102030405060708090A0B0C0D0E0F0100");
    refuse(h, 0x00, 0x01, "73A10180A00101");
}

static void put_key_beyond_memory(struct host *h)
{
    done(put_set(h, 0x30, &keys)); /* in place of the test keys */
    h->keys = keys;
    done(host_open(h, 0x03));
    for (uint8_t version = 0x31; version < 0x3f; version++)
        done(put_set(h, version, &keys));
    done(put_set(h, 0x3f, &keys));
    refuse(h, 0x00, 0x01, "40881110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_in_place_of_nothing(struct host *h)
{
    refuse(h, 0x30, 0x01, "30881110000102030405060708090A0B0C0D0E0F00");
    done(put_set(h, 0x30, &keys));
    refuse(h, 0x30, 0x05, "30881110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_of_an_unknown_type(struct host *h)
{
    refuse(h, 0x00, 0x01, "30871110000102030405060708090A0B0C0D0E0F00");
}

static void put_key_with_a_wrong_check_value(struct host *h)
{
    refuse(h, 0x00, 0x01, "30881110000102030405060708090A0B0C0D0E0F03ABCDEF");
}

/* ---- Secure channel ---- */
static void session_with_keys_that_are_not_there(struct host *h)
{
    refuse_plain(h, "8050300008010203040506070800");
}

/* The count of failures is the one thing that changes; with it taken back all is as it was. */
static void authentication_that_fails(struct host *h)
{
    struct snapshot before;
    uint16_t sw;

    take_snapshot(h, &before);
    for (int wrong_mac = 0; wrong_mac < 2; wrong_mac++) {
        done(host_hex(h, "80500000080102030405060708"
                         "00"));
        sw = host_hex(h, "8482030010000102030405060708090A0B0C0D0E0F");
        assert_int_equal(mm_key_failures(h->card->nvm, 0), 1);
        assert_int_equal(mm_key_failures_set(h->card->nvm, 0, 0), MM_OK);
        check(h, 0x82, sw, &before);
    }
}

/* ---- SCP11 ---- */
#define POINT                                                                                      \
    "044F92A07D168C309959EED99E288381DD192979CD452D8FBE1F163447979207C5"                           \
    "E6CD1F4DD11609E2100C033BBD723BE78B71477E64883EB41EC366713E44AF1E"
/* The form of table 6-12, and a signature that is none of the key above. */
#define CERTIFICATE                                                                                \
    "7F2181A1930101420101"                                                                         \
    "5F2001019502"                                                                                 \
    "00805F2404203912317F4946B041" POINT "F001005F3740"                                            \
    "0101010101010101010101010101010101010101010101010101010101010101"                             \
    "0101010101010101010101010101010101010101010101010101010101010101"
#define AGREEMENT(parameter, point) "A60D9002110" parameter "95013C8001888101105F4941" point

static void put_point(struct host *h)
{
    done(secure(h, 0xd8, 0, 0x10, "21B041" POINT "F0010000"));
}

static void certificate_of_another_authority(struct host *h)
{
    put_point(h);
    refuse_plain(h, "802A2110A5" CERTIFICATE);
}

static void what_is_no_certificate(struct host *h)
{
    put_point(h);
    refuse_plain(h, "802A211001FF");
    refuse_plain(h, "802A2110067F2103930101"); /* and nothing more */
}

static void certificate_under_a_key_that_is_not_there(struct host *h)
{
    refuse_plain(h, "802A2110A5" CERTIFICATE);
    refuse_plain(h, "802A0000A5" CERTIFICATE);
}

static void agreement_without_a_certificate(struct host *h)
{
    refuse_plain(h, "8082211153" AGREEMENT("1", POINT) "00");
}

static void mutual_agreement_of_no_form(struct host *h)
{
    refuse_plain(h, "8082211101FF");
    refuse_plain(h, "8082211153" AGREEMENT("0", POINT) "00");
    refuse_plain(h, "8082211153" AGREEMENT("8", POINT) "00");
}

static void mutual_agreement_with_another_key(struct host *h)
{
    refuse_plain(h, "8082211353" AGREEMENT("1", POINT) "00");
}

static void agreement_of_no_form(struct host *h)
{
    refuse_plain(h, "8088211301FF");
    refuse_plain(h, "8088211353" AGREEMENT("1", POINT) "00");
}

static void agreement_with_another_key(struct host *h)
{
    refuse_plain(h, "8088211153" AGREEMENT("0", POINT) "00");
}

static void agreement_without_a_key(struct host *h)
{
    refuse_plain(h, "8088211353" AGREEMENT("0", POINT) "00");
}

#endif
