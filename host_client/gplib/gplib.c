/* The public library: connection, session, content. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "apdu_spec/apdu_spec.h"
#include "host_client/access/access.h"
#include "host_client/gp/card_info.h"
#include "host_client/gplib/gplib_int.h"

#define TIMEOUT_MS 5000

/* ---- Connection ---- */

enum mintmark_gp_status mintmark_gp_connect(const char *reader, struct mintmark_gp **out)
{
    struct mintmark_gp *gp = calloc(1, sizeof(*gp));
    enum mm_status st;

    *out = gp;
    if (gp == NULL)
        return MINTMARK_GP_FAILED;
    st = mm_access_open(reader, TIMEOUT_MS, &gp->access, &gp->err);
    if (st == MM_OK) /* another program's command in between would break the chain of MACs */
        st = mm_access_begin(gp->access, &gp->err);
    if (st != MM_OK)
        mm_access_close(&gp->access);
    return mm_gplib_status(st);
}

void mintmark_gp_disconnect(struct mintmark_gp **gp)
{
    struct mintmark_gp *g = *gp;

    *gp = NULL;
    if (g == NULL)
        return;
    mm_gp_close(&g->session);
    if (g->access != NULL)
        mm_access_end(g->access);
    mm_access_close(&g->access);
    free(g);
}

const char *mintmark_gp_error(const struct mintmark_gp *gp)
{
    return gp == NULL ? "out of memory" : gp->err.text;
}

/* ---- Arguments ---- */

enum mm_status mm_gplib_connected(struct mintmark_gp *gp)
{
    if (gp->access != NULL)
        return MM_OK;
    return mm_fail(&gp->err, MM_NO_READER, SIZE_MAX, "not connected to a card");
}

static enum mm_status no_session(struct mintmark_gp *gp)
{
    if (gp->session != NULL)
        return MM_OK;
    return mm_fail(&gp->err, MM_USAGE, SIZE_MAX, "no session is open");
}

enum mm_status mm_gplib_aid(struct mintmark_gp *gp, const uint8_t *bytes, size_t len,
                            struct mm_aid *aid)
{
    if (bytes != NULL && mm_aid_set(aid, bytes, len) == MM_OK)
        return MM_OK;
    return mm_fail(&gp->err, MM_USAGE, SIZE_MAX, "an AID of %zu bytes; it has 5 to 16", len);
}

/* ---- Session ---- */

enum mintmark_gp_status mintmark_gp_open(struct mintmark_gp *gp,
                                         const struct mintmark_gp_keys *keys,
                                         const struct mintmark_gp_session *how)
{
    static const struct mintmark_gp_session usual;
    const struct mintmark_gp_session *h = how != NULL ? how : &usual;
    struct mm_gp_open_how open = {.key_version = h->key_version, .scp = h->scp, .level = h->level};
    struct mm_aid domain;
    enum mm_status st = mm_gplib_connected(gp);

    mm_gp_close(&gp->session);
    if (st == MM_OK && h->domain != NULL) {
        st = mm_gplib_aid(gp, h->domain, h->domain_len, &domain);
        open.domain = &domain;
    }
    if (st == MM_OK)
        st = mm_gp_open_with(gp->access, &open, keys->source, &gp->session, &gp->err);
    return mm_gplib_status(st);
}

void mintmark_gp_close(struct mintmark_gp *gp)
{
    mm_gp_close(&gp->session);
}

enum mintmark_gp_status mintmark_gp_send(struct mintmark_gp *gp, const uint8_t *apdu,
                                         size_t apdu_len, uint8_t *resp, size_t *resp_len,
                                         uint16_t *sw)
{
    size_t room = *resp_len;
    struct mm_buf got;
    enum mm_status st = mm_gplib_connected(gp);

    *resp_len = 0;
    *sw = 0;
    mm_buf_init(&got);
    if (st == MM_OK && gp->session != NULL) {
        st = mm_gp_send(gp->session, apdu, apdu_len, &got, sw, &gp->err);
    } else if (st == MM_OK) {
        st = mm_access_send(gp->access, apdu, apdu_len, &got, &gp->err);
        if (st == MM_OK) {
            *sw = mm_be16(got.data + got.len - 2);
            got.len -= 2;
        }
    }
    if (st == MM_OK && got.len > room)
        st = mm_fail(&gp->err, MM_USAGE, SIZE_MAX, "room for %zu bytes; the card sent %zu", room,
                     got.len);
    if (st == MM_OK && got.len > 0)
        memcpy(resp, got.data, got.len);
    if (st == MM_OK)
        *resp_len = got.len;
    mm_buf_clear(&got);
    return mm_gplib_status(st);
}

/* Send a list of commands that was made with status st; releases it. */
static enum mintmark_gp_status send_list(struct mintmark_gp *gp, enum mm_status st,
                                         struct mm_buf *list,
                                         void (*progress)(void *ctx, size_t done, size_t all),
                                         void *ctx)
{
    if (st == MM_OK)
        st = mm_gp_send_list(gp->session, list, progress, ctx, &gp->err);
    mm_buf_clear(list);
    return mm_gplib_status(st);
}

/* ---- What is there ---- */

struct key_facts {
    mintmark_gp_fact fact;
    void *ctx;
};

static void tell_key(void *ctx, const struct mm_gp_key_info *key)
{
    const struct key_facts *k = ctx;
    char text[120], type[24];
    size_t at = (size_t)snprintf(text, sizeof(text), "version %02X, identifier %02X", key->version,
                                 key->id);

    for (size_t i = 0; i < key->part_n && at < sizeof(text); i++)
        at +=
            (size_t)snprintf(text + at, sizeof(text) - at, ", %s-%u",
                             mm_gp_key_type_text(key->parts[i].type, type), key->parts[i].len * 8u);
    k->fact(k->ctx, "key", "key", text);
}

static enum mm_status describe_keys(const uint8_t *data, size_t len, mm_gp_fact fact, void *ctx,
                                    struct mm_err *err)
{
    struct key_facts k = {fact, ctx};

    return mm_gp_parse_key_info(data, len, tell_key, &k, err);
}

enum mintmark_gp_status mintmark_gp_info(struct mintmark_gp *gp, mintmark_gp_fact fact, void *ctx)
{
    static const struct {
        uint16_t tag;
        enum mm_status (*describe)(const uint8_t *data, size_t len, mm_gp_fact fact, void *ctx,
                                   struct mm_err *err);
    } objects[] = {{0x0066, mm_gp_describe_recognition},
                   {0x0067, mm_gp_describe_capabilities},
                   {0x9f7f, mm_gp_describe_cplc},
                   {0xff21, mm_gp_describe_resources},
                   {0x00e0, describe_keys}};
    size_t atr_len = 0;
    const uint8_t *atr;
    struct mm_aid domain;
    struct mm_buf resp;
    uint16_t sw;
    enum mm_status st = mm_gplib_connected(gp);

    if (st != MM_OK)
        return mm_gplib_status(st);
    mm_gp_close(&gp->session);
    mm_buf_init(&resp);
    /* What a card tells wrongly is no reason to hide the rest: those statuses are dropped. */
    atr = mm_access_atr(gp->access, &atr_len);
    (void)!mm_gp_describe_atr(atr, atr_len, fact, ctx, NULL);
    st = mm_gp_select_domain(gp->access, NULL, &domain, &gp->err);
    for (size_t i = 0; st == MM_OK && i < sizeof(objects) / sizeof(objects[0]); i++) {
        st = mm_access_call(gp->access, 0x80, MM_INS_ISD_GET_DATA, (uint8_t)(objects[i].tag >> 8),
                            (uint8_t)objects[i].tag, NULL, 0, 256, &resp, &sw, &gp->err);
        if (st == MM_OK && sw == MM_SW_9000_NO_ERROR)
            (void)!objects[i].describe(resp.data, resp.len, fact, ctx, NULL);
    }
    mm_buf_clear(&resp);
    return mm_gplib_status(st);
}

struct listing {
    void (*each)(void *ctx, const struct mintmark_gp_entry *entry);
    void *ctx;
};

static size_t put_aid(uint8_t out[16], const struct mm_aid *aid)
{
    memcpy(out, aid->bytes, aid->len);
    return aid->len;
}

static void tell_entry(void *ctx, const struct mm_gp_item *e)
{
    const struct listing *l = ctx;
    struct mintmark_gp_entry out = {
        .life_cycle = e->life_cycle, .major = e->major, .minor = e->minor};

    if (e->kind == MM_GP_PACKAGE)
        out.kind = MINTMARK_GP_PACKAGE;
    else /* a supplementary domain is an application that has this privilege */
        out.kind = e->kind == MM_GP_DOMAIN || (e->privileges[0] & 0x80) != 0
                       ? MINTMARK_GP_DOMAIN
                       : MINTMARK_GP_APPLICATION;
    out.aid_len = put_aid(out.aid, &e->aid);
    out.package_len = put_aid(out.package, &e->package);
    out.domain_len = put_aid(out.domain, &e->domain);
    memcpy(out.privileges, e->privileges, sizeof(out.privileges));
    l->each(l->ctx, &out);
}

enum mintmark_gp_status
mintmark_gp_list(struct mintmark_gp *gp,
                 void (*each)(void *ctx, const struct mintmark_gp_entry *entry), void *ctx)
{
    struct listing l = {each, ctx};
    enum mm_status st = no_session(gp);

    if (st == MM_OK)
        st = mm_gp_registry(gp->session, tell_entry, &l, &gp->err);
    return mm_gplib_status(st);
}

/* ---- Content ---- */

enum mintmark_gp_status mintmark_gp_load(struct mintmark_gp *gp, const char *cap_path,
                                         const uint8_t *domain, size_t domain_len,
                                         void (*progress)(void *ctx, size_t done, size_t all),
                                         void *ctx)
{
    struct mm_gp_load_how how = {0};
    struct mm_cap *cap = NULL;
    struct mm_aid aid;
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK && domain != NULL) {
        st = mm_gplib_aid(gp, domain, domain_len, &aid);
        how.domain = &aid;
    }
    if (st == MM_OK)
        st = mm_cap_read_file(cap_path, &cap, &gp->err);
    if (st == MM_OK)
        st = mm_gp_load_commands_with(cap, &how, &list, &gp->err);
    mm_cap_free(&cap);
    return send_list(gp, st, &list, progress, ctx);
}

enum mintmark_gp_status mintmark_gp_install(struct mintmark_gp *gp,
                                            const struct mintmark_gp_install *what)
{
    struct mm_aid package, module, instance;
    bool wide = (what->privileges[1] | what->privileges[2]) != 0; /* cards before 2.2: one byte */
    struct mm_gp_install_how how = {.package = &package,
                                    .module = &module,
                                    .instance = &instance,
                                    .privileges = what->privileges,
                                    .privileges_len = wide ? 3 : 1,
                                    .params = what->params,
                                    .params_len = what->params_len};
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK)
        st = mm_gplib_aid(gp, what->package, what->package_len, &package);
    if (st == MM_OK)
        st = mm_gplib_aid(gp, what->module, what->module_len, &module);
    instance = module;
    if (st == MM_OK && what->instance != NULL)
        st = mm_gplib_aid(gp, what->instance, what->instance_len, &instance);
    if (st == MM_OK)
        st = mm_gp_install_command_with(&how, &list, &gp->err);
    return send_list(gp, st, &list, NULL, NULL);
}

enum mintmark_gp_status mintmark_gp_delete(struct mintmark_gp *gp, const uint8_t *aid,
                                           size_t aid_len, bool deps)
{
    struct mm_aid value;
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK)
        st = mm_gplib_aid(gp, aid, aid_len, &value);
    if (st == MM_OK)
        st = mm_gp_delete_command_with(&value, deps, NULL, &list, &gp->err);
    return send_list(gp, st, &list, NULL, NULL);
}

enum mintmark_gp_status mintmark_gp_lock(struct mintmark_gp *gp, const uint8_t *aid, size_t aid_len,
                                         bool lock)
{
    struct mm_aid value;
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK)
        st = mm_gplib_aid(gp, aid, aid_len, &value);
    if (st == MM_OK && mm_gp_set_status_command(&value, lock ? 0x80 : 0x00, &list) != MM_OK)
        st = mm_fail(&gp->err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    return send_list(gp, st, &list, NULL, NULL);
}

enum mintmark_gp_status mintmark_gp_store_data(struct mintmark_gp *gp, const uint8_t *aid,
                                               size_t aid_len, uint8_t p1, const uint8_t *data,
                                               size_t data_len)
{
    struct mm_aid value;
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK && aid != NULL)
        st = mm_gplib_aid(gp, aid, aid_len, &value);
    if (st == MM_OK) {
        st = mm_gp_store_data_commands(aid != NULL ? &value : NULL, p1, data, data_len, &list);
        if (st != MM_OK)
            (void)mm_fail(&gp->err, st, SIZE_MAX, "STORE DATA: %s", mm_status_text(st));
    }
    return send_list(gp, st, &list, NULL, NULL);
}

enum mintmark_gp_status mintmark_gp_put_keys(struct mintmark_gp *gp, uint8_t replaced,
                                             uint8_t version, const uint8_t *enc,
                                             const uint8_t *mac, const uint8_t *dek, size_t key_len)
{
    struct mm_gp_keyset set = {0};
    struct mm_buf list;
    enum mm_status st = no_session(gp);

    mm_buf_init(&list);
    if (st == MM_OK && mm_gplib_set(enc, mac, dek, key_len, &set) != MM_OK)
        st = mm_fail(&gp->err, MM_USAGE, SIZE_MAX, "keys of %zu bytes; expected 16, 24 or 32",
                     key_len);
    if (st == MM_OK && mm_gp_session_scp(gp->session) == 0x02)
        set.type = MM_GP_KEY_DES;
    if (st == MM_OK)
        st = mm_gp_put_keys_command(mm_gp_encrypt, gp->session, replaced, version, &set, &list,
                                    &gp->err);
    OPENSSL_cleanse(&set, sizeof(set));
    return send_list(gp, st, &list, NULL, NULL);
}
