/* What cards say of themselves, decoded: ATR, production data, recognition data, keys, privileges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "host_client/gp/card_info.h"

/* Facts as "key=text;" one after another. */
struct facts {
    char text[4096];
};

static void note(void *ctx, const char *key, const char *name, const char *text)
{
    struct facts *f = ctx;
    size_t at = strlen(f->text);

    assert_non_null(name);
    snprintf(f->text + at, sizeof(f->text) - at, "%s=%s;", key, text);
}

typedef enum mm_status (*describe)(const uint8_t *data, size_t len, mm_gp_fact fact, void *ctx,
                                   struct mm_err *err);

static enum mm_status run(describe how, const char *hex, struct facts *f, struct mm_err *err)
{
    uint8_t bytes[256];
    size_t n = sizeof(bytes);

    *f = (struct facts){0};
    assert_int_equal(mm_unhex(hex, bytes, &n), MM_OK);
    return how(bytes, n, note, f, err);
}

static void assert_says(describe how, const char *hex, const char *const *want, size_t n)
{
    struct facts f;
    struct mm_err err;

    if (run(how, hex, &f, &err) != MM_OK)
        fail_msg("%s: %s", hex, err.text);
    for (size_t i = 0; i < n; i++) {
        if (strstr(f.text, want[i]) == NULL)
            fail_msg("%s: expected \"%s\" in \"%s\"", hex, want[i], f.text);
    }
}
#define SAYS(how, hex, ...)                                                                        \
    do {                                                                                           \
        const char *const want[] = {__VA_ARGS__};                                                  \
        assert_says(how, hex, want, sizeof(want) / sizeof(want[0]));                               \
    } while (0)

/* No prefix of a good object is good, and none is read past its end (the sanitizers would say). */
static void assert_every_prefix_refused(describe how, const char *hex)
{
    char cut[600];

    assert_true(strlen(hex) < sizeof(cut));
    for (size_t n = 0; n < strlen(hex); n += 2) {
        struct facts f;
        struct mm_err err;

        strcpy(cut, hex);
        cut[n] = '\0';
        if (run(how, cut, &f, &err) != MM_MALFORMED && err.st != MM_TRUNCATED)
            fail_msg("accepted: %s", cut);
    }
}

/* ATRs that several makes of card have. */
#define ATR_JCOP "3BF81300008131FE454A434F5076323431B7"
#define ATR_T0   "3B6800000073C84013009000"

static void atr_tells_protocols_speed_and_history(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_atr, ATR_JCOP, "convention=direct;", "protocols=T=1;",
         "speed=Fi 372, Di 4 (43008 bit/s at 4 MHz);", "ifsc=254;", "historical=4A434F5076323431;");
    SAYS(mm_gp_describe_atr, ATR_T0, "protocols=T=0;", "capability_bytes=C84013;",
         "capabilities=4 logical channels;");
    SAYS(mm_gp_describe_atr, "3B8C80018031C073C00140644D494E54F4", "protocols=T=0, T=1;",
         "services=C0;", "capabilities=extended length, 1 logical channel;");
}

static void atr_malformed_is_said(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "3B",
        "3C00",                                 /* no TS */
        "3B81",                                 /* TD1 missing */
        "3BF81300008131FE454A434F5076323431B6", /* wrong TCK */
        "3BF81300008131FE454A434F5076323431",   /* no TCK */
        "3B6800000073C8401300900000",           /* a byte too many */
        "3B028073",                             /* historical bytes end early */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct facts f;
        struct mm_err err;
        if (run(mm_gp_describe_atr, bad[i], &f, &err) == MM_OK)
            fail_msg("%s accepted: %s", bad[i], f.text);
    }
    assert_every_prefix_refused(mm_gp_describe_atr, ATR_JCOP);
}

#define CPLC                                                                                       \
    "9F7F2A4790503F4091"                                                                           \
    "6314"                                                                                         \
    "0300"                                                                                         \
    "6153"                                                                                         \
    "27022200"                                                                                     \
    "0042"                                                                                         \
    "4812"                                                                                         \
    "6154"                                                                                         \
    "1291"                                                                                         \
    "6155"                                                                                         \
    "0000"                                                                                         \
    "0000"                                                                                         \
    "00000000"                                                                                     \
    "0000"                                                                                         \
    "0000"                                                                                         \
    "00000000"

static void production_data_has_dates_and_numbers(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_cplc, CPLC, "ic_fabricator=4790;", "ic_type=503F;", "os=4091;",
         "os_date=6314 (day 314 of a year ending in 6);", "ic_serial=27022200;", "ic_batch=0042;",
         "module_fabricator=4812;", "personalization_date=0000;");
    SAYS(mm_gp_describe_cplc, &CPLC[6], "ic_fabricator=4790;"); /* without tag and length */
    assert_every_prefix_refused(mm_gp_describe_cplc, CPLC);
}

/* A card with SCP02 i=15 and i=55 beside SCP03, of GlobalPlatform 2.1.1. */
#define RECOGNITION                                                                                \
    "664B734906072A864886FC6B01600C060A2A864886FC6B02020101630906072A864886FC6B03640B06092A864886" \
    "FC6B040215640B06092A864886FC6B040255640B06092A864886FC6B040370"

static void recognition_data_names_version_and_channels(void **state)
{
    (void)state;
    uint8_t bytes[128];
    size_t n = sizeof(bytes);

    SAYS(mm_gp_describe_recognition, RECOGNITION, "gp_version=2.1.1;",
         "identification_scheme=1.2.840.114283.3;", "secure_channels=SCP02 i=15: 3 keys",
         "explicit start", "SCP02 i=55:", "pseudo-random challenge",
         "SCP03 i=70: pseudo-random challenge, R-MAC, R-ENC;");
    assert_every_prefix_refused(mm_gp_describe_recognition, RECOGNITION);
    assert_int_equal(mm_unhex(RECOGNITION, bytes, &n), MM_OK);
    assert_int_equal(mm_gp_recognised_scps(bytes, n), 1u << 2 | 1u << 3);
    assert_int_equal(mm_gp_recognised_scps(bytes, 3), 0);
}

/* Two bytes of i, as SCP11 has them from Amendment F v1.3 on (what a YubiKey 5.7 tells). */
static void recognition_data_tell_scp11_with_two_bytes(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_recognition, "6619731706072A864886FC6B01640C060A2A864886FC6B04119B06",
         "secure_channels=SCP11 i=0D86;");
}

/* Amendment H: 89 01 where load files can be upgraded. */
static void recognition_data_tell_of_upgrades(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_recognition, "660E730C06072A864886FC6B01890101", "elf_upgrade=yes;");
    SAYS(mm_gp_describe_recognition, "660E730C06072A864886FC6B01890100", "elf_upgrade=no;");
}

static void capabilities_name_protocols_privileges_and_hashes(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_capabilities,
         "6723A0088001028103155575"
         "A00980010381016082010781039EFE8082031E06008302"
         "0102",
         "protocol_support=SCP02, i=15/55/75;", "protocol_support=SCP03, i=60, AES 128 192 256;",
         "domain_privileges=", "token-verification", "load_file_hashes=SHA-1, SHA-256;");
}

static void resources_count_applications_and_memory(void **state)
{
    (void)state;
    SAYS(mm_gp_describe_resources, "FF210D8101058204000100008302 1000", "applications=5;",
         "free_persistent=65536;", "free_transient=4096;");
    assert_every_prefix_refused(mm_gp_describe_resources, "FF210D81010582040001000083021000");
}

/* ---- Keys ---- */

static void keep_key(void *ctx, const struct mm_gp_key_info *key)
{
    struct mm_gp_key_info **next = ctx;
    *(*next)++ = *key;
}

static enum mm_status keys_of(const char *hex, struct mm_gp_key_info *keys, struct mm_err *err)
{
    uint8_t bytes[128];
    size_t n = sizeof(bytes);

    assert_int_equal(mm_unhex(hex, bytes, &n), MM_OK);
    return mm_gp_parse_key_info(bytes, n, keep_key, &keys, err);
}

static void key_information_in_both_forms(void **state)
{
    (void)state;
    struct mm_gp_key_info keys[4] = {0};
    char type[24];

    /* DES, RSA of two parts, and the longer form of AES-256 with usage and access. */
    assert_int_equal(keys_of("E01A"
                             "C00401018010"
                             "C0060173A180A003"
                             "C00A0130FF880020011C0100",
                             keys, NULL),
                     MM_OK);
    assert_int_equal(keys[0].version << 8 | keys[0].id, 0x0101);
    assert_string_equal(mm_gp_key_type_text(keys[0].parts[0].type, type), "DES");
    assert_int_equal(keys[1].part_n, 2);
    assert_int_equal(keys[1].parts[0].len, 128);
    assert_string_equal(mm_gp_key_type_text(keys[1].parts[1].type, type), "RSA exponent");
    assert_int_equal(keys[2].part_n, 1);
    assert_int_equal(keys[2].parts[0].type, 0x88);
    assert_int_equal(keys[2].parts[0].len, 32);
    assert_string_equal(mm_gp_key_type_text(0x99, type), "type 99");
}

static void key_information_malformed_is_said(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "E0", "C00401018010", "E005C004010180", "E003C00101", "E005C0030101FF"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct mm_gp_key_info keys[4];
        struct mm_err err;
        if (keys_of(bad[i], keys, &err) != MM_MALFORMED)
            fail_msg("%s accepted", bad[i]);
    }
}

/* ---- Privileges ---- */

static void privileges_go_to_names_and_back(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[3];
        const char *names;
    } rows[] = {{{0x00, 0x00, 0x00}, ""},
                {{0x80, 0x00, 0x00}, "security-domain"},
                {{0xc0, 0x00, 0x00}, "dap-verification"},
                {{0xc1, 0x00, 0x00}, "mandated-dap-verification"},
                {{0xa0, 0x40, 0x00}, "delegated-management, authorized-management"},
                {{0xe0, 0x00, 0x00}, "dap-verification, delegated-management"},
                {{0x16, 0x03, 0x80},
                 "card-lock, card-reset, cvm-management, final-application, global-service, "
                 "receipt-generation"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[300], commas[300];
        uint8_t back[3];
        size_t at = 0;

        assert_string_equal(mm_gp_privileges_text(rows[i].bytes, text, sizeof(text)),
                            rows[i].names);
        for (const char *c = text; *c != '\0'; c++) {
            if (*c != ' ')
                commas[at++] = *c;
        }
        commas[at] = '\0';
        assert_int_equal(mm_gp_privileges_read(commas, back, NULL), MM_OK);
        assert_memory_equal(back, rows[i].bytes, sizeof(back));
    }
}

static void privileges_are_read_in_hex_too(void **state)
{
    (void)state;
    uint8_t bytes[3];
    struct mm_err err;

    assert_int_equal(mm_gp_privileges_read("9E0080", bytes, &err), MM_OK);
    assert_int_equal(bytes[2], 0x80);
    assert_int_equal(mm_gp_privileges_read("04", bytes, &err), MM_OK);
    assert_int_equal(bytes[0], 0x04);
    assert_int_equal(mm_gp_privileges_read("card-lock,everything", bytes, &err), MM_USAGE);
    assert_non_null(strstr(err.text, "\"everything\""));
    assert_int_equal(mm_gp_privileges_read("9E00", bytes, &err), MM_USAGE);
}

static void privileges_that_do_not_fit_are_cut(void **state)
{
    (void)state;
    static const uint8_t all[3] = {0xff, 0xff, 0xff};
    char text[20];

    (void)mm_gp_privileges_text(all, text, sizeof(text));
    assert_true(strlen(text) < sizeof(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(atr_tells_protocols_speed_and_history),
        cmocka_unit_test(atr_malformed_is_said),
        cmocka_unit_test(production_data_has_dates_and_numbers),
        cmocka_unit_test(recognition_data_names_version_and_channels),
        cmocka_unit_test(recognition_data_tell_scp11_with_two_bytes),
        cmocka_unit_test(recognition_data_tell_of_upgrades),
        cmocka_unit_test(capabilities_name_protocols_privileges_and_hashes),
        cmocka_unit_test(resources_count_applications_and_memory),
        cmocka_unit_test(key_information_in_both_forms),
        cmocka_unit_test(key_information_malformed_is_said),
        cmocka_unit_test(privileges_go_to_names_and_back),
        cmocka_unit_test(privileges_are_read_in_hex_too),
        cmocka_unit_test(privileges_that_do_not_fit_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
