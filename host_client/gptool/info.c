/* mintmark-gp: info, what a card tells without keys. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

/* Lines of text, or one JSON object. */
struct report {
    FILE *out;
    json_t *object; /* NULL: text */
    bool bad;
};

static void add_text(struct report *r, const char *key, const char *name, const char *value)
{
    if (r->object != NULL)
        r->bad |= json_object_set_new(r->object, key, json_string(value)) != 0;
    else
        fprintf(r->out, "%-24s %s\n", name, value);
}

static void add_hex(struct report *r, const char *key, const char *name, const uint8_t *data,
                    size_t len)
{
    char text[2 * 512 + 1];

    add_text(r, key, name, mm_hex(data, len < 512 ? len : 512, text));
}

/* Key Information Template: C0 04 identifier, version, type, length (GPCS 11.3.3.1). */
static void add_keys(struct report *r, const uint8_t *data, size_t len)
{
    json_t *keys = r->object == NULL ? NULL : json_array();
    struct mm_rd rd;
    const uint8_t *value;
    size_t n;
    uint16_t tag;

    mm_rd_init(&rd, data, len);
    if (!mm_gp_take_tlv(&rd, &tag, &value, &n) || tag != 0xe0)
        n = 0;
    mm_rd_init(&rd, value, n);
    while (mm_rd_left(&rd) > 0 && mm_gp_take_tlv(&rd, &tag, &value, &n)) {
        if (tag != 0xc0 || n < 4)
            continue;
        if (keys != NULL)
            r->bad |= json_array_append_new(
                          keys, json_pack("{s:i, s:i, s:i, s:i}", "version", value[1], "identifier",
                                          value[0], "type", value[2], "bytes", value[3])) != 0;
        else
            fprintf(r->out, "%-24s version %02X, identifier %02X, %s-%u\n", "key", value[1],
                    value[0], value[2] == 0x88 ? "AES" : "type other", value[3] * 8u);
    }
    if (keys != NULL)
        r->bad |= json_object_set_new(r->object, "keys", keys) != 0;
}

/* Extended card resources (TS 102 226, 8.2.1.7): 81 applications, 82 and 83 free memory. */
static void add_resources(struct report *r, const uint8_t *data, size_t len)
{
    static const struct {
        const char *key, *name;
    } names[] = {{"applications", "applications"},
                 {"free_persistent", "free persistent bytes"},
                 {"free_transient", "free transient bytes"}};
    struct mm_rd rd;
    const uint8_t *value;
    size_t n;
    uint16_t tag;

    mm_rd_init(&rd, data, len);
    if (!mm_gp_take_tlv(&rd, &tag, &value, &n) || tag != 0xff21)
        return;
    mm_rd_init(&rd, value, n);
    while (mm_rd_left(&rd) > 0 && mm_gp_take_tlv(&rd, &tag, &value, &n)) {
        uint32_t number = 0;
        if (tag < 0x81 || tag > 0x83 || n > 4)
            continue;
        for (size_t i = 0; i < n; i++)
            number = number << 8 | value[i];
        if (r->object != NULL)
            r->bad |= json_object_set_new(r->object, names[tag - 0x81].key,
                                          json_integer((json_int_t)number)) != 0;
        else
            fprintf(r->out, "%-24s %u\n", names[tag - 0x81].name, number);
    }
}

struct data_object {
    uint16_t tag;
    const char *key, *name;
};

static enum mm_status add_object(struct report *r, struct mm_access *access,
                                 const struct data_object *o, struct mm_err *err)
{
    struct mm_buf resp;
    uint16_t sw;
    enum mm_status st;

    mm_buf_init(&resp);
    st = mm_access_call(access, 0x80, 0xca, (uint8_t)(o->tag >> 8), (uint8_t)o->tag, NULL, 0, 256,
                        &resp, &sw, err);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        if (o->tag == 0x00e0)
            add_keys(r, resp.data, resp.len);
        else if (o->tag == 0xff21)
            add_resources(r, resp.data, resp.len);
        else
            add_hex(r, o->key, o->name, resp.data, resp.len);
    }
    mm_buf_clear(&resp);
    return st;
}

/* The default application where the card's issuer domain has another AID. */
static enum mm_status select_domain(struct mm_access *access, struct mm_err *err)
{
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    uint16_t sw;
    enum mm_status st = mm_access_select(access, &isd, NULL, &sw, err);

    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_access_call(access, 0x00, 0xa4, 0x04, 0x00, NULL, 0, 256, NULL, &sw, err);
    return st;
}

enum mm_status mm_gp_tool_info(const struct mm_gp_options *opt, FILE *out, struct mm_err *err)
{
    static const struct data_object objects[] = {
        {0x0042, "iin", "issuer number (IIN)"}, {0x0045, "cin", "chip number (CIN)"},
        {0x0066, "card_data", "card data"},     {0x0067, "card_capabilities", "card capabilities"},
        {0x9f7f, "cplc", "production data"},    {0x5f50, "url", "issuer URL"},
        {0xff21, "resources", "resources"},     {0x00e0, "keys", "keys"}};
    struct report r = {.out = out};
    struct mm_gp_connection c;
    const uint8_t *atr;
    size_t atr_len;
    enum mm_status st = mm_gp_connect(opt, false, &c, err);

    if (st != MM_OK)
        return st;
    r.object = opt->json ? json_object() : NULL;
    r.bad = opt->json && r.object == NULL;
    atr = mm_access_atr(c.access, &atr_len);
    add_text(&r, "reader", "reader", mm_access_reader(c.access));
    add_hex(&r, "atr", "ATR", atr, atr_len);
    st = select_domain(c.access, err);
    for (size_t i = 0; st == MM_OK && i < sizeof(objects) / sizeof(objects[0]); i++)
        st = add_object(&r, c.access, &objects[i], err);
    if (st == MM_OK && opt->json && (r.bad || json_dumpf(r.object, out, JSON_INDENT(2)) != 0))
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the report could not be written");
    if (st == MM_OK && opt->json)
        fputc('\n', out);
    json_decref(r.object);
    mm_gp_disconnect(&c);
    return st;
}
