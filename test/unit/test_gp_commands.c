/* Content management commands byte for byte, lists of them, and the registry as cards tell it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "host_client/gp/gp_int.h"

static struct mm_aid aid_of(const char *hex)
{
    uint8_t bytes[MM_AID_MAX];
    size_t n = sizeof(bytes);
    struct mm_aid aid;

    assert_int_equal(mm_unhex(hex, bytes, &n), MM_OK);
    assert_int_equal(mm_aid_set(&aid, bytes, n), MM_OK);
    return aid;
}

static void assert_hex(const struct mm_buf *buf, const char *hex)
{
    char text[2 * 600 + 1];
    assert_false(buf->bad);
    assert_true(buf->len <= 600);
    assert_string_equal(mm_hex(buf->data, buf->len, text), hex);
}

static void gp_delete_is_byte_exact(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F04D494E544D41524B10");
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_delete_command(&aid, false, &list), MM_OK);
    assert_int_equal(mm_gp_delete_command(&aid, true, &list), MM_OK);
    assert_hex(&list, "001280E400000C4F0AF04D494E544D41524B1000"
                      "001280E400800C4F0AF04D494E544D41524B1000");
    mm_buf_clear(&list);
}

static void gp_upgrade_is_byte_exact(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F04D494E544D41524B10");
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_upgrade_command(MM_GP_UPGRADE_START, &aid, &list), MM_OK);
    assert_int_equal(mm_gp_upgrade_command(MM_GP_UPGRADE_STATUS, NULL, &list), MM_OK);
    assert_hex(&list, "001480EA01000EA10C4F0AF04D494E544D41524B1000"
                      "000580EA080000");
    mm_buf_clear(&list);
}

static enum mm_status read_upgrade(const char *hex, struct mm_gp_upgrade_info *out)
{
    uint8_t bytes[300];
    size_t n = sizeof(bytes);

    assert_int_equal(mm_unhex(hex, bytes, &n), MM_OK);
    return mm_gp_upgrade_read(bytes, n, out, NULL);
}

static void gp_upgrade_session_is_read(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F04D494E544D41524B10");
    struct mm_gp_upgrade_info info;

    assert_int_equal(read_upgrade("0011A10F9001034F0AF04D494E544D41524B10", &info), MM_OK);
    assert_int_equal(info.status, MM_GP_UPGRADE_WAITING_RESTORE);
    assert_true(mm_aid_equal(&info.aid, &aid));
    assert_string_equal(mm_gp_upgrade_text(info.status), "waiting for restore");
    assert_int_equal(read_upgrade("0005A103900100", &info), MM_OK);
    assert_int_equal(info.aid.len, 0);
    assert_int_equal(read_upgrade("02BEEF05A103900101", &info), MM_OK); /* with a confirmation */
    assert_int_equal(info.status, MM_GP_UPGRADE_COMPLETED);
    assert_int_equal(read_upgrade("0005A103900160", &info), MM_OK);
    assert_string_equal(mm_gp_upgrade_text(info.status), "interrupted while consolidating");
    assert_string_equal(mm_gp_upgrade_text(0x77), "unknown status");
}

static void gp_upgrade_answer_that_makes_no_sense_is_refused(void **state)
{
    static const char *const bad[] = {
        "00",                  /* no session information */
        "0004A1029001",        /* cut */
        "0002A100",            /* no status */
        "0005A203900100",      /* another object */
        "0005A103900100FF",    /* more behind it */
        "0008A1069001014F0101" /* no AID */
    };
    struct mm_gp_upgrade_info info;

    (void)state;
    assert_int_equal(read_upgrade("", &info), MM_MALFORMED);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_upgrade(bad[i], &info), MM_MALFORMED);
        assert_int_equal(info.status, MM_GP_UPGRADE_NONE);
    }
}

static void gp_set_status_is_byte_exact(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F04D494E544D41524B10");
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_set_status_command(&aid, 0x80, &list), MM_OK);
    assert_int_equal(mm_gp_set_status_command(NULL, 0x7f, &list), MM_OK);
    assert_hex(&list, "001080F040800AF04D494E544D41524B1000"
                      "000E80F0807F08A00000015100000000");
    mm_buf_clear(&list);
}

static void gp_delete_keys_is_byte_exact(void **state)
{
    (void)state;
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_delete_key_command(0x31, 0, &list), MM_OK);
    assert_hex(&list, "000980E4000003D2013100");
    assert_int_equal(mm_gp_delete_key_command(0, 0, &list), MM_USAGE);
    mm_buf_clear(&list);
}

static void gp_store_data_comes_in_numbered_blocks(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F001020304");
    static const uint8_t long_data[2 * MM_GP_BLOCK_LEN + 1], tlv[] = {0x42, 0x01, 0x07};
    const uint8_t *apdu;
    size_t off = 0, len = 0;
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_store_data_commands(NULL, MM_GP_STORE_TLV, tlv, 3, &list), MM_OK);
    assert_hex(&list, "000980E290000342010700");
    list.len = 0;
    assert_int_equal(mm_gp_store_data_commands(&aid, MM_GP_STORE_RAW, tlv, 3, &list), MM_OK);
    assert_hex(&list, "001180E620000B000005F00102030400000000"
                      "000980E280000342010700");
    list.len = 0;
    assert_int_equal(
        mm_gp_store_data_commands(NULL, MM_GP_STORE_DGI, long_data, sizeof(long_data), &list),
        MM_OK);
    for (uint8_t i = 0; i < 3; i++) {
        apdu = mm_gp_list_next(&list, &off, &len);
        assert_non_null(apdu);
        assert_int_equal(apdu[2], i == 2 ? 0x88 : 0x08);
        assert_int_equal(apdu[3], i);
    }
    assert_int_equal(len, 5 + 1 + 1);
    assert_null(mm_gp_list_next(&list, &off, &len));
    assert_int_equal(mm_gp_store_data_commands(NULL, MM_GP_STORE_TLV, tlv, 0, &list), MM_USAGE);
    mm_buf_clear(&list);
}

/* An encrypter that shows its work: every byte's complement. */
static enum mm_status complement(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                                 struct mm_err *err)
{
    (void)err;
    *(size_t *)ctx += 1;
    for (size_t i = 0; i < data_len; i++)
        out[i] = (uint8_t)~data[i];
    return MM_OK;
}

/* Every value by itself, padded 80 00.. even where it is whole blocks (GPCS 2.3.1, 11.11.2, B.4). */
static void groups_are_encrypted_each_by_itself(void **state)
{
    (void)state;
    static const uint8_t groups[] = {0x00, 0x70, 0x03, 1, 2, 3, 0x01, 0x01, 0xff, 0x00, 0x08,
                                     0,    0,    0,    0, 0, 0, 0,    0,    0x80, 0x10, 0x00};
    size_t calls = 0;
    struct mm_gp_hide hide = {.encrypt = complement, .ctx = &calls, .block_len = 8};
    struct mm_buf out;

    mm_buf_init(&out);
    assert_int_equal(mm_gp_encrypt_groups(&hide, groups, sizeof(groups), &out, NULL), MM_OK);
    assert_hex(&out, "007008FEFDFC7FFFFFFFFF"
                     "010110FFFFFFFFFFFFFFFF7FFFFFFFFFFFFFFF"
                     "8010087FFFFFFFFFFFFFFF");
    assert_int_equal(calls, 3);
    mm_buf_clear(&out);
}

static void groups_without_padding_are_whole_blocks(void **state)
{
    (void)state;
    static const uint8_t key[] = {0x80, 0x10, 0x08, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t part[] = {0x80, 0x10, 0x03, 1, 2, 3};
    size_t calls = 0;
    struct mm_gp_hide hide = {
        .encrypt = complement, .ctx = &calls, .block_len = 8, .unpadded = true};
    struct mm_err err;
    struct mm_buf out;

    mm_buf_init(&out);
    assert_int_equal(mm_gp_encrypt_groups(&hide, key, sizeof(key), &out, &err), MM_OK);
    assert_hex(&out, "801008FEFDFCFBFAF9F8F7");
    assert_int_equal(mm_gp_encrypt_groups(&hide, part, sizeof(part), &out, &err), MM_USAGE);
    assert_string_equal(err.text, "group 8010: 3 bytes are not whole blocks of 8, as they must be "
                                  "unpadded");
    mm_buf_clear(&out);
}

static void groups_that_are_cut_are_refused(void **state)
{
    (void)state;
    static const uint8_t groups[] = {0x00, 0x70, 0xff, 0x00, 0x02, 1, 2};
    size_t calls = 0;
    struct mm_gp_hide hide = {.encrypt = complement, .ctx = &calls, .block_len = 16};
    struct mm_buf out;

    mm_buf_init(&out);
    for (size_t n = 1; n < sizeof(groups); n++)
        assert_int_equal(mm_gp_encrypt_groups(&hide, groups, n, &out, NULL), MM_MALFORMED);
    assert_int_equal(out.len, 0);
    assert_int_equal(calls, 0);
    mm_buf_clear(&out);
}

/* A value of FE bytes grows past what one byte of length says. */
static void group_that_grows_gets_a_long_length(void **state)
{
    (void)state;
    uint8_t group[3 + 0xfe] = {0x12, 0x34, 0xfe};
    size_t calls = 0;
    struct mm_gp_hide hide = {.encrypt = complement, .ctx = &calls, .block_len = 16};
    struct mm_buf out;

    mm_buf_init(&out);
    assert_int_equal(mm_gp_encrypt_groups(&hide, group, sizeof(group), &out, NULL), MM_OK);
    assert_int_equal(out.len, 5 + 0x100);
    assert_memory_equal(out.data, "\x12\x34\xff\x01\x00", 5);
    mm_buf_clear(&out);
}

static void gp_install_is_byte_exact(void **state)
{
    (void)state;
    struct mm_aid package = aid_of("F001020304"), module = aid_of("F00102030401"),
                  instance = aid_of("F00102030402");
    static const uint8_t one[] = {0x00}, three[] = {0x80, 0x00, 0x01}, params[] = {0xaa, 0xbb};
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_install_command(&package, &module, &instance, one, 1, NULL, 0, &list),
                     MM_OK);
    assert_hex(&list, "002080E60C001A05F00102030406F0010203040106F00102030402010002C9000000");
    list.len = 0;
    assert_int_equal(
        mm_gp_install_command(&package, &module, &instance, three, 3, params, 2, &list), MM_OK);
    assert_hex(&list,
               "002480E60C001E05F00102030406F0010203040106F001020304020380000104C902AABB0000");
    mm_buf_clear(&list);
}

static void gp_install_refuses_what_no_command_holds(void **state)
{
    (void)state;
    struct mm_aid aid = aid_of("F00102030401");
    static const uint8_t params[256];
    struct mm_buf list;

    mm_buf_init(&list);
    assert_int_equal(mm_gp_install_command(&aid, &aid, &aid, params, 2, NULL, 0, &list), MM_USAGE);
    assert_int_equal(mm_gp_install_command(&aid, &aid, &aid, params, 1, params, 256, &list),
                     MM_USAGE);
    assert_int_equal(mm_gp_install_command(&aid, &aid, &aid, params, 1, params, 240, &list),
                     MM_TOO_LONG);
    assert_int_equal(list.len, 0);
    mm_buf_clear(&list);
}

/* Stands in for a session: encrypts under the key of ctx. */
static enum mm_status encrypt_under(void *ctx, const uint8_t *data, size_t data_len, uint8_t *out,
                                    struct mm_err *err)
{
    (void)err;
    return mm_gp_key_cbc(MM_GP_KEY_AES, ctx, 16, data, data_len, out);
}

static void gp_put_key_sends_keys_under_the_dek(void **state)
{
    (void)state;
    uint8_t dek[16] = "the session dek", key[16], kcv[3];
    struct mm_gp_keyset fresh = {.type = MM_GP_KEY_AES, .len = 16};
    struct mm_buf list;
    struct mm_err err;

    memset(fresh.enc, 0x11, 16);
    memset(fresh.mac, 0x22, 16);
    memset(fresh.dek, 0x33, 16);
    mm_buf_init(&list);
    assert_int_equal(mm_gp_put_keys_command(encrypt_under, dek, 0x30, 0x31, &fresh, &list, &err),
                     MM_OK);
    assert_int_equal(list.len, 2 + 5 + 1 + 3 * 23 + 1);
    assert_memory_equal(list.data, "\x00\x4c\x80\xd8\x30\x81\x46\x31\x88\x11\x10", 11);
    assert_int_equal(mm_scp_cbc(dek, 16, NULL, false, list.data + 11, 16, key), MM_OK);
    assert_memory_equal(key, fresh.enc, sizeof(key));
    assert_int_equal(mm_scp_kcv(fresh.enc, 16, kcv), MM_OK);
    assert_int_equal(list.data[27], sizeof(kcv));
    assert_memory_equal(list.data + 28, kcv, sizeof(kcv));
    assert_int_equal(mm_gp_put_keys_command(encrypt_under, dek, 0x30, 0x00, &fresh, &list, &err),
                     MM_USAGE);
    assert_int_equal(mm_gp_put_keys_command(encrypt_under, dek, 0x30, 0x80, &fresh, &list, &err),
                     MM_USAGE);
    mm_buf_clear(&list);
}

static void gp_list_ends_where_it_is_cut(void **state)
{
    (void)state;
    struct mm_buf list;
    size_t off = 0, len;

    mm_buf_init(&list);
    assert_null(mm_gp_list_next(&list, &off, &len));
    mm_buf_u16(&list, 4);
    mm_buf_u32(&list, 0x80ca0045);
    mm_buf_u16(&list, 9); /* more than there is */
    mm_buf_u8(&list, 0x80);
    assert_non_null(mm_gp_list_next(&list, &off, &len));
    assert_int_equal(len, 4);
    assert_null(mm_gp_list_next(&list, &off, &len));
    off = 1000;
    assert_null(mm_gp_list_next(&list, &off, &len));
    mm_buf_clear(&list);
}

static void gp_apdu_parts_write_back(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "80CA0045",         "80CA004500",     "80CA004508",     "00A40400020102",
        "00A4040002010200", "80CA0045000000", "80CA0045000101", "00A404000000020102FFFF"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[32];
        size_t n = sizeof(bytes);
        struct mm_gp_apdu apdu;
        struct mm_buf out;

        mm_buf_init(&out);
        assert_int_equal(mm_unhex(rows[i], bytes, &n), MM_OK);
        assert_int_equal(mm_gp_apdu_parse(bytes, n, &apdu, NULL), MM_OK);
        mm_gp_apdu_write(&apdu, &out);
        assert_hex(&out, rows[i]);
        mm_buf_clear(&out);
    }
}

/* ---- Registry ---- */

static void keep(void *ctx, const struct mm_gp_item *entry)
{
    struct mm_gp_item **next = ctx;
    *(*next)++ = *entry;
}

static enum mm_status parse(enum mm_gp_kind kind, const char *hex, struct mm_gp_item *entries,
                            struct mm_err *err)
{
    uint8_t bytes[256];
    size_t n = sizeof(bytes);

    assert_int_equal(mm_unhex(hex, bytes, &n), MM_OK);
    return mm_gp_parse_status(kind, bytes, n, keep, &entries, err);
}

#define APPLET  "E31F4F06F001020304019F700107C503800001C405F001020304CC05A000000151"
#define PACKAGE "E31A4F05F0010203049F700101CE0201028406F00102030401CF0100"

static void gp_registry_reads_applets_and_packages(void **state)
{
    (void)state;
    struct mm_gp_item e[3] = {0};
    struct mm_aid package = aid_of("F001020304"), applet = aid_of("F00102030401");

    assert_int_equal(parse(MM_GP_APPLET, APPLET APPLET, e, NULL), MM_OK);
    assert_true(mm_aid_equal(&e[0].aid, &applet));
    assert_true(mm_aid_equal(&e[1].package, &package));
    assert_int_equal(e[0].life_cycle, 0x07);
    assert_int_equal(e[0].privileges[2], 0x01);
    assert_int_equal(e[2].aid.len, 0);
    assert_int_equal(parse(MM_GP_PACKAGE, PACKAGE, e, NULL), MM_OK);
    assert_true(mm_aid_equal(&e[0].aid, &package));
    assert_true(e[0].has_version);
    assert_int_equal(e[0].major << 8 | e[0].minor, 0x0102);
    assert_int_equal(e[0].module_n, 1);
    assert_true(mm_aid_equal(&e[0].modules[0], &applet));
}

static void gp_registry_says_what_is_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "E2024F00",                   /* not an entry */
        "E3",                         /* no length */
        "E3084F06F001020304",         /* ends early */
        "E3069F700107C501",           /* a field ends early */
        "E3044F02F001",               /* AID too short */
        "E3049F700107",               /* no AID */
        "E38400000000",               /* length of a length no card needs */
        "E3094F05F0010203049F70",     /* tag without length */
        "E30A4F05F001020304C50200",   /* ends in a value */
        "E30B4F05F001020304C5020000", /* privileges of two bytes */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_gp_item e[2];
        struct mm_err err;
        if (parse(MM_GP_APPLET, bad[i], e, &err) != MM_MALFORMED)
            fail_msg("%s accepted", bad[i]);
        assert_non_null(strstr(err.text, "offset 0"));
    }
}

static void gp_registry_refuses_every_prefix(void **state)
{
    (void)state;
    for (size_t n = 2; n < strlen(APPLET); n += 2) {
        char hex[128] = APPLET;
        struct mm_gp_item e[2];

        hex[n] = '\0';
        assert_int_equal(parse(MM_GP_APPLET, hex, e, NULL), MM_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gp_delete_is_byte_exact),
        cmocka_unit_test(gp_upgrade_is_byte_exact),
        cmocka_unit_test(gp_upgrade_session_is_read),
        cmocka_unit_test(gp_upgrade_answer_that_makes_no_sense_is_refused),
        cmocka_unit_test(gp_set_status_is_byte_exact),
        cmocka_unit_test(gp_delete_keys_is_byte_exact),
        cmocka_unit_test(gp_store_data_comes_in_numbered_blocks),
        cmocka_unit_test(groups_are_encrypted_each_by_itself),
        cmocka_unit_test(groups_without_padding_are_whole_blocks),
        cmocka_unit_test(groups_that_are_cut_are_refused),
        cmocka_unit_test(group_that_grows_gets_a_long_length),
        cmocka_unit_test(gp_install_is_byte_exact),
        cmocka_unit_test(gp_install_refuses_what_no_command_holds),
        cmocka_unit_test(gp_put_key_sends_keys_under_the_dek),
        cmocka_unit_test(gp_list_ends_where_it_is_cut),
        cmocka_unit_test(gp_apdu_parts_write_back),
        cmocka_unit_test(gp_registry_reads_applets_and_packages),
        cmocka_unit_test(gp_registry_says_what_is_malformed),
        cmocka_unit_test(gp_registry_refuses_every_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
