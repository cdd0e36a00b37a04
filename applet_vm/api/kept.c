/*
 * What init told a Cipher, Signature or KeyAgreement, kept in the object: a tear or card reset puts
 * the object into the state it was in when previously initialized via init() (class Cipher, class
 * Signature, API 3.0.5). The operation itself is volatile and made again at its next use.
 *
 * Hidden cells: | key, a reference | mode << 8, bytes of the IV | IV, two bytes a cell |
 * KeyAgreement has the first two only. Mode 0: init never succeeded.
 */
#include "applet_vm/api/api_int.h"

#include <string.h>

enum { KEPT_KEY, KEPT_HOW, KEPT_IV, KEPT_CELLS = KEPT_IV + MM_API_IV_MAX / 2 };

struct kept {
    mm_ref key;
    uint8_t mode;
    uint8_t iv_len; /* 0: without */
    uint8_t iv[MM_API_IV_MAX];
};

/* False: the object was never initialised. */
static bool get(struct mm_vm *vm, mm_ref ref, const char *class_name, struct kept *out)
{
    uint16_t how = mm_vm_hidden(vm, ref, class_name, KEPT_HOW);

    out->key = mm_vm_hidden(vm, ref, class_name, KEPT_KEY);
    out->mode = (uint8_t)(how >> 8);
    out->iv_len = (uint8_t)how;
    for (uint8_t i = 0; i < out->iv_len && i < MM_API_IV_MAX; i++) {
        uint16_t cell = mm_vm_hidden(vm, ref, class_name, (uint8_t)(KEPT_IV + i / 2));
        out->iv[i] = (uint8_t)(i % 2 == 0 ? cell >> 8 : cell);
    }
    return out->mode != 0 && out->iv_len <= MM_API_IV_MAX;
}

enum mm_run mm_api_kept_again(struct mm_vm *vm, mm_ref ref, const char *class_name,
                              mm_api_begin begin, struct mm_api_op **op)
{
    struct kept kept;
    enum mm_run run;

    if (!get(vm, ref, class_name, &kept))
        return MM_RUN_OK;
    run = begin(vm, ref, kept.key, kept.mode, kept.iv_len != 0 ? kept.iv : NULL, kept.iv_len);
    if (run == MM_RUN_OK)
        *op = mm_api_op_find(vm, ref);
    return run;
}

/* Write what differs from it; nothing into an object of another class (a OneShot). */
static enum mm_run put(struct mm_vm *vm, const struct mm_api_op *op, const char *class_name,
                       const uint8_t *iv, size_t iv_len)
{
    uint16_t cells[KEPT_CELLS] = {0}, now[KEPT_CELLS];
    uint8_t n = (uint8_t)(KEPT_IV + (iv_len + 1) / 2);

    cells[KEPT_KEY] = op->key;
    cells[KEPT_HOW] = (uint16_t)((unsigned)op->mode << 8 | iv_len);
    for (size_t i = 0; i < iv_len; i++)
        cells[KEPT_IV + i / 2] |= (uint16_t)(i % 2 == 0 ? iv[i] << 8 : iv[i]);
    if (!mm_vm_hidden_get(vm, op->ref, class_name, now, n) || memcmp(now, cells, 2u * n) == 0)
        return MM_RUN_OK;
    return mm_vm_hidden_put(vm, op->ref, class_name, cells, n);
}

enum mm_run mm_api_keep(struct mm_vm *vm, struct mm_api_op *op, const char *class_name,
                        const uint8_t *iv, size_t iv_len)
{
    enum mm_run run = MM_RUN_OK;

    if (op->kept && op->kept_iv_len == iv_len &&
        (iv_len == 0 || memcmp(op->kept_iv, iv, iv_len) == 0))
        return MM_RUN_OK;
    op->kept = false;
    if (iv_len <= MM_API_IV_MAX)
        run = put(vm, op, class_name, iv, iv_len);
    if (run != MM_RUN_OK) {
        mm_api_op_clear(op);
        return run;
    }
    if (iv_len > MM_API_IV_MAX || mm_tx_active(mm_vm_nvm(vm))) /* abort would take it back */
        return MM_RUN_OK;
    op->kept = true;
    op->kept_iv_len = (uint8_t)iv_len;
    if (iv_len != 0)
        memcpy(op->kept_iv, iv, iv_len);
    return MM_RUN_OK;
}
