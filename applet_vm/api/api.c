/* The API's state for one VM, and what its natives share. */
#include "applet_vm/api/api.h"

#include "applet_vm/api/gp_scp_int.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static void release(void *state)
{
    struct mm_api *api = state;

    mm_api_ops_clear(api);
    mm_own_channels_free(api);
    free(api->ops);
    free(api->aids);
    mm_api_evp_release(api);
    mm_buf_clear(&api->apdu.out);
    OPENSSL_cleanse(api, sizeof(*api));
    free(api);
}

/* The object is gone; what its handle stood for must not pass to the next one. */
static void gone(struct mm_vm *vm, mm_ref ref)
{
    struct mm_api_op *op = mm_api_op_find(vm, ref);

    mm_api_aid_gone(mm_api_of(vm), ref);
    mm_own_channel_gone(mm_api_of(vm), ref);
    if (op == NULL)
        return;
    mm_api_op_clear(op);
    op->ref = MM_REF_NULL;
}

enum mm_status mm_api_init(struct mm_vm *vm)
{
    struct mm_api *api = calloc(1, sizeof(*api));

    if (api == NULL)
        return MM_NO_MEMORY;
    api->vm = vm;
    mm_buf_init(&api->apdu.out);
    mm_vm_api_state_set(vm, api, release);
    mm_vm_api_gone_set(vm, gone);
    /* In this order at every power-on: an applet may keep a reference to the secure channel, a
     * permanent entry point, and its handle must stay the same. */
    api->secure_channel = mm_vm_new_entry_point(vm, "mintmark/SecureChannel", false);
    api->global_pin = mm_vm_new_entry_point(vm, "mintmark/GlobalPin", false);
    api->apdu.ref = mm_vm_new_entry_point(vm, "javacard/framework/APDU", true);
    api->apdu.short_buffer = mm_vm_new_global_array(vm, MM_TYPE_BYTE_ARRAY, MM_APDU_BUFFER_LEN);
    api->apdu.long_buffer = mm_vm_new_global_array(vm, MM_TYPE_BYTE_ARRAY, MM_APDU_LONG_BUFFER_LEN);
    api->apdu.buffer = api->apdu.short_buffer;
    api->apdu.extended = mm_vm_class(vm, "javacardx/apdu/ExtendedLength");
    if (api->secure_channel == 0 || api->global_pin == 0 || api->apdu.ref == 0 ||
        api->apdu.short_buffer == 0 || api->apdu.long_buffer == 0)
        return MM_NO_MEMORY;
    return MM_OK;
}

void mm_api_reset(struct mm_vm *vm)
{
    struct mm_api *api = mm_api_of(vm);

    mm_api_ops_clear(api);
    mm_own_channels_end(api);
    mm_api_shots_close(vm);
    mm_buf_clear(&api->apdu.out);
    api->apdu.active = false;
}

/* ---- Throwing ---- */

enum mm_run mm_api_throw_system(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/framework/SystemException", reason);
}

enum mm_run mm_api_throw_crypto(struct mm_vm *vm, uint16_t reason)
{
    return mm_vm_throw(vm, "javacard/security/CryptoException", reason);
}

enum mm_run mm_api_throw_iso(struct mm_vm *vm, uint16_t sw)
{
    return mm_vm_throw(vm, "javacard/framework/ISOException", sw);
}

enum mm_run mm_api_null(struct mm_vm *vm)
{
    return mm_vm_throw(vm, "java/lang/NullPointerException", 0);
}

/* ---- Arrays ---- */

enum mm_run mm_api_room(struct mm_vm *vm, mm_ref array, int32_t off, int32_t n)
{
    const uint8_t *data;

    return mm_vm_bytes(vm, array, off, n, &data);
}

enum mm_run mm_api_put(struct mm_vm *vm, mm_ref array, int32_t off, const uint8_t *data, size_t n)
{
    enum mm_run run = mm_api_room(vm, array, off, (int32_t)n);

    if (run != MM_RUN_OK)
        return run;
    return mm_vm_array_write(vm, array, (uint16_t)off, data, (uint16_t)n, true);
}

enum mm_run mm_api_put_buf(struct mm_vm *vm, mm_ref array, int32_t off, struct mm_buf *buf)
{
    enum mm_run run = buf->bad ? mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM)
                               : mm_api_put(vm, array, off, buf->data, buf->len);

    mm_buf_clear(buf);
    return run;
}

uint8_t *mm_api_in_place(struct mm_vm *vm, mm_ref array, uint16_t off, const uint8_t **data,
                         size_t len, size_t out_len, bool same)
{
    uint8_t *out = mm_vm_bytes_in_place(vm, array, off);

    if (out == NULL || (uintptr_t)out + out_len <= (uintptr_t)*data ||
        (uintptr_t)*data + len <= (uintptr_t)out)
        return out;
    if (!same || out_len != len)
        return NULL;
    if (out != *data)
        memmove(out, *data, len);
    *data = out;
    return out;
}

const uint8_t *mm_api_hidden_bytes(struct mm_vm *vm, mm_ref array, size_t *n)
{
    struct mm_obj_info info;
    const uint8_t *data;

    *n = 0;
    if (array == MM_REF_NULL || !mm_vm_object(vm, array, &info) || info.kind != MM_OBJ_ARRAY ||
        info.array_type > MM_TYPE_BYTE_ARRAY)
        return NULL;
    if (mm_vm_array(vm, array, info.array_type, 0, info.n, &data) != MM_RUN_OK)
        return NULL;
    *n = info.n;
    return data;
}

/* ---- Operations in progress ---- */

/* Not where it was last: look everywhere. */
struct mm_api_op *mm_api_op_search(struct mm_api *api, mm_ref ref)
{
    for (size_t i = 0; i < api->op_n; i++) {
        if (api->ops[i].ref == ref) {
            api->op_at[ref % MM_API_OP_HINTS] = (uint16_t)i;
            return &api->ops[i];
        }
    }
    return NULL;
}

struct mm_api_op *mm_api_op(struct mm_vm *vm, mm_ref ref)
{
    struct mm_api *api = mm_api_of(vm);
    struct mm_api_op *op = mm_api_op_find(vm, ref);

    if (op == NULL)
        op = mm_api_op_find(vm, MM_REF_NULL); /* a free one */
    if (op == NULL) {
        struct mm_api_op *grown = realloc(api->ops, (api->op_n + 8) * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        memset(grown + api->op_n, 0, 8 * sizeof(*grown));
        for (size_t i = 0; i < 8; i++) {
            mm_buf_init(&grown[api->op_n + i].held);
            mm_buf_init(&grown[api->op_n + i].keyed);
        }
        api->ops = grown;
        op = &grown[api->op_n];
        api->op_n += 8;
    }
    op->ref = ref;
    return op;
}

void mm_api_op_clear(struct mm_api_op *op)
{
    mm_ref ref = op->ref;

    EVP_MAC_CTX_free(op->mac);
    mm_api_hmac_free(&op->hmac);
    EVP_MD_CTX_free(op->md);
    mm_api_plain_free(&op->plain);
    EVP_CIPHER_CTX_free(op->cipher);
    EVP_PKEY_CTX_free(op->pctx);
    EVP_PKEY_free(op->pkey);
    mm_buf_clear(&op->held);
    mm_buf_clear(&op->keyed);
    OPENSSL_cleanse(op, sizeof(*op));
    mm_buf_init(&op->held);
    mm_buf_init(&op->keyed);
    op->ref = ref;
}

struct mm_api_op *mm_api_op_new(struct mm_vm *vm, mm_ref ref)
{
    struct mm_api_op *op = mm_api_op(vm, ref);

    if (op != NULL)
        mm_api_op_clear(op);
    return op;
}

void mm_api_ops_clear(struct mm_api *api)
{
    for (size_t i = 0; i < api->op_n; i++) {
        mm_api_op_clear(&api->ops[i]);
        api->ops[i].ref = MM_REF_NULL;
    }
}

enum mm_run mm_api_new_algorithm(struct mm_vm *vm, const char *class_name, const char *state_class,
                                 uint16_t alg, uint16_t *ret)
{
    mm_ref ref = mm_vm_new_instance(vm, class_name);

    if (ref == MM_REF_NULL)
        return mm_api_throw_system(vm, MM_SYSTEM_NO_ROOM);
    ret[0] = ref;
    return mm_vm_hidden_set(vm, ref, state_class, 0, alg, false);
}
