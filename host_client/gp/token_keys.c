/* Keys in a PKCS#11 token: found by a URI, used there, never read. */
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "host_client/gp/keysource.h"

#define SLOTS_MAX 64

struct token {
    CK_FUNCTION_LIST *own;     /* a module loaded by path; NULL: one of all */
    CK_FUNCTION_LIST **all;    /* the modules p11-kit knows */
    CK_FUNCTION_LIST *module;  /* where the token is */
    CK_SESSION_HANDLE session; /* 0: none */
    CK_OBJECT_HANDLE keys[4];  /* by enum mm_gp_key_id */
    CK_KEY_TYPE key_type;
    size_t key_len;
    enum mm_gp_diversify how;
    struct mm_gp_keys *derived; /* the card's keys, after choose, where the token's are masters */
};

static enum mm_status token_fail(struct mm_err *err, const char *what, CK_RV rv)
{
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_INVALID ||
        rv == CKR_PIN_LEN_RANGE)
        return mm_fail(err, MM_AUTH, SIZE_MAX, "token: %s", p11_kit_strerror(rv));
    return mm_fail(err, MM_FAILED, SIZE_MAX, "token, %s: %s (%08lX)", what, p11_kit_strerror(rv),
                   rv);
}

/* ---- Use ---- */

static CK_RV missing(CK_RV rv)
{
    return rv == CKR_MECHANISM_INVALID || rv == CKR_FUNCTION_NOT_SUPPORTED ||
           rv == CKR_KEY_TYPE_INCONSISTENT || rv == CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static enum mm_status no_mechanism(struct mm_err *err, const char *mechanism, CK_RV rv)
{
    return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                   "the token does not do %s with this key (%s); the session needs it", mechanism,
                   p11_kit_strerror(rv));
}

static enum mm_status token_cmac(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                 size_t data_len, uint8_t out[16], struct mm_err *err)
{
    struct token *t = ctx;
    CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
    CK_ULONG len = 16;
    CK_RV rv;

    if (t->derived != NULL)
        return t->derived->ops->cmac(t->derived->ctx, id, data, data_len, out, err);
    rv = t->module->C_SignInit(t->session, &mechanism, t->keys[id]);
    if (missing(rv))
        return no_mechanism(err, "CKM_AES_CMAC", rv);
    if (rv == CKR_OK)
        rv = t->module->C_Sign(t->session, (CK_BYTE *)data, data_len, out, &len);
    if (rv == CKR_OK && len != 16)
        rv = CKR_DEVICE_ERROR;
    return rv == CKR_OK ? MM_OK : token_fail(err, "CMAC", rv);
}

static enum mm_status token_cbc(void *ctx, enum mm_gp_key_id id, const uint8_t *data,
                                size_t data_len, uint8_t *out, struct mm_err *err)
{
    struct token *t = ctx;
    bool aes = t->key_type == CKK_AES;
    CK_BYTE iv[MM_GP_CIPHER_BLOCK_MAX] = {0};
    CK_MECHANISM mechanism = {aes ? CKM_AES_CBC : CKM_DES3_CBC, iv, aes ? 16 : 8};
    CK_ULONG len = data_len;
    CK_RV rv;

    if (t->derived != NULL)
        return t->derived->ops->cbc(t->derived->ctx, id, data, data_len, out, err);
    rv = t->module->C_EncryptInit(t->session, &mechanism, t->keys[id]);
    if (missing(rv))
        return no_mechanism(err, aes ? "CKM_AES_CBC" : "CKM_DES3_CBC", rv);
    if (rv == CKR_OK)
        rv = t->module->C_Encrypt(t->session, (CK_BYTE *)data, data_len, out, &len);
    if (rv == CKR_OK && len != data_len)
        rv = CKR_DEVICE_ERROR;
    return rv == CKR_OK ? MM_OK : token_fail(err, "encryption", rv);
}

static size_t token_key_len(const void *ctx)
{
    const struct token *t = ctx;

    return t->derived != NULL ? t->derived->ops->key_len(t->derived->ctx) : t->key_len;
}

static enum mm_status derive_for(struct token *t, const struct mm_gp_key_card *card,
                                 struct mm_err *err)
{
    static const struct mm_gp_key_ops master_ops = {
        .key_len = token_key_len, .cmac = token_cmac, .cbc = token_cbc};
    const struct mm_gp_keys masters = {.ops = &master_ops, .ctx = t};
    struct mm_gp_keyset set = {0};
    enum mm_status st;

    mm_gp_keys_free(&t->derived); /* so that the functions above use the token */
    st = mm_gp_diversify_from(t->how, &masters, card->diversification, &set, err);
    if (st == MM_OK)
        st = mm_gp_keys_in_memory(&set, MM_GP_DIVERSIFY_NONE, &t->derived, err);
    if (st == MM_OK)
        st = t->derived->ops->choose(t->derived->ctx, card, err);
    OPENSSL_cleanse(&set, sizeof(set));
    return st;
}

static enum mm_status token_choose(void *ctx, const struct mm_gp_key_card *card, struct mm_err *err)
{
    struct token *t = ctx;
    bool aes = t->key_type == CKK_AES;
    bool needs_aes =
        mm_gp_diversify_is_aes(t->how) || (t->how == MM_GP_DIVERSIFY_NONE && card->scp != 0x02);

    if (aes != needs_aes)
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                       "the token's keys are %s keys; for SCP%02X%s they must be %s",
                       aes ? "AES" : "DES", card->scp,
                       t->how != MM_GP_DIVERSIFY_NONE ? " with this derivation" : "",
                       aes ? "DES" : "AES");
    return t->how == MM_GP_DIVERSIFY_NONE ? MM_OK : derive_for(t, card, err);
}

static void token_free(void *ctx)
{
    struct token *t = ctx;

    mm_gp_keys_free(&t->derived);
    if (t->session != 0)
        (void)t->module->C_CloseSession(t->session); /* the last one logs out */
    if (t->own != NULL) {
        (void)p11_kit_module_finalize(t->own);
        p11_kit_module_release(t->own);
    }
    if (t->all != NULL)
        p11_kit_modules_finalize_and_release(t->all);
    free(t);
}

static const struct mm_gp_key_ops token_ops = {.choose = token_choose,
                                               .key_len = token_key_len,
                                               .cmac = token_cmac,
                                               .cbc = token_cbc,
                                               .free = token_free};

/* ---- Find ---- */

static enum mm_status load_modules(struct token *t, P11KitUri *uri, struct mm_err *err)
{
    const char *path = p11_kit_uri_get_module_path(uri);
    CK_RV rv;

    if (path == NULL) {
        t->all = p11_kit_modules_load_and_initialize(0);
        return t->all != NULL
                   ? MM_OK
                   : mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "PKCS#11: %s", p11_kit_message());
    }
    t->own = p11_kit_module_load(path, 0);
    if (t->own == NULL)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "PKCS#11 module %s cannot be loaded", path);
    rv = p11_kit_module_initialize(t->own);
    if (rv == CKR_OK)
        return MM_OK;
    p11_kit_module_release(t->own);
    t->own = NULL;
    return token_fail(err, "initialisation of the module", rv);
}

/* The slot of a module whose token the URI names. */
static bool find_slot(CK_FUNCTION_LIST *module, P11KitUri *uri, CK_SLOT_ID *slot,
                      CK_TOKEN_INFO *info)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG n = SLOTS_MAX;

    if (module->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        return false;
    for (CK_ULONG i = 0; i < n; i++) {
        if (module->C_GetTokenInfo(slots[i], info) == CKR_OK &&
            p11_kit_uri_match_token_info(uri, info)) {
            *slot = slots[i];
            return true;
        }
    }
    return false;
}

static enum mm_status open_token(struct token *t, P11KitUri *uri, const char *pin,
                                 struct mm_err *err)
{
    CK_FUNCTION_LIST *one[] = {t->own, NULL};
    CK_FUNCTION_LIST **modules = t->own != NULL ? one : t->all;
    CK_TOKEN_INFO info;
    CK_SLOT_ID slot = 0;
    CK_RV rv;

    for (size_t i = 0; modules[i] != NULL && t->module == NULL; i++) {
        if (find_slot(modules[i], uri, &slot, &info))
            t->module = modules[i];
    }
    if (t->module == NULL)
        return mm_fail(err, MM_NOT_FOUND, SIZE_MAX, "no PKCS#11 token that the URI names");
    rv = t->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv != CKR_OK) {
        t->session = 0;
        return token_fail(err, "session", rv);
    }
    if ((info.flags & CKF_LOGIN_REQUIRED) == 0)
        return MM_OK;
    if (pin == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "the token asks for its PIN");
    rv = t->module->C_Login(t->session, CKU_USER, (CK_BYTE *)pin, strlen(pin));
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN ? MM_OK : token_fail(err, "login", rv);
}

/* The secret key of a label; 0: none. */
static CK_OBJECT_HANDLE find_key(struct token *t, const char *name, size_t name_len,
                                 const char *end)
{
    char label[128];
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE want[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_LABEL, label, 0}};
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG n = 0;

    want[1].ulValueLen =
        (CK_ULONG)snprintf(label, sizeof(label), "%.*s%s", (int)name_len, name, end);
    if (want[1].ulValueLen >= sizeof(label) ||
        t->module->C_FindObjectsInit(t->session, want, 2) != CKR_OK)
        return 0;
    if (t->module->C_FindObjects(t->session, &found, 1, &n) != CKR_OK || n != 1)
        found = 0;
    (void)t->module->C_FindObjectsFinal(t->session);
    return found;
}

static enum mm_status read_type(struct token *t, CK_OBJECT_HANDLE key, CK_KEY_TYPE *type,
                                size_t *len, struct mm_err *err)
{
    CK_ULONG value_len = 0;
    CK_ATTRIBUTE kind = {CKA_KEY_TYPE, type, sizeof(*type)};
    CK_ATTRIBUTE size = {CKA_VALUE_LEN, &value_len, sizeof(value_len)};
    CK_RV rv = t->module->C_GetAttributeValue(t->session, key, &kind, 1);

    if (rv != CKR_OK)
        return token_fail(err, "key type", rv);
    if (*type == CKK_DES2 || *type == CKK_DES3) {
        *len = *type == CKK_DES2 ? 16 : 24;
        return MM_OK;
    }
    rv = t->module->C_GetAttributeValue(t->session, key, &size, 1);
    if (rv != CKR_OK)
        return token_fail(err, "key length", rv);
    *len = value_len;
    if (*type != CKK_AES || (*len != 16 && *len != 24 && *len != 32))
        return mm_fail(err, MM_UNSUPPORTED, SIZE_MAX, "the token's key is no AES or DES key");
    return MM_OK;
}

static enum mm_status find_keys(struct token *t, P11KitUri *uri, struct mm_err *err)
{
    static const char *const ends[] = {"", "-enc", "-mac", "-dek"};
    CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    enum mm_status st = MM_OK;

    if (label == NULL || label->pValue == NULL)
        return mm_fail(err, MM_USAGE, SIZE_MAX, "the PKCS#11 URI names no object");
    for (enum mm_gp_key_id id = MM_GP_KEY_ENC; st == MM_OK && id <= MM_GP_KEY_DEK; id++) {
        CK_KEY_TYPE type = 0;
        size_t len = 0;

        t->keys[id] = find_key(t, label->pValue, label->ulValueLen, ends[id]);
        if (t->keys[id] == 0)
            t->keys[id] = find_key(t, label->pValue, label->ulValueLen, "");
        if (t->keys[id] == 0)
            return mm_fail(err, MM_NOT_FOUND, SIZE_MAX,
                           "the token has no secret key \"%.*s%s\" nor \"%.*s\"",
                           (int)label->ulValueLen, (const char *)label->pValue, ends[id],
                           (int)label->ulValueLen, (const char *)label->pValue);
        st = read_type(t, t->keys[id], &type, &len, err);
        if (st == MM_OK && id != MM_GP_KEY_ENC && (type != t->key_type || len != t->key_len))
            st = mm_fail(err, MM_UNSUPPORTED, SIZE_MAX,
                         "the token's three keys differ in type or length");
        t->key_type = type;
        t->key_len = len;
    }
    return st;
}

/* A token by its URI; the PIN of the URI where the caller gives none. */
static enum mm_status open_by_uri(struct token *t, const char *text, const char *pin,
                                  struct mm_err *err)
{
    P11KitUri *uri = p11_kit_uri_new();
    int rc;
    enum mm_status st;

    if (uri == NULL)
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, uri);
    if (rc != P11_KIT_URI_OK)
        st = mm_fail(err, MM_USAGE, SIZE_MAX, "PKCS#11 URI: %s", p11_kit_uri_message(rc));
    else
        st = load_modules(t, uri, err);
    if (st == MM_OK)
        st = open_token(t, uri, pin != NULL ? pin : p11_kit_uri_get_pin_value(uri), err);
    if (st == MM_OK)
        st = find_keys(t, uri, err);
    p11_kit_uri_free(uri);
    return st;
}

enum mm_status mm_gp_keys_in_token(const char *uri, const char *pin, enum mm_gp_diversify how,
                                   struct mm_gp_keys **out, struct mm_err *err)
{
    struct mm_gp_keys *k = calloc(1, sizeof(*k));
    struct token *t = calloc(1, sizeof(*t));
    enum mm_status st;

    *out = NULL;
    if (k == NULL || t == NULL) {
        free(k);
        free(t);
        return mm_fail(err, MM_NO_MEMORY, SIZE_MAX, "out of memory");
    }
    t->how = how;
    *k = (struct mm_gp_keys){.ops = &token_ops, .ctx = t};
    st = open_by_uri(t, uri, pin, err);
    if (st == MM_OK)
        *out = k;
    else
        mm_gp_keys_free(&k);
    return st;
}
