#include "applet_vm/card/scp11_store.h"

#include "applet_vm/base/ber.h"

#include <string.h>

enum {
    TAG_CERTIFICATES = 0xbf21,
    TAG_ALLOWED = 0x70,
    TAG_SERIAL = 0x93,
    TAG_COUNTER = 0x92,
    TAG_KIND = 0x80, /* 00 CA-KLOC, 01 CA-KLCC */
    TAG_AUTHORITY = 0x42,
    TAG_KEY = 0x83
};

/* One of the three kinds of things, in a command or in the record; all borrowed. */
struct item {
    uint16_t tag; /* BF21, 70 or 42: which kind */
    uint8_t id, version;
    const uint8_t *value;
    size_t len;
    bool has_counter;
    uint16_t counter; /* of a list */
    uint8_t kind;     /* of an authority */
};

/* ---- Reading ---- */
static bool take_part(uint16_t tag, const uint8_t *value, size_t n, struct item *o)
{
    switch (tag) {
    case TAG_KEY:
        if (n != 2)
            return false;
        o->id = value[0];
        o->version = value[1];
        return o->id != 0 && o->version != 0;
    case TAG_COUNTER:
        if (n != 2)
            return false;
        o->has_counter = true;
        o->counter = mm_be16(value);
        return true;
    case TAG_KIND:
        o->kind = n == 1 ? value[0] : 0xff;
        return o->kind <= 1;
    case TAG_CERTIFICATES:
    case TAG_ALLOWED:
    case TAG_AUTHORITY:
        if (o->tag != 0)
            return false;
        o->tag = tag;
        o->value = value;
        o->len = n;
        return true;
    default:
        return false;
    }
}

/* Each object of the data, in turn; false: one was malformed, or take said no. */
static bool each(const uint8_t *data, size_t len,
                 bool (*take)(uint16_t tag, const uint8_t *value, size_t n, struct item *o),
                 struct item *o)
{
    const uint8_t *value;
    uint16_t tag;
    struct mm_rd rd;
    size_t n;

    mm_rd_init(&rd, data, len);
    while (mm_rd_left(&rd) > 0) {
        if (!mm_ber_take(&rd, &tag, &value, &n) || !take(tag, value, n, o))
            return false;
    }
    return true;
}

/* Walk the stored objects; others than ours have a tag of 0. start: where it is in the record. */
static bool next_item(struct mm_rd *rd, struct item *o)
{
    const uint8_t *value;
    uint16_t tag;
    size_t n;

    *o = (struct item){0};
    if (mm_rd_left(rd) == 0 || !mm_ber_take(rd, &tag, &value, &n))
        return false;
    if (tag == MM_SCP11_OBJECT && !each(value, n, take_part, o))
        *o = (struct item){0};
    return true;
}

static bool find(const struct mm_card *card, mm_comp domain, uint16_t tag, uint8_t id,
                 uint8_t version, struct item *o)
{
    size_t len;
    const uint8_t *data = mm_isd_stored(card, domain, &len);
    struct mm_rd rd;

    mm_rd_init(&rd, data, len);
    while (next_item(&rd, o)) {
        if (o->tag == tag && o->id == id && o->version == version)
            return true;
    }
    return false;
}

static bool has_key(const struct mm_card *card, mm_comp domain, uint8_t id, uint8_t version)
{
    struct mm_domain_key key;
    struct mm_key_set set;
    bool found = mm_key_find(card->nvm, domain, version, id, &set, &key) == MM_OK;

    mm_key_set_clear(&set);
    return found;
}

/* ---- STORE DATA ---- */
static bool certificates_good(const uint8_t *data, size_t len)
{
    struct mm_scp11_certificate cert;
    size_t whole;

    for (; len > 0; data += whole, len -= whole) {
        if (mm_scp11_certificate_read(data, len, &cert, &whole) != MM_OK)
            return false;
    }
    return true;
}

/* Of 20 bytes at most, and a sign. */
static bool serial_good(uint16_t tag, const uint8_t *value, size_t n, struct item *o)
{
    (void)value, (void)o;
    return tag == TAG_SERIAL && n != 0 && n <= MM_SCP11_ID_MAX + 1;
}

static bool good(const struct item *o, bool in_reference)
{
    switch (o->tag) {
    case TAG_CERTIFICATES:
        return !in_reference && !o->has_counter && certificates_good(o->value, o->len);
    case TAG_ALLOWED:
        return !in_reference && each(o->value, o->len, serial_good, NULL);
    case TAG_AUTHORITY:
        return in_reference && !o->has_counter && o->len <= MM_SCP11_ID_MAX;
    default:
        return false;
    }
}

/* A6 and what follows it. */
static bool read_command(const uint8_t *data, size_t len, struct item *o)
{
    const uint8_t *reference;
    bool in_reference;
    uint16_t tag;
    struct mm_rd rd;
    size_t n;

    *o = (struct item){0};
    mm_rd_init(&rd, data, len);
    if (!mm_ber_take(&rd, &tag, &reference, &n) || !each(reference, n, take_part, o))
        return false;
    in_reference = o->tag != 0;
    return each(data + rd.off, mm_rd_left(&rd), take_part, o) && o->id != 0 &&
           good(o, in_reference);
}

static void put_item(const struct item *o, struct mm_buf *out)
{
    const uint8_t key[2] = {o->id, o->version};
    uint8_t counter[2];
    struct mm_buf body;

    mm_buf_init(&body);
    mm_ber_put(&body, TAG_KEY, key, sizeof(key));
    mm_put_be16(counter, o->counter);
    if (o->has_counter)
        mm_ber_put(&body, TAG_COUNTER, counter, sizeof(counter));
    if (o->tag == TAG_AUTHORITY)
        mm_ber_put(&body, TAG_KIND, &o->kind, 1);
    mm_ber_put(&body, o->tag, o->value, o->len);
    mm_ber_put(out, MM_SCP11_OBJECT, body.data, body.len);
    out->bad |= body.bad;
    mm_buf_clear(&body);
}

/* The stored objects but the item that fresh replaces; with fresh NULL, but those without their key. */
static void keep(const struct mm_card *card, mm_comp domain, const struct item *fresh,
                 struct mm_buf *out)
{
    size_t len, start = 0;
    const uint8_t *data = mm_isd_stored(card, domain, &len);
    struct mm_rd rd;
    struct item o;

    mm_rd_init(&rd, data, len);
    for (; next_item(&rd, &o); start = rd.off) {
        bool gone = fresh != NULL
                        ? o.tag == fresh->tag && o.id == fresh->id && o.version == fresh->version
                        : !has_key(card, domain, o.id, o.version);
        if (o.tag == 0 || !gone)
            mm_buf_bytes(out, data + start, rd.off - start);
    }
}

uint16_t mm_scp11_store(struct mm_card *card, mm_comp domain, const uint8_t *data, size_t len)
{
    struct item fresh, old;
    struct mm_buf all;
    enum mm_status st;

    if (!read_command(data, len, &fresh))
        return MM_SW_6A80_WRONG_DATA;
    if (!has_key(card, domain, fresh.id, fresh.version))
        return MM_SW_6A88_DATA_NOT_FOUND;
    if (fresh.has_counter && find(card, domain, fresh.tag, fresh.id, fresh.version, &old) &&
        old.has_counter && fresh.counter <= old.counter)
        return MM_SW_6985_CONDITIONS_NOT_SATISFIED; /* a script of before, played again */
    mm_buf_init(&all);
    keep(card, domain, &fresh, &all);
    if (fresh.len > 0 || fresh.has_counter)
        put_item(&fresh, &all);
    st = mm_isd_store_all(card, domain, &all);
    mm_buf_clear(&all);
    if (st == MM_TOO_LONG)
        return MM_SW_6A84_FILE_FULL;
    return st == MM_OK ? MM_SW_9000_NO_ERROR : mm_card_failure("store data", st);
}

enum mm_status mm_scp11_store_forget(struct mm_card *card, mm_comp domain)
{
    size_t len;
    struct mm_buf all;
    enum mm_status st = MM_OK;

    (void)mm_isd_stored(card, domain, &len);
    mm_buf_init(&all);
    keep(card, domain, NULL, &all);
    if (all.bad || all.len != len)
        st = mm_isd_store_all(card, domain, &all);
    mm_buf_clear(&all);
    return st;
}

/* ---- GET DATA ---- */
uint16_t mm_scp11_get_certificates(const struct mm_card *card, mm_comp domain,
                                   const struct mm_apdu *apdu, struct mm_buf *out)
{
    const uint8_t *reference;
    struct item o = {0};
    uint8_t id, version;
    uint16_t tag;
    struct mm_rd rd;
    size_t n;

    mm_rd_init(&rd, apdu->data, apdu->data_len);
    if (!mm_ber_take(&rd, &tag, &reference, &n) || tag != MM_SCP11_OBJECT || mm_rd_left(&rd) != 0 ||
        !each(reference, n, take_part, &o) || o.id == 0 || o.tag != 0)
        return MM_SW_6A80_WRONG_DATA;
    id = o.id;
    version = o.version;
    if (!find(card, domain, TAG_CERTIFICATES, id, version, &o))
        return MM_SW_6A88_DATA_NOT_FOUND;
    mm_ber_put(out, TAG_CERTIFICATES, o.value, o.len);
    return MM_SW_9000_NO_ERROR;
}

uint16_t mm_scp11_get_authorities(const struct mm_card *card, mm_comp domain, bool of_cards,
                                  struct mm_buf *out)
{
    size_t len;
    const uint8_t *data = mm_isd_stored(card, domain, &len);
    struct mm_buf body;
    struct mm_rd rd;
    struct item o;
    bool any;

    mm_buf_init(&body);
    mm_rd_init(&rd, data, len);
    while (next_item(&rd, &o)) {
        const uint8_t key[2] = {o.id, o.version};
        if (o.tag != TAG_AUTHORITY || o.kind != of_cards)
            continue;
        mm_ber_put(&body, TAG_AUTHORITY, o.value, o.len);
        mm_ber_put(&body, TAG_KEY, key, sizeof(key));
    }
    any = body.len > 0;
    if (any)
        mm_ber_put(out, of_cards ? 0xff34 : 0xff33, body.data, body.len);
    out->bad |= body.bad;
    mm_buf_clear(&body);
    return any ? MM_SW_9000_NO_ERROR : MM_SW_6A88_DATA_NOT_FOUND;
}

/* ---- For a session ---- */
bool mm_scp11_store_authority(const struct mm_card *card, mm_comp domain, const uint8_t *issuer,
                              size_t issuer_len, uint8_t *id, uint8_t *version)
{
    size_t len;
    const uint8_t *data = mm_isd_stored(card, domain, &len);
    struct mm_rd rd;
    struct item o;

    mm_rd_init(&rd, data, len);
    while (issuer_len > 0 && next_item(&rd, &o)) {
        if (o.tag == TAG_AUTHORITY && o.kind == 0 && o.len == issuer_len &&
            memcmp(o.value, issuer, issuer_len) == 0) {
            *id = o.id;
            *version = o.version;
            return true;
        }
    }
    return false;
}

/* Numbers: leading zeros do not count. */
static bool same_number(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    for (; a_len > 0 && *a == 0; a++)
        a_len--;
    for (; b_len > 0 && *b == 0; b++)
        b_len--;
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

bool mm_scp11_store_allows(const struct mm_card *card, mm_comp domain, uint8_t id, uint8_t version,
                           const uint8_t *serial, size_t serial_len)
{
    const uint8_t *value;
    struct item o;
    struct mm_rd rd;
    uint16_t tag;
    size_t n;

    if (!find(card, domain, TAG_ALLOWED, id, version, &o) || o.len == 0)
        return true;
    mm_rd_init(&rd, o.value, o.len);
    while (mm_rd_left(&rd) > 0 && mm_ber_take(&rd, &tag, &value, &n)) {
        if (same_number(value, n, serial, serial_len))
            return true;
    }
    return false;
}

/* The last certificate is the key's own. */
static enum mm_status put_group(const struct mm_card *card, mm_comp domain, uint8_t id,
                                uint8_t version, struct mm_buf *out)
{
    struct mm_scp11_certificate cert = {0};
    struct item o;
    size_t whole;

    if (!find(card, domain, TAG_CERTIFICATES, id, version, &o))
        return MM_NOT_FOUND;
    for (size_t at = 0; at < o.len; at += whole) {
        if (mm_scp11_certificate_read(o.value + at, o.len - at, &cert, &whole) != MM_OK)
            return MM_NOT_FOUND;
    }
    if (cert.subject_len == 0)
        return MM_NOT_FOUND;
    mm_buf_u8(out, cert.subject_len);
    mm_buf_bytes(out, cert.subject, cert.subject_len);
    return MM_OK;
}

enum mm_status mm_scp11_store_card_ids(const struct mm_card *card, mm_comp domain, uint8_t id,
                                       uint8_t version, struct mm_buf *out)
{
    if (id == MM_SCP11_KID_C)
        return put_group(card, domain, id, version, out);
    for (uint16_t tag = 0x42; tag <= 0x45; tag += 3) {
        struct mm_buf one;
        bool found;

        mm_buf_init(&one);
        found = mm_isd_number(card, domain, tag, &one) && one.len >= 2;
        if (found) /* without its tag it is length and value: both are short */
            mm_buf_bytes(out, one.data + 1, one.len - 1);
        out->bad |= one.bad;
        mm_buf_clear(&one);
        if (!found)
            return MM_NOT_FOUND;
    }
    return out->bad ? MM_NO_MEMORY : MM_OK;
}
