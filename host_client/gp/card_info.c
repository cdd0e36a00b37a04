/* Data objects of a security domain, decoded (GPCS 2.3.1, 11.3.3 and annex H). */
#include "host_client/gp/card_info.h"

#include <stdio.h>
#include <string.h>

#include "host_client/gp/gp_int.h"

/* The value of an object that must have this tag. */
static enum mm_status open_object(const uint8_t *data, size_t data_len, uint16_t want,
                                  struct mm_rd *rd, struct mm_err *err)
{
    const uint8_t *value;
    size_t len;
    uint16_t tag;

    mm_rd_init(rd, data, data_len);
    if (!mm_ber_take(rd, &tag, &value, &len) || tag != want)
        return mm_fail(err, MM_MALFORMED, 0, "offset 0: expected one object %02X", want);
    mm_rd_init(rd, value, len);
    return MM_OK;
}

static enum mm_status cut(const struct mm_rd *rd, const char *what, struct mm_err *err)
{
    return mm_fail(err, MM_MALFORMED, rd->off, "%s, offset %zu: malformed", what, rd->off);
}

/* ---- Production data ---- */

enum field_kind { FIELD_HEX, FIELD_DATE };
static const struct {
    uint8_t len;
    enum field_kind kind;
    const char *key, *name;
} cplc[] = {{2, FIELD_HEX, "ic_fabricator", "IC fabricator"},
            {2, FIELD_HEX, "ic_type", "IC type"},
            {2, FIELD_HEX, "os", "operating system"},
            {2, FIELD_DATE, "os_date", "  released"},
            {2, FIELD_HEX, "os_level", "  level"},
            {2, FIELD_DATE, "ic_date", "IC fabricated"},
            {4, FIELD_HEX, "ic_serial", "IC serial number"},
            {2, FIELD_HEX, "ic_batch", "IC batch"},
            {2, FIELD_HEX, "module_fabricator", "module fabricator"},
            {2, FIELD_DATE, "module_date", "  packaged"},
            {2, FIELD_HEX, "icc_manufacturer", "ICC manufacturer"},
            {2, FIELD_DATE, "embedding_date", "  embedded"},
            {2, FIELD_HEX, "pre_personalizer", "pre-personaliser"},
            {2, FIELD_DATE, "pre_personalization_date", "  on"},
            {4, FIELD_HEX, "pre_personalization_equipment", "  equipment"},
            {2, FIELD_HEX, "personalizer", "personaliser"},
            {2, FIELD_DATE, "personalization_date", "  on"},
            {4, FIELD_HEX, "personalization_equipment", "  equipment"}};
#define CPLC_LEN 42

/* YDDD in BCD: the last digit of the year, the day in it. Which decade is not told. */
static void tell_date(const struct mm_gp_teller *t, const char *key, const char *name,
                      const uint8_t value[2])
{
    char text[40];
    unsigned day = (value[0] & 15u) * 100 + (value[1] >> 4) * 10u + (value[1] & 15u);

    if (day >= 1 && day <= 366)
        snprintf(text, sizeof(text), "%02X%02X (day %u of a year ending in %u)", value[0], value[1],
                 day, value[0] >> 4);
    else
        snprintf(text, sizeof(text), "%02X%02X", value[0], value[1]);
    mm_gp_tell(t, key, name, text);
}

enum mm_status mm_gp_describe_cplc(const uint8_t *data, size_t data_len, mm_gp_fact fact, void *ctx,
                                   struct mm_err *err)
{
    const struct mm_gp_teller t = {fact, ctx};
    struct mm_rd rd;

    /* With its tag and length, or, as some cards answer, without. */
    mm_rd_init(&rd, data, data_len);
    if (data_len >= 2 && mm_be16(data) == 0x9f7f &&
        open_object(data, data_len, 0x9f7f, &rd, err) != MM_OK)
        return MM_MALFORMED;
    if (mm_rd_left(&rd) != CPLC_LEN)
        return mm_fail(err, MM_MALFORMED, 0, "production data of %zu bytes; expected %d",
                       mm_rd_left(&rd), CPLC_LEN);
    for (size_t i = 0; i < sizeof(cplc) / sizeof(cplc[0]); i++) {
        const uint8_t *value = mm_rd_bytes(&rd, cplc[i].len);

        if (cplc[i].kind == FIELD_DATE)
            tell_date(&t, cplc[i].key, cplc[i].name, value);
        else
            mm_gp_tell_hex(&t, cplc[i].key, cplc[i].name, value, cplc[i].len);
    }
    return MM_OK;
}

/* ---- Recognition data ---- */

#define OID_TEXT_MAX 96
/* Object identifier in dots (ITU-T X.690, 8.19). */
static const char *oid_text(const uint8_t *oid, size_t len, char out[OID_TEXT_MAX])
{
    size_t at = 0;
    uint32_t arc = 0;
    bool first = true;

    out[0] = '\0';
    for (size_t i = 0; i < len && at + 24 < OID_TEXT_MAX; i++) {
        arc = arc << 7 | (oid[i] & 0x7f);
        if ((oid[i] & 0x80) != 0)
            continue;
        if (first)
            at += (size_t)snprintf(out, OID_TEXT_MAX, "%u.%u", arc < 80 ? arc / 40 : 2,
                                   arc < 80 ? arc % 40 : arc - 80);
        else
            at += (size_t)snprintf(out + at, OID_TEXT_MAX - at, ".%u", arc);
        first = false;
        arc = 0;
    }
    return out;
}

/* 1.2.840.114283, below which all of GlobalPlatform's identifiers are. */
static const uint8_t gp_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xfc, 0x6b};

static bool is_gp(const uint8_t *oid, size_t len, uint8_t arc)
{
    return len > sizeof(gp_oid) && memcmp(oid, gp_oid, sizeof(gp_oid)) == 0 &&
           oid[sizeof(gp_oid)] == arc;
}

static void tell_version(const struct mm_gp_teller *t, const uint8_t *oid, size_t len)
{
    char text[OID_TEXT_MAX] = "";
    size_t at = 0;

    for (size_t i = sizeof(gp_oid) + 1; i < len && at + 8 < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u", at > 0 ? "." : "", oid[i]);
    mm_gp_tell(t, "gp_version", "GlobalPlatform", text);
}

/* i of SCP02 (GPCS 2.3.1, table E-1) and SCP03 (Amendment D, table 5-1) in words. */
static void options_text(uint8_t scp, unsigned i, char *out, size_t out_len)
{
    if (scp == 0x02)
        snprintf(
            out, out_len, "SCP02 i=%02X: %s key%s, C-MAC on %s command, ICV %s%s, %s start%s%s", i,
            (i & 0x01) != 0 ? "3" : "1", (i & 0x01) != 0 ? "s" : "",
            (i & 0x02) != 0 ? "the unmodified" : "the modified",
            (i & 0x08) != 0 ? "set to the MAC of the AID" : "of zeros",
            (i & 0x10) != 0 ? ", encrypted" : "", (i & 0x04) != 0 ? "explicit" : "implicit",
            (i & 0x20) != 0 ? ", R-MAC" : "", (i & 0x40) != 0 ? ", pseudo-random challenge" : "");
    else if (scp == 0x03)
        snprintf(out, out_len, "SCP03 i=%02X: %s challenge%s%s%s", i,
                 (i & 0x10) != 0 ? "pseudo-random" : "random", (i & 0x20) != 0 ? ", R-MAC" : "",
                 (i & 0x40) != 0 ? ", R-ENC" : "", (i & 0x01) != 0 ? ", S16" : "");
    else
        snprintf(out, out_len, i > 0xff ? "SCP%02X i=%04X" : "SCP%02X i=%02X", scp, i);
}

static void tell_protocol(const struct mm_gp_teller *t, const uint8_t *oid, size_t len)
{
    char text[160];
    size_t at = sizeof(gp_oid) + 1;
    unsigned i = 0;

    if (len < at + 2)
        return;
    for (size_t k = at + 1; k < len; k++) /* i above 7F takes several bytes of the identifier */
        i = (i << 7 | (oid[k] & 0x7f)) & 0xffff;
    options_text(oid[at], i, text, sizeof(text));
    mm_gp_tell(t, "secure_channels", "secure channel", text);
}

static bool take_oid(const uint8_t *data, size_t data_len, const uint8_t **oid, size_t *len)
{
    struct mm_rd rd;
    uint16_t tag;

    mm_rd_init(&rd, data, data_len);
    return mm_ber_take(&rd, &tag, oid, len) && tag == 0x06;
}

/* One object of the recognition data. */
static void tell_recognised(const struct mm_gp_teller *t, uint16_t tag, const uint8_t *value,
                            size_t len)
{
    const uint8_t *oid = value;
    size_t oid_len = len;
    char text[OID_TEXT_MAX];

    if (tag == 0x89) { /* Amendment H */
        mm_gp_tell(t, "elf_upgrade", "ELF upgrade", len == 1 && value[0] == 0x01 ? "yes" : "no");
        return;
    }
    if (tag != 0x06 && (tag < 0x60 || tag > 0x68))
        return;
    if (tag != 0x06 && !take_oid(value, len, &oid, &oid_len)) {
        mm_gp_tell_hex(t, "other", "other", value, len);
        return;
    }
    if (tag == 0x60 && is_gp(oid, oid_len, 2))
        tell_version(t, oid, oid_len);
    else if (tag == 0x64 && is_gp(oid, oid_len, 4))
        tell_protocol(t, oid, oid_len);
    else if (tag == 0x63)
        mm_gp_tell(t, "identification_scheme", "identification scheme",
                   oid_text(oid, oid_len, text));
    else if (tag == 0x65)
        mm_gp_tell(t, "configuration", "configuration", oid_text(oid, oid_len, text));
    else if (tag == 0x66)
        mm_gp_tell(t, "card_details", "chip or card details", oid_text(oid, oid_len, text));
    else if (tag == 0x06 && !is_gp(oid, oid_len, 1))
        mm_gp_tell(t, "scheme", "recognition scheme", oid_text(oid, oid_len, text));
}

/* Walk the objects of 66 { 73 { ... } }; some cards leave the 66 out. */
static enum mm_status walk_recognition(const uint8_t *data, size_t data_len,
                                       void (*each)(void *ctx, uint16_t tag, const uint8_t *value,
                                                    size_t len),
                                       void *ctx, struct mm_err *err)
{
    const uint8_t *value;
    struct mm_rd rd;
    size_t len;
    uint16_t tag;

    mm_rd_init(&rd, data, data_len);
    if (!mm_ber_take(&rd, &tag, &value, &len))
        return cut(&rd, "card data", err);
    if (tag == 0x66) {
        mm_rd_init(&rd, value, len);
        if (mm_rd_left(&rd) == 0)
            return MM_OK;
        if (!mm_ber_take(&rd, &tag, &value, &len))
            return cut(&rd, "card data", err);
    }
    if (tag != 0x73)
        return mm_fail(err, MM_MALFORMED, 0, "card data: expected recognition data 73");
    mm_rd_init(&rd, value, len);
    while (mm_rd_left(&rd) > 0) {
        if (!mm_ber_take(&rd, &tag, &value, &len))
            return cut(&rd, "card recognition data", err);
        each(ctx, tag, value, len);
    }
    return MM_OK;
}

static void recognise(void *ctx, uint16_t tag, const uint8_t *value, size_t len)
{
    tell_recognised(ctx, tag, value, len);
}

enum mm_status mm_gp_describe_recognition(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                          void *ctx, struct mm_err *err)
{
    struct mm_gp_teller t = {fact, ctx};

    return walk_recognition(data, data_len, recognise, &t, err);
}

static void note_scp(void *ctx, uint16_t tag, const uint8_t *value, size_t len)
{
    unsigned *found = ctx;
    const uint8_t *oid;
    size_t oid_len;

    if (tag == 0x64 && take_oid(value, len, &oid, &oid_len) && is_gp(oid, oid_len, 4) &&
        oid_len > sizeof(gp_oid) + 1 && oid[sizeof(gp_oid) + 1] < 32)
        *found |= 1u << oid[sizeof(gp_oid) + 1];
}

unsigned mm_gp_recognised_scps(const uint8_t *data, size_t data_len)
{
    unsigned found = 0;

    if (walk_recognition(data, data_len, note_scp, &found, NULL) != MM_OK)
        return 0;
    return found;
}

static void note_scp02_i(void *ctx, uint16_t tag, const uint8_t *value, size_t len)
{
    uint8_t *i = ctx;
    size_t at = sizeof(gp_oid) + 1, oid_len;
    const uint8_t *oid;

    if (*i == 0 && tag == 0x64 && take_oid(value, len, &oid, &oid_len) && is_gp(oid, oid_len, 4) &&
        oid_len >= at + 2 && oid[at] == 0x02)
        *i = oid[oid_len - 1] & 0x7f;
}

uint8_t mm_gp_recognised_scp02_i(const uint8_t *data, size_t data_len)
{
    uint8_t i = 0;

    return walk_recognition(data, data_len, note_scp02_i, &i, NULL) == MM_OK ? i : 0;
}

/* ---- Capabilities ---- */

/* A0: | 80 protocol | 81 options i... | 82 key lengths | (GPCS 2.3.1, table H-5) */
static void tell_protocol_support(const struct mm_gp_teller *t, const uint8_t *value, size_t len)
{
    char text[200] = "SCP";
    size_t at, n;
    struct mm_rd rd;
    uint16_t tag;

    mm_rd_init(&rd, value, len);
    while (mm_rd_left(&rd) > 0 && mm_ber_take(&rd, &tag, &value, &n)) {
        at = strlen(text);
        if (tag == 0x80 && n == 1)
            snprintf(text + at, sizeof(text) - at, "%02X", value[0]);
        else if (tag == 0x81 && n > 0) {
            snprintf(text + at, sizeof(text) - at, ", i=%02X", value[0]);
            for (size_t k = 1; k < n && k < 16; k++) {
                at = strlen(text);
                snprintf(text + at, sizeof(text) - at, "/%02X", value[k]);
            }
        } else if (tag == 0x82 && n == 1)
            snprintf(text + at, sizeof(text) - at, ", AES%s%s%s", (value[0] & 1) != 0 ? " 128" : "",
                     (value[0] & 2) != 0 ? " 192" : "", (value[0] & 4) != 0 ? " 256" : "");
    }
    mm_gp_tell(t, "protocol_support", "protocol support", text);
}

/* 83: hash algorithms of load file data blocks (GPCS 2.3.1, table H-7). */
static void tell_hashes(const struct mm_gp_teller *t, const uint8_t *value, size_t len)
{
    static const char *const names[] = {"", "SHA-1", "SHA-256", "SHA-384", "SHA-512"};
    char text[96] = "";

    for (size_t i = 0; i < len && i < 8; i++) {
        size_t at = strlen(text);
        if (value[i] >= 1 && value[i] <= 4)
            snprintf(text + at, sizeof(text) - at, "%s%s", at > 0 ? ", " : "", names[value[i]]);
    }
    mm_gp_tell(t, "load_file_hashes", "load file hashes", text);
}

static void tell_privileges(const struct mm_gp_teller *t, const char *key, const char *name,
                            const uint8_t *value, size_t len)
{
    uint8_t bytes[MM_GP_PRIVILEGES_LEN] = {0};
    char text[MM_GP_FACT_TEXT_MAX];

    memcpy(bytes, value, len < sizeof(bytes) ? len : sizeof(bytes));
    mm_gp_tell(t, key, name, mm_gp_privileges_text(bytes, text, sizeof(text)));
}

enum mm_status mm_gp_describe_capabilities(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                           void *ctx, struct mm_err *err)
{
    const struct mm_gp_teller t = {fact, ctx};
    const uint8_t *value;
    struct mm_rd rd;
    size_t len;
    uint16_t tag;
    enum mm_status st = open_object(data, data_len, 0x67, &rd, err);

    while (st == MM_OK && mm_rd_left(&rd) > 0) {
        if (!mm_ber_take(&rd, &tag, &value, &len))
            st = cut(&rd, "card capability information", err);
        else if (tag == 0xa0)
            tell_protocol_support(&t, value, len);
        else if (tag == 0x81)
            tell_privileges(&t, "domain_privileges", "domain privileges", value, len);
        else if (tag == 0x82)
            tell_privileges(&t, "application_privileges", "application privileges", value, len);
        else if (tag == 0x83)
            tell_hashes(&t, value, len);
        else
            mm_gp_tell_hex(&t, "ciphers", "cipher suites", value, len);
    }
    return st;
}

/* ---- Resources ---- */

enum mm_status mm_gp_describe_resources(const uint8_t *data, size_t data_len, mm_gp_fact fact,
                                        void *ctx, struct mm_err *err)
{
    static const struct {
        const char *key, *name;
    } names[] = {{"applications", "applications"},
                 {"free_persistent", "free persistent bytes"},
                 {"free_transient", "free transient bytes"}};
    const struct mm_gp_teller t = {fact, ctx};
    const uint8_t *value;
    struct mm_rd rd;
    size_t len;
    uint16_t tag;
    enum mm_status st = open_object(data, data_len, 0xff21, &rd, err);

    while (st == MM_OK && mm_rd_left(&rd) > 0) {
        char text[16];
        uint32_t number = 0;

        if (!mm_ber_take(&rd, &tag, &value, &len) || len > 4)
            return cut(&rd, "card resources", err);
        for (size_t i = 0; i < len; i++)
            number = number << 8 | value[i];
        snprintf(text, sizeof(text), "%u", number);
        if (tag >= 0x81 && tag <= 0x83)
            mm_gp_tell(&t, names[tag - 0x81].key, names[tag - 0x81].name, text);
    }
    return st;
}

/* ---- Key information ---- */

const char *mm_gp_key_type_text(uint8_t type, char out[24])
{
    static const struct {
        uint8_t type;
        const char *text;
    } names[] = {{0x80, "DES"},          {0x81, "DES"},         {0x82, "DES-CBC"},
                 {0x83, "DES-ECB"},      {0x84, "DES-CBC"},     {0x85, "TLS-PSK"},
                 {0x88, "AES"},          {0x90, "HMAC-SHA1"},   {0x91, "HMAC-SHA1-160"},
                 {0xa0, "RSA exponent"}, {0xa1, "RSA modulus"}, {0xa2, "RSA modulus, private"},
                 {0xa3, "RSA private"},  {0xb0, "EC public"},   {0xb1, "EC private"},
                 {0xf0, "EC parameters"}};

    snprintf(out, 24, "type %02X", type);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].type == type)
            snprintf(out, 24, "%s", names[i].text);
    }
    return out;
}

/* | id | version | (type, length)... |, or with a type of FF: (FF, type, length of 2)... and then
 * usage and access, which say nothing to us (GPCS 2.3.1, tables 11-27 and 11-28). */
static bool take_key(const uint8_t *value, size_t len, struct mm_gp_key_info *key)
{
    struct mm_rd rd;

    mm_rd_init(&rd, value, len);
    *key = (struct mm_gp_key_info){.id = mm_rd_u8(&rd)};
    key->version = mm_rd_u8(&rd);
    while (mm_rd_left(&rd) > 0 && key->part_n < sizeof(key->parts) / sizeof(key->parts[0])) {
        uint8_t type = mm_rd_u8(&rd);

        if (type != 0xff && key->part_n > 0 && value[2] == 0xff)
            break;
        key->parts[key->part_n].type = type == 0xff ? mm_rd_u8(&rd) : type;
        key->parts[key->part_n++].len = type == 0xff ? mm_rd_u16(&rd) : mm_rd_u8(&rd);
    }
    return !rd.bad;
}

enum mm_status mm_gp_parse_key_info(const uint8_t *data, size_t data_len,
                                    void (*each)(void *ctx, const struct mm_gp_key_info *key),
                                    void *ctx, struct mm_err *err)
{
    struct mm_gp_key_info key;
    const uint8_t *value;
    struct mm_rd rd;
    size_t len;
    uint16_t tag;
    enum mm_status st = open_object(data, data_len, 0xe0, &rd, err);

    while (st == MM_OK && mm_rd_left(&rd) > 0) {
        if (!mm_ber_take(&rd, &tag, &value, &len) || (tag == 0xc0 && !take_key(value, len, &key)))
            return cut(&rd, "key information", err);
        if (tag == 0xc0)
            each(ctx, &key);
    }
    return st;
}
