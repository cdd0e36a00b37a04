/* mintmark-gp: list. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

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
