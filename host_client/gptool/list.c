/* mintmark-gp: list. */
#include <jansson.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/gp_int.h"
#include "host_client/gptool/gptool.h"

const char *mm_gptool_state_text(enum mm_gp_kind kind, uint8_t life_cycle)
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

/* A supplementary domain is an application that has this privilege. */
static const char *kind_text(const struct mm_gp_item *e)
{
    if (e->kind == MM_GP_PACKAGE)
        return "package";
    return e->kind == MM_GP_DOMAIN || (e->privileges[0] & 0x80) != 0 ? "domain" : "applet";
}

/* ---- list ---- */

struct listing {
    FILE *out;
    json_t *array; /* NULL: a table */
    bool bad;
};

static void add_row(void *ctx, const struct mm_gp_item *e)
{
    struct listing *l = ctx;
    char aid[2 * MM_AID_MAX + 1], extra[300] = "";
    const char *what = mm_aid_what(&e->aid);

    if (e->has_version)
        snprintf(extra, sizeof(extra), "%u.%u", e->major, e->minor);
    else if (e->kind != MM_GP_PACKAGE)
        (void)mm_gp_privileges_text(e->privileges, extra, sizeof(extra));
    fprintf(l->out, "%-8s %-32s %-12s %s%s%s\n", kind_text(e),
            mm_hex(e->aid.bytes, e->aid.len, aid), mm_gptool_state_text(e->kind, e->life_cycle),
            extra, what != NULL && extra[0] != '\0' ? "  " : "", what != NULL ? what : "");
    for (size_t i = 0; i < e->module_n; i++)
        fprintf(l->out, "%-8s %s\n", "  module",
                mm_hex(e->modules[i].bytes, e->modules[i].len, aid));
    if (e->package.len > 0)
        fprintf(l->out, "%-8s %s\n", "  from", mm_hex(e->package.bytes, e->package.len, aid));
    if (e->domain.len > 0)
        fprintf(l->out, "%-8s %s\n", "  in", mm_hex(e->domain.bytes, e->domain.len, aid));
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

static void set_privileges(struct listing *l, json_t *o, const struct mm_gp_item *e)
{
    char hex[2 * MM_GP_PRIVILEGES_LEN + 1], names[300], *at = names;
    json_t *array = json_array();

    set(l, o, "privileges", json_string(mm_hex(e->privileges, sizeof(e->privileges), hex)));
    (void)mm_gp_privileges_text(e->privileges, names, sizeof(names));
    while (*at != '\0') {
        size_t len = strcspn(at, ",");

        l->bad |= json_array_append_new(array, json_stringn(at, len)) != 0;
        at += len;
        at += strspn(at, ", ");
    }
    set(l, o, "privilege_names", array);
}

static void add_object(void *ctx, const struct mm_gp_item *e)
{
    struct listing *l = ctx;
    json_t *o = json_object(), *modules = json_array();
    char text[16];

    set(l, o, "kind", json_string(kind_text(e)));
    set(l, o, "aid", aid_value(&e->aid));
    set(l, o, "state", json_string(mm_gptool_state_text(e->kind, e->life_cycle)));
    set(l, o, "life_cycle", json_integer(e->life_cycle));
    if (e->kind != MM_GP_PACKAGE)
        set_privileges(l, o, e);
    if (e->package.len > 0)
        set(l, o, "package", aid_value(&e->package));
    if (e->domain.len > 0)
        set(l, o, "domain", aid_value(&e->domain));
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

enum mm_status mm_gptool_list(struct mm_gptool *tool, char **args, int n, struct mm_err *err)
{
    bool json = tool->opt->json;
    struct listing l = {.out = tool->out, .array = json ? json_array() : NULL};
    struct mm_buf list;
    enum mm_status st;

    (void)args;
    (void)n;
    if (tool->opt->dry_run) {
        mm_buf_init(&list);
        st = mm_gp_status_commands(&list);
        if (st == MM_OK)
            st = mm_gptool_send(tool, &list, err);
        mm_buf_clear(&list);
        return st;
    }
    st = mm_gptool_connect(tool, true, err);
    if (st == MM_OK)
        st = mm_gp_registry(tool->session, json ? add_object : add_row, &l, err);
    if (st == MM_OK && json)
        st = print_json(&l, err);
    json_decref(l.array);
    return st;
}
