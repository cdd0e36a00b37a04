/*
 * Remote management: the platform's end of SCP03, through a client that only carries APDUs. Between
 * two calls there is only the host challenge in the store; the session keys are derived, used for
 * every command at once and dropped within /manage/next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/crypto.h>

#include "apdu_spec/apdu_spec.h"
#include "platform/platform_int.h"

#define KEY_VERSION 0x30 /* what enrolment leaves in the chip (docs/protocol.md, keys) */
/* 255 bytes of Lc, less 8 of C-MAC, less at least 1 of padding, in whole AES blocks: 239; LOAD
 * blocks are a little smaller, so that any card takes them. */
#define LOAD_BLOCK_LEN  223
#define CURRENCY_EUR    0x0978 /* ISO 4217 numeric, as BCD */
#define IU_RESPONSE_MAX 34     /* Amendment D, 7.1.1.6, with sequence counter and status word */

struct package {
    const char *name;
    enum mm_aid_id package, applet;
};
static const struct package packages[] = {
    {"purse", MM_AID_PURSE_PACKAGE, MM_AID_PURSE},
    {"transit", MM_AID_TRANSIT_PACKAGE, MM_AID_TRANSIT},
};

static const struct package *find_package(const char *name)
{
    for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
        if (strcmp(packages[i].name, name) == 0)
            return &packages[i];
    }
    return NULL;
}

/* ---- POST /manage ---- */

/* What the chip's last good token says is in it. */
static enum mm_status check_presence(struct mm_call *call, const struct mm_manage *s,
                                     const struct package *pkg)
{
    struct mm_aid applet = mm_aid_of(pkg->applet), package = mm_aid_of(pkg->package);
    enum mm_status has_applet = mm_store_component_has(call->p->store, s->chip, &applet, 2);
    enum mm_status has_package = mm_store_component_has(call->p->store, s->chip, &package, 1);

    if (strcmp(s->op, "install") == 0 && has_applet == MM_OK)
        return mm_refuse(call, 409, "installed", "%s is in the chip already", pkg->name);
    if (strcmp(s->op, "personalise") == 0 && has_applet == MM_NOT_FOUND)
        return mm_refuse(call, 409, "not_installed", "%s is not in the chip", pkg->name);
    if (strcmp(s->op, "delete") == 0 && has_package == MM_NOT_FOUND)
        return mm_refuse(call, 409, "not_installed", "%s is not in the chip", pkg->name);
    return MM_OK;
}

static enum mm_status optional_limit(struct mm_call *call, const char *name, uint32_t preset,
                                     uint8_t out[4])
{
    int64_t v = preset;
    enum mm_status st = MM_OK;

    if (json_object_get(call->body, name) != NULL)
        st = mm_field_int(call, name, 0, INT32_MAX, &v);
    mm_put_be32(out, (uint32_t)v);
    return st;
}

/* Layout kept: max balance(4) max debit(4) PIN-free limit(4) pin length(1) pin. */
static enum mm_status read_purse_params(struct mm_call *call, struct mm_manage *s)
{
    const char *pin;
    size_t len;
    enum mm_status st = mm_field_text(call, "pin", 8, &pin);

    if (st != MM_OK)
        return st;
    len = strlen(pin);
    if (len < 4 || strspn(pin, "0123456789") != len)
        return mm_refuse(call, 400, "bad_request", "field pin: expected 4 to 8 digits");
    st = optional_limit(call, "max_balance", 50000, s->params);
    if (st == MM_OK)
        st = optional_limit(call, "max_debit", 20000, s->params + 4);
    if (st == MM_OK)
        st = optional_limit(call, "pin_free_limit", 2500, s->params + 8);
    s->params[12] = (uint8_t)len;
    memcpy(s->params + 13, pin, len);
    s->params_len = 13 + len;
    return st;
}

static enum mm_status read_op(struct mm_call *call, const struct mm_order *order,
                              struct mm_manage *s, const struct package **pkg)
{
    const char *op, *name;
    uint8_t chip[MM_CHIP_ID_LEN];
    size_t len;
    enum mm_status st = mm_field_text(call, "op", sizeof(s->op) - 1, &op);

    if (st == MM_OK)
        st = mm_field_text(call, "package", sizeof(s->package) - 1, &name);
    if (st == MM_OK)
        st = mm_field_hex(call, "chip", chip, sizeof(chip), sizeof(chip), &len);
    if (st != MM_OK)
        return st;
    if (strcmp(op, "install") != 0 && strcmp(op, "personalise") != 0 && strcmp(op, "delete") != 0)
        return mm_refuse(call, 400, "bad_request",
                         "field op: expected install, personalise or delete");
    *pkg = find_package(name);
    if (*pkg == NULL)
        return mm_refuse(call, 404, "package_unknown", "no package is called %s", name);
    if (memcmp(chip, order->result.chip, sizeof(chip)) != 0)
        return mm_refuse(call, 403, "result_invalid", "the result is about another chip");
    snprintf(s->op, sizeof(s->op), "%s", op);
    snprintf(s->package, sizeof(s->package), "%s", name);
    memcpy(s->chip, chip, sizeof(chip));
    memcpy(s->terminal, call->terminal.serial, sizeof(s->terminal));
    return check_presence(call, s, *pkg);
}

static json_t *hex_string(const uint8_t *data, size_t len)
{
    char *text = malloc(2 * len + 1);
    json_t *v = text != NULL ? json_string(mm_hex(data, len, text)) : NULL;

    free(text);
    return v;
}

static enum mm_status begin_session(struct mm_call *call, const struct mm_manage *s,
                                    struct mm_gp_channel *scp, struct mm_buf *command)
{
    struct mm_scp_keys keys;
    struct mm_chip chip;
    enum mm_status st = mm_store_chip_get(call->p->store, s->chip, &chip);

    if (st == MM_OK)
        st = mm_scp_diversify(call->p->issuer_master, chip.diversification,
                              sizeof(chip.diversification), &keys);
    if (st == MM_OK)
        st = mm_gp_channel_begin(scp, &keys, KEY_VERSION, s->host_challenge,
                                 sizeof(s->host_challenge), command);
    OPENSSL_cleanse(&keys, sizeof(keys));
    return st;
}

static enum mm_status answer_begun(struct mm_call *call, const struct mm_manage *s,
                                   const struct package *pkg)
{
    bool personalise = strcmp(s->op, "personalise") == 0;
    struct mm_aid aid = mm_aid_of(personalise ? pkg->applet : MM_AID_ISD);
    char *session = mm_b64url(s->id, sizeof(s->id));
    struct mm_gp_channel scp;
    struct mm_buf select, iu;
    json_t *body = NULL;
    enum mm_status st;

    mm_buf_init(&select);
    mm_buf_init(&iu);
    mm_buf_u32(&select, 0x00a40400);
    mm_buf_u8(&select, aid.len);
    mm_buf_bytes(&select, aid.bytes, aid.len);
    mm_buf_u8(&select, 0);
    st = begin_session(call, s, &scp, &iu);
    OPENSSL_cleanse(&scp, sizeof(scp));
    if (st == MM_OK) {
        body = json_pack("{s:s, s:[o, o]}", "session", session, "apdus",
                         hex_string(select.data, select.len), hex_string(iu.data, iu.len));
        if (personalise)
            (void)json_object_set_new(body, "purse_id",
                                      hex_string(s->instance, sizeof(s->instance)));
        st = mm_answer(call, body);
    }
    mm_buf_clear(&iu);
    mm_buf_clear(&select);
    free(session);
    return st;
}

static enum mm_status manage(struct mm_call *call, const struct mm_order *order)
{
    struct mm_manage s = {.expires = call->now + MM_MANAGE_LIFE};
    const struct package *pkg = NULL;
    enum mm_status st = read_op(call, order, &s, &pkg);
    bool personalise = strcmp(s.op, "personalise") == 0;

    if (st == MM_OK && personalise && pkg->applet == MM_AID_PURSE)
        st = read_purse_params(call, &s);
    if (st == MM_OK && (mm_random(s.id, sizeof(s.id)) != MM_OK ||
                        mm_random(s.host_challenge, sizeof(s.host_challenge)) != MM_OK ||
                        (personalise && mm_random(s.instance, sizeof(s.instance)) != MM_OK)))
        st = MM_CRYPTO;
    if (st == MM_OK)
        st = mm_store_manage_add(call->p->store, &s);
    if (st == MM_OK)
        st = answer_begun(call, &s, pkg);
    OPENSSL_cleanse(&s, sizeof(s));
    return st;
}

enum mm_status mm_call_manage(struct mm_call *call)
{
    return mm_order_run(call, "manage", "manage", manage);
}

/* ---- POST /manage/next ---- */

static enum mm_status list_install(struct mm_call *call, const struct mm_manage *s,
                                   const struct package *pkg, struct mm_buf *list)
{
    static const uint8_t no_privileges[1];
    struct mm_aid package = mm_aid_of(pkg->package), applet = mm_aid_of(pkg->applet);
    struct mm_cap *cap = NULL;
    struct mm_buf file;
    enum mm_status st;

    mm_buf_init(&file);
    st = mm_store_package_get(call->p->store, &package, &file);
    if (st == MM_NOT_FOUND)
        st = mm_refuse(call, 404, "package_unknown", "%s has not been released", pkg->name);
    if (st == MM_OK)
        st = mm_cap_read(file.data, file.len, &cap, NULL);
    /* A load that was cut off after its last block leaves the package without an applet. */
    if (st == MM_OK && mm_store_component_has(call->p->store, s->chip, &package, 1) == MM_NOT_FOUND)
        st = mm_gp_load_commands(cap, NULL, LOAD_BLOCK_LEN, list);
    if (st == MM_OK)
        st = mm_gp_install_command(&package, &applet, &applet, no_privileges, 1, NULL, 0, list);
    mm_cap_free(&cap);
    mm_buf_clear(&file);
    return st;
}

/* STORE DATA: the applet's personal data (docs/protocol.md, purse and transit). */
static enum mm_status list_personalise(struct mm_call *call, const struct mm_manage *s,
                                       const struct package *pkg, struct mm_buf *list)
{
    uint8_t key[16] = {0};
    struct mm_buf data;
    enum mm_status st;

    mm_buf_init(&data);
    mm_buf_bytes(&data, s->instance, sizeof(s->instance));
    if (pkg->applet == MM_AID_PURSE) {
        mm_buf_u16(&data, CURRENCY_EUR);
        mm_buf_bytes(&data, s->params, 12);
        st = mm_purse_key(call->p->load_master, MM_KDF_LOAD, s->instance, key);
        mm_buf_bytes(&data, key, sizeof(key));
        if (st == MM_OK)
            st = mm_purse_key(call->p->debit_master, MM_KDF_DEBIT, s->instance, key);
        mm_buf_bytes(&data, key, sizeof(key));
        mm_buf_bytes(&data, s->params + 12, s->params_len - 12);
        if (st == MM_OK)
            st = mm_store_purse_add(call->p->store, s->instance, s->chip, call->now);
    } else {
        st = mm_purse_key(call->p->load_master, MM_KDF_PASS, s->instance, key);
        mm_buf_bytes(&data, key, sizeof(key));
    }
    mm_buf_u16(list, (uint16_t)(5 + data.len));
    mm_buf_u32(list, 0x80e28000); /* P1: last block; wrapping sets CLA to 84 */
    mm_buf_u8(list, (uint8_t)data.len);
    mm_buf_bytes(list, data.data, data.len);
    OPENSSL_cleanse(key, sizeof(key));
    if (data.bad || list->bad)
        st = MM_NO_MEMORY;
    mm_buf_clear(&data);
    return st;
}

static enum mm_status list_commands(struct mm_call *call, const struct mm_manage *s,
                                    struct mm_buf *list)
{
    const struct package *pkg = find_package(s->package);
    struct mm_aid package;

    if (pkg == NULL)
        return MM_TAMPERED;
    if (strcmp(s->op, "install") == 0)
        return list_install(call, s, pkg, list);
    if (strcmp(s->op, "personalise") == 0)
        return list_personalise(call, s, pkg, list);
    package = mm_aid_of(pkg->package);
    return mm_gp_delete_command(&package, true, list);
}

/* Append to apdus; takes nothing. */
static enum mm_status put_apdu(json_t *apdus, const struct mm_buf *command)
{
    if (command->bad || json_array_append_new(apdus, hex_string(command->data, command->len)) != 0)
        return MM_NO_MEMORY;
    return MM_OK;
}

static enum mm_status wrap_all(struct mm_gp_channel *scp, const struct mm_buf *list, json_t *apdus)
{
    const uint8_t *apdu;
    size_t off = 0, len;
    struct mm_buf command;
    enum mm_status st = MM_OK;

    mm_buf_init(&command);
    while (st == MM_OK && (apdu = mm_gp_list_next(list, &off, &len)) != NULL) {
        command.len = 0;
        st = mm_gp_channel_wrap(scp, apdu, len, &command, NULL);
        if (st == MM_OK)
            st = put_apdu(apdus, &command);
    }
    mm_buf_clear(&command);
    return st;
}

static enum mm_status authenticate(struct mm_call *call, const struct mm_manage *s,
                                   struct mm_gp_channel *scp, json_t *apdus)
{
    uint8_t response[IU_RESPONSE_MAX];
    size_t len;
    struct mm_buf command;
    struct mm_err err;
    enum mm_status st = mm_field_hex(call, "response", response, 2, sizeof(response), &len);

    if (st != MM_OK)
        return st;
    if (len == 31 ||
        len == 34) /* 29 or 32 bytes (Amendment D, 7.1.1.6), the status word with them */
        len -= 2;
    mm_buf_init(&command);
    st = begin_session(call, s, scp, &command);
    command.len = 0;
    if (st == MM_OK && mm_gp_channel_authenticate(scp, response, len, MM_SCP_C_MAC | MM_SCP_C_DEC,
                                                  &command, &err) != MM_OK)
        st = mm_refuse(call, 403, "card_refused", "INITIALIZE UPDATE: %s", err.text);
    if (st == MM_OK)
        st = put_apdu(apdus, &command);
    mm_buf_clear(&command);
    return st;
}

static enum mm_status find_session(struct mm_call *call, struct mm_manage *s)
{
    uint8_t id[16];
    enum mm_status st = mm_field_b64(call, "session", id, sizeof(id));

    if (st != MM_OK)
        return st;
    st = mm_store_manage_get(call->p->store, id, s);
    if (st == MM_NOT_FOUND || (st == MM_OK && strcmp(s->terminal, call->terminal.serial) != 0))
        return mm_refuse(call, 409, "session_unknown", "no such management session");
    return st;
}

enum mm_status mm_call_manage_next(struct mm_call *call)
{
    struct mm_manage s;
    struct mm_gp_channel scp;
    struct mm_buf list;
    json_t *apdus = json_array(), *body = NULL;
    enum mm_status st = find_session(call, &s);

    memset(&scp, 0, sizeof(scp));
    mm_buf_init(&list);
    if (st == MM_OK && (!s.begun || s.expires < call->now))
        st = mm_refuse(call, 409, "session_unknown",
                       "the management session is over (one answer, within %d s)", MM_MANAGE_LIFE);
    if (st == MM_OK)
        st = authenticate(call, &s, &scp, apdus);
    if (st == MM_OK)
        st = list_commands(call, &s, &list);
    if (st == MM_OK)
        st = wrap_all(&scp, &list, apdus);
    if (st == MM_OK)
        st = mm_store_manage_sent(call->p->store, s.id);
    if (st == MM_OK) {
        body = json_pack("{s:O, s:b}", "apdus", apdus, "done", 1);
        if (strcmp(s.op, "personalise") == 0)
            (void)json_object_set_new(body, "purse_id", hex_string(s.instance, sizeof(s.instance)));
        st = mm_answer(call, body);
    }
    json_decref(apdus);
    mm_buf_clear(&list);
    OPENSSL_cleanse(&scp, sizeof(scp));
    OPENSSL_cleanse(&s, sizeof(s));
    return st;
}

/* ---- POST /manage/done ---- */

/* A purse that was personalised replaces the one before it. The client's word alone moves no money:
 * a restore needs the new purse's MAC, which only a purse with its keys can make. */
static enum mm_status personalised(struct mm_call *call, const struct mm_manage *s)
{
    struct mm_purse purse;
    enum mm_status st = mm_store_purse_get(call->p->store, s->instance, &purse);

    if (st == MM_NOT_FOUND)
        return MM_OK; /* a transit pass has no account */
    return st == MM_OK && purse.state == MM_PURSE_ISSUED
               ? mm_store_purse_activate(call->p->store, &purse)
               : st;
}

enum mm_status mm_call_manage_done(struct mm_call *call)
{
    struct mm_manage s;
    uint8_t sw[2];
    size_t len;
    int64_t count;
    bool good = false;
    enum mm_status st = mm_field_hex(call, "sw", sw, sizeof(sw), sizeof(sw), &len);

    if (st == MM_OK)
        st = mm_field_int(call, "count", 0, INT32_MAX, &count);
    if (st == MM_OK)
        st = find_session(call, &s);
    if (st != MM_OK)
        return st;
    good = mm_be16(sw) == MM_SW_9000_NO_ERROR && !s.begun;
    st = mm_store_manage_end(call->p->store, s.id, good, mm_be16(sw), count);
    if (st == MM_STATE)
        return mm_refuse(call, 409, "session_unknown", "the management session was ended before");
    if (st == MM_OK && good && strcmp(s.op, "personalise") == 0)
        st = personalised(call, &s);
    OPENSSL_cleanse(&s, sizeof(s));
    return st == MM_OK ? mm_answer(call, json_object()) : st;
}
