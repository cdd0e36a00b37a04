/* SecureChannelProvider, and what is told to a protocol object: SecureChannelKeys. */
#include "applet_vm/api/gp_scp_int.h"
#include "applet_vm/api/key_int.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TYPE_SCP02 = 4, TYPE_SCP03 = 5 };             /* SecureChannelProvider */
enum { BUFFER_TRANSIENT = 0x01, BUFFER_ANY = 0x10 }; /* both are taken as ANY */
enum { KEY_TYPE_DES = 3, KEY_TYPE_AES = 15 };        /* KeyBuilder */
/* SecureChannelKeys. The response's keys are the command's in both protocols. */
enum {
    USAGE_DEK = 0x03,
    USAGE_RESPONSE = 0x80,
    USAGE_OPACITY = 0x20,
    USAGE_OPACITY_PRIVATE = 0x21
};
enum { PARAM_DIVERSIFICATION = 11, PARAM_SEQUENCE = 12, PARAM_VERSION = 13 };
#define OPTIONS_TAG 0x80 /* of the creation parameters: '80 01 i' */

/* ---- The object's cells ---- */
bool mm_own_is(struct mm_vm *vm, mm_ref ref)
{
    return mm_vm_instance_of(vm, ref, MM_OWN_CLASS);
}

static uint16_t get(struct mm_vm *vm, mm_ref ref, uint8_t cell)
{
    return mm_vm_hidden(vm, ref, MM_OWN_CLASS, cell);
}

static enum mm_run set(struct mm_vm *vm, mm_ref ref, uint8_t cell, uint16_t value, bool now)
{
    return get(vm, ref, cell) == value ? MM_RUN_OK
                                       : mm_vm_hidden_set(vm, ref, MM_OWN_CLASS, cell, value, now);
}

uint8_t mm_own_protocol(struct mm_vm *vm, mm_ref ref)
{
    return (uint8_t)(get(vm, ref, MM_OWN_PROTOCOL) >> 8);
}

uint8_t mm_own_i(struct mm_vm *vm, mm_ref ref)
{
    return (uint8_t)get(vm, ref, MM_OWN_PROTOCOL);
}

uint32_t mm_own_sequence(struct mm_vm *vm, mm_ref ref)
{
    return (uint32_t)get(vm, ref, MM_OWN_SEQUENCE) << 16 | get(vm, ref, MM_OWN_SEQUENCE + 1);
}

/* The high cell goes first: cut in between, the counter has leapt and not come back. */
static enum mm_run set_sequence(struct mm_vm *vm, mm_ref ref, uint32_t value, bool now)
{
    enum mm_run run = set(vm, ref, MM_OWN_SEQUENCE, (uint16_t)(value >> 16), now);

    return run == MM_RUN_OK ? set(vm, ref, MM_OWN_SEQUENCE + 1, (uint16_t)value, now) : run;
}

enum mm_run mm_own_count(struct mm_vm *vm, mm_ref ref)
{
    return set_sequence(vm, ref, mm_own_sequence(vm, ref) + 1, true);
}

static const uint8_t *material(struct mm_vm *vm, mm_ref ref)
{
    size_t n;
    const uint8_t *m = mm_api_hidden_bytes(vm, get(vm, ref, MM_OWN_MATERIAL), &n);

    return n == MM_OWN_MATERIAL_LEN ? m : NULL;
}

static enum mm_run put_material(struct mm_vm *vm, mm_ref ref, size_t off, const uint8_t *data,
                                size_t n)
{
    return mm_vm_array_write(vm, get(vm, ref, MM_OWN_MATERIAL), (uint16_t)off, data, (uint16_t)n,
                             true);
}

const uint8_t *mm_own_parameters(struct mm_vm *vm, mm_ref ref)
{
    const uint8_t *m = material(vm, ref);

    return m != NULL ? m + MM_OWN_DIV_OFF : NULL;
}

void mm_own_parameters_clear(struct mm_vm *vm, mm_ref ref)
{
    static const uint8_t none[MM_SCP_DIV_LEN + 1];
    const uint8_t *p = mm_own_parameters(vm, ref);

    /* resetSecurity throws nothing; what cannot be written stays */
    if (p != NULL && memcmp(p, none, sizeof(none)) != 0)
        (void)put_material(vm, ref, MM_OWN_DIV_OFF, none, sizeof(none));
}

/* ---- createNewInstance ---- */

/* createNewInstance(type, parameters, off, len, bufferType) */
enum mm_run mm_n_scp_create(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int type = MM_ARG_SHORT(0), buffers = MM_ARG_SHORT(4), len = MM_ARG_SHORT(3);
    uint8_t protocol = type == TYPE_SCP02 ? 2 : 3, i;
    const uint8_t *p;
    enum mm_run run;
    mm_ref array;

    if (type != TYPE_SCP02 && type != TYPE_SCP03)
        return mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED);
    if (buffers != BUFFER_TRANSIENT && buffers != BUFFER_ANY)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], MM_ARG_SHORT(2), len, &p);
    if (run != MM_RUN_OK)
        return run;
    if (len != 3 || p[0] != OPTIONS_TAG || p[1] != 1)
        return mm_api_throw_iso(vm, MM_SW_WRONG_DATA);
    i = p[2];
    /* Implicit initiation is for domains: it needs keys that are there before any command. */
    if (!mm_scp_known(protocol, i) || (protocol == 2 && !(i & MM_SCP02_EXPLICIT)))
        return mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED);
    ret[0] = mm_vm_new_instance(vm, MM_OWN_CLASS);
    if (ret[0] == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    array = mm_vm_new_array(vm, MM_TYPE_BYTE_ARRAY, MM_OWN_MATERIAL_LEN, MM_PERSISTENT);
    if (array == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    run = set(vm, ret[0], MM_OWN_MATERIAL, array, false);
    if (run != MM_RUN_OK)
        return run;
    return set(vm, ret[0], MM_OWN_PROTOCOL, (uint16_t)(protocol << 8 | i), false);
}

/* ---- Master keys ---- */
static enum mm_key_kind kind_of(struct mm_vm *vm, mm_ref ref)
{
    return mm_own_protocol(vm, ref) == 2 ? MM_KIND_DES : MM_KIND_AES;
}

/* Triple DES with two keys, AES-128 to 256. */
static bool length_good(enum mm_key_kind kind, size_t len)
{
    return len == 16 || (kind == MM_KIND_AES && (len == 24 || len == 32));
}

/* The key's bytes, wherever they are; len 0: it is not there. */
static const uint8_t *key_bytes(struct mm_vm *vm, mm_ref ref, unsigned which, size_t *len)
{
    mm_ref key = get(vm, ref, (uint8_t)(MM_OWN_KEYS + which));
    const uint8_t *m = material(vm, ref);

    *len = 0;
    if (key != MM_REF_NULL)
        return mm_api_secret(vm, key, kind_of(vm, ref), len);
    if (m == NULL)
        return NULL;
    *len = m[which * MM_OWN_KEY_LEN];
    return m + which * MM_OWN_KEY_LEN + 1;
}

bool mm_own_keys(struct mm_vm *vm, mm_ref ref, struct mm_scp_keys *keys, bool *dek)
{
    uint8_t *const to[] = {keys->enc, keys->mac, keys->dek};
    bool one = mm_own_protocol(vm, ref) == 2 && !(mm_own_i(vm, ref) & MM_SCP02_THREE_KEYS);
    bool there[3];

    memset(keys, 0, sizeof(*keys));
    for (unsigned which = 0; which < 3; which++) {
        size_t len;
        const uint8_t *bytes = key_bytes(vm, ref, which, &len);
        there[which] = len != 0;
        if (len == 0)
            continue;
        if (!length_good(kind_of(vm, ref), len) || (keys->len != 0 && keys->len != len))
            return false;
        memcpy(to[which], bytes, len);
        keys->len = (uint8_t)len;
    }
    *dek = there[2] || one; /* one base key stands for all (GPCS E.4.1) */
    return there[0] && (there[1] || one);
}

/* Forget them; those in Key objects only when wiped. */
static enum mm_run forget_keys(struct mm_vm *vm, mm_ref ref, bool wiped)
{
    static const uint8_t none[3 * MM_OWN_KEY_LEN];
    const uint8_t *m = material(vm, ref);
    enum mm_run run = MM_RUN_OK;

    for (uint8_t which = 0; which < 3 && run == MM_RUN_OK; which++) {
        mm_ref key = get(vm, ref, (uint8_t)(MM_OWN_KEYS + which));
        if (key == MM_REF_NULL)
            continue;
        if (wiped)
            run = mm_n_key_clear(vm, &key, NULL);
        if (run == MM_RUN_OK)
            run = set(vm, ref, (uint8_t)(MM_OWN_KEYS + which), MM_REF_NULL, false);
    }
    if (run == MM_RUN_OK && m != NULL && CRYPTO_memcmp(m, none, sizeof(none)) != 0)
        run = put_material(vm, ref, 0, none, sizeof(none));
    return run;
}

enum mm_run mm_own_keys_for(struct mm_vm *vm, mm_ref ref, mm_comp caller)
{
    return get(vm, ref, MM_OWN_TELLER) == caller ? MM_RUN_OK : forget_keys(vm, ref, false);
}

static enum mm_run tell_keys(struct mm_vm *vm, mm_ref ref)
{
    mm_comp caller = mm_gp_caller(vm);
    enum mm_run run = mm_own_keys_for(vm, ref, caller);

    return run == MM_RUN_OK ? set(vm, ref, MM_OWN_TELLER, caller, false) : run;
}

/* A key for the commands, or the one for data; those for responses are the commands' (so the text of
 * KEY_USAGE_R_ENC and KEY_USAGE_R_MAC). */
static bool usage_known(uint8_t usage)
{
    uint8_t of_command = usage & (uint8_t)~USAGE_RESPONSE;

    return usage == USAGE_DEK || (of_command >= 1 && of_command < USAGE_DEK);
}

/* setMasterKey(keyBuffer, off, len, type, usage) */
enum mm_run mm_n_scp_set_master_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int type = MM_ARG_BYTE(4), len = MM_ARG_SHORT(3);
    uint8_t usage = (uint8_t)args[5], key[MM_OWN_KEY_LEN] = {0};
    enum mm_key_kind kind = kind_of(vm, args[0]);
    const uint8_t *bytes;
    enum mm_run run;

    (void)ret;
    if ((type != KEY_TYPE_DES && type != KEY_TYPE_AES) || !usage_known(usage))
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[1], MM_ARG_SHORT(2), len, &bytes);
    if (run != MM_RUN_OK)
        return run;
    if ((type == KEY_TYPE_DES) != (kind == MM_KIND_DES) || !length_good(kind, (size_t)len))
        return mm_api_throw_iso(vm, MM_SW_DATA_INVALID);
    if (usage & USAGE_RESPONSE)
        return MM_RUN_OK;
    key[0] = (uint8_t)len;
    memcpy(key + 1, bytes, (size_t)len);
    run = tell_keys(vm, args[0]);
    if (run == MM_RUN_OK)
        run = put_material(vm, args[0], (usage - 1u) * MM_OWN_KEY_LEN, key, sizeof(key));
    if (run == MM_RUN_OK)
        run = set(vm, args[0], (uint8_t)(MM_OWN_KEYS + usage - 1), MM_REF_NULL, false);
    OPENSSL_cleanse(key, sizeof(key));
    return run;
}

/* setMasterKey(kKey, usage): the Key is read when a session begins. */
enum mm_run mm_n_scp_set_master_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    uint8_t usage = (uint8_t)args[2];
    enum mm_key_kind kind = kind_of(vm, args[0]);
    const struct mm_own_session *s = mm_own_session(vm, args[0]);
    struct mm_obj_info info;
    enum mm_run run;

    (void)ret;
    if (args[1] == MM_REF_NULL)
        return mm_api_null(vm);
    if (!usage_known(usage) && usage != USAGE_OPACITY && usage != USAGE_OPACITY_PRIVATE)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    if (!mm_vm_object(vm, args[1], &info) ||
        mm_vm_context_of(vm, info.owner) != mm_vm_context_of(vm, mm_gp_caller(vm)))
        return mm_vm_throw(vm, "java/lang/SecurityException", 0);
    if (!usage_known(usage) || mm_api_key_kind(vm, args[1]) != kind ||
        !length_good(kind, mm_api_key_bits(vm, args[1]) / 8))
        return mm_api_throw_iso(vm, MM_SW_DATA_INVALID);
    if (s != NULL && s->level_told)
        return mm_api_throw_iso(vm, MM_SW_CONDITIONS);
    if (usage & USAGE_RESPONSE)
        return MM_RUN_OK;
    run = tell_keys(vm, args[0]);
    return run == MM_RUN_OK ? set(vm, args[0], (uint8_t)(MM_OWN_KEYS + usage - 1), args[1], false)
                            : run;
}

enum mm_run mm_n_scp_reset_masters(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)ret;
    return forget_keys(vm, args[0], true);
}

/* ---- Not of SCP02 and SCP03 (SecureChannelProvider.TYPE_SCP02, TYPE_SCP03) ---- */
static enum mm_run not_supported(struct mm_vm *vm)
{
    return mm_api_throw_iso(vm, MM_SW_NOT_SUPPORTED);
}

enum mm_run mm_n_scp_set_session_key(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return not_supported(vm);
}

enum mm_run mm_n_scp_set_session_bytes(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return not_supported(vm);
}

enum mm_run mm_n_scp_get_key_reference(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return not_supported(vm);
}

enum mm_run mm_n_scp_get_le(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    (void)args, (void)ret;
    return not_supported(vm);
}

/* ---- setSpecificParameter(param, buffer, off, len) ---- */
enum mm_run mm_n_scp_set_parameter(struct mm_vm *vm, const uint16_t *args, uint16_t *ret)
{
    int param = MM_ARG_SHORT(1), len = MM_ARG_SHORT(4);
    int counter_len = mm_own_protocol(vm, args[0]) == 2 ? 2 : 3;
    int wanted = param == PARAM_DIVERSIFICATION ? MM_SCP_DIV_LEN
                 : param == PARAM_SEQUENCE      ? counter_len
                                                : 1;
    uint8_t value[MM_SCP_DIV_LEN];
    const uint8_t *bytes;
    uint32_t sequence = 0;
    enum mm_run run;

    (void)ret;
    if (param < PARAM_DIVERSIFICATION || param > PARAM_VERSION)
        return mm_api_throw_system(vm, MM_SYSTEM_ILLEGAL_VALUE);
    run = mm_gp_bytes(vm, MM_GP_ACCESSIBLE, args[2], MM_ARG_SHORT(3), len, &bytes);
    if (run != MM_RUN_OK)
        return run;
    if (len != wanted)
        return mm_api_throw_iso(vm, MM_SW_WRONG_DATA);
    memcpy(value, bytes, (size_t)len);
    for (int at = 0; at < len && param == PARAM_SEQUENCE; at++)
        sequence = sequence << 8 | value[at];
    if (param == PARAM_SEQUENCE)
        return set_sequence(vm, args[0], sequence, false);
    return put_material(vm, args[0],
                        param == PARAM_DIVERSIFICATION ? MM_OWN_DIV_OFF : MM_OWN_VERSION_OFF, value,
                        (size_t)len);
}
