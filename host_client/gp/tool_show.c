/* mintmark-gp: list and info. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gp/tool.h"

const char *mm_gp_state_text(enum mm_gp_kind kind, uint8_t life_cycle)
{
    if (kind == MM_GP_PACKAGE)
        return life_cycle == 0x01 ? "LOADED" : "UNKNOWN";
    if (kind == MM_GP_DOMAIN && life_cycle == 0x01)
        return "OP_READY";
    if (kind == MM_GP_DOMAIN && life_cycle == 0x07)
        return "INITIALIZED";
    if (kind == MM_GP_DOMAIN && life_cycle == 0x0f)
        return "SECURED";
    if (kind == MM_GP_DOMAIN && life_cycle == 0x7f)
        return "CARD_LOCKED";
    if (kind == MM_GP_DOMAIN && life_cycle == 0xff)
        return "TERMINATED";
    if ((life_cycle & 0x83) == 0x83)
        return "LOCKED";
    if (life_cycle == 0x03)
        return "INSTALLED";
    if ((life_cycle & 0x87) == 0x07)
        return life_cycle == 0x07 ? "SELECTABLE" : "PERSONALIZED"; /* bits 4-7 are the applet's */
    return "UNKNOWN";
}

static const char *kind_text(enum mm_gp_kind kind)
{
    if (kind == MM_GP_DOMAIN)
        return "domain";
    return kind == MM_GP_APPLET ? "applet" : "package";
}

/* ---- list ---- */

struct listing {
    FILE *out;
    json_t *array; /* NULL: a table */
    bool bad;
};

static void add_row(void *ctx, const struct mm_gp_entry *e)
{
    struct listing *l = ctx;
    char aid[2 * MM_AID_MAX + 1], privileges[7], extra[16] = "";
    const char *what = mm_aid_what(&e->aid);

    mm_hex(e->aid.bytes, e->aid.len, aid);
    mm_hex(e->privileges, sizeof(e->privileges), privileges);
    if (e->has_version)
        snprintf(extra, sizeof(extra), "%u.%u", e->major, e->minor);
    fprintf(l->out, "%-8s %-32s %-12s %-7s %s\n", kind_text(e->kind), aid,
            mm_gp_state_text(e->kind, e->life_cycle), e->kind == MM_GP_PACKAGE ? extra : privileges,
            what != NULL ? what : "");
    for (size_t i = 0; i < e->module_n; i++)
        fprintf(l->out, "%-8s %s\n", "  applet",
                mm_hex(e->modules[i].bytes, e->modules[i].len, aid));
}

static void set(struct listing *l, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) != 0)
        l->bad = true;
}

static json_t *aid_value(const struct mm_aid *aid)
{
    char hex[2 * MM_AID_MAX + 1];

    return json_string(mm_hex(aid->bytes, aid->len, hex));
}

static void add_object(void *ctx, const struct mm_gp_entry *e)
{
    struct listing *l = ctx;
    json_t *o = json_object(), *modules = json_array();
    char text[16];

    set(l, o, "kind", json_string(kind_text(e->kind)));
    set(l, o, "aid", aid_value(&e->aid));
    set(l, o, "state", json_string(mm_gp_state_text(e->kind, e->life_cycle)));
    set(l, o, "life_cycle", json_integer(e->life_cycle));
    if (e->kind != MM_GP_PACKAGE)
        set(l, o, "privileges", json_string(mm_hex(e->privileges, sizeof(e->privileges), text)));
    if (e->package.len > 0)
        set(l, o, "package", aid_value(&e->package));
    if (e->has_version) {
        snprintf(text, sizeof(text), "%u.%u", e->major, e->minor);
        set(l, o, "version", json_string(text));
    }
    for (size_t i = 0; i < e->module_n; i++)
        l->bad |= json_array_append_new(modules, aid_value(&e->modules[i])) != 0;
    if (e->module_n > 0)
        set(l, o, "applets", json_incref(modules));
    json_decref(modules);
    l->bad |= json_array_append_new(l->array, o) != 0;
}

static enum mm_status print_json(const struct listing *l, struct mm_err *err)
{
    if (l->bad || json_dumpf(l->array, l->out, JSON_INDENT(2)) != 0)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "the list could not be written");
    fputc('\n', l->out);
    return MM_OK;
}

enum mm_status mm_gp_tool_list(const struct mm_gp_options *opt, FILE *out, struct mm_err *err)
{
    struct listing l = {.out = out, .array = opt->json ? json_array() : NULL};
    struct mm_gp_connection c;
    enum mm_status st = mm_gp_connect(opt, true, &c, err);

    if (st == MM_OK)
        st = mm_gp_registry(c.session, opt->json ? add_object : add_row, &l, err);
    if (st == MM_OK && opt->json)
        st = print_json(&l, err);
    mm_gp_disconnect(&c);
    json_decref(l.array);
    return st;
}

/* ---- info ---- */

/* Key Information Template: C0 04 identifier, version, type, length (GPCS 11.3.3.1). */
static void print_keys(const uint8_t *data, size_t len, FILE *out)
{
    struct mm_rd rd;
    const uint8_t *value;
    size_t n;
    uint16_t tag;

    mm_rd_init(&rd, data, len);
    if (!mm_gp_take_tlv(&rd, &tag, &value, &n) || tag != 0xe0)
        return;
    mm_rd_init(&rd, value, n);
    while (mm_gp_take_tlv(&rd, &tag, &value, &n)) {
        if (tag == 0xc0 && n >= 4)
            fprintf(out, "%-24s version %02X, identifier %02X, %s-%u\n", "key", value[1], value[0],
                    value[2] == 0x88 ? "AES" : "type other", value[3] * 8u);
    }
}

static enum mm_status print_object(struct mm_access *access, uint16_t tag, const char *name,
                                   FILE *out, struct mm_err *err)
{
    struct mm_buf resp;
    uint16_t sw;
    enum mm_status st;

    mm_buf_init(&resp);
    st = mm_access_call(access, 0x80, 0xca, (uint8_t)(tag >> 8), (uint8_t)tag, NULL, 0, 256, &resp,
                        &sw, err);
    if (st == MM_OK && sw == MM_SW_9000_NO_ERROR && tag == 0x00e0) {
        print_keys(resp.data, resp.len, out);
    } else if (st == MM_OK && sw == MM_SW_9000_NO_ERROR) {
        fprintf(out, "%-24s ", name);
        for (size_t i = 0; i < resp.len; i++)
            fprintf(out, "%02X", resp.data[i]);
        fputc('\n', out);
    }
    mm_buf_clear(&resp);
    return st;
}

enum mm_status mm_gp_tool_info(const struct mm_gp_options *opt, FILE *out, struct mm_err *err)
{
    static const struct {
        uint16_t tag;
        const char *name;
    } objects[] = {{0x0042, "issuer number (IIN)"}, {0x0045, "chip number (CIN)"},
                   {0x0066, "card data"},           {0x0067, "card capabilities"},
                   {0x9f7f, "production data"},     {0x00e0, "keys"}};
    struct mm_gp_connection c;
    const uint8_t *atr;
    size_t atr_len;
    uint16_t sw;
    struct mm_aid isd = mm_aid_of(MM_AID_ISD);
    enum mm_status st = mm_gp_connect(opt, false, &c, err);

    if (st != MM_OK)
        return st;
    atr = mm_access_atr(c.access, &atr_len);
    fprintf(out, "%-24s %s\n%-24s ", "reader", mm_access_reader(c.access), "ATR");
    for (size_t i = 0; i < atr_len; i++)
        fprintf(out, "%02X", atr[i]);
    fputc('\n', out);
    st = mm_access_select(c.access, &isd, NULL, &sw, err);
    if (st == MM_OK && sw != MM_SW_9000_NO_ERROR)
        st = mm_access_call(c.access, 0x00, 0xa4, 0x04, 0x00, NULL, 0, 256, NULL, &sw, err);
    for (size_t i = 0; st == MM_OK && i < sizeof(objects) / sizeof(objects[0]); i++)
        st = print_object(c.access, objects[i].tag, objects[i].name, out, err);
    mm_gp_disconnect(&c);
    return st;
}
