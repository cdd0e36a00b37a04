/* mintmark-gp: info, what a card tells without keys. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gptool/gptool.h"

/* Lines of text, or one JSON object. Facts go into group, an object of the object. */
struct report {
    FILE *out;
    json_t *object; /* NULL: text */
    json_t *group;  /* borrowed from object */
    bool bad;
};

/* JSON: a string, or an array of them where a key comes again. */
static void add_value(struct report *r, json_t *to, const char *key, const char *value)
{
    json_t *had = json_object_get(to, key), *array;

    if (had == NULL) {
        r->bad |= json_object_set_new(to, key, json_string(value)) != 0;
        return;
    }
    if (!json_is_array(had)) {
        array = json_array();
        r->bad |= json_array_append(array, had) != 0 || json_object_set_new(to, key, array) != 0;
        had = array;
    }
    r->bad |= json_array_append_new(had, json_string(value)) != 0;
}

static void add_fact(void *ctx, const char *key, const char *name, const char *text)
{
    struct report *r = ctx;

    if (r->object != NULL)
        add_value(r, r->group, key, text);
    else
        fprintf(r->out, "  %-22s %s\n", name, text);
}

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

/* Facts from here on belong to this. */
static void begin_group(struct report *r, const char *key)
{
    if (r->object == NULL)
        return;
    r->group = json_object();
    r->bad |= json_object_set_new(r->object, key, r->group) != 0;
}

static void add_key(void *ctx, const struct mm_gp_key_info *key)
{
    struct report *r = ctx;
    char type[24];

    if (r->object == NULL)
        fprintf(r->out, "%-24s version %02X, identifier %02X,", "key", key->version, key->id);
    for (size_t i = 0; i < key->part_n; i++) {
        (void)mm_gp_key_type_text(key->parts[i].type, type);
        if (r->object != NULL)
            r->bad |= json_array_append_new(r->group,
                                            json_pack("{s:i, s:i, s:s, s:i}", "version",
                                                      key->version, "identifier", key->id, "type",
                                                      type, "bytes", key->parts[i].len)) != 0;
        else
            fprintf(r->out, "%s %s-%u", i > 0 ? "," : "", type, key->parts[i].len * 8u);
    }
    if (r->object == NULL)
        fputc('\n', r->out);
}

static enum mm_status describe_keys(const uint8_t *data, size_t len, mm_gp_fact fact, void *ctx,
                                    struct mm_err *err)
{
    struct report *r = ctx;

    (void)fact;
    if (r->object != NULL) {
        r->group = json_array();
        r->bad |= json_object_set_new(r->object, "keys", r->group) != 0;
    }
    return mm_gp_parse_key_info(data, len, add_key, r, err);
}

/* A data object: shown in hex when raw is named, and decoded under key when it can be. */
struct data_object {
    uint16_t tag;
    const char *raw, *name, *key;
    enum mm_status (*describe)(const uint8_t *data, size_t len, mm_gp_fact fact, void *ctx,
                               struct mm_err *err);
};
static const struct data_object objects[] = {
    {0x0042, "iin", "issuer number (IIN)", NULL, NULL},
    {0x0045, "cin", "chip number (CIN)", NULL, NULL},
    {0x0066, "card_data", "card data", "recognition", mm_gp_describe_recognition},
    {0x0067, "card_capabilities", "card capabilities", "capabilities", mm_gp_describe_capabilities},
    {0x9f7f, "cplc", "production data", "production", mm_gp_describe_cplc},
    {0x5f50, "url", "issuer URL", NULL, NULL},
    {0x00c1, "sequence_counter", "sequence counter", NULL, NULL},
    {0x00c2, "confirmation_counter", "confirmation counter", NULL, NULL},
    {0xff21, NULL, "resources", "resources", mm_gp_describe_resources},
    {0x00e0, NULL, "keys", "keys", describe_keys}};

/* What a card tells wrongly is no reason to hide the rest. */
static void add_described(struct report *r, const struct data_object *o, const uint8_t *data,
                          size_t len)
{
    struct mm_err err;

    if (o->raw != NULL)
        add_hex(r, o->raw, o->name, data, len);
    else if (r->object == NULL && o->describe != describe_keys)
        fprintf(r->out, "%s\n", o->name);
    if (o->describe == NULL)
        return;
    if (o->describe != describe_keys)
        begin_group(r, o->key);
    if (o->describe(data, len, add_fact, r, &err) != MM_OK)
        fprintf(stderr, "mintmark-gp: %s: %s\n", o->name, err.text);
}

static enum mm_status add_object(struct report *r, struct mm_access *access,
                                 const struct data_object *o, struct mm_err *err)
{
    static const uint8_t classes[] = {0x80, 0x00};
    struct mm_buf resp;
    uint16_t sw = 0;
    enum mm_status st = MM_OK;

    mm_buf_init(&resp);
    /* Class 80, and 00 for cards that know it there only (GPCS 2.3.1, 11.3.2). */
    for (size_t i = 0; i < sizeof(classes); i++) {
        st = mm_access_call(access, classes[i], MM_INS_ISD_GET_DATA, (uint8_t)(o->tag >> 8),
                            (uint8_t)o->tag, NULL, 0, 256, &resp, &sw, err);
        if (st != MM_OK || sw == MM_SW_9000_NO_ERROR)
            break;
    }
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR && resp.len > 0)
        add_described(r, o, resp.data, resp.len);
    mm_buf_clear(&resp);
    return st;
}

static enum mm_status add_all(struct report *r, struct mm_gptool *tool, struct mm_err *err)
{
    static const struct data_object atr_object = {0, "atr", "ATR", "answer_to_reset",
                                                  mm_gp_describe_atr};
    const struct mm_aid *named = tool->opt->connect.len > 0 ? &tool->opt->connect : NULL;
    size_t atr_len;
    const uint8_t *atr = mm_access_atr(tool->access, &atr_len);
    struct mm_aid domain;
    enum mm_status st;

    add_text(r, "reader", "reader", mm_access_reader(tool->access));
    add_described(r, &atr_object, atr, atr_len);
    st = mm_gp_select_domain(tool->access, named, &domain, err);
    if (st == MM_OK && domain.len > 0)
        add_hex(r, "domain", "security domain", domain.bytes, domain.len);
    for (size_t i = 0; st == MM_OK && i < sizeof(objects) / sizeof(objects[0]); i++)
        st = add_object(r, tool->access, &objects[i], err);
    return st;
}

static void print_commands(FILE *out)
{
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
        fprintf(out, "80CA%04X00  # GET_DATA, %s\n", objects[i].tag, objects[i].name);
}

enum mm_status mm_gptool_info(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    bool json = tool->opt->json;
    struct report r = {.out = tool->out};
    enum mm_status st;

    (void)args;
    (void)n;
    if (tool->opt->dry_run) {
        print_commands(tool->out);
        return MM_OK;
    }
    st = mm_gptool_connect(tool, false, err);
    if (st != MM_OK)
        return st;
    r.object = json ? json_object() : NULL;
    r.bad = json && r.object == NULL;
    st = add_all(&r, tool, err);
    if (st == MM_OK && json && (r.bad || json_dumpf(r.object, tool->out, JSON_INDENT(2)) != 0))
        st = mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the report could not be written");
    if (st == MM_OK && json)
        fputc('\n', tool->out);
    json_decref(r.object);
    return st;
}
